//! How to reach a cluster: its addresses, its certificate, who we are.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Flavour, Secret};

/// Everything that is needed to reach a cluster.
#[derive(Clone)]
pub struct Access {
    /// Base URLs of one or more nodes, `https://es.example:9200`; a path in front of the API is kept. The first that
    /// answers is used. A user and password in the URL are taken as [`Credentials::Basic`].
    pub urls: Vec<String>,
    /// A PEM file with the certificate authority of the cluster. None: those that the system trusts.
    pub ca: Option<PathBuf>,
    /// A PEM file with a client certificate, its chain and its private key. None: no client certificate.
    pub client_certificate: Option<PathBuf>,
    /// Who we are.
    pub credentials: Credentials,
    /// A proxy's URL. None: as `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` say.
    pub proxy: Option<String>,
    /// Believe any certificate. Whoever sits between reads the mail logs and the key.
    pub insecure: bool,
    /// Compress what is sent. None: unless a node is on this machine, where it costs more than it spares.
    pub compress: Option<bool>,
    /// What the cluster is. None: ask it.
    pub flavour: Option<Flavour>,
    /// How long one answer may take.
    pub timeout: Duration,
    /// How long a cluster that has answered before is waited for, if it is then busy, blocked, restarting or away.
    pub patience: Duration,
    /// Is told, in a sentence, when something takes longer than it should (a full queue, a restart).
    pub notice: Notice,
}

/// Who is told what a person may want to see while it lasts.
pub type Notice = Arc<dyn Fn(&str) + Send + Sync>;

/// Who we are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Credentials {
    /// Nobody: a cluster without security.
    #[default]
    Anonymous,
    /// A user.
    Basic {
        /// Its name.
        user: String,
        /// Its password.
        password: Secret,
    },
    /// An API key: as Elasticsearch encodes it (base64), as `id:key`, or as OpenSearch gives it (`os_...`).
    ApiKey(Secret),
    /// A service token or JWT.
    Bearer(Secret),
}

impl Access {
    /// A cluster at these URLs with defaults: no credentials, the system's certificates, 60 seconds for
    /// an answer, ten minutes of patience.
    pub fn to(urls: &[&str]) -> Self {
        Self {
            urls: urls.iter().map(|url| (*url).to_owned()).collect(),
            ca: None,
            client_certificate: None,
            credentials: Credentials::Anonymous,
            proxy: None,
            insecure: false,
            compress: None,
            flavour: None,
            timeout: Duration::from_secs(60),
            patience: Duration::from_secs(600),
            notice: Arc::new(|_| ()),
        }
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URLs may hold a password.
        f.debug_struct("Access")
            .field("urls", &self.urls.len())
            .field("ca", &self.ca)
            .field("credentials", &self.credentials)
            .field("insecure", &self.insecure)
            .finish_non_exhaustive()
    }
}
