//! `mailtrail trace`: the story of one message over all its hops.

use std::io::Write as _;

use anyhow::Result;
use serde_json::{Value, json};

use crate::cause::{Cause, Causes};
use crate::cli::{Global, TraceArgs};
use crate::query::Query;
use crate::query::journey::{Fate, Journey, Lookup};
use crate::store::Store;
use crate::transaction::{Document, Transaction};

use super::output::Output;
use super::search::{hide, transactions};
use super::{Ending, Problems, opened, queue_lifetime, story, table, when};

/// At most so many transactions are looked at for one queue id, message id or address.
const MAX_CANDIDATES: usize = 200;

/// Runs it.
pub(super) fn run(global: &Global, args: &TraceArgs, output: &mut Output) -> Result<Ending> {
    let store = opened(global)?;
    let causes = Causes::builtin().map_err(Problems)?;
    let what = args.what.trim();
    let starts = starts(&*store, what)?;
    let mut journeys = Vec::new();
    for start in starts {
        let seen = |journey: &Journey| journey.hops.iter().any(|hop| hop.id == start.id);
        if !journeys.iter().any(seen) {
            journeys.push(follow(&*store, start)?);
        }
    }
    if journeys.is_empty() {
        output.note(&format!(
            "nothing found for `{what}`: no message has it as id, queue id, message id or address"
        ));
        return Ok(Ending::No);
    }
    let (now, lifetime) = (when::now(), queue_lifetime(&super::config(global)?)?);
    for hop in journeys.iter_mut().flat_map(|journey| &mut journey.hops) {
        hop.tell_end(now, lifetime);
    }
    let by_choice = journeys.len() > 1 && !args.all;
    if output.json {
        for journey in journeys {
            output.object(&with_causes(&causes, public(journey, args.lines))?)?;
        }
    } else if by_choice {
        let newest: Vec<Transaction> = journeys
            .into_iter()
            .filter_map(|journey| journey.hops.into_iter().next())
            .collect();
        table::print(&newest, output)?;
        writeln!(
            output,
            "\n{} messages fit; trace one by its queue id, or all with --all",
            newest.len()
        )?;
    } else {
        for journey in &journeys {
            story::print(journey, args.lines, &causes, output)?;
        }
    }
    Ok(Ending::Done)
}

/// The transactions that a person may mean, newest first.
fn starts(store: &dyn Store, what: &str) -> Result<Vec<Transaction>> {
    if let Some(Document::Transaction(transaction)) = store.get(what)? {
        return Ok(vec![*transaction]);
    }
    let bare = what
        .strip_prefix('<')
        .and_then(|what| what.strip_suffix('>'))
        .unwrap_or(what);
    // A queue id is its own first; where no document has it, those that name it as a link or next hop.
    let mut named = transactions(store, &Query::is("qid", what)?, MAX_CANDIDATES)?;
    if named
        .iter()
        .any(|transaction| transaction.queue_id.as_deref() == Some(what))
    {
        named.retain(|transaction| transaction.queue_id.as_deref() == Some(what));
    }
    if !named.is_empty() {
        return Ok(named);
    }
    let by_message_id = transactions(store, &Query::is("msgid", bare)?, MAX_CANDIDATES)?;
    if !by_message_id.is_empty() {
        return Ok(by_message_id);
    }
    let fields = ["to", "orig", "from"].iter().map(|field| Query::is(field, bare));
    transactions(
        store,
        &Query::any(fields.collect::<Result<Vec<_>, _>>()?),
        MAX_CANDIDATES,
    )
}

fn follow(store: &dyn Store, start: Transaction) -> Result<Journey> {
    Journey::of(start, &mut |lookup| {
        let query = match lookup {
            Lookup::QueueId(id) => Query::is("qid", id)?,
            Lookup::MessageId(id) => Query::is("msgid", id)?,
        };
        transactions(store, &query, MAX_CANDIDATES)
    })
}

/// Why a recipient did not get it, if it did not and its server's words or code tell.
pub(super) fn cause<'c>(causes: &'c Causes, journey: &Journey, fate: &Fate) -> Option<&'c Cause> {
    if fate.status.is_success() {
        return None;
    }
    let hop = fate
        .path
        .last()
        .and_then(|id| journey.hops.iter().find(|hop| hop.id == *id));
    let recipient = hop.and_then(|hop| hop.to.iter().find(|to| to.address == fate.address));
    let dsn = recipient.and_then(|recipient| recipient.dsn.as_deref());
    causes.of(dsn, fate.response.as_deref()?)
}

/// The journey's JSON, with `cause` and `next` of each recipient that did not get it.
fn with_causes(causes: &Causes, journey: Journey) -> Result<Value> {
    let found: Vec<Option<&Cause>> = journey
        .recipients
        .iter()
        .map(|fate| cause(causes, &journey, fate))
        .collect();
    let mut value = serde_json::to_value(&journey)?;
    let recipients = value["recipients"].as_array_mut().into_iter().flatten();
    for (recipient, cause) in recipients.zip(found) {
        if let Some(cause) = cause {
            recipient["cause"] = json!(cause.id);
            recipient["why"] = json!(cause.cause);
            recipient["next"] = json!(cause.next);
        }
    }
    Ok(value)
}

/// As others may see it.
fn public(mut journey: Journey, lines: bool) -> Journey {
    for hop in journey.hops.iter_mut().chain(&mut journey.notices) {
        hide(hop, lines);
    }
    journey
}
