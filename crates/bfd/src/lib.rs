//! Bidirectional Forwarding Detection (BFD): the sessions of one switch, by RFC 5880, 5881 and 5883, without I/O and without
//! a clock.
//!
//! [`Bfd`] is all sessions of one switch. It is told what comes in, what is wanted and what time it is, and it is asked what
//! goes out, what happened, and when it wants to be woken:
//!
//! | door | |
//! | --- | --- |
//! | [`handle_packet`](Bfd::handle_packet) | a UDP datagram to port 3784 or 4784 has come in |
//! | [`reconfigure`](Bfd::reconfigure), [`set_path`](Bfd::set_path), [`reset_forwarding`](Bfd::reset_forwarding), [`set_concatenated`](Bfd::set_concatenated) | what is wanted, or what lies around a session, has changed |
//! | [`handle_timeout`](Bfd::handle_timeout) | it is as late as [`poll_timeout`](Bfd::poll_timeout) has said |
//! | [`poll_transmit`](Bfd::poll_transmit) | what is to be sent, until there is no more |
//! | [`poll_event`](Bfd::poll_event) | what happened, until there is no more: clients go by [`BfdEvent::Up`] and [`BfdEvent::Down`] |
//! | [`snapshot`](Bfd::snapshot) | everything that operators ask |
//!
//! Packets are values with their addresses, ports and TTL; UDP and IP around them are the caller's, which thereby decides that
//! they go through the switch's own tables and perish where those fail. Two switches hear each other:
//!
//! ```
//! use greylag_base::{Instant, InterfaceId, Seed};
//! use greylag_bfd::{Bfd, BfdConfig, PacketIn, Path, SessionConfig, SessionId, State};
//!
//! let (one, other) = ("192.0.2.1".parse()?, "192.0.2.2".parse()?);
//! let path = Path::Multihop { minimum_ttl: 254 };
//! let session = |from, to| BfdConfig { sessions: vec![SessionConfig::new(SessionId(1), from, to, path)] };
//! let now = Instant::ZERO;
//! let mut switches = [Bfd::new(session(one, other), Seed(1), now)?, Bfd::new(session(other, one), Seed(2), now)?];
//!
//! // Down is answered with Init, Init with Up.
//! for turn in [0, 1, 0, 1] {
//!     while let Some(packet) = switches[turn].poll_transmit() {
//!         let arrives = PacketIn {
//!             from: packet.from,
//!             to: packet.to,
//!             interface: InterfaceId(0),
//!             ttl: packet.ttl,
//!             destination_port: packet.destination_port,
//!             payload: &packet.payload,
//!         };
//!         switches[1 - turn].handle_packet(now, &arrives);
//!     }
//! }
//! assert_eq!(switches[0].state(SessionId(1)), Some(State::Up));
//! assert_eq!(switches[1].state(SessionId(1)), Some(State::Up));
//! assert!(switches[0].poll_timeout() > Some(now));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to read
//!
//! `system.rs` has the doors and finds a packet's session, `session.rs` what a packet does to it and when one is sent;
//! [`DIAGRAM`] is the state machine, `timing.rs` when a new interval takes effect, [`Discard`] the rules by which packets are
//! discarded. The bytes are `greylag_wire::bfd`.
//!
//! # What decides outages
//!
//! - **Who notices first says why.** The end whose detection time expires says 1, control detection time expired; the other
//!   hears Down and says 3, neighbor signaled session down. Where nothing passes either way, both say 1. [`Failure`] has what
//!   both ends said.
//! - **The detection time is the other end's**: its multiplier, times the slower of how often it would like to send and how
//!   often we can receive. It runs from the last packet: a failure is noticed between that time less one interval and
//!   that time after the path broke.
//! - **A session that is not up sends once a second**, so it takes about a second to come back, whatever its intervals are.
//!   They are made fast by a Poll Sequence once it is up. What makes an end send less often, or give up sooner, takes effect when
//!   the other end has answered; everything else at once (RFC 5880 6.8.3).
//! - **A restart shows**: the other end hears Down from another discriminator, and goes down at once with 3.
//!
//! # What is not here
//!
//! - **Demand mode** is never asked for. Where the other end asks for it, periodic packets cease while both ends are up, and
//!   what changes is told by a Poll Sequence (6.6).
//! - **Echo** packets are neither sent nor returned; we say so with a Required Min Echo RX Interval of zero. Diagnostic 2 can
//!   only be heard.
//! - **Authentication** is not in use: packets with a section for it are discarded, and counted as
//!   [`Discard::Authentication`].
//! - A source address that changes is not told of (RFC 5881 6 allows it); packets keep going where the configuration says.

mod config;
mod discard;
mod event;
mod packet;
mod session;
mod show;
mod state;
mod system;
mod timing;

pub use config::{BfdConfig, ConfigError, MOST_SESSIONS, Path, Role, SessionConfig, SessionId};
pub use discard::{Discard, Discards};
pub use event::{BfdEvent, Failure};
pub use greylag_wire::bfd::{Diagnostic, Micros, State};
pub use packet::{PacketIn, PacketOut};
pub use show::{AsyncRow, BfdSnapshot, SessionRow};
pub use state::{DIAGRAM, Transition, When};
pub use system::{Bfd, Concatenated};
