//! Goal: what is asked of a file gives one fact or one refusal, the first in order of precedence. Method: a row each.

use ledger::catalog::{CatalogObject, ContractKind, Environment};
use ledger::command::CreateFile;
use ledger::fact::{FileDescribed, Period, UploadOpened};
use ledger::{Command, Fact, Hash, Moment, Rejection, Scope, Status, Subject};

use super::world::{NOW, World, contract, create, file, id, operator, other_vendor, outcome, provider, vendor};

fn refused(scope: &Scope, change: impl FnOnce(&mut CreateFile), expected: &str) {
    let mut asked = create();
    change(&mut asked);
    let refused = World::new().asks(scope, &Command::CreateFile(Box::new(asked))).unwrap_err();
    assert_eq!(refused.to_string(), expected);
}

#[test]
fn a_draft_is_refused_with_the_first_reason() {
    let wrong = |create: &mut CreateFile| {
        create.name = "x".repeat(101);
        create.period = Some(Period { from: NOW, to: Moment(0) });
        create.product = id("PRD-9");
        create.contract = id("CRD-9");
    };
    let forbidden = "You do not have permission to perform this action.";
    refused(&provider(), wrong, forbidden);
    let long = "name: Ensure this field has no more than 100 characters (it has 101).";
    refused(&vendor(), wrong, long);
    let turned = "period: The period ends before it begins.";
    refused(&vendor(), |it| (wrong(it), it.name.clear()).1, turned);
    refused(&vendor(), |it| it.product = id("PRD-9"), "product.id: Product PRD-9 was not found.");
    refused(&other_vendor(), |_| {}, "product.id: Product PRD-1 was not found.");
    refused(&vendor(), |it| it.contract = id("CRD-9"), "contract.id: Contract CRD-9 was not found.");
    let program = "contract.id: Usage is reported under a distribution contract (CRD-…).";
    refused(&vendor(), |it| it.contract = id("CRP-1"), program);
}

#[test]
fn a_trial_never_counts_as_production() {
    let mut world = World::new();
    let mut trial = contract("CRD-1", ContractKind::Distribution, true);
    trial.environment = Environment::Test;
    world.knows(CatalogObject::Contract(trial));
    for (asked, expected) in [
        (Some(Environment::Production), None),
        (Some(Environment::Preview), Some(Environment::Preview)),
        (None, Some(Environment::Test)),
    ] {
        let command = Command::CreateFile(Box::new(CreateFile { environment: asked, ..create() }));
        let made = world.asks(&vendor(), &command).ok().and_then(|facts| match facts.into_iter().next()?.1 {
            Fact::FileCreated(created) => Some(created.environment),
            _ => None,
        });
        assert_eq!(made, expected, "{asked:?}");
    }
}

#[test]
fn files_are_counted_within_their_month() {
    let mut world = World::new();
    for count in 0..3 {
        let facts = world.does(&operator(), &Command::CreateFile(Box::new(create()))).unwrap();
        let Some((Subject::File(id), Fact::FileCreated(created))) = facts.first() else { panic!("{facts:?}") };
        assert_eq!((id.month(), id.count()), ((2026, 11), count));
        assert_eq!(created.name, id.to_string());
    }
    world.ledger.created.insert((2026, 11, file().partition()), 1_000_000);
    assert_eq!(world.asks(&vendor(), &Command::CreateFile(Box::new(create()))), Err(Rejection::IdsUsedUp));
}

#[test]
fn a_workbook_takes_the_place_of_the_one_before() {
    let world = World::at(Status::Rejected, Environment::Production);
    let filename = "ü".repeat(300);
    let command = Command::OpenUpload { file: file(), blob: Hash::of(b"second"), bytes: 6, filename };
    let facts = world.asks(&vendor(), &command).unwrap();
    let opened = UploadOpened {
        upload: 2,
        blob: Hash::of(b"second"),
        bytes: 6,
        filename: "ü".repeat(200),
        catalog_position: world.ledger.catalog.position,
    };
    assert_eq!(facts, [(Subject::File(file()), Fact::UploadOpened(opened))]);
}

#[test]
fn a_reprocessed_file_is_read_again_against_todays_catalog() {
    for status in [Status::Invalid, Status::Ready, Status::Rejected] {
        let mut world = World::at(status, Environment::Production);
        let before = world.ledger.file(file()).unwrap().approval.upload.clone().unwrap();
        let facts = world.does(&vendor(), &Command::ReprocessFile { file: file() }).unwrap();
        let position = world.ledger.catalog.position;
        assert!(before.catalog_position < position);
        let again = UploadOpened { upload: 2, catalog_position: position, ..before };
        assert_eq!(facts, [(Subject::File(file()), Fact::UploadOpened(again))]);
        assert_eq!(world.status(), Status::Uploaded);
    }
}

#[test]
fn records_are_approved_once_and_anew_after_another_upload() {
    let mut world = World::at(Status::Pending, Environment::Production);
    let command = Command::ApproveRecords { file: file() };
    let approved = (Subject::File(file()), Fact::RecordsApproved { upload: 1 });
    assert_eq!(world.does(&provider(), &command), Ok(vec![approved]));
    assert_eq!((world.does(&provider(), &command), world.status()), (Ok(vec![]), Status::Pending));
    world.given(Fact::FileRejected { upload: 1, note: String::new() });
    world.ready(2);
    assert_eq!(world.ledger.file(file()).unwrap().approval.records_approved_at, None);
}

#[test]
fn a_note_has_200_characters_whichever_they_are() {
    let world = World::at(Status::Pending, Environment::Production);
    for (length, fits) in [(200, true), (201, false)] {
        let command = Command::AcceptFile { file: file(), note: "ü".repeat(length) };
        let decided = world.asks(&provider(), &command);
        assert_eq!(decided.is_ok(), fits, "{decided:?}");
    }
    // Who may not answer at all is told that first.
    let command = Command::AcceptFile { file: file(), note: "x".repeat(201) };
    assert_eq!(world.asks(&vendor(), &command), Err(Rejection::RoleNotAllowed));
    let described = FileDescribed { external_id: Some("x".repeat(201)), ..FileDescribed::default() };
    let command = Command::DescribeFile { file: file(), described: Box::new(described) };
    assert_eq!(outcome(&world.asks(&vendor(), &command)), "refused: FieldInvalid");
}
