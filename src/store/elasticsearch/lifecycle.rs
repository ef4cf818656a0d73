//! ILM and ISM: the server drops old indices by itself. Only on request; [`super::retention`] needs no such thing.
//!
//! The hard part is that both count from the creation of an index, which is wrong for an archive that is indexed today
//! and early by a month for a monthly index. Elasticsearch can be told another date, the end of the period;
//! OpenSearch cannot, so there the days get a month more.
//!
//! `PUT /_ilm/policy/NAME`, `PUT /_plugins/_ism/policies/NAME`.

use serde_json::{Value, json};

use super::layout::{Family, Layout};
use super::setup::{Outcome, Request, Step};
use crate::elastic_http::{Answer, ElasticHttp, Flavour, segment};
use crate::store::StoreError;

/// The policy's name: `mailtrail-90d`.
pub(super) fn name(layout: &Layout, days: u32) -> String {
    let alias = layout.alias(Family::Transactions);
    format!("{}-{days}d", alias.trim_end_matches("-tx"))
}

/// The request that installs the policy.
pub(super) fn policy(layout: &Layout, days: u32, flavour: Flavour) -> Request {
    let name = name(layout, days);
    let (path, body) = match flavour {
        Flavour::Elasticsearch => (
            format!("/_ilm/policy/{name}"),
            json!({"policy": {"phases": {
                "hot": {"actions": {}},
                "delete": {"min_age": format!("{days}d"), "actions": {"delete": {}}},
            }}}),
        ),
        Flavour::OpenSearch => {
            let patterns: Vec<String> = Family::ALL.iter().map(|family| layout.pattern(*family)).collect();
            let age = format!("{}d", days.saturating_add(31));
            (
                format!("/_plugins/_ism/policies/{name}"),
                json!({"policy": {
                    "description": "mailtrail: drops whole months",
                    "default_state": "keep",
                    "states": [
                        {"name": "keep", "actions": [],
                         "transitions": [{"state_name": "delete", "conditions": {"min_index_age": age}}]},
                        {"name": "delete", "actions": [{"delete": {}}], "transitions": []},
                    ],
                    "ism_template": [{"index_patterns": patterns, "priority": 100}],
                }}),
            )
        }
    };
    Request {
        method: "PUT",
        path,
        body,
    }
}

/// What an index must be born with on Elasticsearch: the policy, and the end of its period as the day to count from.
pub(super) fn birth(settings: &mut Value, layout: &Layout, index: &str, days: u32) {
    settings["index.lifecycle.name"] = json!(name(layout, days));
    if let Some(end) = layout.end_of(index) {
        settings["index.lifecycle.origination_date"] = json!(end.timestamp_millis());
    }
}

/// Puts an index that is there already under the policy.
pub(super) fn adopt(
    http: &ElasticHttp,
    layout: &Layout,
    index: &str,
    days: u32,
    flavour: Flavour,
) -> Result<Option<Step>, StoreError> {
    let request = match flavour {
        Flavour::Elasticsearch => {
            let mut settings = json!({});
            birth(&mut settings, layout, index, days);
            let found = http
                .get(&format!("/{}/_settings?flat_settings=true", segment(index)))?
                .success()?;
            let there = &found[index]["settings"];
            // The server gives numbers back as text.
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let wanted = settings.as_object().into_iter().flatten();
            if wanted.clone().all(|(key, value)| text(&there[key]) == text(value)) {
                return Ok(None);
            }
            Request {
                method: "PUT",
                path: format!("/{}/_settings", segment(index)),
                body: settings,
            }
        }
        Flavour::OpenSearch => Request {
            method: "POST",
            path: format!("/_plugins/_ism/add/{}", segment(index)),
            body: json!({"policy_id": name(layout, days)}),
        },
    };
    let answer = match request.method {
        "PUT" => http.put(&request.path, &request.body)?,
        _ => http.post(&request.path, &request.body)?,
    };
    let body = answer.success()?;
    // ISM answers 200 and lists the indices that are under a policy already as failures.
    let outcome = if body["updated_indices"] == 0 {
        Outcome::Unchanged
    } else {
        Outcome::Updated
    };
    Ok(Some(Step { request, outcome }))
}

/// What the server has of a policy; an answer that knows no policies at all is an error that says what to do.
pub(super) fn there(answer: Answer) -> Result<Option<Value>, StoreError> {
    if answer.status == 400 || answer.status == 405 {
        return Err(absent());
    }
    Ok(Some(answer.success()?))
}

/// The answer to a request of the setup; a missing lifecycle API is said in words.
pub(super) fn explain(answer: Answer, request: &Request) -> Result<(), StoreError> {
    let lifecycle = request.path.starts_with("/_ilm") || request.path.starts_with("/_plugins");
    if lifecycle && matches!(answer.status, 400 | 404 | 405) {
        let error = answer.error();
        // A policy that the server knows and dislikes has a type of its own.
        if error.kind.is_empty() || error.kind == "invalid_index_name_exception" {
            return Err(absent());
        }
        return Err(error.into());
    }
    answer.success()?;
    Ok(())
}

fn absent() -> StoreError {
    StoreError::Unsupported(
        "this cluster has no index lifecycle management\n  help: leave the lifecycle away and configure `retention:`, \
         with which mailtrail drops whole months itself"
            .to_owned(),
    )
}
