//! The words of the grammar: names, operators, values, and the error for what isn't one.

use winnow::Parser;
use winnow::combinator::{alt, delimited};
use winnow::error::{ErrMode, ParserError};
use winnow::stream::{LocatingSlice, Location, Stateful, Stream};
use winnow::token::{one_of, take_while};

use super::{Op, Order, RqlError, Select};

/// How much of the text an error quotes.
const NEAR_CHARS: usize = 20;

pub(super) type Input<'a> = Stateful<LocatingSlice<&'a str>, State>;
pub(super) type Fault = ErrMode<RqlError>;
pub(super) type Parsed<T> = Result<T, Fault>;

/// What is counted or taken out on the way.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) depth: usize,
    pub(super) terms: usize,
    pub(super) ordering: Option<Vec<Order>>,
    pub(super) select: Option<Vec<Select>>,
    /// The first thing that belongs to lists and not to conditions, and where it stands.
    pub(super) list_only: Option<(&'static str, usize)>,
    /// The outer option is whether it was there, the inner one whether it was a number.
    pub(super) limit: Option<Option<u64>>,
    pub(super) offset: Option<Option<u64>>,
}

/// Decodes as Python's `unquote` does: a `%` without two hexadecimal digits stays, bytes that are no UTF-8 become
/// U+FFFD.
pub(super) fn decoded(raw: &str) -> String {
    let bytes = raw.as_bytes();
    let digit = |index: usize| bytes.get(index).and_then(|byte| char::from(*byte).to_digit(16));
    let mut plain: Vec<u8> = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while let Some(byte) = bytes.get(index) {
        let escaped = if *byte == b'%' { digit(index + 1).zip(digit(index + 2)) } else { None };
        let code = escaped.and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        plain.push(code.unwrap_or(*byte));
        index += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

pub(super) fn name<'a>(input: &mut Input<'a>) -> Parsed<&'a str> {
    let continues = |char: char| char.is_alphanumeric() || "_-.".contains(char);
    let word = (one_of(|char: char| char.is_ascii_alphabetic()), take_while(0.., continues)).take();
    expect(word, "a name").parse_next(input)
}

pub(super) fn operator(input: &mut Input<'_>) -> Parsed<Op> {
    alt((
        "eq".value(Op::Eq),
        "ne".value(Op::Ne),
        "gt".value(Op::Gt),
        "ge".value(Op::Ge),
        "lt".value(Op::Lt),
        "le".value(Op::Le),
    ))
    .parse_next(input)
}

/// A value in quotes, without them; none where no quote opens here.
pub(super) fn quoted<'a>(input: &mut Input<'a>) -> Parsed<Option<&'a str>> {
    let Some(quote) = ['"', '\''].into_iter().find(|quote| input.starts_with(*quote)) else {
        return Ok(None);
    };
    let inside = take_while(0.., move |char| char != quote);
    delimited(quote, inside, expect(quote, "the closing quote")).map(Some).parse_next(input)
}

/// A value without quotes.
pub(super) fn unquoted<'a>(input: &mut Input<'a>) -> Parsed<&'a str> {
    expect((one_of(starts_value), take_while(0.., continues_value)).take(), "a value").parse_next(input)
}

fn starts_value(char: char) -> bool {
    char.is_alphanumeric() || "_-*+\\/".contains(char)
}

fn continues_value(char: char) -> bool {
    starts_value(char) || char.is_whitespace() || ".:@'\"".contains(char)
}

/// A parser that must succeed here, with the words for what is missing if it doesn't.
pub(super) fn expect<'a, T>(
    mut parser: impl Parser<Input<'a>, T, Fault>,
    expected: &'static str,
) -> impl Parser<Input<'a>, T, Fault> {
    move |input: &mut Input<'a>| {
        let start = input.checkpoint();
        let output = parser.parse_next(input);
        output.map_err(|error| match error {
            ErrMode::Backtrack(_) => {
                input.reset(&start);
                ErrMode::Cut(syntax(input, expected))
            }
            other => other,
        })
    }
}

pub(super) fn syntax(input: &Input<'_>, expected: &'static str) -> RqlError {
    let position = input.current_token_start();
    let near = input.chars().take(NEAR_CHARS).collect();
    RqlError::Syntax { position, expected, near }
}

pub(super) fn misplaced(position: usize, word: &str) -> Fault {
    let near = word.chars().take(NEAR_CHARS).collect();
    ErrMode::Cut(RqlError::Syntax { position, expected: "an operator that may stand here", near })
}

impl<'a> ParserError<Input<'a>> for RqlError {
    type Inner = Self;

    fn from_input(input: &Input<'a>) -> Self {
        Self::Syntax { position: input.current_token_start(), expected: "something else", near: String::new() }
    }

    fn into_inner(self) -> Result<Self::Inner, Self> {
        Ok(self)
    }
}
