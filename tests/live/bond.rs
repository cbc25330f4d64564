//! `greylag bond`: links of a host as one, against a switch with a bundle, and in a lab.

use crate::rig::{Before, DEADLINE, LIVE, Lab, greylag, interfaces, signal, succeed, unique};
use crate::running::{Room, Running};
use greylag_base::PortName;
use greylag_lab::host::{self, PingReport, TransferSize};
use greylag_lab::link::{self, VethEnd};
use greylag_lab::netns::Netns;
use greylag_tests::{has, wait_for};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::time::Duration;

const LINKS: [&str; 2] = ["eth1", "eth2"];
const BUNDLE: &str =
    "  eth1: {aggregate-id: ae0}\n  eth2: {aggregate-id: ae0}\n  ae0: {type: lag, interval: FAST}\n";
const BOND: &str = "interface: bond0\nmembers: [eth1, eth2]\ninterval: FAST\n";

/// A host with two links to a switch, and a peer behind the switch.
struct Site {
    rooms: Vec<Room>,
    host: Netns,
    switch: Netns,
    peer: Netns,
}

impl Site {
    fn new() -> Site {
        let [(a, host), (b, switch), (c, peer)] = [Room::new(), Room::new(), Room::new()];
        let site = Site { rooms: vec![a, b, c], host, switch, peer };
        for name in LINKS {
            let name = PortName::new(name).expect("a name");
            let end = |netns| VethEnd { netns, name: &name, mac: None, mtu: 1500 };
            link::veth_pair(&end(&site.host), &end(&site.switch)).expect("a veth pair");
            link::set_up(&site.host, name.as_str()).expect("it can be set up");
        }
        site
    }

    fn run_switch(&self) -> Running {
        let tap =
            format!("ports:\n  tap: {{type: tap, netns: {}, interface: eth0}}\n{BUNDLE}", self.rooms[2].0);
        let switch = Running::start(&self.switch, &tap);
        address(&self.peer, "eth0", 2);
        switch
    }

    fn ping(&self, to: &str, count: u16) -> PingReport {
        let pause = Duration::from_millis(5);
        host::ping(&self.host, to.parse().expect("an address"), count, pause, Duration::from_secs(1))
            .unwrap_or_default()
    }

    fn wait_until_it_works(&self) {
        wait_for("the peer answers", DEADLINE, || self.ping("10.0.0.2", 1).is_clean().then_some(()));
    }

    /// The address that the peer has for one of the host, when it has asked for it.
    fn peer_knows(&self, host: &str) -> Option<String> {
        let target = host.parse().expect("an address");
        let report = host::ping(&self.peer, target, 1, Duration::ZERO, Duration::from_secs(1));
        report.ok().filter(|report| report.received > 0)?;
        let table = self.peer.run(|| std::fs::read_to_string("/proc/thread-self/net/arp")).ok()?.ok()?;
        let row = table.lines().find(|line| line.starts_with(&format!("{host} ")))?;
        row.split_whitespace().nth(3).map(str::to_owned)
    }

    /// What the settings of the host's links are that have to do with its protocol stack.
    fn settings(&self) -> Vec<String> {
        let read = || {
            let keys = ["ipv6/conf/%/disable_ipv6", "ipv4/conf/%/rp_filter", "ipv4/conf/%/arp_ignore"];
            let paths = LINKS.iter().flat_map(|link| keys.map(|key| key.replace('%', link)));
            paths
                .map(|path| std::fs::read_to_string(format!("/proc/sys/net/{path}")).unwrap_or_default())
                .collect()
        };
        self.host.run(read).expect("the namespace can be entered")
    }
}

fn address(netns: &Netns, interface: &str, last: u8) {
    let v6 = format!("fd00::{last}").parse().expect("an address");
    link::add_address(netns, interface, [10, 0, 0, last].into(), 24).expect("IPv4");
    link::add_address(netns, interface, v6, 64).expect("IPv6");
}

fn distributing(bond: &Running) -> Vec<String> {
    let rows: Value =
        serde_json::from_str(&succeed(&["show", "lacp", "-s", &bond.name, "-j"])).expect("JSON");
    let rows = rows.as_array().expect("rows").iter().filter(|row| row["distributing"] == true);
    rows.filter_map(|row| Some(row["interface"].as_str()?.to_owned())).collect()
}

fn wait_for_members(bond: &Running, expected: &[&str]) {
    wait_for("LACP agrees on the members", DEADLINE, || (distributing(bond) == expected).then_some(()));
}

#[test]
fn a_bond_carries_a_hosts_traffic_over_whatever_members_are_left() {
    if !has(LIVE) {
        return;
    }
    let site = Site::new();
    let before = site.settings();
    let _switch = site.run_switch();
    let mut bond = Running::bond(&site.host, BOND);
    address(&site.host, "bond0", 1);
    wait_for_members(&bond, &LINKS);
    site.wait_until_it_works();
    // Once each: the kernel's stack on the members has taken none of it, nor has the switch played it back.
    for to in ["10.0.0.2", "fd00::2"] {
        wait_for("the peer's address is known", DEADLINE, || (site.ping(to, 1).received == 1).then_some(()));
        assert!(site.ping(to, 20).is_clean(), "{to}: {:?}", site.ping(to, 20));
    }
    for (server, client, at) in [(&site.peer, &site.host, 2), (&site.host, &site.peer, 1)] {
        let bytes = 20_000_000;
        let report = host::tcp_transfer(
            server,
            client,
            ([10, 0, 0, at], 0).into(),
            TransferSize::Bytes(bytes),
            DEADLINE,
        );
        assert_eq!(report.expect("TCP connects").bytes, bytes);
    }

    // Only the bond answers for the host, whichever link the question comes in by.
    link::add_address(&site.host, "bond0", [10, 0, 0, 3].into(), 24).expect("another address");
    link::set_down(&site.switch, "eth1").expect("it can be cut");
    wait_for_members(&bond, &["eth2"]);
    wait_for("the peer asks", DEADLINE, || site.peer_knows("10.0.0.3"));
    assert_eq!(site.peer_knows("10.0.0.3"), site.peer_knows("10.0.0.1"));
    link::set_up(&site.switch, "eth1").expect("it can be made whole");
    wait_for_members(&bond, &LINKS);

    // A stream goes on while the links are cut one after the other: it is on one of them.
    let (size, at) = (TransferSize::Time(Duration::from_secs(6)), ([10, 0, 0, 2], 0).into());
    std::thread::scope(|scope| {
        let stream = scope.spawn(|| host::tcp_transfer(&site.peer, &site.host, at, size, DEADLINE));
        for (cut, left) in [("eth1", "eth2"), ("eth2", "eth1")] {
            link::set_down(&site.switch, cut).expect("it can be cut");
            wait_for_members(&bond, &[left]);
            wait_for("the switch agrees", DEADLINE, || site.ping("10.0.0.2", 1).is_clean().then_some(()));
            let report = site.ping("10.0.0.2", 20);
            assert!(report.is_clean(), "the kernel has taken what came in by {left}: {report:?}");
            link::set_up(&site.switch, cut).expect("it can be made whole");
            wait_for_members(&bond, &LINKS);
        }
        stream.join().expect("no panic").expect("the stream is whole");
    });

    bond.kill();
    assert!(!site.host.run(interfaces).expect("the namespace").contains(&"bond0".to_owned()));
    bond.restart(&site.host);
    address(&site.host, "bond0", 1);
    site.wait_until_it_works();

    signal(&bond.child, Signal::TERM);
    assert!(bond.child.wait().expect("the bond ends").success());
    assert!(!site.host.run(interfaces).expect("the namespace").contains(&"bond0".to_owned()));
    assert_eq!(site.settings(), before, "the host has its links back, although the bond was killed once");
    bond.before.assert_nothing_is_left();
}

#[test]
fn a_member_with_an_address_is_the_hosts_own_and_refused() {
    if !has(LIVE) {
        return;
    }
    let site = Site::new();
    address(&site.host, "eth2", 7);
    let settings = site.settings();
    let (name, folder) = (unique("b"), tempfile::tempdir().expect("a folder"));
    let before = Before::of(&name);
    let file = folder.path().join("bond.yml");
    std::fs::write(&file, format!("name: {name}\n{BOND}")).expect("the file is written");
    let output = site.host.run(|| greylag(&["bond", file.to_str().expect("UTF-8")])).expect("the namespace");
    assert_eq!(output.status.code(), Some(1));
    let sentence = String::from_utf8_lossy(&output.stderr);
    assert!(sentence.contains("member eth2 has the address 10.0.0.7/24"), "{sentence}");
    assert_eq!(site.settings(), settings);
    before.assert_nothing_is_left();
}

const BONDED: &str = r#"
topology:
  nodes:
    sw1:
      kind: greylag
      config:
        ports: {eth1: {aggregate-id: ae0}, eth2: {aggregate-id: ae0}, ae0: {type: lag, interval: FAST}}
    h1: {kind: host, bond: {members: [eth1, eth2], interval: FAST, ipv4: 10.0.0.1/24, ipv6: "fd00::1/64"}}
    h2: {kind: host}
  links:
    - endpoints: ["sw1:eth1", "h1:eth1"]
    - endpoints: ["sw1:eth2", "h1:eth2"]
    - endpoints: ["sw1:eth3", {node: h2, interface: eth1, ipv4: 10.0.0.2/24, ipv6: "fd00::2/64"}]
"#;

/// The bonded host, as `lab inspect` has it.
fn inspected(lab: &Lab) -> Value {
    let labs: Value = serde_json::from_str(&succeed(&["lab", "inspect", &lab.name, "-j"])).expect("JSON");
    labs[0]["nodes"][1].clone()
}

#[test]
fn a_host_of_a_lab_has_a_bond_that_lives_and_goes_with_the_lab() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(BONDED);
    wait_for("h2 reaches h1", DEADLINE, || lab.pings("h2", "10.0.0.1").then_some(()));
    assert!(lab.pings("h1", "fd00::2"));
    lab.transfers("h2", "h1", "10.0.0.1");
    let node = inspected(&lab);
    assert_eq!((&node["state"], &node["bond"]["interface"]), (&"running".into(), &"bond0".into()));
    assert!(lab.verb("inspect").contains("host (bond0)"));
    let pid = node["pid"].as_i64().expect("a bond is a process");
    assert_eq!(lab.show("h1", "lacp").as_array().map(Vec::len), Some(2));

    wait_for("both links are in use", DEADLINE, || {
        let rows = lab.show("h1", "lacp");
        rows.as_array()?.iter().all(|row| row["distributing"] == true).then_some(())
    });
    for end in ["sw1:eth1", "h1:eth2"] {
        succeed(&["fault", "link", &lab.name, end, "down"]);
        wait_for("the other link carries on", DEADLINE, || lab.pings("h1", "10.0.0.2").then_some(()));
        succeed(&["fault", "link", &lab.name, end, "up"]);
        wait_for("both links are in use again", DEADLINE, || {
            let rows = lab.show("h1", "lacp");
            rows.as_array()?.iter().all(|row| row["distributing"] == true).then_some(())
        });
    }

    kill_process(Pid::from_raw(pid as i32).expect("a process id"), Signal::KILL).expect("it can be killed");
    wait_for("the bond is seen to be dead", DEADLINE, || (inspected(&lab)["state"] == "dead").then_some(()));
    assert!(lab.verb("deploy").contains("started again: h1"));
    wait_for("h2 reaches h1 again", DEADLINE, || lab.pings("h2", "10.0.0.1").then_some(()));
    lab.verb("destroy");
    lab.before.assert_nothing_is_left();
}
