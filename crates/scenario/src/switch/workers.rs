use crate::field::Field;
use crate::keys::Keys;
use crate::phrase::counted;
use greylag_switch::config::{IdlePolicy, WorkersConfig};

const KEYS: Keys = Keys::of(&["count", "cpus", "idle"]);
const IDLE: &[(&str, IdlePolicy)] =
    &[("spin", IdlePolicy::Spin), ("adaptive", IdlePolicy::Adaptive), ("sleep", IdlePolicy::Sleep)];

/// The largest CPU number that an affinity mask of the kernel's usual size can hold.
const LAST_CPU: i128 = 1023;

pub(super) fn read(field: &Field<'_>) -> WorkersConfig {
    let mut workers = WorkersConfig::default();
    let Some(map) = field.mapping(&KEYS, "{count: 2, cpus: [0, 1]}") else { return workers };
    let count = map.get("count").map(|count| count.number("worker count", 1..=64));
    workers.count = count.flatten().unwrap_or(workers.count);
    if let Some(idle) = map.get("idle") {
        workers.idle = idle.word("an idle policy", IDLE).unwrap_or_default();
    }
    if let Some(cpus) = map.get("cpus") {
        let items = cpus.list("[0, 1]").unwrap_or_default();
        // A count that is wrong is reported already.
        if !items.is_empty() && count != Some(None) && items.len() != usize::from(workers.count) {
            cpus.refuse(format!(
                "{} for {}: expected one for each worker, or none",
                counted(items.len(), "CPU"),
                counted(workers.count.into(), "worker")
            ));
        }
        workers.cpus = items.iter().filter_map(|cpu| cpu.number("CPU", 0..=LAST_CPU)).collect();
    }
    workers
}
