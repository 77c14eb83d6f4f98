//! A lease over a real server: who has it, who gets it next, and what an absence of NATS does to it.

use std::time::{Duration, Instant};

use runtime::clock::Clock;
use runtime::nats::{Holding, Lease, Link};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::nats::Server;

/// How long anything may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longer than a lease lives that isn't renewed.
const SILENCE: Duration = Duration::from_secs(7);

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads")
}

async fn lease(server: &Server, name: &str) -> Lease {
    let settings = server.link_of_setup(1);
    let link = Link::connect(&settings, Clock::Machine).await.expect("a connection");
    Lease::new(link, "webhooks", name)
}

/// The lease, once it is taken.
async fn taken(mut lease: Lease) -> Lease {
    timeout(PATIENCE, lease.take()).await.expect("it is free");
    assert_eq!(*lease.holding().borrow(), Holding::Mine);
    lease
}

/// Goal: one process has a lease, and the next one gets it when that is right. Method: one that takes it first, one that
/// waits until it is given up, and another start of that one, which doesn't wait.
#[test]
fn a_lease_has_one_holder_after_the_other() {
    let dir = tempfile::tempdir().expect("a folder");
    let server = Server::start(dir.path());
    runtime().block_on(async {
        let first = taken(lease(&server, "a").await).await;
        let second = lease(&server, "b").await;
        let mut holding = second.holding();
        let waits = tokio::spawn(taken(second));
        let seen = timeout(PATIENCE, holding.wait_for(|holding| *holding == Holding::Of("a".to_owned()))).await;
        seen.expect("it is seen").expect("it is watched");
        first.release().await.expect("it is given up");
        let mut second = timeout(PATIENCE, waits).await.expect("it is free").expect("it is taken");
        // The same process, started again: it doesn't wait for itself.
        let third = taken(lease(&server, "b").await).await;
        let lost = timeout(PATIENCE, second.keep()).await.expect("somebody else has it");
        assert_eq!((lost.key.as_str(), lost.name.as_str(), lost.by.as_str()), ("webhooks", "b", "b"));
        drop(third);
    });
}

/// Goal: a silent holder is relieved, and one that NATS kept silent isn't. Method: NATS is away for longer than a lease
/// lives, with its store gone once, while one process waits; then the holder is dropped.
#[test]
fn a_lease_outlives_nats_and_not_its_holder() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut server = Server::start(dir.path());
    let runtime = runtime();
    let (holder, mut holding, waits) = runtime.block_on(async {
        let mut first = taken(lease(&server, "a").await).await;
        let second = lease(&server, "b").await;
        let mut holding = second.holding();
        let waits = tokio::spawn(taken(second));
        holding.wait_for(|holding| *holding == Holding::Of("a".to_owned())).await.expect("it is watched");
        (tokio::spawn(async move { first.keep().await }), holding, waits)
    });
    server.stop();
    std::thread::sleep(SILENCE);
    server.wipe();
    server.go_on();
    std::thread::sleep(SILENCE);
    assert!(
        !holder.is_finished() && !waits.is_finished(),
        "the holder was relieved: {:?}",
        *holding.borrow_and_update()
    );
    let since = Instant::now();
    holder.abort();
    drop(runtime.block_on(async { timeout(PATIENCE, waits).await }).expect("it is free").expect("it is taken"));
    eprintln!("a silent holder was relieved after {} ms", since.elapsed().as_millis());
}
