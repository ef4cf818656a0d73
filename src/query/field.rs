//! The search fields: one table for the language, the stores and the help.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use super::fold;
use crate::transaction::{Document, Record, Status, Transaction};

/// How a field is indexed and which tests it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A value as a whole, in lower case: equal, wildcards, ranges in the order of bytes.
    Keyword,
    /// Text by its words: a word, a phrase, wildcards inside a word.
    Words,
    /// An IP address: equal, a range, a network.
    Ip,
    /// A whole number.
    Integer,
    /// A number with a fraction.
    Decimal,
    /// A moment.
    Date,
    /// True or false.
    Bool,
}

/// A value as the stores index it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// Of a [`Kind::Keyword`], in lower case.
    Keyword(&'a str),
    /// Of a [`Kind::Words`], as it stands in the document; [`words`](super::words) splits it.
    Words(&'a str),
    /// IPv4 as `::ffff:a.b.c.d`.
    Ip(Ipv6Addr),
    /// Of a [`Kind::Integer`].
    Integer(u64),
    /// Of a [`Kind::Decimal`].
    Decimal(f64),
    /// Milliseconds since 1970 UTC.
    Date(i64),
    /// Of a [`Kind::Bool`].
    Bool(bool),
}

/// A keyword longer than this, in UTF-16 units, is kept in the document but not indexed (`ignore_above` of
/// Elasticsearch).
pub const MAX_KEYWORD: usize = 2048;

/// A field of the documents that can be searched.
pub struct Field {
    /// Where it stands in the document's JSON, the parts joined by dots; also a name in the language.
    pub path: &'static str,
    /// Its shorter names in the language. Several fields may share one: it means any of them.
    pub names: &'static [&'static str],
    /// How it is indexed.
    pub kind: Kind,
    /// What it holds, for the help.
    pub about: &'static str,
    read: fn(&Transaction, &mut Sink<'_>),
}

type Sink<'a> = dyn FnMut(Raw<'_>) + 'a;

/// A value as the document has it.
enum Raw<'a> {
    Text(&'a str),
    Integer(u64),
    Decimal(f64),
    Time(i64),
    Flag(bool),
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path)
    }
}

impl PartialEq for Field {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Field {
    /// Gives every value of this field in the document, as it is indexed. Nothing for an absent one, for an address
    /// that is none, and for a keyword above [`MAX_KEYWORD`].
    pub fn each_value(&self, document: &Document, sink: &mut dyn FnMut(Value<'_>)) {
        let mut sink = |raw: Raw<'_>| match (self.kind, raw) {
            (Kind::Keyword, Raw::Text(text)) => keyword(text, sink),
            (Kind::Words, Raw::Text(text)) => sink(Value::Words(text)),
            (Kind::Ip, Raw::Text(text)) => {
                if let Some(address) = address(text) {
                    sink(Value::Ip(address));
                }
            }
            (_, Raw::Text(_)) => {}
            (_, Raw::Integer(number)) => sink(Value::Integer(number)),
            (_, Raw::Decimal(number)) => sink(Value::Decimal(number)),
            (_, Raw::Time(at)) => sink(Value::Date(at)),
            (_, Raw::Flag(flag)) => sink(Value::Bool(flag)),
        };
        match document {
            Document::Transaction(transaction) => (self.read)(transaction, &mut sink),
            Document::Record(record) => of_record(self.path, record, &mut sink),
            Document::Slice(slice) => match self.path {
                "kind" => sink(Raw::Text("slice")),
                "host" => sink(Raw::Text(&slice.host)),
                "id" => sink(Raw::Text(&slice.id)),
                "@timestamp" => sink(Raw::Time(slice.at.0)),
                "end" => sink(Raw::Time(slice.last.0)),
                _ => {}
            },
            Document::Template(template) => match self.path {
                "kind" => sink(Raw::Text("template")),
                "host" => template.hosts.iter().for_each(|host| sink(Raw::Text(host))),
                "id" => sink(Raw::Text(&template.id)),
                "@timestamp" => sink(Raw::Time(template.at.0)),
                "end" => sink(Raw::Time(template.last.0)),
                _ => {}
            },
        }
    }
}

/// What a record has of the fields.
fn of_record(path: &str, record: &Record, sink: &mut Sink<'_>) {
    let source = record.source.as_ref();
    match path {
        "kind" => sink(Raw::Text("record")),
        "host" => sink(Raw::Text(&record.host)),
        "id" => sink(Raw::Text(&record.id)),
        "@timestamp" => sink(Raw::Time(record.at.0)),
        "program" => sink(Raw::Text(&record.program)),
        "severity" => sink(Raw::Text(&record.severity)),
        "rule" => sink(Raw::Text(&record.rule)),
        "text" => sink(Raw::Text(&record.text)),
        "message_id" => text(record.message_id.as_ref(), sink),
        "client.ip" => text(source.and_then(|source| source.ip.as_ref()), sink),
        "client.host" => text(source.and_then(|source| source.domain.as_ref()), sink),
        "client.sasl_user" => text(record.user.as_ref().map(|user| &user.name), sink),
        _ => {}
    }
}

fn keyword(text: &str, sink: &mut dyn FnMut(Value<'_>)) {
    if text.len() <= MAX_KEYWORD || text.encode_utf16().count() <= MAX_KEYWORD {
        sink(Value::Keyword(&fold(text)));
    }
}

/// An IP address as the stores index it. None if it is none.
pub(super) fn address(text: &str) -> Option<Ipv6Addr> {
    text.parse::<IpAddr>().ok().map(|address| match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    })
}

/// Where a test looks: a field of the table, or one of the rules' own.
#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    /// Of [`FIELDS`].
    Field(&'static Field),
    /// `extra.NAME`, a keyword; this is NAME.
    Extra(String),
}

impl Place {
    /// Where it stands in the document's JSON.
    pub fn path(&self) -> String {
        match self {
            Self::Field(field) => field.path.to_owned(),
            Self::Extra(name) => format!("extra.{name}"),
        }
    }

    /// How it is indexed.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Field(field) => field.kind,
            Self::Extra(_) => Kind::Keyword,
        }
    }

    /// As [`Field::each_value`].
    pub fn each_value(&self, document: &Document, sink: &mut dyn FnMut(Value<'_>)) {
        match self {
            Self::Field(field) => field.each_value(document, sink),
            Self::Extra(name) => {
                if let Some(text) = document.extra().and_then(|extra| extra.get(name)) {
                    keyword(text, sink);
                }
            }
        }
    }
}

/// The fields that a name or a path means: all that share the name, else the one with the path. None if it is unknown.
pub fn named(name: &str) -> Option<Vec<Place>> {
    if let Some(own) = name.strip_prefix("extra.").filter(|own| !own.is_empty()) {
        return Some(vec![Place::Extra(own.to_owned())]);
    }
    let name = fold(name);
    let by_name: Vec<Place> = FIELDS
        .iter()
        .filter(|field| field.names.contains(&name.as_str()))
        .map(Place::Field)
        .collect();
    if !by_name.is_empty() {
        return Some(by_name);
    }
    let by_path = FIELDS.iter().find(|field| field.path == name)?;
    Some(vec![Place::Field(by_path)])
}

fn text(value: Option<&String>, sink: &mut Sink<'_>) {
    if let Some(text) = value {
        sink(Raw::Text(text));
    }
}

macro_rules! fields {
    ($($path:literal [$($name:literal),*] $kind:ident $about:literal $read:expr;)*) => {
        /// All search fields, but for the rules' own (`extra.NAME`).
        pub static FIELDS: &[Field] = &[$(Field {
            path: $path,
            names: &[$($name),*],
            kind: Kind::$kind,
            about: $about,
            read: $read,
        },)*];
    };
}

macro_rules! fate {
    ($status:ident) => {
        |mail, sink| {
            for address in mail.fate.get(&Status::$status).into_iter().flatten() {
                sink(Raw::Text(address));
            }
        }
    };
}

/// A fact of the client.
macro_rules! client {
    ($field:ident) => {
        |mail, sink| text(mail.client.as_ref().and_then(|client| client.$field.as_ref()), sink)
    };
}

/// Something of every recipient.
macro_rules! each_to {
    (|$to:ident, $sink:ident| $body:expr) => {
        |mail, $sink| {
            for $to in &mail.to {
                $body;
            }
        }
    };
}

fields! {
    "to.address" ["to"] Keyword "a recipient" each_to!(|to, sink| sink(Raw::Text(&to.address)));
    "reject.to" ["to"] Keyword "a refused recipient" |mail, sink| {
        for reject in &mail.reject {
            text(reject.to.as_ref(), sink);
        }
    };
    "to.domain" ["to_domain"] Keyword "a recipient's domain" each_to!(|to, sink| text(to.domain.as_ref(), sink));
    "to.orig" ["orig"] Keyword "the address that was asked for, where an alias changed it" each_to!(|to, sink| text(to.orig.as_ref(), sink));
    "from" [] Keyword "the envelope sender; \"\" is the null sender" |mail, sink| text(mail.from.as_ref(), sink);
    "from_domain" [] Keyword "the sender's domain" |mail, sink| text(mail.from_domain.as_ref(), sink);
    "fate.queued" ["queued"] Keyword "a recipient that nothing was tried for yet" fate!(Queued);
    "fate.deferred" ["deferred"] Keyword "a recipient that will be tried again" fate!(Deferred);
    "fate.held" ["held"] Keyword "a recipient on hold" fate!(Held);
    "fate.delivered" ["delivered"] Keyword "a recipient that has it" fate!(Delivered);
    "fate.relayed" ["relayed"] Keyword "a recipient whose next server took it" fate!(Relayed);
    "fate.filtered" ["filtered"] Keyword "a recipient handed to a content filter" fate!(Filtered);
    "fate.expanded" ["expanded"] Keyword "an alias, list or forward that goes on under another address" fate!(Expanded);
    "fate.probed" ["probed"] Keyword "an address that was only verified" fate!(Probed);
    "fate.bounced" ["bounced"] Keyword "a recipient that it came back from" fate!(Bounced);
    "fate.expired" ["expired"] Keyword "a recipient that was tried too long" fate!(Expired);
    "fate.rejected" ["rejected"] Keyword "a recipient that was refused" fate!(Rejected);
    "fate.discarded" ["discarded"] Keyword "a recipient whose mail was thrown away by rule" fate!(Discarded);
    "fate.deleted" ["deleted"] Keyword "a recipient whose mail a person removed" fate!(Deleted);
    "status" [] Keyword "of the whole mail: delivered, bounced, deferred, partial, rejected ..." |mail, sink| if !mail.status.is_empty() {
        sink(Raw::Text(&mail.status));
    };
    "outcome" [] Keyword "how a client session ended: lost, timeout, auth_failed, no_mail ..." |mail, sink| text(mail.outcome.as_ref(), sink);
    "kind" [] Keyword "mail, reject, session (a client that sent nothing), record (any other line), slice (what was read in five minutes) or template (what no rule knew)" |mail, sink| sink(Raw::Text(mail.kind.word()));
    "host" [] Keyword "the host that logged it" |mail, sink| sink(Raw::Text(&mail.host));
    "mta" [] Keyword "postfix or sendmail" |mail, sink| text(mail.mta.as_ref(), sink);
    "instance" [] Keyword "the syslog name in front of the daemon" |mail, sink| text(mail.instance.as_ref(), sink);
    "open" [] Bool "no final word yet" |mail, sink| sink(Raw::Flag(mail.open));
    "leg" [] Bool "the second leg of a filter's round trip" |mail, sink| if mail.leg {
        sink(Raw::Flag(true));
    };
    "queue_id" ["qid"] Keyword "the queue id" |mail, sink| text(mail.queue_id.as_ref(), sink);
    "links.queue_id" ["qid"] Keyword "a related queue id of the same host" |mail, sink| {
        for link in &mail.links {
            sink(Raw::Text(&link.queue_id));
        }
    };
    "to.next.queue_id" ["qid"] Keyword "the queue id at the next hop" each_to!(|to, sink| text(to.next.as_ref().map(|next| &next.queue_id), sink));
    "message_id" ["msgid"] Keyword "the message id, without <>" |mail, sink| text(mail.message_id.as_ref(), sink);
    "id" ["id"] Keyword "the document's id" |mail, sink| sink(Raw::Text(&mail.id));
    "was" ["id"] Keyword "an earlier id of the document" |mail, sink| {
        for id in &mail.was {
            sink(Raw::Text(id));
        }
    };
    "client.host" ["client", "source.domain"] Keyword "the client's name" client!(host);
    "client.ip" ["ip", "source.ip"] Ip "the client's address" client!(ip);
    "client.helo" ["helo"] Keyword "what the client called itself" client!(helo);
    "client.sasl_user" ["user", "user.name"] Keyword "the login" client!(sasl_user);
    "program" [] Keyword "the program that said a record" |_, _| {};
    "severity" [] Keyword "of a record: info, warning, error, fatal, panic" |_, _| {};
    "rule" [] Keyword "the rule that knew a record" |_, _| {};
    "text" [] Words "what a record says" |_, _| {};
    "to.relay.host" ["relay"] Keyword "the server or daemon it was handed to" each_to!(|to, sink| text(to.relay.as_ref().and_then(|relay| relay.host.as_ref()), sink));
    "to.relay.ip" ["relay_ip"] Ip "that server's address" each_to!(|to, sink| text(to.relay.as_ref().and_then(|relay| relay.ip.as_ref()), sink));
    "to.dsn" ["dsn"] Keyword "RFC 3463 status of a recipient" each_to!(|to, sink| text(to.dsn.as_ref(), sink));
    "reject.dsn" ["dsn"] Keyword "RFC 3463 status of a refusal" |mail, sink| {
        for reject in &mail.reject {
            text(reject.dsn.as_ref(), sink);
        }
    };
    "reject.code" ["code"] Integer "SMTP reply code of a refusal" |mail, sink| {
        for code in mail.reject.iter().filter_map(|reject| reject.code) {
            sink(Raw::Integer(u64::from(code)));
        }
    };
    "reject.stage" ["stage"] Keyword "where it was refused: connect, helo, mail, rcpt, data ..." |mail, sink| {
        for reject in &mail.reject {
            text(reject.stage.as_ref(), sink);
        }
    };
    "to.delay_s" ["delay"] Decimal "seconds from arrival to a recipient's last attempt" each_to!(|to, sink| if let Some(delay) = to.delay_s {
        sink(Raw::Decimal(delay));
    });
    "size" [] Integer "bytes" |mail, sink| if let Some(size) = mail.size {
        sink(Raw::Integer(size));
    };
    "to.attempts" ["attempts"] Integer "delivery attempts for a recipient" each_to!(|to, sink| sink(Raw::Integer(to.attempts)));
    "reject.reason" ["reason"] Words "why it was refused" |mail, sink| {
        for reject in &mail.reject {
            sink(Raw::Text(&reject.reason));
        }
    };
    "to.response" ["response"] Words "the last attempt's words" each_to!(|to, sink| text(to.response.as_ref(), sink));
    "subject" [] Words "the Subject, where it is logged" |mail, sink| text(mail.subject.as_ref(), sink);
    "warnings" ["warning"] Words "warnings, and lines that no rule knows" |mail, sink| {
        for warning in &mail.warnings {
            sink(Raw::Text(warning));
        }
    };
    "verdicts" ["verdict"] Keyword "what companions said: dkim=pass, spam=no, by=opendkim" |mail, sink| {
        for verdict in &mail.verdicts {
            sink(Raw::Text(&format!("{}={}", verdict.what, verdict.result)));
            sink(Raw::Text(&format!("by={}", verdict.by)));
        }
    };
    "missing" [] Keyword "what the lines did not tell: start, sender, end" |mail, sink| {
        for what in &mail.missing {
            sink(Raw::Text(what));
        }
    };
    "@timestamp" ["at"] Date "the first line" |mail, sink| sink(Raw::Time(mail.at.0));
    "end" [] Date "the last line" |mail, sink| sink(Raw::Time(mail.end.0));
}
