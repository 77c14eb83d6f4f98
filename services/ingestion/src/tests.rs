//! Ingestion as tables: which results count, how rows become batches, and what is read of a workbook.

mod batches;
mod book;
mod decisions;
mod reported;
mod weights;
mod workbooks;
