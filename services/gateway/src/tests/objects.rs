//! Files, chunks and reconciliations as they are shown, to each side what is for it.

use ledger::catalog::Environment;
use ledger::fact::{FileChecked, FileRead, UploadOpened};
use ledger::{Fact, FileId, Hash};
use serde_json::json;

use super::world::{PROVIDER, STRANGER, VENDOR, World, created, file, named};

pub(super) async fn made(world: &mut World, environment: Environment) -> FileId {
    let uf = file(0);
    world.say(uf, "SU-1", Fact::FileCreated(Box::new(created(environment)))).await;
    uf
}

pub(super) async fn checked(world: &mut World, uf: FileId) {
    let (blob, filename) = (Hash::of(b"in"), "a.xlsx".to_owned());
    let opened = UploadOpened { upload: 1, blob, bytes: 2, filename, catalog_position: 1 };
    world.say(uf, "SU-1", Fact::UploadOpened(opened)).await;
    world.say(uf, "SU-1", Fact::ReadStarted { upload: 1, attempt: 1 }).await;
    let (columns, ignored, categories, parts) = (vec![], vec![], vec![], vec![]);
    let read = FileRead { upload: 1, attempt: 1, columns, ignored, categories, parts, records: 12 };
    world.say(uf, "SU-1", Fact::FileRead(Box::new(read))).await;
    world.say(uf, "SU-1", Fact::CheckStarted { upload: 1, attempt: 1, catalog_position: 1 }).await;
    let (parts, totals, codes) = (vec![], vec![], vec![]);
    let checked = FileChecked {
        exempt_totals: Vec::new(),
        span: None,
        warnings: Vec::new(),
        upload: 1,
        attempt: 1,
        parts,
        valid: 12,
        invalid: 0,
        totals,
        codes,
        summary_parts: 0,
    };
    world.say(uf, "SU-1", Fact::FileChecked(Box::new(checked))).await;
    let (vendor, provider) = (Hash::of(b"for vendor"), Some(Hash::of(b"for provider")));
    world.say(uf, "SU-1", Fact::ProcessedWritten { upload: 1, vendor, provider, rejects: None, writer: 1 }).await;
}

#[tokio::test]
async fn a_draft_is_what_was_created_without_what_is_empty() {
    let mut world = World::new();
    let uf = made(&mut world, Environment::Production).await;
    let stamp = json!({"at": "2026-11-22T00:00:01.000000+00:00", "by": {"id": "SU-1", "name": "SU-1 name"}});
    let want = json!({
        "id": "UF-2026-11-0000-0000",
        "name": "October",
        "external_id": "vendor-1",
        "status": "draft",
        "vendor": {"id": "VA-1", "name": "VA-1 name", "icon": "/media/VA-1.png"},
        "provider": {"id": "PA-1", "name": "PA-1 name", "icon": "/media/PA-1.png"},
        "environment": "production",
        "marketplace": {"id": "MP-1", "name": "MP-1 name"},
        "contract": {"id": "CRD-1", "name": "CRD-1 name"},
        "product": {"id": "PRD-1", "name": "PRD-1 name"},
        "description": " kept\tas it is ",
        "schema": "qt",
        "events": {"created": stamp},
    });
    assert_eq!(world.get(VENDOR, "usage/files").await.json(), json!([want]));
    assert_eq!(world.get(VENDOR, &format!("usage/files/{uf}")).await.json(), want);
    assert_eq!(world.get(VENDOR, "usage/files?select(-events)&limit=1").await.json()[0].get("events"), None);
    for key in [PROVIDER, STRANGER] {
        assert_eq!(world.get(key, "usage/files").await.json(), json!([]));
        assert_eq!(world.get(key, &format!("usage/files/{uf}")).await.status, 404);
    }
}

#[tokio::test]
async fn a_ready_file_has_counts_and_links_and_its_provider_sees_it_once_submitted() {
    let mut world = World::new();
    let uf = made(&mut world, Environment::Production).await;
    checked(&mut world, uf).await;
    let path = format!("usage/files/{uf}");
    let got = world.get(VENDOR, &path).await.json();
    assert_eq!((&got["status"], &got["stats"]), (&json!("ready"), &json!({"uploaded": 12, "validated": 12})));
    assert_eq!(got["records"], json!({"valid": 12, "invalid": 0, "closed": 0}));
    let link = got["usage_file_uri"].as_str().unwrap();
    assert!(link.starts_with("http://ledger.test:8080/") && link.contains(&format!("/{uf}.xlsx?")), "{link}");
    assert!(got["processed_file_uri"].as_str().unwrap().contains(&format!("/{uf}-PROCESSED.xlsx?")));
    assert_eq!(world.get(PROVIDER, &path).await.status, 404);
    let listed = world.get(VENDOR, "usage/files?in(product_id,(PRD-1))&eq(status,ready)&limit=1000").await.json();
    assert_eq!(listed[0].get("usage_file_uri"), None);

    world.say(uf, "SU-1", Fact::FileSubmitted { upload: 1 }).await;
    let got = world.get(PROVIDER, &path).await.json();
    assert_eq!((&got["status"], &got["stats"]["pending"]), (&json!("pending"), &json!(12)));
    assert_eq!((got.get("external_id"), got.get("usage_file_uri")), (None, None));
    let link = got["processed_file_uri"].as_str().unwrap();
    assert!(link.contains(&Hash::of(b"for provider").to_string()), "{link}");
    // Nor can a provider find out what it is: the name is unknown to it, so that the condition is left out.
    for (key, count) in [(VENDOR, 0), (PROVIDER, 1)] {
        let got = world.get(key, "usage/files?external_id=guess").await.json();
        assert_eq!(got.as_array().unwrap().len(), count, "{key}");
    }
    assert_eq!(world.get(PROVIDER, "usage/files?search=vendor-1").await.json(), json!([]));
    assert_eq!(world.get(PROVIDER, "usage/files?select(-external_id)").await.status, 400);
}

#[tokio::test]
async fn a_linked_workbook_comes_as_it_was_kept() {
    let mut world = World::new();
    let uf = made(&mut world, Environment::Production).await;
    checked(&mut world, uf).await;
    let mut writer = world.gateway.processed.blobs().writer(100).unwrap();
    writer.add(b"for vendor").unwrap();
    writer.finish().unwrap();
    let got = world.get(VENDOR, &format!("usage/files/{uf}")).await.json();
    let link = got["processed_file_uri"].as_str().unwrap().strip_prefix("http://ledger.test:8080").unwrap().to_owned();
    let got = world.get("", &link).await;
    assert_eq!((got.status.as_u16(), got.bytes.as_slice()), (200, &b"for vendor"[..]));
    assert_eq!(got.header("content-length"), "10");
    assert_eq!(world.get("", &link.replace("processed/", "uploaded/")).await.status, 403);
}

#[tokio::test]
async fn chunks_and_reconciliations_are_the_providers() {
    let mut world = World::new();
    let uf = made(&mut world, Environment::Production).await;
    checked(&mut world, uf).await;
    world.say(uf, "SU-1", Fact::FileSubmitted { upload: 1 }).await;
    world.say(uf, "SU-2", Fact::FileAccepted { upload: 1, note: "fine".to_owned() }).await;
    world.say(uf, "SU-2", Fact::ExtractionStarted { upload: 1, attempt: 1 }).await;
    let (hub, hub_external_id) = (Some(named("HB-1")), "m-7".to_owned());
    let opened = Fact::ChunkOpened { upload: 1, chunk: 1, hub, hub_external_id, totals: vec![], records: 12 };
    world.say(uf, "SU-2", opened).await;
    let draft = world.get(PROVIDER, "usage/chunks/UFC-2026-11-0000-0000-001/download").await;
    assert_eq!(draft.error(), (400, "USG_030".into(), "Chunk in status \"draft\" can not be downloaded.".into()));
    world.say(uf, "SU-2", Fact::FileExtracted { upload: 1, chunks: 1, records: 12 }).await;
    let mut writer = world.gateway.reconciliations.blobs().writer(100).unwrap();
    writer.add(b"chunk").unwrap();
    let (blob, bytes) = writer.finish().unwrap();
    world.say(uf, "SU-2", Fact::ChunkWritten { chunk: 1, blob, bytes }).await;
    let note = "first".to_owned();
    world.say(uf, "SU-2", Fact::ReconciliationReceived { reconciliation: 1, blob, bytes, note }).await;

    let got = world.get(PROVIDER, "usage/chunks?status=ready&binding.hub.id=HB-1&limit=100&offset=0").await;
    assert_eq!(got.header("content-range"), "items 0-0/1");
    let chunk = &got.json()[0];
    assert_eq!(chunk["usagefile"], json!({"id": uf.to_string(), "name": "October", "schema": "qt"}));
    assert_eq!(chunk["binding"], json!({"hub": {"id": "HB-1", "name": "HB-1 name"}, "external_id": "m-7"}));
    assert_eq!((&chunk["outdated"], &chunk["stats"]["accepted"]), (&json!(false), &json!(12)));
    let download = world.get(PROVIDER, "usage/chunks/UFC-2026-11-0000-0000-001/download/").await;
    assert_eq!(download.bytes, b"chunk");
    assert_eq!(download.header("content-disposition"), "attachment; filename=\"UFC-2026-11-0000-0000-001.xlsx\"");
    let got = world.get(PROVIDER, "usage/reconciliations").await.json();
    assert_eq!((&got[0]["status"], &got[0]["notes"]), (&json!("uploaded"), &json!({"uploaded": "first"})));
    let got = world.get(PROVIDER, "usage/reconciliations/RCF-2026-11-0000-0000-001/uploadedFile").await;
    assert_eq!(got.bytes, b"chunk");
    let file = world.get(PROVIDER, &format!("usage/files/{uf}")).await.json();
    assert_eq!((&file["sub_status"], &file["acceptance_note"]), (&json!("processing"), &json!("fine")));
    assert!(file["reconciliation_file_uri"].as_str().unwrap().contains("/RCF-2026-11-0000-0000-001.xlsx?"));
    let processed = "usage/reconciliations/RCF-2026-11-0000-0000-001/processedFile";
    assert_eq!(world.get(PROVIDER, processed).await.status, 404, "it is not processed yet");
    let mut writer = world.gateway.reconciliations.blobs().writer(100).unwrap();
    writer.add(b"results").unwrap();
    let (blob, _) = writer.finish().unwrap();
    let summary = "12 records closed".to_owned();
    let done = Fact::ReconciliationProcessed { reconciliation: 1, closed: 12, open: 0, summary, processed: Some(blob) };
    world.say(uf, "SU-2", done).await;
    let got = world.get(PROVIDER, processed).await;
    let name = "attachment; filename=\"RCF-2026-11-0000-0000-001-PROCESSED.xlsx\"";
    assert_eq!((got.bytes.as_slice(), got.header("content-disposition")), (&b"results"[..], name));
    let file = world.get(PROVIDER, &format!("usage/files/{uf}")).await.json();
    let link = file["reconciliation_file_uri"].as_str().unwrap();
    assert!(link.contains(&format!("/{blob}/RCF-2026-11-0000-0000-001-PROCESSED.xlsx?")), "{link}");
    for path in ["usage/chunks", "usage/reconciliations"] {
        assert_eq!(world.get(VENDOR, path).await.json(), json!([]), "{path}");
    }
    assert_eq!(world.get(VENDOR, "usage/chunks/UFC-2026-11-0000-0000-001").await.status, 404);
}
