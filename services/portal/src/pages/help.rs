//! Help: what can be done where, the keys, and what conditions are made of.

use askama::Template;
use axum::response::Response;

use crate::chrome::{Chrome, page};
use crate::fault::Fault;
use crate::signed::{Role, Signed};

#[derive(Template)]
#[template(path = "help.html")]
struct Help {
    chrome: Chrome,
    role: Role,
    conditions: &'static [(&'static str, &'static str)],
}

/// Conditions that people ask for (docs/usage-rules.md has every name).
const CONDITIONS: [(&str, &str); 8] = [
    ("lt(totals.quantity,10000)", "a file whose quantity is below 10,000"),
    ("and(ge(totals.amount,0),lt(totals.amount,10000.50))", "an amount from 0 to 10,000.50"),
    ("eq(predictive,false)", "no estimate"),
    ("in(contract.id,(CRD-21674-67435-75488))", "one of these contracts"),
    ("like(name,*correction*)", "a name with this word"),
    ("le(stats.validated,50000)", "at most 50,000 records"),
    ("lt(amount,0)", "a record with a negative amount (about records)"),
    ("in(params.Region,(EU,US))", "a column of the vendor's own, v.Region (about records)"),
];

/// The page.
pub(crate) async fn show(signed: Signed) -> Result<Response, Fault> {
    Ok(page(&Help { chrome: signed.chrome(""), role: signed.who.role, conditions: &CONDITIONS }))
}
