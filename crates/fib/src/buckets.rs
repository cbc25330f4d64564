//! The buckets of all groups, and the liveness of all next hops: what the data path reads.
//!
//! ```text
//!   group 7 --> [ first bucket 40 | buckets 16 | resilient 1 ] --> hops[first + hash mod buckets] --> next hop 3 --> live[3]
//!                                                                  used[..], when resilient
//! ```
//!
//! A group keeps its buckets for life; a change of members stores new next hops in their place, one by one. So a flow is sent where it was to
//! go before the change or after it, never elsewhere, and nothing is ever torn. A group that gets another number of buckets gets
//! others; the old ones are used again when no session can read them any more.

use crate::grace::{Grace, Seat, Stay};
use crate::group::{GroupId, NextHopId};
use greylag_base::Instant;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// In the place of a next hop: none.
pub(crate) const NOBODY: u32 = u32::MAX;

/// Where a group's buckets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Place {
    pub(crate) first: usize,
    /// None if there is no such group.
    pub(crate) count: u16,
    pub(crate) resilient: bool,
}

impl Place {
    pub(crate) fn word(self) -> u64 {
        (self.first as u64) << 24 | u64::from(self.count) << 8 | u64::from(self.resilient)
    }

    #[inline(always)]
    pub(crate) fn of(word: u64) -> Self {
        Place { first: (word >> 24) as usize, count: (word >> 8) as u16, resilient: word & 1 == 1 }
    }
}

/// What readers and writer share.
pub(crate) struct Buckets {
    pub(crate) grace: Grace,
    /// By number; [`Place`]s.
    pub(crate) groups: Box<[AtomicU64]>,
    pub(crate) hops: Box<[AtomicU32]>,
    /// When a flow last came by, in nanoseconds.
    pub(crate) used: Box<[AtomicU64]>,
    pub(crate) live: Box<[AtomicBool]>,
}

/// One bucket of a group, as choices find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Where its flows go; `None` if nobody ever had it.
    pub next_hop: Option<NextHopId>,
    /// Can that be reached? If not, each flow takes another bucket of the group.
    pub is_live: bool,
}

/// Says which next hops can be reached. Any number of threads may have one: BFD, the neighbour table, whoever notices first.
#[derive(Clone)]
pub struct Liveness(pub(crate) Arc<Buckets>);

/// The right to choose next hops, for one thread at a time.
pub struct GroupReader {
    shared: Arc<Buckets>,
    seat: Seat,
}

/// Choices that follow closely on each other, at one time.
pub struct Choices<'r> {
    shared: &'r Buckets,
    now: Instant,
    _stay: Stay<'r>,
}

impl Liveness {
    /// Takes a next hop out of all groups, or puts it back, in one store: each choice after it goes by that.
    ///
    /// Nothing is said if there is no next hop of this number.
    pub fn set(&self, next_hop: NextHopId, is_live: bool) {
        if let Some(live) = self.0.live.get(next_hop.0 as usize) {
            live.store(is_live, Ordering::Release);
        }
    }

    /// Can it be reached?
    pub fn get(&self, next_hop: NextHopId) -> bool {
        self.0.is_live(next_hop.0)
    }
}

impl Buckets {
    #[inline(always)]
    fn is_live(&self, next_hop: u32) -> bool {
        self.live.get(next_hop as usize).is_some_and(|live| live.load(Ordering::Relaxed))
    }

    /// Whoever asks keeps the group's buckets from being used by another: the owner of all, or a session.
    pub(crate) fn list(&self, group: GroupId) -> Vec<Bucket> {
        let word = self.groups.get(group.get() as usize).map_or(0, |place| place.load(Ordering::Acquire));
        let place = Place::of(word);
        let bucket = |hop: &AtomicU32| {
            let next_hop = hop.load(Ordering::Relaxed);
            let named = (next_hop != NOBODY).then_some(NextHopId(next_hop));
            Bucket { next_hop: named, is_live: self.is_live(next_hop) }
        };
        self.hops[place.first..][..place.count.into()].iter().map(bucket).collect()
    }
}

impl GroupReader {
    pub(crate) fn new(shared: Arc<Buckets>) -> Self {
        let seat = shared.grace.seat();
        GroupReader { shared, seat }
    }

    /// Opens a session. `now` is noted in the buckets of resilient groups that are chosen.
    #[inline]
    pub fn choices(&mut self, now: Instant) -> Choices<'_> {
        let stay = self.shared.grace.enter(&mut self.seat);
        Choices { shared: &self.shared, now, _stay: stay }
    }
}

impl Clone for GroupReader {
    /// Another reader of the same groups.
    fn clone(&self) -> Self {
        GroupReader::new(Arc::clone(&self.shared))
    }
}

impl Choices<'_> {
    /// The next hop of a flow with this hash; `None` if there is no such group, or nobody in it can be reached.
    ///
    /// A bucket whose next hop cannot be reached lends itself to a live one that is found in another bucket, which depends on the hash: so the
    /// flows of a lost next hop spread over all others, before anybody has dealt its buckets out.
    #[inline]
    pub fn choose(&self, group: GroupId, hash: u64) -> Option<NextHopId> {
        let place = Place::of(self.shared.groups.get(group.get() as usize)?.load(Ordering::Acquire));
        let bucket = (hash as u32).checked_rem(u32::from(place.count))? as usize;
        let at = place.first + bucket;
        // Relaxed: next hops are numbers; what is known about them is published elsewhere, before they become members.
        let next_hop = self.shared.hops[at].load(Ordering::Relaxed);
        if place.resilient && self.shared.used[at].load(Ordering::Relaxed) != self.now.as_nanos() {
            self.shared.used[at].store(self.now.as_nanos(), Ordering::Relaxed);
        }
        if self.shared.is_live(next_hop) {
            return Some(NextHopId(next_hop));
        }
        self.detour(place, hash)
    }

    /// The bucket of a flow with this hash, from 0 on; `None` if there is no such group.
    pub fn bucket(&self, group: GroupId, hash: u64) -> Option<u16> {
        let place = Place::of(self.shared.groups.get(group.get() as usize)?.load(Ordering::Acquire));
        let bucket = (hash as u32).checked_rem(u32::from(place.count))?;
        Some(bucket as u16)
    }

    #[cold]
    fn detour(&self, place: Place, hash: u64) -> Option<NextHopId> {
        let count = usize::from(place.count);
        // Another number out of the same hash, which may have 32 bits only.
        let begin = (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % count;
        let hop =
            |step: usize| self.shared.hops[place.first + (begin + step) % count].load(Ordering::Relaxed);
        (0..count).map(hop).find(|&next_hop| self.shared.is_live(next_hop)).map(NextHopId)
    }

    /// One choice for each: the groups as [`crate::Session::look_up_batch`] gives them.
    ///
    /// # Panics
    /// When the lengths differ.
    pub fn choose_batch(&self, groups: &[Option<GroupId>], hashes: &[u64], chosen: &mut [Option<NextHopId>]) {
        assert!(
            groups.len() == hashes.len() && groups.len() == chosen.len(),
            "one hash and one choice for each group"
        );
        for ((group, &hash), chosen) in groups.iter().zip(hashes).zip(chosen) {
            *chosen = group.and_then(|group| self.choose(group, hash));
        }
    }

    /// Where each bucket of a group leads, for audits, which try every one. Nothing if there is no such group.
    pub fn buckets(&self, group: GroupId) -> Vec<Bucket> {
        self.shared.list(group)
    }
}
