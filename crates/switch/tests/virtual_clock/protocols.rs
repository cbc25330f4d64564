//! BFD, BGP and the interior protocol through the data plane of several switches: up, lost, and back.

use crate::network::{Network, ip, loopback, route, route_to, routed, router, two_links};
use crate::rig::{millis, seconds};
use greylag_base::PortName;
use greylag_switch::agent::AgentKind;
use greylag_switch::config::{
    BfdSession, BfdTimers, BgpConfig, BgpNeighbor, LinkStateConfig, LinkStateInterface, StaticNextHop,
    StaticTarget, SwitchConfig,
};
use greylag_switch::fault::Fault;
use greylag_switch::show::Which;
use std::time::Duration;

const FAR: &str = "10.9.0.2";
const PREFIX: &str = "10.9.0.0/24";

fn sessions_up(network: &Network, switch: usize) -> usize {
    let rows = network.switches[switch].switch.bfd_rows();
    rows.iter().filter(|row| row.session_state == greylag_bfd::State::Up).count()
}

fn neighbor(address: &str, peer_as: u32) -> BgpNeighbor {
    BgpNeighbor {
        neighbor_address: ip(address),
        peer_as,
        local_address: None,
        hold_time: seconds(90),
        connect_retry: seconds(5),
        passive: false,
        bfd: false,
        multihop: false,
        next_hop_self: false,
        graceful_shutdown: false,
        local_preference: None,
    }
}

fn bgp(autonomous_system: u32, neighbors: Vec<BgpNeighbor>) -> BgpConfig {
    BgpConfig {
        autonomous_system,
        neighbors,
        networks: Vec::new(),
        redistribute_connected: false,
        redistribute_static: false,
    }
}

fn established(network: &Network, switch: usize) -> usize {
    let Some(rows) = network.switches[switch].switch.bgp_rows() else { return 0 };
    rows.neighbors.iter().filter(|row| row.session_state == greylag_bgp::State::Established).count()
}

fn link(name: &str) -> LinkStateInterface {
    LinkStateInterface {
        interface: PortName::new(name).unwrap(),
        metric: 10,
        passive: name == "lo0" || name == "eth1",
        hello_interval: seconds(1),
        dead_interval: seconds(4),
        bfd: false,
    }
}

fn link_state(names: &[&str]) -> LinkStateConfig {
    let interfaces = names.iter().map(|name| link(name)).collect();
    LinkStateConfig { interfaces, spf_delay: Duration::ZERO, overload: false }
}

/// Static routes by both links, each while its BFD session is up.
fn with_bfd(config: &mut SwitchConfig) {
    for route in &mut config.routing.static_routes {
        let StaticTarget::NextHops(hops) = &mut route.to else { continue };
        hops.iter_mut().for_each(|hop: &mut StaticNextHop| hop.bfd = true);
    }
}

#[test]
fn a_static_route_waits_for_its_bfd_session_and_falls_with_it() {
    let mut network = two_links(with_bfd);
    // Both ends of both sessions of each family come up within a few seconds; before that, nobody is led there.
    network.wait_for(seconds(5), |network| sessions_up(network, 0) == 4 && sessions_up(network, 1) == 4);
    network.wait(seconds(3));
    assert_eq!(network.rib(0, PREFIX), ["10.1.0.2", "10.2.0.2"]);
    network.reaches(0, 1, FAR);
    network.wait(seconds(1));
    assert_eq!(network.flows(0, 1, FAR, 50), 50);

    network.told(0, &[]);
    let before = network.now();
    network.silence((0, 1), true);
    network.wait_for(seconds(2), |network| network.rib(0, PREFIX).len() == 1);
    let took = network.now() - before;
    assert!(took > millis(600) && took <= millis(900), "three packets are missed: {took:?}");
    // The data plane does not wait for the programming agent.
    assert_eq!(network.flows(0, 1, FAR, 50), 50);
    assert_eq!((network.carried((0, 1)), network.carried((0, 2))), (0, 50));
    network.wait(seconds(1));
    assert_eq!(network.told(0, &["bfd-session-down"]).len(), 2);
    network.silence((0, 1), false);
    network.wait(seconds(5));
    assert_eq!(network.rib(0, PREFIX).len(), 2);
    assert_eq!(network.flows(0, 1, FAR, 50), 50);
    assert_eq!(network.check(0, false), [""; 0]);
    network.plays_back();
}

#[test]
fn a_static_route_whose_session_never_comes_up_is_never_used() {
    let mut network = two_links(|config| {
        if config.name == "sw1" {
            with_bfd(config);
        }
    });
    network.wait(seconds(20));
    assert_eq!(network.rib(0, PREFIX), [""; 0]);
    // The other end begins to speak BFD.
    network.commit(1, with_bfd);
    network.wait(seconds(5));
    assert_eq!(network.rib(0, PREFIX).len(), 2);
    // It is taken out of the configuration there, in good order: no failure.
    network.commit(1, |config| {
        for route in &mut config.routing.static_routes {
            let StaticTarget::NextHops(hops) = &mut route.to else { continue };
            hops.iter_mut().for_each(|hop| hop.bfd = false);
        }
    });
    network.wait(seconds(5));
    assert_eq!(network.rib(0, PREFIX).len(), 2, "AdminDown is no failure");
    // And here: routes go by themselves again.
    network.commit(0, |config| route(config, PREFIX, &["10.1.0.2", "10.2.0.2"]));
    network.wait(seconds(1));
    assert_eq!(network.rib(0, PREFIX).len(), 2);
    network.plays_back();
}

#[test]
fn a_session_that_is_asked_for_twice_goes_by_what_is_said_of_it_alone() {
    let slow = BfdTimers { detection_multiplier: 5, ..BfdTimers::default() };
    let mut network = two_links(|config| {
        with_bfd(config);
        let (us, them) = if config.name == "sw1" { ("1", "2") } else { ("2", "1") };
        config.routing.bfd_sessions.push(BfdSession {
            remote_address: ip(&format!("10.1.0.{them}")),
            local_address: Some(ip(&format!("10.1.0.{us}"))),
            multihop: false,
            timers: Some(slow),
        });
    });
    network.wait(seconds(5));
    assert_eq!((sessions_up(&network, 0), sessions_up(&network, 1)), (4, 4));
    assert_eq!(network.rib(0, PREFIX).len(), 2);
    network.silence((0, 1), true);
    let took = network.wait_for(seconds(2), |network| network.rib(0, PREFIX).len() == 1);
    assert!(took > millis(1200) && took <= millis(1500), "five packets are missed: {took:?}");
    network.plays_back();
}

#[test]
fn a_bfd_agent_that_hangs_is_given_up_by_the_other_end_and_comes_back() {
    let mut network = two_links(with_bfd);
    network.wait(seconds(5));
    network.reaches(0, 1, FAR);
    network.wait(seconds(1));
    network.fault(0, Fault::Hang { agent: AgentKind::Bfd, lasts: Some(seconds(10)) });
    // What comes and goes meanwhile it hears of afterwards.
    network.link((0, 2), false);
    network.wait(seconds(2));
    assert_eq!(network.rib(1, "10.0.0.0/24"), [""; 0], "nothing is heard of it");
    network.wait(seconds(20));
    network.link((0, 2), true);
    network.wait(seconds(10));
    assert_eq!((sessions_up(&network, 0), sessions_up(&network, 1)), (4, 4));
    assert_eq!((network.rib(0, PREFIX).len(), network.rib(1, "10.0.0.0/24").len()), (2, 2));
    assert_eq!(network.flows(0, 1, FAR, 50), 50);
    network.plays_back();
}

#[test]
fn the_other_end_sees_that_a_bfd_agent_was_killed() {
    let mut network = two_links(with_bfd);
    network.wait(seconds(5));
    network.reaches(0, 1, FAR);
    network.reaches(1, 0, "10.0.0.2");
    network.told(1, &[]);
    let agent = AgentKind::Bfd;
    network.fault(0, Fault::Crash { agent, dump: seconds(10) });
    network.wait(seconds(2));
    assert_eq!(network.told(1, &["bfd-session-down"]).len(), 4);
    assert_eq!(network.rib(1, "10.0.0.0/24"), [""; 0]);
    assert_eq!(network.rib(0, PREFIX).len(), 2, "who has lost its agent knows nothing new");
    network.wait(seconds(15));
    assert_eq!((sessions_up(&network, 0), sessions_up(&network, 1)), (4, 4));
    assert_eq!(network.rib(1, "10.0.0.0/24").len(), 2);
    network.wait(seconds(1));
    assert_eq!(network.flows(0, 1, FAR, 50), 50);
    network.plays_back();
}

#[test]
fn a_multihop_session_goes_another_way_when_one_is_cut() {
    let mut network = two_links(|config| {
        let (own, far) = if config.name == "sw1" { ("1", "2") } else { ("2", "1") };
        loopback(config, &[&format!("192.0.2.{own}/32")]);
        let gateways = [format!("10.1.0.{far}"), format!("10.2.0.{far}")];
        route(config, &format!("192.0.2.{far}/32"), &[&gateways[0], &gateways[1]]);
        config.routing.bfd_sessions.push(BfdSession {
            remote_address: ip(&format!("192.0.2.{far}")),
            local_address: None,
            multihop: true,
            timers: None,
        });
    });
    network.wait(seconds(5));
    assert_eq!((sessions_up(&network, 0), sessions_up(&network, 1)), (1, 1));
    let local = network.switches[0].switch.bfd_rows()[0].local_address;
    assert_eq!(local, ip("192.0.2.1"), "between loopbacks");
    network.told(0, &[]);
    for link in [1, 2] {
        network.link((0, link), false);
        network.wait(seconds(3));
        network.link((0, link), true);
        network.wait(seconds(3));
    }
    assert_eq!(network.told(0, &["bfd-session-down"]), []);
    network.link((0, 1), false);
    network.link((0, 2), false);
    network.wait(seconds(2));
    assert_eq!(network.told(0, &["bfd-session-down"]).len(), 1);
    network.link((0, 1), true);
    network.wait(seconds(8));
    assert_eq!((sessions_up(&network, 0), sessions_up(&network, 1)), (1, 1));
    network.plays_back();
}

/// Two systems, a session on each of two links, and no static route.
fn two_systems(change: impl Fn(&mut SwitchConfig)) -> Network {
    let mut network = two_links(|config| {
        config.routing.static_routes.clear();
        let (own, far, us, them) =
            if config.name == "sw1" { ("0", 65_002, 65_001, "2") } else { ("9", 65_001, 65_002, "1") };
        let neighbors = ["10.1.0.", "10.2.0."].map(|link| neighbor(&format!("{link}{them}"), far));
        let mut speaker = bgp(us, neighbors.into());
        speaker.networks = vec![format!("10.{own}.0.0/24").parse().unwrap()];
        config.routing.bgp = Some(speaker);
        change(config);
    });
    network.wait(seconds(20));
    assert_eq!([established(&network, 0), established(&network, 1)], [2, 2]);
    network.reaches(0, 1, FAR);
    network.wait(seconds(1));
    network
}

#[test]
fn two_systems_tell_each_other_of_routes_by_two_links() {
    let mut network = two_systems(|_| {});
    assert_eq!(network.rib(0, PREFIX), ["10.1.0.2", "10.2.0.2"], "multipath");
    assert_eq!(network.source(0, PREFIX).as_deref(), Some("bgp"));
    assert_eq!(network.fib(0, PREFIX).unwrap().len(), 2);
    assert_eq!(network.flows(0, 1, FAR, 100), 100);
    // Fall-over with the interface.
    network.told(0, &[]);
    network.link((0, 1), false);
    assert_eq!(network.told(0, &["bgp-session-down"]).len(), 1);
    assert_eq!(network.rib(0, PREFIX), ["10.2.0.2"]);
    assert_eq!(network.flows(0, 1, FAR, 100), 100);
    network.link((0, 1), true);
    network.wait(seconds(60));
    assert_eq!(network.rib(0, PREFIX).len(), 2);

    // The far network goes, and comes back.
    network.link((1, 0), false);
    network.wait(seconds(1));
    assert_eq!(network.rib(0, PREFIX), [""; 0]);
    network.link((1, 0), true);
    network.wait(seconds(1));
    assert_eq!(network.rib(0, PREFIX).len(), 2);
    assert_eq!(network.check(0, false), [""; 0]);
    network.plays_back();
}

#[test]
fn a_path_that_dies_silently_is_found_by_the_hold_timer_or_by_bfd() {
    for bfd in [false, true] {
        let mut network = two_systems(|config| {
            let speaker = config.routing.bgp.as_mut().unwrap();
            speaker.neighbors.iter_mut().for_each(|neighbor| {
                neighbor.hold_time = seconds(9);
                neighbor.bfd = bfd;
            });
        });
        network.told(0, &[]);
        network.silence((0, 1), true);
        let took = network.wait_for(seconds(10), |network| network.rib(0, PREFIX).len() == 1);
        match bfd {
            true => assert!(took <= millis(900), "{took:?}"),
            false => assert!(took > seconds(6) && took <= seconds(9), "{took:?}"),
        }
        assert_eq!(network.told(0, &["bgp-session-down"]).len(), 1);
        network.wait(seconds(1));
        assert_eq!(network.flows(0, 1, FAR, 50), 50);
        network.silence((0, 1), false);
        network.wait(seconds(90));
        assert_eq!(network.rib(0, PREFIX).len(), 2, "bfd: {bfd}");
        network.plays_back();
    }
}

#[test]
fn what_is_redistributed_and_who_is_a_neighbour_follows_commits() {
    let mut network = two_systems(|_| {});
    network.commit(1, |config| {
        route_to(config, "198.51.100.0/24", StaticTarget::Blackhole);
        config.routing.bgp.as_mut().unwrap().redistribute_static = true;
    });
    network.wait(seconds(1));
    assert_eq!(network.rib(0, "198.51.100.0/24").len(), 2);
    network.commit(1, |config| config.routing.bgp.as_mut().unwrap().redistribute_connected = true);
    network.wait(seconds(1));
    assert_eq!(network.source(0, "10.1.0.0/24").as_deref(), Some("connected"));
    network.commit(1, |config| config.routing.bgp.as_mut().unwrap().redistribute_static = false);
    network.wait(seconds(1));
    assert_eq!(network.rib(0, "198.51.100.0/24"), [""; 0]);
    network.told(0, &[]);
    network.commit(1, |config| {
        config.routing.bgp.as_mut().unwrap().neighbors.remove(0);
    });
    network.wait(seconds(1));
    assert_eq!(network.told(0, &["bgp-session-down"]).len(), 1);
    assert_eq!(network.rib(0, PREFIX), ["10.2.0.2"]);
    network.tell(1, greylag_switch::Input::Rollback { steps: 1, author: "ops".into() });
    network.wait(seconds(60));
    assert_eq!(network.rib(0, PREFIX).len(), 2);
    // No BGP at all: its routes go at once.
    network.commit(0, |config| config.routing.bgp = None);
    assert_eq!(network.rib(0, PREFIX), [""; 0]);
    network.wait(seconds(1));
    assert_eq!(network.fib(0, PREFIX), None);
    network.plays_back();
}

#[test]
fn two_systems_do_not_keep_a_network_that_both_had_and_nobody_has() {
    let mut network = two_systems(|config| {
        let speaker = config.routing.bgp.as_mut().unwrap();
        speaker.networks.push("198.51.100.0/24".parse().unwrap());
        route_to(config, "198.51.100.0/24", StaticTarget::Blackhole);
    });
    for switch in [0, 1] {
        network.commit(switch, |config| config.routing.static_routes.clear());
    }
    network.wait(seconds(5));
    for switch in [0, 1] {
        assert_eq!(network.source(switch, "198.51.100.0/24"), None, "switch {switch}");
    }
}

#[test]
fn a_routing_agent_that_comes_back_keeps_what_it_is_told_again_and_forgets_the_rest() {
    let mut network = two_systems(|_| {});
    let agent = AgentKind::Routing;
    network.fault(0, Fault::Crash { agent, dump: seconds(5) });
    network.wait(seconds(1));
    assert_eq!(established(&network, 1), 0, "the system closes what the agent had open");
    for _ in 0..80 {
        assert_eq!(network.fib(0, PREFIX).unwrap().len(), 2, "at {:?}", network.now());
        network.wait(millis(500));
    }
    assert_eq!(established(&network, 0), 2);
    // Now the other end has nothing to tell any more when the agent is back.
    network.fault(0, Fault::Crash { agent, dump: seconds(5) });
    network.commit(1, |config| config.routing.bgp.as_mut().unwrap().networks.clear());
    network.wait(seconds(30));
    assert_eq!(network.rib(0, PREFIX).len(), 2);
    network.wait(seconds(120));
    assert_eq!(network.rib(0, PREFIX), [""; 0]);
    assert_eq!(network.check(0, false), [""; 0]);
    network.plays_back();
}

#[test]
fn a_routing_agent_that_hangs_hears_nothing_of_bgp() {
    let mut network = two_systems(|_| {});
    network.fault(0, Fault::Hang { agent: AgentKind::Routing, lasts: Some(seconds(10)) });
    network.commit(1, |config| {
        route_to(config, "198.51.100.0/24", StaticTarget::Blackhole);
        config.routing.bgp.as_mut().unwrap().redistribute_static = true;
    });
    network.wait(seconds(5));
    assert_eq!(network.rib(0, "198.51.100.0/24"), [""; 0]);
    assert_eq!([established(&network, 0), established(&network, 1)], [2, 2]);
    network.wait(seconds(6));
    assert_eq!(network.rib(0, "198.51.100.0/24").len(), 2, "it was in the window");
    network.plays_back();
}

/// Three routers in a triangle, each with a loopback 192.0.2.N and a host 10.N0.0.2, and the interior protocol.
fn triangle(change: impl Fn(&mut SwitchConfig)) -> Network {
    let configs = (1..=3_usize).map(|number| {
        let mut config = router(&format!("sw{number}"), 3);
        routed(&mut config, 0, &[&format!("10.{number}0.0.1/24")]);
        // eth2 leads to the next, eth3 to the one before.
        let before = if number == 1 { 3 } else { number - 1 };
        routed(&mut config, 1, &[&format!("10.0.{number}.1/30"), &format!("2001:db8:{number}::1/64")]);
        routed(&mut config, 2, &[&format!("10.0.{before}.2/30"), &format!("2001:db8:{before}::2/64")]);
        loopback(&mut config, &[&format!("192.0.2.{number}/32"), &format!("2001:db8:ffff::{number}/128")]);
        config.routing.link_state = Some(link_state(&["eth1", "eth2", "eth3", "lo0"]));
        change(&mut config);
        config
    });
    let mut network = Network::new(configs.collect());
    for (one, other) in [(0, 1), (1, 2), (2, 0)] {
        network.join((one, 1), (other, 2));
    }
    for number in 1..=3 {
        let (own, gateway) = (format!("10.{number}0.0.2/24"), format!("10.{number}0.0.1"));
        network.host((number - 1, 0), &[&own], &[&gateway]);
    }
    network.wait(seconds(15));
    for (from, to) in [(0, 1), (1, 2), (2, 0)] {
        let address = format!("10.{}0.0.2", to + 1);
        network.reaches(from, to, &address);
        network.wait(seconds(1));
        assert!(network.reaches(from, to, &address));
    }
    network
}

#[test]
fn three_routers_find_ways_around_what_fails() {
    let mut network = triangle(|_| {});
    assert_eq!(network.rib(0, "10.20.0.0/24"), ["10.0.1.2"]);
    assert_eq!(network.source(0, "192.0.2.2/32").as_deref(), Some("link-state"));
    assert_eq!(network.rib(0, "2001:db8:ffff::2/128").len(), 1);
    // The link between the first two is cut.
    network.link((0, 1), false);
    network.wait(millis(200));
    assert_eq!(network.rib(0, "10.20.0.0/24"), ["10.0.3.1"]);
    assert!(network.reaches(0, 1, "10.20.0.2"));
    network.link((0, 1), true);
    network.wait(seconds(5));
    assert_eq!(network.rib(0, "10.20.0.0/24"), ["10.0.1.2"]);
    // It dies silently: the dead interval.
    let before = network.now();
    network.silence((0, 1), true);
    network.wait_for(seconds(5), |network| network.rib(0, "10.20.0.0/24") == ["10.0.3.1"]);
    let took = network.now() - before;
    assert!(took > seconds(2) && took <= millis(4100), "{took:?}");
    network.silence((0, 1), false);
    network.wait(seconds(5));
    assert_eq!(network.rib(0, "10.20.0.0/24"), ["10.0.1.2"]);
    // Another metric, by commit: the way around is shorter.
    network.commit(0, |config| config.routing.link_state.as_mut().unwrap().interfaces[1].metric = 100);
    network.wait(seconds(6));
    assert_eq!(network.rib(0, "10.20.0.0/24"), ["10.0.3.1"]);
    // The third is overloaded: nobody goes through it, and it is reached.
    network.commit(2, |config| config.routing.link_state.as_mut().unwrap().overload = true);
    network.wait(seconds(6));
    assert_eq!(network.rib(0, "10.20.0.0/24"), ["10.0.1.2"]);
    assert_eq!(network.rib(0, "10.30.0.0/24"), ["10.0.3.1"]);
    for (from, to) in [(0, 1), (1, 2), (2, 0)] {
        assert!(network.reaches(from, to, &format!("10.{}0.0.2", to + 1)));
        assert_eq!(network.check(from, false), [""; 0]);
    }
    network.commit(0, |config| config.routing.link_state = None);
    assert_eq!(network.rib(0, "10.20.0.0/24"), [""; 0]);
    network.plays_back();
}

#[test]
fn bfd_on_links_of_the_interior_protocol_finds_silence_and_lets_the_adjacency_come_back() {
    let mut network = triangle(|config| {
        config
            .routing
            .link_state
            .as_mut()
            .unwrap()
            .interfaces
            .iter_mut()
            .for_each(|link| link.bfd = !link.passive);
    });
    assert!(sessions_up(&network, 0) >= 2);
    let before = network.now();
    network.silence((0, 1), true);
    network.wait_for(seconds(2), |network| network.rib(0, "10.20.0.0/24") == ["10.0.3.1"]);
    let took = network.now() - before;
    assert!(took <= seconds(1), "{took:?}");
    network.wait(seconds(20));
    assert!(network.reaches(0, 1, "10.20.0.2"));
    network.silence((0, 1), false);
    network.wait(seconds(15));
    assert_eq!(network.rib(0, "10.20.0.0/24"), ["10.0.1.2"]);
    network.wait(seconds(1));
    assert!(network.reaches(0, 1, "10.20.0.2"));
    network.plays_back();
}

/// The triangle, and BGP between all three by their loopbacks.
pub(crate) fn mesh(change: impl Fn(&mut SwitchConfig)) -> Network {
    let mut network = triangle(|config| {
        let own: usize = config.name[2..].parse().unwrap();
        let others = (1..=3).filter(|other| *other != own);
        let neighbors = others.map(|other| BgpNeighbor {
            local_address: Some(ip(&format!("192.0.2.{own}"))),
            next_hop_self: true,
            ..neighbor(&format!("192.0.2.{other}"), 65_000)
        });
        let mut speaker = bgp(65_000, neighbors.collect());
        let prefix = format!("198.51.{own}.0/24");
        speaker.networks = vec![prefix.parse().unwrap(), "203.0.113.0/24".parse().unwrap()];
        config.routing.bgp = Some(speaker);
        route_to(config, &prefix, StaticTarget::Blackhole);
        if own != 1 {
            route_to(config, "203.0.113.0/24", StaticTarget::Blackhole);
        }
        change(config);
    });
    network.wait(seconds(30));
    assert_eq!([0, 1, 2].map(|switch| established(&network, switch)), [2, 2, 2]);
    network
}

#[test]
fn a_mesh_within_one_system_goes_by_loopbacks() {
    let mut network = mesh(|_| {});
    assert_eq!(network.rib(0, "198.51.2.0/24"), ["10.0.1.2"]);
    assert_eq!(network.rib(0, "203.0.113.0/24"), ["10.0.1.2", "10.0.3.1"], "as far to both");
    let preference = |network: &Network, prefix: &str| {
        let prefix = prefix.parse().unwrap();
        let rows = network.switches[0].switch.route_rows(Which::Within(prefix), None, 1);
        rows.iter().find(|row| row.prefix == prefix).unwrap().preference
    };
    assert_eq!(preference(&network, "198.51.2.0/24"), 200);
    network.told(0, &[]);
    network.link((0, 1), false);
    network.wait(millis(300));
    assert_eq!(network.rib(0, "198.51.2.0/24"), ["10.0.3.1"], "the next hop has another way");
    network.wait(seconds(100));
    assert_eq!(network.told(0, &["bgp-session-down"]), [], "sessions go the other way too");
    network.link((0, 1), true);
    network.wait(seconds(6));
    assert_eq!(network.rib(0, "198.51.2.0/24"), ["10.0.1.2"]);
    network.plays_back();
}

#[test]
fn the_same_seeds_make_the_same_run() {
    let run = || {
        let mut network = triangle(|config| {
            config
                .routing
                .link_state
                .as_mut()
                .unwrap()
                .interfaces
                .iter_mut()
                .for_each(|link| link.bfd = !link.passive);
        });
        network.silence((0, 1), true);
        network.wait(seconds(5));
        [0, 1, 2].map(|switch| network.log(switch))
    };
    assert_eq!(run(), run());
}
