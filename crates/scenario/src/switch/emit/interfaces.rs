//! Interfaces of layer 3. An MTU that follows from the ports goes unwritten, so that it follows them again.

use super::super::interfaces::default_mtu;
use greylag_base::MacAddr;
use greylag_switch::config::{InterfaceConfig, InterfacePlace, SwitchConfig};
use serde::Serialize;
use std::net::IpAddr;

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Interface {
    #[serde(skip_serializing_if = "Option::is_none")]
    routed_vlan: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    loopback: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ipv4: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ipv6: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mtu: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mac_address: Option<MacAddr>,
    enabled: bool,
}

impl Interface {
    pub(super) fn of(interface: &InterfaceConfig, switch: &SwitchConfig) -> Self {
        let InterfaceConfig { name: _, place, enabled, mac_address, mtu, addresses } = interface;
        let of_family = |is_right: fn(&IpAddr) -> bool| {
            let addresses = addresses.iter().filter(|address| is_right(&address.ip));
            addresses.map(|address| format!("{}/{}", address.ip, address.prefix_length)).collect()
        };
        Interface {
            routed_vlan: match place {
                InterfacePlace::Vlan(vlan) => Some(vlan.get()),
                InterfacePlace::Port(_) | InterfacePlace::Loopback => None,
            },
            loopback: (*place == InterfacePlace::Loopback).then_some(true),
            ipv4: of_family(IpAddr::is_ipv4),
            ipv6: of_family(IpAddr::is_ipv6),
            mtu: (*mtu != default_mtu(&switch.ports, *place)).then_some(*mtu),
            mac_address: *mac_address,
            enabled: *enabled,
        }
    }
}
