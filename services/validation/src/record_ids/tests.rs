//! The index against a plain map, across merges, reopening, crashes and damage.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::*;

/// A generator that needs nothing but its seed (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// A key that a hash could be, for a number.
fn key(number: u64) -> Key {
    let mut random = Random(number);
    let halves = [random.next().to_le_bytes(), random.next().to_le_bytes()];
    halves.as_flattened()[..12].try_into().unwrap()
}

/// A key that no hash would be: all alike but for their ends.
fn narrow_key(number: u64) -> Key {
    let [.., a, b] = number.to_be_bytes();
    [7, 7, 7, 7, 7, 7, 7, 7, 7, 7, a, b]
}

type Model = BTreeMap<Key, BTreeSet<u32>>;

fn hits(reader: &RecordIdsReader, keys: &[Key]) -> BTreeSet<(Key, u32)> {
    let mut found = BTreeSet::new();
    reader.lookup_sorted(keys, |index, ordinal| found.extend([(keys[index], ordinal)])).unwrap();
    found
}

fn want(model: &Model, keys: &[Key]) -> BTreeSet<(Key, u32)> {
    keys.iter().flat_map(|key| model.get(key).into_iter().flatten().map(|ordinal| (*key, *ordinal))).collect()
}

#[track_caller]
fn check(seed: u64, make: fn(u64) -> Key, space: u64, most: u64) {
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random(seed);
    let mut model = Model::new();
    let mut index = RecordIds::open(dir.path()).unwrap();
    for step in 0..30_u32 {
        let keys: Vec<Key> = (0..random.below(most)).map(|_| make(random.below(space))).collect();
        for key in &keys {
            model.entry(*key).or_default().insert(step);
        }
        index.add(step, keys, u64::from(step) * 10).unwrap();
        if random.below(5) == 0 {
            drop(index);
            index = RecordIds::open(dir.path()).unwrap();
        }
        if step == 20 {
            index.compact(|ordinal| ordinal % 3 != 0).unwrap();
            model.values_mut().for_each(|ordinals| ordinals.retain(|ordinal| ordinal % 3 != 0));
        }
        let share = 1 + random.below(space);
        let mut keys: Vec<Key> = (0..share.min(4_000)).map(|_| make(random.below(space * 2))).collect();
        keys.sort_unstable();
        assert_eq!(hits(&index.reader(), &keys), want(&model, &keys), "seed {seed} step {step}");
    }
    let all: Vec<Key> = model.keys().copied().collect();
    assert_eq!(hits(&index.reader(), &all), want(&model, &all));
    assert!(index.runs.len() < 12, "{}", index.runs.len());
}

fn sorted<const N: usize>(mut keys: [Key; N]) -> [Key; N] {
    keys.sort_unstable();
    keys
}

#[test]
fn the_index_answers_as_a_map_does() {
    for seed in 0..3 {
        check(seed, key, 100_000, 5_000);
        check(seed, key, 300, 400);
        check(seed, narrow_key, 60_000, 2_000);
    }
}

#[test]
fn a_key_that_fills_several_blocks_is_found_whole() {
    let dir = tempfile::tempdir().unwrap();
    let span = Span { first: 1, last: 1 };
    let mut writer = RunWriter::create(dir.path(), span, 1_202).unwrap();
    writer.push(Entry { key: key_of_byte(1), ordinal: 0 }).unwrap();
    (0..1_200).for_each(|ordinal| writer.push(Entry { key: key_of_byte(2), ordinal }).unwrap());
    writer.push(Entry { key: key_of_byte(3), ordinal: 0 }).unwrap();
    writer.finish(1).unwrap();
    let reader = RecordIds::open(dir.path()).unwrap().reader();
    let keys = [2, 2, 3].map(key_of_byte);
    let mut counts = [0; 3];
    reader.lookup_sorted(&keys, |index, _| counts[index] += 1).unwrap();
    assert_eq!(counts, [1_200, 1_200, 1]);
}

fn key_of_byte(byte: u8) -> Key {
    [byte; 12]
}

/// An index of nine additions of 300 keys: a merged run and two small ones.
fn nine(dir: &Path) -> RecordIds {
    let mut index = RecordIds::open(dir).unwrap();
    for ordinal in 0..9 {
        let first = u64::from(ordinal) * 300;
        index.add(ordinal, (first..first + 300).map(key).collect(), first + 1).unwrap();
    }
    assert_eq!(index.runs.len(), 3);
    index
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn all_keys() -> Vec<Key> {
    let mut keys: Vec<Key> = (0..2_700).map(key).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn what_a_crash_leaves_is_cleared_away() {
    let dir = tempfile::tempdir().unwrap();
    let copies = tempfile::tempdir().unwrap();
    let mut index = RecordIds::open(dir.path()).unwrap();
    for ordinal in 0..3 {
        index.add(ordinal, vec![key(u64::from(ordinal))], 1).unwrap();
    }
    for path in files(dir.path()) {
        fs::copy(&path, copies.path().join(path.file_name().unwrap())).unwrap();
    }
    index.add(3, vec![key(3)], 2).unwrap();
    assert_eq!(files(dir.path()).len(), 1, "four are merged");
    // The machine stopped after the merged run got its name, and while another one was written.
    for path in files(copies.path()) {
        fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
    }
    fs::write(dir.path().join("0000000000000005-0000000000000005.tmp"), b"half").unwrap();
    fs::write(dir.path().join("notes.txt"), b"not ours").unwrap();
    let index = RecordIds::open(dir.path()).unwrap();
    assert_eq!((index.covered(), index.entries(), index.runs.len()), (2, 4, 1));
    assert_eq!(files(dir.path()).len(), 2);
    let keys = sorted([0, 1, 2, 3].map(key));
    assert_eq!(hits(&index.reader(), &keys).len(), 4);
}

#[test]
fn a_damaged_run_is_named_as_that() {
    let dir = tempfile::tempdir().unwrap();
    drop(nine(dir.path()));
    let keys = all_keys();
    let attempt = || {
        let reader = RecordIds::open(dir.path())?.reader();
        reader.lookup_sorted(&keys, |_, _| {})
    };
    attempt().unwrap();
    for path in files(dir.path()) {
        let whole = fs::read(&path).unwrap();
        for at in (0..whole.len()).step_by(251).chain([0, 8, 16, 24, 40, 48, 56, whole.len() - 1]) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            fs::write(&path, bytes).unwrap();
            assert!(matches!(attempt(), Err(RecordIdsError::Damaged { .. })), "{path:?} {at}");
        }
        for length in [0, 63, 64, 95, 96, whole.len() / 2, whole.len() - 1] {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(matches!(attempt(), Err(RecordIdsError::Damaged { .. })), "{path:?} {length}");
        }
        fs::write(&path, [whole.as_slice(), b"x"].concat()).unwrap();
        assert!(matches!(attempt(), Err(RecordIdsError::Damaged { .. })));
        fs::write(&path, whole).unwrap();
    }
    attempt().unwrap();
    fs::remove_file(&files(dir.path())[0]).unwrap();
    let error = attempt().unwrap_err().to_string();
    assert!(error.contains("a run is missing; delete its folder, it is rebuilt from the log"), "{error}");
    // What the caller does then.
    fs::remove_dir_all(dir.path()).unwrap();
    assert_eq!(hits(&nine(dir.path()).reader(), &keys).len(), 2_700);
}

#[test]
fn a_view_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = nine(dir.path());
    let (view, keys) = (index.reader(), all_keys());
    index.add(9, keys.clone(), 9_000).unwrap();
    index.compact(|_| false).unwrap();
    assert_eq!((index.entries(), index.covered(), index.reader().covered()), (0, 9_000, 9_000));
    assert_eq!(hits(&index.reader(), &keys).len(), 0);
    assert_eq!((hits(&view, &keys).len(), view.covered()), (2_700, 2_401));
    drop(index);
    assert_eq!(RecordIds::open(dir.path()).unwrap().covered(), 9_000);
}

#[test]
fn keys_must_be_sorted_and_an_upload_without_keys_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = RecordIds::open(dir.path().join("made")).unwrap();
    index.add(0, Vec::new(), 5).unwrap();
    assert_eq!((index.covered(), index.runs.len()), (5, 0));
    let unsorted = index.reader().lookup_sorted(&[[2; 12], [1; 12]], |_, _| {});
    assert!(matches!(unsorted, Err(RecordIdsError::KeysNotSorted)));
    index.compact(|_| true).unwrap();
    index.add(0, vec![[1; 12], [1; 12]], 3).unwrap();
    assert_eq!((index.covered(), index.entries()), (5, 1));
}

#[test]
fn an_addition_that_is_repeated_is_merged_into_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = RecordIds::open(dir.path()).unwrap();
    (0..4).for_each(|_| index.add(0, vec![[1; 12], [2; 12]], 5).unwrap());
    assert_eq!((index.runs.len(), index.entries()), (1, 2));
}

#[test]
fn rows_after_the_first_with_an_id_repeat_it() {
    let mut repeats = Repeats::default();
    for (row, byte) in [(2, 5), (3, 1), (4, 5), (6, 0), (7, 0), (8, 5), (9, 1)] {
        repeats.push(key_of_byte(byte), row);
    }
    let sorted = repeats.finish();
    let rows: Vec<(u32, u32)> = sorted.repeats.iter().map(|repeat| (repeat.row, repeat.first_row)).collect();
    assert_eq!(rows, [(4, 2), (8, 2), (9, 3)]);
    assert_eq!((sorted.rows, sorted.keys.len()), (vec![3, 9, 2, 4, 8], 5));
}
