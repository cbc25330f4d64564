use greylag_wire::checksum;
use greylag_wire::ethernet::ADDRESSES_LEN;
use greylag_wire::vlan::TAG_LEN;

/// The octet of a TCP header whose upper half is its length in words (RFC 9293 3.1).
const TCP_DATA_OFFSET: usize = 12;
/// RFC 768.
const UDP_HEADER_LEN: u16 = 8;

/// The work on a frame that its sender left to somebody else: the fields of a virtio-net header
/// (virtio 1.2, 5.1.6.1; `struct virtio_net_hdr` of linux/virtio_net.h).
///
/// Offsets count from the first octet of the frame, and follow it when a tag is put in or taken out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offload {
    /// `VIRTIO_NET_HDR_F_NEEDS_CSUM` 1, `VIRTIO_NET_HDR_F_DATA_VALID` 2.
    pub flags: u8,
    /// `VIRTIO_NET_HDR_GSO_NONE` 0, `TCPV4` 1, `UDP` 3, `TCPV6` 4, `UDP_L4` 5; `ECN` 0x80.
    pub gso_type: u8,
    /// Length of all headers of a super-frame, in bytes.
    pub header_len: u16,
    /// Payload of each segment of a super-frame, in bytes.
    pub segment_len: u16,
    /// Where the checksum starts.
    pub checksum_start: u16,
    /// Where it is stored, from `checksum_start`.
    pub checksum_offset: u16,
}

impl Offload {
    /// The bytes of the header on this machine: `struct virtio_net_hdr`, host byte order.
    pub const HEADER_LEN: usize = 10;
    /// The checksum at `checksum_start + checksum_offset` is not finished.
    pub const NEEDS_CHECKSUM: u8 = 1;

    /// `VIRTIO_NET_HDR_GSO_TCPV4`.
    pub(crate) const GSO_TCPV4: u8 = 1;
    /// `VIRTIO_NET_HDR_GSO_TCPV6`.
    pub(crate) const GSO_TCPV6: u8 = 4;
    /// `VIRTIO_NET_HDR_GSO_UDP_L4`.
    pub(crate) const GSO_UDP_L4: u8 = 5;
    /// `VIRTIO_NET_HDR_GSO_ECN`, beside one of the types.
    pub(crate) const GSO_ECN: u8 = 0x80;

    /// Nothing is left to do.
    pub const NONE: Offload = Offload {
        flags: 0,
        gso_type: 0,
        header_len: 0,
        segment_len: 0,
        checksum_start: 0,
        checksum_offset: 0,
    };

    /// Reads a virtio-net header.
    pub fn from_bytes(bytes: [u8; Self::HEADER_LEN]) -> Self {
        let word = |at: usize| u16::from_ne_bytes([bytes[at], bytes[at + 1]]);
        Offload {
            flags: bytes[0],
            gso_type: bytes[1],
            header_len: word(2),
            segment_len: word(4),
            checksum_start: word(6),
            checksum_offset: word(8),
        }
    }

    /// Writes a virtio-net header.
    pub fn to_bytes(self) -> [u8; Self::HEADER_LEN] {
        let mut bytes = [0; Self::HEADER_LEN];
        bytes[0] = self.flags;
        bytes[1] = self.gso_type;
        bytes[2..4].copy_from_slice(&self.header_len.to_ne_bytes());
        bytes[4..6].copy_from_slice(&self.segment_len.to_ne_bytes());
        bytes[6..8].copy_from_slice(&self.checksum_start.to_ne_bytes());
        bytes[8..10].copy_from_slice(&self.checksum_offset.to_ne_bytes());
        bytes
    }

    /// The frame is a super-frame that the kernel will cut into segments.
    pub fn is_super_frame(&self) -> bool {
        self.gso_type != 0
    }

    /// The longest frame that this one becomes on a wire, headers included, when it is `len` bytes long now.
    pub fn wire_len(&self, len: usize) -> usize {
        if self.is_super_frame() {
            len.min(usize::from(self.header_len) + usize::from(self.segment_len))
        } else {
            len
        }
    }

    /// Finishes the checksum of a frame, when its sender left that to do: for a receiver that takes frames only whole. Where
    /// the offsets, which the sender chose, lead out of the frame, nothing is done.
    pub fn finish_checksum(&self, frame: &mut [u8]) {
        let (start, offset) = (usize::from(self.checksum_start), usize::from(self.checksum_offset));
        if self.flags & Self::NEEDS_CHECKSUM == 0 || frame.len() < start + offset + 2 {
            return;
        }
        // What is stored there until now is the sum over the pseudo-header.
        let finished = match !checksum::sum(&frame[start..]) {
            // RFC 768: 0 would say that there is none, and is the same number as 0xffff.
            0 => 0xffff_u16,
            finished => finished,
        };
        frame[start + offset..][..2].copy_from_slice(&finished.to_be_bytes());
    }

    /// Makes `header_len` true for a super-frame that the kernel handed over. What the kernel writes is how much
    /// of the frame lies in one piece in its memory (`virtio_net_hdr_from_skb`), which is at least the headers
    /// and can be all of the frame.
    pub(crate) fn measure_headers(&mut self, frame: &[u8]) {
        if self.flags & Self::NEEDS_CHECKSUM == 0 {
            return;
        }
        let transport = usize::from(self.checksum_start);
        let headers = match self.gso_type & !Self::GSO_ECN {
            Self::GSO_TCPV4 | Self::GSO_TCPV6 => match frame.get(transport + TCP_DATA_OFFSET) {
                Some(octet) => u16::from(octet >> 4) * 4,
                None => return,
            },
            Self::GSO_UDP_L4 => UDP_HEADER_LEN,
            _ => return,
        };
        // The sender chose the offset: it may be anything.
        self.header_len = self.checksum_start.saturating_add(headers);
    }

    /// A tag was put in behind the addresses.
    pub(crate) fn tag_inserted(&mut self) {
        self.shift(|offset| offset.saturating_add(TAG_LEN as u16));
    }

    /// The tag behind the addresses was taken out.
    pub(crate) fn tag_removed(&mut self) {
        self.shift(|offset| offset - TAG_LEN as u16);
    }

    fn shift(&mut self, by: impl Fn(u16) -> u16) {
        if self.flags & Self::NEEDS_CHECKSUM != 0
            && usize::from(self.checksum_start) >= ADDRESSES_LEN + TAG_LEN
        {
            self.checksum_start = by(self.checksum_start);
        }
        if self.is_super_frame() && usize::from(self.header_len) >= ADDRESSES_LEN + TAG_LEN {
            self.header_len = by(self.header_len);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_and_back() {
        let offload = Offload {
            flags: 1,
            gso_type: 4,
            header_len: 74,
            segment_len: 1440,
            checksum_start: 54,
            checksum_offset: 16,
        };
        assert_eq!(Offload::from_bytes(offload.to_bytes()), offload);
        assert_eq!(offload.wire_len(64_000), 1514);
        assert_eq!(Offload::NONE.wire_len(60), 60);
    }

    #[test]
    fn a_checksum_is_finished_where_it_belongs_and_only_there() {
        // Five octets behind the header, the sum over a pseudo-header in the middle of them.
        let mut frame = [9, 9, 0x12, 0x34, 0x00, 0x50, 0x56];
        let offload = Offload { flags: 1, checksum_start: 2, checksum_offset: 2, ..Offload::NONE };
        offload.finish_checksum(&mut frame);
        let finished = !(0x1234_u16 + 0x0050 + 0x5600);
        assert_eq!(frame, [9, 9, 0x12, 0x34, (finished >> 8) as u8, finished as u8, 0x56]);
        let before = frame;
        Offload { checksum_offset: 4, ..offload }.finish_checksum(&mut frame);
        Offload { checksum_start: u16::MAX, ..offload }.finish_checksum(&mut frame);
        Offload { flags: 2, ..offload }.finish_checksum(&mut frame);
        assert_eq!(frame, before);
        let mut zero = [0xff, 0xff, 0, 0];
        Offload { checksum_start: 0, ..offload }.finish_checksum(&mut zero);
        assert_eq!(zero, [0xff; 4], "0 says that there is none");
    }

    #[test]
    fn headers_are_measured_in_the_frame() {
        let mut frame = [0; 3000];
        frame[34 + 12] = 8 << 4;
        let kernel = Offload {
            flags: 1,
            gso_type: 0x81,
            header_len: 3000,
            segment_len: 1400,
            checksum_start: 34,
            checksum_offset: 16,
        };
        let mut offload = kernel;
        offload.measure_headers(&frame);
        assert_eq!(offload.wire_len(frame.len()), 34 + 32 + 1400);
        let mut cut = kernel;
        cut.measure_headers(&frame[..40]);
        assert_eq!(cut, kernel);
    }
}
