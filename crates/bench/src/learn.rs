//! Learning into an empty table.

use crate::key::{ABSENT, BATCH, Batch};
use crate::look_up::misplaced;
use crate::sample::{Meter, Sample};
use crate::table::Table;
use crate::wrong::{Wrong, learned};

/// Fills a table that was emptied, again and again; then checks that everything is there.
pub(crate) fn from_empty(
    table: &mut dyn Table,
    residents: &[Batch],
    now: u64,
    meter: &mut Meter,
) -> Result<Sample, Wrong> {
    let mut outcome = Ok(());
    let sample = meter.accumulate(|stopwatch| {
        table.clear(now);
        stopwatch.run(|| {
            let new = residents.iter().map(|batch| table.learn(now, batch[0].port(), batch)).sum();
            outcome = outcome.and(learned(new, residents.len() * BATCH));
            residents.len() * BATCH
        });
    });
    outcome?;
    all_there(table, residents, now)?;
    Ok(sample)
}

/// Is every resident at its port?
pub(crate) fn all_there(table: &mut dyn Table, residents: &[Batch], now: u64) -> Result<(), Wrong> {
    let mut found = [ABSENT; BATCH];
    for batch in residents {
        table.look_up(now, batch, &mut found);
        if misplaced(batch, &found) != 0 {
            return Err(Wrong::Port);
        }
    }
    Ok(())
}
