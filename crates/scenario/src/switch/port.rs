use super::lag;
use super::mac_table::MAXIMUM_ENTRIES;
use crate::address::station_mac;
use crate::field::{Field, Mapping};
use crate::impairment;
use crate::keys::Keys;
use crate::name::interface_name;
use crate::phrase::quoted;
use crate::quantity::speed;
use crate::vlan::{vlan, vlan_list};
use crate::yaml::Value;
use greylag_base::{MacAddr, PortName, VlanId};
use greylag_switch::config::{
    Attachment, Io, LagConfig, Membership, NetnsRef, PortConfig, StormControl, SwitchConfig,
};
use std::collections::BTreeMap;

/// MTU of a port or link, in bytes: IPv4 needs 68 (RFC 791 3.2), the frame buffers end at 9216.
pub(crate) const MTU_RANGE: std::ops::RangeInclusive<i128> = 68..=9216;

/// PID_MAX_LIMIT of 64-bit Linux.
const LAST_PID: i128 = 4_194_304;

/// What a member of a bundle leaves to its bundle.
pub(super) const BRIDGE_PORT: &[&str] = &[
    "interface-mode",
    "access-vlan",
    "trunk-vlans",
    "native-vlan",
    "mtu",
    "isolation-group",
    "maximum-entries",
    "storm-control",
];
/// The keys of a port that its `interface-mode` decides over.
pub(super) const VLAN_KEYS: &[&str] = &["access-vlan", "trunk-vlans", "native-vlan"];

/// What a port loses that becomes ROUTED: it is no port of the bridge then.
pub(super) const ROUTED_LOSES: &[&str] =
    &["access-vlan", "trunk-vlans", "native-vlan", "isolation-group", "maximum-entries", "storm-control"];

const TAP: &[&str] = &["netns", "interface", "mac-address"];

const NOT_A_MEMBER: (&[&str], &str) =
    (&["lacp-port-priority"], "is for a member of a bundle: add `aggregate-id`, or remove it");
const NOT_A_LAG: (&[&str], &str) = (lag::ONLY, "is for a bundle: add `type: lag`, or remove it");
const THE_BUNDLE_HAS_IT: (&[&str], &str) =
    (BRIDGE_PORT, "is not for a member of a bundle: its bundle has it. Remove it");
const LAG_KEY_OF_A_MEMBER: (&[&str], &str) =
    (lag::ONLY, "is for a bundle, and this port is a member of one: move it there");
const TYPE_IN_A_LAB: (&[&str], &str) = (
    &["type"],
    "is for `greylag run`, but for `type: lag`: in a lab the link says what a port is made of. Remove it",
);
const TAP_IN_A_LAB: (&[&str], &str) =
    (TAP, "is for `greylag run`: in a lab the link says what is at its other end. Remove it");

const KEYS: Keys = Keys {
    allowed: &[
        "type",
        "io",
        "netns",
        "interface",
        "mac-address",
        "interface-mode",
        "access-vlan",
        "trunk-vlans",
        "native-vlan",
        "aggregate-id",
        "mtu",
        "port-speed",
        "enabled",
        "impair",
        "isolation-group",
        "maximum-entries",
        "storm-control",
    ],
    explained: &[NOT_A_MEMBER, NOT_A_LAG],
};

const LAB_KEYS: Keys = Keys {
    allowed: &[
        "io",
        "interface-mode",
        "access-vlan",
        "trunk-vlans",
        "native-vlan",
        "aggregate-id",
        "mtu",
        "port-speed",
        "enabled",
        "impair",
        "isolation-group",
        "maximum-entries",
        "storm-control",
    ],
    explained: &[TYPE_IN_A_LAB, TAP_IN_A_LAB, NOT_A_MEMBER, NOT_A_LAG],
};

const MEMBER_KEYS: Keys = Keys {
    allowed: &[
        "type",
        "io",
        "netns",
        "interface",
        "mac-address",
        "aggregate-id",
        "lacp-port-priority",
        "port-speed",
        "enabled",
        "impair",
    ],
    explained: &[THE_BUNDLE_HAS_IT, LAG_KEY_OF_A_MEMBER],
};

const LAB_MEMBER_KEYS: Keys = Keys {
    allowed: &["io", "aggregate-id", "lacp-port-priority", "port-speed", "enabled", "impair"],
    explained: &[TYPE_IN_A_LAB, TAP_IN_A_LAB, THE_BUNDLE_HAS_IT, LAG_KEY_OF_A_MEMBER],
};

const LAG_KEYS: Keys = Keys {
    allowed: &[
        "type",
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
        "interface-mode",
        "access-vlan",
        "trunk-vlans",
        "native-vlan",
        "mtu",
        "enabled",
        "isolation-group",
        "maximum-entries",
        "storm-control",
    ],
    explained: &[
        (TAP, "is for a TAP, and this is a bundle: remove it"),
        (
            &["aggregate-id"],
            "is for a member, and this is a bundle: a bundle cannot be in another. Remove it",
        ),
        (
            &["io", "lacp-port-priority", "port-speed", "impair"],
            "is a member's, and this is a bundle: move it to its members",
        ),
    ],
};

const STORM_KEYS: Keys = Keys::of(&["broadcast", "multicast", "unknown-unicast"]);

/// A port that is being read, with what later checks need to know of the file.
pub(super) struct PortDraft<'d> {
    pub(super) config: PortConfig,
    /// Its entry in the file; `None` when only a link of the lab names it.
    pub(super) key: Option<Field<'d>>,
    /// Its keys, if it has any that could be read.
    pub(super) keys: Option<Mapping<'d>>,
    /// Its `mtu`, where it is written and right.
    pub(super) mtu: Option<Field<'d>>,
    /// No problem was found with the VLANs, or with the bundle.
    pub(super) membership_read: bool,
}

impl<'d> PortDraft<'d> {
    pub(super) fn unwritten(config: PortConfig) -> Self {
        PortDraft { config, key: None, keys: None, mtu: None, membership_read: true }
    }

    pub(super) fn name(&self) -> &str {
        self.config.name.as_str()
    }

    pub(super) fn lag(&self) -> Option<&LagConfig> {
        match &self.config.attachment {
            Attachment::Lag(lag) => Some(lag),
            Attachment::Device | Attachment::Tap { .. } => None,
        }
    }

    /// One of its keys, as it is written.
    pub(super) fn written(&self, key: &str) -> Option<&Field<'d>> {
        self.keys.as_ref()?.get(key)
    }
}

pub(super) fn read_ports<'d>(ports: Option<&Field<'d>>, in_lab: bool) -> Vec<PortDraft<'d>> {
    let entries =
        ports.and_then(|ports| ports.named("port", "{eth1: {access-vlan: 10}}")).unwrap_or_default();
    let mut drafts = Vec::with_capacity(entries.len());
    for (name, field) in entries {
        match interface_name(name) {
            Ok(name) => drafts.push(read_port(name, field, in_lab)),
            Err(wrong) => field.refuse_key(wrong),
        }
    }
    refuse_shared_interfaces(&drafts);
    drafts
}

/// What kind of port it is, which says what keys it has.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// One for itself.
    Own,
    /// A part of a bundle.
    Member,
    /// A bundle.
    Lag,
}

impl Kind {
    fn of(port: &Field<'_>) -> Self {
        let kind = port.child("type");
        if kind.is_some_and(|kind| matches!(kind.value(), Value::Text(text) if text == "lag")) {
            Kind::Lag
        } else if port.has("aggregate-id") {
            Kind::Member
        } else {
            Kind::Own
        }
    }

    fn keys(self, in_lab: bool) -> &'static Keys {
        match (self, in_lab) {
            (Kind::Own, false) => &KEYS,
            (Kind::Own, true) => &LAB_KEYS,
            (Kind::Member, false) => &MEMBER_KEYS,
            (Kind::Member, true) => &LAB_MEMBER_KEYS,
            (Kind::Lag, _) => &LAG_KEYS,
        }
    }
}

fn read_port(name: PortName, field: Field<'_>, in_lab: bool) -> PortDraft<'_> {
    let mut config = PortConfig::new(name);
    let kind = Kind::of(&field);
    let Some(map) = field.mapping(kind.keys(in_lab), "{access-vlan: 10}") else {
        return PortDraft { key: Some(field), membership_read: false, ..PortDraft::unwritten(config) };
    };
    let membership = match kind {
        // Which bundle is known once all ports are read.
        Kind::Member => None,
        Kind::Own | Kind::Lag => read_membership(&map),
    };
    let membership_read = membership.is_some();
    config.membership = membership.unwrap_or(config.membership);
    config.attachment = match kind {
        Kind::Lag => Attachment::Lag(Box::new(lag::read(&map))),
        Kind::Own | Kind::Member => read_attachment(&map),
    };
    config.io = map.get("io").and_then(|io| io.word("a way to open a device", IO)).unwrap_or_default();
    let mtu = map.get("mtu").and_then(|mtu| Some((mtu.clone(), mtu.number("mtu", MTU_RANGE)?)));
    config.mtu = mtu.as_ref().map_or(config.mtu, |(_, bytes)| *bytes);
    config.speed = map.get("port-speed").and_then(|rate| speed(rate, "port-speed")).unwrap_or(config.speed);
    config.enabled = map.get("enabled").and_then(Field::boolean).unwrap_or(true);
    config.maximum_entries =
        map.get("maximum-entries").and_then(|entries| entries.number("maximum-entries", 0..=MAXIMUM_ENTRIES));
    config.isolation_group =
        map.get("isolation-group").and_then(|group| group.number("isolation group", 1..=65_535));
    config.impairment = map.get("impair").and_then(impairment::read).unwrap_or_default();
    config.storm_control = map.filled("storm-control").map(read_storm_control).unwrap_or_default();
    PortDraft { config, key: Some(field), keys: Some(map), mtu: mtu.map(|(field, _)| field), membership_read }
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Access,
    Trunk,
    Routed,
}

const MODES: &[(&str, Mode)] = &[("ACCESS", Mode::Access), ("TRUNK", Mode::Trunk), ("ROUTED", Mode::Routed)];

fn read_membership(map: &Mapping<'_>) -> Option<Membership> {
    let written = map.get("interface-mode");
    let mode = match written {
        Some(field) => field.word("an interface mode", MODES)?,
        None => Mode::Access,
    };
    match mode {
        Mode::Access => {
            let unfit = ["trunk-vlans", "native-vlan"].map(|key| {
                let field = map.get(key)?;
                field.refuse_key(match written {
                    Some(_) => {
                        format!("`{key}` is for a TRUNK, and this port is ACCESS: remove one of the two")
                    }
                    None => format!("`{key}` is for a TRUNK: add `interface-mode: TRUNK`"),
                });
                Some(())
            });
            let access = map.get("access-vlan").map_or(Some(VlanId::DEFAULT), vlan)?;
            (unfit == [None, None]).then_some(Membership::Access(access))
        }
        Mode::Trunk => read_trunk(map),
        Mode::Routed => {
            let unfit = ROUTED_LOSES.iter().filter_map(|key| Some((key, map.get(key)?)));
            let unfit: Vec<_> = unfit.collect();
            for (key, field) in &unfit {
                field.refuse_key(format!(
                    "`{key}` is for a port of the bridge, and this one is ROUTED: remove one of the two"
                ));
            }
            unfit.is_empty().then_some(Membership::Routed)
        }
    }
}

fn read_trunk(map: &Mapping<'_>) -> Option<Membership> {
    if let Some(field) = map.get("access-vlan") {
        field.refuse_key(
            "`access-vlan` is for an ACCESS port, and this one is a TRUNK: \
             its untagged frames belong to its `native-vlan`",
        );
    }
    let vlans = map
        .required("trunk-vlans", "add the VLANs such as `trunk-vlans: [10, 20..29]`, or [1..4094] for all")
        .and_then(vlan_list);
    let native = map.get("native-vlan").map(vlan);
    let (mut vlans, native) = (vlans?, native.map_or(Some(None), |vlan| vlan.map(Some))?);
    if let Some(native) = native {
        vlans.insert(native);
    }
    if vlans.is_empty() {
        map.get("trunk-vlans")?.refuse("this TRUNK carries no VLAN: expected a list such as [10, 20..29]");
        return None;
    }
    map.get("access-vlan").is_none().then_some(Membership::Trunk { vlans, native })
}

#[derive(Clone, Copy, PartialEq)]
enum PortType {
    Device,
    Tap,
    Lag,
}

const IO: &[(&str, Io)] =
    &[("auto", Io::Auto), ("af-packet", Io::AfPacket), ("af-xdp", Io::AfXdp), ("raw", Io::Raw)];

/// Refuses ways to open a port that it cannot be opened by.
pub(super) fn check_io(config: &SwitchConfig, drafts: &[PortDraft<'_>]) {
    for (port, draft) in config.ports.iter().zip(drafts) {
        let Some(io) = draft.written("io") else { continue };
        if matches!(port.attachment, Attachment::Tap { .. }) {
            io.refuse_key(
                "`io` is for an Ethernet device, and this is a TAP, which has only one way to be opened: remove it",
            );
        }
        let carrier = port.membership.aggregate().and_then(|member| config.ports.get(member.lag.index()));
        let is_trunk = matches!(carrier.unwrap_or(port).membership, Membership::Trunk { .. });
        if port.io == Io::Raw && is_trunk {
            io.refuse(
                "the kernel takes the tags out of what a raw socket receives, and this port is a TRUNK: \
                 expected af-packet or af-xdp",
            );
        }
    }
}

const PORT_TYPES: &[(&str, PortType)] =
    &[("device", PortType::Device), ("tap", PortType::Tap), ("lag", PortType::Lag)];

/// What a port is made of that is no bundle.
fn read_attachment(map: &Mapping<'_>) -> Attachment {
    let tap = match map.get("type") {
        Some(field) if matches!(field.value(), Value::Text(text) if text == "veth") => {
            field.refuse("a veth is opened like any Ethernet device: write `type: device`, or remove it");
            return Attachment::Device;
        }
        Some(field) => match field.word("a port type", PORT_TYPES) {
            Some(port_type) => port_type == PortType::Tap,
            None => return Attachment::Device,
        },
        None => false,
    };
    if !tap {
        for field in ["netns", "interface", "mac-address"].iter().filter_map(|key| map.get(key)) {
            field.refuse_key("this goes with `type: tap`: add that, or remove this");
        }
        return Attachment::Device;
    }
    let interface =
        map.get("interface").and_then(|field| field.parsed("an interface name such as eth0", interface_name));
    Attachment::Tap {
        netns: map.get("netns").and_then(read_netns),
        interface,
        mac_address: map.get("mac-address").and_then(station_mac),
    }
}

fn read_netns(field: &Field<'_>) -> Option<NetnsRef> {
    match field.value() {
        Value::Integer(_) => field.number("process id", 1..=LAST_PID).map(NetnsRef::Pid),
        Value::Text(name) => {
            // It is a file below /run/netns.
            let wrong = matches!(name.as_str(), "" | "." | "..") || name.len() > 255;
            if wrong || name.chars().any(|c| c == '/' || c.is_control()) {
                field.refuse(format!(
                    "{} is not a namespace's name: expected one of `ip netns list`",
                    quoted(name)
                ));
                return None;
            }
            Some(NetnsRef::Name(name.clone()))
        }
        _ => {
            field.mismatch("the name of a network namespace or a process id", "");
            None
        }
    }
}

fn read_storm_control(field: &Field<'_>) -> StormControl {
    let Some(map) = field.mapping(&STORM_KEYS, "{broadcast: 1000}") else { return StormControl::default() };
    let limit = |key| map.get(key).and_then(|field| field.number("frames per second", 0..=u32::MAX.into()));
    StormControl {
        broadcast: limit("broadcast"),
        multicast: limit("multicast"),
        unknown_unicast: limit("unknown-unicast"),
    }
}

/// Two TAPs cannot be one interface, nor have one address.
fn refuse_shared_interfaces(drafts: &[PortDraft<'_>]) {
    let mut interfaces: BTreeMap<(String, &PortName), &PortName> = BTreeMap::new();
    let mut macs: BTreeMap<MacAddr, &PortName> = BTreeMap::new();
    for draft in drafts {
        let (Some(key), port) = (&draft.key, &draft.config) else { continue };
        let (place, interface, mac) = match &port.attachment {
            // It has no interface.
            Attachment::Lag(_) => continue,
            Attachment::Device => (String::new(), &port.name, None),
            Attachment::Tap { netns, interface, mac_address } => {
                let place = netns.as_ref().map(|netns| match netns {
                    NetnsRef::Name(name) => format!("namespace `{name}`"),
                    NetnsRef::Pid(pid) => format!("the namespace of process {pid}"),
                });
                (place.unwrap_or_default(), interface.as_ref().unwrap_or(&port.name), *mac_address)
            }
        };
        if let Some(other) = interfaces.insert((place.clone(), interface), &port.name) {
            let place = if place.is_empty() { "the switch's own namespace" } else { &place };
            key.refuse_key(format!(
                "interface `{interface}` in {place} is that of port `{other}` already: \
                 give one of them another `interface` or `netns`"
            ));
        }
        if let Some((mac, other)) = mac.and_then(|mac| Some((mac, macs.insert(mac, &port.name)?))) {
            key.refuse_key(format!("{mac} is the address of port `{other}` already: expected another"));
        }
    }
}
