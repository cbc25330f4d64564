//! The table itself under loom: two or three threads in every order that the bound on preemptions permits, and every
//! value that the memory model lets a load return. `docs/mactable-proofs.md` says what that covers and what not.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release -p greylag-mactable --test loom`; `LOOM_MAX_PREEMPTIONS=3` looks deeper.
#![cfg(loom)]

use greylag_mactable::{
    Config, Decline, Fences, GracePeriod, Key, Learn, MacTable, Renewal, Sighting, UNKNOWN, WhenFull,
};
use loom::sync::Arc;
use loom::thread;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Proofs that rest on sequential consistency: see [`Fences`].
const SEQUENTIAL: &[Fences] = &[Fences::Trailing, Fences::Leading];
/// Proofs for which acquire and release suffice.
const WEAK: &[Fences] = &[Fences::None];

const VLAN: u16 = 1;
const OTHER_VLAN: u16 = 2;

/// Checks every execution of `model` with at most two preemptions, for each way to place fences.
fn check(fences: &[Fences], model: impl Fn() + Send + Sync + 'static) {
    check_within(2, fences, model);
}

/// The same for models that take long: one preemption, unless `LOOM_MAX_PREEMPTIONS` says otherwise.
fn check_large(fences: &[Fences], model: impl Fn() + Send + Sync + 'static) {
    check_within(1, fences, model);
}

fn check_within(preemptions: usize, fences: &[Fences], model: impl Fn() + Send + Sync + 'static) {
    know_stations();
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    let model = std::sync::Arc::new(model);
    for &fences in fences {
        fences.choose();
        let executions = std::sync::Arc::new(AtomicU64::new(0));
        let mut builder = loom::model::Builder::new();
        builder.max_branches = 20_000;
        let preemptions = *builder.preemption_bound.get_or_insert(preemptions);
        let begun = Instant::now();
        let (count, model) = (executions.clone(), model.clone());
        builder.check(move || {
            count.fetch_add(1, Ordering::Relaxed);
            model();
        });
        let (all, elapsed) = (executions.load(Ordering::Relaxed), begun.elapsed());
        let extent = if builder.max_duration.is_some_and(|most| elapsed >= most) { "of more" } else { "all" };
        eprintln!(
            "{test}: {all} executions ({extent}), fences {fences:?}, preemptions {preemptions}, {elapsed:.1?}"
        );
    }
}

/// A model's table has two buckets of four slots, of which the second is the mark: two stations crowd a bucket.
fn table() -> Arc<MacTable> {
    sized(4)
}

fn sized(capacity: u32) -> Arc<MacTable> {
    let table = MacTable::new(&Config { capacity, ..shape() }).unwrap();
    assert_eq!(table.buckets(), 2);
    Arc::new(table)
}

fn shape() -> Config {
    Config { ports: 4, vlans: 2, ageing_time: 512, hash_key: [1, 2], ..Config::default() }
}

static STATIONS: OnceLock<[Vec<[u8; 6]>; 2]> = OnceLock::new();

/// Sorts some addresses by their first bucket. Outside of the models, for it is done once and not in every execution.
fn know_stations() {
    loom::model(|| {
        let table = table();
        let session = table.session(0);
        let mut stations = [Vec::new(), Vec::new()];
        for n in 0..32 {
            let mac = [2, 0, 0, 0, 0, n];
            stations[table.bucket_of(&session.probe(VLAN, mac))].push(mac);
        }
        STATIONS.get_or_init(|| stations);
    });
}

/// An address whose first bucket is `bucket`, as long as [`VLAN`] was the first to have entries and was not flushed.
fn station(bucket: usize, n: usize) -> [u8; 6] {
    STATIONS.get().unwrap()[bucket][n]
}

fn learn_at(table: &MacTable, now: u64, mac: [u8; 6], port: u16) -> Learn {
    let session = table.session(now);
    session.learn(&session.probe(VLAN, mac), port)
}

fn learn(table: &MacTable, mac: [u8; 6], port: u16) -> Learn {
    learn_at(table, 1, mac, port)
}

fn port_at(table: &MacTable, now: u64, vlan: u16, mac: [u8; 6]) -> Option<u16> {
    let session = table.session(now);
    session.lookup(&session.probe(vlan, mac)).map(|entry| entry.port)
}

fn port_of(table: &MacTable, mac: [u8; 6]) -> Option<u16> {
    port_at(table, 1, VLAN, mac)
}

fn place_of(table: &MacTable, mac: [u8; 6]) -> Option<(usize, usize)> {
    table.place_of(&table.session(1).probe(VLAN, mac))
}

/// Bucket 0 has two stations, on port 3, and its mark with them: the next goes to the emptier of its buckets.
fn crowded() -> Arc<MacTable> {
    let table = table();
    for n in 0..2 {
        assert_eq!(learn(&table, station(0, n), 3), Learn::New);
    }
    table
}

fn sweep(table: &MacTable) {
    table.sweep(1, 2, |_| {});
}

fn is_learned_or_contended(outcome: Learn) -> bool {
    matches!(outcome, Learn::New | Learn::Current | Learn::Moved { .. } | Learn::Declined(Decline::Contended))
}

#[test]
fn two_learners_of_one_address_place_it_once() {
    check_large(SEQUENTIAL, || {
        let table = table();
        let k = station(0, 0);
        let other = {
            let table = table.clone();
            thread::spawn(move || learn(&table, k, 1))
        };
        let outcomes = [learn(&table, k, 0), other.join().unwrap()];
        assert!(outcomes.into_iter().all(is_learned_or_contended), "{outcomes:?}");
        let new = outcomes.iter().filter(|outcome| matches!(outcome, Learn::New)).count();
        assert_eq!((table.audit(), table.len()), (new, new), "{outcomes:?}");
        assert!(new <= 1, "{outcomes:?}");
        match outcomes {
            [_, Learn::Moved { from: 0 }] | [Learn::Declined(_), Learn::New] => {
                assert_eq!(port_of(&table, k), Some(1));
            }
            [Learn::Moved { from: 1 }, _] | [Learn::New, Learn::Declined(_)] => {
                assert_eq!(port_of(&table, k), Some(0));
            }
            _ => assert_eq!(port_of(&table, k), None, "{outcomes:?}"),
        }
    });
}

#[test]
fn two_learners_who_prefer_different_buckets_place_an_address_once() {
    for in_first_thread in [true, false] {
        check(SEQUENTIAL, move || {
            let table = crowded();
            // The second bucket has more room, so it is preferred, until a station leaves the first.
            let (k, leaves) = (station(0, 2), station(0, 0));
            learn(&table, station(1, 0), 3);
            let learn_after = move |table: &MacTable, leaves: Option<[u8; 6]>, port| {
                assert!(leaves.is_none_or(|mac| table.remove(VLAN, mac)));
                learn(table, k, port)
            };
            let other = {
                let table = table.clone();
                thread::spawn(move || learn_after(&table, (!in_first_thread).then_some(leaves), 1))
            };
            let outcomes = [learn_after(&table, in_first_thread.then_some(leaves), 0), other.join().unwrap()];
            assert!(outcomes.into_iter().all(is_learned_or_contended), "{outcomes:?}");
            let new = outcomes.iter().filter(|outcome| matches!(outcome, Learn::New)).count();
            assert_eq!((table.audit(), table.len()), (2 + new, 2 + new), "{outcomes:?}");
        });
    }
}

#[test]
fn an_address_is_not_placed_in_both_buckets_while_its_first_becomes_crowded() {
    check_large(SEQUENTIAL, || {
        let table = table();
        let (leaves, crowds, k) = (station(0, 0), station(0, 1), station(0, 2));
        learn(&table, leaves, 3);
        let other = {
            let table = table.clone();
            thread::spawn(move || {
                // Takes the mark slot if it still sees the one that leaves.
                learn(&table, crowds, 3);
                learn(&table, k, 1)
            })
        };
        assert!(table.remove(VLAN, leaves));
        let outcomes = [learn(&table, k, 0), other.join().unwrap()];
        assert!(outcomes.into_iter().all(is_learned_or_contended), "{outcomes:?}");
        let new = outcomes.iter().filter(|outcome| matches!(outcome, Learn::New)).count();
        assert_eq!((table.audit(), table.len()), (1 + new, 1 + new), "{outcomes:?}");
    });
}

#[test]
fn two_new_addresses_do_not_fall_into_one_slot() {
    check_large(WEAK, || {
        let table = table();
        let (a, b) = (station(0, 0), station(0, 1));
        let other = {
            let table = table.clone();
            thread::spawn(move || learn(&table, b, 1))
        };
        assert_eq!((learn(&table, a, 0), other.join().unwrap()), (Learn::New, Learn::New));
        assert_eq!((port_of(&table, a), port_of(&table, b)), (Some(0), Some(1)));
        assert_eq!(table.audit(), 2);
    });
}

#[test]
fn a_learned_address_is_found_by_whoever_hears_of_it() {
    check(WEAK, || {
        let table = crowded();
        let k = station(0, 2);
        let heard = Arc::new(loom::sync::atomic::AtomicBool::new(false));
        let learner = {
            let (table, heard) = (table.clone(), heard.clone());
            thread::spawn(move || {
                assert_eq!(learn(&table, k, 0), Learn::New);
                assert_eq!(place_of(&table, k).map(|(bucket, _)| bucket), Some(1), "in its second bucket");
                heard.store(true, Ordering::Release);
            })
        };
        let known = heard.load(Ordering::Acquire);
        let found = port_of(&table, k);
        assert!(found == Some(0) || (found.is_none() && !known), "{found:?}, heard {known}");
        learner.join().unwrap();
        table.audit();
    });
}

#[test]
fn a_station_that_moves_two_ways_at_once_is_on_one_port_and_counted_there() {
    check(WEAK, || {
        let table = table();
        let k = station(0, 0);
        learn(&table, k, 0);
        let other = {
            let table = table.clone();
            thread::spawn(move || learn(&table, k, 2))
        };
        let outcomes = (learn(&table, k, 1), other.join().unwrap());
        match outcomes {
            (Learn::Moved { from: 0 }, Learn::Moved { from: 1 }) => assert_eq!(port_of(&table, k), Some(2)),
            (Learn::Moved { from: 2 }, Learn::Moved { from: 0 }) => assert_eq!(port_of(&table, k), Some(1)),
            _ => panic!("{outcomes:?}"),
        }
        assert_eq!((table.audit(), table.len()), (1, 1));
    });
}

#[test]
fn a_new_learner_and_a_mover_agree() {
    check_large(SEQUENTIAL, || {
        let table = table();
        let k = station(0, 0);
        let other = {
            let table = table.clone();
            thread::spawn(move || (learn(&table, k, 0), learn(&table, k, 1)))
        };
        let outcomes = (learn(&table, k, 2), other.join().unwrap());
        let present = usize::from(port_of(&table, k).is_some());
        assert_eq!((table.audit(), table.len()), (present, present), "{outcomes:?}");
    });
}

#[test]
fn a_reader_finds_a_station_that_is_refreshed_and_moves() {
    check(WEAK, || {
        let table = table();
        let k = station(0, 0);
        learn_at(&table, 1, k, 0);
        let refresher = {
            let table = table.clone();
            thread::spawn(move || learn_at(&table, 9, k, 0))
        };
        let mover = {
            let table = table.clone();
            thread::spawn(move || learn_at(&table, 9, k, 1))
        };
        let first = port_at(&table, 9, VLAN, k);
        assert!(matches!(first, Some(0 | 1)), "{first:?}");
        let outcomes = (refresher.join().unwrap(), mover.join().unwrap());
        match outcomes {
            (Learn::Refreshed, Learn::Moved { from: 0 }) => assert_eq!(port_of(&table, k), Some(1)),
            (Learn::Moved { from: 1 }, Learn::Moved { from: 0 }) => assert_eq!(port_of(&table, k), Some(0)),
            _ => panic!("{outcomes:?}"),
        }
        assert_eq!(table.audit(), 1);
    });
}

#[test]
fn what_a_reader_sees_goes_forward_only() {
    check(WEAK, || {
        let table = table();
        let k = station(0, 0);
        learn(&table, k, 0);
        let mover = {
            let table = table.clone();
            thread::spawn(move || learn(&table, k, 1))
        };
        let seen = (port_of(&table, k), port_of(&table, k));
        assert!(
            matches!(seen, (Some(0), Some(0 | 1)) | (Some(1), Some(1))),
            "back to the port that it has left: {seen:?}"
        );
        mover.join().unwrap();
    });
}

#[test]
fn a_slot_that_gets_another_station_shows_no_reader_the_port_of_the_other() {
    check(WEAK, || {
        let table = table();
        let (old, new) = (station(0, 0), station(0, 1));
        learn(&table, old, 0);
        let reader = {
            let table = table.clone();
            thread::spawn(move || (port_of(&table, old), port_of(&table, new)))
        };
        let other = {
            let table = table.clone();
            thread::spawn(move || {
                assert!(table.remove(VLAN, old));
                assert_eq!(learn(&table, new, 1), Learn::New);
            })
        };
        let (seen_old, seen_new) = reader.join().unwrap();
        assert!(matches!(seen_old, Some(0) | None), "{seen_old:?}");
        assert!(matches!(seen_new, Some(1) | None), "{seen_new:?}");
        other.join().unwrap();
        assert_eq!((table.audit(), place_of(&table, new)), (1, Some((0, 2))), "the same slot");
    });
}

#[test]
fn a_learner_that_takes_a_lapsed_stations_room_does_not_take_it_from_one_that_came_back() {
    check_large(SEQUENTIAL, || {
        // Two entries fill the table; both have lapsed at 700.
        let table = sized(2);
        let (back, gone, new) = (station(0, 0), station(0, 1), station(0, 2));
        learn(&table, back, 0);
        learn(&table, gone, 0);
        let other = {
            let table = table.clone();
            thread::spawn(move || learn_at(&table, 700, new, 1))
        };
        let returned = learn_at(&table, 700, back, 2);
        let taken = other.join().unwrap();
        let here = |mac| port_at(&table, 700, VLAN, mac);
        assert_eq!(here(back), (returned == Learn::New).then_some(2), "{returned:?}");
        assert_eq!(here(new), (taken == Learn::New).then_some(1), "{taken:?}");
        assert_eq!(here(gone), None);
        assert_eq!(table.audit(), table.len());
        assert!(table.len() <= 2);
    });
}

#[test]
fn a_removal_and_a_move_leave_the_counts_right() {
    check(SEQUENTIAL, || {
        let table = table();
        let k = station(0, 0);
        learn(&table, k, 0);
        let remover = {
            let table = table.clone();
            thread::spawn(move || table.remove(VLAN, k))
        };
        let outcome = learn(&table, k, 1);
        assert!(remover.join().unwrap());
        let stays = usize::from(outcome == Learn::New);
        assert!(matches!(outcome, Learn::New | Learn::Moved { from: 0 }), "{outcome:?}");
        assert_eq!((table.audit(), table.len()), (stays, stays));
    });
}

#[test]
fn a_removal_that_a_move_forestalls_leaves_the_mark_that_the_entry_needs() {
    check(SEQUENTIAL, || {
        let table = crowded();
        let k = station(0, 2);
        learn(&table, k, 0);
        assert_eq!(place_of(&table, k).map(|(bucket, _)| bucket), Some(1), "in its second bucket");
        let remover = {
            let table = table.clone();
            thread::spawn(move || table.remove(VLAN, k))
        };
        let outcome = learn(&table, k, 1);
        assert!(remover.join().unwrap());
        assert_eq!(table.audit(), 2 + usize::from(outcome == Learn::New), "{outcome:?}");
    });
}

#[test]
fn a_flush_of_a_port_comes_before_or_after_a_learner() {
    check(WEAK, || {
        let table = table();
        let (flushed, new) = (station(0, 0), station(0, 1));
        learn(&table, flushed, 0);
        let learner = {
            let table = table.clone();
            thread::spawn(move || learn(&table, new, 0))
        };
        table.flush_port(0);
        assert_eq!(port_of(&table, flushed), None, "a flush is in force when it returns");
        assert_eq!(learner.join().unwrap(), Learn::New);
        let after = port_of(&table, new);
        assert_eq!(table.len(), usize::from(after.is_some()));
        table.audit();
        for _ in 0..3 {
            sweep(&table);
        }
        assert_eq!((table.audit(), port_of(&table, new)), (table.len(), after));
    });
}

#[test]
fn a_station_that_moves_off_a_port_is_not_missed_while_that_is_flushed() {
    check(WEAK, || {
        let table = table();
        let k = station(0, 0);
        learn(&table, k, 0);
        learn(&table, station(1, 0), 0);
        let other = {
            let table = table.clone();
            thread::spawn(move || {
                assert_eq!(learn(&table, k, 1), Learn::Moved { from: 0 });
                table.flush_port(0);
            })
        };
        let seen = port_of(&table, k);
        assert!(matches!(seen, Some(0 | 1)), "{seen:?}");
        other.join().unwrap();
        assert_eq!(port_of(&table, k), Some(1));
        table.audit();
    });
}

#[test]
fn a_flush_of_a_vlan_comes_before_or_after_a_learner() {
    check(WEAK, || {
        let table = table();
        let (flushed, new) = (station(0, 0), station(0, 1));
        learn(&table, flushed, 0);
        let learner = {
            let table = table.clone();
            thread::spawn(move || learn(&table, new, 0))
        };
        table.flush_vlan(VLAN);
        assert_eq!(port_of(&table, flushed), None, "a flush is in force when it returns");
        assert_eq!(learner.join().unwrap(), Learn::New);
        let after = port_of(&table, new);
        table.audit();
        for _ in 0..3 {
            sweep(&table);
        }
        assert_eq!((table.audit(), port_of(&table, new)), (usize::from(after.is_some()), after));
    });
}

#[test]
fn a_static_station_is_found_while_its_vlan_is_flushed() {
    check(WEAK, || {
        let table = table();
        let k = station(0, 0);
        table.insert_static(VLAN, k, 2).unwrap();
        let reader = {
            let table = table.clone();
            thread::spawn(move || (port_of(&table, k), learn(&table, k, 1)))
        };
        table.flush_vlan(VLAN);
        sweep(&table);
        let seen = reader.join().unwrap();
        assert_eq!(seen, (Some(2), Learn::Static { port: 2 }));
        table.audit();
        for _ in 0..3 {
            sweep(&table);
        }
        assert_eq!((port_of(&table, k), table.audit()), (Some(2), 1));
    });
}

#[test]
fn a_static_station_wins_over_whoever_learns_it() {
    for is_known in [false, true] {
        check(SEQUENTIAL, move || {
            let table = table();
            let k = station(0, 0);
            if is_known {
                learn(&table, k, 1);
            }
            let learner = {
                let table = table.clone();
                thread::spawn(move || learn(&table, k, 0))
            };
            assert_eq!(table.insert_static(VLAN, k, 2), Ok(()));
            assert_eq!(port_of(&table, k), Some(2), "from the moment that it returns");
            let outcome = learner.join().unwrap();
            let right = matches!(
                outcome,
                Learn::New
                    | Learn::Moved { from: 1 }
                    | Learn::Static { port: 2 }
                    | Learn::Declined(Decline::Contended)
            );
            assert!(right, "{outcome:?}");
            assert_eq!((port_of(&table, k), table.audit(), table.len()), (Some(2), 1, 1));
        });
    }
}

#[test]
fn a_station_in_its_second_bucket_is_found_while_sweeps_would_take_the_mark() {
    check(SEQUENTIAL, || {
        // The first bucket has a mark that nobody needs any more.
        let table = crowded();
        assert!(table.remove(VLAN, station(0, 1)));
        let k = station(0, 2);
        let sweeper = {
            let table = table.clone();
            thread::spawn(move || sweep(&table))
        };
        // A sweeper who is looking at the mark keeps it from being used.
        let port = match learn(&table, k, 0) {
            Learn::New => Some(0),
            outcome => (outcome != Learn::Declined(Decline::Contended)).then(|| panic!("{outcome:?}")),
        };
        assert_eq!(port_of(&table, k), port);
        sweeper.join().unwrap();
        assert_eq!((port_of(&table, k), table.audit()), (port, 1 + usize::from(port.is_some())));
    });
}

#[test]
fn a_station_in_its_second_bucket_is_found_while_others_come_and_go_there() {
    check(SEQUENTIAL, || {
        let table = crowded();
        let (stays, leaves) = (station(0, 2), station(0, 3));
        learn(&table, stays, 0);
        learn(&table, leaves, 0);
        assert_eq!(place_of(&table, stays).map(|(bucket, _)| bucket), Some(1));
        assert!(table.remove(VLAN, station(0, 1)));
        let sweeper = {
            let table = table.clone();
            thread::spawn(move || sweep(&table))
        };
        let remover = {
            let table = table.clone();
            thread::spawn(move || table.remove(VLAN, leaves))
        };
        assert_eq!(port_of(&table, stays), Some(0));
        assert!(remover.join().unwrap());
        sweeper.join().unwrap();
        assert_eq!((port_of(&table, stays), table.audit()), (Some(0), 2));
    });
}

#[test]
fn a_readers_port_is_its_own_when_the_binding_gets_another_port() {
    check(WEAK, || {
        let table = table();
        let (old, new) = (station(0, 0), station(1, 0));
        learn(&table, old, 0);
        // Begins when it likes: before the flush, or when the sweep that counts has begun.
        let reader = {
            let table = table.clone();
            thread::spawn(move || port_of(&table, old))
        };
        table.flush_port(0);
        sweep(&table);
        sweep(&table);
        learn(&table, new, 1);
        let seen = reader.join().unwrap();
        assert!(matches!(seen, Some(0) | None), "{seen:?}");
        table.audit();
    });
}

#[test]
fn a_stalled_learner_does_not_write_a_binding_that_has_another_port() {
    check(WEAK, || {
        let table = table();
        let (first, late, other) = (station(0, 0), station(0, 1), station(1, 0));
        learn(&table, first, 0);
        let control = {
            let table = table.clone();
            thread::spawn(move || {
                table.flush_port(0);
                sweep(&table);
                sweep(&table);
                assert_eq!(learn(&table, other, 1), Learn::New);
            })
        };
        learn(&table, late, 0);
        control.join().unwrap();
        let seen = port_of(&table, late);
        assert!(matches!(seen, Some(0) | None), "{seen:?}");
        assert_eq!(port_of(&table, other), Some(1));
        table.audit();
        for _ in 0..3 {
            sweep(&table);
        }
        assert_eq!(table.audit(), table.len());
    });
}

#[test]
fn a_readers_vlan_is_its_own_when_the_filtering_id_gets_another_vlan() {
    check(WEAK, || {
        let table = table();
        let k = station(0, 0);
        learn(&table, k, 0);
        let control = {
            let table = table.clone();
            thread::spawn(move || {
                table.flush_vlan(VLAN);
                sweep(&table);
                sweep(&table);
                let session = table.session(1);
                session.learn(&session.probe(OTHER_VLAN, k), 1);
            })
        };
        let seen = port_of(&table, k);
        assert!(matches!(seen, Some(0) | None), "{seen:?}");
        control.join().unwrap();
        assert_eq!(port_at(&table, 1, OTHER_VLAN, k), Some(1));
        table.audit();
    });
}

#[test]
fn a_stalled_learner_does_not_write_into_another_vlan() {
    check(WEAK, || {
        let table = table();
        let (first, late) = (station(0, 0), station(0, 1));
        learn(&table, first, 0);
        let control = {
            let table = table.clone();
            thread::spawn(move || {
                table.flush_vlan(VLAN);
                sweep(&table);
                sweep(&table);
                let session = table.session(1);
                assert_eq!(session.learn(&session.probe(OTHER_VLAN, first), 1), Learn::New);
            })
        };
        learn(&table, late, 0);
        control.join().unwrap();
        assert_eq!(port_at(&table, 1, OTHER_VLAN, late), None);
        assert_eq!(port_at(&table, 1, OTHER_VLAN, first), Some(1));
        table.audit();
        for _ in 0..3 {
            sweep(&table);
        }
        assert_eq!(table.audit(), table.len());
    });
}

#[test]
fn a_limit_holds_against_two_learners() {
    check(WEAK, || {
        let table = table();
        table.set_port_limit(0, Some(1));
        let (a, b) = (station(0, 0), station(1, 0));
        let other = {
            let table = table.clone();
            thread::spawn(move || learn(&table, b, 0))
        };
        let outcomes = [learn(&table, a, 0), other.join().unwrap()];
        let new = outcomes.iter().filter(|outcome| matches!(outcome, Learn::New)).count();
        let declined =
            outcomes.iter().filter(|outcome| **outcome == Learn::Declined(Decline::PortLimit)).count();
        assert_eq!((new, declined), (1, 1), "{outcomes:?}");
        assert_eq!(table.audit(), 1);
    });
}

#[test]
fn a_station_is_found_while_the_ageing_time_changes() {
    check(WEAK, || {
        let table = table();
        let k = station(0, 0);
        learn_at(&table, 1, k, 0);
        let other = {
            let table = table.clone();
            thread::spawn(move || {
                table.set_ageing_time(400, 512_000);
                table.sweep(400, 2, |_| {});
            })
        };
        assert_eq!(port_at(&table, 400, VLAN, k), Some(0));
        learn_at(&table, 400, k, 0);
        other.join().unwrap();
        table.sweep(400, 2, |_| {});
        assert_eq!(port_at(&table, 500_000, VLAN, k), Some(0));
        assert_eq!(port_at(&table, 520_000, VLAN, k), None);
        assert_eq!(table.audit(), 1);
    });
}

fn sight(table: &MacTable, now: u64, mac: [u8; 6], port: u16) -> Sighting {
    let session = table.session(now).with_renewal(Renewal::Hit);
    session.sight(&session.probe(VLAN, mac), port)
}

/// Is there an entry of the address, seen at `now` at the latest, and is it hit?
fn hit_and_age(table: &MacTable, now: u64) -> Option<(bool, u64)> {
    table.iter(now).next().map(|record| (record.is_hit, record.age))
}

#[test]
fn a_hit_counts_for_the_renewal_under_way_or_for_the_next() {
    check(WEAK, || {
        let table = table();
        let mac = station(0, 0);
        assert_eq!(learn_at(&table, 1, mac, 3), Learn::New);
        assert_eq!(sight(&table, 1, mac, 3), Sighting::Hit);
        let agent = {
            let table = table.clone();
            thread::spawn(move || table.renew(5, |_, _, _| true))
        };
        let sighting = sight(&table, 1, mac, 3);
        assert_eq!(agent.join().unwrap(), 1);
        let hit = match sighting {
            Sighting::Current => false,
            Sighting::Hit => true,
            other => panic!("{other:?}"),
        };
        assert_eq!(hit_and_age(&table, 5), Some((hit, 0)));
        table.audit();
    });
}

#[test]
fn a_hit_does_not_undo_a_move() {
    check(WEAK, || {
        let table = table();
        let mac = station(0, 0);
        learn_at(&table, 1, mac, 3);
        let other = {
            let table = table.clone();
            thread::spawn(move || learn_at(&table, 2, mac, 2))
        };
        let sighting = sight(&table, 1, mac, 3);
        assert_eq!(other.join().unwrap(), Learn::Moved { from: 3 });
        let moved = Sighting::Elsewhere { port: 2, is_static: false };
        assert!(sighting == Sighting::Hit || sighting == moved, "{sighting:?}");
        assert_eq!((port_of(&table, mac), hit_and_age(&table, 2)), (Some(2), Some((false, 0))));
        table.audit();
    });
}

#[test]
fn a_renewal_leaves_a_station_that_moves_where_the_move_puts_it() {
    check(WEAK, || {
        let table = table();
        let mac = station(0, 0);
        learn_at(&table, 1, mac, 3);
        sight(&table, 1, mac, 3);
        let worker = {
            let table = table.clone();
            thread::spawn(move || learn_at(&table, 7, mac, 2))
        };
        let renewed = table.renew(5, |_, _, port| {
            assert_eq!(port, 3, "the move takes the hit away");
            true
        });
        assert_eq!(worker.join().unwrap(), Learn::Moved { from: 3 });
        assert!(renewed <= 1);
        assert_eq!((port_of(&table, mac), hit_and_age(&table, 7)), (Some(2), Some((false, 0))));
        table.audit();
    });
}

#[test]
fn a_renewal_and_a_flush_leave_no_entry_behind() {
    check(WEAK, || {
        let table = table();
        let mac = station(0, 0);
        learn_at(&table, 1, mac, 3);
        sight(&table, 1, mac, 3);
        let worker = {
            let table = table.clone();
            thread::spawn(move || sight(&table, 1, mac, 3))
        };
        table.flush_port(3);
        assert_eq!(table.renew(5, |_, _, _| true), 0, "the flush is in force");
        let sighting = worker.join().unwrap();
        assert!(matches!(sighting, Sighting::Current | Sighting::Unknown), "{sighting:?}");
        assert_eq!(port_of(&table, mac), None);
        sweep(&table);
        assert_eq!(table.audit(), 0);
    });
}

#[test]
fn a_list_of_all_stations_has_one_that_moves_off_a_flushed_port() {
    check(WEAK, || {
        let table = table();
        let k = station(0, 0);
        learn(&table, k, 0);
        learn(&table, station(1, 0), 0);
        let other = {
            let table = table.clone();
            thread::spawn(move || {
                assert_eq!(learn(&table, k, 1), Learn::Moved { from: 0 });
                table.flush_port(0);
            })
        };
        let listed =
            table.iter(1).filter(|record| record.mac == k).map(|record| record.port).collect::<Vec<_>>();
        assert!(matches!(listed[..], [0 | 1]), "{listed:?}");
        other.join().unwrap();
    });
}

#[test]
fn a_learner_at_a_seat_does_not_write_a_binding_that_has_another_port() {
    check_large(WEAK, || {
        let table = table();
        let (first, late, other) = (station(0, 0), station(0, 1), station(1, 0));
        learn(&table, first, 0);
        let mut seat = table.seat();
        let control = {
            let table = table.clone();
            thread::spawn(move || {
                table.flush_port(0);
                sweep(&table);
                sweep(&table);
                assert_eq!(learn(&table, other, 1), Learn::New);
            })
        };
        {
            let session = table.session_at(&mut seat, 1);
            session.learn(&session.probe(VLAN, late), 0);
        }
        drop(seat);
        control.join().unwrap();
        let seen = port_of(&table, late);
        assert!(matches!(seen, Some(0) | None), "{seen:?}");
        assert_eq!(port_of(&table, other), Some(1));
        table.audit();
        for _ in 0..3 {
            sweep(&table);
        }
        assert_eq!(table.audit(), table.len());
    });
}

/// What every reuse of an id rests on, by itself: in a session that began before the change was seen, nothing is seen of
/// what is done after the grace period, and all that it did is seen by then.
#[test]
fn a_grace_period_outlasts_every_session_that_may_not_have_seen_what_came_before_it() {
    #[derive(Clone, Copy, PartialEq)]
    enum Between {
        Counted,
        Awake,
        Rested,
        AnotherSeat,
    }
    for between in [Between::Counted, Between::Awake, Between::Rested, Between::AnotherSeat] {
        check_within(3, WEAK, move || {
            let table = table();
            let words = Arc::new([0; 4].map(loom::sync::atomic::AtomicU32::new));
            let [changed, reused, ..] = &*words;
            let mut seat = table.seat();
            let reader = {
                let (table, words) = (table.clone(), words.clone());
                thread::spawn(move || {
                    let [changed, reused, traces @ ..] = &*words;
                    let visit = |trace: &loom::sync::atomic::AtomicU32| {
                        let saw_change = changed.load(Ordering::Relaxed) == 1;
                        if !saw_change {
                            trace.store(1, Ordering::Relaxed);
                            assert_eq!(reused.load(Ordering::Relaxed), 0, "before all sessions have ended");
                        }
                        !saw_change
                    };
                    let mut left = [false; 2];
                    for (trace, left) in traces.iter().zip(&mut left) {
                        *left = if between == Between::Counted {
                            let _session = table.session(1);
                            visit(trace)
                        } else {
                            let _session = table.session_at(&mut seat, 1);
                            visit(trace)
                        };
                        match between {
                            Between::Rested => seat.rest(),
                            Between::AnotherSeat => seat = table.seat(),
                            Between::Counted | Between::Awake => {}
                        }
                    }
                    left
                })
            };
            changed.store(1, Ordering::Relaxed);
            let mut period = GracePeriod::default();
            let traces = (0..3).find_map(|_| {
                table.is_over(&mut period).then(|| {
                    reused.store(1, Ordering::Relaxed);
                    [2, 3].map(|trace: usize| words[trace].load(Ordering::Relaxed) == 1)
                })
            });
            let left = reader.join().unwrap();
            if let Some(seen) = traces {
                for (left, seen) in left.into_iter().zip(seen) {
                    assert!(seen || !left, "what a session did is not seen after the grace period");
                }
            }
        });
    }
}

#[test]
fn a_seat_that_is_taken_during_a_wait_is_no_gap_in_it() {
    check(WEAK, || {
        let table = table();
        let (old, new) = (station(0, 0), station(1, 0));
        learn(&table, old, 0);
        let control = {
            let table = table.clone();
            thread::spawn(move || {
                table.flush_port(0);
                sweep(&table);
                sweep(&table);
                learn(&table, new, 1);
            })
        };
        let mut seat = table.seat();
        let session = table.session_at(&mut seat, 1);
        let seen = session.lookup(&session.probe(VLAN, old)).map(|entry| entry.port);
        assert!(matches!(seen, Some(0) | None), "{seen:?}");
        control.join().unwrap();
    });
}

/// A single key is answered by itself, two are answered together.
const BATCHES: [usize; 2] = [1, 2];

#[test]
fn a_batch_finds_stations_that_move_off_a_port_while_that_is_flushed() {
    for count in BATCHES {
        check(WEAK, move || {
            let table = crowded();
            let (k, far) = (station(1, 0), station(0, 2));
            learn(&table, far, 2);
            assert_eq!(place_of(&table, far).map(|(bucket, _)| bucket), Some(1), "in its second bucket");
            learn(&table, k, 3);
            let other = {
                let table = table.clone();
                thread::spawn(move || {
                    assert_eq!(learn(&table, k, 1), Learn::Moved { from: 3 });
                    table.flush_port(3);
                })
            };
            let (keys, mut ports) = ([k, far].map(|mac| Key::from_octets(VLAN, mac)), [UNKNOWN, 2]);
            table.session(1).lookup_ports(&keys[..count], &mut ports[..count]);
            assert!(matches!(ports, [1 | 3, 2]), "{ports:?}");
            other.join().unwrap();
            table.audit();
        });
    }
}

#[test]
fn a_batch_takes_no_vlans_entries_for_anothers() {
    for count in BATCHES {
        check(WEAK, move || {
            let table = table();
            let k = station(0, 0);
            learn(&table, k, 0);
            let control = {
                let table = table.clone();
                thread::spawn(move || {
                    table.flush_vlan(VLAN);
                    sweep(&table);
                    sweep(&table);
                    let session = table.session(1);
                    session.learn(&session.probe(OTHER_VLAN, k), 1);
                })
            };
            let mut ports = [UNKNOWN; 2];
            table.session(1).lookup_ports(&[Key::from_octets(VLAN, k); 2][..count], &mut ports[..count]);
            assert!(matches!(ports, [0 | UNKNOWN, 0 | UNKNOWN]), "{ports:?}");
            control.join().unwrap();
        });
    }
}

#[test]
fn who_is_evicted_is_gone_and_who_came_is_there_once() {
    for when_full in [WhenFull::EvictOldest, WhenFull::EvictLargestPort] {
        check_large(SEQUENTIAL, move || {
            let table = full(when_full);
            let (old, young, new) = (station(0, 0), station(0, 1), station(0, 2));
            let other = {
                let table = table.clone();
                thread::spawn(move || learn_at(&table, 10, new, 1))
            };
            let refreshed = learn_at(&table, 10, old, 0);
            let learned = other.join().unwrap();
            assert!(table.audit() <= 2, "never more than the capacity");
            assert_eq!(port_at(&table, 10, VLAN, new), (learned == Learn::New).then_some(1), "{learned:?}");
            for mac in [old, young] {
                let seen = port_at(&table, 10, VLAN, mac);
                assert!(matches!(seen, Some(0) | None), "{seen:?} after {refreshed:?}, {learned:?}");
            }
        });
    }
}

#[test]
fn two_who_evict_at_once_do_not_both_fit_into_one_place() {
    check_large(SEQUENTIAL, || {
        let table = full(WhenFull::EvictOldest);
        let other = {
            let table = table.clone();
            thread::spawn(move || learn_at(&table, 10, station(0, 2), 1))
        };
        let outcomes = [learn_at(&table, 10, station(0, 3), 2), other.join().unwrap()];
        assert_eq!(table.audit(), table.len());
        assert!(table.len() <= 2, "{outcomes:?}");
        for (n, port, outcome) in [(3, 2, outcomes[0]), (2, 1, outcomes[1])] {
            let seen = port_at(&table, 10, VLAN, station(0, n));
            // Who came first may have been evicted by who came second.
            assert!(seen.is_none() || (seen == Some(port) && outcome == Learn::New), "{seen:?} {outcomes:?}");
        }
    });
}

/// Two stations on port 0, the second seen later, and no room for a third.
fn full(when_full: WhenFull) -> Arc<MacTable> {
    let config = Config { when_full, capacity: 2, ..shape() };
    let table = Arc::new(MacTable::new(&config).unwrap());
    assert_eq!(learn_at(&table, 1, station(0, 0), 0), Learn::New);
    assert_eq!(learn_at(&table, 5, station(0, 1), 0), Learn::New);
    table
}
