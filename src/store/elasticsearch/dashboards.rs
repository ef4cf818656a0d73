//! Dashboards as saved objects, for OpenSearch Dashboards and for Kibana: files of JSON lines to import.
//!
//! The hard part is that both have grown apart since 7.10. So only what both still read is used: index patterns,
//! visualizations made of aggregations, and a dashboard of them; each migrates them by itself.
//!
//! In: a [`Layout`] and for which of the two. Out: the objects, in the order in which they refer to each other.

use serde_json::{Value, json};

use super::layout::{Family, Layout};
use crate::elastic_http::Flavour;

/// A panel of the dashboard.
struct Panel {
    id: &'static str,
    title: &'static str,
    family: Family,
    /// Which documents, in KQL (DQL).
    query: &'static str,
    /// `histogram` (stacked bars over time) or `table`.
    form: &'static str,
    aggregations: Vec<Value>,
    /// Column, row, width and height in the grid of 48 columns.
    place: [u32; 4],
}

/// The saved objects: index patterns, panels, the dashboard.
pub fn dashboards(layout: &Layout, flavour: Flavour) -> Vec<Value> {
    let panels = panels();
    let mut objects: Vec<Value> = Family::ALL
        .iter()
        .map(|family| {
            let title = layout.pattern(*family);
            let attributes = json!({"title": title, "timeFieldName": "@timestamp"});
            object("index-pattern", &layout.alias(*family), &attributes, &[])
        })
        .collect();
    objects.extend(panels.iter().map(|panel| visualization(layout, panel)));
    objects.push(dashboard(layout, &panels));
    // Says to Kibana and to OpenSearch Dashboards, which was Kibana 7.10 once, from where to migrate.
    let version = match flavour {
        Flavour::OpenSearch => "7.10.0",
        Flavour::Elasticsearch => "7.17.0",
    };
    for object in &mut objects {
        let kind = object["type"].as_str().unwrap_or_default();
        let since = match (kind, version) {
            ("index-pattern", _) => "7.6.0",
            ("dashboard", "7.10.0") => "7.9.3",
            (_, version) => version,
        };
        object["migrationVersion"] = json!({kind: since});
    }
    objects
}

fn panels() -> Vec<Panel> {
    vec![
        Panel {
            id: "volume",
            title: "Mails by status",
            family: Family::Transactions,
            query: "kind:mail and not leg:true",
            form: "histogram",
            aggregations: vec![count("1"), over_time("2"), terms("3", "group", "status", "1", 15)],
            place: [0, 0, 48, 14],
        },
        Panel {
            id: "senders",
            title: "Top senders",
            family: Family::Transactions,
            query: "kind:mail and not leg:true",
            form: "table",
            aggregations: vec![count("1"), terms("2", "bucket", "from", "1", 20)],
            place: [0, 14, 24, 15],
        },
        Panel {
            id: "refusals",
            title: "Refusals by stage, code and status",
            family: Family::Transactions,
            query: "kind:reject",
            form: "table",
            aggregations: vec![
                count("1"),
                terms("2", "bucket", "reject.stage", "1", 10),
                terms("3", "bucket", "reject.code", "1", 10),
                terms("4", "bucket", "reject.dsn", "1", 10),
            ],
            place: [24, 14, 24, 15],
        },
        Panel {
            id: "slowest",
            title: "Slowest destinations (mean seconds from arrival to the last attempt)",
            family: Family::Transactions,
            query: "kind:mail and to.delay_s:*",
            form: "table",
            aggregations: vec![
                metric("1", "avg", "to.delay_s"),
                metric("3", "max", "to.delay_s"),
                count("4"),
                terms("2", "bucket", "to.relay.host", "1", 20),
            ],
            place: [0, 29, 24, 15],
        },
        Panel {
            id: "unmatched",
            title: "Lines that no rule matched",
            family: Family::Ledger,
            query: "kind:slice",
            form: "histogram",
            aggregations: vec![
                metric("1", "sum", "counts.unmatched"),
                over_time("2"),
                terms("3", "group", "program", "1", 10),
            ],
            place: [24, 29, 24, 15],
        },
    ]
}

fn count(id: &str) -> Value {
    json!({"id": id, "enabled": true, "type": "count", "schema": "metric", "params": {}})
}

fn metric(id: &str, kind: &str, field: &str) -> Value {
    json!({"id": id, "enabled": true, "type": kind, "schema": "metric", "params": {"field": field}})
}

fn over_time(id: &str) -> Value {
    json!({"id": id, "enabled": true, "type": "date_histogram", "schema": "segment", "params": {
        "field": "@timestamp", "interval": "auto", "drop_partials": false, "min_doc_count": 1, "extended_bounds": {},
    }})
}

fn terms(id: &str, schema: &str, field: &str, order_by: &str, size: u32) -> Value {
    json!({"id": id, "enabled": true, "type": "terms", "schema": schema, "params": {
        "field": field, "orderBy": order_by, "order": "desc", "size": size,
        "otherBucket": false, "otherBucketLabel": "Other", "missingBucket": false, "missingBucketLabel": "Missing",
    }})
}

fn object(kind: &str, id: &str, attributes: &Value, references: &[Value]) -> Value {
    json!({"type": kind, "id": id, "attributes": attributes, "references": references})
}

fn panel_id(layout: &Layout, panel: &Panel) -> String {
    format!("{}-{}", layout.alias(panel.family), panel.id)
}

/// What a dashboard and its panels are stored as: JSON inside JSON.
fn text(value: &Value) -> Value {
    json!(value.to_string())
}

fn visualization(layout: &Layout, panel: &Panel) -> Value {
    let place = "kibanaSavedObjectMeta.searchSourceJSON.index";
    let search = json!({
        "query": {"query": panel.query, "language": "kuery"}, "filter": [], "indexRefName": place,
    });
    let state = json!({
        "title": panel.title, "type": panel.form, "aggs": panel.aggregations,
        "params": if panel.form == "table" { table() } else { histogram() },
    });
    let attributes = json!({
        "title": panel.title, "description": "", "version": 1, "uiStateJSON": "{}", "visState": text(&state),
        "kibanaSavedObjectMeta": {"searchSourceJSON": text(&search)},
    });
    let reference = json!({"name": place, "type": "index-pattern", "id": layout.alias(panel.family)});
    object("visualization", &panel_id(layout, panel), &attributes, &[reference])
}

fn table() -> Value {
    json!({
        "perPage": 10, "showPartialRows": false, "showMetricsAtAllLevels": false, "showTotal": false,
        "totalFunc": "sum", "percentageCol": "", "sort": {"columnIndex": null, "direction": null},
    })
}

fn histogram() -> Value {
    json!({
        "type": "histogram", "addTooltip": true, "addLegend": true, "legendPosition": "right", "times": [],
        "addTimeMarker": false, "labels": {"show": false}, "grid": {"categoryLines": false},
        "thresholdLine": {"show": false, "value": 10, "width": 1, "style": "full", "color": "#E7664C"},
        "categoryAxes": [{
            "id": "CategoryAxis-1", "type": "category", "position": "bottom", "show": true, "style": {},
            "scale": {"type": "linear"}, "labels": {"show": true, "filter": true, "truncate": 100}, "title": {},
        }],
        "valueAxes": [{
            "id": "ValueAxis-1", "name": "LeftAxis-1", "type": "value", "position": "left", "show": true, "style": {},
            "scale": {"type": "linear", "mode": "normal"}, "title": {"text": ""},
            "labels": {"show": true, "rotate": 0, "filter": false, "truncate": 100},
        }],
        "seriesParams": [{
            "show": true, "type": "histogram", "mode": "stacked", "valueAxis": "ValueAxis-1",
            "data": {"label": "", "id": "1"}, "drawLinesBetweenPoints": true, "lineWidth": 2, "showCircles": true,
        }],
    })
}

fn dashboard(layout: &Layout, panels: &[Panel]) -> Value {
    let mut placed = Vec::new();
    let mut references = Vec::new();
    for (index, panel) in panels.iter().enumerate() {
        let [x, y, w, h] = panel.place;
        let name = format!("panel_{index}");
        placed.push(json!({
            "version": "7.10.0", "type": "visualization", "panelIndex": panel.id, "panelRefName": name,
            "gridData": {"x": x, "y": y, "w": w, "h": h, "i": panel.id}, "embeddableConfig": {},
        }));
        references.push(json!({"name": name, "type": "visualization", "id": panel_id(layout, panel)}));
    }
    let search = json!({"query": {"query": "", "language": "kuery"}, "filter": []});
    let attributes = json!({
        "title": "Mail", "hits": 0, "description": "From mailtrail's documents", "version": 1,
        "panelsJSON": text(&Value::Array(placed)), "optionsJSON": text(&json!({"useMargins": true, "hidePanelTitles": false})),
        "timeRestore": true, "timeFrom": "now-7d", "timeTo": "now",
        "kibanaSavedObjectMeta": {"searchSourceJSON": text(&search)},
    });
    object(
        "dashboard",
        &layout.alias(Family::Transactions),
        &attributes,
        &references,
    )
}
