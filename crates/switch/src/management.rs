//! The management network: an Ethernet port of its own that no worker forwards for, and that lives when the data plane does not.
//!
//! The world carries UDP datagrams between the management addresses of switches; here is only what is in them.

use crate::Switch;
use crate::octets::Octets;
use crate::table_door::Output;
use core::net::IpAddr;
use greylag_base::Instant;

/// A datagram for another station of the management network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagementDatagram {
    /// For whom.
    pub to: IpAddr,
    /// What UDP carries.
    pub octets: Octets,
}

impl Switch {
    /// The next datagram that the switch sends over the management network. To be asked until there is none after every input and
    /// look.
    pub fn poll_management(&mut self) -> Option<ManagementDatagram> {
        self.pair.management.pop_front()
    }

    pub(crate) fn send_management(&mut self, now: Instant, to: IpAddr, octets: Vec<u8>) {
        let octets = Octets(octets);
        self.door.note(now, || Output::SendManagement { to, octets: octets.clone() });
        if self.door.is_live() {
            self.pair.management.push_back(ManagementDatagram { to, octets });
        }
    }
}
