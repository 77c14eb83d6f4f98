//! What is written is read again; whatever else stands in the folder is not.

use super::*;

/// A folder that is removed at the end of a test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("usage-ledger-snapshots-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn snapshots(&self) -> Snapshots {
        Snapshots { folder: self.0.clone(), build: Hash::of(b"build"), after: 1 }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

type Value = (u64, String, Vec<i128>);

fn value(number: u64) -> Value {
    (number, "what a log folds to".to_owned(), vec![i128::MIN, -1, 0, i128::MAX])
}

/// The values that are offered, in their order, if each is refused.
fn offered(snapshots: &Snapshots) -> Vec<Value> {
    let mut offered = Vec::new();
    snapshots.first(|value: Value| {
        offered.push(value);
        Err(SnapshotError::Digest)
    });
    offered
}

#[test]
fn two_are_kept_and_the_newest_comes_first() {
    let folder = Folder::new("kept");
    let snapshots = folder.snapshots();
    assert_eq!(offered(&snapshots), []);
    std::fs::write(folder.0.join("00000000000000000009.tmp"), "a crash left it").expect("a file");
    for number in [1, 20, 300] {
        snapshots.write(number, &value(number)).expect("written");
    }
    assert_eq!(offered(&snapshots), [value(300), value(20)]);
    let mut taken = 0;
    snapshots.first(|_: Value| {
        taken += 1;
        Ok(())
    });
    assert_eq!(taken, 1, "one that is right is enough");
    let names = names(&folder.0).expect("names");
    assert_eq!(names, ["00000000000000000020.snapshot", "00000000000000000300.snapshot"]);
}

#[test]
fn what_is_ahead_of_a_log_that_was_put_back_pushes_nothing_out() {
    let folder = Folder::new("ahead");
    let snapshots = folder.snapshots();
    for number in [20, 300, 400, 40] {
        snapshots.write(number, &value(number)).expect("written");
    }
    assert_eq!(offered(&snapshots), [value(40)]);
    snapshots.write(60, &value(60)).expect("written");
    assert_eq!(offered(&snapshots), [value(60), value(40)]);
}

/// Goal: no damage is read as something else, and none panics. Method: every bit of a snapshot is flipped, it is cut at
/// every length, and something is added; the older one is offered each time.
#[test]
fn a_damaged_one_is_never_offered() {
    let folder = Folder::new("damaged");
    let snapshots = folder.snapshots();
    snapshots.write(1, &value(1)).expect("written");
    snapshots.write(2, &value(2)).expect("written");
    let path = folder.0.join("00000000000000000002.snapshot");
    let whole = std::fs::read(&path).expect("bytes");
    let flipped = (0..whole.len() * 8).map(|bit| {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    });
    let cut = (0..whole.len()).map(|length| whole[..length].to_vec());
    for bytes in flipped.chain(cut).chain([[&whole[..], &[0]].concat()]) {
        std::fs::write(&path, &bytes).expect("a file");
        assert_eq!(offered(&snapshots), [value(1)], "{bytes:?}");
        assert!(file::check(&path).is_err(), "{bytes:?}");
    }
    std::fs::write(&path, &whole).expect("a file");
    assert_eq!(offered(&snapshots), [value(2), value(1)]);
    let other = Snapshots { build: Hash::of(b"another build"), ..snapshots };
    assert_eq!(offered(&other), []);
    file::check(&path).expect("another build wrote it, and it is right");
}

/// Goal: bytes that say of themselves that they are whole are still only bytes. Method: the content of a snapshot is
/// replaced by others with a right hash.
#[test]
fn a_whole_one_of_something_else_is_never_offered() {
    let folder = Folder::new("hostile");
    let snapshots = folder.snapshots();
    for content in [&[][..], &[0xff; 64], &[0x01, 0xff, 0xff, 0xff, 0xff, 0x0f], &[0; 3]] {
        let start = [&b"ULSNAP\0\x01"[..], &snapshots.build.0, content].concat();
        let bytes = [&start[..], &Hash::of(&start).0].concat();
        std::fs::write(folder.0.join("00000000000000000001.snapshot"), bytes).expect("a file");
        let expected: &[Value] = if content == [0; 3] { &[(0, String::new(), Vec::new())] } else { &[] };
        assert_eq!(offered(&snapshots), expected, "{content:?}");
    }
}

#[test]
fn another_is_due_after_enough_entries_and_a_part_of_the_log() {
    let snapshots = Snapshots { after: 50, ..Folder::new("due").snapshots() };
    for (last, now, due) in [(0, 49, false), (0, 50, true), (400, 449, false), (400, 450, true), (8_000, 8_999, false)]
    {
        assert_eq!(snapshots.is_due(last, now), due, "{last} {now}");
    }
    assert!(snapshots.is_due(8_000, 9_000));
}
