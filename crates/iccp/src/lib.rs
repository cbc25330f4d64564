//! The Inter-Chassis Communication Protocol (ICCP) of RFC 7275: one end of the session between the two chassis of a
//! multi-chassis LAG, without I/O and without a clock.
//!
//! [`Iccp`] is told what this chassis has, what comes in and what time it is, and it is asked what goes out, what the peer has, and
//! when it wants to be woken:
//!
//! | door | |
//! | --- | --- |
//! | [`handle_connected`](Iccp::handle_connected), [`handle_bytes`](Iccp::handle_bytes), [`handle_closed`](Iccp::handle_closed) | what the TCP connection to the peer does |
//! | [`set_aggregator`](Iccp::set_aggregator), [`set_port`](Iccp::set_port), [`set_mac`](Iccp::set_mac), [`set_irb_mac`](Iccp::set_irb_mac), [`set_vlans`](Iccp::set_vlans) | what we have, from the start and at every change, session or not |
//! | [`acknowledge_aggregator`](Iccp::acknowledge_aggregator) | we have acted on what the peer has said of a leg |
//! | [`reconfigure`](Iccp::reconfigure), [`set_path`](Iccp::set_path), [`set_room`](Iccp::set_room), [`shut_down`](Iccp::shut_down) | what is wanted, or what lies around the session, has changed |
//! | [`handle_timeout`](Iccp::handle_timeout) | it is as late as [`poll_timeout`](Iccp::poll_timeout) has said |
//! | [`poll_action`](Iccp::poll_action) | what is to be done about the connection, until there is no more |
//! | [`poll_event`](Iccp::poll_event) | what happened and what the peer has, until there is no more |
//! | [`snapshot`](Iccp::snapshot), [`peer_macs`](Iccp::peer_macs) | everything that operators ask |
//!
//! TCP is the caller's: this crate says when to open and to close, and what to send, and takes what comes in however it is split. Two
//! chassis meet, and one tells the other of a station:
//!
//! ```
//! use greylag_base::{Instant, MacAddr, VlanId};
//! use greylag_iccp::{Action, Iccp, IccpConfig, IccpEvent, MacPlace, Role, SystemConfig};
//! use greylag_wire::lacp::SystemId;
//!
//! let now = Instant::ZERO;
//! let chassis = |role, node_id| {
//!     let system = SystemId { priority: 127, mac: MacAddr([2, 0, 0, 0, 0, node_id]) };
//!     Iccp::new(IccpConfig::new(1, role, SystemConfig { system, node_id }), now)
//! };
//! let (mut one, mut other) = (chassis(Role::Active, 0)?, chassis(Role::Passive, 1)?);
//! let (vlan, station) = (VlanId::new(97).expect("it is one"), MacAddr([2, 0, 0, 0, 9, 9]));
//! one.set_mac(now, vlan, station, Some(MacPlace::Aggregator(10)));
//!
//! assert_eq!(one.poll_action(now), Some(Action::Connect));
//! one.handle_connected(now);
//! other.handle_connected(now);
//!
//! // Capabilities, connects, requests and what they ask for go back and forth until nobody has anything to say.
//! let mut quiet = false;
//! while !quiet {
//!     quiet = true;
//!     for (from, to) in [(0, 1), (1, 0)] {
//!         let mut ends = [&mut one, &mut other];
//!         while let Some(Action::Send(bytes)) = ends[from].poll_action(now) {
//!             ends[to].handle_bytes(now, &bytes);
//!             quiet = false;
//!         }
//!     }
//! }
//! assert_eq!(other.poll_event(), Some(IccpEvent::SessionUp));
//! let heard: Vec<IccpEvent> = std::iter::from_fn(|| other.poll_event()).collect();
//! let place = Some(MacPlace::Aggregator(10));
//! assert!(heard.contains(&IccpEvent::PeerMac { vlan, mac: station, place }));
//! assert_eq!(heard.last(), Some(&IccpEvent::PeerMacsComplete));
//! # Ok::<(), greylag_iccp::ConfigError>(())
//! ```
//!
//! # Where to read
//!
//! `iccp.rs` has the doors, `session.rs` both machines of RFC 7275 as tables ([`SESSION`], [`APPLICATION`]), `machine.rs` what their arrows
//! do, `hear.rs` what each message does. `ledger.rs` has what waits to be told and `tell.rs` makes messages of it; `view.rs` has
//! what the peer has said; `conflict.rs` compares the two. What the octets mean is in `greylag_wire::iccp`.
//!
//! # What decides outages
//!
//! - **Who notices first.** A peer that falls silent is given up after the session timeout, 15 s unless configured; BFD is faster, and
//!   [`set_path`](Iccp::set_path) ends the session at once. A peer that is killed has its kernel close.
//! - **Nobody waits for a slow peer.** What there is to tell is written down when it is asked for: a peer that does not read makes changes
//!   wait, and hears how everything is by then, once ([`set_room`](Iccp::set_room)).
//! - **Isolation goes first.** Bundles, links and acknowledgements overtake addresses: a leg that comes up does not wait for a table of a hundred
//!   thousand stations. So addresses may be named behind a leg that has just gone.
//! - **Everything is told anew in every session**, between a beginning and an end. With the session, what the peer has said is forgotten
//!   here; what becomes of it in the tables is the caller's policy.
//! - **Two chassis that do not fit say so**: [`IccpEvent::Conflict`]. Of two redundancy groups no session comes about; everything else
//!   is told and not decided here.
//!
//! # What is not RFC 7275
//!
//! - **There is no LDP.** The session has a TCP connection of its own, with LDP's Initialization and KeepAlive in it (`greylag_wire::iccp`).
//! - **Addresses, isolation, VLANs and a system id for each bundle** travel in parameters of our own.
//! - **A system id is configured, not agreed on**: the arbitration of 7.2.3, by which the chassis with the lower priority has its way, is
//!   not here. Active/standby by port priorities (9.1) is not here either: a Port Priority is read and nothing follows.
//! - **PW-RED** is refused: there are no pseudowires.

mod config;
mod conflict;
mod event;
mod hear;
mod iccp;
mod ledger;
mod machine;
mod object;
mod session;
mod show;
mod tell;
mod view;

pub use config::{ConfigError, IccpConfig, Role, SystemConfig};
pub use event::{Cause, Conflict, ConflictParameter, IccpEvent};
pub use greylag_wire::iccp::{MacPlace, Malformed, PORT, Status, VlanList};
pub use iccp::{Action, Iccp};
pub use object::{Aggregator, Partner, Port};
pub use session::{APPLICATION, AppWhen, ApplicationState, Do, SESSION, SessionState, Transition, When};
pub use show::{Failure, IccpSnapshot, Messages, Nak, PlaceVlans, Synchronised};
