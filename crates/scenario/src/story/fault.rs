//! Faults inside of a switch.

use super::Action;
use super::action::{Deed, Later, body, switches, time};
use super::cast::Cast;
use super::programming;
use crate::field::{Field, Mapping};
use crate::keys::Keys;
use crate::quantity::share;
use crate::time_span::{LONGEST, time_span, written};
use crate::vlan::vlan;
use crate::yaml::Value;
use greylag_switch::agent::AgentKind;
use greylag_switch::fault::Fault;
use std::time::Duration;

const EXAMPLE: &str = "{switch: sw1, crash: {agent: learning}}";

const KEYS: Keys = Keys::of(&[
    "switch",
    "crash",
    "crash-loop",
    "hang",
    "slow",
    "lose-reports",
    "delay-reports",
    "refuse-writes",
    "drop-writes",
    "delay-writes",
    "misorder-writes",
    "stale-members",
    "restart",
    "heal",
]);

/// What a fault is read from, and what is wrong with the VLAN that it names is checked later.
type Read = fn(&Mapping<'_>) -> Option<Fault>;

const FAULTS: &[(&str, Keys, &str, Read)] = &[
    ("crash", Keys::of(&["agent", "dump"]), "{agent: learning, dump: 4s}", crash),
    (
        "crash-loop",
        Keys::of(&["agent", "run", "dump", "times", "while-vlan"]),
        "{run: [28s, 38s], dump: 4s}",
        crash_loop,
    ),
    ("hang", Keys::of(&["agent", "lasts"]), "{agent: learning, lasts: 2m}", hang),
    ("slow", Keys::of(&["agent", "rate", "lasts"]), "{rate: 50, lasts: 2m}", slow),
    ("lose-reports", Keys::of(&["share", "lasts"]), "{share: 0.5}", lose_reports),
    ("delay-reports", Keys::of(&["delay", "lasts"]), "{delay: [0s, 2s]}", delay_reports),
    ("refuse-writes", Keys::of(&["share", "lasts"]), "{share: 0.5}", refuse_writes),
    ("drop-writes", programming::DROP_KEYS, "{prefix: 10.0.0.0/8}", programming::drop_writes),
    ("delay-writes", programming::DELAY_KEYS, "{delay: [0s, 2s]}", programming::delay_writes),
    ("misorder-writes", programming::KEYS, "{family: ipv6}", programming::misorder_writes),
    ("stale-members", programming::KEYS, "{change: member-lost}", programming::stale_members),
    ("restart", Keys::of(&["agent"]), "{agent: learning}", restart),
    ("heal", Keys::of(&[]), "{}", |_| Some(Fault::Heal)),
];

/// The names of all faults.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FAULTS.iter().map(|(name, ..)| *name)
}

pub(super) fn read<'d>(field: &Field<'d>, cast: &Cast<'_>) -> Vec<Deed<'d>> {
    let Some(map) = body(field, &KEYS, EXAMPLE) else { return Vec::new() };
    let switches = switches(&map, cast);
    let again = |name: &str, other: &str| {
        format!("this step has the fault `{name}` already: make `{other}` a step of its own")
    };
    let Some((fault, map)) = read_kind(field, &map, again) else { return Vec::new() };
    let deed = |switch| {
        let later = match (&fault, map.get("while-vlan")) {
            (Fault::CrashLoop { while_vlan: Some(vlan), .. }, Some(field)) => {
                Some(Later::Vlan { switch, field: field.clone(), vlan: *vlan })
            }
            _ => None,
        };
        Deed { action: Action::Fault { switch, fault: fault.clone() }, later }
    };
    switches.into_iter().map(deed).collect()
}

/// Reads the one fault that a mapping has, and gives its settings with it. `again` says what is wrong with another one.
fn read_kind<'d>(
    field: &Field<'d>,
    map: &Mapping<'d>,
    again: impl Fn(&str, &str) -> String,
) -> Option<(Fault, Mapping<'d>)> {
    let names = names().collect::<Vec<_>>();
    let mut kinds = map.among(&names, |name| name).into_iter();
    let Some((name, body)) = kinds.next() else {
        if map.all_known() {
            field.refuse(format!("nothing goes wrong: expected one of {}", names.join(", ")));
        }
        return None;
    };
    for (other, body) in kinds {
        body.refuse_key(again(name, other));
    }
    let (_, keys, example, read) = FAULTS.iter().find(|(known, ..)| *known == name)?;
    let map = body.mapping(keys, example)?;
    Some((read(&map)?, map))
}

fn agent(map: &Mapping<'_>) -> Option<AgentKind> {
    let agents = AgentKind::ALL.map(|agent| (agent.name(), agent));
    map.get("agent").map_or(Some(AgentKind::Learning), |field| field.word("an agent", &agents))
}

fn dump(map: &Mapping<'_>) -> Option<Duration> {
    map.get("dump").map_or(Some(Duration::ZERO), |dump| time_span(dump, "dump", Duration::ZERO..=LONGEST))
}

/// How often, and the value is no time.
fn share_of(map: &Mapping<'_>) -> Option<f64> {
    map.required("share", "say how much, such as `share: 0.5`").and_then(|field| share(field, "share"))
}

/// One time, or the shortest and the longest.
pub(super) fn times(field: &Field<'_>, what: &str, shortest: Duration) -> Option<(Duration, Duration)> {
    let read = |field: &Field<'_>| time_span(field, what, shortest..=LONGEST);
    if !matches!(field.value(), Value::List(_)) {
        return read(field).map(|time| (time, time));
    }
    let items = field.list("[28s, 38s]")?;
    let [least, most] = items.as_slice() else {
        field.refuse("expected one time, or the shortest and the longest such as [28s, 38s]");
        return None;
    };
    let (least, longest) = (read(least), read(most));
    let (least, longest) = (least?, longest?);
    if least > longest {
        most.refuse("the longest is shorter than the shortest: expected them the other way around");
        return None;
    }
    Some((least, longest))
}

fn crash(map: &Mapping<'_>) -> Option<Fault> {
    let (agent, dump) = (agent(map), dump(map));
    Some(Fault::Crash { agent: agent?, dump: dump? })
}

fn crash_loop(map: &Mapping<'_>) -> Option<Fault> {
    let (agent, dump) = (agent(map), dump(map));
    let run = map.required("run", "say how long it runs each time, such as `run: [28s, 38s]`");
    let run = run.and_then(|run| times(run, "run", Duration::ZERO));
    let times = map.get("times").map(|times| times.number("times", 1..=1_000_000));
    let while_vlan = map.get("while-vlan").map(vlan);
    let (run_least, run_most) = run?;
    Some(Fault::CrashLoop {
        agent: agent?,
        run_least,
        run_most,
        dump: dump?,
        times: times.map_or(Some(None), |times| times.map(Some))?,
        while_vlan: while_vlan.map_or(Some(None), |vlan| vlan.map(Some))?,
    })
}

fn hang(map: &Mapping<'_>) -> Option<Fault> {
    let (agent, lasts) = (agent(map), time(map, "lasts"));
    Some(Fault::Hang { agent: agent?, lasts })
}

fn slow(map: &Mapping<'_>) -> Option<Fault> {
    let (agent, lasts) = (agent(map), time(map, "lasts"));
    let rate = map.required("rate", "say how many reports a second it handles, such as `rate: 50`");
    let rate = rate.and_then(|rate| rate.number("reports per second", 1..=100_000_000));
    Some(Fault::Slow { agent: agent?, rate: rate?, lasts })
}

fn lose_reports(map: &Mapping<'_>) -> Option<Fault> {
    let (share, lasts) = (share_of(map), time(map, "lasts"));
    Some(Fault::LoseReports { share: share?, lasts })
}

fn delay_reports(map: &Mapping<'_>) -> Option<Fault> {
    let lasts = time(map, "lasts");
    let delay = map.required("delay", "say how late they are, such as `delay: [0s, 2s]`");
    let (least, most) = delay.and_then(|delay| times(delay, "delay", Duration::ZERO))?;
    Some(Fault::DelayReports { least, most, lasts })
}

fn refuse_writes(map: &Mapping<'_>) -> Option<Fault> {
    let (share, lasts) = (share_of(map), time(map, "lasts"));
    Some(Fault::RefuseWrites { share: share?, lasts })
}

fn restart(map: &Mapping<'_>) -> Option<Fault> {
    Some(Fault::Restart { agent: agent(map)? })
}

const ALONE_EXAMPLE: &str = "{crash: {agent: learning}}";

const ALONE_KEYS: Keys = Keys::of(&[
    "crash",
    "crash-loop",
    "hang",
    "slow",
    "lose-reports",
    "delay-reports",
    "refuse-writes",
    "drop-writes",
    "delay-writes",
    "misorder-writes",
    "stale-members",
    "restart",
    "heal",
]);

/// Reads a fault without the switch that it is for.
pub(super) fn read_alone(field: &Field<'_>) -> Option<Fault> {
    let map = body(field, &ALONE_KEYS, ALONE_EXAMPLE)?;
    let again =
        |name: &str, other: &str| format!("this is the fault `{name}` already: order `{other}` by itself");
    read_kind(field, &map, again).map(|(fault, _)| fault)
}

/// Writes a fault in the words of a timeline: the way back from [`read_alone`].
pub(super) fn emit(fault: &Fault) -> String {
    let lasting = |lasts: &Option<Duration>| lasts.map(|lasts| format!("lasts: {}", written(lasts)));
    let agent_of = |agent: &AgentKind| Some(format!("agent: {}", agent.name()));
    let range = |least: &Duration, most: &Duration| format!("[{}, {}]", written(*least), written(*most));
    let (name, settings) = match fault {
        Fault::Crash { agent, dump } => {
            ("crash", vec![agent_of(agent), Some(format!("dump: {}", written(*dump)))])
        }
        Fault::CrashLoop { agent, run_least, run_most, dump, times, while_vlan } => (
            "crash-loop",
            vec![
                agent_of(agent),
                Some(format!("run: {}", range(run_least, run_most))),
                Some(format!("dump: {}", written(*dump))),
                times.map(|times| format!("times: {times}")),
                while_vlan.map(|vlan| format!("while-vlan: {vlan}")),
            ],
        ),
        Fault::Hang { agent, lasts } => ("hang", vec![agent_of(agent), lasting(lasts)]),
        Fault::Slow { agent, rate, lasts } => {
            ("slow", vec![agent_of(agent), Some(format!("rate: {rate}")), lasting(lasts)])
        }
        Fault::LoseReports { share, lasts } => {
            ("lose-reports", vec![Some(format!("share: {share}")), lasting(lasts)])
        }
        Fault::DelayReports { least, most, lasts } => {
            ("delay-reports", vec![Some(format!("delay: {}", range(least, most))), lasting(lasts)])
        }
        Fault::RefuseWrites { share, lasts } => {
            ("refuse-writes", vec![Some(format!("share: {share}")), lasting(lasts)])
        }
        Fault::Misprogram { mishap, only, share, lasts } => {
            let (name, mut settings) = programming::emit(mishap);
            settings.extend(programming::emit_filter(only, *share));
            settings.push(lasting(lasts));
            (name, settings)
        }
        Fault::Restart { agent } => ("restart", vec![agent_of(agent)]),
        Fault::Heal => ("heal", Vec::new()),
    };
    let settings: Vec<String> = settings.into_iter().flatten().collect();
    format!("{{{name}: {{{}}}}}", settings.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::{emit_fault, parse_fault};
    use crate::Source;

    #[test]
    fn what_is_written_is_read() {
        for text in [
            "{crash: {agent: learning, dump: 4s}}",
            "{crash-loop: {agent: learning, run: [28s, 38s], dump: 500ms, times: 4, while-vlan: 97}}",
            "{crash-loop: {agent: learning, run: [30s, 30s], dump: 0s}}",
            "{hang: {agent: learning}}",
            "{slow: {agent: learning, rate: 50, lasts: 120s}}",
            "{lose-reports: {share: 0.5}}",
            "{delay-reports: {delay: [0s, 2s], lasts: 1s}}",
            "{refuse-writes: {share: 1}}",
            "{drop-writes: {}}",
            "{drop-writes: {acknowledged: false, prefix: \"2001:db8::/32\", share: 0.5, lasts: 30s}}",
            "{drop-writes: {family: ipv4, prefix: \"0.0.0.0/0\", buckets: 3, worker: 63, change: member-lost}}",
            "{delay-writes: {delay: [0s, 2s], buckets: 0..7, change: member-returned}}",
            "{misorder-writes: {prefix: \"::/0\"}}",
            "{stale-members: {family: ipv6, lasts: 500ms}}",
            "{restart: {agent: learning}}",
            "{hang: {agent: lacp, lasts: 1s}}",
            "{heal: {}}",
        ] {
            let fault = parse_fault(&Source::new("fault", text)).unwrap();
            assert_eq!(emit_fault(&fault), text);
        }
    }

    #[test]
    fn a_fault_alone_is_for_no_switch() {
        for (text, wrong) in [
            ("{switch: sw1, heal: {}}", "switch"),
            ("{}", "nothing goes wrong"),
            ("", "a mapping such as"),
            ("{heal: {}, restart: {}}", "order `restart` by itself"),
            ("{crash: {agent: learning, dump: soon}}", "fault:1:33: crash.dump: `soon` is not a time"),
        ] {
            let error = parse_fault(&Source::new("fault", text)).unwrap_err().to_string();
            assert!(error.contains(wrong), "{text}: {error}");
        }
    }
}
