use crate::field::Field;
use crate::keys::Keys;
use crate::time_span::{LONGEST, SHORTEST, time_span, time_span_or};
use greylag_switch::config::SupervisorConfig;
use std::time::Duration;

const KEYS: Keys = Keys {
    allowed: &["restart", "restart-delay", "start-limit-burst", "start-limit-interval", "watchdog"],
    explained: &[
        (&["restart-sec", "RestartSec"], "is systemd's word: write `restart-delay`"),
        (&["StartLimitBurst"], "is systemd's word: write `start-limit-burst`"),
        (
            &["start-limit-interval-sec", "StartLimitIntervalSec"],
            "is systemd's word: write `start-limit-interval`",
        ),
    ],
};

pub(super) fn read(field: &Field<'_>) -> SupervisorConfig {
    let mut supervisor = SupervisorConfig::default();
    let Some(map) = field.mapping(&KEYS, "{restart-delay: 100ms}") else { return supervisor };
    let time = |key| map.get(key).and_then(|field| time_span(field, key, Duration::ZERO..=LONGEST));
    supervisor.restart = map.get("restart").and_then(Field::boolean).unwrap_or(supervisor.restart);
    supervisor.restart_delay = time("restart-delay").unwrap_or(supervisor.restart_delay);
    if let Some(burst) = map.get("start-limit-burst") {
        let burst = burst.number("start-limit-burst", 1..=1_000_000);
        supervisor.start_limit_burst = burst.unwrap_or(supervisor.start_limit_burst);
    }
    // Zero is no limit.
    supervisor.start_limit_interval = time("start-limit-interval").unwrap_or(supervisor.start_limit_interval);
    if let Some(watchdog) = map.get("watchdog") {
        supervisor.watchdog = time_span_or(watchdog, "watchdog", SHORTEST..=LONGEST, "never").flatten();
    }
    supervisor
}
