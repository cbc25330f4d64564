//! What a scraper of metrics would have seen: OpenMetrics with timestamps, which Prometheus takes in as history.
//!
//! A scenario has a time of day and no date, so that its day is the first of 1970.

use super::watch::Watch;
use crate::World;
use greylag_base::Instant;
use greylag_scenario::lab::NodeKind;
use greylag_scenario::story::Scenario;
use greylag_switch::show::{Exposition, Family, Kind, write_series};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

/// Between two scrapes.
pub const SCRAPE_INTERVAL: Duration = Duration::from_secs(15);

/// The labels that a scraper adds, and those of the metric.
type Series = BTreeMap<(String, Vec<String>), Vec<(Duration, f64)>>;

/// All that was scraped.
#[derive(Default)]
pub(crate) struct Scrapes {
    /// Without samples, in their order.
    families: Vec<Family>,
    /// Of each family.
    series: Vec<Series>,
}

impl Scrapes {
    /// Scrapes all switches.
    pub(crate) fn scrape(&mut self, scenario: &Scenario, world: &World<Watch<'_>>) {
        let now = world.now();
        let seconds = |at: Instant| (scenario.start + at.since(Instant::ZERO)).as_secs_f64();
        let time = scenario.start + now.since(Instant::ZERO);
        for (index, node) in scenario.lab.nodes.iter().enumerate() {
            if !matches!(node.kind, NodeKind::Greylag(_)) {
                continue;
            }
            let switch = world.switch(index);
            self.family(Family {
                name: "up",
                kind: Kind::Gauge,
                help: "1 if the switch could be scraped.",
                labels: &[],
                samples: Vec::new(),
            });
            self.sample(0, &node.name, Vec::new(), (time, if switch.is_some() { 1.0 } else { 0.0 }));
            let Some(switch) = switch else { continue };
            for family in switch.metrics(now, &seconds).families {
                let samples = family.samples.clone();
                let place = self.family(family);
                for sample in samples {
                    self.sample(place, &node.name, sample.labels, (time, sample.value));
                }
            }
        }
    }

    /// The place of a family, whose first samples these may be.
    fn family(&mut self, family: Family) -> usize {
        let known = self.families.iter().position(|known| known.name == family.name);
        known.unwrap_or_else(|| {
            self.families.push(Family { samples: Vec::new(), ..family });
            self.series.push(Series::new());
            self.families.len() - 1
        })
    }

    fn sample(&mut self, family: usize, instance: &str, labels: Vec<String>, sample: (Duration, f64)) {
        self.series[family].entry((instance.to_owned(), labels)).or_default().push(sample);
    }

    /// Writes all of it, family by family, series by series.
    ///
    /// # Errors
    /// Those of `out`.
    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        for (family, series) in self.families.iter().zip(&self.series) {
            let mut head = String::new();
            Exposition::OpenMetrics.head(family, &mut head).expect("a String takes what is written to it");
            out.write_all(head.as_bytes())?;
            for ((instance, labels), samples) in series {
                let ours = family.labels.iter().copied().zip(labels.iter().map(String::as_str));
                let labels = [("instance", instance.as_str()), ("job", "greylag")].into_iter().chain(ours);
                let mut name = String::new();
                write_series(family.name, labels, &mut name).expect("a String takes what is written to it");
                for (time, value) in samples {
                    writeln!(out, "{name} {value} {}", time.as_secs_f64())?;
                }
            }
        }
        writeln!(out, "# EOF")?;
        out.flush()
    }
}
