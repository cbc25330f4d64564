//! Measuring several tables side by side.

use crate::bound;
use crate::contended;
use crate::cores;
use crate::instructions::Counter;
use crate::key::{BATCH, Batch};
use crate::learn;
use crate::look_up::{Form, hits, hits_many, misses, misses_many};
use crate::machine::{self, Machine};
use crate::mix;
use crate::report::{
    Beside, Competitor, Failure, Figure, LineRates, Memory, Method, Missing, Report, Spread,
};
use crate::sample::{Meter, Sample};
use crate::stations::{Frames, LongFrames, Stations};
use crate::table::{Subject, Table};
use crate::workload::Workload;
use crate::wrong::{Wrong, learned};
use std::time::Duration;

/// What to measure, and how thoroughly.
#[derive(Clone)]
pub struct Plan {
    /// Entries in the tables; see [`Plan::rounded`].
    pub sizes: Vec<usize>,
    /// Above this, the first table is measured alone.
    pub peers_up_to: usize,
    /// VLANs that stations are in: 1, 2, 4, 8 or 16. With 1, batches are of one VLAN, as on an access port; with
    /// more, every key has its own, as on a trunk.
    pub vlans: u16,
    /// In the order of [`Workload::ALL`].
    pub workloads: Vec<Workload>,
    /// Runs of which the median counts; at least one.
    pub runs: usize,
    /// Measured in each run.
    pub time: Duration,
    /// Bytes that all tables of this process have allocated, for programs that can tell. Otherwise tables
    /// are asked themselves.
    pub allocated: Option<fn() -> usize>,
}

impl Plan {
    /// The nearest size that can be measured: a multiple of 1024, at least that.
    pub fn rounded(entries: usize) -> usize {
        ((entries + Stations::STEP / 2) / Stations::STEP).max(1) * Stations::STEP
    }

    /// Reads a number of VLANs.
    pub fn parse_vlans(text: &str) -> Result<u16, String> {
        match text.parse() {
            Ok(vlans @ (1 | 2 | 4 | 8 | 16)) => Ok(vlans),
            _ => Err("expected 1, 2, 4, 8 or 16".to_owned()),
        }
    }
}

/// A table, filled with its residents.
struct Rig {
    subject: Subject,
    table: Box<dyn Table>,
    now: u64,
    /// Gave a wrong result, and is not asked again.
    is_broken: bool,
    runs: Vec<Run>,
}

/// What one run gives.
struct Run {
    sample: Sample,
    beside: Option<(Sample, Sample)>,
}

/// The keys that a workload works with.
#[derive(Default)]
struct Script {
    residents: Vec<Batch>,
    order: Vec<Batch>,
    frames: Vec<Frames>,
    long_frames: Vec<LongFrames>,
}

impl Script {
    fn new(workload: Workload, stations: Stations) -> Self {
        let mut script = Script::default();
        match workload {
            Workload::Hit | Workload::Hit64 | Workload::Hit256 | Workload::HitEach => {
                script.order = stations.order();
            }
            Workload::Miss | Workload::Miss64 | Workload::Miss256 => {
                script.order = stations.order_of_strangers();
            }
            Workload::Mix64 | Workload::Mix256 => script.long_frames = stations.long_frames(workload.batch()),
            Workload::Mix | Workload::MixRefresh => script.frames = stations.frames(),
            Workload::MixNew => script.frames = stations.frames_of_stayers(),
            Workload::Learn => script.residents = stations.residents().collect(),
            Workload::Contended => script.order = stations.order_of_stayers(),
        }
        script
    }

    /// Has the table as many stations behind a port as a batch has sources?
    fn is_possible(&self, workload: Workload) -> bool {
        !matches!(workload, Workload::Mix64 | Workload::Mix256) || !self.long_frames.is_empty()
    }
}

/// Measures every workload at every size on every table. Tables take turns within each run. `progress` is told
/// what comes next.
///
/// The calling thread is pinned to the first core that it may use.
pub fn compare(
    plan: &Plan,
    subjects: &[Subject],
    missing: Vec<Missing>,
    progress: &mut dyn FnMut(&str),
) -> Report {
    let cores = cores::allowed();
    let core = cores.first().copied().unwrap_or(0);
    let other_core = cores.get(1).copied();
    cores::pin(core);
    let mut report = Report {
        scope: "table alone".to_owned(),
        machine: Machine::this(cores.len()),
        method: Method {
            runs: plan.runs,
            milliseconds: plan.time.as_millis() as u64,
            batch: BATCH,
            vlans: plan.vlans,
            huge_heap: machine::has_huge_heap(),
            core,
            other_core,
        },
        tables: subjects
            .iter()
            .map(|subject| Competitor {
                name: subject.name.to_owned(),
                form: subject.form.to_owned(),
                is_concurrent: subject.is_concurrent,
            })
            .collect(),
        figures: Vec::new(),
        bounds: Vec::new(),
        memory: Vec::new(),
        failures: Vec::new(),
        missing,
    };
    for &entries in &plan.sizes {
        let stations = Stations::new(entries, plan.vlans);
        let count = if entries > plan.peers_up_to { 1 } else { subjects.len() };
        progress(&format!("{entries} entries: filling {count} tables"));
        let mut rigs = Vec::with_capacity(count);
        for subject in &subjects[..count] {
            rigs.extend(fill(*subject, stations, plan.allocated, &mut report));
        }
        progress(&format!("{entries} entries: what memory gives"));
        let bytes = rigs.first().and_then(|rig| rig.table.bytes());
        report.bounds.extend(bytes.map(|bytes| bound::measure(entries, bytes, plan.runs, plan.time)));
        for &workload in &plan.workloads {
            progress(&format!("{entries} entries: {}", workload.title()));
            let script = Script::new(workload, stations);
            if !script.is_possible(workload) {
                continue;
            }
            for _ in 0..plan.runs {
                for rig in &mut rigs {
                    let name = rig.subject.name;
                    match rig.run(workload, stations, &script, plan.time, (core, other_core)) {
                        Ok(run) => rig.runs.extend(run),
                        Err(wrong) => {
                            rig.is_broken = true;
                            rig.runs.clear();
                            report.failures.push(failure(workload, entries, name, wrong));
                        }
                    }
                }
            }
            report.figures.extend(figures(workload, entries, &mut rigs));
        }
    }
    report
}

fn failure(workload: Workload, entries: usize, table: &str, wrong: Wrong) -> Failure {
    Failure {
        workload: workload.name().to_owned(),
        entries,
        table: table.to_owned(),
        what: wrong.to_string(),
    }
}

fn fill(
    subject: Subject,
    stations: Stations,
    allocated: Option<fn() -> usize>,
    report: &mut Report,
) -> Option<Rig> {
    let before = allocated.map(|allocated| allocated());
    let mut table = (subject.make)(stations.batches() * BATCH);
    // Far enough from zero that nothing seems to be of before the beginning.
    let now = 1_000_000_000_000;
    let (mut new, mut given) = (0, 0);
    for batch in stations.residents() {
        new += table.learn(now, batch[0].port(), &batch);
        given += BATCH;
    }
    if let Err(wrong) = learned(new, given) {
        report.failures.push(failure(Workload::Learn, given, subject.name, wrong));
        return None;
    }
    let bytes = match (allocated, before) {
        (Some(allocated), Some(before)) => Some(allocated().saturating_sub(before)),
        _ => table.bytes(),
    };
    report.memory.extend(bytes.map(|bytes| Memory {
        entries: given,
        table: subject.name.to_owned(),
        bytes_per_entry: bytes as f64 / given as f64,
    }));
    Some(Rig { subject, table, now, is_broken: false, runs: Vec::new() })
}

impl Rig {
    fn run(
        &mut self,
        workload: Workload,
        stations: Stations,
        script: &Script,
        time: Duration,
        (core, other_core): (usize, Option<usize>),
    ) -> Result<Option<Run>, Wrong> {
        if self.is_broken {
            return Ok(None);
        }
        if workload == Workload::Contended {
            let Some(other) = other_core else { return Ok(None) };
            let outcome =
                contended::run(&mut *self.table, &script.order, stations, self.now, time, [core, other]);
            return Ok(outcome.transpose()?.map(|outcome| Run {
                sample: outcome.reads,
                beside: Some((outcome.undisturbed, outcome.writes)),
            }));
        }
        // A quarter of the time first, so that caches and predictors have seen this table.
        let mut meter = Meter { time: time / 4, counter: None };
        self.alone(workload, stations, script, &mut meter)?;
        let mut meter = Meter { time, counter: Counter::new().ok() };
        let sample = self.alone(workload, stations, script, &mut meter)?;
        Ok(Some(Run { sample, beside: None }))
    }

    fn alone(
        &mut self,
        workload: Workload,
        stations: Stations,
        script: &Script,
        meter: &mut Meter,
    ) -> Result<Sample, Wrong> {
        let (table, now) = (&mut *self.table, self.now);
        match workload {
            Workload::Hit | Workload::Contended => hits(table, &script.order, Form::Together, now, meter),
            Workload::HitEach => hits(table, &script.order, Form::Each, now, meter),
            Workload::Hit64 | Workload::Hit256 => {
                hits_many(table, &script.order, workload.batch(), now, meter)
            }
            Workload::Miss => misses(table, &script.order, now, meter),
            Workload::Miss64 | Workload::Miss256 => {
                misses_many(table, &script.order, workload.batch(), now, meter)
            }
            Workload::Mix => mix::current(table, &script.frames, now, meter),
            Workload::Mix64 | Workload::Mix256 => mix::current_many(table, &script.long_frames, now, meter),
            Workload::MixRefresh => mix::refreshing(table, &script.frames, stations, &mut self.now, meter),
            Workload::MixNew => mix::with_new_sources(table, &script.frames, stations, now, meter),
            Workload::Learn => learn::from_empty(table, &script.residents, now, meter),
        }
    }
}

/// The figures of the runs that the rigs have done, which are taken from them.
fn figures(workload: Workload, entries: usize, rigs: &mut [Rig]) -> Vec<Figure> {
    let runs: Vec<(&str, Vec<Run>)> =
        rigs.iter_mut().map(|rig| (rig.subject.name, std::mem::take(&mut rig.runs))).collect();
    let first: Vec<f64> =
        runs.first().map_or_else(Vec::new, |(_, runs)| runs.iter().map(|run| run.sample.rate()).collect());
    runs.iter()
        .filter(|(_, runs)| !runs.is_empty())
        .map(|(table, runs)| {
            let of = |value: &dyn Fn(&Run) -> f64| Spread::of(runs.iter().map(value).collect());
            let rate = of(&|run| run.sample.rate());
            let instructions: Option<Vec<f64>> =
                runs.iter().map(|run| run.sample.instructions_each()).collect();
            let ratios: Vec<f64> =
                runs.iter().zip(&first).map(|(run, first)| run.sample.rate() / first).collect();
            let beside = runs[0].beside.is_some().then(|| {
                let beside = |run: &Run| run.beside.expect("all runs of a workload are alike");
                Beside {
                    writes: of(&|run| beside(run).1.rate()),
                    undisturbed: of(&|run| beside(run).0.rate()),
                    share: of(&|run| run.sample.rate() / beside(run).0.rate()).median,
                }
            });
            Figure {
                workload: workload.name().to_owned(),
                entries,
                table: (*table).to_owned(),
                rate,
                nanoseconds: 1e9 / rate.median,
                instructions: instructions.map(|all| Spread::of(all).median),
                line_rate: LineRates::of(rate.median),
                ratio_to_first: (!ratios.is_empty()).then(|| Spread::of(ratios).median),
                core_share: of(&|run| run.sample.core_share()).least,
                beside,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GREYLAG, HASHBROWN};

    #[test]
    fn every_workload_has_a_figure_where_a_port_has_a_batch_of_stations() {
        let workloads: Vec<Workload> =
            Workload::ALL.into_iter().filter(|&workload| workload != Workload::Contended).collect();
        let plan = Plan {
            sizes: vec![1024, 2048],
            peers_up_to: usize::MAX,
            vlans: 16,
            workloads: workloads.clone(),
            runs: 1,
            time: Duration::from_millis(1),
            allocated: None,
        };
        let report = compare(&plan, &[GREYLAG, HASHBROWN], Vec::new(), &mut |_| {});
        assert_eq!(report.failures, []);
        for workload in workloads {
            for (entries, is_measured) in [(1024, workload != Workload::Mix256), (2048, true)] {
                for table in [GREYLAG.name, HASHBROWN.name] {
                    let figure = report.figure(workload.name(), entries, table);
                    assert_eq!(figure.is_some(), is_measured, "{table}, {}, {entries}", workload.name());
                }
            }
        }
        assert!(report.bounds.iter().all(|bound| bound.waiting.median > 0.0 && bound.flowing.median > 0.0));
        assert_eq!(report.bounds.len(), 2);
    }
}
