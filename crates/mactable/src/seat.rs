//! A worker's seat at the table: sessions that cost no atomic read-modify-write.
//!
//! A session that counts itself in and out pays for two of them, and each stops the processor from looking ahead into the
//! next batch while the last one's lines are still on their way. A seat turns the question round: instead of asking
//! who is in, whoever waits publishes a number and waits until every seat has shown it, which a seat does when its
//! next session opens. All that an earlier session of the seat has read is behind it then.
//!
//! The price: a seat that opens no session holds retired ids back. Its owner says when it rests; and when
//! ids run out, flushes walk the table instead.

use crate::session::Session;
use crate::sync::{Arc, AtomicU64, Mutex, Ordering, lock};
use crate::table::MacTable;
use crossbeam_utils::CachePadded;

/// What a seat shows while no session can be open there.
const RESTING: u64 = u64::MAX;

type Slot = CachePadded<AtomicU64>;

/// All seats of a table.
#[derive(Default)]
pub(crate) struct Seats {
    /// Grows with each wait.
    epoch: AtomicU64,
    slots: Mutex<Vec<Arc<Slot>>>,
}

/// The right to open sessions one after the other, see [`MacTable::session_at`]. Dropped, it is free.
pub struct Seat {
    slot: Arc<Slot>,
    seats: Arc<Seats>,
}

impl Seats {
    /// Begins a wait; what is over is told by [`Seats::have_shown`].
    pub(crate) fn begin(&self) -> u64 {
        self.epoch.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Has every session ended that was open at a seat when the wait for `epoch` began?
    pub(crate) fn have_shown(&self, epoch: u64) -> bool {
        let mut slots = lock(&self.slots);
        // A read-modify-write rather than a load: should the seat be resting, then its owner, who wakes by another, comes
        // after this one and sees all that this thread wrote before. A load could also take an earlier rest for the one
        // with which the seat was dropped, and miss what was done in between.
        let shown = |slot: &Slot| slot.fetch_add(0, Ordering::AcqRel);
        slots.retain(|slot| Arc::strong_count(slot) > 1 || shown(slot) != RESTING);
        slots.iter().all(|slot| shown(slot) >= epoch)
    }

    fn take(self: &Arc<Self>) -> Seat {
        let slot = Arc::new(CachePadded::new(AtomicU64::new(RESTING)));
        lock(&self.slots).push(Arc::clone(&slot));
        Seat { slot, seats: Arc::clone(self) }
    }
}

impl Seat {
    /// No session will be opened for a while. The next one costs a read-modify-write.
    ///
    /// To be called before the worker sleeps; flushed ids wait for it otherwise.
    pub fn rest(&mut self) {
        self.slot.store(RESTING, Ordering::Release);
    }

    #[inline]
    fn show(&mut self) {
        let epoch = self.seats.epoch.load(Ordering::Acquire);
        match self.slot.load(Ordering::Relaxed) {
            shown if shown == epoch => {}
            RESTING => self.wake(epoch),
            _ => self.slot.store(epoch, Ordering::Release),
        }
    }

    #[cold]
    fn wake(&mut self, epoch: u64) {
        self.slot.swap(epoch, Ordering::AcqRel);
        // Whoever looked before the swap took the seat for resting, and is seen from here on.
        let epoch = self.seats.epoch.load(Ordering::Acquire);
        self.slot.store(epoch, Ordering::Release);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.rest();
    }
}

impl MacTable {
    /// A seat for a thread that will open many sessions.
    pub fn seat(&self) -> Seat {
        self.grace.seats().take()
    }

    /// As [`MacTable::session`], without counting the session in and out.
    ///
    /// # Panics
    /// When the seat is another table's.
    #[inline]
    pub fn session_at<'s>(&'s self, seat: &'s mut Seat, now: u64) -> Session<'s> {
        assert!(Arc::ptr_eq(&seat.seats, self.grace.seats()), "a seat of another table");
        seat.show();
        Session::new(self, None, self.clock(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_when_every_seat_has_rested_or_opened_another_session() {
        let seats = Arc::new(Seats::default());
        let (mut busy, mut resting) = (seats.take(), seats.take());
        busy.show();
        resting.show();
        let epoch = seats.begin();
        assert!(!seats.have_shown(epoch));
        resting.rest();
        assert!(!seats.have_shown(epoch));
        busy.show();
        assert!(seats.have_shown(epoch));
        resting.show();
        assert!(seats.have_shown(epoch), "what woke later sees all that came before");
        let next = seats.begin();
        assert!(!seats.have_shown(next));
        drop((busy, resting));
        assert!(seats.have_shown(next));
        assert!(lock(&seats.slots).is_empty());
    }
}
