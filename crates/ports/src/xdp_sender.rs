//! The fastest way into an interface: AF_XDP's transmit half alone, for a packet port that receives by other sockets, and for whoever makes
//! traffic.
//!
//! Read first: Documentation/networking/af_xdp.rst of the kernel, and `xsk_generic_xmit` of its net/xdp/xsk.c. In copy mode, which every
//! interface has, a frame costs an skb and a copy of its bytes. No queueing discipline is asked and no packet socket sees it
//! (`__dev_direct_xmit`); no program is needed.

use crate::xsk::Xsk;
use crate::{BATCH_FRAMES, Batch, Interface, Offload, OpenError, TxReport};
use greylag_base::PortName;
use rustix::io::Errno;
use std::io;

/// Sends into an interface; receives nothing.
pub struct XdpSender {
    socket: Xsk,
    /// What was pushed since the kernel was last asked to send: indices in the batch.
    pushed: Vec<u16>,
    /// The device was down when it was last asked to send.
    down: bool,
    /// Frames that the device took and had no room for.
    dropped: u64,
}

impl XdpSender {
    /// The longest frame that whoever makes traffic may give it, in bytes: a page.
    pub const LONGEST: usize = 4096;

    /// Sends into an interface of the calling thread's network namespace, which has to be up.
    ///
    /// # Errors
    /// [`OpenError`] says what is missing.
    pub fn open(name: &PortName) -> Result<XdpSender, OpenError> {
        let interface = Interface::named(name).map_err(|source| OpenError::at(name, "a socket", source))?;
        Self::on(&interface, 0)
    }

    /// Sends by this queue of an interface, of which one socket at a time can.
    pub(crate) fn on(interface: &Interface, queue: u32) -> Result<XdpSender, OpenError> {
        let name = interface.name();
        let refused = |step| move |source: io::Error| OpenError::at(name, step, source);
        let index = interface.index().map_err(refused("its index"))?;
        let socket = Xsk::sender()
            .map_err(|source| OpenError::without(name, "CAP_NET_RAW", "an AF_XDP socket", source))?;
        socket.bind(index, queue).map_err(refused("to bind the AF_XDP socket"))?;
        Ok(XdpSender { socket, pushed: Vec::with_capacity(BATCH_FRAMES), down: false, dropped: 0 })
    }

    /// Sends the frames of the batch with these indices, as [`Port::tx`](crate::Port::tx) does. Whose checksum is not finished is not for
    /// it.
    pub fn send(&mut self, batch: &Batch, frames: &[u16]) -> TxReport {
        let mut report = TxReport::default();
        if let Err(errno) = self.ready() {
            report.failed(errno, frames.len() as u64);
            return report;
        }
        for frames in frames.chunks(BATCH_FRAMES) {
            for &index in frames {
                if batch.bytes(index.into()).len() > Self::LONGEST {
                    report.too_long += 1;
                } else {
                    self.push(batch, index, |_| true, &mut report);
                }
            }
            self.flush(batch, |_| true, &mut report);
        }
        report
    }

    /// Frames that the device has dropped for want of room, as far as it said so: they were offered to it, unlike those that found no room on
    /// the way there.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Is the device still, or again, in a state in which it takes frames?
    #[inline]
    pub(crate) fn ready(&mut self) -> Result<(), Errno> {
        if self.down {
            // What was given up lies in the ring until the kernel looks.
            self.socket.probe()?;
            self.down = false;
        }
        Ok(())
    }

    /// Can this frame leave as it is?
    #[inline]
    pub(crate) fn takes(&self, frame: &[u8], offload: Offload) -> bool {
        let is_sound = |offload: Offload| {
            let end = usize::from(offload.checksum_start) + usize::from(offload.checksum_offset) + 2;
            self.socket.finishes_checksums() && end <= frame.len()
        };
        frame.len() <= self.socket.piece_bytes()
            && !offload.is_super_frame()
            && (offload.flags & Offload::NEEDS_CHECKSUM == 0 || is_sound(offload))
    }

    /// Puts a frame behind the others that are to be sent, at most [`BATCH_FRAMES`] of one batch. `fits` says whether the device still takes a
    /// frame that it has dropped.
    #[inline]
    pub(crate) fn push(
        &mut self,
        batch: &Batch,
        index: u16,
        fits: impl FnMut(&[u8]) -> bool,
        report: &mut TxReport,
    ) {
        let (frame, offload) = (batch.bytes(index.into()), batch.offload(index.into()));
        let chunks = frame.len().div_ceil(self.socket.piece_bytes());
        if !self.socket.has_room(chunks) {
            self.hand_over(batch, fits, report);
            if !self.socket.has_room(chunks) {
                report.queue_full += 1;
                return;
            }
        }
        if offload.flags & Offload::NEEDS_CHECKSUM == 0 {
            self.socket.push(frame);
        } else {
            self.socket.push_unfinished(frame, offload);
        }
        self.pushed.push(index);
    }

    /// Has the kernel send what was pushed. What it does not take is dropped: nothing of it leaves later.
    #[inline]
    pub(crate) fn flush(&mut self, batch: &Batch, fits: impl FnMut(&[u8]) -> bool, report: &mut TxReport) {
        if !self.pushed.is_empty() {
            self.hand_over(batch, fits, report);
        }
    }

    fn hand_over(&mut self, batch: &Batch, mut fits: impl FnMut(&[u8]) -> bool, report: &mut TxReport) {
        let (mut lost, mut left) = (0, self.pushed.len());
        if let Err(errno) = self.socket.send(&mut lost) {
            self.down = !matches!(errno, Errno::AGAIN | Errno::NOBUFS);
            let chunks_left = self.socket.give_up();
            let frame_chunks =
                |&index: &u16| batch.bytes(index.into()).len().div_ceil(self.socket.piece_bytes()) as u64;
            let mut chunks = 0;
            let unsent = self.pushed.iter().rev().take_while(|index| {
                chunks += frame_chunks(index);
                chunks <= chunks_left
            });
            let unsent = unsent.count();
            report.failed(errno, unsent as u64);
            left -= unsent;
        }
        self.pushed.truncate(left);
        // The device dropped some, and does not say which: those that it has no room for any more, and then the last.
        self.pushed.retain(|&index| {
            let is_too_long = lost > 0 && !fits(batch.bytes(index.into()));
            lost -= u64::from(is_too_long);
            report.too_long += u64::from(is_too_long);
            !is_too_long
        });
        let lost = self.pushed.len().min(lost as usize);
        report.queue_full += lost as u64;
        self.dropped += lost as u64;
        let sent = self.pushed.len() - lost;
        self.pushed[..sent].iter().for_each(|&index| report.sent(batch.bytes(index.into()).len()));
        self.pushed.clear();
    }
}
