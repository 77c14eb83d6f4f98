//! Workbooks in: one field of a form, streamed to where workbooks rest as it comes.

use std::io::{self, Write};
use std::path::Path;

use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use ledger::Hash;
use runtime::blobs::{BlobError, BlobWriter, Blobs};
use tempfile::NamedTempFile;

use crate::UPLOAD_BYTES_MAX;
use crate::error::ApiError;

/// Bytes gathered before they go to the disk: fewer would cost a hand-over for every network packet.
const WRITE_BYTES: usize = 256 * 1024;
/// Bytes of a text field.
const TEXT_BYTES_MAX: usize = 16 * 1024;
/// Other fields of a form that are remembered.
const TEXTS_MAX: usize = 32;

/// A form.
#[derive(Debug)]
pub(crate) struct Form(Multipart);

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let kind = request.headers().get(CONTENT_TYPE);
        let found = kind.map(|kind| String::from_utf8_lossy(kind.as_bytes()).into_owned()).unwrap_or_default();
        let form = Multipart::from_request(request, state).await;
        form.map(Self).map_err(|_| ApiError::MediaType { found, expected: "multipart/form-data with a boundary" })
    }
}

/// A workbook that came with a form and rests in a service's blobs.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) blob: Hash,
    pub(crate) bytes: u64,
    /// What the client called it.
    pub(crate) filename: String,
    texts: Texts,
}

impl Received {
    /// The value of one of the form's other fields.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        text_of(&self.texts, name)
    }
}

/// A workbook that came with a form and is gone when this is.
#[derive(Debug)]
pub(crate) struct Aside {
    pub(crate) file: NamedTempFile,
    texts: Texts,
}

impl Aside {
    /// The value of one of the form's other fields.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        text_of(&self.texts, name)
    }
}

/// The other fields of a form, in its order.
type Texts = Vec<(String, String)>;

fn text_of<'a>(texts: &'a Texts, name: &str) -> Option<&'a str> {
    texts.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

impl Form {
    /// Takes the workbook that stands in one of the wanted fields; the first is the one that errors name.
    pub(crate) async fn receive(self, wanted: &[&str], blobs: &Blobs) -> Result<Received, ApiError> {
        let start = || blobs.writer(UPLOAD_BYTES_MAX).map(Writer::Blob).map_err(refused);
        let (writer, filename, texts) = self.gather(wanted, start).await?;
        let Writer::Blob(writer) = writer else { return Err(ApiError::Task { what: "an upload" }) };
        let finished = tokio::task::spawn_blocking(|| writer.finish()).await;
        let (blob, bytes) = finished.map_err(|_| ApiError::Task { what: "an upload" })?.map_err(refused)?;
        Ok(Received { blob, bytes, filename, texts })
    }

    /// The same, into a file of a folder that nobody else hears of.
    pub(crate) async fn receive_aside(self, wanted: &[&str], folder: &Path) -> Result<Aside, ApiError> {
        let start = || {
            let made = tempfile::Builder::new().prefix("dry-run-").tempfile_in(folder);
            made.map(|file| Writer::Aside(file, 0)).map_err(|source| io_error("make", folder, source))
        };
        let (writer, _, texts) = self.gather(wanted, start).await?;
        let Writer::Aside(file, _) = writer else { return Err(ApiError::Task { what: "an upload" }) };
        Ok(Aside { file, texts })
    }

    async fn gather(
        mut self,
        wanted: &[&str],
        start: impl Fn() -> Result<Writer, ApiError>,
    ) -> Result<(Writer, String, Texts), ApiError> {
        let expected = wanted.first().copied().unwrap_or_default();
        let mut workbook = None;
        let mut texts = Texts::new();
        let mut others = Vec::new();
        while let Some(field) = self.0.next_field().await.map_err(|error| unreadable(expected, &error))? {
            let name = field.name().unwrap_or_default().to_owned();
            if wanted.contains(&name.as_str()) {
                if workbook.is_some() {
                    return Err(body_error(expected, "Send one workbook, not several."));
                }
                let filename = field.file_name().filter(|name| !name.is_empty());
                let filename = filename.map_or_else(|| format!("{expected}.xlsx"), str::to_owned);
                workbook = Some((keep(expected, field, start()?).await?, filename));
            } else if field.file_name().is_some() || texts.len() >= TEXTS_MAX {
                others.push(name);
                skip(expected, field).await?;
            } else {
                let value = text(expected, field).await?;
                others.push(name.clone());
                texts.push((name, value));
            }
        }
        let missing = || body_error(expected, &missing(&others));
        let (writer, filename) = workbook.ok_or_else(missing)?;
        Ok((writer, filename, texts))
    }
}

fn missing(others: &[String]) -> String {
    let hint = if others.is_empty() {
        "The form has no fields.".to_owned()
    } else {
        format!(
            "The form has {}.",
            others.iter().take(8).map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
        )
    };
    format!("This field is required: send the workbook in it. {hint}")
}

/// Where a workbook goes as it comes.
#[derive(Debug)]
enum Writer {
    /// To where workbooks rest.
    Blob(BlobWriter),
    /// Into a file of its own, with its bytes so far.
    Aside(NamedTempFile, u64),
}

impl Writer {
    fn add(&mut self, bytes: &[u8]) -> Result<(), ApiError> {
        match self {
            Self::Blob(writer) => writer.add(bytes).map_err(refused),
            Self::Aside(file, count) => {
                *count = count.saturating_add(bytes.len() as u64);
                if *count > UPLOAD_BYTES_MAX {
                    return Err(refused(BlobError::TooLarge { limit: UPLOAD_BYTES_MAX }));
                }
                file.write_all(bytes).map_err(|source| io_error("write", file.path(), source))
            }
        }
    }

    fn bytes(&self) -> u64 {
        match self {
            Self::Blob(writer) => writer.bytes(),
            Self::Aside(_, count) => *count,
        }
    }
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> ApiError {
    ApiError::Blob(BlobError::Io { action, path: path.to_owned(), source })
}

async fn keep(expected: &str, mut field: Field<'_>, mut writer: Writer) -> Result<Writer, ApiError> {
    let mut waiting = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|error| unreadable(expected, &error))? {
        waiting.extend_from_slice(&chunk);
        if waiting.len() >= WRITE_BYTES {
            writer = add(writer, std::mem::take(&mut waiting)).await?;
        }
    }
    writer = add(writer, waiting).await?;
    if writer.bytes() == 0 {
        return Err(body_error(expected, "The submitted file is empty."));
    }
    Ok(writer)
}

/// Writing may wait for the disk, so it happens where waiting holds nobody up.
async fn add(mut writer: Writer, bytes: Vec<u8>) -> Result<Writer, ApiError> {
    let added = tokio::task::spawn_blocking(move || writer.add(&bytes).map(|()| writer)).await;
    added.map_err(|_| ApiError::Task { what: "an upload" })?
}

async fn text(expected: &str, mut field: Field<'_>) -> Result<String, ApiError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|error| unreadable(expected, &error))? {
        if bytes.len() + chunk.len() > TEXT_BYTES_MAX {
            return Err(ApiError::TooLarge { what: "A text field".to_owned(), limit: TEXT_BYTES_MAX as u64 });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

async fn skip(expected: &str, mut field: Field<'_>) -> Result<(), ApiError> {
    while field.chunk().await.map_err(|error| unreadable(expected, &error))?.is_some() {}
    Ok(())
}

fn refused(error: BlobError) -> ApiError {
    match error {
        BlobError::TooLarge { limit } => ApiError::TooLarge { what: "A workbook".to_owned(), limit },
        BlobError::Io { .. } | BlobError::Vault(_) => ApiError::Blob(error),
    }
}

fn unreadable(expected: &str, error: &MultipartError) -> ApiError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return ApiError::TooLarge { what: "A workbook".to_owned(), limit: UPLOAD_BYTES_MAX };
    }
    body_error(expected, &format!("The form can't be read to its end: {}.", error.body_text().trim_end_matches('.')))
}

fn body_error(field: &str, reason: &str) -> ApiError {
    ApiError::Body { field: field.to_owned(), reason: reason.to_owned() }
}
