//! A small link-state routing protocol: one router, without I/O and without a clock.
//!
//! By it, greylag's own routers find shortest paths where a network has OSPF. It is openly not OSPF: the packets are of our own
//! format, on an IP protocol number for experiments. What matters in an outage is as OSPF has it: hellos that have to cross the
//! data plane, the dead interval, the check that both ends hear each other, flooding, the pace of announcements, the hold time
//! of the calculation.
//!
//! [`LinkState`] is one router. It is told what comes in, what is wanted and what time it is, and it is asked what goes out,
//! what happened, which routes are others, and when it wants to be woken:
//!
//! | door | |
//! | --- | --- |
//! | [`handle_packet`](LinkState::handle_packet) | a packet of [`IP_PROTOCOL`] has come in on an interface |
//! | [`set_interface`](LinkState::set_interface), [`set_path`](LinkState::set_path) | an interface has come, gone, or has other addresses; BFD has something to say of a neighbor |
//! | [`reconfigure`](LinkState::reconfigure) | what is wanted has changed |
//! | [`handle_timeout`](LinkState::handle_timeout) | it is as late as [`poll_timeout`](LinkState::poll_timeout) has said |
//! | [`poll_transmit`](LinkState::poll_transmit) | what is to be sent, until there is no more |
//! | [`poll_route_change`](LinkState::poll_route_change) | which routes are others, until there is no more |
//! | [`poll_event`](LinkState::poll_event) | what happened, until there is no more |
//! | [`snapshot`](LinkState::snapshot) | everything that operators ask |
//!
//! Packets are payloads; IP around them is the caller's, which thereby decides that they go through the switch's own tables and
//! perish where those fail. All go to a group of the link: 224.0.0.254 from an interface with an IPv4 address, else ff02::114,
//! with a TTL of 1. Two routers find each other:
//!
//! ```
//! use greylag_base::{Instant, InterfaceId, Seed};
//! use greylag_linkstate::{AnnouncedPrefix, InterfaceConfig, LinkState, LinkStateConfig};
//! use std::time::Duration;
//!
//! let eth0 = InterfaceId(0);
//! let router = |router_id: &str, address: &str, loopback: &str, seed| {
//!     let mut config = LinkStateConfig::new(router_id.parse()?);
//!     config.interfaces = vec![InterfaceConfig::new(eth0)];
//!     config.prefixes = vec![AnnouncedPrefix { prefix: loopback.parse()?, metric: 0 }];
//!     let mut router = LinkState::new(config, Seed(seed), Instant::ZERO)?;
//!     router.set_interface(Instant::ZERO, eth0, true, &[address.parse()?]);
//!     Ok::<_, Box<dyn std::error::Error>>(router)
//! };
//! let mut routers = [
//!     router("1.1.1.1", "192.0.2.1/30", "198.51.100.1/32", 1)?,
//!     router("2.2.2.2", "192.0.2.2/30", "198.51.100.2/32", 2)?,
//! ];
//!
//! // The first hellos name nobody; the next, ten seconds later, name each other, and databases are exchanged.
//! let mut now = Instant::ZERO;
//! while now < Instant::ZERO + Duration::from_secs(20) {
//!     let mut under_way = Vec::new();
//!     for (number, router) in routers.iter_mut().enumerate() {
//!         router.handle_timeout(now);
//!         under_way.extend(std::iter::from_fn(|| router.poll_transmit()).map(|packet| (1 - number, packet)));
//!     }
//!     for (number, packet) in under_way {
//!         routers[number].handle_packet(now, eth0, packet.from, &packet.payload);
//!     }
//!     now += Duration::from_millis(100);
//! }
//! let route = routers[0].poll_route_change().expect("there is a way to the other's loopback");
//! assert_eq!(route.prefix, "198.51.100.2/32".parse()?);
//! assert_eq!(route.next_hops[0].gateway, "192.0.2.2".parse::<core::net::IpAddr>()?);
//! assert_eq!(route.metric, 10);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to read
//!
//! `system.rs` has the doors. Then in the order in which things happen: `adjacency.rs` has hellos and who is adjacent, with the
//! states of [`DIAGRAM`]; `flooding.rs` how all come to have one database, `announce.rs` and `origin.rs` what a router says of
//! itself, `throttle.rs` when the shortest paths are calculated, `spf.rs` and `paths.rs` how. [`wire`] has the bytes,
//! [`Discard`] the rules by which packets are discarded.
//!
//! # What decides outages
//!
//! - **Silence takes the dead interval**, 40 s, if the carrier stays: a switch between two routers that forwards nothing is noticed
//!   no sooner, unless BFD says so. A lost carrier, and BFD, count at once; the other end hears of it by flooding, another
//!   way round, and by the next hello.
//! - **Coming back takes two hellos**, up to 20 s: one to be heard, one to be named. No hello is sent because of another.
//! - **Who is named in no hello is not adjacent.** Where packets pass one way only, both ends are down: the one that hears nothing
//!   after its dead interval, the other by the next hello, which does not name it any more.
//! - **A router announces a change at once, the next not before 5 s** have passed (RFC 2328, MinLSInterval): a second neighbor that
//!   is found a second after the first waits for four. What was announced while nobody was there holds up nothing. The loss of
//!   its own link it takes into account itself in any case.
//! - **A calculation follows a change at once, others wait** 50 ms, then 100, up to 5 s while changes go on: the throttle that FRR has
//!   by default.
//! - **A link counts while both ends announce it**, interface by interface. One end is enough to take it out of use.
//! - **What a router has announced outlives it** for an hour, but is of no use: its neighbors do not announce a link to it any
//!   more. One that comes back hears what it said before, and outbids it.
//! - **A router with overload is reached, never crossed**, not even as a last resort (as by IS-IS's overload bit and OSPFv3's R-bit).
//!   With all its interfaces at [`COST_OUT`] it is crossed as a last resort (RFC 6987). An interface alone at that cost, at both
//!   ends, is how a link is taken out of use before it is taken down.
//! - **Intervals have to be the same** at both ends; otherwise the hellos are discarded, as OSPF does, and counted.
//!
//! # One topology for both families
//!
//! Hellos carry both gateways of a router, and a link counts for IPv4 and IPv6 alike, as with IS-IS of one topology. So all links should
//! carry both families, or all but one. A next hop is left out where it has no gateway of the family.
//!
//! Prefixes are [`ipnet::IpNet`]: either family in one type, ordered, with serde. The prefix of greylag's FIB is of one family, and
//! does not know how it is written.
//!
//! # Several routers on one VLAN
//!
//! All are adjacent to all: there is no designated router, and no network of its own in the graph. For n routers, that is n(n-1)
//! links in the database, which for the few routers of a VLAN is less than an election is worth. Announcements go to all at
//! once, and acknowledgements too, so that each is said once.
//!
//! # What is not here
//!
//! - **Areas, external routes, authentication, virtual links.** Every router has the whole database.
//! - **The MTU** is not compared. Packets fit 1280 octets, so that adjacencies come up where large frames perish.
//! - **Unicast.** OSPF sends what concerns one neighbor to its address, and thus depends on ARP; here, all goes to the group.
//! - **Graceful restart.** A router that restarts is down until it is back.

mod adjacency;
mod announce;
mod config;
mod database;
mod discard;
mod event;
mod flooding;
mod interface;
mod neighbor;
mod origin;
mod outbox;
mod paths;
mod routes;
mod show;
mod spf;
mod system;
mod throttle;
mod unconfirmed;
pub mod wire;

pub use config::{COST_OUT, ConfigError, InterfaceConfig, LinkStateConfig};
pub use discard::{Discard, Discards};
pub use event::{DatabaseChange, DownReason, LinkStateEvent, SpfTrigger};
pub use interface::{IPV4_GROUP, IPV6_GROUP};
pub use neighbor::{DIAGRAM, NeighborState, Transition, When};
pub use routes::{MAX_PATHS, NextHop, RouteChange};
pub use show::{DatabaseRow, InterfaceRow, LinkStateSnapshot, NeighborRow, RouteRow, SpfRow};
pub use system::{IP_PROTOCOL, LinkState, PacketOut, TTL};
pub use wire::{AnnouncedPrefix, Link, LsaHeader, LsaId};
