//! A zebra that says what the test has it say, and what the switch makes of it.

use super::*;
use crate::Input;
use crate::config::{
    FpmConfig, InterfaceAddress, InterfaceConfig, InterfacePlace, Membership, PortConfig, SwitchConfig,
};
use crate::fault::{Fault, ProgrammingMishap, WriteFilter};
use greylag_base::{PortId, PortName, Seed};
use greylag_fpm::{Encap, GroupMember, Hops, NextHopAdd, NextHopGroup, RouteDelete, encode};
use std::time::Duration;

/// The kernel's numbers of the interfaces.
const ETH1: IfIndex = IfIndex(11);
const ETH2: IfIndex = IfIndex(12);

struct Rig {
    switch: Switch,
    now: Instant,
}

/// Two routed ports, 192.0.2.1/30 and 192.0.2.5/30, whose links are up.
fn config() -> SwitchConfig {
    let mut config = SwitchConfig::new("r1");
    for (index, address) in ["192.0.2.1", "192.0.2.5"].into_iter().enumerate() {
        let name = PortName::new(format!("eth{}", index + 1).as_str()).unwrap();
        let mut port = PortConfig::new(name.clone());
        port.membership = Membership::Routed;
        config.ports.push(port);
        config.interfaces.push(InterfaceConfig {
            name,
            place: InterfacePlace::Port(PortId(index as u16)),
            enabled: true,
            mac_address: None,
            mtu: 1500,
            addresses: vec![InterfaceAddress { ip: address.parse().unwrap(), prefix_length: 30 }],
        });
    }
    config.routing.fpm = Some(FpmConfig::at("127.0.0.1:2620".parse().unwrap()));
    config
}

impl Rig {
    fn new() -> Rig {
        let switch = Switch::new(config(), Seed(1), Instant::ZERO).unwrap();
        let mut rig = Rig { switch, now: Instant::ZERO };
        for port in [PortId(0), PortId(1)] {
            rig.tell(Input::Link { port, up: true });
        }
        for (interface, IfIndex(index)) in [(InterfaceId(0), ETH1), (InterfaceId(1), ETH2)] {
            rig.tell(Input::HostInterface { interface, index });
        }
        rig.connect();
        rig
    }

    fn tell(&mut self, input: Input) {
        self.switch.handle_input(self.now, input).unwrap();
    }

    fn connect(&mut self) {
        self.tell(Input::Fpm(FpmInput::Connected));
    }

    fn octets(&mut self, octets: &[u8]) {
        self.tell(Input::Fpm(FpmInput::Octets(Octets(octets.to_vec()))));
    }

    fn say(&mut self, messages: &[FpmMessage<'_>]) {
        let mut octets = Vec::new();
        for message in messages {
            encode(&[*message], &mut octets).unwrap();
        }
        self.octets(&octets);
    }

    /// Lets time go by, and everything happen that is due.
    fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(due) = self.switch.poll_timeout().filter(|due| *due <= end) {
            self.now = due;
            self.tell(Input::Timeout);
        }
        self.now = end;
    }

    /// What zebra's route for a prefix leads to.
    fn target(&self, prefix: &str) -> Option<Target> {
        let offers = self.switch.routing.rib.offers(prefix.parse().unwrap());
        offers.iter().find(|offer| offer.source == RouteSource::Zebra).map(|offer| offer.target.clone())
    }

    /// What zebra is told: prefixes, and whether the data plane has them or could not take them.
    fn answers(&mut self) -> Vec<(String, &'static str)> {
        let octets: Vec<u8> = std::iter::from_fn(|| self.switch.poll_fpm()).flatten().collect();
        let (mut fpm, mut answers, mut rest) = (Fpm::new(), Vec::new(), &octets[..]);
        // A frame's length, then what zebra would say, and rtm_flags behind 16 octets and 8 more.
        while let [_, _, high, low, ..] = *rest {
            let (frame, others) = rest.split_at(u16::from_be_bytes([high, low]).into());
            let flags = u32::from_ne_bytes(frame[4 + 16 + 8..][..4].try_into().unwrap());
            assert_eq!(fpm.handle_bytes(frame), frame.len());
            let Ok(Some(FpmMessage::RouteAdd(route))) = fpm.poll_message() else { panic!("a route") };
            let word = match flags {
                0x4000 => "offloaded",
                0x2000_0000 => "failed",
                _ => panic!("{flags:x}"),
            };
            answers.push((super::prefix(route.prefix).to_string(), word));
            rest = others;
        }
        answers.sort();
        answers
    }

    fn conflicts(&mut self) -> usize {
        self.pass(Duration::from_secs(1));
        self.tell(Input::CheckFib { repair: false });
        self.switch.fib_conflicts().len()
    }
}

fn route(prefix: &str, next: Next<'static>) -> FpmMessage<'static> {
    FpmMessage::RouteAdd(RouteAdd {
        prefix: RoutePrefix::V4(prefix.parse().unwrap()),
        table: TableId::MAIN,
        protocol: Protocol::BGP,
        priority: 20,
        next,
        replace: true,
    })
}

fn gone(prefix: &str) -> FpmMessage<'static> {
    FpmMessage::RouteDelete(RouteDelete {
        prefix: RoutePrefix::V4(prefix.parse().unwrap()),
        table: TableId::MAIN,
        protocol: Protocol::BGP,
        priority: 20,
    })
}

fn means(id: u32, object: NextHopObject<'_>) -> FpmMessage<'_> {
    FpmMessage::NextHopAdd(NextHopAdd { id: NextHopId(id), protocol: Protocol::ZEBRA, replace: true, object })
}

fn by(gateway: &str, interface: IfIndex) -> NextHop {
    NextHop { gateway: Some(gateway.parse().unwrap()), interface, ..NextHop::default() }
}

fn one(id: u32, gateway: &str, interface: IfIndex) -> FpmMessage<'static> {
    means(id, NextHopObject::Single(None, by(gateway, interface)))
}

fn group(id: u32, members: &[GroupMember]) -> FpmMessage<'_> {
    means(id, NextHopObject::Group(NextHopGroup { members: members.into(), resilient: None }))
}

fn hop(address: &str, interface: u16, weight: u16) -> Hop {
    Hop { address: address.parse().unwrap(), interface: Some(InterfaceId(interface)), weight }
}

const MEMBERS: [GroupMember; 2] =
    [GroupMember { id: NextHopId(1), weight: 1 }, GroupMember { id: NextHopId(2), weight: 3 }];

#[test]
fn a_route_may_come_before_its_group_and_that_before_its_members() {
    let mut rig = Rig::new();
    rig.say(&[route("198.51.100.0/24", Next::Id(NextHopId(9)))]);
    assert_eq!(rig.target("198.51.100.0/24"), None);
    rig.say(&[group(9, &MEMBERS)]);
    assert_eq!(rig.target("198.51.100.0/24"), None);
    rig.say(&[one(1, "192.0.2.2", ETH1)]);
    assert_eq!(rig.target("198.51.100.0/24"), Some(Target::hops([hop("192.0.2.2", 0, 1)])));
    rig.say(&[one(2, "192.0.2.6", ETH2)]);
    let both = Target::hops([hop("192.0.2.2", 0, 1), hop("192.0.2.6", 1, 3)]);
    assert_eq!(rig.target("198.51.100.0/24"), Some(both));
    assert_eq!(rig.conflicts(), 0);
}

#[test]
fn a_group_that_loses_a_member_takes_its_routes_along() {
    let mut rig = Rig::new();
    rig.say(&[one(1, "192.0.2.2", ETH1), one(2, "192.0.2.6", ETH2), group(9, &MEMBERS)]);
    rig.say(&[
        route("198.51.100.0/24", Next::Id(NextHopId(9))),
        route("203.0.113.0/24", Next::Id(NextHopId(1))),
    ]);
    // The link of the first is down: zebra changes the group, says nothing of the next hop, and deletes the route.
    rig.say(&[group(9, &MEMBERS[1..]), gone("203.0.113.0/24")]);
    assert_eq!(rig.target("198.51.100.0/24"), Some(Target::hops([hop("192.0.2.6", 1, 3)])));
    assert_eq!(rig.target("203.0.113.0/24"), None);
    // It is back, by another number.
    let members = [GroupMember { id: NextHopId(12), weight: 1 }, MEMBERS[1]];
    rig.say(&[group(9, &members), one(12, "192.0.2.2", ETH1)]);
    let both = Target::hops([hop("192.0.2.2", 0, 1), hop("192.0.2.6", 1, 3)]);
    assert_eq!(rig.target("198.51.100.0/24"), Some(both));
    assert_eq!(rig.conflicts(), 0);
}

#[test]
fn what_is_to_be_wrapped_is_not_sent_plain() {
    let mut rig = Rig::new();
    let wrapped = NextHop { encap: Some(Encap(1)), ..by("192.0.2.2", ETH1) };
    rig.say(&[
        means(1, NextHopObject::Single(None, wrapped)),
        one(2, "192.0.2.6", ETH2),
        route("0.0.0.0/0", Next::Id(NextHopId(2))),
        route("198.51.100.0/24", Next::Id(NextHopId(1))),
    ]);
    assert_eq!(rig.target("198.51.100.0/24"), Some(Target::Unreachable));
}

#[test]
fn routes_say_themselves_where_they_lead_or_that_they_do_not() {
    let mut rig = Rig::new();
    let weighed = greylag_fpm::Hop { next_hop: by("192.0.2.2", ETH1), weight: 2 };
    rig.say(&[
        route("198.51.100.0/24", Next::Hops(Hops::from(weighed))),
        route("203.0.113.0/24", Next::Blackhole),
        route("203.0.113.128/25", Next::Prohibit),
        // By an interface that is none of ours.
        route(
            "192.0.2.128/25",
            Next::Hops(greylag_fpm::Hop { next_hop: by("10.0.0.1", IfIndex(99)), weight: 1 }.into()),
        ),
    ]);
    assert_eq!(rig.target("198.51.100.0/24"), Some(Target::hops([hop("192.0.2.2", 0, 2)])));
    assert_eq!(rig.target("203.0.113.0/24"), Some(Target::Blackhole));
    assert_eq!(rig.target("203.0.113.128/25"), Some(Target::Prohibit));
    assert_eq!(rig.target("192.0.2.128/25"), None);
}

#[test]
fn connected_networks_are_the_switchs_own() {
    let mut rig = Rig::new();
    let FpmMessage::RouteAdd(route) = route("192.0.2.0/30", Next::Id(NextHopId(1))) else { unreachable!() };
    let link = NextHop { interface: ETH1, ..NextHop::default() };
    let connected = FpmMessage::RouteAdd(RouteAdd { protocol: Protocol::KERNEL, ..route });
    rig.say(&[means(1, NextHopObject::Single(None, link)), connected]);
    assert_eq!(rig.target("192.0.2.0/30"), None);
}

#[test]
fn routes_outlive_zebra_and_are_swept_when_it_does_not_tell_them_again() {
    let mut rig = Rig::new();
    let told = [
        one(1, "192.0.2.2", ETH1),
        route("198.51.100.0/24", Next::Id(NextHopId(1))),
        route("203.0.113.0/24", Next::Id(NextHopId(1))),
    ];
    rig.say(&told);
    rig.tell(Input::Fpm(FpmInput::Closed));
    rig.pass(Duration::from_secs(3600));
    assert!(rig.target("198.51.100.0/24").is_some() && rig.target("203.0.113.0/24").is_some());

    rig.connect();
    // It counts anew.
    rig.say(&[one(7, "192.0.2.6", ETH2), route("198.51.100.0/24", Next::Id(NextHopId(7)))]);
    rig.pass(Duration::from_secs(119));
    assert_eq!(rig.target("198.51.100.0/24"), Some(Target::hops([hop("192.0.2.6", 1, 1)])));
    assert!(rig.target("203.0.113.0/24").is_some(), "it may still come");
    rig.pass(Duration::from_secs(2));
    assert_eq!(rig.target("203.0.113.0/24"), None);
    assert!(rig.target("198.51.100.0/24").is_some());
    assert_eq!(rig.conflicts(), 0);
}

#[test]
fn a_stream_that_is_none_ends_the_connection_and_not_the_routes() {
    let mut rig = Rig::new();
    rig.say(&[one(1, "192.0.2.2", ETH1), route("198.51.100.0/24", Next::Id(NextHopId(1)))]);
    rig.octets(b"GET / HTTP/1.1\r\n");
    assert!(!rig.switch.has_fpm());
    assert!(rig.target("198.51.100.0/24").is_some());
}

#[test]
fn a_routing_agent_that_crashes_hangs_up() {
    let mut rig = Rig::new();
    rig.say(&[one(1, "192.0.2.2", ETH1), route("198.51.100.0/24", Next::Id(NextHopId(1)))]);
    rig.tell(Input::Fault(Fault::Crash { agent: AgentKind::Routing, dump: Duration::ZERO }));
    assert!(!rig.switch.has_fpm() && !rig.switch.listens_to_fpm());
    rig.pass(Duration::from_secs(1));
    assert!(rig.switch.listens_to_fpm());
    assert!(rig.target("198.51.100.0/24").is_some());
}

#[test]
fn a_route_that_flaps_needs_no_more_room() {
    let mut rig = Rig::new();
    rig.say(&[one(1, "192.0.2.2", ETH1), one(2, "192.0.2.6", ETH2)]);
    for turn in 0..1000 {
        rig.say(&[route("198.51.100.0/24", Next::Id(NextHopId(1 + turn % 2)))]);
    }
    let feed = rig.switch.routing.feed.as_ref().unwrap();
    assert!(feed.numbers.values().all(|number| number.prefixes.len() < 100));
}

const MOMENT: Duration = Duration::from_millis(10);

fn offloaded(prefixes: &[&str]) -> Vec<(String, &'static str)> {
    prefixes.iter().map(|prefix| ((*prefix).to_owned(), "offloaded")).collect()
}

#[test]
fn zebra_hears_of_its_routes_once_the_data_plane_has_them() {
    let mut rig = Rig::new();
    rig.say(&[
        one(1, "192.0.2.2", ETH1),
        route("198.51.100.0/24", Next::Id(NextHopId(1))),
        route("203.0.113.0/24", Next::Id(NextHopId(1))),
        route("203.0.113.128/25", Next::Id(NextHopId(7))),
        route("192.0.2.0/30", Next::Id(NextHopId(1))),
    ]);
    assert_eq!((rig.answers(), rig.switch.owes_fpm()), (offloaded(&[]), true), "nothing is written yet");
    rig.pass(MOMENT);
    // One leads nowhere yet, and of one the switch has a better.
    assert_eq!(rig.answers(), offloaded(&["198.51.100.0/24", "203.0.113.0/24"]));
    assert!(!rig.switch.owes_fpm());

    // Told twice, and answered once; deleted, and not answered.
    rig.say(&[route("198.51.100.0/24", Next::Id(NextHopId(1))), one(7, "192.0.2.6", ETH2)]);
    rig.say(&[route("198.51.100.0/24", Next::Id(NextHopId(7))), gone("203.0.113.0/24")]);
    rig.pass(MOMENT);
    assert_eq!(rig.answers(), offloaded(&["198.51.100.0/24", "203.0.113.128/25"]));
}

#[test]
fn zebra_hears_of_what_fails_and_of_what_does_after_all() {
    let mut rig = Rig::new();
    let mishap = ProgrammingMishap::Drop { acknowledged: false };
    let only = WriteFilter { prefix: Some("198.51.100.0/24".parse().unwrap()), ..WriteFilter::default() };
    let lasts = Some(Duration::from_millis(500));
    rig.tell(Input::Fault(Fault::Misprogram { mishap, only, share: 1.0, lasts }));
    rig.say(&[
        one(1, "192.0.2.2", ETH1),
        one(2, "192.0.2.6", ETH2),
        route("198.51.100.0/24", Next::Id(NextHopId(1))),
        route("203.0.113.0/24", Next::Id(NextHopId(2))),
    ]);
    rig.pass(MOMENT);
    let failed = ("198.51.100.0/24".to_owned(), "failed");
    assert_eq!(rig.answers(), [vec![failed], offloaded(&["203.0.113.0/24"])].concat());
    rig.pass(Duration::from_secs(3));
    assert_eq!(rig.answers(), offloaded(&["198.51.100.0/24"]));
}

#[test]
fn a_programming_agent_that_is_back_answers_everything() {
    let mut rig = Rig::new();
    rig.say(&[one(1, "192.0.2.2", ETH1)]);
    rig.tell(Input::Fault(Fault::Crash { agent: AgentKind::Programming, dump: Duration::ZERO }));
    rig.say(&[route("198.51.100.0/24", Next::Id(NextHopId(1)))]);
    assert!(rig.answers().is_empty() && rig.switch.owes_fpm());
    rig.pass(Duration::from_secs(3));
    assert_eq!(rig.answers(), offloaded(&["198.51.100.0/24"]));
    assert!(!rig.switch.owes_fpm());
}

#[test]
fn a_shared_interface_has_a_port_behind_the_others() {
    let rig = Rig::new();
    let forwarding = rig.switch.data_plane().forwarding();
    let host = forwarding.interface(InterfaceId(1)).unwrap().host.unwrap();
    assert_eq!(host, PortId(3));
    assert_eq!(forwarding.port(host).unwrap().layer3, greylag_dataplane::Layer3::Host(InterfaceId(1)));
    // Nobody has configured it, and nobody is shown it.
    assert_eq!(rig.switch.ports().len(), 2);
}
