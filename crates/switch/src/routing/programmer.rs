//! The programming agent's desk: what it has to write, in order, and what it believes to have written.

use crate::routing::answers::Heard;
use crate::routing::write::{FibWrite, Written};
use greylag_base::Instant;
use greylag_fib::{GroupId, Member};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
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
    /// Routes that it was told are not in the FIB, though they were to be.
    failed: BTreeSet<IpNet>,
    /// When it may write again, where its rate is limited.
    free_at: Instant,
}

/// Something that waits.
#[derive(Debug)]
pub(crate) struct Pending {
    ready: Instant,
    pub(crate) job: Job,
    /// What may befall it has been drawn.
    pub(crate) is_drawn: bool,
}

/// What there is to do.
#[derive(Debug)]
pub(crate) enum Job {
    Write(FibWrite),
    /// What zebra has told is written: it may hear of that.
    Answer(Heard),
}

impl Programmer {
    /// It hears of changes, and may write them from `ready` on.
    pub(crate) fn hear(&mut self, ready: Instant, writes: impl IntoIterator<Item = FibWrite>) {
        let job = |write| Pending { ready, job: Job::Write(write), is_drawn: false };
        self.queue.extend(writes.into_iter().map(job));
    }

    /// It hears of what zebra has told, behind the writes that came of it.
    pub(crate) fn hear_of_zebra(&mut self, ready: Instant, heard: Heard) {
        self.queue.push_back(Pending { ready, job: Job::Answer(heard), is_drawn: true });
    }

    /// What is next, if it is time for it.
    pub(crate) fn next(&mut self, now: Instant, rate: Option<u32>) -> Option<Pending> {
        if self.free_at > now {
            return None;
        }
        let due = self.queue.front().is_some_and(|pending| pending.ready <= now);
        let pending = if due { self.queue.pop_front()? } else { return None };
        if let Some(rate) = rate
            && matches!(pending.job, Job::Write(_))
        {
            let each = Duration::from_secs(1) / rate.max(1);
            self.free_at = self.free_at.max(now) + each;
        }
        Some(pending)
    }

    /// All that is ready, if it is no less than `least`, and routes alone, with what zebra may then be told; nothing otherwise.
    pub(crate) fn take_routes(&mut self, now: Instant, least: usize) -> (Vec<FibWrite>, Vec<Heard>) {
        let is_ready = |pending: &&Pending| {
            pending.ready <= now && matches!(pending.job, Job::Write(FibWrite::Route { .. }) | Job::Answer(_))
        };
        let count = self.queue.iter().take_while(is_ready).count();
        let (mut writes, mut answers) = (Vec::new(), Vec::new());
        if count >= least {
            writes.reserve(count);
            for pending in self.queue.drain(..count) {
                match pending.job {
                    Job::Write(write) => writes.push(write),
                    Job::Answer(heard) => answers.push(heard),
                }
            }
        }
        (writes, answers)
    }

    /// The write waits a while longer, and all others behind it.
    pub(crate) fn put_off(&mut self, until: Instant, write: FibWrite) {
        self.queue.push_front(Pending { ready: until, job: Job::Write(write), is_drawn: true });
    }

    /// The write has failed, and is tried again.
    pub(crate) fn try_again(&mut self, now: Instant, write: FibWrite) {
        self.fail(&write);
        // Behind what is waiting: if that has something of the same, this is out of date.
        let written = write.written();
        let is_same = |job: &Job| matches!(job, Job::Write(write) if write.written() == written);
        if !self.queue.iter().any(|pending| is_same(&pending.job)) {
            self.queue.push_back(Pending { ready: now + PATIENCE, job: Job::Write(write), is_drawn: false });
        }
    }

    /// It is told that a write did not arrive.
    pub(crate) fn fail(&mut self, write: &FibWrite) {
        if let FibWrite::Route { prefix, group: Some(_) } = write {
            self.failed.insert(*prefix);
        }
    }

    /// A route is not in the FIB, as far as it was told.
    pub(crate) fn has_failed(&self, prefix: &IpNet) -> bool {
        self.failed.contains(prefix)
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

    /// It is told that a write arrived; the route that had failed before.
    pub(crate) fn believe(&mut self, write: &FibWrite) -> Option<IpNet> {
        match write {
            FibWrite::Group { id, members } if members.is_empty() => {
                self.believed.remove(id);
            }
            FibWrite::Group { id, members } => {
                self.believed.insert(*id, members.clone());
            }
            FibWrite::Route { prefix, .. } if !self.failed.is_empty() => {
                return self.failed.take(prefix);
            }
            FibWrite::Route { .. } | FibWrite::NextHop { .. } | FibWrite::Bucket { .. } => {}
        }
        None
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
        let writes = self.queue.iter().filter(|pending| matches!(pending.job, Job::Write(_))).count();
        writes + self.held.len()
    }
}
