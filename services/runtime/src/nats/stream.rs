//! The streams: one for each writer, made by the product itself.

use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use ledger::HostId;
use thiserror::Error;

use super::address;
use super::link::{Link, chain};

/// A repeated publication is recognised by the sequence that it expects; no message has an id.
const DUPLICATES: Duration = Duration::from_secs(1);

/// The first nats-server with batches of fast ingest (see `pump`); an older one doesn't know what it isn't to allow.
const VERSION_MIN: &str = "2.14";

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
        allow_batch_publish: true,
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
    let mut known = known.cached_info().config.clone();
    let count = |config: &Config| config.sources.as_ref().map_or(0, Vec::len);
    let more = count(&wanted) > count(&known);
    let allow_batch_publish = wanted.allow_batch_publish || known.allow_batch_publish;
    if known.num_replicas != wanted.num_replicas || more || allow_batch_publish != known.allow_batch_publish {
        let sources = if more { &wanted.sources } else { &known.sources }.clone();
        let changed = Config { num_replicas: wanted.num_replicas, sources, allow_batch_publish, ..known };
        known = link.jetstream.update_stream(changed).await.map_err(|error| failed(chain(&error)))?.config;
        tracing::info!(stream = wanted.name, replicas = wanted.num_replicas, "changed how a stream is kept");
    }
    if allow_batch_publish && !known.allow_batch_publish {
        return Err(failed(format!("it takes no batches; nats-server {VERSION_MIN} or later is needed")));
    }
    Ok(())
}
