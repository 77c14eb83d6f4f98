//! Goal: a submit that comes before its file is ready is carried out once, or dropped with a reason (design §7).
//! Method: what is given, then what approval does by itself.

use ledger::catalog::{CatalogObject, Environment, OverlapPolicy, Schema};
use ledger::{Command, Fact, Status};

use super::world::{OCTOBER, World, file, listing, other_file, outcome, product, vendor};

const SUBMIT: fn() -> Command = || Command::SubmitFile { file: file() };

/// A file whose submit is remembered while it is read.
fn remembered() -> World {
    let mut world = World::at(Status::Processing, Environment::Production);
    assert_eq!(outcome(&world.does(&vendor(), &SUBMIT())), "SubmitRemembered");
    assert_eq!(world.goes_on(), []);
    world
}

#[test]
fn it_is_carried_out_once_the_file_is_ready() {
    let mut world = remembered();
    // A second submit gives the same answer.
    assert_eq!(world.does(&vendor(), &SUBMIT()), Ok(vec![]));
    world.read(1);
    assert_eq!(world.goes_on(), []);
    world.checked(1, 0);
    assert_eq!(world.goes_on(), [Fact::FileSubmitted { upload: 1 }]);
    assert_eq!((world.status(), world.does(&vendor(), &SUBMIT())), (Status::Pending, Ok(vec![])));
    // It is the act of who asked for it, not of the service that carried it out.
    let submitted = world.ledger.file(file()).unwrap().approval.submitted_at.clone().unwrap();
    assert_eq!(submitted.by, vendor().actor);
}

#[test]
fn it_is_dropped_when_the_file_is_invalid() {
    for unreadable in [false, true] {
        let mut world = remembered();
        if unreadable {
            let detail = "the file is empty (0 bytes); upload it again".to_owned();
            world.given(Fact::FileUnreadable { upload: 1, attempt: 1, detail });
        } else {
            world.read(1);
            world.checked(1, 1);
        }
        let told = world.goes_on();
        assert!(matches!(&told[..], [Fact::SubmitDropped { upload: 1, .. }]), "{told:?}");
        assert_eq!(world.status(), Status::Invalid);
        // The fault of the file comes before that of the submit.
        let detail = world.ledger.file(file()).unwrap().error_detail().unwrap();
        let expected = "USG_FILE_005: Contract ID: CRD-1 and Product ID: PRD-1 can not be validated. The file is";
        assert_eq!(detail.starts_with(expected), unreadable, "{detail}");
    }
}

#[test]
fn it_is_dropped_when_usage_may_no_longer_be_reported() {
    let mut world = remembered();
    world.knows(CatalogObject::Listing(listing(false)));
    world.read(1);
    world.checked(1, 0);
    let told = world.goes_on();
    let [Fact::SubmitDropped { reason, .. }] = &told[..] else { panic!("{told:?}") };
    assert_eq!(reason, "Product PRD-1 is not listed under contract CRD-1. Activate its listing first.");
    assert_eq!(world.status(), Status::Ready);
}

#[test]
fn another_upload_cancels_it() {
    let mut world = remembered();
    world.ready(2);
    assert_eq!((world.goes_on(), world.status()), (vec![], Status::Ready));
}

#[test]
fn a_job_of_an_earlier_upload_changes_nothing() {
    let mut world = remembered();
    world.uploaded(2);
    world.read(1);
    world.checked(1, 0);
    assert_eq!((world.goes_on(), world.status()), (vec![], Status::Uploaded));
}

#[test]
fn a_verdict_that_another_file_overtook_is_made_again_first() {
    use OverlapPolicy::{Enforce, Off, Warn};
    for (overlap, late, other, environment, again) in [
        (Enforce, false, Status::Pending, Environment::Production, true),
        (Enforce, true, Status::Accepted, Environment::Production, true),
        (Enforce, false, Status::Pending, Environment::Preview, false),
        (Enforce, false, Status::Ready, Environment::Production, false),
        (Warn, false, Status::Pending, Environment::Production, false),
        (Warn, false, Status::Closed, Environment::Production, true),
        (Off, true, Status::Closed, Environment::Production, false),
    ] {
        let mut world = World::at(Status::Ready, Environment::Production);
        world.found(1, 0, Some(OCTOBER));
        let mut sold = product(Some(Schema::Qt));
        (sold.capabilities.overlap, sold.capabilities.late) = (overlap, late);
        world.knows(CatalogObject::Product(sold));
        world.about = other_file();
        world.draft(environment, false);
        world.goes_to(other);
        world.about = file();
        let facts: Vec<Fact> = world.does(&vendor(), &SUBMIT()).unwrap().into_iter().map(|(_, fact)| fact).collect();
        let what = format!("{overlap:?}, late {late}, {other:?} in {environment:?}");
        if !again {
            assert_eq!(facts, [Fact::FileSubmitted { upload: 1 }], "{what}");
            continue;
        }
        let expected =
            matches!(&facts[..], [Fact::UploadOpened(it), Fact::SubmitRemembered { upload: 2 }] if it.upload == 2);
        assert!(expected, "{what}: {facts:?}");
        assert_eq!(world.status(), Status::Uploaded, "{what}");
    }
}
