//! The Churn Detection machines (IEEE 802.1AX-2014 6.4.17, figures 6-23 and 6-24): does an end stay out of sync for
//! longer than it should take?
//!
//! One diagram for both ends: the standard's NO_ACTOR_CHURN and NO_PARTNER_CHURN are [`State::NoChurn`], and so on.

use crate::event::LacpEvent;
use crate::machine::{Machine, Step, Transition, anywhere, on};
use crate::port::{Context, Port};
use crate::timer::Timer;
use greylag_base::{Instant, PortId};
use greylag_wire::lacp::Flags;
use serde::{Deserialize, Serialize};

/// Which end of the link is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Ours.
    Actor,
    /// The other.
    Partner,
}

/// The states, by the standard's names less the side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// In sync.
    NoChurn,
    /// Out of sync, not for long yet.
    ChurnMonitor,
    /// Out of sync for too long.
    Churn,
}

/// The conditions of the diagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The link is down.
    PortDisabled,
    /// The end is in sync.
    InSync,
    /// The end is not in sync.
    OutOfSync,
    /// The side's churn timer has expired.
    TimerExpired,
}

/// The diagram.
pub const DIAGRAM: &[Transition<State, When>] = &[
    anywhere(When::PortDisabled, State::ChurnMonitor),
    on(State::ChurnMonitor, When::InSync, State::NoChurn),
    on(State::ChurnMonitor, When::TimerExpired, State::Churn),
    on(State::NoChurn, When::OutOfSync, State::ChurnMonitor),
    on(State::Churn, When::InSync, State::NoChurn),
];

/// The machine of one side.
#[derive(Clone, Debug)]
pub(crate) struct Watcher {
    side: Side,
    pub(crate) machine: Machine<State, When>,
    pub(crate) timer: Timer,
}

impl Watcher {
    pub(crate) fn new(side: Side, now: Instant) -> Self {
        Watcher { side, machine: Machine::new(DIAGRAM, State::ChurnMonitor, now), timer: Timer::default() }
    }

    fn run(&mut self, port: PortId, flags: Flags, enabled: bool, cx: &mut Context<'_>) -> bool {
        let Some(patience) = cx.timers().churn_detection else { return false };
        if !enabled {
            self.timer.stop();
        } else if self.machine.state() == State::ChurnMonitor && !self.timer.is_running() {
            // Not at the entry: a port that is disabled stays there, and its time begins when the link is up.
            self.timer.start(cx.now + patience);
        }
        let in_sync = flags.has(Flags::SYNCHRONIZATION);
        let row = self.machine.next(|when| match when {
            When::PortDisabled => !enabled,
            When::InSync => enabled && in_sync,
            When::OutOfSync => !in_sync,
            When::TimerExpired => self.timer.expired(cx.now),
        });
        let Some(row) = row else { return false };
        let Step { from, to, .. } = self.machine.take(row, cx.now);
        self.timer.stop();
        cx.events.push_back(LacpEvent::ChurnStateChanged { port, side: self.side, from, to });
        true
    }
}

impl Port {
    pub(crate) fn run_churn(&mut self, cx: &mut Context<'_>) -> bool {
        let enabled = self.enabled(cx.now) && self.lacp_enabled;
        let actor = self.actor_churn.run(self.id, self.actor.flags, enabled, cx);
        let partner = self.partner_churn.run(self.id, self.partner.flags, enabled, cx);
        actor | partner
    }
}
