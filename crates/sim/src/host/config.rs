use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use greylag_base::{MacAddr, VlanId};
use greylag_ip::neighbor::NeighborTimers;
use std::time::Duration;

/// As many addresses as smoltcp is built for.
const ADDRESSES: usize = 8;

/// What a host is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostConfig {
    /// For people; the host's chance follows from it.
    pub name: String,
    /// The address of its interface.
    pub mac: MacAddr,
    /// The VLAN whose tag its frames bear, and which it takes tagged frames of; `None` is untagged.
    pub vlan: Option<VlanId>,
    /// IPv4 addresses with prefix lengths. The first is the source where no other is nearer.
    pub ipv4: Vec<(Ipv4Addr, u8)>,
    /// IPv6 addresses with prefix lengths. None is added, not even a link-local one.
    pub ipv6: Vec<(Ipv6Addr, u8)>,
    /// Where IPv4 packets go that are for no subnet of its own.
    pub gateway4: Option<Ipv4Addr>,
    /// Where IPv6 packets go that are for no subnet of its own.
    pub gateway6: Option<Ipv6Addr>,
    /// How it finds its neighbours.
    pub neighbors: NeighborConfig,
    /// Time to live, or hop limit, of what it sends: 1 to 255.
    pub ttl: u8,
}

impl HostConfig {
    /// A host without addresses or gateways: untagged, TTL 64.
    pub fn new(name: impl Into<String>, mac: MacAddr) -> Self {
        HostConfig {
            name: name.into(),
            mac,
            vlan: None,
            ipv4: Vec::new(),
            ipv6: Vec::new(),
            gateway4: None,
            gateway6: None,
            neighbors: NeighborConfig::default(),
            ttl: 64,
        }
    }

    pub(crate) fn check(&self) -> Result<(), HostError> {
        if !self.mac.is_unicast() {
            return Err(HostError::Mac { host: self.name.clone(), mac: self.mac });
        }
        if self.ttl == 0 {
            return Err(HostError::Ttl(self.name.clone()));
        }
        let v4 = self.ipv4.iter().map(|&(addr, length)| (IpAddr::V4(addr), length, 32));
        let v6 = self.ipv6.iter().map(|&(addr, length)| (IpAddr::V6(addr), length, 128));
        for (addr, length, longest) in v4.chain(v6) {
            let broadcast = matches!(addr, IpAddr::V4(addr) if addr.is_broadcast());
            if addr.is_unspecified() || addr.is_multicast() || broadcast || length > longest {
                return Err(HostError::Address { host: self.name.clone(), addr, length });
            }
        }
        let count = self.ipv4.len() + self.ipv6.len();
        if count > ADDRESSES {
            return Err(HostError::TooManyAddresses { host: self.name.clone(), count });
        }
        let neighbors = &self.neighbors;
        if neighbors.capacity == 0 || neighbors.attempts == 0 || neighbors.retry_interval.is_zero() {
            return Err(HostError::Neighbors(self.name.clone()));
        }
        Ok(())
    }
}

/// How a host finds its neighbours' MAC addresses, and for how long it believes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeighborConfig {
    /// How long an address is believed after its station has confirmed it: 4 hours, as routers have it for ARP. Hosts have 30 s
    /// (RFC 4861 10, REACHABLE_TIME).
    pub lifetime: Duration,
    /// From one solicitation to the next: 1 s (RFC 4861 10, RETRANS_TIMER).
    pub retry_interval: Duration,
    /// How many solicitations are sent before the host gives up: 3 (RFC 4861 10, MAX_MULTICAST_SOLICIT).
    pub attempts: u8,
    /// How many neighbours there is room for: 8192.
    pub capacity: usize,
    /// Announce the host's addresses when its link comes up.
    pub gratuitous: bool,
}

impl NeighborConfig {
    /// A host asks a stale neighbour at once, since nothing above tells it that one is reachable, and forgets one that does
    /// not answer, but no other.
    pub(crate) fn timers(&self) -> NeighborTimers {
        NeighborTimers {
            reachable: self.lifetime,
            retransmit: self.retry_interval,
            solicitations: self.attempts,
            delay: Duration::ZERO,
            failed: Duration::ZERO,
            stale: Duration::MAX,
            capacity: self.capacity,
        }
    }
}

impl Default for NeighborConfig {
    fn default() -> Self {
        NeighborConfig {
            lifetime: Duration::from_secs(4 * 3600),
            retry_interval: Duration::from_secs(1),
            attempts: 3,
            capacity: 8192,
            gratuitous: false,
        }
    }
}

/// What a host cannot be, or cannot do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// No station can have it.
    #[error(
        "host `{host}` has the MAC address {mac}: expected that of one station, such as 02:00:00:00:00:01"
    )]
    Mac {
        /// The host.
        host: String,
        /// The address.
        mac: MacAddr,
    },
    /// Nothing it sends would arrive.
    #[error("host `{0}` has TTL 0: expected 1 to 255")]
    Ttl(String),
    /// No station can have it, or the prefix is longer than the address.
    #[error("host `{host}` has {addr}/{length}: expected one station's address, with its prefix length")]
    Address {
        /// The host.
        host: String,
        /// The address.
        addr: IpAddr,
        /// The prefix length.
        length: u8,
    },
    /// More than a host has room for.
    #[error("host `{host}` has {count} IP addresses: expected at most {ADDRESSES}")]
    TooManyAddresses {
        /// The host.
        host: String,
        /// How many.
        count: usize,
    },
    /// It would never find a neighbour.
    #[error("host `{0}` could find no neighbour: expected capacity, attempts and retry interval above 0")]
    Neighbors(String),
    /// It has no address to send from.
    #[error("host `{host}` has no address to reach {to} from: give it one of that family")]
    NoSource {
        /// The host.
        host: String,
        /// Where the packet was to go.
        to: IpAddr,
    },
    /// Nobody can listen there.
    #[error("{to} port {port} is nobody's: expected one station's address and a port from 1 to 65535")]
    Peer {
        /// The address.
        to: IpAddr,
        /// The port.
        port: u16,
    },
    /// Somebody else's address.
    #[error("flow `{flow}` starts at {addr}, which host `{host}` does not have")]
    NotOwn {
        /// The flow.
        flow: String,
        /// The host.
        host: String,
        /// The address.
        addr: IpAddr,
    },
    /// A packet that its link would not carry, or that has no room for what is measured.
    #[error("{size} bytes do not fit: expected {least} to {most}")]
    Size {
        /// What was asked for.
        size: usize,
        /// The least.
        least: usize,
        /// The most.
        most: usize,
    },
    /// The port is in use, or is 0.
    #[error(
        "host `{host}` cannot listen on port {port}: expected one from 1 to 65535 that it does not use yet"
    )]
    Port {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
}
