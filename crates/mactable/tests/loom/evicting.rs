//! Full tables.

use crate::model::{SEQUENTIAL, VLAN, check_large, learn_at, port_at, shape, station};
use greylag_mactable::{Config, Learn, MacTable, WhenFull};
use loom::sync::Arc;
use loom::thread;

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
