//! Products: the list, and the profile of one with what may be reported of it (seed 000).

use askama::Template;
use axum::Form;
use axum::extract::Path;
use axum::http::Method;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::file::{clean, once};
use crate::chrome::{Chrome, page};
use crate::done::leading;
use crate::fault::Fault;
use crate::shape::{Product, schema_name};
use crate::signed::{Role, Signed};

/// Products that are listed.
const SHOWN: u64 = 1_000;
/// The reporting schemas.
pub(crate) const SCHEMAS: [&str; 4] = ["QT", "TR", "PR", "CR"];

#[derive(Template)]
#[template(path = "products.html")]
struct Products {
    chrome: Chrome,
    products: Vec<Product>,
}

/// The list.
pub(crate) async fn list(signed: Signed) -> Result<Response, Fault> {
    let products = signed.api.list(&format!("/public/v1/products?limit={SHOWN}")).await?.items;
    Ok(page(&Products { chrome: signed.chrome("products"), products }))
}

/// What may be reported: the field, its title, what it means, and whether it is so.
struct Capability {
    field: &'static str,
    title: &'static str,
    about: &'static str,
    on: bool,
}

#[derive(Template)]
#[template(path = "product.html")]
struct Profile {
    chrome: Chrome,
    product: Product,
    tab: &'static str,
    role: Role,
    capabilities: Vec<Capability>,
    schemas: [(&'static str, &'static str); 4],
    once: String,
}

/// A product of a path, if the viewer sees it.
pub(crate) async fn known(signed: &Signed, id: &str) -> Result<Product, Fault> {
    signed.api.get(&format!("/public/v1/products/{}", clean(id)?)).await
}

/// The profile.
pub(crate) async fn show(signed: Signed, Path(id): Path<String>) -> Result<Response, Fault> {
    let product = known(&signed, &id).await?;
    Ok(page(&Profile {
        chrome: signed.chrome("products"),
        tab: "general",
        role: signed.who.role,
        capabilities: capabilities(&product),
        schemas: SCHEMAS.map(|schema| (schema, schema_name(schema))),
        once: once(),
        product,
    }))
}

fn capabilities(product: &Product) -> Vec<Capability> {
    let ppu = product.capabilities.ppu.clone().unwrap_or_default();
    let line = |field, title, about, on| Capability { field, title, about, on };
    vec![
        line("dynamic", "Dynamic items", "Records may bring items that the product doesn't have yet.", ppu.dynamic),
        line("future", "Future charges", "Usage may be dated after the day of the report.", ppu.future),
        line("late", "Late charges", "Usage may be of a month before the last one.", ppu.late),
        line(
            "predictive",
            "Estimates",
            "Files may estimate what a period will come to; they are never billed.",
            ppu.predictive,
        ),
        line(
            "consumption",
            "Consumption of reservations",
            "Records may tell how much is used of what was bought ahead; that is never billed.",
            product.capabilities.reservation.consumption,
        ),
    ]
}

/// The form of capabilities: a box that isn't ticked isn't sent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Sent {
    once: String,
    schema: String,
    dynamic: String,
    future: String,
    late: String,
    predictive: String,
    consumption: String,
}

/// Saves what may be reported.
pub(crate) async fn save(signed: Signed, Path(id): Path<String>, Form(sent): Form<Sent>) -> Result<Response, Fault> {
    let id = clean(&id)?;
    let on = |text: &String| !text.is_empty();
    let mut capabilities = json!({ "reservation": { "consumption": on(&sent.consumption) } });
    if !sent.schema.is_empty()
        && let Some(members) = capabilities.as_object_mut()
    {
        let ppu: Value = json!({
            "schema": sent.schema,
            "dynamic": on(&sent.dynamic),
            "future": on(&sent.future),
            "late": on(&sent.late),
            "predictive": on(&sent.predictive),
        });
        members.insert("ppu".to_owned(), ppu);
    }
    let change = json!({ "capabilities": capabilities });
    signed.api.send(Method::PUT, &format!("/public/v1/products/{id}"), given(&sent.once), &change).await?;
    Ok(leading(&format!("/products/{id}"), "capabilities"))
}

/// What makes a form have one effect, where it has it.
pub(crate) fn given(once: &str) -> Option<&str> {
    (!once.is_empty()).then_some(once)
}
