//! `trace` in a lab that runs: what passes is told as it was done.

use crate::rig::{DEADLINE, LIVE, Lab, greylag, mac, program, run_in, signal, succeed};
use greylag_base::MacAddr;
use greylag_tests::{Need, has, wait_for, workspace};
use rustix::process::Signal;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

const PAIR: &str = r#"
topology:
  nodes:
    sw1: {kind: greylag, config: {ports: {eth1: {access-vlan: 10}, eth2: {access-vlan: 10}}}}
    h1: {kind: host}
    h2: {kind: host}
  links:
    - endpoints: ["sw1:eth1", "h1:eth1"]
    - endpoints: ["sw1:eth2", "h2:eth1"]
"#;

/// A trace that runs, and its lines as they come.
fn watch(lab: &Lab, words: &[&str]) -> (Child, Receiver<Value>) {
    let switch = lab.switch("sw1");
    let words = [&["trace", "-s", &switch, "-j"], words].concat();
    let mut child =
        Command::new(program()).args(words).stdout(Stdio::piped()).spawn().expect("the program runs");
    let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let _ = tell.send(serde_json::from_str(&line).expect("a line is JSON"));
        }
    });
    (child, told)
}

#[test]
fn what_passes_is_told_as_it_was_done() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(PAIR);
    let (mut h1, mut h2) = (lab.station("h1", "eth1"), lab.station("h2", "eth1"));
    let (mut child, told) = watch(&lab, &["-n", "2", "ether", "host", &mac(1).to_string()]);
    // Whoever has not begun to watch yet hears the next one.
    let first = wait_for("a frame is told", DEADLINE, || {
        h1.send(mac(1), MacAddr::BROADCAST, b"hello");
        h2.send(mac(2), MacAddr::BROADCAST, b"nobody asked for this");
        told.try_recv().ok()
    });
    assert_eq!((&first["port"], &first["decision"]), (&"eth1".into(), &"flooded".into()), "{first:#}");
    assert_eq!(first["bridge"]["vlan"], 10, "{first:#}");
    assert_eq!(first["left-by"][0]["port"], "eth2", "{first:#}");
    assert_eq!((&first["left-by"][0]["taken"], &first["lost"]), (&Value::Bool(true), &0.into()), "{first:#}");
    h2.send(mac(2), mac(1), b"answer");
    let second = told.recv_timeout(DEADLINE).expect("another one");
    let (decision, destination) = (&second["decision"], &second["bridge"]["destination"]);
    assert!(
        second["port"] == "eth1" || (decision, destination) == (&"forwarded".into(), &"eth1".into()),
        "{second:#}"
    );
    assert!(child.wait().expect("it ends by itself").success());

    // It has left: the next one may watch, and the one behind that may not.
    let (mut child, told) = watch(&lab, &["--port", "eth2"]);
    wait_for("it watches", DEADLINE, || {
        h2.send(mac(2), mac(1), b"again");
        told.try_recv().ok().map(|row| assert_eq!(row["port"], "eth2", "{row:#}"))
    });
    let refused = greylag(&["trace", "-s", &lab.switch("sw1"), "-n", "1"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("one at a time"), "{refused:?}");
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    let (mut child, told) = wait_for("nobody watches any more", DEADLINE, || {
        let (mut child, told) = watch(&lab, &["-n", "1"]);
        h2.send(mac(2), mac(1), b"again");
        match told.recv_timeout(std::time::Duration::from_millis(300)) {
            Ok(row) => Some((child, row)),
            Err(_) => {
                let _ = child.kill().and_then(|()| child.wait().map(drop));
                None
            }
        }
    });
    assert!(child.wait().expect("it ends by itself").success(), "{told:#}");
}

#[test]
fn a_frame_that_is_given_is_not_sent() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(PAIR);
    let before = lab.sent_by("sw1", "eth2");
    let frame = "ffffffffffff0200000000010806".to_owned() + &"00".repeat(46);
    let switch = lab.switch("sw1");
    let told = succeed(&["trace", "--inject", "-s", &switch, "--port", "eth1", "--frame", &frame]);
    assert!(
        told.contains("VLAN 10: the MAC table has its source unknown") && told.contains("leaves by eth2"),
        "{told}"
    );
    assert_eq!(lab.sent_by("sw1", "eth2"), before);
    assert_eq!(lab.port_of("sw1", mac(1)), None);
}

#[test]
fn a_filter_that_is_wrong_is_told_with_its_place() {
    let output = greylag(&["trace", "-s", "no-such-switch", "host", "10.0.0.1", "nad", "arp"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("filter, at 15: `nad`") && error.contains("\n                ^"), "{error}");
}

/// The lab of a file, under a name of its own.
fn deployed(file: &str) -> Lab {
    let text = std::fs::read_to_string(workspace().join(file)).expect("the lab is there");
    let lines = text.lines().filter(|line| !line.starts_with("name:"));
    Lab::deploy(&lines.collect::<Vec<_>>().join("\n"))
}

/// What docs/trace.md shows below a command is what it prints. With `GREYLAG_WRITE_DOCS=1` it is written there.
fn hold(command: &str, printed: &str) {
    let path = workspace().join("docs/trace.md");
    let page = std::fs::read_to_string(&path).expect("the page is there");
    let head = format!("```text\n$ {command}\n");
    let (before, rest) = page.split_once(&head).unwrap_or_else(|| panic!("the page does not have {command}"));
    let (shown, after) = rest.split_once("```").expect("a block ends");
    // The time is the page's own.
    let is_time = |line: &str| line.starts_with("20") && line.contains(" octets");
    let time = shown.lines().find(|line| is_time(line)).and_then(|line| line.split(',').next());
    let mut lines = String::new();
    for line in printed.lines() {
        match (time, line.split_once(',')) {
            (Some(time), Some((_, rest))) if is_time(line) => lines += &format!("{time},{rest}\n"),
            _ => lines += &format!("{}\n", line.trim_end()),
        }
    }
    if std::env::var_os("GREYLAG_WRITE_DOCS").is_some() {
        std::fs::write(path, format!("{before}{head}{lines}```{after}")).expect("the page can be written");
        return;
    }
    assert_eq!(shown, lines, "docs/trace.md shows something else for `{command}`");
}

/// The lab, its addresses and the commands are those of the page.
#[test]
fn the_page_shows_what_is_printed() {
    let needs = [
        Need::Program { name: "ping", package: "iputils-ping" },
        Need::Program { name: "tshark", package: "tshark" },
    ];
    if !has(LIVE) || !has(&needs) {
        return;
    }
    let lab = deployed("labs/trunk.clab.yml");
    let (h1, sw1, sw2) = (lab.netns("h1"), lab.switch("sw1"), lab.switch("sw2"));
    let ping = || run_in(&h1, "ping", &["-c", "1", "-W", "2", "10.0.10.3"]);
    wait_for("they reach each other", DEADLINE, || lab.pings("h1", "10.0.10.3").then_some(()));

    let mut trace = Command::new(program())
        .args(["trace", "-s", &sw1, "-n", "1", "--port", "eth1", "icmp"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program runs");
    wait_for("it has seen one", DEADLINE, || {
        ping();
        trace.try_wait().expect("it is a child")
    });
    let output = trace.wait_with_output().expect("it has ended");
    hold("greylag trace -s sw1 -n 1 --port eth1 icmp", &String::from_utf8_lossy(&output.stdout));

    let words = "--port eth1 --vlan 99 --to 10.0.10.3 --destination-mac 02:00:00:00:00:03";
    let words: Vec<&str> = words.split(' ').collect();
    let printed = succeed(&[&["trace", "--inject", "-s", &sw1], &words[..]].concat());
    hold(&format!("greylag trace --inject -s sw1 {}", words.join(" ")), &printed);

    let folder = tempfile::tempdir().expect("a folder");
    let mut capture = Command::new(program())
        .args(["capture", "-s", &sw1, "-s", &sw2, "-w", "both.pcapng"])
        .current_dir(folder.path())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut told = BufReader::new(capture.stderr.take().expect("it is piped")).lines();
    assert!(told.next().expect("it tells").expect("text").contains("captures at"));
    ping();
    let mut foreign = [MacAddr::BROADCAST.0, mac(1).0].concat();
    foreign.extend([0x81, 0, 0, 99, 0x88, 0xb5]);
    foreign.resize(60, 0);
    lab.station("h1", "eth1").send_bytes(&foreign);
    wait_for("it is dropped", DEADLINE, || (lab.drops("sw1", "vlan-not-allowed") > 0).then_some(()));
    signal(&capture, Signal::INT);
    assert!(capture.wait().expect("it ends").success());
    let command = "tshark -r both.pcapng -Y 'icmp || vlan.id == 99' -T fields -e frame.interface_name -e vlan.id -e frame.comment";
    let output = Command::new("sh").args(["-c", command]).current_dir(folder.path()).output();
    let printed = String::from_utf8(output.expect("tshark runs").stdout).expect("text");
    // As the switches are called when the lab has the name of its file.
    let printed = printed.replace(&sw1, "sw1").replace(&sw2, "sw2").replace('\t', "    ");
    hold(command, &printed);
}
