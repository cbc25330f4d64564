//! What can be measured.

use super::dut::Dut;
use super::partner::Speech;

/// Something that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// Frames that come out while more are offered than that.
    Forwarding,
    /// RFC 2544 26.1: the highest rate without loss, and with a loss of 0.1 %.
    Throughput,
    /// RFC 2544 26.2, at 10, 50 and 90 % of the throughput, all frames' and not one's.
    Latency,
    /// RFC 2544 26.3: loss at 100 %, 90 % ... of what the generator offers.
    Loss,
    /// RFC 9004, which replaces RFC 2544 26.4.
    BackToBack,
    /// RFC 2889 5.7: addresses that are known at a time.
    Caching,
    /// RFC 2889 5.8: addresses that are learned in a second.
    Learning,
    /// RFC 2889 5.1: all ports send to all others.
    Mesh,
    /// RFC 2889 5.6: what goes to everybody.
    Broadcast,
    /// TCP, one stream and four.
    Tcp,
    /// A datagram and its answer.
    UdpRoundTrip,
    /// Eight ports and no frame.
    Idle,
    /// The shortest interval of BFD that a flood of data does not end.
    Bfd,
    /// One trial at overload: LACP stays up with the short timeout, it goes on forwarding, its memory stays as it is, and its counters add up to the frame.
    Soak,
}

/// How many ports a measure needs, and what is around them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// One sends, one receives.
    Pair,
    /// One learns, one asks, one watches.
    Watched,
    /// All with all.
    Mesh,
    /// Eight, in silence.
    Silent,
}

impl Shape {
    pub(super) const ALL: [Shape; 4] = [Shape::Pair, Shape::Watched, Shape::Mesh, Shape::Silent];

    pub(super) fn ports(self, mesh: usize) -> usize {
        match self {
            Shape::Pair => 2,
            Shape::Watched => 3,
            Shape::Mesh => mesh,
            Shape::Silent => 8,
        }
    }

    /// What generator and bare loops can do tells something here.
    pub(super) fn has_bounds(self) -> bool {
        self == Shape::Pair
    }
}

impl Measure {
    /// All of them.
    pub const ALL: [Measure; 14] = [
        Measure::Forwarding,
        Measure::Throughput,
        Measure::Latency,
        Measure::Loss,
        Measure::BackToBack,
        Measure::Caching,
        Measure::Learning,
        Measure::Mesh,
        Measure::Broadcast,
        Measure::Tcp,
        Measure::UdpRoundTrip,
        Measure::Idle,
        Measure::Bfd,
        Measure::Soak,
    ];

    /// The name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Measure::Forwarding => "forwarding",
            Measure::Throughput => "throughput",
            Measure::Latency => "latency",
            Measure::Loss => "loss",
            Measure::BackToBack => "back-to-back",
            Measure::Caching => "caching",
            Measure::Learning => "learning",
            Measure::Mesh => "mesh",
            Measure::Broadcast => "broadcast",
            Measure::Tcp => "tcp",
            Measure::UdpRoundTrip => "udp-rtt",
            Measure::Idle => "idle",
            Measure::Bfd => "bfd",
            Measure::Soak => "soak",
        }
    }

    /// A line that says what it is.
    pub const fn title(self) -> &'static str {
        match self {
            Measure::Forwarding => "forwarding rate while more is offered",
            Measure::Throughput => "throughput, RFC 2544 26.1",
            Measure::Latency => "latency, RFC 2544 26.2, one way",
            Measure::Loss => "frame loss, RFC 2544 26.3",
            Measure::BackToBack => "back-to-back frames, RFC 9004",
            Measure::Caching => "address caching capacity, RFC 2889 5.7",
            Measure::Learning => "address learning rate, RFC 2889 5.8",
            Measure::Mesh => "fully meshed, RFC 2889 5.1",
            Measure::Broadcast => "broadcast forwarding, RFC 2889 5.6",
            Measure::Tcp => "TCP, own sender and receiver",
            Measure::UdpRoundTrip => "UDP round trip on an idle system",
            Measure::Idle => "idle, eight ports",
            Measure::Bfd => "shortest BFD interval that survives overload, three packets to miss",
            Measure::Soak => "at overload: LACP stays up, books balance, memory is flat, nothing stalls",
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Result<Measure, String> {
        let found = Measure::ALL.into_iter().find(|measure| measure.name() == name);
        found.ok_or_else(|| format!("expected one of {}", Measure::ALL.map(Measure::name).join(", ")))
    }

    pub(super) fn shape(self) -> Shape {
        match self {
            Measure::Caching | Measure::Learning => Shape::Watched,
            Measure::Mesh | Measure::Broadcast => Shape::Mesh,
            Measure::Idle => Shape::Silent,
            _ => Shape::Pair,
        }
    }

    /// What the switch has to speak at its first port while it is measured.
    pub(super) fn speech(self) -> Option<Speech> {
        (self == Measure::Soak).then_some(Speech::Lacp)
    }

    /// A higher figure is the worse one.
    pub(super) fn is_cost(self) -> bool {
        matches!(
            self,
            Measure::Latency | Measure::Loss | Measure::UdpRoundTrip | Measure::Idle | Measure::Bfd
        )
    }

    /// It tells something about this device.
    pub(super) fn is_for(self, dut: Dut) -> bool {
        match (self, dut) {
            (Measure::Forwarding, _) => true,
            (Measure::Tcp | Measure::UdpRoundTrip, Dut::Cable) => true,
            (_, Dut::Cable | Dut::Drain | Dut::Loop) => false,
            // Somebody else has given it its ports, two of them, and its addresses.
            (Measure::Throughput | Measure::Latency | Measure::Loss | Measure::BackToBack, Dut::External) => {
                true
            }
            (_, Dut::External) => false,
            // Nobody else tells what it has counted in a way that could be held against the kernel's.
            (Measure::Soak | Measure::Bfd, dut) => dut == Dut::Greylag,
            (Measure::Idle, Dut::LinuxBridge) => false,
            // It changes addresses, so that nobody's packets would be taken for his.
            (Measure::Tcp | Measure::UdpRoundTrip, Dut::Testpmd) => false,
            (_, dut) => self.shape() == Shape::Pair || self == Measure::Idle || dut.is_switch(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_as_they_are_written() {
        for measure in Measure::ALL {
            assert_eq!(Measure::parse(measure.name()), Ok(measure));
        }
        assert!(Measure::parse("speed").is_err());
    }
}
