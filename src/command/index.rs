//! `mailtrail index`: reads logs and keeps what they say.

use std::time::Instant;

use anyhow::Result;

use crate::assemble::Locality;
use crate::cli::{Global, IndexArgs};
use crate::config::StoreKind;
use crate::store::Store;
use crate::store::embedded::EmbeddedStore;
use crate::store::ndjson::NdjsonStore;

use super::input::Lines;
use super::intake::Intake;
use super::output::Output;
use super::{Ending, cluster, data, rules};

/// Runs it.
pub(super) fn run(global: &Global, args: &IndexArgs, output: &mut Output) -> Result<Ending> {
    let began = Instant::now();
    let config = super::config(global)?;
    let rules = rules::load(global, &config)?;
    let mut lines = Lines::open(&args.input, &config)?;
    let kind = global.store.unwrap_or(config.store);
    let mut store: Box<dyn Store> = match kind {
        StoreKind::Embedded => Box::new(EmbeddedStore::open_to_write(&data::folder(global, &config)?)?),
        StoreKind::Elasticsearch => Box::new(cluster::store(global, &config)?),
        StoreKind::Ndjson => Box::new(NdjsonStore::new(Box::new(std::io::stdout()))),
    };
    let locality = Locality {
        filters: config.filters.clone(),
    };
    let mut intake = Intake::new(&rules, store.as_mut(), locality, args.max_open);
    while let Some(line) = lines.next(output) {
        match line {
            Ok(mut line) => {
                if let Some(name) = config.hosts.get(&*line.host) {
                    line.host = name.as_str().into();
                }
                intake.line(line)?;
            }
            Err(()) => intake.summary.unreadable_line(),
        }
    }
    let mut summary = intake.finish()?;
    summary.seconds = began.elapsed().as_secs_f64();
    if let Some(warning) = lines.zone_warning() {
        output.note(&warning);
    }
    if lines.cut() > 0 {
        output.note(&format!(
            "warning: {} lines were longer than 64 KiB and were cut there",
            lines.cut()
        ));
    }
    match kind {
        StoreKind::Ndjson if output.json => output.note(&serde_json::to_string(&summary)?),
        StoreKind::Ndjson => {
            let mut text = Vec::new();
            summary.print(&mut text)?;
            output.note(String::from_utf8_lossy(&text).trim_end());
        }
        _ if output.json => output.object(&summary)?,
        _ => summary.print(output)?,
    }
    let refused = store.set_aside();
    if kind == StoreKind::Elasticsearch {
        cluster::forget(global, &config, output)?;
    }
    Ok(if lines.incomplete || refused > 0 {
        Ending::Incomplete
    } else {
        Ending::Done
    })
}
