//! Who sees a file and may do what with it, in each of its statuses (design §8; connect-api §1.1, U19, U20).

use super::world::{
    CONTRACT, Distributor, Operator, OtherDistributor, OtherVendor, PREVIEW_CONTRACT, Party, Vendor, World,
};

const RECORDS: u32 = 12;

/// What is asked of each file by each party, in this order: the file, how many files of its id the list has, how many
/// records and chunks can be listed, and the status of each action.
const HEAD: &str = "get list recs chunks | submit accept reject close delete";
const ACTIONS: [&str; 5] = ["submit", "accept", "reject", "close", "delete"];

/// A stage and the answers: 201 where an action is done or was done before, 400 where the status forbids it, 403 where
/// the role does, 404 where the file doesn't exist for the caller.
type Stage = (&'static str, &'static str, [(Party, &'static str); 5]);

const FOREIGN: &str = "404 0 0 0 | 404 404 404 404 404";

const PRODUCTION: [Stage; 8] = [
    (
        "draft",
        CONTRACT,
        [
            (Vendor, "200 1 0 0 | 400 403 403 403 201"),
            (OtherVendor, FOREIGN),
            (Distributor, FOREIGN),
            (OtherDistributor, FOREIGN),
            (Operator, "200 1 0 0 | 400 400 400 400 201"),
        ],
    ),
    (
        "invalid",
        CONTRACT,
        [
            (Vendor, "200 1 24 0 | 400 403 403 403 201"),
            (OtherVendor, FOREIGN),
            (Distributor, FOREIGN),
            (OtherDistributor, FOREIGN),
            (Operator, "200 1 24 0 | 400 400 400 400 201"),
        ],
    ),
    (
        "ready",
        CONTRACT,
        [
            (Vendor, "200 1 12 0 | 201 403 403 403 201"),
            (OtherVendor, FOREIGN),
            (Distributor, FOREIGN),
            (OtherDistributor, FOREIGN),
            (Operator, "200 1 12 0 | 201 400 400 400 201"),
        ],
    ),
    (
        "pending",
        CONTRACT,
        [
            (Vendor, "200 1 12 0 | 201 403 403 403 400"),
            (OtherVendor, FOREIGN),
            (Distributor, "200 1 12 0 | 403 201 201 400 403"),
            (OtherDistributor, FOREIGN),
            (Operator, "200 1 12 0 | 201 201 201 400 400"),
        ],
    ),
    (
        "rejected",
        CONTRACT,
        [
            (Vendor, "200 1 12 0 | 400 403 403 403 400"),
            (OtherVendor, FOREIGN),
            (Distributor, "200 1 12 0 | 403 400 400 400 403"),
            (OtherDistributor, FOREIGN),
            (Operator, "200 1 12 0 | 400 400 400 400 400"),
        ],
    ),
    (
        "uploaded again",
        CONTRACT,
        [
            (Vendor, "200 1 12 0 | 201 403 403 403 201"),
            (OtherVendor, FOREIGN),
            (Distributor, FOREIGN),
            (OtherDistributor, FOREIGN),
            (Operator, "200 1 12 0 | 201 400 400 400 201"),
        ],
    ),
    (
        "accepted",
        CONTRACT,
        [
            (Vendor, "200 1 12 0 | 400 403 403 403 400"),
            (OtherVendor, FOREIGN),
            (Distributor, "200 1 12 3 | 403 400 400 400 403"),
            (OtherDistributor, FOREIGN),
            (Operator, "200 1 12 3 | 400 400 400 400 400"),
        ],
    ),
    (
        "closed",
        CONTRACT,
        [
            (Vendor, "200 1 12 0 | 400 403 403 403 400"),
            (OtherVendor, FOREIGN),
            (Distributor, "200 1 12 3 | 403 400 400 201 403"),
            (OtherDistributor, FOREIGN),
            (Operator, "200 1 12 3 | 400 400 400 201 400"),
        ],
    ),
];

/// In a preview contract the vendor plays both sides, and no distributor ever hears of it.
const PREVIEW: [Stage; 5] = [
    preview("ready", "200 1 12 0 | 201 400 400 400 201"),
    preview("pending", "200 1 12 0 | 201 201 201 400 400"),
    preview("rejected", "200 1 12 0 | 400 400 400 400 400"),
    preview("accepted", "200 1 12 2 | 400 400 400 400 400"),
    preview("closed", "200 1 12 2 | 400 400 400 201 400"),
];

const fn preview(stage: &'static str, both: &'static str) -> Stage {
    let rows =
        [(Vendor, both), (OtherVendor, FOREIGN), (Distributor, FOREIGN), (OtherDistributor, FOREIGN), (Operator, both)];
    (stage, PREVIEW_CONTRACT, rows)
}

/// A new file in a stage.
fn file_in(world: &World, stage: &str, contract: &str, number: usize) -> String {
    let prefix = format!("{}-{contract}-{number}", stage.replace(' ', "-"));
    let provider = if contract == PREVIEW_CONTRACT { Vendor } else { Distributor };
    let rejected = |world: &World| {
        let file = world.pending(contract, &prefix, RECORDS);
        world.act(provider, &file, "reject").expect(201);
        file
    };
    match stage {
        "draft" => world.create(contract),
        "invalid" => {
            let file = world.create(contract);
            world.upload(&file, &world.generate_faulty(&prefix, RECORDS)).expect(201);
            assert_eq!(world.checked(&file)["status"], "invalid");
            file
        }
        "ready" => world.ready(contract, &prefix, RECORDS),
        "pending" => world.pending(contract, &prefix, RECORDS),
        "rejected" => rejected(world),
        "uploaded again" => {
            let file = rejected(world);
            world.upload(&file, &world.path(&format!("{prefix}.xlsx"))).expect(201);
            assert_eq!(world.checked(&file)["status"], "ready");
            file
        }
        "accepted" => world.accepted(contract, &prefix, RECORDS),
        "closed" => {
            let file = world.accepted(contract, &prefix, RECORDS);
            world.close(provider, &file);
            file
        }
        other => panic!("no stage {other}"),
    }
}

/// What a party gets. After an action that was done, `file` is another one in the same stage.
fn row(world: &World, (stage, contract): (&str, &str), party: Party, file: &mut String, number: &mut usize) -> String {
    let total = |path: String| world.get(party, &path).total();
    let get = world.get(party, &format!("usage/files/{file}")).status;
    let list = total(format!("usage/files?id={file}"));
    let records = total(format!("usage/records?usagefile.id={file}"));
    let chunks = total(format!("usage/chunks?usagefile.id={file}"));
    check_parts(world, party, file, records, chunks);
    let mut row = format!("{get} {list} {records} {chunks} |");
    for action in ACTIONS {
        let status = world.act(party, file, action).status;
        row.push_str(&format!(" {status}"));
        if status < 300 {
            *number += 1;
            *file = file_in(world, stage, contract, *number);
        }
    }
    row
}

/// What a list doesn't have can't be had by its id either.
fn check_parts(world: &World, party: Party, file: &str, records: u64, chunks: u64) {
    let all = world.records(Operator, file);
    if let Some(id) = all.first().and_then(|record| record["id"].as_str()) {
        let status = if records > 0 { 200 } else { 404 };
        assert_eq!(world.get(party, &format!("usage/records/{id}")).status, status, "{party:?} {id}");
    }
    let all = world.get(Operator, &format!("usage/chunks?usagefile.id={file}")).json();
    if let Some(id) = all[0]["id"].as_str() {
        let status = if chunks > 0 { 200 } else { 404 };
        assert_eq!(world.get(party, &format!("usage/chunks/{id}")).status, status, "{party:?} {id}");
        assert_eq!(world.get(party, &format!("usage/chunks/{id}/download")).status, status, "{party:?} {id}");
    }
}

fn check(stages: &[Stage]) {
    let world = World::new();
    let mut number = 0;
    let mut wrong = Vec::new();
    for (stage, contract, rows) in stages {
        number += 1;
        let mut file = file_in(&world, stage, contract, number);
        assert_eq!(rows.map(|(party, _)| party), Party::ALL);
        for (party, expected) in rows {
            let found = row(&world, (stage, contract), *party, &mut file, &mut number);
            if found != *expected {
                wrong.push(format!("{stage} as {party:?}: expected {expected}, got {found}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{HEAD}\n{}", wrong.join("\n"));
}

#[test]
fn each_party_sees_and_may_what_the_table_says() {
    check(&PRODUCTION);
}

#[test]
fn a_preview_never_reaches_the_distributor() {
    check(&PREVIEW);
}

/// Goal: what can't be seen can't be guessed at. Method: a foreign file answers like one that never was, byte for byte.
#[test]
fn a_foreign_file_answers_like_an_unknown_one() {
    let world = World::new();
    let file = world.ready(CONTRACT, "foreign", RECORDS);
    for party in [OtherVendor, Distributor, OtherDistributor] {
        for action in ["", "/submit", "/accept", "/reject", "/close", "/delete", "/reprocess", "/categories"] {
            let ask = |id: &str| match action {
                "" | "/categories" => world.get(party, &format!("usage/files/{id}{action}")),
                _ => world.post(party, &format!("usage/files/{id}{action}"), &serde_json::json!({})),
            };
            let (foreign, unknown) = (ask(&file), ask("UF-2026-11-9999-9999"));
            let same = (foreign.status, &foreign.body) == (unknown.status, &unknown.body);
            assert!(same && foreign.status == 404, "{party:?} {action}: {foreign:?} and {unknown:?}");
        }
    }
}
