//! Which tiers of a usage a file has (design §12): a usage is what one subscription used of one item in one window in
//! one quantity. Its rows need not be neighbours, so the whole file is looked through before the first row is judged.

use std::collections::HashMap;

use ledger::Hash;
use ledger::record::{CheckedBatch, CheckedRecord};

use super::sentences;

/// Every tier of a usage.
const ALL: u32 = 0b111;
/// Bits of a mask of tiers. The rest holds the row: a file has far fewer lines than 2^29.
const MASK_BITS: u32 = 3;

/// The tiers of each usage: 16 bytes a usage, of which a file has at most as many as records.
#[derive(Debug, Default)]
pub struct Tiers {
    usages: HashMap<[u8; 12], u32>,
}

/// Usages without all tiers: the first row of each, in order, and the tiers that it has.
#[derive(Debug, Default)]
pub struct MissingTiers(Vec<(u32, u32)>);

impl Tiers {
    /// Takes in the records of a batch whose usage and tier are known, whatever else is wrong with them.
    pub fn add(&mut self, batch: &CheckedBatch) {
        for record in &batch.records {
            if let Some((key, tier)) = usage(batch, record) {
                let known = self.usages.entry(key).or_insert(record.row << MASK_BITS);
                *known |= 1 << tier;
            }
        }
    }

    /// Ends taking in.
    #[must_use]
    pub fn finish(self) -> MissingTiers {
        let some = self.usages.into_values().map(|known| (known >> MASK_BITS, known & ALL));
        let mut missing: Vec<(u32, u32)> = some.filter(|(_, mask)| *mask != ALL).collect();
        missing.sort_unstable();
        MissingTiers(missing)
    }
}

impl MissingTiers {
    /// Warns at the first row of each usage that lacks tiers.
    pub fn warn(&self, batch: &mut CheckedBatch, column: Option<u16>) {
        if self.0.is_empty() {
            return;
        }
        for record in &mut batch.records {
            let Ok(at) = self.0.binary_search_by_key(&record.row, |(row, _)| *row) else { continue };
            let mask = self.0.get(at).map_or(ALL, |(_, mask)| *mask);
            let missing = (0..=2).filter(|tier| mask & (1 << tier) == 0).collect::<Vec<u8>>();
            record.warnings.push(sentences::tiers_missing(&missing, column));
        }
    }
}

fn usage(batch: &CheckedBatch, record: &CheckedRecord) -> Option<([u8; 12], u8)> {
    let subscription = batch.subscriptions.get(record.subscription? as usize)?;
    let item = batch.items.get(record.item? as usize)?;
    let full = Hash::of_parts(&[
        subscription.id.as_str().as_bytes(),
        item.named.id.as_str().as_bytes(),
        &record.start?.0.to_le_bytes(),
        &record.end?.0.to_le_bytes(),
        &record.quantity?.units().to_le_bytes(),
    ]);
    let mut key = [0; 12];
    key.copy_from_slice(&full.0[..12]);
    Some((key, record.tier?))
}
