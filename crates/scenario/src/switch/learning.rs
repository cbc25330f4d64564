use crate::field::Field;
use crate::keys::Keys;
use crate::phrase::{either, quoted};
use crate::time_span::{LONGEST, SHORTEST, time_span, time_span_or, written};
use crate::yaml::Value;
use greylag_switch::config::{AgentOwns, FloodGroups, LearningConfig, LearningMode, PortFlush, ReportOrder};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

const KEYS: Keys = Keys::of(&[
    "mode",
    "agent-owns",
    "renew-interval",
    "flood",
    "flush",
    "queue-length",
    "poll-interval",
    "report-interval",
    "report-order",
    "audit-interval",
]);
const OWNS_KEYS: Keys = Keys::of(&["learn", "lease", "flood", "adjacency"]);
const MODES: &[(&str, LearningMode)] = &[("inline", LearningMode::Inline), ("agent", LearningMode::Agent)];
const FLOOD: &[(&str, FloodGroups)] = &[("frozen", FloodGroups::Frozen), ("leased", FloodGroups::Leased)];
const FLUSH: &[(&str, PortFlush)] = &[("at-once", PortFlush::AtOnce), ("agent", PortFlush::Agent)];
const ORDERS: &[(&str, ReportOrder)] =
    &[("arrival", ReportOrder::Arrival), ("stamped", ReportOrder::Stamped)];

/// Reports that a worker can have under way.
const LONGEST_QUEUE: i128 = 1_048_576;

type OwnedPart = (&'static str, fn(&mut AgentOwns) -> &mut bool);
const PARTS: &[OwnedPart] = &[
    ("learn", |owns| &mut owns.learn),
    ("lease", |owns| &mut owns.lease),
    ("flood", |owns| &mut owns.flood),
    ("adjacency", |owns| &mut owns.adjacency),
];

pub(super) fn read(field: &Field<'_>, ageing_time: Duration) -> LearningConfig {
    let mut learning = LearningConfig::default();
    let Some(map) = field.mapping(&KEYS, "{mode: agent}") else { return learning };
    if let Some(mode) = map.get("mode") {
        learning.mode = mode.word("a learning mode", MODES).unwrap_or_default();
    }
    if let Some(owns) = map.get("agent-owns") {
        learning.agent_owns = read_owns(owns).unwrap_or(AgentOwns::ALL);
    }
    if let Some(flood) = map.get("flood") {
        learning.flood = flood.word("what becomes of flood groups", FLOOD).unwrap_or_default();
    }
    if let Some(flush) = map.get("flush") {
        learning.flush = flush.word("who flushes a port", FLUSH).unwrap_or_default();
    }
    if let Some(length) = map.get("queue-length") {
        learning.queue_length =
            length.number("queue-length", 1..=LONGEST_QUEUE).unwrap_or(learning.queue_length);
    }
    if let Some(order) = map.get("report-order") {
        learning.report_order = order.word("an order of reports", ORDERS).unwrap_or_default();
    }
    let interval = |key| map.get(key).and_then(|field| time_span(field, key, SHORTEST..=LONGEST));
    learning.renew_interval = interval("renew-interval").unwrap_or(learning.renew_interval);
    learning.poll_interval = interval("poll-interval").unwrap_or(learning.poll_interval);
    if let Some(report) = map.get("report-interval") {
        learning.report_interval = time_span_or(report, "report-interval", SHORTEST..=LONGEST, "once")
            .unwrap_or(learning.report_interval);
    }
    if let Some(audit) = map.get("audit-interval") {
        learning.audit_interval =
            time_span_or(audit, "audit-interval", SHORTEST..=LONGEST, "never").flatten();
    }
    if learning.mode == LearningMode::Agent {
        check_renewal(&learning, ageing_time, map.get("renew-interval").unwrap_or(field));
        if learning.flood == FloodGroups::Leased
            && !learning.agent_owns.flood
            && let Some(flood) = map.get("flood")
        {
            flood.refuse(
                "the agent does not own the flood groups: add `flood` to `agent-owns`, or remove this",
            );
        }
    }
    learning
}

/// Leases that lapse before they are renewed are no leases.
fn check_renewal(learning: &LearningConfig, ageing_time: Duration, field: &Field<'_>) {
    let owns = learning.agent_owns;
    let leases = owns.lease || (owns.flood && learning.flood == FloodGroups::Leased);
    if leases && !ageing_time.is_zero() && learning.renew_interval >= ageing_time {
        field.refuse(format!(
            "renew-interval {} is not below the ageing-time, which is {}: what the agent renews would lapse in \
             between. Shorten it",
            written(learning.renew_interval),
            written(ageing_time)
        ));
    }
}

fn read_owns(field: &Field<'_>) -> Option<AgentOwns> {
    if let Value::Text(text) = field.value() {
        field.mismatch("a list such as [learn, lease]", &format!("write [{text}]"));
        return None;
    }
    match field.value() {
        Value::Mapping(_) => owns_of_mapping(field),
        _ => owns_of_list(field),
    }
}

fn owns_of_list(field: &Field<'_>) -> Option<AgentOwns> {
    let mut owns = AgentOwns { learn: false, lease: false, flood: false, adjacency: false };
    let words: Vec<(&str, usize)> = PARTS.iter().map(|(name, _)| *name).zip(0..).collect();
    let items = field.list("[learn, lease]")?;
    if items.is_empty() {
        field.refuse(format!(
            "the agent owns nothing: expected some of {}, or `mode: inline`",
            either(PARTS.iter().map(|(name, _)| *name))
        ));
        return None;
    }
    for item in &items {
        let part = PARTS[item.word("what an agent can own", &words)?].1(&mut owns);
        if std::mem::replace(part, true) {
            item.refuse(format!("{} is in the list already: remove one", quoted(item.text()?)));
        }
    }
    Some(owns)
}

/// What is not named is the agent's.
fn owns_of_mapping(field: &Field<'_>) -> Option<AgentOwns> {
    let map = field.mapping(&OWNS_KEYS, "{adjacency: false}")?;
    let mut owns = AgentOwns::ALL;
    for (name, part) in PARTS {
        if let Some(value) = map.get(name) {
            *part(&mut owns) = value.boolean()?;
        }
    }
    Some(owns)
}

/// What an agent owns, in the words of the file: a list, or, as a list has to name something, a mapping.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Owned {
    These(Vec<&'static str>),
    Nothing(BTreeMap<&'static str, bool>),
}

impl Owned {
    pub(super) fn of(mut owns: AgentOwns) -> Self {
        let is_owned = |(_, part): &&OwnedPart| *part(&mut owns);
        let owned: Vec<_> = PARTS.iter().filter(is_owned).map(|(name, _)| *name).collect();
        match owned.is_empty() {
            false => Owned::These(owned),
            true => Owned::Nothing(PARTS.iter().map(|(name, _)| (*name, false)).collect()),
        }
    }
}
