//! Interfaces and routes in files: what is written of them is read, and the way back.

use greylag_base::{PortId, PortName, VlanId};
use greylag_scenario::story::Patch;
use greylag_scenario::{Source, switch};
use greylag_switch::config::{
    GroupHashing, InterfacePlace, Membership, RoutingConfig, StaticRoute, StaticTarget, SwitchConfig,
};
use greylag_switch::{DiffLine, diff};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::time::Duration;

fn read(text: &str) -> SwitchConfig {
    switch::parse(&Source::new("r1.yml", text)).unwrap_or_else(|error| panic!("{}\n{text}", error.render()))
}

/// A router with a routed port, a routed bundle, a VLAN and a loopback, and some keys more.
fn router(interfaces: &str, routing: &str) -> SwitchConfig {
    read(&format!(
        "name: r1
ports:
  eth1: {{interface-mode: ROUTED}}
  eth2: {{access-vlan: 97}}
  eth3: {{interface-mode: TRUNK, trunk-vlans: [97], mtu: 1400}}
  eth4: {{aggregate-id: ae0}}
  ae0: {{type: lag, interface-mode: ROUTED, mtu: 9000}}
interfaces:
  eth1: {{ipv4: [10.0.1.1/24, 10.0.1.7/24], ipv6: \"2001:db8:1::1/64\"}}
  irb97: {{routed-vlan: 97, ipv4: 10.0.97.1/24{interfaces}}}
  ae0: {{ipv4: 10.0.4.0/31}}
  lo0: {{loopback: true, ipv4: 192.0.2.1/32, ipv6: \"2001:db8::1/128\"}}
routing: {{{routing}}}
"
    ))
}

fn patched(running: &SwitchConfig, patch: &str) -> Result<SwitchConfig, String> {
    let patch = Patch { text: patch.to_owned() };
    switch::patched(running, &patch).map_err(|error| error.to_string())
}

#[test]
fn what_carries_an_interface_and_what_it_says_nothing_of() {
    let config = router("", "");
    let places: Vec<InterfacePlace> = config.interfaces.iter().map(|interface| interface.place).collect();
    let vlan = VlanId::new(97).unwrap();
    assert_eq!(
        places,
        [
            InterfacePlace::Port(PortId(0)),
            InterfacePlace::Vlan(vlan),
            InterfacePlace::Port(PortId(4)),
            InterfacePlace::Loopback
        ]
    );
    let mtus: Vec<u16> = config.interfaces.iter().map(|interface| interface.mtu).collect();
    assert_eq!(mtus, [1500, 1400, 9000, 9216], "the port's, the least of the VLAN's, the bundle's");
    assert_eq!(config.ports[0].membership, Membership::Routed);
    assert_eq!(config.interfaces[0].addresses.len(), 3);
    assert_eq!(config.routing, RoutingConfig::default());
}

#[test]
fn defaults_of_what_is_switched_on() {
    let routing = router(
        "",
        "bgp: {as: 64500, neighbors: {10.0.1.2: {peer-as: 64501}}}, link-state: {interfaces: {eth1: {}, lo0: {}}}, \
         fpm: {}, next-hop-groups: {hashing: resilient}, static-routes: {0.0.0.0/0: {next-hop: 10.0.1.2}}",
    )
    .routing;
    let bgp = routing.bgp.unwrap();
    assert_eq!((bgp.redistribute_connected, bgp.redistribute_static), (false, false));
    let neighbor = &bgp.neighbors[0];
    assert_eq!(
        (neighbor.hold_time, neighbor.connect_retry),
        (Duration::from_secs(90), Duration::from_secs(120))
    );
    assert!(!neighbor.passive && !neighbor.bfd && !neighbor.multihop && !neighbor.next_hop_self);
    let link_state = routing.link_state.unwrap();
    assert_eq!((link_state.spf_delay, link_state.overload), (Duration::from_millis(50), false));
    let [eth1, lo0] = &link_state.interfaces[..] else { panic!("two interfaces") };
    assert_eq!((eth1.metric, eth1.passive, lo0.passive), (10, false, true));
    assert_eq!((eth1.hello_interval, eth1.dead_interval), (Duration::from_secs(10), Duration::from_secs(40)));
    assert_eq!(routing.fpm.unwrap().listen.to_string(), "127.0.0.1:2620");
    let resilient =
        GroupHashing::Resilient { idle_timer: Duration::from_secs(120), unbalanced_timer: Duration::ZERO };
    assert_eq!(routing.next_hop_groups.hashing, resilient);
    assert_eq!(routing.static_routes[0].preference, 5);
}

#[test]
fn a_session_asks_what_all_do_unless_it_says_otherwise() {
    let bfd = "bfd: {detection-multiplier: 5, sessions: [{remote-address: 10.0.1.2}, {remote-address: 10.0.1.3, \
               required-minimum-receive: 50ms}]}";
    let routing = router("", bfd).routing;
    assert_eq!((routing.bfd.detection_multiplier, routing.bfd_sessions[0].timers), (5, None));
    let own = routing.bfd_sessions[1].timers.unwrap();
    assert_eq!((own.detection_multiplier, own.required_minimum_receive), (5, Duration::from_millis(50)));
    assert!(routing.wants_bfd());
}

#[test]
fn a_patch_leads_routes_elsewhere() {
    let routing = "static-routes: {0.0.0.0/0: {next-hop: 10.0.1.2, preference: 7}, 10.9.0.0/16: {discard: blackhole}}, \
                   next-hop-groups: {hashing: resilient, idle-timer: 30s}";
    let running = router("", routing);
    assert_eq!(patched(&running, "{}"), Ok(running.clone()), "interfaces and routes stay what they are");

    let changed = patched(
        &running,
        "routing: {next-hop-groups: {hashing: modulo}, static-routes: {0.0.0.0/0: {discard: unreachable}, \
         10.9.0.0/16: null, \"2001:db8:9::/48\": {next-hop: 2001:db8:1::2}}}",
    )
    .unwrap();
    let [default, added] = &changed.routing.static_routes[..] else { panic!("two routes") };
    let to = StaticTarget::Unreachable;
    assert_eq!(*default, StaticRoute { prefix: "0.0.0.0/0".parse().unwrap(), to, preference: 7 });
    assert_eq!(added.prefix.to_string(), "2001:db8:9::/48");
    assert_eq!(changed.routing.next_hop_groups.hashing, GroupHashing::Modulo);

    let idle = patched(&running, "routing: {next-hop-groups: {hashing: resilient, buckets: 128}}").unwrap();
    assert_eq!(idle.routing.next_hop_groups.hashing, running.routing.next_hop_groups.hashing);

    let few = patched(&running, "routing: {next-hop-groups: {buckets: 8}}").unwrap();
    assert_eq!(few.routing.maximum_paths, 8, "each path has a bucket");
    let many = patched(&few, "routing: {next-hop-groups: {buckets: 256}}").unwrap();
    assert_eq!(many.routing.maximum_paths, 64);

    // An MTU that nobody wrote follows the port's.
    let larger = patched(&running, "ports: {ae0: {mtu: 1300}}").unwrap();
    assert_eq!(larger.interface("ae0").unwrap().1.mtu, 1300);

    let bridged = patched(&running, "{ports: {eth1: {interface-mode: ACCESS}}}").unwrap_err();
    assert!(bridged.contains("interfaces.eth1: port `eth1` belongs to the bridge"), "{bridged}");
    let routed = patched(
        &running,
        "{ports: {eth2: {interface-mode: ROUTED}}, interfaces: {eth2: {ipv4: 10.0.2.1/24}}}",
    );
    assert_eq!(routed.unwrap().ports[1].membership, Membership::Routed, "its VLAN is gone");
}

#[test]
fn what_is_limited_on_a_port_of_the_bridge_is_not_on_a_routed_one() {
    let running = read(
        "name: r1\nports: {eth1: {access-vlan: 7, maximum-entries: 9, isolation-group: 1, storm-control: {broadcast: 1}}}\n",
    );
    let routed = patched(
        &running,
        "{ports: {eth1: {interface-mode: ROUTED}}, interfaces: {eth1: {ipv4: 10.0.2.1/24}}}",
    );
    let port = routed.unwrap().ports.remove(0);
    assert_eq!(
        (port.maximum_entries, port.isolation_group, port.storm_control.broadcast),
        (None, None, None)
    );
}

#[test]
fn a_difference_goes_by_its_place_in_the_file() {
    let lines = |old: &SwitchConfig, new: &SwitchConfig| {
        diff(old, new).iter().map(DiffLine::to_string).collect::<Vec<_>>()
    };
    let old = router("", "static-routes: {10.9.0.0/16: {discard: blackhole}}");
    let new = router(
        ", mtu: 1300, enabled: false",
        "static-routes: {10.8.0.0/16: {next-hops: [10.0.1.2, {address: 10.0.1.3, interface: eth1, weight: 2, bfd: true}]}}, \
         neighbors: {static: [{interface: eth1, address: 10.0.1.9, mac-address: \"02:00:00:00:00:09\"}]}, \
         bfd: {sessions: [{remote-address: 192.0.2.9, multihop: true}]}, bgp: {as: 64500, redistribute: [connected]}",
    );
    assert_eq!(
        lines(&old, &new),
        [
            "  interfaces.irb97.enabled: true -> false",
            "  interfaces.irb97.mtu: 1400 -> 1300",
            "+ routing.bfd.sessions.192.0.2.9.multihop: true",
            "+ routing.bgp.as: 64500",
            "+ routing.bgp.redistribute: connected",
            "+ routing.neighbors.static.eth1.10.0.1.9: 02:00:00:00:00:09",
            "+ routing.static-routes.10.8.0.0/16.next-hops: 10.0.1.2,10.0.1.3 on eth1 weight 2 bfd",
            "+ routing.static-routes.10.8.0.0/16.preference: 5",
            "- routing.static-routes.10.9.0.0/16.discard: blackhole",
            "- routing.static-routes.10.9.0.0/16.preference: 5",
        ]
    );
}

#[test]
fn what_is_fixed_while_a_switch_runs() {
    let fixed = |old: &SwitchConfig, new: &SwitchConfig| {
        let lines = diff(old, new).into_iter().filter(DiffLine::is_fixed);
        lines.map(|line| line.path).collect::<Vec<_>>()
    };
    let old = router("", "");
    assert_eq!(
        fixed(
            &old,
            &router(
                "",
                "maximum-routes: {ipv4: 7, ipv6: 7}, next-hop-groups: {buckets: 128, maximum: 7, hashing: resilient}"
            )
        ),
        [
            "routing.maximum-routes.ipv4",
            "routing.maximum-routes.ipv6",
            "routing.next-hop-groups.buckets",
            "routing.next-hop-groups.maximum"
        ]
    );
    let mut more = old.clone();
    more.interfaces[3].name = PortName::new("lo1").unwrap();
    assert_eq!(fixed(&old, &more), Vec::<String>::new(), "interfaces come and go");

    let ports = "name: r1\nports: {eth1: {}, eth2: {}}\n";
    let bridge = read(ports);
    let first = read(&format!("{ports}interfaces: {{irb1: {{routed-vlan: 1, ipv4: 10.0.0.1/24}}}}\n"));
    assert_eq!(fixed(&bridge, &first), ["interfaces"]);
    assert_eq!(fixed(&first, &bridge), ["interfaces"]);

    let routed =
        patched(&first, "{ports: {eth2: {interface-mode: ROUTED}}, interfaces: {eth2: {ipv4: 10.0.2.1/24}}}");
    assert_eq!(
        fixed(&first, &routed.unwrap()),
        Vec::<String>::new(),
        "the bridge gives ports and takes them"
    );
    let trunk = patched(&first, "{ports: {eth2: {interface-mode: TRUNK, trunk-vlans: [1]}}}");
    assert_eq!(fixed(&first, &trunk.unwrap()), Vec::<String>::new());
}

/// Keys below `routing`, and values that each can have.
const ROUTING: &[(&str, &[&str])] = &[
    ("router-id", &["192.0.2.1"]),
    ("maximum-routes", &["{ipv4: 1}", "{ipv6: 16777216}"]),
    ("maximum-paths", &["2", "8"]),
    (
        "next-hop-groups",
        &[
            "{hashing: modulo, buckets: 128}",
            "{hashing: resilient}",
            "{hashing: resilient, idle-timer: 0, unbalanced-timer: 1500ms, maximum: 7}",
        ],
    ),
    (
        "neighbors",
        &[
            "{base-reachable-time: 500ms, retransmit-time: 1ms, delay-first-probe-time: 2s, stale-time: 1h}",
            "{static: [{interface: eth1, address: 10.0.1.9, mac-address: \"02:00:00:00:00:09\"}, {interface: eth1, \
             address: \"fe80::\", mac-address: \"02:00:00:00:00:09\"}]}",
        ],
    ),
    ("programming", &["{delay: 0, rate: 1}", "{audit-interval: never}", "{audit-interval: 60s}"]),
    (
        "bfd",
        &[
            "{desired-minimum-tx-interval: 1ms, required-minimum-receive: 4294s, detection-multiplier: 255}",
            "{sessions: [{remote-address: 10.0.1.2}, {remote-address: 192.0.2.9, multihop: true, local-address: 192.0.2.1}]}",
            "{sessions: [{remote-address: 2001:db8:1::2, detection-multiplier: 1}]}",
        ],
    ),
    (
        "bgp",
        &[
            "{as: 1}",
            "{as: 4294967295, networks: [0.0.0.0/0, \"::/0\"], redistribute: [static, connected]}",
            "{as: 64500, redistribute: [], neighbors: {2001:db8:1::2: {peer-as: 64500, hold-time: 0, local-preference: 0}, \
             10.0.1.2: {peer-as: 64501, hold-time: 3s, connect-retry: 1s, passive: true, bfd: true, next-hop-self: true}, \
             198.51.100.1: {peer-as: 7, multihop: true, local-address: 192.0.2.1}}}",
        ],
    ),
    (
        "link-state",
        &[
            "{interfaces: {eth1: {}}}",
            "{interfaces: {lo0: {}, irb97: {metric: 65535, hello-interval: 1ms, dead-interval: 2ms, bfd: true}, eth1: {passive: true}}, \
             spf-delay: 0, overload: true}",
        ],
    ),
    ("fpm", &["{}", "{listen: \"[::1]:7\", netns: r1-frr, stale-time: 30s}"]),
];

/// Routes, by what each can lead to.
const ROUTES: &[(&str, &[&str])] = &[
    (
        "0.0.0.0/0",
        &["{next-hop: 10.0.1.2}", "{next-hop: {address: 198.51.100.7, bfd: true}, preference: 255}"],
    ),
    ("\"::/0\"", &["{next-hop: 2001:db8:1::2}", "{next-hops: [{address: \"fe80::\", interface: eth1}]}"]),
    ("255.255.255.255/32", &["{discard: unreachable}", "{discard: prohibit, preference: 1}"]),
    (
        "10.9.0.0/16",
        &["{next-hops: [10.0.1.2, {address: 10.0.97.2, weight: 65535, bfd: true}]}", "{discard: blackhole}"],
    ),
];

/// Keys of an interface.
const INTERFACE: &[(&str, &[&str])] = &[
    ("ipv6", &["\"2001:db8:97::1/64\"", "[\"2001:db8:97::/127\"]"]),
    ("mtu", &["1280", "1400"]),
    ("mac-address", &["\"02:00:00:00:00:97\""]),
    ("enabled", &["true", "false"]),
];

/// Some of the keys, each with one of its values.
fn some(keys: &'static [(&str, &[&str])]) -> impl Strategy<Value = String> {
    let values: Vec<_> = keys
        .iter()
        .map(|(key, values)| {
            prop::option::of(prop::sample::select(*values).prop_map(move |value| format!("{key}: {value}")))
        })
        .collect();
    values.prop_map(|written| written.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

#[test]
fn each_setting_can_differ() {
    let plain = router("", "");
    let mut told = BTreeSet::new();
    let mut check = |place: String, changed: SwitchConfig| {
        let lines = diff(&plain, &changed);
        assert_eq!(lines.is_empty(), plain == changed, "{place}");
        for line in lines {
            assert!(line.path.starts_with(&place), "{place}: {line}");
            told.insert(place.clone());
        }
    };
    for (key, values) in ROUTING {
        for value in *values {
            check(format!("routing.{key}"), router("", &format!("{key}: {value}")));
        }
    }
    for (prefix, values) in ROUTES {
        for value in *values {
            let place = format!("routing.static-routes.{}", prefix.trim_matches('"'));
            check(place, router("", &format!("static-routes: {{{prefix}: {value}}}")));
        }
    }
    for (key, values) in INTERFACE {
        for value in *values {
            check(format!("interfaces.irb97.{key}"), router(&format!(", {key}: {value}"), ""));
        }
    }
    assert_eq!(told.len(), ROUTING.len() + ROUTES.len() + INTERFACE.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_router_is_written_as_it_was_read(
        interface in some(INTERFACE),
        routing in some(ROUTING),
        routes in some(ROUTES),
    ) {
        let comma = |keys: &str| if keys.is_empty() { String::new() } else { format!(", {keys}") };
        let config = router(&comma(&interface), &format!("static-routes: {{{routes}}}{}", comma(&routing)));
        prop_assert_eq!(read(&switch::emit(&config)), config.clone());
        prop_assert_eq!(patched(&config, "{}"), Ok(config));
    }
}
