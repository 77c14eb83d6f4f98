//! Goal: an account keeps webhooks of its own and nobody else's, and none that leads where it shouldn't. Method: terms
//! and what came of them, as facts or as the refusal of one field.

use ledger::catalog::{Account, Capabilities, CatalogObject, Product, Role};
use ledger::webhook::{HEADERS_MAX, WEBHOOKS_MAX, WebhookProduct, WebhookTerms};
use ledger::{Actor, Command, Fact, Rejection, Scope, Subject};

use super::{World, account, id, named};

const URL: &str = "https://example.com/usage";

fn scope(account: &str, role: Role) -> Scope {
    Scope {
        actor: Actor::Key { key: named("SU-1"), account: id(account) },
        account: Some(id(account)),
        role,
        surface: ledger::Surface::Api,
    }
}

fn vendor() -> Scope {
    scope("VA-1", Role::Vendor)
}

fn terms() -> WebhookTerms {
    WebhookTerms { label: Some("Billing".to_owned()), url: Some(URL.to_owned()), ..WebhookTerms::default() }
}

fn create(terms: WebhookTerms) -> Command {
    Command::CreateWebhook { terms: Box::new(terms) }
}

fn change(webhook: &str, terms: WebhookTerms) -> Command {
    Command::ChangeWebhook { webhook: id(webhook), terms: Box::new(terms) }
}

fn delete(webhook: &str) -> Command {
    Command::DeleteWebhook { webhook: id(webhook) }
}

fn world() -> World {
    let mut world = World::new(1);
    let product = |name: &str, owner: &str| {
        let (owner, capabilities, source) = (id(owner), Capabilities::default(), String::new());
        CatalogObject::Product(Product { named: named(name), owner, capabilities, source })
    };
    let other = Account { named: named("VA-2"), role: Role::Vendor, source: "{}".to_owned() };
    world.imports(vec![account("Vendor"), CatalogObject::Account(other)]);
    world.imports(vec![product("PRD-1", "VA-1"), product("PRD-2", "VA-2")]);
    world
}

impl World {
    /// Asks, records what comes of it and gives the names of the facts.
    fn asked(&mut self, scope: &Scope, command: &Command) -> Result<Vec<String>, Rejection> {
        let facts = self.asks(scope, command)?;
        let told = |(subject, fact): &(Subject, Fact)| {
            let Subject::Object(about) = subject else { panic!("{subject:?}") };
            let word: String = format!("{fact:?}").chars().take_while(char::is_ascii_alphanumeric).collect();
            format!("{word} {about}")
        };
        let names = facts.iter().map(told).collect();
        facts.into_iter().for_each(|(subject, fact)| self.take(subject, fact));
        Ok(names)
    }

    fn field(&mut self, command: &Command) -> String {
        match self.asked(&vendor(), command) {
            Err(Rejection::FieldInvalid { field, .. }) => field,
            other => panic!("{command:?}: {other:?}"),
        }
    }
}

#[test]
fn a_webhook_is_its_accounts_own() {
    let mut world = world();
    let first = "WH-000-000-001";
    assert_eq!(world.asked(&vendor(), &create(terms())).unwrap(), ["WebhookRecorded WH-000-000-001"]);
    let quiet = WebhookTerms { active: Some(false), ..WebhookTerms::default() };
    let stranger = scope("VA-2", Role::Vendor);
    for command in [change(first, quiet.clone()), delete(first)] {
        assert_eq!(world.asked(&stranger, &command), Err(Rejection::NotFound), "{command:?}");
    }
    assert_eq!(world.asked(&Scope::operator(), &create(terms())), Err(Rejection::RoleNotAllowed));
    assert_eq!(world.asked(&vendor(), &change(first, terms())).unwrap(), [""; 0], "nothing changes");
    let operator = scope("OP-1", Role::Operator);
    assert_eq!(world.asked(&operator, &change(first, quiet)).unwrap(), ["WebhookRecorded WH-000-000-001"]);
    let known = &world.ledger.catalog.webhooks[&id(first)];
    assert_eq!((known.recorded.active, &known.recorded.account), (false, &id("VA-1")), "it stays the vendor's");
    assert_eq!(world.asked(&vendor(), &delete(first)).unwrap(), ["WebhookDeleted WH-000-000-001"]);
    for command in [change(first, terms()), delete(first)] {
        assert_eq!(world.asked(&vendor(), &command), Err(Rejection::NotFound), "what is deleted is gone");
    }
    // An id is never used twice.
    assert_eq!(world.asked(&vendor(), &create(terms())).unwrap(), ["WebhookRecorded WH-000-000-002"]);
}

#[test]
fn an_account_has_so_many_webhooks_and_no_more() {
    let mut world = world();
    for _ in 0..WEBHOOKS_MAX {
        world.asked(&vendor(), &create(terms())).unwrap();
    }
    assert_eq!(world.field(&create(terms())), "non_field_errors");
    world.asked(&scope("VA-2", Role::Vendor), &create(terms())).expect("another account has room of its own");
    world.asked(&vendor(), &delete("WH-000-000-007")).unwrap();
    world.asked(&vendor(), &create(terms())).expect("a deleted one makes room");
}

#[test]
fn terms_that_can_not_be_are_refused_by_their_field() {
    let headers = |pairs: &[(&str, &str)]| {
        Some(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>())
    };
    let many: Vec<_> = (0..=HEADERS_MAX).map(|number| (format!("X-{number}"), String::new())).collect();
    let mut world = world();
    for (field, terms) in [
        ("label", WebhookTerms { label: None, ..terms() }),
        ("label", WebhookTerms { label: Some(" ".to_owned()), ..terms() }),
        ("label", WebhookTerms { label: Some("x".repeat(101)), ..terms() }),
        ("description", WebhookTerms { description: Some("x".repeat(201)), ..terms() }),
        ("external_url", WebhookTerms { url: None, ..terms() }),
        ("external_url", WebhookTerms { url: Some("http://example.com".to_owned()), ..terms() }),
        ("external_url", WebhookTerms { url: Some("https://169.254.169.254/".to_owned()), ..terms() }),
        ("product_id", WebhookTerms { product: WebhookProduct::One(id("PRD-2")), ..terms() }),
        ("product_id", WebhookTerms { product: WebhookProduct::One(id("PRD-3")), ..terms() }),
        ("headers", WebhookTerms { headers: Some(many), ..terms() }),
        ("headers", WebhookTerms { headers: headers(&[("", "x")]), ..terms() }),
        ("headers", WebhookTerms { headers: headers(&[("X-A\r\nHost", "x")]), ..terms() }),
        ("headers", WebhookTerms { headers: headers(&[("X-A", "x\r\nX-B: y")]), ..terms() }),
        ("headers", WebhookTerms { headers: headers(&[("Host", "example.com")]), ..terms() }),
        ("headers", WebhookTerms { headers: headers(&[("Authorization", "Basic x")]), ..terms() }),
        ("headers", WebhookTerms { headers: headers(&[("x-usage-ledger-event", "x")]), ..terms() }),
        ("headers", WebhookTerms { headers: headers(&[("Content-Type", "text/plain")]), ..terms() }),
    ] {
        assert_eq!(world.field(&create(terms.clone())), field, "{terms:?}");
    }
    let own = WebhookTerms {
        product: WebhookProduct::One(id("PRD-1")),
        headers: headers(&[("content-type", "application/json"), ("X-Hub", "1")]),
        ..terms()
    };
    world.asked(&vendor(), &create(own)).expect("one's own product, and headers of one's own");
}
