//! Layer 3: interfaces, routes, and the protocols that find them.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use greylag_base::{MacAddr, PortId, PortName, VlanId};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// An interface of layer 3; its index is the [`InterfaceId`](greylag_base::InterfaceId).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct InterfaceConfig {
    /// Its name; that of a routed port is the port's.
    pub name: PortName,
    /// What carries it.
    pub place: InterfacePlace,
    /// Administratively up.
    pub enabled: bool,
    /// Its address on the link; the machine's when absent.
    pub mac_address: Option<MacAddr>,
    /// The longest IP packet that leaves by it, in bytes.
    pub mtu: u16,
    /// Its addresses, each with the length of its subnet's prefix. With an address of IPv6 it has a link-local one too.
    pub addresses: Vec<InterfaceAddress>,
}

/// What carries an interface of layer 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InterfacePlace {
    /// A port or bundle of its own, without VLANs: a routed port.
    Port(PortId),
    /// A VLAN of the bridge: integrated routing and bridging (OpenConfig `routed-vlan`).
    Vlan(VlanId),
    /// Nothing: it is always up.
    Loopback,
}

/// An address of an interface, and its subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct InterfaceAddress {
    /// The address.
    pub ip: IpAddr,
    /// How many bits of it are the subnet's.
    pub prefix_length: u8,
}

impl InterfaceAddress {
    /// The subnet that it is in.
    ///
    /// # Panics
    /// When the length is longer than the address, which no checked configuration has.
    pub fn subnet(self) -> IpNet {
        IpNet::new(self.ip, self.prefix_length).expect("a configuration is checked").trunc()
    }
}

/// Routes and how they come about. A switch without interfaces of layer 3 has none of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RoutingConfig {
    /// What it is called by routers; the highest address of a loopback, or else of any interface, when absent.
    pub router_id: Option<Ipv4Addr>,
    /// Routes that the FIB has room for.
    pub maximum_routes: MaximumRoutes,
    /// Next hops that one route may have.
    pub maximum_paths: u16,
    /// How flows are spread over the next hops of a route.
    pub next_hop_groups: NextHopGroupsConfig,
    /// The neighbours' states.
    pub neighbors: NeighborTimers,
    /// Routes that the operator gives.
    pub static_routes: Vec<StaticRoute>,
    /// Neighbours that the operator gives.
    pub static_neighbors: Vec<StaticNeighbor>,
    /// How routes get from the RIB into the FIB.
    pub programming: ProgrammingConfig,
    /// What is asked of BFD sessions.
    pub bfd: BfdTimers,
    /// BFD sessions that no protocol asked for.
    pub bfd_sessions: Vec<BfdSession>,
    /// Border Gateway Protocol.
    pub bgp: Option<BgpConfig>,
    /// greylag's own interior protocol.
    pub link_state: Option<LinkStateConfig>,
    /// Routes come from FRR's zebra.
    pub fpm: Option<FpmConfig>,
}

impl Default for RoutingConfig {
    fn default() -> Self {
        RoutingConfig {
            router_id: None,
            maximum_routes: MaximumRoutes::default(),
            maximum_paths: 64,
            next_hop_groups: NextHopGroupsConfig::default(),
            neighbors: NeighborTimers::default(),
            static_routes: Vec::new(),
            static_neighbors: Vec::new(),
            programming: ProgrammingConfig::default(),
            bfd: BfdTimers::default(),
            bfd_sessions: Vec::new(),
            bgp: None,
            link_state: None,
            fpm: None,
        }
    }
}

/// Routes that the FIB has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MaximumRoutes {
    /// Of IPv4.
    pub ipv4: u32,
    /// Of IPv6.
    pub ipv6: u32,
}

impl Default for MaximumRoutes {
    /// A full table and a half, as it was in 2026.
    fn default() -> Self {
        MaximumRoutes { ipv4: 1_600_000, ipv6: 400_000 }
    }
}

/// How flows are spread over the next hops of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NextHopGroupsConfig {
    /// How buckets are dealt out.
    pub hashing: GroupHashing,
    /// Buckets of a group with more than one member.
    pub buckets: u16,
    /// Groups that there is room for.
    pub maximum: u32,
}

impl Default for NextHopGroupsConfig {
    /// Modulo, 64 buckets.
    fn default() -> Self {
        NextHopGroupsConfig { hashing: GroupHashing::Modulo, buckets: 64, maximum: 16_384 }
    }
}

/// How the buckets of a group are dealt out when its members change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", rename_all_fields = "kebab-case")]
pub enum GroupHashing {
    /// All anew.
    #[default]
    Modulo,
    /// As few as possible, as with `ip nexthop ... type resilient`.
    Resilient {
        /// A bucket moves to a member that has too few once it is idle for so long.
        idle_timer: Duration,
        /// Or once the group has been unbalanced for so long; zero for never.
        unbalanced_timer: Duration,
    },
}

/// The neighbours' states, in the words of RFC 4861 10; for IPv4 alike, as in Linux.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NeighborTimers {
    /// A confirmed neighbour counts as reachable for half of this to one and a half of it.
    pub base_reachable_time: Duration,
    /// Between two questions.
    pub retransmit_time: Duration,
    /// From the first packet to a stale neighbour until it is asked.
    pub delay_first_probe_time: Duration,
    /// A stale neighbour that nobody uses is forgotten after so long.
    pub stale_time: Duration,
}

impl Default for NeighborTimers {
    /// 30 s, 1 s and 5 s (RFC 4861 10); 20 minutes (RFC 1122 2.3.2.1 leaves it open; BSD's and Junos' for ARP).
    fn default() -> Self {
        NeighborTimers {
            base_reachable_time: Duration::from_secs(30),
            retransmit_time: Duration::from_secs(1),
            delay_first_probe_time: Duration::from_secs(5),
            stale_time: Duration::from_secs(1200),
        }
    }
}

/// A route that the operator gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StaticRoute {
    /// Where to.
    pub prefix: IpNet,
    /// What becomes of packets.
    pub to: StaticTarget,
    /// Of two routes to one prefix from different sources, the one with the lower preference is taken.
    pub preference: u8,
}

/// What becomes of packets with a static route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StaticTarget {
    /// They go to one of these.
    NextHops(Vec<StaticNextHop>),
    /// They are dropped in silence.
    Blackhole,
    /// They are dropped, and the sender is told that the destination is unreachable.
    Unreachable,
    /// They are dropped, and the sender is told that this is forbidden.
    Prohibit,
}

/// A next hop of a static route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StaticNextHop {
    /// The gateway. It may itself be behind another route.
    pub address: IpAddr,
    /// The interface that it is on; needed for a link-local address alone.
    pub interface: Option<PortName>,
    /// Its share of flows, relative to those of the others.
    pub weight: u16,
    /// It is used while its BFD session is up.
    pub bfd: bool,
}

/// A neighbour that the operator gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StaticNeighbor {
    /// The interface that it is on.
    pub interface: PortName,
    /// Its address.
    pub address: IpAddr,
    /// Its address on the link.
    pub mac_address: MacAddr,
}

/// How routes get from the RIB into the FIB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ProgrammingConfig {
    /// From a change of the RIB until the programming agent hears of it.
    pub delay: Duration,
    /// Changes that it writes in a second; as many as there are when absent.
    pub rate: Option<u32>,
    /// How often it compares RIB and FIB and repairs the FIB; `None` for never.
    pub audit_interval: Option<Duration>,
}

impl Default for ProgrammingConfig {
    /// 5 ms, as fast as it can, no audit.
    fn default() -> Self {
        ProgrammingConfig { delay: Duration::from_millis(5), rate: None, audit_interval: None }
    }
}

/// What is asked of BFD sessions (OpenConfig's names).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BfdTimers {
    /// How often we would like to send.
    pub desired_minimum_tx_interval: Duration,
    /// How often we can receive.
    pub required_minimum_receive: Duration,
    /// So many packets have to be missed.
    pub detection_multiplier: u8,
}

impl Default for BfdTimers {
    /// Three times 300 ms, as FRR's bfdd.
    fn default() -> Self {
        BfdTimers {
            desired_minimum_tx_interval: Duration::from_millis(300),
            required_minimum_receive: Duration::from_millis(300),
            detection_multiplier: 3,
        }
    }
}

impl RoutingConfig {
    /// Somebody asks for a BFD session.
    pub fn wants_bfd(&self) -> bool {
        let of_a_route = self.static_routes.iter().any(|route| match &route.to {
            StaticTarget::NextHops(hops) => hops.iter().any(|hop| hop.bfd),
            StaticTarget::Blackhole | StaticTarget::Unreachable | StaticTarget::Prohibit => false,
        });
        let of_bgp = self.bgp.iter().any(|bgp| bgp.neighbors.iter().any(|neighbor| neighbor.bfd));
        let of_link_state = self
            .link_state
            .iter()
            .any(|link_state| link_state.interfaces.iter().any(|interface| interface.bfd));
        !self.bfd_sessions.is_empty() || of_a_route || of_bgp || of_link_state
    }
}

/// A BFD session that no protocol asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BfdSession {
    /// Where its packets go.
    pub remote_address: IpAddr,
    /// Where they come from; the address of the interface that leads there when absent.
    pub local_address: Option<IpAddr>,
    /// Several hops may lie between (RFC 5883).
    pub multihop: bool,
    /// What is asked of it; as everywhere when absent.
    pub timers: Option<BfdTimers>,
}

/// Border Gateway Protocol (RFC 4271), in OpenConfig's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BgpConfig {
    /// Our autonomous system.
    pub autonomous_system: u32,
    /// The neighbours.
    pub neighbors: Vec<BgpNeighbor>,
    /// Prefixes that we announce while the RIB has a route to them.
    pub networks: Vec<IpNet>,
    /// Announce the subnets of our interfaces.
    pub redistribute_connected: bool,
    /// Announce static routes.
    pub redistribute_static: bool,
}

/// A neighbour of BGP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BgpNeighbor {
    /// Its address.
    pub neighbor_address: IpAddr,
    /// Its autonomous system; ours for internal sessions.
    pub peer_as: u32,
    /// Where our end of the session is; the interface's address when absent.
    pub local_address: Option<IpAddr>,
    /// What is proposed for the hold time.
    pub hold_time: Duration,
    /// From one attempt to connect until the next.
    pub connect_retry: Duration,
    /// We wait for it to connect.
    pub passive: bool,
    /// It falls with its BFD session.
    pub bfd: bool,
    /// Several hops may lie between, for an external session.
    pub multihop: bool,
    /// Routes go to it with our own address as next hop.
    pub next_hop_self: bool,
    /// The session is about to end: both ends take what leads over it last (RFC 8326).
    pub graceful_shutdown: bool,
    /// The preference of routes from it within our autonomous system; 100 when absent.
    pub local_preference: Option<u32>,
}

/// greylag's own interior protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LinkStateConfig {
    /// The interfaces that it runs on, and those whose subnets it announces.
    pub interfaces: Vec<LinkStateInterface>,
    /// From a change until routes are computed.
    pub spf_delay: Duration,
    /// Other routers find ways around this one.
    pub overload: bool,
}

/// An interface of the interior protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LinkStateInterface {
    /// Which.
    pub interface: PortName,
    /// What it costs to leave by it.
    pub metric: u16,
    /// Its subnets are announced, and nobody is looked for on it.
    pub passive: bool,
    /// Between two hellos.
    pub hello_interval: Duration,
    /// A neighbour that is silent for so long is gone.
    pub dead_interval: Duration,
    /// A neighbour is gone with its BFD session.
    pub bfd: bool,
}

/// Routes come from FRR's zebra (dplane_fpm_nl).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FpmConfig {
    /// Where zebra connects.
    pub listen: SocketAddr,
    /// The namespace, by its name below /run/netns, that FRR is in and sees the interfaces in; the switch's own when absent.
    pub netns: Option<String>,
    /// Routes that zebra has not told again so long after it is back are removed.
    pub stale_time: Duration,
}

impl FpmConfig {
    /// Here, where zebra looks by itself; 2 minutes, as SONiC's fpmsyncd (`DEFAULT_ROUTING_RESTART_INTERVAL`).
    pub fn at(listen: SocketAddr) -> Self {
        FpmConfig { listen, netns: None, stale_time: Duration::from_secs(120) }
    }
}
