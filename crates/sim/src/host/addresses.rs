use super::HostConfig;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use greylag_base::MacAddr;

/// A host's own IP addresses, and where packets to others go.
#[derive(Debug)]
pub(crate) struct Addresses {
    v4: Vec<(Ipv4Addr, u8)>,
    v6: Vec<(Ipv6Addr, u8)>,
    gateway4: Option<Ipv4Addr>,
    gateway6: Option<Ipv6Addr>,
}

/// Where a packet goes on the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NextHop {
    /// To all stations of a group.
    Group(MacAddr),
    /// To the station that has this address.
    Neighbor(IpAddr),
}

impl Addresses {
    pub(crate) fn new(config: &HostConfig) -> Self {
        Addresses {
            v4: config.ipv4.clone(),
            v6: config.ipv6.clone(),
            gateway4: config.gateway4,
            gateway6: config.gateway6,
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (IpAddr, u8)> + '_ {
        let v4 = self.v4.iter().map(|&(addr, length)| (IpAddr::V4(addr), length));
        v4.chain(self.v6.iter().map(|&(addr, length)| (IpAddr::V6(addr), length)))
    }

    /// Is it the host's own?
    pub(crate) fn has(&self, addr: IpAddr) -> bool {
        match addr {
            IpAddr::V4(addr) => self.v4.iter().any(|&(own, _)| own == addr),
            IpAddr::V6(addr) => self.v6.iter().any(|&(own, _)| own == addr),
        }
    }

    /// Is a packet to it for this host, by itself or as one of a group?
    pub(crate) fn takes(&self, addr: IpAddr) -> bool {
        self.has(addr)
            || match addr {
                IpAddr::V4(addr) => self.is_broadcast(addr) || addr == ALL_HOSTS,
                IpAddr::V6(addr) => {
                    addr == ALL_NODES || self.v6.iter().any(|own| solicited_node(own.0) == addr)
                }
            }
    }

    /// Does the host listen to a group?
    pub(crate) fn takes_group(&self, mac: MacAddr) -> bool {
        mac.is_broadcast()
            || mac == group_mac4(ALL_HOSTS)
            || mac == group_mac6(ALL_NODES)
            || self.v6.iter().any(|&(own, _)| group_mac6(solicited_node(own)) == mac)
    }

    /// The address to send from: one of the same subnet if there is one, of the same scope in IPv6 otherwise.
    pub(crate) fn source(&self, to: IpAddr) -> Option<IpAddr> {
        match to {
            IpAddr::V4(to) => {
                let near = self.v4.iter().find(|&&own| same_subnet4(own, to));
                near.or(self.v4.first()).map(|&(addr, _)| addr.into())
            }
            IpAddr::V6(to) => {
                let local = to.is_unicast_link_local() || to.is_multicast();
                let near = self.v6.iter().find(|&&own| same_subnet6(own, to));
                let alike = || self.v6.iter().find(|(own, _)| own.is_unicast_link_local() == local);
                near.or_else(alike).or(self.v6.first()).map(|&(addr, _)| addr.into())
            }
        }
    }

    /// `None` when the address is of no subnet of the host's and there is no gateway.
    pub(crate) fn next_hop(&self, to: IpAddr) -> Option<NextHop> {
        match to {
            IpAddr::V4(to) if self.is_broadcast(to) => Some(NextHop::Group(MacAddr::BROADCAST)),
            IpAddr::V4(to) if to.is_multicast() => Some(NextHop::Group(group_mac4(to))),
            IpAddr::V4(to) => {
                let near = self.v4.iter().any(|&own| same_subnet4(own, to));
                let hop = if near { Some(to) } else { self.gateway4 };
                hop.map(|addr| NextHop::Neighbor(addr.into()))
            }
            IpAddr::V6(to) if to.is_multicast() => Some(NextHop::Group(group_mac6(to))),
            IpAddr::V6(to) => {
                let near = to.is_unicast_link_local() || self.v6.iter().any(|&own| same_subnet6(own, to));
                let hop = if near { Some(to) } else { self.gateway6 };
                hop.map(|addr| NextHop::Neighbor(addr.into()))
            }
        }
    }

    fn is_broadcast(&self, addr: Ipv4Addr) -> bool {
        let directed = |&(own, length): &(Ipv4Addr, u8)| {
            length <= 30 && addr.to_bits() == own.to_bits() | u32::MAX >> length
        };
        addr.is_broadcast() || self.v4.iter().any(directed)
    }
}

const ALL_HOSTS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);
/// RFC 4291 2.7.1.
pub(crate) const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

fn same_subnet4((own, length): (Ipv4Addr, u8), addr: Ipv4Addr) -> bool {
    let host_bits = u32::MAX.checked_shr(length.into()).unwrap_or(0);
    (own.to_bits() ^ addr.to_bits()) & !host_bits == 0
}

fn same_subnet6((own, length): (Ipv6Addr, u8), addr: Ipv6Addr) -> bool {
    let host_bits = u128::MAX.checked_shr(length.into()).unwrap_or(0);
    (own.to_bits() ^ addr.to_bits()) & !host_bits == 0
}

/// RFC 4291 2.7.1.
pub(crate) fn solicited_node(addr: Ipv6Addr) -> Ipv6Addr {
    Ipv6Addr::from_bits(addr.to_bits() & 0xff_ffff | 0xff02_0000_0000_0000_0000_0001_ff00_0000)
}

/// RFC 1112 6.4.
fn group_mac4(addr: Ipv4Addr) -> MacAddr {
    MacAddr::from_bits(0x0100_5e00_0000 | u64::from(addr.to_bits() & 0x7f_ffff))
}

/// RFC 2464 7.
pub(crate) fn group_mac6(addr: Ipv6Addr) -> MacAddr {
    MacAddr::from_bits(0x3333_0000_0000 | (addr.to_bits() & 0xffff_ffff) as u64)
}
