//! The Periodic Transmission machine (IEEE 802.1AX-2014 6.4.13, figure 6-19): how often a port speaks unasked.

use crate::event::LacpEvent;
use crate::machine::{Transition, anywhere, on};
use crate::port::{Context, Port};
use greylag_base::Instant;
use greylag_wire::lacp::Flags;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The states, by the standard's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// It does not speak.
    NoPeriodic,
    /// The partner wants to hear every second.
    FastPeriodic,
    /// The partner is content with thirty.
    SlowPeriodic,
    /// It is time.
    PeriodicTx,
}

/// The conditions of the diagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The link is down, LACP is off, or both ends are passive.
    Quiet,
    /// None of that.
    NotQuiet,
    /// The partner has the long timeout.
    PartnerLong,
    /// The partner has the short timeout.
    PartnerShort,
    /// `periodic_timer` has expired.
    TimerExpired,
}

/// What entering a state does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Stops `periodic_timer`.
    Stop,
    /// Starts it with Fast_Periodic_Time.
    StartFast,
    /// Starts it with Slow_Periodic_Time.
    StartSlow,
    /// NTT := TRUE.
    Ntt,
}

/// The diagram.
pub const DIAGRAM: &[Transition<State, When>] = &[
    anywhere(When::Quiet, State::NoPeriodic),
    on(State::NoPeriodic, When::NotQuiet, State::FastPeriodic),
    on(State::FastPeriodic, When::PartnerLong, State::SlowPeriodic),
    on(State::FastPeriodic, When::TimerExpired, State::PeriodicTx),
    on(State::SlowPeriodic, When::PartnerShort, State::PeriodicTx),
    on(State::SlowPeriodic, When::TimerExpired, State::PeriodicTx),
    on(State::PeriodicTx, When::PartnerShort, State::FastPeriodic),
    on(State::PeriodicTx, When::PartnerLong, State::SlowPeriodic),
];

impl State {
    /// What entering it does, in this order.
    pub const fn on_entry(self) -> &'static [Action] {
        match self {
            State::NoPeriodic => &[Action::Stop],
            State::FastPeriodic => &[Action::StartFast],
            State::SlowPeriodic => &[Action::StartSlow],
            State::PeriodicTx => &[Action::Ntt],
        }
    }
}

impl Port {
    pub(crate) fn run_periodic(&mut self, cx: &mut Context<'_>) -> bool {
        let before = self.periodic.state();
        let mut moved = false;
        while let Some(row) = self.periodic.next(|when| self.periodic_holds(when, cx.now)) {
            let step = self.periodic.take(row, cx.now);
            moved = true;
            for action in step.to.on_entry() {
                self.periodic_action(*action, step.from, cx);
            }
        }
        let to = self.periodic.state();
        if to != before {
            cx.events.push_back(LacpEvent::PeriodicStateChanged { port: self.id, from: before, to });
        }
        moved
    }

    fn periodic_holds(&self, when: When, now: Instant) -> bool {
        let partner_short = self.partner.flags.has(Flags::TIMEOUT);
        match when {
            When::Quiet => self.is_quiet(now),
            When::NotQuiet => !self.is_quiet(now),
            When::PartnerLong => !partner_short,
            When::PartnerShort => partner_short,
            When::TimerExpired => self.periodic_timer.expired(now),
        }
    }

    fn is_quiet(&self, now: Instant) -> bool {
        let both_passive = !self.actor.flags.has(Flags::ACTIVITY) && !self.partner.flags.has(Flags::ACTIVITY);
        !self.enabled(now) || !self.lacp_enabled || both_passive
    }

    fn periodic_action(&mut self, action: Action, from: State, cx: &mut Context<'_>) {
        let timers = cx.timers();
        match action {
            Action::Stop => self.periodic_timer.stop(),
            Action::StartFast => {
                // Ports that are enabled together would otherwise speak in step for ever.
                let wait = match from {
                    State::NoPeriodic => self.dice.between(Duration::from_nanos(1), timers.fast_periodic),
                    _ => timers.fast_periodic,
                };
                self.periodic_timer.start(cx.now + wait);
            }
            Action::StartSlow => self.periodic_timer.start(cx.now + timers.slow_periodic),
            Action::Ntt => self.ntt = true,
        }
    }
}
