//! Workbooks in foreign formats (ODS, XLSB, XLS), which somebody else's reader reads in a process of its own.
//!
//! That reader holds whole sheets in memory and ends the process on some files of two kilobytes, so it never runs in
//! ours. [`Book::open`] starts a [`Guard`]'s program, hands it the workbook on its standard input, and reads frames
//! from its standard output; [`serve`] is what that program does. Whatever happens to the child is one
//! [`ForeignError`].
//!
//! `book` and `process` are the parent's side, `serve`, `audit`, `brt` and `inside` the child's, `frame` is what passes
//! between them. `inside` is the only file that names calamine.

mod audit;
mod book;
mod brt;
mod frame;
mod inside;
mod process;
mod serve;

use std::path::PathBuf;
use std::time::Duration;

use crate::format::Format;

pub use book::{Book, Rows};
pub use serve::{confine, serve};

/// Address space of the child: no workbook, honest or hostile, may take more than that. An ODS of 140,000 records with
/// eight columns fits; XLSX and CSV are read as streams and have no such limit.
pub const MEMORY_BYTES_MAX: u64 = 256 << 20;
/// Processor time of the child. The largest workbook that fits the memory needs a tenth of it.
pub const CPU_SECONDS_MAX: u64 = 60;
/// From the child's start to its end: processor time and what we need to take its rows.
pub const DEADLINE: Duration = Duration::from_secs(600);
/// What the child may send: a million records of a kilobyte.
pub const OUTPUT_BYTES_MAX: u64 = 1 << 30;
/// What the child takes: the largest upload.
pub const INPUT_BYTES_MAX: u64 = 64 << 20;
/// Cells of one sheet between its first and its last filled one; the child's reader holds each of them.
pub const CELLS_MAX: u64 = 20_000_000;
/// Digits that a double keeps.
pub const DIGITS_MAX: usize = 17;

/// Why a workbook in a foreign format can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForeignError {
    /// This program was given no reader for it.
    #[error("a .{format} workbook can't be read here; save it as .xlsx (Excel Workbook) and upload it again")]
    NotServed {
        /// Its format.
        format: &'static str,
    },
    /// The child could not be started.
    #[error("the reader for .{format} workbooks could not be started; try again, or save it as .xlsx")]
    NotStarted {
        /// The format.
        format: &'static str,
        /// Why not.
        reason: String,
    },
    /// The child ran out of memory.
    #[error("reading the .{format} workbook took more than {limit} MB; save it as .xlsx and upload it again")]
    Memory {
        /// The format.
        format: &'static str,
        /// Megabytes allowed.
        limit: u64,
    },
    /// The child ran out of time.
    #[error("reading the .{format} workbook took more than {limit} seconds; save it as .xlsx and upload it again")]
    Time {
        /// The format.
        format: &'static str,
        /// Seconds allowed.
        limit: u64,
    },
    /// The child sent more than it may.
    #[error("the .{format} workbook holds more than {limit} MB of cells; split it, or save it as .xlsx")]
    Flood {
        /// The format.
        format: &'static str,
        /// Megabytes allowed.
        limit: u64,
    },
    /// The child ended otherwise than it should, or sent what is no frame.
    #[error("the .{format} workbook is damaged or holds what can't be read; save it as .xlsx and upload it again")]
    Crashed {
        /// The format.
        format: &'static str,
    },
    /// What the child found.
    #[error("{0}")]
    Told(String),
}

/// How the child is started: a program that calls [`confine`] and [`serve`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    program: PathBuf,
    arguments: Vec<String>,
    deadline: Duration,
}

impl Guard {
    /// A guard that starts a program with arguments, to which the format and the wanted tabs are added.
    #[must_use]
    pub fn new(program: PathBuf, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self { program, arguments, deadline: DEADLINE }
    }

    /// With another deadline than [`DEADLINE`].
    #[must_use]
    pub fn within(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }
}

/// What is said of a workbook that calamine, or our look before it, finds unreadable.
fn unreadable(format: Format, reason: &str) -> ForeignError {
    let reason = crate::read::quote(reason);
    ForeignError::Told(format!(
        "the .{} workbook can't be read ({reason}); save it as .xlsx and upload it again",
        format.ending()
    ))
}
