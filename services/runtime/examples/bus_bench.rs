//! What the bus costs beside a plain publisher: the same bytes through async-nats into a stream that is set up alike on
//! the same server, both pipelined and acknowledged, in turns. `bus_bench NATS_SERVER [ROUNDS [MEMBERS]]`; MEMBERS is 1
//! or 3 servers, whose streams have as many replicas.
//!
//! A writer's log is filled first: what is measured is publishing out of it, and publishing it while somebody in
//! "another process" hears it, which decodes and folds every fact.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{Config, StorageType};
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use ledger::fact::RecordsRead;
use ledger::{Actor, Event, EventId, Fact, FileId, Hash, HostId, Moment, Partition, ServiceName, Subject};
use runtime::bus::{Bus, Neighbour};
use runtime::clock::Clock;
use runtime::log::{LogReader, LogSettings, Logs, NewEntry};
use runtime::nats::{Link, LinkSettings, Outbox};
use runtime::projection::Projection;
use runtime::shelf::CatalogShelf;
use tokio::sync::watch;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Messages in flight, as many as the product has (log-and-nats §7).
const FLIGHT: usize = 256;
/// How long a cluster may take to have a leader.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(200);
/// What is carried: facts as a decision makes them, and batches of 1,000 records as reading a workbook makes them.
const LOADS: [Load; 2] =
    [Load { name: "facts", bytes: 100, count: 50_000 }, Load { name: "batches", bytes: 50_000, count: 2_000 }];

/// What the kernel counts processor time in.
const TICK_MICROS: u64 = 10_000;

#[derive(Clone, Copy)]
struct Load {
    name: &'static str,
    /// Of the part that only the fact decides.
    bytes: usize,
    count: u64,
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let argument = |at| std::env::args().nth(at);
    let program = argument(1).ok_or("name the NATS server: .cache/venv-nats/bin/nats-server")?;
    let number = |at, otherwise| argument(at).and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (rounds, members): (u16, usize) = (number(2, 5), usize::from(number(3, 1)));
    let dir = std::env::temp_dir().join(format!("bus-bench-{}", std::process::id()));
    std::fs::create_dir(&dir)?;
    let done = run(&program, rounds, members, &dir).await;
    std::fs::remove_dir_all(&dir)?;
    done
}

async fn run(program: &str, rounds: u16, members: usize, dir: &Path) -> Outcome<()> {
    let servers = Servers::start(program, members, dir)?;
    let link_of = |user: &str| LinkSettings {
        servers: servers.url.clone(),
        user: user.to_owned(),
        credentials: None,
        root_certificate: None,
        replicas: members,
    };
    let (sends, hears) = (link_of("approval"), link_of("gateway"));
    let (sends, hears) = (Link::connect(&sends, Clock::Machine).await?, Link::connect(&hears, Clock::Machine).await?);
    let client = async_nats::ConnectOptions::new()
        .retry_on_initial_connect()
        .connect(servers.url.split(',').collect::<Vec<_>>())
        .await?;
    println!("{members} server(s), {FLIGHT} in flight: messages a second, and microseconds of processor time for each");
    let mut partitions = 0..;
    let mut fresh = || HostId::new(ServiceName::Ingestion, partitions.next().unwrap_or_default());
    for load in LOADS {
        let (mut bytes, mut taken) = (0, [Vec::new(), Vec::new(), Vec::new()]);
        for round in 0..rounds {
            let (host, again) = (fresh(), fresh());
            let folder = dir.join(format!("{}-{round}", load.name));
            let logs = Logs::open(&folder, &[host, again], LogSettings::default())?;
            bytes = fill(&logs, host, load)?;
            fill(&logs, again, load)?;
            let reader = logs.reader(host)?;
            // One before, the other after, in turns: what the neighbours on this machine do hits both.
            let (plain, bus) = if round % 2 == 0 {
                let plain = plain(&client, &reader, &servers, load).await?;
                (plain, publish(&sends, reader, &servers, load).await?)
            } else {
                let bus = publish(&sends, reader.clone(), &servers, load).await?;
                (plain(&client, &reader, &servers, load).await?, bus)
            };
            let heard = publish_and_hear([&sends, &hears], logs.reader(again)?, &servers, load).await?;
            for (of, one) in taken.iter_mut().zip([plain, bus, heard]) {
                of.push(one);
            }
            logs.close();
            std::fs::remove_dir_all(&folder)?;
        }
        print(load, bytes, &taken);
    }
    Ok(())
}

/// Every round, the middle one of each, and of what each has beside the plain publisher in the same round the middle one:
/// how fast the machine is may change between two rounds.
fn print(load: Load, bytes: usize, taken: &[Vec<Taken>; 3]) {
    println!("\n{} of {bytes} bytes", load.name);
    for (name, of) in ["plain", "bus", "bus, and heard"].into_iter().zip(taken) {
        let rounds: Vec<String> = of.iter().map(|one| format!("{:>7}", one.rate)).collect();
        let ratios = of.iter().zip(&taken[0]).map(|(one, plain)| one.rate * 100 / plain.rate.max(1));
        let (rate, micros) = (middle(of.iter().map(|one| one.rate)), middle(of.iter().map(|one| one.micros)));
        println!("{name:14} {}   middle {rate:>7} ({:>3} %) {micros:>4} µs", rounds.join(" "), middle(ratios));
    }
}

fn middle(of: impl Iterator<Item = u64>) -> u64 {
    let mut sorted: Vec<u64> = of.collect();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// Fills a log; gives the bytes of one fact.
fn fill(logs: &Logs, host: HostId, load: Load) -> Outcome<usize> {
    let mut writer = logs.writer(host)?;
    let file = FileId::new(2026, 11, Partition(0), 1).ok_or("a file's id")?;
    let (mut bytes, mut last) = (0, None);
    for number in 0..load.count {
        let payload = proto::encode_event(&event(file, number, load));
        bytes = payload.len();
        // What is handed over and not yet on the disk is bounded.
        if let Some(ticket) = (number % 64 == 0).then(|| last.take()).flatten() {
            wait(ticket)?;
        }
        last = Some(writer.append(vec![NewEntry::Own { id: None, payload }])?.ticket);
    }
    last.map_or(Ok(()), wait)?;
    Ok(bytes)
}

fn wait(ticket: runtime::log::Ticket) -> Outcome<()> {
    Ok(tokio::task::block_in_place(|| ticket.wait())?)
}

fn event(file: FileId, number: u64, load: Load) -> Event {
    let seed = Hash::of(&number.to_le_bytes());
    // Digits that don't compress, since records were compressed already.
    let noise = (0..load.bytes.div_ceil(32)).flat_map(|part| Hash::of_parts(&[&seed.0, &part.to_le_bytes()]).0);
    let batch = RecordsRead {
        upload: 1,
        attempt: 1,
        part: 0,
        first_row: 2,
        last_row: 1_001,
        records: 1_000,
        root: seed,
        payload: noise.take(load.bytes).collect(),
    };
    Event {
        id: EventId::derive(&seed, ServiceName::Ingestion, 0),
        subject: Subject::File(file),
        cause: seed,
        actor: Actor::Service(ServiceName::Ingestion),
        surface: ledger::Surface::Api,
        recorded_at: Moment(1_790_000_000_000_000),
        fact: Fact::RecordsRead(Box::new(batch)),
    }
}

/// What one way of publishing took: how many a second, and the processor time of the bench and of the servers.
#[derive(Clone, Copy, Default)]
struct Taken {
    rate: u64,
    micros: u64,
}

/// From here on.
struct Began {
    at: Instant,
    ticks: u64,
}

impl Began {
    fn now(servers: &Servers) -> Self {
        Self { at: Instant::now(), ticks: servers.ticks() }
    }

    fn taken(&self, servers: &Servers, load: Load) -> Taken {
        let micros = u64::try_from(self.at.elapsed().as_micros()).unwrap_or(u64::MAX);
        let rate = load.count * 1_000_000 / micros.max(1);
        Taken { rate, micros: (servers.ticks() - self.ticks) * TICK_MICROS / load.count }
    }
}

/// The same bytes, published as fast as async-nats can and the server acknowledges.
async fn plain(client: &async_nats::Client, reader: &LogReader, servers: &Servers, load: Load) -> Outcome<Taken> {
    let (jetstream, began) = (async_nats::jetstream::new(client.clone()), Instant::now());
    let name = format!("PLAIN_{}_{}", load.name, reader.host().partition.0);
    let subject = format!("plain.{}.{}", load.name, reader.host().partition.0);
    let config = Config {
        name: name.clone(),
        subjects: vec![subject.clone()],
        storage: StorageType::File,
        num_replicas: servers.running.len(),
        allow_direct: true,
        ..Config::default()
    };
    // A cluster elects its leader first.
    while let Err(error) = jetstream.create_stream(config.clone()).await {
        if began.elapsed() > PATIENCE {
            return Err(error.into());
        }
        tokio::time::sleep(PAUSE).await;
    }
    let mut messages = Vec::new();
    for entry in reader.own(1) {
        let entry = entry?;
        messages.push([&entry.header.encode()[..], entry.payload.as_deref().unwrap_or_default()].concat());
    }
    let began = Began::now(servers);
    let mut flight = FuturesOrdered::new();
    for message in messages {
        if flight.len() == FLIGHT {
            flight.next().await.transpose()?;
        }
        let message = PublishMessage::build().payload(message.into());
        flight.push_back(jetstream.send_publish(subject.clone(), message).await?.into_future());
    }
    while flight.next().await.transpose()?.is_some() {}
    let taken = began.taken(servers, load);
    jetstream.delete_stream(name).await?;
    Ok(taken)
}

/// Publishes a log.
async fn publish(link: &Link, reader: LogReader, servers: &Servers, load: Load) -> Outcome<Taken> {
    let outbox = Outbox::new(link.clone(), reader);
    outbox.open().await?;
    let (stop, stopped) = watch::channel(false);
    let mut progress = outbox.progress();
    let began = Began::now(servers);
    let publisher = tokio::spawn(outbox.run(stopped));
    progress.wait_for(|progress| progress.acknowledged == load.count).await?;
    let taken = began.taken(servers, load);
    stop.send_replace(true);
    publisher.await??;
    Ok(taken)
}

/// Publishes a log to somebody who folds it.
async fn publish_and_hear(links: [&Link; 2], reader: LogReader, servers: &Servers, load: Load) -> Outcome<Taken> {
    let ([sends, hears], host) = (links, reader.host());
    let outbox = Outbox::new(sends.clone(), reader);
    outbox.open().await?;
    let (stop, stopped) = watch::channel(false);
    let far = BTreeMap::from([(host, Neighbour::far(hears.clone(), host))]);
    let projection = Projection::new(Bus::new(far, CatalogShelf::default()));
    let began = Began::now(servers);
    let hearer = tokio::spawn(projection.clone().run(stopped.clone()));
    let publisher = tokio::spawn(outbox.run(stopped));
    projection.reach(host, load.count).await;
    let taken = began.taken(servers, load);
    stop.send_replace(true);
    publisher.await??;
    hearer.await??;
    Ok(taken)
}

/// User and system time, which are the twelfth and thirteenth fields behind the program's name.
fn ticks(stat: &str) -> u64 {
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum()
}

/// Servers of NATS, killed when they are no longer needed.
struct Servers {
    url: String,
    running: Vec<Child>,
}

impl Drop for Servers {
    fn drop(&mut self) {
        for server in &mut self.running {
            // It may have ended by itself, which is as good.
            drop(server.kill());
            drop(server.wait());
        }
    }
}

impl Servers {
    /// The processor time that the servers and this process have taken.
    fn ticks(&self) -> u64 {
        let all = self.running.iter().map(Child::id).chain([std::process::id()]);
        all.map(|pid| ticks(&std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default())).sum()
    }

    fn start(program: &str, members: usize, dir: &Path) -> Outcome<Self> {
        let held: Vec<TcpListener> =
            (0..members * 2).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
        let ports: Vec<u16> = held.iter().map(|one| one.local_addr().map(|at| at.port())).collect::<Result<_, _>>()?;
        drop(held);
        let (clients, routes) = ports.split_at(members);
        let all_routes = routes.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect::<Vec<_>>().join(",");
        let mut running = Vec::new();
        for (number, (client, route)) in clients.iter().zip(routes).enumerate() {
            let mut command = Command::new(program);
            command.args(["-a", "127.0.0.1", "-p", &client.to_string(), "-js", "-sd"]);
            command.arg(dir.join(format!("nats-{number}")));
            if members > 1 {
                command.args(["-n", &format!("member-{number}"), "--cluster_name", "bench"]);
                command.args(["--cluster", &format!("nats://127.0.0.1:{route}"), "--routes", &all_routes]);
            }
            running.push(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
        }
        let urls: Vec<String> = clients.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
        Ok(Self { url: urls.join(","), running })
    }
}
