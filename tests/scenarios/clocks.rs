//! A clock that jumps: what was begun before goes on after, nothing is recorded as earlier than what was there, what
//! was known then is answered with the same bytes, and what lasts for minutes lasts no days.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{Event, Fact, HostId, Moment, ServiceName, Subject};
use serde_json::{Value, json};

use super::http::{Answer, Body, Request};
use super::world::{CONTRACT, Distributor, PRODUCT, Vendor, World};

const RECORDS: u32 = 12;
const DAY: i64 = 86_400;

/// Where a clock goes.
#[derive(Clone, Copy)]
enum Jump {
    /// By so many seconds.
    By(i64),
    /// To a time.
    To(&'static str),
}

/// One after the other. The last two are the moments at which clocks in New York are set.
const JUMPS: [(&str, Jump); 6] = [
    ("back a day", Jump::By(-DAY)),
    ("ahead 35 days", Jump::By(35 * DAY)),
    ("back 35 days", Jump::By(-35 * DAY)),
    ("to the end of 29 February", Jump::To("2028-02-29T23:59:57")),
    ("to when clocks go forward", Jump::To("2028-03-12T06:59:58")),
    ("to when they go back", Jump::To("2028-11-05T05:59:58")),
];
/// Before each jump, and after it, a file is made. Set back, the ledger keeps the later time.
const MONTHS: [(u16, u8); 5] = [(2026, 11), (2026, 12), (2028, 2), (2028, 3), (2028, 11)];

fn jump(world: &World, to: Jump) {
    let at = |time: &str| Moment::parse_iso(time).expect("a time").0;
    world.let_pass(match to {
        Jump::By(seconds) => seconds,
        Jump::To(time) => (at(time) - at(&world.now())) / Moment::SECOND,
    });
}

/// What is begun before a jump.
struct Begun {
    number: usize,
    /// Checked.
    ready: String,
    /// With its workbook on the way.
    uploaded: String,
    /// A request that recorded something, and what it made.
    made: Value,
    /// A read of everything, with the positions that it is from.
    read: (String, Answer),
    /// To a workbook, without a key.
    link: Value,
}

impl Begun {
    fn new(world: &World, number: usize) -> Self {
        let ready = world.ready(CONTRACT, &format!("ready-{number}"), RECORDS);
        let link = world.get(Vendor, &format!("usage/files/{ready}")).expect(200)["usage_file_uri"].clone();
        assert_eq!(world.follow(&link).status, 200);
        let made = create(world, number).expect(201)["id"].clone();
        note(world, &ready, &format!("first-{number}"), "same").expect(200);
        // Nothing is left to do, so that nothing is recorded: the key is kept elsewhere.
        note(world, &ready, &format!("again-{number}"), "same").expect(200);
        let positions = positions(world);
        let now = read(world, &positions);
        let uploaded = world.create(CONTRACT);
        let (path, _) = world.generate(CONTRACT, &format!("uploaded-{number}"), RECORDS);
        world.upload(&uploaded, &path).expect(201);
        Self { number, ready, uploaded, made, read: (positions, now), link }
    }

    /// What was answered is answered again.
    fn check(&self, world: &World) {
        assert_eq!(create(world, self.number).expect(201)["id"], self.made);
        let (positions, before) = &self.read;
        assert_eq!(read(world, positions).body, before.body);
    }

    /// What was begun is brought to its end, with a start on the way.
    fn go_on(&self, world: &mut World) {
        self.check(world);
        let other = note(world, &self.ready, &format!("again-{}", self.number), "other");
        assert_eq!(other.refusal(), (422, "REQ_009".to_owned()), "a key is kept");
        // It was made for ten minutes. Who may have the workbook gets another link.
        assert_ne!(world.follow(&self.link).status, 200);
        let link = &world.get(Vendor, &format!("usage/files/{}", self.ready)).expect(200)["usage_file_uri"];
        assert_eq!(world.follow(link).status, 200);
        world.reach(&self.uploaded, "ready");
        let files = [&self.ready, &self.uploaded];
        for file in files {
            // A verdict of long ago is made again first.
            world.act(Vendor, file, "submit").expect(201);
            world.reach(file, "pending");
            world.act(Distributor, file, "accept").expect(201);
        }
        world.restart();
        for file in files {
            world.close(Distributor, file);
            world.reach(file, "closed");
        }
        // What was closed overtakes no check that comes after it, also while the log waits for its clock.
        let next = world.ready(CONTRACT, &format!("next-{}", self.number), RECORDS);
        world.act(Vendor, &next, "submit").expect(201);
        world.reach(&next, "pending");
        self.check(world);
    }
}

fn create(world: &World, number: usize) -> Answer {
    let body = json!({ "contract": { "id": CONTRACT }, "product": { "id": PRODUCT } });
    let key = format!("key-{number}");
    world.send_with(Vendor, "POST", "usage/files", &[("Idempotency-Key", &key)], Body::Json(&body))
}

fn note(world: &World, file: &str, key: &str, note: &str) -> Answer {
    let path = format!("usage/files/{file}");
    world.send_with(Vendor, "PUT", &path, &[("Idempotency-Key", key)], Body::Json(&json!({ "note": note })))
}

fn read(world: &World, as_of: &str) -> Answer {
    let path = format!("/public/v1/usage/files?limit=100&as_of={}", as_of.replace('+', "%2B"));
    let key = Some(Vendor.key());
    let answer = world.request(&Request { method: "GET", path: &path, key, headers: &[], body: Body::Nothing });
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

/// Goal: a machine's clock may be wrong, and set right. Method: what is begun before each jump goes on to its end after
/// it, with a start on the way; keys and reads of then are answered as before, and links of then no more.
#[test]
fn a_clock_that_jumps_takes_nothing_back_and_holds_nothing_up() {
    let mut world = World::new();
    for (number, (name, to)) in JUMPS.into_iter().enumerate() {
        println!("{name}");
        let begun = Begun::new(&world, number);
        jump(&world, to);
        world.create(CONTRACT);
        begun.go_on(&mut world);
    }
    check_times(&world);
    for (day, hours) in [("2028-02-29", 24), ("2028-03-12", 23), ("2028-11-05", 25)] {
        assert_eq!(hours_of(&world, day), hours, "{day}");
    }
}

/// How long a day is in New York, by a file that is about it.
fn hours_of(world: &World, day: &str) -> i64 {
    let body = json!({
        "contract": { "id": CONTRACT }, "product": { "id": PRODUCT },
        "period": { "from": day, "to": day }, "time_zone": "America/New_York",
    });
    let file = world.create_with(&body);
    let period = world.get(Vendor, &format!("usage/files/{file}")).expect(200)["period"].clone();
    let at = |end: &str| Moment::parse_iso(&period[end].as_str().expect("an instant")[..19]).expect("an instant");
    (at("to").0 - at("from").0 + Moment::SECOND) / (3_600 * Moment::SECOND)
}

fn events(world: &World) -> Vec<(HostId, Event)> {
    let sources = world.product().bus.sources(&ServiceName::WRITERS).into_iter();
    let facts = sources.flat_map(|source| source.own(1).map(move |fact| (source.host(), fact)).collect::<Vec<_>>());
    facts.map(|(host, fact)| (host, fact.expect("a fact").event().expect("an event"))).collect()
}

/// How far the logs are, as `as_of` takes it.
fn positions(world: &World) -> String {
    let mut counts = BTreeMap::<_, u64>::new();
    events(world).iter().for_each(|(host, _)| *counts.entry(*host).or_default() += 1);
    counts.iter().map(|(host, count)| format!("{host}:{count}")).collect::<Vec<_>>().join(",")
}

/// The times of each log go on, and a file's id has the month in which it was made.
fn check_times(world: &World) {
    let (mut last, mut months) = (BTreeMap::new(), BTreeSet::new());
    for (host, event) in events(world) {
        let before = last.insert(host, event.recorded_at).unwrap_or_default();
        assert!(before <= event.recorded_at, "{host} {:?}", event.fact);
        if let (Subject::File(file), Fact::FileCreated(_)) = (&event.subject, &event.fact) {
            assert_eq!(file.month(), event.recorded_at.month(), "{file}");
            months.insert(file.month());
        }
    }
    assert_eq!(months.into_iter().collect::<Vec<_>>(), MONTHS);
}
