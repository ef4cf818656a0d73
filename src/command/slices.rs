//! Writes the ledger's slices, united with what the store has of them.

use anyhow::{Context as _, Result, bail};

use crate::ledger::{Counting, joined};
use crate::store::{Change, Store, Stored};
use crate::transaction::{Document, Slice};

use super::intake::MAX_ROUNDS;

/// So many are written at a time.
const BATCH: usize = 2_000;

/// Writes slices. `counting`: None in a store that cannot be read back, which gets them as they are.
pub(super) fn write(store: &mut dyn Store, slices: Vec<Slice>, counting: Option<&Counting>) -> Result<()> {
    let mut rest = slices;
    while !rest.is_empty() {
        let later = rest.split_off(rest.len().min(BATCH));
        write_batch(store, rest, counting)?;
        rest = later;
    }
    Ok(())
}

fn write_batch(store: &mut dyn Store, mut slices: Vec<Slice>, counting: Option<&Counting>) -> Result<()> {
    for _ in 0..MAX_ROUNDS {
        let mut changes = Vec::with_capacity(slices.len());
        if let Some(counting) = counting {
            let ids: Vec<String> = slices.iter().map(|slice| slice.id.clone()).collect();
            let known = store.of_ids(&ids).context("cannot read back the ledger")?;
            for (slice, stored) in slices.iter().zip(known) {
                changes.extend(change(slice, stored, counting));
            }
        } else {
            changes.extend(slices.iter().map(|slice| put(slice.clone(), None)));
        }
        let conflicts = store.write(changes)?;
        slices.retain(|slice| conflicts.contains(&slice.id));
        if slices.is_empty() {
            return Ok(());
        }
    }
    bail!(
        "other writers changed the same {} slices {MAX_ROUNDS} times in a row",
        slices.len()
    )
}

/// None if the store has it as it is to be.
fn change(slice: &Slice, stored: Option<Stored>, counting: &Counting) -> Option<Change> {
    let (stored, version) = match stored {
        Some(Stored {
            document: Document::Slice(stored),
            version,
        }) => (Some(stored), version),
        _ => (None, None),
    };
    let joined = joined(slice.clone(), stored.as_deref(), counting);
    (stored.as_deref() != Some(&joined)).then(|| put(joined, version))
}

fn put(slice: Slice, version: Option<crate::store::Version>) -> Change {
    Change::Put {
        document: Document::Slice(Box::new(slice)),
        version,
    }
}
