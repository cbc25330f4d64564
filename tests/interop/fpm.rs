//! What zebra of FRR tells of its routes, as they come, change and go; and what it makes of our answer.

use crate::rig::DEADLINE;
use crate::zebra::{FRR, Router, Told};
use greylag_fpm::{Outcome, Protocol};
use greylag_lab::link;
use greylag_tests::{has, wait_for};
use serde_json::Value;
use std::collections::BTreeSet;

const STATIC: &str = "\
ip route 198.51.100.0/24 192.0.2.2
ip route 198.51.100.0/24 192.0.2.6
ipv6 route 2001:db8:100::/48 2001:db8:a::2
ipv6 route 2001:db8:100::/48 2001:db8:b::2
ip route 203.0.113.0/26 blackhole
ip route 203.0.113.64/26 reject
ip route 203.0.113.128/26 192.0.2.77 eth1 onlink
";

/// The router's interfaces by number.
struct Numbers([u32; 2]);

impl Numbers {
    fn of(router: &Router) -> Numbers {
        let number = |name| link::find(&router.netns, name).unwrap().expect("the interface is there").index;
        Numbers(["eth1", "eth2"].map(number))
    }

    /// The ways by these neighbours, the one behind each interface where there is one.
    fn ways(&self, neighbours: [Option<&str>; 2]) -> Option<BTreeSet<String>> {
        let way = |(neighbour, number): (Option<&str>, u32)| Some(format!("{} {number} x1", neighbour?));
        Some(neighbours.into_iter().zip(self.0).filter_map(way).collect())
    }
}

const BOTH4: [Option<&str>; 2] = [Some("192.0.2.2"), Some("192.0.2.6")];
const BOTH6: [Option<&str>; 2] = [Some("2001:db8:a::2"), Some("2001:db8:b::2")];

#[test]
fn static_routes_lose_a_neighbour_and_get_it_back() {
    if !has(FRR) {
        return;
    }
    let router = Router::new();
    let numbers = Numbers::of(&router);
    let (frr, mut told) = router.start(STATIC);
    let whole = |told: &Told| {
        told.ways("198.51.100.0/24") == numbers.ways(BOTH4)
            && told.ways("2001:db8:100::/48") == numbers.ways(BOTH6)
    };
    told.wait_until("routes by both neighbours", whole);
    assert!(told.is_by_number("198.51.100.0/24") && told.is_by_number("2001:db8:100::/48"));
    told.wait_until("routes to nowhere", |told| {
        let word = |prefix, word: &str| told.ways(prefix) == Some([word.to_owned()].into());
        word("203.0.113.0/26", "blackhole") && word("203.0.113.64/26", "unreachable")
    });
    let onlink = Some([format!("192.0.2.77 {} x1 onlink", numbers.0[0])].into());
    told.wait_until("a neighbour in no network", |told| told.ways("203.0.113.128/26") == onlink);
    assert_eq!(told.protocol("198.51.100.0/24"), Some(Protocol::STATIC));
    assert_eq!(told.ways("192.0.2.4/30"), numbers.ways([None, Some("connected")]));

    link::set_down(&router.netns, "eth2").unwrap();
    told.wait_until("routes by the neighbour that is left", |told| {
        told.ways("198.51.100.0/24") == numbers.ways([BOTH4[0], None])
            && told.ways("2001:db8:100::/48") == numbers.ways([BOTH6[0], None])
            && told.ways("192.0.2.4/30").is_none()
    });
    // Each is told as its deletion and the new route, and was never without a way.
    assert!(told.counts().replaced >= 2, "{:?}", told.counts());

    router.raise("eth2");
    told.wait_until("routes by both neighbours again", whole);

    frr.ask("configure terminal\nno ip route 203.0.113.0/26 blackhole").unwrap();
    told.wait_until("a route is taken away", |told| told.ways("203.0.113.0/26").is_none());
    assert_eq!(told.counts().errors, 0);
    frr.stop().unwrap();
}

#[test]
fn without_next_hop_groups_each_route_has_its_next_hops() {
    if !has(FRR) {
        return;
    }
    let router = Router::new();
    let numbers = Numbers::of(&router);
    let (_frr, mut told) = router.start(&format!("no fpm use-next-hop-groups\n{STATIC}"));
    told.wait_until("routes by both neighbours", |told| {
        told.ways("198.51.100.0/24") == numbers.ways(BOTH4)
            && told.ways("2001:db8:100::/48") == numbers.ways(BOTH6)
    });
    let onlink = Some([format!("192.0.2.77 {} x1 onlink", numbers.0[0])].into());
    told.wait_until("a neighbour in no network", |told| told.ways("203.0.113.128/26") == onlink);
    assert!(!told.is_by_number("198.51.100.0/24") && !told.is_by_number("192.0.2.0/30"));
    assert_eq!((told.counts().next_hop_adds, told.counts().errors), (0, 0));
}

#[test]
fn a_route_of_bgp_goes_with_its_session() {
    if !has(FRR) {
        return;
    }
    let router = Router::new();
    let numbers = Numbers::of(&router);
    let speaker = |own: u32, id: &str, peers: [(&str, u32); 2], more: &str| {
        let peers = peers.map(|(peer, number)| {
            format!(
                " neighbor {peer} remote-as {number}\n neighbor {peer} timers 1 3\n neighbor {peer} timers connect 1\n"
            )
        });
        let global = format!("router bgp {own}\n bgp router-id {id}\n no bgp ebgp-requires-policy\n");
        format!("{global} timers bgp 1 3\n{}{more}", peers.concat())
    };
    let peers = [("192.0.2.2", 65002), ("192.0.2.6", 65002)];
    let (frr, mut told) = router.start(&speaker(65001, "192.0.2.1", peers, ""));
    let peers = [("192.0.2.1", 65001), ("192.0.2.5", 65001)];
    let networks = " no bgp network import-check\n address-family ipv4 unicast\n  network 203.0.113.0/24\n";
    let neighbour = router.start_neighbour(&speaker(65002, "192.0.2.2", peers, networks));

    told.wait_until("a route by both sessions", |told| told.ways("203.0.113.0/24") == numbers.ways(BOTH4));
    assert_eq!(told.protocol("203.0.113.0/24"), Some(Protocol::BGP));
    neighbour.stop().unwrap();
    told.wait_until("the route is gone with them", |told| told.ways("203.0.113.0/24").is_none());
    assert_eq!(told.counts().errors, 0);
    frr.stop().unwrap();
}

/// FRR 8.4 takes what comes back, and forgets it; of static routes it is understood from 9.1 on.
#[test]
fn zebra_takes_what_became_of_its_routes() {
    if !has(FRR) {
        return;
    }
    let router = Router::new();
    let numbers = Numbers::of(&router);
    let (frr, mut told) = router.start(STATIC);
    told.wait_until("routes by both neighbours", |told| {
        told.ways("198.51.100.0/24") == numbers.ways(BOTH4)
            && told.ways("2001:db8:100::/48") == numbers.ways(BOTH6)
    });
    let counter = |name: &str| -> Option<usize> {
        let said = frr.ask("show fpm counters").unwrap();
        let line = said.lines().find_map(|line| line.trim().strip_prefix(name).map(str::to_owned))?;
        line.trim_start_matches(':').trim().parse().ok()
    };
    let octets = told.answer(Outcome::Offloaded);
    wait_for("zebra reads the answer", DEADLINE, || (counter("Input bytes") == Some(octets)).then_some(()));
    assert_eq!((counter("Connection closes"), counter("Connection errors")), (Some(0), Some(0)));

    let version = frr.ask("show version").unwrap();
    let offloaded = || {
        let said: Value =
            serde_json::from_str(&frr.ask("show ip route 198.51.100.0/24 json").unwrap()).unwrap();
        said["198.51.100.0/24"][0]["offloaded"].as_bool()
    };
    match ["FRRouting 8.", "FRRouting 9.0"].iter().any(|old| version.contains(old)) {
        true => assert_eq!(offloaded(), None),
        false => wait_for("zebra has understood it", DEADLINE, || (offloaded() == Some(true)).then_some(())),
    }
}
