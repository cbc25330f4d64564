//! `greylag bench`: how fast the pieces are on this machine.

use crate::arguments::{SimArguments, TableArguments};
use crate::outcome::{Failure, Outcome};
use greylag_bench::{
    GREYLAG, HASHBROWN, HEAP_VARIABLE, HUGE_HEAP, Plan, SimError, SimPlan, Workload, compare, has_huge_heap,
    measure_sim,
};
use std::io::{IsTerminal, Write};
use std::os::unix::process::CommandExt;
use std::process::Command;
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
