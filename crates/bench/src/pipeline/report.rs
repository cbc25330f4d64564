//! The figures of the pipeline, and their form in JSON, which is stable: names stay, and new ones may be added.

use super::PipelinePlan;
use super::stage::Layer;
use crate::machine::Machine;
use crate::report::{LineRates, Spread};
use serde::{Deserialize, Serialize};

/// What was measured, and on what. Rates are per second, times in nanoseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PipelineReport {
    /// What the figures are of: always `pipeline in memory, 64-byte frames`.
    pub scope: String,
    /// Where.
    pub machine: Machine,
    /// Runs of which the median counts.
    pub runs: usize,
    /// Milliseconds measured in each run, at least.
    pub milliseconds: u64,
    /// `false` when it was interrupted.
    pub is_complete: bool,
    /// One worker: one for each layer, size and batch.
    pub figures: Vec<PipelineFigure>,
    /// Several workers.
    pub workers: Vec<ScalingFigure>,
}

/// One worker on one core.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PipelineFigure {
    /// Bridged or routed.
    pub layer: Layer,
    /// Stations on each side, or prefixes.
    pub entries: usize,
    /// Frames in a batch.
    pub batch: usize,
    /// Measured in each run: more than was asked for where runs lay far apart.
    pub milliseconds: u64,
    /// Frames through the whole pipeline, of a second of the core's time.
    pub rate: Spread,
    /// The same over the frame rate of a line.
    pub line_rate: LineRates,
    /// Time for a frame through the tap of a running switch, for whoever traces or captures, while nobody does: over the time without any
    /// tap in the same run.
    pub tap_off: Spread,
    /// In their order.
    pub stages: Vec<StageFigure>,
    /// Frames that were measured, over all stages and runs.
    pub frames: u64,
    /// What they have written to memory that workers share.
    pub shared_writes: u64,
    /// Share of the time in which the thread had its core, the least of the runs.
    pub core_share: f64,
}

/// A stage, for one frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StageFigure {
    /// What it is.
    pub stage: String,
    /// What it takes: the difference of two medians.
    pub nanoseconds: f64,
    /// What a frame takes that goes so far: the median.
    pub until: f64,
}

/// Several workers, each on a core of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ScalingFigure {
    /// Bridged or routed.
    pub layer: Layer,
    /// Stations on each side, or prefixes.
    pub entries: usize,
    /// Workers.
    pub workers: u16,
    /// Measured in each run, as for one worker.
    pub milliseconds: u64,
    /// Frames of all of them, of a second of each core's time.
    pub rate: Spread,
    /// The same over the frame rate of a line.
    pub line_rate: LineRates,
    /// Over one worker alone in the same run.
    pub over_one: Spread,
    /// Over as many switches of one worker each, that share nothing but the machine.
    pub over_apart: Spread,
    /// Frames that were measured.
    pub frames: u64,
    /// What they have written to memory that workers share.
    pub shared_writes: u64,
    /// Share of the time in which threads had their cores, the least of all.
    pub core_share: f64,
}

impl PipelineReport {
    pub(super) fn new(machine: Machine, plan: &PipelinePlan) -> Self {
        PipelineReport {
            scope: "pipeline in memory, 64-byte frames".to_owned(),
            machine,
            runs: plan.runs,
            milliseconds: plan.time.as_millis() as u64,
            is_complete: true,
            figures: Vec::new(),
            workers: Vec::new(),
        }
    }
}
