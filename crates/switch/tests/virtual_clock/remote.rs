//! Addresses of the other chassis of a pair: what it has told, and what it is told.
//!
//! eth1 is a station's, eth2 our leg of a bundle to both chassis, eth3 the link between them, eth4 another leg. An address ages in 64 s,
//! and a tick of the table is 1/8 s.

use crate::rig::{Rig, agent_config, at, inline_config, millis, seconds, station};
use greylag_base::{MacAddr, PortId, VlanId};
use greylag_switch::Learned;
use greylag_switch::config::{
    AgentOwns, IccpConfig, MultiChassisConfig, StaticMac, StatusControl, SwitchConfig, SynchronisedMacs,
};
use greylag_switch::fault::Fault;
use greylag_switch::mclag::Preset;
use std::time::Duration;

const OWN: usize = 0;
const LEG: usize = 1;
const LINK: usize = 2;
const OTHER_LEG: usize = 3;
const AGEING: Duration = seconds(64);

fn port(index: usize) -> PortId {
    PortId(index as u16)
}

fn chassis(mut config: SwitchConfig) -> SwitchConfig {
    let iccp = IccpConfig::between([10, 50, 1, 1].into(), [10, 50, 1, 2].into());
    let pair = MultiChassisConfig::of(&Preset::JUNOS, 0, StatusControl::Active, port(LINK), iccp);
    config.multi_chassis = Some(pair);
    config.mac_table.ageing_time = AGEING;
    config.mac_table.sweep_interval = Some(seconds(1));
    config
}

/// Both ways of learning, and whatever the agent may own.
fn every_way() -> Vec<SwitchConfig> {
    let mut ways = vec![chassis(inline_config(4))];
    for owned in 0..16_u8 {
        let owns = |bit: u8| owned & 1 << bit != 0;
        let mut config = chassis(agent_config(4));
        config.learning.agent_owns =
            AgentOwns { learn: owns(0), lease: owns(1), flood: owns(2), adjacency: owns(3) };
        ways.push(config);
    }
    ways
}

fn both_ways() -> [SwitchConfig; 2] {
    [chassis(inline_config(4)), chassis(agent_config(4))]
}

/// A pair whose session is up.
fn rig(config: SwitchConfig) -> Rig {
    let mut rig = Rig::new(config);
    rig.switch.relearn();
    rig
}

fn place(rig: &mut Rig, number: u32, home: Option<usize>) {
    rig.switch.place_peer_mac(rig.now, VlanId::DEFAULT, station(number), home.map(port));
}

fn name(index: usize) -> Option<String> {
    Some(format!("eth{}", index + 1))
}

/// Where table and list have a station, and how the agent came to know it.
fn whereabouts(rig: &Rig, number: u32) -> (Option<String>, Option<String>, String) {
    let rows = rig.switch.known(rig.now).into_iter();
    let origin = rows.filter(|row| row.mac == station(number)).map(|row| format!("{:?}", row.origin));
    (rig.table(number), rig.list(number), origin.collect())
}

fn is(index: usize, origin: &str) -> (Option<String>, Option<String>, String) {
    (name(index), name(index), origin.to_owned())
}

fn nowhere() -> (Option<String>, Option<String>, String) {
    (None, None, String::new())
}

/// What the other chassis is told now: stations, and where they are.
fn told(rig: &mut Rig) -> Vec<(u32, Option<usize>)> {
    let news = rig.switch.take_learned();
    assert!(!rig.switch.has_learned());
    let number = |mac: MacAddr| mac.to_bits() as u32;
    let mut told: Vec<(u32, Option<usize>)> = news
        .into_iter()
        .map(|Learned { vlan, mac, port }| {
            assert_eq!(vlan, VlanId::DEFAULT);
            (number(mac), port.map(PortId::index))
        })
        .collect();
    told.sort_unstable();
    told
}

/// Says something every second, so that its entry is in use.
fn talk(rig: &mut Rig, from: usize, number: u32, span: Duration) {
    let until = rig.now + span;
    while rig.now < until {
        rig.speak(from, number);
        rig.wait(seconds(1));
    }
}

#[test]
fn what_the_other_chassis_has_is_in_the_table_for_as_long_as_it_has_it_and_is_not_told_back() {
    for config in every_way() {
        let mut rig = rig(config);
        place(&mut rig, 1, Some(LEG));
        place(&mut rig, 2, Some(LINK));
        for second in [0, 63, 66, 1000] {
            rig.wait_until(seconds(second));
            assert_eq!(whereabouts(&rig, 1), is(LEG, "Peer"), "{second} s");
            assert_eq!(whereabouts(&rig, 2), is(LINK, "Peer"), "{second} s");
            assert_eq!(told(&mut rig), []);
        }
        assert_eq!(rig.send(OWN, station(9), station(1)), [LEG]);
        let rows = rig.switch.fdb(rig.now);
        let flags = rows.iter().find(|row| row.mac == station(1)).map(|row| row.flags.clone());
        assert_eq!(flags, Some(vec!["extern_learn".to_owned()]));
        place(&mut rig, 1, None);
        place(&mut rig, 2, Some(LEG));
        assert_eq!((whereabouts(&rig, 1), whereabouts(&rig, 2)), (nowhere(), is(LEG, "Peer")));
        let macs = rig.told(&["mac-learned", "mac-moved", "mac-aged"]);
        let expected =
            [(0, "mac-learned"), (0, "mac-learned"), (1_000_000, "mac-aged"), (1_000_000, "mac-moved")];
        assert_eq!(macs, expected.map(|(at, name)| (at, name.to_owned())));
    }
}

#[test]
fn the_other_chassis_is_told_of_stations_that_are_seen_here_move_and_go() {
    for mut config in every_way() {
        config.static_macs =
            vec![StaticMac { vlan: VlanId::DEFAULT, mac_address: station(8), port: port(OWN) }];
        let mut rig = Rig::new(config);
        rig.speak(OWN, 1);
        rig.speak(LINK, 2);
        rig.settle();
        assert_eq!(told(&mut rig), [], "there is no session");
        rig.switch.relearn();
        assert!(rig.switch.has_learned());
        assert_eq!(told(&mut rig), [(1, Some(OWN))], "what is behind the link is not ours");
        rig.speak(LEG, 3);
        rig.speak(OTHER_LEG, 1);
        rig.settle();
        assert_eq!(told(&mut rig), [(1, Some(OTHER_LEG)), (3, Some(LEG))]);
        rig.speak(OWN, 3);
        rig.settle();
        rig.speak(LEG, 3);
        rig.settle();
        assert_eq!(told(&mut rig), [], "it is where it was told to be");
        rig.speak(LINK, 1);
        rig.settle();
        assert_eq!(told(&mut rig), [(1, None)]);
        rig.wait(AGEING + seconds(15));
        assert_eq!(told(&mut rig), [(3, None)]);
        rig.speak(LEG, 3);
        rig.settle();
        rig.switch.relearn();
        assert_eq!(told(&mut rig), [(3, Some(LEG))], "a new session begins from nothing");
    }
}

#[test]
fn a_port_that_goes_down_takes_its_stations_back() {
    for config in both_ways() {
        let mut rig = rig(config);
        rig.speak(LEG, 1);
        rig.settle();
        assert_eq!(told(&mut rig), [(1, Some(LEG))]);
        rig.link(LEG, false);
        assert_eq!(told(&mut rig), [(1, None)]);
    }
}

#[test]
fn a_station_of_the_other_chassis_that_is_seen_here_is_ours_until_it_is_silent() {
    for config in every_way() {
        let mut rig = rig(config);
        place(&mut rig, 1, Some(LINK));
        rig.wait(seconds(100));
        rig.speak(OWN, 1);
        rig.settle();
        assert_eq!((whereabouts(&rig, 1), told(&mut rig)), (is(OWN, "Reported"), vec![(1, Some(OWN))]));
        rig.wait(AGEING - seconds(5));
        assert_eq!(whereabouts(&rig, 1), is(OWN, "Reported"));
        // The agent's stamp may be a renewal later than the frame.
        rig.wait(seconds(25));
        assert_eq!((whereabouts(&rig, 1), told(&mut rig)), (is(LINK, "Peer"), vec![(1, None)]));
        rig.wait(seconds(500));
        assert_eq!(whereabouts(&rig, 1), is(LINK, "Peer"), "the other chassis still has it");
    }
}

#[test]
fn a_station_that_is_seen_on_the_leg_where_the_other_chassis_has_put_it_is_ours_as_well() {
    for config in every_way() {
        let mut rig = rig(config);
        place(&mut rig, 1, Some(LEG));
        rig.wait(seconds(100));
        // No worker reports it: it is where the table says.
        talk(&mut rig, LEG, 1, seconds(25));
        assert_eq!((whereabouts(&rig, 1), told(&mut rig)), (is(LEG, "Reported"), vec![(1, Some(LEG))]));
        place(&mut rig, 1, None);
        talk(&mut rig, LEG, 1, seconds(100));
        assert_eq!(whereabouts(&rig, 1), is(LEG, "Reported"), "here it speaks");
        rig.wait(AGEING + seconds(15));
        assert_eq!((whereabouts(&rig, 1), told(&mut rig)), (nowhere(), vec![(1, None)]));
    }
}

#[test]
fn what_the_link_brings_takes_no_station_from_where_the_other_chassis_has_put_it() {
    for config in every_way() {
        let mut rig = rig(config);
        place(&mut rig, 1, Some(LEG));
        for _ in 0..5 {
            rig.speak(LINK, 1);
            rig.settle();
            assert_eq!((whereabouts(&rig, 1), told(&mut rig)), (is(LEG, "Peer"), vec![]));
        }
        // Heard of before the other chassis has told: it is moved when that has.
        rig.speak(LINK, 2);
        rig.settle();
        assert_eq!(whereabouts(&rig, 2), is(LINK, "Reported"));
        place(&mut rig, 2, Some(LEG));
        assert_eq!(whereabouts(&rig, 2), is(LEG, "Peer"));
        // What is in use by the link only is nobody's of ours.
        place(&mut rig, 3, Some(LINK));
        talk(&mut rig, LINK, 3, seconds(100));
        assert_eq!((whereabouts(&rig, 3), told(&mut rig)), (is(LINK, "Peer"), vec![]));
    }
}

#[test]
fn of_two_chassis_that_have_a_station_the_one_that_said_so_last_is_right() {
    for config in every_way() {
        let mut rig = rig(config);
        rig.speak(OWN, 1);
        rig.settle();
        assert_eq!(told(&mut rig), [(1, Some(OWN))]);
        place(&mut rig, 1, Some(LINK));
        assert_eq!((whereabouts(&rig, 1), told(&mut rig)), (is(LINK, "Peer"), vec![(1, None)]));
        rig.speak(OWN, 1);
        rig.settle();
        assert_eq!((whereabouts(&rig, 1), told(&mut rig)), (is(OWN, "Reported"), vec![(1, Some(OWN))]));
        place(&mut rig, 1, Some(LINK));
        assert_eq!(whereabouts(&rig, 1), is(OWN, "Reported"), "that is no news");
        // Behind a bundle to both, both have it.
        rig.speak(LEG, 2);
        rig.settle();
        place(&mut rig, 2, Some(LEG));
        assert_eq!((whereabouts(&rig, 2), told(&mut rig)), (is(LEG, "Reported"), vec![(2, Some(LEG))]));
    }
}

/// Lets both go on by a second, and each hear what the other has learned. Station 1 is behind a bundle to both.
fn converse(pair: &mut [Rig; 2]) {
    for rig in &mut *pair {
        rig.wait(seconds(1));
    }
    for (from, to) in [(0, 1), (1, 0)] {
        for (number, home) in told(&mut pair[from]) {
            place(&mut pair[to], number, home);
        }
    }
}

#[test]
fn a_station_that_is_gone_is_not_kept_alive_by_two_chassis_that_have_it_from_each_other() {
    for config in every_way() {
        let mut pair = [rig(config.clone()), rig(config)];
        let mut gaps = [0, 0];
        for second in 0..200 {
            // Its flows go by both legs, then by the second alone, then it is silent.
            let speaks: &[usize] = match second {
                0..50 => &[0, 1],
                50..130 => &[1],
                _ => &[],
            };
            for &chassis in speaks {
                pair[chassis].speak(LEG, 1);
            }
            converse(&mut pair);
            for (chassis, gap) in gaps.iter_mut().enumerate() {
                let is_known = pair[chassis].table(1) == name(LEG);
                *gap += u32::from(!is_known && (2..192).contains(&second));
            }
        }
        // Between the end of its own entry and the sweep that finds it out, a chassis floods what is to the station.
        assert!(gaps[0] <= 2 && gaps[1] == 0, "{gaps:?}");
        for _ in 0..30 {
            converse(&mut pair);
        }
        assert_eq!(pair.each_ref().map(|rig| whereabouts(rig, 1)), [nowhere(), nowhere()]);
    }
}

#[test]
fn without_its_agent_what_the_other_chassis_has_lapses_and_nothing_is_done_until_it_is_back() {
    for config in every_way() {
        let mut rig = rig(config);
        rig.speak(OWN, 5);
        place(&mut rig, 1, Some(LEG));
        place(&mut rig, 2, Some(LINK));
        rig.wait(seconds(100));
        assert_eq!(told(&mut rig), []);
        rig.speak(OWN, 6);
        rig.speak(OWN, 7);
        rig.settle();
        assert_eq!(told(&mut rig), [(6, Some(OWN)), (7, Some(OWN))]);
        rig.crash(seconds(80));
        place(&mut rig, 2, None);
        place(&mut rig, 3, Some(LEG));
        rig.switch.repoint(rig.now, port(OTHER_LEG), port(LINK));
        place(&mut rig, 4, Some(OTHER_LEG));
        assert_eq!([1, 2, 3, 4].map(|number| rig.table(number)), [name(LEG), name(LINK), None, None]);
        rig.wait(seconds(79));
        assert_eq!(
            [1, 2, 6].map(|number| rig.table(number)),
            [None, None, None],
            "nobody keeps them current"
        );
        assert_eq!(told(&mut rig), []);
        rig.speak(OWN, 7);
        rig.wait(seconds(3));
        let now = [1, 2, 3, 4].map(|number| whereabouts(&rig, number));
        assert_eq!(now, [is(LEG, "Peer"), nowhere(), is(LEG, "Peer"), is(LINK, "Peer")]);
        // What it does not find in the table it no longer has.
        rig.speak(OWN, 7);
        rig.settle();
        assert_eq!(told(&mut rig), [(6, None)]);
    }
}

#[test]
fn an_agent_that_is_started_again_knows_whose_the_entries_are_that_it_finds() {
    for config in every_way() {
        let mut rig = rig(config);
        place(&mut rig, 1, Some(LEG));
        rig.speak(LEG, 2);
        rig.settle();
        rig.crash(seconds(1));
        rig.wait(seconds(2));
        assert_eq!((whereabouts(&rig, 1), whereabouts(&rig, 2)), (is(LEG, "Peer"), is(LEG, "Adopted")));
        assert_eq!(told(&mut rig), [(2, Some(LEG))]);
    }
}

#[test]
fn an_agent_that_hangs_does_it_all_when_it_is_back() {
    for config in every_way() {
        let mut rig = rig(config);
        place(&mut rig, 1, Some(LEG));
        place(&mut rig, 2, Some(LINK));
        rig.speak(OWN, 5);
        rig.settle();
        rig.fault(Fault::Hang { agent: crate::rig::LEARNING, lasts: Some(seconds(20)) });
        place(&mut rig, 1, None);
        place(&mut rig, 2, Some(LEG));
        place(&mut rig, 3, Some(LEG));
        place(&mut rig, 5, Some(LINK));
        rig.wait(seconds(19));
        assert_eq!((rig.table(1), rig.table(2), rig.table(3)), (name(LEG), name(LINK), None));
        assert_eq!(told(&mut rig), []);
        rig.wait(seconds(2));
        let now = [1, 2, 3, 5].map(|number| whereabouts(&rig, number));
        assert_eq!(now, [nowhere(), is(LEG, "Peer"), is(LEG, "Peer"), is(LINK, "Peer")]);
        assert_eq!(told(&mut rig), [], "station 5 came and went");
    }
}

#[test]
fn released_as_ordinary_ones_they_age_and_move() {
    for config in every_way() {
        let mut rig = rig(config);
        for number in [1, 2] {
            place(&mut rig, number, Some(LINK));
        }
        place(&mut rig, 3, Some(LEG));
        rig.wait(seconds(100));
        rig.switch.release_peer_macs(rig.now, SynchronisedMacs::Convert);
        assert_eq!((whereabouts(&rig, 1), whereabouts(&rig, 3)), (is(LINK, "Adopted"), is(LEG, "Adopted")));
        rig.speak(OWN, 2);
        rig.settle();
        assert_eq!(whereabouts(&rig, 2), is(OWN, "Reported"));
        assert_eq!(told(&mut rig), [], "nobody is there to be told");
        rig.wait(AGEING + seconds(15));
        assert_eq!([1, 2, 3].map(|number| whereabouts(&rig, number)), [nowhere(), nowhere(), nowhere()]);
    }
}

#[test]
fn pinned_they_stay_whoever_speaks_where_until_the_ageing_time_is_over() {
    for config in every_way() {
        let mut rig = rig(config);
        place(&mut rig, 1, Some(LINK));
        place(&mut rig, 2, Some(LEG));
        rig.wait(seconds(100));
        rig.switch.release_peer_macs(rig.now, SynchronisedMacs::Pin);
        let released = rig.now;
        while rig.now < released + (AGEING - millis(1500)) {
            talk(&mut rig, OWN, 1, seconds(1));
            assert_eq!(whereabouts(&rig, 1), is(LINK, "Pinned"));
            assert_eq!(rig.send(OTHER_LEG, station(9), station(1)), [LINK], "a black hole");
        }
        rig.wait_until((released + AGEING).since(at(Duration::ZERO)));
        assert_eq!((whereabouts(&rig, 1), whereabouts(&rig, 2)), (nowhere(), nowhere()));
        rig.speak(OWN, 1);
        rig.settle();
        assert_eq!(whereabouts(&rig, 1), is(OWN, "Reported"));
    }
}

#[test]
fn a_pin_ends_early_by_a_new_session_a_flush_a_port_that_goes_down_or_an_agent_that_starts() {
    for config in every_way() {
        let mut rig = rig(config);
        for number in 1..=4 {
            place(&mut rig, number, Some(if number == 3 { LEG } else { LINK }));
        }
        rig.switch.release_peer_macs(rig.now, SynchronisedMacs::Pin);
        rig.switch.relearn();
        place(&mut rig, 1, Some(OTHER_LEG));
        assert_eq!(whereabouts(&rig, 1), is(OTHER_LEG, "Peer"));
        rig.link(LEG, false);
        assert_eq!((whereabouts(&rig, 3), whereabouts(&rig, 2)), (nowhere(), is(LINK, "Pinned")));
        rig.crash(seconds(1));
        rig.wait(seconds(2));
        assert_eq!(whereabouts(&rig, 2), is(LINK, "Adopted"), "the pin was the other's");
        assert!(rig.switch.fdb(rig.now).iter().all(|row| row.state.is_empty()));
        rig.speak(OWN, 2);
        rig.settle();
        assert_eq!(whereabouts(&rig, 2), is(OWN, "Reported"));

        place(&mut rig, 6, Some(LINK));
        rig.switch.release_peer_macs(rig.now, SynchronisedMacs::Pin);
        rig.switch.handle_input(rig.now, greylag_switch::Input::FlushFdb { port: None, vlan: None }).unwrap();
        assert_eq!(whereabouts(&rig, 6), nowhere());
    }
}

#[test]
fn flushed_they_are_gone_and_ours_stay() {
    for config in every_way() {
        let mut rig = rig(config);
        place(&mut rig, 1, Some(LINK));
        rig.speak(LEG, 2);
        rig.settle();
        place(&mut rig, 2, Some(LEG));
        rig.switch.release_peer_macs(rig.now, SynchronisedMacs::Flush);
        assert_eq!((whereabouts(&rig, 1), whereabouts(&rig, 2)), (nowhere(), is(LEG, "Reported")));
    }
}

#[test]
fn a_leg_that_dies_leaves_its_stations_to_the_link_and_gets_them_back() {
    for config in every_way() {
        let mut rig = rig(config);
        place(&mut rig, 1, Some(LEG));
        rig.speak(LEG, 2);
        rig.settle();
        place(&mut rig, 2, Some(LEG));
        place(&mut rig, 3, Some(LINK));
        place(&mut rig, 4, Some(OTHER_LEG));
        assert_eq!(told(&mut rig), [(2, Some(LEG))]);
        rig.link(LEG, false);
        assert_eq!((whereabouts(&rig, 1), whereabouts(&rig, 2)), (nowhere(), nowhere()));
        rig.switch.repoint(rig.now, port(LEG), port(LINK));
        place(&mut rig, 5, Some(LEG));
        let now = [1, 2, 3, 4, 5].map(|number| whereabouts(&rig, number));
        let (by_link, by_leg) = (is(LINK, "Peer"), is(LEG, "Peer"));
        assert_eq!(
            now,
            [by_link.clone(), by_link.clone(), by_link.clone(), is(OTHER_LEG, "Peer"), by_link.clone()]
        );
        assert_eq!(told(&mut rig), [(2, None)]);
        rig.wait(seconds(200));
        rig.link(LEG, true);
        assert_eq!(whereabouts(&rig, 1), by_link, "not before it is said");
        rig.switch.repoint(rig.now, port(LEG), port(LEG));
        let now = [1, 2, 3, 5].map(|number| whereabouts(&rig, number));
        assert_eq!(now, [by_leg.clone(), by_leg.clone(), by_link, by_leg]);
    }
}

#[test]
fn an_address_whose_port_is_down_is_put_there_when_that_is_up() {
    for config in both_ways() {
        let mut rig = rig(config);
        rig.link(LINK, false);
        place(&mut rig, 1, Some(LINK));
        rig.wait(seconds(100));
        assert_eq!(whereabouts(&rig, 1), nowhere());
        rig.link(LINK, true);
        assert_eq!(whereabouts(&rig, 1), is(LINK, "Peer"));
        rig.switch.handle_input(rig.now, greylag_switch::Input::FlushFdb { port: None, vlan: None }).unwrap();
        assert_eq!(whereabouts(&rig, 1), nowhere());
        rig.wait(seconds(17));
        assert_eq!(whereabouts(&rig, 1), is(LINK, "Peer"), "kept current");
    }
}

#[test]
fn what_finds_no_room_is_told_once() {
    for mut config in both_ways() {
        config.mac_table.maximum_entries = 1;
        let mut rig = rig(config);
        place(&mut rig, 1, Some(LEG));
        place(&mut rig, 2, Some(LEG));
        rig.wait(seconds(300));
        assert_eq!((whereabouts(&rig, 1), whereabouts(&rig, 2)), (is(LEG, "Peer"), nowhere()));
        let told = rig.told(&["mac-declined", "mac-learned"]);
        assert_eq!(told, [(0, "mac-learned".to_owned()), (0, "mac-declined".to_owned())]);
    }
}

#[test]
fn where_nothing_ages_an_address_is_the_other_chassis_until_that_takes_it_back() {
    for mut config in every_way() {
        config.mac_table.ageing_time = Duration::ZERO;
        let mut rig = rig(config);
        place(&mut rig, 1, Some(LEG));
        place(&mut rig, 2, Some(LINK));
        rig.wait(seconds(1000));
        assert_eq!((whereabouts(&rig, 1), told(&mut rig)), (is(LEG, "Peer"), vec![]));
        place(&mut rig, 1, None);
        assert_eq!(whereabouts(&rig, 1), nowhere());
        rig.switch.release_peer_macs(rig.now, SynchronisedMacs::Pin);
        assert_eq!(whereabouts(&rig, 2), is(LINK, "Adopted"), "no time would end a pin");
    }
}

#[test]
fn the_audit_finds_nothing_wrong_with_them() {
    for config in both_ways() {
        let mut rig = rig(config);
        place(&mut rig, 1, Some(LEG));
        rig.speak(LINK, 1);
        place(&mut rig, 2, Some(LINK));
        rig.wait(seconds(5));
        assert_eq!(rig.switch.check_fdb(rig.now), []);
        rig.switch.data_plane().table().remove(1, station(2).0);
        rig.switch.handle_input(rig.now, greylag_switch::Input::CheckFdb { repair: true }).unwrap();
        assert_eq!(whereabouts(&rig, 2), is(LINK, "Peer"));
        rig.switch.release_peer_macs(rig.now, SynchronisedMacs::Pin);
        assert_eq!(rig.switch.check_fdb(rig.now), []);
    }
}
