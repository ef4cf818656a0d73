//! From one transaction to those before and after it.

use std::collections::VecDeque;

use crate::transaction::{Link, Recipient, Relation, Transaction, TransactionKind};

use super::evidence::{best, evidence_of_reply, fit, in_order, is_explained_by_message_id, is_on_this_host};
use super::{Journey, JourneyLink, recipients};

/// What a journey asks a store for.
#[derive(Debug, Clone, Copy)]
pub enum Lookup<'a> {
    /// Transactions that have, name as a link, or name as next hop this queue id.
    QueueId(&'a str),
    /// Transactions with this message id.
    MessageId(&'a str),
}

/// A journey has at most this many hops: a mail loop must end.
const MAX_HOPS: usize = 200;

/// A journey while it is followed.
pub(super) struct Trail {
    hops: Vec<Transaction>,
    notices: Vec<Transaction>,
    links: Vec<JourneyLink>,
    waiting: VecDeque<usize>,
}

impl Trail {
    pub(super) fn new(start: Transaction) -> Self {
        Self {
            hops: vec![start],
            notices: Vec::new(),
            links: Vec::new(),
            waiting: VecDeque::from([0]),
        }
    }

    pub(super) fn follow<E>(
        &mut self,
        find: &mut dyn FnMut(Lookup<'_>) -> Result<Vec<Transaction>, E>,
    ) -> Result<(), E> {
        while let Some(index) = self.waiting.pop_front() {
            let hop = self.hops[index].clone();
            self.follow_links(&hop, find)?;
            self.follow_next_hops(&hop, find)?;
            self.follow_message_id(&hop, find)?;
        }
        Ok(())
    }

    /// The other queue ids of the same host.
    fn follow_links<E>(
        &mut self,
        hop: &Transaction,
        find: &mut dyn FnMut(Lookup<'_>) -> Result<Vec<Transaction>, E>,
    ) -> Result<(), E> {
        for link in &hop.links {
            let mut others = find(Lookup::QueueId(&link.queue_id))?;
            others.retain(|other| {
                other.host == hop.host && other.queue_id.as_deref() == Some(&link.queue_id) && other.id != hop.id
            });
            // A reused id: the life that names this one back, else the nearest in time.
            let names_back = Link {
                rel: link.rel.inverse(),
                queue_id: hop.queue_id.clone().unwrap_or_default(),
            };
            let best = others
                .into_iter()
                .min_by_key(|other| (!other.links.contains(&names_back), (other.at.0 - hop.at.0).abs()));
            if let Some(other) = best {
                let evidence = format!("{} {}", link.rel.word(), link.queue_id);
                if is_notice(link.rel) {
                    self.add_notice(hop, other, link.rel, evidence);
                } else {
                    self.add(hop, other, link.rel.word(), is_forward(link.rel), evidence, true);
                }
            }
        }
        Ok(())
    }

    /// By the id in the next hop's reply, forwards and backwards.
    fn follow_next_hops<E>(
        &mut self,
        hop: &Transaction,
        find: &mut dyn FnMut(Lookup<'_>) -> Result<Vec<Transaction>, E>,
    ) -> Result<(), E> {
        let mut asked: Vec<&str> = Vec::new();
        for recipient in &hop.to {
            let next = recipient
                .next
                .as_ref()
                .filter(|next| !is_on_this_host(hop, &next.queue_id));
            let Some(next) = next.filter(|next| !asked.contains(&next.queue_id.as_str())) else {
                continue;
            };
            asked.push(&next.queue_id);
            let found = find(Lookup::QueueId(&next.queue_id))?;
            let others = found
                .into_iter()
                .filter(|other| other.queue_id.as_deref() == Some(&next.queue_id) && other.host != hop.host);
            let fits = others.filter_map(|other| Some((fit(hop, recipient, &other)?, other)));
            for (sure, other) in best(fits.collect()) {
                let evidence = evidence_of_reply(&next.queue_id, hop, &other);
                self.add(hop, other, "relayed_to", true, evidence, sure);
            }
        }
        let Some(queue_id) = &hop.queue_id else { return Ok(()) };
        let found = find(Lookup::QueueId(queue_id))?;
        let others = found
            .into_iter()
            .filter(|other| other.host != hop.host && !is_on_this_host(other, queue_id));
        let fits = others.filter_map(|other| {
            let names = |to: &&Recipient| to.next.as_ref().is_some_and(|next| next.queue_id == *queue_id);
            let fit = fit(&other, other.to.iter().find(names)?, hop)?;
            Some((fit, other))
        });
        for (sure, other) in best(fits.collect()) {
            let evidence = evidence_of_reply(queue_id, &other, hop);
            self.add(hop, other, "relayed_to", false, evidence, sure);
        }
        Ok(())
    }

    /// By message id, where the reply named no id: only where recipient, sender and time fit as well.
    fn follow_message_id<E>(
        &mut self,
        hop: &Transaction,
        find: &mut dyn FnMut(Lookup<'_>) -> Result<Vec<Transaction>, E>,
    ) -> Result<(), E> {
        let Some(message_id) = &hop.message_id else {
            return Ok(());
        };
        for other in find(Lookup::MessageId(message_id))? {
            if other.kind != TransactionKind::Mail || self.has(&other.id) {
                continue;
            }
            let (before, after) = in_order(hop, &other);
            let fits = before.host != after.host && is_explained_by_message_id(before, after);
            let resent = before.is_resubmitted_as(after);
            if fits || resent {
                let forward = before.id == hop.id;
                let rel = if resent {
                    Relation::ResentAs.word()
                } else {
                    "relayed_to"
                };
                let evidence = format!("message id <{message_id}>");
                self.add(hop, other, rel, forward, evidence, false);
            }
        }
        Ok(())
    }

    fn has(&self, id: &str) -> bool {
        self.hops.iter().any(|hop| hop.id == id)
    }

    fn add(&mut self, hop: &Transaction, other: Transaction, rel: &str, forward: bool, evidence: String, sure: bool) {
        let (from, to) = if forward {
            (&hop.id, &other.id)
        } else {
            (&other.id, &hop.id)
        };
        let rel = if forward { rel.to_owned() } else { forward_word(rel) };
        if !self.links.iter().any(|link| link.from == *from && link.to == *to) {
            self.links.push(JourneyLink {
                from: from.clone(),
                to: to.clone(),
                rel,
                evidence,
                sure,
            });
        }
        if !self.has(&other.id) && self.hops.len() < MAX_HOPS {
            self.waiting.push_back(self.hops.len());
            self.hops.push(other);
        }
    }

    fn add_notice(&mut self, hop: &Transaction, other: Transaction, rel: Relation, evidence: String) {
        let forward = is_forward(rel);
        let (from, to) = if forward {
            (&hop.id, &other.id)
        } else {
            (&other.id, &hop.id)
        };
        let rel = if forward { rel } else { rel.inverse() }.word().to_owned();
        let link = JourneyLink {
            from: from.clone(),
            to: to.clone(),
            rel,
            evidence,
            sure: true,
        };
        if !self
            .links
            .iter()
            .any(|known| known.from == link.from && known.to == link.to)
        {
            self.links.push(link);
        }
        if !self.has(&other.id) && !self.notices.iter().any(|notice| notice.id == other.id) {
            self.notices.push(other);
        }
    }

    pub(super) fn into_journey(self) -> Journey {
        let hops = in_causal_order(self.hops, &self.links);
        let recipients = recipients::fates(&hops, &self.links);
        let mut notices = self.notices;
        notices.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        Journey {
            message_id: hops.iter().find_map(|hop| hop.message_id.clone()),
            hops,
            links: self.links,
            recipients,
            notices,
        }
    }
}

/// Each relation stands before its inverse.
fn is_forward(rel: Relation) -> bool {
    (rel as usize).is_multiple_of(2)
}

fn forward_word(rel: &str) -> String {
    Relation::from_word(rel)
        .filter(|rel| !is_forward(*rel))
        .map_or(rel, |rel| rel.inverse().word())
        .to_owned()
}

fn is_notice(rel: Relation) -> bool {
    matches!(
        rel,
        Relation::Bounce
            | Relation::BounceOf
            | Relation::DelayNotice
            | Relation::DelayNoticeOf
            | Relation::SuccessNotice
            | Relation::SuccessNoticeOf
            | Relation::PostmasterNotice
            | Relation::PostmasterNoticeOf
    )
}

/// A hop comes after all that lead to it, whatever the hosts' clocks say; free ones by time.
fn in_causal_order(mut hops: Vec<Transaction>, links: &[JourneyLink]) -> Vec<Transaction> {
    hops.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    let mut ordered: Vec<Transaction> = Vec::with_capacity(hops.len());
    while !hops.is_empty() {
        let is_free = |hop: &Transaction| {
            !links
                .iter()
                .any(|link| link.to == hop.id && hops.iter().any(|other| other.id == link.from))
        };
        // A loop has no free hop: then the earliest breaks it.
        let index = hops.iter().position(is_free).unwrap_or(0);
        ordered.push(hops.remove(index));
    }
    ordered
}
