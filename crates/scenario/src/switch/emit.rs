//! Writes a switch's configuration in the form of SWITCH.yml: the way back from `parse`. It is written
//! as JSON, which is YAML too, and needs no rules of quoting of our own.

mod interfaces;
mod lag;
mod mclag;
mod routing;

use super::learning::Owned;
use crate::impairment;
use greylag_base::{Impairment, MacAddr, PortName, VlanId, VlanSet};
use greylag_dataplane::FlowFields;
use greylag_mactable::ChipHash;
use greylag_switch::config::{
    Attachment, DampingAction, FloodGroups, FlowHashConfig, IdlePolicy, Io, LearningConfig, LearningMode,
    MemberConfig, Membership, NetnsRef, PortConfig, PortFlush, ReportOrder, StormControl, SwitchConfig,
    VlanConfig,
};
use interfaces::Interface;
use mclag::MultiChassis;
use routing::Routing;
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

pub(crate) use lag::Lag;

/// The configuration as the text of a SWITCH.yml.
pub fn emit(config: &SwitchConfig) -> String {
    text(&File::of(config))
}

/// Plain values as the text of a file.
pub(crate) fn text(file: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(file).expect("plain values can be written as JSON");
    text.push('\n');
    text
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct File<'a> {
    name: &'a str,
    workers: Workers<'a>,
    mac_table: MacTable,
    learning: Learning,
    supervisor: Supervisor,
    lacp: Lacp,
    flow_hash: FlowHash,
    group_fwd_mask: u16,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    vlans: BTreeMap<u16, Vlan<'a>>,
    /// In the order of the configuration, which numbers the ports: a list of pairs, written as an object.
    #[serde(serialize_with = "in_order")]
    ports: Vec<(&'a PortName, Port<'a>)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    static_macs: Vec<StaticMac<'a>>,
    /// In the order of the configuration, as the ports.
    #[serde(serialize_with = "in_order", skip_serializing_if = "Vec::is_empty")]
    interfaces: Vec<(&'a PortName, Interface)>,
    /// A switch without interfaces has none of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    routing: Option<Routing<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_chassis: Option<MultiChassis<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    management_address: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics_listen: Option<SocketAddr>,
}

fn in_order<S: serde::Serializer, K: Serialize, V: Serialize>(
    pairs: &[(K, V)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(key, value)| (key, value)))
}

#[derive(Serialize)]
struct Workers<'a> {
    count: u16,
    #[serde(skip_serializing_if = "<[u16]>::is_empty")]
    cpus: &'a [u16],
    idle: IdlePolicy,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct MacTable {
    maximum_entries: u32,
    ageing_time: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    sweep_interval: Option<Time>,
    when_full: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    geometry: Option<Chip>,
    #[serde(skip_serializing_if = "Option::is_none")]
    move_damping: Option<MoveDamping>,
}

#[derive(Serialize)]
struct Chip {
    buckets: u32,
    depth: u8,
    hash: &'static str,
}

#[derive(Serialize)]
struct MoveDamping {
    threshold: u16,
    interval: Time,
    hold: Time,
    action: DampingAction,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Learning {
    mode: LearningMode,
    agent_owns: Owned,
    renew_interval: Time,
    flood: FloodGroups,
    flush: PortFlush,
    queue_length: u32,
    poll_interval: Time,
    report_interval: Time,
    report_order: ReportOrder,
    audit_interval: Time,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Supervisor {
    restart: bool,
    restart_delay: Time,
    start_limit_burst: u32,
    start_limit_interval: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    watchdog: Option<Time>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Lacp {
    #[serde(skip_serializing_if = "Option::is_none")]
    system_id_mac: Option<MacAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_priority: Option<u16>,
    port_number_offset: u16,
}

#[derive(Serialize)]
pub(crate) struct FlowHash {
    fields: FlowFields,
    symmetric: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
}

/// Seconds as a number, anything finer as milliseconds, the finest that the file knows.
#[derive(Serialize)]
#[serde(untagged)]
enum Time {
    Seconds(u64),
    Finer(String),
    /// The word for none.
    None(&'static str),
}

impl From<Duration> for Time {
    fn from(time: Duration) -> Self {
        match time.subsec_nanos() {
            0 => Time::Seconds(time.as_secs()),
            _ => Time::Finer(format!("{}ms", time.as_millis())),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Vlan<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_entries: Option<u32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    mcae_mac_synchronize: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Port<'a> {
    #[serde(flatten)]
    attachment: Option<Attached<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    io: Option<Io>,
    enabled: bool,
    #[serde(flatten)]
    membership: Carried<'a>,
    /// That of a member is its bundle's.
    #[serde(skip_serializing_if = "Option::is_none")]
    mtu: Option<u16>,
    /// A bundle has that of its members.
    #[serde(skip_serializing_if = "Option::is_none")]
    port_speed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_entries: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    isolation_group: Option<u16>,
    #[serde(skip_serializing_if = "is_unlimited")]
    storm_control: Storm,
    #[serde(skip_serializing_if = "Option::is_none")]
    impair: Option<impairment::Words>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Attached<'a> {
    Tap(Tap<'a>),
    Lag(Bundle<'a>),
}

#[derive(Serialize)]
struct Bundle<'a> {
    r#type: &'static str,
    #[serde(flatten)]
    keys: Lag<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Carried<'a> {
    Vlans(SwitchedVlan),
    ByBundle(Member<'a>),
    #[serde(rename_all = "kebab-case")]
    Routed {
        interface_mode: &'static str,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Member<'a> {
    aggregate_id: &'a PortName,
    #[serde(skip_serializing_if = "Option::is_none")]
    lacp_port_priority: Option<u16>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Tap<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    netns: Option<Netns<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interface: Option<&'a PortName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mac_address: Option<MacAddr>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Netns<'a> {
    Name(&'a str),
    Pid(u32),
}

#[derive(Serialize)]
#[serde(tag = "interface-mode", rename_all = "UPPERCASE", rename_all_fields = "kebab-case")]
enum SwitchedVlan {
    Access {
        access_vlan: u16,
    },
    Trunk {
        trunk_vlans: Vec<VlanRange>,
        #[serde(skip_serializing_if = "Option::is_none")]
        native_vlan: Option<u16>,
    },
}

#[derive(Serialize)]
#[serde(untagged)]
enum VlanRange {
    One(u16),
    Range(String),
}

/// OpenConfig writes a range of VLANs as `20..29`.
fn ranges(vlans: &VlanSet) -> Vec<VlanRange> {
    let mut ranges = Vec::new();
    let mut rest = vlans.iter().map(VlanId::get).peekable();
    while let Some(first) = rest.next() {
        let mut last = first;
        while rest.next_if_eq(&(last + 1)).is_some() {
            last += 1;
        }
        ranges.push(match first == last {
            true => VlanRange::One(first),
            false => VlanRange::Range(format!("{first}..{last}")),
        });
    }
    ranges
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Storm {
    #[serde(skip_serializing_if = "Option::is_none")]
    broadcast: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multicast: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown_unicast: Option<u32>,
}

fn is_unlimited(storm: &Storm) -> bool {
    storm.broadcast.is_none() && storm.multicast.is_none() && storm.unknown_unicast.is_none()
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct StaticMac<'a> {
    vlan: u16,
    mac_address: MacAddr,
    interface: &'a PortName,
}

impl<'a> File<'a> {
    fn of(config: &'a SwitchConfig) -> Self {
        let table = &config.mac_table;
        let vlans = config.vlans.iter().map(|(id, vlan)| {
            let VlanConfig { name, maximum_entries, mcae_mac_synchronize } = vlan;
            let (name, maximum_entries) = (name.as_deref(), *maximum_entries);
            (id.get(), Vlan { name, maximum_entries, mcae_mac_synchronize: *mcae_mac_synchronize })
        });
        let static_macs = config.static_macs.iter().map(|entry| StaticMac {
            vlan: entry.vlan.get(),
            mac_address: entry.mac_address,
            interface: &config.ports[entry.port.index()].name,
        });
        File {
            name: &config.name,
            workers: Workers {
                count: config.workers.count,
                cpus: &config.workers.cpus,
                idle: config.workers.idle,
            },
            mac_table: MacTable {
                maximum_entries: table.maximum_entries,
                ageing_time: table.ageing_time.into(),
                sweep_interval: table.sweep_interval.map(Time::from),
                when_full: table.when_full.name(),
                geometry: table.geometry.as_ref().map(|chip| Chip {
                    buckets: chip.buckets,
                    depth: chip.depth,
                    hash: match chip.hash {
                        ChipHash::Keyed => "keyed",
                        ChipHash::Crc32 => "crc32",
                    },
                }),
                move_damping: table.move_damping.map(|damping| MoveDamping {
                    threshold: damping.threshold,
                    interval: damping.interval.into(),
                    hold: damping.hold.into(),
                    action: damping.action,
                }),
            },
            learning: Learning::of(&config.learning),
            supervisor: Supervisor {
                restart: config.supervisor.restart,
                restart_delay: config.supervisor.restart_delay.into(),
                start_limit_burst: config.supervisor.start_limit_burst,
                start_limit_interval: config.supervisor.start_limit_interval.into(),
                watchdog: config.supervisor.watchdog.map(Time::from),
            },
            lacp: Lacp {
                system_id_mac: config.lacp.system_id_mac,
                system_priority: config.lacp.system_priority,
                port_number_offset: config.lacp.port_number_offset,
            },
            flow_hash: FlowHash::of(&config.flow_hash),
            group_fwd_mask: config.group_fwd_mask,
            vlans: vlans.collect(),
            ports: config.ports.iter().map(|port| (&port.name, Port::of(port, config))).collect(),
            static_macs: static_macs.collect(),
            interfaces: config.interfaces.iter().map(|it| (&it.name, Interface::of(it, config))).collect(),
            routing: (!config.interfaces.is_empty()).then(|| Routing::of(&config.routing)),
            multi_chassis: config.multi_chassis.as_ref().map(|pair| MultiChassis::of(pair, config)),
            management_address: config.management_address,
            metrics_listen: config.metrics_listen,
        }
    }
}

impl Learning {
    fn of(learning: &LearningConfig) -> Self {
        Learning {
            mode: learning.mode,
            agent_owns: Owned::of(learning.agent_owns),
            renew_interval: learning.renew_interval.into(),
            flood: learning.flood,
            flush: learning.flush,
            queue_length: learning.queue_length,
            poll_interval: learning.poll_interval.into(),
            report_interval: learning.report_interval.map_or(Time::None("once"), Time::from),
            report_order: learning.report_order,
            audit_interval: learning.audit_interval.map_or(Time::None("never"), Time::from),
        }
    }
}

impl<'a> Port<'a> {
    fn of(port: &'a PortConfig, switch: &'a SwitchConfig) -> Self {
        let StormControl { broadcast, multicast, unknown_unicast } = port.storm_control;
        let is_member = port.membership.aggregate().is_some();
        let is_lag = matches!(port.attachment, Attachment::Lag(_));
        Port {
            attachment: Attached::of(&port.attachment),
            io: (port.io != Io::Auto).then_some(port.io),
            enabled: port.enabled,
            membership: match &port.membership {
                Membership::Aggregate(MemberConfig { lag, port_priority }) => Carried::ByBundle(Member {
                    aggregate_id: &switch.ports[lag.index()].name,
                    lacp_port_priority: *port_priority,
                }),
                Membership::Access(vlan) => Carried::Vlans(SwitchedVlan::Access { access_vlan: vlan.get() }),
                Membership::Routed => Carried::Routed { interface_mode: "ROUTED" },
                Membership::Trunk { vlans, native } => Carried::Vlans(SwitchedVlan::Trunk {
                    trunk_vlans: ranges(vlans),
                    native_vlan: native.map(VlanId::get),
                }),
            },
            mtu: (!is_member).then_some(port.mtu),
            port_speed: (!is_lag).then(|| port.speed.to_string()),
            maximum_entries: port.maximum_entries,
            isolation_group: port.isolation_group,
            storm_control: Storm { broadcast, multicast, unknown_unicast },
            impair: (port.impairment != Impairment::default())
                .then(|| impairment::Words::of(&port.impairment)),
        }
    }
}

impl FlowHash {
    pub(crate) fn of(&FlowHashConfig { fields, symmetric, seed }: &FlowHashConfig) -> Self {
        FlowHash { fields, symmetric, seed }
    }
}

impl<'a> Attached<'a> {
    fn of(attachment: &'a Attachment) -> Option<Self> {
        match attachment {
            Attachment::Device => None,
            Attachment::Tap { netns, interface, mac_address } => Some(Attached::Tap(Tap {
                r#type: "tap",
                netns: netns.as_ref().map(|netns| match netns {
                    NetnsRef::Name(name) => Netns::Name(name),
                    NetnsRef::Pid(pid) => Netns::Pid(*pid),
                }),
                interface: interface.as_ref(),
                mac_address: *mac_address,
            })),
            Attachment::Lag(lag) => Some(Attached::Lag(Bundle { r#type: "lag", keys: Lag::of(lag) })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use greylag_base::PortId;
    use greylag_mactable::{Geometry, WhenFull};
    use greylag_switch::config::{AgentOwns, MacTableConfig, SupervisorConfig, WorkersConfig};
    use serde_json::json;

    #[test]
    fn every_key_in_the_words_of_the_file() {
        let name = |text: &str| PortName::new(text).unwrap();
        let vlan = |id| VlanId::new(id).unwrap();
        let mac = MacAddr([2, 0, 0, 0, 0, 1]);
        let config = SwitchConfig {
            interfaces: Vec::new(),
            routing: greylag_switch::config::RoutingConfig::default(),
            multi_chassis: None,
            management_address: Some(std::net::Ipv4Addr::new(172, 20, 20, 11).into()),
            metrics_listen: Some("127.0.0.1:9461".parse().unwrap()),
            name: "lab-sw1".into(),
            workers: WorkersConfig { count: 2, cpus: vec![0, 1], idle: IdlePolicy::Spin },
            mac_table: MacTableConfig {
                ageing_time: Duration::from_millis(500),
                sweep_interval: Some(Duration::from_millis(250)),
                when_full: WhenFull::EvictOldest,
                geometry: Some(Geometry { buckets: 2048, depth: 4, hash: ChipHash::Crc32 }),
                move_damping: Some(greylag_switch::config::MoveDamping {
                    threshold: 5,
                    interval: Duration::from_secs(10),
                    hold: Duration::from_millis(1500),
                    action: DampingAction::Forward,
                }),
                ..MacTableConfig::default()
            },
            learning: LearningConfig {
                mode: LearningMode::Agent,
                agent_owns: AgentOwns { learn: true, lease: false, flood: true, adjacency: false },
                renew_interval: Duration::from_millis(100),
                flood: FloodGroups::Leased,
                flush: PortFlush::Agent,
                queue_length: 7,
                poll_interval: Duration::from_millis(20),
                report_interval: None,
                report_order: ReportOrder::Stamped,
                audit_interval: None,
            },
            supervisor: SupervisorConfig {
                restart: false,
                restart_delay: Duration::from_secs(5),
                start_limit_burst: 4,
                start_limit_interval: Duration::from_secs(180),
                watchdog: Some(Duration::from_secs(10)),
            },
            lacp: Default::default(),
            flow_hash: Default::default(),
            group_fwd_mask: 4,
            vlans: [(
                vlan(10),
                VlanConfig { name: Some("red".into()), maximum_entries: Some(7), mcae_mac_synchronize: true },
            )]
            .into(),
            ports: vec![
                PortConfig {
                    attachment: Attachment::Tap {
                        netns: Some(NetnsRef::Name("greylag-lab-h1".into())),
                        interface: Some(name("eth0")),
                        mac_address: Some(mac),
                    },
                    membership: Membership::Access(vlan(10)),
                    storm_control: StormControl { broadcast: Some(100), ..StormControl::default() },
                    ..PortConfig::new(name("z1"))
                },
                PortConfig {
                    membership: Membership::Trunk {
                        vlans: [10, 20, 21, 22].into_iter().map(vlan).collect(),
                        native: Some(vlan(10)),
                    },
                    io: Io::AfXdp,
                    ..PortConfig::new(name("a1"))
                },
            ],
            static_macs: vec![greylag_switch::config::StaticMac {
                vlan: vlan(10),
                mac_address: mac,
                port: PortId(1),
            }],
        };
        let text = emit(&config);
        assert!(text.find("\"z1\"") < text.find("\"a1\""), "the order of the ports numbers them");
        let expected = json!({
            "name": "lab-sw1",
            "management-address": "172.20.20.11",
            "metrics-listen": "127.0.0.1:9461",
            "workers": {"count": 2, "cpus": [0, 1], "idle": "spin"},
            "mac-table": {
                "maximum-entries": 65536,
                "ageing-time": "500ms",
                "sweep-interval": "250ms",
                "when-full": "evict-oldest",
                "geometry": {"buckets": 2048, "depth": 4, "hash": "crc32"},
                "move-damping": {"threshold": 5, "interval": 10, "hold": "1500ms", "action": "forward"},
            },
            "learning": {
                "mode": "agent", "agent-owns": ["learn", "flood"], "renew-interval": "100ms", "flood": "leased", "flush": "agent",
                "queue-length": 7, "poll-interval": "20ms", "report-interval": "once",
                "report-order": "stamped", "audit-interval": "never",
            },
            "supervisor": {
                "restart": false, "restart-delay": 5, "start-limit-burst": 4, "start-limit-interval": 180, "watchdog": 10,
            },
            "lacp": {"port-number-offset": 0},
            "flow-hash": {"fields": "layer3+4", "symmetric": false},
            "group-fwd-mask": 4,
            "vlans": {"10": {"name": "red", "maximum-entries": 7, "mcae-mac-synchronize": true}},
            "ports": {
                "z1": {
                    "type": "tap", "netns": "greylag-lab-h1", "interface": "eth0",
                    "mac-address": "02:00:00:00:00:01", "enabled": true,
                    "interface-mode": "ACCESS", "access-vlan": 10, "mtu": 1500, "port-speed": "10G",
                    "storm-control": {"broadcast": 100},
                },
                "a1": {
                    "io": "af-xdp", "enabled": true, "interface-mode": "TRUNK", "trunk-vlans": [10, "20..22"],
                    "native-vlan": 10, "mtu": 1500, "port-speed": "10G",
                },
            },
            "static-macs": [{"vlan": 10, "mac-address": "02:00:00:00:00:01", "interface": "a1"}],
        });
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), expected);
        let read = crate::switch::parse(&crate::Source::new("sw1.yml", text));
        assert_eq!(read.unwrap(), config, "`greylag run` reads what was written");
    }
}
