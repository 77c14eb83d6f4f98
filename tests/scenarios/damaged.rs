//! Workbooks that are damaged at rest, of every kind that a ledger keeps: whatever happens to one of them, `audit
//! verify` says which one it is. Logs that are damaged are the suite in services/runtime/tests/log/rest.rs.
//!
//! `CASES=n` makes n cases instead of a few; `CASE` repeats one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use ledger::ServiceName;
use usage_ledger::audit::verify::Target;

use super::closing::{billed, ids, reconcile};
use super::world::{CONTRACT, World};
use crate::random::Random;

/// How often each kind of workbook is damaged in each way in a usual run.
const TIMES: usize = 2;
const PAGE: usize = 4_096;

/// What is damaged: of which service, and whether it was sent.
const KINDS: [(&str, ServiceName, bool); 4] = [
    ("a source", ServiceName::Ingestion, true),
    ("a processed workbook", ServiceName::Validation, false),
    ("a chunk or a processed reconciliation", ServiceName::Extraction, false),
    ("a reconciliation", ServiceName::Extraction, true),
];

/// What becomes of the bytes: none are left, or others.
type Change = fn(&Kept, &mut Random) -> Option<Vec<u8>>;

/// How.
const WAYS: [(&str, Change); 5] = [
    ("a bit flipped", |kept, random| {
        let mut bytes = kept.bytes.clone();
        let at = random.below(bytes.len());
        bytes[at] ^= 1 << random.below(8);
        Some(bytes)
    }),
    ("4 KiB zeroed", |kept, random| {
        let mut bytes = kept.bytes.clone();
        let page = random.below(bytes.len()) / PAGE * PAGE;
        let end = (page + PAGE).min(bytes.len());
        bytes[page..end].fill(0);
        Some(bytes)
    }),
    ("cut off", |kept, random| Some(kept.bytes[..random.below(kept.bytes.len())].to_vec())),
    ("another in its place", |kept, _| Some(kept.other.clone())),
    ("gone", |_, _| None),
];

/// A workbook of a ledger that was stopped.
struct Kept {
    path: PathBuf,
    bytes: Vec<u8>,
    /// Another one of the ledger.
    other: Vec<u8>,
}

/// What `audit verify` says: where, and whether it must not be.
fn findings(data: &Path) -> Vec<(PathBuf, bool)> {
    let target = Target { path: data, is_backup: false, folds: false };
    let found = target.verify(&AtomicU64::new(0)).expect("there is a log").findings;
    found.into_iter().map(|finding| (finding.path, finding.is_fault)).collect()
}

/// Every kind of workbook of one file, and of a second one so that another can be in its place. The ledger is stopped.
fn ledger(world: &mut World) -> BTreeMap<(ServiceName, bool), Vec<PathBuf>> {
    for name in ["damaged", "beside"] {
        let file = world.accepted(CONTRACT, name, 12);
        let ids = ids(world, &file);
        reconcile(world, &file, &file, "record_id", &billed(&ids, name)).expect("processed");
        world.reach(&file, "closed");
    }
    world.stop();
    let data = world.path("data");
    let target = Target { path: &data, is_backup: false, folds: false };
    let named = target.verify(&AtomicU64::new(0)).expect("there is a log").named;
    let mut kept = BTreeMap::<_, Vec<_>>::new();
    for ((service, hash), is_sent) in named {
        let path = data.join("blobs").join(service.name()).join(hash.to_string());
        kept.entry((service, is_sent)).or_default().push(path);
    }
    kept
}

/// Goal: no workbook is other than it was without being noticed. Method: damage one of a ledger that was stopped, go
/// through all of it, and put it back.
#[test]
fn a_workbook_that_is_damaged_at_rest_is_named() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<usize>().ok());
    let mut world = World::alone(|_| {});
    let (all, data) = (ledger(&mut world), world.path("data"));
    let before = findings(&data);
    assert!(before.is_empty(), "nothing is damaged yet: {before:?}");
    let kinds = KINDS.len() * WAYS.len();
    let count = number("CASES").unwrap_or(TIMES * kinds);
    let (first, last) = number("CASE").map_or((0, count), |case| (case, case + 1));
    let mut sums = BTreeMap::<_, usize>::new();
    for case in first..last {
        let ((kind, service, is_sent), (way, change)) =
            (KINDS[case % KINDS.len()], WAYS[case / KINDS.len() % WAYS.len()]);
        let mut random = Random::new(case as u64);
        let paths = &all[&(service, is_sent)];
        assert!(paths.len() > 1, "{kind}");
        let at = random.below(paths.len());
        let [bytes, other] = [at, (at + 1) % paths.len()].map(|at| std::fs::read(&paths[at]).expect("a workbook"));
        let kept = Kept { path: paths[at].clone(), bytes, other };
        match change(&kept, &mut random) {
            Some(changed) if changed == kept.bytes => continue,
            Some(changed) => std::fs::write(&kept.path, changed).expect("written"),
            None => std::fs::remove_file(&kept.path).expect("removed"),
        }
        // What was made can be made again: that it is gone is told and is no fault.
        let is_fault = is_sent || way != "gone";
        assert_eq!(findings(&data), [(kept.path.clone(), is_fault)], "CASE={case} repeats it: {kind}, {way}");
        std::fs::write(&kept.path, &kept.bytes).expect("written");
        *sums.entry((kind, way)).or_default() += 1;
    }
    sums.iter().for_each(|(kind, count)| println!("{kind:?} {count}"));
    println!("{} cases, each of them noticed", sums.values().sum::<usize>());
}
