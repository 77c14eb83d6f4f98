//! What can be wrong with a record or a workbook: the published codes (seed 003, Possible Errors; connect-api §5.1)
//! and our own from 101 (design §12). A code never changes its meaning.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A code of the `USG_FILE_` range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u16)]
pub enum Code {
    /// No item (or subscription) matches the criteria.
    ItemNotFound = 1,
    /// No subscription has that value of the parameter.
    SubscriptionNotFoundByParameter = 2,
    /// No subscription has that id.
    SubscriptionNotFoundById = 3,
    /// Several subscriptions have that value of the parameter.
    SubscriptionAmbiguous = 4,
    /// The workbook can't be read or processed.
    Unreadable = 5,
    /// The quantity is no number.
    QuantityNotANumber = 6,
    /// The start time can't be read.
    StartInvalid = 7,
    /// The end time can't be read.
    EndInvalid = 8,
    /// The record id belongs to another file.
    RecordIdTaken = 9,
    /// The item criteria is neither `item.mpn` nor `item.global_id`.
    ItemCriteriaInvalid = 10,
    /// A time lies in the future (our reading of the published gap, connect-api U3).
    InTheFuture = 11,
    /// The start is after the end.
    StartAfterEnd = 12,
    /// More reservation was used than bought.
    AbovePurchased = 13,
    /// The quantity is finer than the item's precision.
    PrecisionMismatch = 14,
    /// A required column is missing from the sheet.
    ColumnMissing = 101,
    /// A required cell is blank.
    CellBlank = 102,
    /// The subscription criteria is neither `asset.id` nor `parameter.{id}`.
    SubscriptionCriteriaInvalid = 103,
    /// The amount is missing or no number.
    AmountInvalid = 104,
    /// The tier is not 0, 1 or 2.
    TierInvalid = 105,
    /// The category is not in the `categories` tab.
    CategoryUnknown = 106,
    /// The record id stands twice in the file.
    RecordIdRepeated = 107,
    /// More decimals than the ledger keeps.
    TooManyDecimals = 108,
    /// Beyond ±10^16, or negative where that has no meaning.
    OutOfRange = 109,
    /// A formula without its computed value, or a cell that holds an error.
    CellUnusable = 110,
    /// A cell holds more text than is kept.
    TextTooLong = 111,
    /// The subscription is not in a status whose usage can be reported.
    SubscriptionNotReportable = 112,
    /// The usage lies after the subscription's end.
    AfterTermination = 113,
    /// The product may not report this.
    CapabilityOff = 114,
    /// A custom field that the product requires is blank.
    CustomFieldMissing = 115,
    /// The usage overlaps usage of another file.
    Overlap = 116,
    /// A tier was given and the schema has none: a warning.
    TierIgnored = 117,
    /// A usage of a schema with tiers lacks some of them: a warning.
    TiersMissing = 118,
    /// A record brings an item that is known otherwise.
    DynamicItemConflict = 119,
    /// A record brings an item and doesn't say enough of it.
    DynamicItemInvalid = 120,
}

impl Code {
    /// Every code, in order.
    pub const ALL: [Self; 34] = [
        Self::ItemNotFound,
        Self::SubscriptionNotFoundByParameter,
        Self::SubscriptionNotFoundById,
        Self::SubscriptionAmbiguous,
        Self::Unreadable,
        Self::QuantityNotANumber,
        Self::StartInvalid,
        Self::EndInvalid,
        Self::RecordIdTaken,
        Self::ItemCriteriaInvalid,
        Self::InTheFuture,
        Self::StartAfterEnd,
        Self::AbovePurchased,
        Self::PrecisionMismatch,
        Self::ColumnMissing,
        Self::CellBlank,
        Self::SubscriptionCriteriaInvalid,
        Self::AmountInvalid,
        Self::TierInvalid,
        Self::CategoryUnknown,
        Self::RecordIdRepeated,
        Self::TooManyDecimals,
        Self::OutOfRange,
        Self::CellUnusable,
        Self::TextTooLong,
        Self::SubscriptionNotReportable,
        Self::AfterTermination,
        Self::CapabilityOff,
        Self::CustomFieldMissing,
        Self::Overlap,
        Self::TierIgnored,
        Self::TiersMissing,
        Self::DynamicItemConflict,
        Self::DynamicItemInvalid,
    ];

    /// The number after `USG_FILE_`.
    #[must_use]
    pub fn number(self) -> u16 {
        self as u16
    }

    /// The code of a number.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.number() == number)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "USG_FILE_{:03}", self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_in_order_and_found_by_their_number() {
        assert!(Code::ALL.windows(2).all(|pair| pair[0].number() < pair[1].number()));
        assert!(Code::ALL.iter().all(|&code| Code::from_number(code.number()) == Some(code)));
        assert_eq!(Code::RecordIdTaken.to_string(), "USG_FILE_009");
    }
}
