//! The words of `greylag trace`.

use super::Target;
use clap::Args;
use core::net::IpAddr;
use greylag_base::MacAddr;

pub(super) const TRACE: &str = "Say what a running switch does with frames, step by step

Those that pass and that a filter takes, as they pass: docs/trace.md has the words of the filter. Forwarding never waits for it; what was not told \
for want of room is counted.

  greylag trace -s sw1 host 10.0.0.1 and not arp
  greylag trace -s sw1 -n 1 --port eth1 'vlan 10 and (icmp or icmp6)'

With --inject, what the switch would do with one that is given: described, or whole by --frame. The data plane's own stages decide over it; nothing is \
sent, counted or learned.

  greylag trace --inject -s r1 --port eth1 --to 10.0.20.2 --source-port 4711 --destination-port 53
  greylag trace --inject -s sw1 --port eth1 --frame ffffffffffff02000000000108060001...";

#[derive(Args)]
pub(crate) struct TraceArguments {
    /// Which frames, in words like tcpdump's [default: all]
    #[arg(value_name = "FILTER", conflicts_with = "inject")]
    pub(crate) filter: Vec<String>,
    /// End after so many
    #[arg(short = 'n', long, value_name = "N", conflicts_with = "inject")]
    pub(crate) count: Option<u64>,
    /// The port that they come in by
    #[arg(long, value_name = "PORT", required_if_eq("inject", "true"))]
    pub(crate) port: Option<String>,
    /// Not what passes, but one frame, and nobody forwards it
    #[arg(long)]
    pub(crate) inject: bool,
    #[command(flatten)]
    pub(crate) injected: Injected,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// A frame that is given.
#[derive(Args)]
pub(crate) struct Injected {
    /// The worker that takes it, from 0
    #[arg(long, value_name = "N", default_value_t = 0, requires = "inject")]
    pub(crate) worker: u16,
    /// The whole frame, two hexadecimal digits an octet, from its destination address on
    #[arg(long, value_name = "HEX", requires = "inject",
        conflicts_with_all = ["to", "from", "vlan", "source_mac", "destination_mac", "protocol", "source_port", "destination_port", "ttl"])]
    pub(crate) frame: Option<String>,
    /// The packet's destination
    #[arg(long, value_name = "ADDRESS", requires = "inject")]
    pub(crate) to: Option<IpAddr>,
    /// The packet's source [default: an address for documentation]
    #[arg(long, value_name = "ADDRESS", requires = "inject")]
    pub(crate) from: Option<IpAddr>,
    /// The VLAN of its tag [default: no tag]
    #[arg(long, value_name = "VLAN", requires = "inject")]
    pub(crate) vlan: Option<u16>,
    /// Its source on the link
    #[arg(long, value_name = "MAC", requires = "inject")]
    pub(crate) source_mac: Option<MacAddr>,
    /// Its destination on the link [default: the switch's own interface]
    #[arg(long, value_name = "MAC", requires = "inject")]
    pub(crate) destination_mac: Option<MacAddr>,
    /// The number of the packet's protocol [default: 17, UDP]
    #[arg(long, value_name = "NUMBER", requires = "inject")]
    pub(crate) protocol: Option<u8>,
    /// The source port of UDP or TCP
    #[arg(long, value_name = "PORT", default_value_t = 0, requires = "inject")]
    pub(crate) source_port: u16,
    /// The destination port of UDP or TCP
    #[arg(long, value_name = "PORT", default_value_t = 0, requires = "inject")]
    pub(crate) destination_port: u16,
    /// How many hops the packet may go [default: 64]
    #[arg(long, value_name = "HOPS", requires = "inject")]
    pub(crate) ttl: Option<u8>,
}
