//! `Ledger-Checkpoint`: both sides of a file are handed the same roots with whatever they read, so that neither can be
//! shown another past later.

use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use ledger::{HostId, Partition, ServiceName};
use runtime::evidence::LogEvidence;

use crate::app::App;

/// A dictionary of RFC 9651: each log with its newest root, and of how many events it is.
const CHECKPOINT: HeaderName = HeaderName::from_static("ledger-checkpoint");

/// What clients and proxies take without complaint; with more logs than fit, lists hand out none.
const BYTES_MAX: usize = 4 * 1024;

/// An answer about a file of a partition, or about files of any, with the newest checkpoint of every log that tells of
/// them.
pub(crate) fn with_checkpoints(app: &App, partition: Option<Partition>, answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    let evidence = app.projection.evidence();
    let of_partition = |host: &HostId| partition.is_none_or(|partition| host.partition == partition);
    let concerns = |host: &HostId| host.service == ServiceName::Catalog || of_partition(host);
    let logs = evidence.iter().filter(|(host, _)| concerns(host));
    let members = logs.filter_map(|(host, log)| member(*host, log)).collect::<Vec<_>>().join(", ");
    // Before the first checkpoint there is nothing to hand out.
    let fits = (1..=BYTES_MAX).contains(&members.len());
    if let Some(value) = HeaderValue::from_str(&members).ok().filter(|_| fits) {
        response.headers_mut().insert(CHECKPOINT, value);
    }
    response
}

fn member(host: HostId, log: &LogEvidence) -> Option<String> {
    Some(log.latest.as_ref()?.signed().member(host))
}
