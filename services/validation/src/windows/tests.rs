//! The index against looking at every window, in memory and in files.

use ledger::{Moment, ObjectId};

use super::{HITS_MAX, Question, Stretch, Window, Windows, usage_key};

fn stretch(start: i64, end: i64) -> Stretch {
    Stretch { start: Moment(start), end: Moment(end) }
}

#[test]
fn stretches_intersect_when_they_share_more_than_an_instant() {
    for (one, other, expected) in [
        ((0, 10), (0, 10), true),
        ((0, 10), (5, 15), true),
        ((0, 10), (2, 3), true),
        ((0, 10), (10, 20), false),
        ((0, 10), (11, 20), false),
        ((5, 5), (0, 10), true),
        ((0, 0), (0, 10), false),
        ((10, 10), (0, 10), false),
        ((5, 5), (5, 5), true),
        ((5, 5), (6, 6), false),
    ] {
        let (one, other) = (stretch(one.0, one.1), stretch(other.0, other.1));
        assert_eq!((one.intersects(other), other.intersects(one)), (expected, expected), "{one:?} {other:?}");
    }
}

/// A sequence that looks random and is the same every time.
fn numbers(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

fn windows(count: u32, seed: u64) -> Vec<Window> {
    let mut next = numbers(seed);
    let id = |text: String| ObjectId::new(&text).unwrap();
    let keys: Vec<_> = (0..7).map(|n| usage_key(&id(format!("AS-{n}")), &id("PRD-1-0001".into()), None)).collect();
    let window = |row: u32| {
        let start = i64::try_from(next(2_000)).unwrap();
        let length = i64::try_from(next(30)).unwrap();
        let key = keys[usize::try_from(next(7)).unwrap()];
        let file = u32::try_from(next(2)).unwrap();
        Window { key, stretch: stretch(start, start + length), file, first_row: row, last_row: row }
    };
    (2..count + 2).map(window).collect()
}

#[track_caller]
fn check(count: u32, in_memory_max: usize, expected_files: bool) {
    let dir = tempfile::tempdir().unwrap();
    let all = windows(count, 1);
    let mut index = Windows::with_room(dir.path(), in_memory_max);
    all.iter().for_each(|window| index.add(*window).unwrap());
    index.finish();
    assert_eq!(index.runs.len() > 1, expected_files);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "files have no names");
    let asked = windows(500, 2);
    let mut questions: Vec<Question> =
        asked.iter().zip(0..).map(|(it, at)| Question { key: it.key, stretch: it.stretch, at }).collect();
    questions.sort_unstable();
    let mut found = vec![(false, false, false); asked.len()];
    let overlap =
        |at: usize, window: &Window| asked[at].key == window.key && asked[at].stretch.intersects(window.stretch);
    index
        .overlaps(&questions, |at, window| match window {
            None => found[at].2 = true,
            Some(window) => {
                assert!(overlap(at, window), "{window:?}");
                if window.file == 0 { found[at].0 = true } else { found[at].1 = true }
            }
        })
        .unwrap();
    for (at, found) in found.into_iter().enumerate() {
        let hits = |file| all.iter().filter(|it| it.file == file && overlap(at, it)).count();
        let some = |file| hits(file) > 0;
        if !found.2 {
            assert_eq!((found.0, found.1), (some(0), some(1)), "{:?}", asked[at]);
        }
        assert!(!found.2 || hits(0) + hits(1) > HITS_MAX);
        assert_eq!(found.0 || found.1, some(0) || some(1));
    }
}

#[test]
fn every_overlap_is_found_whatever_is_in_memory() {
    check(1, 4096, false);
    check(3_000, 4096, false);
    check(3_000, 500, true);
    check(3_000, 129, true);
    check(20_000, 1_000, true);
}

#[test]
fn windows_that_say_the_same_are_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = Windows::with_room(dir.path(), 8);
    let one = windows(1, 3)[0];
    (2..1_000).for_each(|row| index.add(Window { first_row: row, last_row: row, ..one }).unwrap());
    index.finish();
    assert_eq!(index.runs.len(), 1);
    let mut rows = Vec::new();
    let question = Question { key: one.key, stretch: one.stretch, at: 0 };
    index.overlaps(&[question], |_, window| rows.extend(window.map(|it| (it.first_row, it.last_row)))).unwrap();
    assert_eq!(rows, [(2, 999)]);
}
