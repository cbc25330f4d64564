use crate::cable::{Cable, DELAY, SECOND, Sent, at, v4, v6};
use core::net::IpAddr;
use greylag_base::{Dice, Seed};
use greylag_sim::host::{HostDrop, HostEvent, TransferId};
use std::time::Duration;

const MEBIBYTE: u64 = 1 << 20;

/// Everything that both hosts sent and reported while a mebibyte crossed a cable that loses one frame in fifty.
fn lossy_transfer(to: IpAddr, seed: u64) -> (Vec<Sent>, Vec<HostEvent>, Vec<HostEvent>) {
    let mut cable = Cable::plain();
    let mut dice = Dice::new(Seed(seed));
    cable.fate = Box::new(move |_| if dice.chance(0.02) { Vec::new() } else { vec![DELAY] });
    cable.hosts[1].tcp_listen(5001).unwrap();
    cable.hosts[0].tcp_connect(cable.now, to, 5001, MEBIBYTE).unwrap();
    cable.run_for(600 * SECOND);
    (cable.take_log(), cable.events(0), cable.events(1))
}

#[test]
fn a_mebibyte_arrives_whatever_is_lost() {
    for to in [v4(2), v6(2)] {
        let (log, sender, receiver) = lossy_transfer(to, 3);
        let [HostEvent::TransferDone { id, bytes, duration }] = sender[..] else { panic!("{sender:?}") };
        assert_eq!((id, bytes), (TransferId(0), MEBIBYTE));
        assert!(duration > 16 * 2 * DELAY, "a window of 64 KiB is one round trip: {duration:?}");
        let [HostEvent::TransferReceived { port, bytes, complete, .. }] = receiver[..] else {
            panic!("{receiver:?}")
        };
        assert_eq!((port, bytes, complete), (5001, MEBIBYTE, true));
        let least = MEBIBYTE as usize / 1460;
        assert!(log.iter().filter(|sent| sent.from == 0).count() > least);
        assert!(log.iter().all(|sent| sent.bytes.len() <= 1514));
    }
}

#[test]
fn the_same_seed_sends_the_same_frames() {
    let (first, ..) = lossy_transfer(v4(2), 5);
    let (second, ..) = lossy_transfer(v4(2), 5);
    let (other, ..) = lossy_transfer(v4(2), 6);
    assert!(first == second && first != other);
}

#[test]
fn a_transfer_outlives_an_outage() {
    let mut cable = Cable::plain();
    // The cable is dead from 5 ms to 10 s.
    let dead = at(Duration::from_millis(5))..at(10 * SECOND);
    cable.fate = Box::new(move |sent| if dead.contains(&sent.at) { Vec::new() } else { vec![DELAY] });
    cable.hosts[1].tcp_listen(5001).unwrap();
    cable.hosts[0].tcp_connect(cable.now, v4(2), 5001, MEBIBYTE).unwrap();
    cable.run_for(600 * SECOND);
    let events = cable.events(0);
    let [HostEvent::TransferDone { duration, .. }] = events[..] else { panic!("{events:?}") };
    assert!((10 * SECOND..60 * SECOND).contains(&duration), "{duration:?}");
}

#[test]
fn nobody_listens_and_the_transfer_fails() {
    let mut cable = Cable::plain();
    let id = cable.hosts[0].tcp_connect(cable.now, v4(2), 5001, MEBIBYTE).unwrap();
    cable.run_for(10 * SECOND);
    assert_eq!(cable.events(0), [HostEvent::TransferFailed { id, acknowledged: 0 }]);
    assert!(cable.hosts[0].tcp_connect(cable.now, v4(2), 0, 1).is_err());
}

#[test]
fn one_port_takes_many_transfers() {
    let mut cable = Cable::plain();
    cable.hosts[1].tcp_listen(5001).unwrap();
    assert!(cable.hosts[1].tcp_listen(5001).is_err() && cable.hosts[1].tcp_listen(0).is_err());
    let connect = |cable: &mut Cable, count: u64| {
        for bytes in 0..count {
            cable.hosts[0].tcp_connect(cable.now, v4(2), 5001, bytes).unwrap();
        }
        cable.run_for(60 * SECOND);
        let events = cable.events(0);
        let done = events.iter().filter(|event| matches!(event, HostEvent::TransferDone { .. })).count();
        let failed = events.iter().filter(|event| matches!(event, HostEvent::TransferFailed { .. })).count();
        (done, failed)
    };
    assert_eq!(connect(&mut cable, 40), (40, 0));
    let mut sizes: Vec<u64> = cable
        .events(1)
        .iter()
        .map(|event| match event {
            HostEvent::TransferReceived { bytes, complete: true, .. } => *bytes,
            other => panic!("{other:?}"),
        })
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, (0..40).collect::<Vec<_>>());
    // All at once: as many as a host accepts, and the others are refused. Later there is room again.
    assert_eq!(connect(&mut cable, 300), (256, 44));
    assert_eq!(connect(&mut cable, 3), (3, 0));
}

#[test]
fn datagrams_are_echoed() {
    let mut cable = Cable::plain();
    cable.hosts[1].udp_echo(7).unwrap();
    assert!(cable.hosts[1].udp_echo(7).is_err());
    for to in [v4(2), v6(2)] {
        cable.hosts[0].udp_send(cable.now, to, 7, &[1; 900]).unwrap();
        cable.run_for(SECOND);
        assert_eq!(cable.events(0), [HostEvent::Datagram { from: to, from_port: 7, len: 900 }]);
    }
    cable.hosts[0].udp_send(cable.now, v4(255), 7, b"everybody").unwrap();
    cable.run_for(SECOND);
    assert_eq!(cable.events(0), [], "no answer could come from there");
    assert!(cable.hosts[0].udp_send(cable.now, v4(2), 7, &[0; 1473]).is_err());
}

#[test]
fn what_was_damaged_on_its_way_is_counted() {
    let mut cable = Cable::plain();
    cable.hosts[1].udp_echo(7).unwrap();
    cable.hosts[1].tcp_listen(5001).unwrap();
    for to in [v4(2), v6(2)] {
        cable.hosts[0].udp_send(cable.now, to, 7, &[0; 100]).unwrap();
        cable.hosts[0].tcp_connect(cable.now, to, 5001, 1).unwrap();
    }
    cable.run_for(SECOND);
    let log = cable.take_log();
    let mut other = Cable::plain();
    let mut count = 0;
    // Frames that are padded end in an octet that no checksum covers.
    for sent in log.iter().filter(|sent| sent.from == 0 && sent.bytes.len() > 60) {
        let mut bytes = sent.bytes.clone();
        *bytes.last_mut().unwrap() ^= 1;
        other.hosts[1].handle_frame(other.now, &bytes);
        count += 1;
        assert_eq!(other.hosts[1].counters().dropped(HostDrop::Malformed).frames, count, "{sent:?}");
    }
    assert!(count >= 6, "{count}");
}
