use crate::field::Field;
use crate::keys::Keys;
use crate::time_span::{LONGEST, SHORTEST, time_span, written};
use greylag_mactable::{ChipHash, Geometry, WhenFull};
use greylag_switch::config::{DampingAction, MacTableConfig, MoveDamping};
use std::time::Duration;

/// Dynamic addresses of a table, a VLAN or a port at most.
pub(super) const MAXIMUM_ENTRIES: i128 = 16_777_216;

const KEYS: Keys =
    Keys::of(&["maximum-entries", "ageing-time", "sweep-interval", "when-full", "geometry", "move-damping"]);
const DAMPING_KEYS: Keys = Keys::of(&["threshold", "interval", "hold", "action"]);
const ACTIONS: &[(&str, DampingAction)] =
    &[("drop", DampingAction::Drop), ("forward", DampingAction::Forward)];

const GEOMETRY_KEYS: Keys = Keys::of(&["buckets", "depth", "hash"]);
const GEOMETRY_EXAMPLE: &str = "{buckets: 2048, depth: 4}";
const WHEN_FULL: &[(&str, WhenFull)] = &[
    (WhenFull::Decline.name(), WhenFull::Decline),
    (WhenFull::EvictOldest.name(), WhenFull::EvictOldest),
    (WhenFull::EvictLargestPort.name(), WhenFull::EvictLargestPort),
];
const HASHES: &[(&str, ChipHash)] = &[("keyed", ChipHash::Keyed), ("crc32", ChipHash::Crc32)];

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
    if let Some(interval) = map.get("sweep-interval") {
        table.sweep_interval = time_span(interval, "sweep-interval", SHORTEST..=LONGEST);
        check_sweep(&table, interval);
    }
    if let Some(policy) = map.get("when-full") {
        table.when_full = policy.word("a policy", WHEN_FULL).unwrap_or_default();
    }
    table.geometry = map.get("geometry").and_then(read_geometry);
    table.move_damping = map.filled("move-damping").map(read_damping);
    table
}

/// What has lapsed is to be gone before it could lapse again.
fn check_sweep(table: &MacTableConfig, field: &Field<'_>) {
    let longest = table.ageing_time / 2;
    if let Some(interval) = table.sweep_interval.filter(|&interval| !longest.is_zero() && interval > longest)
    {
        field.refuse(format!(
            "sweep-interval {} is longer than half of the ageing-time, which is {}: expected at most {}",
            written(interval),
            written(table.ageing_time),
            written(longest)
        ));
    }
}

fn read_geometry(field: &Field<'_>) -> Option<Geometry> {
    let map = field.mapping(&GEOMETRY_KEYS, GEOMETRY_EXAMPLE)?;
    let example = format!("add it as in {GEOMETRY_EXAMPLE}");
    let buckets = map.required("buckets", &example)?.number("buckets", 1..=MAXIMUM_ENTRIES)?;
    let depth = map.required("depth", &example)?.number("depth", 1..=Geometry::MAX_DEPTH.into())?;
    let hash = map.get("hash").map_or(Some(ChipHash::Crc32), |hash| hash.word("a hash", HASHES))?;
    Some(Geometry { buckets, depth, hash })
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
    if let Some(interval) = map.get("interval") {
        let interval = time_span(interval, "interval", SHORTEST..=LONGEST);
        damping.interval = interval.unwrap_or(damping.interval);
    }
    if let Some(hold) = map.get("hold") {
        damping.hold = time_span(hold, "hold", SHORTEST..=LONGEST).unwrap_or(damping.hold);
    }
    if let Some(action) = map.get("action") {
        damping.action = action.word("an action", ACTIONS).unwrap_or_default();
    }
    damping
}
