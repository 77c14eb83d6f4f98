//! Requests and replies of any size: what is longer than a message goes in numbered parts under one key.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use async_nats::{Client, HeaderMap, Message, PublishError, Request, RequestErrorKind, StatusCode, Subject};
use bytes::Bytes;
use futures_util::StreamExt;

use super::link::chain;

/// Bytes of one message: half of what NATS allows unless it is told otherwise.
pub(crate) const PART_BYTES_MAX: usize = 512 << 10;
/// Parts of one request or reply: 64 MiB, more than any command may have.
const PARTS_MAX: usize = 128;
/// What is not complete after this is forgotten: whoever sent it sends it again, whole.
const FORGET_AFTER: Duration = Duration::from_secs(30);
/// Requests that may be incomplete at once: what they hold is bounded by it.
const COLLECTING_MAX: usize = 64;

/// `<number>/<how many>/<key>`, numbers from 1; absent from what is whole.
const PART: &str = "Ledger-Part";
/// On an empty reply: see [`NoReply::Gone`].
const GONE: &str = "Ledger-Gone";
/// The pause before asking again after somebody who went away.
const GONE_PAUSE: Duration = Duration::from_millis(50);

/// A request got no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoReply {
    /// Nobody takes it: it had no effect.
    Nobody,
    /// Whoever took it stops. Who comes next knows whether it had an effect.
    Gone,
    /// Whether it had an effect isn't known.
    Unknown(String),
}

/// Sends bytes, in parts if they are many.
pub(crate) async fn send(
    client: &Client,
    to: impl Into<Subject>,
    reply: Option<Subject>,
    bytes: Vec<u8>,
) -> Result<(), PublishError> {
    send_with(client, to, reply, HeaderMap::new(), bytes).await
}

/// The same, with headers on every part.
pub(crate) async fn send_with(
    client: &Client,
    to: impl Into<Subject>,
    reply: Option<Subject>,
    headers: HeaderMap,
    bytes: Vec<u8>,
) -> Result<(), PublishError> {
    let (to, bytes) = (to.into(), Bytes::from(bytes));
    if bytes.len() <= PART_BYTES_MAX {
        return publish(client, to, reply, headers, bytes).await;
    }
    let (count, key) = (bytes.len().div_ceil(PART_BYTES_MAX), client.new_inbox());
    for number in 0..count {
        let start = number * PART_BYTES_MAX;
        let part = bytes.slice(start..bytes.len().min(start + PART_BYTES_MAX));
        let mut headers = headers.clone();
        headers.insert(PART, format!("{}/{count}/{key}", number + 1));
        publish(client, to.clone(), reply.clone(), headers, part).await?;
    }
    Ok(())
}

async fn publish(
    client: &Client,
    to: Subject,
    reply: Option<Subject>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<(), PublishError> {
    match (reply, headers.is_empty()) {
        (Some(reply), true) => client.publish_with_reply(to, reply, bytes).await,
        (Some(reply), false) => client.publish_with_reply_and_headers(to, reply, headers, bytes).await,
        (None, true) => client.publish(to, bytes).await,
        (None, false) => client.publish_with_headers(to, headers, bytes).await,
    }
}

/// Asks and waits for the whole reply.
pub(crate) async fn request(client: &Client, to: String, bytes: Vec<u8>, wait: Duration) -> Result<Vec<u8>, NoReply> {
    request_with(client, to, HeaderMap::new(), bytes, wait).await
}

/// The same, with headers on every part.
pub(crate) async fn request_with(
    client: &Client,
    to: String,
    headers: HeaderMap,
    bytes: Vec<u8>,
    wait: Duration,
) -> Result<Vec<u8>, NoReply> {
    let unknown = |error: &dyn std::error::Error| NoReply::Unknown(chain(error));
    let inbox = Subject::from(client.new_inbox());
    let mut replies = client.subscribe(inbox.clone()).await.map_err(|error| unknown(&error))?;
    let asked = async {
        send_with(client, to, Some(inbox), headers, bytes).await.map_err(|error| unknown(&error))?;
        let mut parts = Parts::default();
        while let Some(message) = replies.next().await {
            if message.status == Some(StatusCode::NO_RESPONDERS) {
                return Err(NoReply::Nobody);
            }
            if is_gone(&message) {
                return Err(NoReply::Gone);
            }
            if let Some(whole) = parts.take(&message, Instant::now()) {
                return Ok(whole);
            }
        }
        Err(NoReply::Unknown("the connection was closed".to_owned()))
    };
    let late = || NoReply::Unknown(format!("no reply within {} s", wait.as_secs()));
    tokio::time::timeout(wait, asked).await.unwrap_or_else(|_| Err(late()))
}

/// Asks what is answered in one message. The connection's own inbox takes it, so that no subscription comes and goes
/// with each question.
pub(crate) async fn request_short(
    client: &Client,
    to: String,
    bytes: Bytes,
    wait: Duration,
) -> Result<Vec<u8>, NoReply> {
    let asked = Request::new().payload(bytes).timeout(Some(wait));
    match client.send_request(to, asked).await {
        Ok(message) if is_gone(&message) => Err(NoReply::Gone),
        Ok(message) => Ok(message.payload.to_vec()),
        Err(error) if error.kind() == RequestErrorKind::NoResponders => Err(NoReply::Nobody),
        Err(error) => Err(NoReply::Unknown(chain(&error))),
    }
}

/// Tells who asked that this process stops.
pub(crate) async fn send_gone(client: &Client, reply: Subject) -> Result<(), PublishError> {
    let mut headers = HeaderMap::new();
    headers.insert(GONE, "1");
    send_with(client, reply, None, headers, Vec::new()).await
}

fn is_gone(message: &Message) -> bool {
    message.headers.as_ref().is_some_and(|headers| headers.get(GONE).is_some())
}

/// Asks what does no harm when it is asked twice. Whoever took it may have been killed with it: each try is given twice
/// the time of the one before, all together `wait`.
pub(crate) async fn request_again<Asked>(
    first: Duration,
    wait: Duration,
    mut ask: impl FnMut(Duration) -> Asked,
) -> Result<Vec<u8>, NoReply>
where
    Asked: Future<Output = Result<Vec<u8>, NoReply>>,
{
    let (start, mut patience) = (Instant::now(), first);
    loop {
        let left = wait.saturating_sub(start.elapsed());
        match ask(patience.min(left)).await {
            Err(NoReply::Unknown(_)) if patience < left => patience *= 2,
            Err(NoReply::Gone) if !left.is_zero() => tokio::time::sleep(GONE_PAUSE).await,
            outcome => return outcome,
        }
    }
}

/// Parts that wait for the others of their key.
#[derive(Debug, Default)]
pub(crate) struct Parts(HashMap<String, Collecting>);

#[derive(Debug)]
struct Collecting {
    since: Instant,
    count: usize,
    parts: BTreeMap<usize, Bytes>,
}

impl Parts {
    /// Takes a message in; gives the whole when nothing of it is missing any more.
    pub(crate) fn take(&mut self, message: &Message, now: Instant) -> Option<Vec<u8>> {
        let part = message.headers.as_ref().and_then(|headers| headers.get(PART));
        let Some(part) = part else { return Some(message.payload.to_vec()) };
        self.collect(part.as_str(), message.payload.clone(), now)
    }

    fn collect(&mut self, part: &str, bytes: Bytes, now: Instant) -> Option<Vec<u8>> {
        let mut words = part.splitn(3, '/');
        let number: usize = words.next()?.parse().ok()?;
        let count: usize = words.next()?.parse().ok()?;
        let key = words.next()?;
        if !(1..=count).contains(&number) || count > PARTS_MAX || bytes.len() > PART_BYTES_MAX {
            return None;
        }
        self.0.retain(|_, one| now.duration_since(one.since) < FORGET_AFTER);
        if self.0.len() >= COLLECTING_MAX && !self.0.contains_key(key) {
            return None;
        }
        let new = || Collecting { since: now, count, parts: BTreeMap::new() };
        let collecting = self.0.entry(key.to_owned()).or_insert_with(new);
        if collecting.count != count {
            return None;
        }
        collecting.parts.insert(number, bytes);
        if collecting.parts.len() < count {
            return None;
        }
        let whole = self.0.remove(key)?;
        Some(whole.parts.into_values().collect::<Vec<_>>().concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a question outlives whoever was stopped or killed with it, and ends at once where nobody is there.
    #[tokio::test]
    async fn a_question_is_asked_again_until_its_time_is_over() {
        type Outcome = Result<Vec<u8>, NoReply>;
        let lost = || Err(NoReply::Unknown("no reply".to_owned()));
        let (gone, nobody, told) = (|| Err(NoReply::Gone), || Err(NoReply::Nobody), || Ok(b"told".to_vec()));
        let table: [(Vec<Outcome>, Outcome, &[u64]); 6] = [
            (vec![told()], told(), &[1]),
            (vec![nobody(), told()], nobody(), &[1]),
            (vec![gone(), told()], told(), &[1, 1]),
            (vec![gone(), nobody(), told()], nobody(), &[1, 1]),
            (vec![lost(), gone(), lost(), told()], told(), &[1, 2, 2, 4]),
            (vec![lost(), lost(), lost(), lost(), told()], lost(), &[1, 2, 4, 7]),
        ];
        for (outcomes, expected, waits) in table {
            let (mut left, mut waited) = (outcomes.clone().into_iter(), Vec::new());
            let ask = |wait: Duration| {
                waited.push(wait.as_secs());
                std::future::ready(left.next().expect("it isn't asked that often"))
            };
            let outcome = request_again(Duration::from_secs(1), Duration::from_secs(8), ask).await;
            assert_eq!((outcome, &waited[..]), (expected, waits), "{outcomes:?}");
        }
    }

    /// Goal: parts make one whole in whatever order they come, and hostile ones hold no memory.
    #[test]
    fn parts_make_a_whole_in_any_order_and_nothing_else_does() {
        let start = Instant::now();
        let bytes = |text: &str| Bytes::from(text.to_owned());
        let mut parts = Parts::default();
        assert_eq!(parts.collect("2/3/k", bytes("b"), start), None);
        assert_eq!(parts.collect("1/2/other", bytes("x"), start), None);
        assert_eq!(parts.collect("3/3/k", bytes("c"), start), None);
        assert_eq!(parts.collect("2/3/k", bytes("b"), start), None, "a repeated part");
        assert_eq!(parts.collect("1/3/k", bytes("a"), start), Some(b"abc".to_vec()));
        for wrong in ["", "1", "0/2/k", "3/2/k", "1/129/k", "x/2/k", "1/4/other"] {
            assert_eq!(parts.collect(wrong, bytes("x"), start), None, "{wrong}");
        }
        assert_eq!(parts.collect("2/2/other", bytes("y"), start + FORGET_AFTER), None, "its first part is forgotten");
        for key in 0..1_000 {
            parts.collect(&format!("1/2/{key}"), bytes("z"), start + FORGET_AFTER);
        }
        assert!(parts.0.len() <= COLLECTING_MAX);
    }
}
