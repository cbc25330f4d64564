//! Bundles: the LACP agent, and what it does with the ports of a switch.
//!
//! [`LacpAgent`] is the machines of `greylag-lacp` under the supervisor. What it has decided is in [`Lags`], and stays when it is
//! gone: a bundle whose agent is dead goes on as it is, until its partner has missed its LACPDUs for long enough.

mod event;
mod lags;
mod system;

use crate::Switch;
use crate::agent::AgentKind;
use crate::config::{Attachment, FlowHashConfig};
use crate::event::Event;
use crate::input::Input;
use crate::octets::Octets;
use greylag_base::{Instant, MacAddr, Mbps, PortId, Seed};
use greylag_dataplane::{Aggregation, PortForwarding};
use greylag_lacp::{Lacp, LacpEvent as Told, Timers};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

pub use event::LacpEvent;
pub(crate) use lags::Lags;
pub use system::lacp_system;

/// The agent that keeps bundles.
pub(crate) struct LacpAgent {
    machines: Lacp,
    /// So long does it leave alone what it found in the data plane and has not decided over.
    finds_partners_until: Option<Instant>,
}

impl LacpAgent {
    /// An agent that has just been started, and has as long as its machines need to find partners that live: a port begins, hears
    /// or gives up, and waits for the others.
    fn new(machines: Lacp, now: Instant) -> Self {
        let needs = machines.config().bundles.iter().map(|bundle| {
            let Timers { start_spread, short_timeout, aggregate_wait, .. } = bundle.behaviour.timers;
            start_spread + short_timeout + aggregate_wait
        });
        let finds_partners_until = needs.max().map(|longest| now + longest);
        LacpAgent { machines, finds_partners_until }
    }

    pub(crate) fn machines(&self) -> &Lacp {
        &self.machines
    }

    fn poll_timeout(&self) -> Option<Instant> {
        [self.machines.poll_timeout(), self.finds_partners_until].into_iter().flatten().min()
    }
}

/// What a switch has of bundles: the agent, and what outlives it.
#[derive(Default)]
pub(crate) struct Bundles {
    /// While it runs.
    pub(crate) lacp: Option<LacpAgent>,
    /// What the data plane does with the bundles.
    pub(crate) lags: Lags,
    /// Ports without a link of which the agent, which hangs, has not heard.
    pub(crate) unheard_losses: BTreeSet<PortId>,
    /// When the agent looks at the frames that wait for it.
    pub(crate) next_frames: Option<Instant>,
}

/// The address of a switch whose machine gives it none: local, and its chance decides.
pub fn chassis_address(seed: Seed) -> MacAddr {
    let [bits, _] = seed.derive("chassis").key();
    // The last octets are the ports'.
    let [.., a, b, c, _, _] = bits.to_be_bytes();
    MacAddr([2, a, b, c, 0, 0])
}

impl Switch {
    /// The agent runs and is not hung.
    fn speaks_lacp(&self) -> bool {
        self.works(AgentKind::Lacp)
    }

    /// It knows of no partner: what it finds in the data plane stays until it has decided otherwise.
    pub(crate) fn start_lacp(&mut self, now: Instant) {
        let system = self.lacp_config();
        let machines = Lacp::new(system, self.seed.derive("lacp"), now);
        let machines = machines.expect("a configuration is checked before it runs");
        self.bundles.lacp = Some(LacpAgent::new(machines, now));
        self.bundles.lags.leave_behind();
        self.bundles.unheard_losses.clear();
        // What waits was for the one before.
        self.door.plane().take_punts(usize::MAX);
        self.tell_lacp(now);
    }

    /// What it knew of its partners goes with it.
    pub(crate) fn end_lacp(&mut self) {
        self.bundles.lacp = None;
        self.bundles.next_frames = None;
    }

    pub(crate) fn resume_lacp(&mut self, now: Instant) {
        self.tell_lacp(now);
        self.read_frames_again(now);
    }

    /// Frames that wait are read as soon as possible.
    pub(crate) fn read_frames_again(&mut self, now: Instant) {
        self.bundles.next_frames = (self.door.plane().punts_waiting() > 0).then_some(now);
    }

    /// The agent hears how things stand.
    fn tell_lacp(&mut self, now: Instant) {
        let system = self.lacp_config();
        let ports = (0..self.ports.len()).map(|index| PortId(index as u16));
        let links: Vec<(PortId, Option<Mbps>)> = ports.map(|id| (id, self.lacp_link(id))).collect();
        let lost = if self.speaks_lacp() {
            std::mem::take(&mut self.bundles.unheard_losses)
        } else {
            BTreeSet::new()
        };
        self.with_lacp(now, |lacp| {
            lacp.reconfigure(now, system).expect("a configuration is checked before it runs");
            for port in lost {
                lacp.set_link(now, port, None);
            }
            for (port, link) in links {
                lacp.set_link(now, port, link);
            }
            lacp.handle_timeout(now);
        });
    }

    /// When it has something to do of its own accord.
    pub(crate) fn next_of_lacp(&self) -> Option<Instant> {
        self.bundles.lacp.as_ref().filter(|_| self.speaks_lacp())?.poll_timeout()
    }

    /// What it does of its own accord.
    pub(crate) fn run_lacp(&mut self, now: Instant) {
        if self.next_of_lacp().is_some_and(|due| due <= now) {
            self.with_lacp(now, |lacp| lacp.handle_timeout(now));
            self.settle_left_behind(now);
        }
    }

    /// Ports that another agent left behind, and that this one has found no partner for in time, are as it says.
    fn settle_left_behind(&mut self, now: Instant) {
        let Some(agent) = &mut self.bundles.lacp else { return };
        if agent.finds_partners_until.take_if(|until| *until <= now).is_none() {
            return;
        }
        let mut left: BTreeMap<PortId, Vec<PortId>> = BTreeMap::new();
        for (lag, port) in self.bundles.lags.left_behind() {
            self.bundles.lags.set_member(lag, port, agent.machines.member(port).unwrap_or_default());
            left.entry(lag).or_default().push(port);
        }
        for (lag, ports) in &left {
            self.tell_left(now, *lag, ports);
        }
        if !left.is_empty() {
            self.deal(now, left.into_keys());
        }
    }

    /// Tells of ports that a bundle has left although no agent says so.
    fn tell_left(&mut self, now: Instant, id: PortId, ports: &[PortId]) {
        let lag = self.port_name(id);
        for &port in ports {
            let port = self.port_name(port);
            let (collecting, distributing) = (false, false);
            let changed = LacpEvent::LagMemberChanged { lag: lag.clone(), port, collecting, distributing };
            self.events.push(now, Event::Lacp(changed));
        }
        if !ports.is_empty() {
            let left = self.bundles.lags.distributing(id).into_iter();
            let distributing: Vec<String> = left.map(|port| self.port_name(port)).collect();
            let changed = LacpEvent::LagChanged { lag, up: !distributing.is_empty(), distributing };
            self.events.push(now, Event::Lacp(changed));
        }
    }

    /// Lets the agent do something if it listens, and does what it says.
    fn with_lacp(&mut self, now: Instant, work: impl FnOnce(&mut Lacp)) {
        if !self.speaks_lacp() {
            return;
        }
        let Some(mut agent) = self.bundles.lacp.take() else { return };
        work(&mut agent.machines);
        self.hear_lacp(now, &mut agent.machines);
        self.bundles.lacp = Some(agent);
    }

    fn hear_lacp(&mut self, now: Instant, lacp: &mut Lacp) {
        let mut dealt = BTreeSet::new();
        while let Some(told) = lacp.poll_event() {
            match &told {
                Told::MemberChanged { port, bundle, member } => {
                    let lag = system::lag_of(*bundle);
                    self.bundles.lags.set_member(lag, *port, *member);
                    dealt.insert(lag);
                }
                Told::BundleChanged { bundle, distributing, .. } => {
                    let lag = system::lag_of(*bundle);
                    self.bundles.lags.set_distributing(lag, distributing);
                    dealt.insert(lag);
                }
                _ => {}
            }
            let ports = &self.ports;
            let named = event::named(told, |port| ports[port.index()].config.name.to_string());
            self.events.push(now, Event::Lacp(named));
        }
        if !dealt.is_empty() {
            self.deal(now, dealt);
        }
        while let Some((port, frame)) = lacp.poll_transmit(now) {
            self.door.originate(now, port, frame);
        }
    }

    /// Takes out of these bundles what has no link or belongs to another, deals their flows anew, and publishes everything. A bundle
    /// that came up or went down is a port that did.
    pub(crate) fn deal(&mut self, now: Instant, lags: impl IntoIterator<Item = PortId>) {
        let joins = self.joins();
        let mut turned = Vec::new();
        for id in lags {
            let Attachment::Lag(config) = &self.ports[id.index()].config.attachment else { continue };
            let resilient = config.resilient;
            let members: BTreeSet<PortId> = self.config().members(id).map(|(port, _)| port).collect();
            let linked: BTreeSet<PortId> =
                members.into_iter().filter(|&port| self.lacp_link(port).is_some()).collect();
            let gone = self.bundles.lags.retain(id, |port| linked.contains(&port));
            if !self.speaks_lacp() {
                self.tell_left(now, id, &gone);
            }
            self.bundles.lags.deal(id, resilient);
            let up = self.admits(now, id) && self.bundles.lags.is_up(id);
            let port = &mut self.ports[id.index()];
            let was_up = port.is_up();
            port.link_up = up;
            port.settle(joins);
            if port.is_up() != was_up {
                turned.push((id, up));
            }
        }
        self.publish(now);
        for (id, up) in turned {
            self.follow_link(now, id, up);
        }
        self.settle_interfaces(now);
        self.follow_legs();
    }

    /// The link of a part of a bundle has changed: the bundle follows at once, agent or no agent.
    pub(crate) fn follow_member(&mut self, now: Instant, id: PortId, lag: PortId) {
        self.deal(now, [lag]);
        self.note_losses();
        let link = self.lacp_link(id);
        self.with_lacp(now, |lacp| lacp.set_link(now, id, link));
    }

    /// An agent that hangs is told of links that were lost meanwhile when it is back, whether or not they are up again.
    fn note_losses(&mut self) {
        if !self.speaks_lacp() {
            let ports = (0..self.ports.len()).map(|index| PortId(index as u16));
            let lost: Vec<PortId> = ports.filter(|&id| self.lacp_link(id).is_none()).collect();
            self.bundles.unheard_losses.extend(lost);
        }
    }

    /// What the agent is told of a port's link. Those of a bundle that is disabled are down to it.
    fn lacp_link(&self, id: PortId) -> Option<Mbps> {
        let port = &self.ports[id.index()];
        let lag = port.config.membership.aggregate()?.lag;
        (port.is_up() && self.ports[lag.index()].config.enabled).then_some(port.config.speed)
    }

    /// The running configuration is another one. An agent that does nothing hears of it when it does again.
    pub(crate) fn reconfigure_lacp(&mut self, now: Instant) {
        let lags: Vec<PortId> = self.config().lags().map(|(lag, _)| lag).collect();
        if !lags.is_empty() {
            self.note_losses();
            self.tell_lacp(now);
            self.deal(now, lags);
        }
    }

    /// What the data plane is told of a port.
    pub(crate) fn port_forwarding(&self, index: usize) -> PortForwarding {
        let (id, port) = (PortId(index as u16), &self.ports[index]);
        let forwarding = match (&port.config.attachment, port.config.membership.aggregate()) {
            (Attachment::Lag(_), _) => PortForwarding {
                aggregation: Aggregation::Lag(self.bundles.lags.buckets(id)),
                ..port.forwarding()
            },
            (_, Some(member)) => {
                let lag = &self.ports[member.lag.index()];
                let aggregation = Aggregation::Member { lag: member.lag, collecting: self.collects(id) };
                PortForwarding { up: port.is_up(), aggregation, ..lag.forwarding() }
            }
            _ => port.forwarding(),
        };
        let bridged = port.config.membership.aggregate().map_or(id, |member| member.lag);
        PortForwarding { layer3: self.layer3_of(id), chassis: self.chassis_of(bridged), ..forwarding }
    }

    /// What comes in by a port of a bundle is taken.
    pub(crate) fn collects(&self, id: PortId) -> bool {
        let lag = self.ports[id.index()].config.membership.aggregate().map(|member| member.lag);
        lag.is_some_and(|lag| self.ports[lag.index()].is_up() && self.bundles.lags.collects(lag, id))
    }

    /// How the data plane tells flows apart, its seed drawn if none is configured.
    pub(crate) fn flow_hash(&self) -> FlowHashConfig {
        let config = self.config().flow_hash;
        FlowHashConfig { seed: Some(config.seed.unwrap_or(self.seed.derive("flow-hash").0)), ..config }
    }

    /// Takes in the frames and packets that workers have handed up, as many as whoever they are for takes now. To be called as soon as
    /// one has been.
    pub fn poll_frames(&mut self, now: Instant) {
        if self.door.is_live() {
            self.poll_lacp(now);
            self.poll_packets(now);
        }
    }

    fn poll_lacp(&mut self, now: Instant) {
        self.bundles.next_frames = None;
        let agent = self.lives.get_mut(&AgentKind::Lacp).filter(|agent| agent.works());
        let Some(agent) = agent else { return };
        let allowance = agent.health.allowance(now, Duration::ZERO);
        let plane = Arc::clone(self.door.plane());
        let punts = plane.take_punts(allowance.try_into().unwrap_or(usize::MAX));
        let taken = punts.len();
        for punt in punts {
            let frame = Octets(punt.frame().to_vec());
            self.handle_input(now, Input::Frame { port: punt.port, frame }).expect("no frame is refused");
        }
        if let Some(agent) = self.lives.get_mut(&AgentKind::Lacp).filter(|agent| agent.works()) {
            let next = agent.health.spend(now, taken, Duration::ZERO);
            self.bundles.next_frames = next.filter(|_| plane.punts_waiting() > 0);
        }
    }

    pub(crate) fn handle_frame(&mut self, now: Instant, port: PortId, frame: &[u8]) {
        self.with_lacp(now, |lacp| lacp.handle_frame(now, port, frame));
    }
}
