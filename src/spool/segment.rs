//! The bytes of a segment. Numbers are little-endian.
//!
//! | header | bytes |
//! |---|---|
//! | `spanwise` | 8 |
//! | version of the format, 1 | 4 |
//! | length of the encoding's name | 4 |
//! | the encoding's name | as many |
//! | CRC-32 of all that | 4 |
//!
//! | record | bytes |
//! |---|---|
//! | length of the batch | 4 |
//! | milliseconds since 1970 when it was written | 8 |
//! | items in the batch | 8 |
//! | CRC-32 of the rest of the record | 4 |
//! | the batch | as many |

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"spanwise";
const VERSION: u32 = 1;
/// Bytes of a record before its batch.
const RECORD: usize = 24;
const EXTENSION: &str = "segment";

/// A file of batches, as far as it can be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) number: u64,
    /// Where the first record begins that was not sent.
    pub(super) start: u64,
    /// Where the last one ends.
    pub(super) bytes: u64,
    /// Items between the two.
    pub(super) items: u64,
    /// When the last one was written.
    pub(super) newest: u64,
}

/// One batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) payload: Vec<u8>,
    pub(crate) items: u64,
    written: u64,
}

impl Record {
    /// Bytes in the file.
    pub(super) fn size(&self) -> u64 {
        (RECORD + self.payload.len()) as u64
    }
}

impl Segment {
    pub(super) fn new(number: u64, header: u64) -> Self {
        Self {
            number,
            start: header,
            bytes: header,
            items: 0,
            newest: 0,
        }
    }

    /// The first record that was not sent.
    pub(super) fn read(&self, folder: &Path) -> io::Result<Record> {
        let mut file = File::open(path(folder, self.number))?;
        file.seek(SeekFrom::Start(self.start))?;
        read_record(&mut file, self.bytes.saturating_sub(self.start))?.ok_or_else(damaged)
    }
}

pub(super) fn path(folder: &Path, number: u64) -> PathBuf {
    // As many digits as any number has: names sort like numbers.
    folder.join(format!("{number:020}.{EXTENSION}"))
}

/// The number of a segment, if it is one.
pub(super) fn number(path: &Path) -> Option<u64> {
    if path.extension()? != EXTENSION {
        return None;
    }
    path.file_stem()?.to_str()?.parse().ok()
}

pub(super) fn header(encoding: &str) -> Vec<u8> {
    let mut header = MAGIC.to_vec();
    header.extend(VERSION.to_le_bytes());
    header.extend((encoding.len() as u32).to_le_bytes());
    header.extend_from_slice(encoding.as_bytes());
    header.extend(crc32fast::hash(&header).to_le_bytes());
    header
}

/// A record, unless a batch of 4 GiB is too long for one.
pub(super) fn record(payload: &[u8], items: u64, written: u64) -> Option<Vec<u8>> {
    let mut record = Vec::with_capacity(RECORD + payload.len());
    record.extend(u32::try_from(payload.len()).ok()?.to_le_bytes());
    record.extend(written.to_le_bytes());
    record.extend(items.to_le_bytes());
    record.extend(checksum(&record, payload).to_le_bytes());
    record.extend_from_slice(payload);
    Some(record)
}

/// All that can be read of a segment behind `start`, and whether something follows that cannot; `None` if it has another
/// header.
pub(super) fn scan(
    path: &Path,
    number: u64,
    start: u64,
    encoding: &str,
) -> io::Result<Option<(Segment, bool)>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut file = BufReader::new(file);
    let expected = header(encoding);
    let mut found = vec![
        0;
        expected
            .len()
            .min(usize::try_from(length).unwrap_or(usize::MAX))
    ];
    file.read_exact(&mut found)?;
    if found != expected {
        // A header that was cut off has nothing behind it.
        let is_torn = expected.starts_with(&found);
        return Ok(is_torn.then(|| (Segment::new(number, length), length > 0)));
    }
    let mut segment = Segment::new(number, expected.len() as u64);
    segment.start = segment.start.max(start);
    while let Some(record) = read_record(&mut file, length - segment.bytes)? {
        if segment.bytes >= segment.start {
            segment.items += record.items;
        }
        segment.bytes += record.size();
        segment.newest = record.written;
    }
    segment.start = segment.start.min(segment.bytes);
    let is_torn = segment.bytes < length;
    Ok(Some((segment, is_torn)))
}

/// The next record, if there is one that is whole in the `left` bytes.
fn read_record(file: &mut impl Read, left: u64) -> io::Result<Option<Record>> {
    let mut head = [0; RECORD];
    if left < RECORD as u64 {
        return Ok(None);
    }
    file.read_exact(&mut head)?;
    let length = u64::from(u32::from_le_bytes(part(&head, 0)));
    if length > left - RECORD as u64 {
        return Ok(None);
    }
    let mut payload = vec![0; usize::try_from(length).map_err(|_| damaged())?];
    file.read_exact(&mut payload)?;
    if checksum(&head[..20], &payload) != u32::from_le_bytes(part(&head, 20)) {
        return Ok(None);
    }
    Ok(Some(Record {
        payload,
        items: u64::from_le_bytes(part(&head, 12)),
        written: u64::from_le_bytes(part(&head, 4)),
    }))
}

pub(super) fn position(number: u64, offset: u64) -> Vec<u8> {
    let mut position = number.to_le_bytes().to_vec();
    position.extend(offset.to_le_bytes());
    position.extend(crc32fast::hash(&position).to_le_bytes());
    position
}

pub(super) fn read_position(bytes: &[u8]) -> Option<(u64, u64)> {
    let bytes: &[u8; 20] = bytes.try_into().ok()?;
    let is_whole = crc32fast::hash(&bytes[..16]) == u32::from_le_bytes(part(bytes, 16));
    is_whole.then(|| {
        (
            u64::from_le_bytes(part(bytes, 0)),
            u64::from_le_bytes(part(bytes, 8)),
        )
    })
}

fn checksum(head: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(payload);
    hasher.finalize()
}

/// The `N` bytes from `at`, which is inside.
fn part<const N: usize, const M: usize>(bytes: &[u8; M], at: usize) -> [u8; N] {
    std::array::from_fn(|index| bytes[at + index])
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the record is damaged")
}
