use crate::impaired::Impaired;
use crate::wait_set::WaitSet;
use crate::{Batch, ImpairmentCounts, ImpairmentTally, Port, RxDrops, TxReport};
use crossbeam_queue::SegQueue;
use greylag_base::{Impairment, Instant, Seed};
use rustix::io::Errno;
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What an [`ImpairedPort`] is told, and what it tells, from another thread.
#[derive(Debug, Default)]
pub struct ImpairmentDesk {
    orders: SegQueue<Impairment>,
    has_port: AtomicBool,
    tally: ImpairmentTally,
}

impl ImpairmentDesk {
    /// How frames fare from now on that leave by the port. Those that are held are not touched.
    pub fn order(&self, impairment: Impairment) {
        self.orders.push(impairment);
    }

    /// There is a port that follows: no frame leaves any more as if nothing had been ordered.
    pub fn has_port(&self) -> bool {
        self.has_port.load(Ordering::Acquire)
    }

    /// What has happened so far.
    pub fn counts(&self) -> ImpairmentCounts {
        self.tally.read()
    }
}

/// A queue of a port whose frames fare badly on their way out, by the clock and by chance.
///
/// What waits on it is woken when a frame comes in and when one that is held has to leave: [`Port::rx`] sends those.
pub struct ImpairedPort {
    impaired: Impaired<Box<dyn Port>>,
    desk: Arc<ImpairmentDesk>,
    timer: OwnedFd,
    /// Of the timer, and of what is always waited on at the port.
    either: WaitSet,
    /// For when the timer is set.
    set_for: Option<Instant>,
}

impl ImpairedPort {
    /// A port in front of which nothing happens until the desk says so. Chance comes from the seed.
    ///
    /// # Errors
    /// When the kernel has no timer or descriptor left to give.
    pub fn new(port: Box<dyn Port>, desk: Arc<ImpairmentDesk>, seed: Seed) -> io::Result<Self> {
        let timer =
            timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        let members: Vec<_> = [Some(timer.as_fd()), port.control_fd()].into_iter().flatten().collect();
        let either = WaitSet::of(&members)?;
        desk.has_port.store(true, Ordering::Release);
        let impaired = Impaired::new(port, Impairment::default(), seed);
        Ok(ImpairedPort { impaired, desk, timer, either, set_for: None })
    }

    fn follow_orders(&mut self) {
        while let Some(impairment) = self.desk.orders.pop() {
            self.impaired.set(impairment);
        }
    }

    /// Has the timer wake us when the next frame is to leave.
    fn set_timer(&mut self) -> Result<(), Errno> {
        let due = self.impaired.due();
        if due == self.set_for {
            return Ok(());
        }
        // All zero switches it off, so that it is ready no longer.
        let nanos = due.map_or(0, |due| due.as_nanos().max(1));
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        let value = Timespec { tv_sec: (nanos / 1_000_000_000) as _, tv_nsec: (nanos % 1_000_000_000) as _ };
        timerfd_settime(
            &self.timer,
            TimerfdTimerFlags::ABSTIME,
            &Itimerspec { it_interval: zero, it_value: value },
        )?;
        self.set_for = due;
        Ok(())
    }
}

/// The clock of the timer.
fn now() -> Instant {
    let time = clock_gettime(ClockId::Monotonic);
    Instant::from_nanos(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

impl Port for ImpairedPort {
    fn rx(&mut self, batch: &mut Batch) -> io::Result<usize> {
        self.follow_orders();
        if self.impaired.due().is_some() {
            self.impaired.release(now(), &self.desk.tally);
            self.set_timer()?;
        }
        self.impaired.port.rx(batch)
    }

    fn tx(&mut self, batch: &Batch, frames: &[u16]) -> TxReport {
        self.follow_orders();
        let report = self.impaired.tx(now(), batch, frames, &self.desk.tally);
        // Without a timer what is held leaves when something comes in.
        let _ = self.set_timer();
        report
    }

    fn tx_control(&mut self, batch: &Batch, frames: &[u16]) -> TxReport {
        self.follow_orders();
        // A cable that does harm does it to all frames alike.
        if self.impaired.is_sound() {
            self.impaired.port.tx_control(batch, frames)
        } else {
            self.tx(batch, frames)
        }
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.impaired.port.fd()
    }

    fn control_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.either.as_fd())
    }

    fn shares_a_ring(&self) -> bool {
        self.impaired.port.shares_a_ring()
    }

    fn rx_dropped(&mut self) -> RxDrops {
        self.impaired.port.rx_dropped()
    }
}
