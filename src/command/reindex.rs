//! `mailtrail reindex`: messages made anew with today's rules, from the lines that they hold.
//!
//! A stored line is taken as if it were read again. It has the same digest, so it meets itself in its document, and what
//! a new rule makes of it (another field, a link to another queue id) comes into every document that it concerns.

use std::io::Write as _;
use std::time::Instant;

use anyhow::{Result, bail};
use serde_json::json;

use crate::assemble::Locality;
use crate::cli::{Global, ReindexArgs};
use crate::config::StoreKind;
use crate::query::{Cursor, Order, Page, Query};
use crate::store::Store;
use crate::store::embedded::EmbeddedStore;
use crate::transaction::Document;

use super::input::{Lines, dating};
use super::intake::Intake;
use super::keeper::Keeper;
use super::output::Output;
use super::{Ending, cluster, data, opened, rules, when};

/// So many documents are read at a time.
const PAGE: usize = 1_000;
/// So many messages are kept open.
const MAX_OPEN: usize = 100_000;

/// What was done.
#[derive(Default)]
struct Done {
    /// Documents that were looked at.
    documents: u64,
    /// Those that today's rules had read already.
    current: u64,
    /// The others.
    rebuilt: u64,
    /// Lines that were read again.
    lines: u64,
}

/// Runs it.
pub(super) fn run(global: &Global, args: &ReindexArgs, output: &mut Output) -> Result<Ending> {
    let began = Instant::now();
    let config = super::config(global)?;
    let rules = rules::load(global, &config)?;
    let since = args.since.as_deref().map(when::moment).transpose()?;
    let query = Query::all([
        Query::any([
            Query::is("kind", "mail")?,
            Query::is("kind", "reject")?,
            Query::is("kind", "session")?,
            Query::is("kind", "record")?,
        ]),
        Query::between(since, None),
    ]);
    let mut done = Done::default();
    if args.dry_run {
        let store = opened(global)?;
        each_page(
            &mut |page| Ok(store.search(&query, page)?.documents.into_iter().collect()),
            &mut |document| {
                done.look_at(document, rules.fingerprint());
                Ok(())
            },
        )?;
        return report(&done, rules.fingerprint(), began, true, output);
    }
    let folder = data::folder(global, &config)?;
    let kind = global.store.flatten().unwrap_or(config.store);
    // A store that is not there says so, and is not made.
    drop(opened(global)?);
    let (mut keeper, warning) = Keeper::take(&folder, false)?;
    if let Some(warning) = warning {
        output.note(&warning);
    }
    let mut store: Box<dyn Store> = match kind {
        StoreKind::Embedded => Box::new(EmbeddedStore::open_to_write(&folder)?),
        StoreKind::Elasticsearch => Box::new(cluster::store(global, &config)?),
        StoreKind::Ndjson => bail!("the store `ndjson` keeps nothing: index the log again"),
    };
    let locality = Locality {
        filters: config.filters.clone(),
    };
    let mut intake = Intake::new(&rules, store.as_mut(), locality, MAX_OPEN);
    intake.resume(&keeper.state.waiting);
    let mut page = first_page();
    loop {
        let found = intake.store().search(&query, &page)?.documents;
        let full = found.len() == page.limit;
        page.after = found.last().map(Cursor::behind);
        for document in &found {
            if done.look_at(document, rules.fingerprint()) {
                done.lines += intake.stored_again(document)?;
            }
        }
        if !full {
            break;
        }
    }
    intake.commit()?;
    let mut incomplete = false;
    if !args.files.is_empty() {
        let (sources, failed) = crate::source::open(&args.files, dating(&args.said, &config)?);
        let mut lines = Lines::of(sources, failed);
        while let Some(line) = lines.next(output) {
            let Ok(mut line) = line else { continue };
            if let Some(name) = config.hosts.get(&*line.host) {
                line = line.of_host(name.as_str().into());
            }
            done.lines += 1;
            intake.line_again(line)?;
        }
        incomplete = lines.incomplete;
        intake.commit()?;
    }
    keeper.state.waiting = intake.waiting();
    rules.fingerprint().clone_into(&mut keeper.state.rules);
    keeper.save()?;
    let ending = report(&done, rules.fingerprint(), began, false, output)?;
    Ok(if incomplete || store.set_aside() > 0 {
        Ending::Incomplete
    } else {
        ending
    })
}

impl Done {
    /// Counts a document. True if it is to be made anew.
    fn look_at(&mut self, document: &Document, fingerprint: &str) -> bool {
        self.documents += 1;
        let current = document.rules() == Some(fingerprint);
        self.current += u64::from(current);
        self.rebuilt += u64::from(!current);
        !current
    }
}

fn first_page() -> Page {
    Page {
        limit: PAGE,
        offset: 0,
        order: Order::Oldest,
        after: None,
    }
}

/// Goes through all documents of a query.
fn each_page(
    search: &mut dyn FnMut(&Page) -> Result<Vec<Document>>,
    take: &mut dyn FnMut(&Document) -> Result<()>,
) -> Result<()> {
    let mut page = first_page();
    loop {
        let found = search(&page)?;
        let full = found.len() == page.limit;
        page.after = found.last().map(Cursor::behind);
        for document in &found {
            take(document)?;
        }
        if !full {
            return Ok(());
        }
    }
}

fn report(done: &Done, rules: &str, began: Instant, dry: bool, output: &mut Output) -> Result<Ending> {
    let Done {
        documents,
        current,
        rebuilt,
        lines,
    } = *done;
    let seconds = began.elapsed().as_secs_f64();
    if output.json {
        output.object(&json!({
            "documents": documents, "current": current, "rebuilt": rebuilt, "lines": lines, "rules": rules,
            "seconds": seconds, "dry_run": dry,
        }))?;
    } else if dry {
        writeln!(output, "{rebuilt} of {documents} documents were read with other rules")?;
    } else {
        writeln!(
            output,
            "{rebuilt} of {documents} documents made anew from {lines} lines in {seconds:.1} s; {current} were up to date"
        )?;
    }
    Ok(Ending::Done)
}
