//! Sessions: somebody signed in at the portal, with a key or by a link. Each is recorded, so that its account can see it
//! and end it, and so that a link opens once.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use serde::{Deserialize, Serialize};

use crate::file::Stamp;
use crate::id::ObjectId;
use crate::moment::Moment;

/// A session ends so long after it was opened, whether it is used or not.
pub const LIFE_SECONDS: i64 = 12 * 60 * 60;
/// The fold keeps a session for so long: past its life, so that one that was ended is still known while its cookie could
/// be shown, whatever clock a gateway has.
const KEPT_SECONDS: i64 = 2 * LIFE_SECONDS;
/// Characters that are kept of what a browser calls itself.
pub const AGENT_CHARS_MAX: usize = 200;
/// What the ids of sessions begin with.
const PREFIX: &str = "SE-";

/// Somebody signed in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SessionOpened {
    /// The key that the session acts for: once it is revoked, the session opens nothing.
    pub key: ObjectId,
    /// The key's account, which may see the session and end it.
    pub account: ObjectId,
    /// Whether a link opened it, instead of the key's secret.
    pub by_link: bool,
    /// What the browser calls itself (`User-Agent`), at most [`AGENT_CHARS_MAX`] characters; may be empty.
    pub agent: String,
}

/// A session as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Session {
    /// How it was opened.
    pub opened: SessionOpened,
    /// When.
    pub at: Moment,
    /// Who ended it and when, if somebody did.
    pub ended: Option<Stamp>,
}

impl Session {
    /// When it ends at the latest.
    #[must_use]
    pub fn expires(&self) -> Moment {
        later(self.at, LIFE_SECONDS)
    }

    /// Whether it still opens something at a moment, as far as it is known: its key may have been revoked.
    #[must_use]
    pub fn lives(&self, now: Moment) -> bool {
        self.ended.is_none() && now < self.expires()
    }
}

/// The sessions of the last day by id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sessions(pub BTreeMap<ObjectId, Session>);

impl Hash for Sessions {
    /// Where nobody signed in, nothing: digests of ledgers that were written before sessions were stay what they are.
    fn hash<H: Hasher>(&self, state: &mut H) {
        if !self.0.is_empty() {
            self.0.hash(state);
        }
    }
}

impl Deref for Sessions {
    type Target = BTreeMap<ObjectId, Session>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// The id of a session of these random bytes.
#[must_use]
pub fn session_id(random: &[u8; 16]) -> Option<ObjectId> {
    let digits: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    ObjectId::new(&format!("{PREFIX}{digits}"))
}

/// Whether an id is that of a session.
#[must_use]
pub fn is_session_id(id: &ObjectId) -> bool {
    let digits = id.as_str().strip_prefix(PREFIX).unwrap_or_default();
    digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

pub(crate) fn open(sessions: &mut Sessions, id: &ObjectId, opened: &SessionOpened, at: Moment) {
    sessions.0.retain(|_, known| at < later(known.at, KEPT_SECONDS));
    sessions.0.entry(id.clone()).or_insert_with(|| Session { opened: opened.clone(), at, ended: None });
}

pub(crate) fn end(sessions: &mut Sessions, id: &ObjectId, stamp: Stamp) {
    if let Some(session) = sessions.0.get_mut(id) {
        session.ended.get_or_insert(stamp);
    }
}

fn later(at: Moment, seconds: i64) -> Moment {
    Moment(at.0.saturating_add(seconds.saturating_mul(Moment::SECOND)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Actor;

    fn id(text: &str) -> ObjectId {
        ObjectId::new(text).unwrap()
    }

    #[test]
    fn a_session_is_kept_past_its_life_and_ended_once() {
        let opened =
            SessionOpened { key: id("SU-1"), account: id("VA-1"), by_link: false, agent: "Browser".to_owned() };
        let at = |seconds: i64| Moment(seconds * Moment::SECOND);
        let mut sessions = Sessions::default();
        open(&mut sessions, &id("SE-1"), &opened, at(0));
        open(&mut sessions, &id("SE-1"), &SessionOpened { by_link: true, ..opened.clone() }, at(1));
        assert_eq!(sessions[&id("SE-1")].opened, opened, "the first one counts");
        end(&mut sessions, &id("SE-1"), Stamp { at: at(5), by: Actor::Operator });
        end(&mut sessions, &id("SE-1"), Stamp { at: at(9), by: Actor::Operator });
        end(&mut sessions, &id("SE-9"), Stamp { at: at(9), by: Actor::Operator });
        assert_eq!(sessions[&id("SE-1")].ended.as_ref().unwrap().at, at(5));
        open(&mut sessions, &id("SE-2"), &opened, at(KEPT_SECONDS - 1));
        assert_eq!(sessions.len(), 2);
        open(&mut sessions, &id("SE-3"), &opened, at(KEPT_SECONDS));
        assert!(!sessions.contains_key(&id("SE-1")) && sessions.len() == 2);
        let session = &sessions[&id("SE-3")];
        assert!(session.lives(at(KEPT_SECONDS + LIFE_SECONDS - 1)) && !session.lives(session.expires()));
    }

    #[test]
    fn ids_of_sessions_are_told_from_others() {
        assert!(is_session_id(&session_id(&[0xab; 16]).unwrap()));
        for other in ["SU-000-000-001", "SE-1", "SE-ABABABABABABABABABABABABABABABAB"] {
            assert!(!is_session_id(&id(other)), "{other}");
        }
    }
}
