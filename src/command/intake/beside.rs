//! What other programs said of messages that are no longer in memory: the store is asked for them.

use anyhow::Result;

use super::Intake;
use crate::assemble::companions::Asked;
use crate::query::{Page, Query, QueryError};
use crate::transaction::{Document, Transaction, TransactionKind};

/// So many are asked for at a time.
const AT_ONCE: usize = 100;
/// So many messages are looked at for them: filters and aliases make several of one.
const MOST_FOUND: usize = 10 * AT_ONCE;

impl Intake<'_> {
    /// Joins what companions said to the messages that the store has. To be called after a commit.
    pub(super) fn join_what_is_stored(&mut self) -> Result<()> {
        let asked = self.companions.take_asked();
        if asked.is_empty() || self.counting.is_none() {
            return Ok(());
        }
        let mut found_any = false;
        for asked in asked.chunks(AT_ONCE) {
            let queries = asked.iter().map(query).collect::<Result<Vec<_>, QueryError>>()?;
            let found = self.store.search(&Query::any(queries), &Page::newest(MOST_FOUND))?;
            let mails = || found.documents.iter().filter_map(Document::transaction);
            for asked in asked {
                for mail in messages_of(asked, mails()) {
                    if let Some(queue_id) = &mail.queue_id {
                        self.companions.found(asked, queue_id, &mut self.told);
                        found_any = true;
                    }
                }
            }
        }
        if found_any {
            self.take_told();
            self.write_rest()?;
            self.commit_store()?;
        }
        Ok(())
    }
}

fn query(asked: &Asked) -> Result<Query, QueryError> {
    let (from, to) = asked.begun_between();
    let mut all = vec![
        Query::is("kind", "mail")?,
        Query::is("host", &asked.event.line.host)?,
        Query::between(Some(from), Some(to)),
    ];
    if let Some(id) = asked.message_id() {
        all.push(Query::is("msgid", &id)?);
    } else if let Some((ip, from)) = asked.client_and_sender() {
        all.push(Query::is("ip", &ip)?);
        all.push(Query::is("from", &from)?);
    }
    Ok(Query::all(all))
}

/// The messages that this speaks of. Of those of a client and a sender it is the first: the one that has it, or that begins
/// next.
fn messages_of<'a>(asked: &Asked, mails: impl Iterator<Item = &'a Transaction>) -> Vec<&'a Transaction> {
    let (from, to) = asked.begun_between();
    let message_id = asked.message_id();
    let client = asked.client_and_sender();
    let mut fitting: Vec<&Transaction> = mails
        .filter(|mail| mail.kind == TransactionKind::Mail && (from..to).contains(&mail.at))
        .filter(|mail| *mail.host == *asked.event.line.host)
        .filter(|mail| match (&message_id, &client) {
            (Some(id), _) => mail.message_id.as_ref() == Some(id),
            (None, Some((ip, from))) => {
                let has_ip = mail.client.as_ref().and_then(|client| client.ip.as_ref()) == Some(ip);
                has_ip
                    && mail
                        .from
                        .as_ref()
                        .is_some_and(|sender| sender.eq_ignore_ascii_case(from))
            }
            (None, None) => false,
        })
        .collect();
    if message_id.is_none() {
        let raw = String::from_utf8_lossy(&asked.event.line.raw);
        let has_it = |mail: &&Transaction| mail.lines.iter().any(|line| *line == raw);
        fitting.sort_by_key(|mail| (!has_it(mail), (mail.at.0 - asked.event.line.at.0).abs()));
        fitting.truncate(1);
    }
    fitting
}
