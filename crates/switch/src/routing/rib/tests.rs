//! Offers in, writes out: what the FIB holds after each is compared with what it should do with a packet.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const ETH1: InterfaceId = InterfaceId(0);
const ETH2: InterfaceId = InterfaceId(1);

/// A FIB that does what it is told, and complains about what makes no sense.
#[derive(Default)]
struct Fib {
    next_hops: BTreeMap<u32, NextHop>,
    groups: BTreeMap<GroupId, Vec<Member>>,
    routes: BTreeMap<IpNet, GroupId>,
}

impl Fib {
    fn write(&mut self, write: FibWrite) {
        match write {
            FibWrite::NextHop { id, next_hop: NextHop::Unset } => {
                let used = self.groups.values().flatten().any(|member| member.next_hop == id);
                assert!(!used, "{id:?} goes while a group has it");
                self.next_hops.remove(&id.0);
            }
            FibWrite::NextHop { id, next_hop } => {
                self.next_hops.insert(id.0, next_hop);
            }
            FibWrite::Group { id, members } if members.is_empty() => {
                let used = self.routes.values().any(|group| *group == id);
                assert!(!used, "{id:?} goes while a route leads there");
                self.groups.remove(&id);
            }
            FibWrite::Group { id, members } => {
                for member in &members {
                    let known = self.next_hops.contains_key(&member.next_hop.0);
                    assert!(known, "{id:?} has {member:?}, which nobody knows");
                }
                self.groups.insert(id, members);
            }
            FibWrite::Route { prefix, group: Some(group) } => {
                assert!(self.groups.contains_key(&group), "{prefix} leads to {group:?}, which is not there");
                self.routes.insert(prefix, group);
            }
            FibWrite::Route { prefix, group: None } => {
                assert!(self.routes.remove(&prefix).is_some(), "{prefix} was not there");
            }
            FibWrite::Bucket { .. } => panic!("only faults write buckets"),
        }
    }

    /// What is done with packets for an address.
    fn does(&self, address: &str) -> Vec<NextHop> {
        let address: IpAddr = address.parse().unwrap();
        let longest = self.routes.iter().filter(|(prefix, _)| prefix.contains(&address));
        let Some((_, group)) = longest.max_by_key(|(prefix, _)| prefix.prefix_len()) else {
            return Vec::new();
        };
        self.groups[group].iter().map(|member| self.next_hops[&member.next_hop.0]).collect()
    }
}

struct Rig {
    rib: Rib,
    fib: Fib,
    written: usize,
}

impl Rig {
    /// Two links, 10.0.1.0/24 and 10.0.2.0/24.
    fn new() -> Self {
        let mut rig = Rig { rib: Rib::new(1000, 1000, 64), fib: Fib::default(), written: 0 };
        rig.offer("10.0.1.0/24", RouteSource::Connected, Target::Attached(ETH1));
        rig.offer("10.0.2.0/24", RouteSource::Connected, Target::Attached(ETH2));
        rig
    }

    fn update(&mut self, prefix: &str, source: RouteSource, offer: Option<&Offer>) {
        self.rib.update(prefix.parse().unwrap(), source, offer);
        self.settle();
    }

    fn settle(&mut self) {
        let writes = self.rib.settle();
        self.written = writes.len();
        writes.into_iter().for_each(|write| self.fib.write(write));
    }

    fn offer(&mut self, prefix: &str, source: RouteSource, target: Target) {
        self.update(prefix, source, Some(&Offer::of(source, target)));
    }

    fn withdraw(&mut self, prefix: &str, source: RouteSource) {
        self.update(prefix, source, None);
    }
}

/// Gateways, wherever they are.
fn via(addresses: &[&str]) -> Target {
    let hop = |address: &&str| Hop { address: address.parse().unwrap(), interface: None, weight: 1 };
    Target::hops(addresses.iter().map(hop))
}

fn unresolved(interface: InterfaceId) -> NextHop {
    NextHop::Unresolved { interface }
}

#[test]
fn a_gateway_is_looked_for_on_the_link_that_its_subnet_is_on() {
    let mut rig = Rig::new();
    rig.offer("0.0.0.0/0", RouteSource::Static, via(&["10.0.1.9"]));
    assert_eq!(rig.fib.does("8.8.8.8"), [unresolved(ETH1)]);
    assert_eq!(rig.fib.does("10.0.2.7"), [NextHop::Glean { interface: ETH2 }]);

    let mac = MacAddr([2, 0, 0, 0, 0, 9]);
    let write = rig.rib.set_neighbor(ETH1, "10.0.1.9".parse().unwrap(), Some(mac));
    rig.fib.write(write.expect("a group has it as a member"));
    assert_eq!(rig.fib.does("8.8.8.8"), [NextHop::Neighbor { interface: ETH1, mac }]);
}

#[test]
fn the_lower_preference_is_taken_and_the_next_one_stands_by() {
    let mut rig = Rig::new();
    rig.offer("192.0.2.0/24", RouteSource::LinkState, via(&["10.0.2.9"]));
    rig.offer("192.0.2.0/24", RouteSource::Bgp, via(&["10.0.1.9"]));
    assert_eq!(rig.fib.does("192.0.2.1"), [unresolved(ETH1)]);
    // The link goes, and its gateway with it.
    rig.withdraw("10.0.1.0/24", RouteSource::Connected);
    assert_eq!(rig.fib.does("192.0.2.1"), [unresolved(ETH2)]);
    rig.offer("10.0.1.0/24", RouteSource::Connected, Target::Attached(ETH1));
    assert_eq!(rig.fib.does("192.0.2.1"), [unresolved(ETH1)]);
    rig.withdraw("192.0.2.0/24", RouteSource::Bgp);
    rig.withdraw("192.0.2.0/24", RouteSource::LinkState);
    assert_eq!(rig.fib.does("192.0.2.1"), []);
    assert_eq!(rig.rib.paths.iter().count(), 2, "only the two links are left");
}

#[test]
fn a_far_gateway_moves_by_one_write_however_many_routes_lead_there() {
    let mut rig = Rig::new();
    rig.offer("192.0.2.1/32", RouteSource::LinkState, via(&["10.0.1.9"]));
    for third in 0..200 {
        rig.offer(&format!("198.51.{third}.0/24"), RouteSource::Bgp, via(&["192.0.2.1"]));
    }
    assert_eq!(rig.fib.does("198.51.77.1"), [unresolved(ETH1)]);
    rig.offer("192.0.2.1/32", RouteSource::LinkState, via(&["10.0.1.9", "10.0.2.9"]));
    assert_eq!(rig.fib.does("198.51.77.1"), [unresolved(ETH1), unresolved(ETH2)]);
    assert!(rig.written <= 5, "{} writes: groups change, routes do not", rig.written);
    rig.withdraw("192.0.2.1/32", RouteSource::LinkState);
    assert_eq!(rig.fib.does("198.51.77.1"), [], "nobody knows the way to the gateway");
}

#[test]
fn no_route_leads_to_its_own_gateway() {
    let mut rig = Rig::new();
    rig.offer("192.0.2.0/24", RouteSource::Bgp, via(&["192.0.2.1"]));
    assert_eq!(rig.fib.does("192.0.2.1"), []);
    rig.offer("0.0.0.0/0", RouteSource::Static, via(&["10.0.1.9"]));
    assert_eq!(rig.fib.does("192.0.2.7"), [unresolved(ETH1)], "the default route leads to the gateway");
    // Two that lead to each other lead nowhere.
    rig.offer("203.0.113.0/24", RouteSource::Bgp, via(&["198.18.0.1"]));
    rig.offer("198.18.0.0/24", RouteSource::Bgp, via(&["203.0.113.1"]));
    rig.withdraw("0.0.0.0/0", RouteSource::Static);
    assert_eq!((rig.fib.does("203.0.113.1"), rig.fib.does("198.18.0.1")), (vec![], vec![]));
}

#[test]
fn a_route_that_stands_by_for_the_subnet_of_its_gateway_takes_nobody_the_way() {
    let mut rig = Rig::new();
    rig.offer("10.0.1.0/24", RouteSource::Static, via(&["10.0.1.9"]));
    rig.offer("0.0.0.0/0", RouteSource::Static, via(&["10.0.1.9"]));
    assert_eq!(rig.fib.does("8.8.8.8"), [unresolved(ETH1)], "the link itself leads to the gateway");
    rig.withdraw("10.0.1.0/24", RouteSource::Connected);
    assert_eq!((rig.fib.does("8.8.8.8"), rig.fib.does("10.0.1.1")), (vec![], vec![]));
    rig.offer("10.0.1.0/24", RouteSource::Connected, Target::Attached(ETH1));
    assert_eq!(rig.fib.does("8.8.8.8"), [unresolved(ETH1)]);
}

#[test]
fn a_route_behind_one_that_leads_to_its_own_gateway_goes_where_that_one_does() {
    let mut rig = Rig::new();
    rig.offer("0.0.0.0/0", RouteSource::Static, via(&["10.0.2.9"]));
    rig.offer("198.51.100.0/24", RouteSource::Static, via(&["198.51.100.1"]));
    rig.offer("192.0.2.0/24", RouteSource::Bgp, via(&["198.51.100.1"]));
    rig.offer("203.0.113.0/24", RouteSource::Bgp, via(&["192.0.2.1"]));
    for address in ["198.51.100.1", "192.0.2.1", "203.0.113.1"] {
        assert_eq!(rig.fib.does(address), [unresolved(ETH2)], "{address}");
    }
}

#[test]
fn what_bfd_has_lost_is_no_member_of_any_group() {
    let mut rig = Rig::new();
    rig.offer("0.0.0.0/0", RouteSource::Static, via(&["10.0.1.9", "10.0.2.9"]));
    rig.rib.set_lost(ETH1, "10.0.1.9".parse().unwrap(), true);
    rig.settle();
    assert_eq!(rig.fib.does("8.8.8.8"), [unresolved(ETH2)]);
    rig.rib.set_lost(ETH1, "10.0.1.9".parse().unwrap(), false);
    rig.settle();
    assert_eq!(rig.fib.does("8.8.8.8"), [unresolved(ETH1), unresolved(ETH2)]);
}

#[test]
fn a_link_that_comes_back_has_another_number() {
    let mut rig = Rig::new();
    rig.offer("0.0.0.0/0", RouteSource::Static, via(&["10.0.1.9", "10.0.2.9"]));
    let number = |rig: &Rig| {
        let station = Adjacency::Neighbor(ETH1, "10.0.1.9".parse().unwrap());
        rig.rib.next_hops.id(station)
    };
    let before = number(&rig);
    rig.withdraw("10.0.1.0/24", RouteSource::Connected);
    assert_eq!(number(&rig), None);
    rig.offer("10.0.1.0/24", RouteSource::Connected, Target::Attached(ETH1));
    assert!(number(&rig).is_some() && number(&rig) != before);
}

/// Prefixes that have to do with each other, and how many of the gateways each may lead to: those that a prefix above it in the table
/// covers, its own, and those that are on a link. Two of these can share a path and lead to their own gateway, and never to each other in
/// a circle, of which no order of events is the right one.
const PREFIXES: [(&str, usize); 7] = [
    ("0.0.0.0/0", 2),
    ("198.51.100.0/24", 3),
    ("192.0.2.0/24", 4),
    ("192.0.2.1/32", 5),
    ("10.0.0.0/8", 5),
    ("10.0.1.0/24", 5),
    ("10.0.1.7/32", 5),
];
const GATEWAYS: [&str; 5] = ["10.0.1.9", "10.0.2.9", "198.51.100.1", "192.0.2.77", "192.0.2.1"];

fn any_target(gateways: usize) -> impl Strategy<Value = Target> {
    prop_oneof![
        Just(Target::Blackhole),
        Just(Target::Attached(ETH1)),
        proptest::collection::vec(0..gateways, 1..4)
            .prop_map(|chosen| via(&chosen.iter().map(|index| GATEWAYS[*index]).collect::<Vec<_>>())),
    ]
}

/// A source offers something for a prefix, or withdraws it.
fn any_step() -> impl Strategy<Value = (&'static str, RouteSource, Option<Target>)> {
    let source = prop_oneof![Just(RouteSource::Static), Just(RouteSource::Bgp)];
    (0..PREFIXES.len(), source).prop_flat_map(|(index, source)| {
        let (prefix, gateways) = PREFIXES[index];
        (Just(prefix), Just(source), proptest::option::of(any_target(gateways)))
    })
}

proptest! {
    /// However the offers came and went, the FIB ends as if only those that are left had come; and no write on the way makes no sense.
    #[test]
    fn the_way_does_not_matter(steps in proptest::collection::vec(any_step(), 1..40)) {
        let mut rig = Rig::new();
        let mut left = BTreeMap::new();
        for (prefix, source, target) in steps {
            match target {
                Some(target) => {
                    rig.offer(prefix, source, target.clone());
                    left.insert((prefix, source), target);
                }
                None => {
                    rig.withdraw(prefix, source);
                    left.remove(&(prefix, source));
                }
            }
        }
        let mut fresh = Rig::new();
        for ((prefix, source), target) in left {
            fresh.offer(prefix, source, target);
        }
        for address in ["8.8.8.8", "10.0.1.7", "10.0.1.9", "10.0.2.9", "192.0.2.1", "192.0.2.77", "198.51.100.1"] {
            prop_assert_eq!(rig.fib.does(address), fresh.fib.does(address), "{}", address);
        }
    }
}
