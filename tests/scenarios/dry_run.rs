//! A workbook that is checked on request: the verdict is that of an upload, and the ledger is as it was.

use std::path::Path;

use ledger::Hash;
use serde_json::{Value, json};

use super::http::{Answer, Body};
use super::world::{CONTRACT, Distributor, OtherVendor, PRODUCT, Party, Vendor, World};

/// Where every log stands, and every file of the blobs.
fn kept(world: &World) -> (Vec<(u64, Hash)>, Vec<String>) {
    let heads = world.hosts().into_iter().map(|host| world.head(host)).collect();
    let mut files = Vec::new();
    let mut folders = world.hosts().into_iter().map(|host| world.data_of(host).join("blobs")).collect::<Vec<_>>();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path.display().to_string()) }
        }
    }
    files.sort();
    (heads, files)
}

fn try_as(world: &World, party: Party, query: &str, workbook: &Path, fields: &[(&str, &str)]) -> Answer {
    let path = format!("usage/products/{PRODUCT}/validate{query}");
    let fields: Vec<(&str, &str)> = [("contract", CONTRACT)].into_iter().chain(fields.iter().copied()).collect();
    world.send(party, "POST", &path, Body::Form(&fields, "usage_file", workbook))
}

/// Errors as they are compared: what lies in the future names the time of the check, which is another each time.
fn timeless(errors: &Value) -> Value {
    let mut errors = errors.clone();
    for error in errors.as_array_mut().expect("a list").iter_mut().filter(|error| error["code"] == "USG_FILE_011") {
        error["fix"].take();
    }
    errors
}

/// What a file is found to be, and what a dry run of the same workbook says, in one shape.
fn uploaded(world: &World, workbook: &Path) -> Value {
    let file = world.create(CONTRACT);
    world.upload(&file, workbook).expect(201);
    let shown = world.checked(&file);
    let errors = world.get(Vendor, &format!("usage/files/{file}/validation-errors?limit=1000")).expect(200);
    let totals = shown["totals"].get("validated").cloned().unwrap_or_else(|| json!([]));
    json!([shown["status"], shown["stats"]["uploaded"], shown["stats"]["validated"], totals, timeless(&errors)])
}

fn tried(verdict: &Value) -> Value {
    // A file leaves out a count of nothing.
    let count = |name: &str| Some(&verdict["stats"][name]).filter(|&count| *count != 0);
    json!([verdict["status"], count("uploaded"), count("validated"), verdict["totals"], timeless(&verdict["errors"])])
}

#[test]
fn a_dry_run_says_what_an_upload_would_and_leaves_nothing_behind() {
    let world = World::new();
    // What another file holds counts: the second workbook repeats its record ids.
    let (first, _) = world.generate(CONTRACT, "first", 50);
    world.accepted(CONTRACT, "first", 50);
    let (sound, _) = world.generate(CONTRACT, "sound", 50);
    let faulty = world.generate_faulty("faulty", 40);
    for (workbook, status) in [(&sound, "ready"), (&faulty, "invalid"), (&first, "invalid")] {
        let before = kept(&world);
        let verdict = try_as(&world, Vendor, "", workbook, &[]).expect(200);
        let csv = try_as(&world, Vendor, "?format=csv", workbook, &[]);
        assert_eq!(kept(&world), before, "a dry run of {} recorded something", workbook.display());
        assert_eq!((verdict["status"].as_str(), csv.status), (Some(status), 200), "{verdict:#}");
        assert_eq!(tried(&verdict), uploaded(&world, workbook), "{}", workbook.display());
    }
}

#[test]
fn a_dry_run_is_refused_where_the_file_would_be() {
    let world = World::new();
    let (sound, _) = world.generate(CONTRACT, "sound", 3);
    let before = kept(&world);
    for (party, fields, want) in [
        (OtherVendor, vec![], (404, "NFND_000")),
        (Distributor, vec![], (403, "AUTH_003")),
        (Vendor, vec![("currency", "USD"), ("predictive", "true")], (400, "USG_027")),
        (Vendor, vec![("time_zone", "Nowhere/At_All")], (400, "VAL_001")),
        (Vendor, vec![("period_from", "2026-10-31"), ("period_to", "2026-10-01")], (400, "VAL_001")),
    ] {
        let (status, code) = try_as(&world, party, "", &sound, &fields).refusal();
        assert_eq!((status, code.as_str()), want, "{party:?} {fields:?}");
    }
    assert_eq!(kept(&world), before);
}

#[test]
fn days_of_a_zone_are_the_period_of_a_file() {
    let world = World::new();
    let body = json!({
        "contract": { "id": CONTRACT },
        "product": { "id": PRODUCT },
        "period": { "from": "05/01/2021", "to": "05/31/2021" },
        "time_zone": "America/Los_Angeles",
    });
    let file = world.create_with(&body);
    let shown = world.get(Vendor, &format!("usage/files/{file}")).expect(200);
    let want = json!({"from": "2021-05-01T07:00:00.000000+00:00", "to": "2021-06-01T06:59:59.000000+00:00"});
    assert_eq!((&shown["period"], &shown["time_zone"]), (&want, &json!("America/Los_Angeles")));
    assert_eq!(shown["name"], "05/01/2021 - 06/01/2021");
    // Days without a zone are those of the file's own.
    let change = json!({ "period": { "from": "2021-11-01", "to": "2021-11-30" } });
    let path = format!("usage/files/{file}");
    world.send(Vendor, "PUT", &path, Body::Json(&change)).expect(200);
    let want = json!({"from": "2021-11-01T07:00:00.000000+00:00", "to": "2021-12-01T07:59:59.000000+00:00"});
    assert_eq!(world.get(Vendor, &path).expect(200)["period"], want);
}
