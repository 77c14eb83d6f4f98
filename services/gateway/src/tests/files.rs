//! What a file says of itself beyond its texts: its period's zone, its sums at every stage, what takes its place.

use ledger::catalog::{Environment, ItemKind};
use ledger::fact::{ExemptReason, FileChecked, FileDescribed, FileRead, Period, Total, UploadOpened};
use ledger::{Decimal, Fact, FileId, Hash, Moment, Named};
use serde_json::{Value, json};

use super::records::{BATCH, check_as, checked_batch, read};
use super::world::{PROVIDER, VENDOR, World, created, file, named};

fn total(currency: &str, tier: Option<u8>, records: u32, quantity: &str, amount: &str) -> Total {
    let (quantity, amount) = (Decimal::parse(quantity).unwrap(), Decimal::parse(amount).unwrap());
    Total { currency: currency.to_owned(), tier, records, quantity, amount }
}

/// Two tiers that are billed and one line that isn't.
fn sums() -> (Vec<Total>, Vec<Total>) {
    let billed = vec![total("USD", Some(0), 5, "10.5", "-3.25"), total("USD", Some(2), 5, "10.5", "2")];
    (billed, vec![total("USD", None, 2, "7", "0")])
}

async fn checked(world: &mut World, uf: FileId, predictive: bool) {
    let period = Some(Period { from: Moment(0), to: Moment(Moment::DAY) });
    let made = ledger::fact::FileCreated { predictive, period, ..created(Environment::Production) };
    world.say(uf, "SU-1", Fact::FileCreated(Box::new(made))).await;
    let (blob, filename) = (Hash::of(b"in"), "a.xlsx".to_owned());
    let opened = UploadOpened { upload: 1, blob, bytes: 2, filename, catalog_position: 1 };
    world.say(uf, "SU-1", Fact::UploadOpened(opened)).await;
    world.say(uf, "SU-1", Fact::ReadStarted { upload: 1, attempt: 1 }).await;
    let (columns, ignored, categories, parts) = (vec![], vec![], vec![], vec![]);
    let read = FileRead { upload: 1, attempt: 1, columns, ignored, categories, parts, records: 12 };
    world.say(uf, "SU-1", Fact::FileRead(Box::new(read))).await;
    world.say(uf, "SU-1", Fact::CheckStarted { upload: 1, attempt: 1, catalog_position: 1 }).await;
    let (totals, exempt_totals) = sums();
    let checked = FileChecked {
        upload: 1,
        attempt: 1,
        parts: vec![],
        valid: 12,
        invalid: 0,
        totals,
        exempt_totals,
        codes: vec![],
        warnings: vec![],
        span: None,
        summary_parts: 0,
    };
    world.say(uf, "SU-1", Fact::FileChecked(Box::new(checked))).await;
}

async fn written(world: &mut World, uf: FileId, rejects: Option<Hash>) {
    let provider = Some(Hash::of(b"for provider"));
    let vendor = Hash::of(b"for vendor");
    world.say(uf, "SU-1", Fact::ProcessedWritten { upload: 1, vendor, provider, rejects, writer: 1 }).await;
}

async fn shown(world: &World, key: &str, uf: FileId) -> Value {
    world.get(key, &format!("usage/files/{uf}")).await.json()
}

#[tokio::test]
async fn a_period_is_shown_in_utc_with_the_zone_that_its_days_were_given_in() {
    let mut world = World::new();
    let uf = file(0);
    world.say(uf, "SU-1", Fact::FileCreated(Box::new(created(Environment::Production)))).await;
    assert_eq!(shown(&world, VENDOR, uf).await.get("time_zone"), None);
    let period = Some(Period { from: Moment::parse_iso("2021-05-01 07:00").unwrap(), to: Moment(0) });
    let described = FileDescribed { period, time_zone: Some("America/Los_Angeles".to_owned()), ..Default::default() };
    world.say(uf, "SU-1", Fact::FileDescribed(Box::new(described))).await;
    let got = shown(&world, VENDOR, uf).await;
    let want = json!({"from": "2021-05-01T07:00:00.000000+00:00", "to": "1970-01-01T00:00:00.000000+00:00"});
    assert_eq!((&got["period"], &got["time_zone"]), (&want, &json!("America/Los_Angeles")));
}

#[tokio::test]
async fn a_period_that_means_nothing_is_refused_before_anybody_decides() {
    let mut world = World::new();
    let uf = file(0);
    let made = ledger::fact::FileCreated {
        time_zone: "Asia/Tokyo".to_owned(),
        period: Some(Period { from: Moment(0), to: Moment(0) }),
        ..created(Environment::Production)
    };
    world.say(uf, "SU-1", Fact::FileCreated(Box::new(made))).await;
    let whole = "\"product\":{\"id\":\"PRD-1\"},\"contract\":{\"id\":\"CRD-1\"}";
    for (body, want) in [
        ("\"time_zone\":\"Mars/Olympus\"", "time_zone: \"Mars/Olympus\" is no time zone of the IANA database."),
        (
            "\"timezone\":\"tokyo\"",
            "timezone: \"tokyo\" is no time zone of the IANA database. Did you mean Asia/Tokyo?",
        ),
        ("\"period\":{\"from\":\"2026-05-31\",\"to\":\"2026-05-01\"}", "period: The period ends before it begins."),
        ("\"period\":{\"from\":\"2026-05-31\"}", "period.to: This field is required."),
        ("\"period\":{\"from\":\"x\",\"to\":\"y\"}", "period.from: Datetime has wrong format."),
        ("\"start_datetime_utc\":\"x\",\"end_datetime_utc\":\"y\"", "start_datetime_utc: Datetime has wrong format."),
        ("\"predictive\":\"maybe\"", "predictive: Must be a valid boolean: true or false."),
    ] {
        let got = world.post(VENDOR, "usage/files", &format!("{{{whole},{body}}}")).await.error();
        assert_eq!((got.0, got.1.as_str()), (400, "VAL_001"), "{body}");
        assert!(got.2.starts_with(want), "{body}: {}", got.2);
    }
    // The instants of a period don't move by themselves.
    let path = format!("usage/files/{uf}");
    let zone = |name: &str| axum::body::Body::from(format!("{{\"time_zone\":\"{name}\"}}"));
    let got = world.send("PUT", VENDOR, &path, zone("Europe/Madrid")).await.error();
    assert!(got.2.starts_with("time_zone: Give the period as well, in days of Europe/Madrid"), "{}", got.2);
    // Nobody decides in these tests: what is well formed reaches whom it should, and nobody is there.
    assert_eq!(world.send("PUT", VENDOR, &path, zone("Asia/Tokyo")).await.error().1, "SYS_001");
}

#[tokio::test]
async fn sums_are_shown_at_every_stage_that_was_reached() {
    let mut world = World::new();
    let uf = file(0);
    checked(&mut world, uf, false).await;
    written(&mut world, uf, None).await;
    let lines = json!([{"currency": "USD", "tier": 0, "records": 5, "quantity": 10.5, "amount": -3.25},
        {"currency": "USD", "tier": 2, "records": 5, "quantity": 10.5, "amount": 2}]);
    let exempt = json!([{"currency": "USD", "records": 2, "quantity": 7, "amount": 0}]);
    let totals = |got: &Value| got["totals"].to_string();
    let text = |value: Value| value.to_string();
    let got = shown(&world, VENDOR, uf).await;
    assert_eq!(totals(&got), text(json!({"validated": lines, "exempt": exempt})));
    world.say(uf, "SU-1", Fact::FileSubmitted { upload: 1 }).await;
    let got = shown(&world, PROVIDER, uf).await;
    assert_eq!(totals(&got), text(json!({"validated": lines, "exempt": exempt, "pending": lines})));
    world.say(uf, "SU-2", Fact::FileAccepted { upload: 1, note: String::new() }).await;
    world.say(uf, "SU-2", Fact::ExtractionStarted { upload: 1, attempt: 1 }).await;
    let (billed, _) = sums();
    for (chunk, total) in (1..).zip(billed) {
        let hub = Some(Named { ..named("HB-1") });
        let (hub_external_id, totals) = (String::new(), vec![total]);
        let opened = Fact::ChunkOpened { upload: 1, chunk, hub, hub_external_id, totals, records: 5 };
        world.say(uf, "SU-2", opened).await;
    }
    let accepted = json!({"validated": lines, "exempt": exempt, "accepted": lines});
    assert_eq!(totals(&shown(&world, VENDOR, uf).await), text(accepted), "it is not divided to its end");
    world.say(uf, "SU-2", Fact::FileExtracted { upload: 1, chunks: 2, records: 10 }).await;
    let (billing_id, billing_note) = ("INV-1".to_owned(), String::new());
    world.say(uf, "SU-2", Fact::ChunkClosed { chunk: 2, billing_id, billing_note }).await;
    let closed = json!([lines[1]]);
    let want = json!({"validated": lines, "exempt": exempt, "accepted": lines, "extracted": lines, "closed": closed});
    assert_eq!(totals(&shown(&world, PROVIDER, uf).await), text(want));
}

#[tokio::test]
async fn an_estimate_says_so_and_what_took_its_place() {
    let mut world = World::new();
    let (uf, actual) = (file(0), file(1));
    checked(&mut world, uf, true).await;
    written(&mut world, uf, None).await;
    world.say(uf, "SU-1", Fact::FileSubmitted { upload: 1 }).await;
    let got = shown(&world, PROVIDER, uf).await;
    assert_eq!((&got["predictive"], got.get("superseded_by")), (&json!(true), None));
    world.say(uf, "SU-2", Fact::FileSuperseded { by: actual }).await;
    let got = shown(&world, PROVIDER, uf).await;
    assert_eq!((&got["status"], &got["superseded_by"]["id"]), (&json!("closed"), &json!(actual.to_string())));
}

#[tokio::test]
async fn the_workbook_of_rejected_records_is_the_vendors() {
    let mut world = World::new();
    let uf = file(0);
    checked(&mut world, uf, false).await;
    written(&mut world, uf, Some(Hash::of(b"rejects"))).await;
    let link = shown(&world, VENDOR, uf).await["rejects_file_uri"].as_str().unwrap().to_owned();
    let blob = Hash::of(b"rejects").to_string();
    assert!(link.contains(&blob) && link.contains(&format!("/{uf}-REJECTS.xlsx?")), "{link}");
    world.say(uf, "SU-1", Fact::FileSubmitted { upload: 1 }).await;
    assert_eq!(shown(&world, PROVIDER, uf).await.get("rejects_file_uri"), None);
}

#[tokio::test]
async fn a_record_that_is_never_billed_says_why() {
    let mut world = World::new();
    let uf = file(0);
    let parts = read(&mut world, uf).await;
    check_as(&mut world, uf, &parts, |part| {
        let mut batch = checked_batch(part, None);
        let mut reservation = batch.items[0].clone();
        reservation.kind = ItemKind::Reservation;
        batch.items.push(reservation);
        batch.records[0].item = Some(1);
        batch
    })
    .await;
    let reasons = |got: Value| {
        let reason =
            |one: &Value| format!("{} {}", one["status"].as_str().unwrap(), one["exempt"].as_str().unwrap_or("-"));
        got.as_array().unwrap().iter().map(reason).collect::<Vec<_>>().join(", ")
    };
    let list = format!("usage/records?usagefile.id={uf}&limit={BATCH}");
    assert_eq!(reasons(world.get(VENDOR, &list).await.json()), "valid reservation, valid -, valid -");
    world.say(uf, "SU-1", Fact::FileSubmitted { upload: 1 }).await;
    world.say(uf, "SU-2", Fact::FileAccepted { upload: 1, note: String::new() }).await;
    world.say(uf, "SU-2", Fact::ExtractionStarted { upload: 1, attempt: 1 }).await;
    let (reason, rows, totals) = (ExemptReason::Reservation, [2, 5, 8].into_iter().collect(), vec![]);
    world.say(uf, "SU-2", Fact::RecordsExempted { upload: 1, reason, rows, records: 3, totals }).await;
    world.say(uf, "SU-2", Fact::FileExtracted { upload: 1, chunks: 0, records: 6 }).await;
    assert_eq!(reasons(world.get(PROVIDER, &list).await.json()), "closed reservation, approved -, approved -");
}
