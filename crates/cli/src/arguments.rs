//! The words of the command line.

mod bench;
mod capture;
mod orders;
mod trace;
mod why;

use crate::completions;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCandidates;
use greylag_sim::sweep::Shard;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZero;
use std::ops::Range;
use std::path::PathBuf;

use capture::CAPTURE;
use trace::TRACE;
use why::WHY;

pub(crate) use bench::{PipelineArguments, WireArguments};
pub(crate) use capture::CaptureArguments;

pub(crate) use orders::{
    CheckWhat, ClearWhat, ConfigVerb, FaultWhat, ImpairmentWords, LinkChange, LinkFault, PortChange,
    SwitchFault, Target, Writes,
};
pub(crate) use trace::{Injected, TraceArguments};
pub(crate) use why::{ProtocolWord, WhyArguments};

const AFTER: &str =
    "`greylag help learning-failures` lists outages to replay and learn from; no file is needed for that.";

/// A userspace switch for labs, benchmarks and the replay of learning failures.
#[derive(Parser)]
#[command(name = "greylag", version, max_term_width = 100, disable_help_subcommand = true, after_help = AFTER)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run one live switch on the ports that its file names, until interrupted
    Run(RunArguments),
    /// Make one interface of several links of this namespace, by LACP, until interrupted
    #[command(long_about = BOND)]
    Bond(BondArguments),
    /// Bring up, look at and remove a whole lab in network namespaces
    Lab {
        #[command(subcommand)]
        verb: LabVerb,
    },
    /// Ask a running switch
    Show(ShowArguments),
    /// Clear what a running switch has learned
    Clear {
        #[command(subcommand)]
        what: ClearWhat,
    },
    /// See and change a running switch's configuration
    Config {
        #[command(subcommand)]
        verb: ConfigVerb,
    },
    /// Audit what two places of a running switch should agree on
    Check {
        #[command(subcommand)]
        what: CheckWhat,
    },
    /// Say what a running switch does, or would do, with frames
    #[command(long_about = TRACE)]
    Trace(Box<TraceArguments>),
    /// Write the frames that pass running switches to a file for Wireshark
    #[command(long_about = CAPTURE)]
    Capture(CaptureArguments),
    /// Say why one station does not reach another, and since when
    #[command(long_about = WHY)]
    Why(Box<WhyArguments>),
    /// Make something go wrong, inside of a running switch or on a link of a lab
    Fault {
        #[command(subcommand)]
        what: FaultWhat,
    },
    /// Replay an outage from its scenario file, and hold what comes out against the logs
    Replay(ReplayArguments),
    /// Replay a scenario under many seeds and assumptions
    Sweep(SweepArguments),
    /// Help for a command such as `lab deploy`, or what there is to learn: `learning-failures`, a scenario of it, `drop-reasons`
    Help {
        /// A command, or a topic
        #[arg(value_name = "COMMAND|TOPIC")]
        words: Vec<String>,
    },
    /// Print what a shell has to read to complete commands, with the names of switches and labs that run
    #[command(long_about = COMPLETIONS)]
    Completions {
        /// Which shell
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Measure the pieces on this machine
    Bench {
        #[command(subcommand)]
        what: BenchWhat,
    },
}

const COMPLETIONS: &str =
    "Print what a shell has to read to complete commands, with the names of switches and labs that run

bash: echo 'source <(greylag completions bash)' >> ~/.bashrc
zsh:  echo 'source <(greylag completions zsh)' >> ~/.zshrc
fish: greylag completions fish > ~/.config/fish/completions/greylag.fish";

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
}

#[derive(Args)]
pub(crate) struct RunArguments {
    /// The switch's configuration
    #[arg(value_name = "SWITCH.yml")]
    pub(crate) file: PathBuf,
    /// Answer scrapers at http://ADDRESS:PORT/metrics, whatever the file says
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) metrics_listen: Option<SocketAddr>,
    #[command(flatten)]
    pub(crate) process: ProcessArguments,
}

const BOND: &str = "Make one interface of several links of this namespace, by LACP, until interrupted

For kernels without a bonding driver, and for namespaces that are not to need one. The bond's interface is a TAP; give it the addresses of the \
host. The members must have none, and the host's own network stack is kept off them while the bond runs.";

#[derive(Args)]
pub(crate) struct BondArguments {
    /// The bond: its members, and what LACP says by them
    #[arg(value_name = "FILE.yml")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) process: ProcessArguments,
}

/// How a switch runs, or a bond, which is one.
#[derive(Args)]
pub(crate) struct ProcessArguments {
    /// The control socket [default: NAME.sock in the state folder, /run/greylag]
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// What is committed while it runs; it starts with that again unless its file has changed [default:
    /// NAME.commits.json beside the control socket]
    #[arg(long, value_name = "PATH")]
    pub(crate) commits: Option<PathBuf>,
    /// Write down all that the control side is told and does
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// End when this process, the parent, ends
    #[arg(long, hide = true, value_name = "PID")]
    pub(crate) exit_with_parent: Option<u32>,
}

#[derive(Subcommand)]
pub(crate) enum LabVerb {
    /// Make everything that a lab file names: namespaces, links, hosts, switches
    Deploy {
        #[command(flatten)]
        file: LabFile,
        /// Remove the lab first if it is there
        #[arg(long)]
        reconfigure: bool,
    },
    /// Remove a lab, whatever state it is in; safe to repeat
    Destroy {
        #[command(flatten)]
        which: LabChoice,
    },
    /// Show what runs
    Inspect {
        #[command(flatten)]
        which: LabChoice,
        /// Print JSON
        #[arg(short, long)]
        json: bool,
    },
    /// Check a lab file without touching anything
    Validate {
        #[command(flatten)]
        file: LabFile,
        /// Print JSON
        #[arg(short, long)]
        json: bool,
    },
    /// Run a command in the namespaces of a lab's nodes
    Exec {
        /// The lab's file, or its name
        #[arg(add = ArgValueCandidates::new(completions::labs))]
        lab: String,
        /// Only in these nodes [default: in all]
        #[arg(value_name = "NODE")]
        nodes: Vec<String>,
        /// The command and its words, behind `--`
        #[arg(last = true, required = true, value_name = "COMMAND")]
        command: Vec<String>,
    },
    /// Deploy the quickstart lab, show it at work, remove it
    Demo,
}

#[derive(Args)]
pub(crate) struct LabFile {
    /// The lab file
    #[arg(value_name = "LAB.clab.yml")]
    pub(crate) path: PathBuf,
}

#[derive(Args)]
pub(crate) struct LabChoice {
    /// The lab's file, or its name
    #[arg(value_name = "LAB", required_unless_present = "all", add = ArgValueCandidates::new(completions::labs))]
    pub(crate) lab: Option<String>,
    /// All labs
    #[arg(short, long, conflicts_with = "lab")]
    pub(crate) all: bool,
}

#[derive(Args)]
pub(crate) struct ShowArguments {
    /// What to show
    #[arg(value_enum)]
    pub(crate) what: What,
    /// Of routes, fib and bgp: only those within this prefix, or only those by which packets to this address go
    #[arg(value_name = "PREFIX|ADDRESS", value_parser = destination)]
    pub(crate) to: Option<Destination>,
    /// Of events: go on with those that happen, until interrupted
    #[arg(short, long)]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// Which routes are to be shown, as it was written.
#[derive(Clone)]
pub(crate) enum Destination {
    Within(String),
    To(String),
}

fn destination(text: &str) -> Result<Destination, String> {
    if text.parse::<IpAddr>().is_ok() {
        return Ok(Destination::To(text.to_owned()));
    }
    greylag_scenario::parse_prefix(text).map(|prefix| Destination::Within(prefix.to_string()))
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum What {
    /// The MAC table
    Fdb,
    /// VLANs and their members
    Vlans,
    /// Ports and their state
    Ports,
    /// Bundles, and how flows are spread over their ports
    Lags,
    /// What LACP says and hears on each port of a bundle
    Lacp,
    /// Interfaces of layer 3 and their addresses
    Interfaces,
    /// Routes as they are offered, the best first (RIB)
    Routes,
    /// Routes as packets are forwarded by them (FIB)
    Fib,
    /// Where the routes of the FIB lead, and by how many buckets
    NexthopGroups,
    /// Stations on the links, as ARP and neighbor discovery know them
    Neighbors,
    /// BFD sessions
    Bfd,
    /// BGP sessions; with a prefix, what BGP knows of it
    Bgp,
    /// What the interior protocol knows
    LinkState,
    /// What this chassis of a pair is and does, and its multi-chassis bundles
    Mclag,
    /// The control session with the other chassis of a pair
    Iccp,
    /// Dropped frames by port and reason
    Drops,
    /// Frames and bytes by port, packets by interface, and what the MAC table did
    Counters,
    /// What happened, oldest first
    Events,
    /// What runs beside the data plane, and can die
    Agents,
    /// What the switch complains of, and what it did
    Alarms,
}

#[derive(Args)]
pub(crate) struct ReplayArguments {
    /// The scenario, or the recording
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Where all chance comes from [default: the file's, or 1]
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// End here: a time since the start such as 90s or 5m, or a time of day such as 13:30
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// A variant of the file's, or a cell of its matrix as ROW/COLUMN
    #[arg(long, value_name = "NAME")]
    pub(crate) variant: Option<String>,
    /// Replay the file as it is and these variants, and say what each has lost
    #[arg(long, value_name = "all|NAME,..", value_delimiter = ',', conflicts_with_all = ["variant", "events", "pcap", "metrics", "live"])]
    pub(crate) variants: Vec<String>,
    /// Another value for a parameter of the file's; as often as there are parameters
    #[arg(long, value_name = "NAME=VALUE", value_parser = assumption)]
    pub(crate) assume: Vec<(String, String)>,
    /// Write every event, one JSON object a line
    #[arg(long, value_name = "FILE.jsonl")]
    pub(crate) events: Option<PathBuf>,
    /// Write every frame
    #[arg(long, value_name = "FILE.pcapng")]
    pub(crate) pcap: Option<PathBuf>,
    /// Write what a scraper of all switches would have seen every 15 s, as OpenMetrics with timestamps
    #[arg(long, value_name = "FILE.prom")]
    pub(crate) metrics: Option<PathBuf>,
    /// Write a page that explains the outage: one HTML file that needs no network; with --variants it compares them too
    #[arg(long, value_name = "FILE.html")]
    pub(crate) report: Option<PathBuf>,
    /// Only check the file: the base, every variant, every choice of a parameter
    #[arg(long, conflicts_with_all = ["seed", "until", "variant", "variants", "assume", "events", "pcap", "metrics", "report", "live"])]
    pub(crate) check: bool,
    /// In real time, on a real lab in namespaces of its own, which is removed at the end
    #[arg(long, conflicts_with_all = ["pcap", "metrics"])]
    pub(crate) live: bool,
    /// The file is no scenario but what `greylag run --record` wrote: have it happen again, and compare
    #[arg(long, conflicts_with_all = ["seed", "until", "variant", "variants", "assume", "events", "pcap", "metrics", "report", "live", "check"])]
    pub(crate) recording: bool,
    /// Print JSON
    #[arg(short, long)]
    pub(crate) json: bool,
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct SweepArguments {
    #[command(subcommand)]
    pub(crate) merge: Option<SweepVerb>,
    /// The scenario
    #[arg(value_name = "SCENARIO.yml", required = true)]
    pub(crate) file: Option<PathBuf>,
    /// Seeds from A up to, but without, B
    #[arg(long, value_name = "A..B", required = true, value_parser = seeds)]
    pub(crate) seeds: Option<Range<u64>>,
    /// Parameters whose choices are combined, or `all` [default: none, only the seed varies]
    #[arg(long, value_name = "all|NAME,..", value_delimiter = ',')]
    pub(crate) assumptions: Vec<String>,
    /// Each choice alone, beside the values that the file has, and not each with each
    #[arg(long, requires = "assumptions")]
    pub(crate) alone: bool,
    /// Only every Nth run, from the Ith on: what one of N machines does
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub(crate) shard: Option<Shard>,
    /// Threads [default: as many as there are processors]
    #[arg(long, value_name = "J")]
    pub(crate) jobs: Option<NonZero<usize>>,
    /// A variant of the file's
    #[arg(long, value_name = "NAME")]
    pub(crate) variant: Option<String>,
    /// Write a line for each run; what is in the file already is not run again
    #[arg(short, long, value_name = "FILE.jsonl")]
    pub(crate) output: Option<PathBuf>,
    /// Print JSON
    #[arg(short, long)]
    pub(crate) json: bool,
}

#[derive(Subcommand)]
pub(crate) enum SweepVerb {
    /// Join the files of several sweeps or shards
    Merge {
        /// What `sweep -o` wrote
        #[arg(value_name = "FILE.jsonl", required = true)]
        files: Vec<PathBuf>,
        /// Print JSON
        #[arg(short, long)]
        json: bool,
    },
}

fn assumption(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE such as ageing=180s")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let range = text.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    range
        .filter(|range| !range.is_empty())
        .ok_or_else(|| "expected A..B such as 0..1000, B above A".to_owned())
}

fn shard(text: &str) -> Result<Shard, String> {
    let parts = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
    let shard = parts.filter(|(number, of)| (1..=*of).contains(number));
    let (number, of): (u64, u64) = shard.ok_or("expected I/N such as 1/4, I from 1 to N")?;
    Ok(Shard { number: number - 1, of })
}

#[derive(Subcommand)]
pub(crate) enum BenchWhat {
    /// The MAC table alone, without frames, beside a hash map for one thread
    Table(TableArguments),
    /// The whole pipeline in memory, stage by stage: bridged and routed, by table size, batch and workers
    Pipeline(PipelineArguments),
    /// A whole switch from outside, beside others, in namespaces of its own: RFC 2544, RFC 2889, TCP
    #[command(long_about = bench::WIRE)]
    Wire(Box<WireArguments>),
    /// The virtual world: frames through its switches, a lab against real time, worlds one after the other
    Sim(SimArguments),
}

#[derive(Args)]
pub(crate) struct SimArguments {
    /// Switches of the lab, and of the row that frames cross
    #[arg(long, default_value = "20", value_parser = clap::value_parser!(u16).range(2..=1000))]
    pub(crate) switches: u16,
    /// Links of the lab, each with a control frame a second each way
    #[arg(long, default_value = "100", value_parser = clap::value_parser!(u16).range(3..))]
    pub(crate) links: u16,
    /// Probe flows of the lab, of a frame a second each
    #[arg(long, default_value = "1000")]
    pub(crate) flows: u32,
    /// Seconds of the virtual world that the lab runs
    #[arg(long, default_value = "600", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) seconds: u32,
    /// Print JSON
    #[arg(short, long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct TableArguments {
    /// Entries in the table [default: 1k,64k,256k,1M,16M, and the hash map up to 1M]
    #[arg(long, value_name = "ENTRIES", value_delimiter = ',', value_parser = greylag_bench::parse_size)]
    pub(crate) size: Vec<usize>,
    /// What to measure: hit, hit-64, hit-256, hit-each, miss, miss-64, miss-256, mix, mix-64, mix-256, mix-refresh, mix-new, learn, contended [default: all]
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = greylag_bench::Workload::parse)]
    pub(crate) workload: Vec<greylag_bench::Workload>,
    /// Runs of which the median counts
    #[arg(long, default_value = "5", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) runs: u16,
    /// Milliseconds measured in each run
    #[arg(long, value_name = "MS", default_value = "100", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) time: u16,
    /// VLANs that keys are in, at random: 1, 2, 4, 8 or 16
    #[arg(long, default_value = "16", value_parser = greylag_bench::Plan::parse_vlans)]
    pub(crate) vlans: u16,
    /// Print JSON
    #[arg(short, long)]
    pub(crate) json: bool,
}

impl Arguments {
    /// Errors are to be JSON too.
    pub(crate) fn json(&self) -> bool {
        match &self.command {
            Command::Run(_)
            | Command::Bond(_)
            | Command::Capture(_)
            | Command::Help { .. }
            | Command::Completions { .. } => false,
            Command::Lab { verb: LabVerb::Inspect { json, .. } | LabVerb::Validate { json, .. } } => *json,
            Command::Lab { .. } => false,
            Command::Show(show) => show.target.json,
            Command::Clear { what } => what.target().json,
            Command::Config { verb } => verb.target().json,
            Command::Check { what } => what.target().json,
            Command::Trace(trace) => trace.target.json,
            Command::Why(why) => why.json,
            Command::Fault { what } => what.json(),
            Command::Replay(replay) => replay.json,
            Command::Sweep(SweepArguments { merge: Some(SweepVerb::Merge { json, .. }), .. }) => *json,
            Command::Sweep(sweep) => sweep.json,
            Command::Bench { what: BenchWhat::Table(table) } => table.json,
            Command::Bench { what: BenchWhat::Pipeline(pipeline) } => pipeline.json,
            Command::Bench { what: BenchWhat::Wire(wire) } => wire.json,
            Command::Bench { what: BenchWhat::Sim(sim) } => sim.json,
        }
    }
}
