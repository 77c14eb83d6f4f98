//! Goal: money is always in one currency, and it is the marketplace's where that names one. Method: a row for each
//! combination of schema, marketplace and what the vendor sends, on creation and afterwards.

use ledger::catalog::{CatalogObject, Environment, Marketplace, Schema};
use ledger::command::CreateFile;
use ledger::fact::FileDescribed;
use ledger::{Command, Fact, Status};

use super::world::{OCTOBER, World, create, days, file, named, outcome, product, vendor};

fn world(schema: Schema, marketplace: Option<&str>) -> World {
    let mut world = World::new();
    world.knows(CatalogObject::Product(product(Some(schema))));
    let currency = marketplace.map(str::to_owned);
    world.knows(CatalogObject::Marketplace(Marketplace {
        named: named("MP-1"),
        currency,
        hubs: vec![],
        source: String::new(),
    }));
    world
}

/// The currency that a file gets, or the refusal.
fn made(world: &World, sent: Option<&str>) -> String {
    let command = Command::CreateFile(Box::new(CreateFile { currency: sent.map(str::to_owned), ..create() }));
    match world.asks(&vendor(), &command) {
        Ok(facts) => match &facts[0].1 {
            Fact::FileCreated(created) => created.currency.clone().unwrap_or_else(|| "none".to_owned()),
            fact => panic!("{fact:?}"),
        },
        Err(refused) => refused.to_string(),
    }
}

#[test]
fn a_file_is_made_in_its_currency() {
    for schema in [Schema::Pr, Schema::Cr, Schema::Tr] {
        let upper = schema.upper();
        let nothing = format!(
            "currency: The schema {upper} reports money, and marketplace MP-1 names no currency. Give one, such as USD."
        );
        let other = "currency: Marketplace MP-1 sells in EUR, and the file is to be in USD. Leave it out, or give EUR.";
        let none = "currency: \"usd\" is no currency. Give the three capital letters of ISO 4217, such as USD.";
        let wrong = "currency: Marketplace MP-1 sells in \"Euro\", which is no currency of ISO 4217. Correct it in the \
                     catalog.";
        for (marketplace, sent, expected) in [
            (None, Some("USD"), "USD"),
            (None, None, nothing.as_str()),
            (None, Some("usd"), none),
            (Some("EUR"), None, "EUR"),
            (Some("EUR"), Some("EUR"), "EUR"),
            (Some("EUR"), Some("USD"), other),
            (Some("EUR"), Some("usd"), none),
            (Some("Euro"), None, wrong),
        ] {
            assert_eq!(made(&world(schema, marketplace), sent), expected, "{upper} {marketplace:?} {sent:?}");
        }
    }
    // Where nothing has a price there is no currency, whichever was sent; what is none is a mistake even there.
    for (marketplace, sent) in [(None, None), (None, Some("USD")), (Some("EUR"), Some("USD")), (Some("Euro"), None)] {
        assert_eq!(made(&world(Schema::Qt, marketplace), sent), "none");
    }
    let none = "currency: \"dollars\" is no currency. Give the three capital letters of ISO 4217, such as USD.";
    assert_eq!(made(&world(Schema::Qt, Some("EUR")), Some("dollars")), none);
}

#[test]
fn a_file_changes_its_currency_until_its_provider_has_it() {
    let describe = |described| Command::DescribeFile { file: file(), described: Box::new(described) };
    let currency = |code: &str| describe(FileDescribed { currency: Some(code.to_owned()), ..FileDescribed::default() });
    for (status, euro, dollar) in [
        (Status::Draft, "FileDescribed", "FileDescribed"),
        // The verdict was about another currency: the workbook is checked again.
        (Status::Ready, "FileDescribed", "FileDescribed, UploadOpened"),
        (Status::Invalid, "FileDescribed", "FileDescribed, UploadOpened"),
        (Status::Rejected, "FileDescribed", "FileDescribed"),
        (Status::Pending, "FileDescribed", "refused: WrongStatus"),
        (Status::Accepted, "FileDescribed", "refused: WrongStatus"),
        (Status::Closed, "FileDescribed", "refused: WrongStatus"),
    ] {
        let mut world = world(Schema::Tr, None);
        let made = Command::CreateFile(Box::new(CreateFile { currency: Some("EUR".to_owned()), ..create() }));
        world.does(&vendor(), &made).unwrap();
        world.goes_to(status);
        assert_eq!(outcome(&world.asks(&vendor(), &currency("EUR"))), euro, "{status:?}");
        assert_eq!(outcome(&world.asks(&vendor(), &currency("eur"))), "refused: FieldInvalid", "{status:?}");
        assert_eq!(outcome(&world.does(&vendor(), &currency("USD"))), dollar, "{status:?}");
        let now = world.ledger.file(file()).unwrap().approval.created.clone().unwrap().currency.unwrap();
        assert_eq!(now == "USD", !dollar.starts_with("refused"), "{status:?}");
    }
    // A file without prices takes none.
    let mut world = World::at(Status::Ready, Environment::Production);
    assert_eq!(outcome(&world.does(&vendor(), &currency("USD"))), "FileDescribed");
    assert_eq!(world.ledger.file(file()).unwrap().approval.created.clone().unwrap().currency, None);
}

#[test]
fn another_period_asks_for_another_verdict_and_keeps_the_submit() {
    let describe = |period, zone: Option<&str>| {
        let time_zone = zone.map(str::to_owned);
        let described = FileDescribed { period, time_zone, ..FileDescribed::default() };
        Command::DescribeFile { file: file(), described: Box::new(described) }
    };
    let mut world = World::at(Status::Processing, Environment::Production);
    world.does(&vendor(), &Command::SubmitFile { file: file() }).unwrap();
    let same = world.does(&vendor(), &describe(Some(OCTOBER), Some("Europe/Madrid")));
    assert_eq!(outcome(&same), "FileDescribed", "it is about the same time");
    let moved = world.does(&vendor(), &describe(Some(days(0, 14)), None));
    assert_eq!(outcome(&moved), "FileDescribed, UploadOpened, SubmitRemembered");
    let created = world.ledger.file(file()).unwrap().approval.created.clone().unwrap();
    assert_eq!((created.period, created.time_zone.as_str()), (Some(days(0, 14)), ""), "it is given in UTC now");
    // A zone alone says nothing of a period.
    assert_eq!(outcome(&world.does(&vendor(), &describe(None, Some("Europe/Madrid")))), "FileDescribed");
    assert_eq!(world.ledger.file(file()).unwrap().approval.created.clone().unwrap().time_zone, "");
    world.read(2);
    world.checked(2, 0);
    assert_eq!(world.goes_on(), [Fact::FileSubmitted { upload: 2 }]);
}
