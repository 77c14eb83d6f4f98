//! The API described for programs: an OpenAPI document made of the handlers' own annotations, and a page to read it
//! with.

mod answers;
pub(crate) mod bodies;
mod finish;
pub(crate) mod links;
pub(crate) mod params;
pub(crate) mod tag;

use std::sync::LazyLock;

use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use serde_json::Value;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, License, OpenApi, OpenApiBuilder, SecurityRequirement, ServerBuilder,
};
use utoipa::{PartialSchema, ToSchema};

pub(crate) use answers::{Changing, Linked, Open, Reading, Refusal, Waiting};

/// What stands before everything in the document.
const DESCRIPTION: &str = include_str!("description.md");
/// The page to read it with.
const VIEWER: &str = include_str!("viewer.html");
/// Browsers hold the page to that: it asks this server only.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; \
                      img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";
/// What the scheme of keys is called in the document.
const KEY: &str = "ApiKey";

/// The document, once it was asked for.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| format!("{:#}\n", value()));

/// What the document has besides paths and schemas.
pub(crate) fn head() -> OpenApi {
    let words = "`ApiKey SU-000-000-001:secret`, the word in any case; some SDKs send the key alone.";
    let key = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description("Authorization", words)));
    let components = ComponentsBuilder::new().schema(Refusal::name(), Refusal::schema()).security_scheme(KEY, key);
    let components = answers::all().into_iter().fold(components, |all, (name, response)| all.response(name, response));
    let info = InfoBuilder::new()
        .title("usage-ledger")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(License::builder().name("Apache-2.0").identifier(Some("Apache-2.0")).build()));
    OpenApiBuilder::new()
        .info(info.build())
        .servers(Some([ServerBuilder::new().url("/").build()]))
        .components(Some(components.build()))
        .security(Some([SecurityRequirement::new::<_, [&str; 0], &str>(KEY, [])]))
        .tags(Some(tag::all()))
        .build()
}

/// The whole document.
pub(crate) fn value() -> Value {
    let written = serde_json::to_value(crate::routes::all().into_openapi());
    let written = written.inspect_err(|error| tracing::error!(%error, "could not write the OpenAPI document"));
    finish::finished(written.unwrap_or_default())
}

/// Read this document
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "openapi",
    tag = tag::PROBES,
    responses((status = 200, description = "OpenAPI 3.1", body = Object), Open),
    security(()),
)]
pub(crate) async fn document() -> Response {
    let kind = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, kind)], DOCUMENT.as_str()).into_response()
}

/// Read this document on a page
///
/// With a form to try each operation. It loads nothing from elsewhere.
#[utoipa::path(
    get,
    path = "/openapi",
    operation_id = "openapi_page",
    tag = tag::PROBES,
    responses((status = 200, description = "A page", body = String, content_type = "text/html"), Open),
    security(()),
)]
pub(crate) async fn viewer() -> Response {
    ([(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY))], Html(VIEWER)).into_response()
}
