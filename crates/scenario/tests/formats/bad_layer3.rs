//! What makes a router of a switch, in files that are wrong, and every word that is said about it.

mod interfaces;
mod protocols;
mod routing;

use crate::broken::{Case, check};

/// A routed port, one of the bridge, and a routed bundle.
const PORTS: &str = "name: r1
ports:
  eth1: {interface-mode: ROUTED}
  eth2: {access-vlan: 97}
  eth4: {aggregate-id: ae0}
  ae0: {type: lag, interface-mode: ROUTED}
";

const ADDRESSES: &str = "interfaces:
  eth1: {ipv4: 10.0.1.1/24, ipv6: \"2001:db8:1::1/64\"}
  ae0: {ipv4: 10.0.4.1/24}
";

/// Keys below `routing`, in a mapping or as one.
fn check_routing(cases: &[Case]) {
    check(cases, |keys| {
        let keys = keys.strip_prefix('{').and_then(|keys| keys.strip_suffix('}')).unwrap_or(keys);
        format!("{PORTS}{ADDRESSES}  lo0: {{loopback: true, ipv4: 192.0.2.1/32}}\nrouting: {{{keys}}}\n")
    });
}
