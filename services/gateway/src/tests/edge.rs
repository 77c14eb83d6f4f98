//! What holds for every path: keys, errors, slashes, pages, links.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use super::world::{OPERATOR, PROVIDER, STRANGER, VENDOR, World, created, file};
use ledger::Fact;
use ledger::catalog::Environment;

#[tokio::test]
async fn a_key_is_taken_with_and_without_its_scheme_and_nothing_else_is() {
    let world = World::new();
    for key in [VENDOR, "SU-1:vendor-secret", "apikey  SU-1:vendor-secret", " APIKEY SU-1:vendor-secret "] {
        assert_eq!(world.get(key, "").await.status, 200, "{key}");
    }
    for key in
        ["", "SU-1", "SU-1:", ":x", "SU-1:wrong", "ApiKey", "SU-5:old", "SU-9:x", "Bearer SU-1:vendor-secret", "é"]
    {
        let got = world.get(key, "usage/files").await;
        let want = (401, "AUTH_001".to_owned(), "API request is unauthorized.".to_owned());
        assert_eq!(got.error(), want, "{key}");
    }
}

#[tokio::test]
async fn a_slash_at_the_end_changes_nothing() {
    let world = World::new();
    for path in ["/public/v1", "/public/v1/", "/public/v1/usage/files/", "/public/v1/usage/files//", "/livez/"] {
        assert_eq!(world.get(VENDOR, path).await.status, 200, "{path}");
    }
    let got = world.get(VENDOR, "assets/?eq(id,AS-2)").await;
    assert_eq!(got.json()[0]["id"], "AS-2");
}

#[tokio::test]
async fn every_error_has_one_shape_and_the_version() {
    let world = World::new();
    let uf = file(0);
    for (method, path, body, want) in [
        ("GET", "nothing", "", (404, "NFND_000", "Nothing is served at /public/v1/nothing.")),
        ("GET", "/nowhere/at/all", "", (404, "NFND_000", "Nothing is served at /nowhere/at/all.")),
        ("GET", "usage/files/UF-1", "", (404, "NFND_000", "Object not found.")),
        ("GET", "usage/files/UF-2026-11-0000-0009", "", (404, "NFND_000", "Object not found.")),
        ("PATCH", "usage/files", "", (405, "VAL_001", "Method \"PATCH\" not allowed.")),
        ("GET", "usage/files?status=", "", (400, "VAL_001", "RQL Parsing error.")),
        ("GET", "usage/files?status=Ready", "", (400, "VAL_001", "RQL Value error.")),
        ("GET", "usage/files?ordering(external)", "", (400, "VAL_001", "RQL Parsing error. Bad ordering")),
        ("POST", "usage/files", "{\"name\":", (400, "VAL_001", "JSON parse error at line 1 column 8")),
        ("POST", "usage/files", "[]", (400, "VAL_001", "non_field_errors: Invalid data.")),
        ("POST", "usage/files", "{}", (400, "VAL_001", "product.id: This field is required.")),
        ("POST", "usage/files", "", (400, "VAL_001", "product.id: This field is required.")),
        ("POST", "usage/records/close-records", "{}", (400, "VAL_001", "non_field_errors: Expected a list")),
        ("POST", &format!("usage/files/{uf}/dance"), "", (404, "NFND_000", "Nothing is served at")),
        ("POST", &format!("usage/files/{uf}/upload"), "x", (415, "VAL_001", "Unsupported media type")),
        ("POST", &format!("usage/files/{uf}/submit"), "null", (503, "SYS_001", "The service is not available.")),
    ] {
        let got = world.send(method, VENDOR, path, Body::from(body.to_owned())).await;
        let (status, code, text) = got.error();
        assert_eq!((status, code.as_str()), (want.0, want.1), "{path} {text}");
        assert!(text.starts_with(want.2), "{path}: {text}");
        assert_eq!(got.header("connect-version"), "1.2.3", "{path}");
    }
}

#[tokio::test]
async fn a_body_may_be_too_large_or_of_another_kind() {
    let world = World::new();
    let long = format!("{{\"name\":\"{}\"}}", "x".repeat(crate::JSON_BYTES_MAX));
    let got = world.post(VENDOR, "usage/files", &long).await;
    assert_eq!(got.error(), (413, "VAL_001".to_owned(), "A JSON body may have at most 1048576 bytes.".to_owned()));
    let request = Request::builder().method("POST").uri("/public/v1/usage/files").header("authorization", VENDOR);
    let request = request.header("content-type", "text/xml").body(Body::from("<x/>")).unwrap();
    assert_eq!(world.call(request).await.status, 415);
}

#[tokio::test]
async fn a_workbook_comes_in_its_own_field() {
    let mut world = World::new();
    let uf = file(0);
    world.say(uf, "SU-1", Fact::FileCreated(Box::new(created(Environment::Production)))).await;
    let path = format!("usage/files/{uf}/upload");
    let part = |name: &str, rest: &str, body: &str| {
        format!("--cut\nContent-Disposition: form-data; name=\"{name}\"{rest}\n\n{body}\n")
    };
    let expected = "usage_file: This field is required: send the workbook in it. The form has \"file\".";
    let form = format!("{}--cut--\n", part("file", "; filename=\"a.xlsx\"", "PK"));
    assert_eq!(world.form(VENDOR, &path, &form).await.error(), (400, "VAL_001".to_owned(), expected.to_owned()));
    let form = format!("{}--cut--\n", part("usage_file", "; filename=\"a.xlsx\"", ""));
    assert_eq!(world.form(VENDOR, &path, &form).await.error().2, "usage_file: The submitted file is empty.");
    let form = part("usage_file", "; filename=\"a.xlsx\"", "PK");
    assert!(world.form(VENDOR, &path, &form).await.error().2.contains("can't be read to its end"));
    // Nobody decides here, but the workbook was kept before anybody was asked.
    let form = format!("{}{}--cut--\n", part("note", "", "n"), part("usage_file", "", "PK workbook"));
    assert_eq!(world.form(VENDOR, &path, &form).await.status, 503);
    let kept = world.dir.path().join("uploads").join(ledger::Hash::of(b"PK workbook").to_string());
    assert_eq!(std::fs::read(kept).unwrap(), b"PK workbook");
    for key in [STRANGER, PROVIDER] {
        assert_eq!(world.form(key, &path, &form).await.status, 404, "{key}");
    }
}

/// A workbook of one general tab.
fn general(rows: &[(&str, &str)]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.xlsx");
    let layout = workbook::write::Layout {
        kind: workbook::write::Kind::Chunk,
        title: String::new(),
        general: rows.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        categories: vec![],
        headers: vec!["record_id".to_owned()],
        created: ledger::Moment(0),
    };
    workbook::write::RecordsWorkbook::create(&path, folder.path(), &layout).unwrap().finish().unwrap();
    std::fs::read(&path).unwrap()
}

#[tokio::test]
async fn a_reconciliation_names_its_file_itself_or_in_the_form() {
    let mut world = World::new();
    let uf = file(0);
    world.say(uf, "SU-1", Fact::FileCreated(Box::new(created(Environment::Production)))).await;
    let (named, missing) = (uf.to_string(), "UF-2026-11-0000-0009");
    let kept = "Keep the general tab of the chunk's workbook as it is, give the id of the usage file in the field";
    let unread = "recon_file: The workbook can't be read: the file is a text file";
    for (workbook, field, (status, text)) in [
        (
            general(&[("report_name", "x"), ("report_id", &named)]),
            None,
            (503, "The service is not available.".to_owned()),
        ),
        (general(&[("report_id", missing)]), Some(&named), (503, "The service is not available.".to_owned())),
        (general(&[("report_id", missing)]), None, (503, "The service is not available.".to_owned())),
        (
            general(&[("report_id", "October")]),
            None,
            (400, format!("recon_file: Usage file October was not found. {kept}")),
        ),
        (
            general(&[("report_id", "")]),
            None,
            (400, format!("recon_file: The workbook has no report_id in a general tab. {kept}")),
        ),
        (b"\xffno workbook\xff".to_vec(), None, (400, unread.to_owned())),
    ] {
        let mut form = Vec::new();
        if let Some(field) = field {
            form.extend(
                format!("--cut\r\nContent-Disposition: form-data; name=\"usagefile\"\r\n\r\n{field}\r\n").bytes(),
            );
        }
        form.extend(b"--cut\r\nContent-Disposition: form-data; name=\"recon_file\"; filename=\"r\"\r\n\r\n");
        form.extend(workbook);
        form.extend(b"\r\n--cut--\r\n");
        let request = Request::builder().method("POST").uri("/public/v1/usage/reconciliations");
        let request = request.header("authorization", PROVIDER);
        let request = request.header("content-type", "multipart/form-data; boundary=cut");
        let (found, _, said) = world.call(request.body(Body::from(form)).unwrap()).await.error();
        assert!(found == status && said.starts_with(&text), "{found} {said}");
    }
}

#[tokio::test]
async fn a_link_works_for_ten_minutes_and_only_as_it_was_signed() {
    let world = World::new();
    let got = world.get(VENDOR, "usage/products/PRD-1/template/").await.json();
    let link = got["template_link"].as_str().unwrap();
    let path = link.strip_prefix("http://ledger.test:8080").unwrap();
    let template = world.get("", path).await;
    assert_eq!(template.status, 200);
    assert!(template.bytes.starts_with(b"PK"));
    assert_eq!(template.header("content-disposition"), "attachment; filename=\"PRD-1-template.xlsx\"");
    for changed in [path.replace("PRD-1", "PRD-2"), path.replace("expires=1", "expires=2"), path.replace("&sig", "&x")]
    {
        assert_eq!(world.get("", &changed).await.error().1, "AUTH_003", "{changed}");
    }
    for (seconds, status) in [(-600, 200), (-86_400, 403), (86_400 + 600 + 601, 403)] {
        world.wait_seconds(seconds);
        assert_eq!(world.get("", path).await.status, status, "after another {seconds} s");
    }
    for (key, status) in [(PROVIDER, 200), (OPERATOR, 200), (STRANGER, 404)] {
        assert_eq!(world.get(key, "usage/products/PRD-1/template").await.status, status, "{key}");
    }
}

#[tokio::test]
async fn a_page_says_where_it_stands() {
    let world = World::new();
    for (query, range, ids) in [
        ("", "items 0-2/3", json!(["AS-1", "AS-2", "AS-3"])),
        ("?limit=0&offset=0", "items 0-0/3", json!([])),
        ("?limit=2", "items 0-1/3", json!(["AS-1", "AS-2"])),
        ("?limit=2&offset=2", "items 2-2/3", json!(["AS-3"])),
        ("?ordering(-id)&limit=1&offset=1", "items 1-1/3", json!(["AS-2"])),
        ("?eq(id,AS-9)", "items 0-0/0", json!([])),
        ("?in(id,(AS-3,AS-1))&status=active", "items 0-1/2", json!(["AS-1", "AS-3"])),
        ("?and(in(contract.id,(CRD-1)),in(id,(AS-2)))&ordering(product.id)", "items 0-0/1", json!(["AS-2"])),
    ] {
        let got = world.get(VENDOR, &format!("subscriptions/assets{query}")).await;
        let shown: Vec<_> = got.json().as_array().unwrap().iter().map(|asset| asset["id"].clone()).collect();
        assert_eq!((got.header("content-range"), json!(shown)), (range, ids), "{query}");
    }
}

#[tokio::test]
async fn probes_need_no_key() {
    let world = World::new();
    assert_eq!(world.get("", "/livez").await.status, 200);
    assert_eq!(world.get("", "/readyz").await.json()["status"], "ready");
    let metrics = String::from_utf8(world.get("", "/metrics").await.bytes).unwrap();
    assert!(metrics.contains("usage_ledger_files{status=\"draft\"} 0\n"), "{metrics}");
}

#[tokio::test]
async fn until_every_log_is_read_nothing_is_said_to_be_unknown() {
    let world = World::new();
    let link = world.get(VENDOR, "usage/products/PRD-1/template").await.json();
    let link = link["template_link"].as_str().unwrap().strip_prefix("http://ledger.test:8080").unwrap().to_owned();
    world.caught_up.send_replace(false);
    let sentence = "The ledger is reading its logs and can't answer yet. Try again in a moment.";
    for (key, path) in
        [(VENDOR, "usage/files"), (VENDOR, "assets/AS-9"), ("SU-9:unknown", "assets"), ("", link.as_str())]
    {
        let got = world.get(key, path).await;
        assert_eq!(got.error(), (503, "SYS_001".to_owned(), sentence.to_owned()), "{path}");
        assert_eq!(got.header("retry-after"), "1", "{path}");
    }
    for (path, status) in [("/livez", 200), ("/readyz", 503), ("/metrics", 200), ("/nowhere", 404)] {
        assert_eq!(world.get("", path).await.status, status, "{path}");
    }
    world.caught_up.send_replace(true);
    for (path, status) in [("usage/files", 200), ("assets/AS-9", 404)] {
        assert_eq!(world.get(VENDOR, path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn the_catalog_is_shown_to_whom_it_concerns() {
    let world = World::new();
    for (collection, vendor, provider, stranger, operator) in [
        ("accounts", 1, 1, 1, 4),
        ("hubs", 0, 1, 0, 1),
        ("marketplaces", 1, 1, 0, 1),
        ("products", 1, 1, 0, 1),
        ("contracts", 1, 1, 0, 1),
        ("listings", 1, 1, 0, 1),
        ("assets", 3, 3, 0, 3),
    ] {
        for (key, count) in [(VENDOR, vendor), (PROVIDER, provider), (STRANGER, stranger), (OPERATOR, operator)] {
            let got = world.get(key, collection).await.json();
            assert_eq!(got.as_array().unwrap().len(), count, "{collection} {key}");
        }
    }
    assert_eq!(world.get(VENDOR, "marketplaces/MP-1").await.json()["currency"], "USD");
    assert_eq!(world.get(STRANGER, "marketplaces/MP-1").await.status, 404);
    assert_eq!(world.get(OPERATOR, "accounts?limit=1&offset=0").await.json()[0]["id"], "OP-1");
    assert_eq!(world.get(PROVIDER, "products/PRD-1/items").await.json()[0]["local_id"], "vm_hours");
    assert_eq!(world.get(STRANGER, "products/PRD-1/items").await.status, 404);
}
