//! Documents that show a terminal: every command in them is typed, and what they show of its answer is there.

use crate::program::{Desk, program};
use greylag_tests::workspace;
use std::process::Command;

/// A command of the document, and the lines that it shows below it.
struct Step<'a> {
    command: &'a str,
    shown: Vec<&'a str>,
}

fn steps(text: &str) -> Vec<Step<'_>> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    for block in text.split("```\n").skip(1).step_by(2).filter(|block| block.starts_with("$ ")) {
        for line in block.lines() {
            match line.strip_prefix("$ ") {
                Some(command) => steps.push(Step { command, shown: Vec::new() }),
                None => steps.last_mut().expect("a block begins with a command").shown.push(line),
            }
        }
    }
    steps
}

/// Types the commands of a document where there is nothing but the program.
fn hold(document: &str, least: usize) {
    let text = std::fs::read_to_string(workspace().join(document)).expect("it is there");
    let steps = steps(&text);
    assert!(steps.len() >= least, "{document} has commands");
    let desk = Desk::new();
    let folder = program().parent().expect("the program has a folder").to_owned();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").expect("there is a PATH"));
    for Step { command, shown } in steps {
        let output = Command::new("bash")
            .args(["-c", command])
            .env("PATH", &path)
            .current_dir(desk.path("."))
            .output()
            .expect("bash runs");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        // Its status says that something dies.
        let status = i32::from(command.starts_with("greylag why"));
        assert_eq!(output.status.code(), Some(status), "{command}: {}\n{printed}", output.status);
        // `...` stands for lines that are left out; the others are there, in their order.
        let mut rest = printed.lines();
        for line in shown.into_iter().filter(|line| *line != "...") {
            assert!(
                rest.any(|printed| printed == line),
                "`{command}` does not print {line:?} there:\n{printed}"
            );
        }
    }
}

#[test]
fn ten_minutes_of_a_newcomer() {
    hold("docs/ten-minutes.md", 8);
}

#[test]
fn the_incident_in_readme() {
    hold("README.md", 2);
}
