//! `mailtrail setup`: prepares an Elasticsearch or OpenSearch cluster.

use std::io::Write as _;

use anyhow::Result;
use serde_json::json;

use crate::cli::{Global, SetupArgs};
use crate::elastic_http::ElasticHttp;
use crate::store::elasticsearch::{Outcome, Setup, dashboards};

use super::output::Output;
use super::{Ending, cluster};

/// Runs it.
pub(super) fn run(global: &Global, args: &SetupArgs, output: &mut Output) -> Result<Ending> {
    let config = super::config(global)?;
    if let Some(name) = args.dashboards {
        for object in dashboards(&cluster::layout(&config.elasticsearch)?, cluster::flavour(name)) {
            output.object(&object)?;
        }
        return Ok(Ending::Done);
    }
    let http = ElasticHttp::new(&cluster::access(&config.elasticsearch)?)?;
    let server = http.server()?;
    let setup = Setup {
        layout: cluster::layout(&config.elasticsearch)?,
        lifecycle_days: config.elasticsearch.lifecycle_days,
        ..Setup::default()
    };
    if args.dry_run {
        for request in setup.requests(&server) {
            if output.json {
                output.object(&json!({"method": request.method, "path": request.path, "body": request.body}))?;
            } else {
                writeln!(output, "{request}\n")?;
            }
        }
        return Ok(Ending::Done);
    }
    for step in setup.apply(&http, &server)? {
        let word = match step.outcome {
            Outcome::Created => "created",
            Outcome::Updated => "updated",
            Outcome::Unchanged => "unchanged",
        };
        if output.json {
            output.object(&json!({"path": step.request.path, "outcome": word}))?;
        } else {
            writeln!(output, "{word:<9}  {}", step.request.path)?;
        }
    }
    if !output.json {
        writeln!(output, "{server} at {} is ready", http.base())?;
    }
    Ok(Ending::Done)
}
