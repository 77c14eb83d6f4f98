//! What is seen of a process and of what it stands on: files and their modes, the disk, the log, NATS. Nothing is
//! changed; a log that no process holds is held for the moment that it takes to check its end.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ledger::Moment;
use runtime::log::{LogError, Logs};
use runtime::nats::{Examination, reasons};
use serde_json::Value;
use ureq::Agent;

use super::Patient;
use crate::claim::SERVICES;
use crate::credentials::{self, Claims};
use crate::demo;
use crate::product::Settings;

/// How long a neighbour on HTTP may take.
const ANSWER_WAIT: Duration = Duration::from_secs(5);
/// Values that 64 random bytes never fall short of, and that no text reaches.
const DISTINCT_LEAST: usize = 40;
/// Bytes of secrets.
const SECRETS: usize = 64;

/// Everything that checks judge. Its parts are open, so that a test can show a check what no test can bring about.
#[derive(Debug)]
pub struct Seen {
    /// How the process would be started.
    pub settings: Settings,
    /// The time.
    pub now: Moment,
    /// Who asks.
    pub user: u32,
    /// The data directory, where there is one.
    pub data: Option<FileSeen>,
    /// The files of secrets and credentials that are there.
    pub keys: Vec<FileSeen>,
    /// Seeds beside the credentials.
    pub seeds: Vec<PathBuf>,
    /// Where the secrets should be.
    pub secrets_path: PathBuf,
    /// What they are like.
    pub secrets: Secret,
    /// What the data directory is on.
    pub disk: Option<Disk>,
    /// How many files may be open; none without a limit.
    pub open_files: Option<u64>,
    /// Whom the data directory says that it belongs to.
    pub belongs_to: Option<String>,
    /// How the log is.
    pub log: LogSeen,
    /// Whether the demo's keys are taken.
    pub demo_keys: DemoKeys,
    /// What the credentials say, where there are any.
    pub token: Option<Result<Claims, String>>,
    /// What NATS lets see of itself, where it is used.
    pub nats: Option<Result<Examination, String>>,
    /// What servers tell of themselves over HTTP, by address.
    pub monitored: Vec<(String, Result<Value, String>)>,
}

/// A file or folder.
#[derive(Clone, Debug)]
pub struct FileSeen {
    /// Where.
    pub path: PathBuf,
    /// Who may do what.
    pub mode: u32,
    /// Whose it is.
    pub owner: u32,
}

impl FileSeen {
    fn of(path: &Path) -> Option<Self> {
        let known = fs::metadata(path).ok()?;
        Some(Self { path: path.to_owned(), mode: known.mode(), owner: known.uid() })
    }
}

/// What a data directory is on.
#[derive(Clone, Copy, Debug)]
pub struct Disk {
    /// The kernel's number of the file system.
    pub kind: i64,
    /// Bytes that may still be written.
    pub free: u64,
}

/// What a file of secrets is like; the secrets themselves stay where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// There is none.
    Absent,
    /// It can't be read.
    Unreadable(String),
    /// It has another length.
    Length(usize),
    /// Somebody wrote it, or a machine without random numbers.
    Guessable,
    /// As it should be.
    Random,
}

/// How a log is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogSeen {
    /// There is none.
    Absent,
    /// A process has it open.
    Held,
    /// It opens, and its last part holds.
    Sound,
    /// It doesn't.
    Faulty(String),
}

/// Whether the demo's keys are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DemoKeys {
    /// Nobody answered, and no catalog has them.
    Untried,
    /// They are not.
    Refused,
    /// These are.
    Taken(Vec<String>),
}

/// Looks.
pub async fn look(patient: &Patient) -> Seen {
    let settings = patient.settings.clone();
    let secrets_path = settings.secrets.clone().unwrap_or_else(|| settings.data.join("secrets"));
    let grants = credentials::process_grants(&settings.services, &settings.partitions);
    let given = settings.nats.as_ref().and_then(|nats| nats.credentials.clone());
    let nats = match &settings.nats {
        None => None,
        Some(nats) => {
            let examined = runtime::nats::examine(nats, &grants, &settings.clock).await;
            Some(examined.map_err(|error| reasons(&error)))
        }
    };
    let keys = [Some(&secrets_path), given.as_ref()].into_iter().flatten().filter_map(|path| FileSeen::of(path));
    Seen {
        now: settings.clock.now(),
        user: rustix::process::geteuid().as_raw(),
        data: FileSeen::of(&settings.data),
        keys: keys.collect(),
        seeds: given.as_ref().and_then(|path| path.parent()).map(credentials::seeds).unwrap_or_default(),
        secrets: secrets(&secrets_path),
        secrets_path,
        disk: disk(&settings.data),
        open_files: rustix::process::getrlimit(rustix::process::Resource::Nofile).current,
        belongs_to: fs::read_to_string(settings.data.join(SERVICES)).ok().map(|text| text.trim().to_owned()),
        log: log(&settings.data.join("log")),
        demo_keys: demo_keys(&settings, patient.catalog.as_deref()),
        token: given.map(|path| credentials::claims(&path).map_err(|error| reasons(&error))),
        nats,
        monitored: patient.monitors.iter().map(|url| (url.clone(), varz(url))).collect(),
        settings,
    }
}

fn secrets(path: &Path) -> Secret {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Secret::Absent,
        Err(error) => return Secret::Unreadable(error.to_string()),
    };
    let mut distinct = bytes.clone();
    distinct.sort_unstable();
    distinct.dedup();
    // Of random bytes more than half are no letters, digits or signs.
    let typed = bytes.iter().all(|byte| byte.is_ascii());
    match bytes.len() {
        SECRETS if typed || distinct.len() < DISTINCT_LEAST => Secret::Guessable,
        SECRETS => Secret::Random,
        length => Secret::Length(length),
    }
}

fn disk(data: &Path) -> Option<Disk> {
    // A directory that isn't there yet will be on what its parent is on.
    let absolute = std::path::absolute(data).ok()?;
    let there = absolute.ancestors().find(|path| path.exists())?;
    let known = rustix::fs::statfs(there).ok()?;
    let block = u64::try_from(known.f_bsize).ok()?;
    Some(Disk { kind: known.f_type, free: known.f_bavail.saturating_mul(block) })
}

fn log(dir: &Path) -> LogSeen {
    if !dir.join("lock").exists() {
        return LogSeen::Absent;
    }
    match Logs::glance(dir) {
        Ok(_) => LogSeen::Sound,
        Err(LogError::Locked { .. }) => LogSeen::Held,
        Err(error) => LogSeen::Faulty(reasons(&error)),
    }
}

/// Tries the demo's keys on the process that runs, and looks for them in the catalog that is to be imported.
fn demo_keys(settings: &Settings, catalog: Option<&Path>) -> DemoKeys {
    let keys = demo::keys();
    let text = catalog.and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
    let named: Vec<String> =
        keys.iter().filter(|(_, secret)| text.contains(secret.as_str())).map(|(id, _)| id.clone()).collect();
    if !named.is_empty() {
        return DemoKeys::Taken(named);
    }
    let mut address = settings.listen;
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    let agent = agent();
    let try_key = |id: &str, secret: &str| {
        let asked =
            agent.get(format!("http://{address}/public/v1")).header("Authorization", format!("ApiKey {id}:{secret}"));
        asked.call().ok().map(|answer| answer.status().as_u16())
    };
    let mut taken = Vec::new();
    for (id, secret) in keys {
        match try_key(&id, &secret) {
            Some(401) => {}
            Some(200) => taken.push(id),
            _ => return DemoKeys::Untried,
        }
    }
    if taken.is_empty() { DemoKeys::Refused } else { DemoKeys::Taken(taken) }
}

fn agent() -> Agent {
    let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(ANSWER_WAIT)).build();
    Agent::new_with_config(config)
}

fn varz(url: &str) -> Result<Value, String> {
    let url = format!("{}/varz", url.trim_end_matches('/'));
    let mut answer = agent().get(&url).call().map_err(|error| error.to_string())?;
    let text = answer.body_mut().read_to_string().map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}
