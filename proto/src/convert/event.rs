//! The envelope of every fact, and who wanted it.

use ledger::{Actor, Event, EventId, FileId, Moment, ServiceName, Subject, Surface};
use prost::Message;

use super::fact::{fact, fact_to_wire};
use super::value::{hash, named, object_id, required, unknown};
use crate::error::WireError;
use crate::trace::Trace;
use crate::wire;
use crate::wire::actor::Actor as WireActor;
use crate::wire::event::Subject as WireSubject;

/// The bytes of an event: the same for the same event, always.
#[must_use]
pub fn encode_event(event: &Event) -> Vec<u8> {
    wire::Event::from(event).encode_to_vec()
}

/// The same, with the trace that it belongs to.
#[must_use]
pub fn encode_traced(event: &Event, trace: Option<Trace>) -> Vec<u8> {
    wire::Event { trace: trace.map(Trace::encode), ..event.into() }.encode_to_vec()
}

/// Reads an event.
///
/// # Errors
/// Any [`WireError`] means that whoever reads must stop: the bytes are damaged or come from a newer version.
pub fn decode_event(bytes: &[u8]) -> Result<Event, WireError> {
    wire::Event::decode(bytes)?.try_into()
}

/// The same, with the trace that it belongs to.
///
/// # Errors
/// See [`decode_event`].
pub fn decode_traced(bytes: &[u8]) -> Result<(Event, Option<Trace>), WireError> {
    let event = wire::Event::decode(bytes)?;
    let trace = event.trace.as_deref().and_then(Trace::decode);
    Ok((event.try_into()?, trace))
}

impl From<&Event> for wire::Event {
    fn from(event: &Event) -> Self {
        let subject = match &event.subject {
            Subject::File(id) => WireSubject::FileId(id.to_string()),
            Subject::Object(id) => WireSubject::ObjectId(id.to_string()),
        };
        Self {
            id: event.id.0.to_vec(),
            cause: event.cause.0.to_vec(),
            actor: Some((&event.actor).into()),
            recorded_at_micros: event.recorded_at.0,
            trace: None,
            surface: surface_number(event.surface),
            subject: Some(subject),
            fact: Some(fact_to_wire(&event.fact)),
        }
    }
}

impl TryFrom<wire::Event> for Event {
    type Error = WireError;

    fn try_from(event: wire::Event) -> Result<Self, WireError> {
        // First of all, so that an event of a newer version is called that, whatever else is new in it.
        let known = event.fact.ok_or(WireError::UnknownFact)?;
        let subject = match required(event.subject, "subject")? {
            WireSubject::FileId(id) => {
                Subject::File(FileId::parse(&id).ok_or(WireError::Invalid { field: "file_id" })?)
            }
            WireSubject::ObjectId(id) => Subject::Object(object_id(&id, "object_id")?),
        };
        Ok(Self {
            id: event.id.as_slice().try_into().map(EventId).map_err(|_| WireError::Invalid { field: "id" })?,
            subject,
            cause: hash(&event.cause, "cause")?,
            actor: required(event.actor, "actor")?.try_into()?,
            surface: surface(event.surface)?,
            recorded_at: Moment(event.recorded_at_micros),
            fact: fact(known)?,
        })
    }
}

impl From<&Actor> for wire::Actor {
    fn from(actor: &Actor) -> Self {
        let actor = match actor {
            Actor::Key { key, account } => {
                WireActor::Key(wire::KeyHolder { key: Some(key.into()), account_id: account.to_string() })
            }
            Actor::Service(service) => WireActor::Service(service_number(*service)),
            Actor::Operator => WireActor::Operator(wire::Operator {}),
            Actor::Producer { account } => WireActor::Producer(wire::Producer { account_id: account.to_string() }),
        };
        Self { actor: Some(actor) }
    }
}

impl TryFrom<wire::Actor> for Actor {
    type Error = WireError;

    fn try_from(actor: wire::Actor) -> Result<Self, WireError> {
        Ok(match required(actor.actor, "actor")? {
            WireActor::Key(it) => {
                Self::Key { key: named(it.key, "key")?, account: object_id(&it.account_id, "account_id")? }
            }
            WireActor::Service(number) => Self::Service(service(number)?),
            WireActor::Operator(wire::Operator {}) => Self::Operator,
            WireActor::Producer(it) => Self::Producer { account: object_id(&it.account_id, "account_id")? },
        })
    }
}

pub(super) fn surface_number(surface: Surface) -> i32 {
    let surface = match surface {
        Surface::Api => wire::Surface::Unspecified,
        Surface::Portal => wire::Surface::Portal,
        Surface::Cli => wire::Surface::Cli,
    };
    surface.into()
}

pub(super) fn surface(number: i32) -> Result<Surface, WireError> {
    match wire::Surface::try_from(number) {
        Ok(wire::Surface::Unspecified) => Ok(Surface::Api),
        Ok(wire::Surface::Portal) => Ok(Surface::Portal),
        Ok(wire::Surface::Cli) => Ok(Surface::Cli),
        Err(_) => Err(unknown("surface", number)),
    }
}

pub(super) fn service_number(service: ServiceName) -> i32 {
    let service = match service {
        ServiceName::Catalog => wire::Service::Catalog,
        ServiceName::Ingestion => wire::Service::Ingestion,
        ServiceName::Validation => wire::Service::Validation,
        ServiceName::Approval => wire::Service::Approval,
        ServiceName::Extraction => wire::Service::Extraction,
        ServiceName::Gateway => wire::Service::Gateway,
    };
    service.into()
}

pub(super) fn service(number: i32) -> Result<ServiceName, WireError> {
    match wire::Service::try_from(number) {
        Ok(wire::Service::Catalog) => Ok(ServiceName::Catalog),
        Ok(wire::Service::Ingestion) => Ok(ServiceName::Ingestion),
        Ok(wire::Service::Validation) => Ok(ServiceName::Validation),
        Ok(wire::Service::Approval) => Ok(ServiceName::Approval),
        Ok(wire::Service::Extraction) => Ok(ServiceName::Extraction),
        Ok(wire::Service::Gateway) => Ok(ServiceName::Gateway),
        Ok(wire::Service::Unspecified) | Err(_) => Err(unknown("service", number)),
    }
}
