//! `greylag lab exec`: other people's programs in the nodes of a lab.

use crate::rig::{DEADLINE, LIVE, Lab, greylag, program, signal};
use greylag_tests::{has, wait_for};
use rustix::process::Signal;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Output, Stdio};

const HOSTS: &str = "topology:\n  nodes:\n    h1: {kind: host}\n    h2: {kind: host}\n";

/// `greylag lab exec LAB NODES -- sh -c SCRIPT`, to its end.
fn exec(lab: &Lab, nodes: &[&str], script: &str) -> Output {
    greylag(&[&["lab", "exec", &lab.name], nodes, &["--", "sh", "-c", script]].concat())
}

/// The same, with pipes to it.
fn begin(lab: &Lab, nodes: &[&str], script: &str) -> Child {
    Command::new(program())
        .args(["lab", "exec", &lab.name])
        .args(nodes)
        .args(["--", "sh", "-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program runs")
}

#[test]
fn in_one_node_a_command_stands_in_the_place_of_the_program() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(HOSTS);
    // What it prints is seen while it runs, and what is typed reaches it.
    let mut child =
        begin(&lab, &["h1"], "echo ready; read word; printf \"\\377\\000$word\"; echo bad >&2; exit 7");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    output.read_line(&mut line).expect("it prints");
    assert_eq!(line, "ready\n");
    child.stdin.take().expect("a pipe").write_all(b"word\n").expect("it reads");
    let mut rest = Vec::new();
    output.read_to_end(&mut rest).expect("it prints on");
    assert_eq!(rest, b"\xff\0word", "byte by byte");
    assert_eq!(child.wait().expect("it ends").code(), Some(7));

    let killed = exec(&lab, &["h2"], "kill -TERM $$");
    assert_eq!(killed.status.signal(), Some(15), "which a shell calls 143");
    let missing = greylag(&["lab", "exec", &lab.name, "h1", "--", "no-such-program"]);
    assert_eq!(missing.status.code(), Some(1));
    let error = String::from_utf8_lossy(&missing.stderr);
    assert!(error.starts_with("greylag: cannot run `no-such-program` in node `h1`"), "{error}");
}

/// Ctrl-C.
#[test]
fn an_interrupt_reaches_the_command_and_what_it_printed_stays() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(HOSTS);
    let deployed = lab.before.traces();
    let script = "trap 'echo last; exit 3' INT; echo first; while :; do sleep 0.01; done";
    let mut child = begin(&lab, &["h1"], script);
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut text = String::new();
    output.read_line(&mut text).expect("it prints");
    signal(&child, Signal::INT);
    output.read_to_string(&mut text).expect("it prints on");
    assert_eq!((&*text, child.wait().expect("it ends").code()), ("first\nlast\n", Some(3)));
    wait_for("nothing of it runs", DEADLINE, || (lab.before.traces() == deployed).then_some(()));
}

#[test]
fn in_several_nodes_commands_run_one_after_the_other() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(HOSTS);
    let output = exec(&lab, &[], "printf '\\377\\n'");
    assert!(output.status.success());
    let command = b"sh -c printf '\\377\\n'\n\xff\n";
    assert_eq!(output.stdout, [&b"[h1] "[..], command, b"[h2] ", command].concat());
    let output = exec(&lab, &["h1", "h2"], "ip link | grep -q lo; echo out; echo err >&2; exit 9");
    assert_eq!(output.status.code(), Some(1), "one failed");
    assert_eq!(String::from_utf8_lossy(&output.stdout).matches("\nout\n").count(), 2);
    assert_eq!(output.stderr, b"err\nerr\n");
}

#[test]
fn a_program_that_is_ended_leaves_no_command_running_in_several_nodes() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(HOSTS);
    let deployed = lab.before.traces();
    for by in [Signal::INT, Signal::TERM] {
        let child = begin(&lab, &[], "echo first; sleep 600; true");
        wait_for("the first command runs", DEADLINE, || {
            lab.before.traces().iter().any(|trace| trace.ends_with(": sleep 600 ")).then_some(())
        });
        signal(&child, by);
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(output.stdout, b"first\n", "what it printed stays, and the second was left out");
        assert_eq!(lab.before.traces(), deployed);
    }
}
