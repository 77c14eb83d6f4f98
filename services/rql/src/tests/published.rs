//! The catalogue against what the reference publishes: each list × filter × lookup on an object that has the value, on
//! one that has another, on one that has none, and for a caller who doesn't see the field.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::{
    AGGREGATES, CATEGORIES, CHUNKS, Compiled, FILES, Field, Kind, Query, RECONCILIATIONS, RECORDS, RULES, RqlError,
};

const LISTS: [(&str, &[Field]); 7] = [
    ("files", FILES),
    ("records", RECORDS),
    ("chunks", CHUNKS),
    ("reconciliations", RECONCILIATIONS),
    ("aggregates", AGGREGATES),
    ("rules", RULES),
    ("categories", CATEGORIES),
];
const LOOKUPS: [&str; 11] = ["eq", "ne", "gt", "ge", "lt", "le", "like", "ilike", "in", "out", "null"];

/// A filter as it is published.
struct Published {
    fields: &'static [Field],
    name: &'static str,
    path: &'static str,
    lookups: BTreeSet<&'static str>,
    ordered: bool,
    searched: bool,
    values: Vec<&'static str>,
}

/// Hit, miss and none: which of them an answer has.
type Which = [bool; 3];

fn published() -> Vec<Published> {
    let lines = include_str!("published.tsv").lines().filter(|line| !line.starts_with('#')).skip(1);
    let rows = lines.map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        let [list, name, path, lookups, beyond, flags, values] = cells[..] else { panic!("seven cells: {line}") };
        let words = |cell: &'static str| cell.split(' ').filter(|word| *word != "-");
        Published {
            fields: LISTS.iter().find(|(known, _)| *known == list).unwrap().1,
            name,
            path,
            lookups: words(lookups).chain(words(beyond)).collect(),
            ordered: flags.contains('o'),
            searched: flags.contains('s'),
            values: words(values).collect(),
        }
    });
    rows.collect()
}

impl Published {
    fn is_time(&self) -> bool {
        self.lookups.contains("ge")
    }

    /// A value that the field can have, and another one.
    fn samples(&self) -> (&'static str, &'static str) {
        match self.values[..] {
            _ if self.is_time() => ("2026-10-01T00:00:00+00:00", "2026-11-01T00:00:00+00:00"),
            [first, second, ..] => (first, second),
            _ => ("aB-1", "zz"),
        }
    }

    fn object(&self, value: Option<&str>) -> Json {
        let mut object = value.map_or(Json::Null, Json::from);
        for member in self.path.rsplit('.') {
            object = json!({ member: object });
        }
        object
    }

    fn answer(&self, text: &str, hidden: bool) -> Result<Which, RqlError> {
        let compiled = Compiled::new(Query::parse(text)?, self.fields, |field| !hidden || field.path != self.path)?;
        let (hit, miss) = self.samples();
        Ok([Some(hit), Some(miss), None].map(|value| compiled.matches(&self.object(value))))
    }

    /// A query with a lookup, and which of hit, miss and none it finds.
    fn query(&self, lookup: &str) -> (String, Which) {
        let (name, (value, _)) = (self.name, self.samples());
        // Hit is before miss, as instants.
        let found = match lookup {
            "eq" | "le" | "like" | "ilike" | "in" => [true, false, false],
            "ne" | "out" => [false, true, true],
            "gt" => [false, true, false],
            "ge" => [true, true, false],
            "null" => [false, false, true],
            _ => [false; 3],
        };
        let text = match lookup {
            "like" => format!("like({name},{}*)", &value[..2]),
            "ilike" => format!("ilike({name},{}*)", value[..2].to_uppercase()),
            "in" | "out" => format!("{lookup}({name},({value}))"),
            "null" => format!("{name}=null()"),
            _ => format!("{lookup}({name},{value})"),
        };
        (text, found)
    }
}

#[test]
fn every_lookup_answers_as_published_and_no_other_is_taken() {
    for filter in published() {
        for lookup in LOOKUPS {
            let (text, found) = filter.query(lookup);
            let got = filter.answer(&text, false);
            if filter.lookups.contains(lookup) {
                assert_eq!(got, Ok(found), "{text}");
            } else {
                assert!(matches!(got, Err(RqlError::Lookup { .. })), "{text}: {got:?}");
            }
            assert_eq!(filter.answer(&text, true), Ok([true; 3]), "{text}, hidden");
        }
    }
}

#[test]
fn a_value_of_a_fixed_set_has_one_spelling() {
    for filter in published().iter().filter(|filter| !filter.values.is_empty()) {
        let turned = |text: &str| {
            text.chars()
                .map(|c| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
                .collect::<String>()
        };
        for value in filter.values.iter().map(|value| turned(value)).chain(["nothing".to_owned()]) {
            let got = filter.answer(&format!("{}={value}", filter.name), false);
            assert!(matches!(got, Err(RqlError::Value { .. })), "{}={value}: {got:?}", filter.name);
        }
        for value in &filter.values {
            assert!(filter.answer(&format!("{}={value}", filter.name), false).is_ok(), "{}={value}", filter.name);
        }
    }
}

#[test]
fn only_what_is_published_is_ordered_by_and_searched() {
    for filter in published() {
        let name = filter.name;
        for text in [format!("ordering({name})"), format!("ordering(-{name})")] {
            assert_eq!(filter.answer(&text, false).is_ok(), filter.ordered, "{text}");
            assert!(filter.answer(&text, true).is_err(), "{text}, hidden");
        }
        // Aliases share a path, so one that is searched is enough.
        let searched = published()
            .iter()
            .any(|other| other.path == filter.path && other.fields == filter.fields && other.searched);
        let text = format!("search={}", filter.samples().0.to_uppercase());
        assert_eq!(filter.answer(&text, false), Ok([searched, false, false]), "{text} in {name}");
        assert_eq!(filter.answer(&text, true), Ok([false; 3]), "{text} in {name}, hidden");
        assert!(filter.fields.iter().any(|field| field.name == name && field.search == filter.searched), "{name}");
    }
}

/// What a list can be asked for beyond what is published (docs/rql.md).
const MORE: [(&str, &str); 1] = [("records", "error_codes")];

#[test]
fn a_list_has_the_published_filters_and_no_other() {
    let published = published();
    for (list, fields) in LISTS {
        let mut ours: BTreeSet<&str> =
            fields.iter().filter(|field| field.kind != Kind::Block).map(|field| field.name).collect();
        for (_, more) in MORE.iter().filter(|(of, _)| *of == list) {
            assert!(ours.remove(more), "{list}: {more}");
        }
        let theirs = published.iter().filter(|filter| filter.fields == fields).map(|filter| filter.name);
        assert_eq!(ours, theirs.collect(), "{list}");
        let unknown =
            |text: &str| Compiled::new(Query::parse(text).unwrap(), fields, |_| true).unwrap().matches(&json!({}));
        for text in ["nothing=1", "gt(nothing,1)", "in(nothing,(1,2))", "not(like(nothing,*))", "(nothing=1|nothing=2)"]
        {
            assert!(unknown(text), "{list}?{text}");
        }
    }
}
