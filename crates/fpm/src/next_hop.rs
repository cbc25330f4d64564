//! Next hops and groups of them: RTM_NEWNEXTHOP and RTM_DELNEXTHOP (linux/nexthop.h).
//!
//! One space of numbers is for both: a route names either, and a group its members.

use crate::error::Fault;
use crate::message::Other;
use crate::netlink::{self, Attribute, Attributes, Message, Wrong};
use crate::route::{AF_INET, AF_INET6, ONLINK, Protocol};
use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

pub(crate) const NEW: u16 = 104;
pub(crate) const DEL: u16 = 105;

/// `struct nhmsg`.
const FIXED: usize = 8;
/// `struct nexthop_grp`.
const MEMBER_LEN: usize = 8;
/// What a tick of netlink's clock is (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

mod field {
    pub(super) const FAMILY: usize = 0;
    pub(super) const PROTOCOL: usize = 2;
    pub(super) const FLAGS: core::ops::Range<usize> = 4..8;
}

/// `NHA_*`.
mod attribute {
    pub(super) const ID: u16 = 1;
    pub(super) const GROUP: u16 = 2;
    pub(super) const GROUP_TYPE: u16 = 3;
    pub(super) const BLACKHOLE: u16 = 4;
    pub(super) const OIF: u16 = 5;
    pub(super) const GATEWAY: u16 = 6;
    pub(super) const ENCAP_TYPE: u16 = 7;
    pub(super) const FDB: u16 = 11;
    pub(super) const RES_GROUP: u16 = 12;
    /// `NEXTHOP_GRP_TYPE_RES`.
    pub(super) const RESILIENT: u16 = 1;
    /// Within RES_GROUP.
    pub(super) const BUCKETS: u16 = 1;
    pub(super) const IDLE_TIMER: u16 = 2;
    pub(super) const UNBALANCED_TIMER: u16 = 3;
}

/// zebra's number of a next hop, or of a group of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NextHopId(pub u32);

/// The kernel's number of an interface, in the namespace of zebra; 0 where none is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IfIndex(pub u32);

/// What packets are to be wrapped into on their way (`LWTUNNEL_ENCAP_*`: 1 for MPLS, 5 for SRv6). A switch that cannot must not
/// send them as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Encap(pub u16);

/// A neighbour behind an interface, or the network there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NextHop {
    /// The neighbour; `None` for whom the packet is addressed to. IPv4 may go by way of an IPv6 neighbour (RFC 8950).
    pub gateway: Option<IpAddr>,
    /// Behind which interface.
    pub interface: IfIndex,
    /// The neighbour is there, whether or not one of the interface's networks has it.
    pub onlink: bool,
    /// What else has to be done with the packet.
    pub encap: Option<Encap>,
}

/// Which packets a next hop is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Those of IPv4.
    V4,
    /// Those of IPv6.
    V6,
}

/// A number has a meaning, a new one if it had one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextHopAdd<'a> {
    /// Which.
    pub id: NextHopId,
    /// Who made it.
    pub protocol: Protocol,
    /// It may have been there before. zebra says so of all.
    pub replace: bool,
    /// What it means.
    pub object: NextHopObject<'a>,
}

/// What a number stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextHopObject<'a> {
    /// One next hop. A gateway may be of another family than the packets.
    Single(Option<Family>, NextHop),
    /// None: what goes there is dropped.
    Blackhole,
    /// Several.
    Group(NextHopGroup<'a>),
}

/// Several next hops that share what is sent there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextHopGroup<'a> {
    /// Which. zebra's groups have no groups for members.
    pub members: Members<'a>,
    /// How flows stay where they are when members change; `None` for hashing over those that are there.
    pub resilient: Option<Resilient>,
}

/// One of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupMember {
    /// Which.
    pub id: NextHopId,
    /// Its share, in proportion to the others', from 1. Zero is none.
    pub weight: u16,
}

/// A resilient group's buckets and timers, as in ip-nexthop(8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resilient {
    /// Into how many buckets flows are hashed.
    pub buckets: u16,
    /// A bucket may move once nothing has used it for so long.
    pub idle: Duration,
    /// Or once the group has been unbalanced for so long; zero for never.
    pub unbalanced: Duration,
}

/// The members of a group, as they stand in the message or in a slice.
#[derive(Clone, Copy)]
pub struct Members<'a>(Where<'a>);

#[derive(Clone, Copy)]
enum Where<'a> {
    Slice(&'a [GroupMember]),
    /// The value of NHA_GROUP.
    Message(&'a [[u8; MEMBER_LEN]]),
}

impl<'a> Members<'a> {
    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = GroupMember> + 'a {
        let (slice, message): (&[GroupMember], &[_]) = match self.0 {
            Where::Slice(slice) => (slice, &[]),
            Where::Message(message) => (&[], message),
        };
        slice.iter().copied().chain(message.iter().map(|&[a, b, c, d, low, high, ..]| GroupMember {
            id: NextHopId(u32::from_ne_bytes([a, b, c, d])),
            // Less one, so that it fits; the upper octet was a reserved one until Linux 6.12.
            weight: u16::from_be_bytes([high, low]).saturating_add(1),
        }))
    }
}

impl<'a> From<&'a [GroupMember]> for Members<'a> {
    fn from(members: &'a [GroupMember]) -> Self {
        Members(Where::Slice(members))
    }
}

impl PartialEq for Members<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Members<'_> {}

impl fmt::Debug for Members<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Attributes of a next hop, as they are found.
#[derive(Default)]
struct Found<'a> {
    id: Option<NextHopId>,
    next_hop: NextHop,
    blackhole: bool,
    fdb: bool,
    members: Option<Members<'a>>,
    resilient: Option<Resilient>,
}

impl<'a> Found<'a> {
    fn new(attributes: Attributes<'a>) -> Result<Self, Wrong> {
        let mut found = Found::default();
        for attribute in attributes {
            let attribute = attribute?;
            match attribute.kind {
                attribute::ID => found.id = Some(NextHopId(attribute.u32("NHA_ID")?)),
                attribute::GROUP => found.members = Some(members(attribute)?),
                attribute::RES_GROUP => found.resilient = Some(resilient(attribute)?),
                attribute::BLACKHOLE => found.blackhole = true,
                attribute::OIF => found.next_hop.interface = IfIndex(attribute.u32("NHA_OIF")?),
                attribute::GATEWAY => found.next_hop.gateway = Some(attribute.address("NHA_GATEWAY")?),
                attribute::ENCAP_TYPE => {
                    found.next_hop.encap = Some(Encap(attribute.u16("NHA_ENCAP_TYPE")?));
                }
                attribute::FDB => found.fdb = true,
                _ => {}
            }
        }
        Ok(found)
    }

    fn id(&self) -> Result<NextHopId, Wrong> {
        self.id.ok_or((netlink::HEADER_LEN, Fault::Missing("NHA_ID")))
    }
}

fn members(group: Attribute<'_>) -> Result<Members<'_>, Wrong> {
    match group.value.as_chunks() {
        (members, []) => Ok(Members(Where::Message(members))),
        _ => Err(group.wrong("NHA_GROUP", "a multiple of 8")),
    }
}

fn resilient(attribute: Attribute<'_>) -> Result<Resilient, Wrong> {
    let mut resilient = Resilient { buckets: 0, idle: Duration::ZERO, unbalanced: Duration::ZERO };
    for attribute in attribute.nested() {
        let attribute = attribute?;
        match attribute.kind {
            attribute::BUCKETS => resilient.buckets = attribute.u16("NHA_RES_GROUP_BUCKETS")?,
            attribute::IDLE_TIMER => resilient.idle = TICK * attribute.u32("NHA_RES_GROUP_IDLE_TIMER")?,
            attribute::UNBALANCED_TIMER => {
                resilient.unbalanced = TICK * attribute.u32("NHA_RES_GROUP_UNBALANCED_TIMER")?;
            }
            _ => {}
        }
    }
    Ok(resilient)
}

fn ticks(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis() / TICK.as_millis()).unwrap_or(u32::MAX)
}

impl<'a> NextHopAdd<'a> {
    pub(crate) fn parse(message: Message<'a>) -> Result<Result<Self, Other>, Wrong> {
        let (fixed, attributes) = message.body::<FIXED>()?;
        let found = Found::new(attributes)?;
        if found.fdb {
            return Ok(Err(Other::FdbNextHop));
        }
        let id = found.id()?;
        let object = match (found.members, found.blackhole) {
            (Some(members), _) => NextHopObject::Group(NextHopGroup { members, resilient: found.resilient }),
            (None, true) => NextHopObject::Blackhole,
            (None, false) => {
                let family = match fixed[field::FAMILY] {
                    AF_INET => Some(Family::V4),
                    AF_INET6 => Some(Family::V6),
                    _ => None,
                };
                let flags = fixed[field::FLAGS].try_into().map_or(0, u32::from_ne_bytes);
                let onlink = flags & u32::from(ONLINK) != 0;
                NextHopObject::Single(family, NextHop { onlink, ..found.next_hop })
            }
        };
        let protocol = Protocol(fixed[field::PROTOCOL]);
        Ok(Ok(NextHopAdd { id, protocol, replace: message.has_flag(netlink::flag::REPLACE), object }))
    }

    pub(crate) fn emit(&self, out: &mut Vec<u8>) {
        let replace = if self.replace { netlink::flag::REPLACE } else { 0 };
        let request = netlink::flag::REQUEST | netlink::flag::CREATE | replace;
        netlink::put_message(out, NEW, request, |out| {
            let (family, onlink) = match self.object {
                NextHopObject::Single(family, next_hop) => (family, next_hop.onlink),
                _ => (None, false),
            };
            let family = match family {
                Some(Family::V4) => AF_INET,
                Some(Family::V6) => AF_INET6,
                None => 0,
            };
            out.extend([family, 0, self.protocol.0, 0]);
            out.extend(u32::from(if onlink { ONLINK } else { 0 }).to_ne_bytes());
            netlink::put_u32(out, attribute::ID, self.id.0);
            match self.object {
                NextHopObject::Single(_, next_hop) => put_next_hop(out, next_hop),
                NextHopObject::Blackhole => netlink::put(out, attribute::BLACKHOLE, &[]),
                NextHopObject::Group(group) => put_group(out, group),
            }
        });
    }
}

fn put_next_hop(out: &mut Vec<u8>, next_hop: NextHop) {
    if let Some(gateway) = next_hop.gateway {
        netlink::put_address(out, attribute::GATEWAY, gateway);
    }
    netlink::put_u32(out, attribute::OIF, next_hop.interface.0);
    if let Some(Encap(kind)) = next_hop.encap {
        netlink::put_u16(out, attribute::ENCAP_TYPE, kind);
    }
}

fn put_group(out: &mut Vec<u8>, group: NextHopGroup<'_>) {
    netlink::put_with(out, attribute::GROUP, |out| {
        for GroupMember { id, weight } in group.members.iter() {
            let [high, low] = weight.saturating_sub(1).to_be_bytes();
            out.extend(id.0.to_ne_bytes());
            out.extend([low, high, 0, 0]);
        }
    });
    if let Some(Resilient { buckets, idle, unbalanced }) = group.resilient {
        netlink::put_with(out, attribute::RES_GROUP | netlink::NESTED, |out| {
            netlink::put_u16(out, attribute::BUCKETS, buckets);
            netlink::put_u32(out, attribute::IDLE_TIMER, ticks(idle));
            netlink::put_u32(out, attribute::UNBALANCED_TIMER, ticks(unbalanced));
        });
        netlink::put_u16(out, attribute::GROUP_TYPE, attribute::RESILIENT);
    }
}

/// Parses the deletion of a next hop.
pub(crate) fn parse_delete(message: Message<'_>) -> Result<NextHopId, Wrong> {
    Found::new(message.body::<FIXED>()?.1)?.id()
}

/// Writes it.
pub(crate) fn emit_delete(id: NextHopId, out: &mut Vec<u8>) {
    netlink::put_message(out, DEL, netlink::flag::REQUEST | netlink::flag::CREATE, |out| {
        out.extend([0; FIXED]);
        netlink::put_u32(out, attribute::ID, id.0);
    });
}
