//! `tools/monitoring/dashboard.json`: its form is what Grafana takes, and what its panels ask a real Prometheus answers.

use crate::incident::incident;
use crate::monitoring::{PROMTOOL, asked, documented};
use greylag_tests::monitoring::{Prometheus, dashboard, questions};
use greylag_tests::{Need, has, wait_for};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::{Command, Output};
use std::time::Duration;

const PROMETHEUS: &[Need] = &[Need::Program { name: "prometheus", package: "prometheus" }];
const DEADLINE: Duration = Duration::from_secs(60);

/// What only live switches count: forwarding takes no time in a replay. `tests/live/measuring.rs` asks for it.
const LIVE_ONLY: &[&str] =
    &["greylag_worker_busy_seconds_total", "greylag_worker_busy_cycles_total", "greylag_worker_frames_total"];

/// Panels that Grafana draws without a plugin, of those that are used here.
const KINDS: &[&str] = &["row", "stat", "state-timeline", "timeseries"];

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is no text in {value:#}"))
}

/// Grafana's own model of a dashboard (kinds/dashboard of Grafana 10, whose schemaVersion is 39): what it cannot do without.
#[test]
fn the_dashboard_has_the_form_that_grafana_takes() {
    let dashboard = dashboard();
    assert_eq!(dashboard["schemaVersion"], 39);
    let uid = text(&dashboard, "uid");
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    assert!(!uid.is_empty() && uid.len() <= 40 && uid.chars().all(is_plain), "{uid}");
    assert!(!text(&dashboard, "title").is_empty());
    assert!(!text(&dashboard["time"], "from").is_empty() && !text(&dashboard["time"], "to").is_empty());
    assert!(dashboard["annotations"]["list"].is_array() && dashboard["id"].is_null());
    // It asks for the data source when it is imported: none is named in it.
    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    let variable = |name: &str| {
        let found = variables.iter().find(|variable| variable["name"] == name);
        found.unwrap_or_else(|| panic!("there is no variable {name}"))
    };
    let datasource = variable("datasource");
    assert_eq!((text(datasource, "type"), text(datasource, "query")), ("datasource", "prometheus"));
    let instance = variable("instance");
    assert_eq!((text(instance, "type"), text(&instance["datasource"], "uid")), ("query", "${datasource}"));
    assert_eq!(instance["includeAll"], true);

    let (mut ids, mut places) = (BTreeSet::new(), BTreeSet::new());
    for panel in dashboard["panels"].as_array().expect("panels") {
        let title = text(panel, "title");
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{title}: its id is another's");
        assert!(KINDS.contains(&text(panel, "type")), "{title}: {}", panel["type"]);
        let place = |key: &str| panel["gridPos"][key].as_u64().unwrap_or_else(|| panic!("{title}: {key}"));
        let (x, y, width, height) = (place("x"), place("y"), place("w"), place("h"));
        assert!(width > 0 && height > 0 && x + width <= 24, "{title} is too wide, or nothing");
        for (x, y) in (x..x + width).flat_map(|x| (y..y + height).map(move |y| (x, y))) {
            assert!(places.insert((x, y)), "{title} is on another panel");
        }
        if panel["type"] == "row" {
            assert!(panel["panels"].is_array() && panel["collapsed"] == false, "{title}");
            continue;
        }
        assert_eq!(text(&panel["datasource"], "uid"), "${datasource}", "{title}");
        assert!(panel["fieldConfig"]["defaults"].is_object(), "{title}");
        assert!(panel["fieldConfig"]["overrides"].is_array() && panel["options"].is_object(), "{title}");
        let mut letters = BTreeSet::new();
        let targets = panel["targets"].as_array().expect("targets");
        assert!(!targets.is_empty(), "{title} asks for nothing");
        for target in targets {
            assert!(letters.insert(text(target, "refId")), "{title}: a refId is another's");
            assert_eq!(text(&target["datasource"], "uid"), "${datasource}", "{title}");
        }
    }
}

/// What of interest an operator would look for is on some panel, and all of it is documented.
#[test]
fn the_dashboard_asks_for_metrics_that_are_there() {
    let documented = documented();
    let questions = questions(&dashboard());
    let mut all = BTreeSet::new();
    for (title, question) in &questions {
        for metric in asked(question) {
            assert!(metric == "up" || documented.contains_key(metric), "{title}: {metric}");
            all.insert(metric);
        }
    }
    for metric in [
        "greylag_port_drops_total",
        "greylag_agent_state",
        "greylag_alarm_active",
        "greylag_lacp_mux_state",
        "greylag_worker_busy_cycles_total",
    ] {
        assert!(all.contains(metric), "no panel has {metric}");
    }
}

/// The outage of October 2025 in a Prometheus, and everything that the dashboard would ask of it, over the whole time.
#[test]
fn prometheus_answers_what_the_panels_ask() {
    if !has(PROMTOOL) || !has(PROMETHEUS) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("m.prom");
    std::fs::write(&file, &incident().metrics).expect("the metrics are written");
    let blocks = ["tsdb", "create-blocks-from", "openmetrics"];
    let data = folder.path().join("data");
    let made = Command::new("promtool").args(blocks).arg(&file).arg(&data).output().expect("promtool runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));

    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap().port();
    let _prometheus = Prometheus::start(folder.path(), "global: {}\n", port);
    let server = format!("http://127.0.0.1:{port}");
    let day = "1970-01-01T13:";
    let (start, end) = (format!("--start={day}20:00Z"), format!("--end={day}36:00Z"));
    let ask = |question: &str| -> Output {
        let words = ["query", "range", "--step=15s", &start, &end, &server, question];
        Command::new("promtool").args(words).output().expect("promtool runs")
    };
    wait_for("it answers", DEADLINE, || {
        let up = ask("up");
        (up.status.success() && !up.stdout.trim_ascii().is_empty()).then_some(())
    });
    for (title, question) in questions(&dashboard()) {
        let answer = ask(&question);
        let (told, error) =
            (String::from_utf8_lossy(&answer.stdout), String::from_utf8_lossy(&answer.stderr));
        assert!(answer.status.success(), "{title}: {question}: {error}");
        let is_live = asked(&question).into_iter().any(|metric| LIVE_ONLY.contains(&metric));
        assert_eq!(told.trim().is_empty(), is_live, "{title}: {question}: {told}");
    }
}
