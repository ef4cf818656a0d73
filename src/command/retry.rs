//! `mailtrail retry`: sends the documents that the cluster refused once more.

use std::io::Write as _;

use anyhow::Result;
use serde_json::json;

use crate::assemble::Locality;
use crate::cli::Global;
use crate::store::elasticsearch::ElasticStore;
use crate::transaction::Document;

use super::intake::Intake;
use super::output::Output;
use super::{Ending, cluster, rules};

/// Runs it.
pub(super) fn run(global: &Global, output: &mut Output) -> Result<Ending> {
    let config = super::config(global)?;
    let mut store = cluster::store(global, &config)?;
    let rules = rules::load(global, &config)?;
    let locality = Locality {
        filters: config.filters.clone(),
    };
    let mut unite = |store: &mut ElasticStore, conflicts: &[Document]| -> Result<()> {
        let mut intake = Intake::new(&rules, store, locality.clone(), usize::MAX);
        for document in conflicts.iter().filter_map(Document::transaction) {
            intake.document(document)?;
        }
        intake.commit()?;
        Ok(())
    };
    let retried = store.retry(&mut unite)?;
    let united = retried.united;
    if output.json {
        output.object(&json!({"stored": retried.stored, "united": united, "refused": retried.refused}))?;
    } else {
        writeln!(
            output,
            "{} stored, {united} united with what is there, {} refused again",
            retried.stored, retried.refused
        )?;
        if retried.refused > 0 {
            output.note(&format!(
                "they are in {} with the reason",
                store.letters().path().display()
            ));
        }
    }
    Ok(if retried.refused > 0 { Ending::No } else { Ending::Done })
}
