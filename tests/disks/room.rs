//! How much room there is for files, and file systems with as much as is wanted.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A file system in memory, taken away with the value.
pub(super) struct Mounted(PathBuf);

impl Mounted {
    pub(super) fn new(at: &Path, kib: u64) -> Option<Self> {
        std::fs::create_dir_all(at).expect("a folder");
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={kib}k"), "tmpfs"]).arg(at);
        let mounted = command.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        mounted.then(|| Self(at.to_owned()))
    }

    pub(super) fn resize(&self, size: &str) {
        let mut command = Command::new("mount");
        command.args(["-o", &format!("remount,size={size}")]).arg(&self.0);
        assert!(command.status().expect("it runs").success());
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(&self.0).status());
    }
}

/// What a file system holds.
pub(super) fn used_kib(at: &Path) -> u64 {
    let told = Command::new("df").args(["--output=used", "-k"]).arg(at).output().expect("it runs");
    let told = String::from_utf8(told.stdout).expect("text");
    told.lines().last().and_then(|line| line.trim().parse().ok()).expect("a number")
}

/// The longest file in a folder, in bytes.
pub(super) fn longest(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(about) if about.is_dir() => longest(&entry.path()),
        about => about.map_or(0, |about| about.len()),
    });
    sizes.max().unwrap_or(0)
}
