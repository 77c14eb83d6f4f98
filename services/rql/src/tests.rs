//! Tests of the query language, as tables: text in, what was understood out.

mod evaluation;
mod grammar;
mod judge;
mod oracle;
mod published;
mod random;

use super::{Expr, Placed, Query, Value};

/// A query in one canonical spelling, which reads back as the same query.
fn shown(query: &Query) -> String {
    let signed = |(minus, name): (bool, &Placed<String>)| format!("{}{}", if minus { "-" } else { "" }, name.what);
    let mut parts: Vec<String> = query.filter.iter().map(expr).collect();
    if let Some(text) = &query.search {
        parts.push(format!("search={}", value(&Value::Text(text.what.clone()))));
    }
    if !query.ordering.is_empty() {
        let keys: Vec<_> = query.ordering.iter().map(|key| signed((key.descending, &key.field))).collect();
        parts.push(format!("ordering({})", keys.join(",")));
    }
    if !query.select.is_empty() {
        let blocks: Vec<_> = query.select.iter().map(|block| signed((!block.include, &block.field))).collect();
        parts.push(format!("select({})", blocks.join(",")));
    }
    parts.extend(query.limit.map(|limit| format!("limit={limit}")));
    parts.extend(query.offset.map(|offset| format!("offset={offset}")));
    parts.join("&")
}

fn expr(part: &Expr) -> String {
    let list = |parts: &[Expr]| parts.iter().map(expr).collect::<Vec<_>>().join(",");
    match part {
        Expr::And(parts) => format!("and({})", list(parts)),
        Expr::Or(parts) => format!("or({})", list(parts)),
        Expr::Not(inner) => format!("not({})", expr(inner)),
        Expr::Compare { op, field, value: right } => format!("{}({},{})", op.name(), field.what, value(&right.what)),
        Expr::Like { field, pattern, case_insensitive } => {
            let lookup = if *case_insensitive { "ilike" } else { "like" };
            format!("{lookup}({},{})", field.what, value(&pattern.what))
        }
        Expr::In { field, values, negated } => {
            let values: Vec<_> = values.iter().map(|each| value(&each.what)).collect();
            format!("{}({},({}))", if *negated { "out" } else { "in" }, field.what, values.join(","))
        }
        Expr::Search(text) => format!("search={}", value(&Value::Text(text.what.clone()))),
    }
}

fn value(value: &Value) -> String {
    match value {
        Value::Text(text) if text.contains('\'') => format!("\"{text}\""),
        Value::Text(text) => format!("'{text}'"),
        Value::Null => "null()".to_owned(),
        Value::Empty => "empty()".to_owned(),
    }
}
