//! Compiles `usage/v1` with protox, so that nobody has to install protoc.

use std::error::Error;
use std::path::PathBuf;

use prost::Message;

const FILES: [&str; 11] = [
    "usage/v1/catalog.proto",
    "usage/v1/file.proto",
    "usage/v1/record.proto",
    "usage/v1/rule.proto",
    "usage/v1/webhook.proto",
    "usage/v1/session.proto",
    "usage/v1/event.proto",
    "usage/v1/command.proto",
    "usage/v1/feed.proto",
    "usage/v1/report.proto",
    "usage/v1/export.proto",
];

/// Messages that are sent as JSON too, with the names that they have here.
const AS_JSON: [&str; 14] = [
    "Named",
    "Total",
    "FeedMessage.message",
    "AcceptedHeader",
    "AcceptedRecords",
    "AcceptedTrailer",
    "AcceptedBillings",
    "AcceptedBilling",
    "AcceptedRows",
    "AcceptedClosed",
    "AcceptedRecord",
    "AcceptedSubscription",
    "AcceptedItem",
    "CustomValue",
];
/// Fields of them that may be absent: JSON leaves them out.
const OPTIONAL: [&str; 7] = [
    "Total.tier",
    "AcceptedHeader.hub",
    "AcceptedHeader.period_from_micros",
    "AcceptedHeader.period_to_micros",
    "AcceptedRecord.hub",
    "AcceptedRecord.amount",
    "AcceptedRecord.tier",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=usage");
    let descriptors = protox::compile(FILES, ["."])?;
    let mut config = prost_build::Config::new();
    for name in AS_JSON {
        config.type_attribute(format!(".usage.v1.{name}"), "#[derive(serde::Serialize)]");
    }
    config.type_attribute(".usage.v1.FeedMessage.message", "#[serde(rename_all = \"snake_case\")]");
    for name in OPTIONAL {
        config.field_attribute(format!(".usage.v1.{name}"), "#[serde(skip_serializing_if = \"Option::is_none\")]");
    }
    for message in ["AcceptedHeader", "AcceptedRecord"] {
        let named = "#[serde(serialize_with = \"crate::convert::feed::schema_name\")]";
        config.field_attribute(format!(".usage.v1.{message}.schema"), named);
    }
    // For whoever shows a message with all its fields, known or not.
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo says where to")?);
    std::fs::write(out.join("usage.v1.bin"), descriptors.encode_to_vec())?;
    config.compile_fds(descriptors)?;
    Ok(())
}
