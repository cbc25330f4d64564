//! Times as people read them: of day, and spans.

use greylag_base::Instant;
use std::time::Duration;

const DAY: u64 = 86_400;

/// Writes times of a scenario as times of day.
#[derive(Clone, Copy, Debug)]
pub struct DayClock {
    start: Duration,
}

impl DayClock {
    /// A clock that shows `start`, since midnight, when the world begins.
    pub fn new(start: Duration) -> Self {
        DayClock { start }
    }

    /// A time since the start: `90s`, `5m`, plain seconds, or a time of day such as `13:27:45`, which may be on the
    /// next day. `None` when it is neither.
    pub fn parse(&self, text: &str) -> Option<Duration> {
        if let Some((hours, rest)) = text.split_once(':') {
            let (minutes, seconds) = rest.split_once(':').unwrap_or((rest, "0"));
            let part = |text: &str, below: u64| text.parse::<u64>().ok().filter(|&number| number < below);
            let of_day = (part(hours, 24)? * 60 + part(minutes, 60)?) * 60 + part(seconds, 60)?;
            let of_day = Duration::from_secs(of_day);
            let next_day = if of_day < self.start { Duration::from_secs(DAY) } else { Duration::ZERO };
            return Some(of_day + next_day - self.start);
        }
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let millis = match unit {
            "ms" => 1,
            "" | "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(millis).map(Duration::from_millis)
    }

    /// The time of day with as many of three decimals as it needs: `13:27:45`, `13:27:45.12`.
    pub fn time(&self, at: Instant) -> String {
        let millis = (self.start + at.since(Instant::ZERO)).as_millis() as u64;
        let (seconds, millis) = (millis / 1_000, millis % 1_000);
        let (hours, minutes) = (seconds / 3_600 % (DAY / 3_600), seconds / 60 % 60);
        let day = match seconds / DAY {
            0 => String::new(),
            days => format!("+{days}d "),
        };
        format!("{day}{hours:02}:{minutes:02}:{:02}{}", seconds % 60, decimals(millis))
    }
}

/// A span with as many of three decimals as it needs, as scenario files write it: `4s`, `5m2.5s`, `1h0m3s`.
pub fn span(span: Duration) -> String {
    if span > Duration::ZERO && span < Duration::from_millis(1) {
        return format!("{}us", span.as_nanos().div_ceil(1_000));
    }
    let millis = span.as_millis() as u64;
    if millis > 0 && millis < 1_000 {
        return format!("{millis}ms");
    }
    let (seconds, millis) = (millis / 1_000, millis % 1_000);
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    let rest = format!("{}{}s", seconds % 60, decimals(millis));
    match (hours, minutes) {
        (0, 0) => rest,
        (0, minutes) => format!("{minutes}m{rest}"),
        (hours, minutes) => format!("{hours}h{minutes}m{rest}"),
    }
}

/// A difference with its sign: `+4s`, `-120ms`, `0s`.
pub fn difference(nanos: i64) -> String {
    let sign = match nanos {
        ..-499_999 => "-",
        -499_999..=499_999 => return "0s".to_owned(),
        _ => "+",
    };
    // What is below a millisecond says nothing about a log that is written in seconds.
    let millis = nanos.unsigned_abs().saturating_add(500_000) / 1_000_000;
    format!("{sign}{}", span(Duration::from_millis(millis)))
}

fn decimals(millis: u64) -> String {
    let digits = format!("{millis:03}");
    match digits.trim_end_matches('0') {
        "" => String::new(),
        digits => format!(".{digits}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_go_on_behind_midnight() {
        let clock = DayClock::new(Duration::from_secs(86_399));
        assert_eq!(clock.time(Instant::ZERO), "23:59:59");
        assert_eq!(clock.time(Instant::from_nanos(1_120_000_000)), "+1d 00:00:00.12");
        assert_eq!(DayClock::new(Duration::ZERO).time(Instant::from_nanos(90_000_000_000)), "00:01:30");
    }

    #[test]
    fn times_are_read_as_files_have_them() {
        let clock = DayClock::new(Duration::from_secs(13 * 3_600 + 26 * 60));
        let cases = [("90s", 90), ("5m", 300), ("7", 7), ("13:27:45", 105), ("13:25", 86_340)];
        for (text, seconds) in cases {
            assert_eq!(clock.parse(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for wrong in ["", "soon", "25:00", "5d", "-3", "1:2:3:4", "99999999999999999999s"] {
            assert_eq!(clock.parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn spans_are_written_as_in_files() {
        let cases = [(0, "0s"), (120, "120ms"), (4_000, "4s"), (302_500, "5m2.5s"), (3_603_000, "1h0m3s")];
        for (millis, text) in cases {
            assert_eq!(span(Duration::from_millis(millis)), text);
        }
        assert_eq!(span(Duration::from_nanos(1_500)), "2us");
        assert_eq!(difference(-120_400_000), "-120ms");
        assert_eq!(difference(400_000), "0s");
        assert_eq!(difference(4_000_000_000), "+4s");
    }
}
