//! One bundle: its ports, its aggregator, and the order in which their machines run.

use crate::config::{BundleConfig, LacpConfig, LacpMode};
use crate::event::{LacpEvent, Member, Selected};
use crate::port::{Context, Port};
use crate::selection::Lag;
use crate::{mux, periodic};
use greylag_base::{Instant, Mbps, PortId, Seed};
use greylag_wire::lacp::{Flags, SystemId};
use std::collections::{BTreeMap, VecDeque};

/// More rounds than any input gives the machines something to do for.
const ROUNDS: usize = 32;

#[derive(Clone, Debug)]
pub(crate) struct Bundle {
    pub(crate) config: BundleConfig,
    /// In the order of the configuration.
    pub(crate) ports: Vec<Port>,
    /// What the aggregator goes to.
    pub(crate) kept: Option<Lag>,
    /// Partner systems besides the one that is kept.
    pub(crate) others: Vec<SystemId>,
    /// The port that is used without a partner.
    pub(crate) fallback: Option<PortId>,
    pub(crate) up: bool,
    pub(crate) distributing: Vec<PortId>,
    /// When a machine has something to do next.
    pub(crate) next: Option<Instant>,
}

impl Bundle {
    pub(crate) fn new(config: BundleConfig) -> Self {
        Bundle {
            config,
            ports: Vec::new(),
            kept: None,
            others: Vec::new(),
            fallback: None,
            up: false,
            distributing: Vec::new(),
            next: None,
        }
    }

    /// Becomes what it was told to be. Ports that stay keep what they know.
    pub(crate) fn configure(
        &mut self,
        config: &BundleConfig,
        system: &LacpConfig,
        links: &BTreeMap<PortId, Mbps>,
        seed: Seed,
        now: Instant,
        events: &mut VecDeque<LacpEvent>,
    ) {
        // Turning LACP off has no arrow in the receive machine's diagram, and another control has another diagram.
        let anew = (self.config.mode != config.mode && config.mode == LacpMode::Static)
            || self.config.behaviour.mux_control != config.behaviour.mux_control;
        self.config = config.clone();
        let mut old: BTreeMap<PortId, Port> = self.ports.drain(..).map(|port| (port.id, port)).collect();
        let cx = &mut Context { now, bundle: &self.config, events };
        for member in &self.config.members {
            let link = links.get(&member.port).copied();
            let port = match old.remove(&member.port) {
                Some(port) if anew => Port {
                    member: port.member,
                    counters: port.counters,
                    sent: port.sent,
                    answered: port.answered,
                    ..Port::new(member, system, link, seed, cx)
                },
                Some(mut port) => {
                    port.configure(member, system, cx);
                    port
                }
                None => Port::new(member, system, link, seed, cx),
            };
            self.ports.push(port);
        }
        for port in old.into_values() {
            withdraw(&port, self.config.id, events);
        }
    }

    /// The bundle is no more: the data plane is told to use none of it.
    pub(crate) fn remove(self, events: &mut VecDeque<LacpEvent>) {
        for port in &self.ports {
            withdraw(port, self.config.id, events);
        }
        if self.up {
            let bundle = self.config.id;
            events.push_back(LacpEvent::BundleChanged { bundle, up: false, distributing: Vec::new() });
        }
    }

    pub(crate) fn port(&mut self, id: PortId) -> Option<(&BundleConfig, &mut Port)> {
        let port = self.ports.iter_mut().find(|port| port.id == id)?;
        Some((&self.config, port))
    }

    /// Runs every machine until none has anything to do: what happens at one instant happens at once.
    pub(crate) fn settle(&mut self, now: Instant, events: &mut VecDeque<LacpEvent>) {
        let mut rounds = 0;
        while self.run(now, events) {
            rounds += 1;
            if rounds == ROUNDS {
                debug_assert!(false, "{:?} does not settle: {:#?}", self.config.id, self.ports);
                break;
            }
        }
        let cx = &mut Context { now, bundle: &self.config, events };
        for port in &mut self.ports {
            if port.periodic.state() == periodic::State::NoPeriodic {
                // 6.4.16: what is to be said while nothing may be said is forgotten.
                port.ntt = false;
            }
            port.run_watch(cx);
        }
        self.publish(now, events);
        let cx = &Context { now, bundle: &self.config, events };
        self.next = self.ports.iter().filter_map(|port| port.pending(cx)).min();
    }

    fn run(&mut self, now: Instant, events: &mut VecDeque<LacpEvent>) -> bool {
        let mut moved = false;
        for index in 0..self.ports.len() {
            let others_ready = self.others_ready(index, now);
            let cx = &mut Context { now, bundle: &self.config, events };
            let port = &mut self.ports[index];
            moved |= port.run_receive(cx);
            moved |= port.run_periodic(cx);
            moved |= port.run_mux(others_ready, cx);
            moved |= port.run_churn(cx);
        }
        self.select(now, events) | moved
    }

    /// Ready (6.4.8), less what the port itself says: all others that wait for its aggregator have waited long enough.
    fn others_ready(&self, index: usize, now: Instant) -> bool {
        let waits = |port: &Port| {
            port.mux.state() == mux::State::Waiting
                && port.selected == Selected::Selected
                && !port.wait_while.expired(now)
        };
        let others = self.ports.iter().enumerate().filter(|(other, _)| *other != index);
        !others.map(|(_, port)| port).any(|port| port.lag == self.ports[index].lag && waits(port))
    }

    /// Tells the data plane what it may do now.
    fn publish(&mut self, now: Instant, events: &mut VecDeque<LacpEvent>) {
        let may = |port: &Port, flag| port.enabled(now) && port.actor.flags.has(flag);
        let collecting = self.ports.iter().filter(|port| may(port, Flags::COLLECTING)).count();
        let distributing = self.ports.iter().filter(|port| may(port, Flags::DISTRIBUTING)).count();
        let least = usize::from(self.config.min_links);
        let (enough, up) = (collecting >= least, distributing >= least);
        let bundle = self.config.id;
        for port in &mut self.ports {
            let member = Member {
                collecting: enough && may(port, Flags::COLLECTING),
                distributing: up && may(port, Flags::DISTRIBUTING),
            };
            if member != port.member {
                port.member = member;
                events.push_back(LacpEvent::MemberChanged { port: port.id, bundle, member });
            }
        }
        let mut distributing: Vec<PortId> =
            self.ports.iter().filter(|port| port.member.distributing).map(|port| port.id).collect();
        distributing.sort_unstable();
        if (up, &distributing) != (self.up, &self.distributing) {
            self.up = up;
            self.distributing.clone_from(&distributing);
            events.push_back(LacpEvent::BundleChanged { bundle, up, distributing });
        }
    }
}

fn withdraw(port: &Port, bundle: crate::BundleId, events: &mut VecDeque<LacpEvent>) {
    if port.member != Member::default() {
        events.push_back(LacpEvent::MemberChanged { port: port.id, bundle, member: Member::default() });
    }
}
