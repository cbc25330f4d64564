//! The last stage: each port's frames, in the shape that the port sends them in.

use crate::counters::WorkerCounters;
use crate::ingress::Header;
use crate::ports::Ports;
use crate::{Forwarding, Layer3, PortForwarding, Tracer};
use greylag_base::{DropReason, PortId, VlanId};
use greylag_ports::{BATCH_FRAMES, Batch, TxReport};
use greylag_wire::ethernet::HEADER_LEN;
use greylag_wire::vlan::TAG_LEN;

/// The frames of a batch, by the port that they leave by. Fixed memory.
pub(crate) struct Egress {
    lists: Box<[Vec<u16>]>,
    /// Ports whose list is not empty, in the order in which they got their first frame.
    busy: Vec<PortId>,
}

impl Egress {
    pub(crate) fn new(ports: usize) -> Self {
        Egress {
            lists: (0..ports).map(|_| Vec::with_capacity(BATCH_FRAMES)).collect(),
            busy: Vec::with_capacity(ports),
        }
    }

    /// Frame number `frame` of the batch leaves by `port`.
    pub(crate) fn add(&mut self, port: PortId, frame: u16) {
        let list = &mut self.lists[port.index()];
        if list.is_empty() {
            self.busy.push(port);
        }
        list.push(frame);
    }

    /// Sends everything and forgets it. `headers` are those of the batch, by frame number.
    pub(crate) fn transmit<P: Ports + ?Sized, T: Tracer>(
        &mut self,
        batch: &mut Batch,
        headers: &[Option<Header>],
        forwarding: &Forwarding,
        ports: &mut P,
        counters: &WorkerCounters,
        tracer: &mut T,
    ) {
        for port_id in self.busy.drain(..) {
            let list = &mut self.lists[port_id.index()];
            let count = counters.port(port_id);
            match forwarding.port(port_id) {
                Some(settings) => {
                    let shape = Shape::of(settings);
                    list.retain(|&frame| {
                        let fits = shape.give(batch, frame.into(), headers);
                        if !fits {
                            count.drop_frame(DropReason::EgressMtu);
                            if T::LISTENS {
                                tracer.copy_dropped(batch, frame, port_id, DropReason::EgressMtu);
                            }
                        }
                        fits
                    });
                    hand_over(port_id, batch, list, ports, counters, tracer);
                }
                None => leave_behind(port_id, batch, list, counters, tracer),
            }
            list.clear();
        }
    }
}

/// Gives a port its frames, in the shape that they have, and counts what becomes of them.
pub(crate) fn hand_over<P: Ports + ?Sized, T: Tracer>(
    port: PortId,
    batch: &Batch,
    frames: &[u16],
    ports: &mut P,
    counters: &WorkerCounters,
    tracer: &mut T,
) {
    let count = counters.port(port);
    if !ports.has(port) {
        return leave_behind(port, batch, frames, counters, tracer);
    }
    let report = ports.tx(port, batch, frames);
    count.tx_frames.add(report.frames);
    count.tx_bytes.add(report.bytes);
    for (reason, frames) in not_taken(&report) {
        if frames > 0 {
            count.drops.add(reason, frames);
        }
    }
}

/// Drops the frames of a port that is not there.
fn leave_behind<T: Tracer>(
    port: PortId,
    batch: &Batch,
    frames: &[u16],
    counters: &WorkerCounters,
    tracer: &mut T,
) {
    counters.port(port).drops.add(DropReason::EgressDown, frames.len() as u64);
    if T::LISTENS {
        for &frame in frames {
            tracer.copy_dropped(batch, frame, port, DropReason::EgressDown);
        }
    }
}

/// Why a port did not take frames, and how many for each reason.
#[inline]
pub fn not_taken(report: &TxReport) -> [(DropReason, u64); 6] {
    [
        (DropReason::EgressQueueFull, report.queue_full),
        (DropReason::EgressMtu, report.too_long),
        (DropReason::EgressDown, report.down),
        (DropReason::EgressUnfinished, report.unfinished),
        (DropReason::EgressError, report.refused),
        (DropReason::EgressImpaired, report.impaired),
    ]
}

/// What frames are on a port.
struct Shape {
    /// The VLAN whose frames have no tag.
    untagged: Option<VlanId>,
    /// It is a port of the bridge; frames of no VLAN have no tag.
    is_bridged: bool,
    mtu: usize,
}

impl Shape {
    fn of(port: &PortForwarding) -> Self {
        Shape { untagged: port.untagged, is_bridged: port.layer3 == Layer3::None, mtu: port.mtu }
    }

    /// Gives a frame the tag that it has on this port; `false` when it is then too long for it.
    #[inline(always)]
    fn give(&self, batch: &mut Batch, frame: usize, headers: &[Option<Header>]) -> bool {
        let tag = if self.is_bridged {
            let header = headers[frame].as_ref().expect("what leaves by a bridge has a header");
            (self.untagged != Some(header.vlan)).then_some(header.tag)
        } else {
            None
        };
        batch.set_tag(frame, tag);
        let header_len = if tag.is_some() { HEADER_LEN + TAG_LEN } else { HEADER_LEN };
        batch.wire_len(frame) <= header_len + self.mtu
    }
}
