//! Making bytes durable. Every sync of the log goes through here, and none is tried a second time on the same bytes: the
//! kernel may have dropped the pages, and would report success for what is gone.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::error::{LogError, io_error};

/// `fdatasync`.
pub(crate) fn sync_data(file: &File, path: &Path) -> Result<(), LogError> {
    file.sync_data().map_err(io_error("sync", path))
}

/// `fsync`.
pub(crate) fn sync_all(file: &File, path: &Path) -> Result<(), LogError> {
    file.sync_all().map_err(io_error("sync", path))
}

/// Makes a folder's entries durable: a synced file whose name isn't is lost all the same.
pub(crate) fn sync_dir(path: &Path) -> Result<(), LogError> {
    let dir = File::open(path).map_err(io_error("open", path))?;
    sync_all(&dir, path)
}

/// `fsync` of a file that the log doesn't rest on: a failure is told, and whoever wrote it writes it again.
pub(crate) fn try_sync(file: &File, path: &Path) -> Result<(), LogError> {
    file.sync_all().map_err(io_error("sync", path))
}

/// The same for a folder.
pub(crate) fn try_sync_dir(path: &Path) -> Result<(), LogError> {
    try_sync(&File::open(path).map_err(io_error("open", path))?, path)
}

/// Creates a folder below one that is there, with its name durable; the log doesn't rest on it.
pub(crate) fn try_create_dir(path: &Path) -> Result<(), LogError> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir(path).map_err(io_error("create", path))?;
    path.parent().map_or(Ok(()), try_sync_dir)
}

/// Creates a folder with its name durable in the folder above.
pub(crate) fn create_dir(path: &Path) -> Result<(), LogError> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path).map_err(io_error("create", path))?;
    sync_dir(path)?;
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_dir(parent),
        _ => sync_dir(Path::new(".")),
    }
}

/// The names in a folder, none if there is no such folder.
pub(crate) fn names(path: &Path) -> Result<Vec<String>, LogError> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(io_error("list", path))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry.map_err(io_error("list", path))?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}
