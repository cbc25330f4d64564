//! Frames in a file that Wireshark reads: pcapng (draft-ietf-opsawg-pcapng), one section, timestamps in nanoseconds.
//!
//! Replays and captures of live switches write theirs alike: an interface has the name of an end and says which way, and what
//! became of a frame is a comment of its packet.

use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::blocks::interface_statistics::{InterfaceStatisticsBlock, InterfaceStatisticsOption};
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use pcap_file::pcapng::{PcapNgBlock, PcapNgWriter};
use pcap_file::{DataLink, Endianness, PcapError};
use std::borrow::Cow;
use std::io::{self, Write};
use std::time::Duration;

/// Longer than any frame.
pub const WHOLE_FRAMES: u32 = 65_535;
/// Ten to the minus ninth.
const NANOSECONDS: u8 = 9;

/// Writes a file, block by block.
pub struct PcapNg<W: Write> {
    writer: PcapNgWriter<W>,
}

/// What an interface of a file is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaptureInterface {
    /// Its name.
    pub name: String,
    /// What else there is to say of it.
    pub description: Option<String>,
    /// Six octets.
    pub mac: Option<Vec<u8>>,
    /// Bits per second.
    pub speed: Option<u64>,
    /// Octets that are kept of a frame.
    pub snap_length: u32,
}

/// An interface of a file, in the order in which they were added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaptureInterfaceId(u32);

/// Which way a frame went: `epb_flags`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// It came in.
    Inbound,
    /// It went out.
    Outbound,
}

impl Direction {
    const fn flags(self) -> u32 {
        match self {
            Direction::Inbound => 1,
            Direction::Outbound => 2,
        }
    }
}

/// A frame of a file.
#[derive(Clone, Copy, Debug)]
pub struct CapturedFrame<'a> {
    /// When, from the start of 1970.
    pub at: Duration,
    /// Which way.
    pub direction: Direction,
    /// What is kept of it.
    pub octets: &'a [u8],
    /// How long it was.
    pub length: usize,
    /// What is to be said of it.
    pub comment: Option<&'a str>,
}

impl<W: Write> PcapNg<W> {
    /// Begins a file. It says which program wrote it, and what about.
    ///
    /// # Errors
    /// When it cannot be written, as for all that follows.
    pub fn new(out: W, program: &str, title: &str) -> io::Result<Self> {
        let section = SectionHeaderBlock {
            endianness: Endianness::Little,
            options: vec![
                SectionHeaderOption::UserApplication(Cow::Borrowed(program)),
                SectionHeaderOption::Comment(Cow::Borrowed(title)),
            ],
            ..SectionHeaderBlock::default()
        };
        let section = section.into_owned();
        Ok(PcapNg { writer: PcapNgWriter::with_section_header(out, section).map_err(io_error)? })
    }

    /// Adds an interface.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add_interface(&mut self, interface: &CaptureInterface) -> io::Result<CaptureInterfaceId> {
        let CaptureInterface { name, description, mac, speed, snap_length } = interface;
        let mut options = vec![InterfaceDescriptionOption::IfName(Cow::Borrowed(name))];
        let described = description.as_deref().map(Cow::Borrowed);
        options.extend(described.map(InterfaceDescriptionOption::IfDescription));
        options.push(InterfaceDescriptionOption::IfTsResol(NANOSECONDS));
        let mac = mac.as_deref().map(Cow::Borrowed);
        options.extend(mac.map(InterfaceDescriptionOption::IfMacAddr));
        options.extend(speed.map(InterfaceDescriptionOption::IfSpeed));
        let block =
            InterfaceDescriptionBlock { linktype: DataLink::ETHERNET, snaplen: *snap_length, options };
        let id = CaptureInterfaceId(self.writer.interfaces().len() as u32);
        self.write(block)?;
        Ok(id)
    }

    /// Adds a frame.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add_frame(&mut self, interface: CaptureInterfaceId, frame: &CapturedFrame<'_>) -> io::Result<()> {
        let mut options = Vec::new();
        options.extend(frame.comment.map(|comment| EnhancedPacketOption::Comment(Cow::Borrowed(comment))));
        options.push(EnhancedPacketOption::Flags(frame.direction.flags()));
        self.write(EnhancedPacketBlock {
            interface_id: interface.0,
            timestamp: frame.at,
            original_len: frame.length as u32,
            data: Cow::Borrowed(frame.octets),
            options,
        })
    }

    /// Says how many frames an interface had, and how many more there were and are not in the file, for want of room.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add_statistics(
        &mut self,
        interface: CaptureInterfaceId,
        at: Duration,
        (kept, lost): (u64, u64),
    ) -> io::Result<()> {
        // The upper half of this timestamp comes first, whatever the order of octets in each half; the crate writes one number.
        let timestamp = (at.as_nanos() as u64).rotate_left(32);
        let options = vec![
            InterfaceStatisticsOption::IsbIfRecv(kept + lost),
            InterfaceStatisticsOption::IsbIfDrop(lost),
        ];
        self.write(InterfaceStatisticsBlock { interface_id: interface.0, timestamp, options })
    }

    /// Hands on what was written so far.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.writer.get_mut().flush()
    }

    fn write<'b>(&mut self, block: impl PcapNgBlock<'b>) -> io::Result<()> {
        self.writer.write_block(&block.into_block()).map(drop).map_err(io_error)
    }
}

fn io_error(error: PcapError) -> io::Error {
    match error {
        PcapError::IoError(error) => error,
        error => io::Error::other(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pcap_file::pcapng::{Block, PcapNgReader};

    #[test]
    fn what_is_written_is_what_a_reader_finds() {
        let mut file = PcapNg::new(Vec::new(), "greylag", "a test").unwrap();
        let interface = CaptureInterface {
            name: "sw1:eth1 in".to_owned(),
            mac: Some(vec![2, 0, 0, 0, 0, 1]),
            snap_length: 4,
            ..CaptureInterface::default()
        };
        let first = file.add_interface(&interface).unwrap();
        let second =
            file.add_interface(&CaptureInterface { name: "sw1:eth1 out".into(), ..interface }).unwrap();
        assert_ne!(first, second);
        let at = Duration::new(1_700_000_000, 123_456_789);
        let frame = CapturedFrame {
            at,
            direction: Direction::Outbound,
            octets: &[1, 2, 3, 4],
            length: 60,
            comment: Some("egress-queue-full: not taken"),
        };
        file.add_frame(second, &frame).unwrap();
        file.add_statistics(second, at, (1, 7)).unwrap();
        file.flush().unwrap();
        let octets = file.writer.into_inner();

        let mut reader = PcapNgReader::new(&octets[..]).unwrap();
        let mut blocks = Vec::new();
        while let Some(block) = reader.next_block() {
            blocks.push(block.unwrap().into_owned());
        }
        let [
            Block::InterfaceDescription(_),
            Block::InterfaceDescription(out),
            Block::EnhancedPacket(packet),
            Block::InterfaceStatistics(statistics),
        ] = &blocks[..]
        else {
            panic!("{blocks:?}")
        };
        assert!(out.options.contains(&InterfaceDescriptionOption::IfName("sw1:eth1 out".into())), "{out:?}");
        assert_eq!((packet.interface_id, packet.timestamp, packet.original_len), (1, at, 60));
        assert_eq!(packet.data[..], [1, 2, 3, 4]);
        let comment = EnhancedPacketOption::Comment("egress-queue-full: not taken".into());
        assert_eq!(packet.options, [comment, EnhancedPacketOption::Flags(2)]);
        assert_eq!(statistics.timestamp.rotate_left(32), at.as_nanos() as u64);
        let counts = [InterfaceStatisticsOption::IsbIfRecv(8), InterfaceStatisticsOption::IsbIfDrop(7)];
        assert_eq!(statistics.options, counts);
    }
}
