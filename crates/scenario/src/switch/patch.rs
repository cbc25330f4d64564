//! A change of a running configuration, as an operator of a scenario commits it: a mapping of keys that is laid
//! over what runs. Ports stay plugged into what they are plugged into.

use super::port::{BRIDGE_PORT, ROUTED_LOSES, VLAN_KEYS};
use super::{Cable, Place, emit, read};
use crate::error::{FileError, Position, Problem};
use crate::field::{Document, Field};
use crate::overlay::lay;
use crate::source::Source;
use crate::story::Patch;
use crate::yaml::{self, Node, Value};
use greylag_switch::config::{Attachment, PortConfig, SwitchConfig};

/// The configuration that `running` becomes under a patch.
///
/// # Errors
/// All that is wrong with it, at its place in the patch's text.
pub fn patched(running: &SwitchConfig, patch: &Patch) -> Result<SwitchConfig, FileError> {
    let source = Source::new("patch", patch.text.as_str());
    let document = Document::read(&source)?;
    let (config, problems) = patched_by(running, &document.root());
    document.adopt(problems);
    FileError::unless_clean(config, document.into_problems())
}

/// Like [`patched`], by a patch that stands somewhere in a file. What it gives is right only if there is no problem.
pub(crate) fn patched_by(running: &SwitchConfig, patch: &Field<'_>) -> (SwitchConfig, Vec<Problem>) {
    let change = patch.document().beside(patch.node().clone());
    let root = change.root_at(patch.path().to_owned());
    if refuse_other_types(running, &root) {
        return (running.clone(), change.into_problems());
    }
    let mut unplugged = running.clone();
    // That is the node's, as the ports' links are.
    let management_address = unplugged.management_address.take();
    for port in &mut unplugged.ports {
        if !is_lag(port) {
            port.attachment = Attachment::Device;
        }
    }
    let cables: Vec<Cable> = running
        .ports
        .iter()
        .filter(|port| !is_lag(port))
        .map(|port| Cable {
            interface: port.name.clone(),
            attachment: port.attachment.clone(),
            mtu: port.mtu,
            link: "its link".to_owned(),
        })
        .collect();
    let mut merged = tree(&unplugged, patch.key_position());
    settle_modes(&mut merged, patch.node());
    settle_routes(&mut merged, patch.node());
    lay(&mut merged, &root);
    let document = patch.document().beside(merged);
    let place = Place::Lab { node: &running.name, cables: &cables, incomplete: false, inline: true };
    let mut config = read(&document.root_at(patch.path().to_owned()), &place);
    config.management_address = management_address;
    let mut problems = change.into_problems();
    problems.append(&mut document.into_problems());
    (config, problems)
}

/// A port stays a port, and a bundle a bundle: what else is said of one that would not means nothing.
fn refuse_other_types(running: &SwitchConfig, patch: &Field<'_>) -> bool {
    let mut refused = false;
    for (name, change) in patch.child("ports").iter().flat_map(Field::every_named_child) {
        let (Some((_, port)), Some(written)) = (running.port(name), change.child("type")) else { continue };
        let becomes_lag = matches!(written.value(), Value::Text(text) if text == "lag");
        if becomes_lag != is_lag(port) {
            let what = if is_lag(port) { "bundle" } else { "port" };
            written.refuse_key(format!("a {what} stays one while the switch runs: remove `type`"));
            refused = true;
        }
    }
    refused
}

/// A bundle is plugged into nothing.
fn is_lag(port: &PortConfig) -> bool {
    matches!(port.attachment, Attachment::Lag(_))
}

/// A configuration as the tree that a lab has below `config`. All of it stands at one place.
fn tree(config: &SwitchConfig, at: Position) -> Node {
    let written = Source::new("running configuration", emit(config));
    let mut tree = yaml::read(&written).expect("what is written can be read");
    if let Value::Mapping(entries) = &mut tree.value {
        entries.retain(|(key, _)| key.text != "name");
    }
    place_at(&mut tree, at);
    tree
}

fn place_at(node: &mut Node, at: Position) {
    node.at = at;
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| place_at(item, at)),
        Value::Mapping(entries) => {
            for (key, value) in entries {
                key.at = at;
                place_at(value, at);
            }
        }
        _ => {}
    }
}

/// A port that the patch gives another mode loses the VLANs that it had in the old one; one that it puts into a bundle loses
/// what the bundle has in its place, and one that it takes out of a bundle what only a member has.
fn settle_modes(running: &mut Node, patch: &Node) {
    let Some((ports, changes)) = entry_mut(running, "ports").zip(entry(patch, "ports")) else { return };
    let (Value::Mapping(ports), Value::Mapping(changes)) = (&mut ports.value, &changes.value) else { return };
    for (key, port) in ports {
        let Some((_, change)) = changes.iter().find(|(changed, _)| changed.text == key.text) else {
            continue;
        };
        let lost = lost_keys(port, change);
        remove(port, lost);
    }
}

fn lost_keys(port: &Node, change: &Node) -> &'static [&'static str] {
    match (entry(change, "aggregate-id").map(|lag| &lag.value), text(port, "aggregate-id")) {
        (Some(Value::Nothing), Some(_)) => return &["lacp-port-priority"],
        (Some(Value::Text(_)), None) => return BRIDGE_PORT,
        _ => {}
    }
    match (text(change, "interface-mode"), text(port, "interface-mode")) {
        (Some(new), Some(old)) if new != old && new == "ROUTED" => ROUTED_LOSES,
        (Some(new), Some(old)) if new != old => VLAN_KEYS,
        _ => &[],
    }
}

/// What says where the packets of a static route go: it has one of them.
const TARGETS: &[&str] = &["next-hop", "next-hops", "discard"];

/// A static route that the patch leads elsewhere does not lead where it did, and groups that are hashed otherwise have no timers
/// of the old way.
fn settle_routes(running: &mut Node, patch: &Node) {
    let Some((running, patch)) = entry_mut(running, "routing").zip(entry(patch, "routing")) else { return };
    if let Some((groups, change)) = entry_mut(running, "next-hop-groups").zip(entry(patch, "next-hop-groups"))
        && text(change, "hashing").is_some_and(|new| text(groups, "hashing") != Some(new))
    {
        remove(groups, &["hashing", "idle-timer", "unbalanced-timer"]);
    }
    let Some((routes, changes)) = entry_mut(running, "static-routes").zip(entry(patch, "static-routes"))
    else {
        return;
    };
    let Value::Mapping(changes) = &changes.value else { return };
    for (prefix, change) in changes {
        if TARGETS.iter().any(|target| entry(change, target).is_some())
            && let Some(route) = entry_mut(routes, &prefix.text)
        {
            remove(route, TARGETS);
        }
    }
}

fn remove(node: &mut Node, names: &[&str]) {
    if let Value::Mapping(entries) = &mut node.value {
        entries.retain(|(key, _)| !names.contains(&key.text.as_str()));
    }
}

fn text<'n>(node: &'n Node, name: &str) -> Option<&'n String> {
    match entry(node, name).map(|value| &value.value) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn entry<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    let Value::Mapping(entries) = &node.value else { return None };
    entries.iter().find(|(key, _)| key.text == name).map(|(_, value)| value)
}

fn entry_mut<'n>(node: &'n mut Node, name: &str) -> Option<&'n mut Node> {
    let Value::Mapping(entries) = &mut node.value else { return None };
    entries.iter_mut().find(|(key, _)| key.text == name).map(|(_, value)| value)
}
