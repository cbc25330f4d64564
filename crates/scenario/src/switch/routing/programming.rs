use super::time;
use crate::field::Field;
use crate::keys::Keys;
use crate::time_span::{LONGEST, SHORTEST, time_span_or};
use greylag_switch::config::ProgrammingConfig;
use std::time::Duration;

const KEYS: Keys = Keys::of(&["delay", "rate", "audit-interval"]);

pub(super) fn read(field: &Field<'_>) -> ProgrammingConfig {
    let mut programming = ProgrammingConfig::default();
    let Some(map) = field.mapping(&KEYS, "{delay: 5ms}") else { return programming };
    programming.delay = time(&map, "delay", Duration::ZERO..=LONGEST, programming.delay);
    programming.rate = map.get("rate").and_then(|rate| rate.number("changes per second", 1..=100_000_000));
    if let Some(audit) = map.get("audit-interval") {
        programming.audit_interval =
            time_span_or(audit, "audit-interval", SHORTEST..=LONGEST, "never").flatten();
    }
    programming
}
