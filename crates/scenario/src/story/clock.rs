//! Times of a scenario: since its start, or of the day.

use crate::field::Field;
use crate::phrase::quoted;
use crate::time_span::{time_span, written};
use crate::yaml::Value;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// When a scenario begins and ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// Time of day at zero.
    pub(super) start: Duration,
    /// Since the start.
    pub(super) end: Duration,
}

impl Clock {
    /// A moment of the scenario, as the time since its start. A time of day is the first that comes after `start`:
    /// one that is earlier is on the next day.
    pub(super) fn moment(&self, field: &Field<'_>, what: &str) -> Option<Duration> {
        let Value::Text(text) = field.value() else {
            return time_span(field, what, Duration::ZERO..=self.end);
        };
        if !text.contains(':') {
            return time_span(field, what, Duration::ZERO..=self.end);
        }
        let time = time_of_day(field)?;
        let since = if time >= self.start { time - self.start } else { time + DAY - self.start };
        if since > self.end {
            field.refuse(format!(
                "{what} {text} is {} after the start at {}: expected {} at most, the duration",
                written(since),
                day_time(self.start),
                written(self.end)
            ));
            return None;
        }
        Some(since)
    }
}

/// `hh:mm:ss`, with a fraction of up to three digits, since midnight.
pub(super) fn time_of_day(field: &Field<'_>) -> Option<Duration> {
    field.parsed("a time of day such as \"13:26:00\"", |text| {
        let wrong = || format!("{} is not a time of day: expected one such as 13:26:00", quoted(text));
        let mut parts = text.split(':');
        let mut part = |limit: u64| {
            let digits =
                parts.next().filter(|part| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit()));
            digits.and_then(|digits| digits.parse::<u64>().ok()).filter(|&number| number < limit)
        };
        let (hours, minutes) = (part(24).ok_or_else(wrong)?, part(60).ok_or_else(wrong)?);
        let (seconds, rest) = parts.next().ok_or_else(wrong)?.split_at_checked(2).ok_or_else(wrong)?;
        let seconds = seconds.parse::<u8>().ok().filter(|&seconds| seconds < 60).ok_or_else(wrong)?;
        let milliseconds = match rest.strip_prefix('.') {
            None if rest.is_empty() => 0,
            Some(digits) if (1..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) => {
                format!("{digits:0<3}").parse::<u64>().map_err(|_| wrong())?
            }
            _ => return Err(wrong()),
        };
        match parts.next() {
            Some(_) => Err(wrong()),
            None => Ok(Duration::from_secs(hours * 3600 + minutes * 60 + u64::from(seconds))
                + Duration::from_millis(milliseconds)),
        }
    })
}

fn day_time(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
