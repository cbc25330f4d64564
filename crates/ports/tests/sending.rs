//! What makes traffic and what hears a share of it, against the kernel.

#[path = "live/namespace.rs"]
#[expect(dead_code, reason = "these tests need neither hosts nor other programs")]
mod namespace;

use greylag_base::PortName;
use greylag_ports::{BATCH_FRAMES, Batch, Ear, Interface, OpenError, PacketQueue, Port, XdpSender};
use greylag_tests::wait_for;
use greylag_wire::ethernet::EtherType;
use namespace::ip;
use std::num::NonZeroUsize;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

fn cable() -> [PortName; 2] {
    ip("link add left type veth peer name right");
    let ends = ["left", "right"].map(|end| PortName::new(end).unwrap());
    for end in &ends {
        ip(&format!("link set {end} up"));
    }
    let is_up = || Interface::named(&ends[0]).unwrap().has_carrier().unwrap();
    wait_for("a link", PATIENCE, || is_up().then_some(()));
    ends
}

/// A frame to everybody with a number in its payload.
fn frame(ether_type: u16, number: u16, len: usize) -> Vec<u8> {
    let mut frame = vec![0xff; len];
    frame[6..12].copy_from_slice(&[2, 0, 0, 0, 0, 1]);
    frame[12..14].copy_from_slice(&ether_type.to_be_bytes());
    frame[14..16].copy_from_slice(&number.to_be_bytes());
    frame
}

#[test]
fn more_frames_than_a_ring_holds_come_out_in_order_and_whole() {
    if !namespace::enter() {
        return;
    }
    let [left, right] = cable();
    let mut sender = XdpSender::open(&left).unwrap();
    let mut receiver = PacketQueue::open(&right, NonZeroUsize::MIN).unwrap().remove(0);
    let (mut batch, mut received) = (Batch::new(), Batch::new());
    let indices: Vec<u16> = (0..BATCH_FRAMES as u16).collect();
    let (mut expected, total) = (0_u16, 20_000_u16);
    for first in (0..total).step_by(BATCH_FRAMES) {
        batch.clear();
        for number in first..(first + BATCH_FRAMES as u16).min(total) {
            batch.push(&frame(0x88b6, number, 60 + usize::from(number) % 1400));
        }
        let report = sender.send(&batch, &indices[..batch.len()]);
        assert_eq!(report.frames, batch.len() as u64, "{report:?}");
        while receiver.rx(&mut received).unwrap() > 0 {
            for index in 0..received.len() {
                let bytes = received.bytes(index);
                if bytes[12..14] != [0x88, 0xb6] {
                    // The kernel's own stack has something to say on a new link.
                    continue;
                }
                assert_eq!(bytes, frame(0x88b6, expected, 60 + usize::from(expected) % 1400));
                expected += 1;
            }
        }
    }
    assert_eq!(expected, total);
}

#[test]
fn a_frame_that_no_chunk_takes_is_too_long() {
    if !namespace::enter() {
        return;
    }
    let [left, _] = cable();
    let mut sender = XdpSender::open(&left).unwrap();
    let mut batch = Batch::new();
    batch.push(&vec![0xff; XdpSender::LONGEST + 1]);
    assert_eq!(sender.send(&batch, &[0]).too_long, 1);
    let nobody = PortName::new("nobody").unwrap();
    assert!(matches!(XdpSender::open(&nobody), Err(OpenError::NoSuchInterface { .. })));
}

#[test]
fn an_ear_hears_its_own_kind_of_frames_alone() {
    if !namespace::enter() {
        return;
    }
    let [left, right] = cable();
    let mut sender = XdpSender::open(&left).unwrap();
    let ear = Ear::open(&right, EtherType(0x88b5)).unwrap();
    let mut batch = Batch::new();
    for (kind, number) in [(0x88b6, 1), (0x88b5, 2), (0x0800, 3), (0x88b5, 4)] {
        batch.push(&frame(kind, number, 60));
    }
    assert_eq!(sender.send(&batch, &[0, 1, 2, 3]).frames, 4);
    let mut bytes = [0; 100];
    let mut heard = Vec::new();
    wait_for("two frames", PATIENCE, || {
        while let Some(len) = ear.hear(&mut bytes).unwrap() {
            assert_eq!(len, 60);
            heard.push(bytes[15]);
        }
        (heard.len() == 2).then_some(())
    });
    assert_eq!(heard, [2, 4]);
    assert_eq!(ear.hear(&mut bytes).unwrap(), None);
}
