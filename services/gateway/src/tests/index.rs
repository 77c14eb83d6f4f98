//! Lists of files by way of the index answer what lists by way of every file's JSON answer: random files in random
//! states, random queries, every side.

use ledger::catalog::{Environment, Schema};
use ledger::fact::{Actor, FileCreated, FileDescribed, UploadOpened};
use ledger::{Event, EventId, Fact, FileId, Hash, Ledger, Moment, Partition, Role, Scope, Subject};
use rql::{FILES, Field, Kind as FieldKind};

use super::world::{created, id, named};
use crate::index::Files;
use crate::json;
use crate::listing::Wanted;
use crate::sources::Sources;
use crate::visibility::Kind;

/// xorshift: the same on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const NAMES: [&str; 6] = ["October", "october", "", "Test *1*", "Ö", "z"];

fn file(dice: &mut Dice) -> FileId {
    let month = u8::try_from(9 + dice.below(3)).unwrap();
    let partition = Partition(u16::try_from(dice.below(3)).unwrap());
    FileId::new(2026, month, partition, u32::try_from(dice.below(20)).unwrap()).unwrap()
}

fn creation(dice: &mut Dice) -> FileCreated {
    let environment = [Environment::Production, Environment::Production, Environment::Test][dice.below(3)];
    let party = |dice: &mut Dice, ids: &[&str]| {
        let mut party = named(dice.pick(ids));
        party.name = dice.pick(&NAMES).to_owned();
        party
    };
    FileCreated {
        name: dice.pick(&NAMES).to_owned(),
        external_id: dice.pick(&["", "vendor-1", "x"]).to_owned(),
        schema: [Schema::Qt, Schema::Tr][dice.below(2)],
        product: party(dice, &["PRD-1", "PRD-2"]),
        contract: party(dice, &["CRD-1", "CRD-2"]),
        marketplace: party(dice, &["MP-1"]),
        vendor: party(dice, &["VA-1", "VA-2"]),
        provider: party(dice, &["PA-1", "PA-2"]),
        ..created(environment)
    }
}

fn fact(dice: &mut Dice) -> Fact {
    let note = String::new;
    match dice.below(9) {
        0..=3 => Fact::FileCreated(Box::new(creation(dice))),
        4 => Fact::FileSubmitted { upload: 1 },
        5 => Fact::FileAccepted { upload: 1, note: note() },
        6 => Fact::FileRejected { upload: 1, note: note() },
        7 => Fact::UploadOpened(UploadOpened {
            upload: 1,
            blob: Hash::ZERO,
            bytes: 1,
            filename: String::new(),
            catalog_position: 1,
        }),
        _ => {
            let external_id = Some(dice.pick(&["", "other"]).to_owned());
            Fact::FileDescribed(Box::new(FileDescribed { external_id, ..FileDescribed::default() }))
        }
    }
}

fn condition(dice: &mut Dice) -> String {
    let filters: Vec<&Field> = FILES.iter().filter(|field| field.kind != FieldKind::Block).collect();
    let field = filters[dice.below(filters.len())];
    let name = field.name;
    match field.kind {
        FieldKind::Enum(values) => match dice.below(3) {
            0 => format!("in({name},({},{}))", dice.pick(values), dice.pick(values)),
            1 => format!("ne({name},{})", dice.pick(values)),
            _ => format!("{name}={}", dice.pick(values)),
        },
        FieldKind::Time => format!("{}({name},1970-01-0{})", dice.pick(&["gt", "le", "eq"]), 1 + dice.below(4)),
        _ => {
            let value =
                dice.pick(&["'October'", "PRD-1", "VA-2", "PA-1", "CRD-1", "'vendor-1'", "MP-1", "''", "null()"]);
            match dice.below(5) {
                0 => format!("ilike({name},*{}*)", dice.pick(&["o", "1", "\\*", "ö"])),
                1 => format!("out({name},({value},x))"),
                2 => format!("not({name}={value})"),
                _ => format!("{name}={value}"),
            }
        }
    }
}

fn query(dice: &mut Dice) -> String {
    let mut parts: Vec<String> = (0..dice.below(3)).map(|_| condition(dice)).collect();
    if dice.below(3) == 0 {
        parts.push(format!("({}|{})", condition(dice), condition(dice)));
    }
    if dice.below(5) == 0 {
        parts.push(format!("search={}", dice.pick(&["october", "qt", "vendor", "1"])));
    }
    if dice.below(2) == 0 {
        let ordered: Vec<&str> = FILES.iter().filter(|field| field.ordering).map(|field| field.name).collect();
        let keys: Vec<String> =
            (0..1 + dice.below(3)).map(|_| format!("{}{}", dice.pick(&["", "-"]), dice.pick(&ordered))).collect();
        parts.push(format!("ordering({})", keys.join(",")));
    }
    let page = ["", "limit=5", "limit=0", "limit=7&offset=3", "offset=1000", "select(-events)"][dice.below(6)];
    parts.extend((!page.is_empty()).then(|| page.to_owned()));
    parts.join("&")
}

#[test]
fn the_index_answers_as_the_files_themselves() {
    let scope = |account: &str, role| Scope { account: Some(id(account)), role, ..Scope::operator() };
    let scopes = [scope("VA-1", Role::Vendor), scope("PA-1", Role::Distributor), Scope::operator()];
    let (mut dice, mut ledger, mut files) = (Dice(0x9E37_79B9_7F4A_7C15), Ledger::default(), Files::default());
    let sources = Sources::default();
    let (mut found, mut narrowed) = (0, 0);
    for round in 0..2_000 {
        let mut changed = Vec::new();
        for step in 0..dice.below(4) {
            let uf = file(&mut dice);
            let event = Event {
                id: EventId::default(),
                subject: Subject::File(uf),
                cause: Hash::ZERO,
                actor: Actor::Operator,
                surface: ledger::Surface::Api,
                recorded_at: Moment(i64::try_from(round + step).unwrap() % 5 * Moment::DAY),
                fact: fact(&mut dice),
            };
            ledger.evolve(1, &event);
            changed.push(uf);
        }
        files.refresh(&ledger, changed);
        let scope = &scopes[dice.below(3)];
        let text = query(&mut dice);
        // The field is hidden from providers, who may not even order by it.
        let Ok(wanted) = Wanted::new(Some(&text), FILES, Kind::File, scope) else { panic!("{text}") };
        let hits = files.page(scope, &wanted.query, wanted.page, |_| true).unwrap();
        let seen = ledger.files.iter().filter(|(_, file)| scope.sees(file));
        let all = seen.clone().count() as u64;
        let slow = wanted.page_of(seen.filter_map(|(uf, file)| json::file::listed(&ledger, *uf, file, &sources)));
        let ids: Vec<_> = slow.objects.iter().map(|object| object["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!((hits.files.iter().map(FileId::to_string).collect(), hits.total), (ids, slow.total), "{text}");
        found += usize::from(hits.total > 0);
        narrowed += usize::from(hits.total > 0 && hits.total < all);
    }
    assert!(found > 500 && narrowed > 200, "{found} answers had files, {narrowed} not all");
}
