//! Strings as small numbers: span names and dimension values are compared and stored as ids.
//!
//! # Hot path
//!
//! A known string costs one hash and one read lock that is only contended while a new string is added. Names of
//! callsites are interned once per callsite and never looked up again. Bounded: beyond [`CAPACITY`] strings every new
//! one becomes [`OVERFLOW`], whose series then take it.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::sync::{Arc, PoisonError, RwLock};

/// No value.
pub(super) const ABSENT: u32 = 0;
/// A value that came when the interner was full.
pub(super) const OVERFLOW: u32 = u32::MAX;

/// How many distinct strings are kept: at 64 bytes each some 4 MiB, a hundred times the default limit of series.
const CAPACITY: usize = 1 << 16;
/// Bytes kept of one string; a label longer than this helps nobody and could fill the memory.
pub(super) const MAX_BYTES: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Interner {
    strings: RwLock<Strings>,
}

#[derive(Debug, Default)]
struct Strings {
    ids: HashMap<Arc<str>, u32, RandomState>,
    by_id: Vec<Arc<str>>,
}

impl Interner {
    /// The id of `text`, cut to [`MAX_BYTES`] at a character boundary.
    pub(super) fn intern(&self, text: &str) -> u32 {
        let text = cut(text);
        {
            let strings = self.strings.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(&id) = strings.ids.get(text) {
                return id;
            }
        }
        self.add(text)
    }

    #[cold]
    fn add(&self, text: &str) -> u32 {
        let mut strings = self.strings.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(&id) = strings.ids.get(text) {
            return id;
        }
        if strings.by_id.len() == CAPACITY {
            return OVERFLOW;
        }
        let text: Arc<str> = text.into();
        strings.by_id.push(text.clone());
        // Ids start at 1, so that 0 can say "absent".
        let id = strings.by_id.len() as u32;
        strings.ids.insert(text, id);
        id
    }

    /// The string behind an id, unless it is [`ABSENT`] or [`OVERFLOW`].
    pub(super) fn get(&self, id: u32) -> Option<Arc<str>> {
        let strings = self.strings.read().unwrap_or_else(PoisonError::into_inner);
        strings.by_id.get((id as usize).checked_sub(1)?).cloned()
    }
}

/// The longest beginning within [`MAX_BYTES`] that ends between two characters.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_string_has_the_same_id_and_leads_back() {
        let interner = Interner::default();
        let id = interner.intern("a");
        assert_eq!(interner.intern("a"), id);
        assert_ne!(interner.intern("b"), id);
        assert_eq!(interner.get(id).as_deref(), Some("a"));
        assert_eq!(interner.get(ABSENT), None);
    }

    #[test]
    fn a_full_interner_keeps_what_it_has_and_overflows_the_rest() {
        let interner = Interner::default();
        for n in 0..CAPACITY {
            interner.intern(&n.to_string());
        }
        assert_eq!(interner.intern("one more"), OVERFLOW);
        assert_eq!(interner.get(interner.intern("7")).as_deref(), Some("7"));
    }

    #[test]
    fn long_strings_are_cut_at_a_character() {
        let interner = Interner::default();
        let id = interner.intern(&"é".repeat(MAX_BYTES));
        let kept = interner.get(id).expect("an id");
        assert!(kept.len() <= MAX_BYTES && kept.chars().all(|c| c == 'é'));
    }
}
