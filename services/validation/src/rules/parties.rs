//! Stages 1 and 2: whose usage it is, and of what.

use ledger::Decimal;
use ledger::catalog::{Item, ItemKind};
use ledger::record::{CellKind, CellView};

use super::cells::Row;
use super::columns::Field;
use super::lookup::Found;
use super::sentences::{self, EXAMPLES_MAX};

/// How an item is searched for.
#[derive(Clone, Copy)]
enum ItemCriteria {
    Mpn,
    GlobalId,
}

impl ItemCriteria {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "item.mpn" => Some(Self::Mpn),
            "item.global_id" => Some(Self::GlobalId),
            _ => None,
        }
    }

    fn of(self, item: &Item) -> &str {
        match self {
            Self::Mpn => &item.mpn,
            Self::GlobalId => item.named.id.as_str(),
        }
    }
}

impl<'r> Row<'r, '_> {
    /// Stage 1: the subscription, in the scope of the contract and product.
    pub(super) fn check_subscription(&mut self) -> Option<u32> {
        let criteria = self.given(Field::SubscriptionCriteria);
        let value = self.given(Field::SubscriptionValue);
        let criteria = criteria?.text;
        let parameter = criteria.strip_prefix("parameter.").map(str::trim);
        if criteria != "asset.id" && parameter.is_none_or(str::is_empty) {
            let known = self.checker.lookup.parameter_examples();
            let error = sentences::subscription_criteria(self.column(Field::SubscriptionCriteria), known);
            self.error(error);
            return None;
        }
        let value = value?;
        let number = match parameter {
            None => self.subscription_by_id(value),
            Some(parameter) => self.subscription_by_parameter(parameter, value),
        }?;
        let subscription = self.checker.lookup.subscription(number)?;
        if !subscription.status.reportable() {
            self.error(sentences::not_reportable(subscription, self.column(Field::SubscriptionValue)));
        }
        Some(number)
    }

    fn subscription_by_id(&mut self, value: CellView<'r>) -> Option<u32> {
        let Found::One(number) = self.checker.lookup.by_id(value.text) else {
            self.error(sentences::no_subscription_with_id(value.text, self.column(Field::SubscriptionValue)));
            return None;
        };
        Some(number)
    }

    fn subscription_by_parameter(&mut self, parameter: &'r str, value: CellView<'r>) -> Option<u32> {
        let column = self.column(Field::SubscriptionValue);
        let lookup = &mut self.checker.lookup;
        let mut found = lookup.by_parameter(parameter, value.text);
        if found == Found::None
            && let Some(plain) = plain_number(value)
        {
            found = lookup.by_parameter(parameter, &plain);
        }
        let error = match found {
            Found::One(number) => return Some(number),
            Found::Several(numbers) => {
                let ids = numbers.iter().filter_map(|&number| Some(lookup.subscription(number)?.id.as_str()));
                sentences::several_subscriptions(parameter, value.text, column, ids)
            }
            Found::None if lookup.knows_parameter(parameter) => {
                sentences::no_subscription_with_value(parameter, value.text, column, None)
            }
            Found::None => {
                let known = lookup.parameter_examples();
                sentences::no_subscription_with_value(parameter, value.text, column, Some(known))
            }
        };
        self.error(error);
        None
    }

    /// Stage 2: the item, in the subscription; where that wasn't found, in the product. Gives the item and how many
    /// the subscription bought of it, if it has the item and bought a number.
    pub(super) fn check_item(&mut self, subscription: Option<u32>) -> (Option<u32>, Option<Decimal>) {
        let dynamic = self.checker.against.capabilities.dynamic;
        let absent = |row: &Self, field| {
            let cell = row.cell(field);
            cell.text.is_empty() && matches!(cell.kind, CellKind::Text) && (dynamic || row.column(field).is_some())
        };
        if absent(self, Field::ItemCriteria) && absent(self, Field::ItemValue) {
            let column = self.column(Field::ItemCriteria);
            if !dynamic {
                self.error(sentences::dynamic_off(column));
                return (None, None);
            }
            let item = self.check_dynamic_item();
            if let Some(item) = item {
                self.check_kind(item, self.column(Field::ItemMpn));
            }
            return (item, None);
        }
        let criteria = self.given(Field::ItemCriteria);
        let value = self.given(Field::ItemValue);
        let Some(criteria) = criteria else { return (None, None) };
        let Some(by) = ItemCriteria::parse(criteria.text) else {
            self.error(sentences::item_criteria(self.column(Field::ItemCriteria)));
            return (None, None);
        };
        let Some(value) = value else { return (None, None) };
        let found = self.find_item(by, value, subscription);
        let column = self.column(Field::ItemValue);
        if found.is_none_or(|found| subscription.is_some() && !found.fits()) {
            let fix = self.items_that_fit(by, subscription);
            self.error(sentences::no_item(criteria.text, value.text, column, fix));
        }
        let Some(found) = found else { return (None, None) };
        self.check_kind(found.item, column);
        (Some(found.item), found.purchased.flatten())
    }

    fn find_item(&mut self, by: ItemCriteria, value: CellView<'r>, subscription: Option<u32>) -> Option<FoundItem> {
        let lookup = &mut self.checker.lookup;
        let mut numbers = match by {
            ItemCriteria::Mpn => lookup.by_mpn(value.text).to_vec(),
            ItemCriteria::GlobalId => lookup.by_global_id(value.text).to_vec(),
        };
        if numbers.is_empty()
            && let Some(plain) = plain_number(value)
        {
            numbers = lookup.by_mpn(&plain).to_vec();
        }
        let of = |item| FoundItem {
            item,
            purchased: subscription.and_then(|it| lookup.purchased(it, item)),
            dynamic: lookup.item(item).is_some_and(|item| item.dynamic),
        };
        let all: Vec<FoundItem> = numbers.into_iter().map(of).collect();
        let bought = all.iter().find(|found| found.purchased.is_some());
        bought.or_else(|| all.iter().find(|found| found.fits())).or(all.first()).copied()
    }

    fn items_that_fit(&self, by: ItemCriteria, subscription: Option<u32>) -> String {
        let lookup = &self.checker.lookup;
        let near = lookup.items_near(subscription, EXAMPLES_MAX + 1);
        let owner = match subscription.and_then(|number| lookup.subscription(number)) {
            Some(subscription) => format!("Subscription {}", subscription.id),
            None => format!("Product {}", self.checker.against.product),
        };
        if near.is_empty() {
            return format!("{owner} has no items.");
        }
        format!("{owner} has: {}.", sentences::listed(near.iter().map(|item| by.of(item))))
    }

    fn check_kind(&mut self, item: u32, column: Option<u16>) {
        let Some(kind) = self.checker.lookup.item(item).map(|item| item.kind) else { return };
        let capabilities = self.checker.against.capabilities;
        let on = match kind {
            ItemKind::PayAsYouGo => capabilities.pay_as_you_go.is_some(),
            ItemKind::Reservation => capabilities.reservation_consumption,
        };
        if !on {
            self.error(sentences::kind_off(kind, column));
        }
    }
}

/// An item of the product; `purchased` is none where the subscription hasn't the item, and holds none where the number
/// is unlimited.
#[derive(Clone, Copy)]
struct FoundItem {
    item: u32,
    purchased: Option<Option<Decimal>>,
    dynamic: bool,
}

impl FoundItem {
    /// Whether the subscription may report it: nobody buys a dynamic item ahead.
    fn fits(self) -> bool {
        self.purchased.is_some() || self.dynamic
    }
}

/// The number of a numeric cell as a person would write it, where the file spells it otherwise: an MPN typed as `1001`
/// may stand in the file as `1001.0` or `1.001E3`.
fn plain_number(cell: CellView<'_>) -> Option<String> {
    if cell.kind != CellKind::Number {
        return None;
    }
    let (value, _) = Decimal::parse_cell(cell.text, ledger::amount::PLACES_MAX).ok()?;
    Some(value.to_string()).filter(|plain| plain != cell.text)
}
