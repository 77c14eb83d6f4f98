//! The only place where today's shape of a value and its shape on the wire meet; one file per concept.

pub(crate) mod ask;
pub(crate) mod control;
pub(crate) mod event;
pub(crate) mod feed;
pub(crate) mod reply;
pub(crate) mod report;

mod approval;
mod catalog;
mod command;
mod extraction;
mod fact;
mod ingestion;
mod rejection;
mod rule;
mod session;
mod signed;
mod validation;
mod webhook;

pub(crate) mod checked;
pub(crate) mod read;

pub(crate) mod frame;
mod rows;
mod value;
