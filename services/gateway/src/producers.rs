//! Producers: reports that come over NATS instead of HTTP, with the same rules, the same receipts and the same keys.
//!
//! Who may publish on a subject is for NATS to say; the subject says for whom it is reported, and nothing in a report
//! says otherwise.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use ledger::catalog::Role;
use ledger::{Actor, Catalog, ObjectId, Rejection, Scope, Surface};
use proto::report::ReportRefusal;
use runtime::nats::{Reason, Sent, Taken, Takes, Told};

use crate::app::App;
use crate::error::{Answered, ApiError};
use crate::files::aside;
use crate::json;
use crate::observed;
use crate::once::{Once, RequestKey};
use crate::reported::{About, Call, Form, Report, Reported, wired};

const PROTOBUF: &str = "application/protobuf";
/// Bytes of an answer in memory: `to_bytes` wants a bound, and whoever made it has bounded it already.
const ANSWER_BYTES_MAX: usize = usize::MAX;

/// Whoever takes the reports of producers.
#[derive(Clone, Debug)]
pub struct Producers(pub(crate) Arc<App>);

/// A report that can be decided.
struct Prepared {
    scope: Scope,
    call: Arc<Call>,
    once: Once,
}

impl Takes for Producers {
    async fn answer(&self, sent: Sent) -> Told {
        observed::report(sent.trace, self.told(sent)).await
    }

    async fn take(&self, sent: Sent) -> Taken {
        observed::report(sent.trace, self.taken(sent)).await
    }
}

impl Producers {
    async fn told(&self, sent: Sent) -> Told {
        let form = form_of(&sent);
        let answered = match &form {
            Ok(form) => self.answered(*form, sent).await,
            Err(found) => Err(unread(found)),
        };
        let wire = form != Ok(Form::Whole) && form != Ok(Form::Lines);
        let response = answered.unwrap_or_else(|error| if wire { refusal(&error) } else { error.into_response() });
        let (parts, body) = response.into_parts();
        let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let bytes = axum::body::to_bytes(body, ANSWER_BYTES_MAX).await.unwrap_or_default();
        Told { status: parts.status.as_u16(), content_type: kind.to_owned(), bytes: bytes.into() }
    }

    async fn taken(&self, sent: Sent) -> Taken {
        let told = async {
            let form = form_of(&sent).map_err(|found| unread(&found))?;
            let Prepared { scope, call, once } = self.prepared(form, sent).await?;
            self.0.reported(&scope, &call, &once).await
        };
        match told.await {
            Ok(told) => taken(&told),
            Err(error) => failed(&error),
        }
    }

    async fn answered(&self, form: Form, sent: Sent) -> Answered {
        let app = &self.0;
        let Prepared { scope, call, once } = self.prepared(form, sent).await?;
        let told = async {
            let told = app.reported(&scope, &call, &once).await?;
            match form {
                Form::Wire => in_protobuf(StatusCode::OK, &Ok(wired(&told))),
                Form::Whole | Form::Lines => Ok(json::answer(StatusCode::OK, &json::value(&told))),
            }
        };
        app.once(&once, told).await
    }

    async fn prepared(&self, form: Form, sent: Sent) -> Result<Prepared, ApiError> {
        let (scope, about) = self.tenant(&sent).await?;
        let target = format!("{} {} as {form:?}", about.contract, about.product);
        let report = Report::about(about, form, sent.bytes);
        let call = Arc::new(aside("a report", move || report.parse()).await??);
        let key = sent.key.as_ref().or(call.key.as_ref());
        let key = key.map(|key| RequestKey::of(key, "report".to_owned(), target)).transpose()?.unwrap_or_default();
        let once = key.about(&scope, &(&call.report, call.content));
        Ok(Prepared { scope, call, once })
    }

    /// For whom is reported, and about what; what isn't known is looked for again once the fold has caught up.
    async fn tenant(&self, sent: &Sent) -> Result<(Scope, About), ApiError> {
        let app = &self.0;
        app.started()?;
        if let Some(found) = tenant(&app.bus.shelf().take(), sent) {
            return Ok(found);
        }
        app.certain().await?;
        let unknown = || {
            let (contract, product) = (&sent.contract, &sent.product);
            let message = format!("There is no contract {contract} of a vendor that owns a product {product}.");
            ApiError::field("subject", message)
        };
        tenant(&app.bus.shelf().take(), sent).ok_or_else(unknown)
    }
}

/// The vendor that owns the product and is a party of the contract.
fn tenant(catalog: &Catalog, sent: &Sent) -> Option<(Scope, About)> {
    let (contract, product) = (ObjectId::new(&sent.contract)?, ObjectId::new(&sent.product)?);
    let vendor = catalog.products.get(&product)?.owner.clone();
    catalog.contracts.get(&contract).filter(|known| known.vendor == vendor)?;
    let actor = Actor::Producer { account: vendor.clone() };
    let scope = Scope { actor, account: Some(vendor), role: Role::Vendor, surface: Surface::Api };
    Some((scope, About { contract, product }))
}

/// How a report is written; the kind itself where it isn't read.
fn form_of(sent: &Sent) -> Result<Form, String> {
    let kind = sent.content_type.as_deref().map_or("", str::trim);
    if kind.is_empty() { Ok(Form::Wire) } else { Form::of(kind).ok_or_else(|| kind.to_owned()) }
}

fn unread(found: &str) -> ApiError {
    let expected = "application/protobuf, application/json or application/x-ndjson";
    ApiError::MediaType { found: found.to_owned(), expected }
}

fn in_protobuf(status: StatusCode, reply: &proto::report::ReportReply) -> Answered {
    let bytes = proto::encode_report_reply(reply).map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "a receipt is too long");
        ApiError::Task { what: "a receipt" }
    })?;
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PROTOBUF));
    Ok(response)
}

fn refusal(error: &ApiError) -> Response {
    let (status, code) = (error.status(), error.code().to_owned());
    let refusal = ReportRefusal { status: status.as_u16(), code, errors: vec![error.sentence()] };
    in_protobuf(status, &Err(refusal)).unwrap_or_else(IntoResponse::into_response)
}

/// What becomes of a report that was decided: if anything of it was left out, somebody has to see that.
fn taken(told: &Reported) -> Taken {
    let left_out = told.refused + told.conflicting;
    if left_out == 0 {
        return Taken::Kept;
    }
    let left = || told.records.iter().enumerate().filter(|(_, record)| !record.is_kept());
    let errors = left().flat_map(|(_, record)| record.errors.iter().flatten());
    let codes: BTreeSet<String> = errors.map(|error| error.code.clone()).collect();
    let message = left().next().map_or_else(String::new, |(number, record)| {
        let id = record.record_id.as_deref().unwrap_or_default();
        let error = record.errors.iter().flatten().next();
        let error = error.map_or("The file has a record of this id with other values.", |error| &error.message);
        format!("{left_out} of {} records were not taken. records[{number}] \"{id}\": {error}", told.records.len())
    });
    Taken::Refused(Reason { codes: codes.into_iter().collect(), message })
}

fn failed(error: &ApiError) -> Taken {
    let reason = || Reason { codes: vec![error.code().to_owned()], message: error.sentence() };
    match error {
        _ if error.status() == StatusCode::SERVICE_UNAVAILABLE => Taken::Away,
        // Files are sealed all the time; the next try finds the one that follows.
        ApiError::Rejected(Rejection::ReportSealed { .. }) => Taken::Failed(reason()),
        _ if error.status().is_server_error() => Taken::Failed(reason()),
        _ => Taken::Refused(reason()),
    }
}
