//! How a receiver knows that a call is ours: a JSON Web Token (RFC 7519), signed with HS256 and a secret of its own for
//! each webhook, as Connect's documentation asks of those who are called.

use hmac::{Hmac, KeyInit, Mac};
use ledger::{Hash, Moment, ObjectId, Webhook};
use serde_json::{Value, json};
use sha2::Sha256;

/// How long a token holds: a call takes seconds, and clocks differ by minutes.
const LIFETIME_SECONDS: i64 = 300;
const DIGITS: [u8; 64] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The secret of a webhook. It is written nowhere: it follows from what is recorded and from what this server keeps to
/// itself.
pub(super) fn secret(server: &[u8], id: &ObjectId, webhook: &Webhook) -> String {
    let words = format!("secret of webhook {id} of {}", webhook.created.at.0);
    mac(server, words.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a token says beside when it was made and until when it holds.
pub(super) struct Claims<'a> {
    pub(super) webhook: &'a ObjectId,
    pub(super) account: &'a ObjectId,
    /// The event that is told, the same however often it is.
    pub(super) event: &'a str,
    pub(super) body: &'a str,
}

/// A token about one call.
pub(super) fn token(secret: &str, claims: &Claims<'_>, now: Moment) -> String {
    let issued = now.0 / Moment::SECOND;
    let header = json!({ "alg": "HS256", "typ": "JWT" });
    let claims = json!({
        "iss": "usage-ledger",
        "sub": claims.webhook.as_str(),
        "aud": claims.account.as_str(),
        "jti": claims.event,
        "iat": issued,
        "exp": issued + LIFETIME_SECONDS,
        "body_sha256": Hash::of(claims.body.as_bytes()).to_string(),
    });
    let part = |value: &Value| base64url(value.to_string().as_bytes());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let signature = base64url(&mac(secret.as_bytes(), signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn mac(key: &[u8], words: &[u8]) -> Vec<u8> {
    // Any key will do for this library; without one there would be no signature, which nobody takes for a good one.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(words);
    mac.finalize().into_bytes().to_vec()
}

/// Base 64 with the letters of URLs and without padding (RFC 7515).
fn base64url(bytes: &[u8]) -> String {
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..=three.len() {
            let digit = bits >> (18 - 6 * place) & 63;
            text.push(char::from(DIGITS.get(digit as usize).copied().unwrap_or_default()));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of RFC 4648 §10, and the two letters that differ in URLs.
    #[test]
    fn bytes_are_written_as_the_standard_has_them() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"f", "Zg"),
            (b"fo", "Zm8"),
            (b"foo", "Zm9v"),
            (b"foob", "Zm9vYg"),
            (b"fooba", "Zm9vYmE"),
            (b"foobar", "Zm9vYmFy"),
            (b"\xfb\xff", "-_8"),
        ] {
            assert_eq!(base64url(bytes), text);
        }
    }

    /// The first example of RFC 4231: key and digest.
    #[test]
    fn the_signature_is_the_standard_s() {
        let digest: String = mac(&[0x0b; 20], b"Hi There").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    }
}
