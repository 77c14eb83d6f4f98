//! The grammar, with winnow. Every choice is decided by the next character or word, so nothing is read twice and a
//! hostile text costs what a friendly one costs.
//!
//! Paging, ordering and selection may stand anywhere in a query; they are taken out into [`State`] on the way, and
//! the condition is left without them.

use winnow::Parser;
use winnow::combinator::{alt, eof, opt, separated, terminated};
use winnow::error::ErrMode;
use winnow::stream::{LocatingSlice, Location};
use winnow::token::one_of;

use super::words::{Input, Parsed, State, decoded, expect, misplaced, name, operator, quoted, syntax, unquoted};
use super::{Expr, Op, Order, Placed, Query, RqlError, Select, Value};

/// The longest query string: what common servers allow for a whole request line.
pub const QUERY_BYTES_MAX: usize = 8 * 1024;
/// The deepest parentheses: clients write three or four, and the parser recurses.
pub const DEPTH_MAX: usize = 16;
/// The most conditions: each is tried on every object of a list.
pub const TERMS_MAX: usize = 64;
/// The most values of one `in` or `out`: as many product ids as fit into the longest query string.
pub const VALUES_MAX: usize = 500;
/// The most keys of an ordering, as in django-rql.
pub const ORDERING_FIELDS_MAX: usize = 5;

/// What a word means in front of a parenthesis.
enum Head {
    Compare(Op),
    Like { case_insensitive: bool },
    List { negated: bool },
    Presence(Value),
    And,
    Or,
    Not,
    Tuple,
    Ordering,
    Select,
}

/// Where a term stands: inside `not` and tuples lib-rql allows less.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Anywhere,
    Negated,
    Tuple,
}

/// A value, or the conditions of a tuple that stands in the place of one.
enum Operand {
    Value(Value),
    Tuple(Option<Expr>),
}

/// Reads a raw query string.
pub(super) fn query(raw: &str) -> Result<Query, RqlError> {
    if raw.len() > QUERY_BYTES_MAX {
        return Err(RqlError::TooLong { bytes: raw.len() });
    }
    let (filter, state) = read(&decoded(raw))?;
    let mut search = None;
    let filter = filter.and_then(|filter| without_search(filter, &mut search));
    let State { ordering, select, limit, offset, .. } = state;
    Ok(Query {
        filter,
        ordering: ordering.unwrap_or_default(),
        select: select.unwrap_or_default(),
        search,
        limit: limit.flatten(),
        offset: offset.flatten(),
    })
}

/// Reads a condition that stands alone and plain: nothing is percent-decoded, and nothing but conditions may stand in it.
pub(super) fn condition(text: &str) -> Result<Option<Expr>, RqlError> {
    if text.len() > QUERY_BYTES_MAX {
        return Err(RqlError::TooLong { bytes: text.len() });
    }
    match read(text)? {
        (_, State { list_only: Some((what, position)), .. }) => Err(RqlError::ListOnly { what, position }),
        (expr, _) => Ok(expr),
    }
}

fn read(text: &str) -> Result<(Option<Expr>, State), RqlError> {
    let mut input = Input { input: LocatingSlice::new(text), state: State::default() };
    match whole(&mut input) {
        Ok(expr) => Ok((expr, input.state)),
        Err(ErrMode::Backtrack(error) | ErrMode::Cut(error)) => Err(error),
        // The input is never partial, so this is only the end of the text.
        Err(ErrMode::Incomplete(_)) => Err(syntax(&input, "more text")),
    }
}

/// Takes the first `search` out of the terms that everything is and-ed with.
fn without_search(filter: Expr, search: &mut Option<Placed<String>>) -> Option<Expr> {
    match filter {
        Expr::Search(text) if search.is_none() => {
            *search = Some(text);
            None
        }
        Expr::And(parts) => joined(Expr::And, parts.into_iter().map(|part| without_search(part, search))),
        other => Some(other),
    }
}

fn whole(input: &mut Input<'_>) -> Parsed<Option<Expr>> {
    if input.is_empty() {
        return Ok(None);
    }
    let parts: Vec<_> = separated(1.., conjunction, ',').parse_next(input)?;
    expect(eof, "`&`, `,` or the end").parse_next(input)?;
    Ok(joined(Expr::And, parts))
}

fn conjunction(input: &mut Input<'_>) -> Parsed<Option<Expr>> {
    let parts: Vec<_> = separated(1.., |input: &mut Input<'_>| term(input, Place::Anywhere), '&').parse_next(input)?;
    Ok(joined(Expr::And, parts))
}

/// `(a)`, `(a,b)`, `(a|b)` or `(a;b)`, after the opening parenthesis; the separators don't mix.
fn group(input: &mut Input<'_>) -> Parsed<Option<Expr>> {
    let first = conjunction(input)?;
    let Some(separator) = opt(one_of([',', '|', ';'])).parse_next(input)? else {
        return Ok(first);
    };
    let mut parts: Vec<_> = separated(1.., conjunction, separator).parse_next(input)?;
    parts.insert(0, first);
    Ok(joined(if separator == ',' { Expr::And } else { Expr::Or }, parts))
}

/// The arguments of `and` and `or`: two at least, as in lib-rql.
fn arguments(input: &mut Input<'_>, join: fn(Vec<Expr>) -> Expr) -> Parsed<Option<Expr>> {
    let first = terminated(conjunction, expect(',', "`,`")).parse_next(input)?;
    let mut parts: Vec<_> = separated(1.., conjunction, ',').parse_next(input)?;
    parts.insert(0, first);
    Ok(joined(join, parts))
}

fn term(input: &mut Input<'_>, place: Place) -> Parsed<Option<Expr>> {
    let start = input.current_token_start();
    if place != Place::Tuple && opt('(').parse_next(input)?.is_some() {
        return nested(input, |input| match place {
            Place::Anywhere => group(input),
            Place::Negated | Place::Tuple => term(input, place),
        });
    }
    let word = name(input)?;
    if opt('(').parse_next(input)?.is_some() {
        let head = head(word).filter(|head| head.stands(place));
        let head = head.ok_or_else(|| misplaced(start, word))?;
        return nested(input, |input| call(input, head));
    }
    // At the start of a term lib-rql takes the word for a tuple.
    if word == "t" && place == Place::Anywhere {
        return Err(ErrMode::Cut(syntax(input, "`(` after the tuple's name")));
    }
    expect('=', "`=` or `(` after the name").parse_next(input)?;
    let op = opt(terminated(operator, '=')).parse_next(input)?.unwrap_or(Op::Eq);
    compare(input, op, Placed { what: word.to_owned(), position: start })
}

/// The inside of a parenthesis that was opened, and its end.
fn nested<'a, T>(input: &mut Input<'a>, inside: impl FnOnce(&mut Input<'a>) -> Parsed<T>) -> Parsed<T> {
    input.state.depth += 1;
    if input.state.depth > DEPTH_MAX {
        return Err(ErrMode::Cut(RqlError::TooDeep { position: input.current_token_start() }));
    }
    let output = inside(input)?;
    expect(')', "`)`").parse_next(input)?;
    input.state.depth -= 1;
    Ok(output)
}

fn call(input: &mut Input<'_>, head: Head) -> Parsed<Option<Expr>> {
    match head {
        Head::Compare(op) => {
            let field = field(input)?;
            compare(input, op, field)
        }
        Head::Like { case_insensitive } => like(input, case_insensitive),
        Head::List { negated } => list(input, negated),
        Head::Presence(value) => {
            count_term(input)?;
            let field = field(input)?;
            let position = input.current_token_start();
            let holds =
                expect(alt(("true".value(true), "false".value(false))), "`true` or `false`").parse_next(input)?;
            let value = Placed { what: value, position };
            Ok(Some(Expr::Compare { op: if holds { Op::Eq } else { Op::Ne }, field, value }))
        }
        Head::And => arguments(input, Expr::And),
        Head::Or => arguments(input, Expr::Or),
        Head::Not => Ok(term(input, Place::Negated)?.map(|inner| Expr::Not(Box::new(inner)))),
        Head::Tuple => tuple(input),
        Head::Ordering => ordering(input),
        Head::Select => select(input),
    }
}

/// The first argument of a call, and the comma behind it.
fn field(input: &mut Input<'_>) -> Parsed<Placed<String>> {
    terminated(|input: &mut Input<'_>| placed_name(input), expect(',', "`,` after the name")).parse_next(input)
}

fn placed_name(input: &mut Input<'_>) -> Parsed<Placed<String>> {
    let position = input.current_token_start();
    Ok(Placed { what: name(input)?.to_owned(), position })
}

fn compare(input: &mut Input<'_>, op: Op, field: Placed<String>) -> Parsed<Option<Expr>> {
    count_term(input)?;
    let position = input.current_token_start();
    let operand = operand(input)?;
    if field.what == "limit" || field.what == "offset" {
        input.state.list_only.get_or_insert(("paging", field.position));
        return paging(&mut input.state, op, &field, operand);
    }
    if field.what == "search" {
        input.state.list_only.get_or_insert(("search", field.position));
        return searching(op, operand, field.position, position).map(Some).map_err(ErrMode::Cut);
    }
    match operand {
        Operand::Value(value) => Ok(Some(Expr::Compare { op, field, value: Placed { what: value, position } })),
        Operand::Tuple(inside) => {
            let inside = inside.map(|inside| prefixed(inside, &field.what)).transpose().map_err(ErrMode::Cut)?;
            Ok(inside.map(|inside| if op == Op::Eq { inside } else { Expr::Not(Box::new(inside)) }))
        }
    }
}

fn paging(state: &mut State, op: Op, field: &Placed<String>, operand: Operand) -> Parsed<Option<Expr>> {
    let place = if field.what == "limit" { &mut state.limit } else { &mut state.offset };
    let (None, Op::Eq, Operand::Value(value)) = (&place, op, operand) else {
        return Err(ErrMode::Cut(RqlError::Paging { position: field.position }));
    };
    *place = Some(match value {
        Value::Text(text) => whole_number(&text),
        Value::Null | Value::Empty => None,
    });
    Ok(None)
}

/// A number too large to hold is still a number: it skips everything, or asks for the largest page.
fn whole_number(text: &str) -> Option<u64> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().unwrap_or(u64::MAX))
}

fn searching(op: Op, operand: Operand, position: usize, value: usize) -> Result<Expr, RqlError> {
    let text = match (op, operand) {
        (Op::Eq, Operand::Value(Value::Text(text))) => text,
        (Op::Eq, Operand::Value(Value::Null)) => "null()".to_owned(),
        (Op::Eq, Operand::Value(Value::Empty)) => "empty()".to_owned(),
        (Op::Eq, Operand::Tuple(_)) => return Err(RqlError::Search { operator: "t", position }),
        (other, _) => return Err(RqlError::Search { operator: other.name(), position }),
    };
    Ok(Expr::Search(Placed { what: text, position: value }))
}

fn like(input: &mut Input<'_>, case_insensitive: bool) -> Parsed<Option<Expr>> {
    let lookup = if case_insensitive { "ilike" } else { "like" };
    count_term(input)?;
    let field = field(input)?;
    if field.what == "search" {
        return Err(ErrMode::Cut(RqlError::Search { operator: lookup, position: field.position }));
    }
    let position = input.current_token_start();
    match operand(input)? {
        Operand::Value(what) => Ok(Some(Expr::Like { field, pattern: Placed { what, position }, case_insensitive })),
        // The grammar allows it, django-rql then finds that it is no pattern.
        Operand::Tuple(_) => {
            let value = "t(…)".to_owned();
            Err(ErrMode::Cut(RqlError::Value { filter: field.what, lookup, value, position }))
        }
    }
}

fn list(input: &mut Input<'_>, negated: bool) -> Parsed<Option<Expr>> {
    count_term(input)?;
    let field = field(input)?;
    if field.what == "search" {
        let operator = if negated { "out" } else { "in" };
        return Err(ErrMode::Cut(RqlError::Search { operator, position: field.position }));
    }
    expect('(', "`(` before the values").parse_next(input)?;
    let placed = |input: &mut Input<'_>| Ok((input.current_token_start(), operand(input)?));
    let operands: Vec<_> = separated(1..=VALUES_MAX, placed, ',').parse_next(input)?;
    if operands.len() == VALUES_MAX && input.starts_with(',') {
        return Err(ErrMode::Cut(RqlError::TooManyValues { position: input.current_token_start() }));
    }
    expect(')', "`,` or `)` after a value").parse_next(input)?;
    let mut values = Vec::new();
    let mut parts = Vec::new();
    for (position, operand) in operands {
        match operand {
            Operand::Value(what) => values.push(Placed { what, position }),
            Operand::Tuple(Some(inside)) => parts.push(prefixed(inside, &field.what).map_err(ErrMode::Cut)?),
            Operand::Tuple(None) => {}
        }
    }
    let listed = (!values.is_empty()).then_some(Expr::In { field, values, negated: false });
    let either = joined(Expr::Or, listed.into_iter().chain(parts).map(Some));
    Ok(either.map(|either| match either {
        Expr::In { field, values, .. } => Expr::In { field, values, negated },
        other if negated => Expr::Not(Box::new(other)),
        other => other,
    }))
}

/// The inside of `t(…)`: comparisons and patterns, all of which hold.
fn tuple(input: &mut Input<'_>) -> Parsed<Option<Expr>> {
    let parts: Vec<_> = separated(1.., |input: &mut Input<'_>| term(input, Place::Tuple), ',').parse_next(input)?;
    Ok(joined(Expr::And, parts))
}

/// The conditions of a tuple are about the fields of the object that it is compared with.
fn prefixed(expr: Expr, prefix: &str) -> Result<Expr, RqlError> {
    let all = |parts: Vec<Expr>| parts.into_iter().map(|part| prefixed(part, prefix)).collect::<Result<_, _>>();
    let named = |field: Placed<String>| Placed { what: format!("{prefix}.{}", field.what), ..field };
    Ok(match expr {
        Expr::And(parts) => Expr::And(all(parts)?),
        Expr::Or(parts) => Expr::Or(all(parts)?),
        Expr::Not(inner) => Expr::Not(Box::new(prefixed(*inner, prefix)?)),
        Expr::Compare { op, field, value } => Expr::Compare { op, field: named(field), value },
        Expr::Like { field, pattern, case_insensitive } => {
            Expr::Like { field: named(field), pattern, case_insensitive }
        }
        Expr::In { field, values, negated } => Expr::In { field: named(field), values, negated },
        Expr::Search(Placed { position, .. }) => return Err(RqlError::Search { operator: "t", position }),
    })
}

fn ordering(input: &mut Input<'_>) -> Parsed<Option<Expr>> {
    let position = input.current_token_start();
    input.state.list_only.get_or_insert(("ordering", position));
    let keys = signed_names(input)?;
    if input.state.ordering.is_some() {
        return Err(ErrMode::Cut(RqlError::OrderingTwice { position }));
    }
    if let Some((one_too_many, _)) = keys.get(ORDERING_FIELDS_MAX) {
        return Err(ErrMode::Cut(RqlError::OrderingTooLong { position: one_too_many.position }));
    }
    let keys = keys.into_iter().map(|(field, minus)| Order { field, descending: minus });
    input.state.ordering = Some(keys.collect());
    Ok(None)
}

fn select(input: &mut Input<'_>) -> Parsed<Option<Expr>> {
    let position = input.current_token_start();
    input.state.list_only.get_or_insert(("selection", position));
    let blocks = signed_names(input)?;
    if input.state.select.is_some() {
        return Err(ErrMode::Cut(RqlError::SelectTwice { position }));
    }
    let blocks = blocks.into_iter().map(|(field, minus)| Select { field, include: !minus });
    input.state.select = Some(blocks.collect());
    Ok(None)
}

/// Names with an optional sign, or nothing before the closing parenthesis. True is a minus.
fn signed_names(input: &mut Input<'_>) -> Parsed<Vec<(Placed<String>, bool)>> {
    if input.starts_with(')') {
        return Ok(Vec::new());
    }
    let signed = (opt(one_of(['+', '-'])), placed_name).map(|(sign, name)| (name, sign == Some('-')));
    separated(1.., signed, ',').parse_next(input)
}

fn operand(input: &mut Input<'_>) -> Parsed<Operand> {
    if let Some(text) = quoted(input)? {
        return Ok(Operand::Value(Value::Text(text.to_owned())));
    }
    let marker = alt(("null()".value(Value::Null), "empty()".value(Value::Empty)));
    if let Some(value) = opt(marker).parse_next(input)? {
        return Ok(Operand::Value(value));
    }
    let text = unquoted(input)?;
    if text != "t" {
        return Ok(Operand::Value(Value::Text(text.to_owned())));
    }
    expect('(', "`(` after the tuple's name, or the value `t` in quotes").parse_next(input)?;
    nested(input, tuple).map(Operand::Tuple)
}

fn head(word: &str) -> Option<Head> {
    Some(match word {
        "eq" => Head::Compare(Op::Eq),
        "ne" => Head::Compare(Op::Ne),
        "gt" => Head::Compare(Op::Gt),
        "ge" => Head::Compare(Op::Ge),
        "lt" => Head::Compare(Op::Lt),
        "le" => Head::Compare(Op::Le),
        "like" => Head::Like { case_insensitive: false },
        "ilike" => Head::Like { case_insensitive: true },
        "in" => Head::List { negated: false },
        "out" => Head::List { negated: true },
        "null" => Head::Presence(Value::Null),
        "empty" => Head::Presence(Value::Empty),
        "and" => Head::And,
        "or" => Head::Or,
        "not" => Head::Not,
        "t" => Head::Tuple,
        "ordering" => Head::Ordering,
        "select" => Head::Select,
        _ => return None,
    })
}

impl Head {
    fn stands(&self, place: Place) -> bool {
        match place {
            Place::Anywhere => true,
            Place::Negated => !matches!(self, Self::And | Self::Or | Self::Not | Self::Tuple),
            Place::Tuple => matches!(self, Self::Compare(_) | Self::Like { .. } | Self::Presence(_)),
        }
    }
}

/// What is left of the parts, joined only where there are two: paging and the like leave nothing behind.
fn joined(join: fn(Vec<Expr>) -> Expr, parts: impl IntoIterator<Item = Option<Expr>>) -> Option<Expr> {
    let mut parts: Vec<Expr> = parts.into_iter().flatten().collect();
    if parts.len() > 1 { Some(join(parts)) } else { parts.pop() }
}

fn count_term(input: &mut Input<'_>) -> Parsed<()> {
    input.state.terms += 1;
    if input.state.terms > TERMS_MAX {
        return Err(ErrMode::Cut(RqlError::TooManyTerms { position: input.current_token_start() }));
    }
    Ok(())
}
