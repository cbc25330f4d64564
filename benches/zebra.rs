//! What FRR's zebra would send of a routing table after it has connected.
//!
//! First come next hops and groups, then routes in the order of a tree, one message to a frame.

use crate::{Words, table};
use greylag_fib::{Address, Prefix};
use greylag_fpm::{
    Family, FpmMessage, GroupMember, IfIndex, Next, NextHop, NextHopAdd, NextHopGroup, NextHopId,
    NextHopObject, Protocol, RouteAdd, RouteDelete, RoutePrefix, TableId, encode,
};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Neighbours of each family.
pub const NEIGHBOURS: u32 = 512;
/// They are behind so many interfaces, in turn; the kernel's number of the first.
pub const INTERFACES: (u32, u32) = (64, 10);

/// By whom all is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ways {
    /// Each AS by two neighbours, no other AS by the same two: as many groups as there are ASes, which is more than a router has.
    Many,
    /// All by 256 groups of eight neighbours, the first neighbour among them in each.
    Few,
}

impl Ways {
    /// The number that stands for an AS.
    fn number(self, number: u32) -> u32 {
        match self {
            Ways::Many => number,
            Ways::Few => number % 256,
        }
    }

    /// The neighbours by which the group of this index leads.
    fn neighbours(self, index: u32) -> Vec<u32> {
        match self {
            Ways::Many => vec![index % NEIGHBOURS, (index + 1 + index / NEIGHBOURS) % NEIGHBOURS],
            Ways::Few => {
                std::iter::once(0).chain((0..7).map(|at| 1 + (7 * index + at) % (NEIGHBOURS - 1))).collect()
            }
        }
    }
}

/// The neighbour of this index, and its interface's index.
pub fn neighbour4(index: u32) -> (IpAddr, u32) {
    ((IPV4.gateway)(index), index % INTERFACES.0)
}

/// The same of IPv6.
pub fn neighbour6(index: u32) -> (IpAddr, u32) {
    ((IPV6.gateway)(index), index % INTERFACES.0)
}

/// What all routes of one family have in common.
struct Kind {
    family: Family,
    /// The number before that of its first neighbour.
    numbers: u32,
    gateway: fn(u32) -> IpAddr,
    /// zebra says so of IPv4 routes alone.
    replace: bool,
}

const IPV4: Kind = Kind {
    family: Family::V4,
    numbers: 100,
    gateway: |index| Ipv4Addr::from_bits(0xc612_0000 + 4 * index + 2).into(),
    replace: true,
};
const IPV6: Kind = Kind {
    family: Family::V6,
    numbers: 1_000_000,
    gateway: |index| Ipv6Addr::from_bits((0x2001_0db8_0000 << 80) + (u128::from(index) << 64) + 2).into(),
    replace: false,
};

/// The octets of the connection.
pub fn stream(text: &str, ways: Ways) -> Vec<u8> {
    let (ipv4, ipv6) = (ases::<u32>(text, ways), ases::<u128>(text, ways));
    let mut out = Vec::new();
    let groups4 = put_next_hops(&mut out, &IPV4, &ipv4, ways);
    let groups6 = put_next_hops(&mut out, &IPV6, &ipv6, ways);
    put_routes(&mut out, &IPV4, ipv4, &groups4, RoutePrefix::V4);
    put_routes(&mut out, &IPV6, ipv6, &groups6, RoutePrefix::V6);
    out
}

/// Prefixes, and what stands for the AS of each; 0 where that is not known.
fn ases<A: Address>(text: &str, ways: Ways) -> Vec<(Prefix<A>, u32)> {
    let routes = table::routes(text).into_iter();
    routes.map(|(prefix, group)| (prefix, ways.number(group.get() - 1))).collect()
}

/// `count` routes of IPv4 in a row, each drawn from those that lead anywhere, and led elsewhere, or taken away and told again: what a router
/// hears on any day. Of two that follow each other the second makes good what the first has changed.
pub struct Changes {
    words: Words,
    routes: Vec<(Prefix<u32>, u32)>,
    groups: Vec<NextHopId>,
    by_number: BTreeMap<u32, NextHopId>,
}

impl Changes {
    /// Of a table that was told so.
    pub fn new(text: &str, ways: Ways) -> Self {
        let routes = ases::<u32>(text, ways);
        let by_number = put_next_hops(&mut Vec::new(), &IPV4, &routes, ways);
        // /0 to /7 span so much that they are no everyday change.
        let routes = routes.into_iter().filter(|(prefix, _)| prefix.len() >= 8).collect();
        Changes { words: Words(5), routes, groups: by_number.values().copied().collect(), by_number }
    }

    /// The next two.
    pub fn put_two(&mut self, out: &mut Vec<u8>) {
        let mut word = || self.words.next().expect("there is always another") as usize;
        let (prefix, number) = self.routes[word() % self.routes.len()];
        let prefix = RoutePrefix::V4(prefix);
        if word() % 2 == 0 {
            let (table, protocol) = (TableId::MAIN, Protocol::BGP);
            put(out, FpmMessage::RouteDelete(RouteDelete { prefix, table, protocol, priority: 20 }));
        } else {
            put(out, FpmMessage::RouteAdd(add(&IPV4, prefix, self.groups[word() % self.groups.len()])));
        }
        put(out, FpmMessage::RouteAdd(add(&IPV4, prefix, self.by_number[&number])));
    }
}

fn put(out: &mut Vec<u8>, message: FpmMessage<'_>) {
    encode(&[message], out).expect("it fits a frame");
}

fn put_next_hop(out: &mut Vec<u8>, id: NextHopId, object: NextHopObject<'_>) {
    let add = NextHopAdd { id, protocol: Protocol::ZEBRA, replace: true, object };
    put(out, FpmMessage::NextHopAdd(add));
}

/// Neighbours, and a group for each AS.
fn put_next_hops<A>(
    out: &mut Vec<u8>,
    kind: &Kind,
    routes: &[(Prefix<A>, u32)],
    ways: Ways,
) -> BTreeMap<u32, NextHopId> {
    let neighbour = |index: u32| NextHopId(kind.numbers + index);
    for index in 0..NEIGHBOURS {
        let interface = IfIndex(INTERFACES.1 + index % INTERFACES.0);
        let next_hop = NextHop { gateway: Some((kind.gateway)(index)), interface, ..NextHop::default() };
        put_next_hop(out, neighbour(index), NextHopObject::Single(Some(kind.family), next_hop));
    }
    let mut groups: BTreeMap<u32, NextHopId> =
        routes.iter().map(|&(_, number)| (number, NextHopId(0))).collect();
    for (index, group) in (0..).zip(groups.values_mut()) {
        *group = NextHopId(kind.numbers + NEIGHBOURS + index);
        let members = ways.neighbours(index).into_iter();
        let members: Vec<_> = members.map(|at| GroupMember { id: neighbour(at), weight: 1 }).collect();
        let object = NextHopGroup { members: members[..].into(), resilient: None };
        put_next_hop(out, *group, NextHopObject::Group(object));
    }
    groups
}

fn put_routes<A: Address>(
    out: &mut Vec<u8>,
    kind: &Kind,
    mut routes: Vec<(Prefix<A>, u32)>,
    groups: &BTreeMap<u32, NextHopId>,
    prefix: fn(Prefix<A>) -> RoutePrefix,
) {
    routes.sort_unstable();
    for (route, number) in routes {
        put(out, FpmMessage::RouteAdd(add(kind, prefix(route), groups[&number])));
    }
}

fn add(kind: &Kind, prefix: RoutePrefix, group: NextHopId) -> RouteAdd<'static> {
    RouteAdd {
        prefix,
        table: TableId::MAIN,
        protocol: Protocol::BGP,
        priority: 20,
        next: Next::Id(group),
        replace: kind.replace,
    }
}
