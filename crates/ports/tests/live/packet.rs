//! Frames that are built from their fields, octet by octet: the slow way, beside which others are held.

use super::Offload;

/// A packet as its fields.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) tags: Vec<[u8; 4]>,
    pub(crate) ip: Ip,
    pub(crate) transport: Kind,
    pub(crate) payload: Vec<u8>,
}

#[derive(Clone, Debug)]
pub(crate) enum Ip {
    V4 {
        id: u16,
        options: Vec<u8>,
    },
    /// Extension headers, each with its number in front.
    V6 {
        extensions: Vec<(u8, Vec<u8>)>,
    },
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Tcp { sequence: u32, flags: u8, options: Vec<u8> },
    Udp,
}

const SOURCE: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const DESTINATION: [u8; 16] = [0x20, 1, 0xd, 0xb8, 9, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 2];

/// The sum of RFC 1071, word by word.
fn slow_sum(octets: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for word in octets.chunks(2) {
        sum += u32::from(word[0]) * 256 + u32::from(*word.get(1).unwrap_or(&0));
        if sum > 0xffff {
            sum -= 0xffff;
        }
    }
    sum as u16
}

impl Packet {
    fn protocol(&self) -> u8 {
        match self.transport {
            Kind::Tcp { .. } => 6,
            Kind::Udp => 17,
        }
    }

    /// TCP or UDP header with the payload, the checksum field zero.
    fn segment(&self) -> Vec<u8> {
        let mut out = vec![0x12, 0x34, 0x56, 0x78];
        match &self.transport {
            Kind::Tcp { sequence, flags, options } => {
                out.extend(sequence.to_be_bytes());
                out.extend([0, 0, 0, 9]);
                out.extend([((20 + options.len()) / 4 * 16) as u8, *flags, 1, 2, 0, 0, 0, 0]);
                out.extend(options);
            }
            Kind::Udp => {
                out.extend(((8 + self.payload.len()) as u16).to_be_bytes());
                out.extend([0, 0]);
            }
        }
        out.extend(&self.payload);
        out
    }

    fn checksum_offset(&self) -> usize {
        if self.protocol() == 6 { 16 } else { 6 }
    }

    fn pseudo_header(&self, len: usize) -> Vec<u8> {
        let mut out = match self.ip {
            Ip::V4 { .. } => [&SOURCE[..4], &DESTINATION[..4]].concat(),
            Ip::V6 { .. } => [SOURCE, DESTINATION].concat(),
        };
        out.extend((len as u32).to_be_bytes());
        out.extend([0, 0, 0, self.protocol()]);
        out
    }

    /// Everything in front of the TCP or UDP header.
    fn network(&self, len: usize) -> Vec<u8> {
        let mut out = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        self.tags.iter().for_each(|tag| out.extend(tag));
        match &self.ip {
            Ip::V4 { id, options } => {
                out.extend([0x08, 0x00]);
                let header_len = 20 + options.len();
                let mut header = vec![0x40 + (header_len / 4) as u8, 3];
                header.extend(((header_len + len) as u16).to_be_bytes());
                header.extend(id.to_be_bytes());
                header.extend([0x40, 0, 64, self.protocol(), 0, 0]);
                header.extend([&SOURCE[..4], &DESTINATION[..4], options].concat());
                let sum = !slow_sum(&header);
                header[10..12].copy_from_slice(&sum.to_be_bytes());
                out.extend(header);
            }
            Ip::V6 { extensions } => {
                out.extend([0x86, 0xdd, 0x60, 0, 0, 7]);
                let extended: usize = extensions.iter().map(|(_, body)| 2 + body.len()).sum();
                out.extend(((extended + len) as u16).to_be_bytes());
                let mut numbers: Vec<u8> = extensions.iter().map(|(number, _)| *number).collect();
                numbers.push(self.protocol());
                out.extend([numbers[0], 64]);
                out.extend([SOURCE, DESTINATION].concat());
                for ((_, body), next) in extensions.iter().zip(&numbers[1..]) {
                    out.extend([*next, ((2 + body.len()) / 8 - 1) as u8]);
                    out.extend(body);
                }
            }
        }
        out
    }

    /// As it is on a wire.
    pub(crate) fn finished(&self) -> Vec<u8> {
        let mut segment = self.segment();
        let sum = !slow_sum(&[self.pseudo_header(segment.len()), segment.clone()].concat());
        let at = self.checksum_offset();
        segment[at..at + 2].copy_from_slice(&if sum == 0 { 0xffff } else { sum }.to_be_bytes());
        [self.network(segment.len()), segment].concat()
    }

    /// As a kernel hands it over before it is cut.
    pub(crate) fn super_frame(&self, segment_len: u16) -> (Vec<u8>, Offload) {
        let mut segment = self.segment();
        let at = self.checksum_offset();
        let sum = slow_sum(&self.pseudo_header(segment.len()));
        segment[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        let header_len = segment.len() - self.payload.len();
        let network = self.network(segment.len());
        let gso_type = match (&self.transport, &self.ip) {
            (Kind::Tcp { .. }, Ip::V4 { .. }) => 0x81,
            (Kind::Tcp { .. }, Ip::V6 { .. }) => 4,
            (Kind::Udp, _) => 5,
        };
        let offload = Offload {
            flags: Offload::NEEDS_CHECKSUM,
            gso_type,
            header_len: (network.len() + header_len) as u16,
            segment_len,
            checksum_start: network.len() as u16,
            checksum_offset: at as u16,
        };
        ([network, segment].concat(), offload)
    }

    /// What it becomes.
    pub(crate) fn cut(&self, segment_len: usize) -> Vec<Vec<u8>> {
        let count = self.payload.chunks(segment_len).count();
        let pieces = self.payload.chunks(segment_len).enumerate();
        pieces
            .map(|(at, payload)| {
                let mut packet = Packet { payload: payload.to_vec(), ..self.clone() };
                if let Ip::V4 { id, .. } = &mut packet.ip {
                    *id = id.wrapping_add(at as u16);
                }
                if let Kind::Tcp { sequence, flags, .. } = &mut packet.transport {
                    *sequence = sequence.wrapping_add((at * segment_len) as u32);
                    // FIN and PSH belong to the end, CWR to the beginning.
                    *flags &= if at + 1 < count { !0x09 } else { 0xff };
                    *flags &= if at > 0 { 0x7f } else { 0xff };
                }
                packet.finished()
            })
            .collect()
    }
}
