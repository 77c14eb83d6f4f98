//! Folders, seeds, and the one way in which these tests fill and read a log.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use ledger::{EventId, Hash, HostId, ServiceName};
use runtime::log::{Entry, Header, LogReader, LogSettings, LogWriter, NewEntry};

pub(crate) const APPROVAL: HostId = HostId { service: ServiceName::Approval, partition: ledger::Partition(0) };
pub(crate) const VALIDATION: HostId = HostId { service: ServiceName::Validation, partition: ledger::Partition(0) };
pub(crate) const CATALOG: HostId = HostId { service: ServiceName::Catalog, partition: ledger::Partition(0) };

/// A folder that goes with the test.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("log-test-{}-{number}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.0.join("log")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// xorshift; the seed is printed when a test fails, since tests print what they do.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(name: &str) -> Self {
        let seed = std::env::var("LOG_TEST_SEED").ok().and_then(|text| text.parse().ok());
        let seed = seed.unwrap_or_else(|| u64::from(std::process::id()) * 0x9E37_79B9 + 1);
        println!("{name}: LOG_TEST_SEED={seed}");
        Self::seeded(seed)
    }

    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end.max(1)
    }
}

pub(crate) fn settings(rotate_bytes: u64) -> LogSettings {
    LogSettings { rotate_bytes, ..LogSettings::default() }
}

pub(crate) fn id(text: &str) -> EventId {
    EventId::derive(&Hash::of(text.as_bytes()), ServiceName::Approval, 0)
}

pub(crate) fn own(text: &str, length: usize) -> NewEntry {
    let payload = text.bytes().cycle().take(length.max(text.len())).collect();
    NewEntry::Own { id: Some(id(text)), payload }
}

/// The next fact of an emitter as `writer` should hear it.
pub(crate) fn next_heard(writer: &LogWriter, emitter: HostId, text: &str) -> Header {
    let (sequence, previous) = writer.heard(emitter);
    let payload_hash = Hash::of(text.as_bytes());
    Header { host: emitter, epoch: 1, sequence: sequence + 1, previous, payload_hash }
}

pub(crate) fn entries(reader: &LogReader) -> Vec<Entry> {
    reader.entries(1).collect::<Result<_, _>>().unwrap()
}

pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Every file below a folder with its content.
pub(crate) fn snapshot(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(snapshot(&path));
        } else {
            let content = std::fs::read(&path).unwrap();
            files.push((path, content));
        }
    }
    files.sort();
    files
}

/// The example of this name, which `cargo test` has built beside this test.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(
        path.exists(),
        "{} isn't built: run `cargo test -p runtime` without `--test`, or `cargo build --examples`",
        path.display()
    );
    path
}

/// What a host's segments hold, sealed and open, read as docs/log.md says: position, whether own, header, payload.
pub(crate) fn archived(dir: &Path, host: HostId) -> Vec<(u64, u8, Vec<u8>, Vec<u8>)> {
    let mut found: Vec<(u64, u8, Vec<u8>, Vec<u8>)> = Vec::new();
    let folder = dir.join("segments").join(host.to_string());
    for (path, bytes) in if folder.exists() { snapshot(&folder) } else { Vec::new() } {
        if path.to_string_lossy().ends_with(".tmp") {
            continue;
        }
        let body = if path.to_string_lossy().ends_with(".seg") {
            let footer = u64::from_le_bytes(bytes[bytes.len() - 16..bytes.len() - 8].try_into().unwrap());
            &bytes[..bytes.len() - usize::try_from(footer).unwrap()]
        } else {
            &bytes[..]
        };
        let mut rest = &body[16..];
        while !rest.is_empty() {
            let length = usize::try_from(u32::from_le_bytes(rest[..4].try_into().unwrap())).unwrap();
            let frame = &rest[4..4 + length];
            let position = u64::from_le_bytes(frame[6..14].try_into().unwrap());
            // An open segment may stand beside the sealed one that replaces it.
            if found.last().is_none_or(|last| last.0 < position) {
                found.push((position, frame[4], frame[14..93].to_vec(), frame[121..].to_vec()));
            }
            rest = &rest[4 + length..];
        }
    }
    found
}

/// The same of entries.
pub(crate) fn bytes_of(entries: &[Entry]) -> Vec<(u64, u8, Vec<u8>, Vec<u8>)> {
    let bytes = entries.iter().map(|entry| {
        let kind = if entry.own { 1 } else { 3 - u8::from(entry.payload.is_some()) };
        (entry.position, kind, entry.header.encode().to_vec(), entry.payload.clone().unwrap_or_default())
    });
    bytes.collect()
}

/// The program that traces system calls, where it is.
pub(crate) fn strace() -> Option<&'static str> {
    ["/usr/bin/strace", "/bin/strace", "/usr/local/bin/strace"].into_iter().find(|path| Path::new(path).exists())
}
