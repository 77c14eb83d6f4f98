//! A client of the HTTP API: what the commands and the demo speak through.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use thiserror::Error;
use ureq::Agent;

use super::Progress;

/// The end of a multipart body's part; no workbook holds it by chance, since the random part is fresh.
const BOUNDARY: &str = "usage-ledger-5f1d0a3c9e7b";
/// How long the server may take to answer.
const TIMEOUT: Duration = Duration::from_secs(180);
/// The largest answer that is read: a chunk of a million records.
const ANSWER_BYTES_MAX: u64 = 2 << 30;

/// Bytes of an answer that are copied at once.
const COPY_BYTES: usize = 64 * 1024;

/// A request was not answered as hoped.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The ledger refused.
    #[error("{status} {code}: {}{}", .errors.join(" "), hint(*status))]
    Refused {
        /// HTTP status.
        status: u16,
        /// Its code.
        code: String,
        /// Its sentences.
        errors: Vec<String>,
    },
    /// Nobody answered.
    #[error("could not reach {url}; is the ledger running there? (--url, USAGE_LEDGER_URL)")]
    Unreachable {
        /// Where.
        url: String,
        /// Why not.
        #[source]
        source: Box<ureq::Error>,
    },
    /// The answer isn't what the API promises.
    #[error("the answer of {url} is not understood")]
    Answer {
        /// Where.
        url: String,
    },
    /// A file can't be read or written.
    #[error("could not use the file {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

impl ClientError {
    /// The exit code that says what kind of failure it is.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::Refused { status: 401 | 403, .. } => 4,
            Self::Refused { .. } => 5,
            Self::Unreachable { .. } => 6,
            Self::Answer { .. } => 1,
            Self::File { .. } => 2,
        }
    }
}

/// What to do about a refusal whose own sentence doesn't say it.
fn hint(status: u16) -> &'static str {
    match status {
        401 => " Check the key (--key, USAGE_LEDGER_KEY): SU-…:secret, as `usage-ledger key issue` printed it.",
        _ => "",
    }
}

/// A caller with a key.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
    base: String,
    key: String,
}

impl Client {
    /// A client of a ledger (`http://127.0.0.1:8080`) with a key (`ApiKey SU-…:secret`).
    #[must_use]
    pub fn new(url: &str, key: &str) -> Self {
        let named = format!("{}{}", gateway::CLI_AGENT, env!("CARGO_PKG_VERSION"));
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(TIMEOUT));
        let config = config.user_agent(named).build();
        let url = url.trim_end_matches('/');
        let base = if url.ends_with("/public/v1") { url.to_owned() } else { format!("{url}/public/v1") };
        let key = if key.starts_with("ApiKey ") { key.to_owned() } else { format!("ApiKey {key}") };
        Self { agent: Agent::new_with_config(config), base, key }
    }

    fn url(&self, path: &str) -> String {
        let path = escaped(path);
        if path.starts_with("http") { path } else { format!("{}/{path}", self.base) }
    }

    /// GET.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn get(&self, path: &str) -> Result<Value, ClientError> {
        let url = self.url(path);
        let request = self.agent.get(&url).header("Authorization", &self.key);
        json(&url, request.header("Accept", "application/json").call())
    }

    /// GET with parameters, of which `as_of` may be one: the answer, and where it is from the past, the positions that it
    /// is from.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn get_as_of(&self, path: &str, given: &[(&str, &str)]) -> Result<(Value, Option<String>), ClientError> {
        let mut request = self.agent.get(self.url(path)).header("Authorization", &self.key);
        for (name, value) in given {
            request = request.query(name, value);
        }
        let url = self.url(path);
        let answer = request.call();
        let header = answer.as_ref().ok().and_then(|answer| answer.headers().get("Ledger-As-Of"));
        let positions = header.and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok((json(&url, answer)?, positions))
    }

    /// The same below `/ledger/v1`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn get_ours_as_of(&self, path: &str, given: &[(&str, &str)]) -> Result<(Value, Option<String>), ClientError> {
        let root = self.base.trim_end_matches("/public/v1");
        self.get_as_of(&format!("{root}/ledger/v1/{path}"), given)
    }

    /// POST of a JSON body.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        let url = self.url(path);
        let request = self.agent.post(&url).header("Authorization", &self.key);
        let answer = request.header("Content-Type", "application/json").send(body.to_string());
        json(&url, answer)
    }

    /// PUT of a JSON body.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn put(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        let url = self.url(path);
        let request = self.agent.put(&url).header("Authorization", &self.key);
        let answer = request.header("Content-Type", "application/json").send(body.to_string());
        json(&url, answer)
    }

    /// GET below `/ledger/v1`, where what Connect doesn't have is.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn get_ours(&self, path: &str) -> Result<Value, ClientError> {
        let root = self.base.trim_end_matches("/public/v1");
        self.get(&format!("{root}/ledger/v1/{path}"))
    }

    /// POST of a workbook in a form field, with a bar.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn upload(&self, path: &str, field: &str, file: &Path, bar: bool) -> Result<Value, ClientError> {
        let url = self.url(path);
        json(&url, self.send(&url, (field, file), &[], bar)?)
    }

    /// The same with further fields of the form, and the answer copied as it comes.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn upload_with(
        &self,
        path: &str,
        workbook: (&str, &Path),
        fields: &[(&str, String)],
        out: &mut dyn Write,
    ) -> Result<(), ClientError> {
        let url = self.url(path);
        copy(&url, self.send(&url, workbook, fields, true)?, out)
    }

    /// GET of something that is copied as it comes.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn copy(&self, path: &str, out: &mut dyn Write) -> Result<(), ClientError> {
        let url = self.url(path);
        copy(&url, self.agent.get(&url).header("Authorization", &self.key).call(), out)
    }

    fn send(
        &self,
        url: &str,
        (field, file): (&str, &Path),
        fields: &[(&str, String)],
        bar: bool,
    ) -> Result<Answer, ClientError> {
        let failed = |source| ClientError::File { path: file.to_owned(), source };
        let source = std::fs::File::open(file).map_err(failed)?;
        let size = source.metadata().map_err(failed)?.len();
        let name = file.file_name().map_or_else(|| "usage.xlsx".into(), |name| name.to_string_lossy());
        let name: String = name.chars().filter(|c| !c.is_control() && *c != '"').collect();
        let mut head = String::new();
        for (name, value) in fields {
            let part = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            head.push_str(&part);
        }
        head.push_str(&format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\r\n"
        ));
        let tail = format!("\r\n--{BOUNDARY}--\r\n");
        let length = head.len() as u64 + size + tail.len() as u64;
        let progress = bar.then(|| Progress::bytes("upload", size));
        let body = Counted { inner: source, read: 0, progress };
        let mut body = head.as_bytes().chain(body).chain(tail.as_bytes());
        let answer = self
            .agent
            .post(url)
            .header("Authorization", &self.key)
            .header("Content-Type", &format!("multipart/form-data; boundary={BOUNDARY}"))
            .header("Content-Length", &length.to_string())
            .send(ureq::SendBody::from_reader(&mut body));
        Ok(answer)
    }

    /// GET of a file; a signed link needs no key, and gets none.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn download(&self, path: &str, to: &Path) -> Result<u64, ClientError> {
        let url = self.url(path);
        let mut request = self.agent.get(&url);
        if !path.starts_with("http") {
            request = request.header("Authorization", &self.key);
        }
        let mut answer = request.call().map_err(|source| unreachable(&url, source))?;
        if answer.status().as_u16() != 200 {
            return Err(refused(&url, &mut answer));
        }
        let failed = |source| ClientError::File { path: to.to_owned(), source };
        let mut file = std::fs::File::create(to).map_err(failed)?;
        let mut body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).reader();
        std::io::copy(&mut body, &mut file).map_err(failed)
    }
}

fn unreachable(url: &str, source: ureq::Error) -> ClientError {
    ClientError::Unreachable { url: url.to_owned(), source: Box::new(source) }
}

type Answer = Result<ureq::http::Response<ureq::Body>, ureq::Error>;

fn json(url: &str, answer: Answer) -> Result<Value, ClientError> {
    let mut answer = answer.map_err(|source| unreachable(url, source))?;
    if answer.status().as_u16() >= 300 {
        return Err(refused(url, &mut answer));
    }
    let text = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
    let text = text.map_err(|source| unreachable(url, source))?;
    serde_json::from_str(&text).map_err(|_| ClientError::Answer { url: url.to_owned() })
}

/// Copies a body; who closed the pipe has seen enough.
fn copy(url: &str, answer: Answer, out: &mut dyn Write) -> Result<(), ClientError> {
    let mut answer = answer.map_err(|source| unreachable(url, source))?;
    if answer.status().as_u16() >= 300 {
        return Err(refused(url, &mut answer));
    }
    let mut body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).reader();
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        let read = body.read(&mut buffer).map_err(|source| unreachable(url, source.into()))?;
        let piece = buffer.get(..read).unwrap_or_default();
        if piece.is_empty() || out.write_all(piece).is_err() {
            return Ok(());
        }
    }
}

fn refused(url: &str, answer: &mut ureq::http::Response<ureq::Body>) -> ClientError {
    let status = answer.status().as_u16();
    let body = answer.body_mut().read_to_string().ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let Some(body) = body else { return ClientError::Answer { url: url.to_owned() } };
    let code = body.get("error_code").and_then(Value::as_str).unwrap_or_default().to_owned();
    let errors = body.get("errors").and_then(Value::as_array).into_iter().flatten();
    let errors = errors.filter_map(Value::as_str).map(str::to_owned).collect();
    ClientError::Refused { status, code, errors }
}

/// A reader that moves a bar.
struct Counted {
    inner: std::fs::File,
    read: u64,
    progress: Option<Progress>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.read += read as u64;
        if let Some(progress) = &self.progress {
            progress.at(self.read, "");
            if read == 0 {
                progress.end();
            }
        }
        Ok(read)
    }
}

/// A path with a query as somebody typed it: what can't stand in an address is escaped, and what is already stays.
fn escaped(path: &str) -> String {
    let mut address = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_graphic() && !b"\"#<>\\^`{|}".contains(&byte) {
            address.push(char::from(byte));
        } else {
            address.push_str(&format!("%{byte:02X}"));
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_sent_as_it_was_typed() {
        for (typed, sent) in [
            ("usage/files?eq(status,ready)&limit=5", "usage/files?eq(status,ready)&limit=5"),
            ("usage/files?like(name,*M\u{e4}rz 5*)", "usage/files?like(name,*M%C3%A4rz%205*)"),
            ("usage/files?(status=ready|status=draft)", "usage/files?(status=ready%7Cstatus=draft)"),
            ("usage/files?name=a%20b#1", "usage/files?name=a%20b%231"),
            ("history?why=\"a|b\"&limit=5", "history?why=%22a%7Cb%22&limit=5"),
        ] {
            assert_eq!(escaped(typed), sent);
        }
    }
}
