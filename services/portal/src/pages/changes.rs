//! What changed in a usage file against the period before, the outliers first: what a distributor looks at before a file
//! is accepted.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Number;

use super::file::clean;
use crate::chrome::{Chrome, page};
use crate::count::Count;
use crate::fault::Fault;
use crate::figure::{Figure, column};
use crate::record::{Item, Subscription};
use crate::shape::File;
use crate::signed::Signed;
use crate::time::At;

/// What the API says of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Comparison {
    before: Option<Before>,
    counts: Counts,
    lines: Vec<Line>,
}

/// The files of the period before.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Before {
    pub(crate) from: At,
    pub(crate) to: At,
    pub(crate) files: Vec<String>,
}

/// How many subscriptions and items did what.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Counts {
    pub(crate) new: Count,
    pub(crate) gone: Count,
    pub(crate) more: Count,
    pub(crate) less: Count,
    pub(crate) same: Count,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Line {
    asset: Subscription,
    item: Item,
    change: String,
    before: Used,
    now: Used,
    permille: Option<i64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Used {
    quantity: Option<Number>,
    amount: Option<Number>,
}

/// A line as it is shown.
#[derive(Clone, Debug)]
pub(crate) struct Changed {
    pub(crate) subscription: Subscription,
    pub(crate) item: Item,
    pub(crate) by: String,
    /// Whether it is far from what is ordinary.
    pub(crate) stands_out: bool,
    pub(crate) before: Figure,
    pub(crate) now: Figure,
    pub(crate) amount_before: Figure,
    pub(crate) amount_now: Figure,
}

/// What changed, ready to be shown.
#[derive(Clone, Debug)]
pub(crate) struct Changes {
    pub(crate) before: Option<Before>,
    pub(crate) counts: Counts,
    pub(crate) lines: Vec<Changed>,
    pub(crate) priced: bool,
    /// How many more lines there are.
    pub(crate) more: Count,
}

/// What changed in a file, as far as so many lines say it.
pub(crate) async fn of(signed: &Signed, file: &str, most: usize) -> Result<Changes, Fault> {
    let Comparison { before, counts, mut lines } =
        signed.api.get(&format!("/ledger/v1/usage/files/{file}/comparison")).await?;
    let all = lines.len();
    lines.truncate(most);
    let figures = |pick: &dyn Fn(&Line) -> Option<&Number>| column(lines.iter().map(pick));
    let mut columns = [
        figures(&|line| line.before.quantity.as_ref()).into_iter(),
        figures(&|line| line.now.quantity.as_ref()).into_iter(),
        figures(&|line| line.before.amount.as_ref()).into_iter(),
        figures(&|line| line.now.amount.as_ref()).into_iter(),
    ];
    let priced = lines.iter().any(|line| line.now.amount.is_some() || line.before.amount.is_some());
    let mut next = |place: usize| columns.get_mut(place).and_then(Iterator::next).unwrap_or_default();
    let shown = lines.iter().map(|line| Changed {
        by: by(&line.change, line.permille),
        stands_out: stands_out(&line.change, line.permille),
        subscription: line.asset.clone(),
        item: line.item.clone(),
        before: next(0),
        now: next(1),
        amount_before: next(2),
        amount_now: next(3),
    });
    let lines = shown.collect::<Vec<_>>();
    Ok(Changes { before, counts, more: Count(all.saturating_sub(lines.len()) as u64), lines, priced })
}

/// How much it changed, in words: `× 10.0`, `+12.5 %`, `new`.
fn by(change: &str, permille: Option<i64>) -> String {
    match permille {
        _ if matches!(change, "new" | "gone") => change.to_owned(),
        Some(part @ 2_000..) => format!("× {}.{}", part / 1_000, part % 1_000 / 100),
        Some(part) => {
            let off = part.saturating_sub(1_000);
            let (sign, size) = (if off < 0 { "−" } else { "+" }, off.saturating_abs());
            format!("{sign}{}.{} %", size / 10, size % 10)
        }
        None => "other price".to_owned(),
    }
}

fn stands_out(change: &str, permille: Option<i64>) -> bool {
    matches!(change, "new" | "gone") || permille.is_some_and(|part| !(500..2_000).contains(&part))
}

#[derive(Template)]
#[template(path = "changes.html")]
struct Page {
    chrome: Chrome,
    file: File,
    changes: Changes,
}

/// The page with all of them.
pub(crate) async fn show(signed: Signed, Path(id): Path<String>) -> Result<Response, Fault> {
    let file: File = signed.api.get(&format!("/public/v1/usage/files/{}", clean(&id)?)).await?;
    let changes = of(&signed, &file.id, usize::MAX).await?;
    Ok(page(&Page { chrome: signed.chrome("files"), file, changes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_much_is_said_in_words() {
        for (change, permille, said, out) in [
            ("more", Some(10_049), "× 10.0", true),
            ("more", Some(1_125), "+12.5 %", false),
            ("less", Some(250), "−75.0 %", true),
            ("less", Some(999), "−0.1 %", false),
            ("new", None, "new", true),
            ("same", Some(1_000), "+0.0 %", false),
        ] {
            assert_eq!((by(change, permille).as_str(), stands_out(change, permille)), (said, out));
        }
    }
}
