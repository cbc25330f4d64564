//! Frames of a batch into the kernel by a packet socket, a system call for as many as fit.

use crate::frame_limit::FrameLimit;
use crate::mmsg::Sender;
use crate::{BATCH_FRAMES, Batch, Tagging, TxReport};
use greylag_wire::ethernet::HEADER_LEN;
use std::os::fd::BorrowedFd;

/// Sends the frames with these indices, as [`Port::tx`](crate::Port::tx) does.
pub(crate) fn send(
    socket: BorrowedFd<'_>,
    sender: &mut Sender,
    limit: &mut FrameLimit,
    batch: &Batch,
    frames: &[u16],
) -> TxReport {
    let mut report = TxReport::default();
    for frames in frames.chunks(BATCH_FRAMES) {
        let mut load = sender.load();
        for index in frames.iter().map(|&index| usize::from(index)) {
            debug_assert!(!matches!(batch.tagging(index), Tagging::Aside(_)), "set_tag comes before tx");
            let (frame, offload) = (batch.bytes(index), batch.offload(index));
            if frame.len() < HEADER_LEN {
                // For a process with CAP_SYS_RAWIO the kernel would fill the header up with zeros.
                report.refused += 1;
            } else if !limit.takes(frame, offload) {
                report.too_long += 1;
            } else {
                load.push(frame, offload);
            }
        }
        load.send(socket, &mut report);
    }
    report
}
