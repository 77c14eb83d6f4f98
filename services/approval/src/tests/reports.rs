//! Goal: one file collects the records of a contract, product, period and environment, until it is sealed. Method: what
//! is asked, a row each, and what comes of it.

use ledger::catalog::{CatalogObject, Environment};
use ledger::command::OpenReport;
use ledger::fact::FileDescribed;
use ledger::{Command, Fact, Hash, Scope, Status};

use super::world::{OCTOBER, World, days, file, id, listing, operator, other_vendor, outcome, provider, vendor};

fn report() -> OpenReport {
    OpenReport { product: id("PRD-1"), contract: id("CRD-1"), period: OCTOBER, currency: None, environment: None }
}

fn open(change: impl FnOnce(&mut OpenReport)) -> Command {
    let mut report = report();
    change(&mut report);
    Command::OpenReport(Box::new(report))
}

/// A file that collects, with records in it or none.
fn collecting(records: bool) -> World {
    let mut world = World::new();
    assert_eq!(outcome(&world.does(&vendor(), &open(|_| {}))), "FileCreated, ReportOpened");
    if records {
        world.given(Fact::ReadStarted { upload: 1, attempt: 1 });
    }
    world
}

#[test]
fn one_file_is_open_for_what_it_is_about() {
    let world = collecting(false);
    assert_eq!((world.status(), world.ledger.file(file()).unwrap().collects()), (Status::Draft, true));
    let rows: [(&str, Command, Scope); 7] = [
        ("nothing", open(|_| {}), vendor()),
        ("nothing", open(|it| it.environment = Some(Environment::Production)), operator()),
        ("FileCreated, ReportOpened", open(|it| it.period = days(0, 6)), vendor()),
        ("FileCreated, ReportOpened", open(|it| it.environment = Some(Environment::Test)), vendor()),
        ("refused: FieldInvalid", open(|it| it.contract = id("CRD-9")), vendor()),
        ("refused: FieldInvalid", open(|_| {}), other_vendor()),
        ("refused: RoleNotAllowed", open(|_| {}), provider()),
    ];
    for (expected, command, scope) in rows {
        assert_eq!(outcome(&world.asks(&scope, &command)), expected, "{command:?} by {scope:?}");
    }
}

#[test]
fn a_file_collects_only_where_usage_may_be_reported() {
    let mut world = World::new();
    world.knows(CatalogObject::Listing(listing(false)));
    assert_eq!(outcome(&world.asks(&vendor(), &open(|_| {}))), "refused: ListingInactive");
}

#[test]
fn what_is_asked_of_a_file_that_collects() {
    let upload = || Command::OpenUpload { file: file(), blob: Hash::of(b"w"), bytes: 1, filename: String::new() };
    let note = || FileDescribed { note: Some("n".to_owned()), ..FileDescribed::default() };
    let rows: [(Command, &str, &str); 6] = [
        (Command::SealReport { file: file() }, "refused: NothingReported", "ReportSealed"),
        (Command::SubmitFile { file: file() }, "refused: NothingReported", "ReportSealed, SubmitRemembered"),
        (upload(), "refused: ReportUnsealed", "refused: ReportUnsealed"),
        (Command::ReprocessFile { file: file() }, "refused: WrongStatus", "refused: WrongStatus"),
        (Command::DescribeFile { file: file(), described: Box::new(note()) }, "FileDescribed", "FileDescribed"),
        (Command::DeleteFile { file: file() }, "FileDeleted", "FileDeleted"),
    ];
    for (command, empty, filled) in rows {
        for (records, expected) in [(false, empty), (true, filled)] {
            let decided = collecting(records).asks(&vendor(), &command);
            assert_eq!(outcome(&decided), expected, "{} with records: {records}", command.action());
        }
    }
    let seal = Command::SealReport { file: file() };
    assert_eq!(outcome(&collecting(true).asks(&provider(), &seal)), "refused: NotFound");
    // A draft that waits for a workbook has nothing to seal.
    let draft = World::at(Status::Draft, Environment::Production);
    assert_eq!(outcome(&draft.asks(&vendor(), &seal)), "refused: NothingReported");
}

#[test]
fn a_sealed_file_is_read_and_a_new_one_can_be_opened() {
    let mut world = collecting(true);
    let position = world.ledger.catalog.position;
    let seal = Command::SealReport { file: file() };
    let sealed = Fact::ReportSealed { upload: 1, catalog_position: position };
    assert_eq!(world.does(&vendor(), &seal).unwrap().into_iter().map(|it| it.1).collect::<Vec<_>>(), [sealed]);
    assert_eq!(world.status(), Status::Processing);
    assert_eq!(outcome(&world.asks(&vendor(), &seal)), "refused: WrongStatus");
    assert_eq!(outcome(&world.asks(&vendor(), &open(|_| {}))), "FileCreated, ReportOpened");
}

#[test]
fn a_submit_waits_for_what_was_reported() {
    let mut world = collecting(true);
    world.does(&vendor(), &Command::SubmitFile { file: file() }).unwrap();
    world.read(1);
    world.checked(1, 0);
    assert_eq!(world.goes_on(), [Fact::FileSubmitted { upload: 1 }]);
}

/// A sealed file that was checked.
fn checked(invalid: u32) -> World {
    let mut world = collecting(true);
    world.does(&vendor(), &Command::SealReport { file: file() }).unwrap();
    world.read(1);
    world.checked(1, invalid);
    world
}

#[test]
fn reported_records_are_checked_again_as_another_upload_that_takes_no_more() {
    let period = FileDescribed { period: Some(days(0, 14)), ..FileDescribed::default() };
    let describe = Command::DescribeFile { file: file(), described: Box::new(period) };
    for (command, expected) in [
        (Command::ReprocessFile { file: file() }, "ReportOpened, ReportSealed"),
        (describe, "FileDescribed, ReportOpened, ReportSealed"),
    ] {
        let mut world = checked(0);
        assert_eq!(outcome(&world.does(&vendor(), &command)), expected);
        let known = world.ledger.file(file()).unwrap();
        assert_eq!((known.upload(), known.collects(), known.status()), (2, false, Status::Uploaded));
    }
}

#[test]
fn an_invalid_one_is_mended_with_a_workbook() {
    let mut world = checked(1);
    world.uploaded(2);
    let known = world.ledger.file(file()).unwrap();
    assert_eq!(
        (known.status(), known.approval.reported, known.approval.sealed_at.is_some()),
        (Status::Uploaded, false, false)
    );
}
