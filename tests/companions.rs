//! What runs beside the MTAs: a companion's lines end in the document of the message that they speak of.

use std::sync::LazyLock;

use serde_json::Value;

use crate::tool::tool;

/// The documents of some lines, each `program: text`, one second apart.
pub(crate) fn documents(lines: &[&str]) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let log: String = (0..).zip(lines).fold(String::new(), |log, (second, line)| {
        let (program, text) = line.split_once(": ").unwrap();
        format!("{log}2026-11-24T02:10:{second:02}.000000+00:00 mx1 {program}[277]: {text}\n")
    });
    std::fs::write(folder.path().join("mail.log"), log).unwrap();
    tool(folder.path())
        .args(["index", "--store", "ndjson", "mail.log"])
        .succeeds()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A message of Postfix with some lines of a companion in the midst of it.
fn with_postfix(companion: &[&str]) -> Vec<Value> {
    let mut lines = vec![
        "postfix/smtpd: 4YqB1zJnz1g: client=client-25.isp.example[203.0.113.25]",
        "postfix/cleanup: 4YqB1zJnz1g: message-id=<pf00022.1795487282@senders.example>",
        "postfix/qmgr: 4YqB1zJnz1g: from=<sender@senders.example>, size=656, nrcpt=1 (queue active)",
    ];
    lines.extend(companion);
    lines.extend([
        "postfix/virtual: 4YqB1zJnz1g: to=<alice@site.example>, relay=virtual, delay=0.5, delays=0.4/0/0/0.1, dsn=2.0.0, status=sent (delivered to maildir)",
        "postfix/qmgr: 4YqB1zJnz1g: removed",
    ]);
    documents(&lines)
}

/// A message of sendmail, likewise.
fn with_sendmail(companion: &[&str]) -> Vec<Value> {
    let mut lines = vec![
        "sm-mta: 6AO2AUqL000083: from=<sender@senders.example>, size=226, class=0, nrcpts=1, msgid=<sm00004.1795486230@senders.example>, proto=ESMTP, daemon=MTA-v4, relay=client-25.isp.example [203.0.113.25]",
    ];
    lines.extend(companion);
    lines.push("sm-mta: 6AO2AUqL000083: to=<alice@site.example>, delay=00:00:01, xdelay=00:00:00, mailer=local, pri=30226, dsn=2.0.0, stat=Sent");
    documents(&lines)
}

/// The one mail among the documents; it holds every line, and nothing is left over.
#[track_caller]
fn the_mail(documents: &[Value], lines: usize) -> &Value {
    let mails: Vec<&Value> = documents.iter().filter(|document| document["kind"] == "mail").collect();
    let [mail] = mails[..] else { panic!("{documents:#?}") };
    assert_eq!(mail["to"][0]["status"], "delivered", "{mail:#}");
    assert_eq!(mail["line_count"], lines, "{mail:#}");
    mail
}

/// The mail of five Postfix lines and the companion's has this verdict.
#[track_caller]
fn postfix_has(companion: &[&str], by: &str, what: &str, result: &str) {
    let documents = with_postfix(companion);
    has_verdict(the_mail(&documents, 5 + companion.len()), by, what, result);
}

#[track_caller]
fn has_verdict(mail: &Value, by: &str, what: &str, result: &str) {
    let verdicts = mail["verdicts"].as_array().cloned().unwrap_or_default();
    assert!(
        verdicts
            .iter()
            .any(|verdict| verdict["by"] == by && verdict["what"] == what && verdict["result"] == result),
        "{verdicts:#?}"
    );
}

#[test]
fn opendkim_tells_of_a_signature() {
    postfix_has(
        &[
            "opendkim: 4YqB1zJnz1g: DKIM verification successful",
            "opendkim: 4YqB1zJnz1g: s=mail d=senders.example a=rsa-sha256 SSL",
        ],
        "opendkim",
        "dkim",
        "pass",
    );
}

#[test]
fn opendmarc_tells_of_spf_and_dmarc() {
    let lines = &[
        "opendmarc: 4YqB1zJnz1g: SPF(mailfrom): senders.example pass",
        "opendmarc: 4YqB1zJnz1g: senders.example fail",
    ];
    postfix_has(lines, "opendmarc", "dmarc", "fail");
    postfix_has(lines, "opendmarc", "spf", "pass");
}

#[test]
fn amavis_passes_a_message_on() {
    postfix_has(
        &[
            "amavis: (00192-04-2) Passed SPAMMY {RelayedTaggedInbound}, [203.0.113.25]:55552 [203.0.113.25] <sender@senders.example> -> <alice@site.example>, Queue-ID: 4YqB1zJnz1g, Message-ID: <pf00022.1795487282@senders.example>, mail_id: R15c8gC4RLw3, Hits: 6.3, size: 656, 316 ms",
        ],
        "amavis",
        "spam",
        "passed",
    );
}

#[test]
fn rspamd_scores_a_message() {
    postfix_has(
        &[
            "rspamd: <4e1a2b>; task; rspamd_task_write_log: id: <pf00022.1795487282@senders.example>, qid: <4YqB1zJnz1g>, ip: 203.0.113.25, from: <sender@senders.example>, (default: F (add header): [7.30/15.00] [MISSING_DATE(1.00){}]), len: 656, time: 12.345ms, dns req: 5, digest: <d41d8cd98f00b204e9800998ecf8427e>, rcpts: <alice@site.example>, mime_rcpts: <alice@site.example>",
        ],
        "rspamd",
        "spam",
        "add header",
    );
}

#[test]
fn rspamd_as_a_proxy_scores_a_message() {
    postfix_has(
        &[
            "rspamd: (rspamd_proxy) <4e1a2b>; proxy; rspamd_task_write_log: id: <pf00022.1795487282@senders.example>, qid: <4YqB1zJnz1g>, ip: 203.0.113.25, from: <sender@senders.example>, (default: F (no action): [-1.20/15.00] [MIME_GOOD(-0.10){text/plain;}]), len: 656, time: 12.345ms, dns req: 5, digest: <d41d8cd98f00b204e9800998ecf8427e>, rcpts: <alice@site.example>, mime_rcpts: <alice@site.example>",
        ],
        "rspamd",
        "spam",
        "no action",
    );
}

#[test]
fn clamav_finds_a_message_clean() {
    postfix_has(
        &[
            "clamav-milter: Clean message 4YqB1zJnz1g from <sender@senders.example> to <alice@site.example> with subject 'hello' message-id '<pf00022.1795487282@senders.example>' date 'Tue, 24 Nov 2026 02:10:01 +0000'",
        ],
        "clamav-milter",
        "virus",
        "clean",
    );
}

#[test]
fn postgrey_lets_a_known_triplet_pass() {
    postfix_has(
        &[
            "postgrey: 4YqB1zJnz1g: action=pass, reason=triplet found, client_name=client-25.isp.example, client_address=203.0.113.25, sender=sender@senders.example, recipient=alice@site.example",
        ],
        "postgrey",
        "greylist",
        "pass",
    );
}

#[test]
fn postsrsd_as_a_milter_rewrites_a_sender() {
    let documents = with_postfix(&[
        "postsrsd: 4YqB1zJnz1g: <sender@senders.example> forwarded as <SRS0=abcd=XY=senders.example=sender@site.example>",
    ]);
    let mail = the_mail(&documents, 6);
    assert_eq!(
        mail["extra"]["becomes"],
        "SRS0=abcd=XY=senders.example=sender@site.example"
    );
}

#[test]
fn mailscanner_calls_a_message_spam() {
    let documents = with_postfix(&[
        "MailScanner: Message 4YqB1zJnz1g from 203.0.113.25 (sender@senders.example) to site.example is spam, SpamAssassin (not cached, score=25.5, required 4, BAYES_99 5.0)",
    ]);
    let mail = the_mail(&documents, 6);
    assert_eq!(mail["verdicts"][0]["what"], "spam", "{mail:#}");
}

#[test]
fn milter_greylist_names_the_message() {
    let documents = with_sendmail(&[
        "milter-greylist: 6AO2AUqL000083: skipping greylist because address 203.0.113.25 is whitelisted, (from=<sender@senders.example>, rcpt=<alice@site.example>, addr=client-25.isp.example[203.0.113.25]) ACL 138",
    ]);
    let mail = the_mail(&documents, 3);
    assert_eq!(mail["verdicts"][0]["what"], "greylist", "{mail:#}");
}

#[test]
fn mimedefang_names_the_message() {
    let documents = with_sendmail(&[
        "mimedefang.pl: 6AO2AUqL000083: MDLOG,6AO2AUqL000083,spam,11.4,203.0.113.25,<sender@senders.example>,<alice@site.example>,hello",
    ]);
    let mail = the_mail(&documents, 3);
    assert_eq!(mail["verdicts"][0]["by"], "mimedefang", "{mail:#}");
}

/// Does one verdict of the mail say this, and how sure is it?
#[track_caller]
fn sureness(mail: &Value, by: &str) -> bool {
    let verdicts = mail["verdicts"].as_array().cloned().unwrap_or_default();
    let verdict = verdicts.iter().find(|verdict| verdict["by"] == by);
    verdict.unwrap_or_else(|| panic!("{mail:#}"))["sure"] != false
}

/// What four programs that know only the Message-ID say of one message, read once.
static BY_MESSAGE_ID: LazyLock<Vec<Value>> = LazyLock::new(|| {
    with_postfix(&[
        "spamd: spamd: result: Y 7 - MISSING_HEADERS,BAYES_99 scantime=0.3,size=543,user=debian-spamd,uid=114,required_score=5.0,rhost=localhost,raddr=127.0.0.1,rport=44556,mid=<pf00022.1795487282@senders.example>,autolearn=no autolearn_force=no",
        "dkimproxy.out: DKIM signing - signed; message-id=<pf00022.1795487282@senders.example>, signer=<@senders.example>, from=<sender@senders.example>",
        "dovecot: lmtp(alice@site.example)<271><uKzWBZXwBGsPAQAAbw8qlA>: sieve: msgid=<pf00022.1795487282@senders.example>: stored mail into mailbox 'Lists/Postfix'",
        "mailman: HOLD: team@lists.site.example post from sender@senders.example held, message-id=<pf00022.1795487282@senders.example>: Post by non-member to a members-only list",
    ])
});

#[test]
fn spamd_knows_only_the_message_id_and_ends_in_the_message() {
    let mail = the_mail(&BY_MESSAGE_ID, 9);
    has_verdict(mail, "spamd", "spam", "spam");
    assert!(sureness(mail, "spamd"), "{mail:#}");
}

#[test]
fn what_is_said_of_a_message_id_before_sendmail_tells_it_ends_in_the_message() {
    let documents = documents(&[
        "spamd: spamd: result: . 1 - MISSING_HEADERS scantime=0.3,size=543,user=debian-spamd,uid=114,required_score=5.0,rhost=localhost,raddr=127.0.0.1,rport=44556,mid=<sm00004.1795486230@senders.example>,autolearn=no autolearn_force=no",
        "sm-mta: 6AO2AUqL000083: from=<sender@senders.example>, size=226, class=0, nrcpts=1, msgid=<sm00004.1795486230@senders.example>, proto=ESMTP, daemon=MTA-v4, relay=client-25.isp.example [203.0.113.25]",
        "sm-mta: 6AO2AUqL000083: to=<alice@site.example>, delay=00:00:01, xdelay=00:00:00, mailer=local, pri=30226, dsn=2.0.0, stat=Sent",
    ]);
    assert_eq!(
        documents.iter().filter(|document| document["kind"] == "record").count(),
        0
    );
    has_verdict(the_mail(&documents, 3), "spamd", "spam", "ham");
}

#[test]
fn dkimproxy_signs_a_message() {
    has_verdict(the_mail(&BY_MESSAGE_ID, 9), "dkimproxy", "dkim", "signed");
}

#[test]
fn dovecot_lmtp_tells_the_folder_of_a_recipient() {
    let mail = the_mail(&BY_MESSAGE_ID, 9);
    assert_eq!(mail["to"][0]["mailbox"]["folder"], "Lists/Postfix", "{mail:#}");
}

#[test]
fn mailman_held_a_message() {
    let mail = the_mail(&BY_MESSAGE_ID, 9);
    assert!(mail["lines"].to_string().contains("HOLD: team@"), "{mail:#}");
}

#[test]
fn dovecot_lda_and_sieve_tell_what_became_of_a_message() {
    let documents = with_postfix(&[
        "dovecot: lda(alice)<815><1Xo4>: sieve: msgid=<pf00022.1795487282@senders.example>: forwarded to <other@good.example>",
        "dovecot: lda(alice)<815><1Xo4>: msgid=<pf00022.1795487282@senders.example>: saved mail to INBOX",
        "dovecot: lda(alice)<815><1Xo4>: msgid=<pf00022.1795487282@senders.example>: save failed to Junk: Quota exceeded (mailbox for user is full)",
    ]);
    let mail = the_mail(&documents, 8);
    assert_eq!(mail["to"][0]["mailbox"]["folder"], "INBOX", "{mail:#}");
}

#[test]
fn a_line_about_another_message_id_stays_a_record() {
    let lines = &[
        "mailman: HOLD: team@lists.site.example post from sender@senders.example held, message-id=<another@senders.example>: x",
    ];
    let mut all = with_postfix(lines);
    the_mail(&all, 5);
    all.retain(|document| document["kind"] == "record");
    assert_eq!(all[0]["message_id"], "another@senders.example", "{all:#?}");
}

/// A message of Postfix of which a policy daemon was asked before its queue id was there.
fn with_postfix_after(companion: &[&str]) -> Vec<Value> {
    let mut lines = vec!["postfix/smtpd: connect from client-25.isp.example[203.0.113.25]"];
    lines.extend(companion);
    lines.extend([
        "postfix/smtpd: 4YqB1zJnz1g: client=client-25.isp.example[203.0.113.25]",
        "postfix/cleanup: 4YqB1zJnz1g: message-id=<pf00022.1795487282@senders.example>",
        "postfix/qmgr: 4YqB1zJnz1g: from=<sender@senders.example>, size=656, nrcpt=1 (queue active)",
        "postfix/smtpd: disconnect from client-25.isp.example[203.0.113.25]",
        "postfix/virtual: 4YqB1zJnz1g: to=<alice@site.example>, relay=virtual, delay=0.5, delays=0.4/0/0/0.1, dsn=2.0.0, status=sent (delivered to maildir)",
        "postfix/qmgr: 4YqB1zJnz1g: removed",
    ]);
    documents(&lines)
}

/// What four policy daemons say of one message, read once.
static POLICIES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    with_postfix_after(&[
        "policyd-spf: : prepend Received-SPF: Pass (mailfrom) identity=mailfrom; client-ip=203.0.113.25; helo=client-25.isp.example; envelope-from=sender@senders.example; receiver=site.example ",
        "postfix/policy-spf: Policy action=PREPEND Received-SPF: softfail (senders.example: 203.0.113.25 is not authorized to use 'sender@senders.example' in 'mfrom' identity (mechanism '~all' matched)) receiver=mx1.site.example; identity=mailfrom; envelope-from=\"sender@senders.example\"; helo=client-25.isp.example; client-ip=203.0.113.25",
        "postfwd: [RULES] rule=0, id=OK_DNSWL, client=client-25.isp.example[203.0.113.25], sender=<sender@senders.example>, recipient=<alice@site.example>, helo=<client-25.isp.example>, proto=ESMTP, state=RCPT, delay=0s, hits=OK_DNSWL, action=DUNNO",
        "postgrey: action=pass, reason=triplet found, delay=321, client_name=client-25.isp.example, client_address=203.0.113.25, sender=sender@senders.example, recipient=alice@site.example",
    ])
});

/// Client and sender join it to the message, not surely; no record is left over.
#[track_caller]
fn is_likely(by: &str, what: &str, result: &str) {
    let mail = the_mail(&POLICIES, 9);
    has_verdict(mail, by, what, result);
    assert!(!sureness(mail, by), "{mail:#}");
    let is_record = |document: &&Value| document["kind"] == "record";
    assert_eq!(POLICIES.iter().filter(is_record).count(), 0, "{:#?}", *POLICIES);
}

#[test]
fn policyd_spf_in_python_is_joined_by_client_and_sender() {
    is_likely("policyd-spf", "spf", "pass");
}

#[test]
fn policyd_spf_in_perl_is_joined_by_client_and_sender() {
    is_likely("policyd-spf", "spf", "softfail");
}

#[test]
fn postfwd_is_joined_by_client_sender_and_recipient() {
    is_likely("postfwd", "policy", "DUNNO");
}

#[test]
fn postgrey_is_joined_by_client_sender_and_recipient() {
    is_likely("postgrey", "greylist", "pass");
}

#[test]
fn another_senders_verdict_is_not_joined() {
    let documents = with_postfix_after(&[
        "postgrey: action=greylist, reason=new, client_name=client-25.isp.example, client_address=203.0.113.25, sender=else@senders.example, recipient=alice@site.example",
    ]);
    let mail = the_mail(&documents, 5);
    assert_eq!(mail["verdicts"], Value::Null, "{mail:#}");
}

#[test]
fn a_first_try_that_was_refused_is_not_the_second_one() {
    let grey = |result: &str| {
        format!(
            "postgrey: action={result}, reason=x, client_name=client-25.isp.example, client_address=203.0.113.25, sender=sender@senders.example, recipient=alice@site.example"
        )
    };
    let documents = with_postfix_after(&[
        &grey("greylist"),
        "postfix/smtpd: NOQUEUE: reject: RCPT from client-25.isp.example[203.0.113.25]: 450 4.2.0 <alice@site.example>: Recipient address rejected: Greylisted; from=<sender@senders.example> to=<alice@site.example> proto=ESMTP helo=<client-25.isp.example>",
        &grey("pass"),
    ]);
    let mail = the_mail(&documents, 6);
    assert_eq!(mail["verdicts"].as_array().unwrap().len(), 1, "{mail:#}");
    has_verdict(mail, "postgrey", "greylist", "pass");
}

#[test]
fn another_recipients_verdict_is_not_the_messages() {
    let documents = with_postfix_after(&[
        "postgrey: action=greylist, reason=new, client_name=client-25.isp.example, client_address=203.0.113.25, sender=sender@senders.example, recipient=mallory@site.example",
    ]);
    let mail = the_mail(&documents, 6);
    assert_eq!(mail["verdicts"], Value::Null, "{mail:#}");
}

/// The store is asked for what an earlier run has written, and a record goes when its message comes.
#[test]
fn a_cut_between_a_message_and_what_is_said_of_it_changes_nothing() {
    let lines = [
        "2026-11-24T02:10:01.000000+00:00 mx1 policyd-spf[8]: : prepend Received-SPF: Pass (mailfrom) identity=mailfrom; client-ip=203.0.113.25; helo=client-25.isp.example; envelope-from=sender@senders.example; receiver=site.example ",
        "2026-11-24T02:10:01.100000+00:00 mx1 postfix/smtpd[277]: 4YqB1zJnz1g: client=client-25.isp.example[203.0.113.25]",
        "2026-11-24T02:10:02.000000+00:00 mx1 postfix/cleanup[278]: 4YqB1zJnz1g: message-id=<pf00022.1795487282@senders.example>",
        "2026-11-24T02:10:02.000000+00:00 mx1 spamd[9]: spamd: result: . 1 - MISSING_HEADERS scantime=0.3,size=543,user=debian-spamd,uid=114,required_score=5.0,rhost=localhost,raddr=127.0.0.1,rport=44556,mid=<pf00022.1795487282@senders.example>,autolearn=no autolearn_force=no",
        "2026-11-24T02:10:03.000000+00:00 mx1 postfix/qmgr[279]: 4YqB1zJnz1g: from=<sender@senders.example>, size=656, nrcpt=1 (queue active)",
        "2026-11-24T02:10:04.000000+00:00 mx1 postfix/virtual[280]: 4YqB1zJnz1g: to=<alice@site.example>, relay=virtual, delay=0.5, delays=0.4/0/0/0.1, dsn=2.0.0, status=sent (delivered to maildir)",
        "2026-11-24T02:10:04.100000+00:00 mx1 postfix/qmgr[279]: 4YqB1zJnz1g: removed",
        "2026-11-24T05:10:04.000000+00:00 mx1 dovecot: lda(alice)<815><1Xo4>: msgid=<pf00022.1795487282@senders.example>: saved mail to INBOX",
    ];
    let found = |cuts: &[usize]| {
        let folder = tempfile::tempdir().unwrap();
        let mut log = String::new();
        for (index, line) in lines.iter().enumerate() {
            log.push_str(line);
            log.push('\n');
            if cuts.contains(&index) {
                std::fs::write(folder.path().join("mail.log"), &log).unwrap();
                tool(folder.path())
                    .args(["index", "--data", "data", "mail.log"])
                    .succeeds();
            }
        }
        tool(folder.path())
            .args([
                "search",
                "--data",
                "data",
                "--json",
                "--lines",
                "kind:mail OR kind:record",
            ])
            .succeeds()
    };
    let whole = found(&[7]);
    assert!(whole.contains("\"line_count\":8"), "{whole}");
    for cuts in [&[1, 7][..], &[2, 4, 7], &[0, 3, 6, 7]] {
        assert_eq!(found(cuts), whole, "cut after the lines {cuts:?}");
    }
}
