//! An Ethernet interface of the kernel, taken over by packet sockets: packet(7).

use crate::frame_limit::FrameLimit;
use crate::mmsg::{Received, Receiver, Sender};
use crate::packet_ring::PacketRing;
use crate::packet_socket;
use crate::{BATCH_FRAMES, Batch, Interface, OpenError, Port, Tagging, TxReport};
use greylag_base::PortName;
use greylag_wire::ethernet::{EtherType, HEADER_LEN};
use greylag_wire::vlan::Tci;
use rustix::io::Errno;
use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

/// One queue of a veth end or another Ethernet interface.
///
/// Of each frame that comes in, the kernel has taken the outer tag out: [`Tagging::Aside`]. Frames of one flow
/// come to one queue.
pub struct PacketQueue {
    // Before the socket: the mapping keeps it.
    ring: Option<PacketRing>,
    socket: OwnedFd,
    receiver: Receiver,
    sender: Sender,
    limit: FrameLimit,
    dropped: u64,
}

impl PacketQueue {
    /// Takes over an interface in the network namespace of the calling thread: sets it up and promiscuous.
    ///
    /// # Errors
    /// [`OpenError`] says what is missing.
    pub fn open(name: &PortName, queues: NonZeroUsize) -> Result<Vec<PacketQueue>, OpenError> {
        let refused = |step| move |source: io::Error| OpenError::at(name, step, source);
        let interface = Arc::new(Interface::named(name).map_err(refused("a socket"))?);
        if !interface.is_ethernet().map_err(refused("its type"))? {
            return Err(OpenError::NotEthernet { interface: name.clone() });
        }
        let sockets = packet_socket::open(name, &interface, queues)?;
        let queues = sockets.into_iter().map(|socket| {
            // Where the kernel has no memory for a ring, frames wait in the socket.
            let ring = PacketRing::of(socket.as_fd()).ok();
            Ok(PacketQueue { ring, ..Self::on(socket, &interface)? })
        });
        queues.collect()
    }

    /// One that only sends: for a worker that has no queue of a port of another kind.
    pub(crate) fn sender(interface: &Arc<Interface>) -> Result<Self, OpenError> {
        Self::on(packet_socket::open_sender(interface.name(), interface)?, interface)
    }

    fn on(socket: OwnedFd, interface: &Arc<Interface>) -> Result<Self, OpenError> {
        let limit = FrameLimit::of(Arc::clone(interface))
            .map_err(|source| OpenError::at(interface.name(), "to read the MTU", source))?;
        Ok(PacketQueue {
            ring: None,
            socket,
            receiver: Receiver::new(),
            sender: Sender::new(),
            limit,
            dropped: 0,
        })
    }

    /// Frames are read from a ring that the kernel writes, and not from the socket.
    pub fn has_ring(&self) -> bool {
        self.ring.is_some()
    }

    fn take(&mut self, batch: &mut Batch, slot: usize) {
        let Received { len, truncated, mut offload, auxdata } = self.receiver.received(slot);
        if truncated {
            self.dropped += 1;
            return;
        }
        let tag = auxdata.and_then(|auxdata| stripped_tag(&auxdata));
        let tagging = match tag {
            Some((EtherType::C_TAG, tci)) => Tagging::Aside(tci),
            _ => Tagging::Untagged,
        };
        let free = slot - batch.len();
        let bytes = batch.slots().nth(free).expect("the kernel wrote to this slot");
        offload.measure_headers(&bytes[..len]);
        batch.commit_from(slot, len, tagging, offload);
        if let Some((EtherType(tpid), tci)) = tag
            && tagging == Tagging::Untagged
        {
            let ([a, b], [c, d]) = (tpid.to_be_bytes(), tci.0.to_be_bytes());
            batch.restore_tag([a, b, c, d]);
        }
    }
}

/// The tag that the kernel took out, with its TPID.
pub(crate) fn stripped_tag(auxdata: &libc::tpacket_auxdata) -> Option<(EtherType, Tci)> {
    if auxdata.tp_status & libc::TP_STATUS_VLAN_VALID == 0 {
        return None;
    }
    let tpid = match auxdata.tp_status & libc::TP_STATUS_VLAN_TPID_VALID {
        0 => EtherType::C_TAG,
        _ => EtherType(auxdata.tp_vlan_tpid),
    };
    Some((tpid, Tci(auxdata.tp_vlan_tci)))
}

impl Port for PacketQueue {
    fn rx(&mut self, batch: &mut Batch) -> io::Result<usize> {
        batch.clear();
        if let Some(ring) = &mut self.ring {
            self.dropped += ring.receive(self.socket.as_fd(), &mut self.receiver, batch)?;
            return Ok(batch.len());
        }
        for _ in 0..BATCH_FRAMES {
            match self.receiver.receive(self.socket.as_fd(), batch) {
                Ok(received) => {
                    (0..received).for_each(|slot| self.take(batch, slot));
                    break;
                }
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                // The kernel dropped a super-frame of a kind that virtio-net has no word for (SCTP).
                Err(Errno::INVAL) => self.dropped += 1,
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(batch.len())
    }

    fn tx(&mut self, batch: &Batch, frames: &[u16]) -> TxReport {
        let mut report = TxReport::default();
        for frames in frames.chunks(BATCH_FRAMES) {
            let mut load = self.sender.load();
            for index in frames.iter().map(|&index| usize::from(index)) {
                debug_assert!(!matches!(batch.tagging(index), Tagging::Aside(_)), "set_tag comes before tx");
                let (frame, offload) = (batch.bytes(index), batch.offload(index));
                if frame.len() < HEADER_LEN {
                    // For a process with CAP_SYS_RAWIO the kernel would fill the header up with zeros.
                    report.refused += 1;
                } else if !self.limit.takes(frame, offload) {
                    report.too_long += 1;
                } else {
                    load.push(frame, offload);
                }
            }
            load.send(self.socket.as_fd(), &mut report);
        }
        report
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.socket.as_fd())
    }

    fn rx_dropped(&mut self) -> u64 {
        self.dropped += packet_socket::drops_since_last_asked(&self.socket).unwrap_or(0);
        self.dropped
    }
}
