//! What the control side remembers, and the way of a retired id back to being free.
//!
//! A session that was open when an id was retired may still write entries with it; so the sessions of that moment
//! must have ended before the sweep that counts begins. A session that was open during the sweep may still hold
//! an entry that it read before; so those must have ended, too, before the id gets another name. Ids make this
//! way in cohorts: those that are retired meanwhile gather for the next one.

use crate::grace::{Grace, Wait};
use crate::sync::lock;
use crate::table::MacTable;
use std::collections::BTreeMap;

/// An id that was retired by a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retired {
    Fid(u16),
    Binding(u16),
}

enum Stage {
    Idle,
    /// Sessions that may write the ids are ending.
    Leaving(Wait),
    /// Buckets left to sweep.
    Sweeping(usize),
    /// Sessions that may have read the ids are ending.
    Settling(Wait),
}

pub(crate) struct Control {
    /// Port by (VLAN, MAC). Static entries are rare; this map is what a flush of their VLAN restores them from.
    pub(crate) statics: BTreeMap<(u16, [u8; 6]), u16>,
    /// Length of the tick that is wanted, nanoseconds; the table has another one until sessions under the old one ended.
    pub(crate) tick_ns: u64,
    /// Set while that change is under way.
    pub(crate) change: Option<crate::ageing::Change>,
    gathering: Vec<Retired>,
    cohort: Vec<Retired>,
    cohort_number: u64,
    stage: Stage,
}

impl Control {
    pub(crate) fn new(tick_ns: u64) -> Self {
        Control {
            statics: BTreeMap::new(),
            tick_ns,
            change: None,
            gathering: Vec::new(),
            cohort: Vec::new(),
            cohort_number: 0,
            stage: Stage::Idle,
        }
    }

    pub(crate) fn retire(&mut self, id: Retired) {
        self.gathering.push(id);
    }

    pub(crate) fn retired_fids(&self) -> usize {
        self.retired().filter(|id| matches!(id, Retired::Fid(_))).count()
    }

    pub(crate) fn retired_bindings(&self) -> usize {
        self.retired().filter(|id| matches!(id, Retired::Binding(_))).count()
    }

    pub(crate) fn has_retired(&self) -> bool {
        self.retired().next().is_some()
    }

    fn retired(&self) -> impl Iterator<Item = &Retired> {
        self.gathering.iter().chain(&self.cohort)
    }

    /// The number of the cohort that a sweep beginning now works for.
    pub(crate) fn swept_for(&self) -> Option<u64> {
        matches!(self.stage, Stage::Sweeping(_)).then_some(self.cohort_number)
    }

    /// `buckets` have been swept for the cohort `number`, if it still is the one.
    pub(crate) fn note_swept(&mut self, number: u64, buckets: usize) {
        if let Stage::Sweeping(left) = &mut self.stage
            && self.cohort_number == number
        {
            *left = left.saturating_sub(buckets);
        }
    }

    /// Goes as far as sessions and sweeps permit. Returns the ids that have become free.
    fn advance(&mut self, grace: &Grace, buckets: usize) -> Vec<Retired> {
        let mut freed = Vec::new();
        loop {
            let over = match &mut self.stage {
                Stage::Leaving(wait) | Stage::Settling(wait) => grace.is_over(wait),
                Stage::Idle | Stage::Sweeping(_) => false,
            };
            self.stage = match self.stage {
                Stage::Idle if self.gathering.is_empty() => return freed,
                Stage::Idle => {
                    std::mem::swap(&mut self.gathering, &mut self.cohort);
                    self.cohort_number += 1;
                    Stage::Leaving(Wait::default())
                }
                Stage::Leaving(_) if over => Stage::Sweeping(buckets),
                Stage::Sweeping(0) => Stage::Settling(Wait::default()),
                Stage::Settling(_) if over => {
                    freed.append(&mut self.cohort);
                    Stage::Idle
                }
                Stage::Leaving(_) | Stage::Sweeping(_) | Stage::Settling(_) => return freed,
            };
        }
    }
}

impl MacTable {
    /// Frees the retired ids whose time has come.
    pub(crate) fn recycle(&self, control: &mut Control) {
        for id in control.advance(&self.grace, self.lines.len()) {
            match id {
                Retired::Fid(fid) => {
                    self.counts.reset_fid(fid);
                    self.vlans.release(fid);
                }
                Retired::Binding(binding) => {
                    self.counts.reset_binding(binding);
                    self.ports.release(binding);
                }
            }
        }
    }

    /// As much as can be recycled without waiting for anybody, at the price of walking the table.
    pub(crate) fn recycle_now(&self, control: &mut Control) {
        // The cohort that is under way, then the one that has gathered.
        for _ in 0..2 {
            self.recycle(control);
            let Some(number) = control.swept_for() else { return };
            for bucket in 0..self.lines.len() {
                self.sweep_bucket(bucket, &crate::clock::Clock::AGELESS, &mut |_| {});
            }
            control.note_swept(number, self.lines.len());
        }
        self.recycle(control);
    }

    /// Ids waiting to be free again.
    pub(crate) fn has_retired_ids(&self) -> bool {
        lock(&self.control).has_retired()
    }
}
