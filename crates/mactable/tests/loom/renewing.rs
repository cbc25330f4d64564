//! Hit bits and renewal.

use crate::model::{VLAN, WEAK, check, learn_at, port_of, station, sweep, table};
use greylag_mactable::{Learn, MacTable, Renewal, Sighting};
use loom::thread;

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
