//! `greylag capture`: frames that pass running switches, in a file for Wireshark.

use crate::arguments::CaptureArguments;
use crate::lab::interrupt;
use crate::outcome::{Failure, Outcome};
use crate::show;
use greylag_lab::answer::{CaptureLoss, CapturedCopy, CapturedSwitch};
use greylag_lab::capture::{Capture, CaptureRequest};
use greylag_lab::filter::Filter;
use greylag_lab::follow::has_no_reader;
use greylag_sim::pcapng::{CaptureInterface, CaptureInterfaceId, CapturedFrame, Direction, PcapNg};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often it looks up from listening.
const LOOK_UP: Duration = Duration::from_millis(50);

/// Switches are waited for so long, in nanoseconds, to tell what they saw before the end.
const PATIENCE: u64 = 1_000_000_000;

pub(crate) fn capture(arguments: &CaptureArguments) -> Outcome {
    let filter = arguments.filter.join(" ");
    // What is wrong with its words is told where they were typed.
    filter
        .parse::<Filter>()
        .map_err(|wrong| Failure::Usage(format!("{wrong}\n  {filter}\n  {:>1$}", "^", wrong.at)))?;
    let sockets = sockets(&arguments.switches)?;
    let is_piped = arguments.write == Path::new("-");
    if is_piped && io::stdout().is_terminal() {
        return Err(Failure::Usage("a capture is nothing to read: expected a file, or a pipe".to_owned()));
    }
    let interrupted = interrupt()?;
    let snap_length = arguments.snaplen;
    let request = CaptureRequest { filter, port: arguments.port.clone(), snap_length: snap_length.into() };
    let (capture, switches) = Capture::begin(&sockets, &request).map_err(|error| {
        let named = arguments.switches.get(error.switch).filter(|_| sockets.len() > 1);
        Failure::Failed(named.map_or(error.to_string(), |name| format!("{name}: {error}")))
    })?;
    // Only now, so that nothing is lost of an older file where there is nothing to capture.
    let unwritable =
        |error: io::Error| Failure::Failed(format!("cannot write {}: {error}", arguments.write.display()));
    let out: Box<dyn Write> = match is_piped {
        true => Box::new(io::stdout()),
        false => Box::new(File::create(&arguments.write).map_err(unwritable)?),
    };
    let names = named(&arguments.switches, &switches);
    eprintln!("greylag: captures at {}, until interrupted", names.join(", "));
    let mut recorder =
        Recorder { capture, written: 0, most: arguments.count.map_or(u64::MAX, Into::into), is_piped };
    let end = arguments.seconds.map(|seconds| Capture::now() + u64::from(seconds) * 1_000_000_000);
    match recorder.record(out, (names, &switches, snap_length), end, &interrupted) {
        // Nobody reads it any more: as good an end as any.
        Err(error) if is_piped && error.kind() == ErrorKind::BrokenPipe => {}
        recorded => recorded.map_err(unwritable)?,
    }
    let lost: u64 =
        (0..switches.len()).flat_map(|switch| recorder.capture.lost(switch)).map(CaptureLoss::sum).sum();
    eprintln!("greylag: {} frames, {lost} lost for want of room", recorder.written);
    Ok(())
}

fn sockets(switches: &[String]) -> Result<Vec<PathBuf>, Failure> {
    if switches.is_empty() {
        return Ok(vec![show::only_socket()?]);
    }
    let sockets =
        switches.iter().map(|switch| show::socket_of(switch)).collect::<Result<Vec<_>, Failure>>()?;
    match sockets.iter().collect::<BTreeSet<_>>().len() == sockets.len() {
        true => Ok(sockets),
        false => Err(Failure::Usage("a switch is named twice: expected each once".to_owned())),
    }
}

/// What the switches are called in the file: as they were asked for, where that is a name.
fn named(asked: &[String], switches: &[CapturedSwitch]) -> Vec<String> {
    let asked = asked.iter().filter(|name| !name.contains('/')).collect::<Vec<_>>();
    match asked.len() == switches.len() {
        true => asked.into_iter().cloned().collect(),
        false => switches.iter().map(|switch| switch.name.clone()).collect(),
    }
}

/// What is heard, on its way to the file.
struct Recorder {
    capture: Capture,
    written: u64,
    /// Frames that are written at the most.
    most: u64,
    is_piped: bool,
}

impl Recorder {
    /// Writes the whole file.
    fn record(
        &mut self,
        out: Box<dyn Write>,
        (names, switches, snap_length): (Vec<String>, &[CapturedSwitch], u16),
        end: Option<u64>,
        interrupted: &AtomicBool,
    ) -> io::Result<()> {
        let mut file = CaptureFile::new(out, names, switches, snap_length)?;
        let mut last = None;
        loop {
            let anybody_runs = self.capture.hear(LOOK_UP);
            for switch in self.capture.take_ended() {
                eprintln!("greylag: {} has ended", file.names[switch]);
            }
            self.write(&mut file, end.unwrap_or(u64::MAX), Capture::next_complete)?;
            file.file.flush()?;
            let is_unread = self.is_piped && has_no_reader(io::stdout());
            if self.written == self.most || !anybody_runs || is_unread {
                break;
            }
            let now = Capture::now();
            if interrupted.load(Ordering::Relaxed) || end.is_some_and(|end| now >= end) {
                // What was seen until then is still to be told.
                let last = *last.get_or_insert(end.map_or(now, |end| end.min(now)));
                if self.capture.is_complete(last) || now > last + PATIENCE {
                    break;
                }
            }
        }
        self.write(&mut file, last.unwrap_or(u64::MAX), Capture::next_remaining)?;
        file.conclude(&self.capture)
    }

    /// Writes what is there, up to a moment.
    fn write(
        &mut self,
        file: &mut CaptureFile,
        end: u64,
        next: impl Fn(&mut Capture) -> Option<(usize, CapturedCopy)>,
    ) -> io::Result<()> {
        while self.written < self.most
            && let Some((switch, copy)) = next(&mut self.capture)
        {
            if copy.at <= end {
                file.add(switch, &copy, self.capture.time_of_day(copy.at))?;
                self.written += 1;
            }
        }
        Ok(())
    }
}

/// A file with an interface for each port and each way.
struct CaptureFile {
    file: PcapNg<BufWriter<Box<dyn Write>>>,
    /// What the switches are called.
    names: Vec<String>,
    /// By switch and port: what comes in there and what leaves, and how many frames of it were written.
    interfaces: BTreeMap<(usize, String), [(CaptureInterfaceId, u64); 2]>,
    snap_length: u16,
}

impl CaptureFile {
    fn new(
        out: Box<dyn Write>,
        names: Vec<String>,
        switches: &[CapturedSwitch],
        snap_length: u16,
    ) -> io::Result<Self> {
        let title = format!("what came in and left at {}", names.join(", "));
        let file = PcapNg::new(BufWriter::new(out), "greylag capture", &title)?;
        let mut file = CaptureFile { file, names, interfaces: BTreeMap::new(), snap_length };
        for (index, switch) in switches.iter().enumerate() {
            for port in &switch.ports {
                file.port(index, port)?;
            }
        }
        file.file.flush()?;
        Ok(file)
    }

    /// The interfaces of a port, which a commit may just have made.
    fn port(&mut self, switch: usize, port: &str) -> io::Result<&mut [(CaptureInterfaceId, u64); 2]> {
        match self.interfaces.entry((switch, port.to_owned())) {
            Entry::Occupied(there) => Ok(there.into_mut()),
            Entry::Vacant(place) => {
                let mut add = |way| {
                    let interface = CaptureInterface {
                        name: format!("{}:{port} {way}", self.names[switch]),
                        snap_length: self.snap_length.into(),
                        ..CaptureInterface::default()
                    };
                    self.file.add_interface(&interface).map(|id| (id, 0))
                };
                Ok(place.insert([add("in")?, add("out")?]))
            }
        }
    }

    fn add(&mut self, switch: usize, copy: &CapturedCopy, at: Duration) -> io::Result<()> {
        let (id, count) = &mut self.port(switch, &copy.port)?[usize::from(copy.leaves)];
        *count += 1;
        let id = *id;
        let frame = CapturedFrame {
            at,
            direction: if copy.leaves { Direction::Outbound } else { Direction::Inbound },
            octets: &copy.frame.0,
            length: copy.length,
            comment: copy.comment.as_deref(),
        };
        self.file.add_frame(id, &frame)
    }

    /// Says of each interface how many frames are there, and how many are not.
    fn conclude(mut self, capture: &Capture) -> io::Result<()> {
        let at = capture.time_of_day(Capture::now());
        for ((switch, port), ways) in &self.interfaces {
            let lost = capture.lost(*switch).iter().find(|lost| lost.port == *port);
            let lost = lost.map_or([0, 0], |lost| [lost.came, lost.left]);
            for (&(id, count), lost) in ways.iter().zip(lost) {
                self.file.add_statistics(id, at, (count, lost))?;
            }
        }
        self.file.flush()
    }
}
