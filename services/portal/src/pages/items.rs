//! The items of a product: those that usage is metered by, and those that are bought ahead.

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query};
use axum::http::Method;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::file::{clean, once};
use super::products::{given, known};
use crate::chrome::{Chrome, page};
use crate::count::Count;
use crate::done::leading;
use crate::fault::Fault;
use crate::shape::{Product, Reference};
use crate::signed::{Role, Signed};

/// Items that are listed.
const SHOWN: u64 = 1_000;
/// In how many decimals an item is counted: the API's words.
const PRECISIONS: [(&str, &str); 5] = [
    ("integer", "whole units"),
    ("decimal(1)", "1 decimal"),
    ("decimal(2)", "2 decimals"),
    ("decimal(4)", "4 decimals"),
    ("decimal(8)", "8 decimals"),
];

/// An item.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Item {
    id: String,
    name: String,
    mpn: String,
    status: String,
    #[serde(rename = "type")]
    kind: String,
    unit: Unit,
    precision: String,
    dynamic: bool,
}

/// What an item is counted in: an object with a name, or the name alone.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Unit {
    Named(Reference),
    Name(String),
}

impl Default for Unit {
    fn default() -> Self {
        Self::Name(String::new())
    }
}

impl Unit {
    fn name(&self) -> &str {
        match self {
            Self::Named(unit) => &unit.name,
            Self::Name(name) => name,
        }
    }
}

/// Which of them are shown.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Template)]
#[template(path = "items.html")]
struct Items {
    chrome: Chrome,
    product: Product,
    tab: &'static str,
    role: Role,
    kind: &'static str,
    items: Vec<Item>,
    metered: Count,
    reserved: Count,
    precisions: [(&'static str, &'static str); 5],
    once: String,
}

impl Items {
    /// Whoever looks may change them.
    fn edits(&self) -> bool {
        !self.role.is_provider()
    }
}

/// The list.
pub(crate) async fn list(
    signed: Signed,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Fault> {
    let product = known(&signed, &id).await?;
    let mut items: Vec<Item> =
        signed.api.list(&format!("/public/v1/products/{}/items?limit={SHOWN}", product.id)).await?.items;
    let count = |kind: &str| Count(items.iter().filter(|item| item.kind == kind).count() as u64);
    let (metered, reserved) = (count("ppu"), count("reservation"));
    let kind = if wanted.kind == "reservation" { "reservation" } else { "ppu" };
    items.retain(|item| item.kind == kind);
    Ok(page(&Items {
        chrome: signed.chrome("products"),
        tab: "items",
        role: signed.who.role,
        kind,
        metered,
        reserved,
        items,
        precisions: PRECISIONS,
        once: once(),
        product,
    }))
}

/// Fields of a new item, and of one that changes.
const NEW: [&str; 5] = ["name", "mpn", "type", "unit", "precision"];
const CHANGED: [&str; 3] = ["name", "mpn", "status"];

/// A form about an item.
#[derive(Debug, Deserialize)]
pub(crate) struct Sent {
    #[serde(default)]
    once: String,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

impl Sent {
    /// Those of its fields that are known and filled in.
    fn taken(mut self, known: &[&str]) -> (String, Value) {
        self.fields.retain(|name, value| known.contains(&name.as_str()) && value != "");
        (self.once, Value::Object(self.fields))
    }
}

/// Creates one.
pub(crate) async fn create(signed: Signed, Path(id): Path<String>, Form(sent): Form<Sent>) -> Result<Response, Fault> {
    let id = clean(&id)?;
    let (once, item) = sent.taken(&NEW);
    let kind = if item.get("type").is_some_and(|kind| kind == "reservation") { "?type=reservation" } else { "" };
    signed.api.post(&format!("/public/v1/products/{id}/items"), given(&once), &item).await?;
    Ok(leading(&format!("/products/{id}/items{kind}"), "item"))
}

/// Changes one.
pub(crate) async fn change(
    signed: Signed,
    Path((id, item)): Path<(String, String)>,
    Form(sent): Form<Sent>,
) -> Result<Response, Fault> {
    let (id, item) = (clean(&id)?, clean(&item)?);
    let (once, change) = sent.taken(&CHANGED);
    let once = given(&once).map(|once| format!("{once}-{item}"));
    let path = format!("/public/v1/products/{id}/items/{item}");
    signed.api.send(Method::PUT, &path, once.as_deref(), &change).await?;
    Ok(leading(&format!("/products/{id}/items"), "item-changed"))
}
