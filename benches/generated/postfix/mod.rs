//! Postfix on three hosts: two at the edge (one with long queue ids and milters, one with short ones and a content
//! filter) and one with the mailboxes, which also takes what the site's own people send.

mod host;
mod queue;
mod refused;

use std::io;

use super::Told;
use super::clock::{BEGIN, MILLI, MINUTE, Micros, SECOND};
use super::log::Log;
use super::people::{self, Client};
use super::random::Random;
use host::Host;
use queue::{Mail, Route};

/// The hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Long ids, postscreen, SPF, DKIM.
    Mx1,
    /// Short ids, amavis.
    Mx2,
    /// Long ids, mailboxes, submission.
    Inner,
}

/// The site and its log.
pub(crate) struct Site<'w> {
    log: Log<'w>,
    random: Random,
    hosts: [Host; 3],
}

impl<'w> Site<'w> {
    pub(crate) fn new(log: Log<'w>, seed: u64) -> Self {
        let hosts = [
            Host::new("mx1", "192.0.2.11", true, 1_200),
            Host::new("mx2", "192.0.2.12", false, 700),
            Host::new("mail1", "192.0.2.13", true, 41_000),
        ];
        Self {
            log,
            random: Random::new(seed),
            hosts,
        }
    }

    fn host(&mut self, at: At) -> &mut Host {
        match at {
            At::Mx1 => &mut self.hosts[0],
            At::Mx2 => &mut self.hosts[1],
            At::Inner => &mut self.hosts[2],
        }
    }

    fn name(&self, at: At) -> &'static str {
        match at {
            At::Mx1 => self.hosts[0].name,
            At::Mx2 => self.hosts[1].name,
            At::Inner => self.hosts[2].name,
        }
    }

    /// Clients come until the log has so many lines.
    pub(crate) fn run(mut self, lines: u64) -> io::Result<Told> {
        let (mut now, mut statistics) = (BEGIN, BEGIN + 10 * MINUTE);
        while self.log.told.lines < lines {
            now += self.random.waiting(SECOND * 3 / 4);
            self.log.advance(now)?;
            if now >= statistics {
                statistics += 10 * MINUTE;
                self.statistics(now);
            }
            let edge = if self.random.permille(550) { At::Mx1 } else { At::Mx2 };
            match self.random.below(100) {
                0..=33 => self.incoming(edge, now),
                34..=47 => self.submission(now),
                48..=51 => self.cron(now),
                52..=63 => self.screened(now),
                64..=82 => self.turned_away(edge, now),
                83..=92 => self.password_guesses(now),
                _ => self.in_and_out(edge, now),
            }
        }
        self.log.end()
    }

    /// A server brings a message, or some, for people of the site.
    fn incoming(&mut self, edge: At, begin: Micros) {
        let client = people::server(&mut self.random);
        let mut at = begin;
        if edge == At::Mx1 {
            at = self.screen_passed(&client, at);
        }
        let pid = self.host(edge).smtpd.take(at);
        let host = self.name(edge);
        self.log.say(
            at,
            host,
            "postfix/smtpd",
            pid,
            format_args!("connect from {}", client.peer()),
        );
        at += self.random.between(20 * MILLI, 300 * MILLI);
        let tls = self.random.permille(850);
        if tls {
            self.tls(
                at,
                edge,
                "postfix/smtpd",
                pid,
                &format!("Anonymous TLS connection established from {}", client.peer()),
            );
        }
        let messages = if self.random.permille(150) {
            self.random.between(2, 4)
        } else {
            1
        };
        let mut taken = 0;
        for _ in 0..messages {
            at += self.random.between(30 * MILLI, 900 * MILLI);
            let from = if self.random.permille(60) {
                String::new()
            } else {
                people::outside(&mut self.random)
            };
            let mail = self.mail(at, from, people::inside);
            if self.random.permille(40) {
                self.refuse(at, edge, pid, &client, &mail);
            }
            let accepted = self.accept(edge, at, "postfix/smtpd", pid, &client, "");
            self.cleanup(&accepted, at + 30 * MILLI, &mail);
            let done = at + self.random.between(100 * MILLI, 700 * MILLI);
            if edge == At::Mx1 {
                self.checked(&accepted, at, done, &client, &mail);
                self.live(&accepted, done, &mail, &Route::Inner);
            } else {
                self.live(&accepted, done, &mail, &Route::Filter(client.clone()));
            }
            at = done;
            taken += 1;
        }
        let (ehlo, starttls) = if tls { (2, " starttls=1") } else { (1, "") };
        let commands = ehlo + u64::from(tls) + taken * 3 + 1;
        let end = at + self.random.between(5 * MILLI, 2 * SECOND);
        self.log.say(
            end,
            host,
            "postfix/smtpd",
            pid,
            format_args!(
                "disconnect from {} ehlo={ehlo}{starttls} mail={taken} rcpt={taken} data={taken} quit=1 commands={commands}",
                client.peer()
            ),
        );
        self.host(edge).smtpd.give_back(pid, end);
    }

    /// Somebody of the site sends.
    fn submission(&mut self, begin: Micros) {
        let client = people::dialup(&mut self.random);
        let pid = self.host(At::Inner).submission.take(begin);
        let program = "postfix/submission/smtpd";
        self.log.say(
            begin,
            "mail1",
            program,
            pid,
            format_args!("connect from {}", client.peer()),
        );
        let mut at = begin + self.random.between(30 * MILLI, 200 * MILLI);
        self.tls(
            at,
            At::Inner,
            program,
            pid,
            &format!("Anonymous TLS connection established from {}", client.peer()),
        );
        at += self.random.between(100 * MILLI, 900 * MILLI);
        let from = people::inside(&mut self.random);
        let login = from.replace('"', "");
        let mail = self.mail(at, from, people::outside);
        let method = self.random.pick(&["PLAIN", "LOGIN"]);
        let accepted = self.accept(
            At::Inner,
            at,
            program,
            pid,
            &client,
            &format!(", sasl_method={method}, sasl_username={login}"),
        );
        self.cleanup(&accepted, at + 25 * MILLI, &mail);
        let done = at + self.random.between(60 * MILLI, 500 * MILLI);
        self.log.say(
            done - 10 * MILLI,
            "mail1",
            "opendkim",
            612,
            format_args!("{}: DKIM-Signature field added (s=mail, d=site.example)", accepted.id),
        );
        self.live(&accepted, done, &mail, &Route::Out);
        let end = done + self.random.between(5 * MILLI, SECOND);
        let rcpts = mail.to.len() as u64;
        self.log.say(
            end,
            "mail1",
            program,
            pid,
            format_args!(
                "disconnect from {} ehlo=2 starttls=1 auth=1 mail=1 rcpt={rcpts} data=1 quit=1 commands={}",
                client.peer(),
                rcpts + 7
            ),
        );
        self.host(At::Inner).submission.give_back(pid, end);
    }

    /// A program of the host itself sends.
    fn cron(&mut self, at: Micros) {
        let place = if self.random.permille(500) { At::Inner } else { At::Mx1 };
        let (user, uid) = self
            .random
            .weighted(&[(3, ("root", 0)), (2, ("www-data", 33)), (1, ("backup", 34))]);
        let host = self.name(place);
        let id = self.host(place).queue_id(at);
        self.log.opened(at);
        let pid = self.host(place).pickup;
        self.log.say(
            at,
            host,
            "postfix/pickup",
            pid,
            format_args!("{id}: uid={uid} from=<{user}>"),
        );
        let mut mail = self.mail(at, format!("{user}@{host}.site.example"), people::inside);
        mail.to.truncate(1);
        let accepted = queue::Accepted { id, place, arrival: at };
        self.cleanup(&accepted, at + 10 * MILLI, &mail);
        let route = if place == At::Inner { Route::Boxes } else { Route::Inner };
        self.live(&accepted, at + 30 * MILLI, &mail, &route);
    }

    /// A mailing list or a forward: what comes in goes out again.
    fn in_and_out(&mut self, edge: At, at: Micros) {
        let client = people::server(&mut self.random);
        let host = self.name(edge);
        let pid = self.host(edge).smtpd.take(at);
        self.log.say(
            at,
            host,
            "postfix/smtpd",
            pid,
            format_args!("connect from {}", client.peer()),
        );
        let from = people::outside(&mut self.random);
        let mail = self.mail(at, from, people::outside);
        let arrival = at + 80 * MILLI;
        let accepted = self.accept(edge, arrival, "postfix/smtpd", pid, &client, "");
        self.cleanup(&accepted, arrival + 20 * MILLI, &mail);
        self.live(&accepted, arrival + 120 * MILLI, &mail, &Route::Out);
        let end = arrival + self.random.between(150 * MILLI, SECOND);
        self.log.say(
            end,
            host,
            "postfix/smtpd",
            pid,
            format_args!(
                "disconnect from {} ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5",
                client.peer()
            ),
        );
        self.host(edge).smtpd.give_back(pid, end);
    }

    fn mail(&mut self, at: Micros, from: String, to: fn(&mut Random) -> String) -> Mail {
        Mail {
            to: people::several(&mut self.random, to),
            message_id: people::message_id(&mut self.random, at, &from),
            size: people::size(&mut self.random),
            from,
        }
    }

    fn tls(&mut self, at: Micros, place: At, program: &str, pid: u64, who: &str) {
        let how = self.random.weighted(&[
            (
                8,
                "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 server-signature RSA-PSS \
                 (2048 bits) server-digest SHA256",
            ),
            (2, "TLSv1.2 with cipher ECDHE-RSA-AES256-GCM-SHA384 (256/256 bits)"),
        ]);
        let host = self.name(place);
        self.log.say(at, host, program, pid, format_args!("{who}: {how}"));
    }

    /// What SPF and DKIM say of a message.
    fn checked(&mut self, accepted: &queue::Accepted, at: Micros, done: Micros, client: &Client, mail: &Mail) {
        let id = &accepted.id;
        let (Client { host, ip, helo }, from) = (client, &mail.from);
        let word = self
            .random
            .weighted(&[(8, "Pass"), (2, "None"), (1, "Softfail"), (1, "Neutral")]);
        let policy = self.host(At::Mx1).policy.take(at);
        self.log.say(
            at - 5 * MILLI,
            "mx1",
            "policyd-spf",
            policy,
            format_args!(
                ": prepend Received-SPF: {word} (mailfrom) identity=mailfrom; client-ip={ip}; helo={helo}; \
                 envelope-from={from}; receiver=site.example "
            ),
        );
        self.host(At::Mx1).policy.give_back(policy, at);
        let at = done - 30 * MILLI;
        self.log.say(
            at,
            "mx1",
            "opendkim",
            590,
            format_args!("{id}: {host} [{ip}] not internal"),
        );
        self.log
            .say(at, "mx1", "opendkim", 590, format_args!("{id}: not authenticated"));
        if self.random.permille(700) {
            let domain = from
                .rsplit('@')
                .next()
                .filter(|domain| !domain.is_empty())
                .unwrap_or("senders.example");
            let text = format!("{id}: s=mail2026 d={domain} a=rsa-sha256 SSL ");
            self.log.say(at, "mx1", "opendkim", 590, format_args!("{text}"));
            self.log.say(
                at,
                "mx1",
                "opendkim",
                590,
                format_args!("{id}: DKIM verification successful"),
            );
        } else {
            self.log
                .say(at, "mx1", "opendkim", 590, format_args!("{id}: no signature data"));
        }
    }

    fn statistics(&mut self, now: Micros) {
        let stamp = super::clock::rfc3164(now - 400 * SECOND);
        for host in ["mx1", "mx2", "mail1"] {
            let (n, ip) = (self.random.between(1, 90), self.random.between(1, 254));
            let who = format!("(smtpd:203.0.113.{ip})");
            for what in [
                format!("max connection rate {n}/60s for {who}"),
                format!("max connection count {} for {who}", n % 9 + 1),
                format!("max cache size {}", n + 3),
            ] {
                self.log.say(
                    now,
                    host,
                    "postfix/anvil",
                    310,
                    format_args!("statistics: {what} at {stamp}"),
                );
            }
        }
    }
}
