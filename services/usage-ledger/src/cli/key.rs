//! Keys at the machine: issued, revoked and listed; and links that sign somebody in at the portal.

use clap::Subcommand;
use ledger::KeyScope;
use serde_json::Value;

use super::{CliError, DataArgs, ask};
use crate::admin::Request;

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Issue a key for an account; its secret is shown once.
    Issue {
        /// The account that the key acts for (VA-…, PA-…).
        #[arg(long)]
        account: String,
        /// What the key is for, as it appears in histories.
        #[arg(long)]
        name: String,
        /// What it may do of what its account may, separated by commas: report, review, bill, configure. Left out, all of
        /// it.
        #[arg(long, value_delimiter = ',', value_parser = scope, conflicts_with = "read_only")]
        scopes: Option<Vec<KeyScope>>,
        /// It reads what its account sees, and changes nothing.
        #[arg(long)]
        read_only: bool,
        #[command(flatten)]
        data: DataArgs,
    },
    /// Print a link that signs its reader in at the portal with a key: once, within fifteen minutes.
    ///
    /// The ledger must be running with this data directory. Whoever opens the link first is signed in, so send it on a
    /// safe way; the session stands in the list of sessions, where it can be ended.
    Link {
        /// The key (SU-…).
        key: String,
        /// Where the portal is for whoever reads the link; the ledger's own address unless this is given.
        #[arg(long)]
        url: Option<String>,
        #[command(flatten)]
        data: DataArgs,
    },
    /// Make a key unusable at once.
    Revoke {
        /// The key (SU-…).
        key: String,
        #[command(flatten)]
        data: DataArgs,
    },
    /// List all keys, without their secrets.
    List {
        #[command(flatten)]
        data: DataArgs,
    },
}

fn scope(name: &str) -> Result<KeyScope, String> {
    let known = KeyScope::ALL.map(KeyScope::name).join(", ");
    KeyScope::parse(name).ok_or_else(|| format!("there is no such scope; known are {known}"))
}

pub(super) async fn run(command: KeyCommand) -> Result<u8, CliError> {
    match command {
        KeyCommand::Issue { account, name, scopes, read_only, data } => {
            let scopes = if read_only { Some(Vec::new()) } else { scopes };
            let scopes = scopes.map(|scopes| scopes.into_iter().map(|scope| scope.name().to_owned()).collect());
            let issued = ask(&data, Request::IssueKey { account, name, scopes }).await?;
            println!("{}", issued.get("key").and_then(Value::as_str).unwrap_or_default());
            eprintln!("Keep it: the secret is not stored and can't be shown again.");
        }
        KeyCommand::Link { key, url, data } => {
            let made = ask(&data, Request::SignInLink { key, url }).await?;
            println!("{}", made.get("link").and_then(Value::as_str).unwrap_or_default());
            eprintln!("It signs its reader in once, within fifteen minutes.");
        }
        KeyCommand::Revoke { key, data } => {
            ask(&data, Request::RevokeKey { key: key.clone() }).await?;
            println!("{key} is revoked");
        }
        KeyCommand::List { data } => {
            let keys = ask(&data, Request::ListKeys).await?;
            for key in keys.as_array().into_iter().flatten() {
                let text = |name: &str| key.get(name).and_then(Value::as_str).unwrap_or_default();
                let revoked = key.get("revoked").and_then(Value::as_bool).unwrap_or(false);
                let state = if revoked { "revoked" } else { "active" };
                let scopes = key.get("scopes").and_then(Value::as_array).map(|scopes| {
                    let scopes: Vec<&str> = scopes.iter().filter_map(Value::as_str).collect();
                    if scopes.is_empty() { "  (read only)".to_owned() } else { format!("  ({})", scopes.join(", ")) }
                });
                let scopes = scopes.unwrap_or_default();
                println!("{}  {}  {}  {}{scopes}", text("id"), text("account"), state, text("name"));
            }
        }
    }
    Ok(0)
}
