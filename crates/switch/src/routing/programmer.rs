//! The programming agent's desk: what it has to write, in order, and what it believes to have written.

use crate::routing::write::{FibWrite, Written};
use greylag_base::Instant;
use greylag_fib::{GroupId, Member};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// A write that failed is tried again after so long, and one that was held back for another arrives without it.
const PATIENCE: Duration = Duration::from_secs(1);

/// The programming agent, while it runs.
#[derive(Default)]
pub(crate) struct Programmer {
    /// What it has heard of, and when it may write it.
    queue: VecDeque<Pending>,
    /// Writes that let a later one of the same pass first.
    held: BTreeMap<Written, (Instant, FibWrite)>,
    /// Members of groups, as far as it was told that they were written.
    believed: BTreeMap<GroupId, Vec<Member>>,
    /// When it may write again, where its rate is limited.
    free_at: Instant,
}

/// A write that waits.
#[derive(Debug)]
pub(crate) struct Pending {
    ready: Instant,
    pub(crate) write: FibWrite,
    /// What may befall it has been drawn.
    pub(crate) is_drawn: bool,
}

impl Programmer {
    /// It hears of changes, and may write them from `ready` on.
    pub(crate) fn hear(&mut self, ready: Instant, writes: impl IntoIterator<Item = FibWrite>) {
        self.queue.extend(writes.into_iter().map(|write| Pending { ready, write, is_drawn: false }));
    }

    /// The next write, if it is time for it.
    pub(crate) fn next(&mut self, now: Instant, rate: Option<u32>) -> Option<Pending> {
        if self.free_at > now {
            return None;
        }
        let due = self.queue.front().is_some_and(|pending| pending.ready <= now);
        let pending = if due { self.queue.pop_front()? } else { return None };
        if let Some(rate) = rate {
            let each = Duration::from_secs(1) / rate.max(1);
            self.free_at = self.free_at.max(now) + each;
        }
        Some(pending)
    }

    /// All that is ready, if it is no less than `least`, and routes alone; nothing otherwise.
    pub(crate) fn take_routes(&mut self, now: Instant, least: usize) -> Vec<FibWrite> {
        let is_ready =
            |pending: &&Pending| pending.ready <= now && matches!(pending.write, FibWrite::Route { .. });
        let count = self.queue.iter().take_while(is_ready).count();
        if count < least {
            return Vec::new();
        }
        self.queue.drain(..count).map(|pending| pending.write).collect()
    }

    /// The write waits a while longer, and all others behind it.
    pub(crate) fn put_off(&mut self, until: Instant, write: FibWrite) {
        self.queue.push_front(Pending { ready: until, write, is_drawn: true });
    }

    /// The write has failed, and is tried again.
    pub(crate) fn try_again(&mut self, now: Instant, write: FibWrite) {
        // Behind what is waiting: if that has something of the same, this is out of date.
        let is_outdated = self.queue.iter().any(|pending| pending.write.written() == write.written());
        if !is_outdated {
            self.queue.push_back(Pending { ready: now + PATIENCE, write, is_drawn: false });
        }
    }

    /// The write lets the next of the same pass first.
    pub(crate) fn hold_back(&mut self, now: Instant, write: FibWrite) {
        self.held.insert(write.written(), (now + PATIENCE, write));
    }

    /// A write of the same is held back.
    pub(crate) fn holds(&self, written: Written) -> bool {
        self.held.contains_key(&written)
    }

    /// What was held back for this, or is held back for too long.
    pub(crate) fn overtaken(&mut self, written: Written) -> Option<FibWrite> {
        self.held.remove(&written).map(|(_, write)| write)
    }

    /// What has been held back for too long.
    pub(crate) fn waited_in_vain(&mut self, now: Instant) -> Option<FibWrite> {
        let (&written, _) = self.held.iter().find(|(_, (until, _))| *until <= now)?;
        self.overtaken(written)
    }

    /// It is told that a write arrived.
    pub(crate) fn believe(&mut self, write: &FibWrite) {
        if let FibWrite::Group { id, members } = write {
            if members.is_empty() {
                self.believed.remove(id);
            } else {
                self.believed.insert(*id, members.clone());
            }
        }
    }

    /// The members that it believes a group to have.
    pub(crate) fn members(&self, group: GroupId) -> &[Member] {
        self.believed.get(&group).map_or(&[], Vec::as_slice)
    }

    /// When it has something to do.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let next = self.queue.front().map(|pending| pending.ready.max(self.free_at));
        let held = self.held.values().map(|(until, _)| *until).min();
        [next, held].into_iter().flatten().min()
    }

    /// Writes that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.len() + self.held.len()
    }
}
