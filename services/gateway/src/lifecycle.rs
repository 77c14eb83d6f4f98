//! `/ledger/v1/lifecycle`: what can be done with a usage file, by whom and in which status; the same table decides.

use axum::http::StatusCode;
use axum::response::Response;
use ledger::Status;
use ledger::transitions::{TABLE, standing};
use serde::Serialize;
use utoipa::ToSchema;

use crate::json;
use crate::openapi::{Open, tag};

/// A usage file's life.
#[derive(Serialize, ToSchema)]
pub(crate) struct Lifecycle {
    /// Where a file can stand, in the order of its life.
    statuses: Vec<Standing>,
    /// What can be done; what isn't here is refused.
    transitions: Vec<Transition>,
}

/// Where a file stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct Standing {
    /// The status.
    #[schema(example = "ready")]
    status: &'static str,
    /// What that means, as refusals say it.
    #[schema(example = "it was not submitted yet")]
    meaning: &'static str,
}

/// What can be done.
#[derive(Serialize, ToSchema)]
pub(crate) struct Transition {
    /// The action.
    #[schema(example = "submit")]
    action: &'static str,
    /// Who does it: the vendor or the provider of the file. Outside production the vendor plays both.
    #[schema(example = "vendor")]
    side: &'static str,
    /// In which statuses.
    #[schema(example = json!(["draft", "ready"]))]
    from: Vec<&'static str>,
    /// What comes of it.
    #[schema(example = "pending")]
    effect: &'static str,
}

/// Read what can be done with a usage file
#[utoipa::path(
    get,
    path = "/ledger/v1/lifecycle",
    operation_id = "lifecycle",
    tag = tag::FILES,
    responses((status = 200, description = "The table that decides", body = Lifecycle), Open),
    security(()),
)]
pub(crate) async fn lifecycle() -> Response {
    let statuses = Status::ALL.map(|status| Standing { status: status.name(), meaning: standing(status) });
    let transitions = TABLE.map(|line| Transition {
        action: line.action.name(),
        side: line.side.name(),
        from: line.from.iter().map(|status| status.name()).collect(),
        effect: line.effect,
    });
    let lifecycle = Lifecycle { statuses: statuses.into(), transitions: transitions.into() };
    json::answer(StatusCode::OK, &json::value(&lifecycle))
}
