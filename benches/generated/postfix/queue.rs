//! The life of a queue id: taken, tried, tried again, told its sender, removed.

use super::super::clock::{MILLI, MINUTE, Micros, SECOND, rfc3164};
use super::super::people::{self, Client};
use super::{At, Site};

/// A message as it is handed on.
#[derive(Debug, Clone)]
pub(super) struct Mail {
    /// Empty in a notice.
    pub(super) from: String,
    pub(super) to: Vec<String>,
    pub(super) message_id: String,
    pub(super) size: u64,
}

/// A queue file.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) id: String,
    pub(super) place: At,
    pub(super) arrival: Micros,
}

/// Where a host sends its mail.
#[derive(Debug, Clone)]
pub(super) enum Route {
    /// To the host with the mailboxes.
    Inner,
    /// Through the content filter, then to the host with the mailboxes; who brought it.
    Filter(Client),
    /// To the mailboxes.
    Boxes,
    /// To whom it concerns.
    Out,
}

/// What an attempt says.
struct Attempt {
    relay: String,
    dsn: &'static str,
    status: &'static str,
    reply: String,
    /// None: try again.
    fate: Option<&'static str>,
}

impl Site<'_> {
    /// A message is being received.
    pub(super) fn accept(
        &mut self,
        place: At,
        at: Micros,
        program: &str,
        pid: u64,
        client: &Client,
        more: &str,
    ) -> Accepted {
        let host = self.name(place);
        let id = self.host(place).queue_id(at);
        self.log.opened(at);
        self.log.say(
            at,
            host,
            program,
            pid,
            format_args!("{id}: client={}{more}", client.peer()),
        );
        Accepted { id, place, arrival: at }
    }

    /// Its header is read.
    pub(super) fn cleanup(&mut self, accepted: &Accepted, at: Micros, mail: &Mail) {
        let Accepted { id, place, .. } = accepted;
        let (host, place) = (self.name(*place), *place);
        let pid = self.host(place).cleanup + self.random.below(4) * 11;
        self.log.say(
            at,
            host,
            "postfix/cleanup",
            pid,
            format_args!("{id}: message-id=<{}>", mail.message_id),
        );
    }

    /// It is tried until it is over.
    pub(super) fn live(&mut self, it: &Accepted, begin: Micros, mail: &Mail, route: &Route) {
        let (id, place, arrival, count) = (&it.id, it.place, it.arrival, mail.to.len());
        let host = self.name(place);
        let mut left = mail.to.clone();
        let (mut at, mut bounced, mut wait) = (begin, false, 5 * MINUTE);
        for attempt in 0..9 {
            self.active(place, id, at, mail, count);
            let (start, mut end) = (at, at);
            let mut again = Vec::new();
            for to in &left {
                let done = start + self.random.between(20 * MILLI, 900 * MILLI);
                end = end.max(done);
                let what = self.attempt(it, done, mail, to, route, attempt);
                self.delivery(place, id, [arrival, start, done], to, &what, route);
                match what.fate {
                    Some(fate) => {
                        self.log.fate(fate);
                        bounced |= fate == "bounced";
                    }
                    None => again.push(to.clone()),
                }
            }
            left = again;
            at = end + 2 * MILLI;
            if left.is_empty() {
                break;
            }
            if attempt < 8 {
                if attempt == 0 && bounced {
                    self.bounce(place, id, at, mail);
                    bounced = false;
                }
                at = start + wait + self.random.below(20 * SECOND);
                wait = (wait * 2).min(66 * MINUTE);
            }
        }
        for _ in &left {
            self.log.fate("expired");
        }
        let pid = self.host(place).qmgr;
        if !left.is_empty() {
            self.log.say(
                at,
                host,
                "postfix/qmgr",
                pid,
                format_args!("{id}: from=<{}>, status=expired, returned to sender", mail.from),
            );
        }
        if bounced || !left.is_empty() {
            self.bounce(place, id, at + 3 * MILLI, mail);
        }
        let end = at + 8 * MILLI;
        self.log
            .say(end, host, "postfix/qmgr", pid, format_args!("{id}: removed"));
        self.log.closed(end);
    }

    fn active(&mut self, place: At, id: &str, at: Micros, mail: &Mail, count: usize) {
        let (host, pid) = (self.name(place), self.host(place).qmgr);
        let Mail { from, size, .. } = mail;
        self.log.say(
            at,
            host,
            "postfix/qmgr",
            pid,
            format_args!("{id}: from=<{from}>, size={size}, nrcpt={count} (queue active)"),
        );
    }

    fn attempt(&mut self, it: &Accepted, at: Micros, mail: &Mail, to: &str, route: &Route, attempt: u64) -> Attempt {
        match route {
            Route::Inner => {
                let next = self.handed_on(it.place, at, mail, to);
                sent(
                    "mail1.site.example[192.0.2.13]:25",
                    "relayed",
                    format!("250 2.0.0 Ok: queued as {next}"),
                )
            }
            Route::Filter(client) => {
                let next = self.filtered(&it.id, at, mail, to, client);
                let reply = format!("250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as {next}");
                sent("127.0.0.1[127.0.0.1]:10024", "filtered", reply)
            }
            Route::Boxes => self.stored(at, mail, to),
            Route::Out => self.sent_out(at, to, attempt),
        }
    }

    fn delivery(
        &mut self,
        place: At,
        id: &str,
        [arrival, began, done]: [Micros; 3],
        to: &str,
        what: &Attempt,
        route: &Route,
    ) {
        let host = self.name(place);
        let (program, pid) = match route {
            Route::Boxes => ("postfix/lmtp", self.host(place).smtp.take(began) + 1),
            _ => ("postfix/smtp", self.host(place).smtp.take(began)),
        };
        let Attempt {
            relay,
            dsn,
            status,
            reply,
            ..
        } = what;
        let (delay, before) = (seconds(done - arrival), seconds(began - arrival));
        let queue = seconds(self.random.below(30) * MILLI);
        let connect = if relay == "none" {
            seconds(done - began)
        } else {
            seconds(self.random.below(90) * MILLI)
        };
        let send = seconds(self.random.between(5, 800) * MILLI);
        // An alias stands for the same address at every attempt.
        let orig = match to.len() % 12 {
            5 => format!(
                ", orig_to=<all-{}@site.example>",
                to.split('@').next().unwrap_or_default().replace('"', "")
            ),
            _ => String::new(),
        };
        self.log.say(
            done,
            host,
            program,
            pid,
            format_args!(
                "{id}: to=<{to}>{orig}, relay={relay}, delay={delay}, delays={before}/{queue}/{connect}/{send}, \
                 dsn={dsn}, status={status} ({reply})"
            ),
        );
        self.host(place)
            .smtp
            .give_back(pid - u64::from(program == "postfix/lmtp"), done);
    }

    /// The host with the mailboxes takes it from the edge.
    fn handed_on(&mut self, place: At, at: Micros, mail: &Mail, to: &str) -> String {
        let host = self.name(place);
        let client = Client {
            host: format!("{host}.site.example"),
            ip: self.host(place).ip.to_owned(),
            helo: String::new(),
        };
        if self.random.permille(100) {
            let pid = self.host(place).smtp.take(at);
            let who = "Untrusted TLS connection established to mail1.site.example[192.0.2.13]:25";
            self.tls(at - 15 * MILLI, place, "postfix/smtp", pid, who);
            self.host(place).smtp.give_back(pid, at);
        }
        let pid = self.host(At::Inner).smtpd.take(at);
        let say = format!("from {}", client.peer());
        self.log.say(
            at - 12 * MILLI,
            "mail1",
            "postfix/smtpd",
            pid,
            format_args!("connect {say}"),
        );
        let arrival = at - 10 * MILLI;
        let accepted = self.accept(At::Inner, arrival, "postfix/smtpd", pid, &client, "");
        let one = Mail {
            to: vec![to.to_owned()],
            size: mail.size + 420,
            ..mail.clone()
        };
        self.cleanup(&accepted, at - 7 * MILLI, &one);
        let end = at + self.random.between(MILLI, 2 * SECOND);
        let done = "ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5";
        self.log.say(
            end,
            "mail1",
            "postfix/smtpd",
            pid,
            format_args!("disconnect {say} {done}"),
        );
        self.host(At::Inner).smtpd.give_back(pid, end);
        self.live(&accepted, at, &one, &Route::Boxes);
        accepted.id
    }

    /// amavis gives it back under another id.
    fn filtered(&mut self, first: &str, at: Micros, mail: &Mail, to: &str, client: &Client) -> String {
        let pid = self.host(At::Mx2).submission.take(at);
        let program = "postfix/reinject/smtpd";
        let localhost = Client {
            host: "localhost".to_owned(),
            ip: "127.0.0.1".to_owned(),
            helo: String::new(),
        };
        self.log.say(
            at - 15 * MILLI,
            "mx2",
            program,
            pid,
            format_args!("connect from localhost[127.0.0.1]"),
        );
        let arrival = at - 14 * MILLI;
        let more = format!(", orig_queue_id={first}, orig_client={}", client.peer());
        let accepted = self.accept(At::Mx2, arrival, program, pid, &localhost, &more);
        let one = Mail {
            to: vec![to.to_owned()],
            size: mail.size + 650,
            ..mail.clone()
        };
        self.cleanup(&accepted, at - 12 * MILLI, &one);
        let end = at - 3 * MILLI;
        let done = "ehlo=1 mail=1 rcpt=1 data=1 commands=4";
        self.log.say(
            end,
            "mx2",
            program,
            pid,
            format_args!("disconnect from localhost[127.0.0.1] {done}"),
        );
        self.host(At::Mx2).submission.give_back(pid, end);
        let (from, id, size, message_id) = (&mail.from, &accepted.id, mail.size, &mail.message_id);
        let (child, round) = (self.random.below(4), self.random.below(20));
        let (mail_id, hits) = (self.random.next(), self.random.below(60));
        let (ms, ip, port) = (
            self.random.between(90, 900),
            &client.ip,
            self.random.between(30_000, 60_000),
        );
        self.log.say(
            at - 2 * MILLI,
            "mx2",
            "amavis",
            190 + child,
            format_args!(
                "({:05}-{round:02}) Passed CLEAN {{RelayedInbound}}, [{ip}]:{port} [{ip}] <{from}> -> <{to}>, \
                 Queue-ID: {first}, Message-ID: <{message_id}>, mail_id: {mail_id:012x}, Hits: {}.{}, size: {size}, \
                 queued_as: {id}, {ms} ms",
                190 + child,
                hits / 10,
                hits % 10
            ),
        );
        self.live(&accepted, at, &one, &Route::Inner);
        accepted.id
    }

    /// Dovecot's word about a mailbox.
    fn stored(&mut self, at: Micros, mail: &Mail, to: &str) -> Attempt {
        let relay = "mail1.site.example[private/dovecot-lmtp]";
        match self.random.below(100) {
            0 => {
                let reply = format!(
                    "host {relay} said: 550 5.1.1 <{to}> User doesn't exist: {to} (in reply to RCPT TO command)"
                );
                bounced(relay, "5.1.1", reply)
            }
            1 => {
                let reply = format!(
                    "host {relay} said: 452 4.2.2 <{to}> Quota exceeded (mailbox for user is full) (in reply to end of \
                     DATA command)"
                );
                deferred(relay, "4.2.2", reply)
            }
            _ => {
                let session = format!("{:016x}", self.random.next());
                let folder = self
                    .random
                    .weighted(&[(18, "INBOX"), (1, "Junk"), (1, "Lists/Postfix")]);
                let word = if folder == "INBOX" {
                    "saved mail to INBOX".to_owned()
                } else {
                    format!("stored mail into mailbox '{folder}'")
                };
                let sieve = if folder == "INBOX" { "" } else { "sieve: " };
                let number = self.random.between(10_000, 99_999);
                self.log.say(
                    at - MILLI,
                    "mail1",
                    "dovecot",
                    0,
                    format_args!(
                        "lmtp({to})<{number}><{session}>: {sieve}msgid=<{}>: {word}",
                        mail.message_id
                    ),
                );
                sent(relay, "delivered", format!("250 2.0.0 <{to}> {session} Saved"))
            }
        }
    }

    /// What other people's servers say.
    fn sent_out(&mut self, at: Micros, to: &str, attempt: u64) -> Attempt {
        let domain = to.rsplit('@').next().unwrap_or_default();
        // A domain has its ways.
        let way = domain
            .bytes()
            .fold(0_u64, |sum, byte| sum * 31 % 1009 + u64::from(byte))
            % 100;
        let relay = format!("mx1.{domain}[198.51.100.{}]", way + 20);
        let port = format!("{relay}:25");
        match way {
            0 | 1 => {
                let what = self
                    .random
                    .pick(&["Connection timed out", "Connection refused", "No route to host"]);
                let pid = self.host(At::Inner).smtp.take(at);
                self.host(At::Inner).smtp.give_back(pid, at);
                let text = format!("connect to {port}: {what}");
                self.log
                    .say(at - MILLI, "mail1", "postfix/smtp", pid, format_args!("{text}"));
                deferred("none", "4.4.1", text)
            }
            2 => deferred(
                "none",
                "4.4.3",
                format!(
                    "Host or domain name not found. Name service error for name={domain} type=MX: Host not found, try again"
                ),
            ),
            3 => bounced(
                "none",
                "5.4.4",
                format!("Host or domain name not found. Name service error for name={domain} type=A: Host not found"),
            ),
            4..=9 if attempt == 0 => deferred(
                &port,
                "4.7.1",
                format!(
                    "host {relay} said: 451 4.7.1 <{to}>: Recipient address rejected: Greylisted, see http://postgrey.{domain}/?id=a1=b2 (in reply to RCPT TO command)"
                ),
            ),
            10 if self.random.permille(500) => deferred(
                &port,
                "4.4.2",
                format!("lost connection with {relay} while sending end of data -- message may be sent more than once"),
            ),
            11..=14 if self.random.permille(400) => bounced(
                &port,
                "5.1.1",
                format!(
                    "host {relay} said: 550 5.1.1 <{to}>: Recipient address rejected: User unknown (in reply to RCPT TO command)"
                ),
            ),
            15 if self.random.permille(400) => bounced(
                &port,
                "5.7.1",
                format!(
                    "host {relay} said: 554-5.7.1 {domain}: message refused, status=sent is not what you see 554 5.7.1 to=<{to}>, see https://{domain}/why (in reply to end of DATA command)"
                ),
            ),
            _ => {
                let id = self.random.next();
                let reply = match way % 5 {
                    0 => format!("250 2.0.0 Ok: queued as {:X}", id >> 24),
                    1 => format!("250 2.0.0 OK  {} {id:x}-si1234567qkb.12 - gsmtp", at / SECOND),
                    2 => format!(
                        "250 2.6.0 <{id:x}@{domain}> [InternalId={}, Hostname=EX1.{domain}] Queued mail for delivery",
                        id >> 20
                    ),
                    3 => format!("250 OK id=1t{:05x}-{:06x}-{:02x}", id >> 44, id & 0xff_ffff, id & 0xff),
                    _ => "250 ok dirdel".to_owned(),
                };
                sent(&port, "relayed", reply)
            }
        }
    }

    /// The sender is told: by a new message, which is written before the old one names it.
    fn bounce(&mut self, place: At, id: &str, at: Micros, mail: &Mail) {
        if mail.from.is_empty() {
            return;
        }
        let host = self.name(place);
        let arrival = at - MILLI;
        let child = self.host(place).queue_id(arrival);
        self.log.opened(arrival);
        let notice = Mail {
            from: String::new(),
            to: vec![mail.from.clone()],
            message_id: format!("{}.{child}@{host}.site.example", rfc3164(at).replace([' ', ':'], "")),
            size: mail.size.min(50_000) + 2_200,
        };
        let accepted = Accepted {
            id: child,
            place,
            arrival,
        };
        self.cleanup(&accepted, arrival, &notice);
        let pid = self.host(place).pickup + 40;
        self.log.say(
            at,
            host,
            "postfix/bounce",
            pid,
            format_args!("{id}: sender non-delivery notification: {}", accepted.id),
        );
        let ours = people::OURS.iter().any(|domain| mail.from.ends_with(domain));
        let route = match (ours, place) {
            (false, _) => Route::Out,
            (true, At::Inner) => Route::Boxes,
            (true, _) => Route::Inner,
        };
        self.live(&accepted, at + 2 * MILLI, &notice, &route);
    }
}

fn sent(relay: &str, fate: &'static str, reply: String) -> Attempt {
    Attempt {
        relay: relay.to_owned(),
        dsn: "2.0.0",
        status: "sent",
        reply,
        fate: Some(fate),
    }
}

fn deferred(relay: &str, dsn: &'static str, reply: String) -> Attempt {
    Attempt {
        relay: relay.to_owned(),
        dsn,
        status: "deferred",
        reply,
        fate: None,
    }
}

fn bounced(relay: &str, dsn: &'static str, reply: String) -> Attempt {
    Attempt {
        relay: relay.to_owned(),
        dsn,
        status: "bounced",
        reply,
        fate: Some("bounced"),
    }
}

/// Two digits that count, as Postfix writes a delay.
fn seconds(micros: Micros) -> String {
    match micros {
        0..=4_999 => "0".to_owned(),
        5_000..=99_999 => format!("0.{:02}", micros / 10_000),
        100_000..=999_999 => format!("0.{}", micros / 10_000),
        1_000_000..=9_999_999 => format!("{}.{}", micros / SECOND, micros / 100_000 % 10),
        _ => (micros / SECOND).to_string(),
    }
}
