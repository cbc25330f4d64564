//! Cutting a super-frame into the frames that go on a wire.
//!
//! Read first: Documentation/networking/segmentation-offloads.rst of the kernel, and virtio 1.2, 5.1.6.2. What comes out is what
//! the kernel's `tcp_gso_segment` and `__udp_gso_segment` make of the same frame; tests/live/kernel_segments.rs compares.

use crate::Offload;
use crate::transport::{Transport, folded, protocol};
use greylag_wire::checksum;

/// Offsets into a TCP header (RFC 9293 3.1).
mod tcp {
    pub(super) const SEQUENCE: usize = 4;
    pub(super) const DATA_OFFSET: usize = 12;
    pub(super) const FLAGS: usize = 13;
    pub(super) const CHECKSUM: usize = 16;
    pub(super) const HEADER_LEN: usize = 20;

    pub(super) const FIN: u8 = 0x01;
    pub(super) const PSH: u8 = 0x08;
    /// RFC 3168 6.1.2: once for each reduction of the window.
    pub(super) const CWR: u8 = 0x80;
}

/// Offsets into a UDP header (RFC 768).
mod udp {
    pub(super) const LENGTH: usize = 4;
    pub(super) const CHECKSUM: usize = 6;
    pub(super) const HEADER_LEN: usize = 8;
}

/// What a super-frame still has to become. Nothing is allocated.
pub(crate) struct Segments<'a> {
    frame: &'a [u8],
    transport: Transport,
    /// All headers together.
    headers: usize,
    segment_len: usize,
    /// What the checksum field holds: the sum over the pseudo-header of the whole.
    pseudo: u16,
    next: usize,
}

impl<'a> Segments<'a> {
    /// `None` for a super-frame that cannot be cut here: one inside an encapsulation, of UDP fragments (`VIRTIO_NET_HDR_GSO_UDP`), or
    /// whose header says what the frame does not.
    pub(crate) fn of(frame: &'a [u8], offload: Offload) -> Option<Self> {
        let transport = Transport::of(frame)?;
        let (protocol, is_right_version, checksum, fixed) = match offload.gso_type & !Offload::GSO_ECN {
            Offload::GSO_TCPV4 => (protocol::TCP, !transport.is_ipv6, tcp::CHECKSUM, tcp::HEADER_LEN),
            Offload::GSO_TCPV6 => (protocol::TCP, transport.is_ipv6, tcp::CHECKSUM, tcp::HEADER_LEN),
            Offload::GSO_UDP_L4 => (protocol::UDP, true, udp::CHECKSUM, udp::HEADER_LEN),
            _ => return None,
        };
        // What is inside an encapsulation starts further back than what the outer header carries.
        if transport.protocol != protocol
            || !is_right_version
            || offload.flags & Offload::NEEDS_CHECKSUM == 0
            || usize::from(offload.checksum_start) != transport.start
            || usize::from(offload.checksum_offset) != checksum
        {
            return None;
        }
        let header = frame.get(transport.start..transport.start + fixed)?;
        let len = match protocol {
            protocol::TCP => usize::from(header[tcp::DATA_OFFSET] >> 4) * 4,
            _ => udp::HEADER_LEN,
        };
        let headers = transport.start + len;
        let pseudo = u16::from_be_bytes([header[checksum], header[checksum + 1]]);
        let segment_len = usize::from(offload.segment_len);
        (len >= fixed && frame.len() > headers && segment_len > 0).then_some(Segments {
            frame,
            transport,
            headers,
            segment_len,
            pseudo,
            next: 0,
        })
    }

    /// How many frames it becomes.
    pub(crate) fn count(&self) -> usize {
        (self.frame.len() - self.headers).div_ceil(self.segment_len)
    }

    /// The longest of them.
    pub(crate) fn longest(&self) -> usize {
        self.frame.len().min(self.headers + self.segment_len)
    }

    /// Writes the next one to the start of `to` and says how long it is; `None` when all are written.
    ///
    /// # Panics
    /// When `to` is shorter than the [longest](Self::longest).
    pub(crate) fn write_next(&mut self, to: &mut [u8]) -> Option<usize> {
        let at = self.next;
        let from = self.headers + at * self.segment_len;
        let payload = self.frame.get(from..self.frame.len().min(from + self.segment_len))?;
        if payload.is_empty() {
            return None;
        }
        let len = self.headers + payload.len();
        let is_last = from + payload.len() == self.frame.len();
        let to = &mut to[..len];
        to[..self.headers].copy_from_slice(&self.frame[..self.headers]);
        to[self.headers..].copy_from_slice(payload);
        self.ip_header(to, at);
        match self.transport.protocol {
            protocol::TCP => self.tcp_header(&mut to[self.transport.start..], at, is_last),
            _ => self.udp_header(&mut to[self.transport.start..]),
        }
        self.next += 1;
        Some(len)
    }

    fn ip_header(&self, segment: &mut [u8], at: usize) {
        let Transport { ip, start, is_ipv6, .. } = self.transport;
        let len = segment.len() - ip;
        if is_ipv6 {
            segment[ip + 4..ip + 6].copy_from_slice(&((len - 40) as u16).to_be_bytes());
            return;
        }
        let header = &mut segment[ip..start];
        header[2..4].copy_from_slice(&(len as u16).to_be_bytes());
        // Each has an identification of its own (RFC 791 3.2), counted up from that of the whole.
        let id = u16::from_be_bytes([header[4], header[5]]).wrapping_add(at as u16);
        header[4..6].copy_from_slice(&id.to_be_bytes());
        header[10..12].fill(0);
        let sum = !checksum::sum(header);
        header[10..12].copy_from_slice(&sum.to_be_bytes());
    }

    fn tcp_header(&self, segment: &mut [u8], at: usize, is_last: bool) {
        let field = tcp::SEQUENCE..tcp::SEQUENCE + 4;
        let first = u32::from_be_bytes(segment[field.clone()].try_into().expect("four octets"));
        let sequence = first.wrapping_add((at * self.segment_len) as u32);
        segment[field].copy_from_slice(&sequence.to_be_bytes());
        if !is_last {
            segment[tcp::FLAGS] &= !(tcp::FIN | tcp::PSH);
        }
        if at > 0 {
            segment[tcp::FLAGS] &= !tcp::CWR;
        }
        self.checksum(segment, tcp::CHECKSUM);
    }

    fn udp_header(&self, segment: &mut [u8]) {
        let len = segment.len() as u16;
        segment[udp::LENGTH..udp::LENGTH + 2].copy_from_slice(&len.to_be_bytes());
        self.checksum(segment, udp::CHECKSUM);
    }

    /// Behind a routing header the pseudo-header has an address that the IP header has not (RFC 8200 8.1), so the sum that the
    /// sender made is kept, and only the length in it changed.
    fn checksum(&self, segment: &mut [u8], at: usize) {
        let whole = (self.frame.len() - self.transport.start) as u32;
        let less = u32::from(!folded(whole));
        let pseudo = folded(u32::from(self.pseudo) + less + segment.len() as u32);
        segment[at..at + 2].copy_from_slice(&pseudo.to_be_bytes());
        // RFC 768: 0 would say that there is none, and is the same number as 0xffff.
        let sum = match !checksum::sum(segment) {
            0 => 0xffff,
            sum => sum,
        };
        segment[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    }
}

#[cfg(test)]
mod tests;
