use crate::field::Field;
use crate::keys::Keys;
use crate::time_span::{LONGEST, time_span};
use greylag_switch::config::{DampingAction, MacTableConfig, MoveDamping};
use std::time::Duration;

/// Dynamic addresses of a table, a VLAN or a port at most.
pub(super) const MAXIMUM_ENTRIES: i128 = 16_777_216;

const KEYS: Keys = Keys::of(&["maximum-entries", "ageing-time", "move-damping"]);
const DAMPING_KEYS: Keys = Keys::of(&["threshold", "interval", "hold", "action"]);
const ACTIONS: &[(&str, DampingAction)] =
    &[("drop", DampingAction::Drop), ("forward", DampingAction::Forward)];

pub(super) fn read(field: &Field<'_>) -> MacTableConfig {
    let mut table = MacTableConfig::default();
    let Some(map) = field.mapping(&KEYS, "{ageing-time: 300}") else { return table };
    if let Some(entries) = map.get("maximum-entries") {
        let entries = entries.number("maximum-entries", 1..=MAXIMUM_ENTRIES);
        table.maximum_entries = entries.unwrap_or(table.maximum_entries);
    }
    if let Some(time) = map.get("ageing-time") {
        // Zero is never.
        let time = time_span(time, "ageing-time", Duration::ZERO..=LONGEST);
        table.ageing_time = time.unwrap_or(table.ageing_time);
    }
    table.move_damping = map.filled("move-damping").map(read_damping);
    table
}

fn read_damping(field: &Field<'_>) -> MoveDamping {
    let mut damping = MoveDamping {
        threshold: 5,
        interval: Duration::from_secs(10),
        hold: Duration::from_secs(60),
        action: DampingAction::Drop,
    };
    let Some(map) = field.mapping(&DAMPING_KEYS, "{threshold: 5, interval: 10s, hold: 60s}") else {
        return damping;
    };
    if let Some(threshold) = map.get("threshold") {
        damping.threshold = threshold.number("threshold", 1..=65_535).unwrap_or(damping.threshold);
    }
    let shortest = Duration::from_millis(1);
    if let Some(interval) = map.get("interval") {
        let interval = time_span(interval, "interval", shortest..=LONGEST);
        damping.interval = interval.unwrap_or(damping.interval);
    }
    if let Some(hold) = map.get("hold") {
        damping.hold = time_span(hold, "hold", shortest..=LONGEST).unwrap_or(damping.hold);
    }
    if let Some(action) = map.get("action") {
        damping.action = action.word("an action", ACTIONS).unwrap_or_default();
    }
    damping
}
