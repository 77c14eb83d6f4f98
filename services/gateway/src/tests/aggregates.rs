//! What was used over the life of the ledger: summed over accepted files, seen by those whose files they are.

use ledger::catalog::Environment;
use ledger::fact::{FileChecked, FileCreated, FileRead, SummaryLine, UploadOpened};
use ledger::{Decimal, Fact, FileId, Hash};
use serde_json::{Value, json};

use super::world::{OPERATOR, PROVIDER, STRANGER, VENDOR, World, created, file, id};

type Line<'a> = (&'a str, &'a str, Option<u8>, &'a str, &'a str);

async fn reported(world: &mut World, uf: FileId, made: FileCreated, lines: &[Line<'_>]) {
    world.say(uf, "SU-1", Fact::FileCreated(Box::new(made))).await;
    let filename = "a.xlsx".to_owned();
    let opened = UploadOpened { upload: 1, blob: Hash::ZERO, bytes: 2, filename, catalog_position: 1 };
    world.say(uf, "SU-1", Fact::UploadOpened(opened)).await;
    world.say(uf, "SU-1", Fact::ReadStarted { upload: 1, attempt: 1 }).await;
    let (columns, ignored, categories, parts) = (vec![], vec![], vec![], vec![]);
    let read = FileRead { upload: 1, attempt: 1, columns, ignored, categories, parts, records: 12 };
    world.say(uf, "SU-1", Fact::FileRead(Box::new(read))).await;
    world.say(uf, "SU-1", Fact::CheckStarted { upload: 1, attempt: 1, catalog_position: 1 }).await;
    let line = |(subscription, item, tier, quantity, amount): &Line<'_>| SummaryLine {
        subscription: id(subscription),
        item: id(item),
        tier: *tier,
        records: 1,
        quantity: Decimal::parse(quantity).unwrap(),
        amount: Decimal::parse(amount).unwrap(),
    };
    let lines = lines.iter().map(line).collect();
    world.say(uf, "SU-1", Fact::UsageSummarized { upload: 1, attempt: 1, part: 0, lines }).await;
    let checked = FileChecked {
        upload: 1,
        attempt: 1,
        parts: vec![],
        valid: 12,
        invalid: 0,
        totals: vec![],
        exempt_totals: vec![],
        codes: vec![],
        warnings: vec![],
        span: None,
        summary_parts: 1,
    };
    world.say(uf, "SU-1", Fact::FileChecked(Box::new(checked))).await;
    let provider = Some(Hash::ZERO);
    let written = Fact::ProcessedWritten { upload: 1, vendor: Hash::ZERO, provider, rejects: None, writer: 1 };
    world.say(uf, "SU-1", written).await;
    world.say(uf, "SU-1", Fact::FileSubmitted { upload: 1 }).await;
}

async fn accepted(world: &mut World, count: u32, made: FileCreated, lines: &[Line<'_>]) {
    reported(world, file(count), made, lines).await;
    world.say(file(count), "SU-2", Fact::FileAccepted { upload: 1, note: String::new() }).await;
}

fn made() -> FileCreated {
    created(Environment::Production)
}

/// `AS-1 PRD-1-0001 accepted/consumed amount currency`, a line for each.
async fn found(world: &World, key: &str, path: &str) -> Vec<String> {
    let got = world.get(key, path).await;
    assert_eq!(got.status, 200, "{path} {}", String::from_utf8_lossy(&got.bytes));
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let line = |one: &Value| {
        let money = one.get("amount").map(|amount| format!(" {amount} {}", text(&one["currency"])));
        let (asset, item) = (text(&one["asset"]["id"]), text(&one["item"]["id"]));
        format!("{asset} {item} {}/{}{}", one["accepted"], one["consumed"], money.unwrap_or_default())
    };
    got.json().as_array().unwrap().iter().map(line).collect()
}

#[tokio::test]
async fn usage_is_summed_over_accepted_files() {
    let mut world = World::new();
    let (ppu, bought) = ("PRD-1-0001", "PRD-1-0002");
    accepted(&mut world, 0, made(), &[("AS-1", ppu, None, "1.5", "0"), ("AS-1", bought, None, "7", "0")]).await;
    accepted(&mut world, 1, made(), &[("AS-1", ppu, None, "2", "0"), ("AS-1", bought, None, "5", "0")]).await;
    accepted(&mut world, 2, made(), &[("AS-2", ppu, None, "-1", "0")]).await;
    let money = FileCreated { currency: Some("USD".to_owned()), ..made() };
    // Three prices of one usage.
    let tiers =
        [("AS-2", ppu, Some(0), "4", "60"), ("AS-2", ppu, Some(1), "4", "50"), ("AS-2", ppu, Some(2), "4", "40")];
    accepted(&mut world, 3, money, &tiers).await;
    accepted(&mut world, 4, FileCreated { predictive: true, ..made() }, &[("AS-1", ppu, None, "100", "0")]).await;
    accepted(&mut world, 5, created(Environment::Test), &[("AS-1", ppu, None, "100", "0")]).await;
    reported(&mut world, file(6), made(), &[("AS-1", ppu, None, "100", "0")]).await;
    let all = ["AS-1 PRD-1-0001 3.5/3.5", "AS-1 PRD-1-0002 0/5", "AS-2 PRD-1-0001 -1/-1", "AS-2 PRD-1-0001 4/4 60 USD"];
    for key in [VENDOR, PROVIDER, OPERATOR] {
        assert_eq!(found(&world, key, "usage/aggregates").await, all, "{key}");
    }
    assert!(found(&world, STRANGER, "usage/agregates").await.is_empty());
    for (path, want) in [
        ("usage/aggregates?asset.external_uid=uid-1", &all[..2]),
        ("usage/aggregates?in(asset.id,(AS-2,AS-9))", &all[2..]),
        ("usage/aggregates?item.type=Reservation", &all[1..2]),
        ("usage/aggregates?item.local_id=vm_hours&asset.id=AS-1", &all[..1]),
        ("usage/aggregates?search=vm_ho", &[all[0], all[2], all[3]]),
        ("usage/aggregates?limit=1&offset=3", &all[3..]),
        ("assets/AS-1/usage/aggregates", &all[..2]),
        ("assets/AS-3/usage/aggregates", &[]),
        ("assets/AS-1/usage/aggregates?asset.id=AS-2", &[]),
    ] {
        assert_eq!(found(&world, PROVIDER, path).await, want, "{path}");
    }
    assert_eq!(world.get(STRANGER, "assets/AS-1/usage/aggregates").await.status, 404);
    let got = world.get(PROVIDER, "usage/aggregates?asset.id=AS-1").await;
    assert_eq!(got.header("content-range"), "items 0-1/2");
    let first = &got.json()[0];
    let item = json!({"id": "PRD-1-0001", "local_id": "vm_hours", "name": "PRD-1-0001 name", "unit": "unit*h",
        "mpn": "VM", "precision": "decimal(2)", "type": "PPU"});
    assert_eq!(first["item"], item);
    assert_eq!(first["asset"], json!({"id": "AS-1", "external_id": "ext-1", "external_uid": "uid-1"}));
    assert_eq!(first["events"]["last_reported"]["by"], json!({"id": "SU-1", "name": "SU-1 name"}));
}
