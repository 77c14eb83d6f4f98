//! Goal: what producers send is bounded before anything is built from it, and what they are told says again what it
//! said. Method: one row for each refusal. Golden files and damage are with those of the other messages.

use prost::Message;

use crate::report::{RecordResult, ReportRefusal, UsageReport};
use crate::{WireError, decode_report, decode_report_reply, encode_report, encode_report_reply, samples, wire};

fn text(result: Result<impl Sized, WireError>) -> String {
    result.err().map_or_else(|| "fine".to_owned(), |error| error.to_string())
}

/// Nothing is lost where a message is cut off: what is whole before the cut is read, or the bytes are refused.
#[test]
fn a_report_that_is_cut_off_never_panics() {
    for (name, report) in samples::reports() {
        let bytes = encode_report(&report).unwrap();
        for end in 0..bytes.len() {
            if let Ok(read) = decode_report(&bytes[..end]) {
                assert!(
                    read.records.len() < report.records.len() || read.records.is_empty(),
                    "{name} cut off at {end}"
                );
            }
        }
    }
}

#[test]
fn a_report_over_a_limit_is_refused_by_name() {
    let many = |records| wire::UsageReport { records, ..Default::default() }.encode_to_vec();
    let values = |column: &str, count| wire::UsageRecord {
        own: vec![wire::NamedValue { column: column.to_owned(), value: "1".to_owned() }; count],
        ..Default::default()
    };
    for (bytes, want) in [
        (many(vec![Default::default(); 10_001]), "take a message with 10001 records: at most 10000 are allowed"),
        (many(vec![values("", 1_280_001)]), "take a message with 1280001 values: at most 1280000 are allowed"),
        (many(vec![values("v.a", 2)]), "make sense of a batch: a record has two values of one column"),
        (
            many(vec![wire::UsageRecord { quantity: "4".to_owned(), ..values("quantity", 1) }]),
            "make sense of a batch: a record has two values of one column",
        ),
        (vec![0; 16 << 20 | 1], "take a report of 16777217 bytes: at most 16777216 are allowed"),
    ] {
        assert_eq!(text(decode_report(&bytes)), want);
    }
    let cells = vec![("v.a".into(), "x".repeat(16 << 20))];
    let long = UsageReport { records: vec![cells], ..UsageReport::default() };
    assert_eq!(text(encode_report(&long)), "take a report of 16777237 bytes: at most 16777216 are allowed");
}

#[test]
fn a_reply_to_a_report_that_says_nothing_is_refused() {
    let record = |result| wire::RecordReceipt { result, ..Default::default() };
    let receipt = |records| {
        let file = Some(wire::ReportFile::default());
        wire::report_reply::Reply::Receipt(wire::ReportReceipt { file, records, ..Default::default() })
    };
    let refusal = |refusal| Some(wire::report_reply::Reply::Refusal(refusal));
    for (reply, want) in [
        (None, "decode a reply to a report of a kind that is unknown to this version"),
        (Some(receipt(vec![record(0)])), "decode `result`, whose number 0 is unknown to this version"),
        (Some(receipt(vec![record(5)])), "decode `result`, whose number 5 is unknown to this version"),
        (Some(receipt(vec![record(1); 10_001])), "take a message with 10001 records: at most 10000 are allowed"),
        (Some(wire::report_reply::Reply::Receipt(wire::ReportReceipt::default())), "decode a message without `file`"),
        (
            refusal(wire::ReportRefusal { status: 65_536, ..Default::default() }),
            "decode `status`, which holds no value of its kind",
        ),
        (
            refusal(wire::ReportRefusal { errors: vec![String::new(); 1_001], ..Default::default() }),
            "take a message with 1001 sentences: at most 1000 are allowed",
        ),
    ] {
        assert_eq!(text(decode_report_reply(&wire::ReportReply { reply }.encode_to_vec())), want);
    }
    let long = ReportRefusal { status: 400, code: String::new(), errors: vec!["x".repeat(40 << 20)] };
    let want = "take a reply to a report of 41943053 bytes: at most 41943040 are allowed";
    assert_eq!(text(encode_report_reply(&Err(long))), want);
}

#[test]
fn every_result_comes_back() {
    let (_, reply) = samples::report_replies().remove(0);
    let mut receipt = reply.unwrap();
    for result in [RecordResult::Added, RecordResult::Identical, RecordResult::Conflicting, RecordResult::Refused] {
        receipt.records[0].result = result;
        let reply = Ok(receipt.clone());
        assert_eq!(decode_report_reply(&encode_report_reply(&reply).unwrap()).unwrap(), reply);
    }
}
