//! `tools/monitoring`: what Prometheus would have told of the outage of October 2025, and when.

use crate::incident::incident;
use greylag_base::DropReason;
use greylag_tests::{Need, has, workspace};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

pub(crate) const PROMTOOL: &[Need] = &[Need::Program { name: "promtool", package: "prometheus" }];

/// Between two scrapes, in seconds.
const INTERVAL: u64 = 15;

/// 13:20, when the replay begins.
const START: u64 = (13 * 60 + 20) * 60;

/// A family as OpenMetrics heads it.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Family {
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
pub(crate) fn documented() -> BTreeMap<String, Family> {
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
pub(crate) fn asked(text: &str) -> BTreeSet<&str> {
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

pub(crate) fn promtool(words: &[&str], file: &Path) -> String {
    let output = Command::new("promtool").args(words).arg(file).output().expect("promtool runs");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{words:?}: {text}");
    text
}

/// A drop of any kind can be seen from its first frame on: a counter that begins with 1 has no rate.
#[test]
fn every_reason_to_drop_is_there_before_the_first_frame_that_has_it() {
    let metrics = &incident().metrics;
    let first_scrape = format!(" {START}");
    for reason in DropReason::ALL {
        for family in ["greylag_port_drops_total", "greylag_own_drops_total"] {
            let label = format!("reason=\"{reason}\"");
            let is_it = |line: &&str| {
                line.starts_with(family) && line.contains(&label) && line.ends_with(&first_scrape)
            };
            assert!(metrics.lines().any(|line| is_it(&line)), "{family} does not begin with {reason}");
        }
    }
    // What kills the frames of the outage, before it does.
    let of_ca2 = r#"greylag_port_drops_total{instance="ca2""#;
    let mut fatal = metrics
        .lines()
        .filter(|line| line.starts_with(of_ca2) && line.contains(r#"reason="not-in-flood-group"} "#));
    let first = fatal.next().expect("ca2 counts it");
    assert!(first.contains("} 0 "), "{first}");
    assert!(fatal.any(|line| !line.contains("} 0 ")), "and some frames die of it");
}
