//! The Border Gateway Protocol (BGP-4): the speaker of one router, by RFC 4271, 4760 and 7606, without I/O and without a clock.
//!
//! [`Bgp`] is the speaker with all its neighbors and routes. It is told what comes in, what is wanted and what time it is, and it is
//! asked what goes out, what happened, which routes are used, and when it wants to be woken:
//!
//! | door | |
//! | --- | --- |
//! | [`handle_connected`](Bgp::handle_connected), [`handle_bytes`](Bgp::handle_bytes), [`handle_closed`](Bgp::handle_closed) | what a TCP connection to a neighbor does |
//! | [`announce`](Bgp::announce), [`withdraw`](Bgp::withdraw) | routes of our own |
//! | [`set_next_hop`](Bgp::set_next_hop) | how far a next hop is |
//! | [`reconfigure`](Bgp::reconfigure), [`set_path`](Bgp::set_path), [`set_room`](Bgp::set_room) | what is wanted, or what lies around a session, has changed |
//! | [`handle_timeout`](Bgp::handle_timeout) | it is as late as [`poll_timeout`](Bgp::poll_timeout) has said |
//! | [`poll_transmit`](Bgp::poll_transmit) | what is to be done about connections, until there is no more |
//! | [`poll_route_change`](Bgp::poll_route_change), [`poll_next_hop_interest`](Bgp::poll_next_hop_interest) | what the router's routing has to know, until there is no more |
//! | [`poll_event`](Bgp::poll_event) | what happened, until there is no more |
//! | [`snapshot`](Bgp::snapshot) | everything that operators ask |
//!
//! TCP is the caller's: the speaker says when to open and to close, and what to send; it takes what comes in however it is split.
//! Two routers tell each other of a route:
//!
//! ```
//! use greylag_base::{Instant, Seed};
//! use greylag_bgp::{Action, Asn, Attributes, Bgp, BgpConfig, Direction, NeighborConfig, NeighborId, Origin};
//! use core::net::IpAddr;
//!
//! let (one, other): (IpAddr, IpAddr) = ("192.0.2.1".parse()?, "192.0.2.2".parse()?);
//! let (now, peer) = (Instant::ZERO, NeighborId(1));
//! let mut config = BgpConfig::new(Asn(65_001), "192.0.2.1".parse()?);
//! config.neighbors = vec![NeighborConfig::new(peer, Asn(65_002), one, other)];
//! let mut here = Bgp::new(config, Seed(1), now)?;
//! let mut config = BgpConfig::new(Asn(65_002), "192.0.2.2".parse()?);
//! config.neighbors = vec![NeighborConfig { passive_mode: true, ..NeighborConfig::new(peer, Asn(65_001), other, one) }];
//! let mut there = Bgp::new(config, Seed(2), now)?;
//!
//! assert_eq!(here.poll_transmit(), Some(Action::Connect { neighbor: peer }));
//! assert!(there.accepts(peer));
//! there.handle_connected(now, peer, Direction::Passive);
//! here.handle_connected(now, peer, Direction::Active);
//! there.announce(now, "198.51.100.0/24".parse()?, Attributes::local(Origin::Igp));
//!
//! // OPEN, KEEPALIVE and UPDATE go back and forth until nobody has anything to say.
//! let mut quiet = false;
//! while !quiet {
//!     quiet = true;
//!     while let Some(Action::Send { bytes, .. }) = here.poll_transmit() {
//!         there.handle_bytes(now, peer, Direction::Passive, &bytes);
//!         quiet = false;
//!     }
//!     while let Some(Action::Send { bytes, .. }) = there.poll_transmit() {
//!         here.handle_bytes(now, peer, Direction::Active, &bytes);
//!         quiet = false;
//!     }
//! }
//! // The route is used once its next hop is known to be reached.
//! assert_eq!(here.poll_next_hop_interest().map(|interest| interest.next_hop), Some(other));
//! here.set_next_hop(now, other, Some(0));
//! let change = here.poll_route_change().expect("the route is there");
//! assert_eq!(change.route.expect("it is used").next_hops, [other]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to read
//!
//! `speaker.rs` has the doors. What comes in goes through `neighbor.rs`, where [`DIAGRAM`] says what each message does to one of its two
//! connections; `message.rs`, `open.rs` and `update.rs` read it. `rib.rs` keeps all paths, `decision.rs` judges them by a table of
//! steps, `advertise.rs` decides what neighbors hear of it, and `pack.rs` writes that down. [`Attributes`] are kept once for all routes
//! that share them.
//!
//! # What decides outages
//!
//! - **Who notices first.** Without BFD a neighbor that falls silent is noticed after the hold time, by [`Cause::HoldTimerExpired`].
//!   [`set_path`](Bgp::set_path) ends the session at once, with [`Cause::InterfaceDown`] or [`Cause::BfdDown`]. An end that
//!   closes in order says why, and a killed one has its kernel close.
//! - **Coming back takes time.** After a failure we try nothing for [`idle_hold_time`](NeighborConfig::idle_hold_time), and then
//!   once every [`connect_retry`](NeighborConfig::connect_retry), each jittered; but whoever connects to us is let in at once.
//! - **All routes of a neighbor go with its session**, and come back with the next, in no particular order: there is no graceful restart.
//! - **A next hop that cannot be reached takes its routes with it**, long before the session notices: the caller says so by
//!   [`set_next_hop`](Bgp::set_next_hop).
//! - **One wrong attribute does not end a session** (RFC 7606): the routes of that UPDATE count as withdrawn, and
//!   [`BgpEvent::UpdateMistaken`] says which attribute it was.
//! - **Whom a prefix limit cuts off stays so** until somebody changes the configuration or resets the neighbor.
//!
//! # What is not here
//!
//! - **Route reflection and confederations.** Within a system everybody is everybody's neighbor.
//! - **Graceful restart, ADD-PATH, extended messages, IPv4 routes with an IPv6 next hop**, policies beyond LOCAL_PREF, MED and next-hop-self.
//! - **Neighbors that count systems with two octets**: such an OPEN is refused with Unsupported Capability (RFC 5492).
//! - **Neighbors on link-local addresses**; of two IPv6 next hops the global one is used.
//! - The age of a route decides nothing, as in RFC 4271 and unlike RFC 5004: after BGP Identifiers, addresses are compared.

mod advertise;
mod attributes;
mod config;
mod connection;
mod decision;
mod event;
mod fsm;
mod message;
mod neighbor;
mod next_hop;
mod notification;
mod open;
mod pack;
mod rib;
mod show;
mod speaker;
mod update;

pub use attributes::{Aggregator, AsPath, Attributes, Opaque, Origin, Segment};
pub use config::{Asn, BgpConfig, ConfigError, Family, FamilyConfig, NeighborConfig, NeighborId};
pub use decision::{Reason, Standing};
pub use event::{BgpEvent, Cause, Failure, Fault, Mistake, Treatment};
pub use fsm::{DIAGRAM, Direction, Do, State, Transition, When};
pub use ipnet::IpNet;
pub use neighbor::{Action, Messages, PathPart};
pub use next_hop::NextHopInterest;
pub use notification::Notification;
pub use rib::{Route, RouteChange, Source};
pub use show::{BgpSnapshot, ConnectionRow, FamilyRow, NeighborRow, PathRow, RouteRow};
pub use speaker::Bgp;
