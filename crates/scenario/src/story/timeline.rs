//! What is done, and when.

use super::action::{Deed, Later};
use super::cast::Cast;
use super::{Action, Place, Step, action, moves, standing};
use crate::field::{Field, Mapping};
use crate::keys::Keys;
use crate::name::node_name;
use crate::phrase::{listed, quoted};
use crate::switch::patched_by;
use greylag_base::{VlanId, VlanSet};
use greylag_switch::config::SwitchConfig;
use std::collections::BTreeMap;

const EXAMPLE: &str = "{at: 60s, fault: {switch: sw1, crash: {}}}";

const KEYS: Keys = Keys {
    allowed: &[
        "at",
        "name",
        "standing",
        "source",
        "fault",
        "link",
        "commit",
        "confirm",
        "rollback",
        "flush-fdb",
        "check-fdb",
        "check-fib",
        "check-paths",
        "upgrade",
        "management",
        "drain",
        "undrain",
        "power-off",
        "power-on",
        "reboot",
        "move-host",
        "announce",
        "set-mac",
        "mac-flood",
        "ping",
        "tcp",
        "broadcast",
    ],
    explained: &[
        (
            &[
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
                "heal",
            ],
            "is a fault: write it below `fault`, beside its `switch`",
        ),
        (&["action", "do"], "is not needed: the action itself is a key such as `fault` or `commit`"),
    ],
};

/// A step, and what of it can be checked only when all of them are known.
struct Draft<'d> {
    step: Step,
    later: Option<Later<'d>>,
}

/// The steps in the order of time; those of the same time in the order of the file.
pub(super) fn read(field: Option<&Field<'_>>, cast: &Cast<'_>) -> Vec<Step> {
    let items = field.and_then(|field| field.list(&format!("[{EXAMPLE}]"))).unwrap_or_default();
    let mut names = BTreeMap::new();
    let mut drafts: Vec<Draft<'_>> = Vec::new();
    for item in &items {
        drafts.extend(read_one(item, cast, &mut names));
    }
    drafts.sort_by_key(|draft| draft.step.at);
    if !cast.topology.incomplete {
        check_configurations(&drafts, cast);
        moves::settle(
            &mut drafts.iter_mut().map(|draft| (&mut draft.step.action, draft.later.as_ref())),
            cast,
        );
    }
    drafts.into_iter().map(|draft| draft.step).collect()
}

fn read_one<'d>(field: &Field<'d>, cast: &Cast<'_>, names: &mut BTreeMap<&'d str, u32>) -> Vec<Draft<'d>> {
    if field.is_nothing() {
        field.mismatch(&format!("a mapping such as {EXAMPLE}"), "");
    }
    let Some(map) = field.mapping(&KEYS, EXAMPLE).filter(|_| !field.is_nothing()) else { return Vec::new() };
    let at = map.required("at", "say when, such as `at: 90s` or `at: \"13:27:45\"`");
    let at = at.and_then(|at| cast.clock.moment(at, "at"));
    let name = map.get("name").and_then(|name| read_name(name, names));
    let (standing, source) = standing::read(&map);
    let deeds = read_action(field, &map, cast);
    let Some(at) = at else { return Vec::new() };
    let draft = |Deed { action, later }| Draft {
        step: Step {
            at,
            name: name.map(str::to_owned),
            action,
            standing,
            source: source.clone(),
            place: Place::of(field),
        },
        later,
    };
    deeds.into_iter().map(draft).collect()
}

/// The name of a step or expectation, which patches call it by.
pub(super) fn read_name<'d>(field: &Field<'d>, names: &mut BTreeMap<&'d str, u32>) -> Option<&'d str> {
    let name = field.text()?;
    node_name(name).unwrap_or_else(|wrong| field.refuse(wrong));
    if let Some(line) = names.get(name) {
        field.refuse(format!("the name {} is taken already, on line {line}: expected another", quoted(name)));
    } else {
        names.insert(name, field.line());
    }
    Some(name)
}

fn read_action<'d>(field: &Field<'d>, map: &Mapping<'d>, cast: &Cast<'_>) -> Vec<Deed<'d>> {
    let mut actions = map.among(action::ACTIONS, |(name, _)| name).into_iter();
    let Some(((first, read), body)) = actions.next() else {
        // An unknown key is probably the action, and has been told of.
        if map.all_known() {
            let names = action::ACTIONS.iter().map(|(key, _)| *key);
            field.refuse(format!(
                "nothing is done in this step: expected one of {}",
                names.collect::<Vec<_>>().join(", ")
            ));
        }
        return Vec::new();
    };
    for ((other, _), body) in actions {
        body.refuse_key(format!("this step has `{first}` already: make `{other}` a step of its own"));
    }
    read(body, cast)
}

/// Holds every commit's patch against what its switch may run by then, and every VLAN that a step names against the
/// VLANs that its switch ever has.
fn check_configurations(drafts: &[Draft<'_>], cast: &Cast<'_>) {
    // What each switch may run some time, the latest last.
    let mut known: BTreeMap<usize, Vec<SwitchConfig>> = BTreeMap::new();
    for node in 0..cast.topology.lab.nodes.len() {
        known.extend(cast.config(node).map(|config| (node, vec![config.clone()])));
    }
    for draft in drafts {
        if let (Some(Later::Patch(patch)), Action::Commit { switch, .. }) = (&draft.later, &draft.step.action)
            && let Some(configs) = known.get_mut(switch)
            && let Some(config) = check_patch(patch, configs)
        {
            configs.push(config);
        }
    }
    for draft in drafts {
        if let Some(Later::Vlan { switch, field, vlan }) = &draft.later
            && let Some(configs) = known.get(switch)
        {
            check_vlan(field, *vlan, cast.name(*switch), configs);
        }
    }
}

/// What the switch runs after the commit. A rollback may have come before: any of the configurations will do, and
/// if none does, the problems are those with the latest.
fn check_patch(patch: &Field<'_>, configs: &[SwitchConfig]) -> Option<SwitchConfig> {
    let mut first = None;
    for running in configs.iter().rev() {
        let (config, problems) = patched_by(running, patch);
        if problems.is_empty() {
            return Some(config);
        }
        first.get_or_insert(problems);
    }
    patch.document().adopt(first.unwrap_or_default());
    None
}

fn check_vlan(field: &Field<'_>, vlan: VlanId, switch: &str, configs: &[SwitchConfig]) {
    if configs.iter().any(|config| config.vlan_set().contains(vlan)) {
        return;
    }
    let at_first = configs.first().map(SwitchConfig::vlan_set);
    let all: Vec<String> = at_first.iter().flat_map(VlanSet::iter).map(|vlan| vlan.to_string()).collect();
    field.refuse(format!(
        "switch `{switch}` never has VLAN {vlan}: expected one of {}, or one that a commit brings",
        listed(all.iter().map(String::as_str))
    ));
}
