//! What one line says, typed.
//!
//! Kinds are a closed set that the assembler knows; so are the fields of [`Field`]. A field that a rule names
//! `extra.NAME` is kept under that name, so an operator adds a field without a build.
//!
//! Captures are 8 bytes each and point into the line; constants that a rule sets (`set:`, `map:`) point into the
//! [`Vocabulary`] of the rule set.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::Arc;

use crate::line::Line;

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A client connected.
    Connect,
    /// A client left in good order.
    Disconnect,
    /// A client was lost, timed out or made too many errors.
    Lost,
    /// TLS came up or failed.
    Tls,
    /// A login failed.
    AuthFailed,
    /// postscreen's word about a client.
    Postscreen,
    /// A queue id begins, or its envelope is told: client, sender, size, recipient count.
    Queued,
    /// The Message-ID header.
    MessageId,
    /// A logged header, a header or body check.
    Header,
    /// The queue manager took the message up: sender, size, recipient count.
    Active,
    /// One attempt for one recipient (or a list of them, sendmail).
    Delivery,
    /// Goes on under another queue id, by alias or forward.
    Forwarded,
    /// Goes on under other addresses (`clone`).
    Expanded,
    /// Goes on under a new id after `postsuper -r`.
    Requeued,
    /// Handed to a content filter under another id.
    Filtered,
    /// A bounce, delay or success notice was made, with its own queue id.
    Notice,
    /// Put on hold.
    Hold,
    /// Released from hold.
    Release,
    /// Deleted by a person.
    Delete,
    /// Thrown away by rule.
    Discard,
    /// Given up after the queue's lifetime.
    Expire,
    /// Left the queue.
    Removed,
    /// Refused before or inside a queue id.
    Reject,
    /// A companion's word: SPF, DKIM, spam score, virus, greylist, milter.
    Verdict,
    /// What happened after the MTA: folder, discarded, over quota.
    Mailbox,
    /// Anything else worth finding again.
    Record,
    /// Recognised and only counted.
    Noise,
}

/// Every kind with its name in rule files and the fields it cannot do without.
pub const KINDS: &[(Kind, &str, &[Field])] = &[
    (Kind::Connect, "connect", &[]),
    (Kind::Disconnect, "disconnect", &[]),
    (Kind::Lost, "lost", &[]),
    (Kind::Tls, "tls", &[]),
    (Kind::AuthFailed, "auth_failed", &[]),
    (Kind::Postscreen, "postscreen", &[]),
    (Kind::Queued, "queued", &[Field::QueueId]),
    (Kind::MessageId, "message_id", &[Field::QueueId, Field::MessageId]),
    (Kind::Header, "header", &[Field::QueueId]),
    (Kind::Active, "active", &[Field::QueueId]),
    (Kind::Delivery, "delivery", &[Field::QueueId, Field::Status]),
    (Kind::Forwarded, "forwarded", &[Field::QueueId, Field::NewQueueId]),
    (Kind::Expanded, "expanded", &[Field::QueueId, Field::NewQueueId]),
    (Kind::Requeued, "requeued", &[Field::QueueId]),
    (Kind::Filtered, "filtered", &[Field::QueueId]),
    (
        Kind::Notice,
        "notice",
        &[Field::QueueId, Field::NoticeQueueId, Field::Notice],
    ),
    (Kind::Hold, "hold", &[Field::QueueId]),
    (Kind::Release, "release", &[Field::QueueId]),
    (Kind::Delete, "delete", &[Field::QueueId]),
    (Kind::Discard, "discard", &[Field::QueueId]),
    (Kind::Expire, "expire", &[Field::QueueId]),
    (Kind::Removed, "removed", &[Field::QueueId]),
    (Kind::Reject, "reject", &[Field::Action, Field::Reason]),
    (Kind::Verdict, "verdict", &[Field::By, Field::What, Field::Result]),
    (Kind::Mailbox, "mailbox", &[]),
    (Kind::Record, "record", &[]),
    (Kind::Noise, "noise", &[]),
];

impl Kind {
    /// The name in rule files and in `parse --json`.
    pub fn name(self) -> &'static str {
        KINDS
            .iter()
            .find(|(kind, ..)| *kind == self)
            .map_or("", |(_, name, _)| name)
    }
}

macro_rules! fields {
    ($($variant:ident $name:literal $doc:literal,)*) => {
        /// The fields that the assembler knows.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum Field { $(#[doc = $doc] $variant,)* }

        /// Every field with its name in rule files and its meaning, in the order of [`Field`].
        pub const FIELDS: &[(Field, &str, &str)] = &[$((Field::$variant, $name, $doc),)*];
    };
}

fields! {
    QueueId "queue_id" "The queue id that the line speaks of.",
    ClientHost "client_host" "The client's name, as the server believes it; `unknown` is kept by the rule and dropped in the document.",
    ClientIp "client_ip" "The client's address.",
    ClientPort "client_port" "The client's port.",
    Helo "helo" "What the client called itself in HELO or EHLO.",
    Proto "proto" "SMTP, ESMTP.",
    SaslUser "sasl_user" "The user name of a login.",
    SaslMethod "sasl_method" "PLAIN, LOGIN.",
    SaslSender "sasl_sender" "The AUTH= parameter of MAIL FROM.",
    TlsProtocol "tls_protocol" "TLSv1.3.",
    TlsCipher "tls_cipher" "`TLS_AES_256_GCM_SHA384`.",
    TlsTrust "tls_trust" "Anonymous, Untrusted, Trusted, Verified.",
    From "from" "Envelope sender without `<>`; empty for the null sender.",
    Size "size" "Bytes.",
    Nrcpt "nrcpt" "How many recipients the queue file has.",
    MessageId "message_id" "The Message-ID without `<>`; empty where the header is empty.",
    Uid "uid" "Numeric user id of a local submitter.",
    Submitter "submitter" "Name of a local submitter.",
    Subject "subject" "The Subject header.",
    Header "header" "Name of a logged header.",
    HeaderValue "header_value" "Its value.",
    OldQueueId "old_queue_id" "The id on this host that this id continues (`orig_id=`).",
    OrigQueueId "orig_queue_id" "The id that a filter's re-entry names as its first leg (XFORWARD).",
    OrigClientHost "orig_client_host" "The original client's name after a filter's re-entry.",
    OrigClientIp "orig_client_ip" "The original client's address after a filter's re-entry.",
    NewQueueId "new_queue_id" "The id on this host under which the message goes on.",
    NoticeQueueId "notice_queue_id" "The id of a notice.",
    Notice "notice" "`bounce`, `delay` or `success`.",
    NoticeTo "notice_to" "`sender` or `postmaster`.",
    NextQueueId "next_queue_id" "The id in the next hop's reply.",
    NextHost "next_host" "The host that the next hop's reply names.",
    To "to" "Envelope recipient without `<>`; several for a list.",
    OrigTo "orig_to" "The address asked for, before aliases.",
    Ctladdr "ctladdr" "sendmail's controlling user: the alias or user behind a program or file.",
    Relay "relay" "The whole relay, as logged, where it is no host: `local`, `virtual`, `none`, a pipe's name.",
    RelayHost "relay_host" "The next hop's name.",
    RelayIp "relay_ip" "The next hop's address.",
    RelayPort "relay_port" "The next hop's port.",
    RelayPath "relay_path" "The next hop's UNIX socket (`private/dovecot-lmtp`).",
    Mailer "mailer" "sendmail's mailer: `esmtp`, `local`, `prog`, `*file*`.",
    Delay "delay" "Seconds since arrival; sendmail's `1+02:03:04` as it is.",
    Xdelay "xdelay" "Seconds of this attempt (sendmail).",
    BeforeQueue "before_queue" "Seconds before the queue manager.",
    InQueue "in_queue" "Seconds in the queue manager.",
    Connect "connect" "Seconds for the connection, with DNS, EHLO and TLS.",
    Transmit "transmit" "Seconds for the transmission.",
    Dsn "dsn" "RFC 3463 status, `5.1.1`.",
    Status "status" "A recipient status of the documents, or `sent` where the relay decides between delivered and relayed.",
    Response "response" "The remote's words, or the reason, without the outer parentheses.",
    Action "action" "`reject`, `reject_warning`, `hold`, `discard`, `filter`, `redirect`, `warn` ...",
    Stage "stage" "CONNECT, EHLO, MAIL, RCPT, DATA, END-OF-MESSAGE, ETRN ...",
    Code "code" "SMTP reply code.",
    Reason "reason" "Why it was refused.",
    By "by" "Who gave a verdict: `opendkim`, `spamd`.",
    What "what" "`spf`, `dkim`, `dmarc`, `spam`, `virus`, `greylist`, `milter`.",
    Result "result" "`pass`, `fail`.",
    Score "score" "A number.",
    Detail "detail" "Its words.",
    Folder "folder" "The mailbox folder.",
    Script "script" "The Sieve script.",
    Outcome "outcome" "How a session ended: `lost`, `timeout`, `no_mail`.",
    Text "text" "Free text of a warning or record.",
}

/// What stands for a field's name in a capture: a [`Field`] up to their count, then the vocabulary's own names.
pub type FieldId = u16;

/// The next capture is the value of an unknown key: this capture is the key's name in the line.
pub const UNKNOWN_KEY: FieldId = u16::MAX;

/// The words that the rules of one set may say beside what stands in the line.
#[derive(Debug, Default)]
pub struct Vocabulary {
    /// Names of fields beyond [`FIELDS`], without `extra.`; [`FieldId`] minus the count of `FIELDS` is the index.
    pub extra: Vec<String>,
    /// Values of `set:` and `map:`.
    pub constants: Vec<String>,
    /// Rule ids.
    pub rules: Vec<String>,
    /// The rule set's fingerprint.
    pub fingerprint: String,
}

/// One field of one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capture {
    /// Whose value this is.
    pub field: FieldId,
    /// Length in bytes; [`Capture::CONSTANT`] marks a constant, whose index is `start`.
    pub len: u16,
    /// Where it begins in the line's text.
    pub start: u32,
}

impl Capture {
    /// The length that marks a constant of the vocabulary.
    pub const CONSTANT: u16 = u16::MAX;
}

/// The fields of one line, in its order; a list's field occurs several times.
///
/// Most questions are about fields that a line does not have, so those it has are known at a glance; and whoever keeps
/// an event with several mails keeps the same list.
#[derive(Debug, Clone)]
pub struct Captures {
    list: Arc<[Capture]>,
    /// A bit for each [`Field`] that occurs, the last one for all others.
    present: u64,
}

/// The bit of a field in [`Captures`].
const fn bit(field: FieldId) -> u64 {
    if (field as usize) < FIELDS.len() {
        1 << field
    } else {
        FOREIGN
    }
}

/// The bit of the fields that the assembler does not know.
const FOREIGN: u64 = 1 << 63;

const _: () = assert!(FIELDS.len() < 64, "every field has a bit of its own");

impl Captures {
    /// Does this field occur?
    pub fn has(&self, field: Field) -> bool {
        self.present & bit(field as FieldId) != 0
    }

    /// Does a field occur that the assembler does not know?
    pub fn has_foreign(&self) -> bool {
        self.present & FOREIGN != 0
    }

    /// The captures of a field.
    fn of(&self, field: Field) -> impl Iterator<Item = Capture> {
        let list = if self.has(field) { &*self.list } else { &[] };
        list.iter()
            .filter(move |capture| capture.field == field as FieldId)
            .copied()
    }
}

impl From<Vec<Capture>> for Captures {
    fn from(list: Vec<Capture>) -> Self {
        Self::from(list.as_slice())
    }
}

impl From<&[Capture]> for Captures {
    fn from(list: &[Capture]) -> Self {
        Self {
            list: list.into(),
            present: list.iter().fold(0, |present, capture| present | bit(capture.field)),
        }
    }
}

impl Deref for Captures {
    type Target = [Capture];

    fn deref(&self) -> &[Capture] {
        &self.list
    }
}

/// How grave the program said it is; a prefix such as `warning: ` that is taken off before matching.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Severity {
    /// No prefix.
    #[default]
    Info,
    /// `warning: `
    Warning,
    /// `error: `
    Error,
    /// `fatal: `
    Fatal,
    /// `panic: `
    Panic,
}

impl Severity {
    /// `info`, `warning`, `error`, `fatal`, `panic`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Fatal => "fatal",
            Self::Panic => "panic",
        }
    }
}

/// What one line says.
#[derive(Debug, Clone)]
pub struct Event {
    /// The line, with its time, host and program.
    pub line: Arc<Line>,
    /// What it is about.
    pub kind: Kind,
    /// Index into [`Vocabulary::rules`].
    pub rule: u16,
    /// The rule recognises no more than the queue id: not counted as matched.
    pub generic: bool,
    /// Another rule of the same rank claimed the line, too.
    pub ambiguous: bool,
    /// The prefix that was taken off.
    pub severity: Severity,
    /// The fields.
    pub captures: Captures,
    /// What the captures' names and constants are.
    pub vocabulary: Arc<Vocabulary>,
}

impl Event {
    /// The first value of a field, as it stands in the line. None if the line has none.
    pub fn bytes(&self, field: Field) -> Option<&[u8]> {
        self.captures.of(field).next().map(|capture| self.value(capture))
    }

    /// Every value of a field, in order.
    pub fn all(&self, field: Field) -> impl Iterator<Item = &[u8]> {
        self.captures.of(field).map(|capture| self.value(capture))
    }

    /// The first value as text. None if there is none.
    ///
    /// What the way to the log did to it is undone: rsyslog writes a control or 8-bit character as `#011`, `#303`
    /// (and a line that holds such a text by itself cannot be told apart); sendmail writes them as `\011`, `\303` and
    /// every backslash twice. What is then not UTF-8 is replaced. Values of `set:` and `map:` are as the rule says.
    pub fn text(&self, field: Field) -> Option<Cow<'_, str>> {
        self.texts(field).next()
    }

    /// Every value of a field as text, in order; see [`Event::text`].
    pub fn texts(&self, field: Field) -> impl Iterator<Item = Cow<'_, str>> {
        self.captures.of(field).map(|capture| self.told(capture))
    }

    /// The value of a capture as text; see [`Event::text`].
    pub fn told(&self, capture: Capture) -> Cow<'_, str> {
        let value = self.value(capture);
        if capture.len == Capture::CONSTANT {
            return String::from_utf8_lossy(value);
        }
        if self.line.plain {
            return Cow::Borrowed(str::from_utf8(value).unwrap_or_default());
        }
        self.restored(value)
    }

    /// Bytes of the line as text; see [`Event::text`].
    pub fn restored<'b>(&self, value: &'b [u8]) -> Cow<'b, str> {
        if memchr::memchr2(b'#', b'\\', value).is_none() {
            return String::from_utf8_lossy(value);
        }
        let sendmail = self.is_sendmail();
        if !sendmail && memchr::memchr(b'#', value).is_none() {
            return String::from_utf8_lossy(value);
        }
        Cow::Owned(String::from_utf8_lossy(&unescaped(value, sendmail)).into_owned())
    }

    fn is_sendmail(&self) -> bool {
        self.rule_id().starts_with("sendmail/")
            || ["sendmail", "sm-"]
                .iter()
                .any(|name| self.line.program.starts_with(name))
    }

    /// The first value as a number. None if there is none or it is no number.
    pub fn number<T: std::str::FromStr>(&self, field: Field) -> Option<T> {
        std::str::from_utf8(self.bytes(field)?).ok()?.parse().ok()
    }

    /// The bytes of a capture.
    pub fn value(&self, capture: Capture) -> &[u8] {
        if capture.len == Capture::CONSTANT {
            return self
                .vocabulary
                .constants
                .get(capture.start as usize)
                .map_or(&[], |constant| constant.as_bytes());
        }
        let start = capture.start as usize;
        self.line
            .text()
            .get(start..start + capture.len as usize)
            .unwrap_or_default()
    }

    /// Every field that the assembler does not know: the rules' own and the unknown keys of lists, by name.
    pub fn extra(&self) -> impl Iterator<Item = (Cow<'_, str>, &[u8])> {
        let mut key = None;
        let list = if self.captures.has_foreign() {
            &*self.captures
        } else {
            &[]
        };
        list.iter().filter_map(move |capture| {
            if capture.field == UNKNOWN_KEY && key.is_none() {
                key = Some(self.value(*capture));
                return None;
            }
            let name = match key.take() {
                Some(name) => String::from_utf8_lossy(name),
                None => Cow::Borrowed(
                    self.vocabulary
                        .extra
                        .get((capture.field as usize).checked_sub(FIELDS.len())?)?
                        .as_str(),
                ),
            };
            Some((name, self.value(*capture)))
        })
    }

    /// The id of the rule that claimed the line.
    pub fn rule_id(&self) -> &str {
        self.vocabulary.rules.get(self.rule as usize).map_or("", String::as_str)
    }

    /// Does the line speak of a queue id?
    pub fn has_queue_id(&self) -> bool {
        self.captures.has(Field::QueueId) && (self.line.plain || self.queue_id().is_some())
    }

    /// The queue id that the line speaks of. None for lines without one (`NOQUEUE`).
    pub fn queue_id(&self) -> Option<&str> {
        std::str::from_utf8(self.bytes(Field::QueueId)?).ok()
    }
}

/// Undoes the escapes of rsyslog, and of sendmail if it is one of its lines.
fn unescaped(value: &[u8], sendmail: bool) -> Vec<u8> {
    let mut plain = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((first, after)) = rest.split_first() {
        let mark = *first == b'#' || sendmail && *first == b'\\';
        if let Some(byte) = after.get(..3).filter(|_| mark).and_then(octal) {
            plain.push(byte);
            rest = &after[3..];
        } else if sendmail && rest.starts_with(b"\\\\") {
            plain.push(b'\\');
            rest = &rest[2..];
        } else {
            plain.push(*first);
            rest = after;
        }
    }
    plain
}

/// Three octal digits that stand for a control or an 8-bit character; others are never escaped.
fn octal(digits: &[u8]) -> Option<u8> {
    let value = digits.iter().try_fold(0_u16, |value, digit| {
        (b'0'..=b'7')
            .contains(digit)
            .then(|| value * 8 + u16::from(digit - b'0'))
    })?;
    let byte = u8::try_from(value).ok()?;
    (!(b' '..0x7f).contains(&byte)).then_some(byte)
}
