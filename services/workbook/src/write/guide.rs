//! The kinds of workbook and what each tells the person who opens it.

use crate::columns::{Column, PROVIDER_ADDED, RECONCILIATION_ADDED, VENDOR_ADDED};

/// What a workbook is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// What we found in a vendor's file, for the vendor.
    ProcessedVendor,
    /// The same file as the distributor or reseller sees it.
    ProcessedProvider,
    /// The accepted records of one hub, to be billed.
    Chunk,
    /// A chunk's records with where each was billed.
    Reconciliation,
}

impl Kind {
    /// The first line of the workbook.
    #[must_use]
    pub fn heading(self) -> &'static str {
        match self {
            Self::ProcessedVendor => "Processed usage file",
            Self::ProcessedProvider => "Processed usage file for review",
            Self::Chunk => "Accepted usage of one hub",
            Self::Reconciliation => "Reconciliation of accepted usage",
        }
    }

    /// The columns that it has beside the vendor's.
    #[must_use]
    pub fn added(self) -> Vec<&'static Column> {
        match self {
            Self::ProcessedVendor => VENDOR_ADDED.iter().collect(),
            Self::ProcessedProvider | Self::Chunk => PROVIDER_ADDED.iter().collect(),
            Self::Reconciliation => PROVIDER_ADDED.iter().chain(&RECONCILIATION_ADDED).collect(),
        }
    }

    fn about(self) -> &'static [&'static str] {
        match self {
            Self::ProcessedVendor => &[
                "This is your usage file after every record was checked.",
                "A red cell is wrong and its record is invalid; a yellow cell is worth a look and does no harm. The first \
                 thousand marked cells have a note that says what is wrong and what would be right; error_details says it \
                 for every record.",
                "To correct the file, filter status for invalid, change the red cells and upload this workbook: the columns \
                 that we added are not read. An upload replaces the one before it as a whole, so leave the valid records in.",
            ],
            Self::ProcessedProvider => &[
                "This is a vendor's usage file after every record was checked, with what the catalog knows about each \
                 subscription and item.",
                "Review it and accept or reject the file as a whole.",
            ],
            Self::Chunk => &[
                "These are the accepted records that one hub bills.",
                "Once they are billed, close this chunk, or add the columns external_billing_id and external_billing_note \
                 to the records tab, fill them and upload the workbook as reconciliation.",
            ],
            Self::Reconciliation => &[
                "These are accepted records and where each was billed.",
                "Rows are matched by record_id. A row with neither billing id nor note stays open.",
            ],
        }
    }

    /// What the `instructions` tab says: each line, and whether it is a heading.
    pub(super) fn lines(self) -> Vec<(bool, String)> {
        let mut lines = vec![(true, self.heading().to_owned())];
        lines.extend(self.about().iter().map(|line| (false, (*line).to_owned())));
        lines.extend(
            [
                (true, "Tab 'general'"),
                (false, "Which report this is: one attribute in each row."),
                (true, "Tab 'categories'"),
                (false, "The vendor's categories, which records name by category_id."),
                (true, "Tab 'records'"),
                (
                    false,
                    "One record in each row, in the order of the vendor's file. Every cell is text, exactly as it is \
                     recorded. The vendor's columns come as they were uploaded; columns that begin with v. are never \
                     changed. We added:",
                ),
            ]
            .map(|(heading, line)| (heading, line.to_owned())),
        );
        let added = self.added().into_iter();
        lines.extend(
            added.map(|column| (false, format!("• {}: {} {}.", column.name, column.definition, column.accepted))),
        );
        lines
    }
}
