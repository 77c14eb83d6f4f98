//! Files and records as conditions see them, straight from the fold: each path has exactly the value that it has in
//! the API's JSON, without the JSON being made.

use ledger::catalog::Named;
use ledger::fact::{FileColumn, FileCreated, Total};
use ledger::record::{CheckedBatch, CheckedRecord, ItemFacts, ReadBatch, SubscriptionFacts};
use ledger::{Decimal, FileId, Moment, ObjectId, UsageFile};

use crate::subject::{Scalar, Subject};

/// What a custom column's name begins with; parameters are named without it (connect-api U33).
pub const CUSTOM_PREFIX: &str = "v.";
/// Where parameters are found: `params.Region` is the custom column `v.Region`.
pub(crate) const PARAMS_PREFIX: &str = "params.";

/// A usage file.
#[derive(Clone, Copy, Debug)]
pub struct FileObject<'a> {
    id: FileId,
    created: &'a FileCreated,
    file: &'a UsageFile,
}

impl<'a> FileObject<'a> {
    /// A file of the fold; nothing for what was never created.
    #[must_use]
    pub fn new(id: FileId, file: &'a UsageFile) -> Option<Self> {
        let created = file.approval.created.as_deref()?;
        Some(Self { id, created, file })
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &'a UsageFile {
        self.file
    }

    /// The sum over what is billed. Tiers tell the same usage at several prices, so that of several sums the greatest
    /// counts.
    fn total(&self, of: impl Fn(&Total) -> Decimal) -> Option<Decimal> {
        let verdict = self.file.verdict()?;
        Some(verdict.totals.iter().map(of).max().unwrap_or_default())
    }
}

impl Subject for FileObject<'_> {
    fn visit(&self, path: &str, test: &mut dyn FnMut(Scalar<'_>) -> bool) -> bool {
        let (created, approval) = (self.created, &self.file.approval);
        if let Some((member, rest)) = path.split_once('.') {
            let named = match member {
                "product" => &created.product,
                "contract" => return whole(&created.contract, rest, test),
                "marketplace" => &created.marketplace,
                "vendor" => &created.vendor,
                "provider" => &created.provider,
                "stats" => return self.stat(rest, test),
                "totals" => return self.totals(rest, test),
                "period" => {
                    let end = |rest: &str| match rest {
                        "from" => created.period.map(|period| period.from),
                        "to" => created.period.map(|period| period.to),
                        _ => None,
                    };
                    return time(end(rest), test);
                }
                "events" => {
                    let stamp = match rest {
                        "created.at" => &approval.created_at,
                        "submitted.at" => &approval.submitted_at,
                        _ => return false,
                    };
                    return time(stamp.as_ref().map(|stamp| stamp.at), test);
                }
                _ => return false,
            };
            return filled(named, rest, test);
        }
        match path {
            "id" => test(Scalar::Text(&self.id.to_string())),
            "name" => text(&created.name, test),
            "external_id" => text(&created.external_id, test),
            "status" => test(Scalar::Text(self.file.status().name())),
            "environment" => test(Scalar::Text(created.environment.name())),
            "schema" => test(Scalar::Text(created.schema.lower())),
            "description" => text(&created.description, test),
            "note" => text(&created.note, test),
            "currency" => created.currency.as_deref().is_some_and(|currency| text(currency, test)),
            // What is false is left out of the API's object, and rules may still ask for it.
            "predictive" => test(Scalar::Flag(created.predictive)),
            _ => false,
        }
    }
}

impl FileObject<'_> {
    fn stat(&self, name: &str, test: &mut dyn FnMut(Scalar<'_>) -> bool) -> bool {
        let stats = self.file.stats();
        let count = match name {
            "uploaded" => stats.uploaded,
            "validated" => stats.validated,
            _ => return false,
        };
        // A count of none is left out of the API's object, and yet it is a number that rules compare.
        test(Scalar::Number(whole_number(count)))
    }

    fn totals(&self, name: &str, test: &mut dyn FnMut(Scalar<'_>) -> bool) -> bool {
        let total = match name {
            "records" => self.total(|total| whole_number(total.records)),
            "quantity" => self.total(|total| total.quantity),
            "amount" => self.total(|total| total.amount),
            _ => None,
        };
        number(total, test)
    }
}

/// What all records of a file have in common.
#[derive(Clone, Copy, Debug)]
pub struct RecordsOf<'a> {
    /// The file.
    pub id: FileId,
    /// What it was created as.
    pub created: &'a FileCreated,
    /// When its workbook was uploaded.
    pub uploaded_at: Option<Moment>,
    /// The columns of its batches, in their order.
    pub columns: &'a [FileColumn],
}

impl<'a> RecordsOf<'a> {
    /// The current upload of a file; nothing for what was never created.
    #[must_use]
    pub fn new(id: FileId, file: &'a UsageFile) -> Option<Self> {
        let created = file.approval.created.as_deref()?;
        let uploaded_at = file.approval.uploaded_at.as_ref().map(|stamp| stamp.at);
        Some(Self { id, created, uploaded_at, columns: file.columns() })
    }
}

/// A usage record: a row of a batch.
#[derive(Clone, Copy, Debug)]
pub struct RecordObject<'a> {
    /// What it shares with the other records of its file.
    pub of: RecordsOf<'a>,
    /// Its batch as it was read; nothing where no condition asks for its text.
    pub read: Option<&'a ReadBatch>,
    /// Its batch as it was checked, as far as it was.
    pub checked: Option<&'a CheckedBatch>,
    /// Its place in the batch.
    pub index: usize,
    /// Its status, which the state of the file decides.
    pub status: Option<&'static str>,
}

impl<'a> RecordObject<'a> {
    /// What validation found in it.
    #[must_use]
    pub fn record(&self) -> Option<&'a CheckedRecord> {
        self.checked?.records.get(self.index)
    }

    /// Its item, where it has one.
    #[must_use]
    pub fn item(&self) -> Option<&'a ItemFacts> {
        self.checked?.items.get(self.record()?.item? as usize)
    }

    /// Its row in the sheet.
    #[must_use]
    pub fn row(&self) -> Option<u32> {
        let read = || self.read?.rows.get(self.index).copied();
        self.record().map(|record| record.row).or_else(read)
    }

    fn subscription(&self) -> Option<&'a SubscriptionFacts> {
        self.checked?.subscriptions.get(self.record()?.subscription? as usize)
    }

    fn cell(&self, is_column: impl Fn(&str) -> bool) -> &'a str {
        let place = self.of.columns.iter().position(|column| is_column(&column.name));
        place.zip(self.read).map_or("", |(place, read)| read.cell(self.index, place).text)
    }
}

impl Subject for RecordObject<'_> {
    fn visit(&self, path: &str, test: &mut dyn FnMut(Scalar<'_>) -> bool) -> bool {
        let id = |id: Option<&ObjectId>, test: &mut dyn FnMut(Scalar<'_>) -> bool| {
            id.is_some_and(|id| test(Scalar::Text(id.as_str())))
        };
        let number_of = |of: fn(&CheckedRecord) -> Option<Decimal>| self.record().and_then(of);
        match path {
            "status" => self.status.is_some_and(|status| test(Scalar::Text(status))),
            // Each of them, as conditions on lists of values go.
            "error_codes" => {
                let errors = self.record().map(|record| record.errors.as_slice()).unwrap_or_default();
                errors.iter().any(|error| test(Scalar::Text(&error.code.to_string())))
            }
            "usagefile.id" => test(Scalar::Text(&self.of.id.to_string())),
            "usagefile.schema" => test(Scalar::Text(self.of.created.schema.lower())),
            "product_id" => id(Some(&self.of.created.product.id), test),
            "asset.id" => id(self.subscription().map(|it| &it.id), test),
            "asset.external_id" => self.subscription().is_some_and(|it| text(&it.external_id, test)),
            "asset.external_uid" => self.subscription().is_some_and(|it| text(&it.external_uid, test)),
            "hub.id" => id(self.subscription().and_then(|it| it.hub.as_ref()).map(|hub| &hub.id), test),
            "item.id" => id(self.item().map(|it| &it.named.id), test),
            "item.mpn" => self.item().is_some_and(|it| text(&it.mpn, test)),
            "created_time" => time(self.of.uploaded_at, test),
            "start_date" => time(self.record().and_then(|record| record.start), test),
            "end_date" => time(self.record().and_then(|record| record.end), test),
            "usage" => number(number_of(|record| record.quantity), test),
            "amount" => number(number_of(|record| record.amount), test),
            "tier" => number(number_of(|record| record.tier.map(|tier| whole_number(tier.into()))), test),
            "category.id" => text(self.cell(|name| name == "category_id"), test),
            _ => path
                .strip_prefix(PARAMS_PREFIX)
                .is_some_and(|wanted| text(self.cell(|name| name.strip_prefix(CUSTOM_PREFIX) == Some(wanted)), test)),
        }
    }
}

/// An empty text is left out of the API's objects.
fn text(text: &str, test: &mut dyn FnMut(Scalar<'_>) -> bool) -> bool {
    !text.is_empty() && test(Scalar::Text(text))
}

fn time(at: Option<Moment>, test: &mut dyn FnMut(Scalar<'_>) -> bool) -> bool {
    at.is_some_and(|at| test(Scalar::Time(at)))
}

fn number(number: Option<Decimal>, test: &mut dyn FnMut(Scalar<'_>) -> bool) -> bool {
    number.is_some_and(|number| test(Scalar::Number(number)))
}

fn whole_number(count: u32) -> Decimal {
    Decimal::from_units(i128::from(count) * ledger::amount::ONE)
}

/// An id and a name.
fn filled(named: &Named, member: &str, test: &mut dyn FnMut(Scalar<'_>) -> bool) -> bool {
    (member != "name" || !named.name.is_empty()) && whole(named, member, test)
}

/// An id and a name, which is there even when it is empty.
fn whole(named: &Named, member: &str, test: &mut dyn FnMut(Scalar<'_>) -> bool) -> bool {
    match member {
        "id" => test(Scalar::Text(named.id.as_str())),
        "name" => test(Scalar::Text(&named.name)),
        _ => false,
    }
}
