//! How fast producers' reports get their receipts over NATS, each durable before it: single records with 64 in flight,
//! then batches of 100 and of 1,000, as protobuf. `produce_bench SERVER NATS_SERVER [SECONDS [apart]]`: SECONDS for each;
//! `apart` runs the gateway as a process of its own.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use async_nats::Client;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use proto::report::{Cells, UsageReport};

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const SUBJECT: &str = "report.CRD-21674-67435-75488.PRD-404-832-779";
/// Records of a report, and reports that are in flight.
const LOADS: [(usize, usize); 3] = [(1, 64), (100, 8), (1_000, 4)];
/// How long the parts may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> Outcome<()> {
    let argument = |at| std::env::args().nth(at);
    let server = argument(1).ok_or("name the server: target/release/usage-ledger")?;
    let nats_server = argument(2).ok_or("name the NATS server: .cache/venv-nats/bin/nats-server")?;
    let seconds = argument(3).and_then(|text| text.parse().ok()).unwrap_or(5);
    let apart = argument(4).is_some_and(|shape| shape == "apart");
    let dir = std::env::temp_dir().join(format!("produce-bench-{}", std::process::id()));
    std::fs::create_dir(&dir)?;
    let done = run(&server, &nats_server, Duration::from_secs(seconds), apart, &dir).await;
    std::fs::remove_dir_all(&dir)?;
    done
}

async fn run(server: &str, nats_server: &str, each: Duration, apart: bool, dir: &Path) -> Outcome<()> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let url = format!("nats://127.0.0.1:{port}");
    let mut nats = Command::new(nats_server);
    nats.args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"]).arg(dir.join("nats"));
    let _nats = Part(nats.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
    let client = async_nats::ConnectOptions::new().retry_on_initial_connect().connect(&url).await?;
    let services = "catalog,ingestion,validation,approval,extraction";
    let shapes = if apart { vec![services, "gateway"] } else { vec![""] };
    let mut parts = Vec::new();
    for only in shapes {
        parts.push(Part::start(server, &url, only, dir)?);
    }
    answered(&client).await?;
    println!("{}", if apart { "the gateway apart from the other services" } else { "all services in one process" });
    println!("{:>8} {:>9} {:>10} {:>10} {:>8} {:>8}", "records", "in flight", "reports/s", "records/s", "p50", "p99");
    for (records, flight) in LOADS {
        let mut taken = measure(&client, records, flight, each).await?;
        taken.sort_unstable();
        let quantile = |percent: usize| taken.get((taken.len() - 1) * percent / 100).map_or(0, Duration::as_micros);
        let rate = taken.len() as u128 * 1_000_000 / each.as_micros().max(1);
        let (p50, p99) = (quantile(50), quantile(99));
        let all = rate * records as u128;
        println!(
            "{records:>8} {flight:>9} {rate:>10} {all:>10} {:>5}.{} ms {:>3}.{} ms",
            p50 / 1_000,
            p50 / 100 % 10,
            p99 / 1_000,
            p99 / 100 % 10
        );
    }
    Ok(())
}

/// Waits until somebody answers.
async fn answered(client: &Client) -> Outcome<()> {
    let since = Instant::now();
    while since.elapsed() < PATIENCE {
        if send(client, report("warm", 0, 1)?, 1).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err("nobody answers".into())
}

/// How long each receipt took, with so many reports in flight for so long.
async fn measure(client: &Client, records: usize, flight: usize, each: Duration) -> Outcome<Vec<Duration>> {
    let (mut sent, mut taken, mut number) = (FuturesUnordered::new(), Vec::new(), 0);
    let started = Instant::now();
    while started.elapsed() < each {
        while sent.len() < flight {
            sent.push(send(client, report(&records.to_string(), number, records)?, records));
            number += 1;
        }
        if let Some(elapsed) = sent.next().await {
            taken.push(elapsed?);
        }
    }
    // What is in flight at the end counts for nothing, but must be taken too.
    while let Some(elapsed) = sent.next().await {
        elapsed?;
    }
    Ok(taken)
}

async fn send(client: &Client, bytes: Vec<u8>, records: usize) -> Outcome<Duration> {
    let started = Instant::now();
    let reply = client.request(SUBJECT, bytes.into()).await?;
    let elapsed = started.elapsed();
    let told = proto::decode_report_reply(&reply.payload)?;
    let told = told.map_err(|refusal| format!("{}: {}", refusal.code, refusal.errors.join(" ")))?;
    if usize::try_from(told.added)? + usize::try_from(told.identical)? == records {
        Ok(elapsed)
    } else {
        Err("not every record was added".into())
    }
}

/// A report whose records nobody reported before.
fn report(series: &str, number: usize, records: usize) -> Outcome<Vec<u8>> {
    let day = 1 + number % 30;
    let record = |at: usize| -> Cells {
        let cells = [
            ("record_id", format!("{series}-{number}-{at:04}")),
            ("item_search_criteria", "item.mpn".to_owned()),
            ("item_search_value", "AP-CPU".to_owned()),
            ("quantity", (1 + (number + at * 7) % 900).to_string()),
            ("start_time_utc", format!("2026-10-{day:02} {:02}:00:00", at % 23)),
            ("end_time_utc", format!("2026-10-{day:02} {:02}:00:00", at % 23 + 1)),
            ("asset_search_criteria", "asset.id".to_owned()),
            ("asset_search_value", "AS-8919-8653-9735".to_owned()),
            ("v.region", format!("eu-west-{}", at % 3)),
        ];
        cells.into_iter().map(|(name, text)| (name.into(), text)).collect()
    };
    Ok(proto::encode_report(&UsageReport { records: (0..records).map(record).collect(), ..UsageReport::default() })?)
}

/// A process, killed when it is no longer needed.
struct Part(Child);

impl Drop for Part {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Part {
    fn start(server: &str, nats: &str, only: &str, dir: &Path) -> Outcome<Self> {
        let catalog: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/demo-catalog.json");
        let mut command = Command::new(server);
        command.args(["run", "--listen", "127.0.0.1:0", "--nats", nats]);
        command.arg("--secrets").arg(dir.join("secrets")).arg("--data").arg(dir.join(format!("data-{only}")));
        if !only.is_empty() {
            command.args(["--only", only]);
        }
        if only != "gateway" {
            command.arg("--catalog").arg(catalog);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let output = child.stdout.take().ok_or("the server says nothing")?;
        let part = Self(child);
        let ready = BufReader::new(output).lines().map_while(Result::ok).any(|line| line.contains(" is ready at "));
        if ready { Ok(part) } else { Err("the server ended before it was ready".into()) }
    }
}
