//! How to reach a Graylog: its API's address, who we are, its certificate.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::elastic_http::{Notice, Secret};

/// Everything that is needed to reach a Graylog.
///
/// The least that a user needs is `streams:read:ID` for each stream that is read (with the streams named in
/// [`super::GraylogQuery::streams`]), or `searches:absolute` to read without naming any.
#[derive(Clone)]
pub struct GraylogAccess {
    /// The API's base URL: `https://graylog.example/api` (2.1 and later), `http://graylog.example:12900` (2.0).
    pub url: String,
    /// Who we are.
    pub login: Login,
    /// A PEM file with the authority of Graylog's certificate. None: those that the system trusts.
    pub ca: Option<PathBuf>,
    /// A proxy's URL. None: as `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` say.
    pub proxy: Option<String>,
    /// Believe any certificate. Whoever sits between reads the mail logs and the token.
    pub insecure: bool,
    /// How long one answer may take; an export may take ten times as long.
    pub timeout: Duration,
    /// How often a request is sent in all, if Graylog is busy, restarts or the connection breaks.
    pub attempts: u32,
    /// Is told, in a sentence, what a person may want to see while it lasts.
    pub notice: Notice,
}

/// Who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// An access token of a user (System, Users, Edit tokens).
    Token(Secret),
    /// A user with a password.
    Password {
        /// Its name.
        user: String,
        /// Its password.
        password: Secret,
    },
}

impl GraylogAccess {
    /// A Graylog at this URL with defaults: the system's certificates, 60 seconds, 6 attempts.
    pub fn new(url: &str, login: Login) -> Self {
        Self {
            url: url.to_owned(),
            login,
            ca: None,
            proxy: None,
            insecure: false,
            timeout: Duration::from_secs(60),
            attempts: 6,
            notice: std::sync::Arc::new(|_| ()),
        }
    }
}

impl fmt::Debug for GraylogAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A person may have written the password into the URL.
        f.debug_struct("GraylogAccess")
            .field("login", &self.login)
            .field("ca", &self.ca)
            .field("insecure", &self.insecure)
            .finish_non_exhaustive()
    }
}
