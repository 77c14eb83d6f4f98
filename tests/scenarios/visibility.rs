//! A file that somebody may not see doesn't exist for them (design §8). Who sees what is in `roles`.

use super::world::{CONTRACT, Distributor, OtherDistributor, OtherVendor, Reseller, World};

const RECORDS: u32 = 12;

/// Goal: what can't be seen can't be guessed at. Method: a foreign file answers like one that never was, byte for byte.
#[test]
fn a_foreign_file_answers_like_an_unknown_one() {
    let world = World::new();
    let file = world.ready(CONTRACT, "foreign", RECORDS);
    for party in [OtherVendor, Distributor, OtherDistributor, Reseller] {
        for action in ["", "/submit", "/accept", "/reject", "/close", "/delete", "/reprocess", "/categories"] {
            let ask = |id: &str| match action {
                "" | "/categories" => world.get(party, &format!("usage/files/{id}{action}")),
                _ => world.post(party, &format!("usage/files/{id}{action}"), &serde_json::json!({})),
            };
            let (foreign, unknown) = (ask(&file), ask("UF-2026-11-9999-9999"));
            let same = (foreign.status, &foreign.body) == (unknown.status, &unknown.body);
            assert!(same && foreign.status == 404, "{party:?} {action}: {foreign:?} and {unknown:?}");
        }
    }
}
