//! Making room for a new address by taking another one's place.
//!
//! An exact order of all entries by age would have to be written at every refresh. The choice is among the
//! entries of the new address's buckets instead or, if it is the table that is full, of those and their neighbours, about eight of
//! them in a table at its capacity: random ones, because the hash is keyed, so what is chosen is about the oldest, or of
//! about the largest port, of eight drawn at random.

use crate::bucket::SLOTS;
use crate::clock::Clock;
use crate::counts::Holder;
use crate::layout::{is_entry, is_static};
use crate::probe::Probe;
use crate::session::Decline;
use crate::sweep::{Cause, Swept};
use crate::sync::Ordering;
use crate::table::{Found, MacTable};

/// What becomes of a new address that finds no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum WhenFull {
    /// It is not learned.
    #[default]
    Decline,
    /// It takes the place of the entry that was not seen for the longest time.
    EvictOldest,
    /// It takes the place of an entry of the port that has the most, the one that was not seen for the longest time. A port
    /// that floods the table with addresses pushes out its own, and never one of a port that has fewer. Open vSwitch does
    /// the like.
    EvictLargestPort,
}

impl WhenFull {
    /// All of them.
    pub const ALL: [WhenFull; 3] = [WhenFull::Decline, WhenFull::EvictOldest, WhenFull::EvictLargestPort];

    /// The name in configuration, tables and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            WhenFull::Decline => "decline",
            WhenFull::EvictOldest => "evict-oldest",
            WhenFull::EvictLargestPort => "evict-largest-port",
        }
    }
}

/// Buckets that learning searches for somebody to evict when the two of the key have nobody.
pub(crate) const REACH: usize = 16;

/// For whom somebody is evicted.
#[derive(Clone, Copy)]
pub(crate) struct Newcomer<'p> {
    pub(crate) probe: &'p Probe,
    /// Its port has so many entries.
    pub(crate) peers: u32,
    /// Why it found no room.
    pub(crate) reason: Decline,
}

/// An entry that could go. The greatest goes: fields are in the order of what counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Victim {
    /// Its time is over, or its port or VLAN was flushed: nobody misses it.
    is_dead: bool,
    /// Entries of its port, if the policy asks for that.
    size: u32,
    /// Ticks since it was seen.
    age: u64,
    bucket: usize,
    slot: usize,
    word: u64,
}

impl MacTable {
    /// Evicts an entry in favour of a key. False if there is none to evict; true also if another thread was at it, and
    /// looking again is worth while.
    pub(crate) fn evict_for(
        &self,
        newcomer: Newcomer<'_>,
        reach: usize,
        clock: &Clock,
        mut report: impl FnMut(Swept),
    ) -> bool {
        let Newcomer { probe, reason, .. } = newcomer;
        if self.when_full == WhenFull::Decline || !matches!(reason, Decline::TableFull | Decline::BucketsFull)
        {
            return false;
        }
        let primary = self.bucket(probe);
        let secondary = self.layout.other_bucket(primary, probe.key());
        let victim_of = |bucket| self.victim(bucket, newcomer, clock);
        let mut victim = victim_of(primary).max(victim_of(secondary));
        // If it is the table that is full, anybody's going makes room.
        if reason == Decline::TableFull && self.lines.len() > 2 {
            for neighbour in [primary ^ 1, secondary ^ 1] {
                victim = victim.max(victim_of(neighbour));
            }
        }
        let mut next = primary;
        while victim.is_none() && reason == Decline::TableFull && next < primary + reach {
            next += 1;
            victim = victim_of(next & (self.lines.len() - 1));
        }
        let Some(Victim { is_dead, bucket, slot, word, .. }) = victim else { return false };
        let (fid, mac) = self.key_of(bucket, word);
        let (vlan, port) = (self.vlans.last_name(fid), self.ports.last_name(self.layout.binding(word)));
        if self.remove_at(Found { bucket, slot, word }) && !is_dead {
            self.evicted.fetch_add(1, Ordering::Relaxed);
            report(Swept { vlan, mac, port, cause: Cause::Evicted });
        }
        true
    }

    /// Whom the policy would evict from a bucket.
    fn victim(&self, bucket: usize, newcomer: Newcomer<'_>, clock: &Clock) -> Option<Victim> {
        let Newcomer { peers, reason, .. } = newcomer;
        let candidates = (0..SLOTS).filter_map(|slot| {
            let word = self.lines[bucket].slot(slot).load(Ordering::Acquire);
            if !is_entry(word) || is_static(word) {
                return None;
            }
            let size = match (self.when_full, self.holder(word)) {
                (WhenFull::EvictLargestPort, Holder::Binding(binding)) => self.counts.binding(binding),
                _ => peers,
            };
            let is_on_port = self.port_of(word).is_some();
            // The flush of its port took it out of the total: in a full table its going makes no room.
            if !is_on_port && reason == Decline::TableFull {
                return None;
            }
            let is_dead =
                clock.lapsed(word) || !is_on_port || self.vlans.name(self.key_of(bucket, word).0).is_none();
            let victim = Victim { is_dead, size, age: clock.ticks(word), bucket, slot, word };
            (is_dead || size >= peers).then_some(victim)
        });
        candidates.max()
    }

    /// How many entries had to make room for others since the table was made.
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }
}
