//! What operators ask: everything that a switch's sessions know, as serialisable rows with OpenConfig's words where it has them.
//!
//! Unlike OpenConfig's, discriminators are numbers, and times are of the world's clock.

use crate::Bfd;
use crate::config::{Path, Role, SessionId};
use crate::discard::Discards;
use crate::event::Failure;
use crate::session::Session;
use core::net::IpAddr;
use greylag_base::Instant;
use greylag_wire::bfd::{Diagnostic, Micros, State};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Everything that a switch's sessions know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BfdSnapshot {
    /// By id.
    pub sessions: Vec<SessionRow>,
    /// Packets that were discarded, those without a session too.
    pub discards: Discards,
}

/// One session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SessionRow {
    /// Which.
    pub session: SessionId,
    /// Where its packets come from.
    pub local_address: IpAddr,
    /// Where its packets go.
    pub remote_address: IpAddr,
    /// What lies between them.
    pub path: Path,
    /// The path is there, as far as the caller knows.
    pub path_up: bool,
    /// Who speaks first.
    pub role: Role,
    /// What we make of it.
    pub session_state: State,
    /// What the other end said last.
    pub remote_session_state: State,
    /// Why our state last changed.
    pub local_diagnostic_code: Diagnostic,
    /// Why the other end's state last changed, as it said last.
    pub remote_diagnostic_code: Diagnostic,
    /// When the state was last another.
    pub last_change: Instant,
    /// When it last went from Up to Down; `None` for never.
    pub last_failure_time: Option<Instant>,
    /// How often it has gone from Up to Down.
    pub failure_transitions: u64,
    /// How often it has come up.
    pub up_transitions: u64,
    /// How it last ceased to be up, whether that was a failure or not.
    pub last_down: Option<Failure>,
    /// What the other end tells its packets by.
    pub local_discriminator: u32,
    /// What we tell the other end's by; 0 while it is not known.
    pub remote_discriminator: u32,
    /// The UDP port that its packets come from.
    pub source_port: u16,
    /// As configured.
    pub desired_minimum_tx_interval: Micros,
    /// As configured.
    pub required_minimum_receive: Micros,
    /// As configured.
    pub detection_multiplier: u8,
    /// How often the other end can receive; 0 for not at all.
    pub remote_minimum_receive_interval: Micros,
    /// How often the other end would like to send; 0 while it is not known.
    pub remote_desired_minimum_tx_interval: Micros,
    /// How many of its packets have to be missed; 0 while it is not known.
    pub remote_multiplier: u8,
    /// The other end asks to hear nothing unless it asks.
    pub demand_mode_requested: bool,
    /// The other end's BFD does not share the fate of its control plane.
    pub remote_control_plane_independent: bool,
    /// The longest time between two of our packets.
    pub transmit_interval: Micros,
    /// After so much silence the other end is given up; `None` while it is not known.
    pub detection_time: Option<Duration>,
    /// Of asynchronous mode.
    #[serde(rename = "async")]
    pub asynchronous: AsyncRow,
    /// Packets for this session that were discarded.
    pub discards: Discards,
}

/// What asynchronous mode has sent and heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AsyncRow {
    /// When the last packet went, answers to polls aside.
    pub last_packet_transmitted: Option<Instant>,
    /// When the last packet came that says who the other end is.
    pub last_packet_received: Option<Instant>,
    /// Packets that went, answers to polls too.
    pub transmitted_packets: u64,
    /// Packets that came and were not discarded.
    pub received_packets: u64,
}

impl Bfd {
    /// Everything that the sessions know.
    pub fn snapshot(&self) -> BfdSnapshot {
        BfdSnapshot {
            sessions: self.sessions().map(session_row).collect(),
            discards: self.discards().clone(),
        }
    }

    /// One session; `None` when there is none.
    pub fn session_row(&self, session: SessionId) -> Option<SessionRow> {
        self.session(session).map(session_row)
    }

    /// How often each arrow of [`DIAGRAM`](crate::DIAGRAM) was taken by a session, in its order; `None` when there is none.
    pub fn arrows(&self, session: SessionId) -> Option<&[u64]> {
        self.session(session).map(Session::taken)
    }
}

fn session_row(session: &Session) -> SessionRow {
    let (config, remote, counts) = (&session.config, &session.remote, &session.counts);
    SessionRow {
        session: config.id,
        local_address: config.local_address,
        remote_address: config.remote_address,
        path: config.path,
        path_up: session.path_up,
        role: config.role,
        session_state: session.state,
        remote_session_state: remote.state,
        local_diagnostic_code: session.diagnostic,
        remote_diagnostic_code: remote.diagnostic,
        last_change: session.since,
        last_failure_time: session.last_failure,
        failure_transitions: counts.failure_transitions,
        up_transitions: counts.up_transitions,
        last_down: session.last_down,
        local_discriminator: session.discriminator,
        remote_discriminator: remote.discriminator,
        source_port: session.source_port,
        desired_minimum_tx_interval: config.desired_minimum_tx_interval,
        required_minimum_receive: config.required_minimum_receive,
        detection_multiplier: config.detection_multiplier,
        remote_minimum_receive_interval: remote.required_min_rx,
        remote_desired_minimum_tx_interval: remote.desired_min_tx,
        remote_multiplier: remote.detect_mult,
        demand_mode_requested: remote.demand,
        remote_control_plane_independent: remote.control_plane_independent,
        transmit_interval: session.transmit_interval(),
        detection_time: session.detection_time(),
        asynchronous: AsyncRow {
            last_packet_transmitted: session.last_transmitted,
            last_packet_received: session.last_received,
            transmitted_packets: counts.transmitted,
            received_packets: counts.received,
        },
        discards: counts.discards.clone(),
    }
}
