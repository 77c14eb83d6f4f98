//! What an outsider checks the ledger with: the keys of its logs, their signed checkpoints, and proofs that lead to one.

mod header;
pub(crate) mod record;
pub(crate) mod statement;
pub(crate) mod tree;

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use ledger::fact::CheckpointSigned;
use ledger::{Fact, Hash, HostId, ServiceName};
use runtime::evidence::LogEvidence;

use crate::app::App;
use crate::auth::Caller;
use crate::error::{Answered, ApiError};
use crate::files::aside;
use crate::json::proof::{CheckpointList, KeyList, LogKey, SignedCheckpoint};
use crate::json::{answer, value};
use crate::openapi::{Reading, params, tag};

pub(crate) use header::with_checkpoints;
pub(crate) use record::BatchRoots;

/// List the keys of the logs
///
/// What checkpoints and statements are signed with, the newest key of a log last. Keep a copy: who has only what the
/// ledger says today can't tell another ledger from it.
#[utoipa::path(
    get,
    path = "/ledger/v1/keys",
    operation_id = "list_keys",
    tag = tag::PROOFS,
    responses((status = 200, description = "The keys", body = KeyList), Reading),
)]
pub(crate) async fn keys(Caller(_): Caller, State(app): State<Arc<App>>) -> Answered {
    let evidence = app.projection.evidence();
    let of = |(host, log): (&HostId, &LogEvidence)| {
        let host = host.to_string();
        log.keys.iter().map(move |key| LogKey { host: host.clone(), key: key.to_string() }).collect::<Vec<_>>()
    };
    Ok(answer(StatusCode::OK, &value(&KeyList { keys: evidence.iter().flat_map(of).collect() })))
}

/// List checkpoints
///
/// The newest of each log, or of one. With a size, the oldest one of that log that has at least so many events.
#[utoipa::path(
    get,
    path = "/ledger/v1/checkpoints",
    operation_id = "list_checkpoints",
    tag = tag::PROOFS,
    params(params::Checkpoints),
    responses((status = 200, description = "Checkpoints", body = CheckpointList), Reading),
)]
pub(crate) async fn checkpoints(
    Caller(_): Caller,
    State(app): State<Arc<App>>,
    Query(given): Query<HashMap<String, String>>,
) -> Answered {
    let host = given.get("host").map(|_| host(&app, &given)).transpose()?;
    let checkpoints = match (host, given.get("size")) {
        (None, Some(_)) => return Err(ApiError::field("host", "Name the log that the size is about.")),
        (Some(host), Some(_)) => {
            let size = number(&given, "size")?;
            let app = app.clone();
            let found = aside("a checkpoint", move || covering(&app, host, size)).await??;
            vec![shown(host, &found)]
        }
        (host, None) => {
            let evidence = app.projection.evidence();
            let wanted = evidence.iter().filter(|(id, _)| host.is_none_or(|host| host == **id));
            wanted.filter_map(|(id, log)| Some(shown(*id, log.latest.as_ref()?))).collect()
        }
    };
    Ok(answer(StatusCode::OK, &value(&CheckpointList { checkpoints })))
}

fn shown(host: HostId, signed: &CheckpointSigned) -> SignedCheckpoint {
    let CheckpointSigned { size, root, note, .. } = signed;
    SignedCheckpoint { host: host.to_string(), size: *size, root: root.to_string(), note: note.clone() }
}

/// The oldest checkpoint of a log that has at least so many events. Blocks.
fn covering(app: &App, host: HostId, size: u64) -> Result<CheckpointSigned, ApiError> {
    let found = app.projection.evidence().get(&host).and_then(|log| log.covering(size));
    let Some((_, sequence)) = found else {
        let message = format!("No checkpoint of {host} has {size} events yet: one is signed within a minute.");
        return Err(ApiError::field("size", message));
    };
    let (event, _) = app.records.event(host.service, host.partition, sequence)?;
    match event.fact {
        Fact::CheckpointSigned(signed) => Ok(*signed),
        _ => Err(ApiError::Task { what: "a checkpoint" }),
    }
}

/// The log that a request names.
fn host(app: &App, given: &HashMap<String, String>) -> Result<HostId, ApiError> {
    let text = given.get("host").map(String::as_str).unwrap_or_default();
    let sources = app.bus.sources(&ServiceName::WRITERS);
    let host = sources.iter().map(runtime::source::Source::host).find(|host| host.to_string() == text);
    host.ok_or_else(|| ApiError::field("host", "There is no such log: give one that /ledger/v1/checkpoints names."))
}

fn number(given: &HashMap<String, String>, name: &str) -> Result<u64, ApiError> {
    let number = given.get(name).and_then(|text| text.parse().ok());
    number.ok_or_else(|| ApiError::field(name, "Give a whole number."))
}

fn hexes(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(ToString::to_string).collect()
}
