//! Every number that is watched, in the order in which docs/observability.md explains them.

use super::{Kind, Metric};

/// Requests over HTTP that were answered.
pub const REQUESTS: Metric = Metric {
    name: "requests_total",
    kind: Kind::Counter,
    labels: &["method", "route", "status"],
    help: "Requests over HTTP that were answered.",
};
/// How long requests over HTTP took until their answers began.
pub const REQUEST_TIME: Metric = Metric {
    name: "request_seconds",
    kind: Kind::Seconds,
    labels: &["method", "route"],
    help: "How long requests over HTTP took until their answers began.",
};
/// Commands that services of this process decided.
pub const ASKS: Metric = Metric {
    name: "asks_total",
    kind: Kind::Counter,
    labels: &["service", "command", "outcome"],
    help: "Commands that services of this process decided.",
};
/// How long commands took from their turn until their outcome was on the disk.
pub const ASK_TIME: Metric = Metric {
    name: "ask_seconds",
    kind: Kind::Seconds,
    labels: &["service", "command"],
    help: "How long commands took from their turn until their outcome was on the disk.",
};
/// Jobs that have ended.
pub const JOBS: Metric = Metric {
    name: "jobs_total",
    kind: Kind::Counter,
    labels: &["service", "job", "outcome"],
    help: "Jobs that have ended.",
};
/// How long jobs took.
pub const JOB_TIME: Metric =
    Metric { name: "job_seconds", kind: Kind::Seconds, labels: &["service", "job"], help: "How long jobs took." };
/// Jobs that run.
pub const JOBS_RUNNING: Metric =
    Metric { name: "jobs_running", kind: Kind::Gauge, labels: &["service"], help: "Jobs that run." };
/// Records that were checked.
pub const RECORDS_CHECKED: Metric = Metric {
    name: "records_checked_total",
    kind: Kind::Counter,
    labels: &["service"],
    help: "Records that were checked.",
};
/// Reports of records by how they came and what became of them.
pub const REPORTS: Metric = Metric {
    name: "reports_total",
    kind: Kind::Counter,
    labels: &["surface", "outcome"],
    help: "Reports of records by how they came and what became of them.",
};
/// Reports from the stream that came here again.
pub const REPORTS_AGAIN: Metric = Metric {
    name: "report_redeliveries_total",
    kind: Kind::Counter,
    labels: &[],
    help: "Reports from the stream that came here again.",
};
/// Reports that this process laid aside.
pub const REPORTS_ASIDE: Metric = Metric {
    name: "dead_letters_total",
    kind: Kind::Counter,
    labels: &["reason"],
    help: "Reports that this process laid aside.",
};
/// Calls of webhooks.
pub const WEBHOOK_CALLS: Metric =
    Metric { name: "webhook_calls_total", kind: Kind::Counter, labels: &["outcome"], help: "Calls of webhooks." };
/// Spans for the collector.
pub const SPANS: Metric =
    Metric { name: "spans_total", kind: Kind::Counter, labels: &["outcome"], help: "Spans for the collector." };
/// Changes that were found for webhooks and not told yet.
pub const WEBHOOK_BACKLOG: Metric = Metric {
    name: "webhook_backlog",
    kind: Kind::Gauge,
    labels: &[],
    help: "Changes that were found for webhooks and not told yet.",
};
/// The entry up to which each fold was there at the start: a snapshot held it.
pub const START_POSITION: Metric = Metric {
    name: "start_position",
    kind: Kind::Gauge,
    labels: &["of"],
    help: "The entry up to which each fold was there at the start: a snapshot held it.",
};
/// Snapshots of what logs fold to.
pub const SNAPSHOTS: Metric = Metric {
    name: "snapshots_total",
    kind: Kind::Counter,
    labels: &["of", "outcome"],
    help: "Snapshots of what logs fold to.",
};
/// 1, for the version of the product.
pub const BUILD: Metric =
    Metric { name: "build_info", kind: Kind::Gauge, labels: &["version"], help: "1, for the version of the product." };
/// Whether reads are answered from everything recorded.
pub const READY: Metric = Metric {
    name: "ready",
    kind: Kind::Gauge,
    labels: &[],
    help: "Whether reads are answered from everything recorded.",
};
/// Memory of the process that is in use.
pub const MEMORY: Metric =
    Metric { name: "memory_bytes", kind: Kind::Gauge, labels: &[], help: "Memory of the process that is in use." };
/// Files and connections that the process has open.
pub const OPEN_FILES: Metric = Metric {
    name: "open_files",
    kind: Kind::Gauge,
    labels: &[],
    help: "Files and connections that the process has open.",
};
/// The last own fact of each host that is on the disk.
pub const LOG_SEQUENCE: Metric = Metric {
    name: "log_sequence",
    kind: Kind::Gauge,
    labels: &["host"],
    help: "The last own fact of each host that is on the disk.",
};
/// The last entry of each host that is on the disk, own or heard.
pub const LOG_POSITION: Metric = Metric {
    name: "log_position",
    kind: Kind::Gauge,
    labels: &["host"],
    help: "The last entry of each host that is on the disk, own or heard.",
};
/// How long group commits took from the first write until their answers.
pub const COMMIT_TIME: Metric = Metric {
    name: "commit_seconds",
    kind: Kind::Seconds,
    labels: &[],
    help: "How long group commits took from the first write until their answers.",
};
/// Entries of group commits.
pub const COMMIT_ENTRIES: Metric =
    Metric { name: "commit_entries", kind: Kind::Sizes, labels: &[], help: "Entries of group commits." };
/// Bytes of the live part of the log.
pub const LOG_LIVE: Metric =
    Metric { name: "log_live_bytes", kind: Kind::Gauge, labels: &[], help: "Bytes of the live part of the log." };
/// Bytes that were handed over to the log and are not yet on the disk.
pub const LOG_QUEUED: Metric = Metric {
    name: "log_queued_bytes",
    kind: Kind::Gauge,
    labels: &[],
    help: "Bytes that were handed over to the log and are not yet on the disk.",
};
/// Bytes of the sealed parts of the log.
pub const LOG_SEALED: Metric =
    Metric { name: "log_segment_bytes", kind: Kind::Gauge, labels: &[], help: "Bytes of the sealed parts of the log." };
/// Files of the sealed parts of the log.
pub const LOG_SEGMENTS: Metric =
    Metric { name: "log_segments", kind: Kind::Gauge, labels: &[], help: "Files of the sealed parts of the log." };
/// Attempts to seal a part of the log that failed and are made again.
pub const SEAL_FAILURES: Metric = Metric {
    name: "log_seal_failures_total",
    kind: Kind::Counter,
    labels: &[],
    help: "Attempts to seal a part of the log that failed and are made again.",
};
/// For how long something durable has not been in the open segments.
pub const ARCHIVE_BEHIND: Metric = Metric {
    name: "archive_behind_milliseconds",
    kind: Kind::Gauge,
    labels: &[],
    help: "For how long something durable has not been in the open segments.",
};
/// Attempts to write an open segment that failed and are made again.
pub const ARCHIVE_FAILURES: Metric = Metric {
    name: "archive_failures_total",
    kind: Kind::Counter,
    labels: &[],
    help: "Attempts to write an open segment that failed and are made again.",
};
/// For how long something durable has not been in the backup.
pub const BACKUP_BEHIND: Metric = Metric {
    name: "backup_behind_milliseconds",
    kind: Kind::Gauge,
    labels: &[],
    help: "For how long something durable has not been in the backup.",
};
/// Durable entries that the backup lacks.
pub const BACKUP_MISSING: Metric = Metric {
    name: "backup_missing_entries",
    kind: Kind::Gauge,
    labels: &[],
    help: "Durable entries that the backup lacks.",
};
/// Bytes that were copied into the backup.
pub const BACKUP_BYTES: Metric = Metric {
    name: "backup_bytes_total",
    kind: Kind::Counter,
    labels: &[],
    help: "Bytes that were copied into the backup.",
};
/// Attempts to copy into the backup that failed and are made again.
pub const BACKUP_FAILURES: Metric = Metric {
    name: "backup_failures_total",
    kind: Kind::Counter,
    labels: &[],
    help: "Attempts to copy into the backup that failed and are made again.",
};
/// The last fact of another host that each host has heard.
pub const HEARD: Metric = Metric {
    name: "heard_sequence",
    kind: Kind::Gauge,
    labels: &["host", "of"],
    help: "The last fact of another host that each host has heard.",
};
/// Durable facts of another host that a host has not heard yet.
pub const LAG: Metric = Metric {
    name: "lag_facts",
    kind: Kind::Gauge,
    labels: &["host", "of"],
    help: "Durable facts of another host that a host has not heard yet.",
};
/// Sequence of each host up to which the fold has come.
pub const FOLDED: Metric = Metric {
    name: "projection_sequence",
    kind: Kind::Gauge,
    labels: &["host"],
    help: "Sequence of each host up to which the fold has come.",
};
/// Whether NATS is there.
pub const NATS: Metric =
    Metric { name: "nats_reachable", kind: Kind::Gauge, labels: &[], help: "Whether NATS is there." };
/// Durable facts that the stream hasn't acknowledged.
pub const OUTBOX: Metric = Metric {
    name: "outbox_depth",
    kind: Kind::Gauge,
    labels: &["host"],
    help: "Durable facts that the stream hasn't acknowledged.",
};
/// The last sequence that the stream has acknowledged.
pub const PUBLISHED: Metric = Metric {
    name: "published_sequence",
    kind: Kind::Gauge,
    labels: &["host"],
    help: "The last sequence that the stream has acknowledged.",
};
/// Attempts to publish that were made again.
pub const PUBLISH_RETRIES: Metric = Metric {
    name: "publish_retries",
    kind: Kind::Gauge,
    labels: &["host"],
    help: "Attempts to publish that were made again.",
};
/// Whether this process writes for the host, where several may.
pub const WRITES: Metric = Metric {
    name: "writes",
    kind: Kind::Gauge,
    labels: &["host"],
    help: "Whether this process writes for the host, where several may.",
};
/// The last message of accepted records that the stream has.
pub const FEED: Metric = Metric {
    name: "feed_sequence",
    kind: Kind::Gauge,
    labels: &["host"],
    help: "The last message of accepted records that the stream has.",
};
/// Published facts of extraction that the feed hasn't gone through.
pub const FEED_DEPTH: Metric = Metric {
    name: "feed_depth",
    kind: Kind::Gauge,
    labels: &["host"],
    help: "Published facts of extraction that the feed hasn't gone through.",
};
/// Attempts to publish accepted records that were made again.
pub const FEED_RETRIES: Metric = Metric {
    name: "feed_retries",
    kind: Kind::Gauge,
    labels: &["host"],
    help: "Attempts to publish accepted records that were made again.",
};
/// Messages of accepted records that wait for a subscriber.
pub const SUBSCRIBER_WAITING: Metric = Metric {
    name: "subscriber_waiting",
    kind: Kind::Gauge,
    labels: &["subscriber"],
    help: "Messages of accepted records that wait for a subscriber.",
};
/// Messages that a subscriber was sent and has not answered.
pub const SUBSCRIBER_UNANSWERED: Metric = Metric {
    name: "subscriber_unanswered",
    kind: Kind::Gauge,
    labels: &["subscriber"],
    help: "Messages that a subscriber was sent and has not answered.",
};
/// Messages that a subscriber was sent again and has not answered.
pub const SUBSCRIBER_AGAIN: Metric = Metric {
    name: "subscriber_redelivered",
    kind: Kind::Gauge,
    labels: &["subscriber"],
    help: "Messages that a subscriber was sent again and has not answered.",
};
/// The message up to which a subscriber has answered all.
pub const SUBSCRIBER_DONE: Metric = Metric {
    name: "subscriber_sequence",
    kind: Kind::Gauge,
    labels: &["subscriber"],
    help: "The message up to which a subscriber has answered all.",
};
/// Whether a subscriber asks for messages.
pub const SUBSCRIBER_THERE: Metric = Metric {
    name: "subscriber_there",
    kind: Kind::Gauge,
    labels: &["subscriber"],
    help: "Whether a subscriber asks for messages.",
};
/// Reports in the stream that are not in the ledger yet.
pub const REPORTS_WAITING: Metric = Metric {
    name: "reports_waiting",
    kind: Kind::Gauge,
    labels: &[],
    help: "Reports in the stream that are not in the ledger yet.",
};
/// Reports that were laid aside and wait for somebody.
pub const DEAD_LETTERS: Metric = Metric {
    name: "dead_letters",
    kind: Kind::Gauge,
    labels: &[],
    help: "Reports that were laid aside and wait for somebody.",
};
/// Clients that wait for news.
pub const WAITING: Metric =
    Metric { name: "waiting", kind: Kind::Gauge, labels: &[], help: "Clients that wait for news." };
/// Changes that webhooks could not be told of for a day.
pub const GIVEN_UP: Metric = Metric {
    name: "webhook_changes_given_up",
    kind: Kind::Gauge,
    labels: &[],
    help: "Changes that webhooks could not be told of for a day.",
};
/// Usage files by status.
pub const FILES: Metric =
    Metric { name: "files", kind: Kind::Gauge, labels: &["status"], help: "Usage files by status." };

/// What is counted where the work is done; everything else is looked up when it is asked for.
pub(super) const COUNTED: &[Metric] = &[
    REQUESTS,
    REQUEST_TIME,
    ASKS,
    ASK_TIME,
    JOBS,
    JOB_TIME,
    JOBS_RUNNING,
    RECORDS_CHECKED,
    REPORTS,
    REPORTS_AGAIN,
    REPORTS_ASIDE,
    WEBHOOK_CALLS,
    SPANS,
    WEBHOOK_BACKLOG,
    START_POSITION,
    SNAPSHOTS,
];

/// All of them.
pub const ALL: &[Metric] = &[
    REQUESTS,
    REQUEST_TIME,
    ASKS,
    ASK_TIME,
    JOBS,
    JOB_TIME,
    JOBS_RUNNING,
    RECORDS_CHECKED,
    REPORTS,
    REPORTS_AGAIN,
    REPORTS_ASIDE,
    WEBHOOK_CALLS,
    SPANS,
    WEBHOOK_BACKLOG,
    START_POSITION,
    SNAPSHOTS,
    BUILD,
    READY,
    MEMORY,
    OPEN_FILES,
    LOG_SEQUENCE,
    LOG_POSITION,
    COMMIT_TIME,
    COMMIT_ENTRIES,
    LOG_LIVE,
    LOG_QUEUED,
    LOG_SEALED,
    LOG_SEGMENTS,
    SEAL_FAILURES,
    ARCHIVE_BEHIND,
    ARCHIVE_FAILURES,
    BACKUP_BEHIND,
    BACKUP_MISSING,
    BACKUP_BYTES,
    BACKUP_FAILURES,
    HEARD,
    LAG,
    FOLDED,
    NATS,
    OUTBOX,
    PUBLISHED,
    PUBLISH_RETRIES,
    WRITES,
    FEED,
    FEED_DEPTH,
    FEED_RETRIES,
    SUBSCRIBER_WAITING,
    SUBSCRIBER_UNANSWERED,
    SUBSCRIBER_AGAIN,
    SUBSCRIBER_DONE,
    SUBSCRIBER_THERE,
    REPORTS_WAITING,
    DEAD_LETTERS,
    WAITING,
    GIVEN_UP,
    FILES,
];
