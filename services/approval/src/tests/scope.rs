//! Goal: nobody is told of what they may not see (design §8). Method: who sees a file, in every status and environment.

use ledger::catalog::Environment;
use ledger::{Command, Rejection, Status, Subject};
use runtime::decider::Decider;

use super::world::{World, file, operator, other_provider, other_vendor, provider, vendor};
use crate::Approval;

#[test]
fn a_provider_sees_production_files_once_submitted_and_strangers_see_none() {
    let submitted = [Status::Pending, Status::Rejected, Status::Accepted, Status::Closed];
    for environment in [Environment::Production, Environment::Preview, Environment::Test] {
        for status in Status::ALL {
            let world = World::at(status, environment);
            let known = world.ledger.file(file()).unwrap();
            let reached = environment == Environment::Production && submitted.contains(&status);
            for (scope, sees) in [
                (vendor(), true),
                (operator(), true),
                (provider(), reached),
                (other_vendor(), false),
                (other_provider(), false),
            ] {
                assert_eq!(scope.sees(known), sees, "{:?} {status:?} {environment:?}", scope.account);
            }
        }
    }
}

#[test]
fn outside_production_the_vendor_plays_both_sides() {
    for (environment, plays) in
        [(Environment::Production, false), (Environment::Preview, true), (Environment::Test, true)]
    {
        let world = World::at(Status::Pending, environment);
        assert_eq!(vendor().plays_provider(world.ledger.file(file()).unwrap()), plays, "{environment:?}");
    }
}

#[test]
fn a_refusal_is_noted_unless_its_object_is_none_of_the_callers() {
    let command = Command::AcceptFile { file: file(), note: String::new() };
    for (rejection, noted) in [
        (Rejection::KeyUnknown, false),
        (Rejection::NotFound, false),
        (Rejection::RoleNotAllowed, true),
        (Rejection::WrongStatus { action: "accepted", status: Status::Draft }, true),
        (Rejection::Unavailable, false),
    ] {
        let subject = Approval.refused(&command, &rejection, 1).map(|(subject, _)| subject);
        assert_eq!(subject, noted.then(|| Subject::File(file())), "{rejection:?}");
    }
}
