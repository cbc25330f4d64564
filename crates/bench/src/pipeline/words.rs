//! The figures as tables.

use super::report::{PipelineFigure, PipelineReport};
use super::stage::Layer;
use crate::text::{grid, millions};
use std::fmt::Write;

/// Of one worker that two are to reach.
const SCALING_GOAL: f64 = 1.9;

/// Mpps that one core is to reach bridging, by stations a side.
const GOALS: [(usize, f64); 2] = [(10_000, 40.0), (65_536, 25.0)];

impl PipelineReport {
    /// Tables with a heading.
    pub fn details(&self) -> String {
        let machine = &self.machine;
        let mut text = format!(
            "{}: {}, {} cores, {}\nmedian and spread of {} runs of {} ms, longer where they lay far apart; cycles are those of {}\n",
            self.scope,
            machine.processor,
            machine.cores,
            machine.caches.join(", "),
            self.runs,
            self.milliseconds,
            machine
                .megahertz
                .map_or("a clock that is not known".to_owned(), |clock| format!("a clock of {clock:.0} MHz")),
        );
        for layer in [Layer::Bridged, Layer::Routed] {
            self.layer(layer, &mut text);
        }
        self.scaling(&mut text);
        self.shared(&mut text);
        if !self.is_complete {
            text += "\ninterrupted: this is what there was by then\n";
        }
        text
    }

    fn layer(&self, layer: Layer, text: &mut String) {
        let figures: Vec<&PipelineFigure> =
            self.figures.iter().filter(|figure| figure.layer == layer).collect();
        let Some(first) = figures.first() else { return };
        let rows = figures.iter().map(|figure| self.whole(figure)).collect();
        let title = match layer {
            Layer::Bridged => "bridged, learning and look-up included",
            Layer::Routed => "routed, IPv4 to groups of two next hops",
        };
        let counted = if layer == Layer::Bridged { "STATIONS A SIDE" } else { "PREFIXES" };
        let names =
            [counted, "BATCH", "MPPS", "SPREAD", "NS", "CYCLES", "10G", "100G", "400G", "GOAL", "TAP OFF"];
        let _ = write!(text, "\n{title}, one worker\n{}", grid(&names, &[], rows));

        let mut names = vec![counted.to_owned(), "BATCH".to_owned()];
        names.extend(first.stages.iter().map(|stage| stage.stage.to_uppercase()));
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let rows = figures.iter().map(|figure| {
            let own = figure.stages.iter().map(|stage| {
                let cycles = self.machine.megahertz.map(|clock| stage.nanoseconds * clock / 1e3);
                let cycles = cycles.map_or_else(String::new, |cycles| format!(" / {cycles:.0}"));
                format!("{:.1}{cycles}", stage.nanoseconds)
            });
            [figure.entries.to_string(), figure.batch.to_string()].into_iter().chain(own).collect()
        });
        let _ = write!(text, "\nstage by stage, ns / cycles a frame\n{}", grid(&names, &[], rows.collect()));
    }

    fn whole(&self, figure: &PipelineFigure) -> Vec<String> {
        let nanoseconds = 1e9 / figure.rate.median;
        let goal = GOALS.iter().find(|(entries, _)| {
            figure.layer == Layer::Bridged && *entries == figure.entries && figure.batch == 64
        });
        vec![
            figure.entries.to_string(),
            figure.batch.to_string(),
            millions(figure.rate.median),
            format!("±{:.0} %", figure.rate.share() * 100.0),
            format!("{nanoseconds:.1}"),
            self.machine
                .megahertz
                .map_or_else(|| "-".to_owned(), |clock| format!("{:.0}", nanoseconds * clock / 1e3)),
            format!("{:.2}", figure.line_rate.ten),
            format!("{:.2}", figure.line_rate.hundred),
            format!("{:.3}", figure.line_rate.four_hundred),
            goal.map_or_else(String::new, |(_, rate)| rate.to_string()),
            format!("{:.3} ±{:.0} %", figure.tap_off.median, figure.tap_off.share() * 100.0),
        ]
    }

    fn scaling(&self, text: &mut String) {
        if self.workers.is_empty() {
            return;
        }
        let rows = self.workers.iter().map(|figure| {
            vec![
                figure.layer.name().to_owned(),
                figure.entries.to_string(),
                figure.workers.to_string(),
                millions(figure.rate.median),
                format!("{:.2}", figure.line_rate.ten),
                format!("{:.2}", figure.line_rate.hundred),
                format!("{:.2}", figure.over_one.median),
                format!("±{:.0} %", figure.over_one.share() * 100.0),
                if figure.workers == 2 { SCALING_GOAL.to_string() } else { String::new() },
                format!("{:.2}", figure.over_apart.median),
            ]
        });
        let names = [
            "LAYER",
            "ENTRIES",
            "WORKERS",
            "MPPS",
            "10G",
            "100G",
            "OVER ONE",
            "SPREAD",
            "GOAL",
            "OVER SWITCHES APART",
        ];
        let _ = write!(text, "\nworkers of one switch, a core each\n{}", grid(&names, &[0], rows.collect()));
    }

    fn shared(&self, text: &mut String) {
        let frames: u64 = self.figures.iter().map(|figure| figure.frames).sum::<u64>()
            + self.workers.iter().map(|figure| figure.frames).sum::<u64>();
        let writes: u64 = self.figures.iter().map(|figure| figure.shared_writes).sum::<u64>()
            + self.workers.iter().map(|figure| figure.shared_writes).sum::<u64>();
        let _ = writeln!(
            text,
            "\nwritten to what workers share, by {frames} frames: {writes} times (MAC table, queue of reports)"
        );
        let share = self
            .figures
            .iter()
            .map(|figure| figure.core_share)
            .chain(self.workers.iter().map(|figure| figure.core_share))
            .fold(1.0, f64::min);
        if share < 0.95 {
            let _ = writeln!(
                text,
                "other programs had a core for up to {:.0} % of a run; what they do to the caches shows in the figures",
                (1.0 - share) * 100.0
            );
        }
    }
}
