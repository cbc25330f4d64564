//! TCP between two switches on one cable.

use crate::rig::*;
use core::net::SocketAddr;
use greylag_base::{InterfaceId, MacAddr};
use greylag_ip::{Closed, ConnectError, ConnectionId, IpDrop, IpStack, Outgoing, PeerTtl, TcpEvent};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn run(rigs: &mut [Rig; 2], span: Duration) {
    cable(rigs, [LAN, LAN], span);
}

fn end(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn connect(rigs: &mut [Rig; 2], ttl: u8) -> ConnectionId {
    let now = rigs[0].now;
    rigs[0].stack.connect(now, ip("10.0.0.1"), end("10.0.0.2:179"), ttl, None).unwrap()
}

/// An open connection, with its name at each end.
fn open(rigs: &mut [Rig; 2]) -> [ConnectionId; 2] {
    rigs[1].stack.listen(179, true);
    let one = connect(rigs, 64);
    run(rigs, SECOND);
    assert_eq!(rigs[0].tcp_events(), [TcpEvent::Connected { id: one }]);
    let accepted = rigs[1].tcp_events();
    let [TcpEvent::Accepted { id: other, local, remote, interface: LAN }] = accepted[..] else {
        panic!("{accepted:?}")
    };
    assert_eq!((local, remote.ip()), (end("10.0.0.2:179"), ip("10.0.0.1")));
    // The neighbours have verified each other after five seconds. Nobody has anything to do then while nobody says anything.
    run(rigs, 6 * SECOND);
    let idle = |rig: &Rig| rig.stack.poll_timeout().is_none_or(|at| at > rig.now + 600 * SECOND);
    assert!(rigs.iter().all(idle));
    [one, other]
}

fn received(events: &[TcpEvent]) -> Vec<u8> {
    let bytes = events.iter().map(|event| match event {
        TcpEvent::Received { bytes, .. } => &bytes[..],
        other => panic!("{other:?}"),
    });
    bytes.collect::<Vec<_>>().concat()
}

#[test]
fn octets_arrive_in_order_and_both_ends_close() {
    let mut rigs = pair();
    let [one, other] = open(&mut rigs);
    let data: Vec<u8> = (0..1_000_000_u32).map(|index| (index >> 7) as u8 ^ index as u8).collect();
    let (mut sent, mut taken) = (0, Vec::new());
    while taken.len() < data.len() {
        sent += rigs[0].stack.send(one, &data[sent..]);
        run(&mut rigs, Duration::from_millis(10));
        taken.extend(received(&rigs[1].tcp_events()));
    }
    assert!(taken == data);
    assert_eq!(rigs[1].stack.send(other, b"thanks"), 6);
    rigs[1].stack.close(other);
    run(&mut rigs, SECOND);
    let events = rigs[0].tcp_events();
    let (last, before) = events.split_last().unwrap();
    assert_eq!(received(before), b"thanks");
    assert_eq!(*last, TcpEvent::Closed { id: one, how: Closed::Finished });
    run(&mut rigs, 60 * SECOND);
    for rig in &mut rigs {
        assert_eq!((rig.tcp_events(), rig.stack.snapshot(rig.now).connections), (vec![], vec![]));
    }
}

#[test]
fn a_window_that_nobody_reads_holds_the_sender_up() {
    let mut rigs = pair();
    let [one, other] = open(&mut rigs);
    rigs[1].stack.hold(other, true);
    let mut sent = 0;
    for _ in 0..100 {
        sent += rigs[0].stack.send(one, &[7; 100_000]);
        run(&mut rigs, Duration::from_millis(10));
        assert!(rigs[1].tcp_events().is_empty());
    }
    // What is in the one buffer and in the other.
    assert_eq!(sent, 2 * 131_072);
    rigs[1].stack.hold(other, false);
    let mut taken = 0;
    for _ in 0..1000 {
        taken += received(&rigs[1].tcp_events()).len();
        run(&mut rigs, Duration::from_millis(10));
    }
    assert_eq!(taken, sent);
}

#[test]
fn a_connection_ends_in_one_of_these_ways() {
    let mut rigs = pair();
    let refused = connect(&mut rigs, 64);
    run(&mut rigs, SECOND);
    assert_eq!(rigs[0].tcp_events(), [TcpEvent::Closed { id: refused, how: Closed::Refused }]);

    let [one, other] = open(&mut rigs);
    rigs[0].stack.abort(one);
    run(&mut rigs, SECOND);
    assert_eq!(rigs[1].tcp_events(), [TcpEvent::Closed { id: other, how: Closed::Reset }]);
    assert_eq!(rigs[0].tcp_events(), []);

    let [one, other] = open(&mut rigs);
    let mut config = rigs[0].stack.config().clone();
    config.interfaces.get_mut(&LAN).unwrap().ipv4 = vec![(v4("10.0.0.9"), 24)];
    let now = rigs[0].now;
    rigs[0].stack.reconfigure(now, config).unwrap();
    run(&mut rigs, SECOND);
    assert_eq!(rigs[0].tcp_events(), [TcpEvent::Closed { id: one, how: Closed::AddressGone }]);
    assert_eq!(rigs[1].tcp_events(), [TcpEvent::Closed { id: other, how: Closed::Reset }]);
}

#[test]
fn what_cannot_be_reached_is_refused_at_once() {
    let mut rigs = pair();
    let now = rigs[0].now;
    let mut connect =
        |local: &str, remote: &str, ttl| rigs[0].stack.connect(now, ip(local), end(remote), ttl, None);
    assert_eq!(connect("10.0.0.7", "10.0.0.2:179", 1), Err(ConnectError::NotOwn(ip("10.0.0.7"))));
    for (remote, ttl) in [
        ("10.0.0.2:0", 1),
        ("[2001:db8::2]:179", 1),
        ("224.0.0.1:179", 1),
        ("10.0.0.255:179", 1),
        ("10.0.0.2:179", 0),
    ] {
        let wrong = ConnectError::Remote { local: ip("10.0.0.1"), remote: end(remote) };
        assert_eq!(connect("10.0.0.1", remote, ttl), Err(wrong));
    }
    let nowhere = connect("fe80::ff:fe00:1", "[fe80::ff:fe00:22]:179", 1);
    assert_eq!(nowhere, Err(ConnectError::NoInterface(ip("fe80::ff:fe00:1"))));
}

/// RFC 5082: both ends send with 255, and a segment that crossed a router is not theirs.
#[test]
fn segments_from_further_away_than_a_neighbour_are_dropped() {
    let mut rigs = pair();
    let near = PeerTtl { sent: 255, least: 255 };
    rigs[1].stack.listen(179, true);
    rigs[1].stack.set_peer_ttl(ip("10.0.0.1"), Some(near));
    let far = connect(&mut rigs, 254);
    run(&mut rigs, SECOND);
    assert!(rigs[1].stack.counters().dropped(IpDrop::HopLimit) > 0);
    assert!(rigs[0].tcp_events().is_empty() && rigs[1].tcp_events().is_empty());
    rigs[0].stack.abort(far);
    // What we send to it has its TTL too, whoever opens the connection.
    rigs[0].stack.set_peer_ttl(ip("10.0.0.2"), Some(near));
    open(&mut rigs);
}

#[test]
fn a_link_local_session_is_told_by_its_interface() {
    // Two cables between the same two switches, with the same addresses on both.
    let mut rigs = [1, 2].map(|number| {
        let mut config = config();
        let on = |_| greylag_ip::InterfaceConfig {
            ipv6_enabled: true,
            ..greylag_ip::InterfaceConfig::new(MacAddr([2, 0, 0, 0, 0, number]))
        };
        config.interfaces = [LAN, WAN].map(|id| (id, on(id))).into();
        Rig::new(config)
    });
    rigs[1].stack.listen(179, true);
    let now = rigs[0].now;
    let mut sessions = Vec::new();
    for id in [LAN, WAN] {
        let (own, peer) = (ip("fe80::ff:fe00:1"), end("[fe80::ff:fe00:2]:179"));
        sessions.push(rigs[0].stack.connect(now, own, peer, 255, Some(id)).unwrap());
    }
    for _ in 0..10 {
        for side in [0, 1] {
            for outgoing in rigs[side].outgoing() {
                let Outgoing::Frame { interface, frame, .. } = outgoing else { panic!("{outgoing:?}") };
                rigs[1 - side].hear(interface, &frame);
            }
        }
    }
    let connected = sessions.iter().map(|&id| TcpEvent::Connected { id });
    assert!(rigs[0].tcp_events().into_iter().eq(connected));
    let accepted: Vec<_> = rigs[1].tcp_events();
    assert!(
        matches!(
            accepted[..],
            [TcpEvent::Accepted { interface: LAN, .. }, TcpEvent::Accepted { interface: WAN, .. },]
        ),
        "{accepted:?}"
    );
}

#[test]
fn a_session_between_loopbacks_goes_as_the_routes_say() {
    let loopbacks = ["192.0.2.1/32", "192.0.2.2/32"];
    let mut rigs = pair();
    for (rig, loopback) in rigs.iter_mut().zip(loopbacks) {
        let mut config = rig.stack.config().clone();
        config.interfaces.insert(InterfaceId(9), interface(OUR_MAC, &[loopback]));
        rig.stack.reconfigure(rig.now, config).unwrap();
        rig.stack.listen(179, true);
    }
    let now = rigs[0].now;
    let id = rigs[0].stack.connect(now, ip("192.0.2.1"), end("192.0.2.2:179"), 2, None).unwrap();
    for _ in 0..10 {
        for (side, gateway) in [(0, "10.0.0.2"), (1, "10.0.0.1")] {
            for outgoing in rigs[side].outgoing() {
                match outgoing {
                    Outgoing::Route { packet, .. } => {
                        rigs[side].stack.send_via(now, LAN, Some(ip(gateway)), &packet);
                    }
                    Outgoing::Frame { interface, frame, .. } => {
                        assert_eq!(interface, LAN);
                        rigs[1 - side].hear(LAN, &frame);
                    }
                }
            }
        }
    }
    assert_eq!(rigs[0].tcp_events(), [TcpEvent::Connected { id }]);
}

#[test]
fn a_full_mesh_of_twenty_comes_up() {
    let mut rigs = pair();
    rigs[1].stack.listen(179, true);
    let ids: Vec<_> = (0..20).map(|_| connect(&mut rigs, 1)).collect();
    run(&mut rigs, SECOND);
    assert_eq!(rigs[0].tcp_events().len(), 20);
    assert_eq!(rigs[1].tcp_events().len(), 20);
    for &id in &ids {
        assert_eq!(rigs[0].stack.send(id, &[id.0 as u8; 4096]), 4096);
    }
    run(&mut rigs, SECOND);
    let events = rigs[1].tcp_events();
    assert_eq!(received(&events).len(), 20 * 4096);
}

#[test]
fn a_connection_outlives_a_link_that_is_down_for_a_while() {
    let mut rigs = pair();
    let [one, _] = open(&mut rigs);
    let now = rigs[1].now;
    rigs[1].stack.set_interface(now, LAN, false);
    rigs[0].stack.send(one, b"still there?");
    run(&mut rigs, 5 * SECOND);
    let now = rigs[1].now;
    rigs[1].stack.set_interface(now, LAN, true);
    run(&mut rigs, 30 * SECOND);
    assert_eq!(received(&rigs[1].tcp_events()), b"still there?");
}

#[test]
fn the_same_seed_sends_the_same_frames() {
    let record = || {
        let mut rigs = pair();
        open(&mut rigs);
        let now = rigs[0].now;
        let stack: &mut IpStack = &mut rigs[0].stack;
        stack.connect(now, ip("10.0.0.1"), end("10.0.0.2:179"), 64, None).unwrap();
        rigs[0].outgoing()
    };
    assert_eq!(record(), record());
}
