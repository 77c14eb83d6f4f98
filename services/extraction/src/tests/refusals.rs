//! Who may, and when not: each command in each status, and refusals in their order of precedence.

use ledger::catalog::Environment;
use ledger::file::ChunkStatus;
use ledger::{Command, Fact, Hash, Rejection, Role, Scope, ServiceName, Status, Subject};
use runtime::decider::Decider;

use crate::ExtractionService;

use super::world::{World, billing, file, holder, provider};

fn vendor() -> Scope {
    holder("VA-1", Role::Vendor)
}

fn name(chunk: u16, external_id: &str) -> Command {
    Command::NameChunk { chunk: file().chunk(chunk), external_id: external_id.to_owned() }
}

fn close_chunk(chunk: u16, id: &str, note: &str) -> Command {
    Command::CloseChunk { chunk: file().chunk(chunk), billing: billing(id, note) }
}

fn close_records(id: &str) -> Command {
    Command::CloseRecords { file: file(), rows: vec![(2, billing(id, ""))] }
}

fn close_file() -> Command {
    Command::CloseFile { file: file() }
}

fn receive() -> Command {
    Command::ReceiveReconciliation { file: file(), blob: Hash::ZERO, bytes: 7, note: String::new() }
}

/// One command of each kind, all of them right.
fn commands() -> [Command; 5] {
    [name(1, "INV-1"), close_chunk(1, "INV-1", ""), close_records("INV-1"), close_file(), receive()]
}

#[test]
fn only_who_sees_the_file_and_plays_its_provider_may() {
    let world = World::extracted();
    for (scope, expected) in [
        (provider(), None),
        (Scope::operator(), None),
        (Scope::service(ServiceName::Extraction), None),
        (vendor(), Some(Rejection::RoleNotAllowed)),
        (holder("VA-2", Role::Vendor), Some(Rejection::NotFound)),
        (holder("PA-2", Role::Distributor), Some(Rejection::NotFound)),
        (holder("PA-2", Role::Reseller), Some(Rejection::NotFound)),
        (holder("VA-1", Role::Distributor), Some(Rejection::NotFound)),
    ] {
        for command in commands() {
            let told = world.asks(&scope, &command).err();
            let open = (command == close_file()).then_some(Rejection::RecordsOpen { open: 6 });
            assert_eq!(told, expected.clone().or(open), "{scope:?} {command:?}");
        }
    }
}

#[test]
fn outside_production_the_vendor_plays_both_sides() {
    for environment in [Environment::Test, Environment::Preview] {
        let mut world = World::at(Status::Accepted, environment);
        world.given(Fact::ExtractionStarted { upload: 1, attempt: 1 });
        let divisions = vec![super::world::division(None, 2..=7)];
        world.tells(crate::Own::Divided { file: file(), upload: 1, divisions, exempt: vec![] }).unwrap();
        world.written(1);
        assert!(world.asks(&vendor(), &close_chunk(1, "INV-1", "")).is_ok());
        assert_eq!(world.asks(&provider(), &close_chunk(1, "INV-1", "")), Err(Rejection::NotFound));
    }
}

#[test]
fn a_file_is_closed_once_it_was_accepted() {
    for status in [Status::Draft, Status::Ready, Status::Pending, Status::Rejected, Status::Deleted] {
        let world = World::at(status, Environment::Production);
        for command in commands() {
            let expected = match &command {
                Command::NameChunk { .. } | Command::CloseChunk { .. } => Rejection::NotFound,
                Command::ReceiveReconciliation { .. } => Rejection::WrongStatus { action: "reconciled", status },
                _ => Rejection::WrongStatus { action: "closed", status },
            };
            // A provider doesn't see what wasn't submitted; the operator does.
            assert_eq!(world.asks(&Scope::operator(), &command), Err(expected.clone()), "{status:?} {command:?}");
            let seen = matches!(status, Status::Pending | Status::Rejected);
            let expected = if seen { expected } else { Rejection::NotFound };
            assert_eq!(world.asks(&provider(), &command), Err(expected), "{status:?} {command:?}");
        }
    }
}

#[test]
fn nothing_is_closed_before_every_record_is_in_a_chunk() {
    for world in [World::accepted(), World::dividing()] {
        for (command, action) in
            [(close_records("INV-1"), "closed"), (close_file(), "closed"), (receive(), "reconciled")]
        {
            let refused = world.asks(&provider(), &command).unwrap_err();
            assert_eq!(refused, Rejection::ChunkStatusWrong { action, status: ChunkStatus::Draft });
            assert!(refused.transient(), "it binds no key: later there is another answer");
        }
        assert_eq!(world.asks(&provider(), &close_chunk(1, "INV-1", "")), Err(Rejection::NotFound));
    }
}

#[test]
fn a_closed_file_takes_no_reconciliation() {
    let mut world = World::extracted();
    (1..=2).for_each(|chunk| drop(world.does(&close_chunk(chunk, "INV-1", "")).unwrap()));
    let refused = world.does(&receive());
    assert_eq!(refused, Err(Rejection::WrongStatus { action: "reconciled", status: Status::Closed }));
    for command in [close_file(), close_records("INV-1"), close_records("INV-2"), close_chunk(1, "INV-1", "")] {
        assert_eq!(world.does(&command), Ok(vec![]), "the same answer again: {command:?}");
    }
}

#[test]
fn a_chunk_has_its_name_once_it_can_be_downloaded() {
    let mut world = World::divided();
    let draft = Rejection::ChunkStatusWrong { action: "updated", status: ChunkStatus::Draft };
    assert_eq!(world.does(&name(1, "INV-1")), Err(draft));
    assert_eq!(world.does(&name(1, "")), Ok(vec![]), "nothing changes");
    world.written(1);
    let named = |external_id: &str| vec![Fact::ChunkNamed { chunk: 1, external_id: external_id.to_owned() }];
    assert_eq!(world.does(&name(1, "INV-1")), Ok(named("INV-1")));
    assert_eq!(world.does(&name(1, "INV-1")), Ok(vec![]));
    assert_eq!(world.does(&name(1, "inv-1")), Ok(named("inv-1")));
    world.does(&close_chunk(1, "B-1", "")).unwrap();
    assert_eq!(world.does(&name(1, "")), Ok(named("")), "also of a closed one, and back to none");
    world.given(Fact::ChunkFailed { chunk: 2, detail: "no space".to_owned() });
    let failed = Rejection::ChunkStatusWrong { action: "updated", status: ChunkStatus::Failed };
    assert_eq!(world.does(&name(2, "INV-1")), Err(failed));
}

#[test]
fn texts_have_254_characters() {
    let fits = "ü".repeat(254);
    let long = "ü".repeat(255);
    let refused = |field: &str| {
        let message = "Ensure this field has no more than 254 characters (it has 255).";
        Rejection::field(field, message)
    };
    let world = World::extracted();
    let records = |id: &str, note: &str| Command::CloseRecords { file: file(), rows: vec![(2, billing(id, note))] };
    let receive =
        |note: &str| Command::ReceiveReconciliation { file: file(), blob: Hash::ZERO, bytes: 7, note: note.to_owned() };
    for (good, bad, field) in [
        (name(1, &fits), name(1, &long), "external_id"),
        (close_chunk(1, &fits, ""), close_chunk(1, &long, ""), "external_billing_id"),
        (close_chunk(1, "x", &fits), close_chunk(1, "x", &long), "external_billing_note"),
        (records(&fits, ""), records(&long, ""), "external_billing_id"),
        (records("", &fits), records("", &long), "external_billing_note"),
        (receive(&fits), receive(&long), "upload_note"),
    ] {
        assert!(world.asks(&provider(), &good).is_ok(), "{field}");
        assert_eq!(world.asks(&provider(), &bad), Err(refused(field)));
    }
}

/// Each row is wrong in one way less than the one before it.
#[test]
fn a_chunk_is_refused_for_the_first_reason_that_applies() {
    let long = "x".repeat(255);
    let mut world = World::divided();
    let draft = Rejection::ChunkStatusWrong { action: "closed", status: ChunkStatus::Draft };
    let required = Rejection::field("external_billing_id", "This field is required.");
    let mut last = Rejection::KeyUnknown;
    for (scope, command, expected) in [
        (holder("VA-2", Role::Vendor), close_chunk(9, "", &long), Some(Rejection::NotFound)),
        (vendor(), close_chunk(1, "", &long), Some(Rejection::RoleNotAllowed)),
        (provider(), close_chunk(9, "", &long), Some(Rejection::NotFound)),
        (provider(), close_chunk(1, "", "x"), Some(required)),
        (provider(), close_chunk(1, "INV-1", "x"), Some(draft)),
    ] {
        let refused = world.asks(&scope, &command).err();
        assert_eq!(refused, expected, "{command:?}");
        let refused = refused.unwrap();
        // A number of a chunk that isn't there comes after the role, so that no role learns what there is.
        assert!(refused == Rejection::NotFound || refused > last, "{refused:?} after {last:?}");
        last = refused;
    }
    world.written(1);
    assert!(world.asks(&provider(), &close_chunk(1, "INV-1", "x")).is_ok());
}

#[test]
fn what_is_asked_of_others_is_not_found() {
    let world = World::extracted();
    for command in [
        Command::AcceptFile { file: file(), note: String::new() },
        Command::RevokeKey { key: super::world::id("SU-1") },
    ] {
        assert_eq!(world.asks(&provider(), &command), Err(Rejection::NotFound));
    }
}

#[test]
fn a_refusal_is_noted_with_a_file_that_may_be_seen() {
    let noted = |action: &str, reason: &str| {
        let (action, reason) = (action.to_owned(), reason.to_owned());
        Some((Subject::File(file()), Fact::BillingRefused { action, reason, count: 3 }))
    };
    let status = Rejection::ChunkStatusWrong { action: "closed", status: ChunkStatus::Closed };
    for (command, rejection, expected) in [
        (close_chunk(1, "INV-1", ""), status, noted("close-chunk", "USG_030")),
        (close_file(), Rejection::RecordsOpen { open: 6 }, noted("close", "USG_032")),
        (receive(), Rejection::RoleNotAllowed, noted("reconcile", "AUTH_003")),
        (close_records("INV-1"), Rejection::NotFound, None),
        (close_records("INV-1"), Rejection::KeyUnknown, None),
        (close_records("INV-1"), Rejection::Unavailable, None),
    ] {
        assert_eq!(ExtractionService::default().refused(&command, &rejection, 3), expected, "{command:?}");
    }
}
