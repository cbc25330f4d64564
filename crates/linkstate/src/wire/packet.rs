//! A packet: the header, and what it holds.

use super::checksum::checksum;
use super::{Hello, Lsa, LsaHeader, LsaId, Malformed, Reader};
use bytes::Bytes;
use core::net::Ipv4Addr;
use std::ops::Range;

/// Octets of the header.
pub(crate) const HEADER_LEN: usize = 24;
/// No packet has more octets: with an IPv6 header it crosses any link of RFC 8200 5 whole.
pub(crate) const MOST_OCTETS: usize = 1240;

const MAGIC: [u8; 4] = *b"GLLS";
const VERSION: u8 = 1;

mod field {
    use std::ops::Range;
    pub(super) const MAGIC: Range<usize> = 0..4;
    pub(super) const VERSION: usize = 4;
    pub(super) const KIND: usize = 5;
    pub(super) const LENGTH: Range<usize> = 6..8;
    pub(super) const CHECKSUM: Range<usize> = 8..12;
    pub(super) const ROUTER: Range<usize> = 12..16;
    pub(super) const INCARNATION: Range<usize> = 16..20;
    pub(super) const TO: Range<usize> = 20..24;
    pub(super) const BODY: usize = 24;
}

mod kind {
    pub(super) const HELLO: u8 = 1;
    pub(super) const SUMMARY: u8 = 2;
    pub(super) const REQUEST: u8 = 3;
    pub(super) const UPDATE: u8 = 4;
    pub(super) const ACKNOWLEDGEMENT: u8 = 5;
}

/// A view over the payload of an IP packet whose header is sound.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a>(&'a [u8]);

impl<'a> Packet<'a> {
    /// Checks what does not depend on the kind.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn new_checked(payload: &'a [u8]) -> Result<Self, Malformed> {
        if payload.len() < HEADER_LEN {
            return Err(Malformed::CutShort);
        }
        let packet = Packet(payload);
        let length = usize::from(u16::from_be_bytes(packet.array(field::LENGTH)));
        match () {
            () if payload[field::MAGIC] != MAGIC => Err(Malformed::Magic),
            () if payload[field::VERSION] != VERSION => Err(Malformed::Version),
            () if length > payload.len() => Err(Malformed::CutShort),
            () if length < payload.len() => Err(Malformed::Length),
            () if packet.checksum() != sum(payload) => Err(Malformed::Checksum),
            () if packet.router().is_unspecified() => Err(Malformed::RouterId),
            () => Ok(packet),
        }
    }

    /// What the sender says that the checksum is.
    pub fn checksum(&self) -> u32 {
        u32::from_be_bytes(self.array(field::CHECKSUM))
    }

    /// Who sends.
    pub fn router(&self) -> Ipv4Addr {
        Ipv4Addr::from(self.array(field::ROUTER))
    }

    /// Another after each start of the sender.
    pub fn incarnation(&self) -> u32 {
        u32::from_be_bytes(self.array(field::INCARNATION))
    }

    /// Whom it is for; `None` for all on the segment.
    pub fn to(&self) -> Option<Ipv4Addr> {
        Some(Ipv4Addr::from(self.array(field::TO))).filter(|to| !to.is_unspecified())
    }

    /// What it holds.
    ///
    /// # Errors
    /// When there is no such kind, or the octets are not whole and sound items of it.
    pub fn body(&self) -> Result<Body, Malformed> {
        let octets = &self.0[field::BODY..];
        let reader = Reader::new(octets);
        match self.0[field::KIND] {
            kind::HELLO => Hello::parse(octets).map(Body::Hello),
            kind::SUMMARY => reader.all(LsaHeader::parse).map(Body::Summary),
            kind::REQUEST => reader.all(parse_id).map(Body::Request),
            kind::UPDATE => reader.all(Lsa::parse).map(Body::Update),
            kind::ACKNOWLEDGEMENT => reader.all(LsaHeader::parse).map(Body::Acknowledgement),
            _ => Err(Malformed::Kind),
        }
    }

    fn array<const N: usize>(&self, at: Range<usize>) -> [u8; N] {
        let mut octets = [0; N];
        octets.copy_from_slice(&self.0[at]);
        octets
    }
}

/// The checksum of a packet, whatever it says that it is.
fn sum(octets: &[u8]) -> u32 {
    checksum(&[&octets[..field::CHECKSUM.start], &[0; 4], &octets[field::CHECKSUM.end..]])
}

fn parse_id(reader: &mut Reader<'_>) -> Result<LsaId, Malformed> {
    Ok(LsaId { router: Ipv4Addr::from(reader.array::<4>()?), fragment: reader.half()? })
}

/// What a packet holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// I am here.
    Hello(Hello),
    /// I have these instances.
    Summary(Vec<LsaHeader>),
    /// I have not got these, or not the instances that you have.
    Request(Vec<LsaId>),
    /// Here they are.
    Update(Vec<Lsa>),
    /// I have got these instances.
    Acknowledgement(Vec<LsaHeader>),
}

/// A packet as a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repr {
    /// Who sends.
    pub router: Ipv4Addr,
    /// Another after each start of the sender.
    pub incarnation: u32,
    /// Whom it is for; `None` for all on the segment.
    pub to: Option<Ipv4Addr>,
    /// What it holds.
    pub body: Body,
}

impl Repr {
    /// Reads the payload of an IP packet.
    ///
    /// # Errors
    /// What [`Packet::new_checked`] and [`Packet::body`] refuse.
    pub fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let packet = Packet::new_checked(payload)?;
        Ok(Repr {
            router: packet.router(),
            incarnation: packet.incarnation(),
            to: packet.to(),
            body: packet.body()?,
        })
    }

    /// The payload of an IP packet.
    pub fn emit(&self) -> Bytes {
        let mut octets = vec![0; HEADER_LEN];
        let kind = match &self.body {
            Body::Hello(hello) => {
                hello.emit(&mut octets);
                kind::HELLO
            }
            Body::Summary(headers) => {
                headers.iter().for_each(|header| header.emit(&mut octets));
                kind::SUMMARY
            }
            Body::Request(ids) => {
                for id in ids {
                    octets.extend(id.router.octets());
                    octets.extend(id.fragment.to_be_bytes());
                }
                kind::REQUEST
            }
            Body::Update(lsas) => {
                lsas.iter().for_each(|lsa| lsa.emit(&mut octets));
                kind::UPDATE
            }
            Body::Acknowledgement(headers) => {
                headers.iter().for_each(|header| header.emit(&mut octets));
                kind::ACKNOWLEDGEMENT
            }
        };
        let length = octets.len() as u16;
        octets[field::MAGIC].copy_from_slice(&MAGIC);
        octets[field::VERSION] = VERSION;
        octets[field::KIND] = kind;
        octets[field::LENGTH].copy_from_slice(&length.to_be_bytes());
        octets[field::ROUTER].copy_from_slice(&self.router.octets());
        octets[field::INCARNATION].copy_from_slice(&self.incarnation.to_be_bytes());
        octets[field::TO].copy_from_slice(&self.to.unwrap_or(Ipv4Addr::UNSPECIFIED).octets());
        let sum = sum(&octets).to_be_bytes();
        octets[field::CHECKSUM].copy_from_slice(&sum);
        octets.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{AnnouncedPrefix, LSA_LEN, Link, MAX_AGE};
    use core::net::Ipv6Addr;
    use greylag_base::InterfaceId;
    use ipnet::IpNet;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::time::Duration;

    const ONE: Ipv4Addr = Ipv4Addr::new(1, 1, 1, 1);
    const TWO: Ipv4Addr = Ipv4Addr::new(2, 2, 2, 2);

    fn packet(body: Body) -> Repr {
        Repr { router: ONE, incarnation: 0x0102_0304, to: Some(TWO), body }
    }

    fn hello() -> Hello {
        Hello {
            interface: InterfaceId(3),
            hello_interval: Duration::from_secs(10),
            dead_interval: Duration::from_secs(40),
            ipv4: Some(Ipv4Addr::new(192, 0, 2, 1)),
            ipv6: Some(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1)),
            heard: vec![TWO],
        }
    }

    fn lsa() -> Lsa {
        let link =
            Link { neighbor: TWO, interface: InterfaceId(3), neighbor_interface: InterfaceId(4), cost: 10 };
        let prefix = |text: &str| AnnouncedPrefix { prefix: text.parse().unwrap(), metric: 7 };
        let prefixes = vec![prefix("192.0.2.128/25"), prefix("2001:db8::/32"), prefix("0.0.0.0/0")];
        Lsa::new(LsaId { router: ONE, fragment: 2 }, 5, true, vec![link], prefixes)
    }

    /// The packet with some octets changed, and a checksum that fits them.
    fn changed(body: Body, changes: &[(usize, u8)]) -> Vec<u8> {
        let mut octets = packet(body).emit().to_vec();
        for (at, octet) in changes {
            octets[*at] = *octet;
        }
        signed(octets)
    }

    fn signed(mut octets: Vec<u8>) -> Vec<u8> {
        let sum = sum(&octets).to_be_bytes();
        octets[field::CHECKSUM].copy_from_slice(&sum);
        octets
    }

    #[test]
    fn every_field_stands_where_it_is_documented() {
        let mut expected =
            b"GLLS\x01\x01\x00\x3a....\x01\x01\x01\x01\x01\x02\x03\x04\x02\x02\x02\x02".to_vec();
        expected.extend(b"\x00\x03\x00\x00\x27\x10\x00\x00\x9c\x40\xc0\x00\x02\x01");
        expected.extend(b"\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x02\x02\x02\x02");
        assert_eq!(packet(Body::Hello(hello())).emit(), signed(expected));

        let mut update = packet(Body::Update(vec![lsa()])).emit().to_vec();
        // The checksum of the announcement is another test's.
        update[36..40].copy_from_slice(b"....");
        let mut expected =
            b"\x01\x01\x01\x01\x00\x02\x00\x00\x00\x00\x00\x05....\x00\x01\x00\x01\x00\x03".to_vec();
        expected.extend(b"\x02\x02\x02\x02\x00\x03\x00\x04\x00\x0a");
        expected.extend(b"\x04\x19\x00\x07\xc0\x00\x02\x80\x06\x20\x00\x07\x20\x01\x0d\xb8\x04\x00\x00\x07");
        assert_eq!(&update[HEADER_LEN..], expected);
    }

    #[test]
    fn what_is_not_sound_is_refused_by_the_rule() {
        let hello = || Body::Hello(hello());
        let lsas = || Body::Update(vec![lsa()]);
        let link = HEADER_LEN + LSA_LEN;
        let prefix = link + Link::LEN;
        type Row = (&'static str, Malformed, Vec<u8>);
        let rows: Vec<Row> = vec![
            ("another magic", Malformed::Magic, changed(hello(), &[(3, b'X')])),
            ("another version", Malformed::Version, changed(hello(), &[(4, 2)])),
            ("a length that is short", Malformed::Length, changed(hello(), &[(7, 0x39)])),
            ("a length that is long", Malformed::CutShort, changed(hello(), &[(7, 0x3b)])),
            ("no router-id", Malformed::RouterId, changed(hello(), &[(12, 0), (13, 0), (14, 0), (15, 0)])),
            ("no such kind", Malformed::Kind, changed(hello(), &[(5, 6)])),
            ("kind zero", Malformed::Kind, changed(hello(), &[(5, 0)])),
            ("a hello interval of zero", Malformed::Body, changed(hello(), &[(28, 0), (29, 0)])),
            ("a dead interval of zero", Malformed::Body, changed(hello(), &[(32, 0), (33, 0)])),
            ("a group as IPv4 gateway", Malformed::Body, changed(hello(), &[(34, 224)])),
            ("a loopback as IPv4 gateway", Malformed::Body, changed(hello(), &[(34, 127)])),
            ("an IPv6 gateway of beyond", Malformed::Body, changed(hello(), &[(38, 0x20)])),
            ("a flag that nobody knows", Malformed::Body, changed(lsas(), &[(41, 3)])),
            ("an age over the greatest", Malformed::Body, changed(lsas(), &[(30, 0x0e), (31, 0x11)])),
            ("sequence number zero", Malformed::Body, changed(lsas(), &[(35, 0)])),
            (
                "an announcement of nobody",
                Malformed::Body,
                changed(lsas(), &[(24, 0), (25, 0), (26, 0), (27, 0)]),
            ),
            ("a link too many", Malformed::Body, changed(lsas(), &[(43, 9)])),
            ("a prefix too many", Malformed::Body, changed(lsas(), &[(45, 4)])),
            ("a prefix too few", Malformed::LsaChecksum, changed(lsas(), &[(45, 2)])),
            ("a link that costs nothing", Malformed::Body, changed(lsas(), &[(link + 9, 0)])),
            ("another cost", Malformed::LsaChecksum, changed(lsas(), &[(link + 9, 11)])),
            ("no such family", Malformed::Body, changed(lsas(), &[(prefix, 5)])),
            ("33 bits of IPv4", Malformed::Body, changed(lsas(), &[(prefix + 1, 33)])),
            ("129 bits of IPv6", Malformed::Body, changed(lsas(), &[(prefix + 9, 129)])),
            ("bits behind the prefix", Malformed::Body, changed(lsas(), &[(prefix + 7, 0x81)])),
        ];
        for (name, malformed, octets) in rows {
            assert_eq!(Repr::parse(&octets), Err(malformed), "{name}");
        }
        for body in [hello(), lsas(), Body::Summary(vec![lsa().header]), Body::Request(vec![lsa().header.id])]
        {
            let whole = packet(body).emit();
            for cut in 0..whole.len() {
                assert_eq!(Repr::parse(&whole[..cut]), Err(Malformed::CutShort), "{cut}");
            }
            assert_eq!(Repr::parse(&[&whole[..], &[0]].concat()), Err(Malformed::Length));
        }
    }

    #[test]
    fn items_are_whole() {
        for (body, item) in [
            (Body::Summary(vec![lsa().header]), LsaHeader::LEN),
            (Body::Acknowledgement(vec![lsa().header]), LsaHeader::LEN),
            (Body::Request(vec![lsa().header.id]), 6),
        ] {
            let whole = packet(body).emit();
            for short in 1..item {
                let mut octets = whole[..whole.len() - short].to_vec();
                octets[7] -= short as u8;
                assert_eq!(Repr::parse(&signed(octets)), Err(Malformed::Body), "{short}");
            }
        }
    }

    #[test]
    fn the_age_is_not_in_the_checksum_of_an_announcement() {
        let mut old = lsa();
        old.header.age = MAX_AGE;
        let sent = packet(Body::Update(vec![old.clone()]));
        assert_eq!(Repr::parse(&sent.emit()), Ok(sent));
        assert_eq!(old.header.checksum, lsa().header.checksum);
        let other = Lsa::new(old.header.id, 6, true, old.links.clone(), old.prefixes.clone());
        assert_ne!(other.header.checksum, old.header.checksum);
    }

    fn ids() -> impl Strategy<Value = LsaId> {
        (1_u32.., any::<u16>()).prop_map(|(router, fragment)| LsaId { router: router.into(), fragment })
    }

    fn headers() -> impl Strategy<Value = LsaHeader> {
        (ids(), 0..=MAX_AGE, 1_u32.., any::<u32>()).prop_map(|(id, age, sequence, checksum)| LsaHeader {
            id,
            age,
            sequence,
            checksum,
        })
    }

    fn prefixes() -> impl Strategy<Value = AnnouncedPrefix> {
        let ipv4 = (any::<u32>(), 0_u8..=32).prop_map(|(bits, len)| (Ipv4Addr::from(bits).into(), len));
        let ipv6 = (any::<u128>(), 0_u8..=128).prop_map(|(bits, len)| (Ipv6Addr::from(bits).into(), len));
        (prop_oneof![ipv4, ipv6], any::<u16>()).prop_map(|((address, len), metric)| AnnouncedPrefix {
            prefix: IpNet::new(address, len).unwrap().trunc(),
            metric,
        })
    }

    fn links() -> impl Strategy<Value = Link> {
        (any::<u32>(), any::<u16>(), any::<u16>(), 1_u16..).prop_map(|(neighbor, here, there, cost)| Link {
            neighbor: neighbor.into(),
            interface: InterfaceId(here),
            neighbor_interface: InterfaceId(there),
            cost,
        })
    }

    fn lsas() -> impl Strategy<Value = Lsa> {
        let content = (vec(links(), 0..9), vec(prefixes(), 0..9), any::<bool>());
        (ids(), 1_u32.., content, 0..=MAX_AGE).prop_map(|(id, sequence, (links, prefixes, overload), age)| {
            let mut lsa = Lsa::new(id, sequence, overload, links, prefixes);
            lsa.header.age = age;
            lsa
        })
    }

    fn hellos() -> impl Strategy<Value = Hello> {
        let address = (1_u8..127, any::<[u8; 3]>()).prop_map(|(a, [b, c, d])| Ipv4Addr::new(a, b, c, d));
        let local = any::<u64>().prop_map(|low| Ipv6Addr::from(0xfe80_u128 << 112 | u128::from(low)));
        let gateways = (proptest::option::of(address), proptest::option::of(local));
        let heard = vec(any::<u32>().prop_map(Ipv4Addr::from), 0..9);
        (any::<u16>(), 1_u32.., 1_u32.., gateways, heard).prop_map(
            |(interface, hello, dead, (ipv4, ipv6), heard)| Hello {
                interface: InterfaceId(interface),
                hello_interval: Duration::from_millis(hello.into()),
                dead_interval: Duration::from_millis(dead.into()),
                ipv4,
                ipv6,
                heard,
            },
        )
    }

    fn packets() -> impl Strategy<Value = Repr> {
        let body = prop_oneof![
            hellos().prop_map(Body::Hello),
            vec(headers(), 0..9).prop_map(Body::Summary),
            vec(ids(), 0..9).prop_map(Body::Request),
            vec(lsas(), 0..4).prop_map(Body::Update),
            vec(headers(), 0..9).prop_map(Body::Acknowledgement),
        ];
        (1_u32.., any::<u32>(), proptest::option::of(1_u32..), body).prop_map(
            |(router, incarnation, to, body)| Repr {
                router: router.into(),
                incarnation,
                to: to.map(Ipv4Addr::from),
                body,
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_the_same(repr in packets()) {
            prop_assert_eq!(Repr::parse(&repr.emit()), Ok(repr));
        }

        #[test]
        fn what_is_read_is_written_the_same(repr in packets(), changes in vec((HEADER_LEN..400, any::<u8>()), 0..4)) {
            // With changes that the checksum of the packet does not notice.
            let mut octets = repr.emit().to_vec();
            for (at, octet) in changes {
                let at = at % octets.len();
                octets[at] = octet;
            }
            let octets = signed(octets);
            if let Ok(read) = Repr::parse(&octets) {
                prop_assert_eq!(&read.emit()[..], &octets[..]);
            }
        }

        #[test]
        fn one_octet_that_is_another_is_noticed(repr in packets(), at in any::<usize>(), by in 1_u8..) {
            let mut octets = repr.emit().to_vec();
            let at = at % octets.len();
            octets[at] ^= by;
            prop_assert!(Repr::parse(&octets).is_err());
        }

        #[test]
        fn any_octets_are_read_to_an_end(kind in 0_u8..8, body in vec(any::<u8>(), 0..200)) {
            let _ = Repr::parse(&body);
            let mut octets = packet(Body::Request(Vec::new())).emit().to_vec();
            octets.extend(body);
            octets[5] = kind;
            let length = octets.len() as u16;
            octets[field::LENGTH].copy_from_slice(&length.to_be_bytes());
            let _ = Repr::parse(&signed(octets));
        }
    }
}
