//! Those who get nothing: zombies, guesses, wrong addresses.

use super::super::clock::{MILLI, Micros, SECOND};
use super::super::people::{self, Client};
use super::{At, Mail, Site};

impl Site<'_> {
    /// postscreen knows the client, or tests it now; returns when smtpd gets it.
    pub(super) fn screen_passed(&mut self, client: &Client, at: Micros) -> Micros {
        let (pid, port) = (self.host(At::Mx1).postscreen, self.random.between(1_025, 65_000));
        let ip = &client.ip;
        self.log.say(
            at,
            "mx1",
            "postfix/postscreen",
            pid,
            format_args!("CONNECT from [{ip}]:{port} to [192.0.2.11]:25"),
        );
        let (word, pass) = if self.random.permille(150) {
            ("NEW", at + 6 * SECOND)
        } else {
            ("OLD", at + MILLI)
        };
        self.log.say(
            pass,
            "mx1",
            "postfix/postscreen",
            pid,
            format_args!("PASS {word} [{ip}]:{port}"),
        );
        pass + MILLI
    }

    /// postscreen turns a zombie away.
    pub(super) fn screened(&mut self, at: Micros) {
        let client = people::dialup(&mut self.random);
        let (pid, port) = (self.host(At::Mx1).postscreen, self.random.between(1_025, 65_000));
        let Client { ip, helo, .. } = &client;
        let screen = "postfix/postscreen";
        self.log.say(
            at,
            "mx1",
            screen,
            pid,
            format_args!("CONNECT from [{ip}]:{port} to [192.0.2.11]:25"),
        );
        let lists = self.random.between(0, 3);
        for list in 0..lists {
            let dnsblog = self.host(At::Mx1).policy.take(at);
            let name = ["zen.rbl.example", "bl.rbl.example", "all.spam-rbl.example"]
                [usize::try_from(list).unwrap_or_default()];
            self.log.say(
                at + 40 * MILLI,
                "mx1",
                "postfix/dnsblog",
                dnsblog,
                format_args!("addr {ip} listed by domain {name} as 127.0.0.{}", list * 2 + 2),
            );
            self.host(At::Mx1).policy.give_back(dnsblog, at + 50 * MILLI);
        }
        let mut now = at + 200 * MILLI;
        if self.random.permille(400) {
            let length = helo.len() + 7;
            self.log.say(
                now,
                "mx1",
                screen,
                pid,
                format_args!("PREGREET {length} after 0.09 from [{ip}]:{port}: EHLO {helo}\\r\\n"),
            );
        }
        if lists > 0 {
            now += 6 * SECOND;
            self.log.say(
                now,
                "mx1",
                screen,
                pid,
                format_args!("DNSBL rank {} for [{ip}]:{port}", lists * 3),
            );
            let (from, to) = (people::outside(&mut self.random), people::inside(&mut self.random));
            self.log.told.refused += 1;
            self.log.say(
                now + 300 * MILLI,
                "mx1",
                screen,
                pid,
                format_args!(
                    "NOQUEUE: reject: RCPT from [{ip}]:{port}: 550 5.7.1 Service unavailable; client [{ip}] blocked using \
                     zen.rbl.example; from=<{from}>, to=<{to}>, proto=ESMTP, helo=<{helo}>"
                ),
            );
        } else {
            self.log.say(
                now + SECOND,
                "mx1",
                screen,
                pid,
                format_args!("HANGUP after 1.2 from [{ip}]:{port} in tests before SMTP handshake"),
            );
        }
        self.log.say(
            now + 2 * SECOND,
            "mx1",
            screen,
            pid,
            format_args!("DISCONNECT [{ip}]:{port}"),
        );
    }

    /// smtpd turns a client away.
    pub(super) fn turned_away(&mut self, edge: At, at: Micros) {
        let client = people::dialup(&mut self.random);
        let host = self.name(edge);
        let pid = self.host(edge).smtpd.take(at);
        if client.host == "unknown" && self.random.permille(300) {
            let ip = &client.ip;
            self.log.say(
                at,
                host,
                "postfix/smtpd",
                pid,
                format_args!(
                    "warning: hostname host-{}.isp.example does not resolve to address {ip}: Name or service not known",
                    ip.len()
                ),
            );
        }
        self.log.say(
            at,
            host,
            "postfix/smtpd",
            pid,
            format_args!("connect from {}", client.peer()),
        );
        let mut now = at + 300 * MILLI;
        if self.random.permille(80) {
            self.log.say(
                now,
                host,
                "postfix/smtpd",
                pid,
                format_args!("SSL_accept error from {}: -1", client.peer()),
            );
            let text = "warning: TLS library problem: error:1408F10B:SSL routines:ssl3_get_record:wrong version number:../ssl/record/ssl3_record.c:332:";
            self.log.say(now, host, "postfix/smtpd", pid, format_args!("{text}"));
            let peer = client.peer();
            self.log.say(
                now,
                host,
                "postfix/smtpd",
                pid,
                format_args!("lost connection after STARTTLS from {peer}"),
            );
            self.log.say(
                now,
                host,
                "postfix/smtpd",
                pid,
                format_args!("disconnect from {peer} ehlo=1 starttls=0/1 commands=1/2"),
            );
            self.host(edge).smtpd.give_back(pid, now);
            return;
        }
        let count = if self.random.permille(100) {
            self.random.between(2, 8)
        } else {
            1
        };
        for _ in 0..count {
            let from = people::outside(&mut self.random);
            let mail = self.mail(now, from, people::inside);
            self.refuse(now, edge, pid, &client, &mail);
            now += 90 * MILLI;
        }
        let (peer, end) = (client.peer(), now + 400 * MILLI);
        if self.random.permille(400) {
            self.log.say(
                end,
                host,
                "postfix/smtpd",
                pid,
                format_args!("lost connection after RCPT from {peer}"),
            );
            self.log.say(
                end,
                host,
                "postfix/smtpd",
                pid,
                format_args!(
                    "disconnect from {peer} ehlo=1 mail=1 rcpt=0/{count} commands=2/{}",
                    count + 2
                ),
            );
        } else {
            self.log.say(
                end,
                host,
                "postfix/smtpd",
                pid,
                format_args!(
                    "disconnect from {peer} ehlo=1 mail=1 rcpt=0/{count} quit=1 commands=3/{}",
                    count + 3
                ),
            );
        }
        self.host(edge).smtpd.give_back(pid, end);
    }

    /// One recipient is refused.
    pub(super) fn refuse(&mut self, at: Micros, edge: At, pid: u64, client: &Client, mail: &Mail) {
        let host = self.name(edge);
        let (peer, ip, helo, from) = (client.peer(), &client.ip, &client.helo, &mail.from);
        let to = mail.to.first().map_or("", String::as_str);
        let domain = from.rsplit('@').next().unwrap_or_default();
        let why = match self.random.below(9) {
            0..=2 => format!("550 5.1.1 <{to}>: Recipient address rejected: User unknown in local recipient table"),
            3 | 4 => format!(
                "554 5.7.1 Service unavailable; Client host [{ip}] blocked using zen.rbl.example; https://www.rbl.example/query/ip/{ip}"
            ),
            5 => format!("554 5.7.1 <{to}>: Relay access denied"),
            6 => format!("450 4.7.25 Client host rejected: cannot find your hostname, [{ip}]"),
            7 => format!("450 4.1.8 <{from}>: Sender address rejected: Domain not found: {domain}"),
            _ => format!("504 5.5.2 <{helo}>: Helo command rejected: need fully-qualified hostname"),
        };
        self.log.told.refused += 1;
        self.log.say(
            at,
            host,
            "postfix/smtpd",
            pid,
            format_args!("NOQUEUE: reject: RCPT from {peer}: {why}; from=<{from}> to=<{to}> proto=ESMTP helo=<{helo}>"),
        );
    }

    /// Somebody tries passwords.
    pub(super) fn password_guesses(&mut self, at: Micros) {
        let client = people::dialup(&mut self.random);
        let program = "postfix/submission/smtpd";
        let pid = self.host(At::Inner).submission.take(at);
        let peer = client.peer();
        self.log
            .say(at, "mail1", program, pid, format_args!("connect from {peer}"));
        let guesses = self.random.between(1, 3);
        let user = people::user(&mut self.random).replace('"', "");
        let mut now = at;
        for _ in 0..guesses {
            now += 2 * SECOND;
            let ip = &client.ip;
            self.log.say(
                now - SECOND,
                "mail1",
                "dovecot",
                0,
                format_args!("auth: passwd-file({user},{ip}): unknown user"),
            );
            self.log.say(
                now,
                "mail1",
                program,
                pid,
                format_args!("warning: {peer}: SASL LOGIN authentication failed: UGFzc3dvcmQ6, sasl_username={user}"),
            );
        }
        now += 200 * MILLI;
        self.log.say(
            now,
            "mail1",
            program,
            pid,
            format_args!("lost connection after AUTH from {peer}"),
        );
        self.log.say(
            now,
            "mail1",
            program,
            pid,
            format_args!(
                "disconnect from {peer} ehlo=1 auth=0/{guesses} commands=1/{}",
                guesses + 1
            ),
        );
        self.host(At::Inner).submission.give_back(pid, now);
    }
}
