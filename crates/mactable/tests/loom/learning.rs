//! Learning and moving against each other.

use crate::model::{
    SEQUENTIAL, VLAN, WEAK, check, check_large, crowded, is_learned_or_contended, learn, learn_at, port_at,
    port_of, sized, station, table,
};
use greylag_mactable::{Decline, Learn, MacTable};
use loom::thread;

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
