//! Who may do what: every operation of the API by every role, in every status of a file and every environment.
//!
//! Goal: the product does exactly what connect-api §1 and design §8 and §12 say, no more and no less. Method: the
//! expected answers stand in two tables that were written by hand (files.txt, others.txt); each cell is a request to
//! the product in process. Compared are status, error code and, where something is refused, the digest of everything
//! that is recorded of files and rules, which must not change. Each caller writes its requests in a way of its own, so
//! that a slash at the end of a path and the three ways of saying nothing are tried with every operation, and every
//! answer is looked at for the version and for the one shape of errors (connect-api §2.1).

mod coverage;
mod places;
mod table;

use serde_json::{Value, json};

use self::places::{PLACES, PREVIEW, Places, Target, Terms};
use self::table::{Done, Operation, Payload, agrees, cell_of, is_refused};
use super::http::{Answer, Body, Request};
use super::world::{
    CONTRACT, Distributor, Operator, OtherDistributor, OtherVendor, PRODUCT, Party, RESOLD_CONTRACT, Reseller, Vendor,
    World, demo_catalog,
};

const FILES: &str = include_str!("files.txt");
const OTHERS: &str = include_str!("others.txt");
/// The columns of others.txt.
const CALLERS: [Caller; 8] = [
    Caller::Of(Vendor),
    Caller::Of(Distributor),
    Caller::Of(Reseller),
    Caller::Of(OtherVendor),
    Caller::Of(OtherDistributor),
    Caller::Of(Operator),
    Caller::Revoked,
    Caller::Nobody,
];
/// A key of the vendor's that was good once.
const REVOKED: &str = "ApiKey SU-000-000-099:revoked";

/// Who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    Of(Party),
    Revoked,
    Nobody,
}

impl Caller {
    fn key(self) -> Option<&'static str> {
        match self {
            Self::Of(party) => Some(party.key()),
            Self::Revoked => Some(REVOKED),
            Self::Nobody => None,
        }
    }

    /// Whether it ends every path with a slash, as old SDKs do.
    fn slashes(self) -> bool {
        matches!(self, Self::Of(Distributor | OtherVendor | Operator) | Self::Revoked)
    }

    /// What it sends with an action that needs nothing said.
    fn nothing(self) -> Option<Value> {
        match self {
            Self::Of(Vendor | OtherVendor) => Some(json!({})),
            Self::Of(Operator | OtherDistributor) => Some(Value::Null),
            _ => None,
        }
    }

    /// The row of files.txt that is about this caller.
    fn row(self, terms: Terms, provider: Party) -> &'static str {
        let production = terms.environment == "production";
        match self {
            Self::Of(Operator) => "operator",
            Self::Of(Vendor) if production => "vendor",
            Self::Of(Vendor) => "both",
            Self::Of(party) if production && party == provider => "provider",
            Self::Of(_) => "stranger",
            Self::Revoked | Self::Nobody => "no key",
        }
    }
}

/// What is expected where the table has no row.
fn default_cell(row: &str) -> &'static str {
    match row {
        "no key" => "k",
        "stranger" => "-",
        row => panic!("no row {row}"),
    }
}

/// Sends what an operation asks for, with ids filled in.
fn send(world: &World, caller: Caller, operation: &Operation, target: &Target) -> Answer {
    let mut path = target.fill(&operation.path);
    if caller.slashes() && !path.ends_with('/') {
        path.insert(path.find('?').unwrap_or(path.len()), '/');
    }
    let json: Value;
    let texts: Vec<(String, String)>;
    let pairs: Vec<(&str, &str)>;
    let body = match &operation.payload {
        Payload::Nothing if operation.method == "GET" => Body::Nothing,
        Payload::Nothing => match caller.nothing() {
            Some(nothing) => {
                json = nothing;
                Body::Json(&json)
            }
            None => Body::Nothing,
        },
        Payload::Json(text) => {
            json = serde_json::from_str(&target.fill(text)).expect("JSON");
            Body::Json(&json)
        }
        Payload::Form(field, others) => {
            texts = others.iter().map(|(name, value)| (name.clone(), target.fill(value))).collect();
            pairs = texts.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            Body::Form(&pairs, field, &target.workbook)
        }
    };
    let request = Request { method: &operation.method, path: &path, key: caller.key(), headers: &[], body };
    if operation.done == Done::Stream { world.begin(&request) } else { world.request(&request) }
}

/// What was looked at, and what was not as expected.
#[derive(Default)]
struct Findings {
    cells: u32,
    wrong: Vec<String>,
}

impl Findings {
    /// Compares one cell. What is refused must leave no trace.
    fn look(&mut self, world: &World, caller: Caller, operation: &Operation, target: &Target, expected: (&str, &str)) {
        let (place, cell) = expected;
        let before = world.digests();
        let answer = send(world, caller, operation, target);
        let found = cell_of(&answer, operation.done);
        self.cells += 1;
        let mut note = |what: String| {
            self.wrong.push(format!("{} {} in {place} as {caller:?}: {what}", operation.method, operation.path));
        };
        if !agrees(cell, &found, !place.is_empty()) {
            note(format!("expected {cell}, found {found}: {answer:?}"));
        }
        if let Some(fault) = misshapen(&answer) {
            note(fault);
        }
        let kept = is_refused(&found) || operation.method == "GET";
        if kept && world.digests() != before {
            note("what is recorded has changed".to_owned());
        }
    }

    fn report(self, name: &str) {
        println!("{name}: {} cells", self.cells);
        let count = self.wrong.len();
        assert!(self.wrong.is_empty(), "{count} of {} cells:\n{}", self.cells, self.wrong.join("\n"));
    }
}

/// What an answer lacks that every answer has.
fn misshapen(answer: &Answer) -> Option<String> {
    if !answer.head.to_ascii_lowercase().contains("connect-version: ") {
        return Some(format!("no Connect-Version: {}", answer.head));
    }
    if answer.status < 400 {
        return None;
    }
    let error = answer.json();
    let texts = error["errors"].as_array().is_some_and(|texts| !texts.is_empty() && texts.iter().all(Value::is_string));
    let sound = texts && error["error_code"].as_str().is_some_and(|code| !code.is_empty());
    (!sound).then(|| format!("an error of another shape: {error}"))
}

/// The demo catalog, and a key that is revoked.
fn revoke(world: &World) {
    let mut catalog = demo_catalog();
    let key = json!({
        "id": "SU-000-000-099", "name": "Gone", "account": { "id": "VA-000-001" }, "secret": "revoked", "revoked": true,
    });
    catalog["api_keys"].as_array_mut().expect("keys").push(key);
    world.import(&catalog).expect("a sound catalog");
}

/// Every operation on files made under some terms, in every status, by everybody.
fn check_files(terms: Terms, provider: Party) {
    let operations = table::parse(FILES, PLACES.len(), true);
    let mut places = Places::new(terms, revoke);
    let mut findings = Findings::default();
    for operation in &operations {
        for (place, name) in PLACES.into_iter().enumerate() {
            for caller in CALLERS {
                let row = caller.row(terms, provider);
                let cell = operation.cell(row, place).unwrap_or_else(|| default_cell(row));
                let (world, target) = places.target(place);
                findings.look(world, caller, operation, target, (name, cell));
                if !is_refused(cell) && operation.method != "GET" {
                    places.leave(place);
                }
            }
        }
    }
    findings.report(&format!("{terms:?}"));
}

#[test]
fn a_distributors_files() {
    check_files(Terms { contract: CONTRACT, environment: "production" }, Distributor);
}

#[test]
fn a_resellers_files() {
    check_files(Terms { contract: RESOLD_CONTRACT, environment: "production" }, Reseller);
}

#[test]
fn preview_files() {
    check_files(PREVIEW, Distributor);
}

#[test]
fn test_files() {
    check_files(Terms { contract: CONTRACT, environment: "test" }, Distributor);
}

#[test]
fn everything_else() {
    let world = World::new();
    revoke(&world);
    let target = Target::make(&world, Terms { contract: CONTRACT, environment: "production" }, "accepted", 1);
    let rules = format!("products/{PRODUCT}/usage/rules");
    let rule = world.post(Distributor, &rules, &json!({ "action": "manual" })).expect(201);
    let records = world.get(Vendor, "usage/records").expect(200);
    // It isn't called: nobody listens there.
    let terms = json!({
        "label": "Billing", "object_class": "usage_file", "external_url": "https://usage.example/", "active": false,
    });
    let webhook = world.post(Distributor, "notifications/webhooks", &terms).expect(201);
    let ids = [("{rule}", &rule["id"]), ("{asset}", &records[0]["asset"]["id"]), ("{webhook}", &webhook["id"])];
    let mut findings = Findings::default();
    for mut operation in table::parse(OTHERS, CALLERS.len(), false) {
        for (name, id) in ids {
            operation.path = operation.path.replace(name, id.as_str().expect("an id"));
        }
        for (column, caller) in CALLERS.into_iter().enumerate() {
            let cell = operation.cell("", column).expect("a cell").to_owned();
            findings.look(&world, caller, &operation, &target, ("", &cell));
        }
    }
    findings.report("everything else");
}
