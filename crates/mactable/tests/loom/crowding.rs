//! Second buckets and their marks.

use crate::model::{SEQUENTIAL, VLAN, check, crowded, learn, place_of, port_of, station, sweep};
use greylag_mactable::{Decline, Learn};
use loom::thread;

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
