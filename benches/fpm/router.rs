//! A whole router with room for the table, and zebra connected to it.

use greylag_base::{Instant, InterfaceId, MacAddr, PortId, PortName, Seed};
use greylag_benches::zebra::{INTERFACES, NEIGHBOURS, neighbour4, neighbour6};
use greylag_switch::config::{
    FpmConfig, InterfaceAddress, InterfaceConfig, InterfacePlace, Membership, PortConfig, StaticNeighbor,
    SwitchConfig,
};
use greylag_switch::{FpmInput, Input, Octets, Switch};
use std::net::IpAddr;

/// What greylag reads of a socket in one go.
const READ: usize = 262_144;

/// The port that packets come in by: behind those of the neighbours.
pub(crate) const INGRESS: PortId = PortId(INTERFACES.0 as u16);
/// The router's own address on the link there.
pub(crate) const OURS: MacAddr = MacAddr([2, 0, 0, 0, 0xff, 0]);

/// All of its links are up, and all its neighbours known.
pub(crate) fn router() -> Switch {
    let mut config = SwitchConfig::new("r1");
    for index in 0..=INTERFACES.0 {
        let name = PortName::new(format!("eth{index}").as_str()).expect("a name");
        config.ports.push(PortConfig { membership: Membership::Routed, ..PortConfig::new(name.clone()) });
        config.interfaces.push(InterfaceConfig {
            name,
            place: InterfacePlace::Port(PortId(index as u16)),
            enabled: true,
            mac_address: Some(OURS),
            mtu: 1500,
            addresses: Vec::new(),
        });
    }
    let ingress = InterfaceAddress { ip: IpAddr::from([198, 19, 255, 1]), prefix_length: 24 };
    config.interfaces[INGRESS.index()].addresses.push(ingress);
    for (address, interface) in (0..NEIGHBOURS).flat_map(|index| [neighbour4(index), neighbour6(index)]) {
        let (ip, prefix_length) = match address {
            IpAddr::V4(address) => (IpAddr::V4((address.to_bits() - 1).into()), 30),
            IpAddr::V6(address) => (IpAddr::V6((address.to_bits() - 1).into()), 64),
        };
        let own = &mut config.interfaces[interface as usize];
        own.addresses.push(InterfaceAddress { ip, prefix_length });
        let mac_address = MacAddr([2, 0, 0, 0, 0xfe, interface as u8]);
        config.routing.static_neighbors.push(StaticNeighbor {
            interface: own.name.clone(),
            address,
            mac_address,
        });
    }
    config.routing.next_hop_groups.maximum = 131_072;
    config.routing.fpm = Some(FpmConfig::at(([127, 0, 0, 1], 2620).into()));
    let now = Instant::ZERO;
    let mut switch = Switch::new(config, Seed(1), now).expect("there is room");
    let shared = (0..INTERFACES.0).map(|index| Input::HostInterface {
        interface: InterfaceId(index as u16),
        index: INTERFACES.1 + index,
    });
    let links = (0..=INTERFACES.0).map(|index| Input::Link { port: PortId(index as u16), up: true });
    for input in links.chain(shared).chain([Input::Fpm(FpmInput::Connected)]) {
        switch.handle_input(now, input).expect("it is not refused");
    }
    switch
}

/// zebra tells this.
pub(crate) fn tell(switch: &mut Switch, now: Instant, octets: Vec<u8>) {
    let octets = FpmInput::Octets(Octets(octets));
    switch.handle_input(now, Input::Fpm(octets)).expect("it is not refused");
}

/// Hands a stream to a router, until the last route is in the FIB; when that is.
pub(crate) fn tell_all(switch: &mut Switch, now: Instant, stream: &[u8]) -> Instant {
    stream.chunks(READ).for_each(|octets| tell(switch, now, octets.to_vec()));
    write_all(switch, now)
}

/// Lets the programming agent hear of all that has changed, and write it; when that is.
pub(crate) fn write_all(switch: &mut Switch, now: Instant) -> Instant {
    let now = now + switch.config().routing.programming.delay;
    switch.handle_input(now, Input::Timeout).expect("time is never refused");
    now
}
