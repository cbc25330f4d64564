//! How labs come and go.

use crate::rig::{DEADLINE, LIVE, Lab, as_nobody, greylag, nobodys_folder, program, signal, succeed};
use greylag_lab::host;
use greylag_tests::{Need, has, wait_for};
use rustix::process::Signal;
use serde_json::Value;
use std::process::{Command, Stdio};
use std::time::Duration;

const PAIR: &str = r#"
topology:
  nodes:
    sw1: {kind: greylag}
    sw2: {kind: greylag}
    h1: {kind: host}
    h2: {kind: host}
  links:
    - endpoints: ["sw1:up", "sw2:up"]
    - endpoints: ["sw1:eth1", {node: h1, interface: eth1, ipv4: 10.0.0.1/24}]
    - {type: tap, endpoints: ["sw2:eth1", {node: h2, interface: eth1, ipv4: 10.0.0.2/24}]}
"#;

fn reaches(lab: &Lab) -> bool {
    let target = "10.0.0.2".parse().expect("an address");
    host::ping(&lab.netns("h1"), target, 1, Duration::ZERO, Duration::from_secs(1))
        .is_ok_and(|report| report.received == 1)
}

fn kill(pids: &[i32]) {
    for &pid in pids {
        let pid = rustix::process::Pid::from_raw(pid).expect("a process id");
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("the switch can be killed");
    }
}

#[test]
fn nothing_is_left_after_kill_9_and_destroy() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::write(PAIR);
    lab.before.assert_nothing_is_left();
    lab.verb("deploy");
    let traces = lab.before.traces().join("\n");
    for trace in [
        format!("namespace greylag-{}-h1", lab.name),
        format!("interface eth1 in greylag-{}-h1", lab.name),
        format!("interface up in greylag-{}-sw2", lab.name),
        format!("/run/greylag/{}-sw1.sock", lab.name),
        format!("/run/greylag/labs/{}/lab.json", lab.name),
        "greylag run ".to_owned(),
    ] {
        assert!(traces.contains(&trace), "{trace} is not in\n{traces}");
    }
    kill(&lab.pids());
    lab.verb("destroy");
    lab.before.assert_nothing_is_left();
    lab.verb("destroy");
    lab.before.assert_nothing_is_left();
}

#[test]
fn a_killed_switch_forwards_nothing_and_a_second_deploy_powers_it_on_again() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(PAIR);
    wait_for("h1 reaches h2", DEADLINE, || reaches(&lab).then_some(()));
    let pids = lab.pids();
    kill(&pids[1..]);
    wait_for("h1 reaches h2 no more", DEADLINE, || (!reaches(&lab)).then_some(()));
    lab.verb("deploy");
    wait_for("h1 reaches h2 again", DEADLINE, || reaches(&lab).then_some(()));
    assert_eq!(lab.pids()[0], pids[0], "the switch that ran was left alone");
}

#[test]
fn a_lab_that_runs_is_not_deployed_twice() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(PAIR);
    let file = lab.file.to_str().unwrap();
    let second = greylag(&["lab", "deploy", file]);
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("deployed already"));
    let pids = lab.pids();
    succeed(&["lab", "deploy", file, "--reconfigure"]);
    assert!(lab.pids().iter().all(|pid| !pids.contains(pid)), "every switch is new");
}

#[test]
fn a_deploy_that_fails_leaves_nothing() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::write(&PAIR.replace("h2: {kind: host}", "h2: {kind: host, exec: [\"exit 7\"]}"));
    let output = greylag(&["lab", "deploy", lab.file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("exit 7"));
    lab.before.assert_nothing_is_left();
}

/// Ctrl-C.
#[test]
fn an_interrupted_deploy_leaves_nothing() {
    if !has(LIVE) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let begun = folder.path().join("begun");
    let exec = format!("h2: {{kind: host, exec: [\"touch {}; sleep 600; true\"]}}", begun.display());
    let lab = Lab::write(&PAIR.replace("h2: {kind: host}", &exec));
    let mut deploying = Command::new(program())
        .args(["lab", "deploy", lab.file.to_str().unwrap()])
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    wait_for("the last command runs", DEADLINE, || begun.exists().then_some(()));
    assert!(lab.before.traces().iter().any(|trace| trace.contains("sleep 600")));
    signal(&deploying, Signal::INT);
    wait_for("the deployment ends", DEADLINE, || deploying.try_wait().expect("it can be waited for"));
    let output = deploying.wait_with_output().expect("it has ended");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "greylag: interrupted\n");
    lab.before.assert_nothing_is_left();
}

#[test]
fn a_deployment_that_was_killed_is_shown_as_incomplete_and_can_be_removed() {
    if !has(LIVE) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let begun = folder.path().join("begun");
    let exec = format!("h2: {{kind: host, exec: [\"touch {}; sleep 600; true\"]}}", begun.display());
    let lab = Lab::write(&PAIR.replace("h2: {kind: host}", &exec));
    let mut deploying = Command::new(program())
        .args(["lab", "deploy", lab.file.to_str().unwrap()])
        .spawn()
        .expect("the program runs");
    wait_for("the last command runs", DEADLINE, || begun.exists().then_some(()));
    deploying.kill().expect("it can be killed");
    deploying.wait().expect("it ends");
    let table = succeed(&["lab", "inspect", &lab.name]);
    assert!(table.contains(&format!("{} is incomplete", lab.name)), "{table}");
    let json: Value = serde_json::from_str(&succeed(&["lab", "inspect", &lab.name, "-j"])).expect("JSON");
    assert_eq!(json[0]["complete"], false);
    lab.verb("destroy");
    lab.before.assert_nothing_is_left();
}

#[test]
fn who_is_not_root_sees_what_runs() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(PAIR);
    let folder = nobodys_folder();
    let output = as_nobody(&folder, &["lab", "inspect", &lab.name]);
    assert!(output.status.success(), "{output:?}");
    let table = String::from_utf8(output.stdout).expect("a table is text");
    assert_eq!(table.matches(" running ").count(), 4, "{table}");
    assert!(table.contains(&lab.pids()[0].to_string()) && table.contains("(for root)"), "{table}");
    let output = as_nobody(&folder, &["lab", "inspect", &lab.name, "-j"]);
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&json[0]["complete"], &json[0]["nodes"][0]["interfaces"]), (&true.into(), &Value::Null));
}

#[test]
fn commands_run_in_the_nodes() {
    if !has(LIVE) || !has(&[Need::Program { name: "ip", package: "iproute2" }]) {
        return;
    }
    let lab = Lab::deploy(PAIR);
    let output = succeed(&["lab", "exec", &lab.name, "h1", "--", "ip", "-br", "address", "show", "eth1"]);
    assert!(output.contains("10.0.0.1/24"), "{output}");
    let inspected = succeed(&["lab", "inspect", &lab.name]);
    for word in ["sw1", "sw2", "h1", "h2", "running"] {
        assert!(inspected.contains(word), "{inspected}");
    }
    // What iproute2 knows of namespaces is what we made.
    let names = Command::new("ip").args(["netns", "list"]).output().expect("ip runs");
    assert!(String::from_utf8_lossy(&names.stdout).contains(&format!("greylag-{}-h1", lab.name)));
}

#[test]
fn tcpdump_sees_the_hosts_frames() {
    if !has(LIVE) || !has(&[Need::Program { name: "tcpdump", package: "tcpdump" }]) {
        return;
    }
    let lab = Lab::deploy(PAIR);
    let capture = lab
        .netns("h2")
        .run(|| {
            Command::new("tcpdump")
                .args(["-n", "-l", "--immediate-mode", "-c", "1", "-i", "eth1", "icmp and src 10.0.0.1"])
                .stdout(std::process::Stdio::piped())
                .stderr(std::process::Stdio::null())
                .spawn()
        })
        .expect("the namespace can be entered")
        .expect("tcpdump starts");
    let mut capture = capture;
    wait_for("tcpdump has its packet", DEADLINE, || {
        reaches(&lab);
        capture.try_wait().expect("tcpdump can be waited for")
    });
    let output = capture.wait_with_output().expect("tcpdump ended");
    assert!(String::from_utf8_lossy(&output.stdout).contains("ICMP echo request"));
}
