//! Long random sequences of operations against a table that is a map.

use greylag_mactable::{Cause, Config, Decline, Learn, MacTable, Renewal, Sighting, WhenFull};
use proptest::prelude::*;
use std::collections::BTreeMap;

const AGEING: u64 = 512 * 100;
const TICK: u64 = 100;
const PORTS: u16 = 4;
const VLANS: u16 = 3;

#[derive(Clone, Debug)]
enum Op {
    Learn {
        vlan: u16,
        mac: u8,
        port: u16,
        allow: bool,
        renewal: Renewal,
    },
    Sight {
        vlan: u16,
        mac: u8,
        port: u16,
        renewal: Renewal,
    },
    /// All but those of one port.
    Renew(u16),
    Static {
        vlan: u16,
        mac: u8,
        port: u16,
    },
    Remove {
        vlan: u16,
        mac: u8,
    },
    FlushPort(u16),
    FlushVlan(u16),
    FlushAll,
    Wait(u64),
    Sweep(usize),
    Crowd {
        seed: u8,
    },
}

fn ops() -> impl Strategy<Value = Op> {
    let key = || (1..=VLANS, 0..40u8, 0..PORTS);
    let renewal = || prop_oneof![Just(Renewal::Stamp), Just(Renewal::Hit)];
    prop_oneof![
        30 => (key(), any::<bool>(), renewal())
            .prop_map(|((vlan, mac, port), allow, renewal)| Op::Learn { vlan, mac, port, allow, renewal }),
        10 => (key(), renewal()).prop_map(|((vlan, mac, port), renewal)| Op::Sight { vlan, mac, port, renewal }),
        4 => (0..PORTS).prop_map(Op::Renew),
        2 => key().prop_map(|(vlan, mac, port)| Op::Static { vlan, mac, port }),
        4 => key().prop_map(|(vlan, mac, _)| Op::Remove { vlan, mac }),
        2 => (0..PORTS).prop_map(Op::FlushPort),
        2 => (1..=VLANS).prop_map(Op::FlushVlan),
        1 => Just(Op::FlushAll),
        6 => (0..AGEING / 4).prop_map(Op::Wait),
        6 => (0..40usize).prop_map(Op::Sweep),
        1 => any::<u8>().prop_map(|seed| Op::Crowd { seed }),
    ]
}

#[derive(Clone, Copy, Debug)]
struct Known {
    port: u16,
    /// Tick in which it was last seen, or `None` if static.
    seen: Option<u64>,
    is_hit: bool,
}

#[derive(Default)]
struct Model {
    now: u64,
    entries: BTreeMap<(u16, [u8; 6]), Known>,
}

impl Model {
    fn live(&self, key: (u16, [u8; 6])) -> Option<Known> {
        self.entries
            .get(&key)
            .copied()
            .filter(|known| known.seen.is_none_or(|seen| self.now / TICK - seen <= 512))
    }

    fn learn(&mut self, key: (u16, [u8; 6]), port: u16, allow: bool, renewal: Renewal) -> Learn {
        let outcome = match self.sight(key, port, renewal) {
            Sighting::Current => return Learn::Current,
            Sighting::Refreshed => return Learn::Refreshed,
            Sighting::Hit => return Learn::Hit,
            Sighting::Elsewhere { port, is_static: true } => return Learn::Static { port },
            Sighting::Elsewhere { port: from, .. } if !allow => return Learn::MoveRefused { from },
            Sighting::Elsewhere { port: from, .. } => Learn::Moved { from },
            Sighting::Unknown => Learn::New,
        };
        self.entries.insert(key, Known { port, seen: Some(self.now / TICK), is_hit: false });
        outcome
    }

    fn sight(&mut self, key: (u16, [u8; 6]), port: u16, renewal: Renewal) -> Sighting {
        let tick = self.now / TICK;
        let Some(known) = self.live(key) else { return Sighting::Unknown };
        if known.port != port {
            return Sighting::Elsewhere { port: known.port, is_static: known.seen.is_none() };
        }
        let (next, sighting) = match (known.seen, renewal) {
            (None, _) => return Sighting::Current,
            (Some(seen), Renewal::Stamp) if seen == tick => return Sighting::Current,
            (_, Renewal::Hit) if known.is_hit => return Sighting::Current,
            (_, Renewal::Stamp) => (Known { seen: Some(tick), is_hit: false, ..known }, Sighting::Refreshed),
            (_, Renewal::Hit) => (Known { is_hit: true, ..known }, Sighting::Hit),
        };
        self.entries.insert(key, next);
        sighting
    }

    fn renew(&mut self, refused: u16) -> usize {
        let (now, tick) = (self.now, self.now / TICK);
        let due = self.entries.values_mut().filter(|known| {
            known.is_hit && known.port != refused && known.seen.is_some_and(|seen| now / TICK - seen <= 512)
        });
        due.map(|known| *known = Known { seen: Some(tick), is_hit: false, ..*known }).count()
    }
}

fn mac(n: u8) -> [u8; 6] {
    [2, 0, 0, 0, 0, n]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn the_table_does_what_a_map_would(key: [u64; 2], ops in prop::collection::vec(ops(), 1..400)) {
        let config = Config { capacity: 400, ports: PORTS, vlans: VLANS, ageing_time: AGEING, hash_key: key, ..Config::default() };
        let table = MacTable::new(&config).unwrap();
        let mut model = Model { now: 1, ..Model::default() };
        for op in ops {
            match op {
                Op::Learn { vlan, mac: n, port, allow, renewal } => {
                    let session = table.session(model.now).with_renewal(renewal);
                    let probe = session.probe(vlan, mac(n));
                    let outcome = session.learn_with(&probe, port, |_| allow);
                    prop_assert_eq!(outcome, model.learn((vlan, mac(n)), port, allow, renewal));
                    let found = session.lookup(&probe).map(|entry| entry.port);
                    prop_assert_eq!(found, model.live((vlan, mac(n))).map(|known| known.port));
                }
                Op::Static { vlan, mac: n, port } => {
                    prop_assert_eq!(table.insert_static(vlan, mac(n), port), Ok(()));
                    model.entries.insert((vlan, mac(n)), Known { port, seen: None, is_hit: false });
                }
                Op::Remove { vlan, mac: n } => {
                    let was_live = model.live((vlan, mac(n))).is_some();
                    model.entries.remove(&(vlan, mac(n)));
                    // A lapsed entry may or may not still be there to be removed.
                    prop_assert!(table.remove(vlan, mac(n)) || !was_live);
                }
                Op::Sight { vlan, mac: n, port, renewal } => {
                    let session = table.session(model.now).with_renewal(renewal);
                    let sighting = session.sight(&session.probe(vlan, mac(n)), port);
                    prop_assert_eq!(sighting, model.sight((vlan, mac(n)), port, renewal));
                }
                Op::Renew(refused) => {
                    let renewed = table.renew(model.now, |_, _, port| port != refused);
                    prop_assert_eq!(renewed, model.renew(refused));
                }
                Op::FlushPort(port) => {
                    table.flush_port(port);
                    model.entries.retain(|_, known| known.port != port || known.seen.is_none());
                }
                Op::FlushVlan(vlan) => {
                    table.flush_vlan(vlan);
                    model.entries.retain(|&(at, _), known| at != vlan || known.seen.is_none());
                }
                Op::FlushAll => {
                    table.flush_all();
                    model.entries.retain(|_, known| known.seen.is_none());
                }
                Op::Wait(nanos) => {
                    model.now += nanos;
                    table.sweep(model.now, table.sweep_due(model.now), |_| {});
                }
                Op::Sweep(buckets) => {
                    table.sweep(model.now, buckets, |_| {});
                }
                Op::Crowd { seed } => {
                    let session = table.session(model.now);
                    for n in 0..200u8 {
                        let mac = [4, seed % 4, 0, 0, 0, n];
                        let outcome = session.learn(&session.probe(1, mac), 0);
                        if outcome == Learn::Declined(Decline::TableFull) {
                            break;
                        }
                        prop_assert_eq!(outcome, model.learn((1, mac), 0, true, Renewal::Stamp));
                    }
                }
            }
            // Keep clear of the capacity, where what lapsed counts until it is swept.
            if table.len() > 250 {
                table.flush_all();
                table.sweep(model.now, table.buckets(), |_| {});
                model.entries.retain(|_, known| known.seen.is_none());
            }
        }
        let live = |known: Known| (known.port, known.is_hit);
        let live: Vec<_> = model.entries.keys().filter_map(|&key| Some((key, live(model.live(key)?)))).collect();
        let shown = table.iter(model.now).map(|record| ((record.vlan, record.mac), (record.port, record.is_hit)));
        let mut shown: Vec<_> = shown.collect();
        shown.sort_unstable();
        prop_assert_eq!(&shown, &live);
        for _ in 0..3 {
            table.sweep(model.now, table.buckets(), |_| {});
        }
        prop_assert_eq!(table.len(), live.len());
        for port in 0..PORTS {
            prop_assert_eq!(table.port_len(port), live.iter().filter(|(_, (at, _))| *at == port).count());
        }
        for vlan in 1..=VLANS {
            prop_assert_eq!(table.vlan_len(vlan), live.iter().filter(|((at, _), _)| *at == vlan).count());
        }
    }

    #[test]
    fn a_crowded_table_loses_only_whom_it_names(
        key: [u64; 2],
        policy in 0..WhenFull::ALL.len(),
        ops in prop::collection::vec(ops(), 1..400),
    ) {
        let when_full = WhenFull::ALL[policy];
        let config = Config {
            capacity: 24, ports: PORTS, vlans: VLANS, ageing_time: AGEING, hash_key: key, when_full, ..Config::default()
        };
        let table = MacTable::new(&config).unwrap();
        let mut model = Model { now: 1, ..Model::default() };
        let mut evictions = 0;
        for op in ops {
            match op {
                Op::Learn { vlan, mac: n, port, allow, renewal } => {
                    let session = table.session(model.now).with_renewal(renewal);
                    let probe = session.probe(vlan, mac(n));
                    let mut evicted = Vec::new();
                    let outcome = session.learn_reporting(&probe, port, |_| allow, |swept| evicted.push(swept));
                    for swept in &evicted {
                        let known = model.entries.remove(&(swept.vlan, swept.mac));
                        prop_assert_eq!(known.map(|known| (known.port, known.seen.is_some())), Some((swept.port, true)));
                        prop_assert_eq!(swept.cause, Cause::Evicted);
                        prop_assert_ne!((swept.vlan, swept.mac), (vlan, mac(n)));
                    }
                    evictions += evicted.len() as u64;
                    prop_assert!(evicted.is_empty() || when_full != WhenFull::Decline);
                    if let Learn::Declined(decline) = outcome {
                        prop_assert_eq!(decline, Decline::TableFull);
                        prop_assert!(model.live((vlan, mac(n))).is_none());
                    } else {
                        prop_assert_eq!(outcome, model.learn((vlan, mac(n)), port, allow, renewal));
                    }
                    let found = session.lookup(&probe).map(|entry| entry.port);
                    prop_assert_eq!(found, model.live((vlan, mac(n))).map(|known| known.port));
                }
                Op::Remove { vlan, mac: n } => {
                    let was_live = model.live((vlan, mac(n))).is_some();
                    model.entries.remove(&(vlan, mac(n)));
                    prop_assert!(table.remove(vlan, mac(n)) || !was_live);
                }
                Op::Sight { vlan, mac: n, port, renewal } => {
                    let session = table.session(model.now).with_renewal(renewal);
                    let sighting = session.sight(&session.probe(vlan, mac(n)), port);
                    prop_assert_eq!(sighting, model.sight((vlan, mac(n)), port, renewal));
                }
                Op::Renew(refused) => {
                    let renewed = table.renew(model.now, |_, _, port| port != refused);
                    prop_assert_eq!(renewed, model.renew(refused));
                }
                Op::FlushPort(port) => {
                    table.flush_port(port);
                    model.entries.retain(|_, known| known.port != port || known.seen.is_none());
                }
                Op::FlushVlan(vlan) => {
                    table.flush_vlan(vlan);
                    model.entries.retain(|&(at, _), known| at != vlan || known.seen.is_none());
                }
                Op::Wait(nanos) => {
                    model.now += nanos / 4;
                    table.sweep(model.now, table.sweep_due(model.now), |_| {});
                }
                Op::Sweep(buckets) => {
                    table.sweep(model.now, buckets, |_| {});
                }
                Op::Static { .. } | Op::FlushAll | Op::Crowd { .. } => {}
            }
            prop_assert!(table.len() <= 24);
            prop_assert_eq!(table.evicted(), evictions);
        }
        let live = |known: Known| (known.port, known.is_hit);
        let live: Vec<_> = model.entries.keys().filter_map(|&key| Some((key, live(model.live(key)?)))).collect();
        let shown = table.iter(model.now).map(|record| ((record.vlan, record.mac), (record.port, record.is_hit)));
        let mut shown: Vec<_> = shown.collect();
        shown.sort_unstable();
        prop_assert_eq!(shown, live);
    }
}
