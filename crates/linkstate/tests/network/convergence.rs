//! How routers come to know each other, and which ways they find.

use crate::driver::{A, B, C, D, Network, loopback, loopback6, millis, router_id, secs, subnet};
use greylag_base::{Instant, InterfaceId, Seed};
use greylag_linkstate::{AnnouncedPrefix, InterfaceConfig, LinkStateEvent, MAX_PATHS, NeighborState};

#[test]
fn two_routers_are_adjacent_with_their_second_hellos() {
    let mut network = Network::of_links(2, &[(A, B, 10)]);
    network.run(secs(9));
    let named = [A, B].map(|router| network.state(router, 1 - router));
    // One of the two has gone first; until then, they had heard each other and nobody had been named.
    network.run_until(millis(1500), |network| network.state(A, B) == Some(NeighborState::Full));
    assert!(named.iter().all(|state| *state != Some(NeighborState::Full)), "{named:?}");
    // What both have announced of themselves before that, nobody has heard: the link is announced at once.
    network.run(millis(300));
    assert_eq!(network.way(A, loopback(B)), "10.0.0.2 at 10");
    assert_eq!(network.way(B, loopback(A)), "10.0.0.1 at 10");
    assert_eq!(network.way(B, loopback6(A)), "fe80::1 at 10");
    // The subnet between them is nobody's route.
    assert_eq!(network.way(A, subnet(0)), "");
}

#[test]
fn hellos_are_never_later_than_the_interval_and_seldom_at_one_time() {
    let mut network = Network::of_links(2, &[(A, B, 10)]).settle();
    network.run(secs(3600));
    let hellos = |router: usize| -> Vec<Instant> {
        let own = network.sent.iter().filter(|sent| sent.router == router);
        own.filter(|sent| sent.is_hello()).map(|sent| sent.at).collect()
    };
    let spans: Vec<_> = hellos(A).windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(spans.len() > 360 && spans.iter().all(|span| (secs(9)..=secs(10)).contains(span)));
    assert!(spans.iter().max() > Some(&millis(9_900)) && spans.iter().min() < Some(&millis(9_100)));
    assert_ne!(hellos(A), hellos(B));
}

#[test]
fn a_chain_is_known_to_its_end() {
    let links: Vec<_> = (0..9).map(|number| (number, number + 1, 7)).collect();
    let network = Network::of_links(10, &links).settle();
    assert!(network.is_whole() && network.databases_agree());
    assert_eq!(network.way(0, loopback(9)), "10.0.0.2 at 63");
    // The last subnet costs what its interface costs.
    assert_eq!(network.way(0, subnet(8)), "10.0.0.2 at 63");
}

#[test]
fn ways_of_equal_cost_are_all_taken() {
    // A to D by B or C; by C directly, or by a second link.
    let mut network =
        Network::of_links(4, &[(A, B, 10), (A, C, 10), (B, D, 10), (C, D, 10), (A, C, 10)]).settle();
    assert_eq!(network.way(A, loopback(D)), "10.0.0.2 10.0.1.3 10.0.4.3 at 20");
    assert_eq!(network.way(A, loopback6(D)), "fe80::2 fe80::3 fe80::3 at 20");
    assert_eq!(network.way(D, loopback(A)), "10.0.2.2 10.0.3.3 at 20");
    // One of them costs more: only towards B.
    let id = network.end(0, A);
    network.reconfigure(A, |config| config.interfaces[id.index()].cost = 11);
    network.run(millis(100));
    assert_eq!(network.way(A, loopback(D)), "10.0.1.3 10.0.4.3 at 20");
    assert_eq!(network.way(D, loopback(A)), "10.0.2.2 10.0.3.3 at 20");
}

#[test]
fn one_loopback_at_several_routers_is_reached_at_the_nearest() {
    let anycast: ipnet::IpNet = "203.0.113.1/32".parse().unwrap();
    let mut network = Network::of_links(4, &[(A, B, 10), (B, C, 10), (A, D, 10)]);
    for (router, metric) in [(B, 5), (C, 1), (D, 5)] {
        let announced = AnnouncedPrefix { prefix: anycast, metric };
        network.reconfigure(router, |config| config.prefixes.push(announced));
    }
    let network = network.settle();
    assert_eq!(network.way(A, anycast), "10.0.0.2 10.0.2.4 at 15");
    assert_eq!(network.way(B, anycast), "");
}

#[test]
fn no_route_has_more_next_hops_than_are_allowed() {
    let links: Vec<_> = (0..70).flat_map(|middle| [(0, middle + 2, 1), (middle + 2, 1, 1)]).collect();
    let network = Network::of_links(72, &links).settle();
    let (metric, next_hops) = &network.ribs[0][&loopback(1)];
    assert_eq!((*metric, next_hops.len()), (2, MAX_PATHS));
    let lowest: Vec<InterfaceId> = (0..MAX_PATHS as u16).map(InterfaceId).collect();
    assert_eq!(next_hops.iter().map(|hop| hop.interface).collect::<Vec<_>>(), lowest);
}

#[test]
fn all_routers_of_a_vlan_are_adjacent_to_all() {
    let members: Vec<(usize, u16)> = (0..5).map(|router| (router, 10)).collect();
    let network = Network::new(6, &[&members, &[(0, 10), (5, 10)]]).settle();
    for router in 0..5 {
        let full = network.snapshot(router).interfaces[0].adjacencies;
        assert_eq!(full, 4, "{router}");
    }
    assert!(network.is_whole() && network.databases_agree());
    assert_eq!(network.way(4, loopback(5)), "10.0.0.1 at 20");
    assert_eq!(network.way(4, loopback(3)), "10.0.0.4 at 10");
}

#[test]
fn what_is_said_on_a_vlan_is_said_once_and_confirmed_once_by_each() {
    let members: Vec<(usize, u16)> = (0..5).map(|router| (router, 10)).collect();
    let mut network = Network::new(5, &[&members]).settle();
    network.reconfigure(A, |config| config.prefixes.truncate(1));
    network.run(secs(7));
    let other = |text: &&String| !text.starts_with("hello");
    let said: Vec<Vec<String>> =
        (0..5).map(|router| network.said(router).iter().filter(other).cloned().collect()).collect();
    assert_eq!(said[A].len(), 1, "{said:?}");
    assert!(said[A][0].starts_with(&format!("update [\"{}-0#", router_id(A))), "{said:?}");
    assert!(said[1..].iter().all(|said| *said == ["acknowledgement 1"]), "{said:?}");
}

#[test]
fn who_cannot_hear_one_router_of_a_vlan_hears_of_it_from_another() {
    let members: Vec<(usize, u16)> = (0..3).map(|router| (router, 10)).collect();
    let mut network = Network::seeded(Seed(3), 3, &[&members], |network| {
        network.segments[0].deaf = [(A, C), (C, A)].into();
    });
    network.run(secs(60));
    assert_eq!((network.state(A, C), network.state(A, B)), (None, Some(NeighborState::Full)));
    assert_eq!(network.way(A, loopback(C)), "10.0.0.2 at 20");
    network.reconfigure(C, |config| config.prefixes[0].metric = 3);
    network.run(secs(6));
    assert_eq!(network.way(A, loopback(C)), "10.0.0.2 at 23");
}

#[test]
fn one_family_is_enough() {
    for (family, gateway) in [("10.0.0.0/8", "10.0.0.2"), ("fe80::/10", "fe80::2")] {
        let family: ipnet::IpNet = family.parse().unwrap();
        let mut network = Network::seeded(Seed(4), 2, &[], |_| {});
        for router in [A, B] {
            network.reconfigure(router, |config| {
                config.interfaces.push(InterfaceConfig::new(InterfaceId(0)));
            });
        }
        let end = |router| (router, InterfaceId(0), 10);
        network.segments.push(crate::driver::Segment {
            ends: vec![end(A), end(B)],
            delay: millis(1),
            wander: millis(0),
            loss: 0.0,
            deaf: [].into(),
        });
        for router in [A, B] {
            let all = [crate::driver::address(0, router), crate::driver::local(router)];
            let addresses: Vec<ipnet::IpNet> = all
                .into_iter()
                .filter(|address| family.contains(address))
                .map(|address| ipnet::IpNet::new(address, if address.is_ipv4() { 24 } else { 64 }).unwrap())
                .collect();
            network.tell(router, |router, now| router.set_interface(now, InterfaceId(0), true, &addresses));
        }
        network.run(secs(30));
        let (used, other) = match gateway.contains(':') {
            true => (loopback6(B), loopback(B)),
            false => (loopback(B), loopback6(B)),
        };
        assert_eq!(network.way(A, used), format!("{gateway} at 10"));
        assert_eq!(network.way(A, other), "");
        let group = if gateway.contains(':') { "ff02::114" } else { "224.0.0.254" };
        assert!(network.sent.iter().all(|sent| sent.packet.to.to_string() == group));
    }
}

#[test]
fn a_family_that_one_end_lacks_has_no_next_hop_there() {
    for (kept, used, unused) in
        [("10.0.0.1/24", loopback(B), loopback6(B)), ("fe80::1/64", loopback6(B), loopback(B))]
    {
        let mut network = Network::of_links(2, &[(A, B, 10)]);
        let (end, kept) = (network.end(0, A), [kept.parse().unwrap()]);
        network.tell(A, |router, now| router.set_interface(now, end, true, &kept));
        network.run(secs(30));
        assert_eq!((network.ribs[A].contains_key(&used), network.way(A, unused)), (true, String::new()));
    }
}

#[test]
fn a_prefix_that_is_there_twice_has_the_lesser_metric() {
    for (extra, least) in [(3, 3), (50, 10)] {
        let mut network = Network::of_links(1, &[]);
        network.reconfigure(A, |config| {
            config.interfaces.push(InterfaceConfig::new(InterfaceId(0)));
            config.prefixes = vec![AnnouncedPrefix { prefix: subnet(0), metric: extra }];
        });
        let there = ["10.0.0.1/24".parse().unwrap()];
        network.tell(A, |router, now| router.set_interface(now, InterfaceId(0), true, &there));
        network.run(secs(10));
        let announced = network.lsa(A, A).expect("a router announces itself").prefixes;
        assert_eq!(announced, [AnnouncedPrefix { prefix: subnet(0), metric: least }]);
    }
}

#[test]
fn a_passive_interface_is_announced_and_silent() {
    let mut network = Network::of_links(3, &[(A, B, 10), (B, C, 10)]);
    network.reconfigure(B, |config| config.interfaces[1].passive = true);
    let network = network.settle();
    assert_eq!(network.state(B, C), None);
    assert_eq!(network.state(C, B), None);
    assert_eq!(network.way(A, subnet(1)), "10.0.0.2 at 20");
    assert_eq!(network.way(A, loopback(C)), "");
}

#[test]
fn nothing_is_calculated_or_told_where_nothing_changes() {
    let mut network = Network::of_links(3, &[(A, B, 10), (B, C, 10)]).settle();
    network.run(secs(2 * 3600));
    assert!(network.events.is_empty(), "{:?}", network.events);
    assert!(network.changed.is_empty());
    assert!(network.is_whole());
}

#[test]
fn the_same_seed_is_the_same_run() {
    let run = |seed| {
        let mut network =
            Network::seeded(Seed(seed), 3, &[&[(A, 1), (B, 1)], &[(B, 1), (C, 1)]], |network| {
                network.segments[0].loss = 0.3;
            });
        network.run(secs(300));
        let events: Vec<(Instant, usize, LinkStateEvent)> = network.events.clone();
        let sent: Vec<_> = network.sent.iter().map(|sent| (sent.at, sent.packet.clone())).collect();
        (events, sent)
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1).1, run(2).1);
}

#[test]
fn a_router_with_many_links_and_prefixes_needs_several_announcements() {
    let prefix = |number: u8| format!("203.0.{number}.0/24").parse().unwrap();
    let parallel: Vec<_> = std::iter::repeat_n((A, B, 10), 130).chain([(B, C, 10)]).collect();
    let mut network = Network::of_links(3, &parallel);
    network.reconfigure(A, |config| {
        config.prefixes.extend((0..200).map(|number| AnnouncedPrefix { prefix: prefix(number), metric: 0 }));
    });
    let mut network = network.settle();
    let announced = |network: &Network| -> Vec<(usize, usize)> {
        let rows =
            network.snapshot(C).database.into_iter().filter(|row| row.header.id.router == router_id(A));
        rows.map(|row| (row.links.len(), row.prefixes.len())).collect()
    };
    let before = announced(&network);
    let sum = |of: &[(usize, usize)]| of.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    assert_eq!((before.len(), sum(&before)), (4, (130, 332)));
    assert_eq!(network.way(C, prefix(199)), "10.1.30.2 at 20");
    assert_eq!(network.ribs[B][&prefix(0)].1.len(), MAX_PATHS);

    // One prefix goes: one announcement is made anew.
    network.reconfigure(A, |config| config.prefixes.truncate(201));
    network.run(secs(1));
    let updates = network.said(A).iter().filter(|said| said.starts_with("update")).count();
    assert_eq!((updates, sum(&announced(&network))), (130, (130, 331)));
    assert_eq!(
        (network.way(C, prefix(199)), network.way(C, prefix(198))),
        (String::new(), "10.1.30.2 at 20".into())
    );

    // All go: what is empty is withdrawn, and forgotten when all have heard.
    network.reconfigure(A, |config| config.prefixes.truncate(1));
    for segment in 1..130 {
        network.set_carrier(segment, false);
    }
    network.run(secs(10));
    let after = announced(&network);
    assert!(after.len() < before.len() && sum(&after) == (1, 2), "{after:?}");
    assert!(network.sent.iter().all(|sent| sent.packet.payload.len() <= 1240));
}
