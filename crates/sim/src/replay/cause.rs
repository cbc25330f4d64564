//! Where the frames of a flow die, and what stands behind it.
//!
//! Each flow has a trail: the sight of its latest probe that was nearest to the receiver. A probe that has not
//! arrived when the next one is under way leaves that sight behind as a loss; losses at the same place for the same
//! reason are one record.

use super::chronicle::{Chronicle, Life};
use super::clock::DayClock;
use super::frame::ProbeMark;
use super::order::{end_name, host_end, link_name};
use super::topology::Topology;
use crate::{Decision, LinkLoss};
use greylag_base::{DropReason, Instant, PortId};
use greylag_fib::GroupId;
use greylag_scenario::lab::{Lab, NodeKind};
use greylag_scenario::story::{Action, LinkChange};
use serde::Serialize;

/// Where and why frames of a black hole died.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cause {
    /// Whatever an expectation may call it, the most precise first: `not-in-flood-group`, `link-down`, `link`,
    /// `agent-failed`, `crash-loop`.
    pub names: Vec<String>,
    /// The switch or host.
    pub node: String,
    /// The port.
    pub port: Option<String>,
    /// The bundle that the port was a part of.
    pub lag: Option<String>,
    /// When the last frame of it died.
    #[serde(rename = "last-ns")]
    pub last: Instant,
    /// The agent of that switch, when it was not simply running.
    pub agent: Option<AgentTrouble>,
    /// Since when things were so, when an order or an event began it.
    #[serde(rename = "since-ns")]
    pub since: Option<Instant>,
    /// All of it for people: `sw2 · agent learning failed since 00:01:42 · not-in-flood-group at eth3`.
    pub text: String,
}

/// An agent that was not simply running.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AgentTrouble {
    /// Which.
    pub agent: String,
    /// What is with it.
    pub state: Life,
    /// Since when.
    #[serde(rename = "since-ns")]
    pub since: Instant,
}

/// How a frame ended, as far as was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// A switch dropped it.
    Dropped(DropReason),
    /// A switch left a port out when it flooded it.
    LeftOut,
    /// A switch flooded it, and nobody nearer to the receiver saw it.
    Flooded,
    /// A switch sent it to a port.
    Sent(PortId),
    /// A switch sent it to a port by a route.
    Routed { port: PortId, group: GroupId, bucket: u16 },
    /// A switch sent it to a port by which the bundle that the port is a part of does not send.
    SentPast(PortId),
    /// A link lost it.
    Lost(usize, LinkLoss),
    /// It came to the receiver, under an address that is not the receiver's.
    Ignored,
}

/// The last that was seen of a frame.
#[derive(Clone, Copy, Debug)]
struct Sight {
    at: Instant,
    node: u32,
    ingress: PortId,
    distance: u16,
    end: End,
    /// The bundle that the port was a part of at which it ended: where it came in if it was dropped, otherwise where it left.
    lag: Option<PortId>,
}

/// Probes that ended alike, one after the other.
struct Loss {
    first: u64,
    last: u64,
    sight: Sight,
}

struct Trail {
    receiver: usize,
    sequence: u64,
    arrived: bool,
    sight: Option<Sight>,
    losses: Vec<Loss>,
}

/// Where each flow's probes went.
pub(crate) struct Trails(Vec<Trail>);

impl Trails {
    /// For flows to these hosts.
    pub(crate) fn new(receivers: impl IntoIterator<Item = usize>) -> Self {
        let trail =
            |receiver| Trail { receiver, sequence: 0, arrived: false, sight: None, losses: Vec::new() };
        Trails(receivers.into_iter().map(trail).collect())
    }

    /// The host that a flow goes to.
    pub(crate) fn receiver(&self, flow: u32) -> Option<usize> {
        self.0.get(flow as usize).map(|trail| trail.receiver)
    }

    /// A switch decided over a probe.
    pub(crate) fn decided(
        &mut self,
        map: &Topology,
        at: Instant,
        switch: usize,
        ingress: PortId,
        probe: ProbeMark,
        decision: Decision,
    ) {
        let end = match decision {
            Decision::Forwarded(port) | Decision::Routed { port, .. } if map.sends_past(switch, port) => {
                End::SentPast(port)
            }
            Decision::Forwarded(port) => End::Sent(port),
            Decision::Routed { port, path } => End::Routed { port, group: path.group, bucket: path.bucket },
            Decision::Flooded { left_out: true } | Decision::RoutedToAll { left_out: true, .. } => {
                End::LeftOut
            }
            Decision::Flooded { left_out: false } | Decision::RoutedToAll { left_out: false, .. } => {
                End::Flooded
            }
            Decision::Dropped(reason) => End::Dropped(reason),
            // It is for the switch: no probe is.
            Decision::Punted => return,
        };
        self.saw(map, at, switch, ingress, probe, end);
    }

    /// A link lost a probe.
    pub(crate) fn perished(
        &mut self,
        map: &Topology,
        at: Instant,
        (link, from): (usize, usize),
        probe: ProbeMark,
        why: LinkLoss,
    ) {
        let Some(trail) = self.0.get(probe.flow as usize) else { return };
        let node = map.ends[link][from];
        let port = map.port_at(node, link, from).unwrap_or(PortId(0));
        // Another copy of a flooded frame may have been lost where the receiver is not.
        let was_sent_there = trail.sight.is_some_and(|sight| {
            sight.node == node as u32
                && matches!(sight.end, End::Sent(sent) | End::SentPast(sent) | End::Routed { port: sent, .. } if map.link_at(node, sent) == Some((link, from)))
        });
        if was_sent_there || map.leads_to(node, link, trail.receiver) {
            self.saw(map, at, node, port, probe, End::Lost(link, why));
        }
    }

    /// A probe came to the host that it is for.
    pub(crate) fn arrived(
        &mut self,
        map: &Topology,
        at: Instant,
        host: usize,
        probe: ProbeMark,
        taken: bool,
    ) {
        if !taken {
            return self.saw(map, at, host, PortId(0), probe, End::Ignored);
        }
        let Some(trail) = self.0.get_mut(probe.flow as usize) else { return };
        if probe.sequence > trail.sequence {
            trail.turn_to(probe.sequence);
        }
        trail.arrived |= probe.sequence == trail.sequence;
    }

    fn saw(&mut self, map: &Topology, at: Instant, node: usize, ingress: PortId, probe: ProbeMark, end: End) {
        let Some(trail) = self.0.get_mut(probe.flow as usize) else { return };
        let distance = map.distance(node, trail.receiver);
        let ended_at = match end {
            End::Sent(port) | End::SentPast(port) | End::Routed { port, .. } => port,
            _ => ingress,
        };
        let lag = map.bundle_of(node, ended_at);
        let sight = Sight { at, node: node as u32, ingress, distance, end, lag };
        if probe.sequence < trail.sequence {
            // One that was overtaken: what is certain of it is kept.
            if matches!(end, End::Dropped(_) | End::Lost(..)) {
                trail.lose(probe.sequence, sight);
            }
            return;
        }
        if probe.sequence > trail.sequence {
            trail.turn_to(probe.sequence);
        }
        if trail.sight.is_none_or(|seen| distance <= seen.distance) {
            trail.sight = Some(sight);
        }
    }

    /// No more probes come: the last ones are lost, too, unless they have arrived.
    pub(crate) fn finish(&mut self) {
        for trail in &mut self.0 {
            trail.turn_to(trail.sequence);
        }
    }

    /// Why a run of a flow's probes was lost: what most of them died of, the latest where it is even.
    pub(crate) fn cause(
        &self,
        flow: usize,
        probes: std::ops::Range<u64>,
        judge: &Explainer<'_>,
    ) -> Option<Cause> {
        let trail = self.0.get(flow)?;
        let count =
            |loss: &Loss| (loss.last + 1).min(probes.end).saturating_sub(loss.first.max(probes.start));
        let most = trail.losses.iter().filter(|loss| count(loss) > 0).max_by_key(|loss| count(loss))?;
        Some(judge.explain(&most.sight, trail.receiver))
    }
}

/// Frames that are no probes are told apart by when they were seen: one that is an answer takes less than that.
pub(crate) fn moment(at: Instant) -> u64 {
    at.as_nanos() / 1_000_000
}

impl Trail {
    /// Leaves the current probe behind.
    fn turn_to(&mut self, sequence: u64) {
        if let Some(sight) = self.sight.take().filter(|_| !self.arrived) {
            self.lose(self.sequence, sight);
        }
        self.sequence = sequence;
        self.arrived = false;
    }

    fn lose(&mut self, sequence: u64, sight: Sight) {
        let alike = |loss: &Loss| {
            let (one, other) = (&loss.sight, &sight);
            (one.node, one.ingress, one.end, one.lag) == (other.node, other.ingress, other.end, other.lag)
        };
        match self.losses.last_mut().filter(|loss| alike(loss) && loss.first <= sequence) {
            Some(loss) => {
                loss.last = loss.last.max(sequence);
                loss.sight.at = sight.at;
            }
            None => self.losses.push(Loss { first: sequence, last: sequence, sight }),
        }
    }
}

/// What is needed to say why.
pub(crate) struct Explainer<'a> {
    pub(crate) lab: &'a Lab,
    pub(crate) map: &'a Topology,
    pub(crate) chronicle: &'a Chronicle,
    pub(crate) clock: DayClock,
}

impl Explainer<'_> {
    /// Why probes never left their host: its neighbour's answers died on their way to it, if any were seen.
    pub(crate) fn never_sent(
        &self,
        sender: usize,
        answers: Option<Cause>,
        hole: (Instant, Instant),
    ) -> Cause {
        const NAME: &str = "neighbor-unresolved";
        let name = &self.lab.nodes[sender].name;
        match answers {
            Some(mut cause) => {
                cause.names.insert(0, NAME.to_owned());
                cause.text = format!("{name} · no answer of its neighbour arrives · {}", cause.text);
                cause
            }
            None => Cause {
                names: vec![NAME.to_owned()],
                node: name.clone(),
                port: None,
                lag: None,
                last: hole.1,
                agent: None,
                since: Some(hole.0),
                text: format!("{name} · it sends nothing: its neighbour does not answer, or it has no link"),
            },
        }
    }

    fn explain(&self, sight: &Sight, receiver: usize) -> Cause {
        let node = sight.node as usize;
        let trouble = self.chronicle.troubles(node, sight.at).next();
        let mut names = Vec::new();
        let mut since = None;
        let mut port = None;
        let lag = sight.lag.and_then(|lag| self.port(node, lag));
        let of_lag = lag.as_ref().map_or_else(String::new, |lag| format!(" of {lag}"));
        let fate = match sight.end {
            End::Dropped(reason) => {
                names.push(reason.name().to_owned());
                port = self.port(node, sight.ingress);
                format!("{} at {}{of_lag}", reason.name(), port.as_deref().unwrap_or("a port"))
            }
            End::LeftOut => {
                names.push(DropReason::NotInFloodGroup.name().to_owned());
                port = self.map.port_towards(node, receiver).and_then(|port| self.port(node, port));
                let at = port.as_ref().map_or_else(String::new, |port| format!(" at {port}"));
                format!("{}{at}", DropReason::NotInFloodGroup.name())
            }
            End::Flooded => {
                names.push("flooded".to_owned());
                "flooded, and nobody nearer saw it".to_owned()
            }
            End::Sent(to) => {
                port = self.port(node, to);
                let behind = self.map.port_towards(node, receiver);
                let to = sight.lag.unwrap_or(to);
                if behind == Some(to) {
                    names.push("vanished".to_owned());
                    format!("sent to {}{of_lag}, and never seen again", port.as_deref().unwrap_or("a port"))
                } else {
                    names.push("stale-entry".to_owned());
                    since = self.moved(receiver, sight.at);
                    self.stale(node, receiver, (to, behind), since)
                }
            }
            End::Routed { port: to, group, bucket } => {
                port = self.port(node, to);
                names.push("vanished".to_owned());
                let to = port.as_deref().unwrap_or("a port");
                format!(
                    "routed to {to}{of_lag} by bucket {bucket} of group {}, and never seen again",
                    group.get()
                )
            }
            End::SentPast(to) => {
                port = self.port(node, to);
                names.push("stale-entry".to_owned());
                let (to, lag) = (port.as_deref().unwrap_or("a port"), lag.as_deref().unwrap_or("its bundle"));
                format!("stale entry: sent to {to}, by which {lag} does not send")
            }
            End::Lost(link, LinkLoss::Flow) => {
                names.push(loss_name(LinkLoss::Flow).to_owned());
                let from = self.map.ends[link].iter().position(|&end| end == node).unwrap_or(0);
                port = Some(self.lab.links[link].ends[from].interface.to_string());
                format!("lost in {}, beyond {}", self.map.network(link), end_name(self.lab, link, from))
            }
            End::Lost(link, why) => {
                names.extend([loss_name(why).to_owned(), "link".to_owned()]);
                let from = self.map.ends[link].iter().position(|&end| end == node).unwrap_or(0);
                port = Some(self.lab.links[link].ends[from].interface.to_string());
                since = self.cut(link, sight.at);
                let since = since.map_or_else(String::new, |at| format!(" since {}", self.clock.time(at)));
                format!("link {}{of_lag} {}{since}", link_name(self.lab, link), loss_words(why))
            }
            End::Ignored => {
                names.push("wrong-address".to_owned());
                since = self.chronicle.last_order(
                    sight.at,
                    |action| matches!(action, Action::SetMac { host, .. } if *host == receiver),
                );
                "the frame has an address that the host no longer has".to_owned()
            }
        };
        let agent =
            trouble.map(|turn| AgentTrouble { agent: turn.agent.clone(), state: turn.life, since: turn.at });
        if let Some(agent) = &agent {
            names.push(life_event(agent.state).to_owned());
            since = since.or(Some(agent.since));
        }
        for fault in self.chronicle.faults(node, sight.at) {
            if !names.iter().any(|name| name == fault) {
                names.push(fault.to_owned());
            }
        }
        let name = self.lab.nodes[node].name.clone();
        let trouble = agent.as_ref().map_or_else(String::new, |agent| {
            let words = life_words(agent.state);
            format!(" · agent {} {words} since {}", agent.agent, self.clock.time(agent.since))
        });
        let text = format!("{name}{trouble} · {fate}");
        Cause { names, node: name, port, lag, last: sight.at, agent, since, text }
    }

    fn port(&self, switch: usize, port: PortId) -> Option<String> {
        match &self.lab.nodes[switch].kind {
            NodeKind::Greylag(config) => config.ports.get(port.index()).map(|port| port.name.to_string()),
            NodeKind::Host => None,
        }
    }

    fn stale(
        &self,
        switch: usize,
        receiver: usize,
        (to, behind): (PortId, Option<PortId>),
        since: Option<Instant>,
    ) -> String {
        let name = |port| self.port(switch, port).unwrap_or_default();
        let host = &self.lab.nodes[receiver].name;
        let place = behind.map_or_else(|| "elsewhere".to_owned(), |port| format!("behind {}", name(port)));
        let since = since.map_or_else(String::new, |at| format!(" since {}", self.clock.time(at)));
        format!("stale entry: sent to {}, and {host} is {place}{since}", name(to))
    }

    fn moved(&self, receiver: usize, at: Instant) -> Option<Instant> {
        self.chronicle.last_order(
            at,
            |action| matches!(action, Action::MoveHost { link, .. } if host_end(self.lab, *link) == receiver),
        )
    }

    /// The order that cut a link, or that took the power from one of its ends.
    fn cut(&self, cable: usize, at: Instant) -> Option<Instant> {
        self.chronicle.last_order(at, |action| match action {
            Action::Link { link, change } => *link == cable && !matches!(change, LinkChange::Up),
            Action::PowerOff { switch } | Action::Upgrade { switch, .. } => {
                self.map.ends[cable].contains(switch)
            }
            Action::MoveHost { link, .. } => *link == cable,
            _ => false,
        })
    }
}

fn life_event(life: Life) -> &'static str {
    match life {
        Life::Running => "agent-started",
        Life::Slow => "agent-slowed",
        Life::Hung => "agent-hung",
        Life::Ended => "agent-crashed",
        Life::Failed => "agent-failed",
    }
}

fn life_words(life: Life) -> &'static str {
    match life {
        Life::Running => "running",
        Life::Slow => "slow",
        Life::Hung => "hung",
        Life::Ended => "dead",
        Life::Failed => "failed",
    }
}

pub(crate) fn loss_name(why: LinkLoss) -> &'static str {
    match why {
        LinkLoss::Down => "link-down",
        LinkLoss::QueueFull => "link-queue-full",
        LinkLoss::OneWay => "link-one-way",
        LinkLoss::Loss => "link-loss",
        LinkLoss::Corrupt => "link-corrupt",
        LinkLoss::Dark => "link-dark",
        LinkLoss::Flow => "transit",
    }
}

pub(crate) fn loss_words(why: LinkLoss) -> &'static str {
    match why {
        LinkLoss::Down => "is down",
        LinkLoss::QueueFull => "has a full queue",
        LinkLoss::OneWay => "carries one way only",
        LinkLoss::Loss => "loses frames",
        LinkLoss::Corrupt => "corrupts frames",
        LinkLoss::Dark => "has nobody powered at the other end",
        LinkLoss::Flow => "loses this flow",
    }
}

/// `link-down`: why a link lost a frame, in the words of expectations, and the end that sent it.
pub(crate) fn loss_comment(lab: &Lab, link: usize, from: usize, why: LinkLoss) -> String {
    format!("{}: sent by {}, lost", loss_name(why), end_name(lab, link, from))
}
