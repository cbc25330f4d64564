//! The watchdog: a switch one of whose agents was given up starts anew as a whole, so long after that
//! ([`watchdog`](crate::config::SupervisorConfig::watchdog)), unless an operator has restarted the agent by then.
//!
//! A switch cannot start itself anew: it asks for it, and the world does it. What it starts with is [`Switch::history`], and a
//! commit that nobody has confirmed is gone.

use crate::Switch;
use crate::agent::{AgentKind, AgentState};
use crate::alarm::AlarmKind;
use crate::event::Event;
use greylag_base::Instant;

/// What the watchdog is about to do.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Watchdog {
    /// Whose end it waits out, while the alarm is raised.
    waits_for: Option<AgentKind>,
    /// It has bitten.
    bitten: bool,
}

impl Switch {
    /// The switch wants to be started anew, with what it has committed. Nothing more is to be expected of it.
    pub fn wants_reboot(&self) -> bool {
        self.watchdog.bitten
    }

    /// When the watchdog bites, and for which agent: the one that was given up first.
    fn bite(&self) -> Option<(Instant, AgentKind)> {
        let patience = self.config().supervisor.watchdog.filter(|_| !self.watchdog.bitten)?;
        let given_up = self.lives.iter().filter(|(_, life)| life.state() == AgentState::Failed);
        given_up.map(|(&agent, life)| (life.supervisor.since() + patience, agent)).min()
    }

    pub(crate) fn next_of_watchdog(&self) -> Option<Instant> {
        self.bite().map(|(at, _)| at)
    }

    /// Who was given up, or how long that is borne, may have changed.
    pub(crate) fn settle_watchdog(&mut self, now: Instant) {
        if self.watchdog.bitten {
            return;
        }
        let waits_for = self.bite().map(|(_, agent)| agent);
        let before = std::mem::replace(&mut self.watchdog.waits_for, waits_for);
        if before == waits_for {
            return;
        }
        if let Some(agent) = before {
            self.clear_alarm(now, AlarmKind::RebootPending { agent });
        }
        if let Some(agent) = waits_for {
            self.alarm_if(now, true, AlarmKind::RebootPending { agent });
        }
    }

    pub(crate) fn run_watchdog(&mut self, now: Instant) {
        if let Some((_, agent)) = self.bite().filter(|(at, _)| *at <= now) {
            self.watchdog.bitten = true;
            self.events.push(now, Event::WatchdogReboot { agent });
        }
    }
}
