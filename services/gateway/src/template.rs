//! The template of a product: a link to it, and the workbook behind the link.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use ledger::catalog::{Catalog, ItemKind, Schema};
use ledger::{Moment, ObjectId, Rejection};
use serde::Serialize;
use utoipa::ToSchema;
use workbook::write::{ItemRow, Template};

use crate::app::App;
use crate::auth::Caller;
use crate::catalog::sees_product;
use crate::download::attachment;
use crate::error::{Answered, ApiError};
use crate::files::aside;
use crate::json;
use crate::json::words::Workbook;
use crate::links::{Origin, SignedLink, Workbooks};
use crate::openapi::{Linked, Reading, params, tag};

/// Where a template is.
#[derive(Serialize, ToSchema)]
pub(crate) struct TemplateLink {
    /// A link that works for ten minutes without a key.
    #[schema(example = "http://127.0.0.1:8080/ledger/v1/links/template/PRD-404-832-779/PRD-404-832-779-template.xlsx")]
    template_link: String,
}

/// Get the template of a product
///
/// A link to a workbook with the product's items, headers and notes. It works for ten minutes without a key.
#[utoipa::path(
    get,
    path = "/public/v1/usage/products/{id}/template",
    operation_id = "show_template",
    tag = tag::PRODUCTS,
    params(params::ProductId),
    responses((status = 200, description = "The link", body = TemplateLink), Reading),
)]
pub(crate) async fn link(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    Origin(origin): Origin,
    Path(id): Path<String>,
) -> Answered {
    let id = ObjectId::new(&id).ok_or(ApiError::NOT_FOUND)?;
    let catalog = app.bus.shelf().take();
    let product = catalog.products.get(&id).filter(|product| sees_product(&catalog, product, &scope));
    let product = product.ok_or(ApiError::NOT_FOUND)?;
    if product.capabilities.pay_as_you_go.is_none() && !product.capabilities.reservation_consumption {
        return Err(Rejection::CapabilityOff { product: id }.into());
    }
    let workbooks = Workbooks { origin: &origin, secret: &app.link_secret, now: app.clock.now() };
    Ok(json::answer(StatusCode::OK, &json::value(&TemplateLink { template_link: workbooks.template(&id) })))
}

/// Download a template
///
/// Behind a signed link.
#[utoipa::path(
    get,
    path = "/ledger/v1/links/template/{id}/{name}",
    operation_id = "download_template",
    tag = tag::LINKS,
    params(params::TemplatePath, params::Signature),
    responses(
        (
            status = 200,
            description = "The workbook",
            body = Workbook,
            content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        ),
        Linked,
    ),
    security(()),
)]
pub(crate) async fn linked(
    _: SignedLink,
    State(app): State<Arc<App>>,
    Path((id, name)): Path<(String, String)>,
) -> Answered {
    let id = ObjectId::new(&id).ok_or(ApiError::NOT_FOUND)?;
    let catalog = app.bus.shelf().take();
    let created = app.clock.now();
    let written = aside("a template", move || write(&catalog, &id, created)).await??;
    let bytes = written.len() as u64;
    Ok(attachment(Body::from(written), bytes, &name))
}

fn write(catalog: &Catalog, id: &ObjectId, created: Moment) -> Result<Vec<u8>, ApiError> {
    let product = catalog.products.get(id).ok_or(ApiError::NOT_FOUND)?;
    let metered = product.capabilities.pay_as_you_go.is_some();
    let consumed = product.capabilities.reservation_consumption;
    let items = catalog.items_of(id).filter(|item| match item.kind {
        ItemKind::PayAsYouGo => metered,
        ItemKind::Reservation => consumed,
    });
    let items: Vec<ItemRow<'_>> = items
        .map(|item| ItemRow {
            mpn: &item.mpn,
            global_id: item.named.id.as_str(),
            name: &item.named.name,
            unit: &item.unit,
            places: item.places,
            reserved: item.kind == ItemKind::Reservation,
        })
        .collect();
    let source: serde_json::Value = serde_json::from_str(&product.source).unwrap_or_default();
    let parameters = source.get("parameters").and_then(serde_json::Value::as_array).into_iter().flatten();
    // Subscriptions name a parameter as its product does; its own id is the platform's.
    let name = |parameter: &'_ serde_json::Value| parameter.get("name").or_else(|| parameter.get("id")).cloned();
    let parameters: Vec<String> = parameters.filter_map(|it| Some(name(it)?.as_str()?.to_owned())).collect();
    let parameters: Vec<&str> = parameters.iter().map(String::as_str).collect();
    let template = Template {
        product_id: id.as_str(),
        product_name: &product.named.name,
        schema: product.capabilities.pay_as_you_go.unwrap_or(Schema::Qt),
        capabilities: &product.capabilities,
        items: &items,
        parameters: &parameters,
        created,
    };
    workbook::write::template(&template).map_err(ApiError::Template)
}
