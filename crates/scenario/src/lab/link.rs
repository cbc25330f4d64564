use super::node::{Kind, Outline, find};
use super::unique::Taken;
use super::{End, Form, Lab, Link, Medium, containerlab};
use crate::address::{gateway4, gateway6, ipv4, ipv6, station_mac};
use crate::field::{Field, Mapping};
use crate::keys::Keys;
use crate::name::interface_name;
use crate::phrase::{counted, quoted};
use crate::quantity::bit_rate;
use crate::story::{LinkSettings, flow_loss};
use crate::switch::{Cable, MTU_RANGE};
use crate::time_span::{LONGEST, fine_time_span};
use crate::yaml::Value;
use greylag_base::{MacAddr, PortName};
use greylag_switch::config::{Attachment, NetnsRef};
use std::time::Duration;

const EXAMPLE: &str = "{endpoints: [\"sw1:eth1\", \"h1:eth1\"]}";
const ENDS_EXAMPLE: &str = "[\"sw1:eth1\", \"h1:eth1\"]";

const KEYS: Keys = Keys { allowed: &["type", "endpoints", "mtu"], explained: containerlab::LINK };
const SCENARIO_KEYS: Keys = Keys {
    allowed: &["type", "endpoints", "mtu", "rate", "delay", "queue", "up", "loses"],
    explained: containerlab::LINK,
};
const END_KEYS: Keys = Keys {
    allowed: &["node", "interface", "mac", "ipv4", "ipv6", "gateway", "gateway6"],
    explained: containerlab::LINK,
};

const MEDIA: &[(&str, Medium)] = &[("veth", Medium::Veth), ("tap", Medium::Tap)];

/// Linux switches IPv6 off below it (RFC 8200 5).
pub(super) const IPV6_MINIMUM_MTU: u16 = 1280;

/// A link as far as it could be read.
pub(super) struct Draft {
    medium: Option<Medium>,
    ends: Vec<Option<End>>,
    mtu: u16,
    settings: LinkSettings,
    path: String,
}

/// The links, and whether there were problems with them.
pub(super) fn read_all<'d>(
    links: &Field<'d>,
    nodes: &[Outline<'_>],
    form: Form,
    taken: &mut Taken<'d>,
) -> (Vec<Draft>, bool) {
    let items = links.list(&format!("[{EXAMPLE}]"));
    let mut incomplete = items.is_none();
    let mut drafts = Vec::new();
    for item in items.unwrap_or_default() {
        let draft = read(&item, nodes, form, taken);
        incomplete |= draft.is_none();
        if let Some(draft) = draft {
            incomplete |= draft.ends.len() != 2 || draft.ends.iter().any(Option::is_none);
            drafts.push(draft);
        }
    }
    (drafts, incomplete)
}

fn read<'d>(field: &Field<'d>, nodes: &[Outline<'_>], form: Form, taken: &mut Taken<'d>) -> Option<Draft> {
    if field.is_nothing() {
        field.mismatch(&format!("a mapping such as {EXAMPLE}"), "");
        return None;
    }
    let keys = match form {
        Form::Lab => &KEYS,
        Form::Scenario => &SCENARIO_KEYS,
    };
    let map = field.mapping(keys, EXAMPLE)?;
    let medium = map.get("type").map_or(Some(Medium::Veth), read_medium);
    let mtu = map.get("mtu").map_or(Some(1500), |mtu| mtu.number("mtu", MTU_RANGE));
    let endpoints = map.required("endpoints", &format!("add both ends such as {ENDS_EXAMPLE}"))?;
    let fields = endpoints.list(ENDS_EXAMPLE)?;
    if fields.len() != 2 {
        endpoints.refuse(format!(
            "a link has two ends, and this one has {}: expected two such as {ENDS_EXAMPLE}",
            counted(fields.len(), "end")
        ));
    }
    let ends: Vec<Option<End>> = fields
        .iter()
        .map(|field| {
            let end = read_end(field, nodes)?;
            end.check(nodes[end.value.node].kind, medium, mtu);
            taken.claim(&end, nodes[end.value.node].name);
            Some(end.value)
        })
        .collect();
    if medium == Some(Medium::Tap) {
        check_tap(field, &ends, nodes);
    }
    let settings = read_settings(&map);
    Some(Draft { medium, ends, mtu: mtu.unwrap_or(1500), settings, path: field.path().to_owned() })
}

/// What a scenario says of a link.
fn read_settings(map: &Mapping<'_>) -> LinkSettings {
    let delay = map.get("delay").and_then(|delay| fine_time_span(delay, "delay", Duration::ZERO..=LONGEST));
    LinkSettings {
        rate: map.get("rate").and_then(|rate| bit_rate(rate, "rate")).unwrap_or(10_000_000_000),
        delay: delay.unwrap_or(Duration::from_micros(5)),
        queue: map.get("queue").and_then(|queue| queue.number("queue", 1..=1_000_000)).unwrap_or(1000),
        up: map.get("up").and_then(Field::boolean).unwrap_or(true),
        loses: map.get("loses").and_then(flow_loss::read),
    }
}

fn read_medium(field: &Field<'_>) -> Option<Medium> {
    if let Value::Text(text) = field.value()
        && containerlab::LINK_TYPES.contains(&text.as_str())
    {
        field.refuse(format!(
            "link type `{text}` is containerlab's, and greylag does not have it: expected veth or tap"
        ));
        return None;
    }
    field.word("a link type", MEDIA)
}

/// An end, with the fields that its parts come from.
pub(super) struct ReadEnd<'d> {
    pub(super) value: End,
    pub(super) interface: Field<'d>,
    pub(super) mac: Option<Field<'d>>,
    pub(super) ipv4: Option<Field<'d>>,
    pub(super) ipv6: Option<Field<'d>>,
    /// Gateways, each with the address of its family.
    gateways: [Option<Field<'d>>; 2],
}

fn read_end<'d>(field: &Field<'d>, nodes: &[Outline<'_>]) -> Option<ReadEnd<'d>> {
    if let Value::Text(text) = field.value() {
        return read_brief_end(field, text, nodes);
    }
    const EXPECTED: &str = "an end such as \"sw1:eth1\" or {node: sw1, interface: eth1}";
    if !matches!(field.value(), Value::Mapping(_)) {
        field.mismatch(EXPECTED, "");
        return None;
    }
    let map = field.mapping(&END_KEYS, EXPECTED)?;
    let node = map.required("node", "add the node such as `node: sw1`");
    let node = node.and_then(|field| find(field.text()?, nodes, |wrong| field.refuse(wrong)));
    let interface = map.required("interface", "add the interface such as `interface: eth1`");
    let name = interface.and_then(|field| field.parsed("an interface name such as eth1", interface_name));
    let part = |key| map.get(key).cloned();
    let (mac, v4, v6) = (part("mac"), part("ipv4"), part("ipv6"));
    // All parts are read before any is missed, so that all that is wrong is told.
    let addresses =
        (mac.as_ref().and_then(station_mac), v4.as_ref().and_then(ipv4), v6.as_ref().and_then(ipv6));
    let gateways = [part("gateway"), part("gateway6")];
    let value = End {
        node: node?,
        interface: name?,
        mac: addresses.0,
        ipv4: addresses.1,
        ipv6: addresses.2,
        gateway: gateways[0].as_ref().and_then(|field| gateway4(field, addresses.1, v4.is_some())),
        gateway6: gateways[1].as_ref().and_then(|field| gateway6(field, addresses.2, v6.is_some())),
    };
    Some(ReadEnd { value, interface: interface?.clone(), mac, ipv4: v4, ipv6: v6, gateways })
}

fn read_brief_end<'d>(field: &Field<'d>, text: &str, nodes: &[Outline<'_>]) -> Option<ReadEnd<'d>> {
    let Some((node, interface)) = text.split_once(':') else {
        field.refuse(format!(
            "{} names no interface: expected `node:interface` such as sw1:eth1",
            quoted(text)
        ));
        return None;
    };
    let node = find(node, nodes, |wrong| field.refuse(wrong));
    let interface = interface_name(interface).map_err(|wrong| field.refuse(wrong)).ok();
    let value = End {
        node: node?,
        interface: interface?,
        mac: None,
        ipv4: None,
        ipv6: None,
        gateway: None,
        gateway6: None,
    };
    let gateways = [None, None];
    Some(ReadEnd { value, interface: field.clone(), mac: None, ipv4: None, ipv6: None, gateways })
}

impl ReadEnd<'_> {
    /// What a switch's end cannot have, and what the link cannot carry.
    fn check(&self, kind: Option<Kind>, medium: Option<Medium>, mtu: Option<u16>) {
        if kind == Some(Kind::Greylag) {
            for field in [&self.ipv4, &self.ipv6].into_iter().flatten() {
                field.refuse_key(
                    "the addresses of a switch are below `interfaces` in its configuration: move it there",
                );
            }
            for field in self.gateways.iter().flatten() {
                field.refuse_key("a switch finds its ways by its routes: move it to a host, or remove it");
            }
            if let Some(mac) = self.mac.as_ref().filter(|_| medium == Some(Medium::Tap)) {
                mac.refuse_key(
                    "the switch's end of a tap link has no address: move it to the other end, or remove it",
                );
            }
        } else if let Some((ipv6, mtu)) = self.ipv6.as_ref().zip(mtu.filter(|&mtu| mtu < IPV6_MINIMUM_MTU)) {
            ipv6.refuse_key(format!(
                "IPv6 needs an mtu of {IPV6_MINIMUM_MTU} at least, and this link's is {mtu}: raise it, or remove this"
            ));
        }
    }
}

fn check_tap(field: &Field<'_>, ends: &[Option<End>], nodes: &[Outline<'_>]) {
    let [Some(one), Some(other)] = ends else { return };
    let why = match (nodes[one.node].kind, nodes[other.node].kind) {
        (Some(Kind::Greylag), Some(Kind::Greylag)) => "both are switches: use `type: veth`",
        (Some(Kind::Host), Some(Kind::Host)) => "both are hosts: use `type: veth`",
        _ => return,
    };
    field.refuse(format!("a tap link joins a switch and a host, and here {why}"));
}

impl Draft {
    /// The link, if all of it could be read.
    pub(super) fn finished(self) -> Option<(Link, LinkSettings)> {
        let ends: Vec<End> = self.ends.into_iter().flatten().collect();
        Some((Link { medium: self.medium?, ends: ends.try_into().ok()?, mtu: self.mtu }, self.settings))
    }
}

/// The links of one node, as its switch sees them.
pub(super) fn cables_of(node: usize, links: &[Draft], lab: &Lab) -> Vec<Cable> {
    let mut cables = Vec::new();
    for link in links {
        for (index, end) in link.ends.iter().enumerate() {
            let Some(end) = end.as_ref().filter(|end| end.node == node) else { continue };
            let other = link.ends.get(1 - index.min(1)).and_then(Option::as_ref);
            cables.push(Cable {
                interface: end.interface.clone(),
                attachment: attachment(link.medium, other, lab),
                mtu: link.mtu,
                link: link.path.clone(),
            });
        }
    }
    cables
}

/// The end of a link at a host, as its bond sees it.
pub(super) struct HostEnd {
    pub(super) interface: PortName,
    pub(super) mtu: u16,
    pub(super) tap: bool,
    /// The key of an IP address that it has.
    pub(super) address: Option<&'static str>,
    /// The field of the lab file, for messages.
    pub(super) link: String,
}

/// The ends of links at one node.
pub(super) fn ends_of(node: usize, links: &[Draft]) -> Vec<HostEnd> {
    let ends = links.iter().flat_map(|link| link.ends.iter().flatten().map(move |end| (link, end)));
    ends.filter(|(_, end)| end.node == node)
        .map(|(link, end)| HostEnd {
            interface: end.interface.clone(),
            mtu: link.mtu,
            tap: link.medium == Some(Medium::Tap),
            address: end.ipv4.map(|_| "ipv4").or(end.ipv6.map(|_| "ipv6")),
            link: link.path.clone(),
        })
        .collect()
}

/// Gives every end at a host that has no MAC address one that is the same whenever the file is read: 02:67:6c, the
/// node's number in two octets, the number of the interface among the node's.
pub(super) fn name_stations(links: &mut [Draft], nodes: &[Outline<'_>]) {
    let mut interfaces = vec![0; nodes.len()];
    for end in links.iter_mut().flat_map(|link| &mut link.ends).flatten() {
        let interface = &mut interfaces[end.node];
        *interface += 1;
        if end.mac.is_none() && nodes[end.node].kind == Some(Kind::Host) {
            let number = (end.node as u64 + 1) << 8 | *interface;
            end.mac = Some(MacAddr::from_bits(0x0267_6c00_0000 | number & 0xff_ffff));
        }
    }
}

fn attachment(medium: Option<Medium>, other: Option<&End>, lab: &Lab) -> Attachment {
    match (medium, other) {
        (Some(Medium::Tap), Some(other)) => Attachment::Tap {
            netns: Some(NetnsRef::Name(lab.netns(other.node))),
            interface: Some(PortName::clone(&other.interface)),
            mac_address: other.mac,
        },
        _ => Attachment::Device,
    }
}
