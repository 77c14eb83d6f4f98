//! An outsider's walk (docs/audit.md): a distributor takes a record of its chunk, gets its proof and checks it with a
//! program that knows nothing of ours; and sees what was changed, and a log that was forked.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ledger::note::VerifierKey;
use serde_json::{Value, json};
use usage_ledger::audit::proof;

use super::http::Body;
use super::world::{CONTRACT, Distributor, OtherDistributor, OtherVendor, Party, Vendor, World};

/// Several batches, the last one not full.
const RECORDS: u32 = 2_500;
/// What a proof that doesn't hold ends with.
const BROKEN: i32 = 7;

/// What the outsider has.
struct Outsider<'a> {
    world: &'a World,
    keys: String,
}

impl<'a> Outsider<'a> {
    fn new(world: &'a World) -> Self {
        world.until("every log is signed", || checkpoint(world).is_some());
        let told = world.ours(Distributor, "GET", "keys", Body::Nothing).expect(200);
        let keys = told["keys"].as_array().expect("keys").iter();
        let keys = keys.map(|one| one["key"].as_str().expect("a key").to_owned() + "\n").collect();
        Self { world, keys }
    }

    fn file(&self, name: &str, text: &str) -> std::path::PathBuf {
        let path = self.world.path(name);
        std::fs::write(&path, text).expect("it is written");
        path
    }

    /// Whether a proof holds, for our own program and for the one in Python.
    fn holds(&self, proof: &Value, kept: Option<&str>) -> bool {
        let keys = self.keys.lines().map(|line| VerifierKey::parse(line).expect("a key")).collect::<Vec<_>>();
        let text = proof.to_string();
        let ours = match kept {
            None => proof::record(&text, &keys).is_ok(),
            Some(kept) => proof::consistency(&text, kept, &keys).is_ok(),
        };
        let paths = [self.file("proof.json", &text), self.file("ledger.keys", &self.keys)];
        let kept = kept.map(|kept| self.file("kept.txt", kept));
        assert_eq!(python(&paths, kept.as_deref()), ours, "both must say the same of {proof:#}");
        ours
    }
}

fn python([proof, keys]: &[std::path::PathBuf; 2], kept: Option<&Path>) -> bool {
    let mut command = Command::new("python3");
    command.arg(crate::tree::root().join("docs/examples/check_proof.py")).arg(proof).arg("--key").arg(keys);
    if let Some(kept) = kept {
        command.arg("--checkpoint").arg(kept);
    }
    let ended = command.output().expect("python3 starts");
    let code = ended.status.code();
    assert!(matches!(code, Some(0 | BROKEN)), "{}", String::from_utf8_lossy(&ended.stderr));
    code == Some(0)
}

/// The newest checkpoint of what was read.
fn checkpoint(world: &World) -> Option<Value> {
    let path = format!("checkpoints?host=ingestion-{}", world.partition_of(CONTRACT));
    let told = world.ours(Distributor, "GET", &path, Body::Nothing).expect(200);
    told["checkpoints"].get(0).cloned()
}

fn prove(world: &World, party: Party, record: &str) -> super::http::Answer {
    world.ours(party, "GET", &format!("proof/records/{record}"), Body::Nothing)
}

/// Waits until what a record's proof leads to is signed.
fn proven(world: &World, record: &str) -> Value {
    world.until("the proof is there", || prove(world, Distributor, record).status == 200);
    prove(world, Distributor, record).expect(200)
}

/// The same proof with something else in one place.
fn changed(proof: &Value, place: &str) -> Value {
    let mut changed = proof.clone();
    let value = changed.pointer_mut(place).unwrap_or_else(|| panic!("{place} in {proof:#}"));
    *value = match value {
        Value::Number(number) => json!(number.as_u64().expect("a count") ^ 1),
        Value::String(text) => {
            // The first digit, which is in the first line of a checkpoint's origin too.
            let at = text.find(|c: char| c.is_ascii_digit()).expect("a digit");
            let digit = if &text[at..=at] == "1" { "2" } else { "1" };
            json!(format!("{}{digit}{}", &text[..at], &text[at + 1..]))
        }
        other => panic!("{other}"),
    };
    changed
}

#[test]
fn a_record_is_proven_to_whoever_sees_it_and_every_change_shows() {
    let world = World::tuned(|settings| settings.checkpoint_after = Duration::ZERO);
    let file = world.accepted(CONTRACT, "walk", RECORDS);
    let outsider = Outsider::new(&world);
    for row in [2, 1_025, 1_026, RECORDS + 1] {
        let record = format!("UR-{}-0000-{row:04}", &file[3..]);
        let proof = proven(&world, &record);
        assert!(outsider.holds(&proof, None), "{record}");
        let cells = proof["record"]["cells"].as_array().expect("cells");
        let id = cells.iter().find(|cell| cell["name"] == "record_id").expect("the vendor's id");
        let shown = world.get(Distributor, &format!("usage/records/{record}")).expect(200);
        assert_eq!(id["text"], shown["record_id"]);
        // Nothing of its neighbours is in it, be it only their ids.
        let text = proof.to_string();
        assert_eq!(text.matches("walk-").count(), 1, "{text}");
        assert_eq!(prove(&world, Vendor, &record).expect(200)["record"], proof["record"]);
        for stranger in [OtherVendor, OtherDistributor] {
            assert_eq!(prove(&world, stranger, &record).status, 404);
        }
    }
    let proof = proven(&world, &format!("UR-{}-0000-0007", &file[3..]));
    let cells = proof["record"]["cells"].as_array().expect("cells");
    let quantity = cells.iter().position(|cell| cell["name"] == "quantity").expect("a quantity");
    let quantity = format!("/record/cells/{quantity}/text");
    let places = [
        quantity.as_str(),
        "/record/cells/0/column",
        "/record/cells/0/kind",
        "/record/row",
        "/record/id",
        "/record/salt",
        "/batch/index",
        "/batch/path/0",
        "/file/index",
        "/file/size",
        "/file/path/1",
        "/event/header",
        "/event/payload",
        "/log/index",
        "/log/size",
        "/log/path/0",
        "/checkpoint",
    ];
    for place in places {
        assert!(!outsider.holds(&changed(&proof, place), None), "{place}");
    }
    // A column that is called otherwise would say something else with the same numbers.
    let mut renamed = proof.clone();
    renamed["record"]["cells"][0]["name"] = json!("quantity");
    assert!(!outsider.holds(&renamed, None));
    let nobody = Outsider { world: &world, keys: String::new() };
    assert!(!nobody.holds(&proof, None));
    assert_eq!(prove(&world, Distributor, &format!("UR-{}-0099-9999", &file[3..])).status, 404);
}

#[test]
fn a_log_that_was_forked_is_found_out() {
    let mut world = World::alone(|settings| settings.checkpoint_after = Duration::ZERO);
    world.pending(CONTRACT, "first", 5);
    world.until("it is signed", || checkpoint(&world).is_some());
    world.stop();
    let (data, copy) = (world.path("data"), world.path("copy"));
    let copied = Command::new("cp").arg("-r").arg(&data).arg(&copy).status().expect("cp starts");
    assert!(copied.success());
    world.start();
    let before = checkpoint(&world).expect("it is signed");
    let size = |checkpoint: &Value| checkpoint["size"].as_u64().expect("a size");
    let grown = |world: &World, prefix: &str, beyond: u64| {
        world.pending(CONTRACT, prefix, 5);
        world.until("it has grown", || checkpoint(world).is_some_and(|it| size(&it) > beyond));
        checkpoint(world).expect("it is signed")
    };
    let kept = grown(&world, "second", size(&before));
    let consistency = |world: &World, from: &Value| {
        let path = format!("proof/consistency?host=ingestion-0&from={}", size(from));
        world.ours(Distributor, "GET", &path, Body::Nothing).expect(200)
    };
    let note = |checkpoint: &Value| checkpoint["note"].as_str().expect("a note").to_owned();
    let outsider = Outsider::new(&world);
    for from in [&before, &kept] {
        assert!(outsider.holds(&consistency(&world, from), Some(&note(from))));
    }
    let keys = outsider.keys;
    world.stop();
    // Somebody goes on from the copy, as if the second file had never been.
    std::fs::remove_dir_all(&data).expect("it is removed");
    std::fs::rename(&copy, &data).expect("the copy takes its place");
    world.start();
    let mut other = checkpoint(&world).expect("it is signed");
    for number in 0.. {
        if size(&other) > size(&kept) {
            break;
        }
        other = grown(&world, &format!("other-{number}"), size(&other));
    }
    let outsider = Outsider { world: &world, keys };
    assert!(outsider.holds(&consistency(&world, &before), Some(&note(&before))), "they have that in common");
    assert!(!outsider.holds(&consistency(&world, &kept), Some(&note(&kept))), "and nothing after it");
}
