//! Goal: an estimate counts until the actual file of its time is accepted, and not a moment longer. Method: an estimate
//! and an actual file, which differ in one thing at a time.

use ledger::catalog::{CatalogObject, Environment};
use ledger::command::CreateFile;
use ledger::fact::{FileCreated, Period};
use ledger::rule::{RulePlace, RuleRecorded};
use ledger::{Command, Fact, Moment, RuleAction, Status, Subject};

use super::world::{
    OCTOBER, World, create, days, file, id, named, other_file, outcome, predictive, product, provider, vendor,
};

fn accept() -> Command {
    Command::AcceptFile { file: other_file(), note: "thanks".to_owned() }
}

/// The file of these tests is an estimate of a status; the other one an actual file that waits for its provider.
fn both(status: Status, change: impl FnOnce(&mut FileCreated)) -> World {
    let mut world = World::new();
    world.knows(CatalogObject::Product(predictive()));
    world.draft(Environment::Production, true);
    world.goes_to(status);
    world.about = other_file();
    world.draft(Environment::Production, false);
    let mut created = world.ledger.file(other_file()).unwrap().approval.created.clone().unwrap();
    change(&mut created);
    world.given(Fact::FileCreated(created));
    world.goes_to(Status::Pending);
    world.about = file();
    world
}

#[test]
fn an_estimate_is_made_where_its_product_may_and_for_a_period() {
    let asks = |world: &World, period: Option<Period>| {
        let command = Command::CreateFile(Box::new(CreateFile { predictive: true, period, ..create() }));
        world.asks(&vendor(), &command).map(|facts| match &facts[0].1 {
            Fact::FileCreated(created) => created.predictive,
            fact => panic!("{fact:?}"),
        })
    };
    let mut world = World::new();
    let refused = asks(&world, Some(OCTOBER)).unwrap_err();
    let off = "Product PRD-1 may not report estimates. Switch on predictive in its capabilities.";
    assert_eq!(refused.to_string(), off);
    world.knows(CatalogObject::Product(predictive()));
    let refused = asks(&world, None).unwrap_err();
    assert_eq!(refused.to_string(), "period: An estimate needs the period that it is about.");
    assert_eq!(asks(&world, Some(OCTOBER)), Ok(true));
    // What was switched off since is told when it is submitted.
    world.draft(Environment::Production, true);
    world.goes_to(Status::Ready);
    world.knows(CatalogObject::Product(product(Some(ledger::catalog::Schema::Qt))));
    let refused = world.asks(&vendor(), &Command::SubmitFile { file: file() }).unwrap_err();
    assert_eq!(refused.to_string(), off);
}

#[test]
fn an_accepted_actual_file_takes_the_place_of_estimates_that_were_sent() {
    let by = other_file();
    for (status, after) in [
        (Status::Draft, Status::Draft),
        (Status::Ready, Status::Ready),
        (Status::Invalid, Status::Invalid),
        (Status::Pending, Status::Closed),
        (Status::Accepted, Status::Closed),
        (Status::Rejected, Status::Rejected),
        (Status::Deleted, Status::Deleted),
    ] {
        let mut world = both(status, |_| {});
        let mut expected = vec![(Subject::File(by), Fact::FileAccepted { upload: 1, note: "thanks".to_owned() })];
        if status != after {
            expected.push((Subject::File(file()), Fact::FileSuperseded { by }));
        }
        assert_eq!(world.does(&provider(), &accept()), Ok(expected), "{status:?}");
        assert_eq!(world.status(), after, "{status:?}");
    }
}

#[test]
fn a_usage_rule_supersedes_as_a_person_does() {
    let mut world = both(Status::Accepted, |_| {});
    let rule = RuleRecorded::plain(id("PRD-1"), id("PA-1"), RuleAction::Accept, RulePlace::First);
    world.decides(&id("UGR-000-000-001"), Fact::RuleRecorded(Box::new(rule)));
    world.about = other_file();
    world.given(Fact::FileSubmitted { upload: 1 });
    let told = world.goes_on();
    assert!(
        matches!(&told[..], [Fact::RulesApplied { .. }, Fact::FileAccepted { .. }, Fact::FileSuperseded { .. }]),
        "{told:?}"
    );
    world.about = file();
    assert_eq!(world.status(), Status::Closed);
}

#[test]
fn only_what_is_about_the_same_is_superseded() {
    let just_before = Period { from: days(-1, -1).from, to: Moment(OCTOBER.from.0 - 1) };
    let touching = Period { from: days(-1, -1).from, to: OCTOBER.from };
    type Change = fn(&mut FileCreated);
    let cases: [(&str, Change, bool); 6] = [
        ("the same", |_| {}, true),
        ("another product", |it| it.product = named("PRD-2"), false),
        ("another contract", |it| it.contract = named("CRD-2"), false),
        ("another environment", |it| it.environment = Environment::Test, false),
        ("an estimate as well", |it| it.predictive = true, false),
        ("without a time", |it| it.period = None, false),
    ];
    for (what, change, expected) in cases {
        let mut world = both(Status::Pending, change);
        let asker = if what == "another environment" { vendor() } else { provider() };
        world.does(&asker, &accept()).unwrap();
        assert_eq!(world.status() == Status::Closed, expected, "{what}");
    }
    for (period, expected) in [
        (just_before, false),
        (touching, true),
        (days(30, 40), true),
        (days(31, 40), false),
        (days(3, 4), true),
        (days(-9, 90), true),
    ] {
        let mut world = both(Status::Pending, |it| it.period = Some(period));
        world.does(&provider(), &accept()).unwrap();
        assert_eq!(world.status() == Status::Closed, expected, "{period:?}");
    }
}

#[test]
fn an_estimate_comes_too_late_after_its_actual_file() {
    let submit = Command::SubmitFile { file: file() };
    let late =
        format!("The actual usage file {} is about the same time and accepted: no estimate is needed.", other_file());
    for closed in [false, true] {
        let mut world = both(Status::Ready, |_| {});
        assert_eq!(outcome(&world.asks(&vendor(), &submit)), "FileSubmitted", "nothing is accepted yet");
        world.does(&provider(), &accept()).unwrap();
        world.about = other_file();
        if closed {
            world.given(Fact::ExtractionStarted { upload: 1, attempt: 1 });
            world.given(Fact::FileClosed { upload: 1, records: 2, totals: vec![] });
        }
        assert_eq!(world.asks(&vendor(), &submit).unwrap_err().to_string(), late);
    }
    // One that was sent before it was ready is dropped with the same reason.
    let mut world = both(Status::Processing, |_| {});
    world.does(&vendor(), &submit).unwrap();
    world.does(&provider(), &accept()).unwrap();
    world.read(1);
    world.checked(1, 0);
    assert_eq!(world.goes_on(), [Fact::SubmitDropped { upload: 1, reason: late }]);
}
