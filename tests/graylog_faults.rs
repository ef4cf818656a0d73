//! Graylog as a source, where something is wrong: a clear word, nothing claimed that was not read, no secret shown.

use std::sync::Arc;

use mailtrail::elastic_http::Secret;
use mailtrail::line::{Line, Moment};
use mailtrail::source::graylog::Login;
use mailtrail::source::{Graylog, GraylogAccess, GraylogQuery, Seen, Window, WindowSource};

use crate::graylog::{DAY, MIDDLE, access, admin, all, counted, drain, everything, file, multihop, server, source};
use crate::graylog_server::{Corpus, Fault, Input, Version};

#[test]
fn a_user_with_the_least_rights_names_its_streams() {
    for version in [Version::V4_2, Version::V6_1] {
        let Some(server) = server(version, "rights", multihop) else {
            return;
        };
        let read = |user: &str, password: &str, streams: &[&str]| {
            let login = Login::Password {
                user: user.into(),
                password: Secret::new(password),
            };
            let graylog = Arc::new(Graylog::new(&access(&server.url, login)).unwrap());
            let query = GraylogQuery {
                streams: streams.iter().map(|stream| (*stream).to_owned()).collect(),
                ..everything()
            };
            let mut source = WindowSource::graylog(graylog, query, DAY, Seen::default());
            let (lines, error) = drain(&mut source);
            assert!(error.is_none() || source.read_up_to() == DAY.from);
            (lines.len(), error.map_or(String::new(), |error| error.to_string()))
        };
        let stream = "000000000000000000000001";
        assert_eq!(read("mt", "passw0rd!", &[stream]), (2440, String::new()));
        // In two streams a message is still one message.
        assert_eq!(read("admin", "admin", &[stream, stream]), (2440, String::new()));
        assert_eq!(read("1f0tok3n", "token", &[]), (2440, String::new()));
        let (lines, error) = read("mt", "passw0rd!", &[]);
        assert!(lines == 0 && error.contains("403 Forbidden: Not authorized") && error.contains("streams:read:ID"));
        let (lines, error) = read("ro", "passw0rd!", &[stream]);
        assert!(
            lines == 0 && error.contains(&format!("Forbidden stream: {stream}")),
            "{error}"
        );
        let (lines, error) = read("admin", "n0tthis", &[]);
        assert_eq!(lines, 0);
        let expected = format!("cannot read Graylog {}: 401 Unauthorized", server.url);
        assert!(
            error.starts_with(&expected) && error.contains("check the token"),
            "{error}"
        );
        assert!(!error.contains("n0tthis"), "{error}");
    }
}

#[test]
fn a_token_is_sent_and_never_shown() {
    let Some(server) = server(Version::V6_1, "token", multihop) else {
        return;
    };
    let access = access(&server.url, Login::Token(Secret::new("1f0tok3n")));
    assert!(!format!("{access:?}").contains("1f0tok3n"));
    let graylog = Graylog::new(&access).unwrap();
    assert_eq!(graylog.version().unwrap(), "6.1.4+7528370");
    let lines = all(&mut WindowSource::graylog(
        Arc::new(graylog),
        everything(),
        DAY,
        Seen::default(),
    ));
    assert_eq!(lines.len(), 2440);
    let with_password = GraylogAccess {
        url: server.url.replace("http://", "http://admin:s3cret@"),
        ..access
    };
    let Err(error) = Graylog::new(&with_password) else {
        panic!("a password in the URL was taken");
    };
    assert!(!error.to_string().contains("s3cret") && error.to_string().contains("password_file"));
}

#[test]
fn a_wrong_path_is_told_from_graylog() {
    for version in [Version::V4_2, Version::V6_1] {
        let Some(server) = server(version, "path", |_| ()) else {
            return;
        };
        let access = GraylogAccess {
            url: server.url.replace("/api", "/graylog"),
            ..admin(&server)
        };
        let graylog = Graylog::new(&access).unwrap();
        let error = graylog.version().unwrap_err().to_string();
        assert!(error.contains("usually ends in /api"), "{error}");
        let mut source = WindowSource::graylog(Arc::new(graylog), everything(), DAY, Seen::default());
        let (_, error) = drain(&mut source);
        assert!(error.unwrap().to_string().contains("usually ends in /api"));
        assert_eq!(source.read_up_to(), DAY.from);
    }
}

#[test]
fn a_bad_query_is_said_at_once_with_graylogs_own_words() {
    let Some(server) = server(Version::V6_1, "query", multihop) else {
        return;
    };
    let query = GraylogQuery {
        query: Some("source:(((".into()),
        ..everything()
    };
    let mut source = source(&server, query, DAY, Seen::default());
    let (lines, error) = drain(&mut source);
    let error = error.unwrap().to_string();
    // Where there is no message at all the search server does not look at the query.
    assert!(lines.is_empty() && source.read_up_to() <= Moment(MIDDLE - 60_000));
    assert!(
        error.contains("500: Failed to obtain results") && error.contains("check the query"),
        "{error}"
    );
}

#[test]
fn a_fault_that_passes_is_waited_for() {
    let Some(server) = server(Version::V6_1, "passing", multihop) else {
        return;
    };
    for fault in [
        Fault::Busy(0),
        Fault::Half,
        Fault::Reset,
        Fault::Status(500),
        Fault::Status(503),
    ] {
        // After a first answer: a server that never answered is a wrong URL.
        server.settings.lock().unwrap().faults = [None, Some(fault)].into();
        let lines = all(&mut source(&server, everything(), DAY, Seen::default()));
        assert_eq!(lines.len(), 2440, "{fault:?}");
    }
}

#[test]
fn a_fault_that_stays_claims_nothing_and_the_next_run_catches_up() {
    let Some(server) = server(Version::V6_1, "staying", multihop) else {
        return;
    };
    let faults = [
        (Fault::Busy(0), "429"),
        (Fault::Half, "broke off"),
        (Fault::Reset, "the connection to"),
        (Fault::Status(401), "401 Unauthorized"),
        (Fault::Status(403), "403 Forbidden"),
        (Fault::Status(500), "500: Unable to perform search query"),
        (Fault::Status(502), "502"),
        (Fault::Html, "200 and text/html where application/json is expected"),
    ];
    // A minute at a time, so that the fault is met in the middle.
    server.settings.lock().unwrap().limit = Some(60_000);
    let window = Window {
        from: Moment(MIDDLE - 1_200_000),
        to: Moment(MIDDLE + 600_000),
    };
    for (fault, said) in faults {
        server.settings.lock().unwrap().broken_at = Some((MIDDLE, fault));
        let mut first = source(&server, everything(), window, Seen::default());
        let (mut lines, error) = drain(&mut first);
        let error = error.unwrap().to_string();
        assert!(error.contains(said) && error.contains("help: "), "{fault:?}: {error}");
        let up_to = first.read_up_to();
        assert!(
            up_to > Moment(MIDDLE - 120_000) && up_to <= Moment(MIDDLE),
            "{fault:?}: {up_to}"
        );
        assert!(
            !lines.is_empty() && lines.iter().all(|line| line.at < up_to),
            "{fault:?}"
        );
        assert_eq!(first.seen().len(), lines.len());
        server.settings.lock().unwrap().broken_at = None;
        // The same source goes on where it was.
        lines.extend(all_of(&mut first));
        assert_eq!(counted(&lines), counted(&file("mail.log")), "{fault:?}");
        // So does another run, from a margin before.
        let (mut lines, seen) = given_before(&first, up_to, &lines);
        let window = Window {
            from: Moment(up_to.0 - 30_000),
            to: window.to,
        };
        lines.extend(all(&mut source(&server, everything(), window, seen)));
        assert_eq!(counted(&lines), counted(&file("mail.log")), "{fault:?}");
    }
}

fn all_of(source: &mut WindowSource) -> Vec<Line> {
    let (lines, error) = drain(source);
    assert!(error.is_none(), "{}", error.unwrap());
    lines
}

/// What a run had given before a moment.
fn given_before(source: &WindowSource, up_to: Moment, lines: &[Line]) -> (Vec<Line>, Seen) {
    let lines = lines.iter().filter(|line| line.at < up_to).cloned().collect();
    let seen = source.seen().iter().filter(|(_, at)| *at < up_to).collect();
    (lines, seen)
}

#[test]
fn an_export_that_says_success_and_is_none_claims_nothing() {
    let lines: Vec<String> = (0..10_001)
        .map(|number: u32| format!("<22>1 2026-11-24T10:00:00.5Z mx1 postfix/qmgr 7 - - {number:05X}B: removed"))
        .collect();
    let fill = |corpus: &mut Corpus| corpus.send(Input::Syslog, lines.iter().map(String::as_str));
    let Some(server) = server(Version::V6_1, "export", fill) else {
        return;
    };
    let faults = [
        (Fault::Silence, "gave 0 of 10001 messages of 2026-11-24T10:00:00.500Z"),
        (Fault::ErrorRow, "failed: OpenSearchException[all shards failed]"),
        (Fault::Half, "broke off"),
        (Fault::Html, "200 and text/html where text/csv is expected"),
        (Fault::Status(404), "has no export that could tell them all"),
    ];
    let window = Window {
        from: Moment(DAY.from.0 + 10 * 3_600_000),
        to: Moment(DAY.from.0 + 10 * 3_600_000 + 5000),
    };
    for (fault, said) in faults {
        server.settings.lock().unwrap().broken_export = Some(fault);
        let mut source = source(&server, everything(), window, Seen::default());
        let (lines, error) = drain(&mut source);
        let error = error.unwrap().to_string();
        assert!(error.contains(said), "{fault:?}: {error}");
        assert!(lines.is_empty() && source.seen().is_empty(), "{fault:?}");
        assert!(source.read_up_to() <= Moment(window.from.0 + 500), "{fault:?}");
        server.settings.lock().unwrap().broken_export = None;
        if fault == Fault::Silence {
            assert_eq!(counted(&all_of(&mut source)).len(), 10_001);
        }
    }
}
