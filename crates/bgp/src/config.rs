//! What a speaker is told to be, and whether it can be that.

use crate::attributes::{Attributes, GRACEFUL_SHUTDOWN};
use crate::decision::LAST_LOCAL_PREF;
use core::net::{IpAddr, Ipv4Addr};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

/// A neighbor of one router.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NeighborId(pub u32);

impl fmt::Display for NeighborId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for NeighborId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "neighbor{}", self.0)
    }
}

/// The number of an autonomous system, of four octets (RFC 6793).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Asn(pub u32);

impl Asn {
    /// Stands in a field of two octets for a number that does not fit there.
    pub const TRANS: Asn = Asn(23_456);
}

impl fmt::Display for Asn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Asn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AS{}", self.0)
    }
}

/// Which routes are spoken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Family {
    /// OpenConfig `IPV4_UNICAST`.
    Ipv4Unicast,
    /// OpenConfig `IPV6_UNICAST`.
    Ipv6Unicast,
}

impl Family {
    /// The family of a prefix.
    pub fn of(prefix: IpNet) -> Family {
        match prefix {
            IpNet::V4(_) => Family::Ipv4Unicast,
            IpNet::V6(_) => Family::Ipv6Unicast,
        }
    }

    /// The family of routes to such addresses.
    pub fn of_address(address: IpAddr) -> Family {
        match address {
            IpAddr::V4(_) => Family::Ipv4Unicast,
            IpAddr::V6(_) => Family::Ipv6Unicast,
        }
    }
}

/// A speaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BgpConfig {
    /// OpenConfig `global/as`.
    pub asn: Asn,
    /// OpenConfig `router-id`: the BGP Identifier.
    pub router_id: Ipv4Addr,
    /// OpenConfig `use-multiple-paths/ebgp/maximum-paths`: as many next hops a route from other systems has at most.
    pub ebgp_maximum_paths: u16,
    /// OpenConfig `use-multiple-paths/ibgp/maximum-paths`: as many next hops a route from our own system has at most.
    pub ibgp_maximum_paths: u16,
    /// OpenConfig `allow-multiple-as`: may paths by different neighboring systems share a prefix's flows?
    pub allow_multiple_as: bool,
    /// The neighbors.
    pub neighbors: Vec<NeighborConfig>,
}

impl BgpConfig {
    /// A speaker without neighbors, and with one path for each prefix.
    pub fn new(asn: Asn, router_id: Ipv4Addr) -> Self {
        BgpConfig {
            asn,
            router_id,
            ebgp_maximum_paths: 1,
            ibgp_maximum_paths: 1,
            allow_multiple_as: false,
            neighbors: Vec::new(),
        }
    }
}

/// One neighbor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeighborConfig {
    /// Which.
    pub id: NeighborId,
    /// OpenConfig `local-address`: our end of the connection.
    pub local_address: IpAddr,
    /// OpenConfig `neighbor-address`: the other end.
    pub neighbor_address: IpAddr,
    /// OpenConfig `peer-as`. Ours makes it a neighbor of our own system (iBGP).
    pub peer_as: Asn,
    /// OpenConfig `enabled`; otherwise, there is no session.
    pub enabled: bool,
    /// OpenConfig `passive-mode`: waits to be connected to.
    pub passive_mode: bool,
    /// OpenConfig `hold-time`: after so much silence the other is given up. Whole seconds, 3 or more, or zero for never; the
    /// lesser of both ends' holds, and a third of it is the time between KEEPALIVEs.
    pub hold_time: Duration,
    /// OpenConfig `connect-retry`: so often a connection is tried.
    pub connect_retry: Duration,
    /// How long nothing is tried after a session failed (RFC 4271 8.1.1, IdleHoldTime).
    pub idle_hold_time: Duration,
    /// OpenConfig `minimum-advertisement-interval`: the least time between two rounds of UPDATEs (RFC 4271 9.2.1.1). Zero by default, as
    /// in data centres: what changed is told at once.
    pub minimum_advertisement_interval: Duration,
    /// LOCAL_PREF of all routes from a neighbor in another system that are not on their way out.
    pub local_pref: u32,
    /// The session is about to end (RFC 8326): both ends take what leads over it last, and go on with it until there is something else.
    pub graceful_shutdown: bool,
    /// MULTI_EXIT_DISC of all routes to a neighbor in another system; `None` for what routes of our own have.
    pub med: Option<u32>,
    /// What is told to a neighbor of our own system has our address for next hop, wherever it comes from. Other systems are always
    /// told so.
    pub next_hop_self: bool,
    /// Which routes are spoken of.
    pub families: Vec<FamilyConfig>,
}

/// Routes of one family with one neighbor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FamilyConfig {
    /// OpenConfig `afi-safi-name`.
    pub family: Family,
    /// Our own address as a next hop of this family.
    pub next_hop: IpAddr,
    /// OpenConfig `prefix-limit/max-prefixes`: a neighbor that has more is cut off until its configuration changes.
    pub max_prefixes: Option<u32>,
}

impl NeighborConfig {
    /// A neighbor that is enabled, with OpenConfig's times, for routes of the family that the session runs over.
    pub fn new(id: NeighborId, peer_as: Asn, local_address: IpAddr, neighbor_address: IpAddr) -> Self {
        let family = Family::of_address(local_address);
        NeighborConfig {
            id,
            local_address,
            neighbor_address,
            peer_as,
            enabled: true,
            passive_mode: false,
            hold_time: Duration::from_secs(90),
            connect_retry: Duration::from_secs(30),
            idle_hold_time: Duration::from_secs(5),
            minimum_advertisement_interval: Duration::ZERO,
            local_pref: 100,
            graceful_shutdown: false,
            med: None,
            next_hop_self: false,
            families: vec![FamilyConfig { family, next_hop: local_address, max_prefixes: None }],
        }
    }

    /// LOCAL_PREF of a route from the neighbor, which is in another system.
    pub(crate) fn local_pref_of(&self, attributes: &Attributes) -> u32 {
        let is_on_its_way_out = self.graceful_shutdown || attributes.communities.contains(&GRACEFUL_SHUTDOWN);
        if is_on_its_way_out { LAST_LOCAL_PREF } else { self.local_pref }
    }

    /// What it is told of a family; `None` when that is not spoken of.
    pub fn family(&self, family: Family) -> Option<&FamilyConfig> {
        self.families.iter().find(|config| config.family == family)
    }

    /// Would a session with the one configuration have to begin anew with the other?
    pub(crate) fn is_another(&self, other: &NeighborConfig) -> bool {
        let families = |config: &NeighborConfig| -> BTreeSet<Family> {
            config.families.iter().map(|family| family.family).collect()
        };
        self.peer_as != other.peer_as
            || (self.local_address, self.neighbor_address) != (other.local_address, other.neighbor_address)
            || self.hold_time != other.hold_time
            || families(self) != families(other)
    }

    /// Would other things be told to the neighbor?
    pub(crate) fn tells_otherwise(&self, other: &NeighborConfig) -> bool {
        let hops = |config: &NeighborConfig| -> BTreeSet<IpAddr> {
            config.families.iter().map(|family| family.next_hop).collect()
        };
        let says = |config: &NeighborConfig| {
            (config.med, config.next_hop_self, config.graceful_shutdown, hops(config))
        };
        says(self) != says(other)
    }
}

/// Why a speaker cannot be what its configuration asks for. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The system has a number that no system can have.
    #[error("{leaf} {asn}: expected the number of a system, neither 0 nor 23456")]
    AsNumber {
        /// Which number.
        leaf: &'static str,
        /// The number.
        asn: Asn,
    },
    /// No router can be called so.
    #[error("router-id {0}: expected an address such as 192.0.2.1, neither 0.0.0.0 nor a group")]
    RouterId(Ipv4Addr),
    /// Two neighbors have one id.
    #[error("neighbor {0} is there twice")]
    NeighborTwice(NeighborId),
    /// A connection that comes in could be from either.
    #[error("neighbors {first} and {second} have the same address {address}: expected one neighbor")]
    AddressTwice {
        /// One of them.
        first: NeighborId,
        /// The other.
        second: NeighborId,
        /// The address.
        address: IpAddr,
    },
    /// An address that no router can have.
    #[error("neighbor {neighbor}: {leaf} {address} is not the address of one router")]
    Address {
        /// Of which neighbor.
        neighbor: NeighborId,
        /// Which address.
        leaf: &'static str,
        /// The address.
        address: IpAddr,
    },
    /// The two ends cannot speak to each other.
    #[error("neighbor {neighbor}: {local} and {remote} are not two addresses of one family")]
    Addresses {
        /// Of which neighbor.
        neighbor: NeighborId,
        /// The local address.
        local: IpAddr,
        /// The remote address.
        remote: IpAddr,
    },
    /// A hold time that OPEN cannot carry, or that RFC 4271 4.2 forbids.
    #[error("neighbor {neighbor}: hold-time {hold_time:?}: expected whole seconds, 0 or 3 to 65535")]
    HoldTime {
        /// Of which neighbor.
        neighbor: NeighborId,
        /// The time.
        hold_time: Duration,
    },
    /// There is nothing to speak of.
    #[error("neighbor {0}: expected IPV4_UNICAST, IPV6_UNICAST or both, each once")]
    Families(NeighborId),
    /// A next hop that routes of the family cannot have.
    #[error("neighbor {neighbor}: next hop {next_hop} is not an address of {family:?} that is one router's")]
    NextHop {
        /// Of which neighbor.
        neighbor: NeighborId,
        /// For routes of that family.
        family: Family,
        /// The next hop.
        next_hop: IpAddr,
    },
    /// A number or a time that makes no sense.
    #[error("{leaf} is zero: expected more")]
    Zero {
        /// Which.
        leaf: &'static str,
    },
}

impl BgpConfig {
    /// Can it be?
    ///
    /// # Errors
    /// When it contradicts itself, or RFC 4271.
    pub fn check(&self) -> Result<(), ConfigError> {
        check_asn("as", self.asn)?;
        let id = self.router_id;
        if id.is_unspecified() || id.is_multicast() || id.is_broadcast() {
            return Err(ConfigError::RouterId(id));
        }
        let leaves = [
            ("use-multiple-paths/ebgp/maximum-paths", self.ebgp_maximum_paths),
            ("use-multiple-paths/ibgp/maximum-paths", self.ibgp_maximum_paths),
        ];
        if let Some((leaf, _)) = leaves.into_iter().find(|(_, value)| *value == 0) {
            return Err(ConfigError::Zero { leaf });
        }
        let mut ids = BTreeSet::new();
        let mut addresses = BTreeMap::new();
        for neighbor in &self.neighbors {
            if !ids.insert(neighbor.id) {
                return Err(ConfigError::NeighborTwice(neighbor.id));
            }
            neighbor.check()?;
            let address = neighbor.neighbor_address;
            if let Some(first) = addresses.insert(address, neighbor.id) {
                return Err(ConfigError::AddressTwice { first, second: neighbor.id, address });
            }
        }
        Ok(())
    }
}

fn check_asn(leaf: &'static str, asn: Asn) -> Result<(), ConfigError> {
    match asn {
        Asn(0) | Asn::TRANS => Err(ConfigError::AsNumber { leaf, asn }),
        _ => Ok(()),
    }
}

fn is_a_routers(address: IpAddr) -> bool {
    !(address.is_unspecified() || address.is_multicast())
}

impl NeighborConfig {
    fn check(&self) -> Result<(), ConfigError> {
        let (neighbor, local, remote) = (self.id, self.local_address, self.neighbor_address);
        check_asn("peer-as", self.peer_as)?;
        for (leaf, address) in [("local-address", local), ("neighbor-address", remote)] {
            if !is_a_routers(address) {
                return Err(ConfigError::Address { neighbor, leaf, address });
            }
        }
        if local.is_ipv4() != remote.is_ipv4() || local == remote {
            return Err(ConfigError::Addresses { neighbor, local, remote });
        }
        let hold_time = self.hold_time;
        let fits = matches!(hold_time.as_secs(), 0 | 3..=65_535) && hold_time.subsec_nanos() == 0;
        if !fits {
            return Err(ConfigError::HoldTime { neighbor, hold_time });
        }
        for (leaf, time) in [("connect-retry", self.connect_retry), ("idle-hold-time", self.idle_hold_time)] {
            if time.is_zero() {
                return Err(ConfigError::Zero { leaf });
            }
        }
        self.check_families()
    }

    fn check_families(&self) -> Result<(), ConfigError> {
        let neighbor = self.id;
        let families: BTreeSet<Family> = self.families.iter().map(|family| family.family).collect();
        if families.is_empty() || families.len() != self.families.len() {
            return Err(ConfigError::Families(neighbor));
        }
        for FamilyConfig { family, next_hop, max_prefixes } in self.families.iter().copied() {
            if Family::of_address(next_hop) != family || !is_a_routers(next_hop) {
                return Err(ConfigError::NextHop { neighbor, family, next_hop });
            }
            if max_prefixes == Some(0) {
                return Err(ConfigError::Zero { leaf: "prefix-limit/max-prefixes" });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speaker(change: impl FnOnce(&mut BgpConfig)) -> String {
        let mut config = BgpConfig::new(Asn(65_001), Ipv4Addr::new(192, 0, 2, 1));
        for (id, remote) in [(1, "192.0.2.2"), (2, "192.0.2.3")] {
            let (local, remote) = ("192.0.2.1".parse().unwrap(), remote.parse().unwrap());
            config.neighbors.push(NeighborConfig::new(NeighborId(id), Asn(65_002), local, remote));
        }
        change(&mut config);
        config.check().map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn what_cannot_be_is_refused_and_says_why() {
        assert_eq!(speaker(|_| {}), "");
        type Case = (fn(&mut BgpConfig), &'static str);
        let table: &[Case] = &[
            (|c| c.asn = Asn(0), "as 0: expected the number of a system, neither 0 nor 23456"),
            (|c| c.neighbors[1].peer_as = Asn::TRANS, "peer-as 23456: expected the number of a system"),
            (|c| c.router_id = Ipv4Addr::UNSPECIFIED, "router-id 0.0.0.0: expected an address"),
            (|c| c.ebgp_maximum_paths = 0, "use-multiple-paths/ebgp/maximum-paths is zero"),
            (|c| c.neighbors[1].id = NeighborId(1), "neighbor 1 is there twice"),
            (
                |c| c.neighbors[1].neighbor_address = c.neighbors[0].neighbor_address,
                "neighbors 1 and 2 have the same address 192.0.2.2: expected one neighbor",
            ),
            (
                |c| c.neighbors[0].neighbor_address = "224.0.0.1".parse().unwrap(),
                "neighbor 1: neighbor-address 224.0.0.1 is not the address of one router",
            ),
            (
                |c| c.neighbors[0].neighbor_address = "2001:db8::1".parse().unwrap(),
                "neighbor 1: 192.0.2.1 and 2001:db8::1 are not two addresses of one family",
            ),
            (|c| c.neighbors[0].hold_time = Duration::from_secs(2), "neighbor 1: hold-time 2s: expected"),
            (|c| c.neighbors[0].hold_time = Duration::from_millis(3500), "neighbor 1: hold-time 3.5s: "),
            (|c| c.neighbors[0].connect_retry = Duration::ZERO, "connect-retry is zero: expected more"),
            (|c| c.neighbors[0].families.clear(), "neighbor 1: expected IPV4_UNICAST, IPV6_UNICAST or both"),
            (
                |c| c.neighbors[0].families[0].family = Family::Ipv6Unicast,
                "neighbor 1: next hop 192.0.2.1 is not an address of Ipv6Unicast",
            ),
            (
                |c| c.neighbors[0].families[0].max_prefixes = Some(0),
                "prefix-limit/max-prefixes is zero: expected more",
            ),
        ];
        for (change, says) in table {
            let said = speaker(change);
            assert!(said.starts_with(says) && !said.is_empty(), "{said:?} instead of {says:?}");
        }
    }
}
