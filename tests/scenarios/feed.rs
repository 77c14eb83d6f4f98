//! The feed of accepted records, as a billing system reads it over NATS: what it carries is what the chunks' workbooks
//! carry, whatever stops or is lost in between, and to each account its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use async_nats::ConnectOptions;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::{self, Message};
use futures_util::StreamExt;
use ledger::{Decimal, Moment, ObjectId};
use proto::feed::Message as Told;
use runtime::clock::Clock;
use runtime::feed::Form;
use runtime::nats::{Begin, CONTENT_TYPE, KIND, Link, LinkSettings, POSITION, Subscriber, SubscriberState, inbox_of};
use serde_json::{Value, json};

use super::sheets::{column, usage};
use super::world::{
    CONTRACT, Distributor, OtherDistributor, PREVIEW_CONTRACT, PRODUCT, Party, RESOLD_CONTRACT, Reseller, Vendor,
    World, demo_catalog,
};
use crate::tree::root;

/// More than one message has room for.
const RECORDS: u32 = 1_500;
/// How long the feed may be silent on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// Found in nothing else.
const SECRET: &str = "zx81-vendors-own-id";

fn id(text: &str) -> ObjectId {
    ObjectId::new(text).unwrap()
}

/// The account that plays the provider of a contract's files.
fn account(party: Party) -> &'static str {
    match party {
        Reseller => "PA-000-005",
        OtherDistributor => "PA-000-004",
        _ => "PA-000-003",
    }
}

/// A message as it came.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Got {
    subject: String,
    kind: String,
    position: String,
    content_type: String,
    payload: Vec<u8>,
}

impl Got {
    fn of(message: &Message) -> Self {
        let headers = message.headers.as_ref().expect("headers");
        let text = |name: &str| headers.get(name).map_or_else(String::new, |value| value.as_str().to_owned());
        Self {
            subject: message.subject.to_string(),
            kind: text(KIND),
            position: text(POSITION),
            content_type: text(CONTENT_TYPE),
            payload: message.payload.to_vec(),
        }
    }

    /// Whether it is about a file.
    pub(super) fn is_about(&self, file: &str) -> bool {
        text(&self.says(), "chunk_id").contains(file.trim_start_matches("UF-"))
    }

    /// What it says, under the name of its kind.
    fn says(&self) -> Value {
        let json = match self.content_type.as_str() {
            "application/json" => self.payload.clone(),
            _ => Told::decode(&self.payload).expect("a message").json().expect("JSON"),
        };
        let says: Value = serde_json::from_slice(&json).expect("JSON");
        says[&self.kind].clone()
    }
}

/// A billing system.
pub(super) struct Billing {
    subscriber: Subscriber,
    link: LinkSettings,
    /// Of who makes subscribers.
    setup: LinkSettings,
}

impl Billing {
    pub(super) fn new(world: &mut World, name: &str, party: Party, form: Form) -> Self {
        let subscriber = Subscriber {
            name: id(name),
            account: id(account(party)),
            hub: None,
            product: None,
            form,
            partitions: world.partitions(),
        };
        let (link, setup) = (world.nats().link_of(&subscriber), world.link_of_setup());
        Self { subscriber, link, setup }
    }

    fn link(&self, world: &World) -> Link {
        let link = world.block_on(Link::connect(&self.setup, Clock::Machine)).expect("a connection");
        world.block_on(link.reached());
        link
    }

    /// Connects as whoever has its credentials does.
    async fn client(&self) -> async_nats::Client {
        let LinkSettings { servers, user, credentials, root_certificate, .. } = &self.link;
        let mut options = ConnectOptions::new();
        if let (Some(credentials), Some(root)) = (credentials, root_certificate) {
            let read = ConnectOptions::with_credentials_file(credentials).await;
            options = read.expect("they can be read").add_root_certificates(root.clone());
        }
        options.custom_inbox_prefix(inbox_of(user)).connect(servers).await.expect("a connection")
    }

    pub(super) fn add(&self, world: &World, from: Begin) {
        let link = self.link(world);
        world.block_on(self.subscriber.add(&link, from)).expect("a subscriber");
    }

    fn state(&self, world: &World) -> SubscriberState {
        let link = self.link(world);
        let all = world.block_on(SubscriberState::all(&link, self.subscriber.partitions)).expect("the subscribers");
        all.into_iter().find(|known| known.name == self.subscriber.name.as_str()).expect("this one")
    }

    /// Reads and acknowledges until a message is the last that is wanted.
    fn read(&self, world: &World, mut is_last: impl FnMut(&Got) -> bool) -> Vec<Got> {
        world.block_on(async {
            let context = jetstream::new(self.client().await);
            let stream = context.get_stream_no_info(self.subscriber.stream()).await.expect("the stream");
            let consumer: PullConsumer =
                stream.get_consumer(self.subscriber.name.as_str()).await.expect("its consumer");
            // One at a time: what is asked for in advance comes again much later when this ends before it is read.
            let mut messages = consumer.stream().max_messages_per_batch(1).messages().await.expect("messages");
            let mut all = Vec::new();
            loop {
                let next = tokio::time::timeout(PATIENCE, messages.next()).await;
                let message = next.unwrap_or_else(|_| panic!("nothing after {:?}", all.last())).unwrap().unwrap();
                message.double_ack().await.expect("it is done");
                all.push(Got::of(&message));
                if is_last(&all[all.len() - 1]) {
                    return all;
                }
            }
        })
    }

    /// Reads as fast as it can, decodes and acknowledges, until it has so many records.
    async fn take_in(&self, records: u32) -> (u32, usize) {
        let stream = jetstream::new(self.client().await).get_stream_no_info(self.subscriber.stream()).await;
        let consumer: PullConsumer = stream.expect("it").get_consumer(self.subscriber.name.as_str()).await.expect("it");
        let mut messages = consumer.messages().await.expect("messages");
        let (mut taken, mut bytes) = (0, 0);
        while taken < records {
            let message = messages.next().await.expect("another").expect("it came");
            let got = Got::of(&message);
            bytes += got.payload.len();
            if got.kind == "trailer" {
                taken += u32::try_from(got.says()["records"].as_u64().expect("a number")).expect("it fits");
            } else if self.subscriber.form == Form::Protobuf {
                drop(Told::decode(&got.payload).expect("a message"));
            } else {
                drop(got.says());
            }
            message.ack().await.expect("it is done");
        }
        (taken, bytes)
    }

    /// Reads up to the last message of a kind about these chunks.
    pub(super) fn read_chunks(&self, world: &World, kind: &str, chunks: &[Value]) -> Vec<Got> {
        let mut open: Vec<String> = chunks.iter().map(|chunk| text(chunk, "id")).collect();
        self.read(world, |got| {
            if got.kind == kind {
                open.retain(|chunk| got.says()["chunk_id"] != chunk.as_str());
            }
            open.is_empty()
        })
    }
}

fn text(object: &Value, name: &str) -> String {
    object[name].as_str().unwrap_or_else(|| panic!("no {name} in {object}")).to_owned()
}

fn sheet(micros: &Value) -> String {
    Moment(micros.as_i64().expect("a time")).sheet()
}

/// What a column of a chunk's workbook says of a record of the feed.
fn cell(record: &Value, column: &str) -> String {
    match column {
        "start_time_utc" => sheet(&record["start_micros"]),
        "end_time_utc" => sheet(&record["end_micros"]),
        "item_id" => text(&record["item"]["named"], "id"),
        "item_name" => text(&record["item"]["named"], "name"),
        "item_unit" => text(&record["item"], "unit"),
        "item_period" => text(&record["item"], "period"),
        "asset_id" => text(&record["subscription"], "id"),
        "asset_external_id" => text(&record["subscription"], "external_id"),
        "asset_recon_id" => text(&record["subscription"], "recon_id"),
        "customer_account_id" => text(&record["subscription"], "customer_external_id"),
        "customer_company_name" => text(&record["subscription"], "customer_name"),
        "record_note" => text(record, "note"),
        same => text(record, same),
    }
}

const COLUMNS: [&str; 16] = [
    "record_id",
    "record_note",
    "quantity",
    "start_time_utc",
    "end_time_utc",
    "category_id",
    "product_id",
    "item_id",
    "item_name",
    "item_unit",
    "item_period",
    "asset_id",
    "asset_external_id",
    "asset_recon_id",
    "customer_account_id",
    "customer_company_name",
];

fn sum(texts: impl IntoIterator<Item = String>) -> Decimal {
    texts.into_iter().fold(Decimal::ZERO, |sum, text| sum.saturating_add(Decimal::parse(&text).expect("a number")))
}

/// Checks that messages carry a file's chunks, record by record and in the order of rows.
pub(super) fn check(world: &World, party: Party, chunks: &[Value], got: &[Got]) {
    let mut of_chunk: BTreeMap<String, Vec<(String, Value)>> = BTreeMap::new();
    for got in got.iter().filter(|got| ["header", "records", "trailer"].contains(&got.kind.as_str())) {
        let says = got.says();
        of_chunk.entry(text(&says, "chunk_id")).or_default().push((got.kind.clone(), says));
    }
    for chunk in chunks {
        let chunk_id = text(chunk, "id");
        let messages = of_chunk.get(&chunk_id).unwrap_or_else(|| panic!("nothing of {chunk_id}"));
        let (header, trailer) = (&messages[0], &messages[messages.len() - 1]);
        assert_eq!((header.0.as_str(), trailer.0.as_str()), ("header", "trailer"));
        assert!(messages[1..messages.len() - 1].iter().all(|(kind, _)| kind == "records"));
        let records: Vec<&Value> =
            messages.iter().flat_map(|(_, says)| says["records"].as_array().into_iter().flatten()).collect();
        let path = format!("usage/chunks/{chunk_id}/download");
        // Who asks just when NATS is back is told to come again.
        world.until("the workbook", || world.get(party, &path).status == 200);
        let workbook = world.get(party, &path).body;
        for name in COLUMNS {
            let told: Vec<String> = records.iter().map(|record| cell(record, name)).collect();
            assert_eq!(told, column(&workbook, name), "{name} of {chunk_id}");
        }
        let rows: Vec<u64> = records.iter().map(|record| record["row"].as_u64().expect("a row")).collect();
        assert!(rows.is_sorted_by(|left, right| left < right), "{rows:?}");
        assert_eq!(header.1["records"], json!(rows.len()));
        assert_eq!(trailer.1["records"], json!(rows.len()));
        assert_eq!(trailer.1["totals"], header.1["totals"]);
        let quantity = |says: &Value| sum(says["totals"].as_array().unwrap().iter().map(|it| text(it, "quantity")));
        assert_eq!(quantity(&trailer.1), sum(column(&workbook, "quantity")));
        assert_eq!(header.1["hub"]["id"], chunk["binding"]["hub"]["id"]);
    }
}

/// Goal: a billing system has every accepted record once, in order, whatever stops. Method: files are accepted and closed
/// while the services are started again, NATS stops and its store is wiped; one subscriber reads JSON, one protobuf, one
/// never reads.
#[test]
fn the_feed_carries_what_the_chunks_carry_through_restarts_and_a_wiped_store() {
    let mut world = World::secured();
    let json = Billing::new(&mut world, "json", Distributor, Form::Json);
    let protobuf = Billing::new(&mut world, "protobuf", Distributor, Form::Protobuf);
    let dead = Billing::new(&mut world, "dead", Distributor, Form::Json);
    let all = [&json, &protobuf, &dead];
    all.iter().for_each(|billing| billing.add(&world, Begin::First));
    let first = world.accepted(CONTRACT, "first", RECORDS);
    let chunks = world.chunks(Distributor, &first);
    let mut read = json.read_chunks(&world, "trailer", &chunks);
    check(&world, Distributor, &chunks, &read);
    world.restart();
    let second = world.accepted(CONTRACT, "second", 40);
    world.nats().stop();
    world.nats().go_on();
    let more = world.chunks(Distributor, &second);
    read.extend(json.read_chunks(&world, "trailer", &more));
    check(&world, Distributor, &more, &read);
    world.close(Distributor, &first);
    read.extend(json.read_chunks(&world, "closed", &chunks));
    let billed = read.iter().filter(|got| got.kind == "billings").map(Got::says);
    let billed: u64 = billed.map(|says| says["records"].as_u64().expect("a number")).sum();
    assert_eq!(billed, u64::from(RECORDS));
    let waiting = dead.state(&world);
    assert_eq!((waiting.waiting, waiting.delivered), (read.len() as u64, 0), "it holds nobody up");
    // Everything again, in the other form, and from a stream that was made again.
    let positions = |read: &[Got]| read.iter().map(|got| got.position.clone()).collect::<Vec<_>>();
    let last = positions(&read).pop();
    let is_last = |got: &Got| Some(&got.position) == last.as_ref();
    let again = protobuf.read(&world, is_last);
    let says = |read: &[Got]| read.iter().map(Got::says).collect::<Vec<_>>();
    assert_eq!((positions(&again), says(&again)), (positions(&read), says(&read)));
    world.nats().stop();
    world.nats().wipe();
    world.nats().go_on();
    json.add(&world, Begin::First);
    assert_eq!(json.read(&world, is_last), read, "byte for byte");
}

/// A file of nothing but the consumption of reservations, which is never billed.
fn reserved(world: &World) -> String {
    let mut catalog = demo_catalog();
    *catalog["products"][0]["capabilities"].pointer_mut("/reservation/consumption").expect("a capability") =
        json!(true);
    world.import(&catalog).expect("a sound catalog");
    let file = world.create(CONTRACT);
    let (path, ids) = (world.path("reserved.xlsx"), ["reserved-1".to_owned(), "reserved-2".to_owned()]);
    usage(&path, &ids, "AS-8919-8653-9735", "AP-SEAT");
    world.upload(&file, &path).expect(201);
    world.reach(&file, "ready");
    world.submit(&file);
    world.act(Distributor, &file, "accept").expect(201);
    world.reach(&file, "closed");
    file
}

/// Goal: to each account its own, and of that nothing that only the vendor sees. Method: a distributor and a
/// reseller, each with a file, beside a vendor's trial and a file of reservations.
#[test]
fn a_subscriber_has_the_records_of_its_account_only() {
    let mut world = World::secured();
    let billings = [(Distributor, CONTRACT), (Reseller, RESOLD_CONTRACT)]
        .map(|(party, contract)| (Billing::new(&mut world, account(party), party, Form::Json), party, contract));
    let trial = world.accepted(PREVIEW_CONTRACT, "trial", 20);
    let reserved = reserved(&world);
    for (billing, party, contract) in &billings {
        let body = json!({ "contract": { "id": contract }, "product": { "id": PRODUCT }, "external_id": SECRET });
        let file = world.create_with(&body);
        let (workbook, _) = world.generate(contract, &format!("own-{party:?}"), 40);
        world.upload(&file, &workbook).expect(201);
        world.checked(&file);
        world.submit(&file);
        world.act(*party, &file, "accept").expect(201);
        let chunks = world.chunks(*party, &file);
        billing.add(&world, Begin::First);
        let read = billing.read_chunks(&world, "trailer", &chunks);
        check(&world, *party, &chunks, &read);
        for got in &read {
            assert!(got.subject.starts_with(&format!("accepted.{}.", account(*party))), "{}", got.subject);
            let holds = |text: &str| got.payload.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(!holds(SECRET) && !holds(&trial[3..]) && !holds(&reserved[3..]), "{:?}", got.says());
        }
        let known = world.get(Vendor, &format!("usage/files/{file}")).expect(200);
        assert_eq!(known["external_id"], SECRET);
    }
}

/// Goal: what was read can be read again from any place. Method: a subscriber from a sequence and one from the time of
/// the second file get its messages and nothing before.
#[test]
fn a_subscriber_may_begin_at_a_sequence_or_a_time() {
    let mut world = World::secured();
    let whole = Billing::new(&mut world, "whole", Distributor, Form::Json);
    whole.add(&world, Begin::First);
    let first = world.accepted(CONTRACT, "first", 40);
    let read = whole.read_chunks(&world, "trailer", &world.chunks(Distributor, &first));
    let between = whole.state(&world).acknowledged;
    let second = world.accepted(CONTRACT, "second", 40);
    let chunks = world.chunks(Distributor, &second);
    let expected = whole.read_chunks(&world, "trailer", &chunks);
    assert!(!read.is_empty());
    let accepted = world.get(Vendor, &format!("usage/files/{second}")).expect(200)["events"]["accepted"]["at"].clone();
    let accepted = Moment::parse_iso(accepted.as_str().expect("a time")).expect("a time");
    for (name, from) in [("sequence", Begin::Sequence(between + 1)), ("time", Begin::Time(accepted))] {
        let later = Billing::new(&mut world, name, Distributor, Form::Json);
        later.add(&world, from);
        assert_eq!(later.read_chunks(&world, "trailer", &chunks), expected, "{name}");
    }
}

/// How many accepted records a second one subscriber gets, from a stream that has them: what docs/performance.md says.
#[test]
#[ignore = "a measurement"]
fn measure_the_feed() {
    const MANY: u32 = 100_000;
    let mut world = World::secured();
    for form in Form::ALL {
        let name = if form == Form::Json { "json" } else { "protobuf" };
        Billing::new(&mut world, name, Distributor, form).add(&world, Begin::First);
    }
    let begun = std::time::Instant::now();
    let file = world.accepted(CONTRACT, "many", MANY);
    let chunks = world.chunks(Distributor, &file);
    println!("{MANY} records from the workbook to chunks: {:?}", begun.elapsed());
    let waiting = Billing::new(&mut world, "json", Distributor, Form::Json);
    let (mut known, mut complete) = (u64::MAX, false);
    while !complete {
        std::thread::sleep(Duration::from_secs(2));
        let now = waiting.state(&world).waiting;
        complete = known == now && now > u64::try_from(2 * chunks.len()).unwrap();
        known = now;
    }
    for form in Form::ALL {
        let name = if form == Form::Json { "json" } else { "protobuf" };
        let billing = Billing::new(&mut world, name, Distributor, form);
        let begun = std::time::Instant::now();
        let (records, bytes) = world.block_on(billing.take_in(MANY));
        let taken = begun.elapsed();
        println!(
            "{name}: {records} records, {bytes} bytes in {taken:?}: {} a second",
            u128::from(records) * 1_000_000 / taken.as_micros()
        );
    }
}

/// Goal: the examples work. Method: each reads a file that was accepted and closed, and has its records.
#[test]
fn the_examples_have_every_record() {
    let mut world = World::apart();
    let python = Billing::new(&mut world, "python", Distributor, Form::Json);
    let rust = Billing::new(&mut world, "rust", Distributor, Form::Protobuf);
    let last = Billing::new(&mut world, "last", Distributor, Form::Json);
    [&python, &rust, &last].iter().for_each(|billing| billing.add(&world, Begin::First));
    let file = world.accepted(CONTRACT, "examples", 60);
    let chunks = world.chunks(Distributor, &file);
    world.close(Distributor, &file);
    last.read_chunks(&world, "closed", &chunks);
    let said = |command: &mut Command| {
        let output = command.output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let (folder, url) = (root().join("docs/examples/subscriber"), python.link.servers.clone());
    let stream = python.subscriber.stream();
    let mut command = Command::new(root().join(".cache/venv-nats/bin/python"));
    command.arg(folder.join("subscriber.py")).args(["python", "--stream", &stream]);
    command.args(["--once", "--nats", &url, "--database"]);
    assert_eq!(said(command.arg(world.path("billing.db"))), format!("record 60\nchunk {}\n", chunks.len()));
    let tests = std::env::current_exe().expect("this program");
    let built = tests.parent().and_then(Path::parent).expect("where cargo builds").join("examples/subscriber");
    let lines = said(Command::new(built).args(["rust", &stream, &url]));
    let mut told: Vec<&str> = lines.lines().filter_map(|line| line.split(',').next()).collect();
    told.sort_unstable();
    let records = world.records(Distributor, &file);
    let records: Vec<&str> = records.iter().map(|record| record["id"].as_str().expect("an id")).collect();
    assert_eq!(told, records);
}
