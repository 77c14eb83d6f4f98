//! Who is signed in: the sessions of one's own account, for operators of all, each with a way to end it.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::file::clean;
use crate::chrome::{Chrome, page};
use crate::count::Count;
use crate::done::leading;
use crate::fault::Fault;
use crate::shape::Reference;
use crate::signed::Signed;
use crate::time::At;

/// Sessions that are listed.
const SHOWN: u64 = 200;
/// Browsers by what stands in `User-Agent`: the first that does is meant, since most name others as well.
const BROWSERS: [(&str, &str); 6] = [
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("HeadlessChrome/", "Chrome without a window"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];
const SYSTEMS: [(&str, &str); 6] = [
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];
/// Characters of what an unknown program calls itself.
const AGENT_CHARS: usize = 40;

/// A session as the API shows it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Session {
    id: String,
    key: Reference,
    account: Reference,
    by_link: bool,
    agent: String,
    status: String,
    opened_at: Option<At>,
    expires_at: Option<At>,
    #[serde(skip)]
    here: bool,
}

impl Session {
    fn is_open(&self) -> bool {
        self.status == "open"
    }

    /// What it was opened with, in words.
    fn browser(&self) -> String {
        let find = |known: &[(&str, &'static str)]| {
            known.iter().find(|(part, _)| self.agent.contains(part)).map(|(_, name)| *name)
        };
        match (find(&BROWSERS), find(&SYSTEMS)) {
            (Some(browser), Some(system)) => format!("{browser} on {system}"),
            (Some(browser), None) => browser.to_owned(),
            _ if self.agent.is_empty() => "unnamed".to_owned(),
            _ => self.agent.chars().take(AGENT_CHARS).collect(),
        }
    }
}

#[derive(Template)]
#[template(path = "sessions.html")]
struct Sessions {
    chrome: Chrome,
    sessions: Vec<Session>,
    more: Count,
    all: bool,
}

/// The page.
pub(crate) async fn list(signed: Signed) -> Result<Response, Fault> {
    let listed = signed.api.list::<Session>(&format!("/ledger/v1/sessions?limit={SHOWN}")).await?;
    let mut sessions = listed.items;
    for session in &mut sessions {
        session.here = session.id == signed.session.as_str();
    }
    sessions.sort_by_key(|session| (!session.here, !session.is_open()));
    let more = Count(listed.total.0.saturating_sub(SHOWN));
    let all = signed.who.role.is_operator();
    Ok(page(&Sessions { chrome: signed.chrome("sessions"), sessions, more, all }))
}

/// Ends a session.
pub(crate) async fn end(signed: Signed, Path(id): Path<String>) -> Result<Response, Fault> {
    let id = clean(&id)?;
    signed.api.post(&format!("/ledger/v1/sessions/{id}/end"), None, &json!({})).await?;
    Ok(leading("/sessions", "session-ended"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_told_in_words() {
        for (agent, expected) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox on Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36 Edg/120.0",
                "Edge on Windows",
            ),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Safari/604.1", "Safari on iPhone"),
            ("curl/8.5.0", "curl/8.5.0"),
            ("", "unnamed"),
        ] {
            let session = Session { agent: agent.to_owned(), ..Session::default() };
            assert_eq!(session.browser(), expected, "{agent}");
        }
    }
}
