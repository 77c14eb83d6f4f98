//! What must never break (design §11), each as a sentence that a run is held to whenever everything is quiet.

use std::collections::{BTreeMap, BTreeSet};

use ledger::catalog::dynamic_item_id;
use ledger::digest::digest_of;
use ledger::fact::Total;
use ledger::file::UsageFile;
use ledger::{Actor, Event, Fact, FileId, HostId, Ledger, Moment, ServiceName, Subject};
use runtime::hearing::is_kept;

use super::catalog::id;
use super::model::{File, Sums};
use super::reports::{Sent, laid_down};
use super::world::World;

/// A sentence, and what contradicts it.
type Check = (&'static str, fn(&World) -> Option<String>);

const CHECKS: [Check; 10] = [
    ("each fact is recorded once, and heard by whoever hears it", recorded_once),
    ("the times of a log never go back", times_go_on),
    ("a log that is folded again gives what its service knows", replays),
    ("the order in which services hear each other doesn't matter to where they end", order_is_nothing),
    ("a request has the effect that was answered, once, and a refusal has none", answers_hold),
    ("every file stands where its answers left it, with the counts that follow", stands),
    ("what is valid is accepted, what is accepted is extracted or exempt, and nothing else is closed", sums_hold),
    ("each record is closed once, and billed as somebody asked", closed_once),
    ("a record that was reported is in its file once, as it was sent", reported_once),
    ("nobody has a say in what it may not see, and items are what accepted files brought", rights_hold),
];

/// Whether everything holds; the first sentence that doesn't.
pub(super) fn hold(world: &World) -> Result<(), String> {
    for (sentence, check) in CHECKS {
        if let Some(found) = check(world) {
            return Err(format!("\"{sentence}\": {found}"));
        }
    }
    Ok(())
}

fn events(world: &World, service: ServiceName) -> impl Iterator<Item = Event> {
    let said = world.node(service).said().to_vec();
    said.into_iter().map(|said| proto::decode_event(&said).expect("what was written is read"))
}

fn recorded_once(world: &World) -> Option<String> {
    let mut ids = BTreeSet::new();
    for service in ServiceName::WRITERS {
        if let Some(twice) = events(world, service).find(|event| !ids.insert(event.id)) {
            return Some(format!("{twice:?} stands twice"));
        }
    }
    let gateways = world.gateways.iter().map(|it| &it.heard);
    let mut heard = world.nodes.iter().map(|node| node.heard()).chain(gateways).flatten();
    let short = heard.find(|(source, last)| **last != world.node(source.service).said().len() as u64);
    short.map(|(source, last)| format!("somebody has heard {last} of {source}"))
}

fn times_go_on(world: &World) -> Option<String> {
    ServiceName::WRITERS.into_iter().find_map(|service| {
        let mut last = Moment(0);
        let is_earlier = |event: &Event| std::mem::replace(&mut last, event.recorded_at) > event.recorded_at;
        let at = events(world, service).collect::<Vec<_>>().iter().position(is_earlier)?;
        Some(format!("fact {} of {} is earlier than the one before", at + 1, service.name()))
    })
}

fn replays(world: &World) -> Option<String> {
    let differs = |known: &Ledger, again: &Ledger| {
        (known.digest(), digest_of(&*known.catalog)) != (again.digest(), digest_of(&*again.catalog))
    };
    let node = world.nodes.iter().find(|node| differs(node.ledger(), &node.replayed()));
    node.map(|node| node.id().to_string())
}

/// What a listener knows by the logs, read one after the other in some order. Of others' records a service notes the header
/// only, so that an attempt which came to nothing looks otherwise to its own service.
fn folded(world: &World, listener: HostId, order: &[ServiceName]) -> Ledger {
    let mut ledger = Ledger::default();
    for service in order {
        let is_known = |event: &Event| {
            *service == listener.service || listener.service == ServiceName::Gateway || is_kept(listener, event)
        };
        let said = (1..).zip(events(world, *service)).filter(|(_, event)| is_known(event));
        said.for_each(|(sequence, event)| ledger.evolve(sequence, &event));
    }
    ledger
}

fn order_is_nothing(world: &World) -> Option<String> {
    // These hear all.
    let services = [ServiceName::Approval, ServiceName::Validation, ServiceName::Extraction];
    let ledgers = services.into_iter().map(|service| (service, world.node(service).ledger()));
    let gateways = world.gateways.iter().map(|gateway| (ServiceName::Gateway, &gateway.ledger));
    let mut backward = ServiceName::WRITERS;
    backward.reverse();
    let differs = |(service, known): &(ServiceName, &Ledger)| {
        let listener = HostId::new(*service, 0);
        [ServiceName::WRITERS, backward].iter().any(|order| folded(world, listener, order).digest() != known.digest())
    };
    ledgers.chain(gateways).find(differs).map(|(service, _)| service.name().to_owned())
}

fn answers_hold(world: &World) -> Option<String> {
    if let Some(wrong) = world.model.wrong.first() {
        return Some(wrong.clone());
    }
    let created = events(world, ServiceName::Approval).filter(|event| matches!(event.fact, Fact::FileCreated(_)));
    let (created, known) = (created.count(), world.model.files.len());
    (created != known).then(|| format!("{created} files were made, {known} were answered"))
}

/// Files as somebody knows them, beside those of the model.
fn pairs(world: &World) -> impl Iterator<Item = (FileId, &UsageFile, &File)> {
    let services = [ServiceName::Approval, ServiceName::Validation, ServiceName::Extraction];
    let ledgers = services.into_iter().map(|service| world.node(service).ledger());
    let ledgers = ledgers.chain(world.gateways.iter().map(|gateway| &gateway.ledger));
    ledgers.flat_map(|ledger| {
        world.model.files.iter().map(|(id, file)| (*id, ledger.file(*id).expect("it was created"), file))
    })
}

fn stands(world: &World) -> Option<String> {
    pairs(world).find_map(|(id, known, file)| {
        let rows = file.rows(&world.library);
        // Records are checked once their file takes no more; until then only some hear of them (`reported_once`).
        let collected = file.reported.as_ref().is_some_and(|reported| !reported.is_sealed);
        let checked = if collected { &[] } else { rows };
        let count = |wanted: bool| checked.iter().filter(|row| row.valid == wanted).count();
        let (valid, status) = (count(true), file.status(&world.library));
        let taken = ["accepted", "closed"].contains(&status);
        let exempt = rows.iter().filter(|row| taken && row.valid && row.reserved).count();
        let stats = known.stats();
        let shown = [stats.uploaded, stats.validated, stats.invalid, stats.pending, stats.accepted, stats.closed];
        let pending = if status == "pending" { valid } else { 0 };
        let accepted = if taken { valid } else { 0 };
        let expected = [rows.len(), valid, count(false), pending, accepted, file.closed.len() + exempt];
        let shown_of = shown.iter().zip(expected).skip(usize::from(collected));
        let same = shown_of.into_iter().all(|(shown, expected)| *shown as usize == expected);
        let found = (known.status().name(), shown);
        (found.0 != status || !same).then(|| format!("{id} is {found:?}, not {:?}", (status, expected)))
    })
}

fn summed<'a>(totals: impl IntoIterator<Item = &'a Total>) -> Sums {
    let mut sums = Sums::new();
    for total in totals.into_iter().filter(|total| total.records > 0) {
        let sum = sums.entry(total.tier).or_default();
        sum.0 += total.records;
        sum.1 = sum.1.checked_add(total.quantity).expect("it is small");
        sum.2 = sum.2.checked_add(total.amount).expect("it is small");
    }
    sums
}

fn sums_hold(world: &World) -> Option<String> {
    pairs(world).filter(|(_, known, _)| known.verdict().is_some()).find_map(|(id, known, file)| {
        let rows = file.rows(&world.library);
        let of = |reserved| file.sums(rows.iter().filter(move |row| row.valid && row.reserved == reserved));
        let (billed, exempt) = (of(false), of(true));
        let mut found =
            vec![("valid", summed(known.totals()), &billed), ("exempt", summed(known.exempt_totals()), &exempt)];
        if let Some(extraction) = known.current_extraction() {
            let chunks = extraction.chunks.values().flat_map(|chunk| &chunk.totals);
            let apart = extraction.exempt.values().flat_map(|exempt| &exempt.totals);
            found.push(("in chunks", summed(chunks), &billed));
            found.push(("left out", summed(apart), &exempt));
        }
        let wrong = found.into_iter().find(|(_, found, expected)| found != *expected);
        wrong.map(|(what, found, expected)| format!("{id}: {what} are {found:?}, not {expected:?}"))
    })
}

fn closed_once(world: &World) -> Option<String> {
    let mut closed = BTreeMap::<FileId, BTreeMap<u32, (String, String)>>::new();
    for event in events(world, ServiceName::Extraction) {
        let (Subject::File(file), Fact::RecordsClosed { rows, .. }) = (&event.subject, &event.fact) else { continue };
        for (row, billing) in rows.each() {
            let billing = (billing.id.clone(), billing.note.clone());
            if closed.entry(*file).or_default().insert(row, billing).is_some() {
                return Some(format!("row {row} of {file} was closed twice"));
            }
        }
    }
    world.model.files.iter().find_map(|(id, file)| {
        let found = closed.remove(id).unwrap_or_default();
        let same = found.len() == file.closed.len()
            && found.iter().all(|(row, billing)| file.closed.get(row).is_some_and(|asked| asked.contains(billing)));
        let billed = found.values().filter(|(id, _)| !id.is_empty()).count();
        let known =
            world.gateways.iter().map(|gateway| gateway.ledger.file(*id).map(|file| file.stats().billed as usize));
        let known: Vec<_> = known.collect();
        let wrong = !same || known.iter().any(|known| *known != Some(billed));
        wrong.then(|| format!("{id}: closed as {found:?}, asked as {:?}; billed {known:?}", file.closed))
    })
}

fn reported_once(world: &World) -> Option<String> {
    let mut names = BTreeMap::<FileId, Vec<String>>::new();
    let mut laid = BTreeMap::<FileId, Vec<Sent>>::new();
    for said in world.node(ServiceName::Ingestion).said() {
        let event = proto::decode_event(said).expect("what was written is read");
        let Subject::File(file) = event.subject else { continue };
        match event.fact {
            Fact::ColumnsReported { columns, .. } => {
                names.entry(file).or_default().extend(columns.into_iter().map(|column| column.name));
            }
            Fact::RecordsRead(read) if !read.payload.is_empty() => {
                laid.entry(file).or_default().extend(laid_down(said, names.get(&file)?));
            }
            _ => {}
        }
    }
    world.model.files.iter().find_map(|(id, file)| {
        let reported = file.reported.as_ref()?;
        let told = reported.ids.iter().zip(&reported.rows);
        let told: Vec<Sent> =
            told.map(|(record_id, row)| Sent { record_id: record_id.clone(), row: row.clone() }).collect();
        let laid = laid.remove(id).unwrap_or_default();
        let mut shown = world.gateways.iter().map(|gateway| gateway.ledger.file(*id).map(|file| file.stats().uploaded));
        let wrong = shown.find(|shown| shown.map(|shown| shown as usize) != Some(told.len()));
        if let Some(wrong) = wrong.filter(|_| !reported.is_replaced) {
            return Some(format!("{id} is shown with {wrong:?} records, and {} were told to be added", told.len()));
        }
        (laid != told).then(|| format!("{id} has {laid:?}, and {told:?} were told to be added"))
    })
}

fn rights_hold(world: &World) -> Option<String> {
    for service in ServiceName::WRITERS {
        for event in events(world, service) {
            let (Actor::Key { account, .. }, Subject::File(file)) = (&event.actor, &event.subject) else { continue };
            if !world.model.files.get(file).is_some_and(|file| file.concerns(account.as_str())) {
                return Some(format!("{event:?}"));
            }
        }
    }
    let brought = world.accepted().filter_map(|file| {
        let mpn = file.usage(&world.library)?.brings.as_ref()?;
        dynamic_item_id(&id(&file.product), mpn)
    });
    let brought: BTreeSet<_> = brought.collect();
    let catalog = &world.node(ServiceName::Catalog).ledger().catalog;
    let known: BTreeSet<_> =
        catalog.items.values().filter(|item| item.dynamic).map(|item| item.named.id.clone()).collect();
    (known != brought).then(|| format!("items are {known:?}, files brought {brought:?}"))
}
