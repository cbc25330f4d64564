use crossbeam_utils::CachePadded;
use greylag_base::{DropReason, InterfaceId, PortId};
use greylag_mactable::Decline;
use greylag_ports::{RxDrop, RxDrops};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A number that one worker adds to and anybody may read.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds without a read-modify-write: the worker that owns the counter is its only writer.
    pub(crate) fn add(&self, count: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(count), Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// One number for each reason.
pub(crate) struct DropCounters([Counter; DropReason::COUNT]);

impl Default for DropCounters {
    fn default() -> Self {
        DropCounters(std::array::from_fn(|_| Counter::default()))
    }
}

impl DropCounters {
    pub(crate) fn add(&self, reason: DropReason, frames: u64) {
        self.0[reason.index()].add(frames);
    }
}

/// What one worker counts on one port.
#[derive(Default)]
pub(crate) struct PortCounters {
    pub(crate) rx_frames: Counter,
    pub(crate) rx_bytes: Counter,
    pub(crate) rx_errors: Counter,
    pub(crate) rx_missed: [Counter; RxDrop::COUNT],
    pub(crate) tx_frames: Counter,
    pub(crate) tx_bytes: Counter,
    pub(crate) flooded: Counter,
    pub(crate) punted: Counter,
    pub(crate) drops: DropCounters,
}

impl PortCounters {
    pub(crate) fn drop_frame(&self, reason: DropReason) {
        self.drops.add(reason, 1);
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

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Ipv4,
    Ipv6,
}

/// Packets and octets of each family, in one direction.
#[derive(Default)]
pub(crate) struct TrafficCounters {
    packets: [Counter; 2],
    octets: [Counter; 2],
}

impl TrafficCounters {
    #[inline(always)]
    pub(crate) fn count(&self, family: Family, octets: u32) {
        self.packets[family as usize].add(1);
        self.octets[family as usize].add(octets.into());
    }
}

/// What one worker counts on one interface: a line.
#[derive(Default)]
pub(crate) struct InterfaceCounters {
    pub(crate) rx: TrafficCounters,
    pub(crate) tx: TrafficCounters,
}

/// Counts packets of a batch; those that follow each other on one interface at once.
pub(crate) struct Tally<'a, F: Fn(InterfaceId) -> Option<&'a TrafficCounters>> {
    counters: F,
    interface: InterfaceId,
    packets: [u64; 2],
    octets: [u64; 2],
}

impl<'a, F: Fn(InterfaceId) -> Option<&'a TrafficCounters>> Tally<'a, F> {
    pub(crate) fn new(counters: F) -> Self {
        Tally { counters, interface: InterfaceId(0), packets: [0; 2], octets: [0; 2] }
    }

    #[inline(always)]
    pub(crate) fn count(&mut self, interface: InterfaceId, family: Family, octets: u32) {
        if interface != self.interface {
            self.write_down();
            self.interface = interface;
        }
        self.packets[family as usize] += 1;
        self.octets[family as usize] += u64::from(octets);
    }

    fn write_down(&mut self) {
        let (packets, octets) = (std::mem::take(&mut self.packets), std::mem::take(&mut self.octets));
        let Some(counters) = (self.counters)(self.interface).filter(|_| packets != [0; 2]) else { return };
        for family in 0..2 {
            counters.packets[family].add(packets[family]);
            counters.octets[family].add(octets[family]);
        }
    }
}

impl<'a, F: Fn(InterfaceId) -> Option<&'a TrafficCounters>> Drop for Tally<'a, F> {
    fn drop(&mut self) {
        self.write_down();
    }
}

/// Everything that one worker counts.
pub(crate) struct WorkerCounters {
    pub(crate) ports: Box<[CachePadded<PortCounters>]>,
    /// What becomes of frames of the switch itself that leave by an interface, before they have a port.
    pub(crate) own: CachePadded<PortCounters>,
    /// None where there is no layer 3.
    interfaces: Box<[CachePadded<InterfaceCounters>]>,
    pub(crate) learn: CachePadded<LearnCounters>,
    /// Batches of which a tracer was told.
    pub(crate) told_batches: Counter,
}

impl WorkerCounters {
    pub(crate) fn new(ports: usize, interfaces: usize) -> Self {
        WorkerCounters {
            ports: (0..ports).map(|_| CachePadded::default()).collect(),
            own: CachePadded::default(),
            interfaces: (0..interfaces).map(|_| CachePadded::default()).collect(),
            learn: CachePadded::default(),
            told_batches: Counter::default(),
        }
    }

    /// For how many ports and interfaces.
    pub(crate) fn sizes(&self) -> (u16, usize) {
        (self.ports.len() as u16, self.interfaces.len())
    }

    pub(crate) fn port(&self, port: PortId) -> &PortCounters {
        &self.ports[port.index()]
    }

    #[inline]
    pub(crate) fn interface(&self, interface: InterfaceId) -> Option<&InterfaceCounters> {
        self.interfaces.get(interface.index()).map(|counters| &**counters)
    }
}

/// What all workers together have counted on one port since the switch started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortCounts {
    /// Frames received, whatever became of them.
    pub rx_frames: u64,
    /// Their bytes, without frame check sequence.
    pub rx_bytes: u64,
    /// Receptions that failed with an error of the kernel.
    pub rx_errors: u64,
    /// Frames that the kernel dropped before a worker could read them.
    pub rx_missed: RxDrops,
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

/// What all workers together have counted on one interface of layer 3 since the switch started, of one family of addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrafficCounts {
    /// Packets to its station that came in, whatever became of them.
    pub rx_packets: u64,
    /// Their length in octets, from the IP header on.
    pub rx_octets: u64,
    /// Packets that left by it, routed or of the switch itself, a super-frame as one. What its ports did not take is counted there.
    pub tx_packets: u64,
    /// Their length in octets, from the IP header on.
    pub tx_octets: u64,
}

/// What all workers together have counted on one interface of layer 3 since the switch started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InterfaceCounts {
    /// Of IPv4.
    pub ipv4: TrafficCounts,
    /// Of IPv6.
    pub ipv6: TrafficCounts,
}

impl InterfaceCounts {
    pub(crate) fn add(&mut self, counters: &InterfaceCounters) {
        for (counts, family) in [(&mut self.ipv4, Family::Ipv4), (&mut self.ipv6, Family::Ipv6)] {
            counts.rx_packets += counters.rx.packets[family as usize].get();
            counts.rx_octets += counters.rx.octets[family as usize].get();
            counts.tx_packets += counters.tx.packets[family as usize].get();
            counts.tx_octets += counters.tx.octets[family as usize].get();
        }
    }
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

impl Default for PortCounts {
    fn default() -> Self {
        PortCounts {
            rx_frames: 0,
            rx_bytes: 0,
            rx_errors: 0,
            rx_missed: RxDrops::default(),
            tx_frames: 0,
            tx_bytes: 0,
            flooded: 0,
            punted: 0,
            drops: [0; DropReason::COUNT],
        }
    }
}

impl PortCounts {
    pub(crate) fn add(&mut self, port: &PortCounters) {
        self.rx_frames += port.rx_frames.get();
        self.rx_bytes += port.rx_bytes.get();
        self.rx_errors += port.rx_errors.get();
        for reason in RxDrop::ALL {
            self.rx_missed.add(reason, port.rx_missed[reason.index()].get());
        }
        self.tx_frames += port.tx_frames.get();
        self.tx_bytes += port.tx_bytes.get();
        self.flooded += port.flooded.get();
        self.punted += port.punted.get();
        for (sum, counter) in self.drops.iter_mut().zip(&port.drops.0) {
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
