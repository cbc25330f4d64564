//! The figures of one run, and their form in JSON.
//!
//! The form is stable: names stay, and new ones may be added. Rates are per second, times in nanoseconds.

use crate::machine::Machine;
use serde::{Deserialize, Serialize};

/// What was measured, on what, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// What the figures are of: always `table alone`. No frame was received, parsed or sent.
    pub scope: String,
    /// Where.
    pub machine: Machine,
    /// How.
    pub method: Method,
    /// Who.
    pub tables: Vec<Competitor>,
    /// How fast: one for each workload, size and table.
    pub figures: Vec<Figure>,
    /// What memory gives, whatever the table: one for each size whose first table can tell its own.
    #[serde(default)]
    pub bounds: Vec<Bound>,
    /// How large: one for each size and table that can tell.
    pub memory: Vec<Memory>,
    /// Results that were wrong. There is no figure for these.
    pub failures: Vec<Failure>,
    /// Tables that could not be measured here.
    pub missing: Vec<Missing>,
}

/// How it was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Method {
    /// Runs of which the median is reported. Tables take turns, so that all of them see the same disturbances.
    pub runs: usize,
    /// Milliseconds measured in each run.
    pub milliseconds: u64,
    /// Keys in a batch, where the workload's name does not say another number: `hit-64` has 64, `hit-each` one.
    pub batch: usize,
    /// VLANs that keys are in, at random.
    pub vlans: u16,
    /// The whole heap is asked to be in huge pages, as our table's memory is, and not that alone.
    pub huge_heap: bool,
    /// The core that is measured.
    pub core: usize,
    /// The core of the other thread, where a workload has one.
    pub other_core: Option<usize>,
}

/// A table that was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Competitor {
    /// Its name.
    pub name: String,
    /// How it was used.
    pub form: String,
    /// May be read by one thread while another writes.
    pub is_concurrent: bool,
}

/// The median of the runs, and how far they lie apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Spread {
    /// The middle one, or the mean of the two in the middle.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The most.
    pub most: f64,
}

impl Spread {
    /// Of at least one value.
    pub(crate) fn of(mut values: Vec<f64>) -> Spread {
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let median =
            if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 };
        Spread { median, least: values[0], most: values[values.len() - 1] }
    }

    /// The furthest run's distance from the median, as a share of it.
    pub fn share(&self) -> f64 {
        (self.most - self.median).max(self.median - self.least) / self.median
    }
}

/// The speed of one table in one workload at one size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Figure {
    /// Name of the workload.
    pub workload: String,
    /// Entries in the table.
    pub entries: usize,
    /// Name of the table.
    pub table: String,
    /// Look-ups, frames or learned keys per second on one core.
    pub rate: Spread,
    /// Nanoseconds for each: the median.
    pub nanoseconds: f64,
    /// Instructions for each: the median. `null` where the machine does not count them.
    pub instructions: Option<f64>,
    /// The median rate over the frame rate of a line.
    pub line_rate: LineRates,
    /// This rate over that of the first table in the same run: the median over the runs. `null` if that failed.
    pub ratio_to_first: Option<f64>,
    /// Share of the time in which the measuring thread had its core: the least of the runs. Rates count only that
    /// time, but caches remember what others did meanwhile.
    pub core_share: f64,
    /// What the writing core did, in workloads that have one.
    pub beside: Option<Beside>,
}

/// A rate in 64-byte frames, each of which takes 84 bytes on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LineRates {
    /// Over 14.88 Mpps.
    #[serde(rename = "10g")]
    pub ten: f64,
    /// Over 148.8 Mpps.
    #[serde(rename = "100g")]
    pub hundred: f64,
    /// Over 595.2 Mpps.
    #[serde(rename = "400g")]
    pub four_hundred: f64,
}

impl LineRates {
    /// Of a rate, per second.
    pub fn of(rate: f64) -> LineRates {
        let over = |gigabits: f64| rate / (gigabits * 1e9 / (84.0 * 8.0));
        LineRates { ten: over(10.0), hundred: over(100.0), four_hundred: over(400.0) }
    }
}

/// Reading while another core writes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Beside {
    /// Keys learned, moved and taken out per second on the other core.
    pub writes: Spread,
    /// Look-ups per second while nobody wrote.
    pub undisturbed: Spread,
    /// Look-ups as a share of undisturbed ones in the same run: the median over the runs.
    pub share: f64,
}

/// Cache lines at random out of as much memory as the first table takes, 32 at a time, and nothing done with them: what to
/// hold the rates of a table with one line to a look-up against. Long calls may pass it a little: they have more than 32 lines on the way.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Bound {
    /// Entries in the table.
    pub entries: usize,
    /// Bytes of memory.
    pub bytes: usize,
    /// Lines per second when the next 32 are known only once these have come, as with a call that answers before the next.
    pub waiting: Spread,
    /// Lines per second when nothing is waited for.
    pub flowing: Spread,
}

/// The size of a full table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Memory {
    /// Entries in the table.
    pub entries: usize,
    /// Name of the table.
    pub table: String,
    /// Bytes for each entry.
    pub bytes_per_entry: f64,
}

/// A table that answered wrongly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Failure {
    /// Name of the workload.
    pub workload: String,
    /// Entries in the table.
    pub entries: usize,
    /// Name of the table.
    pub table: String,
    /// What was wrong.
    pub what: String,
}

/// A table that could not be measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Missing {
    /// Its name.
    pub table: String,
    /// What it needs.
    pub why: String,
}

impl Report {
    /// The figure of a table.
    pub fn figure(&self, workload: &str, entries: usize, table: &str) -> Option<&Figure> {
        self.figures
            .iter()
            .find(|figure| figure.workload == workload && figure.entries == entries && figure.table == table)
    }

    /// The least share that any figure had of its core.
    pub fn core_share(&self) -> f64 {
        self.figures.iter().map(|figure| figure.core_share).fold(1.0, f64::min)
    }

    /// The sizes that were measured, smallest first.
    pub fn sizes(&self) -> Vec<usize> {
        let mut sizes: Vec<usize> = self.figures.iter().map(|figure| figure.entries).collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        let spread = Spread::of(vec![4.0, 1.0, 2.0, 3.0]);
        assert_eq!((spread.median, spread.least, spread.most), (2.5, 1.0, 4.0));
        assert!((spread.share() - 0.6).abs() < 1e-9);
    }

    #[test]
    fn a_line_of_100_gbit_carries_148_8_mpps() {
        let rates = LineRates::of(148_809_523.8);
        assert!((rates.hundred - 1.0).abs() < 1e-6 && (rates.ten - 10.0).abs() < 1e-5, "{rates:?}");
    }
}
