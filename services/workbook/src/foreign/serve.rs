//! What the child does: it limits itself, looks the workbook over, has it read, and sends what was found.

use std::io::{self, BufWriter, Read, Write};

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::format::Format;

use super::frame::Sender;
use super::{CPU_SECONDS_MAX, ForeignError, INPUT_BYTES_MAX, MEMORY_BYTES_MAX, audit, inside};

/// Limits what this process may take, for good: memory, processor time, no files, no image of its memory on the disk.
/// On Linux it also ends with its parent.
///
/// # Errors
///
/// The system sets no such limit.
pub fn confine() -> io::Result<()> {
    let limits =
        [(Resource::As, MEMORY_BYTES_MAX), (Resource::Cpu, CPU_SECONDS_MAX), (Resource::Fsize, 0), (Resource::Core, 0)];
    for (resource, limit) in limits {
        // The signal of the processor's limit is one that can be told apart, so the hard limit stays above it.
        let hard = if resource == Resource::Cpu { limit + 1 } else { limit };
        setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(hard) })?;
    }
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    Ok(())
}

/// Reads a workbook from `input` and sends its tabs, and the rows of those that are wanted, to `output`.
///
/// # Errors
///
/// The output can't be written: the parent has gone.
pub fn serve(format: Format, wanted: &[String], input: impl Read, output: impl Write) -> io::Result<()> {
    let mut sender = Sender::new(BufWriter::new(output))?;
    let mut bytes = Vec::new();
    let taken = input.take(INPUT_BYTES_MAX + 1).read_to_end(&mut bytes);
    let limit = INPUT_BYTES_MAX >> 20;
    let outcome = match taken {
        Ok(_) if bytes.len() as u64 <= INPUT_BYTES_MAX => {
            audit::look(format, &bytes).map_err(inside::Failure::from).and_then(|findings| {
                let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
                inside::send(format, bytes, findings, &wanted, &mut sender)
            })
        }
        Ok(_) => Err(ForeignError::Told(format!("the workbook has more than {limit} MB; split it")).into()),
        Err(error) => Err(inside::Failure::Output(error)),
    };
    match outcome {
        Ok(()) => sender.end(),
        Err(inside::Failure::Found(sentence)) => sender.fault(&sentence),
        Err(inside::Failure::Output(error)) => Err(error),
    }
}
