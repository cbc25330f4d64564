//! `tools/monitoring`: what Prometheus would have told of the outage of October 2025, and when.

use crate::incident::incident;
use greylag_tests::{Need, has, workspace};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

const PROMTOOL: &[Need] = &[Need::Program { name: "promtool", package: "prometheus" }];

/// Between two scrapes, in seconds.
const INTERVAL: u64 = 15;

/// 13:20, when the replay begins.
const START: u64 = (13 * 60 + 20) * 60;

/// A family as OpenMetrics heads it.
#[derive(Debug, Default, PartialEq)]
struct Family {
    kind: String,
    help: String,
    labels: BTreeSet<String>,
}

/// The families of an exposition by their full names.
fn families(text: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut helps = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a sentence");
            helps.insert(name.to_owned(), help.to_owned());
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            let full = if kind == "counter" { format!("{name}_total") } else { name.to_owned() };
            let family = Family { kind: kind.to_owned(), help: helps[name].clone(), labels: BTreeSet::new() };
            families.insert(full, family);
        } else if !line.starts_with('#') {
            let (name, labels) = line.split_once(['{', ' ']).expect("a value");
            let labels = labels.split_once('}').map_or("", |(labels, _)| labels);
            let family = families.get_mut(name).unwrap_or_else(|| panic!("{name} has no head"));
            family
                .labels
                .extend(labels.split(',').filter_map(|label| Some(label.split_once('=')?.0.to_owned())));
        }
    }
    families
}

/// The rows of `docs/metrics.md`.
fn documented() -> BTreeMap<String, Family> {
    let text = std::fs::read_to_string(workspace().join("docs/metrics.md")).expect("the document is there");
    let rows = text.lines().filter(|line| line.starts_with("| `greylag_"));
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches(['|', ' ']).split(" | ").collect();
        let labels = cells[2].split(", ").map(|label| label.trim_matches(['`', ' ']).to_owned());
        let labels = labels.filter(|label| !label.is_empty()).collect();
        (
            cells[0].trim_matches('`').to_owned(),
            Family { kind: cells[1].into(), help: cells[3].into(), labels },
        )
    };
    rows.map(row).collect()
}

#[test]
fn every_metric_is_documented_as_it_is() {
    let documented = documented();
    let mut written = families(&incident().metrics);
    written.remove("up").expect("a scraper adds whether it could scrape");
    for (name, family) in &written {
        let row = documented.get(name).unwrap_or_else(|| panic!("{name} is not documented"));
        assert_eq!((&row.kind, &row.help), (&family.kind, &family.help), "{name}");
        // A label without a value is not written, and a family may be empty.
        let own: BTreeSet<String> = family
            .labels
            .iter()
            .filter(|label| !["instance", "job"].contains(&label.as_str()))
            .cloned()
            .collect();
        assert!(own.is_subset(&row.labels), "{name}: {own:?}");
    }
    let live = |name: &&String| name.starts_with("greylag_worker_") && !name.ends_with("reports_lost_total");
    let known: BTreeSet<&String> = documented.keys().filter(|name| !live(name)).collect();
    assert_eq!(written.keys().collect::<BTreeSet<_>>(), known);
}

/// The labels of a series have no address among their values.
#[test]
fn no_label_is_an_address() {
    for line in incident().metrics.lines().filter(|line| !line.starts_with('#')) {
        let values = line.split('"').skip(1).step_by(2);
        for value in values {
            let is_address = value.parse::<std::net::IpAddr>().is_ok() || value.matches(':').count() == 5;
            assert!(!is_address, "{line}");
        }
    }
}

/// The series of the metrics that rules ask for, as promtool's tests have them.
fn input_series(metrics: &str, wanted: &BTreeSet<&str>, end: u64) -> String {
    let mut series: BTreeMap<&str, BTreeMap<u64, &str>> = BTreeMap::new();
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let (rest, time) = line.rsplit_once(' ').expect("a time");
        let (name, value) = rest.rsplit_once(' ').expect("a value");
        if wanted.contains(name.split('{').next().unwrap_or_default()) {
            let time: u64 = time.parse().expect("whole seconds");
            series.entry(name).or_default().insert((time - START) / INTERVAL, value);
        }
    }
    let mut text = String::new();
    for (name, values) in series {
        let mut was_there = false;
        let values = (0..=end / INTERVAL).map(|slot| match values.get(&slot) {
            Some(&value) => {
                was_there = true;
                value
            }
            // A scraper notes that a series is gone.
            None if std::mem::take(&mut was_there) => "stale",
            None => "_",
        });
        let values = values.collect::<Vec<_>>().join(" ");
        let _ = writeln!(text, "      - series: '{name}'\n        values: '{values}'");
    }
    text
}

/// The metrics that some PromQL asks for.
fn asked(text: &str) -> BTreeSet<&str> {
    let names = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    names.filter(|name| name.starts_with("greylag_") || *name == "up").collect()
}

#[test]
fn rules_would_have_told_of_the_outage_in_time() {
    if !has(PROMTOOL) {
        return;
    }
    let tools = workspace().join("tools/monitoring");
    let rules = std::fs::read_to_string(tools.join("alerts.yml")).expect("the rules are there");
    let template = std::fs::read_to_string(tools.join("dataforest.test.yml")).expect("the test is there");
    let series = input_series(&incident().metrics, &asked(&rules), 16 * 60);
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("alerts.yml"), &rules).expect("the rules are copied");
    let test = template.replace("      # The series come from a replay.\n", &series);
    assert_ne!(test, template, "the test has a place for the series");
    let file = folder.path().join("test.yml");
    std::fs::write(&file, test).expect("the test is written");
    promtool(&["test", "rules"], &file);
    promtool(&["check", "rules"], &folder.path().join("alerts.yml"));
}

fn promtool(words: &[&str], file: &Path) -> String {
    let output = Command::new("promtool").args(words).arg(file).output().expect("promtool runs");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{words:?}: {text}");
    text
}

/// The whole history can be taken into a Prometheus.
#[test]
fn prometheus_takes_a_replay_as_history() {
    if !has(PROMTOOL) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("m.prom");
    std::fs::write(&file, &incident().metrics).expect("the metrics are written");
    let words = ["tsdb", "create-blocks-from", "openmetrics"];
    let output = Command::new("promtool").args(words).arg(&file).arg(folder.path().join("data")).output();
    let output = output.expect("promtool runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = promtool(&["tsdb", "list"], &folder.path().join("data"));
    assert!(text.lines().count() >= 2, "{text}");
}

/// The panels of the dashboard are where they can be seen, and ask for what there is.
#[test]
fn the_dashboard_asks_for_metrics_that_are_there() {
    let file = workspace().join("tools/monitoring/dashboard.json");
    let text = std::fs::read_to_string(file).expect("the dashboard is there");
    let dashboard: Value = serde_json::from_str(&text).expect("it is JSON");
    for key in ["title", "uid", "schemaVersion", "panels", "templating", "time", "annotations"] {
        assert!(!dashboard[key].is_null(), "{key} is missing");
    }
    let documented = documented();
    let (mut ids, mut places, mut expressions) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for panel in dashboard["panels"].as_array().expect("panels") {
        let title = panel["title"].as_str().expect("a title");
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{title}");
        let place = |key: &str| panel["gridPos"][key].as_u64().unwrap_or_else(|| panic!("{title}: {key}"));
        assert!(place("x") + place("w") <= 24, "{title} is too wide");
        for (x, y) in (place("x")..place("x") + place("w"))
            .flat_map(|x| (place("y")..place("y") + place("h")).map(move |y| (x, y)))
        {
            assert!(places.insert((x, y)), "{title} is on another panel");
        }
        for target in panel["targets"].as_array().into_iter().flatten() {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
            let expression = target["expr"].as_str().expect("an expression");
            for metric in asked(expression) {
                assert!(metric == "up" || documented.contains_key(metric), "{title}: {metric}");
            }
            expressions.push(expression.replace("$__rate_interval", "1m").replace("$instance", ".*"));
        }
    }
    let asked: BTreeSet<&str> = expressions.iter().flat_map(|expression| asked(expression)).collect();
    for metric in
        ["greylag_port_drops_total", "greylag_agent_state", "greylag_alarm_active", "greylag_lacp_mux_state"]
    {
        assert!(asked.contains(metric), "no panel has {metric}");
    }
    if !has(PROMTOOL) {
        return;
    }
    let mut rules = "groups:\n  - name: panels\n    rules:\n".to_owned();
    for (index, expression) in expressions.iter().enumerate() {
        let _ = writeln!(
            rules,
            "      - record: panel:{index}\n        expr: {}",
            Value::from(expression.as_str())
        );
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("panels.yml");
    std::fs::write(&file, rules).expect("the panels are written");
    promtool(&["check", "rules"], &file);
}
