//! `usage-ledger audit history`, `audit state` and `audit trace`, as an auditor at a terminal and a script ask them.

use std::process::Command;

use serde_json::{Value, json};

use super::world::{CONTRACT, Distributor, OtherDistributor, Party, Vendor, World};
use crate::kills::binary;

/// What a command said and ended with.
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    fn done(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{}", self.out);
        self.out
    }

    /// A line for each.
    fn lines(self) -> Vec<Value> {
        self.done().lines().map(|line| serde_json::from_str(line).expect("JSON in each line")).collect()
    }

    fn json(self) -> Value {
        serde_json::from_str(&self.done()).expect("JSON")
    }
}

fn ask(url: &str, key: &str, words: &[&str]) -> Said {
    run(url, key, &[&["audit"], words].concat())
}

fn run(url: &str, key: &str, words: &[&str]) -> Said {
    let mut command = Command::new(binary());
    command.args(words).args(["--url", url]).env("USAGE_LEDGER_KEY", key);
    let output = command.output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Said { code: output.status.code().expect("it ended"), out: text(output.stdout), err: text(output.stderr) }
}

/// A ledger with a file that was rejected, uploaded again, accepted and closed.
struct Told {
    world: World,
    file: String,
    chunk: String,
    record: String,
    /// The vendor's id of the record.
    record_id: String,
    /// While it was rejected.
    rejected_at: String,
}

impl Told {
    fn new() -> Self {
        let world = World::new();
        let file = world.pending(CONTRACT, "asked", 12);
        let note = json!({ "rejection_note": "too much" });
        world.post(Distributor, &format!("usage/files/{file}/reject"), &note).expect(201);
        let rejected_at = world.now();
        assert_eq!(world.act(Distributor, &file, "accept").status, 400);
        world.upload(&file, &world.generate(CONTRACT, "corrected", 10).0).expect(201);
        assert_eq!(world.checked(&file)["status"], "ready");
        world.submit(&file);
        let said = run(&world.product().url(), Distributor.key(), &["file", "accept", &file]);
        assert_eq!(said.code, 0, "{}", said.err);
        let chunk = world.chunks(Distributor, &file)[0]["id"].as_str().expect("an id").to_owned();
        world.close(Distributor, &file);
        world.reach(&file, "closed");
        let of_chunk =
            world.ours(Distributor, "GET", &format!("usage/provenance/{chunk}:2"), super::http::Body::Nothing);
        let record = of_chunk.expect(200)[0]["record"].as_str().expect("an id").to_owned();
        let shown = world.get(Vendor, &format!("usage/records/{record}")).expect(200);
        let record_id = shown["record_id"].as_str().expect("an id").to_owned();
        Self { world, file, chunk, record, record_id, rejected_at }
    }

    fn ask(&self, party: Party, words: &[&str]) -> Said {
        ask(&self.world.product().url(), party.key(), words)
    }
}

/// The line of a text that has something in it.
fn line<'a>(text: &'a str, part: &str) -> &'a str {
    let mut found = text.lines().filter(|line| line.contains(part));
    found.next().unwrap_or_else(|| panic!("nothing has {part:?} in\n{text}"))
}

/// The status that a state shows.
fn status(text: &str) -> &str {
    let mut found = text.lines().filter_map(|line| line.strip_prefix("status "));
    found.next().unwrap_or_else(|| panic!("no status in\n{text}")).trim()
}

#[test]
fn an_auditor_at_a_terminal_is_told_what_happened() {
    let told = Told::new();
    let text = told.ask(Distributor, &["history", &told.file]).done();
    let rejected = line(&text, "rejected the file");
    for part in ["approval-0:", "pending → rejected", "SU-000-000-002 (api): rejected the file; too much"] {
        assert!(rejected.contains(part), "{part:?} in {rejected}");
    }
    assert!(line(&text, "accepted the file").contains("SU-000-000-002 (cli): accepted"), "{text}");
    assert!(line(&text, "was refused").contains("was refused: accept, once; USG_003"), "{text}");
    assert!(text.starts_with("2026-11-22 ") && line(&text, "submitted the file").contains("ready → pending"), "{text}");
    assert!(!text.contains("created the file") && text.contains("closed chunk"), "each side sees its own:\n{text}");
    let vendors = told.ask(Vendor, &["history", &told.file]).done();
    assert!(vendors.contains("created the file") && !vendors.contains("opened chunk"), "{vendors}");
    let of_record = told.ask(Vendor, &["history", &told.record]).done();
    assert!(of_record.contains("approved → closed") && !of_record.contains("rejected the file"), "{of_record}");

    let only = told.ask(Distributor, &["history", &told.file, "why=too much", "--json"]).lines();
    let [one] = &only[..] else { panic!("one has it: {only:#?}") };
    let seen = told.ask(Distributor, &["history", &told.file, "--json"]).lines();
    assert_eq!((&one["fact"], seen.len()), (&json!("FileRejected"), text.lines().count()));
    let then = told.ask(Distributor, &["history", &told.file, "--as-of", &told.rejected_at, "--json"]).lines();
    assert_eq!(then.last(), Some(one), "that was the last that was known then");
    // The command that a line names shows the state that it led to.
    let words: Vec<&str> = one["reproduce"].as_str().expect("a command").split(' ').skip(2).collect();
    assert_eq!(status(&told.ask(Vendor, &words).done()), "rejected", "{words:?}");
}

#[test]
fn an_auditor_at_a_terminal_is_told_how_something_stood() {
    let told = Told::new();
    let then = told.ask(Vendor, &["state", &told.file, "--as-of", &told.rejected_at]).done();
    assert_eq!(status(&then), "rejected");
    let positions = line(&then, "as of ").trim_start_matches("as of ");
    let json = told.ask(Vendor, &["state", &told.file, "--as-of", positions, "--json"]).json();
    assert_eq!((&json["status"], &json["id"]), (&json!("rejected"), &json!(told.file)));
    for (party, id, expected) in [
        (Vendor, &told.file, "closed"),
        (Distributor, &told.file, "closed"),
        (Distributor, &told.chunk, "closed"),
        (Vendor, &told.record, "closed"),
    ] {
        let now = told.ask(party, &["state", id]).done();
        assert!(status(&now) == expected && !now.contains("as of "), "{now}");
    }
}

#[test]
fn an_auditor_at_a_terminal_is_led_from_the_line_to_the_cell_and_back() {
    let told = Told::new();
    let row = told.record.rsplit('-').next().expect("a row").trim_start_matches('0').to_owned();
    let of_chunk = format!("{}:2", told.chunk);
    let text = told.ask(Distributor, &["trace", &of_chunk]).done();
    assert_eq!(text.lines().next(), Some(format!("{}  closed, of {}", told.record, told.file).as_str()));
    assert!(line(&text, " record_id ").ends_with(&format!(" {}", told.record_id)), "{text}");
    assert!(
        line(&text, " record_id ").trim_start().starts_with('A') && line(&text, "  row ").ends_with(&row),
        "{text}"
    );
    for (part, holds) in [("  chunk ", of_chunk.as_str()), ("  read ", "ingestion-0:"), ("  closed ", "extraction-0:")]
    {
        assert!(line(&text, part).contains(holds), "{text}");
    }
    let json = told.ask(Distributor, &["trace", &told.record, "--json"]).json();
    let uploaded = format!("{}:{row}", json[0]["workbook"]["sha256"].as_str().expect("a digest"));
    let by_id = |of: &str| vec!["trace".to_owned(), of.to_owned(), "--record-id".to_owned(), told.record_id.clone()];
    let ways = [vec!["trace".to_owned(), uploaded], by_id(&told.file), by_id(CONTRACT)];
    for words in ways {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_eq!(told.ask(Distributor, &words).done(), text, "{words:?}");
        let vendors = told.ask(Vendor, &words).done();
        assert!(
            vendors.contains(&told.record) && !vendors.contains("  chunk "),
            "chunks are the provider's: {vendors}"
        );
    }
    let before = told.ask(Distributor, &["trace", &told.record, "--as-of", "2020-01-01"]);
    assert!(before.code == 5 && before.err.contains("was there by then"), "{}", before.err);
}

#[test]
fn who_asks_wrongly_is_told_what_to_do() {
    let told = Told::new();
    let url = told.world.product().url();
    let (vendor, stranger) = (Vendor.key(), OtherDistributor.key());
    let unknown = "UF-2026-11-0000-0999";
    let record = told.record.as_str();
    let cases: [(&str, &str, &[&str], i32, &str); 17] = [
        (&url, vendor, &["history", unknown], 5, "check the id and the key"),
        (&url, vendor, &["state", unknown], 5, "check the id and the key"),
        (&url, vendor, &["trace", "UR-2026-11-0000-0999-0000-0002"], 5, "check the id and the key"),
        (&url, stranger, &["history", &told.file], 5, "each side sees its own files"),
        (&url, stranger, &["trace", record], 5, "each side sees its own files"),
        (&url, vendor, &["trace", CONTRACT, "--record-id", "nobody's"], 5, "there is no nobody's in CRD-"),
        (&url, vendor, &["history", "october"], 2, "a usage file (UF-…)"),
        (&url, vendor, &["history", &told.chunk], 2, "that of a chunk is in its file's"),
        (&url, vendor, &["state", "UF-2026-11-0000-0000?x=y"], 2, "a usage file (UF-…)"),
        (&url, vendor, &["trace", &told.file], 2, "--record-id"),
        (&url, vendor, &["trace", record, "--record-id", "r-1"], 2, "leave --record-id out"),
        (&url, vendor, &["trace", "october.xlsx"], 2, "row of a workbook (SHA256:17)"),
        (&url, vendor, &["state", &told.file, "--as-of", "yesterday"], 5, "give an instant"),
        (&url, vendor, &["state", &told.file, "--as-of", "2100-01-01"], 5, "in the future"),
        (&url, "SU-000-000-001:wrong", &["state", &told.file], 4, "USAGE_LEDGER_KEY"),
        (&url, "", &["history", &told.file], 1, "usage-ledger key issue"),
        ("http://127.0.0.1:1", vendor, &["trace", record], 6, "is the ledger running there?"),
    ];
    for (url, key, words, code, said) in cases {
        let answer = ask(url, key, words);
        assert_eq!((answer.code, answer.out.as_str()), (code, ""), "{words:?}: {}", answer.err);
        assert!(answer.err.contains(said), "{words:?}: {}", answer.err);
    }
}
