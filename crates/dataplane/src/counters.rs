use crossbeam_utils::CachePadded;
use greylag_base::{DropReason, PortId};
use greylag_mactable::Decline;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A number that one worker adds to and anybody may read.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds without a read-modify-write: the worker that owns the counter is its only writer.
    pub(crate) fn add(&self, count: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(count), Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// What one worker counts on one port.
#[derive(Default)]
pub(crate) struct PortCounters {
    pub(crate) rx_frames: Counter,
    pub(crate) rx_bytes: Counter,
    pub(crate) rx_errors: Counter,
    pub(crate) rx_missed: Counter,
    pub(crate) tx_frames: Counter,
    pub(crate) tx_bytes: Counter,
    pub(crate) flooded: Counter,
    pub(crate) punted: Counter,
    pub(crate) drops: [Counter; DropReason::COUNT],
}

impl PortCounters {
    pub(crate) fn drop_frame(&self, reason: DropReason) {
        self.drops[reason.index()].add(1);
    }
}

/// What one worker counts about learning.
#[derive(Default)]
pub(crate) struct LearnCounters {
    pub(crate) learned: Counter,
    pub(crate) refreshed: Counter,
    pub(crate) hits: Counter,
    pub(crate) reported: Counter,
    pub(crate) moved: Counter,
    pub(crate) damped: Counter,
    pub(crate) static_kept: Counter,
    pub(crate) aged: Counter,
    pub(crate) evicted: Counter,
    pub(crate) declined: [Counter; Decline::ALL.len()],
    pub(crate) events_lost: Counter,
}

/// Everything that one worker counts.
pub(crate) struct WorkerCounters {
    pub(crate) ports: Box<[CachePadded<PortCounters>]>,
    pub(crate) learn: CachePadded<LearnCounters>,
}

impl WorkerCounters {
    pub(crate) fn new(ports: usize) -> Self {
        WorkerCounters {
            ports: (0..ports).map(|_| CachePadded::default()).collect(),
            learn: CachePadded::default(),
        }
    }

    pub(crate) fn port(&self, port: PortId) -> &PortCounters {
        &self.ports[port.index()]
    }
}

/// What all workers together have counted on one port since the switch started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortCounts {
    /// Frames received, whatever became of them.
    pub rx_frames: u64,
    /// Their bytes, without frame check sequence.
    pub rx_bytes: u64,
    /// Receptions that failed with an error of the kernel.
    pub rx_errors: u64,
    /// Frames that the kernel dropped before a worker could read them.
    pub rx_missed: u64,
    /// Frames sent.
    pub tx_frames: u64,
    /// Their bytes, without frame check sequence.
    pub tx_bytes: u64,
    /// Received frames that were flooded, be it that every copy was then dropped on its egress port.
    pub flooded: u64,
    /// Received frames that were for the switch itself, and were handed up to its protocols.
    pub punted: u64,
    /// Frames dropped, by [`DropReason::index`]: on the port they came in on, or on the port they would have left by when the reason
    /// is the egress port's.
    ///
    /// A received frame is dropped once, on its ingress port, or is handed up, or becomes one copy for its egress port or for each port that it
    /// is flooded to; each copy is sent, or dropped on its egress port. Ports that are left out of a flood group
    /// count as such: their copies are dropped as [`DropReason::NotInFloodGroup`], be it all that there are.
    pub drops: [u64; DropReason::COUNT],
}

/// What all workers together have counted about learning since the switch started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LearnCounts {
    /// Addresses that were new.
    pub learned: u64,
    /// Entries whose age was set back.
    pub refreshed: u64,
    /// Entries whose hit bit was set, for the learning agent to renew.
    pub hits: u64,
    /// Sources reported to the learning agent, whether or not the report fit the queue.
    pub reported: u64,
    /// Addresses that changed ports.
    pub moved: u64,
    /// Moves that damping refused.
    pub damped: u64,
    /// Frames whose source has a static entry on another port.
    pub static_kept: u64,
    /// Entries that lapsed and were reclaimed.
    pub aged: u64,
    /// Entries that made room for another address.
    pub evicted: u64,
    /// Addresses that were not learned, by the index of their [`Decline`] in [`Decline::ALL`].
    pub declined: [u64; Decline::ALL.len()],
    /// Events that did not fit a worker's queue.
    pub events_lost: u64,
}

impl PortCounts {
    pub(crate) fn add(&mut self, port: &PortCounters) {
        self.rx_frames += port.rx_frames.get();
        self.rx_bytes += port.rx_bytes.get();
        self.rx_errors += port.rx_errors.get();
        self.rx_missed += port.rx_missed.get();
        self.tx_frames += port.tx_frames.get();
        self.tx_bytes += port.tx_bytes.get();
        self.flooded += port.flooded.get();
        self.punted += port.punted.get();
        for (sum, counter) in self.drops.iter_mut().zip(&port.drops) {
            *sum += counter.get();
        }
    }
}

impl LearnCounts {
    pub(crate) fn add(&mut self, learn: &LearnCounters) {
        self.learned += learn.learned.get();
        self.refreshed += learn.refreshed.get();
        self.hits += learn.hits.get();
        self.reported += learn.reported.get();
        self.moved += learn.moved.get();
        self.damped += learn.damped.get();
        self.static_kept += learn.static_kept.get();
        self.aged += learn.aged.get();
        self.evicted += learn.evicted.get();
        self.events_lost += learn.events_lost.get();
        for (sum, counter) in self.declined.iter_mut().zip(&learn.declined) {
            *sum += counter.get();
        }
    }
}
