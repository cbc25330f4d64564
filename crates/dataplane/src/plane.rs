//! What workers and control side share.

use crate::counters::WorkerCounters;
use crate::storm::StormMeters;
use crate::{Forwarding, LearnCounts, PortCounts, WorkerEvent};
use arc_swap::ArcSwap;
use crossbeam_queue::ArrayQueue;
use crossbeam_utils::CachePadded;
use greylag_base::{PortId, Seed};
use greylag_mactable::{Config, ConfigError, MacTable};
use std::sync::Arc;
use std::time::Duration;

/// Events that a worker can have under way to the control side.
const EVENT_QUEUE: usize = 16_384;

/// Sizes that are fixed when a switch starts.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Ports.
    pub ports: u16,
    /// Workers.
    pub workers: u16,
    /// VLANs that can have addresses at the same time.
    pub vlans: u16,
    /// Addresses that the MAC table holds at most.
    pub mac_entries: u32,
    /// How long an address may be silent; zero for ever.
    pub ageing_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { ports: 1, workers: 1, vlans: 64, mac_entries: 65_536, ageing_time: Duration::from_secs(300) }
    }
}

pub(crate) struct WorkerShare {
    pub(crate) counters: WorkerCounters,
    pub(crate) events: ArrayQueue<WorkerEvent>,
}

/// What the workers of a switch share, with each other and with the control side.
pub struct DataPlane {
    table: MacTable,
    pub(crate) forwarding: Arc<ArcSwap<Forwarding>>,
    pub(crate) storm: Box<[CachePadded<StormMeters>]>,
    pub(crate) workers: Box<[WorkerShare]>,
}

impl DataPlane {
    /// A data plane in which every port is down until [`publish`](Self::publish) is called. The key of the table's
    /// hash comes from `seed`.
    ///
    /// # Errors
    /// When the MAC table cannot be as large as `limits` ask for.
    pub fn new(limits: &Limits, seed: Seed) -> Result<Self, ConfigError> {
        let table = MacTable::new(&Config {
            capacity: limits.mac_entries,
            ports: limits.ports,
            vlans: limits.vlans,
            ageing_time: u64::try_from(limits.ageing_time.as_nanos()).unwrap_or(u64::MAX),
            hash_key: seed.derive("mac-table").key(),
        })?;
        Ok(DataPlane {
            table,
            forwarding: Arc::new(ArcSwap::from_pointee(Forwarding::new(Vec::new(), 0))),
            storm: (0..limits.ports).map(|_| CachePadded::default()).collect(),
            workers: (0..limits.workers)
                .map(|_| WorkerShare {
                    counters: WorkerCounters::new(limits.ports.into()),
                    events: ArrayQueue::new(EVENT_QUEUE),
                })
                .collect(),
        })
    }

    /// The MAC table.
    pub fn table(&self) -> &MacTable {
        &self.table
    }

    /// What is configured now.
    pub fn forwarding(&self) -> Arc<Forwarding> {
        self.forwarding.load_full()
    }

    /// Replaces everything configured at once. Each worker takes it up with its next batch.
    pub fn publish(&self, forwarding: Forwarding) {
        self.forwarding.store(Arc::new(forwarding));
    }

    /// What has been counted on a port.
    pub fn port_counts(&self, port: PortId) -> PortCounts {
        let mut counts = PortCounts::default();
        for worker in &self.workers {
            counts.add(worker.counters.port(port));
        }
        counts
    }

    /// What has been counted about learning.
    pub fn learn_counts(&self) -> LearnCounts {
        let mut counts = LearnCounts::default();
        for worker in &self.workers {
            counts.add(&worker.counters.learn);
        }
        counts
    }

    /// The next event of a worker.
    pub fn next_event(&self) -> Option<WorkerEvent> {
        self.workers.iter().find_map(|worker| worker.events.pop())
    }
}

/// Where a worker counts and reports.
pub(crate) struct Reporter<'a> {
    pub(crate) counters: &'a WorkerCounters,
    pub(crate) events: &'a ArrayQueue<WorkerEvent>,
}

impl Reporter<'_> {
    /// Reports, or counts that it could not.
    pub(crate) fn report(&self, event: WorkerEvent) {
        if self.events.push(event).is_err() {
            self.counters.learn.events_lost.add(1);
        }
    }
}
