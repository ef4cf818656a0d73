//! The servers of the configuration, as sources of lines by a time frame.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::config::{FieldsConfig, GraylogConfig, IndexConfig, Like, SourceConfig};
use crate::elastic_http::{Access, Credentials, ElasticHttp, Notice, Secret};
use crate::line::Dating;
use crate::source::graylog::{Login, Range};
use crate::source::{FieldNames, Graylog, GraylogAccess, GraylogQuery, IndexQuery, Seen, Window, WindowSource};

const GRAYLOG_TOKEN: &str = "MAILTRAIL_GRAYLOG_TOKEN";
const GRAYLOG_PASSWORD: &str = "MAILTRAIL_GRAYLOG_PASSWORD";
const PASSWORD: &str = "MAILTRAIL_SOURCE_PASSWORD";
const API_KEY: &str = "MAILTRAIL_SOURCE_API_KEY";

/// A server that gives the lines of a time frame.
pub(super) struct Server {
    /// As the state knows it.
    pub(super) name: String,
    asks: Asks,
}

enum Asks {
    Graylog(Arc<Graylog>, GraylogQuery, bool),
    Index(Arc<ElasticHttp>, IndexQuery),
}

impl Server {
    /// Of a source of the configuration. None if that is no server. `notice` hears what takes longer than it should.
    pub(super) fn of(name: &str, config: &SourceConfig, dating: Dating, notice: Notice) -> Result<Option<Self>> {
        let asks = if let Some(graylog) = &config.graylog {
            Some(ask_graylog(graylog, dating, notice))
        } else {
            config
                .elasticsearch
                .as_ref()
                .map(|index| ask_index(index, dating, notice))
        };
        let asks = asks.transpose().with_context(|| format!("source `{name}`"))?;
        Ok(asks.map(|asks| Self {
            name: name.to_owned(),
            asks,
        }))
    }

    /// What was said in a time frame, but for messages that were read before.
    pub(super) fn said(&self, window: Window, seen: Seen) -> WindowSource {
        match &self.asks {
            Asks::Graylog(graylog, query, _) => WindowSource::graylog(Arc::clone(graylog), query.clone(), window, seen),
            Asks::Index(http, query) => WindowSource::index(Arc::clone(http), query.clone(), window, seen),
        }
    }

    /// Does it tell when it received a message?
    pub(super) fn tells_receipt(&self) -> bool {
        matches!(self.asks, Asks::Graylog(_, _, true))
    }

    /// What was received in a time frame, whenever in the week before it was said. None where the server does not tell
    /// that.
    pub(super) fn received(&self, window: Window, seen: Seen) -> Option<WindowSource> {
        let Asks::Graylog(graylog, query, true) = &self.asks else {
            return None;
        };
        let reach_minutes = GraylogQuery::WEEK_MINUTES;
        let query = GraylogQuery {
            range: Range::Received { reach_minutes },
            ..query.clone()
        };
        Some(WindowSource::graylog(Arc::clone(graylog), query, window, seen))
    }
}

fn ask_graylog(config: &GraylogConfig, dating: Dating, notice: Notice) -> Result<Asks> {
    if config.url.is_empty() {
        bail!("no Graylog is named\n  help: set `url` to its API, for example https://graylog.example/api");
    }
    let login = match (&config.token_file, &config.user) {
        (Some(path), _) => Login::Token(secret(Some(path), GRAYLOG_TOKEN)?),
        (None, Some(user)) => Login::Password {
            user: user.clone(),
            password: secret(config.password_file.as_deref(), GRAYLOG_PASSWORD)?,
        },
        (None, None) => Login::Token(secret(None, GRAYLOG_TOKEN).context("set `token_file`, or `user`")?),
    };
    let access = GraylogAccess {
        ca: config.ca.clone(),
        proxy: config.proxy.clone(),
        insecure: config.insecure,
        timeout: timeout(config.timeout_s),
        notice,
        ..GraylogAccess::new(&config.url, login)
    };
    let query = GraylogQuery {
        query: config.query.clone(),
        streams: config.streams.clone(),
        shift_minutes: config.shift_minutes,
        dating,
        ..GraylogQuery::default()
    };
    Ok(Asks::Graylog(Arc::new(Graylog::new(&access)?), query, config.received))
}

fn ask_index(config: &IndexConfig, dating: Dating, notice: Notice) -> Result<Asks> {
    if config.urls.is_empty() {
        bail!("no cluster is named\n  help: set `urls`, for example [https://es.example:9200]");
    }
    let mut access = Access::to(&[]);
    // The next run asks for what this one did not get.
    access.patience = std::time::Duration::from_secs(120);
    access.urls.clone_from(&config.urls);
    access.ca.clone_from(&config.ca);
    access.proxy.clone_from(&config.proxy);
    access.insecure = config.insecure;
    access.timeout = timeout(config.timeout_s);
    access.notice = notice;
    access.credentials = if let Some(path) = &config.api_key_file {
        Credentials::ApiKey(secret(Some(path), API_KEY)?)
    } else if let Some(path) = &config.token_file {
        Credentials::Bearer(secret(Some(path), API_KEY)?)
    } else if let Some(user) = &config.user {
        Credentials::Basic {
            user: user.clone(),
            password: secret(config.password_file.as_deref(), PASSWORD)?,
        }
    } else {
        secret(None, API_KEY).map(Credentials::ApiKey).unwrap_or_default()
    };
    let mut query = match config.like {
        Like::Filebeat => IndexQuery::filebeat(),
        Like::Graylog => IndexQuery::graylog(),
        Like::Logstash => IndexQuery::logstash(),
    };
    for (wanted, place) in [
        (&config.index, &mut query.index),
        (&config.time, &mut query.time),
        (&config.unique, &mut query.unique),
    ] {
        if let Some(wanted) = wanted {
            place.clone_from(wanted);
        }
    }
    rename(&config.fields, &mut query.names);
    query.query.clone_from(&config.query);
    query.shift_minutes = config.shift_minutes;
    query.dating = dating;
    Ok(Asks::Index(Arc::new(ElasticHttp::new(&access)?), query))
}

fn rename(fields: &FieldsConfig, names: &mut FieldNames) {
    for (wanted, place) in [
        (&fields.message, &mut names.message),
        (&fields.full, &mut names.full),
        (&fields.host, &mut names.host),
        (&fields.program, &mut names.program),
        (&fields.pid, &mut names.pid),
    ] {
        if !wanted.is_empty() {
            place.clone_from(wanted);
        }
    }
}

fn secret(file: Option<&Path>, variable: &str) -> Result<Secret> {
    match file {
        Some(path) => Secret::from_file(path),
        None => Secret::from_environment(variable),
    }
    .map_err(anyhow::Error::msg)
}

fn timeout(seconds: Option<u64>) -> Duration {
    Duration::from_secs(seconds.unwrap_or(60).max(1))
}
