//! Faults of the programming agent: what befalls the writes by which routes get from the RIB into the FIB.

use super::action::time;
use super::fault::times;
use crate::field::{Field, Mapping};
use crate::keys::Keys;
use crate::phrase::quoted;
use crate::prefix::prefix;
use crate::quantity::share;
use crate::time_span::written;
use crate::yaml::Value;
use greylag_switch::fault::{AddressFamily, Fault, GroupChange, ProgrammingMishap, Span, WriteFilter};
use ipnet::IpNet;
use std::time::Duration;

pub(super) const DROP_KEYS: Keys =
    Keys::of(&["family", "prefix", "buckets", "worker", "change", "acknowledged", "share", "lasts"]);
pub(super) const DELAY_KEYS: Keys =
    Keys::of(&["family", "prefix", "buckets", "worker", "change", "delay", "share", "lasts"]);
pub(super) const KEYS: Keys =
    Keys::of(&["family", "prefix", "buckets", "worker", "change", "share", "lasts"]);

const FAMILIES: &[(&str, AddressFamily)] = &[("ipv4", AddressFamily::Ipv4), ("ipv6", AddressFamily::Ipv6)];
const CHANGES: &[(&str, GroupChange)] =
    &[("member-lost", GroupChange::MemberLost), ("member-returned", GroupChange::MemberReturned)];

/// The last worker that a switch can have.
const LAST_WORKER: i128 = 63;

pub(super) fn drop_writes(map: &Mapping<'_>) -> Option<Fault> {
    let acknowledged = map.get("acknowledged").map_or(Some(true), Field::boolean);
    let fault = misprogram(map);
    Some(fault?(ProgrammingMishap::Drop { acknowledged: acknowledged? }))
}

pub(super) fn delay_writes(map: &Mapping<'_>) -> Option<Fault> {
    let delay = map.required("delay", "say how late they are, such as `delay: [0s, 2s]`");
    let delay = delay.and_then(|delay| times(delay, "delay", Duration::ZERO));
    let fault = misprogram(map);
    let (least, most) = delay?;
    Some(fault?(ProgrammingMishap::Delay(Span { least, most })))
}

pub(super) fn misorder_writes(map: &Mapping<'_>) -> Option<Fault> {
    Some(misprogram(map)?(ProgrammingMishap::Misorder))
}

pub(super) fn stale_members(map: &Mapping<'_>) -> Option<Fault> {
    Some(misprogram(map)?(ProgrammingMishap::StaleMember))
}

/// What befalls is still to be said.
fn misprogram(map: &Mapping<'_>) -> Option<impl FnOnce(ProgrammingMishap) -> Fault + use<>> {
    let only = filter(map);
    let share = map.get("share").map_or(Some(1.0), |field| share(field, "share"));
    let lasts = time(map, "lasts");
    let (only, share) = (only?, share?);
    Some(move |mishap| Fault::Misprogram { mishap, only, share, lasts })
}

/// Which writes; a key that is wrong leaves none, so that a fault is not wider than it was meant.
fn filter(map: &Mapping<'_>) -> Option<WriteFilter> {
    let family = optional(map, "family", |field| field.word("a family of addresses", FAMILIES));
    let within = optional(map, "prefix", prefix);
    let buckets = optional(map, "buckets", buckets);
    let worker = optional(map, "worker", |field| field.number("worker", 0..=LAST_WORKER));
    let change = optional(map, "change", |field| field.word("a change of a group", CHANGES));
    let only =
        WriteFilter { family: family?, prefix: within?, buckets: buckets?, worker: worker?, change: change? };
    if let (Some(family), Some(prefix), Some(field)) = (only.family, only.prefix, map.get("family"))
        && family != family_of(prefix)
    {
        field.refuse(format!(
            "prefix {prefix} is of {}: remove one of the two",
            name(family_of(prefix), FAMILIES)
        ));
        return None;
    }
    Some(only)
}

/// `Some(None)` for a key that is not there, `None` for one that is wrong.
fn optional<'d, T>(
    map: &Mapping<'d>,
    key: &str,
    read: impl FnOnce(&Field<'d>) -> Option<T>,
) -> Option<Option<T>> {
    map.get(key).map_or(Some(None), |field| read(field).map(Some))
}

/// One bucket, or the first and the last such as `0..7`.
fn buckets(field: &Field<'_>) -> Option<(u16, u16)> {
    const EXPECTED: &str = "a bucket or a range such as 0..7";
    let Value::Text(text) = field.value() else {
        return match field.value() {
            Value::Integer(_) => field.number("bucket", 0..=65_535).map(|bucket| (bucket, bucket)),
            _ => {
                field.mismatch(EXPECTED, "");
                None
            }
        };
    };
    let range = |separator| {
        let (first, last) = text.split_once(separator)?;
        Some((first.trim().parse::<u16>().ok()?, last.trim().parse::<u16>().ok()?))
    };
    match (range(".."), range("-")) {
        (Some((first, last)), _) if first <= last => return Some((first, last)),
        (Some((first, last)), _) => {
            field.refuse(format!("the range {} runs backwards: write {last}..{first}", quoted(text)));
        }
        (None, Some((first, last))) => {
            field.refuse(format!("{} is not a range: write {first}..{last}", quoted(text)));
        }
        (None, None) => {
            field.refuse(format!("{} is neither a bucket nor a range: expected {EXPECTED}", quoted(text)));
        }
    }
    None
}

fn family_of(prefix: IpNet) -> AddressFamily {
    match prefix {
        IpNet::V4(_) => AddressFamily::Ipv4,
        IpNet::V6(_) => AddressFamily::Ipv6,
    }
}

fn name<T: PartialEq>(value: T, words: &[(&'static str, T)]) -> &'static str {
    words.iter().find(|(_, word)| *word == value).map_or("", |(name, _)| name)
}

/// What a mishap is called, and its own settings.
pub(super) fn emit(mishap: &ProgrammingMishap) -> (&'static str, Vec<Option<String>>) {
    match mishap {
        ProgrammingMishap::Drop { acknowledged } => {
            ("drop-writes", vec![(!acknowledged).then(|| "acknowledged: false".to_owned())])
        }
        ProgrammingMishap::Delay(Span { least, most }) => {
            ("delay-writes", vec![Some(format!("delay: [{}, {}]", written(*least), written(*most)))])
        }
        ProgrammingMishap::Misorder => ("misorder-writes", Vec::new()),
        ProgrammingMishap::StaleMember => ("stale-members", Vec::new()),
    }
}

/// What is written of a filter and of a share.
pub(super) fn emit_filter(only: &WriteFilter, share: f64) -> Vec<Option<String>> {
    let WriteFilter { family, prefix, buckets, worker, change } = only;
    vec![
        family.map(|family| format!("family: {}", name(family, FAMILIES))),
        // In a flow mapping an address of IPv6 needs quotes.
        prefix.map(|prefix| format!("prefix: \"{prefix}\"")),
        buckets.map(|(first, last)| match first == last {
            true => format!("buckets: {first}"),
            false => format!("buckets: {first}..{last}"),
        }),
        worker.map(|worker| format!("worker: {worker}")),
        change.map(|change| format!("change: {}", name(change, CHANGES))),
        (share != 1.0).then(|| format!("share: {share}")),
    ]
}
