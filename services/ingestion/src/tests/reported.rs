//! Reported records: which a file takes, what each call is told, and what is read once the file is sealed.

use std::collections::BTreeSet;

use ledger::batch::BatchBuilder;
use ledger::fact::{FileColumn, FileRead};
use ledger::record::{CellKind, ReadBatch};
use ledger::report::{Receipt, ReportedRecords, prints};
use ledger::{Actor, Command, Event, EventId, Fact, FileId, Hash, HostId, Ledger, Moment, ObjectId, Partition};
use ledger::{Rejection, ServiceName, Subject};
use runtime::decider::{Decider, Next};

use super::decisions::{context, created};
use crate::categories::Categories;
use crate::read::{PARTS_MAX, gather};
use crate::{IngestionService, Laid, Own, Source, Stopped};
use Receipt::{Added, Conflicting, Identical, Refused, Taken};

const FILE: u32 = 0;
const OTHER: u32 = 1;

fn file(count: u32) -> FileId {
    FileId::new(2026, 11, Partition(0), count).unwrap()
}

/// A service, what it knows, and what was recorded.
#[derive(Default)]
struct World {
    service: IngestionService,
    ledger: Ledger,
    events: Vec<(u64, Event)>,
}

/// A record: its id, a quantity, and whether it passed the rules.
type Sent<'a> = (&'a str, &'a str, bool);

fn call(about: FileId, columns: &[&str], rows: &[&[&str]], admitted: &[bool]) -> ReportedRecords {
    let mut builder = BatchBuilder::new(columns.len());
    for row in rows {
        builder.begin(0);
        for (column, text) in row.iter().enumerate() {
            builder.cell(column, CellKind::Text, text);
        }
    }
    let batch = builder.take([7; 32]);
    let columns: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
    let id = |text| ObjectId::new(text).unwrap();
    let prints = prints(&id("CRD-1"), &id("PRD-1"), &columns, &batch);
    ReportedRecords {
        file: about,
        columns,
        batch: batch.into(),
        prints,
        admitted: admitted.to_vec(),
        content: Hash::ZERO,
    }
}

impl World {
    /// Two files of one contract and product that collect.
    fn open() -> Self {
        let mut world = Self::default();
        for count in [FILE, OTHER] {
            world.given(count, created());
            world.given(count, Fact::ReportOpened { upload: 1, catalog_position: 1 });
        }
        world
    }

    fn given(&mut self, count: u32, fact: Fact) -> Event {
        let (id, subject) = (EventId::default(), Subject::File(file(count)));
        let event = Event {
            id,
            subject,
            cause: Hash::ZERO,
            actor: Actor::Operator,
            surface: ledger::Surface::Api,
            recorded_at: Moment(0),
            fact,
        };
        self.take(self.events.len() as u64 + 1, event.clone());
        event
    }

    fn take(&mut self, sequence: u64, event: Event) {
        self.ledger.evolve(sequence, &event);
        self.service.heard(&self.ledger, HostId::new(ServiceName::Ingestion, 0), sequence, &event);
        self.events.push((sequence, event));
    }

    /// The same after a restart.
    fn restarted(&self) -> Self {
        let mut world = Self::default();
        for (sequence, event) in &self.events {
            world.take(*sequence, event.clone());
        }
        world
    }

    /// Reports, records what comes of it, and gives the receipts.
    fn report(&mut self, count: u32, call: ReportedRecords) -> Result<(Vec<Receipt>, Vec<Event>), Rejection> {
        let command = Command::ReportRecords(call.into());
        let facts = self.service.decide(&self.ledger, &command, &context())?;
        let receipts = self.service.receipts(&command, &[]);
        let recorded: Vec<Event> = facts.into_iter().map(|(_, fact)| self.given(count, fact)).collect();
        assert_eq!(self.service.receipts(&command, &recorded), receipts, "a repeated call is told the same");
        Ok((receipts, recorded))
    }

    #[track_caller]
    fn check(&mut self, count: u32, sent: &[Sent<'_>], expected: &[Receipt]) {
        let rows: Vec<[&str; 2]> = sent.iter().map(|(id, quantity, _)| [*id, *quantity]).collect();
        let rows: Vec<&[&str]> = rows.iter().map(<[&str; 2]>::as_slice).collect();
        let admitted: Vec<bool> = sent.iter().map(|sent| sent.2).collect();
        let call = call(file(count), &["record_id", "quantity"], &rows, &admitted);
        let (receipts, recorded) = self.report(count, call).unwrap();
        assert_eq!(receipts, expected, "{sent:?}");
        let adds = expected.iter().any(|receipt| matches!(receipt, Added { .. }));
        assert_eq!(recorded.is_empty(), !adds, "only what adds records is recorded");
    }

    /// What the service does about the file by itself: the last fact, or the beginning of a job.
    fn goes_on(&mut self) -> Option<Fact> {
        self.does().pop()
    }

    fn does(&mut self) -> Vec<Fact> {
        let own = match self.service.next(&self.ledger, file(FILE), &BTreeSet::new()) {
            Next::Conclude(own) | Next::Begin(own) => own,
            Next::Nothing | Next::Later => return Vec::new(),
        };
        let facts = self.service.conclude(&self.ledger, own, &context()).unwrap();
        let facts: Vec<Fact> = facts.into_iter().map(|(_, fact)| fact).collect();
        for fact in &facts {
            self.given(FILE, fact.clone());
        }
        facts
    }

    /// What ends the reading, with the root of the records.
    fn read(&mut self) -> (Hash, FileRead) {
        let facts = self.does();
        let [Fact::RecordsRooted(rooted), Fact::FileRead(read)] = &facts[..] else { panic!("not read: {facts:?}") };
        assert_eq!((rooted.upload, rooted.records), (read.upload, read.records));
        (rooted.root, read.as_ref().clone())
    }
}

#[test]
fn each_record_is_told_what_became_of_it() {
    let mut world = World::open();
    world.check(FILE, &[("r-1", "1", true), ("r-2", "2", true)], &[Added { row: 2 }, Added { row: 3 }]);
    for mut world in [world.restarted(), world] {
        let again = [("r-2", "2", true), ("r-1", "1", false), ("r-1", "9", true), ("r-1", "9", false)];
        world.check(FILE, &again, &[Identical { row: 3 }, Identical { row: 2 }, Conflicting { row: 2 }, Refused]);
        // Within a call the first of an id counts; one that was refused leaves its id free.
        let twice = [("r-3", "", false), ("r-3", "3", true), ("r-3", "3", true), ("r-3", "4", true)];
        let expected = [Refused, Added { row: 4 }, Identical { row: 4 }, Conflicting { row: 4 }];
        world.check(FILE, &twice, &expected);
        world.check(OTHER, &[("r-3", "3", true), ("r-4", "4", true)], &[Taken { file: file(FILE) }, Added { row: 2 }]);
        world.given(FILE, Fact::FileDeleted);
        world.check(OTHER, &[("r-3", "3", true)], &[Added { row: 3 }]);
    }
}

#[test]
fn a_repeated_call_is_told_what_it_added_whichever_file_collects_by_then() {
    let mut world = World::open();
    let rows: [&[&str]; 4] = [&["r-1", "1", ""], &["r-1", "2", "north"], &["r-2", "3", ""], &["r-3", "4", ""]];
    let sent = |about| {
        let admitted = [false, true, true, false];
        call(file(about), &["record_id", "quantity", "v.Zone"], &rows, &admitted)
    };
    let (receipts, recorded) = world.report(FILE, sent(FILE)).unwrap();
    assert_eq!(receipts, [Refused, Added { row: 2 }, Added { row: 3 }, Refused]);
    let check = |world: &World, when: &str| {
        // The file itself, where a gateway is late; the next one of its kind; and that before it was heard of.
        for about in [FILE, OTHER, 9] {
            let command = Command::ReportRecords(sent(about).into());
            assert_eq!(world.service.receipts(&command, &recorded), receipts, "{when}, asked of {about}");
        }
    };
    check(&world, "open");
    world.given(FILE, Fact::ReportSealed { upload: 1, catalog_position: 2 });
    check(&world, "sealed");
    world.read();
    check(&world, "read");
}

#[test]
fn the_first_records_settle_the_known_columns_and_later_ones_add_the_vendors_own() {
    let mut world = World::open();
    let known: Vec<&str> = workbook::columns::RECORDS.iter().map(|column| column.name).collect();
    let first = call(file(FILE), &["record_id"], &[&["r-1"]], &[true]);
    let (_, events) = world.report(FILE, first).unwrap();
    let facts: Vec<&Fact> = events.iter().map(|event| &event.fact).collect();
    let [Fact::ReadStarted { upload: 1, attempt: 1 }, Fact::ColumnsReported { columns, .. }, Fact::RecordsRead(_)] =
        facts[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(), known);
    // A column counts once a record that is taken fills it.
    let columns = ["v.Refused", "v.Zone", "record_id", "v.Blank"];
    let rows: [&[&str]; 2] = [&["x", "", "", ""], &["", "north", "r-2", ""]];
    world.report(FILE, call(file(FILE), &columns, &rows, &[false, true])).unwrap();
    world.given(FILE, Fact::ReportSealed { upload: 1, catalog_position: 2 });
    let (_, read) = world.read();
    let at = u16::try_from(known.len()).unwrap();
    let (name, header) = ("v.Zone".to_owned(), "v.Zone".to_owned());
    assert_eq!(read.columns.last(), Some(&FileColumn { name, header, sheet_column: at }));
    assert_eq!((read.columns.len(), read.records, read.parts.len()), (known.len() + 1, 2, 2));
    let Fact::RecordsRead(batch) = &world.events.iter().rfind(|(_, it)| it.fact.carries_records()).unwrap().1.fact
    else {
        panic!()
    };
    let batch = proto::decode_read_batch(&batch.payload).unwrap();
    assert_eq!((batch.rows.as_slice(), batch.cell(0, at.into()).text), (&[3][..], "north"));
}

#[test]
fn what_is_not_the_time_or_the_place_is_refused() {
    let plain = || call(file(FILE), &["record_id"], &[&["r-1"]], &[true]);
    let wide = || {
        let names: Vec<String> = (0..128).map(|number| format!("v.{number}")).collect();
        let columns: Vec<&str> = names.iter().map(String::as_str).collect();
        call(file(FILE), &columns, &[&["x"; 128]], &[true])
    };
    let refused = |facts: &[Fact], call: ReportedRecords| {
        let mut world = World::open();
        facts.iter().for_each(|fact| drop(world.given(FILE, fact.clone())));
        world.report(FILE, call).unwrap_err()
    };
    let sealed = Fact::ReportSealed { upload: 1, catalog_position: 2 };
    assert_eq!(refused(std::slice::from_ref(&sealed), plain()), Rejection::ReportSealed { file: file(FILE) });
    let again = [sealed, Fact::ReportOpened { upload: 2, catalog_position: 3 }];
    assert_eq!(refused(&again, plain()), Rejection::ReportSealed { file: file(FILE) });
    assert_eq!(refused(&[], call(file(9), &["record_id"], &[&["r-1"]], &[true])), Rejection::NotFound);
    let message = refused(&[], wide()).to_string();
    assert_eq!(message, "records: A usage file has at most 128 columns; with these it has more.");
}

#[test]
fn a_sealed_file_is_read_as_it_was_laid_down_and_so_is_every_later_upload_of_it() {
    let mut world = World::open();
    assert_eq!(world.goes_on(), None);
    let rows: [&[&str]; 2] = [&["r-1", " tools "], &["r-2", ""]];
    world.report(FILE, call(file(FILE), &["record_id", "category_id"], &rows, &[true, true])).unwrap();
    assert_eq!(world.goes_on(), None, "it still collects");
    world.given(FILE, Fact::ReportSealed { upload: 1, catalog_position: 2 });
    let mut restarted = world.restarted();
    let (root, read) = world.read();
    assert_eq!((restarted.read(), world.goes_on()), ((root, read.clone()), None));
    assert_eq!(read.categories.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["tools"]);
    for upload in [2, 3] {
        world.given(FILE, Fact::ReportOpened { upload, catalog_position: 3 });
        assert_eq!(world.goes_on(), None, "it is not sealed yet");
        world.given(FILE, Fact::ReportSealed { upload, catalog_position: 3 });
        assert_eq!(world.read(), (root, FileRead { upload, attempt: 1, ..read.clone() }));
    }
}

#[test]
fn an_upload_that_comes_before_the_one_before_was_read_has_its_records() {
    let mut world = World::open();
    world.check(FILE, &[("r-1", "1", true)], &[Added { row: 2 }]);
    for upload in [1, 2] {
        world.given(FILE, Fact::ReportOpened { upload, catalog_position: 1 });
        world.given(FILE, Fact::ReportSealed { upload, catalog_position: 1 });
    }
    let (_, read) = world.read();
    assert_eq!((read.upload, read.records, read.parts.len()), (2, 1, 1));
}

#[test]
fn a_file_without_a_record_can_not_be_read() {
    let mut world = World::open();
    world.given(FILE, Fact::ReportSealed { upload: 1, catalog_position: 1 });
    let Some(Fact::FileUnreadable { upload: 1, detail, .. }) = world.goes_on() else { panic!() };
    assert_eq!(detail, "No record was reported into the usage file. Report records into another one.");
}

#[test]
fn records_in_too_many_batches_are_gathered_by_a_job() {
    let mut world = World::open();
    for number in 0..=PARTS_MAX {
        let id = format!("r-{number}");
        world.report(FILE, call(file(FILE), &["record_id"], &[&[&id]], &[true])).unwrap();
    }
    world.given(FILE, Fact::ReportSealed { upload: 1, catalog_position: 1 });
    let next = world.service.next(&world.ledger, file(FILE), &BTreeSet::new());
    assert!(matches!(next, Next::Begin(Own::Start { .. })), "{next:?}");
    for attempt in [2, 3] {
        assert_eq!(world.goes_on(), Some(Fact::ReadStarted { upload: 1, attempt }));
        let Source::Reported(laid) = world.service.job(&world.ledger, file(FILE)).unwrap().source else { panic!() };
        // What an attempt that was stopped laid down changes nothing.
        let Fact::RecordsRead(mut batch) = world.events[7].1.fact.clone() else { panic!() };
        batch.attempt = attempt;
        world.given(FILE, Fact::RecordsRead(batch));
        assert_eq!(laid.parts.len(), PARTS_MAX + 1);
    }
    assert!(matches!(world.goes_on(), Some(Fact::FileUnreadable { attempt: 3, .. })));
}

#[test]
fn gathered_records_keep_their_rows_and_cells() {
    let mut batches: Vec<ReadBatch> = Vec::new();
    for row in 2..1_502_u32 {
        let mut builder = BatchBuilder::new(if row == 2 { 1 } else { 2 });
        builder.begin(row);
        builder.cell(0, CellKind::Text, &format!("r-{row}"));
        builder.cell(1, CellKind::Text, "x");
        batches.push(builder.take([0; 32]));
    }
    let part = |(sequence, batch): (u64, &ReadBatch)| ledger::fact::Part {
        sequence,
        first_row: batch.rows[0],
        last_row: batch.rows[0],
        records: 1,
    };
    let columns =
        ["record_id", "v.x"].map(|name| FileColumn { name: name.into(), header: name.into(), sheet_column: 0 });
    let laid = Laid {
        columns: columns.to_vec(),
        categories: Categories::default().list,
        parts: (0..).zip(&batches).map(part).collect(),
    };
    let mut gathered: Vec<ReadBatch> = Vec::new();
    let read =
        |sequence: u64| Ok::<_, std::io::Error>((batches[usize::try_from(sequence).unwrap()].clone(), Hash::ZERO));
    let reading = gather(&laid, read, &mut |batch| {
        gathered.push(batch);
        Ok::<(), Stopped>(())
    });
    assert_eq!(reading.unwrap().records, 1_500);
    assert_eq!(gathered.iter().map(|batch| batch.rows.len()).collect::<Vec<_>>(), [1_024, 476]);
    let rows: Vec<(u32, String)> = gathered
        .iter()
        .flat_map(|batch| batch.rows.iter().enumerate().map(|(at, &row)| (row, batch.cell(at, 0).text.to_owned())))
        .collect();
    assert_eq!(rows, (2..1_502).map(|row| (row, format!("r-{row}"))).collect::<Vec<_>>());
    assert_eq!((gathered[0].cell(0, 1).text, gathered[0].cell(1, 1).text), ("", "x"));
}
