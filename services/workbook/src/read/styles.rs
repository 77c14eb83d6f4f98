//! Which numbers are dates: a cell names a style, the style a number format, and the format's letters decide.

use std::collections::HashMap;
use std::io::{Read, Seek};

use super::error::ReadError;
use super::limits::Limits;
use super::package::Package;
use super::parts::read_small;
use super::xml::attributes;

/// What a number format shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Format {
    /// A number, money, a percentage, text.
    #[default]
    Number,
    /// A date, with or without a time.
    Date,
    /// A time of day or a duration, from which no date can be told.
    Time,
}

/// The formats of a workbook's cell styles.
#[derive(Default)]
pub(super) struct Styles(Vec<Format>);

impl Styles {
    /// The format of a style; a style that isn't there shows numbers.
    #[inline]
    pub(super) fn format(&self, style: u32) -> Format {
        self.0.get(style as usize).copied().unwrap_or_default()
    }

    /// Reads the style part; a workbook without one has numbers only.
    pub(super) fn read<R: Read + Seek>(
        package: &mut Package<R>,
        name: &str,
        limits: &Limits,
    ) -> Result<Self, ReadError> {
        let mut custom: HashMap<String, Format> = HashMap::new();
        let mut used = Vec::new();
        let mut in_cell_styles = false;
        read_small(package, name, limits, |depth, element| {
            let local = element.local_name();
            // Differential styles hold number formats too, deeper down and for no cell.
            match (depth, local.as_ref()) {
                (1, section) => in_cell_styles = section == "cellXfs",
                (2, "numFmt") => {
                    let (mut id, mut code) = (String::new(), String::new());
                    attributes(element, |key, value| match key {
                        "numFmtId" => value.clone_into(&mut id),
                        "formatCode" => value.clone_into(&mut code),
                        _ => {}
                    });
                    custom.insert(id, classify(&code));
                }
                (2, "xf") if in_cell_styles => {
                    let mut id = String::new();
                    attributes(element, |key, value| {
                        if key == "numFmtId" {
                            value.clone_into(&mut id);
                        }
                    });
                    used.push(id);
                }
                _ => {}
            }
            Ok(())
        })?;
        let format = |id: &String| custom.get(id).copied().unwrap_or_else(|| builtin(id));
        Ok(Self(used.iter().map(format).collect()))
    }
}

/// The formats that a file needn't spell out (ECMA-376 §18.8.30).
fn builtin(id: &str) -> Format {
    match id.parse().unwrap_or(0_u32) {
        14..=17 | 22 | 27..=31 | 36 | 50..=54 | 57 | 58 => Format::Date,
        // 34, 35, 55 and 56 are times or months, depending on the language of Excel: no date can be told.
        18..=21 | 32..=35 | 45..=47 | 55 | 56 => Format::Time,
        _ => Format::Number,
    }
}

/// What a format code shows, from the letters of its first section that are no literal text.
fn classify(code: &str) -> Format {
    // `General` is a word of its own; its letters are no era and no year.
    if code.trim().get(..7).is_some_and(|word| word.eq_ignore_ascii_case("general")) {
        return Format::Number;
    }
    let mut letters: Vec<char> = Vec::new();
    let mut chars = code.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => while chars.next().is_some_and(|c| c != '"') {},
            // The next character is itself, a width, or a filling.
            '\\' | '_' | '*' => {
                chars.next();
            }
            '[' => letters.extend(elapsed(&mut chars)),
            ';' => break,
            'a' | 'A' => {
                // AM/PM and A/P take their letters with them, or the M would look like a month.
                let rest: String = chars.clone().take(4).collect::<String>().to_ascii_lowercase();
                let length = if rest == "m/pm" { 4 } else { usize::from(rest.starts_with("/p")) * 2 };
                letters.extend((length > 0).then_some('h'));
                for _ in 0..length {
                    chars.next();
                }
            }
            // An exponent, not the year of an era.
            'e' | 'E' if chars.peek().is_some_and(|next| ['+', '-'].contains(next)) => return Format::Number,
            c if c.is_ascii_alphabetic() => letters.push(c.to_ascii_lowercase()),
            _ => {}
        }
    }
    letters.dedup();
    let is_month = |at: usize| {
        let before = at.checked_sub(1).and_then(|at| letters.get(at));
        before != Some(&'h') && letters.get(at + 1) != Some(&'s')
    };
    let shows_date = letters.iter().enumerate().any(|(at, letter)| match letter {
        'y' | 'd' | 'e' | 'b' | 'g' => true,
        'm' => is_month(at),
        _ => false,
    });
    match shows_date {
        true => Format::Date,
        false if letters.iter().any(|letter| ['h', 's', 'm'].contains(letter)) => Format::Time,
        false => Format::Number,
    }
}

/// The letter of an elapsed time such as `[h]`; colours, conditions and currencies have none.
fn elapsed(chars: &mut impl Iterator<Item = char>) -> Option<char> {
    let inside: String = chars.take_while(|c| *c != ']').collect::<String>().to_ascii_lowercase();
    // What is elapsed counts as hours: a following `m` is minutes, and nothing of it is a date.
    let same = |letter: char| !inside.is_empty() && inside.chars().all(|c| c == letter);
    ['h', 'm', 's'].iter().any(|letter| same(*letter)).then_some('h')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_decide_what_a_format_shows() {
        for code in [
            "yyyy\\-mm\\-dd hh:mm:ss",
            "yyyy-mm-dd",
            "m/d/yy h:mm",
            "[Red]dd/mm/yyyy",
            "mmm-yy",
            "mmmm",
            "d",
            "[$-409]d\\-mmm\\-yyyy;@",
            "[$-F800]dddd\\,\\ mmmm\\ dd\\,\\ yyyy",
            "\"on\" yyyy",
            "YYYY",
            "[$-411]ggge",
            "h:mm dd",
            "mm/dd/yyyy h:mm AM/PM",
            "[Color 3]yyyy",
            "[>1]yyyy;0",
        ] {
            assert_eq!(classify(code), Format::Date, "{code}");
        }
        for code in ["h:mm", "hh:mm:ss", "[h]:mm", "[hh]:mm:ss", "[mm]:ss", "[ss].00", "mm:ss.0", "h:mm AM/PM", "h A/P"]
        {
            assert_eq!(classify(code), Format::Time, "{code}");
        }
        for code in [
            "General",
            "0.00",
            "#,##0",
            "[Red]0",
            "0.00E+00",
            "@",
            "\"days\" 0",
            "\\d0",
            "0_d",
            "0* ",
            "[$-409]0.00",
            "[Blue]#,##0.00;[Red]-#,##0.00",
            "0.0\"ms\"",
            "_-* #,##0.00 [$€-1]_-",
            "[$SEK] 0",
            "0;yyyy",
            "",
            "\"open",
            "GENERAL\\ x",
        ] {
            assert_eq!(classify(code), Format::Number, "{code}");
        }
    }

    #[test]
    fn builtin_formats_are_known() {
        for id in ["14", "15", "16", "17", "22"] {
            assert_eq!(builtin(id), Format::Date, "{id}");
        }
        for id in ["18", "19", "20", "21", "45", "46", "47"] {
            assert_eq!(builtin(id), Format::Time, "{id}");
        }
        for id in ["0", "1", "2", "13", "37", "44", "48", "49", "164", "", "x"] {
            assert_eq!(builtin(id), Format::Number, "{id}");
        }
    }
}
