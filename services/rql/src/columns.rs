//! Queries over many objects at once: the values of a path stand in a column, each distinct text once, so that a
//! condition is tried once for each distinct value and the rows are only looked up.

use ledger::Moment;

use crate::compiled::{Compiled, Direction};
use crate::condition::{Node, Test};
use crate::parse::ORDERING_FIELDS_MAX;
use crate::subject::Scalar;

/// The values that many objects have at one path, at most one each.
#[derive(Clone, Copy, Debug)]
pub enum Column<'a> {
    /// Texts.
    Texts {
        /// Each distinct text once.
        values: &'a [String],
        /// For each row the number of its text in `values`, from 1; 0 where it has none.
        codes: &'a [u32],
    },
    /// Instants.
    Times(&'a [Option<Moment>]),
}

/// The key of what is absent, less than that of any value; it has a negative, which `i64::MIN` has not.
const ABSENT: i64 = -i64::MAX;

impl Compiled {
    /// Which of `count` rows fulfil the condition; none where it is about a path that has no column.
    pub fn fitting<'a>(&self, count: usize, column: &impl Fn(&str) -> Option<Column<'a>>) -> Option<Vec<bool>> {
        fitting(&self.condition, count, column)
    }

    /// The first `most` of some rows in the order that the query asks for; equal rows keep theirs. None where it is
    /// about a path that has no column.
    pub fn first<'a>(
        &self,
        rows: &[u32],
        most: usize,
        column: &impl Fn(&str) -> Option<Column<'a>>,
    ) -> Option<Vec<u32>> {
        if self.ordering.is_empty() || most == 0 {
            return Some(rows.iter().take(most).copied().collect());
        }
        let mut keyed: Vec<([i64; ORDERING_FIELDS_MAX], usize)> = (0..rows.len()).map(|at| ([0; _], at)).collect();
        for (place, (field, direction)) in self.ordering.iter().enumerate() {
            let keys = keys(column(field.path)?);
            for (row, (key, _)) in rows.iter().zip(&mut keyed) {
                let value = keys.get(*row as usize).copied().unwrap_or(ABSENT);
                let value = if *direction == Direction::Ascending { value } else { -value };
                key.get_mut(place).into_iter().for_each(|key| *key = value);
            }
        }
        if most < keyed.len() {
            keyed.select_nth_unstable(most);
            keyed.truncate(most);
        }
        keyed.sort_unstable();
        Some(keyed.iter().filter_map(|(_, at)| rows.get(*at).copied()).collect())
    }
}

fn fitting<'a>(node: &Node, count: usize, column: &impl Fn(&str) -> Option<Column<'a>>) -> Option<Vec<bool>> {
    match node {
        Node::All(parts) => joined(parts, count, column, true, |left, right| left & right),
        Node::Any(parts) => joined(parts, count, column, false, |left, right| left | right),
        Node::Not(inner) => Some(fitting(inner, count, column)?.into_iter().map(|fits| !fits).collect()),
        Node::At(path, test) => Some(passing(test, column(path)?)),
    }
}

fn joined<'a>(
    parts: &[Node],
    count: usize,
    column: &impl Fn(&str) -> Option<Column<'a>>,
    none: bool,
    join: impl Fn(bool, bool) -> bool,
) -> Option<Vec<bool>> {
    let mut fits = vec![none; count];
    for part in parts {
        for (fits, too) in fits.iter_mut().zip(fitting(part, count, column)?) {
            *fits = join(*fits, too);
        }
    }
    Some(fits)
}

fn passing(test: &Test, column: Column<'_>) -> Vec<bool> {
    match column {
        Column::Times(times) => times.iter().map(|at| at.is_some_and(|at| test.passes(Scalar::Time(at)))).collect(),
        Column::Texts { values, codes } => {
            let passes = values.iter().map(|value| test.passes(Scalar::Text(value)));
            let passes: Vec<bool> = std::iter::once(false).chain(passes).collect();
            codes.iter().map(|&code| passes.get(code as usize).copied().unwrap_or(false)).collect()
        }
    }
}

/// Numbers in the order of the values, one for each row.
fn keys(column: Column<'_>) -> Vec<i64> {
    match column {
        Column::Times(times) => times.iter().map(|at| at.map_or(ABSENT, |at| at.0)).collect(),
        Column::Texts { values, codes } => {
            let mut sorted: Vec<(&String, usize)> = values.iter().zip(1..).collect();
            sorted.sort_unstable();
            let mut ranks = vec![ABSENT; values.len() + 1];
            for (rank, (_, code)) in (0..).zip(sorted) {
                if let Some(slot) = ranks.get_mut(code) {
                    *slot = rank;
                }
            }
            codes.iter().map(|&code| ranks.get(code as usize).copied().unwrap_or(ABSENT)).collect()
        }
    }
}
