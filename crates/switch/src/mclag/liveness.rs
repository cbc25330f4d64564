//! Backup liveness: is the other chassis alive while the control session is not?
//!
//! Small datagrams over the management network, which no table and no agent of the data plane has a part in: a request every
//! interval, and an answer to each. They say nothing but who is there, and whether it takes part: they are no transport for anything.
//! After Junos' `backup-liveness-detection`, which runs only while ICCP is down; its format is not public, and this one is greylag's.

use super::{BackupLiveness, ControlSession, MclagEvent};
use crate::Switch;
use crate::agent::AgentKind;
use crate::config::BackupLivenessConfig;
use core::net::IpAddr;
use greylag_base::Instant;

/// A datagram, of 16 octets: magic, version, kind, flags, chassis id, redundancy group, sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heartbeat {
    pub(crate) kind: Kind,
    /// The sender has left its multi-chassis bundles to the receiver.
    pub(crate) withdrawn: bool,
    /// Its agent has taken over from another one, and gives the session time to come back.
    pub(crate) takes_over: bool,
    pub(crate) chassis_id: u8,
    pub(crate) redundancy_group: u32,
    /// The answer has the request's.
    pub(crate) sequence: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Request,
    Answer,
}

const MAGIC: [u8; 4] = *b"glbl";
const VERSION: u8 = 1;
const LEN: usize = 16;
const WITHDRAWN: u8 = 1;
const TAKES_OVER: u8 = 2;

impl Heartbeat {
    /// `None` when it is none.
    pub(crate) fn parse(octets: &[u8]) -> Option<Self> {
        let octets: &[u8; LEN] = octets.try_into().ok()?;
        let [m0, m1, m2, m3, version, kind, flags, chassis_id, g0, g1, g2, g3, s0, s1, s2, s3] = *octets;
        if [m0, m1, m2, m3] != MAGIC || version != VERSION {
            return None;
        }
        let kind = match kind {
            0 => Kind::Request,
            1 => Kind::Answer,
            _ => return None,
        };
        Some(Heartbeat {
            kind,
            withdrawn: flags & WITHDRAWN != 0,
            takes_over: flags & TAKES_OVER != 0,
            chassis_id,
            redundancy_group: u32::from_be_bytes([g0, g1, g2, g3]),
            sequence: u32::from_be_bytes([s0, s1, s2, s3]),
        })
    }

    pub(crate) fn emit(self) -> Vec<u8> {
        let kind = match self.kind {
            Kind::Request => 0,
            Kind::Answer => 1,
        };
        let flags = [(self.withdrawn, WITHDRAWN), (self.takes_over, TAKES_OVER)];
        let flags = flags.iter().filter(|(is_set, _)| *is_set).fold(0, |flags, (_, flag)| flags | flag);
        let mut octets = Vec::with_capacity(LEN);
        octets.extend(MAGIC);
        octets.extend([VERSION, kind, flags, self.chassis_id]);
        octets.extend(self.redundancy_group.to_be_bytes());
        octets.extend(self.sequence.to_be_bytes());
        octets
    }
}

/// Who asks, while there is something to ask.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking {
    config: BackupLivenessConfig,
    /// The last request's number.
    sequence: u32,
    next: Instant,
    /// Nobody is there, if there is no answer until then.
    dead_at: Option<Instant>,
    verdict: BackupLiveness,
}

impl Asking {
    /// The first request goes at once.
    pub(crate) fn begin(now: Instant, config: BackupLivenessConfig) -> Self {
        let dead_at = Some(now + config.timeout);
        Asking { config, sequence: 0, next: now, dead_at, verdict: BackupLiveness::Unknown }
    }

    pub(crate) fn verdict(&self) -> BackupLiveness {
        self.verdict
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        [Some(self.next), self.dead_at].into_iter().flatten().min()
    }

    /// The number of the request that is to be sent now.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Option<u32> {
        if self.dead_at.take_if(|dead_at| *dead_at <= now).is_some() {
            self.verdict = BackupLiveness::Dead;
        }
        if self.next > now {
            return None;
        }
        self.next = now + self.config.interval;
        self.sequence = self.sequence.wrapping_add(1);
        Some(self.sequence)
    }

    /// An answer: to a request of ours, and not to one that is long forgotten. From an agent that has just taken over it says that the
    /// chassis is there, and not that the session is lost: that would be two system ids for a restart of an agent.
    pub(crate) fn handle_answer(&mut self, now: Instant, heard: &Heartbeat) {
        let config = &self.config;
        let age = self.sequence.wrapping_sub(heard.sequence);
        let interval = config.interval.as_nanos().max(1);
        if u128::from(age) * interval <= config.timeout.as_nanos() {
            self.dead_at = Some(now + config.timeout);
            self.verdict = match heard.takes_over {
                true => BackupLiveness::Unknown,
                false => BackupLiveness::Alive,
            };
        }
    }
}

impl Switch {
    /// There is no session: the peer is asked for, if that is configured.
    pub(super) fn begin_to_ask(&mut self, now: Instant) {
        let config = self.pair_config().and_then(|pair| pair.backup_liveness);
        let asks = self.pair.mclag.control_session != ControlSession::Up;
        let Some(agent) = &mut self.pair.iccp else { return };
        agent.asking = config.filter(|_| asks).map(|config| Asking::begin(now, config));
        self.follow_asking(now);
    }

    /// Goes on as it does, unless something else is configured now.
    pub(super) fn ask_as_configured(&mut self, now: Instant) {
        let asks = self.pair.mclag.control_session != ControlSession::Up;
        let config = self.pair_config().and_then(|pair| pair.backup_liveness).filter(|_| asks);
        let asking = self.pair.iccp.as_ref().and_then(|agent| agent.asking.as_ref());
        if asking.map(|asking| asking.config) != config {
            self.begin_to_ask(now);
        }
    }

    /// Sends the request that is due, and notes that nobody has answered.
    pub(super) fn ask_for_peer(&mut self, now: Instant) {
        let asking = self.pair.iccp.as_mut().and_then(|agent| agent.asking.as_mut());
        let Some(asking) = asking.filter(|asking| asking.poll_timeout().is_some_and(|due| due <= now)) else {
            return;
        };
        if let Some(sequence) = asking.handle_timeout(now) {
            self.send_heartbeat(now, Kind::Request, sequence);
        }
        self.follow_asking(now);
    }

    fn send_heartbeat(&mut self, now: Instant, kind: Kind, sequence: u32) {
        let Some(pair) = self.pair_config() else { return };
        let Some(to) = pair.backup_liveness.map(|backup| backup.peer_address) else { return };
        let (chassis_id, redundancy_group) = (pair.chassis_id, pair.redundancy_group);
        let (withdrawn, takes_over) = (self.pair.mclag.withdrawn, self.waits_for_session(now));
        let heartbeat = Heartbeat { kind, withdrawn, takes_over, chassis_id, redundancy_group, sequence };
        self.send_management(now, to, heartbeat.emit());
    }

    /// A datagram has come in by the management network. An agent that does nothing hears nothing: its chassis is as good as dead.
    pub(crate) fn handle_management(&mut self, now: Instant, from: IpAddr, octets: &[u8]) {
        if !self.works(AgentKind::Iccp) {
            return;
        }
        let Some(pair) = self.pair_config() else { return };
        if pair.backup_liveness.is_none_or(|backup| backup.peer_address != from) {
            return;
        }
        let is_peer = |heard: &Heartbeat| {
            heard.redundancy_group == pair.redundancy_group && heard.chassis_id != pair.chassis_id
        };
        let Some(heard) = Heartbeat::parse(octets).filter(is_peer) else { return };
        match heard.kind {
            Kind::Request => self.send_heartbeat(now, Kind::Answer, heard.sequence),
            Kind::Answer => {
                let asking = self.pair.iccp.as_mut().and_then(|agent| agent.asking.as_mut());
                if let Some(asking) = asking {
                    asking.handle_answer(now, &heard);
                    self.pair.mclag.peer_withdrawn = heard.withdrawn;
                    self.follow_asking(now);
                }
            }
        }
    }

    fn follow_asking(&mut self, now: Instant) {
        let is_configured = self.pair_config().is_some_and(|pair| pair.backup_liveness.is_some());
        let asking = self.pair.iccp.as_ref().and_then(|agent| agent.asking.as_ref());
        let to = match asking {
            Some(asking) => asking.verdict(),
            None if is_configured => BackupLiveness::Unknown,
            None => BackupLiveness::Unconfigured,
        };
        if std::mem::replace(&mut self.pair.mclag.backup_liveness, to) != to {
            self.tell_mclag(now, MclagEvent::MclagPeerLivenessChanged { to });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const HEARTBEAT: Heartbeat = Heartbeat {
        kind: Kind::Answer,
        withdrawn: true,
        takes_over: false,
        chassis_id: 1,
        redundancy_group: 0x0102_0304,
        sequence: 7,
    };

    #[test]
    fn what_is_written_is_read_and_nothing_else_is() {
        let octets = HEARTBEAT.emit();
        assert_eq!(octets, b"glbl\x01\x01\x01\x01\x01\x02\x03\x04\0\0\0\x07");
        assert_eq!(Heartbeat::parse(&octets), Some(HEARTBEAT));
        let request = Heartbeat { kind: Kind::Request, withdrawn: false, takes_over: true, ..HEARTBEAT };
        assert_eq!(Heartbeat::parse(&request.emit()), Some(request));
        assert_eq!(Heartbeat::parse(&octets[..15]), None);
        for index in [0, 4, 5] {
            let mut other = octets.clone();
            other[index] = 9;
            assert_eq!(Heartbeat::parse(&other), None, "octet {index}");
        }
    }

    #[test]
    fn who_answers_lives_and_who_is_silent_for_the_timeout_is_dead() {
        let config = BackupLivenessConfig {
            peer_address: "10.0.0.2".parse().unwrap(),
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(3),
        };
        let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
        let answer = |sequence| Heartbeat { sequence, ..HEARTBEAT };
        let mut asking = Asking::begin(at(0), config);
        assert_eq!(asking.handle_timeout(at(0)), Some(1));
        assert_eq!(asking.verdict(), BackupLiveness::Unknown, "nobody knows yet");
        assert_eq!(asking.poll_timeout(), Some(at(1)));
        asking.handle_answer(at(0), &answer(1));
        assert_eq!(asking.verdict(), BackupLiveness::Alive);
        assert_eq!([1, 2].map(|now| asking.handle_timeout(at(now))), [Some(2), Some(3)]);
        assert_eq!(asking.verdict(), BackupLiveness::Alive);
        assert_eq!(asking.handle_timeout(at(3)), Some(4));
        assert_eq!(asking.verdict(), BackupLiveness::Dead, "after so long");
        asking.handle_answer(at(3), &answer(0));
        assert_eq!(asking.verdict(), BackupLiveness::Dead, "that was not asked in this life");
        asking.handle_answer(at(3), &answer(4));
        assert_eq!(asking.verdict(), BackupLiveness::Alive);
        asking.handle_answer(at(3), &Heartbeat { takes_over: true, ..answer(4) });
        assert_eq!(asking.verdict(), BackupLiveness::Unknown, "its session may come back");
    }
}
