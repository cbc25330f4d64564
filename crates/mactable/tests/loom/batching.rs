//! Whole batches.

use crate::model::{
    OTHER_VLAN, VLAN, WEAK, check, check_large, crowded, learn, place_of, station, sweep, table,
};
use greylag_mactable::{Key, Learn, UNKNOWN};
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

/// A batch counts its new stations in together; what it counted in and did not place is given back.
#[test]
fn a_batch_with_credit_and_a_learner_keep_to_the_limit_and_leave_the_counts_right() {
    for (vlan, is_rival) in [(VLAN, false), (VLAN, true), (OTHER_VLAN, false), (OTHER_VLAN, true)] {
        credit_beside_a_learner(vlan, is_rival);
    }
}

/// The second of two stations of a batch is in `vlan`; a rival learns the first, and another learner a third.
fn credit_beside_a_learner(vlan: u16, is_rival: bool) {
    check_large(WEAK, move || {
        let table = table();
        table.set_port_limit(0, Some(2));
        // The port has its binding and the VLAN its filtering id, or the batch would have nothing to count for.
        learn(&table, station(1, 1), 0);
        table.remove(VLAN, station(1, 1));
        let other = {
            let table = table.clone();
            let mac = if is_rival { station(0, 0) } else { station(1, 0) };
            thread::spawn(move || learn(&table, mac, 0))
        };
        let sources =
            [(VLAN, station(0, 0)), (vlan, station(0, 1))].map(|(vlan, mac)| Key::from_octets(vlan, mac));
        let mut outcomes = Vec::new();
        let session = table.session(1);
        session.settle(0, &sources, |_, probe| outcomes.push(session.learn(probe, 0)));
        drop(session);
        outcomes.push(other.join().unwrap());
        let new = outcomes.iter().filter(|outcome| **outcome == Learn::New).count();
        // What one of them has counted in for a moment may be what the other finds no room for.
        assert!((1..=2).contains(&new), "{outcomes:?}");
        assert_eq!((table.audit(), table.port_len(0)), (new, new));
    });
}
