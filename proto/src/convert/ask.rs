//! Asks: who wants what, and the limits of that.

use ledger::record::RECORD_COLUMNS_MAX;
use ledger::report::REPORT_RECORDS_MAX;
use ledger::{ObjectId, Scope};
use prost::Message;

use super::catalog::{role, role_number};
use super::command::{command, command_to_wire};
use super::event::{surface, surface_number};
use super::frame::{Limit, limit_bytes, limit_lists};
use super::rows::BLOCKS_MAX;
use super::value::{hash, object_id, required};
use crate::ask::{ASK_BYTES_MAX, WireAsk, WireKey};
use crate::error::WireError;
use crate::wire;

/// Objects of one import: with their names and ids, more of them don't fit the bytes of an ask.
const OBJECTS_MAX: usize = 100_000;
/// Parts of all objects of an import together: hubs, parameters, items and the names of columns.
const PARTS_MAX: usize = 1_000_000;
/// Rows that an ask names: those of a sheet.
const ROWS_MAX: usize = 1_048_576;

/// Each by its path: the command, its kind, the list and what it is in.
const LISTS: [Limit; 14] = [
    Limit::list(&[3, 10, 1], "objects", OBJECTS_MAX),
    Limit::list(&[3, 10, 1, 3, 3], "hubs", PARTS_MAX),
    Limit::list(&[3, 10, 1, 4, 3, 6], "custom fields", PARTS_MAX),
    Limit::list(&[3, 10, 1, 8, 11], "parameters", PARTS_MAX),
    Limit::list(&[3, 10, 1, 8, 12], "items", PARTS_MAX),
    Limit::numbers(&[3, 10, 1, 9, 5, 1], "scopes", PARTS_MAX),
    Limit::numbers(&[3, 38, 2, 1], "runs", ROWS_MAX),
    Limit::numbers(&[3, 38, 2, 2], "runs", ROWS_MAX),
    Limit::list(&[3, 38, 2, 3], "blocks", BLOCKS_MAX),
    Limit::list(&[3, 50, 2], "columns", RECORD_COLUMNS_MAX),
    Limit::numbers(&[3, 50, 5], "records", REPORT_RECORDS_MAX),
    Limit::numbers(&[3, 103, 2], "rows", ROWS_MAX),
    Limit::list(&[3, 103, 3], "billings", ROWS_MAX),
    Limit::numbers(&[3, 103, 4], "billings", ROWS_MAX),
];

/// The bytes of an ask.
///
/// # Errors
/// [`WireError::TooLarge`] and [`WireError::TooMany`] when it is over the limits; others when the columns of reported
/// records contradict each other.
pub fn encode_ask(ask: &WireAsk) -> Result<Vec<u8>, WireError> {
    let message = wire::Ask {
        key: ask.key.as_ref().map(wire::AskKey::from),
        scope: Some((&ask.scope).into()),
        command: Some(wire::Command { command: Some(command_to_wire(&ask.command)?) }),
        after: ask.after,
    };
    let bytes = message.encode_to_vec();
    check(&bytes)?;
    Ok(bytes)
}

/// Reads an ask, within its limits whatever the bytes say.
///
/// # Errors
/// Any [`WireError`]: the bytes are damaged, too large, or of a newer version; nothing was decided.
pub fn decode_ask(bytes: &[u8]) -> Result<WireAsk, WireError> {
    check(bytes)?;
    let ask = wire::Ask::decode(bytes)?;
    let wanted = required(ask.command, "command")?.command;
    Ok(WireAsk {
        command: command(wanted.ok_or(WireError::UnknownKind { what: "a command" })?)?,
        scope: required(ask.scope, "scope")?.try_into()?,
        key: ask.key.map(WireKey::try_from).transpose()?,
        after: ask.after,
    })
}

fn check(bytes: &[u8]) -> Result<(), WireError> {
    limit_bytes("an ask", bytes.len(), ASK_BYTES_MAX)?;
    limit_lists(bytes, &LISTS)
}

impl From<&WireKey> for wire::AskKey {
    fn from(it: &WireKey) -> Self {
        Self { seed: it.seed.0.to_vec(), content: it.content.0.to_vec() }
    }
}

impl TryFrom<wire::AskKey> for WireKey {
    type Error = WireError;

    fn try_from(it: wire::AskKey) -> Result<Self, WireError> {
        Ok(Self { seed: hash(&it.seed, "seed")?, content: hash(&it.content, "content")? })
    }
}

impl From<&Scope> for wire::Scope {
    fn from(it: &Scope) -> Self {
        Self {
            actor: Some((&it.actor).into()),
            account_id: it.account.as_ref().map(ObjectId::to_string),
            role: role_number(it.role),
            surface: surface_number(it.surface),
        }
    }
}

impl TryFrom<wire::Scope> for Scope {
    type Error = WireError;

    fn try_from(it: wire::Scope) -> Result<Self, WireError> {
        Ok(Self {
            actor: required(it.actor, "actor")?.try_into()?,
            account: it.account_id.map(|id| object_id(&id, "account_id")).transpose()?,
            role: role(it.role)?,
            surface: surface(it.surface)?,
        })
    }
}
