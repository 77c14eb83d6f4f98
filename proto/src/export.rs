//! Facts for others to read: as JSON with the names of `usage/v1`, and as a sequence of messages with every byte that was
//! hashed.
//!
//! JSON is made from the descriptors, not from what this version understands, so that it has every field that was written.

use std::sync::LazyLock;

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, ReflectMessage, Value};
use serde_json::{Map, Value as Json};

use crate::convert::frame::decompress;
use crate::error::WireError;
use crate::wire;
use crate::wire::event::Fact;

/// Facts with a compressed batch of records.
const CARRY_RECORDS: [&str; 2] = ["records_read", "records_checked"];

/// The descriptors of `usage/v1`; none when the build left out a file, which a test would see.
static POOL: LazyLock<Option<DescriptorPool>> =
    LazyLock::new(|| DescriptorPool::decode(include_bytes!(concat!(env!("OUT_DIR"), "/usage.v1.bin")).as_slice()).ok());

/// A fact with its header as one message, after its length.
#[must_use]
pub fn encode_exported(header: &[u8], payload: &[u8]) -> Vec<u8> {
    wire::ExportedFact { header: header.to_vec(), payload: payload.to_vec() }.encode_length_delimited_to_vec()
}

/// The name of an event's fact, and the event as JSON: names as in `usage/v1`, bytes in hexadecimal, whole numbers as
/// numbers, enumerations by name. The compressed payload of a batch of records is left out; [`records_json`] shows it.
///
/// # Errors
/// When the bytes are no event.
pub fn event_json(payload: &[u8]) -> Result<(String, Json), WireError> {
    let event = message("usage.v1.Event", payload)?;
    let facts = event.descriptor().oneofs().find(|one| one.name() == "fact").ok_or(WireError::UnknownFact)?;
    let fact = facts.fields().find(|fact| event.has_field(fact)).ok_or(WireError::UnknownFact)?;
    let (name, mut event) = (fact.name().to_owned(), of_message(&event));
    if let Some(fact) = event.get_mut(&name).and_then(Json::as_object_mut)
        && CARRY_RECORDS.contains(&name.as_str())
    {
        fact.remove("payload");
    }
    Ok((name, event))
}

/// The records that an event carries, as JSON in the columns that they are stored in; none where it carries none.
///
/// # Errors
/// When the bytes are no event, or its records can't be read.
pub fn records_json(payload: &[u8]) -> Result<Option<Json>, WireError> {
    let (name, stored) = match wire::Event::decode(payload)?.fact {
        Some(Fact::RecordsRead(read)) => ("usage.v1.ReadBatch", read.payload),
        Some(Fact::RecordsChecked(checked)) => ("usage.v1.CheckedBatch", checked.payload),
        _ => return Ok(None),
    };
    Ok(Some(of_message(&message(name, &decompress(&stored)?)?)))
}

fn message(name: &'static str, bytes: &[u8]) -> Result<DynamicMessage, WireError> {
    let descriptor = POOL.as_ref().and_then(|pool| pool.get_message_by_name(name));
    let descriptor = descriptor.ok_or(WireError::UnknownKind { what: name })?;
    Ok(DynamicMessage::decode(descriptor, bytes)?)
}

fn of_message(message: &DynamicMessage) -> Json {
    let descriptor = message.descriptor();
    let fields = descriptor.fields().filter(|field| message.has_field(field));
    let named = fields.map(|field| (field.name().to_owned(), of_value(&message.get_field(&field), &field)));
    Json::Object(named.collect::<Map<_, _>>())
}

fn of_value(value: &Value, field: &FieldDescriptor) -> Json {
    match value {
        Value::Bool(value) => (*value).into(),
        Value::I32(value) => (*value).into(),
        Value::I64(value) => (*value).into(),
        Value::U32(value) => (*value).into(),
        Value::U64(value) => (*value).into(),
        Value::String(value) => value.as_str().into(),
        Value::Bytes(value) => hex(value).into(),
        Value::EnumNumber(number) => match field.kind() {
            Kind::Enum(known) => known.get_value(*number).map_or((*number).into(), |value| value.name().into()),
            _ => (*number).into(),
        },
        Value::Message(message) => of_message(message),
        Value::List(values) => values.iter().map(|value| of_value(value, field)).collect(),
        // `usage/v1` has neither maps nor floats.
        Value::Map(_) | Value::F32(_) | Value::F64(_) => Json::Null,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ledger::Event;
    use ledger::fact::RecordsRead;
    use prost::encoding::{DecodeContext, decode_key, skip_field};

    use super::*;
    use crate::samples;

    /// The tags of a message.
    fn tags(mut bytes: &[u8]) -> BTreeSet<u32> {
        let mut tags = BTreeSet::new();
        while !bytes.is_empty() {
            let (tag, wire_type) = decode_key(&mut bytes).unwrap();
            skip_field(wire_type, tag, &mut bytes, DecodeContext::default()).unwrap();
            tags.insert(tag);
        }
        tags
    }

    /// Goal: nothing is exported with less than was written. Method: the JSON of each sample has as many fields as the
    /// message has tags, and the fact among them by the name that it has in `usage/v1`.
    #[test]
    fn every_fact_has_its_fields() {
        for (name, event) in samples::events() {
            let payload = crate::encode_event(&event);
            let (fact, json) = event_json(&payload).unwrap();
            let fields = json.as_object().unwrap();
            assert_eq!(fields.len(), tags(&payload).len(), "{name}: {json:#}");
            assert_eq!(fact, samples::fact_name(&event.fact));
            assert_eq!(CARRY_RECORDS.contains(&fact.as_str()), event.fact.carries_records(), "{name}");
            assert!(fields.contains_key(&fact), "{name}: {json:#}");
            assert_eq!(fields["recorded_at_micros"], event.recorded_at.0);
            assert_eq!(fields["cause"], event.cause.to_string());
        }
    }

    #[test]
    fn records_are_shown_where_there_are_some() {
        let stored = crate::encode_read_batch(&samples::read_batch()).unwrap();
        let (_, event) = samples::events().into_iter().find(|(name, _)| name.starts_with("records_read")).unwrap();
        let ledger::Fact::RecordsRead(read) = event.fact.clone() else { panic!("{event:?}") };
        let read = RecordsRead { payload: stored, ..*read };
        let payload = crate::encode_event(&Event { fact: ledger::Fact::RecordsRead(Box::new(read)), ..event });
        assert!(event_json(&payload).unwrap().1["records_read"].get("payload").is_none());
        let records = records_json(&payload).unwrap().unwrap();
        assert_eq!(records["columns"].as_array().unwrap().len(), samples::read_batch().columns.len());
    }

    #[test]
    fn a_sequence_of_messages_is_read_as_it_was_written() {
        let all = [(vec![1; 79], vec![2; 300]), (vec![3; 79], Vec::new())];
        let bytes: Vec<u8> = all.iter().flat_map(|(header, payload)| encode_exported(header, payload)).collect();
        let (mut rest, mut read) = (bytes.as_slice(), Vec::new());
        while !rest.is_empty() {
            let wire::ExportedFact { header, payload } = Message::decode_length_delimited(&mut rest).unwrap();
            read.push((header, payload));
        }
        assert_eq!(read, all);
    }
}
