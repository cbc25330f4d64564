use crate::{Interface, Offload};
use greylag_wire::ethernet::{EtherType, Frame, HEADER_LEN};
use greylag_wire::vlan::TAG_LEN;
use std::io;
use std::sync::Arc;

/// The longest frame that an interface takes. Asked before the kernel, which does not look at the length of what
/// is written to a TAP, nor at the segments of a super-frame.
pub(crate) struct FrameLimit {
    interface: Arc<Interface>,
    /// As last read; whoever operates the interface may change it.
    mtu: usize,
}

impl FrameLimit {
    pub(crate) fn of(interface: Arc<Interface>) -> io::Result<Self> {
        let mtu = interface.mtu()? as usize;
        Ok(FrameLimit { interface, mtu })
    }

    /// Does this frame, or each segment of it, fit?
    pub(crate) fn takes(&mut self, frame: &[u8], offload: Offload) -> bool {
        let len = offload.wire_len(frame.len());
        if len <= self.mtu + HEADER_LEN {
            return true;
        }
        // One tag does not count (IEEE 802.3-2022 3.2.7: a tagged frame may be four octets longer).
        let len = len - if is_tagged(frame) { TAG_LEN } else { 0 };
        if len <= self.mtu + HEADER_LEN {
            return true;
        }
        // Too long for what was read last, so it is worth a question whether that is still true. An interface
        // that cannot be asked has moved to another namespace; what was read last then stands.
        self.renew();
        len <= self.mtu + HEADER_LEN
    }

    /// Does a frame that fitted before still fit? For one that the interface has dropped; asks once.
    pub(crate) fn still(&mut self) -> impl FnMut(&[u8]) -> bool {
        let mut is_renewed = false;
        move |frame| {
            if !std::mem::replace(&mut is_renewed, true) {
                self.renew();
            }
            self.takes(frame, Offload::NONE)
        }
    }

    fn renew(&mut self) {
        if let Ok(mtu) = self.interface.mtu() {
            self.mtu = mtu as usize;
        }
    }

    /// Whose frames these are.
    pub(crate) fn interface(&self) -> &Interface {
        &self.interface
    }
}

fn is_tagged(frame: &[u8]) -> bool {
    Frame::new_checked(frame)
        .is_some_and(|frame| matches!(frame.ether_type(), EtherType::C_TAG | EtherType::S_TAG))
}
