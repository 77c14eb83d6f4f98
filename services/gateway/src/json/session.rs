//! A session at the portal.

use ledger::{Catalog, Moment, ObjectId};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::words::{Instant, SessionStatus};
use super::{By, Reference, given};

/// A session at the portal.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Session {
    /// Its id.
    #[schema(example = "SE-00112233445566778899aabbccddeeff")]
    id: String,
    /// The key that it acts for.
    key: Reference,
    /// The key's account.
    account: Reference,
    /// Whether a link opened it, instead of the key's secret.
    by_link: bool,
    /// What the browser calls itself.
    #[schema(example = "Mozilla/5.0 (X11; Linux x86_64)")]
    agent: Option<String>,
    /// Whether it opens anything. One that nobody uses for two hours doesn't either, which isn't recorded.
    #[schema(value_type = SessionStatus)]
    status: &'static str,
    /// When it was opened.
    #[schema(value_type = Instant)]
    opened_at: String,
    /// When it ends at the latest.
    #[schema(value_type = Instant)]
    expires_at: String,
    /// When it was ended.
    #[schema(value_type = Option<Instant>)]
    ended_at: Option<String>,
    /// Who ended it.
    ended_by: Option<By>,
}

/// A session as the API shows it.
pub(crate) fn shown(catalog: &Catalog, id: &ObjectId, session: &ledger::Session, now: Moment) -> Value {
    let key = catalog.keys.get(&session.opened.key);
    let status = match &session.ended {
        Some(_) => "ended",
        None if !session.lives(now) => "expired",
        None if key.is_none_or(|key| key.revoked) => "revoked",
        None => "open",
    };
    super::value(&Session {
        id: id.to_string(),
        key: key.map_or_else(|| Reference::nameless(&session.opened.key), |key| Reference::new(&key.named)),
        account: Reference::new(&catalog.account_named(&session.opened.account)),
        by_link: session.opened.by_link,
        agent: given(session.opened.agent.clone()),
        status,
        opened_at: session.at.iso(),
        expires_at: session.expires().iso(),
        ended_at: session.ended.as_ref().map(|stamp| stamp.at.iso()),
        ended_by: session.ended.as_ref().map(|stamp| By::new(&stamp.by)),
    })
}
