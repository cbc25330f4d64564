//! A link-state announcement: what one router says of itself, or a part of that.

use super::checksum::checksum;
use super::{Malformed, Reader};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use greylag_base::InterfaceId;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Seconds after which nobody believes an announcement any more (RFC 2328 B, MaxAge).
pub(crate) const MAX_AGE: u16 = 3600;

/// Octets of an announcement without links and prefixes.
pub(crate) const LSA_LEN: usize = 22;
const LINK_LEN: usize = 10;

mod field {
    use std::ops::Range;
    pub(super) const AGE: Range<usize> = 6..8;
    pub(super) const CHECKSUM: Range<usize> = 12..16;
}

/// Bit of the flags: nobody should go through this router.
const OVERLOAD: u16 = 1;

/// The checksum of an announcement, whatever its age, and whatever it says that it is.
fn sum(octets: &[u8]) -> u32 {
    let between = &octets[field::AGE.end..field::CHECKSUM.start];
    checksum(&[&octets[..field::AGE.start], &[0; 2], between, &[0; 4], &octets[field::CHECKSUM.end..]])
}

/// Which announcement: a router has as many as it takes to hold its links and prefixes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LsaId {
    /// Whose.
    pub router: Ipv4Addr,
    /// Which of its own, from 0. Without its first, the others are not used.
    pub fragment: u16,
}

impl fmt::Display for LsaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.router, self.fragment)
    }
}

impl fmt::Debug for LsaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Which instance of an announcement. It is the first 16 octets of it, and stands alone in summaries and acknowledgements.
///
/// | octets | |
/// | --- | --- |
/// | 0..4 | router-id |
/// | 4..6 | fragment |
/// | 6..8 | age in seconds, at most 3600 |
/// | 8..12 | sequence number, from 1 |
/// | 12..16 | CRC-32 of the announcement, with these octets and the age zero |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LsaHeader {
    /// Of which announcement.
    pub id: LsaId,
    /// In seconds, at most 3600.
    pub age: u16,
    /// A later instance has a greater one.
    pub sequence: u32,
    /// Tells two instances apart that a router made before and after a restart with the same sequence number.
    pub checksum: u32,
}

impl LsaHeader {
    pub(crate) const LEN: usize = 16;

    /// Withdrawn by its router, or too old.
    pub(crate) fn is_withdrawn(&self) -> bool {
        self.age >= MAX_AGE
    }

    /// What decides which of two instances is newer (RFC 2328 13.1). There is no rule for ages that differ.
    pub(crate) fn rank(&self) -> (u32, u32, bool) {
        (self.sequence, self.checksum, self.is_withdrawn())
    }

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let header = LsaHeader {
            id: LsaId { router: Ipv4Addr::from(reader.array::<4>()?), fragment: reader.half()? },
            age: reader.half()?,
            sequence: reader.word()?,
            checksum: reader.word()?,
        };
        let sound = !header.id.router.is_unspecified() && header.age <= MAX_AGE && header.sequence > 0;
        sound.then_some(header).ok_or(Malformed::Body)
    }

    pub(super) fn emit(&self, octets: &mut Vec<u8>) {
        octets.extend(self.id.router.octets());
        octets.extend(self.id.fragment.to_be_bytes());
        octets.extend(self.age.to_be_bytes());
        octets.extend(self.sequence.to_be_bytes());
        octets.extend(self.checksum.to_be_bytes());
    }
}

/// A way from a router to one that it is adjacent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Link {
    /// The router at the other end.
    pub neighbor: Ipv4Addr,
    /// The interface of the router that says so.
    pub interface: InterfaceId,
    /// The interface of the other.
    pub neighbor_interface: InterfaceId,
    /// At least 1.
    pub cost: u16,
}

/// A prefix that can be reached at a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AnnouncedPrefix {
    /// Without host bits.
    pub prefix: IpNet,
    /// What it costs beyond the way to the router.
    pub metric: u16,
}

impl AnnouncedPrefix {
    /// Octets that it takes in an announcement.
    pub(crate) fn len(&self) -> usize {
        4 + usize::from(self.prefix.prefix_len().div_ceil(8))
    }

    fn parse(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let [family, prefix_len] = reader.array()?;
        let metric = reader.half()?;
        let stated = reader.slice(usize::from(prefix_len.div_ceil(8)))?;
        let mut octets = [0; 16];
        let octets_of_address = octets.get_mut(..stated.len()).ok_or(Malformed::Body)?;
        octets_of_address.copy_from_slice(stated);
        let address = match (family, stated.len()) {
            (4, ..=4) => IpAddr::V4(Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3])),
            (6, _) => IpAddr::V6(Ipv6Addr::from(octets)),
            _ => return Err(Malformed::Body),
        };
        let prefix = IpNet::new(address, prefix_len).map_err(|_| Malformed::Body)?;
        let sound = prefix.trunc() == prefix;
        sound.then_some(AnnouncedPrefix { prefix, metric }).ok_or(Malformed::Body)
    }

    fn emit(&self, octets: &mut Vec<u8>) {
        octets.extend([if self.prefix.addr().is_ipv4() { 4 } else { 6 }, self.prefix.prefix_len()]);
        octets.extend(self.metric.to_be_bytes());
        let stated = self.len() - 4;
        match self.prefix.addr() {
            IpAddr::V4(address) => octets.extend(&address.octets()[..stated]),
            IpAddr::V6(address) => octets.extend(&address.octets()[..stated]),
        }
    }
}

impl Link {
    pub(crate) const LEN: usize = LINK_LEN;

    fn parse(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let link = Link {
            neighbor: Ipv4Addr::from(reader.array::<4>()?),
            interface: InterfaceId(reader.half()?),
            neighbor_interface: InterfaceId(reader.half()?),
            cost: reader.half()?,
        };
        // A way that costs nothing would make ways of equal cost that go round in circles.
        (link.cost > 0).then_some(link).ok_or(Malformed::Body)
    }

    fn emit(&self, octets: &mut Vec<u8>) {
        octets.extend(self.neighbor.octets());
        octets.extend(self.interface.0.to_be_bytes());
        octets.extend(self.neighbor_interface.0.to_be_bytes());
        octets.extend(self.cost.to_be_bytes());
    }
}

/// An announcement.
///
/// | octets | |
/// | --- | --- |
/// | 0..16 | which: [`LsaHeader`] |
/// | 16..18 | flags: 1 for overload, which counts in fragment 0 alone; others are zero |
/// | 18..20 | number of links |
/// | 20..22 | number of prefixes |
/// | 22.. | links: router-id of the neighbor, own interface, interface of the neighbor, cost |
/// | | prefixes: 4 or 6, length in bits, metric in two octets, as many octets of the address as it takes |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lsa {
    /// Which.
    pub header: LsaHeader,
    /// Nobody should go through this router, as by IS-IS's bit of that name. Only the first announcement of a router is asked.
    pub overload: bool,
    /// Where one gets from there.
    pub links: Vec<Link>,
    /// What is there.
    pub prefixes: Vec<AnnouncedPrefix>,
}

impl Lsa {
    /// Of a router that makes it now; the checksum follows.
    pub fn new(
        id: LsaId,
        sequence: u32,
        overload: bool,
        links: Vec<Link>,
        prefixes: Vec<AnnouncedPrefix>,
    ) -> Self {
        let header = LsaHeader { id, age: 0, sequence, checksum: 0 };
        let mut lsa = Lsa { header, overload, links, prefixes };
        let mut octets = Vec::with_capacity(lsa.len());
        lsa.emit(&mut octets);
        lsa.header.checksum = sum(&octets);
        lsa
    }

    /// In octets.
    pub(crate) fn len(&self) -> usize {
        let prefixes: usize = self.prefixes.iter().map(AnnouncedPrefix::len).sum();
        LSA_LEN + self.links.len() * LINK_LEN + prefixes
    }

    /// Does it say the same, whatever its instance?
    pub(crate) fn says_the_same(&self, other: &Lsa) -> bool {
        let said = |lsa: &'_ Lsa| (lsa.overload, lsa.header.is_withdrawn());
        said(self) == said(other) && self.links == other.links && self.prefixes == other.prefixes
    }

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let whole = reader.rest();
        let header = LsaHeader::parse(reader)?;
        let (flags, links, prefixes) = (reader.half()?, reader.half()?, reader.half()?);
        if flags & !OVERLOAD != 0 {
            return Err(Malformed::Body);
        }
        let lsa = Lsa {
            header,
            overload: flags & OVERLOAD != 0,
            links: (0..links).map(|_| Link::parse(reader)).collect::<Result<_, _>>()?,
            prefixes: (0..prefixes).map(|_| AnnouncedPrefix::parse(reader)).collect::<Result<_, _>>()?,
        };
        let octets = &whole[..whole.len() - reader.rest().len()];
        let sound = sum(octets) == header.checksum;
        sound.then_some(lsa).ok_or(Malformed::LsaChecksum)
    }

    pub(super) fn emit(&self, octets: &mut Vec<u8>) {
        self.header.emit(octets);
        octets.extend((if self.overload { OVERLOAD } else { 0 }).to_be_bytes());
        octets.extend((self.links.len() as u16).to_be_bytes());
        octets.extend((self.prefixes.len() as u16).to_be_bytes());
        self.links.iter().for_each(|link| link.emit(octets));
        self.prefixes.iter().for_each(|prefix| prefix.emit(octets));
    }
}
