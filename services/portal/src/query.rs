//! What stands behind the question mark of an address.

use std::fmt::Write;

/// A text as the value of a parameter: every byte that isn't a letter, a digit or one of `-._~` is escaped.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a text can't fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// What somebody typed into a search field as an RQL pattern. Characters that mean something in RQL or that a name and
/// what was typed may differ in stand for any.
pub(crate) fn pattern(typed: &str) -> String {
    let kept = typed
        .trim()
        .chars()
        .map(|letter| if letter.is_alphanumeric() || "-_.".contains(letter) { letter } else { '*' });
    let mut pattern = String::from("*");
    for letter in kept.chain(['*']) {
        if letter != '*' || !pattern.ends_with('*') {
            pattern.push(letter);
        }
    }
    encoded(&pattern).replace("%2A", "*")
}

/// Whether an address leads into this portal: somebody who signs in is sent nowhere else.
pub(crate) fn is_here(path: &str) -> bool {
    let letters = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    letters && path.starts_with('/') && !path.starts_with("//")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_finds_and_breaks_nothing() {
        for (typed, expected) in [
            ("10/01", "*10*01*"),
            (" UF-2026 ", "*UF-2026*"),
            ("a,b)|(", "*a*b*"),
            ("", "*"),
            ("**", "*"),
            ("Zürich", "*Z%C3%BCrich*"),
        ] {
            assert_eq!(pattern(typed), expected, "{typed}");
        }
    }

    #[test]
    fn nobody_is_sent_elsewhere() {
        for (path, here) in [
            ("/files?status=pending", true),
            ("//elsewhere.example", false),
            ("https://elsewhere.example", false),
            ("/\\elsewhere.example", false),
            ("/a\r\nset-cookie: x", false),
            ("", false),
        ] {
            assert_eq!(is_here(path), here, "{path}");
        }
    }
}
