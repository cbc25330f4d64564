//! An interface: what it was told to be, and what the caller says of it.

use crate::config::InterfaceConfig;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use greylag_base::{Dice, Instant, InterfaceId, Seed};
use ipnet::IpNet;

/// Where IPv4 packets go: the group on the local link that RFC 4727 2.4.2 has for experiments.
pub const IPV4_GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 254);
/// Where IPv6 packets go: the group on the local link that RFC 4727 3.4.2 has for experiments.
pub const IPV6_GROUP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x114);

#[derive(Clone, Debug)]
pub(crate) struct Interface {
    /// `None` while only the caller has spoken of it.
    pub(crate) config: Option<InterfaceConfig>,
    pub(crate) up: bool,
    /// With the lengths of their subnets.
    pub(crate) addresses: Vec<IpNet>,
    /// When the next hello goes.
    pub(crate) hello_at: Instant,
    /// How early hellos go.
    pub(crate) dice: Dice,
}

impl Interface {
    /// Of which nothing is known yet.
    pub(crate) fn new(id: InterfaceId, seed: Seed) -> Self {
        // By its own name, so that one interface more does not change what the others draw.
        let dice = Dice::new(seed.derive(&format!("interface {id}")));
        Interface { config: None, up: false, addresses: Vec::new(), hello_at: Instant::ZERO, dice }
    }

    /// The first IPv4 address.
    pub(crate) fn ipv4(&self) -> Option<Ipv4Addr> {
        self.addresses.iter().find_map(|address| match address {
            IpNet::V4(address) => Some(address.addr()),
            IpNet::V6(_) => None,
        })
    }

    /// The first IPv6 address of the link.
    pub(crate) fn ipv6(&self) -> Option<Ipv6Addr> {
        self.addresses.iter().find_map(|address| match address {
            IpNet::V6(address) => Some(address.addr()).filter(Ipv6Addr::is_unicast_link_local),
            IpNet::V4(_) => None,
        })
    }

    /// What is configured, where it counts.
    fn active(&self) -> Option<&InterfaceConfig> {
        self.config.as_ref().filter(|config| config.enabled && self.up)
    }

    /// What is configured, where somebody may be spoken to.
    pub(crate) fn speaks(&self) -> Option<&InterfaceConfig> {
        self.active().filter(|config| !config.passive && self.ends().is_some())
    }

    /// Where packets come from, and where they go: IPv4 if there is an address for it.
    pub(crate) fn ends(&self) -> Option<(IpAddr, IpAddr)> {
        let ipv4 = self.ipv4().map(|address| (address.into(), IPV4_GROUP.into()));
        ipv4.or_else(|| self.ipv6().map(|address| (address.into(), IPV6_GROUP.into())))
    }

    /// The prefixes that are announced, with their metric: all but those that mean another on every link.
    pub(crate) fn prefixes(&self) -> impl Iterator<Item = (IpNet, u16)> + '_ {
        let active = self.active().map(|config| config.cost);
        active.into_iter().flat_map(|cost| {
            let beyond = self.addresses.iter().filter(|address| match address {
                IpNet::V4(_) => true,
                IpNet::V6(address) => !address.addr().is_unicast_link_local(),
            });
            beyond.map(move |address| (address.trunc(), cost))
        })
    }

    /// Is it in a subnet of the interface? There is one IPv6 subnet of the link.
    pub(crate) fn is_on_link(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(_) => self.addresses.iter().any(|own| own.contains(&address) && own.addr() != address),
            IpAddr::V6(v6) => v6.is_unicast_link_local() && self.ipv6() != Some(v6),
        }
    }
}
