//! The words of `greylag trace`.

use super::Target;
use clap::Args;
use core::net::IpAddr;
use greylag_base::MacAddr;

pub(super) const TRACE: &str = "Say what a running switch would do with a frame, step by step

The frame is described by what is given here, or whole by --frame. The data plane's own stages decide over it; nothing is sent, counted or learned.

  greylag trace -s r1 --port eth1 --to 10.0.20.2 --source-port 4711 --destination-port 53
  greylag trace -s sw1 --port eth1 --frame ffffffffffff02000000000108060001...";

#[derive(Args)]
pub(crate) struct TraceArguments {
    /// The port that it comes in by
    #[arg(long, value_name = "PORT")]
    pub(crate) port: String,
    /// The worker that takes it, from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) worker: u16,
    /// The whole frame, two hexadecimal digits an octet, from its destination address on
    #[arg(long, value_name = "HEX", required_unless_present = "to",
        conflicts_with_all = ["to", "from", "vlan", "source_mac", "destination_mac", "protocol", "source_port", "destination_port", "ttl"])]
    pub(crate) frame: Option<String>,
    /// The packet's destination
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) to: Option<IpAddr>,
    /// The packet's source [default: an address for documentation]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) from: Option<IpAddr>,
    /// The VLAN of its tag [default: no tag]
    #[arg(long, value_name = "VLAN")]
    pub(crate) vlan: Option<u16>,
    /// Its source on the link
    #[arg(long, value_name = "MAC")]
    pub(crate) source_mac: Option<MacAddr>,
    /// Its destination on the link [default: the switch's own interface]
    #[arg(long, value_name = "MAC")]
    pub(crate) destination_mac: Option<MacAddr>,
    /// The number of the packet's protocol [default: 17, UDP]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) protocol: Option<u8>,
    /// The source port of UDP or TCP
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) source_port: u16,
    /// The destination port of UDP or TCP
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) destination_port: u16,
    /// How many hops the packet may go [default: 64]
    #[arg(long, value_name = "HOPS")]
    pub(crate) ttl: Option<u8>,
    #[command(flatten)]
    pub(crate) target: Target,
}
