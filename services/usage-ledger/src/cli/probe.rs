//! `usage-ledger probe`: asks an address once, for health checks in images that hold no other program.

use std::time::Duration;

use clap::Args;
use ureq::Agent;

use super::CliError;

/// A process that takes longer is not well.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Of the answer this much is shown: reasons are short.
const SHOWN_BYTES_MAX: u64 = 4 * 1024;

/// Arguments of `probe`.
#[derive(Args, Debug)]
pub(super) struct ProbeArgs {
    /// What to ask: http://127.0.0.1:8080/readyz.
    url: String,
}

/// Asks; whatever is no success fails.
pub(super) fn run(args: &ProbeArgs) -> Result<u8, CliError> {
    let url = &args.url;
    let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(TIMEOUT)).build();
    let answer = Agent::new_with_config(config).get(url).call();
    let mut answer = answer.map_err(|error| CliError::Plain(format!("{url} doesn't answer: {error}")))?;
    let words = answer.body_mut().with_config().limit(SHOWN_BYTES_MAX).read_to_string().unwrap_or_default();
    if answer.status().is_success() {
        println!("{words}");
        return Ok(0);
    }
    Err(CliError::Plain(format!("{url} answers {}: {words}", answer.status())))
}
