//! Workbooks out: streamed from where they rest, never held whole.

use std::io;
use std::path::Path;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path as PathOf, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures_util::stream;
use ledger::Hash;
use runtime::blobs::BlobError;
use runtime::store::BlobStore;
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use workbook::format::Format;

use crate::app::App;
use crate::error::{Answered, ApiError};
use crate::json::words::Workbook;
use crate::links::{SignedLink, Store};
use crate::openapi::{Linked, params, tag};
use crate::proofs::with_checkpoints;

/// The media type of a workbook.
pub(crate) const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
/// Bytes read at once: enough that the disk isn't asked for every network packet.
const READ_BYTES: usize = 128 * 1024;

/// Download a workbook
///
/// Behind a signed link, in the format that it came in.
#[utoipa::path(
    get,
    path = "/ledger/v1/links/{store}/{blob}/{name}",
    operation_id = "download_workbook",
    tag = tag::LINKS,
    params(params::WorkbookPath, params::Signature),
    responses(
        (
            status = 200,
            description = "The workbook",
            content(
                (Workbook = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
                (Workbook = "application/vnd.ms-excel.sheet.binary.macroEnabled.12"),
                (Workbook = "application/vnd.ms-excel"),
                (Workbook = "application/vnd.oasis.opendocument.spreadsheet"),
                (String = "text/csv"),
            )
        ),
        Linked,
    ),
    security(()),
)]
pub(crate) async fn linked(
    _: SignedLink,
    State(app): State<Arc<App>>,
    PathOf((store, blob, name)): PathOf<(String, String, String)>,
) -> Answered {
    let store = Store::parse(&store).ok_or(ApiError::Link)?;
    let blob = Hash::from_hex(&blob).ok_or(ApiError::Link)?;
    let store = match store {
        Store::Uploaded => &app.uploads,
        Store::Processed => &app.processed,
        Store::Reconciliation => &app.reconciliations,
    };
    Ok(with_checkpoints(&app, None, workbook(store, blob, &name).await?))
}

/// A workbook as an attachment of a name.
pub(crate) async fn workbook(store: &BlobStore, blob: Hash, name: &str) -> Answered {
    let file = File::from_std(store.read(blob).await?);
    let opened = file.metadata().await;
    let bytes = opened.map_err(|source| failed("open", &store.blobs().path(blob), source))?.len();
    let body = Body::from_stream(stream::unfold(Some(file), |file| async move {
        let mut file = file?;
        let mut buffer = vec![0; READ_BYTES];
        match file.read(&mut buffer).await {
            Ok(0) => None,
            Ok(read) => {
                buffer.truncate(read);
                Some((Ok(Bytes::from(buffer)), Some(file)))
            }
            Err(error) => Some((Err(error), None)),
        }
    }));
    Ok(attachment(body, bytes, name))
}

/// An answer that a browser saves under a name.
pub(crate) fn attachment(body: Body, bytes: u64, name: &str) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(name)));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes));
    let plain: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || ['.', '-', '_'].contains(c)).collect();
    if let Ok(disposition) = HeaderValue::from_str(&format!("attachment; filename=\"{plain}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    response
}

/// The media type of a workbook, by the ending of its name.
fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').and_then(|(_, ending)| Format::of_ending(ending)) {
        Some(Format::Csv) => "text/csv; charset=utf-8",
        Some(Format::Ods) => "application/vnd.oasis.opendocument.spreadsheet",
        Some(Format::Xlsb) => "application/vnd.ms-excel.sheet.binary.macroEnabled.12",
        Some(Format::Xls) => "application/vnd.ms-excel",
        Some(Format::Xlsx) | None => XLSX,
    }
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> ApiError {
    ApiError::Blob(BlobError::Io { action, path: path.to_owned(), source })
}
