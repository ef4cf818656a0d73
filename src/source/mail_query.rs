//! The query that finds the lines of mail servers, whatever input they came through.
//!
//! In Lucene's language, which Graylog and the search servers share. Without a wildcard at the beginning of a word
//! (Graylog forbids it) and without `field:*` (its export refuses it). It finds too much rather than too little: a
//! line that no rule knows is counted, a line that was not asked for is missed by nobody.

use super::FieldNames;

/// Programs, as they stand in a field of their own. What follows the asterisk is the daemon.
const PROGRAMS: &[&str] = &[
    "postfix*",
    "sendmail*",
    "sm-mta",
    "sm-msp-queue",
    "sm-acceptingconnections",
    "dovecot*",
    "postgrey",
    "postsrsd",
    "policyd-spf",
    "opendkim",
    "opendmarc",
    "amavis*",
    "spamd",
    "spamass-milter",
    "rspamd*",
    "clamd",
    "clamav-milter",
    "mimedefang*",
    "milter-*",
    "procmail",
];

/// The same as words of a text, which is split at every mark: `sm-mta[82]` is `sm`, `mta`, `82`.
const WORDS: &[&str] = &[
    "postfix",
    "sendmail",
    "\"sm mta\"",
    "\"sm msp queue\"",
    "dovecot",
    "postgrey",
    "postsrsd",
    "\"policyd spf\"",
    "opendkim",
    "opendmarc",
    "amavis",
    "amavisd",
    "spamd",
    "rspamd",
    "rspamd_proxy",
    "clamd",
    "\"clamav milter\"",
    "mimedefang",
];

/// The query, for messages with these fields. `facility`: the field with the name of the syslog facility, empty where
/// there is none.
pub(super) fn mail_query(names: &FieldNames, facility: &str) -> String {
    let programs = PROGRAMS.iter().map(|program| escaped(program)).collect::<Vec<_>>();
    let (programs, words) = (programs.join(" OR "), WORDS.join(" OR "));
    let mut parts = Vec::new();
    if !facility.is_empty() {
        parts.push(format!("{facility}:mail"));
    }
    parts.extend(names.program.iter().map(|name| format!("{name}:({programs})")));
    parts.extend(names.message.iter().map(|name| format!("{name}:({words})")));
    parts.join(" OR ")
}

/// A dash in a word is not an operator, but not every version of the parser knows.
fn escaped(program: &str) -> String {
    program.replace('-', "\\-")
}
