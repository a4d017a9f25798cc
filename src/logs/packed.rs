//! Fields of open spans, kept in a few words each until a line wants them.
//!
//! # Hot path
//!
//! Most spans close without a line inside. So their fields are neither formatted nor given memory of their own: they are
//! packed into a place of a table that is there already, by plain stores, and unpacked when a line is written. What does
//! not fit, long texts or many fields, goes the slow way: the caller keeps it elsewhere.

use std::fmt::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::Metadata;
use tracing::field::{Field, Visit};
use tracing::span::Attributes;

use super::fields::{Fields, Value};
use crate::span_table::SpanTable;

/// Words a span: with the key of its place two cache lines.
const WORDS: usize = 14;
const BYTES: usize = WORDS * 8;

/// The fields of all open spans that fit.
#[derive(Debug)]
pub(crate) struct PackedFields {
    spans: SpanTable<Packed>,
}

/// How many bytes are used, and the bytes.
#[derive(Debug, Default)]
struct Packed {
    len: AtomicU64,
    words: [AtomicU64; WORDS],
}

impl PackedFields {
    pub(crate) fn new() -> Self {
        Self {
            spans: SpanTable::new(),
        }
    }

    /// Keeps the fields of a new span; `false` if they do not fit.
    pub(crate) fn open(&self, id: u64, attributes: &Attributes<'_>) -> bool {
        let mut packer = Packer::default();
        // Before a place is taken: this calls the application's `Debug`.
        attributes.record(&mut packer);
        !packer.full && self.spans.open(id, |packed| packed.store(&packer))
    }

    /// The fields of an open span, if they are here.
    pub(crate) fn get(&self, id: u64, metadata: &Metadata<'static>) -> Option<Fields> {
        self.spans.with(id, |packed| packed.load(metadata))
    }

    /// Forgets a span.
    pub(crate) fn close(&self, id: u64) {
        self.spans.close(id, |_| ());
    }
}

impl Packed {
    fn store(&self, packer: &Packer) {
        // Relaxed: who reads got the span's id from the thread that opened it.
        self.len.store(packer.len as u64, Ordering::Relaxed);
        let used = packer.bytes[..packer.len.next_multiple_of(8)].chunks_exact(8);
        for (word, bytes) in self.words.iter().zip(used) {
            let bytes = bytes.try_into().unwrap_or_default();
            word.store(u64::from_le_bytes(bytes), Ordering::Relaxed);
        }
    }

    fn load(&self, metadata: &Metadata<'static>) -> Fields {
        let mut bytes = [0; BYTES];
        for (bytes, word) in bytes.chunks_exact_mut(8).zip(&self.words) {
            bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
        }
        let len = self.len.load(Ordering::Relaxed) as usize;
        let mut fields = Fields::default();
        let mut rest = &bytes[..len.min(BYTES)];
        while let Some((index, value)) = unpack(&mut rest) {
            if let Some(field) = metadata.fields().iter().nth(index) {
                fields.set(field.name(), value);
            }
        }
        fields
    }
}

/// What stands behind the index of a field.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Tag {
    Bool = 0,
    I64 = 1,
    U64 = 2,
    F64 = 3,
    Text = 4,
}

/// Packs values one behind the other: index, tag, and eight bytes, or a length and a text.
struct Packer {
    bytes: [u8; BYTES],
    len: usize,
    full: bool,
}

impl Default for Packer {
    fn default() -> Self {
        Self {
            bytes: [0; BYTES],
            len: 0,
            full: false,
        }
    }
}

impl Packer {
    fn push(&mut self, bytes: &[u8]) {
        match self.bytes.get_mut(self.len..self.len + bytes.len()) {
            Some(place) => {
                place.copy_from_slice(bytes);
                self.len += bytes.len();
            }
            None => self.full = true,
        }
    }

    fn number(&mut self, field: &Field, tag: Tag, bits: u64) {
        self.start(field, tag);
        self.push(&bits.to_le_bytes());
    }

    /// An index beyond a byte counts as not fitting.
    fn start(&mut self, field: &Field, tag: Tag) {
        match u8::try_from(field.index()) {
            Ok(index) => self.push(&[index, tag as u8]),
            Err(_) => self.full = true,
        }
    }

    fn text(&mut self, field: &Field, write: impl FnOnce(&mut Self)) {
        self.start(field, Tag::Text);
        let length_at = self.len;
        self.push(&[0]);
        write(self);
        if !self.full {
            // No text is longer than the whole buffer, whose length fits a byte.
            self.bytes[length_at] = (self.len - length_at - 1) as u8;
        }
    }
}

impl Write for Packer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

impl Visit for Packer {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.number(field, Tag::Bool, u64::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, Tag::I64, value.cast_unsigned());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field, Tag::U64, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.number(field, Tag::F64, value.to_bits());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, |packer| packer.push(value.as_bytes()));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        // Causes and all: what `Fields` makes of it.
        let text = super::fields::error_text(value);
        self.text(field, |packer| packer.push(text.as_bytes()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, |packer| {
            // Writing into the packer cannot fail; a value that does fails as it would in a line.
            let _ = write!(packer, "{value:?}");
        });
    }
}

/// Takes the next value off; `None` at the end.
fn unpack(rest: &mut &[u8]) -> Option<(usize, Value)> {
    let (&[index, tag], behind) = rest.split_first_chunk()?;
    let (value, behind) = if tag == Tag::Text as u8 {
        let (&length, behind) = behind.split_first()?;
        let (text, behind) = behind.split_at_checked(length.into())?;
        (
            Value::Text(String::from_utf8_lossy(text).into_owned()),
            behind,
        )
    } else {
        let (bits, behind) = behind.split_first_chunk()?;
        let bits = u64::from_le_bytes(*bits);
        let value = match tag {
            0 => Value::Bool(bits != 0),
            1 => Value::I64(bits.cast_signed()),
            2 => Value::U64(bits),
            _ => Value::F64(f64::from_bits(bits)),
        };
        (value, behind)
    };
    *rest = behind;
    Some((index.into(), value))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tracing::span::Id;
    use tracing_subscriber::Layer;
    use tracing_subscriber::layer::{Context, SubscriberExt};
    use tracing_subscriber::registry::{LookupSpan, Registry};

    use super::*;

    /// What became of each span: unpacked fields, or `None` if they did not fit, beside the fields as they were.
    type Seen = Vec<(Option<String>, String)>;

    struct Probe<'a>(&'static PackedFields, &'a Mutex<Seen>);

    impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Probe<'static> {
        fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
            let mut expected = Fields::default();
            attributes.record(&mut expected);
            let fits = self.0.open(id.into_u64(), attributes);
            let unpacked = self.0.get(id.into_u64(), attributes.metadata());
            assert_eq!(fits, unpacked.is_some());
            self.0.close(id.into_u64());
            assert!(self.0.get(id.into_u64(), attributes.metadata()).is_none());
            let shown = |fields: &Fields| format!("{fields:?}");
            self.1
                .lock()
                .unwrap()
                .push((unpacked.as_ref().map(shown), shown(&expected)));
        }
    }

    fn seen(spans: impl FnOnce()) -> Seen {
        let packed: &'static PackedFields = Box::leak(Box::new(PackedFields::new()));
        let seen: &'static Mutex<Seen> = Box::leak(Box::default());
        tracing::subscriber::with_default(Registry::default().with(Probe(packed, seen)), spans);
        std::mem::take(&mut *seen.lock().unwrap())
    }

    #[test]
    fn fields_come_back_as_they_were_recorded() {
        let error = std::io::Error::other("disk full");
        let error: &(dyn std::error::Error + 'static) = &error;
        let seen = seen(|| {
            tracing::info_span!(
                "a",
                text = "héllo",
                empty = "",
                number = -7_i64,
                big = u64::MAX,
                share = 0.5,
                yes = true
            );
            tracing::info_span!("b", shown = ?Some("x"), late = tracing::field::Empty, error);
        });
        assert_eq!(seen.len(), 2);
        for (unpacked, expected) in seen {
            assert_eq!(unpacked.as_deref(), Some(expected.as_str()));
        }
    }

    #[test]
    fn what_does_not_fit_is_left_to_the_caller() {
        let long = "x".repeat(BYTES);
        let seen = seen(|| {
            tracing::info_span!("a", short = "y", long);
            tracing::info_span!("b", fits = "y".repeat(BYTES - 3));
            tracing::info_span!("c", too_long = "y".repeat(BYTES - 2));
        });
        let fits: Vec<bool> = seen
            .iter()
            .map(|(unpacked, _)| unpacked.is_some())
            .collect();
        assert_eq!(fits, [false, true, false]);
    }
}
