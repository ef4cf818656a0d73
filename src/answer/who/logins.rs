//! Logins that failed.
//!
//! The same try may be told twice: by the mail server, in its session, and by the program that it asks (Dovecot,
//! saslauthd), in a line of its own. A line counts only if no failed session of that client was near.

use super::Who;
use super::names::Names;
use crate::line::Moment;
use crate::transaction::{Document, Record, Transaction, TransactionKind, Tried};

/// A line within this time of a session tells the same try, in milliseconds.
const NEAR_MS: i64 = 10_000;
/// So many sessions before a line are looked at.
const MAX_NEAR: usize = 100;
/// So many tries are held; the answer says if there were more.
const MAX_TRIES: usize = 500_000;

/// The tries so far.
#[derive(Debug, Default)]
pub(super) struct Logins {
    sessions: Vec<Try>,
    lines: Vec<Try>,
    cut: bool,
}

#[derive(Debug)]
struct Try {
    ip: String,
    name: String,
    at: Moment,
    end: Moment,
    count: u64,
}

impl Logins {
    pub(super) fn add(&mut self, document: &Document) {
        if self.sessions.len() + self.lines.len() >= MAX_TRIES {
            self.cut = true;
            return;
        }
        match document {
            Document::Transaction(session) if session.kind == TransactionKind::Session => {
                self.sessions.extend(of_session(session));
            }
            Document::Record(record) if is_failed_login(record) => self.lines.push(of_line(record)),
            _ => {}
        }
    }

    /// Into the answer, whose mails are counted.
    pub(super) fn told_in(mut self, who: &mut Who) {
        self.sessions.sort_by(|a, b| (&a.ip, a.at).cmp(&(&b.ip, b.at)));
        let sessions = &self.sessions;
        let told_by_session = |line: &Try| {
            let behind = sessions.partition_point(|session| {
                (session.ip.as_str(), session.at.0) <= (line.ip.as_str(), line.at.0 + NEAR_MS)
            });
            let before = sessions[..behind].iter().rev().take(MAX_NEAR);
            let mut before = before.take_while(|session| session.ip == line.ip);
            !line.ip.is_empty() && before.any(|session| session.end.0 >= line.at.0 - NEAR_MS)
        };
        let mut names: Names<u64> = Names::default();
        for one in sessions
            .iter()
            .chain(self.lines.iter().filter(|line| !told_by_session(line)))
        {
            who.failed_logins += one.count;
            if who.first_mail.is_none_or(|first| one.at < first) {
                who.failed_logins_before += one.count;
            }
            names.add(one.name.clone(), one.count);
        }
        who.approximate |= self.cut || names.cut;
        who.login_failures = names.named();
    }
}

/// A session in which a login failed.
fn of_session(session: &Transaction) -> Option<Try> {
    let failed = match session.commands.get("auth") {
        Some(Tried::Of([accepted, tried])) => tried.saturating_sub(*accepted),
        Some(Tried::Accepted(_)) => 0,
        None => u64::from(session.outcome.as_deref() == Some("auth_failed")),
    };
    let client = session.client.as_ref()?;
    (failed > 0).then(|| Try {
        ip: client.ip.clone().unwrap_or_default(),
        name: name(
            client.host.as_deref(),
            client.ip.as_deref(),
            client.sasl_user.as_deref(),
        ),
        at: session.at,
        end: session.end,
        count: failed * session.count.unwrap_or(1),
    })
}

fn of_line(record: &Record) -> Try {
    let source = record.source.as_ref();
    let ip = source.and_then(|source| source.ip.as_deref());
    let host = source.and_then(|source| source.domain.as_deref());
    let user = record.user.as_ref().map(|user| user.name.as_str());
    Try {
        ip: ip.unwrap_or_default().to_owned(),
        name: name(host, ip, user),
        at: record.at,
        end: record.at,
        count: 1,
    }
}

/// By the rule that knew the line: `dovecot/auth-failed`, `dovecot/login-failed`, `saslauthd/failed`, `sshd/failed` ...
fn is_failed_login(record: &Record) -> bool {
    let (program, what) = record.rule.split_once('/').unwrap_or_default();
    matches!(what, "auth-failed" | "login-failed") || what == "failed" && matches!(program, "sshd" | "saslauthd")
}

/// `client-60.isp.example [203.0.113.60] as alice`
pub(super) fn name(host: Option<&str>, ip: Option<&str>, user: Option<&str>) -> String {
    let ip = ip.map(|ip| format!("[{ip}]"));
    let user = user.filter(|user| !user.is_empty()).map(|user| format!("as {user}"));
    let parts = [host.map(str::to_owned), ip, user];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}
