//! A scenario: a lab, what is done to it and when, and what must come out, as a value and as a file.
//!
//! `docs/scenarios.md` shows every key.

mod action;
mod cast;
mod clock;
mod drain;
mod expect;
mod expected;
mod fault;
pub(crate) mod flow_loss;
mod flows;
mod host;
mod known;
mod link_change;
mod management;
mod matrix;
mod moves;
mod operator;
mod parameters;
mod place;
mod programming;
mod read;
mod standing;
mod timeline;
mod variants;
mod versions;
mod watch;

use crate::error::FileError;
use crate::field::Document;
use crate::lab::Lab;
use crate::phrase::shown;
use crate::source::Source;
use greylag_base::{MacAddr, Seed, VlanId};
use greylag_switch::fault::Fault;
use std::net::IpAddr;
use std::time::Duration;

/// What of a scenario is to be read: one variant, some values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// A variant, or a cell of the matrix as `ROW/COLUMN`; the base when absent.
    pub variant: Option<String>,
    /// Values of parameters that take the place of those in the file, as they would be written there.
    pub assume: Vec<(String, String)>,
}

/// Reads a scenario with a variant and assumptions in place, and the `startup-config` files that it names.
///
/// # Errors
/// All that is wrong with it, with line, column and field; for a text that is not YAML its first problem only. What
/// is right in the base begins with `--variant` or `--assume`.
pub fn parse(source: &Source, choice: &Choice) -> Result<Scenario, FileError> {
    let wrong = match read::read(source, choice) {
        Ok(scenario) => return Ok(scenario),
        Err(wrong) => wrong,
    };
    let chosen: Vec<String> = choice
        .variant
        .iter()
        .map(|name| format!("--variant {}", shown(name)))
        .chain(choice.assume.iter().map(|(name, value)| parameters::assumption(name, value)))
        .collect();
    match chosen.is_empty() {
        true => Err(wrong),
        false => Err(wrong.beyond(read::read(source, &Choice::default()).err().as_ref(), &chosen.join(" "))),
    }
}

/// Reads a scenario, its variants, the cells of its matrix and the choices of its parameters, and gives the base.
///
/// # Errors
/// All that is wrong with any of them.
pub fn check(source: &Source) -> Result<Scenario, FileError> {
    let base = parse(source, &Choice::default())?;
    let variants =
        base.variants.iter().map(|(name, _)| Choice { variant: Some(name.clone()), ..Choice::default() });
    let cells =
        base.matrix.iter().flat_map(Matrix::cells).map(|(row, column)| Matrix::choice(row, column, &[]));
    let assumptions = base.parameters.iter().flat_map(|parameter| {
        let assume = |value: &String| vec![(parameter.name.clone(), value.clone())];
        parameter.choices.iter().skip(1).map(move |value| Choice { variant: None, assume: assume(value) })
    });
    let problems: Vec<_> = variants
        .chain(cells)
        .chain(assumptions)
        .filter_map(|choice| parse(source, &choice).err())
        .flat_map(FileError::into_problems)
        .collect();
    FileError::unless_clean(base, problems)
}

pub use greylag_base::Impairment;

pub use expected::{Expectation, ExpectedOutcome, Finding};
pub use flow_loss::{FlowLoss, LostBy};
pub use matrix::Matrix;
pub use place::{Place, place, refusal};
pub use versions::Version;

/// Reads a fault alone, in the words of a timeline: `{crash: {agent: learning, dump: 4s}}`.
///
/// # Errors
/// All that is wrong with it.
pub fn parse_fault(source: &Source) -> Result<Fault, FileError> {
    let document = Document::read(source)?;
    let read = fault::read_alone(&document.root());
    match (FileError::of(document.into_problems()), read) {
        (Some(wrong), _) => Err(wrong),
        (None, Some(fault)) => Ok(fault),
        (None, None) => unreachable!("what cannot be read was refused"),
    }
}

/// Writes a fault in the words of a timeline.
pub fn emit_fault(fault: &Fault) -> String {
    fault::emit(fault)
}

/// The checkers, by name.
pub const CHECKERS: &[&str] = &[
    "no-loop",
    "no-duplicate",
    "no-black-hole",
    "no-lasting-flood",
    "table-agrees",
    "fib-agrees",
    "no-mute-switch",
    "one-partner-per-bundle",
    "forwarding-needs-learning",
];

/// A whole scenario, with its variant and its assumptions in place.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// A word that names it.
    pub name: String,
    /// A line for people.
    pub title: String,
    /// What it teaches, where it is of the library of learning failures.
    pub lesson: Option<Lesson>,
    /// Its switches, hosts and links. Every switch has its whole configuration.
    pub lab: Lab,
    /// What the hosts are beyond their addresses; as many as the lab has nodes, `None` for a switch.
    pub hosts: Vec<Option<HostSettings>>,
    /// How long the switches boot when their watchdog starts them anew, and where a step does not say otherwise; as many as the lab
    /// has nodes.
    pub boots: Vec<Duration>,
    /// What the links are beyond their ends; as many as the lab has links.
    pub links: Vec<LinkSettings>,
    /// The seed, where the command line gives none.
    pub seed: Seed,
    /// Time of day at which the clock is zero, since midnight.
    pub start: Duration,
    /// How long it runs.
    pub duration: Duration,
    /// What may be varied.
    pub parameters: Vec<Parameter>,
    /// Probe flows.
    pub flows: Vec<FlowSpec>,
    /// Releases of a switch's software.
    pub versions: Vec<Version>,
    /// What is done, in the order of time.
    pub timeline: Vec<Step>,
    /// Who looks at alarms.
    pub pollers: Vec<Poller>,
    /// What must come out.
    pub expectations: Vec<Expectation>,
    /// What the checkers may hold against it.
    pub checkers: CheckerLimits,
    /// The checkers that must be violated; any other that is fails the replay.
    pub violations: Vec<ExpectedViolation>,
    /// The variants that the file has, by name, with a line for people.
    pub variants: Vec<(String, String)>,
    /// The variant that is in place: its name, or `ROW/COLUMN` of a cell.
    pub variant: Option<String>,
    /// Cells of patches, such as presets and failures.
    pub matrix: Option<Matrix>,
}

/// What a learning failure teaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lesson {
    /// What goes wrong.
    pub cause: String,
    /// What a user sees.
    pub seen: String,
    /// How to notice it.
    pub notice: String,
    /// How to avoid it.
    pub avoid: String,
}

/// How well something is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Somebody's log says so.
    Logged,
    /// A document says so.
    Documented,
    /// Nobody says so.
    Assumed,
}

/// Something that may be varied: wherever the file has `$name`, its value stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its value in this run, as it is written in a file.
    pub value: String,
    /// How well it is known.
    pub standing: Standing,
    /// Who says so.
    pub source: Option<String>,
    /// Values that a sweep tries; the first one is the base. Empty when there is nothing to try.
    pub choices: Vec<String>,
}

/// What a host is beyond its addresses.
#[derive(Clone, Debug, PartialEq)]
pub struct HostSettings {
    /// It tags its frames with this VLAN.
    pub vlan: Option<VlanId>,
    /// How long it keeps what ARP and ND have told it.
    pub neighbor_lifetime: Duration,
    /// It announces itself (gratuitous ARP, unsolicited neighbour advertisement) when its link comes up.
    pub announces: bool,
}

/// What a link is beyond its ends. Both directions alike.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkSettings {
    /// Bits per second.
    pub rate: u64,
    /// From the last bit in to the last bit out.
    pub delay: Duration,
    /// Frames that wait for their turn at most.
    pub queue: u32,
    /// Its state at the start.
    pub up: bool,
    /// Flows that it loses by itself.
    pub loses: Option<FlowLoss>,
}

/// Probe flows from each of some hosts to each of others.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowSpec {
    /// Its name in expectations and reports.
    pub name: String,
    /// Who sends to whom, by index into [`Lab::nodes`]: each pair once, none to itself, all with an address of the
    /// family.
    pub pairs: Vec<(usize, usize)>,
    /// They are the other direction of these flows, by index into [`Scenario::flows`]: pairs and ports are exchanged.
    pub answers: Option<usize>,
    /// Flows between each pair, with ports of their own.
    pub count: u32,
    /// Between two probes of a flow.
    pub interval: Duration,
    /// Bytes of a frame, without frame check sequence.
    pub size: u16,
    /// Over IPv6.
    pub ipv6: bool,
    /// What a flow stands for, bits per second.
    pub weight: u64,
    /// From when.
    pub start: Duration,
    /// Until when.
    pub stop: Duration,
}

/// Something that is done.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// When.
    pub at: Duration,
    /// What expectations and patches call it.
    pub name: Option<String>,
    /// What.
    pub action: Action,
    /// How well it is known.
    pub standing: Standing,
    /// Who says so.
    pub source: Option<String>,
    /// Where the file says so.
    pub place: Place,
}

/// What can be done. Nodes and links go by their index.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Something goes wrong inside a switch.
    Fault {
        /// Which switch.
        switch: usize,
        /// What.
        fault: Fault,
    },
    /// Something happens to a link.
    Link {
        /// Which link.
        link: usize,
        /// What.
        change: LinkChange,
    },
    /// An operator commits a change of configuration.
    Commit {
        /// On which switch.
        switch: usize,
        /// What is laid over the running configuration.
        patch: Patch,
        /// Who.
        author: String,
        /// It is rolled back unless it is confirmed within this time.
        confirm_within: Option<Duration>,
    },
    /// An operator confirms a commit.
    Confirm {
        /// On which switch.
        switch: usize,
    },
    /// An operator goes back to an earlier configuration.
    Rollback {
        /// On which switch.
        switch: usize,
        /// How many commits.
        steps: usize,
        /// Who.
        author: String,
    },
    /// An operator flushes dynamic addresses.
    FlushFdb {
        /// On which switch.
        switch: usize,
        /// Of one port only.
        port: Option<String>,
        /// Of one VLAN only.
        vlan: Option<VlanId>,
    },
    /// An operator has the agent's list compared with the table.
    CheckFdb {
        /// On which switch.
        switch: usize,
        /// And the table repaired.
        repair: bool,
    },
    /// An operator has RIB and FIB compared.
    CheckFib {
        /// On which switch.
        switch: usize,
        /// And the FIB repaired.
        repair: bool,
    },
    /// An operator has a packet sent through every bucket of every group.
    CheckPaths {
        /// On which switch.
        switch: usize,
    },
    /// A switch goes down, and is back after the boot time with another release.
    Upgrade {
        /// Which switch.
        switch: usize,
        /// What it is from then on.
        version: Box<Version>,
    },
    /// A switch's port to the management network is cut, or whole again.
    Management {
        /// Which switch.
        switch: usize,
        /// It is whole again.
        up: bool,
    },
    /// A switch loses its power; the links to it lose carrier.
    PowerOff {
        /// Which switch.
        switch: usize,
    },
    /// A switch starts, and is there after its boot time.
    PowerOn {
        /// Which switch.
        switch: usize,
        /// How long it takes.
        boot: Duration,
    },
    /// A host is unplugged and plugged in at another port of a switch, whose old link goes dark.
    MoveHost {
        /// The host's link.
        link: usize,
        /// The link that takes its place: one that is down, whose far end nobody uses.
        to: usize,
        /// The host announces itself there.
        announces: bool,
    },
    /// A host announces itself.
    Announce {
        /// Which host.
        host: usize,
    },
    /// A host takes another address.
    SetMac {
        /// Which host.
        host: usize,
        /// The address.
        mac: MacAddr,
    },
    /// A host sends frames from many source addresses, as macof does.
    MacFlood {
        /// Which host.
        host: usize,
        /// Addresses, drawn from the seed.
        macs: u32,
        /// Frames per second.
        rate: u32,
        /// How long.
        lasts: Duration,
    },
    /// A host pings.
    Ping {
        /// Which host.
        host: usize,
        /// Whom.
        to: IpAddr,
        /// How often, a second apart.
        count: u16,
    },
    /// A host sends bytes to another by TCP.
    Tcp {
        /// Which host.
        host: usize,
        /// To which host.
        to: usize,
        /// How many.
        bytes: u64,
    },
    /// A host sends broadcasts.
    Broadcast {
        /// Which host.
        host: usize,
        /// Frames per second.
        rate: u32,
        /// How long.
        lasts: Duration,
    },
}

/// What happens to a link. `from` is the index of the end (0 or 1) whose frames are meant; both when absent.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkChange {
    /// It is cut.
    Down {
        /// Which ends see it: 0, 1, both (`None`).
        seen_by: SeenBy,
    },
    /// It is whole again, and every impairment is over.
    Up,
    /// Frames of one direction disappear without anybody seeing it.
    OneWay {
        /// The end whose frames disappear.
        from: usize,
    },
    /// Frames fare badly.
    Impair {
        /// The end whose frames are meant.
        from: Option<usize>,
        /// How badly.
        impairment: Impairment,
    },
    /// It loses some flows for good, whatever else becomes of it; a share of 0 ends that.
    Loses(FlowLoss),
}

/// Who sees that a link is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeenBy {
    /// Both ends lose carrier.
    Both,
    /// One end loses carrier.
    End(usize),
    /// Nobody: it is a cut beyond a converter that keeps carrier up.
    Nobody,
}

/// A mapping of configuration keys that is laid over the running configuration; it was checked when the file was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// YAML, as `emit` writes configurations.
    pub text: String,
}

/// Somebody who looks at a switch's alarms regularly.
#[derive(Clone, Debug, PartialEq)]
pub struct Poller {
    /// Its name.
    pub name: String,
    /// Switches that it asks.
    pub switches: Vec<usize>,
    /// Between two looks.
    pub period: Duration,
    /// The first look; drawn from the seed within the period when absent.
    pub phase: Option<Duration>,
}

/// Limits of the checkers that stand outside of the network.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckerLimits {
    /// `no-loop`: a frame crosses one link in one direction so often at most.
    pub passes: u32,
    /// `no-black-hole`: a flow that has been delivered is silent so long at most.
    pub silence: Duration,
    /// `no-lasting-flood`: a host hears unicast for others for so long at most.
    pub flood: Duration,
    /// `table-agrees`: agent and table differ for so long at most.
    pub disagreement: Duration,
}

/// A checker that must be violated, or may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedViolation {
    /// Its name, one of [`CHECKERS`].
    pub checker: String,
    /// On which node; anywhere when absent.
    pub node: Option<usize>,
    /// It may be violated, from so long after the start on, and need not be: whether it is depends on chance.
    pub may_from: Option<Duration>,
}
