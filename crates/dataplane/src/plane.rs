//! What workers and control side share.

use crate::counters::WorkerCounters;
use crate::next_hop::NextHops;
use crate::packet::PacketQueues;
use crate::punt::{self, Outbox, Punt, Way};
use crate::storm::StormMeters;
use crate::waiting::{Waiting, WaitingSource};
use crate::{
    Forwarding, InterfaceCounts, LearnCounts, Packet, PortCounts, RouteLimits, Routes, WorkerEvent,
    WorkerReport,
};
use arc_swap::ArcSwap;
use bytes::Bytes;
use crossbeam_queue::ArrayQueue;
use crossbeam_utils::CachePadded;
use greylag_base::{DropReason, Instant, InterfaceId, MacAddr, PortId, Seed, VlanId};
use greylag_mactable::{Config, ConfigError, Decline, Geometry, Learn, MacTable, Swept, WhenFull};
use greylag_wire::ethernet::{self, EtherType};
use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

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
    /// What becomes of an address that finds no room.
    pub when_full: WhenFull,
    /// The chip whose hash collisions are imitated, if one is.
    pub geometry: Option<Geometry>,
    /// Reports that a worker can have under way to the control side.
    pub report_queue: u32,
    /// What has lapsed is reclaimed and reported in one go, every so often since the first [`Worker::housekeep`]; `None` for a slice
    /// of the table each time. At the most [`Limits::longest_sweep_interval`], which is what is kept to if this is longer.
    ///
    /// [`Worker::housekeep`]: crate::Worker::housekeep
    pub sweep_interval: Option<Duration>,
    /// Room for routes; `None` for a switch of layer 2 alone.
    pub routes: Option<RouteLimits>,
}

impl Limits {
    /// The longest `sweep_interval` for an ageing time: half of it, for what is swept later might be taken for alive again. `None`
    /// if nothing ages.
    pub fn longest_sweep_interval(ageing_time: Duration) -> Option<Duration> {
        (!ageing_time.is_zero()).then(|| ageing_time / 2)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            ports: 1,
            workers: 1,
            vlans: 64,
            mac_entries: 65_536,
            ageing_time: Duration::from_secs(300),
            when_full: WhenFull::Decline,
            geometry: None,
            report_queue: 16_384,
            sweep_interval: None,
            routes: None,
        }
    }
}

pub(crate) struct WorkerShare {
    pub(crate) counters: WorkerCounters,
    pub(crate) events: ArrayQueue<WorkerReport>,
    pub(crate) waiting: Waiting,
    punts: ArrayQueue<Punt>,
    /// None where there is no layer 3.
    pub(crate) packets: Option<PacketQueues>,
}

impl WorkerShare {
    fn new(ports: u16, interfaces: usize, report_queue: u32, has_routes: bool) -> Self {
        WorkerShare {
            counters: WorkerCounters::new(ports.into(), interfaces),
            events: ArrayQueue::new(report_queue.max(1) as usize),
            waiting: Waiting::new(),
            punts: punt::punts(),
            packets: has_routes.then(PacketQueues::new),
        }
    }

    /// As much room as another has, to itself: what is counted and reported here is nobody's.
    pub(crate) fn apart(&self) -> Self {
        let (ports, interfaces) = self.counters.sizes();
        WorkerShare::new(ports, interfaces, 1, self.packets.is_some())
    }

    /// Hands a frame up to the control side, if that keeps up.
    pub(crate) fn hand_up(&self, punt: Punt) -> Result<(), DropReason> {
        self.punts.push(punt).map_err(|_| DropReason::PuntQueueFull)
    }
}

/// What the workers of a switch share, with each other and with the control side.
pub struct DataPlane {
    table: MacTable,
    pub(crate) forwarding: Arc<ArcSwap<Forwarding>>,
    /// Snapshots that a worker may still forward by.
    retired: Mutex<Vec<Arc<Forwarding>>>,
    pub(crate) storm: Box<[CachePadded<StormMeters>]>,
    pub(crate) workers: Box<[Arc<WorkerShare>]>,
    pub(crate) sweep_interval: Option<Duration>,
    pub(crate) outbox: Outbox,
    routes: Option<Routes>,
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
            when_full: limits.when_full,
            geometry: limits.geometry.clone(),
        })?;
        let interfaces = limits.routes.map_or(0, |_| NextHops::MOST_INTERFACES);
        Ok(DataPlane {
            table,
            forwarding: Arc::new(ArcSwap::from_pointee(Forwarding::new(Vec::new(), 0))),
            retired: Mutex::default(),
            storm: (0..limits.ports).map(|_| CachePadded::default()).collect(),
            workers: (0..limits.workers)
                .map(|_| {
                    let routes = limits.routes.is_some();
                    Arc::new(WorkerShare::new(limits.ports, interfaces, limits.report_queue, routes))
                })
                .collect(),
            sweep_interval: limits.sweep_interval,
            outbox: Outbox::new(limits.ports.into()),
            routes: limits.routes.map(Routes::new),
        })
    }

    /// The MAC table.
    pub fn table(&self) -> &MacTable {
        &self.table
    }

    /// The routes, where there is room for any.
    pub fn routes(&self) -> Option<&Routes> {
        self.routes.as_ref()
    }

    /// What is configured now.
    pub fn forwarding(&self) -> Arc<Forwarding> {
        self.forwarding.load_full()
    }

    /// Replaces everything configured at once. Each worker takes it up with its next batch.
    pub fn publish(&self, forwarding: Forwarding) {
        let retired = self.forwarding.swap(Arc::new(forwarding));
        let mut waiting = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        // A snapshot is freed here, once no worker holds it any more: never between receiving and sending.
        waiting.retain(|snapshot| Arc::strong_count(snapshot) > 1);
        waiting.push(retired);
    }

    /// What has been counted on a port.
    pub fn port_counts(&self, port: PortId) -> PortCounts {
        let mut counts = PortCounts::default();
        for worker in &self.workers {
            counts.add(worker.counters.port(port));
        }
        counts.drops[DropReason::EgressQueueFull.index()] += self.outbox.refused(port);
        counts
    }

    /// What has been counted on an interface of layer 3.
    pub fn interface_counts(&self, interface: InterfaceId) -> InterfaceCounts {
        let mut counts = InterfaceCounts::default();
        for counters in self.workers.iter().filter_map(|worker| worker.counters.interface(interface)) {
            counts.add(counters);
        }
        counts
    }

    /// What frames of the switch itself that were to leave by an interface ([`originate_on`](Self::originate_on)) perished of before they
    /// had a port, by [`DropReason::index`].
    pub fn own_drops(&self) -> [u64; DropReason::COUNT] {
        let mut counts = PortCounts::default();
        self.workers.iter().for_each(|worker| counts.add(&worker.counters.own));
        counts.drops[DropReason::EgressQueueFull.index()] += self.outbox.refused_on_interfaces();
        counts.drops
    }

    /// Batches of a worker of which a tracer was told; 0 for a worker that is not there.
    pub fn told_batches(&self, worker: usize) -> u64 {
        self.workers.get(worker).map_or(0, |worker| worker.counters.told_batches.get())
    }

    /// What has been counted about learning.
    pub fn learn_counts(&self) -> LearnCounts {
        let mut counts = LearnCounts::default();
        for worker in &self.workers {
            counts.add(&worker.counters.learn);
        }
        counts
    }

    /// Installs or moves an entry: the learning agent's answer to [`WorkerEvent::Seen`] and [`WorkerEvent::SeenElsewhere`].
    /// Should the entry lapse or go, its source is reported anew. `evicted` is told who had to make room.
    pub fn install(
        &self,
        now: Instant,
        vlan: VlanId,
        mac: MacAddr,
        port: PortId,
        evicted: impl FnMut(Swept),
    ) -> Learn {
        let session = self.table.session(now.as_nanos());
        let probe = session.probe(vlan.get(), mac.0);
        let outcome = session.learn_reporting(&probe, port.0, |_| true, evicted);
        if !matches!(outcome, Learn::Declined(_)) {
            // After the entry is there: until then workers still have it waiting.
            for worker in &self.workers {
                worker.waiting.answer(vlan, mac, port);
                worker.waiting.answer_search(vlan, mac);
            }
        }
        outcome
    }

    /// Has the workers report all sources anew that wait for the learning agent: one that has just started knows of no report
    /// that another took with it.
    pub fn forget_reports(&self) {
        self.workers.iter().for_each(|worker| worker.waiting.clear());
    }

    /// The sources that wait for the learning agent: reported, and not installed where they were seen. A worker remembers a
    /// thousand of them at the most.
    pub fn sources_waiting(&self) -> Vec<WaitingSource> {
        self.workers.iter().flat_map(|worker| worker.waiting.sources()).collect()
    }

    /// Takes the frames that workers have handed up by now, in the order in which they came in; `limit` of each worker at
    /// the most.
    pub fn take_punts(&self, limit: usize) -> Vec<Punt> {
        let waiting = self.workers.iter().flat_map(|worker| {
            let count = worker.punts.len().min(limit);
            std::iter::from_fn(|| worker.punts.pop()).take(count)
        });
        let mut punts: Vec<Punt> = waiting.collect();
        punts.sort_by_key(|punt| punt.at);
        punts
    }

    /// How many frames that workers have handed up wait.
    pub fn punts_waiting(&self) -> usize {
        self.workers.iter().map(|worker| worker.punts.len()).sum()
    }

    /// Has a frame sent by a port, as it is, before everything else ([`Worker::originate`](crate::Worker::originate)). When too many
    /// wait, it is dropped and counted on its port.
    pub fn originate(&self, port: PortId, frame: Bytes) {
        self.outbox.post(Way::Port(port), frame);
    }

    /// Frames wait for [`Worker::originate`](crate::Worker::originate).
    pub fn has_originated(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Takes the packets that workers have handed up by now, in the order of their urgency: what keeps sessions alive, what concerns the
    /// link, what else is to the switch itself, and the rest; each in the order in which it came in, and `limit` of each worker at the most.
    pub fn take_packets(&self, limit: usize) -> Vec<Packet> {
        let queues = self.workers.iter().filter_map(|worker| worker.packets.as_ref());
        let mut packets: Vec<Packet> = queues.flat_map(|queues| queues.take(limit)).collect();
        packets.sort_by_key(Packet::urgency);
        packets
    }

    /// How many packets that workers have handed up wait.
    pub fn packets_waiting(&self) -> usize {
        self.workers.iter().filter_map(|worker| worker.packets.as_ref()).map(PacketQueues::len).sum()
    }

    /// Has a frame of our own sent by an interface of layer 3, without a tag, before everything else. On the interface of a VLAN it goes
    /// where the MAC table says, and to all ports of the flood group when that says nothing and [`Learning::adjacency`](crate::Learning)
    /// is not the agent's. What does not come as far as a port is counted in [`own_drops`](Self::own_drops).
    pub fn originate_on(&self, interface: InterfaceId, frame: Bytes) {
        self.outbox.post(Way::Interface(interface), frame);
    }

    /// Has an IP packet of our own sent the way that the FIB says, before everything else. What becomes of it otherwise is handed up
    /// as having come in by [`OURSELVES`](crate::OURSELVES).
    pub fn originate_routed(&self, packet: &[u8]) {
        let is_ipv4 = packet.first().is_some_and(|octet| octet >> 4 == 4);
        let ether_type = if is_ipv4 { EtherType::IPV4 } else { EtherType::IPV6 };
        let header = ethernet::Repr { destination: MacAddr::ZERO, source: MacAddr::ZERO, ether_type };
        self.outbox.post(Way::Routed, header.frame(packet).into());
    }

    /// Has a worker learn a station, as if a frame of its had come in by this port, and do nothing else with it: how the control side
    /// finds out whether the switch learns at all.
    pub fn sight(&self, port: PortId, vlan: VlanId, source: MacAddr) {
        let header =
            ethernet::Repr { destination: MacAddr::ZERO, source, ether_type: EtherType::LOCAL_EXPERIMENT };
        self.outbox.post(Way::Sighted { port, vlan }, header.frame(&[]).into());
    }

    /// How many reports of the workers wait.
    pub fn reports_waiting(&self) -> usize {
        self.workers.iter().map(|worker| worker.events.len()).sum()
    }

    /// Takes what the workers have reported up to now, in the order in which it happened; `limit` reports at the most of each
    /// worker.
    pub fn take_reports(&self, limit: usize) -> Vec<WorkerReport> {
        // Only what is there at the start: a worker that reports as fast as this reads must not hold it up.
        let waiting = self.workers.iter().flat_map(|worker| {
            let count = worker.events.len().min(limit);
            std::iter::from_fn(|| worker.events.pop()).take(count)
        });
        let mut reports: Vec<WorkerReport> = waiting.collect();
        reports.sort_by_key(|report| report.at);
        reports
    }
}

/// Where a worker counts and reports.
pub(crate) struct Reporter<'a> {
    pub(crate) counters: &'a WorkerCounters,
    pub(crate) now: Instant,
    pub(crate) events: &'a ArrayQueue<WorkerReport>,
    /// There is something that the control side may want to know.
    pub(crate) has_news: Cell<bool>,
}

impl Reporter<'_> {
    /// Reports, or counts that it could not.
    pub(crate) fn report(&self, event: WorkerEvent) {
        self.has_news.set(true);
        if self.events.push(WorkerReport { at: self.now, event }).is_err() {
            self.counters.learn.events_lost.add(1);
        }
    }

    /// Counts an address that found no room.
    pub(crate) fn decline(&self, decline: Decline) {
        self.has_news.set(true);
        self.counters.learn.declined[decline.index()].add(1);
    }
}
