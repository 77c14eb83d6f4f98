//! Webhooks: somebody who listens is told of every change of a file's status that its account may know of, in order,
//! whatever it or the product misses meanwhile, and nobody else learns anything.
//!
//! Method: a real receiver on this machine, which takes calls or answers 503. What it is told is compared whole, each
//! event once, since a change may be told twice.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use ledger::Hash;
use serde_json::{Value, json};

use super::http::{Answer, Body};
use super::world::{CONTRACT, Distributor, Operator, OtherVendor, PREVIEW_CONTRACT, PRODUCT, Party, Vendor, World};

const WEBHOOKS: &str = "notifications/webhooks";

/// What a receiver was told.
#[derive(Clone)]
struct Told {
    /// Below its address: who was called.
    path: String,
    head: String,
    body: String,
}

impl Told {
    fn header(&self, name: &str) -> &str {
        let named = |line: &&str| line.split(':').next().is_some_and(|found| found.eq_ignore_ascii_case(name));
        let line = self.head.lines().find(named).unwrap_or_else(|| panic!("no {name}: {}", self.head));
        line.split_once(':').expect("a header").1.trim()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// The change, and of which file.
    fn change(&self) -> (String, String) {
        let file = self.json()["id"].as_str().expect("an id").to_owned();
        (file, self.header("x-usage-ledger-status").to_owned())
    }
}

#[derive(Default)]
struct Heard {
    taken: Mutex<Vec<Told>>,
    /// Calls that were answered 503.
    refused: AtomicUsize,
    down: AtomicBool,
    closed: AtomicBool,
}

/// Somebody who listens on this machine.
struct Receiver {
    address: SocketAddr,
    heard: Arc<Heard>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.heard.closed.store(true, Ordering::SeqCst);
        // The listener looks at it with the next connection.
        drop(TcpStream::connect(self.address));
        drop(self.thread.take().map(thread::JoinHandle::join));
    }
}

impl Receiver {
    fn new() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let heard = Arc::<Heard>::default();
        let own = heard.clone();
        let serve = move || {
            while let Ok((stream, _)) = listener.accept() {
                if own.closed.load(Ordering::SeqCst) {
                    return;
                }
                // Whoever breaks off is called again.
                drop(answer(stream, &own));
            }
        };
        Self { address, heard, thread: Some(thread::spawn(serve)) }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    fn set_down(&self, down: bool) {
        self.heard.down.store(down, Ordering::SeqCst);
    }

    fn refused(&self) -> usize {
        self.heard.refused.load(Ordering::SeqCst)
    }

    /// What was told below a path, each event once.
    fn told(&self, path: &str) -> Vec<Told> {
        let mut told: Vec<Told> = Vec::new();
        for one in self.heard.taken.lock().unwrap().iter().filter(|one| one.path == path) {
            let event = one.header("x-usage-ledger-event");
            if !told.iter().any(|known| known.header("x-usage-ledger-event") == event) {
                told.push(one.clone());
            }
        }
        told
    }

    fn changes(&self, path: &str) -> Vec<(String, String)> {
        self.told(path).iter().map(Told::change).collect()
    }

    /// The statuses of one file.
    fn statuses(&self, path: &str, file: &str) -> Vec<String> {
        self.changes(path).into_iter().filter(|(of, _)| of == file).map(|(_, status)| status).collect()
    }
}

fn answer(mut stream: TcpStream, heard: &Heard) -> std::io::Result<()> {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    let whole = |bytes: &[u8]| {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let length =
            head.to_ascii_lowercase().split("content-length: ").nth(1)?.lines().next()?.parse::<usize>().ok()?;
        let body = bytes.get(end + 4..end + 4 + length)?;
        Some((head, String::from_utf8_lossy(body).into_owned()))
    };
    let (head, body) = loop {
        let read = stream.read(&mut piece)?;
        if read == 0 {
            return Ok(());
        }
        bytes.extend_from_slice(&piece[..read]);
        if let Some(found) = whole(&bytes) {
            break found;
        }
    };
    let path = head.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
    if heard.down.load(Ordering::SeqCst) {
        heard.refused.fetch_add(1, Ordering::SeqCst);
        return stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
    }
    heard.taken.lock().unwrap().push(Told { path, head, body });
    stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
}

/// A product that may call this machine.
fn world() -> World {
    World::tuned(|settings| settings.webhooks_to_private = true)
}

fn create(world: &World, party: Party, url: &str) -> Answer {
    world.post(party, WEBHOOKS, &json!({ "label": "Hook", "object_class": "usage_file", "external_url": url }))
}

fn made(world: &World, party: Party, url: &str) -> Value {
    create(world, party, url).expect(201)
}

fn one(webhook: &Value) -> String {
    format!("{WEBHOOKS}/{}", webhook["id"].as_str().expect("an id"))
}

fn put(world: &World, party: Party, webhook: &Value, body: &Value) -> Answer {
    world.send(party, "PUT", &one(webhook), Body::Json(body))
}

/// HMAC-SHA-256 (RFC 2104), made of the hash alone: what the product's library does is held to it.
fn hmac(key: &[u8], words: &[u8]) -> [u8; 32] {
    let mut block = [0; 64];
    let key = if key.len() > block.len() { Hash::of(key).0.to_vec() } else { key.to_vec() };
    block[..key.len()].copy_from_slice(&key);
    let padded = |pad: u8, rest: &[u8]| Hash::of(&[&block.map(|byte| byte ^ pad), rest].concat()).0;
    padded(0x5c, &padded(0x36, words))
}

/// Reads base 64 as URLs have it.
fn unbase64(text: &str) -> Vec<u8> {
    let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for letter in text.chars() {
        bits = bits << 6 | u32::try_from(digits.find(letter).expect("a digit")).expect("a small number");
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).expect("a byte"));
        }
    }
    bytes
}

/// Whether a call is signed as its webhook says; gives what the token claims.
fn claims(told: &Told, webhook: &Value) -> Value {
    let token = told.header("authorization").strip_prefix("Bearer ").expect("a bearer").to_owned();
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    let secret = webhook["jwt_secret"].as_str().expect("a secret");
    assert_eq!(unbase64(signature), hmac(secret.as_bytes(), signed.as_bytes()), "{token}");
    let part = |text: &str| serde_json::from_slice::<Value>(&unbase64(text)).expect("JSON");
    let (header, claims) = signed.split_once('.').expect("two parts");
    assert_eq!(part(header), json!({ "alg": "HS256", "typ": "JWT" }));
    part(claims)
}

/// A file without links, which are others each time.
fn without_links(mut file: Value) -> Value {
    file.as_object_mut().expect("a file").retain(|name, _| !name.ends_with("_uri"));
    file
}

#[test]
fn a_life_is_told_in_order_to_whom_it_concerns() {
    let (world, receiver) = (world(), Receiver::new());
    let parties = [(Vendor, "vendor"), (Distributor, "distributor"), (Operator, "operator"), (OtherVendor, "stranger")];
    let hooks = parties.map(|(party, path)| made(&world, party, &receiver.url(path)));
    let other = json!({ "product_id": "PRD-404-832-780", "active": true });
    let preview = world.accepted(PREVIEW_CONTRACT, "preview", 5);
    let file = world.create_with(&json!({
        "contract": { "id": CONTRACT }, "product": { "id": PRODUCT }, "external_id": "for-the-vendor-only",
    }));
    world.upload(&file, &world.generate(CONTRACT, "told", 20).0).expect(201);
    world.reach(&file, "ready");
    world.submit(&file);
    world.act(Distributor, &file, "accept").expect(201);
    world.close(Distributor, &file);
    let closed = world.reach(&file, "closed");
    for path in ["vendor", "distributor", "operator"] {
        world.until(path, || receiver.statuses(path, &file).last().is_some_and(|status| status == "closed"));
    }
    let life = ["draft", "uploaded", "processing", "ready", "pending", "accepted", "closed"];
    assert_eq!(receiver.statuses("vendor", &file), life);
    assert_eq!(receiver.statuses("operator", &file), life);
    assert_eq!(receiver.statuses("vendor", &preview), life[..6]);
    let own = |status: &&str| (file.clone(), (*status).to_owned());
    let told: Vec<_> = life[4..].iter().map(own).collect();
    assert_eq!(receiver.changes("distributor"), told, "nothing of drafts or previews");
    assert_eq!(receiver.changes("stranger"), [], "nothing of others");

    // What is told is what the account reads, and signed for it.
    for ((party, path), hook) in parties.iter().zip(&hooks).take(3) {
        let last = receiver.told(path).pop().expect("calls");
        let shown = world.get(*party, &format!("usage/files/{file}")).expect(200);
        assert_eq!(without_links(last.json()), without_links(shown), "{party:?}");
        let told = claims(&last, hook);
        assert_eq!([&told["sub"], &told["aud"]], [&hook["id"], &hook["account_id"]]);
        assert_eq!(told["jti"], last.header("x-usage-ledger-event"));
        assert_eq!(told["body_sha256"], Hash::of(last.body.as_bytes()).to_string());
        assert_eq!(last.header("content-type"), "application/json");
        assert!(world.get(*party, &one(hook)).expect(200)["last_success_at"].is_string());
    }
    assert_eq!(closed["external_id"], "for-the-vendor-only");
    let heard = receiver.told("distributor");
    assert!(heard.iter().all(|told| !told.body.contains("for-the-vendor-only")), "the vendor's own id");
    // What isn't its account's to hear of can't be asked for either.
    assert_eq!(put(&world, OtherVendor, &hooks[3], &other).refusal(), (400, "VAL_001".to_owned()));
}

#[test]
fn nothing_is_lost_while_the_receiver_or_the_product_is_away() {
    let (mut world, receiver) = (world(), Receiver::new());
    let hook = made(&world, Vendor, &receiver.url("vendor"));
    let first = world.create(CONTRACT);
    world.until("the first call", || receiver.changes("vendor").len() == 1);
    receiver.set_down(true);
    let mut files = vec![first];
    for round in 1..=2 {
        let refused = receiver.refused();
        files.extend((0..3).map(|_| world.create(CONTRACT)));
        world.until("a call that is refused", || receiver.refused() > refused);
        let shown = world.wait(Vendor, &one(&hook), |shown| shown["last_failure"].is_string());
        assert_eq!((&shown["last_failure"], &shown["given_up"]), (&json!("answered 503"), &Value::Null));
        assert_eq!(receiver.changes("vendor").len(), 1, "round {round}");
        world.restart();
    }
    receiver.set_down(false);
    let drafts: Vec<_> = files.iter().map(|file| (file.clone(), "draft".to_owned())).collect();
    world.until("all of them", || receiver.changes("vendor").len() == drafts.len());
    assert_eq!(receiver.changes("vendor"), drafts);
    // What was told isn't told again by a start, and its secret is the same.
    world.until("a place on the disk", || world.get(Vendor, &one(&hook)).json()["last_success_at"].is_string());
    let before = receiver.heard.taken.lock().unwrap().len();
    world.restart();
    let last = world.create(CONTRACT);
    world.until("the last one", || receiver.changes("vendor").last().is_some_and(|(file, _)| *file == last));
    assert!(receiver.heard.taken.lock().unwrap().len() <= before + 2, "at most the one whose answer was lost again");
    claims(&receiver.told("vendor").pop().expect("calls"), &hook);
}

#[test]
fn what_nobody_takes_for_a_day_is_given_up() {
    let (mut world, receiver) = (world(), Receiver::new());
    let [deaf, other] = ["deaf", "other"].map(|path| made(&world, Vendor, &receiver.url(path)));
    let nowhere = json!({ "external_url": "http://127.0.0.1:1/" });
    put(&world, Vendor, &deaf, &nowhere).expect(200);
    let file = world.create(CONTRACT);
    world.wait(Vendor, &one(&deaf), |shown| shown["last_failure"] == "could not be reached");
    world.until("the other one", || receiver.changes("other").len() == 1);
    world.let_pass(25 * 3_600);
    world.restart();
    world.wait(Vendor, &one(&deaf), |shown| shown["given_up"] == 1);
    assert!(world.get(Vendor, &one(&other)).expect(200)["given_up"].is_null(), "others are told");
    // What comes later is told again.
    put(&world, Vendor, &deaf, &json!({ "external_url": receiver.url("deaf") })).expect(200);
    let later = world.create(CONTRACT);
    world.until("the later one", || receiver.changes("deaf").len() == 1);
    assert_eq!(receiver.changes("deaf"), [(later, "draft".to_owned())], "{file} is given up");
}

/// Goal: a clock that jumps loses nobody a change, and holds none up. Method: a change is refused until after the clock was
/// set ahead by 35 days, another one until after it was set back.
#[test]
fn what_is_told_again_goes_by_no_clock() {
    let (world, receiver) = (world(), Receiver::new());
    made(&world, Vendor, &receiver.url("hook"));
    let mut told = Vec::new();
    for jump in [35 * 86_400, -36 * 86_400] {
        receiver.set_down(true);
        let refused = receiver.refused();
        told.push((world.create(CONTRACT), "draft".to_owned()));
        world.until("a call", || receiver.refused() > refused);
        world.let_pass(jump);
        let refused = receiver.refused();
        world.until("another call", || receiver.refused() > refused);
        receiver.set_down(false);
        world.until("the change", || receiver.changes("hook") == told);
    }
}

#[test]
fn one_that_is_switched_off_or_deleted_is_silent() {
    let (world, receiver) = (world(), Receiver::new());
    let [hook, witness] = ["hook", "witness"].map(|path| made(&world, Vendor, &receiver.url(path)));
    let told = |count: usize| world.until("the witness", || receiver.changes("witness").len() == count);
    let quiet = put(&world, Vendor, &hook, &json!({ "active": false })).expect(200);
    assert_eq!((&quiet["active"], &quiet["jwt_secret"]), (&json!(false), &hook["jwt_secret"]));
    world.create(CONTRACT);
    told(1);
    put(&world, Vendor, &hook, &json!({ "active": true })).expect(200);
    let heard = world.create(CONTRACT);
    told(2);
    world.until("the hook", || !receiver.changes("hook").is_empty());
    assert_eq!(receiver.changes("hook"), [(heard, "draft".to_owned())], "nothing of what was while it was off");
    assert_eq!(world.send(Vendor, "DELETE", &one(&hook), Body::Nothing).status, 204);
    assert_eq!(world.get(Vendor, &one(&hook)).refusal(), (404, "NFND_000".to_owned()));
    world.create(CONTRACT);
    told(3);
    assert_eq!(receiver.changes("hook").len(), 1);
    let list = world.get(Vendor, WEBHOOKS).expect(200);
    assert_eq!(list.as_array().expect("a list").len(), 1);
    assert_eq!(list[0]["id"], witness["id"]);
}

#[test]
fn nobody_else_sees_a_webhook_or_its_secret() {
    let world = World::new();
    let hook = made(&world, Vendor, "https://usage.example/hook");
    for party in [Distributor, OtherVendor] {
        assert_eq!(world.get(party, &one(&hook)).refusal(), (404, "NFND_000".to_owned()), "{party:?}");
        assert_eq!(world.get(party, WEBHOOKS).total(), 0, "{party:?}");
        assert_eq!(put(&world, party, &hook, &json!({ "active": false })).refusal().0, 404, "{party:?}");
        assert_eq!(world.send(party, "DELETE", &one(&hook), Body::Nothing).refusal().0, 404, "{party:?}");
    }
    let secret = hook["jwt_secret"].as_str().expect("a secret");
    let seen = world.get(Operator, &one(&hook)).expect(200);
    assert_eq!((&seen["external_url"], &seen["jwt_secret"]), (&hook["external_url"], &Value::Null));
    assert!(!world.get(Operator, WEBHOOKS).expect(200).to_string().contains(secret));
    assert_ne!(made(&world, Vendor, "https://usage.example/hook")["jwt_secret"], hook["jwt_secret"]);
    // It is in no log: what is on the disk may be read by those who audit.
    let mut folders = vec![world.data_of(ledger::HostId::new(ledger::ServiceName::Catalog, 0)).join("log")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else {
                let bytes = std::fs::read(&entry).expect("a file");
                assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{}", entry.display());
            }
        }
    }
}

/// What may not be called is refused when it is said, or else when it is called: `usage-ledger`'s own tests have every
/// spelling.
#[test]
fn this_machine_is_not_called_unless_the_server_is_told_to() {
    let (world, receiver) = (World::new(), Receiver::new());
    let port = receiver.address.port();
    for url in [receiver.url(""), format!("https://127.0.0.1:{port}/"), format!("https://localhost:{port}/")] {
        let refused = create(&world, Vendor, &url);
        assert_eq!(refused.refusal(), (400, "VAL_001".to_owned()), "{url}");
        assert!(refused.json()["errors"][0].as_str().is_some_and(|text| text.starts_with("external_url: ")), "{url}");
    }
    let hidden = made(&world, Vendor, &format!("https://2130706433:{port}/"));
    world.create(CONTRACT);
    let shown = world.wait(Vendor, &one(&hidden), |shown| shown["last_failure"].is_string());
    assert_eq!(shown["last_failure"], "leads to an address that is not in the open network");
    assert_eq!((receiver.heard.taken.lock().unwrap().len(), receiver.refused()), (0, 0));
}

#[test]
fn a_list_is_filtered_and_terms_are_refused_by_field() {
    let world = World::new();
    let terms = |label: &str| {
        json!({
            "label": label, "object_class": "usage_file", "external_url": "https://usage.example/hook", "active": false,
        })
    };
    for label in ["one", "two", "three"] {
        world.post(Vendor, WEBHOOKS, &terms(label)).expect(201);
    }
    let mut own = terms("four");
    own["headers"] = json!({ "X-Hub": "1" });
    own["product_id"] = json!(PRODUCT);
    own["jwt_secret"] = json!("JWT-of-the-client");
    let shown = world.post(Vendor, WEBHOOKS, &own).expect(201);
    assert_eq!([&shown["headers"], &shown["product_id"]], [&own["headers"], &own["product_id"]]);
    assert_ne!(shown["jwt_secret"], own["jwt_secret"], "the ledger's own");
    for (query, count) in [
        ("", 4),
        ("label=two", 1),
        ("active=false", 4),
        ("active=true", 0),
        ("like(label,t*)", 2),
        (&format!("product_id={PRODUCT}"), 1),
        ("search=three", 1),
        ("object_class=usage_file&limit=2", 4),
    ] {
        assert_eq!(world.get(Vendor, &format!("{WEBHOOKS}?{query}")).total(), count, "{query}");
    }
    let ordered = world.get(Vendor, &format!("{WEBHOOKS}?ordering(-id)&select(-headers)")).expect(200);
    assert_eq!(ordered[0]["label"], "four");
    for (field, value) in [
        ("object_class", json!("fulfillment_request")),
        ("object_class", Value::Null),
        ("http_method", json!("GET")),
        ("http_content_type", json!("application/x-www-form-urlencoded")),
        ("headers", json!(["X-Hub"])),
        ("headers", json!({ "X-Hub": 1 })),
        ("product_id", json!("not an id")),
        ("active", json!("perhaps")),
        ("label", json!("")),
        ("external_url", json!("ftp://usage.example/")),
    ] {
        let mut body = terms("five");
        body[field] = value.clone();
        let refused = world.post(Vendor, WEBHOOKS, &body);
        let told = refused.json()["errors"][0].as_str().unwrap_or_default().to_owned();
        assert!(refused.status == 400 && told.starts_with(&format!("{field}: ")), "{field} {value}: {refused:?}");
    }
}
