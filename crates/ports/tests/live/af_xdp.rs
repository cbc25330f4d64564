//! The AF_XDP port against the kernel.

use crate::namespace::{self, ip, run};
use crate::{
    ONE, PATIENCE, TWO, await_link, frame, is_experiment, name, open_packet, receive, receive_within, send,
    sent,
};
use greylag_ports::{Batch, Interface, OpenError, Port, Tagging, TxReport, XdpPort};
use greylag_tests::wait_for;
use std::time::Duration;

/// A veth cable with an AF_XDP port at `left` and a packet port at `right`.
pub(crate) fn cable(settings: &str) -> (Box<dyn Port>, Box<dyn Port>) {
    ip(&format!("link add left {settings} type veth peer name right {settings}"));
    // Some tests count frames: the kernel is to send none of its own.
    for end in ["left", "right"] {
        ip(&format!("link set {end} addrgenmode none"));
    }
    let mut left = XdpPort::open(&name("left"), ONE).unwrap();
    assert!(left.is_native && left.receiving == 1);
    let right = open_packet("right");
    await_link("left");
    await_link("right");
    (left.queues.pop().unwrap(), Box::new(right))
}

#[test]
fn af_xdp_carries_frames_both_ways() {
    if !namespace::enter() {
        return;
    }
    let (mut left, mut right) = cable("");
    for len in [14, 60, 1514] {
        assert_eq!(send(&mut *left, &frame(1, len)), sent(&frame(1, len)));
        assert_eq!(receive(&mut *right, is_experiment).bytes, frame(1, len));
        assert_eq!(send(&mut *right, &frame(2, len)), sent(&frame(2, len)));
        assert_eq!(receive(&mut *left, is_experiment).bytes, frame(2, len));
    }
    assert_eq!(send(&mut *left, &frame(1, 14)[..13]), TxReport { refused: 1, ..TxReport::default() });
    assert_eq!(send(&mut *left, &frame(1, 1515)), TxReport { too_long: 1, ..TxReport::default() });
    // What it sends does not come back, and a tag stays in line.
    let mut tagged = frame(3, 60);
    tagged.splice(12..12, [0x81, 0x00, 0x60, 0x0a]);
    assert_eq!(send(&mut *right, &tagged), sent(&tagged));
    let got = receive(&mut *left, |bytes| bytes[12..14] == [0x81, 0x00]);
    assert_eq!((got.bytes, got.tagging), (tagged, Tagging::Untagged));
}

#[test]
fn jumbo_frames_cross_af_xdp_in_several_chunks() {
    if !namespace::enter() {
        return;
    }
    let (mut left, mut right) = cable("mtu 9216");
    for len in [1792, 1793, 2048, 2049, 4096, 9000, 9230] {
        assert_eq!(send(&mut *left, &frame(1, len)), sent(&frame(1, len)));
        assert_eq!(receive(&mut *right, is_experiment).bytes, frame(1, len));
        let mut other = frame(2, len);
        (14..len).for_each(|at| other[at] = (at * 7) as u8);
        assert_eq!(send(&mut *right, &other), sent(&other));
        assert!(receive(&mut *left, is_experiment).bytes == other, "{len}");
    }
    assert_eq!(send(&mut *left, &frame(1, 9231)).too_long, 1);
}

#[test]
fn every_frame_of_many_batches_arrives_once_and_in_order() {
    if !namespace::enter() {
        return;
    }
    let (mut left, mut right) = cable("");
    let indices: Vec<u16> = (0..64).collect();
    let (mut batch, mut arrived) = (Batch::new(), Batch::new());
    // More than there are chunks and ring entries, so that all of them come round.
    for towards_left in [false, true] {
        let (from, to) = if towards_left { (&mut right, &mut left) } else { (&mut left, &mut right) };
        for round in 0..200_u8 {
            batch.clear();
            for at in 0..64 {
                let mut frame = frame(round, 60 + usize::from(at) * 20);
                frame[14] = at;
                batch.push(&frame);
            }
            assert_eq!(from.tx(&batch, &indices).frames, 64);
            let mut next = 0;
            wait_for("all of a batch", PATIENCE, || {
                to.rx(&mut arrived).unwrap();
                for bytes in (0..arrived.len()).map(|index| arrived.bytes(index)) {
                    if is_experiment(bytes) {
                        assert_eq!(
                            (bytes[14], bytes[15], bytes.len()),
                            (next, round, 60 + usize::from(next) * 20)
                        );
                        next += 1;
                    }
                }
                (next == 64).then_some(())
            });
        }
        assert_eq!(to.rx_dropped().total(), 0);
    }
}

#[test]
fn frames_that_nobody_read_are_counted() {
    if !namespace::enter() {
        return;
    }
    let (mut left, mut right) = cable("");
    let mut batch = Batch::new();
    let indices: Vec<u16> = (0..64).collect();
    let count = 100 * 64;
    // The rings of an AF_XDP socket, and that of a packet socket.
    for (from, to) in [(1, 0), (0, 1)] {
        let mut ends = [&mut left, &mut right];
        batch.clear();
        (0..64).for_each(|_| batch.push(&frame(1, 60)));
        for _ in 0..100 {
            assert_eq!(ends[from].tx(&batch, &indices).frames, 64);
        }
        let (port, mut received) = (&mut ends[to], 0);
        wait_for("all to be read or counted", PATIENCE, || {
            while port.rx(&mut batch).unwrap() > 0 {
                received +=
                    (0..batch.len()).filter(|&index| is_experiment(batch.bytes(index))).count() as u64;
            }
            (received + port.rx_dropped().total() >= count).then_some(())
        });
        let dropped = port.rx_dropped().total();
        assert!(received >= 1000 && dropped > 1000, "{received} received, {dropped} dropped");
    }
}

#[test]
fn what_does_not_leave_while_the_link_is_down_does_not_leave_later() {
    if !namespace::enter() {
        return;
    }
    let (mut left, mut right) = cable("");
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
    for _ in 0..2000 {
        assert_eq!(send(&mut *left, &frame(2, 60)), sent(&frame(2, 60)));
        assert_eq!(receive(&mut *right, is_experiment).bytes, frame(2, 60));
    }
    assert_eq!(send(&mut *right, &frame(3, 60)), sent(&frame(3, 60)));
    assert_eq!(receive(&mut *left, is_experiment).bytes, frame(3, 60));
    ip("link delete left");
    assert_eq!(send(&mut *left, &frame(1, 60)), TxReport { down: 1, ..TxReport::default() });
}

#[test]
fn a_worker_beyond_the_queues_of_the_interface_sends() {
    if !namespace::enter() {
        return;
    }
    ip("link add left numtxqueues 1 numrxqueues 1 type veth peer name right numtxqueues 1 numrxqueues 1");
    let mut host = open_packet("right");
    let port = XdpPort::open(&name("left"), TWO).unwrap();
    await_link("left");
    await_link("right");
    assert_eq!((port.queues.len(), port.receiving), (2, 1));
    for (worker, mut queue) in port.queues.into_iter().enumerate() {
        assert_eq!(send(&mut *queue, &frame(1, 60)), sent(&frame(1, 60)), "worker {worker}");
        assert_eq!(receive(&mut host, is_experiment).bytes, frame(1, 60));
        assert_eq!(send(&mut host, &frame(2, 60)), sent(&frame(2, 60)));
        let got = receive_within(
            if worker == 0 { PATIENCE } else { Duration::from_millis(50) },
            &mut *queue,
            is_experiment,
        );
        assert_eq!(got.len(), usize::from(worker == 0));
    }
}

#[test]
fn each_worker_has_a_queue_where_the_interface_can_have_several() {
    if !namespace::enter() {
        return;
    }
    ip("link add left numrxqueues 2 numtxqueues 2 type veth peer name right numrxqueues 2 numtxqueues 2");
    run("ethtool", "-L left rx 1 tx 1");
    run("ethtool", "-L right rx 1 tx 1");
    let mut port = XdpPort::open(&name("left"), TWO).unwrap();
    assert_eq!(port.receiving, 2);
    // The sender's queue is the receiver's.
    run("ethtool", "-L right tx 2");
    let mut right = open_packet("right");
    await_link("left");
    await_link("right");
    for source_port in 1000..1200 {
        assert_eq!(send(&mut right, &crate::flow(source_port)).frames, 1);
    }
    let mut counts = [0, 0];
    wait_for("all flows", PATIENCE, || {
        for (queue, count) in port.queues.iter_mut().zip(&mut counts) {
            let is_flow = |bytes: &[u8]| bytes.len() == 60 && bytes[30..34] == [10, 9, 9, 2];
            *count += receive_within(Duration::from_millis(1), &mut **queue, is_flow).len();
        }
        (counts[0] + counts[1] == 200).then_some(())
    });
    assert!(counts[0] > 20 && counts[1] > 20, "{counts:?}");
    for queue in &mut port.queues {
        assert_eq!(send(&mut **queue, &frame(1, 60)), sent(&frame(1, 60)));
        assert_eq!(receive(&mut right, is_experiment).bytes, frame(1, 60));
    }

    // One worker and two queues: the queues become one.
    drop(port);
    run("ethtool", "-L right tx 1");
    let port = XdpPort::open(&name("left"), ONE).unwrap();
    assert_eq!((port.queues.len(), port.receiving), (1, 1));
}

#[test]
fn an_af_xdp_port_says_why_it_cannot_be_opened_and_leaves_nothing() {
    if !namespace::enter() {
        return;
    }
    ip("link add left numrxqueues 2 type veth peer name right numtxqueues 2");
    run("ethtool", "-L left rx 2");
    run("ethtool", "-L right tx 2");
    let queues = XdpPort::open(&name("left"), ONE).err().unwrap();
    assert!(matches!(queues, OpenError::TooManyQueues { workers: 1, .. }), "{queues}");
    run("ethtool", "-L right tx 1");
    let held = XdpPort::open(&name("left"), ONE).unwrap();
    let other = XdpPort::open(&name("left"), ONE).err().unwrap();
    assert!(matches!(other, OpenError::OtherProgram { .. }), "{other}");
    drop(held);
    // What the driver is still tearing down may hold the program a moment longer.
    drop(wait_for("the program to go", PATIENCE, || XdpPort::open(&name("left"), ONE).ok()));

    let absent = XdpPort::open(&name("nowhere"), ONE).err().unwrap();
    assert!(matches!(absent, OpenError::NoSuchInterface { .. }), "{absent}");
    assert!(!Interface::named(&name("left")).unwrap().driver().unwrap().is_empty());
}
