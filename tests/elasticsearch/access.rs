//! A wrong URL, key or certificate is said in words that help; a busy server is waited for.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mailtrail::elastic_http::{Access, Credentials, ElasticHttp, Flavour, HttpError, Secret, Server, Trouble};
use serde_json::json;

use super::place::server;
use super::relay::{self, Verdict};

fn ask(access: &Access) -> Result<Server, HttpError> {
    ElasticHttp::new(access).and_then(|http| http.server())
}

fn refused(access: &Access) -> HttpError {
    ask(access).unwrap_err()
}

fn tls(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/tls")
        .join(name)
}

#[test]
fn the_server_is_recognised() {
    let Some(url) = server() else { return };
    let found = ask(&Access::to(&[&url])).unwrap();
    assert!(found.version.is_some(), "{found:?}");
    eprintln!("tested with {found} at {url}");
    // The relay hides the main answer, as a key without rights on the cluster meets it.
    let shy = relay::start(&url, |request| match request.line.as_str() {
        line if line.starts_with("GET / ") => Verdict::Answer(
            "403 Forbidden",
            r#"{"error": {"type": "security_exception"}, "status": 403}"#,
        ),
        _ => Verdict::Pass,
    });
    let error = refused(&Access::to(&[&shy]));
    assert_eq!(error.trouble, Trouble::Refused);
    assert!(error.help.contains("flavour"), "{error}");
    let told = Access {
        flavour: Some(found.flavour),
        ..Access::to(&[&shy])
    };
    assert_eq!(ask(&told).unwrap(), found);
}

#[test]
fn opensearch_that_calls_itself_7_10_is_seen_through() {
    let Some(url) = server() else { return };
    let found = ask(&Access::to(&[&url])).unwrap();
    let disguised = relay::start(&url, |request| match request.line.as_str() {
        line if line.starts_with("GET / ") => Verdict::Answer(
            "200 OK",
            r#"{"version": {"number": "7.10.2", "lucene_version": "9.12.3"}, "tagline": "The OpenSearch Project: https://opensearch.org/"}"#,
        ),
        _ => Verdict::Pass,
    });
    let seen = ask(&Access::to(&[&disguised])).unwrap();
    assert_eq!((seen.flavour, seen.version), (Flavour::OpenSearch, found.version));
}

#[test]
fn a_url_without_a_server_says_so_at_once() {
    let begun = Instant::now();
    let error = refused(&Access::to(&["http://127.0.0.1:9"]));
    assert_eq!(error.trouble, Trouble::Unreachable);
    assert!(
        error.text.contains("http://127.0.0.1:9") && error.help.contains("port"),
        "{error}"
    );
    let error = refused(&Access::to(&["http://nowhere.invalid:9200"]));
    assert_eq!(error.trouble, Trouble::Unreachable);
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    for bad in ["es.example:9200", "ftp://es.example", "", "http://"] {
        assert_eq!(refused(&Access::to(&[bad])).trouble, Trouble::Setting, "{bad}");
    }
}

#[test]
fn a_web_page_in_place_of_the_server_is_named() {
    let Some(url) = server() else { return };
    let page = relay::start(&url, |_| {
        Verdict::Answer(
            "200 OK\r\nContent-Type: text/html",
            "<!doctype html><title>\u{1b}[31mKibana</title>",
        )
    });
    let error = refused(&Access::to(&[&page]));
    assert_eq!(error.trouble, Trouble::Stranger);
    assert!(
        error.text.contains("text/html") && error.text.contains("Kibana"),
        "{error}"
    );
    assert!(
        !error.to_string().contains('\u{1b}') && error.help.contains("9200"),
        "{error}"
    );
    let login = relay::start(&url, |_| {
        Verdict::Answer("302 Found\r\nLocation: https://sso.example/login", "")
    });
    let error = refused(&Access::to(&[&login]));
    assert_eq!(error.trouble, Trouble::Stranger);
    assert!(error.text.contains("https://sso.example/login"), "{error}");
    let other = relay::start(&url, |_| {
        Verdict::Answer(
            "200 OK",
            r#"{"cluster_id": "x", "tagline": "Manage your logs in the dark and have lasers going and make it look like you're from space!"}"#,
        )
    });
    assert_eq!(refused(&Access::to(&[&other])).trouble, Trouble::Stranger);
}

#[test]
fn a_wrong_key_is_refused_and_never_shown() {
    let Some(url) = server() else { return };
    let guarded = relay::start(&url, |request| {
        // Basic of `mailtrail:open sesame`, ApiKey of `id:key`.
        let good = ["Basic bWFpbHRyYWlsOm9wZW4gc2VzYW1l", "ApiKey aWQ6a2V5", "Bearer token1"];
        if good.iter().any(|good| request.head.contains(good)) {
            return Verdict::Pass;
        }
        Verdict::Answer(
            "401 Unauthorized",
            r#"{"error": {"type": "security_exception", "reason": "unable to authenticate"}, "status": 401}"#,
        )
    });
    let with = |credentials| Access {
        credentials,
        ..Access::to(&[&guarded])
    };
    let good = [
        Credentials::ApiKey(Secret::new("id:key")),
        Credentials::ApiKey(Secret::new("aWQ6a2V5")),
        Credentials::Bearer(Secret::new("token1")),
        Credentials::Basic {
            user: "mailtrail".into(),
            password: Secret::new("open sesame"),
        },
    ];
    for credentials in good {
        ask(&with(credentials)).unwrap();
    }
    ask(&Access::to(&[
        &guarded.replace("http://", "http://mailtrail:open%20sesame@")
    ]))
    .unwrap();

    for credentials in [
        Credentials::Anonymous,
        Credentials::ApiKey(Secret::new("WRONGKEY")),
        Credentials::Bearer(Secret::new("WRONGKEY")),
        Credentials::Basic {
            user: "mailtrail".into(),
            password: Secret::new("WRONGKEY"),
        },
    ] {
        let access = with(credentials);
        let error = refused(&access);
        assert_eq!(error.trouble, Trouble::Refused);
        assert!(error.text.contains("401") && error.help.contains("key"), "{error}");
        let shown = format!("{error} {error:?} {access:?} {:?}", access.credentials);
        assert!(!shown.contains("WRONGKEY"), "{shown}");
    }
    let error = refused(&Access::to(
        &[&guarded.replace("http://", "http://mailtrail:WRONGKEY@")],
    ));
    assert!(
        !error.to_string().contains("WRONGKEY") && error.trouble == Trouble::Refused,
        "{error}"
    );
    let error = refused(&Access::to(&["http://mailtrail:WRONGKEY@127.0.0.1:9"]));
    assert!(
        !error.to_string().contains("WRONGKEY") && error.trouble == Trouble::Unreachable,
        "{error}"
    );
    let error = refused(&Access::to(&["http://mailtrail:WRONGKEY@:x"]));
    assert!(
        !error.to_string().contains("WRONGKEY") && error.trouble == Trouble::Setting,
        "{error}"
    );
}

#[test]
fn certificates_are_checked_and_explained() {
    let Some(url) = server() else { return };
    let with_ca = |url: &str| Access {
        ca: Some(tls("ca.pem")),
        ..Access::to(&[url])
    };
    let good = relay::start_tls(&url, "server.pem", None);
    ask(&with_ca(&good)).unwrap();
    let explained = |access: &Access, words: &str| {
        let error = refused(access);
        assert_eq!(error.trouble, Trouble::Certificate, "{error}");
        assert!(error.text.contains(words), "{error}");
        error
    };
    let error = explained(&Access::to(&[&good]), "authority that is not known");
    assert!(error.help.contains("`ca`"), "{error}");
    explained(&with_ca(&relay::start_tls(&url, "expired.pem", None)), "expired");
    explained(
        &with_ca(&relay::start_tls(&url, "other-name.pem", None)),
        "another host name",
    );
    let careless = Access {
        insecure: true,
        ..Access::to(&[&relay::start_tls(&url, "expired.pem", None)])
    };
    ask(&careless).unwrap();

    let strict = relay::start_tls(&url, "server.pem", Some("ca.pem"));
    let error = refused(&with_ca(&strict));
    assert!(
        error.help.contains("client_certificate") || error.trouble == Trouble::Interrupted,
        "{error}"
    );
    ask(&Access {
        client_certificate: Some(tls("client.pem")),
        ..with_ca(&strict)
    })
    .unwrap();

    explained(&with_ca(&url.replace("http://", "https://")), "does not speak TLS");
    for missing in ["no-such.pem", "../main.rs"] {
        let error = refused(&Access {
            ca: Some(tls(missing)),
            ..Access::to(&[&good])
        });
        assert_eq!(error.trouble, Trouble::Setting);
        assert!(error.text.contains(missing), "{error}");
    }
}

#[test]
fn a_secret_comes_from_a_file_or_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "  id:key \n# the mail cluster\n").unwrap();
    assert_eq!(Secret::from_file(&file).unwrap(), Secret::new("id:key"));
    std::fs::write(&file, "\n").unwrap();
    assert!(Secret::from_file(&file).unwrap_err().contains("is empty"));
    assert!(
        Secret::from_file(&folder.path().join("none"))
            .unwrap_err()
            .contains("none")
    );
    assert!(
        Secret::from_environment("MAILTRAIL_NO_SUCH_KEY")
            .unwrap_err()
            .contains("MAILTRAIL_NO_SUCH_KEY")
    );
}

#[test]
fn a_busy_server_is_waited_for_and_then_given_up() {
    let Some(url) = server() else { return };
    let trouble = Arc::new(AtomicU32::new(0));
    let left = trouble.clone();
    let busy = relay::start(&url, move |_| {
        let number = left.load(Ordering::Relaxed);
        left.store(number.saturating_sub(1), Ordering::Relaxed);
        match number {
            0 => Verdict::Pass,
            1 => Verdict::Cut,
            2 => Verdict::Answer("503 Service Unavailable", "<html>nginx</html>"),
            _ => Verdict::Answer(
                "429 Too Many Requests\r\nRetry-After: 1",
                r#"{"error": "rejected", "status": 429}"#,
            ),
        }
    });
    let said = Arc::new(Mutex::new(Vec::new()));
    let listener = said.clone();
    let access = Access {
        patience: Duration::from_secs(5),
        notice: Arc::new(move |text: &str| listener.lock().unwrap().push(text.to_owned())),
        ..Access::to(&[&busy])
    };
    let http = ElasticHttp::new(&access).unwrap();
    http.server().unwrap();
    trouble.store(3, Ordering::Relaxed);
    let begun = Instant::now();
    assert_eq!(http.get("/_cluster/health").unwrap().status, 200);
    assert!(
        begun.elapsed() >= Duration::from_secs(1),
        "Retry-After was not honoured"
    );
    assert!(!said.lock().unwrap().is_empty());
    trouble.store(100, Ordering::Relaxed);
    let error = http.post("/_refresh", &json!({})).unwrap_err();
    assert_eq!((error.trouble, error.status), (Trouble::Busy, Some(429)));
}

#[test]
fn what_is_sent_is_compressed_unless_the_cluster_is_on_this_machine() {
    let Some(url) = server() else { return };
    let sent = Arc::new(Mutex::new(Vec::new()));
    let taken = sent.clone();
    let here = relay::start(&url, move |request| {
        taken.lock().unwrap().push(request.head.to_ascii_lowercase());
        Verdict::Pass
    });
    let ids: Vec<String> = (0..500).map(|number| format!("id-{number}")).collect();
    for (compress, wanted) in [(None, false), (Some(true), true), (Some(false), false)] {
        let access = Access {
            compress,
            ..Access::to(&[&here])
        };
        let http = ElasticHttp::new(&access).unwrap();
        let query = json!({"query": {"ids": {"values": ids}}});
        assert_eq!(http.post("/_search?size=0", &query).unwrap().status, 200);
        let head = sent.lock().unwrap().pop().unwrap();
        assert_eq!(head.contains("content-encoding: gzip"), wanted, "{head}");
    }
}

#[test]
fn another_node_takes_over() {
    let Some(url) = server() else { return };
    let found = ask(&Access::to(&["http://127.0.0.1:9", &url])).unwrap();
    assert!(found.version.is_some());
}
