//! The kinds of workbook and what each tells the person who opens it.

use ledger::ServiceName;

use crate::columns::{Column, PROVIDER_ADDED, RECONCILED_ADDED, RECONCILIATION_ADDED, REJECTS_ADDED, VENDOR_ADDED};

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
    /// What became of each row of such a workbook.
    Reconciled,
    /// The records of a vendor's file that are invalid, to be mended.
    Rejects,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::ProcessedVendor,
        Self::ProcessedProvider,
        Self::Chunk,
        Self::Reconciliation,
        Self::Reconciled,
        Self::Rejects,
    ];

    /// The first line of the workbook.
    #[must_use]
    pub fn heading(self) -> &'static str {
        match self {
            Self::ProcessedVendor => "Processed usage file",
            Self::ProcessedProvider => "Processed usage file for review",
            Self::Chunk => "Accepted usage of one hub",
            Self::Reconciliation => "Reconciliation of accepted usage",
            Self::Reconciled => "Result of a reconciliation",
            Self::Rejects => "Rejected usage records",
        }
    }

    /// The service that makes it.
    #[must_use]
    pub fn writer(self) -> ServiceName {
        match self {
            Self::ProcessedVendor | Self::ProcessedProvider | Self::Rejects => ServiceName::Validation,
            Self::Chunk | Self::Reconciliation | Self::Reconciled => ServiceName::Extraction,
        }
    }

    /// Whether it has a tab that lists everything that is wrong.
    #[must_use]
    pub fn lists_errors(self) -> bool {
        matches!(self, Self::ProcessedVendor | Self::Rejects)
    }

    /// Whether a vendor opens it, rather than the other side.
    #[must_use]
    pub fn is_vendors(self) -> bool {
        matches!(self, Self::ProcessedVendor | Self::Rejects)
    }

    /// The columns that it has beside the vendor's.
    #[must_use]
    pub fn added(self) -> &'static [Column] {
        match self {
            Self::ProcessedVendor => &VENDOR_ADDED,
            Self::ProcessedProvider | Self::Chunk => &PROVIDER_ADDED,
            Self::Reconciliation => &RECONCILIATION_ADDED,
            Self::Reconciled => &RECONCILED_ADDED,
            Self::Rejects => &REJECTS_ADDED,
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
            Self::Reconciled => &[
                "This is your reconciliation with what became of each row.",
                "closed: the record is closed now. left open: the row has no billing data, fill it and send it again. was \
                 closed: it had been closed before, with the same billing data. Red rows changed nothing: not found (no \
                 accepted record of this file has that id), billed otherwise (it is closed with other billing data, which \
                 stays) and unreadable (the billing data can't be read).",
            ],
            Self::Rejects => &[
                "These are the records of your usage file that are invalid, and only these, as you sent them.",
                "Change the red cells. Then either put the rows back into your file and upload that, or leave them out of it \
                 and upload this workbook as a usage file of its own: the columns that we added are not read.",
            ],
        }
    }

    /// What the `instructions` tab says: each line, and whether it is a heading.
    pub(super) fn lines(self) -> Vec<(bool, String)> {
        let mut lines = vec![(true, self.heading().to_owned())];
        let mut say = |heading, line: &str| lines.push((heading, line.to_owned()));
        self.about().iter().for_each(|line| say(false, line));
        say(true, "Tab 'general'");
        say(
            false,
            "Which report this is: one attribute in each row. Totals are those of the valid records in this workbook.",
        );
        say(true, "Tab 'categories'");
        say(false, "The vendor's categories, which records name by category_id.");
        say(true, "Tab 'records'");
        say(
            false,
            if self == Self::Reconciled {
                "The rows of your workbook in their order. Every cell is text, exactly as it was sent. We added:"
            } else {
                "One record in each row, in the order of the vendor's file. Every cell is text, exactly as it is \
                 recorded. The vendor's columns come as they were uploaded; columns that begin with v. are never \
                 changed. We added:"
            },
        );
        let added = self.added().iter();
        lines.extend(
            added.map(|column| (false, format!("• {}: {} {}.", column.name, column.definition, column.accepted))),
        );
        if self.lists_errors() {
            lines.push((true, "Tab 'errors'".to_owned()));
            let about = "Everything that is wrong or worth a look, one in each row. The row is that of the file as you \
                         uploaded it; the link leads to the cell in this workbook.";
            lines.push((false, about.to_owned()));
        }
        lines
    }
}
