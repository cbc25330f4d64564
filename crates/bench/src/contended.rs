//! Readers while another core writes as fast as it can.

use crate::cores;
use crate::instructions::Counter;
use crate::key::{BATCH, Batch, Key, PORTS};
use crate::look_up::{Form, hits};
use crate::mix::restore;
use crate::sample::{Meter, Sample};
use crate::stations::Stations;
use crate::table::Table;
use crate::wrong::{Wrong, forgotten, learned};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// What both cores did.
pub(crate) struct Outcome {
    /// Look-ups with nobody writing.
    pub(crate) undisturbed: Sample,
    /// Look-ups beside the writer.
    pub(crate) reads: Sample,
    /// Learned, moved and taken out on the other core.
    pub(crate) writes: Sample,
}

/// One thread looks up keys that stay, first alone; then this one learns, moves and takes out others beside it, a third
/// each. The reader has the first core, the writer the second.
pub(crate) fn run(
    table: &mut dyn Table,
    order: &[Batch],
    stations: Stations,
    now: u64,
    time: Duration,
    cores: [usize; 2],
) -> Option<Result<Outcome, Wrong>> {
    let mut reader = table.reader()?;
    let (begin, over) = (Barrier::new(2), AtomicBool::new(false));
    let outcome = thread::scope(|scope| {
        let reading = scope.spawn(|| {
            cores::pin(cores[0]);
            let mut meter = Meter { time, counter: Counter::new().ok() };
            let mut look_up = |time| {
                meter.time = time;
                hits(&mut *reader, order, Form::Together, now, &mut meter)
            };
            let undisturbed = look_up(time / 4).and_then(|_| look_up(time));
            begin.wait();
            // The writer has its stride when the second measurement begins.
            let reads = look_up(time / 4).and_then(|_| look_up(time));
            over.store(true, Ordering::Relaxed);
            reader.leave();
            Ok((undisturbed?, reads?))
        });
        cores::pin(cores[1]);
        begin.wait();
        let writing = write(table, stations, now, &over);
        let (undisturbed, reads) = reading.join().expect("a reader does not panic")?;
        Ok(Outcome { undisturbed, reads, writes: writing? })
    });
    cores::pin(cores[0]);
    Some(outcome)
}

/// Writes until it is over, then leaves the table as it was.
fn write(table: &mut dyn Table, stations: Stations, now: u64, over: &AtomicBool) -> Result<Sample, Wrong> {
    let visitors: Vec<Batch> = stations.leavers().chain(stations.newcomers()).collect();
    let here = visitors.len() / 2;
    let at = |batch: usize| &visitors[batch % visitors.len()];
    let (mut oldest, mut new, mut known, mut gone) = (0, 0, 0, 0);
    let sample = Sample::of(|| {
        while !over.load(Ordering::Relaxed) {
            gone += table.forget(at(oldest));
            new += table.learn(now, at(oldest + here)[0].port(), at(oldest + here));
            let mover = at(oldest + here / 2);
            known += BATCH - table.learn(now, (mover[0].port() + 1) % PORTS, mover);
            oldest += 1;
        }
        3 * oldest * BATCH
    });
    for count in [new, known] {
        learned(count, oldest * BATCH)?;
    }
    forgotten(gone, oldest * BATCH)?;
    let present: Vec<Key> = (oldest..oldest + here).flat_map(|batch| *at(batch)).collect();
    restore(table, stations, &present, now)?;
    Ok(sample)
}
