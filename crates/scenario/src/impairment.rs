//! How frames fare, in the words of files: `impair` of a port, and of a link in a timeline.

use crate::error::FileError;
use crate::field::{Document, Field};
use crate::keys::Keys;
use crate::quantity::{bit_rate, share};
use crate::source::Source;
use crate::time_span::{LONGEST, fine_time_span};
use greylag_base::Impairment;
use serde::Serialize;
use std::time::Duration;

const EXAMPLE: &str = "{loss: 0.01}";
const KEYS: Keys = Keys::of(&[
    "loss",
    "duplicate",
    "reorder",
    "corrupt",
    "unnoticed",
    "delay",
    "jitter",
    "rate",
    "frame-rate",
    "burst",
]);

/// Reads an impairment alone: `{loss: 0.01, delay: 5ms}`.
///
/// # Errors
/// All that is wrong with it.
pub fn parse_impairment(source: &Source) -> Result<Impairment, FileError> {
    let document = Document::read(source)?;
    let impairment = read(&document.root());
    match (FileError::of(document.into_problems()), impairment) {
        (Some(wrong), _) => Err(wrong),
        (None, Some(impairment)) => Ok(impairment),
        (None, None) => unreachable!("what cannot be read was refused"),
    }
}

/// Writes an impairment as [`parse_impairment`] reads it.
pub fn emit_impairment(impairment: &Impairment) -> String {
    serde_json::to_string(&Words::of(impairment)).expect("plain values can be written as JSON")
}

pub(crate) fn read(field: &Field<'_>) -> Option<Impairment> {
    if field.is_nothing() {
        field.mismatch(&format!("a mapping such as {EXAMPLE}"), "");
        return None;
    }
    let map = field.mapping(&KEYS, EXAMPLE)?;
    if field.is_empty() {
        field.refuse(format!("nothing is impaired: expected something such as {EXAMPLE}"));
        return None;
    }
    let part = |key| map.get(key).map_or(Some(0.0), |field| share(field, key));
    let span = |key| {
        let read = |field| fine_time_span(field, key, Duration::ZERO..=LONGEST);
        map.get(key).map_or(Some(Duration::ZERO), read)
    };
    let (loss, duplicate, reorder, corrupt) =
        (part("loss"), part("duplicate"), part("reorder"), part("corrupt"));
    let (delay, jitter, burst) = (span("delay"), span("jitter"), span("burst"));
    let rate = map.get("rate").map(|rate| bit_rate(rate, "rate"));
    let frame_rate = map.get("frame-rate").map(|rate| rate.number("frames per second", 1..=1_000_000_000));
    let unnoticed = map.get("unnoticed").map_or(Some(false), Field::boolean);
    if let Some(field) = map.get("reorder").filter(|_| jitter == Some(Duration::ZERO)) {
        field.refuse_key("what is reordered is late by up to `jitter`: add that, such as `jitter: 1ms`");
    }
    if let Some(field) = map.get("unnoticed").filter(|_| map.get("corrupt").is_none()) {
        field.refuse_key("`unnoticed` says how frames are corrupted: add `corrupt`, or remove this");
    }
    if let Some(field) = map.get("burst").filter(|_| rate.is_none() && frame_rate.is_none()) {
        field.refuse_key("`burst` is what a rate passes at once: add `rate` or `frame-rate`, or remove this");
    }
    Some(Impairment {
        loss: loss?,
        duplicate: duplicate?,
        reorder: reorder?,
        corrupt: corrupt?,
        unnoticed: unnoticed?,
        delay: delay?,
        jitter: jitter?,
        rate: rate.map_or(Some(None), |rate| rate.map(Some))?,
        frame_rate: frame_rate.map_or(Some(None), |rate| rate.map(Some))?,
        burst: burst?,
    })
}

/// What of it is other than nothing.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Words {
    #[serde(skip_serializing_if = "is_none")]
    loss: f64,
    #[serde(skip_serializing_if = "is_none")]
    duplicate: f64,
    #[serde(skip_serializing_if = "is_none")]
    reorder: f64,
    #[serde(skip_serializing_if = "is_none")]
    corrupt: f64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unnoticed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jitter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frame_rate: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    burst: Option<String>,
}

fn is_none(share: &f64) -> bool {
    *share == 0.0
}

impl Words {
    pub(crate) fn of(impairment: &Impairment) -> Self {
        let Impairment {
            loss,
            duplicate,
            reorder,
            corrupt,
            unnoticed,
            delay,
            jitter,
            rate,
            frame_rate,
            burst,
        } = *impairment;
        let [delay, jitter, burst] = [delay, jitter, burst].map(time);
        // It is said of frames that are corrupted, where there are such.
        let unnoticed = unnoticed && corrupt > 0.0;
        Words { loss, duplicate, reorder, corrupt, unnoticed, delay, jitter, rate, frame_rate, burst }
    }
}

/// In the largest unit that says it in whole numbers.
fn time(time: Duration) -> Option<String> {
    const UNITS: [(u128, &str); 4] = [(1_000_000_000, "s"), (1_000_000, "ms"), (1000, "us"), (1, "ns")];
    let nanos = time.as_nanos();
    let (length, unit) = UNITS.into_iter().find(|(length, _)| nanos.is_multiple_of(*length))?;
    (nanos > 0).then(|| format!("{}{unit}", nanos / length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_the_same() {
        let text = "{loss: 0.01, duplicate: 0.5, reorder: 0.25, corrupt: 1, unnoticed: true, delay: 1500us, jitter: 2s, \
                    rate: 10M, frame-rate: 1000, burst: 10ms}";
        let read = |text: &str| parse_impairment(&Source::new("test", text)).unwrap();
        let impairment = read(text);
        assert_eq!((impairment.rate, impairment.frame_rate), (Some(10_000_000), Some(1000)));
        let written = emit_impairment(&impairment);
        assert!(written.contains(r#""delay":"1500us","jitter":"2s""#), "{written}");
        assert_eq!(read(&written), impairment);
        let lossy = Impairment { loss: 1.0, unnoticed: true, ..Impairment::default() };
        assert_eq!(emit_impairment(&lossy), r#"{"loss":1.0}"#);
    }

    #[test]
    fn a_burst_goes_with_a_rate() {
        let wrong = parse_impairment(&Source::new("test", "{loss: 0.1, burst: 1ms}")).unwrap_err();
        assert!(wrong.to_string().contains("add `rate` or `frame-rate`"), "{wrong}");
    }
}
