//! The configuration of a bond, as `greylag bond` reads it from a file, and as a lab has it for its hosts.
//!
//! `labs/bond.yml` shows every key. Absent keys have the defaults of [`BondConfig`].

use crate::address::station_mac;
use crate::error::FileError;
use crate::field::{Document, Field, Mapping};
use crate::keys::Keys;
use crate::name::{interface_name, node_name};
use crate::phrase::{counted, quoted};
use crate::source::Source;
use crate::switch::emit::{FlowHash, Lag, text};
use crate::switch::{MTU_RANGE, flow_hash, lag};
use greylag_base::{MacAddr, PortName};
use greylag_lacp::ConfigError;
use greylag_switch::config::{BondConfig, FlowHashConfig};
use greylag_switch::lacp_system;
use serde::Serialize;

const EXAMPLE: &str = "`name: bond0`, `members: [eth1, eth2]`";

/// More links than any host has.
const MAXIMUM_MEMBERS: usize = 64;

const KEYS: Keys = Keys {
    allowed: &[
        "name",
        "interface",
        "members",
        "mac-address",
        "mtu",
        "flow-hash",
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
    ],
    explained: &[
        (&["ipv4", "ipv6"], "is for the bond of a lab's host: `ip address add .. dev bond0` does it here"),
        (
            &["interface-mode", "access-vlan", "trunk-vlans", "native-vlan"],
            "is a switch's: a bond carries whatever its host sends. Remove it",
        ),
    ],
};

/// Reads a file for `greylag bond`.
///
/// # Errors
/// All that is wrong with it, with line, column and field; for a text that is not YAML the first problem only.
pub fn parse(source: &Source) -> Result<BondConfig, FileError> {
    let document = Document::read(source)?;
    let bond = read_file(&document.root());
    FileError::unless_clean(bond, document.into_problems())
}

/// The bond as the text of such a file.
pub fn emit(bond: &BondConfig) -> String {
    let BondConfig { name, interface, members, mac_address, mtu, lag, flow_hash } = bond;
    text(&File {
        name,
        interface,
        members,
        mac_address: *mac_address,
        mtu: *mtu,
        flow_hash: FlowHash::of(flow_hash),
        lag: Lag::of(lag),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct File<'a> {
    name: &'a str,
    interface: &'a PortName,
    members: &'a [PortName],
    #[serde(skip_serializing_if = "Option::is_none")]
    mac_address: Option<MacAddr>,
    mtu: u16,
    flow_hash: FlowHash,
    #[serde(flatten)]
    lag: Lag<'a>,
}

/// A bond that is being read. What it gives is right only if no problem was reported.
pub(crate) struct Draft<'d> {
    pub(crate) config: BondConfig,
    /// Where each of its members is written.
    pub(crate) members: Vec<Field<'d>>,
}

fn read_file(root: &Field<'_>) -> BondConfig {
    let nothing = || BondConfig::new(default_interface(), Vec::new());
    if root.is_nothing() {
        root.refuse(format!("the file is empty: expected a bond such as {EXAMPLE}"));
        return nothing();
    }
    for (key, what) in [
        ("topology", "this is a lab file: expected a bond, or `greylag lab deploy` for a lab"),
        ("ports", "this is a switch's configuration: expected a bond, or `greylag run` for a switch"),
    ] {
        if root.has(key) {
            root.refuse(what);
            return nothing();
        }
    }
    let Some(map) = root.mapping(&KEYS, EXAMPLE) else { return nothing() };
    let name = map.required("name", "add one such as `name: bond0`");
    let name = name.and_then(|field| Some((field, field.text()?)));
    let Draft { mut config, .. } = read(&map, interface_called(name, map.get("interface").is_some()));
    config.name = name.map_or_else(String::new, |(_, name)| name.to_owned());
    config.mtu = map.get("mtu").and_then(|mtu| mtu.number("mtu", MTU_RANGE)).unwrap_or(config.mtu);
    config
}

/// The interface of a bond with this name, where its own name is not `written`.
fn interface_called(name: Option<(&Field<'_>, &str)>, written: bool) -> PortName {
    let Some((field, name)) = name else { return default_interface() };
    if let Err(wrong) = node_name(name) {
        field.refuse(wrong);
    } else if let Ok(interface) = interface_name(name) {
        return interface;
    } else if !written {
        field.refuse(format!(
            "{} cannot be the name of an interface: add `interface` with one such as bond0, or shorten it",
            quoted(name)
        ));
    }
    default_interface()
}

/// The interface of a bond unless it is told otherwise.
pub(crate) fn default_interface() -> PortName {
    PortName::new("bond0").expect("it is a name")
}

/// Reads what a bond has wherever it stands; its name and MTU are the caller's to read. `interface` is what it makes if it does not
/// say.
pub(crate) fn read<'d>(map: &Mapping<'d>, interface: PortName) -> Draft<'d> {
    let written = map.get("interface");
    let interface = written
        .and_then(|field| field.parsed("an interface name such as bond0", interface_name))
        .unwrap_or(interface);
    let members = read_members(map, &interface);
    let whole = members.is_some();
    let (members, fields) = members.unwrap_or_default().into_iter().unzip();
    let mut config = BondConfig::new(interface, members);
    config.mac_address = map.get("mac-address").and_then(station_mac);
    config.flow_hash = map.filled("flow-hash").map_or_else(FlowHashConfig::default, flow_hash::read);
    config.lag = lag::read(map);
    if whole {
        check(map, &config);
    }
    Draft { config, members: fields }
}

/// The members, all of which are right.
fn read_members<'d>(map: &Mapping<'d>, interface: &PortName) -> Option<Vec<(PortName, Field<'d>)>> {
    const MEMBERS: &str = "[eth1, eth2]";
    let list = map.required("members", "add the links such as `members: [eth1, eth2]`")?;
    let fields = list.list(MEMBERS)?;
    if fields.is_empty() || fields.len() > MAXIMUM_MEMBERS {
        list.refuse(format!(
            "a bond of {} cannot be: expected 1 to {MAXIMUM_MEMBERS} such as {MEMBERS}",
            counted(fields.len(), "member")
        ));
        return None;
    }
    let mut members: Vec<(PortName, Field<'d>)> = Vec::new();
    let count = fields.len();
    for field in fields {
        let Some(name) = field.parsed("an interface name such as eth1", interface_name) else { continue };
        if members.iter().any(|(earlier, _)| *earlier == name) {
            field.refuse(format!("`{name}` is a member already: each link is one once"));
        } else if name == *interface {
            field.refuse(format!("`{name}` is what the bond itself is called: give it another `interface`"));
        } else if name.as_str() == BondConfig::HOST {
            field.refuse(format!("`{name}` is what a bond calls its own side: rename the link"));
        } else {
            members.push((name, field));
        }
    }
    if interface.as_str() == BondConfig::HOST {
        let at = map.get("interface").or_else(|| map.get("name")).unwrap_or(list);
        at.refuse(format!("`{interface}` is what a bond calls its own side: expected a name such as bond0"));
        return None;
    }
    (members.len() == count).then_some(members)
}

/// Refuses what LACP could not be.
fn check(map: &Mapping<'_>, config: &BondConfig) {
    // Any address will do: there is one bundle.
    let address = MacAddr::from_bits(0x02_00_00_00_00_01);
    let system = lacp_system(&config.switch(address), address);
    let Err(wrong) = system.check() else { return };
    let (keys, message) = match &wrong {
        ConfigError::Links { .. } => {
            (["min-links", "max-links"], lag::too_few_links(&system.bundles[0], config.interface.as_str()))
        }
        ConfigError::Key { key, expected, .. } => {
            (["admin-key"; 2], format!("admin-key {key} is out of range: expected {expected}"))
        }
        other => (["members"; 2], other.to_string()),
    };
    if let Some(field) = keys.iter().find_map(|key| map.get(key)) {
        field.refuse(message);
    }
}
