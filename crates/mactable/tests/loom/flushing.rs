//! Flushes, and ids that get another name.

use crate::model::{OTHER_VLAN, VLAN, WEAK, check, learn, port_at, port_of, station, sweep, table};
use greylag_mactable::Learn;
use loom::thread;

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
