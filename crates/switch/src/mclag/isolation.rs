//! Legs: which of ours are up, which of the peer's, and what must not pass because both are.
//!
//! While both legs of a bundle are up, nothing that came over the inter-chassis link leaves by ours: the peer has given it to its own.
//! A leg that comes up is not used before the peer has said that it isolates the other one; without that, what is flooded would come to
//! the partner twice, and what the partner floods would come back to it. It waits for the answer for [`PATIENCE`], for a peer that
//! does not answer must not keep a leg down. After SONiC's `IF_UP_ACK`.

use super::rulings::{UNRULED, ruled_system};
use super::{ControlSession, MclagEvent, RuledIsolation};
use crate::Switch;
use crate::agent::AgentKind;
use crate::config::Attachment;
use greylag_base::{Instant, PortId};
use greylag_dataplane::Chassis;
use greylag_iccp::{Aggregator, Partner, Port, VlanList};
use greylag_lacp::{MemberConfig, Selected};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// So long does a leg that has come up wait for the peer.
const PATIENCE: Duration = Duration::from_secs(1);

/// A leg that LACP has brought up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegUse {
    /// The peer is to isolate its own first.
    Held {
        /// It is used then, whatever the peer says.
        until: Instant,
    },
    /// Frames pass.
    Used,
}

impl Switch {
    /// The session stands, and somebody speaks for it.
    pub(super) fn has_session(&self) -> bool {
        self.pair.mclag.control_session == ControlSession::Up && self.works(AgentKind::Iccp)
    }

    /// LACP lets frames pass by a leg, whether or not it waits for the peer.
    fn leg_is_ready(&self, port: PortId) -> bool {
        self.bundles.lags.is_up(port) && self.ports[port.index()].config.enabled
    }

    /// May a bundle be used, as far as the peer is concerned, if LACP has it up?
    pub(crate) fn admits(&mut self, now: Instant, port: PortId) -> bool {
        let Attachment::Lag(lag) = &self.ports[port.index()].config.attachment else { return true };
        if lag.mc_ae_id.is_none() || !self.leg_is_ready(port) {
            self.pair.mclag.legs.remove(&port);
            return true;
        }
        let begins = if self.has_session() { LegUse::Held { until: now + PATIENCE } } else { LegUse::Used };
        *self.pair.mclag.legs.entry(port).or_insert(begins) == LegUse::Used
    }

    /// When the first leg has waited for long enough.
    pub(super) fn next_of_held(&self) -> Option<Instant> {
        self.held().map(|(_, until)| until).min()
    }

    fn held(&self) -> impl Iterator<Item = (PortId, Instant)> {
        self.pair.mclag.legs.iter().filter_map(|(port, used)| match used {
            LegUse::Held { until } => Some((*port, *until)),
            LegUse::Used => None,
        })
    }

    /// Legs that have waited for long enough, or for whose peer there is no session any more, are used.
    pub(super) fn run_held(&mut self, now: Instant) {
        let has_session = self.has_session();
        let free = self.held().filter(|(_, until)| *until <= now || !has_session);
        let free: Vec<PortId> = free.map(|(port, _)| port).collect();
        self.use_legs(now, free);
    }

    fn use_legs(&mut self, now: Instant, legs: Vec<PortId>) {
        for leg in &legs {
            self.pair.mclag.legs.insert(*leg, LegUse::Used);
        }
        if !legs.is_empty() {
            self.deal(now, legs);
        }
    }

    /// The peer isolates its leg of this bundle, if ours is up.
    pub(super) fn hear_acknowledgement(&mut self, now: Instant, id: u16) {
        let waits = self.leg(id).filter(|port| self.held().any(|(held, _)| held == *port));
        self.use_legs(now, waits.into_iter().collect());
    }

    /// Bundles have changed: the peer hears of it when all is done that is to be done at this moment.
    pub(crate) fn follow_legs(&mut self) {
        self.pair.mclag.is_stirred = true;
    }

    /// Tells the peer of legs and links that are otherwise than it was told.
    pub(super) fn settle_legs(&mut self, now: Instant) {
        let shared = ruled_system(self.config(), self.chassis, &UNRULED);
        let mut legs = BTreeMap::new();
        let mut links = BTreeMap::new();
        for (port, id) in self.legs() {
            let Some(bundle) = shared.bundles.iter().find(|bundle| bundle.id.0 == port.0) else { continue };
            let of_it: Vec<Port> = bundle.members.iter().filter_map(|member| self.link(id, member)).collect();
            let partner = of_it.iter().filter(|link| link.selected).find_map(|link| link.partner.as_ref());
            let leg = Aggregator {
                id,
                object_id: id.into(),
                system: shared.system_of(bundle),
                mac: self.chassis,
                key: bundle.admin_key,
                name: self.port_name(port),
                up: self.leg_is_ready(port),
                partner: partner.map(|end| Partner { system: end.system, key: end.key }),
            };
            legs.insert(id, leg);
            links.extend(of_it.into_iter().map(|link| (link.number, link)));
        }
        let Some(agent) = &mut self.pair.iccp else { return };
        let legs_before = std::mem::replace(&mut agent.legs_told, legs.clone());
        let links_before = std::mem::replace(&mut agent.links_told, links.clone());
        for number in links_before.keys().filter(|number| !links.contains_key(number)) {
            agent.iccp.remove_port(now, *number);
        }
        for id in legs_before.keys().filter(|id| !legs.contains_key(id)) {
            agent.iccp.remove_aggregator(now, *id);
        }
        for (_, leg) in legs.into_iter().filter(|(id, leg)| legs_before.get(id) != Some(leg)) {
            agent.iccp.set_aggregator(now, leg);
        }
        for (_, link) in links.into_iter().filter(|(number, link)| links_before.get(number) != Some(link)) {
            agent.iccp.set_port(now, link);
        }
        self.settle_vlans(now);
        self.follow_iccp(now);
    }

    /// Tells the peer of VLANs that are otherwise than it was told.
    fn settle_vlans(&mut self, now: Instant) {
        let Some(link) = self.pair_config().map(|pair| pair.inter_chassis_link) else { return };
        let of = |port: PortId| {
            let membership = &self.ports[port.index()].config.membership;
            VlanList { untagged: membership.untagged(), vlans: membership.vlans() }
        };
        let legs = self.legs().into_iter().map(|(port, id)| (Some(id), of(port)));
        let wanted: BTreeMap<Option<u16>, VlanList> = legs.chain([(None, of(link))]).collect();
        let Some(agent) = &mut self.pair.iccp else { return };
        let before = std::mem::replace(&mut agent.vlans_told, wanted.clone());
        for id in before.keys().filter(|id| !wanted.contains_key(id)) {
            agent.iccp.set_vlans(now, *id, None);
        }
        for (id, list) in wanted.into_iter().filter(|(id, list)| before.get(id) != Some(list)) {
            agent.iccp.set_vlans(now, id, Some(list));
        }
    }

    /// A link of a leg; `None` while LACP does not run.
    fn link(&self, aggregator: u16, member: &MemberConfig) -> Option<Port> {
        let (actor, partner, selected) = self.bundles.lacp.as_ref()?.machines().ends(member.port)?;
        let port = &self.ports[member.port.index()];
        Some(Port {
            number: actor.port,
            aggregator,
            mac: member.mac,
            key: actor.key,
            priority: actor.port_priority,
            speed: port.config.speed,
            name: port.config.name.to_string(),
            up: port.is_up(),
            selected: selected == Selected::Selected,
            flags: actor.flags,
            partner,
        })
    }

    /// The peer's leg of a bundle is up, or is not, or is not there any more.
    pub(super) fn hear_leg(&mut self, now: Instant, id: u16, up: Option<bool>) {
        match up {
            Some(up) => self.pair.mclag.peer_legs.insert(id, up),
            None => self.pair.mclag.peer_legs.remove(&id),
        };
        self.settle_isolation(now);
    }

    /// Isolates bundles both of whose legs are up. Without a session it is what it was, or nothing, as was ruled.
    pub(super) fn settle_isolation(&mut self, now: Instant) {
        let there: BTreeSet<u16> = self.legs().into_iter().map(|(_, id)| id).collect();
        let mclag = &self.pair.mclag;
        // What was ruled before there was a session is of no account: the peer is told at once that its leg can be used.
        let wanted: BTreeSet<u16> = match (mclag.control_session, mclag.ruling.isolation) {
            (ControlSession::Up, _) => {
                mclag.peer_legs.iter().filter(|(_, up)| **up).map(|(id, _)| *id).collect()
            }
            (_, RuledIsolation::Kept) => mclag.isolated.clone(),
            (_, RuledIsolation::Lifted) => BTreeSet::new(),
        };
        let wanted: BTreeSet<u16> = wanted.intersection(&there).copied().collect();
        let before = std::mem::replace(&mut self.pair.mclag.isolated, wanted);
        let changed: Vec<u16> = before.symmetric_difference(&self.pair.mclag.isolated).copied().collect();
        if changed.is_empty() {
            return;
        }
        for id in changed {
            let isolated = self.pair.mclag.isolated.contains(&id);
            if let Some(port) = self.leg(id) {
                let lag = self.port_name(port);
                self.tell_mclag(now, MclagEvent::MclagIsolationChanged { lag, isolated });
            }
        }
        self.publish(now);
    }

    /// What a port of the bridge is to the pair.
    pub(crate) fn chassis_of(&self, port: PortId) -> Chassis {
        let Some(config) = &self.config().multi_chassis else { return Chassis::None };
        if config.inter_chassis_link == port {
            return Chassis::Link;
        }
        let Attachment::Lag(lag) = &self.ports[port.index()].config.attachment else { return Chassis::None };
        match lag.mc_ae_id {
            Some(id) if self.pair.mclag.isolated.contains(&id) => Chassis::Shared,
            _ => Chassis::None,
        }
    }
}
