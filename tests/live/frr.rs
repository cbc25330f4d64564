//! Routers whose routes FRR finds: its daemons talk through our data plane, and what they find is in our FIB.

use crate::rig::{DEADLINE, LIVE, Lab, greylag, run_in, signal_pid, succeed};
use crate::routers::{example, send_flows};
use crate::speaker::Speaker;
use greylag_lab::host;
use greylag_tests::{Need, has, wait_for};
use serde_json::Value;
use std::net::IpAddr;
use std::time::Duration;

const FRR: [Need; 4] = [
    LIVE[0],
    LIVE[1],
    Need::Program { name: "vtysh", package: "frr" },
    Need::Program { name: "ip", package: "iproute2" },
];

/// Daemons of four routers start, find each other, and elect nobody: that takes a while on a machine under load.
const CONVERGENCE: Duration = Duration::from_secs(90);

/// What FRR says of something at a router.
fn ask(lab: &Lab, node: &str, question: &str) -> Value {
    let said = succeed(&["lab", "exec", &lab.name, node, "--", "vtysh", "-c", question]);
    serde_json::from_str(&said).unwrap_or(Value::Null)
}

/// The gateways of the route that zebra has chosen for a prefix.
fn gateways(lab: &Lab, node: &str, prefix: &str) -> Vec<String> {
    let family = if prefix.contains(':') { "ipv6" } else { "ip" };
    let said = ask(lab, node, &format!("show {family} route {prefix} json"));
    let routes = said[prefix].as_array().cloned().unwrap_or_default();
    let chosen = routes.iter().find(|route| route["selected"] == true);
    let hops = chosen.and_then(|route| route["nexthops"].as_array().cloned()).unwrap_or_default();
    let active = hops.iter().filter(|hop| hop["active"] == true && hop["interfaceName"].is_string());
    active.map(|hop| hop["interfaceName"].as_str().unwrap_or_default().to_owned()).collect()
}

fn converge(lab: &Lab) {
    let wanted = [
        ("e1", "10.0.20.0/24"),
        ("e2", "10.0.10.0/24"),
        ("e1", "2001:db8:20::/64"),
        ("e2", "2001:db8:10::/64"),
        ("e1", "192.0.2.2/32"),
        ("e1", "2001:db8::2/128"),
    ];
    for (node, prefix) in wanted {
        wait_for(&format!("{node} has two ways to {prefix}"), CONVERGENCE, || {
            (gateways(lab, node, prefix).len() == 2).then_some(())
        });
    }
    for (from, to) in
        [("h1", "10.0.20.2"), ("h1", "2001:db8:20::2"), ("h1", "192.0.2.2"), ("h2", "2001:db8::1")]
    {
        wait_for(&format!("{from} reaches {to}"), DEADLINE, || lab.pings(from, to).then_some(()));
    }
}

#[test]
fn ospf_and_bgp_find_two_ways_and_go_by_the_one_that_is_left() {
    if !has(&FRR) {
        return;
    }
    let lab = example("frr-ecmp.clab.yml", |text| text);
    converge(&lab);
    lab.transfers("h1", "h2", "10.0.20.2");
    lab.transfers("h2", "h1", "2001:db8:10::2");

    let before = ["eth2", "eth3"].map(|port| lab.sent_by("e1", port));
    send_flows(&lab, "h1", "10.0.20.2", 400);
    wait_for("flows by both routers", DEADLINE, || {
        let sent = ["eth2", "eth3"].map(|port| lab.sent_by("e1", port));
        (0..2).all(|port| sent[port] - before[port] >= 100).then_some(())
    });

    reroute(&lab);
    assert_eq!(gateways(&lab, "e1", "10.0.20.0/24"), ["eth3"]);
    run_in(&lab.netns("e1"), "ip", &["link", "set", "eth2", "up"]);
    converge(&lab);
}

/// Cuts one of two links under flows, and tells for how long one of them was away.
fn reroute(lab: &Lab) {
    const INTERVAL: Duration = Duration::from_millis(5);
    let addresses: Vec<IpAddr> = (100..116).map(|last| IpAddr::from([10, 0, 20, last])).collect();
    for address in &addresses {
        run_in(&lab.netns("h2"), "ip", &["address", "add", &format!("{address}/24"), "dev", "eth1"]);
        wait_for("the flow flows", DEADLINE, || lab.pings("h1", &address.to_string()).then_some(()));
    }
    let hosts = lab.netns("h1");
    let flows: Vec<_> = addresses
        .into_iter()
        .map(|address| {
            let hosts = hosts.clone();
            std::thread::spawn(move || host::ping(&hosts, address, 800, INTERVAL, Duration::from_secs(6)))
        })
        .collect();
    // While they flow.
    wait_for("flows on the link", DEADLINE, || {
        let before = lab.sent_by("e1", "eth2");
        (lab.sent_by("e1", "eth2") > before).then_some(())
    });
    run_in(&lab.netns("e1"), "ip", &["link", "set", "eth2", "down"]);
    let mut longest = Duration::ZERO;
    for flow in flows {
        let report = flow.join().expect("the flow ends").expect("pings can be sent");
        longest = longest.max(INTERVAL * (report.sent - report.received));
    }
    eprintln!("a link between two routers is cut: the longest of 16 flows was away for {longest:?}");
    wait_for("the other way", DEADLINE, || (gateways(lab, "e1", "10.0.20.0/24").len() == 1).then_some(()));
    for to in ["10.0.20.2", "2001:db8:20::2", "192.0.2.2"] {
        wait_for("all is reached again", DEADLINE, || lab.pings("h1", to).then_some(()));
    }
}

/// One router with a customer that speaks BGP, and one that does not.
const CUSTOMERS: &str = r#"
topology:
  nodes:
    r1:
      kind: frr
      config:
        ports: {eth1: {interface-mode: ROUTED}, eth2: {interface-mode: ROUTED}}
        interfaces:
          eth1: {ipv4: 10.0.1.1/24}
          eth2: {ipv4: 10.0.2.1/24}
      frr:
        config: |
          router bgp 65001
           bgp router-id 192.0.2.1
           no bgp ebgp-requires-policy
           neighbor 10.0.1.2 remote-as 65002
           neighbor 10.0.1.2 passive
    h1: {kind: host}
    h2: {kind: host, exec: ["ip route add default via 10.0.2.1"]}
  links:
    - endpoints: ["r1:eth1", {node: h1, interface: eth1, ipv4: 10.0.1.2/24}]
    - endpoints: ["r1:eth2", {node: h2, interface: eth1, ipv4: 10.0.2.2/24}]
"#;

/// Prefix number `index` of the table, and an address in it.
fn prefix(index: u32) -> [u8; 4] {
    let [_, a, b, c] = (index + 1).to_be_bytes();
    [20 + a, b, c, 0]
}

/// How many prefixes lead to the customer's router.
fn prefixes_in_fib(lab: &Lab) -> u64 {
    let groups = lab.show("r1", "nexthop-groups");
    let groups = groups.as_array().expect("groups are rows").iter();
    groups.filter_map(|group| group["prefixes"].as_u64()).max().unwrap_or_default()
}

/// What becomes of a route is told in so many octets at the least: the frame's header, netlink's, the route's, where to and by which number.
const LEAST_ANSWER: u64 = 4 + 16 + 12 + 8 + 8;

/// What zebra has counted on its connection to us.
fn fpm_counter(lab: &Lab, name: &str) -> u64 {
    let said = succeed(&["lab", "exec", &lab.name, "r1", "--", "vtysh", "-c", "show fpm counters"]);
    let line = said.lines().find_map(|line| line.trim().strip_prefix(name));
    line.and_then(|rest| rest.trim_start_matches(':').trim().parse().ok()).unwrap_or_default()
}

/// A table of so many prefixes goes from a BGP speaker through FRR into our FIB, and packets go by it.
fn take_table(count: u32, patience: Duration) {
    let lab = Lab::deploy(CUSTOMERS);
    // Ten of them are really behind the customer.
    let samples: Vec<String> = (0..10)
        .map(|sample| {
            let [a, b, c, _] = prefix(sample * (count - 1) / 9);
            format!("{a}.{b}.{c}.1")
        })
        .collect();
    for address in &samples {
        run_in(&lab.netns("h1"), "ip", &["address", "add", &format!("{address}/32"), "dev", "lo"]);
    }
    run_in(&lab.netns("h1"), "ip", &["route", "add", "default", "via", "10.0.1.1"]);
    let start = std::time::Instant::now();
    let speaker = Speaker::connect(&lab.netns("h1"), "10.0.1.1:179", 65002, [10, 0, 1, 2]);
    speaker.announce((0..count).map(prefix));
    for address in &samples {
        wait_for(&format!("h2 reaches {address}"), patience, || lab.pings("h2", address).then_some(()));
    }
    eprintln!("{count} prefixes by BGP, zebra and FPM, until the last is forwarded: {:?}", start.elapsed());
    wait_for("RIB and FIB have all of it", patience, || {
        (prefixes_in_fib(&lab) >= u64::from(count)).then_some(())
    });
    succeed(&["check", "fib", "-s", &lab.switch("r1")]);
    wait_for("zebra has heard of all of it", patience, || {
        (fpm_counter(&lab, "Input bytes") >= LEAST_ANSWER * u64::from(count)).then_some(())
    });
    assert_eq!((fpm_counter(&lab, "Connection closes"), fpm_counter(&lab, "Connection errors")), (0, 0));
    drop(speaker);
    // The session has gone, and its routes with it.
    wait_for("the routes go", patience, || {
        let [first, .., last] = &samples[..] else { unreachable!() };
        (!lab.pings("h2", first) && !lab.pings("h2", last)).then_some(())
    });
}

// The whole table, by GoBGP: `tools/full-table`.
#[test]
fn a_slice_of_a_full_table_comes_through() {
    if !has(&FRR) {
        return;
    }
    take_table(50_000, Duration::from_secs(120));
}

#[test]
fn routes_outlive_zebra() {
    if !has(&FRR) {
        return;
    }
    let lab = Lab::deploy(CUSTOMERS);
    let speaker = Speaker::connect(&lab.netns("h1"), "10.0.1.1:179", 65002, [10, 0, 1, 2]);
    run_in(&lab.netns("h1"), "ip", &["address", "add", "20.0.1.1/32", "dev", "lo"]);
    run_in(&lab.netns("h1"), "ip", &["route", "add", "default", "via", "10.0.1.1"]);
    speaker.announce((0..1).map(prefix));
    wait_for("the route is there", CONVERGENCE, || lab.pings("h2", "20.0.1.1").then_some(()));
    for pid in lab.frr_pids("r1") {
        signal_pid(pid, rustix::process::Signal::KILL);
    }
    wait_for("zebra has gone", DEADLINE, || (lab.told("r1", "fpm-closed") == 1).then_some(()));
    assert!(lab.pings("h2", "20.0.1.1"), "the data plane goes on");
    // The lab has noticed, and mends it.
    assert!(succeed(&["lab", "inspect", &lab.name]).contains("dead"));
    lab.verb("deploy");
    wait_for("zebra is back", CONVERGENCE, || (lab.told("r1", "fpm-connected") == 2).then_some(()));
    assert!(lab.pings("h2", "20.0.1.1"), "and its routes are still there");
}

#[test]
fn nothing_is_left_of_a_lab_with_frr() {
    if !has(&FRR) {
        return;
    }
    let lab = Lab::deploy(CUSTOMERS);
    let said = succeed(&["lab", "exec", &lab.name, "r1", "--", "vtysh", "-c", "show interface brief"]);
    assert!(said.contains("eth1") && said.contains("10.0.1.1/24"), "{said}");
    // The switch is killed first: its TAPs go with it, and FRR goes on without.
    for pid in lab.pids() {
        signal_pid(pid, rustix::process::Signal::KILL);
    }
    lab.verb("destroy");
    lab.before.assert_nothing_is_left();
}

#[test]
fn what_frr_does_not_understand_is_said_and_nothing_is_made() {
    if !has(&FRR) {
        return;
    }
    let lab = Lab::write(&CUSTOMERS.replace("router bgp", "rooter bgp"));
    let output = greylag(&["lab", "deploy", lab.file.to_str().expect("the path is UTF-8")]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("r1") && said.contains("rooter bgp"), "{said}");
    lab.before.assert_nothing_is_left();
}
