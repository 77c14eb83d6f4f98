//! Random queries from a seed: what is written canonically reads back the same, and no text whatsoever panics.

use super::shown;
use crate::{ASSETS, Compiled, Expr, FILES, Op, Order, Placed, Query, RECORDS, Select, Value};

/// Where it stands is no difference.
fn placed<T>(what: T) -> Placed<T> {
    Placed { what, position: 0 }
}

/// xorshift: enough to choose among alternatives, the same on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % end
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    fn some<T>(&mut self, least: usize, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = least + self.below(3);
        (0..count).map(|_| one(self)).collect()
    }

    fn name(&mut self) -> Placed<String> {
        let names = ["status", "name", "id", "created.at", "product__id", "nothing", "eq", "asset.external_uid"];
        placed(self.pick(&names).to_owned())
    }

    fn value(&mut self) -> Placed<Value> {
        let texts = ["ready", "", "a,(b)", "it's", "2026-01-02", "*x*", "ä%20", "\\*", "-1.5", "t", "a|b;c&d=e"];
        placed(match self.below(8) {
            0 => Value::Null,
            1 => Value::Empty,
            _ => Value::Text(self.pick(&texts).to_owned()),
        })
    }

    fn leaf(&mut self) -> Expr {
        let field = self.name();
        match self.below(3) {
            0 => Expr::Like { field, pattern: self.value(), case_insensitive: self.below(2) == 0 },
            1 => Expr::In { field, values: self.some(1, Self::value), negated: self.below(2) == 0 },
            _ => {
                let op = self.pick(&[Op::Eq, Op::Ne, Op::Gt, Op::Ge, Op::Lt, Op::Le]);
                Expr::Compare { op, field, value: self.value() }
            }
        }
    }

    fn expr(&mut self, depth: usize) -> Expr {
        match self.below(if depth == 0 { 1 } else { 5 }) {
            3 => Expr::And(self.some(2, |dice| dice.expr(depth - 1))),
            4 => Expr::Or(self.some(2, |dice| dice.expr(depth - 1))),
            2 => Expr::Not(Box::new(self.leaf())),
            _ => self.leaf(),
        }
    }

    fn query(&mut self) -> Query {
        Query {
            filter: Some(self.expr(2)),
            ordering: self.some(0, |dice| Order { field: dice.name(), descending: dice.below(2) == 0 }),
            select: self.some(0, |dice| Select { field: dice.name(), include: dice.below(2) == 0 }),
            search: self.pick(&[None, Some(placed("x'y".to_owned()))]),
            limit: self.pick(&[None, Some(0), Some(7)]),
            offset: self.pick(&[None, Some(u64::MAX)]),
        }
    }
}

/// A percent sign in a value would be decoded, so the text is sent as a client sends it.
fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('&', "%26").replace('+', "%2B")
}

#[test]
fn a_canonical_text_reads_back_as_the_same_query() {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    for _ in 0..3_000 {
        let query = dice.query();
        let text = shown(&query);
        assert_eq!(Query::parse(&escaped(&text)), Ok(query), "{text}");
    }
}

#[test]
fn no_text_panics() {
    let pieces = [
        "and(",
        "or(",
        "not(",
        "in(",
        "t(",
        "like(",
        "ordering(",
        "select(",
        "search=",
        "limit=",
        "null(",
        "empty()",
        "null()",
        "status",
        "created.at",
        "params",
        "=",
        "=eq=",
        ",",
        ")",
        "(",
        "&",
        "|",
        ";",
        "*",
        "\\",
        "\"",
        "'",
        "%",
        "%C3",
        "é",
        "ready",
        "2026-01-02T",
        "-",
        "+01:00",
        " ",
        "true",
        "\u{0}",
        "\u{1F600}",
    ];
    let object = serde_json::json!({"id": "é", "status": null, "params": [{"id": 1.5}], "events": {"created": []}});
    let mut dice = Dice(7);
    for _ in 0..20_000 {
        let count = dice.below(14);
        let text: String = (0..count).map(|_| dice.pick(&pieces)).collect();
        let Ok(query) = Query::parse(&text) else { continue };
        for fields in [FILES, RECORDS, ASSETS] {
            let Ok(compiled) = Compiled::new(query.clone(), fields, |_| true) else { continue };
            let mut objects = vec![object.clone(), object.clone()];
            let fits = compiled.matches(&objects[0]);
            assert!(fits || !compiled.matches_all());
            compiled.sort(&mut objects);
            compiled.select(&mut objects[0]);
        }
    }
}

#[test]
fn a_hostile_pattern_is_quick() {
    let pattern = format!("like(name,{}b)", "a*".repeat(2_000));
    let compiled = Compiled::new(Query::parse(&pattern).expect("RQL"), FILES, |_| true).expect("a query");
    assert!(!compiled.matches(&serde_json::json!({"name": "a".repeat(1_000_000)})));
}
