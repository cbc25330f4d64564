//! Grace periods and seats.

use crate::model::{VLAN, WEAK, check, check_large, check_within, learn, port_of, station, sweep, table};
use greylag_mactable::{GracePeriod, Learn};
use loom::sync::Arc;
use loom::thread;
use std::sync::atomic::Ordering;

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
