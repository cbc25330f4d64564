//! What comes in by an interface for its link and its neighbours, in queues of its own: the kernel drops frames that nobody reads in
//! time, and a flood of data must not be able to make it drop these.

use crate::af_packet::take;
use crate::control_filter::{Share, classic};
use crate::frame_limit::FrameLimit;
use crate::mmsg::{Receiver, Sender};
use crate::packet_socket::{self, drops_since_last_asked};
use crate::turns::Turns;
use crate::wait_set::WaitSet;
use crate::{BATCH_FRAMES, Batch, Interface, OpenError, Tagging, TxReport};
use greylag_wire::ethernet::EtherType;
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Two packet sockets beside that of a port, for what [`classic`] leaves out there.
///
/// Slow protocols have one to themselves: that a link is alive must not depend on how many ask for addresses on it. What is control of our own
/// leaves by the other one, whose buffer no data fills, and by the first band of a queueing discipline that has bands.
pub(crate) struct ControlLine {
    slow: OwnedFd,
    control: OwnedFd,
    receiver: Receiver,
    sender: Sender,
    dropped: u64,
    turns: Turns,
    wait_set: WaitSet,
}

impl ControlLine {
    /// To be opened after the sockets of the port: the kernel goes through them from the last to the first, and copies a frame for all
    /// that take it but the last.
    pub(crate) fn open(interface: &Interface) -> Result<Self, OpenError> {
        let slow = packet_socket::open_filtered(interface, EtherType::SLOW.0, None)?;
        let filter = classic(Share::Control);
        let control = packet_socket::open_filtered(interface, libc::ETH_P_ALL as u16, Some(&filter))?;
        packet_socket::prefer(&control)
            .map_err(|source| OpenError::at(interface.name(), "a priority for control frames", source))?;
        let wait_set = WaitSet::of(&[slow.as_fd(), control.as_fd()])
            .map_err(|source| OpenError::at(interface.name(), "an epoll instance", source))?;
        let (receiver, sender, turns) = (Receiver::new(), Sender::new(), Turns::default());
        Ok(ControlLine { slow, control, receiver, sender, dropped: 0, turns, wait_set })
    }

    /// Fills the batch with control frames, or with what `others` adds to it, and says how many there are.
    pub(crate) fn take(
        &mut self,
        batch: &mut Batch,
        others: impl FnOnce(&mut Batch) -> io::Result<()>,
    ) -> io::Result<usize> {
        let ControlLine { slow, control, receiver, dropped, turns, .. } = self;
        turns.take(batch, |batch| receive([slow, control], receiver, dropped, batch), others)
    }

    /// Sends as [`Port::tx_control`](crate::Port::tx_control) does.
    pub(crate) fn send(&mut self, limit: &mut FrameLimit, batch: &Batch, frames: &[u16]) -> TxReport {
        let mut report = TxReport::default();
        for frames in frames.chunks(BATCH_FRAMES) {
            let mut load = self.sender.load();
            for index in frames.iter().map(|&index| usize::from(index)) {
                debug_assert!(!matches!(batch.tagging(index), Tagging::Aside(_)), "set_tag comes before tx");
                let (frame, offload) = (batch.bytes(index), batch.offload(index));
                if limit.takes(frame, offload) {
                    load.push(frame, offload);
                } else {
                    report.too_long += 1;
                }
            }
            load.send(self.control.as_fd(), &mut report);
        }
        report
    }

    /// What to wait on, for all of them.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.wait_set.as_fd()
    }

    /// Frames that found no room, or could not be used, since it was opened.
    pub(crate) fn dropped(&mut self) -> u64 {
        for socket in [&self.slow, &self.control] {
            self.dropped += drops_since_last_asked(socket).unwrap_or(0);
        }
        self.dropped
    }
}

/// Adds what has come in by the first of the sockets that has something to an empty batch.
fn receive(
    sockets: [&OwnedFd; 2],
    receiver: &mut Receiver,
    dropped: &mut u64,
    batch: &mut Batch,
) -> io::Result<()> {
    for socket in sockets {
        match receiver.receive(socket.as_fd(), batch) {
            Ok(received) => {
                *dropped += (0..received).map(|slot| u64::from(!take(receiver, batch, slot))).sum::<u64>();
                return Ok(());
            }
            // That the interface is down, the port's own socket says as well.
            Err(Errno::AGAIN | Errno::INTR | Errno::NETDOWN) => {}
            Err(Errno::INVAL) => *dropped += 1,
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}
