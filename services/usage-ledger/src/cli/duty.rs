//! What a process does once it writes, and what it does until then.

use std::path::Path;

use super::{CliError, RunArgs, read_text, refused_to_run, takes_demo_keys, until_stopped};
use crate::admin::{self, Request};
use crate::product::Product;

/// Waits until this process writes; gives how it ended when it ends before.
pub(super) async fn stand_by(product: &Product, data: &Path) -> Option<Result<(), CliError>> {
    println!("usage-ledger stands by at {}", product.url());
    tokio::select! {
        () = product.writes() => None,
        outcome = until_stopped(product, data) => Some(outcome),
    }
}

/// What a process does that writes.
pub(super) struct Duty {
    /// How it was started.
    pub(super) args: RunArgs,
    /// Whether it keeps the catalog.
    pub(super) keeps_catalog: bool,
    /// Whether other machines may send requests.
    pub(super) serves_others: bool,
}

impl Duty {
    /// Imports the catalog file, makes the first key, and works until it is stopped.
    pub(super) async fn perform(&self, product: &Product) -> Result<(), CliError> {
        product.caught_up().await;
        if let Some(path) = &self.args.catalog {
            let imported = admin::perform(product, Request::Import { catalog: read_text(path)? }).await?;
            eprintln!("catalog: {imported}");
        }
        if self.keeps_catalog
            && let Some(key) = admin::first_key(product).await?
        {
            eprintln!("administrator key, shown only now: {key}");
        }
        let demo_keys = takes_demo_keys(&product.bus.shelf().take(), &product.secrets.pepper);
        if self.serves_others && !demo_keys.is_empty() && !self.args.insecure {
            return Err(refused_to_run(&format!(
                "the keys of the demo catalog are taken here and are public, and other machines are served: revoke {} \
                 with `usage-ledger key revoke`, or listen at 127.0.0.1",
                demo_keys.join(", ")
            )));
        }
        println!("usage-ledger is ready at {}", product.url());
        until_stopped(product, &self.args.data.data).await
    }
}
