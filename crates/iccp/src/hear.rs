//! What a message of the peer does.

use crate::event::{Cause, IccpEvent};
use crate::iccp::Iccp;
use crate::session::{AppWhen, ApplicationState, SessionState, When};
use crate::show::Nak;
use greylag_base::Instant;
use greylag_wire::iccp::{
    MLACP_VERSION, MessageType, Parameter, Repr, RequestedVersion, Status, VERSION, kind,
};
use std::time::Duration;

impl Iccp {
    /// Takes one message. One that makes no sense ends the session: what follows in the stream cannot be trusted.
    pub(crate) fn hear(&mut self, now: Instant, octets: &[u8]) {
        if self.state == SessionState::Nonexistent {
            // What came before it in the same piece has ended the session.
            return;
        }
        let message = match Repr::parse(octets) {
            Ok(message) => message,
            Err(malformed) => {
                self.refuse_octets(now, octets);
                return self.fail(now, Cause::Malformed(malformed), true);
            }
        };
        self.received.count(message.kind);
        if let Some(group) = message.redundancy_group.filter(|group| *group != self.config.redundancy_group) {
            return self.hear_of_other_group(now, &message, group);
        }
        match message.kind {
            MessageType::KeepAlive => {}
            MessageType::Initialization => self.hear_capability(now, &message),
            MessageType::RgConnect => self.hear_connect(now, message),
            MessageType::RgDisconnect => self.hear_disconnect(now, &message),
            MessageType::RgNotification => self.hear_naks(now, &message),
            MessageType::RgApplicationData => self.hear_data(now, message),
            MessageType::Other(_) if message.ignorable => {}
            MessageType::Other(_) => self.refuse(now, Status::RejectedMessage, message.id, None),
        }
    }

    fn refuse_octets(&mut self, now: Instant, octets: &[u8]) {
        let id = octets.get(4..8).map_or(0, |id| u32::from_be_bytes([id[0], id[1], id[2], id[3]]));
        self.refuse(now, Status::RejectedMessage, id, None);
    }

    fn hear_of_other_group(&mut self, now: Instant, message: &Repr, group: u32) {
        match message.kind {
            // To refuse a refusal would go on for ever.
            MessageType::RgNotification => self.hear_naks(now, message),
            MessageType::RgConnect => {
                self.refuse(now, Status::UnknownRedundancyGroup, message.id, None);
                self.other_group(group);
                let cause = Cause::Refused(Status::UnknownRedundancyGroup);
                self.step(now, When::Refused, Some(cause));
            }
            _ => self.refuse(now, Status::UnknownRedundancyGroup, message.id, None),
        }
    }

    fn hear_capability(&mut self, now: Instant, message: &Repr) {
        if self.state >= SessionState::CapRec {
            return self.refuse(now, Status::RejectedMessage, message.id, None);
        }
        let mut peers = None;
        let mut speaks = None;
        for parameter in &message.parameters {
            match parameter {
                Parameter::CommonSession { keepalive_time } => {
                    peers = Some(Duration::from_secs((*keepalive_time).into()));
                }
                Parameter::Capability { advertised: true, version } => speaks = Some(*version),
                _ => {}
            }
        }
        // RFC 7275 4.2.1: the major version has to be the same.
        if speaks.is_none_or(|(major, _)| major != VERSION.0) {
            let right = RequestedVersion { connection: 0, version: u16::from_be_bytes(VERSION.into()) };
            self.refuse(now, Status::IncompatibleVersion, message.id, Some(right));
            return self.fail(now, Cause::Refused(Status::IncompatibleVersion), true);
        }
        self.agree(now, peers.unwrap_or(self.config.session_timeout));
        self.step(now, When::Capability, None);
    }

    fn hear_connect(&mut self, now: Instant, message: Repr) {
        match self.state {
            SessionState::Operational => {
                return self.refuse(now, Status::ConnectionCountExceeded, message.id, None);
            }
            SessionState::CapRec | SessionState::Connecting => {}
            _ => return self.refuse(now, Status::RejectedMessage, message.id, None),
        }
        self.peer_name = message.parameters.into_iter().find_map(|parameter| match parameter {
            Parameter::SenderName(name) => Some(name),
            _ => None,
        });
        self.timers.offer = None;
        self.step(now, When::RgConnect, None);
    }

    fn hear_disconnect(&mut self, now: Instant, message: &Repr) {
        let status = message.parameters.iter().find_map(|parameter| match parameter {
            Parameter::DisconnectCode(status) => Some(*status),
            _ => None,
        });
        let cause = Cause::PeerDisconnected(status.unwrap_or(Status::AdministrativelyDisabled));
        self.step(now, When::RgDisconnect, Some(cause));
    }

    fn hear_naks(&mut self, now: Instant, message: &Repr) {
        for parameter in &message.parameters {
            let Parameter::Nak { status, message, .. } = *parameter else { continue };
            self.received.naks += 1;
            self.naks[1] = Some(Nak { at: now, status, message });
            let cause = || Some(Cause::Refused(status));
            if self.offers[0] == Some(message) {
                self.step(now, When::Refused, cause());
            }
            if self.offers[1] == Some(message) {
                self.step_application(now, AppWhen::Refused, cause());
            }
        }
    }

    fn hear_data(&mut self, now: Instant, message: Repr) {
        if let Some(status) = self.why_not(&message) {
            return self.refuse(now, status, message.id, None);
        }
        for parameter in message.parameters {
            match parameter {
                Parameter::MlacpConnect { version, accepted } => {
                    self.hear_application_connect(now, message.id, version, accepted);
                }
                Parameter::MlacpDisconnect { cause } => {
                    let cause = Cause::PeerApplicationDisconnected(cause.unwrap_or_default());
                    self.step_application(now, AppWhen::Disconnect, Some(cause));
                }
                _ if !self.is_up() => {}
                Parameter::SyncRequest(request) => self.ledger.answer(&request),
                Parameter::SyncData { number, end } if number == self.request || number == 0 => {
                    if end {
                        self.view.end(&mut self.events);
                    } else {
                        self.view.begin();
                    }
                }
                Parameter::Acknowledge { id, serial } => self.hear_acknowledged(id, serial),
                other => self.view.hear(other, &mut self.events),
            }
        }
        self.view.finish(message.id, &mut self.events);
        self.judge();
        self.note_waiting(now);
    }

    /// Why application data are refused as a whole.
    fn why_not(&self, message: &Repr) -> Option<Status> {
        if self.state != SessionState::Operational {
            return Some(Status::RejectedMessage);
        }
        message.parameters.iter().find_map(|parameter| match parameter {
            Parameter::MlacpConnect { .. } | Parameter::MlacpDisconnect { .. } => None,
            // All of PW-RED.
            Parameter::Unknown { kind: kind::PW_RED_CONNECT..0x0020, .. } => {
                Some(Status::ApplicationNotInGroup)
            }
            Parameter::Unknown { ignorable, .. } => (!ignorable).then_some(Status::RejectedMessage),
            _ => (!self.is_up()).then_some(Status::RejectedMessage),
        })
    }

    fn hear_application_connect(&mut self, now: Instant, message: u32, version: u16, accepted: bool) {
        if self.application == ApplicationState::Operational {
            return self.refuse(now, Status::ApplicationConnectionCountExceeded, message, None);
        }
        if version != MLACP_VERSION {
            let right = RequestedVersion { connection: kind::MLACP_CONNECT, version: MLACP_VERSION };
            self.refuse(now, Status::IncompatibleVersion, message, Some(right));
            let cause = Cause::Refused(Status::IncompatibleVersion);
            return self.step_application(now, AppWhen::Refused, Some(cause));
        }
        self.timers.offer = None;
        let when = if accepted && self.application != ApplicationState::Reset {
            AppWhen::Accept
        } else {
            AppWhen::Connect
        };
        self.step_application(now, when, None);
    }

    fn hear_acknowledged(&mut self, id: u16, serial: u32) {
        let leg = self.ledger.aggregators.get(id);
        if leg.is_some_and(|leg| !leg.waits && leg.told == Some(serial)) {
            self.events.push_back(IccpEvent::AggregatorAcknowledged { id, serial });
        }
    }
}
