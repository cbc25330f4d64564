//! Frames at a constant rate in many flows: which of them are lost, and for how long.

use crate::rig::DEADLINE;
use greylag_base::MacAddr;
use greylag_tests::wait_for;
use pnet_datalink::{DataLinkReceiver, DataLinkSender};
use pnet_packet::ethernet::{EtherTypes, MutableEthernetPacket};
use pnet_packet::ip::IpNextHeaderProtocols;
use pnet_packet::ipv4::{self, MutableIpv4Packet};
use pnet_packet::udp::MutableUdpPacket;
use std::collections::BTreeSet;
use std::fmt;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Flows of a stream: so many that each of four links has some.
pub(crate) const FLOWS: usize = 16;

/// Between two frames of a flow. It is how exactly an outage can be told.
const INTERVAL: Duration = Duration::from_millis(10);

/// Frames of each flow that arrive in a row, before it counts as flowing.
const ENOUGH: usize = 20;

/// The UDP port that the first flow comes from.
const FIRST_PORT: u16 = 20_000;

/// The UDP port that all go to.
const TO_PORT: u16 = 9;

/// Where the number of the stream, the flow and the number of the frame stand.
const PAYLOAD: usize = 14 + 20 + 8;

/// Streams have numbers, so that what is still under way from one does not count for the next.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// Which of the two hosts sends.
#[derive(Clone, Copy)]
pub(crate) enum Direction {
    /// The near one.
    Out,
    /// The far one.
    Back,
}

/// A stream under way. It stops when it is dropped.
pub(crate) struct Stream {
    log: Kept,
    sender: JoinHandle<()>,
    receiver: JoinHandle<()>,
}

#[derive(Default)]
struct Log {
    stop: AtomicBool,
    seen: Mutex<Seen>,
}

/// The log, for as long as somebody wants to know.
struct Kept(Arc<Log>);

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

#[derive(Default)]
struct Seen {
    /// When the frames of each number were sent, one for each flow.
    sent: Vec<Instant>,
    /// How often each number arrived, by flow.
    arrived: [Vec<u8>; FLOWS],
    /// Frames that arrived behind a later one of their flow.
    overtaken: usize,
}

impl Log {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn has(&self, flow: usize, number: usize) -> bool {
        self.arrived[flow].get(number).is_some_and(|&times| times > 0)
    }
}

/// What became of a stream.
pub(crate) struct Report {
    /// Frames.
    pub(crate) sent: usize,
    /// Frames that never arrived.
    pub(crate) lost: usize,
    /// Frames that arrived more than once.
    pub(crate) doubled: usize,
    /// Frames that arrived behind a later one of their flow.
    pub(crate) overtaken: usize,
    /// Flows that lost any.
    pub(crate) hit: usize,
    /// The longest time between the last frame of a flow that arrived and the next.
    pub(crate) longest: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { lost, sent, hit, longest, overtaken, .. } = self;
        if *lost == 0 {
            return write!(f, "nothing of {sent} frames lost");
        }
        write!(f, "{lost} of {sent} frames lost in {hit} of {FLOWS} flows, the longest gap {longest:.2?}")?;
        if *overtaken > 0 {
            write!(f, ", {overtaken} overtaken")?;
        }
        Ok(())
    }
}

impl Stream {
    /// Begins to send from one host to the other.
    pub(crate) fn start(
        direction: Direction,
        mut out: Box<dyn DataLinkSender>,
        mut into: Box<dyn DataLinkReceiver>,
    ) -> Stream {
        let log = Arc::new(Log::default());
        let (sending, receiving) = (Arc::clone(&log), Arc::clone(&log));
        let stream = NEXT.fetch_add(1, Ordering::Relaxed);
        let sender = std::thread::spawn(move || send(direction, stream, &mut *out, &sending));
        let receiver = std::thread::spawn(move || receive(stream, &mut *into, &receiving));
        Stream { log: Kept(log), sender, receiver }
    }

    /// Waits until, from now on, everything that is sent arrives, and for long enough to say so.
    pub(crate) fn wait_until_whole(&self) {
        let mut from = self.log.0.seen().sent.len();
        wait_for("all flows pass again", DEADLINE, || {
            let seen = self.log.0.seen();
            let until = from + ENOUGH;
            if (0..FLOWS).all(|flow| (from..until).all(|number| seen.has(flow, number))) {
                return Some(());
            }
            // Something was lost: once all should have arrived, what is sent from now on counts.
            if seen.sent.len() > until + ENOUGH {
                from = seen.sent.len();
            }
            None
        });
    }

    /// Ends the stream, which flows: what was lost lies between frames that arrived.
    pub(crate) fn end(self) -> Report {
        self.wait_until_whole();
        self.log.0.stop.store(true, Ordering::Relaxed);
        self.sender.join().expect("the sender ends");
        self.receiver.join().expect("the receiver ends");
        self.log.0.seen().report()
    }
}

impl Seen {
    fn report(&self) -> Report {
        let mut report = Report {
            sent: 0,
            lost: 0,
            doubled: 0,
            overtaken: self.overtaken,
            hit: 0,
            longest: Duration::ZERO,
        };
        for flow in 0..FLOWS {
            let numbers = self.arrived[flow].len();
            let arrived: Vec<usize> = (0..numbers).filter(|&number| self.has(flow, number)).collect();
            let gap = arrived.windows(2).filter(|pair| pair[1] > pair[0] + 1);
            let gap = gap.map(|pair| self.sent[pair[1]] - self.sent[pair[0]]).max();
            report.sent += numbers;
            report.lost += numbers - arrived.len();
            report.doubled += self.arrived[flow].iter().filter(|&&times| times > 1).count();
            report.hit += usize::from(arrived.len() < numbers);
            report.longest = report.longest.max(gap.unwrap_or_default());
        }
        report
    }
}

fn send(direction: Direction, stream: u32, out: &mut dyn DataLinkSender, log: &Log) {
    let start = Instant::now();
    let mut number = 0_u32;
    while !log.stop.load(Ordering::Relaxed) {
        let due = start + INTERVAL * number;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        log.seen().sent.push(Instant::now());
        send_one_of_each(direction, stream, number, out);
        number += 1;
    }
}

/// Sends a frame of each flow.
fn send_one_of_each(direction: Direction, stream: u32, number: u32, out: &mut dyn DataLinkSender) {
    for flow in 0..FLOWS {
        // A link that is down takes none: that frame is lost.
        let _ = out.send_to(&frame(direction, stream, flow as u8, number), None);
    }
}

fn receive(stream: u32, into: &mut dyn DataLinkReceiver, log: &Log) {
    while !log.stop.load(Ordering::Relaxed) {
        let Ok(bytes) = into.next() else { continue };
        let Some((flow, number)) = read(stream, bytes) else { continue };
        let mut seen = log.seen();
        let arrived = &mut seen.arrived[flow];
        let is_new = number >= arrived.len();
        if is_new {
            arrived.resize(number + 1, 0);
        }
        let is_late = !is_new && arrived[number] == 0;
        arrived[number] += 1;
        seen.overtaken += usize::from(is_late);
    }
}

/// Sends some of each flow, and says how many flows arrive at each of two places.
pub(crate) fn spread(
    direction: Direction,
    out: &mut dyn DataLinkSender,
    into: &mut [Box<dyn DataLinkReceiver>; 2],
) -> [usize; 2] {
    let stream = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut seen = [BTreeSet::new(), BTreeSet::new()];
    wait_for("each flow arrives somewhere", DEADLINE, || {
        send_one_of_each(direction, stream, 0, out);
        for (into, seen) in into.iter_mut().zip(&mut seen) {
            while let Ok(bytes) = into.next() {
                seen.extend(read(stream, bytes).map(|(flow, _)| flow));
            }
        }
        (0..FLOWS).all(|flow| seen.iter().any(|seen| seen.contains(&flow))).then_some(())
    });
    seen.map(|seen| seen.len())
}

/// A UDP datagram of a flow, between two stations that are nobody else. Flows differ in addresses and in ports: whichever a bundle
/// goes by.
fn frame(direction: Direction, stream: u32, flow: u8, number: u32) -> Vec<u8> {
    let station = |host: u8| MacAddr([2, 0, 0, 0xf, host, flow]);
    let address = |host: u8| Ipv4Addr::new(10, 0, 9, host);
    let (from, to) = match direction {
        Direction::Out => (1, 2),
        Direction::Back => (2, 1),
    };
    let mut bytes = vec![0; PAYLOAD + 18];
    let mut ethernet = MutableEthernetPacket::new(&mut bytes).expect("room for a header");
    ethernet.set_source(station(from).0.into());
    ethernet.set_destination(station(to).0.into());
    ethernet.set_ethertype(EtherTypes::Ipv4);
    let length = (bytes.len() - 14) as u16;
    let mut packet = MutableIpv4Packet::new(&mut bytes[14..]).expect("room for a header");
    packet.set_version(4);
    packet.set_header_length(5);
    packet.set_total_length(length);
    packet.set_ttl(64);
    packet.set_next_level_protocol(IpNextHeaderProtocols::Udp);
    packet.set_source(address(from));
    packet.set_destination(address(to));
    packet.set_checksum(ipv4::checksum(&packet.to_immutable()));
    // Over IPv4 a datagram needs no checksum (RFC 768).
    let mut datagram = MutableUdpPacket::new(&mut bytes[34..]).expect("room for a header");
    datagram.set_source(FIRST_PORT + u16::from(flow));
    datagram.set_destination(TO_PORT);
    datagram.set_length(length - 20);
    bytes[PAYLOAD..PAYLOAD + 4].copy_from_slice(&stream.to_be_bytes());
    bytes[PAYLOAD + 4] = flow;
    bytes[PAYLOAD + 5..PAYLOAD + 9].copy_from_slice(&number.to_be_bytes());
    bytes
}

/// The flow and the number of a frame, if it is one of this stream.
fn read(stream: u32, bytes: &[u8]) -> Option<(usize, usize)> {
    let word =
        |at: usize| bytes.get(at..at + 4).map(|four| u32::from_be_bytes(four.try_into().expect("four")));
    let is_ours = bytes[12..14] == [8, 0] && bytes.get(36..38)? == TO_PORT.to_be_bytes();
    let flow = usize::from(*bytes.get(PAYLOAD + 4)?);
    (is_ours && word(PAYLOAD)? == stream).then_some((flow, word(PAYLOAD + 5)? as usize))
}
