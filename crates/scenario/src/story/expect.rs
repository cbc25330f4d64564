//! What must come out.

use super::cast::{Cast, named};
use super::timeline::read_name;
use super::{Expectation, ExpectedOutcome, Finding, FlowSpec, Poller, fault, known, standing};
use crate::field::{Field, Mapping};
use crate::keys::Keys;
use crate::nearest::nearest;
use crate::phrase::{listed, quoted};
use crate::quantity::share;
use crate::time_span::{LONGEST, SHORTEST, time_span};
use crate::yaml::Value;
use greylag_base::DropReason;
use std::collections::BTreeMap;
use std::time::Duration;

const EXAMPLE: &str = "{name: given-up, event: agent-failed, on: sw1}";

const KEYS: Keys = Keys::of(&[
    "name",
    "at",
    "tolerance",
    "standing",
    "source",
    "event",
    "alarm",
    "level",
    "black-hole",
    "foreign-unicast",
    "counter",
    "flows",
    "other-flows",
    "asymmetric",
    "fib-conflicts",
    "lost-paths",
    "monitoring",
    "on",
    "where",
    "seen-by",
    "from",
    "until",
    "least",
    "most",
    "lasts",
    "cause",
    "failing",
    "unhurt",
    "avoidable",
    "by",
    "before",
    "after",
    "every",
    "last",
    "unexplained",
]);

/// What can be expected, by the key that says so.
pub(super) const KINDS: &[&str] = &[
    "event",
    "alarm",
    "level",
    "black-hole",
    "foreign-unicast",
    "counter",
    "flows",
    "other-flows",
    "asymmetric",
    "fib-conflicts",
    "lost-paths",
    "monitoring",
];

/// Keys that go with some kinds only.
const GOES_WITH: &[(&str, &[&str])] = &[
    ("at", &["event", "alarm", "black-hole", "counter", "fib-conflicts", "lost-paths"]),
    ("tolerance", &["event", "alarm", "black-hole"]),
    ("on", &["event", "alarm", "counter"]),
    ("where", &["event"]),
    ("seen-by", &["alarm"]),
    ("from", WITH_WINDOW),
    ("until", WITH_WINDOW),
    ("least", WITH_BOUNDS),
    ("most", WITH_BOUNDS),
    ("lasts", &["black-hole"]),
    ("cause", &["black-hole"]),
    ("failing", &["flows"]),
    ("unhurt", &["flows"]),
    ("avoidable", &["flows"]),
    ("by", &["flows"]),
    ("before", &["other-flows"]),
    ("after", &["other-flows"]),
    ("every", &["monitoring"]),
    ("last", &["event"]),
];
const WITH_WINDOW: &[&str] = &["event", "level", "foreign-unicast", "flows", "monitoring"];
const WITH_BOUNDS: &[&str] = &[
    "event",
    "level",
    "foreign-unicast",
    "counter",
    "other-flows",
    "asymmetric",
    "fib-conflicts",
    "lost-paths",
    "monitoring",
];

/// What an expectation may refer to.
pub(super) struct Stage<'s> {
    pub(super) cast: &'s Cast<'s>,
    pub(super) flows: &'s [FlowSpec],
    pub(super) pollers: &'s [Poller],
}

pub(super) fn read(field: Option<&Field<'_>>, stage: &Stage<'_>) -> Vec<Expectation> {
    let items = field.and_then(|field| field.list(&format!("[{EXAMPLE}]"))).unwrap_or_default();
    let mut names = BTreeMap::new();
    items.iter().filter_map(|item| stage.read_one(item, &mut names)).collect()
}

impl Stage<'_> {
    fn read_one<'d>(&self, field: &Field<'d>, names: &mut BTreeMap<&'d str, u32>) -> Option<Expectation> {
        if field.is_nothing() {
            field.mismatch(&format!("a mapping such as {EXAMPLE}"), "");
            return None;
        }
        let map = field.mapping(&KEYS, EXAMPLE)?;
        let name = map.required("name", "add one such as `name: given-up`, which patches call it by");
        let name = name.and_then(|name| read_name(name, names));
        let (standing, source) = standing::read(&map);
        let unexplained = map.get("unexplained").and_then(Field::text).map(str::to_owned);
        let mut kinds = map.among(KINDS, |kind| kind).into_iter();
        let Some((kind, what)) = kinds.next() else {
            if map.all_known() {
                field.refuse(format!("nothing is expected: expected one of {}", KINDS.join(", ")));
            }
            return None;
        };
        for (other, what) in kinds {
            what.refuse_key(format!(
                "this is an expectation of `{kind}` already: make `{other}` one of its own"
            ));
        }
        for (key, kinds) in GOES_WITH.iter().filter(|(_, kinds)| !kinds.contains(&kind)) {
            if let Some(field) = map.get(key) {
                let others = kinds.join(", ");
                field.refuse_key(format!("`{key}` goes with {others}, and this is `{kind}`: remove it"));
            }
        }
        let at = map.get("at").map(|at| self.cast.clock.moment(at, "at"));
        let tolerance = map.get("tolerance");
        if let Some(tolerance) = tolerance.filter(|_| at.is_none() && kind != "level") {
            tolerance.refuse_key("`tolerance` says how far off `at` may be: add `at`, or remove this");
        }
        let tolerance = tolerance.and_then(|field| time_span(field, "tolerance", Duration::ZERO..=LONGEST));
        let outcome = match kind {
            "event" => self.event(what, &map),
            "alarm" => self.alarm(what, &map),
            "level" => self.level(what, &map),
            "black-hole" => self.black_hole(what, &map),
            "foreign-unicast" => self.foreign_unicast(what, &map),
            "flows" => self.fares(what, &map),
            "other-flows" => self.other_flows(what, &map),
            "asymmetric" => self.asymmetric(what, &map),
            "fib-conflicts" => self.found(what, Finding::FibConflicts, &map),
            "lost-paths" => self.found(what, Finding::LostPaths, &map),
            "monitoring" => self.monitoring(what, &map),
            _ => self.counter(what, &map),
        };
        Some(Expectation {
            name: name?.to_owned(),
            outcome: outcome?,
            at: at.flatten(),
            tolerance: tolerance.unwrap_or_default(),
            standing,
            source,
            unexplained,
        })
    }

    fn event(&self, what: &Field<'_>, map: &Mapping<'_>) -> Option<ExpectedOutcome> {
        let node = map.get("on").map(|on| self.cast.node(on));
        let event = what.text();
        if let Some(name) = event {
            let on_switch = node.flatten().is_some_and(|node| self.cast.config(node).is_some());
            check_event(what, name, on_switch);
        }
        let fields = map.get("where").map(read_where).unwrap_or_default();
        let last = map.get("last").map_or(Some(false), Field::boolean);
        let (least, most, window) = (bound(map, "least"), bound(map, "most"), self.window(map));
        let (least, most, (from, until)) = (least?, most?, window?);
        // A bound from above alone may be none at all.
        let least = least.unwrap_or_else(|| most.unwrap_or(1).min(1));
        check_bounds(map, least, most);
        Some(ExpectedOutcome::Event {
            node: node.map_or(Some(None), |node| node.map(Some))?,
            event: event?.to_owned(),
            fields,
            from,
            until,
            last: last?,
            least,
            most,
        })
    }

    fn alarm(&self, what: &Field<'_>, map: &Mapping<'_>) -> Option<ExpectedOutcome> {
        let alarms: Vec<(&str, &str)> = known::ALARMS.iter().map(|&name| (name, name)).collect();
        let alarm = what.word("an alarm", &alarms);
        let on = map.required("on", "say of which switch, such as `on: sw1`");
        let switch = on.and_then(|on| self.cast.switch(on));
        let seen_by = map.required("seen-by", "say by which poller, such as `seen-by: snmp`");
        let names = || self.pollers.iter().map(|poller| poller.name.as_str());
        let poller = seen_by.and_then(|field| named(field, "poller", names));
        if let (Some(switch), Some(name), Some(on)) = (switch, poller, on)
            && !self.pollers.iter().any(|poller| poller.name == name && poller.switches.contains(&switch))
        {
            let switch = self.cast.name(switch);
            on.refuse(format!("poller `{name}` does not ask `{switch}`: add it to the poller's `switches`"));
        }
        Some(ExpectedOutcome::AlarmSeen {
            poller: poller?.to_owned(),
            switch: switch?,
            alarm: alarm?.to_owned(),
        })
    }

    fn flows(&self, what: &Field<'_>) -> Option<String> {
        named(what, "flow", || self.flows.iter().map(|flow| flow.name.as_str())).map(str::to_owned)
    }

    /// `from` and `until`; the whole run when they are absent.
    fn window(&self, map: &Mapping<'_>) -> Option<(Duration, Duration)> {
        let clock = &self.cast.clock;
        let moment = |key, absent| map.get(key).map_or(Some(absent), |field| clock.moment(field, key));
        let (from, until) = (moment("from", Duration::ZERO), moment("until", clock.end));
        let (from, until) = (from?, until?);
        if from >= until {
            let field = map.get("until").or_else(|| map.get("from"))?;
            field.refuse("the window ends before it begins: expected `from` before `until`");
            return None;
        }
        Some((from, until))
    }

    fn level(&self, what: &Field<'_>, map: &Mapping<'_>) -> Option<ExpectedOutcome> {
        let flows = self.flows(what);
        let (window, bounds) = (self.window(map), read_shares(what, map, "least: 0.99"));
        let ((from, until), (least, most)) = (window?, bounds?);
        Some(ExpectedOutcome::Level { flows: flows?, from, until, least, most })
    }

    fn black_hole(&self, what: &Field<'_>, map: &Mapping<'_>) -> Option<ExpectedOutcome> {
        let flows = self.flows(what);
        let cause = map.get("cause").map(read_cause);
        let lasts = map.get("lasts").map(|field| {
            let (least, most) = fault::times(field, "lasts", SHORTEST)?;
            // One time is a bound from below: nothing lasts that long to the nanosecond.
            Some((least, matches!(field.value(), Value::List(_)).then_some(most)))
        });
        let (least, most) = lasts.unwrap_or(Some((Duration::ZERO, None)))?;
        Some(ExpectedOutcome::BlackHole {
            flows: flows?,
            least,
            most,
            cause: cause.map_or(Some(None), |cause| cause.map(Some))?,
        })
    }

    fn foreign_unicast(&self, what: &Field<'_>, map: &Mapping<'_>) -> Option<ExpectedOutcome> {
        let host = self.cast.host(what);
        let (window, bounds) = (self.window(map), read_bounds(map));
        require_bound(what, map, "least: 100");
        let ((from, until), (least, most)) = (window?, bounds?);
        Some(ExpectedOutcome::ForeignUnicast { host: host?, from, until, least, most })
    }

    fn fares(&self, what: &Field<'_>, map: &Mapping<'_>) -> Option<ExpectedOutcome> {
        let flows = self.flows(what);
        let part = |key| map.get(key).map_or(Some(None), |field| shares(field, key).map(Some));
        let (failing, unhurt, avoidable) = (part("failing"), part("unhurt"), part("avoidable"));
        let by = map.get("by").map_or(Some(None), |field| read_by(field).map(Some));
        let window = self.window(map);
        if ["failing", "unhurt", "avoidable", "by"].iter().all(|key| map.get(key).is_none()) {
            what.refuse_key(
                "this cannot fail: add how many fail, such as `failing: [0.001, 0.05]`, or `unhurt`",
            );
        }
        let (from, until) = window?;
        Some(ExpectedOutcome::Flows {
            flows: flows?,
            from,
            until,
            failing: failing?,
            unhurt: unhurt?,
            avoidable: avoidable?,
            by: by?,
        })
    }

    fn other_flows(&self, what: &Field<'_>, map: &Mapping<'_>) -> Option<ExpectedOutcome> {
        let flows = self.flows(what);
        let moment = |key| {
            let field = map.required(key, &format!("say when, such as `{key}: \"16:00:00\"`"))?;
            self.cast.clock.moment(field, key)
        };
        let (before, after) = (moment("before"), moment("after"));
        let bounds = read_shares(what, map, "least: 0.5");
        let (least, most) = bounds?;
        Some(ExpectedOutcome::OtherFlows { flows: flows?, before: before?, after: after?, least, most })
    }

    fn asymmetric(&self, what: &Field<'_>, map: &Mapping<'_>) -> Option<ExpectedOutcome> {
        let flows = self.flows(what);
        if let Some(name) = &flows
            && self.flows.iter().any(|flow| flow.name == *name && flow.answers.is_none())
        {
            what.refuse(format!("`{name}` is one direction: name flows that say `answers`"));
        }
        let bounds = read_shares(what, map, "least: 0.5");
        let (least, most) = bounds?;
        Some(ExpectedOutcome::Asymmetric { flows: flows?, least, most })
    }

    fn found(&self, what: &Field<'_>, finding: Finding, map: &Mapping<'_>) -> Option<ExpectedOutcome> {
        let switch = self.cast.switch(what);
        let bounds = read_bounds(map);
        require_bound(what, map, "least: 1");
        let (least, most) = bounds?;
        Some(ExpectedOutcome::Found { switch: switch?, what: finding, least, most })
    }

    fn monitoring(&self, what: &Field<'_>, map: &Mapping<'_>) -> Option<ExpectedOutcome> {
        let switches = self.cast.switches(what);
        let every = map.get("every").map(|field| time_span(field, "every", SHORTEST..=LONGEST));
        let (window, bounds) = (self.window(map), read_bounds(map));
        require_bound(what, map, "most: 0");
        let ((from, until), (least, most)) = (window?, bounds?);
        let every = every.unwrap_or(Some(Duration::from_secs(60)))?;
        Some(ExpectedOutcome::Monitoring { switches, from, until, every, least, most })
    }

    fn counter(&self, what: &Field<'_>, map: &Mapping<'_>) -> Option<ExpectedOutcome> {
        let on = map.required("on", "say of which switch, such as `on: sw1`");
        let switch = on.and_then(|on| self.cast.switch(on));
        let counter = what.text();
        if let (Some(counter), Some(config)) = (counter, switch.and_then(|switch| self.cast.config(switch)))
            && let Err(wrong) = known::counter(counter, config)
        {
            what.refuse(wrong);
        }
        let bounds = read_bounds(map);
        require_bound(what, map, "least: 1");
        let (least, most) = bounds?;
        Some(ExpectedOutcome::Counter { switch: switch?, counter: counter?.to_owned(), least, most })
    }
}

/// Without a bound an expectation cannot fail.
fn require_bound(what: &Field<'_>, map: &Mapping<'_>, example: &str) {
    if map.get("least").is_none() && map.get("most").is_none() {
        what.refuse_key(format!("this cannot fail: add `least` or `most`, such as `{example}`"));
    }
}

/// The least and the most of a share, by keys of their own.
fn read_shares(what: &Field<'_>, map: &Mapping<'_>, example: &str) -> Option<(f64, f64)> {
    let bound = |key, absent| map.get(key).map_or(Some(absent), |field| share(field, key));
    let (least, most) = (bound("least", 0.0), bound("most", 1.0));
    require_bound(what, map, example);
    if let (Some(least), Some(most), Some(field)) = (least, most, map.get("most"))
        && least > most
    {
        field.refuse("`most` is below `least`: expected at least as much");
    }
    Some((least?, most?))
}

fn read_bounds(map: &Mapping<'_>) -> Option<(u64, Option<u64>)> {
    let (least, most) = (bound(map, "least"), bound(map, "most"));
    let (least, most) = (least?.unwrap_or(0), most?);
    check_bounds(map, least, most);
    Some((least, most))
}

/// A bound that may be absent; `None` when it is wrong.
fn bound(map: &Mapping<'_>, key: &str) -> Option<Option<u64>> {
    match map.get(key) {
        Some(field) => field.number(key, 0..=i128::from(u64::MAX)).map(Some),
        None => Some(None),
    }
}

/// Hosts have events of their own, whose names the hosts know: elsewhere only what looks like one of a switch's is
/// told.
fn check_event(field: &Field<'_>, name: &str, on_switch: bool) {
    if known::EVENTS.contains(&name) {
        return;
    }
    match nearest(name, known::EVENTS.iter().copied()) {
        Some(meant) => {
            field.refuse(format!("there is no event {}: did you mean `{meant}`?", quoted(name)));
        }
        None if on_switch => {
            let all = known::EVENTS.join(", ");
            field.refuse(format!("there is no event {}: those of a switch are {all}", quoted(name)));
        }
        None => {}
    }
}

fn check_bounds(map: &Mapping<'_>, least: u64, most: Option<u64>) {
    if let Some((field, most)) = map.get("most").zip(most)
        && least > most
    {
        field.refuse(format!("`most` is {most}, and `least` is {least}: expected at least as many"));
    }
}

/// What the fields of an event are, as text.
fn read_where(field: &Field<'_>) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for (name, value) in field.named("field", "{agent: learning}").unwrap_or_default() {
        let text = match value.value() {
            Value::Text(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            Value::Boolean(value) => value.to_string(),
            _ => {
                value.mismatch("a word or a number", "");
                continue;
            }
        };
        fields.push((name.to_owned(), text));
    }
    fields
}

/// The least and the most of a share: `[0.001, 0.05]`, or one bound alone.
fn shares(field: &Field<'_>, what: &str) -> Option<(f64, f64)> {
    const EXAMPLE: &str = "[0.001, 0.05]";
    let items = field.list(EXAMPLE)?;
    let [least, most] = items.as_slice() else {
        field.refuse(format!("expected the least and the most, such as {EXAMPLE}"));
        return None;
    };
    let (from, to) = (share(least, what), share(most, what));
    let (from, to) = (from?, to?);
    if from > to {
        most.refuse("the most is below the least: expected them the other way around");
        return None;
    }
    Some((from, to))
}

/// A cause, and the share of the failing flows that die of it: `{transit: [0.1, 0.5]}`.
fn read_by(field: &Field<'_>) -> Option<(String, f64, f64)> {
    let entries = field.named("cause", "{transit: [0.1, 0.5]}")?;
    let [(cause, bounds)] = entries.as_slice() else {
        field.refuse("expected one cause with its share, such as {transit: [0.1, 0.5]}");
        return None;
    };
    check_cause(cause, |wrong| bounds.refuse_key(wrong))?;
    let (least, most) = shares(bounds, cause)?;
    Some(((*cause).to_owned(), least, most))
}

fn read_cause(field: &Field<'_>) -> Option<String> {
    let text = field.text()?;
    check_cause(text, |wrong| field.refuse(wrong))?;
    Some(text.to_owned())
}

fn check_cause(text: &str, refuse: impl FnOnce(String)) -> Option<()> {
    let reasons = DropReason::ALL.iter().map(|reason| reason.name());
    let causes: Vec<&str> = known::CAUSES.iter().copied().chain(fault::names()).chain(reasons).collect();
    if !causes.contains(&text) {
        let advice = match nearest(text, causes.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!(
                "expected the end of a frame, a fault or a drop reason: {}",
                listed(causes.iter().copied())
            ),
        };
        refuse(format!("{} is not a cause: {advice}", quoted(text)));
        return None;
    }
    Some(())
}
