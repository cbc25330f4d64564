use std::fmt;

/// Declares each reason once: variant, name in tables and metrics, sentence for people.
macro_rules! drop_reasons {
    ($($variant:ident, $name:literal, $description:literal;)+) => {
        /// Why a frame was not forwarded.
        ///
        /// Every frame that a switch does not forward has one, with a counter per port.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum DropReason { $(#[doc = $description] $variant),+ }

        impl DropReason {
            /// All reasons, in the order in which a frame meets them first.
            pub const ALL: &[DropReason] = &[$(DropReason::$variant),+];

            /// The name in tables, JSON and metrics.
            pub const fn name(self) -> &'static str {
                match self { $(DropReason::$variant => $name),+ }
            }

            /// One sentence for people.
            pub const fn description(self) -> &'static str {
                match self { $(DropReason::$variant => $description),+ }
            }
        }
    };
}

drop_reasons! {
    PortDown, "port-down", "The port is down: administratively, or its link is.";
    Runt, "runt", "The frame is shorter than an Ethernet header.";
    Giant, "giant", "The frame is longer than the MTU of the port it came in on.";
    SourceMulticast, "source-multicast", "The source address is a group address.";
    SourceZero, "source-zero", "The source address is all zeros.";
    ReservedGroup, "reserved-group", "The destination is one of 01-80-C2-00-00-00 to 0F, which a bridge does not forward.";
    NotCollecting, "not-collecting", "The port is a member of a bundle that does not collect from it: its partner has not agreed, or it is not used.";
    PuntQueueFull, "punt-queue-full", "The frame is for the switch itself, whose control side does not keep up.";
    TruncatedTag, "truncated-tag", "The frame ends inside its 802.1Q tag.";
    VlanNotAllowed, "vlan-not-allowed", "The port is not a member of the frame's VLAN.";
    NoNativeVlan, "no-native-vlan", "The frame is untagged and the trunk has no native VLAN.";
    ReservedVlan, "reserved-vlan", "The tag carries VLAN 4095, which is reserved.";
    MoveDamped, "move-damped", "The source address moves between ports too often and is held where it was.";
    NotForUs, "not-for-us", "The frame came in by a routed port, and is to another station, or to a group that nobody listens to there.";
    UnknownProtocol, "unknown-protocol", "The frame is to an interface of the switch, and is neither IP nor ARP.";
    InterfaceDown, "interface-down", "The interface that it came in by, or would leave by, is down.";
    BadIpHeader, "bad-ip-header", "The IP header is cut short, of another version, or says more octets than there are.";
    BadIpChecksum, "bad-ip-checksum", "The checksum of the IPv4 header is wrong.";
    MartianSource, "martian-source", "No packet that is forwarded may come from its source address: a group, this network, loopback, reserved, or of the link alone.";
    MartianDestination, "martian-destination", "No packet is forwarded to its destination address: a group, this network, loopback, reserved, or of the link alone.";
    NoRoute, "no-route", "There is no route to its destination.";
    NoLiveNextHop, "no-live-next-hop", "No next hop of its route's group can be reached.";
    NextHopUnset, "next-hop-unset", "Its next hop has a number, and nobody has said what is done there.";
    Blackhole, "blackhole", "Its route says to drop it in silence.";
    Unreachable, "unreachable", "Its route says that the destination cannot be reached.";
    Prohibited, "prohibited", "Its route says that this is forbidden.";
    TtlExpired, "ttl-expired", "Its time to live, or hop limit, is over.";
    PacketTooBig, "packet-too-big", "The packet is longer than the MTU of the interface that it would leave by.";
    NextHopUnresolved, "next-hop-unresolved", "Nobody knows the station of its next hop, or of its destination, yet.";
    AdjacencyUnresolved, "adjacency-unresolved", "Nobody knows the port of its next hop's station, and the learning agent does not let it be flooded.";
    Hairpin, "hairpin", "The destination is on the port that the frame came in on.";
    DestinationDown, "destination-down", "The destination is behind a port that is down.";
    Isolated, "isolated", "Source and destination port are in the same isolation group.";
    SplitHorizon, "split-horizon", "The frame came in by the inter-chassis link, and is for a bundle whose other leg is up: the other chassis has sent it there.";
    StormControl, "storm-control", "The flooded frame is beyond the port's storm control limit.";
    NotInFloodGroup, "not-in-flood-group", "The port is a member of the VLAN and up, but its agent has not put it into the VLAN's flood group.";
    FloodGroupLapsed, "flood-group-lapsed", "The VLAN's flood group has lapsed: its agent has not renewed it for the ageing time.";
    NoEgress, "no-egress", "The VLAN has no other port that is up.";
    EgressDown, "egress-down", "The port it was to leave by went down, or has no interface any more.";
    EgressMtu, "egress-mtu", "The frame is longer than the MTU of the port it would leave by.";
    EgressQueueFull, "egress-queue-full", "The port did not take the frame: its queue is full.";
    EgressUnfinished, "egress-unfinished", "Its sender left a checksum or segmentation to do that the port cannot carry, and that is not done here: inside an encapsulation, or SCTP.";
    EgressError, "egress-error", "The port refused the frame.";
    EgressImpaired, "egress-impaired", "The port is told to lose frames, by its configuration or by an order.";
}

impl DropReason {
    /// How many reasons there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The reason as an array index.
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_and_names_are_dense_and_distinct() {
        let mut names = std::collections::BTreeSet::new();
        for (index, reason) in DropReason::ALL.iter().enumerate() {
            assert_eq!(reason.index(), index);
            assert!(names.insert(reason.name()));
            assert_eq!(reason.to_string(), reason.name());
        }
    }
}
