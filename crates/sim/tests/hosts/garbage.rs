use crate::cable::{Cable, SECOND, Sent, at, config, host, v4, v6};
use greylag_base::{Instant, Seed};
use greylag_sim::flow::{Flow, FlowConfig, FlowEnd, FlowId};
use greylag_sim::host::HostConfig;
use proptest::prelude::*;
use std::sync::OnceLock;

/// What two hosts say to each other when they do everything that they can.
fn conversation() -> &'static [Sent] {
    static LOG: OnceLock<Vec<Sent>> = OnceLock::new();
    LOG.get_or_init(|| {
        let mut cable = busy();
        for to in [v4(2), v6(2)] {
            cable.hosts[0].ping(cable.now, to, 1, 1, 64).unwrap();
            cable.hosts[0].tcp_connect(cable.now, to, 5001, 5000).unwrap();
            cable.hosts[0].udp_send(cable.now, to, 7, b"echo").unwrap();
        }
        cable.hosts[0].announce();
        cable.run_for(20 * SECOND);
        cable.take_log()
    })
}

/// Two hosts with every service, and a probe flow between them.
fn busy() -> Cable {
    let neighbors =
        greylag_sim::host::NeighborConfig { lifetime: 2 * SECOND, capacity: 8, ..Default::default() };
    let config = |number| HostConfig { neighbors: neighbors.clone(), ..config(number) };
    let mut cable = Cable::new([host(config(1)), host(config(2))]);
    for host in &mut cable.hosts {
        host.tcp_listen(5001).unwrap();
        host.udp_echo(7).unwrap();
    }
    let config = FlowConfig {
        name: "probes".to_owned(),
        from: FlowEnd { host: 0, addr: v4(1) },
        to: FlowEnd { host: 1, addr: v4(2) },
        sport: 49152,
        dport: 9000,
        interval: SECOND,
        phase: None,
        size: 128,
        weight_bps: 1,
        dscp: 0,
        start: Instant::ZERO,
        stop: Some(at(30 * SECOND)),
    };
    let flow = Flow::new(FlowId(3), config, Seed(1)).unwrap();
    cable.hosts[0].send_flow(&flow).unwrap();
    cable.hosts[1].receive_flow(&flow);
    cable
}

/// One change to a frame.
#[derive(Clone, Debug)]
enum Damage {
    Flip(usize, u8),
    Cut(usize),
    Grow(Vec<u8>),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        4 => (0..100_usize, 1..=255_u8).prop_map(|(at, bits)| Damage::Flip(at, bits)),
        1 => (0..100_usize).prop_map(Damage::Cut),
        1 => proptest::collection::vec(any::<u8>(), 1..20).prop_map(Damage::Grow),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_frames_do_not_stop_a_host(
        frames in proptest::collection::vec((any::<prop::sample::Index>(), proptest::collection::vec(damage(), 0..3)), 1..40)
    ) {
        let mut cable = busy();
        for (index, (which, damages)) in frames.iter().enumerate() {
            let sent = &conversation()[which.index(conversation().len())];
            let mut bytes = sent.bytes.clone();
            for damage in damages {
                match damage {
                    Damage::Flip(at, bits) => {
                        if let Some(octet) = bytes.get_mut(*at) {
                            *octet ^= bits;
                        }
                    }
                    Damage::Cut(len) => bytes.truncate(*len),
                    Damage::Grow(tail) => bytes.extend_from_slice(tail),
                }
            }
            cable.run_until(at(SECOND / 10 * index as u32));
            let now = cable.now;
            cable.hosts[1 - sent.from].handle_frame(now, &bytes);
        }
        prop_assert!(still_alive(&mut cable));
    }

    #[test]
    fn random_bytes_do_not_stop_a_host(
        frames in proptest::collection::vec((0..6_usize, proptest::collection::vec(any::<u8>(), 0..200)), 1..40)
    ) {
        // Random types and versions would be turned away at the door: each kind of header gets its share.
        let kinds: [&[u8]; 6] = [
            &[],
            &[8, 6],
            &[8, 0, 0x45],
            &[0x86, 0xdd, 0x60],
            &[0x81, 0],
            &[0x86, 0xdd, 0x60, 0, 0, 0, 0, 60, 58, 255],
        ];
        let mut cable = busy();
        for (kind, tail) in &frames {
            let mut bytes = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
            bytes.extend_from_slice(kinds[*kind]);
            bytes.extend_from_slice(tail);
            cable.run_for(SECOND / 10);
            let now = cable.now;
            cable.hosts[1].handle_frame(now, &bytes);
        }
        prop_assert!(still_alive(&mut cable));
    }
}

/// The hosts answer each other once what they were told has been forgotten.
fn still_alive(cable: &mut Cable) -> bool {
    cable.run_for(60 * SECOND);
    cable.events(0);
    // What was damaged may have told one of them a wrong address: the first packets find that out.
    for seq in 0..3 {
        cable.hosts[0].ping(cable.now, v4(2), 9, seq, 8).unwrap();
        cable.hosts[0].ping(cable.now, v6(2), 9, seq, 8).unwrap();
        cable.run_for(10 * SECOND);
    }
    let replies = cable.events(0);
    let answered = |addr| {
        replies.iter().any(|event| {
            matches!(event, greylag_sim::host::HostEvent::EchoReply { from, ident: 9, .. } if *from == addr)
        })
    };
    answered(v4(2)) && answered(v6(2))
}
