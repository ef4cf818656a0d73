//! `mailtrail setup`: component and index templates, the fields of older indices, and a lifecycle on request.
//!
//! The hard part is to be able to run it again: what is there already and equal is left alone, what an older mailtrail
//! made is replaced, what a newer one made is not touched, and a field of another type in an index that a person made
//! is said, since no server can change it.
//!
//! In: a [`Layout`] and what the server is. Out: [`Step`]s, with the requests, done or (`dry run`) only listed.

use std::fmt;

use serde_json::{Value, json};

use super::indices::{self, Misfit};
use super::layout::{Family, Layout};
use super::lifecycle;
use super::mapping;
use crate::elastic_http::{ElasticHttp, Flavour, Server};
use crate::line::Digest;
use crate::store::StoreError;

/// What to set up.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// The names.
    pub layout: Layout,
    /// Primary shards of each index. None: one.
    pub shards: Option<u32>,
    /// Let the server itself drop indices whose period ended so many days ago (ILM, ISM). None: no lifecycle.
    pub lifecycle_days: Option<u32>,
}

/// A request of the setup.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// `PUT` or `POST`.
    pub method: &'static str,
    /// With its slash.
    pub path: String,
    /// The body.
    pub body: Value,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was not there.
    Created,
    /// An older one was there.
    Updated,
    /// It is as it should be; nothing was sent.
    Unchanged,
}

/// A part of the setup.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The request.
    pub request: Request,
    /// What became of it.
    pub outcome: Outcome,
}

impl fmt::Display for Request {
    /// As a person would type it into a console: the method and path, then the body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = serde_json::to_string_pretty(&self.body).map_err(|_| fmt::Error)?;
        write!(f, "{} {}\n{body}", self.method, self.path)
    }
}

impl Setup {
    /// Every request that sets up an empty cluster, in order. What a dry run prints.
    pub fn requests(&self, server: &Server) -> Vec<Request> {
        let mut requests = Vec::new();
        if let Some(days) = self.lifecycle_days {
            requests.push(lifecycle::policy(&self.layout, days, server.flavour));
        }
        for family in Family::ALL {
            let name = self.layout.alias(family);
            requests.push(Request {
                method: "PUT",
                path: format!("/_component_template/{name}"),
                body: marked(json!({"template": {
                    "settings": self.settings(server),
                    "mappings": mapping::mappings(family),
                }})),
            });
            requests.push(Request {
                method: "PUT",
                path: format!("/_index_template/{name}"),
                body: marked(json!({
                    "index_patterns": [self.layout.pattern(family)],
                    "priority": 300,
                    "composed_of": [name],
                    "template": {"aliases": {name.as_str(): {}}},
                })),
            });
        }
        requests
    }

    fn settings(&self, server: &Server) -> Value {
        let mut settings = json!({
            "index.refresh_interval": "10s",
            "index.mapping.total_fields.limit": 2000,
            "analysis": mapping::analysis(),
        });
        if !server.serverless {
            settings["index.number_of_shards"] = json!(self.shards.unwrap_or(1));
            settings["index.auto_expand_replicas"] = json!("0-1");
            settings["index.codec"] = json!("best_compression");
        }
        // On OpenSearch the policy names the indices, not the indices the policy.
        if let Some(days) = self.lifecycle_days
            && server.flavour == Flavour::Elasticsearch
        {
            settings["index.lifecycle.name"] = json!(lifecycle::name(&self.layout, days));
        }
        settings
    }

    /// Sets up what is missing or old, then adds new fields to the indices that are there.
    ///
    /// An index whose fields have other types is an error that names them; everything else is done before.
    pub fn apply(&self, http: &ElasticHttp, server: &Server) -> Result<Vec<Step>, StoreError> {
        let mut steps = Vec::new();
        for request in self.requests(server) {
            let outcome = match there(http, &request.path)? {
                Some(there) => compare(&there, &request)?,
                None => Outcome::Created,
            };
            if outcome != Outcome::Unchanged {
                lifecycle::explain(http.put(&request.path, &request.body)?, &request)?;
            }
            steps.push(Step { request, outcome });
        }
        let mut misfits = Vec::new();
        for family in Family::ALL {
            for (index, found) in indices::all(http, &self.layout, family)? {
                let difference = indices::compare(family, &index, &found);
                if let Some(request) = difference.addition {
                    http.put(&request.path, &request.body)?.success()?;
                    steps.push(Step {
                        request,
                        outcome: Outcome::Updated,
                    });
                }
                misfits.extend(difference.misfits);
                if let Some(days) = self.lifecycle_days {
                    steps.extend(lifecycle::adopt(http, &self.layout, &index, days, server.flavour)?);
                }
            }
        }
        if misfits.is_empty() {
            Ok(steps)
        } else {
            Err(Misfit::error(&misfits))
        }
    }
}

/// A body with its version and a fingerprint, by which the next setup sees that nothing changed.
fn marked(mut body: Value) -> Value {
    let fingerprint = Digest::of_parts(&[body.to_string().as_bytes()]).to_string();
    body["version"] = json!(mapping::VERSION);
    body["_meta"] = json!({"managed_by": "mailtrail", "fingerprint": fingerprint});
    body
}

/// What the server has at a path. None if there is nothing.
fn there(http: &ElasticHttp, path: &str) -> Result<Option<Value>, StoreError> {
    let answer = http.get(path)?;
    if answer.status == 404 {
        return Ok(None);
    }
    if path.starts_with("/_ilm") || path.starts_with("/_plugins") {
        return lifecycle::there(answer);
    }
    let body = answer.success()?;
    let list = body["component_templates"]
        .as_array()
        .or(body["index_templates"].as_array());
    let found = list.and_then(|list| list.first());
    Ok(found.map(|found| {
        let template = if found["index_template"].is_object() {
            "index_template"
        } else {
            "component_template"
        };
        found[template].clone()
    }))
}

fn compare(there: &Value, request: &Request) -> Result<Outcome, StoreError> {
    if request.path.starts_with("/_ilm") || request.path.starts_with("/_plugins") {
        // The name tells the days, and nothing else in it changes.
        return Ok(Outcome::Unchanged);
    }
    let version = there["version"].as_u64().unwrap_or(0);
    if version > mapping::VERSION && there["_meta"]["managed_by"] == "mailtrail" {
        return Err(StoreError::Index(format!(
            "{} was set up by a newer mailtrail (version {version}; this one has {})\n  help: update mailtrail on this \
             machine; nothing was changed",
            request.path,
            mapping::VERSION
        )));
    }
    let same = there["_meta"]["fingerprint"] == request.body["_meta"]["fingerprint"] && version == mapping::VERSION;
    Ok(if same { Outcome::Unchanged } else { Outcome::Updated })
}
