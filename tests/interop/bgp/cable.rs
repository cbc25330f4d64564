//! Two namespaces and a cable between them.

use crate::running::Room;
use greylag_base::PortName;
use greylag_lab::link::{self, VethEnd};
use greylag_lab::netns::Netns;
use std::net::IpAddr;

pub(crate) const NEAR: &str = "192.0.2.1";
pub(crate) const NEAR_SIX: &str = "2001:db8::1";
pub(crate) const FAR: &str = "192.0.2.2";
pub(crate) const FAR_SIX: &str = "2001:db8::2";

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// Removed with the test.
pub(crate) struct Cable {
    pub(crate) near: Netns,
    pub(crate) far: Netns,
    _rooms: [Room; 2],
}

impl Cable {
    pub(crate) fn new() -> Cable {
        let [(near_room, near), (far_room, far)] = std::array::from_fn(|_| Room::new());
        let name = PortName::new("eth0").expect("a name");
        let end = |netns| VethEnd { netns, name: &name, mac: None, mtu: 1500 };
        link::veth_pair(&end(&near), &end(&far)).expect("a cable");
        for (netns, addresses) in [(&near, [NEAR, NEAR_SIX]), (&far, [FAR, FAR_SIX])] {
            link::set_up(netns, "lo").expect("it is up");
            link::set_up(netns, "eth0").expect("it is up");
            for (address, length) in addresses.into_iter().zip([24, 64]) {
                link::add_address(netns, "eth0", ip(address), length).expect("it has an address");
            }
        }
        Cable { near, far, _rooms: [near_room, far_room] }
    }
}
