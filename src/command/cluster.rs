//! The cluster of the configuration, as a store.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::cli::Global;
use crate::config::{Cluster, Config, FlavourName};
use crate::elastic_http::{Access, Credentials, Flavour, Notice, Secret};
use crate::store::elasticsearch::{ElasticStore, Family, Layout};

use super::{data, notice};

const URL: &str = "MAILTRAIL_ELASTICSEARCH_URL";
const API_KEY: &str = "MAILTRAIL_ELASTICSEARCH_API_KEY";
const PASSWORD: &str = "MAILTRAIL_ELASTICSEARCH_PASSWORD";
const TOKEN: &str = "MAILTRAIL_ELASTICSEARCH_TOKEN";

/// A person who searches does not wait longer for a busy cluster.
const SEARCH_PATIENCE: Duration = Duration::from_secs(30);

/// Connects to write. What the cluster refuses is set aside in the data folder.
pub(super) fn store(global: &Global, config: &Config) -> Result<ElasticStore> {
    store_that_tells(global, config, notice::to_person())
}

/// Connects to write. `notice` hears what takes longer than it should.
pub(super) fn store_that_tells(global: &Global, config: &Config, notice: Notice) -> Result<ElasticStore> {
    let mut access = access(&config.elasticsearch)?;
    access.notice = notice;
    connect(global, config, &access)
}

/// Connects to search.
pub(super) fn store_to_search(global: &Global, config: &Config) -> Result<ElasticStore> {
    let mut access = access(&config.elasticsearch)?;
    access.patience = access.patience.min(SEARCH_PATIENCE);
    connect(global, config, &access)
}

fn connect(global: &Global, config: &Config, access: &Access) -> Result<ElasticStore> {
    let cluster = &config.elasticsearch;
    let letters = data::folder(global, config)?.join("refused.ndjson");
    let store = ElasticStore::open(access, layout(cluster)?, letters)?;
    Ok(store.with_lifecycle(cluster.lifecycle_days))
}

/// Drops the months that are older than the configuration allows; none if it says nothing.
/// Returns what a person should know.
pub(super) fn forget(global: &Global, config: &Config, notice: Notice) -> Result<Vec<String>> {
    let Some(days) = config.elasticsearch.retention_days else {
        return Ok(Vec::new());
    };
    let mut store = store_that_tells(global, config, notice)?;
    let mut notes = Vec::new();
    for family in Family::ALL {
        let expired = store.expired(family, days, chrono::Utc::now())?;
        store.drop_indices(&expired)?;
        if !expired.is_empty() {
            notes.push(format!("dropped after {days} days: {}", expired.join(", ")));
        }
    }
    Ok(notes)
}

/// The names of the indices.
pub(super) fn layout(cluster: &Cluster) -> Result<Layout> {
    match &cluster.prefix {
        None => Ok(Layout::default()),
        Some(prefix) => Layout::new(prefix).with_context(|| {
            format!("`elasticsearch.prefix: {prefix}` cannot begin an index name: lower case letters, digits, - and _")
        }),
    }
}

/// What a person calls it.
pub(super) fn flavour(name: FlavourName) -> Flavour {
    match name {
        FlavourName::Elasticsearch => Flavour::Elasticsearch,
        FlavourName::OpenSearch => Flavour::OpenSearch,
    }
}

/// How to reach the cluster.
pub(super) fn access(cluster: &Cluster) -> Result<Access> {
    let from_environment = std::env::var(URL).ok().filter(|url| !url.is_empty());
    let urls = match (cluster.urls.is_empty(), from_environment) {
        (false, _) => cluster.urls.clone(),
        (true, Some(url)) => url.split(',').map(|url| url.trim().to_owned()).collect(),
        (true, None) => bail!("no cluster is named\n  help: set `elasticsearch.urls` in mailtrail.yaml, or {URL}"),
    };
    let mut access = Access::to(&[]);
    access.urls = urls;
    access.ca.clone_from(&cluster.ca);
    access.client_certificate.clone_from(&cluster.client_certificate);
    access.credentials = credentials(cluster)?;
    access.proxy.clone_from(&cluster.proxy);
    access.insecure = cluster.insecure;
    access.compress = cluster.compress;
    access.flavour = cluster.flavour.map(flavour);
    access.patience = Duration::from_secs(cluster.wait_s.unwrap_or(600));
    access.timeout = Duration::from_secs(cluster.timeout_s.unwrap_or(60).max(1));
    access.notice = notice::to_person();
    Ok(access)
}

fn credentials(cluster: &Cluster) -> Result<Credentials> {
    let file = |path: &std::path::Path| Secret::from_file(path).map_err(anyhow::Error::msg);
    let environment = |name: &str| Secret::from_environment(name).ok();
    if let Some(path) = &cluster.api_key_file {
        return Ok(Credentials::ApiKey(file(path)?));
    }
    if let Some(path) = &cluster.token_file {
        return Ok(Credentials::Bearer(file(path)?));
    }
    if let Some(user) = &cluster.user {
        let password = match &cluster.password_file {
            Some(path) => file(path)?,
            None => Secret::from_environment(PASSWORD)
                .map_err(anyhow::Error::msg)
                .with_context(|| format!("the password of `{user}` is not told: set `password_file` or {PASSWORD}"))?,
        };
        return Ok(Credentials::Basic {
            user: user.clone(),
            password,
        });
    }
    Ok(environment(API_KEY)
        .map(Credentials::ApiKey)
        .or_else(|| environment(TOKEN).map(Credentials::Bearer))
        .unwrap_or_default())
}
