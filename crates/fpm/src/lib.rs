//! The forwarding plane manager protocol: how FRR's zebra hands its routes to us (`-M dplane_fpm_nl`), without I/O.
//!
//! zebra connects by TCP and sends frames of netlink messages. [`Fpm`] is one such connection: it is handed octets as they come, and
//! gives messages.
//!
//! | door | |
//! | --- | --- |
//! | [`handle_bytes`](Fpm::handle_bytes) | octets have come in, cut anywhere |
//! | [`poll_message`](Fpm::poll_message) | what they say, until there is no more |
//! | [`handle_end`](Fpm::handle_end) | zebra has closed the connection |
//! | [`counts`](Fpm::counts) | how many messages of each kind there were |
//!
//! The other way go [`encode_outcome`], what became of a route, and [`encode`], all that zebra itself would say.
//!
//! ```
//! use greylag_fpm::{
//!     Family, Fpm, FpmMessage, IfIndex, Next, NextHop, NextHopAdd, NextHopId, NextHopObject, Protocol, RouteAdd, RoutePrefix,
//!     TableId, encode,
//! };
//!
//! // A recorded stream: the octets of the connection.
//! let neighbour = NextHop { gateway: Some("192.0.2.1".parse()?), interface: IfIndex(3), ..NextHop::default() };
//! let next_hop = NextHopAdd {
//!     id: NextHopId(17),
//!     protocol: Protocol::ZEBRA,
//!     replace: true,
//!     object: NextHopObject::Single(Some(Family::V4), neighbour),
//! };
//! let route = RouteAdd {
//!     prefix: RoutePrefix::V4("198.51.100.0/24".parse()?),
//!     table: TableId::MAIN,
//!     protocol: Protocol::BGP,
//!     priority: 20,
//!     next: Next::Id(NextHopId(17)),
//!     replace: true,
//! };
//! let mut stream = Vec::new();
//! encode(&[FpmMessage::NextHopAdd(next_hop)], &mut stream)?;
//! encode(&[FpmMessage::RouteAdd(route)], &mut stream)?;
//!
//! let mut fpm = Fpm::new();
//! let mut said = Vec::new();
//! // However it is cut.
//! for mut octets in stream.chunks(25) {
//!     while !octets.is_empty() {
//!         octets = &octets[fpm.handle_bytes(octets)..];
//!         while let Some(message) = fpm.poll_message()? {
//!             said.push(format!("{message:?}"));
//!         }
//!     }
//! }
//! fpm.handle_end()?;
//! assert_eq!(said.len(), 2);
//! assert_eq!(fpm.counts().route_adds, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What zebra does
//!
//! As in zebra/dplane_fpm_nl.c of FRR 8.4:
//!
//! - It connects, by default to 127.0.0.1:2620, three seconds after it was told to, or a connection has ended.
//! - Then it sends what it has: label switched paths, next hops and groups, routes, MAC addresses of EVPN. No message says where that ends.
//! - Next hops and groups come in the order of a hash table, so that a group may come before its members, and routes of one moment may come
//!   before their next hop. A next hop is only sent again when it changes.
//! - A route that changes comes as its deletion and the new one in one frame, or with `fpm use-route-replace` (FRR 9.1) as the new
//!   one alone.
//! - Connected networks come too, as routes of protocol kernel to a next hop without a gateway; `fe80::/64` as one route.
//! - When an interface goes down, routes and groups that led there are changed or deleted; the next hop itself is not, and what takes its
//!   place when the interface is back has another number.
//! - What it is told to have become of a route shows as `offloaded` in `show ip route json`, `t` (trapped) and `o` (failed) in the
//!   table, and with `--asic-offload=notify_on_offload` daemons hear of a route only then. FRR 8.4 does not listen: started with that option, its
//!   routes stay `q` (queued) for ever, and nothing that is done to the kernel's routes helps.
//! - Nothing else is confirmed, and a switch that reads slowly makes zebra wait, not lose.
//!
//! # Speed
//!
//! A full table, 1.25 million routes with 105 thousand next hops and groups in 78 MB, is read in 0.06 s, and is in the FIB after 0.10 s where
//! it is loaded at once, 0.6 s where it is put in route by route (`benches/fpm.rs`); two seconds were the goal. `tools/fpm-stream` writes
//! that stream to a file.
//!
//! # Memory
//!
//! A connection has 128 KiB, whatever it is sent. What is of no use is counted by its name ([`Other`]); what cannot be read is an
//! [`FpmError`] with the octet at which it went wrong.

mod encode;
mod error;
mod message;
mod netlink;
mod next_hop;
mod route;
mod stream;

pub use encode::{EncodeError, Outcome, encode, encode_outcome};
pub use error::{Fault, FpmError};
pub use message::{FpmMessage, Other};
pub use next_hop::{
    Encap, Family, GroupMember, IfIndex, Members, NextHop, NextHopAdd, NextHopGroup, NextHopId,
    NextHopObject, Resilient,
};
pub use route::{Hop, Hops, Next, Protocol, RouteAdd, RouteDelete, RoutePrefix, TableId};
pub use stream::{Counts, Fpm};
