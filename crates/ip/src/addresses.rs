//! A station's own IP addresses on one interface, and the groups that follow from them.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use greylag_base::MacAddr;

/// The IP addresses of one interface, with their prefix lengths. The first of a family is the source where no other is nearer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// IPv4.
    pub v4: Vec<(Ipv4Addr, u8)>,
    /// IPv6.
    pub v6: Vec<(Ipv6Addr, u8)>,
}

/// Where a packet goes on the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextHop {
    /// To all stations of a group.
    Group(MacAddr),
    /// To the station that has this address.
    Neighbor(IpAddr),
}

impl Addresses {
    /// All of them with their prefix lengths, those of IPv4 first.
    pub fn iter(&self) -> impl Iterator<Item = (IpAddr, u8)> + '_ {
        let v4 = self.v4.iter().map(|&(addr, length)| (IpAddr::V4(addr), length));
        v4.chain(self.v6.iter().map(|&(addr, length)| (IpAddr::V6(addr), length)))
    }

    /// Is it the station's own?
    pub fn has(&self, addr: IpAddr) -> bool {
        match addr {
            IpAddr::V4(addr) => self.v4.iter().any(|&(own, _)| own == addr),
            IpAddr::V6(addr) => self.v6.iter().any(|&(own, _)| own == addr),
        }
    }

    /// Is a packet to it for this station, by itself or as one of a group?
    pub fn takes(&self, addr: IpAddr) -> bool {
        self.has(addr)
            || match addr {
                IpAddr::V4(addr) => self.is_broadcast(addr) || addr == ALL_HOSTS,
                IpAddr::V6(addr) => {
                    addr == ALL_NODES || self.v6.iter().any(|own| solicited_node(own.0) == addr)
                }
            }
    }

    /// Does the station listen to a group?
    pub fn takes_group(&self, mac: MacAddr) -> bool {
        mac.is_broadcast()
            || mac == group_mac4(ALL_HOSTS)
            || mac == group_mac6(ALL_NODES)
            || self.v6.iter().any(|&(own, _)| group_mac6(solicited_node(own)) == mac)
    }

    /// The address to send from: one of the same subnet if there is one, of the same scope in IPv6 otherwise.
    pub fn source(&self, to: IpAddr) -> Option<IpAddr> {
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

    /// Where a packet goes that needs no router; `None` when the address is of no subnet of the interface's.
    pub fn on_link(&self, to: IpAddr) -> Option<NextHop> {
        match to {
            IpAddr::V4(to) if self.is_broadcast(to) => Some(NextHop::Group(MacAddr::BROADCAST)),
            IpAddr::V4(to) if to.is_multicast() => Some(NextHop::Group(group_mac4(to))),
            IpAddr::V4(to) => {
                let near = self.v4.iter().any(|&own| same_subnet4(own, to));
                near.then_some(NextHop::Neighbor(to.into()))
            }
            IpAddr::V6(to) if to.is_multicast() => Some(NextHop::Group(group_mac6(to))),
            IpAddr::V6(to) => {
                let near = to.is_unicast_link_local() || self.v6.iter().any(|&own| same_subnet6(own, to));
                near.then_some(NextHop::Neighbor(to.into()))
            }
        }
    }

    /// The length of the longest prefix of the interface's that an address is in.
    pub(crate) fn longest_match(&self, to: IpAddr) -> Option<u8> {
        match to {
            IpAddr::V4(to) => self.v4.iter().filter(|&&own| same_subnet4(own, to)).map(|own| own.1).max(),
            IpAddr::V6(to) => self.v6.iter().filter(|&&own| same_subnet6(own, to)).map(|own| own.1).max(),
        }
    }

    /// Is it the broadcast of everybody, or of a subnet of the interface's?
    pub(crate) fn is_broadcast(&self, addr: Ipv4Addr) -> bool {
        let directed = |&(own, length): &(Ipv4Addr, u8)| {
            length <= 30 && addr.to_bits() == own.to_bits() | u32::MAX >> length
        };
        addr.is_broadcast() || self.v4.iter().any(directed)
    }
}

const ALL_HOSTS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);
/// RFC 4291 2.7.1.
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

fn same_subnet4((own, length): (Ipv4Addr, u8), addr: Ipv4Addr) -> bool {
    let host_bits = u32::MAX.checked_shr(length.into()).unwrap_or(0);
    (own.to_bits() ^ addr.to_bits()) & !host_bits == 0
}

fn same_subnet6((own, length): (Ipv6Addr, u8), addr: Ipv6Addr) -> bool {
    let host_bits = u128::MAX.checked_shr(length.into()).unwrap_or(0);
    (own.to_bits() ^ addr.to_bits()) & !host_bits == 0
}

/// The group by which a station with an address is asked for (RFC 4291 2.7.1).
pub fn solicited_node(addr: Ipv6Addr) -> Ipv6Addr {
    Ipv6Addr::from_bits(addr.to_bits() & 0xff_ffff | 0xff02_0000_0000_0000_0000_0001_ff00_0000)
}

/// The MAC address of a group (RFC 1112 6.4).
pub fn group_mac4(addr: Ipv4Addr) -> MacAddr {
    MacAddr::from_bits(0x0100_5e00_0000 | u64::from(addr.to_bits() & 0x7f_ffff))
}

/// The MAC address of a group (RFC 2464 7).
pub fn group_mac6(addr: Ipv6Addr) -> MacAddr {
    MacAddr::from_bits(0x3333_0000_0000 | (addr.to_bits() & 0xffff_ffff) as u64)
}

/// The link-local address that follows from a MAC address (RFC 4291 2.5.6 and appendix A).
pub fn link_local(mac: MacAddr) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac.0;
    Ipv6Addr::from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_local_address_is_the_mac_address_with_its_local_bit_turned() {
        let mac = MacAddr([0x52, 0x54, 0x00, 0x12, 0x34, 0x56]);
        assert_eq!(link_local(mac), "fe80::5054:ff:fe12:3456".parse::<Ipv6Addr>().unwrap());
    }

    #[test]
    fn a_subnet_of_two_has_no_broadcast() {
        let own = |length| Addresses { v4: vec![([10, 0, 0, 0].into(), length)], v6: Vec::new() };
        assert!(own(30).is_broadcast([10, 0, 0, 3].into()));
        assert!(!own(31).is_broadcast([10, 0, 0, 1].into()));
        assert!(own(31).is_broadcast(Ipv4Addr::BROADCAST));
    }
}
