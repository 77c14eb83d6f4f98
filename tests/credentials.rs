//! What the product's own NATS credentials forbid: nats-server refuses it, whoever asks.

use std::collections::BTreeSet;
use std::time::Duration;

use async_nats::{ConnectOptions, Event};
use ledger::{ObjectId, ServiceName};
use runtime::clock::Clock;
use runtime::feed::Form;
use runtime::nats::{Grants, Link, LinkSettings, Reachable, Subscriber, inbox_of};
use tokio::sync::mpsc;
use usage_ledger::credentials;
use usage_ledger::partitions::Partitions;

use crate::nats::Server;

/// How long a refusal may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who tries what: `user verb subject`, and why that would be bad.
const FORBIDDEN: &str = "
gateway publish fact.0.approval                             would speak for a service
gateway publish fact.0.catalog                              would speak for a service
gateway publish $JS.API.STREAM.DELETE.LEDGER_0_approval     would delete a stream
gateway publish $JS.API.STREAM.PURGE.LEDGER_0_approval      would empty a stream
gateway publish $JS.API.STREAM.MSG.DELETE.LEDGER_0_approval would delete a fact
gateway publish $JS.API.STREAM.UPDATE.LEDGER_0_approval     would change a stream
gateway publish $JS.API.STREAM.CREATE.MINE                  would make a stream
gateway publish $JS.API.CONSUMER.DURABLE.CREATE.LEDGER_0_approval.mine would leave a consumer behind
gateway publish $JS.API.STREAM.LIST                         would list what is there
gateway publish $SYS.REQ.SERVER.PING                        would ask the servers
gateway publish $KV.LEDGER_LEASES.approval-0                would relieve a service
gateway publish $O.LEDGER_KEPT_ingestion.C.x                would put a workbook where a service keeps its own
gateway subscribe >                                         would hear everything
gateway subscribe ask.0.approval                            would answer for a service
gateway subscribe fact.>                                    would hear past its consumers
gateway subscribe _INBOX_approval.>                         would hear others' answers
gateway subscribe $JS.API.>                                 would hear what is asked of JetStream
ingestion publish fact.0.approval                           would speak for another service
ingestion publish ask.0.approval                            would give commands
ingestion publish ask.0.approval.carry                      would move another's workbooks
ingestion publish ask.0.catalog.read                        hears approval only
ingestion publish $JS.API.CONSUMER.CREATE.LEDGER_0_catalog  hears approval only
ingestion publish $JS.API.STREAM.DELETE.LEDGER_0_ingestion  would delete its own stream
ingestion publish $JS.API.STREAM.PURGE.LEDGER_0_ingestion   would empty its own stream
ingestion publish $JS.API.STREAM.UPDATE.LEDGER_0_approval   would change another's stream
ingestion publish $KV.LEDGER_LEASES.approval-0              would relieve another service
ingestion publish $O.LEDGER_KEPT_validation.C.x             would put another's workbook
ingestion publish $JS.API.STREAM.DELETE.KV_LEDGER_LEASES    would delete all leases
ingestion subscribe ask.0.approval                          would answer for another service
ingestion subscribe >                                       would hear everything
ingestion subscribe _INBOX_gateway.>                        would hear others' answers
setup publish fact.0.approval                               would speak for a service
setup publish ask.0.approval                                would give commands
setup publish $JS.API.STREAM.DELETE.LEDGER_0_approval       would delete a stream
setup publish $JS.API.CONSUMER.CREATE.LEDGER_0_approval     would read facts
setup publish $JS.API.DIRECT.GET.LEDGER_0_approval          would read facts
setup publish $JS.API.STREAM.MSG.GET.LEDGER_0_approval      would read facts
setup publish $O.LEDGER_BLOBS.C.x                           would put a workbook
setup subscribe fact.0.approval                             would read facts
setup subscribe ask.0.approval                              would answer for a service
setup subscribe >                                           would hear everything
meters publish report.CRD-2.PRD-1                           reports of another contract
meters publish report.CRD-1.PRD-2                           reports of another product
meters publish reports.CRD-2.PRD-1                          reports of another contract
meters publish dead.CRD-1.PRD-1                             would make a dead letter
meters publish ask.0.ingestion                              would give commands
meters publish fact.0.ingestion                             would speak for a service
meters publish $JS.API.STREAM.INFO.REPORTS_0                would look at the stream
meters publish $JS.API.CONSUMER.CREATE.REPORTS_0            would read others' reports
meters publish $JS.API.STREAM.PURGE.REPORTS_0               would empty the stream
meters subscribe report.CRD-1.PRD-1                         would answer for the ledger
meters subscribe reports.>                                  would read others' reports
meters subscribe accepted.>                                 would read accepted records
meters subscribe >                                          would hear everything
approval-1 publish fact.0.approval                          would speak for another partition
approval-1 publish fact.1.ingestion                         would speak for another service
approval-1 publish ask.1.approval                           would give commands
approval-1 publish ask.0.approval.lookup                    would look for others' keys
approval-1 publish ask.0.ingestion.read                     hears the rules of partition 0 only
approval-1 publish $JS.API.CONSUMER.CREATE.LEDGER_0_ingestion hears the rules of partition 0 only
approval-1 publish $JS.API.CONSUMER.CREATE.LEDGER_2_approval hears its own partition
approval-1 publish $JS.API.STREAM.UPDATE.LEDGER_0_approval  would change another's stream
approval-1 publish $JS.API.STREAM.DELETE.LEDGER_1_approval  would delete its own stream
approval-1 subscribe ask.0.approval                         would answer for another partition
approval-1 subscribe ask.*.approval                         would answer for all partitions
extraction-1 publish accepted.PA-1._.PRD-1                  would make accepted records of another partition
extraction-1 publish told.2.accepted.PA-1._.PRD-1           would make accepted records of another partition
extraction-1 publish $JS.API.STREAM.MSG.GET.ACCEPTED_0      would read accepted records of another partition
subscriber-acme publish accepted.PA-1._.PRD-1               would make accepted records
subscriber-acme publish $JS.API.CONSUMER.MSG.NEXT.ACCEPTED_0.other would read another's records
subscriber-acme publish $JS.API.CONSUMER.CREATE.ACCEPTED_0  would read another's records
subscriber-acme publish $JS.API.CONSUMER.CREATE.ACCEPTED_0.acme.accepted.> would widen its own filter
subscriber-acme publish $JS.API.CONSUMER.DELETE.ACCEPTED_0.other would take another's position away
subscriber-acme publish $JS.API.DIRECT.GET.ACCEPTED_0       would read another's records
subscriber-acme publish $JS.API.STREAM.MSG.GET.ACCEPTED_0   would read another's records
subscriber-acme publish $JS.API.STREAM.PURGE.ACCEPTED_0     would empty the stream
subscriber-acme publish $JS.ACK.ACCEPTED_0.other.1.1.1.1.0  would acknowledge for another
subscriber-acme publish report.CRD-1.PRD-1                  would report usage
subscriber-acme subscribe accepted.>                        would read another's records
subscriber-acme subscribe _INBOX_subscriber-other.>         would read another's records
subscriber-acme subscribe >                                 would hear everything
";

/// Tries one thing and waits for the server's refusal of exactly that.
async fn refused(link: &LinkSettings, verb: &str, subject: &str) {
    let (said, mut heard) = mpsc::unbounded_channel();
    let options = ConnectOptions::with_credentials_file(link.credentials.as_ref().expect("credentials")).await;
    let options = options.expect("they can be read").add_root_certificates(link.root_certificate.clone().expect("one"));
    let options = options.custom_inbox_prefix(inbox_of(&link.user)).event_callback(move |event| {
        let said = said.clone();
        async move { drop(said.send(event)) }
    });
    let client = options.connect(&link.servers).await.expect("a connection");
    let word = match verb {
        "publish" => {
            client.publish(subject.to_owned(), "x".into()).await.expect("it is sent");
            "Publish"
        }
        _ => {
            let subscriber = client.subscribe(subject.to_owned()).await.expect("it is sent");
            // It stays until the server has said no.
            std::mem::forget(subscriber);
            "Subscription"
        }
    };
    client.flush().await.expect("the server has it");
    let said_no = async {
        while let Some(event) = heard.recv().await {
            let Event::ServerError(error) = event else { continue };
            let error = error.to_string().to_lowercase();
            if error.contains("permissions violation") {
                assert!(error.contains(&word.to_lowercase()) && error.contains(&subject.to_lowercase()), "{error}");
                return;
            }
        }
        panic!("the connection ended");
    };
    let outcome = tokio::time::timeout(PATIENCE, said_no).await;
    assert!(outcome.is_ok(), "{} may {verb} {subject}", link.user);
}

#[test]
fn what_a_process_has_no_business_with_nats_itself_refuses() {
    let dir = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    let server = Server::start_secured(dir.path());
    let id = |text: &str| ObjectId::new(text).expect("an id");
    let (name, account) = (id("acme"), id("PA-1"));
    let subscriber = Subscriber { name, account, hub: None, product: None, form: Form::Protobuf, partitions: 1 };
    let second = Partitions { of: 3, here: Some([1].into()) };
    let mut tried = BTreeSet::new();
    for line in FORBIDDEN.lines().filter(|line| !line.is_empty()) {
        let mut words = line.split_whitespace();
        let (Some(user), Some(verb), Some(subject)) = (words.next(), words.next(), words.next()) else {
            panic!("{line}: user, verb and subject")
        };
        let link = match user {
            "setup" => server.link_of_setup(1),
            "meters" => server.link_as(user, &Grants::producer(user, [(&id("CRD-1"), &id("PRD-1"))])),
            "subscriber-acme" => server.link_of(&subscriber),
            "approval-1" => server.link_of_part(ServiceName::Approval, &second),
            "extraction-1" => server.link_of_part(ServiceName::Extraction, &second),
            name => server
                .link(ServiceName::WRITERS.into_iter().find(|it| it.name() == name).unwrap_or(ServiceName::Gateway)),
        };
        assert_eq!(link.user, user);
        runtime.block_on(refused(&link, verb, subject));
        tried.insert((user, verb, subject));
    }
    for user in ["gateway", "ingestion", "approval-1", "setup", "meters", "subscriber-acme"] {
        assert!(tried.iter().filter(|(who, ..)| *who == user).count() >= 10, "{user} tries too little");
    }
}

#[test]
fn who_has_no_credentials_is_not_let_in() {
    let dir = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("threads");
    let server = Server::start_secured(dir.path());
    let link = server.link(ServiceName::Gateway);
    let certificate = link.root_certificate.clone().expect("one");
    let anonymous = ConnectOptions::new().add_root_certificates(certificate).connect(&link.servers);
    let error = runtime.block_on(anonymous).expect_err("nobody is let in without credentials");
    assert!(error.to_string().contains("authorization"), "{error}");
    let plain = ConnectOptions::new().connect(&link.servers);
    runtime.block_on(plain).expect_err("nor without TLS");
}

/// Whether a user is let in.
async fn is_let_in(link: &LinkSettings) -> bool {
    let options = ConnectOptions::with_credentials_file(link.credentials.as_ref().expect("credentials")).await;
    let Ok(options) = options else { return false };
    let options = options.add_root_certificates(link.root_certificate.clone().expect("one"));
    options.connect(&link.servers).await.is_ok()
}

/// Goal: who is revoked is thrown out and stays out, nobody else notices, and the same name can be made anew. Method: a
/// process, a subscriber and a neighbour are connected while the first two are revoked, twice.
#[test]
fn who_is_revoked_is_thrown_out_and_nobody_else() {
    let dir = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    let server = Server::start_secured(dir.path());
    let id = |text: &str| ObjectId::new(text).expect("an id");
    let (name, account) = (id("acme"), id("PA-1"));
    let subscriber = Subscriber { name, account, hub: None, product: None, form: Form::Protobuf, partitions: 1 };
    let neighbour = server.link(ServiceName::Ingestion);
    runtime.block_on(async {
        let (said, mut heard) = mpsc::unbounded_channel();
        let options = ConnectOptions::with_credentials_file(neighbour.credentials.as_ref().expect("a file")).await;
        let options = options.expect("they can be read").event_callback(move |event| {
            let said = said.clone();
            async move { drop(said.send(event)) }
        });
        let certificate = neighbour.root_certificate.clone().expect("one");
        let _connected = options.add_root_certificates(certificate).connect(&neighbour.servers).await.expect("it may");
        for round in 1..=2 {
            let users = [server.link(ServiceName::Gateway), server.link_of(&subscriber)];
            for user in &users {
                assert!(is_let_in(user).await, "{} in round {round}", user.user);
                // Somebody has a copy of the file.
                let (file, copy) = (user.credentials.as_ref().expect("a file"), dir.path().join(&user.user));
                std::fs::copy(file, &copy).expect("it can be copied");
                credentials::revoke(server.trust(), &user.user, Clock::Machine.now()).expect("it was made");
                assert!(!file.exists(), "{}", user.user);
            }
            server.reload();
            for user in &users {
                let copy = LinkSettings { credentials: Some(dir.path().join(&user.user)), ..user.clone() };
                let refused = async {
                    while is_let_in(&copy).await {
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                };
                let refused = tokio::time::timeout(PATIENCE, refused).await;
                assert!(refused.is_ok(), "{} is let in after round {round}", user.user);
            }
            assert!(is_let_in(&neighbour).await, "a neighbour may come after round {round}");
        }
        while let Ok(event) = heard.try_recv() {
            assert!(!matches!(event, Event::Disconnected | Event::Closed), "a neighbour lost its connection");
        }
    });
    let unknown = credentials::revoke(server.trust(), "nobody", Clock::Machine.now());
    assert!(unknown.expect_err("there is none").to_string().contains("no user nobody"));
}

#[test]
fn a_connection_ends_when_its_user_is_revoked() {
    let dir = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    let server = Server::start_secured(dir.path());
    let link = server.link(ServiceName::Gateway);
    runtime.block_on(async {
        let connected = Link::connect(&link, Clock::Machine).await.expect("a link");
        connected.reached().await;
        let mut reachable = connected.reachable();
        credentials::revoke(server.trust(), &link.user, Clock::Machine.now()).expect("it was made");
        server.reload();
        let ended = tokio::time::timeout(PATIENCE, reachable.wait_for(|now| *now != Reachable::Yes)).await;
        assert!(ended.is_ok(), "it goes on");
    });
}
