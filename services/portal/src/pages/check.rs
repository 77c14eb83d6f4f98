//! A dry run: what would be wrong with a workbook, before it is uploaded. Nothing of it is recorded.

use askama::Template;
use axum::extract::{Path, Request};
use axum::response::Response;
use serde::Deserialize;

use std::collections::BTreeMap;

use super::file::clean;
use crate::chrome::{Chrome, page};
use crate::count::Count;
use crate::fault::Fault;
use crate::shape::{File, Stats, Total, TotalLine, Wrong, total_lines};
use crate::signed::Signed;

/// Faults that are shown; the workbook of the upload has them all.
const WRONG_SHOWN: usize = 200;

/// What the API says of the workbook.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Verdict {
    status: String,
    error_detail: String,
    stats: Stats,
    totals: Vec<Total>,
    codes: BTreeMap<String, Count>,
    warnings: Count,
    ignored_columns: Vec<String>,
    errors: Vec<Wrong>,
    truncated: bool,
}

impl Verdict {
    /// Its control totals as they are shown.
    fn lines(&self) -> Vec<TotalLine> {
        total_lines(&self.totals.iter().map(|total| ("Valid", total)).collect::<Vec<_>>())
    }
}

#[derive(Template)]
#[template(path = "check.html")]
struct Check {
    chrome: Chrome,
    file: File,
    verdict: Option<Verdict>,
    found: usize,
}

/// The form.
pub(crate) async fn show(signed: Signed, Path(id): Path<String>) -> Result<Response, Fault> {
    let file: File = signed.api.get(&format!("/public/v1/usage/files/{}", clean(&id)?)).await?;
    Ok(page(&Check { chrome: signed.chrome("files"), file, verdict: None, found: 0 }))
}

/// What was found.
pub(crate) async fn run(signed: Signed, Path(id): Path<String>, form: Request) -> Result<Response, Fault> {
    let file: File = signed.api.get(&format!("/public/v1/usage/files/{}", clean(&id)?)).await?;
    let path = format!("/public/v1/usage/products/{}/validate?format=json", file.product.id);
    let mut verdict: Verdict = signed.api.ask(&path, form).await?;
    let found = verdict.errors.len();
    verdict.errors.truncate(WRONG_SHOWN);
    Ok(page(&Check { chrome: signed.chrome("files"), file, verdict: Some(verdict), found }))
}
