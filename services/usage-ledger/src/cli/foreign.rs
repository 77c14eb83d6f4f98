//! The guarded child process: this program starts itself to read formats that somebody else's reader reads.

use clap::Args;
use workbook::foreign::{Guard, confine, serve};
use workbook::format::Format;

use super::CliError;

/// The hidden command that the child is started with.
pub(super) const COMMAND: &str = "read-foreign";

/// Arguments of the hidden command, as the guard gives them.
#[derive(Args, Debug)]
pub(super) struct ReadForeignArgs {
    /// The ending of the format.
    #[arg(long, value_parser = format)]
    format: Format,
    /// The tabs whose rows are wanted, in this order.
    tabs: Vec<String>,
}

fn format(ending: &str) -> Result<Format, String> {
    Format::of_ending(ending).ok_or_else(|| "no format that is read here".to_owned())
}

/// How this program starts its child; nothing where the system doesn't say which program it is.
pub(crate) fn guard() -> Option<Guard> {
    std::env::current_exe().ok().map(|program| Guard::new(program, &[COMMAND]))
}

/// What the child does: from standard input to standard output.
pub(super) fn run(args: &ReadForeignArgs) -> Result<u8, CliError> {
    let failed = |error: std::io::Error| CliError::Plain(format!("could not read for the parent: {error}"));
    confine().map_err(failed)?;
    serve(args.format, &args.tabs, std::io::stdin().lock(), std::io::stdout().lock()).map_err(failed)?;
    Ok(0)
}
