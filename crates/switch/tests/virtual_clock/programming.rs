//! From the RIB to the FIB: how long it takes, what goes wrong on the way, who finds it, and who mends it.

use crate::network::{Network, next_hop, route, route_to, two_links};
use crate::rig::{millis, seconds};
use greylag_switch::agent::AgentKind;
use greylag_switch::config::{StaticTarget, SwitchConfig};
use greylag_switch::fault::{AddressFamily, Fault, GroupChange, ProgrammingMishap, Span, WriteFilter};
use greylag_switch::show::Which;
use greylag_switch::{FibConflict, Input, RoutingEvent};

const PREFIX: &str = "10.9.0.0/24";
const FAR: &str = "10.9.0.2";
const LOST: ProgrammingMishap = ProgrammingMishap::Drop { acknowledged: true };

fn all() -> WriteFilter {
    WriteFilter::default()
}

/// Two links, and everybody known.
fn network(change: impl Fn(&mut SwitchConfig)) -> Network {
    let mut network = two_links(change);
    network.reaches(0, 1, FAR);
    network.reaches(0, 1, "2001:db8:9::2");
    network.wait(seconds(2));
    assert_eq!(network.check(0, false), [""; 0]);
    network
}

fn misprogram(network: &mut Network, mishap: ProgrammingMishap, only: WriteFilter) {
    network.fault(0, Fault::Misprogram { mishap, only, share: 1.0, lasts: Some(seconds(1)) });
}

fn conflicts(network: &Network) -> Vec<FibConflict> {
    network.switches[0].switch.fib_conflicts().to_vec()
}

/// A second later the fault is over; what was broken is found, mended, and then all is well.
fn is_found_and_mended(network: &mut Network, kinds: &[&str]) {
    network.wait(seconds(2));
    assert_eq!(network.check(0, false), kinds);
    assert_eq!(network.check(0, false), kinds, "who only looks mends nothing");
    network.check(0, true);
    assert_eq!(network.check(0, false), [""; 0]);
    assert_eq!(network.flows(0, 1, FAR, 100), 100);
    network.plays_back();
}

#[test]
fn a_route_is_written_after_the_delay_and_as_many_a_second_as_the_rate_allows() {
    let mut network = network(|config| {
        config.routing.programming.delay = millis(20);
        config.routing.programming.rate = Some(100);
    });
    network.commit(0, |config| {
        (0..50).for_each(|third| route(config, &format!("198.51.{third}.0/24"), &["10.1.0.2"]));
    });
    assert_eq!(network.rib(0, "198.51.0.0/24"), ["10.1.0.2"]);
    let there = |network: &Network| {
        let within = "198.51.0.0/16".parse().unwrap();
        network.switches[0].switch.fib_rows(Which::Within(within), None, usize::MAX).len()
    };
    let mut written = Vec::new();
    for _ in 0..6 {
        written.push(there(&network));
        network.wait(millis(10));
    }
    // A group first, and then one route every 10 ms.
    assert_eq!(written, [0, 0, 0, 1, 2, 3]);
    network.wait(millis(470));
    assert_eq!(there(&network), 50);
    network.plays_back();
}

#[test]
fn a_link_that_is_gone_stays_gone_while_the_agent_writes_slowly() {
    let mut network = network(|_| {});
    network.commit(0, |config| config.routing.programming.rate = Some(2));
    network.link((0, 1), false);
    for _ in 0..20 {
        assert_eq!(network.flows(0, 1, FAR, 20), 20);
        assert_eq!(network.carried((0, 1)), 0);
        network.wait(millis(500));
    }
    network.link((0, 1), true);
    network.wait(seconds(20));
    assert_eq!(network.flows(0, 1, FAR, 100), 100);
    assert!(network.carried((0, 1)) > 20);
    assert_eq!(network.check(0, false), [""; 0]);
}

#[test]
fn a_write_that_is_lost_and_acknowledged_is_found_by_comparing() {
    let mut network = network(|_| {});
    let only = WriteFilter { prefix: Some("198.51.100.0/24".parse().unwrap()), ..all() };
    misprogram(&mut network, LOST, only);
    network.commit(0, |config| {
        route(config, "198.51.100.0/24", &["10.1.0.2"]);
        route(config, "198.51.101.0/24", &["10.1.0.2"]);
    });
    network.wait(millis(5));
    assert!(network.fib(0, "198.51.100.0/24").is_none() && network.fib(0, "198.51.101.0/24").is_some());
    // The group that both lead to is within the filter too.
    is_found_and_mended(&mut network, &["route-missing", "group-missing"]);
    assert!(network.fib(0, "198.51.100.0/24").is_some());

    // A route that should go stays.
    misprogram(&mut network, LOST, WriteFilter { family: Some(AddressFamily::Ipv4), ..all() });
    network.commit(0, |config| {
        config.routing.static_routes.retain(|route| !route.prefix.to_string().starts_with("198.51"));
    });
    network.wait(seconds(2));
    assert_eq!(network.check(0, false), ["route-stale", "route-stale"]);
    network.check(0, true);
    assert_eq!(network.check(0, false), [""; 0]);
    assert!(network.fib(0, "198.51.100.0/24").is_none());
}

#[test]
fn a_write_that_is_not_acknowledged_is_tried_again() {
    let mut network = network(|_| {});
    misprogram(&mut network, ProgrammingMishap::Drop { acknowledged: false }, all());
    network.told(0, &[]);
    network.commit(0, |config| route(config, "198.51.100.0/24", &["10.1.0.2"]));
    network.wait(seconds(3));
    let told = network.told(0, &["fib-write-failed"]);
    assert!(!told.is_empty());
    assert!(network.fib(0, "198.51.100.0/24").is_some());
    assert_eq!(network.check(0, false), [""; 0]);
}

#[test]
fn a_late_write_arrives_at_last() {
    let mut network = network(|_| {});
    let span = Span { least: millis(500), most: millis(500) };
    misprogram(
        &mut network,
        ProgrammingMishap::Delay(span),
        WriteFilter { prefix: Some(PREFIX.parse().unwrap()), ..all() },
    );
    network.link((0, 1), false);
    network.wait(millis(400));
    assert_eq!(network.fib(0, PREFIX).unwrap().len(), 2);
    assert_eq!(network.flows(0, 1, FAR, 50), 50, "the data plane passes over who cannot be reached");
    network.wait(seconds(2));
    assert_eq!(network.fib(0, PREFIX).unwrap().len(), 1);
    assert_eq!(network.check(0, false), [""; 0]);
}

#[test]
fn two_writes_of_one_moment_overtake_each_other_and_the_older_one_stays() {
    let mut network = network(|_| {});
    misprogram(
        &mut network,
        ProgrammingMishap::Misorder,
        WriteFilter { prefix: Some("198.51.100.0/24".parse().unwrap()), ..all() },
    );
    network.commit(0, |config| route(config, "198.51.100.0/24", &["10.1.0.2"]));
    network.commit(0, |config| route(config, "198.51.100.0/24", &["10.2.0.2"]));
    network.wait(millis(5));
    assert_eq!(network.rib(0, "198.51.100.0/24"), ["10.2.0.2"]);
    is_found_and_mended(&mut network, &["route-differs"]);
    assert_eq!(network.fib(0, "198.51.100.0/24"), Some(vec!["10.2.0.2 on eth3".to_owned()]));
}

#[test]
fn buckets_that_were_left_behind_drop_for_good() {
    let mut network = network(|_| {});
    let only = WriteFilter { family: Some(AddressFamily::Ipv4), ..all() };
    let mishap = ProgrammingMishap::StaleMember;
    network.fault(0, Fault::Misprogram { mishap, only, share: 1.0, lasts: None });
    for up in [false, true] {
        network.link((0, 1), up);
        network.wait(seconds(2));
        // Who lost its number is not who has come back.
        assert_eq!(network.check(0, false), ["bucket-stale"; 32]);
        let gone = |conflict: &FibConflict| conflict.fib.as_ref().unwrap().ends_with("which is gone");
        assert!(conflicts(&network).iter().all(gone));
        let arrived = network.flows(0, 1, FAR, 200);
        assert!((70..130).contains(&arrived), "{arrived} of 200");
    }
    network.fault(0, Fault::Heal);
    network.check(0, true);
    assert_eq!(network.check(0, false), [""; 0]);
    assert_eq!(network.flows(0, 1, FAR, 200), 200);
}

#[test]
fn a_fault_of_those_who_come_back_does_not_touch_those_who_go() {
    let mut network = network(|_| {});
    let family = Some(AddressFamily::Ipv6);
    let only = WriteFilter { change: Some(GroupChange::MemberReturned), family, ..all() };
    misprogram(&mut network, LOST, only);
    network.link((0, 1), false);
    network.wait(millis(10));
    assert_eq!(network.check(0, false), [""; 0]);
    network.link((0, 1), true);
    network.wait(millis(800));
    assert_eq!(network.rib(0, "2001:db8:9::/64").len(), 2);
    assert_eq!(network.fib(0, "2001:db8:9::/64").unwrap().len(), 1);
    assert_eq!(network.fib(0, PREFIX).unwrap().len(), 2, "the other family has it right");
    is_found_and_mended(&mut network, &["member-short"]);
}

#[test]
fn a_few_buckets_of_one_worker_stay_on_who_is_gone() {
    for worker in [None, Some(0)] {
        let mut network = network(|_| {});
        let only =
            WriteFilter { buckets: Some((10, 13)), worker, family: Some(AddressFamily::Ipv4), ..all() };
        misprogram(&mut network, LOST, only);
        network.link((0, 1), false);
        network.wait(seconds(2));
        let found = network.check(0, false);
        let stale = conflicts(&network);
        assert!(!found.is_empty() && found.len() <= 4, "{found:?}");
        for conflict in &stale {
            assert_eq!((conflict.kind.name(), conflict.worker), ("bucket-stale", worker));
            assert!((10..=13).contains(&conflict.bucket.unwrap()));
            assert_eq!(conflict.prefix, Some(PREFIX.parse().unwrap()));
        }
        let arrived = network.flows(0, 1, FAR, 640);
        assert!(arrived < 640 && arrived > 520, "{arrived} of 640 arrive past {} buckets of 64", stale.len());

        // A packet through every bucket finds them too.
        network.tell(0, Input::CheckPaths);
        network.wait(seconds(10));
        let (probes, is_over) = network.switches[0].switch.path_probes();
        assert!(is_over);
        let lost: Vec<_> = probes.iter().filter(|probe| probe.answered_by.is_none()).collect();
        let buckets: Vec<u16> = lost.iter().map(|probe| probe.bucket).collect();
        assert_eq!(buckets, stale.iter().map(|conflict| conflict.bucket.unwrap()).collect::<Vec<_>>());
        assert!(lost.iter().all(|probe| probe.attempts == 3));

        network.check(0, true);
        assert_eq!(network.check(0, false), [""; 0]);
        assert_eq!(network.flows(0, 1, FAR, 640), 640);
        network.plays_back();
    }
}

#[test]
fn a_sound_network_answers_for_all_buckets_of_three_groups() {
    let mut network = network(|config| {
        if config.name == "sw1" {
            let hops = ["10.1.0.2", "10.2.0.2"].map(crate::network::next_hop);
            for (third, weight) in [(1, 2), (2, 3)] {
                let mut hops = hops.clone();
                hops[0].weight = weight;
                let to = greylag_switch::config::StaticTarget::NextHops(hops.into());
                crate::network::route_to(config, &format!("198.51.{third}.0/24"), to);
            }
        }
    });
    network.told(0, &[]);
    network.tell(0, Input::CheckPaths);
    network.wait(seconds(10));
    let (probes, is_over) = network.switches[0].switch.path_probes();
    assert!(is_over);
    let of_links = probes
        .iter()
        .filter(|probe| probe.prefix.to_string().starts_with("198.51") || probe.prefix.to_string() == PREFIX);
    assert_eq!(of_links.count(), 3 * 64);
    let lost: Vec<_> = probes.iter().filter(|probe| probe.answered_by.is_none()).collect();
    assert_eq!(lost, [] as [&greylag_switch::PathProbe; 0]);
    let told = network.switches[0].events().into_iter().filter_map(|(_, event)| match event {
        greylag_switch::Event::Routing(RoutingEvent::PathsChecked { probes, lost }) => Some((probes, lost)),
        _ => None,
    });
    let count = network.switches[0].switch.path_probes().0.len();
    assert_eq!(told.collect::<Vec<_>>(), [(count, 0)]);
    network.plays_back();
}

/// RFC 1812 5.2.1.2: the next hop is found before the time to live is looked at. What dies there is lost by any time to live.
#[test]
fn what_the_next_router_drops_in_silence_is_lost_and_what_it_refuses_is_answered() {
    let mut network = network(|config| {
        for (prefix, to) in
            [("198.51.1.0/24", StaticTarget::Blackhole), ("198.51.2.0/24", StaticTarget::Unreachable)]
        {
            match config.name.as_str() {
                "sw1" => route(config, prefix, &["10.1.0.2", "10.2.0.2"]),
                _ => route_to(config, prefix, to),
            }
        }
        if config.name == "sw1" {
            // A group of its own.
            let mut hops = ["10.1.0.2", "10.2.0.2"].map(next_hop);
            hops[0].weight = 2;
            route_to(config, "198.51.1.0/24", StaticTarget::NextHops(hops.into()));
        }
    });
    network.tell(0, Input::CheckPaths);
    network.wait(seconds(10));
    let (probes, is_over) = network.switches[0].switch.path_probes();
    assert!(is_over);
    let lost = probes.iter().filter(|probe| probe.answered_by.is_none());
    let prefixes: Vec<String> = lost.map(|probe| probe.prefix.to_string()).collect();
    assert_eq!(prefixes, vec!["198.51.1.0/24"; 64]);
    assert_eq!(network.check(0, false), [""; 0], "of ours, nothing is wrong");
}

#[test]
fn a_probe_that_nobody_answers_is_sent_again() {
    let mut network = network(|_| {});
    network.silence((0, 1), true);
    network.tell(0, Input::CheckPaths);
    network.wait(millis(500));
    network.silence((0, 1), false);
    network.wait(seconds(10));
    let (probes, is_over) = network.switches[0].switch.path_probes();
    assert!(is_over && probes.iter().all(|probe| probe.answered_by.is_some()));
    let again = probes.iter().filter(|probe| probe.attempts == 2).count();
    assert!(again >= 64, "half of the buckets of both families: {again}");
    assert!(probes.iter().all(|probe| probe.attempts <= 2));
    network.plays_back();
}

#[test]
fn a_share_of_writes_is_lost_and_no_other() {
    let mut network = network(|_| {});
    let only = WriteFilter { prefix: Some("198.51.0.0/16".parse().unwrap()), ..all() };
    // The group is there already.
    network.commit(0, |config| route(config, "198.51.255.0/24", &["10.1.0.2"]));
    network.wait(seconds(1));
    network.fault(0, Fault::Misprogram { mishap: LOST, only, share: 0.3, lasts: None });
    network.commit(0, |config| {
        (0..200).for_each(|third| route(config, &format!("198.51.{third}.0/24"), &["10.1.0.2"]));
        (0..200).for_each(|third| route(config, &format!("198.52.{third}.0/24"), &["10.1.0.2"]));
    });
    network.wait(seconds(1));
    let lost = network.check(0, false);
    assert!((40..80).contains(&lost.len()) && lost.iter().all(|kind| *kind == "route-missing"), "{lost:?}");
    let within: ipnet::IpNet = "198.51.0.0/16".parse().unwrap();
    let of_it = |conflict: &FibConflict| within.contains(&conflict.prefix.unwrap());
    assert!(conflicts(&network).iter().all(of_it));
    network.fault(0, Fault::Heal);
    network.check(0, true);
    assert_eq!(network.check(0, false), [""; 0]);
}

#[test]
fn an_audit_mends_by_itself() {
    let mut network = network(|config| config.routing.programming.audit_interval = Some(seconds(30)));
    misprogram(&mut network, LOST, all());
    network.commit(0, |config| route(config, "198.51.100.0/24", &["10.1.0.2"]));
    network.wait(seconds(2));
    assert!(network.fib(0, "198.51.100.0/24").is_none());
    let took = network.wait_for(seconds(31), |network| network.fib(0, "198.51.100.0/24").is_some());
    assert!(took <= seconds(30));
    let told = network.told(0, &["fib-checked"]);
    assert!(!told.is_empty());
}

#[test]
fn while_the_programming_agent_is_dead_the_fib_stays_and_then_it_follows() {
    let mut network = network(|_| {});
    let (agent, dump) = (AgentKind::Programming, seconds(10));
    network.fault(0, Fault::Crash { agent, dump });
    network.commit(0, |config| route(config, "198.51.100.0/24", &["10.1.0.2"]));
    network.link((0, 1), false);
    network.wait(seconds(5));
    assert!(network.fib(0, "198.51.100.0/24").is_none());
    assert_eq!(network.fib(0, PREFIX).unwrap().len(), 2);
    assert_eq!(network.flows(0, 1, FAR, 100), 100, "the link that is left has all");
    network.wait(seconds(6));
    assert_eq!(network.check(0, false), [""; 0]);
    assert_eq!(network.fib(0, PREFIX).unwrap().len(), 1);
    network.link((0, 1), true);
    network.wait(seconds(1));
    assert!(network.fib(0, "198.51.100.0/24").is_some());
    network.plays_back();
}

#[test]
fn while_the_routing_agent_is_dead_routes_stay_and_a_link_that_comes_back_is_used() {
    for hangs in [true, false] {
        let mut network = network(|_| {});
        let agent = AgentKind::Routing;
        match hangs {
            true => network.fault(0, Fault::Hang { agent, lasts: Some(seconds(20)) }),
            false => network.fault(0, Fault::Crash { agent, dump: seconds(20) }),
        }
        assert_eq!(network.flows(0, 1, FAR, 100), 100);
        network.link((0, 1), false);
        network.wait(seconds(1));
        assert_eq!(network.rib(0, PREFIX).len(), 2, "nobody decides anew");
        assert_eq!(network.flows(0, 1, FAR, 100), 100);
        network.link((0, 1), true);
        network.wait(seconds(5));
        assert_eq!(network.flows(0, 1, FAR, 100), 100);
        assert!(network.carried((0, 1)) > 20, "the way back is open without the agent");
        for _ in 0..40 {
            network.wait(millis(500));
            assert_eq!(network.flows(0, 1, FAR, 10), 10, "no gap");
        }
        assert_eq!(network.check(0, false), [""; 0]);
        network.plays_back();
    }
}

#[test]
fn twenty_thousand_routes_at_once_are_as_twenty_thousand_one_by_one() {
    let many = |config: &mut SwitchConfig| {
        for number in 0..20_500_u32 {
            let prefix = std::net::Ipv4Addr::from(0x1400_0000 + (number << 8));
            let gateway = if number % 3 == 0 { "10.1.0.2" } else { "10.2.0.2" };
            let to = greylag_switch::config::StaticTarget::NextHops(vec![crate::network::next_hop(gateway)]);
            let prefix = ipnet::Ipv4Net::new(prefix, 24).unwrap().into();
            config.routing.static_routes.push(greylag_switch::config::StaticRoute {
                prefix,
                to,
                preference: 1,
            });
        }
    };
    let fib = |rate: Option<u32>| {
        let mut network = two_links(|config| config.routing.programming.rate = rate);
        network.commit(0, many);
        network.wait(if rate.is_some() { seconds(3) } else { millis(5) });
        let page = |which, after, prefixes| network.switches[0].switch.fib_rows(which, after, prefixes);
        let within = Which::Within("20.0.0.0/8".parse().unwrap());
        let there = page(within, None, usize::MAX);
        for which in [within, Which::All] {
            let all = page(which, None, usize::MAX);
            let mut paged = page(which, None, 7_000);
            while paged.len() < all.len() {
                let after = paged.last().map(|row| row.prefix);
                let next = page(which, after, 7_000);
                assert!(!next.is_empty(), "nothing behind {after:?}");
                paged.extend(next);
            }
            assert_eq!(paged, all);
        }
        let there: Vec<_> = there.into_iter().map(|row| (row.prefix, row.next_hops)).collect();
        assert_eq!(there.len(), 20_500);
        assert_eq!(network.check(0, false), [""; 0]);
        there
    };
    assert_eq!(fib(None), fib(Some(10_000)));
}
