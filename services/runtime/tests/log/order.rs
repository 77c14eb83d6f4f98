//! Goal: nothing is answered or anchored before it is on stable storage. A kill can't show that, since the kernel
//! survives; the order of the system calls can. Method: trace `log_writer`, check the order, and see that the same
//! check catches both wrong orders.

use std::process::Command;

use crate::support::*;

/// What the trace says, in the order of the calls' ends.
#[derive(Debug, PartialEq)]
enum Step {
    StoreWritten(String),
    StoreSynced(String),
    AnchorWritten,
    AnchorSynced,
    Answered,
}

fn trace(folder: &Folder, order: &str, hosts: u16) -> Option<Vec<Step>> {
    let Some(strace) = strace() else {
        eprintln!("THE ORDER OF SYNCS WAS NOT CHECKED: there is no strace on this machine");
        return None;
    };
    let (out, dir) = (folder.0.join(format!("{order}.trace")), folder.0.join(order));
    let status = Command::new(strace)
        .args(["-f", "-y", "-qq", "-s", "16", "-e", "trace=pwrite64,write,fdatasync,fsync,sync_file_range", "-o"])
        .arg(&out)
        .arg(example("log_writer"))
        .arg(&dir)
        .args([&hosts.to_string(), "120", "98304", "77", order])
        .arg(if hosts == 1 { "1" } else { "4" })
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    Some(steps(&std::fs::read_to_string(out).unwrap()))
}

/// Reads the trace. A call that another thread interrupts stands in two lines: a write counts from its first, a sync
/// only from its second.
fn steps(text: &str) -> Vec<Step> {
    let mut open_syncs = std::collections::BTreeMap::<&str, Option<Step>>::new();
    let mut steps = Vec::new();
    for line in text.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        if call.starts_with("<... f") {
            steps.extend(open_syncs.remove(thread).flatten());
            continue;
        }
        let Some((name, rest)) = call.split_once('(') else { continue };
        let path = rest.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(path, _)| path);
        let is_store = path.ends_with("/db");
        let is_anchor = path.ends_with("/anchor");
        match name {
            "pwrite64" | "write" if is_store => steps.push(Step::StoreWritten(path.to_owned())),
            "pwrite64" | "write" if is_anchor => steps.push(Step::AnchorWritten),
            "write" if call.contains("\"ack ") => steps.push(Step::Answered),
            "fdatasync" | "fsync" => {
                let step = match (is_store, is_anchor) {
                    (true, _) => Some(Step::StoreSynced(path.to_owned())),
                    (_, true) => Some(Step::AnchorSynced),
                    _ => None,
                };
                if call.contains("<unfinished") {
                    open_syncs.insert(thread, step);
                } else {
                    assert!(call.ends_with("= 0"), "{call}");
                    steps.extend(step);
                }
            }
            _ => {}
        }
    }
    steps
}

/// The first step that breaks the promise, if one does.
///
/// No anchor is written while a database has bytes that aren't synced. With one append in flight at a time, between
/// two answers there is a whole commit, in this order: database written, synced, anchor written, synced.
///
/// Paths end in a generation's number. Once an anchor was written after a newer generation appeared, nothing is
/// appended to the older one; sled still tidies it while it is closed to be removed, and that doesn't count.
fn broken(steps: &[Step], one_in_flight: bool) -> Option<String> {
    let mut unsynced = std::collections::BTreeSet::new();
    let (mut newest, mut anchored) = ("", "");
    let mut reached = 0;
    for (index, step) in steps.iter().enumerate() {
        match step {
            Step::StoreWritten(path) if path.as_str() < anchored => {}
            Step::StoreWritten(path) => {
                newest = newest.max(path);
                unsynced.insert(path.clone());
                reached = reached.max(1);
            }
            Step::StoreSynced(path) => {
                unsynced.remove(path);
                reached += usize::from(reached == 1);
            }
            Step::AnchorWritten if !unsynced.is_empty() => {
                return Some(format!("step {index}: the anchor was written before the sync of {unsynced:?}"));
            }
            Step::AnchorWritten => {
                anchored = newest;
                reached += usize::from(reached == 2);
            }
            Step::AnchorSynced => reached += usize::from(reached == 3),
            Step::Answered if one_in_flight && reached < 4 => {
                return Some(format!("step {index}: answered before the sync of the anchor"));
            }
            Step::Answered => reached = 0,
        }
    }
    None
}

fn count(steps: &[Step], wanted: &Step) -> usize {
    steps.iter().filter(|step| *step == wanted).count()
}

#[test]
fn every_answer_follows_its_syncs() {
    let folder = Folder::new("order");
    let Some(steps) = trace(&folder, "stated", 1) else { return };
    assert_eq!(broken(&steps, true), None);
    println!("{} steps, {} answers", steps.len(), count(&steps, &Step::Answered));
    assert_eq!(count(&steps, &Step::Answered), 120);
    assert!(count(&steps, &Step::AnchorSynced) >= 120);
}

#[test]
fn every_anchor_follows_the_sync_of_the_database() {
    let folder = Folder::new("order-many");
    let Some(steps) = trace(&folder, "stated", 3) else { return };
    assert_eq!(broken(&steps, false), None);
    assert!(count(&steps, &Step::AnchorWritten) > 50);
}

#[test]
fn the_wrong_orders_are_caught() {
    for order in ["anchor-before-sync", "answer-before-sync"] {
        let folder = Folder::new(order);
        let Some(steps) = trace(&folder, order, 1) else { return };
        let found = broken(&steps, true);
        println!("{order}: {found:?}");
        assert!(found.is_some(), "{order} wasn't caught");
    }
}
