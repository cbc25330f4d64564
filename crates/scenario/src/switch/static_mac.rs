use super::port::PortDraft;
use crate::address::station_mac;
use crate::field::Field;
use crate::keys::Keys;
use crate::nearest::nearest;
use crate::phrase::{listed, quoted};
use crate::vlan::vlan;
use greylag_base::{MacAddr, PortId, VlanId};
use greylag_switch::config::{Membership, StaticMac};
use std::collections::BTreeMap;

const KEYS: Keys = Keys::of(&["vlan", "mac-address", "interface"]);
const EXAMPLE: &str = "{vlan: 10, mac-address: \"02:00:00:00:00:01\", interface: eth1}";

pub(super) fn read(field: &Field<'_>, ports: &[PortDraft<'_>]) -> Vec<StaticMac> {
    let mut lines: BTreeMap<(VlanId, MacAddr), u32> = BTreeMap::new();
    let mut entries = Vec::new();
    for item in field.list(&format!("[{EXAMPLE}]")).unwrap_or_default() {
        let Some(entry) = read_one(&item, ports) else { continue };
        let first = *lines.entry((entry.vlan, entry.mac_address)).or_insert(item.line());
        if lines.len() == entries.len() {
            item.refuse(format!(
                "{} has a static entry in VLAN {} already, on line {first}: remove one",
                entry.mac_address, entry.vlan
            ));
            continue;
        }
        entries.push(entry);
    }
    entries
}

fn read_one(field: &Field<'_>, ports: &[PortDraft<'_>]) -> Option<StaticMac> {
    if field.is_nothing() {
        field.mismatch(&format!("a mapping such as {EXAMPLE}"), "");
        return None;
    }
    let map = field.mapping(&KEYS, EXAMPLE)?;
    let vlan = map.required("vlan", "add the VLAN such as `vlan: 10`").and_then(vlan);
    let mac_address = map.required("mac-address", "add the address").and_then(station_mac);
    let interface = map.required("interface", "add the port such as `interface: eth1`");
    let (interface, name) = interface.and_then(|field| Some((field, field.text()?)))?;
    let Some(index) = ports.iter().position(|port| port.config.name.as_str() == name) else {
        let names = || ports.iter().map(|port| port.config.name.as_str());
        let advice = match nearest(name, names()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the ports are {}", listed(names())),
        };
        interface.refuse(format!("there is no port {}: {advice}", quoted(name)));
        return None;
    };
    let entry =
        StaticMac { vlan: vlan?, mac_address: mac_address?, port: PortId(u16::try_from(index).ok()?) };
    let port = &ports[index];
    if let Some(member) = port.config.membership.aggregate() {
        let lag = ports[member.lag.index()].name();
        interface.refuse(format!("port `{name}` is a member of bundle `{lag}`: expected `{lag}`"));
        return None;
    }
    if port.config.membership == Membership::Routed {
        interface.refuse(format!(
            "port `{name}` is ROUTED, and no station is looked for on it: expected a port that carries VLAN {}",
            entry.vlan
        ));
        return None;
    }
    if port.membership_read && !port.config.membership.carries(entry.vlan) {
        map.get("vlan").unwrap_or(field).refuse(format!(
            "port `{name}` does not carry VLAN {}: it carries {}",
            entry.vlan,
            port.config.membership.vlans()
        ));
    }
    Some(entry)
}
