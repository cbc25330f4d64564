//! Control packets on their way in and out. UDP and IP around them are the caller's.

use core::net::IpAddr;
use greylag_base::InterfaceId;
use greylag_wire::bfd::PACKET_LEN;

/// A UDP datagram to port 3784 or 4784 has come in. Its source port says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketIn<'a> {
    /// Its source address.
    pub from: IpAddr,
    /// Its destination address: one of ours.
    pub to: IpAddr,
    /// Where it came in.
    pub interface: InterfaceId,
    /// Its TTL or hop limit, as it arrived.
    pub ttl: u8,
    /// Its UDP destination port.
    pub destination_port: u16,
    /// What is in the datagram.
    pub payload: &'a [u8],
}

/// A UDP datagram is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketOut {
    /// Its source address.
    pub from: IpAddr,
    /// Its destination address.
    pub to: IpAddr,
    /// Where it has to leave, whatever routing says; `None` for as routing says.
    pub interface: Option<InterfaceId>,
    /// Its TTL or hop limit.
    pub ttl: u8,
    /// Its UDP source port: the session's own, always the same.
    pub source_port: u16,
    /// Its UDP destination port.
    pub destination_port: u16,
    /// What is in the datagram.
    pub payload: [u8; PACKET_LEN],
}
