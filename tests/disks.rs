//! Goal: under a disk that is full or fails the whole product acknowledges nothing that isn't durable, says why, goes on
//! answering reads, and has everything that it acknowledged once there is room. Method: the real process by HTTP, with files
//! that can't grow beyond some size, on a file system of a few MiB, and with system calls that fail from some moment on.
//!
//! `DISKS=n` makes n cases of each kind instead of a few.

mod failing;
mod room;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use failing::Failing;
use room::{Mounted, longest, used_kib};
use serde_json::Value;
use usage_ledger::demo::{DISTRIBUTOR_KEY, VENDOR_KEY};

use crate::backups::{audit, text};
use crate::crashes::{Ledger, accept_all, asked, draft};
use crate::kills::{Server, binary};
use crate::life::{Life, Step, check_logs};
use crate::repairs::copy;
use crate::scenarios::http::{Answer, Body};
use crate::tree::root;

/// Of each file: several batches, and workbooks of some 50 KiB.
const RECORDS: u32 = 1_500;
/// Files that are on their way when the disk gets full.
const LIVES: u64 = 2;
/// How full a disk is when it is begun on.
const LEVELS: u64 = 12;
/// Of these a usual run tries as many, evenly spread.
const USUAL: u64 = 4;
/// Before a disk begins to fail.
const DRAFTS: usize = 10;
/// More drafts than fill any of the disks here.
const DRAFTS_MAX: usize = 4_000;
/// How much more room each level leaves, in bytes.
const STEP: u64 = 150_000;
/// Within which every request is answered, on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);
/// What is said where the disk is in the way.
const REFUSED: (u64, &str) = (503, "SYS_002");

/// Which of the levels are tried.
fn levels() -> Vec<u64> {
    let asked = std::env::var("DISKS").ok().and_then(|text| text.parse().ok()).unwrap_or(USUAL);
    (0..asked).map(|number| if asked < LEVELS { number * LEVELS / asked } else { number }).collect()
}

/// A ledger with drafts for files that are ready to be uploaded, stopped.
struct Begun {
    folder: tempfile::TempDir,
    lives: Vec<Life>,
}

impl Begun {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let server = Server::start_with(&folder.path().join("data"), None, &[]).expect("the product starts");
        accept_all(&server);
        let begin = |number| Life::begin(&server.url, folder.path(), &format!("disks-{number}"), number, RECORDS);
        let lives = (0..LIVES).map(|number| begin(number).expect("a draft")).collect();
        Self { folder, lives }
    }

    /// A copy of it in a folder.
    fn copied(&self, data: PathBuf) -> Case {
        copy(&self.folder.path().join("data"), &data);
        drop(std::fs::remove_file(data.join("admin.sock")));
        let mut ledger = Ledger::new();
        (ledger.data, ledger.files) = (data, LIVES);
        Case { ledger, errors: self.folder.path().join("errors"), lives: self.lives.clone(), refusals: 0 }
    }
}

/// How the cases of a test went.
#[derive(Debug, Default)]
struct Counts {
    tried: u64,
    not_started: u64,
    read_only: u64,
    waited: u64,
    went_on: u64,
    acknowledged: usize,
    refused: usize,
}

/// How far a process came on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It didn't start, and said why.
    NotStarted,
    /// It records nothing more, and says why.
    ReadOnly,
    /// Only a job waits for the disk, and `/readyz` notes it.
    Waits,
    /// The disk was never in the way.
    WentOn,
}

struct Case {
    ledger: Ledger,
    /// What its process says of what goes wrong, on another disk.
    errors: PathBuf,
    lives: Vec<Life>,
    refusals: usize,
}

/// Starts the product through other words; what it said where it doesn't start.
fn start(data: &Path, errors: &Path, before: &[&str], more: &[&str]) -> Result<Server, String> {
    let mut words: Vec<&str> = before.to_vec();
    let program = binary();
    words.extend([text(&program), "run", "--listen", "127.0.0.1:0", "--data", text(data)]);
    let catalog = root().join("schemas/demo-catalog.json");
    words.extend(["--catalog", text(&catalog)].iter().chain(more));
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).env("USAGE_LEDGER_LOG", "error").env_remove("USAGE_LEDGER_CRASH").stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(File::create(errors).expect("a file"));
    let mut child = command.spawn().expect("it is started");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("its output is read");
    if let Some(url) = line.trim().strip_prefix("usage-ledger is ready at ") {
        return Ok(Server { url: url.to_owned(), child });
    }
    let ended = child.wait().expect("it ends");
    let said = std::fs::read_to_string(errors).expect("text");
    assert!(ended.code().is_some_and(|code| code > 0), "{ended}: {said}");
    Err(said)
}

fn get(server: &Server, path: &str) -> Answer {
    let begun = Instant::now();
    let answer = asked(server, DISTRIBUTOR_KEY, "GET", path, &[], Body::Nothing).expect("an answer");
    assert!(begun.elapsed() < PATIENCE, "{path}: {answer:?}");
    answer
}

/// What `/readyz` says.
fn ready(server: &Server) -> Value {
    get(server, "/readyz").json()
}

/// Whether a job waits for the disk.
fn waits(server: &Server) -> bool {
    let told = ready(server);
    let notes = told["notes"].as_array().cloned().unwrap_or_default();
    notes.iter().any(|note| note.as_str().is_some_and(|note| note.contains("waits for the disk: ")))
}

impl Case {
    /// Asks for one more draft; whether it was made. A refusal names the disk.
    fn draft(&mut self, server: &Server) -> bool {
        let answer = draft(server, self.ledger.drafts.len()).expect("an answer");
        let made = answer.status == 201;
        self.ledger.drafts.push(made.then(|| answer.json()));
        if !made {
            self.check_refused(&answer);
        }
        made
    }

    fn check_refused(&mut self, answer: &Answer) {
        let told = answer.json();
        let sentence = told["errors"][0].as_str().unwrap_or_default();
        let found = (u64::from(answer.status), told["error_code"].as_str().unwrap_or_default());
        let errors = || std::fs::read_to_string(&self.errors).expect("text");
        assert_eq!(found, REFUSED, "{told}: {}", errors());
        assert!(sentence.starts_with("The disk of the ledger is full or fails"), "{told}");
        self.refusals += 1;
    }

    /// Takes the files as far as they come, each step with a draft beside it, then makes drafts until none is made.
    fn fill(&mut self, server: &mut Server, drafts: usize) -> End {
        let url = server.url.clone();
        for index in 0..self.lives.len() {
            let mut life = self.lives[index].clone();
            let held = || waits(server) || ready(server)["status"] == "read-only";
            while let Some(step) = life.next_step(&url, held).filter(|step| *step != Step::Closed) {
                if step == Step::Accept {
                    // A rule does.
                    std::thread::sleep(PAUSE);
                } else if !life.perform(&url, step) {
                    if step == Step::Upload {
                        self.check_upload(server, &life);
                    }
                    break;
                }
                if !self.draft(server) {
                    break;
                }
            }
            self.lives[index] = life;
        }
        let made = (0..drafts).take_while(|_| self.draft(server)).count();
        assert!(!server.died(), "a disk that refuses ends no process");
        if made < drafts {
            self.check_read_only(server);
            return End::ReadOnly;
        }
        if waits(server) { End::Waits } else { End::WentOn }
    }

    /// An upload that can't be kept is refused, and leaves nothing.
    fn check_upload(&mut self, server: &Server, life: &Life) {
        let path = format!("/public/v1/usage/files/{}/upload", life.id);
        let body = Body::Workbook("usage_file", &life.source);
        let answer = asked(server, VENDOR_KEY, "POST", &path, &[], body).expect("an answer");
        self.check_refused(&answer);
        let left = unfinished(&self.ledger.data, "ingestion");
        assert!(left.is_empty(), "{left:?}");
    }

    /// Nothing is recorded, it says why, and reads go on.
    fn check_read_only(&mut self, server: &Server) {
        let told = ready(server);
        assert_eq!(get(server, "/readyz").status, 503, "{told}");
        assert_eq!(told["status"], "read-only", "{told}");
        let why = told["reasons"][0].as_str().unwrap_or_default();
        let says_why = ["File too large", "No space left", "Input/output error"].iter().any(|said| why.contains(said));
        assert!(says_why && why.contains("Mend it and start the process again"), "{told}");
        assert_eq!(get(server, "/livez").status, 200);
        let drafts: Vec<Value> = self.ledger.drafts.iter().flatten().cloned().collect();
        for known in drafts.iter().rev().take(5) {
            let id = known["id"].as_str().expect("an id");
            let path = format!("/public/v1/usage/files/{id}");
            let got = asked(server, VENDOR_KEY, "GET", &path, &[], Body::Nothing).expect("an answer");
            assert_eq!(got.expect(200)["id"], known["id"]);
        }
        for life in &self.lives {
            get(server, &format!("/public/v1/usage/files/{}", life.id));
        }
        assert!(!self.draft(server), "nothing is recorded");
    }

    /// With room: all that was acknowledged is there, the files go on to their ends, and nothing is wrong with the log.
    fn go_on(mut self, what: &str, counts: &mut Counts) {
        let mut server =
            start(&self.ledger.data, &self.errors, &["env"], &[]).unwrap_or_else(|said| panic!("{what}: {said}"));
        self.finish(&mut server, what, counts);
    }

    fn finish(&mut self, server: &mut Server, what: &str, counts: &mut Counts) {
        counts.acknowledged += self.ledger.drafts.iter().flatten().count();
        counts.refused += self.refusals;
        self.ledger.check(server, what);
        let (url, begun) = (server.url.clone(), Instant::now());
        for life in &mut self.lives {
            while let Some(step) = life.next_step(&url, || server.died()).filter(|step| *step != Step::Closed) {
                // What is asked twice may be done already.
                if step == Step::Accept || !life.perform(&url, step) {
                    std::thread::sleep(PAUSE);
                }
                assert!(begun.elapsed() < PATIENCE, "{what}: {step:?}");
            }
            assert!(!server.died(), "{what}");
        }
        for service in ["ingestion", "validation", "extraction"] {
            let left = unfinished(&self.ledger.data, service);
            assert!(left.is_empty(), "{what}: {left:?}");
        }
        assert!(!waits(server), "{what}: {}", ready(server));
        drop((server.child.kill(), server.child.wait()));
        audit(&["verify", "--data", text(&self.ledger.data)]);
        let files = self.lives.iter().map(|life| (life.id, (life.total, life.records))).collect();
        check_logs(|_| self.ledger.data.clone(), &files);
    }

    /// Fills the disk under a process that runs, tries to go on while it is full, and goes on where there is room.
    fn full(mut self, what: &str, disk: &Disk<'_>, counts: &mut Counts) {
        let mut through: Vec<String> = disk.through.iter().map(|word| (*word).to_owned()).collect();
        for is_first in [true, false] {
            let words: Vec<&str> = through.iter().map(String::as_str).collect();
            counts.tried += 1;
            let end = match start(&self.ledger.data, &self.errors, &words, disk.more) {
                Ok(mut server) => {
                    if is_first {
                        through = (disk.squeeze)(&server, &self.ledger.data);
                    }
                    self.fill(&mut server, DRAFTS_MAX)
                }
                Err(said) => {
                    let is_told = ["os error 27", "os error 28"].iter().any(|why| said.contains(why));
                    assert!(is_told && !is_first, "{what}: {said}");
                    End::NotStarted
                }
            };
            eprintln!("{what}: {end:?}, {} drafts", self.ledger.drafts.iter().flatten().count());
            counts.count(end);
        }
        (disk.make_room)();
        self.go_on(what, counts);
    }
}

impl Counts {
    fn count(&mut self, end: End) {
        match end {
            End::NotStarted => self.not_started += 1,
            End::ReadOnly => self.read_only += 1,
            End::Waits => self.waited += 1,
            End::WentOn => self.went_on += 1,
        }
    }
}

/// Files that a service has begun and not taken over.
fn unfinished(data: &Path, service: &str) -> Vec<PathBuf> {
    let folder = std::fs::read_dir(data.join("blobs").join(service).join("unfinished"));
    folder.into_iter().flatten().flatten().map(|file| file.path()).collect()
}

/// A disk that gets full.
struct Disk<'a> {
    /// The words before those of the product.
    through: &'a [&'a str],
    more: &'a [&'a str],
    /// Leaves little room to a process; gives the words through which another one has as little.
    squeeze: &'a dyn Fn(&Server, &Path) -> Vec<String>,
    make_room: &'a dyn Fn(),
}

/// A process whose writes fail where its files may not grow, instead of being ended.
const UNENDED: &str = "trap '' XFSZ; exec \"$0\" \"$@\"";

#[test]
fn files_that_cannot_grow_cost_nothing_acknowledged() {
    let (begun, mut counts) = (Begun::new(), Counts::default());
    for level in levels() {
        let squeeze = |server: &Server, data: &Path| {
            let limit = format!("--fsize={}", longest(data) + 20_000 + level * STEP);
            let mut command = Command::new("prlimit");
            let status = command.args(["--pid", &server.child.id().to_string(), &limit]).status().expect("it runs");
            assert!(status.success());
            ["sh", "-c", UNENDED, "prlimit", &limit].map(str::to_owned).to_vec()
        };
        let disk = Disk { through: &["sh", "-c", UNENDED], more: &[], squeeze: &squeeze, make_room: &|| () };
        let case = begun.copied(begun.folder.path().join(format!("limit-{level}")));
        case.full(&format!("level {level}"), &disk, &mut counts);
    }
    eprintln!("{counts:?}");
    assert!(counts.read_only >= 2 && counts.refused > 2, "{counts:?}");
}

#[test]
fn a_full_file_system_costs_nothing_acknowledged() {
    let (begun, mut counts) = (Begun::new(), Counts::default());
    for level in levels() {
        let at = begun.folder.path().join(format!("disk-{level}"));
        let Some(mounted) = Mounted::new(&at, 65_536) else {
            eprintln!("A FULL FILE SYSTEM WAS NOT TRIED: none can be mounted here");
            return;
        };
        let case = begun.copied(at.join("data"));
        let squeeze = |_: &Server, _: &Path| {
            // With databases that are begun anew, of some hundreds of KiB each.
            mounted.resize(&format!("{}k", used_kib(&at) + 20 + level * 4 * STEP / 1024));
            vec!["env".to_owned()]
        };
        let more = &["--rotate-bytes", "65536"];
        let disk = Disk { through: &["env"], more, squeeze: &squeeze, make_room: &|| mounted.resize("512m") };
        case.full(&format!("level {level}"), &disk, &mut counts);
    }
    eprintln!("{counts:?}");
    assert!(counts.read_only >= 2 && counts.refused > 2, "{counts:?}");
}

/// Services without room for the workbook that they make next, and before which step.
const WAITERS: [(&str, Step); 3] =
    [("validation", Step::Upload), ("extraction", Step::Submit), ("extraction", Step::Reconcile)];

#[test]
fn a_job_that_waits_for_the_disk_waits_over_a_stop() {
    let (begun, mut counts) = (Begun::new(), Counts::default());
    for (number, (service, moment)) in WAITERS.into_iter().enumerate() {
        let what = format!("{service} before {moment:?}");
        let mut case = begun.copied(begun.folder.path().join(format!("waits-{number}")));
        let at = case.ledger.data.join("blobs").join(service);
        let Some(mounted) = Mounted::new(&at, 65_536) else {
            eprintln!("A STOP WHILE A JOB WAITS WAS NOT TRIED: no file system can be mounted here");
            return;
        };
        let mut server = start(&case.ledger.data, &case.errors, &["env"], &[]).expect("the product starts");
        case.advance(&mut server, moment);
        // An upload still finds room, and what is made of it finds none.
        let upload = if moment == Step::Reconcile { longest(&at) / 1024 * 3 / 2 } else { 0 };
        mounted.resize(&format!("{}k", used_kib(&at).max(4) + upload));
        case.advance_until(&mut server, Step::Closed, waits);
        assert!(waits(&server), "{what}: {}", ready(&server));
        let begun = Instant::now();
        let told = Command::new("kill").arg(server.child.id().to_string()).status().expect("it runs");
        assert!(told.success() && server.child.wait().expect("it ends").success(), "{what}");
        assert!(begun.elapsed() < PATIENCE, "{what}");
        mounted.resize("64m");
        case.go_on(&what, &mut counts);
    }
}

/// Calls that fail, with what, and how that ends.
const FAULTS: [(&str, &str, &[End]); 6] = [
    ("pwrite64", "EIO", &[End::ReadOnly]),
    ("pwrite64", "ENOSPC", &[End::ReadOnly]),
    ("fdatasync", "EIO", &[End::ReadOnly]),
    ("sync_file_range", "EIO", &[End::ReadOnly]),
    // Workbooks are synced by it, and what the log seals: commits aren't.
    ("fsync", "EIO", &[End::Waits, End::WentOn]),
    ("pread64", "EIO", &[End::ReadOnly, End::Waits, End::WentOn]),
];

/// Before which step of the first file the disk begins to fail.
const MOMENTS: [Step; 4] = [Step::Upload, Step::Submit, Step::CloseChunk, Step::Reconcile];

#[test]
fn a_failing_disk_costs_nothing_acknowledged() {
    let begun = Begun::new();
    let all = levels().len() as u64 >= LEVELS;
    for (number, (call, error, ends)) in FAULTS.into_iter().enumerate() {
        let mut counts = Counts::default();
        let moments =
            MOMENTS.into_iter().enumerate().filter(|(at, _)| all || at % MOMENTS.len() == number % MOMENTS.len());
        for (at, moment) in moments {
            let what = format!("{call} {error} before {moment:?}");
            let mut case = begun.copied(begun.folder.path().join(format!("failing-{number}-{at}")));
            let mut server = start(&case.ledger.data, &case.errors, &["env"], &[]).expect("the product starts");
            case.advance(&mut server, moment);
            assert!((0..DRAFTS).all(|_| case.draft(&server)), "{what}");
            let Some(failing) = Failing::begin(&server, call, error) else {
                eprintln!("A FAILING DISK WAS NOT TRIED: strace isn't here or may not look at a process");
                return;
            };
            let end = case.fill(&mut server, 20);
            eprintln!("{what}: {end:?}");
            assert!(ends.contains(&end), "{what}: {end:?}");
            counts.tried += 1;
            counts.count(end);
            drop(failing);
            if end == End::ReadOnly {
                case.check_read_only(&server);
                server.kill();
                case.go_on(&what, &mut counts);
            } else {
                // What waited goes on by itself.
                case.finish(&mut server, &what, &mut counts);
            }
        }
        eprintln!("{call} {error}: {counts:?}");
    }
}

impl Case {
    /// Takes the first file to a step.
    fn advance(&mut self, server: &mut Server, until: Step) {
        self.advance_until(server, until, |_| false);
    }

    /// The same, if nothing holds it up.
    fn advance_until(&mut self, server: &mut Server, until: Step, is_held: impl Fn(&Server) -> bool) {
        let (url, life) = (server.url.clone(), &mut self.lives[0]);
        let mut stays = || server.died() || is_held(server);
        while let Some(step) = life.next_step(&url, &mut stays).filter(|step| *step < until) {
            if step == Step::Accept {
                std::thread::sleep(PAUSE);
            } else {
                life.must(&url, step);
            }
        }
    }
}
