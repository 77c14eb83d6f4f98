//! A file in each status, and the ids of what belongs to it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ledger::file::Chunk;
use ledger::{FileId, ServiceName, Status};
use serde_json::{Value, json};

use crate::scenarios::http::Body;
use crate::scenarios::sheets;
use crate::scenarios::world::{PREVIEW_CONTRACT, PRODUCT, Party, Vendor, World, provider_of};

/// The columns of files.txt.
pub(super) const PLACES: [&str; 11] = [
    "draft",
    "uploaded",
    "processing",
    "invalid",
    "ready",
    "pending",
    "rejected",
    "again",
    "accepted",
    "closed",
    "deleted",
];
/// Enough that no chunk has only one.
const RECORDS: u32 = 16;

/// Under which contract files are made, and for which environment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) contract: &'static str,
    pub(super) environment: &'static str,
}

impl Terms {
    /// Who answers these files.
    fn provider(self) -> Party {
        if self.environment == "production" { provider_of(self.contract) } else { Vendor }
    }
}

/// A file in a place.
pub(super) struct Target {
    pub(super) file: FileId,
    /// A sound workbook with record ids of its own.
    pub(super) workbook: PathBuf,
}

impl Target {
    /// A new file in a place.
    pub(super) fn make(world: &World, terms: Terms, place: &str, number: u32) -> Self {
        let prefix = format!("{place}-{number}");
        let (workbook, _) = world.generate(terms.contract, &prefix, RECORDS);
        let file = world.create_with(&json!({
            "contract": { "id": terms.contract }, "product": { "id": PRODUCT }, "environment": terms.environment,
        }));
        let target = Self { file: FileId::parse(&file).expect("an id"), workbook };
        if place == "invalid" {
            world.upload(&file, &world.generate_faulty(&format!("{prefix}-faulty"), RECORDS)).expect(201);
            world.checked(&file);
        } else if place != "draft" {
            world.upload(&file, &target.workbook).expect(201);
        }
        match place {
            "draft" | "uploaded" | "invalid" => {}
            "processing" => target.settle(world, place),
            later => {
                world.reach(&file, "ready");
                take_on(world, terms.provider(), &target, later);
            }
        }
        assert_eq!(status_of(world, target.file), status_in(place), "{place}");
        target
    }

    /// Waits until what is at work on the file has come to its end; where nobody works, nothing does.
    fn settle(&self, world: &World, place: &str) {
        let path = format!("usage/files/{}", self.file);
        let all_read = |_: &Value| {
            let ledger = world.product().projection.read();
            ledger.file(self.file).and_then(|file| file.current_reading()).is_some_and(|reading| reading.end.is_some())
        };
        match place {
            "uploaded" => {}
            "processing" => drop(world.wait(Vendor, &path, all_read)),
            _ => {
                world.checked(&self.file.to_string());
                world.wait(Vendor, &path, |shown| shown["sub_status"] != "processing" && self.is_written(world));
            }
        }
    }

    /// Whether no chunk's workbook is being written.
    fn is_written(&self, world: &World) -> bool {
        let ledger = world.product().projection.read();
        let extraction = ledger.file(self.file).and_then(|file| file.current_extraction());
        // A chunk that was closed stays so while its workbook is written again.
        let is_done = |chunk: &Chunk| chunk.workbook.is_some() || chunk.failed.is_some();
        extraction.is_none_or(|it| it.chunks.values().all(is_done))
    }

    /// A path or body with the ids of this file in it.
    pub(super) fn fill(&self, text: &str) -> String {
        let (file, first_row) = (self.file, 2);
        let ids = [
            ("{file}", file.to_string()),
            ("{record}", file.record(first_row).to_string()),
            ("{chunk}", file.chunk(1).to_string()),
            ("{reconciliation}", file.reconciliation(1).to_string()),
        ];
        ids.iter().fold(text.to_owned(), |text, (name, id)| text.replace(name, id))
    }
}

/// Three products: one that works, and two that leave a workbook where it is.
pub(super) struct Places {
    terms: Terms,
    working: World,
    reads_nothing: World,
    checks_nothing: World,
    made: u32,
    targets: BTreeMap<usize, Target>,
}

impl Places {
    pub(super) fn new(terms: Terms, prepare: impl Fn(&World)) -> Self {
        let held = |tune| {
            let world = World::tuned(tune);
            prepare(&world);
            world
        };
        Self {
            terms,
            working: held(|_| {}),
            reads_nothing: held(|settings| settings.idle = vec![ServiceName::Ingestion]),
            checks_nothing: held(|settings| settings.idle = vec![ServiceName::Validation]),
            made: 0,
            targets: BTreeMap::new(),
        }
    }

    fn world(&self, place: usize) -> &World {
        match PLACES[place] {
            "uploaded" => &self.reads_nothing,
            "processing" => &self.checks_nothing,
            _ => &self.working,
        }
    }

    /// A file in a place, and where it is: the one that is there, or a new one.
    pub(super) fn target(&mut self, place: usize) -> (&World, &Target) {
        if !self.targets.contains_key(&place) {
            self.made += 1;
            let target = Target::make(self.world(place), self.terms, PLACES[place], self.made);
            self.targets.insert(place, target);
        }
        (self.world(place), &self.targets[&place])
    }

    /// Lets go of a file that has left its place.
    pub(super) fn leave(&mut self, place: usize) {
        let wanted = status_in(PLACES[place]);
        let world = self.world(place);
        let Some(target) = self.targets.get(&place) else { return };
        target.settle(world, PLACES[place]);
        if status_of(world, target.file) != wanted {
            self.targets.remove(&place);
        }
    }
}

/// From ready to where it is wanted.
fn take_on(world: &World, provider: Party, target: &Target, place: &str) {
    let file = target.file.to_string();
    match place {
        "deleted" => drop(world.act(Vendor, &file, "delete").expect(201)),
        "pending" => drop(world.submit(&file)),
        "rejected" | "again" => {
            world.submit(&file);
            world.act(provider, &file, "reject").expect(201);
            if place == "again" {
                world.upload(&file, &target.workbook).expect(201);
                world.reach(&file, "ready");
            }
        }
        "accepted" | "closed" => {
            world.submit(&file);
            world.act(provider, &file, "accept").expect(201);
            reconcile(world, provider, &file);
            if place == "closed" {
                world.close(provider, &file);
            }
        }
        _ => {}
    }
}

/// A reconciliation that bills nothing: it is there to be looked at.
fn reconcile(world: &World, provider: Party, file: &str) {
    world.chunks(provider, file);
    let path = world.path(&format!("{file}-bills-nothing.xlsx"));
    sheets::reconciliation(&path, file, "record_id", &[["nobody", "", ""]]);
    let form = Body::Workbook("recon_file", &path);
    world.send(provider, "POST", &format!("usage/files/{file}/reconciliation"), form).expect(201);
    let done = |list: &Value| list[0]["status"] == "processed" || list[0]["status"] == "failed";
    let list = world.wait(provider, &format!("usage/reconciliations?usagefile.id={file}"), done);
    assert_eq!(list[0]["status"], "processed", "{list:#}");
}

fn status_in(place: &str) -> Status {
    match place {
        "draft" => Status::Draft,
        "uploaded" => Status::Uploaded,
        "processing" => Status::Processing,
        "invalid" => Status::Invalid,
        "ready" | "again" => Status::Ready,
        "pending" => Status::Pending,
        "rejected" => Status::Rejected,
        "accepted" => Status::Accepted,
        "closed" => Status::Closed,
        _ => Status::Deleted,
    }
}

fn status_of(world: &World, file: FileId) -> Status {
    world.product().projection.read().file(file).expect("the file").status()
}

/// In whose contracts the environment is the contract's own.
pub(super) const PREVIEW: Terms = Terms { contract: PREVIEW_CONTRACT, environment: "preview" };
