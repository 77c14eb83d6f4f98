//! Writing the processed workbooks: the vendor's with what is wrong, the provider's with what the catalog knows, and
//! what is invalid alone, to be mended.

use std::collections::BTreeSet;

use ledger::file::Processed;
use ledger::{FileId, Hash, Moment, Named, UsageFile};
use runtime::blobs::BlobError;
use runtime::decider::Tools;
use runtime::records::RecordsError;
use thiserror::Error;
use workbook::usage::UsageSheet;
use workbook::write::{Kind, WriteError};

use crate::Own;

/// What the job needs to know.
#[derive(Debug)]
pub struct WriteJob {
    file: FileId,
    known: UsageFile,
}

#[derive(Debug, Error)]
enum ProcessedError {
    #[error("could not read the records")]
    Records(#[from] RecordsError),
    #[error("could not write the workbook")]
    Write(#[from] WriteError),
    #[error("could not keep the workbook")]
    Blob(#[from] BlobError),
    #[error("the file was not checked")]
    Unchecked,
    #[error("the writer crashed")]
    Crashed,
}

impl WriteJob {
    pub(crate) fn new(file: FileId, known: &UsageFile) -> Self {
        Self { file, known: known.clone() }
    }

    pub(crate) fn run(self, tools: &Tools<Own>) {
        let file = self.file;
        let (upload, attempt) = (self.known.checking.upload, self.known.checking.attempt);
        runtime::crash::point("processed.begin");
        let Some(outcome) = tools.patiently(|| self.write(tools)) else { return };
        let own = match outcome {
            Ok(written) => Own::Processed { file, upload, written },
            Err(error) => {
                tracing::error!(%file, error = &error as &dyn std::error::Error, "a processed file was not written");
                let detail = format!("The processed workbook was not written: {error}. Ask the operator.");
                Own::Failed { file, upload, attempt, detail }
            }
        };
        // Stale means that nobody waits for it.
        drop(tools.tell(own));
    }

    /// Writes the vendor's view and beside it the provider's, who sees only files without invalid records, or else the
    /// invalid records alone. Both at once: deflating is most of the work, and there are two cores.
    fn write(&self, tools: &Tools<Own>) -> Result<Processed, ProcessedError> {
        let is_invalid = self.known.checking.invalid > 0;
        let (kind, hub) =
            if is_invalid { (Kind::Rejects, None) } else { (Kind::ProcessedProvider, self.only_hub(tools)?) };
        let (vendor, other) = std::thread::scope(|scope| {
            let other = scope.spawn(|| self.write_view(tools, kind, hub));
            let vendor = self.write_view(tools, Kind::ProcessedVendor, None);
            (vendor, other.join().unwrap_or(Err(ProcessedError::Crashed)))
        });
        let (vendor, other) = (vendor?, Some(other?));
        let (provider, rejects) = if is_invalid { (None, other) } else { (other, None) };
        Ok(Processed { vendor, provider, rejects })
    }

    fn write_view(&self, tools: &Tools<Own>, kind: Kind, hub: Option<Named>) -> Result<Hash, ProcessedError> {
        // The time of the upload is recorded, so that the same bytes can be made again.
        let created = self.known.approval.uploaded_at.as_ref().map_or(Moment::default(), |stamp| stamp.at);
        let shown = self.known.checking.checkpoint;
        let sheet =
            UsageSheet::of(kind, self.file, &self.known, hub, created, shown).ok_or(ProcessedError::Unchecked)?;
        let path = tools.temp_path("processed");
        let mut writer = sheet.create(&path, tools.temp())?;
        for (read, checked) in self.known.reading.parts.iter().zip(&self.known.checking.parts) {
            let (read, _) = tools.records.read(self.file, read.sequence)?;
            let checked = tools.records.checked(self.file, checked.sequence)?;
            writer.batch(&read, &checked, |record| kind != Kind::Rejects || !record.is_valid())?;
            runtime::crash::point("processed.half");
        }
        writer.finish()?;
        Ok(tools.blobs.adopt(&path)?.0)
    }

    /// The hub of the file, when all its records are of one (design §12).
    fn only_hub(&self, tools: &Tools<Own>) -> Result<Option<Named>, ProcessedError> {
        let mut hubs = BTreeSet::new();
        for part in &self.known.checking.parts {
            let batch = tools.records.checked(self.file, part.sequence)?;
            hubs.extend(batch.subscriptions.into_iter().map(|subscription| subscription.hub));
            if hubs.len() > 1 {
                return Ok(None);
            }
        }
        Ok(hubs.pop_first().flatten())
    }
}
