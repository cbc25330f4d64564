//! `greylag replay` of a scenario with a matrix: a line for each of its cells.

use crate::arguments::ReplayArguments;
use crate::outcome::{Failure, Outcome};
use crate::paragraph::wrap;
use crate::table::Align::{Left, Right};
use crate::table::Table;
use greylag_base::Seed;
use greylag_scenario::Source;
use greylag_scenario::story::{Matrix, Scenario};
use greylag_sim::matrix::{self, Cell, MatrixError};
use greylag_sim::replay::{percent, span};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

pub(crate) fn replay(
    source: &Source,
    scenario: &Scenario,
    matrix: &Matrix,
    arguments: &ReplayArguments,
) -> Outcome {
    let of_one = [
        ("--events", arguments.events.is_some()),
        ("--pcap", arguments.pcap.is_some()),
        ("--metrics", arguments.metrics.is_some()),
        ("--report", arguments.report.is_some()),
        ("--until", arguments.until.is_some()),
        ("--live", arguments.live),
    ];
    if let Some((option, _)) = of_one.iter().find(|(_, is_there)| *is_there) {
        let cell = matrix.cells().next().map_or_else(String::new, |(row, column)| format!("{row}/{column}"));
        return Err(Failure::Usage(format!(
            "{option} is for one cell of a matrix: say which, such as `--variant {cell}`"
        )));
    }
    let seed = arguments.seed.map_or(scenario.seed, Seed);
    let is_seen = io::stderr().is_terminal();
    let cells = matrix::replay_all(source, scenario, &arguments.assume, seed, |done, of| {
        if is_seen {
            let mut screen = io::stderr();
            let _ = write!(screen, "\r\x1b[K{done} of {of} cells").and_then(|()| screen.flush());
        }
    });
    if is_seen {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
    let cells = cells.map_err(|error| match error {
        MatrixError::File(wrong) => Failure::from(wrong),
        error => Failure::failed(error),
    })?;
    let holds = cells.iter().all(|cell| cell.holds);
    let mut out = io::stdout().lock();
    if arguments.json {
        let answer = Answer { scenario: &scenario.name, title: &scenario.title, seed, cells: &cells, holds };
        serde_json::to_writer_pretty(&mut out, &answer).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", tell(scenario, matrix, seed, &cells))?;
    }
    out.flush()?;
    if holds { Ok(()) } else { Err(Failure::Silent) }
}

#[derive(Serialize)]
struct Answer<'a> {
    scenario: &'a str,
    title: &'a str,
    seed: Seed,
    cells: &'a [Cell],
    holds: bool,
}

fn tell(scenario: &Scenario, matrix: &Matrix, seed: Seed, cells: &[Cell]) -> String {
    let mut text = wrap(&scenario.title, 0);
    text += &wrap(&format!("{}, seed {}: {} cells", scenario.name, seed.0, cells.len()), 0);
    for (name, title) in matrix.rows.iter().chain(&matrix.columns) {
        text += &wrap(&format!("{name}: {title}"), 2);
    }
    let names = [
        ("ROW", Left),
        ("COLUMN", Left),
        ("FORWARDS", Left),
        ("LOST", Right),
        ("LONGEST", Right),
        ("AT END", Right),
        ("DUP", Right),
        ("LOOPS", Right),
        ("", Left),
    ];
    let mut table = Table::new(&names);
    for cell in cells {
        let forwards = if cell.forwards.is_empty() { "nobody".to_owned() } else { cell.forwards.join(" ") };
        let verdict = if cell.holds { "ok" } else { "!!" };
        table.row(&[
            &cell.row,
            &cell.column,
            &forwards,
            &span(cell.lost),
            &span(cell.longest),
            &percent(cell.lost_at_the_end),
            &cell.duplicates,
            &cell.loops,
            &verdict,
        ]);
    }
    let _ = write!(text, "\n{table}");
    for cell in cells.iter().filter(|cell| !cell.holds) {
        text += &failures(cell);
    }
    text
}

/// What is not as it should be in a cell.
fn failures(cell: &Cell) -> String {
    let mut text = format!("\n{}/{}\n", cell.row, cell.column);
    for judgement in cell.outcome.expectations.iter().filter(|judgement| !judgement.holds) {
        let why = judgement.failure.as_deref().unwrap_or("it did not come out");
        text += &wrap(&format!("{}: {}: {why}", judgement.name, judgement.expected), 2);
    }
    for violation in cell.outcome.violations.iter().filter(|violation| !violation.expected) {
        text += &wrap(&format!("{}: {}", violation.checker, violation.text), 2);
    }
    for missing in &cell.outcome.missing_violations {
        text += &wrap(&format!("{} is not violated", missing.checker), 2);
    }
    text
}
