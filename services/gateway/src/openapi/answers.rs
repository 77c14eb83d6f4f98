//! What is answered instead of what was asked for, as the document says it: each kind of request with its statuses.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

/// The one shape of every refusal.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
pub(crate) struct Refusal<'a> {
    /// The code, which never changes its meaning; docs/errors.md lists all of them.
    #[schema(example = "VAL_001")]
    pub(crate) error_code: &'a str,
    /// What is wrong and what would be right, for people.
    #[schema(example = json!(["limit: Give a whole number."]))]
    pub(crate) errors: &'a [String],
}

/// A status, when it comes, and an example of it.
struct Case {
    /// What it is called in the document.
    name: &'static str,
    status: u16,
    when: &'static str,
    code: &'static str,
    sentence: &'static str,
}

const INVALID: Case = Case {
    name: "Invalid",
    status: 400,
    when: "The request is wrong, or what it asks for can't be done now: the sentence says what would be right.",
    code: "VAL_001",
    sentence: "period.from: This field is required.",
};
const UNAUTHORIZED: Case = Case {
    name: "Unauthorized",
    status: 401,
    when: "There is no key, or it is unknown or revoked.",
    code: "AUTH_001",
    sentence: "API request is unauthorized.",
};
const FORBIDDEN: Case = Case {
    name: "Forbidden",
    status: 403,
    when: "The object is yours to see, and this is not yours to do.",
    code: "AUTH_003",
    sentence: "You do not have permission to perform this action.",
};
const EXPIRED: Case = Case {
    name: "Expired",
    status: 403,
    when: "The link is older than ten minutes, or was changed.",
    code: "AUTH_003",
    sentence: "This link has expired or is damaged. Ask for the object again to get a new one.",
};
const NOT_FOUND: Case = Case {
    name: "NotFound",
    status: 404,
    when: "Nothing of that id is yours to see.",
    code: "NFND_000",
    sentence: "Object not found.",
};
const TOO_LARGE: Case = Case {
    name: "TooLarge",
    status: 413,
    when: "The body is larger than is taken.",
    code: "VAL_001",
    sentence: "A JSON body may have at most 1048576 bytes.",
};
const MEDIA_TYPE: Case = Case {
    name: "MediaType",
    status: 415,
    when: "The body is of a kind that is not read here.",
    code: "VAL_001",
    sentence: "Unsupported media type \"text/plain\" in request: send application/json.",
};
const CROWDED: Case = Case {
    name: "Crowded",
    status: 429,
    when: "The key sends more than it may, or as many clients wait for news as are served. `Retry-After` says for how long to wait.",
    code: "VAL_001",
    sentence: "This key sends more than 200 requests a second. Wait as long as Retry-After says, then send it again.",
};
const KEY_REUSED: Case = Case {
    name: "KeyReused",
    status: 422,
    when: "The idempotency key came with other content before.",
    code: "REQ_009",
    sentence: "This idempotency key was used for another request.",
};
const FAULT: Case = Case {
    name: "Fault",
    status: 500,
    when: "A fault of ours; its reason is in our log.",
    code: "SYS_001",
    sentence: "The request could not be answered because of a fault on our side. Try again.",
};
const UNAVAILABLE: Case = Case {
    name: "Unavailable",
    status: 503,
    when: "The process is starting or stopping, or a part of the ledger is away; nothing was recorded. `Retry-After` says for how long to wait. With the code `SYS_002` the disk of the ledger is full or fails, and waiting doesn't help by itself.",
    code: "SYS_001",
    sentence: "The service is not available. Try again; with an Idempotency-Key nothing is recorded twice.",
};

/// Refusals of a request that reads.
pub(crate) struct Reading;
/// Refusals of a request that changes something.
pub(crate) struct Changing;
/// Refusals of a request that may wait for news.
pub(crate) struct Waiting;
/// Refusals of a link that works without a key.
pub(crate) struct Linked;
/// Refusals of what is open to everybody.
pub(crate) struct Open;

impl IntoResponses for Reading {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[&INVALID, &UNAUTHORIZED, &FORBIDDEN, &NOT_FOUND, &CROWDED, &FAULT, &UNAVAILABLE])
    }
}

impl IntoResponses for Waiting {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[&INVALID, &UNAUTHORIZED, &NOT_FOUND, &CROWDED, &FAULT, &UNAVAILABLE])
    }
}

impl IntoResponses for Changing {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let asked = [&INVALID, &UNAUTHORIZED, &FORBIDDEN, &NOT_FOUND, &TOO_LARGE, &MEDIA_TYPE, &KEY_REUSED];
        refusals(&[asked.as_slice(), &[&CROWDED, &FAULT, &UNAVAILABLE]].concat())
    }
}

impl IntoResponses for Linked {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[&INVALID, &EXPIRED, &NOT_FOUND, &FAULT, &UNAVAILABLE])
    }
}

impl IntoResponses for Open {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[&FAULT])
    }
}

fn refusals(cases: &[&Case]) -> BTreeMap<String, RefOr<Response>> {
    cases.iter().map(|case| (case.status.to_string(), RefOr::Ref(Ref::from_response_name(case.name)))).collect()
}

/// Every refusal that operations name.
pub(super) fn all() -> Vec<(&'static str, Response)> {
    let cases = [
        &INVALID,
        &UNAUTHORIZED,
        &FORBIDDEN,
        &EXPIRED,
        &NOT_FOUND,
        &TOO_LARGE,
        &MEDIA_TYPE,
        &CROWDED,
        &KEY_REUSED,
        &FAULT,
        &UNAVAILABLE,
    ];
    cases.map(|case| (case.name, response(case))).into()
}

fn response(case: &Case) -> Response {
    let refusal = Refusal { error_code: case.code, errors: &[case.sentence.to_owned()] };
    let content =
        ContentBuilder::new().schema(Some(Ref::from_schema_name(Refusal::name()))).example(Some(json!(refusal)));
    ResponseBuilder::new().description(case.when).content("application/json", content.build()).build()
}
