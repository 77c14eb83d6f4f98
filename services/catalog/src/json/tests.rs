//! Goal: a sound file gives its objects, an unsound one every fault with its place. Method: a small sound file, and a
//! table of single changes to it with the faults that each must give.

use ledger::Catalog;
use ledger::catalog::{CatalogObject, Environment};
use ledger::id::{Hash, ObjectId};
use serde_json::{Value, json};

use super::{FAULTS_MAX, export, read, secret_hash};

const PEPPER: &[u8] = b"pepper";
const DEMO: &str = include_str!("../../../../schemas/demo-catalog.json");

fn sound() -> Value {
    json!({
        "accounts": [
            {"id": "VA-1", "name": "Front Street", "type": "vendor"},
            {"id": "PA-1", "name": "Mighty Mick's", "type": "provider"},
            {"id": "VA-2", "name": "Other", "type": "vendor", "role": "vendor"},
        ],
        "hubs": [{"id": "HB-1", "name": "NA"}],
        "marketplaces": [{"id": "MP-1", "name": "Tutorial", "currency": "USD", "hubs": [{"hub": {"id": "HB-1"}, "external_id": "7"}]}],
        "products": [
            {
                "id": "PRD-1", "name": "Pulse", "owner": {"id": "VA-1"},
                "capabilities": {"ppu": {"schema": "QT", "required_custom_fields": ["region", "v.Zone"]}, "reservation": null},
                "items": [
                    {"id": "PRD-1-0001", "name": "CPU", "mpn": "CPU", "type": "ppu", "unit": {"name": "Unit*H"}, "precision": "decimal(4)"},
                    {"id": "PRD-1-0002", "name": "Seat", "mpn": "SEAT", "type": "reservation", "unit": "Unit", "period": "yearly"},
                ],
            },
            {"id": "PRD-2", "name": "Foreign", "owner": {"id": "VA-2"}, "items": [
                {"id": "PRD-2-0001", "name": "X", "mpn": "X", "type": "ppu", "unit": "Unit", "precision": "integer"},
            ]},
        ],
        "contracts": [
            {"id": "CRP-1", "name": "Program", "type": "program", "status": "active", "owner": {"id": "VA-1"}},
            {"id": "CRD-1", "name": "Agreement", "type": "distribution", "status": "active", "owner": {"id": "VA-1"}, "issuer": {"id": "PA-1"}, "marketplace": {"id": "MP-1"}},
        ],
        "listings": [{"id": "LST-1", "status": "listed", "product": {"id": "PRD-1"}, "contract": {"id": "CRD-1"}}],
        "assets": [{
            "id": "AS-1", "status": "active", "product": {"id": "PRD-1"}, "contract": {"id": "CRD-1"},
            "connection": {"hub": {"id": "HB-1"}},
            "tiers": {"customer": {"external_id": "5", "name": "Balboa"}},
            "params": [{"id": "tenant", "value": "t1", "constraints": {"reconciliation": true}}],
            "items": [{"id": "PRD-1-0001", "quantity": "unlimited"}, {"global_id": "PRD-1-0002", "id": "2", "quantity": 10.50}],
        }],
        "api_keys": [{"id": "SU-1", "name": "key", "account": {"id": "VA-1"}, "secret": "s"}],
    })
}

/// Sets the value at a pointer, or removes it.
fn change(file: &mut Value, pointer: &str, value: Option<Value>) {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let name = name.replace("~1", "/").replace("~0", "~");
    match (file.pointer_mut(parent).expect("a parent"), value) {
        (Value::Object(members), Some(value)) => drop(members.insert(name, value)),
        (Value::Object(members), None) => drop(members.shift_remove(&name)),
        (Value::Array(elements), Some(value)) if name == "-" => elements.push(value),
        (Value::Array(elements), Some(value)) => elements[name.parse::<usize>().expect("an index")] = value,
        _ => panic!("nothing to change at {pointer}"),
    }
}

/// One change to the sound file, and the faults that it must give: `pointer: reason` lines.
fn check(pointer: &str, value: Option<Value>, want: &[&str]) {
    let mut file = sound();
    change(&mut file, pointer, value.clone());
    let faults = read(file.to_string().as_bytes(), &Catalog::default(), PEPPER).err().unwrap_or_default();
    let found: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(found, want, "{pointer} = {value:?}");
}

fn catalog_of(objects: Vec<CatalogObject>) -> Catalog {
    let mut catalog = Catalog::default();
    objects.into_iter().for_each(|object| catalog.record(object));
    catalog
}

fn read_sound() -> Catalog {
    catalog_of(read(sound().to_string().as_bytes(), &Catalog::default(), PEPPER).expect("sound"))
}

fn id(text: &str) -> ObjectId {
    ObjectId::new(text).expect("an id")
}

#[test]
fn the_place_of_what_is_not_json_is_named() {
    let text = |bytes: &[u8]| read(bytes, &Catalog::default(), PEPPER).expect_err("no JSON")[0].to_string();
    assert_eq!(text(b"{\n  \"hubs\": [}"), "not JSON: expected value at line 2 column 12");
    assert_eq!(text(b""), "not JSON: EOF while parsing a value at line 1 column 0");
    assert_eq!(text(b"[]"), "expected an object, found a list");
    let deep = "[".repeat(100_000);
    assert!(text(deep.as_bytes()).starts_with("not JSON: recursion limit exceeded"));
    assert_eq!(read(b"\xEF\xBB\xBF{}", &Catalog::default(), PEPPER), Ok(Vec::new()));
}

#[test]
fn wrong_shapes_are_named() {
    check(
        "/hubs",
        None,
        &["/marketplaces/0/hubs/0/hub/id: unknown hub \"HB-1\"", "/assets/0/connection/hub/id: unknown hub \"HB-1\""],
    );
    for (pointer, value, want) in [
        (
            "/items",
            json!([]),
            "/items: unknown key; known are accounts, hubs, marketplaces, products, contracts, listings, assets, api_keys",
        ),
        (
            "/a~1b~0",
            json!(1),
            "/a~1b~0: unknown key; known are accounts, hubs, marketplaces, products, contracts, listings, assets, api_keys",
        ),
        ("/listings", json!({}), "/listings: expected a list, found an object"),
        ("/listings/0", json!(7), "/listings/0: expected an object, found a number"),
        ("/hubs/0/name", json!(7), "/hubs/0/name: expected text, found a number"),
        ("/hubs/0/name", json!(" "), "/hubs/0/name: blank"),
        ("/accounts/2/name", json!(null), "/accounts/2/name: missing"),
        (
            "/marketplaces/0/currency",
            json!("usd"),
            "/marketplaces/0/currency: expected three capital letters of ISO 4217",
        ),
        (
            "/marketplaces/0/hubs/-",
            json!({"hub": {"id": "HB-1"}}),
            "/marketplaces/0/hubs/1/hub: HB-1 stands in this list already",
        ),
        (
            "/products/0/capabilities/ppu/late",
            json!("yes"),
            "/products/0/capabilities/ppu/late: expected true or false, found text",
        ),
        ("/products/0/capabilities", json!([]), "/products/0/capabilities: expected an object, found a list"),
        ("/products/0/parameters", json!([1]), "/products/0/parameters/0: expected an object, found a number"),
        ("/assets/0/external_id", json!(2009295), "/assets/0/external_id: expected text, found a number"),
        ("/assets/0/connection", json!("HB-1"), "/assets/0/connection: expected an object, found text"),
        ("/assets/0/params/0/value", json!(5), "/assets/0/params/0/value: expected text, found a number"),
        ("/assets/0/params/-", json!({"id": "tenant"}), "/assets/0/params/1/id: stands in this list already"),
        (
            "/assets/0/events",
            json!({"terminated": {"at": "soon"}}),
            "/assets/0/events/terminated/at: \"soon\" is no time: 2026-11-22T00:26:46+00:00 is one",
        ),
    ] {
        check(pointer, Some(value), &[want]);
    }
}

#[test]
fn wrong_ids_and_references_are_named() {
    for (pointer, value, want) in [
        ("/hubs/-", json!({"name": "x"}), "/hubs/1/id: missing"),
        (
            "/hubs/-",
            json!({"id": "H B", "name": "x"}),
            "/hubs/1/id: \"H B\" is no id: 1 to 64 letters, digits, - and _ are",
        ),
        ("/hubs/-", json!({"id": "HB-1", "name": "x"}), "/hubs/1/id: HB-1 is the id of /hubs/0 already"),
        ("/hubs/-", json!({"id": "VA-1", "name": "x"}), "/hubs/1/id: VA-1 is the id of /accounts/0 already"),
        (
            "/products/1/items/0/id",
            json!("PRD-1-0001"),
            "/products/1/items/0/id: PRD-1-0001 is the id of /products/0/items/0 already",
        ),
        ("/contracts/1/marketplace/id", json!("MP-9"), "/contracts/1/marketplace/id: unknown marketplace \"MP-9\""),
        ("/contracts/1/marketplace", json!(null), "/contracts/1/marketplace: missing"),
        ("/contracts/1/owner/id", json!("VA-9"), "/contracts/1/owner/id: unknown account \"VA-9\""),
        ("/contracts/1/issuer/id", json!("PA-9"), "/contracts/1/issuer/id: unknown account \"PA-9\""),
        ("/contracts/0/owner/id", json!("PA-1"), "/contracts/0/owner/id: PA-1 is not the account of a vendor"),
        ("/contracts/1/issuer/id", json!("VA-2"), "/contracts/1/issuer/id: VA-2 is not the account of a provider"),
        ("/listings/0/product/id", json!("PRD-9"), "/listings/0/product/id: unknown product \"PRD-9\""),
        ("/listings/0/contract/id", json!("CRD-9"), "/listings/0/contract/id: unknown contract \"CRD-9\""),
        ("/listings/0/contract/id", json!("CRP-1"), "/listings/0/contract/id: CRP-1 is not a distribution contract"),
        (
            "/listings/0/product/id",
            json!("PRD-2"),
            "/listings/0/product/id: PRD-2 belongs to VA-2, the contract to VA-1",
        ),
        ("/assets/0/contract/id", json!("CRD-9"), "/assets/0/contract/id: unknown contract \"CRD-9\""),
        ("/assets/0/connection/hub/id", json!("HB-9"), "/assets/0/connection/hub/id: unknown hub \"HB-9\""),
        (
            "/assets/0/connection/vendor",
            json!({"id": "VA-9"}),
            "/assets/0/connection/vendor/id: unknown account \"VA-9\"",
        ),
        ("/assets/0/items/0/id", json!("PRD-1-0009"), "/assets/0/items/0/id: unknown item \"PRD-1-0009\""),
        (
            "/assets/0/items/0/id",
            json!("PRD-2-0001"),
            "/assets/0/items/0/id: PRD-2-0001 is an item of PRD-2, not of PRD-1",
        ),
        ("/assets/0/items/0/id", json!("PRD-1-0002"), "/assets/0/items/1/global_id: stands in this list already"),
        ("/api_keys/0/account/id", json!("VA-9"), "/api_keys/0/account/id: unknown account \"VA-9\""),
    ] {
        check(pointer, Some(value), &[want]);
    }
    let product = "/products/0/items/0/id: missing";
    check("/products/0/items/0/id", None, &[product, "/assets/0/items/0/id: unknown item \"PRD-1-0001\""]);
    // A reference to an object that is there and faulty is not a second fault.
    check("/contracts/1/name", None, &["/contracts/1/name: missing"]);
}

#[test]
fn unknown_words_come_with_the_known_ones() {
    for (pointer, value, want) in [
        ("/accounts/0/type", "seller", "unknown value \"seller\"; allowed are vendor, provider, operator"),
        ("/accounts/1/role", "vendor", "unknown value \"vendor\"; allowed are distributor, reseller"),
        ("/products/0/capabilities/ppu/schema", "XX", "unknown value \"XX\"; allowed are QT, TR, PR, CR"),
        ("/products/0/items/0/type", "free", "unknown value \"free\"; allowed are ppu, reservation"),
        ("/contracts/1/type", "loan", "unknown value \"loan\"; allowed are distribution, program"),
        (
            "/contracts/1/status",
            "on",
            "unknown value \"on\"; allowed are draft, enrolling, pending, active, suspended, rejected, terminated",
        ),
        ("/contracts/1/kind", "prod", "unknown value \"prod\"; allowed are production, test, preview"),
        ("/listings/0/status", "on", "unknown value \"on\"; allowed are draft, deploying, listed, unlisted"),
        (
            "/assets/0/status",
            "on",
            "unknown value \"on\"; allowed are draft, processing, active, terminating, suspended, terminated",
        ),
    ] {
        check(pointer, Some(json!(value)), &[&format!("{pointer}: {want}")]);
    }
}

#[test]
fn items_quantities_and_secrets_have_their_rules() {
    let (ppu, reserved) = ("/products/0/items/0", "/products/0/items/1");
    let (at, key) = ("/assets/0/items/1/quantity", "/api_keys/0");
    for (pointer, value, want) in [
        (format!("{ppu}/period"), json!("yearly"), "\"yearly\" for a ppu item, whose period can only be monthly"),
        (
            format!("{ppu}/precision"),
            json!("decimal(3)"),
            "unknown value \"decimal(3)\"; allowed are integer, decimal(1), decimal(2), decimal(4), decimal(8)",
        ),
        (format!("{ppu}/precision"), json!(null), "missing"),
        (format!("{ppu}/mpn"), json!(""), "blank"),
        (
            format!("{reserved}/precision"),
            json!("decimal(2)"),
            "\"decimal(2)\" for a reservation item, whose precision can only be integer",
        ),
        (format!("{reserved}/period"), json!(null), "missing"),
        (format!("{reserved}/unit"), json!(null), "missing"),
        (at.to_owned(), json!("many"), "\"many\" is neither a number nor \"unlimited\""),
        (at.to_owned(), json!(-1), "-1 is negative"),
        (at.to_owned(), json!("1e99"), "1e99 is beyond 10^16"),
        (at.to_owned(), json!("0.0000000000001"), "0.0000000000001 has more than 12 decimals"),
        (at.to_owned(), json!(true), "expected a number or \"unlimited\", found true or false"),
        (at.to_owned(), json!(null), "missing"),
        (format!("{key}/secret"), json!(""), "blank"),
        (format!("{key}/secret"), json!(null), "missing: a key needs a secret or a secret_hash"),
        (format!("{key}/secret_hash"), json!("ab"), "either secret or secret_hash, not both"),
    ] {
        check(&pointer, Some(value), &[&format!("{pointer}: {want}")]);
    }
    check(
        key,
        Some(json!({"id": "SU-1", "name": "k", "account": {"id": "VA-1"}, "secret_hash": "ab"})),
        &["/api_keys/0/secret_hash: expected 64 hexadecimal digits"],
    );
}

#[test]
fn an_object_that_carries_too_much_is_refused() {
    let note = "x".repeat(65_536);
    let want = "/hubs/0: 65571 bytes of JSON, 65536 is the most an object may carry";
    check("/hubs/0/note", Some(json!(note)), &[want]);
}

#[test]
fn every_fault_is_found_up_to_the_limit() {
    let mut file = sound();
    change(&mut file, "/accounts/0/type", Some(json!("x")));
    change(&mut file, "/assets/0/status", Some(json!("x")));
    change(&mut file, "/assets/0/items/0/quantity", Some(json!("x")));
    let faults = read(file.to_string().as_bytes(), &Catalog::default(), PEPPER).expect_err("faults");
    let places: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(places, ["/accounts/0/type", "/assets/0/status", "/assets/0/items/0/quantity"]);
    let hubs = json!({"hubs": vec![1; FAULTS_MAX + 5]}).to_string();
    assert_eq!(read(hubs.as_bytes(), &Catalog::default(), PEPPER).map_err(|faults| faults.len()), Err(FAULTS_MAX));
}

#[test]
fn objects_come_after_what_they_name_and_are_filled_in() {
    let objects = read(sound().to_string().as_bytes(), &Catalog::default(), PEPPER).expect("sound");
    let ids: Vec<&str> = objects.iter().map(|object| object.id().as_str()).collect();
    let want = "VA-1 PA-1 VA-2 HB-1 MP-1 PRD-1 PRD-1-0001 PRD-1-0002 PRD-2 PRD-2-0001 CRP-1 CRD-1 LST-1 AS-1 SU-1";
    assert_eq!(ids.join(" "), want);
    let catalog = catalog_of(objects);
    let source = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    let asset = &catalog.subscriptions[&id("AS-1")];
    let json = source(&asset.source);
    for (pointer, want) in [
        ("/product/name", "Pulse"),
        ("/contract/name", "Agreement"),
        ("/marketplace/id", "MP-1"),
        ("/marketplace/name", "Tutorial"),
        ("/connection/vendor/name", "Front Street"),
        ("/connection/provider/name", "Mighty Mick's"),
        ("/connection/hub/name", "NA"),
        ("/items/0/global_id", "PRD-1-0001"),
        ("/items/1/mpn", "SEAT"),
    ] {
        assert_eq!(json.pointer(pointer), Some(&json!(want)), "{pointer}");
    }
    let quantities: Vec<_> = asset.items.iter().map(|item| item.quantity.map(|it| it.to_string())).collect();
    assert_eq!(quantities, [None, Some("10.5".to_owned())]);
    assert_eq!(asset.hub.as_ref().map(|hub| hub.name.as_str()), Some("NA"));
    assert!(asset.parameters[0].reconciliation);
    let listing = source(&catalog.listings[&id("LST-1")].source);
    assert_eq!(listing.pointer("/contract/marketplace/name"), Some(&json!("Tutorial")));
    assert_eq!(listing.pointer("/provider/name"), Some(&json!("Mighty Mick's")));
    let product = &catalog.products[&id("PRD-1")];
    assert!(source(&product.source).get("items").is_none());
    assert_eq!(product.capabilities.required_custom_fields, ["v.region", "v.Zone"]);
    let item = &catalog.items[&id("PRD-1-0002")];
    assert_eq!((item.places, item.unit.as_str(), item.period.as_str()), (0, "Unit", "yearly"));
}

#[test]
fn a_number_keeps_every_digit() {
    let text = sound().to_string().replace("10.5", "123456789012345.123456789012");
    let catalog = catalog_of(read(text.as_bytes(), &Catalog::default(), PEPPER).expect("sound"));
    let asset = &catalog.subscriptions[&id("AS-1")];
    assert_eq!(asset.items[1].quantity.map(|it| it.to_string()).as_deref(), Some("123456789012345.123456789012"));
    assert!(asset.source.contains(":123456789012345.123456789012"));
}

#[test]
fn the_environment_follows_from_kind_and_digits() {
    for (contract, kind, want) in [
        ("CRD-10000-00000-00000", None, Environment::Production),
        ("CRD-00000-00000-00000", None, Environment::Preview),
        ("CRD-000-000-000-000", Some("production"), Environment::Preview),
        ("CRD", None, Environment::Production),
        ("CRD-7", Some("preview"), Environment::Preview),
        ("CRD-7", Some("test"), Environment::Test),
        ("CRD-0", Some("test"), Environment::Test),
    ] {
        let mut file = sound();
        let mut added = file.pointer("/contracts/1").cloned().unwrap_or_default();
        change(&mut added, "/id", Some(json!(contract)));
        change(&mut added, "/kind", kind.map(|kind| json!(kind)));
        change(&mut file, "/contracts/-", Some(added));
        let objects = read(file.to_string().as_bytes(), &Catalog::default(), PEPPER).expect("sound");
        assert_eq!(catalog_of(objects).contracts[&id(contract)].environment, want, "{contract} {kind:?}");
    }
}

#[test]
fn references_may_point_to_what_is_known() {
    let known = read_sound();
    let later = json!({"assets": [{
        "id": "AS-2", "status": "active", "product": {"id": "PRD-1"}, "contract": {"id": "CRD-1"},
        "items": [{"id": "PRD-1-0001", "quantity": "unlimited"}],
    }]});
    let objects = read(later.to_string().as_bytes(), &known, PEPPER).expect("sound");
    let [CatalogObject::Subscription(asset)] = objects.as_slice() else { panic!("{objects:?}") };
    assert!(asset.source.contains("\"Pulse\"") && asset.hub.is_none(), "{}", asset.source);
    let clash = json!({"hubs": [{"id": "AS-1", "name": "x"}]}).to_string();
    let faults = read(clash.as_bytes(), &known, PEPPER).expect_err("a clash");
    assert_eq!(faults[0].to_string(), "/hubs/0/id: AS-1 is the id of a known asset already");
}

#[test]
fn a_revoked_key_is_not_brought_back_by_its_file() {
    let mut known = read_sound();
    let mut key = known.keys[&id("SU-1")].clone();
    key.revoked = true;
    known.record(CatalogObject::Key(key.clone()));
    let objects = read(sound().to_string().as_bytes(), &known, PEPPER).expect("sound");
    assert_eq!(objects.last(), Some(&CatalogObject::Key(key)));
    let again = export(&known).to_string();
    let objects = read(again.as_bytes(), &Catalog::default(), PEPPER).expect("sound");
    assert!(catalog_of(objects).keys[&id("SU-1")].revoked);
}

#[test]
fn a_secret_is_kept_as_a_hash_of_its_key_and_pepper() {
    let hash = read_sound().keys[&id("SU-1")].secret_hash;
    assert_eq!(hash, secret_hash(&id("SU-1"), "s", PEPPER));
    assert_eq!(hash, Hash::of_parts(&[b"usage-ledger key", b"pepper", b"SU-1", b"s"]));
    assert_ne!(hash, secret_hash(&id("SU-2"), "s", PEPPER));
    assert_ne!(hash, secret_hash(&id("SU-1"), "s", b"other"));
}

#[test]
fn the_demo_catalog_is_sound() {
    let first = read(DEMO.as_bytes(), &Catalog::default(), PEPPER).expect("sound");
    assert_eq!(first, read(DEMO.as_bytes(), &Catalog::default(), PEPPER).expect("sound"));
    let catalog = catalog_of(first.clone());
    assert_eq!(first, read(DEMO.as_bytes(), &catalog, PEPPER).expect("sound"), "importing it again changes nothing");
    let counts = (catalog.products.len(), catalog.items.len(), catalog.contracts.len(), catalog.subscriptions.len());
    assert_eq!(counts, (3, 48, 7, 214));
    for contract in ["CRD-21674-67435-75488", "CRD-26225-58926-18085"] {
        for product in ["PRD-404-832-779", "PRD-802-355-388"] {
            let subscriptions: Vec<_> = catalog.subscriptions_of(&id(contract), &id(product)).collect();
            let at = |hub: Option<&str>| {
                subscriptions.iter().filter(|it| it.hub.as_ref().map(|hub| hub.id.as_str()) == hub).count()
            };
            assert_eq!((at(Some("HB-1234-1234")), at(Some("HB-2345-2345")), at(None)), (25, 24, 1));
        }
    }
}

#[test]
fn an_export_is_read_as_the_same_objects() {
    let demo = catalog_of(read(DEMO.as_bytes(), &Catalog::default(), PEPPER).expect("sound"));
    for catalog in [read_sound(), demo] {
        let text = export(&catalog).to_string();
        let again = read(text.as_bytes(), &Catalog::default(), b"another pepper").expect("sound");
        for object in &again {
            assert_eq!(catalog.object(object).as_ref(), Some(object));
        }
        assert!(catalog_of(again) == catalog, "the same objects and no others");
    }
}

#[test]
fn an_export_is_whole_without_sources() {
    let mut bare = Catalog::default();
    for mut object in read(sound().to_string().as_bytes(), &Catalog::default(), PEPPER).expect("sound") {
        match &mut object {
            CatalogObject::Account(it) => it.source.clear(),
            CatalogObject::Hub(it) => it.source.clear(),
            CatalogObject::Marketplace(it) => it.source.clear(),
            CatalogObject::Product(it) => it.source.clear(),
            CatalogObject::Item(it) => it.source.clear(),
            CatalogObject::Contract(it) => it.source.clear(),
            CatalogObject::Listing(it) => it.source.clear(),
            CatalogObject::Subscription(it) => it.source.clear(),
            CatalogObject::Key(_) => {}
        }
        bare.record(object);
    }
    let again = catalog_of(read(export(&bare).to_string().as_bytes(), &Catalog::default(), PEPPER).expect("sound"));
    assert_eq!(export(&again)["assets"][0]["items"][1]["quantity"], json!("10.5"));
    assert_eq!(again.products[&id("PRD-1")].capabilities, bare.products[&id("PRD-1")].capabilities);
}
