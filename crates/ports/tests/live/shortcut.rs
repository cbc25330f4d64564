//! A packet port that sends plain frames by AF_XDP: both of its ways are one to whoever receives.

use crate::namespace::{self, ip, run};
use crate::{
    ONE, PATIENCE, TWO, await_link, flow, frame, is_experiment, name, open_packet, receive, send, sent,
};
use greylag_ports::{Batch, Offload, PacketQueue, Port, Shortcut, Tagging, TxReport, XdpPort};
use greylag_tests::wait_for;
use std::sync::Arc;

/// A packet port with a shortcut that is open.
pub(crate) fn open_short(interface: &str) -> PacketQueue {
    with_shortcut(interface).0
}

fn with_shortcut(interface: &str) -> (PacketQueue, Arc<Shortcut>) {
    let (mut port, shortcut) = (open_packet(interface), Arc::new(Shortcut::default()));
    shortcut.set_open(true);
    port.add_shortcut(0, Arc::clone(&shortcut)).unwrap();
    (port, shortcut)
}

/// A cable with such a port at `left`, and a packet port at `right`.
fn cable(settings: &str) -> (PacketQueue, PacketQueue, Arc<Shortcut>) {
    ip(&format!("link add left {settings} type veth peer name right {settings}"));
    let ((left, shortcut), right) = (with_shortcut("left"), open_packet("right"));
    await_link("left");
    await_link("right");
    (left, right, shortcut)
}

/// What a packet socket at the device itself sees of what leaves: nothing of what takes the shortcut.
struct Onlooker(std::os::fd::OwnedFd);

impl Onlooker {
    fn at(interface: &str) -> Self {
        use rustix::net::{AddressFamily, SocketFlags, SocketType, netdevice, socket_with};
        use std::os::fd::AsRawFd;
        let protocol = (libc::ETH_P_ALL as u16).to_be();
        let kind = SocketFlags::NONBLOCK;
        let protocol = rustix::net::Protocol::from_raw(u32::from(protocol).try_into().unwrap());
        let socket = socket_with(AddressFamily::PACKET, SocketType::RAW, kind, Some(protocol)).unwrap();
        // SAFETY: integers, for which zero is a value.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
        address.sll_ifindex = netdevice::name_to_index(&socket, interface).unwrap() as i32;
        let len = size_of::<libc::sockaddr_ll>() as u32;
        // SAFETY: the address is a sockaddr_ll of the length that is given.
        assert_eq!(unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), len) }, 0);
        Onlooker(socket)
    }

    /// How many frames for experiments it has seen since it was last asked.
    fn seen(&self) -> usize {
        let mut bytes = [0; 2048];
        let mut seen = 0;
        while let Ok((len, _)) = rustix::net::recv(&self.0, &mut bytes, rustix::net::RecvFlags::empty()) {
            seen += usize::from(is_experiment(&bytes[..len]));
        }
        seen
    }
}

/// Marks of the frames for experiments that come, in their order, until there are so many.
fn marks(port: &mut PacketQueue, count: usize) -> Vec<u8> {
    let (mut batch, mut marks) = (Batch::new(), Vec::new());
    wait_for("all frames", PATIENCE, || {
        port.rx(&mut batch).unwrap();
        let wanted = (0..batch.len()).map(|index| batch.bytes(index)).filter(|bytes| is_experiment(bytes));
        marks.extend(wanted.map(|bytes| bytes[20]));
        (marks.len() >= count).then_some(())
    });
    marks
}

#[test]
fn plain_frames_take_the_shortcut_as_long_as_it_is_open() {
    if !namespace::enter() {
        return;
    }
    let (mut left, mut right, shortcut) = cable("");
    let onlooker = Onlooker::at("left");
    for (open, seen) in [(true, 0), (false, 1), (true, 0)] {
        shortcut.set_open(open);
        for len in [14, 60, 1514] {
            assert_eq!(send(&mut left, &frame(1, len)), sent(&frame(1, len)));
            assert_eq!(receive(&mut right, is_experiment).bytes, frame(1, len));
            assert_eq!(onlooker.seen(), seen, "{len} octets, open: {open}");
        }
    }
    let mut tagged = frame(3, 60);
    tagged.splice(12..12, [0x81, 0x00, 0x60, 0x0a]);
    assert_eq!(send(&mut left, &tagged), sent(&tagged));
    assert!(matches!(receive(&mut right, is_experiment).tagging, Tagging::Aside(tci) if tci.0 == 0x600a));
    assert_eq!(send(&mut left, &frame(1, 14)[..13]), TxReport { refused: 1, ..TxReport::default() });
    assert_eq!(send(&mut left, &frame(1, 1515)), TxReport { too_long: 1, ..TxReport::default() });
    assert_eq!(send(&mut right, &frame(2, 60)), sent(&frame(2, 60)));
    assert_eq!(receive(&mut left, is_experiment).bytes, frame(2, 60));
}

#[test]
fn frames_of_both_ways_arrive_in_the_order_of_their_batches() {
    if !namespace::enter() {
        return;
    }
    let (mut left, mut right, _) = cable("mtu 9216");
    let onlooker = Onlooker::at("left");
    let (mut batch, indices) = (Batch::new(), (0..64).collect::<Vec<u16>>());
    for round in 0..100 {
        batch.clear();
        for at in 0..64 {
            // Long ones do not fit a chunk; how they are mixed changes from round to round.
            let is_long = (at * 7 + round) % (2 + round % 5) == 0;
            batch.push(&frame(at as u8, if is_long { 3000 } else { 60 + at * 10 }));
        }
        let report = left.tx(&batch, &indices);
        let bytes = (0..64).map(|index| batch.bytes(index).len() as u64).sum();
        assert_eq!(report, TxReport { frames: 64, bytes, ..TxReport::default() });
        assert_eq!(marks(&mut right, 64), (0..64).collect::<Vec<u8>>(), "round {round}");
        let long = (0..64).filter(|&index| batch.bytes(index).len() == 3000).count();
        assert_eq!(onlooker.seen(), long, "round {round}");
    }
}

#[test]
fn the_kernel_is_told_of_a_checksum_that_is_not_finished() {
    if !namespace::enter() {
        return;
    }
    let (mut left, mut right, shortcut) = cable("");
    let mut udp = flow(1000);
    udp[40..42].copy_from_slice(&[0x12, 0x34]);
    let offload =
        Offload { flags: Offload::NEEDS_CHECKSUM, checksum_start: 34, checksum_offset: 6, ..Offload::NONE };
    let is_flow = |bytes: &[u8]| bytes.len() == 60 && bytes[30..34] == [10, 9, 9, 2];
    let mut came = Vec::new();
    for open in [true, false] {
        shortcut.set_open(open);
        let mut batch = Batch::new();
        batch.slots().next().unwrap()[..60].copy_from_slice(&udp);
        batch.commit(60, Tagging::Untagged, offload);
        assert_eq!(left.tx(&batch, &[0]), sent(&udp));
        came.push(receive(&mut right, is_flow));
    }
    assert_eq!(came[0], came[1]);
    assert_eq!((came[0].offload.flags, &came[0].bytes), (Offload::NEEDS_CHECKSUM, &udp));
    // One that is where no octets are is nothing that the shortcut takes.
    shortcut.set_open(true);
    let mut batch = Batch::new();
    batch.push(&frame(1, 60));
    batch.push(&frame(2, 60));
    batch.slots().next().unwrap()[..60].copy_from_slice(&udp);
    batch.commit(60, Tagging::Untagged, Offload { checksum_offset: 30, ..offload });
    batch.push(&frame(3, 60));
    assert_eq!(left.tx(&batch, &[0, 1, 2, 3]).frames, 3);
    assert_eq!(marks(&mut right, 3), [1, 2, 3]);
}

#[test]
fn what_the_shortcut_does_not_take_is_counted_and_does_not_leave_later() {
    if !namespace::enter() {
        return;
    }
    let (mut left, mut right, _) = cable("");
    let mut batch = Batch::new();
    (0..64).for_each(|_| batch.push(&frame(1, 1514)));
    let indices: Vec<u16> = (0..64).collect();
    for _ in 0..20 {
        ip("link set left down");
        for _ in 0..20 {
            assert_eq!(left.tx(&batch, &indices), TxReport { down: 64, ..TxReport::default() });
        }
        ip("link set left up");
        await_link("left");
        await_link("right");
    }
    // More than there are chunks: none is lost for what did not leave.
    let onlooker = Onlooker::at("left");
    for _ in 0..2000 {
        assert_eq!(send(&mut left, &frame(2, 60)), sent(&frame(2, 60)));
        assert_eq!(receive(&mut right, is_experiment).bytes, frame(2, 60));
    }
    assert_eq!(onlooker.seen(), 0);
    ip("link delete left");
    assert_eq!(send(&mut left, &frame(1, 60)), TxReport { down: 1, ..TxReport::default() });
}

#[test]
fn a_frame_that_the_device_drops_is_counted_by_its_reason() {
    if !namespace::enter() {
        return;
    }
    let (mut left, mut right, _) = cable("");
    let mut batch = Batch::new();
    // The kernel finds the second one itself: the MTU becomes smaller behind the port's back.
    ip("link set right mtu 1000");
    ip("link set left mtu 1000");
    for (mark, len) in [(1, 60), (2, 1400), (3, 70), (4, 1515), (5, 80)] {
        batch.push(&frame(mark, len));
    }
    let expected = TxReport { frames: 3, bytes: 210, too_long: 2, ..TxReport::default() };
    assert_eq!(left.tx(&batch, &[0, 1, 2, 3, 4]), expected);
    assert_eq!(marks(&mut right, 3), [1, 3, 5]);
    // Nobody is at the other end.
    ip("link set right down");
    let short = [0, 2, 4];
    wait_for("the frames to be refused", PATIENCE, || {
        let report = left.tx(&batch, &short);
        println!("{report:?}");
        (report == TxReport { queue_full: 3, ..TxReport::default() }).then_some(())
    });
}

#[test]
fn each_queue_of_a_device_has_one_shortcut_and_a_port_without_sends_as_ever() {
    if !namespace::enter() {
        return;
    }
    ip("link add left numrxqueues 1 numtxqueues 1 type veth peer name right numrxqueues 1 numtxqueues 1");
    let mut right = open_packet("right");
    let shortcut = Arc::new(Shortcut::default());
    shortcut.set_open(true);
    let mut queues = PacketQueue::open(&name("left"), TWO).unwrap();
    await_link("left");
    queues[0].add_shortcut(0, Arc::clone(&shortcut)).unwrap();
    assert!(queues[1].add_shortcut(1, Arc::clone(&shortcut)).is_err(), "there is no such queue");
    let taken = queues[1].add_shortcut(0, Arc::clone(&shortcut)).unwrap_err();
    assert!(taken.to_string().contains("bind"), "{taken}");
    let onlooker = Onlooker::at("left");
    for (queue, seen) in queues.iter_mut().zip([0, 1]) {
        assert_eq!(send(queue, &frame(1, 60)), sent(&frame(1, 60)));
        assert_eq!(receive(&mut right, is_experiment).bytes, frame(1, 60));
        assert_eq!(onlooker.seen(), seen);
    }
    // What comes after it finds nothing left of it.
    drop(queues);
    let mut next = open_short("left");
    assert_eq!(send(&mut next, &frame(1, 60)), sent(&frame(1, 60)));
    drop(next);
    run("ethtool", "-L left rx 1 tx 1");
    drop(XdpPort::open(&name("left"), ONE).unwrap());
}
