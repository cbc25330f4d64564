//! A whole switch, measured from outside: frames into one port, frames out of another, in namespaces of its own.
//!
//! # How it is measured
//!
//! - The generator has a thread and a core of its own; the device under test has the other cores. What the kernel does for a
//!   frame it does on the core of whoever sent it last, so the bridge of the kernel runs on the generator's.
//! - Frames that come out are counted by the kernel at the interface of the station that they are for. No receiver has to keep
//!   up. Latency alone needs one: a share of the frames bears an EtherType that a socket listens for.
//! - What counts as rate is what has come out by the time the last frame was sent; what counts as loss is what has not come out
//!   once no more does.
//! - Devices take turns within each run, so that a ratio compares what the same minute did to both. What generator and bare loops over the
//!   same ports can do is measured with them.

mod bed;
mod dut;
mod generator;
mod ground;
mod idle;
mod latency;
mod measure;
mod overload;
mod partner;
mod plot;
mod report;
mod rfc2544;
mod rfc2889;
mod search;
mod soak;
mod streams;
mod traffic;
mod trial;
mod words;

pub use bed::PortKind;
pub use dut::Dut;
pub use ground::remove_leftovers;
pub use measure::Measure;
pub use report::{Missing, WireFigure, WireReport};
pub use traffic::{FrameSize, Pattern, RFC_SIZES};

use crate::cores;
use crate::machine::Machine;
use bed::Bed;
use dut::Setting;
use greylag_lab::client::ClientError;
use greylag_lab::link::LinkError;
use greylag_lab::netns::NetnsError;
use greylag_lab::stack::StackError;
use greylag_ports::OpenError;
use measure::Shape;
use partner::Partner;
use report::Ledger;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use trial::{Manner, Range};

/// What to measure, on what, and how thoroughly.
#[derive(Clone, Debug)]
pub struct WirePlan {
    /// Devices under test; ratios are over the first.
    pub duts: Vec<Dut>,
    /// What their ports are.
    pub ports: Vec<PortKind>,
    /// What is measured.
    pub measures: Vec<Measure>,
    /// Sizes of frames.
    pub sizes: Vec<FrameSize>,
    /// Stations on each side.
    pub macs: Vec<usize>,
    /// In which order their addresses come.
    pub pattern: Pattern,
    /// UDP flows; 0 for frames without IP.
    pub flows: u16,
    /// Frames that follow each other without a pause.
    pub burst: usize,
    /// Frames per second that are offered; as many as the generator can without one.
    pub rate: Option<f64>,
    /// How long a trial is.
    pub trial: Duration,
    /// Runs of which the median counts; at least one.
    pub runs: usize,
    /// Ports of the mesh and of broadcasts.
    pub mesh_ports: usize,
    /// The largest address table that is looked for.
    pub most_addresses: u64,
    /// Intervals of BFD that are tried one after the other.
    pub bfd_intervals: Vec<Duration>,
    /// This program, for `greylag run`.
    pub program: PathBuf,
    /// Interfaces of this namespace, for an external device.
    pub interfaces: Vec<String>,
}

/// Why something could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// A namespace.
    #[error(transparent)]
    Netns(#[from] NetnsError),
    /// An interface.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// What the kernel's own stack does in a namespace.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// A port of generator or bare loop.
    #[error(transparent)]
    Port(#[from] OpenError),
    /// A device, or a program that it is set up with, has ended when it should not, or does not do what it should.
    #[error("{program} did not do what it was started for; it said last:\n{log}")]
    Ended {
        /// The program.
        program: String,
        /// The end of what it printed.
        log: String,
    },
    /// A port does not come up.
    #[error("port {0} has no carrier")]
    NoCarrier(String),
    /// No TCP connection came about, or no datagram came back.
    #[error("no {0} through it")]
    NoConnection(&'static str),
    /// A switch at overload did what it must not.
    #[error("{0}")]
    Soak(String),
    /// The switch does not answer.
    #[error(transparent)]
    Switch(#[from] ClientError),
    /// There is one core, or none is left for the device.
    #[error("generator and device need a core each, and this process may use {0}")]
    Cores(usize),
    /// An external device needs interfaces.
    #[error("--dut external needs --interface twice: the interfaces that the device is behind")]
    Interfaces,
    /// The person in front of the terminal has enough.
    #[error("interrupted")]
    Interrupted,
    /// Something of the machine.
    #[error("cannot {what}: {source}")]
    System {
        /// What was tried.
        what: String,
        /// What the kernel said.
        source: io::Error,
    },
}

impl WireError {
    pub(crate) fn system(what: String) -> impl FnOnce(io::Error) -> WireError {
        move |source| WireError::System { what, source }
    }
}

/// Measures, in the order of ports, shapes, runs and devices. `progress` is told what comes next; `stop` ends it, and what there is by
/// then is in the report.
///
/// # Errors
/// When nothing at all can be measured here. A device that cannot is told in the report.
pub fn measure(
    plan: &WirePlan,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(&str),
) -> Result<WireReport, WireError> {
    let cores = cores::allowed();
    if cores.len() < 2 {
        return Err(WireError::Cores(cores.len()));
    }
    if plan.duts.contains(&Dut::External) && plan.interfaces.len() < 2 {
        return Err(WireError::Interfaces);
    }
    cores::pin(cores[0]);
    let entries = plan.macs.iter().copied().max().unwrap_or(1);
    let entries = entries.max(plan.most_addresses as usize);
    let setting =
        Setting { program: plan.program.clone(), cores: cores[1..].to_vec(), entries, speech: None };
    let mut ledger = Ledger::default();
    let mut session = Session { plan, setting, stop, progress, ledger: &mut ledger };
    let result = session.run();
    cores::pin_to(&cores);
    let is_complete = match result {
        Ok(()) => true,
        Err(WireError::Interrupted) => false,
        Err(error) => return Err(error),
    };
    Ok(ledger.report(plan, Machine::this(cores.len()), is_complete))
}

struct Session<'p> {
    plan: &'p WirePlan,
    setting: Setting,
    stop: &'p AtomicBool,
    progress: &'p mut dyn FnMut(&str),
    ledger: &'p mut Ledger,
}

impl Session<'_> {
    fn run(&mut self) -> Result<(), WireError> {
        for &kind in &self.plan.ports {
            for shape in Shape::ALL {
                let measures: Vec<Measure> =
                    self.plan.measures.iter().copied().filter(|measure| measure.shape() == shape).collect();
                if measures.is_empty() {
                    continue;
                }
                for run in 0..self.plan.runs {
                    self.take_turns(kind, shape, &measures, run)?;
                }
            }
        }
        Ok(())
    }

    /// One run of all devices, bounds first.
    fn take_turns(
        &mut self,
        kind: PortKind,
        shape: Shape,
        measures: &[Measure],
        run: usize,
    ) -> Result<(), WireError> {
        // A TAP has no second interface that could be another's.
        let is_bound = |dut: &Dut| shape.has_bounds() && (kind, *dut) != (PortKind::Tap, Dut::Cable);
        let bounds = Dut::BOUNDS.into_iter().filter(is_bound);
        for dut in bounds.chain(self.plan.duts.iter().copied()) {
            let measures: Vec<Measure> =
                measures.iter().copied().filter(|measure| measure.is_for(dut)).collect();
            if measures.is_empty() || self.ledger.is_out(kind, dut) {
                continue;
            }
            if let Some(why) = dut.is_missing(kind) {
                self.ledger.leave_out(kind, dut, why);
                continue;
            }
            if self.stop.load(Ordering::Relaxed) {
                return Err(WireError::Interrupted);
            }
            for measure in measures {
                let turn = Turn { kind, shape, measure, dut, run };
                match self.turn(&turn) {
                    Ok(()) => {}
                    Err(WireError::Interrupted) => return Err(WireError::Interrupted),
                    Err(error) => self.ledger.fail(kind, dut, measure, &error),
                }
            }
        }
        Ok(())
    }

    fn say(&mut self, turn: &Turn, what: &str) {
        let Turn { kind, measure, dut, run, .. } = turn;
        let (name, ports, of) = (dut.name(), kind.name(), self.plan.runs);
        (self.progress)(&format!("run {} of {of}, {ports}, {name}: {} {what}", run + 1, measure.name()));
    }

    /// One device, started for one measure.
    fn turn(&mut self, turn: &Turn) -> Result<(), WireError> {
        let Turn { kind, shape, measure, dut, .. } = *turn;
        self.say(turn, "(starting)");
        match measure {
            Measure::Caching | Measure::Learning => return rfc2889::measure(self, turn),
            Measure::Bfd => return overload::measure(self, turn),
            _ => {}
        }
        let speech = measure.speech();
        let setting = Setting { speech, ..self.setting.clone() };
        let mut bed = self.bed(dut, kind, shape)?;
        let running = dut.start(&mut bed, &setting)?;
        let partner = speech.map(|speech| Partner::start(&mut bed, &setting, speech)).transpose()?;
        match measure {
            Measure::Tcp | Measure::UdpRoundTrip => {
                bed.give_addresses()?;
                self.streams(turn, &bed)
            }
            Measure::Idle => {
                self.say(turn, "");
                let share = idle::share(&bed, self.plan.trial, self.stop)?;
                self.ledger.add(turn, None, "percent of a core", share * 100.0, &[]);
                Ok(())
            }
            _ => self.frames(turn, &bed, &Beside { bare: running.bare.as_ref(), partner: partner.as_ref() }),
        }
    }

    fn bed(&self, dut: Dut, kind: PortKind, shape: Shape) -> Result<Bed, WireError> {
        match dut {
            Dut::Cable => Bed::cable(),
            Dut::External => Bed::external(&self.plan.interfaces),
            _ => Bed::new(kind, shape.ports(self.plan.mesh_ports), dut.queues(&self.setting)),
        }
    }

    fn streams(&mut self, turn: &Turn, bed: &Bed) -> Result<(), WireError> {
        match turn.measure {
            Measure::Tcp => {
                for streams in [1, 4] {
                    self.say(turn, &format!("with {streams} streams"));
                    let tcp = streams::tcp(bed, streams, self.plan.trial, self.stop)?;
                    let details = [("retransmits", tcp.retransmits as f64)];
                    let case = Some(format!("{streams} stream{}", if streams == 1 { "" } else { "s" }));
                    self.ledger.add(turn, case, "Gbit/s", tcp.bits_per_second / 1e9, &details);
                }
            }
            _ => {
                self.say(turn, "");
                let latency = streams::udp_round_trip(bed, self.plan.trial, self.stop)?;
                self.ledger.add_latency(turn, None, "us, round trip", &latency, &[]);
            }
        }
        Ok(())
    }

    /// All sizes and numbers of stations.
    fn frames(&mut self, turn: &Turn, bed: &Bed, beside: &Beside<'_>) -> Result<(), WireError> {
        let size = self.plan.sizes.first().copied().unwrap_or(FrameSize::Fixed(64));
        let mut range = Range::new(bed, size, self.stop)?;
        for &size in &self.plan.sizes {
            for &macs in &self.plan.macs {
                let manner = Manner { size, macs, pattern: self.plan.pattern, flows: self.plan.flows };
                let what = format!("{} octets, {macs} MACs", size.name());
                self.say(turn, &what);
                match turn.measure {
                    Measure::Mesh | Measure::Broadcast => {
                        rfc2889::spread(self, turn, &mut range, &manner)?;
                    }
                    Measure::Soak => {
                        let partner = beside.partner.expect("a soak has a partner");
                        soak::measure(self, turn, (&mut range, partner), &manner)?;
                    }
                    _ => rfc2544::measure(self, turn, &mut range, &manner, beside.bare)?,
                }
                self.ledger.generator(range.way());
            }
        }
        Ok(())
    }
}

/// What runs beside the generator.
struct Beside<'a> {
    bare: Option<&'a dut::Bare>,
    partner: Option<&'a Partner>,
}

/// What is measured now.
#[derive(Clone, Copy, Debug)]
struct Turn {
    kind: PortKind,
    shape: Shape,
    measure: Measure,
    dut: Dut,
    run: usize,
}

impl Turn {
    /// A size and a number of stations, in words.
    fn case(manner: &Manner) -> Option<String> {
        Some(format!("{} octets, {} MACs", manner.size.name(), manner.macs))
    }
}
