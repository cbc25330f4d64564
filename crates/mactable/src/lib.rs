//! A MAC address table that any number of threads read, learn into and flush at the same time, without a lock.
//!
//! It maps (VLAN, MAC) to a port. It has no clock and knows nothing of frames: times are nanoseconds and come in as
//! arguments, ports and VLANs are small integers.
//!
//! ```
//! use greylag_mactable::{Config, Learn, MacTable};
//!
//! let table = MacTable::new(&Config { capacity: 8192, hash_key: [1, 2], ..Config::default() })?;
//! let station = [0x02, 0, 0, 0, 0, 1];
//!
//! let session = table.session(0);
//! let probe = session.probe(10, station);
//! session.prefetch(&probe);
//! assert_eq!(session.learn(&probe, 3), Learn::New);
//! assert_eq!(session.learn(&probe, 3), Learn::Current);
//! assert_eq!(session.lookup(&probe).map(|entry| entry.port), Some(3));
//! drop(session);
//!
//! table.flush_port(3);
//! assert_eq!(table.session(1).lookup(&probe), None);
//! # Ok::<(), greylag_mactable::ConfigError>(())
//! ```
//!
//! # Layout
//!
//! An entry is one 64-bit word, a bucket is one cache line of eight. The key is hashed by a secret permutation: the bucket
//! and the rest of the hash together give the key back, so an entry stores only that rest, and needs no second word.
//!
//! ```text
//!            (VLAN, MAC)
//!                 |  VLAN -> filtering id; a flush gives a fresh one
//!                 v
//!       [ FID | 48-bit address ]
//!                 |  keyed permutation
//!                 v
//!       [ remainder | bucket ] ----------------------------.
//!             |                                            |
//!             v                                            v
//!   entry: [ remainder | binding | hit | 2nd | age ]    bucket:  [0][1][2][3][4][5][6][M]   64 bytes
//!                           |       |     |                                           |
//!   port <- binding <-------'       |     |                EMPTY here: nobody is in a second bucket
//!   a flush gives a fresh one       |     '-- sits in its second bucket = bucket ^ f(remainder)
//!                                   '-- a frame came in; renewing is somebody else's
//! ```
//!
//! Filled to its capacity with random addresses, a table loses none of them: there are at most three for eight slots, and
//! an address that finds its first bucket crowded goes to the emptier of its two. Measured at 1024, 8192 and 65536
//! entries over eight keys each (`tests/capacity.rs`): 0 declined. [`Config`] says what it takes: 22 to 44 bytes per entry.
//!
//! # Consistency
//!
//! What a reader may rely on:
//! - It never waits. A look-up reads at most two cache lines of the table, except when its VLAN is flushed under it.
//! - What it finds was written for the key that it asked for: a word is replaced whole, and the ids in it get
//!   another meaning only after all sessions that could have read them have ended.
//! - An entry stays in its slot for life. If learning it returned before the look-up began, and nobody removes or
//!   flushes it and it does not lapse, it is found. There are never two entries for one key.
//! - A flush is in force when it returns. Static entries are found throughout.
//!
//! What it may not:
//! - Two look-ups of a session see no common snapshot; only the time stands still.
//! - [`MacTable::len`] and its kin are exact when nobody writes, but include entries that wait to be swept.
//! - When threads place the same new address at the same moment, all of them may be told [`Decline::Contended`].
//!
//! Learning is lock-free, with a bounded number of steps. A thread that is descheduled in the nanoseconds between
//! taking a slot and showing the entry keeps others from learning that one address; nobody else waits for it.
//!
//! Static entries carry their port itself instead of a binding, so a port's flush does not concern them. A VLAN's flush
//! places them under the new id before that is shown.

mod ageing;
mod batch;
mod block;
mod bucket;
mod chip;
mod clock;
mod config;
mod control;
mod counts;
mod evict;
mod flush;
mod grace;
mod hash;
mod hold;
mod ids;
mod insert;
#[cfg(any(loom, shuttle))]
mod inspect;
mod iter;
mod key;
mod lanes;
mod layout;
mod learn;
mod memory;
mod probe;
#[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
mod recipe;
mod renewal;
mod seat;
mod session;
mod simd;
mod statics;
mod sweep;
mod sync;
mod table;

pub use batch::UNKNOWN;
pub use chip::{ChipHash, Geometry};
pub use config::{Config, ConfigError};
pub use evict::WhenFull;
#[cfg(any(loom, shuttle))]
#[doc(hidden)]
pub use inspect::GracePeriod;
pub use iter::{Iter, Record};
pub use key::Key;
pub use probe::Probe;
pub use renewal::{Renewal, Sighting};
pub use seat::Seat;
pub use session::{Decline, Entry, Learn, Session};
pub use simd::Simd;
pub use sweep::{Cause, Swept};
#[cfg(loom)]
#[doc(hidden)]
pub use sync::Fences;
pub use table::MacTable;
