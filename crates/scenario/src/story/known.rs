//! Names that a switch gives to what it tells: events, alarms, counters.

use crate::nearest::nearest;
use crate::phrase::quoted;
use greylag_base::DropReason;
use greylag_switch::config::SwitchConfig;
use greylag_switch::show::{Counters, MacTableCounters, PortCountersRow};
use serde::de::value::Error;
use serde::de::{Deserialize, Deserializer, Error as _, Visitor};

/// The events of `greylag_switch::Event`.
pub(super) const EVENTS: &[&str] = &[
    "switch-started",
    "port-up",
    "port-down",
    "mac-learned",
    "mac-moved",
    "mac-move-damped",
    "mac-evicted",
    "mac-declined",
    "mac-aged",
    "agent-started",
    "agent-crashed",
    "agent-hung",
    "agent-failed",
    "alarm-raised",
    "alarm-cleared",
    "config-committed",
    "config-confirmed",
    "config-rolled-back",
    "fdb-flushed",
    "fdb-checked",
];

/// What a replay calls the end of a frame, beside faults and drop reasons: where it was lost, or which agent was in trouble there.
pub(super) const CAUSES: &[&str] = &[
    "link",
    "link-down",
    "link-queue-full",
    "link-one-way",
    "link-loss",
    "link-corrupt",
    "link-dark",
    "stale-entry",
    "vanished",
    "flooded",
    "wrong-address",
    "agent-slowed",
    "agent-hung",
    "agent-crashed",
    "agent-failed",
];

/// The alarms of `greylag_switch::alarm::AlarmKind`.
pub(super) const ALARMS: &[&str] =
    &["agent-failed", "agent-restarting", "reports-lost", "mac-table-full", "commit-unconfirmed"];

/// Is `path` a counter of a switch: `mac-table.learned`, `ports.eth1.in-frames`, `drops.storm-control`?
pub(super) fn counter(path: &str, config: &SwitchConfig) -> Result<(), String> {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let mut groups = fields_of::<Counters>().to_vec();
    groups.push("drops");
    let ports = || config.ports.iter().map(|port| port.name.as_str());
    let (wrong, all): (&str, Vec<&str>) = match first {
        "drops" => (rest, DropReason::ALL.iter().map(|reason| reason.name()).collect()),
        "mac-table" => (rest.split('.').next().unwrap_or(rest), fields_of::<MacTableCounters>().to_vec()),
        // A port's name may have a dot.
        "ports" => match rest.rsplit_once('.') {
            Some((port, counter)) if ports().any(|name| name == port) => {
                (counter, fields_of::<PortCountersRow>().to_vec())
            }
            Some((port, _)) => (port, ports().collect()),
            None => (rest, ports().collect()),
        },
        _ if groups.contains(&first) => return Ok(()),
        _ => (first, groups),
    };
    if all.contains(&wrong) && (first != "ports" || rest.contains('.')) {
        return Ok(());
    }
    let advice = match nearest(wrong, all.iter().copied()) {
        Some(meant) if meant != wrong => format!("did you mean `{}`?", path.replacen(wrong, meant, 1)),
        _ => format!("in place of {} expected one of {}", quoted(wrong), all.join(", ")),
    };
    Err(format!("there is no counter {}: {advice}", quoted(path)))
}

/// The names of a structure's fields in JSON.
fn fields_of<T: for<'de> Deserialize<'de>>() -> &'static [&'static str] {
    let mut fields: &'static [&'static str] = &[];
    // It gives no value: it only takes down what it is asked for.
    let asked = T::deserialize(Asked(&mut fields));
    debug_assert!(asked.is_err());
    fields
}

struct Asked<'f>(&'f mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Asked<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("there is no value"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use greylag_switch::agent::AgentKind::Learning;
    use greylag_switch::alarm::AlarmKind;

    #[test]
    fn alarms_are_called_as_the_switch_calls_them() {
        let kinds = [
            AlarmKind::AgentFailed { agent: Learning },
            AlarmKind::AgentRestarting { agent: Learning },
            AlarmKind::ReportsLost,
            AlarmKind::MacTableFull,
            AlarmKind::CommitUnconfirmed,
        ];
        let name = |kind: &AlarmKind| serde_json::to_value(kind).unwrap()["alarm"].clone();
        assert_eq!(kinds.iter().map(name).collect::<Vec<_>>(), ALARMS);
    }
}
