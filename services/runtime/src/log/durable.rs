//! Making bytes durable. Every sync of the log goes through here, and the first one that fails ends the process: the
//! kernel may have dropped the pages and a second try would report success for bytes that are gone.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::error::{LogError, io_error};

/// Ends the process without unwinding: what is acknowledged is on the disk, and what isn't is for the next start.
pub(crate) fn die(doing: &str, error: &dyn std::error::Error) -> ! {
    let mut chain = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        chain = format!("{chain}: {inner}");
        source = inner.source();
    }
    tracing::error!(doing, error = chain, "the log can't go on; the process ends");
    std::process::abort();
}

/// `fdatasync`, or the end.
pub(crate) fn sync_data(file: &File, path: &Path) {
    survive(file.sync_data(), path);
}

/// `fsync`, or the end.
pub(crate) fn sync_all(file: &File, path: &Path) {
    survive(file.sync_all(), path);
}

fn survive(result: io::Result<()>, path: &Path) {
    if let Err(source) = result {
        die("sync", &LogError::Io { action: "sync", path: path.to_owned(), source });
    }
}

/// Makes a folder's entries durable: a synced file whose name isn't is lost all the same.
pub(crate) fn sync_dir(path: &Path) -> Result<(), LogError> {
    let dir = File::open(path).map_err(io_error("open", path))?;
    sync_all(&dir, path);
    Ok(())
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
