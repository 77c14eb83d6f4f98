//! What NATS lets a process see of itself: for whoever wants to know whether it is set up as it should be. It asks and
//! listens; it changes nothing.

use std::time::Duration;

use async_nats::{Client, ConnectOptions};
use futures_util::{FutureExt, StreamExt};
use ledger::Moment;
use serde_json::Value;

use super::grants::Grants;
use super::link::{LinkError, LinkSettings, chain, options};
use super::parts::PART_BYTES_MAX;
use crate::clock::Clock;

/// How long a server may take to let somebody in.
const CONNECT_WAIT: Duration = Duration::from_secs(5);
/// How long it may take to answer.
const ANSWER_WAIT: Duration = Duration::from_secs(3);
/// Bytes that a message of ours may have: the longest part of a request, and its headers.
pub const MESSAGE_BYTES_MAX: usize = PART_BYTES_MAX + (16 << 10);

/// What was seen.
#[derive(Clone, Debug)]
pub struct Examination {
    /// Every server that was named.
    pub servers: Vec<ServerSeen>,
    /// The streams that the user may look at, each as JetStream describes it.
    pub streams: Vec<StreamSeen>,
    /// Whether the user hears what is sent to others.
    pub hears_everything: bool,
    /// The server's time less ours, in microseconds.
    pub skew: Option<i64>,
}

/// One address.
#[derive(Clone, Debug)]
pub struct ServerSeen {
    /// As it was named.
    pub address: String,
    /// Whether it is on this machine.
    pub is_local: bool,
    /// What it says of itself, or why it let nobody in.
    pub reached: Result<Server, String>,
    /// Whether it lets somebody in without credentials.
    pub takes_anybody: bool,
}

/// What a server says of itself.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its version.
    pub version: String,
    /// Whether connections are encrypted.
    pub is_encrypted: bool,
    /// The longest message that it takes.
    pub message_bytes_max: usize,
    /// Servers of its cluster, itself among them.
    pub members: usize,
}

/// A stream.
#[derive(Clone, Debug)]
pub struct StreamSeen {
    /// Its name.
    pub name: String,
    /// What it is.
    pub state: StreamState,
}

/// How it is with a stream.
#[derive(Clone, Debug)]
pub enum StreamState {
    /// Nobody has made it yet.
    Absent,
    /// There is no JetStream to ask.
    NoJetStream,
    /// It can't be known, for this reason.
    Unknown(String),
    /// Its configuration, as JetStream has it.
    Made(Value),
}

/// Looks at every server that is named, and by the first that lets us in at the streams that a user with these grants
/// may look at.
///
/// # Errors
/// When the credentials can't be read.
pub async fn examine(settings: &LinkSettings, grants: &Grants, clock: &Clock) -> Result<Examination, LinkError> {
    let mut seen = Examination { servers: Vec::new(), streams: Vec::new(), hears_everything: false, skew: None };
    let mut looked = false;
    for address in settings.addresses() {
        let within = |options: ConnectOptions| {
            let options = options.connection_timeout(CONNECT_WAIT).request_timeout(Some(ANSWER_WAIT));
            options.ignore_discovered_servers().connect(address)
        };
        let anonymous = LinkSettings { credentials: None, ..settings.clone() };
        let takes_anybody = !settings.names_user(address) && within(options(&anonymous).await?).await.is_ok();
        let client = within(options(settings).await?).await;
        let reached = match client {
            Ok(client) => {
                if !looked {
                    looked = true;
                    seen.look(&client, grants, clock).await;
                }
                Ok(Server::of(&client))
            }
            Err(error) => Err(chain(&error)),
        };
        let is_local = settings.is_local(address);
        seen.servers.push(ServerSeen { address: address.to_owned(), is_local, reached, takes_anybody });
    }
    Ok(seen)
}

impl Server {
    fn of(client: &Client) -> Self {
        let info = client.server_info();
        Self {
            version: info.version,
            is_encrypted: info.tls_required,
            message_bytes_max: info.max_payload,
            members: info.connect_urls.len().max(1),
        }
    }
}

impl Examination {
    async fn look(&mut self, client: &Client, grants: &Grants, clock: &Clock) {
        for name in grants.streams() {
            let (state, told) = stream(client, name, clock).await;
            self.skew = self.skew.or(told);
            self.streams.push(StreamSeen { name: name.to_owned(), state });
        }
        if let Some(name) = grants.streams().next() {
            self.hears_everything = hears_everything(client, name).await;
        }
    }
}

fn info_of(stream: &str) -> String {
    format!("$JS.API.STREAM.INFO.{stream}")
}

/// How a stream is, and how far the server's time is from ours.
async fn stream(client: &Client, name: &str, clock: &Clock) -> (StreamState, Option<i64>) {
    use async_nats::client::RequestErrorKind;
    let asked = clock.now();
    let answer = match client.request(info_of(name), "".into()).await {
        Ok(message) => message.payload,
        Err(error) if error.kind() == RequestErrorKind::NoResponders => return (StreamState::NoJetStream, None),
        Err(error) => return (StreamState::Unknown(chain(&error)), None),
    };
    let Ok(answer) = serde_json::from_slice::<Value>(&answer) else {
        return (StreamState::Unknown("the answer is no JSON".to_owned()), None);
    };
    if let Some(error) = answer.get("error") {
        let said = error.get("description").and_then(Value::as_str).unwrap_or_default();
        let absent = error.get("code").and_then(Value::as_u64) == Some(404);
        return (if absent { StreamState::Absent } else { StreamState::Unknown(said.to_owned()) }, None);
    }
    let told = answer.get("ts").and_then(Value::as_str).and_then(Moment::parse_iso);
    // The server spoke between the question and the answer.
    let skew = told.map(|told| told.0 - asked.0.midpoint(clock.now().0));
    let config = answer.get("config").cloned().unwrap_or_default();
    (StreamState::Made(config), skew)
}

/// Whether a subscription to everything is let through: then it brings the question that is asked next, before its
/// answer comes.
async fn hears_everything(client: &Client, stream: &str) -> bool {
    let Ok(mut everything) = client.subscribe(">").await else { return false };
    // Without an answer it isn't known, and what isn't known is not said.
    if client.request(info_of(stream), "".into()).await.is_err() {
        return false;
    }
    std::iter::from_fn(|| everything.next().now_or_never().flatten())
        .any(|message| message.subject.as_str() == info_of(stream))
}
