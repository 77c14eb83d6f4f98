//! The catalog, for operators: each collection as a list, and each object as it is, with all that happened to it.

use askama::Template;
use axum::extract::{Path, Query};
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

use super::file::clean;
use crate::chrome::{Chrome, page};
use crate::count::Count;
use crate::fault::Fault;
use crate::query::{encoded, pattern};
use crate::shape::{Position, Reference};
use crate::signed::Signed;
use crate::time::At;

/// Objects of a page.
const SHOWN: u64 = 50;
/// The collections: the word of the address, the title, and the name by which one is searched, beside its id.
const COLLECTIONS: [(&str, &str, &str); 7] = [
    ("accounts", "Accounts", "name"),
    ("hubs", "Hubs", "name"),
    ("marketplaces", "Marketplaces", "name"),
    ("products", "Products", "name"),
    ("contracts", "Contracts", "name"),
    ("listings", "Listings", "product.name"),
    ("assets", "Subscriptions", "external_id"),
];

/// What is asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    q: String,
    page: u64,
}

/// An object as a line.
struct Line {
    id: String,
    name: String,
    status: String,
    about: String,
}

impl Line {
    fn new(object: &Value) -> Self {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let first =
            |paths: &[&str]| paths.iter().map(|path| text(path)).find(|text| !text.is_empty()).unwrap_or_default();
        Self {
            id: text("/id"),
            name: first(&["/name", "/external_id", "/product/name"]),
            status: text("/status"),
            about: first(&["/role", "/type", "/product/name", "/owner/name", "/contract/name", "/currency"]),
        }
    }
}

#[derive(Template)]
#[template(path = "catalog.html")]
struct Objects {
    chrome: Chrome,
    collections: [(&'static str, &'static str, &'static str); 7],
    here: &'static str,
    wanted: Wanted,
    lines: Vec<Line>,
    total: Count,
    first: Count,
    last: Count,
    earlier: Option<String>,
    later: Option<String>,
}

impl Objects {
    fn is_here(&self, word: &str) -> bool {
        self.here == word
    }
}

/// A list.
pub(crate) async fn list(
    signed: Signed,
    Path(collection): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Fault> {
    let found = COLLECTIONS.iter().find(|(word, ..)| *word == collection);
    let (here, _, name) = *found.filter(|_| signed.who.role.is_operator()).ok_or_else(Fault::missing)?;
    let before = wanted.page.saturating_mul(SHOWN);
    let mut path = format!("/public/v1/{here}?limit={SHOWN}&offset={before}");
    if !wanted.q.trim().is_empty() {
        let pattern = pattern(&wanted.q);
        path.push_str(&format!("&(ilike(id,{pattern})|ilike({name},{pattern}))"));
    }
    let objects = signed.api.list::<Value>(&path).await?;
    let last = before.saturating_add(objects.items.len() as u64);
    let at = |page: u64| format!("/catalog/{here}?q={}&page={page}", encoded(&wanted.q));
    Ok(page(&Objects {
        chrome: signed.chrome("catalog"),
        collections: COLLECTIONS,
        here,
        first: Count(if objects.items.is_empty() { 0 } else { before.saturating_add(1) }),
        last: Count(last),
        earlier: wanted.page.checked_sub(1).map(at),
        later: (last < objects.total.0).then(|| at(wanted.page.saturating_add(1))),
        total: objects.total,
        lines: objects.items.iter().map(Line::new).collect(),
        wanted,
    }))
}

/// Something that was recorded of an object.
#[derive(Clone, Debug, Deserialize)]
struct Recorded {
    recorded_at: At,
    #[serde(default)]
    position: Position,
    #[serde(default)]
    by: Reference,
    #[serde(default)]
    changes: Vec<Changed>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Changed {
    member: String,
    before: Option<String>,
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "object.html")]
struct Object {
    chrome: Chrome,
    collection: String,
    id: String,
    name: String,
    json: Option<String>,
    history: Vec<Recorded>,
}

/// An object.
pub(crate) async fn show(signed: Signed, Path((collection, id)): Path<(String, String)>) -> Result<Response, Fault> {
    let id = clean(&id)?.to_owned();
    let known = COLLECTIONS.iter().any(|(word, ..)| *word == collection);
    if !signed.who.role.is_operator() || !(known || collection == "keys") {
        return Err(Fault::missing());
    }
    let object: Option<Value> =
        if known { Some(signed.api.get(&format!("/public/v1/{collection}/{id}")).await?) } else { None };
    let history = signed.api.get(&format!("/ledger/v1/catalog/{id}/history")).await?;
    let name = object.as_ref().map(|object| Line::new(object).name).unwrap_or_default();
    let json = object.map(|object| format!("{object:#}"));
    Ok(page(&Object { chrome: signed.chrome("catalog"), collection, name, json, history, id }))
}
