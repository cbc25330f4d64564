//! The machine's monotonic clock, which all its switches share: what two of them saw can be put in order by it.

use rustix::time::{ClockId, Timespec, clock_gettime};
use std::time::{Duration, SystemTime};

/// Nanoseconds, since some moment that is the same for all programs of the machine.
pub(crate) fn monotonic() -> u64 {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::Monotonic);
    tv_sec as u64 * 1_000_000_000 + tv_nsec as u64
}

/// How far the time of day is ahead of it.
pub(crate) fn time_of_day_ahead() -> Duration {
    let day = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    Duration::from_nanos(apart(|| day() as u64, monotonic))
}

/// How far one clock is ahead of another. They are read one after the other, which makes it less; the most is the nearest.
pub(crate) fn apart(ahead: impl Fn() -> u64, behind: impl Fn() -> u64) -> u64 {
    let differences = (0..16).map(|_| {
        let ahead = ahead();
        ahead.saturating_sub(behind())
    });
    differences.max().unwrap_or_default()
}
