//! Reclaiming slots of what has lapsed or was flushed, a slice at a time.

use crate::bucket::SLOTS;
use crate::clock::Clock;
use crate::layout::{age, age_code, is_entry, is_static, with_age};
use crate::probe::Probe;
use crate::sync::{Ordering, lock, try_lock};
use crate::table::{Found, MacTable};

/// With retired ids, a round takes no longer than this, nanoseconds.
const RECYCLING_ROUND: u64 = 1_000_000_000;

/// Where the sweeper is.
#[derive(Default)]
pub(crate) struct Sweeper {
    next: usize,
    /// The time up to which its work is done, nanoseconds.
    paid_until: Option<u64>,
}

/// An entry that a sweep has reclaimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swept {
    /// VLAN of the entry.
    pub vlan: u16,
    /// Its address.
    pub mac: [u8; 6],
    /// The port that it was on.
    pub port: u16,
    /// Why it went.
    pub cause: Cause,
}

/// Why an entry was reclaimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It was not seen for the ageing time.
    Lapsed,
    /// Its port or VLAN was flushed.
    Flushed,
    /// It had to make room for another one, see [`crate::WhenFull`].
    Evicted,
}

impl MacTable {
    /// Sweeps the next `buckets` buckets, at most one round, and reports what it reclaims. Returns how many it swept: 0 if
    /// another thread is sweeping.
    ///
    /// Learning may itself reuse the slot of a lapsed or flushed entry; such an entry is not reported. `report` may use the
    /// table, except for sweeping.
    pub fn sweep(&self, now: u64, buckets: usize, report: impl FnMut(Swept)) -> usize {
        self.sweep_by(now, buckets, || self.clock(now), report)
    }

    /// As [`MacTable::sweep`], but reclaims only what was flushed: for whoever has entries that lapse reclaimed at moments of
    /// his own choice, and would not have ids wait as long. With 0 buckets it does what waits for no sweep.
    pub fn sweep_flushed(&self, now: u64, buckets: usize) -> usize {
        self.sweep_by(now, buckets, || Clock::AGELESS, |_| {})
    }

    fn sweep_by(
        &self,
        now: u64,
        buckets: usize,
        clock: impl Fn() -> Clock,
        mut report: impl FnMut(Swept),
    ) -> usize {
        let Some(mut sweeper) = try_lock(&self.sweeper) else { return 0 };
        let cohort = {
            let control = &mut *lock(&self.control);
            self.finish_change(control, now);
            self.recycle(control);
            control.swept_for()
        };
        let buckets = buckets.min(self.lines.len());
        for _ in 0..buckets {
            // A stay per bucket: what a long slice reads must not hold ids back.
            let _stay = self.grace.enter();
            self.sweep_bucket(sweeper.next, &clock(), &mut report);
            sweeper.next = (sweeper.next + 1) % self.lines.len();
        }
        let control = &mut *lock(&self.control);
        if let Some(cohort) = cohort {
            control.note_swept(cohort, buckets);
        }
        let round = self.round(control.has_retired());
        if let (Some(paid), Some(round)) = (sweeper.paid_until, round) {
            let worth = u128::from(round) * buckets as u128 / self.lines.len() as u128;
            // Work ahead of time is saved up for half a round at the most: a bucket that was swept just before its entries
            // lapse is so swept again within one and a half, before their stamps come round.
            sweeper.paid_until = Some((paid.saturating_add(worth as u64)).min(now.saturating_add(round / 2)));
        } else {
            sweeper.paid_until = Some(now);
        }
        self.recycle(control);
        buckets
    }

    /// How many buckets ought to be swept now, so that every one is visited twice per ageing time, and once a second
    /// while ids wait to be used again. 0 if another thread is sweeping.
    ///
    /// An entry that no sweep visits for 6/7 of the ageing time after it has lapsed may come to life again.
    pub fn sweep_due(&self, now: u64) -> usize {
        self.due(now, self.round(self.has_retired_ids()))
    }

    /// As [`MacTable::sweep_due`], of [`MacTable::sweep_flushed`]: 0 unless ids wait.
    pub fn flushed_due(&self, now: u64) -> usize {
        self.due(now, self.has_retired_ids().then_some(RECYCLING_ROUND))
    }

    /// Within how many nanoseconds every bucket is to be swept for what has lapsed: half the ageing time, which leaves a third
    /// of it for being late before an entry comes to life again. `None` while nothing ages.
    pub fn longest_round(&self) -> Option<u64> {
        self.round(false)
    }

    fn due(&self, now: u64, round: Option<u64>) -> usize {
        let Some(mut sweeper) = try_lock(&self.sweeper) else { return 0 };
        let Some(round) = round else {
            sweeper.paid_until = None;
            return 0;
        };
        let earliest = now.saturating_sub(round);
        let paid = sweeper.paid_until.unwrap_or(now).max(earliest);
        sweeper.paid_until = Some(paid);
        let debt = u128::from(now.saturating_sub(paid)) * self.lines.len() as u128 / u128::from(round);
        (debt as usize).min(self.lines.len())
    }

    /// Nanoseconds that a round may take, or `None` if there is nothing to sweep for.
    fn round(&self, has_retired: bool) -> Option<u64> {
        let tick_ns = self.tick_ns.load(Ordering::Acquire);
        let ageing = (tick_ns > 0).then(|| tick_ns.saturating_mul(crate::clock::LIFE / 2));
        if has_retired { Some(ageing.unwrap_or(RECYCLING_ROUND).min(RECYCLING_ROUND)) } else { ageing }
    }

    /// Reclaims what is dead in a bucket. Returns how many entries it was.
    pub(crate) fn sweep_bucket(&self, bucket: usize, clock: &Clock, report: &mut impl FnMut(Swept)) -> usize {
        let mut reclaimed = 0;
        for slot in 0..SLOTS {
            let cell = self.lines[bucket].slot(slot);
            // Tries again when the entry changed under it, for a retired id must not stay behind.
            loop {
                let word = cell.load(Ordering::Acquire);
                if !is_entry(word) {
                    break;
                }
                let (fid, mac) = self.key_of(bucket, word);
                let vlan = self.vlans.last_name(fid);
                let binding = self.layout.binding(word);
                let port = if is_static(word) { binding } else { self.ports.last_name(binding) };
                let cause = if self.vlans.name(fid).is_none() || self.port_of(word).is_none() {
                    Cause::Flushed
                } else if clock.lapsed(word) {
                    Cause::Lapsed
                } else {
                    if age_code(word) == age::UNSTAMPED && !clock.is_ageless() {
                        let stamped = with_age(word, clock.code());
                        if cell.compare_exchange(word, stamped, Ordering::AcqRel, Ordering::Relaxed).is_err()
                        {
                            continue;
                        }
                    }
                    break;
                };
                if self.remove_at(Found { bucket, slot, word }) {
                    reclaimed += 1;
                    // A static entry whose VLAN was flushed lives on under the VLAN's new id.
                    if !is_static(word) {
                        report(Swept { vlan, mac, port, cause });
                    }
                    break;
                }
            }
        }
        self.lines[bucket].unmark(&self.spills[bucket]);
        reclaimed
    }

    /// Reclaims what is dead in a key's two buckets.
    pub(crate) fn reclaim_around(&self, probe: &Probe, clock: &Clock) -> usize {
        let primary = self.bucket(probe);
        let secondary = self.layout.other_bucket(primary, probe.key());
        self.sweep_bucket(primary, clock, &mut |_| {}) + self.sweep_bucket(secondary, clock, &mut |_| {})
    }
}
