//! How fast records are reported through the API, in calls of a thousand from four connections, each durable before its
//! answer; beside it, in the same run, the same bytes appended to a plain file with `fdatasync` for each call. Then all
//! of it is sent again, which adds nothing. `report_bench SERVER [CALLS [DIR]]`: CALLS for each connection.

use std::fs::File;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use usage_ledger::demo::VENDOR_KEY;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Connections that report at once.
const CONNECTIONS: usize = 4;
/// Records of a call.
const RECORDS: usize = 1_000;

fn main() -> Outcome<()> {
    let argument = |at| std::env::args().nth(at);
    let server = argument(1).ok_or("name the server: target/release/usage-ledger")?;
    let calls = argument(2).and_then(|text| text.parse().ok()).unwrap_or(50);
    let dir = argument(3).map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = dir.join(format!("report-bench-{}", std::process::id()));
    std::fs::create_dir(&dir)?;
    let mut server = Server::start(&server, &dir)?;
    let done = measure(&server.url, &dir, calls);
    server.child.kill()?;
    server.child.wait()?;
    std::fs::remove_dir_all(&dir)?;
    done
}

fn measure(url: &str, dir: &Path, calls: usize) -> Outcome<()> {
    let bodies: Vec<Vec<String>> =
        (0..CONNECTIONS).map(|connection| (0..calls).map(|call| body(connection, call)).collect()).collect();
    let records = CONNECTIONS * calls * RECORDS;
    // The plain file before and after, since the neighbours change by the second.
    let before = plain(dir, &bodies)?;
    let first = report(url, &bodies)?;
    let plain = (before + plain(dir, &bodies)?) / 2;
    let second = report(url, &bodies)?;
    let rate = |elapsed: Duration| records as u128 * 1_000_000 / elapsed.as_micros().max(1);
    let percent = plain.as_micros() * 100 / first.elapsed.as_micros().max(1);
    let (added, again) = (rate(first.elapsed), rate(second.elapsed));
    println!("{records} records in calls of {RECORDS} from {CONNECTIONS} connections");
    println!("first time  {added:>7}/s   {}", first.counts());
    println!("again       {again:>7}/s   {}", second.counts());
    println!("plain file  {:>7}/s   reported/file {percent} %", rate(plain));
    println!("a call took {} ms at the median and {} ms at most", first.quantile(50), first.quantile(100));
    let as_hoped = (first.added, second.added, second.identical) == (records, 0, records);
    if as_hoped { Ok(()) } else { Err("not every record was added once".into()) }
}

/// A call's records: each of its own id, of one subscription and item, an hour of October each.
fn body(connection: usize, call: usize) -> String {
    let record = |number: usize| {
        let (day, hour) = (1 + call % 30, number % 23);
        json!({
            "record_id": format!("{connection}-{call}-{number:04}"),
            "record_note": "",
            "item_search_criteria": "item.mpn",
            "item_search_value": "AP-CPU",
            "quantity": 1 + (number * 7 + call) % 900,
            "start_time_utc": format!("2026-10-{day:02} {hour:02}:00:00"),
            "end_time_utc": format!("2026-10-{day:02} {:02}:00:00", hour + 1),
            "asset_search_criteria": "asset.id",
            "asset_search_value": "AS-8919-8653-9735",
            "v.region": format!("eu-west-{}", number % 3),
        })
    };
    let records: Vec<Value> = (0..RECORDS).map(record).collect();
    let (contract, product) = (json!({ "id": "CRD-21674-67435-75488" }), json!({ "id": "PRD-404-832-779" }));
    json!({ "contract": contract, "product": product, "records": records }).to_string()
}

/// What came of sending everything once.
#[derive(Debug, Default)]
struct Sent {
    elapsed: Duration,
    calls: Vec<Duration>,
    added: usize,
    identical: usize,
    others: usize,
}

impl Sent {
    fn counts(&self) -> String {
        format!("{} added, {} identical, {} others", self.added, self.identical, self.others)
    }

    fn quantile(&self, percent: usize) -> u128 {
        let last = self.calls.len().saturating_sub(1);
        self.calls.get(last * percent / 100).map_or(0, Duration::as_millis)
    }

    fn take(&mut self, told: &Value, elapsed: Duration) {
        let count = |name: &str| told[name].as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or_default();
        self.added += count("added");
        self.identical += count("identical");
        self.others += count("conflicting") + count("refused");
        self.calls.push(elapsed);
    }
}

fn report(url: &str, bodies: &[Vec<String>]) -> Outcome<Sent> {
    let sent = Mutex::new(Sent::default());
    let started = Instant::now();
    std::thread::scope(|scope| {
        let threads = bodies.iter().map(|bodies| scope.spawn(|| connection(url, bodies, &sent)));
        let threads: Vec<_> = threads.collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a connection ended early")?)
    })?;
    let mut sent = sent.into_inner().unwrap_or_else(PoisonError::into_inner);
    sent.elapsed = started.elapsed();
    sent.calls.sort_unstable();
    Ok(sent)
}

fn connection(url: &str, bodies: &[String], sent: &Mutex<Sent>) -> Outcome<()> {
    let agent = ureq::Agent::new_with_defaults();
    for body in bodies {
        let started = Instant::now();
        let request = agent.post(format!("{url}/ledger/v1/records")).header("Authorization", VENDOR_KEY);
        let mut answer = request.header("Content-Type", "application/json").send(body)?;
        let text = answer.body_mut().read_to_string()?;
        let elapsed = started.elapsed();
        sent.lock().unwrap_or_else(PoisonError::into_inner).take(&serde_json::from_str(&text)?, elapsed);
    }
    Ok(())
}

/// The same bytes into a file: as many threads, and each call synced before the next one of its thread.
fn plain(dir: &Path, bodies: &[Vec<String>]) -> Outcome<Duration> {
    let path = dir.join("plain");
    let file = File::create(&path)?;
    let started = Instant::now();
    std::thread::scope(|scope| {
        let write = |bodies: &Vec<String>| -> Outcome<()> {
            for body in bodies {
                (&file).write_all(body.as_bytes())?;
                file.sync_data()?;
            }
            Ok(())
        };
        let threads: Vec<_> = bodies.iter().map(|bodies| scope.spawn(move || write(bodies))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a writer ended early")?)
    })?;
    let elapsed = started.elapsed();
    std::fs::remove_file(path)?;
    Ok(elapsed)
}

/// A server of its own, with the demo's catalog.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(binary: &str, dir: &Path) -> Outcome<Self> {
        let catalog = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/demo-catalog.json");
        let mut child = Command::new(binary)
            .args(["run", "--listen", "127.0.0.1:0", "--data"])
            .arg(dir.join("data"))
            .arg("--catalog")
            .arg(catalog)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let output = child.stdout.take().ok_or("the server says nothing")?;
        for line in BufReader::new(output).lines() {
            if let Some(url) = line?.strip_prefix("usage-ledger is ready at ") {
                return Ok(Self { child, url: url.to_owned() });
            }
        }
        child.kill()?;
        Err("the server ended before it was ready".into())
    }
}
