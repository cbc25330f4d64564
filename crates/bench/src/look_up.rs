//! Look-ups alone.

use crate::key::{ABSENT, BATCH, Batch};
use crate::sample::{Meter, STRIDE, Sample};
use crate::stations::Turns;
use crate::table::Reader;
use crate::wrong::Wrong;

/// How a batch is looked up.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    Together,
    Each,
}

/// Zero if every key was found at its port.
#[inline]
pub(crate) fn misplaced(keys: &Batch, found: &[u16; BATCH]) -> u16 {
    keys.iter().zip(found).fold(0, |wrong, (key, found)| wrong | (key.port() ^ found))
}

/// Keys that are all there and did not move.
pub(crate) fn hits(
    table: &mut (impl Reader + ?Sized),
    order: &[Batch],
    form: Form,
    now: u64,
    meter: &mut Meter,
) -> Result<Sample, Wrong> {
    let (mut turns, mut found, mut wrong) = (Turns::new(order), [ABSENT; BATCH], 0);
    let sample = meter.repeat(|| {
        for _ in 0..STRIDE {
            let keys = turns.next();
            match form {
                Form::Together => table.look_up(now, keys, &mut found),
                Form::Each => table.look_up_each(now, keys, &mut found),
            }
            wrong |= misplaced(keys, &found);
        }
        STRIDE * BATCH
    });
    if wrong == 0 { Ok(sample) } else { Err(Wrong::Port) }
}

/// Keys of which none is there.
pub(crate) fn misses(
    table: &mut (impl Reader + ?Sized),
    order: &[Batch],
    now: u64,
    meter: &mut Meter,
) -> Result<Sample, Wrong> {
    let (mut turns, mut found, mut all) = (Turns::new(order), [ABSENT; BATCH], ABSENT);
    let sample = meter.repeat(|| {
        for _ in 0..STRIDE {
            table.look_up(now, turns.next(), &mut found);
            all = found.iter().fold(all, |all, found| all & found);
        }
        STRIDE * BATCH
    });
    if all == ABSENT { Ok(sample) } else { Err(Wrong::Ghost) }
}
