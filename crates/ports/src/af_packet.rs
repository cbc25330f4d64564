//! An Ethernet interface of the kernel, taken over by packet sockets: packet(7).

use crate::control_line::ControlLine;
use crate::frame_limit::FrameLimit;
use crate::mmsg::{Received, Receiver, Sender};
use crate::packet_ring::PacketRing;
use crate::packet_socket;
use crate::{
    BATCH_FRAMES, Batch, Interface, OpenError, Port, RxDrop, RxDrops, Shortcut, Tagging, TxReport, XdpSender,
};
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
    shortcut: Option<(Arc<Shortcut>, XdpSender)>,
    limit: FrameLimit,
    dropped: RxDrops,
    /// Of the first queue.
    control: Option<ControlLine>,
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
        let mut queues = queues.collect::<Result<Vec<_>, OpenError>>()?;
        if let Some(first) = queues.first_mut() {
            first.control = Some(ControlLine::open(&interface)?);
        }
        Ok(queues)
    }

    /// One that only sends: for a worker that has no queue of a port of another kind.
    pub(crate) fn sender(interface: &Arc<Interface>) -> Result<Self, OpenError> {
        Self::on(packet_socket::open_sender(interface.name(), interface)?, interface)
    }

    fn on(socket: OwnedFd, interface: &Arc<Interface>) -> Result<Self, OpenError> {
        let limit = FrameLimit::of(Arc::clone(interface))
            .map_err(|source| OpenError::at(interface.name(), "to read the MTU", source))?;
        let (receiver, sender) = (Receiver::new(), Sender::new());
        let dropped = RxDrops::default();
        Ok(PacketQueue {
            ring: None,
            socket,
            receiver,
            sender,
            shortcut: None,
            limit,
            dropped,
            control: None,
        })
    }

    /// Lets frames that need nothing but their checksum leave by AF_XDP, by this queue of the interface, as long as the shortcut is open: it
    /// takes two thirds of the time. All others leave by the packet socket as before, in the order of the batch.
    ///
    /// # Errors
    /// The kernel does not give it (`EINVAL`: the interface has no such queue; `EBUSY`: that one has an AF_XDP socket); all leaves
    /// by the packet socket then.
    pub fn add_shortcut(&mut self, queue: u32, shortcut: Arc<Shortcut>) -> Result<(), OpenError> {
        let sender = XdpSender::on(self.limit.interface(), queue)?;
        self.shortcut = Some((shortcut, sender));
        Ok(())
    }

    /// Frames are read from a ring that the kernel writes, and not from the socket.
    pub fn has_ring(&self) -> bool {
        self.ring.is_some()
    }
}

/// Receives what waits at a socket, and says how many frames there were that are of no use.
fn receive(receiver: &mut Receiver, socket: BorrowedFd<'_>, batch: &mut Batch) -> io::Result<u64> {
    let mut useless = 0;
    for _ in 0..BATCH_FRAMES {
        match receiver.receive(socket, batch) {
            Ok(received) => {
                useless += (0..received).map(|slot| u64::from(!take(receiver, batch, slot))).sum::<u64>();
                break;
            }
            Err(Errno::AGAIN) => break,
            Err(Errno::INTR) => {}
            // The kernel dropped a super-frame of a kind that virtio-net has no word for (SCTP).
            Err(Errno::INVAL) => useless += 1,
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(useless)
}

/// Makes the frame in this slot the next one of the batch; `false` if it was longer than its slot.
pub(crate) fn take(receiver: &Receiver, batch: &mut Batch, slot: usize) -> bool {
    let Received { len, truncated, mut offload, auxdata } = receiver.received(slot);
    if truncated {
        return false;
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
    true
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
        let PacketQueue { ring, socket, receiver, dropped, control, .. } = self;
        let mut others = |batch: &mut Batch| {
            let useless = match ring {
                Some(ring) => ring.receive(socket.as_fd(), receiver, batch)?,
                None => receive(receiver, socket.as_fd(), batch)?,
            };
            dropped.add(RxDrop::Unusable, useless);
            Ok(())
        };
        match control {
            Some(line) => line.take(batch, others),
            None => {
                batch.clear();
                others(batch)?;
                Ok(batch.len())
            }
        }
    }

    fn tx(&mut self, batch: &Batch, frames: &[u16]) -> TxReport {
        let mut report = TxReport::default();
        let PacketQueue { socket, sender, shortcut, limit, .. } = self;
        // A device that is down says so to the packet socket as well.
        let usable = |(way, short): &mut (Arc<Shortcut>, XdpSender)| way.is_open() && short.ready().is_ok();
        let mut short = shortcut.as_mut().and_then(|both| usable(both).then_some(&mut both.1));
        for frames in frames.chunks(BATCH_FRAMES) {
            let mut load = sender.load();
            for &index in frames {
                debug_assert!(
                    !matches!(batch.tagging(index.into()), Tagging::Aside(_)),
                    "set_tag comes before tx"
                );
                let (frame, offload) = (batch.bytes(index.into()), batch.offload(index.into()));
                if frame.len() < HEADER_LEN {
                    // For a process with CAP_SYS_RAWIO the kernel would fill the header up with zeros.
                    report.refused += 1;
                } else if !limit.takes(frame, offload) {
                    report.too_long += 1;
                } else if let Some(short) = short.as_mut().filter(|short| short.takes(frame, offload)) {
                    // Frames of a flow stay in order, whichever way each takes: both ways are at their end when the kernel returns.
                    load.send(socket.as_fd(), &mut report);
                    short.push(batch, index, limit.still(), &mut report);
                } else {
                    if let Some(short) = &mut short {
                        short.flush(batch, limit.still(), &mut report);
                    }
                    load.push(frame, offload);
                }
            }
            load.send(socket.as_fd(), &mut report);
            if let Some(short) = &mut short {
                short.flush(batch, limit.still(), &mut report);
            }
        }
        report
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.socket.as_fd())
    }

    fn control_fd(&self) -> Option<BorrowedFd<'_>> {
        self.control.as_ref().map(ControlLine::fd)
    }

    fn shares_a_ring(&self) -> bool {
        self.ring.is_some()
    }

    fn rx_dropped(&mut self) -> RxDrops {
        let since = packet_socket::drops_since_last_asked(&self.socket).unwrap_or(0);
        self.dropped.add(RxDrop::QueueFull, since);
        if let Some(line) = &mut self.control {
            self.dropped.set(RxDrop::ControlQueueFull, line.dropped());
        }
        self.dropped
    }

    fn tx_control(&mut self, batch: &Batch, frames: &[u16]) -> TxReport {
        match &mut self.control {
            Some(line) => line.send(&mut self.limit, batch, frames),
            None => self.tx(batch, frames),
        }
    }
}
