//! The folder of runs: which files count, and how one becomes one of them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::RecordIdsError;
use super::run::{Run, Span};

const RUN: &str = "run";
const TMP: &str = "tmp";

/// Opens the runs of a folder in the order of their spans, without what a crash left.
pub(super) fn open(dir: &Path) -> Result<Vec<Arc<Run>>, RecordIdsError> {
    fs::create_dir_all(dir).map_err(RecordIdsError::io("create", dir))?;
    let mut spans: Vec<Span> = Vec::new();
    for entry in fs::read_dir(dir).map_err(RecordIdsError::io("list", dir))? {
        let path = entry.map_err(RecordIdsError::io("list", dir))?.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some(TMP) => fs::remove_file(&path).map_err(RecordIdsError::io("remove", &path))?,
            Some(RUN) => spans.push(
                span_of(&path).ok_or_else(|| RecordIdsError::damaged(&path, "a run has a name that no run has"))?,
            ),
            _ => {}
        }
    }
    // Of runs that begin alike the longest comes first: the others are merged into it.
    spans.sort_by_key(|span| (span.first, std::cmp::Reverse(span.last)));
    let mut runs: Vec<Arc<Run>> = Vec::new();
    for span in spans {
        let last = runs.last().map_or(0, |run| run.span().last);
        if span.last <= last {
            remove_replaced(dir, span);
        } else if span.first != last + 1 {
            return Err(RecordIdsError::damaged(dir, "a run is missing"));
        } else {
            runs.push(Arc::new(Run::open(path(dir, span, RUN), span)?));
        }
    }
    Ok(runs)
}

/// Removes a run that is merged into another. Where that fails it is tried again when the folder is opened.
pub(super) fn remove_replaced(dir: &Path, span: Span) {
    let _ = fs::remove_file(path(dir, span, RUN));
}

pub(super) fn tmp_path(dir: &Path, span: Span) -> PathBuf {
    path(dir, span, TMP)
}

/// Gives a run that was written and synced its name, on stable storage.
pub(super) fn publish(dir: &Path, span: Span) -> Result<PathBuf, RecordIdsError> {
    let (tmp, path) = (path(dir, span, TMP), path(dir, span, RUN));
    fs::rename(&tmp, &path).map_err(RecordIdsError::io("rename", &tmp))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(RecordIdsError::io("sync", dir))?;
    Ok(path)
}

fn path(dir: &Path, span: Span, extension: &str) -> PathBuf {
    dir.join(format!("{:016x}-{:016x}.{extension}", span.first, span.last))
}

fn span_of(path: &Path) -> Option<Span> {
    let (first, last) = path.file_stem()?.to_str()?.split_once('-')?;
    let number = |text: &str| (text.len() == 16).then(|| u64::from_str_radix(text, 16).ok())?;
    let span = Span { first: number(first)?, last: number(last)? };
    (1 <= span.first && span.first <= span.last && span.last < u64::MAX).then_some(span)
}
