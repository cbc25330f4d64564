//! The flow hash: one number for all frames of a flow, from which the member of a bundle and the next hop of a group are chosen.
//!
//! Frames of one flow must go one way, or they overtake each other (IEEE 802.1AX-2020 6.1.1). What tells a flow are the configured
//! fields, as far as a frame has them: ports only where all packets of a datagram have them, addresses only
//! where there is an IP header, and otherwise what the Ethernet header says.
//!
//! Switches that hash alike and stand behind each other polarise: the second sees only frames for which the first has drawn the
//! same number. A seed for each switch avoids it, and so does one for each use within a switch.

use crate::FlowFields;
use greylag_base::{Dice, Seed, VlanId};
use greylag_wire::ethernet::{ADDRESSES_LEN, EtherType, Frame};
use greylag_wire::five_tuple::FiveTuple;
use greylag_wire::vlan::{TAG_LEN, Tag};

/// A seeded hash over the fields that are configured.
///
/// ```
/// use greylag_base::{Seed, VlanId};
/// use greylag_dataplane::{Buckets, FlowFields, FlowHash};
///
/// let hash = FlowHash::new(FlowFields::LAYER3_4, Seed(1).derive("lag"));
/// let members = Buckets::even(&["left", "right"]);
/// let frame = [0x02; 60];
/// let member = members.choose(hash.of(&frame, VlanId::DEFAULT));
/// assert!(member == Some("left") || member == Some("right"));
/// ```
#[derive(Clone, Debug)]
pub struct FlowHash {
    /// What counts of a frame with an IP header, as masks.
    ip: Words,
    /// What counts of all others.
    link: Words,
    /// Something behind the Ethernet header counts.
    reads_ip: bool,
    symmetric: bool,
    keys: [u64; 9],
}

/// What may tell a flow, as it is hashed.
#[derive(Clone, Debug, Default)]
struct Words {
    /// Destination MAC address and VLAN.
    to_station: u64,
    /// Source MAC address and EtherType.
    from_station: u64,
    source: u128,
    destination: u128,
    /// Ports, protocol and flow label.
    transport: u64,
}

/// Below this an EtherType is the length of the frame (IEEE 802.3-2022 3.2.6), which differs within a flow.
const LEAST_ETHER_TYPE: u16 = 0x0600;

/// What every frame has.
const LINK_FIELDS: FlowFields = FlowFields::LAYER2.with(FlowFields::VLAN);

impl FlowHash {
    /// A hash over `fields`. A frame without an IP header is told by those of its Ethernet header; by
    /// [`FlowFields::LAYER2`], as in Linux, when none of them is configured.
    pub fn new(fields: FlowFields, seed: Seed) -> Self {
        let reads_ip = !LINK_FIELDS.contains(fields);
        let no_link = reads_ip && !fields.intersects(LINK_FIELDS);
        let mut dice = Dice::new(seed);
        FlowHash {
            ip: Words::mask(fields),
            link: Words::mask(if no_link { FlowFields::LAYER2 } else { fields }),
            reads_ip,
            symmetric: false,
            keys: std::array::from_fn(|_| dice.word()),
        }
    }

    /// The same number for both directions of a flow. A field of one end stands for both ends, and the flow label, which each
    /// end chooses for itself, for nothing.
    pub fn symmetric(fields: FlowFields, seed: Seed) -> Self {
        let mut both = fields.without(FlowFields::FLOW_LABEL);
        for ends in [
            FlowFields::DESTINATION_MAC.with(FlowFields::SOURCE_MAC),
            FlowFields::DESTINATION_IP.with(FlowFields::SOURCE_IP),
            FlowFields::DESTINATION_PORT.with(FlowFields::SOURCE_PORT),
        ] {
            if fields.intersects(ends) {
                both = both.with(ends);
            }
        }
        FlowHash { symmetric: true, ..FlowHash::new(both, seed) }
    }

    /// The hash of a frame that begins with its destination address and may have a tag behind the addresses. All of its bits
    /// are alike good.
    #[inline]
    pub fn of(&self, frame: &[u8], vlan: VlanId) -> u64 {
        let mut words = Words::default();
        let Some(header) = Frame::new_checked(frame) else { return self.mix(&words, &self.link) };
        let tag_len = if let Tag::Present(_) = Tag::parse(frame) { TAG_LEN } else { 0 };
        let (&[high, low], packet) =
            frame[ADDRESSES_LEN + tag_len..].split_first_chunk().expect("a type is there");
        let ether_type = u16::from_be_bytes([high, low]);
        let (to, from) = self.ordered(header.destination().to_bits(), header.source().to_bits());
        words.to_station = to << 16 | u64::from(vlan.get());
        words.from_station =
            from << 16 | u64::from(if ether_type < LEAST_ETHER_TYPE { 0 } else { ether_type });
        if self.reads_ip
            && let Some(tuple) = FiveTuple::parse(EtherType(ether_type), packet)
        {
            (words.source, words.destination) = self.ordered(tuple.source, tuple.destination);
            let (source_port, destination_port) = self.ordered(tuple.source_port, tuple.destination_port);
            words.transport = u64::from(source_port) << 48
                | u64::from(destination_port) << 32
                | u64::from(tuple.protocol) << 24
                | u64::from(tuple.flow_label);
            self.mix(&words, &self.ip)
        } else {
            self.mix(&words, &self.link)
        }
    }

    /// Two ends of a flow, in an order that does not depend on the direction where that is wanted.
    // Addresses and ports are put in order one by one, which is cheaper than as pairs: it only unites a flow with the one that has the ports
    // the other way round.
    #[inline]
    fn ordered<T: Ord + Copy>(&self, a: T, b: T) -> (T, T) {
        if self.symmetric { (a.min(b), a.max(b)) } else { (a, b) }
    }

    #[inline]
    fn mix(&self, words: &Words, mask: &Words) -> u64 {
        let k = &self.keys;
        let (source, destination) = (words.source & mask.source, words.destination & mask.destination);
        let stations =
            fold(words.to_station & mask.to_station ^ k[0], words.from_station & mask.from_station ^ k[1]);
        let high = fold((source >> 64) as u64 ^ k[2], (destination >> 64) as u64 ^ k[3]);
        let low = fold(source as u64 ^ k[4], destination as u64 ^ k[5]);
        let all = fold(stations ^ high ^ low, words.transport & mask.transport ^ k[6]);
        fold(all ^ k[7], k[8])
    }
}

/// The product of two words, folded into one: each bit of either moves all bits of it about.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

impl Words {
    /// All ones where a field is in.
    fn mask(fields: FlowFields) -> Words {
        let ones = |field, bits: u32| if fields.contains(field) { (1_u64 << bits) - 1 } else { 0 };
        let address = |field| if fields.contains(field) { u128::MAX } else { 0 };
        Words {
            to_station: ones(FlowFields::DESTINATION_MAC, 48) << 16 | ones(FlowFields::VLAN, 16),
            from_station: ones(FlowFields::SOURCE_MAC, 48) << 16 | ones(FlowFields::ETHER_TYPE, 16),
            source: address(FlowFields::SOURCE_IP),
            destination: address(FlowFields::DESTINATION_IP),
            transport: ones(FlowFields::SOURCE_PORT, 16) << 48
                | ones(FlowFields::DESTINATION_PORT, 16) << 32
                | ones(FlowFields::PROTOCOL, 8) << 24
                | ones(FlowFields::FLOW_LABEL, 20),
        }
    }
}
