//! The rate of look-ups against the size of the table, as a picture without a script: both axes by powers, each table
//! named at the end of its line.

use greylag_bench::report::Report;
use greylag_bench::{Workload, size};
use std::fmt::Write;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 540.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 690.0;
const TOP: f64 = 84.0;
const BOTTOM: f64 = 476.0;
/// Least distance between two names.
const LINE: f64 = 15.0;
/// Rates at which the grid has a line, Mops/s.
const RATES: [f64; 9] = [2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];

/// Colours are given plainly first, for programs that do not know of dark paper.
const STYLE: &str = "\
text { font: 12px system-ui, sans-serif; fill: #1f2328; }
.paper { fill: #ffffff; }
.title { font-size: 15px; font-weight: 600; }
.faint { fill: #6e7781; }
.grid { stroke: #d8dee4; }
.goal { fill: none; stroke: #1f2328; stroke-width: 1.5; }
polyline { fill: none; stroke-width: 1.6; stroke-linejoin: round; }
.alone polyline { stroke-dasharray: 5 4; }
.first polyline { stroke-width: 3.5; }
.first text { font-weight: 700; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .paper { fill: #0d1117; }
  .faint { fill: #9198a1; }
  .grid { stroke: #2a313a; }
  .goal { stroke: #e6edf3; }
}
";

/// Colours that can be told apart on light and dark paper, the first for the first table.
const COLOURS: [&str; 12] = [
    "#e5484d", "#8b8d98", "#3e8ede", "#2f9e6e", "#a8672c", "#9a5fd1", "#d6409f", "#7c8f1f", "#12a5b8",
    "#12a5b8", "#f0a020", "#5b6b8c",
];

struct Line<'r> {
    name: &'r str,
    is_concurrent: bool,
    colour: &'static str,
    points: Vec<(f64, f64)>,
    /// Height of the name.
    label: f64,
}

/// The look-up hits of a report, in batches.
pub(crate) fn look_ups(report: &Report) -> String {
    let sizes = report.sizes();
    let (Some(&least), Some(&most)) = (sizes.first(), sizes.last()) else { return String::new() };
    let rates: Vec<f64> = report
        .figures
        .iter()
        .filter(|figure| figure.workload == Workload::Hit.name())
        .map(|figure| figure.rate.median / 1e6)
        .collect();
    let lowest = rates.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = rates.iter().copied().fold(0.0, f64::max);
    let floor = RATES.into_iter().rfind(|rate| *rate <= lowest).unwrap_or(RATES[0]);
    let ceiling = RATES.into_iter().find(|rate| *rate >= highest).unwrap_or(RATES[8]);
    let x = |entries: usize| scale((least as f64, most as f64), (LEFT, RIGHT), entries as f64);
    let y = |rate: f64| scale((floor, ceiling), (BOTTOM, TOP), rate);

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"Look-ups per second against entries in the table\">\n<style>\n{STYLE}</style>\n\
         <rect width=\"100%\" height=\"100%\" class=\"paper\"/>\n"
    );
    let text = |svg: &mut String, class: &str, anchor: &str, x: f64, y: f64, text: &str| {
        let _ = writeln!(
            svg,
            "<text class=\"{class}\" text-anchor=\"{anchor}\" x=\"{x:.0}\" y=\"{y:.1}\">{text}</text>"
        );
    };
    text(&mut svg, "title", "start", LEFT, 24.0, "MAC table alone: look-ups that hit, in batches of 32");
    let method = format!(
        "million per second on one core, median of {} runs; dashed: for one thread only; crosses: goals",
        report.method.runs
    );
    text(&mut svg, "faint", "start", LEFT, 43.0, &method);
    let machine = format!("{}, {}", report.machine.processor, report.machine.caches.join(", "));
    text(&mut svg, "faint", "start", LEFT, 60.0, &machine);
    for rate in RATES.into_iter().filter(|rate| (floor..=ceiling).contains(rate)) {
        let at = y(rate);
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>"
        );
        text(&mut svg, "faint", "end", LEFT - 8.0, at + 4.0, &rate.to_string());
    }
    for &entries in &sizes {
        text(&mut svg, "faint", "middle", x(entries), BOTTOM + 20.0, &size(entries));
        if let Some(goal) = Workload::Hit.goal(entries) {
            let (across, up) = (x(entries), y(goal.rate.clamp(floor, ceiling)));
            let _ = writeln!(
                svg,
                "<path class=\"goal\" d=\"M{:.1} {up:.1}h18M{across:.1} {:.1}v18\"/>",
                across - 9.0,
                up - 9.0
            );
        }
    }
    text(&mut svg, "faint", "middle", (LEFT + RIGHT) / 2.0, BOTTOM + 42.0, "entries in the table");

    let mut lines: Vec<Line> = report
        .tables
        .iter()
        .zip(COLOURS.into_iter().cycle())
        .filter_map(|(table, colour)| {
            let points: Vec<(f64, f64)> = sizes
                .iter()
                .filter_map(|&entries| {
                    let figure = report.figure(Workload::Hit.name(), entries, &table.name)?;
                    Some((x(entries), y(figure.rate.median / 1e6)))
                })
                .collect();
            let label = points.last()?.1;
            Some(Line { name: &table.name, is_concurrent: table.is_concurrent, colour, points, label })
        })
        .collect();
    part(&mut lines);
    // The first table last, so that it is drawn over the others.
    for (index, line) in lines.iter().enumerate().rev() {
        let class = match (index, line.is_concurrent) {
            (0, _) => "first",
            (_, false) => "alone",
            _ => "",
        };
        let colour = line.colour;
        let points: Vec<String> = line.points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(
            svg,
            "<g class=\"{class}\"><polyline stroke=\"{colour}\" points=\"{}\"/>",
            points.join(" ")
        );
        for (x, y) in &line.points {
            let _ = writeln!(
                svg,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.6\" fill=\"{colour}\" stroke=\"{colour}\"/>"
            );
        }
        let (end, height) = line.points[line.points.len() - 1];
        let _ = writeln!(
            svg,
            "<line stroke=\"{colour}\" stroke-opacity=\".6\" x1=\"{:.1}\" y1=\"{height:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{}</text></g>",
            end + 5.0,
            RIGHT + 26.0,
            line.label,
            RIGHT + 31.0,
            line.label + 4.0,
            line.name
        );
    }
    svg + "</svg>\n"
}

/// Where a value lies between two places, by its power.
fn scale((least, most): (f64, f64), (from, to): (f64, f64), value: f64) -> f64 {
    if most <= least {
        (from + to) / 2.0
    } else {
        from + (to - from) * (value / least).ln() / (most / least).ln()
    }
}

/// Moves names apart that would lie on each other, and keeps them on the paper.
fn part(lines: &mut [Line]) {
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by(|one, other| lines[*one].label.total_cmp(&lines[*other].label));
    let mut least = TOP - 2.0;
    for &index in &order {
        lines[index].label = lines[index].label.max(least);
        least = lines[index].label + LINE;
    }
    let mut most = BOTTOM + 4.0;
    for &index in order.iter().rev() {
        lines[index].label = lines[index].label.min(most);
        most = lines[index].label - LINE;
    }
}
