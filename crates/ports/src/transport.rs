use greylag_wire::checksum;
use greylag_wire::ethernet::{EtherType, HEADER_LEN};
use greylag_wire::five_tuple::behind_extensions;
use greylag_wire::vlan::TAG_LEN;

/// Tags that are looked behind: a service tag and a customer tag (IEEE 802.1Q-2022 5.5).
const MAX_TAGS: usize = 2;

/// Protocol numbers of the IANA registry.
pub(crate) mod protocol {
    pub(crate) const TCP: u8 = 6;
    pub(crate) const UDP: u8 = 17;
    pub(crate) const SCTP: u8 = 132;
}

/// Where things are in a frame that carries a whole IP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transport {
    /// The first octet of the IP header.
    pub(crate) ip: usize,
    /// The first octet of what the packet carries.
    pub(crate) start: usize,
    /// What it carries.
    pub(crate) protocol: u8,
    pub(crate) is_ipv6: bool,
}

impl Transport {
    /// `None` for what is no IP packet, is a fragment of one, or has its headers cut short.
    #[inline]
    pub(crate) fn of(frame: &[u8]) -> Option<Self> {
        let mut ip = HEADER_LEN;
        for _ in 0..=MAX_TAGS {
            let ether_type = frame.get(ip - 2..ip)?;
            match EtherType(u16::from_be_bytes([ether_type[0], ether_type[1]])) {
                EtherType::IPV4 => return Self::of_ipv4(frame, ip),
                EtherType::IPV6 => return Self::of_ipv6(frame, ip),
                EtherType::C_TAG | EtherType::S_TAG => ip += TAG_LEN,
                _ => return None,
            }
        }
        None
    }

    /// RFC 791 3.1.
    fn of_ipv4(frame: &[u8], ip: usize) -> Option<Self> {
        let header: &[u8; 20] = frame.get(ip..)?.first_chunk()?;
        let is_fragment = u16::from_be_bytes([header[6], header[7]]) & 0x3fff != 0;
        if !matches!(header[0], 0x45..=0x4f) || is_fragment {
            return None;
        }
        let start = ip + usize::from(header[0] & 0x0f) * 4;
        (start <= frame.len()).then_some(Transport { ip, start, protocol: header[9], is_ipv6: false })
    }

    /// RFC 8200 3 and 4.
    fn of_ipv6(frame: &[u8], ip: usize) -> Option<Self> {
        let (header, rest) = frame.get(ip..)?.split_first_chunk::<40>()?;
        if header[0] >> 4 != 6 {
            return None;
        }
        let (protocol, rest) = behind_extensions(header[6], rest);
        Some(Transport { ip, start: frame.len() - rest.len(), protocol, is_ipv6: true })
    }

    /// How long what the packet carries is, as its header says; `None` when that is more than there is. What a short frame was
    /// filled up with is not of the packet (IEEE 802.3-2022 3.2.8).
    #[inline]
    pub(crate) fn len(&self, frame: &[u8]) -> Option<usize> {
        let word = |at: usize| usize::from(u16::from_be_bytes([frame[at], frame[at + 1]]));
        let end = if self.is_ipv6 { self.ip + 40 + word(self.ip + 4) } else { self.ip + word(self.ip + 2) };
        if end > frame.len() { None } else { end.checked_sub(self.start) }
    }

    /// The sum over the pseudo-header (RFC 9293 3.1, RFC 8200 8.1) with the addresses that the IP header has.
    #[inline]
    pub(crate) fn pseudo_sum(&self, frame: &[u8], len: usize) -> u16 {
        let addresses =
            if self.is_ipv6 { &frame[self.ip + 8..self.ip + 40] } else { &frame[self.ip + 12..self.ip + 20] };
        folded(u32::from(checksum::sum(addresses)) + u32::from(self.protocol) + len as u32)
    }
}

/// A sum of words, with the carries back in.
pub(crate) fn folded(sum: u32) -> u16 {
    let sum = (sum >> 16) + (sum & 0xffff);
    ((sum >> 16) + sum) as u16
}
