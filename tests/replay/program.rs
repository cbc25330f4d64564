//! One replay: its text, its JSON, its files, its end.

use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output};
use tempfile::TempDir;

pub(crate) use greylag_tests::program;

/// A folder with a scenario in it.
pub(crate) struct Desk {
    folder: TempDir,
}

/// A cable is cut for half a minute, and nobody sees it.
const SCENARIO: &str = r#"
name: cut
title: A cable is cut, and nobody sees it
lesson: {cause: a cut beyond a converter, seen: some are silent, notice: the flows, avoid: a test of the link itself}
start: "13:26:00"
duration: 2m
parameters:
  heals: {value: 90s, standing: assumed, choices: [90s, 100s]}
topology:
  nodes:
    sw1: {kind: greylag}
    sw2: {kind: greylag}
    h1: {kind: host}
    h2: {kind: host}
  links:
    - {endpoints: ["sw1:eth1", {node: h1, interface: eth1, ipv4: 10.0.0.1/24}]}
    - {endpoints: ["sw2:eth1", {node: h2, interface: eth1, ipv4: 10.0.0.2/24}]}
    - {endpoints: ["sw1:eth2", "sw2:eth2"]}
flows:
  web: {from: [h1], to: [h2], interval: 100ms}
timeline:
  - {at: 60s, link: {end: "sw1:eth2", down: {seen-by: nobody}}, standing: logged, source: a log}
  - {at: $heals, link: {end: "sw1:eth2", up: true}, standing: assumed}
pollers:
  snmp: {switches: [sw1, sw2], period: 5m}
expect:
  - {name: silence, black-hole: web, at: "13:27:00", tolerance: 1s, lasts: [29s, 31s], cause: link, standing: logged}
violations: [no-black-hole]
variants:
  noticed:
    title: both ends lose carrier
    patch: {violations: []}
"#;

impl Desk {
    pub(crate) fn new() -> Self {
        let desk = Desk { folder: tempfile::tempdir().expect("a folder") };
        std::fs::write(desk.path("cut.yml"), SCENARIO).expect("the scenario is written");
        desk
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the program in the folder.
    pub(crate) fn greylag(&self, words: &[&str]) -> Output {
        Command::new(program())
            .args(words)
            .current_dir(self.folder.path())
            .output()
            .expect("the program runs")
    }

    /// Standard output of a run that ends with `status`.
    pub(crate) fn prints(&self, words: &[&str], status: i32) -> String {
        let output = self.greylag(words);
        let error = String::from_utf8_lossy(&output.stderr);
        let text = String::from_utf8(output.stdout).expect("the program prints UTF-8");
        assert_eq!(output.status.code(), Some(status), "{words:?}\n{text}{error}");
        text
    }

    pub(crate) fn json(&self, words: &[&str], status: i32) -> Value {
        let text = self.prints(words, status);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{words:?}: {error}\n{text}"))
    }
}

#[test]
fn a_replay_says_what_was_done_what_came_out_and_who_is_to_blame() {
    let desk = Desk::new();
    let text = desk.prints(&["replay", "cut.yml"], 0);
    for words in [
        "A cable is cut, and nobody sees it",
        "13:27:00",
        "ok  silence",
        "web h1 to h2  1200",
        "sw1 · link sw1:eth2 - sw2:eth2 is down since 13:27:00",
        "snmp looks every 5m0s",
        "expected    13:27:03",
        "LESSON",
        "--variant noticed",
        "HOLDS",
    ] {
        assert!(text.contains(words), "{words} is missing:\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 80), "fits 80 columns:\n{text}");
    assert!(!text.contains('\x1b'), "plain on a pipe");
}

#[test]
fn what_is_not_as_expected_ends_with_one() {
    let desk = Desk::new();
    let text = desk.prints(&["replay", "cut.yml", "--variant", "noticed"], 1);
    assert!(text.contains("UNEXPECTED") && text.contains("FAILS"), "{text}");
    let text = desk.prints(&["replay", "cut.yml", "--assume", "heals=100s"], 1);
    assert!(text.contains("NO  silence") && text.contains("it lasts 40s"), "{text}");
}

#[test]
fn json_is_the_same_each_time_but_for_the_wall_clock_and_has_the_digest_of_the_lines() {
    let desk = Desk::new();
    let words = ["replay", "cut.yml", "-j", "--events", "events.jsonl", "--metrics", "metrics.prom"];
    let mut values = [desk.json(&words, 0), desk.json(&words[..3], 0)];
    for value in &mut values {
        assert!(value.as_object_mut().expect("an object").remove("wall-ns").is_some());
    }
    assert_eq!(values[0], values[1]);
    let lines = std::fs::read_to_string(desk.path("events.jsonl")).expect("the file is written");
    assert_eq!(values[0]["events"], lines.lines().count());
    let sum = Command::new("sha256sum").arg(desk.path("events.jsonl")).output().expect("coreutils are there");
    let sum = String::from_utf8_lossy(&sum.stdout).into_owned();
    assert_eq!(values[0]["digest"].as_str(), sum.split(' ').next());
    let other = desk.json(&["replay", "cut.yml", "-j", "--seed", "2", "--until", "13:26:30"], 1);
    assert_eq!((&other["seed"], &other["cut-short"]), (&Value::from(2), &Value::from(true)));
    assert_ne!(other["digest"], values[0]["digest"]);
}

#[test]
fn wrong_words_and_files_end_with_two_and_say_what_would_be_right() {
    let desk = Desk::new();
    let broken = SCENARIO.replace("tolerance: 1s", "tolerance: soon");
    std::fs::write(desk.path("broken.yml"), broken).expect("it is written");
    let cases: &[(&[&str], &str)] = &[
        (&["replay", "broken.yml"], "tolerance"),
        (&["replay", "broken.yml", "--check"], "tolerance"),
        (&["replay", "none.yml"], "none.yml"),
        (&["replay", "cut.yml", "--variant", "noticd"], "noticed"),
        (&["replay", "cut.yml", "--assume", "heal=1s"], "heals"),
        (&["replay", "cut.yml", "--assume", "heals"], "NAME=VALUE"),
        (&["replay", "cut.yml", "--until", "soon"], "13:30"),
        (&["sweep", "cut.yml", "--seeds", "9"], "A..B"),
        (&["sweep", "cut.yml", "--seeds", "0..2", "--shard", "3/2"], "I/N"),
        (&["sweep", "cut.yml", "--seeds", "0..2", "--assumptions", "heal"], "heals"),
        (&["sweep", "cut.yml"], "required"),
    ];
    for (words, expected) in cases {
        let output = desk.greylag(words);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {error}");
        assert!(error.contains(expected), "{words:?}: {error}");
        let json = desk.json(&[words, &["-j"][..]].concat(), 2);
        assert!(json["error"].as_str().is_some_and(|error| error.contains(expected)), "{words:?}: {json}");
    }
    assert!(desk.prints(&["replay", "cut.yml", "--check"], 0).contains("variants: noticed"));
}
