//! Where a file stands, for each combination of its parts; and the counts that the API shows (connect-api U12).

use ledger::file::{
    Approval, Checking, CheckingEnd, Decision, Extraction, Processed, Reading, ReadingEnd, Stamp, Stats, Status,
    UsageFile,
};
use ledger::{Actor, Hash, Moment};

use crate::life::opened;

const UPLOAD: u32 = 2;

const DELETED: [&str; 2] = ["kept", "deleted"];
const UPLOADS: [&str; 2] = ["empty", "uploaded"];
const DECISIONS: [&str; 4] = ["undecided", "pending", "accepted", "rejected"];
const READINGS: [&str; 5] = ["unread", "read before", "reading", "unreadable", "read"];
const CHECKINGS: [&str; 7] = ["unchecked", "checked before", "checking", "failed", "unwritten", "invalid", "valid"];
const ESTIMATES: [&str; 2] = ["current", "superseded"];
const EXTRACTIONS: [&str; 4] = ["unextracted", "closed before", "open", "closed"];

type Row = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str, &'static str, Status);

/// First match decides; a blank matches everything.
const TABLE: [Row; 19] = [
    ("deleted", "", "", "", "", "", "", Status::Deleted),
    // Nothing more becomes of an estimate that was sent once the actual file is there.
    ("", "", "accepted", "", "", "", "superseded", Status::Closed),
    ("", "", "pending", "", "", "", "superseded", Status::Closed),
    ("", "uploaded", "accepted", "", "", "closed", "", Status::Closed),
    ("", "", "accepted", "", "", "", "", Status::Accepted),
    ("", "", "rejected", "", "", "", "", Status::Rejected),
    ("", "", "pending", "", "", "", "", Status::Pending),
    ("", "empty", "", "", "", "", "", Status::Draft),
    ("", "", "", "unread", "", "", "", Status::Uploaded),
    ("", "", "", "read before", "", "", "", Status::Uploaded),
    ("", "", "", "reading", "", "", "", Status::Processing),
    ("", "", "", "unreadable", "", "", "", Status::Invalid),
    ("", "", "", "read", "unchecked", "", "", Status::Processing),
    ("", "", "", "read", "checked before", "", "", Status::Processing),
    ("", "", "", "read", "checking", "", "", Status::Processing),
    ("", "", "", "read", "failed", "", "", Status::Invalid),
    // The processed workbook belongs to the verdict.
    ("", "", "", "read", "unwritten", "", "", Status::Processing),
    ("", "", "", "read", "invalid", "", "", Status::Invalid),
    ("", "", "", "read", "valid", "", "", Status::Ready),
];

fn stamp() -> Stamp {
    Stamp { at: Moment(0), by: Actor::Operator }
}

fn approval(deleted: &str, upload: &str, decision: &str, estimate: &str) -> Approval {
    let note = String::new();
    Approval {
        upload: (upload == "uploaded").then(|| opened(UPLOAD)),
        decision: match decision {
            "pending" => Some(Decision::Open),
            "accepted" => Some(Decision::Accepted { note }),
            "rejected" => Some(Decision::Rejected { note }),
            _ => None,
        },
        superseded: (estimate == "superseded").then(|| (crate::life::file(), stamp())),
        deleted_at: (deleted == "deleted").then(stamp),
        ..Approval::default()
    }
}

fn reading(kind: &str) -> Reading {
    let (columns, ignored, categories) = (vec![], vec![], vec![]);
    let read = ReadingEnd::Read { columns, ignored, categories };
    let (upload, end) = match kind {
        "unread" => return Reading::default(),
        "read before" => (UPLOAD - 1, Some(read)),
        "unreadable" => (UPLOAD, Some(ReadingEnd::Unreadable { detail: "it is a picture".to_owned() })),
        "read" => (UPLOAD, Some(read)),
        _ => (UPLOAD, None),
    };
    Reading { upload, attempt: 1, records: 10, end, ..Reading::default() }
}

fn checking(kind: &str) -> Checking {
    let checked = Some(CheckingEnd::Checked(Box::default()));
    let written = Some(Processed { vendor: Hash::ZERO, provider: None, rejects: None });
    let (upload, end, invalid, processed) = match kind {
        "unchecked" => return Checking::default(),
        "checked before" => (UPLOAD - 1, checked, 0, written),
        "failed" => (UPLOAD, Some(CheckingEnd::Failed { detail: "no space".to_owned() }), 0, None),
        "unwritten" => (UPLOAD, checked, 3, None),
        "invalid" => (UPLOAD, checked, 3, written),
        "valid" => (UPLOAD, checked, 0, written),
        _ => (UPLOAD, None, 3, None),
    };
    Checking { upload, attempt: 1, valid: 10 - invalid, invalid, end, processed, ..Checking::default() }
}

fn extraction(kind: &str) -> Extraction {
    let (upload, closed, closed_at) = match kind {
        "unextracted" => return Extraction::default(),
        "closed before" => (UPLOAD - 1, 2..12, Some(stamp())),
        "closed" => (UPLOAD, 2..12, Some(stamp())),
        _ => (UPLOAD, 2..6, None),
    };
    Extraction {
        upload,
        attempt: 1,
        extracted: true,
        closed: closed.collect(),
        billed: 3,
        closed_at,
        ..Extraction::default()
    }
}

type Parts = [&'static str; 7];

fn each(check: impl Fn(Parts, &UsageFile)) {
    for (deleted, upload, decision, estimate) in approvals() {
        for read in READINGS {
            for checked in CHECKINGS {
                for extracted in EXTRACTIONS {
                    let file = UsageFile {
                        approval: approval(deleted, upload, decision, estimate),
                        reading: reading(read),
                        checking: checking(checked),
                        extraction: extraction(extracted),
                    };
                    check([deleted, upload, decision, read, checked, extracted, estimate], &file);
                }
            }
        }
    }
}

fn approvals() -> impl Iterator<Item = (&'static str, &'static str, &'static str, &'static str)> {
    DELETED.into_iter().flat_map(|deleted| {
        UPLOADS.into_iter().flat_map(move |upload| {
            DECISIONS.into_iter().flat_map(move |decision| {
                ESTIMATES.into_iter().map(move |estimate| (deleted, upload, decision, estimate))
            })
        })
    })
}

#[test]
fn the_status_of_each_combination_is_in_the_table() {
    each(|parts, file| {
        let fits = |row: &&Row| {
            let wanted = [row.0, row.1, row.2, row.3, row.4, row.5, row.6];
            wanted.iter().zip(parts).all(|(wanted, part)| wanted.is_empty() || *wanted == part)
        };
        let expected = TABLE.iter().find(fits).map(|row| row.7);
        assert_eq!(Some(file.status()), expected, "{parts:?}");
    });
}

#[test]
fn counts_are_of_the_current_upload_and_follow_its_status() {
    each(|parts, file| {
        let [deleted, upload, decision, read, checked, extracted, estimate] = parts;
        let here = upload == "uploaded";
        let ended = here && ["failed", "unwritten", "invalid", "valid"].contains(&checked);
        let (valid, invalid) = match (ended, checked) {
            (false, _) => (0, 0),
            (true, "unwritten" | "invalid") => (7, 3),
            (true, _) => (10, 0),
        };
        let extracted = if here { extracted } else { "" };
        let expected = Stats {
            uploaded: if here && ["reading", "unreadable", "read"].contains(&read) { 10 } else { 0 },
            validated: valid,
            invalid,
            pending: if (decision, deleted, estimate) == ("pending", "kept", "current") { valid } else { 0 },
            accepted: if decision == "accepted" { valid } else { 0 },
            closed: match extracted {
                "open" => 4,
                "closed" => 10,
                _ => 0,
            },
            billed: if ["open", "closed"].contains(&extracted) { 3 } else { 0 },
        };
        assert_eq!(file.stats(), expected, "{parts:?}");
    });
}

#[test]
fn what_is_wrong_with_the_file_is_told_while_it_counts() {
    each(|parts, file| {
        let [_, upload, _, read, checked, ..] = parts;
        let detail = file.error_detail().unwrap_or_default();
        let expected = match (upload, read, checked) {
            ("empty", ..) => "",
            (_, "unreadable", _) => "USG_FILE_005: It is a picture",
            (.., "failed") => "no space",
            _ => "",
        };
        assert_eq!(detail, expected, "{parts:?}");
    });
}
