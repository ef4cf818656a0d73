//! What went wrong with a cluster, on what, and what a person can do about it.

use std::error::Error as _;
use std::fmt;

/// Which kind of trouble it is; programs decide by this, never by the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The configuration: a URL, a certificate file.
    Setting,
    /// No server answers there: refused, unknown name, no route.
    Unreachable,
    /// The certificate of the server or of the client.
    Certificate,
    /// The connection broke or took too long.
    Interrupted,
    /// Something answers, but no Elasticsearch and no OpenSearch.
    Stranger,
    /// The server does not know us (401) or does not allow it (403).
    Refused,
    /// The server is busy, full or starting (429, 502, 503, 504), or an index is blocked; still after all patience.
    Busy,
    /// The request body is larger than the server takes (413).
    TooLarge,
    /// Any other answer that is no success.
    Answer,
}

/// A request that did not succeed.
#[derive(Debug, Clone)]
pub struct HttpError {
    /// Which kind.
    pub trouble: Trouble,
    /// What failed, on what: `cannot reach https://es.example:9200: connection refused`. Never holds a secret.
    pub text: String,
    /// What to do about it. Empty where nobody can tell.
    pub help: String,
    /// The status, where the server answered.
    pub status: Option<u16>,
    /// The type that the server gave its error (`index_not_found_exception`). Empty if there is none.
    pub kind: String,
}

impl HttpError {
    /// An error without an answer.
    pub fn new(trouble: Trouble, text: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            trouble,
            text: text.into(),
            help: help.into(),
            status: None,
            kind: String::new(),
        }
    }

    /// With the status of the answer.
    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// After it was waited for so long.
    pub(crate) fn after(mut self, span: &str) -> Self {
        self.text.push_str(", still after ");
        self.text.push_str(span);
        self
    }

    /// Is it worth to send the same request again, perhaps to another node?
    pub(crate) fn passes(&self) -> bool {
        matches!(
            self.trouble,
            Trouble::Unreachable | Trouble::Interrupted | Trouble::Busy
        )
    }

    /// What the HTTP library says of a request to `url`, in words that name the cause.
    pub(crate) fn of_request(url: &str, error: &reqwest::Error) -> Self {
        if let Some(tls) = tls_error(error) {
            let (why, help) = explain_tls(tls);
            return Self::new(
                Trouble::Certificate,
                format!("cannot trust the connection to {url}: {why}"),
                help,
            );
        }
        let cause = innermost(error);
        if error.is_timeout() {
            return Self::new(
                Trouble::Interrupted,
                format!("{url} did not answer in time"),
                "is the server overloaded, or a firewall in between? raise `timeout` if it is only slow",
            );
        }
        if error.is_connect() {
            return Self::new(
                Trouble::Unreachable,
                format!("cannot reach {url}: {cause}"),
                "check the host and port of the URL, that the server runs, and whether it wants https instead of http",
            );
        }
        Self::new(
            Trouble::Interrupted,
            format!("the connection to {url} broke: {cause}"),
            "if it stays so: does the server want https instead of http, or does a proxy limit the size of requests?",
        )
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        if !self.help.is_empty() {
            write!(f, "\n  help: {}", self.help)?;
        }
        Ok(())
    }
}

impl std::error::Error for HttpError {}

/// The words of the error at the bottom: those above only repeat that a request failed.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// The TLS library's error, where it is the cause.
fn tls_error(error: &reqwest::Error) -> Option<&rustls::Error> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        // An I/O error hides what it wraps from `source`.
        cause = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

fn explain_tls(error: &rustls::Error) -> (String, &'static str) {
    use rustls::CertificateError as C;
    match error {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            C::Expired | C::ExpiredContext { .. } => (
                "its certificate has expired".into(),
                "renew the server's certificate; is this machine's clock right?",
            ),
            C::NotValidYet | C::NotValidYetContext { .. } => (
                "its certificate is not valid yet".into(),
                "is this machine's clock right?",
            ),
            C::UnknownIssuer => (
                "its certificate comes from an authority that is not known here".into(),
                "give the cluster's CA certificate (PEM) as `ca`",
            ),
            C::NotValidForName | C::NotValidForNameContext { .. } => (
                "its certificate is for another host name".into(),
                "use the name that stands in the certificate as the host of the URL",
            ),
            other => (
                format!("its certificate is bad: {other}"),
                "look at it with `openssl s_client -connect HOST:PORT`",
            ),
        },
        rustls::Error::AlertReceived(alert) => (
            format!("it refused the handshake: {alert:?}"),
            "does the server want a client certificate (`client_certificate`), or one from another authority?",
        ),
        rustls::Error::InvalidMessage(_) => (
            "it does not speak TLS".into(),
            "the server may want http instead of https in the URL",
        ),
        other => (
            other.to_string(),
            "look at the handshake with `openssl s_client -connect HOST:PORT`",
        ),
    }
}
