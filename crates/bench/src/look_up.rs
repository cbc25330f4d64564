//! Look-ups alone.

use crate::key::{ABSENT, BATCH, Batch, Key, MOST};
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
pub(crate) fn misplaced(keys: &[Key], found: &[u16]) -> u16 {
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

/// As [`hits`], with calls of so many keys each.
pub(crate) fn hits_many(
    table: &mut (impl Reader + ?Sized),
    order: &[Batch],
    keys: usize,
    now: u64,
    meter: &mut Meter,
) -> Result<Sample, Wrong> {
    let (mut wrong, mut found) = (0, [ABSENT; MOST]);
    let sample = many(order, keys, meter, |keys| {
        let found = &mut found[..keys.len()];
        table.look_up_many(now, keys, found);
        wrong |= misplaced(keys, found);
    });
    if wrong == 0 { Ok(sample) } else { Err(Wrong::Port) }
}

/// As [`misses`], with calls of so many keys each.
pub(crate) fn misses_many(
    table: &mut (impl Reader + ?Sized),
    order: &[Batch],
    keys: usize,
    now: u64,
    meter: &mut Meter,
) -> Result<Sample, Wrong> {
    let (mut all, mut found) = (ABSENT, [ABSENT; MOST]);
    let sample = many(order, keys, meter, |keys| {
        let found = &mut found[..keys.len()];
        table.look_up_many(now, keys, found);
        all = found.iter().fold(all, |all, found| all & found);
    });
    if all == ABSENT { Ok(sample) } else { Err(Wrong::Ghost) }
}

/// So many keys at a time in turn, for as long as the meter runs.
fn many(order: &[Batch], keys: usize, meter: &mut Meter, mut call: impl FnMut(&[Key])) -> Sample {
    let calls: Vec<&[Key]> = order.as_flattened().chunks_exact(keys).collect();
    let mut turns = Turns::new(&calls);
    meter.repeat(|| {
        for _ in 0..STRIDE {
            call(turns.next());
        }
        STRIDE * keys
    })
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
