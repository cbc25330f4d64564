//! Every frame of a world as a pcapng file (draft-ietf-opsawg-pcapng).
//!
//! Each link end has two interfaces: what came in there, and what left it and was lost on the link. A lost frame
//! has a comment that says why. Timestamps are nanoseconds, and the time of day is the scenario's, on 1 January 1970.

use super::cause::loss_comment;
use super::order::end_name;
use crate::LinkLoss;
use crate::pcapng::{CaptureInterface, CaptureInterfaceId, CapturedFrame, Direction, PcapNg, WHOLE_FRAMES};
use greylag_base::Instant;
use greylag_scenario::story::Scenario;
use std::io::{self, Write};
use std::time::Duration;

/// Writes frames to a file.
pub(crate) struct Capture<'a> {
    file: PcapNg<&'a mut dyn Write>,
    /// By link and end: what comes in there, and what is lost from there.
    interfaces: Vec<[[CaptureInterfaceId; 2]; 2]>,
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
        let mut file = PcapNg::new(out, "greylag replay", &title)?;
        let lab = &scenario.lab;
        let mut interfaces = Vec::new();
        for (index, link) in lab.links.iter().enumerate() {
            let mut add = |end: usize| {
                let (here, there) = (end_name(lab, index, end), end_name(lab, index, 1 - end));
                let arriving = CaptureInterface {
                    name: format!("{here} in"),
                    description: Some(format!("{here} from {there}")),
                    mac: link.ends[end].mac.map(|mac| mac.0.to_vec()),
                    speed: scenario.links.get(index).map(|settings| settings.rate),
                    snap_length: WHOLE_FRAMES,
                };
                let lost = CaptureInterface {
                    name: format!("{here} lost"),
                    description: Some(format!("{here} to {there}, what was lost on the way")),
                    ..arriving.clone()
                };
                Ok::<_, io::Error>([file.add_interface(&arriving)?, file.add_interface(&lost)?])
            };
            interfaces.push([add(0)?, add(1)?]);
        }
        Ok(Capture { file, interfaces, start: scenario.start, failure: None })
    }

    /// A frame came in at a link end.
    pub(crate) fn arrived(&mut self, at: Instant, link: usize, to: usize, frame: &[u8]) {
        let [arriving, _] = self.interfaces[link][to];
        self.write(at, arriving, Direction::Inbound, frame, None);
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
        let comment = loss_comment(lab, link, from, why);
        let [_, lost] = self.interfaces[link][from];
        self.write(at, lost, Direction::Outbound, frame, Some(&comment));
    }

    fn write(
        &mut self,
        at: Instant,
        interface: CaptureInterfaceId,
        direction: Direction,
        octets: &[u8],
        comment: Option<&str>,
    ) {
        if self.failure.is_some() {
            return;
        }
        let at = self.start + at.since(Instant::ZERO);
        let frame = CapturedFrame { at, direction, octets, length: octets.len(), comment };
        self.failure = self.file.add_frame(interface, &frame).err();
    }

    /// What went wrong with the file, if anything did.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        match self.failure {
            Some(error) => Err(error),
            None => self.file.flush(),
        }
    }
}
