//! Prints a line for every accepted record, and checks each chunk against its trailer.
//!
//! Reads the feed as protobuf (`usage-ledger subscriber add NAME --account PA-…`). It declares only the fields that it
//! needs, under their numbers of `proto/usage/v1/feed.proto`: the others are skipped.
//!
//! `subscriber NAME STREAM URL [CREDENTIALS CA]`, with the stream that `subscriber add` names, reads until nothing waits
//! any more.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use async_nats::ConnectOptions;
use async_nats::jetstream::{self, consumer::PullConsumer};
use futures_util::StreamExt;
use prost::Message;

/// How long the server waits for something to send.
const WAIT: Duration = Duration::from_secs(5);

#[derive(Clone, PartialEq, Message)]
struct FeedMessage {
    #[prost(message, optional, tag = "2")]
    records: Option<Records>,
    #[prost(message, optional, tag = "3")]
    trailer: Option<Trailer>,
}

#[derive(Clone, PartialEq, Message)]
struct Records {
    #[prost(string, tag = "1")]
    chunk_id: String,
    #[prost(message, repeated, tag = "2")]
    records: Vec<Record>,
}

#[derive(Clone, PartialEq, Message)]
struct Record {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(string, tag = "4")]
    record_id: String,
    #[prost(string, tag = "11")]
    quantity: String,
    #[prost(string, optional, tag = "12")]
    amount: Option<String>,
    #[prost(string, tag = "13")]
    currency: String,
}

#[derive(Clone, PartialEq, Message)]
struct Trailer {
    #[prost(string, tag = "1")]
    chunk_id: String,
    #[prost(uint32, tag = "2")]
    records: u32,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut given = std::env::args().skip(1);
    let (Some(name), Some(stream), Some(url)) = (given.next(), given.next(), given.next()) else {
        return Err("give the subscriber's name, its stream and the address of NATS".into());
    };
    let mut options = ConnectOptions::new();
    if let (Some(credentials), Some(ca)) = (given.next(), given.next()) {
        options = ConnectOptions::with_credentials_file(credentials).await?.add_root_certificates(ca.into());
    }
    let client = options.custom_inbox_prefix(format!("_INBOX_subscriber-{name}")).connect(url).await?;
    let stream = jetstream::new(client).get_stream_no_info(stream).await?;
    let feed: PullConsumer = stream.get_consumer(&name).await?;
    let mut counts = BTreeMap::<String, u32>::new();
    loop {
        let mut messages = feed.fetch().max_messages(50).expires(WAIT).messages().await?;
        let mut is_empty = true;
        while let Some(message) = messages.next().await {
            let message = message?;
            take(&mut counts, FeedMessage::decode(message.payload.clone())?)?;
            message.ack().await?;
            is_empty = false;
        }
        if is_empty {
            return Ok(());
        }
    }
}

fn take(counts: &mut BTreeMap<String, u32>, message: FeedMessage) -> Result<(), String> {
    if let Some(Records { chunk_id, records }) = message.records {
        for Record { id, record_id, quantity, amount, currency } in &records {
            println!("{id},{record_id},{quantity},{},{currency}", amount.as_deref().unwrap_or_default());
        }
        *counts.entry(chunk_id).or_default() += u32::try_from(records.len()).unwrap_or(u32::MAX);
    }
    if let Some(Trailer { chunk_id, records }) = message.trailer {
        let count = counts.remove(&chunk_id).unwrap_or_default();
        if count != records {
            return Err(format!("{chunk_id} is not complete: {count} of {records} records"));
        }
    }
    Ok(())
}
