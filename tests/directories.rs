//! Two processes on one data directory, a copy of it beside the original, and a process that stands still for a while and
//! wakes up: what can be noticed is refused with who is in the way, and harms nothing.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::backups::{audit, text};
use crate::crashes::{Ledger, done, tool};
use crate::kills::Server;
use crate::repairs::copy;

/// Nobody answers there; a directory is looked at before.
const NO_NATS: &str = "nats://127.0.0.1:1";

fn signal(server: &Server, signal: &str) {
    let status = Command::new("kill").args([signal, &server.child.id().to_string()]).status().expect("it runs");
    assert!(status.success());
}

/// Everything that would work on the directory besides its process is refused, and names that process.
fn check_refused(ledger: &Ledger, server: &Server) {
    let (data, holder) = (text(&ledger.data), format!("process {} (usage-ledger)", server.child.id()));
    let others: [&[&str]; 4] = [
        &["run", "--listen", "127.0.0.1:0", "--data", data],
        &["run", "--listen", "127.0.0.1:0", "--data", data, "--only", "approval", "--nats", NO_NATS],
        &["audit", "repair", "--data", data, "--yes"],
        &["audit", "restore", "--from", text(&ledger.backup), "--data", data],
    ];
    for (words, why) in others.iter().zip([holder.as_str(), &holder, "works on", "isn't empty"]) {
        let output = tool(words, None);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains(why), "{words:?}: {output:?}");
    }
}

/// Goal: a second process, of whatever services, and commands that write are refused while one works, and while it stands
/// still; the first one goes on, and starts again as before.
#[test]
fn a_second_process_is_refused_and_harms_nothing() {
    let mut ledger = Ledger::new();
    let mut server = ledger.start(None).expect("the product starts");
    ledger.draft(&server);
    let stop = AtomicBool::new(false);
    let drafts = std::thread::scope(|scope| {
        let mut other = Ledger::new();
        other.drafts.clone_from(&ledger.drafts);
        let (stop, server) = (&stop, &server);
        let writing = scope.spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                other.draft(server);
            }
            std::mem::take(&mut other.drafts)
        });
        (0..3).for_each(|_| check_refused(&ledger, server));
        stop.store(true, Ordering::Relaxed);
        writing.join().expect("drafts")
    });
    assert!(drafts.len() > 10 && drafts.iter().all(Option::is_some), "{drafts:?}");
    ledger.drafts = drafts;
    signal(&server, "-STOP");
    check_refused(&ledger, &server);
    signal(&server, "-CONT");
    ledger.draft(&server);
    ledger.check(&server, "after it stood still");
    assert!(!server.died());
    // A key may be changed meanwhile: the process goes on with the one that it has read.
    done(&["audit", "rotate-key", "--data", text(&ledger.data)]);
    ledger.draft(&server);
    ledger.check(&server, "with another key to come");
    ledger.stop(server);
    ledger.start_over("afterwards").kill();
}

/// Goal: of a copy that is started beside its original only what both share can notice. Method: the backup of the original
/// is named to the copy, while both work and after each has gone its way.
#[test]
fn a_copy_beside_its_original_gets_no_hold_of_the_backup() {
    let mut ledger = Ledger::new();
    let server = ledger.start(None).expect("the product starts");
    ledger.draft(&server);
    ledger.stop(server);
    let copied = ledger.folder.path().join("copied");
    copy(&ledger.data, &copied);
    let words = ["run", "--listen", "127.0.0.1:0", "--data", text(&copied), "--backup", text(&ledger.backup)]
        .map(str::to_owned);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let server = ledger.start(None).expect("the original starts");
    let refused = tool(&words, None);
    let holder = format!("process {} (usage-ledger)", server.child.id());
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains(&holder), "{refused:?}");
    // Without one it starts: nothing on this machine knows that it is a copy.
    let mut other = Server::start_with(&copied, None, &[]).expect("the copy starts");
    for server in [&server, &other] {
        ledger.draft(server);
    }
    assert!(!other.died());
    other.kill();
    ledger.drafts.truncate(2);
    ledger.check(&server, "beside a copy");
    ledger.stop(server);
    let refused = tool(&words, None);
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && told.contains("it holds what this ledger doesn't"), "{told}");
    for data in [&ledger.data, &copied] {
        audit(&["verify", "--data", text(data)]);
    }
    ledger.start_over("the original").kill();
}
