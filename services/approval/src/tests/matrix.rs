//! Goal: whoever changes what may be done when sees every cell that changed. Method: every command on a file by every
//! caller in every status, written as text and compared with `matrix.txt`; `BLESS=1 cargo test -p approval` writes it.

use std::fmt::Write;
use std::path::PathBuf;
use std::{env, fs};

use ledger::catalog::Environment;
use ledger::fact::FileDescribed;
use ledger::{Command, Hash, Scope, Status};

use super::world::{World, days, file, operator, other_provider, other_vendor, outcome, provider, vendor};

fn commands() -> Vec<Command> {
    let (file, note) = (file(), String::new());
    let described = |described| Command::DescribeFile { file, described: Box::new(described) };
    vec![
        described(FileDescribed { note: Some("n".to_owned()), ..FileDescribed::default() }),
        described(FileDescribed { period: Some(days(0, 14)), ..FileDescribed::default() }),
        described(FileDescribed { external_id: Some("x".to_owned()), ..FileDescribed::default() }),
        Command::OpenUpload { file, blob: Hash::of(b"other"), bytes: 5, filename: "b.xlsx".to_owned() },
        Command::ReprocessFile { file },
        Command::DeleteFile { file },
        Command::SubmitFile { file },
        Command::AcceptFile { file, note: note.clone() },
        Command::RejectFile { file, note },
        Command::ApproveRecords { file },
    ]
}

fn name(command: &Command) -> String {
    match command {
        Command::DescribeFile { described, .. } if described.note.is_some() => "update its note".to_owned(),
        Command::DescribeFile { described, .. } if described.period.is_some() => "update its period".to_owned(),
        Command::DescribeFile { .. } => "update its external id".to_owned(),
        _ => command.action().to_owned(),
    }
}

/// One line for each outcome, with the statuses that have it.
fn outcomes(text: &mut String, command: &Command, scope: &Scope, world: impl Fn(Status) -> World) {
    let mut found: Vec<(String, Vec<&str>)> = Vec::new();
    for status in Status::ALL {
        let outcome = outcome(&world(status).asks(scope, command));
        match found.iter_mut().find(|(known, _)| *known == outcome) {
            Some((_, statuses)) => statuses.push(status.name()),
            None => found.push((outcome, vec![status.name()])),
        }
    }
    for (outcome, statuses) in found {
        let statuses = if statuses.len() == Status::ALL.len() { "any".to_owned() } else { statuses.join(" ") };
        writeln!(text, "    {outcome:<26} {statuses}").unwrap();
    }
}

#[test]
fn what_may_be_done_when_is_as_it_was_read_in_review() {
    let mut text = "What comes of each command, by who asks and by the status of the file.\n".to_owned();
    for command in commands() {
        for environment in [Environment::Production, Environment::Test] {
            for (caller, scope) in [("vendor", vendor()), ("provider", provider()), ("operator", operator())] {
                writeln!(text, "\n{} by the {caller}, {}", name(&command), environment.name()).unwrap();
                outcomes(&mut text, &command, &scope, |status| World::at(status, environment));
            }
        }
    }
    text.push_str(
        "\nThe same of an estimate, by the status that it had when the actual file of its time was accepted.\n",
    );
    for command in commands() {
        for (caller, scope) in [("vendor", vendor()), ("provider", provider())] {
            writeln!(text, "\n{} by the {caller}, estimate", name(&command)).unwrap();
            outcomes(&mut text, &command, &scope, World::followed);
        }
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/matrix.txt");
    if env::var("BLESS").is_ok_and(|bless| !bless.is_empty()) {
        fs::write(&path, &text).unwrap();
    }
    let known = fs::read_to_string(&path).unwrap_or_default();
    assert!(known == text, "src/matrix.txt differs; BLESS=1 writes it anew for review:\n{text}");
}

/// Goal: who has no part in a file learns nothing of it. Method: every command in every status.
#[test]
fn for_strangers_there_is_no_file() {
    for scope in [other_vendor(), other_provider()] {
        for status in Status::ALL {
            let world = World::at(status, Environment::Production);
            for command in commands() {
                assert_eq!(outcome(&world.asks(&scope, &command)), "refused: NotFound", "{command:?} {status:?}");
            }
        }
    }
}
