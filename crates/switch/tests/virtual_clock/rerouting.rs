//! Commits and rollbacks of what routes, and runs in which anything happens to it.

use crate::network::{Network, irb, loopback, route, routed, router, two_links};
use crate::pair::bundled;
use crate::protocols::mesh;
use crate::rig::{millis, seconds};
use greylag_base::{Dice, PortName, Seed, VlanId};
use greylag_switch::agent::AgentKind;
use greylag_switch::config::{GroupHashing, InterfacePlace, Membership, SwitchConfig};
use greylag_switch::fault::{AddressFamily, Fault, GroupChange, ProgrammingMishap, Span, WriteFilter};
use greylag_switch::show::Which;
use greylag_switch::{Input, Refused};
use std::time::Duration;

const FAR: &str = "10.9.0.2";

/// All routes of the RIB and of the FIB.
fn routes(network: &Network, switch: usize) -> (Vec<String>, Vec<String>) {
    let switch = &network.switches[switch].switch;
    let rib = switch.route_rows(Which::All, None, usize::MAX).into_iter().map(|row| format!("{row:?}"));
    let fib = switch
        .fib_rows(Which::All, None, usize::MAX)
        .into_iter()
        .map(|row| format!("{} {:?}", row.prefix, row.next_hops));
    (rib.collect(), fib.collect())
}

#[test]
fn what_a_commit_adds_a_rollback_takes_away() {
    let mut network = two_links(|_| {});
    network.reaches(0, 1, FAR);
    network.wait(seconds(1));
    let before = routes(&network, 0);
    network.commit(0, |config| {
        loopback(config, &["192.0.2.1/32", "2001:db8:ffff::1/128"]);
        config.interfaces[0].addresses.push(greylag_switch::config::InterfaceAddress {
            ip: crate::network::ip("10.77.0.1"),
            prefix_length: 24,
        });
        route(config, "198.51.100.0/24", &["10.77.0.9"]);
    });
    network.wait(seconds(1));
    for (prefix, source) in [
        ("192.0.2.1/32", "local"),
        ("10.77.0.1/32", "local"),
        ("10.77.0.0/24", "connected"),
        ("198.51.100.0/24", "static"),
    ] {
        assert_eq!(network.source(0, prefix).as_deref(), Some(source));
        assert!(network.fib(0, prefix).is_some(), "{prefix}");
    }
    assert_eq!(network.rib(0, "198.51.100.0/24"), ["10.77.0.9"]);
    network.tell(0, Input::Rollback { steps: 1, author: "ops".into() });
    network.wait(seconds(1));
    assert_eq!(routes(&network, 0), before);
    assert_eq!(network.check(0, false), [""; 0]);
    assert_eq!(network.flows(0, 1, FAR, 50), 50);
    network.plays_back();
}

#[test]
fn a_commit_that_is_refused_changes_no_route() {
    let mut network = two_links(|_| {});
    let before = routes(&network, 0);
    let refused = |network: &mut Network, change: &dyn Fn(&mut SwitchConfig)| {
        let mut config = Box::new(network.switches[0].switch.config().clone());
        config.routing.static_routes.clear();
        change(&mut config);
        let input = Input::Commit { config, author: "ops".into(), confirm_within: None };
        network.switches[0].tell(input).unwrap_err()
    };
    let twice = refused(&mut network, &|config| {
        let address = config.interfaces[0].addresses[0];
        config.interfaces[1].addresses.push(address);
    });
    assert!(matches!(twice, Refused::Ip(_)), "{twice:?}");
    let none = refused(&mut network, &|config| config.interfaces.clear());
    assert!(matches!(none, Refused::Fixed { .. }), "{none:?}");
    network.wait(seconds(1));
    assert_eq!(routes(&network, 0), before);
    assert_eq!(network.check(0, false), [""; 0]);
    network.plays_back();
}

#[test]
fn a_port_moves_between_the_bridge_and_an_interface_of_its_own() {
    let mut network = two_links(|_| {});
    network.reaches(0, 1, FAR);
    network.wait(seconds(1));
    let before = routes(&network, 0);
    // The same addresses, in a VLAN of the bridge in place of the port itself; the other link carries while the two ends differ.
    for switch in [0, 1] {
        network.commit(switch, |config| {
            let vlan = VlanId::new(30).unwrap();
            config.ports[2].membership = Membership::Access(vlan);
            let interface = &mut config.interfaces[2];
            (interface.name, interface.place) = (PortName::new("irb30").unwrap(), InterfacePlace::Vlan(vlan));
        });
    }
    let goes_by_it = |network: &mut Network| {
        network.link((0, 1), false);
        network.reaches(0, 1, FAR);
        network.wait(seconds(1));
        assert_eq!((network.flows(0, 1, FAR, 50), network.carried((0, 2))), (50, 50));
        network.link((0, 1), true);
        network.wait(seconds(2));
    };
    goes_by_it(&mut network);
    let is_learned = |network: &Network| !network.switches[0].switch.fdb(network.switches[0].now).is_empty();
    assert!(is_learned(&network), "the bridge knows the station at the other end");
    for switch in [0, 1] {
        network.tell(switch, Input::Rollback { steps: 1, author: "ops".into() });
    }
    assert!(!is_learned(&network), "a port of an interface's own has no addresses");
    goes_by_it(&mut network);
    assert!(!is_learned(&network));
    network.reaches(0, 1, FAR);
    network.wait(seconds(1));
    assert_eq!(routes(&network, 0), before);
    assert_eq!(network.check(0, false), [""; 0]);
    network.plays_back();
}

#[test]
fn a_link_that_leaves_its_bundle_by_a_commit_routes_by_itself() {
    let configs = [("0", "9", "1", "2"), ("9", "0", "2", "1")].map(|(own, far, us, them)| {
        let mut config = bundled(2, |_| {});
        config.name = format!("sw{us}");
        config.routing = router("sw", 1).routing;
        routed(&mut config, 0, &[&format!("10.{own}.0.1/24")]);
        routed(&mut config, 3, &[&format!("10.1.0.{us}/24")]);
        route(&mut config, &format!("10.{far}.0.0/24"), &[&format!("10.1.0.{them}")]);
        config
    });
    let mut network = Network::new(configs.into());
    network.join((0, 1), (1, 1));
    network.join((0, 2), (1, 2));
    network.host((0, 0), &["10.0.0.2/24"], &["10.0.0.1"]);
    network.host((1, 0), &["10.9.0.2/24"], &["10.9.0.1"]);
    network.wait(seconds(10));
    network.reaches(0, 1, FAR);
    network.wait(seconds(1));
    assert_eq!(network.flows(0, 1, FAR, 50), 50);
    for (switch, us, them, far) in [(0, "1", "2", "9"), (1, "2", "1", "0")] {
        network.commit(switch, |config| {
            routed(config, 2, &[&format!("10.2.0.{us}/24")]);
            let gateways = [format!("10.1.0.{them}"), format!("10.2.0.{them}")];
            route(config, &format!("10.{far}.0.0/24"), &[&gateways[0], &gateways[1]]);
        });
    }
    network.wait(seconds(2));
    // Each next hop is asked for by the first packet that is for it, which waits.
    network.flows(0, 1, FAR, 50);
    network.wait(seconds(2));
    assert_eq!(network.flows(0, 1, FAR, 50), 50);
    let by = [network.carried((0, 1)), network.carried((0, 2))];
    assert!(by.iter().all(|carried| *carried > 10) && by.iter().sum::<usize>() == 50, "{by:?}");
    assert_eq!(network.check(0, false), [""; 0]);
    network.plays_back();
}

#[test]
fn an_interface_that_is_disabled_or_removed_takes_its_routes_with_it() {
    let mut config = router("sw1", 3);
    for (port, vlan) in [(0, 10), (1, 20), (2, 30)] {
        irb(&mut config, vlan, &[port], &[&format!("10.{vlan}.0.1/24")]);
    }
    let mut network = Network::new(vec![config]);
    for (port, vlan) in [(0, 10), (1, 20), (2, 30)] {
        network.host((0, port), &[&format!("10.{vlan}.0.2/24")], &[&format!("10.{vlan}.0.1")]);
    }
    network.wait(seconds(1));
    let pairs = [(0, 1), (1, 2), (2, 0), (2, 1)];
    let crosses = |network: &mut Network, (from, to): (usize, usize)| {
        let address = format!("10.{}0.0.2", to + 1);
        network.send(from, &address, crate::network::SHORT);
        network.wait(seconds(2));
        network.reaches(from, to, &address)
    };
    pairs.into_iter().for_each(|pair| assert!(crosses(&mut network, pair)));
    network.wait(seconds(1));
    let before = routes(&network, 0);
    // The first goes: the others have other numbers from now on.
    network.commit(0, |config| drop(config.interfaces.drain(..1)));
    network.wait(seconds(1));
    assert_eq!(network.source(0, "10.10.0.0/24"), None);
    assert_eq!((network.fib(0, "10.10.0.0/24"), network.fib(0, "10.10.0.2/32")), (None, None));
    assert!(crosses(&mut network, (1, 2)) && crosses(&mut network, (2, 1)) && !crosses(&mut network, (2, 0)));
    assert_eq!(network.check(0, false), [""; 0]);
    network.tell(0, Input::Rollback { steps: 1, author: "ops".into() });
    network.wait(seconds(1));
    pairs.into_iter().for_each(|pair| assert!(crosses(&mut network, pair)));
    network.wait(seconds(1));
    assert_eq!(network.check(0, false), [""; 0]);
    // Numbers of next hops are others, everything else is as before.
    assert_eq!(routes(&network, 0).1, before.1);

    network.commit(0, |config| config.interfaces[1].enabled = false);
    assert_eq!(network.source(0, "10.20.0.0/24"), None);
    network.commit(0, |config| config.interfaces[1].enabled = true);
    network.wait(seconds(1));
    assert!(crosses(&mut network, (0, 1)));
    network.plays_back();
}

fn random_fault(dice: &mut Dice) -> Fault {
    let agents = [AgentKind::Routing, AgentKind::Programming, AgentKind::Bfd, AgentKind::Learning];
    let agent = agents[dice.below(4) as usize];
    let lasts = Some(dice.between(millis(10), seconds(8)));
    match dice.below(6) {
        0 => Fault::Crash { agent, dump: dice.between(Duration::ZERO, seconds(3)) },
        1 => Fault::Hang { agent, lasts },
        2 => Fault::Restart { agent },
        3 => Fault::Heal,
        _ => {
            let span = Span { least: Duration::ZERO, most: seconds(1) };
            let mishaps = [
                ProgrammingMishap::Drop { acknowledged: true },
                ProgrammingMishap::Drop { acknowledged: false },
                ProgrammingMishap::Delay(span),
                ProgrammingMishap::Misorder,
                ProgrammingMishap::StaleMember,
            ];
            let only = WriteFilter {
                family: dice.chance(0.3).then_some(AddressFamily::Ipv4),
                prefix: dice.chance(0.2).then(|| "10.0.0.0/8".parse().unwrap()),
                buckets: dice.chance(0.2).then_some((3, 20)),
                worker: dice.chance(0.2).then_some(0),
                change: dice.chance(0.2).then_some(GroupChange::MemberLost),
            };
            Fault::Misprogram { mishap: mishaps[dice.below(5) as usize], only, share: 0.7, lasts }
        }
    }
}

fn random_commit(dice: &mut Dice, config: &mut SwitchConfig) {
    let routing = &mut config.routing;
    match dice.below(7) {
        0 => routing.programming.delay = dice.between(Duration::ZERO, millis(500)),
        1 => routing.programming.rate = dice.chance(0.5).then(|| 1 + dice.below(50) as u32),
        2 => routing.programming.audit_interval = dice.chance(0.5).then(|| seconds(3)),
        3 => {
            let (idle_timer, unbalanced_timer) = (seconds(1), seconds(5));
            routing.next_hop_groups.hashing = match dice.chance(0.5) {
                true => GroupHashing::Modulo,
                false => GroupHashing::Resilient { idle_timer, unbalanced_timer },
            };
        }
        4 => routing.link_state.as_mut().unwrap().interfaces[1].metric = 1 + dice.below(40) as u16,
        5 => routing.link_state.as_mut().unwrap().overload = dice.chance(0.3),
        _ => route(config, &format!("100.64.{}.0/24", dice.below(8)), &["192.0.2.1", "192.0.2.2"]),
    }
}

/// Half a minute in which anything may happen to three routers.
fn random_run(seed: u64) -> Network {
    let mut dice = Dice::new(Seed(seed).derive("run"));
    let mut network = mesh(|config| {
        let links = &mut config.routing.link_state.as_mut().unwrap().interfaces;
        links.iter_mut().for_each(|link| link.bfd = !link.passive);
        config.routing.bgp.as_mut().unwrap().neighbors.iter_mut().for_each(|neighbor| neighbor.bfd = true);
    });
    for _ in 0..60 {
        let (switch, port) = (dice.below(3) as usize, 1 + dice.below(2) as usize);
        let input = match dice.below(12) {
            0..3 => {
                network.link((switch, port), dice.chance(0.6));
                None
            }
            3 => {
                network.silence((switch, port), dice.chance(0.5));
                None
            }
            4..8 => Some(Input::Fault(random_fault(&mut dice))),
            8 => Some(Input::CheckFib { repair: dice.chance(0.5) }),
            9 => Some(Input::CheckPaths),
            _ => {
                let mut config = Box::new(network.switches[switch].switch.config().clone());
                random_commit(&mut dice, &mut config);
                Some(Input::Commit { config, author: "ops".into(), confirm_within: None })
            }
        };
        if let Some(input) = input {
            // Refused or not: the record has it.
            let _ = network.switches[switch].tell(input);
            network.carry();
        }
        for (from, to) in [(0, 1), (1, 2), (2, 0)] {
            network.reaches(from, to, &format!("10.{}0.0.2", to + 1));
        }
        network.wait(dice.between(Duration::ZERO, millis(800)));
    }
    network
}

#[test]
fn whatever_happens_is_played_back_and_ends_well() {
    for seed in 0..2 {
        let mut network = random_run(seed);
        for switch in 0..3 {
            network.link((switch, 1), true);
            network.silence((switch, 1), false);
            network.fault(switch, Fault::Heal);
            for agent in [AgentKind::Routing, AgentKind::Programming, AgentKind::Bfd, AgentKind::Learning] {
                network.fault(switch, Fault::Restart { agent });
            }
            network.commit(switch, |config| {
                config.routing.programming = Default::default();
                let link_state = config.routing.link_state.as_mut().unwrap();
                link_state.overload = false;
                link_state.interfaces[1].metric = 10;
            });
        }
        network.wait(seconds(150));
        for switch in 0..3 {
            let conflicts = network.check(switch, false);
            assert_eq!(conflicts, [""; 0], "seed {seed} switch {switch}");
            let next = (switch + 1) % 3 + 1;
            for prefix in [format!("10.{next}0.0.0/24"), format!("198.51.{next}.0/24")] {
                assert_eq!(network.rib(switch, &prefix).len(), 1, "seed {seed} switch {switch} {prefix}");
            }
        }
        for (from, to) in [(0, 1), (1, 2), (2, 0)] {
            let address = format!("10.{}0.0.2", to + 1);
            network.reaches(from, to, &address);
            network.wait(seconds(1));
            assert!(network.reaches(from, to, &address), "seed {seed} {from} {to}");
        }
        network.plays_back();
    }
}
