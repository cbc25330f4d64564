use super::time;
use crate::field::Field;
use crate::keys::Keys;
use crate::time_span::LONGEST;
use greylag_switch::config::{GroupHashing, NextHopGroupsConfig};
use std::time::Duration;

const KEYS: Keys = Keys::of(&["hashing", "buckets", "idle-timer", "unbalanced-timer", "maximum"]);

/// As with `ip nexthop ... type resilient`.
const IDLE_TIMER: Duration = Duration::from_secs(120);

/// Groups that there may be room for.
const MOST: i128 = 1_048_576;

#[derive(Clone, Copy, PartialEq)]
enum Hashing {
    Modulo,
    Resilient,
}

const HASHING: &[(&str, Hashing)] = &[("modulo", Hashing::Modulo), ("resilient", Hashing::Resilient)];

pub(super) fn read(field: &Field<'_>) -> NextHopGroupsConfig {
    let mut groups = NextHopGroupsConfig::default();
    let Some(map) = field.mapping(&KEYS, "{hashing: resilient, buckets: 128}") else { return groups };
    let hashing =
        map.get("hashing").map_or(Some(Hashing::Modulo), |field| field.word("a way of hashing", HASHING));
    let timer = |key, default| time(&map, key, Duration::ZERO..=LONGEST, default);
    let timers = (timer("idle-timer", IDLE_TIMER), timer("unbalanced-timer", Duration::ZERO));
    match hashing {
        Some(Hashing::Resilient) => {
            let (idle_timer, unbalanced_timer) = timers;
            groups.hashing = GroupHashing::Resilient { idle_timer, unbalanced_timer };
        }
        Some(Hashing::Modulo) => {
            for field in ["idle-timer", "unbalanced-timer"].iter().filter_map(|key| map.get(key)) {
                field.refuse_key("this goes with `hashing: resilient`: add that, or remove this");
            }
        }
        None => {}
    }
    let buckets = map.get("buckets").and_then(|field| field.number("buckets", 1..=65_535));
    groups.buckets = buckets.unwrap_or(groups.buckets);
    let maximum = map.get("maximum").and_then(|field| field.number("maximum", 1..=MOST));
    groups.maximum = maximum.unwrap_or(groups.maximum);
    groups
}
