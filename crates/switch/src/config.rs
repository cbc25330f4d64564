//! What a switch is told to be. Plain values: `greylag-scenario` reads them from files, the control side
//! turns them into [`Forwarding`](greylag_dataplane::Forwarding).

mod bond;
mod lag;
mod mclag;
mod routing;

use core::net::{IpAddr, SocketAddr};
use greylag_base::{Impairment, InterfaceId, MacAddr, Mbps, PortId, PortName, VlanId, VlanSet};
use greylag_dataplane::Damping;
use greylag_mactable::{Geometry, WhenFull};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

pub use bond::BondConfig;
pub use lag::{DEFAULT_SPEED, FlowHashConfig, LacpConfig, LagConfig, MemberConfig};
pub use mclag::{
    BackupLivenessConfig, HealthGateConfig, IccpConfig, Isolation, MclagBehaviour, MultiChassisConfig,
    StatusControl, SynchronisedMacs, WhenIccpDown, WhenIclDown,
};
pub use routing::{
    BfdSession, BfdTimers, BgpConfig, BgpNeighbor, FpmConfig, GroupHashing, InterfaceAddress,
    InterfaceConfig, InterfacePlace, LinkStateConfig, LinkStateInterface, MaximumRoutes, NeighborTimers,
    NextHopGroupsConfig, ProgrammingConfig, RoutingConfig, StaticNeighbor, StaticNextHop, StaticRoute,
    StaticTarget,
};

/// A whole switch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SwitchConfig {
    /// The name it is known by: its control socket is called after it.
    pub name: String,
    /// The threads that forward.
    pub workers: WorkersConfig,
    /// The MAC table.
    pub mac_table: MacTableConfig,
    /// Who learns addresses.
    pub learning: LearningConfig,
    /// What becomes of an agent that crashes.
    pub supervisor: SupervisorConfig,
    /// Destinations 01-80-C2-00-00-0X that are flooded like other groups: bit X, as in `group_fwd_mask` of the
    /// Linux bridge, but without its restriction. Bit 1 (pause) is never set.
    pub group_fwd_mask: u16,
    /// What LACP says of it.
    pub lacp: LacpConfig,
    /// What flows are told apart by.
    pub flow_hash: FlowHashConfig,
    /// VLANs that have settings of their own. A VLAN exists when a port is a member of it.
    pub vlans: BTreeMap<VlanId, VlanConfig>,
    /// The ports; the index is the [`PortId`].
    pub ports: Vec<PortConfig>,
    /// Addresses that neither age nor move.
    pub static_macs: Vec<StaticMac>,
    /// The interfaces of layer 3; the index is the [`InterfaceId`].
    pub interfaces: Vec<InterfaceConfig>,
    /// Routes, and the protocols that find them.
    pub routing: RoutingConfig,
    /// The pair of chassis that it is one of.
    pub multi_chassis: Option<MultiChassisConfig>,
    /// Its address on the management network, which does not go through the data plane.
    pub management_address: Option<IpAddr>,
    /// Where scrapers are answered, over HTTP.
    pub metrics_listen: Option<SocketAddr>,
}

impl SwitchConfig {
    /// A switch without ports, with the defaults of everything else.
    pub fn new(name: impl Into<String>) -> Self {
        SwitchConfig {
            name: name.into(),
            workers: WorkersConfig::default(),
            mac_table: MacTableConfig::default(),
            learning: LearningConfig::default(),
            supervisor: SupervisorConfig::default(),
            group_fwd_mask: 0,
            lacp: LacpConfig::default(),
            flow_hash: FlowHashConfig::default(),
            vlans: BTreeMap::new(),
            ports: Vec::new(),
            static_macs: Vec::new(),
            interfaces: Vec::new(),
            routing: RoutingConfig::default(),
            multi_chassis: None,
            management_address: None,
            metrics_listen: None,
        }
    }

    /// The VLANs that exist: those with a member, and those that have settings.
    pub fn vlan_set(&self) -> VlanSet {
        let members = self.ports.iter().map(|port| port.membership.vlans());
        let mut vlans: VlanSet = self.vlans.keys().copied().collect();
        for vlan in members.flat_map(|set| set.iter().collect::<Vec<_>>()) {
            vlans.insert(vlan);
        }
        vlans
    }

    /// The VLAN is one of them.
    pub fn vlan_exists(&self, vlan: VlanId) -> bool {
        self.vlans.contains_key(&vlan) || self.ports.iter().any(|port| port.membership.carries(vlan))
    }

    /// The port called `name`.
    pub fn port(&self, name: &str) -> Option<(PortId, &PortConfig)> {
        let index = self.ports.iter().position(|port| port.name.as_str() == name)?;
        Some((PortId(index as u16), &self.ports[index]))
    }

    /// The interface of layer 3 called `name`.
    pub fn interface(&self, name: &str) -> Option<(InterfaceId, &InterfaceConfig)> {
        let index = self.interfaces.iter().position(|interface| interface.name.as_str() == name)?;
        Some((InterfaceId(index as u16), &self.interfaces[index]))
    }

    /// The interfaces of layer 3, by number.
    pub fn numbered_interfaces(&self) -> impl Iterator<Item = (InterfaceId, &InterfaceConfig)> {
        self.interfaces.iter().enumerate().map(|(index, interface)| (InterfaceId(index as u16), interface))
    }

    /// Ports behind the others that nobody configures: one for each interface, where FRR's IP stack shares them.
    pub fn host_ports(&self) -> usize {
        if self.routing.fpm.is_some() { self.interfaces.len() } else { 0 }
    }

    /// The port of an interface that another IP stack shares.
    pub fn host_port(&self, interface: InterfaceId) -> PortId {
        PortId((self.ports.len() + interface.index()) as u16)
    }

    /// The bundles, by number.
    pub fn lags(&self) -> impl Iterator<Item = (PortId, &LagConfig)> {
        self.ports.iter().enumerate().filter_map(|(index, port)| match &port.attachment {
            Attachment::Lag(lag) => Some((PortId(index as u16), &**lag)),
            Attachment::Device | Attachment::Tap { .. } => None,
        })
    }

    /// The ports of a bundle, in the order of the ports.
    pub fn members(&self, lag: PortId) -> impl Iterator<Item = (PortId, MemberConfig)> {
        self.ports.iter().enumerate().filter_map(move |(index, port)| match port.membership {
            Membership::Aggregate(member) if member.lag == lag => Some((PortId(index as u16), member)),
            _ => None,
        })
    }
}

/// The threads that forward.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct WorkersConfig {
    /// How many; each has a queue of its own on every port.
    pub count: u16,
    /// The CPUs they are pinned to, worker by worker; empty for none.
    pub cpus: Vec<u16>,
    /// What a worker does when no frame is there.
    pub idle: IdlePolicy,
}

impl Default for WorkersConfig {
    fn default() -> Self {
        WorkersConfig { count: 1, cpus: Vec::new(), idle: IdlePolicy::Adaptive }
    }
}

/// What a worker does when no frame is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdlePolicy {
    /// Polls for ever: the lowest latency, a whole core.
    Spin,
    /// Polls where the next frame is likely to come soon, by those before; sleeps until it comes otherwise.
    #[default]
    Adaptive,
    /// Sleeps as soon as no frame is there.
    Sleep,
}

/// The MAC table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MacTableConfig {
    /// Entries that it holds at most.
    pub maximum_entries: u32,
    /// An entry whose station is silent for this long is forgotten; zero for never.
    pub ageing_time: Duration,
    /// What becomes of an address that finds no room.
    pub when_full: WhenFull,
    /// The chip whose hash collisions are imitated, if one is.
    pub geometry: Option<Geometry>,
    /// Stations that change ports too often.
    pub move_damping: Option<MoveDamping>,
    /// How often lapsed entries are reclaimed and reported, all at once; spread evenly when absent.
    pub sweep_interval: Option<Duration>,
}

impl Default for MacTableConfig {
    /// 65,536 entries, 300 s (IEEE 802.1Q-2022 table 8-6), declines when full, no chip, no damping.
    fn default() -> Self {
        MacTableConfig {
            maximum_entries: 65_536,
            ageing_time: Duration::from_secs(300),
            when_full: WhenFull::Decline,
            geometry: None,
            move_damping: None,
            sweep_interval: None,
        }
    }
}

/// Who learns addresses: the workers, or an agent of the control side that they report to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LearningConfig {
    /// Who.
    pub mode: LearningMode,
    /// What the agent owns, in mode `agent`.
    pub agent_owns: AgentOwns,
    /// How often the agent renews entries that were hit, and flood groups that are leased.
    pub renew_interval: Duration,
    /// What becomes of a flood group that the agent does not renew.
    pub flood: FloodGroups,
    /// Who forgets, in mode `agent`, what is behind a port that went down or left a VLAN.
    pub flush: PortFlush,
    /// Reports that a worker can have under way to the agent.
    pub queue_length: u32,
    /// How long a report waits for the agent to look at its queue.
    pub poll_interval: Duration,
    /// A source that waits for the agent is reported again after so long; `None` for once.
    pub report_interval: Option<Duration>,
    /// What the agent does with reports that arrive out of order.
    pub report_order: ReportOrder,
    /// How often the agent compares its own list with the table and repairs the table; `None` for never.
    pub audit_interval: Option<Duration>,
}

impl Default for LearningConfig {
    /// Inline; an agent would own everything, look every 10 ms and renew every 10 s.
    fn default() -> Self {
        LearningConfig {
            mode: LearningMode::Inline,
            agent_owns: AgentOwns::ALL,
            renew_interval: Duration::from_secs(10),
            flood: FloodGroups::Frozen,
            flush: PortFlush::AtOnce,
            queue_length: 16_384,
            poll_interval: Duration::from_millis(10),
            report_interval: Some(Duration::from_secs(1)),
            report_order: ReportOrder::Arrival,
            audit_interval: None,
        }
    }
}

/// Who learns addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LearningMode {
    /// The worker that sees a source writes the table itself, as the Linux bridge, Open vSwitch and VPP do.
    #[default]
    Inline,
    /// The learning agent owns what `agent-owns` names, as on large switches.
    Agent,
}

/// What the learning agent owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentOwns {
    /// Installing and moving entries: workers install nothing.
    pub learn: bool,
    /// The stamps of entries: workers only set hit bits.
    pub lease: bool,
    /// The flood groups: a port is flooded to once the agent has put it in.
    pub flood: bool,
    /// The resolution of what the switch itself sends.
    pub adjacency: bool,
}

impl LearningConfig {
    /// What the agent owns, whatever the mode: nothing when workers learn by themselves.
    pub fn owned(&self) -> AgentOwns {
        match self.mode {
            LearningMode::Inline => AgentOwns::NOTHING,
            LearningMode::Agent => self.agent_owns,
        }
    }

    /// The agent forgets what is behind a port that went down or left a VLAN.
    pub fn agent_flushes(&self) -> bool {
        self.mode == LearningMode::Agent && self.flush == PortFlush::Agent
    }
}

impl AgentOwns {
    /// Nothing.
    pub const NOTHING: AgentOwns = AgentOwns { learn: false, lease: false, flood: false, adjacency: false };

    /// Everything.
    pub const ALL: AgentOwns = AgentOwns { learn: true, lease: true, flood: true, adjacency: true };
}

/// What becomes of a flood group that the agent does not renew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FloodGroups {
    /// What was in stays in.
    #[default]
    Frozen,
    /// It lapses after the ageing time, as an entry does.
    Leased,
}

/// Who forgets what is behind a port that went down, left a VLAN, or became a part of a bundle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PortFlush {
    /// Whoever knows first, without asking the agent.
    #[default]
    AtOnce,
    /// The learning agent. While it hangs the table keeps what is there, and an agent that has been started knows of ports that do not
    /// carry a VLAN, not of those that were down meanwhile.
    Agent,
}

/// What the agent does with reports that arrive out of order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReportOrder {
    /// The last to arrive wins.
    #[default]
    Arrival,
    /// The last to be seen by a worker wins: an older report than what is known is ignored.
    Stamped,
}

/// What becomes of an agent that crashes, in the words of systemd.unit(5) and systemd.service(5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SupervisorConfig {
    /// An agent that has ended is started again; otherwise it is given up at once.
    pub restart: bool,
    /// `RestartSec=`: how long after its end.
    pub restart_delay: Duration,
    /// `StartLimitBurst=`: so many starts within the interval are allowed; one more, and the agent is given up.
    pub start_limit_burst: u32,
    /// `StartLimitIntervalSec=`: zero for no limit.
    pub start_limit_interval: Duration,
    /// After an agent was given up, the whole switch starts anew so much later; `None` for never.
    pub watchdog: Option<Duration>,
}

impl Default for SupervisorConfig {
    /// systemd's own limits, 5 starts in 10 s, and a restart delay of 100 ms.
    fn default() -> Self {
        SupervisorConfig {
            restart: true,
            restart_delay: Duration::from_millis(100),
            start_limit_burst: 5,
            start_limit_interval: Duration::from_secs(10),
            watchdog: None,
        }
    }
}

/// A station that changes ports more than `threshold` times within `interval` is held where it is for `hold`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MoveDamping {
    /// Moves within the interval.
    pub threshold: u16,
    /// Over which moves are counted.
    pub interval: Duration,
    /// How long the station is held.
    pub hold: Duration,
    /// What happens to its frames from other ports meanwhile.
    pub action: DampingAction,
}

impl MoveDamping {
    /// The same for those who damp.
    pub fn rule(self) -> Damping {
        let MoveDamping { threshold, interval, hold, action } = self;
        Damping { threshold, interval, hold, drop: action == DampingAction::Drop }
    }
}

/// What happens to frames of a station that is held on another port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DampingAction {
    /// They are dropped, which also cuts a loop.
    #[default]
    Drop,
    /// They are forwarded; the entry stays.
    Forward,
}

/// Settings of one VLAN.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct VlanConfig {
    /// For people.
    pub name: Option<String>,
    /// Dynamic addresses that it may hold.
    pub maximum_entries: Option<u32>,
    /// The chassis of a pair tell each other the address of their interface in it, and each routes what is for the other's.
    pub mcae_mac_synchronize: bool,
}

/// One port.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PortConfig {
    /// Its name, and that of its interface.
    pub name: PortName,
    /// What it is made of.
    pub attachment: Attachment,
    /// How the live world opens it, where it is a device.
    pub io: Io,
    /// Administratively up.
    pub enabled: bool,
    /// The VLANs it carries.
    pub membership: Membership,
    /// The longest payload behind the Ethernet header and tag, in bytes: what `ip link` calls mtu.
    pub mtu: u16,
    /// How fast its link is: what LACP tells links apart by.
    pub speed: Mbps,
    /// Dynamic addresses that it may hold.
    pub maximum_entries: Option<u32>,
    /// Ports of the same group do not exchange frames.
    pub isolation_group: Option<u16>,
    /// Limits on what it may have flooded.
    pub storm_control: StormControl,
    /// How frames fare that leave by it.
    #[serde(default)]
    pub impairment: Impairment,
}

impl PortConfig {
    /// An Ethernet device of the same name, up, untagged in VLAN 1, with an MTU of 1500.
    pub fn new(name: PortName) -> Self {
        PortConfig {
            attachment: Attachment::Device,
            io: Io::Auto,
            name,
            enabled: true,
            membership: Membership::Access(VlanId::DEFAULT),
            mtu: 1500,
            speed: DEFAULT_SPEED,
            maximum_entries: None,
            isolation_group: None,
            storm_control: StormControl::default(),
            impairment: Impairment::default(),
        }
    }
}

/// By what a worker receives and sends on an Ethernet device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Io {
    /// What suits the device.
    #[default]
    Auto,
    /// Packet sockets, which carry unfinished checksums and super-frames.
    AfPacket,
    /// AF_XDP sockets, which carry frames as they are on a wire.
    AfXdp,
    /// A raw socket, one frame to a system call.
    Raw,
}

impl Io {
    /// The word for it in files and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Io::Auto => "auto",
            Io::AfPacket => "af-packet",
            Io::AfXdp => "af-xdp",
            Io::Raw => "raw",
        }
    }
}

/// What a port is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", rename_all_fields = "kebab-case", tag = "type")]
pub enum Attachment {
    /// An Ethernet device that is there already, veth or real.
    Device,
    /// A TAP that the switch makes, whose interface is for a host.
    Tap {
        /// The namespace that its interface is put into; the switch's own when absent.
        netns: Option<NetnsRef>,
        /// The name of its interface, where it is not the port's.
        interface: Option<PortName>,
        /// The address of its interface; the kernel's choice when absent.
        mac_address: Option<MacAddr>,
    },
    /// Other ports: those whose membership names it.
    Lag(Box<LagConfig>),
}

/// A network namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetnsRef {
    /// By its name below /run/netns.
    Name(String),
    /// By a process that is in it.
    Pid(u32),
}

/// The VLANs that a port carries (OpenConfig `switched-vlan`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Membership {
    /// One VLAN, untagged.
    Access(VlanId),
    /// Many VLANs, tagged, and perhaps one of them untagged.
    Trunk {
        /// All of them, the native one included.
        vlans: VlanSet,
        /// The one that untagged frames belong to.
        native: Option<VlanId>,
    },
    /// None of its own: it is a part of a bundle, and that carries them.
    Aggregate(MemberConfig),
    /// None: it is no port of the bridge, but has an interface of layer 3 to itself.
    Routed,
}

impl Membership {
    /// Is the port a member of the VLAN?
    pub fn carries(&self, vlan: VlanId) -> bool {
        match self {
            Membership::Access(access) => *access == vlan,
            Membership::Trunk { vlans, .. } => vlans.contains(vlan),
            Membership::Aggregate(_) | Membership::Routed => false,
        }
    }

    /// All VLANs that it is a member of.
    pub fn vlans(&self) -> VlanSet {
        match self {
            Membership::Access(vlan) => VlanSet::from_iter([*vlan]),
            Membership::Trunk { vlans, .. } => vlans.clone(),
            Membership::Aggregate(_) | Membership::Routed => VlanSet::new(),
        }
    }

    /// The VLAN of frames without a tag.
    pub fn untagged(&self) -> Option<VlanId> {
        match self {
            Membership::Access(vlan) => Some(*vlan),
            Membership::Trunk { native, .. } => *native,
            Membership::Aggregate(_) | Membership::Routed => None,
        }
    }

    /// Its place in a bundle, if it has one.
    pub fn aggregate(&self) -> Option<MemberConfig> {
        match *self {
            Membership::Aggregate(member) => Some(member),
            Membership::Access(_) | Membership::Trunk { .. } | Membership::Routed => None,
        }
    }
}

/// Frames per second that a port may have flooded; `None` for no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StormControl {
    /// To ff:ff:ff:ff:ff:ff.
    pub broadcast: Option<u32>,
    /// To other groups.
    pub multicast: Option<u32>,
    /// To stations that the table does not know.
    pub unknown_unicast: Option<u32>,
}

/// An address that neither ages nor moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StaticMac {
    /// Its VLAN.
    pub vlan: VlanId,
    /// The address.
    pub mac_address: MacAddr,
    /// Where it is.
    pub port: PortId,
}
