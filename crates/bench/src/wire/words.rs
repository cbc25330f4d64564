//! The figures as tables: a table to a case, a line to a device.

use super::bed::PortKind;
use super::dut::Dut;
use super::measure::Measure;
use super::report::{WireFigure, WireReport};
use crate::text::grid;
use std::fmt::Write;

impl WireReport {
    /// Tables with a heading.
    pub fn details(&self) -> String {
        let mut text = self.heading();
        for (measure, ports, case) in self.cases() {
            let Some(table) = self.table(measure, ports, case) else { continue };
            let of = case.map_or_else(String::new, |case| format!(", {case}"));
            let _ = write!(text, "\n{}: {}{of}\n", ports.name(), measure.title());
            text += &grid(&table.names.iter().map(String::as_str).collect::<Vec<_>>(), &[0], table.rows);
        }
        text + &self.remarks()
    }

    /// The same as Markdown, for a document.
    pub fn markdown(&self) -> String {
        let mut text = self.heading().lines().fold(String::new(), |text, line| format!("{text}- {line}\n"));
        for (measure, ports, case) in self.cases() {
            let Some(table) = self.table(measure, ports, case) else { continue };
            let of = case.map_or_else(String::new, |case| format!(", {case}"));
            let _ = write!(text, "\n### {}: {}{of}\n\n", ports.name(), measure.title());
            let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
            text += &line(&table.names.iter().map(|name| name.to_lowercase()).collect::<Vec<_>>());
            text += &format!("|{}\n", " --- |".repeat(table.names.len()));
            text.extend(table.rows.iter().map(|row| line(row)));
        }
        text + &self.remarks()
    }

    fn heading(&self) -> String {
        let machine = &self.machine;
        let mut text = format!(
            "{}, {} cores, kernel {}; load average at the end: {}\n\
             median and spread of {} run{} of {} s; generator by {} on a core of its own, {} addresses\n",
            machine.processor,
            machine.cores,
            machine.kernel,
            self.load_average,
            self.runs,
            if self.runs == 1 { "" } else { "s" },
            self.trial,
            if self.generator.is_empty() { "sockets" } else { &self.generator },
            self.pattern,
        );
        if !self.versions.is_empty() {
            let versions: Vec<&str> = self.versions.values().map(String::as_str).collect();
            let _ = writeln!(text, "{}", versions.join("; "));
        }
        text
    }

    fn table(&self, measure: Measure, ports: PortKind, case: Option<&str>) -> Option<Table> {
        let figures: Vec<&WireFigure> = self
            .figures
            .iter()
            .filter(|figure| {
                figure.measure == measure.name() && figure.ports == ports && figure.case.as_deref() == case
            })
            .collect();
        let unit = &figures.first()?.unit;
        let first = figures.iter().find(|figure| self.duts.first() == Some(&figure.dut));
        // The columns are those of all lines together.
        let mut details: Vec<&String> = figures.iter().flat_map(|figure| figure.details.keys()).collect();
        details.sort_by_key(|name| order(name));
        details.dedup();
        let mut names = vec!["DEVICE".to_owned(), unit.to_uppercase(), "SPREAD".to_owned()];
        names.push(self.duts.first().map_or_else(String::new, |dut| format!("OVER {}", dut.to_uppercase())));
        names.extend(details.iter().map(|name| name.to_uppercase()));
        let rows = figures.iter().map(|figure| {
            let ratio = first.filter(|first| first.value.median > 0.0);
            let ratio = ratio.map(|first| figure.value.median / first.value.median);
            let mut row = vec![figure.dut.clone(), number(figure.value.median)];
            row.push(match figure.value.median {
                0.0 => "-".to_owned(),
                _ => format!("±{:.0} %", figure.value.share() * 100.0),
            });
            row.push(ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}")));
            row.extend(
                details.iter().map(|name| figure.details.get(*name).map_or_else(String::new, |v| number(*v))),
            );
            row
        });
        let mut rows: Vec<Vec<String>> = rows.collect();
        if let Some(row) = self.against_the_best(&figures, measure, names.len()) {
            rows.push(row);
        }
        Some(Table { names, rows })
    }

    /// The first device against the best of the others that are switches.
    fn against_the_best(
        &self,
        figures: &[&WireFigure],
        measure: Measure,
        columns: usize,
    ) -> Option<Vec<String>> {
        let name = self.duts.first()?;
        let first = figures.iter().find(|figure| figure.dut == *name)?;
        let dut_of = |name: &str| Dut::ALL.into_iter().find(|dut| dut.name() == name);
        let is_ours = dut_of(name).is_some_and(Dut::is_ours);
        // Another way of the same switch is no other switch.
        let is_other = |dut: Dut| dut.is_switch() && dut.name() != name && !(is_ours && dut.is_ours());
        let others = figures.iter().filter(|figure| dut_of(&figure.dut).is_some_and(is_other));
        let best = match measure.is_cost() {
            true => others.min_by(|one, other| one.value.median.total_cmp(&other.value.median)),
            false => others.max_by(|one, other| one.value.median.total_cmp(&other.value.median)),
        }?;
        let ratio = first.value.median / best.value.median;
        let mut row = vec![format!("{name} over {}, the best other", best.dut)];
        row.push(if ratio.is_finite() { format!("{ratio:.2}") } else { "-".to_owned() });
        row.resize(columns, String::new());
        Some(row)
    }

    fn remarks(&self) -> String {
        let mut text = String::new();
        for missing in &self.missing {
            let of = missing.measure.as_ref().map_or_else(String::new, |measure| format!(", {measure}"));
            let _ = writeln!(
                text,
                "\nnot measured: {} on {}{of}: {}",
                missing.dut,
                missing.ports.name(),
                missing.why
            );
        }
        if !self.is_complete {
            text += "\ninterrupted: this is what there was by then\n";
        }
        text
    }
}

struct Table {
    names: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// Shares of a histogram in their order, all else by name behind them.
fn order(name: &str) -> (u8, String) {
    let shares = ["least", "p50", "p90", "p99", "p99.9", "p99.99", "most"];
    match shares.iter().position(|share| *share == name) {
        Some(at) => (at as u8, String::new()),
        None => (u8::MAX, name.to_owned()),
    }
}

/// Three digits or more.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        least if least < 0.01 => format!("{value:.4}"),
        small if small < 10.0 => format!("{value:.2}"),
        middle if middle < 1000.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Machine;
    use crate::report::Spread;
    use std::collections::BTreeMap;

    fn figure(dut: &str, value: f64) -> WireFigure {
        WireFigure {
            measure: "forwarding".to_owned(),
            ports: PortKind::Veth,
            case: Some("64 octets, 10 MACs".to_owned()),
            dut: dut.to_owned(),
            unit: "Mpps".to_owned(),
            value: Spread::of(vec![value]),
            runs: vec![value],
            details: BTreeMap::new(),
        }
    }

    #[test]
    fn the_first_device_is_held_against_the_best_other_switch_and_not_against_a_loop() {
        let report = WireReport {
            machine: Machine::this(2),
            load_average: "0.00".to_owned(),
            versions: BTreeMap::new(),
            generator: "AF_XDP".to_owned(),
            trial: 1.0,
            runs: 1,
            pattern: "random".to_owned(),
            is_complete: true,
            duts: ["greylag", "greylag-afxdp", "ovs", "linux-bridge"].map(str::to_owned).to_vec(),
            figures: vec![
                figure("(bare loop)", 4.0),
                figure("greylag", 1.5),
                figure("greylag-afxdp", 1.8),
                figure("ovs", 0.5),
                figure("linux-bridge", 1.0),
            ],
            missing: Vec::new(),
        };
        let text = report.details();
        assert!(text.contains("greylag over linux-bridge, the best other  1.50"), "{text}");
        assert!(report.markdown().contains("| (bare loop) | 4.00 |"), "{}", report.markdown());
    }
}
