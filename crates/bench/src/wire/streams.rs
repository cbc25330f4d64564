//! TCP and UDP of the kernel's, from station to station: what programs on hosts would see.

use super::WireError;
use super::bed::{Bed, Station, address};
use super::latency::{Latency, LatencySummary};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long a connection may take to come about, and a datagram to come back.
const PATIENCE: Duration = Duration::from_secs(3);
/// Given to a socket in one go.
const CHUNK: usize = 128 << 10;
/// Before what is sent counts: TCP has found its window by then.
const WARM_UP: Duration = Duration::from_millis(300);

/// What streams came to.
pub(super) struct Tcp {
    pub(super) bits_per_second: f64,
    /// Segments that the sender sent again.
    pub(super) retransmits: u64,
}

/// So many streams from the first station to the second for a while. Nobody looks at what arrives.
pub(super) fn tcp(bed: &Bed, streams: usize, time: Duration, stop: &AtomicBool) -> Result<Tcp, WireError> {
    let [from, to] = [&bed.stations[0], &bed.stations[1]];
    let listen = || TcpListener::bind(SocketAddr::new(address(1), 0));
    let listener = inside(to, listen)?;
    let target = listener.local_addr().map_err(WireError::system("listen".to_owned()))?;
    let mut pairs = Vec::new();
    for _ in 0..streams {
        let connect = || TcpStream::connect_timeout(&target, PATIENCE);
        let sender = match inside(from, connect) {
            Err(WireError::System { .. }) => return Err(WireError::NoConnection("TCP connection")),
            connected => connected?,
        };
        let (receiver, _) = listener.accept().map_err(WireError::system("accept".to_owned()))?;
        let prepare = || {
            sender.set_write_timeout(Some(Duration::from_millis(100)))?;
            receiver.set_read_timeout(Some(Duration::from_millis(100)))
        };
        prepare().map_err(WireError::system("set a timeout".to_owned()))?;
        pairs.push((sender, receiver));
    }
    let (received, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let result = thread::scope(|scope| {
        for (sender, receiver) in &pairs {
            scope.spawn(|| {
                crate::cores::pin_to(&crate::cores::allowed());
                send(sender, &over);
            });
            scope.spawn(|| {
                crate::cores::pin_to(&crate::cores::allowed());
                receive(receiver, &received, &over);
            });
        }
        let before = wait(WARM_UP, stop).and_then(|()| retransmits(from));
        let (begun, first) = (Instant::now(), received.load(Ordering::Relaxed));
        let waited = before.and_then(|before| wait(time, stop).map(|()| before));
        let bytes = received.load(Ordering::Relaxed) - first;
        let seconds = begun.elapsed().as_secs_f64();
        let result = waited.and_then(|before| Ok((bytes, seconds, retransmits(from)? - before)));
        over.store(true, Ordering::Relaxed);
        result
    });
    let (bytes, seconds, retransmits) = result?;
    if bytes == 0 {
        return Err(WireError::NoConnection("TCP data"));
    }
    Ok(Tcp { bits_per_second: bytes as f64 * 8.0 / seconds, retransmits })
}

fn inside<T: Send>(
    station: &Station,
    open: impl FnOnce() -> std::io::Result<T> + Send,
) -> Result<T, WireError> {
    let opened = station.netns.run(open).and_then(|opened| opened);
    opened.map_err(WireError::system("open a socket".to_owned()))
}

fn wait(time: Duration, stop: &AtomicBool) -> Result<(), WireError> {
    let begun = Instant::now();
    while begun.elapsed() < time {
        if stop.load(Ordering::Relaxed) {
            return Err(WireError::Interrupted);
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn send(mut stream: &TcpStream, over: &AtomicBool) {
    let chunk = vec![0x5a; CHUNK];
    while !over.load(Ordering::Relaxed) {
        match stream.write(&chunk) {
            Err(error) if !is_pause(error.kind()) => break,
            _ => {}
        }
    }
    let _ = stream.shutdown(std::net::Shutdown::Both);
}

fn receive(mut stream: &TcpStream, received: &AtomicU64, over: &AtomicBool) {
    let mut chunk = vec![0; CHUNK];
    while !over.load(Ordering::Relaxed) {
        match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(len) => {
                received.fetch_add(len as u64, Ordering::Relaxed);
            }
            Err(error) if !is_pause(error.kind()) => break,
            Err(_) => {}
        }
    }
}

fn is_pause(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// What a station has sent again since it was made.
fn retransmits(station: &Station) -> Result<u64, WireError> {
    let text = inside(station, || std::fs::read_to_string("/proc/thread-self/net/snmp"))?;
    Ok(retransmitted(&text).unwrap_or(0))
}

/// `RetransSegs` of the two lines that begin with `Tcp:`, names and values.
fn retransmitted(text: &str) -> Option<u64> {
    let mut lines = text.lines().filter(|line| line.starts_with("Tcp:"));
    let (names, values) = (lines.next()?, lines.next()?);
    let at = names.split_whitespace().position(|name| name == "RetransSegs")?;
    values.split_whitespace().nth(at)?.parse().ok()
}

/// Datagrams of 64 octets from the first station to the second and back, one at a time.
pub(super) fn udp_round_trip(
    bed: &Bed,
    time: Duration,
    stop: &AtomicBool,
) -> Result<LatencySummary, WireError> {
    let [asks, answers] = [&bed.stations[0], &bed.stations[1]];
    let answerer = inside(answers, || UdpSocket::bind(SocketAddr::new(address(1), 0)))?;
    let target = answerer.local_addr().map_err(WireError::system("bind".to_owned()))?;
    let asker = inside(asks, || {
        let socket = UdpSocket::bind(SocketAddr::new(address(0), 0))?;
        socket.connect(target)?;
        Ok(socket)
    })?;
    let limits = || {
        asker.set_read_timeout(Some(Duration::from_millis(200)))?;
        answerer.set_read_timeout(Some(Duration::from_millis(50)))
    };
    limits().map_err(WireError::system("set a timeout".to_owned()))?;
    let over = AtomicBool::new(false);
    let latency = thread::scope(|scope| {
        scope.spawn(|| {
            crate::cores::pin_to(&crate::cores::allowed());
            let mut datagram = [0; 2048];
            while !over.load(Ordering::Relaxed) {
                if let Ok((len, from)) = answerer.recv_from(&mut datagram) {
                    let _ = answerer.send_to(&datagram[..len], from);
                }
            }
        });
        let latency = ask(&asker, time, stop);
        over.store(true, Ordering::Relaxed);
        latency
    })?;
    Ok(latency.summary())
}

fn ask(asker: &UdpSocket, time: Duration, stop: &AtomicBool) -> Result<Latency, WireError> {
    let mut latency = Latency::new();
    let (begun, mut answered, mut datagram) = (Instant::now(), None, [0; 64]);
    let mut number = 0_u64;
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(WireError::Interrupted);
        }
        // The first answer takes ARP with it, and is none of a round trip.
        match answered {
            None if begun.elapsed() > PATIENCE => return Err(WireError::NoConnection("UDP datagram")),
            Some(since) if Instant::now() > since + time => return Ok(latency),
            _ => {}
        }
        number += 1;
        datagram[..8].copy_from_slice(&number.to_be_bytes());
        let sent = Instant::now();
        let _ = asker.send(&datagram);
        // An answer that comes too late belongs to an earlier number.
        while asker.recv(&mut datagram).is_ok() {
            if datagram[..8] == number.to_be_bytes() {
                let took = sent.elapsed();
                if answered.is_some() {
                    latency.record(took.as_nanos() as u64);
                }
                answered.get_or_insert_with(Instant::now);
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retransmits_are_found_by_their_name() {
        let text = "Ip: A B\nIp: 1 2\nTcp: RtoMin OutSegs RetransSegs InErrs\nTcp: 200 7 42 0\nUdp: X\n";
        assert_eq!(retransmitted(text), Some(42));
        assert_eq!(retransmitted("Tcp: A\n"), None);
    }
}
