//! Interfaces and their addresses, by rtnetlink.

use crate::netlink::Netlink;
use crate::netns::Netns;
use greylag_base::{MacAddr, PortName};
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use nix::errno::Errno;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

/// What the kernel refused, at which interface of which namespace.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} interface `{interface}` in network namespace `{netns}`: {source}")]
pub struct LinkError {
    /// What was tried, as a verb.
    pub action: String,
    /// The interface.
    pub interface: String,
    /// The namespace it is in or was to be in.
    pub netns: String,
    /// The kernel's error.
    pub source: io::Error,
}

impl LinkError {
    pub(crate) fn at<'a>(
        action: impl Into<String> + 'a,
        netns: &'a Netns,
        interface: &'a str,
    ) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| LinkError {
            action: action.into(),
            interface: interface.to_owned(),
            netns: netns.name().to_owned(),
            source,
        }
    }
}

/// An interface as the kernel shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The kernel's number for it, within its namespace.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its MAC address, if it has one.
    pub mac: Option<MacAddr>,
    /// The longest payload behind its Ethernet header, in bytes.
    pub mtu: u32,
    /// Administratively up.
    pub up: bool,
    /// It has a carrier: the other end is up, or somebody has opened the TAP.
    pub carrier: bool,
    /// What `ip link set alias` wrote there.
    pub alias: Option<String>,
}

impl Interface {
    pub(crate) fn of(message: &LinkMessage) -> Self {
        let flags = message.header.flags;
        let mut interface = Interface {
            index: message.header.index,
            name: String::new(),
            mac: None,
            mtu: 0,
            up: flags.contains(LinkFlags::Up),
            carrier: flags.contains(LinkFlags::LowerUp),
            alias: None,
        };
        for attribute in &message.attributes {
            match attribute {
                LinkAttribute::IfName(name) => interface.name.clone_from(name),
                LinkAttribute::Address(octets) => {
                    interface.mac = octets.as_slice().try_into().ok().map(MacAddr);
                }
                LinkAttribute::Mtu(mtu) => interface.mtu = *mtu,
                LinkAttribute::IfAlias(alias) => interface.alias = Some(alias.clone()),
                _ => {}
            }
        }
        interface
    }
}

/// One end of a veth pair.
#[derive(Clone, Copy, Debug)]
pub struct VethEnd<'a> {
    /// The namespace it is in.
    pub netns: &'a Netns,
    /// Its name there.
    pub name: &'a PortName,
    /// Its MAC address; the kernel's choice when absent.
    pub mac: Option<MacAddr>,
    /// Its MTU, in bytes.
    pub mtu: u16,
}

impl VethEnd<'_> {
    fn message(&self, index: u32, queues: NonZeroU32) -> LinkMessage {
        let mut message = LinkMessage::default();
        message.header.index = index;
        message.attributes = vec![
            LinkAttribute::IfName(self.name.to_string()),
            LinkAttribute::Mtu(self.mtu.into()),
            LinkAttribute::NetNsFd(self.netns.descriptor()),
        ];
        // Unless it is said how many there are, there is one, and room for as many as the machine has cores.
        if queues.get() > 1 {
            message.attributes.push(LinkAttribute::NumTxQueues(queues.get()));
            message.attributes.push(LinkAttribute::NumRxQueues(queues.get()));
        }
        message.attributes.extend(self.mac.map(|mac| LinkAttribute::Address(mac.0.to_vec())));
        message
    }
}

/// Makes a pair of veth interfaces, each in its namespace from the start.
///
/// The two get different numbers. The kernel tells of a change of carrier at once where an interface and its peer have such, and
/// holds it back for up to a second where they have not: each namespace has numbers of its own, so that they might be the same.
///
/// # Errors
/// When one of the names is taken (`EEXIST`), or without CAP_NET_ADMIN in both namespaces. No end is left.
pub fn veth_pair(a: &VethEnd<'_>, b: &VethEnd<'_>) -> Result<(), LinkError> {
    veth_pair_of(NonZeroU32::MIN, a, b)
}

/// The same with so many queues at both ends, in both directions. What leaves one end by a queue comes in by the same queue at the
/// other, and a flow keeps to one.
///
/// # Errors
/// Those of [`veth_pair`].
pub fn veth_pair_of(queues: NonZeroU32, a: &VethEnd<'_>, b: &VethEnd<'_>) -> Result<(), LinkError> {
    let action = format!("create, with peer `{}` in `{}`,", b.name, b.netns.name());
    let mut netlink = Netlink::open(a.netns).map_err(LinkError::at(&action, a.netns, a.name.as_str()))?;
    loop {
        let index = NEXT_INDEX.fetch_add(2, Ordering::Relaxed);
        let mut message = a.message(index, queues);
        message.attributes.push(LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Veth),
            LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(b.message(index + 1, queues)))),
        ]));
        match netlink.request(RouteNetlinkMessage::NewLink(message), NLM_F_CREATE | NLM_F_EXCL) {
            // Another greylag has used the number in that namespace.
            Err(error) if error.raw_os_error() == Some(Errno::EBUSY as i32) => {}
            made => return made.map(drop).map_err(LinkError::at(action, a.netns, a.name.as_str())),
        }
    }
}

/// Has the kernel finish what it sends by an interface: see [`greylag_ports::Interface::finish_before_sending`].
///
/// # Errors
/// When there is no such interface, or without CAP_NET_ADMIN.
pub(crate) fn finish_before_sending(netns: &Netns, interface: &PortName) -> Result<(), LinkError> {
    let finish = || greylag_ports::Interface::named(interface)?.finish_before_sending();
    netns.run(finish).and_then(|finished| finished).map_err(LinkError::at(
        "switch off the offloads of",
        netns,
        interface.as_str(),
    ))
}

/// Makes a bridge of the kernel's, set up.
///
/// # Errors
/// When the name is taken (`EEXIST`), or the kernel has no bridges (`EOPNOTSUPP`).
pub fn bridge(netns: &Netns, name: &str) -> Result<(), LinkError> {
    let mut message = named(name);
    message.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Bridge)]));
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
    Netlink::open(netns)
        .and_then(|mut netlink| {
            netlink.request(RouteNetlinkMessage::NewLink(message), NLM_F_CREATE | NLM_F_EXCL)
        })
        .map(drop)
        .map_err(LinkError::at("create", netns, name))
}

/// Makes an interface a port of a bridge.
///
/// # Errors
/// `ENODEV` when one of the two is not there.
pub fn join_bridge(netns: &Netns, interface: &str, bridge: &str) -> Result<(), LinkError> {
    let join = || {
        let mut netlink = Netlink::open(netns)?;
        let found = netlink.request(RouteNetlinkMessage::GetLink(named(bridge)), 0)?;
        let mut message = named(interface);
        message
            .attributes
            .push(LinkAttribute::Controller(interfaces(&found).next().ok_or(Errno::ENODEV)?.index));
        netlink.request(RouteNetlinkMessage::SetLink(message), 0).map(drop)
    };
    join().map_err(LinkError::at(format!("join bridge `{bridge}` with"), netns, interface))
}

/// Numbers for interfaces, beyond those that the kernel gives in a namespace with few of them.
static NEXT_INDEX: AtomicU32 = AtomicU32::new(1000);

/// Sets an interface administratively up.
///
/// # Errors
/// `ENODEV` when there is no such interface.
pub fn set_up(netns: &Netns, interface: &str) -> Result<(), LinkError> {
    set_flags(netns, interface, LinkFlags::Up).map_err(LinkError::at("set up", netns, interface))
}

/// Sets an interface administratively down.
///
/// # Errors
/// `ENODEV` when there is no such interface.
pub fn set_down(netns: &Netns, interface: &str) -> Result<(), LinkError> {
    set_flags(netns, interface, LinkFlags::empty()).map_err(LinkError::at("set down", netns, interface))
}

fn set_flags(netns: &Netns, interface: &str, flags: LinkFlags) -> io::Result<()> {
    let mut message = named(interface);
    message.header.flags = flags;
    message.header.change_mask = LinkFlags::Up;
    Netlink::open(netns)?.request(RouteNetlinkMessage::SetLink(message), 0).map(drop)
}

/// Gives an interface another MAC address.
///
/// # Errors
/// `ENODEV` when there is no such interface, `EADDRNOTAVAIL` for an address that no station can have.
pub fn set_mac(netns: &Netns, interface: &str, mac: MacAddr) -> Result<(), LinkError> {
    let mut message = named(interface);
    message.attributes.push(LinkAttribute::Address(mac.0.to_vec()));
    Netlink::open(netns)
        .and_then(|mut netlink| netlink.request(RouteNetlinkMessage::SetLink(message), 0))
        .map(drop)
        .map_err(LinkError::at("give an address to", netns, interface))
}

/// Writes a note at an interface, of 255 bytes at most, that lives as long as the interface does.
///
/// # Errors
/// `ENODEV` when there is no such interface.
pub fn set_alias(netns: &Netns, interface: &str, alias: &str) -> Result<(), LinkError> {
    let mut message = named(interface);
    message.attributes.push(LinkAttribute::IfAlias(alias.to_owned()));
    Netlink::open(netns)
        .and_then(|mut netlink| netlink.request(RouteNetlinkMessage::SetLink(message), 0))
        .map(drop)
        .map_err(LinkError::at("label", netns, interface))
}

/// Removes an interface, and its peer if it has one.
///
/// # Errors
/// `ENODEV` when there is no such interface.
pub fn delete(netns: &Netns, interface: &str) -> Result<(), LinkError> {
    Netlink::open(netns)
        .and_then(|mut netlink| netlink.request(RouteNetlinkMessage::DelLink(named(interface)), 0))
        .map(drop)
        .map_err(LinkError::at("delete", netns, interface))
}

/// Looks an interface up by name; `None` when there is none.
///
/// # Errors
/// When the namespace cannot be entered.
pub fn find(netns: &Netns, interface: &str) -> Result<Option<Interface>, LinkError> {
    let found = Netlink::open(netns)
        .and_then(|mut netlink| netlink.request(RouteNetlinkMessage::GetLink(named(interface)), 0));
    match found {
        Ok(messages) => Ok(interfaces(&messages).next()),
        Err(e) if e.raw_os_error() == Some(Errno::ENODEV as i32) => Ok(None),
        Err(e) => Err(LinkError::at("look up", netns, interface)(e)),
    }
}

/// All interfaces of a namespace, in the kernel's order.
///
/// # Errors
/// When the namespace cannot be entered.
pub fn list(netns: &Netns) -> Result<Vec<Interface>, LinkError> {
    Netlink::open(netns)
        .and_then(|mut netlink| netlink.dump(RouteNetlinkMessage::GetLink(LinkMessage::default())))
        .map(|messages| interfaces(&messages).collect())
        .map_err(LinkError::at("list", netns, "*"))
}

/// Gives an interface an address. An IPv6 address can be used at once: it is not probed for duplicates.
///
/// # Errors
/// `ENODEV` when there is no such interface, `EEXIST` when it has the address, `EINVAL` for a prefix length
/// that cannot be.
pub fn add_address(netns: &Netns, interface: &str, address: IpAddr, prefix: u8) -> Result<(), LinkError> {
    let add = || {
        let mut netlink = Netlink::open(netns)?;
        let found = netlink.request(RouteNetlinkMessage::GetLink(named(interface)), 0)?;
        let mut message = AddressMessage::default();
        message.header.index = interfaces(&found).next().ok_or(Errno::ENODEV)?.index;
        message.header.prefix_len = prefix;
        message.attributes = vec![AddressAttribute::Local(address), AddressAttribute::Address(address)];
        match address {
            IpAddr::V4(v4) => {
                message.header.family = AddressFamily::Inet;
                message.attributes.extend(broadcast(v4, prefix).map(AddressAttribute::Broadcast));
            }
            IpAddr::V6(_) => {
                message.header.family = AddressFamily::Inet6;
                message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
            }
        }
        netlink.request(RouteNetlinkMessage::NewAddress(message), NLM_F_CREATE | NLM_F_EXCL).map(drop)
    };
    add().map_err(LinkError::at(format!("add address {address}/{prefix} to"), netns, interface))
}

/// Leads what is for no subnet of a namespace to a gateway on the link of an interface. A default route that is there gives way to it.
///
/// # Errors
/// `ENODEV` when there is no such interface, `ENETDOWN` while it is down, `ENETUNREACH` or `EHOSTUNREACH` when the gateway is not on its link.
pub fn add_default_route(netns: &Netns, interface: &str, gateway: IpAddr) -> Result<(), LinkError> {
    let add = || {
        let mut netlink = Netlink::open(netns)?;
        let found = netlink.request(RouteNetlinkMessage::GetLink(named(interface)), 0)?;
        let mut message = RouteMessage::default();
        message.header.table = RouteHeader::RT_TABLE_MAIN;
        message.header.protocol = RouteProtocol::Static;
        message.header.scope = RouteScope::Universe;
        message.header.kind = RouteType::Unicast;
        let index = interfaces(&found).next().ok_or(Errno::ENODEV)?.index;
        let (family, address) = match gateway {
            IpAddr::V4(v4) => (AddressFamily::Inet, RouteAddress::Inet(v4)),
            IpAddr::V6(v6) => (AddressFamily::Inet6, RouteAddress::Inet6(v6)),
        };
        message.header.address_family = family;
        message.attributes = vec![RouteAttribute::Oif(index), RouteAttribute::Gateway(address)];
        netlink.request(RouteNetlinkMessage::NewRoute(message), NLM_F_CREATE | NLM_F_REPLACE).map(drop)
    };
    add().map_err(LinkError::at(format!("lead packets to {gateway} by"), netns, interface))
}

/// The addresses of all interfaces of a namespace: interface index, address, prefix length.
///
/// # Errors
/// When the namespace cannot be entered.
pub fn addresses(netns: &Netns) -> Result<Vec<(u32, IpAddr, u8)>, LinkError> {
    let messages = Netlink::open(netns)
        .and_then(|mut netlink| netlink.dump(RouteNetlinkMessage::GetAddress(AddressMessage::default())))
        .map_err(LinkError::at("list addresses of", netns, "*"))?;
    let address_of = |message: &AddressMessage| {
        // IPv4 has both: on a point-to-point interface `Address` is the peer's. IPv6 has `Address` alone.
        let local = message.attributes.iter().find_map(|attribute| match attribute {
            AddressAttribute::Local(address) => Some(*address),
            _ => None,
        });
        local.or_else(|| {
            message.attributes.iter().find_map(|attribute| match attribute {
                AddressAttribute::Address(address) => Some(*address),
                _ => None,
            })
        })
    };
    Ok(messages
        .iter()
        .filter_map(|message| match message {
            RouteNetlinkMessage::NewAddress(message) => {
                Some((message.header.index, address_of(message)?, message.header.prefix_len))
            }
            _ => None,
        })
        .collect())
}

/// The station that the kernel would send to for a neighbour's address; `None` when it has none, or knows that it does not answer.
///
/// # Errors
/// When the namespace cannot be entered.
pub fn neighbor(netns: &Netns, address: IpAddr) -> Result<Option<MacAddr>, LinkError> {
    let messages = Netlink::open(netns)
        .and_then(|mut netlink| netlink.dump(RouteNetlinkMessage::GetNeighbour(NeighbourMessage::default())))
        .map_err(LinkError::at("list neighbours of", netns, "*"))?;
    Ok(messages.iter().find_map(|message| {
        let RouteNetlinkMessage::NewNeighbour(message) = message else { return None };
        if matches!(message.header.state, NeighbourState::Failed | NeighbourState::Incomplete) {
            return None;
        }
        let is_it = message.attributes.iter().any(|attribute| match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(ip)) => IpAddr::V4(*ip) == address,
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(ip)) => IpAddr::V6(*ip) == address,
            _ => false,
        });
        let mac = message.attributes.iter().find_map(|attribute| match attribute {
            NeighbourAttribute::LinkLayerAddress(octets) => octets.as_slice().try_into().ok().map(MacAddr),
            _ => None,
        });
        mac.filter(|_| is_it)
    }))
}

fn named(interface: &str) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.attributes = vec![LinkAttribute::IfName(interface.to_owned())];
    message
}

fn interfaces(messages: &[RouteNetlinkMessage]) -> impl Iterator<Item = Interface> {
    messages.iter().filter_map(|message| match message {
        RouteNetlinkMessage::NewLink(message) => Some(Interface::of(message)),
        _ => None,
    })
}

/// The directed broadcast address; none on a /31 (RFC 3021) or /32.
fn broadcast(address: Ipv4Addr, prefix: u8) -> Option<Ipv4Addr> {
    let host_bits = u32::MAX.checked_shr(prefix.into())?;
    (prefix < 31).then(|| Ipv4Addr::from_bits(address.to_bits() | host_bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcast_addresses() {
        let of = |prefix| broadcast(Ipv4Addr::new(10, 1, 2, 3), prefix);
        assert_eq!(of(24), Some(Ipv4Addr::new(10, 1, 2, 255)));
        assert_eq!(of(0), Some(Ipv4Addr::BROADCAST));
        assert_eq!(of(30), Some(Ipv4Addr::new(10, 1, 2, 3)));
        assert_eq!((of(31), of(32), of(40)), (None, None, None));
    }
}
