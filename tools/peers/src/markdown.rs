//! The figures beside the goals, as a table for the documentation.

use greylag_bench::report::{Figure, Report};
use greylag_bench::{Workload, size};
use std::fmt::Write;

/// Sizes that have goals.
const SIZES: [usize; 2] = [1 << 16, 1 << 20];

/// A row for each workload; for each size the best of those that threads share, the best of those for one thread, the
/// first table and its goal.
pub(crate) fn goals(report: &Report) -> String {
    let Some(first) = report.tables.first() else { return String::new() };
    let mut text = "| Mops/s |".to_owned();
    for entries in SIZES {
        let of = size(entries);
        let _ = write!(text, " {of}: best shared | one thread | {} | goal |", first.name);
    }
    text += "\n| --- |";
    text += &" ---: | ---: | ---: | ---: |".repeat(SIZES.len());
    text.push('\n');
    for workload in Workload::ALL {
        let mut row = format!("| {} |", workload.title());
        let mut is_measured = false;
        for entries in SIZES {
            let of = |table: &str| report.figure(workload.name(), entries, table);
            let best = |is_concurrent| {
                let (name, _) = report.best_other(workload, entries, is_concurrent)?;
                Some(format!("{name} {}", rate(of(name)?)))
            };
            let ours = of(&first.name);
            is_measured |= ours.is_some();
            let goal = workload.goal(entries).map(|goal| match goal.writes {
                Some(writes) => format!("{} + {writes}", goal.rate),
                None => goal.rate.to_string(),
            });
            for cell in [best(true), best(false), ours.map(|figure| format!("**{}**", rate(figure))), goal] {
                let _ = write!(row, " {} |", cell.unwrap_or_else(|| "-".to_owned()));
            }
        }
        if is_measured {
            text += &row;
            text.push('\n');
        }
    }
    text
}

fn rate(figure: &Figure) -> String {
    let number = |rate: f64| format!("{:.*}", usize::from(rate < 99.5e6), rate / 1e6);
    let all = number(figure.rate.median);
    match &figure.beside {
        Some(beside) => {
            format!("{all} + {} ({:.0} %)", number(beside.writes.median), beside.share * 100.0)
        }
        None => all,
    }
}
