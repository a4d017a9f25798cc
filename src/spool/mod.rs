//! Batches on disk: what nobody takes during an outage waits there, also for the next process.
//!
//! One [`Spool`] holds the encoded batches of one exporter, first in, first out. It is plain blocking code over files and
//! knows nothing of what is in a batch; who calls it does so on a thread that may wait.
//!
//! # Files
//!
//! A spool is a folder, `<directory>/<name>-<slot>`. The slot is the first whose `lock` no other process holds: processes
//! that share a directory do not share a spool, and what one leaves behind is sent by the next that takes its slot. Inside,
//!
//! - `<number>.segment`, oldest first: a header, then records ([`segment`] has the bytes). Only the newest is written to.
//! - `position`: number and offset of the first record that was not sent, with a CRC-32. A position that cannot be read
//!   counts as none: batches may then arrive twice, and none is lost.
//!
//! A segment whose records were all sent is deleted.
//!
//! # Promises
//!
//! - A batch that [`append`](Spool::append) took survives the end of the process, however it ends. The operating system is
//!   told to write it through when its segment is complete and not for each batch, so a machine that loses power can lose
//!   the latest segment.
//! - A record that is cut off or altered ends its segment; segments before and behind it are not touched.
//! - A segment of another version, or with batches in another encoding, is neither read nor changed until it is too old.
//! - The files take at most [`Options::bytes`]. A full spool refuses what comes next, and what is in it stays.
//! - A segment whose newest batch is older than [`Options::age`] is deleted.

mod segment;

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) use self::segment::Record;
use self::segment::Segment;

/// Processes that can share a directory; each holds a lock and, in an outage, its own bytes.
const SLOTS: u32 = 64;
/// Complete segments that a full spool is made of, about: so much of it comes free at once.
const SEGMENTS: u64 = 8;
/// A larger segment would only be deleted later.
const LARGEST_SEGMENT: u64 = 8 << 20;

/// Which spool, and how much it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    /// Where spools are.
    pub(crate) directory: PathBuf,
    /// The exporter's name among those that use the directory.
    pub(crate) name: String,
    /// How batches are encoded: others are not read.
    pub(crate) encoding: String,
    /// Bytes on disk at most.
    pub(crate) bytes: u64,
    /// How long a batch is worth keeping.
    pub(crate) age: Duration,
}

/// Why a batch was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("it is full")]
    Full,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What [`Spool::open`] found.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    /// Items that can be sent.
    pub(crate) items: u64,
    /// Segments that end in something that cannot be read.
    pub(crate) torn: u64,
    /// Segments of another version or encoding.
    pub(crate) foreign: u64,
    /// Foreign segments that were deleted because they were too old.
    pub(crate) expired: u64,
}

impl Found {
    /// What is wrong with it, in words.
    pub(crate) fn complaints(self) -> impl Iterator<Item = String> {
        let all = [
            (
                self.torn,
                "files are cut off or damaged; what follows the damage is lost",
            ),
            (
                self.foreign,
                "files are of another version, OTLP protocol or compression; they are left alone until they are too old",
            ),
            (
                self.expired,
                "files of another version, OTLP protocol or compression were too old and are deleted",
            ),
        ];
        let some = all.into_iter().filter(|(count, _)| *count > 0);
        some.map(|(count, words)| format!("{count} {words}"))
    }
}

/// The oldest batch, and what was lost on the way to it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Front {
    pub(crate) record: Option<Record>,
    /// Items that were too old.
    pub(crate) expired: u64,
    /// Items that could not be read any more.
    pub(crate) damaged: u64,
}

/// Batches on disk.
#[derive(Debug)]
pub(crate) struct Spool {
    options: Options,
    folder: PathBuf,
    /// Held as long as the spool is used.
    _lock: File,
    /// Oldest first.
    segments: VecDeque<Segment>,
    foreign_bytes: u64,
    /// The newest segment, while it can be written to.
    writer: Option<File>,
    next: u64,
    /// Size and items of the record that [`front`](Self::front) gave.
    lent: Option<(u64, u64)>,
}

impl Spool {
    /// Takes the first spool of that name that nobody uses, and looks at all that is in it.
    pub(crate) fn open(options: Options, now: SystemTime) -> io::Result<(Self, Found)> {
        let (folder, lock) = claim(&options)?;
        let mut spool = Self {
            options,
            folder,
            _lock: lock,
            segments: VecDeque::new(),
            foreign_bytes: 0,
            writer: None,
            next: 0,
            lent: None,
        };
        let found = spool.look(now)?;
        Ok((spool, found))
    }

    /// Where it is.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Items in it.
    pub(crate) fn items(&self) -> u64 {
        self.segments.iter().map(|segment| segment.items).sum()
    }

    /// Adds a batch behind all others; one that is refused leaves nothing behind.
    pub(crate) fn append(
        &mut self,
        payload: &[u8],
        items: u64,
        now: SystemTime,
    ) -> Result<(), Refused> {
        let record = segment::record(payload, items, millis(now)).ok_or(Refused::Full)?;
        let size = record.len() as u64;
        let is_complete = |segment: &Segment| segment.bytes >= self.segment_size();
        if self.writer.is_none() || self.segments.back().is_none_or(is_complete) {
            let header = segment::header(&self.options.encoding);
            self.check_room(header.len() as u64 + size)?;
            self.start_segment(&header)?;
        } else {
            self.check_room(size)?;
        }
        let (Some(writer), Some(segment)) = (&mut self.writer, self.segments.back_mut()) else {
            return Err(Refused::Full);
        };
        if let Err(error) = writer.write_all(&record) {
            if writer.set_len(segment.bytes).is_err() {
                // What is written behind a torn record is never read.
                self.writer = None;
            }
            return Err(error.into());
        }
        segment.bytes += size;
        segment.items += items;
        segment.newest = millis(now);
        Ok(())
    }

    /// The oldest batch, which stays until it is [removed](Self::pop).
    pub(crate) fn front(&mut self, now: SystemTime) -> Front {
        let mut front = Front::default();
        self.lent = None;
        let oldest = millis(now).saturating_sub(whole_millis(self.options.age));
        while let Some(segment) = self.segments.front() {
            if segment.newest < oldest {
                front.expired += segment.items;
            } else if segment.items > 0 {
                match segment.read(&self.folder) {
                    Ok(record) => {
                        self.lent = Some((record.size(), record.items));
                        front.record = Some(record);
                        return front;
                    }
                    Err(_) => front.damaged += segment.items,
                }
            }
            self.remove_segment();
        }
        front
    }

    /// Removes the batch that [`front`](Self::front) gave. In this process it is gone even if that cannot be written.
    pub(crate) fn pop(&mut self) -> io::Result<()> {
        let (Some((size, items)), Some(segment)) = (self.lent.take(), self.segments.front_mut())
        else {
            return Ok(());
        };
        segment.start += size;
        segment.items = segment.items.saturating_sub(items);
        let position = segment::position(segment.number, segment.start);
        let is_empty = segment.start >= segment.bytes;
        let written = open(&self.folder.join(POSITION), |options| {
            options.write(true).create(true)
        })
        .and_then(|mut file| file.write_all(&position));
        if is_empty {
            self.remove_segment();
        }
        written
    }

    /// Has the operating system write through what is in memory.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.writer.as_ref().map_or(Ok(()), File::sync_data)
    }

    fn look(&mut self, now: SystemTime) -> io::Result<Found> {
        let mut found = Found::default();
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            numbers.extend(segment::number(&entry?.path()));
        }
        numbers.sort_unstable();
        self.next = numbers.last().map_or(0, |last| last + 1);
        let sent = fs::read(self.folder.join(POSITION)).ok();
        let (sent_number, sent_offset) = sent
            .and_then(|bytes| segment::read_position(&bytes))
            .unwrap_or_default();
        // A number that was sent is never used again, also when its segment is gone.
        self.next = self.next.max(sent_number + 1);
        for number in numbers {
            let path = segment::path(&self.folder, number);
            let start = if number == sent_number {
                sent_offset
            } else {
                0
            };
            match segment::scan(&path, number, start, &self.options.encoding)? {
                Some(_) if number < sent_number => fs::remove_file(path)?,
                Some((segment, is_torn)) => {
                    found.torn += u64::from(is_torn);
                    found.items += segment.items;
                    if segment.items == 0 {
                        fs::remove_file(path)?;
                    } else {
                        self.segments.push_back(segment);
                    }
                }
                None => {
                    let data = fs::metadata(&path)?;
                    let age = data.modified().map(|then| now.duration_since(then));
                    if matches!(age, Ok(Ok(age)) if age > self.options.age) {
                        fs::remove_file(path)?;
                        found.expired += 1;
                    } else {
                        self.foreign_bytes += data.len();
                        found.foreign += 1;
                    }
                }
            }
        }
        Ok(found)
    }

    fn check_room(&self, more: u64) -> Result<(), Refused> {
        let own: u64 = self.segments.iter().map(|segment| segment.bytes).sum();
        if own + self.foreign_bytes + more > self.options.bytes {
            return Err(Refused::Full);
        }
        Ok(())
    }

    fn segment_size(&self) -> u64 {
        (self.options.bytes / SEGMENTS).min(LARGEST_SEGMENT)
    }

    fn start_segment(&mut self, header: &[u8]) -> io::Result<()> {
        if let Some(complete) = self.writer.take() {
            complete.sync_data()?;
        }
        let path = segment::path(&self.folder, self.next);
        let mut file = open(&path, |options| options.append(true).create_new(true))?;
        if let Err(error) = file.write_all(header) {
            // An empty segment does no harm if it cannot be deleted either.
            let _ = fs::remove_file(path);
            return Err(error);
        }
        self.segments
            .push_back(Segment::new(self.next, header.len() as u64));
        self.next += 1;
        self.writer = Some(file);
        Ok(())
    }

    /// Forgets the oldest segment.
    fn remove_segment(&mut self) {
        if let Some(segment) = self.segments.pop_front() {
            // What cannot be deleted now is behind the position, or too old, or unreadable at the next start, too.
            let _ = fs::remove_file(segment::path(&self.folder, segment.number));
        }
        if self.segments.is_empty() {
            self.writer = None;
        }
    }
}

const POSITION: &str = "position";

/// The first slot that nobody uses, locked.
fn claim(options: &Options) -> io::Result<(PathBuf, File)> {
    for slot in 0..SLOTS {
        let folder = options.directory.join(format!("{}-{slot}", options.name));
        create_folder(&folder)?;
        let lock = open(&folder.join("lock"), |options| {
            options.write(true).create(true)
        })?;
        match fs4::FileExt::try_lock(&lock) {
            Ok(()) => return Ok((folder, lock)),
            Err(fs4::TryLockError::WouldBlock) => {}
            Err(fs4::TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(io::Error::other(format!(
        "{SLOTS} processes use this directory already"
    )))
}

/// For nobody else to read: what is in a span is nobody else's business.
fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn open(path: &Path, how: impl Fn(&mut OpenOptions) -> &mut OpenOptions) -> io::Result<File> {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    how(&mut options).open(path)
}

fn millis(time: SystemTime) -> u64 {
    whole_millis(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
