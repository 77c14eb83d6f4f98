//! Goal: a submit that comes before its file is ready is carried out once, or dropped with a reason (design §7).
//! Method: what is given, then what approval does by itself.

use ledger::catalog::{CatalogObject, Environment};
use ledger::{Command, Fact, Status};

use super::world::{World, file, listing, outcome, vendor};

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
