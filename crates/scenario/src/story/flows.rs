//! Probe flows.

use super::FlowSpec;
use super::cast::{Cast, named};
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
    allowed: &[
        "from",
        "to",
        "both-ways",
        "count",
        "family",
        "answers",
        "interval",
        "size",
        "weight",
        "start",
        "stop",
    ],
    explained: &[(
        &["rate"],
        "is not a flow's: write `interval` for probes, and `weight` for what they stand for",
    )],
};

/// What flows that answer others have from those.
const OF_ANSWERED: [&str; 5] = ["from", "to", "both-ways", "count", "family"];

/// Bytes of a probe: an IPv6 and a UDP header with a tag and a few bytes of its own, to the longest frame.
const SIZES: std::ops::RangeInclusive<i128> = 90..=9230;

pub(super) fn read(field: Option<&Field<'_>>, cast: &Cast<'_>) -> Vec<FlowSpec> {
    let entries = field.and_then(|field| field.named("flow", &format!("{{web: {EXAMPLE}}}")));
    let mut flows = Vec::new();
    for (name, field) in entries.unwrap_or_default() {
        node_name(name).unwrap_or_else(|wrong| field.refuse_key(wrong));
        flows.extend(read_one(name, &field, cast, &flows));
    }
    flows
}

/// A flow whose hosts could not be read has none: what refers to it has nothing to complain of.
fn read_one(name: &str, field: &Field<'_>, cast: &Cast<'_>, before: &[FlowSpec]) -> Option<FlowSpec> {
    let map = field.mapping(&KEYS, EXAMPLE)?;
    let Ends { pairs, answers, count, ipv6 } = match map.get("answers") {
        Some(answers) => read_answers(answers, &map, before)?,
        None => read_ends(field, &map, cast),
    };
    let (start, stop) = read_span(&map, cast);
    Some(FlowSpec {
        name: name.to_owned(),
        pairs,
        answers,
        count,
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

/// Who sends to whom, how many flows, and over what.
struct Ends {
    pairs: Vec<(usize, usize)>,
    answers: Option<usize>,
    count: u32,
    ipv6: bool,
}

/// The other direction of flows that stand before.
fn read_answers(field: &Field<'_>, map: &Mapping<'_>, before: &[FlowSpec]) -> Option<Ends> {
    for key in OF_ANSWERED {
        if let Some(field) = map.get(key) {
            field.refuse_key(format!("`{key}` is that of the flows that these answer: remove it"));
        }
    }
    let name = named(field, "flow before this one", || before.iter().map(|flow| flow.name.as_str()))?;
    let answers = before.iter().position(|flow| flow.name == name)?;
    let FlowSpec { pairs, count, ipv6, .. } = &before[answers];
    let pairs = pairs.iter().map(|&(from, to)| (to, from)).collect();
    Some(Ends { pairs, answers: Some(answers), count: *count, ipv6: *ipv6 })
}

fn read_ends(field: &Field<'_>, map: &Mapping<'_>, cast: &Cast<'_>) -> Ends {
    let ipv6 =
        map.get("family").and_then(|family| family.word("a family", &[("ipv4", false), ("ipv6", true)]));
    let ipv6 = ipv6.unwrap_or(false);
    let side = |key, advice| map.required(key, advice).and_then(|side| read_side(side, ipv6, cast));
    let from = side("from", "say which hosts send, such as `from: [h1]` or `from: all`");
    let to = side("to", "say which hosts are sent to, such as `to: [h2]` or `to: all`");
    let both_ways = map.get("both-ways").and_then(Field::boolean).unwrap_or(false);
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
    let count = map.get("count").and_then(|count| count.number("count", 1..=10_000)).unwrap_or(1);
    Ends { pairs, answers: None, count, ipv6 }
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
