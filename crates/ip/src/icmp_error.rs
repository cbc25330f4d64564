//! ICMP errors: which there are, when none may be sent, and how they are built.
//!
//! Read RFC 792, RFC 1122 3.2.2, RFC 1812 4.3.2 and RFC 4443 2.4 first.

use crate::config::IcmpLimit;
use crate::counters::Silence;
use crate::header::{Header, number};
use crate::ip_header;
use core::net::IpAddr;
use greylag_base::Instant;
use smoltcp::wire::{Icmpv4Packet, Icmpv6Packet, IpProtocol};

/// What is told of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IcmpError {
    /// Its TTL or hop limit is used up.
    TimeExceeded,
    /// There is no route.
    NetUnreachable,
    /// The last neighbour does not answer.
    HostUnreachable,
    /// An operator does not want it to pass.
    AdminProhibited,
    /// It is longer than the link that it was to leave by, and must not be fragmented (RFC 1191 4, RFC 4443 3.2).
    TooBig {
        /// What that link carries.
        mtu: u16,
    },
    /// Nobody listens to its port.
    PortUnreachable,
    /// Nobody speaks its protocol.
    ProtocolUnreachable {
        /// Where in the packet its number stands.
        at: usize,
    },
    /// Its other parts have not come.
    ReassemblyTime,
}

impl IcmpError {
    /// The name in tables, JSON and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            IcmpError::TimeExceeded => "time-exceeded",
            IcmpError::NetUnreachable => "net-unreachable",
            IcmpError::HostUnreachable => "host-unreachable",
            IcmpError::AdminProhibited => "admin-prohibited",
            IcmpError::TooBig { .. } => "too-big",
            IcmpError::PortUnreachable => "port-unreachable",
            IcmpError::ProtocolUnreachable { .. } => "protocol-unreachable",
            IcmpError::ReassemblyTime => "reassembly-time",
        }
    }

    /// Type, code and the word behind the checksum, in ICMP.
    fn v4(self) -> (u8, u8, u32) {
        match self {
            IcmpError::TimeExceeded => (11, 0, 0),
            IcmpError::NetUnreachable => (3, 0, 0),
            IcmpError::HostUnreachable => (3, 1, 0),
            IcmpError::AdminProhibited => (3, 13, 0),
            IcmpError::TooBig { mtu } => (3, 4, mtu.into()),
            IcmpError::PortUnreachable => (3, 3, 0),
            IcmpError::ProtocolUnreachable { .. } => (3, 2, 0),
            IcmpError::ReassemblyTime => (11, 1, 0),
        }
    }

    /// Type, code and the word behind the checksum, in ICMPv6.
    fn v6(self) -> (u8, u8, u32) {
        match self {
            IcmpError::TimeExceeded => (3, 0, 0),
            IcmpError::NetUnreachable => (1, 0, 0),
            IcmpError::HostUnreachable => (1, 3, 0),
            IcmpError::AdminProhibited => (1, 1, 0),
            IcmpError::TooBig { mtu } => (2, 0, mtu.into()),
            IcmpError::PortUnreachable => (1, 4, 0),
            IcmpError::ProtocolUnreachable { at } => (4, 1, at as u32),
            IcmpError::ReassemblyTime => (3, 1, 0),
        }
    }
}

/// Whether anything may be told of a packet at all. `to_group` says that its frame was for a group.
pub(crate) fn may_be_told(
    error: IcmpError,
    header: &Header,
    packet: &[u8],
    to_group: bool,
) -> Result<(), Silence> {
    if header.fragment.is_some_and(|fragment| fragment.offset != 0) {
        return Err(Silence::Fragment);
    }
    let kind = packet.get(header.payload.start).copied();
    let is_error = match (header.protocol, kind) {
        // RFC 1122 3.2.2: destination unreachable, source quench, redirect, time exceeded, parameter problem.
        (number::ICMP, Some(3 | 4 | 5 | 11 | 12)) => true,
        // RFC 4443 2.4(e.1), (e.2): errors have the high bit clear; redirects are 137.
        (number::ICMP6, Some(kind)) => kind < 128 || kind == 137,
        // Nobody can say what was in it.
        (number::ICMP | number::ICMP6, None) => true,
        _ => false,
    };
    if is_error {
        return Err(Silence::AboutError);
    }
    // RFC 4443 2.4(e.3): the way to a group may have a path MTU too.
    let of_paths = header.to.is_ipv6() && matches!(error, IcmpError::TooBig { .. });
    let broadcast = matches!(header.to, IpAddr::V4(to) if to.is_broadcast());
    if (to_group || header.to.is_multicast() || broadcast) && !of_paths {
        return Err(Silence::ToGroup);
    }
    if is_one_station(header.from) { Ok(()) } else { Err(Silence::NoSource) }
}

/// Does an address say who sent a packet (RFC 1812 4.3.2.7, RFC 4443 2.4(e.6))?
pub(crate) fn is_one_station(from: IpAddr) -> bool {
    let v4_only = match from {
        // RFC 1122 3.2.1.3: this network, and class E, which limited broadcast is in.
        IpAddr::V4(from) => from.octets()[0] != 0 && from.octets()[0] < 240,
        IpAddr::V6(_) => true,
    };
    v4_only && !from.is_unspecified() && !from.is_multicast() && !from.is_loopback()
}

/// RFC 1812 4.3.2.3 and RFC 4443 2.4(c): how long the whole error may be.
const LONGEST: [usize; 2] = [576, 1280];
/// Type, code, checksum and one word.
const ICMP_LEN: usize = 8;
/// RFC 1812 4.3.2.5: errors have precedence 6, internetwork control.
const PRECEDENCE: u8 = 0xc0;
const TTL: u8 = 64;

/// The packet that tells `error` of `packet`, which has no padding any more.
///
/// # Panics
/// When `from` and the packet are of two families.
pub(crate) fn build(error: IcmpError, from: IpAddr, to: IpAddr, packet: &[u8]) -> Vec<u8> {
    let header_len = ip_header::len(to);
    let room = LONGEST[usize::from(to.is_ipv6())] - header_len - ICMP_LEN;
    let quoted = &packet[..packet.len().min(room)];
    let mut whole = vec![0; header_len + ICMP_LEN + quoted.len()];
    let protocol = if to.is_ipv4() { IpProtocol::Icmp } else { IpProtocol::Icmpv6 };
    let icmp = ip_header::emit(&mut whole, (from, to), protocol, TTL);
    let (kind, code, word) = if to.is_ipv4() { error.v4() } else { error.v6() };
    (icmp[0], icmp[1]) = (kind, code);
    icmp[4..8].copy_from_slice(&word.to_be_bytes());
    icmp[ICMP_LEN..].copy_from_slice(quoted);
    match (from, to) {
        (IpAddr::V6(from), IpAddr::V6(to)) => Icmpv6Packet::new_unchecked(icmp).fill_checksum(&from, &to),
        _ => Icmpv4Packet::new_unchecked(icmp).fill_checksum(),
    }
    ip_header::set_tos(&mut whole, PRECEDENCE);
    whole
}

/// A token bucket for errors.
#[derive(Debug)]
pub(crate) struct Limiter {
    limit: IcmpLimit,
    /// In billionths of an error.
    level: u64,
    at: Instant,
}

/// One error.
const ERROR: u64 = 1_000_000_000;

impl Limiter {
    pub(crate) fn new(limit: IcmpLimit, now: Instant) -> Self {
        Limiter { limit, level: u64::from(limit.burst) * ERROR, at: now }
    }

    pub(crate) fn set_limit(&mut self, limit: IcmpLimit) {
        self.limit = limit;
        self.level = self.level.min(u64::from(limit.burst) * ERROR);
    }

    pub(crate) fn takes(&mut self, now: Instant) -> bool {
        let nanos = now.as_nanos().saturating_sub(self.at.as_nanos());
        let earned = nanos.saturating_mul(self.limit.per_second.into());
        self.level = self.level.saturating_add(earned).min(u64::from(self.limit.burst) * ERROR);
        self.at = self.at.max(now);
        let enough = self.level >= ERROR;
        if enough {
            self.level -= ERROR;
        }
        enough
    }
}
