//! The Receive machine (IEEE 802.1AX-2014 6.4.12, figure 6-18): who is at the other end, and does it still speak.

use crate::behaviour::{ExpiredTimeout, SyncRule};
use crate::event::{LacpEvent, Reason};
use crate::machine::{Transition, anywhere, on};
use crate::port::{Context, Port};
use greylag_base::Instant;
use greylag_wire::lacp::{Flags, Participant, Repr};
use serde::{Deserialize, Serialize};

/// The states, by the standard's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Nothing is known.
    Initialize,
    /// The link is down; the partner is remembered.
    PortDisabled,
    /// The partner is silent, and asked to speak soon.
    Expired,
    /// LACP is off.
    LacpDisabled,
    /// Nobody speaks: the administrator's assumption counts.
    Defaulted,
    /// The partner speaks.
    Current,
}

/// The conditions of the diagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// Unconditionally.
    Always,
    /// The link is down.
    PortDisabled,
    /// The partner was heard on another port.
    PortMoved,
    /// The link is up and LACP on.
    EnabledWithLacp,
    /// The link is up and LACP off.
    EnabledWithoutLacp,
    /// LACP is on.
    LacpEnabled,
    /// A LACPDU has come.
    PduReceived,
    /// `current_while_timer` has expired.
    CurrentWhileExpired,
}

/// What entering a state does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Selected := UNSELECTED.
    Unselect,
    /// recordDefault.
    RecordDefault,
    /// update_Default_Selected.
    UpdateDefaultSelected,
    /// update_Selected.
    UpdateSelected,
    /// update_NTT.
    UpdateNtt,
    /// recordPDU.
    RecordPdu,
    /// port_moved := FALSE.
    ClearPortMoved,
    /// Actor_Oper_Port_State.Expired := this.
    Expired(bool),
    /// Partner_Oper_Port_State.Synchronization := FALSE.
    PartnerOutOfSync,
    /// Partner_Oper_Port_State.LACP_Timeout := Short Timeout.
    PartnerShortTimeout,
    /// Partner_Oper_Port_State.Aggregation := FALSE.
    PartnerIndividual,
    /// Starts `current_while_timer` with the short timeout, or as [`ExpiredTimeout`] has it.
    StartExpired,
    /// Starts `current_while_timer` with the timeout that the port is configured for.
    StartCurrent,
}

/// The diagram.
pub const DIAGRAM: &[Transition<State, When>] = &[
    on(State::Initialize, When::Always, State::PortDisabled),
    anywhere(When::PortDisabled, State::PortDisabled),
    on(State::PortDisabled, When::PortMoved, State::Initialize),
    on(State::PortDisabled, When::EnabledWithLacp, State::Expired),
    on(State::PortDisabled, When::EnabledWithoutLacp, State::LacpDisabled),
    on(State::LacpDisabled, When::LacpEnabled, State::PortDisabled),
    on(State::Expired, When::PduReceived, State::Current),
    on(State::Expired, When::CurrentWhileExpired, State::Defaulted),
    on(State::Defaulted, When::PduReceived, State::Current),
    on(State::Current, When::PduReceived, State::Current),
    on(State::Current, When::CurrentWhileExpired, State::Expired),
];

impl State {
    /// What entering it does, in this order.
    pub const fn on_entry(self) -> &'static [Action] {
        match self {
            State::Initialize => {
                &[Action::Unselect, Action::RecordDefault, Action::Expired(false), Action::ClearPortMoved]
            }
            State::PortDisabled => &[Action::PartnerOutOfSync],
            State::Expired => &[
                Action::PartnerOutOfSync,
                Action::PartnerShortTimeout,
                Action::StartExpired,
                Action::Expired(true),
            ],
            State::LacpDisabled => {
                &[Action::Unselect, Action::RecordDefault, Action::PartnerIndividual, Action::Expired(false)]
            }
            State::Defaulted => {
                &[Action::UpdateDefaultSelected, Action::RecordDefault, Action::Expired(false)]
            }
            State::Current => &[
                Action::UpdateSelected,
                Action::UpdateNtt,
                Action::RecordPdu,
                Action::StartCurrent,
                Action::Expired(false),
            ],
        }
    }
}

/// What update_NTT compares of the flags (6.4.9).
const WORTH_AN_ANSWER: Flags =
    Flags::ACTIVITY.with(Flags::TIMEOUT).with(Flags::SYNCHRONIZATION).with(Flags::AGGREGATION);

impl Port {
    pub(crate) fn begin_receive(&mut self, cx: &mut Context<'_>) {
        self.receive.begin(State::Initialize, cx.now);
        self.enter_receive(State::Initialize, cx);
    }

    pub(crate) fn run_receive(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        while let Some(row) = self.receive.next(|when| self.receive_holds(when, cx.now)) {
            let step = self.receive.take(row, cx.now);
            moved = true;
            self.enter_receive(step.to, cx);
            if step.from != step.to {
                cx.events.push_back(LacpEvent::ReceiveStateChanged {
                    port: self.id,
                    from: step.from,
                    to: step.to,
                    because: step.when,
                });
            }
        }
        moved
    }

    fn receive_holds(&self, when: When, now: Instant) -> bool {
        match when {
            When::Always => true,
            When::PortDisabled => !self.enabled(now) && !self.port_moved,
            When::PortMoved => self.port_moved,
            When::EnabledWithLacp => self.enabled(now) && self.lacp_enabled,
            When::EnabledWithoutLacp => self.enabled(now) && !self.lacp_enabled,
            When::LacpEnabled => self.lacp_enabled,
            When::PduReceived => self.pdu.is_some(),
            When::CurrentWhileExpired => self.current_while.expired(now),
        }
    }

    fn enter_receive(&mut self, state: State, cx: &mut Context<'_>) {
        for action in state.on_entry() {
            self.receive_action(*action, cx);
        }
        if state == State::Current {
            self.pdu = None;
        }
    }

    fn receive_action(&mut self, action: Action, cx: &mut Context<'_>) {
        match action {
            Action::Unselect => self.unselect(Reason::Begin, cx),
            Action::RecordDefault => {
                self.partner = self.partner_admin;
                self.actor.flags.set(Flags::DEFAULTED, true);
                self.change_partner(None, cx);
            }
            Action::UpdateDefaultSelected => {
                if differs(&self.partner, &self.partner_admin) {
                    self.unselect(Reason::NoPartner, cx);
                }
            }
            Action::UpdateSelected => self.update_selected(cx),
            Action::UpdateNtt => {
                if let Some(pdu) = self.pdu {
                    let agrees = pdu.partner.is_same_port(&self.actor)
                        && pdu.partner.flags.agrees(self.actor.flags, WORTH_AN_ANSWER);
                    self.ntt |= !agrees;
                }
            }
            Action::RecordPdu => self.record_pdu(cx),
            Action::ClearPortMoved => self.port_moved = false,
            Action::Expired(expired) => self.actor.flags.set(Flags::EXPIRED, expired),
            Action::PartnerOutOfSync => self.partner.flags.set(Flags::SYNCHRONIZATION, false),
            Action::PartnerShortTimeout => self.partner.flags.set(Flags::TIMEOUT, true),
            Action::PartnerIndividual => self.partner.flags.set(Flags::AGGREGATION, false),
            Action::StartExpired => {
                let timeout = match cx.bundle.behaviour.expired_timeout {
                    ExpiredTimeout::Short => cx.timers().short_timeout,
                    ExpiredTimeout::Configured => self.own_timeout(cx),
                };
                self.current_while.start(cx.now + timeout);
            }
            Action::StartCurrent => self.current_while.start(cx.now + self.own_timeout(cx)),
        }
    }

    /// The timeout that the port announces: its partner is asked to send three times within it.
    fn own_timeout(&self, cx: &Context<'_>) -> std::time::Duration {
        let timers = cx.timers();
        if self.actor.flags.has(Flags::TIMEOUT) { timers.short_timeout } else { timers.long_timeout }
    }

    fn update_selected(&mut self, cx: &mut Context<'_>) {
        let Some(pdu) = self.pdu else { return };
        if differs(&pdu.actor, &self.partner) {
            self.unselect(Reason::PartnerChanged, cx);
        }
        self.change_partner(pdu.actor.system.is_known().then_some(pdu.actor.system), cx);
    }

    fn record_pdu(&mut self, cx: &mut Context<'_>) {
        let Some(pdu) = self.pdu else { return };
        let in_sync = self.is_partner_in_sync(&pdu, cx.bundle.behaviour.sync_rule);
        self.watch_pdu(&pdu, cx);
        self.partner_version = pdu.version;
        self.partner = pdu.actor;
        self.partner.flags.set(Flags::SYNCHRONIZATION, in_sync);
        self.actor.flags.set(Flags::DEFAULTED, false);
    }

    /// The part of recordPDU that implementations read differently (6.4.9).
    fn is_partner_in_sync(&self, pdu: &Repr, rule: SyncRule) -> bool {
        let says_so = pdu.actor.flags.has(Flags::SYNCHRONIZATION);
        let individual = !pdu.actor.flags.has(Flags::AGGREGATION);
        let describes_us = pdu.partner.is_same_port(&self.actor)
            && pdu.partner.flags.agrees(self.actor.flags, Flags::AGGREGATION);
        let kept_up = pdu.actor.flags.has(Flags::ACTIVITY)
            || (self.actor.flags.has(Flags::ACTIVITY) && pdu.partner.flags.has(Flags::ACTIVITY));
        match rule {
            SyncRule::Standard => says_so && (describes_us || individual) && kept_up,
            SyncRule::PartnerSays => says_so,
            SyncRule::DescribesUs => describes_us || individual,
            SyncRule::SameAsBefore => says_so && (!differs(&pdu.actor, &self.partner) || individual),
        }
    }
}

/// What update_Selected compares: a difference means that the link leads elsewhere than it did.
fn differs(a: &Participant, b: &Participant) -> bool {
    !a.is_same_port(b) || !a.flags.agrees(b.flags, Flags::AGGREGATION)
}
