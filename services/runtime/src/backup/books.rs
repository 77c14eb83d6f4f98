//! The workbooks of a backup: each is a file named by its SHA-256 that never changes, so it is copied once.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ledger::{Hash, ServiceName};

use crate::blobs::{self, BlobError};

/// The folder of drafts beside the workbooks, as in a data directory.
const UNFINISHED: &str = "unfinished";

/// The folders of all services.
pub(super) struct Books(Vec<Folder>);

impl Books {
    pub(super) fn new(from: &Path, to: &Path) -> Self {
        let folder = |service: ServiceName| {
            let [from, to] = [from, to].map(|dir| dir.join(service.name()));
            Folder { from, to, there: BTreeSet::new(), looked: None }
        };
        Self(ServiceName::WRITERS.into_iter().map(folder).collect())
    }

    /// Copies what is missing; each file's bytes are told.
    pub(super) fn copy(&mut self, copied: impl Fn(u64)) -> Result<(), BlobError> {
        self.0.iter_mut().try_for_each(|folder| folder.copy(&copied))
    }
}

/// The workbooks of a service.
struct Folder {
    from: PathBuf,
    to: PathBuf,
    /// Those that needn't be looked at again.
    there: BTreeSet<Hash>,
    /// When something was last added to the folder as it was looked through, and whether that was looked at twice: another
    /// file may have been added in the same tick of the file system's clock, which is shorter than the time between steps.
    looked: Option<(SystemTime, bool)>,
}

impl Folder {
    fn copy(&mut self, copied: &impl Fn(u64)) -> Result<(), BlobError> {
        if !self.from.is_dir() {
            return Ok(());
        }
        let changed = fs::metadata(&self.from).and_then(|found| found.modified());
        let changed = changed.map_err(io_error("look at", &self.from))?;
        if self.looked == Some((changed, true)) {
            return Ok(());
        }
        let names = fs::read_dir(&self.from).map_err(io_error("list", &self.from))?.flatten();
        let hashes = names.filter_map(|name| Hash::from_hex(name.file_name().to_str()?));
        let missing: Vec<Hash> = hashes.filter(|hash| !self.there.contains(hash)).collect();
        if !missing.is_empty() {
            let drafts = self.to.join(UNFINISHED);
            fs::create_dir_all(&drafts).map_err(io_error("make", &drafts))?;
            for hash in missing {
                copied(copy(&self.from, &self.to, hash)?);
                self.there.insert(hash);
            }
            sync(&self.to)?;
        }
        self.looked = Some((changed, self.looked.is_some_and(|(before, _)| before == changed)));
        Ok(())
    }
}

/// Copies a workbook unless it is there, and reads the copy again; the bytes that were written.
fn copy(from: &Path, to: &Path, hash: Hash) -> Result<u64, BlobError> {
    let name = hash.to_string();
    let (source, draft, target) = (from.join(&name), to.join(UNFINISHED).join(&name), to.join(&name));
    let length = |path: &Path| fs::metadata(path).map(|found| found.len());
    let is_there = match (length(&source), length(&target)) {
        (Ok(source), Ok(target)) if source == target => true,
        // One of them was cut off. A copy that is whole is kept, whatever became of the original.
        (Ok(_), Ok(_)) => blobs::digest(&target)?.0 == hash,
        _ => false,
    };
    if is_there {
        return Ok(0);
    }
    fs::copy(&source, &draft).map_err(io_error("copy", &source))?;
    sync(&draft)?;
    let (found, bytes) = blobs::digest(&draft)?;
    if found == hash {
        fs::rename(&draft, &target).map_err(io_error("name", &target))?;
        return Ok(bytes);
    }
    fs::remove_file(&draft).map_err(io_error("remove", &draft))?;
    if blobs::digest(&source)?.0 == hash {
        let source = std::io::Error::new(std::io::ErrorKind::InvalidData, "the copy isn't what was written");
        return Err(BlobError::Io { action: "keep", path: target, source });
    }
    // The rest of the ledger isn't to be without a backup for it.
    tracing::error!(path = %source.display(), "a workbook isn't what its name says and has no backup; `usage-ledger audit verify` says more");
    Ok(0)
}

fn sync(path: &Path) -> Result<(), BlobError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(io_error("sync", path))
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> BlobError {
    let path = path.to_owned();
    move |source| BlobError::Io { action, path, source }
}
