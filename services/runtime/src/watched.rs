//! What a process looks up when somebody asks how it does: its logs, how far its hosts are behind what they hear, and what
//! NATS says of those who read from it or report to it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use ledger::{HostId, ServiceName};
use tokio::sync::{Mutex, watch};

use crate::backup;
use crate::log::LogReader;
use crate::meters::{self, Meters, Metric, Page};
use crate::nats::{self, Link, Reachable, SubscriberState};
use crate::source::Source;

/// What others were asked is good for this long: however often somebody looks, they are asked no more often.
const FRESH_FOR: Duration = Duration::from_secs(5);
/// Whoever takes longer to say how it does isn't waited for.
const TIME_MAX: Duration = Duration::from_secs(1);
/// Subscribers that are shown one by one: each has a few lines on every page.
const SUBSCRIBERS_MAX: usize = 100;

/// A host of this process, and what it hears.
#[derive(Clone, Debug)]
struct Hearing {
    log: LogReader,
    hears: Vec<Source>,
}

/// The gateway's fold: how far it is, and what it hears.
#[derive(Clone, Debug)]
struct Folding {
    folded: watch::Receiver<BTreeMap<HostId, u64>>,
    hears: Vec<Source>,
}

/// What others said when they were asked last.
#[derive(Clone, Debug, Default)]
struct Seen {
    positions: BTreeMap<HostId, u64>,
    subscribers: Vec<SubscriberState>,
    /// Reports that wait, and dead letters.
    reports: Option<(u64, u64)>,
}

/// How far somebody is behind a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lag {
    /// Who: a host, or `gateway`.
    pub who: String,
    /// What it hears.
    pub of: HostId,
    /// How far it has heard.
    pub heard: u64,
    /// How many durable facts it has not heard.
    pub facts: u64,
}

/// See the module. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    /// What is counted while the process works.
    pub meters: Meters,
    hosts: Vec<Hearing>,
    fold: Option<Folding>,
    /// The connection over which subscribers are looked at, where this process publishes for them, and the number of
    /// partitions.
    publishes: Option<(Link, u16)>,
    /// How far feeds have gone through the facts of their hosts.
    feeds: Vec<(HostId, watch::Receiver<u64>)>,
    /// The connection over which producers report, where this process hears them.
    takes: Option<Link>,
    backup: Option<backup::Progress>,
    seen: Arc<Mutex<Option<(Instant, Seen)>>>,
}

impl Watched {
    /// Nothing but what is counted, to begin with.
    #[must_use]
    pub fn new(meters: Meters) -> Self {
        Self { meters, ..Self::default() }
    }

    /// Watches a host of this process.
    pub fn host(&mut self, log: LogReader, hears: Vec<Source>) {
        self.hosts.push(Hearing { log, hears });
    }

    /// Watches the backup of this process.
    pub fn backup(&mut self, progress: backup::Progress) {
        self.backup = Some(progress);
    }

    /// What somebody should look at, although everything is served.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.backup.iter().filter_map(backup::Progress::note).chain(self.meters.notes()).collect()
    }

    /// Watches the fold of this process.
    pub fn fold(&mut self, folded: watch::Receiver<BTreeMap<HostId, u64>>, hears: Vec<Source>) {
        self.fold = Some(Folding { folded, hears });
    }

    /// Watches a feed and who reads it.
    pub fn feed(&mut self, link: Link, partitions: u16, host: HostId, gone_through: watch::Receiver<u64>) {
        self.publishes = Some((link, partitions));
        self.feeds.push((host, gone_through));
    }

    /// Watches the reports of producers.
    pub fn reports(&mut self, link: Link) {
        self.takes = Some(link);
    }

    /// How far everybody here is behind what they hear.
    pub async fn lags(&self) -> Vec<Lag> {
        self.lags_by(&self.seen().await.positions)
    }

    /// What others say, asked lately.
    async fn seen(&self) -> Seen {
        let mut seen = self.seen.lock().await;
        if let Some((_, fresh)) = seen.as_ref().filter(|(at, _)| at.elapsed() < FRESH_FOR) {
            return fresh.clone();
        }
        let (positions, subscribers, reports) = tokio::join!(self.positions(), self.subscribers(), self.waiting());
        let looked = Seen { positions, subscribers, reports };
        *seen = Some((Instant::now(), looked.clone()));
        looked
    }

    /// How far the logs are that are heard here; of whoever can't be asked, how far that is known.
    async fn positions(&self) -> BTreeMap<HostId, u64> {
        let hears = self.hosts.iter().flat_map(|host| &host.hears).chain(self.fold.iter().flat_map(|fold| &fold.hears));
        let sources: BTreeMap<HostId, &Source> = hears.map(|source| (source.host(), source)).collect();
        let asked = sources.into_iter().map(async |(host, source)| {
            let asked = async { if source.is_reachable() { source.position().await.ok() } else { None } };
            let position = tokio::time::timeout(TIME_MAX, asked).await.ok().flatten();
            (host, position.or_else(|| source.last().ok()).unwrap_or_default())
        });
        join_all(asked).await.into_iter().collect()
    }

    async fn subscribers(&self) -> Vec<SubscriberState> {
        let publishes = self.publishes.as_ref().filter(|(link, _)| is_reached(link));
        let Some((link, partitions)) = publishes else { return Vec::new() };
        let all = tokio::time::timeout(TIME_MAX, SubscriberState::all(link, *partitions)).await;
        let mut all = all.ok().and_then(Result::ok).unwrap_or_default();
        all.truncate(SUBSCRIBERS_MAX);
        all
    }

    async fn waiting(&self) -> Option<(u64, u64)> {
        let link = self.takes.as_ref().filter(|link| is_reached(link))?;
        tokio::time::timeout(TIME_MAX, nats::waiting_reports(link)).await.ok()?
    }

    fn lags_by(&self, positions: &BTreeMap<HostId, u64>) -> Vec<Lag> {
        let lag = |who: &str, of: HostId, heard: u64| {
            let last = positions.get(&of).copied().unwrap_or_default();
            Lag { who: who.to_owned(), of, heard, facts: last.saturating_sub(heard) }
        };
        let mut lags = Vec::new();
        for Hearing { log, hears } in &self.hosts {
            let who = log.host().to_string();
            lags.extend(hears.iter().map(|source| {
                let (heard, _) = log.heard(source.host()).unwrap_or_default();
                lag(&who, source.host(), heard)
            }));
        }
        if let Some(Folding { folded, hears }) = &self.fold {
            let folded = folded.borrow();
            let heard = |host: HostId| folded.get(&host).copied().unwrap_or_default();
            lags.extend(
                hears.iter().map(|source| lag(ServiceName::Gateway.name(), source.host(), heard(source.host()))),
            );
        }
        lags
    }

    /// Writes everything.
    pub async fn write(&self, page: &mut Page) {
        self.meters.write(page);
        self.process(page);
        self.logs(page);
        if let Some(backup) = &self.backup {
            backup.write(page);
        }
        let seen = self.seen().await;
        let lags = self.lags_by(&seen.positions);
        let each = |of: fn(&Lag) -> u64| {
            lags.iter().map(move |lag| (vec![lag.who.clone(), lag.of.to_string()], of(lag))).collect::<Vec<_>>()
        };
        page.each(&meters::HEARD, each(|lag| lag.heard));
        page.each(&meters::LAG, each(|lag| lag.facts));
        if let Some(fold) = &self.fold {
            let folded = fold.folded.borrow().clone();
            page.each(&meters::FOLDED, folded.iter().map(|(host, sequence)| (vec![host.to_string()], *sequence)));
        }
        if self.publishes.is_some() {
            page.each(&meters::FEED_DEPTH, self.feed_depths());
            subscribers(page, &seen.subscribers);
        }
        if let Some((waiting, dead)) = seen.reports {
            page.one(&meters::REPORTS_WAITING, waiting);
            page.one(&meters::DEAD_LETTERS, dead);
        }
    }

    /// How many facts each feed has not gone through yet.
    fn feed_depths(&self) -> impl Iterator<Item = (Vec<String>, u64)> {
        self.feeds.iter().map(|(id, gone_through)| {
            let log = self.hosts.iter().find(|host| host.log.host() == *id).and_then(|host| host.log.head().ok());
            let depth = log.map_or(0, |(last, _)| last.saturating_sub(*gone_through.borrow()));
            (vec![id.to_string()], depth)
        })
    }

    /// What the machine says of this process, as far as it says anything.
    fn process(&self, page: &mut Page) {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok());
        if let Some(kib) = kib {
            let kib: u64 = kib;
            page.one(&meters::MEMORY, kib.saturating_mul(1_024));
        }
        if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
            page.one(&meters::OPEN_FILES, open.count() as u64);
        }
    }

    fn logs(&self, page: &mut Page) {
        let Some(Hearing { log, .. }) = self.hosts.first() else { return };
        let synced = self.hosts.iter().filter_map(|host| Some((host.log.host(), *host.log.synced().ok()?.borrow())));
        let synced: Vec<_> = synced.collect();
        let label = |host: &HostId| vec![host.to_string()];
        page.each(&meters::LOG_SEQUENCE, synced.iter().map(|(host, synced)| (label(host), synced.sequence)));
        page.each(&meters::LOG_POSITION, synced.iter().map(|(host, synced)| (label(host), synced.position)));
        log.write_commits(page);
        let health = log.health();
        page.one(&meters::LOG_LIVE, health.live_bytes);
        page.one(&meters::LOG_QUEUED, health.queued_bytes);
        page.one(&meters::LOG_SEALED, health.segment_bytes);
        page.one(&meters::LOG_SEGMENTS, health.segments as u64);
        page.one(&meters::SEAL_FAILURES, health.seal_failures);
        let behind = u64::try_from(health.archive_behind.as_millis()).unwrap_or(u64::MAX);
        page.one(&meters::ARCHIVE_BEHIND, behind);
        page.one(&meters::ARCHIVE_FAILURES, health.archive_failures);
    }
}

fn is_reached(link: &Link) -> bool {
    *link.reachable().borrow() == Reachable::Yes
}

fn subscribers(page: &mut Page, states: &[SubscriberState]) {
    let mut each = |metric: &Metric, of: fn(&SubscriberState) -> u64| {
        page.each(metric, states.iter().map(|state| (vec![state.name.clone()], of(state))));
    };
    each(&meters::SUBSCRIBER_WAITING, |state| state.waiting);
    each(&meters::SUBSCRIBER_UNANSWERED, |state| state.unanswered as u64);
    each(&meters::SUBSCRIBER_AGAIN, |state| state.again as u64);
    each(&meters::SUBSCRIBER_DONE, |state| state.acknowledged);
    each(&meters::SUBSCRIBER_THERE, |state| u64::from(state.is_there));
}
