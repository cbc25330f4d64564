//! Packets cross routers: resolved, spread, moved when a link goes, and answered where they cannot go on.

use crate::network::{
    Datagram, Network, SHORT, ip, irb, next_hop, route, route_to, routed, router, two_links,
};
use crate::rig::{millis, seconds};
use greylag_ip::NeighborState;
use greylag_switch::config::{GroupHashing, StaticTarget};

const FAR: &str = "10.9.0.2";
const FAR6: &str = "2001:db8:9::2";

#[test]
fn a_packet_crosses_two_routers_and_loses_two_hops() {
    let mut network = two_links(|_| {});
    for (to, from) in [(FAR, "10.0.0.2"), (FAR6, "2001:db8::2")] {
        network.send(0, to, SHORT);
        assert_eq!(
            network.hosts[1].listen(),
            [(ip(from), 62, 10)],
            "nobody was known, and it arrives all the same"
        );
        network.send(0, to, Datagram { ttl: 3, ..SHORT });
        assert_eq!(network.hosts[1].listen(), [(ip(from), 1, 10)]);
    }
    assert_eq!(network.hosts[0].complaints(), []);
    network.plays_back();
}

#[test]
fn a_host_that_has_answered_has_a_route_of_its_own() {
    let mut network = two_links(|_| {});
    assert_eq!(network.fib(1, "10.9.0.2/32"), None);
    assert!(network.reaches(0, 1, FAR) && network.reaches(0, 1, FAR6));
    network.wait(millis(5));
    assert_eq!(network.fib(1, "10.9.0.2/32"), Some(vec!["10.9.0.2 on eth1".to_owned()]));
    assert_eq!(network.fib(1, "2001:db8:9::2/128"), Some(vec!["2001:db8:9::2 on eth1".to_owned()]));
    assert_eq!(network.source(1, "10.9.0.2/32").as_deref(), Some("neighbor"));
    network.link((1, 0), false);
    network.wait(millis(5));
    assert_eq!(network.fib(1, "10.9.0.2/32"), None);
    assert_eq!(network.fib(1, "10.9.0.0/24"), None);
}

#[test]
fn flows_are_spread_over_two_links_and_move_at_once_when_one_goes() {
    let idle_timer = seconds(1);
    let resilient = GroupHashing::Resilient { idle_timer, unbalanced_timer: seconds(0) };
    for hashing in [GroupHashing::Modulo, resilient] {
        for to in [FAR, FAR6] {
            let prefix = if to == FAR { "10.9.0.0/24" } else { "2001:db8:9::/64" };
            let mut network = two_links(|config| {
                config.routing.next_hop_groups.hashing = hashing;
                config.routing.programming.delay = seconds(1);
            });
            network.reaches(0, 1, to);
            network.wait(seconds(1));
            assert_eq!(network.flows(0, 1, to, 200), 200);
            let carried = [network.carried((0, 1)), network.carried((0, 2))];
            assert_eq!(carried.iter().sum::<usize>(), 200);
            assert!(carried.iter().all(|flows| *flows > 60), "{carried:?}");
            let before = network.numbers(0, prefix);

            // The programming agent hears of it a second later: the data plane does not wait for that.
            network.link((0, 1), false);
            assert_eq!(network.rib(0, prefix).len(), 1, "the RIB knows");
            assert_eq!(network.fib(0, prefix).unwrap().len(), 2, "the FIB does not");
            assert_eq!(network.flows(0, 1, to, 200), 200);
            assert_eq!([network.carried((0, 1)), network.carried((0, 2))], [0, 200]);
            network.wait(seconds(1));
            assert_eq!(network.fib(0, prefix).unwrap().len(), 1);
            assert_eq!(network.flows(0, 1, to, 200), 200);

            network.link((0, 1), true);
            network.wait(seconds(5));
            assert_eq!(network.fib(0, prefix).unwrap().len(), 2);
            let after = network.numbers(0, prefix);
            let stayed = before.iter().filter(|number| after.contains(number)).count();
            assert_eq!(
                (after.len(), stayed),
                (2, 1),
                "who comes back has another number: {before:?} {after:?}"
            );
            assert_eq!(network.flows(0, 1, to, 200), 200);
            assert!(network.carried((0, 1)) > 60 && network.carried((0, 2)) > 60);
            network.plays_back();
        }
    }
}

#[test]
fn a_gateway_on_a_named_interface_goes_with_that() {
    let mut network = two_links(|config| {
        let them = if config.name == "sw1" { "2" } else { "1" };
        let far = if config.name == "sw1" { "9" } else { "0" };
        let on = |link: u8| greylag_switch::config::StaticNextHop {
            interface: Some(greylag_base::PortName::new(format!("eth{}", link + 1)).unwrap()),
            ..next_hop(&format!("10.{link}.0.{them}"))
        };
        route_to(config, &format!("10.{far}.0.0/24"), StaticTarget::NextHops(vec![on(1), on(2)]));
    });
    network.reaches(0, 1, FAR);
    assert_eq!(network.rib(0, "10.9.0.0/24"), ["10.1.0.2", "10.2.0.2"]);
    network.link((0, 2), false);
    assert_eq!(network.rib(0, "10.9.0.0/24"), ["10.1.0.2"]);
    network.wait(millis(5));
    assert_eq!(network.fib(0, "10.9.0.0/24").unwrap().len(), 1);
    network.link((0, 1), false);
    assert_eq!(network.rib(0, "10.9.0.0/24"), [""; 0], "by neither");
    network.link((0, 1), true);
    network.wait(millis(5));
    assert!(network.reaches(0, 1, FAR));
}

#[test]
fn a_gateway_is_kept_known_fails_and_comes_back() {
    let mut network = two_links(|_| {});
    let state = |network: &Network| {
        let switch = &network.switches[0];
        let mut rows = switch.switch.neighbor_rows(switch.now).into_iter();
        let row = rows.find(|row| row.address == ip("10.1.0.2"));
        row.map(|row| (row.wanted, row.mac_address.is_some(), row.state))
    };
    assert_eq!(
        state(&network),
        Some((true, true, NeighborState::Reachable)),
        "before anybody has sent a packet"
    );
    network.wait(seconds(300));
    assert!(state(&network).unwrap().1, "nobody sends, and it is asked again and again");
    network.told(0, &[]);
    // A switch between the two dies: the carrier stays.
    network.silence((0, 1), true);
    let took = network.wait_for(seconds(60), |network| !state(network).unwrap().1);
    assert!(took >= seconds(3) && took <= seconds(53), "{took:?}");
    let told = network.told(0, &["neighbor-failed", "neighbor-resolved", "interface-down"]);
    let names: Vec<&str> = told.iter().map(|(_, name)| name.as_str()).collect();
    assert!(names.contains(&"neighbor-failed") && !names.contains(&"interface-down"), "{names:?}");
    assert_eq!(network.rib(0, "10.9.0.0/24").len(), 2, "a route does not go because a gateway is silent");
    network.silence((0, 1), false);
    let took = network.wait_for(seconds(10), |network| state(network).unwrap().1);
    assert!(took <= seconds(2), "it is asked every second: {took:?}");
    network.wait(seconds(10));
    assert_eq!(network.flows(0, 1, FAR, 100), 100);
    network.plays_back();
}

/// One switch with two VLANs, an interface on each, and a host in each.
fn two_vlans() -> Network {
    let mut config = router("sw1", 4);
    irb(&mut config, 10, &[0, 2], &["10.10.0.1/24", "2001:db8:10::1/64"]);
    irb(&mut config, 20, &[1, 3], &["10.20.0.1/24", "2001:db8:20::1/64"]);
    let mut network = Network::new(vec![config]);
    network.host((0, 0), &["10.10.0.2/24", "2001:db8:10::2/64"], &["10.10.0.1", "2001:db8:10::1"]);
    network.host((0, 1), &["10.20.0.2/24", "2001:db8:20::2/64"], &["10.20.0.1", "2001:db8:20::1"]);
    network.wait(seconds(1));
    network
}

#[test]
fn a_switch_routes_between_its_own_vlans() {
    let mut network = two_vlans();
    for (to, from) in [("10.20.0.2", "10.10.0.2"), ("2001:db8:20::2", "2001:db8:10::2")] {
        network.send(0, to, SHORT);
        assert_eq!(network.hosts[1].listen(), [(ip(from), 63, 10)]);
    }
    network.wait(millis(5));
    assert_eq!(network.fib(0, "10.20.0.2/32"), Some(vec!["10.20.0.2 on irb20".to_owned()]));
    // The last port of the VLAN with a link goes, and its interface with it.
    network.link((0, 1), false);
    assert_eq!(network.rib(0, "10.20.0.0/24"), [""; 0]);
    network.send(0, "10.20.0.2", SHORT);
    network.wait(millis(5));
    assert_eq!(network.hosts[0].complaints(), [(ip("10.10.0.1"), 3)]);
    network.link((0, 1), true);
    network.wait(millis(5));
    assert!(network.reaches(0, 1, "10.20.0.2"));
    network.plays_back();
}

/// What the last ICMP error that a host was sent says: type and code.
fn icmp(network: &Network, host: usize) -> (u8, u8) {
    let of_icmp = |frame: &Vec<u8>| match (&frame[12..14], frame[23], frame[20]) {
        ([0x08, 0x00], 1, _) => Some((frame[34], frame[35])),
        ([0x86, 0xdd], _, 58) if frame[54] < 128 => Some((frame[54], frame[55])),
        _ => None,
    };
    network.hosts[host].frames.iter().rev().find_map(of_icmp).expect("an error was sent")
}

#[test]
fn who_sends_where_there_is_no_way_is_told_why() {
    let mut network = two_links(|config| {
        for (prefix, to) in [
            ("198.51.100.0/24", StaticTarget::Unreachable),
            ("203.0.113.0/24", StaticTarget::Prohibit),
            ("192.0.2.0/24", StaticTarget::Blackhole),
            ("2001:db8:bad::/48", StaticTarget::Unreachable),
            ("2001:db8:f00::/48", StaticTarget::Prohibit),
        ] {
            route_to(config, prefix, to);
        }
    });
    for (to, by, says) in [
        ("8.8.8.8", "10.0.0.1", (3, 0)),
        ("198.51.100.1", "10.0.0.1", (3, 1)),
        ("203.0.113.1", "10.0.0.1", (3, 13)),
        ("2001:4860::8888", "2001:db8::1", (1, 0)),
        ("2001:db8:bad::1", "2001:db8::1", (1, 3)),
        ("2001:db8:f00::1", "2001:db8::1", (1, 1)),
    ] {
        network.send(0, to, SHORT);
        assert_eq!(network.hosts[0].complaints(), [(ip(by), says.0)], "{to}");
        assert_eq!(icmp(&network, 0), says, "{to}");
    }
    network.send(0, "192.0.2.1", SHORT);
    assert_eq!(network.hosts[0].complaints(), [], "a blackhole says nothing");
    // A station that is not there: after three questions, a second apart.
    network.send(0, "10.9.0.77", SHORT);
    network.wait(seconds(4));
    assert_eq!((network.hosts[0].complaints().len(), icmp(&network, 0)), (1, (3, 1)));
    network.plays_back();
}

#[test]
fn what_is_too_long_is_cut_or_sent_back() {
    let mut network = two_links(|config| config.interfaces[1].mtu = 1280);
    // All by the link with the short frames.
    network.link((0, 2), false);
    network.reaches(0, 1, FAR);
    network.reaches(0, 1, FAR6);
    network.wait(seconds(2));
    for (to, says) in [(FAR, (3, 4)), (FAR6, (2, 0))] {
        network.hosts[1].listen();
        network.send(0, to, Datagram { len: 1400, ..SHORT });
        assert_eq!(network.hosts[1].listen(), []);
        assert_eq!(icmp(&network, 0), says);
        let message = network.hosts[0].frames.last().unwrap();
        let mtu = if to == FAR { &message[40..42] } else { &message[60..62] };
        assert_eq!(mtu, 1280_u16.to_be_bytes(), "it says how much would pass");
    }
    network.send(0, FAR, Datagram { len: 1400, whole: false, ..SHORT });
    assert_eq!(network.hosts[1].listen(), [(ip("10.0.0.2"), 62, 1400)], "in pieces, and whole again");
}

#[test]
fn traceroute_names_each_router_on_the_way() {
    let mut configs: Vec<_> = (1..=3).map(|number| router(&format!("sw{number}"), 2)).collect();
    for (number, config) in configs.iter_mut().enumerate() {
        let (left, right) = (number, number + 1);
        let ends = [(0, left, if number == 0 { 1 } else { 2 }), (1, right, 1)];
        for (port, link, end) in ends {
            let addresses = [format!("10.{link}.0.{end}/24"), format!("2001:db8:{link}::{end}/64")];
            routed(config, port, &[&addresses[0], &addresses[1]]);
        }
        for link in 0..4 {
            let via = match link {
                link if link < left => format!("{left}.0.1"),
                link if link > right => format!("{right}.0.2"),
                _ => continue,
            };
            route(config, &format!("10.{link}.0.0/24"), &[&format!("10.{via}")]);
            let via = via.replace(".0.", "::");
            route(config, &format!("2001:db8:{link}::/64"), &[&format!("2001:db8:{via}")]);
        }
    }
    let mut network = Network::new(configs);
    network.join((0, 1), (1, 0));
    network.join((1, 1), (2, 0));
    network.host((0, 0), &["10.0.0.9/24", "2001:db8::9/64"], &["10.0.0.1", "2001:db8::1"]);
    network.host((2, 1), &["10.3.0.9/24", "2001:db8:3::9/64"], &["10.3.0.1", "2001:db8:3::1"]);
    network.wait(seconds(2));
    for (to, hops) in [
        ("10.3.0.9", ["10.0.0.1", "10.1.0.2", "10.2.0.2"]),
        ("2001:db8:3::9", ["2001:db8::1", "2001:db8:1::2", "2001:db8:2::2"]),
    ] {
        for (ttl, hop) in (1..).zip(hops) {
            network.send(0, to, Datagram { ttl, ..SHORT });
            let exceeded = if to.contains(':') { 3 } else { 11 };
            assert_eq!(network.hosts[0].complaints(), [(ip(hop), exceeded)], "{to} {ttl}");
        }
        network.send(0, to, Datagram { ttl: 4, ..SHORT });
        assert_eq!(network.hosts[1].listen().len(), 1);
    }
    network.plays_back();
}
