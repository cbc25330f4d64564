//! What memory gives: lines at random, 32 at a time, with nothing done to them.

use crate::key::BATCH;
use crate::report::{Bound, Spread};
use crate::sample::{Meter, STRIDE};
use crate::words::Words;
use std::hint::black_box;
use std::time::Duration;

/// A cache line.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line([u64; 8]);

/// Lines that are asked for before the first comes again.
const ORDER: usize = 1 << 20;

/// Of memory of so many bytes.
pub(crate) fn measure(entries: usize, bytes: usize, runs: usize, time: Duration) -> Bound {
    let lines = (bytes / size_of::<Line>()).next_power_of_two() / if bytes.is_power_of_two() { 1 } else { 2 };
    // Written, or all of it would be one page of zeros.
    let memory = vec![Line([1; 8]); lines];
    let mut words = Words(entries as u64);
    let order: Vec<[u32; BATCH]> = (0..ORDER.min(lines.max(1 << 16)) / BATCH)
        .map(|_| std::array::from_fn(|_| words.next().expect("words do not end") as u32 & (lines - 1) as u32))
        .collect();
    let rate = |waits| Spread::of((0..runs).map(|_| fetch(&memory, &order, waits, time)).collect());
    Bound { entries, bytes, waiting: rate(true), flowing: rate(false) }
}

/// Lines per second.
fn fetch(memory: &[Line], order: &[[u32; BATCH]], waits: bool, time: Duration) -> f64 {
    // The compiler is not to know what the lines hold.
    let memory = black_box(memory);
    let (mut at, mut seen) = (0, 0u64);
    let mut run = |time| {
        Meter { time, counter: None }.repeat(|| {
            for _ in 0..STRIDE {
                // Zero, which only the lines before this can tell.
                let offset = if waits { (seen >> 63) as usize } else { 0 };
                let line = |line: u32| memory[(line as usize + offset) & (memory.len() - 1)].0[0];
                let these = order[at].iter().fold(0, |bits, &place| bits | line(place));
                seen = if waits { these } else { seen | these };
                at = if at + 1 == order.len() { 0 } else { at + 1 };
            }
            black_box(seen);
            STRIDE * BATCH
        })
    };
    run(time / 4);
    run(time).rate()
}
