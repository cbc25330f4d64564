//! What comes out of a switch's stack, as values.

use crate::neighbor::NeighborState;
use crate::tcp::ConnectionId;
use bytes::Bytes;
use core::net::{IpAddr, SocketAddr};
use greylag_base::{InterfaceId, MacAddr};

/// Something to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// A whole untagged frame.
    Frame {
        /// Where it leaves.
        interface: InterfaceId,
        /// Its destination: of one station, or of a group.
        destination: MacAddr,
        /// The frame without frame check sequence, 60 octets at least.
        frame: Bytes,
    },
    /// A packet of our own that is for no subnet of ours. Whoever knows the routes gives it back by
    /// [`send_via`](crate::IpStack::send_via), or drops it.
    Route {
        /// Its destination.
        to: IpAddr,
        /// The IP packet.
        packet: Bytes,
    },
}

/// Something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IpEvent {
    /// A neighbour can be sent to, elsewhere than before, or cannot be any more. That one merely is verified, or has become
    /// stale, is no event.
    NeighborChanged {
        /// On which interface.
        interface: InterfaceId,
        /// Its address.
        ip: IpAddr,
        /// Where packets for it go; `None` for nowhere.
        mac: Option<MacAddr>,
        /// What is known of it; `None` when it has been forgotten.
        state: Option<NeighborState>,
    },
    /// Another station has said that it has an address of ours. It is told at most once in ten seconds for each interface.
    DuplicateAddress {
        /// Where it was heard.
        interface: InterfaceId,
        /// The address.
        ip: IpAddr,
        /// The other station.
        mac: MacAddr,
    },
    /// A packet of a protocol that somebody has registered for.
    Packet {
        /// Where it came in.
        interface: InterfaceId,
        /// Its source.
        from: IpAddr,
        /// Its destination: an address of ours, or a group of the link.
        to: IpAddr,
        /// Its protocol number.
        protocol: u8,
        /// Its TTL or hop limit, as it arrived.
        ttl: u8,
        /// What it carries.
        payload: Bytes,
    },
    /// A packet of ours did not arrive, says somebody: its destination cannot be reached, or its time was over.
    Error {
        /// Who says so.
        from: IpAddr,
        /// The type of the message, of ICMP or ICMPv6.
        kind: u8,
        /// The packet, as far as it is quoted.
        quoted: Bytes,
    },
    /// A datagram to a UDP port that somebody has registered for; its checksum was right.
    Datagram {
        /// Where it came in.
        interface: InterfaceId,
        /// Where it is from.
        from: SocketAddr,
        /// Where it is to: an address of ours, or a group of the link.
        to: SocketAddr,
        /// Its TTL or hop limit, as it arrived.
        ttl: u8,
        /// What it carries.
        payload: Bytes,
    },
}

/// Something happened to a TCP connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TcpEvent {
    /// A connection that we asked for is open.
    Connected {
        /// Which.
        id: ConnectionId,
    },
    /// Somebody has opened a connection to a port that we listen to.
    Accepted {
        /// Its name from now on.
        id: ConnectionId,
        /// Our end.
        local: SocketAddr,
        /// The other end.
        remote: SocketAddr,
        /// Where it came in.
        interface: InterfaceId,
    },
    /// Octets have come.
    Received {
        /// On which connection.
        id: ConnectionId,
        /// In their order.
        bytes: Bytes,
    },
    /// A connection is over; all that came before has been told. After it, the name means nothing.
    Closed {
        /// Which.
        id: ConnectionId,
        /// How it came about.
        how: Closed,
    },
}

/// How a connection ended that we had neither closed nor aborted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// The other end has closed it in good order; so have we now.
    Finished,
    /// The other end did not want it.
    Refused,
    /// The other end has reset it.
    Reset,
    /// We do not have its local address any more.
    AddressGone,
}
