//! Numbers with a meaning of their own: rates and shares.

use crate::field::Field;
use crate::phrase::quoted;
use crate::yaml::Value;

const PREFIXES: &[(&str, u64)] =
    &[("", 1), ("k", 1_000), ("M", 1_000_000), ("G", 1_000_000_000), ("T", 1_000_000_000_000)];

/// The fastest that there is on a drawing board, ten times over.
const FASTEST: u64 = 16_000_000_000_000;

/// Bits per second: a number, or one with a prefix such as `10G` or `64k`.
pub(crate) fn bit_rate(field: &Field<'_>, what: &str) -> Option<u64> {
    const EXPECTED: &str = "bits per second such as 64k, 100M or 10G";
    let rate = match field.value() {
        Value::Integer(rate) => Some(*rate),
        Value::Text(text) => {
            let digits = text.bytes().take_while(u8::is_ascii_digit).count();
            let (number, prefix) = text.split_at(digits);
            let factor = PREFIXES.iter().find(|(name, _)| *name == prefix).map(|(_, factor)| *factor);
            let Some((number, factor)) = number.parse::<u64>().ok().zip(factor) else {
                field.refuse(format!("{} is not a rate: expected {EXPECTED}", quoted(text)));
                return None;
            };
            Some(i128::from(number) * i128::from(factor))
        }
        _ => {
            field.mismatch(EXPECTED, "");
            return None;
        }
    };
    let known = rate.and_then(|rate| u64::try_from(rate).ok()).filter(|rate| (1..=FASTEST).contains(rate));
    if known.is_none() {
        let given = rate.unwrap_or_default();
        field.refuse(format!("{what} {given} is out of range: expected 1 to 16T"));
    }
    known
}

/// A share, 0 to 1.
pub(crate) fn share(field: &Field<'_>, what: &str) -> Option<f64> {
    let share = match field.value() {
        Value::Integer(number) => *number as f64,
        Value::Real(number) => *number,
        Value::Text(text) if text.ends_with('%') => {
            field.refuse(format!("{} is not a share: expected 0 to 1, such as 0.01 for 1%", quoted(text)));
            return None;
        }
        _ => {
            field.mismatch("a share from 0 to 1", "");
            return None;
        }
    };
    if !(0.0..=1.0).contains(&share) {
        field.refuse(format!("{what} {share} is out of range: expected 0 to 1"));
        return None;
    }
    Some(share)
}
