//! `greylag replay --report`: the page is whole without a browser, and does what it should in one.

use crate::browser::Browser;
use crate::program::Desk;
use greylag_observe::report::{Recorder, Report, Variant};
use greylag_scenario::Source;
use greylag_scenario::story::{self, Choice, Scenario};
use greylag_sim::replay::{Loss, Options, Outcome, replay};
use greylag_tests::{Need, has, workspace};
use serde_json::Value;
use std::fs;
use std::time::Duration;

const CHROMIUM: &[Need] = &[
    Need::Program { name: "chromium", package: "chromium" },
    Need::Program { name: "chromedriver", package: "chromium-driver" },
];

fn read(file: &str) -> Scenario {
    let source = Source::read(workspace().join("scenarios").join(file)).unwrap();
    story::parse(&source, &Choice::default()).unwrap_or_else(|error| panic!("{}", error.render()))
}

fn page(scenario: &Scenario, until: Option<Duration>) -> (Outcome, String) {
    let mut recorder = Recorder::new(&scenario.lab, None);
    let mut discords = Vec::new();
    let options =
        Options { until, events: Some(&mut recorder), discords: Some(&mut discords), ..Options::default() };
    let outcome = replay(scenario, scenario.seed, options).unwrap();
    let page = Report::new(scenario, &outcome, &recorder, &discords, &[]).page();
    (outcome, page)
}

/// What the page's scripts read.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once(r#"<script type="application/json" id="data">"#).expect("it has data");
    let (data, _) = rest.split_once("</script>").expect("which end");
    serde_json::from_str(data).expect("and are JSON")
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_whoever_looks_on_changes_nothing() {
    let scenario = read("learning/agent-dies.yml");
    let ((outcome, one), (_, other)) = (page(&scenario, None), page(&scenario, None));
    assert_eq!(one, other);
    assert_eq!(outcome.digest, replay(&scenario, scenario.seed, Options::default()).unwrap().digest);
    assert!(one.len() < 300_000, "{} bytes", one.len());
    for outside in ["src=", "@import", "url(http", "@font-face"] {
        assert!(!one.contains(outside), "it asks for something that is not in it: {outside}");
    }

    let data = data(&one);
    let names: Vec<&str> =
        data["expectations"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    let wanted: Vec<&str> = outcome.expectations.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, wanted);
    assert_eq!(data["digest"], outcome.digest.as_str());
    assert_eq!(data["traffic"]["flows"].as_array().unwrap().len(), outcome.flows.len());
    let summary = data["summary"].to_string();
    for part in
        ["At 13:28:08.4 the learning agent of sw2 is given up", "not-in-flood-group", "exporter at 13:28:10"]
    {
        assert!(summary.contains(part), "{part}: {summary}");
    }
}

/// `<` in a text of the file ends no element of the page.
#[test]
fn what_a_file_says_is_text() {
    let mut scenario = read("learning/stale-member.yml");
    scenario.title = "</script><script>alert(1)</script>".to_owned();
    let (_, page) = page(&scenario, Some(Duration::from_secs(1)));
    assert_eq!(page.matches("</script>").count(), 2);
    assert_eq!(data(&page)["title"], scenario.title.as_str());
}

#[test]
fn it_is_written_beside_whatever_is_printed() {
    let desk = Desk::new();
    let path = desk.path("out.html");
    let path = path.to_str().unwrap();
    let answer = desk.json(&["replay", "cut.yml", "-j", "--report", path], 0);
    let first = fs::read_to_string(path).unwrap();
    assert_eq!(data(&first)["digest"], answer["digest"]);
    assert!(data(&first)["variants"].as_array().unwrap().is_empty());

    desk.prints(&["replay", "cut.yml", "--report", path], 0);
    assert_eq!(fs::read_to_string(path).unwrap(), first);

    // The variant expects what is not so.
    let rows = desk.json(&["replay", "cut.yml", "-j", "--variants", "all", "--report", path], 1);
    let variants = &data(&fs::read_to_string(path).unwrap())["variants"];
    assert_eq!(variants.as_array().unwrap().len(), rows.as_array().unwrap().len());
    assert_eq!(variants[0]["losses"], rows[0]["losses"]);
}

#[test]
fn a_page_that_cannot_be_written_is_told_before_the_replay() {
    let desk = Desk::new();
    let error = desk.json(&["replay", "cut.yml", "-j", "--report", "/nowhere/out.html"], 1);
    let text = error["error"].as_str().unwrap();
    assert!(text.starts_with("cannot write /nowhere/out.html: "), "{text}");
}

/// Until ca2's agent has been dead for long enough, and everything that hangs off it is gone.
#[test]
fn in_a_browser_the_slider_moves_the_state() {
    if !has(CHROMIUM) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    let (_, page) = page(&read("dataforest-2025-10-23.yml"), Some(Duration::from_secs(16 * 60)));
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    fs::write(&file, page).unwrap();
    let browser = Browser::start();
    let text = |script: &str| browser.run(script).as_str().unwrap_or_default().to_owned();
    let class =
        |selector: &str| text(&format!("return document.querySelector('{selector}').getAttribute('class')"));

    browser.open(&file, "#t=13:30:00", (1280, 900), false);
    assert_eq!(text("return document.getElementById('moment').textContent"), "13:30:00");
    // r7 keeps one chassis of two: which one it is, LACP decides.
    let legs = ["ca1:eth17", "ca2:eth17", "r7:eth1", "r7:eth2"].map(|end| format!("[data-end=\"{end}\"]"));
    assert!(legs.iter().all(|leg| class(leg) == "line ok"), "both legs are in use");
    assert_eq!(class("[data-node=\"ca2\"]"), "switch bad", "its agent is dead already");
    assert_eq!(class("[data-node=\"c7\"]"), "host ok", "and nobody has noticed");

    // As a hand at the slider would.
    browser.run(
        "const slider = document.getElementById('slider'); slider.value = 15 * 60 * 1e6;
         slider.dispatchEvent(new Event('input'))",
    );
    assert_eq!(text("return document.getElementById('moment').textContent"), "13:35:00");
    let in_use = legs.iter().filter(|leg| class(leg) == "line ok").count();
    assert!(in_use < legs.len(), "one leg is left");
    assert_eq!(text("return document.querySelector('.session').getAttribute('class')"), "session bad");
    assert_ne!(class("[data-node=\"c7\"]"), "host ok");
    assert_eq!(browser.complaints(), Vec::<String>::new());

    for (size, dark) in [((360, 740), false), ((360, 740), true), ((1280, 900), true)] {
        browser.open(&file, "#t=13:35:00&at=ca2", size, dark);
        let wide = browser.run("return document.documentElement.scrollWidth - innerWidth");
        assert!(wide.as_i64().unwrap() <= 0, "{size:?} scrolls sidewards by {wide}");
        assert!(text("return document.getElementById('chosen').textContent").contains("learning: given up"));
        let ground = text("return getComputedStyle(document.body).backgroundColor");
        assert_eq!(ground == "rgb(20, 23, 26)", dark, "{ground}");
        assert_eq!(browser.complaints(), Vec::<String>::new());
    }
}

/// A bundle of which one link carries one way only, as it was and with LACP at its fastest, beside each other.
#[test]
fn variants_stand_side_by_side() {
    if !has(CHROMIUM) {
        return;
    }
    let file = "learning/one-way-link.yml";
    let as_it_was = read(file);
    let mut recorder = Recorder::new(&as_it_was.lab, None);
    let options = Options { events: Some(&mut recorder), ..Options::default() };
    let outcome = replay(&as_it_was, as_it_was.seed, options).unwrap();
    let variant = |name: Option<&str>, title: &str, outcome: &Outcome| Variant {
        name: name.map(str::to_owned),
        title: title.to_owned(),
        holds: outcome.holds,
        losses: outcome.losses.clone(),
    };
    let source = Source::read(workspace().join("scenarios").join(file)).unwrap();
    let choice = Choice { variant: Some("fast".to_owned()), ..Choice::default() };
    let fast = story::parse(&source, &choice).unwrap();
    let faster = replay(&fast, fast.seed, Options::default()).unwrap();
    let variants = [
        variant(None, &as_it_was.title, &outcome),
        variant(Some("fast"), "three seconds of silence", &faster),
    ];
    let page = Report::new(&as_it_was, &outcome, &recorder, &[], &variants).page();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.html");
    fs::write(&path, page).unwrap();

    let browser = Browser::start();
    for (size, dark) in [((360, 740), true), ((360, 740), false), ((1280, 900), false), ((1280, 900), true)] {
        browser.open(&path, "", size, dark);
        let rows = browser.run(
            "return [...document.querySelectorAll('#variants tbody tr')].map((row) =>
                 [row.querySelector('b').textContent, row.querySelector('.ok, .bad').title,
                  ...[...row.querySelectorAll('.number')].map((cell) => cell.textContent),
                  row.querySelector('.meter-bar').getBoundingClientRect().width])",
        );
        // Whoever loses least comes first, and its bar is as much shorter.
        let rows = rows.as_array().unwrap();
        let names: Vec<&str> = rows.iter().map(|row| row[0].as_str().unwrap()).collect();
        assert_eq!(names, ["fast", "as it was"]);
        let minutes = |losses: &[Loss]| losses.iter().map(Loss::minutes_by_weight).sum::<f64>();
        let lost = [minutes(&faster.losses), minutes(&outcome.losses)];
        for (row, lost) in rows.iter().zip(lost) {
            assert_eq!((&row[1], &row[3]), (&"as expected".into(), &format!("{lost:.2}").into()), "{row}");
        }
        let widths = rows.iter().map(|row| row[4].as_f64().unwrap()).collect::<Vec<_>>();
        assert!((widths[0] / widths[1] - lost[0] / lost[1]).abs() < 0.02, "{widths:?} for {lost:?}");
        // What a script has put where words should be.
        let strays = browser.run(
            "return ['head', 'variants', 'assumptions', 'holes', 'checks'].filter((id) =>
                 /\\b(false|true|undefined|null|NaN)\\b/.test(document.getElementById(id).innerText))",
        );
        assert_eq!(strays, Value::Array(Vec::new()), "{size:?}");
        let wide = browser.run("return document.documentElement.scrollWidth - innerWidth");
        assert!(wide.as_i64().unwrap() <= 0, "{size:?} scrolls sidewards by {wide}");
        assert_eq!(browser.complaints(), Vec::<String>::new());
    }
}
