//! What greylag has a host do without any program of the host: ping, and a TCP transfer.

use crate::netns::Netns;
use serde::Serialize;
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// What came back of an echo request (RFC 792, RFC 4443 4.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PingReport {
    /// Requests that were sent.
    pub sent: u32,
    /// Requests that were answered.
    pub received: u32,
    /// Further answers to a request that had been answered.
    pub duplicates: u32,
    /// How long each answer took, in the order of the answers.
    pub round_trips: Vec<Duration>,
}

impl PingReport {
    /// Every request was answered, once.
    pub fn is_clean(&self) -> bool {
        self.sent > 0 && self.received == self.sent && self.duplicates == 0
    }
}

/// Each ping has an identifier of its own, as several may run from one host at a time.
static IDENTIFIER: AtomicU16 = AtomicU16::new(1);

/// Sends `count` echo requests, one every `interval`, and waits for answers until all are there or `deadline`
/// has passed since the first was sent.
///
/// # Errors
/// When the namespace cannot be entered, or the target has no route (`ENETUNREACH`). No answer is not an error.
pub fn ping(
    netns: &Netns,
    target: IpAddr,
    count: u16,
    interval: Duration,
    deadline: Duration,
) -> io::Result<PingReport> {
    let echo = Echo { v6: target.is_ipv6(), identifier: identifier() };
    let (domain, protocol) = match echo.v6 {
        true => (Domain::IPV6, Protocol::ICMPV6),
        false => (Domain::IPV4, Protocol::ICMPV4),
    };
    let socket = netns.run(|| {
        let socket = Socket::new(domain, Type::RAW, Some(protocol))?;
        socket.connect(&SocketAddr::new(target, 0).into())?;
        // A raw socket has no ports, but the same calls.
        io::Result::Ok(UdpSocket::from(socket))
    })??;

    let start = Instant::now();
    let mut sent_at: Vec<Instant> = Vec::new();
    let mut answered = vec![false; count.into()];
    let mut report = PingReport::default();
    let mut buffer = [0; 2048];
    loop {
        let now = Instant::now();
        let due = start + interval * u32::from(report_sent(&sent_at));
        if report_sent(&sent_at) < count && now >= due {
            send(&socket, &echo.request(report_sent(&sent_at)))?;
            sent_at.push(now);
            continue;
        }
        let all_answered = usize::from(count) == sent_at.len() && report.received == u32::from(count);
        let end = start + deadline;
        if all_answered || now >= end {
            break;
        }
        let until = if report_sent(&sent_at) < count { due.min(end) } else { end };
        socket.set_read_timeout(Some((until - now).max(Duration::from_millis(1))))?;
        let length = match socket.recv(&mut buffer) {
            Ok(length) => length,
            Err(e) if is_pause(&e) => continue,
            Err(e) => return Err(e),
        };
        let Some(sequence) = echo.answered(&buffer[..length]).map(usize::from) else { continue };
        let Some(sent) = sent_at.get(sequence) else { continue };
        if std::mem::replace(&mut answered[sequence], true) {
            report.duplicates += 1;
        } else {
            report.received += 1;
            report.round_trips.push(sent.elapsed());
        }
    }
    report.sent = sent_at.len() as u32;
    Ok(report)
}

fn report_sent(sent_at: &[Instant]) -> u16 {
    sent_at.len() as u16
}

/// Errors of a connected raw socket that say something about an earlier packet, or nothing at all.
fn is_pause(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock
            | ErrorKind::TimedOut
            | ErrorKind::Interrupted
            | ErrorKind::HostUnreachable
            | ErrorKind::ConnectionRefused
    )
}

fn send(socket: &UdpSocket, request: &[u8]) -> io::Result<()> {
    match socket.send(request) {
        // The neighbour did not answer an earlier request: this one is lost like that one.
        Err(e) if e.kind() == ErrorKind::HostUnreachable => Ok(()),
        other => other.map(drop),
    }
}

fn identifier() -> u16 {
    (std::process::id() as u16).wrapping_add(IDENTIFIER.fetch_add(1, Ordering::Relaxed))
}

/// One conversation of echo requests and replies.
struct Echo {
    v6: bool,
    identifier: u16,
}

impl Echo {
    fn request(&self, sequence: u16) -> Vec<u8> {
        let mut packet = vec![if self.v6 { 128 } else { 8 }, 0, 0, 0];
        packet.extend(self.identifier.to_be_bytes());
        packet.extend(sequence.to_be_bytes());
        packet.extend(b"greylag greylag greylag greylag greylag greylag greylag!");
        // For ICMPv6 the kernel fills the checksum in: it covers addresses (RFC 3542 3.1).
        if !self.v6 {
            let checksum = internet_checksum(&packet);
            packet[2..4].copy_from_slice(&checksum.to_be_bytes());
        }
        packet
    }

    /// The sequence number, when the packet answers one of our requests.
    fn answered(&self, packet: &[u8]) -> Option<u16> {
        let message = match self.v6 {
            true => packet,
            // A raw IPv4 socket hands over the IP header (raw(7)), whose length is in words.
            false => packet.get(usize::from(packet.first()? & 0xf) * 4..)?,
        };
        let reply = if self.v6 { 129 } else { 0 };
        let &[kind, 0, _, _, i0, i1, s0, s1, ..] = message else { return None };
        (kind == reply && u16::from_be_bytes([i0, i1]) == self.identifier)
            .then_some(u16::from_be_bytes([s0, s1]))
    }
}

/// RFC 1071.
fn internet_checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|word| u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0)));
    let sum: u32 = words.sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !((folded & 0xffff) + (folded >> 16)) as u16
}

/// How much a transfer carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferSize {
    /// This many bytes.
    Bytes(u64),
    /// As much as fits into this time.
    Time(Duration),
}

/// What a transfer carried: all of it arrived, in order and unharmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TransferReport {
    /// Payload that was received, in bytes.
    pub bytes: u64,
    /// From the connection to the last byte received.
    pub duration: Duration,
}

impl TransferReport {
    /// Payload in bits per second.
    pub fn bits_per_second(&self) -> f64 {
        self.bytes as f64 * 8.0 / self.duration.as_secs_f64()
    }
}

/// How long one step of a transfer may stand still.
const STALL: Duration = Duration::from_secs(10);

/// The payload repeats after a number of bytes that is no multiple of any segment's, so that a segment that is
/// lost, doubled or out of place cannot go unseen.
const PERIOD: usize = 251;

/// Sends data by TCP from one namespace to another and checks every byte that arrives. `address` is the server's.
///
/// # Errors
/// When no connection comes about within `connect_within`, when nothing moves for ten seconds (`TimedOut`),
/// and when what arrives is not what was sent (`InvalidData`).
pub fn tcp_transfer(
    server: &Netns,
    client: &Netns,
    address: SocketAddr,
    size: TransferSize,
    connect_within: Duration,
) -> io::Result<TransferReport> {
    let listener = server.run(|| TcpListener::bind(address))??;
    // With port 0 the kernel chose one.
    let address = SocketAddr::new(address.ip(), listener.local_addr()?.port());
    std::thread::scope(|scope| {
        // The handshake ends in the kernel: once the client is connected, accept returns at once.
        let mut sender = client.run(|| TcpStream::connect_timeout(&address, connect_within))??;
        sender.set_write_timeout(Some(STALL))?;
        let own = sender.local_addr()?;
        let receiver = loop {
            let (stream, peer) = listener.accept()?;
            if peer == own {
                break stream;
            }
        };
        receiver.set_read_timeout(Some(STALL))?;
        let start = Instant::now();
        let received = scope.spawn(move || receive(receiver));
        let sent = send_pattern(&mut sender, size, start);
        drop(sender);
        let received = received.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // A receiver that finds harm hangs up, and all that its sender sees is a broken pipe.
        let ((bytes, end), sent) = (received?, sent?);
        if bytes != sent {
            let lost = format!("{sent} bytes were sent and {bytes} arrived");
            return Err(io::Error::new(ErrorKind::InvalidData, lost));
        }
        Ok(TransferReport { bytes, duration: end - start })
    })
}

fn pattern() -> Vec<u8> {
    (0..PERIOD * 1024).map(|position| (position % PERIOD) as u8).collect()
}

fn send_pattern(stream: &mut TcpStream, size: TransferSize, start: Instant) -> io::Result<u64> {
    let pattern = pattern();
    let mut sent = 0;
    loop {
        let offset = (sent % PERIOD as u64) as usize;
        let room = pattern.len() - offset;
        let chunk = match size {
            TransferSize::Bytes(bytes) => room.min(usize::try_from(bytes - sent).unwrap_or(room)),
            TransferSize::Time(time) if start.elapsed() < time => room,
            TransferSize::Time(_) => 0,
        };
        if chunk == 0 {
            return Ok(sent);
        }
        stream.write_all(&pattern[offset..offset + chunk])?;
        sent += chunk as u64;
    }
}

fn receive(mut stream: TcpStream) -> io::Result<(u64, Instant)> {
    let expected = pattern();
    let mut buffer = vec![0; expected.len() - PERIOD];
    let mut received = 0;
    let mut end = Instant::now();
    loop {
        let length = match stream.read(&mut buffer) {
            Ok(0) => return Ok((received, end)),
            Ok(length) => length,
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        end = Instant::now();
        let offset = (received % PERIOD as u64) as usize;
        if buffer[..length] != expected[offset..offset + length] {
            let harmed =
                format!("the data is not what was sent, within {length} bytes after byte {received}");
            return Err(io::Error::new(ErrorKind::InvalidData, harmed));
        }
        received += length as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn echo_requests_carry_a_right_checksum() {
        let request = Echo { v6: false, identifier: 0x1234 }.request(7);
        assert_eq!(request[0], 8);
        assert_eq!(internet_checksum(&request), 0, "over a packet with its checksum the sum is zero");
        assert_eq!(
            internet_checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]),
            !0xddf2,
            "RFC 1071 3"
        );
    }

    #[test]
    fn only_answers_to_our_own_requests_count() {
        let echo = Echo { v6: false, identifier: 0x1234 };
        let mut packet = vec![0x45; 20];
        packet.extend([0, 0, 0, 0, 0x12, 0x34, 0, 7]);
        assert_eq!(echo.answered(&packet), Some(7));
        packet[20] = 8;
        assert_eq!(echo.answered(&packet), None, "a request is no answer");
        packet[20] = 0;
        packet[25] = 0;
        assert_eq!(echo.answered(&packet), None, "somebody else's");
        for length in 0..28 {
            assert_eq!(echo.answered(&packet[..length]), None);
        }
    }
}
