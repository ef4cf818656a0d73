//! Which server this is: Elasticsearch or OpenSearch, and which version.
//!
//! The hard part is that a key may not ask. `GET /` needs a right on the cluster that a key for some indices lacks; the
//! headers come with every answer, errors too, but not from every version. And OpenSearch may be set to call itself
//! Elasticsearch 7.10.2.

use std::fmt;

use serde_json::Value;

use super::answer::Answer;
use super::client::ElasticHttp;
use super::error::{HttpError, Trouble};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// elastic.co's.
    Elasticsearch,
    /// opensearch.org's.
    OpenSearch,
}

/// What answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Which of the two.
    pub flavour: Flavour,
    /// Major and minor version. None if the key may not see it.
    pub version: Option<(u32, u32)>,
    /// Elastic's serverless: no lifecycle, no settings of shards.
    pub serverless: bool,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.flavour {
            Flavour::Elasticsearch => "Elasticsearch",
            Flavour::OpenSearch => "OpenSearch",
        };
        match self.version {
            Some((major, minor)) => write!(f, "{name} {major}.{minor}"),
            None => f.write_str(name),
        }
    }
}

impl ElasticHttp {
    /// Asks the server who it is.
    pub fn server(&self) -> Result<Server, HttpError> {
        let answer = self.get("/")?;
        if answer.status == 401 {
            return Err(answer.error());
        }
        let told = told(&answer);
        let version = &answer.body["version"];
        let serverless = version["build_flavor"] == "serverless";
        // The node's number is the true one where the main answer pretends to be 7.10.2.
        let number = match &told {
            Some((_, Some(number))) => Some(*number),
            _ => self.node_version(),
        };
        let flavour = self.flavour.or(told.map(|(flavour, _)| flavour));
        match flavour {
            Some(flavour) => Ok(Server {
                flavour,
                version: number,
                serverless,
            }),
            None if answer.status == 403 => Err(HttpError {
                status: Some(403),
                ..HttpError::new(
                    Trouble::Refused,
                    format!(
                        "cannot tell whether {} is Elasticsearch or OpenSearch: the key may not ask",
                        self.base()
                    ),
                    "set `flavour: elasticsearch` or `flavour: opensearch`, or give the key the right `cluster:monitor/main`",
                )
            }),
            None => Err(HttpError {
                status: Some(answer.status),
                ..HttpError::new(
                    Trouble::Stranger,
                    format!("{} answers, but is neither Elasticsearch nor OpenSearch", self.base()),
                    "give the URL of Elasticsearch or OpenSearch itself, usually port 9200",
                )
            }),
        }
    }

    fn node_version(&self) -> Option<(u32, u32)> {
        let answer = self.get("/_nodes/_local?filter_path=nodes.*.version").ok()?;
        let nodes = answer.body["nodes"].as_object()?;
        nodes.values().next()?["version"].as_str().and_then(parse)
    }
}

/// What the main answer or its headers tell: the flavour and, if it can be believed, the version.
fn told(answer: &Answer) -> Option<(Flavour, Option<(u32, u32)>)> {
    // `OpenSearch/3.7.0 (opensearch)`
    if let Some(header) = answer.header("x-opensearch-version") {
        let number = header.split_once('/').and_then(|(_, number)| parse(number));
        return Some((Flavour::OpenSearch, number));
    }
    let version = &answer.body["version"];
    let number = version["number"].as_str().and_then(parse);
    let tagline = answer.body["tagline"].as_str().unwrap_or_default();
    if version["distribution"] == "opensearch" {
        return Some((Flavour::OpenSearch, number));
    }
    if tagline.contains("OpenSearch") {
        return Some((Flavour::OpenSearch, None));
    }
    if answer.header("x-elastic-product") == Some("Elasticsearch") {
        return Some((Flavour::Elasticsearch, number));
    }
    // 7.10 sends no header.
    (number.is_some() && version["lucene_version"] != Value::Null).then_some((Flavour::Elasticsearch, number))
}

/// `9.5.3` is (9, 5).
fn parse(number: &str) -> Option<(u32, u32)> {
    let mut parts = number.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}
