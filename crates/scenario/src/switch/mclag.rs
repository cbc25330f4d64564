//! A pair of chassis: what this switch is in one, and what has to be right around it.

use super::Place;
use super::interfaces::{Interfaces, is_on};
use super::port::PortDraft;
use crate::address::station_ip;
use crate::field::{Field, Mapping};
use crate::json_names::choice;
use crate::keys::Keys;
use crate::nearest::nearest;
use crate::phrase::{listed, quoted};
use crate::time_span::{LONGEST, SHORTEST, time_span, time_span_or};
use crate::yaml::Value;
use greylag_base::{PortId, VlanId, VlanSet};
use greylag_lacp::LacpMode;
use greylag_switch::config::{
    BackupLivenessConfig, BfdTimers, HealthGateConfig, IccpConfig, LacpConfig, MclagBehaviour, Membership,
    MultiChassisConfig, RoutingConfig, StatusControl, SwitchConfig,
};
use greylag_switch::mclag::{Preset, RoleFrom};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

const KEYS: Keys = Keys {
    allowed: &[
        "preset",
        "chassis-id",
        "redundancy-group",
        "inter-chassis-link",
        "status-control",
        "init-delay-time",
        "iccp",
        "backup-liveness-detection",
        "on-peer-alive",
        "on-peer-unknown",
        "on-peer-dead",
        "on-icl-down",
        "isolation-on-iccp-down",
        "synchronised-macs",
        "own-id-until-peer",
        "wait-for-peer",
        "prefer-status-control-active",
        "health-gate",
    ],
    explained: &[
        (&["mc-ae-id"], "is a bundle's: write it below `ports`"),
        (&["init-delay"], "is not a key here: write `init-delay-time`"),
        (
            &["mode"],
            "is not a key here: both chassis forward, as with `mode active-active` in Junos. Remove it",
        ),
    ],
};
const EXAMPLE: &str = "{preset: junos, chassis-id: 0, inter-chassis-link: ae0, status-control: active, \
                       iccp: {local-address: 10.50.1.1, peer-address: 10.50.1.2}}";

const ICCP_KEYS: Keys = Keys::of(&[
    "local-address",
    "peer-address",
    "keepalive",
    "session-timeout",
    "connect-retry",
    "session-establishment-hold-time",
    "liveness-detection",
]);
const ICCP_EXAMPLE: &str = "{local-address: 10.50.1.1, peer-address: 10.50.1.2}";

const BFD_KEYS: Keys = Keys::of(&["minimum-interval", "multiplier"]);
const BACKUP_KEYS: Keys = Keys::of(&["backup-peer-ip", "interval", "timeout"]);
const BACKUP_EXAMPLE: &str = "{backup-peer-ip: 172.20.20.12}";
const GATE_KEYS: Keys = Keys::of(&["hold-down", "probe-interval"]);

/// Packets of BFD say it in microseconds, in 32 bits (RFC 5880 4.1).
const LONGEST_BFD: Duration = Duration::from_secs(4294);

/// How long a switch that was out is well before it comes back, unless it is said.
const HOLD_DOWN: Duration = Duration::from_secs(60);

type Choose = fn(&Field<'_>, &mut MclagBehaviour);

/// What is done when something fails, key by key.
const BEHAVIOUR: &[(&str, Choose)] = &[
    ("on-peer-alive", |field, to| read_word(field, "a way to go on", &mut to.peer_alive)),
    ("on-peer-unknown", |field, to| read_word(field, "a way to go on", &mut to.peer_unknown)),
    ("on-peer-dead", |field, to| read_word(field, "a way to go on", &mut to.peer_dead)),
    ("on-icl-down", |field, to| read_word(field, "a way to go on", &mut to.icl_down)),
    ("isolation-on-iccp-down", |field, to| read_word(field, "a choice", &mut to.isolation_on_iccp_down)),
    ("synchronised-macs", |field, to| read_word(field, "a choice", &mut to.synchronised_macs)),
    ("own-id-until-peer", |field, to| read_switch(field, &mut to.own_id_until_peer)),
    ("wait-for-peer", |field, to| read_switch(field, &mut to.wait_for_peer)),
    ("prefer-status-control-active", |field, to| read_switch(field, &mut to.prefer_status_control_active)),
];

fn read_word<T: for<'de> Deserialize<'de>>(field: &Field<'_>, what: &str, to: &mut T) {
    if let Some(read) = choice(field, what) {
        *to = read;
    }
}

fn read_switch(field: &Field<'_>, to: &mut bool) {
    *to = field.boolean().unwrap_or(*to);
}

fn time(map: &Mapping<'_>, key: &str, range: RangeInclusive<Duration>, default: Duration) -> Duration {
    map.get(key).and_then(|field| time_span(field, key, range)).unwrap_or(default)
}

/// What a file says of the pair, with where it stands.
pub(super) struct Pair<'r, 'd> {
    pub(super) field: Option<&'r Field<'d>>,
    pub(super) lacp: Option<&'r Field<'d>>,
    pub(super) ports: &'r [PortDraft<'d>],
    pub(super) interfaces: &'r Interfaces,
    pub(super) place: &'r Place<'r>,
}

impl Pair<'_, '_> {
    /// Reads it, and compares it with the rest of the switch.
    pub(super) fn read(&self, config: &mut SwitchConfig) {
        self.check_bundles();
        let Some(field) = self.field.filter(|field| !field.is_nothing()) else {
            self.refuse_without();
            return;
        };
        let Some(map) = field.mapping(&KEYS, EXAMPLE) else { return };
        let pair = self.one(&map, &config.routing);
        if let Some(id) = map.get("chassis-id").and_then(chassis_id) {
            self.number_ports(id, &mut config.lacp);
        }
        self.check_backup(&map, config.management_address);
        config.multi_chassis = pair;
    }

    fn one(&self, map: &Mapping<'_>, routing: &RoutingConfig) -> Option<MultiChassisConfig> {
        let preset = map.required("preset", "add whose ways the pair has such as `preset: junos`");
        let presets = Preset::ALL.map(|preset| (preset.name, preset));
        let preset = preset.and_then(|field| field.word("a preset", &presets));
        let id =
            map.required("chassis-id", "add `chassis-id: 0` on one chassis and `chassis-id: 1` on the other");
        let id = id.and_then(chassis_id);
        let group = map.get("redundancy-group");
        let group = group.map_or(Some(1), |field| field.number("redundancy-group", 1..=u32::MAX.into()));
        let link = map.required(
            "inter-chassis-link",
            "add the port or bundle between the chassis such as `inter-chassis-link: ae0`",
        );
        let link = link.and_then(|field| self.link(field));
        let iccp = map
            .required("iccp", &format!("add the session between the chassis such as `iccp: {ICCP_EXAMPLE}`"));
        let iccp = iccp.and_then(|field| self.iccp(field, routing));
        let role = preset.and_then(|preset| role(map, &preset, iccp.as_ref()));
        let backup = map.filled("backup-liveness-detection").map(read_backup);
        let gate = map.get("health-gate").map(read_gate);
        let preset = preset?;
        let mut behaviour = preset.behaviour;
        for (key, read) in BEHAVIOUR {
            if let Some(field) = map.get(key) {
                read(field, &mut behaviour);
            }
        }
        let init_delay = time(map, "init-delay-time", Duration::ZERO..=LONGEST, preset.init_delay);
        Some(MultiChassisConfig {
            redundancy_group: group?,
            backup_liveness: backup.flatten(),
            init_delay,
            behaviour,
            health_gate: gate.flatten(),
            ..MultiChassisConfig::of(&preset, id?, role?, link?, iccp?)
        })
    }

    /// The port or bundle between the chassis.
    fn link(&self, field: &Field<'_>) -> Option<PortId> {
        let name = field.text()?;
        let Some(index) = self.ports.iter().position(|port| port.name() == name) else {
            let names = || self.ports.iter().map(PortDraft::name);
            field.refuse(match nearest(name, names()) {
                Some(meant) => format!("there is no port {}: did you mean `{meant}`?", quoted(name)),
                None => format!("there is no port {}: the ports are {}", quoted(name), listed(names())),
            });
            return None;
        };
        let port = &self.ports[index];
        let wrong = match &port.config.membership {
            Membership::Aggregate(member) => Some(format!(
                "`{name}` is a part of bundle `{0}`: expected `{0}`",
                self.ports[member.lag.index()].name()
            )),
            Membership::Routed => Some(format!(
                "`{name}` is ROUTED, and the link between the chassis is the bridge's: expected one that carries VLANs"
            )),
            Membership::Access(_) | Membership::Trunk { .. }
                if port.lag().is_some_and(|lag| lag.mc_ae_id.is_some()) =>
            {
                Some(format!(
                    "`{name}` is a multi-chassis bundle itself: expected the link between the chassis"
                ))
            }
            _ if !port.config.enabled => {
                Some(format!("`{name}` is down by `enabled: false`: remove that, or name another"))
            }
            _ => None,
        };
        if let Some(wrong) = wrong {
            field.refuse(wrong);
            return None;
        }
        self.check_vlans(field, port);
        u16::try_from(index).ok().map(PortId)
    }

    /// What a partner sends to one chassis has to get to stations behind the other.
    fn check_vlans(&self, field: &Field<'_>, link: &PortDraft<'_>) {
        let carried = link.config.membership.vlans();
        for bundle in self.multi_chassis().filter(|bundle| bundle.membership_read && link.membership_read) {
            let vlans = bundle.config.membership.vlans();
            let missing: Vec<VlanId> = vlans.iter().filter(|&vlan| !carried.contains(vlan)).collect();
            if missing.is_empty() {
                continue;
            }
            let missing = VlanSet::from_iter(missing);
            field.refuse(format!(
                "inter-chassis link `{}` does not carry VLAN {missing} of multi-chassis bundle `{}`: add it to its \
                 `trunk-vlans`, or remove it there",
                link.name(),
                bundle.name()
            ));
        }
    }

    fn multi_chassis(&self) -> impl Iterator<Item = &PortDraft<'_>> {
        self.ports.iter().filter(|port| port.lag().is_some_and(|lag| lag.mc_ae_id.is_some()))
    }

    fn iccp(&self, field: &Field<'_>, routing: &RoutingConfig) -> Option<IccpConfig> {
        let map = field.mapping(&ICCP_KEYS, ICCP_EXAMPLE)?;
        let local = map.required(
            "local-address",
            "add an address of an interface of this switch such as `local-address: 10.50.1.1`",
        );
        let local = local.and_then(|field| self.local_address(field));
        let peer =
            map.required("peer-address", "add that of the other chassis such as `peer-address: 10.50.1.2`");
        let peer = peer.and_then(|field| self.peer_address(field, local, routing));
        let bfd = map.get("liveness-detection").map(read_bfd);
        let default = IccpConfig::between(local?, peer?);
        let iccp = IccpConfig {
            keepalive: time(&map, "keepalive", SHORTEST..=LONGEST, default.keepalive),
            session_timeout: time(&map, "session-timeout", SHORTEST..=LONGEST, default.session_timeout),
            connect_retry: time(&map, "connect-retry", SHORTEST..=LONGEST, default.connect_retry),
            session_establishment_hold_time: time(
                &map,
                "session-establishment-hold-time",
                Duration::ZERO..=LONGEST,
                default.session_establishment_hold_time,
            ),
            liveness_detection: bfd.flatten(),
            ..default
        };
        if iccp.session_timeout <= iccp.keepalive
            && let Some(field) = map.get("session-timeout").or_else(|| map.get("keepalive"))
        {
            field.refuse(format!(
                "a session-timeout of {:?} is over before the next keepalive, which comes every {:?}: expected a few times that",
                iccp.session_timeout, iccp.keepalive
            ));
        }
        Some(iccp)
    }

    fn local_address(&self, field: &Field<'_>) -> Option<IpAddr> {
        let ip = station_ip(field)?;
        if !self.interfaces.may_own(ip) {
            field.refuse(format!("{ip} is no address of this switch: expected that of an interface"));
            return None;
        }
        Some(ip)
    }

    fn peer_address(
        &self,
        field: &Field<'_>,
        local: Option<IpAddr>,
        routing: &RoutingConfig,
    ) -> Option<IpAddr> {
        let ip = field.parsed("an address such as 10.50.1.2", |text| self.interfaces.far_end(text, true))?;
        if let Some(local) = local.filter(|local| local.is_ipv4() != ip.is_ipv4()) {
            field.refuse(format!("{ip} and {local} are of different families: expected both of one"));
            return None;
        }
        let is_near = self.interfaces.may_own(ip) || self.interfaces.configs.iter().any(|of| is_on(of, ip));
        let may_be_far = routing.bgp.is_some()
            || routing.link_state.is_some()
            || routing.fpm.is_some()
            || routing.static_routes.iter().any(|route| route.prefix.contains(&ip));
        if !is_near && !may_be_far {
            field.refuse(format!(
                "{ip} is in no subnet of an interface, and no route leads there: expected one that is, or a route in \
                 `routing.static-routes`"
            ));
            return None;
        }
        Some(ip)
    }

    /// Two chassis that show one system must not use the same numbers of ports.
    fn number_ports(&self, chassis_id: u8, lacp: &mut LacpConfig) {
        let offset = MultiChassisConfig::port_number_offset(chassis_id);
        let written = self.lacp.and_then(|lacp| lacp.child("port-number-offset"));
        if let Some(written) = written.filter(|_| lacp.port_number_offset != offset) {
            written.refuse(format!("chassis-id {chassis_id} makes it {offset}: expected that, or remove it"));
        }
        lacp.port_number_offset = offset;
    }

    /// Who asks for the peer has an address to ask from.
    fn check_backup(&self, map: &Mapping<'_>, own: Option<IpAddr>) {
        let Some(field) = map.filled("backup-liveness-detection") else { return };
        let Some(peer) = field.child("backup-peer-ip") else { return };
        let Value::Text(text) = peer.value() else { return };
        let Ok(ip) = text.parse::<IpAddr>() else { return };
        match own {
            // The lab's node has it.
            None if matches!(self.place, Place::Lab { .. }) => {}
            None => field.refuse_key(
                "a switch without an address on the management network cannot ask for its peer there: add one such as \
                 `management-address: 172.20.20.11`, or remove this",
            ),
            Some(own) if own == ip => {
                peer.refuse(format!("{ip} is this switch's own management-address: expected its peer's"));
            }
            Some(own) if own.is_ipv4() != ip.is_ipv4() => {
                peer.refuse(format!("{ip} and management-address {own} are of different families: expected both of one"));
            }
            Some(_) => {}
        }
    }

    /// What each multi-chassis bundle needs, in whatever pair.
    fn check_bundles(&self) {
        let mut ids: BTreeMap<u16, &str> = BTreeMap::new();
        for port in self.multi_chassis() {
            let (Some(lag), Some(field)) = (port.lag(), port.written("mc-ae-id")) else { continue };
            if let Some(id) = lag.mc_ae_id
                && let Some(first) = ids.insert(id, port.name())
            {
                field.refuse(format!("mc-ae-id {id} is that of bundle `{first}` already: expected another"));
            }
            for (key, is_there) in
                [("system-id-mac", lag.system_id_mac.is_some()), ("admin-key", lag.admin_key.is_some())]
            {
                if !is_there && port.written(key).is_none() {
                    field.refuse_key(format!(
                        "a multi-chassis bundle shows the same to its partner on both chassis: add `{key}`, the same there"
                    ));
                }
            }
            if lag.mode == LacpMode::Static {
                field
                    .refuse_key("a multi-chassis bundle is one by LACP: remove this, or `lacp-mode: STATIC`");
            }
            if port.config.membership == Membership::Routed {
                field.refuse_key(
                    "a multi-chassis bundle is the bridge's: remove this, or `interface-mode: ROUTED`",
                );
            }
        }
    }

    /// What only a switch in a pair has.
    fn refuse_without(&self) {
        for port in self.multi_chassis() {
            if let Some(field) = port.written("mc-ae-id") {
                field.refuse_key("this is for one of two chassis: add `multi-chassis`, or remove it");
            }
        }
    }
}

fn chassis_id(field: &Field<'_>) -> Option<u8> {
    field.number("chassis-id", 0..=1)
}

/// Which of the two it is.
fn role(map: &Mapping<'_>, preset: &Preset, iccp: Option<&IccpConfig>) -> Option<StatusControl> {
    let written = map.get("status-control");
    let role = written.map(|field| choice::<StatusControl>(field, "a role"));
    let by_address = iccp.map(|iccp| match iccp.local_address < iccp.peer_address {
        true => StatusControl::Active,
        false => StatusControl::Standby,
    });
    match (preset.role_from, role, written) {
        (RoleFrom::StatusControl, None, _) => {
            map.required(
                "status-control",
                "add `status-control: active` on one chassis and `standby` on the other",
            );
            None
        }
        (RoleFrom::StatusControl, Some(role), _) => role,
        (RoleFrom::Address, Some(role), Some(field))
            if role.is_some() && by_address.is_some_and(|is| role != Some(is)) =>
        {
            field.refuse(format!(
                "with preset {} the chassis with the lower address of `iccp` is the active one: remove it",
                preset.name
            ));
            None
        }
        (RoleFrom::Address, ..) => by_address,
    }
}

fn read_bfd(field: &Field<'_>) -> Option<BfdTimers> {
    let default = BfdTimers::default();
    let map = field.mapping(&BFD_KEYS, "{minimum-interval: 1s, multiplier: 3}")?;
    let interval =
        time(&map, "minimum-interval", SHORTEST..=LONGEST_BFD, default.desired_minimum_tx_interval);
    let multiplier = map.get("multiplier").and_then(|field| field.number("multiplier", 1..=255));
    Some(BfdTimers {
        desired_minimum_tx_interval: interval,
        required_minimum_receive: interval,
        detection_multiplier: multiplier.unwrap_or(default.detection_multiplier),
    })
}

fn read_backup(field: &Field<'_>) -> Option<BackupLivenessConfig> {
    let map = field.mapping(&BACKUP_KEYS, BACKUP_EXAMPLE)?;
    let peer = map.required(
        "backup-peer-ip",
        "add the peer's address on the management network such as `backup-peer-ip: 172.20.20.12`",
    );
    let default = BackupLivenessConfig::of(station_ip(peer?)?);
    let interval = time(&map, "interval", SHORTEST..=LONGEST, default.interval);
    let timeout = time(&map, "timeout", SHORTEST..=LONGEST, default.timeout.max(interval * 3));
    if timeout <= interval {
        map.get("timeout")?.refuse(format!(
            "a timeout of {timeout:?} is over before the peer is asked again, which is every {interval:?}: expected more"
        ));
    }
    Some(BackupLivenessConfig { interval, timeout, ..default })
}

fn read_gate(field: &Field<'_>) -> Option<HealthGateConfig> {
    let map = field.mapping(&GATE_KEYS, "{hold-down: 60s, probe-interval: 10s}")?;
    let probe = map.get("probe-interval");
    let probe = probe.and_then(|field| time_span_or(field, "probe-interval", SHORTEST..=LONGEST, "never"));
    Some(HealthGateConfig {
        hold_down: time(&map, "hold-down", Duration::ZERO..=LONGEST, HOLD_DOWN),
        probe_interval: probe.flatten(),
    })
}
