//! The way of reports: from the workers' queues, as fast as the learning agent takes them, to the agent.

use super::is_full;
use crate::Switch;
use crate::agent::AgentKind;
use crate::input::Input;
use greylag_base::Instant;
use greylag_dataplane::{LearnCounts, WorkerEvent, WorkerReport};
use greylag_mactable::Decline;
use std::sync::Arc;

impl Switch {
    /// Takes in what the workers have reported, as much as the agent can take now, and what they have lost.
    ///
    /// To be called [`poll_interval`](crate::config::LearningConfig::poll_interval) after [`Switch::has_news`] became true, or every
    /// so often.
    pub fn poll_workers(&mut self, now: Instant) {
        if !self.door.is_live() {
            return;
        }
        if self.next_timer().is_some_and(|due| due <= now) {
            // As an input, for a record of the run.
            let _ = self.handle_input(now, Input::Timeout);
        }
        self.learning.next_look = None;
        let poll_interval = self.config().learning.poll_interval;
        let workers = u64::from(self.config().workers.count.max(1));
        let agent = self.lives.get_mut(&AgentKind::Learning).filter(|agent| agent.works());
        let allowance = agent.map_or(0, |agent| agent.health.allowance(now, poll_interval));
        let each = allowance.div_ceil(workers).try_into().unwrap_or(usize::MAX);
        let plane = Arc::clone(self.door.plane());
        let reports = if each > 0 { plane.take_reports(each) } else { Vec::new() };
        let counts = plane.learn_counts();
        let (lost, full) = (counts.events_lost, full(&counts));
        let (newly_lost, newly_full) = (lost - self.learning.lost, full - self.learning.full);
        (self.learning.lost, self.learning.full) = (lost, full);
        let taken = reports.len();
        if taken > 0 || newly_lost > 0 || newly_full > 0 || !self.learning.gone.is_empty() {
            let _ = self.handle_input(now, Input::Reports { reports, lost: newly_lost, full: newly_full });
        }
        if let Some(agent) = self.lives.get_mut(&AgentKind::Learning).filter(|agent| agent.works()) {
            let next = agent.health.spend(now, taken, poll_interval);
            self.learning.next_look = next.filter(|_| plane.reports_waiting() > 0);
        }
    }

    /// There is something that [`Switch::poll_workers`] would take in: reports while the agent listens and has time, or losses. A
    /// driver that has it polled `poll_interval` after this became true, and not again before, polls for nothing else.
    pub fn has_news(&self) -> bool {
        let plane = self.door.plane();
        let agent = self.lives.get(&AgentKind::Learning);
        let is_ready = agent.is_some_and(|agent| agent.works() && !agent.health.is_stalled());
        let takes = is_ready && self.learning.next_look.is_none();
        let counts = plane.learn_counts();
        (takes && plane.reports_waiting() > 0)
            || counts.events_lost > self.learning.lost
            || full(&counts) > self.learning.full
    }

    pub(crate) fn take_reports(&mut self, now: Instant, reports: Vec<WorkerReport>) {
        for report in reports {
            if self.learning.mishaps.loses() {
                self.learning.counts.lost += 1;
            } else if let Some(report) = self.learning.mishaps.send(now, report) {
                self.deliver(now, report);
            }
        }
    }

    fn deliver(&mut self, now: Instant, report: WorkerReport) {
        if self.listens() {
            self.hear_report(now, report);
        } else {
            self.learning.counts.ignored += 1;
        }
    }

    /// The agent hears of it. Who is looked for and not in the table is asked for: the answer shows where it is.
    pub(crate) fn hear_report(&mut self, now: Instant, report: WorkerReport) {
        self.with_learning(now, |agent, around| agent.handle_report(report, around));
        if let WorkerEvent::AdjacencyUnresolved { vlan, mac } = report.event {
            self.ask_for_station(now, vlan, mac);
        }
    }

    /// The agent's queue is looked at as soon as possible, if something waits there.
    pub(crate) fn look_soon(&mut self, now: Instant) {
        if self.door.plane().reports_waiting() > 0 {
            self.learning.next_look = Some(now);
        }
    }

    /// The agent has another pace: when it would have looked at its queue of its own accord was by the one before.
    pub(crate) fn look_again(&mut self, now: Instant) {
        if self.learning.next_look.is_some() {
            self.look_soon(now);
        }
    }

    /// The agent does not look at its queue of its own accord.
    pub(crate) fn look_no_more(&mut self) {
        self.learning.next_look = None;
    }
}

/// Addresses that workers did not learn for want of room.
fn full(counts: &LearnCounts) -> u64 {
    Decline::ALL
        .iter()
        .filter(|&&decline| is_full(decline))
        .map(|decline| counts.declined[decline.index()])
        .sum()
}
