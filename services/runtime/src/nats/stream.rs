//! The streams: one for each writer, made by the product itself.

use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use ledger::HostId;
use thiserror::Error;

use super::address;
use super::link::{Link, chain};

/// A repeated publication is recognised by the sequence that it expects. Ids say what a message follows (see `pump`), for
/// which JetStream needs the last one only: the rest it may forget soon.
const DUPLICATES: Duration = Duration::from_secs(1);

/// A stream can't be made or changed.
#[derive(Debug, Error)]
#[error("could not set up the stream {stream}: {reason}")]
pub struct StreamError {
    /// Which.
    pub stream: String,
    /// What NATS said.
    pub reason: String,
}

/// A stream with one writer: everything in it stays, in order.
pub(crate) fn config(name: String, description: String, subjects: String, replicas: usize) -> Config {
    Config {
        name,
        description: Some(description),
        subjects: vec![subjects],
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        discard: DiscardPolicy::New,
        num_replicas: replicas,
        duplicate_window: DUPLICATES,
        allow_direct: true,
        // See `pump`.
        allow_atomic_publish: true,
        deny_delete: true,
        deny_purge: true,
        ..Config::default()
    }
}

/// Makes a writer's stream, or brings one that is there to the number of replicas that is wanted.
///
/// # Errors
/// What NATS answers: without JetStream, without the right, or with fewer servers than replicas.
pub async fn set_up(link: &Link, host: HostId) -> Result<(), StreamError> {
    let description = format!("What {host} recorded, in the order of its chain. Its log is the truth.");
    make(link, config(address::stream(host), description, address::facts(host), link.replicas)).await
}

/// Makes a stream, or brings one that is there to the number of replicas that is wanted, to batches, and to more sources.
pub(crate) async fn make(link: &Link, wanted: Config) -> Result<(), StreamError> {
    let failed = |reason| StreamError { stream: wanted.name.clone(), reason };
    let known = link.jetstream.get_or_create_stream(wanted.clone()).await.map_err(|error| failed(chain(&error)))?;
    let known = &known.cached_info().config;
    let count = |config: &Config| config.sources.as_ref().map_or(0, Vec::len);
    let more = count(&wanted) > count(known);
    let allow_atomic_publish = wanted.allow_atomic_publish || known.allow_atomic_publish;
    if known.num_replicas != wanted.num_replicas || more || allow_atomic_publish != known.allow_atomic_publish {
        let sources = if more { &wanted.sources } else { &known.sources }.clone();
        let changed = Config { num_replicas: wanted.num_replicas, sources, allow_atomic_publish, ..known.clone() };
        link.jetstream.update_stream(changed).await.map_err(|error| failed(chain(&error)))?;
        tracing::info!(stream = wanted.name, replicas = wanted.num_replicas, "changed how a stream is kept");
    }
    Ok(())
}
