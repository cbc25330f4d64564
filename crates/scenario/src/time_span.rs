use crate::field::Field;
use crate::phrase::quoted;
use crate::yaml::Value;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The longest ageing time of IEEE 802.1Q-2022 table 8-6, and the longest of all times here.
pub(crate) const LONGEST: Duration = Duration::from_secs(1_000_000);

/// The shortest time that is not none, where milliseconds are the finest.
pub(crate) const SHORTEST: Duration = Duration::from_millis(1);

/// Units of a time, in nanoseconds.
type Units = &'static [(&'static str, u64)];

const UNITS: Units =
    &[("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000)];
const FINE_UNITS: Units = &[("ns", 1), ("us", 1_000)];

/// A time: whole seconds as a number, or a number with its unit such as `500ms` or `5m`.
pub(crate) fn time_span(field: &Field<'_>, what: &str, range: RangeInclusive<Duration>) -> Option<Duration> {
    within(field, what, range, &[UNITS], "seconds or a time such as 500ms, 10s, 5m or 1h")
}

/// A time that may be as short as what a frame takes: `5us` and `100ns` too.
pub(crate) fn fine_time_span(
    field: &Field<'_>,
    what: &str,
    range: RangeInclusive<Duration>,
) -> Option<Duration> {
    within(field, what, range, &[FINE_UNITS, UNITS], "seconds or a time such as 100ns, 5us, 10ms or 1s")
}

/// A time, or the word that says that there is none.
pub(crate) fn time_span_or(
    field: &Field<'_>,
    what: &str,
    range: RangeInclusive<Duration>,
    none: &str,
) -> Option<Option<Duration>> {
    if matches!(field.value(), Value::Text(text) if text == none) {
        return Some(None);
    }
    if let Value::Text(text) = field.value()
        && text.bytes().all(|byte| byte.is_ascii_alphabetic())
    {
        field.refuse(format!("{} is neither a time nor `{none}`: expected one such as 10s", quoted(text)));
        return None;
    }
    time_span(field, what, range).map(Some)
}

fn within(
    field: &Field<'_>,
    what: &str,
    range: RangeInclusive<Duration>,
    units: &[Units],
    expected: &str,
) -> Option<Duration> {
    let nanoseconds = match field.value() {
        Value::Integer(seconds) => seconds.checked_mul(1_000_000_000),
        Value::Text(text) => match nanoseconds(text, units) {
            Some(nanoseconds) => Some(nanoseconds),
            None => {
                field.refuse(format!("{} is not a time: expected {expected}", quoted(text)));
                return None;
            }
        },
        _ => {
            field.mismatch(expected, "");
            return None;
        }
    };
    let span = nanoseconds.and_then(|n| u64::try_from(n).ok()).map(Duration::from_nanos);
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
            written(*low),
            written(*high)
        ));
    }
    span
}

/// Reads a time as files have it: seconds as a number, or a number with its unit such as `500ms` or `5m`. It is more than
/// none, and a million seconds at the most.
///
/// # Errors
/// What is expected in its place.
pub fn parse_time_span(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<u64>().ok().map(Duration::from_secs);
    let with_unit = || Some(Duration::from_nanos(u64::try_from(nanoseconds(text, &[UNITS])?).ok()?));
    match seconds.or_else(with_unit) {
        Some(span) if (SHORTEST..=LONGEST).contains(&span) => Ok(span),
        Some(_) => {
            Err(format!("{text} is out of range: expected {} to {}", written(SHORTEST), written(LONGEST)))
        }
        None => Err(format!(
            "{} is not a time: expected seconds or a time such as 500ms, 10s, 5m or 1h",
            quoted(text)
        )),
    }
}

/// A time as messages have it, and as a file may.
pub(crate) fn written(span: Duration) -> String {
    match span.subsec_nanos() {
        0 => format!("{}s", span.as_secs()),
        nanos if nanos % 1_000_000 == 0 => format!("{}ms", span.as_millis()),
        nanos if nanos % 1_000 == 0 => format!("{}us", span.as_micros()),
        _ => format!("{}ns", span.as_nanos()),
    }
}

fn nanoseconds(text: &str, units: &[Units]) -> Option<i128> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().copied().flatten().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok().map(|number| i128::from(number) * i128::from(*factor))
}
