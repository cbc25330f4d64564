//! The words of orders to a running switch.

use crate::completions;
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCandidates;
use greylag_switch::agent::AgentKind;
use std::path::PathBuf;

/// Which switch is meant, and how the answer is printed.
#[derive(Args)]
pub(crate) struct Target {
    /// The switch: its name, or the path of its control socket [default: the one that runs]
    #[arg(short, long, value_name = "SWITCH", add = ArgValueCandidates::new(completions::switches))]
    pub(crate) switch: Option<String>,
    /// Print JSON
    #[arg(short, long)]
    pub(crate) json: bool,
}

#[derive(Subcommand)]
pub(crate) enum ClearWhat {
    /// Forget learned addresses: all, or those of a port, a VLAN, or a VLAN on a port
    Fdb {
        /// Only those on this port
        #[arg(long)]
        port: Option<String>,
        /// Only those in this VLAN
        #[arg(long)]
        vlan: Option<u16>,
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Subcommand)]
pub(crate) enum ConfigVerb {
    /// Print the running configuration, or an earlier one, in the form of SWITCH.yml
    Show {
        /// The one before so many commits
        #[arg(long, value_name = "N", default_value = "0")]
        rollback: usize,
        #[command(flatten)]
        target: Target,
    },
    /// Say what a candidate would change
    Diff {
        /// The candidate, a whole SWITCH.yml
        #[arg(value_name = "SWITCH.yml")]
        file: PathBuf,
        #[command(flatten)]
        target: Target,
    },
    /// Put a candidate in place: all of it, or nothing
    Commit {
        /// The candidate, a whole SWITCH.yml
        #[arg(value_name = "SWITCH.yml")]
        file: PathBuf,
        /// Roll it back unless it is confirmed within this time, such as 5m
        #[arg(long, value_name = "TIME", value_parser = time)]
        confirmed: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Keep the last commit, which would be rolled back otherwise
    Confirm {
        #[command(flatten)]
        target: Target,
    },
    /// Go back to the configuration before the last commits
    Rollback {
        /// How many commits
        #[arg(value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..))]
        steps: u16,
        #[command(flatten)]
        target: Target,
    },
    /// List the configurations that the switch had, the running one first
    History {
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Subcommand)]
pub(crate) enum CheckWhat {
    /// Compare the learning agent's list with the MAC table and with what the workers see
    Fdb {
        /// Put right what differs
        #[arg(long)]
        repair: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Compare the routes that the switch has chosen (RIB) with those that it forwards by (FIB)
    Fib {
        /// Write anew what differs
        #[arg(long)]
        repair: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Send a packet through every bucket of every next-hop group, and see whether the next router answers
    Paths {
        #[command(flatten)]
        target: Target,
    },
    /// Compare what the two chassis of a pair should agree on
    Mclag {
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Subcommand)]
pub(crate) enum FaultWhat {
    #[command(flatten)]
    Switch(SwitchFault),
    /// Do something to a link of a deployed lab
    Link(LinkFault),
    /// Do something to the frames that leave by a port of a switch
    Port {
        /// The port: a device or a TAP
        port: String,
        #[command(subcommand)]
        change: PortChange,
    },
}

#[derive(Subcommand)]
pub(crate) enum PortChange {
    /// Have them fare badly, whatever the configuration says
    Impair {
        #[command(flatten)]
        impairment: ImpairmentWords,
        /// Deliver frames with a wrong bit; without it they are dropped, as whoever receives them would
        #[arg(long, requires = "corrupt")]
        unnoticed: bool,
        /// Bits per second, such as 10M
        #[arg(long, value_name = "RATE")]
        rate: Option<String>,
        /// Frames per second
        #[arg(long, value_name = "N")]
        frame_rate: Option<u64>,
        /// What the rate passes at once behind a pause: as much as in so long a time
        #[arg(long, value_name = "TIME")]
        burst: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Have them fare as the configuration says
    Mend {
        #[command(flatten)]
        target: Target,
    },
}

/// Shares and times.
#[derive(Args)]
pub(crate) struct ImpairmentWords {
    /// The share that is lost, such as 1%
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(crate) loss: Option<f64>,
    /// The share that arrives twice
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(crate) duplicate: Option<f64>,
    /// The share with a bit that is wrong
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(crate) corrupt: Option<f64>,
    /// The share that others overtake, by up to the jitter
    #[arg(long, value_name = "SHARE", value_parser = share, requires = "jitter")]
    pub(crate) reorder: Option<f64>,
    /// How much later they come, such as 5ms
    #[arg(long, value_name = "TIME")]
    pub(crate) delay: Option<String>,
    /// How much the delay varies
    #[arg(long, value_name = "TIME")]
    pub(crate) jitter: Option<String>,
}

#[derive(Subcommand)]
pub(crate) enum SwitchFault {
    /// End an agent once
    Crash {
        #[command(flatten)]
        agent: Agent,
        /// How long it takes until the supervisor hears of it, such as 4s
        #[arg(long, value_name = "TIME")]
        dump: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// End an agent each time that it has run for a while
    CrashLoop {
        #[command(flatten)]
        agent: Agent,
        /// How long it runs each time, such as 30s, or 28s..38s for a time in between
        #[arg(long, value_name = "TIME[..TIME]")]
        run: String,
        /// How long it takes until the supervisor hears of it, such as 4s
        #[arg(long, value_name = "TIME")]
        dump: Option<String>,
        /// So many times [default: for ever]
        #[arg(long, value_name = "N")]
        times: Option<u32>,
        /// Only while the running configuration has this VLAN
        #[arg(long, value_name = "VLAN")]
        while_vlan: Option<u16>,
        #[command(flatten)]
        target: Target,
    },
    /// Have an agent live and do nothing
    Hang {
        #[command(flatten)]
        agent: Agent,
        /// For so long [default: until it is restarted]
        #[arg(long, value_name = "TIME")]
        lasts: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Have an agent handle so many reports a second
    Slow {
        #[command(flatten)]
        agent: Agent,
        /// Reports a second
        #[arg(long, value_name = "N")]
        rate: u32,
        #[command(flatten)]
        lasts: Lasts,
        #[command(flatten)]
        target: Target,
    },
    /// Lose reports on their way to the agent
    LoseReports {
        /// The share that is lost, 0 to 1
        #[arg(long, value_name = "SHARE")]
        share: String,
        #[command(flatten)]
        lasts: Lasts,
        #[command(flatten)]
        target: Target,
    },
    /// Have reports to the agent come late, and overtake each other
    DelayReports {
        /// How late, such as 2s, or 0s..2s for a time in between
        #[arg(long, value_name = "TIME[..TIME]")]
        delay: String,
        #[command(flatten)]
        lasts: Lasts,
        #[command(flatten)]
        target: Target,
    },
    /// Keep what the agent writes from the MAC table, although it is told that it is there
    RefuseWrites {
        /// The share that is refused, 0 to 1
        #[arg(long, value_name = "SHARE")]
        share: String,
        #[command(flatten)]
        lasts: Lasts,
        #[command(flatten)]
        target: Target,
    },
    /// Lose what the programming agent writes into the FIB
    DropWrites {
        #[command(flatten)]
        writes: Writes,
        /// Whether the agent is told that they arrived [default: true]
        #[arg(long, value_name = "true|false")]
        acknowledged: Option<bool>,
        #[command(flatten)]
        target: Target,
    },
    /// Have what the programming agent writes into the FIB come late
    DelayWrites {
        /// How late, such as 2s, or 0s..2s for a time in between
        #[arg(long, value_name = "TIME[..TIME]")]
        delay: String,
        #[command(flatten)]
        writes: Writes,
        #[command(flatten)]
        target: Target,
    },
    /// Have writes of the programming agent overtake each other
    MisorderWrites {
        #[command(flatten)]
        writes: Writes,
        #[command(flatten)]
        target: Target,
    },
    /// Keep the buckets of next hops that changed as they were, although the programming agent is told that all is well
    StaleMembers {
        #[command(flatten)]
        writes: Writes,
        #[command(flatten)]
        target: Target,
    },
    /// Restart an agent, and count its starts from zero
    Restart {
        #[command(flatten)]
        agent: Agent,
        #[command(flatten)]
        target: Target,
    },
    /// End whatever was ordered before and still lasts
    Heal {
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Args)]
pub(crate) struct Agent {
    /// Which agent
    #[arg(
        long,
        value_name = "AGENT",
        default_value = AgentKind::Learning.name(),
        value_parser = PossibleValuesParser::new(AgentKind::ALL.map(AgentKind::name))
    )]
    pub(crate) agent: String,
}

#[derive(Args)]
pub(crate) struct Lasts {
    /// For so long [default: until it is healed]
    #[arg(long, value_name = "TIME")]
    pub(crate) lasts: Option<String>,
}

/// Which writes of the programming agent, and how many of them.
#[derive(Args)]
pub(crate) struct Writes {
    /// Only routes of this family, and groups that lead to next hops of it
    #[arg(long, value_name = "ipv4|ipv6")]
    pub(crate) family: Option<String>,
    /// Only routes within this prefix, and the groups that they lead to
    #[arg(long, value_name = "PREFIX")]
    pub(crate) prefix: Option<String>,
    /// Only these buckets of a group, such as 3, or 0..7
    #[arg(long, value_name = "N[..N]")]
    pub(crate) buckets: Option<String>,
    /// Only what this worker forwards by
    #[arg(long, value_name = "N")]
    pub(crate) worker: Option<u16>,
    /// Only groups that lose a member, or get one
    #[arg(long, value_name = "member-lost|member-returned")]
    pub(crate) change: Option<String>,
    /// The share of them, 0 to 1 [default: 1]
    #[arg(long, value_name = "SHARE")]
    pub(crate) share: Option<String>,
    #[command(flatten)]
    pub(crate) lasts: Lasts,
}

#[derive(Args)]
pub(crate) struct LinkFault {
    /// The lab's file, or its name
    pub(crate) lab: String,
    /// One end of the link
    #[arg(value_name = "NODE:INTERFACE")]
    pub(crate) end: String,
    #[command(subcommand)]
    pub(crate) change: LinkChange,
}

#[derive(Subcommand)]
pub(crate) enum LinkChange {
    /// Cut it: both ends lose carrier
    Down,
    /// Make it whole again, and end everything that was done to it
    Up,
    /// Have the frames that leave this end disappear, without anybody losing carrier
    OneWay,
    /// Have the frames of both ends disappear, without anybody losing carrier
    Dead,
    /// Have the frames that leave this end fare badly (at a host with the kernel's netem)
    Impair {
        /// The share that is lost, such as 1%
        #[arg(long, value_name = "SHARE", value_parser = share)]
        loss: Option<f64>,
        /// The share that arrives twice
        #[arg(long, value_name = "SHARE", value_parser = share)]
        duplicate: Option<f64>,
        /// The share with a bit that is wrong
        #[arg(long, value_name = "SHARE", value_parser = share)]
        corrupt: Option<f64>,
        /// The share that overtakes those before, which needs a delay
        #[arg(long, value_name = "SHARE", value_parser = share, requires = "delay")]
        reorder: Option<f64>,
        /// How much later they come, such as 5ms
        #[arg(long, value_name = "TIME", value_parser = greylag_scenario::parse_time_span)]
        delay: Option<std::time::Duration>,
        /// How much the delay varies
        #[arg(long, value_name = "TIME", value_parser = greylag_scenario::parse_time_span, requires = "delay")]
        jitter: Option<std::time::Duration>,
    },
}

/// A time that stays as it is written.
fn time(text: &str) -> Result<String, String> {
    greylag_scenario::parse_time_span(text).map(|_| text.to_owned())
}

/// A share: 0.01 or 1%.
fn share(text: &str) -> Result<f64, String> {
    let (number, whole) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    match number.parse::<f64>().map(|number| number / whole) {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("expected a share such as 1% or 0.01".to_owned()),
    }
}

impl ClearWhat {
    pub(crate) fn target(&self) -> &Target {
        let ClearWhat::Fdb { target, .. } = self;
        target
    }
}

impl ConfigVerb {
    pub(crate) fn target(&self) -> &Target {
        match self {
            ConfigVerb::Show { target, .. }
            | ConfigVerb::Diff { target, .. }
            | ConfigVerb::Commit { target, .. }
            | ConfigVerb::Confirm { target }
            | ConfigVerb::Rollback { target, .. }
            | ConfigVerb::History { target } => target,
        }
    }
}

impl CheckWhat {
    pub(crate) fn target(&self) -> &Target {
        match self {
            CheckWhat::Fdb { target, .. }
            | CheckWhat::Fib { target, .. }
            | CheckWhat::Paths { target }
            | CheckWhat::Mclag { target } => target,
        }
    }
}

impl SwitchFault {
    pub(crate) fn target(&self) -> &Target {
        match self {
            SwitchFault::Crash { target, .. }
            | SwitchFault::CrashLoop { target, .. }
            | SwitchFault::Hang { target, .. }
            | SwitchFault::Slow { target, .. }
            | SwitchFault::LoseReports { target, .. }
            | SwitchFault::DelayReports { target, .. }
            | SwitchFault::RefuseWrites { target, .. }
            | SwitchFault::DropWrites { target, .. }
            | SwitchFault::DelayWrites { target, .. }
            | SwitchFault::MisorderWrites { target, .. }
            | SwitchFault::StaleMembers { target, .. }
            | SwitchFault::Restart { target, .. }
            | SwitchFault::Heal { target } => target,
        }
    }
}

impl FaultWhat {
    pub(crate) fn json(&self) -> bool {
        match self {
            FaultWhat::Switch(fault) => fault.target().json,
            FaultWhat::Link(_) => false,
            FaultWhat::Port {
                change: PortChange::Impair { target, .. } | PortChange::Mend { target },
                ..
            } => target.json,
        }
    }
}
