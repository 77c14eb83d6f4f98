//! Every sample of what processes ask each other, as bytes and as what they say.

use std::fmt::Debug;

use ledger::{EventId, Hash, Moment};

use crate::ask::{Carry, CarryReply, Lookup, LookupReply, Pass, PassReply, Read, ReadReply};
use crate::{
    WireError, decode_ask, decode_reply, decode_report, decode_report_reply, encode_ask, encode_reply, encode_report,
    encode_report_reply, samples,
};

/// What bytes say, and what is written for that. As text, since two calls of reported records are equal that needn't
/// be alike.
pub(super) type Said = Result<(String, Vec<u8>), WireError>;

pub(super) struct Message {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    pub(super) says: String,
    pub(super) read: fn(&[u8]) -> Said,
}

impl Message {
    fn new(name: impl Into<String>, value: &impl Debug, bytes: Vec<u8>, read: fn(&[u8]) -> Said) -> Self {
        Self { name: name.into(), bytes, says: format!("{value:?}"), read }
    }
}

pub(super) fn all() -> Vec<Message> {
    let asks = samples::asks().into_iter().map(|(name, ask)| {
        let bytes = encode_ask(&ask).unwrap();
        Message::new(format!("ask_{name}"), &ask, bytes, |bytes| {
            let ask = decode_ask(bytes)?;
            Ok((format!("{ask:?}"), encode_ask(&ask)?))
        })
    });
    let replies = samples::replies().into_iter().map(|(name, reply)| {
        let bytes = encode_reply(&reply).unwrap();
        Message::new(format!("reply_{name}"), &reply, bytes, |bytes| {
            let reply = decode_reply(bytes)?;
            Ok((format!("{reply:?}"), encode_reply(&reply)?))
        })
    });
    asks.chain(replies).chain(questions()).chain(told()).collect()
}

/// What producers send: cut off between two fields it is another report, so it isn't among those above.
pub(super) fn reports() -> Vec<Message> {
    let reports = samples::reports().into_iter().map(|(name, report)| {
        Message::new(name, &report, encode_report(&report).unwrap(), |bytes| {
            let report = decode_report(bytes)?;
            Ok((format!("{report:?}"), encode_report(&report)?))
        })
    });
    reports.collect()
}

fn told() -> Vec<Message> {
    let told = samples::report_replies().into_iter().map(|(name, reply)| {
        Message::new(name, &reply, encode_report_reply(&reply).unwrap(), |bytes| {
            let reply = decode_report_reply(bytes)?;
            Ok((format!("{reply:?}"), encode_report_reply(&reply)?))
        })
    });
    told.collect()
}

fn questions() -> Vec<Message> {
    let lookup = Lookup { event: EventId([7; 16]) };
    let read = Read { from: 41, bytes_max: 1_048_576 };
    let entries = ReadReply { entries: vec![vec![1, 2, 3], Vec::new(), vec![255]], last: 43 };
    let mut questions = vec![
        Message::new("question_lookup", &lookup, lookup.encode(), |bytes| {
            Lookup::decode(bytes).map(|it| (format!("{it:?}"), it.encode()))
        }),
        Message::new("question_read", &read, read.encode(), |bytes| {
            Read::decode(bytes).map(|it| (format!("{it:?}"), it.encode()))
        }),
        Message::new("question_read_reply", &entries, entries.encode().unwrap(), |bytes| {
            let it = ReadReply::decode(bytes)?;
            Ok((format!("{it:?}"), it.encode()?))
        }),
    ];
    for (name, content) in [("lookup_reply", Some(Hash::of(&[1]))), ("lookup_reply_absent", None)] {
        let reply = LookupReply { content };
        questions.push(Message::new(format!("question_{name}"), &reply, reply.encode(), |bytes| {
            LookupReply::decode(bytes).map(|it| (format!("{it:?}"), it.encode()))
        }));
    }
    let pass = Pass { at: Moment(1_762_300_000_000_001) };
    questions.push(Message::new("question_pass", &pass, pass.encode(), |bytes| {
        Pass::decode(bytes).map(|it| (format!("{it:?}"), it.encode()))
    }));
    for (name, sequence) in [("pass_reply", Some(0)), ("pass_reply_ahead", None)] {
        let reply = PassReply { sequence };
        questions.push(Message::new(format!("question_{name}"), &reply, reply.encode(), |bytes| {
            PassReply::decode(bytes).map(|it| (format!("{it:?}"), it.encode()))
        }));
    }
    let blob = Hash::of(&[2]);
    let object = "an-object-of-the-store".to_owned();
    let carries = [
        ("carry_in", Carry::In { blob, bytes: u64::MAX, object: object.clone() }),
        ("carry_out", Carry::Out { blob, object }),
    ];
    for (name, carry) in carries {
        questions.push(Message::new(format!("question_{name}"), &carry, carry.encode(), |bytes| {
            Carry::decode(bytes).map(|it| (format!("{it:?}"), it.encode()))
        }));
    }
    for (name, bytes) in [("carry_reply", Some(0)), ("carry_reply_absent", None)] {
        let reply = CarryReply { bytes };
        questions.push(Message::new(format!("question_{name}"), &reply, reply.encode(), |bytes| {
            CarryReply::decode(bytes).map(|it| (format!("{it:?}"), it.encode()))
        }));
    }
    questions
}
