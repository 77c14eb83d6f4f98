//! The facts of validation, and the control totals that others share.

use ledger::Code;
use ledger::fact::{DynamicItem, FileChecked, Part, Period, RecordsChecked, SummaryLine, Total};

use super::value::{decimal, each, hash, named, narrow, object_id, optional_tier};
use crate::error::WireError;
use crate::wire;

impl From<&RecordsChecked> for wire::RecordsChecked {
    fn from(it: &RecordsChecked) -> Self {
        Self {
            upload: it.upload,
            attempt: it.attempt,
            part: it.part,
            first_row: it.first_row,
            last_row: it.last_row,
            valid: it.valid,
            invalid: it.invalid,
            read_sequence: it.read_sequence,
            read_hash: it.read_hash.0.to_vec(),
            payload: it.payload.clone(),
        }
    }
}

impl TryFrom<wire::RecordsChecked> for RecordsChecked {
    type Error = WireError;

    fn try_from(it: wire::RecordsChecked) -> Result<Self, WireError> {
        Ok(Self {
            upload: it.upload,
            attempt: it.attempt,
            part: it.part,
            first_row: it.first_row,
            last_row: it.last_row,
            valid: it.valid,
            invalid: it.invalid,
            read_sequence: it.read_sequence,
            read_hash: hash(&it.read_hash, "read_hash")?,
            payload: it.payload,
        })
    }
}

impl From<&SummaryLine> for wire::SummaryLine {
    fn from(it: &SummaryLine) -> Self {
        Self {
            subscription_id: it.subscription.to_string(),
            item_id: it.item.to_string(),
            tier: it.tier.map(u32::from),
            records: it.records,
            quantity: it.quantity.to_string(),
            amount: it.amount.to_string(),
        }
    }
}

impl TryFrom<wire::SummaryLine> for SummaryLine {
    type Error = WireError;

    fn try_from(it: wire::SummaryLine) -> Result<Self, WireError> {
        Ok(Self {
            subscription: object_id(&it.subscription_id, "subscription_id")?,
            item: object_id(&it.item_id, "item_id")?,
            tier: optional_tier(it.tier)?,
            records: it.records,
            quantity: decimal(&it.quantity, "quantity")?,
            amount: decimal(&it.amount, "amount")?,
        })
    }
}

impl From<&Total> for wire::Total {
    fn from(it: &Total) -> Self {
        Self {
            currency: it.currency.clone(),
            tier: it.tier.map(u32::from),
            records: it.records,
            quantity: it.quantity.to_string(),
            amount: it.amount.to_string(),
        }
    }
}

impl TryFrom<wire::Total> for Total {
    type Error = WireError;

    fn try_from(it: wire::Total) -> Result<Self, WireError> {
        Ok(Self {
            currency: it.currency,
            tier: optional_tier(it.tier)?,
            records: it.records,
            quantity: decimal(&it.quantity, "quantity")?,
            amount: decimal(&it.amount, "amount")?,
        })
    }
}

/// The code of a number after `USG_FILE_`.
pub(super) fn code(number: u32) -> Result<Code, WireError> {
    let known = u16::try_from(number).ok().and_then(Code::from_number);
    known.ok_or(WireError::UnknownValue { field: "code", number: number.into() })
}

pub(super) fn totals(totals: &[Total]) -> Vec<wire::Total> {
    totals.iter().map(wire::Total::from).collect()
}

impl From<&FileChecked> for wire::FileChecked {
    fn from(it: &FileChecked) -> Self {
        let count = |&(code, count): &(Code, u32)| wire::CodeCount { code: code.number().into(), count };
        Self {
            upload: it.upload,
            attempt: it.attempt,
            parts: it.parts.iter().map(wire::Part::from).collect(),
            valid: it.valid,
            invalid: it.invalid,
            totals: totals(&it.totals),
            codes: it.codes.iter().map(count).collect(),
            summary_parts: it.summary_parts,
            exempt_totals: totals(&it.exempt_totals),
            warnings: it.warnings.iter().map(count).collect(),
            span: it.span.map(wire::Period::from),
        }
    }
}

impl TryFrom<wire::FileChecked> for FileChecked {
    type Error = WireError;

    fn try_from(it: wire::FileChecked) -> Result<Self, WireError> {
        let count = |it: wire::CodeCount| Ok((code(it.code)?, it.count));
        Ok(Self {
            upload: it.upload,
            attempt: it.attempt,
            parts: it.parts.into_iter().map(Part::from).collect(),
            valid: it.valid,
            invalid: it.invalid,
            totals: each(it.totals)?,
            codes: it.codes.into_iter().map(count).collect::<Result<_, WireError>>()?,
            summary_parts: it.summary_parts,
            exempt_totals: each(it.exempt_totals)?,
            warnings: it.warnings.into_iter().map(count).collect::<Result<_, WireError>>()?,
            span: it.span.map(Period::from),
        })
    }
}

impl From<&DynamicItem> for wire::DynamicItem {
    fn from(it: &DynamicItem) -> Self {
        Self {
            named: Some((&it.named).into()),
            mpn: it.mpn.clone(),
            unit: it.unit.clone(),
            places: it.places.into(),
            row: it.row,
        }
    }
}

impl TryFrom<wire::DynamicItem> for DynamicItem {
    type Error = WireError;

    fn try_from(it: wire::DynamicItem) -> Result<Self, WireError> {
        Ok(Self {
            named: named(it.named, "named")?,
            mpn: it.mpn,
            unit: it.unit,
            places: narrow(it.places, "places")?,
            row: it.row,
        })
    }
}
