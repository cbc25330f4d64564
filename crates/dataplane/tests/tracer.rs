//! A tracer hears of each frame of a batch what was decided, and the frame as it came in.

use greylag_base::{DropReason, Instant, MacAddr, PortId, PortSet, Seed, VlanId};
use greylag_dataplane::{DataPlane, Decision, Forwarding, Limits, PortForwarding, Seen, Tracer, Worker};
use greylag_ports::{Batch, MemoryPort};
use greylag_wire::ethernet::{EtherType, Repr};
use greylag_wire::vlan::Tci;
use std::sync::Arc;

#[derive(Default)]
struct Heard {
    decided: Vec<(Vec<u8>, Decision)>,
    numbers: Vec<u16>,
    seen: Vec<(u16, Seen)>,
    copies_dropped: Vec<(u16, PortId, DropReason)>,
}

impl Tracer for Heard {
    fn saw(&mut self, frame: u16, seen: Seen) {
        self.seen.push((frame, seen));
    }

    fn decided(&mut self, ingress: PortId, number: u16, frame: &[u8], decision: Decision) {
        assert_eq!(ingress, PortId(0));
        self.decided.push((frame.to_vec(), decision));
        self.numbers.push(number);
    }

    fn copy_dropped(&mut self, _batch: &Batch, number: u16, egress: PortId, reason: DropReason) {
        self.copies_dropped.push((number, egress, reason));
    }
}

/// As `()`, and it would complain: who does not listen is told nothing, so that nothing is prepared for it.
struct Deaf;

impl Tracer for Deaf {
    const LISTENS: bool = false;

    fn saw(&mut self, _frame: u16, seen: Seen) {
        panic!("told of {seen:?}");
    }

    fn decided(&mut self, _ingress: PortId, _number: u16, _frame: &[u8], decision: Decision) {
        panic!("told of {decision:?}");
    }

    fn copy_dropped(&mut self, _batch: &Batch, _number: u16, _egress: PortId, reason: DropReason) {
        panic!("told of {reason}");
    }
}

const _: () = assert!(!<() as Tracer>::LISTENS, "a worker that nobody traces has a tracer that listens");

fn station(number: u8) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0, number])
}

fn frame(source: MacAddr, destination: MacAddr) -> Vec<u8> {
    Repr { destination, source, ether_type: EtherType::LOCAL_EXPERIMENT }.frame(&[])
}

#[test]
fn every_frame_of_a_batch_is_told_once_with_its_decision() {
    let plane = Arc::new(DataPlane::new(&Limits { ports: 4, ..Limits::default() }, Seed(1)).unwrap());
    // Port 3 is a member, and not in the flood group.
    let group: PortSet = [0, 1, 2].map(PortId).into_iter().fold(PortSet::default(), |mut group, port| {
        group.insert(port);
        group
    });
    let ports = vec![PortForwarding::access(VlanId::DEFAULT); 4];
    plane.publish(Forwarding::new(ports, 0).with_flood_group(VlanId::DEFAULT, &group, None));
    let session = plane.table().session(0);
    session.learn(&session.probe(1, station(2).0), 1);
    session.learn(&session.probe(1, station(9).0), 0);
    drop(session);

    let (mut hosts, mut switch): (Vec<MemoryPort>, Vec<Option<MemoryPort>>) = (0..4)
        .map(|_| {
            let (host, port) = MemoryPort::pair(64);
            (host, Some(port))
        })
        .unzip();
    let mut to_known = frame(station(1), station(2));
    // Its tag goes away on its way out; the tracer hears of the frame as it was.
    to_known.splice(12..12, Tci(0x2001).to_bytes());
    let sent = [
        frame(station(1), MacAddr::BROADCAST),
        vec![0; 13],
        to_known,
        frame(station(1), station(9)),
        frame(MacAddr::ZERO, station(2)),
    ];
    for frame in &sent {
        assert!(hosts[0].send(frame));
    }
    let mut heard = Heard::default();
    let mut worker = Worker::new(Arc::clone(&plane), 0);
    worker.poll_port_traced(Instant::ZERO, PortId(0), switch.as_mut_slice(), &mut heard).unwrap();

    let expected = [
        (1, Decision::Dropped(DropReason::Runt)),
        (4, Decision::Dropped(DropReason::SourceZero)),
        (0, Decision::Flooded { left_out: true }),
        (2, Decision::Forwarded(PortId(1))),
        (3, Decision::Dropped(DropReason::Hairpin)),
    ];
    assert_eq!(heard.numbers, expected.map(|(frame, _)| frame as u16));
    assert_eq!(heard.decided, expected.map(|(frame, decision)| (sent[frame].clone(), decision)));
    // Of those that were admitted: where their source was before the batch, and where their destination is.
    let seen = |destination| Seen { vlan: VlanId::DEFAULT, source: None, destination };
    let expected = [(0, seen(None)), (2, seen(Some(PortId(1)))), (3, seen(Some(PortId(0))))];
    assert_eq!(heard.seen, expected);
    assert_eq!(heard.copies_dropped, [(0, PortId(3), DropReason::NotInFloodGroup)]);
    assert_eq!(plane.told_batches(0), 1);

    for frame in &sent {
        assert!(hosts[0].send(frame));
    }
    worker.poll_port_traced(Instant::ZERO, PortId(0), switch.as_mut_slice(), &mut Deaf).unwrap();
    assert_eq!(plane.port_counts(PortId(0)).rx_frames, 2 * sent.len() as u64);
    assert_eq!(plane.told_batches(0), 1, "it was not told of the second batch");
}
