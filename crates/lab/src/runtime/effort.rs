//! How much the workers have to do: each counts for itself, on a cache line of its own, once a round over its ports.

use crossbeam_utils::CachePadded;
use greylag_switch::show::Metrics;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Of one worker. It alone writes here.
#[derive(Default)]
pub(super) struct Effort {
    frames: AtomicU64,
    batches: AtomicU64,
    busy_ns: AtomicU64,
}

/// Of each worker.
pub(super) type Efforts = Box<[CachePadded<Effort>]>;

pub(super) fn efforts(workers: u16) -> Efforts {
    (0..workers).map(|_| CachePadded::default()).collect()
}

impl Effort {
    /// So many frames, in so many batches, took so long.
    pub(super) fn add(&self, frames: u64, batches: u64, busy: Duration) {
        let add =
            |counter: &AtomicU64, count| counter.store(counter.load(Relaxed).wrapping_add(count), Relaxed);
        add(&self.frames, frames);
        add(&self.batches, batches);
        add(&self.busy_ns, busy.as_nanos() as u64);
    }
}

/// Adds what the workers have counted.
pub(super) fn measure(efforts: &Efforts, metrics: &mut Metrics) {
    let workers = || efforts.iter().enumerate().map(|(index, effort)| (index.to_string(), effort));
    let frames = metrics.counter(
        "greylag_worker_frames_total",
        "Frames that the worker took from its ports.",
        &["worker"],
    );
    workers().for_each(|(worker, effort)| frames.put(&[&worker], effort.frames.load(Relaxed)));
    let batches = metrics.counter(
        "greylag_worker_batches_total",
        "Batches that the worker took from its ports.",
        &["worker"],
    );
    workers().for_each(|(worker, effort)| batches.put(&[&worker], effort.batches.load(Relaxed)));
    let busy = metrics.counter(
        "greylag_worker_busy_seconds_total",
        "Time that the worker spent on frames, in seconds: its rate is the busy share, and divided by that of the frames the time for each.",
        &["worker"],
    );
    workers().for_each(|(worker, effort)| {
        busy.put_real(&[&worker], Duration::from_nanos(effort.busy_ns.load(Relaxed)).as_secs_f64());
    });
}
