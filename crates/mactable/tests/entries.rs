//! What becomes of single entries: learning, moving, ageing, limits, flushes, statics, seen from outside.

use greylag_mactable::{Cause, Config, Decline, Key, Learn, MacTable, Record, UNKNOWN};

const S: u64 = 1_000_000_000;
/// 1/512 of the default ageing time.
const TICK: u64 = 300 * S / 512;

fn table() -> MacTable {
    MacTable::new(&Config { capacity: 1024, ports: 8, vlans: 8, hash_key: [3, 5], ..Config::default() })
        .unwrap()
}

fn mac(n: u32) -> [u8; 6] {
    let [a, b, c, d] = n.to_be_bytes();
    [2, 0, a, b, c, d]
}

fn learn(table: &MacTable, now: u64, vlan: u16, n: u32, port: u16) -> Learn {
    let session = table.session(now);
    session.learn(&session.probe(vlan, mac(n)), port)
}

fn port(table: &MacTable, now: u64, vlan: u16, n: u32) -> Option<u16> {
    let session = table.session(now);
    session.lookup(&session.probe(vlan, mac(n))).map(|entry| entry.port)
}

fn sweep_round(table: &MacTable, now: u64) -> Vec<greylag_mactable::Swept> {
    let mut swept = Vec::new();
    assert_eq!(table.sweep(now, table.buckets(), |entry| swept.push(entry)), table.buckets());
    swept
}

#[test]
fn a_source_is_new_then_current_then_refreshed() {
    let table = table();
    assert_eq!(learn(&table, 0, 10, 1, 3), Learn::New);
    assert_eq!(learn(&table, TICK - 1, 10, 1, 3), Learn::Current);
    assert_eq!(learn(&table, TICK, 10, 1, 3), Learn::Refreshed);
    assert_eq!(
        learn(&table, TICK - 1, 10, 1, 3),
        Learn::Current,
        "a session that is behind does not turn time back"
    );
    assert_eq!(port(&table, TICK, 10, 1), Some(3));
    assert_eq!(port(&table, TICK, 11, 1), None, "another VLAN");
    assert_eq!((table.len(), table.port_len(3), table.vlan_len(10)), (1, 1, 1));
}

#[test]
fn a_station_moves_only_if_the_caller_lets_it() {
    let table = table();
    learn(&table, 0, 10, 1, 3);
    let session = table.session(S);
    let probe = session.probe(10, mac(1));
    assert_eq!(session.learn_with(&probe, 4, |from| from != 3), Learn::MoveRefused { from: 3 });
    assert_eq!(session.lookup(&probe).map(|entry| entry.port), Some(3));
    assert_eq!(session.learn_with(&probe, 4, |from| from == 3), Learn::Moved { from: 3 });
    assert_eq!(session.learn_with(&probe, 4, |_| unreachable!()), Learn::Current);
    assert_eq!((table.len(), table.port_len(3), table.port_len(4)), (1, 0, 1));
}

#[test]
fn an_entry_lapses_on_time_and_is_then_swept_and_reported() {
    let table = table();
    let born = 7 * S + 12_345;
    learn(&table, born, 10, 1, 3);
    assert_eq!(port(&table, born + 300 * S, 10, 1), Some(3), "not early");
    assert_eq!(port(&table, born + 300 * S + TICK, 10, 1), None, "at most one tick late");
    assert!(sweep_round(&table, born + 300 * S).is_empty());
    let swept = sweep_round(&table, born + 301 * S);
    assert_eq!(swept.len(), 1);
    assert_eq!((swept[0].vlan, swept[0].mac, swept[0].port, swept[0].cause), (10, mac(1), 3, Cause::Lapsed));
    assert!(table.is_empty());
    assert_eq!(learn(&table, born + 301 * S, 10, 1, 4), Learn::New);
}

#[test]
fn a_lapsed_station_is_new_wherever_it_appears() {
    let table = table();
    learn(&table, 0, 10, 1, 3);
    learn(&table, 0, 10, 2, 3);
    assert_eq!(learn(&table, 302 * S, 10, 1, 3), Learn::New);
    assert_eq!(learn(&table, 302 * S, 10, 2, 4), Learn::New);
    assert_eq!((table.len(), table.port_len(3), table.port_len(4)), (2, 1, 1));
}

#[test]
fn stamps_never_wrap_into_life_when_sweeps_keep_pace() {
    let table = table();
    for step in 0..600 {
        let now = step * 5 * S;
        if step < 100 {
            learn(&table, now, 10, step as u32, 3);
        }
        table.sweep(now, table.sweep_due(now), |_| {});
        let alive = (0..100).filter(|&n| port(&table, now, 10, n).is_some()).count();
        let due = (0..=step.min(99)).filter(|n| n * 5 * S + 300 * S >= now).count();
        assert_eq!(alive, due, "at {step}");
    }
    assert!(table.is_empty());
}

#[test]
fn sweeping_ahead_of_time_brings_nobody_back_to_life() {
    let table = table();
    for n in 0..100 {
        learn(&table, S, 10, n, 3);
    }
    assert_eq!(table.sweep_due(S), 0);
    // Just before all of them lapse, and far more than is due.
    for _ in 0..5 {
        assert!(sweep_round(&table, 300 * S).is_empty());
    }
    for now in (305..900).step_by(5).map(|seconds| seconds * S) {
        table.sweep(now, table.sweep_due(now), |_| {});
        assert!((0..100).all(|n| port(&table, now, 10, n).is_none()), "at {now}");
    }
    assert!(table.is_empty());
}

#[test]
fn pace_is_two_rounds_per_ageing_time() {
    let table = table();
    assert_eq!(table.sweep_due(0), 0);
    assert_eq!(table.sweep_due(75 * S), table.buckets() / 2);
    table.sweep(75 * S, table.buckets() / 2, |_| {});
    assert_eq!(table.sweep_due(75 * S), 0);
    assert_eq!(table.sweep_due(10_000 * S), table.buckets(), "never more than a round");
}

#[test]
fn without_an_ageing_time_entries_stay() {
    let table = MacTable::new(&Config { ageing_time: 0, ..Config::default() }).unwrap();
    learn(&table, 0, 10, 1, 3);
    assert_eq!(learn(&table, 1_000_000 * S, 10, 1, 3), Learn::Current);
    assert!(sweep_round(&table, u64::MAX).is_empty());
    assert_eq!(port(&table, u64::MAX, 10, 1), Some(3));
    table.set_ageing_time(10 * S, 300 * S);
    assert_eq!(port(&table, 10 * S, 10, 1), Some(3));
    sweep_round(&table, 20 * S);
    assert_eq!(port(&table, 320 * S, 10, 1), Some(3), "its time begins with the first sweep");
    assert_eq!(port(&table, 321 * S, 10, 1), None);
}

#[test]
fn a_new_ageing_time_applies_to_the_age_that_entries_have() {
    let table = table();
    learn(&table, 0, 10, 1, 3);
    learn(&table, 80 * S, 10, 2, 3);
    table.set_ageing_time(100 * S, 50 * S);
    assert_eq!((port(&table, 100 * S, 10, 1), port(&table, 100 * S, 10, 2)), (None, Some(3)));
    assert_eq!(port(&table, 132 * S, 10, 2), None);
}

#[test]
fn a_change_of_the_ageing_time_waits_for_open_sessions_and_loses_nothing() {
    let table = table();
    learn(&table, 0, 10, 1, 3);
    let old = table.session(10 * S);
    table.set_ageing_time(10 * S, 1000 * S);
    assert_eq!(old.learn(&old.probe(10, mac(2)), 4), Learn::New);
    assert_eq!(learn(&table, 11 * S, 10, 3, 5), Learn::New);
    drop(old);
    sweep_round(&table, 12 * S);
    for (n, at) in [(1, 3), (2, 4), (3, 5)] {
        assert_eq!(port(&table, 900 * S, 10, n), Some(at));
        assert_eq!(port(&table, 1020 * S, 10, n), None);
    }
}

#[test]
fn a_flush_takes_effect_at_once_and_touches_nothing_else() {
    let table = table();
    for n in 0..60 {
        learn(&table, 0, 10 + (n % 3) as u16, n, (n % 4) as u16);
    }
    table.insert_static(11, mac(1000), 1).unwrap();
    let probe = table.session(0).probe(11, mac(1));
    table.flush_port(1);
    assert_eq!((table.len(), table.port_len(1)), (46, 1));
    table.flush_vlan(11);
    assert_eq!(table.session(0).lookup(&probe), None, "not even through a probe from before");
    for n in 0..60 {
        let gone = n % 4 == 1 || n % 3 == 1;
        assert_eq!(port(&table, 0, 10 + (n % 3) as u16, n).is_none(), gone, "{n}");
    }
    assert_eq!(port(&table, 0, 11, 1000), Some(1), "static");
    assert!(sweep_round(&table, 0).iter().all(|swept| swept.cause == Cause::Flushed));
    assert_eq!(table.len(), 31);
    table.flush_all();
    assert_eq!((table.len(), table.iter(0).count()), (1, 1));
    assert_eq!(port(&table, 0, 11, 1000), Some(1));
    assert_eq!(learn(&table, 0, 10, 0, 0), Learn::New);
}

#[test]
fn thousands_of_flushes_stay_right_with_and_without_sweeps() {
    for sweeping in [false, true] {
        let table = table();
        table.insert_static(10, mac(7), 7).unwrap();
        for round in 0..4000u32 {
            assert_eq!(learn(&table, 0, 10, 1, 1), Learn::New, "round {round}");
            assert_eq!(learn(&table, 0, 10, 2, (round % 2) as u16 + 2), Learn::New);
            if round % 3 == 0 {
                table.flush_vlan(10);
            } else {
                table.flush_all();
            }
            assert_eq!((port(&table, 0, 10, 1), port(&table, 0, 10, 2)), (None, None), "round {round}");
            assert_eq!(port(&table, 0, 10, 7), Some(7));
            if sweeping {
                table.sweep(0, 100, |_| {});
            }
        }
        sweep_round(&table, 0);
        assert_eq!(table.len(), 1);
    }
}

#[test]
fn an_open_session_holds_ids_back_but_not_flushes() {
    let table = table();
    let held = table.session(0);
    for _ in 0..1000 {
        learn(&table, 0, 10, 1, 1);
        learn(&table, 0, 10, 2, 2);
        table.flush_port(1);
        assert_eq!((port(&table, 0, 10, 1), port(&table, 0, 10, 2)), (None, Some(2)));
        table.flush_vlan(10);
        assert_eq!(port(&table, 0, 10, 2), None);
    }
    drop(held);
    for _ in 0..4 {
        sweep_round(&table, 0);
    }
    assert!(table.is_empty());
}

#[test]
fn static_entries_neither_move_nor_age_nor_get_flushed() {
    let table = table();
    learn(&table, 0, 10, 1, 3);
    table.insert_static(10, mac(1), 5).unwrap();
    assert_eq!(learn(&table, 0, 10, 1, 3), Learn::Static { port: 5 });
    assert_eq!(learn(&table, 0, 10, 1, 5), Learn::Current);
    assert_eq!(port(&table, 10_000 * S, 10, 1), Some(5));
    assert!(sweep_round(&table, 10_000 * S).is_empty());
    assert_eq!((table.len(), table.port_len(3), table.port_len(5)), (1, 0, 1));
    table.insert_static(10, mac(1), 6).unwrap();
    assert_eq!((table.len(), table.port_len(5), table.port_len(6)), (1, 0, 1));
    assert!(table.remove(10, mac(1)) && !table.remove(10, mac(1)));
    assert_eq!((table.len(), port(&table, 0, 10, 1)), (0, None));
    assert!(!table.remove(77, mac(1)));
}

#[test]
fn limits_decline_and_say_which() {
    let table = MacTable::new(&Config { capacity: 20, ports: 4, vlans: 2, ..Config::default() }).unwrap();
    table.set_port_limit(1, Some(3));
    table.set_vlan_limit(10, Some(5));
    for n in 0..3 {
        assert_eq!(learn(&table, 0, 10, n, 1), Learn::New);
    }
    assert_eq!(learn(&table, 0, 10, 3, 1), Learn::Declined(Decline::PortLimit));
    assert_eq!(learn(&table, 0, 10, 3, 2), Learn::New);
    assert_eq!(learn(&table, 0, 10, 3, 1), Learn::Declined(Decline::PortLimit), "nor by a move");
    assert_eq!(port(&table, 0, 10, 3), Some(2));
    assert_eq!(learn(&table, 0, 10, 4, 2), Learn::New);
    assert_eq!(learn(&table, 0, 10, 5, 2), Learn::Declined(Decline::VlanLimit));
    for n in 0..15 {
        assert_eq!(learn(&table, 0, 20, n, 3), Learn::New);
    }
    assert_eq!(learn(&table, 0, 20, 99, 3), Learn::Declined(Decline::TableFull));
    assert_eq!(table.insert_static(20, mac(99), 3), Err(Decline::TableFull));
    assert_eq!((table.len(), table.port_len(1), table.vlan_len(10), table.vlan_len(20)), (20, 3, 5, 15));
    assert_eq!(learn(&table, 0, 20, 0, 2), Learn::Moved { from: 3 }, "a full table still moves");
    table.set_port_limit(1, None);
    assert!(table.remove(20, mac(5)));
    table.set_vlan_limit(10, None);
    assert_eq!(learn(&table, 0, 10, 5, 1), Learn::New);
}

#[test]
fn more_vlans_than_configured_are_declined_in_the_end() {
    let table = MacTable::new(&Config { capacity: 1024, vlans: 4, ..Config::default() }).unwrap();
    let outcomes: Vec<_> = (1..=1024).map(|vlan| learn(&table, 0, vlan, 1, 0)).collect();
    assert!(outcomes[..4].iter().all(|&outcome| outcome == Learn::New));
    assert_eq!(outcomes[1023], Learn::Declined(Decline::VlansFull));
    assert_eq!(port(&table, 0, 1024, 1), None);
}

#[test]
fn a_flush_of_an_empty_vlan_frees_its_id_for_another() {
    let table = table();
    for turn in 0..1000 {
        let (now, vlan) = (u64::from(turn) * S, 1 + turn);
        assert_eq!(learn(&table, now, vlan, 0, 1), Learn::New, "in VLAN {vlan}");
        table.remove(vlan, mac(0));
        table.flush_vlan(vlan);
        table.sweep(now, table.buckets(), |_| {});
    }
}

#[test]
fn iteration_shows_every_live_entry_once() {
    let table = table();
    for n in 0..300 {
        learn(&table, u64::from(n) * S, 10 + (n % 5) as u16, n, (n % 8) as u16);
    }
    table.insert_static(12, mac(5000), 6).unwrap();
    table.flush_port(0);
    table.flush_vlan(13);
    let now = 350 * S;
    let mut shown: Vec<Record> = table.iter(now).collect();
    shown.sort();
    let mut expected: Vec<_> = (0..300u32)
        .filter(|n| n % 8 != 0 && n % 5 != 3 && u64::from(*n) * S + 300 * S >= now)
        .map(|n| (10 + (n % 5) as u16, mac(n), (n % 8) as u16, false))
        .chain([(12, mac(5000), 6, true)])
        .collect();
    expected.sort_unstable();
    let keys: Vec<_> = shown.iter().map(|r| (r.vlan, r.mac, r.port, r.is_static)).collect();
    assert_eq!(keys, expected);
    for record in shown.iter().filter(|record| !record.is_static) {
        let n = u32::from_be_bytes(record.mac[2..].try_into().unwrap());
        assert!(record.age.abs_diff(now - u64::from(n) * S) <= TICK, "{record:?}");
    }
}

#[test]
fn batches_find_what_single_look_ups_find() {
    let table = table();
    for n in 0..50 {
        learn(&table, 0, 10, n, (n % 8) as u16);
    }
    let session = table.session(0);
    let keys: Vec<_> = (0..100).map(|n| Key::from_octets(10, mac(n))).collect();
    let mut found = vec![0; 100];
    session.lookup_ports(&keys, &mut found);
    for (n, found) in (0..100).zip(found) {
        let single = session.lookup(&session.probe(10, mac(n))).map(|entry| entry.port);
        assert_eq!((found != UNKNOWN).then_some(found), single);
        assert_eq!(single, (n < 50).then_some((n % 8) as u16));
    }
}

#[test]
fn the_first_batch_of_a_vlan_finds_what_it_learned() {
    let table = table();
    let session = table.session(0);
    // The probes are made before the VLAN has an id.
    let (a, b) = (session.probe(10, mac(1)), session.probe(10, mac(2)));
    assert_eq!((session.learn(&a, 1), session.learn(&b, 2)), (Learn::New, Learn::New));
    assert_eq!(session.lookup(&a).map(|entry| entry.port), Some(1));
    assert_eq!(session.lookup(&b).map(|entry| entry.port), Some(2));
}
