//! Grace periods: when nobody can read any more what was taken out of the table.
//!
//! Each reader has a slot, in which it writes the epoch when a session opens and [`IDLE`] when it ends. What the writer takes out
//! bears the epoch of that time, and is free once no slot shows that epoch or an earlier one. Each table has its own epochs: one
//! collector for the whole process would let other threads decide when memory of a virtual world is used again.

use crate::sync::{Arc, AtomicU64, Mutex, Ordering, PoisonError, fence};
use crossbeam_utils::CachePadded;

const IDLE: u64 = u64::MAX;

type Slot = CachePadded<AtomicU64>;

/// The epoch, and who reads.
#[derive(Default)]
pub(crate) struct Grace {
    epoch: CachePadded<AtomicU64>,
    slots: Mutex<Vec<Arc<Slot>>>,
}

/// One reader's slot. Dropped, it is given up.
pub(crate) struct Seat(Arc<Slot>);

/// While it lives, what its reader found is not used again.
pub(crate) struct Stay<'s>(&'s Slot);

impl Grace {
    pub(crate) fn seat(&self) -> Seat {
        let slot = Arc::new(CachePadded::new(AtomicU64::new(IDLE)));
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&slot));
        Seat(slot)
    }

    /// Opens a session.
    #[inline]
    pub(crate) fn enter<'s>(&self, seat: &'s mut Seat) -> Stay<'s> {
        // Acquire: whoever sees an epoch sees what was taken out before it began.
        let epoch = self.epoch.load(Ordering::Acquire);
        // Release: whoever sees this session knows that the one before it has ended, and may use again what that alone held.
        seat.0.store(epoch, Ordering::Release);
        // Either the writer's scan, behind its own fence, sees the slot, or what this session reads was written before
        // that fence.
        fence(Ordering::SeqCst);
        Stay(&seat.0)
    }

    /// The epoch in which something is taken out now.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// Begins another epoch. What was taken out in one below that which it gives is free.
    pub(crate) fn advance(&self) -> u64 {
        let next = self.epoch.fetch_add(1, Ordering::Release) + 1;
        fence(Ordering::SeqCst);
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        // Acquire: what a session read, it read before it ended.
        let shown = |slot: &Arc<Slot>| slot.load(Ordering::Acquire);
        slots.retain(|slot| Arc::strong_count(slot) > 1 || shown(slot) != IDLE);
        slots.iter().map(shown).min().unwrap_or(next).min(next)
    }
}

impl Drop for Stay<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.store(IDLE, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_out_is_kept_for_sessions_that_were_open() {
        let grace = Grace::default();
        let (mut old, mut young) = (grace.seat(), grace.seat());
        let reading = grace.enter(&mut old);
        let taken_out = grace.epoch();
        assert!(grace.advance() <= taken_out);
        let later = grace.enter(&mut young);
        assert!(grace.advance() <= taken_out);
        drop(reading);
        assert!(grace.advance() > taken_out, "a session that came later is not waited for");
        drop(later);
    }

    #[test]
    fn a_reader_that_went_away_is_not_waited_for() {
        let grace = Grace::default();
        let mut seat = grace.seat();
        drop(grace.enter(&mut seat));
        let taken_out = grace.epoch();
        drop(seat);
        assert!(grace.advance() > taken_out);
        assert!(grace.slots.lock().unwrap().is_empty());
    }
}
