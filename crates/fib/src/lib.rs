//! Longest-prefix match for IPv4 and IPv6, and next-hop groups.
//!
//! A prefix leads to a group, a flow's hash chooses one of the group's buckets, a bucket names a next hop. Any number of threads
//! look up, in batches, without ever waiting; one thread changes routes, another or the same one groups. Nothing here has a clock,
//! knows frames or hashes them.
//!
//! ```
//! use greylag_base::Instant;
//! use greylag_fib::{Group, GroupId, GroupSizes, Groups, Ipv4Fib, Kind, Member, NextHopId};
//!
//! let mut groups = Groups::new(GroupSizes { groups: 16, next_hops: 4, buckets: 1024 });
//! let transit = GroupId::new(1).unwrap();
//! let members = [0, 1].map(|hop| Member { next_hop: NextHopId(hop), weight: 1 });
//! let group = Group { members: members.to_vec(), buckets: 64, kind: Kind::Modulo };
//! groups.set(transit, group, Instant::ZERO)?;
//!
//! let mut routes = Ipv4Fib::new(1_000_000);
//! routes.insert("198.51.100.0/24".parse()?, transit)?;
//!
//! // A worker: addresses and flow hashes of a batch of packets.
//! let (mut reader, mut chooser) = (routes.reader(), groups.reader());
//! let (addresses, hashes) = ([0xc633_6401, 0xc633_6501], [7, 7]);
//! let mut found = [None; 2];
//! reader.session().look_up_batch(&addresses, &mut found);
//! assert_eq!(found, [Some(transit), None]);
//! let mut chosen = [None; 2];
//! chooser.choices(Instant::ZERO).choose_batch(&found, &hashes, &mut chosen);
//! assert_eq!(chosen, [Some(NextHopId(1)), None]);
//!
//! // BFD has lost the next hop: one store, and no flow goes there any more, by whatever route.
//! groups.liveness().set(NextHopId(1), false);
//! chooser.choices(Instant::ZERO).choose_batch(&found, &hashes, &mut chosen);
//! assert_eq!(chosen, [Some(NextHopId(0)), None]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Layout
//!
//! ```text
//!   address  [ 19 bits | 5 | 5 | ... ]
//!                 |      |   |
//!                 v      |   |      word:  [ group                    |0]  all of the block
//!   first table: 2^19 words |              [ place | form | bitmap    |1]  its 32 parts, equal neighbours once
//!                 |      v   v
//!                 '--> node of groups (32 bits a run), of words (64 bits a run), or of eight ranges (one line, IPv6)
//! ```
//!
//! One word of 64 bits stands for a block of addresses. It is the block's group, or says where that is written: the bitmap has a one
//! for each of 32 parts that differs from the part before it, so that counting ones finds the entry. Nodes keep nothing twice that is
//! the same for neighbours. `docs/fib.md` has the rest: why, the order of memory, and what was measured.
//!
//! # Consistency
//!
//! - A look-up never waits, retries or allocates.
//! - What it finds for an address is what the routes gave at some moment between the beginning of its session and its end; once a change
//!   has returned, sessions that open see it.
//! - Two addresses of a batch have no moment in common.
//! - A change shows all that it means for one address at once.

mod arena;
mod batch;
mod buckets;
mod build;
mod fib;
mod grace;
mod group;
mod groups;
#[cfg(loom)]
#[doc(hidden)]
pub mod model;
mod prefix;
mod ranges;
mod reader;
mod routes;
mod shortcut;
mod simd;
mod spans;
mod sync;
#[cfg(all(target_arch = "x86_64", not(greylag_scalar)))]
mod wide;
mod word;
mod writer;

pub use buckets::{Bucket, Choices, GroupReader, Liveness};
pub use fib::{Fib, Full, Ipv4Fib, Ipv6Fib};
pub use group::{Group, GroupError, GroupId, Kind, Member, NextHopId, Timers};
pub use groups::{GroupSizes, Groups};
pub use prefix::{Address, Ipv4Prefix, Ipv6Prefix, Prefix, PrefixError};
pub use reader::{Reader, Session};
pub use simd::Simd;
pub use spans::Span;
pub use writer::Writer;
