//! Sweeps: files that are gone on with, shards, and what they say together.

use crate::program::Desk;
use serde_json::Value;
use std::fs;

fn lines(desk: &Desk, name: &str) -> Vec<Value> {
    let text = fs::read_to_string(desk.path(name)).expect("the file is written");
    let line = |line: &str| serde_json::from_str(line).expect("every line is JSON");
    text.lines().map(line).collect()
}

#[test]
fn a_sweep_goes_on_where_it_was_cut_short() {
    let desk = Desk::new();
    let sweep = ["sweep", "cut.yml", "--seeds", "0..3", "--assumptions", "all", "-o", "all.jsonl"];
    let text = desk.prints(&sweep, 0);
    assert!(text.contains("in 3 of 6 runs") && text.contains("heals=90s"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "fits 80 columns:\n{text}");
    let whole = fs::read(desk.path("all.jsonl")).expect("the file is written");
    fs::write(desk.path("all.jsonl"), &whole[..whole.len() * 2 / 3]).expect("it is cut short");
    desk.prints(&sweep, 0);
    assert_eq!(fs::read(desk.path("all.jsonl")).expect("it is there"), whole);
    let digest = lines(&desk, "all.jsonl")[1]["digest"].clone();
    assert_eq!(desk.json(&["replay", "cut.yml", "--seed", "1", "-j"], 0)["digest"], digest);
}

#[test]
fn shards_are_joined_and_gaps_are_told() {
    let desk = Desk::new();
    for shard in ["1/2", "2/2"] {
        let file = format!("{}.jsonl", &shard[..1]);
        let words = ["sweep", "cut.yml", "--seeds", "0..5", "--jobs", "2", "--shard", shard, "-o", &file];
        desk.prints(&words, 0);
    }
    assert_eq!((lines(&desk, "1.jsonl").len(), lines(&desk, "2.jsonl").len()), (3, 2));
    let one = desk.prints(&["sweep", "merge", "1.jsonl"], 0);
    assert!(one.contains("GAPS: 2 runs"), "{one}");
    let both = desk.json(&["sweep", "merge", "1.jsonl", "2.jsonl", "-j"], 0);
    assert_eq!((&both["runs"], &both["gaps"], &both["holds"]), (&5.into(), &0.into(), &5.into()));
    let text =
        fs::read_to_string(desk.path("2.jsonl")).expect("it is there").replace("\"seed\":1", "\"seed\":0");
    fs::write(desk.path("2.jsonl"), text).expect("it is written");
    let error = desk.json(&["sweep", "merge", "1.jsonl", "2.jsonl", "-j"], 1);
    assert!(error["error"].as_str().is_some_and(|error| error.contains("seed 0")), "{error}");
}

#[test]
fn each_choice_alone_stands_beside_the_file_as_it_is() {
    let desk = Desk::new();
    let sweep = ["sweep", "cut.yml", "--seeds", "0..2", "--assumptions", "all", "--alone"];
    let text = desk.prints(&sweep, 0);
    assert!(text.contains("by how many of the 1 logged events"), "{text}");
    assert!(
        text.contains("     1.0  ") && text.contains("     0.0  "),
        "one choice has it, one has not: {text}"
    );
}

#[test]
fn variants_are_held_against_the_file_as_it_is() {
    let desk = Desk::new();
    // The variant expects no violation, and there is one.
    let rows = desk.json(&["replay", "cut.yml", "--variants", "all", "-j"], 1);
    assert_eq!((&rows[0]["variant"], &rows[1]["variant"]), (&Value::Null, &"noticed".into()));
    let lost = |row: usize| rows[row]["losses"][0]["lost-bits"].as_f64().expect("it is a number");
    assert!((29e6..31e6).contains(&lost(0)) && lost(0) == lost(1), "a megabit for half a minute");
}
