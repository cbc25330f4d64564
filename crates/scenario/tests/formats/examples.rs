//! The files in `labs/`, and what they mean.

use greylag_base::{MacAddr, Mbps, PortId, PortName, VlanId, VlanSet};
use greylag_dataplane::FlowFields;
use greylag_lacp::{Interval, Preset};
use greylag_scenario::lab::{Lab, Medium, NodeKind};
use greylag_scenario::{Source, bond, lab, switch};
use greylag_switch::config::{
    Attachment, BackupLivenessConfig, BfdTimers, BondConfig, DampingAction, FlowHashConfig, GroupHashing,
    HealthGateConfig, IccpConfig, IdlePolicy, InterfacePlace, LacpConfig, LagConfig, LearningConfig,
    LearningMode, Membership, MoveDamping, MultiChassisConfig, NetnsRef, NextHopGroupsConfig,
    ProgrammingConfig, RoutingConfig, StaticTarget, StatusControl, StormControl, SupervisorConfig,
    SwitchConfig,
};
use greylag_switch::mclag;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../labs")
}

fn read_lab(name: &str) -> Lab {
    lab::parse(&Source::read(folder().join(name)).unwrap()).unwrap_or_else(|error| panic!("{error}"))
}

fn config<'l>(lab: &'l Lab, name: &str) -> &'l SwitchConfig {
    let node = lab.nodes.iter().find(|node| node.name == name).unwrap();
    let NodeKind::Greylag(config) = &node.kind else { panic!("{name} is a switch") };
    config
}

fn vlan(id: u16) -> VlanId {
    VlanId::new(id).unwrap()
}

fn mac(text: &str) -> MacAddr {
    text.parse().unwrap()
}

#[test]
fn all_of_them_are_right() {
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let Some(name) =
            path.file_name().and_then(|name| name.to_str()).filter(|name| name.ends_with(".yml"))
        else {
            continue;
        };
        let source = Source::read(&path).unwrap();
        let wrong = match name.ends_with(".clab.yml") {
            true => lab::parse(&source).err(),
            false if name == "bond.yml" => bond::parse(&source).err(),
            false => switch::parse(&source).err(),
        };
        assert!(wrong.is_none(), "{}", wrong.unwrap().render());
    }
}

#[test]
fn quickstart() {
    let lab = read_lab("quickstart.clab.yml");
    assert_eq!(lab.name, "quickstart");
    let names: Vec<&str> = lab.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["sw1", "h1", "h2", "h3", "h4"]);
    assert_eq!(lab.netns(1), "greylag-quickstart-h1");

    let sw1 = config(&lab, "sw1");
    assert_eq!(sw1.name, "sw1");
    let access: Vec<&Membership> = sw1.ports.iter().map(|port| &port.membership).collect();
    assert_eq!(access, [10, 10, 20, 20].map(|id| Membership::Access(vlan(id))).each_ref());
    assert!(sw1.ports.iter().all(|port| port.attachment == Attachment::Device && port.mtu == 1500));
    assert_eq!(sw1.vlans[&vlan(10)].name.as_deref(), Some("red"));

    assert_eq!(lab.links.len(), 4);
    for (index, link) in lab.links.iter().enumerate() {
        let host = &link.ends[1];
        assert_eq!((link.medium, link.mtu, link.ends[0].node, host.node), (Medium::Veth, 1500, 0, index + 1));
        assert_eq!(host.ipv4, Some((format!("10.0.0.{}", index + 1).parse().unwrap(), 24)));
        assert_eq!(host.ipv6, Some((format!("fd00:0:0:1::{}", index + 1).parse().unwrap(), 64)));
    }
}

/// But for its first lines, the example shows the defaults.
#[test]
fn a_bond() {
    let example = bond::parse(&Source::read(folder().join("bond.yml")).unwrap()).unwrap();
    let members: Vec<PortName> = ["eth1", "eth2"].map(|name| PortName::new(name).unwrap()).into();
    let mut expected = BondConfig::new(PortName::new("bond0").unwrap(), members);
    expected.mac_address = Some(mac("02:00:00:00:00:b0"));
    expected.lag.system_id_mac = expected.mac_address;
    (expected.lag.system_priority, expected.lag.admin_key) = (Some(32_768), Some(2));
    expected.lag.max_links = Some(2);
    assert_eq!(example, expected);
    let written = Source::new("written.yml", bond::emit(&example));
    assert_eq!(bond::parse(&written).unwrap(), example, "and so it is read again");
    // What is committed on it is kept as a switch has it.
    let switch = example.switch(mac("02:00:00:00:00:01"));
    let written = Source::new("written.yml", switch::emit(&switch));
    assert_eq!(switch::parse(&written).unwrap(), switch);
}

#[test]
fn a_host_with_a_bond() {
    let lab = read_lab("bond.clab.yml");
    let host = lab.nodes[1].bond.as_deref().unwrap();
    assert_eq!((host.config.name.as_str(), host.config.interface.as_str()), ("h1", "bond0"));
    assert_eq!((host.config.mtu, host.config.members.len()), (1500, 2));
    assert_eq!(host.ipv4, Some(([10, 0, 0, 1].into(), 24)));
    assert!(lab.nodes[0].bond.is_none() && lab.nodes[2].bond.is_none());
}

#[test]
fn trunk() {
    let lab = read_lab("trunk.clab.yml");
    let (sw1, sw2) = (config(&lab, "sw1"), config(&lab, "sw2"));
    assert_eq!(sw1.vlans, sw2.vlans, "by a YAML anchor");
    let vlans: VlanSet = std::iter::once(10).chain(20..=29).map(vlan).collect();
    let (_, uplink) = sw1.port("eth9").unwrap();
    assert_eq!((&uplink.membership, uplink.mtu), (&Membership::Trunk { vlans, native: None }, 9000));
    assert_eq!(lab.nodes[4].exec.len(), 1);

    let tap = lab.links.iter().find(|link| link.medium == Medium::Tap).unwrap();
    assert_eq!(tap.ends[1].interface.as_str(), "eth1");
    assert_eq!(
        sw2.port("eth2").unwrap().1.attachment,
        Attachment::Tap {
            netns: Some(NetnsRef::Name("greylag-trunk-h4".into())),
            interface: Some(PortName::new("eth1").unwrap()),
            mac_address: Some(mac("02:00:00:00:00:04")),
        }
    );
}

#[test]
fn bundle() {
    let lab = read_lab("bundle.clab.yml");
    for name in ["sw1", "sw2"] {
        let switch = config(&lab, name);
        let ports: Vec<&str> = switch.ports.iter().map(|port| port.name.as_str()).collect();
        assert_eq!(ports, ["eth2", "eth3", "ae0", "eth1"]);
        let members: Vec<PortId> = switch.members(PortId(2)).map(|(port, _)| port).collect();
        assert_eq!(members, [PortId(0), PortId(1)]);
        let (_, ae0) = switch.port("ae0").unwrap();
        assert_eq!((ae0.mtu, &ae0.membership), (1500, &Membership::Access(vlan(1))));
        let lag = LagConfig { interval: Interval::Fast, ..LagConfig::default() };
        assert_eq!(ae0.attachment, Attachment::Lag(Box::new(lag)));
    }
}

#[test]
fn routed() {
    let lab = read_lab("routed.clab.yml");
    for (name, far, gateways) in
        [("r1", "20", ["10.0.1.1", "10.0.2.1"]), ("r2", "10", ["10.0.1.0", "10.0.2.0"])]
    {
        let router = config(&lab, name);
        let places: Vec<InterfacePlace> = router.interfaces.iter().map(|interface| interface.place).collect();
        let [
            InterfacePlace::Vlan(_),
            InterfacePlace::Port(_),
            InterfacePlace::Port(_),
            InterfacePlace::Loopback,
        ] = places[..]
        else {
            panic!("{places:?}")
        };
        let route = &router.routing.static_routes[0];
        assert_eq!(route.prefix.to_string(), format!("10.0.{far}.0/24"));
        let StaticTarget::NextHops(hops) = &route.to else { panic!("it has next hops") };
        let addresses: Vec<String> = hops.iter().map(|hop| hop.address.to_string()).collect();
        assert_eq!(addresses, gateways);
        assert_eq!(router.routing.static_routes.len(), 4);
    }
}

#[test]
fn every_key_of_a_switch() {
    let config = switch::parse(&Source::read(folder().join("switch.yml")).unwrap()).unwrap();
    assert_eq!((config.name.as_str(), config.group_fwd_mask), ("sw1", 0x4004));
    assert_eq!((config.workers.count, config.workers.cpus.as_slice()), (2, [0, 1].as_slice()));
    assert_eq!(config.workers.idle, IdlePolicy::Adaptive);
    assert_eq!(
        (config.mac_table.maximum_entries, config.mac_table.ageing_time),
        (65_536, Duration::from_secs(300))
    );
    assert_eq!(
        config.mac_table.move_damping,
        Some(MoveDamping {
            threshold: 5,
            interval: Duration::from_secs(10),
            hold: Duration::from_secs(60),
            action: DampingAction::Drop,
        })
    );
    assert_eq!(config.mac_table.sweep_interval, Some(Duration::from_secs(10)));
    // What is shown is the default, but for these two.
    assert_eq!(
        config.learning,
        LearningConfig {
            mode: LearningMode::Agent,
            audit_interval: Some(Duration::from_secs(60)),
            ..LearningConfig::default()
        }
    );
    assert_eq!(config.supervisor, SupervisorConfig::default());
    assert_eq!(config.vlans.len(), 3);
    assert_eq!(config.vlans[&vlan(10)].maximum_entries, Some(1000));

    let [eth1, eth2, eth3, ..] = config.ports.as_slice() else { panic!("three ports") };
    assert_eq!(eth1.membership, Membership::Access(vlan(10)));
    let vlans: VlanSet = [1, 10].into_iter().chain(20..=29).map(vlan).collect();
    assert_eq!(eth2.membership, Membership::Trunk { vlans, native: Some(vlan(1)) });
    assert_eq!((eth2.mtu, eth2.enabled), (9216, false));
    assert_eq!((eth2.isolation_group, eth2.maximum_entries), (Some(1), Some(100)));
    let limit = Some(1000);
    assert_eq!(
        eth2.storm_control,
        StormControl { broadcast: limit, multicast: limit, unknown_unicast: limit }
    );
    assert_eq!(
        eth3.attachment,
        Attachment::Tap {
            netns: Some(NetnsRef::Name("h1".into())),
            interface: Some(PortName::new("eth0").unwrap()),
            mac_address: Some(mac("02:00:00:00:00:03")),
        }
    );
    assert_eq!(config.static_macs[0].port, PortId(0));
}

/// What is shown is the default, but for what has none.
#[test]
fn every_key_of_a_router() {
    let config = switch::parse(&Source::read(folder().join("switch.yml")).unwrap()).unwrap();
    let names: Vec<&str> = config.interfaces.iter().map(|interface| interface.name.as_str()).collect();
    assert_eq!(names, ["eth6", "irb10", "lo0"]);
    assert_eq!((config.interfaces[0].addresses.len(), config.interfaces[0].mtu), (3, 1500));
    let shown = config.routing;
    let default = RoutingConfig::default();
    assert_eq!(
        RoutingConfig {
            router_id: None,
            next_hop_groups: NextHopGroupsConfig { hashing: GroupHashing::Modulo, ..shown.next_hop_groups },
            static_routes: Vec::new(),
            static_neighbors: Vec::new(),
            programming: ProgrammingConfig { rate: None, audit_interval: None, ..shown.programming },
            bfd_sessions: Vec::new(),
            bgp: None,
            link_state: None,
            fpm: None,
            ..shown
        },
        default
    );
    assert_eq!((shown.static_routes.len(), shown.static_neighbors.len()), (3, 1));
}

#[test]
fn every_key_of_a_bundle() {
    let config = switch::parse(&Source::read(folder().join("switch.yml")).unwrap()).unwrap();
    assert_eq!(
        config.lacp,
        LacpConfig {
            system_id_mac: Some(mac("02:00:00:00:00:01")),
            system_priority: Some(100),
            port_number_offset: 0,
        }
    );
    let fields = FlowFields::LAYER3_4.with(FlowFields::FLOW_LABEL);
    assert_eq!(config.flow_hash, FlowHashConfig { fields, symmetric: false, seed: Some(7) });

    let (lag, ae0) = config.port("ae0").unwrap();
    let members: Vec<(PortId, Option<u16>)> =
        config.members(lag).map(|(port, member)| (port, member.port_priority)).collect();
    assert_eq!(members, [(PortId(3), Some(100)), (PortId(4), None)]);
    assert_eq!(config.ports[3].speed, Mbps(10_000));
    assert!([&config.ports[3], &config.ports[4], ae0].iter().all(|port| port.mtu == 9000));
    let vlans: VlanSet = [10].into_iter().chain(20..=29).map(vlan).collect();
    assert_eq!(ae0.membership, Membership::Trunk { vlans, native: None });
    // What is shown of its behaviour is the preset's.
    let expected = LagConfig {
        interval: Interval::Fast,
        system_id_mac: Some(mac("02:00:00:00:00:aa")),
        system_priority: Some(100),
        admin_key: Some(7),
        max_links: Some(2),
        fallback: Some(Duration::from_secs(30)),
        ..LagConfig::of(&Preset::STANDARD)
    };
    assert_eq!(ae0.attachment, Attachment::Lag(Box::new(expected)));
}

/// What is shown is the default, but for what has none.
#[test]
fn every_key_of_a_pair() {
    let config = switch::parse(&Source::read(folder().join("switch.yml")).unwrap()).unwrap();
    let (link, _) = config.port("ae0").unwrap();
    let address = |text: &str| text.parse().unwrap();
    let second = Duration::from_secs(1);
    let iccp = IccpConfig {
        session_establishment_hold_time: 340 * second,
        liveness_detection: Some(BfdTimers {
            desired_minimum_tx_interval: second,
            required_minimum_receive: second,
            detection_multiplier: 3,
        }),
        ..IccpConfig::between(address("10.0.10.1"), address("10.0.10.2"))
    };
    let expected = MultiChassisConfig {
        backup_liveness: Some(BackupLivenessConfig::of(address("172.20.20.12"))),
        health_gate: Some(HealthGateConfig { hold_down: 60 * second, probe_interval: Some(10 * second) }),
        ..MultiChassisConfig::of(&mclag::Preset::JUNOS, 0, StatusControl::Active, link, iccp)
    };
    assert_eq!(config.multi_chassis, Some(expected));
    assert_eq!(config.management_address, Some(address("172.20.20.11")));
    assert_eq!(config.metrics_listen, Some("127.0.0.1:9461".parse().unwrap()));
    assert!(config.vlans[&vlan(20)].mcae_mac_synchronize && !config.vlans[&vlan(10)].mcae_mac_synchronize);
    let (ae10, _) = config.port("ae10").unwrap();
    let ids: Vec<_> = config.lags().filter_map(|(lag, settings)| Some((lag, settings.mc_ae_id?))).collect();
    assert_eq!(ids, [(ae10, 10)]);
}

#[test]
fn what_is_left_out_has_its_default() {
    let text = "name: sw1\nvlans:\n  20:\nmac-table:\nports:\n  eth1:\n  eth2: {type: tap, netns: 4711}\n";
    let config = switch::parse(&Source::new("sw1.yml", text)).unwrap();
    assert_eq!(config.ports[0], greylag_switch::config::PortConfig::new(PortName::new("eth1").unwrap()));
    let Attachment::Tap { netns, interface, .. } = &config.ports[1].attachment else {
        panic!("eth2 is a TAP")
    };
    assert_eq!((netns, interface), (&Some(NetnsRef::Pid(4711)), &None));
    assert!(config.vlans.contains_key(&vlan(20)));
    assert_eq!(config.mac_table, Default::default());
}

#[test]
fn times() {
    for (text, expected) in [("0", 0), ("500ms", 500), ("10s", 10_000), ("5m", 300_000), ("1h", 3_600_000)] {
        let text = format!("name: sw1\nports: {{eth1: {{}}}}\nmac-table: {{ageing-time: {text}}}\n");
        let config = switch::parse(&Source::new("sw1.yml", text)).unwrap();
        assert_eq!(config.mac_table.ageing_time, Duration::from_millis(expected));
    }
}

#[test]
fn a_lab_gives_a_switch_the_ports_that_only_its_links_name() {
    let text = "name: x
topology:
  nodes:
    sw1: {kind: greylag}
    sw2:
      kind: greylag
      config:
        ports: {eth5: {access-vlan: 10}}
        static-macs: [{vlan: 1, mac-address: \"02:00:00:00:00:01\", interface: eth1}]
  links:
    - {endpoints: [\"sw1:eth1\", \"sw2:eth1\"], mtu: 9000}
    - endpoints: [\"sw1:eth2\", \"sw2:eth5\"]
    - endpoints: [\"sw1:eth3\", \"sw1:eth4\"]
";
    let lab = lab::parse(&Source::new("x.clab.yml", text)).unwrap_or_else(|error| panic!("{error}"));
    let ports = |name| -> Vec<(&str, u16)> {
        config(&lab, name).ports.iter().map(|port| (port.name.as_str(), port.mtu)).collect()
    };
    assert_eq!(ports("sw1"), [("eth1", 9000), ("eth2", 1500), ("eth3", 1500), ("eth4", 1500)]);
    // Those of the configuration first: its order is that of the port ids.
    assert_eq!(ports("sw2"), [("eth5", 1500), ("eth1", 9000)]);
    assert_eq!(config(&lab, "sw2").static_macs[0].port, PortId(1));
}
