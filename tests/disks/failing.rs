//! System calls of a process that fail.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};

use crate::kills::Server;

/// System calls of a process that fail for as long as the value is there; what strace says has to have somewhere to go.
pub(super) struct Failing {
    strace: Child,
    _said: BufReader<ChildStderr>,
}

impl Failing {
    pub(super) fn begin(server: &Server, call: &str, error: &str) -> Option<Self> {
        let mut command = Command::new("strace");
        command.args(["-f", "-o", "/dev/null", "-e", &format!("trace={call}")]);
        command.args(["-e", &format!("inject={call}:error={error}"), "-p", &server.child.id().to_string()]);
        let mut child = command.stderr(Stdio::piped()).spawn().ok()?;
        let mut line = String::new();
        let mut said = BufReader::new(child.stderr.take()?);
        said.read_line(&mut line).ok()?;
        let mut failing = Self { strace: child, _said: said };
        if line.contains("attached") {
            return Some(failing);
        }
        failing.end();
        None
    }

    /// The disk is well again.
    fn end(&mut self) {
        drop(Command::new("kill").arg(self.strace.id().to_string()).stderr(Stdio::null()).status());
        drop(self.strace.wait());
    }
}

impl Drop for Failing {
    fn drop(&mut self) {
        self.end();
    }
}
