use greylag_base::{DropReason, InterfaceId, MacAddr, PortId, VlanId};
use greylag_fib::{GroupId, NextHopId};
use greylag_ports::Batch;

/// What a worker has decided over a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// To one port; that of a bundle, where it leaves by one.
    Forwarded(PortId),
    /// To the VLAN; `left_out` when a member got no copy because it is not in the flood group.
    Flooded {
        /// Some member was left out.
        left_out: bool,
    },
    /// To one port, by a route; that of a bundle, where it leaves by one.
    Routed {
        /// How that was found.
        path: Path,
        /// The port.
        port: PortId,
    },
    /// To the VLAN of the interface that its route leads to, for nobody knows the port of the next hop's station.
    RoutedToAll {
        /// How that was found.
        path: Path,
        /// As in [`Decision::Flooded`].
        left_out: bool,
    },
    /// To the switch itself.
    Punted,
    /// To nobody.
    Dropped(DropReason),
}

/// What a route comes to, for one flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// The group that the longest prefix leads to.
    pub group: GroupId,
    /// The flow's bucket in it.
    pub bucket: u16,
    /// Where that leads now.
    pub next_hop: NextHopId,
    /// By which interface it leaves.
    pub interface: InterfaceId,
    /// To which station.
    pub neighbor: MacAddr,
}

/// What the FIB has chosen for one packet's flow, whether or not it leads anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The group that the longest prefix leads to.
    pub group: GroupId,
    /// The flow's bucket in it.
    pub bucket: u16,
    /// Where that leads now, if anywhere.
    pub next_hop: Option<NextHopId>,
}

/// What the bridge knew of a frame's two stations when it looked at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The frame's VLAN.
    pub vlan: VlanId,
    /// Behind which port the table had its source, before anything was learned from it.
    pub source: Option<PortId>,
    /// Behind which port the table has its destination.
    pub destination: Option<PortId>,
}

/// The stage of the pipeline that a reason belongs to: `ingress`, `learn`, `route`, `lookup`, `flood` or `egress`.
pub fn stage_of(reason: DropReason) -> &'static str {
    // They are in the order in which a frame meets them.
    match reason {
        reason if reason <= DropReason::ReservedVlan => "ingress",
        reason if reason <= DropReason::MoveDamped => "learn",
        reason if reason <= DropReason::AdjacencyUnresolved => "route",
        reason if reason <= DropReason::SplitHorizon => "lookup",
        reason if reason <= DropReason::NoEgress => "flood",
        _ => "egress",
    }
}

/// What a capture says of a frame that was dropped: the reason, the stage, `how` in words of the caller's (such as `, eth1 did not take
/// it`), and what the reason means.
pub fn drop_comment(reason: DropReason, how: &str) -> String {
    format!("{}: dropped in stage {}{how}. {}", reason.name(), stage_of(reason), reason.description())
}

/// Who is told what a worker decides, frame by frame. See [`Worker::poll_port_traced`](crate::Worker::poll_port_traced).
///
/// Of a batch, frames that are dropped at the first look are told first, then those that their source keeps from passing, then those to
/// the switch itself or to an interface of it that go no further, those that are bridged, and those that are routed, IPv4 before IPv6;
/// each group in the order of the batch. What an egress port does not take is in its own report, and not told here.
pub trait Tracer {
    /// Anything is told at all. Where it is not, nothing is prepared for it: the worker is compiled as if there were no tracer.
    const LISTENS: bool = true;

    /// What the table said of the stations of frame number `frame` of the batch. To be heard of frames in a VLAN that were admitted, and
    /// before or after what was decided over them.
    fn saw(&mut self, _frame: u16, _seen: Seen) {}

    /// What the FIB has chosen for the packet of frame number `frame` of the batch; nothing, where there is no route. To be heard before
    /// what was decided over it.
    fn chose(&mut self, _frame: u16, _choice: Choice) {}

    /// Frame number `number` of the batch, which came in on `ingress`, as it came in, is to fare like this. A tag that its port told
    /// beside the frame is not in its bytes.
    fn decided(&mut self, ingress: PortId, number: u16, frame: &[u8], decision: Decision);

    /// A copy of frame number `number` of the batch that was to leave by `egress` is dropped before that port is given it. It is in the
    /// batch as it came in, or in the shape in which it would have left, if it came so far.
    fn copy_dropped(&mut self, _batch: &Batch, _number: u16, _egress: PortId, _reason: DropReason) {}
}

/// Nobody listens.
impl Tracer for () {
    const LISTENS: bool = false;

    fn decided(&mut self, _ingress: PortId, _number: u16, _frame: &[u8], _decision: Decision) {}
}
