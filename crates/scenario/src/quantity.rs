//! Numbers with a meaning of their own: rates and shares.

use crate::field::Field;
use crate::phrase::quoted;
use crate::yaml::Value;
use greylag_base::Mbps;
use std::ops::RangeInclusive;

const PREFIXES: &[(&str, u64)] =
    &[("", 1), ("k", 1_000), ("M", 1_000_000), ("G", 1_000_000_000), ("T", 1_000_000_000_000)];

const MEGA: u64 = 1_000_000;

/// The fastest that there is on a drawing board, ten times over.
const FASTEST: u64 = 16_000_000_000_000;

/// Bits per second: a number, or one with a prefix such as `10G`, `2.5G` or `64k`.
pub(crate) fn bit_rate(field: &Field<'_>, what: &str) -> Option<u64> {
    rate_within(field, what, 1..=FASTEST, "1 to 16T")
}

/// The speed of a link, in whole megabits per second.
pub(crate) fn speed(field: &Field<'_>, what: &str) -> Option<Mbps> {
    let rate = rate_within(field, what, MEGA..=FASTEST, "1M to 16T")?;
    if !rate.is_multiple_of(MEGA) {
        field.refuse(format!(
            "{what} {rate} is not a whole number of megabits per second: expected one such as 10G"
        ));
        return None;
    }
    u32::try_from(rate / MEGA).ok().map(Mbps)
}

fn rate_within(field: &Field<'_>, what: &str, range: RangeInclusive<u64>, expected: &str) -> Option<u64> {
    const EXPECTED: &str = "bits per second such as 64k, 100M or 10G";
    let rate = match field.value() {
        Value::Integer(rate) => *rate,
        Value::Text(text) => {
            let Some(rate) = prefixed(text) else {
                field.refuse(format!("{} is not a rate: expected {EXPECTED}", quoted(text)));
                return None;
            };
            rate
        }
        _ => {
            field.mismatch(EXPECTED, "");
            return None;
        }
    };
    let known = u64::try_from(rate).ok().filter(|rate| range.contains(rate));
    if known.is_none() {
        field.refuse(format!("{what} {rate} is out of range: expected {expected}"));
    }
    known
}

/// `10G`, `2.5G`: a number, whole when its prefix is taken into account.
fn prefixed(text: &str) -> Option<i128> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, prefix) = text.split_at(end);
    let factor = i128::from(PREFIXES.iter().find(|(name, _)| *name == prefix)?.1);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let number = i128::from(whole.parse::<u64>().ok()?).checked_mul(digits)?
        + i128::from(fraction.parse::<u64>().ok()?);
    let rate = number.checked_mul(factor)?;
    (rate % digits == 0).then_some(rate / digits)
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
