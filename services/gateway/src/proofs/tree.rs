//! Proofs in the tree over a log's events: the gateway keeps the root of every 64 of them, and reads those that a proof
//! cuts through.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use ledger::merkle::{Blocks, consistency, inclusion, leaf};
use ledger::{Hash, HostId, ServiceName};
use runtime::bus::FollowError;
use runtime::source::{Published, Source};

use super::{covering, hexes, host, number};
use crate::app::App;
use crate::auth::Caller;
use crate::error::{Answered, ApiError};
use crate::files::aside;
use crate::json::proof::ConsistencyProof;
use crate::json::{answer, value};
use crate::openapi::{Reading, params, tag};

/// What readers of the proof go by.
const FORMAT: &str = "usage-ledger/consistency/1";

/// Prove that a log only grew
///
/// That it begins with what a checkpoint said which was kept before, up to its newest checkpoint or to another one.
#[utoipa::path(
    get,
    path = "/ledger/v1/proof/consistency",
    operation_id = "prove_consistency",
    tag = tag::PROOFS,
    params(params::Consistency),
    responses((status = 200, description = "The proof", body = ConsistencyProof), Reading),
)]
pub(crate) async fn prove(
    Caller(_): Caller,
    State(app): State<Arc<App>>,
    Query(given): Query<HashMap<String, String>>,
) -> Answered {
    let host = host(&app, &given)?;
    let from = number(&given, "from")?;
    let newest = app.projection.evidence().get(&host).and_then(|log| log.checkpoints.keys().next_back().copied());
    let to = if given.contains_key("to") { number(&given, "to")? } else { newest.unwrap_or(0) };
    let proof = aside("a proof", move || proof(&app, host, from, to)).await??;
    Ok(answer(StatusCode::OK, &value(&proof)))
}

fn proof(app: &App, host: HostId, from: u64, to: u64) -> Result<ConsistencyProof, ApiError> {
    let signed = covering(app, host, to)?;
    if signed.size != to {
        let message = format!("No checkpoint has {to} events, but one has {}.", signed.size);
        return Err(ApiError::field("to", message));
    }
    if from > to {
        return Err(ApiError::field("from", format!("{host} has signed {to} events, not {from}.")));
    }
    let (source, tree) = tree(app, host)?;
    let path = consistency(from, to, |first, count| subtree(&source, &tree, first, count))?;
    let (host, path) = (host.to_string(), hexes(&path));
    Ok(ConsistencyProof { format: FORMAT, host, from, to, path, checkpoint: signed.note })
}

/// The way from an event to the root of a checkpoint. Blocks.
pub(super) fn path_of_event(app: &App, host: HostId, sequence: u64, size: u64) -> Result<Vec<String>, ApiError> {
    let (source, tree) = tree(app, host)?;
    Ok(hexes(&inclusion(sequence - 1, size, |first, count| subtree(&source, &tree, first, count))?))
}

/// An own event of a log, as it rests. Blocks.
pub(super) fn read_own(app: &App, host: HostId, sequence: u64) -> Result<Published, ApiError> {
    let found = source(app, host)?.own_at(sequence).map_err(|error| FollowError { emitter: host, error })?;
    found.ok_or(ApiError::NOT_FOUND)
}

fn source(app: &App, host: HostId) -> Result<Source, ApiError> {
    let sources = app.bus.sources(&ServiceName::WRITERS);
    sources.into_iter().find(|source| source.host() == host).ok_or(ApiError::NOT_FOUND)
}

/// The tree as it is now: a copy, since whoever keeps the fold fresh must not wait for the disk.
fn tree(app: &App, host: HostId) -> Result<(Source, Blocks), ApiError> {
    let tree = app.projection.evidence().get(&host).map(|log| log.tree.clone());
    Ok((source(app, host)?, tree.ok_or(ApiError::NOT_FOUND)?))
}

fn subtree(source: &Source, tree: &Blocks, first: u64, count: u64) -> Result<Hash, ApiError> {
    tree.subtree(first, count, &mut |first, count| {
        let facts = source.own(first + 1).take(usize::try_from(count).unwrap_or(usize::MAX));
        let leaves = facts.map(|fact| fact.map(|fact| leaf(&fact.header.hash().0)));
        let leaves = leaves.collect::<Result<Vec<_>, _>>();
        leaves.map_err(|error| FollowError { emitter: source.host(), error }.into())
    })
}
