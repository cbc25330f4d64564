//! Echo requests and replies (RFC 792, RFC 4443 4).

use super::lan::Lan;
use super::nic::ip_type;
use super::stack::MTU;
use super::{HostDrop, HostError, HostEvent};
use core::net::IpAddr;
use greylag_base::Instant;
use greylag_ip::ip_header;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{Icmpv4Packet, Icmpv4Repr, Icmpv6Packet, Icmpv6Repr, IpProtocol};

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
    let most = MTU - ip_header::len(to) - HEADER_LEN;
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
    let mut frame = lan.nic.packet_buffer(ip_header::len(to) + HEADER_LEN + echo.data.len());
    let packet = &mut frame[header_len..];
    if let (IpAddr::V6(from6), IpAddr::V6(to6)) = (from, to) {
        let icmp = ip_header::emit(packet, (from, to), IpProtocol::Icmpv6, lan.ttl);
        echo.to_v6().emit(&from6, &to6, &mut Icmpv6Packet::new_unchecked(icmp), &checksums);
    } else {
        let icmp = ip_header::emit(packet, (from, to), IpProtocol::Icmp, lan.ttl);
        echo.to_v4().emit(&mut Icmpv4Packet::new_unchecked(icmp), &checksums);
    }
    lan.nic.set_type(&mut frame, ip_type(to));
    lan.send(now, to, frame, &mut None);
}
