//! Goal: the first usage rule that was active when a file was submitted decides, and nobody makes rules for others.
//! Method: rules are made and changed in some order with submissions, then approval goes on by itself.

use ledger::catalog::{CatalogObject, Environment, Listing};
use ledger::fact::RecordMark;
use ledger::rows::RowSet;
use ledger::rule::{EXPRESSION_CHARS_MAX, RuleItem, RulePlace, RuleRecorded, RuleScope, RuleTerms, Ruling, rule_id};
use ledger::{Command, Fact, FileId, ObjectId, Partition, Rejection, RuleAction, Scope, Status};
use runtime::decider::{Decider, Stale};

use crate::{Approval, Own};

use super::world::{World, contract, file, id, operator, other_provider, outcome, provider, vendor};

fn terms(action: RuleAction) -> RuleTerms {
    RuleTerms { action: Some(action), ..RuleTerms::default() }
}

fn creation(terms: RuleTerms) -> Command {
    Command::CreateRule { product: id("PRD-1"), provider: None, terms: Box::new(terms) }
}

fn change(rule: &str, terms: RuleTerms) -> Command {
    Command::ChangeRule { product: id("PRD-1"), rule: id(rule), terms: Box::new(terms) }
}

fn deletion(rule: &str) -> Command {
    Command::DeleteRule { product: id("PRD-1"), rule: id(rule) }
}

const FIRST: &str = "UGR-000-000-001";
const SECOND: &str = "UGR-000-000-002";

/// A ready file and rules of its provider.
fn ruled(environment: Environment, actions: &[RuleAction]) -> World {
    let mut world = World::at(Status::Ready, environment);
    for action in actions {
        world.does(&provider(), &creation(terms(*action))).unwrap();
    }
    world
}

fn submit(world: &mut World) {
    world.does(&vendor(), &Command::SubmitFile { file: file() }).unwrap();
}

#[test]
fn the_first_active_rule_decides() {
    use RuleAction::{Accept, Manual, Reject};
    for (actions, deleted, status) in [
        (&[][..], None, Status::Pending),
        (&[Accept][..], None, Status::Accepted),
        (&[Reject][..], None, Status::Rejected),
        (&[Manual, Accept][..], None, Status::Pending),
        (&[Reject, Accept][..], None, Status::Rejected),
        (&[Reject, Accept][..], Some(FIRST), Status::Accepted),
        (&[Accept][..], Some(FIRST), Status::Pending),
    ] {
        let mut world = ruled(Environment::Production, actions);
        if let Some(rule) = deleted {
            assert_eq!(outcome(&world.does(&provider(), &deletion(rule))), "RuleDeleted");
            assert_eq!(world.does(&provider(), &deletion(rule)), Ok(vec![]), "a second deletion gives the same answer");
        }
        submit(&mut world);
        let told = world.goes_on();
        let asked = actions.len() > usize::from(deleted.is_some());
        let facts = usize::from(asked) + usize::from(status != Status::Pending);
        assert_eq!((world.status(), told.len()), (status, facts), "{actions:?}");
    }
}

#[test]
fn a_rule_is_named_in_the_note() {
    let mut world = ruled(Environment::Production, &[RuleAction::Accept]);
    submit(&mut world);
    let note = format!("Usage rule {FIRST}");
    let reason = format!("{note} accepts files.");
    let ruling = Ruling { rule: Some(id(FIRST)), action: RuleAction::Accept, reason };
    let told = [Fact::RulesApplied { upload: 1, ruling }, Fact::FileAccepted { upload: 1, note }];
    assert_eq!(world.goes_on(), told);
}

#[test]
fn only_what_was_active_at_the_submission_counts() {
    type Change = fn(&mut World);
    let changes: [(&str, Change, Status); 4] = [
        (
            "a rule made since",
            |it| drop(it.does(&provider(), &creation(terms(RuleAction::Accept))).unwrap()),
            Status::Pending,
        ),
        ("a rule deleted since", |it| drop(it.does(&provider(), &deletion(FIRST)).unwrap()), Status::Rejected),
        (
            "a rule changed since",
            |it| drop(it.does(&provider(), &change(FIRST, terms(RuleAction::Accept))).unwrap()),
            Status::Rejected,
        ),
        (
            "another rule put first since",
            |it| {
                let place = RulePlace::First;
                it.does(&provider(), &creation(RuleTerms { place, ..terms(RuleAction::Accept) })).unwrap();
            },
            Status::Rejected,
        ),
    ];
    for (what, changes, status) in changes {
        let before: &[RuleAction] = if status == Status::Pending { &[] } else { &[RuleAction::Reject] };
        let mut world = ruled(Environment::Production, before);
        submit(&mut world);
        // As after a crash between the submission and the rule's decision.
        changes(&mut world);
        world.goes_on();
        assert_eq!(world.status(), status, "{what}");
    }
}

#[test]
fn files_that_never_reach_the_provider_have_no_rule() {
    for environment in [Environment::Test, Environment::Preview] {
        let mut world = ruled(environment, &[RuleAction::Accept]);
        submit(&mut world);
        assert_eq!((world.goes_on(), world.status()), (vec![], Status::Pending), "{environment:?}");
    }
}

#[test]
fn a_remembered_submit_meets_the_rules_of_when_it_is_carried_out() {
    let mut world = World::at(Status::Processing, Environment::Production);
    submit(&mut world);
    world.does(&provider(), &creation(terms(RuleAction::Accept))).unwrap();
    world.read(1);
    world.checked(1, 0);
    let told = world.goes_on();
    let submitted = [Fact::FileSubmitted { upload: 1 }];
    assert!(told.starts_with(&submitted) && matches!(told.last(), Some(Fact::FileAccepted { .. })), "{told:?}");
    assert_eq!(world.status(), Status::Accepted);
}

#[test]
fn rules_are_asked_in_the_order_they_were_put_in() {
    let mut world = ruled(Environment::Production, &[RuleAction::Reject, RuleAction::Accept]);
    let place = RulePlace::After(id(SECOND));
    assert_eq!(
        outcome(&world.does(&provider(), &change(FIRST, RuleTerms { place, ..RuleTerms::default() }))),
        "RuleRecorded"
    );
    submit(&mut world);
    world.goes_on();
    assert_eq!(world.status(), Status::Accepted);
}

/// Another provider sells the product too.
fn with_two_providers() -> World {
    let mut world = ruled(Environment::Production, &[RuleAction::Manual]);
    let mut second = contract("CRD-2", ledger::catalog::ContractKind::Distribution, true);
    second.provider = Some(id("PA-2"));
    world.knows(CatalogObject::Contract(second));
    let (product, contract) = (id("PRD-1"), id("CRD-2"));
    let listing = Listing { id: id("LST-2"), listed: true, product, contract, source: String::new() };
    world.knows(CatalogObject::Listing(listing));
    world
}

#[test]
fn rules_are_their_providers_own() {
    let world = with_two_providers();
    let not_listed = ruled(Environment::Production, &[RuleAction::Manual]);
    let made = creation(terms(RuleAction::Accept));
    for (world, scope, command, expected) in [
        (&world, vendor(), &made, "refused: RoleNotAllowed"),
        (&world, vendor(), &deletion(FIRST), "refused: RoleNotAllowed"),
        (&not_listed, other_provider(), &made, "refused: NotFound"),
        (&world, other_provider(), &made, "RuleRecorded"),
        (&world, other_provider(), &change(FIRST, terms(RuleAction::Reject)), "refused: NotFound"),
        (&world, other_provider(), &deletion(FIRST), "refused: NotFound"),
        (&world, provider(), &change("UGR-9", terms(RuleAction::Reject)), "refused: NotFound"),
        (&world, provider(), &change(FIRST, terms(RuleAction::Manual)), "nothing"),
        (&world, operator(), &change(FIRST, terms(RuleAction::Reject)), "RuleRecorded"),
        // Whose rule it is has to be said where there are several.
        (&not_listed, operator(), &made, "RuleRecorded"),
        (&world, operator(), &made, "refused: FieldInvalid"),
    ] {
        assert_eq!(outcome(&world.asks(&scope, command)), expected, "{:?} {command:?}", scope.account);
    }
}

fn refused(world: &World, scope: &Scope, command: &Command) -> String {
    world.asks(scope, command).err().as_ref().map_or_else(String::new, Rejection::to_string)
}

#[test]
fn what_a_rule_can_not_be_is_refused_with_its_field() {
    let mut world = with_two_providers();
    world.does(&other_provider(), &creation(terms(RuleAction::Accept))).unwrap();
    let accept = || terms(RuleAction::Accept);
    let after = |rule: &str| RulePlace::After(id(rule));
    let about = |scope, text: &str| RuleTerms { scope: Some(scope), expression: Some(text.to_owned()), ..accept() };
    let of = |item: &str| RuleTerms { item: RuleItem::One(id(item)), ..accept() };
    let long = "x".repeat(2_001);
    for (terms, begins) in [
        (RuleTerms { action: None, place: after("UGR-9"), ..accept() }, "action: This field is required."),
        (about(RuleScope::File, &long), "rule: Ensure this field has no more than 2000 characters (it has 2001)."),
        (about(RuleScope::File, "eq(currency,"), "rule: RQL Parsing error. Expected a value at position 12"),
        (
            about(RuleScope::File, "eq(tier,1)"),
            "rule: RQL Parsing error. Unknown name: tier. Position: 3. Known names: ",
        ),
        (
            about(RuleScope::Record, "eq(tier,1)&eq(totals.amount,1)"),
            "rule: RQL Parsing error. Unknown name: totals.amount. Position: 14. Known names: ",
        ),
        (of("PRD-1-0009"), "item.id: Item PRD-1-0009 is none of product PRD-1."),
        (RuleTerms { place: after("UGR-9"), ..accept() }, "gravity.after: Usage rule UGR-9 is none"),
        (RuleTerms { place: after(SECOND), ..accept() }, "gravity.after: "),
    ] {
        let text = refused(&world, &provider(), &creation(terms.clone()));
        assert!(text.starts_with(begins), "{terms:?}: {text}");
        let said =
            terms.expression.is_none_or(|text| text == long || begins != "rule: ") || text.contains("Position: ");
        assert!(said, "{text}");
    }
    for terms in [about(RuleScope::File, "eq(currency,USD)"), about(RuleScope::Record, "eq(tier,1)"), of("PRD-1-0001")]
    {
        assert_eq!(outcome(&world.asks(&provider(), &creation(terms))), "RuleRecorded");
    }
    let itself = RuleTerms { place: after(FIRST), ..RuleTerms::default() };
    assert!(refused(&world, &provider(), &change(FIRST, itself)).starts_with("gravity.after: "));
    world.does(&provider(), &deletion(FIRST)).unwrap();
    let text = refused(&world, &provider(), &change(FIRST, accept()));
    assert_eq!(text, format!("status: Usage rule {FIRST} is deleted. Create another one."));
}

#[test]
fn a_change_keeps_what_it_does_not_name() {
    let mut world = ruled(Environment::Production, &[]);
    let all = RuleTerms {
        action: Some(RuleAction::Reject),
        scope: Some(RuleScope::Record),
        expression: Some("gt(usage,5)".to_owned()),
        item: RuleItem::One(id("PRD-1-0001")),
        place: RulePlace::Kept,
    };
    world.does(&provider(), &creation(all)).unwrap();
    let none = RuleTerms::default;
    for (terms, expected) in [
        (none(), "reject record 'gt(usage,5)' PRD-1-0001"),
        (terms(RuleAction::Manual), "manual record 'gt(usage,5)' PRD-1-0001"),
        (RuleTerms { item: RuleItem::Any, ..none() }, "manual record 'gt(usage,5)' -"),
        // The condition that stays has to fit what the rule is about now.
        (RuleTerms { scope: Some(RuleScope::File), ..none() }, "manual record 'gt(usage,5)' -"),
        (RuleTerms { scope: Some(RuleScope::File), expression: Some(String::new()), ..none() }, "manual file '' -"),
        (RuleTerms { expression: Some("eq(currency,USD)".to_owned()), ..none() }, "manual file 'eq(currency,USD)' -"),
    ] {
        let outcome = world.does(&provider(), &change(FIRST, terms.clone()));
        let rule = &world.ledger.rules[&id(FIRST)];
        let item = rule.item.as_ref().map_or("-", ObjectId::as_str);
        let shown = format!("{} {} '{}' {item}", rule.action.name(), rule.scope.name(), rule.expression);
        assert_eq!(shown, expected, "{terms:?}: {outcome:?}");
    }
}

/// A submitted file, and a rule about its records.
fn due() -> World {
    let mut world = ruled(Environment::Production, &[]);
    let terms = RuleTerms { scope: Some(RuleScope::Record), ..terms(RuleAction::Accept) };
    world.does(&provider(), &creation(terms)).unwrap();
    submit(&mut world);
    world
}

fn accepted() -> Own {
    let ruling = Ruling { rule: Some(id(FIRST)), action: RuleAction::Accept, reason: "All are small.".to_owned() };
    Own::ApplyRuling { file: file(), upload: 1, ruling }
}

#[test]
fn records_are_read_in_three_attempts_and_then_a_person_decides() {
    let mut world = due();
    for attempt in 1..=3 {
        assert_eq!(world.begins(), [Fact::RulingStarted { upload: 1, attempt }]);
        assert!(Approval.job(&world.ledger, file()).is_some());
    }
    let told = world.begins();
    let [Fact::RulesApplied { upload: 1, ruling: Ruling { rule: None, action: RuleAction::Manual, reason } }] =
        &told[..]
    else {
        panic!("{told:?}");
    };
    assert!(reason.starts_with("The service stopped three times"), "{reason}");
    assert!(Approval.job(&world.ledger, file()).is_none());
    assert_eq!((world.goes_on(), world.status()), (vec![], Status::Pending));
}

#[test]
fn a_ruling_counts_unless_somebody_was_faster() {
    type Meanwhile = fn(&mut World);
    let cases: [(&str, Meanwhile, Status); 5] = [
        ("nothing", |_| {}, Status::Accepted),
        ("a person rejects", |it| it.given(Fact::FileRejected { upload: 1, note: String::new() }), Status::Rejected),
        ("a person withdraws it", |it| it.given(Fact::FileDeleted), Status::Deleted),
        (
            "it comes again",
            |it| {
                it.given(Fact::FileRejected { upload: 1, note: String::new() });
                it.ready(2);
                it.given(Fact::FileSubmitted { upload: 2 });
            },
            Status::Pending,
        ),
        (
            "a person marks a record",
            |it| {
                let mut rows = RowSet::default();
                rows.insert(2);
                it.given(Fact::RecordsMarked { upload: 1, rows, mark: RecordMark::Rejected });
            },
            Status::Pending,
        ),
    ];
    for (what, meanwhile, status) in cases {
        let mut world = due();
        world.begins();
        meanwhile(&mut world);
        let told = world.concludes(accepted());
        let stale = !matches!(what, "nothing" | "a person marks a record");
        assert_eq!(told == Err(Stale), stale, "{what}: {told:?}");
        world.goes_through(told.unwrap_or_default());
        assert_eq!(world.status(), status, "{what}");
    }
}

#[test]
fn a_provider_has_at_most_a_hundred_rules_for_a_product() {
    let mut world = ruled(Environment::Production, &[RuleAction::Manual; 100]);
    assert!(refused(&world, &provider(), &creation(terms(RuleAction::Accept))).contains("at most 100"));
    world.does(&provider(), &deletion(FIRST)).unwrap();
    let made = world.does(&provider(), &creation(terms(RuleAction::Accept))).unwrap();
    // Ids of deleted rules are never used again.
    assert_eq!(made[0].0, ledger::Subject::Object(id("UGR-000-000-101")));
}

/// Goal: a submission says which rules it is asked about where those stand in another log, however long they are. Method:
/// more text than a fact carries; the same submission in partition 0 says nothing, since its log does.
#[test]
fn a_file_of_another_partition_says_which_rules_it_is_asked_about() {
    let rules: Vec<ObjectId> = (1..=30).map(|count| rule_id(count).unwrap()).collect();
    for (partition, facts) in [(0, 1), (1, 3)] {
        let mut world = World::new();
        world.about = FileId::new(2026, 11, Partition(partition), 0).unwrap();
        world.draft(Environment::Production, false);
        world.ready(1);
        for rule in &rules {
            let recorded = RuleRecorded {
                expression: "x".repeat(EXPRESSION_CHARS_MAX),
                ..RuleRecorded::plain(id("PRD-1"), id("PA-1"), RuleAction::Accept, RulePlace::Kept)
            };
            world.decides(rule, Fact::RuleRecorded(Box::new(recorded)));
        }
        let told = world.does(&vendor(), &Command::SubmitFile { file: world.about }).unwrap();
        assert_eq!(told.len(), facts, "{partition}");
        let asked = &world.ledger.file(world.about).unwrap().approval.asked;
        assert!(asked.iter().map(|rule| &rule.id).eq(&rules), "{partition}");
    }
}
