//! The doors: everything that the outside tells a system, and everything that it is told.

use crate::behaviour::MistakenPartner;
use crate::bundle::Bundle;
use crate::config::{BundleId, ConfigError, LacpConfig, LacpMode};
use crate::event::{LacpEvent, Member, Selected};
use crate::port::Context;
use crate::receive;
use greylag_base::{Instant, Mbps, PortId, Seed};
use greylag_wire::{lacp, marker, slow};
use std::collections::{BTreeMap, VecDeque};

/// All bundles of one system and their ports.
///
/// After any call that takes `now`, ask for what became of it: [`poll_transmit`](Lacp::poll_transmit) and
/// [`poll_event`](Lacp::poll_event) until they are empty, then [`poll_timeout`](Lacp::poll_timeout) once.
#[derive(Clone, Debug)]
pub struct Lacp {
    config: LacpConfig,
    seed: Seed,
    /// Ports whose link is up, whether they are members or not.
    links: BTreeMap<PortId, Mbps>,
    bundles: BTreeMap<BundleId, Bundle>,
    member_of: BTreeMap<PortId, BundleId>,
    answers: VecDeque<(PortId, Vec<u8>)>,
    events: VecDeque<LacpEvent>,
    deferred: Option<Instant>,
}

impl Lacp {
    /// A system all of whose links are down still. All its chance comes from `seed`.
    ///
    /// # Errors
    /// When the configuration contradicts itself.
    pub fn new(config: LacpConfig, seed: Seed, now: Instant) -> Result<Self, ConfigError> {
        let mut lacp = Lacp {
            config: config.clone(),
            seed,
            links: BTreeMap::new(),
            bundles: BTreeMap::new(),
            member_of: BTreeMap::new(),
            answers: VecDeque::new(),
            events: VecDeque::new(),
            deferred: None,
        };
        lacp.reconfigure(now, config)?;
        Ok(lacp)
    }

    /// Becomes what it is told to be, as far as it is not already. Ports whose bundle stays keep what they know; where
    /// what we say of ourselves changes, such as the system id, they detach and are selected again.
    ///
    /// # Errors
    /// When the configuration contradicts itself; nothing has changed then.
    pub fn reconfigure(&mut self, now: Instant, config: LacpConfig) -> Result<(), ConfigError> {
        config.check()?;
        let mut old = std::mem::take(&mut self.bundles);
        self.member_of.clear();
        for bundle in &config.bundles {
            let mut becomes = old.remove(&bundle.id).unwrap_or_else(|| Bundle::new(bundle.clone()));
            becomes.configure(bundle, &config, &self.links, self.seed, now, &mut self.events);
            self.member_of.extend(bundle.members.iter().map(|member| (member.port, bundle.id)));
            self.bundles.insert(bundle.id, becomes);
        }
        for bundle in old.into_values() {
            bundle.remove(&mut self.events);
        }
        self.config = config;
        for bundle in self.bundles.values_mut() {
            bundle.settle(now, &mut self.events);
        }
        Ok(())
    }

    /// A port's link is up with this speed, or down. Ports that are in no bundle are remembered.
    pub fn set_link(&mut self, now: Instant, port: PortId, link: Option<Mbps>) {
        let was = match link {
            Some(speed) => self.links.insert(port, speed),
            None => self.links.remove(&port),
        };
        if was == link {
            return;
        }
        self.with_port(now, port, |port, cx| port.set_link(link, cx));
    }

    /// A frame of a slow protocol has come in by a port, from its destination address on, without frame check sequence.
    /// What is no sound LACPDU or marker is counted. A port that is in no bundle takes nothing.
    pub fn handle_frame(&mut self, now: Instant, port: PortId, frame: &[u8]) {
        let Some(frame) = slow::Frame::new_checked(frame) else {
            return self.with_port(now, port, |port, _| port.counters.unknown += 1);
        };
        match frame.subtype() {
            slow::Subtype::Lacp => match lacp::Repr::parse(frame.payload()) {
                Some(pdu) => self.handle_pdu(now, port, pdu),
                None => self.with_port(now, port, |port, _| port.counters.bad += 1),
            },
            slow::Subtype::Marker => match marker::Repr::parse(frame.payload()) {
                Some(marker) => self.handle_marker(now, port, marker),
                None => self.with_port(now, port, |port, _| port.counters.bad += 1),
            },
            slow::Subtype::Other(_) => self.with_port(now, port, |port, _| port.counters.unknown += 1),
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        for bundle in self.bundles.values_mut().filter(|bundle| bundle.next.is_some_and(|next| next <= now)) {
            bundle.settle(now, &mut self.events);
        }
    }

    /// The next frame to send, from its destination address on, and where. What the transmit limit forbids now comes later.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<(PortId, Vec<u8>)> {
        if let Some(answer) = self.answers.pop_front() {
            return Some(answer);
        }
        self.deferred = None;
        for bundle in self.bundles.values_mut() {
            let limit = bundle.config.behaviour.transmit_limit;
            for port in &mut bundle.ports {
                if let Some(frame) = port.transmit(limit, now) {
                    return Some((port.id, frame));
                }
                let opens = port.transmit_at(limit, now);
                self.deferred = [self.deferred, opens].into_iter().flatten().min();
            }
        }
        None
    }

    /// When [`handle_timeout`](Lacp::handle_timeout) is due if nothing comes from outside.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.bundles.values().filter_map(|bundle| bundle.next).chain(self.deferred).min()
    }

    /// What happened next.
    pub fn poll_event(&mut self) -> Option<LacpEvent> {
        self.events.pop_front()
    }

    /// What it was told to be.
    pub fn config(&self) -> &LacpConfig {
        &self.config
    }

    /// What the data plane may do with a port; `None` when it is in no bundle.
    pub fn member(&self, port: PortId) -> Option<Member> {
        self.port(port).map(|port| port.member)
    }

    /// The links that a bundle distributes over, by port; empty while it is down.
    pub fn distributing(&self, bundle: BundleId) -> &[PortId] {
        self.bundles.get(&bundle).map_or(&[], |bundle| &bundle.distributing)
    }

    /// Both ends of a port's link as LACP has them, and whether it is selected; the other end while one is known.
    pub fn ends(&self, port: PortId) -> Option<(lacp::Participant, Option<lacp::Participant>, Selected)> {
        let port = self.port(port)?;
        Some((port.actor, port.partner_system.map(|_| port.partner), port.selected))
    }

    pub(crate) fn bundles(&self) -> impl Iterator<Item = &Bundle> {
        self.bundles.values()
    }

    pub(crate) fn port(&self, port: PortId) -> Option<&crate::port::Port> {
        let bundle = self.bundles.get(self.member_of.get(&port)?)?;
        bundle.ports.iter().find(|member| member.id == port)
    }

    /// Tells a port something, and lets its bundle do what follows from it.
    fn with_port(
        &mut self,
        now: Instant,
        id: PortId,
        tell: impl FnOnce(&mut crate::port::Port, &mut Context<'_>),
    ) {
        let Some(bundle) = self.member_of.get(&id).and_then(|bundle| self.bundles.get_mut(bundle)) else {
            return;
        };
        if let Some((config, port)) = bundle.port(id) {
            tell(port, &mut Context { now, bundle: config, events: &mut self.events });
            bundle.settle(now, &mut self.events);
        }
    }

    fn handle_pdu(&mut self, now: Instant, id: PortId, pdu: lacp::Repr) {
        let mut taken = false;
        self.with_port(now, id, |port, cx| {
            port.counters.in_pdus += 1;
            let ours = port.actor.system;
            if !port.enabled(now) || cx.bundle.mode == LacpMode::Static {
                port.counters.ignored += 1;
            } else if pdu.actor.system.mac == ours.mac {
                port.counters.own_system += 1;
                if !std::mem::replace(&mut port.own_system, true) {
                    cx.events.push_back(LacpEvent::OwnSystemHeard { port: id });
                }
            } else if cx.bundle.behaviour.mistaken_partner == MistakenPartner::Ignore
                && pdu.partner.system.is_known()
                && pdu.partner.system.mac != ours.mac
            {
                port.counters.ignored += 1;
            } else {
                port.own_system = false;
                port.pdu = Some(pdu);
                taken = true;
            }
        });
        if taken {
            self.move_partner(now, id, pdu.actor);
        }
    }

    /// port_moved (IEEE 802.1AX-2014 6.4.8): the partner that a port without a link remembers speaks on another port.
    fn move_partner(&mut self, now: Instant, heard_on: PortId, partner: lacp::Participant) {
        for bundle in self.bundles.values_mut() {
            let mut any = false;
            for port in bundle.ports.iter_mut().filter(|port| port.id != heard_on) {
                if port.receive.state() == receive::State::PortDisabled
                    && port.partner_system == Some(partner.system)
                    && port.partner.port == partner.port
                {
                    port.port_moved = true;
                    any = true;
                    self.events.push_back(LacpEvent::PortMoved { port: port.id });
                }
            }
            if any {
                bundle.settle(now, &mut self.events);
            }
        }
    }

    fn handle_marker(&mut self, now: Instant, id: PortId, marker: marker::Repr) {
        let mut answer = None;
        self.with_port(now, id, |port, cx| {
            answer = port.answer(marker, cx.bundle.behaviour.marker_limit, now);
        });
        self.answers.extend(answer.map(|frame| (id, frame)));
    }
}
