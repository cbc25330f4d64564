//! Every frame of a world as a pcapng file (draft-ietf-opsawg-pcapng).
//!
//! Each link end has two interfaces: what came in there, and what left it and was lost on the link, or was to leave it and was
//! dropped. A frame that was lost or dropped has a comment that says why. Timestamps are nanoseconds, and the time of day is the scenario's, on 1 January 1970.

use super::cause::loss_comment;
use super::order::end_name;
use crate::LinkLoss;
use crate::pcapng::{CaptureInterface, CaptureInterfaceId, CapturedFrame, Direction, PcapNg, WHOLE_FRAMES};
use greylag_base::{DropReason, Instant};
use greylag_dataplane::drop_comment;
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
    /// Frames of this moment: a switch decides over what has come in at the moment at which it came.
    moment: Instant,
    waiting: Vec<Waiting>,
}

/// A frame that is not written yet.
struct Waiting {
    interface: CaptureInterfaceId,
    direction: Direction,
    octets: Vec<u8>,
    comment: Option<String>,
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
                    description: Some(format!("{here} to {there}, what did not get there")),
                    ..arriving.clone()
                };
                Ok::<_, io::Error>([file.add_interface(&arriving)?, file.add_interface(&lost)?])
            };
            interfaces.push([add(0)?, add(1)?]);
        }
        let (moment, waiting) = (Instant::ZERO, Vec::new());
        Ok(Capture { file, interfaces, start: scenario.start, failure: None, moment, waiting })
    }

    /// A frame came in at a link end.
    pub(crate) fn arrived(&mut self, at: Instant, link: usize, to: usize, frame: &[u8]) {
        let [arriving, _] = self.interfaces[link][to];
        self.take(at, arriving, Direction::Inbound, frame, None);
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
        self.take(at, lost, Direction::Outbound, frame, Some(comment));
    }

    /// A switch has dropped a frame that has just come in at a link end.
    pub(crate) fn dropped(&mut self, (link, end): (usize, usize), frame: &[u8], reason: DropReason) {
        let [arriving, _] = self.interfaces[link][end];
        self.say(|waiting| waiting.interface == arriving, frame, &drop_comment(reason, ""));
    }

    /// A switch has dropped a copy of a frame that was to leave by a port: at the end of a link, or by a bundle, which has none of its own.
    pub(crate) fn copy_dropped(
        &mut self,
        at: Instant,
        place: Option<(usize, usize)>,
        frame: &[u8],
        (port, reason): (&str, DropReason),
    ) {
        let comment = drop_comment(reason, &format!(", the copy for {port}"));
        self.say(|waiting| waiting.direction == Direction::Inbound, frame, &comment);
        if let Some((link, from)) = place {
            let [_, lost] = self.interfaces[link][from];
            self.take(at, lost, Direction::Outbound, frame, Some(comment));
        }
    }

    /// Says something of the first frame of this moment that is like this one, and of which nothing was said.
    fn say(&mut self, may_be: impl Fn(&Waiting) -> bool, frame: &[u8], comment: &str) {
        let mut alike = self.waiting.iter_mut();
        let it =
            alike.find(|waiting| may_be(waiting) && waiting.comment.is_none() && waiting.octets == frame);
        if let Some(it) = it {
            it.comment = Some(comment.to_owned());
        }
    }

    fn take(
        &mut self,
        at: Instant,
        interface: CaptureInterfaceId,
        direction: Direction,
        octets: &[u8],
        comment: Option<String>,
    ) {
        if at != self.moment {
            self.write();
            self.moment = at;
        }
        self.waiting.push(Waiting { interface, direction, octets: octets.to_vec(), comment });
    }

    /// Writes the frames of the moment, which is over.
    fn write(&mut self) {
        let at = self.start + self.moment.since(Instant::ZERO);
        for Waiting { interface, direction, octets, comment } in self.waiting.drain(..) {
            if self.failure.is_some() {
                continue;
            }
            let comment = comment.as_deref();
            let frame = CapturedFrame { at, direction, octets: &octets, length: octets.len(), comment };
            self.failure = self.file.add_frame(interface, &frame).err();
        }
    }

    /// What went wrong with the file, if anything did.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.write();
        match self.failure {
            Some(error) => Err(error),
            None => self.file.flush(),
        }
    }
}
