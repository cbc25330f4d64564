//! Reports for people.

use crate::compare::Plan;
use crate::report::{Bound, Figure, Report};
use crate::workload::Workload;
use comfy_table::{CellAlignment, Table as Grid, presets};
use std::fmt::Write;

impl Report {
    /// Every figure with all that is known of it, by workload.
    pub fn details(&self) -> String {
        let mut text = self.heading();
        for workload in Workload::ALL {
            let mut rows = Vec::new();
            for entries in self.sizes() {
                for table in &self.tables {
                    if let Some(figure) = self.figure(workload.name(), entries, &table.name) {
                        rows.push(details(figure));
                    }
                }
            }
            if rows.is_empty() {
                continue;
            }
            let mut names =
                vec!["ENTRIES", "TABLE", "MOPS/S", "SPREAD", "NS", "INSTR", "10G", "100G", "400G", "RATIO"];
            if workload == Workload::Contended {
                names.extend(["WRITES", "UNDISTURBED"]);
            }
            let _ = write!(text, "\n{}\n{}", workload.title(), grid(&names, &[1], rows));
        }
        text + &self.bound_table() + &self.memory_table() + &self.remarks()
    }

    /// One line for each table, one column for each size, by workload; the goals and the best of the others below.
    pub fn comparison(&self) -> String {
        let mut text = self.heading();
        let sizes = self.sizes();
        let Some(first) = self.tables.first() else { return text };
        for workload in Workload::ALL {
            let figure = |entries, table: &str| self.figure(workload.name(), entries, table);
            let mut rows = Vec::new();
            for table in &self.tables {
                let cells: Vec<String> = sizes
                    .iter()
                    .map(|&entries| figure(entries, &table.name).map_or_else(String::new, cell))
                    .collect();
                if cells.iter().any(|cell| !cell.is_empty()) {
                    rows.push([vec![table.name.clone()], cells].concat());
                }
            }
            if rows.is_empty() {
                continue;
            }
            let mut add = |name: &str, of: &dyn Fn(usize) -> Option<String>| {
                let cells: Vec<String> =
                    sizes.iter().map(|&entries| of(entries).unwrap_or_default()).collect();
                if cells.iter().any(|cell| !cell.is_empty()) {
                    rows.push([vec![name.to_owned()], cells].concat());
                }
            };
            add("goal", &|entries| {
                let goal = workload.goal(entries)?;
                let writes = goal.writes.map_or_else(String::new, |writes| format!(" + {writes}"));
                Some(format!("{}{writes}", goal.rate))
            });
            for (kind, is_concurrent) in [("shared", true), ("of one thread", false)] {
                add(&format!("{} over best {kind}", first.name), &|entries| {
                    let (name, ratio) = self.best_other(workload, entries, is_concurrent)?;
                    Some(format!("{:.2} {name}", 1.0 / ratio))
                });
            }
            let sizes: Vec<String> = sizes.iter().map(|&entries| size(entries)).collect();
            let names: Vec<&str> = std::iter::once("TABLE").chain(sizes.iter().map(String::as_str)).collect();
            let _ = write!(text, "\n{}, Mops/s\n{}", workload.title(), grid(&names, &[0], rows));
        }
        text + &self.bound_table() + &self.memory_table() + &self.remarks()
    }

    /// The fastest of the other tables that are shared by threads, or that are not, and its rate over the first's.
    pub fn best_other(&self, workload: Workload, entries: usize, is_concurrent: bool) -> Option<(&str, f64)> {
        self.tables
            .iter()
            .skip(1)
            .filter(|table| table.is_concurrent == is_concurrent)
            .filter_map(|table| {
                let figure = self.figure(workload.name(), entries, &table.name)?;
                Some((table.name.as_str(), figure.ratio_to_first?))
            })
            .max_by(|one, other| one.1.total_cmp(&other.1))
    }

    fn heading(&self) -> String {
        let (machine, method) = (&self.machine, &self.method);
        let counters = machine
            .no_counters
            .as_ref()
            .map_or_else(String::new, |why| format!("; no counters of instructions ({why})"));
        let pages = match (machine.huge_pages.as_str(), method.huge_heap) {
            ("never", _) => "no huge pages",
            (_, true) | ("always", _) => "huge pages for all tables",
            _ => "huge pages for our table only",
        };
        let (runs, cores) = (plural(method.runs, "run"), plural(machine.cores, "core"));
        format!(
            "{}, no frames: {}, {cores}, {}, {pages}\n\
             random keys in {}; median and spread of {runs} of {} ms on core {}{counters}\n",
            self.scope,
            machine.processor,
            machine.caches.join(", "),
            plural(method.vlans.into(), "VLAN"),
            method.milliseconds,
            method.core,
        )
    }

    fn bound_table(&self) -> String {
        if self.bounds.is_empty() {
            return String::new();
        }
        let row = |name: &str, value: &dyn Fn(&Bound) -> String| {
            std::iter::once(name.to_owned()).chain(self.bounds.iter().map(value)).collect::<Vec<_>>()
        };
        let rows = vec![
            row("each 32 waiting for the last 32", &|bound| millions(bound.waiting.median)),
            row("waiting for nothing", &|bound| millions(bound.flowing.median)),
        ];
        let sizes: Vec<String> = self.bounds.iter().map(|bound| size(bound.entries)).collect();
        let names: Vec<&str> = std::iter::once("LINES").chain(sizes.iter().map(String::as_str)).collect();
        format!(
            "\nbound: lines at random of as much memory as our table has, 32 at a time and nothing else, Mlines/s\n{}",
            grid(&names, &[0], rows)
        )
    }

    fn memory_table(&self) -> String {
        let mut rows = Vec::new();
        let mut sizes: Vec<usize> = self.memory.iter().map(|memory| memory.entries).collect();
        sizes.dedup();
        for table in &self.tables {
            let cells = sizes.iter().map(|&entries| {
                self.memory
                    .iter()
                    .find(|memory| memory.entries == entries && memory.table == table.name)
                    .map_or_else(String::new, |memory| format!("{:.1}", memory.bytes_per_entry))
            });
            rows.push(std::iter::once(table.name.clone()).chain(cells).collect());
        }
        let sizes: Vec<String> = sizes.iter().map(|&entries| size(entries)).collect();
        let names: Vec<&str> = std::iter::once("TABLE").chain(sizes.iter().map(String::as_str)).collect();
        format!("\nbytes per entry of a full table\n{}", grid(&names, &[0], rows))
    }

    fn remarks(&self) -> String {
        let mut text = String::new();
        let share = self.core_share();
        if share < 0.95 {
            let _ = writeln!(
                text,
                "\nother programs had the core for up to {:.0} % of a run; their share of the caches shows in the figures",
                (1.0 - share) * 100.0
            );
        }
        for failure in &self.failures {
            let _ = writeln!(
                text,
                "\nWRONG: {} at {} entries, {}: {}",
                failure.table, failure.entries, failure.workload, failure.what
            );
        }
        for missing in &self.missing {
            let _ = writeln!(text, "\nnot measured: {}: {}", missing.table, missing.why);
        }
        text
    }
}

/// A number of entries, the way it is written on the command line.
pub fn size(entries: usize) -> String {
    match entries {
        0 => "0".to_owned(),
        _ if entries.is_multiple_of(1 << 20) => format!("{}M", entries >> 20),
        _ if entries.is_multiple_of(1 << 10) => format!("{}k", entries >> 10),
        _ => entries.to_string(),
    }
}

/// Reads a number of entries: `64k`, `1M`, `4096`. They are at least 1024, and rounded to a multiple of that.
pub fn parse_size(text: &str) -> Result<usize, String> {
    let (digits, unit) = match text.trim_end_matches(['k', 'M']) {
        digits if text.len() == digits.len() + 1 && text.ends_with('k') => (digits, 1 << 10),
        digits if text.len() == digits.len() + 1 && text.ends_with('M') => (digits, 1 << 20),
        digits => (digits, usize::from(digits.len() == text.len())),
    };
    let most = 64 << 20;
    match digits.parse::<usize>().ok().and_then(|number| number.checked_mul(unit)) {
        Some(entries) if (1..=most).contains(&entries) => Ok(Plan::rounded(entries)),
        _ => Err(format!("expected a number of entries up to {}, as in 64k or 1M", size(most))),
    }
}

fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

pub(crate) fn millions(rate: f64) -> String {
    format!("{:.1}", rate / 1e6)
}

fn cell(figure: &Figure) -> String {
    let rate = millions(figure.rate.median);
    match &figure.beside {
        None => rate,
        Some(beside) => {
            format!("{rate} + {} ({:.0} %)", millions(beside.writes.median), beside.share * 100.0)
        }
    }
}

fn details(figure: &Figure) -> Vec<String> {
    let mut cells = vec![
        size(figure.entries),
        figure.table.clone(),
        millions(figure.rate.median),
        format!("±{:.0} %", figure.rate.share() * 100.0),
        format!("{:.2}", figure.nanoseconds),
        figure.instructions.map_or_else(|| "-".to_owned(), |each| format!("{each:.0}")),
        format!("{:.2}", figure.line_rate.ten),
        format!("{:.2}", figure.line_rate.hundred),
        format!("{:.2}", figure.line_rate.four_hundred),
        figure.ratio_to_first.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}")),
    ];
    if let Some(beside) = &figure.beside {
        cells.push(millions(beside.writes.median));
        cells.push(format!("{:.0} %", beside.share * 100.0));
    }
    cells
}

/// Aligned columns under their names, two spaces apart; to the left those with the numbers in `left`.
pub(crate) fn grid(names: &[&str], left: &[usize], rows: Vec<Vec<String>>) -> String {
    let mut grid = Grid::new();
    grid.load_style(presets::NOTHING);
    grid.set_header(names);
    for (index, column) in grid.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        let align = if left.contains(&index) { CellAlignment::Left } else { CellAlignment::Right };
        column.set_cell_alignment(align);
    }
    grid.add_rows(rows);
    grid.lines().fold(String::new(), |text, line| text + line.trim_end() + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_they_are_written() {
        for entries in [1 << 10, 1 << 16, 1 << 18, 1 << 20, 16 << 20] {
            assert_eq!(parse_size(&size(entries)), Ok(entries));
        }
        assert_eq!(parse_size("5000"), Ok(5120));
        for wrong in ["", "k", "64K", "64kk", "0", "1kM", "65M", "-1", "99999999999999999999"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }
}
