//! Who can reach the process, and with what.

use ::catalog::json::secret_hash;
use ledger::{Catalog, ObjectId};

use super::Verdict;
use super::look::{DemoKeys, Seen};
use crate::demo;
use crate::product::Settings;

pub(super) fn http_encrypted(seen: &Seen) -> Verdict {
    let settings = &seen.settings;
    if !settings.serves_others() {
        return Verdict::ok("it serves this machine only, or nothing but probes");
    }
    let mend = "put a proxy with TLS in front, and say so with --public-url https://…";
    match settings.public_url.as_deref() {
        Some(url) if url.starts_with("https://") => Verdict::ok(format!("clients come by {url}")),
        Some(url) => Verdict::refused(format!("clients come by {url}"), mend),
        None => Verdict::warning(format!("HTTP is served at {} without encryption", settings.listen), mend),
    }
}

pub(super) fn demo_keys(seen: &Seen) -> Verdict {
    let off_machine = seen.settings.serves_others();
    let keys = match &seen.demo_keys {
        DemoKeys::Taken(keys) => keys,
        DemoKeys::Refused => return Verdict::ok("none of them is taken"),
        DemoKeys::Untried if !off_machine => return Verdict::ok("this machine only could use them"),
        DemoKeys::Untried => {
            let found = format!("nobody answers at {}, so they could not be tried", seen.settings.listen);
            return Verdict::warning(found, "run it again once the ledger runs");
        }
    };
    let found = format!("{} are taken", keys.join(", "));
    let mend = keys.iter().map(|key| format!("usage-ledger key revoke {key} --data DATA")).collect::<Vec<_>>();
    if off_machine { Verdict::refused(found, mend.join("; ")) } else { Verdict::ok(format!("{found}, here only")) }
}

pub(super) fn webhooks(seen: &Seen) -> Verdict {
    if !(seen.settings.webhooks_to_private && seen.settings.serves_others()) {
        return Verdict::ok("they lead to public addresses only, or nobody else is served");
    }
    let mend = "leave --webhooks-to-private out (USAGE_LEDGER_WEBHOOKS_TO_PRIVATE)";
    Verdict::warning("webhooks may lead to private addresses and to this machine", mend)
}

/// Why a process should not be started like this, before anything else is known of it.
#[must_use]
pub fn insecure(settings: &Settings) -> Option<String> {
    let address = settings.nats.as_ref()?.open_to_anybody()?;
    Some(format!(
        "NATS at {address} is on another machine and is to be used without credentials: whoever reaches it may read \
         every fact and publish for a service. Make some with `usage-ledger nats credentials DIR` and give them with \
         --nats-credentials"
    ))
}

/// The keys of the demo catalog that a catalog takes, by the secrets of its ledger.
#[must_use]
pub fn takes_demo_keys(catalog: &Catalog, pepper: &[u8]) -> Vec<String> {
    let taken = demo::keys().into_iter().filter(|(id, secret)| {
        let key = ObjectId::new(id).and_then(|id| catalog.keys.get(&id));
        key.is_some_and(|key| !key.revoked && key.secret_hash == secret_hash(&key.named.id, secret, pepper))
    });
    taken.map(|(id, _)| id).collect()
}
