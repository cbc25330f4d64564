//! Whole batches.

use crate::model::{
    OTHER_VLAN, SEQUENTIAL, VLAN, WEAK, check, check_large, crowded, is_learned_or_contended, learn,
    place_of, port_of, station, sweep, table,
};
use greylag_mactable::{Key, Learn, MacTable, UNKNOWN};
use loom::sync::Arc;
use loom::thread;

/// So many keys that they are answered one by one, and so many that they are searched for together.
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
fn a_batch_finds_a_static_station_while_its_vlan_is_flushed() {
    check(WEAK, || {
        let table = table();
        let k = station(0, 0);
        table.insert_static(VLAN, k, 2).unwrap();
        let control = {
            let table = table.clone();
            thread::spawn(move || {
                table.flush_vlan(VLAN);
                sweep(&table);
            })
        };
        let mut ports = [UNKNOWN; 2];
        table.session(1).lookup_ports(&[Key::from_octets(VLAN, k); 2], &mut ports);
        assert_eq!(ports, [2; 2], "a static station was missed");
        control.join().unwrap();
        table.audit();
    });
}

#[test]
fn a_batch_finds_a_static_station_that_a_sweep_takes_out_while_the_flush_goes_on() {
    check(WEAK, || {
        let table = table();
        let k = station(0, 0);
        table.insert_static(VLAN, k, 2).unwrap();
        let flusher = {
            let table = table.clone();
            thread::spawn(move || table.flush_vlan(VLAN))
        };
        let sweeper = {
            let table = table.clone();
            thread::spawn(move || sweep(&table))
        };
        let mut ports = [UNKNOWN; 2];
        table.session(1).lookup_ports(&[Key::from_octets(VLAN, k); 2], &mut ports);
        assert_eq!(ports, [2; 2], "a static station was missed");
        flusher.join().unwrap();
        sweeper.join().unwrap();
        table.audit();
    });
}

/// A table whose port 0 has its binding and both of whose VLANs have their filtering ids: a batch takes slots together where
/// there are names to take them under.
fn named() -> Arc<MacTable> {
    let table = table();
    learn(&table, station(1, 3), 0);
    table.remove(VLAN, station(1, 3));
    table
}

/// A batch from port 0 of stations of which each has the bucket of its place to itself: the first is placed, then a slot is held
/// for the second.
fn learn_batch(table: &MacTable, vlan: u16, second: [u8; 6]) -> Vec<Learn> {
    let sources = [(VLAN, station(0, 0)), (vlan, second)].map(|(vlan, mac)| Key::from_octets(vlan, mac));
    let (mut outcomes, session) = (Vec::new(), table.session(1));
    session.settle(0, &sources, |_, probe| outcomes.push(session.learn(probe, 0)));
    outcomes
}

/// A batch counts its new stations in together; what it counted in and did not place is given back.
#[test]
fn a_batch_and_a_learner_keep_to_the_limit_and_leave_the_counts_right() {
    for (vlan, limit) in [(VLAN, Some(2)), (OTHER_VLAN, Some(2)), (VLAN, None)] {
        for rival in [(0, 0), (1, 0), (1, 1)] {
            check_large(SEQUENTIAL, move || {
                let table = named();
                table.set_port_limit(0, limit);
                let other = {
                    let table = table.clone();
                    thread::spawn(move || learn(&table, station(rival.0, rival.1), 0))
                };
                let mut outcomes = learn_batch(&table, vlan, station(1, 0));
                outcomes.push(other.join().unwrap());
                let new = outcomes.iter().filter(|outcome| **outcome == Learn::New).count();
                // What one of them has counted in for a moment may be what the other finds no room for.
                assert!((1..=limit.unwrap_or(3) as usize).contains(&new), "{outcomes:?}");
                assert_eq!((table.audit(), table.port_len(0)), (new, new));
            });
        }
    }
}

/// The other learner saw another station in the slot that the batch holds for the address, and takes the next one.
#[test]
fn a_batch_and_a_learner_who_prefer_different_slots_place_an_address_once() {
    check(SEQUENTIAL, || {
        let table = named();
        let (leaver, k) = (station(1, 1), station(1, 0));
        learn(&table, leaver, 3);
        let other = {
            let table = table.clone();
            thread::spawn(move || {
                assert!(table.remove(VLAN, leaver));
                learn_batch(&table, VLAN, k)[1]
            })
        };
        // Here and not there: so two preemptions suffice for either to be overtaken between its first look and its slot.
        let outcomes = [learn(&table, k, 1), other.join().unwrap()];
        assert!(outcomes.iter().all(|&outcome| is_learned_or_contended(outcome)), "{outcomes:?}");
        table.audit();
    });
}

#[test]
fn two_batches_that_hold_slots_for_each_others_stations_place_each_once() {
    check_large(SEQUENTIAL, || {
        let table = named();
        let other = {
            let table = table.clone();
            thread::spawn(move || learn_batch(&table, VLAN, station(1, 0)))
        };
        let outcomes = [learn_batch(&table, VLAN, station(1, 0)), other.join().unwrap()].concat();
        assert!(outcomes.iter().all(|&outcome| is_learned_or_contended(outcome)), "{outcomes:?}");
        table.audit();
    });
}

/// What was held under the port's binding or the VLAN's id is not shown under another.
#[test]
fn a_slot_that_is_held_during_a_flush_belongs_to_what_was_flushed_or_to_nobody() {
    for is_port in [true, false] {
        check_large(WEAK, move || {
            let table = named();
            let control = {
                let table = table.clone();
                thread::spawn(move || if is_port { table.flush_port(0) } else { table.flush_vlan(VLAN) })
            };
            learn_batch(&table, VLAN, station(1, 0));
            control.join().unwrap();
            table.audit();
            for _ in 0..3 {
                sweep(&table);
            }
            let left = table.audit();
            assert_eq!(table.port_len(0), left);
        });
    }
}

#[test]
fn a_slot_that_is_held_for_nobody_is_given_back() {
    check(WEAK, || {
        let table = named();
        let reader = {
            let table = table.clone();
            thread::spawn(move || port_of(&table, station(1, 0)))
        };
        let sources = [station(0, 0), station(1, 0)].map(|mac| Key::from_octets(VLAN, mac));
        let session = table.session(1);
        session.settle(0, &sources, |at, probe| {
            if at == 0 {
                assert_eq!(session.learn(probe, 0), Learn::New);
            }
        });
        drop(session);
        assert_eq!(reader.join().unwrap(), None, "nobody learned it");
        assert_eq!((table.audit(), table.port_len(0)), (1, 1));
    });
}

/// A slot is held under the binding of the batch's port. An address that is learned on another port, as a caller may, is not
/// shown there.
#[test]
fn a_slot_that_is_held_for_one_port_is_not_shown_for_another() {
    check(WEAK, || {
        let table = named();
        learn(&table, station(1, 3), 1);
        table.remove(VLAN, station(1, 3));
        let reader = {
            let table = table.clone();
            thread::spawn(move || port_of(&table, station(1, 0)))
        };
        let sources = [station(0, 0), station(1, 0)].map(|mac| Key::from_octets(VLAN, mac));
        let session = table.session(1);
        session.settle(0, &sources, |at, probe| {
            assert_eq!(session.learn(probe, at as u16), Learn::New);
        });
        drop(session);
        assert!(matches!(reader.join().unwrap(), None | Some(1)));
        assert_eq!((table.audit(), table.port_len(0), table.port_len(1)), (2, 1, 1));
    });
}

/// The port is flushed while a slot is held under its binding: the batch's own pending word is not in the way of its own
/// address.
#[test]
fn a_slot_that_is_held_under_a_flushed_binding_does_not_contend_with_its_own_address() {
    check(WEAK, || {
        let table = named();
        let reader = {
            let table = table.clone();
            thread::spawn(move || port_of(&table, station(1, 0)))
        };
        let sources = [station(0, 0), station(1, 0)].map(|mac| Key::from_octets(VLAN, mac));
        let session = table.session(1);
        session.settle(0, &sources, |at, probe| {
            if at == 1 {
                table.flush_port(0);
            }
            assert_eq!(session.learn(probe, 0), Learn::New);
        });
        drop(session);
        assert!(matches!(reader.join().unwrap(), None | Some(0)));
        table.audit();
        assert_eq!((table.port_len(0), port_of(&table, station(1, 0))), (1, Some(0)));
    });
}
