//! Interfaces of layer 3: what carries each, and its addresses.

use super::port::{MTU_RANGE, PortDraft};
use crate::address::{interface_address, station_ip_of, station_mac};
use crate::field::{Field, Mapping};
use crate::keys::Keys;
use crate::nearest::nearest;
use crate::phrase::{listed, quoted};
use crate::vlan::vlan;
use crate::yaml::Value;
use greylag_base::{PortId, PortName, VlanId};
use greylag_switch::config::{
    InterfaceAddress, InterfaceConfig, InterfacePlace, Membership, PortConfig, SwitchConfig,
};
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::IpAddr;

const EXAMPLE: &str = "{eth1: {ipv4: 10.0.1.1/24}}";
const KEYS: Keys = Keys {
    allowed: &["routed-vlan", "loopback", "ipv4", "ipv6", "mtu", "mac-address", "enabled"],
    explained: &[
        (&["access-vlan", "interface-mode"], "is a port's: write it below `ports`, or `routed-vlan` here"),
        (&["address", "addresses", "ip"], "is not needed: write `ipv4` and `ipv6`"),
    ],
};

/// What the words that say where packets go have room for.
const MOST: usize = 4096;

/// The shortest MTU of a link with IPv6 (RFC 8200 5).
const IPV6_MINIMUM_MTU: u16 = 1280;

/// The interfaces of a switch, for what leads to them.
#[derive(Default)]
pub(super) struct Interfaces {
    pub(super) configs: Vec<InterfaceConfig>,
    /// Some could not be read: what seems to be missing may be theirs.
    incomplete: bool,
}

pub(super) fn read(field: Option<&Field<'_>>, ports: &[PortDraft<'_>], switch: &SwitchConfig) -> Interfaces {
    let entries = field.map_or(Some(Vec::new()), |field| field.named("interface", EXAMPLE));
    let mut read = Reader { ports, switch, vlans: BTreeMap::new() };
    let mut interfaces = Interfaces { configs: Vec::new(), incomplete: entries.is_none() };
    let entries = entries.unwrap_or_default();
    let mut fields = Vec::new();
    for (name, entry) in &entries {
        match read.one(name, entry) {
            Some(config) => {
                interfaces.configs.push(config);
                fields.push(entry);
            }
            None => interfaces.incomplete = true,
        }
    }
    if let Some(field) = field.filter(|_| entries.len() > MOST) {
        field.refuse_key(format!("{} interfaces are too many: expected {MOST} at most", entries.len()));
    }
    refuse_overlaps(&interfaces.configs, &fields);
    refuse_idle_ports(ports, |name| entries.iter().any(|(known, _)| *known == name));
    interfaces
}

struct Reader<'r, 'd> {
    ports: &'r [PortDraft<'d>],
    switch: &'r SwitchConfig,
    /// The VLANs that have one, and which.
    vlans: BTreeMap<VlanId, String>,
}

impl Reader<'_, '_> {
    fn one(&mut self, name: &str, field: &Field<'_>) -> Option<InterfaceConfig> {
        let known = PortName::new(name).map_err(|wrong| {
            // A long name would drag its control characters into the message.
            let control = name.chars().any(char::is_control);
            field.refuse_key(match control {
                true => format!("{} is not an interface name: it has a control character", quoted(name)),
                false => wrong.to_string(),
            });
        });
        let map = field.mapping(&KEYS, "{ipv4: 10.0.1.1/24}")?;
        let place = known.is_ok().then(|| self.place(name, field, &map)).flatten();
        let addresses = read_addresses(field, &map);
        let mac = map.get("mac-address");
        let mac_address = mac.and_then(station_mac);
        let enabled = map.get("enabled").map_or(Some(true), Field::boolean);
        let place = place?;
        if place == InterfacePlace::Loopback {
            for key in ["mtu", "mac-address"] {
                if let Some(field) = map.get(key) {
                    field.refuse_key(format!(
                        "`{key}` is for an interface with a link: a loopback has none. Remove it"
                    ));
                }
            }
        }
        let mtu = self.mtu(&map, place);
        let (addresses, mtu) = (addresses?, mtu?);
        if let Some(ipv6) = map.get("ipv6").filter(|_| mtu < IPV6_MINIMUM_MTU) {
            ipv6.refuse_key(format!(
                "IPv6 needs an mtu of {IPV6_MINIMUM_MTU} at least, and this interface's is {mtu}: raise it, or remove this"
            ));
        }
        Some(InterfaceConfig { name: known.ok()?, place, enabled: enabled?, mac_address, mtu, addresses })
    }

    /// What carries it.
    fn place(&mut self, name: &str, field: &Field<'_>, map: &Mapping<'_>) -> Option<InterfacePlace> {
        let loopback = map.get("loopback");
        let is_loopback = loopback.map_or(Some(false), Field::boolean);
        let routed_vlan = map.get("routed-vlan");
        let id = routed_vlan.map(vlan);
        if let Some(index) = self.ports.iter().position(|port| port.name() == name) {
            return self.of_port(index, field, map);
        }
        match (id, is_loopback?) {
            (Some(_), true) => {
                loopback?.refuse_key(format!(
                    "a loopback is in no VLAN: remove this, or `routed-vlan` of `{name}`"
                ));
                None
            }
            (Some(vlan), false) => self.of_vlan(name, vlan?, routed_vlan?),
            (None, true) => Some(InterfacePlace::Loopback),
            (None, false) => {
                let routed = || self.ports.iter().map(PortDraft::name);
                let advice = match nearest(name, routed()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("the ports are {}", listed(routed())),
                };
                field.refuse_key(format!(
                    "there is no port {}, and neither `routed-vlan` nor `loopback: true` says what carries it: {advice}",
                    quoted(name)
                ));
                None
            }
        }
    }

    fn of_port(&self, index: usize, field: &Field<'_>, map: &Mapping<'_>) -> Option<InterfacePlace> {
        let port = &self.ports[index];
        let name = port.name();
        let strangers = ["routed-vlan", "loopback"].iter().filter_map(|key| map.get(key));
        let mut is_port = true;
        for stranger in strangers {
            stranger.refuse_key(format!(
                "`{name}` is a port, which carries its own interface: remove this, or call the interface otherwise"
            ));
            is_port = false;
        }
        if let Membership::Aggregate(member) = port.config.membership {
            let lag = self.ports[member.lag.index()].name();
            field.refuse_key(format!("port `{name}` is a member of bundle `{lag}`: expected `{lag}`"));
            return None;
        }
        if port.config.membership != Membership::Routed && port.membership_read {
            let vlan = port.config.membership.vlans().iter().next().unwrap_or(VlanId::DEFAULT);
            field.refuse_key(format!(
                "port `{name}` belongs to the bridge: write `interface-mode: ROUTED` below `ports.{name}`, or give a \
                 VLAN an interface, such as `irb{vlan}: {{routed-vlan: {vlan}}}`"
            ));
            return None;
        }
        is_port.then_some(InterfacePlace::Port(PortId(u16::try_from(index).ok()?)))
    }

    fn of_vlan(&mut self, name: &str, vlan: VlanId, field: &Field<'_>) -> Option<InterfacePlace> {
        if !self.switch.vlan_exists(vlan) && self.ports.iter().all(|port| port.membership_read) {
            field.refuse(format!(
                "there is no VLAN {vlan}: let a port carry it, or add `{vlan}:` to `vlans` (there are {})",
                self.switch.vlan_set()
            ));
            return None;
        }
        if let Some(other) = self.vlans.insert(vlan, name.to_owned()) {
            field.refuse(format!(
                "VLAN {vlan} has interface `{other}` already: give that one these addresses too, or remove one"
            ));
            return None;
        }
        Some(InterfacePlace::Vlan(vlan))
    }

    fn mtu(&self, map: &Mapping<'_>, place: InterfacePlace) -> Option<u16> {
        let most = default_mtu(&self.switch.ports, place);
        let Some(field) = map.get("mtu").filter(|_| place != InterfacePlace::Loopback) else {
            return Some(most);
        };
        let mtu = field.number("mtu", MTU_RANGE)?;
        if mtu > most {
            let whose = match place {
                InterfacePlace::Port(port) => format!("port `{}`", self.ports[port.index()].name()),
                InterfacePlace::Vlan(vlan) => format!("a port of VLAN {vlan}"),
                InterfacePlace::Loopback => String::new(),
            };
            field.refuse(format!(
                "mtu {mtu} is more than {whose} has, which is {most}: expected that at most"
            ));
            return None;
        }
        Some(mtu)
    }
}

/// The MTU of an interface that says nothing of it: the port's, or the least of those that its VLAN's ports have.
pub(super) fn default_mtu(ports: &[PortConfig], place: InterfacePlace) -> u16 {
    match place {
        InterfacePlace::Port(port) => ports[port.index()].mtu,
        InterfacePlace::Vlan(vlan) => {
            let carriers = ports.iter().filter(|port| port.membership.carries(vlan));
            carriers.map(|port| port.mtu).min().unwrap_or(1500)
        }
        InterfacePlace::Loopback => *MTU_RANGE.end() as u16,
    }
}

/// Its addresses, IPv4 first; `None` when one is wrong, or none is there.
fn read_addresses(field: &Field<'_>, map: &Mapping<'_>) -> Option<Vec<InterfaceAddress>> {
    let mut addresses = Vec::new();
    let mut right = true;
    for (key, is_ipv4, example) in [("ipv4", true, "[10.0.1.1/24]"), ("ipv6", false, "[2001:db8::1/64]")] {
        let Some(written) = map.get(key) else { continue };
        let items = match written.value() {
            Value::Text(_) => vec![written.clone()],
            _ => match written.list(example) {
                Some(items) => items,
                None => {
                    right = false;
                    continue;
                }
            },
        };
        for item in &items {
            match interface_address(item, is_ipv4) {
                Some((ip, _)) if addresses.iter().any(|other: &InterfaceAddress| other.ip == ip) => {
                    item.refuse(format!("{ip} is an address of this interface already: remove one"));
                    right = false;
                }
                Some((ip, prefix_length)) => addresses.push(InterfaceAddress { ip, prefix_length }),
                None => right = false,
            }
        }
    }
    if addresses.is_empty() && right && map.all_known() {
        field.refuse_key("an interface needs an address: add one such as `ipv4: 10.0.1.1/24`, or remove it");
        return None;
    }
    right.then_some(addresses)
}

/// A packet must know by which interface it leaves: no two have one subnet, nor a part of it.
fn refuse_overlaps(interfaces: &[InterfaceConfig], fields: &[&Field<'_>]) {
    let all = || {
        let of = |(index, interface): (usize, &'_ InterfaceConfig)| {
            interface.addresses.iter().map(move |address| (index, *address)).collect::<Vec<_>>()
        };
        interfaces.iter().enumerate().flat_map(of)
    };
    let mut owners: BTreeMap<IpNet, usize> = BTreeMap::new();
    for (index, address) in all() {
        owners.entry(address.subnet()).or_insert(index);
    }
    for (index, address) in all() {
        let subnet = address.subnet();
        let owner = around(subnet)
            .find_map(|around| Some((around, *owners.get(&around)?)).filter(|(_, owner)| *owner != index));
        let Some((around, owner)) = owner else { continue };
        let (name, other) = (&interfaces[owner].name, &interfaces[owner].addresses);
        fields[index].refuse_key(if other.iter().any(|other| other.ip == address.ip) {
            format!("{} is the address of interface `{name}` already: expected another", address.ip)
        } else if around == subnet {
            format!("subnet {subnet} is that of interface `{name}` already: expected another")
        } else {
            format!("subnet {subnet} is a part of {around}, which interface `{name}` has: expected another")
        });
    }
}

/// A prefix, and those that it is in.
fn around(prefix: IpNet) -> impl Iterator<Item = IpNet> {
    std::iter::successors(Some(prefix), IpNet::supernet)
}

/// A ROUTED port is in no VLAN: without an interface it would be nothing at all.
fn refuse_idle_ports(ports: &[PortDraft<'_>], has_interface: impl Fn(&str) -> bool) {
    for port in ports {
        let name = port.name();
        if port.config.membership == Membership::Routed
            && !has_interface(name)
            && let Some(mode) = port.written("interface-mode")
        {
            mode.refuse(format!(
                "a ROUTED port needs an interface: add one such as `{name}: {{ipv4: 10.0.1.1/24}}` to `interfaces`"
            ));
        }
    }
}

impl Interfaces {
    pub(super) fn is_empty(&self) -> bool {
        self.configs.is_empty() && !self.incomplete
    }

    /// The interface that a field names, if it is one that has a link.
    pub(super) fn named(&self, field: &Field<'_>) -> Option<&InterfaceConfig> {
        let interface = self.find(field.text()?, |wrong| field.refuse(wrong))?;
        if interface.place == InterfacePlace::Loopback {
            field
                .refuse(format!("`{}` is a loopback, and nobody is on it: expected another", interface.name));
            return None;
        }
        Some(interface)
    }

    /// The interface of this name.
    pub(super) fn find(&self, name: &str, refuse: impl FnOnce(String)) -> Option<&InterfaceConfig> {
        let found = self.configs.iter().find(|interface| interface.name.as_str() == name);
        if found.is_none() && !self.incomplete {
            let names = || self.configs.iter().map(|interface| interface.name.as_str());
            let advice = match nearest(name, names()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("there are {}", listed(names())),
            };
            refuse(format!("there is no interface {}: {advice}", quoted(name)));
        }
        found
    }

    /// The interface that has this address for its own.
    pub(super) fn owner(&self, ip: IpAddr) -> Option<&InterfaceConfig> {
        self.configs.iter().find(|interface| interface.addresses.iter().any(|address| address.ip == ip))
    }

    /// Reads the other end of a session. One that is a single hop away is in a subnet of ours.
    ///
    /// # Errors
    /// What is expected in its place.
    pub(super) fn far_end(&self, text: &str, multihop: bool) -> Result<IpAddr, String> {
        let ip = station_ip_of(text)?;
        if let Some(owner) = self.owner(ip) {
            return Err(own_address(ip, owner));
        }
        if is_link_local(ip) {
            return Err(format!(
                "{ip} is link-local, and could be on any link: expected an address in a subnet of an interface"
            ));
        }
        let reached = self.incomplete || self.configs.iter().any(|interface| is_on(interface, ip));
        if !multihop && !reached {
            return Err(format!(
                "{ip} is in no subnet of an interface: expected one that is, or `multihop: true`"
            ));
        }
        Ok(ip)
    }

    /// The address is one of this switch, or may be.
    pub(super) fn may_own(&self, ip: IpAddr) -> bool {
        self.incomplete || self.owner(ip).is_some()
    }

    /// Some interface has an address of IPv4, or may have.
    pub(super) fn may_have_ipv4(&self) -> bool {
        let mut addresses = self.configs.iter().flat_map(|interface| &interface.addresses);
        self.incomplete || addresses.any(|address| address.ip.is_ipv4())
    }
}

/// What is said of an address of our own where a neighbor's is meant.
pub(super) fn own_address(ip: IpAddr, owner: &InterfaceConfig) -> String {
    format!("{ip} is this switch's own address, on `{}`: expected a neighbor's", owner.name)
}

/// The address is in a subnet of the interface.
pub(super) fn is_on(interface: &InterfaceConfig, ip: IpAddr) -> bool {
    if is_link_local(ip) {
        // It has a link-local address of its own then.
        return interface.addresses.iter().any(|address| address.ip.is_ipv6());
    }
    interface.addresses.iter().any(|address| address.subnet().contains(&ip))
}

/// Every link has its own such addresses.
pub(super) fn is_link_local(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local())
}
