//! Netlink messages and their attributes: the part of linux/netlink.h that zebra uses.
//!
//! Numbers are in the byte order of the machine, as everywhere in netlink, and both ends are on one machine. Messages and
//! attributes begin at multiples of four octets.

use crate::error::Fault;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `struct nlmsghdr`.
pub(crate) const HEADER_LEN: usize = 16;
/// `struct nlattr`.
const ATTRIBUTE_LEN: usize = 4;
/// An attribute's kind without the bits that say how it is written.
const KIND_MASK: u16 = 0x3fff;
pub(crate) const NESTED: u16 = 0x8000;

pub(crate) mod flag {
    pub(crate) const REQUEST: u16 = 1;
    pub(crate) const REPLACE: u16 = 0x100;
    pub(crate) const CREATE: u16 = 0x400;
}

/// Where a message, seen from its own beginning, is wrong.
pub(crate) type Wrong = (usize, Fault);

pub(crate) const fn aligned(len: usize) -> usize {
    len.next_multiple_of(4)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_ne_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// One message with its header.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a>(&'a [u8]);

impl<'a> Message<'a> {
    /// How long the message at the beginning of `frame` is. What follows it begins at [`aligned`] of that.
    pub(crate) fn length(frame: &[u8]) -> Result<usize, Fault> {
        let says = match frame.len() {
            0..4 => 0,
            _ => u32_at(frame, 0),
        };
        let fits = (HEADER_LEN..=frame.len()).contains(&(says as usize));
        if fits { Ok(says as usize) } else { Err(Fault::MessageLength { says, left: frame.len() }) }
    }

    /// All octets of a message, as [`Message::length`] has found them.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        debug_assert!(bytes.len() >= HEADER_LEN);
        Message(bytes)
    }

    pub(crate) fn kind(self) -> u16 {
        u16_at(self.0, 4)
    }

    pub(crate) fn has_flag(self, flag: u16) -> bool {
        u16_at(self.0, 6) & flag != 0
    }

    /// The fixed fields of the message's kind, and the attributes behind them.
    pub(crate) fn body<const FIXED: usize>(self) -> Result<(&'a [u8; FIXED], Attributes<'a>), Wrong> {
        let short = (HEADER_LEN, Fault::Short { has: self.0.len() - HEADER_LEN, needs: FIXED });
        let (fixed, rest) = self.0[HEADER_LEN..].split_first_chunk().ok_or(short)?;
        Ok((fixed, Attributes { rest, at: HEADER_LEN + FIXED }))
    }
}

/// Attributes in a row.
#[derive(Clone, Copy)]
pub(crate) struct Attributes<'a> {
    rest: &'a [u8],
    /// Of `rest`, in the message.
    at: usize,
}

impl<'a> Attributes<'a> {
    /// Attributes that stand in the message at `at`.
    pub(crate) fn new(rest: &'a [u8], at: usize) -> Self {
        Attributes { rest, at }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>, Wrong>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let (says, kind) = match self.rest.len() {
            0..ATTRIBUTE_LEN => (0, 0),
            _ => (u16_at(self.rest, 0), u16_at(self.rest, 2)),
        };
        if !(ATTRIBUTE_LEN..=self.rest.len()).contains(&usize::from(says)) {
            let wrong = (self.at, Fault::AttributeLength { says, left: self.rest.len() });
            self.rest = &[];
            return Some(Err(wrong));
        }
        let value = &self.rest[ATTRIBUTE_LEN..usize::from(says)];
        let found = Attribute { kind: kind & KIND_MASK, value, at: self.at + ATTRIBUTE_LEN };
        let next = aligned(says.into()).min(self.rest.len());
        self.rest = &self.rest[next..];
        self.at += next;
        Some(Ok(found))
    }
}

/// One attribute.
#[derive(Clone, Copy)]
pub(crate) struct Attribute<'a> {
    pub(crate) kind: u16,
    pub(crate) value: &'a [u8],
    /// Of the value, in the message.
    pub(crate) at: usize,
}

impl<'a> Attribute<'a> {
    pub(crate) fn wrong(self, attribute: &'static str, needs: &'static str) -> Wrong {
        (self.at, Fault::ValueLength { attribute, has: self.value.len(), needs })
    }

    pub(crate) fn u32(self, name: &'static str) -> Result<u32, Wrong> {
        self.value.try_into().map(u32::from_ne_bytes).map_err(|_| self.wrong(name, "4"))
    }

    pub(crate) fn u16(self, name: &'static str) -> Result<u16, Wrong> {
        self.value.try_into().map(u16::from_ne_bytes).map_err(|_| self.wrong(name, "2"))
    }

    pub(crate) fn address(self, name: &'static str) -> Result<IpAddr, Wrong> {
        address(self.value).ok_or_else(|| self.wrong(name, "4 or 16"))
    }

    /// An address of a family of its own: two octets of family in front (`struct rtvia`).
    pub(crate) fn via(self, name: &'static str) -> Result<IpAddr, Wrong> {
        self.value.get(2..).and_then(address).ok_or_else(|| self.wrong(name, "6 or 18"))
    }

    pub(crate) fn nested(self) -> Attributes<'a> {
        Attributes::new(self.value, self.at)
    }
}

fn address(value: &[u8]) -> Option<IpAddr> {
    let v4 = || <[u8; 4]>::try_from(value).map(|octets| Ipv4Addr::from(octets).into());
    let v6 = || <[u8; 16]>::try_from(value).map(|octets| Ipv6Addr::from(octets).into());
    v4().or_else(|_| v6()).ok()
}

/// Writes a message to the end of `out`; `body` its fixed fields and attributes.
pub(crate) fn put_message(out: &mut Vec<u8>, kind: u16, flags: u16, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([0; 4]);
    out.extend(kind.to_ne_bytes());
    out.extend(flags.to_ne_bytes());
    // Sequence number and port are of no use on this way, and zebra leaves the first at 0.
    out.extend([0; 8]);
    body(out);
    let len = (out.len() - start) as u32;
    out[start..start + 4].copy_from_slice(&len.to_ne_bytes());
}

/// Writes an attribute.
pub(crate) fn put(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    put_with(out, kind, |out| out.extend(value));
}

/// Writes an attribute whose value is written by `value`, of less than 64 KiB: what is larger does not fit a frame either, and
/// is refused there.
pub(crate) fn put_with(out: &mut Vec<u8>, kind: u16, value: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([0; 2]);
    out.extend(kind.to_ne_bytes());
    value(out);
    let len = (out.len() - start) as u16;
    out[start..start + 2].copy_from_slice(&len.to_ne_bytes());
    out.resize(start + aligned(out.len() - start), 0);
}

pub(crate) fn put_u32(out: &mut Vec<u8>, kind: u16, value: u32) {
    put(out, kind, &value.to_ne_bytes());
}

pub(crate) fn put_u16(out: &mut Vec<u8>, kind: u16, value: u16) {
    put(out, kind, &value.to_ne_bytes());
}

pub(crate) fn put_address(out: &mut Vec<u8>, kind: u16, address: IpAddr) {
    match address {
        IpAddr::V4(address) => put(out, kind, &address.octets()),
        IpAddr::V6(address) => put(out, kind, &address.octets()),
    }
}
