//! What passes between our speaker and each daemon.

use crate::bgp::cable::{Cable, FAR, FAR_SIX, NEAR, NEAR_SIX, ip};
use crate::bgp::daemon::{DAEMONS, Daemon, Kind, OURS, THEIR_FOUR, THEIR_SIX, THEIRS};
use crate::bgp::live::Speaker;
use crate::rig::DEADLINE;
use greylag_bgp::{
    AsPath, Asn, Attributes, BgpConfig, BgpEvent, Cause, Direction, Family, FamilyConfig, IpNet,
    NeighborConfig, NeighborId, Origin, State,
};
use greylag_tests::{has, wait_for};
use rustix::process::Signal;
use std::time::{Duration, Instant};

const FOUR: &str = "198.51.100.0/24";
const SIX: &str = "2001:db8:1::/48";
const PEER: NeighborId = NeighborId(1);
const PEER_SIX: NeighborId = NeighborId(2);

fn prefix(text: &str) -> IpNet {
    text.parse().expect("a prefix")
}

/// FRR speaks of both families on one session; GoBGP on two, over IPv4 and IPv6.
fn config(kind: Kind, waits: bool) -> BgpConfig {
    let mut config = BgpConfig::new(Asn(OURS), NEAR.parse().expect("an address"));
    let mut neighbor = NeighborConfig::new(PEER, Asn(THEIRS), ip(NEAR), ip(FAR));
    neighbor.passive_mode = waits;
    neighbor.hold_time = Duration::from_secs(3);
    neighbor.connect_retry = Duration::from_secs(1);
    neighbor.idle_hold_time = Duration::from_secs(1);
    match kind {
        Kind::Frr => {
            let six =
                FamilyConfig { family: Family::Ipv6Unicast, next_hop: ip(NEAR_SIX), max_prefixes: None };
            neighbor.families.push(six);
        }
        Kind::GoBgp => {
            let plain = NeighborConfig::new(PEER_SIX, Asn(THEIRS), ip(NEAR_SIX), ip(FAR_SIX));
            config.neighbors.push(NeighborConfig {
                local_address: plain.local_address,
                neighbor_address: plain.neighbor_address,
                families: plain.families,
                id: PEER_SIX,
                ..neighbor.clone()
            });
        }
    }
    config.neighbors.push(neighbor);
    config
}

/// The two, side by side.
struct Facing {
    speaker: Speaker,
    daemon: Daemon,
    kind: Kind,
    _cable: Cable,
}

impl Facing {
    fn start(kind: Kind, we_wait: bool) -> Facing {
        let cable = Cable::new();
        let speaker = Speaker::start(&cable.near, config(kind, we_wait));
        let daemon = Daemon::start(kind, &cable, !we_wait);
        let facing = Facing { speaker, daemon, kind, _cable: cable };
        facing.wait_until_up();
        facing
    }

    fn wait_until_up(&self) {
        self.wait("sessions are up", |facing| {
            facing.speaker.tell(|bgp, _| {
                let rows = bgp.snapshot().neighbors;
                rows.iter().all(|row| row.session_state == State::Established)
            })
        });
    }

    fn wait(&self, what: &str, holds: impl Fn(&Facing) -> bool) {
        let start = Instant::now();
        while !holds(self) {
            let (kind, log) = (self.kind, self.daemon.log());
            assert!(start.elapsed() < DEADLINE, "{kind:?}: {what}: not within {DEADLINE:?}\n{log}");
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }

    fn announce(&self) {
        for text in [FOUR, SIX] {
            let attributes =
                Attributes { communities: [65_001 << 16 | 7].into(), ..Attributes::local(Origin::Igp) };
            self.speaker.tell(move |bgp, now| bgp.announce(now, prefix(text), attributes));
        }
    }

    fn enable(&self, enabled: bool) {
        self.speaker.tell(move |bgp, now| {
            let mut config = bgp.config().clone();
            config.neighbors.iter_mut().for_each(|neighbor| neighbor.enabled = enabled);
            bgp.reconfigure(now, config).expect("it is sound");
        });
    }

    /// Why the session over IPv4 went down, the first time.
    fn failure(&self) -> Cause {
        wait_for("the session goes down", DEADLINE, || {
            self.speaker.told().events.into_iter().find_map(|event| match event {
                BgpEvent::Down { neighbor: PEER, failure } => Some(failure.cause),
                _ => None,
            })
        })
    }
}

#[test]
fn sessions_come_up_whoever_connects_and_routes_of_both_families_go_both_ways() {
    if !has(DAEMONS) {
        return;
    }
    for kind in Kind::BOTH {
        for we_wait in [false, true] {
            let facing = Facing::start(kind, we_wait);
            let direction = if we_wait { Direction::Passive } else { Direction::Active };
            let by =
                facing.speaker.tell(|bgp, _| bgp.neighbor_row(PEER).expect("it is there").established_by);
            assert_eq!(by, Some(direction), "{kind:?}");
            facing.announce();
            facing.wait("the daemon uses our routes", |facing| {
                facing.daemon.uses(FOUR) && facing.daemon.uses(SIX)
            });
            facing.wait("we use the daemon's routes", |facing| facing.speaker.told().used.len() == 2);
            let used = facing.speaker.told().used;
            assert_eq!(used[&prefix(THEIR_FOUR)].next_hops, [ip(FAR)], "{kind:?}");
            assert_eq!(used[&prefix(THEIR_SIX)].next_hops, [ip(FAR_SIX)], "{kind:?}");
            let row = facing.speaker.tell(|bgp, _| bgp.route_row(prefix(THEIR_FOUR))).expect("it is there");
            assert_eq!(row.paths[0].attributes.as_path, AsPath::of(&[THEIRS]), "{kind:?}");
            facing.speaker.tell(|bgp, now| {
                bgp.withdraw(now, prefix(FOUR));
                bgp.withdraw(now, prefix(SIX));
            });
            facing.wait("the daemon forgets our routes", |facing| {
                !facing.daemon.uses(FOUR) && !facing.daemon.uses(SIX)
            });
            let mistakes = |event: &BgpEvent| matches!(event, BgpEvent::UpdateMistaken { .. });
            assert!(!facing.speaker.told().events.iter().any(mistakes), "{kind:?}");
        }
    }
}

#[test]
fn a_daemon_that_hangs_is_noticed_by_the_hold_timer_and_one_that_is_killed_by_its_kernel() {
    if !has(DAEMONS) {
        return;
    }
    for kind in Kind::BOTH {
        let facing = Facing::start(kind, false);
        facing.wait("we use the daemon's routes", |facing| facing.speaker.told().used.len() == 2);
        let start = Instant::now();
        facing.daemon.signal(Signal::STOP);
        assert_eq!(facing.failure(), Cause::HoldTimerExpired, "{kind:?}");
        println!("{kind:?} hangs: noticed after {:.1?}", start.elapsed());
        facing.wait("its routes are gone", |facing| facing.speaker.told().used.is_empty());
        facing.daemon.signal(Signal::CONT);
        facing.wait_until_up();
        facing.wait("its routes are back", |facing| facing.speaker.told().used.len() == 2);

        let facing = Facing::start(kind, false);
        let start = Instant::now();
        facing.daemon.signal(Signal::KILL);
        assert_eq!(facing.failure(), Cause::ConnectionClosed, "{kind:?}");
        println!("{kind:?} is killed: noticed after {:.1?}", start.elapsed());
    }
}

#[test]
fn each_end_understands_why_the_other_ends_a_session() {
    if !has(DAEMONS) {
        return;
    }
    for kind in Kind::BOTH {
        let facing = Facing::start(kind, false);
        // FRR forgets why a session went when the next one is there.
        facing.enable(false);
        assert_eq!(facing.failure(), Cause::AdminDown, "{kind:?}");
        facing.wait("the daemon knows why", |facing| facing.daemon.knows_of_shutdown());
        facing.enable(true);
        facing.wait_until_up();

        let facing = Facing::start(kind, false);
        facing.daemon.shut_down_session("maintenance");
        let Cause::NotificationReceived(says) = facing.failure() else { panic!("{kind:?} said why") };
        assert_eq!((says.code, says.subcode), (6, 2), "{kind:?}: {says}");
        assert_eq!(says.communication(), Some("maintenance"), "{kind:?}");
    }
}

#[test]
fn a_daemon_that_is_asked_tells_everything_once_more() {
    if !has(DAEMONS) {
        return;
    }
    for kind in Kind::BOTH {
        let facing = Facing::start(kind, false);
        facing.wait("we use the daemon's routes", |facing| facing.speaker.told().used.len() == 2);
        let updates = |facing: &Facing| {
            facing
                .speaker
                .tell(|bgp, _| bgp.neighbor_row(PEER).expect("it is there").messages_received.update)
        };
        let before = updates(&facing);
        facing.speaker.tell(|bgp, now| bgp.request_refresh(now, PEER));
        facing.wait("it tells once more", |facing| updates(facing) > before);
        assert_eq!(facing.speaker.told().used.len(), 2, "{kind:?}");
    }
}
