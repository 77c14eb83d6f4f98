//! HTTP as a test wants it: any method and header, and every byte of the answer. The product's own client hides what
//! these tests are about.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

/// No workbook holds it by chance.
const BOUNDARY: &str = "scenario-7d1c4f0b9a52";
/// How long an answer may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// What goes with a request.
pub(crate) enum Body<'a> {
    Nothing,
    Json(&'a Value),
    /// A text of another type.
    Text(&'a str, &'a str),
    /// A workbook in a field of a form.
    Workbook(&'a str, &'a Path),
    /// The same with texts in other fields.
    Form(&'a [(&'a str, &'a str)], &'a str, &'a Path),
}

/// A request.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    /// From the root, with its query.
    pub(crate) path: &'a str,
    /// `ApiKey SU-…:secret`; none for signed links.
    pub(crate) key: Option<&'a str>,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: Body<'a>,
}

/// An answer.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The status line and the headers.
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, String::from_utf8_lossy(&self.body))
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The JSON of an answer that has to have this status.
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.json()
    }

    /// Status and error code of a refusal.
    pub(super) fn refusal(&self) -> (u16, String) {
        (self.status, self.json()["error_code"].as_str().unwrap_or_default().to_owned())
    }

    /// Every value of a header, by its name in small letters.
    pub(super) fn headers(&self, name: &str) -> Vec<&str> {
        let headers = self.head.lines().filter_map(|line| line.split_once(':'));
        headers.filter(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
    }

    /// A header, by its name in small letters.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let headers = self.head.lines().filter_map(|line| line.split_once(':'));
        headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim())).find(|(it, _)| it == name).map(|it| it.1)
    }

    /// What a list says it has altogether.
    pub(crate) fn total(&self) -> u64 {
        let range = self.header("content-range");
        let total = range.and_then(|range| range.rsplit('/').next()).and_then(|total| total.parse().ok());
        total.unwrap_or_else(|| panic!("no Content-Range: {} {self:?}", self.head))
    }
}

/// Sends a request and reads its answer to the end.
pub(super) fn call(address: SocketAddr, request: &Request<'_>) -> Answer {
    try_call(address, request).expect("an answer")
}

/// The same of who may die meanwhile.
pub(crate) fn try_call(address: SocketAddr, request: &Request<'_>) -> Option<Answer> {
    let mut answer = Vec::new();
    send(address, request).ok()?.read_to_end(&mut answer).ok()?;
    has_head(&answer).then(|| parse(&answer))
}

/// Sends a request and reads only as far as its answer is known to be a stream of events, or else to its end.
pub(super) fn begin(address: SocketAddr, request: &Request<'_>) -> Answer {
    let mut stream = send(address, request).expect("the product listens");
    let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut piece).expect("an answer");
        answer.extend_from_slice(&piece[..read]);
        let head = answer.windows(4).position(|window| window == b"\r\n\r\n").map(|end| &answer[..end]);
        if let Some(head) = head.filter(|head| String::from_utf8_lossy(head).contains("text/event-stream")) {
            return parse(&[head, b"\r\n\r\n0\r\n"].concat());
        }
        if read == 0 {
            return parse(&answer);
        }
    }
}

fn send(address: SocketAddr, request: &Request<'_>) -> std::io::Result<TcpStream> {
    let (kind, body) = match &request.body {
        Body::Nothing => (String::new(), Vec::new()),
        Body::Text(kind, text) => ((*kind).to_owned(), text.as_bytes().to_vec()),
        Body::Json(value) => ("application/json".to_owned(), value.to_string().into_bytes()),
        Body::Workbook(field, path) => (format!("multipart/form-data; boundary={BOUNDARY}"), form(&[], field, path)),
        Body::Form(texts, field, path) => {
            (format!("multipart/form-data; boundary={BOUNDARY}"), form(texts, field, path))
        }
    };
    let mut head = format!("{} {} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n", request.method, request.path);
    let key = request.key.map(|key| ("Authorization", key));
    for (name, value) in key.iter().chain(request.headers) {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    if !kind.is_empty() {
        write!(head, "Content-Type: {kind}\r\n").unwrap();
    }
    write!(head, "Content-Length: {}\r\n\r\n", body.len()).unwrap();
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)?;
    Ok(stream)
}

fn form(texts: &[(&str, &str)], field: &str, path: &Path) -> Vec<u8> {
    let name = path.file_name().unwrap().to_string_lossy();
    let disposition = format!("Content-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"");
    let mut body = Vec::new();
    for (name, text) in texts {
        let part = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n");
        body.extend(part.into_bytes());
    }
    body.extend(format!("--{BOUNDARY}\r\n{disposition}\r\n\r\n").into_bytes());
    body.extend(std::fs::read(path).unwrap());
    body.extend(format!("\r\n--{BOUNDARY}--\r\n").into_bytes());
    body
}

fn has_head(bytes: &[u8]) -> bool {
    bytes.windows(4).any(|window| window == b"\r\n\r\n")
}

fn parse(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("the end of the headers");
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let body = &bytes[end + 4..];
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if chunked { dechunked(body) } else { body.to_vec() };
    Answer { status, head, body }
}

fn dechunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n").expect("a chunk's size");
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap().trim(), 16).expect("a number");
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 4 + size..];
    }
}
