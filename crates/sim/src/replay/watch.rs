//! The one observer of a replay: hands what is to be seen to all who need it.

use super::capture::Capture;
use super::carriers::Carriers;
use super::cause::{Explainer, Trails, moment};
use super::checkers::forwarding_needs_learning::{self, ForwardingNeedsLearning};
use super::checkers::no_duplicate::{self, NoDuplicate};
use super::checkers::no_lasting_flood::{self, NoLastingFlood};
use super::checkers::no_loop::{self, NoLoop};
use super::checkers::no_mute_switch::{self, NoMuteSwitch};
use super::checkers::one_partner_per_bundle::{self, OnePartner};
use super::checkers::table_agrees::{self, TableAgrees};
use super::checkers::{Charges, no_black_hole};
use super::chronicle::{Chronicle, Turn};
use super::clock::{DayClock, span};
use super::frame::{Glance, ProbeMark};
use super::judge::Tallies;
use super::log::EventLog;
use super::order::end_name;
use super::outcome::FlowOutcome;
use super::topology::Topology;
use super::ways::Ways;
use crate::{Decision, Happening, LinkLoss, Observer};
use greylag_base::{DropReason, Instant, PortId, Seed};
use greylag_scenario::lab::{Lab, NodeKind};
use greylag_scenario::story::Scenario;
use greylag_switch::agent::AgentKind;
use greylag_switch::config::{LearningMode, SwitchConfig};
use greylag_switch::{Event, EventRecord, LacpEvent};
use greylag_wire::lacp::Pdu;
use greylag_wire::slow::{self, Subtype};
use std::io::{self, Write};

/// Sees everything, changes nothing.
pub(crate) struct Watch<'a> {
    scenario: &'a Scenario,
    clock: DayClock,
    map: Topology,
    pub(crate) chronicle: Chronicle,
    pub(crate) log: EventLog<'a>,
    trails: Trails,
    /// Of unicast frames to each host that are no probes.
    answers: Trails,
    pub(crate) tallies: Tallies<'a>,
    loops: NoLoop,
    duplicates: NoDuplicate,
    floods: NoLastingFlood,
    mutes: NoMuteSwitch,
    partners: OnePartner,
    pub(crate) ways: Ways,
    needs: ForwardingNeedsLearning,
    pub(crate) tables: TableAgrees,
    fibs: TableAgrees,
    pub(super) carriers: Carriers,
    pub(crate) charges: Charges,
    capture: Option<Capture<'a>>,
    /// Of the digests of frames.
    key: [u64; 2],
    /// What flows are called, by number.
    labels: Vec<String>,
    /// Why switches refused what they were ordered.
    pub(crate) refusals: Vec<String>,
    /// Frames are seen on every link. Where they are not, nobody knows where they die.
    pub(crate) sees_links: bool,
}

impl<'a> Watch<'a> {
    /// Somebody who looks at the world of a scenario. `events` gets the event log, `capture` all frames.
    ///
    /// # Errors
    /// When the capture cannot be begun.
    pub(crate) fn new(
        scenario: &'a Scenario,
        seed: Seed,
        events: Option<&'a mut dyn Write>,
        capture: Option<&'a mut dyn Write>,
    ) -> io::Result<Self> {
        let (nodes, limits) = (scenario.lab.nodes.len(), &scenario.checkers);
        let mut chronicle = Chronicle::new(nodes);
        for version in &scenario.versions {
            version.at_start.iter().for_each(|&switch| chronicle.starts_with(switch, version));
        }
        Ok(Watch {
            scenario,
            clock: DayClock::new(scenario.start),
            map: Topology::new(scenario),
            chronicle,
            log: EventLog::new(&scenario.lab, events),
            trails: Trails::new([]),
            answers: Trails::new(0..nodes),
            tallies: Tallies::new(&scenario.expectations),
            loops: NoLoop::new(limits.passes),
            duplicates: NoDuplicate::new(0),
            floods: NoLastingFlood::new(nodes, limits.flood),
            mutes: NoMuteSwitch::new(nodes, limits.silence),
            partners: OnePartner::new(limits.silence),
            ways: Ways::default(),
            needs: ForwardingNeedsLearning::new(nodes),
            tables: TableAgrees::new(nodes, limits.disagreement),
            fibs: TableAgrees::new(nodes, limits.disagreement),
            carriers: Carriers::new(scenario),
            charges: Charges::default(),
            capture: capture.map(|out| Capture::new(scenario, out)).transpose()?,
            key: seed.derive("onlooker").key(),
            labels: Vec::new(),
            refusals: Vec::new(),
            sees_links: true,
        })
    }

    /// Tells of the flows, by number: what they are called, and which hosts receive them.
    pub(crate) fn expect_flows(&mut self, flows: impl Iterator<Item = (String, usize)>) {
        let (labels, receivers): (Vec<String>, Vec<usize>) = flows.unzip();
        self.duplicates = NoDuplicate::new(labels.len());
        self.trails = Trails::new(receivers);
        self.labels = labels;
    }

    /// A look at a switch found its two lists of addresses to differ in so many entries.
    pub(crate) fn compared(&mut self, at: Instant, switch: usize, differences: usize) {
        if let Some(since) = self.tables.looked(at, switch, differences) {
            let clock = self.clock;
            self.charges.add(table_agrees::NAME, Some(switch), at, || {
                let text = format!(
                    "agent and table differ since {}, now in {differences} entries",
                    clock.time(since)
                );
                (None, text)
            });
        }
        self.look_at_bundles(at);
    }

    /// A look at a switch found its RIB and FIB to differ in so many places.
    pub(crate) fn compared_fib(&mut self, at: Instant, switch: usize, differences: usize) {
        if let Some(since) = self.fibs.looked(at, switch, differences) {
            let clock = self.clock;
            self.charges.add(table_agrees::OF_FIB, Some(switch), at, || {
                let since = clock.time(since);
                (None, format!("RIB and FIB differ since {since}, now in {differences} places"))
            });
        }
    }

    /// Holds against the network what its bundles should not be.
    fn look_at_bundles(&mut self, at: Instant) {
        let (lab, map, clock) = (&self.scenario.lab, &self.map, self.clock);
        for switch in 0..lab.nodes.len() {
            if let Some((port, since)) = self.needs.look(at, switch, self.mutes.dead_since(switch)) {
                self.charges.add(forwarding_needs_learning::NAME, Some(switch), since, || {
                    let text = format!("{port} collects and distributes, and the learning agent is dead");
                    (None, text)
                });
            }
        }
        if !self.sees_links {
            return;
        }
        for found in self.partners.look(at, |switch, port| map.far(switch, port)) {
            let from = found.since + self.scenario.checkers.silence;
            self.charges.add(one_partner_per_bundle::NAME, Some(found.switch), from, || {
                let leads = found.ports.iter().map(|&port| {
                    let system =
                        self.partners.system(found.switch, port).map(|system| system.mac.to_string());
                    let far = || map.far(found.switch, port).map(|node| lab.nodes[node].name.clone());
                    let to = system.or_else(far).unwrap_or_default();
                    format!("{} to {to}", map.name_of(found.switch, port))
                });
                let leads = leads.collect::<Vec<_>>().join(", ");
                let text = format!(
                    "{} leads to several systems since {}: {leads}",
                    found.lag,
                    clock.time(found.since)
                );
                (None, text)
            });
        }
    }

    /// A LACPDU has come to a switch.
    fn hear_lacpdu(&mut self, at: Instant, link: usize, to: usize, frame: &[u8]) {
        let Some(frame) = slow::Frame::new_checked(frame).filter(|frame| frame.subtype() == Subtype::Lacp)
        else {
            return;
        };
        let switch = self.map.ends[link][to];
        if let (Some(pdu), Some(port)) =
            (Pdu::new_checked(frame.payload()), self.map.port_at(switch, link, to))
            && self.partners.heard(switch, port, pdu.actor().system)
        {
            self.look_at_bundles(at);
        }
    }

    /// A switch tells of its bundles.
    fn lacp_told(&mut self, at: Instant, switch: usize, event: &LacpEvent) {
        match event {
            LacpEvent::LagChanged { lag, distributing, .. } => {
                self.look_at_bundles(at);
                self.map.sends_by(switch, lag, distributing);
                let ports = distributing.iter().filter_map(|port| self.map.port_called(switch, port));
                self.partners.sends_by(switch, lag, ports.collect());
                self.look_at_bundles(at);
            }
            LacpEvent::LagMemberChanged { port, collecting, distributing, .. } => {
                self.look_at_bundles(at);
                self.needs.changed(at, switch, port, *collecting && *distributing);
            }
            _ => {}
        }
    }

    /// Says of each black hole where it was, and holds those that last too long against the network.
    pub(crate) fn conclude(&mut self, flows: &mut [FlowOutcome], end: Instant) {
        self.look_at_bundles(end);
        self.trails.finish();
        self.answers.finish();
        let lab = &self.scenario.lab;
        let explainer = Explainer { lab, map: &self.map, chronicle: &self.chronicle, clock: self.clock };
        let node = |name: &str| lab.nodes.iter().position(|node| node.name == name);
        for (index, flow) in flows.iter_mut().enumerate().filter(|_| self.sees_links) {
            let sender = node(&flow.from);
            for hole in &mut flow.black_holes {
                let seen = self.trails.cause(index, hole.first..hole.first + hole.lost, &explainer);
                hole.cause = seen.or_else(|| {
                    let moments = moment(hole.from)..moment(hole.until);
                    let answers = self.answers.cause(sender?, moments, &explainer);
                    Some(explainer.never_sent(sender?, answers, (hole.from, hole.until)))
                });
            }
        }
        no_black_hole::look_for_holes(flows, self.scenario.checkers.silence, node, &mut self.charges);
    }

    /// Ends the files.
    ///
    /// # Errors
    /// When one could not be written.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.log.finish()?;
        self.capture.take().map_or(Ok(()), Capture::finish)
    }

    /// What a frame is called.
    fn subject(labels: &[String], frame: &Glance<'_>) -> String {
        let label = frame.probe.and_then(|probe| Some((labels.get(probe.flow as usize)?, probe.sequence)));
        match label {
            Some((label, sequence)) => format!("{label} #{sequence}"),
            None => format!("{} to {}", frame.source, frame.destination),
        }
    }

    fn passed(&mut self, at: Instant, link: usize, to: usize, frame: &Glance<'_>) {
        if frame.probe.is_none() && frame.is_bfd() {
            return;
        }
        let sender = self.map.ends[link][1 - to];
        let digest = frame.digest(self.key);
        if self.loops.crossed(at, link, to, digest, self.map.is_host(sender)) {
            let (lab, passes, labels) = (&self.scenario.lab, self.scenario.checkers.passes, &self.labels);
            self.charges.add(no_loop::NAME, Some(sender), at, || {
                let (from, to) = (end_name(lab, link, 1 - to), end_name(lab, link, to));
                let text = format!("a frame goes from {from} to {to} more than {passes} times");
                (Some(Self::subject(labels, frame)), text)
            });
        }
    }

    /// What a frame to one of the hosts that is no probe counts as.
    fn answer(&self, at: Instant, frame: &Glance<'_>) -> Option<ProbeMark> {
        let host = frame.is_unicast().then(|| self.map.host_with(frame.destination)).flatten()?;
        Some(ProbeMark { flow: host as u32, sequence: moment(at) })
    }

    /// A unicast frame has come to a host.
    fn heard(&mut self, at: Instant, host: usize, frame: &Glance<'_>) {
        let is_ours = self.map.mac(host).is_none_or(|mac| mac == frame.destination);
        if frame.probe.is_none() {
            let answer = ProbeMark { flow: host as u32, sequence: moment(at) };
            self.answers.arrived(&self.map, at, host, answer, is_ours);
        }
        let probe = frame.probe.filter(|probe| self.trails.receiver(probe.flow) == Some(host));
        if let Some(probe) = probe {
            self.trails.arrived(&self.map, at, host, probe, is_ours);
            if is_ours && self.duplicates.arrived(probe) {
                let labels = &self.labels;
                self.charges.add(no_duplicate::NAME, Some(host), at, || {
                    (Some(Self::subject(labels, frame)), "a frame reaches its receiver again".to_owned())
                });
            }
        } else if !is_ours {
            self.tallies.foreign(at, host);
            if let Some(since) = self.floods.heard(at, host, frame.destination) {
                let (lab, map, clock) = (&self.scenario.lab, &self.map, self.clock);
                self.charges.add(no_lasting_flood::NAME, Some(host), at, || {
                    let whose = map
                        .host_with(frame.destination)
                        .map_or_else(|| frame.destination.to_string(), |other| lab.nodes[other].name.clone());
                    (
                        Some(Self::subject(&self.labels, frame)),
                        format!("it hears what is for {whose} since {}", clock.time(since)),
                    )
                });
            }
        }
    }

    /// A switch has forwarded a frame; an empty one where nobody saw it.
    pub(crate) fn forwarded(&mut self, at: Instant, switch: usize, frame: &[u8]) {
        if !self.mutes.forwarded(at, switch) {
            return;
        }
        let trouble = self.chronicle.troubles(switch, at).find(|turn| is_learning(turn));
        let (labels, clock) = (&self.labels, self.clock);
        self.charges.add(no_mute_switch::NAME, Some(switch), at, || {
            let dead = trouble.map_or_else(String::new, |turn| {
                format!(" for {}, since {}", span(at - turn.at), clock.time(turn.at))
            });
            let subject = Glance::at(frame).map(|frame| Self::subject(labels, &frame));
            (subject, format!("it forwards, and its learning agent is dead{dead}"))
        });
    }
}

impl Observer for Watch<'_> {
    fn arrived(&mut self, at: Instant, link: usize, to: usize, frame: &[u8]) {
        if let Some(glance) = Glance::at(frame) {
            if self.sees_links {
                self.passed(at, link, to, &glance);
            }
            let receiver = self.map.ends[link][to];
            if let Some(probe) = glance.probe
                && !self.map.is_host(receiver)
            {
                self.ways.passed(probe.flow, receiver);
            }
            if glance.destination == slow::GROUP {
                self.hear_lacpdu(at, link, to, frame);
            }
            if glance.is_unicast() && self.map.is_host(receiver) {
                self.heard(at, receiver, &glance);
            }
        }
        if let Some(capture) = &mut self.capture {
            capture.arrived(at, link, to, frame);
        }
    }

    fn perished(&mut self, at: Instant, link: usize, from: usize, frame: &[u8], why: LinkLoss) {
        if let Some(glance) = Glance::at(frame) {
            if let Some(probe) = glance.probe {
                self.trails.perished(&self.map, at, (link, from), probe, why);
            } else if let Some(answer) = self.answer(at, &glance) {
                self.answers.perished(&self.map, at, (link, from), answer, why);
            }
        }
        if let Some(capture) = &mut self.capture {
            capture.perished(at, (link, from), frame, why, &self.scenario.lab);
        }
    }

    fn decided(&mut self, at: Instant, switch: usize, ingress: PortId, frame: &[u8], decision: Decision) {
        if matches!(decision, Decision::Forwarded(_) | Decision::Flooded { .. }) {
            self.forwarded(at, switch, frame);
        }
        if let (Some(capture), Decision::Dropped(reason)) = (&mut self.capture, decision)
            && let Some(place) = self.map.link_at(switch, ingress)
        {
            capture.dropped(place, frame, reason);
        }
        if let Some(glance) = Glance::at(frame) {
            if let Some(probe) = glance.probe {
                if matches!(decision, Decision::Forwarded(_) | Decision::Flooded { .. }) {
                    self.carriers.forwarded(at, switch);
                }
                self.trails.decided(&self.map, at, switch, ingress, probe, decision);
            } else if let Some(answer) = self.answer(at, &glance) {
                self.answers.decided(&self.map, at, switch, ingress, answer, decision);
            }
        }
    }

    fn copy_dropped(&mut self, at: Instant, switch: usize, egress: PortId, frame: &[u8], reason: DropReason) {
        if let Some(capture) = &mut self.capture {
            let place = self.map.link_at(switch, egress);
            capture.copy_dropped(at, place, frame, (self.map.name_of(switch, egress), reason));
        }
    }

    fn happened(&mut self, at: Instant, node: usize, what: &Happening<'_>) {
        let lab = &self.scenario.lab;
        match what {
            Happening::Ordered(action) => {
                self.map.ordered(action, lab);
                self.chronicle.ordered(at, action, lab);
            }
            Happening::Refused(why) => self.refusals.push(why.to_string()),
            Happening::WrongPatch(error) => self.refusals.push(error.to_string()),
            Happening::NotDone(why) => self.refusals.push((*why).to_owned()),
            Happening::Power(on) => {
                self.look_at_bundles(at);
                self.chronicle.powered(at, node, *on);
                self.mutes.powered(node);
                self.map.powered(node);
                self.partners.powered(node);
                self.needs.powered(node);
            }
            Happening::Switch(EventRecord { at, event: Event::Lacp(event), .. }) => {
                self.lacp_told(*at, node, event);
            }
            Happening::Switch(_) | Happening::Host(..) | Happening::Lapsed(_) => {}
        }
        let line = self.log.write(lab, at, node, what);
        self.tallies.event(line);
        if matches!(what, Happening::Switch(_))
            && let Some(turn) = self.chronicle.event(line).filter(|turn| is_learning(turn))
            && leaves_learning_to_its_agent(lab, node)
        {
            let (at, life) = (turn.at, turn.life);
            self.look_at_bundles(at);
            self.mutes.turned(at, node, life);
        }
    }

    fn configured(&mut self, _at: Instant, switch: usize, config: &SwitchConfig) {
        self.map.configured(switch, config);
    }
}

fn is_learning(turn: &Turn) -> bool {
    turn.agent == AgentKind::Learning.name()
}

/// Where workers learn by themselves, a dead agent mutes nobody.
fn leaves_learning_to_its_agent(lab: &Lab, node: usize) -> bool {
    match &lab.nodes[node].kind {
        NodeKind::Greylag(config) => config.learning.mode == LearningMode::Agent,
        NodeKind::Host => false,
    }
}
