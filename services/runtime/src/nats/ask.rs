//! Asking a host in another process: again and again under one key, so that a reply that got lost changes nothing.

use std::time::{Duration, Instant};

use ledger::digest::digest_of;
use ledger::{Command, Hash, HostId, Rejection, Scope};
use proto::ask::{WireAnswer, WireAsk, WireKey};

use super::address;
use super::link::Link;
use super::parts::{NoReply, request_with};
use super::traced;
use crate::bus::{Answer, AskKey};
use crate::trace;

/// How long the first try waits, each other one twice as long as the one before: a commit takes milliseconds, an import
/// of a large catalog a few seconds, and whoever was killed with a command never answers.
const TRY_WAIT_MIN: Duration = Duration::from_secs(1);
const TRY_WAIT_MAX: Duration = Duration::from_secs(8);
/// How long a host that isn't there is waited for: a restart takes a few seconds.
const AWAY_MAX: Duration = Duration::from_secs(5);
/// How long an outcome that may have been recorded is asked for, before its absence is told.
const UNKNOWN_MAX: Duration = Duration::from_secs(30);
/// The pause before asking again who isn't there.
const PAUSE: Duration = Duration::from_millis(100);

/// Asks a host for something, exactly once whatever happens on the way.
///
/// # Errors
/// The host's rejection; [`Rejection::Unavailable`] when it can't be reached.
pub(crate) async fn ask(
    link: &Link,
    host: HostId,
    command: Command,
    scope: Scope,
    key: Option<AskKey>,
    after: u64,
) -> Result<Answer, Rejection> {
    let key = key.unwrap_or_else(|| AskKey {
        seed: Hash::of_parts(&[b"once over nats", link.client.new_inbox().as_bytes()]),
        content: digest_of(&(&command, scope.account.as_ref(), scope.actor.id())),
    });
    let key = Some(WireKey { seed: key.seed, content: key.content });
    let asked = proto::encode_ask(&WireAsk { command, scope, key, after }).map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, %host, "a command can't be sent");
        Rejection::Unavailable
    })?;
    let headers = traced::headers(trace::current());
    let (start, mut certain, mut wait) = (Instant::now(), true, TRY_WAIT_MIN);
    loop {
        match request_with(&link.client, address::asks(host), headers.clone(), asked.clone(), wait).await {
            Ok(reply) => return understood(host, &reply),
            Err(NoReply::Nobody) => tokio::time::sleep(PAUSE).await,
            Err(NoReply::Gone) => {
                certain = false;
                tokio::time::sleep(PAUSE).await;
            }
            Err(NoReply::Unknown(reason)) => {
                tracing::warn!(%host, reason, "no reply; asking again with the same key");
                certain = false;
                wait = TRY_WAIT_MAX.min(wait * 2);
            }
        }
        if start.elapsed() >= if certain { AWAY_MAX } else { UNKNOWN_MAX } {
            return Err(Rejection::Unavailable);
        }
    }
}

fn understood(host: HostId, reply: &[u8]) -> Result<Answer, Rejection> {
    let reply = proto::decode_reply(reply).map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, %host, "could not read a reply");
        Rejection::Unavailable
    })?;
    reply.map(|answer| {
        let WireAnswer { host, sequence, events, repeated, receipts } = answer;
        Answer { host, sequence, events, repeated, receipts }
    })
}
