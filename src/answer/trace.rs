//! From a queue id, a message id, a document's id or an address to the stories of messages.

use super::{AnswerError, Story, transactions};
use crate::cause::Causes;
use crate::line::Moment;
use crate::query::Query;
use crate::query::journey::{Journey, Lookup};
use crate::store::Store;
use crate::transaction::{Document, Transaction};

/// At most so many transactions are looked at for one queue id, message id or address.
const MAX_CANDIDATES: usize = 200;

/// What hangs on the day of the question.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// The time of the question.
    pub now: Moment,
    /// How long a queue keeps mail, in milliseconds.
    pub lifetime_ms: i64,
    /// With the raw lines: those of each hop, and those that say the last word on a recipient.
    pub lines: bool,
}

/// The stories that fit, of the newest message first. The hidden memory is in them until [`Story::shown`].
pub fn trace(store: &dyn Store, what: &str, causes: &Causes, ask: Ask) -> Result<Vec<Story>, AnswerError> {
    let mut journeys: Vec<Journey> = Vec::new();
    for start in starts(store, what.trim())? {
        let seen = |journey: &Journey| journey.hops.iter().any(|hop| hop.id == start.id);
        if !journeys.iter().any(seen) {
            journeys.push(follow(store, start)?);
        }
    }
    for hop in journeys.iter_mut().flat_map(|journey| &mut journey.hops) {
        hop.tell_end(ask.now, ask.lifetime_ms);
    }
    Ok(journeys
        .into_iter()
        .map(|journey| Story::of(journey, causes, ask.lines))
        .collect())
}

/// The transactions that a person may mean, newest first.
fn starts(store: &dyn Store, what: &str) -> Result<Vec<Transaction>, AnswerError> {
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

fn follow(store: &dyn Store, start: Transaction) -> Result<Journey, AnswerError> {
    Journey::of(start, &mut |lookup| {
        let query = match lookup {
            Lookup::QueueId(id) => Query::is("qid", id)?,
            Lookup::MessageId(id) => Query::is("msgid", id)?,
        };
        transactions(store, &query, MAX_CANDIDATES)
    })
}
