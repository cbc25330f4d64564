//! Who looks on: pollers of alarms, and the checkers that stand outside of the network.

use super::cast::Cast;
use super::{CHECKERS, CheckerLimits, ExpectedViolation, Poller};
use crate::field::Field;
use crate::keys::Keys;
use crate::name::node_name;
use crate::time_span::{LONGEST, SHORTEST, time_span};
use crate::yaml::Value;
use std::time::Duration;

const POLLER_KEYS: Keys = Keys::of(&["switches", "period", "phase"]);
const POLLER_EXAMPLE: &str = "{switches: [sw1], period: 5m}";
const CHECKER_KEYS: Keys = Keys::of(&["passes", "silence", "flood", "disagreement"]);
const VIOLATION_KEYS: Keys = Keys::of(&["checker", "node", "may-from"]);
const VIOLATION_EXAMPLE: &str = "{checker: no-mute-switch, node: sw1}";

/// A poller that could not be read in full is there all the same: what refers to it has nothing to complain of.
pub(super) fn pollers(field: Option<&Field<'_>>, cast: &Cast<'_>) -> Vec<Poller> {
    let entries = field.and_then(|field| field.named("poller", &format!("{{snmp: {POLLER_EXAMPLE}}}")));
    let mut pollers = Vec::new();
    for (name, field) in entries.unwrap_or_default() {
        node_name(name).unwrap_or_else(|wrong| field.refuse_key(wrong));
        let Some(map) = field.mapping(&POLLER_KEYS, POLLER_EXAMPLE) else { continue };
        let switches = map.required("switches", "say whom it asks, such as `switches: [sw1]`");
        let period = map.required("period", "say how often it looks, such as `period: 5m`");
        let period = period.and_then(|period| time_span(period, "period", SHORTEST..=LONGEST));
        let longest = period.unwrap_or(LONGEST);
        let phase = map.get("phase").and_then(|phase| time_span(phase, "phase", Duration::ZERO..=longest));
        pollers.push(Poller {
            name: name.to_owned(),
            switches: switches.map(|switches| cast.switches(switches)).unwrap_or_default(),
            period: period.unwrap_or(Duration::from_secs(300)),
            phase,
        });
    }
    pollers
}

pub(super) fn limits(field: Option<&Field<'_>>) -> CheckerLimits {
    let mut limits = CheckerLimits::default();
    let Some(map) = field.and_then(|field| field.mapping(&CHECKER_KEYS, "{silence: 3s}")) else {
        return limits;
    };
    if let Some(passes) = map.get("passes") {
        limits.passes = passes.number("passes", 1..=1_000_000).unwrap_or(limits.passes);
    }
    let time = |key, limit: &mut Duration| {
        let span = map.get(key).and_then(|field| time_span(field, key, SHORTEST..=LONGEST));
        *limit = span.unwrap_or(*limit);
    };
    time("silence", &mut limits.silence);
    time("flood", &mut limits.flood);
    time("disagreement", &mut limits.disagreement);
    limits
}

impl Default for CheckerLimits {
    /// 8 passes, 3 s of silence, 30 s of flooding, 30 s of disagreement.
    fn default() -> Self {
        CheckerLimits {
            passes: 8,
            silence: Duration::from_secs(3),
            flood: Duration::from_secs(30),
            disagreement: Duration::from_secs(30),
        }
    }
}

pub(super) fn violations(field: Option<&Field<'_>>, cast: &Cast<'_>) -> Vec<ExpectedViolation> {
    let items = field.and_then(|field| field.list("[no-black-hole]")).unwrap_or_default();
    let mut violations = Vec::new();
    for item in &items {
        let Some(violation) = read_violation(item, cast) else { continue };
        if violations.contains(&violation) {
            item.refuse("this violation is in the list already: remove one");
        } else {
            violations.push(violation);
        }
    }
    violations
}

fn read_violation(field: &Field<'_>, cast: &Cast<'_>) -> Option<ExpectedViolation> {
    let name = |field: &Field<'_>| {
        let words: Vec<(&str, &str)> = CHECKERS.iter().map(|&name| (name, name)).collect();
        field.word("a checker", &words).map(str::to_owned)
    };
    match field.value() {
        Value::Mapping(_) => {
            let map = field.mapping(&VIOLATION_KEYS, VIOLATION_EXAMPLE)?;
            let checker = map.required("checker", "say which, such as `checker: no-mute-switch`");
            let node = map.get("node").map(|node| cast.node(node));
            let may_from = map.get("may-from").map(|from| cast.clock.moment(from, "may-from"));
            Some(ExpectedViolation {
                checker: checker.and_then(name)?,
                node: node.map_or(Some(None), |node| node.map(Some))?,
                may_from: may_from.map_or(Some(None), |from| from.map(Some))?,
            })
        }
        Value::Text(_) => Some(ExpectedViolation { checker: name(field)?, node: None, may_from: None }),
        _ => {
            field.mismatch(&format!("a checker such as no-black-hole or {VIOLATION_EXAMPLE}"), "");
            None
        }
    }
}
