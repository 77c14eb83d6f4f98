//! The list of usage files, with its filters in the address.

use askama::Template;
use axum::extract::Query;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::file::once;
use super::views::{self, View};
use crate::chrome::{Chrome, page};
use crate::count::Count;
use crate::fault::Fault;
use crate::query::{encoded, pattern};
use crate::shape::File;
use crate::signed::{Role, Signed};

/// Files on a page.
const SHOWN: u64 = 25;
/// Statuses that are offered as filters.
const STATUSES: [&str; 9] =
    ["draft", "processing", "invalid", "ready", "pending", "rejected", "accepted", "closed", "deleted"];
/// Columns by which the list can be ordered.
const ORDERS: [&str; 6] = ["created.at", "status", "product.name", "marketplace.name", "provider.name", "vendor.name"];

/// What is asked for.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    status: String,
    environment: String,
    q: String,
    order: String,
    page: u64,
}

impl Wanted {
    /// The first page of what has these filters.
    pub(crate) fn new(status: String, environment: String, q: String, order: String) -> Self {
        Self { status, environment, q, order, page: 0 }
    }

    /// The query of the API.
    fn rql(&self) -> String {
        let mut parts = Vec::new();
        if STATUSES.contains(&self.status.as_str()) {
            parts.push(format!("status={}", self.status));
        }
        if ["production", "preview", "test"].contains(&self.environment.as_str()) {
            parts.push(format!("environment={}", self.environment));
        }
        if !self.q.trim().is_empty() {
            let pattern = pattern(&self.q);
            let fields = ["id", "name", "product.id", "product.name", "contract.name"];
            let any = fields.map(|field| format!("ilike({field},{pattern})"));
            parts.push(format!("({})", any.join("|")));
        }
        let column = self.order.trim_start_matches('-');
        let order = if ORDERS.contains(&column) { self.order.as_str() } else { "-created.at,-id" };
        parts.push(format!("ordering({order})"));
        parts.push(format!("limit={SHOWN}&offset={}", self.page.saturating_mul(SHOWN)));
        parts.join("&")
    }

    /// The same list on another page.
    pub(crate) fn at(&self, page: u64) -> String {
        self.address(&self.order, page)
    }

    /// The same list in another order; a second time, the other way round.
    fn by(&self, column: &str) -> String {
        let order = if self.order == column { format!("-{column}") } else { column.to_owned() };
        self.address(&order, 0)
    }

    fn address(&self, order: &str, page: u64) -> String {
        let page = if page == 0 { String::new() } else { page.to_string() };
        let given = [
            ("status", self.status.as_str()),
            ("environment", &self.environment),
            ("q", &self.q),
            ("order", order),
            ("page", &page),
        ];
        let given = given.iter().filter(|(_, value)| !value.is_empty());
        let given: Vec<String> = given.map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        if given.is_empty() { "/files".to_owned() } else { format!("/files?{}", given.join("&")) }
    }

    /// How a column's order is announced.
    fn sorted(&self, column: &str) -> &'static str {
        let order = if self.order.is_empty() { "-created.at" } else { &self.order };
        match order.strip_prefix('-') {
            Some(down) if down == column => "descending",
            None if order == column => "ascending",
            _ => "none",
        }
    }

    fn is_filtered(&self) -> bool {
        !(self.status.is_empty() && self.environment.is_empty() && self.q.trim().is_empty())
    }
}

#[derive(Template)]
#[template(path = "files.html")]
struct Files {
    chrome: Chrome,
    role: Role,
    wanted: Wanted,
    files: Vec<File>,
    total: Count,
    first: Count,
    last: Count,
    earlier: Option<String>,
    later: Option<String>,
    views: Vec<View>,
    /// Whether files of it can be accepted together.
    accepts: bool,
    once: String,
}

/// The list.
pub(crate) async fn list(signed: Signed, headers: HeaderMap, Query(wanted): Query<Wanted>) -> Result<Response, Fault> {
    let found = signed.api.list::<File>(&format!("/public/v1/usage/files?{}", wanted.rql())).await?;
    let before = wanted.page.saturating_mul(SHOWN);
    let last = before.saturating_add(found.items.len() as u64);
    let earlier = wanted.page.checked_sub(1).map(|page| wanted.at(page));
    let later = (last < found.total.0).then(|| wanted.at(wanted.page.saturating_add(1)));
    Ok(page(&Files {
        chrome: signed.chrome("files"),
        role: signed.who.role,
        first: Count(if found.items.is_empty() { 0 } else { before.saturating_add(1) }),
        last: Count(last),
        earlier,
        later,
        views: views::of(&headers, &signed.who.id),
        accepts: signed.who.role.is_provider() && found.items.iter().any(|file| file.status == "pending"),
        once: once(),
        total: found.total,
        files: found.items,
        wanted,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_become_a_query_and_nothing_else_does() {
        let wanted = |status: &str, q: &str, order: &str, page| Wanted {
            status: status.to_owned(),
            q: q.to_owned(),
            order: order.to_owned(),
            page,
            ..Wanted::default()
        };
        for (wanted, expected) in [
            (wanted("", "", "", 0), "ordering(-created.at,-id)&limit=25&offset=0"),
            (wanted("pending", "", "product.name", 2), "status=pending&ordering(product.name)&limit=25&offset=50"),
            (wanted("pending&limit=9", "", "x", 0), "ordering(-created.at,-id)&limit=25&offset=0"),
            (
                wanted("", "a,b", "", 0),
                "(ilike(id,*a*b*)|ilike(name,*a*b*)|ilike(product.id,*a*b*)|ilike(product.name,*a*b*)|ilike(contract.name,*a*b*))\
                 &ordering(-created.at,-id)&limit=25&offset=0",
            ),
        ] {
            assert_eq!(wanted.rql(), expected);
        }
    }

    #[test]
    fn an_address_keeps_what_it_does_not_change() {
        let wanted = Wanted { q: "a b".to_owned(), order: "status".to_owned(), page: 3, ..Wanted::default() };
        assert_eq!(wanted.at(4), "/files?q=a%20b&order=status&page=4");
        assert_eq!(wanted.by("status"), "/files?q=a%20b&order=-status");
        assert_eq!(Wanted::default().at(0), "/files");
    }
}
