//! `greylag help` and completions, for somebody who has the program and nothing else.

use crate::program::{Desk, program};
use std::path::Path;
use std::process::Command;

#[test]
fn the_library_is_in_the_program() {
    let desk = Desk::new();
    let text = desk.prints(&["help", "learning-failures"], 0);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "fits 80 columns:\n{text}");
    let commands: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("  greylag ")).collect();
    assert!(commands.len() > 30, "{text}");
    for name in ["learning/agent-dies", "routing/stale-bucket", "mclag/matrix", "dataforest-2025-10-23"] {
        assert!(commands.contains(&format!("replay {name}").as_str()), "{name} is missing:\n{text}");
        // There is no such file where it is read.
        let checked = desk.prints(&["replay", name, "--check"], 0);
        assert!(checked.contains(" nodes, "), "{checked}");
    }
    let lesson = desk.prints(&["help", "learning/agent-dies"], 0);
    assert!(lesson.contains("avoid   Commit with confirm-within"), "{lesson}");
    assert!(lesson.contains("greylag replay learning/agent-dies --variant commit-confirmed"), "{lesson}");
    // A file of the name is nearer.
    std::fs::create_dir(desk.path("learning")).expect("a folder");
    std::fs::copy(desk.path("cut.yml"), desk.path("learning/agent-dies")).expect("a copy");
    let checked = desk.prints(&["replay", "learning/agent-dies", "--check"], 0);
    assert!(checked.starts_with("cut: "), "{checked}");
}

#[test]
fn help_knows_commands_and_topics() {
    let desk = Desk::new();
    assert!(desk.prints(&["help"], 0).contains("greylag help learning-failures"));
    assert!(desk.prints(&["help", "lab", "deploy"], 0).contains("LAB.clab.yml"));
    assert!(desk.prints(&["help", "drop-reasons"], 0).contains("\nnot-in-flood-group "));
    let output = desk.greylag(&["help", "lab", "depoy"]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2));
    assert!(error.contains("`lab depoy`") && error.contains("learning-failures"), "{error}");
}

#[test]
fn a_shell_completes_what_may_follow() {
    let folder = program().parent().map(Path::to_owned).expect("the program has a folder");
    let path = std::env::var("PATH").expect("there is a PATH");
    let script = "source <(greylag completions bash)
        COMP_WORDS=(greylag show ev) COMP_CWORD=2
        _clap_complete_greylag greylag ev show
        echo \"${COMPREPLY[@]}\"";
    let output = Command::new("bash")
        .args(["-c", script])
        .env("PATH", format!("{}:{path}", folder.display()))
        .output()
        .expect("bash runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(text.trim(), "events", "{}", String::from_utf8_lossy(&output.stderr));
    let desk = Desk::new();
    for shell in ["zsh", "fish"] {
        assert!(desk.prints(&["completions", shell], 0).contains("COMPLETE="), "{shell}");
    }
}
