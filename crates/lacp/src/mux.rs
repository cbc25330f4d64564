//! The Mux machine (IEEE 802.1AX-2014 6.4.15): from an aggregator of its own to frames that pass, and back.
//!
//! Two diagrams: with independent control (figure 6-21) distributing waits until the partner collects; with coupled
//! control (figure 6-22) both begin at once. What is held back ([`Reason`](crate::Reason)) counts as out of sync.

use crate::behaviour::MuxControl;
use crate::config::LacpMode;
use crate::event::{LacpEvent, Selected};
use crate::machine::{Transition, on};
use crate::port::{Context, Port};
use greylag_base::Instant;
use greylag_wire::lacp::Flags;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The states, by the standard's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// It belongs to no aggregator.
    Detached,
    /// It waits for others to attach together with.
    Waiting,
    /// It belongs to its aggregator; no frame passes.
    Attached,
    /// Frames that come in are taken; of independent control.
    Collecting,
    /// Frames leave, too; of independent control.
    Distributing,
    /// Frames pass both ways; of coupled control.
    CollectingDistributing,
}

/// The conditions of the diagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// Selection has found a place, now or later.
    SelectedOrStandby,
    /// Selected, and all that wait for the aggregator have waited long enough.
    SelectedAndReady,
    /// Selection has withdrawn it.
    Unselected,
    /// Selection needs it no longer.
    Standby,
    /// Selected, and the partner is in sync.
    SelectedAndInSync,
    /// The partner is not in sync.
    OutOfSync,
    /// Selected, and the partner is in sync and collects.
    SelectedAndCollecting,
    /// The partner does not collect.
    NotCollecting,
}

/// What entering a state does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Starts `wait_while_timer`.
    StartWaitWhile,
    /// Actor_Oper_Port_State.Synchronization := this. The aggregator is attached or detached with it.
    Sync(bool),
    /// Actor_Oper_Port_State.Collecting := this, and the data plane with it.
    Collecting(bool),
    /// Actor_Oper_Port_State.Distributing := this, and the data plane with it.
    Distributing(bool),
    /// NTT := TRUE.
    Ntt,
}

/// Coupled control.
pub const COUPLED: &[Transition<State, When>] = &[
    on(State::Detached, When::SelectedOrStandby, State::Waiting),
    on(State::Waiting, When::SelectedAndReady, State::Attached),
    on(State::Waiting, When::Unselected, State::Detached),
    on(State::Attached, When::Unselected, State::Detached),
    on(State::Attached, When::Standby, State::Detached),
    on(State::Attached, When::SelectedAndInSync, State::CollectingDistributing),
    on(State::CollectingDistributing, When::Unselected, State::Attached),
    on(State::CollectingDistributing, When::Standby, State::Attached),
    on(State::CollectingDistributing, When::OutOfSync, State::Attached),
];

/// Independent control.
pub const INDEPENDENT: &[Transition<State, When>] = &[
    on(State::Detached, When::SelectedOrStandby, State::Waiting),
    on(State::Waiting, When::SelectedAndReady, State::Attached),
    on(State::Waiting, When::Unselected, State::Detached),
    on(State::Attached, When::Unselected, State::Detached),
    on(State::Attached, When::Standby, State::Detached),
    on(State::Attached, When::SelectedAndInSync, State::Collecting),
    on(State::Collecting, When::Unselected, State::Attached),
    on(State::Collecting, When::Standby, State::Attached),
    on(State::Collecting, When::OutOfSync, State::Attached),
    on(State::Collecting, When::SelectedAndCollecting, State::Distributing),
    on(State::Distributing, When::Unselected, State::Collecting),
    on(State::Distributing, When::Standby, State::Collecting),
    on(State::Distributing, When::OutOfSync, State::Collecting),
    on(State::Distributing, When::NotCollecting, State::Collecting),
];

impl MuxControl {
    /// The diagram of this control.
    pub const fn diagram(self) -> &'static [Transition<State, When>] {
        match self {
            MuxControl::Coupled => COUPLED,
            MuxControl::Independent => INDEPENDENT,
        }
    }
}

impl State {
    /// What entering it does, in this order.
    pub const fn on_entry(self) -> &'static [Action] {
        match self {
            State::Detached => {
                &[Action::Sync(false), Action::Distributing(false), Action::Collecting(false), Action::Ntt]
            }
            State::Waiting => &[Action::StartWaitWhile],
            State::Attached => {
                &[Action::Sync(true), Action::Distributing(false), Action::Collecting(false), Action::Ntt]
            }
            State::Collecting => &[Action::Collecting(true), Action::Distributing(false), Action::Ntt],
            State::Distributing => &[Action::Distributing(true)],
            State::CollectingDistributing => {
                &[Action::Distributing(true), Action::Collecting(true), Action::Ntt]
            }
        }
    }

    /// The port belongs to its aggregator.
    pub const fn is_attached(self) -> bool {
        !matches!(self, State::Detached | State::Waiting)
    }
}

impl Port {
    pub(crate) fn begin_mux(&mut self, cx: &mut Context<'_>) {
        self.mux.begin(State::Detached, cx.now);
        self.enter_mux(State::Detached, cx);
    }

    /// `others_ready`: no other port waits for the same aggregator that has not waited long enough.
    pub(crate) fn run_mux(&mut self, others_ready: bool, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        while let Some(row) = self.mux.next(|when| self.mux_holds(when, others_ready, cx.now)) {
            let step = self.mux.take(row, cx.now);
            moved = true;
            self.enter_mux(step.to, cx);
            cx.events.push_back(LacpEvent::MuxStateChanged {
                port: self.id,
                from: step.from,
                to: step.to,
                because: step.when,
            });
        }
        moved
    }

    fn mux_holds(&self, when: When, others_ready: bool, now: Instant) -> bool {
        let selected = self.selected == Selected::Selected;
        let in_sync = self.partner.flags.has(Flags::SYNCHRONIZATION) && self.held.is_none();
        let collecting = self.partner.flags.has(Flags::COLLECTING);
        match when {
            When::SelectedOrStandby => self.selected != Selected::Unselected,
            When::SelectedAndReady => selected && others_ready && self.wait_while.expired(now),
            When::Unselected => self.selected == Selected::Unselected,
            When::Standby => self.selected == Selected::Standby,
            When::SelectedAndInSync => selected && in_sync,
            When::OutOfSync => !in_sync,
            When::SelectedAndCollecting => selected && in_sync && collecting,
            When::NotCollecting => !collecting,
        }
    }

    fn enter_mux(&mut self, state: State, cx: &mut Context<'_>) {
        for action in state.on_entry() {
            let flags = &mut self.actor.flags;
            match *action {
                Action::StartWaitWhile => {
                    // Without LACP there is nobody to attach together with.
                    let wait = match cx.bundle.mode {
                        LacpMode::Static => Duration::ZERO,
                        LacpMode::Active | LacpMode::Passive => cx.timers().aggregate_wait,
                    };
                    self.wait_while.start(cx.now + wait);
                }
                Action::Sync(value) => flags.set(Flags::SYNCHRONIZATION, value),
                Action::Collecting(value) => flags.set(Flags::COLLECTING, value),
                Action::Distributing(value) => flags.set(Flags::DISTRIBUTING, value),
                Action::Ntt => self.ntt = true,
            }
        }
    }
}
