//! sendmail: one hub, which takes mail from outside, from its own users, and sends it on.

use std::io;

use super::Told;
use super::clock::{BEGIN, MILLI, MINUTE, Micros, SECOND, sendmail_id};
use super::log::Log;
use super::people::{self, Client};
use super::random::Random;

const HOST: &str = "hub1";
const MTA: &str = "sm-mta";

/// The hub and its log.
pub(crate) struct Site<'w> {
    log: Log<'w>,
    random: Random,
    pid: u64,
    /// Sequence of ids: one a process would do, one for all is unique.
    sequence: u64,
}

/// A message and who sent it.
struct Mail {
    from: String,
    to: Vec<String>,
    size: u64,
    /// `client [ip]`
    relay: String,
    message_id: String,
    /// A notice is not introduced by a `from=`.
    notice: bool,
}

/// What an attempt says.
enum Said {
    Sent(String),
    Deferred {
        dsn: &'static str,
        reply: String,
    },
    Failed {
        dsn: &'static str,
        reply: String,
        stat: &'static str,
    },
}

impl<'w> Site<'w> {
    pub(crate) fn new(log: Log<'w>, seed: u64) -> Self {
        Self {
            log,
            random: Random::new(seed),
            pid: 2_000,
            sequence: 0,
        }
    }

    /// Clients come until the log has so many lines.
    pub(crate) fn run(mut self, lines: u64) -> io::Result<Told> {
        let mut now = BEGIN;
        while self.log.told.lines < lines {
            now += self.random.waiting(SECOND * 3 / 4);
            self.log.advance(now)?;
            match self.random.below(100) {
                0..=54 => self.incoming(now),
                55..=69 => self.local(now),
                70..=84 => self.turned_away(now),
                85..=92 => self.nothing_asked(now),
                _ => self.lost(now),
            }
        }
        self.log.end()
    }

    /// Each connection has a process of its own.
    fn process(&mut self) -> u64 {
        self.pid = if self.pid > 990_000 {
            2_000
        } else {
            self.pid + self.random.between(1, 5)
        };
        self.pid
    }

    fn queue_id(&mut self, at: Micros, pid: u64) -> String {
        self.sequence += 1;
        sendmail_id(at, self.sequence % 3_600, pid)
    }

    fn relay(client: &Client) -> String {
        match client.host.as_str() {
            "unknown" => format!("[{}]", client.ip),
            host => format!("{host} [{}]", client.ip),
        }
    }

    fn incoming(&mut self, at: Micros) {
        let pid = self.process();
        let client = if self.random.permille(800) {
            people::server(&mut self.random)
        } else {
            people::dialup(&mut self.random)
        };
        let relay = Self::relay(&client);
        if self.random.permille(600) {
            self.log.say(
                at,
                HOST,
                MTA,
                pid,
                format_args!(
                    "STARTTLS=server, relay={relay}, version=TLSv1.3, verify=NO, cipher=TLS_AES_256_GCM_SHA384, bits=256/256"
                ),
            );
        }
        let outgoing = self.random.permille(300);
        let from = match (outgoing, self.random.permille(50)) {
            (true, _) => people::inside(&mut self.random),
            (false, true) => String::new(),
            (false, false) => people::outside(&mut self.random),
        };
        if outgoing {
            let (user, at) = (from.replace('"', ""), at + 100 * MILLI);
            self.log.say(
                at,
                HOST,
                MTA,
                pid,
                format_args!("AUTH=server, relay={relay}, authid={user}, mech=PLAIN, bits=0"),
            );
        }
        let at = at + self.random.between(100 * MILLI, 2 * SECOND);
        let mail = Mail {
            to: people::several(
                &mut self.random,
                if outgoing { people::outside } else { people::inside },
            ),
            size: people::size(&mut self.random),
            message_id: people::message_id(&mut self.random, at, &from),
            from,
            relay,
            notice: false,
        };
        let id = self.queue_id(at, pid);
        if self.random.permille(30) {
            // Nobody but the first recipient is told so: this one is not among those that are taken.
            self.log.say(
                at,
                HOST,
                MTA,
                pid,
                format_args!("{id}: <nobody{}@site.example>... User unknown", pid % 100),
            );
        }
        self.taken(at, pid, &id, &mail);
        if self.random.permille(500) {
            let text = "Milter (opendkim) insert (1): header: Authentication-Results: hub1.site.example;\\n\\tdkim=pass (2048-bit key) header.d=senders.example";
            self.log
                .say(at + 20 * MILLI, HOST, MTA, pid, format_args!("{id}: {text}"));
        }
        self.live(at, &id, &mail);
    }

    fn taken(&mut self, at: Micros, pid: u64, id: &str, mail: &Mail) {
        let Mail {
            from,
            to,
            size,
            relay,
            message_id,
            ..
        } = mail;
        self.log.opened(at);
        let (proto, count) = (self.random.pick(&["ESMTP", "ESMTPS", "ESMTPSA"]), to.len());
        self.log.say(
            at,
            HOST,
            MTA,
            pid,
            format_args!(
                "{id}: from=<{from}>, size={size}, class=0, nrcpts={count}, msgid=<{message_id}>, proto={proto}, \
                 daemon=MTA-v4, relay={relay}"
            ),
        );
    }

    /// Tries until it is over.
    fn live(&mut self, arrival: Micros, id: &str, mail: &Mail) {
        let (mut now, mut left) = (arrival + 30 * MILLI, mail.to.clone());
        let mut failed = None;
        let mut end = now;
        for attempt in 0..8 {
            let pid = self.process();
            let mut again = Vec::new();
            // A relay's recipients are told in one line, the last first.
            left.sort_by(|a, b| domain(a).cmp(domain(b)));
            let groups: Vec<Vec<String>> = left
                .chunk_by(|a, b| domain(a) == domain(b))
                .flat_map(|same| same.chunks(8).map(<[String]>::to_vec).collect::<Vec<_>>())
                .collect();
            end = now;
            for group in groups {
                end += self.random.between(20 * MILLI, 900 * MILLI);
                let said = self.attempt(&group[0], attempt);
                let last = attempt == 7;
                self.delivery([arrival, now, end], pid, id, &group, mail, &said);
                for to in group {
                    match &said {
                        Said::Sent(_) => self.log.fate(if ours(&to) { "delivered" } else { "relayed" }),
                        Said::Failed { stat, .. } => {
                            self.log.fate("bounced");
                            failed = Some(*stat);
                        }
                        // Nobody is told that a notice did not arrive, not even the log.
                        Said::Deferred { .. } if last && (mail.notice || mail.from.is_empty()) => {
                            self.log.fate("deferred");
                        }
                        Said::Deferred { .. } if last => {
                            self.log.fate("expired");
                            failed = Some("Cannot send message for 5 hours");
                        }
                        Said::Deferred { .. } => again.push(to),
                    }
                }
            }
            left = again;
            if left.is_empty() {
                if let Some(why) = failed {
                    self.notice(end + 3 * MILLI, pid, id, mail, why);
                }
                break;
            }
            now += 30 * MINUTE + self.random.below(60 * SECOND);
        }
        self.log.closed(end + 10 * MILLI);
    }

    fn attempt(&mut self, to: &str, attempt: u64) -> Said {
        if ours(to) {
            return match self.random.below(100) {
                0 => Said::Failed {
                    dsn: "5.1.1",
                    reply: "550 5.1.1 User unknown".to_owned(),
                    stat: "User unknown",
                },
                _ => Said::Sent(String::new()),
            };
        }
        let domain = domain(to);
        let way = domain
            .bytes()
            .fold(0_u64, |sum, byte| sum * 31 % 1009 + u64::from(byte))
            % 100;
        match way {
            0 | 1 => Said::Deferred {
                dsn: "4.4.1",
                reply: format!("Connection timed out with mx1.{domain}."),
            },
            4..=9 if attempt == 0 => Said::Deferred {
                dsn: "4.7.1",
                reply: format!("451 4.7.1 <{to}>: Greylisted, see http://postgrey.{domain}/?id=a1=b2,c3"),
            },
            11..=14 if self.random.permille(400) => Said::Failed {
                dsn: "5.1.1",
                reply: format!("550 5.1.1 <{to}>: Recipient address rejected: User unknown"),
                stat: "User unknown",
            },
            15 if self.random.permille(400) => Said::Failed {
                dsn: "5.0.0",
                reply: "554 5.7.1 Message refused, stat=Sent is not what you see".to_owned(),
                stat: "Service unavailable",
            },
            _ => Said::Sent(format!("Ok: queued as {:X}", self.random.next() >> 24)),
        }
    }

    fn delivery(
        &mut self,
        [arrival, began, end]: [Micros; 3],
        pid: u64,
        id: &str,
        to: &[String],
        mail: &Mail,
        said: &Said,
    ) {
        let list: Vec<String> = to.iter().rev().map(|to| format!("<{to}>")).collect();
        let (list, delay, xdelay) = (list.join(","), clock(end - arrival), clock(end - began));
        let pri = 30_000 + mail.size;
        let ctladdr = if ours(&mail.from) {
            format!(", ctladdr=<{}> (1005/1005)", mail.from)
        } else {
            String::new()
        };
        let way = if ours(&to[0]) {
            format!("mailer=local, pri={pri}")
        } else {
            let domain = domain(&to[0]);
            let octet = domain.len() * 7 % 250 + 1;
            format!("mailer=esmtp, pri={pri}, relay=mx1.{domain}. [198.51.100.{octet}]")
        };
        let result = match said {
            Said::Sent(words) if words.is_empty() => "dsn=2.0.0, stat=Sent".to_owned(),
            Said::Sent(words) => format!("dsn=2.0.0, stat=Sent ({words})"),
            Said::Deferred { dsn, reply } if reply.starts_with('4') => {
                format!("dsn={dsn}, reply={reply}, stat=Deferred: {reply}")
            }
            Said::Deferred { dsn, reply } => format!("dsn={dsn}, stat=Deferred: {reply}"),
            Said::Failed { dsn, reply, stat } => format!("dsn={dsn}, reply={reply}, stat={stat}"),
        };
        self.log.say(
            end,
            HOST,
            MTA,
            pid,
            format_args!("{id}: to={list}{ctladdr}, delay={delay}, xdelay={xdelay}, {way}, {result}"),
        );
    }

    /// The sender is told.
    fn notice(&mut self, at: Micros, pid: u64, id: &str, mail: &Mail, why: &str) {
        if mail.notice || mail.from.is_empty() {
            return;
        }
        let child = self.queue_id(at, pid);
        self.log.opened(at);
        self.log
            .say(at, HOST, MTA, pid, format_args!("{id}: {child}: DSN: {why}"));
        let notice = Mail {
            from: String::new(),
            to: vec![mail.from.clone()],
            size: 1_300 + mail.size.min(50_000),
            relay: String::new(),
            message_id: String::new(),
            notice: true,
        };
        self.live(at, &child, &notice);
    }

    /// A user of the hub sends: under one id by the command, under another by the daemon.
    fn local(&mut self, at: Micros) {
        let (pid, daemon) = (self.process(), self.process());
        let (user, uid) = self
            .random
            .weighted(&[(3, ("root", 0)), (2, ("www-data", 33)), (2, ("appuser", 1005))]);
        let to = if self.random.permille(500) {
            people::outside(&mut self.random)
        } else {
            people::inside(&mut self.random)
        };
        let size = people::size(&mut self.random).min(30_000);
        let (first, second) = (self.queue_id(at, pid), self.queue_id(at, daemon));
        let message_id = format!(
            "{}.{first}@hub1.site.example",
            super::clock::rfc3339(at)[..16].replace(['-', 'T', ':'], "")
        );
        self.log.opened(at);
        self.log.say(
            at,
            HOST,
            "sendmail",
            pid,
            format_args!(
                "{first}: from={user}, size={size}, class=0, nrcpts=1, msgid=<{message_id}>, relay={user}@localhost"
            ),
        );
        let mail = Mail {
            from: format!("{user}@hub1.site.example"),
            to: vec![to.clone()],
            size: size + 280,
            relay: "localhost [127.0.0.1]".to_owned(),
            message_id,
            notice: false,
        };
        let taken = at + 60 * MILLI;
        self.taken(taken, daemon, &second, &mail);
        self.log.say(
            taken + 5 * MILLI,
            HOST,
            "sendmail",
            pid,
            format_args!(
                "{first}: to={to}, ctladdr={user} ({uid}/{uid}), delay=00:00:00, xdelay=00:00:00, mailer=relay, \
                 pri={}, relay=[127.0.0.1] [127.0.0.1], dsn=2.0.0, stat=Sent ({second} Message accepted for delivery)",
                30_000 + size
            ),
        );
        self.log.fate("relayed");
        self.log.closed(taken + 6 * MILLI);
        self.live(taken, &second, &mail);
    }

    /// Refused before anything was taken.
    fn turned_away(&mut self, at: Micros) {
        let pid = self.process();
        let client = people::dialup(&mut self.random);
        let (relay, ip) = (Self::relay(&client), &client.ip);
        if self.random.permille(200) {
            let name = if client.host == "unknown" {
                format!("[{ip}]")
            } else {
                client.host.clone()
            };
            self.log.told.refused += 1;
            self.log.say(
                at,
                HOST,
                MTA,
                pid,
                format_args!(
                    "ruleset=check_relay, arg1={name}, arg2={ip}, relay={relay}, reject=421 4.3.2 Connection rate limit exceeded."
                ),
            );
            return;
        }
        let id = self.queue_id(at, pid);
        let from = people::outside(&mut self.random);
        let count = if self.random.permille(100) {
            self.random.between(2, 6)
        } else {
            1
        };
        let mut now = at;
        for _ in 0..count {
            let to = people::inside(&mut self.random);
            let why = match self.random.below(3) {
                0 => format!("550 5.7.1 <{to}>... Relaying denied"),
                1 => format!("553 5.3.0 <{to}>... Spam blocked see: http://rbl.example/query/ip/{ip}"),
                _ => format!("450 4.2.0 <{to}>... come back later"),
            };
            self.log.told.refused += 1;
            self.log.say(
                now,
                HOST,
                MTA,
                pid,
                format_args!("{id}: ruleset=check_rcpt, arg1=<{to}>, relay={relay}, reject={why}"),
            );
            now += 40 * MILLI;
        }
        self.log.say(
            now,
            HOST,
            MTA,
            pid,
            format_args!("{id}: from=<{from}>, size=0, class=0, nrcpts=0, proto=ESMTP, daemon=MTA-v4, relay={relay}"),
        );
    }

    fn nothing_asked(&mut self, at: Micros) {
        let pid = self.process();
        let client = people::dialup(&mut self.random);
        let (id, relay) = (self.queue_id(at, pid), Self::relay(&client));
        self.log.say(
            at,
            HOST,
            MTA,
            pid,
            format_args!("{id}: {relay} did not issue MAIL/EXPN/VRFY/ETRN during connection to MTA-v4"),
        );
    }

    fn lost(&mut self, at: Micros) {
        let pid = self.process();
        let client = people::dialup(&mut self.random);
        let (id, relay) = (self.queue_id(at, pid), Self::relay(&client));
        let stage = self.random.pick(&["rcpt", "startup", "data"]);
        self.log.say(
            at,
            HOST,
            MTA,
            pid,
            format_args!("{id}: lost input channel from {relay} to MTA-v4 after {stage}"),
        );
    }
}

fn domain(address: &str) -> &str {
    address.rsplit('@').next().unwrap_or_default()
}

fn ours(address: &str) -> bool {
    people::OURS.contains(&domain(address)) || domain(address) == "hub1.site.example"
}

/// `00:00:02`, `1+02:03:04`
fn clock(micros: Micros) -> String {
    let seconds = micros / SECOND;
    let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
    let rest = format!("{hours:02}:{:02}:{:02}", seconds / 60 % 60, seconds % 60);
    if days > 0 { format!("{days}+{rest}") } else { rest }
}
