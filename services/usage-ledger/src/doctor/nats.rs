//! What the processes of a ledger meet on.

use std::collections::BTreeSet;

use ledger::Moment;
use runtime::nats::{Examination, MESSAGE_BYTES_MAX, Server, ServerSeen, StreamState};
use serde_json::{Value, json};

use super::look::Seen;
use super::{Grade, Verdict};
use crate::credentials::{self, Claims};

/// Without it a stream can't do what is asked of it.
const VERSION_LEAST: [u32; 3] = [2, 14, 0];
/// What the tests run.
const VERSION_TESTED: [u32; 3] = [2, 15, 1];
/// A server that syncs at this pause or more often loses at most as much.
const SYNC_PAUSE_MAX: i64 = 1_000_000_000;
/// Clocks that differ by less are as good as the network.
const SKEW_WARNED: i64 = 2 * Moment::SECOND;
/// Clocks that differ by more make links that never work, and lateness that is none.
const SKEW_REFUSED: i64 = 60 * Moment::SECOND;
/// Credentials that end sooner have to be made anew now.
const EXPIRY_WARNED: i64 = 14 * 24 * 3_600 * Moment::SECOND;
/// Subjects that are shown of many.
const SHOWN: usize = 3;

const NO_NATS: &str = "this process needs no NATS";
const NOT_REACHED: &str = "not known: NATS was not reached";

/// What was seen of NATS, or the verdict where nothing was.
fn examined(seen: &Seen) -> Result<&Examination, Verdict> {
    match &seen.nats {
        None => Err(Verdict::ok(NO_NATS)),
        Some(Ok(seen)) if seen.servers.iter().any(|server| server.reached.is_ok()) => Ok(seen),
        Some(_) => Err(Verdict::ok(NOT_REACHED)),
    }
}

/// Judges each server that was reached.
fn each(seen: &Seen, sound: &str, judge: impl Fn(&ServerSeen, &Server) -> Option<Verdict>) -> Verdict {
    let examination = match examined(seen) {
        Ok(examination) => examination,
        Err(verdict) => return verdict,
    };
    let reached = examination.servers.iter().filter_map(|server| Some((server, server.reached.as_ref().ok()?)));
    Verdict::of(reached.filter_map(|(seen, server)| judge(seen, server)), sound)
}

pub(super) fn reachable(seen: &Seen) -> Verdict {
    let mend = "start it, or mend --nats, --nats-credentials and --nats-ca";
    let servers = match &seen.nats {
        None => return Verdict::ok(NO_NATS),
        Some(Err(reason)) => return Verdict::refused(reason, mend),
        Some(Ok(examination)) => &examination.servers,
    };
    let nobody = servers.iter().all(|server| server.reached.is_err());
    let faults = servers.iter().filter_map(|server| {
        let reason = server.reached.as_ref().err()?;
        let grade = if nobody { Grade::Refused } else { Grade::Warning };
        Some(Verdict { grade, found: format!("{} is not reached: {reason}", server.address), mend: mend.to_owned() })
    });
    Verdict::of(faults, format!("{} servers take the credentials", servers.len()))
}

pub(super) fn version(seen: &Seen) -> Verdict {
    each(seen, "new enough", |at, server| {
        let found = format!("{} is version {}", at.address, server.version);
        let mend = format!("install nats-server {}", VERSION_TESTED.map(|number| number.to_string()).join("."));
        let mut numbers = server.version.split(['.', '-']).map_while(|number| number.parse().ok());
        let version = [(); 3].map(|()| numbers.next().unwrap_or(0));
        match version {
            old if old < VERSION_LEAST => Some(Verdict::refused(found, mend)),
            old if old < VERSION_TESTED => Some(Verdict::warning(found, mend)),
            _ => None,
        }
    })
}

pub(super) fn authentication(seen: &Seen) -> Verdict {
    each(seen, "nobody is let in without credentials, or from this machine only", |at, _| {
        let mend = "include the nats.conf of `usage-ledger nats credentials DIR` in the configuration of each server";
        let open = !at.is_local && at.takes_anybody;
        open.then(|| Verdict::refused(format!("{} lets in whoever comes", at.address), mend))
    })
}

pub(super) fn encrypted(seen: &Seen) -> Verdict {
    each(seen, "encrypted, or on this machine", |at, server| {
        let mend = "give the servers a certificate, as `usage-ledger nats credentials DIR` makes them, and --nats-ca";
        let plain = !at.is_local && !server.is_encrypted;
        plain.then(|| Verdict::refused(format!("{} is not encrypted", at.address), mend))
    })
}

pub(super) fn grants(seen: &Seen) -> Verdict {
    let Some(token) = &seen.token else { return Verdict::ok("there are no credentials") };
    let mend = "make the user anew: `usage-ledger nats credentials DIR --revoke USER`, then without --revoke";
    let claims = match token {
        Err(reason) => return Verdict::refused(reason, mend),
        Ok(claims) => claims,
    };
    let needed = credentials::process_grants(&seen.settings.services, &seen.settings.partitions);
    let publish = compared(&needed.publish, &claims.publish);
    let subscribe = compared(&needed.subscribe, &claims.subscribe);
    let mut faults = Vec::new();
    let name = &claims.name;
    for (verb, (missing, more)) in [("publish on", publish), ("subscribe to", subscribe)] {
        if !missing.is_empty() {
            faults.push(Verdict::refused(format!("{name} may not {verb} {}", few(&missing)), mend));
        }
        if !more.is_empty() {
            faults.push(Verdict::warning(format!("{name} may {verb} {} without need", few(&more)), mend));
        }
    }
    let hears = seen.nats.as_ref().and_then(|nats| nats.as_ref().ok()).is_some_and(|nats| nats.hears_everything);
    if hears && faults.is_empty() {
        faults.push(Verdict::warning(format!("{name} hears what is sent to others"), mend));
    }
    faults.extend(ending(claims, seen.now, mend));
    Verdict::of(faults, format!("{name} may do what it needs, and nothing else"))
}

fn ending(claims: &Claims, now: Moment, mend: &str) -> Option<Verdict> {
    let end = claims.expires?;
    let found = format!("the credentials of {} end at {end}", claims.name);
    match end.0.saturating_sub(now.0) {
        left if left <= 0 => Some(Verdict::refused(found, mend)),
        left if left < EXPIRY_WARNED => Some(Verdict::warning(found, mend)),
        _ => None,
    }
}

/// What of the needed isn't allowed, and what is allowed beyond it.
fn compared<'a>(needed: &'a BTreeSet<String>, allowed: &'a BTreeSet<String>) -> (Vec<&'a str>, Vec<&'a str>) {
    let without = |these: &'a BTreeSet<String>, those: &'a BTreeSet<String>| {
        let open = these.iter().filter(|one| !those.iter().any(|other| covers(other, one)));
        open.map(String::as_str).collect()
    };
    (without(needed, allowed), without(allowed, needed))
}

/// Whether every subject that the second pattern means is meant by the first.
fn covers(wide: &str, narrow: &str) -> bool {
    let (mut wide, mut narrow) = (wide.split('.'), narrow.split('.'));
    loop {
        match (wide.next(), narrow.next()) {
            (Some(">"), Some(_)) | (None, None) => return true,
            (Some("*"), Some(token)) if token != ">" => {}
            (Some(left), Some(right)) if left == right => {}
            _ => return false,
        }
    }
}

fn few(subjects: &[&str]) -> String {
    let shown = subjects.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    let more = subjects.len().saturating_sub(SHOWN);
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

pub(super) fn jetstream(seen: &Seen) -> Verdict {
    let examination = match examined(seen) {
        Ok(examination) => examination,
        Err(verdict) => return verdict,
    };
    let off = examination.streams.iter().any(|stream| matches!(stream.state, StreamState::NoJetStream));
    let mend =
        "put `jetstream { store_dir: \"/var/lib/nats\", sync_interval: always }` into each server's configuration";
    if off { Verdict::refused("nobody answers for JetStream", mend) } else { Verdict::ok("it answers") }
}

pub(super) fn payload(seen: &Seen) -> Verdict {
    each(seen, "long enough", |at, server| {
        let short = server.message_bytes_max < MESSAGE_BYTES_MAX;
        let found = format!("{} takes messages of {} bytes at most", at.address, server.message_bytes_max);
        short.then(|| Verdict::refused(found, format!("max_payload: {MESSAGE_BYTES_MAX} in its configuration, or 1MB")))
    })
}

/// What a stream of facts must be; whatever else one is set to is its owner's business.
fn lasting() -> [(&'static str, Value); 8] {
    [
        ("storage", json!("file")),
        ("retention", json!("limits")),
        ("discard", json!("new")),
        ("max_age", json!(0)),
        ("max_msgs", json!(-1)),
        ("max_bytes", json!(-1)),
        ("deny_delete", json!(true)),
        ("deny_purge", json!(true)),
    ]
}

pub(super) fn streams(seen: &Seen) -> Verdict {
    let examination = match examined(seen) {
        Ok(examination) => examination,
        Err(verdict) => return verdict,
    };
    let faults = examination.streams.iter().flat_map(|stream| {
        let name = &stream.name;
        let keeps = name.starts_with("LEDGER_") || name.starts_with("ACCEPTED_");
        let wanted = if keeps { lasting().to_vec() } else { lasting()[..1].to_vec() };
        let wrong = |config: &Value| {
            let wrong = wanted.iter().filter(|(field, value)| config.get(field).unwrap_or(&Value::Null) != value);
            wrong.map(|(field, value)| format!("{field} is not {value}")).collect::<Vec<_>>()
        };
        let found = match &stream.state {
            StreamState::Made(config) => wrong(config),
            StreamState::Unknown(reason) => vec![format!("can't be looked at: {reason}")],
            StreamState::Absent | StreamState::NoJetStream => Vec::new(),
        };
        let mend =
            format!("stop its writer, delete {name} (`nats stream rm {name}`), start the writer: it fills it anew");
        (!found.is_empty()).then(|| Verdict::refused(format!("{name}: {}", found.join(", ")), mend))
    });
    Verdict::of(faults, format!("{} streams, as they should be or not made yet", examination.streams.len()))
}

pub(super) fn replicas(seen: &Seen) -> Verdict {
    let wanted = seen.settings.nats.as_ref().map_or(1, |nats| nats.replicas);
    each(seen, &format!("each stream is kept by {wanted}"), |at, server| {
        let (address, members) = (&at.address, server.members);
        if wanted > members {
            let mend = format!("start {wanted} servers, or give --nats-replicas 1");
            return Some(Verdict::refused(format!("{wanted} are wanted, and {address} knows of {members}"), mend));
        }
        let alone = wanted == 1 && members > 1;
        let found = format!("each stream is kept by one server, and {address} knows of {members}");
        alone.then(|| Verdict::warning(found, "give every process --nats-replicas 3"))
    })
}

pub(super) fn sync(seen: &Seen) -> Verdict {
    if seen.nats.is_none() {
        return Verdict::ok(NO_NATS);
    }
    let mend = "put `sync_interval: always` into the jetstream block of each server's configuration";
    if seen.monitored.is_empty() {
        let look = format!("give --nats-monitor http://HOST:8222 of each server, or {mend}");
        return Verdict::warning("a server doesn't tell its clients when it syncs", look);
    }
    let faults = seen.monitored.iter().filter_map(|(url, varz)| {
        let varz = match varz {
            Err(reason) => return Some(Verdict::warning(format!("{url} doesn't tell: {reason}"), mend)),
            Ok(varz) => varz,
        };
        let config = varz.pointer("/jetstream/config")?;
        let always = config.get("sync_always").and_then(Value::as_bool) == Some(true);
        let pause = config.get("sync_interval").and_then(Value::as_i64).unwrap_or(i64::MAX);
        let found = format!("{url} syncs every {} s only", pause / SYNC_PAUSE_MAX);
        (!always && pause > SYNC_PAUSE_MAX).then(|| Verdict::warning(found, mend))
    });
    Verdict::of(faults, "what is acknowledged is synced")
}

pub(super) fn clock(seen: &Seen) -> Verdict {
    let examination = match examined(seen) {
        Ok(examination) => examination,
        Err(verdict) => return verdict,
    };
    let Some(skew) = examination.skew else {
        return Verdict::ok("not known: there is no stream yet to ask for the time");
    };
    let found = format!("NATS is {} ms ahead of this machine", skew / 1_000);
    match skew.saturating_abs() {
        off if off > SKEW_REFUSED => Verdict::refused(found, "let every machine follow the same time (chrony, NTP)"),
        off if off > SKEW_WARNED => Verdict::warning(found, "let every machine follow the same time (chrony, NTP)"),
        _ => Verdict::ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_what_it_means_and_nothing_else() {
        for (wide, narrow, expected) in [
            ("fact.0.catalog", "fact.0.catalog", true),
            ("fact.>", "fact.0.catalog", true),
            (">", "$JS.API.>", true),
            ("fact.*.catalog", "fact.0.catalog", true),
            ("ask.*.*", "ask.*.*", true),
            ("fact.*", "fact.0.catalog", false),
            ("fact.>", "fact", false),
            ("ask.*", "ask.>", false),
            ("ask.0", "ask.*", false),
            ("fact.0.catalog", "fact.>", false),
        ] {
            assert_eq!(covers(wide, narrow), expected, "{wide} {narrow}");
        }
    }
}
