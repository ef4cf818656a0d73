//! The dashboards speak of fields that are there, of a type that can be counted so. Needs no server.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use mailtrail::elastic_http::{Flavour, Server};
use mailtrail::store::elasticsearch::{Family, Layout, Setup, dashboards};
use serde_json::Value;

const BOTH: [(&str, Flavour); 2] = [
    ("opensearch", Flavour::OpenSearch),
    ("elasticsearch", Flavour::Elasticsearch),
];

/// The types of the fields, by the name of the index template.
fn mapped() -> BTreeMap<String, BTreeMap<String, String>> {
    let server = Server {
        flavour: Flavour::OpenSearch,
        version: None,
        serverless: false,
    };
    let templates = Setup::default().requests(&server);
    let templates = templates
        .iter()
        .filter(|request| request.path.starts_with("/_component_template/"));
    templates
        .map(|request| {
            let name = request.path.rsplit('/').next().unwrap().to_owned();
            let mut fields = BTreeMap::new();
            collect(&request.body["template"]["mappings"]["properties"], "", &mut fields);
            (name, fields)
        })
        .collect()
}

fn collect(properties: &Value, above: &str, fields: &mut BTreeMap<String, String>) {
    for (name, field) in properties.as_object().into_iter().flatten() {
        let path = format!("{above}{name}");
        if let Some(kind) = field["type"].as_str() {
            fields.insert(path.clone(), kind.to_owned());
        }
        collect(&field["properties"], &format!("{path}."), fields);
    }
}

fn inner(value: &Value) -> Value {
    serde_json::from_str(value.as_str().unwrap()).unwrap()
}

#[test]
fn every_field_of_the_dashboards_is_mapped_with_a_type_that_fits() {
    let mapped = mapped();
    for (_, flavour) in BOTH {
        let mut seen = BTreeSet::new();
        for object in dashboards(&Layout::default(), flavour) {
            if object["type"] == "index-pattern" {
                let fields = &mapped[object["id"].as_str().unwrap()];
                assert_eq!(fields[object["attributes"]["timeFieldName"].as_str().unwrap()], "date");
            }
            if object["type"] != "visualization" {
                continue;
            }
            let fields = &mapped[object["references"][0]["id"].as_str().unwrap()];
            let state = inner(&object["attributes"]["visState"]);
            for aggregation in state["aggs"].as_array().unwrap() {
                let fits: &[&str] = match aggregation["type"].as_str().unwrap() {
                    "count" => continue,
                    "date_histogram" => &["date"],
                    "terms" => &["keyword", "long", "boolean", "ip"],
                    "avg" | "max" | "sum" => &["long", "double"],
                    other => panic!("{other} is not known here"),
                };
                let field = aggregation["params"]["field"].as_str().unwrap();
                let kind = fields.get(field).unwrap_or_else(|| panic!("{field} is not mapped"));
                assert!(fits.contains(&kind.as_str()), "{field} is {kind}");
                seen.insert(field.to_owned());
            }
            let search = inner(&object["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"]);
            for term in search["query"]["query"].as_str().unwrap().split_whitespace() {
                if let Some((field, _)) = term.split_once(':') {
                    assert!(fields.contains_key(field), "{field} is not mapped");
                }
            }
        }
        for field in [
            "status",
            "from",
            "reject.dsn",
            "to.delay_s",
            "to.relay.host",
            "counts.unmatched",
        ] {
            assert!(seen.contains(field), "{field}");
        }
    }
}

#[test]
fn what_a_dashboard_refers_to_comes_before_it() {
    for (_, flavour) in BOTH {
        let mut known = BTreeSet::new();
        for object in dashboards(&Layout::default(), flavour) {
            for reference in object["references"].as_array().unwrap() {
                assert!(
                    known.contains(&(reference["type"].to_string(), reference["id"].to_string())),
                    "{reference}"
                );
            }
            if object["type"] == "dashboard" {
                let panels = inner(&object["attributes"]["panelsJSON"]);
                let names = |list: &Value, key: &str| -> Vec<String> {
                    list.as_array()
                        .unwrap()
                        .iter()
                        .map(|one| one[key].to_string())
                        .collect()
                };
                assert_eq!(names(&panels, "panelRefName"), names(&object["references"], "name"));
                assert_eq!(panels.as_array().unwrap().len(), 5);
            }
            assert!(
                known.insert((object["type"].to_string(), object["id"].to_string())),
                "{}",
                object["id"]
            );
        }
    }
}

#[test]
fn the_files_in_packaging_are_what_the_program_prints() {
    for (name, flavour) in BOTH {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("packaging/dashboards/{name}.ndjson"));
        let objects = dashboards(&Layout::default(), flavour);
        let text: String = objects
            .iter()
            .flat_map(|object| [object.to_string(), "\n".into()])
            .collect();
        let output = Command::new(env!("CARGO_BIN_EXE_mailtrail"))
            .args(["setup", "--dashboards", name])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), text);
        assert_eq!(
            std::fs::read_to_string(file).unwrap(),
            text,
            "print it anew: mailtrail setup --dashboards {name}"
        );
    }
    assert_eq!(Layout::default().alias(Family::Ledger), "mailtrail-ledger");
}
