//! The imitated chip: places are taken and given back with the entries that they are for.

use crate::model::{VLAN, WEAK, check, learn, shape, station};
use greylag_mactable::{ChipHash, Config, Decline, Geometry, Learn, MacTable};
use loom::sync::Arc;
use loom::thread;

/// A chip with a single bucket of one place.
fn narrow() -> Arc<MacTable> {
    let geometry = Some(Geometry { buckets: 1, depth: 1, hash: ChipHash::Crc32 });
    Arc::new(MacTable::new(&Config { capacity: 4, geometry, ..shape() }).unwrap())
}

#[test]
fn two_learners_do_not_both_take_the_last_place_of_a_chips_bucket() {
    check(WEAK, || {
        let table = narrow();
        let other = {
            let table = table.clone();
            thread::spawn(move || learn(&table, station(1, 0), 1))
        };
        let outcomes = [learn(&table, station(0, 0), 0), other.join().unwrap()];
        let new = outcomes.iter().filter(|outcome| **outcome == Learn::New).count();
        let full = Learn::Declined(Decline::ChipBucketFull);
        assert_eq!((new, outcomes.contains(&full)), (1, true), "{outcomes:?}");
        assert_eq!(table.audit(), 1);
    });
}

#[test]
fn a_place_in_a_chips_bucket_is_given_back_once() {
    check(WEAK, || {
        let table = narrow();
        let (old, new) = (station(0, 0), station(1, 0));
        learn(&table, old, 0);
        let remover = {
            let table = table.clone();
            thread::spawn(move || table.remove(VLAN, old))
        };
        let outcome = learn(&table, new, 1);
        assert!(matches!(outcome, Learn::New | Learn::Declined(Decline::ChipBucketFull)), "{outcome:?}");
        assert!(remover.join().unwrap());
        assert_eq!(table.audit(), usize::from(outcome == Learn::New));
        // One place is there again, and no more than one.
        table.remove(VLAN, new);
        assert_eq!(learn(&table, old, 0), Learn::New);
        assert_eq!(learn(&table, new, 1), Learn::Declined(Decline::ChipBucketFull));
    });
}
