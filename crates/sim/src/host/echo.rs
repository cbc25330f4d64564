//! Echo requests and replies (RFC 792, RFC 4443 4).

use super::lan::Lan;
use super::{HostDrop, HostError, HostEvent};
use core::net::IpAddr;
use greylag_base::Instant;
use greylag_wire::ethernet::EtherType;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    IPV4_HEADER_LEN, IPV6_HEADER_LEN, Icmpv4Packet, Icmpv4Repr, Icmpv6Packet, Icmpv6Repr, IpProtocol,
    Ipv4Packet, Ipv4Repr, Ipv6Packet, Ipv6Repr,
};

/// What a request carries to measure its round trip: the time of its sending in nanoseconds.
const TIME_LEN: usize = 8;
/// Both families' echo header.
const HEADER_LEN: usize = 8;

/// An echo message of either family.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Echo<'a> {
    pub(crate) is_reply: bool,
    pub(crate) ident: u16,
    pub(crate) seq: u16,
    pub(crate) data: &'a [u8],
}

impl<'a> Echo<'a> {
    /// `None` for other messages.
    pub(crate) fn from_v4(repr: &Icmpv4Repr<'a>) -> Option<Self> {
        match *repr {
            Icmpv4Repr::EchoRequest { ident, seq_no, data } => {
                Some(Echo { is_reply: false, ident, seq: seq_no, data })
            }
            Icmpv4Repr::EchoReply { ident, seq_no, data } => {
                Some(Echo { is_reply: true, ident, seq: seq_no, data })
            }
            _ => None,
        }
    }

    /// `None` for other messages.
    pub(crate) fn from_v6(repr: &Icmpv6Repr<'a>) -> Option<Self> {
        match *repr {
            Icmpv6Repr::EchoRequest { ident, seq_no, data } => {
                Some(Echo { is_reply: false, ident, seq: seq_no, data })
            }
            Icmpv6Repr::EchoReply { ident, seq_no, data } => {
                Some(Echo { is_reply: true, ident, seq: seq_no, data })
            }
            _ => None,
        }
    }

    fn to_v4(self) -> Icmpv4Repr<'a> {
        let Echo { is_reply, ident, seq: seq_no, data } = self;
        match is_reply {
            true => Icmpv4Repr::EchoReply { ident, seq_no, data },
            false => Icmpv4Repr::EchoRequest { ident, seq_no, data },
        }
    }

    fn to_v6(self) -> Icmpv6Repr<'a> {
        let Echo { is_reply, ident, seq: seq_no, data } = self;
        match is_reply {
            true => Icmpv6Repr::EchoReply { ident, seq_no, data },
            false => Icmpv6Repr::EchoRequest { ident, seq_no, data },
        }
    }
}

/// Sends a request with `size` bytes of data.
pub(crate) fn ping(
    lan: &mut Lan,
    now: Instant,
    (from, to): (IpAddr, IpAddr),
    (ident, seq): (u16, u16),
    size: usize,
) -> Result<(), HostError> {
    let ip_header = if to.is_ipv4() { IPV4_HEADER_LEN } else { IPV6_HEADER_LEN };
    let most = super::stack::MTU - ip_header - HEADER_LEN;
    if !(TIME_LEN..=most).contains(&size) {
        return Err(HostError::Size { size, least: TIME_LEN, most });
    }
    let mut data = vec![0; size];
    data[..TIME_LEN].copy_from_slice(&now.as_nanos().to_be_bytes());
    send(lan, now, from, to, Echo { is_reply: false, ident, seq, data: &data });
    Ok(())
}

/// Answers a request that was for `own` alone, and reports a reply.
pub(crate) fn handle(
    lan: &mut Lan,
    now: Instant,
    from: IpAddr,
    own: IpAddr,
    echo: Echo<'_>,
) -> Result<(), HostDrop> {
    if !echo.is_reply {
        send(lan, now, own, from, Echo { is_reply: true, ..echo });
        return Ok(());
    }
    let sent = *echo.data.first_chunk::<TIME_LEN>().ok_or(HostDrop::Malformed)?;
    let round_trip = now.since(Instant::from_nanos(u64::from_be_bytes(sent)));
    lan.events.push_back(HostEvent::EchoReply { from, ident: echo.ident, seq: echo.seq, round_trip });
    Ok(())
}

fn send(lan: &mut Lan, now: Instant, from: IpAddr, to: IpAddr, echo: Echo<'_>) {
    let checksums = ChecksumCapabilities::default();
    let header_len = lan.nic.header_len();
    let frame = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let repr = echo.to_v4();
            let payload_len = repr.buffer_len();
            let mut frame = lan.nic.packet_buffer(IPV4_HEADER_LEN + payload_len);
            let (ip, icmp) = frame[header_len..].split_at_mut(IPV4_HEADER_LEN);
            Ipv4Repr {
                src_addr: from,
                dst_addr: to,
                next_header: IpProtocol::Icmp,
                payload_len,
                hop_limit: lan.ttl,
            }
            .emit(&mut Ipv4Packet::new_unchecked(ip), &checksums);
            repr.emit(&mut Icmpv4Packet::new_unchecked(icmp), &checksums);
            lan.nic.set_type(&mut frame, EtherType::IPV4);
            frame
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let repr = echo.to_v6();
            let payload_len = repr.buffer_len();
            let mut frame = lan.nic.packet_buffer(IPV6_HEADER_LEN + payload_len);
            let (ip, icmp) = frame[header_len..].split_at_mut(IPV6_HEADER_LEN);
            Ipv6Repr {
                src_addr: from,
                dst_addr: to,
                next_header: IpProtocol::Icmpv6,
                payload_len,
                hop_limit: lan.ttl,
            }
            .emit(&mut Ipv6Packet::new_unchecked(ip));
            repr.emit(&from, &to, &mut Icmpv6Packet::new_unchecked(icmp), &checksums);
            lan.nic.set_type(&mut frame, EtherType::IPV6);
            frame
        }
        _ => unreachable!("both addresses come from one packet, or from one family's addresses"),
    };
    lan.send(now, to, frame, &mut None);
}
