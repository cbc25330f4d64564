//! Grace periods: knowing that every session which was open at some moment has ended.
//!
//! Sessions count themselves in one of two banks of counters. Whoever waits has seen both banks empty, each
//! at some time after the wait began: a session that was open when it began sat in one of them and must have
//! ended. The active bank changes only so that the other one can run empty; nothing rests on it.
//!
//! Each table has its own, so that in a virtual world the moment at which an id becomes free depends on this
//! table's sessions alone, and not on what other threads of the process do.

use crate::seat::Seats;
use crate::sync::{Arc, AtomicUsize, IS_MODEL, Ordering, thread_number};
use crossbeam_utils::CachePadded;

/// Threads spread over this many counters, so that two workers rarely write one line.
const STRIPES: usize = if IS_MODEL { 2 } else { 16 };

type Bank = [CachePadded<AtomicUsize>; STRIPES];

#[derive(Default)]
pub(crate) struct Grace {
    active: AtomicUsize,
    banks: [Bank; 2],
    /// Sessions that do not count themselves.
    seats: Arc<Seats>,
}

/// Counts as an open session until dropped.
pub(crate) struct Stay<'g>(&'g AtomicUsize);

/// Waits for the sessions that were open when it was made.
#[derive(Default)]
pub(crate) struct Wait {
    seen_empty: [bool; 2],
    /// What seats have to show, once that was asked.
    epoch: Option<u64>,
}

impl Grace {
    #[inline]
    pub(crate) fn enter(&self) -> Stay<'_> {
        let bank = self.active.load(Ordering::Relaxed) & 1;
        let counter = &*self.banks[bank][thread_number() % STRIPES];
        // Pairs with `is_empty`: counting in after it looked means seeing all that was written before.
        counter.fetch_add(1, Ordering::AcqRel);
        Stay(counter)
    }

    #[inline]
    pub(crate) fn seats(&self) -> &Arc<Seats> {
        &self.seats
    }

    /// Are all of them gone? Called by one thread at a time.
    pub(crate) fn is_over(&self, wait: &mut Wait) -> bool {
        let epoch = *wait.epoch.get_or_insert_with(|| self.seats.begin());
        for _ in 0..2 {
            let idle = 1 - (self.active.load(Ordering::Relaxed) & 1);
            if !self.is_empty(idle) {
                break;
            }
            wait.seen_empty[idle] = true;
            self.active.store(idle, Ordering::Relaxed);
        }
        wait.seen_empty == [true; 2] && self.seats.have_shown(epoch)
    }

    fn is_empty(&self, bank: usize) -> bool {
        // A read-modify-write rather than a load: it stands in one order with the sessions' own, so a session is
        // either counted here or begins with everything that this thread wrote before.
        self.banks[bank].iter().all(|counter| counter.fetch_add(0, Ordering::AcqRel) == 0)
    }
}

impl Drop for Stay<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_with_the_last_session_that_was_open() {
        let grace = Grace::default();
        let old = grace.enter();
        let mut wait = Wait::default();
        assert!(!grace.is_over(&mut wait));
        let young = grace.enter();
        assert!(!grace.is_over(&mut wait));
        drop(old);
        assert!(grace.is_over(&mut wait), "the session that came later is not waited for");
        drop(young);
        assert!(grace.is_over(&mut Wait::default()));
    }

    #[test]
    fn sessions_without_a_gap_do_not_hold_a_wait_up() {
        let grace = Grace::default();
        let mut wait = Wait::default();
        let mut stay = grace.enter();
        let rounds = (0..10).take_while(|_| {
            // The next session opens before the previous one closes.
            let next = grace.enter();
            stay = next;
            !grace.is_over(&mut wait)
        });
        assert!(rounds.count() < 4);
    }
}
