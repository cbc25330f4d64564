//! What operators do to switches.

use super::action::{Deed, Later, body, switches, time};
use super::cast::{Cast, named};
use super::{Action, Patch, standing};
use crate::field::{Field, Mapping};
use crate::keys::Keys;
use crate::time_span::{LONGEST, time_span};
use crate::vlan::vlan;
use crate::yaml::Value;
use std::time::Duration;

const SWITCH_KEYS: Keys = Keys::of(&["switch"]);
const SWITCH_EXAMPLE: &str = "{switch: sw1}";
const COMMIT_KEYS: Keys = Keys {
    allowed: &["switch", "patch", "author", "confirm-within"],
    explained: &[(&["confirmed", "confirm"], "is written `confirm-within: 5m`")],
};
const COMMIT_EXAMPLE: &str = "{switch: sw1, patch: {vlans: {97: {}}}}";
const ROLLBACK_KEYS: Keys = Keys::of(&["switch", "steps", "author"]);
const FLUSH_KEYS: Keys = Keys::of(&["switch", "port", "vlan"]);
const CHECK_KEYS: Keys = Keys::of(&["switch", "repair"]);
const UPGRADE_KEYS: Keys = Keys::of(&["switch", "version"]);
const BOOT_KEYS: Keys = Keys::of(&["switch", "boot"]);
const BOOT_EXAMPLE: &str = "{switch: sw1, boot: 3m}";

fn each<'d>(switches: Vec<usize>, action: impl Fn(usize) -> Action) -> Vec<Deed<'d>> {
    switches.into_iter().map(|switch| action(switch).into()).collect()
}

fn author(map: &Mapping<'_>) -> String {
    map.get("author").and_then(standing::line).unwrap_or_else(|| "ops".to_owned())
}

pub(super) fn commit<'d>(field: &Field<'d>, cast: &Cast<'_>) -> Vec<Deed<'d>> {
    let Some(map) = body(field, &COMMIT_KEYS, COMMIT_EXAMPLE) else { return Vec::new() };
    let (switches, author, confirm_within) =
        (switches(&map, cast), author(&map), time(&map, "confirm-within"));
    let patch = map.required("patch", "add what changes, such as `patch: {vlans: {97: {}}}`");
    let Some(patch) = patch else { return Vec::new() };
    if !matches!(patch.value(), Value::Mapping(_)) {
        patch.mismatch("a mapping of configuration keys such as {vlans: {97: {}}}", "");
        return Vec::new();
    }
    let text = serde_json::to_string(patch.node()).expect("a plain tree can be written as JSON");
    let deed = |switch| Deed {
        action: Action::Commit {
            switch,
            patch: Patch { text: text.clone() },
            author: author.clone(),
            confirm_within,
        },
        later: Some(Later::Patch(patch.clone())),
    };
    switches.into_iter().map(deed).collect()
}

pub(super) fn confirm<'d>(field: &Field<'d>, cast: &Cast<'_>) -> Vec<Deed<'d>> {
    let Some(map) = body(field, &SWITCH_KEYS, SWITCH_EXAMPLE) else { return Vec::new() };
    each(switches(&map, cast), |switch| Action::Confirm { switch })
}

pub(super) fn rollback<'d>(field: &Field<'d>, cast: &Cast<'_>) -> Vec<Deed<'d>> {
    let Some(map) = body(field, &ROLLBACK_KEYS, "{switch: sw1, steps: 1}") else { return Vec::new() };
    let (switches, author) = (switches(&map, cast), author(&map));
    let steps = map.get("steps").and_then(|steps| steps.number("steps", 1..=1000)).unwrap_or(1);
    each(switches, |switch| Action::Rollback { switch, steps, author: author.clone() })
}

pub(super) fn flush_fdb<'d>(field: &Field<'d>, cast: &Cast<'_>) -> Vec<Deed<'d>> {
    let Some(map) = body(field, &FLUSH_KEYS, SWITCH_EXAMPLE) else { return Vec::new() };
    let switches = switches(&map, cast);
    let of_vlan = map.get("vlan").and_then(|field| Some((field, vlan(field)?)));
    let deed = |switch| {
        let ports = || cast.config(switch).into_iter().flat_map(|config| &config.ports);
        let names = || ports().map(|port| port.name.as_str());
        let port = map.get("port").and_then(|field| named(field, "port", names));
        Deed {
            action: Action::FlushFdb {
                switch,
                port: port.map(str::to_owned),
                vlan: of_vlan.map(|(_, vlan)| vlan),
            },
            later: of_vlan.map(|(field, vlan)| Later::Vlan { switch, field: field.clone(), vlan }),
        }
    };
    switches.into_iter().map(deed).collect()
}

pub(super) fn check_fdb<'d>(field: &Field<'d>, cast: &Cast<'_>) -> Vec<Deed<'d>> {
    let Some(map) = body(field, &CHECK_KEYS, "{switch: sw1, repair: true}") else { return Vec::new() };
    let repair = map.get("repair").and_then(Field::boolean).unwrap_or(false);
    each(switches(&map, cast), |switch| Action::CheckFdb { switch, repair })
}

pub(super) fn check_fib<'d>(field: &Field<'d>, cast: &Cast<'_>) -> Vec<Deed<'d>> {
    let Some(map) = body(field, &CHECK_KEYS, "{switch: r1, repair: true}") else { return Vec::new() };
    let repair = map.get("repair").and_then(Field::boolean).unwrap_or(false);
    each(switches(&map, cast), |switch| Action::CheckFib { switch, repair })
}

pub(super) fn check_paths<'d>(field: &Field<'d>, cast: &Cast<'_>) -> Vec<Deed<'d>> {
    let Some(map) = body(field, &SWITCH_KEYS, SWITCH_EXAMPLE) else { return Vec::new() };
    each(switches(&map, cast), |switch| Action::CheckPaths { switch })
}

pub(super) fn upgrade<'d>(field: &Field<'d>, cast: &Cast<'_>) -> Vec<Deed<'d>> {
    let Some(map) = body(field, &UPGRADE_KEYS, "{switch: r1, version: v2}") else { return Vec::new() };
    let switches = switches(&map, cast);
    let version = map.required("version", "say to which, such as `version: v2`");
    let names = || cast.versions.iter().map(|version| version.name.as_str());
    let version = version.and_then(|field| named(field, "version", names));
    let version = cast.versions.iter().find(|known| version == Some(known.name.as_str()));
    let Some(version) = version else { return Vec::new() };
    each(switches, |switch| Action::Upgrade { switch, version: Box::new(version.clone()) })
}

pub(super) fn power_off<'d>(field: &Field<'d>, cast: &Cast<'_>) -> Vec<Deed<'d>> {
    let Some(map) = body(field, &SWITCH_KEYS, SWITCH_EXAMPLE) else { return Vec::new() };
    each(switches(&map, cast), |switch| Action::PowerOff { switch })
}

pub(super) fn power_on<'d>(field: &Field<'d>, cast: &Cast<'_>) -> Vec<Deed<'d>> {
    let Some((switches, boot)) = read_boot(field, cast) else { return Vec::new() };
    each(switches, |switch| power_on_of(switch, boot, cast))
}

/// Power off and on at once.
pub(super) fn reboot<'d>(field: &Field<'d>, cast: &Cast<'_>) -> Vec<Deed<'d>> {
    let Some((switches, boot)) = read_boot(field, cast) else { return Vec::new() };
    let mut deeds = each(switches.clone(), |switch| Action::PowerOff { switch });
    deeds.extend(each(switches, |switch| power_on_of(switch, boot, cast)));
    deeds
}

fn power_on_of(switch: usize, boot: Option<Duration>, cast: &Cast<'_>) -> Action {
    Action::PowerOn { switch, boot: boot.unwrap_or(cast.topology.boots[switch]) }
}

/// Which switches, and how long they boot where the step says so.
fn read_boot(field: &Field<'_>, cast: &Cast<'_>) -> Option<(Vec<usize>, Option<Duration>)> {
    let map = body(field, &BOOT_KEYS, BOOT_EXAMPLE)?;
    let boot = map.get("boot").and_then(|boot| time_span(boot, "boot", Duration::ZERO..=LONGEST));
    Some((switches(&map, cast), boot))
}
