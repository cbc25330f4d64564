//! greylag's MAC table beside other people's tables, measured in one run by one harness.

#[cfg(any(rte_hash, ck_ht, lfht))]
mod c_peer;
#[cfg(ck_ht)]
mod ck_ht;
mod dashmap;
mod heap;
mod left_right;
#[cfg(lfht)]
mod lfht;
mod markdown;
mod papaya;
mod plot;
#[cfg(rte_hash)]
mod rte_hash;
mod rwlock;
mod scc_index;
mod scc_map;

use clap::Parser;
use greylag_bench::report::Missing;
use greylag_bench::{GREYLAG, HASHBROWN, Plan, Report, Subject, Workload, compare, parse_size};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use std::{fs, io};

/// Measures greylag's MAC table beside others and prints how they compare.
#[derive(Parser)]
#[command(name = "table", max_term_width = 100)]
struct Arguments {
    /// Entries in the tables
    #[arg(long, value_name = "ENTRIES", value_delimiter = ',', value_parser = parse_size,
          default_value = "1k,64k,256k,1M")]
    size: Vec<usize>,
    /// What to measure [default: everything]
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = Workload::parse)]
    workload: Vec<Workload>,
    /// Only these tables, and ours
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    table: Vec<String>,
    /// Runs of which the median counts
    #[arg(long, default_value = "5", value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// Milliseconds measured in each run
    #[arg(long, default_value = "100", value_name = "MS", value_parser = clap::value_parser!(u16).range(1..))]
    time: u16,
    /// VLANs that keys are in, at random: 1, 2, 4, 8 or 16
    #[arg(long, default_value = "16", value_parser = Plan::parse_vlans)]
    vlans: u16,
    /// Write the report as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw the rate of look-ups against the size of the table
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Write the figures beside the goals as a Markdown table
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Measure nothing; print, and draw, what an earlier run has written
    #[arg(long, value_name = "FILE", conflicts_with_all = ["size", "workload", "table", "runs", "time", "vlans", "json"])]
    from: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(report) if report.failures.is_empty() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("table: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> io::Result<Report> {
    let report = match &arguments.from {
        Some(file) => serde_json::from_slice(&fs::read(file)?)?,
        None => measure(arguments),
    };
    if let Some(file) = &arguments.json {
        fs::write(file, serde_json::to_string_pretty(&report)? + "\n")?;
    }
    if let Some(file) = &arguments.plot {
        fs::write(file, plot::look_ups(&report))?;
    }
    if let Some(file) = &arguments.markdown {
        fs::write(file, markdown::goals(&report))?;
    }
    print!("{}", report.comparison());
    Ok(report)
}

fn measure(arguments: &Arguments) -> Report {
    let largest = arguments.size.iter().copied().max().unwrap_or(0);
    let (mut subjects, missing) = subjects(largest);
    if !arguments.table.is_empty() {
        subjects.retain(|subject| {
            subject.name == GREYLAG.name || arguments.table.iter().any(|name| name == subject.name)
        });
    }
    let mut workloads = arguments.workload.clone();
    if workloads.is_empty() {
        workloads = Workload::ALL.to_vec();
    }
    let plan = Plan {
        sizes: arguments.size.clone(),
        peers_up_to: usize::MAX,
        vlans: arguments.vlans,
        workloads,
        runs: arguments.runs.into(),
        time: Duration::from_millis(arguments.time.into()),
        allocated: Some(heap::allocated),
    };
    compare(&plan, &subjects, missing, &mut |what| eprintln!("{what}"))
}

/// All that can be measured here, ours first, and what cannot.
fn subjects(largest: usize) -> (Vec<Subject>, Vec<Missing>) {
    let mut subjects = vec![
        GREYLAG,
        HASHBROWN,
        rwlock::RWLOCK,
        left_right::LEFT_RIGHT,
        dashmap::DASHMAP,
        papaya::PAPAYA,
        scc_index::SCC_INDEX,
        scc_map::SCC_MAP,
    ];
    let mut missing = Vec::new();
    let mut lacks = |table: &str, why: &str| {
        missing.push(Missing { table: table.to_owned(), why: why.to_owned() });
    };
    #[cfg(rte_hash)]
    if rte_hash::start(largest) {
        subjects.extend([rte_hash::PLAIN, rte_hash::LOCK_FREE]);
    } else {
        lacks("rte_hash", "DPDK does not start here");
    }
    #[cfg(not(rte_hash))]
    {
        let _ = largest;
        lacks("rte_hash, rte_hash-lf", "DPDK is not installed: apt-get install libdpdk-dev");
    }
    #[cfg(ck_ht)]
    subjects.push(ck_ht::CK_HT);
    #[cfg(not(ck_ht))]
    lacks("ck_ht", "Concurrency Kit is not installed: apt-get install libck-dev");
    #[cfg(lfht)]
    subjects.push(lfht::LFHT);
    #[cfg(not(lfht))]
    lacks("lfht", "Userspace RCU is not installed: apt-get install liburcu-dev");
    let _ = &mut lacks;
    (subjects, missing)
}
