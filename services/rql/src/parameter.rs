//! A parameter that stands beside a query: whoever knows it takes it out before the query is read.

use crate::words::decoded;

/// Takes a parameter out of a raw query string, where it stands by itself and not within parentheses: its value, and
/// what is left.
///
/// # Errors
/// When it is given twice.
pub fn take_parameter(raw: &str, name: &str) -> Result<(Option<String>, String), Twice> {
    let (mut depth, mut found, mut left) = (0_usize, None, Vec::new());
    for part in raw.split('&') {
        let value = part.strip_prefix(name).and_then(|rest| rest.strip_prefix('='));
        match value.filter(|_| depth == 0) {
            Some(_) if found.is_some() => return Err(Twice),
            Some(value) => found = Some(decoded(value)),
            None => left.push(part),
        }
        depth = (depth + part.matches('(').count()).saturating_sub(part.matches(')').count());
    }
    Ok((found, left.join("&")))
}

/// A parameter is given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Twice;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_taken_where_it_stands_by_itself() {
        let found = |value: &str, left: &str| Ok((Some(value.to_owned()), left.to_owned()));
        for (raw, want) in [
            ("as_of=x", found("x", "")),
            ("limit=1&as_of=a%3A1,b&status=ready", found("a:1,b", "limit=1&status=ready")),
            ("as_of=2026-11-05T00:00:00+01:00", found("2026-11-05T00:00:00+01:00", "")),
            ("(a=1&as_of=2)&b=3", Ok((None, "(a=1&as_of=2)&b=3".to_owned()))),
            ("(a=1)&as_of=2", found("2", "(a=1)")),
            ("as_offer=2", Ok((None, "as_offer=2".to_owned()))),
            ("", Ok((None, String::new()))),
            ("as_of=1&as_of=1", Err(Twice)),
        ] {
            assert_eq!(take_parameter(raw, "as_of"), want, "{raw}");
        }
    }
}
