//! The whole pipeline in memory: the worker of the live switch on ports that cost next to nothing.
//!
//! # How stages are measured
//!
//! By leaving out those behind them. Configurations let every frame be dropped one stage later each time, the last not at all,
//! and a stage costs what the time for a frame grows by. So nothing is put into the data plane that would cost
//! something when nobody measures, and the figure of the whole has no clock in it. A frame that is dropped is counted as
//! such: about a nanosecond, which stages before the last have too much and the last too little.

mod report;
mod rig;
mod stage;
mod words;

pub use report::{PipelineFigure, PipelineReport, ScalingFigure, StageFigure};
pub use stage::Layer;

use crate::cores;
use crate::machine::Machine;
use crate::report::{LineRates, Spread};
use crate::sample::{Meter, STRIDE, Sample};
use rig::{Rig, Scene};
use stage::Until;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

/// How often those who take turns within a run have theirs.
const TURNS: u32 = 8;
/// Where runs lie further apart than this share of their median to either side, they are taken anew, twice as long.
const WIDE: f64 = 0.1;
/// So many times as long as was asked for, at most.
const LONGEST: u32 = 4;

/// What to measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipelinePlan {
    /// Bridged, routed or both.
    pub layers: Vec<Layer>,
    /// Stations on each side, or prefixes.
    pub entries: Vec<usize>,
    /// Frames in a batch, up to 64. The first is what sizes and workers are measured with.
    pub batches: Vec<usize>,
    /// The most workers, each on a core of its own.
    pub workers: u16,
    /// Runs of which the median counts; at least one.
    pub runs: usize,
    /// Measured in each run.
    pub time: Duration,
}

/// Why there are no figures.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PipelineError {
    /// The tables cannot be as large.
    #[error("{0} entries: no table of the data plane is as large as that")]
    Size(usize),
    /// There are fewer cores than workers.
    #[error("{workers} workers need a core each, and this process may use {cores}")]
    Cores {
        /// Workers that were asked for.
        workers: u16,
        /// Cores that there are.
        cores: usize,
    },
    /// A frame did not go where it should: the figures would be of something else.
    #[error("frames went astray: of {received} received, {sent} were sent and {dropped} dropped ({reasons})")]
    Strayed {
        /// Frames that came in.
        received: u64,
        /// That left.
        sent: u64,
        /// That did not.
        dropped: u64,
        /// Why not.
        reasons: String,
    },
    /// The person in front of the terminal has enough.
    #[error("interrupted")]
    Interrupted,
}

/// Measures. `progress` is told what comes next, and says whether to go on. What there is by then is in the report, unless it is nothing.
///
/// # Errors
/// When the machine or the data plane does not have what the plan asks for, and when frames go astray.
pub fn measure(
    plan: &PipelinePlan,
    progress: &mut dyn FnMut(&str) -> bool,
) -> Result<PipelineReport, PipelineError> {
    let cores = cores::allowed();
    if usize::from(plan.workers) > cores.len() {
        return Err(PipelineError::Cores { workers: plan.workers, cores: cores.len() });
    }
    cores::pin(cores[0]);
    let mut report = PipelineReport::new(Machine::this(cores.len()), plan);
    let measured = fill(plan, &cores, &mut report, progress);
    match measured {
        Err(PipelineError::Interrupted) if !report.figures.is_empty() => report.is_complete = false,
        result => result?,
    }
    Ok(report)
}

fn fill(
    plan: &PipelinePlan,
    cores: &[usize],
    report: &mut PipelineReport,
    progress: &mut dyn FnMut(&str) -> bool,
) -> Result<(), PipelineError> {
    let mut go_on = |what: String| match progress(&what) {
        true => Ok(()),
        false => Err(PipelineError::Interrupted),
    };
    for &layer in &plan.layers {
        for &entries in &plan.entries {
            for (at, &batch) in plan.batches.iter().enumerate() {
                // What a batch costs does not depend on the size: one size is enough for all but the first.
                if at > 0 && entries != plan.entries[plan.entries.len() / 2] {
                    continue;
                }
                go_on(format!("{}, {entries} {}, {batch} frames a batch", layer.name(), layer.counted()))?;
                report.figures.push(stages(plan, layer, entries, batch)?);
            }
            for workers in 2..=plan.workers {
                go_on(format!("{}, {entries} {}, {workers} workers", layer.name(), layer.counted()))?;
                let cores = &cores[..workers.into()];
                report.workers.push(scaling(plan, layer, entries, cores)?);
            }
        }
    }
    Ok(())
}

/// One worker, stage by stage. Stages take turns within each run.
fn stages(
    plan: &PipelinePlan,
    layer: Layer,
    entries: usize,
    batch: usize,
) -> Result<PipelineFigure, PipelineError> {
    let scenes: Vec<Scene> = Until::of(layer)
        .iter()
        .map(|&until| Scene::new(layer, entries, until, 1))
        .collect::<Result<_, _>>()?;
    let mut rigs: Vec<Rig> = scenes.iter().map(|scene| scene.worker(0, batch)).collect::<Result<_, _>>()?;
    let written: u64 = scenes.iter().map(Scene::shared_writes).sum();
    let (mut taken, mut frames) = (take(plan, &mut rigs, plan.time), 0);
    while taken.spread() > WIDE && taken.time < plan.time * LONGEST {
        frames += taken.frames;
        taken = take(plan, &mut rigs, taken.time * 2);
    }
    // Receiving alone passes no worker that would count.
    scenes[1..].iter().try_for_each(Scene::check)?;
    let written = scenes.iter().map(Scene::shared_writes).sum::<u64>() - written;
    let until: Vec<Spread> = taken.nanoseconds.iter().cloned().map(Spread::of).collect();
    let mut before = 0.0;
    let stages = Until::of(layer).iter().zip(&until).map(|(stage, until)| {
        let own = until.median - before;
        before = until.median;
        StageFigure { stage: stage.name(layer).to_owned(), nanoseconds: own, until: until.median }
    });
    let rate = taken.rate();
    Ok(PipelineFigure {
        layer,
        entries,
        batch,
        milliseconds: taken.time.as_millis() as u64,
        stages: stages.collect(),
        tap_off: Spread::of(taken.tap_off),
        line_rate: LineRates::of(rate.median),
        rate,
        frames: frames + taken.frames,
        shared_writes: written,
        core_share: taken.core_share,
    })
}

/// All runs of one worker, as long as each other.
struct Taken {
    time: Duration,
    /// By stage, a frame's time in each run.
    nanoseconds: Vec<Vec<f64>>,
    tap_off: Vec<f64>,
    frames: u64,
    core_share: f64,
}

impl Taken {
    /// Of the whole pipeline.
    fn rate(&self) -> Spread {
        let whole = self.nanoseconds.last().expect("there are stages");
        Spread::of(whole.iter().map(|each| 1e9 / each).collect())
    }

    fn spread(&self) -> f64 {
        self.rate().share()
    }
}

fn take(plan: &PipelinePlan, rigs: &mut [Rig], time: Duration) -> Taken {
    let nanoseconds = vec![Vec::new(); rigs.len()];
    let mut taken = Taken { time, nanoseconds, tap_off: Vec::new(), frames: 0, core_share: 1.0 };
    for _ in 0..plan.runs {
        for (rig, values) in rigs.iter_mut().zip(&mut taken.nanoseconds) {
            let _ = run(rig, time / 4);
            let sample = run(rig, time);
            taken.frames += sample.operations;
            taken.core_share = taken.core_share.min(sample.core_share());
            values.push(1e9 / sample.rate());
        }
        let whole = rigs.last_mut().expect("there are stages");
        taken.tap_off.push(through_the_tap(whole, time));
    }
    taken
}

/// The time for a frame through a tap that nobody watches by, over that without one: of the same worker on the same frames, by the same machine
/// code. The two take turns, each of them as often first as second, so that what slows the machine down for a while slows both.
fn through_the_tap(rig: &mut Rig, time: Duration) -> f64 {
    let turn = time / TURNS;
    // Time and frames: past the tap, through it.
    let mut sums = [[0.0; 2]; 2];
    for round in 0..TURNS as usize {
        for which in [round % 2, 1 - round % 2] {
            let mut meter = Meter { time: turn, counter: None };
            let sample = match which {
                0 => run(rig, turn),
                _ => meter.repeat(|| (0..STRIDE).map(|_| rig.step_tapped()).sum()),
            };
            sums[which][0] += sample.worked.as_secs_f64();
            sums[which][1] += sample.operations as f64;
        }
    }
    let [past, through] = sums.map(|[seconds, frames]| seconds / frames);
    through / past
}

fn run(rig: &mut Rig, time: Duration) -> Sample {
    Meter { time, counter: None }.repeat(|| (0..STRIDE).map(|_| rig.step()).sum())
}

/// As many workers as cores: of one switch, and of as many switches that have nothing in common. Both against one worker alone in the
/// same run.
fn scaling(
    plan: &PipelinePlan,
    layer: Layer,
    entries: usize,
    cores: &[usize],
) -> Result<ScalingFigure, PipelineError> {
    let batch = plan.batches[0];
    let count = cores.len() as u16;
    let shared = Scene::new(layer, entries, Until::Deliver, count)?;
    let mut together: Vec<Rig> =
        (0..count).map(|index| shared.worker(index, batch)).collect::<Result<_, _>>()?;
    let alone: Vec<Scene> =
        (0..count).map(|_| Scene::new(layer, entries, Until::Deliver, 1)).collect::<Result<_, _>>()?;
    let mut apart: Vec<Rig> = alone.iter().map(|scene| scene.worker(0, batch)).collect::<Result<_, _>>()?;
    let written = shared.shared_writes();
    let mut frames = 0;
    let mut time = plan.time;
    let (rates, over_one, over_apart, core_share) = loop {
        let (mut rates, mut over_one, mut over_apart) = (Vec::new(), Vec::new(), Vec::new());
        let mut core_share = 1.0_f64;
        for _ in 0..plan.runs {
            let one = side_by_side(&mut together[..1], cores, time);
            let many = side_by_side(&mut together, cores, time);
            let strangers = side_by_side(&mut apart, cores, time);
            let total = |samples: &[Sample]| samples.iter().map(Sample::rate).sum::<f64>();
            frames += many.iter().chain(&one).map(|sample| sample.operations).sum::<u64>();
            core_share = many.iter().map(Sample::core_share).fold(core_share, f64::min);
            rates.push(total(&many));
            over_one.push(total(&many) / total(&one));
            over_apart.push(total(&many) / total(&strangers));
        }
        let over_one = Spread::of(over_one);
        if over_one.share() <= WIDE || time >= plan.time * LONGEST {
            break (Spread::of(rates), over_one, Spread::of(over_apart), core_share);
        }
        time *= 2;
    };
    shared.check()?;
    Ok(ScalingFigure {
        layer,
        entries,
        workers: count,
        milliseconds: time.as_millis() as u64,
        line_rate: LineRates::of(rates.median),
        rate: rates,
        over_one,
        over_apart,
        frames,
        shared_writes: shared.shared_writes() - written,
        core_share,
    })
}

/// Runs each on a core of its own, at the same time.
fn side_by_side(rigs: &mut [Rig], cores: &[usize], time: Duration) -> Vec<Sample> {
    let begin = Barrier::new(rigs.len());
    thread::scope(|scope| {
        let threads: Vec<_> = rigs
            .iter_mut()
            .zip(cores)
            .map(|(rig, &core)| {
                let begin = &begin;
                scope.spawn(move || {
                    cores::pin(core);
                    let _ = run(rig, time / 8);
                    begin.wait();
                    // The others may begin a little later and end a little earlier.
                    run(rig, time)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a worker does not panic")).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(layers: Vec<Layer>) -> PipelinePlan {
        PipelinePlan {
            layers,
            entries: vec![300],
            batches: vec![64, 3],
            workers: 1,
            runs: 1,
            time: Duration::from_millis(1),
        }
    }

    #[test]
    fn every_stage_has_a_figure_and_all_frames_go_where_they_should() {
        let report = measure(&plan(vec![Layer::Bridged, Layer::Routed]), &mut |_| true).unwrap();
        assert_eq!(report.figures.len(), 4);
        for figure in &report.figures {
            let stages: Vec<&str> = figure.stages.iter().map(|stage| stage.stage.as_str()).collect();
            let expected: &[&str] = match figure.layer {
                Layer::Bridged => &["receive", "parse, check, learn, look up", "decide, deliver"],
                Layer::Routed => &[
                    "receive",
                    "parse, check, IP header",
                    "longest prefix, bucket",
                    "station, rewrite, deliver",
                ],
            };
            assert_eq!(stages, expected);
            assert!(figure.frames > 0 && figure.rate.median > 0.0 && figure.tap_off.median > 0.0);
        }
        assert!(report.is_complete);
    }

    /// Counters, batch and seat are a worker's own. What workers share and a frame could write to is the MAC table and the queue of
    /// reports, and both are counted.
    #[test]
    fn two_workers_write_to_nothing_that_they_share() {
        let scene = Scene::new(Layer::Bridged, 1000, Until::Deliver, 2).unwrap();
        let mut workers = [0, 1].map(|index| scene.worker(index, 64).unwrap());
        let before = scene.shared_writes();
        thread::scope(|scope| {
            for worker in &mut workers {
                scope.spawn(|| (0..2000).map(|_| worker.step()).sum::<usize>());
            }
        });
        assert_eq!(scene.shared_writes(), before);
        scene.check().unwrap();
    }

    #[test]
    fn whoever_interrupts_gets_what_is_there() {
        let mut asked = 0;
        let report = measure(&plan(vec![Layer::Bridged]), &mut |_| {
            asked += 1;
            asked < 2
        });
        let report = report.unwrap();
        assert_eq!((report.figures.len(), report.is_complete), (1, false));
        assert_eq!(
            measure(&plan(vec![Layer::Bridged]), &mut |_| false).unwrap_err(),
            PipelineError::Interrupted
        );
    }
}
