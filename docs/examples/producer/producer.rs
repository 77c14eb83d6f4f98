//! A producer in Rust: reports records as protobuf over NATS, and prints what became of them.
//!
//! `producer NATS CONTRACT PRODUCT < records.ndjson`: a line of the input is a record of texts. Outside of this project
//! the two `proto` calls are those of the code that prost makes of `proto/usage/v1/report.proto`.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::time::Duration;

use async_nats::{Client, HeaderMap, RequestErrorKind};
use ledger::Hash;
use proto::report::{ReportReply, UsageReport};

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// How often a report is sent that nobody answers.
const TRIES: u32 = 6;

/// Records of a report: few enough for it and its receipt to be one message each.
const BATCH_RECORDS: usize = 500;

/// Sends a report until there is a receipt. Its key makes that harmless.
///
/// # Errors
/// When nobody answers, or not in the language of this version.
pub async fn report(client: &Client, contract: &str, product: &str, report: &UsageReport) -> Outcome<ReportReply> {
    let bytes = proto::encode_report(report)?;
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", Hash::of(&bytes).to_string());
    let subject = format!("report.{contract}.{product}");
    for attempt in 0..TRIES {
        let asked = client.request_with_headers(subject.clone(), headers.clone(), bytes.clone().into()).await;
        match asked.map_err(|error| (error.kind(), error)) {
            Ok(reply) => match proto::decode_report_reply(&reply.payload)? {
                // Something is away, or failed: the same report again.
                Err(refusal) if refusal.status >= 500 => {}
                told => return Ok(told),
            },
            Err((RequestErrorKind::TimedOut | RequestErrorKind::NoResponders, _)) => {}
            Err((_, error)) => return Err(error.into()),
        }
        tokio::time::sleep(Duration::from_secs(attempt.into())).await;
    }
    Err("nobody answered".into())
}

/// Reports what comes on the standard input.
#[tokio::main]
pub async fn main() -> Outcome<()> {
    let argument = |at| std::env::args().nth(at).ok_or("usage: producer NATS CONTRACT PRODUCT < records.ndjson");
    let client = async_nats::connect(argument(1)?).await?;
    let mut records = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let record: BTreeMap<String, String> = serde_json::from_str(&line?)?;
        records.push(record.into_iter().map(|(name, text)| (name.into(), text)).collect());
    }
    let (contract, product) = (argument(2)?, argument(3)?);
    for records in records.chunks(BATCH_RECORDS) {
        let usage = UsageReport { records: records.to_vec(), ..UsageReport::default() };
        let told = report(&client, &contract, &product, &usage).await?;
        let told = told.map_err(|refusal| format!("{}: {}", refusal.code, refusal.errors.join(" ")))?;
        println!(
            "{}: {} added, {} identical, {} conflicting, {} refused",
            told.file, told.added, told.identical, told.conflicting, told.refused
        );
    }
    Ok(())
}
