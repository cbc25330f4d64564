use crate::cable::{Cable, SECOND, config, host, mac, v4, v6};
use greylag_base::{Instant, MacAddr, Seed, VlanId};
use greylag_sim::host::{Host, HostConfig, HostDrop, HostError, NeighborConfig, Tally};
use greylag_wire::ethernet::{EtherType, Repr};

fn in_vlan(number: u8, vlan: u16) -> HostConfig {
    HostConfig { vlan: VlanId::new(vlan), ..config(number) }
}

#[test]
fn hosts_in_one_vlan_speak_with_its_tag() {
    let mut cable = Cable::new([host(in_vlan(1, 10)), host(in_vlan(2, 10))]);
    cable.hosts[0].ping(cable.now, v4(2), 1, 0, 8).unwrap();
    cable.hosts[0].ping(cable.now, v6(2), 1, 0, 8).unwrap();
    cable.run_for(SECOND);
    assert_eq!(cable.events(0).len(), 2);
    assert!(cable.log.iter().all(|sent| sent.bytes[12..16] == [0x81, 0x00, 0, 10]));
}

#[test]
fn a_host_in_a_vlan_does_not_hear_others() {
    for (theirs, ours) in
        [(config(1), in_vlan(2, 10)), (in_vlan(1, 11), in_vlan(2, 10)), (in_vlan(1, 10), config(2))]
    {
        let mut cable = Cable::new([host(theirs), host(ours)]);
        cable.hosts[0].ping(cable.now, v4(2), 1, 0, 8).unwrap();
        cable.run_for(SECOND / 2);
        assert_eq!(cable.hosts[1].counters().dropped(HostDrop::WrongVlan).frames, 1);
        assert!(cable.log.iter().all(|sent| sent.from == 0));
    }
}

#[test]
fn a_priority_tag_is_as_good_as_none() {
    let mut cable = Cable::plain();
    cable.hosts[0].ping(cable.now, v4(2), 1, 0, 8).unwrap();
    let mut frame = Vec::new();
    assert!(cable.hosts[0].poll_transmit(&mut frame));
    frame.splice(12..12, [0x81, 0x00, 0xa0, 0x00]);
    cable.hosts[1].handle_frame(Instant::ZERO, &frame);
    assert!(cable.hosts[1].poll_transmit(&mut frame), "it answers");
}

#[test]
fn flooded_frames_are_counted_with_their_bytes() {
    let mut station = host(config(1));
    let frame = |destination| {
        Repr { destination, source: mac(3), ether_type: EtherType::LOCAL_EXPERIMENT }.frame(&[0; 486])
    };
    for _ in 0..3 {
        station.handle_frame(Instant::ZERO, &frame(mac(9)));
    }
    station.handle_frame(Instant::ZERO, &frame(MacAddr([1, 0, 0x5e, 1, 2, 3])));
    station.handle_frame(Instant::ZERO, &frame(mac(1)));
    let counters = station.counters();
    assert_eq!(counters.dropped(HostDrop::ForeignUnicast), Tally { frames: 3, bytes: 1500 });
    assert_eq!(counters.dropped(HostDrop::ForeignGroup), Tally { frames: 1, bytes: 500 });
    assert_eq!(counters.dropped(HostDrop::UnknownProtocol), Tally { frames: 1, bytes: 500 });
    assert_eq!(counters.received, Tally { frames: 5, bytes: 2500 });
}

#[test]
fn a_host_notices_its_own_frames() {
    let mut cable = Cable::plain();
    cable.hosts[0].announce();
    let mut frame = Vec::new();
    assert!(cable.hosts[0].poll_transmit(&mut frame));
    cable.hosts[0].handle_frame(Instant::ZERO, &frame);
    assert_eq!(cable.hosts[0].counters().own_source.frames, 1);
    assert_eq!(cable.hosts[0].neighbors(), 0, "it does not learn itself");
    assert_eq!(cable.hosts[0].counters().sent.frames, 1);
}

#[test]
fn a_host_whose_link_is_down_sends_nothing_and_forgets_its_neighbors() {
    let mut cable = Cable::plain();
    cable.hosts[0].ping(cable.now, v4(2), 1, 0, 8).unwrap();
    cable.run_for(SECOND);
    assert_eq!(cable.hosts[0].neighbors(), 1);
    cable.hosts[0].ping(cable.now, v4(3), 1, 0, 8).unwrap();
    cable.hosts[0].set_link(false);
    assert_eq!(cable.hosts[0].neighbors(), 0);
    cable.take_log();
    cable.hosts[0].ping(cable.now, v4(2), 1, 1, 8).unwrap();
    cable.run_for(10 * SECOND);
    assert!(cable.take_log().is_empty());
    // The question for host 3, the packet that waited for it, and the one to host 2.
    assert_eq!(cable.hosts[0].counters().dropped(HostDrop::LinkDown).frames, 3);
    assert_eq!(cable.events(0).len(), 1);

    cable.hosts[0].set_link(true);
    cable.hosts[0].ping(cable.now, v4(2), 1, 2, 8).unwrap();
    cable.run_for(SECOND);
    assert_eq!(cable.log[0].to(), MacAddr::BROADCAST, "it asks again");
    assert_eq!(cable.events(0).len(), 1);
}

#[test]
fn a_host_that_moves_announces_itself_if_it_is_told_to() {
    for gratuitous in [false, true] {
        let neighbors = NeighborConfig { gratuitous, ..NeighborConfig::default() };
        let mut cable = Cable::new([host(HostConfig { neighbors, ..config(1) }), host(config(2))]);
        cable.hosts[0].set_link(false);
        cable.run_for(SECOND);
        cable.hosts[0].set_link(true);
        cable.run_for(SECOND);
        let to: Vec<_> = cable.log.iter().map(crate::cable::Sent::to).collect();
        let announced = [MacAddr::BROADCAST, MacAddr([0x33, 0x33, 0, 0, 0, 1])];
        assert_eq!(to, if gratuitous { announced.to_vec() } else { Vec::new() });
    }
}

#[test]
fn what_no_host_can_be_is_refused() {
    let refused = |config: HostConfig| Host::new(config, Seed(1)).expect_err("it is wrong").to_string();
    let text = refused(HostConfig::new("h", MacAddr::BROADCAST));
    assert!(text.contains("`h`") && text.contains("ff:ff:ff:ff:ff:ff"), "{text}");
    let text = refused(HostConfig { ipv4: vec![([10, 0, 0, 1].into(), 33)], ..config(1) });
    assert!(text.contains("10.0.0.1/33"), "{text}");
    let text = refused(HostConfig { ipv4: vec![([10, 0, 0, 1].into(), 24); 9], ..config(1) });
    assert!(text.contains("at most 8"), "{text}");
    assert!(refused(HostConfig { ttl: 0, ..config(1) }).contains("TTL 0"));

    let mut only_v4 = host(HostConfig { ipv6: Vec::new(), ..config(1) });
    let error = only_v4.ping(Instant::ZERO, v6(2), 1, 0, 8).unwrap_err();
    assert_eq!(error, HostError::NoSource { host: "host-1".to_owned(), to: v6(2) });
    let error = only_v4.ping(Instant::ZERO, v4(2), 1, 0, 1473).unwrap_err();
    assert_eq!(error, HostError::Size { size: 1473, least: 8, most: 1472 });
    assert!(only_v4.set_mac(MacAddr::ZERO).unwrap_err().to_string().contains("host-1"));
}
