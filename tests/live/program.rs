//! The program itself: its words, its errors, its end.

use crate::rig::{
    Before, DEADLINE, LIVE, Lab, NOBODY, Station, as_nobody, greylag, interfaces, mac, nobodys_folder,
    program, signal, succeed, unique,
};
use crate::running::{Room, Running};
use greylag_base::MacAddr;
use greylag_lab::netns::Netns;
use greylag_tests::{Need, has, skip, wait_for, workspace};
use rustix::process::Signal;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

#[test]
fn run_makes_its_taps_and_takes_them_away_at_the_end() {
    if !has(LIVE) {
        return;
    }
    let (_room, netns) = Room::new();
    let (other, other_netns) = Room::new();
    let pid = std::process::id();
    let mut switch = Running::start(
        &netns,
        &format!(
            "ports:\n  tap1: {{type: tap}}\n  tap2: {{type: tap, netns: {}, interface: eth0}}\n  {}: {{type: tap, netns: {pid}}}\n",
            other.0,
            unique("g")
        ),
    );
    let interfaces = |netns: &Netns| netns.run(interfaces).expect("the namespace can be entered");
    assert!(interfaces(&netns).contains(&"tap1".to_owned()));
    assert!(interfaces(&other_netns).contains(&"eth0".to_owned()));

    let mut here = Station::open(&netns, "tap1");
    let mut there = Station::open(&other_netns, "eth0");
    wait_for("ports are up", DEADLINE, || {
        let ports = succeed(&["show", "ports", "-s", &switch.name]);
        (ports.matches(" UP     UP ").count() == 3).then_some(())
    });
    here.send(mac(1), MacAddr::BROADCAST, b"hello");
    assert_eq!(there.count_until(b"hello", b"hello"), 1);

    signal(&switch.child, Signal::INT);
    assert!(switch.child.wait().expect("the switch ends").success());
    assert!(!interfaces(&netns).contains(&"tap1".to_owned()));
    assert!(!interfaces(&other_netns).contains(&"eth0".to_owned()));
    switch.before.assert_nothing_is_left();
}

#[test]
fn a_switch_that_was_killed_can_be_run_again_and_not_beside_itself() {
    if !has(LIVE) {
        return;
    }
    let (_room, netns) = Room::new();
    let mut switch = Running::start(&netns, "ports:\n  tap1: {type: tap}\n");
    let beside = greylag(&["run", switch.file.to_str().unwrap()]);
    assert_eq!(beside.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&beside.stderr).contains("runs already"));

    switch.kill();
    assert_eq!(switch.before.traces(), [format!("/run/greylag/{}.sock", switch.name)], "its socket is left");
    switch.restart(&netns);
    signal(&switch.child, Signal::TERM);
    assert!(switch.child.wait().expect("the switch ends").success());
    switch.before.assert_nothing_is_left();
}

#[test]
fn a_port_that_is_not_there_is_one_sentence() {
    if !has(LIVE) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder for the file");
    let file = folder.path().join("switch.yml");
    let name = unique("s");
    std::fs::write(&file, format!("name: {name}\nports:\n  nowhere0: {{}}\n")).expect("the file is written");
    let before = Before::of(&name);
    let output = greylag(&["run", file.to_str().unwrap()]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains("nowhere0") && error.trim_end().lines().count() == 1, "{error}");
    before.assert_nothing_is_left();
}

#[test]
fn a_broken_file_is_shown_with_line_column_and_field_and_nothing_is_made() {
    let folder = tempfile::tempdir().expect("a folder for the file");
    let cases = [
        ("switch", "name: x\nports:\n  eth1: {access-vlan: 5000}\n", ":3:23: ports.eth1.access-vlan:"),
        ("switch", "name: x\nports:\n  eth1: {acces-vlan: 50}\n", "did you mean `access-vlan`"),
        ("switch", "name: x\nports:\n  eth1: {}\n  eth1: {}\n", ":4:3:"),
        ("switch", "name: x\nports:\n  a-name-of-16-chr: {}\n", ":3:3:"),
        ("switch", "name: x\nports: 7\n", ":2:8: ports:"),
    ];
    for (kind, text, expected) in cases {
        let file = folder.path().join(format!("{kind}.yml"));
        std::fs::write(&file, text).expect("the file is written");
        let output = greylag(&["run", file.to_str().unwrap()]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{text}{error}");
        assert!(error.contains(expected), "{text}{error}");
    }
    let lab = folder.path().join("lab.clab.yml");
    let name = unique("t");
    let text = format!(
        "name: {name}\ntopology:\n  nodes:\n    sw1: {{kind: greylag}}\n  links:\n    - endpoints: [\"sw1:eth1\", \"h1:eth1\"]\n"
    );
    std::fs::write(&lab, text).expect("the file is written");
    let before = Before::of(&name);
    for verb in ["validate", "deploy"] {
        let output = greylag(&["lab", verb, lab.to_str().unwrap()]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(":6:") && error.contains("h1"), "{error}");
    }
    before.assert_nothing_is_left();

    let json = greylag(&["lab", "validate", lab.to_str().unwrap(), "-j"]);
    let value: serde_json::Value = serde_json::from_slice(&json.stdout).expect("errors are JSON too");
    assert_eq!(value["problems"][0]["line"], 6);
}

#[test]
fn the_labs_that_we_ship_are_sound() {
    for entry in std::fs::read_dir(workspace().join("labs")).expect("labs") {
        let path = entry.expect("a file").path();
        if path.to_string_lossy().ends_with(".clab.yml") {
            succeed(&["lab", "validate", path.to_str().unwrap()]);
        }
    }
}

#[test]
fn without_the_right_one_sentence_says_what_to_do() {
    if !has(&[Need::NetAdmin]) {
        return;
    }
    let folder = nobodys_folder();
    let file = folder.path().join("switch.yml");
    std::fs::write(&file, format!("name: {}\nports:\n  tap1: {{type: tap}}\n", unique("s"))).expect("a file");
    let output = as_nobody(&folder, &["run", file.to_str().unwrap()]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert_eq!(error.trim_end().lines().count(), 1, "{error}");
    assert!(error.contains("root"), "{error}");
}

/// The demonstration's lab has one name, and each run removes what another has left under it.
fn one_demo_at_a_time() -> impl Drop {
    static DEMO: Mutex<()> = Mutex::new(());
    DEMO.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn the_demo_shows_a_lab_at_work_and_leaves_nothing() {
    if !has(LIVE) {
        return;
    }
    let _only = one_demo_at_a_time();
    let before = Before::of("quickstart");
    let output = succeed(&["lab", "demo"]);
    for word in ["h1", "h4", "VLAN", "Gbit/s", "removed"] {
        assert!(output.contains(word), "{word} is missing:\n{output}");
    }
    assert!(output.lines().all(|line| line.chars().count() <= 80), "fits 80 columns:\n{output}");
    before.assert_nothing_is_left();
}

/// Starts the demonstration and waits for its first line, which it prints when its lab stands.
fn begin_demo() -> (Child, BufReader<impl std::io::Read>) {
    let mut demo = Command::new(program())
        .args(["lab", "demo"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut output = BufReader::new(demo.stdout.take().expect("its output is a pipe"));
    let mut line = String::new();
    output.read_line(&mut line).expect("it prints");
    assert!(line.contains("Lab quickstart"), "{line}");
    (demo, output)
}

/// Ctrl-C.
#[test]
fn an_interrupted_demo_leaves_nothing() {
    if !has(LIVE) {
        return;
    }
    let _only = one_demo_at_a_time();
    let before = Before::of("quickstart");
    let (demo, mut output) = begin_demo();
    assert!(before.traces().iter().any(|trace| trace.ends_with("quickstart-h1")));
    signal(&demo, Signal::INT);
    std::io::copy(&mut output, &mut std::io::sink()).expect("it prints on");
    let ended = demo.wait_with_output().expect("it ends");
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "greylag: interrupted; the lab is removed\n");
    before.assert_nothing_is_left();
}

/// `greylag lab demo | head -1`.
#[test]
fn a_demo_that_nobody_reads_ends_and_leaves_nothing() {
    if !has(LIVE) {
        return;
    }
    let _only = one_demo_at_a_time();
    let before = Before::of("quickstart");
    let (demo, output) = begin_demo();
    drop(output);
    let ended = demo.wait_with_output().expect("it ends");
    assert_eq!((ended.status.code(), &*ended.stderr), (Some(1), &b""[..]));
    before.assert_nothing_is_left();
}

/// Whether the system lets nobody have a /run of its own in a user namespace, asked without us.
fn nobody_may_enter_a_user_namespace() -> bool {
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--mount", "--net", "mount", "-t", "tmpfs", "tmpfs", "/run"]);
    unshare.uid(NOBODY).gid(NOBODY).output().expect("unshare runs").status.success()
}

#[test]
fn the_demo_needs_no_root_where_user_namespaces_are_allowed() {
    if !has(&[Need::NetAdmin, Need::Program { name: "unshare", package: "util-linux" }]) {
        return;
    }
    let _only = one_demo_at_a_time();
    let before = Before::of("quickstart");
    let allowed = nobody_may_enter_a_user_namespace();
    let folder = nobodys_folder();
    let output = as_nobody(&folder, &["lab", "demo"]);
    let error = String::from_utf8_lossy(&output.stderr);
    before.assert_nothing_is_left();
    if allowed {
        assert!(output.status.success(), "{}: {error}", output.status);
        assert!(String::from_utf8_lossy(&output.stdout).contains("removed"));
    } else {
        // Then one sentence says what to do.
        assert_eq!(error.trim_end().lines().count(), 1, "{error}");
        assert!(error.contains("sysctl") || error.contains("root"), "{error}");
        skip(
            "the demo without root",
            "unprivileged user namespaces (`sysctl -w user.max_user_namespaces=10000`)",
        );
    }
}

#[test]
fn a_pipe_that_closes_early_is_no_crash() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(
        r#"
topology:
  nodes:
    sw1: {kind: greylag}
    h1: {kind: host}
  links:
    - endpoints: ["sw1:eth1", "h1:eth1"]
"#,
    );
    let switch = lab.switch("sw1");
    for words in [
        &["show", "counters", "-s", &switch][..],
        &["show", "events", "-s", &switch, "-j"],
        &["lab", "inspect", &lab.name],
    ] {
        let mut child = Command::new(program())
            .args(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!((output.status.code(), &*output.stderr), (Some(1), &b""[..]), "{words:?}");
    }
}
