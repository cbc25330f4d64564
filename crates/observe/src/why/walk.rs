//! A frame on its way: every copy of it, switch by switch and cable by cable, until it has arrived or is gone.

use super::frames::vlan_of;
use super::network::{Network, Obstacle, Station, WhyError};
use greylag_base::{VlanId, VlanSet};
use greylag_switch::show::{InterfaceRow, PortRow, TraceRequest, TraceRow};
use greylag_wire::ethernet::Frame;
use std::collections::{BTreeSet, VecDeque};

/// More copies than any network without a loop makes.
const MOST_STEPS: usize = 512;

/// Where a frame begins.
pub(super) enum Start {
    /// A host puts it on its cable.
    Host(usize, Station),
    /// A switch sends it: by an interface, or the way that its FIB says.
    Switch(usize, Option<String>),
}

/// Whom a frame is for.
pub(super) struct Target {
    pub(super) node: usize,
    /// A host's station.
    pub(super) station: Option<Station>,
    /// The interfaces of a switch.
    pub(super) interfaces: Vec<InterfaceRow>,
}

/// What became of a frame.
pub(super) struct Walk {
    pub(super) steps: Vec<Step>,
    /// The step at which it arrived first.
    pub(super) arrived: Option<usize>,
}

/// A copy of a frame at a node.
pub(super) struct Step {
    /// The step before.
    pub(super) parent: Option<usize>,
    pub(super) node: usize,
    /// The port that it came in by; for a frame that a cable lost, the one that it left by.
    pub(super) port: Option<String>,
    /// What the switch does with it.
    pub(super) row: Option<TraceRow>,
    pub(super) fate: Fate,
}

/// What becomes of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It goes on.
    GoesOn,
    Arrives,
    /// A switch drops it.
    Dropped(String),
    /// It goes to all, and a port that leads on gets none, for this reason.
    NotThere {
        port: String,
        bundle: Option<String>,
        reason: String,
    },
    /// A cable loses it.
    Lost {
        link: usize,
        from: usize,
        obstacle: Obstacle,
    },
    /// Somebody else has it: another station, or a switch on the way.
    Kept,
    /// Its station has another address, or another VLAN.
    Refused(&'static str),
    /// The node has no power.
    Off,
    /// It has been here before.
    Circles,
}

/// Sends a frame and follows it.
pub(super) fn walk<N: Network>(
    network: &N,
    start: &Start,
    frame: Vec<u8>,
    target: &Target,
) -> Result<Walk, WhyError> {
    let mut walker =
        Walker { network, target, steps: Vec::new(), waiting: VecDeque::new(), met: BTreeSet::new() };
    match start {
        Start::Host(node, station) => {
            walker.step(None, *node, None, None, Fate::GoesOn);
            walker.cross(0, station.plug, frame);
        }
        Start::Switch(node, interface) => {
            let request = TraceRequest {
                own: true,
                interface: interface.clone(),
                frame: Some(greylag_switch::Octets(frame)),
                ..TraceRequest::default()
            };
            walker.decide(None, *node, None, &request)?;
        }
    }
    walker.follow()?;
    let arrived = walker.steps.iter().position(|step| step.fate == Fate::Arrives);
    Ok(Walk { steps: walker.steps, arrived })
}

struct Walker<'n, N> {
    network: &'n N,
    target: &'n Target,
    steps: Vec<Step>,
    /// Frames that have come to an end of a cable: after which step, which cable and end.
    waiting: VecDeque<(usize, (usize, usize), Vec<u8>)>,
    met: BTreeSet<(usize, String, Vec<u8>)>,
}

impl<N: Network> Walker<'_, N> {
    fn step(
        &mut self,
        parent: Option<usize>,
        node: usize,
        port: Option<String>,
        row: Option<TraceRow>,
        fate: Fate,
    ) -> usize {
        self.steps.push(Step { parent, node, port, row, fate });
        self.steps.len() - 1
    }

    fn cross(&mut self, parent: usize, (link, from): (usize, usize), frame: Vec<u8>) {
        let network = self.network;
        let plan = network.plan();
        let near = &plan.links[link][from];
        match network.obstacle(link, from, &frame) {
            Some(obstacle) => {
                let port = Some(near.interface.clone());
                self.step(Some(parent), near.node, port, None, Fate::Lost { link, from, obstacle });
            }
            None => self.waiting.push_back((parent, (link, 1 - from), frame)),
        }
    }

    fn follow(&mut self) -> Result<(), WhyError> {
        let network = self.network;
        while let Some((parent, (link, end), frame)) = self.waiting.pop_front() {
            let at = &network.plan().links[link][end];
            let (node, port) = (at.node, at.interface.clone());
            let parent = Some(parent);
            if self.steps.len() >= MOST_STEPS || !self.met.insert((node, port.clone(), frame.clone())) {
                self.step(parent, node, Some(port), None, Fate::Circles);
            } else if !network.plan().nodes[node].is_switch {
                let fate = self.at_host(node, (link, end), &frame);
                self.step(parent, node, Some(port), None, fate);
            } else if !network.runs(node) {
                self.step(parent, node, Some(port), None, Fate::Off);
            } else {
                let frame = Some(greylag_switch::Octets(frame));
                let request = TraceRequest { port: port.clone(), frame, ..TraceRequest::default() };
                self.decide(parent, node, Some(port), &request)?;
            }
        }
        Ok(())
    }

    fn at_host(&self, node: usize, plug: (usize, usize), frame: &[u8]) -> Fate {
        let station = self.target.station.as_ref().filter(|_| node == self.target.node);
        let Some((station, view)) = station.zip(Frame::new_checked(frame)) else { return Fate::Kept };
        match () {
            // An interface that it is not plugged into.
            () if station.plug != plug => Fate::Kept,
            () if !view.destination().is_group() && view.destination() != station.mac => {
                Fate::Refused("wrong-address")
            }
            () if vlan_of(frame) != station.vlan.map(VlanId::get) => Fate::Refused("wrong-vlan"),
            () => Fate::Arrives,
        }
    }

    /// Has a switch decide, and sends what it would send.
    fn decide(
        &mut self,
        parent: Option<usize>,
        node: usize,
        port: Option<String>,
        request: &TraceRequest,
    ) -> Result<(), WhyError> {
        let network = self.network;
        let row = network.trace(node, request)?;
        let is_target = node == self.target.node && parent.is_some();
        let fate = match row.decision.as_str() {
            "to-the-switch" if is_target => Fate::Arrives,
            "to-the-switch" => Fate::Kept,
            "dropped" => Fate::Dropped(row.reason.clone().unwrap_or_default()),
            _ if is_target && self.is_heard(&row) => Fate::Arrives,
            _ => Fate::GoesOn,
        };
        let has_arrived = fate == Fate::Arrives;
        let sent: Vec<(String, Vec<u8>)> =
            row.sent.iter().map(|sent| (sent.port.clone(), sent.frame.0.clone())).collect();
        let step = self.step(parent, node, port, Some(row), fate);
        // What else becomes of it is no matter then.
        for (port, frame) in sent.into_iter().filter(|_| !has_arrived) {
            if let Some(place) = network.plan().link_at(node, &port) {
                self.cross(step, place, frame);
            }
        }
        Ok(())
    }

    /// The switch that a frame is for has a copy of what it floods in the VLAN of an interface of its own.
    fn is_heard(&self, row: &TraceRow) -> bool {
        let Some(bridge) = &row.bridge else { return false };
        let mut interfaces = self.target.interfaces.iter();
        row.decision == "flooded"
            && interfaces
                .any(|interface| interface.vlan == Some(bridge.vlan.get()) && interface.oper_status == "UP")
    }
}

impl Walk {
    /// The steps to one, in order.
    pub(super) fn chain(&self, step: usize) -> Vec<usize> {
        let mut chain: Vec<usize> = std::iter::successors(Some(step), |&at| self.steps[at].parent).collect();
        chain.reverse();
        chain
    }

    /// The step that has the last word over a frame that has not arrived: of those nearest to its target the last.
    pub(super) fn last_word<N: Network>(&mut self, network: &N, target: &Target) -> Result<usize, WhyError> {
        let home = target.station.as_ref().map(|station| station.plug.0);
        let distances = network.plan().distances_to(target.node, home);
        let nearest = self.steps.iter().map(|step| distances[step.node]).min().unwrap_or(u32::MAX);
        let last = self.steps.iter().rposition(|step| distances[step.node] == nearest).unwrap_or(0);
        let step = &self.steps[last];
        if let Some(row) = &step.row
            && is_to_all(row)
            && let Some(fate) = missing(network, step, row, &distances)?
        {
            self.steps[last].fate = fate;
        }
        Ok(last)
    }
}

/// It goes, or would have gone, to all ports of its VLAN.
fn is_to_all(row: &TraceRow) -> bool {
    row.decision == "flooded"
        || row.decision == "routed" && row.sent.len() > 1
        || matches!(row.reason.as_deref(), Some("no-egress" | "not-in-flood-group"))
}

/// Why no copy of what is flooded leaves by a port that leads to the target.
fn missing<N: Network>(
    network: &N,
    step: &Step,
    row: &TraceRow,
    distances: &[u32],
) -> Result<Option<Fate>, WhyError> {
    let plan = network.plan();
    let ports: Vec<PortRow> = network.ports(step.node)?;
    let is_nearer = |port: &PortRow| {
        let place = plan.link_at(step.node, &port.name);
        place.is_some_and(|(link, end)| distances[plan.links[link][1 - end].node] < distances[step.node])
    };
    for part in ports.iter().filter(|port| is_nearer(port)) {
        if row.sent.iter().any(|sent| sent.port == part.name) {
            continue;
        }
        // What a bundle is decides for its parts.
        let bridge = part.aggregate_id.as_ref().and_then(|lag| ports.iter().find(|port| port.name == *lag));
        let port = bridge.unwrap_or(part);
        let (left_out, vlan) = match &row.bridge {
            Some(bridge) => (&bridge.left_out[..], Some(bridge.vlan)),
            None => (&[][..], None),
        };
        let vlans: VlanSet = serde_json::from_value(port.vlans.as_str().into()).unwrap_or_default();
        let reason = match () {
            () if part.oper_status != "UP" || port.oper_status != "UP" => "port-down",
            () if vlan.is_some_and(|vlan| !vlans.contains(vlan)) => "vlan-not-allowed",
            () if left_out.contains(&port.name) => "not-in-flood-group",
            () if step.port.as_ref() == Some(&part.name) => continue,
            () => "isolated",
        };
        let bundle = part.aggregate_id.clone();
        return Ok(Some(Fate::NotThere { port: part.name.clone(), bundle, reason: reason.to_owned() }));
    }
    Ok(None)
}
