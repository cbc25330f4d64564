//! The words of `greylag capture`.

use crate::completions;
use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use std::num::NonZeroU64;
use std::path::PathBuf;

pub(super) const CAPTURE: &str = "Write the frames that pass running switches to a file for Wireshark

Every frame that comes in, and every copy that leaves, as it leaves, with the time in nanoseconds: pcapng, with an interface for each port and each \
way. What was dropped has a comment that says where and why. Several switches go into one file, in the order of time. docs/trace.md has the words of the \
filter. Forwarding never waits for it; what was not written for want of room is counted.

  greylag capture -s sw1 -s sw2 -w both.pcapng 'host 10.0.0.1 or arp'
  greylag capture -s sw1 --port eth1 -w - | wireshark -k -i -

It ends when interrupted, when nobody reads what it writes, or by -n or --seconds; the file is whole in any case.";

#[derive(Args)]
pub(crate) struct CaptureArguments {
    /// Which frames, by how they came in, in words like tcpdump's [default: all]
    #[arg(value_name = "FILTER")]
    pub(crate) filter: Vec<String>,
    /// A switch: its name, or the path of its control socket; several by several of these [default: the one that runs]
    #[arg(short, long = "switch", value_name = "SWITCH", add = ArgValueCandidates::new(completions::switches))]
    pub(crate) switches: Vec<String>,
    /// The file; - for standard output
    #[arg(short, long = "write", value_name = "FILE.pcapng")]
    pub(crate) write: PathBuf,
    /// Only what comes in or leaves by this port
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<String>,
    /// End after so many frames
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) count: Option<NonZeroU64>,
    /// End after so long
    #[arg(long, value_name = "S")]
    pub(crate) seconds: Option<NonZeroU64>,
    /// Octets that are kept of each frame, 64 to 16384
    #[arg(long, value_name = "N", default_value_t = 2048, value_parser = clap::value_parser!(u16).range(64..=16_384))]
    pub(crate) snaplen: u16,
}
