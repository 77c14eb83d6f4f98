//! A year of the demo's past: what every vendor reported month by month, and what became of it. Made over HTTP with the
//! parties' own keys, as their programs would; the seed is fixed, so that every demo looks alike.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use ledger::catalog::{Item, ItemKind};
use ledger::{Catalog, Moment, ObjectId};
use serde_json::{Value, json};

use super::life::{last_month, text};
use super::{DemoError, expect};
use crate::cli::{Client, Progress};

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// How long it waits for any one step.
const WAIT_MAX: Duration = Duration::from_secs(300);
/// Subscriptions and items that a file reports at most.
const SUBSCRIPTIONS_MAX: usize = 20;
const ITEMS_MAX: usize = 3;
/// Parts of a month that usage is told for.
const PARTS: u8 = 4;
/// How many months before the newest one the file was sent back.
const SENT_BACK: u32 = 5;

/// Where a file of the newest month is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Draft,
    Invalid,
    Ready,
    Pending,
    Accepted,
    Closed,
}

/// Who reports what to whom.
#[derive(Debug)]
struct Trade {
    vendor: &'static str,
    provider: &'static str,
    contract: &'static str,
    product: &'static str,
    /// Where the file of the newest month is left.
    newest: Left,
    /// Whether one of its files was sent back, and one customer used ten times as much in the newest month.
    eventful: bool,
}

const fn trade(keys: [&'static str; 2], contract: &'static str, product: &'static str, newest: Left) -> Trade {
    let [vendor, provider] = keys;
    Trade { vendor, provider, contract, product, newest, eventful: false }
}

/// Every trade of the demo's companies.
const TRADES: [Trade; 6] = [
    Trade {
        eventful: true,
        ..trade(["SU-000-000-001", "SU-000-000-002"], "CRD-21674-67435-75488", "PRD-404-832-779", Left::Pending)
    },
    trade(["SU-000-000-001", "SU-000-000-004"], "CRD-26225-58926-18085", "PRD-404-832-779", Left::Accepted),
    trade(["SU-000-000-001", "SU-000-000-006"], "CRD-30471-55210-90866", "PRD-404-832-779", Left::Ready),
    trade(["SU-000-000-003", "SU-000-000-002"], "CRD-84021-23180-87860", "PRD-578-226-824", Left::Invalid),
    trade(["SU-000-000-007", "SU-000-000-002"], "CRD-73155-42080-10001", "PRD-731-554-208", Left::Pending),
    trade(["SU-000-000-007", "SU-000-000-004"], "CRD-73155-42080-10002", "PRD-731-554-208", Left::Draft),
];
/// A file of a preview, which its vendor keeps to itself.
const PREVIEW: &str = "CRD-00000-00000-00000";

/// What the past is made with.
#[derive(Debug)]
pub(super) struct Past {
    pub(super) url: String,
    pub(super) catalog: std::sync::Arc<Catalog>,
    pub(super) folder: PathBuf,
    pub(super) now: Moment,
    pub(super) months: u32,
    /// Every key of the demo: id and secret.
    pub(super) keys: Vec<(String, String)>,
}

impl Past {
    /// Makes it, every trade in a thread of its own.
    pub(super) fn make(&self) -> Result<(), DemoError> {
        let files = u64::from(self.months).saturating_mul(TRADES.len() as u64);
        let bar = Mutex::new((Progress::records("history", files), 0));
        let made = |what: &str| {
            let mut bar = bar.lock().unwrap_or_else(PoisonError::into_inner);
            bar.1 += 1;
            let position = bar.1;
            bar.0.at(position, what);
        };
        let outcomes: Vec<Result<(), DemoError>> = std::thread::scope(|scope| {
            let threads: Vec<_> = TRADES.iter().map(|trade| scope.spawn(|| self.live(trade, &made))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or(Err(DemoError::Thread))).collect()
        });
        outcomes.into_iter().collect::<Result<Vec<()>, _>>()?;
        self.preview()?;
        bar.lock().unwrap_or_else(PoisonError::into_inner).0.end();
        println!("{} months of history: {files} usage files of six trades.\n", self.months);
        Ok(())
    }

    fn client(&self, key: &str) -> Client {
        let secret = self.keys.iter().find(|(id, _)| id == key).map_or("", |(_, secret)| secret.as_str());
        Client::new(&self.url, &format!("ApiKey {key}:{secret}"))
    }

    /// The months of a trade, the oldest first.
    fn live(&self, trade: &Trade, made: &impl Fn(&str)) -> Result<(), DemoError> {
        let (vendor, provider) = (self.client(trade.vendor), self.client(trade.provider));
        for age in (0..self.months).rev() {
            let report = self.report(trade, age);
            let left = if age == 0 { trade.newest } else { Left::Closed };
            let id = created(&vendor, trade.contract, trade.product, &report, "production")?;
            if trade.eventful && age == SENT_BACK {
                sent_back(&vendor, &provider, &id, &self.report_of(trade, age, 200), &self.folder)?;
            }
            file(&vendor, &provider, &id, &report, left, &self.folder)?;
            made(&format!("{} {}", report.month, trade.product));
        }
        Ok(())
    }

    /// A file that its vendor tries things with.
    fn preview(&self) -> Result<(), DemoError> {
        let first = TRADES.first().map_or("", |trade| trade.vendor);
        let (vendor, product) = (self.client(first), "PRD-404-832-779");
        let trade = trade([first, first], PREVIEW, product, Left::Ready);
        let report = self.report(&trade, 0);
        let id = created(&vendor, PREVIEW, product, &report, "preview")?;
        file(&vendor, &vendor, &id, &report, Left::Ready, &self.folder)
    }

    fn report(&self, trade: &Trade, age: u32) -> Report {
        self.report_of(trade, age, 100)
    }

    /// What a trade reports of a month, so many months before the newest one, so much of a hundred of what is right.
    fn report_of(&self, trade: &Trade, age: u32, percent: u64) -> Report {
        let (mut from, mut until) = last_month(self.now);
        for _ in 0..age {
            (from, until) = last_month(from);
        }
        let month: String = from.iso().chars().take("2026-10".len()).collect();
        let mut csv = String::from(
            "record_id,item_search_criteria,item_search_value,quantity,start_time_utc,end_time_utc,\
             asset_search_criteria,asset_search_value,amount\n",
        );
        let id = |text: &str| ObjectId::new(text).unwrap_or_default();
        let (contract, product) = (id(trade.contract), id(trade.product));
        let subscriptions = self.catalog.subscriptions_of(&contract, &product);
        let usable = subscriptions.filter(|it| it.status.reportable() && it.ended_at.is_none());
        let mut line = 0_u64;
        for (place, subscription) in usable.take(SUBSCRIPTIONS_MAX).enumerate() {
            let items = subscription.items.iter().filter_map(|item| self.catalog.items.get(&item.item));
            for (column, item) in items.filter(|item| item.kind == ItemKind::PayAsYouGo).take(ITEMS_MAX).enumerate() {
                let outlier = trade.eventful && age == 0 && (place, column) == (3, 1);
                let share = if outlier { percent * 10 } else { percent };
                for part in 0..PARTS {
                    line += 1;
                    let used = used(place as u64, column as u64, age, part).saturating_mul(share) / 100;
                    let broken = trade.newest == Left::Invalid && age == 0 && line.is_multiple_of(17);
                    row(
                        &mut csv,
                        &Line { trade, month: &month, line, from, until, part, used, broken },
                        item,
                        subscription.id.as_str(),
                    );
                }
            }
        }
        Report { month, from, until, csv }
    }
}

/// What a trade reports of a month.
#[derive(Debug)]
struct Report {
    month: String,
    from: Moment,
    until: Moment,
    csv: String,
}

/// How much was used: a size of the customer's own, growing over the months, with a wave of the year.
fn used(subscription: u64, item: u64, age: u32, part: u8) -> u64 {
    let mixed = (subscription * 7_919 + item * 104_729 + 12_347) % 997;
    let base = 40 + mixed % 460;
    let wave = [100_u64, 103, 98, 107, 111, 104, 96, 92, 99, 108, 113, 105][(u64::from(age) % 12) as usize];
    let growth = 136_u64.saturating_sub(3 * u64::from(age.min(24)));
    let jitter = 95 + (mixed * (u64::from(age) + 3) + u64::from(part) * 31) % 11;
    base * wave * growth * jitter / 1_000_000
}

/// One record.
struct Line<'a> {
    trade: &'a Trade,
    month: &'a str,
    line: u64,
    from: Moment,
    until: Moment,
    part: u8,
    used: u64,
    broken: bool,
}

fn row(csv: &mut String, line: &Line<'_>, item: &Item, subscription: &str) {
    let tail = line.trade.contract.rsplit('-').next().unwrap_or_default();
    let length = (line.until.0 - line.from.0) / i64::from(PARTS);
    let at = |part: u8| Moment(line.from.0 + length * i64::from(part));
    let time = |moment: Moment| moment.iso().chars().take(19).collect::<String>().replace('T', " ");
    let (start, end) = (time(at(line.part)), time(Moment(at(line.part + 1).0 - Moment::SECOND)));
    let fraction = if item.places == 0 { String::new() } else { format!(".{}", line.line % 10) };
    let quantity = if line.broken { "many".to_owned() } else { format!("{}{fraction}", line.used) };
    // Whole cents, of the whole units.
    let cents = line.used * (3 + line.line % 5);
    // Writing to a text can't fail.
    let _ = writeln!(
        csv,
        "{tail}-{}-{:05},item.mpn,{},{quantity},{start},{end},asset.id,{subscription},{}.{:02}",
        line.month,
        line.line,
        item.mpn,
        cents / 100,
        cents % 100,
    );
}

fn created(
    vendor: &Client,
    contract: &str,
    product: &str,
    report: &Report,
    environment: &str,
) -> Result<String, DemoError> {
    let day = |moment: Moment| moment.iso().chars().take(10).collect::<String>();
    let body = json!({
        "product": { "id": product },
        "contract": { "id": contract },
        "environment": environment,
        "period": { "from": day(report.from), "to": day(Moment(report.until.0 - Moment::SECOND)) },
        "external_id": format!("{}-{}", report.month, contract.rsplit('-').next().unwrap_or_default()),
    });
    Ok(text(&vendor.post("usage/files", &body)?, "/id"))
}

/// A workbook that is wrong as a whole, which the provider sends back.
fn sent_back(vendor: &Client, provider: &Client, id: &str, wrong: &Report, folder: &Path) -> Result<(), DemoError> {
    file(vendor, provider, id, wrong, Left::Pending, folder)?;
    let note = json!({ "rejection_note": "Twice the usual quantities: was every day counted double?" });
    provider.post(&format!("usage/files/{id}/reject"), &note)?;
    waited(vendor, id, &["rejected"])?;
    Ok(())
}

/// Takes a file as far as it is to come.
fn file(
    vendor: &Client,
    provider: &Client,
    id: &str,
    report: &Report,
    left: Left,
    folder: &Path,
) -> Result<(), DemoError> {
    if left == Left::Draft {
        return Ok(());
    }
    let path = folder.join(format!("{id}.csv"));
    std::fs::write(&path, &report.csv)?;
    vendor.upload(&format!("usage/files/{id}/upload"), "usage_file", &path, false)?;
    let wanted = if left == Left::Invalid { "invalid" } else { "ready" };
    let checked = waited(vendor, id, &["invalid", "ready"])?;
    expect("status after checking", &wanted.to_owned(), &text(&checked, "/status"))?;
    if matches!(left, Left::Invalid | Left::Ready) {
        return Ok(());
    }
    vendor.post(&format!("usage/files/{id}/submit"), &json!({}))?;
    waited(vendor, id, &["pending"])?;
    if left == Left::Pending {
        return Ok(());
    }
    provider.post(&format!("usage/files/{id}/accept"), &json!({ "acceptance_note": "As agreed" }))?;
    let chunks = chunks(provider, id)?;
    if left == Left::Accepted {
        return Ok(());
    }
    for (place, chunk) in chunks.iter().enumerate() {
        let billing = json!({ "external_billing_id": format!("INV-{}-{}", report.month, place + 1) });
        provider.post(&format!("usage/chunks/{chunk}/close"), &billing)?;
    }
    waited(vendor, id, &["closed"])?;
    Ok(())
}

fn waited(client: &Client, id: &str, statuses: &[&str]) -> Result<Value, DemoError> {
    let since = Instant::now();
    loop {
        let shown = client.get(&format!("usage/files/{id}"))?;
        let status = text(&shown, "/status");
        if statuses.contains(&status.as_str()) {
            return Ok(shown);
        }
        if since.elapsed() > WAIT_MAX {
            let (what, expected) = (format!("the status of {id}"), statuses.join(" or "));
            return Err(DemoError::Different { what, expected, got: status });
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The chunks of an accepted file, once all are written.
fn chunks(provider: &Client, id: &str) -> Result<Vec<String>, DemoError> {
    let since = Instant::now();
    loop {
        let shown = provider.get(&format!("usage/chunks?usagefile.id={id}&limit=1000"))?;
        let chunks = shown.as_array().cloned().unwrap_or_default();
        if !chunks.is_empty() && chunks.iter().all(|chunk| text(chunk, "/status") == "ready") {
            return Ok(chunks.iter().map(|chunk| text(chunk, "/id")).collect());
        }
        if since.elapsed() > WAIT_MAX {
            let what = format!("the chunks of {id}");
            return Err(DemoError::Different { what, expected: "all ready".to_owned(), got: shown.to_string() });
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_grows_over_the_year_and_wavers() {
        let sums: Vec<u64> = (0..12)
            .map(|age| (0..20).flat_map(|place| (0..3).map(move |item| used(place, item, age, 0))).sum())
            .collect();
        assert!(sums[0] > sums[11] && sums.windows(2).any(|pair| pair[0] < pair[1]), "{sums:?}");
        assert!((0..20).all(|place| used(place, 0, 0, 0) > 0));
    }
}
