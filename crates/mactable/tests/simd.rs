//! Whatever compares the words, the answers are the same.

use greylag_mactable::{Config, Key, Learn, MacTable, Renewal, Simd, UNKNOWN};
use proptest::prelude::*;

const AGEING: u64 = 512 * 100;

/// A table of the given instructions with crowded buckets, flushed ports and VLANs, static and lapsed entries.
fn filled(simd: Simd, hash_key: [u64; 2], steps: &[(u8, u16, u16)]) -> (MacTable, u64) {
    let config =
        Config { capacity: 64, ports: 5, vlans: 4, ageing_time: AGEING, hash_key, ..Config::default() };
    let table = MacTable::with_simd(&config, simd).unwrap();
    let mut now = 1;
    for &(what, n, port) in steps {
        let key = key(n);
        match what {
            0 => table.flush_port(port),
            1 => table.flush_vlan(key.vlan()),
            2 => now += u64::from(n) * 200,
            3 => _ = table.insert_static(key.vlan(), octets(key), port),
            4 => _ = table.remove(key.vlan(), octets(key)),
            5 => _ = table.sweep(now, usize::from(n) % 8, |_| {}),
            6 => _ = table.renew(now, |_, _, at| at != port),
            _ => {
                let renewal = if what % 2 == 0 { Renewal::Stamp } else { Renewal::Hit };
                let session = table.session(now).with_renewal(renewal);
                session.learn(&session.probe_key(key), port);
            }
        }
    }
    (table, now)
}

fn key(n: u16) -> Key {
    Key::new(1 + n % 3, 0x0200_0000_0000 + u64::from(n / 3))
}

fn octets(key: Key) -> [u8; 6] {
    let [_, _, mac @ ..] = key.mac().to_be_bytes();
    mac
}

fn keys() -> Vec<Key> {
    (0..400).map(key).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn batches_of_every_kind_answer_as_single_look_ups_do(
        hash_key: [u64; 2],
        steps in prop::collection::vec((0..40u8, 0..200u16, 0..5u16), 1..300),
        offset in 0..100usize,
        count in 0..200usize,
        one_vlan: bool,
    ) {
        let keys: Vec<_> = keys().into_iter().filter(|key| !one_vlan || key.vlan() == 2).collect();
        let keys = &keys[offset..keys.len().min(offset + count)];
        let mut answers = Vec::new();
        for simd in Simd::ALL.into_iter().filter(|simd| simd.is_available()) {
            let (table, now) = filled(simd, hash_key, &steps);
            let session = table.session(now);
            let single: Vec<_> = keys
                .iter()
                .map(|&key| session.lookup(&session.probe_key(key)).map_or(UNKNOWN, |entry| entry.port))
                .collect();
            for (&key, &port) in keys.iter().zip(&single) {
                let (entry, probed) = (session.lookup_key(key), session.lookup(&session.probe_key(key)));
                prop_assert_eq!(entry, probed, "{}", simd.name());
                prop_assert_eq!(entry.map_or(UNKNOWN, |entry| entry.port), port);
            }
            let mut ports = vec![7; keys.len()];
            session.lookup_ports(keys, &mut ports);
            prop_assert_eq!(&ports, &single, "{}", simd.name());
            answers.push((single, table.len()));
        }
        prop_assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn a_batch_settles_exactly_the_sources_that_are_current(
        hash_key: [u64; 2],
        steps in prop::collection::vec((0..40u8, 0..200u16, 0..5u16), 1..300),
        frames in prop::collection::vec((0..200u16, 0..200u16), 0..150),
        ingress in 0..5u16,
        renewal in prop_oneof![Just(Renewal::Stamp), Just(Renewal::Hit)],
    ) {
        let (sources, destinations): (Vec<_>, Vec<_>) =
            frames.iter().map(|&(from, to)| (key(from), key(to))).unzip();
        for simd in Simd::ALL.into_iter().filter(|simd| simd.is_available()) {
            let (table, now) = filled(simd, hash_key, &steps);
            let (twin, _) = filled(Simd::Scalar, hash_key, &steps);
            let [session, alone] = [&table, &twin].map(|table| table.session(now).with_renewal(renewal));
            let mut egress = vec![7; frames.len()];
            let mut outcomes = vec![Learn::Current; frames.len()];
            session.resolve(ingress, &sources, &destinations, &mut egress, |at, probe| {
                outcomes[at] = session.learn(probe, ingress);
            });
            for (at, frames) in frames.chunks(64).enumerate() {
                for index in at * 64..at * 64 + frames.len() {
                    let expected = alone.learn(&alone.probe_key(sources[index]), ingress);
                    prop_assert_eq!(outcomes[index], expected, "{} {}", simd.name(), index);
                }
                for index in at * 64..at * 64 + frames.len() {
                    let found = alone.lookup(&alone.probe_key(destinations[index]));
                    prop_assert_eq!(egress[index], found.map_or(UNKNOWN, |entry| entry.port));
                }
            }
            prop_assert_eq!(table.len(), twin.len());
            for port in 0..5 {
                prop_assert_eq!(table.port_len(port), twin.port_len(port));
            }
        }
    }
}

#[test]
fn the_best_is_available_and_the_scalar_one_always_is() {
    assert!(Simd::best().is_available() && Simd::Scalar.is_available());
    #[cfg(greylag_scalar)]
    assert_eq!(Simd::best(), Simd::Scalar);
}
