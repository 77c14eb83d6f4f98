//! Which ledger a command talks to, and as whom.

use clap::Args;

use super::{CliError, Client};

/// The ledger and the key, for every command that goes through the API.
#[derive(Args, Clone, Debug)]
pub(super) struct ServerArgs {
    /// The ledger to talk to.
    #[arg(long, global = true, env = "USAGE_LEDGER_URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// The API key: `ApiKey SU-…:secret`, or without the first word.
    #[arg(long, global = true, env = "USAGE_LEDGER_KEY", default_value = "", hide_env_values = true)]
    key: String,
    /// Print the answer as JSON instead of a line for people.
    #[arg(long, global = true)]
    pub(super) json: bool,
}

impl ServerArgs {
    /// A client, if there is a key.
    pub(super) fn client(&self) -> Result<Client, CliError> {
        if self.key.is_empty() {
            let hint =
                "no API key: give --key or set USAGE_LEDGER_KEY; an operator issues one with `usage-ledger key issue`";
            return Err(CliError::Plain(hint.to_owned()));
        }
        Ok(Client::new(&self.url, &self.key))
    }
}
