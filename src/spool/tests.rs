//! Rules of a spool, each in a folder of its own.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// A folder that is gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let made = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("spanwise-spool-{}-{made}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn options(&self) -> Options {
        Options {
            directory: self.0.clone(),
            name: "traces-0".to_owned(),
            encoding: "test".to_owned(),
            bytes: 1 << 20,
            age: Duration::from_secs(60),
        }
    }

    fn open(&self) -> (Spool, Found) {
        Spool::open(self.options(), now()).expect("a folder that can be written")
    }

    /// Segments on disk, oldest first.
    fn segments(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.0.join("traces-0-0")).expect("a spool");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        let mut paths: Vec<_> = paths
            .filter(|path| segment::number(path).is_some())
            .collect();
        paths.sort();
        paths
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_000_000)
}

fn fill(spool: &mut Spool, batches: std::ops::Range<u8>) {
    for batch in batches {
        spool.append(&[batch; 100], 10, now()).expect("room");
    }
}

/// Everything in it, by the first byte of each batch.
fn drain(spool: &mut Spool) -> Vec<u8> {
    let mut batches = Vec::new();
    while let Some(record) = spool.front(now()).record {
        batches.push(record.payload[0]);
        spool.pop().expect("a folder that can be written");
    }
    batches
}

/// Changes the bytes of a file.
fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).expect("a file");
    change(&mut bytes);
    fs::write(path, bytes).expect("a file");
}

#[test]
fn batches_come_back_in_order_in_the_next_process_too() {
    let folder = Folder::new();
    let (mut spool, _) = folder.open();
    fill(&mut spool, 0..3);
    drop(spool);
    let (mut spool, found) = folder.open();
    assert_eq!(found.items, 30);
    fill(&mut spool, 3..5);
    assert_eq!(drain(&mut spool), [0, 1, 2, 3, 4]);
    assert_eq!((spool.items(), folder.segments().len()), (0, 0));
}

#[test]
fn what_was_sent_is_not_found_again() {
    let folder = Folder::new();
    let (mut spool, _) = folder.open();
    fill(&mut spool, 0..3);
    spool.front(now());
    spool.pop().expect("a folder that can be written");
    drop(spool);
    let (mut spool, found) = folder.open();
    assert_eq!(found.items, 20);
    assert_eq!(drain(&mut spool), [1, 2]);
    fill(&mut spool, 3..4);
    drop(spool);
    assert_eq!(drain(&mut folder.open().0), [3]);
}

#[test]
fn a_batch_that_was_not_removed_comes_again() {
    let folder = Folder::new();
    let (mut spool, _) = folder.open();
    fill(&mut spool, 0..2);
    let first = spool.front(now());
    assert_eq!(spool.front(now()), first);
}

#[test]
fn a_position_that_cannot_be_read_loses_nothing() {
    let folder = Folder::new();
    let (mut spool, _) = folder.open();
    fill(&mut spool, 0..3);
    spool.front(now());
    spool.pop().expect("a folder that can be written");
    let position = spool.folder().join(POSITION);
    drop(spool);
    edit(&position, |bytes| bytes[0] ^= 1);
    assert_eq!(drain(&mut folder.open().0), [0, 1, 2]);
}

#[test]
fn a_torn_file_loses_its_tail_only() {
    let folder = Folder::new();
    let (mut spool, _) = folder.open();
    fill(&mut spool, 0..3);
    drop(spool);
    let whole = fs::read(&folder.segments()[0]).expect("a segment");
    let header = segment::header("test").len();
    let record = (whole.len() - header) / 3;
    for length in 0..whole.len() {
        let again = Folder::new();
        let path = again.0.join("traces-0-0");
        fs::create_dir_all(&path).expect("a folder");
        fs::write(segment::path(&path, 0), &whole[..length]).expect("a file");
        let (mut spool, found) = again.open();
        let left = length.saturating_sub(header) / record;
        let is_whole = length == header + left * record;
        assert_eq!(found.items, 10 * left as u64, "{length}");
        assert_eq!(found.torn > 0, !is_whole && length > 0, "{length}");
        // Whatever comes after is read.
        fill(&mut spool, 9..10);
        let mut expected: Vec<u8> = (0..left as u8).collect();
        expected.push(9);
        assert_eq!(drain(&mut spool), expected, "{length}");
    }
}

#[test]
fn a_wrong_checksum_ends_its_segment_and_no_other() {
    let folder = Folder::new();
    for batches in [0..3, 3..5] {
        fill(&mut folder.open().0, batches);
    }
    let header = segment::header("test").len();
    // In the batch of the second record.
    edit(&folder.segments()[0], |bytes| bytes[header + 124 + 50] ^= 1);
    let (mut spool, found) = folder.open();
    assert_eq!((found.items, found.torn), (30, 1));
    assert_eq!(drain(&mut spool), [0, 3, 4]);
}

#[test]
fn damage_that_comes_later_is_counted() {
    let folder = Folder::new();
    let (mut spool, _) = folder.open();
    fill(&mut spool, 0..2);
    edit(&folder.segments()[0], |bytes| {
        *bytes.last_mut().expect("bytes") ^= 1
    });
    spool.front(now());
    spool.pop().expect("a folder that can be written");
    let front = spool.front(now());
    assert_eq!((front.record, front.damaged), (None, 10));
    assert_eq!(spool.items(), 0);
}

#[test]
fn other_versions_and_encodings_are_left_alone() {
    let folder = Folder::new();
    fill(&mut folder.open().0, 0..1);
    let of_version = folder.segments()[0].clone();
    edit(&of_version, |bytes| bytes[8] = 2);
    let other = Options {
        encoding: "other".to_owned(),
        ..folder.options()
    };
    // Files are as old as the system clock says.
    let today = SystemTime::now();
    let (mut spool, _) = Spool::open(other, today).expect("a folder that can be written");
    spool.append(&[1], 10, today).expect("room");
    drop(spool);
    let before: Vec<_> = folder
        .segments()
        .iter()
        .map(fs::read)
        .map(Result::ok)
        .collect();
    let (mut spool, found) = Spool::open(folder.options(), today).expect("a folder");
    assert_eq!((found.items, found.foreign), (0, 2));
    fill(&mut spool, 7..8);
    assert_eq!(drain(&mut spool), [7]);
    let after: Vec<_> = folder
        .segments()
        .iter()
        .map(fs::read)
        .map(Result::ok)
        .collect();
    assert_eq!(before, after);
    drop(spool);
    let later = today + Duration::from_secs(120);
    let (_, found) = Spool::open(folder.options(), later).expect("a folder");
    assert_eq!((found.foreign, found.expired), (0, 2));
}

#[test]
fn a_full_spool_refuses_and_takes_more_once_a_segment_is_sent() {
    let folder = Folder::new();
    let options = Options {
        bytes: 10_000,
        ..folder.options()
    };
    let (mut spool, _) = Spool::open(options, now()).expect("a folder");
    let mut taken = 0;
    while spool.append(&[taken; 100], 1, now()).is_ok() {
        taken += 1;
    }
    let on_disk: u64 = folder
        .segments()
        .iter()
        .map(|path| fs::metadata(path).expect("a file").len())
        .sum();
    assert!((9_000..=10_000).contains(&on_disk), "{on_disk}");
    for _ in 0..12 {
        spool.front(now());
        spool.pop().expect("a folder that can be written");
    }
    spool.append(&[taken; 100], 1, now()).expect("room");
    assert_eq!(drain(&mut spool), (12..=taken).collect::<Vec<_>>());
}

#[test]
fn what_is_too_old_is_deleted_and_counted() {
    let folder = Folder::new();
    fill(&mut folder.open().0, 0..2);
    let (mut spool, _) = folder.open();
    let later = now() + Duration::from_secs(61);
    spool.append(&[9], 1, later).expect("room");
    let front = spool.front(later);
    assert_eq!(front.expired, 20);
    assert_eq!(front.record.map(|record| record.payload), Some(vec![9]));
    assert_eq!(folder.segments().len(), 1);
}

#[test]
fn two_at_once_do_not_share_a_spool() {
    let folder = Folder::new();
    let (mut first, _) = folder.open();
    fill(&mut first, 0..1);
    let (second, found) = folder.open();
    assert_ne!(first.folder(), second.folder());
    assert_eq!(found.items, 0);
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error() {
    let folder = Folder::new();
    fs::write(&folder.0, "a file").expect("a file");
    Spool::open(folder.options(), now()).expect_err("no folder below a file");
    let _ = fs::remove_file(&folder.0);
}
