//! Packets that workers hand up: those for the switch itself, and those over which its control side has to decide.
//!
//! Workers copy them into fixed memory. The two kinds have a queue each, so that a flood of the one never keeps the other out: what
//! keeps a neighbour alive goes before what nobody has a route for.

use bytes::Bytes;
use crossbeam_queue::ArrayQueue;
use greylag_base::{Instant, InterfaceId, PortId};
use greylag_fib::NextHopId;
use greylag_ports::{Batch, Offload, Slot, Slots};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Packets for the switch itself that a worker can have under way to the control side.
const OURS: u16 = 1024;
/// Others.
const OTHERS: u16 = 256;

/// In place of the interface by which a packet came in, of one that the switch itself has sent.
pub const OURSELVES: InterfaceId = InterfaceId(u16::MAX);

/// Why a packet is handed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PuntReason {
    /// It is to an address of the switch.
    Address,
    /// It concerns the link: ARP, neighbour discovery, groups that end at the link.
    Link,
    /// Nobody knows the station of this next hop, or of its destination.
    Unresolved(NextHopId),
    /// Its time to live, or hop limit, is over.
    TtlExpired,
    /// It is longer than what leaves by this next hop may be.
    TooBig(NextHopId),
    /// There is no route, or no next hop of it can be reached.
    NoRoute,
    /// Its route says that the destination cannot be reached.
    Unreachable,
    /// Its route says that this is forbidden.
    Prohibited,
}

impl PuntReason {
    /// It is for the switch itself, and goes before those that are not.
    pub const fn is_ours(self) -> bool {
        matches!(self, PuntReason::Address | PuntReason::Link)
    }
}

/// A packet that a worker has handed up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// When the worker took the batch that it was in.
    pub at: Instant,
    /// The port of the bridge, or the routed port, that it came in by.
    pub port: PortId,
    /// The interface that it came in by.
    pub interface: InterfaceId,
    /// Why.
    pub reason: PuntReason,
    /// From the destination address on, as it came in, without tag, with all checksums.
    pub frame: Bytes,
}

/// What is known of a packet besides its bytes.
#[derive(Clone, Copy)]
pub(crate) struct Note {
    pub(crate) at: Instant,
    pub(crate) port: PortId,
    pub(crate) interface: InterfaceId,
    pub(crate) reason: PuntReason,
}

/// A worker's packets on their way to the control side.
pub(crate) struct PacketQueues {
    ours: PacketQueue,
    others: PacketQueue,
}

struct PacketQueue {
    slots: Arc<Slots>,
    /// As many as there are slots.
    waiting: ArrayQueue<(Note, usize, Offload, Slot)>,
}

impl PacketQueues {
    pub(crate) fn new() -> Self {
        PacketQueues { ours: PacketQueue::new(OURS), others: PacketQueue::new(OTHERS) }
    }

    /// Copies a frame of the batch; `false` when there is no room.
    pub(crate) fn push(&self, note: Note, batch: &Batch, frame: u16) -> bool {
        let queue = if note.reason.is_ours() { &self.ours } else { &self.others };
        queue.push(note, batch, frame)
    }

    /// Takes what waits by now, `limit` of each kind at the most.
    pub(crate) fn take(&self, limit: usize) -> impl Iterator<Item = Packet> {
        self.ours.take(limit).chain(self.others.take(limit))
    }

    pub(crate) fn len(&self) -> usize {
        self.ours.waiting.len() + self.others.waiting.len()
    }
}

impl PacketQueue {
    fn new(count: u16) -> Self {
        PacketQueue { slots: Slots::new(count), waiting: ArrayQueue::new(count.into()) }
    }

    fn push(&self, note: Note, batch: &Batch, frame: u16) -> bool {
        let Some(mut slot) = self.slots.take() else { return false };
        let (len, offload) = batch.copy_untagged(frame.into(), &mut slot);
        self.waiting.push((note, len, offload, slot)).is_ok()
    }

    fn take(&self, limit: usize) -> impl Iterator<Item = Packet> {
        let count = self.waiting.len().min(limit);
        let waiting = std::iter::from_fn(|| self.waiting.pop()).take(count);
        waiting.map(|(Note { at, port, interface, reason }, len, offload, slot)| {
            let mut frame = slot[..len].to_vec();
            offload.finish_checksum(&mut frame);
            Packet { at, port, interface, reason, frame: Bytes::from(frame) }
        })
    }
}
