use core::net::IpAddr;
use greylag_base::{Instant, MacAddr, Seed};
use greylag_sim::host::{Host, HostConfig, HostEvent};
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const DELAY: Duration = Duration::from_micros(500);

/// One host's address in each family, by its number.
pub(crate) fn v4(number: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, number])
}

pub(crate) fn v6(number: u8) -> IpAddr {
    IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, u16::from(number)])
}

pub(crate) fn mac(number: u8) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0, number])
}

pub(crate) fn config(number: u8) -> HostConfig {
    let (IpAddr::V4(v4), IpAddr::V6(v6)) = (v4(number), v6(number)) else { unreachable!() };
    HostConfig {
        ipv4: vec![(v4, 24)],
        ipv6: vec![(v6, 64)],
        ..HostConfig::new(format!("host-{number}"), mac(number))
    }
}

pub(crate) fn host(config: HostConfig) -> Host {
    Host::new(config, Seed(1)).expect("the configuration is right")
}

pub(crate) fn at(since: Duration) -> Instant {
    Instant::ZERO + since
}

/// A frame that a host has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) at: Instant,
    pub(crate) from: usize,
    pub(crate) bytes: Vec<u8>,
}

impl Sent {
    pub(crate) fn to(&self) -> MacAddr {
        MacAddr(self.bytes[..6].try_into().unwrap())
    }

    /// The type behind the addresses, of the tag if there is one.
    pub(crate) fn ether_type(&self) -> u16 {
        u16::from_be_bytes([self.bytes[12], self.bytes[13]])
    }
}

/// Says for each frame after which delays copies of it arrive; none is a loss.
type Fate = Box<dyn FnMut(&Sent) -> Vec<Duration>>;

/// Two hosts back to back on a virtual clock.
pub(crate) struct Cable {
    pub(crate) hosts: [Host; 2],
    pub(crate) now: Instant,
    pub(crate) fate: Fate,
    /// Every frame that was sent, those that were lost included.
    pub(crate) log: Vec<Sent>,
    /// By time, then in the order of sending.
    under_way: BTreeMap<(Instant, u64), (usize, Vec<u8>)>,
    count: u64,
}

impl Cable {
    pub(crate) fn new(hosts: [Host; 2]) -> Self {
        Cable {
            hosts,
            now: Instant::ZERO,
            fate: Box::new(|_| vec![DELAY]),
            log: Vec::new(),
            under_way: BTreeMap::new(),
            count: 0,
        }
    }

    /// Hosts 1 and 2.
    pub(crate) fn plain() -> Self {
        Cable::new([host(config(1)), host(config(2))])
    }

    /// Lets the world go on to `end`, and what happens at `end` happen.
    pub(crate) fn run_until(&mut self, end: Instant) {
        loop {
            self.collect();
            let arrival = self.under_way.first_key_value().map(|((at, _), _)| *at);
            let timeouts = self.hosts.iter().filter_map(Host::poll_timeout);
            let Some(next) = timeouts.chain(arrival).min().filter(|&next| next <= end) else { break };
            assert!(next >= self.now, "a host wants to be called in the past");
            self.now = next;
            for host in &mut self.hosts {
                if host.poll_timeout().is_some_and(|at| at <= next) {
                    host.handle_timeout(next);
                    assert!(host.poll_timeout().is_none_or(|at| at > next), "time stands still");
                }
            }
            self.collect();
            while let Some(entry) = self.under_way.first_entry().filter(|entry| entry.key().0 <= next) {
                let (to, bytes) = entry.remove();
                self.hosts[to].handle_frame(next, &bytes);
            }
        }
        self.now = end;
    }

    pub(crate) fn run_for(&mut self, span: Duration) {
        self.run_until(self.now + span);
    }

    fn collect(&mut self) {
        let mut frame = Vec::new();
        for from in 0..2 {
            while self.hosts[from].poll_transmit(&mut frame) {
                let sent = Sent { at: self.now, from, bytes: frame.clone() };
                for delay in (self.fate)(&sent) {
                    self.count += 1;
                    self.under_way.insert((self.now + delay, self.count), (1 - from, frame.clone()));
                }
                self.log.push(sent);
            }
        }
    }

    pub(crate) fn events(&mut self, host: usize) -> Vec<HostEvent> {
        std::iter::from_fn(|| self.hosts[host].poll_event()).collect()
    }

    pub(crate) fn take_log(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.log)
    }
}
