//! Probe flows.

use super::FlowSpec;
use super::cast::Cast;
use crate::field::{Field, Mapping};
use crate::keys::Keys;
use crate::name::node_name;
use crate::quantity::bit_rate;
use crate::time_span::{LONGEST, SHORTEST, time_span};
use crate::yaml::Value;
use std::collections::BTreeSet;
use std::time::Duration;

const EXAMPLE: &str = "{from: [h1], to: [h2]}";
const KEYS: Keys = Keys {
    allowed: &["from", "to", "both-ways", "count", "interval", "size", "family", "weight", "start", "stop"],
    explained: &[(
        &["rate"],
        "is not a flow's: write `interval` for probes, and `weight` for what they stand for",
    )],
};

/// Bytes of a probe: an IPv6 and a UDP header with a tag and a few bytes of its own, to the longest frame.
const SIZES: std::ops::RangeInclusive<i128> = 90..=9230;

pub(super) fn read(field: Option<&Field<'_>>, cast: &Cast<'_>) -> Vec<FlowSpec> {
    let entries = field.and_then(|field| field.named("flow", &format!("{{web: {EXAMPLE}}}")));
    let mut flows = Vec::new();
    for (name, field) in entries.unwrap_or_default() {
        node_name(name).unwrap_or_else(|wrong| field.refuse_key(wrong));
        flows.extend(read_one(name, &field, cast));
    }
    flows
}

/// A flow whose hosts could not be read has none: what refers to it has nothing to complain of.
fn read_one(name: &str, field: &Field<'_>, cast: &Cast<'_>) -> Option<FlowSpec> {
    let map = field.mapping(&KEYS, EXAMPLE)?;
    let ipv6 =
        map.get("family").and_then(|family| family.word("a family", &[("ipv4", false), ("ipv6", true)]));
    let ipv6 = ipv6.unwrap_or(false);
    let side = |key, advice| map.required(key, advice).and_then(|side| read_side(side, ipv6, cast));
    let from = side("from", "say which hosts send, such as `from: [h1]` or `from: all`");
    let to = side("to", "say which hosts are sent to, such as `to: [h2]` or `to: all`");
    let both_ways = map.get("both-ways").and_then(Field::boolean).unwrap_or(false);
    let number = |key, range, absent: u32| map.get(key).and_then(|n| n.number(key, range)).unwrap_or(absent);
    let (start, stop) = read_span(&map, cast);
    let pairs = match (from, to) {
        (Some(from), Some(to)) => {
            let pairs = pairs_of(&from, &to, both_ways);
            if pairs.is_empty() && !cast.topology.incomplete {
                field.refuse("nobody sends to anybody else: expected two hosts at least");
            }
            pairs
        }
        _ => Vec::new(),
    };
    Some(FlowSpec {
        name: name.to_owned(),
        pairs,
        count: number("count", 1..=10_000, 1),
        interval: map
            .get("interval")
            .and_then(|field| time_span(field, "interval", SHORTEST..=LONGEST))
            .unwrap_or(Duration::from_secs(1)),
        size: map.get("size").and_then(|size| size.number("size", SIZES)).unwrap_or(100),
        ipv6,
        weight: map.get("weight").and_then(|weight| bit_rate(weight, "weight")).unwrap_or(1_000_000),
        start,
        stop,
    })
}

/// Hosts that have an address of the family.
fn read_side(field: &Field<'_>, ipv6: bool, cast: &Cast<'_>) -> Option<Vec<usize>> {
    if matches!(field.value(), Value::Text(text) if text == "all") {
        return Some(cast.hosts().filter(|&host| cast.address(host, ipv6).is_some()).collect());
    }
    if let Value::Text(text) = field.value() {
        field.mismatch("a list such as [h1, h2], or all", &format!("write [{text}]"));
        return None;
    }
    let (family, key) = if ipv6 { ("IPv6", "ipv6") } else { ("IPv4", "ipv4") };
    let hosts = cast.each_once(field, "[h1, h2]", |item| {
        let host = cast.host(item)?;
        if cast.address(host, ipv6).is_none() && !cast.topology.incomplete {
            let name = cast.name(host);
            item.refuse(format!(
                "`{name}` has no {family} address: give it an `{key}` at the end of its link"
            ));
            return None;
        }
        Some(host)
    });
    (!hosts.is_empty()).then_some(hosts)
}

fn pairs_of(from: &[usize], to: &[usize], both_ways: bool) -> Vec<(usize, usize)> {
    let mut seen = BTreeSet::new();
    let there = from.iter().flat_map(|&one| to.iter().map(move |&other| (one, other)));
    let mut pairs = Vec::new();
    for (one, other) in there.filter(|(one, other)| one != other) {
        let ways = [Some((one, other)), both_ways.then_some((other, one))];
        pairs.extend(ways.into_iter().flatten().filter(|&way| seen.insert(way)));
    }
    pairs
}

fn read_span(map: &Mapping<'_>, cast: &Cast<'_>) -> (Duration, Duration) {
    let clock = &cast.clock;
    let start = map.get("start").map_or(Some(Duration::ZERO), |start| clock.moment(start, "start"));
    let stop = map.get("stop").map_or(Some(clock.end), |stop| clock.moment(stop, "stop"));
    if let (Some(start), Some(stop)) = (start, stop)
        && start >= stop
        && let Some(field) = map.get("stop").or_else(|| map.get("start"))
    {
        field.refuse("the flow stops before it starts: expected `start` before `stop`");
    }
    (start.unwrap_or_default(), stop.unwrap_or(clock.end))
}
