//! Packets that workers hand up: those for the switch itself, and those over which its control side has to decide.
//!
//! Workers copy them into fixed memory. There is a queue for each [`Rank`], so that a flood of one never keeps a higher one out: what
//! keeps a session alive goes before who asks for a neighbour, and that before what nobody has a route for.

use crate::routing::packet_of;
use bytes::Bytes;
use crossbeam_queue::ArrayQueue;
use greylag_base::{Instant, InterfaceId, PortId};
use greylag_fib::NextHopId;
use greylag_ports::{Batch, Offload, Slot, Slots};
use greylag_wire::control;
use greylag_wire::ethernet::EtherType;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How urgent a packet is, most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// A protocol lives by it: BFD, the session between chassis, routing ([`control`]).
    Session,
    /// It concerns the link: ARP, neighbour discovery, groups that end at the link.
    Link,
    /// It is to an address of the switch, like a ping.
    Address,
    /// The control side has to decide over it.
    Other,
}

impl Rank {
    const ALL: [Rank; 4] = [Rank::Session, Rank::Link, Rank::Address, Rank::Other];

    /// Packets that a worker can have under way to the control side.
    const fn room(self) -> u16 {
        match self {
            Rank::Session | Rank::Link | Rank::Address => 512,
            Rank::Other => 256,
        }
    }

    fn of(reason: PuntReason, (ether_type, packet): (u16, &[u8])) -> Rank {
        if !reason.is_ours() {
            return Rank::Other;
        }
        match reason {
            _ if control::keeps_session(EtherType(ether_type), packet) => Rank::Session,
            PuntReason::Link => Rank::Link,
            _ => Rank::Address,
        }
    }
}

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
    rank: Rank,
}

impl Packet {
    /// The order in which packets are to be looked at that wait together.
    pub(crate) fn urgency(&self) -> impl Ord + use<> {
        (self.rank, self.at)
    }
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
pub(crate) struct PacketQueues([PacketQueue; Rank::ALL.len()]);

struct PacketQueue {
    slots: Arc<Slots>,
    /// As many as there are slots.
    waiting: ArrayQueue<(Note, usize, Offload, Slot)>,
}

impl PacketQueues {
    pub(crate) fn new() -> Self {
        PacketQueues(Rank::ALL.map(|rank| PacketQueue::new(rank.room())))
    }

    /// Copies a frame of the batch; `false` when there is no room.
    pub(crate) fn push(&self, note: Note, batch: &Batch, frame: u16) -> bool {
        let rank = Rank::of(note.reason, packet_of(batch, frame));
        self.0[rank as usize].push(note, batch, frame)
    }

    /// Takes what waits by now, `limit` of each rank at the most.
    pub(crate) fn take(&self, limit: usize) -> impl Iterator<Item = Packet> {
        self.0.iter().zip(Rank::ALL).flat_map(move |(queue, rank)| queue.take(rank, limit))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|queue| queue.waiting.len()).sum()
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

    fn take(&self, rank: Rank, limit: usize) -> impl Iterator<Item = Packet> {
        let count = self.waiting.len().min(limit);
        let waiting = std::iter::from_fn(|| self.waiting.pop()).take(count);
        waiting.map(move |(Note { at, port, interface, reason }, len, offload, slot)| {
            let mut frame = slot[..len].to_vec();
            offload.finish_checksum(&mut frame);
            Packet { at, port, interface, reason, frame: Bytes::from(frame), rank }
        })
    }
}
