//! From the characters of the XML to the text of a cell: references, line ends, blanks, `_xHHHH_`, illegal characters.
//!
//! Both row readers end here, so that they can't disagree about a text.

/// What stands for bytes that are no UTF-8 between the byte stream and the text of a cell. It is no character of XML,
/// so no well-formed part can hold it.
pub(super) const BROKEN: char = '\u{ffff}';

/// What a byte means inside text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Copied as it is.
    Plain,
    /// The text ends here.
    Markup,
    /// The text needs a closer look.
    Special,
}

/// The class of each byte. 0xEF opens U+FFFE and U+FFFF (and harmless characters).
pub(super) static CLASSES: [Class; 256] = {
    let mut classes = [Class::Plain; 256];
    let mut byte = 0;
    while byte < 0x20 {
        classes[byte] = Class::Special;
        byte += 1;
    }
    classes[b'\t' as usize] = Class::Plain;
    classes[b'\n' as usize] = Class::Plain;
    classes[b'&' as usize] = Class::Special;
    classes[b'_' as usize] = Class::Special;
    classes[0xEF] = Class::Special;
    classes[b'<' as usize] = Class::Markup;
    classes
};

/// A reference that is none, or names an entity that XML doesn't predefine.
#[derive(Debug)]
pub(super) struct BadEntity;

/// Appends what a reference (the text between `&` and `;`) stands for.
pub(super) fn push_reference(name: &str, out: &mut String) -> Result<(), BadEntity> {
    let known = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#').ok_or(BadEntity)?;
            let (digits, radix) = match number.strip_prefix('x') {
                Some(digits) => (digits, 16),
                None => (number, 10),
            };
            let valid = !digits.is_empty() && digits.len() <= 10 && digits.chars().all(|c| c.is_digit(radix));
            if !valid {
                return Err(BadEntity);
            }
            u32::from_str_radix(digits, radix).ok().and_then(char::from_u32).unwrap_or(BROKEN)
        }
    };
    out.push(known);
    Ok(())
}

/// Appends characters of the XML with its line ends made `\n`.
pub(super) fn push_lines(raw: &str, out: &mut String) {
    let mut rest = raw;
    while let Some((line, after)) = rest.split_once('\r') {
        out.push_str(line);
        out.push('\n');
        rest = after.strip_prefix('\n').unwrap_or(after);
    }
    out.push_str(rest);
}

/// Appends a run of XML text without markup in it.
pub(super) fn decode(raw: &str, out: &mut String) -> Result<(), BadEntity> {
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('&') {
        push_lines(before, out);
        let (name, after) = after.split_once(';').ok_or(BadEntity)?;
        push_reference(name, out)?;
        rest = after;
    }
    push_lines(rest, out);
    Ok(())
}

/// The blanks of XML, which `xml:space="preserve"` protects.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r'])
}

/// Appends the text of one piece; says whether it had characters that no text can hold.
pub(super) fn finish(piece: &str, preserve: bool, unescape: bool, out: &mut String) -> bool {
    let mut rest = if preserve { piece } else { trim(piece) };
    let mut illegal = false;
    while !rest.is_empty() {
        let escape = if unescape { rest.find("_x") } else { None };
        let (before, at_escape) = rest.split_at(escape.unwrap_or(rest.len()));
        illegal |= push_legal(before, out);
        match escaped_char(at_escape) {
            Some((c, length)) => {
                let legal = is_legal(c);
                out.push(if legal { c } else { char::REPLACEMENT_CHARACTER });
                illegal |= !legal;
                rest = at_escape.get(length..).unwrap_or_default();
            }
            None => {
                // An underscore that opens no escape is itself.
                let length = at_escape.len().min(1);
                out.push_str(at_escape.get(..length).unwrap_or_default());
                rest = at_escape.get(length..).unwrap_or_default();
            }
        }
    }
    illegal
}

fn push_legal(text: &str, out: &mut String) -> bool {
    if text.chars().all(is_legal) {
        out.push_str(text);
        return false;
    }
    out.extend(text.chars().map(|c| if is_legal(c) { c } else { char::REPLACEMENT_CHARACTER }));
    true
}

pub(super) fn is_legal(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// The character of `_xHHHH_` at the start of a text, or of two such escapes that are a surrogate pair.
fn escaped_char(text: &str) -> Option<(char, usize)> {
    const LENGTH: usize = "_x0000_".len();
    let first = escaped_unit(text)?;
    if let Some(c) = char::from_u32(u32::from(first)) {
        return Some((c, LENGTH));
    }
    let pair = text.get(LENGTH..).and_then(escaped_unit).map(|second| [first, second]);
    let joined = pair.and_then(|pair| char::decode_utf16(pair).next()).and_then(Result::ok);
    Some(joined.map_or((BROKEN, LENGTH), |c| (c, 2 * LENGTH)))
}

fn escaped_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("_x")?.get(..5)?.strip_suffix('_')?;
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u16::from_str_radix(digits, 16).ok()
}

/// The part of a text that a cell can hold, and the text's length in UTF-16 units if it is longer.
pub(super) fn cut(text: &str) -> (&str, Option<u32>) {
    const UNITS_MAX: usize = super::limits::CELL_UNITS_MAX;
    // A character has at least as many bytes as units.
    if text.len() <= UNITS_MAX {
        return (text, None);
    }
    let mut units = 0;
    let mut end = 0;
    for c in text.chars() {
        units += c.len_utf16();
        if units <= UNITS_MAX {
            end += c.len_utf8();
        }
    }
    if units <= UNITS_MAX {
        return (text, None);
    }
    (text.get(..end).unwrap_or_default(), Some(u32::try_from(units).unwrap_or(u32::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, expected: &str, illegal: bool) {
        let (mut decoded, mut out) = (String::new(), String::new());
        decode(raw, &mut decoded).unwrap();
        assert_eq!((finish(&decoded, false, true, &mut out), out.as_str()), (illegal, expected), "{raw}");
    }

    #[test]
    fn text_is_decoded_once_and_in_order() {
        check("a &lt;b&gt; &amp;amp; &#65;&#x42;", "a <b> &amp; AB", false);
        check("  a\r\nb\rc  ", "a\nb\nc", false);
        check("a_x000D_b", "a\rb", false);
        check("a&#13;b", "a\rb", false);
        check("_x005F_x0041_", "_x0041_", false);
        check("_x0041_x", "Ax", false);
        check("_x41_ _xZZZZ_ _x00", "_x41_ _xZZZZ_ _x00", false);
        check("_xD83D__xDE00_", "😀", false);
        check("_xD83D_", "\u{fffd}", true);
        check("_x0000_", "\u{fffd}", true);
        check("&#0;&#xD800;", "\u{fffd}\u{fffd}", true);
        check("a\u{1}b\u{ffff}", "a\u{fffd}b\u{fffd}", true);
        check("\u{fffd}", "\u{fffd}", false);
        check("_é", "_é", false);
    }

    #[test]
    fn references_that_are_none_are_refused() {
        for raw in ["&", "&;", "&nbsp;", "&#;", "&#x;", "&#12a;", "&#-1;", "&#+1;", "& amp;", "&#99999999999;"] {
            assert!(decode(raw, &mut String::new()).is_err(), "{raw}");
        }
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        let long = "é".repeat(32_767);
        assert_eq!(cut(&long), (long.as_str(), None));
        let longer = format!("{}😀", "a".repeat(32_766));
        assert_eq!(cut(&longer), ("a".repeat(32_766).as_str(), Some(32_768)));
    }
}
