//! Who is signed in: a cookie that names a session and its key, and is signed. It opens nothing once the session was ended
//! or the key revoked, which the API knows.

use axum::http::{HeaderMap, HeaderValue, header};
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use ledger::session::LIFE_SECONDS;
use ledger::{Moment, ObjectId};
use sha2::Sha256;

/// The prefix has browsers refuse it from anywhere but this host, and send it nowhere else.
pub(crate) const COOKIE: &str = "__Host-session";
/// A session that nobody used for so long is over.
const IDLE_SECONDS: i64 = 2 * 60 * 60;
/// How often a used session gets another cookie.
const RENEW_SECONDS: i64 = 5 * 60;

/// Somebody who signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// What the API calls it.
    pub(crate) id: ObjectId,
    /// The key that they signed in with.
    pub(crate) key: ObjectId,
    /// When they did, in seconds.
    opened: i64,
    /// When a request of them was last noted.
    seen: i64,
}

fn seconds(now: Moment) -> i64 {
    now.0.div_euclid(1_000_000)
}

impl Session {
    /// Somebody signs in now.
    pub(crate) fn open(id: ObjectId, key: ObjectId, now: Moment) -> Self {
        Self { id, key, opened: seconds(now), seen: seconds(now) }
    }

    /// The session that a request belongs to: none where there is no cookie, a wrong one, or one that is over.
    pub(crate) fn of(headers: &HeaderMap, secret: &[u8], now: Moment) -> Option<Self> {
        let session = cookies(headers, COOKIE).find_map(|value| Self::read(value, secret));
        session.filter(|session| session.lives(seconds(now)))
    }

    fn read(value: &str, secret: &[u8]) -> Option<Self> {
        let (signed, mac) = value.rsplit_once('.')?;
        sealed(secret, signed)?.verify_slice(&HEXLOWER.decode(mac.as_bytes()).ok()?).ok()?;
        let mut parts = signed.split('.');
        let (id, key) = (ObjectId::new(parts.next()?)?, ObjectId::new(parts.next()?)?);
        let (opened, seen) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Self { id, key, opened, seen })
    }

    /// One that was used long after now was opened before the clock was set back, and could live for ever.
    fn lives(&self, now: i64) -> bool {
        now < self.opened.saturating_add(LIFE_SECONDS) && now.abs_diff(self.seen) < IDLE_SECONDS.unsigned_abs()
    }

    /// The session as used now, where that is worth another cookie.
    pub(crate) fn renewed(&self, now: Moment) -> Option<Self> {
        let seen = seconds(now);
        (seen >= self.seen.saturating_add(RENEW_SECONDS)).then(|| Self { seen, ..self.clone() })
    }

    /// The header that gives a browser the session.
    pub(crate) fn cookie(&self, secret: &[u8]) -> Option<HeaderValue> {
        let signed = format!("{}.{}.{}.{}", self.id, self.key, self.opened, self.seen);
        let mac = HEXLOWER.encode(&sealed(secret, &signed)?.finalize().into_bytes());
        let life = LIFE_SECONDS;
        let text = format!("{COOKIE}={signed}.{mac}; Path=/; Max-Age={life}; Secure; HttpOnly; SameSite=Lax");
        HeaderValue::from_str(&text).ok()
    }
}

/// The values of the cookies with a name.
pub(crate) fn cookies<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(move |pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// The header that takes a session from a browser.
pub(crate) fn forgotten() -> HeaderValue {
    HeaderValue::from_static("__Host-session=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax")
}

fn sealed(secret: &[u8], signed: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    mac.update(b"usage-ledger session\0");
    mac.update(signed.as_bytes());
    Some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"a secret of the gateways";

    fn at(seconds: i64) -> Moment {
        Moment(seconds * 1_000_000)
    }

    fn id(text: &str) -> ObjectId {
        ObjectId::new(text).unwrap()
    }

    fn headers(cookie: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(cookie).unwrap())])
    }

    fn given() -> (Session, String) {
        let session = Session::open(id("SE-1"), id("SU-000-000-001"), at(1_000));
        let cookie = session.cookie(SECRET).unwrap().to_str().unwrap().to_owned();
        (session, cookie.split(';').next().unwrap().to_owned())
    }

    #[test]
    fn a_session_is_known_until_it_is_over() {
        let (session, cookie) = given();
        for (now, known) in [
            (1_000, true),
            (1_000 + IDLE_SECONDS - 1, true),
            (1_000 + IDLE_SECONDS, false),
            (1_000 + LIFE_SECONDS, false),
            (1_000 - IDLE_SECONDS + 1, true),
            (1_000 - IDLE_SECONDS, false),
        ] {
            let found = Session::of(&headers(&format!("other=1; {cookie}; more=2")), SECRET, at(now));
            assert_eq!(found, known.then(|| session.clone()), "at {now}");
        }
    }

    #[test]
    fn use_prolongs_a_session_but_not_for_ever() {
        let (session, _) = given();
        assert_eq!(session.renewed(at(1_000 + RENEW_SECONDS - 1)), None);
        let mut used = session;
        let mut now = 1_000;
        while now + IDLE_SECONDS / 2 < 1_000 + LIFE_SECONDS {
            now += IDLE_SECONDS / 2;
            used = used.renewed(at(now)).expect("renewed");
        }
        assert!(used.lives(1_000 + LIFE_SECONDS - 1) && !used.lives(1_000 + LIFE_SECONDS));
    }

    #[test]
    fn a_cookie_that_was_changed_opens_nothing() {
        let (_, cookie) = given();
        for changed in [
            cookie.replace("SU-000-000-001", "SU-000-000-002"),
            cookie.replace("SE-1", "SE-2"),
            cookie.replace(".1000.", ".1001."),
            cookie[..cookie.len() - 2].to_owned(),
            format!("{cookie}00"),
            cookie.rsplit_once('.').unwrap().0.to_owned(),
            "__Host-session=".to_owned(),
            "__Host-session=...".to_owned(),
            cookie.replace("__Host-session", "session"),
        ] {
            assert_ne!(changed, cookie);
            assert_eq!(Session::of(&headers(&changed), SECRET, at(1_000)), None, "{changed}");
        }
        assert_eq!(Session::of(&headers(&cookie), b"another secret", at(1_000)), None);
    }
}
