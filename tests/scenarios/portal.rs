//! The portal as a browser without scripts meets it: real forms and links, over HTTP.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ledger::Moment;
use usage_ledger::admin;
use usage_ledger::demo::reconcile;

use super::http::{Answer, Body, Request};
use super::sheets;
use super::world::{CONTRACT, Distributor, Operator, PRODUCT, Party, Vendor, World};

const FORM: &str = "application/x-www-form-urlencoded";

/// Somebody at a browser: it keeps cookies, sends forms from its own pages, and goes where it is sent.
pub(super) struct Browser<'a> {
    world: &'a World,
    cookies: RefCell<BTreeMap<String, String>>,
}

impl<'a> Browser<'a> {
    pub(super) fn new(world: &'a World) -> Self {
        Self { world, cookies: RefCell::default() }
    }

    /// A party's, signed in.
    pub(super) fn of(world: &'a World, party: Party) -> Self {
        let browser = Self::new(world);
        let answer = browser.post("/sign-in", &[("key", party.key())]);
        assert_eq!(answer.header("location"), Some("/"), "{answer:?}");
        browser
    }

    /// What it would send, in one line.
    pub(super) fn cookies(&self) -> String {
        let pairs: Vec<String> = self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }

    pub(super) fn send(&self, method: &str, path: &str, site: &str, body: Body<'_>) -> Answer {
        self.send_with(method, path, site, body, None)
    }

    fn send_with(&self, method: &str, path: &str, site: &str, body: Body<'_>, header: Option<(&str, &str)>) -> Answer {
        let cookie = self.cookies();
        let headers: Vec<(&str, &str)> =
            [("Cookie", cookie.as_str()), ("Sec-Fetch-Site", site)].into_iter().chain(header).collect();
        let answer = self.world.request(&Request { method, path, key: None, headers: &headers, body });
        for given in answer.headers("set-cookie") {
            let (name, value) = given.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            self.cookies.borrow_mut().remove(name);
            if !value.is_empty() {
                self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    pub(super) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "same-origin", Body::Nothing)
    }

    pub(super) fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send("POST", path, "same-origin", Body::Text(FORM, &encoded(fields)))
    }

    /// A form that a script sends, with a header of its own.
    pub(super) fn post_with(&self, path: &str, fields: &[(&str, &str)], header: (&str, &str)) -> Answer {
        self.send_with("POST", path, "same-origin", Body::Text(FORM, &encoded(fields)), Some(header))
    }

    /// A workbook with texts in other fields.
    pub(super) fn send_workbook(&self, path: &str, texts: &[(&str, &str)], workbook: &Path) -> Answer {
        self.send("POST", path, "same-origin", Body::Form(texts, "usage_file", workbook))
    }

    /// The page that a form leads to.
    pub(super) fn do_it(&self, path: &str, fields: &[(&str, &str)]) -> String {
        self.arrive(&self.post(path, fields))
    }

    pub(super) fn upload(&self, path: &str, field: &str, workbook: &Path) -> String {
        self.arrive(&self.send("POST", path, "same-origin", Body::Workbook(field, workbook)))
    }

    fn arrive(&self, answer: &Answer) -> String {
        assert_eq!(answer.status, 303, "{answer:?}");
        self.page(answer.header("location").expect("a place to go"))
    }

    /// A page that has to be there.
    pub(super) fn page(&self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        String::from_utf8(answer.body).expect("UTF-8")
    }

    /// A file's page once it shows this.
    pub(super) fn wait(&self, path: &str, shown: &str) -> String {
        self.world.until(shown, || self.page(path).contains(shown));
        self.page(path)
    }
}

fn encoded(fields: &[(&str, &str)]) -> String {
    let escape = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
    pairs.join("&")
}

/// The addresses of this site that a page links to.
pub(super) fn links(page: &str) -> BTreeSet<String> {
    let found = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let here =
        found.filter(|link| link.starts_with('/') && !link.starts_with("/assets/") && !link.starts_with("/openapi"));
    here.map(|link| link.replace("&amp;", "&").replace("&#38;", "&")).collect()
}

#[test]
fn a_file_lives_its_whole_life_in_the_portal() {
    let world = World::new();
    let (vendor, distributor) = (Browser::of(&world, Vendor), Browser::of(&world, Distributor));
    let chosen = format!("product={PRODUCT}&environment=production&provider=PA-000-003&marketplace=MP-38661");
    let last = vendor.page(&format!("/files/new?step=6&{chosen}"));
    assert!(last.contains(&format!("name=\"contract\" value=\"{CONTRACT}\"")), "{last}");
    let fields = [
        ("once", "one-form"),
        ("product", PRODUCT),
        ("contract", CONTRACT),
        ("environment", "production"),
        ("from", "2026-10-01"),
        ("to", "2026-10-31"),
        ("time_zone", "UTC"),
        ("external_id", "mine-1"),
    ];
    let summary = vendor.do_it("/files", &fields);
    assert!(summary.contains("1 Oct 2026 to 31 Oct 2026"), "{summary}");
    let again = vendor.do_it("/files", &fields);
    assert_eq!(links(&summary), links(&again), "a form that is sent twice creates one file");
    let file = links(&summary).into_iter().find(|link| link.starts_with("/files/UF-")).expect("a link to the file");
    let faulty = world.generate_faulty("portal-faulty", 20);
    assert!(vendor.upload(&format!("{file}/upload"), "usage_file", &faulty).contains("was uploaded"));
    let page = vendor.wait(&file, "What is wrong");
    assert!(page.contains("<td class=\"cell\">NO-SUCH-PART</td>") && page.contains("USG_FILE_001"), "{page}");
    let grid = vendor.page(&format!("{file}/records?code=USG_FILE_001"));
    assert_eq!(grid.matches("NO-SUCH-PART").count(), 2, "the value at its cell, and what is said of it: {grid}");
    let record = links(&grid).into_iter().find(|link| link.starts_with("/records/UR-")).expect("a link to the record");
    let record = vendor.page(&record);
    assert!(record.contains("Each cell, to the character") && record.contains("<code>NO-SUCH-PART</code>"), "{record}");
    let (sound, _) = world.generate(CONTRACT, "portal", 60);
    vendor.upload(&format!("{file}/upload"), "usage_file", &sound);
    vendor.wait(&file, "it was not submitted yet");
    assert_eq!(distributor.get(&file).status, 404, "the distributor doesn't see it yet");
    vendor.do_it(&format!("{file}/do/submit"), &[("once", "submit-once")]);
    vendor.wait(&file, "s-pending");
    assert!(distributor.page("/").contains("Waiting for your decision"));
    let page = distributor.do_it(&format!("{file}/do/accept"), &[("acceptance_note", "Thank you & goodbye")]);
    assert!(page.contains("Accepted: its records are extracted for each hub."), "{page}");
    assert!(page.contains("Thank you &#38; goodbye"), "{page}");
    world.chunks(Distributor, file.trim_start_matches("/files/"));
    let page = distributor.page(&file);
    let chunks: Vec<String> = links(&page).into_iter().filter(|link| link.contains("/chunks/")).collect();
    assert_eq!(chunks.len(), 3, "{page}");
    for (number, chunk) in chunks.iter().enumerate() {
        let (from, to) = (world.path("portal-chunk.xlsx"), world.path(&format!("portal-back-{number}.xlsx")));
        std::fs::write(&from, distributor.get(chunk).body).unwrap();
        reconcile(&from, &to, &world.path(""), Moment(0)).expect("the chunk's workbook is whole");
        distributor.upload(&format!("{file}/reconciliation"), "recon_file", &to);
    }
    let page = vendor.wait(&file, "every record of it is billed");
    let history = format!("usage/{}/history?surface=portal&limit=1000", file.trim_start_matches('/'));
    let history = world.ours(Operator, "GET", &history, Body::Nothing).expect(200);
    let done = history.as_array().expect("lines").iter().map(|line| line["fact"].as_str().expect("a fact"));
    let done: BTreeSet<&str> = done.collect();
    let all = ["FileCreated", "UploadOpened", "FileSubmitted", "FileAccepted", "ReconciliationReceived"];
    assert!(all.iter().all(|fact| done.contains(fact)), "all of it was done in the portal: {done:?}");
    assert!(page.contains("accepted the file") && page.contains("Thank you &#38; goodbye"), "{page}");
    let then = vendor.page(&format!("{file}?step=1"));
    assert!(then.contains("This is the file as it was") && then.contains("s-draft"), "{then}");
    assert!(!then.contains("method=\"post\" action=\"/files"), "nothing can be done with the past: {then}");
    let link = vendor.get(&format!("{file}/download/processed"));
    let workbook = vendor.get(link.header("location").expect("a link"));
    assert!(workbook.body.starts_with(b"PK") && !sheets::unpacked(&workbook.body).is_empty());
}

#[test]
fn what_is_refused_is_said_and_changes_nothing() {
    let world = World::new();
    let (vendor, distributor) = (Browser::of(&world, Vendor), Browser::of(&world, Distributor));
    let file = world.ready(CONTRACT, "portal-refused", 10);
    let before = world.digests();
    type Case<'a> = (&'a Browser<'a>, String, &'a str, &'a str, u16, &'a str);
    let cases: [Case<'_>; 7] = [
        (&vendor, format!("/files/{file}/do/accept"), "same-origin", "", 403, "This was refused"),
        (&vendor, format!("/files/{file}/do/burn"), "same-origin", "", 404, "There is no such page"),
        (&vendor, format!("/files/{file}/do/submit"), "cross-site", "", 403, "not sent from a page of this portal"),
        (&vendor, format!("/files/{file}/do/submit"), "none", "", 403, "not sent from a page of this portal"),
        (&distributor, format!("/files/{file}/do/delete"), "same-origin", "", 404, "Not found"),
        (&vendor, "/files/..%2F..%2Fkeys/do/submit".to_owned(), "same-origin", "", 404, "There is no such page"),
        (&vendor, "/files".to_owned(), "same-origin", "product=PRD-1&contract=CRD-1", 400, "This was refused"),
    ];
    for (browser, path, site, form, status, told) in cases {
        let answer = browser.send("POST", &path, site, Body::Text(FORM, form));
        let page = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(answer.status == status && page.contains(told), "{path} from {site}: {} {page}", answer.status);
    }
    assert_eq!(world.digests(), before);
}

#[test]
fn a_session_is_as_good_as_its_key() {
    let world = World::new();
    let browser = Browser::new(&world);
    let asked = browser.get("/files?status=pending");
    assert_eq!(asked.header("location"), Some("/sign-in?back=%2Ffiles%3Fstatus%3Dpending"));
    for (key, told) in [("SU-000-000-001:wrong", "known, or was revoked"), ("nonsense", "A key looks like")] {
        let answer = browser.post("/sign-in", &[("key", key)]);
        let page = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(answer.status == 401 && page.contains(told), "{key}: {page}");
        assert!(!page.contains(key), "a key isn't shown again");
    }
    let elsewhere = browser.post("/sign-in", &[("key", Vendor.key()), ("back", "//elsewhere.example")]);
    assert_eq!(elsewhere.header("location"), Some("/"));
    let there = browser.post("/sign-in", &[("key", Vendor.key()), ("back", "/files?status=pending")]);
    assert_eq!(there.header("location"), Some("/files?status=pending"));
    let cookie = there.header("set-cookie").expect("a cookie");
    for part in ["__Host-session=", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(browser.page("/files").contains("Front Street"));
    world.let_pass(2 * 60 * 60 + 1);
    assert_eq!(browser.get("/files").status, 303, "nobody was there for two hours");
    let browser = Browser::of(&world, Vendor);
    let revoked = admin::Request::RevokeKey { key: "SU-000-000-001".to_owned() };
    world.wait_for(admin::perform(world.product(), revoked)).expect("the key is known");
    assert_eq!(browser.get("/files").status, 303, "the key was revoked");
    let browser = Browser::of(&world, Distributor);
    browser.post("/sign-out", &[]);
    assert_eq!(browser.get("/files").status, 303, "signed out");
}
