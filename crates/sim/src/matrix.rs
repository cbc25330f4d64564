//! A matrix of replays: the cells of a scenario, such as presets by failures, one after the other, and what of each is put beside
//! the others: who forwards, what is lost and for how long.

use crate::replay::{Options, Outcome, ReplayError, replay};
use greylag_base::{Instant, Seed};
use greylag_scenario::story::{self, Matrix, Scenario};
use greylag_scenario::{FileError, Source};
use serde::Serialize;
use std::time::Duration;

/// What came out of a cell.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cell {
    /// The name of its row.
    pub row: String,
    /// The name of its column.
    pub column: String,
    /// The switches that carry flows at the end.
    pub forwards: Vec<String>,
    /// What is lost, as the time for which all that flows would have to be lost to lose as much: each flow counts by its weight.
    #[serde(rename = "lost-ns", serialize_with = "nanos")]
    pub lost: Duration,
    /// The longest black hole of a flow.
    #[serde(rename = "longest-ns", serialize_with = "nanos")]
    pub longest: Duration,
    /// The share of what flows that is still lost at the end, 0 to 1.
    pub lost_at_the_end: f64,
    /// Frames that reached their receiver again.
    pub duplicates: u64,
    /// Frames that went in circles.
    pub loops: u64,
    /// All that is expected of it holds.
    pub holds: bool,
    /// All of it.
    pub outcome: Outcome,
}

/// A matrix cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum MatrixError {
    /// A cell is not right.
    #[error(transparent)]
    File(#[from] FileError),
    /// A cell cannot be replayed.
    #[error("{row}/{column}: {source}")]
    Replay {
        /// The name of its row.
        row: String,
        /// The name of its column.
        column: String,
        /// Why not.
        source: ReplayError,
    },
}

/// Replays all cells of a scenario's matrix, row by row. `progress` is told how many are done, of how many.
///
/// # Errors
/// Of the first cell that is not right or cannot be replayed.
pub fn replay_all(
    source: &Source,
    base: &Scenario,
    assume: &[(String, String)],
    seed: Seed,
    mut progress: impl FnMut(usize, usize),
) -> Result<Vec<Cell>, MatrixError> {
    let names: Vec<(&str, &str)> = base.matrix.iter().flat_map(Matrix::cells).collect();
    let mut cells = Vec::new();
    // What is wrong with any of them is said before the first is played.
    let choice = |&(row, column): &(&str, &str)| story::parse(source, &Matrix::choice(row, column, assume));
    let scenarios = names.iter().map(choice).collect::<Result<Vec<Scenario>, FileError>>()?;
    for ((row, column), scenario) in names.iter().zip(&scenarios) {
        progress(cells.len(), names.len());
        let outcome = replay(scenario, seed, Options::default()).map_err(|source| MatrixError::Replay {
            row: (*row).to_owned(),
            column: (*column).to_owned(),
            source,
        })?;
        cells.push(Cell::of(row, column, outcome));
    }
    Ok(cells)
}

impl Cell {
    fn of(row: &str, column: &str, outcome: Outcome) -> Self {
        let all: u128 = outcome.flows.iter().map(|flow| u128::from(flow.weight)).sum();
        let holes = || {
            let flows = outcome.flows.iter();
            flows.flat_map(|flow| flow.black_holes.iter().map(move |hole| (flow.weight, hole)))
        };
        let lasted = |from: Instant, until: Instant| until - from;
        let weighted: u128 =
            holes().map(|(weight, hole)| u128::from(weight) * lasted(hole.from, hole.until).as_nanos()).sum();
        let open: u128 = holes().filter(|(_, hole)| !hole.ended).map(|(weight, _)| u128::from(weight)).sum();
        let loops = outcome.violations.iter().filter(|violation| violation.checker == "no-loop");
        let carriers = outcome.carriers.iter().filter(|carrier| carrier.probes > 0);
        Cell {
            row: row.to_owned(),
            column: column.to_owned(),
            forwards: carriers.map(|carrier| carrier.switch.clone()).collect(),
            lost: Duration::from_nanos(u64::try_from(weighted / all.max(1)).unwrap_or(u64::MAX)),
            longest: holes().map(|(_, hole)| lasted(hole.from, hole.until)).max().unwrap_or_default(),
            lost_at_the_end: open as f64 / all.max(1) as f64,
            duplicates: outcome.flows.iter().map(|flow| flow.duplicates).sum(),
            loops: loops.map(|violation| violation.times).sum(),
            holds: outcome.holds,
            outcome,
        }
    }
}

fn nanos<S: serde::Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX))
}
