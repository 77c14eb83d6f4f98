//! SIGKILL in every phase of a file's life: what was acknowledged stays, every file ends closed exactly once with the
//! generator's totals, and the log verifies.
//!
//! `KILLS=n` kills n times in each phase (1 by default, so that the ordinary run takes a small round). Seeds are fixed;
//! a failing round prints its phase and number, and `KILLS_ONLY=phase:number` repeats it alone.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ledger::fact::Total;
use ledger::{Decimal, Fact, FileId, HostId, Ledger, Moment, ObjectId, ServiceName, Subject};
use runtime::log::{LogSettings, Logs};
use serde_json::{Value, json};
use usage_ledger::cli::Client;
use usage_ledger::demo::{DISTRIBUTOR_KEY, VENDOR_KEY, generate, reconcile};

const CONTRACT: &str = "CRD-21674-67435-75488";
const PRODUCT: &str = "PRD-404-832-779";
/// Four batches.
const RECORDS: u32 = 3_500;
/// Small enough for rotations within one file's life.
const ROTATE_BYTES: &str = "262144";
/// How long anything may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where a round kills: before which step, and how.
#[derive(Clone, Copy, Debug)]
enum Kill {
    /// The process dies at a named point, at its nth passage.
    Point(&'static str),
    /// From outside, so many microseconds after the request was sent.
    Outside(u64),
}

/// A phase: its name, the step before which the point is armed, and the ways to die in it.
struct Phase {
    name: &'static str,
    step: Step,
    kills: &'static [Kill],
}

/// What the driver does next about a file, in the order of its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Upload,
    Submit,
    Accept,
    CloseChunk,
    Reconcile,
    Closed,
}

const PHASES: [Phase; 10] = [
    Phase {
        name: "upload",
        step: Step::Upload,
        kills: &[
            Kill::Point("blob.synced:1"),
            Kill::Point("blob.kept:1"),
            Kill::Outside(900),
            Kill::Point("blob.written:1"),
        ],
    },
    Phase {
        name: "reading",
        step: Step::Upload,
        kills: &[
            Kill::Point("read.batch:2"),
            Kill::Point("read.before_end:1"),
            Kill::Point("read.begin:1"),
            Kill::Point("read.batch:4"),
        ],
    },
    Phase {
        name: "checking",
        step: Step::Upload,
        kills: &[
            Kill::Point("check.batch:3"),
            Kill::Point("check.before_end:1"),
            Kill::Point("processed.half:5"),
            Kill::Point("check.begin:1"),
        ],
    },
    Phase {
        name: "submit",
        step: Step::Submit,
        kills: &[
            Kill::Point("commit.after_apply:1"),
            Kill::Outside(300),
            Kill::Point("commit.after_sync:1"),
            Kill::Outside(1_500),
        ],
    },
    Phase {
        name: "accept",
        step: Step::Accept,
        kills: &[
            Kill::Point("commit.mid_anchor:1"),
            Kill::Outside(500),
            Kill::Point("commit.after_flush:1"),
            Kill::Point("commit.before_apply:1"),
        ],
    },
    Phase {
        name: "chunk writing",
        step: Step::Accept,
        kills: &[
            Kill::Point("chunk.half:2"),
            Kill::Point("chunk.written:1"),
            Kill::Point("chunk.begin:2"),
            Kill::Point("chunk.begin:1"),
        ],
    },
    Phase {
        name: "reconciliation",
        step: Step::Reconcile,
        kills: &[
            Kill::Point("reconcile.before_end:1"),
            Kill::Point("reconcile.begin:1"),
            Kill::Outside(2_000),
            Kill::Point("commit.after_apply:3"),
        ],
    },
    Phase {
        name: "closing",
        step: Step::CloseChunk,
        kills: &[
            Kill::Point("commit.after_sync:1"),
            Kill::Outside(400),
            Kill::Point("commit.after_anchor:1"),
            Kill::Point("commit.after_apply:1"),
        ],
    },
    Phase {
        name: "rotation",
        step: Step::Upload,
        kills: &[
            Kill::Point("rotate.anchored:1"),
            Kill::Point("rotate.segment_half:1"),
            Kill::Point("rotate.opened_new:1"),
            Kill::Point("rotate.removed_old:1"),
        ],
    },
    Phase {
        name: "recovery",
        step: Step::Submit,
        kills: &[
            Kill::Point("open.recovering:1"),
            Kill::Point("open.recovering:1"),
            Kill::Point("open.recovering:1"),
            Kill::Point("open.recovering:1"),
        ],
    },
];

struct Server {
    child: Child,
    url: String,
}

impl Server {
    /// Starts the product; none when it died before it was ready.
    fn start(data: &Path, crash: Option<&str>) -> Option<Self> {
        let mut command = Command::new(binary());
        command.args(["run", "--listen", "127.0.0.1:0", "--rotate-bytes", ROTATE_BYTES, "--catalog"]);
        command.arg(root().join("schemas/demo-catalog.json")).arg("--data").arg(data);
        command.env("USAGE_LEDGER_LOG", "error").env_remove("USAGE_LEDGER_CRASH");
        if let Some(point) = crash {
            command.env("USAGE_LEDGER_CRASH", point);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("the binary starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("its output is read");
        match line.trim().strip_prefix("usage-ledger is ready at ") {
            Some(url) => Some(Self { url: url.to_owned(), child }),
            None => {
                child.wait().expect("it ends");
                None
            }
        }
    }

    fn kill(mut self) {
        // A process that has died by itself is as dead.
        let _ = self.child.kill();
        self.child.wait().expect("it ends");
    }

    fn died(&mut self) -> bool {
        self.child.try_wait().expect("its state is known").is_some()
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// The binary of the profile that this test was built with.
pub(crate) fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let path = test.parent().and_then(Path::parent).expect("target/profile").join("usage-ledger");
    assert!(path.exists(), "{} is missing: run `cargo build -p usage-ledger` first", path.display());
    path
}

/// A file on its way, and what the ledger has acknowledged of it.
struct Life<'a> {
    data: &'a Path,
    folder: &'a Path,
    source: PathBuf,
    total: Decimal,
    id: FileId,
    acknowledged: Step,
}

impl Life<'_> {
    /// The step that the file needs next; waits while the ledger works on it. None when the server is gone.
    fn next_step(&self, server: &mut Server) -> Option<Step> {
        let since = Instant::now();
        loop {
            assert!(since.elapsed() < PATIENCE, "{} does not move on", self.id);
            if server.died() {
                return None;
            }
            let vendor = Client::new(&server.url, VENDOR_KEY);
            let Ok(file) = vendor.get(&format!("usage/files/{}", self.id)) else {
                std::thread::sleep(Duration::from_millis(20));
                continue;
            };
            match file["status"].as_str().unwrap_or_default() {
                "draft" => return Some(Step::Upload),
                "ready" => return Some(Step::Submit),
                "pending" => return Some(Step::Accept),
                "closed" => return Some(Step::Closed),
                "accepted" => {
                    if let Some(step) = self.next_of_chunks(server) {
                        return Some(step);
                    }
                }
                "invalid" | "rejected" | "deleted" => panic!("{}: {file:#}", self.id),
                _ => {}
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn next_of_chunks(&self, server: &Server) -> Option<Step> {
        let chunks = self.chunks(server)?;
        if chunks.is_empty() || chunks.iter().any(|chunk| chunk["status"] == "draft") {
            return None;
        }
        assert!(chunks.iter().all(|chunk| chunk["status"] != "failed"), "{chunks:#?}");
        if chunks[0]["status"] == "ready" {
            return Some(Step::CloseChunk);
        }
        let distributor = Client::new(&server.url, DISTRIBUTOR_KEY);
        let running = distributor.get(&format!("usage/reconciliations?usagefile.id={}", self.id)).ok()?;
        let running = running.as_array()?.iter().any(|it| it["status"] != "processed");
        let open = chunks.iter().any(|chunk| chunk["status"] == "ready");
        (open && !running).then_some(Step::Reconcile)
    }

    fn chunks(&self, server: &Server) -> Option<Vec<Value>> {
        let distributor = Client::new(&server.url, DISTRIBUTOR_KEY);
        distributor.get(&format!("usage/chunks?usagefile.id={}", self.id)).ok()?.as_array().cloned()
    }

    /// Does a step; true when it was acknowledged.
    fn perform(&self, url: &str, step: Step) -> bool {
        let vendor = Client::new(url, VENDOR_KEY);
        let distributor = Client::new(url, DISTRIBUTOR_KEY);
        let id = self.id;
        match step {
            Step::Upload => {
                vendor.upload(&format!("usage/files/{id}/upload"), "usage_file", &self.source, false).is_ok()
            }
            Step::Submit => vendor.post(&format!("usage/files/{id}/submit"), &json!({})).is_ok(),
            Step::Accept => distributor.post(&format!("usage/files/{id}/accept"), &json!({})).is_ok(),
            Step::CloseChunk => {
                let billing = json!({ "external_billing_id": "BATCH-1" });
                distributor.post(&format!("usage/chunks/{}/close", id.chunk(1)), &billing).is_ok()
            }
            Step::Reconcile => self.reconcile(&distributor),
            Step::Closed => true,
        }
    }

    fn reconcile(&self, distributor: &Client) -> bool {
        let Ok(chunks) = distributor.get(&format!("usage/chunks?usagefile.id={}&status=ready", self.id)) else {
            return false;
        };
        let Some(chunk) = chunks[0]["id"].as_str() else { return false };
        let path = self.folder.join(format!("{chunk}.xlsx"));
        let back = self.folder.join(format!("back-{chunk}.xlsx"));
        if distributor.download(&format!("usage/chunks/{chunk}/download"), &path).is_err() {
            return false;
        }
        reconcile(&path, &back, self.folder, Moment(0)).expect("the chunk's workbook is whole");
        distributor.upload(&format!("usage/files/{}/reconciliation", self.id), "recon_file", &back, false).is_ok()
    }

    /// Goes on until the wanted step is next (or past), on a server that stays up.
    fn advance_to(&mut self, server: &mut Server, wanted: Step) {
        loop {
            let step = self.next_step(server).expect("the server stays up");
            assert!(
                step > self.acknowledged
                    || step == Step::Reconcile
                    || self.acknowledged == Step::Upload && step == Step::Upload,
                "{}: {step:?} is next although {:?} was acknowledged",
                self.id,
                self.acknowledged
            );
            if step >= wanted {
                return;
            }
            if self.perform(&server.url, step) {
                self.acknowledged = self.acknowledged.max(step);
            }
        }
    }

    /// Kills during a step; afterwards the server is down. True when it died where it should.
    fn die_at(&mut self, step: Step, kill: Kill) -> bool {
        let point = match kill {
            Kill::Point(point) => Some(point),
            Kill::Outside(_) => None,
        };
        let Some(mut server) = Server::start(self.data, point) else { return true };
        let url = server.url.clone();
        let acknowledged = std::thread::scope(|scope| {
            let request = scope.spawn(|| self.perform(&url, step));
            if let Kill::Outside(micros) = kill {
                std::thread::sleep(Duration::from_micros(micros));
                let _ = server.child.kill();
            }
            request.join().expect("the request ends")
        });
        let since = Instant::now();
        while !server.died() && since.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let died = server.died();
        server.kill();
        if acknowledged {
            self.acknowledged = self.acknowledged.max(step);
        }
        died
    }
}

fn period() -> (Moment, Moment) {
    let day = |text| Moment::parse_iso(text).expect("a date");
    (day("2026-10-01"), day("2026-11-01"))
}

/// One file with one kill in one phase, to its end.
fn round(data: &Path, folder: &Path, phase: &Phase, number: usize) -> (FileId, Decimal, bool) {
    let (from, until) = period();
    let name = format!("{}-{number}", phase.name.replace(' ', "-"));
    let source = folder.join(format!("{name}.xlsx"));
    let mut server = Server::start(data, None).expect("the product starts");
    let plan = generate::Plan {
        seed: number as u64,
        records: RECORDS,
        contract: ObjectId::new(CONTRACT).expect("an id"),
        product: ObjectId::new(PRODUCT).expect("an id"),
        from,
        until,
        record_prefix: name,
    };
    let made = generate::workbook(&catalog(), &plan, &source, folder).expect("the workbook is made");
    let body = json!({ "contract": { "id": CONTRACT }, "product": { "id": PRODUCT } });
    let created = Client::new(&server.url, VENDOR_KEY).post("usage/files", &body).expect("a draft");
    let id = FileId::parse(created["id"].as_str().expect("an id")).expect("a file's id");
    let mut life = Life { data, folder, source, total: made.total, id, acknowledged: Step::Upload };
    life.advance_to(&mut server, phase.step);
    server.kill();
    let kill = phase.kills[number % phase.kills.len()];
    let died = life.die_at(phase.step, kill);
    let mut server = Server::start(data, None).expect("the product starts after a kill");
    life.advance_to(&mut server, Step::Closed);
    let file = Client::new(&server.url, VENDOR_KEY).get(&format!("usage/files/{id}")).expect("the file");
    assert_eq!(file["stats"]["closed"], json!(RECORDS), "{file:#}");
    server.kill();
    (id, life.total, died)
}

fn catalog() -> ledger::Catalog {
    let text = std::fs::read(root().join("schemas/demo-catalog.json")).expect("the demo catalog");
    let mut catalog = ledger::Catalog::default();
    let objects = ::catalog::json::read(&text, &catalog, b"").expect("a sound catalog");
    objects.into_iter().for_each(|object| catalog.record(object));
    catalog
}

fn quantity(totals: &[Total]) -> Decimal {
    totals.iter().fold(Decimal::ZERO, |sum, total| sum.saturating_add(total.quantity))
}

/// Replays every log and checks each file: accepted, extracted and closed once, with the generator's total.
fn check_log(data: &Path, files: &BTreeMap<FileId, Decimal>) {
    let dir = data.join("log");
    Logs::verify(&dir).expect("chain and anchor verify");
    let hosts: Vec<HostId> = ServiceName::WRITERS.iter().map(|service| HostId::new(*service, 0)).collect();
    let logs = Logs::open(&dir, &hosts, LogSettings::default()).expect("the log opens");
    let mut ledger = Ledger::default();
    let mut counts: BTreeMap<(FileId, &str), u32> = BTreeMap::new();
    for host in &hosts {
        for entry in logs.reader(*host).expect("a reader").own(1) {
            let entry = entry.expect("an entry");
            let event = proto::decode_event(entry.payload.as_deref().unwrap_or_default()).expect("an event");
            let word = match &event.fact {
                Fact::FileAccepted { .. } => "accepted",
                Fact::FileExtracted { .. } => "extracted",
                Fact::FileClosed { totals, .. } => {
                    if let Subject::File(file) = &event.subject {
                        assert_eq!(files.get(file), Some(&quantity(totals)), "{file} closed with other totals");
                    }
                    "closed"
                }
                _ => "",
            };
            if let (Subject::File(file), false) = (&event.subject, word.is_empty()) {
                *counts.entry((*file, word)).or_default() += 1;
            }
            ledger.evolve(entry.header.sequence, &event);
        }
    }
    for (file, total) in files {
        for word in ["accepted", "extracted", "closed"] {
            assert_eq!(counts.get(&(*file, word)), Some(&1), "{file} {word}");
        }
        let known = ledger.file(*file).expect("the file");
        let extraction = known.current_extraction().expect("extracted");
        let chunks: Vec<Total> = extraction.chunks.values().flat_map(|chunk| chunk.totals.clone()).collect();
        assert_eq!((quantity(known.totals()), quantity(&chunks)), (*total, *total), "{file}");
        assert_eq!((extraction.closed.len(), known.stats().accepted), (RECORDS, RECORDS), "{file}");
    }
    logs.close();
}

#[test]
fn kills_in_every_phase_lose_nothing_and_double_nothing() {
    let kills: usize = std::env::var("KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let only = std::env::var("KILLS_ONLY").ok();
    let data = tempfile::tempdir().expect("a folder");
    let folder = tempfile::tempdir().expect("a folder");
    let mut files = BTreeMap::new();
    let mut histogram: BTreeMap<&str, usize> = BTreeMap::new();
    for phase in &PHASES {
        for number in 0..kills {
            let name = format!("{}:{number}", phase.name);
            if only.as_ref().is_some_and(|only| *only != name) {
                continue;
            }
            eprintln!("KILLS_ONLY='{name}' repeats this round");
            let (id, total, died) = round(data.path(), folder.path(), phase, number);
            files.insert(id, total);
            *histogram.entry(phase.name).or_default() += usize::from(died);
        }
    }
    check_log(data.path(), &files);
    eprintln!("kills by phase: {histogram:?}; {} files closed once each", files.len());
    let missed: Vec<_> = histogram.iter().filter(|(_, count)| only.is_none() && **count < kills).collect();
    assert!(missed.is_empty(), "nothing was killed in {missed:?}");
}
