//! `Ledger-Checkpoint`: both sides of a file are handed the same roots with whatever they read, so that neither can be
//! shown another past later.

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use data_encoding::BASE64;
use ledger::{HostId, Partition, ServiceName};
use runtime::evidence::LogEvidence;

use crate::app::App;

/// A dictionary of RFC 9651: each log with its newest root, and of how many events it is.
const CHECKPOINT: HeaderName = HeaderName::from_static("ledger-checkpoint");

/// An answer about a file, with the newest checkpoint of every log that tells of it.
pub(crate) fn with_checkpoints(app: &App, partition: Partition, mut response: Response) -> Response {
    let evidence = app.projection.evidence();
    let concerns = |host: &HostId| host.service == ServiceName::Catalog || host.partition == partition;
    let logs = evidence.iter().filter(|(host, _)| concerns(host));
    let members = logs.filter_map(|(host, log)| member(*host, log)).collect::<Vec<_>>();
    // Before the first checkpoint there is nothing to hand out.
    if let Some(value) = HeaderValue::from_str(&members.join(", ")).ok().filter(|_| !members.is_empty()) {
        response.headers_mut().insert(CHECKPOINT, value);
    }
    response
}

fn member(host: HostId, log: &LogEvidence) -> Option<String> {
    let signed = log.latest.as_ref()?;
    Some(format!("{host}=:{}:;size={}", BASE64.encode(&signed.root.0), signed.size))
}
