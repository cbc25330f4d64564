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
