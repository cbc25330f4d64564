//! Configurations that are changed while frames flow.

use crate::rig::{DEADLINE, LIVE, Lab, greylag, signal, succeed};
use crate::running::{Room, Running};
use greylag_lab::client;
use greylag_tests::{has, wait_for};
use rustix::process::Signal;
use serde_json::Value;
use std::path::PathBuf;
use tempfile::TempDir;

/// Two hosts in VLANs of their own, in one subnet.
const APART: &str = r#"
topology:
  nodes:
    sw1: {kind: greylag, config: {ports: {eth1: {access-vlan: 10}, eth2: {access-vlan: 20}}}}
    h1: {kind: host}
    h2: {kind: host}
  links:
    - endpoints: ["sw1:eth1", {node: h1, interface: eth1, ipv4: 10.0.0.1/24}]
    - endpoints: ["sw1:eth2", {node: h2, interface: eth1, ipv4: 10.0.0.2/24}]
"#;

/// What a switch runs with, changed.
struct Candidate {
    _folder: TempDir,
    file: PathBuf,
}

impl Candidate {
    fn of(switch: &str, change: impl FnOnce(String) -> String) -> Candidate {
        let folder = tempfile::tempdir().expect("a folder for the candidate");
        let file = folder.path().join("candidate.yml");
        std::fs::write(&file, change(succeed(&["config", "show", "-s", switch]))).expect("it is written");
        Candidate { _folder: folder, file }
    }

    /// All ports are in VLAN 10.
    fn together(switch: &str) -> Candidate {
        Candidate::of(switch, |text| text.replace(r#""access-vlan": 20"#, r#""access-vlan": 10"#))
    }

    fn path(&self) -> &str {
        self.file.to_str().expect("the path is UTF-8")
    }
}

fn json(words: &[&str]) -> Value {
    serde_json::from_str(&succeed(words)).expect("-j prints JSON")
}

fn history(switch: &str) -> Vec<Value> {
    json(&["config", "history", "-s", switch, "-j"]).as_array().expect("rows").clone()
}

/// Frames pass between h1 and h2, once h1 has given up waiting for answers of before.
fn reach(lab: &Lab) {
    wait_for("h1 reaches h2", DEADLINE, || lab.pings("h1", "10.0.0.2").then_some(()));
}

#[test]
fn a_commit_moves_a_port_to_another_vlan_and_traffic_follows() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(APART);
    let switch = lab.switch("sw1");
    assert!(!lab.pings("h1", "10.0.0.2"));
    let candidate = Candidate::together(&switch);
    let changes = succeed(&["config", "diff", candidate.path(), "-s", &switch]);
    assert_eq!(changes, "  ports.eth2.access-vlan: 20 -> 10\n");
    succeed(&["config", "commit", candidate.path(), "-s", &switch]);
    reach(&lab);
    assert_eq!(succeed(&["config", "diff", candidate.path(), "-s", &switch]), "nothing would change\n");

    let rows = history(&switch);
    assert_eq!((rows.len(), &rows[0]["changes"], &rows[0]["rollback"]), (2, &1.into(), &0.into()));
    assert_eq!(rows[0]["author"], greylag_lab::login::name().as_str());
    assert_eq!(rows[1]["author"], Value::Null);

    assert!(succeed(&["config", "rollback", "-s", &switch]).starts_with("commit 3: 1 change\n"));
    assert!(!lab.pings("h1", "10.0.0.2"));
    let earlier = json(&["config", "show", "--rollback", "1", "-s", &switch]);
    assert_eq!(earlier["ports"]["eth2"]["access-vlan"], 10);
}

#[test]
fn a_candidate_that_is_wrong_is_shown_with_line_and_column_and_changes_nothing() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(APART);
    let switch = lab.switch("sw1");
    let wrong = "name: sw1\nports:\n  eth1: {access-vlan: 5000}\n  eth2: {}\n";
    let candidate = Candidate::of(&switch, |_| wrong.to_owned());
    let refused = greylag(&["config", "commit", candidate.path(), "-s", &switch]);
    assert_eq!(refused.status.code(), Some(2));
    let error = String::from_utf8_lossy(&refused.stderr);
    assert!(error.contains("candidate.yml:3:23: ports.eth1.access-vlan: VLAN 5000"), "{error}");

    // A switch does not take the program's word for it.
    let socket = PathBuf::from(format!("/run/greylag/{switch}.sock"));
    let refused = client::post(&socket, "/v1/config/commit", wrong).expect_err("it is wrong");
    assert!(refused.to_string().starts_with("candidate:3:23: ports.eth1.access-vlan:"), "{refused}");

    // Right in itself, and not for this switch while it runs.
    for (from, to, what) in [
        (r#""name": "sw1""#, r#""name": "sw2""#, "name cannot change"),
        (r#""count": 1"#, r#""count": 2"#, "workers.count cannot change"),
    ] {
        let candidate = Candidate::of(&switch, |text| text.replace(from, to));
        let refused = greylag(&["config", "commit", candidate.path(), "-s", &switch, "-j"]);
        assert_eq!(refused.status.code(), Some(1));
        let error: Value = serde_json::from_slice(&refused.stdout).expect("errors are JSON, too");
        assert!(error["error"].as_str().unwrap().starts_with(what), "{error}");
    }
    assert_eq!(history(&switch).len(), 1);
    assert!(!lab.pings("h1", "10.0.0.2"));
}

#[test]
fn a_commit_that_nobody_confirms_is_rolled_back() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(APART);
    let switch = lab.switch("sw1");
    let candidate = Candidate::together(&switch);
    let commit = || succeed(&["config", "commit", "--confirmed", "5s", candidate.path(), "-s", &switch]);
    assert!(commit().contains("rolled back unless"));
    reach(&lab);
    assert!(succeed(&["show", "alarms", "-s", &switch]).contains("commit-unconfirmed"));
    wait_for("the commit is rolled back", DEADLINE, || (history(&switch).len() == 3).then_some(()));
    assert!(!lab.pings("h1", "10.0.0.2"));
    assert_eq!(history(&switch)[0]["author"], Value::Null);
    assert!(lab.show("sw1", "alarms")[0]["cleared"].is_string());

    commit();
    succeed(&["config", "confirm", "-s", &switch]);
    let refused = greylag(&["config", "confirm", "-s", &switch]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(history(&switch)[0]["unconfirmed"], false);
    reach(&lab);
}

#[test]
fn a_lab_s_switch_that_is_killed_comes_back_with_what_was_committed_and_goes_with_the_lab() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(APART);
    let switch = lab.switch("sw1");
    succeed(&["config", "commit", Candidate::together(&switch).path(), "-s", &switch]);
    // This one would apart them again, and nobody confirms it.
    let apart =
        Candidate::of(&switch, |text| text.replacen(r#""access-vlan": 10"#, r#""access-vlan": 30"#, 1));
    succeed(&["config", "commit", "--confirmed", "5m", apart.path(), "-s", &switch]);
    assert!(!lab.pings("h1", "10.0.0.2"));
    let pid = rustix::process::Pid::from_raw(lab.pids()[0]).expect("a process");
    rustix::process::kill_process(pid, Signal::KILL).expect("it can be killed");
    lab.verb("deploy");
    // The last confirmed configuration.
    reach(&lab);
    assert_eq!(history(&switch).len(), 2);
    lab.verb("destroy");
    lab.before.assert_nothing_is_left();
}

#[test]
fn a_file_that_was_changed_while_its_switch_was_dead_wins() {
    if !has(LIVE) {
        return;
    }
    let (_room, netns) = Room::new();
    let mut switch = Running::start(&netns, "ports:\n  tap1: {type: tap, access-vlan: 10}\n");
    let other = |from: &str, to: &str| {
        let (from, to) = (format!(r#""access-vlan": {from}"#), format!(r#""access-vlan": {to}"#));
        Candidate::of(&switch.name, |text| text.replace(&from, &to))
    };
    succeed(&["config", "commit", other("10", "20").path(), "-s", &switch.name]);
    switch.kill();
    switch.restart(&netns);
    let vlan = |name: &str| json(&["show", "ports", "-s", name, "-j"])[0]["untagged-vlan"].clone();
    assert_eq!(vlan(&switch.name), 20);

    signal(&switch.child, Signal::TERM);
    assert!(switch.child.wait().expect("the switch ends").success());
    switch.write("ports:\n  tap1: {type: tap, access-vlan: 30}\n");
    switch.restart(&netns);
    assert_eq!(vlan(&switch.name), 30);
    let rows = history(&switch.name);
    let authors: Vec<&Value> = rows.iter().map(|row| &row["author"]).collect();
    let user = Value::from(greylag_lab::login::name());
    assert_eq!(authors, [&"file".into(), &user, &Value::Null]);
    assert!(rows.iter().all(|row| row["committed"].as_str().is_some_and(|time| time.ends_with('Z'))));
}
