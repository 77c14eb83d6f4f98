//! Goal: whoever is signed in can be seen and sent away, a link opens one session, and a key does what its scopes say.
//! Method: browsers without scripts, and the API beside them.

use serde_json::json;
use usage_ledger::admin::{self, AdminError, Request as Asked};

use super::http::{Answer, Body, Request};
use super::portal::Browser;
use super::world::{CONTRACT, Distributor, Operator, Vendor, World};

/// The path of a link that signs the holder of a key in.
fn link(world: &World, key: &str) -> Result<String, AdminError> {
    let asked = Asked::SignInLink { key: key.to_owned(), url: Some("https://usage.example/".to_owned()) };
    let made = world.wait_for(admin::perform(world.product(), asked))?;
    let link = made["link"].as_str().expect("a link");
    Ok(link.strip_prefix("https://usage.example").expect("the portal's address").to_owned())
}

fn follow(browser: &Browser<'_>, link: &str) -> (u16, String) {
    let token = link.strip_prefix("/sign-in/link?token=").expect("a token");
    let answer = browser.post("/sign-in/link", &[("token", token)]);
    (answer.status, String::from_utf8_lossy(&answer.body).into_owned())
}

fn sessions(browser: &Browser<'_>) -> Vec<String> {
    let page = browser.page("/sessions");
    page.split("/sessions/").skip(1).filter_map(|rest| Some(rest.split_once("/end\"")?.0.to_owned())).collect()
}

#[test]
fn a_link_signs_in_once_and_soon() {
    let world = World::new();
    let made = link(&world, "SU-000-000-001").expect("the key is known");
    let browser = Browser::new(&world);
    for _ in 0..2 {
        let page = browser.page(&made);
        assert!(page.contains("with the key <b>SU-000-000-001</b>"), "looking doesn't use it up: {page}");
    }
    assert_eq!(follow(&browser, &made), (303, String::new()));
    assert!(browser.page("/files").contains("Front Street"));
    assert!(browser.page("/sessions").contains("by link"));
    let other = Browser::new(&world);
    let (status, page) = follow(&other, &made);
    assert!(status == 400 && page.contains("used already"), "{status} {page}");
    assert_eq!(other.get("/files").status, 303);
    let (status, page) = follow(&other, &made.replace("SU-000-000-001", "SU-000-000-002"));
    assert!(status == 403 && page.contains("isn&#39;t whole"), "{status} {page}");
    assert!(other.page("/sign-in/link?token=x").contains("This link isn't whole"));
    let late = link(&world, "SU-000-000-002").expect("the key is known");
    world.let_pass(15 * 60 + 1);
    assert_eq!(follow(&other, &late).0, 403);
    let gone = link(&world, "SU-000-000-002").expect("the key is known");
    let revoked = Asked::RevokeKey { key: "SU-000-000-002".to_owned() };
    world.wait_for(admin::perform(world.product(), revoked)).expect("the key is known");
    let (status, page) = follow(&other, &gone);
    assert!(status == 401 && page.contains("was revoked"), "{status} {page}");
    for unknown in ["SU-000-000-002", "SU-999-999-999", ".."] {
        let refused = link(&world, unknown).expect_err("no such key").to_string();
        assert!(refused.contains("or it is revoked; see key list"), "{refused}");
    }
}

#[test]
fn sessions_are_seen_by_their_account_and_end_one_by_one() {
    let mut world = World::new();
    let (first, second) = (Browser::of(&world, Vendor), Browser::of(&world, Vendor));
    let (distributor, operator) = (Browser::of(&world, Distributor), Browser::of(&world, Operator));
    let others = sessions(&first);
    assert_eq!(others.len(), 1, "one's own session ends by signing out");
    assert_eq!(sessions(&distributor), Vec::<String>::new());
    assert_eq!(sessions(&operator).len(), 3, "an operator sees those of all");
    let end = format!("/sessions/{}/end", others[0]);
    assert_eq!(distributor.post(&end, &[]).status, 404);
    assert_eq!(second.get("/files").status, 200);
    assert!(first.do_it(&end, &[]).contains("The session was ended"));
    assert_eq!(second.get("/files").status, 303);
    assert_eq!(first.get("/files").status, 200);
    let history = operator.page(&format!("/catalog/keys/{}", "SU-000-000-001"));
    assert!(!history.contains("SessionOpened"), "a session is no change of its key");
    // A cookie that somebody kept from before they signed out opens nothing.
    let kept = first.cookies();
    first.post("/sign-out", &[]);
    let headers = [("Cookie", kept.as_str()), ("Sec-Fetch-Site", "same-origin")];
    let ask = |world: &World| -> Answer {
        world.request(&Request { method: "GET", path: "/files", key: None, headers: &headers, body: Body::Nothing })
    };
    assert_eq!(ask(&world).status, 303);
    drop((first, second, distributor, operator));
    world.restart();
    assert_eq!(ask(&world).status, 303, "also after a restart");
    let listed = world.ours(Vendor, "GET", "sessions?status=ended", Body::Nothing).expect(200);
    assert_eq!(listed.as_array().map(Vec::len), Some(2), "{listed:#}");
    let listed = world.ours(Operator, "GET", "sessions?status=open", Body::Nothing).expect(200);
    assert_eq!(listed.as_array().map(Vec::len), Some(2), "the distributor's and the operator's: {listed:#}");
    world.let_pass(12 * 60 * 60);
    let listed = world.ours(Operator, "GET", "sessions?status=open", Body::Nothing).expect(200);
    assert_eq!(listed, json!([]));
}

#[test]
fn a_key_does_what_its_scopes_say() {
    let world = World::new();
    let file = world.create(CONTRACT);
    let issue = |scopes: Option<&[&str]>| {
        let scopes = scopes.map(|scopes| scopes.iter().map(|scope| (*scope).to_owned()).collect());
        let asked = Asked::IssueKey { account: "VA-000-001".to_owned(), name: "Scoped".to_owned(), scopes };
        world.wait_for(admin::perform(world.product(), asked)).expect("a key")["key"].as_str().expect("it").to_owned()
    };
    let describe = |key: &str| {
        let (path, body) = (format!("/public/v1/usage/files/{file}"), json!({ "note": "x" }));
        world.request(&Request { method: "PUT", path: &path, key: Some(key), headers: &[], body: Body::Json(&body) })
    };
    let configure = |key: &str| {
        let (path, body) = ("/public/v1/products/PRD-404-832-779", json!({ "short_description": "Metered" }));
        world.request(&Request { method: "PUT", path, key: Some(key), headers: &[], body: Body::Json(&body) })
    };
    for (scopes, describes, configures) in [
        (None, 200, 200),
        (Some([].as_slice()), 403, 403),
        (Some(["report"].as_slice()), 200, 403),
        (Some(["configure", "bill"].as_slice()), 403, 200),
    ] {
        let key = issue(scopes);
        let (described, configured) = (describe(&key), configure(&key));
        assert_eq!((described.status, configured.status), (describes, configures), "{scopes:?}: {described:?}");
        if describes == 403 {
            assert_eq!(described.refusal(), (403, "AUTH_004".to_owned()));
            assert!(described.json()["errors"][0].as_str().is_some_and(|told| told.contains("\"report\"")));
        }
        let browser = Browser::new(&world);
        let typed = key.strip_prefix("ApiKey ").expect("a key");
        assert_eq!(browser.post("/sign-in", &[("key", typed)]).status, 303, "any key signs in");
        assert!(browser.page(&format!("/files/{file}")).contains("Front Street"), "and reads");
    }
    let operator = Browser::of(&world, Operator);
    let reader = [("once", "k1"), ("name", "Dashboard"), ("scopes", "review")];
    operator.post("/accounts/PA-000-003/keys", &reader);
    let page = operator.page("/accounts");
    for told in ["<td>review</td>", "<td>read only</td>", "<td>bill, configure</td>", "<td>everything</td>"] {
        assert!(page.contains(told), "{told}: {page}");
    }
    let unknown = json!({ "account": { "id": "VA-000-001" }, "name": "Wrong", "scopes": ["burn"] });
    let refused = world.ours(Operator, "POST", "api-keys", Body::Json(&unknown));
    assert!(refused.status == 400 && refused.json()["errors"][0].as_str().is_some_and(|told| told.contains("report")));
}
