use crate::cable::{Cable, DELAY, SECOND, Sent, at, config, host, mac, v4, v6};
use core::net::IpAddr;
use greylag_base::{Instant, MacAddr};
use greylag_sim::host::{Host, HostConfig, HostDrop, HostEvent, NeighborConfig, NeighborState};
use greylag_wire::ethernet::{EtherType, Repr};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, Icmpv6Packet, Icmpv6Repr, Ipv6Packet, Ipv6Repr,
    NdiscRepr,
};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const ARP: u16 = 0x0806;

fn arp(frame: &Sent) -> ArpRepr {
    ArpRepr::parse(&ArpPacket::new_checked(&frame.bytes[14..]).unwrap()).unwrap()
}

/// A reply to an ARP request, by the station `mac`.
fn arp_reply(request: &[u8], mac: MacAddr) -> Option<Vec<u8>> {
    let packet = ArpPacket::new_checked(request.get(14..)?).ok()?;
    let ArpRepr::EthernetIpv4 { source_hardware_addr, source_protocol_addr, target_protocol_addr, .. } =
        ArpRepr::parse(&packet).ok()?
    else {
        return None;
    };
    let repr = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Reply,
        source_hardware_addr: EthernetAddress(mac.0),
        source_protocol_addr: target_protocol_addr,
        target_hardware_addr: source_hardware_addr,
        target_protocol_addr: source_protocol_addr,
    };
    let mut bytes = vec![0; repr.buffer_len()];
    repr.emit(&mut ArpPacket::new_unchecked(&mut bytes));
    let destination = MacAddr(source_hardware_addr.0);
    Some(Repr { destination, source: mac, ether_type: EtherType::ARP }.frame(&bytes))
}

fn neighbors(config: NeighborConfig) -> HostConfig {
    HostConfig { neighbors: config, ..self::config(1) }
}

fn is_reply(event: &HostEvent) -> bool {
    matches!(event, HostEvent::EchoReply { .. })
}

#[test]
fn arp_resolves_and_the_waiting_packet_follows() {
    let mut cable = Cable::plain();
    cable.hosts[0].ping(Instant::ZERO, v4(2), 7, 1, 56).unwrap();
    cable.run_for(SECOND);
    let log = cable.take_log();
    let kinds: Vec<_> = log.iter().map(|sent| (sent.from, sent.ether_type(), sent.to())).collect();
    let expected = [
        (0, ARP, MacAddr::BROADCAST),
        (1, ARP, mac(1)),
        (0, 0x0800, mac(2)),
        // Host 2 has learned host 1 from its question: no question of its own.
        (1, 0x0800, mac(1)),
    ];
    assert_eq!(kinds, expected);
    assert!(log.iter().all(|sent| sent.bytes.len() >= 60), "a frame is padded");
    let reply = HostEvent::EchoReply { from: v4(2), ident: 7, seq: 1, round_trip: 4 * DELAY };
    assert_eq!(cable.events(0), [reply]);
    let known = |host: &Host, addr| host.neighbor(at(SECOND), addr);
    assert_eq!(known(&cable.hosts[0], v4(2)), Some((NeighborState::Reachable, Some(mac(2)))));
    assert_eq!(known(&cable.hosts[1], v4(1)), Some((NeighborState::Reachable, Some(mac(1)))));
}

#[test]
fn neighbor_discovery_asks_the_solicited_node_group() {
    let mut cable = Cable::plain();
    cable.hosts[0].ping(Instant::ZERO, v6(2), 7, 1, 56).unwrap();
    cable.run_for(SECOND);
    let log = cable.take_log();
    assert_eq!(log[0].to(), MacAddr([0x33, 0x33, 0xff, 0, 0, 2]));
    let ip = Ipv6Packet::new_checked(&log[0].bytes[14..]).unwrap();
    let repr = Ipv6Repr::parse(&ip).unwrap();
    let solicited_node: core::net::Ipv6Addr = "ff02::1:ff00:2".parse().unwrap();
    assert_eq!((repr.dst_addr, repr.hop_limit), (solicited_node, 255));
    let icmp = Icmpv6Packet::new_checked(ip.payload()).unwrap();
    let parsed =
        Icmpv6Repr::parse(&repr.src_addr, &repr.dst_addr, &icmp, &ChecksumCapabilities::default()).unwrap();
    let Icmpv6Repr::Ndisc(NdiscRepr::NeighborSolicit { target_addr, .. }) = parsed else {
        panic!("it solicits")
    };
    assert_eq!(IpAddr::from(target_addr), v6(2));
    let reply = HostEvent::EchoReply { from: v6(2), ident: 7, seq: 1, round_trip: 4 * DELAY };
    assert_eq!(cable.events(0), [reply]);
    // The answer confirms host 2. Its own knowledge of host 1 is unconfirmed: with its reply it asks host 1 alone.
    assert_eq!(cable.hosts[0].neighbor(at(SECOND), v6(2)), Some((NeighborState::Reachable, Some(mac(2)))));
    assert_eq!(cable.hosts[1].neighbor(at(SECOND), v6(1)), Some((NeighborState::Reachable, Some(mac(1)))));
    let asked: Vec<_> = log.iter().filter(|sent| sent.from == 1).map(Sent::to).collect();
    assert_eq!(asked, [mac(1); 3], "advertisement, echo reply, solicitation");
}

#[test]
fn an_entry_holds_for_four_hours_and_is_then_verified() {
    let mut cable = Cable::plain();
    cable.hosts[0].ping(cable.now, v4(2), 1, 0, 8).unwrap();
    cable.run_until(at(4 * HOUR));
    assert_eq!(cable.log.iter().filter(|sent| sent.ether_type() == ARP).count(), 2, "nobody asks again");
    cable.take_log();
    let heard = at(2 * DELAY);
    let before = heard + (4 * HOUR - Duration::from_nanos(1));
    assert_eq!(cable.hosts[0].neighbor(before, v4(2)).unwrap().0, NeighborState::Reachable);
    assert_eq!(cable.hosts[0].neighbor(heard + 4 * HOUR, v4(2)).unwrap().0, NeighborState::Stale);

    cable.run_until(heard + 4 * HOUR);
    cable.hosts[0].ping(cable.now, v4(2), 1, 1, 8).unwrap();
    cable.run_for(SECOND);
    // The packet goes at once, and the old address alone is asked. The last is an answer: host 2 verifies host 1 too.
    let sent: Vec<_> = cable
        .take_log()
        .iter()
        .filter(|sent| sent.from == 0)
        .map(|sent| (sent.ether_type(), sent.to()))
        .collect();
    assert_eq!(sent, [(0x0800, mac(2)), (ARP, mac(2)), (ARP, mac(2))]);
    assert_eq!(cable.hosts[0].neighbor(cable.now, v4(2)).unwrap().0, NeighborState::Reachable);
    assert_eq!(cable.events(0).len(), 2);
}

#[test]
fn a_lifetime_of_a_minute_lapses_and_a_peers_question_renews_it() {
    let minute = Duration::from_secs(60);
    let lifetime = NeighborConfig { lifetime: minute, ..NeighborConfig::default() };
    let forgetful = HostConfig { neighbors: lifetime.clone(), ..config(2) };
    let mut cable = Cable::new([host(neighbors(lifetime)), host(forgetful)]);
    cable.hosts[0].ping(cable.now, v4(2), 1, 0, 8).unwrap();
    cable.run_until(at(minute + SECOND));
    assert_eq!(cable.hosts[0].neighbor(cable.now, v4(2)).unwrap().0, NeighborState::Stale);
    // Host 2 verifies host 1, which thereby hears that host 2 is there.
    cable.hosts[1].ping(cable.now, v4(1), 1, 0, 8).unwrap();
    cable.run_for(SECOND);
    assert_eq!(cable.hosts[0].neighbor(cable.now, v4(2)).unwrap().0, NeighborState::Reachable);
    cable.run_for(minute);
    assert_eq!(cable.hosts[0].neighbor(cable.now, v4(2)).unwrap().0, NeighborState::Stale);
}

#[test]
fn a_stale_neighbor_that_is_gone_is_forgotten_after_three_questions() {
    let mut cable = Cable::new([
        host(neighbors(NeighborConfig { lifetime: SECOND, ..Default::default() })),
        host(config(2)),
    ]);
    cable.hosts[0].ping(cable.now, v4(2), 1, 0, 8).unwrap();
    cable.run_for(10 * SECOND);
    cable.hosts[1].set_link(false);
    cable.take_log();
    cable.hosts[0].ping(cable.now, v4(2), 1, 1, 8).unwrap();
    cable.run_for(10 * SECOND);
    let asked: Vec<_> = cable
        .take_log()
        .iter()
        .filter(|sent| sent.ether_type() == ARP)
        .map(|sent| (sent.at - at(10 * SECOND), sent.to()))
        .collect();
    assert_eq!(asked, [(Duration::ZERO, mac(2)), (SECOND, mac(2)), (2 * SECOND, mac(2))]);
    assert_eq!(cable.hosts[0].neighbor(cable.now, v4(2)), None);
    assert_eq!(cable.events(0)[1..], [HostEvent::NeighborFailed { addr: v4(2), dropped: 0 }]);
}

#[test]
fn an_unresolvable_neighbor_costs_the_packets_that_wait_for_it() {
    let mut cable = Cable::plain();
    for seq in 0..70 {
        cable.hosts[0].ping(cable.now, v4(9), 1, seq, 8).unwrap();
        cable.hosts[0].ping(cable.now, v6(9), 1, seq, 8).unwrap();
    }
    cable.run_for(10 * SECOND);
    let log = cable.take_log();
    let times = |wanted: u16| {
        let frames = log.iter().filter(move |sent| sent.ether_type() == wanted);
        frames.map(|sent| sent.at - Instant::ZERO).collect::<Vec<_>>()
    };
    assert_eq!(times(ARP), [Duration::ZERO, SECOND, 2 * SECOND]);
    assert_eq!(times(0x86dd), [Duration::ZERO, SECOND, 2 * SECOND]);
    let failed = |addr| HostEvent::NeighborFailed { addr, dropped: 64 };
    assert_eq!(cable.events(0), [failed(v4(9)), failed(v6(9))]);
    let counters = cable.hosts[0].counters();
    assert_eq!(counters.dropped(HostDrop::QueueFull).frames, 2 * 6, "of 70 that waited 64 are kept");
    assert_eq!(counters.dropped(HostDrop::Unresolved).frames, 2 * 64);
    assert_eq!(cable.hosts[0].neighbors(), 0);
    assert_eq!(cable.hosts[0].poll_timeout(), None);
}

#[test]
fn the_newest_packets_are_kept_while_they_wait() {
    let mut cable = Cable::plain();
    for seq in 0..70 {
        cable.hosts[0].ping(cable.now, v4(2), 1, seq, 8).unwrap();
    }
    cable.run_for(SECOND);
    let answered: Vec<u16> = cable
        .events(0)
        .iter()
        .map(|event| match event {
            HostEvent::EchoReply { seq, .. } => *seq,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(answered, (6..70).collect::<Vec<_>>());
}

#[test]
fn five_thousand_neighbors_and_not_one_more() {
    let station = |number: u32| {
        let [.., high, low] = number.to_be_bytes();
        (IpAddr::from([10, 1, high, low]), MacAddr::from_bits(0x0200_0000_0000 | u64::from(number)))
    };
    let capacity = 5000;
    let mut router = host(HostConfig {
        ipv4: vec![([10, 1, 255, 254].into(), 16)],
        neighbors: NeighborConfig { capacity, lifetime: HOUR, ..NeighborConfig::default() },
        ..HostConfig::new("router", mac(1))
    });
    let mut frame = Vec::new();
    let mut packets = 0;
    for number in 1..=5000 {
        let (addr, mac) = station(number);
        let now = at(Duration::from_millis(u64::from(number)));
        router.ping(now, addr, 1, 0, 8).unwrap();
        while router.poll_transmit(&mut frame) {
            match arp_reply(&frame, mac) {
                Some(reply) => router.handle_frame(now, &reply),
                None => {
                    assert_eq!(frame[..6], mac.0, "each packet goes to its own neighbour");
                    packets += 1;
                }
            }
        }
    }
    assert_eq!((packets, router.neighbors()), (5000, 5000));

    // A newcomer finds no room until somebody is stale: the one that has been for the longest goes.
    let (newcomer, _) = station(6000);
    router.ping(at(HOUR), newcomer, 1, 0, 8).unwrap();
    assert_eq!(router.counters().dropped(HostDrop::NeighborsFull).frames, 1);
    assert!(!router.poll_transmit(&mut frame), "nobody is asked for");
    let now = at(HOUR + Duration::from_millis(2));
    router.ping(now, newcomer, 1, 0, 8).unwrap();
    assert_eq!(router.neighbor(now, newcomer), Some((NeighborState::Incomplete, None)));
    assert_eq!(router.neighbor(now, station(1).0), None);
    assert_eq!(router.neighbor(now, station(2).0).unwrap().0, NeighborState::Stale);
    assert_eq!(router.neighbors(), 5000);
}

#[test]
fn other_subnets_are_behind_the_gateway() {
    let far = IpAddr::from([192, 0, 2, 1]);
    let mut cable = Cable::plain();
    cable.hosts[0].ping(cable.now, far, 1, 0, 8).unwrap();
    cable.run_for(SECOND);
    assert_eq!(cable.hosts[0].counters().dropped(HostDrop::NoRoute).frames, 1);
    assert!(cable.take_log().is_empty());

    let routed = HostConfig { gateway4: Some([10, 0, 0, 2].into()), ..config(1) };
    let mut cable = Cable::new([host(routed), host(config(2))]);
    cable.hosts[0].ping(cable.now, far, 1, 0, 8).unwrap();
    cable.run_for(SECOND);
    assert_eq!(cable.take_log().last().unwrap().to(), mac(2));
    // Host 2 is no router.
    assert_eq!(cable.hosts[1].counters().dropped(HostDrop::ForeignAddress).frames, 1);
}

#[test]
fn an_announcement_moves_what_is_known_and_adds_nothing() {
    let mut cable = Cable::plain();
    cable.hosts[0].ping(cable.now, v4(2), 1, 0, 8).unwrap();
    cable.hosts[0].ping(cable.now, v6(2), 1, 0, 8).unwrap();
    cable.run_for(SECOND);
    cable.events(0);
    // The station's new interface has another address: without a word, the peer goes on with the old one.
    cable.hosts[1].set_mac(mac(0x22)).unwrap();
    cable.hosts[0].ping(cable.now, v4(2), 1, 1, 8).unwrap();
    cable.run_for(10 * SECOND);
    assert_eq!(cable.events(0), []);
    assert_eq!(cable.hosts[1].counters().dropped(HostDrop::ForeignUnicast).frames, 1);

    cable.take_log();
    cable.hosts[1].announce();
    cable.run_for(SECOND);
    let log = cable.take_log();
    let ArpRepr::EthernetIpv4 { operation, source_protocol_addr, target_protocol_addr, .. } = arp(&log[0])
    else {
        panic!("IPv4 over Ethernet")
    };
    assert_eq!((operation, log[0].to()), (ArpOperation::Request, MacAddr::BROADCAST));
    assert_eq!((IpAddr::from(source_protocol_addr), source_protocol_addr), (v4(2), target_protocol_addr));
    assert_eq!(log[1].to(), MacAddr([0x33, 0x33, 0, 0, 0, 1]));
    for addr in [v4(2), v6(2)] {
        assert_eq!(cable.hosts[0].neighbor(cable.now, addr).unwrap().1, Some(mac(0x22)));
        cable.hosts[0].ping(cable.now, addr, 1, 2, 8).unwrap();
    }
    cable.run_for(SECOND);
    assert_eq!(cable.events(0).iter().filter(|event| is_reply(event)).count(), 2);

    let mut stranger = Cable::plain();
    stranger.hosts[1].announce();
    stranger.run_for(SECOND);
    assert_eq!(stranger.hosts[0].neighbors(), 0);
}

#[test]
fn who_looks_for_duplicates_is_answered_and_not_learned() {
    let mut cable = Cable::plain();
    cable.hosts[0].ping(Instant::ZERO, v4(2), 1, 0, 8).unwrap();
    let mut frame = Vec::new();
    assert!(cable.hosts[0].poll_transmit(&mut frame));
    // An ARP probe has no sender address (RFC 5227 2.1.1).
    frame[28..32].fill(0);
    cable.hosts[1].handle_frame(Instant::ZERO, &frame);
    assert!(cable.hosts[1].poll_transmit(&mut frame));
    assert_eq!((&frame[..6], &frame[28..32]), (&mac(1).0[..], &[10, 0, 0, 2][..]));
    assert_eq!(cable.hosts[1].neighbors(), 0);
}

#[test]
fn a_solicitation_that_a_router_has_forwarded_is_not_believed() {
    let mut cable = Cable::plain();
    cable.hosts[0].ping(Instant::ZERO, v6(2), 1, 0, 8).unwrap();
    let mut frame = Vec::new();
    assert!(cable.hosts[0].poll_transmit(&mut frame));
    // No checksum covers the hop limit.
    frame[14 + 7] = 254;
    cable.hosts[1].handle_frame(Instant::ZERO, &frame);
    assert_eq!(cable.hosts[1].counters().dropped(HostDrop::Malformed).frames, 1);
    assert_eq!(cable.hosts[1].neighbors(), 0);
    assert!(!cable.hosts[1].poll_transmit(&mut frame));
}

#[test]
fn a_ping_to_everybody_is_not_answered() {
    let mut cable = Cable::plain();
    for group in [v4(255), IpAddr::from([255; 4]), "ff02::1".parse().unwrap()] {
        cable.hosts[0].ping(cable.now, group, 1, 0, 8).unwrap();
    }
    cable.run_for(SECOND);
    let to: Vec<_> = cable.take_log().iter().map(Sent::to).collect();
    assert_eq!(to, [MacAddr::BROADCAST, MacAddr::BROADCAST, MacAddr([0x33, 0x33, 0, 0, 0, 1])]);
    // They were heard.
    let dropped = HostDrop::ALL.iter().map(|&reason| cable.hosts[1].counters().dropped(reason).frames);
    assert_eq!(dropped.sum::<u64>(), 0);
    assert_eq!(cable.hosts[1].counters().received.frames, 3);
}
