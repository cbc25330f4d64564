//! Doing in user space what the sender of a frame left to hardware, for a port that can carry frames only as they are on a wire.

use crate::pages::Pages;
use crate::segment::Segments;
use crate::transport::{Transport, protocol};
use crate::{FRAME_BYTES, Offload};

/// Room for one finished frame. Made once per queue; nothing is allocated afterwards.
pub(crate) struct Finisher {
    scratch: Pages,
}

/// Finished frames, one after the other.
pub(crate) enum Finished<'a> {
    /// The frame is as it is to be.
    Whole(&'a [u8]),
    /// All is there but the checksum.
    WithoutChecksum(&'a [u8], Offload),
    /// It is to be cut.
    Super(Segments<'a>),
}

impl<'a> Finished<'a> {
    /// `None` for what is not understood: see [`Segments::of`], and SCTP, whose checksum is another (RFC 9260 6.8).
    #[inline]
    pub(crate) fn of(frame: &'a [u8], offload: Offload) -> Option<Self> {
        if offload.is_super_frame() {
            return Segments::of(frame, offload).map(Finished::Super);
        }
        if offload.flags & Offload::NEEDS_CHECKSUM == 0 {
            return Some(Finished::Whole(frame));
        }
        let (start, offset) = (usize::from(offload.checksum_start), usize::from(offload.checksum_offset));
        let is_sctp = Transport::of(frame)
            .is_some_and(|found| found.protocol == protocol::SCTP && found.start == start);
        (!is_sctp && start + offset + 2 <= frame.len()).then_some(Finished::WithoutChecksum(frame, offload))
    }

    /// How many frames there will be, and how long the longest is.
    #[inline]
    pub(crate) fn extent(&self) -> (usize, usize) {
        match self {
            Finished::Whole(frame) | Finished::WithoutChecksum(frame, _) => (1, frame.len()),
            Finished::Super(segments) => (segments.count(), segments.longest()),
        }
    }
}

impl Finisher {
    pub(crate) fn new() -> Self {
        Finisher { scratch: Pages::zeroed(FRAME_BYTES) }
    }

    /// Gives `send` each frame.
    #[inline]
    pub(crate) fn each(&mut self, finished: Finished<'_>, mut send: impl FnMut(&[u8])) {
        match finished {
            Finished::Whole(frame) => send(frame),
            Finished::WithoutChecksum(frame, offload) => {
                let copy = &mut self.scratch[..frame.len()];
                copy.copy_from_slice(frame);
                offload.finish_checksum(copy);
                send(copy);
            }
            Finished::Super(mut segments) => {
                while let Some(len) = segments.write_next(&mut self.scratch) {
                    send(&self.scratch[..len]);
                }
            }
        }
    }
}
