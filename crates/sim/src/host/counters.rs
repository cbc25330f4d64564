use std::fmt;

/// Frames, and their bytes without frame check sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, frame: &[u8]) {
        self.frames += 1;
        self.bytes += frame.len() as u64;
    }
}

/// Declares each reason once: variant, name in tables and metrics, sentence for people.
macro_rules! host_drops {
    ($($variant:ident, $name:literal, $description:literal;)+) => {
        /// Why a host took no frame from its link, or gave none to it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum HostDrop { $(#[doc = $description] $variant),+ }

        impl HostDrop {
            /// All reasons, those of received frames first.
            pub const ALL: &[HostDrop] = &[$(HostDrop::$variant),+];

            /// The name in tables, JSON and metrics.
            pub const fn name(self) -> &'static str {
                match self { $(HostDrop::$variant => $name),+ }
            }

            /// One sentence for people.
            pub const fn description(self) -> &'static str {
                match self { $(HostDrop::$variant => $description),+ }
            }
        }
    };
}

host_drops! {
    Runt, "runt", "The frame is shorter than its headers.";
    WrongVlan, "wrong-vlan", "The frame is tagged for another VLAN, is untagged for a host that is in one, or the other way round.";
    ForeignUnicast, "foreign-unicast", "The frame is for another station: the network floods.";
    ForeignGroup, "foreign-group", "The frame is for a group that the host is not in.";
    UnknownProtocol, "unknown-protocol", "The host does not speak the frame's protocol.";
    Malformed, "malformed", "Lengths, checksums or fields of the packet are not right.";
    ForeignAddress, "foreign-address", "The frame is for the host, the IP packet in it is not.";
    StrayProbe, "stray-probe", "The probe is of a flow that the host does not receive.";
    LinkDown, "link-down", "The host's link is down.";
    NoRoute, "no-route", "The destination is in no subnet of the host, which has no gateway.";
    Unresolved, "unresolved", "The neighbour did not answer.";
    QueueFull, "queue-full", "Too many packets wait for the same neighbour: the oldest had to go.";
    NeighborsFull, "neighbors-full", "The table of neighbours is full, and none of them is stale.";
}

impl HostDrop {
    /// How many reasons there are.
    pub const COUNT: usize = Self::ALL.len();
}

impl fmt::Display for HostDrop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a host has counted since it started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostCounters {
    /// Every frame that came in, whatever became of it.
    pub received: Tally,
    /// Those among them that bore the host's own address as source: a loop, or a second station with its address.
    pub own_source: Tally,
    /// Every frame that was given to the link.
    pub sent: Tally,
    pub(crate) drops: [Tally; HostDrop::COUNT],
}

impl HostCounters {
    /// What was dropped for a reason.
    pub fn dropped(&self, reason: HostDrop) -> Tally {
        self.drops[reason as usize]
    }
}
