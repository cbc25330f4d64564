//! Everything configured, compiled into what a worker asks per frame. Immutable: the control side builds a new
//! one and swaps it whole.

use crate::ingress::Header;
use crate::{Buckets, Carrier, FlowFields, FlowHash, InterfaceForwarding, StaleBucket};
use greylag_base::{DropReason, Instant, InterfaceId, PortId, PortSet, Seed, VlanId, VlanSet};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A snapshot of everything that is configured.
#[derive(Clone, Debug)]
pub struct Forwarding {
    ports: Box<[PortForwarding]>,
    /// Where each VLAN stands in `vlans`, by its id; [`NOWHERE`] for one without members.
    places: Box<[u16]>,
    vlans: Vec<VlanForwarding>,
    group_fwd_mask: u16,
    damping: Option<Damping>,
    learning: Learning,
    flow_hash: FlowHash,
    /// By which the next hop of a group is chosen.
    route_hash: FlowHash,
    interfaces: Box<[InterfaceForwarding]>,
    /// By interface: what of it, and of what carries it, every packet that leaves is asked about.
    exits: Box<[InterfaceExit]>,
    /// A VLAN has an interface: where none has, no frame is asked about one.
    has_irbs: bool,
    /// In ascending order.
    stale_buckets: Box<[StaleBucket]>,
    /// There is a bundle: where there is none, no frame is asked about one.
    has_lags: bool,
    /// Ports are kept apart, by groups or as those of a pair of chassis: where none are, no frame is asked about it.
    keeps_apart: bool,
    /// An interface stands in for that of another chassis: where none does, no packet is asked about it.
    has_peers: bool,
}

/// How packets leave by an interface.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InterfaceExit {
    /// Its address, as a number.
    pub(crate) mac: u64,
    /// The longest packet.
    pub(crate) mtu: usize,
    pub(crate) way: ExitWay,
    pub(crate) up: bool,
}

/// By what packets leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitWay {
    /// By a port, which is up, and no bundle.
    Port(PortId),
    /// By a bundle, which is up.
    Bundle(PortId),
    /// In a VLAN.
    Vlan(VlanId),
    /// By nothing.
    None(DropReason),
}

impl InterfaceExit {
    fn new(interface: &InterfaceForwarding, forwarding: &Forwarding) -> Self {
        let way = match interface.carrier {
            Carrier::Port(port) => match forwarding.port(port) {
                Some(settings) if !settings.up => ExitWay::None(DropReason::DestinationDown),
                Some(PortForwarding { aggregation: Aggregation::Lag(_), .. }) => ExitWay::Bundle(port),
                Some(_) => ExitWay::Port(port),
                None => ExitWay::None(DropReason::DestinationDown),
            },
            Carrier::Vlan(vlan) => ExitWay::Vlan(vlan),
            Carrier::Loopback => ExitWay::None(DropReason::InterfaceDown),
        };
        InterfaceExit { mac: interface.mac.to_bits(), mtu: interface.mtu, way, up: interface.up }
    }
}

/// In place of a VLAN's place; there are fewer VLANs.
const NOWHERE: u16 = u16::MAX;

/// What a worker needs to know of a port.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PortForwarding {
    /// Frames may pass: the port is administratively up and its link is up.
    pub up: bool,
    /// The VLANs that it is a member of.
    pub vlans: VlanSet,
    /// The VLAN of frames without a tag; frames of this VLAN leave without one.
    pub untagged: Option<VlanId>,
    /// The longest payload behind header and tag, in bytes.
    pub mtu: usize,
    /// Ports of the same group do not exchange frames.
    pub isolation_group: Option<u16>,
    /// What it may have flooded.
    pub storm: StormLimits,
    /// What it has to do with bundles.
    pub aggregation: Aggregation,
    /// What it has to do with layer 3.
    pub layer3: Layer3,
    /// What it is to a pair of chassis.
    pub chassis: Chassis,
}

/// What a port of the bridge is to a pair of chassis, which stations with a bundle to both take for one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Chassis {
    /// Nothing.
    #[default]
    None,
    /// The link between the two: what is bridged from here does not leave by a port that is [`Shared`](Chassis::Shared).
    Link,
    /// This chassis' leg of a bundle whose other leg is up: what comes in by the link has been given to that one. A station that is known
    /// here and is seen on the link has not moved: the other chassis passes on what came in by its leg.
    Shared,
}

/// What a port has to do with layer 3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer3 {
    /// Nothing, but for the interfaces of its VLANs.
    #[default]
    None,
    /// It is no port of the bridge: this interface has it to itself. So with a part of a bundle that is one.
    Routed(InterfaceId),
    /// It is no port of the bridge: another IP stack stands behind it that shares this interface.
    Host(InterfaceId),
}

/// What a port has to do with bundles: link aggregation groups (IEEE 802.1AX).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Aggregation {
    /// Nothing.
    #[default]
    None,
    /// It is a bundle, and frames leave by the ports in these buckets.
    Lag(Buckets<PortId>),
    /// It is a part of a bundle, whose VLANs and MTU it has. Frames of slow protocols are handed up.
    Member {
        /// The bundle: what comes in here has come in there.
        lag: PortId,
        /// What comes in is taken.
        collecting: bool,
    },
}

impl PortForwarding {
    /// A port that is up, in one VLAN, untagged, with an MTU of 1500.
    pub fn access(vlan: VlanId) -> Self {
        PortForwarding {
            up: true,
            vlans: VlanSet::from_iter([vlan]),
            untagged: Some(vlan),
            mtu: 1500,
            isolation_group: None,
            storm: StormLimits::default(),
            aggregation: Aggregation::None,
            layer3: Layer3::None,
            chassis: Chassis::None,
        }
    }
}

/// Frames per second that a port may have flooded; `None` for no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StormLimits {
    /// To ff:ff:ff:ff:ff:ff.
    pub broadcast: Option<u32>,
    /// To other groups.
    pub multicast: Option<u32>,
    /// To stations that the table does not know.
    pub unknown_unicast: Option<u32>,
}

/// When an address that changes ports is held where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Damping {
    /// Moves within `interval` that are allowed.
    pub threshold: u16,
    /// Over which moves are counted.
    pub interval: Duration,
    /// How long the address is held.
    pub hold: Duration,
    /// Frames of a held address from another port are dropped; otherwise they are forwarded.
    pub drop: bool,
}

/// Who keeps the MAC table current.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Learning {
    /// Who installs and moves entries.
    pub install: Keeper,
    /// Who moves the stamps of entries that are in use. With [`Keeper::Agent`] a worker only sets an entry's hit bit.
    pub renew: Keeper,
    /// A source that waits for the agent is reported again after so long; `None` for once, be it that the report was lost,
    /// until the source has been known and is not any more. So with a station that a packet was to leave for.
    pub report_interval: Option<Duration>,
    /// Whose it is to find the port of a station that a packet of the switch itself, routed or its own, leaves for by the interface of a
    /// VLAN. A worker floods the packet; the agent is told, and the packet dropped.
    pub adjacency: Keeper,
}

/// One of the two who can write the MAC table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keeper {
    /// The worker that sees the frame.
    Worker,
    /// The learning agent of the control side.
    Agent,
}

impl Learning {
    /// The worker does all of it.
    pub const INLINE: Learning = Learning {
        install: Keeper::Worker,
        renew: Keeper::Worker,
        report_interval: None,
        adjacency: Keeper::Worker,
    };
}

/// What a worker needs to know of a VLAN.
#[derive(Clone, Debug)]
pub struct VlanForwarding {
    /// Ports that frames of this VLAN are flooded to: members that are up, and in the flood group where an agent keeps one.
    pub flood: PortSet,
    /// Members that are up and not in the flood group: what is not flooded to them is counted there.
    pub left_out: PortSet,
    /// The flood group lapses then, unless it is renewed; `None` for never.
    pub flood_until: Option<Instant>,
    /// Its interface of layer 3.
    pub interface: Option<InterfaceId>,
}

impl Forwarding {
    /// Compiles ports into a snapshot; the index of a port is its id. Bit X of `group_fwd_mask` lets frames to
    /// 01-80-C2-00-00-0X pass.
    pub fn new(ports: Vec<PortForwarding>, group_fwd_mask: u16) -> Self {
        let mut places = vec![NOWHERE; usize::from(VlanId::MAX.get()) + 1].into_boxed_slice();
        let mut vlans = Vec::new();
        let of_the_bridge = |(_, port): &(usize, &PortForwarding)| {
            !matches!(port.aggregation, Aggregation::Member { .. }) && port.layer3 == Layer3::None
        };
        for (index, port) in ports.iter().enumerate().filter(of_the_bridge) {
            for vlan in port.vlans.iter() {
                let place = &mut places[vlan.index()];
                if *place == NOWHERE {
                    *place = vlans.len() as u16;
                    let (flood, left_out) = (PortSet::new(ports.len()), PortSet::default());
                    vlans.push(VlanForwarding { flood, left_out, flood_until: None, interface: None });
                }
                if port.up {
                    vlans[usize::from(*place)].flood.insert(PortId(index as u16));
                }
            }
        }
        let has = |chassis| ports.iter().any(|port| port.chassis == chassis);
        let has_groups = ports.iter().any(|port| port.isolation_group.is_some());
        let keeps_apart = has_groups || (has(Chassis::Link) && has(Chassis::Shared));
        let has_lags = ports.iter().any(|port| matches!(port.aggregation, Aggregation::Lag(_)));
        Forwarding {
            has_lags,
            keeps_apart,
            has_peers: false,
            ports: ports.into_boxed_slice(),
            places,
            vlans,
            group_fwd_mask,
            damping: None,
            learning: Learning::INLINE,
            flow_hash: FlowHash::new(FlowFields::LAYER3_4, Seed(0)),
            route_hash: FlowHash::new(FlowFields::LAYER3_4, Seed(1)),
            interfaces: Box::default(),
            exits: Box::default(),
            has_irbs: false,
            stale_buckets: Box::default(),
        }
    }

    /// The same with flows told apart in another way.
    pub fn with_flow_hash(mut self, flow_hash: FlowHash) -> Self {
        self.flow_hash = flow_hash;
        self
    }

    /// The same with the flows to a group of next hops told apart in another way.
    pub fn with_route_hash(mut self, route_hash: FlowHash) -> Self {
        self.route_hash = route_hash;
        self
    }

    /// The same with interfaces of layer 3; the index of an interface is its id.
    pub fn with_interfaces(mut self, interfaces: Vec<InterfaceForwarding>) -> Self {
        for (index, interface) in interfaces.iter().enumerate() {
            let Carrier::Vlan(vlan) = interface.carrier else { continue };
            if let Some(vlan) = self.vlans.get_mut(usize::from(self.places[vlan.index()])) {
                vlan.interface = Some(InterfaceId(index as u16));
                self.has_irbs = true;
            }
        }
        self.has_peers = interfaces.iter().any(|interface| interface.peer_mac.is_some());
        self.exits = interfaces.iter().map(|interface| InterfaceExit::new(interface, &self)).collect();
        self.interfaces = interfaces.into_boxed_slice();
        self
    }

    /// The same with buckets that some workers have not heard the news of.
    pub fn with_stale_buckets(mut self, mut stale: Vec<StaleBucket>) -> Self {
        stale.sort_unstable();
        self.stale_buckets = stale.into_boxed_slice();
        self
    }

    /// The same with damping of addresses that change ports too often.
    pub fn with_damping(mut self, damping: Option<Damping>) -> Self {
        self.damping = damping;
        self
    }

    /// The same with another division of the work on the MAC table.
    pub fn with_learning(mut self, learning: Learning) -> Self {
        self.learning = learning;
        self
    }

    /// The same with a VLAN that is flooded within `group` only, and not at all from `until` on. Members that are up and not in
    /// the group are left out.
    pub fn with_flood_group(mut self, vlan: VlanId, group: &PortSet, until: Option<Instant>) -> Self {
        let ports = self.ports.len();
        if let Some(vlan) = self.vlans.get_mut(usize::from(self.places[vlan.index()])) {
            let members: Vec<PortId> = vlan.flood.iter().chain(vlan.left_out.iter()).collect();
            (vlan.flood, vlan.left_out) = (PortSet::new(ports), PortSet::new(ports));
            for port in members {
                if group.contains(port) { vlan.flood.insert(port) } else { vlan.left_out.insert(port) }
            }
            vlan.flood_until = until;
        }
        self
    }

    /// An interface of layer 3. One that is not in the snapshot is down.
    pub fn interface(&self, interface: InterfaceId) -> Option<&InterfaceForwarding> {
        self.interfaces.get(interface.index())
    }

    /// How packets leave by an interface.
    #[inline(always)]
    pub(crate) fn exit(&self, interface: InterfaceId) -> Option<&InterfaceExit> {
        self.exits.get(interface.index())
    }

    /// A VLAN has an interface.
    #[inline]
    pub(crate) fn has_irbs(&self) -> bool {
        self.has_irbs
    }

    /// An interface stands in for that of another chassis.
    #[inline]
    pub(crate) fn has_peers(&self) -> bool {
        self.has_peers
    }

    /// Buckets by which workers go on forwarding, in ascending order.
    pub fn stale_buckets(&self) -> &[StaleBucket] {
        &self.stale_buckets
    }

    /// By which the next hop of a group is chosen.
    pub(crate) fn route_hash(&self) -> &FlowHash {
        &self.route_hash
    }

    /// Who keeps the MAC table current.
    pub fn learning(&self) -> Learning {
        self.learning
    }

    /// A port. One that is not in the snapshot is down.
    pub fn port(&self, port: PortId) -> Option<&PortForwarding> {
        self.ports.get(port.index())
    }

    /// The port of the bridge that a port is, or is a part of: where addresses are learned.
    pub(crate) fn bridge_port(&self, port: PortId) -> PortId {
        match self.port(port) {
            Some(PortForwarding { aggregation: Aggregation::Member { lag, .. }, .. }) => *lag,
            _ => port,
        }
    }

    /// The port by which a frame leaves that is to leave by `port`, which may be a bundle, with this header; `None` when that has no
    /// port to send by.
    #[inline]
    pub(crate) fn leaves_by<'f>(
        &self,
        port: PortId,
        header: &Header,
        frame: impl FnOnce() -> &'f [u8],
    ) -> Option<PortId> {
        if !self.has_lags {
            return Some(port);
        }
        match self.port(port) {
            Some(PortForwarding { aggregation: Aggregation::Lag(buckets), .. }) => {
                buckets.choose(self.flow_hash.of_leaving(header, frame()))
            }
            _ => Some(port),
        }
    }

    /// A VLAN, when a port is a member of it.
    pub fn vlan(&self, vlan: VlanId) -> Option<&VlanForwarding> {
        self.vlans.get(usize::from(self.places[vlan.index()]))
    }

    /// Frames to this reserved group address, 0 to 15, pass like other groups.
    pub fn passes_reserved_group(&self, last_octet: u8) -> bool {
        self.group_fwd_mask & (1 << last_octet) != 0
    }

    /// Damping of moves, when configured.
    pub fn damping(&self) -> Option<Damping> {
        self.damping
    }

    /// Why nothing that is bridged and came in by `from` leaves by `to`, both being ports of the bridge; `None` when it may.
    ///
    /// Frames that are routed are not asked: a packet that leaves in a VLAN is in a frame of its own, which this chassis has made once
    /// and the other has not got. One that came in by the link between chassis was given to this one to be routed, and by none but it.
    #[inline]
    pub(crate) fn kept_apart(&self, from: PortId, to: PortId) -> Option<DropReason> {
        if !self.keeps_apart {
            return None;
        }
        let (from, to) = (self.port(from)?, self.port(to)?);
        if from.chassis == Chassis::Link && to.chassis == Chassis::Shared {
            return Some(DropReason::SplitHorizon);
        }
        (from.isolation_group.is_some() && from.isolation_group == to.isolation_group)
            .then_some(DropReason::Isolated)
    }

    /// The port is the link between two chassis.
    #[inline]
    pub(crate) fn is_chassis_link(&self, port: PortId) -> bool {
        self.port(port).is_some_and(|port| port.chassis == Chassis::Link)
    }

    /// A station that the table has behind one port, and that was seen on another, is where it was: the other chassis passes on what it
    /// got by its leg of the same bundle.
    pub(crate) fn is_by_other_leg(&self, known: PortId, seen: PortId) -> bool {
        self.is_chassis_link(seen) && self.port(known).is_some_and(|port| port.chassis == Chassis::Shared)
    }
}
