//! The life of a file as its parties' programs drive it through the API, and what the logs must say of it afterwards,
//! whatever died meanwhile.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ledger::fact::Total;
use ledger::{Decimal, Fact, FileId, HostId, Ledger, Moment, ObjectId, ServiceName, Subject};
use runtime::log::{LogSettings, Logs};
use serde_json::{Value, json};
use usage_ledger::cli::{Client, ClientError};
use usage_ledger::demo::{DISTRIBUTOR_KEY, VENDOR_KEY, generate, reconcile};

use crate::tree::root;

const CONTRACT: &str = "CRD-21674-67435-75488";
const PRODUCT: &str = "PRD-404-832-779";
/// How long anything may take on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks at a file.
const PAUSE: Duration = Duration::from_millis(20);

/// What the driver does next about a file, in the order of its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Upload,
    Submit,
    Accept,
    CloseChunk,
    Reconcile,
    Closed,
}

/// A file on its way, and what the ledger has acknowledged of it.
#[derive(Clone)]
pub(crate) struct Life {
    folder: PathBuf,
    pub(crate) source: PathBuf,
    pub(crate) total: Decimal,
    pub(crate) records: u32,
    pub(crate) id: FileId,
    acknowledged: Step,
    /// What was answered to the last step that wasn't acknowledged.
    refused: String,
    /// Whether an answer may lack for a while what was acknowledged: a gateway waits a moment for services, no longer.
    pub(crate) reads_may_be_late: bool,
}

impl Life {
    /// Makes a workbook and a draft for it; none when no draft was acknowledged.
    pub(crate) fn begin(url: &str, folder: &Path, name: &str, seed: u64, records: u32) -> Option<Self> {
        let day = |text| Moment::parse_iso(text).expect("a date");
        let source = folder.join(format!("{name}.xlsx"));
        let plan = generate::Plan {
            seed,
            records,
            contract: ObjectId::new(CONTRACT).expect("an id"),
            product: ObjectId::new(PRODUCT).expect("an id"),
            from: day("2026-10-01"),
            until: day("2026-11-01"),
            record_prefix: name.to_owned(),
        };
        let made = generate::workbook(&catalog(), &plan, &source, folder).expect("the workbook is made");
        let body = json!({ "contract": { "id": CONTRACT }, "product": { "id": PRODUCT } });
        let created = Client::new(url, VENDOR_KEY).post("usage/files", &body).ok()?;
        let id = FileId::parse(created["id"].as_str().expect("an id")).expect("a file's id");
        let folder = folder.to_owned();
        Some(Self {
            folder,
            source,
            total: made.total,
            records,
            id,
            acknowledged: Step::Upload,
            refused: String::new(),
            reads_may_be_late: false,
        })
    }

    /// The step that the file needs next, after what was acknowledged; waits while the ledger works on it. None when
    /// the ledger is gone.
    pub(crate) fn next_step(&self, url: &str, mut gone: impl FnMut() -> bool) -> Option<Step> {
        let since = Instant::now();
        let mut last = String::new();
        loop {
            let refused = &self.refused;
            assert!(since.elapsed() < PATIENCE, "{} does not move on: {last}; refused before: {refused}", self.id);
            if gone() {
                return None;
            }
            match self.look(url) {
                Ok(step) => {
                    let repeated = step == self.acknowledged && matches!(step, Step::Reconcile | Step::Upload);
                    if step > self.acknowledged || repeated {
                        return Some(step);
                    }
                    let late = self.reads_may_be_late && since.elapsed() < PATIENCE / 2;
                    let (id, acknowledged) = (self.id, self.acknowledged);
                    assert!(late, "{id}: {step:?} is next although {acknowledged:?} was acknowledged");
                }
                Err(why) => last = why,
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// The step that the file needs next, or why there is none: the ledger works on it or can't be asked.
    fn look(&self, url: &str) -> Result<Step, String> {
        let file = answer(&Client::new(url, VENDOR_KEY), &format!("usage/files/{}", self.id))?;
        match file["status"].as_str().unwrap_or_default() {
            "draft" => Ok(Step::Upload),
            // Who submitted just before it was ready is remembered, and need not come again.
            "ready" if file["submit_remembered"].is_object() => Err(file.to_string()),
            "ready" => Ok(Step::Submit),
            "pending" => Ok(Step::Accept),
            "closed" => Ok(Step::Closed),
            "accepted" => self.next_of_chunks(url),
            "invalid" | "rejected" | "deleted" => panic!("{}: {file:#}", self.id),
            _ => Err(file.to_string()),
        }
    }

    fn next_of_chunks(&self, url: &str) -> Result<Step, String> {
        // Asked before the chunks: what is processed has closed them by then.
        let distributor = Client::new(url, DISTRIBUTOR_KEY);
        let uploads = answer(&distributor, &format!("usage/reconciliations?usagefile.id={}", self.id))?;
        let chunks = answer(&distributor, &format!("usage/chunks?usagefile.id={}", self.id))?;
        let (uploads, chunks) = (list(&uploads)?, list(&chunks)?);
        if chunks.is_empty() || chunks.iter().any(|chunk| chunk["status"] == "draft") {
            return Err(format!("chunks {chunks:?}"));
        }
        assert!(chunks.iter().all(|chunk| chunk["status"] != "failed"), "{chunks:#?}");
        if chunks[0]["status"] == "ready" {
            return Ok(Step::CloseChunk);
        }
        let running = uploads.iter().any(|it| it["status"] != "processed");
        let open = chunks.iter().any(|chunk| chunk["status"] == "ready");
        if open && !running { Ok(Step::Reconcile) } else { Err(format!("chunks {chunks:?}, uploads {uploads:?}")) }
    }

    /// Does a step that has to be acknowledged.
    pub(crate) fn must(&mut self, url: &str, step: Step) {
        assert!(self.perform(url, step), "{step:?}: {}", self.refused);
    }

    /// Does a step; true when it was acknowledged.
    pub(crate) fn perform(&mut self, url: &str, step: Step) -> bool {
        let asked = self.ask(url, step);
        match &asked {
            Ok(()) => self.acknowledged = self.acknowledged.max(step),
            Err(why) => self.refused = format!("{step:?}: {why}"),
        }
        asked.is_ok()
    }

    fn ask(&self, url: &str, step: Step) -> Result<(), ClientError> {
        let vendor = Client::new(url, VENDOR_KEY);
        let distributor = Client::new(url, DISTRIBUTOR_KEY);
        let id = self.id;
        match step {
            Step::Upload => {
                vendor.upload(&format!("usage/files/{id}/upload"), "usage_file", &self.source, false).map(drop)
            }
            Step::Submit => vendor.post(&format!("usage/files/{id}/submit"), &json!({})).map(drop),
            Step::Accept => distributor.post(&format!("usage/files/{id}/accept"), &json!({})).map(drop),
            Step::CloseChunk => {
                let billing = json!({ "external_billing_id": "BATCH-1" });
                distributor.post(&format!("usage/chunks/{}/close", id.chunk(1)), &billing).map(drop)
            }
            Step::Reconcile => self.reconcile(&distributor),
            Step::Closed => Ok(()),
        }
    }

    fn reconcile(&self, distributor: &Client) -> Result<(), ClientError> {
        let url = format!("usage/chunks?usagefile.id={}&status=ready", self.id);
        let chunks = distributor.get(&url)?;
        let Some(chunk) = chunks[0]["id"].as_str() else { return Err(ClientError::Answer { url }) };
        let path = self.folder.join(format!("{chunk}.xlsx"));
        let back = self.folder.join(format!("back-{chunk}.xlsx"));
        distributor.download(&format!("usage/chunks/{chunk}/download"), &path)?;
        reconcile(&path, &back, &self.folder, Moment(0)).expect("the chunk's workbook is whole");
        distributor.upload(&format!("usage/files/{}/reconciliation", self.id), "recon_file", &back, false).map(drop)
    }
}

/// What a ledger says; why not, in words.
fn answer(client: &Client, path: &str) -> Result<Value, String> {
    client.get(path).map_err(|refusal| refusal.to_string())
}

fn list(value: &Value) -> Result<&Vec<Value>, String> {
    value.as_array().ok_or_else(|| value.to_string())
}

fn catalog() -> ledger::Catalog {
    let text = std::fs::read(root().join("schemas/demo-catalog.json")).expect("the demo catalog");
    let mut catalog = ledger::Catalog::default();
    let objects = ::catalog::json::read(&text, &catalog, b"").expect("a sound catalog");
    objects.into_iter().for_each(|object| catalog.record(object));
    catalog
}

fn quantity(totals: &[Total]) -> Decimal {
    totals.iter().fold(Decimal::ZERO, |sum, total| sum.saturating_add(total.quantity))
}

/// Replays every log and checks each file: accepted, extracted and closed once, with the generator's total. `data_of`
/// says where the log of a service is.
pub(crate) fn check_logs(data_of: impl Fn(ServiceName) -> PathBuf, files: &BTreeMap<FileId, (Decimal, u32)>) {
    let mut ledger = Ledger::default();
    let mut counts: BTreeMap<(FileId, &str), u32> = BTreeMap::new();
    for service in ServiceName::WRITERS {
        let (dir, host) = (data_of(service).join("log"), HostId::new(service, 0));
        Logs::verify(&dir).expect("chain and anchor verify");
        let logs = Logs::open(&dir, &[host], LogSettings::default()).expect("the log opens");
        for entry in logs.reader(host).expect("a reader").own(1) {
            let entry = entry.expect("an entry");
            let event = proto::decode_event(entry.payload.as_deref().unwrap_or_default()).expect("an event");
            let word = match &event.fact {
                Fact::FileAccepted { .. } => "accepted",
                Fact::FileExtracted { .. } => "extracted",
                Fact::FileClosed { totals, .. } => {
                    if let Subject::File(file) = &event.subject {
                        let total = files.get(file).map(|(total, _)| *total);
                        assert_eq!(total, Some(quantity(totals)), "{file} closed with other totals");
                    }
                    "closed"
                }
                _ => "",
            };
            if let (Subject::File(file), false) = (&event.subject, word.is_empty()) {
                *counts.entry((*file, word)).or_default() += 1;
            }
            ledger.evolve(entry.header.sequence, &event);
        }
        logs.close();
    }
    for (file, (total, records)) in files {
        for word in ["accepted", "extracted", "closed"] {
            assert_eq!(counts.get(&(*file, word)), Some(&1), "{file} {word}");
        }
        let known = ledger.file(*file).expect("the file");
        let extraction = known.current_extraction().expect("extracted");
        let chunks: Vec<Total> = extraction.chunks.values().flat_map(|chunk| chunk.totals.clone()).collect();
        assert_eq!((quantity(known.totals()), quantity(&chunks)), (*total, *total), "{file}");
        assert_eq!((extraction.closed.len(), known.stats().accepted), (*records, *records), "{file}");
    }
}
