//! Rules of style that a machine can check (docs/architecture.md, House rules). Each names file, line and what to do.

use crate::tree::{Source, is_test_file, sources, texts, verdict};

/// More is two concepts in one file.
const FILE_LINES_MAX: usize = 500;
/// More is two functions.
const FUNCTION_LINES_MAX: usize = 70;

/// Files that may use a package, as prefixes of paths; everything else goes through them.
const NAMED_FILES: [(&str, &[&str]); 13] = [
    (
        "calamine",
        &[
            "services/workbook/src/foreign/inside.rs",
            // The second reader that tests open our workbooks with.
            "services/workbook/src/reconciled.rs",
            "services/workbook/src/usage/tests",
            "services/workbook/src/write/tests",
            "services/workbook/tests/",
            // How fast it is, beside our own.
            "services/workbook/examples/read_bench.rs",
        ],
    ),
    // The test has the database change a record, as somebody would who covers it up.
    ("sled", &["services/runtime/src/log/store.rs", "services/runtime/tests/log/rest.rs"]),
    // Producers and subscribers are anybody's programs.
    (
        "async_nats",
        &[
            "services/runtime/src/nats/",
            // How fast it is, beside plain publishing.
            "services/runtime/examples/bus_bench.rs",
            "services/usage-ledger/examples/",
            "docs/examples/",
            "tests/credentials.rs",
            "tests/doctor.rs",
            "tests/fencing.rs",
            "tests/scenarios/feed.rs",
            "tests/scenarios/produced/",
            "tests/scenarios/trusted.rs",
        ],
    ),
    ("prost", &["proto/", "docs/examples/"]),
    ("postcard", &["services/runtime/src/snapshot/"]),
    ("zstd", &["proto/", "tests/scenarios/released/"]),
    ("rust_xlsxwriter", &["services/workbook/", "services/usage-ledger/src/demo/generate"]),
    ("zip", &["services/workbook/", "tests/scenarios/sheets.rs", "tests/formats.rs", "tests/hostile/"]),
    ("quick_xml", &["services/workbook/"]),
    ("chrono_tz", &["services/gateway/src/period.rs"]),
    ("clap", &["services/usage-ledger/src/cli/", "services/usage-ledger/src/main.rs"]),
    ("indicatif", &["services/usage-ledger/src/cli/"]),
    (
        "ureq",
        &[
            "services/usage-ledger/src/cli/",
            "services/usage-ledger/src/telemetry/otlp.rs",
            "services/usage-ledger/src/webhooks/caller.rs",
            // What servers tell of themselves.
            "services/usage-ledger/src/doctor/look.rs",
            "services/usage-ledger/examples/",
        ],
    ),
];

/// Where a float may stand, and why no quantity or amount passes through it.
const FLOATS: [(&str, &str); 7] = [
    ("services/workbook/src/foreign/inside.rs", "writes down the doubles that calamine gives, and computes nothing"),
    ("services/ledger/src/amount.rs", "asks which double a program's digits name, and keeps the decimal"),
    ("services/workbook/src/write/", "widths of columns"),
    ("services/usage-ledger/src/cli/", "progress on a terminal"),
    ("services/usage-ledger/src/demo/generate", "writes the doubles that spreadsheet programs write"),
    ("services/runtime/examples/", "rates of a bench"),
    ("services/workbook/examples/", "rates of a bench, and the doubles of the workbook that it reads"),
];

/// Where a wrong value ends the program although no test runs, and why that is right.
const UNWRAPPED: [(&str, &str); 1] =
    [("proto/src/samples", "constants that golden files freeze: a wrong one fails every test that reads them")];

/// Attributes that switch a lint off without saying when they are no longer needed, and why `expect` won't do.
const ALLOWED: [(&str, &str); 1] =
    [("proto/src/lib.rs", "which lints fire in generated code depends on the messages, so one of them may not")];

/// The line's number and text, with what to do.
fn finding(source: &Source, place: usize, advice: &str) -> String {
    let line = source.line(place);
    let text = source.text.lines().nth(line - 1).unwrap_or_default().trim();
    format!("{}:{line}: `{text}`; {advice}", source.path)
}

fn is_listed(list: &[(&str, &str)], path: &str) -> bool {
    list.iter().any(|(prefix, _)| path.starts_with(prefix))
}

#[test]
fn a_file_has_at_most_500_lines() {
    let long = sources().into_iter().map(|source| (source.text.lines().count(), source.path));
    let findings = long.filter(|(lines, _)| *lines > FILE_LINES_MAX);
    let findings =
        findings.map(|(lines, path)| format!("{path}:1: {lines} lines; give each concept a file of its own"));
    verdict("a file has at most 500 lines", &findings.collect::<Vec<_>>());
}

#[test]
fn a_function_has_at_most_70_lines() {
    let mut findings = Vec::new();
    for source in sources() {
        for (name, line, lines) in source.functions() {
            if lines > FUNCTION_LINES_MAX {
                findings.push(format!(
                    "{}:{line}: {name} has {lines} lines; take a step with a name out of it",
                    source.path
                ));
            }
        }
    }
    verdict("a function has at most 70 lines", &findings);
}

#[test]
fn only_tests_unwrap() {
    let mut findings = Vec::new();
    for source in sources().iter().filter(|source| !is_listed(&UNWRAPPED, &source.path)) {
        for call in [".unwrap()", ".expect(", ".unwrap_err()", ".expect_err(", "unreachable!("] {
            // A parser has an `expect` of its own, which returns an error.
            let is_own = |place: usize| source.code[..place].ends_with("self");
            let places = source.places(call).into_iter().filter(|place| !source.is_test(*place) && !is_own(*place));
            let advice = "return a typed error, or make the case impossible";
            findings.extend(places.map(|place| finding(source, place, advice)));
        }
    }
    verdict("only tests unwrap", &findings);
}

#[test]
fn lints_are_expected_and_never_allowed() {
    let mut findings = Vec::new();
    for source in sources().iter().filter(|source| !is_listed(&ALLOWED, &source.path)) {
        for attribute in ["#[allow", "#![allow"] {
            let places = source.code.match_indices(attribute);
            let advice = "write #[expect(…, reason = \"…\")], which fails once it is no longer needed";
            findings.extend(places.map(|(place, _)| finding(source, place, advice)));
        }
        for (place, _) in source.code.match_indices("#[expect(").chain(source.code.match_indices("#![expect(")) {
            let attribute = source.code[place..].split(']').next().unwrap_or_default();
            if !attribute.contains("reason") {
                findings.push(finding(source, place, "say why: reason = \"…\""));
            }
        }
    }
    verdict("lints are expected and never allowed", &findings);
}

#[test]
fn nothing_is_left_for_later() {
    // In two pieces each, so that this file isn't a finding.
    let words =
        [concat!("FIX", "ME"), concat!("TO", "DO"), concat!("XX", "X:"), concat!("HA", "CK"), concat!("to", "do!")];
    let calls = [concat!("unimple", "mented!"), concat!("d", "bg!(")];
    let mut findings = Vec::new();
    for file in texts() {
        for (line, text) in file.lines() {
            for word in words.iter().chain(&calls).filter(|word| !crate::tree::places(text, word).is_empty()) {
                findings.push(format!("{}:{line}: {word}; do it, or write it down as an issue", file.path));
            }
        }
    }
    verdict("nothing is left for later", &findings);
}

#[test]
fn no_quantity_passes_through_a_float() {
    let mut findings = Vec::new();
    for source in sources().iter().filter(|source| !is_test_file(&source.path) && !is_listed(&FLOATS, &source.path)) {
        for float in ["f32", "f64"] {
            let places = source.places(float).into_iter().filter(|place| !source.is_test(*place));
            findings.extend(places.map(|place| {
                finding(
                    source,
                    place,
                    "use ledger::Decimal or an integer, or list the file in tests/tidy.rs with a reason",
                )
            }));
        }
    }
    verdict("no quantity passes through a float", &findings);
}

#[test]
fn a_package_is_used_in_its_named_files_only() {
    let mut findings = Vec::new();
    for source in sources() {
        for (package, files) in NAMED_FILES {
            if files.iter().any(|file| source.path.starts_with(file)) {
                continue;
            }
            let paths = source.code.match_indices(package).map(|(place, _)| place);
            let whole = paths.filter(|place| source.places(package).contains(place));
            let used = whole.filter(|place| source.code[place + package.len()..].starts_with("::"));
            findings.extend(used.map(|place| finding(&source, place, &format!("go through {}", files.join(" or ")))));
        }
    }
    verdict("a package is used in its named files only", &findings);
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent = sources().into_iter().filter(|source| !source.text.starts_with("//! "));
    let findings =
        silent.map(|source| format!("{}:1: open with `//! ` and a sentence that says what it is for", source.path));
    verdict("every module says what it is for", &findings.collect::<Vec<_>>());
}

/// Goal: a clone works anywhere. Method: no file names a folder of the machine that it was written on, or a registry
/// other than what cargo and npm use by themselves.
#[test]
fn nothing_names_the_machine_it_was_written_on() {
    let folders = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/t", "mp/"),
        concat!("/ho", "me/"),
        concat!("/Use", "rs/"),
    ];
    let hosts = [
        concat!("static.crates", ".io"),
        concat!("index.crates", ".io"),
        concat!("registry.npmjs", ".org"),
        concat!("registry.yarnpkg", ".com"),
        concat!("files.pythonhosted", ".org"),
        concat!("pypi", ".org/simple"),
        concat!("proxy.golang", ".org"),
        concat!("local", "host:3128"),
    ];
    let mut findings = Vec::new();
    for file in texts() {
        for (line, text) in file.lines() {
            // A path of a URL or of our own tree may have such a part: only a path from the root counts.
            let starts = |place: usize| {
                let before = text[..place].chars().next_back();
                before.is_none_or(|c| !(c.is_alphanumeric() || "._-/{}*".contains(c)))
            };
            let folder = folders.iter().find(|folder| text.match_indices(*folder).any(|(place, _)| starts(place)));
            for found in folder.into_iter().chain(hosts.iter().filter(|host| text.contains(*host))) {
                findings.push(format!(
                    "{}:{line}: {found}; use a relative path, a temporary folder or the default registry",
                    file.path
                ));
            }
        }
    }
    verdict("nothing names the machine it was written on", &findings);
}
