//! Running something for a while, and what came of it.
//!
//! What counts is the processor time of the thread: when other programs take the core away for a while, a rate suffers
//! only from what they do to the caches. On a core that nobody else wants it is the time that passes.

use crate::instructions::Counter;
use nix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant};

/// Batches between two looks at the clock.
pub(crate) const STRIDE: usize = 64;

/// Operations and what they took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) operations: u64,
    /// Processor time.
    pub(crate) worked: Duration,
    /// Time that passed.
    pub(crate) passed: Duration,
    pub(crate) instructions: Option<u64>,
}

impl Sample {
    const NOTHING: Sample =
        Sample { operations: 0, worked: Duration::ZERO, passed: Duration::ZERO, instructions: None };

    /// Of one step, which says how many operations it did.
    pub(crate) fn of(step: impl FnOnce() -> usize) -> Sample {
        let mut stopwatch = Stopwatch { counter: None, sample: Sample::NOTHING };
        stopwatch.run(step);
        stopwatch.sample
    }

    /// Operations per second.
    pub(crate) fn rate(&self) -> f64 {
        self.operations as f64 / self.worked.as_secs_f64()
    }

    pub(crate) fn instructions_each(&self) -> Option<f64> {
        self.instructions.map(|all| all as f64 / self.operations as f64)
    }

    /// The share of the time in which the thread had its core.
    pub(crate) fn core_share(&self) -> f64 {
        (self.worked.as_secs_f64() / self.passed.as_secs_f64()).min(1.0)
    }
}

/// Measures on the thread that calls it.
pub(crate) struct Meter {
    pub(crate) time: Duration,
    pub(crate) counter: Option<Counter>,
}

impl Meter {
    /// Repeats `step`, which says how many operations it did, until the time is over.
    pub(crate) fn repeat(&mut self, mut step: impl FnMut() -> usize) -> Sample {
        let time = self.time;
        self.accumulate(|stopwatch| {
            stopwatch.run(|| {
                let (begun, mut operations) = (Instant::now(), 0);
                while begun.elapsed() < time {
                    operations += step();
                }
                operations
            });
        })
    }

    /// Repeats `round` until the time on the stopwatch that it is given is over; what it does besides is not measured.
    pub(crate) fn accumulate(&mut self, mut round: impl FnMut(&mut Stopwatch)) -> Sample {
        let mut stopwatch = Stopwatch { counter: self.counter.as_mut(), sample: Sample::NOTHING };
        while stopwatch.sample.passed < self.time {
            round(&mut stopwatch);
        }
        stopwatch.sample
    }
}

/// Adds up what runs under it.
pub(crate) struct Stopwatch<'m> {
    counter: Option<&'m mut Counter>,
    sample: Sample,
}

impl Stopwatch<'_> {
    pub(crate) fn run(&mut self, step: impl FnOnce() -> usize) {
        let counted = self.counter.as_mut().and_then(|counter| counter.read());
        let (begun, had) = (Instant::now(), worked());
        let operations = step();
        self.sample.worked += worked() - had;
        self.sample.passed += begun.elapsed();
        self.sample.operations += operations as u64;
        if let (Some(counter), Some(before)) = (&mut self.counter, counted)
            && let Some(after) = counter.read()
        {
            *self.sample.instructions.get_or_insert(0) += after - before;
        }
    }
}

/// Processor time of this thread.
fn worked() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("every thread has this clock").into()
}
