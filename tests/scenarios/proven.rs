//! What the ledger signs: checkpoints that say how far each log goes, handed to both sides of a file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use ledger::merkle::{leaf, root};
use ledger::note::{Checkpoint, VerifierKey, opened};
use ledger::{Event, Fact, Hash};
use runtime::source::Source;
use serde_json::{Value, json};
use usage_ledger::product::Product;

use super::archived::verify;
use super::http::Body;
use super::world::{CONTRACT, Distributor, OtherVendor, Party, Vendor, World, demo_catalog};
use super::{closing, sheets};
use crate::kills::binary;

const RECORDS: u32 = 12;
/// Events that are signed at once.
const MANY: u64 = 1_024;

/// At once, so that a test needn't wait for a minute.
fn eager() -> World {
    World::tuned(|settings| settings.checkpoint_after = Duration::ZERO)
}

impl World {
    fn keys(&self) -> Vec<VerifierKey> {
        let told = self.ours(Vendor, "GET", "keys", Body::Nothing).expect(200);
        let keys = told["keys"].as_array().expect("keys").iter();
        keys.map(|one| VerifierKey::parse(one["key"].as_str().expect("a key")).expect("a key")).collect()
    }

    /// Checkpoints by host, each opened with one of the ledger's keys.
    fn checkpoints(&self, query: &str) -> BTreeMap<String, Checkpoint> {
        let told = self.ours(Distributor, "GET", &format!("checkpoints{query}"), Body::Nothing).expect(200);
        let keys = self.keys();
        let open = |told: &Value| {
            let text = opened(told["note"].as_str().expect("a note"), &keys).expect("one of its keys signed it");
            let checkpoint = Checkpoint::parse(text).expect("a checkpoint");
            assert_eq!(told["size"], checkpoint.size);
            assert_eq!(told["root"], checkpoint.root.to_string());
            (told["host"].as_str().expect("a host").to_owned(), checkpoint)
        };
        told["checkpoints"].as_array().expect("checkpoints").iter().map(open).collect()
    }
}

/// A log's events with the hashes of their headers, read where it rests.
fn log(source: &Source) -> Vec<(Event, Hash)> {
    let facts = source.own(1).map(|fact| fact.expect("it can be read"));
    facts.map(|fact| (fact.event().expect("it can be decoded"), fact.header.hash())).collect()
}

fn logs(product: &Product) -> BTreeMap<String, Vec<(Event, Hash)>> {
    let sources = product.bus.sources(&ledger::ServiceName::WRITERS);
    sources.iter().map(|source| (source.host().to_string(), log(source))).collect()
}

/// The size of the checkpoint that covers all but the bookkeeping at the end.
fn covered(log: &[(Event, Hash)]) -> u64 {
    let last = log.iter().rposition(|(event, _)| !event.fact.is_bookkeeping());
    last.map_or(0, |last| last as u64 + 1)
}

#[test]
fn every_log_is_signed_as_far_as_it_goes_and_stays_quiet_then() {
    let mut world = eager();
    world.accepted(CONTRACT, "signed", RECORDS);
    let all_signed = |world: &World| {
        let (signed, logs) = (world.checkpoints(""), logs(world.product()));
        let size = |host: &String| signed.get(host).map_or(0, |checkpoint| checkpoint.size);
        logs.iter().all(|(host, log)| size(host) >= covered(log))
    };
    world.until("every log is signed", || all_signed(&world));
    for (host, checkpoint) in world.checkpoints("") {
        let log = &logs(world.product())[&host];
        let leaves = log.iter().take(checkpoint.size as usize).map(|(_, hash)| leaf(&hash.0));
        assert_eq!(root(leaves.collect()), checkpoint.root, "{host}");
        let first = log[0].1.to_string();
        assert_eq!(checkpoint.origin, format!("usage-ledger/{}/{host}/epoch-1", &first[..16]));
        // A checkpoint is no reason for another one.
        let is_checkpoint = |(event, _): &(Event, Hash)| matches!(event.fact, Fact::CheckpointSigned(_));
        assert!(!log.windows(2).any(|pair| pair.iter().all(is_checkpoint)), "{host}");
    }
    let (keys, before) = (world.keys(), world.checkpoints(""));
    world.restart();
    assert_eq!((world.keys(), world.checkpoints("")), (keys, before));
    world.create(CONTRACT);
    world.until("what came after is signed too", || all_signed(&world));
    // The oldest one is found by any size that it covers.
    let oldest = world.checkpoints("?host=approval-0&size=1");
    let again = world.checkpoints(&format!("?host=approval-0&size={}", oldest["approval-0"].size));
    assert_eq!(again, oldest);
    let refused = world.ours(Vendor, "GET", "checkpoints?host=approval-0&size=1000000", Body::Nothing).refusal();
    assert_eq!(refused.0, 400, "{refused:?}");
}

/// Goal: whoever trusts the former key has its word for the new one. Method: the keys of all processes are changed; in each
/// log the fact that names the new key must stand under a checkpoint which the former one signed, and what comes later under
/// one of the new.
#[test]
fn a_new_key_has_the_word_of_the_former_one() {
    let mut world = eager();
    world.accepted(CONTRACT, "rotated", RECORDS);
    world.until("every log is signed", || world.keys().len() == world.hosts().len());
    let former = world.keys();
    let dirs: BTreeSet<PathBuf> = world.hosts().into_iter().map(|host| world.data_of(host)).collect();
    for code in [0, 1] {
        for dir in &dirs {
            let mut command = Command::new(binary());
            let ended = command.args(["audit", "rotate-key", "--data"]).arg(dir).output().expect("it runs");
            assert_eq!(ended.status.code(), Some(code), "{ended:?}");
            assert_eq!(String::from_utf8_lossy(&ended.stderr).contains("signing-key.old is kept"), code == 1);
        }
    }
    world.restart();
    world.until("every log names its new key", || world.keys().len() == 2 * former.len());
    let added = world.keys().into_iter().filter(|key| !former.contains(key)).collect::<Vec<_>>();
    for (host, log) in logs(world.product()) {
        let is_new = |(event, _): &(Event, Hash)| match &event.fact {
            Fact::SigningKeyRecorded(recorded) => added.contains(&recorded.key),
            _ => false,
        };
        let named = log.iter().position(is_new).expect("the log names it");
        let Fact::CheckpointSigned(signed) = &log[named + 1].0.fact else { panic!("{host}: nothing is signed then") };
        assert!(opened(&signed.note, &added).is_err(), "{host}");
        let checkpoint =
            Checkpoint::parse(opened(&signed.note, &former).expect("the former key")).expect("a checkpoint");
        let leaves = log.iter().take(named + 1).map(|(_, hash)| leaf(&hash.0));
        assert_eq!((checkpoint.size, checkpoint.root), (named as u64 + 1, root(leaves.collect())), "{host}");
    }
    world.create(CONTRACT);
    let is_signed = || {
        let told = world.ours(Distributor, "GET", "checkpoints?host=ingestion-0&size=1", Body::Nothing).expect(200);
        let newest = world.ours(Distributor, "GET", "checkpoints", Body::Nothing).expect(200);
        let newest = newest["checkpoints"].as_array().expect("checkpoints").clone();
        let by_new = |one: &Value| opened(one["note"].as_str().expect("a note"), &added).is_ok();
        assert!(!told["checkpoints"].as_array().expect("checkpoints").iter().any(by_new));
        newest.iter().any(by_new)
    };
    world.until("the new key signs", is_signed);
    world.stop();
    for dir in dirs {
        let (report, code) = verify("--data", &dir);
        assert_eq!((code, &report["findings"]), (0, &json!([])), "{report:#}");
    }
}

#[test]
fn many_events_are_signed_without_waiting() {
    let world = World::tuned(|settings| settings.checkpoint_after = Duration::from_secs(86_400));
    assert!(world.checkpoints("").is_empty());
    let mut catalog = demo_catalog();
    let accounts = catalog["accounts"].as_array_mut().expect("accounts");
    let account =
        |number| json!({ "id": format!("VA-900-{number}"), "name": "Many", "type": "vendor", "role": "vendor" });
    let more = (1_000..2_024).map(account);
    accounts.extend(more);
    world.import(&catalog).expect("it is sound");
    world.until("the catalog's log is signed", || !world.checkpoints("").is_empty());
    let signed = world.checkpoints("");
    assert_eq!(signed.keys().collect::<Vec<_>>(), ["catalog-0"]);
    // An import is recorded in several appends; what isn't signed of it is too little for another checkpoint.
    let (size, all) = (signed["catalog-0"].size, covered(&logs(world.product())["catalog-0"]));
    assert!(size >= MANY && all - size < MANY, "{size} of {all}");
}

#[test]
fn a_closed_file_has_a_signed_statement_for_both_of_its_sides() {
    let mut world = eager();
    let file = world.accepted(CONTRACT, "stated", RECORDS);
    let path = format!("usage/files/{file}/statement");
    assert_eq!(world.ours(Vendor, "GET", &path, Body::Nothing).status, 400, "it is not closed");
    world.close(Distributor, &file);
    world.until("it is stated", || world.ours(Vendor, "GET", &path, Body::Nothing).status == 200);
    let stated = |world: &World, party| {
        let answer = world.ours(party, "GET", &path, Body::Nothing);
        (answer.status, String::from_utf8(answer.body).expect("a text"))
    };
    let (_, note) = stated(&world, Vendor);
    assert_eq!(stated(&world, Distributor), (200, note.clone()));
    assert_eq!(stated(&world, OtherVendor).0, 404);
    let text = opened(&note, &world.keys()).expect("the ledger signed it").to_owned();
    let host = format!("-{}", world.partition_of(CONTRACT));
    let logs = logs(world.product());
    let root = logs[&format!("ingestion{host}")].iter().find_map(|(event, _)| match &event.fact {
        Fact::RecordsRooted(rooted) => Some(rooted.root),
        _ => None,
    });
    for line in [
        format!("file {file}"),
        format!("contract {CONTRACT}"),
        format!("records {RECORDS}"),
        format!("records-root {}", root.expect("the root of its records")),
    ] {
        assert!(text.lines().any(|it| it == line), "{line} in {text}");
    }
    for act in ["submitted 2026-", "accepted 2026-", "closed 2026-", "total records 12 quantity ", "chunks-root "] {
        assert!(text.lines().any(|it| it.starts_with(act)), "{act} in {text}");
    }
    // What was signed is signed once: a start reads it.
    world.restart();
    assert_eq!(stated(&world, Distributor), (200, note));
}

#[test]
fn both_sides_of_a_file_are_handed_the_same_roots() {
    let world = eager();
    let file = world.accepted(CONTRACT, "handed", RECORDS);
    let record = world.records(Vendor, &file)[0]["id"].as_str().expect("an id").to_owned();
    let partition = world.partition_of(CONTRACT);
    for path in [format!("usage/files/{file}"), format!("usage/records/{record}")] {
        let handed = |party: Party| {
            let answer = world.get(party, &path);
            answer.expect(200);
            answer.header("ledger-checkpoint").unwrap_or_default().to_owned()
        };
        world.until("both are handed the same", || {
            let [vendor, provider] = [Vendor, Distributor].map(handed);
            let known = world.checkpoints("");
            let member = |(host, it): (&String, &Checkpoint)| {
                let text = it.text();
                format!("{host}=:{}:;size={}", text.lines().nth(2).expect("a root"), it.size)
            };
            let concerns = |host: &String| host == "catalog-0" || host.ends_with(&format!("-{partition}"));
            let expected = known.iter().filter(|(host, _)| concerns(host)).map(member);
            let mut expected = expected.collect::<Vec<_>>();
            let mut found = vendor.split(", ").collect::<Vec<_>>();
            expected.sort();
            found.sort();
            vendor == provider && expected.len() == 5 && found == expected
        });
    }
}

/// Goal: whoever gets a workbook is handed a checkpoint that the ledger can be held to. Method: a file whose logs are signed
/// lives to its end; the row in each of its workbooks must be a checkpoint that the ledger serves, and the answer that
/// brought the workbook names one that is no older.
#[test]
fn workbooks_show_a_checkpoint_of_the_log_that_ordered_them() {
    let world = eager();
    world.accepted(CONTRACT, "first", RECORDS);
    let host = |service: &str| format!("{service}-{}", world.partition_of(CONTRACT));
    let is_signed = |service: &str| world.checkpoints("").contains_key(&host(service));
    world.until("both logs are signed", || ["validation", "extraction"].iter().all(|service| is_signed(service)));
    let file = world.accepted(CONTRACT, "second", RECORDS);
    let chunk = world.chunks(Distributor, &file)[0]["id"].as_str().expect("an id").to_owned();
    let ids = closing::ids(&world, &file);
    closing::reconcile(&world, &file, &file, "record_id", &closing::billed(&ids, "INV-1")).expect("processed");
    let reconciled = world.get(Distributor, &format!("usage/reconciliations?usagefile.id={file}")).expect(200);
    let reconciled = reconciled[0]["id"].as_str().expect("an id").to_owned();
    let processed =
        |party| world.follow(&world.get(party, &format!("usage/files/{file}")).expect(200)["processed_file_uri"]);
    for (service, got) in [
        ("validation", processed(Vendor)),
        ("validation", processed(Distributor)),
        ("extraction", world.get(Distributor, &format!("usage/chunks/{chunk}/download"))),
        ("extraction", world.get(Distributor, &format!("usage/reconciliations/{reconciled}/processedfile"))),
    ] {
        let row = sheets::general(&got.body, "checkpoint").expect("a checkpoint");
        let size =
            |member: &str| member.rsplit_once(";size=").and_then(|(_, size)| size.parse::<u64>().ok()).expect("a size");
        let host = host(service);
        let served = &world.checkpoints(&format!("?host={host}&size={}", size(&row)))[&host];
        let text = served.text();
        assert_eq!(row, format!("{host}=:{}:;size={}", text.lines().nth(2).expect("a root"), served.size));
        let handed = got.header("ledger-checkpoint").expect("handed with the workbook");
        let newest = handed.split(", ").find(|member| member.starts_with(&host)).expect("of the same log");
        assert!(size(newest) >= size(&row), "{newest} with {row}");
    }
    for list in ["files", "records", "chunks", "reconciliations", "aggregates"] {
        let got = world.get(Distributor, &format!("usage/{list}"));
        assert!(got.header("ledger-checkpoint").is_some_and(|handed| handed.contains(&host("extraction"))), "{list}");
        let then = world.get(Distributor, &format!("usage/{list}?as_of=catalog-0:1"));
        assert_eq!((then.status, then.header("ledger-checkpoint")), (200, None), "{list}");
    }
}
