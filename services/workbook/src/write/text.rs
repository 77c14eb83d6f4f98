//! Making a text fit a cell or a note.

/// The part of a text that fits so many UTF-16 units, never half a character.
pub(super) fn fitting(text: &str, units_max: usize) -> &str {
    // A character has at least as many bytes as units.
    if text.len() <= units_max {
        return text;
    }
    let mut units = 0;
    for (at, c) in text.char_indices() {
        units += c.len_utf16();
        if units > units_max {
            return text.get(..at).unwrap_or_default();
        }
    }
    text
}

/// A text for a note. The library escapes a literal `_x0041_` in cells but not in notes, where Excel would read an `A`.
pub(super) fn for_note(text: &str) -> String {
    let text = fitting(text, super::NOTE_UNITS_MAX);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("_x") {
        let (before, escape) = rest.split_at(at);
        let digits = escape.as_bytes().get(2..6).unwrap_or_default();
        let literal =
            digits.len() == 4 && digits.iter().all(u8::is_ascii_hexdigit) && escape.as_bytes().get(6) == Some(&b'_');
        out.push_str(before);
        out.push_str(if literal { "_x005F_x" } else { "_x" });
        rest = escape.get(2..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(fitting("abc", 3), "abc");
        assert_eq!(fitting("äbc", 3), "äbc");
        assert_eq!(fitting("ab😀", 3), "ab");
        assert_eq!(fitting("ab😀", 4), "ab😀");
        assert_eq!(fitting("", 0), "");
    }

    #[test]
    fn a_note_shows_what_looks_like_an_escape() {
        for (text, note) in [
            ("_x0041_", "_x005F_x0041_"),
            ("a _x00e9_x0041_", "a _x005F_x00e9_x005F_x0041_"),
            ("_x41_ _xZZZZ_ _x", "_x41_ _xZZZZ_ _x"),
            ("_xäöü_", "_xäöü_"),
        ] {
            assert_eq!(for_note(text), note);
        }
    }
}
