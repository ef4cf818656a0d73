//! Lines in parts, and what is masked in them.

use base64::Engine as _;
use mailtrail::line::{Reader, TimeZone};
use serde_json::json;

use crate::inputs::{digests, raws, read, texts, utc};
use crate::lines::{dating, lab};

/// As `sm_syslog` (`sendmail/conf.c`) splits a record.
fn split_by_sendmail(head: &str, id: &str, text: &str, buffer: usize) -> Vec<String> {
    let room = buffer - id.len() - 5 - 7;
    let (mut parts, mut rest) = (Vec::new(), text);
    while rest.len() + id.len() + 5 > buffer {
        let end = rest[..room].rfind([',', ' ']).map_or(room, |at| at + 1);
        parts.push(format!("{head}{id}[{}]: {} ...", parts.len() + 1, &rest[..end]));
        rest = &rest[end..];
    }
    parts.push(format!("{head}{id}[{}]: {rest}", parts.len() + 1));
    parts
}

#[test]
fn a_record_that_sendmail_split_is_one_line_again() {
    let log = lab("sendmail/mail.log");
    let real = read(&log, dating(TimeZone::Utc)).lines;
    let mut split = Vec::new();
    let mut parts = 0;
    for line in &real {
        let raw = String::from_utf8(line.raw.to_vec()).unwrap();
        let text = String::from_utf8(line.text().to_vec()).unwrap();
        let head = raw.strip_suffix(&text).unwrap();
        match text.split_once(": ") {
            Some((id, rest)) if id.len() == 14 && rest.is_ascii() && text.len() > 180 => {
                let pieces = split_by_sendmail(head, id, rest, 128);
                assert!(pieces.len() > 1);
                parts += pieces.len() as u64 - 1;
                split.extend(pieces);
            }
            _ => split.push(raw),
        }
    }
    assert!(parts > 500, "{parts}");
    let told = utc(&split.join("\n"));
    assert_eq!((told.lines.len(), told.joined), (real.len(), parts));
    assert!(digests(&told.lines) == digests(&real));
}

#[test]
fn parts_of_two_records_may_lie_between_each_other_and_a_lost_end_loses_nothing() {
    let told = utc("Nov 24 02:04:04 sm1 sm-mta[1]: 6AO2Rr6q000083[1]: to=<a@b>, ...\n\
         Nov 24 02:04:04 sm1 sm-mta[2]: 6AO2Rr6q000084[1]: to=<c@d>, ...\n\
         Nov 24 02:04:04 sm1 sm-mta[1]: 6AO2Rr6q000083[2]: <e@f>, stat=Sent\n\
         Nov 24 02:04:05 sm1 sm-mta[9]: 6AO2Rr6q000084[2]: of another process\n\
         Nov 24 02:04:05 sm1 sm-mta[9]: STARTTLS=server\n\
         Nov 24 02:04:30 sm1 sm-mta[9]: STARTTLS=client\n\
         Nov 24 02:04:31 sm1 sm-mta[9]: NOQUEUE[1]: a ...\n\
         Nov 24 02:04:31 sm1 sm-mta[9]: NOQUEUE[2]:  b");
    assert_eq!(
        texts(&told.lines),
        [
            "6AO2Rr6q000083: to=<a@b>,<e@f>, stat=Sent",
            "6AO2Rr6q000084[2]: of another process",
            "STARTTLS=server",
            "STARTTLS=client",
            "6AO2Rr6q000084: to=<c@d>,",
            "NOQUEUE: a b",
        ]
    );
    // The end of the log ends it as well.
    assert_eq!(
        texts(&utc("Nov 24 02:04:04 sm1 sm-mta[1]: 6AO2Rr6q000083[1]: a ...").lines),
        ["6AO2Rr6q000083: a"]
    );
    // Ever new records that never end need no memory.
    let endless: Vec<String> = (0..5_000)
        .map(|n| format!("Nov 24 02:04:04 sm1 sm-mta[{n}]: 6AO2Rr6q000083[1]: a ...\n"))
        .collect();
    assert_eq!(utc(&endless.concat()).lines.len(), 5_000);
}

#[test]
fn passwords_are_masked_before_anything_is_kept() {
    let smtpd = "Nov 24 02:04:04 mx1 postfix/submission/smtpd[277]:";
    let smtp = "Nov 24 02:04:04 mx1 postfix/smtp[277]:";
    let sendmail = "Nov 24 02:04:04 sm1 sm-mta[706]: 6AO2B8Ax000706:";
    let client = "unknown[203.0.113.60]";
    let secret = base64::engine::general_purpose::STANDARD.encode("\0sue\0Correct-Horse");
    for (raw, masked) in [
        (format!("{smtpd} < {client}: AUTH PLAIN {secret}"), format!("< {client}: AUTH PLAIN [masked]")),
        (format!("{smtpd} < {client}: auth plain {secret}"), format!("< {client}: auth plain [masked]")),
        (format!("{smtpd} < {client}: AUTH {secret}"), format!("< {client}: AUTH [masked]")),
        (format!("{smtpd} < {client}: {secret}"), format!("< {client}: [masked]")),
        (format!("{smtpd} < [203.0.113.60]:2525: AUTH LOGIN {secret}"), "< [203.0.113.60]:2525: AUTH LOGIN [masked]".to_owned()),
        (format!("{smtp} > mx.good.example[198.51.100.1]:587: AUTH PLAIN {secret}"), "> mx.good.example[198.51.100.1]:587: AUTH PLAIN [masked]".to_owned()),
        (format!("{smtp} > mx.good.example[198.51.100.1]:587: {secret}"), "> mx.good.example[198.51.100.1]:587: [masked]".to_owned()),
        (format!("{smtp} smtp_sasl_passwd_lookup: host `mx' user `sue' pass `{secret}'"), "smtp_sasl_passwd_lookup: host `mx' user `sue' pass `[masked]".to_owned()),
        (format!("{smtpd} xsasl_dovecot_server_first: sasl_method PLAIN, init_response {secret}"), "xsasl_dovecot_server_first: sasl_method PLAIN, init_response [masked]".to_owned()),
        (format!("{smtpd} xsasl_cyrus_server_next: decoded response: {secret}"), "xsasl_cyrus_server_next: decoded response: [masked]".to_owned()),
        (format!("{sendmail} <-- AUTH PLAIN {secret}"), "6AO2B8Ax000706: <-- AUTH PLAIN [masked]".to_owned()),
        (format!("{sendmail} <-- {secret}"), "6AO2B8Ax000706: <-- [masked]".to_owned()),
        (
            format!("Nov 24 02:04:04 mx1 dovecot: auth: Debug: client in: AUTH 1 PLAIN service=smtp resp={secret} x=y"),
            "auth: Debug: client in: AUTH 1 PLAIN service=smtp resp=[masked] x=y".to_owned(),
        ),
        (
            json!({"time": "2026-11-24T02:04:04Z", "host": "mx1", "program": "postfix/smtpd", "message": format!("< {client}: AUTH PLAIN {secret}")}).to_string(),
            format!("< {client}: AUTH PLAIN [masked]"),
        ),
    ] {
        let told = utc(&raw);
        assert_eq!(texts(&told.lines), [masked], "{raw}");
        assert!(!raws(&told.lines).concat().contains(&secret), "{raw}");
    }
    // Two passwords of one second are two equal lines, and no password is told by a digest.
    let two = utc(&format!(
        "{smtpd} < {client}: AUTH PLAIN {secret}\n{smtpd} < {client}: AUTH PLAIN AHN1ZQBvdGhlcg=="
    ));
    assert_eq!([two.lines[0].ordinal, two.lines[1].ordinal], [0, 1]);
    assert_eq!(two.lines[0].text(), two.lines[1].text());
    // What is no secret stays.
    for text in [
        "< unknown[203.0.113.60]: EHLO client",
        "< unknown[203.0.113.60]: STARTTLS",
        "< unknown[203.0.113.60]: quit",
        "< unknown[203.0.113.60]: MAIL FROM:<a@b> AUTH=<c@d>",
        "> unknown[203.0.113.60]: 334 VXNlcm5hbWU6",
        "< unknown[203.0.113.60]: AUTH LOGIN",
        "xsasl_dovecot_server_create: SASL service=smtp, realm=(null)",
        "AUTH=server, relay=client-60.isp.example [203.0.113.60], authid=sue, mech=PLAIN, bits=0",
    ] {
        assert_eq!(texts(&utc(&format!("{smtpd} {text}")).lines), [text]);
    }
    // A line that cannot be read is not kept with its password, either.
    let kept = Reader::unreadable(format!("garbage AUTH PLAIN {secret}").as_bytes());
    assert_eq!(&*kept, b"garbage AUTH PLAIN [masked]");
}

/// A record whose end is not written yet, and a message of the journal: the next run has them whole, once.
#[test]
fn what_is_in_parts_at_the_end_of_a_run_is_whole_after_the_next() {
    let head = "2026-11-24T02:04:04Z sm1 sm-mta[1]: 6AO2Rr6q000083";
    let record = format!(
        "{head}[1]: to=<a@b.example>, ...\n{head}[2]:  delay=00:00:01, mailer=esmtp, dsn=2.0.0, stat=Sent (ok)\n"
    );
    let field =
        "__CURSOR=1\n__REALTIME_TIMESTAMP=1795485844483482\n_HOSTNAME=mx1\nSYSLOG_IDENTIFIER=postfix/qmgr\n_PID=7\n";
    let journal = format!("{field}MESSAGE=757F89D60C0: removed\n\n{field}MESSAGE=757F89D60C1: removed\n\n");
    for log in [record, journal] {
        let wanted = {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("mail.log"), &log).unwrap();
            crate::state::index(folder.path(), &["mail.log".into()]);
            crate::state::stored(folder.path())
        };
        for (cut, _) in log.match_indices('\n') {
            let folder = tempfile::tempdir().unwrap();
            for part in [&log[..=cut], &log[..]] {
                std::fs::write(folder.path().join("mail.log"), part).unwrap();
                crate::state::index(folder.path(), &["mail.log".into()]);
            }
            let mails = |documents: crate::state::Documents| -> crate::state::Documents {
                documents
                    .into_iter()
                    .filter(|(_, document)| document["kind"] == "mail")
                    .collect()
            };
            crate::state::assert_same(
                &mails(crate::state::stored(folder.path())),
                &mails(wanted.clone()),
                &format!("cut at {cut}"),
            );
        }
    }
}
