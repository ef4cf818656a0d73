//! The period indices: that they are there, and that their fields are of the right types.
//!
//! The hard part is an index that the server made by itself, or a person: where `to.address` is analyzed text, every
//! search for an address is quietly wrong. So an index is created here, with its mappings, before the first document,
//! and looked at once where it is there already.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

use serde_json::{Value, json};

use super::layout::{Family, Layout};
use super::setup::Request;
use super::{lifecycle, mapping};
use crate::elastic_http::{ElasticHttp, Flavour, segment};
use crate::store::StoreError;

/// A field of another type than the documents need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The index.
    pub index: String,
    /// The field's path.
    pub field: String,
    /// What it is.
    pub is: String,
    /// What it must be.
    pub must: String,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, field, is, must } = self;
        write!(f, "index `{index}`: field `{field}` is {is} and must be {must}")
    }
}

impl Misfit {
    /// All of them as one error, the first few named.
    pub(super) fn error(misfits: &[Self]) -> StoreError {
        let mut parts: Vec<String> = misfits.iter().take(5).map(ToString::to_string).collect();
        if misfits.len() > 5 {
            parts.push(format!("and {} more", misfits.len() - 5));
        }
        let text = parts.join("; ");
        let index = misfits.first().map_or("", |misfit| misfit.index.as_str());
        StoreError::Index(format!(
            "{text}\n  help: the index was not made by mailtrail, and no server can change a field's type: delete it \
             (`DELETE /{index}`) or copy it aside (`POST /_reindex`), run `mailtrail setup`, and index the logs again"
        ))
    }
}

/// How an index differs from what the documents need.
#[derive(Debug, Default)]
pub(super) struct Difference {
    /// Adds the fields that are missing. None if none is.
    pub(super) addition: Option<Request>,
    /// What cannot be mended.
    pub(super) misfits: Vec<Misfit>,
}

/// Compares an index's mappings with those that it should have.
pub(super) fn compare(family: Family, index: &str, found: &Value) -> Difference {
    let wanted = mapping::mappings(family);
    let there: BTreeMap<String, &Value> = mapping::leaves(found).into_iter().collect();
    let mut difference = Difference::default();
    let mut missing = false;
    for (field, must) in mapping::leaves(&wanted) {
        match there.get(&field) {
            Some(is) => {
                if let Some(misfit) = misfit(index, &field, is, must) {
                    difference.misfits.push(misfit);
                }
            }
            None if inside_scalar(&there, &field) => difference.misfits.push(Misfit {
                index: index.to_owned(),
                field,
                is: "inside a field that is no object".to_owned(),
                must: described(must),
            }),
            None => missing = true,
        }
    }
    if missing && difference.misfits.is_empty() {
        difference.addition = Some(Request {
            method: "PUT",
            path: format!("/{}/_mapping", segment(index)),
            body: wanted,
        });
    }
    difference
}

fn misfit(index: &str, field: &str, is: &Value, must: &Value) -> Option<Misfit> {
    let same = is["type"] == must["type"]
        && is["normalizer"] == must["normalizer"]
        && is["path"] == must["path"]
        // `standard` is what a text has where nothing is said.
        && is["analyzer"].as_str().unwrap_or("standard") == must["analyzer"].as_str().unwrap_or("standard")
        && is["enabled"] == must["enabled"];
    (!same).then(|| Misfit {
        index: index.to_owned(),
        field: field.to_owned(),
        is: described(is),
        must: described(must),
    })
}

fn inside_scalar(there: &BTreeMap<String, &Value>, field: &str) -> bool {
    let mut path = field;
    while let Some((above, _)) = path.rsplit_once('.') {
        if there.contains_key(above) {
            return true;
        }
        path = above;
    }
    false
}

fn described(mapping: &Value) -> String {
    let mut text = mapping["type"].as_str().unwrap_or("an object").to_owned();
    for name in ["normalizer", "analyzer", "path"] {
        if let Some(value) = mapping[name].as_str() {
            // Writing to a string does not fail.
            let _ = write!(text, " ({name} {value})");
        }
    }
    if mapping["enabled"] == false {
        text += " (not indexed)";
    }
    text
}

/// The indices of a family that are there, with their mappings.
pub(super) fn all(http: &ElasticHttp, layout: &Layout, family: Family) -> Result<Vec<(String, Value)>, StoreError> {
    let answer = http.get(&format!("/{}/_mapping", layout.pattern(family)))?;
    if answer.status == 404 {
        return Ok(Vec::new());
    }
    let body = answer.success()?;
    let found = body.as_object().into_iter().flatten();
    Ok(found
        .filter(|(index, _)| layout.end_of(index).is_some())
        .map(|(index, found)| (index.clone(), found["mappings"].clone()))
        .collect())
}

/// What is known of one index that is written to.
#[derive(Debug, Default, Clone)]
pub(super) struct Index {
    /// Names of `extra` that are fields.
    pub(super) extra: BTreeSet<String>,
}

/// Creates an index, or looks at the one that is there. A server without right to look is believed.
pub(super) fn ensure(
    http: &ElasticHttp,
    layout: &Layout,
    family: Family,
    index: &str,
    lifecycle: Option<(u32, Flavour)>,
) -> Result<Index, StoreError> {
    let path = format!("/{}", segment(index));
    let answer = http.get(&format!("{path}/_mapping"))?;
    let found = match answer.status {
        404 => {
            create(http, layout, family, index, lifecycle)?;
            http.get(&format!("{path}/_mapping"))?.success()?
        }
        _ => answer.success()?,
    };
    let found = &found[index]["mappings"];
    let difference = compare(family, index, found);
    if !difference.misfits.is_empty() {
        return Err(Misfit::error(&difference.misfits));
    }
    if let Some(request) = difference.addition {
        let answer = http.put(&request.path, &request.body)?;
        if matches!(answer.status, 401 | 403) {
            return Err(StoreError::Index(format!(
                "index `{index}` was made by an older mailtrail and lacks fields, and the key may not add them\n  help: \
                 run `mailtrail setup` with a key that may"
            )));
        }
        answer.success()?;
    }
    let extra = found["properties"]["extra"]["properties"]
        .as_object()
        .into_iter()
        .flatten();
    Ok(Index {
        extra: extra.map(|(name, _)| name.clone()).collect(),
    })
}

/// The mappings are given here, too: a cluster that was never set up, or a key that may not look at templates, must
/// not end with guessed fields.
fn create(
    http: &ElasticHttp,
    layout: &Layout,
    family: Family,
    index: &str,
    lifecycle: Option<(u32, Flavour)>,
) -> Result<(), StoreError> {
    let mut settings = json!({"analysis": mapping::analysis(), "index.mapping.total_fields.limit": 2000});
    if let Some((days, Flavour::Elasticsearch)) = lifecycle {
        lifecycle::birth(&mut settings, layout, index, days);
    }
    let body = json!({
        "settings": settings,
        "mappings": mapping::mappings(family),
    });
    let answer = http.put(&format!("/{}", segment(index)), &body)?;
    // Another process was faster.
    if answer.status == 400 && answer.error().kind.starts_with("resource_already_exists") {
        return Ok(());
    }
    answer.success()?;
    Ok(())
}

impl Index {
    /// May this name of `extra` be a field of the index? A new name takes one of the places that are left.
    pub(super) fn admits(&mut self, name: &str) -> bool {
        if self.extra.contains(name) {
            return true;
        }
        let room = self.extra.len() < super::shape::MAX_EXTRA_FIELDS;
        if room {
            self.extra.insert(name.to_owned());
        }
        room
    }
}
