//! The words of `greylag why`.

use super::assumption;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

pub(super) const WHY: &str = "Say why one station does not reach another: where its frames die, both ways, and what stands behind it

Every copy of a frame is followed from node to node, each switch by its own stages. Nothing is sent, counted or learned. Exit status 0 when both ways \
pass, 1 when not.

  greylag why h1 h5                              hosts of the lab that runs
  greylag why 10.0.10.2 10.0.20.2 --proto tcp --sport 4711 --dport 443
  greylag why h5 h7 --replay scenarios/learning/agent-dies.yml --at 13:31:00";

#[derive(Args)]
pub(crate) struct WhyArguments {
    /// Who does not reach: a host or a switch by its name, or an address of one
    #[arg(value_name = "A")]
    pub(crate) from: String,
    /// Whom
    #[arg(value_name = "B")]
    pub(crate) to: String,
    /// The lab that runs [default: the only one]
    #[arg(short, long, value_name = "LAB", conflicts_with = "replay")]
    pub(crate) lab: Option<String>,
    /// Not a lab that runs, but this scenario, replayed
    #[arg(long, value_name = "SCENARIO.yml", requires = "at")]
    pub(crate) replay: Option<PathBuf>,
    /// The moment of the replay: a time since the start such as 90s or 5m, or a time of day such as 13:40
    #[arg(long, value_name = "TIME", requires = "replay")]
    pub(crate) at: Option<String>,
    /// Where all chance of the replay comes from [default: the file's, or 1]
    #[arg(long, requires = "replay")]
    pub(crate) seed: Option<u64>,
    /// A variant of the file's
    #[arg(long, value_name = "NAME", requires = "replay")]
    pub(crate) variant: Option<String>,
    /// Another value for a parameter of the file's; as often as there are parameters
    #[arg(long, value_name = "NAME=VALUE", value_parser = assumption, requires = "replay")]
    pub(crate) assume: Vec<(String, String)>,
    /// The flow's protocol; with one of these three, only that flow is asked about [default: udp]
    #[arg(long, value_name = "PROTOCOL")]
    pub(crate) proto: Option<ProtocolWord>,
    /// Its source port
    #[arg(long, value_name = "PORT")]
    pub(crate) sport: Option<u16>,
    /// Its destination port
    #[arg(long, value_name = "PORT")]
    pub(crate) dport: Option<u16>,
    /// Print JSON
    #[arg(short, long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ProtocolWord {
    Udp,
    Tcp,
    Icmp,
}
