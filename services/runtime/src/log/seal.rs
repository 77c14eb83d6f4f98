//! The sealer: a thread that turns the older generation into segments and removes it, while writing goes on.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use ledger::HostId;

use super::durable;
use super::error::{LogError, io_error};
use super::queue::Notice;
use super::segment::Segment;
use super::shared::{Part, Shared};
use super::store;
use crate::crash;

/// A full disk may have room again; what was written so far is overwritten.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// A reader holds a generation for one read only.
const READERS_LEAVE: Duration = Duration::from_millis(1);

pub(crate) enum Job {
    /// Write what the generation holds, up to these positions.
    Seal(Arc<Part>, BTreeMap<HostId, u64>),
    /// Remove it once the last reader has left.
    Remove(Arc<Part>),
}

pub(crate) fn run(shared: &Shared, jobs: &mpsc::Receiver<Job>) {
    for job in jobs {
        let notice = match job {
            Job::Seal(part, ends) => seal_until_done(shared, &part, &ends),
            Job::Remove(part) => match remove(&shared.dir, part) {
                Ok(()) => Notice::Removed,
                Err(error) => give_up(shared, &error),
            },
        };
        shared.queue.notice(notice);
    }
}

fn seal_until_done(shared: &Shared, part: &Part, ends: &BTreeMap<HostId, u64>) -> Notice {
    loop {
        match seal(&shared.dir, part, ends) {
            Ok(segments) => return Notice::Sealed(segments),
            Err(error @ LogError::Io { .. }) => {
                tracing::error!(error = %error, source = ?std::error::Error::source(&error), "could not seal, trying again");
                shared.meters.seal_failures.fetch_add(1, Ordering::Relaxed);
                shared.queue.notice(Notice::NotSealed(error));
            }
            // The generation itself can't be read: acknowledged events are at stake, and going on hides it.
            Err(error) => return give_up(shared, &error),
        }
        if shared.stopping.load(Ordering::Relaxed) {
            return Notice::GaveUp;
        }
        std::thread::sleep(RETRY_AFTER);
    }
}

fn give_up(shared: &Shared, error: &LogError) -> Notice {
    shared.fail(error);
    Notice::GaveUp
}

/// Writes, syncs, reads again and verifies a segment for every host that has entries here.
pub(crate) fn seal(dir: &Path, part: &Part, ends: &BTreeMap<HostId, u64>) -> Result<Vec<(HostId, Segment)>, LogError> {
    let mut segments = Vec::new();
    for (host, base) in &part.bases {
        let last = ends.get(host).copied().unwrap_or(base.position);
        if last > base.position {
            segments.push((*host, Segment::write(&part.generation, dir, *host, base, last)?));
        }
    }
    Ok(segments)
}

fn remove(dir: &Path, mut part: Arc<Part>) -> Result<(), LogError> {
    let number = part.generation.number;
    loop {
        match Arc::try_unwrap(part) {
            Ok(last) => break drop(last),
            Err(held) => part = held,
        }
        std::thread::sleep(READERS_LEAVE);
    }
    remove_folder(dir, number)?;
    crash::point("rotate.removed_old");
    Ok(())
}

/// Removes a generation's folder, durably.
pub(crate) fn remove_folder(dir: &Path, number: u64) -> Result<(), LogError> {
    let path = store::path(dir, number);
    std::fs::remove_dir_all(&path).map_err(io_error("remove", &path))?;
    durable::sync_dir(dir)
}
