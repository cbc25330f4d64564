//! The table itself under shuttle: more threads and longer histories than loom can go through, in random orders and in
//! such as have few preemptions at well chosen places (PCT). All accesses count as sequentially consistent here.
//!
//! `RUSTFLAGS="--cfg shuttle" cargo test --release -p greylag-mactable --test shuttle`; `SHUTTLE_SCHEDULES` says how many
//! schedules each test tries. A failure prints its schedule, and `shuttle::replay` runs it again.
#![cfg(shuttle)]

use greylag_mactable::{Cause, Config, Decline, Learn, MacTable};
use shuttle::rand::{Rng, thread_rng};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::sync::Arc;
use shuttle::thread;
use std::time::Instant;

/// Half of the schedules are random, half have as many preemptions as PCT is told.
fn check(model: impl Fn() + Send + Sync + Clone + 'static) {
    let schedules = std::env::var("SHUTTLE_SCHEDULES").map_or(2000, |number| {
        number.parse().expect("SHUTTLE_SCHEDULES is the number of schedules that each test tries")
    });
    let mut config = shuttle::Config::new();
    config.silence_warnings = true;
    config.max_steps = shuttle::MaxSteps::FailAfter(1_000_000);
    let begun = Instant::now();
    shuttle::Runner::new(RandomScheduler::new(schedules / 2), config.clone()).run(model.clone());
    for preemptions in [2, 3, 4, 6] {
        shuttle::Runner::new(PctScheduler::new(preemptions, schedules / 8), config.clone())
            .run(model.clone());
    }
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    eprintln!("{test}: {schedules} schedules, {:.1?}", begun.elapsed());
}

/// A bucket has four slots in a model, so this table has four buckets: the busy ones overflow.
fn table() -> Arc<MacTable> {
    let config =
        Config { capacity: 8, ports: 4, vlans: 2, ageing_time: 512, hash_key: [8, 9], ..Config::default() };
    Arc::new(MacTable::new(&config).unwrap())
}

fn mac(group: u8, n: u8) -> [u8; 6] {
    [2, 0, 0, 0, group, n]
}

fn learn(table: &MacTable, vlan: u16, mac: [u8; 6], port: u16) -> Learn {
    let session = table.session(1);
    session.learn(&session.probe(vlan, mac), port)
}

fn port_of(table: &MacTable, vlan: u16, mac: [u8; 6]) -> Option<u16> {
    let session = table.session(1);
    session.lookup(&session.probe(vlan, mac)).map(|entry| entry.port)
}

/// Dead entries go, ids become free, and what is left is in order.
fn settle(table: &MacTable) -> usize {
    table.audit();
    for _ in 0..4 {
        table.sweep(1, table.buckets(), |_| {});
    }
    let entries = table.audit();
    assert_eq!((table.len(), table.iter(1).count()), (entries, entries), "counted and shown");
    entries
}

/// Group 0 stays. Group 1 comes and goes, on port 0 in VLAN 1 and on port 1 in VLAN 2. Group 2 wanders between ports 2
/// and 3. Group 3 is static in VLAN 2, which is flushed.
#[test]
fn readers_see_only_what_was_written_and_miss_nothing_that_stays() {
    check(|| {
        let table = table();
        assert_eq!(learn(&table, 1, mac(0, 0), 3), Learn::New);
        assert_eq!(learn(&table, 1, mac(2, 0), 2), Learn::New);
        table.insert_static(2, mac(3, 0), 3).unwrap();
        let mut threads = Vec::new();
        for reader in 0..2 {
            let table = table.clone();
            threads.push(thread::spawn(move || {
                for _ in 0..3 {
                    let n = thread_rng().gen_range(0..4);
                    assert_eq!(port_of(&table, 1, mac(0, 0)), Some(3), "an address that stays");
                    let wandering = port_of(&table, 1, mac(2, 0));
                    assert!(matches!(wandering, Some(2 | 3)), "{wandering:?}");
                    assert_eq!(port_of(&table, 2, mac(3, 0)), Some(3), "a static address");
                    for vlan in [1, 2] {
                        let fleeting = port_of(&table, vlan, mac(1, n));
                        assert!(fleeting.is_none_or(|port| port == vlan - 1), "VLAN {vlan}: {fleeting:?}");
                    }
                    if reader == 1 {
                        learn(&table, 1, mac(2, 0), thread_rng().gen_range(2..4));
                    }
                }
            }));
        }
        for _ in 0..2 {
            let table = table.clone();
            threads.push(thread::spawn(move || {
                for _ in 0..4 {
                    let (vlan, n) = (thread_rng().gen_range(1..3), thread_rng().gen_range(0..4));
                    learn(&table, vlan, mac(1, n), vlan - 1);
                }
            }));
        }
        for _ in 0..6 {
            let n = thread_rng().gen_range(0..4);
            match thread_rng().gen_range(0..8) {
                0 | 1 => table.flush_port(thread_rng().gen_range(0..2)),
                2 => table.flush_vlan(2),
                3 => drop(table.remove(thread_rng().gen_range(1..3), mac(1, n))),
                _ => {
                    table.sweep(1, 4, |swept| {
                        assert_eq!(swept.cause, Cause::Flushed);
                        assert_eq!(swept.mac[4], 1, "{swept:?}");
                    });
                }
            }
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        settle(&table);
        assert_eq!(port_of(&table, 1, mac(0, 0)), Some(3));
        assert_eq!(port_of(&table, 2, mac(3, 0)), Some(3));
    });
}

#[test]
fn rivals_never_place_an_address_twice() {
    check(|| {
        let table = table();
        let threads: Vec<_> = (0..3)
            .map(|port| {
                let table = table.clone();
                thread::spawn(move || {
                    for n in 0..3 {
                        let outcome = learn(&table, 1, mac(0, n), port);
                        let right =
                            !matches!(outcome, Learn::Declined(reason) if reason != Decline::Contended);
                        assert!(right, "{outcome:?}");
                        // Slots come free under the rivals' eyes, so that they choose different ones.
                        learn(&table, 1, mac(1, port as u8), port);
                        table.remove(1, mac(1, port as u8));
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(settle(&table) <= 3);
    });
}

/// Every flush takes an id, there are few, and learners hold theirs for as long as the scheduler wants.
#[test]
fn ids_go_round_and_no_entry_changes_hands() {
    check(|| {
        let table = table();
        let learners: Vec<_> = (0..2u16)
            .map(|port| {
                let table = table.clone();
                thread::spawn(move || {
                    for round in 0..4 {
                        let session = table.session(1);
                        let probe = session.probe(1, mac(port as u8, round % 2));
                        session.learn(&probe, port);
                        let seen = session.lookup(&probe).map(|entry| entry.port);
                        assert!(seen.is_none_or(|seen| seen == port), "{seen:?}");
                        let other = session.probe(1, mac(1 - port as u8, round % 2));
                        let seen = session.lookup(&other).map(|entry| entry.port);
                        assert!(seen.is_none_or(|seen| seen == 1 - port), "{seen:?}");
                    }
                })
            })
            .collect();
        for _ in 0..6 {
            match thread_rng().gen_range(0..5) {
                0 | 1 => table.flush_port(thread_rng().gen_range(0..2)),
                2 => table.flush_vlan(1),
                _ => drop(table.sweep(1, thread_rng().gen_range(1..5), |_| {})),
            }
        }
        learners.into_iter().for_each(|thread| thread.join().unwrap());
        settle(&table);
    });
}

/// Stations of one bucket come and go while sweeps take its mark away whenever they may.
#[test]
fn a_mark_is_there_whenever_somebody_needs_it() {
    check(|| {
        let table = table();
        let session = table.session(1);
        let crowd: Vec<_> =
            (0..40).map(|n| mac(0, n)).filter(|mac| table.bucket_of(&session.probe(1, *mac)) == 0).collect();
        drop(session);
        for mac in &crowd[..2] {
            assert_eq!(learn(&table, 1, *mac, 3), Learn::New);
        }
        let threads: Vec<_> = (0..2)
            .map(|thread| {
                let (table, own) = (table.clone(), [crowd[2 + thread], crowd[4 + thread]]);
                thread::spawn(move || {
                    for mac in [own[0], own[1], own[0]] {
                        if learn(&table, 1, mac, thread as u16) == Learn::New {
                            assert_eq!(port_of(&table, 1, mac), Some(thread as u16));
                            table.remove(1, own[thread_rng().gen_range(0..2)]);
                        }
                    }
                })
            })
            .collect();
        table.remove(1, crowd[1]);
        for _ in 0..3 {
            table.sweep(1, 4, |_| {});
            assert_eq!(port_of(&table, 1, crowd[0]), Some(3));
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        settle(&table);
    });
}
