use crate::field::Field;
use crate::phrase::quoted;
use crate::yaml::Value;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The longest ageing time of IEEE 802.1Q-2022 table 8-6, and the longest of all times here.
pub(crate) const LONGEST: Duration = Duration::from_secs(1_000_000);

const UNITS: &[(&str, u64)] = &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

/// A time: whole seconds as a number, or a number with its unit such as `500ms` or `5m`.
pub(crate) fn time_span(field: &Field<'_>, what: &str, range: RangeInclusive<Duration>) -> Option<Duration> {
    const EXPECTED: &str = "seconds or a time such as 500ms, 10s, 5m or 1h";
    let milliseconds = match field.value() {
        Value::Integer(seconds) => seconds.checked_mul(1_000),
        Value::Text(text) => match milliseconds(text) {
            Some(milliseconds) => Some(milliseconds),
            None => {
                field.refuse(format!("{} is not a time: expected {EXPECTED}", quoted(text)));
                return None;
            }
        },
        _ => {
            field.mismatch(EXPECTED, "");
            return None;
        }
    };
    let span = milliseconds.and_then(|n| u64::try_from(n).ok()).map(Duration::from_millis);
    let span = span.filter(|span| range.contains(span));
    if span.is_none() {
        let (low, high) = (range.start(), range.end());
        let given = match field.value() {
            Value::Integer(seconds) => format!("{seconds}s"),
            Value::Text(text) => text.clone(),
            _ => String::new(),
        };
        field.refuse(format!(
            "{what} {given} is out of range: expected {} to {}",
            written(low),
            written(high)
        ));
    }
    span
}

fn written(span: &Duration) -> String {
    match span.subsec_millis() {
        0 => format!("{}s", span.as_secs()),
        _ => format!("{}ms", span.as_millis()),
    }
}

fn milliseconds(text: &str) -> Option<i128> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok().map(|number| i128::from(number) * i128::from(*factor))
}
