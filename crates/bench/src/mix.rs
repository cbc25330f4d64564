//! What a switch asks of its table: for each frame, is the source known and current, and where is the destination?

use crate::key::{ABSENT, BATCH, Batch, Key, MOST, PORTS};
use crate::look_up::misplaced;
use crate::sample::{Meter, STRIDE, Sample};
use crate::stations::{Frames, LongFrames, Stations, Turns};
use crate::table::{TICK, Table};
use crate::wrong::{Wrong, forgotten, learned};
use std::collections::VecDeque;

/// Frames between two that have a new source.
const NEW_EVERY: usize = 100;

/// Sources are known; time stands still, so that they are current.
pub(crate) fn current(
    table: &mut dyn Table,
    frames: &[Frames],
    now: u64,
    meter: &mut Meter,
) -> Result<Sample, Wrong> {
    let (mut turns, mut found, mut wrong, mut new) = (Turns::new(frames), [ABSENT; BATCH], 0, 0);
    let sample = meter.repeat(|| {
        for _ in 0..STRIDE {
            let Frames { port, sources, destinations } = turns.next();
            new += table.mix(now, *port, sources, destinations, &mut found);
            wrong |= misplaced(destinations, &found);
        }
        STRIDE * BATCH
    });
    learned(new, 0)?;
    if wrong == 0 { Ok(sample) } else { Err(Wrong::Port) }
}

/// As [`current`], with calls of so many frames each.
pub(crate) fn current_many(
    table: &mut dyn Table,
    frames: &[LongFrames],
    now: u64,
    meter: &mut Meter,
) -> Result<Sample, Wrong> {
    let (mut turns, mut found, mut wrong, mut new) = (Turns::new(frames), [ABSENT; MOST], 0, 0);
    let sample = meter.repeat(|| {
        let mut done = 0;
        for _ in 0..STRIDE {
            let LongFrames { port, sources, destinations } = turns.next();
            let found = &mut found[..sources.len()];
            new += table.mix_many(now, *port, sources, destinations, found);
            wrong |= misplaced(destinations, found);
            done += sources.len();
        }
        done
    });
    learned(new, 0)?;
    if wrong == 0 { Ok(sample) } else { Err(Wrong::Port) }
}

/// A tick passes before each round of the residents, so that each source is noted anew.
pub(crate) fn refreshing(
    table: &mut dyn Table,
    frames: &[Frames],
    stations: Stations,
    now: &mut u64,
    meter: &mut Meter,
) -> Result<Sample, Wrong> {
    let (mut turns, mut found, mut wrong, mut new) = (Turns::new(frames), [ABSENT; BATCH], 0, 0);
    let (round, mut left) = (stations.batches(), 0);
    let sample = meter.repeat(|| {
        for _ in 0..STRIDE {
            if left == 0 {
                *now += TICK;
                left = round;
            }
            left -= 1;
            let Frames { port, sources, destinations } = turns.next();
            new += table.mix(*now, *port, sources, destinations, &mut found);
            wrong |= misplaced(destinations, &found);
        }
        STRIDE * BATCH
    });
    // Whoever was not yet a source in this tick is seen now, so that nobody ages while other workloads run.
    for batch in stations.residents() {
        new += table.learn(*now, batch[0].port(), &batch);
    }
    learned(new, 0)?;
    if wrong == 0 { Ok(sample) } else { Err(Wrong::Port) }
}

/// One port's leavers and newcomers, the oldest first.
struct Visitors {
    here: VecDeque<Key>,
    away: VecDeque<Key>,
}

/// Of every hundred frames one has a source that is new, and the oldest that was new at its port is taken out. All leavers
/// are in the table before and after.
pub(crate) fn with_new_sources(
    table: &mut dyn Table,
    frames: &[Frames],
    stations: Stations,
    now: u64,
    meter: &mut Meter,
) -> Result<Sample, Wrong> {
    let of_port = |batches: &mut dyn Iterator<Item = Batch>, port| {
        batches.filter(|batch| batch[0].port() == port).flatten().collect()
    };
    let mut visitors: Vec<Visitors> = (0..PORTS)
        .map(|port| Visitors {
            here: of_port(&mut stations.leavers(), port),
            away: of_port(&mut stations.newcomers(), port),
        })
        .collect();
    let (mut turns, mut found, mut wrong) = (Turns::new(frames), [ABSENT; BATCH], 0);
    let (mut new, mut gone, mut given, mut due) = (0, 0, 0, 0);
    let sample = meter.repeat(|| {
        for _ in 0..STRIDE {
            let Frames { port, sources, destinations } = turns.next();
            due += BATCH;
            let mut swapped;
            let mut batch = sources;
            if due >= NEW_EVERY {
                due -= NEW_EVERY;
                let Visitors { here, away } = &mut visitors[usize::from(*port)];
                let (oldest, newest) = (
                    here.pop_front().expect("as many come as go"),
                    away.pop_front().expect("as many go as come"),
                );
                gone += table.forget(&[oldest]);
                here.push_back(newest);
                away.push_back(oldest);
                swapped = *sources;
                swapped[given % BATCH] = newest;
                batch = &swapped;
                given += 1;
            }
            new += table.mix(now, *port, batch, destinations, &mut found);
            wrong |= misplaced(destinations, &found);
        }
        STRIDE * BATCH
    });
    learned(new, given)?;
    forgotten(gone, given)?;
    if wrong != 0 {
        return Err(Wrong::Port);
    }
    let here: Vec<Key> = visitors.iter().flat_map(|visitors| &visitors.here).copied().collect();
    restore(table, stations, &here, now)?;
    Ok(sample)
}

/// Brings the leavers back in place of those who are here.
pub(crate) fn restore(
    table: &mut dyn Table,
    stations: Stations,
    here: &[Key],
    now: u64,
) -> Result<(), Wrong> {
    forgotten(table.forget(here), here.len())?;
    let back: usize = stations.leavers().map(|batch| table.learn(now, batch[0].port(), &batch)).sum();
    learned(back, stations.batches() / 4 * BATCH)
}
