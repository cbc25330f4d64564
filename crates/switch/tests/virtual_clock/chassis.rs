//! Two chassis that partners take for one switch, with all that is around them.
//!
//! ca1 and ca2 are joined by two links that are one bundle; r1 and r2 have a bundle with a link to each. Hosts are behind the routers,
//! and behind each chassis alone.

use crate::network::{Network, irb, router};
use crate::rig::{millis, seconds, station};
use greylag_base::{MacAddr, PortId, PortName, VlanId, VlanSet};
use greylag_lacp::Interval;
use greylag_switch::Event;
use greylag_switch::config::{
    Attachment, BackupLivenessConfig, BfdTimers, IccpConfig, LagConfig, MemberConfig, Membership,
    MultiChassisConfig, PortConfig, StatusControl, SwitchConfig,
};
use greylag_switch::mclag::{ControlSession, Mclag, MclagEvent, Preset, SystemId};
use greylag_wire::ethernet::{EtherType, Repr};
use std::time::Duration;

pub(crate) const CA1: usize = 0;
pub(crate) const CA2: usize = 1;
pub(crate) const R1: usize = 2;
pub(crate) const R2: usize = 3;

/// Ports of a chassis, from 0: to r1, to r2, both links to the other chassis, a host, a link of its own for ICCP if it has one; then the
/// bundles.
pub(crate) const TO_R1: usize = 0;
pub(crate) const ICL: [usize; 2] = [2, 3];
pub(crate) const LONE: usize = 4;
pub(crate) const APART: usize = 5;
pub(crate) const AE0: u16 = 6;
pub(crate) const AE1: u16 = 7;
pub(crate) const AE2: u16 = 8;

/// Hosts: behind r1, behind r2, at ca1, at ca2.
pub(crate) const H1: usize = 0;
pub(crate) const H2: usize = 1;
pub(crate) const H3: usize = 2;
pub(crate) const H4: usize = 3;

pub(crate) const SHARED: MacAddr = MacAddr([2, 0xff, 0, 0, 0, 1]);
pub(crate) const CONTROL: u16 = 4000;

pub(crate) fn bundle(
    config: &mut SwitchConfig,
    name: &str,
    members: &[usize],
    change: impl FnOnce(&mut LagConfig),
) {
    let lag = PortId(config.ports.len() as u16);
    for port in members {
        config.ports[*port].membership = Membership::Aggregate(MemberConfig { lag, port_priority: None });
    }
    let mut bundle = PortConfig::new(PortName::new(name).unwrap());
    let mut settings = LagConfig { interval: Interval::Fast, ..LagConfig::default() };
    change(&mut settings);
    bundle.attachment = Attachment::Lag(Box::new(settings));
    config.ports.push(bundle);
}

/// One of the two chassis.
pub(crate) fn chassis(number: u8) -> SwitchConfig {
    let mut config = router(if number == 0 { "ca1" } else { "ca2" }, 6);
    bundle(&mut config, "ae0", &ICL, |_| {});
    for id in [1, 2] {
        bundle(&mut config, &format!("ae{id}"), &[usize::from(id) - 1], |lag| {
            lag.mc_ae_id = Some(id);
            lag.system_id_mac = Some(SHARED);
            lag.admin_key = Some(id);
        });
    }
    let control = VlanId::new(CONTROL).unwrap();
    let mut vlans = VlanSet::new();
    vlans.insert(VlanId::DEFAULT);
    vlans.insert(control);
    let address = format!("10.50.1.{}", number + 1);
    // Nothing else is on it.
    config.ports[APART].membership = Membership::Access(VlanId::new(CONTROL + 1).unwrap());
    irb(&mut config, CONTROL, &[], &[&format!("{address}/30")]);
    config.ports[usize::from(AE0)].membership = Membership::Trunk { vlans, native: Some(VlanId::DEFAULT) };
    let role = if number == 0 { StatusControl::Active } else { StatusControl::Standby };
    let peer = format!("10.50.1.{}", 2 - number);
    let mut iccp = IccpConfig::between(address.parse().unwrap(), peer.parse().unwrap());
    iccp.liveness_detection = Some(BfdTimers {
        desired_minimum_tx_interval: seconds(1),
        required_minimum_receive: seconds(1),
        detection_multiplier: 3,
    });
    let mut pair = MultiChassisConfig::of(&Preset::JUNOS, number, role, PortId(AE0), iccp);
    pair.init_delay = Duration::ZERO;
    let backup = format!("172.20.20.{}", 12 - number);
    pair.backup_liveness = Some(BackupLivenessConfig::of(backup.parse().unwrap()));
    config.lacp.port_number_offset = MultiChassisConfig::port_number_offset(number);
    config.multi_chassis = Some(pair);
    config.management_address = Some(format!("172.20.20.{}", 11 + number).parse().unwrap());
    config
}

/// A partner with a bundle of two links, and a host.
pub(crate) fn partner(name: &str) -> SwitchConfig {
    let mut config = router(name, 3);
    bundle(&mut config, "ae0", &[0, 1], |_| {});
    config
}

pub(crate) fn pair_of(config: &mut SwitchConfig) -> &mut MultiChassisConfig {
    config.multi_chassis.as_mut().unwrap()
}

/// All of it, from power-on.
pub(crate) fn start(change: impl Fn(&mut SwitchConfig)) -> Network {
    let mut configs = vec![chassis(0), chassis(1), partner("r1"), partner("r2")];
    configs[..2].iter_mut().for_each(change);
    let mut network = Network::new(configs);
    for port in ICL {
        network.join((CA1, port), (CA2, port));
    }
    for (number, router) in [(0, R1), (1, R2)] {
        network.join((CA1, number), (router, 0));
        network.join((CA2, number), (router, 1));
    }
    for (number, port) in [(R1, 2), (R2, 2), (CA1, LONE), (CA2, LONE)].into_iter().enumerate() {
        network.host(port, &[&format!("10.0.0.{}/24", number + 1)], &[]);
    }
    network.join((CA1, APART), (CA2, APART));
    network
}

/// All of it, and one.
pub(crate) fn pair_with(change: impl Fn(&mut SwitchConfig)) -> Network {
    let mut network = start(change);
    network.wait_for(seconds(60), is_one);
    network.wait(seconds(5));
    network
}

pub(crate) fn pair() -> Network {
    pair_with(|_| {})
}

/// ICCP goes by a link of its own, and not by the one between the chassis.
pub(crate) fn apart(config: &mut SwitchConfig) {
    config.ports[APART].membership = Membership::Access(VlanId::new(CONTROL).unwrap());
    config.ports[usize::from(AE0)].membership = Membership::Access(VlanId::DEFAULT);
}

pub(crate) fn mclag(network: &Network, chassis: usize) -> &Mclag {
    network.switches[chassis].switch.mclag().unwrap()
}

pub(crate) fn session(network: &Network, chassis: usize) -> ControlSession {
    mclag(network, chassis).control_session
}

pub(crate) fn shows_shared(network: &Network, chassis: usize) -> bool {
    mclag(network, chassis).ruling.system_id == SystemId::Shared
}

/// A bundle of a switch is up.
pub(crate) fn is_up(network: &Network, switch: usize, port: u16) -> bool {
    network.switches[switch].switch.ports()[usize::from(port)].is_up()
}

/// The links that a partner's bundle distributes over.
pub(crate) fn distributing(network: &Network, router: usize) -> Vec<String> {
    let rows = network.switches[router].switch.lag_rows();
    let members = rows.into_iter().flat_map(|row| row.members);
    members.filter(|member| member.distributing).map(|member| member.interface).collect()
}

/// Both chassis speak with each other, and both partners use both links.
pub(crate) fn is_one(network: &Network) -> bool {
    [CA1, CA2].iter().all(|chassis| session(network, *chassis) == ControlSession::Up)
        && [R1, R2].iter().all(|router| distributing(network, *router).len() == 2)
        && [CA1, CA2].iter().all(|chassis| {
            let pair = mclag(network, *chassis);
            pair.isolated.len() == 2 && [AE1, AE2].iter().all(|lag| is_up(network, *chassis, *lag))
        })
}

pub(crate) fn frame(source: u32, destination: MacAddr, payload: u8) -> Vec<u8> {
    Repr { destination, source: station(source), ether_type: EtherType::LOCAL_EXPERIMENT }
        .frame(&[payload; 46])
}

/// Every host says something to all, many flows of it: nobody hears anything twice, nor what it has said itself. How many of the frames
/// that there should be come.
pub(crate) fn broadcasts(network: &mut Network) -> (usize, usize) {
    let (mut came, mut sent) = (0, 0);
    for host in [H1, H2, H3, H4] {
        for flow in 0..8 {
            let copies = network.inject(host, &frame(1000 * (1 + host as u32) + flow, MacAddr::BROADCAST, 7));
            assert_eq!(copies[host], 0, "what host {host} says does not come back");
            assert!(copies.iter().all(|copies| *copies <= 1), "from host {host}: {copies:?}");
            came += copies.iter().sum::<usize>();
            sent += 3;
        }
    }
    (came, sent)
}

/// One flow of each host to each other one that has spoken: how many arrive, of twelve; none arrives twice.
pub(crate) fn unicasts(network: &mut Network) -> usize {
    let mut came = 0;
    for from in [H1, H2, H3, H4] {
        for to in [H1, H2, H3, H4].into_iter().filter(|to| *to != from) {
            let own = 1000 * (1 + from as u32);
            let copies = network.inject(from, &frame(own, station(1000 * (1 + to as u32)), 9));
            assert!(copies[to] <= 1 && copies[from] == 0, "{from} to {to}: {copies:?}");
            came += copies[to];
        }
    }
    came
}

pub(crate) fn events(network: &mut Network, chassis: usize) -> Vec<MclagEvent> {
    let events = network.switches[chassis].events().into_iter();
    let of_pair = events.filter_map(|(_, event)| match event {
        Event::Mclag(event) => Some(event),
        _ => None,
    });
    of_pair.collect()
}

pub(crate) fn learn_from_all(network: &mut Network) {
    broadcasts(network);
    network.wait(seconds(1));
}

/// Where a chassis has a station.
pub(crate) fn table(network: &Network, chassis: usize, number: u32) -> Option<String> {
    network.switches[chassis].table(number)
}

/// The bundles that go over both.
pub(crate) fn legs(config: &mut SwitchConfig) -> impl Iterator<Item = &mut LagConfig> {
    config.ports.iter_mut().filter_map(|port| match &mut port.attachment {
        Attachment::Lag(lag) if lag.mc_ae_id.is_some() => Some(&mut **lag),
        _ => None,
    })
}

/// For so long, every host says something to all again and again: nobody hears it twice, nor what it has said itself.
pub(crate) fn talk(network: &mut Network, span: Duration) {
    let until = network.now() + span;
    while network.now() < until {
        network.wait(millis(10));
        for host in [H1, H2, H3, H4] {
            let copies = network.inject(host, &frame(900 + host as u32, MacAddr::BROADCAST, 3));
            let is_sound = copies[host] == 0 && copies.iter().all(|copies| *copies <= 1);
            assert!(is_sound, "from host {host} at {:?}: {copies:?}", network.now());
        }
    }
}
