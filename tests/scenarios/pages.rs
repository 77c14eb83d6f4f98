//! Pages of the portal beside those of a file's life: products, usage rules, many files at once, what changed, charts,
//! statements, and what operators do. As a browser without scripts meets them.

use serde_json::json;

use super::http::Body;
use super::portal::{Browser, links};
use super::world::{
    CONTRACT, Distributor, Operator, OtherDistributor, OtherVendor, PRODUCT, Party, Reseller, Vendor, World,
};

/// Whatever lies between two texts on a page.
fn between<'a>(page: &'a str, before: &str, after: &str) -> &'a str {
    let rest = page.split_once(before).unwrap_or_else(|| panic!("no {before}: {page}")).1;
    rest.split_once(after).unwrap_or_else(|| panic!("no {after}: {rest}")).0
}

/// A file about some days, submitted.
fn pending(world: &World, prefix: &str, days: [&str; 2]) -> String {
    let file = world.create(CONTRACT);
    let (workbook, _) = world.generate_of(CONTRACT, prefix, 24, days);
    world.upload(&file, &workbook).expect(201);
    assert_eq!(world.checked(&file)["status"], "ready");
    world.submit(&file);
    file
}

/// A file about some days, billed.
fn closed(world: &World, prefix: &str, days: [&str; 2]) -> String {
    let file = pending(world, prefix, days);
    world.act(Distributor, &file, "accept").expect(201);
    world.close(Distributor, &file);
    world.reach(&file, "closed");
    file
}

#[test]
fn a_vendor_says_what_may_be_reported_and_by_which_items() {
    let world = World::new();
    let (vendor, distributor) = (Browser::of(&world, Vendor), Browser::of(&world, Distributor));
    let profile = format!("/products/{PRODUCT}");
    let fields = [("once", "caps"), ("schema", "QT"), ("late", "on"), ("predictive", "on"), ("consumption", "on")];
    let page = vendor.do_it(&format!("{profile}/capabilities"), &fields);
    assert!(page.contains("The capabilities were saved"), "{page}");
    assert!(!vendor.page(&profile).contains("The capabilities were saved"), "it is said once");
    let product = world.get(Vendor, &format!("products/{PRODUCT}")).expect(200);
    let ppu = &product["capabilities"]["ppu"];
    assert_eq!([&ppu["late"], &ppu["predictive"], &ppu["future"]], [true, true, false]);
    assert!(distributor.page(&profile).contains("The vendor decides what may be reported."));
    let refused = distributor.post(&format!("{profile}/capabilities"), &fields);
    assert_eq!(refused.status, 403);
    let page = String::from_utf8_lossy(&refused.body).into_owned();
    assert!(page.contains("Main") && page.contains("Sign out"), "a refusal keeps the way to everything else: {page}");
    let item = [
        ("once", "item"),
        ("name", "Tape"),
        ("mpn", "AP-TAPE"),
        ("type", "ppu"),
        ("unit", "GB"),
        ("precision", "integer"),
    ];
    let page = vendor.do_it(&format!("{profile}/items"), &item);
    assert!(page.contains("The item was created.") && page.contains("AP-TAPE"), "{page}");
    let id = between(&page, "Tape<small>", "</small>").to_owned();
    let change = [("once", "it"), ("name", "Tapes"), ("mpn", "AP-TAPE"), ("status", "endofsale")];
    let page = vendor.do_it(&format!("{profile}/items/{id}"), &change);
    assert!(page.contains("Tapes") && page.contains("endofsale"), "{page}");
    let taken = vendor.post(
        &format!("{profile}/items"),
        &[("once", "again"), ("name", "Other"), ("mpn", "AP-TAPE"), ("type", "ppu"), ("unit", "GB")],
    );
    assert!(String::from_utf8_lossy(&taken.body).contains("Item with same MPN already exists"), "{taken:?}");
}

#[test]
fn a_rule_is_tried_before_it_decides() {
    let world = World::new();
    let distributor = Browser::of(&world, Distributor);
    let past = world.pending(CONTRACT, "rule-past", 12);
    let rules = format!("/products/{PRODUCT}/rules");
    assert!(distributor.page(&rules).contains("Every file waits for your decision"));
    let draft = [
        ("once", "r1"),
        ("id", "new"),
        ("action", "reject"),
        ("scope", "file"),
        ("rule", "gt(totals.records,10)"),
        ("months", "3"),
    ];
    let before = world.digests();
    let answer = distributor.post(&format!("{rules}/try"), &draft);
    let tried = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(tried.contains("this rule would have decided <b>1</b>"), "{tried}");
    assert!(tried.contains(&past) && tried.contains("gt(totals.records,10)"), "{tried}");
    assert_eq!(world.digests(), before, "nothing is recorded");
    let page = distributor.do_it(&rules, &draft);
    assert!(page.contains("The rule was saved") && page.contains("<code>gt(totals.records,10)</code>"), "{page}");
    let second = [("once", "r2"), ("id", "new"), ("action", "accept"), ("scope", "file"), ("rule", ""), ("after", "")];
    let page = distributor.do_it(&rules, &second);
    let order =
        |page: &str| -> Vec<String> { page.split("<small>UGR-").skip(1).map(|rest| rest[..11].to_owned()).collect() };
    let first = order(&page);
    assert_eq!(first.len(), 2, "{page}");
    let moved = distributor
        .do_it(&format!("{rules}/UGR-{}/move", first[0]), &[("once", "m"), ("after", &format!("UGR-{}", first[1]))]);
    assert_eq!(order(&moved), [first[1].clone(), first[0].clone()], "{moved}");
    let submitted = world.ready(CONTRACT, "rule-now", 12);
    world.act(Vendor, &submitted, "submit").expect(201);
    let decided = world.wait(Vendor, &format!("usage/files/{submitted}"), |file| file["status"] == "rejected");
    assert!(decided["ruling"]["reason"].as_str().expect("a reason").contains("gt(totals.records,10)"), "{decided}");
    let page = distributor.do_it(&format!("{rules}/UGR-{}/delete", first[1]), &[("once", "d")]);
    assert_eq!(order(&page).len(), 1, "{page}");
    let wrong = distributor
        .post(&rules, &[("once", "w"), ("id", "new"), ("action", "accept"), ("scope", "file"), ("rule", "tier=1")]);
    assert!(String::from_utf8_lossy(&wrong.body).contains("Unknown name: tier"), "{wrong:?}");
    for stranger in [Vendor, OtherVendor] {
        let page = Browser::of(&world, stranger).get(&rules);
        assert!(page.status == 403 || page.status == 404, "{stranger:?} {page:?}");
    }
}

#[test]
fn what_changed_is_seen_before_many_files_are_accepted_at_once() {
    let world = World::new();
    let distributor = Browser::of(&world, Distributor);
    let late = json!({ "capabilities": { "ppu": { "late": true } } });
    world.send(Vendor, "PUT", &format!("products/{PRODUCT}"), Body::Json(&late)).expect(200);
    let september = closed(&world, "bulk-before", ["2026-09-01", "2026-10-01"]);
    let october = pending(&world, "bulk-now", ["2026-10-01", "2026-11-01"]);
    let late = world.pending(CONTRACT, "bulk-late", 8);
    let page = distributor.page(&format!("/files/{october}"));
    assert!(page.contains("What changed against the period before"), "{page}");
    assert!(page.contains(&format!("<a href=\"/files/{september}\">")), "it says what it is compared with: {page}");
    let list = distributor.page("/files?status=pending");
    for file in [&october, &late] {
        assert!(list.contains(&format!("form=\"bulk\" name=\"file\" value=\"{file}\"")), "{list}");
    }
    let answer = distributor.post(
        "/files/accept",
        &[
            ("once", "bulk"),
            ("acceptance_note", "All <fine>"),
            ("file", &october),
            ("file", &late),
            ("file", &september),
        ],
    );
    let page = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(page.contains("2 accepted, 1 refused."), "{page}");
    for file in [&october, &late] {
        let shown = world.get(Vendor, &format!("usage/files/{file}")).expect(200);
        assert_eq!(
            (shown["status"].as_str(), shown["acceptance_note"].as_str()),
            (Some("accepted"), Some("All <fine>"))
        );
    }
    let again = distributor.post(
        "/files/accept",
        &[("once", "bulk"), ("acceptance_note", "All <fine>"), ("file", &october), ("file", &late)],
    );
    assert!(String::from_utf8_lossy(&again.body).contains("2 accepted."), "a form that is sent twice has one effect");
    let charts = distributor.page("/charts?usage=2026-10");
    assert!(charts.contains("By day of usage") && charts.contains("By customer"), "{charts}");
    let statement = distributor.page(&format!("/files/{september}/statement"));
    assert!(statement.contains("usage-ledger statement/1") && statement.contains("Billed for each hub"), "{statement}");
    assert_eq!(distributor.get(&format!("/files/{october}/statement")).status, 400, "it isn't closed");
    let usage = distributor.page("/usage?usage=2026-10");
    assert!(usage.contains("Last reported"), "{usage}");
}

#[test]
fn a_workbook_is_checked_before_it_is_uploaded() {
    let world = World::new();
    let vendor = Browser::of(&world, Vendor);
    let file = world.create(CONTRACT);
    let before = world.digests();
    let form = vendor.page(&format!("/files/{file}/check"));
    assert!(form.contains(CONTRACT), "{form}");
    let faulty = world.generate_faulty("dry", 20);
    let answer = vendor.send_workbook(&format!("/files/{file}/check"), &[("contract", CONTRACT)], &faulty);
    let page = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(answer.status == 200 && page.contains("NO-SUCH-PART") && page.contains("USG_FILE_001"), "{page}");
    assert_eq!(world.digests(), before, "nothing is recorded");
}

#[test]
fn views_are_kept_for_whoever_saved_them() {
    let world = World::new();
    let browser = Browser::of(&world, Vendor);
    let page = browser.do_it("/views", &[("name", "Late <ones>"), ("status", "invalid"), ("q", "a b")]);
    assert!(page.contains("Late &#60;ones&#62;") && page.contains("/files?status=invalid&#38;q=a%20b"), "{page}");
    browser.post("/sign-in", &[("key", Distributor.key())]);
    assert!(!browser.page("/files").contains("Late"), "another account at the same browser doesn't see them");
    browser.post("/sign-in", &[("key", Vendor.key())]);
    assert!(!browser.do_it("/views/drop", &[("name", "Late <ones>")]).contains("Late"));
}

#[test]
fn an_operator_issues_keys_and_looks_after_the_ledger() {
    let world = World::new();
    let operator = Browser::of(&world, Operator);
    let page = operator.page("/accounts");
    assert!(page.contains("Front Street") && page.contains("SU-000-000-001"), "{page}");
    let issued = operator.post("/accounts/PA-000-003/keys", &[("once", "k1"), ("name", "Billing <x>")]);
    let issued = String::from_utf8_lossy(&issued.body).into_owned();
    let key = between(&issued, ">ApiKey ", "</pre>").to_owned();
    let browser = Browser::new(&world);
    assert_eq!(browser.post("/sign-in", &[("key", &key)]).header("location"), Some("/"), "the key opens the portal");
    let id = key.split(':').next().expect("an id").to_owned();
    let secret = key.split(':').nth(1).expect("a secret").to_owned();
    let replaced = operator.post(&format!("/keys/{id}/replace"), &[("once", "k2")]);
    let replaced = String::from_utf8_lossy(&replaced.body).into_owned();
    let newer = between(&replaced, ">ApiKey ", "</pre>").to_owned();
    assert_ne!(newer, key);
    assert_eq!(browser.get("/files").status, 303, "whoever was signed in with the old one is signed out");
    assert_eq!(browser.post("/sign-in", &[("key", &newer)]).header("location"), Some("/"));
    let page = operator.do_it(&format!("/keys/{}/revoke", newer.split(':').next().expect("an id")), &[("once", "k3")]);
    assert!(page.contains("The key was revoked") && !page.contains(&secret), "{page}");
    assert_eq!(browser.get("/files").status, 303);
    let history = operator.page(&format!("/catalog/keys/{id}"));
    assert!(
        history.contains("<code>revoked</code> <del>false</del> <ins>true</ins>") && !history.contains(&secret),
        "{history}"
    );
    let vendor = Browser::of(&world, Vendor);
    vendor.do_it(&format!("/products/{PRODUCT}/capabilities"), &[("once", "c"), ("schema", "QT"), ("late", "on")]);
    let history = operator.page(&format!("/catalog/products/{PRODUCT}"));
    assert!(history.contains("<code>capabilities.ppu.late</code> <del>false</del> <ins>true</ins>"), "{history}");
    assert!(operator.page("/catalog/assets?q=6371215").contains("AS-8919-8653-9735"));
    let health = operator.page("/health");
    assert!(health.contains("approval-0") && health.contains("Ready: reads are answered"), "{health}");
    assert!(operator.page("/subscribers").contains("Webhooks"));
    operator.post("/verify", &[]);
    world.until("verified", || operator.page("/verify").contains("Everything is as it was recorded"));
}

#[test]
fn a_gateway_verifies_the_logs_of_other_processes() {
    let world = World::apart();
    world.create(CONTRACT);
    let operator = Browser::of(&world, Operator);
    operator.post("/verify", &[]);
    world.until("verified", || operator.page("/verify").contains("Everything is as it was recorded"));
    let told = world.ours(Operator, "GET", "audit/verification", Body::Nothing).expect(200);
    let count = |name: &str| told[name].as_u64().expect("a count");
    assert!(count("done_facts") > 100 && count("done_facts") >= count("all_facts"), "{told:#}");
    assert!(count("entries") >= count("done_facts"), "{told:#}");
}

#[test]
fn pages_of_operators_are_nobody_elses() {
    let world = World::new();
    let parties: [Party; 5] = [Vendor, OtherVendor, Distributor, OtherDistributor, Reseller];
    for party in parties {
        let browser = Browser::of(&world, party);
        for path in [
            "/accounts",
            "/catalog/accounts",
            "/catalog/products/PRD-404-832-779",
            "/catalog/keys/SU-000-000-001",
            "/subscribers",
            "/health",
            "/verify",
        ] {
            let answer = browser.get(path);
            assert_eq!(answer.status, 404, "{party:?} at {path}: {answer:?}");
        }
        for path in
            ["/accounts/VA-000-001/keys", "/keys/SU-000-000-001/replace", "/keys/SU-000-000-001/revoke", "/verify"]
        {
            let answer = browser.post(path, &[("once", "x"), ("name", "x")]);
            assert!(answer.status == 404 || answer.status == 403, "{party:?} at {path}: {answer:?}");
        }
    }
    assert_eq!(Browser::of(&world, Vendor).get("/files").status, 200, "no key was revoked");
}

#[test]
fn no_link_says_that_something_was_done() {
    let world = World::new();
    let file = world.create(CONTRACT);
    let vendor = Browser::of(&world, Vendor);
    let page = vendor.page(&format!("/files/{file}?done=accept"));
    assert!(!page.contains("role=\"status\">Accepted"), "{page}");
    let script = ("Portal-Stays", "1");
    let answer = vendor.post_with(&format!("/files/{file}/do/delete"), &[("once", "x")], script);
    assert_eq!((answer.status, answer.header("location")), (204, Some("/files")), "a script goes there by itself");
    assert!(vendor.page("/files").contains("Deleted. Its record ids are free again."));
    assert!(links(&vendor.page("/help")).contains("/files/new"));
}
