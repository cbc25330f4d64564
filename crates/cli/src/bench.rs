//! `greylag bench`: how fast the pieces are on this machine.

use crate::arguments::{PipelineArguments, SimArguments, TableArguments, WireArguments};
use crate::lab;
use crate::outcome::{Failure, Outcome};
use greylag_bench::pipeline::{self, Layer, PipelineError, PipelinePlan};
use greylag_bench::wire::{self, WireError, WirePlan};
use greylag_bench::{
    GREYLAG, HASHBROWN, HEAP_VARIABLE, HUGE_HEAP, Plan, SimError, SimPlan, Workload, compare, has_huge_heap,
    measure_sim,
};
use std::io::{IsTerminal, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Sizes that are measured when none is asked for; hashbrown up to the last but one.
const SIZES: [usize; 5] = [1 << 10, 1 << 16, 1 << 18, 1 << 20, 1 << 24];

pub(crate) fn table(arguments: &TableArguments) -> Outcome {
    if !has_huge_heap() {
        start_with_huge_heap();
    }
    let is_default = arguments.size.is_empty();
    let plan = Plan {
        sizes: if is_default { SIZES.to_vec() } else { arguments.size.clone() },
        peers_up_to: if is_default { SIZES[3] } else { usize::MAX },
        vlans: arguments.vlans,
        workloads: match arguments.workload.as_slice() {
            [] => Workload::ALL.to_vec(),
            some => some.to_vec(),
        },
        runs: arguments.runs.into(),
        time: Duration::from_millis(arguments.time.into()),
        allocated: None,
    };
    let report = compare(&plan, &[GREYLAG, HASHBROWN], Vec::new(), &mut show_progress);
    show_progress("");
    let mut out = std::io::stdout().lock();
    if arguments.json {
        serde_json::to_writer_pretty(&mut out, &report).map_err(Failure::failed)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", report.details())?;
    }
    if report.failures.is_empty() { Ok(()) } else { Err(Failure::Silent) }
}

pub(crate) fn sim(arguments: &SimArguments) -> Outcome {
    let plan = SimPlan {
        switches: arguments.switches.into(),
        links: arguments.links.into(),
        flows: arguments.flows as usize,
        seconds: arguments.seconds,
    };
    let report = measure_sim(&plan, &mut show_progress).map_err(|error| match error {
        SimError::Links { .. } => Failure::Usage(error.to_string()),
        error => Failure::failed(error),
    })?;
    show_progress("");
    let mut out = std::io::stdout().lock();
    if arguments.json {
        serde_json::to_writer_pretty(&mut out, &report).map_err(Failure::failed)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", report.details())?;
    }
    Ok(())
}

pub(crate) fn pipeline(arguments: &PipelineArguments) -> Outcome {
    let plan = PipelinePlan {
        layers: match arguments.layer.as_slice() {
            [] => vec![Layer::Bridged, Layer::Routed],
            some => some.to_vec(),
        },
        entries: arguments.size.clone(),
        batches: arguments.batch.iter().map(|&batch| batch.into()).collect(),
        workers: arguments.workers,
        runs: arguments.runs.into(),
        time: Duration::from_millis(arguments.time.into()),
    };
    let interrupted = lab::interrupt()?;
    let mut progress = |next: &str| {
        show_progress(next);
        !interrupted.load(Ordering::Relaxed)
    };
    let measured = pipeline::measure(&plan, &mut progress);
    show_progress("");
    let report = measured.map_err(|error| match error {
        PipelineError::Cores { .. } | PipelineError::Size(_) => Failure::Usage(error.to_string()),
        error => Failure::failed(error),
    })?;
    if let Some(path) = &arguments.output {
        let json = serde_json::to_string_pretty(&report).map_err(Failure::failed)?;
        write_file(path, &(json + "\n"))?;
    }
    let mut out = std::io::stdout().lock();
    if arguments.json {
        serde_json::to_writer_pretty(&mut out, &report).map_err(Failure::failed)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", report.details())?;
    }
    if report.is_complete { Ok(()) } else { Err(Failure::Silent) }
}

pub(crate) fn wire(arguments: &WireArguments) -> Outcome {
    let program = std::env::current_exe().map_err(Failure::failed)?;
    let trial = if arguments.rfc { 60.0 } else { arguments.trial.unwrap_or(2.0) };
    let plan = WirePlan {
        duts: arguments.dut.clone(),
        ports: arguments.ports.clone(),
        measures: arguments.measure.clone(),
        sizes: arguments.frame.iter().flat_map(|sizes| sizes.0.clone()).collect(),
        macs: arguments.macs.clone(),
        pattern: arguments.pattern,
        flows: arguments.flows,
        burst: arguments.burst.into(),
        rate: arguments.rate.map(f64::from),
        trial: Duration::from_secs_f64(trial),
        runs: arguments.runs.into(),
        mesh_ports: arguments.mesh_ports.into(),
        most_addresses: arguments.most_addresses as u64,
        bfd_intervals: arguments
            .bfd_interval
            .iter()
            .copied()
            .map(u64::from)
            .map(Duration::from_millis)
            .collect(),
        program,
        interfaces: arguments.interface.clone(),
    };
    if !greylag_lab::userns::is_privileged() {
        return Err(Failure::Failed(
            "`greylag bench wire` makes network namespaces: run it as root".to_owned(),
        ));
    }
    for left in wire::remove_leftovers() {
        eprintln!("removed {left}, which a measurement had left that was killed");
    }
    let interrupted = lab::interrupt()?;
    let measured = wire::measure(&plan, &interrupted, &mut show_progress);
    show_progress("");
    let report = measured.map_err(|error| match error {
        WireError::Cores(_) | WireError::Interfaces => Failure::Usage(error.to_string()),
        error => Failure::failed(error),
    })?;
    if let Some(path) = &arguments.output {
        let json = serde_json::to_string_pretty(&report).map_err(Failure::failed)?;
        write_file(path, &(json + "\n"))?;
    }
    if let Some(path) = &arguments.plot {
        write_file(path, &report.plot())?;
    }
    if let Some(path) = &arguments.markdown {
        write_file(path, &report.markdown())?;
    }
    let mut out = std::io::stdout().lock();
    if arguments.json {
        serde_json::to_writer_pretty(&mut out, &report).map_err(Failure::failed)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", report.details())?;
    }
    if report.is_complete && report.is_sound() { Ok(()) } else { Err(Failure::Silent) }
}

fn write_file(path: &Path, text: &str) -> Outcome {
    std::fs::write(path, text)
        .map_err(|error| Failure::Failed(format!("cannot write {}: {error}", path.display())))
}

/// Says on a terminal what comes next, in a line that the next one takes the place of.
fn show_progress(next: &str) {
    let mut screen = std::io::stderr();
    if screen.is_terminal() {
        let _ = write!(screen, "\r\x1b[K{next}").and_then(|()| screen.flush());
    }
}

/// Starts this program anew, so that the other table's memory is in huge pages, too. If that fails, the report says
/// that it is not.
fn start_with_huge_heap() {
    let Ok(program) = std::env::current_exe() else { return };
    let tunables = std::env::var(HEAP_VARIABLE)
        .map_or_else(|_| HUGE_HEAP.to_owned(), |all| format!("{all}:{HUGE_HEAP}"));
    let _ = Command::new(program).args(std::env::args_os().skip(1)).env(HEAP_VARIABLE, tunables).exec();
}
