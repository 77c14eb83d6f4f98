//! Which command is which on the wire. Both directions are exhaustive: a command can't be added to one side alone.

mod approval;
mod extraction;
mod ingestion;
mod webhook;

use std::sync::Arc;

use ledger::catalog::CatalogObject;
use ledger::{ChunkId, Command};

use super::approval::{mark, mark_number};
use super::rows::row_set;
use super::session;
use super::value::{each, file_id, hash, object_id, required};
use crate::error::WireError;
use crate::wire as w;
use crate::wire::command::Command as Wire;

#[rustfmt::skip] // One line a command: a table, and within the length of a function only as one.
pub(super) fn command_to_wire(command: &Command) -> Result<Wire, WireError> {
    Ok(match command {
        Command::ImportCatalog { objects } =>
            Wire::ImportCatalog(w::ImportCatalog { objects: objects.iter().map(w::CatalogObject::from).collect() }),
        Command::ChangeProduct { product, change } =>
            Wire::ChangeProduct(w::ChangeProduct { product_id: product.to_string(), change: change.clone() }),
        Command::CreateItem { product, item } =>
            Wire::CreateItem(w::CreateItem { product_id: product.to_string(), item: item.clone() }),
        Command::ChangeItem { product, item, change } => Wire::ChangeItem(
            w::ChangeItem { product_id: product.to_string(), item_id: item.to_string(), change: change.clone() }),
        Command::RevokeKey { key } => Wire::RevokeKey(w::RevokeKey { key_id: key.to_string() }),
        Command::OpenSession { session, by_link, agent } => Wire::OpenSession(w::OpenSession {
            session_id: session.to_string(), by_link: *by_link, agent: agent.clone() }),
        Command::EndSession { session } => Wire::EndSession(w::EndSession { session_id: session.to_string() }),
        Command::CreateWebhook { terms } => Wire::CreateWebhook(webhook::create(terms)),
        Command::ChangeWebhook { webhook: id, terms } => Wire::ChangeWebhook(webhook::change(id, terms)),
        Command::DeleteWebhook { webhook } => Wire::DeleteWebhook(w::DeleteWebhook { webhook_id: webhook.to_string() }),
        Command::CreateFile(it) => Wire::CreateFile(it.as_ref().into()),
        Command::DescribeFile { file, described } => Wire::DescribeFile(
            w::DescribeFile { file_id: file.to_string(), described: Some(described.as_ref().into()) }),
        Command::OpenUpload { file, blob, bytes, filename } => Wire::OpenUpload(w::OpenUpload {
            file_id: file.to_string(), blob: blob.0.to_vec(), size_bytes: *bytes, filename: filename.clone() }),
        Command::DeleteFile { file } => Wire::DeleteFile(w::DeleteFile { file_id: file.to_string() }),
        Command::SubmitFile { file } => Wire::SubmitFile(w::SubmitFile { file_id: file.to_string() }),
        Command::AcceptFile { file, note } =>
            Wire::AcceptFile(w::AcceptFile { file_id: file.to_string(), note: note.clone() }),
        Command::RejectFile { file, note } =>
            Wire::RejectFile(w::RejectFile { file_id: file.to_string(), note: note.clone() }),
        Command::ApproveRecords { file } => Wire::ApproveRecords(w::ApproveRecords { file_id: file.to_string() }),
        Command::MarkRecords { file, rows, mark } => Wire::MarkRecords(
            w::MarkRecords { file_id: file.to_string(), rows: Some(rows.into()), mark: mark_number(*mark) }),
        Command::OpenReport(it) => Wire::OpenReport(it.as_ref().into()),
        Command::ReportRecords(it) => Wire::ReportRecords(it.as_ref().try_into()?),
        Command::SealReport { file } => Wire::SealReport(w::SealReport { file_id: file.to_string() }),
        Command::ReprocessFile { file } => Wire::ReprocessFile(w::ReprocessFile { file_id: file.to_string() }),
        Command::CreateRule { product, provider, terms } => Wire::CreateRule(w::CreateRule {
            product_id: product.to_string(), provider_id: provider.as_ref().map(ToString::to_string),
            terms: Some(terms.as_ref().into()) }),
        Command::ChangeRule { product, rule, terms } => Wire::ChangeRule(w::ChangeRule {
            product_id: product.to_string(), rule_id: rule.to_string(), terms: Some(terms.as_ref().into()) }),
        Command::DeleteRule { product, rule } =>
            Wire::DeleteRule(w::DeleteRule { product_id: product.to_string(), rule_id: rule.to_string() }),
        Command::NameChunk { chunk, external_id } =>
            Wire::NameChunk(w::NameChunk { chunk_id: chunk.to_string(), external_id: external_id.clone() }),
        Command::RegenerateChunk { chunk } =>
            Wire::RegenerateChunk(w::RegenerateChunk { chunk_id: chunk.to_string() }),
        Command::CloseChunk { chunk, billing } =>
            Wire::CloseChunk(w::CloseChunk { chunk_id: chunk.to_string(), billing: Some(billing.into()) }),
        Command::CloseRecords { file, rows } => Wire::CloseRecords(extraction::close_records_to_wire(*file, rows)?),
        Command::CloseFile { file } => Wire::CloseFile(w::CloseFile { file_id: file.to_string() }),
        Command::ReceiveReconciliation { file, blob, bytes, note } =>
            Wire::ReceiveReconciliation(w::ReceiveReconciliation {
                file_id: file.to_string(), blob: blob.0.to_vec(), size_bytes: *bytes, note: note.clone() }),
    })
}

#[rustfmt::skip] // One line a command, as above.
pub(super) fn command(command: Wire) -> Result<Command, WireError> {
    let file = |id: &str| file_id(id, "file_id");
    let product = |id: &str| object_id(id, "product_id");
    Ok(match command {
        Wire::ImportCatalog(it) => Command::ImportCatalog { objects: each::<_, CatalogObject>(it.objects)? },
        Wire::ChangeProduct(it) => Command::ChangeProduct { product: product(&it.product_id)?, change: it.change },
        Wire::CreateItem(it) => Command::CreateItem { product: product(&it.product_id)?, item: it.item },
        Wire::ChangeItem(it) => Command::ChangeItem {
            product: product(&it.product_id)?, item: object_id(&it.item_id, "item_id")?, change: it.change },
        Wire::RevokeKey(it) => Command::RevokeKey { key: object_id(&it.key_id, "key_id")? },
        Wire::CreateWebhook(it) => webhook::created(it)?,
        Wire::ChangeWebhook(it) => webhook::changed(it)?,
        Wire::DeleteWebhook(it) => Command::DeleteWebhook { webhook: object_id(&it.webhook_id, "webhook_id")? },
        Wire::OpenSession(it) => session::open(it)?,
        Wire::EndSession(it) => Command::EndSession { session: object_id(&it.session_id, "session_id")? },
        Wire::CreateFile(it) => Command::CreateFile(Box::new(it.try_into()?)),
        Wire::DescribeFile(it) => Command::DescribeFile {
            file: file(&it.file_id)?, described: Box::new(required(it.described, "described")?.into()) },
        Wire::OpenUpload(it) => Command::OpenUpload {
            file: file(&it.file_id)?, blob: hash(&it.blob, "blob")?, bytes: it.size_bytes, filename: it.filename },
        Wire::DeleteFile(it) => Command::DeleteFile { file: file(&it.file_id)? },
        Wire::SubmitFile(it) => Command::SubmitFile { file: file(&it.file_id)? },
        Wire::AcceptFile(it) => Command::AcceptFile { file: file(&it.file_id)?, note: it.note },
        Wire::RejectFile(it) => Command::RejectFile { file: file(&it.file_id)?, note: it.note },
        Wire::ApproveRecords(it) => Command::ApproveRecords { file: file(&it.file_id)? },
        Wire::MarkRecords(it) =>
            Command::MarkRecords { file: file(&it.file_id)?, rows: row_set(it.rows)?, mark: mark(it.mark)? },
        Wire::OpenReport(it) => Command::OpenReport(Box::new(it.try_into()?)),
        Wire::ReportRecords(it) => Command::ReportRecords(Arc::new(it.try_into()?)),
        Wire::SealReport(it) => Command::SealReport { file: file(&it.file_id)? },
        Wire::ReprocessFile(it) => Command::ReprocessFile { file: file(&it.file_id)? },
        Wire::CreateRule(it) => Command::CreateRule {
            product: product(&it.product_id)?,
            provider: it.provider_id.map(|id| object_id(&id, "provider_id")).transpose()?,
            terms: Box::new(required(it.terms, "terms")?.try_into()?) },
        Wire::ChangeRule(it) => Command::ChangeRule {
            product: product(&it.product_id)?, rule: object_id(&it.rule_id, "rule_id")?,
            terms: Box::new(required(it.terms, "terms")?.try_into()?) },
        Wire::DeleteRule(it) =>
            Command::DeleteRule { product: product(&it.product_id)?, rule: object_id(&it.rule_id, "rule_id")? },
        Wire::NameChunk(it) => Command::NameChunk { chunk: chunk_id(&it.chunk_id)?, external_id: it.external_id },
        Wire::RegenerateChunk(it) => Command::RegenerateChunk { chunk: chunk_id(&it.chunk_id)? },
        Wire::CloseChunk(it) => Command::CloseChunk {
            chunk: chunk_id(&it.chunk_id)?, billing: required(it.billing, "billing")?.into() },
        Wire::CloseRecords(it) => extraction::close_records(it)?,
        Wire::CloseFile(it) => Command::CloseFile { file: file(&it.file_id)? },
        Wire::ReceiveReconciliation(it) => Command::ReceiveReconciliation {
            file: file(&it.file_id)?, blob: hash(&it.blob, "blob")?, bytes: it.size_bytes, note: it.note },
    })
}

fn chunk_id(text: &str) -> Result<ChunkId, WireError> {
    ChunkId::parse(text).ok_or(WireError::Invalid { field: "chunk_id" })
}
