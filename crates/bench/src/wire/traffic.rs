//! What is sent: sizes, addresses, flows, and the stamp in each frame.

use crate::Words;
use greylag_base::MacAddr;
use greylag_ports::{BATCH_FRAMES, Batch, Offload, Tagging};
use greylag_wire::checksum;
use greylag_wire::ethernet::{ADDRESSES_LEN, EtherType, Repr};
use std::time::Instant;

/// The frame check sequence, which no frame of a port has and every size of RFC 2544 counts.
pub(crate) const FCS: usize = 4;
/// The sizes of RFC 2544 9.1 for Ethernet, and jumbo frames, in octets with the check sequence.
pub const RFC_SIZES: [usize; 8] = [64, 128, 256, 512, 1024, 1280, 1518, 9018];
/// The simple mix of the Internet: 7 to 4 to 1 (RFC 6985 has the words; the numbers are everybody's), in an order that spreads them.
const IMIX: [usize; 12] = [64, 594, 64, 64, 1518, 594, 64, 64, 594, 64, 594, 64];
/// What filler frames say of themselves: IEEE 802's second type for local experiments.
pub(crate) const FILLER: EtherType = EtherType(0x88b6);
/// The same of frames that are listened to.
pub(crate) const PROBE: EtherType = EtherType::LOCAL_EXPERIMENT;
/// The last octets of a frame: a number, and when it was sent.
pub(crate) const STAMP_LEN: usize = 16;
/// Ethernet, IPv4 and UDP.
const UDP_PAYLOAD: usize = 14 + 20 + 8;

/// How long frames are, in octets with the check sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameSize {
    /// All alike.
    Fixed(usize),
    /// The mix of the Internet.
    Imix,
}

impl FrameSize {
    /// The name on the command line and in reports.
    pub fn name(self) -> String {
        match self {
            FrameSize::Fixed(octets) => octets.to_string(),
            FrameSize::Imix => "imix".to_owned(),
        }
    }

    /// Reads a name.
    pub fn parse(text: &str) -> Result<FrameSize, String> {
        match text.parse() {
            Ok(octets @ 64..=9018) => Ok(FrameSize::Fixed(octets)),
            _ if text == "imix" => Ok(FrameSize::Imix),
            _ => Err("expected octets from 64 to 9018, the check sequence included, or imix".to_owned()),
        }
    }

    /// Octets of the longest.
    pub fn longest(self) -> usize {
        match self {
            FrameSize::Fixed(octets) => octets,
            FrameSize::Imix => IMIX.into_iter().max().unwrap_or_default(),
        }
    }

    /// Octets of a frame, on average.
    pub fn mean(self) -> f64 {
        match self {
            FrameSize::Fixed(octets) => octets as f64,
            FrameSize::Imix => IMIX.iter().sum::<usize>() as f64 / IMIX.len() as f64,
        }
    }

    /// Octets of frame number `index`.
    fn of(self, index: usize) -> usize {
        match self {
            FrameSize::Fixed(octets) => octets,
            FrameSize::Imix => IMIX[index % IMIX.len()],
        }
    }

    /// Frames of a batch, so that a mix comes out even.
    fn in_batch(self) -> usize {
        match self {
            FrameSize::Fixed(_) => BATCH_FRAMES,
            FrameSize::Imix => BATCH_FRAMES / IMIX.len() * IMIX.len(),
        }
    }
}

/// In which order addresses come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// One after the other.
    Sequential,
    /// In an order that no cache foresees; each of them once in a round.
    Random,
}

impl Pattern {
    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Pattern::Sequential => "sequential",
            Pattern::Random => "random",
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Result<Pattern, String> {
        match name {
            "sequential" => Ok(Pattern::Sequential),
            "random" => Ok(Pattern::Random),
            _ => Err("expected sequential or random".to_owned()),
        }
    }
}

/// Traffic from the stations behind one port to those behind others.
#[derive(Clone, Debug)]
pub(crate) struct Traffic {
    pub(crate) size: FrameSize,
    /// UDP flows that the frames are of; none for frames without IP.
    pub(crate) flows: u16,
    /// Who sends, frame by frame.
    pub(crate) sources: Vec<MacAddr>,
    /// To whom, frame by frame.
    pub(crate) destinations: Vec<MacAddr>,
}

/// Address number `station` behind a port. The order of the numbers has nothing to do with that of the addresses for those who hash.
pub(crate) fn address(port: usize, station: usize) -> MacAddr {
    MacAddr::from_bits(0x0200_0000_0000 | (port as u64) << 32 | station as u64)
}

/// Addresses of the first `count` stations behind a port, in a pattern. Ports have patterns of their own.
pub(crate) fn addresses(port: usize, count: usize, pattern: Pattern, seed: u64) -> Vec<MacAddr> {
    let mut all: Vec<MacAddr> = (0..count).map(|station| address(port, station)).collect();
    if pattern == Pattern::Random {
        Words(seed ^ port as u64).shuffle(&mut all);
    }
    all
}

/// Frames for a port to send, made anew in place batch by batch.
pub(crate) struct Magazine {
    batch: Batch,
    traffic: Traffic,
    next: usize,
    number: u64,
    since: Instant,
    is_stamped: bool,
    /// Every so many frames one is a probe; never for 0.
    probe_every: u64,
}

impl Magazine {
    pub(crate) fn new(traffic: Traffic, since: Instant) -> Magazine {
        let mut batch = Batch::new();
        for index in 0..traffic.size.in_batch() {
            let len = traffic.size.of(index) - FCS;
            batch.push(&blank(len, traffic.flows));
            // A frame without anything left to do.
            debug_assert_eq!(
                (batch.offload(index), batch.tagging(index)),
                (Offload::NONE, Tagging::Untagged)
            );
        }
        Magazine { batch, traffic, next: 0, number: 0, since, is_stamped: false, probe_every: 0 }
    }

    /// Writes number and time into every frame, and makes every so many frames a probe.
    pub(crate) fn with_probes(mut self, every: u64) -> Magazine {
        (self.is_stamped, self.probe_every) = (true, every);
        self
    }

    /// Frames that a batch has.
    pub(crate) fn len(&self) -> usize {
        self.batch.len()
    }

    /// Gives the first `count` frames of the batch their next addresses, and their stamps where they have such.
    pub(crate) fn load(&mut self, count: usize) -> &Batch {
        let now = if self.is_stamped { self.since.elapsed().as_nanos() as u64 } else { 0 };
        for index in 0..count {
            let destination = self.traffic.destinations[self.next % self.traffic.destinations.len()];
            let source = self.traffic.sources[self.next % self.traffic.sources.len()];
            let frame = self.batch.bytes_mut(index);
            frame[..6].copy_from_slice(&destination.0);
            frame[6..ADDRESSES_LEN].copy_from_slice(&source.0);
            if self.traffic.flows > 0 {
                let flow = (self.next % usize::from(self.traffic.flows)) as u16;
                frame[34..36].copy_from_slice(&(1024 + flow).to_be_bytes());
            }
            if self.is_stamped {
                let is_probe = self.probe_every > 0 && self.number.is_multiple_of(self.probe_every);
                let kind = if is_probe { PROBE } else { FILLER };
                frame[12..14].copy_from_slice(&kind.0.to_be_bytes());
                let stamp = frame.len() - STAMP_LEN;
                frame[stamp..stamp + 8].copy_from_slice(&self.number.to_be_bytes());
                frame[stamp + 8..].copy_from_slice(&now.to_be_bytes());
            }
            self.next = self.next.wrapping_add(1);
            self.number += 1;
        }
        &self.batch
    }
}

/// Number and time of a frame that came back.
pub(crate) fn stamp(frame: &[u8]) -> Option<(u64, u64)> {
    let (rest, time) = frame.split_last_chunk::<8>()?;
    let (_, number) = rest.split_last_chunk::<8>()?;
    Some((u64::from_be_bytes(*number), u64::from_be_bytes(*time)))
}

/// A frame without addresses.
fn blank(len: usize, flows: u16) -> Vec<u8> {
    let nobody = MacAddr([0; 6]);
    let header = |ether_type| Repr { destination: nobody, source: nobody, ether_type };
    let mut frame = if flows == 0 { header(FILLER).frame(&[]) } else { udp(len, header(EtherType::IPV4)) };
    frame.resize(len, 0);
    frame
}

/// A UDP packet to port 4739 of another network, without a checksum.
fn udp(len: usize, header: Repr) -> Vec<u8> {
    let length = |from: usize| ((len - from) as u16).to_be_bytes();
    let mut packet = vec![0x45, 0];
    packet.extend(length(14));
    packet.extend([0, 0, 0x40, 0, 64, 17, 0, 0]);
    // TEST-NET-2 of RFC 5737 is for documents; 198.18.0.0/15 of RFC 2544 C.2.2 is for this.
    packet.extend([198, 18, 0, 1, 198, 19, 0, 1]);
    let checksum = !checksum::sum(&packet);
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    packet.extend([0x04, 0x00, 0x12, 0x83]);
    packet.extend(length(34));
    packet.extend([0, 0]);
    debug_assert_eq!(packet.len() + 14, UDP_PAYLOAD);
    header.frame(&packet)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traffic(size: FrameSize, flows: u16) -> Traffic {
        let (sources, destinations) = (vec![address(0, 1)], vec![address(1, 1), address(1, 2)]);
        Traffic { size, flows, sources, destinations }
    }

    #[test]
    fn a_mix_has_seven_small_frames_to_four_and_one() {
        let magazine = Magazine::new(traffic(FrameSize::Imix, 0), Instant::now());
        let count = |len: usize| {
            (0..magazine.len()).filter(|&index| magazine.batch.bytes(index).len() == len - FCS).count()
        };
        assert_eq!((count(64), count(594), count(1518)), (7 * 5, 4 * 5, 5));
        assert!((FrameSize::Imix.mean() - 361.83).abs() < 0.01);
    }

    #[test]
    fn addresses_flows_and_stamps_go_round() {
        let mut magazine = Magazine::new(traffic(FrameSize::Fixed(64), 3), Instant::now());
        let batch = magazine.load(4);
        assert_eq!(batch.bytes(0).len(), 60);
        assert_eq!(batch.bytes(0)[..6], address(1, 1).0);
        assert_eq!(batch.bytes(1)[..6], address(1, 2).0);
        assert_eq!((batch.bytes(0)[35], batch.bytes(2)[35], batch.bytes(3)[35]), (0, 2, 0));
        assert_eq!(checksum::sum(&batch.bytes(0)[14..34]), 0xffff, "the IP header is sound");
        let mut stamped = Magazine::new(traffic(FrameSize::Fixed(64), 0), Instant::now()).with_probes(2);
        let batch = stamped.load(3);
        let numbers: Vec<u64> = (0..3).map(|index| stamp(batch.bytes(index)).unwrap().0).collect();
        assert_eq!(numbers, [0, 1, 2]);
        assert_eq!(batch.bytes(0)[12..14], [0x88, 0xb5]);
        assert_eq!(batch.bytes(1)[12..14], [0x88, 0xb6]);
    }

    #[test]
    fn a_random_pattern_has_every_address_once() {
        let mut random = addresses(1, 1000, Pattern::Random, 3);
        assert_ne!(random, addresses(1, 1000, Pattern::Sequential, 3));
        random.sort_unstable();
        assert_eq!(random, addresses(1, 1000, Pattern::Sequential, 3));
    }

    #[test]
    fn sizes_read_as_they_are_written() {
        for size in RFC_SIZES.map(FrameSize::Fixed).into_iter().chain([FrameSize::Imix]) {
            assert_eq!(FrameSize::parse(&size.name()), Ok(size));
        }
        for wrong in ["63", "9019", "", "mix"] {
            assert!(FrameSize::parse(wrong).is_err(), "{wrong}");
        }
    }
}
