//! The learning agent in its switch: what it does when it is started, ends and is back, what it does of its own accord, and what
//! it hears.

use super::{Around, Flush, LearningAgent};
use crate::Switch;
use crate::agent::AgentKind;
use crate::alarm::AlarmKind;
use crate::table_door::Place;
use greylag_base::{Instant, MacAddr, VlanId};

impl Switch {
    /// The learning agent runs and is not hung.
    pub(crate) fn listens(&self) -> bool {
        self.works(AgentKind::Learning)
    }

    /// It adopts the table and the flood groups as they stand, and puts right at once what differs from the ports' state.
    pub(crate) fn start_learning(&mut self, now: Instant) {
        if self.config().learning.agent_flushes() {
            self.flush_strays(now);
        }
        // What the last agent was to do with it is nothing to this one.
        self.pair.peers.released = None;
        self.pair.peers.forget_kept();
        let mut agent = self.around(now, LearningAgent::start);
        self.pair.peers.heed(&mut agent);
        self.learning.agent = Some(agent);
        self.reconcile(now);
    }

    /// Its list goes with it.
    pub(crate) fn end_learning(&mut self) {
        self.learning.agent = None;
        self.look_no_more();
    }

    /// Removes entries of ports that do not carry their VLAN: nobody flushed them when that came about.
    fn flush_strays(&mut self, now: Instant) {
        let entries = self.door.entries(now).into_iter().filter(|entry| !entry.is_static);
        let strays = entries.map(|entry| entry.place);
        let strays: Vec<Place> =
            strays.filter(|place| !self.ports[place.port.index()].carries(place.vlan)).collect();
        for Place { vlan, mac, .. } in strays {
            self.door.remove(now, vlan, mac);
        }
    }

    pub(crate) fn resume_learning(&mut self, now: Instant) {
        let put_off = self.learning.agent.as_mut().map(LearningAgent::take_put_off).unwrap_or_default();
        for flush in put_off {
            self.flush_gone(now, flush);
        }
        self.with_learning(now, LearningAgent::resume);
        self.pair.peers.released = None;
        self.pair.peers.unheard.clear();
        self.reconcile(now);
    }

    fn reconcile(&mut self, now: Instant) {
        self.settle_ports();
        self.lease_flood_groups(now);
        self.publish(now);
        self.look_soon(now);
    }

    /// When it has something to do of its own accord.
    pub(crate) fn next_of_learning(&self) -> Option<Instant> {
        let agent = self.learning.agent.as_ref().filter(|_| self.listens())?;
        [self.learning.mishaps.next_arrival(), agent.poll_timeout(self.config()), self.pair.peers.kept_until]
            .into_iter()
            .flatten()
            .min()
    }

    /// What it does of its own accord.
    pub(crate) fn run_learning(&mut self, now: Instant) {
        while let Some(report) = self.learning.mishaps.arrived(now) {
            self.hear_report(now, report);
        }
        if self.pair.peers.kept_until.is_some_and(|until| until <= now) {
            self.pair.peers.forget_kept();
        }
        let mut has_renewed = self.with_learning(now, LearningAgent::renew_if_due) == Some(true);
        has_renewed |= self.with_learning(now, LearningAgent::keep_remotes_if_due) == Some(true);
        if has_renewed && self.lease_flood_groups(now) {
            self.publish(now);
        }
        self.learning.audit_due |=
            self.with_learning(now, |agent, around| agent.audit_is_due(around)) == Some(true);
    }

    /// Lets it do something, if it runs.
    pub(crate) fn with_learning<R>(
        &mut self,
        now: Instant,
        work: impl FnOnce(&mut LearningAgent, &mut Around<'_>) -> R,
    ) -> Option<R> {
        let mut agent = self.learning.agent.take()?;
        let result = self.around(now, |around| work(&mut agent, around));
        self.learning.agent = Some(agent);
        Some(result)
    }

    /// What it finds around it.
    fn around<R>(&mut self, now: Instant, work: impl FnOnce(&mut Around<'_>) -> R) -> R {
        let (mut told, mut full) = (Vec::new(), false);
        let mut around = Around {
            now,
            config: self.history.running(),
            ports: &self.ports,
            door: &mut self.door,
            mishaps: &mut self.learning.mishaps,
            counts: &mut self.learning.counts,
            told: &mut told,
            full: &mut full,
            peers: &self.pair.peers,
        };
        let result = work(&mut around);
        for (at, event) in told {
            self.events.push(at, event);
        }
        self.alarm_if(now, full, AlarmKind::MacTableFull);
        result
    }

    pub(crate) fn agent_hears_flush(&mut self, now: Instant, flush: Flush) {
        if self.listens() {
            self.with_learning(now, |agent, around| agent.handle_flush(flush, around));
        } else if let Some(agent) = &mut self.learning.agent {
            agent.miss_flush(flush);
        }
    }

    /// The entry of an address is not in the table any more, by an operator's doing.
    pub(crate) fn agent_hears_displaced(&mut self, vlan: VlanId, mac: MacAddr) {
        let listens = self.listens();
        if let Some(agent) = &mut self.learning.agent {
            agent.handle_displaced(vlan, mac, listens);
        }
    }
}
