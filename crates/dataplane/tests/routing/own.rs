//! Frames of the control side that leave by an interface.

use crate::rig::{
    PORTS, Rig, UDP, UDP6, Udp, assemble, forwarding, interfaces, neighbor, ours, ports, station, vlan,
};
use greylag_base::{DropReason, InterfaceId, MacAddr, PortId};
use greylag_dataplane::{Keeper, Learning, WorkerEvent};
use greylag_wire::vlan::{Tag, Tci};

fn frame(interface: u16, to: MacAddr) -> Vec<u8> {
    Udp { to, from: ours(interface), ttl: 1, ..UDP }.frame()
}

fn own_drops(rig: &Rig, reason: DropReason) -> u64 {
    rig.plane.own_drops()[reason.index()]
}

#[test]
fn it_leaves_by_the_port_of_the_interface_as_it_is() {
    let mut rig = Rig::new();
    for to in [station(9), MacAddr::BROADCAST] {
        assert_eq!(rig.originate(1, &frame(1, to)), [(1, frame(1, to))]);
    }
    let [(port, _)] = rig.originate(2, &frame(2, station(9)))[..] else { panic!("one frame") };
    assert!(port == 2 || port == 3, "a port of the bundle");
    assert_eq!(rig.plane.interface_counts(InterfaceId(1)).ipv4.tx_packets, 2);
}

#[test]
fn a_packet_goes_the_way_that_the_fib_says_and_lives_as_long_as_it_was_to() {
    for (prefix, packet) in [("0.0.0.0/0", UDP), ("::/0", UDP6)] {
        // By a port, by a bundle, and in a VLAN.
        for interface in [1, 2, 3] {
            let mut rig = Rig::new();
            rig.route(prefix, 1, &[(1, neighbor(interface, 9))]);
            rig.learn(10, station(9), 4);
            for ttl in [1, 255] {
                let frame = Udp { to: station(9), from: ours(interface), ttl, ..packet }.frame();
                rig.plane.originate_routed(&frame[14..]);
                rig.worker.originate(rig.now, &mut rig.switch[..]);
                assert_eq!(rig.sent().into_iter().map(|sent| sent.1).collect::<Vec<_>>(), [frame]);
            }
        }
    }
}

#[test]
fn answers_to_pings_leave_room_for_what_keeps_links_and_sessions_alive() {
    let rig = Rig::new();
    for _ in 0..5_000 {
        rig.plane.originate_on(InterfaceId(1), frame(1, station(9)).into());
    }
    let refused = own_drops(&rig, DropReason::EgressQueueFull);
    assert!(refused > 900, "{refused}");
    let mut bfd = frame(1, station(9));
    bfd[36..38].copy_from_slice(&3784_u16.to_be_bytes());
    let arp = [&[0xff; 6][..], &[2, 0, 0, 0, 0, 1, 8, 6], &[0, 1, 8, 0, 6, 4, 0, 1]].concat();
    for _ in 0..400 {
        rig.plane.originate_on(InterfaceId(1), bfd.clone().into());
        rig.plane.originate_on(InterfaceId(1), arp.clone().into());
        rig.plane.originate(PortId(0), bfd.clone().into());
    }
    let later = own_drops(&rig, DropReason::EgressQueueFull) - refused;
    assert_eq!(later + rig.drops(0, DropReason::EgressQueueFull), 1_200 - 1_024, "but not for ever");
}

#[test]
fn ports_are_told_what_is_control_and_what_is_not() {
    let mut rig = Rig::new();
    let given = |rig: &Rig| rig.switch.iter().flatten().map(|plug| plug.control).sum::<usize>();
    assert_eq!(rig.originate(1, &frame(1, station(9))).len(), 1);
    assert_eq!(given(&rig), 0, "an answer to a ping");
    let mut bfd = frame(1, station(9));
    bfd[36..38].copy_from_slice(&3784_u16.to_be_bytes());
    assert_eq!((rig.originate(1, &bfd).len(), given(&rig)), (1, 1));
    // In a VLAN, a copy for every port.
    assert_eq!((rig.originate(3, &frame(3, station(9))).len(), given(&rig)), (3, 1));
    bfd[..12].copy_from_slice(&frame(3, station(9))[..12]);
    assert_eq!((rig.originate(3, &bfd).len(), given(&rig)), (3, 4));
    rig.plane.originate(PortId(0), frame(0, station(9)).into());
    rig.worker.originate(rig.now, &mut rig.switch[..]);
    assert_eq!(given(&rig), 5, "what leaves by a port as it is");
}

#[test]
fn in_a_vlan_it_goes_where_the_table_says_or_to_all() {
    let mut rig = Rig::new();
    let sent = rig.originate(3, &frame(3, station(9)));
    assert_eq!(sent.iter().map(|(port, _)| *port).collect::<Vec<u16>>(), [4, 5, 6]);
    assert_eq!((&sent[0].1, Tag::parse(&sent[2].1)), (&frame(3, station(9)), Tag::Present(Tci(10))));
    rig.learn(10, station(9), 6);
    let [(6, tagged)] = &rig.originate(3, &frame(3, station(9)))[..] else { panic!("one frame by port 6") };
    assert_eq!(Tag::parse(tagged), Tag::Present(Tci(10)));
    assert_eq!(rig.originate(3, &frame(3, MacAddr::BROADCAST)).len(), 3);
    assert_eq!(rig.originate(3, &frame(3, MacAddr([0x33, 0x33, 0, 0, 0, 1]))).len(), 3);
    assert_eq!(rig.plane.own_drops(), [0; DropReason::COUNT]);
}

#[test]
fn where_the_agent_owns_adjacency_nothing_is_looked_for() {
    let mut rig =
        Rig::with(forwarding().with_learning(Learning { adjacency: Keeper::Agent, ..Learning::INLINE }));
    assert_eq!(rig.originate(3, &frame(3, station(9))), []);
    assert_eq!(own_drops(&rig, DropReason::AdjacencyUnresolved), 1);
    assert!(rig.worker.take_news());
    let reports = rig.plane.take_reports(usize::MAX);
    assert_eq!(reports[0].event, WorkerEvent::AdjacencyUnresolved { vlan: vlan(10), mac: station(9) });
    // Groups are not stations.
    assert_eq!(rig.originate(3, &frame(3, MacAddr::BROADCAST)).len(), 3);
}

#[test]
fn what_does_not_come_as_far_as_a_port_is_counted() {
    let (mut ports, mut interfaces) = (ports(), interfaces());
    (ports[1].up, interfaces[0].up) = (false, false);
    let mut rig = Rig::with(assemble(ports, interfaces));
    for (interface, reason) in [
        (0, DropReason::InterfaceDown),
        (5, DropReason::InterfaceDown),
        (99, DropReason::InterfaceDown),
        (1, DropReason::DestinationDown),
    ] {
        let before = own_drops(&rig, reason);
        assert_eq!(rig.originate(interface, &frame(0, station(9))), []);
        assert_eq!(own_drops(&rig, reason), before + 1, "interface {interface}");
    }
    assert_eq!(rig.originate(2, &[0; 13]), []);
    assert_eq!(own_drops(&rig, DropReason::Runt), 1);
    for _ in 0..5_000 {
        rig.plane.originate_on(InterfaceId(2), frame(2, station(9)).into());
    }
    assert_eq!(own_drops(&rig, DropReason::EgressQueueFull), 5_000 - (4_096 - 1_024), "see above");
    let of_ports: u64 =
        (0..PORTS).map(|port| rig.plane.port_counts(PortId(port)).drops.iter().sum::<u64>()).sum();
    assert_eq!(of_ports, 0);
}
