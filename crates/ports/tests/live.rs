//! The live ports against the kernel. Each test is in network namespaces of its own, which vanish with its threads.

#[path = "live/af_xdp.rs"]
mod af_xdp;
#[path = "live/control.rs"]
mod control;
#[path = "live/kernel_segments.rs"]
mod kernel_segments;
#[path = "live/namespace.rs"]
mod namespace;
#[path = "live/packet.rs"]
mod packet;
#[path = "live/pairs.rs"]
mod pairs;
#[path = "live/shortcut.rs"]
mod shortcut;

use greylag_base::{MacAddr, PortName, VlanId};
use greylag_ports::{
    Batch, Interface, Offload, OpenError, PacketQueue, Port, Tagging, TapConfig, TapQueue, TxReport,
};
use greylag_tests::wait_for;
use greylag_wire::vlan::Tci;
use namespace::{Host, ip, run};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(10);
const ONE: NonZeroUsize = NonZeroUsize::MIN;
const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

fn name(text: &str) -> PortName {
    PortName::new(text).unwrap()
}

fn tap(text: &str) -> TapConfig {
    TapConfig { name: name(text), queues: ONE, mtu: 1500, mac: None }
}

fn open_tap(config: &TapConfig) -> TapQueue {
    TapQueue::open(config).unwrap().pop().unwrap()
}

fn open_packet(interface: &str) -> PacketQueue {
    PacketQueue::open(&name(interface), ONE).unwrap().pop().unwrap()
}

/// Both ends of a veth cable in the namespace of this thread, as ports.
fn veth_ports() -> (PacketQueue, PacketQueue) {
    veth_ports_with("")
}

fn veth_ports_with(settings: &str) -> (PacketQueue, PacketQueue) {
    ip(&format!("link add left {settings} type veth peer name right {settings}"));
    let ports = (open_packet("left"), open_packet("right"));
    await_link("left");
    await_link("right");
    ports
}

/// Until the kernel's link watch has seen the carrier, the interface swallows what is sent.
fn await_link(interface: &str) {
    let has_link = || Interface::named(&name(interface)).unwrap().has_carrier().unwrap();
    wait_for("a link", PATIENCE, || has_link().then_some(()));
}

const EXPERIMENT: [u8; 2] = [0x88, 0xb5];

/// A frame of `len` octets that nobody else sends: EtherType for experiments, `mark` in its payload.
fn frame(mark: u8, len: usize) -> Vec<u8> {
    let mut frame = vec![0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2];
    frame.extend(EXPERIMENT);
    frame.resize(len, mark);
    frame
}

/// An IPv4 and UDP frame of the flow with this source port.
fn flow(source_port: u16) -> Vec<u8> {
    let mut frame = frame(0, 60);
    frame[12..14].copy_from_slice(&[0x08, 0x00]);
    frame[14..24].copy_from_slice(&[0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, 17]);
    frame[26..34].copy_from_slice(&[10, 9, 9, 1, 10, 9, 9, 2]);
    frame[34..36].copy_from_slice(&source_port.to_be_bytes());
    frame[36..40].copy_from_slice(&[0, 7, 0, 26]);
    frame
}

fn send(port: &mut dyn Port, frame: &[u8]) -> TxReport {
    let mut batch = Batch::new();
    batch.push(frame);
    port.tx(&batch, &[0])
}

fn sent(frame: &[u8]) -> TxReport {
    TxReport { frames: 1, bytes: frame.len() as u64, ..TxReport::default() }
}

/// Waits until one of the ports has something, at most a moment.
fn wait(ports: &[&dyn Port]) {
    let of = |fd| PollFd::from_borrowed_fd(fd, PollFlags::IN);
    let mut fds: Vec<_> =
        ports.iter().flat_map(|port| [port.fd(), port.control_fd()]).flatten().map(of).collect();
    poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 20_000_000 })).unwrap();
}

#[derive(Debug, PartialEq)]
struct Got {
    bytes: Vec<u8>,
    tagging: Tagging,
    offload: Offload,
}

/// All that comes next and is wanted; empty when nothing has come after `patience`.
fn receive_within(patience: Duration, port: &mut dyn Port, wanted: impl Fn(&[u8]) -> bool) -> Vec<Got> {
    let deadline = Instant::now() + patience;
    let mut batch = Batch::new();
    loop {
        let count = port.rx(&mut batch).unwrap();
        let got: Vec<_> = (0..count)
            .filter(|&index| wanted(batch.bytes(index)))
            .map(|index| Got {
                bytes: batch.bytes(index).to_vec(),
                tagging: batch.tagging(index),
                offload: batch.offload(index),
            })
            .collect();
        if !got.is_empty() || Instant::now() > deadline {
            return got;
        }
        if count == 0 {
            wait(&[&*port]);
        }
    }
}

fn receive(port: &mut dyn Port, wanted: impl Fn(&[u8]) -> bool) -> Got {
    let mut got = receive_within(PATIENCE, port, wanted);
    assert_eq!(got.len(), 1, "{got:?}");
    got.pop().unwrap()
}

fn is_experiment(bytes: &[u8]) -> bool {
    bytes[12..14] == EXPERIMENT
}

/// What crossed a switch of two ports.
#[derive(Debug, Default)]
struct Crossed {
    frames: u64,
    super_frames: u64,
    lost: u64,
}

/// Forwards everything between two ports until `done`.
fn forward(a: &mut dyn Port, b: &mut dyn Port, mut done: impl FnMut() -> bool) -> Crossed {
    let mut crossed = Crossed::default();
    let mut batch = Batch::new();
    let indices: Vec<u16> = (0..64).collect();
    let deadline = Instant::now() + 6 * PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "not done in time: {crossed:?}");
        let mut idle = true;
        for towards_b in [true, false] {
            let (from, to): (&mut dyn Port, &mut dyn Port) = if towards_b { (a, b) } else { (b, a) };
            let count = from.rx(&mut batch).unwrap();
            for index in 0..count {
                crossed.super_frames += u64::from(batch.bytes(index).len() > 1600);
                if let Tagging::Aside(tci) = batch.tagging(index) {
                    batch.set_tag(index, Some(tci));
                }
            }
            let report = to.tx(&batch, &indices[..count]);
            crossed.frames += report.frames;
            crossed.lost += count as u64 - report.frames;
            idle &= count == 0;
        }
        if idle {
            wait(&[&*a, &*b]);
        }
    }
    println!("{crossed:?}, rx_dropped {} {}", a.rx_dropped().total(), b.rx_dropped().total());
    crossed
}

const TRANSFER: usize = 50_000_000;

/// An octet of the transfer, so that a segment in the wrong place is seen.
fn octet(at: usize) -> u8 {
    (at.wrapping_mul(2_654_435_761) >> 13) as u8
}

/// Sends 50 MB from host `a` to host `b` at `address` through the two ports, and checks each octet.
fn tcp_arrives_intact(
    a: &Host,
    b: &Host,
    address: &'static str,
    ports: (&mut dyn Port, &mut dyn Port),
) -> Crossed {
    let listener = b.run(move || TcpListener::bind((address, 7000)).unwrap());
    let reader = b.start(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut received = Vec::with_capacity(TRANSFER);
        stream.read_to_end(&mut received).unwrap();
        received
    });
    let data: Vec<u8> = (0..TRANSFER).map(octet).collect();
    let start = Instant::now();
    let writer = a.start(move || {
        TcpStream::connect((address, 7000)).unwrap().write_all(&data).unwrap();
    });
    let crossed = forward(ports.0, ports.1, || reader.is_finished());
    let seconds = start.elapsed().as_secs_f64();
    println!("{TRANSFER} bytes in {seconds:.3} s: {:.2} Gbit/s", TRANSFER as f64 * 8e-9 / seconds);
    writer.join().unwrap();
    let received = reader.join().unwrap();
    assert_eq!(received.len(), TRANSFER);
    assert_eq!(received.iter().enumerate().position(|(at, &got)| got != octet(at)), None);
    assert!(crossed.super_frames > 100, "{crossed:?}");
    crossed
}

/// A host that is connected to the switch by veth, and the switch's port to it.
fn veth_host(address: &str, port: &str) -> (Host, PacketQueue) {
    let host = Host::new();
    host.cable(port, "eth0");
    host.address("eth0", address);
    await_link(port);
    (host, open_packet(port))
}

/// A host whose eth0 is a TAP of ours, and the switch's port to it.
fn tap_host(address: &str) -> (Host, TapQueue) {
    let host = Host::new();
    let port = host.run(|| open_tap(&tap("eth0")));
    host.address("eth0", address);
    (host, port)
}

#[test]
fn tap_carries_frames_both_ways() {
    if !namespace::enter() {
        return;
    }
    let mut ours = open_tap(&tap("glp-tap"));
    let mut kernel = open_packet("glp-tap");

    assert_eq!(send(&mut ours, &frame(1, 100)), sent(&frame(1, 100)));
    assert_eq!(receive(&mut kernel, is_experiment).bytes, frame(1, 100));

    assert_eq!(send(&mut kernel, &frame(2, 1514)), sent(&frame(2, 1514)));
    assert_eq!(receive(&mut ours, is_experiment).bytes, frame(2, 1514));
}

#[test]
fn tap_takes_its_settings_and_vanishes() {
    if !namespace::enter() {
        return;
    }
    let mac = MacAddr([0x02, 0, 0, 0, 0x77, 1]);
    let port = open_tap(&TapConfig { mtu: 9216, mac: Some(mac), ..tap("glp-tap") });
    let interface = Interface::named(&name("glp-tap")).unwrap();
    assert_eq!(interface.mtu().unwrap(), 9216);
    assert_eq!(interface.mac().unwrap(), mac);
    assert_eq!(interface.speed().unwrap(), Some(10_000));
    assert!(interface.is_up().unwrap() && interface.has_carrier().unwrap());
    drop(port);
    // A program that another test is just starting holds a copy of the descriptor until its exec.
    let deadline = Instant::now() + PATIENCE;
    while interface.index().is_ok() {
        assert!(Instant::now() < deadline, "the interface is still there");
    }
    assert_eq!(interface.index().unwrap_err().raw_os_error(), Some(Errno::NODEV.raw_os_error()));
}

#[test]
fn every_queue_of_a_tap_receives() {
    if !namespace::enter() {
        return;
    }
    let mut queues = TapQueue::open(&TapConfig { queues: TWO, ..tap("glp-tap") }).unwrap();
    let mut kernel = open_packet("glp-tap");
    for source_port in 1000..1200 {
        assert_eq!(send(&mut kernel, &flow(source_port)).frames, 1);
    }
    let mut counts = [0, 0];
    let deadline = Instant::now() + PATIENCE;
    while counts.iter().sum::<usize>() < 200 && Instant::now() < deadline {
        for (queue, count) in queues.iter_mut().zip(&mut counts) {
            let is_flow = |bytes: &[u8]| bytes.len() == 60 && bytes[30..34] == [10, 9, 9, 2];
            *count += receive_within(Duration::from_millis(1), queue, is_flow).len();
        }
    }
    assert_eq!(counts[0] + counts[1], 200);
    assert!(counts[0] > 20 && counts[1] > 20, "{counts:?}");
    assert_eq!(send(&mut queues[1], &frame(1, 60)).frames, 1);
    receive(&mut kernel, is_experiment);
}

#[test]
fn tap_says_why_a_frame_does_not_leave() {
    if !namespace::enter() {
        return;
    }
    let mut port = open_tap(&tap("glp-tap"));
    assert_eq!(send(&mut port, &frame(1, 1515)), TxReport { too_long: 1, ..TxReport::default() });
    let mut tagged = frame(1, 1518);
    tagged[12..14].copy_from_slice(&[0x81, 0x00]);
    assert_eq!(send(&mut port, &tagged).frames, 1);
    assert_eq!(send(&mut port, &frame(1, 14)[..13]), TxReport { refused: 1, ..TxReport::default() });
    ip("link set glp-tap mtu 9216");
    assert_eq!(send(&mut port, &frame(1, 9000)).frames, 1);
    ip("link set glp-tap down");
    assert_eq!(send(&mut port, &frame(1, 60)), TxReport { down: 1, ..TxReport::default() });
    ip("link set glp-tap up");
    assert_eq!(send(&mut port, &frame(1, 60)).frames, 1);
    ip("link delete glp-tap");
    assert_eq!(send(&mut port, &frame(1, 60)), TxReport { down: 1, ..TxReport::default() });
    assert!(port.rx(&mut Batch::new()).is_err());
}

#[test]
fn tap_counts_what_the_kernel_dropped() {
    if !namespace::enter() {
        return;
    }
    let mut port = open_tap(&tap("glp-tap"));
    let mut kernel = open_packet("glp-tap");
    let mut batch = Batch::new();
    (0..64).for_each(|_| batch.push(&frame(1, 60)));
    let indices: Vec<u16> = (0..64).collect();
    for _ in 0..100 {
        kernel.tx(&batch, &indices);
    }
    let mut received = 0;
    while port.rx(&mut batch).unwrap() > 0 {
        received += batch.len() as u64;
    }
    let dropped = port.rx_dropped().total();
    assert!(dropped > 0 && received >= 1000, "{received} received, {dropped} dropped");
}

#[test]
fn an_open_that_fails_says_what_to_do() {
    if !namespace::enter() {
        return;
    }
    let held = open_tap(&tap("glp-tap"));
    let taken = TapQueue::open(&tap("glp-tap")).err().unwrap();
    assert!(matches!(taken, OpenError::NameTaken { .. }) && taken.source().is_some(), "{taken:?}");
    ip("link add left type veth peer name right");
    let taken = TapQueue::open(&tap("left")).err().unwrap();
    assert!(matches!(taken, OpenError::NameTaken { .. }), "{taken:?}");
    drop(held);

    let absent = PacketQueue::open(&name("nowhere"), ONE).err().unwrap();
    assert!(matches!(absent, OpenError::NoSuchInterface { .. }), "{absent:?}");

    // Capabilities are a thread's own.
    let mut capabilities = rustix::thread::capabilities(None).unwrap();
    capabilities.effective = rustix::thread::CapabilitySet::empty();
    rustix::thread::set_capabilities(None, capabilities).unwrap();
    for error in [
        TapQueue::open(&tap("glp-other")).err().unwrap(),
        PacketQueue::open(&name("left"), ONE).err().unwrap(),
    ] {
        assert!(matches!(error, OpenError::NotPermitted { .. } | OpenError::TunClosed { .. }), "{error:?}");
        assert!(error.to_string().contains("as root"), "{error}");
        println!("{error}");
    }
}

#[test]
fn veth_carries_frames_both_ways() {
    if !namespace::enter() {
        return;
    }
    let (mut left, mut right) = veth_ports();
    for len in [14, 60, 1514] {
        assert_eq!(send(&mut left, &frame(1, len)), sent(&frame(1, len)));
        assert_eq!(receive(&mut right, is_experiment).bytes, frame(1, len));
        assert_eq!(send(&mut right, &frame(2, len)), sent(&frame(2, len)));
        assert_eq!(receive(&mut left, is_experiment).bytes, frame(2, len));
    }
    assert_eq!(send(&mut left, &frame(1, 14)[..13]), TxReport { refused: 1, ..TxReport::default() });
    assert_eq!(send(&mut left, &frame(1, 1515)), TxReport { too_long: 1, ..TxReport::default() });
}

#[test]
fn a_long_frame_in_the_middle_stops_nobody() {
    if !namespace::enter() {
        return;
    }
    let (mut left, mut right) = veth_ports();
    let mut batch = Batch::new();
    // The kernel finds the second one itself: the MTU becomes smaller behind the port's back.
    ip("link set left mtu 1000");
    for (mark, len) in [(1, 60), (2, 1400), (3, 70), (4, 1515), (5, 80)] {
        batch.push(&frame(mark, len));
    }
    let expected = TxReport { frames: 3, bytes: 210, too_long: 2, ..TxReport::default() };
    assert_eq!(left.tx(&batch, &[0, 1, 2, 3, 4]), expected);
    let mut marks = Vec::new();
    while marks.len() < 3 {
        let got = receive_within(PATIENCE, &mut right, is_experiment);
        assert!(!got.is_empty(), "{marks:?}");
        marks.extend(got.iter().map(|got| got.bytes[20]));
    }
    assert_eq!(marks, [1, 3, 5]);
}

#[test]
fn jumbo_frames_cross_veth_and_tap() {
    if !namespace::enter() {
        return;
    }
    let (mut left, mut right) = veth_ports_with("mtu 9216");
    assert_eq!(send(&mut left, &frame(1, 9000)), sent(&frame(1, 9000)));
    assert_eq!(receive(&mut right, is_experiment).bytes, frame(1, 9000));
    assert_eq!(send(&mut left, &frame(1, 9231)).too_long, 1);

    let mut ours = open_tap(&TapConfig { mtu: 9216, ..tap("glp-tap") });
    let mut kernel = open_packet("glp-tap");
    assert_eq!(send(&mut ours, &frame(2, 9000)), sent(&frame(2, 9000)));
    assert_eq!(receive(&mut kernel, is_experiment).bytes, frame(2, 9000));
}

#[test]
fn a_vlan_tag_crosses_veth() {
    if !namespace::enter() {
        return;
    }
    let (mut left, mut right) = veth_ports();
    let tci = Tci(0x6000).with_vlan(VlanId::new(10).unwrap());
    let mut batch = Batch::new();
    batch.push(&frame(1, 60));
    batch.set_tag(0, Some(tci));
    assert_eq!(left.tx(&batch, &[0]).bytes, 64);
    let got = receive(&mut right, is_experiment);
    assert_eq!((got.bytes, got.tagging), (frame(1, 60), Tagging::Aside(tci)));
}

#[test]
fn a_service_tag_stays_where_it_was() {
    if !namespace::enter() {
        return;
    }
    let (mut left, mut right) = veth_ports();
    let mut service = frame(1, 60);
    service.splice(12..12, [0x88, 0xa8, 0x20, 0x05]);
    assert_eq!(send(&mut left, &service), sent(&service));
    let got = receive(&mut right, |bytes| bytes[12..14] == [0x88, 0xa8]);
    assert_eq!((got.bytes, got.tagging), (service.clone(), Tagging::Untagged));

    // Both, as 802.1ad stacks them: the customer tag is payload.
    service.splice(16..16, [0x81, 0x00, 0x00, 0x07]);
    assert_eq!(send(&mut left, &service), sent(&service));
    let got = receive(&mut right, |bytes| bytes[12..14] == [0x88, 0xa8]);
    assert_eq!((got.bytes, got.tagging), (service, Tagging::Untagged));
}

#[test]
fn a_tag_crosses_tap_in_place() {
    if !namespace::enter() {
        return;
    }
    let mut ours = open_tap(&tap("glp-tap"));
    let mut kernel = open_packet("glp-tap");
    let mut tagged = frame(1, 60);
    tagged.splice(12..12, [0x81, 0x00, 0x60, 0x0a]);
    assert_eq!(send(&mut kernel, &tagged), sent(&tagged));
    assert_eq!(receive(&mut ours, |bytes| bytes[12..14] == [0x81, 0x00]).bytes, tagged);
    assert_eq!(send(&mut ours, &tagged), sent(&tagged));
    let got = receive(&mut kernel, is_experiment);
    assert_eq!((got.bytes, got.tagging), (frame(1, 60), Tagging::Aside(Tci(0x600a))));
}

#[test]
fn fanout_gives_each_frame_to_one_queue_and_a_flow_to_one() {
    if !namespace::enter() {
        return;
    }
    ip("link add left type veth peer name right");
    let mut left = open_packet("left");
    let mut queues = PacketQueue::open(&name("right"), TWO).unwrap();
    await_link("left");
    await_link("right");
    for _ in 0..5 {
        for source_port in 1000..1064 {
            assert_eq!(send(&mut left, &flow(source_port)).frames, 1);
        }
    }
    // What the group sends itself does not come back to it.
    assert_eq!(send(&mut queues[1], &flow(1)).frames, 1);
    let mut seen = vec![[0; 2]; 65_536];
    let mut total = 0;
    let deadline = Instant::now() + PATIENCE;
    let mut quiet = 0;
    while quiet < 5 && Instant::now() < deadline {
        quiet += 1;
        for (which, queue) in queues.iter_mut().enumerate() {
            let is_flow = |bytes: &[u8]| bytes.len() == 60 && bytes[30..34] == [10, 9, 9, 2];
            for got in receive_within(Duration::from_millis(20), queue, is_flow) {
                seen[usize::from(u16::from_be_bytes([got.bytes[34], got.bytes[35]]))][which] += 1;
                total += 1;
                quiet = 0;
            }
        }
    }
    assert_eq!(total, 320);
    let flows = &seen[1000..1064];
    assert!(flows.iter().all(|counts| matches!(counts, [5, 0] | [0, 5])), "{flows:?}");
    assert!(flows.contains(&[5, 0]) && flows.contains(&[0, 5]), "{flows:?}");
}

#[test]
fn a_link_that_was_down_works_again() {
    if !namespace::enter() {
        return;
    }
    let (mut left, mut right) = veth_ports();
    ip("link set left down");
    let mut batch = Batch::new();
    // What came in before is read before.
    let error = wait_for("the port says that it is down", PATIENCE, || left.rx(&mut batch).err());
    assert_eq!(error.raw_os_error(), Some(Errno::NETDOWN.raw_os_error()));
    assert!(left.rx(&mut batch).is_ok(), "it is said once");
    assert_eq!(send(&mut left, &frame(1, 60)), TxReport { down: 1, ..TxReport::default() });

    // The error of the second time is met by tx, with the link up again.
    ip("link set left up");
    ip("link set left down");
    ip("link set left up");
    await_link("left");
    await_link("right");
    assert_eq!(send(&mut left, &frame(2, 60)), sent(&frame(2, 60)));
    assert_eq!(receive(&mut right, is_experiment).bytes, frame(2, 60));
    assert_eq!(send(&mut right, &frame(3, 60)), sent(&frame(3, 60)));
    assert_eq!(receive(&mut left, is_experiment).bytes, frame(3, 60));

    ip("link delete left");
    assert_eq!(send(&mut left, &frame(1, 60)), TxReport { down: 1, ..TxReport::default() });
}

#[test]
fn tcp_crosses_from_veth_to_veth() {
    if !namespace::enter() {
        return;
    }
    let (a, mut left) = veth_host("10.0.0.1/24", "left");
    let (b, mut right) = veth_host("10.0.0.2/24", "right");
    tcp_arrives_intact(&a, &b, "10.0.0.2", (&mut left, &mut right));
}

#[test]
fn tcp_crosses_from_tap_to_veth_and_back() {
    if !namespace::enter() {
        return;
    }
    let (a, mut left) = tap_host("10.0.0.1/24");
    let (b, mut right) = veth_host("10.0.0.2/24", "right");
    tcp_arrives_intact(&a, &b, "10.0.0.2", (&mut left, &mut right));
    tcp_arrives_intact(&b, &a, "10.0.0.1", (&mut left, &mut right));
}

#[test]
fn tcp_crosses_from_tap_to_tap() {
    if !namespace::enter() {
        return;
    }
    let (a, mut left) = tap_host("10.0.0.1/24");
    let (b, mut right) = tap_host("10.0.0.2/24");
    tcp_arrives_intact(&a, &b, "10.0.0.2", (&mut left, &mut right));
}

#[test]
fn super_frames_leave_by_an_interface_that_cannot_segment() {
    if !namespace::enter() {
        return;
    }
    let (a, mut left) = tap_host("10.0.0.1/24");
    let (b, mut right) = veth_host("10.0.0.2/24", "right");
    run("ethtool", "-K right tso off gso off tx off");
    let crossed = tcp_arrives_intact(&a, &b, "10.0.0.2", (&mut left, &mut right));
    assert_eq!(crossed.lost, 0, "{crossed:?}");
}

/// The sum of RFC 1071 over what a UDP checksum covers; 0xffff when it is right.
fn udp_sum(frame: &[u8]) -> u32 {
    let udp = &frame[34..14 + usize::from(u16::from_be_bytes([frame[16], frame[17]]))];
    let words = frame[26..34].chunks(2).chain(udp.chunks(2));
    let sum: u32 = words.map(|word| u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0))).sum();
    let sum = sum + 17 + udp.len() as u32;
    let sum = (sum & 0xffff) + (sum >> 16);
    (sum & 0xffff) + (sum >> 16)
}

#[test]
fn an_unfinished_udp_checksum_is_finished_by_whoever_has_to() {
    if !namespace::enter() {
        return;
    }
    let (a, mut left) = veth_host("10.0.0.1/24", "left");
    let (b, mut right) = veth_host("10.0.0.2/24", "right");
    // Our egress has to finish it: the link to b is one without checksum offload.
    run("ethtool", "-K right tx off");
    let mut tap = b.run(|| open_packet("eth0"));
    let receiver = b.run(|| UdpSocket::bind("10.0.0.2:7001").unwrap());
    receiver.set_read_timeout(Some(PATIENCE)).unwrap();
    let reader = b.start(move || {
        let mut data = [0; 2000];
        let len = receiver.recv(&mut data).unwrap();
        data[..len].to_vec()
    });
    let payload: Vec<u8> = (0..999).map(octet).collect();
    let sender = a.run(|| UdpSocket::bind("10.0.0.1:7002").unwrap());
    let sent = payload.clone();
    let writer = a.start(move || sender.send_to(&sent, "10.0.0.2:7001").unwrap());
    forward(&mut left, &mut right, || reader.is_finished());
    writer.join().unwrap();
    assert_eq!(reader.join().unwrap(), payload);
    let got = receive(&mut tap, |bytes| bytes.len() > 1000);
    assert_eq!(got.offload.flags & Offload::NEEDS_CHECKSUM, 0);
    assert_eq!(udp_sum(&got.bytes), 0xffff);
}
