//! Who sees which field: one table, used where objects are written and where queries name fields, so that a hidden
//! field is neither shown nor can it be asked about (design §8).

use ledger::Role;
use serde_json::Value;

/// The kinds of objects that have fields not everybody sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Usage files.
    File,
    /// Usage records.
    Record,
    /// Chunks.
    Chunk,
    /// Reconciliations.
    Reconciliation,
    /// Objects of the catalog.
    Catalog,
}

/// The fields that are not for everybody who sees the object, each with who sees it.
const RESTRICTED: [(Kind, &str, &[Role]); 7] = [
    // "This ID will be visible only for you" (seed 003).
    (Kind::File, "external_id", &[Role::Vendor, Role::Operator]),
    // The workbook as the vendor made it may have tabs and columns that are nobody else's business; the provider has
    // the processed one (seed 002).
    (Kind::File, "usage_file_uri", &[Role::Vendor, Role::Operator]),
    // What is wrong or doubtful in a report is between the ledger and who reports; a provider decides on what is valid.
    (Kind::File, "rejects_file_uri", &[Role::Vendor, Role::Operator]),
    (Kind::File, "warnings", &[Role::Vendor, Role::Operator]),
    (Kind::Record, "warnings", &[Role::Vendor, Role::Operator]),
    (Kind::File, "submit_remembered", &[Role::Vendor, Role::Operator]),
    (Kind::File, "progress", &[Role::Vendor, Role::Operator]),
];

/// Whether a role sees a field of an object that it sees.
pub(crate) fn sees(kind: Kind, path: &str, role: Role) -> bool {
    let rule = RESTRICTED.iter().find(|(of, name, _)| *of == kind && within(path, name));
    rule.is_none_or(|(_, _, roles)| roles.contains(&role))
}

/// Takes away what a role doesn't see.
pub(crate) fn trim(kind: Kind, object: &mut Value, role: Role) {
    let Value::Object(members) = object else { return };
    for (of, name, roles) in RESTRICTED {
        if of == kind && !roles.contains(&role) {
            members.shift_remove(name);
        }
    }
}

fn within(path: &str, field: &str) -> bool {
    path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
