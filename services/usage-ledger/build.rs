//! Names the code that folds: a snapshot is read by no build that may fold otherwise. So this is made from the sources of
//! every crate whose state is in one, and from the versions of all packages.

use std::error::Error;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Relative to this crate.
const SOURCES: [&str; 7] = [
    "../ledger",
    "../runtime/src",
    "../ingestion/src",
    "../validation/src",
    "../../proto/src",
    "../../proto/usage",
    "../../Cargo.lock",
];

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let mut hasher = DefaultHasher::new();
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
        add(&root, Path::new(source), &mut hasher)?;
    }
    println!("cargo::rustc-env=USAGE_LEDGER_FOLDED_BY={:016x}", hasher.finish());
    Ok(())
}

/// Adds a file, or all files of a folder in the order of their names.
fn add(root: &Path, path: &Path, hasher: &mut DefaultHasher) -> Result<(), Box<dyn Error>> {
    let full = root.join(path);
    if full.is_dir() {
        let entries = fs::read_dir(full)?.collect::<Result<Vec<_>, _>>()?;
        let mut names = entries.iter().map(fs::DirEntry::file_name).collect::<Vec<_>>();
        names.sort();
        return names.iter().try_for_each(|name| add(root, &path.join(name), hasher));
    }
    path.hash(hasher);
    fs::read(full)?.hash(hasher);
    Ok(())
}
