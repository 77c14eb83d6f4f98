//! One effect and one answer for requests that carry the same `Idempotency-Key`, also when they come at once.
//!
//! What a request recorded is found again in the logs by its key, for ever. Besides, the answers of the last minutes
//! are kept here: who lost one gets it again to the byte, and what recorded nothing, since it was done already, keeps
//! its key from being used for something else while retries come.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use ledger::digest::digest_of;
use ledger::{Command, FileId, Hash, Rejection, Scope};
use runtime::bus::AskKey;

use crate::app::App;
use crate::commands::Settled;
use crate::error::{Answered, ApiError};

/// Characters of an idempotency key.
const KEY_CHARS_MAX: usize = 200;
/// Keys whose requests are held apart and whose answers are kept: some minutes of a busy script.
const KEYS_MAX: usize = 1_024;
/// Bytes of an answer that is kept, so that all of them take 64 MiB at most; a longer one is made again.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;
/// An answer is kept for this long, wherever the clock is set meanwhile: the signed links in it last no longer.
const KEPT: Duration = Duration::from_secs(600);

/// What makes a repeated request recognisable, where the client sent `Idempotency-Key`.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestKey(Option<Keyed>);

#[derive(Clone, Debug)]
struct Keyed {
    key: String,
    method: String,
    target: String,
}

impl<S: Send + Sync> FromRequestParts<S> for RequestKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        Self::of(value.to_str().unwrap_or_default(), parts.method.to_string(), parts.uri.to_string())
    }
}

impl RequestKey {
    /// A key that came with a request, for what it asks.
    pub(crate) fn of(key: &str, method: String, target: String) -> Result<Self, ApiError> {
        let key = Some(key.trim()).filter(|key| (1..=KEY_CHARS_MAX).contains(&key.len()));
        let message = format!("Give 1 to {KEY_CHARS_MAX} characters.");
        let key = key.ok_or_else(|| ApiError::field("Idempotency-Key", message))?.to_owned();
        Ok(Self(Some(Keyed { key, method, target })))
    }

    /// The key together with what is asked: keys of two accounts never meet.
    pub(crate) fn about(&self, scope: &Scope, content: &impl std::hash::Hash) -> Once {
        let account = scope.account.as_ref().map_or("", |account| account.as_str());
        Once(self.0.as_ref().map(|keyed| AskKey {
            seed: Hash::of_parts(&[b"idempotency key", account.as_bytes(), keyed.key.as_bytes()]),
            content: digest_of(&(&keyed.method, &keyed.target, scope.actor.id(), content)),
        }))
    }
}

/// A request that has one effect however often it comes, if it has a key.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Once(Option<AskKey>);

impl Once {
    /// What the bus is told.
    pub(crate) fn key(&self) -> Option<AskKey> {
        self.0
    }

    /// The part of a request that is about one of several files.
    pub(crate) fn part(&self, file: FileId) -> Self {
        let part = |key: AskKey| {
            let seed = Hash::of_parts(&[b"part of a request", &key.seed.0, file.to_string().as_bytes()]);
            AskKey { seed, ..key }
        };
        Self(self.0.map(part))
    }
}

/// The latest answers, by their keys.
#[derive(Debug, Default)]
pub(crate) struct Answers(Mutex<Slots>);

#[derive(Debug, Default)]
struct Slots {
    by_seed: HashMap<Hash, Arc<Slot>>,
    order: VecDeque<Hash>,
}

/// Requests of one key come through here one by one.
type Slot = tokio::sync::Mutex<Option<Kept>>;

/// An answer that was given.
#[derive(Debug)]
struct Kept {
    content: Hash,
    at: Instant,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answers {
    fn slot(&self, seed: Hash) -> Arc<Slot> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.by_seed.get(&seed) {
            return slot.clone();
        }
        let slot = Arc::<Slot>::default();
        slots.by_seed.insert(seed, slot.clone());
        slots.order.push_back(seed);
        if slots.order.len() > KEYS_MAX
            && let Some(oldest) = slots.order.pop_front()
        {
            slots.by_seed.remove(&oldest);
        }
        slot
    }
}

impl Kept {
    fn response(&self) -> Response {
        let mut response = Response::new(Body::from(self.body.clone()));
        *response.status_mut() = self.status;
        response.headers_mut().clone_from(&self.headers);
        response
    }
}

impl App {
    /// Does a request, unless an equal one with its key was answered lately: then that is the answer. Equal ones that
    /// come meanwhile wait.
    ///
    /// Refusals are not kept, and neither is an answer that speaks for each of many things by itself: what they left
    /// undone may be done by the same request later.
    pub(crate) async fn once(&self, once: &Once, work: impl Future<Output = Answered>) -> Answered {
        let Some(key) = once.key() else { return work.await };
        let slot = self.answers.slot(key.seed);
        let mut kept = slot.lock().await;
        let now = Instant::now();
        if let Some(first) = kept.as_ref().filter(|first| now.duration_since(first.at) < KEPT) {
            return if first.content == key.content { Ok(first.response()) } else { Err(Rejection::KeyReused.into()) };
        }
        let response = work.await?;
        let small = response.body().size_hint().exact().is_some_and(|bytes| bytes <= ANSWER_BYTES_MAX);
        if !small || response.status() == StatusCode::PARTIAL_CONTENT {
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        // A body of a known size is in memory already: nothing is waited for, and nothing can fail.
        let body = axum::body::to_bytes(body, usize::MAX).await.map_err(|_| ApiError::Task { what: "an answer" })?;
        let first = Kept { content: key.content, at: now, status: parts.status, headers: parts.headers, body };
        Ok(kept.insert(first).response())
    }

    /// Has a command decided once, and answers with what came of it.
    pub(crate) async fn decided(
        self: &Arc<Self>,
        command: Command,
        scope: &Scope,
        key: &RequestKey,
        show: impl FnOnce(&Settled) -> Answered,
    ) -> Answered {
        let once = key.about(scope, &command);
        self.once(&once, async { show(&self.command(command, scope, &once).await?) }).await
    }
}
