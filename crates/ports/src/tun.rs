//! One frame to a system call, with the virtio-net header in front of it.
//!
//! Header and frame are one piece of memory, for a system call on one piece costs less than one on two: read and write in place of readv
//! and writev take 0.87 of the processor time from TAP to TAP (64 and 1518 octets alike). io_uring was tried as well, and was no faster:
//! docs/ports.md has the figures.

use crate::{Batch, FRAME_BYTES, Offload, Tagging};
use rustix::io::{Errno, write, writev};
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

/// Frames up to this length are copied behind their header. Longer ones are few, and a copy costs as much as a second piece.
const ORDINARY: usize = 1600;

/// What came of reading.
pub(crate) enum Read {
    /// A frame, which is in the batch.
    Frame,
    /// One that no slot is long enough for.
    TooLong,
}

/// Reads a frame into the next slot of a batch that is not full.
pub(crate) fn read_frame(tun: &OwnedFd, batch: &mut Batch) -> Result<Read, Errno> {
    let room = batch.next_slot_with(Offload::HEADER_LEN).expect("the batch is not full");
    let len = rustix::io::read(tun, &mut *room)?.saturating_sub(Offload::HEADER_LEN);
    if len == FRAME_BYTES {
        // The kernel cuts off what does not fit, without a word. No frame fits exactly.
        return Ok(Read::TooLong);
    }
    let (header, frame) = room.split_first_chunk().expect("longer than a header");
    let mut offload = Offload::from_bytes(*header);
    offload.measure_headers(&frame[..len]);
    batch.commit(len, Tagging::Untagged, offload);
    Ok(Read::Frame)
}

/// Writes a frame.
pub(crate) fn write_frame(tun: &OwnedFd, frame: &[u8], offload: Offload) -> Result<(), Errno> {
    let header = offload.to_bytes();
    if frame.len() > ORDINARY {
        return writev(tun, &[IoSlice::new(&header), IoSlice::new(frame)]).map(drop);
    }
    let mut whole = [MaybeUninit::uninit(); Offload::HEADER_LEN + ORDINARY];
    let whole = &mut whole[..Offload::HEADER_LEN + frame.len()];
    let (head, body) = whole.split_at_mut(Offload::HEADER_LEN);
    head.write_copy_of_slice(&header);
    body.write_copy_of_slice(frame);
    // SAFETY: both parts of it were just written.
    write(tun, unsafe { whole.assume_init_ref() }).map(drop)
}
