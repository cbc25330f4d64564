//! The threads of a sweep, each with worlds of its own.
//!
//! This is the only place of the virtual world that starts threads: a world never crosses from one to another, so that
//! every run is the same however many there are.

use super::line::RunLine;
use super::plan::Plan;
use crate::replay::{Options, ReplayError, replay};
use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// A run that was done, by its place among the numbers.
type Done = (usize, Result<RunLine, ReplayError>);

/// What all threads of a sweep know.
struct Orders<'a> {
    plan: &'a Plan,
    numbers: &'a [u64],
    /// Digest of the scenario's file.
    file: &'a str,
    next: AtomicUsize,
    stop: &'a AtomicBool,
}

/// Does runs of a plan, `jobs` at a time, and hands on their results in the order of `numbers`. When `stop` is set, those
/// that are under way are given up. `file` is the digest of the scenario's file.
///
/// # Errors
/// Of the first run that cannot be done, or of `each`.
pub fn sweep<E: From<ReplayError>>(
    plan: &Plan,
    numbers: &[u64],
    file: &str,
    jobs: NonZero<usize>,
    stop: &AtomicBool,
    mut each: impl FnMut(RunLine) -> Result<(), E>,
) -> Result<(), E> {
    let orders = Orders { plan, numbers, file, next: AtomicUsize::new(0), stop };
    let (results, inbox) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..jobs.get().min(numbers.len()) {
            let (orders, results) = (&orders, results.clone());
            scope.spawn(move || orders.work(&results));
        }
        drop(results);
        let outcome = hand_on(&inbox, &mut each);
        if outcome.is_err() {
            stop.store(true, Ordering::Relaxed);
        }
        outcome
    })
}

impl Orders<'_> {
    fn work(&self, results: &mpsc::Sender<Done>) {
        while !self.stop.load(Ordering::Relaxed) {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(&number) = self.numbers.get(index) else { return };
            if results.send((index, self.run(number))).is_err() {
                return;
            }
        }
    }

    fn run(&self, number: u64) -> Result<RunLine, ReplayError> {
        let (scenario, seed) = self.plan.world(number)?;
        let mut go_on = |_, _| !self.stop.load(Ordering::Relaxed);
        let options = Options { progress: Some(&mut go_on), ..Options::default() };
        let outcome = replay(&scenario, seed, options)?;
        Ok(RunLine::new(&outcome, self.plan.key(number), self.file, self.plan))
    }
}

/// Puts results into order: what is done early waits for what was begun before it.
fn hand_on<E: From<ReplayError>>(
    inbox: &mpsc::Receiver<Done>,
    each: &mut impl FnMut(RunLine) -> Result<(), E>,
) -> Result<(), E> {
    let mut waiting = BTreeMap::new();
    let mut next = 0;
    for (index, result) in inbox {
        match result {
            Ok(line) => {
                waiting.insert(index, line);
            }
            // The others that are under way end by themselves.
            Err(ReplayError::Interrupted) => {}
            Err(error) => return Err(error.into()),
        }
        while let Some(line) = waiting.remove(&next) {
            each(line)?;
            next += 1;
        }
    }
    // Those behind a run that was given up.
    waiting.into_values().try_for_each(each)
}
