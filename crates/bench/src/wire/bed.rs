//! Stations around a switch, and what the kernel counts at their interfaces.

use super::WireError;
use super::ground::Ground;
use greylag_base::{MacAddr, PortName};
use greylag_lab::link::{self, VethEnd};
use greylag_lab::netns::Netns;
use greylag_lab::stack::Stack;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// The kernel allows jumbo frames of this payload at both ends of every cable.
const MTU: u16 = 9216;
/// Counters that have not moved for so long have settled.
const QUIET: Duration = Duration::from_millis(60);
/// How long counters may move after the last frame was sent.
const SETTLING: Duration = Duration::from_secs(3);

/// What the ports of the device under test are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PortKind {
    /// Cables of the kernel's between two namespaces.
    Veth,
    /// Interfaces of a station whose other end is a program's.
    Tap,
}

impl PortKind {
    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            PortKind::Veth => "veth",
            PortKind::Tap => "tap",
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Result<PortKind, String> {
        match name {
            "veth" => Ok(PortKind::Veth),
            "tap" => Ok(PortKind::Tap),
            _ => Err("expected veth or tap".to_owned()),
        }
    }
}

/// A namespace with one interface, behind which there is a port of the device under test.
pub(crate) struct Station {
    pub(crate) netns: Netns,
    /// The interface, of the same name as the port.
    pub(crate) name: PortName,
}

/// The stations, and the namespace of the device under test.
pub(crate) struct Bed {
    pub(crate) stations: Vec<Station>,
    pub(crate) switch: Netns,
    pub(crate) kind: PortKind,
    // The last to go.
    pub(crate) ground: Ground,
}

/// What the kernel has counted at an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Came out of the port to the station.
    pub(crate) rx: u64,
    /// Were to go to the port and did not get through: for a cable the kernel's doing, for a TAP of whoever reads it too slowly.
    pub(crate) tx_dropped: u64,
}

impl Bed {
    /// Stations with as many ports, by cables of so many queues. Where ports are TAPs, the device under test makes them.
    pub(crate) fn new(kind: PortKind, ports: usize, queues: NonZeroU32) -> Result<Bed, WireError> {
        let mut ground = Ground::new()?;
        let switch = ground.netns("dut", Stack::Switch)?;
        let mut stations = Vec::new();
        for index in 0..ports {
            let netns = ground.netns(&format!("s{index}"), Stack::Switch)?;
            let name = port_name(index);
            if kind == PortKind::Veth {
                let end = |netns| VethEnd { netns, name: &name, mac: None, mtu: MTU };
                let own = VethEnd { mac: Some(station_mac(index)), ..end(&netns) };
                link::veth_pair_of(queues, &own, &end(&switch))?;
                link::set_up(&netns, name.as_str())?;
                link::set_up(&switch, name.as_str())?;
            }
            stations.push(Station { netns, name });
        }
        Ok(Bed { stations, switch, kind, ground })
    }

    /// Two stations with nothing but a cable between them.
    pub(crate) fn cable() -> Result<Bed, WireError> {
        let mut ground = Ground::new()?;
        let switch = ground.netns("dut", Stack::Switch)?;
        let netns = [0, 1].map(|index| ground.netns(&format!("s{index}"), Stack::Switch));
        let [left, right] = netns;
        let stations: Vec<Station> = [left?, right?]
            .into_iter()
            .enumerate()
            .map(|(index, netns)| Station { netns, name: port_name(index) })
            .collect();
        let end = |station: usize| VethEnd {
            netns: &stations[station].netns,
            name: &stations[station].name,
            mac: Some(station_mac(station)),
            mtu: MTU,
        };
        link::veth_pair(&end(0), &end(1))?;
        for station in &stations {
            link::set_up(&station.netns, station.name.as_str())?;
        }
        Ok(Bed { stations, switch, kind: PortKind::Veth, ground })
    }

    /// Interfaces of this namespace as stations, behind which there is somebody else's device.
    pub(crate) fn external(interfaces: &[String]) -> Result<Bed, WireError> {
        let mut ground = Ground::new()?;
        let switch = ground.netns("dut", Stack::Switch)?;
        let own = Netns::own()?;
        let station = |name: &String| {
            let name = PortName::new(name.clone())
                .map_err(|error| WireError::NoCarrier(format!("{name} ({error})")))?;
            Ok(Station { netns: own.clone(), name })
        };
        let stations = interfaces.iter().map(station).collect::<Result<_, WireError>>()?;
        Ok(Bed { stations, switch, kind: PortKind::Veth, ground })
    }

    /// The names of the ports, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        self.stations.iter().map(|station| station.name.to_string()).collect()
    }

    /// Gives every station an address, for protocols of the kernel's.
    pub(crate) fn give_addresses(&self) -> Result<(), WireError> {
        for (index, station) in self.stations.iter().enumerate() {
            link::add_address(&station.netns, station.name.as_str(), address(index), 24)?;
        }
        Ok(())
    }

    /// Waits until the interfaces of all stations are there and have a carrier.
    pub(crate) fn await_carriers(&self, patience: Duration) -> Result<(), WireError> {
        let deadline = Instant::now() + patience;
        loop {
            let mut missing = None;
            for station in &self.stations {
                let found = link::find(&station.netns, station.name.as_str())?;
                if !found.is_some_and(|found| found.up && found.carrier) {
                    missing = Some(station.name.to_string());
                }
            }
            match missing {
                None => return Ok(()),
                Some(port) if Instant::now() >= deadline => return Err(WireError::NoCarrier(port)),
                Some(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }
}

impl Station {
    /// What the kernel has counted at its interface.
    pub(crate) fn counts(&self) -> Result<Counts, WireError> {
        let text = self.netns.run(|| std::fs::read_to_string("/proc/thread-self/net/dev"));
        let text = text.and_then(|text| text).map_err(WireError::system("read /proc/net/dev".to_owned()))?;
        counts(&text, self.name.as_str()).ok_or_else(|| WireError::NoCarrier(self.name.to_string()))
    }

    /// What it has received once no more comes in.
    pub(crate) fn settled(&self) -> Result<u64, WireError> {
        let begun = Instant::now();
        let (mut last, mut since) = (self.counts()?.rx, Instant::now());
        while since.elapsed() < QUIET && begun.elapsed() < SETTLING {
            std::thread::sleep(Duration::from_millis(5));
            let now = self.counts()?.rx;
            if now != last {
                (last, since) = (now, Instant::now());
            }
        }
        Ok(last)
    }
}

/// The row of an interface in /proc/net/dev: eight columns of what came in, then those of what went out (proc_pid_net(5)).
fn counts(text: &str, interface: &str) -> Option<Counts> {
    let row = text.lines().find_map(|line| line.trim_start().strip_prefix(interface)?.strip_prefix(':'))?;
    let mut columns = row.split_whitespace().map(str::parse);
    let rx = columns.nth(1)?.ok()?;
    let tx_dropped = columns.nth(9)?.ok()?;
    Some(Counts { rx, tx_dropped })
}

/// Port number `index`, on both ends.
pub(crate) fn port_name(index: usize) -> PortName {
    PortName::new(format!("p{index}")).expect("a short name without blanks")
}

/// The hardware address of a station's own interface.
pub(crate) fn station_mac(index: usize) -> MacAddr {
    MacAddr([0x02, 0xbe, 0, 0, 0, index as u8])
}

/// The IP address of a station.
pub(crate) fn address(index: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 77, 0, index as u8 + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_read_by_the_interface() {
        let text = "Inter-|   Receive                 |  Transmit\n face |bytes    packets errs\n\
                    \x20   lo:  1 2 0 0 0 0 0 0  3 4 0 0 0 0 0 0\n    p1: 640 10 0 3 0 0 0 0 1280 20 0 7 0 0 0 0\n";
        assert_eq!(counts(text, "p1"), Some(Counts { rx: 10, tx_dropped: 7 }));
        assert_eq!(counts(text, "p"), None);
        assert_eq!(counts(text, "p2"), None);
    }
}
