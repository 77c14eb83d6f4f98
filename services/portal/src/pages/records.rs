//! The records of a usage file as a grid: what each says, and at the cell what is wrong with it and how it is mended.

use askama::Template;
use axum::extract::{Path, Query};
use axum::response::Response;
use serde::Deserialize;

use super::file::{clean, plays_vendor};
use crate::chrome::{Chrome, page};
use crate::count::Count;
use crate::fault::Fault;
use crate::query::encoded;
use crate::record::{Record, Row};
use crate::shape::{File, Wrong};
use crate::signed::Signed;

/// Rows of a page; a script shows page after page as one long list.
const ROWS: u64 = 100;
/// What a hundred records can have wrong at most, so that no cell is left out.
const WRONG_MAX: u64 = 1_000;
/// Where records can stand.
const STATUSES: [&str; 7] = ["valid", "invalid", "pending", "approved", "rejected", "closed", "processing"];

/// The filters of the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    status: String,
    code: String,
    page: u64,
}

impl Wanted {
    /// The address of a page of the same list.
    fn address(&self, id: &str, page: u64) -> String {
        let given = [("status", &self.status), ("code", &self.code)];
        let given = given.iter().filter(|(_, value)| !value.is_empty());
        given.fold(format!("/files/{id}/records?page={page}"), |address, (name, value)| {
            format!("{address}&{name}={}", encoded(value))
        })
    }

    /// What the API is asked for.
    fn path(&self, id: &str) -> String {
        let mut path = format!("/public/v1/usage/records?usagefile.id={id}&limit={ROWS}&offset={}", self.first());
        for (name, value) in [("status", &self.status), ("error_codes", &self.code)] {
            if !value.is_empty() {
                path.push_str(&format!("&{name}={}", encoded(value)));
            }
        }
        path
    }

    fn first(&self) -> u64 {
        self.page.saturating_mul(ROWS)
    }

    fn is_filtered(&self) -> bool {
        !self.status.is_empty() || !self.code.is_empty()
    }
}

#[derive(Template)]
#[template(path = "records.html")]
struct Grid {
    chrome: Chrome,
    file: File,
    wanted: Wanted,
    statuses: [&'static str; 7],
    is_vendor: bool,
    has_amounts: bool,
    rows: Vec<Row>,
    total: Count,
    first: Count,
    last: Count,
    /// Where a script finds the other pages: the address without the number of the page.
    pages: String,
    earlier: Option<String>,
    later: Option<String>,
}

/// The page.
pub(crate) async fn list(
    signed: Signed,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Fault> {
    let api = &signed.api;
    let file: File = api.get(&format!("/public/v1/usage/files/{}", clean(&id)?)).await?;
    let found = api.list::<Record>(&wanted.path(&file.id)).await?;
    let is_vendor = plays_vendor(signed.who.role);
    let mut wrong = Vec::new();
    let faulty: Vec<String> = found.items.iter().filter(|record| record.is_faulty()).map(Record::row).collect();
    if is_vendor && !faulty.is_empty() {
        let rows = faulty.join(",");
        let path = format!("/public/v1/usage/files/{}/validation-errors?in(row,({rows}))&limit={WRONG_MAX}", file.id);
        wrong = api.list::<Wrong>(&path).await?.items;
    }
    let first = wanted.first();
    let last = first.saturating_add(found.items.len() as u64);
    let pages = wanted.address(&file.id, 0).replace("page=0", "page=");
    Ok(page(&Grid {
        chrome: signed.chrome("files"),
        statuses: STATUSES,
        is_vendor,
        has_amounts: !file.schema.eq_ignore_ascii_case("qt"),
        rows: found.items.into_iter().map(|record| Row::new(record, &wrong)).collect(),
        earlier: wanted.page.checked_sub(1).map(|page| wanted.address(&file.id, page)),
        later: (last < found.total.0).then(|| wanted.address(&file.id, wanted.page.saturating_add(1))),
        total: found.total,
        first: Count(first.saturating_add(1)),
        last: Count(last),
        pages,
        file,
        wanted,
    }))
}
