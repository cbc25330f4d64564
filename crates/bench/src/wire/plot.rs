//! The forwarding rates as a picture without a script: a group of bars to a case, a bar to a device.

use super::measure::Measure;
use super::report::WireReport;
use std::fmt::Write;

const WIDTH: f64 = 860.0;
const LEFT: f64 = 190.0;
const RIGHT: f64 = 780.0;
const TOP: f64 = 70.0;
/// From bar to bar, and from group to group.
const BAR: f64 = 18.0;
const GAP: f64 = 34.0;

/// Colours are given plainly first, for programs that do not know of dark paper.
const STYLE: &str = "\
text { font: 12px system-ui, sans-serif; fill: #1f2328; }
.paper { fill: #ffffff; }
.title { font-size: 15px; font-weight: 600; }
.faint { fill: #6e7781; }
.bar { fill: #8b8d98; }
.first { fill: #e5484d; }
.bound { fill: none; stroke: #6e7781; stroke-dasharray: 4 3; }
.spread { stroke: #1f2328; stroke-width: 1.2; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .paper { fill: #0d1117; }
  .faint { fill: #9198a1; }
  .spread { stroke: #e6edf3; }
}
";

impl WireReport {
    /// The forwarding rates as SVG; the bars of what bounds them are hollow.
    pub fn plot(&self) -> String {
        let name = Measure::Forwarding.name();
        let figures = self.figures.iter().filter(|figure| figure.measure == name);
        let most = figures.map(|figure| figure.value.most).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
        let mut bars = String::new();
        let mut y = TOP;
        for (_, ports, case) in self.cases().into_iter().filter(|(measure, ..)| measure.name() == name) {
            let title = format!("{}, {}", ports.name(), case.unwrap_or("all"));
            y += GAP;
            text(&mut bars, "", "start", LEFT, y - 6.0, &title);
            for figure in &self.figures {
                if figure.measure != name || figure.ports != ports || figure.case.as_deref() != case {
                    continue;
                }
                let class = match figure.dut.as_str() {
                    dut if self.duts.first().is_some_and(|first| first == dut) => "first",
                    dut if dut.starts_with('(') => "bound",
                    _ => "bar",
                };
                let x = |value: f64| LEFT + (RIGHT - LEFT) * value / most;
                let (value, middle) = (figure.value, y + BAR / 2.0);
                text(&mut bars, "faint", "end", LEFT - 8.0, y + 12.0, &figure.dut);
                let _ = writeln!(
                    bars,
                    "<rect class=\"{class}\" x=\"{LEFT}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>\
                     <line class=\"spread\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{middle:.1}\" y2=\"{middle:.1}\"/>",
                    y + 2.0,
                    x(value.median) - LEFT,
                    BAR - 4.0,
                    x(value.least),
                    x(value.most),
                );
                let number = format!("{:.2}", value.median);
                text(&mut bars, "faint", "start", x(value.most) + 6.0, y + 12.0, &number);
                y += BAR;
            }
        }
        let height = y + 30.0;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" \
             aria-label=\"Frames per second by device\">\n<style>\n{STYLE}</style>\n\
             <rect width=\"100%\" height=\"100%\" class=\"paper\"/>\n"
        );
        text(
            &mut svg,
            "title",
            "start",
            24.0,
            28.0,
            "Forwarding rate while more is offered, million frames per second",
        );
        let method = format!(
            "median of {} runs of {} s, lines from least to most; hollow: bare loops over the same ports",
            self.runs, self.trial
        );
        text(&mut svg, "faint", "start", 24.0, 47.0, &method);
        let machine = format!(
            "{}, kernel {}, load average {}",
            self.machine.processor, self.machine.kernel, self.load_average
        );
        text(&mut svg, "faint", "start", 24.0, 64.0, &machine);
        svg + &bars + "</svg>\n"
    }
}

fn text(svg: &mut String, class: &str, anchor: &str, x: f64, y: f64, text: &str) {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        svg,
        "<text class=\"{class}\" text-anchor=\"{anchor}\" x=\"{x:.0}\" y=\"{y:.1}\">{escaped}</text>"
    );
}
