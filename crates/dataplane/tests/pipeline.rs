//! The pipeline from port to port, in memory and on a clock of the test's own.

use greylag_base::{DropReason, Instant, MacAddr, PortId, Seed, VlanId, VlanSet};
use greylag_dataplane::{
    Damping, DataPlane, Forwarding, Limits, PortForwarding, StormLimits, Worker, WorkerEvent,
};
use greylag_mactable::WhenFull;
use greylag_ports::{MemoryPort, Port};
use greylag_wire::ethernet::{EtherType, Repr};
use greylag_wire::vlan::{Tag, Tci};
use std::sync::Arc;
use std::time::Duration;

/// A switch of one worker with a host on every port.
struct Rig {
    plane: Arc<DataPlane>,
    worker: Worker,
    switch: Vec<Option<Box<dyn Port>>>,
    hosts: Vec<MemoryPort>,
    now: Instant,
}

impl Rig {
    fn new(forwarding: Forwarding, ports: u16) -> Self {
        let limits = Limits { ports, ageing_time: Duration::from_secs(300), ..Limits::default() };
        let plane = Arc::new(DataPlane::new(&limits, Seed(7)).unwrap());
        plane.publish(forwarding);
        Rig::on(plane, ports)
    }

    fn on(plane: Arc<DataPlane>, ports: u16) -> Self {
        let mut switch: Vec<Option<Box<dyn Port>>> = Vec::new();
        let mut hosts = Vec::new();
        for _ in 0..ports {
            let (host, port) = MemoryPort::pair(1024);
            hosts.push(host);
            switch.push(Some(Box::new(port)));
        }
        Rig { worker: Worker::new(Arc::clone(&plane), 0), plane, switch, hosts, now: Instant::ZERO }
    }

    fn access(vlans: &[u16]) -> Self {
        let ports = vlans.iter().map(|&id| PortForwarding::access(vlan(id))).collect();
        Rig::new(Forwarding::new(ports, 0), vlans.len() as u16)
    }

    /// Host `from` sends; what each host then receives, by port.
    fn send(&mut self, from: usize, frame: &[u8]) -> Vec<Vec<Vec<u8>>> {
        assert!(self.hosts[from].send(frame));
        self.forward(from);
        self.hosts.iter_mut().map(|host| std::iter::from_fn(|| host.receive()).collect()).collect()
    }

    fn forward(&mut self, from: usize) {
        self.worker.poll_port(self.now, PortId(from as u16), &mut self.switch).unwrap();
    }

    /// Which hosts receive the frame; asserts that nobody receives it twice.
    fn reaches(&mut self, from: usize, frame: &[u8]) -> Vec<usize> {
        let received = self.send(from, frame);
        assert!(received.iter().all(|frames| frames.len() <= 1), "a host received a frame twice");
        (0..received.len()).filter(|&host| !received[host].is_empty()).collect()
    }

    fn wait(&mut self, span: Duration) {
        // In steps, as a running switch does: the sweeper has to keep up with the clock.
        let end = self.now + span;
        while self.now < end {
            self.now = (self.now + Duration::from_secs(1)).min(end);
            self.worker.housekeep(self.now, &mut self.switch);
        }
    }

    fn drops(&self, port: u16, reason: DropReason) -> u64 {
        self.plane.port_counts(PortId(port)).drops[reason.index()]
    }

    fn events(&self) -> Vec<WorkerEvent> {
        self.plane.take_reports(usize::MAX).into_iter().map(|report| report.event).collect()
    }
}

fn vlan(id: u16) -> VlanId {
    VlanId::new(id).unwrap()
}

fn mac(number: u64) -> MacAddr {
    MacAddr::from_bits(0x0200_0000_0000 + number)
}

fn frame(source: u64, destination: MacAddr) -> Vec<u8> {
    Repr { destination, source: mac(source), ether_type: EtherType::LOCAL_EXPERIMENT }.frame(b"greylag")
}

fn tagged(mut frame: Vec<u8>, tci: u16) -> Vec<u8> {
    frame.splice(12..12, Tci(tci).to_bytes());
    frame
}

#[test]
fn an_unknown_destination_reaches_every_member_once_and_nobody_else() {
    let mut rig = Rig::access(&[10, 10, 10, 20]);
    assert_eq!(rig.reaches(0, &frame(1, mac(9))), [1, 2]);
    assert_eq!(rig.plane.port_counts(PortId(0)).flooded, 1);
}

#[test]
fn a_station_that_has_spoken_is_found_on_its_port_only() {
    let mut rig = Rig::access(&[10, 10, 10]);
    rig.send(2, &frame(3, MacAddr::BROADCAST));
    assert_eq!(rig.reaches(0, &frame(1, mac(3))), [2]);
    assert_eq!(
        rig.events(),
        [(2, 3), (0, 1)].map(|(port, number)| WorkerEvent::Learned {
            vlan: vlan(10),
            mac: mac(number),
            port: PortId(port)
        })
    );
}

#[test]
fn a_station_that_moves_is_followed_at_once() {
    let mut rig = Rig::access(&[1, 1, 1]);
    rig.send(1, &frame(5, MacAddr::BROADCAST));
    rig.send(2, &frame(5, MacAddr::BROADCAST));
    assert_eq!(rig.reaches(0, &frame(1, mac(5))), [2]);
    assert_eq!(rig.plane.learn_counts().moved, 1);
}

#[test]
fn the_same_address_may_live_in_two_vlans() {
    let mut rig = Rig::access(&[10, 10, 20, 20]);
    rig.send(1, &frame(5, MacAddr::BROADCAST));
    rig.send(3, &frame(5, MacAddr::BROADCAST));
    assert_eq!(rig.reaches(0, &frame(1, mac(5))), [1]);
    assert_eq!(rig.reaches(2, &frame(2, mac(5))), [3]);
}

#[test]
fn a_silent_station_is_forgotten_after_the_ageing_time_and_not_before() {
    let mut rig = Rig::access(&[1, 1, 1]);
    rig.send(1, &frame(5, MacAddr::BROADCAST));
    rig.wait(Duration::from_secs(299));
    assert_eq!(rig.reaches(0, &frame(1, mac(5))), [1]);
    rig.wait(Duration::from_secs(2));
    assert_eq!(rig.reaches(0, &frame(1, mac(5))), [1, 2]);
    rig.wait(Duration::from_secs(200));
    assert!(rig.events().contains(&WorkerEvent::Aged { vlan: vlan(1), mac: mac(5), port: PortId(1) }));
}

#[test]
fn tags_are_put_in_and_taken_out_as_each_port_has_it() {
    let trunk = PortForwarding {
        vlans: VlanSet::from_iter([vlan(10), vlan(20)]),
        untagged: None,
        ..PortForwarding::access(vlan(1))
    };
    let native = PortForwarding {
        vlans: VlanSet::from_iter([vlan(10), vlan(20)]),
        untagged: Some(vlan(20)),
        ..trunk.clone()
    };
    let ports = vec![PortForwarding::access(vlan(10)), trunk, native, PortForwarding::access(vlan(20))];
    let mut rig = Rig::new(Forwarding::new(ports, 0), 4);

    let plain = frame(1, MacAddr::BROADCAST);
    let received = rig.send(0, &plain);
    assert_eq!(received[1], [tagged(plain.clone(), 10)]);
    assert_eq!(received[2], [tagged(plain.clone(), 10)]);
    assert!(received[3].is_empty());

    // Priority 5 in, priority 5 out where there is a tag.
    let received = rig.send(1, &tagged(plain.clone(), 5 << 13 | 20));
    assert_eq!(received[2..], [[plain.clone()], [plain.clone()]]);
    let received = rig.send(2, &plain);
    assert_eq!(Tag::parse(&received[1][0]), Tag::Present(Tci(20)));
    assert_eq!(received[3], [plain]);
}

#[test]
fn a_destination_behind_the_ingress_port_is_not_sent_back() {
    let mut rig = Rig::access(&[1, 1]);
    rig.send(0, &frame(5, MacAddr::BROADCAST));
    assert!(rig.reaches(0, &frame(6, mac(5))).is_empty());
    assert_eq!(rig.drops(0, DropReason::Hairpin), 1);
}

#[test]
fn isolated_ports_reach_the_others_but_not_each_other() {
    let group = |number| PortForwarding { isolation_group: Some(number), ..PortForwarding::access(vlan(1)) };
    let ports = vec![group(1), group(1), group(2), PortForwarding::access(vlan(1))];
    let mut rig = Rig::new(Forwarding::new(ports, 0), 4);
    assert_eq!(rig.reaches(0, &frame(1, MacAddr::BROADCAST)), [2, 3]);
    assert!(rig.reaches(1, &frame(2, mac(1))).is_empty());
    assert_eq!(rig.drops(1, DropReason::Isolated), 1);
    assert_eq!(rig.reaches(3, &frame(3, mac(1))), [0]);
}

#[test]
fn slow_protocols_stay_unless_the_mask_lets_them_pass() {
    let lacp = frame(1, MacAddr([1, 0x80, 0xc2, 0, 0, 2]));
    let mut rig = Rig::access(&[1, 1]);
    assert!(rig.reaches(0, &lacp).is_empty());
    assert_eq!(rig.drops(0, DropReason::ReservedGroup), 1);
    assert_eq!(rig.plane.learn_counts().learned, 0, "a dropped frame teaches nothing");

    let ports = vec![PortForwarding::access(vlan(1)); 2];
    rig.plane.publish(Forwarding::new(ports, 1 << 2));
    assert_eq!(rig.reaches(0, &lacp), [1]);
}

#[test]
fn a_storm_is_cut_and_counted_and_known_unicast_is_untouched() {
    let limited = PortForwarding {
        storm: StormLimits { broadcast: Some(100), ..StormLimits::default() },
        ..PortForwarding::access(vlan(1))
    };
    let ports = vec![limited, PortForwarding::access(vlan(1))];
    let mut rig = Rig::new(Forwarding::new(ports, 0), 2);
    rig.send(1, &frame(9, MacAddr::BROADCAST));
    let (mut broadcasts, mut unicasts) = (0, 0);
    for _ in 0..1000 {
        rig.now += Duration::from_millis(1);
        broadcasts += rig.send(0, &frame(1, MacAddr::BROADCAST))[1].len();
        unicasts += rig.send(0, &frame(1, mac(9)))[1].len();
    }
    assert_eq!(broadcasts, 109, "a burst of 10, and 99 in the 999 ms behind it");
    assert_eq!(unicasts, 1000);
    assert_eq!(rig.drops(0, DropReason::StormControl), 891);
}

#[test]
fn a_loop_is_cut_by_damping() {
    let rule = Damping {
        threshold: 5,
        interval: Duration::from_secs(10),
        hold: Duration::from_secs(60),
        drop: true,
    };
    let ports = vec![PortForwarding::access(vlan(1)); 3];
    let mut rig = Rig::new(Forwarding::new(ports, 0).with_damping(Some(rule)), 3);
    let passed: usize =
        (0..20).map(|turn| rig.reaches(turn % 2, &frame(5, MacAddr::BROADCAST)).len() / 2).sum();
    // The first frame and five moves; from then on only frames from where the address is held.
    assert_eq!(passed, 6 + 7);
    assert_eq!(rig.drops(0, DropReason::MoveDamped) + rig.drops(1, DropReason::MoveDamped), 7);
    assert_eq!(rig.events().iter().filter(|event| matches!(event, WorkerEvent::Damped { .. })).count(), 1);
}

#[test]
fn a_static_address_does_not_move() {
    let mut rig = Rig::access(&[1, 1, 1]);
    rig.plane.table().insert_static(1, mac(5).0, 2).unwrap();
    assert_eq!(rig.reaches(0, &frame(5, MacAddr::BROADCAST)), [1, 2], "the frame passes");
    assert_eq!(rig.plane.learn_counts().static_kept, 1);
    rig.wait(Duration::from_secs(1000));
    assert_eq!(rig.reaches(0, &frame(1, mac(5))), [2]);
}

#[test]
fn a_full_table_makes_room_as_it_was_told_and_says_so() {
    let limits = Limits { ports: 2, mac_entries: 64, when_full: WhenFull::EvictOldest, ..Limits::default() };
    let plane = Arc::new(DataPlane::new(&limits, Seed(7)).unwrap());
    plane.publish(Forwarding::new(vec![PortForwarding::access(vlan(1)); 2], 0));
    let mut rig = Rig::on(plane, 2);
    for number in 1..=200 {
        rig.send(0, &frame(number, MacAddr::BROADCAST));
    }
    let counts = rig.plane.learn_counts();
    assert_eq!((counts.learned, counts.evicted), (200, 136));
    assert!(rig.reaches(1, &frame(999, mac(200))) == [0], "the newest is there");
    assert!(rig.events().iter().filter(|event| matches!(event, WorkerEvent::Evicted { .. })).count() >= 136);
}

#[test]
fn each_port_keeps_to_its_mtu() {
    let ports = vec![
        PortForwarding { mtu: 9216, ..PortForwarding::access(vlan(1)) },
        PortForwarding::access(vlan(1)),
        PortForwarding { mtu: 9216, ..PortForwarding::access(vlan(1)) },
    ];
    let mut rig = Rig::new(Forwarding::new(ports, 0), 3);
    let jumbo = Repr { destination: MacAddr::BROADCAST, source: mac(1), ether_type: EtherType::IPV4 }
        .frame(&[7; 9216]);
    assert_eq!(rig.reaches(0, &jumbo), [2]);
    assert_eq!(rig.drops(1, DropReason::EgressMtu), 1);
    assert!(rig.reaches(1, &jumbo).is_empty());
    assert_eq!(rig.drops(1, DropReason::Giant), 1);
}

#[test]
fn a_port_that_is_down_neither_takes_nor_gets_frames() {
    let mut rig = Rig::access(&[1, 1, 1]);
    rig.send(1, &frame(5, MacAddr::BROADCAST));
    let down = PortForwarding { up: false, ..PortForwarding::access(vlan(1)) };
    rig.plane.publish(Forwarding::new(
        vec![PortForwarding::access(vlan(1)), down, PortForwarding::access(vlan(1))],
        0,
    ));
    assert_eq!(rig.reaches(0, &frame(1, MacAddr::BROADCAST)), [2]);
    assert!(rig.reaches(0, &frame(1, mac(5))).is_empty());
    assert_eq!(rig.drops(0, DropReason::DestinationDown), 1);
    assert!(rig.reaches(1, &frame(5, MacAddr::BROADCAST)).is_empty());
    assert_eq!(rig.drops(1, DropReason::PortDown), 1);
}

#[test]
fn a_full_queue_is_counted_on_the_port_that_is_full() {
    let mut rig = Rig::access(&[1, 1]);
    let (_, tiny) = MemoryPort::pair(3);
    rig.switch[1] = Some(Box::new(tiny));
    for _ in 0..10 {
        rig.hosts[0].send(&frame(1, MacAddr::BROADCAST));
    }
    rig.forward(0);
    assert_eq!(rig.plane.port_counts(PortId(1)).tx_frames, 3);
    assert_eq!(rig.drops(1, DropReason::EgressQueueFull), 7);
}

#[test]
fn a_station_that_speaks_first_in_a_batch_is_found_by_the_rest_of_the_batch() {
    let mut rig = Rig::access(&[1, 1, 1]);
    rig.hosts[0].send(&frame(1, MacAddr::BROADCAST));
    rig.hosts[0].send(&frame(2, mac(1)));
    rig.forward(0);
    assert_eq!(rig.drops(0, DropReason::Hairpin), 1);
}

#[test]
fn every_frame_is_either_sent_or_counted_as_dropped() {
    let mut rig = Rig::access(&[10, 10, 20]);
    let mut frames = 0;
    for source in 0..50 {
        for destination in [MacAddr::BROADCAST, mac(source / 2), mac(1000), MacAddr::ZERO] {
            rig.hosts[(source % 3) as usize].send(&frame(source, destination));
            frames += 1;
        }
    }
    (0..3)
        .for_each(|port| while rig.worker.poll_port(rig.now, PortId(port), &mut rig.switch).unwrap() > 0 {});
    let counts = [0, 1, 2].map(|port| rig.plane.port_counts(PortId(port)));
    let sent: u64 = counts.iter().map(|count| count.tx_frames).sum();
    let dropped: u64 = counts.iter().flat_map(|count| count.drops).sum();
    assert_eq!(counts.iter().map(|count| count.rx_frames).sum::<u64>(), frames);
    // VLAN 10 has two ports and VLAN 20 one: nothing is sent twice here.
    assert_eq!(sent + dropped, frames);
}
