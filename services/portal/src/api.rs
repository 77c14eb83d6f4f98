//! The API, called in this process in the name of whoever is signed in.

use axum::Router;
use axum::body::{self, Body};
use axum::extract::Request;
use axum::http::{Extensions, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use ledger::ObjectId;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower::ServiceExt;

use crate::Portal;
use crate::count::Count;
use crate::fault::Fault;
use crate::session::Session;

/// Answers are pages of lists and single objects: what is larger is a defect.
const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Makes a request that comes again have one effect (connect-api, `Idempotency-Key`).
const ONCE: HeaderName = HeaderName::from_static("idempotency-key");

/// A page of a list.
#[derive(Debug)]
pub(crate) struct Listed<T> {
    /// What is on it.
    pub(crate) items: Vec<T>,
    /// How many there are in all.
    pub(crate) total: Count,
}

/// The API in somebody's name.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    router: Router,
    admit: fn(&mut Extensions, ObjectId, ObjectId),
    session: Session,
    /// What the browser calls this host: links to workbooks lead there.
    host: Option<HeaderValue>,
    /// Where they go on after signing in again.
    back: String,
}

#[derive(Deserialize)]
struct Refusal {
    error_code: String,
    #[serde(default)]
    errors: Vec<String>,
}

impl Api {
    pub(crate) fn new(portal: &Portal, session: Session, host: Option<HeaderValue>, back: String) -> Self {
        Self { router: portal.api.clone(), admit: portal.admit, session, host, back }
    }

    /// An object.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Fault> {
        let answer = self.call(self.request(Method::GET, path, Body::empty())).await?;
        read(path, answer).await
    }

    /// A page of a list.
    pub(crate) async fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Listed<T>, Fault> {
        let answer = self.call(self.request(Method::GET, path, Body::empty())).await?;
        let total = answer.headers().get(header::CONTENT_RANGE).and_then(total);
        let items: Vec<T> = read(path, answer).await?;
        let total = Count(total.unwrap_or(items.len() as u64));
        Ok(Listed { items, total })
    }

    /// Something is done, once for each `once`.
    pub(crate) async fn post(&self, path: &str, once: Option<&str>, content: &Value) -> Result<Value, Fault> {
        self.send(Method::POST, path, once, content).await
    }

    /// Something is done with this method, once for each `once`.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        once: Option<&str>,
        content: &Value,
    ) -> Result<Value, Fault> {
        let mut request = self.request(method, path, Body::from(content.to_string()));
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(once) = once.and_then(|once| HeaderValue::from_str(once).ok()) {
            request.headers_mut().insert(ONCE, once);
        }
        read(path, self.call(request).await?).await
    }

    /// An answer as it is: a workbook.
    pub(crate) async fn give(&self, path: &str) -> Result<Response, Fault> {
        self.call(self.request(Method::GET, path, Body::empty())).await
    }

    /// A form goes on as it comes, byte for byte.
    pub(crate) async fn pass(&self, path: &str, form: Request) -> Result<(), Fault> {
        self.forward(path, form).await.map(drop)
    }

    /// What is said of a form that goes on as it comes.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, path: &str, form: Request) -> Result<T, Fault> {
        read(path, self.forward(path, form).await?).await
    }

    async fn forward(&self, path: &str, form: Request) -> Result<Response, Fault> {
        let (parts, body) = form.into_parts();
        let mut request = self.request(Method::POST, path, body);
        for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH] {
            if let Some(value) = parts.headers.get(&name) {
                request.headers_mut().insert(name, value.clone());
            }
        }
        self.call(request).await
    }

    fn request(&self, method: Method, path: &str, body: Body) -> Request {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        // A path is made of ids that the API gave or checks: one that is no path finds nothing.
        *request.uri_mut() = path.parse().unwrap_or_default();
        if let Some(host) = &self.host {
            request.headers_mut().insert(header::HOST, host.clone());
        }
        (self.admit)(request.extensions_mut(), self.session.key.clone(), self.session.id.clone());
        request
    }

    async fn call(&self, request: Request) -> Result<Response, Fault> {
        let path = request.uri().path().to_owned();
        // The router's own error can't happen.
        let answer = self.router.clone().oneshot(request).await.unwrap_or_default();
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        if status == StatusCode::UNAUTHORIZED {
            return Err(Fault::SignIn { back: self.back.clone() });
        }
        let refusal: Refusal = read(&path, answer).await?;
        Err(Fault::Refused { status, code: refusal.error_code, errors: refusal.errors })
    }
}

/// The total in `items 0-9/42`.
fn total(range: &HeaderValue) -> Option<u64> {
    range.to_str().ok()?.rsplit_once('/')?.1.parse().ok()
}

async fn read<T: DeserializeOwned>(path: &str, answer: Response) -> Result<T, Fault> {
    let unreadable = |detail: String| Fault::Unreadable { path: path.to_owned(), detail };
    let bytes = body::to_bytes(answer.into_body(), ANSWER_BYTES_MAX).await;
    let bytes = bytes.map_err(|error| unreadable(error.to_string()))?;
    // An action without an answer is done all the same.
    let text: &[u8] = if bytes.is_empty() { b"null" } else { &bytes };
    serde_json::from_slice(text).map_err(|error| unreadable(error.to_string()))
}
