//! The words of `greylag bench pipeline` and `greylag bench wire`.

use clap::Args;
use greylag_bench::pipeline::Layer;
use greylag_bench::wire::{Dut, FrameSize, Measure, Pattern, PortKind};
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct PipelineArguments {
    /// Bridged (l2), routed (l3) or both [default: both]
    #[arg(long, value_name = "l2|l3", value_delimiter = ',', value_parser = Layer::parse)]
    pub(crate) layer: Vec<Layer>,
    /// Stations on each side, or IPv4 prefixes: 1000, 10k, 1M
    #[arg(long, value_name = "ENTRIES", value_delimiter = ',', default_value = "1000,10000,65536,1M", value_parser = entries)]
    pub(crate) size: Vec<usize>,
    /// Frames in a batch; sizes and workers are measured with the first
    #[arg(long, value_name = "FRAMES", value_delimiter = ',', default_value = "64,32,8,1", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) batch: Vec<u8>,
    /// The most workers, each on a core of its own
    #[arg(long, default_value = "2", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) workers: u16,
    /// Runs of which the median counts
    #[arg(long, default_value = "5", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) runs: u16,
    /// Milliseconds measured in each run; up to four times as many where runs lie far apart
    #[arg(long, value_name = "MS", default_value = "100", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) time: u16,
    /// Write JSON to a file, too
    #[arg(short, long, value_name = "FILE.json")]
    pub(crate) output: Option<PathBuf>,
    /// Print JSON
    #[arg(short, long)]
    pub(crate) json: bool,
}

pub(crate) const WIRE: &str = "A whole switch from outside, beside others, in namespaces of its own: RFC 2544, RFC 2889, TCP

Makes namespaces, generator and receiver, starts each device in turn, and removes everything again. Needs root. Measures:

  forwarding    frames that come out while more are offered than that
  throughput    RFC 2544 26.1: the highest rate without loss, and with 0.1 %
  latency       RFC 2544 26.2: p50 to p99.99 at 10, 50 and 90 % of the throughput
  loss          RFC 2544 26.3: loss at 100 %, 90 % .. of what the generator offers
  back-to-back  RFC 9004: the longest burst without loss
  caching       RFC 2889 5.7: addresses that are known at a time
  learning      RFC 2889 5.8: addresses that are learned in a second
  mesh          RFC 2889 5.1: all ports send to all others
  broadcast     RFC 2889 5.6: what goes to everybody
  tcp           one stream and four, own sender and receiver
  udp-rtt       a datagram and its answer, one at a time
  idle          share of a core that eight silent ports cost
  bfd           greylag: the shortest interval of BFD that a flood of data does not end
  soak          greylag for one trial at overload: counters add up to the frame, memory is flat, nothing stalls

Devices: greylag, greylag-afxdp, greylag-all-cores, linux-bridge, ovs, ovs-tso, ovs-afxdp, ovs-dpdk, testpmd, vde, and external, which is whatever is behind the interfaces that --interface \
names. One that this machine does not have is told by name. What a cable alone, a loop that reads, and one that reads and writes can do over the same \
ports is part of every result. Generator and device have a core each: there must be two.";

#[derive(Args)]
pub(crate) struct WireArguments {
    /// Devices under test; ratios are over the first
    #[arg(long, value_name = "NAME", value_delimiter = ',', default_value = "greylag,linux-bridge", value_parser = Dut::parse)]
    pub(crate) dut: Vec<Dut>,
    /// What their ports are: veth, tap
    #[arg(long, value_name = "KIND", value_delimiter = ',', default_value = "veth", value_parser = PortKind::parse)]
    pub(crate) ports: Vec<PortKind>,
    /// What is measured
    #[arg(long, value_name = "NAME", value_delimiter = ',', default_value = "forwarding", value_parser = Measure::parse)]
    pub(crate) measure: Vec<Measure>,
    /// Sizes of frames, in octets with the check sequence: 64 to 9018, imix, or rfc for all of RFC 2544 and jumbo
    #[arg(long, value_name = "OCTETS", value_delimiter = ',', default_value = "64", value_parser = sizes)]
    pub(crate) frame: Vec<Sizes>,
    /// Stations on each side
    #[arg(long, value_name = "COUNT", value_delimiter = ',', default_value = "1000", value_parser = entries)]
    pub(crate) macs: Vec<usize>,
    /// In which order their addresses come: sequential or random
    #[arg(long, default_value = "random", value_parser = Pattern::parse)]
    pub(crate) pattern: Pattern,
    /// UDP flows that frames are of; 0 for frames without IP
    #[arg(long, value_name = "COUNT", default_value = "0")]
    pub(crate) flows: u16,
    /// Frames that follow each other without a pause
    #[arg(long, value_name = "FRAMES", default_value = "1", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) burst: u8,
    /// Frames per second that are offered for `forwarding` [default: as many as the generator can]
    #[arg(long, value_name = "PPS")]
    pub(crate) rate: Option<u32>,
    /// Seconds of a trial [default: 2]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) trial: Option<f64>,
    /// Trials as long as RFC 2544 24 has them: 60 seconds
    #[arg(long, conflicts_with = "trial")]
    pub(crate) rfc: bool,
    /// Runs of which the median counts
    #[arg(long, default_value = "3", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) runs: u16,
    /// Ports of `mesh` and `broadcast`
    #[arg(long, value_name = "PORTS", default_value = "4", value_parser = clap::value_parser!(u8).range(3..=16))]
    pub(crate) mesh_ports: u8,
    /// The largest address table that `caching` looks for
    #[arg(long, value_name = "COUNT", default_value = "65536", value_parser = entries)]
    pub(crate) most_addresses: usize,
    /// Milliseconds that `bfd` tries, one after the other until one does not survive
    #[arg(long, value_name = "MS", value_delimiter = ',', default_value = "300,200,100,50,30,20,10,5,3", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) bfd_interval: Vec<u16>,
    /// Interfaces of this namespace that an external device is behind; twice
    #[arg(long, value_name = "NAME")]
    pub(crate) interface: Vec<String>,
    /// Write JSON to a file, too
    #[arg(short, long, value_name = "FILE.json")]
    pub(crate) output: Option<PathBuf>,
    /// Write the forwarding rates as a picture
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) plot: Option<PathBuf>,
    /// Write the tables as Markdown
    #[arg(long, value_name = "FILE.md")]
    pub(crate) markdown: Option<PathBuf>,
    /// Print JSON
    #[arg(short, long)]
    pub(crate) json: bool,
}

/// A size, or those of the RFC.
#[derive(Clone, Debug)]
pub(crate) struct Sizes(pub(crate) Vec<FrameSize>);

fn sizes(text: &str) -> Result<Sizes, String> {
    match text {
        "rfc" => Ok(Sizes(greylag_bench::wire::RFC_SIZES.map(FrameSize::Fixed).to_vec())),
        _ => FrameSize::parse(text).map(|size| Sizes(vec![size])).map_err(|error| format!("{error}, or rfc")),
    }
}

/// A number that people say: 1000, 10k, 1M, by thousands.
fn entries(text: &str) -> Result<usize, String> {
    let (digits, unit) = match text.strip_suffix(['k', 'M']) {
        Some(digits) if text.ends_with('k') => (digits, 1_000),
        Some(digits) => (digits, 1_000_000),
        None => (text, 1),
    };
    let number = digits.parse::<usize>().ok().and_then(|number| number.checked_mul(unit));
    number
        .filter(|number| (1..=4_000_000).contains(number))
        .ok_or_else(|| "expected a number from 1 to 4M, as in 1000 or 10k".to_owned())
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.05..=3600.0).contains(seconds));
    seconds.ok_or_else(|| "expected seconds from 0.05 to 3600".to_owned())
}
