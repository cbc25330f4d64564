//! What a reader sees while others write.

use crate::model::{VLAN, WEAK, check, crowded, learn, learn_at, place_of, port_at, port_of, station, table};
use greylag_mactable::Learn;
use loom::sync::Arc;
use loom::thread;
use std::sync::atomic::Ordering;

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
