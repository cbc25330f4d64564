//! What README shows of its first command is what the command prints.

use crate::program::program;
use greylag_tests::workspace;
use std::process::Command;

const SCENARIO: &str = "scenarios/learning/agent-dies.yml";

#[test]
fn the_replay_in_readme_is_the_one_that_runs() {
    let readme = std::fs::read_to_string(workspace().join("README.md")).expect("README can be read");
    assert!(readme.contains(&format!("cargo run --release -- replay {SCENARIO}")));
    let shown =
        readme.split("```\n").find(|block| block.starts_with("TIME ")).expect("README shows a replay");
    let output = Command::new(program())
        .args(["replay", SCENARIO])
        .current_dir(workspace())
        .output()
        .expect("the program runs");
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).expect("it prints text");
    // `...` stands for lines that are left out; the others are there, in their order.
    let mut rest = printed.lines();
    for line in shown.lines().filter(|line| *line != "...") {
        assert!(
            rest.any(|printed| printed == line),
            "README has what is not printed, or not there: {line:?}"
        );
    }
}
