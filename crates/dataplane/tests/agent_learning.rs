//! Learning by an agent, on a clock of the test's own: what the worker reports and what it leaves alone, and what becomes of
//! entries and flood groups that nobody renews.

use greylag_base::{DropReason, Instant, MacAddr, PortId, PortSet, Seed, VlanId};
use greylag_dataplane::{
    DataPlane, Forwarding, Keeper, Learning, Limits, PortForwarding, Worker, WorkerEvent,
};
use greylag_mactable::Learn;
use greylag_ports::{MemoryPort, Port};
use greylag_wire::ethernet::{EtherType, Repr};
use std::sync::Arc;
use std::time::Duration;

const PORTS: u16 = 3;
const AGEING: u64 = 300;
const VLAN: VlanId = VlanId::DEFAULT;

/// The agent installs and renews.
const AGENT: Learning = Learning { install: Keeper::Agent, renew: Keeper::Agent, ..Learning::INLINE };

/// A switch of three access ports in one VLAN, with a host on each.
struct Rig {
    plane: Arc<DataPlane>,
    worker: Worker,
    switch: Vec<Option<Box<dyn Port>>>,
    hosts: Vec<MemoryPort>,
    now: Instant,
}

impl Rig {
    fn new(learning: Learning) -> Self {
        Rig::with(Limits::default(), forwarding().with_learning(learning))
    }

    fn with(limits: Limits, forwarding: Forwarding) -> Self {
        let limits = Limits { ports: PORTS, ageing_time: seconds(AGEING), ..limits };
        let plane = Arc::new(DataPlane::new(&limits, Seed(7)).unwrap());
        plane.publish(forwarding);
        let (hosts, switch) = (0..PORTS)
            .map(|_| {
                let (host, port) = MemoryPort::pair(1024);
                (host, Some(Box::new(port) as Box<dyn Port>))
            })
            .unzip();
        Rig { worker: Worker::new(Arc::clone(&plane), 0), plane, switch, hosts, now: Instant::ZERO }
    }

    /// Host `from` sends as station `source`; which hosts receive it.
    fn send(&mut self, from: u16, source: u64, destination: MacAddr) -> Vec<usize> {
        let ether_type = EtherType::LOCAL_EXPERIMENT;
        let frame = Repr { destination, source: mac(source), ether_type }.frame(b"greylag");
        assert!(self.hosts[usize::from(from)].send(&frame));
        self.worker.poll_port(self.now, PortId(from), &mut self.switch).unwrap();
        (0..self.hosts.len()).filter(|&host| self.hosts[host].receive().is_some()).collect()
    }

    fn wait_until(&mut self, second: u64) {
        while self.now < at(second) {
            self.now += seconds(1);
            self.worker.housekeep(self.now, &mut self.switch);
        }
    }

    fn install(&self, source: u64, port: u16) -> Learn {
        self.plane.install(self.now, VLAN, mac(source), PortId(port), |_| {})
    }

    fn renew(&self) -> usize {
        self.plane.table().renew(self.now.as_nanos(), |_, _, _| true)
    }

    fn events(&self) -> Vec<WorkerEvent> {
        self.plane.take_reports(usize::MAX).into_iter().map(|report| report.event).collect()
    }

    fn drops(&self, port: u16, reason: DropReason) -> u64 {
        self.plane.port_counts(PortId(port)).drops[reason.index()]
    }
}

fn forwarding() -> Forwarding {
    Forwarding::new(vec![PortForwarding::access(VLAN); PORTS.into()], 0)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn at(second: u64) -> Instant {
    Instant::ZERO + seconds(second)
}

fn mac(number: u64) -> MacAddr {
    MacAddr::from_bits(0x0200_0000_0000 + number)
}

fn seen(source: u64, port: u16) -> WorkerEvent {
    WorkerEvent::Seen { vlan: VLAN, mac: mac(source), port: PortId(port) }
}

fn elsewhere(source: u64, known: u16, seen: u16) -> WorkerEvent {
    WorkerEvent::SeenElsewhere { vlan: VLAN, mac: mac(source), known: PortId(known), seen: PortId(seen) }
}

#[test]
fn the_worker_reports_a_new_station_and_leaves_the_table_to_the_agent() {
    let mut rig = Rig::new(AGENT);
    assert_eq!(rig.send(1, 5, MacAddr::BROADCAST), [0, 2], "the frame passes");
    assert_eq!(rig.events(), [seen(5, 1)]);
    assert!(rig.plane.table().is_empty());
    assert_eq!(rig.send(0, 1, mac(5)), [1, 2], "unknown until the agent says otherwise");

    assert_eq!(rig.install(5, 1), Learn::New);
    assert_eq!(rig.send(0, 1, mac(5)), [1]);
    assert_eq!(rig.plane.learn_counts().learned, 0);
}

#[test]
fn a_station_that_moves_is_reported_and_stays_where_the_table_has_it() {
    let mut rig = Rig::new(AGENT);
    rig.install(5, 1);
    assert_eq!(rig.send(2, 5, MacAddr::BROADCAST), [0, 1]);
    assert_eq!(rig.events(), [elsewhere(5, 1, 2)]);
    assert_eq!(rig.send(0, 1, mac(5)), [1]);
    assert_eq!(rig.install(5, 2), Learn::Moved { from: 1 });
    assert_eq!(rig.send(0, 1, mac(5)), [2]);
    assert_eq!(rig.plane.learn_counts().moved, 0);
}

#[test]
fn a_static_station_is_not_reported() {
    let mut rig = Rig::new(AGENT);
    rig.plane.table().insert_static(VLAN.get(), mac(5).0, 1).unwrap();
    for port in [1, 2] {
        rig.send(port, 5, MacAddr::BROADCAST);
    }
    assert_eq!((rig.events(), rig.plane.learn_counts().static_kept), (vec![], 1));
}

#[test]
fn a_station_that_waits_is_reported_again_by_the_interval() {
    for (interval, expected) in
        [(None, vec![0]), (Some(seconds(10)), vec![0, 10, 20]), (Some(seconds(1)), (0..=25).collect())]
    {
        let mut rig = Rig::new(Learning { report_interval: interval, ..AGENT });
        let mut reported = Vec::new();
        for second in 0..=25 {
            rig.wait_until(second);
            (0..5).for_each(|_| drop(rig.send(1, 5, MacAddr::BROADCAST)));
            reported.extend(rig.events().iter().map(|_| second));
        }
        assert_eq!(reported, expected, "{interval:?}");
    }
}

#[test]
fn reports_that_do_not_fit_are_counted_and_lost_for_good_unless_repeated() {
    for (interval, known_in_the_end) in [(None, 4), (Some(seconds(10)), 20)] {
        let limits = Limits { report_queue: 4, ..Limits::default() };
        let learning = Learning { report_interval: interval, ..AGENT };
        let mut rig = Rig::with(limits, forwarding().with_learning(learning));
        // The agent hangs while 20 stations come up, and then takes what there is every second.
        for second in 0..100 {
            rig.wait_until(second);
            (0..20).for_each(|station| drop(rig.send(1, station, MacAddr::BROADCAST)));
            if second == 0 {
                assert_eq!(rig.plane.learn_counts().events_lost, 16, "{interval:?}");
            } else {
                for event in rig.events() {
                    let WorkerEvent::Seen { mac, port, .. } = event else { panic!("{event:?}") };
                    rig.plane.install(rig.now, VLAN, mac, port, |_| {});
                }
            }
        }
        assert_eq!(rig.plane.table().len(), known_in_the_end, "{interval:?}");
    }
}

#[test]
fn a_station_that_was_installed_and_has_lapsed_is_reported_anew() {
    let mut rig = Rig::new(AGENT);
    // It says one word, and the next one after it is forgotten.
    for round in 0..3 {
        rig.wait_until(round * 2 * AGEING);
        rig.send(1, 5, MacAddr::BROADCAST);
        assert_eq!(rig.events().iter().filter(|&&event| event == seen(5, 1)).count(), 1, "round {round}");
        assert_eq!(rig.install(5, 1), Learn::New);
    }
    rig.plane.table().flush_port(1);
    rig.send(1, 5, MacAddr::BROADCAST);
    assert!(rig.events().contains(&seen(5, 1)), "flushed rather than lapsed");
}

#[test]
fn an_agent_that_starts_has_waiting_stations_reported_to_itself() {
    let mut rig = Rig::new(AGENT);
    rig.send(1, 5, MacAddr::BROADCAST);
    let taken_by_the_dead_one = rig.events();
    rig.send(1, 5, MacAddr::BROADCAST);
    assert_eq!(rig.events(), []);
    rig.plane.forget_reports();
    rig.send(1, 5, MacAddr::BROADCAST);
    assert_eq!(rig.events(), taken_by_the_dead_one);
}

#[test]
fn an_entry_in_use_lapses_on_time_unless_the_agent_renews_it() {
    for (until, gone_at) in [(0, AGEING + 1), (250, 240 + AGEING + 1), (1000, 2000)] {
        let mut rig = Rig::new(AGENT);
        rig.install(5, 1);
        let mut unknown_since = None;
        for second in 1..1000 {
            rig.wait_until(second);
            rig.send(1, 5, MacAddr::BROADCAST);
            // Renewal comes every ten seconds, and ends.
            if second % 10 == 0 && second < until {
                assert_eq!(rig.renew(), 1, "at {second}");
            }
            if unknown_since.is_none() && rig.send(0, 1, mac(5)) == [1, 2] {
                unknown_since = Some(second);
            }
        }
        assert_eq!(unknown_since.unwrap_or(2000), gone_at, "renewed until {until}");
        let aged = WorkerEvent::Aged { vlan: VLAN, mac: mac(5), port: PortId(1) };
        assert_eq!(rig.events().contains(&aged), gone_at < 1000);
    }
}

/// Who installs and who renews are separate questions.
#[test]
fn each_division_of_the_work_has_its_own_end() {
    use Keeper::{Agent, Worker};
    // A station speaks every second while the agent is dead, for a bit longer than the ageing time. How often is it learned:
    // with nobody to renew it lapses under the worker, and is new to it again.
    for (install, renew, learned, reported, refreshed, hits) in [
        (Worker, Worker, 1, 0, 302, 0),
        (Worker, Agent, 2, 0, 0, 2),
        (Agent, Worker, 0, 1, 0, 0),
        (Agent, Agent, 0, 1, 0, 0),
    ] {
        let mut rig = Rig::new(Learning { install, renew, ..Learning::INLINE });
        for second in 0..=AGEING + 2 {
            rig.wait_until(second);
            rig.send(1, 5, MacAddr::BROADCAST);
        }
        let counts = rig.plane.learn_counts();
        assert_eq!(
            (counts.learned, counts.reported, counts.refreshed, counts.hits),
            (learned, reported, refreshed, hits),
            "{install:?} installs, {renew:?} renews"
        );
        let reached = if install == Worker { vec![1] } else { vec![1, 2] };
        assert_eq!(rig.send(0, 1, mac(5)), reached, "{install:?} installs, {renew:?} renews");
    }
}

#[test]
fn an_entry_that_the_agent_installed_lives_by_the_workers_renewal() {
    let mut rig = Rig::new(Learning { renew: Keeper::Worker, ..AGENT });
    rig.install(5, 1);
    for second in 1..1000 {
        rig.wait_until(second);
        rig.send(1, 5, MacAddr::BROADCAST);
        assert_eq!(rig.send(0, 1, mac(5)), [1], "at {second}");
    }
}

#[test]
fn what_has_lapsed_is_reclaimed_and_reported_on_the_grid() {
    let limits = Limits { sweep_interval: Some(seconds(60)), ..Limits::default() };
    let mut rig = Rig::with(limits, forwarding().with_learning(AGENT));
    rig.wait_until(7);
    for station in 0..100 {
        rig.wait_until(7 + station / 10);
        rig.install(station, 1);
    }
    // Installed from second 7 on, lapsed from 307 on, and the grid is at 1 + 60 n.
    for (second, reclaimed) in [(307, 0), (320, 0), (360, 0), (361, 100), (500, 100)] {
        rig.wait_until(second);
        assert_eq!(rig.plane.learn_counts().aged, reclaimed, "at {second}");
    }
    rig.install(5, 1);
    rig.plane.table().flush_port(1);
    rig.wait_until(505);
    assert!(rig.plane.table().is_empty(), "what is flushed does not wait for the grid");
    assert_eq!(Limits::longest_sweep_interval(seconds(AGEING)), Some(seconds(150)));
}

#[test]
fn a_sweep_interval_beyond_what_stamps_bear_brings_nobody_back_to_life() {
    let limits = Limits { sweep_interval: Some(seconds(10_000)), ..Limits::default() };
    let mut rig = Rig::with(limits, forwarding().with_learning(AGENT));
    rig.install(5, 1);
    for second in AGEING + 1..3 * AGEING {
        rig.wait_until(second);
        assert_eq!(rig.send(0, 1, mac(5)), [1, 2], "at {second}");
    }
    assert_eq!(rig.plane.learn_counts().aged, 1);
}

fn group(ports: &[u16]) -> PortSet {
    let mut group = PortSet::new(PORTS.into());
    ports.iter().for_each(|&port| group.insert(PortId(port)));
    group
}

#[test]
fn a_port_that_flapped_is_left_out_until_the_agent_puts_it_back() {
    let mut rig = Rig::new(AGENT);
    for (members, reached, left_out) in [
        (&[0, 1, 2][..], &[1, 2][..], [0, 0]),
        (&[0, 2], &[2], [1, 0]),
        (&[0], &[], [2, 1]),
        (&[0, 1, 2], &[1, 2], [2, 1]),
    ] {
        rig.plane.publish(forwarding().with_flood_group(VLAN, &group(members), None));
        assert_eq!(rig.send(0, 1, MacAddr::BROADCAST), reached, "{members:?}");
        assert_eq!([1, 2].map(|port| rig.drops(port, DropReason::NotInFloodGroup)), left_out, "{members:?}");
    }
    let ingress = rig.plane.port_counts(PortId(0));
    assert_eq!((ingress.flooded, ingress.drops.iter().sum()), (4, 0), "the drops are the egress ports'");
    let sent: u64 = [1, 2].iter().map(|&port| rig.plane.port_counts(PortId(port)).tx_frames).sum();
    assert_eq!(sent + 3, 4 * 2, "each copy is sent or counted where it would have left");
}

#[test]
fn a_port_outside_the_flood_group_gets_what_is_known_to_be_behind_it() {
    let mut rig = Rig::new(AGENT);
    rig.plane.publish(forwarding().with_flood_group(VLAN, &group(&[0, 2]), None));
    rig.install(5, 1);
    assert_eq!(rig.send(0, 1, mac(5)), [1]);
    assert_eq!(rig.send(1, 5, MacAddr::BROADCAST), [0, 2], "and sends");
    assert_eq!(rig.drops(1, DropReason::NotInFloodGroup), 0);
}

#[test]
fn a_port_that_is_kept_apart_is_not_left_out_as_well() {
    let apart = PortForwarding { isolation_group: Some(1), ..PortForwarding::access(VLAN) };
    let forwarding = Forwarding::new(vec![apart.clone(), apart, PortForwarding::access(VLAN)], 0);
    let mut rig = Rig::with(Limits::default(), forwarding.with_flood_group(VLAN, &group(&[0]), None));
    assert!(rig.send(0, 1, MacAddr::BROADCAST).is_empty());
    assert_eq!([1, 2].map(|port| rig.drops(port, DropReason::NotInFloodGroup)), [0, 1]);
}

#[test]
fn a_leased_flood_group_lapses_and_comes_back_with_its_agent() {
    let mut rig = Rig::new(AGENT);
    let everybody = group(&[0, 1, 2]);
    rig.plane.publish(forwarding().with_flood_group(VLAN, &everybody, Some(at(300))));
    rig.install(5, 1);
    for (second, reached, lapsed) in [(299, vec![1, 2], 0), (300, vec![], 1), (400, vec![], 2)] {
        rig.wait_until(second);
        assert_eq!(rig.send(0, 1, MacAddr::BROADCAST), reached, "at {second}");
        assert_eq!(rig.drops(0, DropReason::FloodGroupLapsed), lapsed, "at {second}");
    }
    rig.install(5, 1);
    assert_eq!(rig.send(0, 1, mac(5)), [1], "known stations do without");
    rig.plane.publish(forwarding().with_flood_group(VLAN, &everybody, Some(at(700))));
    assert_eq!(rig.send(0, 1, MacAddr::BROADCAST), [1, 2]);
    assert_eq!(
        (rig.plane.port_counts(PortId(0)).flooded, rig.drops(0, DropReason::FloodGroupLapsed)),
        (2, 2)
    );
}
