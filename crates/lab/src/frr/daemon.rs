//! The daemons of FRR, and which of them a configuration needs.

use std::collections::BTreeSet;
use std::fmt;

/// A daemon, in the order in which they are started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Daemon {
    /// Keeps the routes, and tells the kernel and FPM of them.
    Zebra,
    /// Configured routes.
    Static,
    /// Bidirectional Forwarding Detection.
    Bfd,
    /// OSPF version 2.
    Ospf,
    /// OSPF version 3.
    Ospf6,
    /// IS-IS.
    Isis,
    /// BGP.
    Bgp,
}

impl Daemon {
    /// All of them.
    pub const ALL: [Daemon; 7] =
        [Daemon::Zebra, Daemon::Static, Daemon::Bfd, Daemon::Ospf, Daemon::Ospf6, Daemon::Isis, Daemon::Bgp];

    /// The program.
    pub const fn program(self) -> &'static str {
        match self {
            Daemon::Zebra => "zebra",
            Daemon::Static => "staticd",
            Daemon::Bfd => "bfdd",
            Daemon::Ospf => "ospfd",
            Daemon::Ospf6 => "ospf6d",
            Daemon::Isis => "isisd",
            Daemon::Bgp => "bgpd",
        }
    }

    /// The one with this program.
    pub fn of_program(program: &str) -> Option<Daemon> {
        Daemon::ALL.into_iter().find(|daemon| daemon.program() == program)
    }

    /// Lines that only this daemon understands, by how they begin. vtysh passes over them where it does not run, and says nothing.
    const fn lines(self) -> &'static [&'static str] {
        match self {
            Daemon::Zebra => &[],
            Daemon::Static => &["ip route", "ipv6 route"],
            Daemon::Bfd => &["bfd"],
            Daemon::Ospf => &["router ospf", "ip ospf"],
            Daemon::Ospf6 => &["router ospf6", "ipv6 ospf6"],
            Daemon::Isis => &["router isis", "ip router isis", "ipv6 router isis"],
            Daemon::Bgp => &["router bgp"],
        }
    }

    /// The daemons without which lines of a configuration would be passed over. That `bfd` is written within a neighbour's or an interface's
    /// lines counts too.
    pub fn needed_by(configuration: &str) -> BTreeSet<Daemon> {
        let says = |line: &str, words: &str| {
            let mut line = line.split_whitespace();
            words.split(' ').all(|word| line.next() == Some(word))
        };
        let by_bfd = |line: &str| line.split_whitespace().any(|word| word == "bfd");
        let needs = |daemon: &Daemon| {
            configuration.lines().filter(|line| !line.trim_start().starts_with(['!', '#'])).any(|line| {
                daemon.lines().iter().any(|words| says(line, words)) || *daemon == Daemon::Bfd && by_bfd(line)
            })
        };
        Daemon::ALL.into_iter().filter(needs).collect()
    }
}

impl fmt::Display for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.program())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_says_whom_it_needs() {
        let cases: &[(&str, &[Daemon])] = &[
            ("", &[]),
            ("interface eth1\n ip address 192.0.2.1/30\n", &[]),
            ("ip route 0.0.0.0/0 192.0.2.1\n", &[Daemon::Static]),
            ("ipv6  route ::/0 2001:db8::1\n", &[Daemon::Static]),
            ("router ospf\n network 192.0.2.0/24 area 0\n", &[Daemon::Ospf]),
            ("router ospf6\n", &[Daemon::Ospf6]),
            ("interface eth1\n ip ospf area 0\n ip ospf bfd\n", &[Daemon::Bfd, Daemon::Ospf]),
            ("interface eth1\n ip router isis core\n", &[Daemon::Isis]),
            ("router bgp 65001\n neighbor 192.0.2.1 bfd\n", &[Daemon::Bfd, Daemon::Bgp]),
            ("bfd\n peer 192.0.2.1\n", &[Daemon::Bfd]),
            ("! router bgp 65001\n# router ospf\nhostname router\n", &[]),
        ];
        for (configuration, needed) in cases {
            let needed: BTreeSet<Daemon> = needed.iter().copied().collect();
            assert_eq!(Daemon::needed_by(configuration), needed, "{configuration}");
        }
    }

    #[test]
    fn zebra_is_the_first() {
        assert!(Daemon::ALL.is_sorted());
        assert_eq!(Daemon::ALL[0], Daemon::Zebra);
    }
}
