//! Goal: bytes written by any released version are read for ever, and what we write doesn't change unnoticed.
//! Method: one frozen file for each sample; `BLESS=1 cargo test -p proto` writes those that are missing and never
//! changes one, unless BLESS=force, which is for samples that were never released.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::{env, fs};

use super::messages;
use crate::ask::{Carry, CarryReply, Lookup, LookupReply, Pass, PassReply, Read, ReadReply};
use crate::convert::{checked, frame, read};
use crate::{
    decode_ask, decode_checked_batch, decode_event, decode_read_batch, decode_reply, decode_report,
    decode_report_reply, encode_checked_batch, encode_event, encode_read_batch, samples,
};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden/v1")
}

/// The frozen bytes of a sample; with BLESS those that are missing are written first.
fn frozen(name: &str, bytes: &[u8]) -> Vec<u8> {
    let path = folder().join(name).with_extension("bin");
    let bless = env::var("BLESS").unwrap_or_default();
    if bless == "force" || (!bless.is_empty() && !path.exists()) {
        fs::create_dir_all(folder()).unwrap();
        fs::write(&path, bytes).unwrap();
    }
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; BLESS=1 writes what is missing", path.display()))
}

#[test]
fn every_event_has_the_bytes_that_were_frozen() {
    for (name, event) in samples::events() {
        let bytes = encode_event(&event);
        let frozen = frozen(&name, &bytes);
        assert_eq!(decode_event(&frozen).unwrap(), event, "{name}");
        assert_eq!(bytes, frozen, "{name}");
    }
}

/// The compressed bytes may differ with zstd's version; what is inside may not.
#[test]
fn every_batch_holds_the_bytes_that_were_frozen() {
    let batch = samples::read_batch();
    let stored = frozen("read_batch", &encode_read_batch(&batch).unwrap());
    assert_eq!(decode_read_batch(&stored).unwrap(), batch);
    assert_eq!(frame::decompress(&stored).unwrap(), read::plain(&batch).unwrap());

    let checked_batches =
        [("checked_batch", samples::checked_batch()), ("checked_batch_warnings", samples::checked_batch_warnings())];
    for (name, batch) in checked_batches {
        let stored = frozen(name, &encode_checked_batch(&batch).unwrap());
        assert_eq!(decode_checked_batch(&stored).unwrap(), batch, "{name}");
        assert_eq!(frame::decompress(&stored).unwrap(), checked::plain(&batch).unwrap(), "{name}");
    }
}

#[test]
fn every_message_has_the_bytes_that_were_frozen() {
    for message in messages::all().into_iter().chain(messages::reports()) {
        let frozen = frozen(&message.name, &message.bytes);
        let (says, _) = (message.read)(&frozen).unwrap();
        assert_eq!(says, message.says, "{}", message.name);
        assert_eq!(message.bytes, frozen, "{}", message.name);
    }
}

/// How a large report comes, with the records of the small one.
#[test]
fn a_compressed_report_says_the_same() {
    let read = |name: &str| decode_ask(&fs::read(folder().join(name)).unwrap()).unwrap();
    let (compressed, plain) = (read("ask_report_records_compressed.bin"), read("ask_report_records.bin"));
    assert_eq!(format!("{compressed:?}"), format!("{plain:?}"));
}

/// The commands and refusals of `command.proto` are those that have a sample.
#[test]
fn every_command_and_every_refusal_of_the_contract_has_a_sample() {
    let contract = include_str!("../../usage/v1/command.proto");
    let sampled = samples::asks().iter().map(|(_, ask)| samples::command_name(&ask.command).to_owned()).collect();
    assert_eq!(oneof(contract, "command"), sampled);

    let mut refusals = oneof(contract, "rejection");
    assert!(refusals.remove("plain"));
    let prefix = "  PLAIN_REJECTION_";
    let plain = contract.lines().filter_map(|line| line.strip_prefix(prefix)?.split(' ').next());
    refusals.extend(plain.map(str::to_lowercase).filter(|name| name != "unspecified"));
    let replies = samples::replies();
    let sampled = replies.iter().filter_map(|(_, it)| it.as_ref().err()).map(samples::rejection_name);
    assert_eq!(refusals, sampled.map(str::to_owned).collect());
}

/// The facts of `event.proto` are those that have a sample: whoever adds one is sent here.
#[test]
fn every_fact_of_the_contract_has_a_sample() {
    let contract = oneof(include_str!("../../usage/v1/event.proto"), "fact");
    let sampled = samples::events().iter().map(|(_, event)| samples::fact_name(&event.fact).to_owned()).collect();
    assert_eq!(contract, sampled);

    let kinds = oneof(include_str!("../../usage/v1/catalog.proto"), "object");
    let golden = samples::events().into_iter().map(|(name, _)| name);
    // Of what has grown there is another sample.
    let kind = |name: String| Some(name.strip_prefix("object_recorded_")?.trim_end_matches("_scoped").to_owned());
    let sampled: BTreeSet<String> = golden.filter_map(kind).collect();
    assert_eq!(kinds, sampled);
}

fn oneof(proto: &str, name: &str) -> BTreeSet<String> {
    let (_, body) = proto.split_once(&format!("oneof {name} {{")).unwrap();
    let (body, _) = body.split_once('}').unwrap();
    let field =
        |line: &str| line.split_once(" = ").and_then(|(field, _)| field.split_whitespace().nth(1)?.parse().ok());
    body.lines().filter(|line| !line.trim().starts_with("//")).filter_map(field).collect()
}

/// Also those of facts that nobody emits any more: they stand in somebody's log.
#[test]
fn every_frozen_file_is_still_read() {
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let (name, bytes) = (path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap());
        let read = match name.as_str() {
            name if name.starts_with("read_batch") => decode_read_batch(&bytes).map(drop),
            name if name.starts_with("checked_batch") => decode_checked_batch(&bytes).map(drop),
            name if name.starts_with("ask_") => decode_ask(&bytes).map(drop),
            name if name.starts_with("reply_") => decode_reply(&bytes).map(drop),
            name if name.starts_with("question_lookup_reply") => LookupReply::decode(&bytes).map(drop),
            name if name.starts_with("question_lookup") => Lookup::decode(&bytes).map(drop),
            name if name.starts_with("question_read_reply") => ReadReply::decode(&bytes).map(drop),
            name if name.starts_with("question_read") => Read::decode(&bytes).map(drop),
            name if name.starts_with("question_pass_reply") => PassReply::decode(&bytes).map(drop),
            name if name.starts_with("question_pass") => Pass::decode(&bytes).map(drop),
            name if name.starts_with("question_carry_reply") => CarryReply::decode(&bytes).map(drop),
            name if name.starts_with("question_carry") => Carry::decode(&bytes).map(drop),
            // Facts are called report_… too.
            "report_whole" | "report_least" => decode_report(&bytes).map(drop),
            name if name.starts_with("told_") => decode_report_reply(&bytes).map(drop),
            _ => decode_event(&bytes).map(drop),
        };
        assert!(read.is_ok(), "{name}: {read:?}");
    }
}
