//! A journey with what a person wants to know of each recipient: why, what next, and the lines that say so.

use serde::Serialize;

use crate::cause::{Cause, Causes};
use crate::query::journey::{Fate, Journey, JourneyLink};
use crate::transaction::{Reject, Status, Transaction};

/// So many raw lines are shown as evidence of one recipient's last word, the newest ones.
const MAX_EVIDENCE: usize = 5;

/// A message's way, with its meaning.
#[derive(Debug, Clone, Serialize)]
pub struct Story {
    /// None if no hop told one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// The transactions in causal order.
    pub hops: Vec<Transaction>,
    /// How they hang together, and which notices were sent about them.
    pub links: Vec<JourneyLink>,
    /// The last word of the whole journey on each recipient; also on those that were refused while the message was taken
    /// for others.
    pub recipients: Vec<Told>,
    /// Bounces, delay notices and copies to the postmaster about this message; or, of a notice, the message it is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Transaction>,
}

/// The last word on a recipient, and its meaning.
#[derive(Debug, Clone, Serialize)]
pub struct Told {
    /// The last word itself.
    #[serde(flatten)]
    pub fate: Fate,
    /// The id of the cause: `cause/mailbox-full`. None where nothing that was said is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Why, in plain language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The raw lines that say the last word.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
}

impl Story {
    /// Of a journey whose hops still have their lines; `lines`: with the evidence of each recipient's last word.
    pub fn of(journey: Journey, causes: &Causes, lines: bool) -> Self {
        let Journey {
            message_id,
            hops,
            links,
            recipients,
            notices,
        } = journey;
        let refused = refused(&hops, &recipients);
        let recipients = recipients.into_iter().chain(refused);
        let mut recipients: Vec<Told> = recipients.map(|fate| told(fate, &hops, causes)).collect();
        if lines {
            let readable = Readable::of(&hops);
            for told in &mut recipients {
                told.evidence = readable.evidence(&told.fate);
            }
        }
        Self {
            message_id,
            hops,
            links,
            recipients,
            notices,
        }
    }

    /// As others may see it: never the hidden memory, the raw lines only on request.
    #[must_use]
    pub fn shown(mut self, lines: bool) -> Self {
        for hop in self.hops.iter_mut().chain(&mut self.notices) {
            hop.memory = None;
            if !lines {
                hop.lines.clear();
            }
        }
        self
    }

    /// Without raw lines and hidden memory.
    #[must_use]
    pub fn without_lines(self) -> Self {
        self.shown(false)
    }

    /// The hop that said the last word on a recipient.
    pub fn last_hop(&self, fate: &Fate) -> Option<&Transaction> {
        last_hop(&self.hops, fate)
    }
}

fn last_hop<'h>(hops: &'h [Transaction], fate: &Fate) -> Option<&'h Transaction> {
    let id = fate.path.last()?;
    hops.iter().find(|hop| hop.id == *id)
}

/// Recipients that a hop refused, and that nothing else tells of.
fn refused(hops: &[Transaction], known: &[Fate]) -> Vec<Fate> {
    let mut refused: Vec<Fate> = Vec::new();
    for hop in hops {
        let final_ones = hop.reject.iter().filter(|reject| is_final(reject));
        for (reject, to) in final_ones.filter_map(|reject| Some((reject, reject.to.as_deref()?))) {
            let is = |fate: &Fate| {
                [&fate.address, &fate.asked_for]
                    .iter()
                    .any(|one| one.eq_ignore_ascii_case(to))
            };
            if to.is_empty() || known.iter().any(is) || refused.iter().any(is) {
                continue;
            }
            refused.push(Fate {
                address: to.to_owned(),
                asked_for: to.to_owned(),
                status: Status::Rejected,
                host: hop.host.clone(),
                at: Some(reject.at),
                response: Some(words_of(reject)),
                path: vec![hop.id.clone()],
            });
        }
    }
    refused
}

fn is_final(reject: &Reject) -> bool {
    matches!(reject.action.as_str(), "reject" | "milter-reject" | "proxy-reject")
}

/// `550 5.1.1 Recipient address rejected: User unknown`
fn words_of(reject: &Reject) -> String {
    let code = reject.code.map(|code| code.to_string());
    let parts = [code.as_deref(), reject.dsn.as_deref(), Some(reject.reason.as_str())];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn told(mut fate: Fate, hops: &[Transaction], causes: &Causes) -> Told {
    let hop = last_hop(hops, &fate);
    if fate.status == Status::Rejected && fate.response.is_none() {
        let reject = hop.and_then(|hop| refusal_of(hop, &fate.address));
        fate.response = reject.map(words_of);
        fate.at = fate.at.or(reject.map(|reject| reject.at));
    }
    let cause = cause(causes, hop, &fate);
    let waits = matches!(fate.status, Status::Queued | Status::Deferred);
    let lost = waits && hop.is_some_and(|hop| hop.missing.iter().any(|what| what == "end"));
    let next = cause.map(|cause| next_step(cause, fate.status, lost).to_owned());
    Told {
        cause: cause.map(|cause| cause.id.clone()),
        why: cause.map(|cause| cause.cause.clone()),
        next,
        evidence: Vec::new(),
        fate,
    }
}

/// Where the log has lost the end, nobody tries again.
const LOST: &str = "It is older than a queue keeps mail, so it is over, and no line tells how: read the rest of that host's \
                    log, or ask the recipient.";

fn next_step(cause: &Cause, status: Status, lost: bool) -> &str {
    if lost {
        return LOST;
    }
    let special = match status {
        Status::Rejected => &cause.here,
        Status::Bounced | Status::Expired => &cause.over,
        _ => &None,
    };
    special.as_ref().unwrap_or(&cause.next)
}

/// The refusal of this recipient, else one that names none.
fn refusal_of<'h>(hop: &'h Transaction, address: &str) -> Option<&'h Reject> {
    let of = |named: bool| {
        hop.reject.iter().find(move |reject| match &reject.to {
            Some(to) => named && to.eq_ignore_ascii_case(address),
            None => !named,
        })
    };
    of(true).or_else(|| of(false))
}

/// By the words where there was a failure, else by the status alone.
fn cause<'c>(causes: &'c Causes, hop: Option<&Transaction>, fate: &Fate) -> Option<&'c Cause> {
    let failed = matches!(
        fate.status,
        Status::Deferred | Status::Bounced | Status::Expired | Status::Rejected
    );
    if !failed {
        return causes.of_status(fate.status);
    }
    let dsn = hop.and_then(|hop| {
        let recipient = hop.to.iter().find(|to| to.address == fate.address);
        let refusal = || refusal_of(hop, &fate.address).and_then(|reject| reject.dsn.as_deref());
        recipient.and_then(|to| to.dsn.as_deref()).or_else(refusal)
    });
    let words = fate.response.as_deref().unwrap_or_default();
    causes.of(dsn, words).or_else(|| causes.of_status(fate.status))
}

/// The hops' lines in lower case, since addresses are compared without case: made once for all recipients.
struct Readable<'h> {
    hops: Vec<(&'h Transaction, Vec<String>)>,
}

impl<'h> Readable<'h> {
    fn of(hops: &'h [Transaction]) -> Self {
        let lower = |hop: &'h Transaction| (hop, hop.lines.iter().map(|line| line.to_ascii_lowercase()).collect());
        Self {
            hops: hops.iter().map(lower).collect(),
        }
    }

    /// The raw lines that say the last word: those of its second that name the recipient; else the last one that does.
    /// With the queue's own word where it gave up.
    fn evidence(&self, fate: &Fate) -> Vec<String> {
        let Some(id) = fate.path.last() else { return Vec::new() };
        let Some((hop, lower)) = self.hops.iter().find(|(hop, _)| hop.id == *id) else {
            return Vec::new();
        };
        let names = [&fate.address, &fate.asked_for].map(|name| name.to_ascii_lowercase());
        let finders = names
            .each_ref()
            .map(|name| memchr::memmem::Finder::new(name.as_bytes()));
        let naming: Vec<usize> = (0..lower.len())
            .filter(|index| {
                finders
                    .iter()
                    .any(|finder| finder.find(lower[*index].as_bytes()).is_some())
            })
            .collect();
        let times = hop
            .memory
            .as_ref()
            .map(|memory| memory.at.as_slice())
            .unwrap_or_default();
        let said_then = |index: &usize| {
            let (Some(said), Some(at)) = (times.get(*index), fate.at) else {
                return false;
            };
            said.div_euclid(1000) == at.second()
        };
        let mut found: Vec<usize> = naming.iter().copied().filter(said_then).collect();
        if found.is_empty() {
            found.extend(naming.last());
        }
        if fate.status == Status::Expired {
            let gave_up = |index: &usize| {
                ["status=expired", "status=force-expired"]
                    .iter()
                    .any(|word| lower[*index].contains(word))
            };
            found.extend((0..lower.len()).filter(gave_up));
        }
        let skipped = found.len().saturating_sub(MAX_EVIDENCE);
        found
            .into_iter()
            .skip(skipped)
            .map(|index| hop.lines[index].clone())
            .collect()
    }
}
