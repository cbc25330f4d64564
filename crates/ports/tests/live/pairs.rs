//! TCP and UDP from host to host through every pair of port kinds, octet for octet, while the kernels of both hosts check what they
//! are given.

use crate::namespace::{self, Host, ip};
use crate::shortcut::open_short;
use crate::{ONE, PATIENCE, await_link, forward, name, octet, open_packet, open_tap, tap};
use greylag_base::VlanId;
use greylag_ports::{BATCH_FRAMES, Batch, Interface, Port, RawPort, Tagging, TxReport, XdpPort};
use greylag_tests::wait_for;
use greylag_wire::vlan::Tci;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{io, thread};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Tap,
    AfPacket,
    /// Plain frames leave by AF_XDP.
    Short,
    AfXdp,
    Raw,
}

const KINDS: [Kind; 5] = [Kind::Tap, Kind::AfPacket, Kind::Short, Kind::AfXdp, Kind::Raw];

/// An end of a cable, opened.
fn open(kind: Kind, interface: &str) -> Box<dyn Port> {
    match kind {
        Kind::Tap => unreachable!("a TAP is no end of a cable"),
        Kind::AfPacket => Box::new(open_packet(interface)),
        Kind::Short => Box::new(open_short(interface)),
        Kind::AfXdp => XdpPort::open(&name(interface), ONE).unwrap().queues.pop().unwrap(),
        Kind::Raw => RawPort::open(&name(interface), ONE).unwrap().queues.pop().unwrap(),
    }
}

/// What a lab does for a port that sees nothing but octets, at the other end of its cable.
fn prepare_other_end(kind: Kind, interface: &str) {
    if matches!(kind, Kind::AfXdp | Kind::Raw) {
        Interface::named(&name(interface)).unwrap().finish_before_sending().unwrap();
    }
}

/// A host with addresses that end in `number`, behind a port of this kind that is called `port`.
fn host(kind: Kind, number: u8, port: &str) -> (Host, Box<dyn Port>) {
    let host = Host::new();
    let opened: Box<dyn Port> = if kind == Kind::Tap {
        Box::new(host.run(|| open_tap(&tap("eth0"))))
    } else {
        host.cable(port, "eth0");
        await_link(port);
        host.run(move || prepare_other_end(kind, "eth0"));
        open(kind, port)
    };
    host.address("eth0", &format!("10.0.0.{number}/24"));
    host.address("eth0", &format!("fd00::{number}/64 nodad"));
    (host, opened)
}

const TCP_OCTETS: usize = 3_000_000;

/// TCP from `a` to `b`.
fn tcp(a: &Host, b: &Host, to: &'static str, ports: (&mut dyn Port, &mut dyn Port), what: &str) {
    let listener = b.run(move || TcpListener::bind((to, 7000)).unwrap());
    let reader = b.start(move || {
        let mut received = Vec::with_capacity(TCP_OCTETS);
        listener.accept().unwrap().0.read_to_end(&mut received).unwrap();
        received
    });
    let writer = a.start(move || {
        let data: Vec<u8> = (0..TCP_OCTETS).map(octet).collect();
        TcpStream::connect((to, 7000)).unwrap().write_all(&data).unwrap();
    });
    forward(ports.0, ports.1, || reader.is_finished());
    writer.join().unwrap();
    let received = reader.join().unwrap();
    assert_eq!(received.len(), TCP_OCTETS, "{what}");
    assert_eq!(received.iter().enumerate().position(|(at, &got)| got != octet(at)), None, "{what}");
}

const DATAGRAM: usize = 1000;
const LAST_DATAGRAM: usize = 123;
const DATAGRAMS: usize = 30;

/// Datagrams that leave the sender's socket in one piece (UDP_SEGMENT of udp(7)), from `a` to `b`.
fn udp(a: &Host, b: &Host, to: &'static str, ports: (&mut dyn Port, &mut dyn Port), what: &str) {
    let receiver = b.run(move || UdpSocket::bind((to, 7001)).unwrap());
    receiver.set_read_timeout(Some(PATIENCE)).unwrap();
    let reader = b.start(move || {
        let mut datagrams = vec![vec![0; 2000]; DATAGRAMS + 1];
        for datagram in &mut datagrams {
            let len = receiver.recv(datagram).unwrap();
            datagram.truncate(len);
        }
        datagrams
    });
    let any = if to.contains(':') { "[::]:0" } else { "0.0.0.0:0" };
    let writer = a.start(move || {
        let socket = UdpSocket::bind(any).unwrap();
        segment_by(socket.as_fd(), DATAGRAM as libc::c_int).unwrap();
        let data: Vec<u8> = (0..DATAGRAM * DATAGRAMS + LAST_DATAGRAM).map(octet).collect();
        socket.send_to(&data, (to, 7001)).unwrap();
    });
    forward(ports.0, ports.1, || reader.is_finished());
    writer.join().unwrap();
    let datagrams = reader.join().unwrap();
    let lens: Vec<usize> = datagrams.iter().map(Vec::len).collect();
    assert_eq!(lens, [vec![DATAGRAM; DATAGRAMS], vec![LAST_DATAGRAM]].concat(), "{what}");
    let received = datagrams.concat();
    assert_eq!(received.iter().enumerate().position(|(at, &got)| got != octet(at)), None, "{what}");
}

fn segment_by(socket: BorrowedFd<'_>, octets: libc::c_int) -> io::Result<()> {
    let len = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: UDP_SEGMENT reads an int.
    let status = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_UDP,
            libc::UDP_SEGMENT,
            (&raw const octets).cast(),
            len,
        )
    };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// TCP and UDP, IPv4 and IPv6, from `a` to `b`; those are .1 and .2.
fn everything(a: &Host, b: &Host, left: &mut dyn Port, right: &mut dyn Port, what: &str) {
    for to in ["10.0.0.2", "fd00::2"] {
        tcp(a, b, to, (left, right), what);
        udp(a, b, to, (left, right), what);
    }
}

#[test]
fn every_octet_arrives_from_every_kind_of_port_to_every_other() {
    if !namespace::enter() {
        return;
    }
    for from in KINDS {
        for to in KINDS {
            let (a, mut left) = host(from, 1, "left");
            let (b, mut right) = host(to, 2, "right");
            everything(&a, &b, &mut *left, &mut *right, &format!("from {from:?} to {to:?}"));
            drop((left, right));
            for (kind, port) in [(from, "left"), (to, "right")] {
                if kind != Kind::Tap {
                    ip(&format!("link delete {port}"));
                }
            }
        }
    }
}

/// A port that puts a tag on what leaves, and takes it from what comes in: the access side of a trunk.
struct Trunk(Box<dyn Port>, Batch);

impl Trunk {
    const TAG: Tci = Tci(0x6000);

    fn on(port: Box<dyn Port>) -> Self {
        Trunk(port, Batch::new())
    }
}

impl Port for Trunk {
    fn rx(&mut self, batch: &mut Batch) -> io::Result<usize> {
        let count = self.0.rx(batch)?;
        for index in 0..count {
            if batch.tagging(index) == Tagging::Untagged && batch.bytes(index)[12..14] == [0x81, 0x00] {
                batch.set_inline_tag(index);
            }
            let tagged = batch.tagging(index) != Tagging::Untagged;
            assert!(tagged || batch.bytes(index)[0] & 1 == 1, "a frame came without its tag");
            batch.set_tag(index, None);
        }
        Ok(count)
    }

    fn tx(&mut self, batch: &Batch, frames: &[u16]) -> TxReport {
        let tag = Self::TAG.with_vlan(VlanId::new(10).unwrap());
        self.1.clear();
        for &frame in frames {
            let bytes = batch.bytes(frame.into());
            self.1.slots().next().unwrap()[..bytes.len()].copy_from_slice(bytes);
            self.1.commit(bytes.len(), Tagging::Untagged, batch.offload(frame.into()));
            let last = self.1.len() - 1;
            self.1.set_tag(last, Some(tag));
        }
        let indices: Vec<u16> = (0..BATCH_FRAMES as u16).collect();
        self.0.tx(&self.1, &indices[..frames.len()])
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.0.fd()
    }

    fn control_fd(&self) -> Option<BorrowedFd<'_>> {
        self.0.control_fd()
    }
}

#[test]
fn every_octet_arrives_through_a_trunk_between_two_switches() {
    if !namespace::enter() {
        return;
    }
    // A raw socket is not told the tags of what comes in, and a TAP's other end is no port that sees octets alone.
    let ends = [
        (Kind::AfPacket, Kind::AfPacket),
        (Kind::Short, Kind::AfXdp),
        (Kind::AfXdp, Kind::AfPacket),
        (Kind::AfXdp, Kind::AfXdp),
        (Kind::Tap, Kind::Short),
        (Kind::Short, Kind::Tap),
    ];
    for (near, far) in ends {
        let (a, mut left) = host(Kind::AfPacket, 1, "left");
        let (b, mut right) = host(Kind::AfPacket, 2, "right");
        let (near_end, mut far_end) = trunk(near, far);
        let stop = Arc::new(AtomicBool::new(false));
        let other_switch = {
            let (stop, mut near_end) = (Arc::clone(&stop), near_end);
            thread::spawn(move || {
                forward(&mut *left, &mut near_end, || stop.load(Ordering::Relaxed));
            })
        };
        let what = format!("trunk from {near:?} to {far:?}");
        everything(&a, &b, &mut far_end, &mut *right, &what);
        stop.store(true, Ordering::Relaxed);
        other_switch.join().unwrap();
        drop((right, far_end));
        ip("link delete left");
        ip("link delete right");
        if [near, far].contains(&Kind::Tap) {
            // It goes with its queues, as soon as the kernel gets to it.
            let near = Interface::named(&name("near")).unwrap();
            wait_for("the TAP to be gone", PATIENCE, || near.index().is_err().then_some(()));
        } else {
            ip("link delete near");
        }
    }
}

/// Both ends of a cable between two switches.
fn trunk(near: Kind, far: Kind) -> (Trunk, Trunk) {
    if near == Kind::Tap {
        let tap = open_tap(&tap("near"));
        return (Trunk::on(Box::new(tap)), Trunk::on(open(far, "near")));
    }
    if far == Kind::Tap {
        let (far, near) = trunk(far, near);
        return (near, far);
    }
    ip("link add near type veth peer name far");
    prepare_other_end(near, "far");
    prepare_other_end(far, "near");
    let ends = (open(near, "near"), open(far, "far"));
    await_link("near");
    await_link("far");
    (Trunk::on(ends.0), Trunk::on(ends.1))
}

#[test]
fn a_host_that_leaves_its_checksums_to_hardware_is_understood_by_af_xdp() {
    if !namespace::enter() {
        return;
    }
    let (a, left) = host(Kind::AfPacket, 1, "left");
    drop(left);
    // Nobody has prepared the host.
    let mut left = open(Kind::AfXdp, "left");
    let (b, mut right) = host(Kind::Tap, 2, "right");
    everything(&a, &b, &mut *left, &mut *right, "from a host as it is");
}
