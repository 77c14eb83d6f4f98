//! Usage as charts show it.

use ledger::Decimal;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Exact, given};

/// Usage by day, month, product or customer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Series {
    /// The points, 1,000 at most.
    points: Vec<Point>,
    /// How many there are in all.
    #[schema(example = 31)]
    total: u64,
}

/// What was used on a day or in a month, of a product, or by a customer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Point {
    /// The day, the month, or the id of the product or customer.
    #[schema(example = "2026-10-17")]
    key: String,
    /// The name of the product or customer.
    #[schema(example = "Apollo Pulse")]
    name: Option<String>,
    /// How many records.
    #[schema(example = 12)]
    records: u64,
    /// The sum of their quantities, whatever their units.
    quantity: Exact,
    /// The sums of their amounts, where they have any.
    amounts: Option<Vec<Amount>>,
}

/// An amount of money.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Amount {
    /// ISO 4217.
    #[schema(example = "USD")]
    currency: String,
    /// How much.
    amount: Exact,
}

impl Amount {
    pub(crate) fn new(currency: String, amount: Decimal) -> Self {
        Self { currency, amount: Exact(amount) }
    }
}

impl Point {
    pub(crate) fn new(key: String, name: String, records: u64, quantity: Decimal, amounts: Vec<Amount>) -> Self {
        let amounts = (!amounts.is_empty()).then_some(amounts);
        Self { key, name: given(name), records, quantity: Exact(quantity), amounts }
    }
}

/// A series as the API shows it.
pub(crate) fn shown(points: Vec<Point>, total: u64) -> Value {
    super::value(&Series { points, total })
}
