//! The management network: carries UDP payloads between the management addresses of switches, beside the links and past every
//! data plane.
//!
//! Nothing is lost there but by a port that is cut, and nothing overtakes: what is sent arrives [`DELAY`] later.

use core::net::IpAddr;
use greylag_base::Instant;
use greylag_scenario::lab::Lab;
use greylag_switch::{ManagementDatagram, Octets};
use std::collections::VecDeque;
use std::time::Duration;

/// From one switch to another.
pub(crate) const DELAY: Duration = Duration::from_millis(1);

/// A network of all nodes that have an address on it.
pub(crate) struct ManagementNetwork {
    /// By node.
    stations: Box<[Option<Station>]>,
    /// In the order in which they arrive.
    under_way: VecDeque<Flight>,
}

struct Station {
    address: IpAddr,
    /// Nothing goes in or out.
    is_cut: bool,
}

struct Flight {
    arrives: Instant,
    from: IpAddr,
    datagram: ManagementDatagram,
}

/// What has arrived.
pub(crate) struct Delivery {
    /// At which node.
    pub(crate) node: usize,
    pub(crate) from: IpAddr,
    pub(crate) octets: Octets,
}

impl ManagementNetwork {
    pub(crate) fn new(lab: &Lab) -> Self {
        let station = |node| lab.management_address(node).map(|address| Station { address, is_cut: false });
        ManagementNetwork {
            stations: (0..lab.nodes.len()).map(station).collect(),
            under_way: VecDeque::new(),
        }
    }

    /// A node's port is cut, or whole again.
    pub(crate) fn cut(&mut self, node: usize, is_cut: bool) {
        if let Some(station) = &mut self.stations[node] {
            station.is_cut = is_cut;
        }
    }

    /// A node sends; nothing of it is heard while its port is cut.
    pub(crate) fn send(&mut self, now: Instant, node: usize, datagram: ManagementDatagram) {
        if let Some(station) = self.stations[node].as_ref().filter(|station| !station.is_cut) {
            self.under_way.push_back(Flight { arrives: now + DELAY, from: station.address, datagram });
        }
    }

    /// When the next datagram arrives.
    pub(crate) fn next_arrival(&self) -> Option<Instant> {
        self.under_way.front().map(|flight| flight.arrives)
    }

    /// The next one that has arrived by now, at a port that is not cut.
    pub(crate) fn arrive(&mut self, now: Instant) -> Option<Delivery> {
        while let Some(Flight { from, datagram, .. }) =
            self.under_way.pop_front_if(|flight| flight.arrives <= now)
        {
            let is_there = |station: &Option<Station>| {
                station.as_ref().is_some_and(|station| station.address == datagram.to && !station.is_cut)
            };
            if let Some(node) = self.stations.iter().position(is_there) {
                return Some(Delivery { node, from, octets: datagram.octets });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use greylag_scenario::{Source, lab};

    const LAB: &str = "
name: pair
topology:
  nodes:
    ca1: {kind: greylag, mgmt-ipv4: 172.20.20.11}
    ca2: {kind: greylag, mgmt-ipv4: 172.20.20.12}
    other: {kind: greylag}
  links:
    - endpoints: [\"ca1:eth1\", \"ca2:eth1\"]
    - endpoints: [\"ca1:eth2\", \"other:eth1\"]
";

    fn network() -> ManagementNetwork {
        ManagementNetwork::new(&lab::parse(&Source::new("pair.clab.yml", LAB)).expect("the lab is right"))
    }

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    fn datagram(to: &str, text: &str) -> ManagementDatagram {
        ManagementDatagram { to: to.parse().expect("an address"), octets: Octets(text.as_bytes().to_vec()) }
    }

    /// What arrives by then: at which node, from whom, and what it says.
    fn arrivals(network: &mut ManagementNetwork, now: Instant) -> Vec<(usize, String, String)> {
        std::iter::from_fn(|| network.arrive(now))
            .map(|Delivery { node, from, octets }| {
                (node, from.to_string(), String::from_utf8(octets.0).expect("text"))
            })
            .collect()
    }

    #[test]
    fn what_is_sent_arrives_a_millisecond_later_and_in_order() {
        let mut network = network();
        network.send(at(0), 0, datagram("172.20.20.12", "first"));
        network.send(at(0), 0, datagram("172.20.20.12", "second"));
        network.send(at(5), 1, datagram("172.20.20.11", "back"));
        assert_eq!(network.next_arrival(), Some(at(1)));
        let of_ca1 = |text: &str| (1, "172.20.20.11".to_owned(), text.to_owned());
        assert_eq!(arrivals(&mut network, at(1)), [of_ca1("first"), of_ca1("second")]);
        assert_eq!(network.next_arrival(), Some(at(6)));
        assert_eq!(arrivals(&mut network, at(6)), [(0, "172.20.20.12".to_owned(), "back".to_owned())]);
        assert_eq!(network.next_arrival(), None);
    }

    #[test]
    fn a_cut_port_neither_sends_nor_receives_until_it_is_whole_again() {
        let mut network = network();
        network.cut(1, true);
        network.send(at(0), 0, datagram("172.20.20.12", "to a cut port"));
        network.send(at(0), 1, datagram("172.20.20.11", "from a cut port"));
        assert_eq!(arrivals(&mut network, at(1)), []);
        network.cut(1, false);
        network.send(at(2), 0, datagram("172.20.20.12", "again"));
        assert_eq!(arrivals(&mut network, at(3)).len(), 1);
    }

    #[test]
    fn a_node_that_is_not_on_the_network_is_not_heard_and_nobody_answers_for_a_stranger() {
        let mut network = network();
        network.send(at(0), 2, datagram("172.20.20.11", "from nowhere"));
        network.send(at(0), 0, datagram("172.20.20.99", "to nobody"));
        assert_eq!(arrivals(&mut network, at(9)), []);
    }
}
