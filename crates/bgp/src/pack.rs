//! UPDATE as it goes out: as many prefixes to a message as share their attributes and fit (RFC 4271 4.3 and 9.2).

use crate::attributes::{Attributes, Origin, Segment, Shared};
use crate::config::Family;
use crate::message::{self, HEADER, LONGEST};
use crate::update::{EXTENDED_LENGTH, MP_REACH_NLRI, MP_UNREACH_NLRI, OPTIONAL, PARTIAL, TRANSITIVE};
use bytes::Bytes;
use core::net::IpAddr;
use ipnet::IpNet;
use netgauze_bgp_pkt::community::Community;
use netgauze_bgp_pkt::path_attribute::{
    self as wire, As4Aggregator, As4PathSegment, AsPathSegmentType, PathAttribute, PathAttributeValue,
};
use netgauze_parse_utils::WritablePdu;

/// Both lengths of an UPDATE.
const LENGTHS: usize = 4;
/// MP_REACH_NLRI for IPv6 without any prefix: flags, type, length, family, next hop, reserved.
const REACH: usize = 4 + 3 + 1 + 16 + 1;
/// MP_UNREACH_NLRI without any prefix.
const UNREACH: usize = 4 + 3;
/// The longest prefix.
const PREFIX: usize = 1 + 16;

/// Prefixes that are told alike.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) family: Family,
    /// `None` for what is withdrawn.
    pub(crate) attributes: Option<Shared>,
    pub(crate) prefixes: Vec<IpNet>,
    told: usize,
}

impl Parcel {
    pub(crate) fn new(family: Family, attributes: Option<Shared>, prefixes: Vec<IpNet>) -> Self {
        Parcel { family, attributes, prefixes, told: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.told == self.prefixes.len()
    }

    /// The next message: as many prefixes as fit.
    pub(crate) fn next(&mut self) -> Bytes {
        let attributes = self.attributes.as_ref().map(|shared| write(shared)).unwrap_or_default();
        let overhead = match (self.family, &self.attributes) {
            (Family::Ipv4Unicast, _) => 0,
            (Family::Ipv6Unicast, Some(_)) => REACH,
            (Family::Ipv6Unicast, None) => UNREACH,
        };
        let prefixes = self.take(LONGEST - HEADER - LENGTHS - overhead - attributes.len());
        let (mut withdrawn, mut list, mut announced) = (Vec::new(), Vec::new(), Vec::new());
        match (self.family, &self.attributes) {
            (Family::Ipv4Unicast, None) => withdrawn = prefixes,
            (Family::Ipv4Unicast, Some(_)) => announced = prefixes,
            (family, None) => {
                let value = [&message::afi(family).to_be_bytes()[..], &[1], &prefixes].concat();
                frame(&mut list, OPTIONAL, MP_UNREACH_NLRI, &value);
            }
            (family, Some(shared)) => {
                let next_hop = match shared.next_hop {
                    Some(IpAddr::V6(address)) => address.octets(),
                    other => unreachable!("{other:?} is no next hop of {family:?}"),
                };
                let family = message::afi(family).to_be_bytes();
                let value = [&family[..], &[1, 16], &next_hop, &[0], &prefixes].concat();
                // RFC 7606 5.1: the first, so that it is found where another is wrong.
                frame(&mut list, OPTIONAL, MP_REACH_NLRI, &value);
            }
        }
        list.extend(attributes);
        let length = |part: &[u8]| (part.len() as u16).to_be_bytes();
        let body = [&length(&withdrawn)[..], &withdrawn, &length(&list), &list, &announced].concat();
        message::frame(message::UPDATE, &body)
    }

    fn take(&mut self, room: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while let Some(prefix) = self.prefixes.get(self.told) {
            let octets = usize::from(prefix.prefix_len().div_ceil(8));
            if bytes.len() + 1 + octets > room {
                break;
            }
            bytes.push(prefix.prefix_len());
            match prefix.network() {
                IpAddr::V4(address) => bytes.extend_from_slice(&address.octets()[..octets]),
                IpAddr::V6(address) => bytes.extend_from_slice(&address.octets()[..octets]),
            }
            self.told += 1;
        }
        bytes
    }
}

/// Is there room for a prefix beside the attributes? What has none is told to nobody (RFC 4271 9.2).
pub(crate) fn fits(attributes: &Attributes) -> bool {
    write(attributes).len() <= LONGEST - HEADER - LENGTHS - REACH - PREFIX
}

/// In the order of their types (RFC 4271 5), without MP_REACH_NLRI.
fn write(attributes: &Attributes) -> Vec<u8> {
    let mut known = vec![PathAttributeValue::Origin(match attributes.origin {
        Origin::Igp => wire::Origin::IGP,
        Origin::Egp => wire::Origin::EGP,
        Origin::Incomplete => wire::Origin::Incomplete,
    })];
    let segments: Vec<As4PathSegment> = attributes.as_path.0.iter().map(write_segment).collect();
    known.push(PathAttributeValue::AsPath(wire::AsPath::as4_path_segments(segments)));
    if let Some(IpAddr::V4(next_hop)) = attributes.next_hop {
        known.push(PathAttributeValue::NextHop(wire::NextHop::new(next_hop)));
    }
    let med = attributes.med.map(wire::MultiExitDiscriminator::new);
    known.extend(med.map(PathAttributeValue::MultiExitDiscriminator));
    let local_pref = attributes.local_pref.map(wire::LocalPreference::new);
    known.extend(local_pref.map(PathAttributeValue::LocalPreference));
    if attributes.atomic_aggregate {
        known.push(PathAttributeValue::AtomicAggregate(wire::AtomicAggregate));
    }
    known.extend(attributes.aggregator.map(|says| {
        let aggregator = As4Aggregator::new(says.asn.0, says.address);
        PathAttributeValue::Aggregator(wire::Aggregator::As4Aggregator(aggregator))
    }));
    if !attributes.communities.is_empty() {
        let communities: Vec<Community> =
            attributes.communities.iter().copied().map(Community::new).collect();
        known.push(PathAttributeValue::Communities(wire::Communities::new(communities)));
    }
    let mut bytes = Vec::new();
    for value in known {
        // What is optional and transitive here is known here, so that it is not partial.
        let optional = value.can_be_optional().unwrap_or(false);
        let transitive = value.can_be_transitive().unwrap_or(true);
        let extended = matches!(value, PathAttributeValue::AsPath(_) | PathAttributeValue::Communities(_));
        let attribute = PathAttribute::from(optional, transitive, false, extended, value);
        let attribute = attribute.expect("the flags are its own");
        attribute.write(&mut bytes).expect("memory can be written to");
    }
    for opaque in &attributes.others {
        let partial = if opaque.partial { PARTIAL } else { 0 };
        frame(&mut bytes, OPTIONAL | TRANSITIVE | partial, opaque.kind, &opaque.value);
    }
    bytes
}

fn write_segment(segment: &Segment) -> As4PathSegment {
    let (kind, systems) = match segment {
        Segment::Sequence(systems) => (AsPathSegmentType::AsSequence, systems),
        Segment::Set(systems) => (AsPathSegmentType::AsSet, systems),
    };
    As4PathSegment::new(kind, systems.iter().map(|asn| asn.0).collect::<Vec<u32>>())
}

fn frame(bytes: &mut Vec<u8>, flags: u8, kind: u8, value: &[u8]) {
    bytes.extend_from_slice(&[flags | EXTENDED_LENGTH, kind]);
    bytes.extend_from_slice(&(value.len() as u16).to_be_bytes());
    bytes.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::{Aggregator, AsPath, Keep, Opaque};
    use crate::config::Asn;
    use crate::update::{self, Sender};

    const BOTH: &[Family] = &[Family::Ipv4Unicast, Family::Ipv6Unicast];

    fn full(next_hop: &str) -> Attributes {
        Attributes {
            origin: Origin::Egp,
            as_path: AsPath(Box::new([
                Segment::Sequence([Asn(65_001), Asn(4_200_000_000)].into()),
                Segment::Set([Asn(7), Asn(8)].into()),
            ])),
            next_hop: Some(next_hop.parse().unwrap()),
            med: Some(5),
            local_pref: Some(200),
            atomic_aggregate: true,
            aggregator: Some(Aggregator { asn: Asn(70_000), address: [192, 0, 2, 9].into() }),
            communities: (0..100).collect(),
            others: Box::new([Opaque { kind: 32, partial: true, value: vec![7; 600].into() }]),
        }
    }

    fn read(bytes: &[u8]) -> update::Update {
        let sender = Sender { asn: Asn(65_001), external: false, families: BOTH, own: &[] };
        update::read(&bytes[HEADER..], &sender).expect("what we say is sound")
    }

    #[test]
    fn what_is_packed_is_read_as_it_was_meant() {
        let mut keep = Keep::default();
        for (next_hop, prefixes) in [
            ("192.0.2.1", ["0.0.0.0/0", "198.51.100.0/24", "203.0.113.128/25"]),
            ("2001:db8::1", ["::/0", "2001:db8:1::/48", "2001:db8:2::8/125"]),
        ] {
            let prefixes: Vec<IpNet> = prefixes.iter().map(|prefix| prefix.parse().unwrap()).collect();
            let (attributes, family) = (full(next_hop), Family::of(prefixes[0]));
            let mut parcel = Parcel::new(family, Some(keep.share(attributes.clone())), prefixes.clone());
            let update = read(&parcel.next());
            assert!(parcel.is_empty() && update.mistakes.is_empty(), "{:?}", update.mistakes);
            assert_eq!(update.announced, [(attributes, prefixes.clone())]);
            let mut parcel = Parcel::new(family, None, prefixes.clone());
            assert_eq!(read(&parcel.next()).withdrawn, prefixes);
        }
    }

    #[test]
    fn many_prefixes_fill_messages_to_the_brim() {
        let mut keep = Keep::default();
        for (next_hop, length) in [("192.0.2.1", 24), ("2001:db8::1", 128)] {
            for attributes in [None, Some(keep.share(full(next_hop)))] {
                let first: IpAddr = next_hop.parse().unwrap();
                let prefixes: Vec<IpNet> = (0..2000_u32)
                    .map(|number| match first {
                        IpAddr::V4(_) => IpNet::new(IpAddr::from((number << 8).to_be_bytes()), length),
                        IpAddr::V6(_) => {
                            IpNet::new(IpAddr::V6((1 << 125 | u128::from(number)).into()), length)
                        }
                    })
                    .map(|prefix| prefix.unwrap())
                    .collect();
                let mut parcel = Parcel::new(Family::of_address(first), attributes.clone(), prefixes.clone());
                let (mut told, mut lengths) = (Vec::new(), Vec::new());
                while !parcel.is_empty() {
                    let bytes = parcel.next();
                    lengths.push(bytes.len());
                    let update = read(&bytes);
                    told.extend(update.withdrawn);
                    told.extend(update.announced.into_iter().flat_map(|(_, prefixes)| prefixes));
                }
                assert_eq!(told, prefixes);
                lengths.pop();
                assert!(
                    lengths.iter().all(|length| (LONGEST - PREFIX..=LONGEST).contains(length)),
                    "{lengths:?}"
                );
            }
        }
    }

    #[test]
    fn what_leaves_no_room_for_a_prefix_does_not_fit() {
        let mut attributes = full("192.0.2.1");
        assert!(fits(&attributes));
        attributes.communities = (0..1000).collect();
        assert!(!fits(&attributes));
    }
}
