//! A key that sends more than it may is told to wait, in the one shape of errors; the others go on (docs/operating.md).

use serde_json::json;

use super::http::{Body, Request};
use super::world::{Distributor, Party, Vendor, World};

#[test]
fn a_key_sends_so_many_requests_a_second_and_others_their_own() {
    let world = World::tuned(|settings| settings.requests_per_second = 3);
    let path = "/public/v1/usage/files";
    let ask = |party: Party| {
        let key = Some(party.key());
        world.at_once(&Request { method: "GET", path, key, headers: &[], body: Body::Nothing })
    };
    let statuses = |party: Party| [(); 5].map(|()| ask(party).status);
    assert_eq!(statuses(Vendor), [200, 200, 200, 429, 429]);
    assert_eq!(statuses(Distributor), [200, 200, 200, 429, 429], "each key for itself");
    let refused = ask(Vendor);
    let sentence =
        "This key sends more than 3 requests a second. Wait as long as Retry-After says, then send it again.";
    assert_eq!(refused.expect(429), json!({ "error_code": "VAL_001", "errors": [sentence] }));
    let head = refused.head.to_ascii_lowercase();
    assert!(head.contains("retry-after: 1") && head.contains("connect-version: "), "{head}");
    // A second later there is as much again, and what needs no key was never counted.
    assert_eq!(world.get(Vendor, "usage/files").status, 200);
    let probe = Request { method: "GET", path: "/readyz", key: None, headers: &[], body: Body::Nothing };
    assert!((0..20).all(|_| world.at_once(&probe).status == 200));
}
