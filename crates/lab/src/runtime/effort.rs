//! How much the workers have to do: each counts for itself, on a cache line of its own, once a round over its ports.

use crossbeam_utils::CachePadded;
use greylag_ports::cycle_count;
use greylag_switch::show::Metrics;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Of one worker. It alone writes here.
#[derive(Default)]
pub(super) struct Effort {
    frames: AtomicU64,
    batches: AtomicU64,
    busy_ns: AtomicU64,
    busy_cycles: AtomicU64,
}

/// Of each worker.
pub(super) type Efforts = Box<[CachePadded<Effort>]>;

pub(super) fn efforts(workers: u16) -> Efforts {
    (0..workers).map(|_| CachePadded::default()).collect()
}

impl Effort {
    /// So many frames, in so many batches, took so long, and so many cycles where they can be counted.
    pub(super) fn add(&self, (frames, batches): (u64, u64), busy: Duration, cycles: Option<u64>) {
        let add =
            |counter: &AtomicU64, count| counter.store(counter.load(Relaxed).wrapping_add(count), Relaxed);
        add(&self.frames, frames);
        add(&self.batches, batches);
        add(&self.busy_ns, busy.as_nanos() as u64);
        add(&self.busy_cycles, cycles.unwrap_or(0));
    }
}

/// Adds what the workers have counted; `watched` are the batches of each that somebody traced or captured.
pub(super) fn measure(efforts: &Efforts, watched: &[u64], metrics: &mut Metrics) {
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
    let cycles = metrics.counter(
        "greylag_worker_busy_cycles_total",
        "Ticks of the time-stamp counter in that time: divided by frames, the cycles for each. Only on x86-64.",
        &["worker"],
    );
    if cycle_count().is_some() {
        workers().for_each(|(worker, effort)| cycles.put(&[&worker], effort.busy_cycles.load(Relaxed)));
    }
    let told = metrics.counter(
        "greylag_worker_watched_batches_total",
        "Batches that were told to a trace or a capture, which takes longer.",
        &["worker"],
    );
    workers().zip(watched).for_each(|((worker, _), batches)| told.put(&[&worker], *batches));
}
