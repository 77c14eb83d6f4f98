//! Patterns of `like`, `ilike` and `search`. The pieces between the stars are looked for one after the other, each as
//! far left as possible, so a hostile pattern costs no more than the text is long.

/// A pattern, taken apart at its stars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// The texts before, between and after the stars; one piece is a pattern without a star.
    pieces: Vec<String>,
    case_insensitive: bool,
}

impl Pattern {
    /// Reads a pattern in which `\*` is a star and `\\` a backslash. Two stars in a row are none, as in django-rql.
    pub(super) fn new(text: &str, case_insensitive: bool) -> Option<Self> {
        let folded = if case_insensitive { text.to_lowercase() } else { text.to_owned() };
        let mut pieces = vec![String::new()];
        let mut after_star = false;
        let mut chars = folded.chars().peekable();
        while let Some(char) = chars.next() {
            if char == '*' {
                if after_star {
                    return None;
                }
                pieces.push(String::new());
                after_star = true;
                continue;
            }
            after_star = false;
            let literal = if char == '\\' { chars.next_if(|next| ['*', '\\'].contains(next)) } else { None };
            pieces.last_mut()?.push(literal.unwrap_or(char));
        }
        Some(Self { pieces, case_insensitive })
    }

    /// The pattern of a search: anywhere in the text, in any case. A star at its end, even an escaped one, stands for
    /// itself, as in django-rql.
    pub(super) fn anywhere(text: &str) -> Option<Self> {
        let before = if text.starts_with('*') { "" } else { "*" };
        let after = if text.ends_with('*') { "" } else { "*" };
        Self::new(&format!("{before}{text}{after}"), true)
    }

    /// Whether the whole text fits.
    pub(super) fn matches(&self, text: &str) -> bool {
        if self.case_insensitive { self.fits(&text.to_lowercase()) } else { self.fits(text) }
    }

    fn fits(&self, text: &str) -> bool {
        let [first, middle @ .., last] = self.pieces.as_slice() else {
            return self.pieces.first().is_some_and(|only| only == text);
        };
        let Some(rest) = text.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str())) else {
            return false;
        };
        let mut rest = rest;
        for piece in middle {
            let Some((_, after)) = rest.split_once(piece.as_str()) else {
                return false;
            };
            rest = after;
        }
        true
    }
}
