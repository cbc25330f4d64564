//! `capture` of labs that run: what others read in the file is what went over the wires.

use crate::rig::{DEADLINE, LIVE, Lab, greylag, mac, program, run_in, signal, succeed};
use greylag_base::MacAddr;
use greylag_tests::{Need, has, wait_for};
use rustix::process::Signal;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

const TSHARK: Need = Need::Program { name: "tshark", package: "tshark" };

/// VLAN 10 goes from a host to another over a trunk.
const TRUNK: &str = r#"
topology:
  nodes:
    sw1: {kind: greylag, config: {ports: {eth1: {access-vlan: 10}, eth2: {interface-mode: TRUNK, trunk-vlans: [10]}}}}
    sw2: {kind: greylag, config: {ports: {eth1: {access-vlan: 10}, eth2: {interface-mode: TRUNK, trunk-vlans: [10]}}}}
    h1: {kind: host}
    h2: {kind: host}
  links:
    - endpoints: ["sw1:eth1", {node: h1, interface: eth1, ipv4: 10.0.0.1/24}]
    - endpoints: ["sw1:eth2", "sw2:eth2"]
    - endpoints: ["sw2:eth1", {node: h2, interface: eth1, ipv4: 10.0.0.2/24}]
"#;

/// A bundle whose partner says nothing.
const BUNDLE: &str = r#"
topology:
  nodes:
    sw1: {kind: greylag, config: {ports: {eth1: {aggregate-id: ae0}, ae0: {type: lag, interval: FAST}}}}
    h1: {kind: host}
  links:
    - endpoints: ["sw1:eth1", "h1:eth1"]
"#;

/// A switch whose learning agent stays dead.
const AGENT: &str = r#"
topology:
  nodes:
    sw1: {kind: greylag, config: {learning: {mode: agent}, supervisor: {restart: false}}}
    h1: {kind: host}
    h2: {kind: host}
    h3: {kind: host}
  links:
    - endpoints: ["sw1:eth1", "h1:eth1"]
    - endpoints: ["sw1:eth2", "h2:eth1"]
    - endpoints: ["sw1:eth3", "h3:eth1"]
"#;

/// A capture that has begun.
struct Capturing {
    child: Child,
    told: BufReader<ChildStderr>,
}

fn begin(words: &[&str]) -> Capturing {
    let mut command = Command::new(program());
    command.arg("capture").args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program runs");
    let mut told = BufReader::new(child.stderr.take().expect("it is piped"));
    let mut line = String::new();
    told.read_line(&mut line).expect("it tells");
    assert!(line.contains("captures at"), "{line}");
    Capturing { child, told }
}

impl Capturing {
    /// Waits for its end, and gives the last that it tells.
    fn end(mut self) -> String {
        let ended = wait_for("it ends", DEADLINE, || self.child.try_wait().expect("it is a child"));
        let mut told = String::new();
        self.told.read_to_string(&mut told).expect("it tells");
        assert_eq!(ended.code(), Some(0), "{told}");
        told
    }

    fn interrupt(self) -> String {
        signal(&self.child, Signal::INT);
        self.end()
    }
}

/// The named fields of each frame that a display filter takes.
fn read(file: &Path, filter: &str, fields: &[&str]) -> Vec<Vec<String>> {
    let mut tshark = Command::new("tshark");
    tshark.arg("-r").arg(file).args(["-Y", filter, "-T", "fields"]);
    for field in fields {
        tshark.args(["-e", field]);
    }
    let output = tshark.output().expect("tshark runs");
    let error = String::from_utf8_lossy(&output.stderr);
    let warnings = error.lines().filter(|line| !line.starts_with("Running as user")).collect::<Vec<_>>();
    assert!(output.status.success() && warnings.is_empty(), "{error}");
    let text = String::from_utf8(output.stdout).expect("tshark prints UTF-8");
    text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

#[test]
fn a_ping_through_two_switches_is_in_one_file_in_the_order_in_which_it_went() {
    if !has(LIVE) || !has(&[TSHARK]) {
        return;
    }
    let lab = Lab::deploy(TRUNK);
    wait_for("they reach each other", DEADLINE, || lab.pings("h1", "10.0.0.2").then_some(()));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("both.pcapng");
    let (sw1, sw2) = (lab.switch("sw1"), lab.switch("sw2"));
    let capturing = begin(&["-s", &sw1, "-s", &sw2, "-w", file.to_str().expect("a path")]);
    assert!(lab.pings("h1", "10.0.0.2"));
    // A tag that no port of sw1 carries.
    let mut h1 = lab.station("h1", "eth1");
    let mut foreign = [MacAddr::BROADCAST.0, mac(1).0].concat();
    foreign.extend([0x81, 0, 0, 99, 0x88, 0xb5]);
    foreign.resize(60, 0);
    h1.send_bytes(&foreign);
    wait_for("it is dropped", DEADLINE, || (lab.drops("sw1", "vlan-not-allowed") > 0).then_some(()));
    let refused = greylag(&["capture", "-s", &sw1, "-w", "/dev/null"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("one at a time"), "{refused:?}");
    let summary = capturing.interrupt();
    assert!(summary.contains("frames, 0 lost for want of room"), "{summary}");

    let request = read(&file, "icmp.type == 8 && icmp.seq == 1", &["frame.interface_name", "vlan.id"]);
    let way =
        [(&sw1, "eth1 in", ""), (&sw1, "eth2 out", "10"), (&sw2, "eth2 in", "10"), (&sw2, "eth1 out", "")];
    let way: Vec<_> =
        way.iter().map(|(switch, port, vlan)| vec![format!("{switch}:{port}"), vlan.to_string()]).collect();
    assert_eq!(request, way);
    let all =
        read(&file, "frame", &["frame.time_epoch", "frame.packet_flags_direction", "frame.interface_name"]);
    assert!(all.is_sorted_by(|one, other| one[0] <= other[0]), "{all:?}");
    for frame in &all {
        let direction = u8::from_str_radix(frame[1].trim_start_matches("0x"), 16).expect("a number");
        assert_eq!(direction, if frame[2].ends_with(" in") { 1 } else { 2 }, "{frame:?}");
    }
    let dropped = read(&file, "frame.comment && vlan.id == 99", &["frame.interface_name", "frame.comment"]);
    let [dropped] = &dropped[..] else { panic!("{dropped:?}") };
    assert_eq!(dropped[0], format!("{sw1}:eth1 in"));
    assert!(dropped[1].starts_with("vlan-not-allowed: dropped in stage ingress. "), "{dropped:?}");
    assert_eq!(read(&file, "_ws.malformed", &["frame.number"]), Vec::<Vec<String>>::new());
}

#[test]
fn it_ends_with_so_many_frames_of_a_port_or_when_nobody_reads_it() {
    if !has(LIVE) || !has(&[TSHARK]) {
        return;
    }
    let lab = Lab::deploy(TRUNK);
    wait_for("they reach each other", DEADLINE, || lab.pings("h1", "10.0.0.2").then_some(()));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("three.pcapng");
    let (switch, path) = (lab.switch("sw1"), file.to_str().expect("a path"));
    let words = ["-s", &switch, "--port", "eth2", "--snaplen", "64", "-n", "3", "-w", path, "icmp"];
    let mut capturing = begin(&words);
    wait_for("it has enough", DEADLINE, || {
        lab.pings("h1", "10.0.0.2");
        capturing.child.try_wait().expect("it is a child")
    });
    assert!(capturing.end().contains("3 frames, 0 lost"));
    let frames = read(&file, "frame", &["frame.interface_name", "frame.len", "frame.cap_len"]);
    let ways: Vec<&str> = frames.iter().filter_map(|frame| frame[0].split(':').nth(1)).collect();
    assert_eq!(ways, ["eth2 out", "eth2 in", "eth2 out"], "{frames:?}");
    assert!(frames.iter().all(|frame| frame[2] == "64" && frame[1].len() > 2), "{frames:?}");

    let mut capturing = begin(&["-s", &switch, "-w", "-"]);
    let mut pipe = capturing.child.stdout.take().expect("it is piped");
    let mut head = [0; 12];
    pipe.read_exact(&mut head).expect("it is written at once");
    assert_eq!(head[..4], [0x0a, 0x0d, 0x0d, 0x0a]);
    drop(pipe);
    assert!(capturing.end().contains("lost for want of room"));
}

#[test]
fn what_the_switch_itself_sends_is_there_as_well() {
    if !has(LIVE) || !has(&[TSHARK]) {
        return;
    }
    let lab = Lab::deploy(BUNDLE);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("own.pcapng");
    let switch = lab.switch("sw1");
    begin(&["-s", &switch, "-n", "1", "-w", file.to_str().expect("a path"), "lacp"]).end();
    let own = [format!("{switch}:eth1 out"), "sent by the switch itself".to_owned()];
    assert_eq!(read(&file, "lacp", &["frame.interface_name", "frame.comment"]), [own]);
}

#[test]
fn what_cannot_be_captured_is_told_and_leaves_an_older_file_alone() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(TRUNK);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("older.pcapng");
    std::fs::write(&file, "older").expect("it can be written");
    let (switch, path) = (lab.switch("sw1"), file.to_str().expect("a path"));
    for (words, status, sentence) in [
        (vec!["-s", "no-such-switch", "-w", path], 2, "there is no switch `no-such-switch`"),
        (
            vec!["-s", &switch, "--port", "eth9", "-w", path],
            1,
            "there is no port `eth9`: expected one of eth1, eth2",
        ),
        (vec!["-s", &switch, "-s", &switch, "-w", path], 2, "named twice"),
        (vec!["-s", &switch, "-w", path, "hosst"], 2, "filter, at 1: `hosst`"),
        (vec!["-s", &switch, "-w", "/no/such/folder/x.pcapng"], 1, "cannot write /no/such/folder/x.pcapng: "),
    ] {
        let output = greylag(&[vec!["capture"], words].concat());
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(status) && error.contains(sentence), "{sentence}: {output:?}");
    }
    assert_eq!(std::fs::read_to_string(&file).expect("it is there"), "older");
    // None of them watches any more.
    wait_for("it can be captured", DEADLINE, || {
        greylag(&["capture", "-s", &switch, "--seconds", "1", "-w", path]).status.success().then_some(())
    });
}

/// A port that comes back while the agent is dead is flooded to no more: the frame says so, and so does the copy that there was not.
#[test]
fn a_copy_that_a_flood_leaves_out_says_why() {
    if !has(LIVE) || !has(&[TSHARK]) {
        return;
    }
    let lab = Lab::deploy(AGENT);
    let switch = lab.switch("sw1");
    succeed(&["fault", "crash", "-s", &switch]);
    wait_for("the agent is given up", DEADLINE, || (lab.told("sw1", "agent-failed") > 0).then_some(()));
    let ups = lab.told("sw1", "port-up");
    for state in ["down", "up"] {
        run_in(&lab.netns("h2"), "ip", &["link", "set", "eth1", state]);
    }
    wait_for("the port is back", DEADLINE, || (lab.told("sw1", "port-up") > ups).then_some(()));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("flood.pcapng");
    let filter = format!("ether host {}", mac(1));
    let words = ["-s", &switch, "-n", "3", "-w", file.to_str().expect("a path"), &filter];
    let capturing = begin(&words);
    lab.station("h1", "eth1").send(mac(1), MacAddr::BROADCAST, b"hello");
    capturing.end();
    let seen = read(&file, "frame", &["frame.interface_name", "frame.comment"]);
    let seen: Vec<(&str, &str)> = seen
        .iter()
        .map(|frame| {
            (frame[0].rsplit(':').next().unwrap_or_default(), frame[1].split(". ").next().unwrap_or_default())
        })
        .collect();
    let because = "not-in-flood-group: dropped in stage flood, the copy for eth2";
    let [first, rest @ ..] = &seen[..] else { panic!("nothing was captured") };
    assert_eq!(*first, ("eth1 in", because), "{seen:?}");
    assert!(rest.contains(&("eth2 out", because)) && rest.contains(&("eth3 out", "")), "{seen:?}");
}
