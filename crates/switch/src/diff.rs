//! What a candidate configuration would change, setting by setting, in the words of SWITCH.yml.

mod lag;
mod mclag;
mod routing;

use crate::config::{
    Attachment, DampingAction, FloodGroups, IdlePolicy, Io, LearningMode, Membership, NetnsRef, PortConfig,
    PortFlush, ReportOrder, SwitchConfig, VlanConfig,
};
use greylag_base::Impairment;
use greylag_mactable::ChipHash;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// A setting that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffLine {
    /// Its place, such as `ports.eth1.mtu`.
    pub path: String,
    /// What it is; absent when it is not set.
    pub old: Option<String>,
    /// What it would be; absent when it would not be set.
    pub new: Option<String>,
}

impl fmt::Display for DiffLine {
    /// `path: old -> new`, with `+` and `-` in front of what comes and goes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.old, &self.new) {
            (None, Some(new)) => write!(f, "+ {}: {new}", self.path),
            (Some(old), None) => write!(f, "- {}: {old}", self.path),
            (old, new) => {
                let text = |value: &Option<String>| value.clone().unwrap_or_default();
                write!(f, "  {}: {} -> {}", self.path, text(old), text(new))
            }
        }
    }
}

/// The mode of a port that is none of the bridge's.
const ROUTED: &str = "ROUTED";

/// Settings that are fixed while a switch runs; `*` stands for a name.
const FIXED: &[&str] = &[
    "name",
    "management-address",
    "metrics-listen",
    "workers.count",
    "workers.cpus",
    "workers.idle",
    "mac-table.maximum-entries",
    "mac-table.when-full",
    "mac-table.geometry",
    "mac-table.sweep-interval",
    "learning.queue-length",
    "ports.*.type",
    "ports.*.io",
    "ports.*.netns",
    "ports.*.interface",
    "ports.*.mac-address",
    "interfaces",
    "routing.fpm.listen",
    "routing.fpm.netns",
    "routing.maximum-routes.ipv4",
    "routing.maximum-routes.ipv6",
    "routing.next-hop-groups.buckets",
    "routing.next-hop-groups.maximum",
];

/// Settings that are fixed as long as a switch is one of a pair.
const FIXED_IN_A_PAIR: &[&str] = &["multi-chassis.chassis-id", "multi-chassis.inter-chassis-link"];

impl DiffLine {
    /// The setting cannot change while a switch runs.
    pub fn is_fixed(&self) -> bool {
        if self.old.is_some() && self.new.is_some() && FIXED_IN_A_PAIR.contains(&self.path.as_str()) {
            return true;
        }
        FIXED.iter().any(|fixed| match fixed.split_once('*') {
            // A port's name may have dots.
            Some((before, after)) => self.path.starts_with(before) && self.path.ends_with(after),
            None => self.path == *fixed,
        })
    }
}

/// What differs between two configurations, in the order of the paths.
pub fn diff(old: &SwitchConfig, new: &SwitchConfig) -> Vec<DiffLine> {
    if old == new {
        return Vec::new();
    }
    let (mut old, new) = (settings(old), settings(new));
    let mut lines: Vec<DiffLine> = Vec::new();
    for (path, value) in new {
        let before = old.remove(&path);
        if before.as_ref() != Some(&value) {
            lines.push(DiffLine { path, old: before, new: Some(value) });
        }
    }
    lines.extend(old.into_iter().map(|(path, value)| DiffLine { path, old: Some(value), new: None }));
    lines.sort_by(|a, b| a.path.cmp(&b.path));
    lines
}

/// Settings by their path. What is not set, or set to nothing, is not there.
#[derive(Default)]
struct Settings {
    settings: BTreeMap<String, String>,
    below: String,
}

impl Settings {
    fn set(&mut self, name: &str, value: impl fmt::Display) {
        self.settings.insert(format!("{}{name}", self.below), value.to_string());
    }

    fn set_if(&mut self, name: &str, value: Option<impl fmt::Display>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    /// What follows is below this path.
    fn below(&mut self, path: impl fmt::Display) {
        self.below = format!("{path}.");
    }
}

/// A time as the file has it.
fn span(time: Duration) -> String {
    match time.subsec_millis() {
        0 => format!("{}s", time.as_secs()),
        _ => format!("{}ms", time.as_millis()),
    }
}

/// A word is called as it is in JSON.
fn word(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).expect("a word can be written as JSON");
    value.as_str().unwrap_or_default().to_owned()
}

fn settings(config: &SwitchConfig) -> BTreeMap<String, String> {
    let mut to = Settings::default();
    to.set("name", &config.name);
    to.set_if("management-address", config.management_address);
    to.set_if("metrics-listen", config.metrics_listen);
    to.set("group-fwd-mask", format_args!("0x{:x}", config.group_fwd_mask));
    workers(config, &mut to);
    mac_table(config, &mut to);
    learning(config, &mut to);
    supervisor(config, &mut to);
    lag::lacp(&config.lacp, &mut to);
    lag::flow_hash(config.flow_hash, &mut to);
    for (vlan, settings) in &config.vlans {
        to.below(format_args!("vlans.{vlan}"));
        to.set_if("name", settings.name.as_ref());
        to.set_if("maximum-entries", settings.maximum_entries);
        if settings.mcae_mac_synchronize {
            to.set("mcae-mac-synchronize", true);
        }
        if *settings == VlanConfig::default() {
            to.below("vlans");
            to.set(&vlan.to_string(), "{}");
        }
    }
    ports(config, &mut to);
    for entry in &config.static_macs {
        to.below(format_args!("static-macs.{}", entry.vlan));
        let port = config.ports.get(entry.port.index());
        let port = port.map_or_else(|| format!("port number {}", entry.port), |port| port.name.to_string());
        to.set(&entry.mac_address.to_string(), port);
    }
    routing::interfaces(config, &mut to);
    routing::routing(&config.routing, &mut to);
    mclag::multi_chassis(config, &mut to);
    to.settings
}

fn workers(config: &SwitchConfig, to: &mut Settings) {
    let workers = &config.workers;
    to.below("workers");
    to.set("count", workers.count);
    let cpus: Vec<String> = workers.cpus.iter().map(u16::to_string).collect();
    to.set_if("cpus", (!cpus.is_empty()).then(|| cpus.join(",")));
    to.set(
        "idle",
        match workers.idle {
            IdlePolicy::Spin => "spin",
            IdlePolicy::Adaptive => "adaptive",
            IdlePolicy::Sleep => "sleep",
        },
    );
}

fn mac_table(config: &SwitchConfig, to: &mut Settings) {
    let table = &config.mac_table;
    to.below("mac-table");
    to.set("maximum-entries", table.maximum_entries);
    to.set("ageing-time", span(table.ageing_time));
    to.set("when-full", table.when_full.name());
    to.set_if("sweep-interval", table.sweep_interval.map(span));
    to.set_if(
        "geometry",
        table.geometry.as_ref().map(|chip| {
            let hash = match chip.hash {
                ChipHash::Keyed => "keyed",
                ChipHash::Crc32 => "crc32",
            };
            format!("{} buckets of {}, {hash}", chip.buckets, chip.depth)
        }),
    );
    if let Some(damping) = &table.move_damping {
        to.below("mac-table.move-damping");
        to.set("threshold", damping.threshold);
        to.set("interval", span(damping.interval));
        to.set("hold", span(damping.hold));
        to.set(
            "action",
            match damping.action {
                DampingAction::Drop => "drop",
                DampingAction::Forward => "forward",
            },
        );
    }
}

fn learning(config: &SwitchConfig, to: &mut Settings) {
    let learning = &config.learning;
    to.below("learning");
    to.set(
        "mode",
        match learning.mode {
            LearningMode::Inline => "inline",
            LearningMode::Agent => "agent",
        },
    );
    let owns = learning.agent_owns;
    let names =
        [("learn", owns.learn), ("lease", owns.lease), ("flood", owns.flood), ("adjacency", owns.adjacency)];
    let owned: Vec<&str> = names.iter().filter(|(_, owns)| *owns).map(|(name, _)| *name).collect();
    to.set("agent-owns", owned.join(","));
    to.set("renew-interval", span(learning.renew_interval));
    to.set(
        "flood",
        match learning.flood {
            FloodGroups::Frozen => "frozen",
            FloodGroups::Leased => "leased",
        },
    );
    to.set(
        "flush",
        match learning.flush {
            PortFlush::AtOnce => "at-once",
            PortFlush::Agent => "agent",
        },
    );
    to.set("queue-length", learning.queue_length);
    to.set("poll-interval", span(learning.poll_interval));
    to.set("report-interval", learning.report_interval.map_or_else(|| "once".to_owned(), span));
    to.set(
        "report-order",
        match learning.report_order {
            ReportOrder::Arrival => "arrival",
            ReportOrder::Stamped => "stamped",
        },
    );
    to.set_if("audit-interval", learning.audit_interval.map(span));
}

fn supervisor(config: &SwitchConfig, to: &mut Settings) {
    let supervisor = &config.supervisor;
    to.below("supervisor");
    to.set("restart", supervisor.restart);
    to.set("restart-delay", span(supervisor.restart_delay));
    to.set("start-limit-burst", supervisor.start_limit_burst);
    to.set("start-limit-interval", span(supervisor.start_limit_interval));
    to.set_if("watchdog", supervisor.watchdog.map(span));
}

fn ports(config: &SwitchConfig, to: &mut Settings) {
    for port in &config.ports {
        to.below(format_args!("ports.{}", port.name));
        match &port.attachment {
            Attachment::Device => {
                to.set("type", "device");
                to.set_if("io", (port.io != Io::Auto).then(|| port.io.name()));
            }
            Attachment::Lag(lag) => {
                to.set("type", "lag");
                lag::settings(lag, &format!("ports.{}", port.name), to);
            }
            Attachment::Tap { netns, interface, mac_address } => {
                to.set("type", "tap");
                to.set_if(
                    "netns",
                    netns.as_ref().map(|netns| match netns {
                        NetnsRef::Name(name) => name.clone(),
                        NetnsRef::Pid(pid) => format!("pid {pid}"),
                    }),
                );
                to.set_if("interface", interface.as_ref());
                to.set_if("mac-address", *mac_address);
            }
        }
        if !matches!(port.attachment, Attachment::Lag(_)) {
            to.set("port-speed", port.speed);
        }
        to.set("enabled", port.enabled);
        membership(config, port, to);
        to.set_if("maximum-entries", port.maximum_entries);
        to.set_if("isolation-group", port.isolation_group);
        let storm = port.storm_control;
        to.below(format_args!("ports.{}.storm-control", port.name));
        to.set_if("broadcast", storm.broadcast);
        to.set_if("multicast", storm.multicast);
        to.set_if("unknown-unicast", storm.unknown_unicast);
        to.below(format_args!("ports.{}.impair", port.name));
        impairment(&port.impairment, to);
    }
}

fn impairment(impairment: &Impairment, to: &mut Settings) {
    let Impairment { loss, duplicate, reorder, corrupt, unnoticed, delay, jitter, rate, frame_rate, burst } =
        *impairment;
    for (key, share) in [("loss", loss), ("duplicate", duplicate), ("reorder", reorder), ("corrupt", corrupt)]
    {
        to.set_if(key, (share > 0.0).then_some(share));
    }
    to.set_if("unnoticed", unnoticed.then_some(true));
    for (key, time) in [("delay", delay), ("jitter", jitter), ("burst", burst)] {
        to.set_if(key, (!time.is_zero()).then(|| format!("{time:?}")));
    }
    to.set_if("rate", rate);
    to.set_if("frame-rate", frame_rate);
}

/// What it carries. A member leaves that to its bundle, its MTU too.
fn membership(config: &SwitchConfig, port: &PortConfig, to: &mut Settings) {
    match &port.membership {
        Membership::Access(vlan) => {
            to.set("interface-mode", "ACCESS");
            to.set("access-vlan", vlan);
        }
        Membership::Trunk { vlans, native } => {
            to.set("interface-mode", "TRUNK");
            to.set("trunk-vlans", vlans);
            to.set_if("native-vlan", *native);
        }
        Membership::Aggregate(member) => {
            let lag = config.ports.get(member.lag.index());
            to.set_if("aggregate-id", lag.map(|lag| &lag.name));
            to.set_if("lacp-port-priority", member.port_priority);
            return;
        }
        Membership::Routed => to.set("interface-mode", ROUTED),
    }
    to.set("mtu", port.mtu);
}
