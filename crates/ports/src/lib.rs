//! Where frames enter and leave: TAP, AF_PACKET, AF_XDP, raw and in-memory ports behind one trait, and the batch
//! that they fill and empty.
//!
//! A worker owns one [`Batch`] and one queue of every port. It fills the batch from one port with [`Port::rx`],
//! decides where each frame goes, and hands each egress port the frames that are meant for it with
//! [`Port::tx`]. When `tx` returns, the port has taken what it needs: the batch is free for the next `rx`.
//!
//! A port may hand over a frame whose checksum is not finished or that is longer than the MTU because the
//! kernel would segment it later. What is missing is written down in the frame's [`Offload`] and goes with
//! the frame to its egress port, so that a TCP super-frame crosses the switch whole and is completed by whoever
//! can do it best. [`XdpPort`] and [`RawPort`] carry octets alone: what is left to do is done here before they send, and
//! of what they receive it is found out as far as that is possible.
//!
//! The live ports are opened one queue per worker, in the network namespace of the calling thread:
//! [`TapQueue::open`] creates a TAP interface, [`PacketQueue::open`], [`XdpPort::open`] and [`RawPort::open`] take over an
//! Ethernet interface that is there. [`MemoryPort`] is for tests and needs no privilege:
//!
//! ```
//! use greylag_ports::{Batch, MemoryPort, Port};
//!
//! let (mut a, mut b) = MemoryPort::pair(16);
//! let mut batch = Batch::new();
//! batch.push(&[0xff; 60]);
//! assert_eq!(a.tx(&batch, &[0]).frames, 1);
//! assert_eq!(b.rx(&mut batch)?, 1);
//! assert_eq!(batch.bytes(0), &[0xff; 60]);
//! # Ok::<(), std::io::Error>(())
//! ```

mod af_packet;
mod af_xdp;
mod batch;
mod bpf;
mod control_filter;
mod control_line;
mod cycles;
mod ear;
mod ethtool;
mod finish;
mod frame_limit;
mod impaired;
mod impaired_port;
mod interface;
mod link_stats;
mod memory;
mod mmsg;
mod offload;
mod open_error;
mod packet_ring;
mod packet_socket;
mod pages;
mod raw;
mod rx_drops;
mod segment;
mod shortcut;
mod slots;
mod tap;
mod transport;
mod tun;
mod turns;
mod unfinished;
mod wait_set;
mod xdp_sender;
mod xsk;

pub use af_packet::PacketQueue;
pub use af_xdp::{XdpPort, XdpQueue};
pub use batch::{BATCH_FRAMES, Batch, FRAME_BYTES, Tagging, View};
pub use cycles::cycle_count;
pub use ear::Ear;
pub use impaired::{ImpairmentCounts, ImpairmentTally};
pub use impaired_port::{ImpairedPort, ImpairmentDesk};
pub use interface::Interface;
pub use memory::MemoryPort;
pub use offload::Offload;
pub use open_error::OpenError;
pub use raw::{RawPort, RawQueue};
pub use rx_drops::{RxDrop, RxDrops};
pub use shortcut::Shortcut;
pub use slots::{Slot, Slots};
pub use tap::{TapCarrier, TapConfig, TapQueue};
pub use xdp_sender::XdpSender;

use rustix::io::Errno;
use std::io;
use std::os::fd::BorrowedFd;

/// One queue of a port, owned by one worker.
pub trait Port: Send {
    /// Replaces what is in the batch by frames that have come in, and says how many. Never blocks: 0 when
    /// there is none.
    ///
    /// # Errors
    /// The kernel's, for example `ENETDOWN` when the interface is down. The batch is then empty.
    fn rx(&mut self, batch: &mut Batch) -> io::Result<usize>;

    /// Sends the frames of the batch with these indices, in this order, in the shape that they have now. Never
    /// blocks: what the port does not take is dropped, and the report says why.
    ///
    /// A tag that is still [`Tagging::Aside`] is not part of that shape: [`Batch::set_tag`] decides about it first.
    fn tx(&mut self, batch: &Batch, frames: &[u16]) -> TxReport;

    /// As [`tx`](Self::tx), for what keeps a link, a neighbour or a session alive: it leaves while data finds no room, by a way of its own
    /// where the port has one.
    fn tx_control(&mut self, batch: &Batch, frames: &[u16]) -> TxReport {
        self.tx(batch, frames)
    }

    /// What to wait on until `rx` has something; `None` for a port that lives in memory. Who tells of it makes the sender of each frame pay,
    /// so that it may be left out where frames come without end.
    fn fd(&self) -> Option<BorrowedFd<'_>>;

    /// What to wait on besides, always: control frames that have a queue of their own, or a timer.
    fn control_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// Whether data has come in, `rx` sees in memory that the kernel shares, and asks nobody.
    fn shares_a_ring(&self) -> bool {
        false
    }

    /// Frames that the kernel dropped before this queue could read them, since the queue was opened.
    fn rx_dropped(&mut self) -> RxDrops {
        RxDrops::default()
    }
}

impl<P: Port + ?Sized> Port for Box<P> {
    fn rx(&mut self, batch: &mut Batch) -> io::Result<usize> {
        (**self).rx(batch)
    }

    fn tx(&mut self, batch: &Batch, frames: &[u16]) -> TxReport {
        (**self).tx(batch, frames)
    }

    fn tx_control(&mut self, batch: &Batch, frames: &[u16]) -> TxReport {
        (**self).tx_control(batch, frames)
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        (**self).fd()
    }

    fn control_fd(&self) -> Option<BorrowedFd<'_>> {
        (**self).control_fd()
    }

    fn shares_a_ring(&self) -> bool {
        (**self).shares_a_ring()
    }

    fn rx_dropped(&mut self) -> RxDrops {
        (**self).rx_dropped()
    }
}

/// What became of the frames that were handed to [`Port::tx`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TxReport {
    /// Frames that the port took.
    pub frames: u64,
    /// Their length in bytes, as they left.
    pub bytes: u64,
    /// Frames dropped because the queue had no room.
    pub queue_full: u64,
    /// Frames dropped because they are longer than the interface takes.
    pub too_long: u64,
    /// Frames dropped because the port is down.
    pub down: u64,
    /// Frames whose sender left something to do that the port cannot carry, and that is not done here: super-frames inside an
    /// encapsulation, the checksum of SCTP.
    pub unfinished: u64,
    /// Frames that the port refused for another reason.
    pub refused: u64,
    /// Frames that were lost because the port was told to: see [`ImpairedPort`].
    pub impaired: u64,
}

impl TxReport {
    /// The kernel took a frame of this length.
    pub(crate) fn sent(&mut self, len: usize) {
        self.frames += 1;
        self.bytes += len as u64;
    }

    /// The kernel did not take `frames` frames, for this reason.
    pub(crate) fn failed(&mut self, errno: Errno, frames: u64) {
        *match errno {
            Errno::AGAIN | Errno::NOBUFS | Errno::NOMEM => &mut self.queue_full,
            Errno::MSGSIZE => &mut self.too_long,
            // IO is tun's word for an interface that is not up, BADFD for one that was deleted.
            Errno::NETDOWN | Errno::NXIO | Errno::NODEV | Errno::IO | Errno::BADFD => &mut self.down,
            _ => &mut self.refused,
        } += frames;
    }
}
