//! The tree as the rules see it: every text file of the workspace, and Rust with comments and strings blanked out.

use std::fmt::Write;
use std::iter::once;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Folders that no rule is about: what is built, and what belongs to tools.
const SKIPPED: [&str; 6] = ["target", "data", ".git", ".venv", ".cache", "__pycache__"];

/// The workspace's own folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A text file of the workspace.
pub(crate) struct TextFile {
    /// Relative to the root, with slashes.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl TextFile {
    /// Lines with their numbers, from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

/// Every text file, in order of path.
pub(crate) fn texts() -> Vec<TextFile> {
    let mut files = Vec::new();
    walk(&root(), "", &mut files);
    files.sort_by(|left, right| left.path.cmp(&right.path));
    files
}

fn walk(folder: &Path, prefix: &str, files: &mut Vec<TextFile>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        // `.git` is a file in a second working tree.
        if SKIPPED.contains(&name.as_str()) {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            walk(&entry.path(), &format!("{path}/"), files);
        } else if let Ok(text) = std::fs::read_to_string(entry.path()) {
            // What is no UTF-8 is a workbook or golden bytes.
            files.push(TextFile { path, text });
        }
    }
}

/// One file of the workspace, or nothing.
pub(crate) fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_default()
}

/// The names of a folder's folders, but for those that no rule is about.
pub(crate) fn folders(path: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join(path)).unwrap();
    let folders = entries.map(Result::unwrap).filter(|entry| entry.path().is_dir());
    let names = folders.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| !SKIPPED.contains(&name.as_str())).collect();
    names.sort();
    names
}

/// A Rust file.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
    /// The same with comments and strings blanked: as many lines, as many characters.
    pub(crate) code: String,
    /// Places in `code` that are compiled for tests only.
    tests: Vec<Range<usize>>,
}

impl Source {
    pub(crate) fn new(path: String, text: String) -> Self {
        let code = blanked(&text);
        let tests = if is_test_file(&path) { once(0..code.len()).collect() } else { test_items(&code) };
        Self { path, text, code, tests }
    }

    /// Places of a word in the code, neither in comments nor in strings nor in the middle of another word.
    pub(crate) fn places(&self, word: &str) -> Vec<usize> {
        places(&self.code, word)
    }

    /// Whether a place is compiled for tests only.
    pub(crate) fn is_test(&self, place: usize) -> bool {
        self.tests.iter().any(|range| range.contains(&place))
    }

    /// The line of a place, from 1.
    pub(crate) fn line(&self, place: usize) -> usize {
        1 + self.code[..place].matches('\n').count()
    }

    /// Name, first line and number of lines of every function with a body.
    pub(crate) fn functions(&self) -> Vec<(String, usize, usize)> {
        let mut functions = Vec::new();
        for place in self.places("fn") {
            let rest = self.code[place + 2..].trim_start();
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if let (false, Some(body)) = (name.is_empty(), item(&self.code, place)) {
                let (first, last) = (self.line(place), self.line(body.end - 1));
                functions.push((name, first, last + 1 - first));
            }
        }
        functions
    }

    /// The code from a text on to the end of the item that it begins.
    pub(crate) fn item(&self, start: &str) -> &str {
        let place = self.code.find(start).unwrap_or_else(|| panic!("{} has no `{start}`", self.path));
        let range = item(&self.code, place).unwrap_or_else(|| panic!("`{start}` of {} has no end", self.path));
        &self.code[place..range.end]
    }

    /// The variants of an enum, in order.
    pub(crate) fn variants(&self, name: &str) -> Vec<String> {
        let item = self.item(&format!("pub enum {name} {{"));
        let mut depth = 0_usize;
        let mut variants = Vec::new();
        for line in item.lines() {
            let word: String = line.trim().chars().take_while(|c| c.is_alphanumeric()).collect();
            if depth == 1 && word.starts_with(|c: char| c.is_uppercase()) {
                variants.push(word);
            }
            depth += line.matches(['{', '(']).count();
            depth -= line.matches(['}', ')']).count();
        }
        variants
    }
}

/// Every Rust file.
pub(crate) fn sources() -> Vec<Source> {
    let rust = texts().into_iter().filter(|file| file.path.ends_with(".rs"));
    rust.map(|file| Source::new(file.path, file.text)).collect()
}

/// One Rust file, which must be there.
pub(crate) fn source(path: &str) -> Source {
    let text = text(path);
    assert!(!text.is_empty(), "{path} is not there; where did it go?");
    Source::new(path.to_owned(), text)
}

/// Fails with every finding, if there is one.
pub(crate) fn verdict(rule: &str, findings: &[String]) {
    let mut message = String::new();
    for finding in findings {
        writeln!(message, "  {finding}").unwrap();
    }
    assert!(findings.is_empty(), "{rule}: {} findings\n{message}", findings.len());
}

/// Whether a file as a whole is compiled for tests only.
pub(crate) fn is_test_file(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// Places of a word that isn't part of a longer one.
pub(crate) fn places(code: &str, word: &str) -> Vec<usize> {
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let alone = |place: &usize| {
        let before = code[..*place].chars().next_back();
        let after = code[place + word.len()..].chars().next();
        !(is_word(before) && is_word(word.chars().next()) || is_word(after) && is_word(word.chars().next_back()))
    };
    code.match_indices(word).map(|(place, _)| place).filter(alone).collect()
}

/// From a place in blanked code to the end of the item: its closing brace, or nothing where it has no body.
fn item(code: &str, from: usize) -> Option<Range<usize>> {
    let (mut round, mut curly) = (0_i32, 0_i32);
    for (index, c) in code[from..].char_indices() {
        match c {
            '(' | '[' => round += 1,
            ')' | ']' => round -= 1,
            '{' => curly += 1,
            '}' => curly -= 1,
            ';' if round == 0 && curly == 0 => return None,
            _ => {}
        }
        if c == '}' && curly == 0 && round == 0 {
            return Some(from..from + index + 1);
        }
    }
    None
}

fn test_items(code: &str) -> Vec<Range<usize>> {
    let attributes = code.match_indices("#[cfg(test)]").chain(code.match_indices("#[test]"));
    attributes.filter_map(|(place, attribute)| item(code, place + attribute.len())).collect()
}

/// Replaces what stands in comments, strings and character literals by spaces.
fn blanked(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let before = code.chars().next_back();
        let length = blank_length(rest, before);
        if length == 0 {
            code.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        }
        // As many bytes as before, so that places in code are places in the text.
        code.extend(rest[..length].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
        rest = &rest[length..];
    }
    code
}

/// How many bytes from here on are a comment or literal.
fn blank_length(rest: &str, before: Option<char>) -> usize {
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return comment_length(rest);
    }
    let raw = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r')).filter(|_| !in_word);
    if let Some(raw) = raw {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let start = rest.len() - raw.len() + hashes + 1;
            return rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len());
        }
    }
    match rest.as_bytes() {
        [b'"', ..] => quoted_length(rest, '"'),
        [b'\'', b'\\', ..] => quoted_length(rest, '\''),
        [b'\'', ..] => {
            let mut chars = rest.char_indices().skip(2);
            // Anything else that begins with it is a lifetime.
            chars.next().filter(|(_, c)| *c == '\'').map_or(0, |(at, _)| at + 1)
        }
        _ => 0,
    }
}

fn comment_length(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        let tail = &rest.as_bytes()[at..];
        if tail.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if tail.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn quoted_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Goal: a rule that looks at code can't be fooled by what is only said. Method: one line of each kind.
#[test]
fn comments_and_strings_are_no_code() {
    let text = "fn a<'b>() { /* x /* y */ z */ let c = '\"'; let d = r#\"fn e() {\"#; \"fn\\\"f\" } // fn g\nfn h() {}";
    let source = Source::new("a.rs".to_owned(), text.to_owned());
    assert_eq!(source.code.len(), text.len());
    assert_eq!(source.functions(), [("a".to_owned(), 1, 1), ("h".to_owned(), 2, 1)]);
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n#[cfg(test)]\nuse c::d;\nfn e() {}\n";
    let source = Source::new("a.rs".to_owned(), text.to_owned());
    let tests: Vec<bool> = source.places("fn").into_iter().map(|place| source.is_test(place)).collect();
    assert_eq!(tests, [false, true, false]);
}
