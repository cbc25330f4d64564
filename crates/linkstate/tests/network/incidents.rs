//! What happens when something happens.

use crate::driver::{
    A, B, C, D, Network, address, local, loopback, loopback6, millis, router_id, secs, subnet,
};
use greylag_linkstate::{COST_OUT, Discard, DownReason, LinkStateEvent, NeighborState, SpfTrigger};
use std::time::Duration;

/// A and B with a short way between them, and a long one by C.
fn triangle() -> Network {
    Network::of_links(3, &[(A, B, 10), (A, C, 10), (C, B, 10)]).settle()
}

fn detour(network: &Network) -> bool {
    network.way(A, loopback(B)) == "10.0.1.3 at 20" && network.way(B, loopback(A)) == "10.0.2.3 at 20"
}

#[test]
fn a_lost_carrier_is_gone_round_at_once() {
    let mut network = triangle();
    network.set_carrier(0, false);
    assert_eq!(network.way(A, loopback(B)), "10.0.1.3 at 20");
    let took = network.run_until(secs(1), |network| detour(network) && network.way(C, subnet(0)).is_empty());
    assert!(took < millis(100), "{took:?}");
    let reasons: Vec<_> = network.downs().iter().map(|down| (down.1, down.2)).collect();
    assert_eq!(reasons, [(A, DownReason::LinkDown), (B, DownReason::LinkDown)]);
}

#[test]
fn the_end_without_a_carrier_is_enough() {
    let mut network = triangle();
    let end = network.end(0, A);
    network.tell(A, |router, now| router.set_interface(now, end, false, &[]));
    // B has its carrier still, and hears of it by C.
    network.run_until(millis(100), |network| {
        network.way(B, loopback(A)) == "10.0.2.3 at 20" && network.way(A, loopback(B)) == "10.0.1.3 at 20"
    });
    assert_eq!(network.state(B, A), Some(NeighborState::Full));
    // It gives A up later: its hellos have ceased.
    network.run(secs(40));
    assert_eq!(
        network.downs()[1..].iter().map(|down| (down.1, down.2)).collect::<Vec<_>>(),
        [(B, DownReason::DeadInterval)]
    );
}

#[test]
fn a_link_that_carries_nothing_is_used_for_the_dead_interval() {
    let mut network = triangle();
    let cut = network.now;
    network.cut(0);
    network.run(secs(29));
    assert_eq!(network.way(A, loopback(B)), "10.0.0.2 at 10");
    network.run_until(secs(12), detour);
    let took = network.now - cut;
    assert!((secs(30)..=secs(40)).contains(&took), "{took:?}");
    let reasons: Vec<_> = network.downs().iter().map(|down| down.2).collect();
    assert_eq!(reasons[0], DownReason::DeadInterval);

    network.mend(0);
    let took = network.run_until(secs(60), |network| network.way(A, loopback(B)) == "10.0.0.2 at 10");
    assert!((secs(1)..=secs(20)).contains(&took), "{took:?}");
}

#[test]
fn bfd_is_sooner_and_holds_the_adjacency_down() {
    let mut network = triangle();
    network.cut(0);
    let (a, b) = (network.end(0, A), network.end(0, B));
    network.run(millis(900));
    network.tell(A, |router, now| router.set_path(now, a, address(0, B), false));
    network.run_until(millis(100), detour);
    assert_eq!(
        network.downs().iter().map(|down| (down.1, down.2)).collect::<Vec<_>>(),
        [(A, DownReason::Bfd)]
    );

    // Hellos pass again, BFD does not.
    network.mend(0);
    network.run(secs(120));
    assert_eq!(
        (network.state(A, B), network.state(B, A)),
        (Some(NeighborState::Held), Some(NeighborState::Init))
    );
    assert!(detour(&network));
    // B says nothing to A alone that could bring it up, and hellos of A do not name B.
    network.tell(A, |router, now| router.set_path(now, a, address(0, B), true));
    network.run(secs(25));
    assert_eq!(network.way(A, loopback(B)), "10.0.0.2 at 10");

    // By either address of a neighbor.
    network.tell(B, |router, now| router.set_path(now, b, local(A), false));
    assert_eq!(network.state(B, A), Some(NeighborState::Held));
    network.tell(B, |router, now| router.set_path(now, b, address(0, A), true));
    assert_eq!(network.state(B, A), Some(NeighborState::Held));
}

#[test]
fn a_neighbor_that_bfd_has_lost_before_it_was_heard_does_not_come_up() {
    let mut network = Network::of_links(2, &[(A, B, 10)]);
    let end = network.end(0, A);
    network.tell(A, |router, now| router.set_path(now, end, address(0, B), false));
    network.run(secs(60));
    assert_eq!(network.state(A, B), Some(NeighborState::Held));
    assert!(!network.reaches(A, B) && !network.reaches(B, A));
    network.tell(A, |router, now| router.set_path(now, end, address(0, B), true));
    network.run(secs(30));
    assert!(network.is_whole());
}

#[test]
fn bfd_speaks_of_one_interface_though_the_address_is_on_both() {
    let mut network = Network::of_links(2, &[(A, B, 10), (A, B, 10)]).settle();
    let end = network.end(0, A);
    network.tell(A, |router, now| router.set_path(now, end, local(B), false));
    network.run(secs(30));
    let states: Vec<_> = network.snapshot(A).neighbors.iter().map(|row| row.state).collect();
    assert_eq!(states, [NeighborState::Held, NeighborState::Full]);
    assert_eq!(network.way(A, loopback6(B)), "fe80::2 at 10");
}

#[test]
fn packets_that_pass_one_way_only_take_both_ends_down() {
    let mut network = triangle();
    network.segments[0].deaf = [(A, B)].into();
    network.run(secs(41));
    assert!(!network.downs().is_empty());
    network.run(secs(10));
    let reasons: Vec<_> = network.downs().iter().map(|down| (down.1, down.2)).collect();
    assert_eq!(reasons, [(B, DownReason::DeadInterval), (A, DownReason::OneWay)]);
    assert_eq!((network.state(A, B), network.state(B, A)), (Some(NeighborState::Init), None));
    assert!(detour(&network));
}

#[test]
fn one_end_that_has_lost_the_other_is_enough_to_take_a_link_out_of_use() {
    let mut network = triangle();
    let end = network.end(0, A);
    network.tell(A, |router, now| router.set_path(now, end, address(0, B), false));
    network.run(millis(10));
    // B still believes in the adjacency, and its neighbors do not.
    assert_eq!(network.state(B, A), Some(NeighborState::Full));
    assert!(detour(&network));
}

#[test]
fn a_router_that_restarts_is_noticed_and_outbids_itself() {
    let mut network = Network::of_links(3, &[(A, B, 10), (B, C, 10)]).settle();
    let before = network.lsa(C, B).expect("C knows B").header;
    // It says less now, with sequence numbers from the beginning.
    network.restart(B);
    network.reconfigure(B, |config| config.prefixes.truncate(1));
    network.run(millis(10));
    // Its first hello is another incarnation's.
    let reasons: Vec<_> = network.downs().iter().map(|down| (down.1, down.2)).collect();
    assert_eq!(reasons, [(A, DownReason::Restarted), (C, DownReason::Restarted)]);
    assert!(!network.reaches(A, B) && !network.reaches(A, C));
    network.run(secs(30));
    assert!(network.is_whole() && network.databases_agree());
    assert!(network.lsa(C, B).is_some_and(|row| row.header.sequence > before.sequence));
    assert_eq!(network.way(A, loopback6(B)), "");
    let old = network.events.iter().any(|(_, router, event)| {
        *router == B
            && matches!(event, LinkStateEvent::OldSelfHeard { lsa, .. } if lsa.router == router_id(B))
    });
    assert!(old);
}

#[test]
fn a_router_that_is_gone_is_out_of_reach_and_its_announcements_are_kept_for_an_hour() {
    let mut network = Network::of_links(3, &[(A, B, 10), (B, C, 10)]).settle();
    network.cut(1);
    network.run(secs(41));
    assert!(!network.reaches(A, C) && network.reaches(A, B));
    assert_eq!(network.way(A, subnet(1)), "10.0.0.2 at 20");
    assert!(network.lsa(A, C).is_some());
    network.run(secs(3600));
    assert!(network.lsa(A, C).is_none() && network.lsa(B, C).is_none());
    assert!(network.lsa(A, B).is_some() && network.reaches(A, B));
}

#[test]
fn a_network_that_was_parted_is_one_again_with_all_that_was_missed() {
    let mut network = Network::of_links(4, &[(A, B, 10), (B, C, 10), (C, D, 10)]).settle();
    network.cut(1);
    network.run(secs(45));
    // Both parts change, and change back, while they cannot hear each other.
    network.reconfigure(A, |config| config.prefixes[0].metric = 5);
    network.reconfigure(D, |config| config.prefixes.truncate(1));
    network.restart(D);
    network.run(secs(300));
    assert!(!network.reaches(A, C) && network.reaches(C, D));
    network.mend(1);
    network.run(secs(30));
    assert!(network.is_whole() && network.databases_agree());
    assert_eq!(network.way(D, loopback(A)), "10.0.2.3 at 35");
    assert_eq!(network.way(A, loopback6(D)), "");
}

#[test]
fn what_is_announced_while_an_end_believes_in_the_adjacency_still_is_not_lost() {
    let mut network = Network::of_links(3, &[(A, B, 10), (B, C, 10)]).settle();
    // Half a minute of silence: nobody gives up. What A announced meanwhile is said again.
    network.cut(0);
    network.run(secs(2));
    network.reconfigure(A, |config| config.prefixes[0].metric = 5);
    network.run(secs(20));
    network.mend(0);
    network.run(secs(11));
    assert!(network.downs().is_empty());
    assert_eq!(network.way(C, loopback(A)), "10.0.1.2 at 25");
}

#[test]
fn lost_packets_delay_and_do_not_more() {
    for seed in 0..8 {
        let links: Vec<Vec<(usize, u16)>> =
            vec![vec![(A, 1), (B, 1)], vec![(B, 1), (C, 1), (D, 1)], vec![(A, 1), (D, 1)]];
        let links: Vec<&[(usize, u16)]> = links.iter().map(Vec::as_slice).collect();
        let mut network = Network::seeded(greylag_base::Seed(seed), 4, &links, |network| {
            for segment in &mut network.segments {
                (segment.loss, segment.wander) = (0.3, millis(20));
            }
        });
        network.run(secs(600));
        for segment in 0..3 {
            network.mend(segment);
        }
        network.run(secs(60));
        assert!(network.is_whole() && network.databases_agree(), "{seed}");
    }
}

#[test]
fn nobody_goes_through_a_router_with_overload() {
    let mut network = triangle();
    network.set_carrier(0, false);
    network.run(secs(10));
    assert!(detour(&network));
    network.reconfigure(C, |config| config.overload = true);
    network.run(millis(10));
    assert!(!network.reaches(A, B) && !network.reaches(B, A));
    assert!(network.reaches(A, C) && network.reaches(C, A) && network.reaches(C, B));
    // With another way, that is taken, however long.
    network.reconfigure(C, |config| config.overload = false);
    network.run(secs(6));
    assert!(detour(&network));
}

#[test]
fn a_router_or_a_link_that_is_costed_out_is_the_last_resort_and_nothing_is_lost() {
    let mut network =
        Network::of_links(4, &[(A, B, 10), (A, C, 10), (B, D, 10), (C, D, 20), (C, B, 100)]).settle();
    assert_eq!(network.way(A, loopback(D)), "10.0.0.2 at 20");
    network.reconfigure(B, |config| {
        for interface in &mut config.interfaces {
            interface.cost = COST_OUT;
        }
    });
    network.run(secs(1));
    assert_eq!(network.way(A, loopback(D)), "10.0.1.3 at 30");
    assert!(network.is_whole() && network.downs().is_empty());
    // There is a way through it still, when there is no other.
    network.set_carrier(1, false);
    network.run(secs(6));
    assert_eq!(network.way(A, loopback(D)), format!("10.0.0.2 at {}", 10 + u32::from(COST_OUT)));
}

#[test]
fn intervals_that_differ_keep_two_routers_apart_and_are_counted() {
    for (dead, rule) in [(false, Discard::HelloInterval), (true, Discard::DeadInterval)] {
        let mut network = Network::of_links(2, &[(A, B, 10)]).settle();
        network.reconfigure(B, |config| {
            let interface = &mut config.interfaces[0];
            if dead {
                interface.dead_interval = secs(41);
            } else {
                interface.hello_interval = secs(5);
            }
        });
        network.run(secs(60));
        assert!(!network.reaches(A, B) && !network.reaches(B, A), "{rule:?}");
        for router in [A, B] {
            let discards = network.snapshot(router).discards;
            assert!(discards.of(rule) >= 4 && discards.total() == discards.of(rule), "{discards:?}");
        }
    }
}

#[test]
fn intervals_that_are_shorter_at_both_ends_count_at_once() {
    let mut network = Network::of_links(2, &[(A, B, 10)]).settle();
    for router in [A, B] {
        network.reconfigure(router, |config| {
            let interface = &mut config.interfaces[0];
            (interface.hello_interval, interface.dead_interval) = (secs(1), secs(4));
        });
    }
    network.sent.clear();
    network.run(secs(1));
    assert!([A, B].iter().all(|router| network.sent.iter().any(|sent| sent.router == *router)));
    // Whoever was silent for longer than that by then is given up, and comes back by two hellos, at the pace.
    network.run(secs(14));
    assert!(network.is_whole());
    network.cut(0);
    network.events.clear();
    network.run(secs(4));
    assert_eq!(network.downs().len(), 2);
}

#[test]
fn two_routers_with_one_router_id_are_counted() {
    let mut network = Network::of_links(2, &[(A, B, 10)]);
    network.reconfigure(B, |config| config.router_id = router_id(A));
    network.run(secs(60));
    assert_eq!((network.state(A, A), network.state(B, A)), (None, None));
    assert!(network.snapshot(A).discards.of(Discard::OwnRouterId) >= 5);
}

#[test]
fn two_routers_with_one_router_id_that_are_far_apart_outbid_each_other_every_five_seconds() {
    let mut network = Network::of_links(3, &[(A, B, 10), (B, C, 10)]).settle();
    network.reconfigure(C, |config| config.router_id = router_id(A));
    network.run(secs(60));
    network.events.clear();
    network.run(secs(60));
    let outbids = network
        .events
        .iter()
        .filter(|(_, router, event)| *router == A && matches!(event, LinkStateEvent::OldSelfHeard { .. }));
    assert!((5..=13).contains(&outbids.count()));
}

#[test]
fn another_router_id_is_another_router() {
    let mut network = Network::of_links(3, &[(A, B, 10), (B, C, 10)]).settle();
    network.reconfigure(B, |config| config.router_id = router_id(D));
    network.run(millis(10));
    assert_eq!(network.downs().iter().filter(|down| down.1 == B).count(), 2);
    assert!(network.downs().iter().all(|down| down.1 != B || down.2 == DownReason::Configuration));
    network.run(secs(60));
    assert_eq!(network.way(A, loopback(C)), "10.0.0.2 at 20");
    assert_eq!(network.state(A, D), Some(NeighborState::Full));
}

#[test]
fn an_interface_that_is_disabled_or_made_passive_is_left_at_once() {
    for disable in [true, false] {
        let mut network = triangle();
        let end = network.end(0, A);
        network.reconfigure(A, |config| {
            let interface = &mut config.interfaces[end.index()];
            (interface.enabled, interface.passive) = (!disable, !disable);
        });
        network.run(millis(10));
        assert!(detour(&network));
        assert_eq!(
            network.downs().iter().map(|down| (down.1, down.2)).collect::<Vec<_>>(),
            [(A, DownReason::Configuration)]
        );
        assert_eq!(
            network.way(C, subnet(0)),
            if disable { "10.0.2.2 at 20" } else { "10.0.1.1 10.0.2.2 at 20" }
        );
        network.reconfigure(A, |config| {
            let interface = &mut config.interfaces[end.index()];
            (interface.enabled, interface.passive) = (true, false);
        });
        network.run(secs(30));
        assert_eq!(network.way(A, loopback(B)), "10.0.0.2 at 10");
    }
}

#[test]
fn a_neighbor_that_has_another_address_stays_adjacent_and_is_another_gateway() {
    let mut network = Network::of_links(2, &[(A, B, 10)]).settle();
    let end = network.end(0, B);
    let addresses: Vec<ipnet::IpNet> =
        ["10.0.0.77/24", "fe80::77/64"].map(|address| address.parse().unwrap()).to_vec();
    network.tell(B, |router, now| router.set_interface(now, end, true, &addresses));
    network.run(secs(11));
    assert_eq!(network.way(A, loopback(B)), "10.0.0.77 at 10");
    assert_eq!(network.way(A, loopback6(B)), "fe80::77 at 10");
    assert!(network.downs().is_empty());
}

#[test]
fn a_link_that_flaps_is_announced_at_the_pace_and_calculated_ever_later() {
    let mut network = Network::of_links(4, &[(A, B, 10), (B, C, 10), (C, D, 10)]).settle();
    // A prefix comes and goes every second.
    for round in 0..30 {
        network.reconfigure(A, |config| config.prefixes[0].metric = round);
        network.run(secs(1));
    }
    let made = network.said(A).iter().filter(|said| said.starts_with("update")).count();
    assert!((6..=7).contains(&made), "{made}");

    // Three routers change at one moment: the first is taken up at once, the others after 50 ms.
    network.run(secs(60));
    network.events.clear();
    for router in [A, B, C] {
        network.reconfigure(router, |config| config.prefixes[0].metric = 500);
    }
    network.run(secs(1));
    let waits: Vec<Duration> = network
        .events
        .iter()
        .filter_map(|(_, router, event)| match event {
            LinkStateEvent::SpfRan { waited, trigger: SpfTrigger::Database(_), .. } if *router == D => {
                Some(*waited)
            }
            _ => None,
        })
        .collect();
    assert_eq!((waits.len(), waits[0]), (2, Duration::ZERO), "{waits:?}");
    assert!((millis(49)..=millis(50)).contains(&waits[1]), "{waits:?}");
    assert_eq!(network.way(D, loopback(A)), "10.0.2.3 at 530");
}

#[test]
fn who_loses_a_link_does_not_wait_for_the_pace() {
    let mut network = triangle();
    // It has announced something a moment ago, and may not announce the loss for five seconds.
    network.reconfigure(A, |config| config.prefixes[0].metric = 5);
    network.run(millis(500));
    network.set_carrier(0, false);
    assert_eq!(network.way(A, loopback(B)), "10.0.1.3 at 20");
    network.run(millis(100));
    assert_eq!(network.way(C, subnet(0)), "10.0.1.1 at 20");
    network.run(secs(5));
    assert_eq!(network.way(C, subnet(0)), "");
}
