use crate::cable::{Cable, DELAY, SECOND, Sent, at, config, host, mac, v4, v6};
use core::net::IpAddr;
use greylag_base::{Dice, Instant, Seed, VlanId};
use greylag_sim::flow::{
    Flow, FlowConfig, FlowEnd, FlowError, FlowId, FlowRecord, FlowSet, Latency, Level, levels,
};
use greylag_sim::host::{HostConfig, HostDrop};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{IpAddress, Ipv4Packet, Ipv4Repr, Ipv6Packet, Ipv6Repr, UdpPacket, UdpRepr};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

fn flow_config(from: IpAddr, to: IpAddr) -> FlowConfig {
    FlowConfig {
        name: "a to b".to_owned(),
        from: FlowEnd { host: 0, addr: from },
        to: FlowEnd { host: 1, addr: to },
        sport: 49152,
        dport: 9000,
        interval: MS,
        phase: Some(Duration::ZERO),
        size: 128,
        weight_bps: 1_000_000,
        dscp: 0,
        start: at(SECOND),
        stop: Some(at(11 * SECOND)),
    }
}

fn flow(config: FlowConfig) -> Flow {
    Flow::new(FlowId(7), config, Seed(1)).expect("the configuration is right")
}

/// A cable on which the flow is sent, and whose hosts know each other before its first probe.
fn measured(flow: &Flow) -> Cable {
    let mut cable = Cable::plain();
    cable.hosts[0].send_flow(flow).unwrap();
    cable.hosts[1].receive_flow(flow);
    cable.hosts[0].ping(cable.now, flow.config().to.addr, 1, 0, 8).unwrap();
    cable
}

fn record(cable: &Cable, flow: &Flow) -> FlowRecord {
    let (sent, arrivals) = (cable.hosts[0].probes_sent(flow.id()), cable.hosts[1].arrivals(flow.id()));
    FlowRecord::new(flow, sent, arrivals, cable.now, SECOND)
}

/// The sequence number that a probe on the wire bears; `None` for other frames.
fn sequence(sent: &Sent) -> Option<u64> {
    let payload = match sent.ether_type() {
        0x0800 => 14 + 20 + 8,
        0x86dd => 14 + 40 + 8,
        _ => return None,
    };
    let payload = sent.bytes.get(payload..payload + 18)?;
    let octets = payload[6..12].iter().fold(0, |number, octet| number << 8 | u64::from(*octet));
    (payload[..6] == [0x67, 0x6c, 0, 0, 0, 7]).then_some(octets)
}

#[test]
fn a_cable_without_faults_delivers_everything() {
    for (from, to) in [(v4(1), v4(2)), (v6(1), v6(2))] {
        let flow = flow(flow_config(from, to));
        let mut cable = measured(&flow);
        cable.run_until(at(13 * SECOND));
        let record = record(&cable, &flow);
        assert_eq!((record.sent, record.received, record.lost, record.in_flight), (10_000, 10_000, 0, 0));
        assert_eq!((record.duplicated, record.reordered), (0, 0));
        assert_eq!(record.latency, Some(Latency { min: DELAY, mean: DELAY, max: DELAY }));
        assert!(record.black_holes.is_empty());
        assert_eq!(record.span, (at(SECOND), at(11 * SECOND)));
    }
}

#[test]
fn losses_duplicates_and_reordering_are_counted_exactly() {
    for seed in 0..5 {
        let flow = flow(flow_config(v4(1), v4(2)));
        let mut cable = measured(&flow);
        let mut dice = Dice::new(Seed(seed));
        let mut fate = move |sequence| match sequence {
            // Also several in a row.
            _ if sequence % 1000 < 20 || dice.chance(0.05) => Vec::new(),
            _ => (0..=dice.below(4) / 3).map(|_| dice.between(DELAY, 20 * DELAY)).collect(),
        };
        let arrivals = Rc::new(RefCell::new(Vec::new()));
        let told = arrivals.clone();
        cable.fate = Box::new(move |sent| {
            let Some(sequence) = sequence(sent) else { return vec![DELAY] };
            let delays: Vec<Duration> = fate(sequence);
            told.borrow_mut().extend(delays.iter().map(|delay| (sent.at + *delay, sequence)));
            delays
        });
        cable.run_until(at(13 * SECOND));
        let mut arrivals = arrivals.take();
        // What arrives is counted beside the host, by a count that knows nothing of gaps.
        let mut seen: BTreeMap<u64, u64> = BTreeMap::new();
        let (mut reordered, mut highest) = (0, None);
        // Stable: what arrives at the same instant arrives in the order of sending.
        arrivals.sort_by_key(|(at, _)| *at);
        for (_, sequence) in arrivals {
            let copies = seen.entry(sequence).or_default();
            *copies += 1;
            if *copies == 1 {
                reordered += u64::from(highest.is_some_and(|highest| sequence < highest));
                highest = highest.max(Some(sequence));
            }
        }
        let record = record(&cable, &flow);
        let lost: Vec<u64> = (0..10_000).filter(|sequence| !seen.contains_key(sequence)).collect();
        assert_eq!((record.sent, record.received), (10_000, seen.len() as u64));
        assert_eq!((record.lost, record.in_flight), (lost.len() as u64, 0));
        assert_eq!(record.duplicated, seen.values().map(|copies| copies - 1).sum::<u64>());
        assert_eq!(record.reordered, reordered);
        assert!(record.lost > 300 && record.duplicated > 1000 && record.reordered > 1000, "{record:?}");
        let holes: Vec<u64> =
            record.black_holes.iter().flat_map(|hole| hole.first..hole.first + hole.lost).collect();
        assert_eq!(holes, lost);
        for hole in &record.black_holes {
            assert!(seen.contains_key(&(hole.first + hole.lost)) || hole.first + hole.lost == 10_000);
            assert_eq!(hole.from, at(SECOND + MS * hole.first as u32));
            assert_eq!(hole.duration(), MS * hole.lost as u32);
        }
    }
}

#[test]
fn a_black_hole_has_its_first_and_last_moment() {
    let flow = flow(flow_config(v4(1), v4(2)));
    let mut cable = measured(&flow);
    let dead = at(3 * SECOND)..at(4 * SECOND + 250 * MS);
    cable.fate = Box::new(move |sent| if dead.contains(&sent.at) { Vec::new() } else { vec![DELAY] });
    cable.run_until(at(13 * SECOND));
    let record = record(&cable, &flow);
    let hole = *record.longest_black_hole().unwrap();
    assert_eq!(record.black_holes, [hole]);
    assert_eq!((hole.first, hole.lost), (2000, 1250));
    assert_eq!((hole.from, hole.until), (at(3 * SECOND), at(4 * SECOND + 250 * MS)));
    assert_eq!(hole.ended, Some(at(4 * SECOND + 250 * MS) + DELAY));
    assert_eq!(hole.duration(), 1250 * MS);
}

#[test]
fn what_is_under_way_at_the_end_is_not_lost() {
    let flow = flow(FlowConfig { stop: None, ..flow_config(v4(1), v4(2)) });
    let mut cable = measured(&flow);
    // From 5 s on nothing arrives; the run ends at 7.9995 s, and whoever was sent at 6.9995 s or before had the time to.
    cable.fate = Box::new(|sent| if sent.at >= at(5 * SECOND) { Vec::new() } else { vec![DELAY] });
    cable.run_until(at(7 * SECOND + 999 * MS + DELAY));
    let record = record(&cable, &flow);
    assert_eq!((record.sent, record.received), (7000, 4000));
    assert_eq!((record.lost, record.in_flight), (2000, 1000));
    let [hole] = record.black_holes[..] else { panic!("{:?}", record.black_holes) };
    assert_eq!((hole.first, hole.lost, hole.ended), (4000, 2000, None));
    assert_eq!((hole.from, hole.until), (at(5 * SECOND), at(7 * SECOND)));
    assert_eq!(record.span, (at(SECOND), at(7 * SECOND)));
}

#[test]
fn a_black_hole_that_may_still_be_filled_has_not_ended() {
    let flow = flow(flow_config(v4(1), v4(2)));
    let mut cable = measured(&flow);
    let dead = at(5 * SECOND)..at(6 * SECOND + 500 * MS);
    cable.fate = Box::new(move |sent| if dead.contains(&sent.at) { Vec::new() } else { vec![DELAY] });
    // What was sent up to 6.2 s is judged. Later ones have arrived; those in between may come out of order.
    cable.run_until(at(7 * SECOND + 200 * MS));
    let record = record(&cable, &flow);
    assert_eq!((record.sent, record.received), (6201, 4700));
    assert_eq!((record.lost, record.in_flight), (1201, 300));
    let [hole] = record.black_holes[..] else { panic!("{:?}", record.black_holes) };
    assert_eq!((hole.lost, hole.until, hole.ended), (1201, at(6 * SECOND + 201 * MS), None));
}

#[test]
fn a_run_that_ends_before_anything_can_be_judged_judges_nothing() {
    let flow = flow(flow_config(v4(1), v4(2)));
    let mut cable = measured(&flow);
    cable.fate = Box::new(|_| Vec::new());
    cable.run_until(at(SECOND / 2));
    let early = record(&cable, &flow);
    assert_eq!((early.sent, early.lost, early.in_flight, early.latency), (0, 0, 0, None));
    assert_eq!(levels(&[early], SECOND), []);
    cable.run_until(at(SECOND + 10 * MS));
    let record = record(&cable, &flow);
    assert_eq!((record.sent, record.lost, record.in_flight), (11, 0, 11));
}

#[test]
fn a_probe_that_its_own_host_cannot_send_is_lost_and_the_host_knows_why() {
    let flow = flow(FlowConfig { stop: Some(at(2 * SECOND)), ..flow_config(v4(1), v4(2)) });
    let mut cable = Cable::plain();
    cable.hosts[0].send_flow(&flow).unwrap();
    cable.hosts[1].receive_flow(&flow);
    // Nobody answers the host's questions.
    cable.fate = Box::new(|_| Vec::new());
    cable.run_until(at(10 * SECOND));
    let unresolved = record(&cable, &flow);
    assert_eq!((unresolved.sent, unresolved.received, unresolved.lost), (1000, 0, 1000));
    assert_eq!(unresolved.longest_black_hole().unwrap().duration(), SECOND);
    let counters = cable.hosts[0].counters();
    assert_eq!(counters.dropped(HostDrop::QueueFull).frames, 1000 - 64);
    assert_eq!(counters.dropped(HostDrop::Unresolved).frames, 64);

    let mut cable = measured(&flow);
    cable.run_until(at(SECOND + 500 * MS));
    cable.hosts[0].set_link(false);
    cable.run_until(at(10 * SECOND));
    let cut = record(&cable, &flow);
    // The probe of that instant had left.
    assert_eq!((cut.sent, cut.received, cut.lost), (1000, 501, 499));
    assert_eq!(cable.hosts[0].counters().dropped(HostDrop::LinkDown).frames, 499);
}

#[test]
fn probes_wait_for_the_first_answer_and_show_it_as_latency() {
    let flow = flow(FlowConfig { interval: DELAY / 2, ..flow_config(v4(1), v4(2)) });
    let mut cable = Cable::plain();
    cable.hosts[0].send_flow(&flow).unwrap();
    cable.hosts[1].receive_flow(&flow);
    cable.run_until(at(13 * SECOND));
    let record = record(&cable, &flow);
    assert_eq!((record.lost, record.reordered), (0, 0));
    let latency = record.latency.unwrap();
    assert_eq!((latency.min, latency.max), (DELAY, 3 * DELAY));
}

#[test]
fn every_probe_is_what_smoltcp_reads() {
    for tag in [None, VlanId::new(10)] {
        for (from, to, least) in [(v4(1), v4(2), 64), (v6(1), v6(2), 84)] {
            for size in [least, least + 1, 128, 513, 1518, 9216] {
                let interval = Duration::from_nanos(123_456_789);
                let config =
                    FlowConfig { size, dscp: 46, interval, start: at(SECOND), ..flow_config(from, to) };
                let flow = flow(config);
                let hosts = [1, 2]
                    .map(|number| host(HostConfig { vlan: tag, ttl: 9, ..crate::cable::config(number) }));
                let mut cable = Cable::new(hosts);
                cable.hosts[0].send_flow(&flow).unwrap();
                cable.hosts[1].receive_flow(&flow);
                cable.run_until(at(13 * SECOND));
                let tag_len = if tag.is_some() { 4 } else { 0 };
                let probes: Vec<_> =
                    cable.take_log().into_iter().filter(|sent| is_udp(&sent.bytes[12 + tag_len..])).collect();
                assert_eq!(probes.len(), 82);
                for sent in &probes {
                    assert_eq!(sent.bytes.len(), usize::from(size) - 4 + tag_len);
                    assert_eq!(sent.to(), mac(2));
                    read_by_smoltcp(&sent.bytes[14 + tag_len..], from, to);
                }
                assert_eq!(record(&cable, &flow).received, 82);
            }
        }
    }
}

fn is_udp(behind_addresses: &[u8]) -> bool {
    match behind_addresses {
        [0x08, 0x00, ip @ ..] => ip[9] == 17,
        [0x86, 0xdd, ip @ ..] => ip[6] == 17,
        _ => false,
    }
}

fn read_by_smoltcp(packet: &[u8], from: IpAddr, to: IpAddr) {
    let checksums = ChecksumCapabilities::default();
    let payload = if from.is_ipv4() {
        let ip = Ipv4Packet::new_checked(packet).unwrap();
        let repr = Ipv4Repr::parse(&ip, &checksums).unwrap();
        assert_eq!((IpAddr::from(repr.src_addr), IpAddr::from(repr.dst_addr)), (from, to));
        assert_eq!((ip.dscp(), repr.hop_limit, usize::from(ip.total_len())), (46, 9, packet.len()));
        ip.payload()
    } else {
        let ip = Ipv6Packet::new_checked(packet).unwrap();
        let repr = Ipv6Repr::parse(&ip).unwrap();
        assert_eq!((IpAddr::from(repr.src_addr), IpAddr::from(repr.dst_addr)), (from, to));
        assert_eq!((ip.traffic_class() >> 2, repr.hop_limit, ip.total_len()), (46, 9, packet.len()));
        ip.payload()
    };
    let udp = UdpPacket::new_checked(payload).unwrap();
    assert_ne!(udp.checksum(), 0, "zero says that there is no checksum");
    let repr = UdpRepr::parse(&udp, &IpAddress::from(from), &IpAddress::from(to), &checksums).unwrap();
    assert_eq!((repr.src_port, repr.dst_port), (49152, 9000));
}

#[test]
fn damaged_and_stray_probes_are_not_received() {
    let flow = flow(flow_config(v4(1), v4(2)));
    let mut cable = measured(&flow);
    cable.run_until(at(SECOND));
    let probe = cable.take_log().into_iter().find(|sent| sequence(sent) == Some(0)).unwrap();
    // One bit anywhere behind the Ethernet header, and it is not a probe of that flow any more.
    let received = |cable: &Cable| cable.hosts[1].arrivals(flow.id()).clone();
    cable.hosts[1].handle_frame(cable.now, &probe.bytes);
    let before = format!("{:?}", received(&cable));
    for bit in 14 * 8..probe.bytes.len() * 8 {
        let mut bytes = probe.bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        cable.hosts[1].handle_frame(cable.now, &bytes);
        assert_eq!(format!("{:?}", received(&cable)), before, "bit {bit}");
    }
    assert!(cable.hosts[1].counters().dropped(HostDrop::Malformed).frames > 500);

    let mut other = host(config(2));
    other.handle_frame(cable.now, &probe.bytes);
    assert_eq!(other.counters().dropped(HostDrop::StrayProbe).frames, 1);
}

#[test]
fn the_level_is_weighed_by_what_the_flows_stand_for() {
    let dead = at(2 * SECOND + 500 * MS)..at(4 * SECOND);
    let records: Vec<FlowRecord> = [(0, 300_u64), (1, 700)]
        .into_iter()
        .map(|(index, weight_bps)| {
            let config = FlowConfig {
                interval: 10 * MS,
                weight_bps,
                start: Instant::ZERO,
                stop: Some(at(5 * SECOND)),
                ..flow_config(v4(1), v4(2))
            };
            let flow = flow(config);
            let mut cable = measured(&flow);
            let dead = dead.clone();
            // Only the flow of 300 bit/s meets the black hole.
            cable.fate = Box::new(move |sent| match index == 0 && dead.contains(&sent.at) {
                true => Vec::new(),
                false => vec![DELAY],
            });
            cable.run_until(at(7 * SECOND));
            record(&cable, &flow)
        })
        .collect();
    let shares: Vec<f64> = levels(&records, SECOND).iter().filter_map(Level::share).collect();
    assert_eq!(shares, [1.0, 1.0, 0.85, 0.7, 1.0]);
    let offered: u64 = levels(&records, SECOND).iter().map(|level| level.offered_bps).sum();
    assert_eq!(offered, 5 * 1000);
    // Bins that are shorter than the interval are full too.
    let fine = levels(&records, 3 * MS);
    assert!(fine.iter().take(1600).all(|level| level.offered_bps == 1000));
    assert_eq!(fine[834].from, at(2502 * MS));
    assert_eq!((fine[832].delivered_bps, fine[834].delivered_bps), (1000, 700));
}

#[test]
fn a_set_walks_distinct_ports_and_shares_its_weight() {
    let end = |host, addr| FlowEnd { host, addr };
    let set = FlowSet {
        name: "web".to_owned(),
        from: vec![end(0, v4(1)), end(1, v4(2)), end(0, v6(1))],
        to: vec![end(2, v4(3)), end(1, v4(2))],
        flows: 20_000,
        dport: 9000,
        interval: SECOND,
        size: 64,
        weight_bps: 1_000_000_007,
        dscp: 0,
        start: Instant::ZERO,
        stop: None,
    };
    let flows = set.expand().unwrap();
    let ports: std::collections::BTreeSet<_> = flows.iter().map(|flow| (flow.sport, flow.dport)).collect();
    let pairs: std::collections::BTreeSet<_> =
        flows.iter().map(|flow| (flow.from.addr, flow.to.addr)).collect();
    assert_eq!((flows.len(), ports.len()), (20_000, 20_000));
    assert_eq!(pairs.into_iter().collect::<Vec<_>>(), [(v4(1), v4(2)), (v4(1), v4(3)), (v4(2), v4(3))]);
    assert_eq!(flows.iter().map(|flow| flow.weight_bps).sum::<u64>(), 1_000_000_007);
    assert!(flows.iter().all(|flow| (50_000..=50_001).contains(&flow.weight_bps)));

    let nobody = FlowSet { to: vec![end(0, v4(1))], from: vec![end(0, v4(2)), end(1, v6(1))], ..set.clone() };
    assert_eq!(nobody.expand(), Err(FlowError::NoPair("web".to_owned())));
    let many = FlowSet { dport: 65_535, ..set };
    assert_eq!(
        many.expand(),
        Err(FlowError::TooMany { name: "web".to_owned(), flows: 20_000, most: 16_384 })
    );
}

#[test]
fn phases_come_from_the_seed_and_the_name() {
    let phase = |name: &str, seed| {
        let config = FlowConfig { name: name.to_owned(), phase: None, ..flow_config(v4(1), v4(2)) };
        let flow = Flow::new(FlowId(7), config, Seed(seed)).unwrap();
        let mut sender = host(crate::cable::config(1));
        sender.send_flow(&flow).unwrap();
        sender.poll_timeout().unwrap() - at(SECOND)
    };
    assert_eq!(phase("a", 1), phase("a", 1));
    assert!(phase("a", 1) != phase("b", 1) && phase("a", 1) != phase("a", 2));
    assert!((0..100).all(|seed| phase("a", seed) < MS));
}

#[test]
fn what_cannot_be_a_flow_is_refused() {
    let refused = |config| Flow::new(FlowId(0), config, Seed(1)).expect_err("it is wrong").to_string();
    let right = || flow_config(v4(1), v4(2));
    assert!(refused(FlowConfig { size: 63, ..right() }).contains("64 to 9216"));
    assert!(refused(FlowConfig { size: 83, ..flow_config(v6(1), v6(2)) }).contains("84 to 9216"));
    assert!(refused(flow_config(v4(1), v6(2))).contains("IPv4 or both IPv6"));
    assert!(refused(flow_config(v4(1), IpAddr::from([224, 0, 0, 5]))).contains("224.0.0.5"));
    assert!(refused(FlowConfig { interval: Duration::ZERO, ..right() }).contains("interval of 0"));
    assert!(refused(FlowConfig { dscp: 64, ..right() }).contains("DSCP 64"));
    assert!(refused(FlowConfig { dport: 0, ..right() }).contains("port 0"));
    let strange = flow(flow_config(v4(9), v4(2)));
    let error = host(config(1)).send_flow(&strange).unwrap_err().to_string();
    assert!(error.contains("10.0.0.9") && error.contains("`host-1`"), "{error}");
}
