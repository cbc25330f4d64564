//! The two text formats that scrapers read.

use super::{Family, Kind, Metrics};
use std::fmt::{self, Write};

/// A format for numbers.
///
/// They differ in little: OpenMetrics names a counter's family without `_total`, tells its unit, and says where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposition {
    /// Prometheus' own, version 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Exposition {
    /// What a scraper understands best, by the `Accept` of its request.
    pub fn of_accept(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") {
            Exposition::OpenMetrics
        } else {
            Exposition::Prometheus
        }
    }

    /// The media type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Exposition::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Exposition::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// All families with their samples.
    pub fn render(self, metrics: &Metrics) -> String {
        let mut text = String::new();
        let mut write = || -> fmt::Result {
            for family in &metrics.families {
                self.head(family, &mut text)?;
                for sample in &family.samples {
                    let labels = family.labels.iter().copied().zip(sample.labels.iter().map(String::as_str));
                    write_series(family.name, labels, &mut text)?;
                    writeln!(text, " {}", sample.value)?;
                }
            }
            if self == Exposition::OpenMetrics { writeln!(text, "# EOF") } else { Ok(()) }
        };
        write().expect("a String takes what is written to it");
        text
    }

    /// What stands before the samples of a family.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn head(self, family: &Family, out: &mut impl Write) -> fmt::Result {
        let name = match (self, family.kind) {
            (Exposition::OpenMetrics, Kind::Counter) => family.name.trim_end_matches("_total"),
            _ => family.name,
        };
        writeln!(out, "# HELP {name} {}", family.help.replace('\\', "\\\\").replace('\n', "\\n"))?;
        writeln!(out, "# TYPE {name} {}", family.kind.name())?;
        let unit = ["seconds", "bytes"].into_iter().find(|unit| name.ends_with(&format!("_{unit}")));
        match unit.filter(|_| self == Exposition::OpenMetrics) {
            Some(unit) => writeln!(out, "# UNIT {name} {unit}"),
            None => Ok(()),
        }
    }
}

/// A name and what tells it from others of the name; labels without a value are left out.
///
/// # Errors
/// Those of `out`.
pub fn write_series<'a>(
    name: &str,
    labels: impl Iterator<Item = (&'a str, &'a str)>,
    out: &mut impl Write,
) -> fmt::Result {
    out.write_str(name)?;
    let mut before = '{';
    for (label, value) in labels.filter(|(_, value)| !value.is_empty()) {
        write!(out, "{before}{label}=\"{}\"", escape(value))?;
        before = ',';
    }
    if before == ',' { out.write_char('}') } else { Ok(()) }
}

/// A label's value as it stands between quotation marks.
fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Metrics {
        let mut metrics = Metrics::default();
        let frames =
            metrics.counter("greylag_some_frames_total", "Frames\nof \\ some port.", &["port", "lag"]);
        frames.put(&["eth1", ""], 7);
        frames.put(&["a\"b\\c", "ae0"], u64::from(u32::MAX) + 1);
        metrics.gauge("greylag_since_seconds", "Since when.", &[]).put_real(&[], 0.25);
        metrics.gauge("greylag_nothing", "Of this there is none.", &["port"]);
        metrics
    }

    #[test]
    fn prometheus_reads_names_as_they_are() {
        assert_eq!(
            Exposition::of_accept("text/plain;version=0.0.4;q=0.5,*/*;q=0.1").render(&some()),
            r#"# HELP greylag_some_frames_total Frames\nof \\ some port.
# TYPE greylag_some_frames_total counter
greylag_some_frames_total{port="eth1"} 7
greylag_some_frames_total{port="a\"b\\c",lag="ae0"} 4294967296
# HELP greylag_since_seconds Since when.
# TYPE greylag_since_seconds gauge
greylag_since_seconds 0.25
# HELP greylag_nothing Of this there is none.
# TYPE greylag_nothing gauge
"#
        );
    }

    #[test]
    fn openmetrics_names_counters_without_their_end_and_says_where_it_ends() {
        let accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
        assert_eq!(
            Exposition::of_accept(accept).render(&some()),
            r#"# HELP greylag_some_frames Frames\nof \\ some port.
# TYPE greylag_some_frames counter
greylag_some_frames_total{port="eth1"} 7
greylag_some_frames_total{port="a\"b\\c",lag="ae0"} 4294967296
# HELP greylag_since_seconds Since when.
# TYPE greylag_since_seconds gauge
# UNIT greylag_since_seconds seconds
greylag_since_seconds 0.25
# HELP greylag_nothing Of this there is none.
# TYPE greylag_nothing gauge
# EOF
"#
        );
    }
}
