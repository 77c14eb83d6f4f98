//! Goal: nobody is told what is another's, in any page, fragment, chart, download, list or refusal. Method: a marker of its
//! own stands in every text of every object of the catalog and in every field that somebody fills in; each says who may
//! come across it. Each party follows every link from its start page; then each asks for everything that any of them saw,
//! sends every form that only others have, and all of it is searched, workbooks unpacked.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::http::{Answer, Body, Request};
use super::portal::{Browser, links};
use super::sheets;
use super::world::{
    CONTRACT, Distributor, OTHER_CONTRACT, Operator, OtherDistributor, OtherVendor, PRODUCT, Party, RESOLD_CONTRACT,
    Reseller, Vendor, World, demo_catalog,
};

const PARTIES: [Party; 6] = [Vendor, OtherVendor, Distributor, OtherDistributor, Reseller, Operator];
/// What every marker begins with; its number follows.
const PREFIX: &str = "zqx";
const DIGITS: usize = 5;
/// Members of the catalog's objects that are texts for people or for others' systems.
const TEXTS: [&str; 9] =
    ["name", "title", "description", "short_description", "mpn", "external_id", "external_uid", "value", "hint"];
/// The lists of the API, which no page shows whole.
const LISTS: [&str; 17] = [
    "usage/files",
    "usage/records",
    "usage/chunks",
    "usage/reconciliations",
    "usage/aggregates",
    "notifications/webhooks",
    "accounts",
    "hubs",
    "marketplaces",
    "products",
    "contracts",
    "listings",
    "assets",
    "subscriptions/assets",
    "/sessions",
    "/api-keys",
    "/events",
];

/// A text that stands nowhere else: what it is, and who may come across it.
struct Marker {
    what: String,
    audience: Vec<Party>,
}

#[derive(Default)]
struct Markers(Vec<Marker>);

impl Markers {
    fn make(&mut self, what: &str, audience: &[Party]) -> String {
        let number = self.0.len();
        self.0.push(Marker { what: what.to_owned(), audience: [audience, &[Operator]].concat() });
        format!("{PREFIX}{number:0DIGITS$}")
    }

    /// Puts a marker in the place of every text of an object, and leaves names of other objects to them.
    fn mark(&mut self, object: &mut Value, what: &str, audience: &[Party], known: &BTreeSet<String>) {
        match object {
            Value::Array(items) => items.iter_mut().for_each(|item| self.mark(item, what, audience, known)),
            Value::Object(members) => {
                let refers = members.get("id").and_then(Value::as_str).is_some_and(|id| known.contains(id));
                for (name, value) in members.iter_mut() {
                    let what = format!("{what}.{name}");
                    match value {
                        Value::String(text) if TEXTS.contains(&name.as_str()) && !refers => {
                            *text = self.make(&what, audience);
                        }
                        // Parameters are named by what subscriptions call them.
                        Value::Array(_) if name == "parameters" => {}
                        _ => self.mark(value, &what, audience, known),
                    }
                }
                if refers {
                    members.remove("name");
                }
            }
            _ => {}
        }
    }
}

/// The numbers of the markers in some bytes.
fn found(bytes: &[u8]) -> BTreeSet<usize> {
    let starts = bytes.windows(PREFIX.len()).enumerate().filter(|(_, window)| *window == PREFIX.as_bytes());
    let number = |(at, _)| {
        let digits = bytes.get(at + PREFIX.len()..at + PREFIX.len() + DIGITS)?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    };
    starts.filter_map(number).collect()
}

fn found_in(answer: &Answer) -> BTreeSet<usize> {
    let mut all = found(answer.head.as_bytes());
    all.extend(found(&answer.body));
    if answer.body.starts_with(b"PK") {
        all.extend(found(&sheets::unpacked(&answer.body)));
    }
    all
}

fn party(account: &str) -> Party {
    match account {
        "VA-000-001" => Vendor,
        "VA-000-002" => OtherVendor,
        "PA-000-003" => Distributor,
        "PA-000-004" => OtherDistributor,
        "PA-000-005" => Reseller,
        _ => Operator,
    }
}

/// Who trades with whom: from a contract to the two parties of it.
fn trades(catalog: &Value) -> BTreeMap<String, Vec<Party>> {
    let of = |contract: &Value| {
        let sides = ["/owner/id", "/issuer/id"].into_iter().filter_map(|path| contract.pointer(path)?.as_str());
        (id(contract), sides.map(party).collect())
    };
    objects(catalog, "contracts").map(of).collect()
}

fn objects<'a>(catalog: &'a Value, kind: &str) -> impl Iterator<Item = &'a Value> {
    catalog[kind].as_array().expect("a list").iter()
}

fn id(object: &Value) -> String {
    object["id"].as_str().expect("an id").to_owned()
}

/// Who may come across the texts of an object: whoever has to do with it by a contract.
fn audience(kind: &str, object: &Value, catalog: &Value) -> Vec<Party> {
    let trades = trades(catalog);
    let partners = |account: &str| -> Vec<Party> {
        let own = party(account);
        let shared = trades.values().filter(|sides| sides.contains(&own)).flatten().copied();
        shared.chain([own]).collect()
    };
    let at = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let market = |id: &str| -> Vec<Party> {
        let held = objects(catalog, "contracts").filter(|contract| contract["marketplace"]["id"] == id);
        held.flat_map(|contract| trades[contract["id"].as_str().expect("an id")].clone()).collect()
    };
    match kind {
        "accounts" => partners(at("/id")),
        "api_keys" => partners(at("/account/id")),
        "marketplaces" => [market(at("/id")), vec![party(at("/owner/id"))]].concat(),
        "hubs" => {
            let has = |place: &&Value| place["hubs"].to_string().contains(at("/id"));
            objects(catalog, "marketplaces").filter(has).flat_map(|place| market(&id(place))).collect()
        }
        "products" => {
            let listed = objects(catalog, "listings").filter(|listing| listing["product"]["id"] == at("/id"));
            let traded = listed.flat_map(|listing| trades[listing["contract"]["id"].as_str().expect("an id")].clone());
            traded.chain([party(at("/owner/id"))]).collect()
        }
        "contracts" => trades[at("/id")].clone(),
        "listings" | "assets" => trades[at("/contract/id")].clone(),
        other => panic!("who sees {other}?"),
    }
}

/// The demo catalog with a marker in every text.
fn marked(markers: &mut Markers) -> Value {
    let whole = demo_catalog();
    let mut catalog = whole.clone();
    let kinds: Vec<String> = whole.as_object().expect("kinds").keys().cloned().collect();
    let kinds = kinds.into_iter().filter(|kind| whole[kind].is_array());
    let lists = ["accounts", "hubs", "marketplaces", "products", "contracts", "listings", "assets", "api_keys"];
    let known: BTreeSet<String> = lists.iter().flat_map(|kind| objects(&whole, kind).map(id)).collect();
    for kind in kinds {
        for (place, object) in objects(&whole, &kind).enumerate() {
            let audience = audience(&kind, object, &whole);
            let others = known.iter().filter(|other| **other != id(object)).cloned().collect();
            markers.mark(&mut catalog[&kind][place], &id(object), &audience, &others);
        }
    }
    catalog
}

/// A contract that is reported under, with what a record of it may be about.
struct Trade {
    sides: [Party; 2],
    contract: &'static str,
    product: &'static str,
    subscription: String,
    item: String,
}

fn trade(catalog: &Value, sides: [Party; 2], contract: &'static str, product: &'static str) -> Trade {
    let mut assets = objects(catalog, "assets")
        .filter(|it| it["status"] == "active" && it["contract"]["id"] == contract && it["product"]["id"] == product);
    let subscription = id(assets.next().expect("a subscription"));
    let sold = objects(catalog, "products").find(|it| it["id"] == product).expect("the product");
    let item = sold["items"][0]["mpn"].as_str().expect("a part number").to_owned();
    Trade { sides, contract, product, subscription, item }
}

/// Files of a trade in every state that somebody writes something into: every field has a marker.
fn live(world: &World, markers: &mut Markers, trade: &Trade) {
    let [vendor, provider] = trade.sides;
    let name = format!("{vendor:?}-{provider:?}");
    let draft = |markers: &mut Markers, state: &str, audience: &[Party]| {
        let mut body = json!({ "contract": { "id": trade.contract }, "product": { "id": trade.product } });
        for field in ["name", "description", "note"] {
            body[field] = json!(markers.make(&format!("{name} {state}.{field}"), audience));
        }
        body["external_id"] = json!(markers.make(&format!("{name} {state}.external_id"), &[vendor]));
        let made = world.post(vendor, "usage/files", &body).expect(201);
        id(&made)
    };
    let upload = |markers: &mut Markers, file: &str, state: &str, audience: &[Party], wrong: &[(&str, &str)]| {
        let cells = ["record_id", "record_note", "v.Mark"];
        let cells: Vec<(&str, String)> = cells
            .into_iter()
            .map(|cell| (cell, markers.make(&format!("{name} {state}.{cell}"), audience)))
            .chain(wrong.iter().map(|(cell, text)| (*cell, (*text).to_owned())))
            .collect();
        let path = world.path(&format!("{}.xlsx", markers.make(&format!("{name} {state}.filename"), audience)));
        sheets::marked(&path, &cells, &trade.subscription, &trade.item);
        let to = format!("usage/files/{file}/upload");
        world.send(vendor, "POST", &to, Body::Workbook("usage_file", &path)).expect(201);
        let shown = world.wait(vendor, &format!("usage/files/{file}"), |shown| {
            ["ready", "invalid"].iter().any(|status| shown["status"] == *status)
        });
        assert_eq!(shown["status"] == "invalid", !wrong.is_empty(), "{shown:#}");
    };
    let act = |party: Party, file: &str, action: &str, body: &Value| {
        world.post(party, &format!("usage/files/{file}/{action}"), body).expect(201);
    };
    draft(markers, "draft", &[vendor]);
    let invalid = draft(markers, "invalid", &[vendor]);
    let raw = markers.make(&format!("{name} invalid.quantity"), &[vendor]);
    upload(markers, &invalid, "invalid", &[vendor], &[("quantity", &raw)]);
    let rejected = draft(markers, "rejected", &[vendor, provider]);
    upload(markers, &rejected, "rejected", &[vendor, provider], &[]);
    act(vendor, &rejected, "submit", &json!({}));
    let note = markers.make(&format!("{name} rejected.rejection_note"), &[vendor, provider]);
    act(provider, &rejected, "reject", &json!({ "rejection_note": note }));
    let accepted = draft(markers, "accepted", &[vendor, provider]);
    upload(markers, &accepted, "accepted", &[vendor, provider], &[]);
    act(vendor, &accepted, "submit", &json!({}));
    let note = markers.make(&format!("{name} accepted.acceptance_note"), &[vendor, provider]);
    act(provider, &accepted, "accept", &json!({ "acceptance_note": note }));
    let chunk = id(&world.chunks(provider, &accepted)[0]);
    let external = json!({ "external_id": markers.make(&format!("{name} chunk.external_id"), &[provider]) });
    world.send(provider, "PUT", &format!("usage/chunks/{chunk}"), Body::Json(&external)).expect(200);
    let mut billed = |field: &str| markers.make(&format!("{name} billing.{field}"), &[vendor, provider]);
    let (billing, note) = (billed("id"), billed("note"));
    let record = id(&world.records(provider, &accepted)[0]);
    let body = json!({ "external_billing_id": billing, "external_billing_note": note });
    world.post(provider, &format!("usage/records/{record}/close"), &body).expect(201);
    let again = world.post(provider, &format!("usage/records/{record}/close"), &body);
    assert!(again.status < 500, "a refusal is kept, too: {again:?}");
}

/// What an account keeps here beside files: a webhook, a key, a session.
fn settle(world: &World, markers: &mut Markers, own: Party, account: &str) {
    let mut make = |field: &str| markers.make(&format!("{own:?} {field}"), &[own]);
    let hook = json!({
        "label": make("webhook.label"),
        "description": make("webhook.description"),
        "object_class": "usage_file",
        "active": false,
        "external_url": format!("https://{}.example/{}", make("webhook.host"), make("webhook.path")),
        "headers": { "X-Mark": make("webhook.header") },
    });
    world.post(own, "notifications/webhooks", &hook).expect(201);
    let key = json!({ "account": { "id": account }, "name": make("key.name") });
    world.ours(Operator, "POST", "api-keys", Body::Json(&key)).expect(201);
    let agent = make("session.agent");
    let (headers, nothing) = ([("User-Agent", agent.as_str())], json!({}));
    let body = Body::Json(&nothing);
    let request =
        Request { method: "POST", path: "/ledger/v1/sessions", key: Some(own.key()), headers: &headers, body };
    world.request(&request).expect(201);
}

/// Every address that a page leads to: links, and the fragments that are loaded into it.
fn leads(page: &str) -> BTreeSet<String> {
    let fragments = page.split("hx-get=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let fragments = fragments.map(|path| path.replace("&amp;", "&").replace("&#38;", "&"));
    links(page).into_iter().chain(fragments).collect()
}

fn forms(page: &str) -> BTreeSet<String> {
    let posts = page.split("<form ").skip(1).filter_map(|rest| rest.split('>').next());
    let posts = posts.filter(|form| form.contains("method=\"post\""));
    posts.filter_map(|form| form.split("action=\"").nth(1)?.split('"').next().map(str::to_owned)).collect()
}

/// What a party sees: answers by address, and the forms on them.
#[derive(Default)]
struct Walk {
    answers: BTreeMap<String, Answer>,
    forms: BTreeSet<String>,
}

fn walk(browser: &Browser<'_>) -> Walk {
    let (mut walk, mut open) = (Walk::default(), BTreeSet::from(["/".to_owned()]));
    while let Some(path) = open.pop_first() {
        let answer = browser.get(&path);
        if let Ok(page) = std::str::from_utf8(&answer.body) {
            walk.forms.extend(forms(page));
            let next = leads(page).into_iter().chain(answer.header("location").map(str::to_owned));
            open.extend(next.filter(|next| next.starts_with('/') && *next != path && !walk.answers.contains_key(next)));
        }
        walk.answers.insert(path, answer);
    }
    walk
}

/// What was seen that should not have been, and what was seen at all.
struct Watch<'a> {
    markers: &'a Markers,
    leaks: Vec<String>,
    seen: BTreeSet<usize>,
}

impl Watch<'_> {
    fn look(&mut self, party: Party, what: &str, answer: &Answer) {
        // An address that was asked for may be repeated.
        let asked = found(what.as_bytes());
        for number in found_in(answer).difference(&asked) {
            let marker = &self.markers.0[*number];
            if !marker.audience.contains(&party) {
                self.leaks.push(format!("{party:?} sees {} at {what}", marker.what));
            }
            self.seen.insert(*number);
        }
        assert!(answer.status < 500, "{party:?} at {what}: {answer:?}");
    }
}

#[test]
fn nobody_sees_what_is_not_theirs() {
    let world = World::new();
    let mut markers = Markers::default();
    let catalog = marked(&mut markers);
    world.import(&catalog).expect("a marked catalog is as sound as it was");
    let other_product = "PRD-578-226-824";
    for trade in [
        trade(&catalog, [Vendor, Distributor], CONTRACT, PRODUCT),
        trade(&catalog, [Vendor, OtherDistributor], OTHER_CONTRACT, PRODUCT),
        trade(&catalog, [Vendor, Reseller], RESOLD_CONTRACT, PRODUCT),
        trade(&catalog, [OtherVendor, Distributor], "CRD-84021-23180-87860", other_product),
    ] {
        live(&world, &mut markers, &trade);
    }
    for account in objects(&catalog, "accounts") {
        settle(&world, &mut markers, party(&id(account)), &id(account));
    }
    let mut watch = Watch { markers: &markers, leaks: Vec::new(), seen: BTreeSet::new() };
    let walks: Vec<(Party, Walk)> = PARTIES.map(|party| (party, walk(&Browser::of(&world, party)))).into();
    for (party, walk) in &walks {
        for (path, answer) in &walk.answers {
            assert!(answer.status < 400, "{party:?} is led to {path}: {answer:?}");
            watch.look(*party, path, answer);
        }
    }
    let paths: BTreeSet<&String> = walks.iter().flat_map(|(_, walk)| walk.answers.keys()).collect();
    let forms: BTreeSet<&String> = walks.iter().flat_map(|(_, walk)| &walk.forms).collect();
    for (party, walk) in &walks {
        let browser = Browser::of(&world, *party);
        // A signed link is a key of its own, for ten minutes.
        for path in paths.iter().filter(|path| !walk.answers.contains_key(**path) && !path.contains("/v1/links/")) {
            watch.look(*party, path, &browser.get(path));
        }
        // Operators may do what those may whose part it is.
        let others = forms.iter().filter(|form| *party != Operator && !walk.forms.contains(**form));
        // One's own session has no such form, and that of another walk of the same party has.
        for form in others.filter(|form| !form.starts_with("/sessions/")) {
            let answer = browser.post(form, &[("once", "x"), ("name", "x")]);
            assert!((400..500).contains(&answer.status), "{party:?} sends {form}: {answer:?}");
            watch.look(*party, form, &answer);
        }
        for list in LISTS {
            let answer = match list.strip_prefix('/') {
                Some(ours) => world.ours(*party, "GET", &format!("{ours}?limit=1000"), Body::Nothing),
                None => world.get(*party, &format!("{list}?limit=1000")),
            };
            watch.look(*party, list, &answer);
        }
    }
    assert!(watch.leaks.is_empty(), "{}", watch.leaks.join("\n"));
    // What nobody comes across isn't looked for either: a marker that stands nowhere tests nothing. Of a unit its name is
    // shown, and never its title.
    let unseen = (0..markers.0.len()).filter(|number| !watch.seen.contains(number));
    let unseen = unseen.map(|number| markers.0[number].what.as_str()).filter(|what| !what.ends_with(".unit.title"));
    let unseen: Vec<&str> = unseen.collect();
    assert!(unseen.is_empty(), "{} of {}: {unseen:?}", unseen.len(), markers.0.len());
    assert!(paths.len() > 200 && forms.len() > 40, "{} addresses, {} forms", paths.len(), forms.len());
}
