//! Routes: RTM_NEWROUTE and RTM_DELROUTE (linux/rtnetlink.h, `struct rtmsg`).

use crate::error::Fault;
use crate::message::Other;
use crate::netlink::{self, Attribute, Attributes, Message, Wrong};
use crate::next_hop::{Encap, IfIndex, NextHop, NextHopId};
use core::fmt;
use core::net::IpAddr;
use greylag_fib::{Address, Ipv4Prefix, Ipv6Prefix, Prefix};

pub(crate) const NEW: u16 = 24;
pub(crate) const DEL: u16 = 25;

/// `struct rtmsg`.
pub(crate) const FIXED: usize = 12;
/// `struct rtnexthop`.
const HOP_LEN: usize = 8;

pub(crate) const AF_INET: u8 = 2;
pub(crate) const AF_INET6: u8 = 10;
const AF_MPLS: u8 = 28;
/// `RTNH_F_ONLINK`.
pub(crate) const ONLINK: u8 = 4;

mod field {
    pub(super) const FAMILY: usize = 0;
    pub(super) const DST_LEN: usize = 1;
    pub(super) const SRC_LEN: usize = 2;
    pub(super) const TABLE: usize = 4;
    pub(super) const PROTOCOL: usize = 5;
    pub(super) const KIND: usize = 7;
    pub(super) const FLAGS: core::ops::Range<usize> = 8..12;
}

/// `RTN_*`: what is done with a packet.
mod kind {
    pub(super) const UNICAST: u8 = 1;
    pub(super) const BLACKHOLE: u8 = 6;
    pub(super) const UNREACHABLE: u8 = 7;
    pub(super) const PROHIBIT: u8 = 8;
}

/// `RTA_*`.
mod attribute {
    pub(super) const DST: u16 = 1;
    pub(super) const OIF: u16 = 4;
    pub(super) const GATEWAY: u16 = 5;
    pub(super) const PRIORITY: u16 = 6;
    pub(super) const MULTIPATH: u16 = 9;
    pub(super) const TABLE: u16 = 15;
    pub(super) const VIA: u16 = 18;
    pub(super) const ENCAP_TYPE: u16 = 21;
    pub(super) const NH_ID: u16 = 30;
}

/// What a route is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoutePrefix {
    /// IPv4 addresses.
    V4(Ipv4Prefix),
    /// IPv6 addresses.
    V6(Ipv6Prefix),
}

impl fmt::Display for RoutePrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RoutePrefix::V4(prefix) => prefix.fmt(f),
            RoutePrefix::V6(prefix) => prefix.fmt(f),
        }
    }
}

/// A routing table, by the kernel's number; a VRF has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId(pub u32);

impl TableId {
    /// The one of the default VRF.
    pub const MAIN: TableId = TableId(254);
}

/// Who made a route, by the numbers of linux/rtnetlink.h and FRR's zebra/rt_netlink.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Protocol(pub u8);

impl Protocol {
    const NAMES: &[(u8, &str)] = &[
        (2, "kernel"),
        (4, "static"),
        (11, "zebra"),
        (42, "babel"),
        (186, "bgp"),
        (187, "isis"),
        (188, "ospf"),
        (189, "rip"),
        (190, "ripng"),
        (191, "nhrp"),
        (192, "eigrp"),
        (193, "ldp"),
        (194, "sharp"),
        (195, "pbr"),
        (196, "static"),
        (197, "openfabric"),
        (198, "srte"),
    ];
    /// The kernel: what it has of its own, and connected networks.
    pub const KERNEL: Protocol = Protocol(2);
    /// zebra itself: next hops are its own.
    pub const ZEBRA: Protocol = Protocol(11);
    /// bgpd.
    pub const BGP: Protocol = Protocol(186);
    /// ospfd and ospf6d.
    pub const OSPF: Protocol = Protocol(188);
    /// staticd.
    pub const STATIC: Protocol = Protocol(196);
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::NAMES.iter().find(|(number, _)| *number == self.0) {
            Some((_, name)) => f.pad(name),
            None => write!(f, "protocol {}", self.0),
        }
    }
}

/// One of several next hops of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Where to.
    pub next_hop: NextHop,
    /// Its share, in proportion to the others', from 1.
    pub weight: u16,
}

/// Where the packets of a route go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// To what [`NextHopAdd`](crate::NextHopAdd) has said this number is: zebra's default, `fpm use-next-hop-groups`.
    Id(NextHopId),
    /// To these.
    Hops(Hops<'a>),
    /// Nowhere, without a word.
    Blackhole,
    /// Nowhere; the sender is told that the network is unreachable.
    Unreachable,
    /// Nowhere; the sender is told that it is prohibited.
    Prohibit,
}

/// The next hops of a route, as they stand in the message or in a slice.
#[derive(Clone, Copy)]
pub struct Hops<'a>(Where<'a>);

#[derive(Clone, Copy)]
enum Where<'a> {
    One(Hop),
    Slice(&'a [Hop]),
    /// The value of RTA_MULTIPATH, found right.
    Message(&'a [u8]),
}

impl<'a> Hops<'a> {
    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Hop> + 'a {
        let (mut next, mut slice, mut message): (_, &[Hop], &[u8]) = match self.0 {
            Where::One(hop) => (Some(hop), &[], &[]),
            Where::Slice(slice) => (None, slice, &[]),
            Where::Message(value) => (None, &[], value),
        };
        core::iter::from_fn(move || {
            if let Some((first, rest)) = slice.split_first() {
                slice = rest;
                return Some(*first);
            }
            if let Some(Ok((hop, len))) = hop_of(message, 0) {
                message = &message[len..];
                return Some(hop);
            }
            next.take()
        })
    }
}

impl From<Hop> for Hops<'_> {
    fn from(hop: Hop) -> Self {
        Hops(Where::One(hop))
    }
}

impl<'a> From<&'a [Hop]> for Hops<'a> {
    fn from(hops: &'a [Hop]) -> Self {
        Hops(Where::Slice(hops))
    }
}

impl PartialEq for Hops<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Hops<'_> {}

impl fmt::Debug for Hops<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// A prefix is routed. zebra has one best route to a prefix: whatever there was for the prefix in this table goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteAdd<'a> {
    /// What for.
    pub prefix: RoutePrefix,
    /// In which table.
    pub table: TableId,
    /// Who made it.
    pub protocol: Protocol,
    /// The kernel's metric, which decides nothing here: zebra writes 20 for all.
    pub priority: u32,
    /// Where to.
    pub next: Next<'a>,
    /// It may have been there before. Of zebra's IPv6 routes that is said where a deletion went before it in the same frame.
    pub replace: bool,
}

/// A prefix is routed no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteDelete {
    /// Which.
    pub prefix: RoutePrefix,
    /// In which table.
    pub table: TableId,
    /// Who had made it.
    pub protocol: Protocol,
    /// Its metric.
    pub priority: u32,
}

/// What parsing a route message comes to, if it is one for us.
type Parsed<T> = Result<Result<T, Other>, Wrong>;

/// Attributes of a route, as they are found.
struct Found<'a> {
    dst: Option<Attribute<'a>>,
    priority: u32,
    table: u32,
    id: Option<NextHopId>,
    multipath: Option<Attribute<'a>>,
    next_hop: NextHop,
}

impl<'a> Found<'a> {
    fn new(table: u8, attributes: Attributes<'a>) -> Result<Self, Wrong> {
        let mut found = Found {
            dst: None,
            priority: 0,
            table: table.into(),
            id: None,
            multipath: None,
            next_hop: NextHop::default(),
        };
        for attribute in attributes {
            let attribute = attribute?;
            match attribute.kind {
                attribute::DST => found.dst = Some(attribute),
                attribute::PRIORITY => found.priority = attribute.u32("RTA_PRIORITY")?,
                attribute::TABLE => found.table = attribute.u32("RTA_TABLE")?,
                attribute::NH_ID => found.id = Some(NextHopId(attribute.u32("RTA_NH_ID")?)),
                attribute::MULTIPATH => found.multipath = Some(attribute),
                attribute::OIF => found.next_hop.interface = IfIndex(attribute.u32("RTA_OIF")?),
                _ => put_hop_attribute(&mut found.next_hop, attribute)?,
            }
        }
        Ok(found)
    }
}

/// Takes up what a next hop may say, in a route of one or in one of several.
fn put_hop_attribute(next_hop: &mut NextHop, attribute: Attribute<'_>) -> Result<(), Wrong> {
    match attribute.kind {
        attribute::GATEWAY => next_hop.gateway = Some(attribute.address("RTA_GATEWAY")?),
        attribute::VIA => next_hop.gateway = Some(attribute.via("RTA_VIA")?),
        attribute::ENCAP_TYPE => next_hop.encap = Some(Encap(attribute.u16("RTA_ENCAP_TYPE")?)),
        _ => {}
    }
    Ok(())
}

/// The fixed fields, if the message is about unicast of a family that we route.
fn for_us(fixed: &[u8; FIXED]) -> Result<(), Other> {
    match fixed[field::FAMILY] {
        AF_INET | AF_INET6 if fixed[field::SRC_LEN] != 0 => Err(Other::SourceRoute),
        AF_INET | AF_INET6 => Ok(()),
        AF_MPLS => Err(Other::Lsp),
        family => Err(Other::RouteFamily(family)),
    }
}

fn prefix_of(fixed: &[u8; FIXED], dst: Option<Attribute<'_>>) -> Result<RoutePrefix, Wrong> {
    let len = fixed[field::DST_LEN];
    match fixed[field::FAMILY] {
        AF_INET => Ok(RoutePrefix::V4(prefix(len, dst, u32::from_be_bytes)?)),
        _ => Ok(RoutePrefix::V6(prefix(len, dst, u128::from_be_bytes)?)),
    }
}

fn prefix<A: Address, const OCTETS: usize>(
    len: u8,
    dst: Option<Attribute<'_>>,
    number: impl Fn([u8; OCTETS]) -> A,
) -> Result<Prefix<A>, Wrong> {
    let octets = match dst {
        Some(dst) => dst.value.try_into().map_err(|_| dst.wrong("RTA_DST", "those of one address"))?,
        // The kernel says nothing of the default route's.
        None if len == 0 => [0; OCTETS],
        None => return Err((netlink::HEADER_LEN, Fault::Missing("RTA_DST"))),
    };
    let too_long = (netlink::HEADER_LEN + field::DST_LEN, Fault::PrefixLength { len, bits: A::BITS });
    Prefix::new(number(octets), len).ok_or(too_long)
}

/// One of RTA_MULTIPATH's next hops, and where the next one begins.
fn hop_of(rest: &[u8], at: usize) -> Option<Result<(Hop, usize), Wrong>> {
    if rest.is_empty() {
        return None;
    }
    let says = rest.first_chunk().map_or(0, |&octets| u16::from_ne_bytes(octets));
    if !(HOP_LEN..=rest.len()).contains(&usize::from(says)) {
        return Some(Err((at, Fault::AttributeLength { says, left: rest.len() })));
    }
    let interface = IfIndex(u32::from_ne_bytes([rest[4], rest[5], rest[6], rest[7]]));
    let mut next_hop = NextHop { interface, onlink: rest[2] & ONLINK != 0, ..NextHop::default() };
    let attributes = Attributes::new(&rest[HOP_LEN..says.into()], at + HOP_LEN);
    for attribute in attributes {
        if let Err(wrong) = attribute.and_then(|attribute| put_hop_attribute(&mut next_hop, attribute)) {
            return Some(Err(wrong));
        }
    }
    let hop = Hop { next_hop, weight: u16::from(rest[3]) + 1 };
    Some(Ok((hop, netlink::aligned(says.into()).min(rest.len()))))
}

/// Finds out whether all next hops can be read.
fn hops_of(multipath: Attribute<'_>) -> Result<Hops<'_>, Wrong> {
    let mut at = 0;
    while let Some(hop) = hop_of(&multipath.value[at..], multipath.at + at) {
        at += hop?.1;
    }
    Ok(Hops(Where::Message(multipath.value)))
}

impl<'a> RouteAdd<'a> {
    #[inline]
    pub(crate) fn parse(message: Message<'a>) -> Parsed<Self> {
        let (fixed, attributes) = message.body::<FIXED>()?;
        if let Err(other) = for_us(fixed) {
            return Ok(Err(other));
        }
        let mut found = Found::new(fixed[field::TABLE], attributes)?;
        let next = match (fixed[field::KIND], found.id, found.multipath) {
            (kind::BLACKHOLE, ..) => Next::Blackhole,
            (kind::UNREACHABLE, ..) => Next::Unreachable,
            (kind::PROHIBIT, ..) => Next::Prohibit,
            (kind::UNICAST, Some(id), _) => Next::Id(id),
            (kind::UNICAST, None, Some(multipath)) => Next::Hops(hops_of(multipath)?),
            (kind::UNICAST, None, None) => {
                // The flags of a route of one next hop are that one's.
                let flags = fixed[field::FLAGS].try_into().map_or(0, u32::from_ne_bytes);
                found.next_hop.onlink = flags & u32::from(ONLINK) != 0;
                Next::Hops(Hop { next_hop: found.next_hop, weight: 1 }.into())
            }
            (kind, ..) => return Ok(Err(Other::RouteKind(kind))),
        };
        Ok(Ok(RouteAdd {
            prefix: prefix_of(fixed, found.dst)?,
            table: TableId(found.table),
            protocol: Protocol(fixed[field::PROTOCOL]),
            priority: found.priority,
            next,
            replace: message.has_flag(netlink::flag::REPLACE),
        }))
    }

    /// Writes the message, with `flags` of `RTM_F_*` in its own flags.
    pub(crate) fn emit(&self, flags: u32, out: &mut Vec<u8>) {
        let replace = if self.replace { netlink::flag::REPLACE } else { 0 };
        let request = netlink::flag::REQUEST | netlink::flag::CREATE | replace;
        netlink::put_message(out, NEW, request, |out| {
            let (kind, one) = match self.next {
                Next::Id(_) => (kind::UNICAST, None),
                Next::Blackhole => (kind::BLACKHOLE, None),
                Next::Unreachable => (kind::UNREACHABLE, None),
                Next::Prohibit => (kind::PROHIBIT, None),
                Next::Hops(hops) => (kind::UNICAST, only(hops)),
            };
            let onlink = one.is_some_and(|hop| hop.next_hop.onlink);
            let flags = flags | if onlink { u32::from(ONLINK) } else { 0 };
            put_route(out, (self.prefix, self.table, self.protocol, self.priority), kind, flags);
            match (self.next, one) {
                (Next::Id(NextHopId(id)), _) => netlink::put_u32(out, attribute::NH_ID, id),
                (Next::Hops(_), Some(hop)) => {
                    put_next_hop(out, self.prefix, hop.next_hop);
                    netlink::put_u32(out, attribute::OIF, hop.next_hop.interface.0);
                }
                (Next::Hops(hops), None) => put_hops(out, self.prefix, hops),
                _ => {}
            }
        });
    }
}

impl RouteDelete {
    #[inline]
    pub(crate) fn parse(message: Message<'_>) -> Parsed<Self> {
        let (fixed, attributes) = message.body::<FIXED>()?;
        if let Err(other) = for_us(fixed) {
            return Ok(Err(other));
        }
        let found = Found::new(fixed[field::TABLE], attributes)?;
        Ok(Ok(RouteDelete {
            prefix: prefix_of(fixed, found.dst)?,
            table: TableId(found.table),
            protocol: Protocol(fixed[field::PROTOCOL]),
            priority: found.priority,
        }))
    }

    pub(crate) fn emit(&self, out: &mut Vec<u8>) {
        let request = netlink::flag::REQUEST | netlink::flag::CREATE;
        netlink::put_message(out, DEL, request, |out| {
            put_route(out, (self.prefix, self.table, self.protocol, self.priority), 0, 0);
        });
    }
}

/// The only one of several, where there is one with no weight to tell.
fn only(hops: Hops<'_>) -> Option<Hop> {
    let mut hops = hops.iter();
    let first = hops.next()?;
    (first.weight == 1 && hops.next().is_none()).then_some(first)
}

/// The fixed fields of a route, and the attributes that all have.
fn put_route(
    out: &mut Vec<u8>,
    (prefix, table, Protocol(protocol), priority): (RoutePrefix, TableId, Protocol, u32),
    kind: u8,
    flags: u32,
) {
    // A table number that does not fit its octet stands in an attribute.
    let short_table = u8::try_from(table.0);
    let (family, len) = match prefix {
        RoutePrefix::V4(prefix) => (AF_INET, prefix.len()),
        RoutePrefix::V6(prefix) => (AF_INET6, prefix.len()),
    };
    out.extend([family, len, 0, 0, short_table.unwrap_or(0), protocol, 0, kind]);
    out.extend(flags.to_ne_bytes());
    match prefix {
        RoutePrefix::V4(prefix) => netlink::put(out, attribute::DST, &prefix.first().to_be_bytes()),
        RoutePrefix::V6(prefix) => netlink::put(out, attribute::DST, &prefix.first().to_be_bytes()),
    }
    netlink::put_u32(out, attribute::PRIORITY, priority);
    if short_table.is_err() {
        netlink::put_u32(out, attribute::TABLE, table.0);
    }
}

/// What a next hop says in attributes.
fn put_next_hop(out: &mut Vec<u8>, prefix: RoutePrefix, next_hop: NextHop) {
    match (prefix, next_hop.gateway) {
        (_, None) => {}
        (RoutePrefix::V4(_), Some(IpAddr::V6(gateway))) => {
            let family = u16::from(AF_INET6).to_ne_bytes();
            netlink::put(out, attribute::VIA, &[&family[..], &gateway.octets()].concat());
        }
        (_, Some(gateway)) => netlink::put_address(out, attribute::GATEWAY, gateway),
    }
    if let Some(Encap(kind)) = next_hop.encap {
        netlink::put_u16(out, attribute::ENCAP_TYPE, kind);
    }
}

fn put_hops(out: &mut Vec<u8>, prefix: RoutePrefix, hops: Hops<'_>) {
    netlink::put_with(out, attribute::MULTIPATH, |out| {
        for Hop { next_hop, weight } in hops.iter() {
            let start = out.len();
            let share = u8::try_from(weight.saturating_sub(1)).unwrap_or(u8::MAX);
            out.extend([0, 0, if next_hop.onlink { ONLINK } else { 0 }, share]);
            out.extend(next_hop.interface.0.to_ne_bytes());
            put_next_hop(out, prefix, next_hop);
            let len = (out.len() - start) as u16;
            out[start..start + 2].copy_from_slice(&len.to_ne_bytes());
        }
    });
}
