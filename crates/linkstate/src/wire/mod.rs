//! What the bytes of a packet mean: a header, and one of five bodies. It is a format of our own, on the IP protocol number
//! that RFC 3692 has for experiments.
//!
//! | octets | of the header |
//! | --- | --- |
//! | 0..4 | `GLLS`: others may experiment too (RFC 3692 1.1) |
//! | 4 | version, 1 |
//! | 5 | kind: 1 hello, 2 summary, 3 request, 4 update, 5 acknowledgement |
//! | 6..8 | length of the packet with its header |
//! | 8..12 | CRC-32 over the packet, with these four octets zero |
//! | 12..16 | router-id of the sender |
//! | 16..20 | incarnation of the sender: another after each start |
//! | 20..24 | router-id that the packet is for; zero for all on the segment |
//!
//! Everything is in network byte order. What can be written in two ways is refused in all but one, so that a packet that was
//! read is written the same.

mod checksum;
mod hello;
mod lsa;
mod packet;

pub use hello::Hello;
pub use lsa::{AnnouncedPrefix, Link, Lsa, LsaHeader, LsaId};
pub(crate) use lsa::{LSA_LEN, MAX_AGE};
pub use packet::{Body, Packet, Repr};
pub(crate) use packet::{HEADER_LEN, MOST_OCTETS};

/// Why octets are no packet of this protocol, in the order in which they are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// There are fewer octets than the header needs, or than it says.
    CutShort,
    /// It is somebody else's experiment.
    Magic,
    /// The version is not 1.
    Version,
    /// There are more octets than the header says, or it says less than its own length.
    Length,
    /// The checksum of the packet is another.
    Checksum,
    /// There is no such kind.
    Kind,
    /// The sender has no router-id.
    RouterId,
    /// The body is not made of whole and sound items.
    Body,
    /// The checksum of an announcement is another: it was damaged before it was sent.
    LsaChecksum,
}

/// Octets that are taken from the front.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(octets: &'a [u8]) -> Self {
        Reader(octets)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn slice(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Malformed::Body)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Malformed::Body)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(crate) fn half(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn word(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    /// Items to the end.
    pub(crate) fn all<T>(
        mut self,
        read: impl Fn(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let mut items = Vec::new();
        while !self.is_empty() {
            items.push(read(&mut self)?);
        }
        Ok(items)
    }
}
