//! Routers of ours between hosts of the kernel: what the hosts reach, and what they are told where they do not.

use crate::rig::{DEADLINE, LIVE, Lab, run_in};
use greylag_tests::{Need, has, wait_for, workspace};
use std::net::UdpSocket;

const HOSTS: [Need; 4] = [
    LIVE[0],
    LIVE[1],
    Need::Program { name: "ping", package: "iputils-ping" },
    Need::Program { name: "ip", package: "iproute2" },
];

/// A lab of `labs/` under a name of the test's.
pub(crate) fn example(file: &str, change: impl FnOnce(String) -> String) -> Lab {
    let text = std::fs::read_to_string(workspace().join("labs").join(file)).expect("the lab is there");
    let named: Vec<&str> = text.lines().filter(|line| !line.starts_with("name:")).collect();
    Lab::deploy(&change(named.join("\n")))
}

fn routed() -> Lab {
    example("routed.clab.yml", |text| text)
}

#[test]
fn hosts_in_different_subnets_reach_each_other() {
    if !has(&HOSTS) {
        return;
    }
    let lab = routed();
    for to in ["10.0.10.1", "192.0.2.2", "10.0.20.1", "10.0.20.2"] {
        assert!(lab.pings("h1", to), "h1 reaches {to}");
    }
    for to in ["2001:db8:10::1", "2001:db8::2", "2001:db8:20::1", "2001:db8:20::2"] {
        assert!(lab.pings("h1", to), "h1 reaches {to}");
    }
    lab.transfers("h1", "h2", "10.0.20.2");
    lab.transfers("h2", "h1", "2001:db8:10::2");
}

/// What `ping` says to one request.
fn ping(lab: &Lab, words: &[&str]) -> String {
    run_in(&lab.netns("h1"), "ping", &[&["-n", "-c", "1", "-W", "10"], words].concat())
}

#[test]
fn a_packet_that_lives_too_short_is_told_of_by_the_hop_where_it_ends() {
    if !has(&HOSTS) {
        return;
    }
    let lab = routed();
    let first = ping(&lab, &["-t", "1", "10.0.20.2"]);
    assert!(first.contains("From 10.0.10.1") && first.contains("Time to live exceeded"), "{first}");
    let second = ping(&lab, &["-t", "2", "10.0.20.2"]);
    let by_either = ["From 10.0.1.1", "From 10.0.2.1"].iter().any(|from| second.contains(from));
    assert!(by_either && second.contains("Time to live exceeded"), "{second}");
    let third = ping(&lab, &["-t", "3", "10.0.20.2"]);
    assert!(third.contains("bytes from 10.0.20.2"), "{third}");

    let first = ping(&lab, &["-t", "1", "2001:db8:20::2"]);
    assert!(first.contains("From 2001:db8:10::1") && first.contains("Hop limit"), "{first}");
}

#[test]
fn who_cannot_be_reached_is_told_by_the_router_that_knows() {
    if !has(&HOSTS) {
        return;
    }
    let lab = routed();
    let no_route = ping(&lab, &["198.51.100.1"]);
    assert!(no_route.contains("From 10.0.10.1") && no_route.contains("Net Unreachable"), "{no_route}");
    let nobody = ping(&lab, &["10.0.20.99"]);
    assert!(nobody.contains("Host Unreachable"), "{nobody}");
    let no_route = ping(&lab, &["2001:db8:99::1"]);
    assert!(no_route.contains("From 2001:db8:10::1") && no_route.contains("No route"), "{no_route}");
    let nobody = ping(&lab, &["2001:db8:20::99"]);
    assert!(nobody.contains("Address unreachable"), "{nobody}");
}

/// Addresses that no packet may come from or go to, from a host whose kernel has no objection.
#[test]
fn martians_end_at_the_first_router_and_are_counted() {
    if !has(&HOSTS) {
        return;
    }
    let lab = routed();
    let in_host = |words: &[&str]| run_in(&lab.netns("h1"), "ip", words);
    in_host(&["address", "add", "240.0.0.9/32", "dev", "lo"]);
    for (source, destination, reason) in
        [("10.0.10.2", "240.0.0.5", "martian-destination"), ("240.0.0.9", "10.0.20.2", "martian-source")]
    {
        let before = lab.drops("r1", reason);
        let answer = ping(&lab, &["-W", "1", "-I", source, destination]);
        assert!(answer.contains("100% packet loss") && !answer.contains("From"), "{answer}");
        assert_eq!(lab.drops("r1", reason), before + 1, "{reason}: {source} to {destination}");
    }
    assert!(lab.pings("h1", "10.0.20.2"), "others go on");
}

#[test]
fn the_smallest_mtu_on_the_way_is_found() {
    if !has(&HOSTS) {
        return;
    }
    let narrow = |text: String| {
        let link = |port: &str| format!("    - endpoints: [\"r1:{port}\", \"r2:{port}\"]");
        let text = text.replace(&link("eth2"), &(link("eth2") + "\n      mtu: 1300"));
        text.replace(&link("eth3"), &(link("eth3") + "\n      mtu: 1300"))
    };
    let lab = example("routed.clab.yml", narrow);
    // Behind 8 octets of ICMP and 20 of IP: 1428.
    let refused = ping(&lab, &["-M", "do", "-s", "1400", "10.0.20.2"]);
    assert!(refused.contains("Frag needed") && refused.contains("mtu = 1300"), "{refused}");
    let route = run_in(&lab.netns("h1"), "ip", &["route", "get", "10.0.20.2"]);
    assert!(route.contains("mtu 1300"), "{route}");
    // From the other end, which knows nothing of it yet, in pieces.
    let cut = run_in(
        &lab.netns("h2"),
        "ping",
        &["-n", "-c", "1", "-W", "10", "-M", "dont", "-s", "1400", "10.0.10.2"],
    );
    assert!(cut.contains("1408 bytes from 10.0.10.2"), "{cut}");
    let refused = ping(&lab, &["-M", "do", "-s", "1400", "2001:db8:20::2"]);
    assert!(refused.contains("Packet too big") && refused.contains("mtu=1300"), "{refused}");
    // TCP goes by it.
    lab.transfers("h1", "h2", "10.0.20.2");
    lab.transfers("h1", "h2", "2001:db8:20::2");
}

#[test]
fn routers_and_the_kernel_find_each_other() {
    if !has(&HOSTS) {
        return;
    }
    let lab = routed();
    let mac = lab.host_mac("h1", "eth1");
    for (to, from) in [("10.0.10.1", "10.0.10.2"), ("2001:db8:10::1", "2001:db8:10::2")] {
        assert!(lab.pings("h1", to), "h1 reaches {to}");
        let known = run_in(&lab.netns("h1"), "ip", &["neigh", "show", to]);
        assert!(known.contains("REACHABLE"), "{known}");
        wait_for("the router has found the host", DEADLINE, || {
            let rows = lab.show("r1", "neighbors");
            let row = rows.as_array()?.iter().find(|row| row["address"] == from)?.clone();
            (row["mac-address"] == mac.as_str() && row["state"] == "reachable").then_some(())
        });
    }
}

/// Sends a datagram to each of many ports, which are as many flows.
pub(crate) fn send_flows(lab: &Lab, from: &str, to: &str, flows: u16) {
    let socket =
        lab.netns(from).run(|| UdpSocket::bind(if to.contains(':') { "[::]:0" } else { "0.0.0.0:0" }));
    let socket = socket.expect("the namespace can be entered").expect("a socket");
    for port in 0..flows {
        // What a closed port is answered with is of no interest.
        let _ = socket.send_to(&[0; 100], (to, 10_000 + port));
    }
}

#[test]
fn flows_are_spread_over_two_links_and_live_on_one() {
    if !has(&HOSTS) {
        return;
    }
    let lab = routed();
    assert!(lab.pings("h1", "10.0.20.2"));
    let before = ["eth2", "eth3"].map(|port| lab.sent_by("r1", port));
    send_flows(&lab, "h1", "10.0.20.2", 200);
    wait_for("flows on both links", DEADLINE, || {
        let sent = ["eth2", "eth3"].map(|port| lab.sent_by("r1", port));
        let more = [sent[0] - before[0], sent[1] - before[1]];
        (more.iter().sum::<u64>() >= 200 && more.iter().all(|frames| *frames >= 50)).then_some(())
    });
    run_in(&lab.netns("r1"), "ip", &["link", "set", "eth2", "down"]);
    for to in ["10.0.20.2", "2001:db8:20::2"] {
        wait_for("the other link has taken over", DEADLINE, || lab.pings("h1", to).then_some(()));
    }
}
