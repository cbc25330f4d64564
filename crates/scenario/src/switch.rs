//! The configuration of one switch, as `greylag run` reads it from SWITCH.yml, and as a lab has it for its nodes.
//!
//! `labs/switch.yml` shows every key. Absent keys have the defaults of [`SwitchConfig`]'s parts.

mod behaviour;
pub(crate) mod emit;
pub(crate) mod flow_hash;
mod interfaces;
pub(crate) mod lag;
mod learning;
mod mac_table;
mod mclag;
mod patch;
mod port;
mod routing;
mod static_mac;
mod supervisor;
mod vlans;
mod workers;

use crate::address::station_ip;
use crate::error::FileError;
use crate::field::{Document, Field, Mapping};
use crate::keys::Keys;
use crate::name::node_name;
use crate::phrase::listed;
use crate::source::Source;
use greylag_base::PortName;
use greylag_switch::config::{
    Attachment, FlowHashConfig, LacpConfig, MacTableConfig, PortConfig, RoutingConfig, SupervisorConfig,
    SwitchConfig, WorkersConfig,
};
use port::PortDraft;

pub use emit::emit;
pub use patch::patched;
pub(crate) use patch::patched_by;
pub(crate) use port::MTU_RANGE;
pub(crate) use routing::FPM_LISTEN;

const EXAMPLE: &str = "`name: sw1`, `ports: {eth1: {}, eth2: {}}`";

/// Ports of one switch at most.
const MAXIMUM_PORTS: usize = 1024;

/// Reads a SWITCH.yml.
///
/// # Errors
/// All that is wrong with it, with line, column and field; for a text that is not YAML the first problem only.
pub fn parse(source: &Source) -> Result<SwitchConfig, FileError> {
    let document = Document::read(source)?;
    let config = read(&document.root(), &Place::Alone);
    FileError::unless_clean(config, document.into_problems())
}

/// Where a switch's configuration stands.
pub(crate) enum Place<'l> {
    /// A file for `greylag run`: the ports say what they are made of.
    Alone,
    /// A node of a lab: the links say what the ports are made of.
    Lab {
        node: &'l str,
        /// Its links, in the order of the lab file.
        cables: &'l [Cable],
        /// Some link of the lab could not be read, so that a port without one may have one.
        incomplete: bool,
        /// Below the node's `config`, where the name is the node's.
        inline: bool,
    },
}

/// A link, seen from the switch.
pub(crate) struct Cable {
    pub(crate) interface: PortName,
    pub(crate) attachment: Attachment,
    pub(crate) mtu: u16,
    /// The field of the lab file, for messages.
    pub(crate) link: String,
}

const KEYS: Keys = Keys {
    allowed: &[
        "name",
        "workers",
        "mac-table",
        "learning",
        "supervisor",
        "lacp",
        "flow-hash",
        "group-fwd-mask",
        "vlans",
        "ports",
        "static-macs",
        "interfaces",
        "routing",
        "multi-chassis",
        "management-address",
        "metrics-listen",
    ],
    explained: &[],
};

const INLINE_KEYS: Keys = Keys {
    allowed: &[
        "workers",
        "mac-table",
        "learning",
        "supervisor",
        "lacp",
        "flow-hash",
        "group-fwd-mask",
        "vlans",
        "ports",
        "static-macs",
        "interfaces",
        "routing",
        "multi-chassis",
        "metrics-listen",
    ],
    explained: &[
        (&["name"], "is not needed here: the switch is called like its node. Remove it"),
        (&["management-address"], "is the node's here: write `mgmt-ipv4` beside `config`"),
    ],
};

/// Reads a switch. What it gives is right only if no problem was reported.
pub(crate) fn read(field: &Field<'_>, place: &Place<'_>) -> SwitchConfig {
    let inline = matches!(place, Place::Lab { inline: true, .. });
    if field.is_nothing() && !inline {
        field.refuse(format!("the file is empty: expected a switch's configuration such as {EXAMPLE}"));
        return plain("", &[]);
    }
    if field.has("topology") && !inline {
        field.refuse(
            "this is a lab file: expected a switch's configuration, or `greylag lab deploy` for a lab",
        );
        return plain("", &[]);
    }
    let keys = if inline { &INLINE_KEYS } else { &KEYS };
    let Some(map) = field.mapping(keys, EXAMPLE) else { return plain("", &[]) };
    let name = read_name(&map, place);
    let mut drafts = port::read_ports(map.get("ports"), matches!(place, Place::Lab { .. }));
    if let Place::Lab { cables, incomplete, .. } = place {
        connect(&mut drafts, cables, *incomplete);
    }
    lag::join(&mut drafts, place);
    check_port_count(field, &map, &drafts);
    let mac_table = map.filled("mac-table").map_or_else(MacTableConfig::default, mac_table::read);
    let learning = map.filled("learning").map(|learning| learning::read(learning, mac_table.ageing_time));
    let mut config = SwitchConfig {
        name,
        workers: map.filled("workers").map_or_else(WorkersConfig::default, workers::read),
        mac_table,
        learning: learning.unwrap_or_default(),
        supervisor: map.filled("supervisor").map_or_else(SupervisorConfig::default, supervisor::read),
        lacp: map.filled("lacp").map_or_else(LacpConfig::default, lag::read_lacp),
        flow_hash: map.filled("flow-hash").map_or_else(FlowHashConfig::default, flow_hash::read),
        group_fwd_mask: map.get("group-fwd-mask").and_then(group_fwd_mask).unwrap_or(0),
        vlans: map.get("vlans").map(vlans::read).unwrap_or_default(),
        static_macs: map.get("static-macs").map(|list| static_mac::read(list, &drafts)).unwrap_or_default(),
        ports: drafts.iter().map(|draft| draft.config.clone()).collect(),
        interfaces: Vec::new(),
        routing: RoutingConfig::default(),
        multi_chassis: None,
        management_address: map.get("management-address").and_then(station_ip),
        metrics_listen: map
            .get("metrics-listen")
            .and_then(|field| routing::listening(field, "an address with a port such as 127.0.0.1:9461")),
    };
    lag::check(&config, &drafts, map.get("lacp"));
    port::check_io(&config, &drafts);
    let interfaces = interfaces::read(map.get("interfaces"), &drafts, &config);
    if let Some(routing) = map.filled("routing") {
        config.routing = routing::read(routing, &interfaces);
    }
    mclag::Pair {
        field: map.get("multi-chassis"),
        lacp: map.get("lacp"),
        ports: &drafts,
        interfaces: &interfaces,
        place,
    }
    .read(&mut config);
    config.interfaces = interfaces.configs;
    config
}

/// A switch that was given no configuration: its links are its ports.
pub(crate) fn plain(name: &str, cables: &[Cable]) -> SwitchConfig {
    SwitchConfig { ports: cables.iter().map(default_port).collect(), ..SwitchConfig::new(name) }
}

fn read_name(map: &Mapping<'_>, place: &Place<'_>) -> String {
    let written = match place {
        Place::Alone => map.required("name", "add one such as `name: sw1`"),
        Place::Lab { .. } => map.get("name"),
    };
    let written = written.and_then(|field| Some((field, field.text()?)));
    match (written, place) {
        (Some((field, name)), Place::Lab { node, .. }) if name != *node => {
            field.refuse(format!(
                "this switch is node `{node}` of the lab: write `name: {node}`, or remove it"
            ));
        }
        (Some((field, name)), _) => {
            if let Err(wrong) = node_name(name) {
                field.refuse(wrong);
            }
            return name.to_owned();
        }
        (None, _) => {}
    }
    match place {
        Place::Lab { node, .. } => (*node).to_owned(),
        Place::Alone => String::new(),
    }
}

/// Makes the ports what the lab's links say, and adds those that only a link names.
fn connect(drafts: &mut Vec<PortDraft<'_>>, cables: &[Cable], incomplete: bool) {
    for draft in drafts.iter_mut() {
        let Some(key) = &draft.key else { continue };
        let cable = cables.iter().find(|cable| cable.interface == draft.config.name);
        if draft.lag().is_some() {
            if let Some(cable) = cable {
                let name = draft.name();
                key.refuse_key(format!(
                    "{} ends at bundle `{name}`, and a bundle has no link of its own: let it end at a port with \
                     `aggregate-id: {name}`",
                    cable.link
                ));
            }
            continue;
        }
        let Some(cable) = cable else {
            if !incomplete {
                let linked = listed(cables.iter().map(|cable| cable.interface.as_str()));
                let linked = if linked.is_empty() { "none".to_owned() } else { linked };
                key.refuse_key(format!(
                    "no link ends at port `{}`: add one to topology.links, or remove the port (linked: {linked})",
                    draft.config.name
                ));
            }
            continue;
        };
        if let Some(mtu) = draft.mtu.as_ref().filter(|_| draft.config.mtu != cable.mtu) {
            mtu.refuse(format!(
                "mtu {} is not the link's, which is {}: write `mtu: {}` at {}, or remove this one",
                draft.config.mtu, cable.mtu, draft.config.mtu, cable.link
            ));
        }
        draft.config.mtu = cable.mtu;
        draft.config.attachment = cable.attachment.clone();
    }
    for cable in cables {
        if !drafts.iter().any(|draft| draft.config.name == cable.interface) {
            drafts.push(PortDraft::unwritten(default_port(cable)));
        }
    }
}

fn default_port(cable: &Cable) -> PortConfig {
    PortConfig {
        mtu: cable.mtu,
        attachment: cable.attachment.clone(),
        ..PortConfig::new(cable.interface.clone())
    }
}

fn check_port_count(switch: &Field<'_>, map: &Mapping<'_>, drafts: &[PortDraft<'_>]) {
    if drafts.is_empty() {
        // Ports that are there and could not be read are reported already.
        let ports = map.required("ports", "add one such as `ports: {eth1: {}}`");
        if let Some(ports) = ports.filter(|ports| ports.is_empty()) {
            ports.refuse("a switch needs a port: add one such as `eth1: {}`");
        }
    } else if drafts.len() > MAXIMUM_PORTS {
        let ports = map.get("ports").unwrap_or(switch);
        ports.refuse_key(format!("{} ports are too many: expected 1 to {MAXIMUM_PORTS}", drafts.len()));
    }
}

fn group_fwd_mask(field: &Field<'_>) -> Option<u16> {
    let mask: u16 = field.number("mask", 0..=0xffff)?;
    if mask & 0b10 != 0 {
        field.refuse(format!(
            "bit 1 would forward pause frames (01-80-C2-00-00-01), which must end at the link they are for: \
             expected 0x{:x}",
            mask & !0b10
        ));
    }
    Some(mask)
}
