//! What FRR's zebra would send of a routing table after it has connected.
//!
//! Each AS is reached by two of 512 neighbours, no other AS by the same two: as many groups as there are ASes, which is more than a router
//! has. First come next hops and groups, then routes in the order of a tree, one message to a frame.

use crate::table;
use greylag_fib::{Address, Prefix};
use greylag_fpm::{
    Family, FpmMessage, GroupMember, IfIndex, Next, NextHop, NextHopAdd, NextHopGroup, NextHopId,
    NextHopObject, Protocol, RouteAdd, RoutePrefix, TableId, encode,
};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Neighbours of each family.
const NEIGHBOURS: u32 = 512;

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
pub fn stream(text: &str) -> Vec<u8> {
    let (ipv4, ipv6) = (ases::<u32>(text), ases::<u128>(text));
    let mut out = Vec::new();
    let groups4 = put_next_hops(&mut out, &IPV4, &ipv4);
    let groups6 = put_next_hops(&mut out, &IPV6, &ipv6);
    put_routes(&mut out, &IPV4, ipv4, &groups4, RoutePrefix::V4);
    put_routes(&mut out, &IPV6, ipv6, &groups6, RoutePrefix::V6);
    out
}

/// Prefixes, and the AS of each; 0 where that is not known.
fn ases<A: Address>(text: &str) -> Vec<(Prefix<A>, u32)> {
    table::routes(text).into_iter().map(|(prefix, group)| (prefix, group.get() - 1)).collect()
}

fn put(out: &mut Vec<u8>, message: FpmMessage<'_>) {
    encode(&[message], out).expect("it fits a frame");
}

fn put_next_hop(out: &mut Vec<u8>, id: NextHopId, object: NextHopObject<'_>) {
    let add = NextHopAdd { id, protocol: Protocol::ZEBRA, replace: true, object };
    put(out, FpmMessage::NextHopAdd(add));
}

/// Neighbours, and a group for each AS.
fn put_next_hops<A>(out: &mut Vec<u8>, kind: &Kind, routes: &[(Prefix<A>, u32)]) -> BTreeMap<u32, NextHopId> {
    let neighbour = |index: u32| NextHopId(kind.numbers + index % NEIGHBOURS);
    for index in 0..NEIGHBOURS {
        let interface = IfIndex(10 + index % 64);
        let next_hop = NextHop { gateway: Some((kind.gateway)(index)), interface, ..NextHop::default() };
        put_next_hop(out, neighbour(index), NextHopObject::Single(Some(kind.family), next_hop));
    }
    let mut groups: BTreeMap<u32, NextHopId> =
        routes.iter().map(|&(_, number)| (number, NextHopId(0))).collect();
    for (index, group) in (0..).zip(groups.values_mut()) {
        *group = NextHopId(kind.numbers + NEIGHBOURS + index);
        let members = [index, index + 1 + index / NEIGHBOURS].map(neighbour);
        let members = members.map(|id| GroupMember { id, weight: 1 });
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
        let add = RouteAdd {
            prefix: prefix(route),
            table: TableId::MAIN,
            protocol: Protocol::BGP,
            priority: 20,
            next: Next::Id(groups[&number]),
            replace: kind.replace,
        };
        put(out, FpmMessage::RouteAdd(add));
    }
}
