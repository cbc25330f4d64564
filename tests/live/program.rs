//! The program itself: its words, its errors, its end.

use crate::rig::{DEADLINE, LIVE, Station, greylag, mac, program, succeed, traces, unique};
use greylag_base::MacAddr;
use greylag_lab::netns::Netns;
use greylag_tests::{Need, has, wait_for, workspace};
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// A namespace that goes with the test.
struct Room(String);

impl Room {
    fn new() -> (Room, Netns) {
        let name = unique("r");
        let netns = Netns::create(&name).expect("a namespace can be made");
        (Room(name), netns)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = Netns::delete(&self.0);
    }
}

/// `greylag run`, killed with the test.
struct Running {
    child: Child,
    name: String,
    _folder: TempDir,
    file: PathBuf,
}

impl Running {
    /// Starts a switch in a namespace; its `name` line is added.
    fn start(netns: &Netns, config: &str) -> Running {
        let name = unique("s");
        let folder = tempfile::tempdir().expect("a folder for the file");
        let file = folder.path().join("switch.yml");
        std::fs::write(&file, format!("name: {name}\n{config}")).expect("the file is written");
        let child = spawn(netns, &file);
        let running = Running { child, name, _folder: folder, file };
        running.wait_until_it_answers();
        running
    }

    fn wait_until_it_answers(&self) {
        wait_for("the switch answers", DEADLINE, || {
            greylag(&["show", "ports", "-s", &self.name]).status.success().then_some(())
        });
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("the switch can be signalled");
    }
}

fn spawn(netns: &Netns, file: &std::path::Path) -> Child {
    let start = || Command::new(program()).arg("run").arg(file).stdout(Stdio::null()).spawn();
    netns.run(start).expect("the namespace can be entered").expect("the switch starts")
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

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
    let interfaces = |netns: &Netns| {
        netns
            .run(|| {
                pnet_datalink::interfaces().into_iter().map(|interface| interface.name).collect::<Vec<_>>()
            })
            .expect("the namespace can be entered")
    };
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

    switch.signal(rustix::process::Signal::INT);
    assert!(switch.child.wait().expect("the switch ends").success());
    assert!(!interfaces(&netns).contains(&"tap1".to_owned()));
    assert!(!interfaces(&other_netns).contains(&"eth0".to_owned()));
    assert_eq!(traces(&switch.name), Vec::<String>::new());
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

    switch.signal(rustix::process::Signal::KILL);
    switch.child.wait().expect("the switch ends");
    assert_eq!(traces(&switch.name).len(), 1, "its socket is left");
    switch.child = spawn(&netns, &switch.file);
    switch.wait_until_it_answers();
    switch.signal(rustix::process::Signal::TERM);
    assert!(switch.child.wait().expect("the switch ends").success());
    assert_eq!(traces(&switch.name), Vec::<String>::new());
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
    let output = greylag(&["run", file.to_str().unwrap()]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains("nowhere0") && error.trim_end().lines().count() == 1, "{error}");
    assert_eq!(traces(&name), Vec::<String>::new());
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
    for verb in ["validate", "deploy"] {
        let output = greylag(&["lab", verb, lab.to_str().unwrap()]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(":6:") && error.contains("h1"), "{error}");
    }
    assert_eq!(traces(&name), Vec::<String>::new());

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

/// A folder with a copy of the program that the user nobody can reach.
fn nobodys_folder() -> TempDir {
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    let folder = tempfile::Builder::new().permissions(everybody).tempdir_in("/tmp").expect("a folder");
    std::fs::copy(program(), folder.path().join("greylag")).expect("the program can be copied");
    folder
}

/// Runs that copy.
fn as_nobody(folder: &TempDir, words: &[&str]) -> Output {
    // A process that another test has just forked may still hold the copy open for writing.
    wait_for("the copy can be run", DEADLINE, || {
        let mut command = Command::new(folder.path().join("greylag"));
        match command.args(words).uid(65534).gid(65534).output() {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => None,
            output => Some(output.expect("the program runs")),
        }
    })
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

#[test]
fn the_demo_shows_a_lab_at_work_and_leaves_nothing() {
    if !has(LIVE) {
        return;
    }
    let before = traces("quickstart");
    let output = succeed(&["lab", "demo"]);
    for word in ["h1", "h4", "VLAN", "Gbit/s", "removed"] {
        assert!(output.contains(word), "{word} is missing:\n{output}");
    }
    assert!(output.lines().all(|line| line.chars().count() <= 80), "fits 80 columns:\n{output}");
    assert_eq!(traces("quickstart"), before);
}

#[test]
fn the_demo_needs_no_root_where_user_namespaces_are_allowed() {
    if !has(&[Need::NetAdmin]) {
        return;
    }
    let folder = nobodys_folder();
    let output = as_nobody(&folder, &["lab", "demo"]);
    let error = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        assert!(String::from_utf8_lossy(&output.stdout).contains("removed"));
    } else {
        // The system forbids it: then one sentence says what to do.
        assert_eq!(error.trim_end().lines().count(), 1, "{error}");
        assert!(error.contains("sysctl") || error.contains("root"), "{error}");
    }
}

#[test]
fn a_pipe_that_closes_early_is_no_crash() {
    let mut child = Command::new(program())
        .args(["help"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"));
}
