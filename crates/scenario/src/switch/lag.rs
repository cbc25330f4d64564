//! Bundles: what LACP says of the switch, the keys of a bundle, and what bundles and members are to each other.

use super::port::PortDraft;
use super::{Place, behaviour};
use crate::address::station_mac;
use crate::field::{Field, Mapping};
use crate::json_names::choice;
use crate::keys::Keys;
use crate::nearest::nearest;
use crate::phrase::{listed, quoted};
use crate::time_span::{LONGEST, time_span, time_span_or};
use greylag_base::{MacAddr, PortId};
use greylag_lacp::{BundleConfig, ConfigError, Preset};
use greylag_switch::config::{LacpConfig, LagConfig, MemberConfig, Membership, SwitchConfig};
use greylag_switch::lacp_system;
use std::time::Duration;

/// What no port but a bundle has.
pub(super) const ONLY: &[&str] = &[
    "preset",
    "lacp-mode",
    "interval",
    "system-id-mac",
    "system-priority",
    "admin-key",
    "min-links",
    "max-links",
    "revertive",
    "wait-to-restore",
    "fallback",
    "resilient",
    "behaviour",
    "mc-ae-id",
];

const LACP_KEYS: Keys = Keys::of(&["system-id-mac", "system-priority", "port-number-offset"]);

/// What LACP says of the whole switch.
pub(super) fn read_lacp(field: &Field<'_>) -> LacpConfig {
    let Some(map) = field.mapping(&LACP_KEYS, "{system-priority: 100}") else { return LacpConfig::default() };
    LacpConfig {
        system_id_mac: map.get("system-id-mac").and_then(station_mac),
        system_priority: map.get("system-priority").and_then(|field| sixteen_bits(field, "system-priority")),
        port_number_offset: map
            .get("port-number-offset")
            .and_then(|field| sixteen_bits(field, "port-number-offset"))
            .unwrap_or(0),
    }
}

/// The keys that a bundle has beside those of every port.
pub(crate) fn read(map: &Mapping<'_>) -> LagConfig {
    let presets = Preset::ALL.map(|preset| (preset.name, preset));
    let preset = map.get("preset").and_then(|field| field.word("a preset", &presets));
    let preset = preset.unwrap_or(Preset::STANDARD);
    let mut lag = LagConfig::of(&preset);
    lag.mode = map.get("lacp-mode").and_then(|field| choice(field, "a mode of LACP")).unwrap_or(lag.mode);
    lag.interval = map.get("interval").and_then(|field| choice(field, "an interval")).unwrap_or(lag.interval);
    lag.system_id_mac = map.get("system-id-mac").and_then(station_mac);
    let number = |key| map.get(key).and_then(|field| sixteen_bits(field, key));
    lag.system_priority = number("system-priority");
    lag.admin_key = number("admin-key");
    let links = |key| map.get(key).and_then(|field| field.number(key, 1..=super::MAXIMUM_PORTS as i128));
    lag.min_links = links("min-links").unwrap_or(lag.min_links);
    lag.max_links = links("max-links");
    lag.revertive = map.get("revertive").and_then(Field::boolean).unwrap_or(lag.revertive);
    if let Some(wait) = map.get("wait-to-restore") {
        let wait = time_span(wait, "wait-to-restore", Duration::ZERO..=LONGEST);
        lag.wait_to_restore = wait.unwrap_or(lag.wait_to_restore);
    }
    if let Some(fallback) = map.get("fallback") {
        lag.fallback = time_span_or(fallback, "fallback", Duration::ZERO..=LONGEST, "never").flatten();
    }
    lag.resilient = map.get("resilient").and_then(Field::boolean).unwrap_or(lag.resilient);
    lag.mc_ae_id = map.get("mc-ae-id").and_then(|field| field.number("mc-ae-id", 1..=65_535));
    if let Some(behaviour) = map.filled("behaviour") {
        lag.behaviour = behaviour::read(behaviour, lag.behaviour);
    }
    lag
}

fn sixteen_bits(field: &Field<'_>, what: &str) -> Option<u16> {
    field.number(what, 0..=65_535)
}

/// Puts members into their bundles.
pub(super) fn join(drafts: &mut [PortDraft<'_>], place: &Place<'_>) {
    let mut all_found = true;
    for index in 0..drafts.len() {
        let Some(named) = drafts[index].written("aggregate-id") else { continue };
        let lag = named.text().and_then(|name| find(named, name, drafts));
        all_found &= lag.is_some();
        let priority = drafts[index].written("lacp-port-priority");
        let port_priority = priority.and_then(|field| sixteen_bits(field, "lacp-port-priority"));
        if let Some(lag) = lag {
            drafts[index].config.membership = Membership::Aggregate(MemberConfig { lag, port_priority });
            drafts[index].membership_read = true;
        }
    }
    for index in 0..drafts.len() {
        if drafts[index].lag().is_none() {
            continue;
        }
        let members = members(drafts, index);
        // One whose last member has moved elsewhere cannot go while the switch runs: it is disabled.
        let is_forgotten = members.is_empty() && all_found && drafts[index].config.enabled;
        if let Some(key) = drafts[index].key.as_ref().filter(|_| is_forgotten) {
            let name = drafts[index].name();
            key.refuse_key(format!(
                "bundle `{name}` has no member: add `aggregate-id: {name}` to its ports, disable it (`enabled: false`), or remove it"
            ));
        }
        share_mtu(drafts, index, &members, place);
    }
}

/// The bundle that a member names.
fn find(field: &Field<'_>, name: &str, drafts: &[PortDraft<'_>]) -> Option<PortId> {
    let lags = || drafts.iter().filter(|draft| draft.lag().is_some()).map(PortDraft::name);
    let index = drafts.iter().position(|draft| draft.name() == name);
    if let Some(index) = index.filter(|&index| drafts[index].lag().is_some()) {
        return u16::try_from(index).ok().map(PortId);
    }
    let what = match index {
        Some(_) => format!("port `{name}` is no bundle"),
        None => format!("there is no bundle {}", quoted(name)),
    };
    let advice = match (nearest(name, lags()), lags().next(), index) {
        (Some(meant), ..) => format!("did you mean `{meant}`?"),
        (_, Some(_), _) => format!("the bundles are {}", listed(lags())),
        (_, None, Some(_)) => "expected one with `type: lag`".to_owned(),
        (_, None, None) => "add one to the ports such as `ae0: {type: lag}`".to_owned(),
    };
    field.refuse(format!("{what}: {advice}"));
    None
}

fn members(drafts: &[PortDraft<'_>], lag: usize) -> Vec<usize> {
    let is_member = |draft: &PortDraft<'_>| {
        draft.config.membership.aggregate().is_some_and(|member| member.lag.index() == lag)
    };
    (0..drafts.len()).filter(|&index| is_member(&drafts[index])).collect()
}

/// Members have their bundle's MTU. In a lab it is what their links have, or less.
fn share_mtu(drafts: &mut [PortDraft<'_>], lag: usize, members: &[usize], place: &Place<'_>) {
    if let Place::Lab { cables, .. } = place {
        let linked = members.iter().filter_map(|&member| {
            let name = &drafts[member].config.name;
            cables.iter().find(|cable| cable.interface == *name)
        });
        let least = linked.clone().min_by_key(|cable| cable.mtu);
        let most = linked.max_by_key(|cable| cable.mtu);
        let draft = &drafts[lag];
        let Some((least, most)) = least.zip(most) else { return };
        match (&draft.mtu, draft.written("mtu"), &draft.key) {
            (Some(mtu), ..) if draft.config.mtu > least.mtu => mtu.refuse(format!(
                "mtu {} is more than the link of member `{}` has, which is {}: write `mtu: {}` at {}, or {} here",
                draft.config.mtu, least.interface, least.mtu, draft.config.mtu, least.link, least.mtu
            )),
            (None, None, Some(key)) if least.mtu != most.mtu => key.refuse_key(format!(
                "the links of its members differ in their mtu, which is {} at `{}` and {} at `{}`: make them the same, \
                 or add `mtu: {}`",
                least.mtu, least.interface, most.mtu, most.interface, least.mtu
            )),
            (None, None, _) => drafts[lag].config.mtu = least.mtu,
            _ => {}
        }
    }
    let mtu = drafts[lag].config.mtu;
    for &member in members {
        drafts[member].config.mtu = mtu;
    }
}

/// Refuses what LACP could not be, bundle by bundle.
pub(super) fn check(config: &SwitchConfig, drafts: &[PortDraft<'_>], lacp: Option<&Field<'_>>) {
    let mut system = lacp_system(config, unwritten_address(config));
    let bundles = std::mem::take(&mut system.bundles);
    let offset = lacp.and_then(|lacp| lacp.child("port-number-offset"));
    let all_joined =
        drafts.iter().all(|draft| draft.membership_read || draft.written("aggregate-id").is_none());
    for bundle in bundles {
        system.bundles.push(bundle);
        let Err(wrong) = system.check() else { continue };
        let Some(bundle) = system.bundles.pop() else { continue };
        let draft = &drafts[usize::from(bundle.id.0)];
        let Some(key) = &draft.key else { continue };
        let at = |keys: &[&str], message: String| match keys.iter().find_map(|key| draft.written(key)) {
            Some(field) => field.refuse(message),
            None => key.refuse_key(message),
        };
        match wrong {
            // Who may be a member of it has been told.
            ConfigError::Links { .. } if !all_joined => {}
            ConfigError::Links { .. } => {
                at(&["min-links", "max-links"], too_few_links(&bundle, draft.name()));
            }
            ConfigError::Key { key, expected, .. } => {
                at(&["admin-key"], format!("admin-key {key} is out of range: expected {expected}"));
            }
            ConfigError::KeyTwice { first, .. } => {
                at(&["admin-key", "system-id-mac"], same_key(&bundle, draft, &drafts[usize::from(first.0)]));
            }
            ConfigError::PortNumber { port, offset: number } => {
                let port = drafts[port.index()].name();
                let message = format!(
                    "with a port-number-offset of {number}, the number of port `{port}` is beyond 65535: lower it"
                );
                match &offset {
                    Some(field) => field.refuse(message),
                    None => key.refuse_key(message),
                }
            }
            other => at(&[], other.to_string()),
        }
    }
}

fn same_key(bundle: &BundleConfig, draft: &PortDraft<'_>, first: &PortDraft<'_>) -> String {
    let (key, first) = (bundle.admin_key, first.name());
    let (whence, advice) = match draft.written("admin-key") {
        Some(_) => ("", "Expected another"),
        None => (", by its place among the ports,", "Add an `admin-key` of its own"),
    };
    format!(
        "admin-key {key}{whence} is that of bundle `{first}` already, which has the same system id: a partner would \
         take both for one. {advice}"
    )
}

pub(crate) fn too_few_links(bundle: &BundleConfig, name: &str) -> String {
    let (min, members) = (bundle.min_links, bundle.members.len());
    match bundle.max_links {
        Some(max) if max < min => {
            format!("min-links {min} is more than max-links, which is {max}: expected at most {max}")
        }
        _ => format!(
            "min-links {min} is more than bundle `{name}` has members: expected 1 to {members}, or more members"
        ),
    }
}

/// An address for the chassis, which is not known yet, that no bundle has by its own configuration.
fn unwritten_address(config: &SwitchConfig) -> MacAddr {
    let is_written = |mac: &MacAddr| config.lags().any(|(_, lag)| lag.system_id_mac == Some(*mac));
    let mut addresses = (0..).map(|number| MacAddr::from_bits(0x02_00_00_00_00_00 + number));
    addresses.find(|mac| !is_written(mac)).expect("there are more addresses than bundles")
}
