//! The documents against the code: what a table says is what the code has, in the same order.

use std::collections::{BTreeMap, BTreeSet};

use ledger::rule::RuleScope;

use crate::tree::{Source, folders, is_test_file, places, root, source, sources, text, verdict};

const ARCHITECTURE: &str = "docs/architecture.md";
const ERRORS: &str = "docs/errors.md";
const LIFECYCLE: &str = "docs/lifecycle.md";

/// A row of a table, with its line.
struct Row {
    line: usize,
    cells: Vec<String>,
}

/// Rows whose first cell is a word in backticks, of every table of a document.
fn rows(path: &str) -> Vec<Row> {
    let text = text(path);
    let lines = text.lines().enumerate().filter(|(_, line)| line.starts_with("| `"));
    let rows = lines.map(|(index, line)| {
        let cells = line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned());
        Row { line: index + 1, cells: cells.collect() }
    });
    rows.collect()
}

fn unquoted(cell: &str) -> &str {
    cell.trim_matches('`')
}

/// `ServiceName::X` or `Self::X` in blanked code, in order.
fn names_after(code: &str, prefix: &str) -> Vec<String> {
    let tails = code.split(prefix).skip(1);
    tails.map(|tail| tail.chars().take_while(|c| c.is_alphanumeric()).collect()).collect()
}

/// For every variant what its arm of a `match` gives; `of` finds it in the arm's code.
fn arms(item: &str, of: impl Fn(&str) -> Option<String>) -> BTreeMap<String, String> {
    let mut arms = BTreeMap::new();
    let mut pending: Vec<String> = Vec::new();
    for line in item.lines() {
        let (patterns, result) = line.split_once("=>").unwrap_or((line, line));
        pending.extend(names_after(patterns, "Self::"));
        if let Some(result) = of(result) {
            for variant in pending.drain(..) {
                arms.insert(variant, result.clone());
            }
        }
    }
    arms
}

/// The emitter of every fact, by the code.
fn emitters(fact: &Source) -> BTreeMap<String, String> {
    let service =
        |result: &str| names_after(result, "ServiceName::").into_iter().next().map(|name| name.to_lowercase());
    let mut emitters = arms(fact.item("pub fn emitter("), service);
    emitters.retain(|name, _| !name.is_empty());
    emitters
}

/// Goal: who changes or adds a fact says so where newcomers look. Method: the table of facts has every variant of
/// `ledger::Fact`, in the order of the code, with its emitter, and nothing else.
#[test]
fn the_table_of_facts_is_the_code() {
    let fact = source("services/ledger/src/fact.rs");
    let emitter = source("services/ledger/src/fact/emitter.rs");
    let (variants, emitters) = (fact.variants("Fact"), emitters(&emitter));
    let rows: Vec<Row> = rows(ARCHITECTURE).into_iter().filter(|row| row.cells.len() == 4).collect();
    let mut findings = Vec::new();
    for variant in &variants {
        // A fact that names its emitter is of each service.
        let emitter = emitters.get(variant).map_or("each", String::as_str);
        match rows.iter().find(|row| unquoted(&row.cells[0]) == variant) {
            None => findings.push(format!("{ARCHITECTURE}: {variant} is missing; add its row to the table of facts")),
            Some(row) if row.cells[1] != emitter => {
                findings.push(format!("{ARCHITECTURE}:{}: {variant} is emitted by {emitter}; correct it", row.line));
            }
            Some(_) => {}
        }
    }
    let listed: Vec<&str> = rows.iter().map(|row| unquoted(&row.cells[0])).collect();
    for (name, row) in listed.iter().zip(&rows).filter(|(name, _)| !variants.iter().any(|variant| variant == *name)) {
        findings.push(format!("{ARCHITECTURE}:{}: {name} is no fact; remove the row", row.line));
    }
    if findings.is_empty() && listed != variants {
        findings.push(format!("{ARCHITECTURE}: the facts aren't in the order of ledger::Fact; sort them"));
    }
    verdict("the table of facts is the code", &findings);
}

/// Goal: who wonders what can be done with a file finds it. Method: the table of docs/lifecycle.md is the one that
/// decides; with BLESS=1 it is written.
#[test]
fn the_table_of_the_lifecycle_is_the_code() {
    let document = text(LIFECYCLE);
    let (before, rest) = document.split_once("| Action |").unwrap_or((&document, ""));
    let (_, after) = rest.split_once("\n\n").unwrap_or_default();
    let expected = format!("{before}{}\n{after}", ledger::transitions::markdown());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(root().join(LIFECYCLE), &expected).unwrap();
    }
    assert_eq!(text(LIFECYCLE), expected, "correct {LIFECYCLE}, or write it with BLESS=1");
}

/// Goal: who writes a usage rule finds each name with an example that works. Method: both tables of docs/usage-rules.md
/// have the names of the code, in its order, each with a condition that names it and is taken.
#[test]
fn the_names_of_usage_rules_are_the_code() {
    let document = text("docs/usage-rules.md");
    let (_, of_files) = document.split_once("### Names of a rule about files").unwrap();
    let (of_files, of_records) = of_files.split_once("### Names of a rule about records").unwrap();
    for (scope, table) in [(RuleScope::File, of_files), (RuleScope::Record, of_records)] {
        let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix("` |")?.split_once("` | `"));
        let rows: Vec<(&str, &str)> = rows.collect();
        let listed: Vec<&str> = rows.iter().map(|(name, _)| *name).collect();
        assert_eq!(listed, rql::judge::names(scope).collect::<Vec<_>>(), "{scope:?}");
        for (name, example) in rows {
            assert!(example.contains(name), "{name}: {example}");
            assert_eq!(rql::judge::check(scope, example), Ok(()), "{example}");
        }
    }
}

/// Goal: who fills a workbook by hand reads the rules that are applied. Method: docs/workbooks.md has one row for each
/// column that a vendor fills, in the order and the words of `schemas/columns.json`.
#[test]
fn the_table_of_columns_is_the_data() {
    let data: serde_json::Value = serde_json::from_str(&text("schemas/columns.json")).unwrap();
    let mut expected = Vec::new();
    for tab in ["records", "categories"] {
        for column in data["tables"][tab]["columns"].as_array().unwrap() {
            let required = |schema: &str| match &column["required"] {
                serde_json::Value::String(word) => word.clone(),
                each => each[schema].as_str().unwrap().to_owned(),
            };
            let words = ["QT", "PR", "CR", "TR"].map(required).join(" | ");
            let [name, definition] = ["name", "definition"].map(|field| column[field].as_str().unwrap());
            expected.push(format!("| `{tab}` | `{name}` | {words} | {definition} |"));
        }
    }
    let document = text("docs/workbooks.md");
    let listed: Vec<&str> = document
        .lines()
        .filter(|line| line.starts_with("| `records` | `") || line.starts_with("| `categories` | `"))
        .collect();
    assert_eq!(listed, expected, "correct docs/workbooks.md");
}

/// Goal: one sees who hears whom without reading five crates. Method: the table of hearers is what the services'
/// `Decider::HEARS` say.
#[test]
fn the_table_of_hearers_is_the_code() {
    let mut heard = BTreeMap::<String, BTreeSet<String>>::new();
    for source in sources().iter().filter(|source| source.code.contains("const HEARS: &'static [ServiceName] =")) {
        let Some((_, rest)) = source.code.split_once("const SERVICE: ServiceName =") else { continue };
        let name = |text: &str| names_after(text, "ServiceName::").into_iter().map(|name| name.to_lowercase());
        let service = name(rest.split(';').next().unwrap_or_default()).next().unwrap_or_default();
        let (_, rest) = source.code.split_once("const HEARS: &'static [ServiceName] =").unwrap_or_default();
        for emitter in name(rest.split(';').next().unwrap_or_default()) {
            heard.entry(emitter).or_default().insert(service.clone());
        }
    }
    let rows: Vec<Row> = rows(ARCHITECTURE).into_iter().filter(|row| row.cells.len() == 2).collect();
    let mut findings = Vec::new();
    for emitter in ["catalog", "approval", "ingestion", "validation", "extraction"] {
        // The gateway folds everything, through runtime::projection.
        let mut hearers = heard.remove(emitter).unwrap_or_default();
        hearers.insert("gateway".to_owned());
        let Some(row) = rows.iter().find(|row| unquoted(&row.cells[0]) == emitter) else {
            findings
                .push(format!("{ARCHITECTURE}: who hears {emitter} is missing; add a row `{emitter}` | {hearers:?}"));
            continue;
        };
        let listed: BTreeSet<String> = row.cells[1].split(", ").map(str::to_owned).collect();
        if listed != hearers {
            findings.push(format!("{ARCHITECTURE}:{}: {emitter} is heard by {hearers:?}; correct it", row.line));
        }
    }
    verdict("the table of hearers is the code", &findings);
}

/// Goal: what a crash between two steps does is written down for each place where a test makes one. Method: every
/// crash point of the code has a row in a document.
#[test]
fn every_crash_point_has_its_row() {
    let documents = [ARCHITECTURE, "docs/log.md"];
    let listed: Vec<(&str, Row)> =
        documents.iter().flat_map(|path| rows(path).into_iter().map(move |row| (*path, row))).collect();
    let mut points = BTreeSet::new();
    let mut findings = Vec::new();
    for source in sources().iter().filter(|source| source.path.starts_with("services/")) {
        for (place, call) in source.code.match_indices("crash::point(") {
            let argument = &source.text[place + call.len()..];
            let Some(name) = argument.strip_prefix('"').and_then(|name| name.split('"').next()) else { continue };
            points.insert(name.to_owned());
            if !listed.iter().any(|(_, row)| unquoted(&row.cells[0]) == name) {
                let line = source.line(place);
                findings.push(format!(
                    "{}:{line}: {name} has no row in {}; say what a crash there leaves",
                    source.path,
                    documents.join(" or ")
                ));
            }
        }
    }
    for (path, row) in &listed {
        let name = unquoted(&row.cells[0]);
        let families = [
            "commit.",
            "rotate.",
            "open.",
            "archive.",
            "backup.",
            "snapshot.",
            "checkpoint.",
            "key.",
            "restore.",
            "repair.",
            "blob.",
            "read.",
            "check.",
            "processed.",
            "chunk.",
            "reconcile.",
        ];
        if families.iter().any(|family| name.starts_with(family)) && !points.contains(name) {
            findings.push(format!("{path}:{}: {name} is no crash point; remove the row", row.line));
        }
    }
    verdict("every crash point has its row", &findings);
}

/// One form for a sentence of the code and of the documents: what is filled in is `{}`, whatever its name.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    // A literal may go on in the next line, and quotes are escaped in it.
    let joined = text.split("\\\n").map(str::trim_start).collect::<String>().replace("\\\"", "\"");
    let mut rest = joined.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        plain.push_str(before);
        let name: String = after.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ' ').collect();
        let is_placeholder = after[name.len()..].starts_with('}');
        plain.push_str(if is_placeholder { "{}" } else { "{" });
        rest = if is_placeholder { &after[name.len() + 1..] } else { after };
    }
    plain.push_str(rest);
    plain
}

/// Sentences in backticks that no source has.
fn unsaid<'a>(cell: &'a str, said: &str) -> Vec<&'a str> {
    let quoted = cell.split('`').skip(1).step_by(2);
    quoted.filter(|sentence| !said.contains(&plain(sentence))).collect()
}

/// Goal: whoever is refused finds out why and what to do. Method: the table of refusals has every variant of
/// `ledger::Rejection` in order of precedence, with its code, its status and a sentence that the code says.
#[test]
fn the_table_of_refusals_is_the_code() {
    let rejection = source("services/ledger/src/rejection.rs");
    let said = plain(&rejection.text);
    let variants = rejection.variants("Rejection");
    let at = rejection.text.find("pub fn code(").unwrap_or(0);
    let codes_text = &rejection.text[at..at + rejection.item("pub fn code(").len()];
    let literal = |result: &str| result.split('"').nth(1).map(str::to_owned);
    let codes = arms(codes_text, literal);
    let status = |result: &str| {
        let digits: String = result.chars().filter(char::is_ascii_digit).collect();
        (digits.len() == 3).then_some(digits)
    };
    let statuses = arms(rejection.item("pub fn status("), status);
    let rows: Vec<Row> = rows(ERRORS).into_iter().filter(|row| row.cells.len() == 6).collect();
    let mut findings = Vec::new();
    for variant in &variants {
        let code = codes.get(variant).map_or("", String::as_str);
        let status = statuses.get(variant).map_or("400", String::as_str);
        let Some(row) = rows.iter().find(|row| unquoted(&row.cells[2]) == variant) else {
            findings.push(format!("{ERRORS}: {variant} ({code}, {status}) is missing; add its row"));
            continue;
        };
        if (unquoted(&row.cells[0]), row.cells[1].as_str()) != (code, status) {
            findings.push(format!("{ERRORS}:{}: {variant} is {code} with {status}; correct it", row.line));
        }
        for sentence in unsaid(&row.cells[3], &said) {
            findings.push(format!("{ERRORS}:{}: the code does not say `{sentence}`; quote it as it is", row.line));
        }
    }
    let listed: Vec<&str> = rows.iter().map(|row| unquoted(&row.cells[2])).collect();
    if findings.is_empty() && listed != variants {
        findings.push(format!(
            "{ERRORS}: the refusals aren't those of ledger::Rejection in order of precedence; sort them"
        ));
    }
    verdict("the table of refusals is the code", &findings);
}

/// Goal: a vendor finds every code of a processed workbook. Method: the tables of codes have every `ledger::Code` with
/// its number, and quote only sentences that validation, ingestion or the reader says.
#[test]
fn the_table_of_codes_is_the_code() {
    let code = source("services/ledger/src/code.rs");
    let speakers = ["services/validation/src/", "services/ingestion/src/", "services/workbook/src/read/error.rs"];
    let spoken = sources().into_iter().filter(|it| !is_test_file(&it.path));
    let spoken = spoken.filter(|it| speakers.iter().any(|speaker| it.path.starts_with(speaker)));
    let said: String = spoken.map(|source| plain(&source.text)).collect();
    let listed = code.item("pub enum Code {").to_owned();
    let rows: Vec<Row> = rows(ERRORS).into_iter().filter(|row| row.cells.len() == 5).collect();
    let mut findings = Vec::new();
    let mut codes = BTreeSet::new();
    for line in listed.lines().filter(|line| line.contains(" = ")) {
        let Some((variant, number)) = line.trim().trim_end_matches(',').split_once(" = ") else { continue };
        let name = format!("USG_FILE_{number:0>3}");
        codes.insert(name.clone());
        let Some(row) = rows.iter().find(|row| unquoted(&row.cells[0]) == name) else {
            findings.push(format!("{ERRORS}: {name} ({variant}) is missing; add its row"));
            continue;
        };
        if unquoted(&row.cells[1]) != variant {
            findings.push(format!("{ERRORS}:{}: {name} is {variant}; correct it", row.line));
        }
        for sentence in unsaid(&row.cells[2], &said) {
            findings.push(format!("{ERRORS}:{}: nobody says `{sentence}`; quote it as it is", row.line));
        }
    }
    for row in rows.iter().filter(|row| !codes.contains(unquoted(&row.cells[0]))) {
        findings.push(format!("{ERRORS}:{}: {} is no code; remove the row", row.line, row.cells[0]));
    }
    verdict("the table of codes is the code", &findings);
}

/// Goal: the README is the map. Method: it names every folder of the top level and every service, and no service that
/// there isn't.
#[test]
fn the_readme_names_every_folder() {
    let readme = text("README.md");
    let mut findings = Vec::new();
    if readme.is_empty() {
        findings
            .push("README.md: it is not there; write what this is, the two commands and the map of folders".to_owned());
    }
    let services = folders("services");
    let map = folders("").into_iter().chain(services.iter().map(|service| format!("services/{service}")));
    // Settings of tools are no part of the map.
    for folder in map.filter(|folder| !folder.starts_with(".config") && !folder.starts_with(".git")) {
        let is_named = readme.contains(&format!("`{folder}`")) || !places(&readme, &format!("{folder}/")).is_empty();
        if !is_named {
            findings.push(format!("README.md: `{folder}` is not in the map; add what it is for"));
        }
    }
    for (index, line) in readme.lines().enumerate() {
        for name in line.split("services/").skip(1) {
            let name: String = name.chars().take_while(|c| c.is_alphanumeric() || *c == '-').collect();
            if !name.is_empty() && !services.contains(&name) {
                findings.push(format!("README.md:{}: services/{name} is not there; correct the map", index + 1));
            }
        }
    }
    verdict("the README names every folder", &findings);
}

/// Goal: no document sends a reader to a file that is gone. Method: every relative link, and every path in backticks
/// that begins with a folder of the tree and has an extension, leads to a file.
#[test]
fn documents_lead_to_files() {
    let starts = ["docs/", "proto/", "schemas/", "services/", "tests/", ".ci/"];
    let mut findings = Vec::new();
    let names = std::fs::read_dir(root().join("docs")).unwrap().map(Result::unwrap);
    let mut documents: Vec<String> =
        names.map(|entry| format!("docs/{}", entry.file_name().to_string_lossy())).collect();
    documents.push("README.md".to_owned());
    documents.sort();
    for path in documents.iter().filter(|path| path.ends_with(".md")) {
        let text = text(path);
        for (index, line) in text.lines().enumerate() {
            let links = line.split("](").skip(1).filter_map(|link| link.split([')', '#']).next());
            let links = links.filter(|link| !link.is_empty() && !link.contains("://"));
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let links = links.map(|link| format!("{folder}/{link}"));
            let quoted = line.split('`').skip(1).step_by(2);
            let quoted = quoted.filter(|path| starts.iter().any(|start| path.starts_with(start)));
            let quoted = quoted.filter(|path| !path.contains(['<', '*', ' ', '{', ':', '…']));
            for target in links.chain(quoted.map(str::to_owned)) {
                if !root().join(target.trim_start_matches('/')).exists() {
                    findings.push(format!("{path}:{}: {target} is not there; correct it", index + 1));
                }
            }
        }
    }
    verdict("documents lead to files", &findings);
}

/// What a program prints stands in the document that explains it.
#[test]
fn the_reckoning_of_scale_is_what_its_program_prints() {
    let printed = std::process::Command::new("python3").arg(root().join("docs/scale.py")).output();
    let printed = printed.expect("python3 starts");
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let shown = text("docs/scale.md");
    let block = shown
        .split("\n```\n10^9")
        .nth(1)
        .and_then(|rest| rest.split("```\n").next())
        .expect("a block of what is printed");
    let hint = "run docs/scale.py and put what it prints into the block of docs/scale.md";
    assert_eq!(format!("10^9{block}"), String::from_utf8_lossy(&printed.stdout), "{hint}");
}
