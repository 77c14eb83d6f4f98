//! The child's life: started with nothing but the workbook, watched, and ended with whoever waits for it.

use std::io::{self, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::format::Format;

use super::{CPU_SECONDS_MAX, ForeignError, Guard, MEMORY_BYTES_MAX};

/// What the watch and the reader share.
struct Held {
    child: Child,
    /// It was waited for, so its number may be another process's by now.
    reaped: bool,
    /// The deadline passed before it ended.
    late: bool,
}

/// A running child. Dropping it ends it and all that it started.
pub(super) struct Process {
    held: Arc<Mutex<Held>>,
    format: Format,
    deadline: Duration,
    /// Dropping it tells the watch that nothing is left to do.
    _watch: Sender<()>,
}

impl Process {
    /// Starts the guard's program on a workbook.
    pub(super) fn start(
        guard: &Guard,
        format: Format,
        tabs: &[&str],
        source: &mut impl Read,
    ) -> Result<(Self, BufReader<ChildStdout>), ForeignError> {
        let failed =
            |error: &io::Error| ForeignError::NotStarted { format: format.ending(), reason: error.to_string() };
        let mut command = Command::new(&guard.program);
        command.args(&guard.arguments).args(["--format", format.ending()]).args(tabs);
        // Nothing of ours reaches it: no environment, no folder, no messages.
        command.env_clear().current_dir("/").process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| failed(&error))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let held = Arc::new(Mutex::new(Held { child, reaped: false, late: false }));
        let (watch, ended) = channel::<()>();
        let (watched, deadline) = (held.clone(), guard.deadline);
        let process = Self { held, format, deadline, _watch: watch };
        let watching = thread::Builder::new().name("foreign-watch".to_owned()).spawn(move || {
            if ended.recv_timeout(deadline) == Err(RecvTimeoutError::Timeout) {
                let mut held = lock(&watched);
                held.late = true;
                end(&held);
            }
        });
        watching.map_err(|error| failed(&error))?;
        let output = output.ok_or_else(|| failed(&io::ErrorKind::BrokenPipe.into()))?;
        if let Some(mut input) = input {
            // A child that ends before it has read everything says so by how it ends.
            drop(io::copy(source, &mut input));
        }
        Ok((process, BufReader::new(output)))
    }

    /// Waits for its end and says whether it was a good one.
    pub(super) fn wait(&self) -> Result<(), ForeignError> {
        let crashed = || ForeignError::Crashed { format: self.format.ending() };
        let id = pid(&lock(&self.held).child).ok_or_else(crashed)?;
        // Without the lock, so that the watch can end it, and without reaping, so that its number stays its own.
        while let Err(error) = waitid(WaitId::Pid(id), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
            if error != rustix::io::Errno::INTR {
                return Err(crashed());
            }
        }
        let mut held = lock(&self.held);
        held.reaped = true;
        let status = held.child.wait().map_err(|_| crashed())?;
        self.judge(status, held.late)
    }

    fn judge(&self, status: ExitStatus, late: bool) -> Result<(), ForeignError> {
        let format = self.format.ending();
        let signal = status.signal().map(|signal| signal.unsigned_abs());
        let is = |wanted: Signal| signal == Some(wanted.as_raw().unsigned_abs());
        if late {
            return Err(ForeignError::Time { format, limit: self.deadline.as_secs() });
        }
        if is(Signal::XCPU) {
            return Err(ForeignError::Time { format, limit: CPU_SECONDS_MAX });
        }
        // An allocation that fails aborts; where the machine itself is out of memory, its kernel kills.
        if is(Signal::ABORT) || is(Signal::KILL) {
            return Err(ForeignError::Memory { format, limit: MEMORY_BYTES_MAX >> 20 });
        }
        if status.success() { Ok(()) } else { Err(ForeignError::Crashed { format }) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let mut held = lock(&self.held);
        if !held.reaped {
            end(&held);
            held.reaped = true;
            drop(held.child.wait());
        }
    }
}

fn pid(child: &Child) -> Option<Pid> {
    Pid::from_raw(i32::try_from(child.id()).ok()?)
}

/// Ends the child and what it started.
fn end(held: &Held) {
    if !held.reaped
        && let Some(group) = pid(&held.child)
    {
        // It may have ended by itself.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

fn lock(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
