//! Frames between a switch's own protocols and its ports: those that workers hand up, and those that the control side has sent.
//!
//! Both ways are bounded queues. Workers copy what they hand up into fixed memory; what the control side sends is freed by the
//! control side, once it is on its way.

use bytes::Bytes;
use crossbeam_queue::ArrayQueue;
use greylag_base::{Instant, InterfaceId, PortId, VlanId};
use greylag_wire::ethernet::EtherType;
use greylag_wire::{control, ethernet, slow};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The longest frame of a slow protocol (IEEE 802.3-2022 57A.3), and what is kept of a longer one: no receiver reads on.
const PUNT_LEN: usize = 128;

/// Frames that a worker can have under way to the control side. A port gets ten of each slow protocol in a second.
const PUNTS: usize = 1024;

/// Frames that can wait to be sent.
const ORIGINATED: usize = 4096;

/// As many of these are for what keeps links and sessions alive: answers to pings and errors do not get so far.
const KEPT_FOR_CONTROL: usize = ORIGINATED / 4;

/// A frame that a worker hands up, and when and where it came in.
#[derive(Clone, Copy)]
pub struct Punt {
    /// When the worker took the batch that it was in.
    pub at: Instant,
    /// The port, not the bundle.
    pub port: PortId,
    len: u8,
    bytes: [u8; PUNT_LEN],
}

impl Punt {
    pub(crate) fn new(at: Instant, port: PortId, frame: &[u8]) -> Self {
        let len = frame.len().min(PUNT_LEN);
        let mut bytes = [0; PUNT_LEN];
        bytes[..len].copy_from_slice(&frame[..len]);
        Punt { at, port, len: len as u8, bytes }
    }

    /// The frame, from its destination address on.
    pub fn frame(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl fmt::Debug for Punt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Punt { at, port, len, .. } = self;
        f.debug_struct("Punt").field("at", at).field("port", port).field("len", len).finish_non_exhaustive()
    }
}

/// A frame of a slow protocol: link aggregation control, or another that ends at the link.
pub(crate) fn is_slow_protocol(frame: &ethernet::Frame<'_>) -> bool {
    frame.destination() == slow::GROUP && frame.ether_type() == EtherType::SLOW
}

pub(crate) fn punts() -> ArrayQueue<Punt> {
    ArrayQueue::new(PUNTS)
}

/// By what a frame of our own leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// A port, as it is.
    Port(PortId),
    /// An interface of layer 3.
    Interface(InterfaceId),
    /// As the FIB says; its frame has no addresses yet.
    Routed,
    /// Nowhere: a worker learns its source from it, as if it had come in there.
    Sighted {
        /// By which port.
        port: PortId,
        /// In which VLAN.
        vlan: VlanId,
    },
}

/// A link, a neighbour or a session is kept alive by it. What leaves by a port as it is is a slow protocol's.
pub(crate) fn is_control(way: Way, frame: &[u8]) -> bool {
    match way {
        Way::Port(_) | Way::Sighted { .. } => true,
        Way::Interface(_) | Way::Routed => ethernet::Frame::new_checked(frame).is_some_and(|frame| {
            let ether_type = frame.ether_type();
            ether_type == EtherType::ARP
                || control::keeps_session(ether_type, frame.payload())
                || is_neighbor_discovery(ether_type, frame.payload())
        }),
    }
}

/// RFC 4861 4: solicitations, advertisements, redirects.
fn is_neighbor_discovery(ether_type: EtherType, packet: &[u8]) -> bool {
    const ICMPV6: u8 = 58;
    ether_type == EtherType::IPV6
        && packet.get(6) == Some(&ICMPV6)
        && matches!(packet.get(40), Some(133..=137))
}

/// What the control side has to send.
pub(crate) struct Outbox {
    queue: ArrayQueue<(Way, Bytes)>,
    /// Frames that may not be sent yet: a worker that let go of the last handle would free memory.
    kept: Mutex<Vec<Bytes>>,
    /// By port.
    refused: Box<[AtomicU64]>,
    /// Of all interfaces.
    refused_on_interfaces: AtomicU64,
}

impl Outbox {
    pub(crate) fn new(ports: usize) -> Self {
        let refused = (0..ports).map(|_| AtomicU64::default()).collect();
        Outbox {
            queue: ArrayQueue::new(ORIGINATED),
            kept: Mutex::default(),
            refused,
            refused_on_interfaces: AtomicU64::default(),
        }
    }

    /// Has a frame sent, unless too many wait. They leave in the order in which they come.
    pub(crate) fn post(&self, way: Way, frame: Bytes) {
        let is_refused = self.queue.len() >= ORIGINATED - KEPT_FOR_CONTROL && !is_control(way, &frame);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|frame| !frame.is_unique());
        kept.push(frame.clone());
        if is_refused || self.queue.push((way, frame)).is_err() {
            let refused = match way {
                Way::Port(port) => &self.refused[port.index()],
                Way::Interface(_) | Way::Routed | Way::Sighted { .. } => &self.refused_on_interfaces,
            };
            refused.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Frames of a port that were not taken.
    pub(crate) fn refused(&self, port: PortId) -> u64 {
        self.refused[port.index()].load(Ordering::Relaxed)
    }

    /// Frames of interfaces that were not taken.
    pub(crate) fn refused_on_interfaces(&self) -> u64 {
        self.refused_on_interfaces.load(Ordering::Relaxed)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(crate) fn take(&self) -> Option<(Way, Bytes)> {
        self.queue.pop()
    }
}
