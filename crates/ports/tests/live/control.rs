//! Control frames come in by a queue that data cannot fill, and leave while data finds no room.

use crate::namespace::run;
use crate::{
    PATIENCE, af_xdp, frame, name, namespace, open_packet, open_tap, receive, send, sent, tap, veth_ports,
};
use greylag_ports::{BATCH_FRAMES, Batch, Port, RxDrop};
use greylag_tests::wait_for;
use std::process::Command;

/// A frame of each kind that is control, with its mark behind: LACP, ARP, BFD, and BGP in IPv6.
fn control_frames() -> Vec<Vec<u8>> {
    let behind = |ether_type: [u8; 2], payload: &[u8]| {
        let mut frame = frame(0, 80);
        frame[12..14].copy_from_slice(&ether_type);
        frame[14..14 + payload.len()].copy_from_slice(payload);
        frame
    };
    let mut lacp = behind([0x88, 0x09], &[1, 1]);
    lacp[..6].copy_from_slice(&[0x01, 0x80, 0xc2, 0, 0, 2]);
    let arp = behind([0x08, 0x06], &[0, 1, 8, 0, 6, 4, 0, 1]);
    let mut ipv4 = [0; 24];
    (ipv4[0], ipv4[3], ipv4[8], ipv4[9]) = (0x45, 66, 255, 17);
    ipv4[20..24].copy_from_slice(&[0xc0, 0, 0x0e, 0xc8]);
    let bfd = behind([0x08, 0x00], &ipv4);
    let mut ipv6 = [0; 44];
    (ipv6[0], ipv6[5], ipv6[6], ipv6[7]) = (0x60, 26, 6, 1);
    ipv6[40..44].copy_from_slice(&[0, 179, 0xc0, 0]);
    vec![lacp, arp, bfd, behind([0x86, 0xdd], &ipv6)]
}

/// Sends data that nobody reads until the kernel drops it, then one control frame of each kind, and reads.
fn control_gets_through(port: &mut dyn Port, kernel: &mut dyn Port) {
    let mut data = Batch::new();
    (0..BATCH_FRAMES).for_each(|_| data.push(&frame(1, 1514)));
    let all: Vec<u16> = (0..BATCH_FRAMES as u16).collect();
    wait_for("the kernel drops", PATIENCE, || {
        kernel.tx(&data, &all);
        let dropped = port.rx_dropped();
        (dropped.of(RxDrop::QueueFull) + dropped.of(RxDrop::NoBuffer) > 0).then_some(())
    });
    let expected = control_frames();
    for frame in &expected {
        send(kernel, frame);
    }
    let (mut batch, mut came) = (Batch::new(), Vec::new());
    // Two of data, and as many of control as there are queues for it, with one of data at the most in between.
    for _ in 0..6 {
        port.rx(&mut batch).unwrap();
        let frames = (0..batch.len()).map(|index| batch.bytes(index).to_vec());
        came.extend(frames.filter(|bytes| expected.contains(bytes)));
    }
    assert_eq!(came, expected, "{} came", came.len());
    assert_eq!(port.rx_dropped().of(RxDrop::ControlQueueFull), 0);
}

#[test]
fn control_comes_in_by_a_packet_socket_whose_buffer_is_full() {
    if namespace::enter() {
        let (mut left, mut right) = veth_ports();
        control_gets_through(&mut left, &mut right);
    }
}

#[test]
fn control_passes_by_an_af_xdp_socket_whose_ring_is_full() {
    if namespace::enter() {
        let (mut left, mut right) = af_xdp::cable("");
        control_gets_through(&mut *left, &mut *right);
    }
}

#[test]
fn control_comes_in_by_a_tap_whose_queue_is_full() {
    if namespace::enter() {
        let mut port = open_tap(&tap("glp-tap"));
        let mut kernel = open_packet(name("glp-tap").as_str());
        control_gets_through(&mut port, &mut kernel);
    }
}

/// A queueing discipline with bands, behind one that lets through what a frame of data in twelve milliseconds is.
fn slow_down(interface: &str) {
    run("tc", &format!("qdisc add dev {interface} root handle 1: tbf rate 1mbit burst 2k limit 4mb"));
    run("tc", &format!("qdisc add dev {interface} parent 1:1 pfifo_fast"));
}

#[test]
fn control_leaves_before_data_that_waits_and_while_data_finds_no_room() {
    if !namespace::enter() {
        return;
    }
    let (mut left, mut right) = veth_ports();
    slow_down("left");
    let mut data = Batch::new();
    (0..BATCH_FRAMES).for_each(|_| data.push(&frame(1, 1514)));
    let all: Vec<u16> = (0..BATCH_FRAMES as u16).collect();
    wait_for("the queue is full", PATIENCE, || (left.tx(&data, &all).queue_full > 0).then_some(()));
    for control in control_frames() {
        let mut batch = Batch::new();
        batch.push(&control);
        assert_eq!(left.tx_control(&batch, &[0]), sent(&control));
        let got = receive(&mut right, |bytes| bytes == control);
        assert_eq!(got.bytes, control);
    }
    assert!(left.tx(&data, &all).queue_full > 0, "data waits as it did");
}

/// Its ring takes no more; nothing in there could be overtaken.
#[test]
fn control_leaves_an_af_xdp_port_past_its_ring() {
    if !namespace::enter() {
        return;
    }
    let (mut left, mut right) = af_xdp::cable("");
    // What leaves by the ring passes no queueing discipline, and what leaves by a packet socket does.
    slow_down("left");
    let before = sent_through("left");
    for control in control_frames() {
        let mut batch = Batch::new();
        batch.push(&control);
        assert_eq!(left.tx_control(&batch, &[0]), sent(&control));
        assert_eq!(receive(&mut *right, |bytes| bytes == control).bytes, control);
    }
    assert_eq!(sent_through("left") - before, control_frames().len() as u64);
}

/// Frames that the queueing discipline of an interface has let through.
fn sent_through(interface: &str) -> u64 {
    let output = Command::new("tc").args(["-s", "qdisc", "show", "dev", interface]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let words: Vec<&str> = text.split_whitespace().collect();
    let at = words.iter().position(|word| *word == "pkt").expect("tc counts packets");
    words[at - 1].parse().unwrap()
}
