//! Which crate may know which, and which packages are ours to use: read from `cargo metadata`, so that a line in a
//! `Cargo.toml` is enough to fail.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::tree::{Source, places, root, sources, text, verdict};

/// Services that decide: siblings, which meet in facts only.
const SERVICES: [&str; 5] = ["catalog", "ingestion", "validation", "approval", "extraction"];
/// What a service may know.
const BELOW_SERVICES: [&str; 4] = ["runtime", "proto", "ledger", "workbook"];
/// What those may know who run queries: the gateway for lists, approval for usage rules.
const BELOW_QUERIES: [&str; 5] = ["runtime", "proto", "ledger", "workbook", "rql"];

/// The card's packages that work here already, and what for.
const USED: [(&str, &str); 9] = [
    ("calamine", "workbooks in other formats than XLSX, in the guarded child"),
    ("tokio", "the loops of the hosts and HTTP"),
    ("serde", "JSON at the edge"),
    ("prost", "the bytes of every fact"),
    ("sled", "the live part of the log"),
    ("rust_xlsxwriter", "templates and the demo's workbooks"),
    ("chrono", "calendars and times of day"),
    ("tracing", "what an operator reads"),
    ("async-nats", "the bus between processes"),
];

/// A crate of the workspace and the packages that it names.
struct Crate {
    name: String,
    /// Its folder, relative to the root.
    folder: String,
    /// Package, kind (`normal`, `dev` or `build`) and the name it has in code.
    dependencies: Vec<(String, String, String)>,
}

fn crates() -> Vec<Crate> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().iter().map(read_crate).collect()
}

fn read_crate(package: &Value) -> Crate {
    let name = package["name"].as_str().unwrap().to_owned();
    let manifest = package["manifest_path"].as_str().unwrap();
    let folder = std::path::Path::new(manifest).parent().unwrap().strip_prefix(root()).unwrap();
    let dependencies = package["dependencies"].as_array().unwrap().iter();
    let dependencies = dependencies.map(|dependency| {
        let package = dependency["name"].as_str().unwrap().to_owned();
        let kind = dependency["kind"].as_str().unwrap_or("normal").to_owned();
        let alias = dependency["rename"].as_str().unwrap_or(&package).replace('-', "_");
        (package, kind, alias)
    });
    Crate { folder: folder.to_string_lossy().into_owned(), dependencies: dependencies.collect(), name }
}

/// What a crate of ours may name of ours; nothing where it may name everything.
fn allowed(name: &str) -> Option<&'static [&'static str]> {
    match name {
        "ledger" => Some(&[]),
        "proto" | "workbook" | "rql" => Some(&["ledger"]),
        "runtime" => Some(&["proto", "ledger"]),
        // Pages are made of what the API answers, and of nothing behind it.
        "portal" => Some(&["ledger"]),
        "gateway" | "approval" => Some(&BELOW_QUERIES),
        service if SERVICES.contains(&service) => Some(&BELOW_SERVICES),
        // The one binary wires everything; the tests try everything.
        "usage-ledger" | "tests" => None,
        _ => Some(&[]),
    }
}

/// Goal: imports point down and siblings never meet (docs/architecture.md, The crates). Method: every edge between
/// two crates of ours, for tests too, is one of the design's.
#[test]
fn crates_know_only_what_is_below_them() {
    let crates = crates();
    let ours: BTreeSet<&str> = crates.iter().map(|it| it.name.as_str()).collect();
    let mut findings = Vec::new();
    for Crate { name, folder, dependencies } in &crates {
        for (package, kind, _) in dependencies {
            let fine = allowed(name).is_none_or(|allowed| allowed.contains(&package.as_str()));
            if ours.contains(package.as_str()) && !fine {
                findings.push(format!(
                    "{folder}/Cargo.toml: {name} must not know {package} ({kind}); let a fact or a command carry what \
                     it needs, or move the code down"
                ));
            }
            if package == "tests" || package == "usage-ledger" && name != "tests" {
                findings.push(format!("{folder}/Cargo.toml: nothing may know {package}; remove the dependency"));
            }
        }
    }
    verdict("crates know only what is below them", &findings);
}

/// Goal: `ls services` is the map. Method: a crate is called like its folder.
#[test]
fn a_crate_is_called_like_its_folder() {
    let wrong = crates().into_iter().filter(|it| it.folder.rsplit('/').next() != Some(it.name.as_str()));
    let findings =
        wrong.map(|it| format!("{}/Cargo.toml: the crate is called {}; rename one of them", it.folder, it.name));
    verdict("a crate is called like its folder", &findings.collect::<Vec<_>>());
}

/// Goal: the packages that the project is known for do real work. Method: each is a direct dependency of a crate whose
/// sources use it outside of tests.
#[test]
fn the_cards_packages_do_real_work() {
    let (crates, sources) = (crates(), sources());
    let mut findings = Vec::new();
    for (package, purpose) in USED {
        let used = crates.iter().any(|it| {
            let named = it.dependencies.iter().find(|(name, kind, _)| name == package && kind == "normal");
            let Some((_, _, alias)) = named else { return false };
            let inside = format!("{}/src/", it.folder);
            let mut inside = sources.iter().filter(|source| source.path.starts_with(&inside));
            inside.any(|source| {
                let mut places = source.places(&format!("{alias}::")).into_iter();
                places.any(|place| !source.is_test(place))
            })
        });
        if !used {
            findings.push(format!(
                "Cargo.toml: no crate depends on {package} and uses it for {purpose}; use it or say why not"
            ));
        }
    }
    verdict("the card's packages do real work", &findings);
}

/// Goal: no dependency outlives its use. Method: the crate's own files name it.
#[test]
fn every_dependency_is_used() {
    let sources = sources();
    let mut findings = Vec::new();
    for Crate { name, folder, dependencies } in crates() {
        // The examples of the documents are built by the tests, which run them.
        let folders = [format!("{folder}/"), "docs/examples/".to_owned()];
        let folders = if name == "tests" { &folders[..] } else { &folders[..1] };
        let is_inside = |source: &&Source| folders.iter().any(|folder| source.path.starts_with(folder));
        let inside: Vec<_> = sources.iter().filter(is_inside).collect();
        for (package, kind, alias) in dependencies {
            if !inside.iter().any(|source| !source.places(&alias).is_empty()) {
                findings.push(format!("{folder}/Cargo.toml: {name} does not use {package} ({kind}); remove it"));
            }
        }
    }
    verdict("every dependency is used", &findings);
}

/// Goal: versions and lints stand in one place. Method: a crate's `Cargo.toml` inherits each.
#[test]
fn versions_and_lints_stand_in_one_place() {
    let mut findings = Vec::new();
    for Crate { folder, .. } in crates() {
        let path = format!("{folder}/Cargo.toml");
        let manifest = text(&path);
        if !manifest.contains("[lints]\nworkspace = true") {
            findings.push(format!("{path}: add [lints] workspace = true"));
        }
        let mut section = "";
        for (index, line) in manifest.lines().enumerate() {
            if line.starts_with('[') {
                section = line;
            }
            let names = section.contains("dependencies") && line.contains('=') && !line.starts_with('#');
            if names && !line.contains("workspace") {
                findings.push(format!("{path}:{}: `{line}`; put the version into the root and inherit it", index + 1));
            }
        }
    }
    verdict("versions and lints stand in one place", &findings);
}

/// Goal: nobody loses flushed records to a newer sled (docs/log.md). Method: the root pins the version, the lock holds
/// no other, and every package of the lock comes from crates.io.
#[test]
fn sled_is_pinned_and_every_package_comes_from_one_registry() {
    const REGISTRY: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
    let mut findings = Vec::new();
    if !text("Cargo.toml").contains("sled = \"=0.34.7\"") {
        findings.push("Cargo.toml: sled is not pinned; write sled = \"=0.34.7\"".to_owned());
    }
    let lock = text("Cargo.lock");
    let mut versions = BTreeMap::<&str, &str>::new();
    let mut name = "";
    for (index, line) in lock.lines().enumerate() {
        if let Some(value) = line.strip_prefix("name = ") {
            name = value.trim_matches('"');
        }
        if let Some(version) = line.strip_prefix("version = ").filter(|_| name == "sled") {
            versions.insert(version, name);
        }
        if line.starts_with("source = ") && line != REGISTRY {
            findings.push(format!("Cargo.lock:{}: {name} comes from {line}; take it from crates.io", index + 1));
        }
    }
    if versions.keys().copied().collect::<Vec<_>>() != ["\"0.34.7\""] {
        findings.push(format!("Cargo.lock: sled is {:?}; keep 0.34.7 only", versions.keys()));
    }
    if places(&text("deny.toml"), "sled:>=1.0.0-alpha").is_empty() {
        findings.push("deny.toml: sled 1.0.0-alpha is not banned; add it to [bans] deny".to_owned());
    }
    verdict("sled is pinned and every package comes from one registry", &findings);
}
