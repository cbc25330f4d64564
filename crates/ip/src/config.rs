//! What a switch is told to be as an IP station, and whether it can be that.

use crate::addresses::{Addresses, link_local};
use crate::neighbor::NeighborTimers;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use greylag_base::{InterfaceId, MacAddr};
use std::collections::BTreeMap;

/// The least that every link must carry: RFC 791 3.2, RFC 8200 5.
const LEAST_MTU: [u16; 2] = [68, 1280];

/// All layer-3 interfaces of a switch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IpConfig {
    /// The interfaces. One that never gets a frame and is never up is a loopback: its addresses are the switch's all the same.
    pub interfaces: BTreeMap<InterfaceId, InterfaceConfig>,
    /// How neighbours are found; the limits are those of each interface.
    pub neighbors: NeighborTimers,
    /// How many ICMP errors may leave.
    pub icmp_limit: IcmpLimit,
}

/// One layer-3 interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceConfig {
    /// Its MAC address: interfaces of one switch may share one.
    pub mac: MacAddr,
    /// The longest IP packet that it carries, in octets.
    pub mtu: u16,
    /// IPv4 addresses with prefix lengths. The first is the source where no other is nearer.
    pub ipv4: Vec<(Ipv4Addr, u8)>,
    /// IPv6 addresses with prefix lengths. The link-local one is added, unless there is one here.
    pub ipv6: Vec<(Ipv6Addr, u8)>,
    /// OpenConfig `ipv6/config/enabled`: there is a link-local address even if there is no other one.
    pub ipv6_enabled: bool,
    /// Neighbours that an operator has said where they are.
    pub neighbors: BTreeMap<IpAddr, MacAddr>,
}

/// A token bucket for ICMP errors (RFC 1812 4.3.2.8, RFC 4443 2.4(f)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpLimit {
    /// Errors per second; 0 for none at all.
    pub per_second: u32,
    /// Errors that may leave at one moment.
    pub burst: u32,
}

impl Default for IcmpLimit {
    /// Linux's `icmp_msgs_per_sec` and `icmp_msgs_burst`.
    fn default() -> Self {
        IcmpLimit { per_second: 1000, burst: 50 }
    }
}

impl InterfaceConfig {
    /// An interface of Ethernet's MTU without IP addresses.
    pub fn new(mac: MacAddr) -> Self {
        InterfaceConfig {
            mac,
            mtu: 1500,
            ipv4: Vec::new(),
            ipv6: Vec::new(),
            ipv6_enabled: false,
            neighbors: BTreeMap::new(),
        }
    }

    /// All addresses of the interface, its link-local one too.
    pub fn addresses(&self) -> Addresses {
        let mut v6 = self.ipv6.clone();
        let is_on = self.ipv6_enabled || !v6.is_empty();
        if is_on && !v6.iter().any(|(addr, _)| addr.is_unicast_link_local()) {
            v6.push((link_local(self.mac), 64));
        }
        Addresses { v4: self.ipv4.clone(), v6 }
    }
}

/// Why a switch cannot be what its configuration asks for. Nothing has changed then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// No station can have it.
    #[error(
        "interface {interface} has the MAC address {mac}: expected that of one station, such as 02:00:00:00:00:01"
    )]
    Mac {
        /// The interface.
        interface: InterfaceId,
        /// The address.
        mac: MacAddr,
    },
    /// Less than IP asks of a link.
    #[error("interface {interface} has an MTU of {mtu}: expected {least} or more")]
    Mtu {
        /// The interface.
        interface: InterfaceId,
        /// Its MTU.
        mtu: u16,
        /// What would do.
        least: u16,
    },
    /// No station can have it, or the prefix is longer than the address.
    #[error(
        "interface {interface} has {addr}/{length}: expected one station's address, with its prefix length"
    )]
    Address {
        /// The interface.
        interface: InterfaceId,
        /// The address.
        addr: IpAddr,
        /// The prefix length.
        length: u8,
    },
    /// Two interfaces have one address.
    #[error("interfaces {first} and {second} both have {addr}: expected it once")]
    AddressTwice {
        /// The address.
        addr: IpAddr,
        /// The one.
        first: InterfaceId,
        /// The other.
        second: InterfaceId,
    },
    /// A neighbour that cannot be.
    #[error(
        "interface {interface} has the neighbour {addr} at {mac}: expected the addresses of another station"
    )]
    Neighbor {
        /// The interface.
        interface: InterfaceId,
        /// The neighbour's address.
        addr: IpAddr,
        /// Where it is said to be.
        mac: MacAddr,
    },
    /// No neighbour would ever be found, or time would stand still.
    #[error("no neighbour could be found: expected solicitations, capacity and all times above 0")]
    Timers,
}

/// One station can have it.
fn is_station(addr: IpAddr) -> bool {
    let broadcast = matches!(addr, IpAddr::V4(addr) if addr.is_broadcast());
    !(addr.is_unspecified() || addr.is_multicast() || broadcast)
}

impl IpConfig {
    /// Can it be?
    ///
    /// # Errors
    /// When it contradicts itself, or the rules of IP.
    pub fn check(&self) -> Result<(), ConfigError> {
        let timers = &self.neighbors;
        let times = [timers.reachable, timers.retransmit, timers.failed];
        if timers.solicitations == 0 || timers.capacity == 0 || times.iter().any(std::time::Duration::is_zero)
        {
            return Err(ConfigError::Timers);
        }
        let mut owners = BTreeMap::new();
        for (&interface, config) in &self.interfaces {
            config.check(interface)?;
            for (addr, _) in config.addresses().iter() {
                let local = matches!(addr, IpAddr::V6(addr) if addr.is_unicast_link_local());
                if !local && let Some(first) = owners.insert(addr, interface) {
                    return Err(ConfigError::AddressTwice { addr, first, second: interface });
                }
            }
        }
        Ok(())
    }
}

impl InterfaceConfig {
    fn check(&self, interface: InterfaceId) -> Result<(), ConfigError> {
        if !self.mac.is_unicast() {
            return Err(ConfigError::Mac { interface, mac: self.mac });
        }
        let addresses = self.addresses();
        let least = LEAST_MTU[usize::from(!addresses.v6.is_empty())];
        if self.mtu < least {
            return Err(ConfigError::Mtu { interface, mtu: self.mtu, least });
        }
        for (addr, length) in addresses.iter() {
            let longest = if addr.is_ipv4() { 32 } else { 128 };
            if !is_station(addr) || addr.is_loopback() || length > longest {
                return Err(ConfigError::Address { interface, addr, length });
            }
        }
        for (&addr, &mac) in &self.neighbors {
            if !is_station(addr) || addresses.has(addr) || !mac.is_unicast() {
                return Err(ConfigError::Neighbor { interface, addr, mac });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);

    fn one() -> InterfaceConfig {
        InterfaceConfig { ipv4: vec![([10, 0, 0, 1].into(), 24)], ..InterfaceConfig::new(MAC) }
    }

    fn check(interfaces: &[InterfaceConfig]) -> String {
        let numbered = interfaces.iter().zip(0..).map(|(config, id)| (InterfaceId(id), config.clone()));
        let config = IpConfig { interfaces: numbered.collect(), ..IpConfig::default() };
        config.check().map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn what_is_wrong_is_said_with_what_would_be_right() {
        let neighbor = |addr: &str, mac| [(addr.parse().unwrap(), mac)].into();
        let other = MacAddr([2, 0, 0, 0, 0, 2]);
        let wrong = [
            (
                vec![InterfaceConfig::new(MacAddr::BROADCAST)],
                "interface 0 has the MAC address ff:ff:ff:ff:ff:ff: expected that of one station, such as 02:00:00:00:00:01",
            ),
            (vec![InterfaceConfig { mtu: 67, ..one() }], "interface 0 has an MTU of 67: expected 68 or more"),
            (
                vec![InterfaceConfig { mtu: 1279, ipv6_enabled: true, ..one() }],
                "interface 0 has an MTU of 1279: expected 1280 or more",
            ),
            (
                vec![InterfaceConfig { ipv4: vec![([10, 0, 0, 1].into(), 33)], ..one() }],
                "interface 0 has 10.0.0.1/33: expected one station's address, with its prefix length",
            ),
            (
                vec![InterfaceConfig { ipv4: vec![([127, 0, 0, 1].into(), 8)], ..one() }],
                "interface 0 has 127.0.0.1/8: expected one station's address, with its prefix length",
            ),
            (vec![one(), one()], "interfaces 0 and 1 both have 10.0.0.1: expected it once"),
            (
                vec![InterfaceConfig { neighbors: neighbor("10.0.0.1", other), ..one() }],
                "interface 0 has the neighbour 10.0.0.1 at 02:00:00:00:00:02: expected the addresses of another station",
            ),
            (
                vec![InterfaceConfig { neighbors: neighbor("10.0.0.2", MacAddr::ZERO), ..one() }],
                "interface 0 has the neighbour 10.0.0.2 at 00:00:00:00:00:00: expected the addresses of another station",
            ),
        ];
        for (interfaces, error) in wrong {
            assert_eq!(check(&interfaces), error);
        }
        let v6 = InterfaceConfig { ipv6_enabled: true, ..InterfaceConfig::new(MAC) };
        assert_eq!(
            check(&[InterfaceConfig { ipv6_enabled: true, ..one() }, v6]),
            "",
            "one link-local address on two links"
        );
        let neighbors = NeighborTimers { failed: Duration::ZERO, ..NeighborTimers::default() };
        assert_eq!(IpConfig { neighbors, ..IpConfig::default() }.check(), Err(ConfigError::Timers));
    }
}
