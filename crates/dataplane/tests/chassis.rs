//! One chassis of a pair: what comes in by the link between them has been given to the other legs already.
//!
//! ```text
//!   ports 0, 1: stations of this chassis alone     ports 2, 3: bundle 7, our leg of a bundle whose other leg is up
//!   ports 4, 5: bundle 8, the link between the chassis             port 6: our leg of a bundle whose other leg is down
//! ```

use greylag_base::{DropReason, Instant, MacAddr, PortId, Seed, VlanId};
use greylag_dataplane::{
    Aggregation, Buckets, Chassis, Damping, DataPlane, Decision, FlowFields, FlowHash, Forwarding, Keeper,
    Learning, Limits, PortForwarding, Tracer, Worker, WorkerEvent,
};
use greylag_ports::MemoryPort;
use greylag_wire::ethernet::{EtherType, Repr};
use std::sync::Arc;
use std::time::Duration;

const LEG: PortId = PortId(7);
const LINK: PortId = PortId(8);
const AGENT: Learning = Learning {
    install: Keeper::Agent,
    renew: Keeper::Agent,
    report_interval: None,
    adjacency: Keeper::Agent,
};

struct Rig {
    plane: Arc<DataPlane>,
    worker: Worker,
    switch: Vec<Option<MemoryPort>>,
    hosts: Vec<MemoryPort>,
}

fn ports() -> Vec<PortForwarding> {
    let own = PortForwarding::access(VlanId::DEFAULT);
    let member =
        |lag| PortForwarding { aggregation: Aggregation::Member { lag, collecting: true }, ..own.clone() };
    let bundle = |members: [u16; 2], chassis| PortForwarding {
        aggregation: Aggregation::Lag(Buckets::even(&members.map(PortId))),
        chassis,
        ..own.clone()
    };
    let (leg, link) = (bundle([2, 3], Chassis::Shared), bundle([4, 5], Chassis::Link));
    let members = [LEG, LEG, LINK, LINK].map(member);
    [own.clone(), own.clone()].into_iter().chain(members).chain([own.clone(), leg, link]).collect()
}

fn forwarding(ports: Vec<PortForwarding>) -> Forwarding {
    Forwarding::new(ports, 0).with_flow_hash(FlowHash::new(FlowFields::LAYER2, Seed(3)))
}

impl Rig {
    fn new() -> Self {
        Rig::with(forwarding(ports()))
    }

    fn with(forwarding: Forwarding) -> Self {
        let plane = Arc::new(DataPlane::new(&Limits { ports: 9, ..Limits::default() }, Seed(7)).unwrap());
        plane.publish(forwarding);
        let (hosts, mut switch): (Vec<_>, Vec<_>) =
            (0..7).map(|_| MemoryPort::pair(64)).map(|(host, port)| (host, Some(port))).unzip();
        switch.extend([None, None]);
        Rig { worker: Worker::new(Arc::clone(&plane), 0), plane, switch, hosts }
    }

    /// A frame that came in by `from`: what was decided, and by which ports of the bridge it leaves. The rehearsal said the same.
    fn send(&mut self, from: u16, source: u64, destination: MacAddr) -> (Decision, Vec<u16>) {
        let frame = Repr { destination, source: station(source), ether_type: EtherType::LOCAL_EXPERIMENT }
            .frame(b"greylag");
        let rehearsed = self.plane.rehearse(Instant::ZERO, 0, PortId(from), &frame);
        assert!(self.hosts[usize::from(from)].send(&frame));
        let mut heard = Heard(Vec::new());
        self.worker
            .poll_port_traced(Instant::ZERO, PortId(from), self.switch.as_mut_slice(), &mut heard)
            .unwrap();
        let mut left: Vec<u16> = Vec::new();
        for (port, host) in (0..).zip(&mut self.hosts) {
            let copies = std::iter::from_fn(|| host.receive()).count();
            left.extend((0..copies).map(|_| bridge_port(port)));
        }
        left.sort_unstable();
        let mut would: Vec<u16> = rehearsed.sent.iter().map(|(port, _)| bridge_port(port.0)).collect();
        would.sort_unstable();
        let [decision] = heard.0[..] else { panic!("{:?}", heard.0) };
        assert_eq!((rehearsed.decision, would), (Some(decision), left.clone()));
        (decision, left)
    }

    /// By which ports of the bridge it leaves.
    fn reaches(&mut self, from: u16, source: u64, destination: MacAddr) -> Vec<u16> {
        self.send(from, source, destination).1
    }

    fn learn(&self, number: u64, port: PortId) {
        let session = self.plane.table().session(0);
        session.learn(&session.probe(1, station(number).0), port.0);
    }

    fn port_of(&self, number: u64) -> Option<PortId> {
        let mut entries = self.plane.table().iter(0);
        entries.find(|entry| entry.mac == station(number).0).map(|entry| PortId(entry.port))
    }

    fn drops(&self, port: u16, reason: DropReason) -> u64 {
        self.plane.port_counts(PortId(port)).drops[reason.index()]
    }

    fn reports(&self) -> Vec<WorkerEvent> {
        self.plane.take_reports(usize::MAX).into_iter().map(|report| report.event).collect()
    }
}

struct Heard(Vec<Decision>);

impl Tracer for Heard {
    fn decided(&mut self, _ingress: PortId, _number: u16, _frame: &[u8], decision: Decision) {
        self.0.push(decision);
    }
}

fn bridge_port(port: u16) -> u16 {
    match port {
        2 | 3 => LEG.0,
        4 | 5 => LINK.0,
        _ => port,
    }
}

fn station(number: u64) -> MacAddr {
    MacAddr::from_bits(0x0200_0000_0000 + number)
}

const EVERYBODY: MacAddr = MacAddr::BROADCAST;
const GROUP: MacAddr = MacAddr([1, 0, 0x5e, 0, 0, 5]);

#[test]
fn what_is_flooded_from_the_link_reaches_all_but_the_legs_whose_other_legs_have_got_it() {
    let mut rig = Rig::new();
    for (number, to) in [(50, EVERYBODY), (51, GROUP), (52, station(99))] {
        assert_eq!(rig.reaches(4, number, to), [0, 1, 6], "{to}");
        // From anywhere else it reaches everybody once: over the link, too, for stations that the other chassis alone has.
        assert_eq!(rig.reaches(0, 60 + number, to), [1, 6, LEG.0, LINK.0], "{to}");
        assert_eq!(rig.reaches(2, 70 + number, to), [0, 1, 6, LINK.0], "{to}");
        assert_eq!(rig.reaches(6, 80 + number, to), [0, 1, LEG.0, LINK.0], "{to}");
    }
    assert_eq!(
        rig.drops(4, DropReason::SplitHorizon),
        0,
        "a copy that is not made is no frame that is dropped"
    );
}

#[test]
fn what_is_flooded_from_the_link_to_nobody_else_is_dropped_and_counted_where_it_came_in() {
    let mut ports = ports();
    for port in [0, 1, 6] {
        ports[port].up = false;
    }
    let mut rig = Rig::with(forwarding(ports));
    assert_eq!(rig.send(5, 50, EVERYBODY), (Decision::Dropped(DropReason::SplitHorizon), vec![]));
    assert_eq!(rig.drops(5, DropReason::SplitHorizon), 1);
}

#[test]
fn a_known_station_behind_both_legs_is_not_reached_from_the_link() {
    let mut rig = Rig::new();
    for (number, port) in [(1, LEG), (2, PortId(6)), (3, PortId(0))] {
        rig.learn(number, port);
    }
    assert_eq!(rig.send(4, 50, station(1)), (Decision::Dropped(DropReason::SplitHorizon), vec![]));
    assert_eq!((rig.drops(4, DropReason::SplitHorizon), rig.drops(5, DropReason::SplitHorizon)), (1, 0));
    assert_eq!(rig.reaches(4, 50, station(2)), [6], "its other leg is down");
    assert_eq!(rig.reaches(4, 50, station(3)), [0]);
    assert_eq!(rig.reaches(0, 3, station(1)), [LEG.0]);
    assert_eq!(rig.send(2, 1, station(1)).0, Decision::Dropped(DropReason::Hairpin));
}

#[test]
fn a_leg_whose_other_leg_goes_down_is_reached_from_the_link_with_the_next_batch() {
    let mut rig = Rig::new();
    rig.learn(1, LEG);
    assert_eq!(rig.reaches(4, 50, station(1)), [0_u16; 0]);
    let mut alone = ports();
    alone[LEG.index()].chassis = Chassis::None;
    rig.plane.publish(forwarding(alone));
    assert_eq!(rig.reaches(4, 50, station(1)), [LEG.0]);
    assert_eq!(rig.reaches(4, 50, EVERYBODY), [0, 1, 6, LEG.0]);
}

#[test]
fn isolation_groups_are_asked_beside_the_pair() {
    let mut ports = ports();
    for port in [0, 1, LINK.index()] {
        ports[port].isolation_group = Some(1);
    }
    let mut rig = Rig::with(forwarding(ports));
    assert_eq!(rig.reaches(4, 50, EVERYBODY), [6]);
    assert_eq!(rig.reaches(0, 51, EVERYBODY), [6, LEG.0]);
    rig.learn(1, PortId(1));
    rig.learn(2, LEG);
    assert_eq!(rig.send(4, 50, station(1)).0, Decision::Dropped(DropReason::Isolated));
    assert_eq!(rig.send(4, 50, station(2)).0, Decision::Dropped(DropReason::SplitHorizon));
}

#[test]
fn a_station_behind_both_legs_is_not_moved_when_the_other_chassis_passes_on_its_frames() {
    let damping =
        Damping { threshold: 0, interval: Duration::from_secs(1), hold: Duration::from_secs(9), drop: true };
    let mut rig = Rig::with(forwarding(ports()).with_damping(Some(damping)));
    rig.reaches(2, 1, EVERYBODY);
    rig.reports();
    for _ in 0..10 {
        assert_eq!(rig.reaches(4, 1, EVERYBODY), [0, 1, 6], "it passes, however often it seems to move");
    }
    assert_eq!((rig.port_of(1), rig.reports()), (Some(LEG), vec![]));
    let counts = rig.plane.learn_counts();
    assert_eq!((counts.moved, counts.damped), (0, 0));
    // Behind a leg that is alone it has moved.
    rig.learn(2, PortId(6));
    rig.plane.publish(forwarding(ports()));
    rig.reaches(4, 2, EVERYBODY);
    assert_eq!(rig.port_of(2), Some(LINK));
}

#[test]
fn a_station_that_is_known_by_the_link_and_speaks_on_our_leg_is_behind_that() {
    let mut rig = Rig::new();
    rig.reaches(4, 1, EVERYBODY);
    assert_eq!(rig.port_of(1), Some(LINK), "nobody knows it, and it may have one leg only");
    rig.reaches(3, 1, EVERYBODY);
    assert_eq!(rig.port_of(1), Some(LEG));
    rig.reaches(4, 1, EVERYBODY);
    assert_eq!((rig.port_of(1), rig.plane.learn_counts().moved), (Some(LEG), 1));
}

#[test]
fn where_the_agent_learns_it_hears_of_no_move_to_the_link_and_nothing_waits_for_it() {
    let mut rig = Rig::with(forwarding(ports()).with_learning(AGENT));
    let (vlan, mac) = (VlanId::DEFAULT, station(1));
    rig.reaches(4, 1, EVERYBODY);
    assert_eq!(rig.reports(), [WorkerEvent::Seen { vlan, mac, port: LINK }]);
    // The other chassis has told the agent meanwhile.
    rig.plane.install(Instant::ZERO, vlan, mac, LEG, |_| {});
    assert_eq!(rig.plane.sources_waiting().len(), 1);
    rig.reaches(4, 1, EVERYBODY);
    assert_eq!((rig.reports(), rig.plane.sources_waiting()), (vec![], vec![]));
    // The other way round it has moved.
    rig.plane.install(Instant::ZERO, vlan, mac, LINK, |_| {});
    rig.reaches(2, 1, EVERYBODY);
    assert_eq!(rig.reports(), [WorkerEvent::SeenElsewhere { vlan, mac, known: LINK, seen: LEG }]);
}

#[test]
fn a_station_that_the_control_side_has_seen_is_learned_and_goes_nowhere() {
    for (learning, is_installed) in [(Learning { install: Keeper::Worker, ..AGENT }, true), (AGENT, false)] {
        let mut rig = Rig::with(forwarding(ports()).with_learning(learning));
        rig.plane.sight(LINK, VlanId::DEFAULT, station(1));
        rig.worker.originate(Instant::ZERO, &mut rig.switch[..]);
        assert_eq!(rig.port_of(1), is_installed.then_some(LINK));
        let seen = |event: &WorkerEvent| match *event {
            WorkerEvent::Seen { mac, port, .. } | WorkerEvent::Learned { mac, port, .. } => Some((mac, port)),
            _ => None,
        };
        assert_eq!(rig.reports().iter().filter_map(seen).collect::<Vec<_>>(), [(station(1), LINK)]);
        assert!(rig.hosts.iter_mut().all(|host| host.receive().is_none()), "nobody hears of it");
    }
}
