//! Grace periods under loom: a writer and a reader in every order that the bound on preemptions permits, and every value that the memory
//! model lets a load return.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release -p greylag-fib --test loom`; `LOOM_MAX_PREEMPTIONS=4` looks deeper.
#![cfg(loom)]

use greylag_fib::model::{GracePeriods, Reading};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::AtomicUsize;
use loom::thread;
use std::sync::atomic::{AtomicU64, Ordering};

/// The word above two nodes, of which it names one, and the nodes. They are no atomics: loom says so if one is read and written with nothing in
/// order between the two. In the table that would be two forms of one memory, halves and words.
struct Table {
    grace: GracePeriods,
    word: AtomicUsize,
    nodes: [UnsafeCell<u64>; 2],
}

// SAFETY: loom watches every access.
unsafe impl Sync for Table {}

impl Table {
    fn new() -> Arc<Self> {
        let nodes = [1, 1].map(UnsafeCell::new);
        Arc::new(Table { grace: GracePeriods::default(), word: AtomicUsize::new(0), nodes })
    }

    /// A look-up: what the word says may be read until the session ends.
    fn look_up(&self, reader: &mut Reading) {
        self.grace.session(reader, || {
            let node = self.word.load(Ordering::Acquire);
            // SAFETY: in a session, which is what is checked.
            let read = self.nodes[node].with(|node| unsafe { *node });
            assert_eq!(read, 1, "a node that is being used for something else");
        });
    }

    /// A change: the other node is shown, and the first taken out. Gives the epoch of that time.
    fn change(&self, node: usize) -> u64 {
        self.word.store(node, Ordering::Release);
        self.grace.epoch()
    }

    /// Uses a node for something else if its grace period is over, and makes it whole again.
    fn use_again_if_free(&self, node: usize, taken_out: u64) -> bool {
        let is_free = taken_out < self.grace.advance();
        if is_free {
            for value in [9, 1] {
                // SAFETY: nobody can read it any more, which is what is checked.
                self.nodes[node].with_mut(|node| unsafe { *node = value });
            }
        }
        is_free
    }
}

/// Checks every execution with at most three preemptions, unless `LOOM_MAX_PREEMPTIONS` says otherwise.
fn check(model: impl Fn() + Send + Sync + 'static) {
    let executions = std::sync::Arc::new(AtomicU64::new(0));
    let mut builder = loom::model::Builder::new();
    let preemptions = *builder.preemption_bound.get_or_insert(3);
    let count = std::sync::Arc::clone(&executions);
    builder.check(move || {
        count.fetch_add(1, Ordering::Relaxed);
        model();
    });
    let all = executions.load(Ordering::Relaxed);
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    eprintln!("{test}: {all} executions, preemptions {preemptions}");
}

#[test]
fn a_node_is_not_used_again_while_a_session_may_be_at_it() {
    check(|| {
        let table = Table::new();
        let mut seat = table.grace.reader();
        let reader = {
            let table = table.clone();
            thread::spawn(move || {
                table.look_up(&mut seat);
                table.look_up(&mut seat);
            })
        };
        let taken_out = table.change(1);
        let _ = table.use_again_if_free(0, taken_out) || table.use_again_if_free(0, taken_out);
        reader.join().unwrap();
        assert!(table.use_again_if_free(0, taken_out), "nobody reads any more");
    });
}

/// The node that was taken out is shown again, with something else in it: a reader that believed an old epoch would keep nobody from that.
#[test]
fn what_is_taken_out_twice_is_waited_for_twice() {
    check(|| {
        let table = Table::new();
        let mut seat = table.grace.reader();
        let reader = {
            let table = table.clone();
            thread::spawn(move || table.look_up(&mut seat))
        };
        for (old, new) in [(0, 1), (1, 0)] {
            let taken_out = table.change(new);
            if !table.use_again_if_free(old, taken_out) {
                break;
            }
        }
        reader.join().unwrap();
    });
}

#[test]
fn a_reader_that_comes_or_goes_meanwhile_is_waited_for_as_long_as_it_reads() {
    check(|| {
        let table = Table::new();
        let mut leaving = table.grace.reader();
        let reader = {
            let table = table.clone();
            thread::spawn(move || {
                table.look_up(&mut leaving);
                drop(leaving);
                let mut coming = table.grace.reader();
                table.look_up(&mut coming);
            })
        };
        let taken_out = table.change(1);
        let _ = table.use_again_if_free(0, taken_out) || table.use_again_if_free(0, taken_out);
        reader.join().unwrap();
    });
}
