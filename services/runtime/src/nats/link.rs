//! The connection of a process to NATS, which comes back by itself.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use ledger::Moment;
use thiserror::Error;
use tokio::sync::watch;

use super::grants::inbox_of;
use crate::clock::Clock;

/// How long a request of JetStream's own interface may take: a leader election takes about five seconds, after which
/// the request is sent again.
const REQUEST_WAIT: Duration = Duration::from_secs(3);
/// The longest pause between two attempts to connect.
const RECONNECT_WAIT_MAX: Duration = Duration::from_secs(2);

/// Where NATS is, and as whom to talk to it.
#[derive(Clone, Debug)]
pub struct LinkSettings {
    /// One address or several, separated by commas: `nats://127.0.0.1:4222`.
    pub servers: String,
    /// The user's name: the services of the process, joined by `-`. Its inboxes are named after it.
    pub user: String,
    /// A file of credentials, as `usage-ledger nats credentials` writes it.
    pub credentials: Option<PathBuf>,
    /// The certificate of the authority that signed the servers'; with it TLS is required.
    pub root_certificate: Option<PathBuf>,
    /// How many servers keep each stream: 1, 3 or 5.
    pub replicas: usize,
}

impl LinkSettings {
    /// The addresses, one by one.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        self.servers.split(',').map(str::trim).filter(|one| !one.is_empty())
    }

    /// Whether an address is on this machine; a name that isn't `localhost` may be anywhere.
    #[must_use]
    pub fn is_local(&self, address: &str) -> bool {
        let Ok(address) = address.parse::<ServerAddr>() else { return false };
        let host = address.host().trim_matches(['[', ']']);
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Whether an address has a user or a token in itself.
    #[must_use]
    pub fn names_user(&self, address: &str) -> bool {
        address.parse::<ServerAddr>().is_ok_and(|address| address.username().is_some())
    }

    /// An address on another machine that is to let us in without credentials: whoever reaches it may do anything.
    #[must_use]
    pub fn open_to_anybody(&self) -> Option<&str> {
        let open = |address: &&str| !self.is_local(address) && !self.names_user(address);
        self.addresses().find(|address| self.credentials.is_none() && open(address))
    }
}

/// The connection can't be made.
#[derive(Debug, Error)]
pub enum LinkError {
    /// The credentials can't be read.
    #[error("could not read the NATS credentials in {path}")]
    Credentials {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// An address is none, or TLS can't be set up.
    #[error("could not connect to NATS at {servers}: {reason}")]
    Connect {
        /// The addresses.
        servers: String,
        /// Why not.
        reason: String,
    },
}

/// Whether NATS is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reachable {
    /// It is.
    Yes,
    /// It isn't since this moment.
    NotSince(Moment),
}

/// A connection that several tasks share. Cheap to clone.
#[derive(Clone)]
pub struct Link {
    pub(crate) client: Client,
    pub(crate) jetstream: jetstream::Context,
    pub(crate) replicas: usize,
    reachable: watch::Receiver<Reachable>,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({:?})", *self.reachable.borrow())
    }
}

impl Link {
    /// Connects; a server that isn't there yet is waited for in the background.
    ///
    /// # Errors
    /// When the settings can't be used.
    pub async fn connect(settings: &LinkSettings, clock: Clock) -> Result<Self, LinkError> {
        let (reached, reachable) = watch::channel(Reachable::NotSince(clock.now()));
        let options = options(settings)
            .await?
            .retry_on_initial_connect()
            .max_reconnects(None)
            .reconnect_delay_callback(|attempts| {
                RECONNECT_WAIT_MAX
                    .min(Duration::from_millis(50).saturating_mul(u32::try_from(attempts).unwrap_or(u32::MAX)))
            })
            .event_callback(move |event| {
                note(&reached, &event, &clock);
                std::future::ready(())
            });
        let client = options.connect(settings.addresses().collect::<Vec<_>>()).await;
        let client =
            client.map_err(|error| LinkError::Connect { servers: settings.servers.clone(), reason: chain(&error) })?;
        let jetstream = jetstream::ContextBuilder::new().timeout(REQUEST_WAIT).build(client.clone());
        Ok(Self { client, jetstream, replicas: settings.replicas, reachable })
    }

    /// Whether NATS is there, and every change of that.
    #[must_use]
    pub fn reachable(&self) -> watch::Receiver<Reachable> {
        self.reachable.clone()
    }

    /// Whether NATS is there now.
    pub(crate) fn is_reachable(&self) -> bool {
        *self.reachable.borrow() == Reachable::Yes
    }

    /// Waits until NATS is there.
    pub async fn reached(&self) {
        let mut reachable = self.reachable.clone();
        // The sender lives in the connection, which lives as long as this.
        drop(reachable.wait_for(|reachable| *reachable == Reachable::Yes).await);
    }
}

/// As whom a connection is made, and whom it trusts.
pub(crate) async fn options(settings: &LinkSettings) -> Result<ConnectOptions, LinkError> {
    let mut options = match &settings.credentials {
        None => ConnectOptions::new(),
        Some(path) => {
            let read = ConnectOptions::with_credentials_file(path).await;
            read.map_err(|source| LinkError::Credentials { path: path.clone(), source })?
        }
    };
    if let Some(path) = &settings.root_certificate {
        options = options.add_root_certificates(path.clone()).require_tls(true);
    }
    Ok(options.name(format!("usage-ledger {}", settings.user)).custom_inbox_prefix(inbox_of(&settings.user)))
}

fn note(reached: &watch::Sender<Reachable>, event: &Event, clock: &Clock) {
    match event {
        Event::Connected => {
            tracing::info!("connected to NATS");
            reached.send_replace(Reachable::Yes);
        }
        Event::Disconnected | Event::Closed => {
            tracing::warn!("the connection to NATS is gone; trying again");
            let now = clock.now();
            // The first loss counts: what comes after it are attempts to come back.
            reached.send_if_modified(|reachable| {
                let was = *reachable == Reachable::Yes;
                if was {
                    *reachable = Reachable::NotSince(now);
                }
                was
            });
        }
        other => tracing::warn!(event = %other, "NATS says"),
    }
}

/// An error with all its reasons in one line.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(reason) = source {
        let reason_text = reason.to_string();
        if !text.contains(&reason_text) {
            text.push_str(": ");
            text.push_str(&reason_text);
        }
        source = reason.source();
    }
    text
}
