//! Services that run apart: what NATS and second writers may do without a fact being lost or done twice. The other
//! scenarios run apart too, with `SHAPE=apart`.

use ledger::{FileId, HostId, Ledger, ServiceName};
use runtime::bus::{Bus, Neighbour};
use runtime::clock::Clock;
use runtime::nats::{Link, LinkSettings};
use runtime::projection::Projection;
use runtime::shelf::CatalogShelf;
use serde_json::json;
use tokio::sync::watch;

use super::world::{CONTRACT, Distributor, Vendor, World};

const RECORDS: u32 = 2_500;
/// How often a fold is refreshed on a machine so loaded that it doesn't get as far as the services in time.
const REFRESHES_MAX: usize = 60;

/// Goal: NATS may lose everything at any moment. Method: its store is wiped between the steps of a file's life, and in
/// the middle of one; the end is that of a life in one process.
#[test]
fn a_store_that_is_wiped_between_steps_and_within_one_loses_nothing() {
    let mut world = World::apart();
    let (workbook, _) = world.generate(CONTRACT, "wiped", RECORDS);
    let wipe = |world: &mut World| {
        world.nats().stop();
        world.nats().wipe();
        world.nats().go_on();
    };
    wipe(&mut world);
    let file = world.create(CONTRACT);
    wipe(&mut world);
    world.upload(&file, &workbook).expect(201);
    wipe(&mut world);
    let ready = world.checked(&file);
    assert_eq!(ready["stats"]["validated"], json!(RECORDS));
    wipe(&mut world);
    world.submit(&file);
    wipe(&mut world);
    world.act(Distributor, &file, "accept").expect(201);
    wipe(&mut world);
    world.close(Distributor, &file);
    let closed = world.reach(&file, "closed");
    assert_eq!(closed["stats"]["validated"], json!(RECORDS));
    let whole = World::new();
    let twin = whole.create(CONTRACT);
    whole.upload(&twin, &workbook).expect(201);
    whole.checked(&twin);
    let totals = |world: &World, file: &str| {
        let shown = world.get(Vendor, &format!("usage/files/{file}")).expect(200);
        (shown["totals"]["validated"].clone(), shown["totals"]["closed"].clone())
    };
    let ((validated, closed), (expected, _)) = (totals(&world, &file), totals(&whole, &twin));
    assert_eq!((&validated, &closed), (&expected, &expected));
}

/// Goal: the least that a process may do is enough for everything that it does. Method: a file's whole life with a user for
/// each service, TLS between all, and nobody else let in.
#[test]
fn with_credentials_a_file_lives_its_whole_life() {
    let world = World::secured();
    let file = world.accepted(CONTRACT, "trusted", 50);
    world.get(Vendor, &format!("usage/files/{file}")).expect(200);
    let processed = world.get(Vendor, &format!("usage/files/{file}")).expect(200)["processed_file_uri"].clone();
    assert_eq!(world.follow(&processed).status, 200, "the processed workbook comes from validation");
    world.close(Distributor, &file);
    world.reach(&file, "closed");
}

/// Goal: two processes may not write for one service, and whoever was answered finds what was answered. Method: a copy
/// of approval's data directory is started beside the original; both decide the next command, one of them publishes it.
#[test]
fn of_two_writers_one_is_stopped_and_what_was_answered_is_there() {
    let mut world = World::apart();
    let known = world.ready(CONTRACT, "known", 20);
    let approval = world.host_of(ServiceName::Approval, CONTRACT);
    world.stop();
    let copy = world.path("approval-copy");
    let copied = std::process::Command::new("cp").arg("-a").arg(world.data_of(approval)).arg(&copy).status();
    assert!(copied.expect("cp runs").success());
    world.start();
    let second = world.second(approval, copy);
    let file = world.create(CONTRACT);
    let first_ended = world.first_to_end(world.product_of(approval), &second);
    // Whoever is left knows both files and goes on.
    for file in [known, file] {
        assert_eq!(world.get(Vendor, &format!("usage/files/{file}")).expect(200)["id"], file.as_str());
    }
    let next = world.accepted(CONTRACT, "after", 20);
    world.close(Distributor, &next);
    world.reach(&next, "closed");
    let heads = |product: &usage_ledger::product::Product| product.logs().reader(approval).unwrap().head().unwrap();
    let original = heads(world.product_of(approval));
    let copied = heads(&second);
    let (left, stopped) = if first_ended { (copied, original) } else { (original, copied) };
    assert!(left.0 > stopped.0, "the one that is left wrote on: {left:?}, {stopped:?}");
    world.end(second);
}

/// Goal: whoever was answered by one gateway finds it at another one. Method: the fold of another gateway begins to hear
/// only when it is asked; it answers once it knows what the first one answered.
#[test]
fn what_one_gateway_answered_is_known_at_another_one_before_that_answers() {
    let mut world = World::apart();
    let file = FileId::parse(&world.create(CONTRACT)).expect("an id");
    let link = world.nats().link(ServiceName::Gateway);
    assert!(world.wait_for(elsewhere(link, world.hosts(), |ledger| ledger.file(file).is_some())));
}

/// Goal: a workbook that rests with a service is not said to be faulty while the way to it is. Method: one that this
/// gateway has not had yet is asked for while NATS is away, and again when it is back.
#[test]
fn while_nats_is_away_a_workbook_that_rests_elsewhere_is_refused_as_away() {
    let mut world = World::apart();
    let file = world.ready(CONTRACT, "away", 20);
    let shown = world.get(Vendor, &format!("usage/files/{file}")).expect(200);
    world.nats().stop();
    let answer = world.follow(&shown["processed_file_uri"]);
    assert_eq!(answer.refusal(), (503, "SYS_001".to_owned()));
    assert!(answer.head.to_ascii_lowercase().contains("retry-after: 1"), "{}", answer.head);
    world.nats().go_on();
    world.until("it is there again", || world.follow(&shown["processed_file_uri"]).status == 200);
}

/// Whether a fold in another process comes to know something by being refreshed.
async fn elsewhere(link: LinkSettings, hosts: Vec<HostId>, known: impl Fn(&Ledger) -> bool) -> bool {
    let link = Link::connect(&link, Clock::Machine).await.expect("a link");
    link.reached().await;
    let hosts = hosts.into_iter();
    let neighbours = hosts.map(|host| (host, Neighbour::far(link.clone(), host))).collect();
    let projection = Projection::new(Bus::new(neighbours, CatalogShelf::default()));
    let (_stop, stopped) = watch::channel(false);
    let refreshed = async {
        for _ in 0..REFRESHES_MAX {
            projection.refresh().await;
            if known(&projection.read()) {
                return true;
            }
        }
        false
    };
    tokio::select! {
        biased;
        told = refreshed => told,
        _ = projection.clone().run(stopped) => false,
    }
}
