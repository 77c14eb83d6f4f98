//! Charts, drawn here as SVG: bars of exact figures, each with a table that says the same.

use serde::Deserialize;
use serde_json::Number;

use crate::figure::{Figure, column, units};

/// Bars of a chart about products and customers; the rest is in its table.
const BARS_MAX: usize = 8;

/// What the API says of usage over time, or of products or customers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Series {
    pub(crate) points: Vec<Point>,
}

/// One of its points.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Point {
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) quantity: Option<Number>,
    pub(crate) amounts: Vec<Amount>,
}

/// An amount of money.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Amount {
    pub(crate) currency: String,
    pub(crate) amount: Number,
}

/// A bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bar {
    /// The day, product or customer.
    pub(crate) label: String,
    /// What is written where there is little room: the day of the month.
    pub(crate) short: String,
    /// The figure, exact.
    pub(crate) figure: String,
    /// What it lacks of the column's decimals.
    pub(crate) pad: String,
    /// Out of a thousand, of the longest bar; at least one where there is anything.
    pub(crate) share: i128,
}

/// A chart.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    /// What it shows.
    pub(crate) title: String,
    /// What bars stand for.
    pub(crate) of: &'static str,
    /// The unit of the figures.
    pub(crate) unit: String,
    /// Whether bars stand beside each other, as time passes.
    pub(crate) over_time: bool,
    /// All of its bars.
    pub(crate) bars: Vec<Bar>,
}

impl Chart {
    /// Those that are drawn.
    pub(crate) fn drawn(&self) -> &[Bar] {
        if self.over_time { &self.bars } else { self.bars.get(..BARS_MAX).unwrap_or(&self.bars) }
    }

    /// How wide the picture is, in the units of its own.
    pub(crate) fn width(&self) -> usize {
        self.bars.len().saturating_mul(10)
    }

    /// Whether only some bars are drawn.
    pub(crate) fn is_cut(&self) -> bool {
        self.drawn().len() < self.bars.len()
    }
}

impl Bar {
    /// Where a bar of a picture over time begins.
    pub(crate) fn left(place: &usize) -> usize {
        place.saturating_mul(10).saturating_add(1)
    }

    /// How far from the top it begins.
    pub(crate) fn top(&self) -> i128 {
        1000_i128.saturating_sub(self.share)
    }
}

/// A chart of quantities, and one of the amounts of each currency, where there are any.
pub(crate) fn charts(series: &Series, title: &str, of: &'static str, over_time: bool) -> Vec<Chart> {
    let chart = |unit: &str, pick: &dyn Fn(&Point) -> Option<Number>| {
        let bars = bars(&series.points, pick, over_time);
        Chart { title: title.to_owned(), of, unit: unit.to_owned(), over_time, bars }
    };
    let mut charts = vec![chart("Quantity", &|point| point.quantity.clone())];
    let mut currencies: Vec<&str> =
        series.points.iter().flat_map(|point| point.amounts.iter().map(|amount| amount.currency.as_str())).collect();
    currencies.sort_unstable();
    currencies.dedup();
    for currency in currencies {
        let of_currency = |point: &Point| {
            let found = point.amounts.iter().find(|amount| amount.currency == currency);
            found.map(|amount| amount.amount.clone())
        };
        charts.push(chart(currency, &of_currency));
    }
    charts.retain(|chart| !chart.bars.is_empty());
    charts
}

fn bars(points: &[Point], pick: &dyn Fn(&Point) -> Option<Number>, over_time: bool) -> Vec<Bar> {
    let mut picked: Vec<(&Point, Number)> = points.iter().filter_map(|point| Some((point, pick(point)?))).collect();
    if !over_time {
        picked.sort_by_key(|(_, number)| std::cmp::Reverse(units(number)));
    }
    let most = picked.iter().map(|(_, number)| units(number)).max().unwrap_or(0).max(1);
    let figures = column(picked.iter().map(|(_, number)| Some(number)));
    let bar = |((point, number), figure): ((&Point, Number), Figure)| {
        let length = units(&number).max(0);
        let share = length.saturating_mul(1000).checked_div(most).unwrap_or(0);
        Bar {
            label: if point.name.is_empty() { point.key.clone() } else { point.name.clone() },
            short: point.key.rsplit('-').next().unwrap_or_default().to_owned(),
            figure: figure.text,
            pad: figure.pad,
            share: share.clamp(i128::from(length > 0), 1000),
        }
    };
    picked.into_iter().zip(figures).map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(key: &str, quantity: &str, amount: Option<&str>) -> Point {
        let amounts = amount.map(|amount| Amount { currency: "EUR".to_owned(), amount: amount.parse().unwrap() });
        Point {
            key: key.to_owned(),
            quantity: Some(quantity.parse().unwrap()),
            amounts: amounts.into_iter().collect(),
            ..Point::default()
        }
    }

    #[test]
    fn bars_are_as_long_as_their_figures() {
        let points = vec![
            point("2026-10-01", "50", None),
            point("2026-10-02", "200.000000000001", Some("3")),
            point("2026-10-03", "0.01", Some("-1")),
            point("2026-10-04", "0", None),
        ];
        let charts = charts(&Series { points }, "By day", "Day", true);
        let shares = |chart: &Chart| chart.bars.iter().map(|bar| bar.share).collect::<Vec<_>>();
        assert_eq!(charts.iter().map(|chart| chart.unit.as_str()).collect::<Vec<_>>(), ["Quantity", "EUR"]);
        assert_eq!(shares(&charts[0]), [249, 1000, 1, 0]);
        assert_eq!(shares(&charts[1]), [1000, 0]);
        assert_eq!(charts[0].bars[1].figure, "200.000000000001");
    }
}
