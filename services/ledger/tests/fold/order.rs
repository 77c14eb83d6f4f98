//! Facts of different emitters commute; of one emitter, what is of another upload or attempt changes nothing.

use std::collections::{BTreeMap, VecDeque};

use ledger::{Fact, Hash, Ledger, ServiceName, Status};

use crate::life::{
    Said, Story, batch_checked, batch_read, created, file, file_checked, fold, full_life, opened, summarized,
};
use crate::random::{Random, for_seeds, repeat};

/// Some order of all events that keeps each emitter's own.
fn shuffled(events: &[Said], random: &mut Random) -> Vec<Said> {
    let mut queues: BTreeMap<ServiceName, VecDeque<Said>> = BTreeMap::new();
    for said in events {
        queues.entry(said.1.fact.emitter()).or_default().push_back(said.clone());
    }
    let mut order = Vec::with_capacity(events.len());
    while !queues.is_empty() {
        let emitter = *queues.keys().nth(random.below(queues.len())).unwrap();
        let queue = queues.get_mut(&emitter).unwrap();
        // Bursts of one emitter reach orders that taking turns never does.
        for _ in 0..=random.below(12) {
            order.extend(queue.pop_front());
        }
        if queue.is_empty() {
            queues.remove(&emitter);
        }
    }
    order
}

#[track_caller]
fn check_same(expected: &Ledger, order: &[Said], seed: u64) {
    let ledger = fold(order);
    if ledger.digest() != expected.digest() {
        let heard: Vec<String> =
            order.iter().map(|(sequence, it)| format!("{} {sequence}", it.fact.emitter())).collect();
        panic!("another order, another state; {}\n{}\n{ledger:#?}", repeat(seed), heard.join("\n"));
    }
    assert_eq!(ledger, *expected, "one digest for two states; {}", repeat(seed));
}

#[test]
fn the_order_in_which_emitters_are_heard_doesnt_matter() {
    let events = full_life();
    let expected = fold(&events);
    let known = expected.file(file()).unwrap();
    assert_eq!((known.status(), known.stats().closed, known.stats().billed), (Status::Closed, 6, 4));
    for_seeds(2_000, |seed| {
        let order = shuffled(&events, &mut Random(seed));
        assert_eq!(order.len(), events.len());
        check_same(&expected, &order, seed);
    });
}

#[test]
fn who_hears_no_batches_ends_where_their_emitter_does() {
    let events = full_life();
    let expected = fold(&events);
    let heard: Vec<Said> = events.into_iter().filter(|(_, event)| !event.fact.carries_records()).collect();
    for_seeds(200, |seed| check_same(&expected, &shuffled(&heard, &mut Random(seed)), seed));
}

#[test]
fn one_emitters_whole_life_may_come_before_anothers() {
    let events = full_life();
    let expected = fold(&events);
    let emitters = [ServiceName::Approval, ServiceName::Ingestion, ServiceName::Validation, ServiceName::Extraction];
    for first in emitters {
        for last in emitters {
            let place = |said: &Said| {
                let emitter = said.1.fact.emitter();
                if emitter == first {
                    0
                } else if emitter == last {
                    2
                } else {
                    1
                }
            };
            let mut order = events.clone();
            order.sort_by_key(place);
            check_same(&expected, &order, 0);
        }
    }
}

#[test]
fn each_fact_of_a_life_shows_in_its_digest() {
    let events = full_life();
    let mut last = Ledger::default().digest();
    for (at, (_, event)) in events.iter().enumerate() {
        let now = fold(&events[..=at]).digest();
        // A refusal is history, not state.
        let counts = !matches!(event.fact, Fact::CommandRefused { .. });
        assert_eq!(now != last, counts, "{at}: {:?}", event.fact);
        last = now;
    }
}

/// Upload 2 is read and checked by the second attempt.
fn working() -> Story {
    let mut story = Story::default();
    story.say(Fact::FileCreated(Box::new(created())));
    for upload in 1..=2 {
        story.say(Fact::UploadOpened(opened(upload)));
        for attempt in 1..=2 {
            story.say(Fact::ReadStarted { upload, attempt });
            story.say(Fact::CheckStarted { upload, attempt, catalog_position: 3 });
        }
    }
    story
}

fn digest_after(fact: Fact) -> Hash {
    let mut story = working();
    story.say(fact);
    fold(&story.0).digest()
}

#[test]
fn what_is_of_another_upload_or_attempt_changes_nothing() {
    let before = fold(&working().0).digest();
    for (upload, attempt) in [(1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (3, 2), (0, 0)] {
        let current = (upload, attempt) == (2, 2);
        for fact in [
            Fact::RecordsRead(Box::new(batch_read(upload, attempt, 0))),
            Fact::RecordsChecked(Box::new(batch_checked(upload, attempt, 0, 0))),
            summarized(upload, attempt, 0),
            Fact::FileChecked(Box::new(file_checked(upload, attempt, 0, vec![]))),
        ] {
            let shown = format!("{fact:?}");
            assert_eq!(digest_after(fact) != before, current, "{shown}");
        }
    }
    for upload in 0..4 {
        let (vendor, provider) = (Hash::of(b"vendor"), None);
        for fact in [
            Fact::ProcessedStarted { upload, attempt: 1, checkpoint: None },
            Fact::ProcessedWritten { upload, vendor, provider, rejects: None, writer: 1 },
        ] {
            let shown = format!("{fact:?}");
            assert_eq!(digest_after(fact) != before, upload == 2, "{shown}");
        }
    }
}

#[test]
fn what_was_said_of_an_upload_doesnt_count_for_the_next() {
    let mut story = Story(full_life());
    story.say(Fact::UploadOpened(opened(9)));
    let ledger = fold(&story.0);
    let known = ledger.file(file()).unwrap();
    assert_eq!(known.status(), Status::Uploaded);
    assert_eq!(known.stats(), ledger::file::Stats::default());
    assert!(known.current_reading().is_none() && known.current_checking().is_none());
    assert!(known.current_extraction().is_none() && known.totals().is_empty() && known.error_detail().is_none());
    assert!(known.approval.submitted_at.is_none() && known.approval.ruling.is_none());
}
