//! The flow hash: one number for all frames of a flow, by which the member of a bundle or the next hop of a group is chosen.
//!
//! Frames of a flow go one way, or they overtake each other (IEEE 802.1AX-2014 6.2.4). What tells a flow are the configured
//! fields, as far as a frame has them: ports only where each fragment of a datagram would have them, addresses only behind
//! a whole IP header, and without these what the Ethernet header says.
//!
//! Two tiers of switches that hash alike polarise: the second sees only flows of which the first has made the same number. So each
//! switch has a seed, and so has each use of the hash within a switch.

use crate::FlowFields;
use crate::ingress::Header;
use core::net::{Ipv4Addr, Ipv6Addr};
use greylag_base::{Dice, Seed, VlanId};
use greylag_wire::ethernet::{ADDRESSES_LEN, EtherType, HEADER_LEN};
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
    ip: Masks,
    /// What counts of all others.
    link: Masks,
    /// Something behind the Ethernet header counts.
    reads_ip: bool,
    symmetric: bool,
    keys: [u64; 9],
}

/// What of a frame counts, as masks over the words that are hashed.
#[derive(Clone, Debug)]
struct Masks {
    /// Destination MAC address and VLAN.
    to_station: u64,
    /// Source MAC address and EtherType.
    from_station: u64,
    source: u128,
    destination: u128,
    /// Ports, protocol and flow label.
    transport: u64,
    /// What the stations come to where nothing of them counts.
    no_stations: Option<u64>,
}

/// What the Ethernet header of a frame says. The addresses are the upper 48 bits.
pub(crate) struct Link {
    pub(crate) destination: u64,
    pub(crate) source: u64,
    pub(crate) vlan: VlanId,
    pub(crate) ether_type: u16,
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
        let nothing_else = !fields.intersects(LINK_FIELDS);
        let mut dice = Dice::new(seed);
        let keys = std::array::from_fn(|_| dice.word());
        FlowHash {
            ip: Masks::new(fields, &keys),
            link: Masks::new(if reads_ip && nothing_else { FlowFields::LAYER2 } else { fields }, &keys),
            reads_ip,
            symmetric: false,
            keys,
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

    /// The hash of a frame that begins with its destination address, and may have the tag of `vlan` behind the addresses or not.
    /// All bits are alike good. A frame without a whole Ethernet header has 0.
    #[inline]
    pub fn of(&self, frame: &[u8], vlan: VlanId) -> u64 {
        let Some(header) = frame.first_chunk::<HEADER_LEN>() else { return 0 };
        // Eight octets at once, and the two that are not the address's replaced.
        let destination = header.first_chunk().expect("a header is longer");
        let source = header.last_chunk().expect("a header is longer");
        let [destination, source] = [destination, source].map(|octets| u64::from_be_bytes(*octets) & !0xffff);
        self.between(destination, source, frame, vlan)
    }

    /// The hash of a frame that will have other addresses and another VLAN once it leaves.
    #[inline]
    pub(crate) fn of_leaving(&self, header: &Header, frame: &[u8]) -> u64 {
        let [destination, source] = [header.destination, header.source].map(|mac| mac.to_bits() << 16);
        self.between(destination, source, frame, header.vlan)
    }

    /// The hash of a frame between two stations, whose addresses are the upper 48 bits.
    #[inline(always)]
    fn between(&self, destination: u64, source: u64, frame: &[u8], vlan: VlanId) -> u64 {
        if frame.len() < HEADER_LEN {
            return 0;
        }
        let tag_len = if let Tag::Present(_) = Tag::parse(frame) { TAG_LEN } else { 0 };
        let (&[high, low], packet) =
            frame[ADDRESSES_LEN + tag_len..].split_first_chunk().expect("a type is there");
        let ether_type = u16::from_be_bytes([high, low]);

        let link = || Link { destination, source, vlan, ether_type };
        let hash = match EtherType(ether_type) {
            EtherType::IPV4 if self.reads_ip => {
                FiveTuple::<Ipv4Addr>::parse(packet).map(|tuple| self.of_ipv4(&tuple, link))
            }
            EtherType::IPV6 if self.reads_ip => {
                FiveTuple::<Ipv6Addr>::parse(packet).map(|tuple| self.of_ipv6(&tuple, link))
            }
            _ => None,
        };
        hash.unwrap_or_else(|| self.all_of(&self.link, link, 0))
    }

    /// The hash of a frame whose packet has been read: the same as that of its bytes.
    #[inline(always)]
    pub(crate) fn of_ipv4(&self, tuple: &FiveTuple<Ipv4Addr>, link: impl FnOnce() -> Link) -> u64 {
        match self.reads_ip {
            true => self.all_of(&self.ip, link, self.ipv4(tuple)),
            false => self.all_of(&self.link, link, 0),
        }
    }

    /// As [`FlowHash::of_ipv4`].
    #[inline(always)]
    pub(crate) fn of_ipv6(&self, tuple: &FiveTuple<Ipv6Addr>, link: impl FnOnce() -> Link) -> u64 {
        match self.reads_ip {
            true => self.all_of(&self.ip, link, self.ipv6(tuple)),
            false => self.all_of(&self.link, link, 0),
        }
    }

    /// What is between the stations, with a word for the packet.
    #[inline(always)]
    fn all_of(&self, masks: &Masks, link: impl FnOnce() -> Link, packet: u64) -> u64 {
        let stations = masks.no_stations.unwrap_or_else(|| {
            let Link { destination, source, vlan, ether_type } = link();
            let (to, from) = self.ordered(destination, source);
            let to_station = to | u64::from(vlan.get());
            let from_station = from | u64::from(if ether_type < LEAST_ETHER_TYPE { 0 } else { ether_type });
            masks.stations(to_station, from_station, &self.keys)
        });
        fold(stations ^ packet, self.keys[2])
    }

    #[inline(always)]
    fn ipv4(&self, tuple: &FiveTuple<Ipv4Addr>) -> u64 {
        let (source, destination) = self.ordered(tuple.source.to_bits(), tuple.destination.to_bits());
        let source = u64::from(source & self.ip.source as u32);
        let destination = u64::from(destination & self.ip.destination as u32);
        self.conversation(source << 32 | destination, tuple)
    }

    #[inline(always)]
    fn ipv6(&self, tuple: &FiveTuple<Ipv6Addr>) -> u64 {
        let (source, destination) = self.ordered(tuple.source.to_bits(), tuple.destination.to_bits());
        let (source, destination) = (source & self.ip.source, destination & self.ip.destination);
        let high = fold((source >> 64) as u64 ^ self.keys[3], (destination >> 64) as u64 ^ self.keys[4]);
        let low = fold(source as u64 ^ self.keys[5], destination as u64 ^ self.keys[6]);
        self.conversation(high ^ low, tuple)
    }

    /// What stands between the addresses, with a word for these.
    #[inline(always)]
    fn conversation<A>(&self, addresses: u64, tuple: &FiveTuple<A>) -> u64 {
        let (source_port, destination_port) = self.ordered(tuple.source_port, tuple.destination_port);
        let transport = u64::from(source_port) << 48
            | u64::from(destination_port) << 32
            | u64::from(tuple.protocol) << 24
            | u64::from(tuple.flow_label);
        fold(addresses ^ self.keys[7], transport & self.ip.transport ^ self.keys[8])
    }

    /// Two ends of a flow, in an order that does not depend on the direction where that is wanted.
    // Addresses and ports are put in order each by themselves, which is cheaper, and unites a flow only with the one that has
    // the ports the other way round.
    #[inline]
    fn ordered<T: Ord + Copy>(&self, a: T, b: T) -> (T, T) {
        if self.symmetric { (a.min(b), a.max(b)) } else { (a, b) }
    }
}

/// The product of two words, folded into one: each bit of either moves all bits of it about.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

impl Masks {
    /// All ones where a field is in.
    fn new(fields: FlowFields, keys: &[u64; 9]) -> Masks {
        let ones = |field, bits: u32| if fields.contains(field) { (1_u64 << bits) - 1 } else { 0 };
        let address = |field| if fields.contains(field) { u128::MAX } else { 0 };
        let masks = Masks {
            to_station: ones(FlowFields::DESTINATION_MAC, 48) << 16 | ones(FlowFields::VLAN, 16),
            from_station: ones(FlowFields::SOURCE_MAC, 48) << 16 | ones(FlowFields::ETHER_TYPE, 16),
            source: address(FlowFields::SOURCE_IP),
            destination: address(FlowFields::DESTINATION_IP),
            transport: ones(FlowFields::SOURCE_PORT, 16) << 48
                | ones(FlowFields::DESTINATION_PORT, 16) << 32
                | ones(FlowFields::PROTOCOL, 8) << 24
                | ones(FlowFields::FLOW_LABEL, 20),
            no_stations: None,
        };
        let no_stations = (!fields.intersects(LINK_FIELDS)).then(|| masks.stations(0, 0, keys));
        Masks { no_stations, ..masks }
    }

    /// The stations, with VLAN and EtherType, as one word.
    #[inline(always)]
    fn stations(&self, to: u64, from: u64, keys: &[u64; 9]) -> u64 {
        fold(to & self.to_station ^ keys[0], from & self.from_station ^ keys[1])
    }
}
