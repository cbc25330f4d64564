//! The bond of a host: its links as one interface, which has the host's addresses.

use super::HostBond;
use super::link::{HostEnd, IPV6_MINIMUM_MTU};
use super::unique::Taken;
use crate::address::{ipv4, ipv6};
use crate::bond::{self, Draft};
use crate::field::{Field, Mapping};
use crate::keys::Keys;
use crate::phrase::listed;
use crate::yaml::Value;

const EXAMPLE: &str = "{members: [eth1, eth2], ipv4: 10.0.0.1/24}";

const KEYS: Keys = Keys {
    allowed: &[
        "interface",
        "members",
        "mac-address",
        "ipv4",
        "ipv6",
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
        (&["name"], "is not needed here: the bond is called like its host. Remove it"),
        (&["mtu"], "is that of the links: write it there"),
        (&["mac"], "is written `mac-address`"),
    ],
};

/// Reads it. `ends` are those of the host's links; some may not have been read if `incomplete`.
pub(super) fn read<'d>(
    field: &Field<'d>,
    host: &str,
    ends: &[HostEnd],
    incomplete: bool,
    taken: &mut Taken<'d>,
) -> Option<HostBond> {
    let map = field.mapping(&KEYS, EXAMPLE)?;
    let Draft { mut config, members } = bond::read(&map, bond::default_interface());
    config.name = host.to_owned();
    let found = members.iter().filter_map(|member| Some((member, find(member, ends, incomplete)?)));
    let found: Vec<(&Field<'_>, &HostEnd)> = found.collect();
    if let Some(end) = ends.iter().find(|end| end.interface == config.interface) {
        map.get("interface").unwrap_or(field).refuse(format!(
            "interface `{}` is the end of a link, at {}: give the bond another `interface`",
            end.interface, end.link
        ));
    }
    if let Some(mtu) = one_mtu(&found) {
        config.mtu = mtu;
    }
    let owner = format!("{host}:{}", config.interface);
    let (v4, v6) = (map.get("ipv4"), map.get("ipv6"));
    let bond = HostBond { ipv4: v4.and_then(ipv4), ipv6: v6.and_then(ipv6), config };
    taken.claim_addresses(&owner, (bond.ipv4, v4), (bond.ipv6, v6));
    check_ipv6(&map, &bond);
    Some(bond)
}

/// The end of a link that a member is.
fn find<'e>(member: &Field<'_>, ends: &'e [HostEnd], incomplete: bool) -> Option<&'e HostEnd> {
    // What is no name has been refused.
    let Value::Text(name) = member.value() else { return None };
    let Some(end) = ends.iter().find(|end| end.interface.as_str() == name) else {
        if !incomplete {
            let linked = listed(ends.iter().map(|end| end.interface.as_str()));
            let linked = if linked.is_empty() { "none".to_owned() } else { linked };
            member.refuse(format!(
                "no link ends at member `{name}`: add one to topology.links, or remove it (linked: {linked})"
            ));
        }
        return None;
    };
    if end.tap {
        member.refuse(format!(
            "member `{name}` is the end of a tap link, at {}, and that is made for a host's own stack: use \
             `type: veth` there",
            end.link
        ));
    }
    if let Some(key) = end.address {
        member.refuse(format!(
            "member `{name}` has an address of its own, at {}: the bond has the host's. Move it to `{key}` here",
            end.link
        ));
    }
    Some(end)
}

/// The MTU of the links, which is the same for all.
fn one_mtu(members: &[(&Field<'_>, &HostEnd)]) -> Option<u16> {
    let (_, first) = members.first()?;
    if let Some((member, other)) = members.iter().find(|(_, end)| end.mtu != first.mtu) {
        member.refuse(format!(
            "member `{}` has an mtu of {}, at {}, and `{}` one of {}: the links of a bond have one mtu",
            other.interface, other.mtu, other.link, first.interface, first.mtu
        ));
    }
    Some(first.mtu)
}

fn check_ipv6(map: &Mapping<'_>, bond: &HostBond) {
    if let Some(field) = map.get("ipv6").filter(|_| bond.config.mtu < IPV6_MINIMUM_MTU) {
        field.refuse_key(format!(
            "IPv6 needs an mtu of {IPV6_MINIMUM_MTU} at least, and that of the bond's links is {}: raise it, or remove this",
            bond.config.mtu
        ));
    }
}
