//! Bundles in the pipeline: ports 1 and 2 are the members of bundle 4; ports 0 and 3 are ports of their own.

use bytes::Bytes;
use greylag_base::{DropReason, Instant, MacAddr, PortId, Seed, VlanId};
use greylag_dataplane::{
    Aggregation, Buckets, DataPlane, FlowFields, FlowHash, Forwarding, Limits, PortForwarding, Worker,
};
use greylag_mactable::Record;
use greylag_ports::MemoryPort;
use greylag_wire::ethernet::{EtherType, Repr};
use greylag_wire::slow;
use std::sync::Arc;

const LAG: PortId = PortId(4);
const MEMBERS: [PortId; 2] = [PortId(1), PortId(2)];

struct Rig {
    plane: Arc<DataPlane>,
    worker: Worker,
    switch: Vec<Option<MemoryPort>>,
    hosts: Vec<MemoryPort>,
}

/// Which members the bundle distributes over, and which it collects from.
fn forwarding(distributing: &[PortId], collecting: &[PortId]) -> Forwarding {
    let own = PortForwarding::access(VlanId::DEFAULT);
    let member = |port| PortForwarding {
        aggregation: Aggregation::Member { lag: LAG, collecting: collecting.contains(&port) },
        ..own.clone()
    };
    let lag = PortForwarding {
        up: !distributing.is_empty(),
        aggregation: Aggregation::Lag(Buckets::even(distributing)),
        ..own.clone()
    };
    let ports = vec![own.clone(), member(MEMBERS[0]), member(MEMBERS[1]), own.clone(), lag];
    Forwarding::new(ports, 0x0004).with_flow_hash(FlowHash::new(FlowFields::LAYER2, Seed(3)))
}

impl Rig {
    fn new(forwarding: Forwarding) -> Self {
        let plane = Arc::new(DataPlane::new(&Limits { ports: 5, ..Limits::default() }, Seed(7)).unwrap());
        plane.publish(forwarding);
        let (hosts, switch) = (0..4)
            .map(|_| MemoryPort::pair(1024))
            .map(|(host, port)| (host, Some(port)))
            .chain([(MemoryPort::pair(1).0, None)])
            .unzip();
        Rig { worker: Worker::new(Arc::clone(&plane), 0), plane, switch, hosts }
    }

    /// A frame that came in by `from`; by which ports it leaves.
    fn reaches(&mut self, from: u16, frame: &[u8]) -> Vec<usize> {
        assert!(self.hosts[usize::from(from)].send(frame));
        self.worker.poll_port(Instant::ZERO, PortId(from), &mut self.switch).unwrap();
        let received: Vec<usize> =
            self.hosts.iter_mut().map(|host| std::iter::from_fn(|| host.receive()).count()).collect();
        assert!(received.iter().all(|&frames| frames <= 1), "a frame left by one port twice: {received:?}");
        (0..received.len()).filter(|&host| received[host] == 1).collect()
    }

    fn drops(&self, port: PortId, reason: DropReason) -> u64 {
        self.plane.port_counts(port).drops[reason.index()]
    }

    fn port_of(&self, mac: MacAddr) -> Option<u16> {
        self.plane.table().iter(0).find(|entry: &Record| entry.mac == mac.0).map(|entry| entry.port)
    }
}

fn station(number: u64) -> MacAddr {
    MacAddr::from_bits(0x0200_0000_0000 + number)
}

fn frame(source: u64, destination: MacAddr) -> Vec<u8> {
    Repr { destination, source: station(source), ether_type: EtherType::LOCAL_EXPERIMENT }.frame(b"greylag")
}

fn lacpdu() -> Vec<u8> {
    slow::Repr { source: station(77) }.frame(&[1; 110])
}

#[test]
fn a_station_behind_a_member_is_learned_on_the_bundle() {
    let mut rig = Rig::new(forwarding(&MEMBERS, &MEMBERS));
    for (member, number) in [(1, 10), (2, 11)] {
        // To everybody else, and not back into the bundle by its other port.
        assert_eq!(rig.reaches(member, &frame(number, MacAddr::BROADCAST)), [0, 3]);
        assert_eq!(rig.port_of(station(number)), Some(LAG.0));
    }
    // The same station by the other member has not moved.
    rig.reaches(2, &frame(10, MacAddr::BROADCAST));
    assert_eq!(rig.plane.learn_counts().moved, 0);
    assert_eq!(rig.reaches(1, &frame(10, station(11))), [0; 0], "both are behind the bundle");
    assert_eq!(rig.drops(MEMBERS[0], DropReason::Hairpin), 1);
}

#[test]
fn a_flow_keeps_its_member_and_flows_use_all() {
    let mut rig = Rig::new(forwarding(&MEMBERS, &MEMBERS));
    rig.reaches(1, &frame(9, MacAddr::BROADCAST));
    let mut used = [0; 3];
    for flow in 100..200 {
        let member = rig.reaches(0, &frame(flow, station(9)));
        let [member] = member[..] else { panic!("one port: {member:?}") };
        assert_eq!(rig.reaches(0, &frame(flow, station(9))), [member], "flow {flow} keeps its port");
        used[member] += 1;
    }
    assert!(used[1] >= 30 && used[2] >= 30, "{used:?}");
}

#[test]
fn a_flooded_frame_leaves_a_bundle_once() {
    let mut rig = Rig::new(forwarding(&MEMBERS, &MEMBERS));
    for flow in 0..20 {
        let reached = rig.reaches(0, &frame(flow, MacAddr::BROADCAST));
        assert!(reached == [1, 3] || reached == [2, 3], "{reached:?}");
    }
}

#[test]
fn what_comes_in_by_a_member_that_does_not_collect_is_dropped_and_counted() {
    let mut rig = Rig::new(forwarding(&MEMBERS, &MEMBERS[..1]));
    assert_eq!(rig.reaches(2, &frame(5, MacAddr::BROADCAST)), [0; 0]);
    assert_eq!(rig.drops(MEMBERS[1], DropReason::NotCollecting), 1);
    assert_eq!(rig.port_of(station(5)), None, "nothing is learned from it");
}

#[test]
fn the_next_batch_goes_elsewhere_when_a_member_is_taken_out() {
    let mut rig = Rig::new(forwarding(&MEMBERS, &MEMBERS));
    rig.reaches(1, &frame(9, MacAddr::BROADCAST));
    let flow = (100..).find(|&flow| rig.reaches(0, &frame(flow, station(9))) == [1]).unwrap();
    rig.plane.publish(forwarding(&MEMBERS[1..], &MEMBERS));
    assert_eq!(rig.reaches(0, &frame(flow, station(9))), [2]);
    rig.plane.publish(forwarding(&[], &[]));
    assert_eq!(rig.reaches(0, &frame(flow, station(9))), [0; 0]);
    assert_eq!(rig.drops(PortId(0), DropReason::DestinationDown), 1);
}

#[test]
fn slow_protocols_of_a_member_are_handed_up_whether_it_collects_or_not() {
    let mut rig = Rig::new(forwarding(&[], &[]));
    assert_eq!(rig.reaches(2, &lacpdu()), [0; 0]);
    let punts = rig.plane.take_punts(usize::MAX);
    let [punt] = &punts[..] else { panic!("{punts:?}") };
    assert_eq!((punt.port, punt.frame()), (MEMBERS[1], &lacpdu()[..]));
    assert_eq!(rig.plane.port_counts(MEMBERS[1]).punted, 1);
    assert_eq!((rig.plane.punts_waiting(), rig.port_of(station(77))), (0, None));
    // A port of its own passes them on when it is told to, as bit 2 of the mask does here.
    assert_eq!(rig.reaches(0, &lacpdu()), [3]);
}

#[test]
fn what_the_control_side_does_not_take_in_time_is_counted() {
    let mut rig = Rig::new(forwarding(&[], &[]));
    for _ in 0..2_000 {
        rig.reaches(1, &lacpdu());
    }
    let counts = rig.plane.port_counts(MEMBERS[0]);
    let lost = counts.drops[DropReason::PuntQueueFull.index()];
    assert_eq!((counts.punted + lost, counts.punted), (2_000, rig.plane.punts_waiting() as u64));
    assert!(lost > 0);
}

#[test]
fn what_the_control_side_sends_leaves_as_it_is_and_is_counted() {
    let mut rig = Rig::new(forwarding(&[], &[]));
    rig.plane.originate(MEMBERS[1], Bytes::from(lacpdu()));
    assert!(rig.plane.has_originated());
    rig.worker.originate(Instant::ZERO, &mut rig.switch[..]);
    assert!(!rig.plane.has_originated());
    assert_eq!(rig.hosts[2].receive().as_deref(), Some(&lacpdu()[..]));
    assert_eq!(rig.plane.port_counts(MEMBERS[1]).tx_frames, 1);
    // Without a worker that sends, the queue fills.
    for _ in 0..5_000 {
        rig.plane.originate(MEMBERS[0], Bytes::from(lacpdu()));
    }
    assert_eq!(rig.drops(MEMBERS[0], DropReason::EgressQueueFull), 5_000 - 4_096);
}
