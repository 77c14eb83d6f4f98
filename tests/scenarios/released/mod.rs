//! Ledgers that earlier releases wrote, kept as they were: what they say is the same for ever.
//!
//! `tests/fixtures/releases/<version>` has a data directory, packed, and beside it what the release's own commands said of
//! it. `BLESS_RELEASE=<version> cargo nextest run -p tests --run-ignored only -E 'test(a_release_is_kept)'` adds one of this
//! binary; one that is there is never written again.

mod life;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::archived::verify;
use super::replayed::{audit, remove_made, replay};
use super::world::{CONTRACT, Distributor, World};
use crate::tree::{folders, root, text};

const RELEASES: &str = "tests/fixtures/releases";
/// Facts that no fixture holds, and why; `proto/golden` has the bytes of each.
const NOWHERE: [(&str, &str); 6] = [
    ("session_opened", "up to 0.1.0 signing in was not recorded"),
    ("session_ended", "up to 0.1.0 signing out was not recorded"),
    ("check_failed", "a check ends so when it has crashed three times"),
    ("chunk_failed", "a chunk ends so when its writing has crashed three times"),
    ("billing_refused", "up to 0.1.0 refused closings were not recorded"),
    ("writer_changed", "only a process over NATS takes over from another one"),
];
/// zstd's strongest: the same catalog stands in many logs, far from one another.
const LEVEL: i32 = 22;

/// A release's ledger, unpacked.
struct Release {
    /// What the release said of it.
    said: Value,
    dir: tempfile::TempDir,
}

impl Release {
    fn unpacked(name: &str) -> Self {
        let folder = root().join(RELEASES).join(name);
        let dir = tempfile::tempdir().expect("a folder");
        unpack(&folder, dir.path());
        let said = std::fs::read(folder.join("said.json")).expect("what was said");
        Self { said: serde_json::from_slice(&said).expect("JSON"), dir }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Whether its workbooks were written by the version of the writer that writes now.
    fn writes_the_same(&self) -> bool {
        self.said["writer"] == json!(workbook::usage::WRITER_VERSION)
    }
}

fn releases() -> Vec<Release> {
    let names = folders(RELEASES);
    assert!(!names.is_empty(), "no release is kept in {RELEASES}");
    names.iter().map(|name| Release::unpacked(name)).collect()
}

/// Packs a data directory, without the caches that a process makes again; the files of sled are mostly holes.
fn pack(data: &Path, folder: &Path) {
    let mut tar = Command::new("tar");
    tar.args(["--sparse", "--exclude=data/cache", "--exclude=*.sock", "--owner=0", "--group=0", "-cf", "-"]);
    tar.arg("-C").arg(data.parent().expect("a folder")).arg("data");
    let output = tar.output().expect("tar runs");
    assert!(output.status.success(), "{output:?}");
    let packed = zstd::encode_all(output.stdout.as_slice(), LEVEL).expect("it is packed");
    std::fs::write(folder.join("data.tar.zst"), packed).expect("a file");
}

fn unpack(folder: &Path, to: &Path) {
    let packed = std::fs::read(folder.join("data.tar.zst")).expect("a packed ledger");
    let mut tar = Command::new("tar").args(["-xf", "-", "-C"]).arg(to).stdin(Stdio::piped()).spawn().expect("tar runs");
    zstd::stream::copy_decode(packed.as_slice(), tar.stdin.take().expect("a pipe")).expect("it is unpacked");
    assert!(tar.wait().expect("tar ends").success());
}

/// What the commands say of a data directory.
fn said(data: &Path) -> Value {
    let (replayed, code) = replay(&[data.to_owned()], &["--workbooks", "--put-back"]);
    assert_eq!(code, 0, "{replayed:#}");
    let (verified, code) = verify("--data", data);
    assert_eq!((code, &verified["findings"]), (0, &json!([])), "{verified:#}");
    json!({ "logs": verified["logs"], "replayed": replayed, "writer": workbook::usage::WRITER_VERSION })
}

/// The kinds of the facts in a data directory.
fn facts(data: &Path) -> BTreeSet<String> {
    let lines = String::from_utf8(audit(&[data.to_owned()], &["export"]).stdout).expect("text");
    let fact = |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["fact"].as_str().map(str::to_owned);
    lines.lines().filter_map(fact).collect()
}

/// The kinds of facts that there are on the wire, retired ones as well.
fn kinds() -> Vec<String> {
    let proto = text("proto/usage/v1/event.proto");
    let facts = proto.split_once("oneof fact {").expect("the facts").1;
    let facts = facts.lines().take_while(|line| !line.starts_with("  }")).filter(|line| !line.contains("//"));
    facts.filter_map(|line| line.split_whitespace().nth(1)).map(str::to_owned).collect()
}

#[test]
#[ignore = "adds a fixture"]
fn a_release_is_kept() {
    let name = std::env::var("BLESS_RELEASE").expect("BLESS_RELEASE names the release");
    let folder = root().join(RELEASES).join(&name);
    assert!(!folder.exists(), "{name} is kept already, and never written again");
    let mut world = World::spread_tuned(life::PARTITIONS, life::tune);
    life::live(&mut world);
    world.stop();
    let data = world.path("data");
    std::fs::create_dir_all(&folder).expect("a folder");
    let dirs = [data.clone()];
    remove_made(&dirs, &replay(&dirs, &["--workbooks"]).0);
    pack(&data, &folder);
    // What is said is said of the copy, so that nothing that was left out of it counts.
    let copy = tempfile::tempdir().expect("a folder");
    unpack(&folder, copy.path());
    let said = serde_json::to_string_pretty(&said(&copy.path().join("data"))).expect("JSON");
    std::fs::write(folder.join("said.json"), said + "\n").expect("a file");
}

/// Goal: every kind of fact that was ever written is read for ever. Method: the fixtures hold every fact of the wire but
/// those that are named here.
#[test]
fn the_releases_hold_every_kind_of_fact() {
    let held: BTreeSet<String> = releases().iter().flat_map(|release| facts(&release.data())).collect();
    let missing: Vec<String> = kinds().into_iter().filter(|kind| !held.contains(kind)).collect();
    assert_eq!(missing, NOWHERE.map(|(kind, _)| kind), "add a release that has lived through it (BLESS_RELEASE)");
}

/// Goal: what a release wrote folds to the same state for ever. Method: of a copy, and of a ledger that is made of the
/// segments of the copy alone, today's commands say what the release said, to the last digest; every workbook that it made
/// is made again to the last byte, unless they are written otherwise by now.
#[test]
fn what_a_release_wrote_folds_to_the_same_digests() {
    for release in releases() {
        let data = release.data();
        let restored = data.with_extension("restored");
        let output = audit(std::slice::from_ref(&restored), &["restore", "--from", data.to_str().expect("text")]);
        assert!(output.status.success(), "{output:?}");
        let (dirs, same) = ([data], release.writes_the_same());
        let words: &[&str] = if same { &["--workbooks", "--put-back"] } else { &[] };
        let (replayed, code) = replay(&dirs, words);
        assert!(code == 0 && (!same || replayed == release.said["replayed"]), "{replayed:#}");
        let (verified, code) = verify("--data", &dirs[0]);
        assert_eq!((code, &verified["logs"]), (0, &release.said["logs"]), "{verified:#}");
        assert!(!same || verified["findings"] == json!([]), "{verified:#}");
        for found in [replayed, replay(&[restored], &[]).0] {
            for what in ["digests", "positions"] {
                assert_eq!(found[what], release.said["replayed"][what]);
            }
        }
    }
}

/// Goal: a release's data directory is one of ours. Method: the product starts on it, knows what the release knew, and
/// takes a file on from where it was left.
#[test]
fn the_product_goes_on_where_a_release_stopped() {
    for release in releases() {
        let mut world = World::found(&release.data(), life::PARTITIONS);
        world.let_pass(86_400);
        let shown = |(files, catalog): (ledger::Hash, ledger::Hash)| json!({ "files": files.to_string(), "catalog": catalog.to_string() });
        assert_eq!(shown(world.digests()), release.said["replayed"]["digests"]["gateway"]);
        let waiting = world.get(Distributor, "usage/files?status=pending&limit=1").expect(200);
        let file = waiting[0]["id"].as_str().expect("a file that waits").to_owned();
        world.act(Distributor, &file, "accept").expect(201);
        world.close(Distributor, &file);
        world.reach(&file, "closed");
        world.accepted(CONTRACT, "after", 20);
        let known = world.digests();
        world.restart();
        assert_eq!(world.digests(), known);
    }
}
