//! Renewal by somebody else: the data path says that an entry is in use, the control side makes it young again.
//!
//! A frame from a known station then sets the hit bit of its entry, once, and [`MacTable::renew`] gives all that were hit
//! the present stamp. Who does not come to renew lets entries lapse that are in use: a look-up asks the stamp alone.

use crate::bucket::SLOTS;
use crate::clock::Clock;
use crate::ids::NONE;
use crate::layout::{HIT, SECONDARY, age, age_code, is_entry, is_hit, is_static, restamped, with_age};
use crate::probe::Probe;
use crate::session::Session;
use crate::sync::Ordering;
use crate::table::{Found, MacTable};

/// How often a source is looked at again because its entry changed meanwhile.
const TRIES: usize = 8;

/// What a frame from a station does to its entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Renewal {
    /// Its stamp becomes the present.
    #[default]
    Stamp,
    /// Its hit bit is set. Its stamp is for [`MacTable::renew`] to move.
    Hit,
}

/// Where a source address stands, nothing having been learned from its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// Known on this port; nothing was written, because it was seen in this tick, or hit already.
    Current,
    /// Known on this port; its age starts anew.
    Refreshed,
    /// Known on this port; its hit bit is set now.
    Hit,
    /// Known on another port.
    Elsewhere {
        /// The port that it is on.
        port: u16,
        /// Was configured there.
        is_static: bool,
    },
    /// Not known, or not any more: its time is over, or it was flushed.
    Unknown,
}

impl<'t> Session<'t> {
    /// The same with another way of renewing the entries of known sources.
    #[inline]
    pub fn with_renewal(mut self, renewal: Renewal) -> Session<'t> {
        self.renewal = renewal;
        self
    }

    /// A frame from this address came in on `port`, and learning it is for somebody else: renews the entry if it is known
    /// there, and neither installs nor moves nor removes any.
    ///
    /// Lock-free with a bounded number of steps. An entry that changes all the while counts as current.
    pub fn sight(&self, probe: &Probe, port: u16) -> Sighting {
        let mut probe = *probe;
        let mut flushed = None;
        for _ in 0..TRIES {
            let is_there = probe.fid() != NONE && self.table.seek(&probe) != 0;
            let found = if is_there { self.table.find(&probe) } else { None };
            // Looked at after the search, for the reason that `Session::lookup` has.
            match self.table.fid(probe.vlan()) {
                fid if fid == probe.fid() => {}
                NONE => return Sighting::Unknown,
                fid => {
                    probe = self.table.reprobe(&probe, fid);
                    continue;
                }
            }
            let Some(found) = found else { return Sighting::Unknown };
            let word = found.word;
            let Some(at) = self.table.port_of(word) else {
                // Its port was flushed, perhaps after the station had moved off it.
                if flushed.replace(word) == Some(word) {
                    return Sighting::Unknown;
                }
                continue;
            };
            if self.clock.lapsed(word) {
                return Sighting::Unknown;
            }
            if at != port {
                return Sighting::Elsewhere { port: at, is_static: is_static(word) };
            }
            match self.renewed(word) {
                None => return Sighting::Current,
                Some(next) if !self.table.replace(found, next) => {}
                Some(_) if self.renewal == Renewal::Stamp => return Sighting::Refreshed,
                Some(_) => return Sighting::Hit,
            }
        }
        Sighting::Current
    }

    /// What a live entry becomes by a frame from its port; `None` for what it is.
    #[inline]
    pub(crate) fn renewed(&self, word: u64) -> Option<u64> {
        match self.renewal {
            _ if is_static(word) => None,
            Renewal::Stamp if self.clock.is_current(word) => None,
            Renewal::Stamp => Some(restamped(word, self.clock.code())),
            Renewal::Hit if is_hit(word) => None,
            Renewal::Hit => Some(word | HIT),
        }
    }

    /// The word of a live entry that a frame under these key bits and on this binding would leave as it is.
    #[inline(always)]
    pub(crate) fn is_settled(&self, word: u64, key: u64, binding: u16) -> bool {
        // The secondary bit is where the entry is, not what it says.
        let word = word & !SECONDARY;
        match self.renewal {
            Renewal::Stamp => word == self.table.layout.entry(key, binding, self.clock.code()),
            Renewal::Hit => {
                is_hit_on(word, self.table.layout.entry(key, binding, 0)) && !self.clock.lapsed(word)
            }
        }
    }
}

/// A word that was hit and is `entry`, whatever its stamp. Only dynamic entries are ever hit.
#[inline(always)]
pub(crate) fn is_hit_on(word: u64, entry: u64) -> bool {
    with_age(word, 0) == entry | HIT
}

impl MacTable {
    /// Gives every live dynamic entry that was hit, and for which `may` says yes of VLAN, address and port, the present
    /// stamp, and takes its hit bit away. Returns how many it were. Walks the table.
    ///
    /// What has lapsed stays so. An entry for which `may` says no keeps its bit. While the ageing time changes, entries keep
    /// theirs for the next time.
    ///
    /// Workers go on meanwhile, with these outcomes: a frame that finds the bit set just before it is taken away counts for this
    /// renewal, one that sets it anew for the next; an entry that moves is as the move left it, and `may` is asked again if
    /// its new self was hit; what is removed, evicted, flushed or swept meanwhile is not brought back. `may` may use the
    /// table.
    pub fn renew(&self, now: u64, mut may: impl FnMut(u16, [u8; 6], u16) -> bool) -> usize {
        let mut renewed = 0;
        for bucket in 0..self.lines.len() {
            if !self.lines[bucket].words().into_iter().any(is_hit) {
                continue;
            }
            // A stay per bucket, in which the stamp is made: a change of the ageing time waits for it.
            let _stay = self.grace.enter();
            let clock = self.clock(now);
            renewed += (0..SLOTS).filter(|&slot| self.renew_slot(bucket, slot, &clock, &mut may)).count();
        }
        renewed
    }

    fn renew_slot(
        &self,
        bucket: usize,
        slot: usize,
        clock: &Clock,
        may: &mut impl FnMut(u16, [u8; 6], u16) -> bool,
    ) -> bool {
        loop {
            let word = self.lines[bucket].slot(slot).load(Ordering::Acquire);
            let is_changing = clock.is_ageless() && age_code(word) >= age::FIRST_STAMP;
            if !is_entry(word) || !is_hit(word) || is_changing || clock.lapsed(word) {
                return false;
            }
            let (fid, mac) = self.key_of(bucket, word);
            let (Some(vlan), Some(port)) = (self.vlans.name(fid), self.port_of(word)) else { return false };
            if !may(vlan, mac, port) {
                return false;
            }
            // A session that is ahead of `now` has stamped it, and time is not turned back.
            let next = if clock.is_current(word) { word & !HIT } else { restamped(word, clock.code()) };
            if self.replace(Found { bucket, slot, word }, next) {
                return true;
            }
        }
    }
}
