//! The health gate: a switch that does not learn leaves its multi-chassis bundles to the other chassis.
//!
//! It is not well when its learning agent does nothing, or, with probes, when a station that it has a worker see on the link between the chassis
//! is not in the table by the next probe: a frame of its own through everything that learns, from the worker's report to the look-up.
//!
//! No vendor's, but Cumulus' clagd comes near: its bonds are protodown while it is not there. What LACP shows of a switch says nothing of
//! whether it learns; with a gate, it does. A switch that is not well withdraws while the peer takes part, and comes back when it was
//! well for the hold-down, or when the peer does not take part any more: never are both out. Where both are unwell at one moment, the one
//! whose status control is active waits for [`COURTESY`], and then sees that the other has withdrawn.

use super::{BackupLiveness, ControlSession, MclagEvent};
use crate::Switch;
use crate::agent::AgentKind;
use crate::config::{LearningMode, StatusControl};
use crate::table_door::Place;
use greylag_base::{Instant, MacAddr};
use std::time::Duration;

/// So much longer does the active one wait.
const COURTESY: Duration = Duration::from_secs(1);

/// How the addresses of probes begin: local ones (IEEE 802c SLAP, administratively assigned), that no station of ours has.
const PROBE: [u8; 2] = [0xa2, 0x67];

/// What the gate goes by. It outlives the agent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Health {
    /// The switch learns.
    learns: bool,
    /// Since when it does, or does not.
    since: Instant,
    /// The probe that is under way.
    probe: Option<Place>,
    /// The last one has come back.
    is_proved: bool,
    /// When the next one goes.
    next_probe: Instant,
    /// How many went.
    probes: u32,
}

impl Health {
    pub(super) fn new(now: Instant) -> Self {
        // Of a switch that starts, nobody knows that it was ever unwell.
        Health { learns: true, since: now, probe: None, is_proved: true, next_probe: now, probes: 0 }
    }
}

impl Switch {
    /// The learning agent does what it is there for. Where workers learn by themselves, nobody misses it.
    fn learns(&self) -> bool {
        let is_done = self.config().learning.mode == LearningMode::Inline || self.works(AgentKind::Learning);
        is_done && self.pair.mclag.health.is_proved
    }

    /// Looks where the last probe has got to, and sends the next one.
    pub(super) fn run_probes(&mut self, now: Instant) {
        let interval = self.pair_config().and_then(|pair| pair.health_gate?.probe_interval);
        let Some(interval) = interval else {
            (self.pair.mclag.health.is_proved, self.pair.mclag.health.probe) = (true, None);
            return;
        };
        if self.pair.mclag.health.next_probe > now {
            return;
        }
        // One that went with its link says nothing.
        let probe = self.pair.mclag.health.probe.take();
        let probe = probe.filter(|place| self.ports[place.port.index()].carries(place.vlan));
        if let Some(Place { vlan, mac, port }) = probe {
            let is_found = self.door.find(now, vlan, mac) == Some(port);
            self.pair.mclag.health.is_proved = is_found;
            if is_found {
                self.door.remove(now, vlan, mac);
                self.agent_hears_displaced(vlan, mac);
            }
        }
        self.pair.mclag.health.next_probe = now + interval;
        self.pair.mclag.health.probes += 1;
        self.pair.mclag.health.probe = self.next_probe();
        if let Some(place) = self.pair.mclag.health.probe {
            self.door.sight(now, place);
        }
    }

    /// A station that was never seen, on the link between the chassis, so that the peer is not told of it; none while that is down.
    fn next_probe(&self) -> Option<Place> {
        let port = self.pair_config()?.inter_chassis_link;
        let vlan = self.ports[port.index()].config.membership.vlans().iter().next()?;
        let [a, b, c, d] = self.pair.mclag.health.probes.to_be_bytes();
        let mac = MacAddr([PROBE[0], PROBE[1], a, b, c, d]);
        self.ports[port.index()].carries(vlan).then_some(Place { vlan, mac, port })
    }

    /// Does the peer take part? `None` when nobody knows.
    fn peer_takes_part(&self) -> Option<bool> {
        match (self.pair.mclag.control_session, self.pair.mclag.backup_liveness) {
            (ControlSession::Up, _) => Some(self.pair.mclag.peer_legs.values().any(|up| *up)),
            (_, BackupLiveness::Alive) => Some(!self.pair.mclag.peer_withdrawn),
            (_, BackupLiveness::Dead | BackupLiveness::Unconfigured) => Some(false),
            (_, BackupLiveness::Unknown) => None,
        }
    }

    /// Leaves the bundles to the peer, or takes part again.
    pub(super) fn settle_withdrawal(&mut self, now: Instant) {
        let Some(gate) = self.pair_config().and_then(|pair| pair.health_gate) else {
            self.pair.mclag.withdrawn = false;
            return;
        };
        let learns = self.learns();
        if self.pair.mclag.health.learns != learns {
            (self.pair.mclag.health.learns, self.pair.mclag.health.since) = (learns, now);
            let works = self.works(AgentKind::Learning);
            let cause = if works { "a probe has not come back" } else { "the learning agent does nothing" };
            let cause = (!learns).then(|| cause.to_owned());
            self.tell_mclag(now, MclagEvent::MclagHealthChanged { healthy: learns, cause });
        }
        let since = now.since(self.pair.mclag.health.since);
        let was_withdrawn = self.pair.mclag.withdrawn;
        let is_unfit = match learns {
            true => was_withdrawn && since < gate.hold_down,
            false => was_withdrawn || since >= self.courtesy(),
        };
        let withdrawn = is_unfit && self.peer_takes_part().unwrap_or(was_withdrawn);
        if withdrawn != was_withdrawn {
            self.pair.mclag.withdrawn = withdrawn;
            self.tell_mclag(now, MclagEvent::MclagWithdrawn { withdrawn });
        }
    }

    fn courtesy(&self) -> Duration {
        match self.pair_config().map(|pair| pair.status_control) {
            Some(StatusControl::Active) => COURTESY,
            _ => Duration::ZERO,
        }
    }

    /// When time alone makes a difference.
    pub(super) fn next_of_health(&self, asked: Instant) -> Option<Instant> {
        let gate = self.pair_config()?.health_gate?;
        let health = &self.pair.mclag.health;
        let ends = health.since + if health.learns { gate.hold_down } else { self.courtesy() };
        let probe = gate.probe_interval.map(|_| health.next_probe);
        [Some(ends).filter(|ends| *ends > asked), probe].into_iter().flatten().min()
    }
}
