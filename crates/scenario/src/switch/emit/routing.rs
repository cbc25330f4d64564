//! Routes, and the protocols that find them.

use super::super::routing::default_paths;
use super::{Time, in_order};
use greylag_base::{MacAddr, PortName};
use greylag_switch::config::{
    BfdSession, BfdTimers, BgpConfig, BgpNeighbor, FpmConfig, GroupHashing, LinkStateConfig,
    LinkStateInterface, MaximumRoutes, NextHopGroupsConfig, RoutingConfig, StaticNextHop, StaticTarget,
};
use ipnet::IpNet;
use serde::Serialize;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Routing<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    router_id: Option<Ipv4Addr>,
    maximum_routes: MaximumRoutes,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_paths: Option<u16>,
    next_hop_groups: NextHopGroups,
    neighbors: Neighbors<'a>,
    #[serde(serialize_with = "in_order", skip_serializing_if = "Vec::is_empty")]
    static_routes: Vec<(IpNet, Route<'a>)>,
    programming: Programming,
    bfd: Bfd,
    #[serde(skip_serializing_if = "Option::is_none")]
    bgp: Option<Bgp<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link_state: Option<LinkState<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fpm: Option<Fpm<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Fpm<'a> {
    listen: SocketAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    netns: Option<&'a str>,
    stale_time: Time,
}

impl<'a> Fpm<'a> {
    fn of(FpmConfig { listen, netns, stale_time }: &'a FpmConfig) -> Self {
        Fpm { listen: *listen, netns: netns.as_deref(), stale_time: (*stale_time).into() }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct NextHopGroups {
    hashing: &'static str,
    buckets: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_timer: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unbalanced_timer: Option<Time>,
    maximum: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Neighbors<'a> {
    base_reachable_time: Time,
    retransmit_time: Time,
    delay_first_probe_time: Time,
    stale_time: Time,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    r#static: Vec<Neighbor<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Neighbor<'a> {
    interface: &'a PortName,
    address: IpAddr,
    mac_address: MacAddr,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Route<'a> {
    #[serde(flatten)]
    target: Target<'a>,
    preference: u8,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Target<'a> {
    NextHops(Vec<NextHop<'a>>),
    Discard(&'static str),
}

#[derive(Serialize)]
struct NextHop<'a> {
    address: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    interface: Option<&'a PortName>,
    weight: u16,
    bfd: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Programming {
    delay: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<u32>,
    audit_interval: Time,
}

#[derive(Serialize)]
struct Bfd {
    #[serde(flatten)]
    timers: Intervals,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sessions: Vec<Session>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Intervals {
    desired_minimum_tx_interval: Time,
    required_minimum_receive: Time,
    detection_multiplier: u8,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Session {
    remote_address: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    local_address: Option<IpAddr>,
    multihop: bool,
    #[serde(flatten)]
    timers: Option<Intervals>,
}

#[derive(Serialize)]
struct Bgp<'a> {
    r#as: u32,
    #[serde(skip_serializing_if = "<[IpNet]>::is_empty")]
    networks: &'a [IpNet],
    redistribute: Vec<&'static str>,
    #[serde(serialize_with = "in_order", skip_serializing_if = "Vec::is_empty")]
    neighbors: Vec<(IpAddr, BgpPeer)>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct BgpPeer {
    peer_as: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    local_address: Option<IpAddr>,
    hold_time: Time,
    connect_retry: Time,
    passive: bool,
    bfd: bool,
    multihop: bool,
    next_hop_self: bool,
    graceful_shutdown: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    local_preference: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct LinkState<'a> {
    #[serde(serialize_with = "in_order")]
    interfaces: Vec<(&'a PortName, LinkStatePort)>,
    spf_delay: Time,
    overload: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct LinkStatePort {
    metric: u16,
    hello_interval: Time,
    dead_interval: Time,
    passive: bool,
    bfd: bool,
}

impl<'a> Routing<'a> {
    pub(super) fn of(routing: &'a RoutingConfig) -> Self {
        let (timers, paths) = (&routing.neighbors, routing.maximum_paths);
        let statics = routing.static_neighbors.iter().map(|neighbor| Neighbor {
            interface: &neighbor.interface,
            address: neighbor.address,
            mac_address: neighbor.mac_address,
        });
        let routes = routing.static_routes.iter().map(|route| {
            (route.prefix, Route { target: Target::of(&route.to), preference: route.preference })
        });
        Routing {
            router_id: routing.router_id,
            maximum_routes: routing.maximum_routes,
            maximum_paths: (paths != default_paths(routing.next_hop_groups.buckets)).then_some(paths),
            next_hop_groups: NextHopGroups::of(&routing.next_hop_groups),
            neighbors: Neighbors {
                base_reachable_time: timers.base_reachable_time.into(),
                retransmit_time: timers.retransmit_time.into(),
                delay_first_probe_time: timers.delay_first_probe_time.into(),
                stale_time: timers.stale_time.into(),
                r#static: statics.collect(),
            },
            static_routes: routes.collect(),
            programming: Programming {
                delay: routing.programming.delay.into(),
                rate: routing.programming.rate,
                audit_interval: routing.programming.audit_interval.map_or(Time::None("never"), Time::from),
            },
            bfd: Bfd {
                timers: Intervals::of(routing.bfd),
                sessions: routing.bfd_sessions.iter().map(Session::of).collect(),
            },
            bgp: routing.bgp.as_ref().map(Bgp::of),
            link_state: routing.link_state.as_ref().map(LinkState::of),
            fpm: routing.fpm.as_ref().map(Fpm::of),
        }
    }
}

impl NextHopGroups {
    fn of(groups: &NextHopGroupsConfig) -> Self {
        let NextHopGroupsConfig { hashing, buckets, maximum } = *groups;
        let (hashing, timers) = match hashing {
            GroupHashing::Modulo => ("modulo", None),
            GroupHashing::Resilient { idle_timer, unbalanced_timer } => {
                ("resilient", Some((idle_timer, unbalanced_timer)))
            }
        };
        NextHopGroups {
            hashing,
            buckets,
            idle_timer: timers.map(|(idle, _)| idle.into()),
            unbalanced_timer: timers.map(|(_, unbalanced)| unbalanced.into()),
            maximum,
        }
    }
}

impl<'a> Target<'a> {
    fn of(target: &'a StaticTarget) -> Self {
        match target {
            StaticTarget::NextHops(hops) => {
                let hop = |hop: &'a StaticNextHop| NextHop {
                    address: hop.address,
                    interface: hop.interface.as_ref(),
                    weight: hop.weight,
                    bfd: hop.bfd,
                };
                Target::NextHops(hops.iter().map(hop).collect())
            }
            StaticTarget::Blackhole => Target::Discard("blackhole"),
            StaticTarget::Unreachable => Target::Discard("unreachable"),
            StaticTarget::Prohibit => Target::Discard("prohibit"),
        }
    }
}

impl Intervals {
    fn of(timers: BfdTimers) -> Self {
        Intervals {
            desired_minimum_tx_interval: timers.desired_minimum_tx_interval.into(),
            required_minimum_receive: timers.required_minimum_receive.into(),
            detection_multiplier: timers.detection_multiplier,
        }
    }
}

impl Session {
    fn of(session: &BfdSession) -> Self {
        let BfdSession { remote_address, local_address, multihop, timers } = *session;
        Session { remote_address, local_address, multihop, timers: timers.map(Intervals::of) }
    }
}

impl<'a> Bgp<'a> {
    fn of(bgp: &'a BgpConfig) -> Self {
        let redistribute = [("connected", bgp.redistribute_connected), ("static", bgp.redistribute_static)];
        Bgp {
            r#as: bgp.autonomous_system,
            networks: &bgp.networks,
            redistribute: redistribute.iter().filter(|(_, is_on)| *is_on).map(|(name, _)| *name).collect(),
            neighbors: bgp.neighbors.iter().map(|it| (it.neighbor_address, BgpPeer::of(it))).collect(),
        }
    }
}

impl BgpPeer {
    fn of(neighbor: &BgpNeighbor) -> Self {
        BgpPeer {
            peer_as: neighbor.peer_as,
            local_address: neighbor.local_address,
            hold_time: neighbor.hold_time.into(),
            connect_retry: neighbor.connect_retry.into(),
            passive: neighbor.passive,
            bfd: neighbor.bfd,
            multihop: neighbor.multihop,
            next_hop_self: neighbor.next_hop_self,
            graceful_shutdown: neighbor.graceful_shutdown,
            local_preference: neighbor.local_preference,
        }
    }
}

impl<'a> LinkState<'a> {
    fn of(link_state: &'a LinkStateConfig) -> Self {
        let port = |interface: &'a LinkStateInterface| {
            let port = LinkStatePort {
                metric: interface.metric,
                hello_interval: interface.hello_interval.into(),
                dead_interval: interface.dead_interval.into(),
                passive: interface.passive,
                bfd: interface.bfd,
            };
            (&interface.interface, port)
        };
        LinkState {
            interfaces: link_state.interfaces.iter().map(port).collect(),
            spf_delay: link_state.spf_delay.into(),
            overload: link_state.overload,
        }
    }
}
