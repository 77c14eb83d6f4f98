//! The bytes of a snapshot: what it is, who can read it, the value, and the hash of all of that.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use ledger::Hash;
use postcard::ser_flavors::Flavor;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::{SnapshotError, io_error};
use crate::crash;

/// What the file is, and the version of its layout.
const MAGIC: [u8; 8] = *b"ULSNAP\0\x01";
/// Bytes of a hash.
const HASH_BYTES: usize = 32;
/// What is hashed and written at once.
const BLOCK_BYTES: usize = 64 * 1024;

/// Writes a whole snapshot and makes it durable.
pub(super) fn write(path: &Path, build: Hash, value: &impl Serialize) -> Result<(), SnapshotError> {
    let file = File::create(path).map_err(io_error("create", path))?;
    let mut out = Out { file, hasher: Sha256::new(), block: Vec::with_capacity(BLOCK_BYTES), outcome: Ok(()) };
    out.put(&MAGIC);
    out.put(&build.0);
    let encoded = postcard::serialize_with_flavor(value, &mut out);
    out.flush();
    let Out { mut file, hasher, outcome, .. } = out;
    // Where the disk refuses, encoding stops too: the disk's reason is the one that counts.
    outcome.map_err(io_error("write", path))?;
    encoded?;
    crash::point("snapshot.half_written");
    let written = file.write_all(&hasher.finalize()).and_then(|()| file.sync_all());
    written.map_err(io_error("write", path))
}

/// Reads a snapshot of this build, if it is what was written.
pub(super) fn read<T: DeserializeOwned>(path: &Path, build: Hash) -> Result<T, SnapshotError> {
    let bytes = std::fs::read(path).map_err(io_error("read", path))?;
    let (written_by, content) = whole(&bytes)?;
    if *written_by != build.0 {
        return Err(SnapshotError::Build);
    }
    let (value, rest) = postcard::take_from_bytes(content)?;
    if rest.is_empty() { Ok(value) } else { Err(SnapshotError::Form) }
}

/// Whether a snapshot is what was written, by whichever build.
pub(super) fn check(path: &Path) -> Result<(), SnapshotError> {
    let bytes = std::fs::read(path).map_err(io_error("read", path))?;
    whole(&bytes).map(|_| ())
}

/// Who wrote a snapshot, and its content.
fn whole(bytes: &[u8]) -> Result<(&[u8; HASH_BYTES], &[u8]), SnapshotError> {
    let rest = bytes.strip_prefix(&MAGIC).ok_or(SnapshotError::Form)?;
    let (hashed, hash) = bytes.split_last_chunk::<HASH_BYTES>().ok_or(SnapshotError::Changed)?;
    if Hash::of(hashed).0 != *hash {
        return Err(SnapshotError::Changed);
    }
    let (build, rest) = rest.split_first_chunk().ok_or(SnapshotError::Changed)?;
    let content = rest.get(..rest.len().saturating_sub(HASH_BYTES)).ok_or(SnapshotError::Changed)?;
    Ok((build, content))
}

/// Where the bytes of a value go: hashed and written block by block, so that no second copy is in memory.
struct Out {
    file: File,
    hasher: Sha256,
    block: Vec<u8>,
    outcome: io::Result<()>,
}

impl Out {
    fn put(&mut self, bytes: &[u8]) {
        self.block.extend_from_slice(bytes);
        if self.block.len() >= BLOCK_BYTES {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.hasher.update(&self.block);
        if self.outcome.is_ok() {
            self.outcome = self.file.write_all(&self.block);
        }
        self.block.clear();
    }

    fn checked(&self) -> postcard::Result<()> {
        if self.outcome.is_ok() { Ok(()) } else { Err(postcard::Error::SerializeBufferFull) }
    }
}

impl Flavor for &mut Out {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.put(&[byte]);
        self.checked()
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.put(bytes);
        self.checked()
    }

    fn finalize(self) -> postcard::Result<()> {
        self.checked()
    }
}
