//! The fuzzer's committed corpus, in every run of the suite.

use std::path::Path;

use crate::properties::ALL;

/// More would make a clone heavy; `docs/hostile-input.md` says how to shrink one.
const CORPUS_BYTES_MAX: u64 = 300_000;

#[test]
fn the_properties_hold_for_the_whole_corpus() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut bytes = 0;
    for (target, property) in ALL {
        let folder = corpus.join(target);
        let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(files.len() >= 10, "{} has {} inputs", folder.display(), files.len());
        for file in files {
            println!("{}", file.display());
            let data = std::fs::read(&file).unwrap();
            bytes += data.len() as u64;
            property(&data);
        }
    }
    assert!(bytes <= CORPUS_BYTES_MAX, "{bytes} bytes of corpus");
}
