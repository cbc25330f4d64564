//! Where implementations of LACP differ: the options of a bundle's `behaviour`.

use crate::field::Field;
use crate::json_names::choice;
use crate::keys::Keys;
use crate::phrase::quoted;
use crate::time_span::{LONGEST, SHORTEST, time_span, time_span_or};
use crate::yaml::Value;
use greylag_lacp::{Behaviour, Preset, RateLimit, Timers};
use std::time::Duration;

const KEYS: Keys = Keys::of(&[
    "timers",
    "transmit-limit",
    "marker-limit",
    "mux-control",
    "sync-rule",
    "expired-timeout",
    "mistaken-partner",
    "key-format",
    "partner-choice",
    "partner-pin",
    "other-partners",
    "below-min-links",
]);

type Choose = fn(&Choice<'_>, &mut Behaviour);

/// The options that are a word.
const CHOICES: &[(&str, Choose)] = &[
    ("mux-control", |choice, to| choice.read(&mut to.mux_control)),
    ("sync-rule", |choice, to| choice.read(&mut to.sync_rule)),
    ("expired-timeout", |choice, to| choice.read(&mut to.expired_timeout)),
    ("mistaken-partner", |choice, to| choice.read(&mut to.mistaken_partner)),
    ("key-format", |choice, to| choice.read(&mut to.key_format)),
    ("partner-choice", |choice, to| choice.read(&mut to.partner_choice)),
    ("partner-pin", |choice, to| choice.read(&mut to.partner_pin)),
    ("other-partners", |choice, to| choice.read(&mut to.other_partners)),
    ("below-min-links", |choice, to| choice.read(&mut to.below_min_links)),
];

const TIMER_KEYS: Keys = Keys::of(&[
    "fast-periodic",
    "slow-periodic",
    "short-timeout",
    "long-timeout",
    "churn-detection",
    "aggregate-wait",
    "start-spread",
]);

/// The timers, the shortest time that each can have, and where it goes.
type Timer = (&'static str, Duration, fn(&mut Timers) -> &mut Duration);
const TIMERS: &[Timer] = &[
    ("fast-periodic", SHORTEST, |timers| &mut timers.fast_periodic),
    ("slow-periodic", SHORTEST, |timers| &mut timers.slow_periodic),
    ("short-timeout", SHORTEST, |timers| &mut timers.short_timeout),
    ("long-timeout", SHORTEST, |timers| &mut timers.long_timeout),
    ("aggregate-wait", Duration::ZERO, |timers| &mut timers.aggregate_wait),
    ("start-spread", Duration::ZERO, |timers| &mut timers.start_spread),
];

const LIMIT_KEYS: Keys = Keys::of(&["frames", "within"]);
const LIMIT_EXAMPLE: &str = "{frames: 3, within: 1s}";

/// What a bundle does, whose preset does `preset`.
pub(super) fn read(field: &Field<'_>, preset: Behaviour) -> Behaviour {
    let mut behaviour = preset;
    let Some(map) = field.mapping(&KEYS, "{mux-control: independent}") else { return behaviour };
    for (key, read) in CHOICES {
        if let Some(field) = map.get(key) {
            read(&Choice { field, key }, &mut behaviour);
        }
    }
    if let Some(timers) = map.filled("timers") {
        read_timers(timers, &mut behaviour.timers);
    }
    if let Some(limit) = map.get("transmit-limit") {
        behaviour.transmit_limit = read_limit(limit, preset.transmit_limit);
    }
    if let Some(limit) = map.get("marker-limit") {
        behaviour.marker_limit = match limit.value() {
            Value::Text(text) if text == "none" => None,
            Value::Text(text) => {
                limit.refuse(format!(
                    "{} is neither a limit nor `none`: expected one such as {LIMIT_EXAMPLE}",
                    quoted(text)
                ));
                preset.marker_limit
            }
            _ => preset
                .marker_limit
                .or(Preset::STANDARD.behaviour.marker_limit)
                .map(|before| read_limit(limit, before)),
        };
    }
    behaviour
}

/// A key whose value is one of a few words.
struct Choice<'f> {
    field: &'f Field<'f>,
    key: &'static str,
}

impl Choice<'_> {
    fn read<T: for<'de> serde::Deserialize<'de>>(&self, to: &mut T) {
        if let Some(value) = choice(self.field, &format!("a choice for {}", self.key)) {
            *to = value;
        }
    }
}

fn read_timers(field: &Field<'_>, timers: &mut Timers) {
    let Some(map) = field.mapping(&TIMER_KEYS, "{aggregate-wait: 2s}") else { return };
    for (key, least, timer) in TIMERS {
        if let Some(span) = map.get(key).and_then(|field| time_span(field, key, *least..=LONGEST)) {
            *timer(timers) = span;
        }
    }
    let churn = map.get("churn-detection");
    if let Some(span) =
        churn.and_then(|field| time_span_or(field, "churn-detection", SHORTEST..=LONGEST, "never"))
    {
        timers.churn_detection = span;
    }
}

/// What is not written stays as it was.
fn read_limit(field: &Field<'_>, before: RateLimit) -> RateLimit {
    let mut limit = before;
    let Some(map) = field.mapping(&LIMIT_KEYS, LIMIT_EXAMPLE) else { return limit };
    if let Some(frames) = map.get("frames").and_then(|frames| frames.number("frames", 1..=65_535)) {
        limit.frames = frames;
    }
    if let Some(within) = map.get("within").and_then(|within| time_span(within, "within", SHORTEST..=LONGEST))
    {
        limit.within = within;
    }
    limit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json_names::names_of;

    #[test]
    fn every_option_is_read() {
        assert_eq!(KEYS.allowed, names_of::<Behaviour>());
        assert_eq!(TIMER_KEYS.allowed, names_of::<Timers>());
        assert_eq!(LIMIT_KEYS.allowed, names_of::<RateLimit>());
        let limits = ["timers", "transmit-limit", "marker-limit"];
        let choices = CHOICES.iter().map(|(key, _)| *key);
        assert_eq!(limits.into_iter().chain(choices).collect::<Vec<_>>(), KEYS.allowed);
        let timers = TIMERS.iter().map(|(key, ..)| *key).chain(["churn-detection"]);
        assert!(timers.clone().all(|key| TIMER_KEYS.allowed.contains(&key)));
        assert_eq!(timers.count(), TIMER_KEYS.allowed.len());
    }
}
