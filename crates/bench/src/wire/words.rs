//! The figures as tables: a table to a case, a line to a device.

use super::bed::PortKind;
use super::dut::Dut;
use super::measure::Measure;
use super::report::{Missing, WireFigure, WireReport};
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
            let mut versions: Vec<&str> = self.versions.values().map(String::as_str).collect();
            // Some devices are other ways of the same program.
            versions.sort_unstable();
            versions.dedup();
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
        rows.extend(self.against_the_best(&figures, measure, names.len()));
        Some(Table { names, rows })
    }

    /// The first device against the best of the others that are switches, and what bounds both against the same.
    fn against_the_best(
        &self,
        figures: &[&WireFigure],
        measure: Measure,
        columns: usize,
    ) -> Vec<Vec<String>> {
        let Some(name) = self.duts.first() else { return Vec::new() };
        let dut_of = |name: &str| Dut::ALL.into_iter().find(|dut| dut.name() == name);
        let is_ours = dut_of(name).is_some_and(Dut::is_ours);
        // Another way of the same switch is no other switch.
        let is_other = |dut: Dut| dut.is_switch() && dut.name() != name && !(is_ours && dut.is_ours());
        let others = figures.iter().filter(|figure| dut_of(&figure.dut).is_some_and(is_other));
        let best = match measure.is_cost() {
            true => others.min_by(|one, other| one.value.median.total_cmp(&other.value.median)),
            false => others.max_by(|one, other| one.value.median.total_cmp(&other.value.median)),
        };
        let Some(best) = best else { return Vec::new() };
        let is_held = |dut: &str| dut == name || Dut::BOUNDS.iter().any(|bound| bound.name() == dut);
        // The device first, as it is what the table is about.
        let mut held: Vec<&&WireFigure> = figures.iter().filter(|figure| is_held(&figure.dut)).collect();
        held.sort_by_key(|figure| figure.dut != *name);
        let rows = held.into_iter().map(|figure| {
            let which = if figure.dut == *name { ", the best other" } else { "" };
            let ratio = figure.value.median / best.value.median;
            let mut row = vec![format!("{} over {}{which}", figure.dut, best.dut)];
            row.push(if ratio.is_finite() { format!("{ratio:.2}") } else { "-".to_owned() });
            row.resize(columns, String::new());
            row
        });
        rows.collect()
    }

    fn remarks(&self) -> String {
        let mut text = String::new();
        // Several may have the same reason.
        let same = |one: &Missing, other: &Missing| {
            (one.ports, &one.measure, &one.why) == (other.ports, &other.measure, &other.why)
        };
        for (at, missing) in self.missing.iter().enumerate() {
            if self.missing[..at].iter().any(|told| same(told, missing)) {
                continue;
            }
            let duts = self.missing[at..].iter().filter(|other| same(other, missing));
            let duts: Vec<&str> = duts.map(|missing| missing.dut.as_str()).collect();
            let of = missing.measure.as_ref().map_or_else(String::new, |measure| format!(", {measure}"));
            let (duts, ports) = (duts.join(", "), missing.ports.name());
            let _ = writeln!(text, "\nnot measured: {duts} on {ports}{of}: {}", missing.why);
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

    fn report(figures: Vec<WireFigure>, missing: Vec<Missing>) -> WireReport {
        WireReport {
            machine: Machine::this(2),
            load_average: "0.00".to_owned(),
            versions: ["greylag", "greylag-afxdp"].map(|dut| (dut.to_owned(), "greylag 1".to_owned())).into(),
            generator: "AF_XDP".to_owned(),
            trial: 1.0,
            runs: 1,
            pattern: "random".to_owned(),
            is_complete: true,
            duts: ["greylag", "greylag-afxdp", "ovs", "linux-bridge"].map(str::to_owned).to_vec(),
            figures,
            missing,
        }
    }

    #[test]
    fn the_first_device_and_what_bounds_it_are_held_against_the_best_other_switch() {
        let figures = vec![
            figure("(bare loop)", 4.0),
            figure("greylag", 1.5),
            figure("greylag-afxdp", 1.8),
            figure("ovs", 0.5),
            figure("linux-bridge", 1.0),
        ];
        let report = report(figures, Vec::new());
        let text = report.details();
        let first = text.find("greylag over linux-bridge, the best other  1.50").expect(&text);
        let bound = text.find("(bare loop) over linux-bridge              4.00").expect(&text);
        assert!(first < bound, "{text}");
        assert!(!text.contains("(bare loop) over greylag"), "{text}");
        assert_eq!(text.matches("greylag 1\n").count(), 1, "a version that two have is told once: {text}");
        assert!(report.markdown().contains("| (bare loop) | 4.00 |"), "{}", report.markdown());
    }

    #[test]
    fn a_reason_that_several_have_is_told_once() {
        let missing = |dut: &str, why: &str| Missing {
            dut: dut.to_owned(),
            ports: PortKind::Veth,
            measure: Some("tcp".to_owned()),
            why: why.to_owned(),
        };
        let all = vec![missing("ovs", "known"), missing("vde", "other"), missing("ovs-dpdk", "known")];
        let text = report(Vec::new(), all).details();
        assert!(text.contains("\nnot measured: ovs, ovs-dpdk on veth, tcp: known\n"), "{text}");
        assert!(text.contains("\nnot measured: vde on veth, tcp: other\n"), "{text}");
        assert_eq!(text.matches("known").count(), 1, "{text}");
    }
}
