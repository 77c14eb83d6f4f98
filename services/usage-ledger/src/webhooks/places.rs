//! How far each webhook was told: one small file for each, written whole beside the old one and put in its place.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use gateway::Cursor;
use ledger::ObjectId;

/// The folder of places.
#[derive(Debug)]
pub(super) struct Places(PathBuf);

impl Places {
    /// Opens the folder; the first start makes it.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        if !folder.is_dir() {
            fs::create_dir_all(folder)?;
            sync_folder(folder.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new(".")))?;
        }
        Ok(Self(folder.to_owned()))
    }

    /// How far a webhook was told; none where it never was, or where the file isn't what was written.
    pub(super) fn place(&self, id: &ObjectId) -> Option<Cursor> {
        let text = fs::read_to_string(self.path(id)).ok()?;
        let place = Cursor::parse(text.trim_end());
        if place.is_none() {
            tracing::error!(webhook = %id, "the file of how far it was told is damaged; it is told all again");
        }
        place
    }

    /// Writes it down, so that it is there after any crash.
    pub(super) fn keep(&self, id: &ObjectId, place: &Cursor) -> io::Result<()> {
        let (path, new) = (self.path(id), self.0.join(format!("{id}.new")));
        let mut file = File::create(&new)?;
        writeln!(file, "{}", place.text())?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        sync_folder(&self.0)
    }

    /// Forgets a webhook.
    pub(super) fn forget(&self, id: &ObjectId) -> io::Result<()> {
        match fs::remove_file(self.path(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => sync_folder(&self.0),
        }
    }

    fn path(&self, id: &ObjectId) -> PathBuf {
        self.0.join(id.as_str())
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use ledger::{HostId, ServiceName};

    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written_last_and_nothing_else_is_one() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("webhooks");
        let (one, other) = (ObjectId::new("WH-1").unwrap(), ObjectId::new("WH-2").unwrap());
        let place = |sequence| Cursor([(HostId::new(ServiceName::Approval, 0), sequence)].into());
        let places = Places::open(&folder).unwrap();
        assert_eq!(places.place(&one), None);
        for sequence in [7, 8] {
            places.keep(&one, &place(sequence)).unwrap();
            assert_eq!(Places::open(&folder).unwrap().place(&one), Some(place(sequence)));
        }
        places.keep(&other, &place(1)).unwrap();
        fs::write(folder.join("WH-2"), "half a pla").unwrap();
        assert_eq!(places.place(&other), None);
        for _ in 0..2 {
            places.forget(&one).unwrap();
            assert_eq!(places.place(&one), None);
        }
    }
}
