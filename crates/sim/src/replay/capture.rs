//! Every frame of a world as a pcapng file (draft-ietf-opsawg-pcapng).
//!
//! Each link end has two interfaces: what came in there, and what left it and was lost on the link. A lost frame
//! has a comment that says why. Timestamps are nanoseconds, and the time of day is the scenario's, on 1 January 1970.

use super::cause::loss_comment;
use super::order::end_name;
use crate::LinkLoss;
use greylag_base::Instant;
use greylag_scenario::story::Scenario;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use pcap_file::pcapng::{PcapNgBlock, PcapNgWriter};
use pcap_file::{DataLink, Endianness, PcapError};
use std::borrow::Cow;
use std::io::{self, Write};
use std::time::Duration;

/// Longer than any frame.
const SNAP_LENGTH: u32 = 65_535;
/// Ten to the minus ninth.
const NANOSECONDS: u8 = 9;
/// `epb_flags`: the frame came in, or went out.
const INBOUND: u32 = 1;
const OUTBOUND: u32 = 2;

/// Writes frames to a file.
pub(crate) struct Capture<'a> {
    writer: PcapNgWriter<&'a mut dyn Write>,
    start: Duration,
    failure: Option<io::Error>,
}

impl<'a> Capture<'a> {
    /// Begins the file with its interfaces.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn new(scenario: &Scenario, out: &'a mut dyn Write) -> io::Result<Self> {
        let title = format!("{}: {}", scenario.name, scenario.title);
        let section = SectionHeaderBlock {
            endianness: Endianness::Little,
            options: vec![
                SectionHeaderOption::UserApplication(Cow::Borrowed("greylag replay")),
                SectionHeaderOption::Comment(Cow::Owned(title)),
            ],
            ..SectionHeaderBlock::default()
        };
        let writer = PcapNgWriter::with_section_header(out, section).map_err(io_error)?;
        let mut capture = Capture { writer, start: scenario.start, failure: None };
        let lab = &scenario.lab;
        for (index, link) in lab.links.iter().enumerate() {
            for end in 0..2 {
                let (here, there) = (end_name(lab, index, end), end_name(lab, index, 1 - end));
                let mac = link.ends[end].mac.map(|mac| mac.0.to_vec());
                let speed = scenario.links.get(index).map(|settings| settings.rate);
                capture.add_interface(
                    &format!("{here} in"),
                    &format!("{here} from {there}"),
                    mac.clone(),
                    speed,
                )?;
                let lost = format!("{here} to {there}, what was lost on the way");
                capture.add_interface(&format!("{here} lost"), &lost, mac, speed)?;
            }
        }
        Ok(capture)
    }

    fn add_interface(
        &mut self,
        name: &str,
        description: &str,
        mac: Option<Vec<u8>>,
        speed: Option<u64>,
    ) -> io::Result<()> {
        let mut options = vec![
            InterfaceDescriptionOption::IfName(Cow::Borrowed(name)),
            InterfaceDescriptionOption::IfDescription(Cow::Borrowed(description)),
            InterfaceDescriptionOption::IfTsResol(NANOSECONDS),
        ];
        options.extend(mac.map(|mac| InterfaceDescriptionOption::IfMacAddr(Cow::Owned(mac))));
        options.extend(speed.map(InterfaceDescriptionOption::IfSpeed));
        let block = InterfaceDescriptionBlock { linktype: DataLink::ETHERNET, snaplen: SNAP_LENGTH, options };
        self.writer.write_block(&block.into_block()).map(|_| ()).map_err(io_error)
    }

    /// A frame came in at a link end.
    pub(crate) fn arrived(&mut self, at: Instant, link: usize, to: usize, frame: &[u8]) {
        let options = vec![EnhancedPacketOption::Flags(INBOUND)];
        self.write(at, interface(link, to), frame, options);
    }

    /// A frame that left a link end was lost.
    pub(crate) fn perished(
        &mut self,
        at: Instant,
        (link, from): (usize, usize),
        frame: &[u8],
        why: LinkLoss,
        lab: &greylag_scenario::lab::Lab,
    ) {
        let comment = Cow::Owned(loss_comment(lab, link, from, why));
        let options = vec![EnhancedPacketOption::Comment(comment), EnhancedPacketOption::Flags(OUTBOUND)];
        self.write(at, interface(link, from) + 1, frame, options);
    }

    fn write(&mut self, at: Instant, interface: u32, frame: &[u8], options: Vec<EnhancedPacketOption<'_>>) {
        if self.failure.is_some() {
            return;
        }
        let block = EnhancedPacketBlock {
            interface_id: interface,
            timestamp: self.start + at.since(Instant::ZERO),
            original_len: frame.len() as u32,
            data: Cow::Borrowed(frame),
            options,
        };
        self.failure = self.writer.write_block(&block.into_block()).err().map(io_error);
    }

    /// What went wrong with the file, if anything did.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self.failure {
            Some(error) => Err(error),
            None => self.writer.into_inner().flush(),
        }
    }
}

/// What comes in at a link end; what is lost from there is the next one.
fn interface(link: usize, end: usize) -> u32 {
    (link as u32 * 2 + end as u32) * 2
}

fn io_error(error: PcapError) -> io::Error {
    match error {
        PcapError::IoError(error) => error,
        error => io::Error::other(error),
    }
}
