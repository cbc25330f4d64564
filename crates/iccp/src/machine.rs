//! How the session moves: the arrows of [`SESSION`] and [`APPLICATION`], the timers, and what is sent.

use crate::Role;
use crate::conflict;
use crate::event::{Cause, Conflict, ConflictParameter, IccpEvent};
use crate::iccp::{Action, Agreed, Iccp, Timers};
use crate::session::{APPLICATION, AppWhen, ApplicationState, Do, SESSION, SessionState, When};
use crate::show::{Failure, Nak};
use crate::tell;
use crate::view::View;
use bytes::Bytes;
use greylag_base::Instant;
use greylag_wire::iccp::{
    MLACP_VERSION, MessageType, Parameter, Repr, RequestedVersion, Status, SyncRequest, SyncWhat, VERSION,
};
use std::collections::BTreeSet;
use std::time::Duration;

/// So many answers wait at most for a peer that asks and does not listen.
const ANSWERS: usize = 64;

impl Iccp {
    /// Begins to connect, if it is ours and time to.
    pub(crate) fn settle(&mut self, now: Instant) {
        let idle = self.state == SessionState::Nonexistent && !self.opening;
        if self.accepts() && self.config.role == Role::Active && idle && self.timers.connect.is_none() {
            self.opening = true;
            self.timers.connect = Some(now + self.config.connect_retry);
            self.actions.push_back(Action::Connect);
        }
        if !self.accepts() {
            self.timers.connect = None;
        }
    }

    /// There is a connection.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.opening = false;
        self.timers = Timers { hold: Some(now + self.config.session_timeout), ..Timers::default() };
        let when = match self.config.role {
            Role::Active => When::ConnectedActive,
            Role::Passive => When::ConnectedPassive,
        };
        self.step(now, when, None);
    }

    /// There is no connection any more, or there shall not be: everything begins anew.
    pub(crate) fn fail(&mut self, now: Instant, cause: Cause, close: bool) {
        // Who has disconnected or refused then closes: why is known already.
        if self.state != SessionState::CapRec || cause != Cause::ConnectionClosed {
            self.last_failure = Some(Failure { at: now, state: self.state, cause: cause.clone() });
        }
        if self.is_up() {
            self.go_down(now, cause);
        }
        if !close {
            // There is nobody left to hear it.
            self.actions.clear();
        } else if self.opening || self.state != SessionState::Nonexistent {
            self.actions.push_back(Action::Close);
        }
        (self.state, self.application) = (SessionState::Nonexistent, ApplicationState::Nonexistent);
        self.opening = false;
        let again = self.config.role == Role::Active;
        let connect = again.then(|| now + self.config.connect_retry);
        self.timers = Timers { connect, ..Timers::default() };
        (self.keepalive_due, self.agreed, self.peer_name) = (false, None, None);
        self.offers = [None; 2];
        self.forget_stream();
    }

    /// As [`fail`](Iccp::fail), and the peer is told why.
    pub(crate) fn end_in_order(&mut self, now: Instant, status: Status, cause: Cause) {
        if self.is_up() {
            let says = Parameter::MlacpDisconnect { cause: Some(cause.to_string()) };
            self.send(now, MessageType::RgApplicationData, vec![says]);
        }
        if self.state == SessionState::Operational {
            self.send(now, MessageType::RgDisconnect, vec![Parameter::DisconnectCode(status)]);
        }
        if self.opening || self.state != SessionState::Nonexistent {
            self.fail(now, cause, true);
        }
    }

    /// Takes an arrow of the session, if there is one.
    pub(crate) fn step(&mut self, now: Instant, when: When, cause: Option<Cause>) {
        let Some(arrow) = SESSION.iter().find(|arrow| arrow.from == self.state && arrow.when == when) else {
            return;
        };
        if let Some(cause) = cause.clone() {
            self.last_failure = Some(Failure { at: now, state: self.state, cause });
        }
        self.state = arrow.to;
        arrow.does.iter().for_each(|does| self.act(now, *does, cause.as_ref()));
    }

    /// Takes an arrow of mLACP, if there is one.
    pub(crate) fn step_application(&mut self, now: Instant, when: AppWhen, cause: Option<Cause>) {
        let from = self.application;
        let Some(arrow) = APPLICATION.iter().find(|arrow| arrow.from == from && arrow.when == when) else {
            return;
        };
        if let Some(cause) = cause.clone() {
            self.last_failure = Some(Failure { at: now, state: self.state, cause });
        }
        self.application = arrow.to;
        arrow.does.iter().for_each(|does| self.act(now, *does, cause.as_ref()));
    }

    /// What was refused is offered again: by whichever machine waits for it.
    pub(crate) fn offer_again(&mut self, now: Instant) {
        if self.state == SessionState::Operational {
            self.step_application(now, AppWhen::OfferTimerExpires, None);
        } else {
            self.step(now, When::OfferTimerExpires, None);
        }
    }

    fn act(&mut self, now: Instant, does: Do, cause: Option<&Cause>) {
        match does {
            Do::SendCapability => {
                let keepalive_time = self.config.session_timeout.as_secs() as u16;
                let capability = Parameter::Capability { advertised: true, version: VERSION };
                let says = vec![Parameter::CommonSession { keepalive_time }, capability];
                self.send(now, MessageType::Initialization, says);
            }
            Do::SendRgConnect => {
                let name = Parameter::SenderName(self.config.sender_name.clone());
                self.offers[0] = Some(self.send(now, MessageType::RgConnect, vec![name]));
            }
            Do::StartApplication => {
                self.forget_group_conflict();
                self.step_application(now, AppWhen::SessionOperational, None);
            }
            Do::EndApplication => {
                if self.is_up() {
                    self.go_down(now, cause.cloned().unwrap_or(Cause::ConnectionClosed));
                }
                self.application = ApplicationState::Nonexistent;
            }
            Do::SendConnect | Do::SendAccept => {
                let accepted = does == Do::SendAccept;
                let says = Parameter::MlacpConnect { version: MLACP_VERSION, accepted };
                self.offers[1] = Some(self.send(now, MessageType::RgApplicationData, vec![says]));
            }
            Do::StartOffer => self.timers.offer = Some(now + self.config.connect_retry),
            Do::ComeUp => self.come_up(now),
            Do::GoDown => self.go_down(now, cause.cloned().unwrap_or(Cause::ConnectionClosed)),
        }
    }

    fn come_up(&mut self, now: Instant) {
        (self.since, self.times_up) = (now, self.times_up + 1);
        self.events.push_back(IccpEvent::SessionUp);
        // RFC 7275 7.2.9: everything, as configured and as it is. 0 would be what nobody has asked for.
        self.request = self.request.checked_add(1).unwrap_or(1);
        let (number, what) = (self.request, SyncWhat::All);
        let request = SyncRequest { number, config: true, state: true, what, object: 0, key: 0 };
        self.send(now, MessageType::RgApplicationData, vec![Parameter::SyncRequest(request)]);
    }

    fn go_down(&mut self, now: Instant, cause: Cause) {
        self.since = now;
        self.ledger.forget_peer();
        self.waiting_since = None;
        self.view = View::default();
        self.events.push_back(IccpEvent::SessionDown { cause });
        self.judge();
    }

    /// What is used, or before the peer has said so, ours.
    pub(crate) fn session_timeout(&self) -> Duration {
        self.agreed.as_ref().map_or(self.config.session_timeout, |agreed| agreed.session_timeout)
    }

    /// The shorter timeout is used by both, as LDP does it (RFC 5036 3.5.3).
    pub(crate) fn agree(&mut self, now: Instant, peers: Duration) {
        let session_timeout = self.config.session_timeout.min(peers);
        let keepalive = self.config.keepalive.min(session_timeout / 3);
        self.agreed = Some(Agreed { keepalive, session_timeout });
        self.timers.hold = Some(now + session_timeout);
        self.timers.keepalive = Some(now + keepalive);
    }

    /// Writes a message, with its id.
    fn write(&mut self, now: Instant, kind: MessageType, parameters: Vec<Parameter>) -> (u32, Bytes) {
        self.message = self.message.wrapping_add(1);
        let lone = matches!(kind, MessageType::Initialization | MessageType::KeepAlive);
        let redundancy_group = (!lone).then_some(self.config.redundancy_group);
        let id = self.message;
        let bytes = Repr { kind, ignorable: false, id, redundancy_group, parameters }.emit();
        self.sent.count(kind);
        self.sent.octets += bytes.len() as u64;
        self.keepalive_due = false;
        self.timers.keepalive = self.agreed.as_ref().map(|agreed| now + agreed.keepalive);
        (id, bytes.into())
    }

    /// Has a message sent that cannot wait.
    pub(crate) fn send(&mut self, now: Instant, kind: MessageType, parameters: Vec<Parameter>) -> u32 {
        let (id, bytes) = self.write(now, kind, parameters);
        self.actions.push_back(Action::Send(bytes));
        id
    }

    /// Refuses a message of the peer.
    pub(crate) fn refuse(
        &mut self,
        now: Instant,
        status: Status,
        message: u32,
        right: Option<RequestedVersion>,
    ) {
        self.naks[0] = Some(Nak { at: now, status, message });
        self.sent.naks += 1;
        if self.actions.len() < ANSWERS {
            let name = Parameter::SenderName(self.config.sender_name.clone());
            let nak = Parameter::Nak { status, message, requested: right };
            self.send(now, MessageType::RgNotification, vec![name, nak]);
        }
    }

    /// The next message about what waits.
    pub(crate) fn next_told(&mut self, now: Instant) -> Option<Bytes> {
        while self.ledger.waiting() > 0 {
            let message = self.message.wrapping_add(1);
            let parameters = tell::parameters(&self.config, &mut self.ledger, message);
            if !parameters.is_empty() {
                return Some(self.write(now, MessageType::RgApplicationData, parameters).1);
            }
        }
        None
    }

    pub(crate) fn keepalive(&mut self, now: Instant) -> Option<Bytes> {
        self.keepalive_due.then(|| self.write(now, MessageType::KeepAlive, Vec::new()).1)
    }

    /// Compares both chassis, as far as they know all of each other, and tells what is new.
    pub(crate) fn judge(&mut self) {
        let mut found = if self.view.complete {
            let ours = (self.config.system, self.ledger.aggregators.iter().map(|(_, leg)| leg));
            conflict::conflicts(ours, (self.view.system, self.view.aggregators()))
        } else {
            BTreeSet::new()
        };
        let group = |conflict: &&Conflict| conflict.parameter == ConflictParameter::RedundancyGroup;
        found.extend(self.conflicts.iter().filter(group).cloned());
        self.now_conflicting(found);
    }

    fn now_conflicting(&mut self, found: BTreeSet<Conflict>) {
        let over = self.conflicts.difference(&found).cloned().map(IccpEvent::ConflictOver);
        self.events.extend(over);
        self.events.extend(found.difference(&self.conflicts).cloned().map(IccpEvent::Conflict));
        self.conflicts = found;
    }

    /// The peer is of another redundancy group: nothing else is known of it.
    pub(crate) fn other_group(&mut self, peer: u32) {
        let mut found = self.conflicts.clone();
        found.retain(|conflict| conflict.parameter != ConflictParameter::RedundancyGroup);
        found.insert(Conflict {
            parameter: ConflictParameter::RedundancyGroup,
            aggregator: None,
            local: Some(self.config.redundancy_group.to_string()),
            peer: Some(peer.to_string()),
        });
        self.now_conflicting(found);
    }

    pub(crate) fn forget_group_conflict(&mut self) {
        let mut found = self.conflicts.clone();
        found.retain(|conflict| conflict.parameter != ConflictParameter::RedundancyGroup);
        self.now_conflicting(found);
    }
}
