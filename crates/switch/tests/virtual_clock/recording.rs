//! A run that was recorded comes out the same when it is played back.

use crate::rig::{LEARNING, Rig, agent_config, millis, seconds};
use greylag_base::{Dice, Instant, PortId, Seed};
use greylag_mactable::WhenFull;
use greylag_switch::config::{FloodGroups, LearningMode, Membership, ReportOrder, StaticMac, SwitchConfig};
use greylag_switch::fault::Fault;
use greylag_switch::history::History;
use greylag_switch::recording::{PlaybackError, Recording, Start};
use greylag_switch::{EventRecord, Input, Output, Switch};
use std::time::Duration;

const PORTS: usize = 4;
const STATIONS: u64 = 100;

fn random_config(dice: &mut Dice) -> SwitchConfig {
    let mut config = agent_config(PORTS);
    let learning = &mut config.learning;
    if dice.chance(0.3) {
        learning.mode = LearningMode::Inline;
    }
    for owned in
        [&mut learning.agent_owns.learn, &mut learning.agent_owns.lease, &mut learning.agent_owns.flood]
    {
        *owned = dice.chance(0.8);
    }
    if dice.chance(0.5) {
        learning.flood = FloodGroups::Leased;
    }
    if dice.chance(0.5) {
        learning.report_order = ReportOrder::Stamped;
    }
    if dice.chance(0.5) {
        learning.report_interval = None;
    }
    learning.audit_interval = dice.chance(0.5).then(|| seconds(7));
    learning.queue_length = 16;
    config.mac_table.maximum_entries = 64;
    config.mac_table.ageing_time = seconds(20);
    config.mac_table.when_full = WhenFull::ALL[dice.below(3) as usize];
    config.supervisor.start_limit_burst = 3;
    config
}

fn random_fault(dice: &mut Dice) -> Fault {
    let lasts = Some(dice.between(millis(10), seconds(8)));
    let dump = dice.between(Duration::ZERO, seconds(2));
    match dice.below(9) {
        0 => Fault::Crash { agent: LEARNING, dump },
        1 => Fault::CrashLoop {
            agent: LEARNING,
            run_least: millis(100),
            run_most: seconds(5),
            dump,
            times: Some(3),
            while_vlan: dice.chance(0.5).then(|| Rig::vlan(97)),
        },
        2 => Fault::Hang { agent: LEARNING, lasts },
        3 => Fault::Slow { agent: LEARNING, rate: 1 + dice.below(40) as u32, lasts },
        4 => Fault::LoseReports { share: 0.5, lasts },
        5 => Fault::DelayReports { least: Duration::ZERO, most: seconds(2), lasts },
        6 => Fault::RefuseWrites { share: 0.5, lasts },
        7 => Fault::Restart { agent: LEARNING },
        _ => Fault::Heal,
    }
}

fn random_input(dice: &mut Dice, running: &SwitchConfig) -> Input {
    let port = PortId(dice.below(PORTS as u64) as u16);
    match dice.below(12) {
        0..4 => Input::Link { port, up: dice.chance(0.7) },
        4..7 => Input::Fault(random_fault(dice)),
        7 => Input::FlushFdb {
            port: dice.chance(0.5).then_some(port),
            vlan: dice.chance(0.5).then(|| Rig::vlan(1)),
        },
        8 => Input::CheckFdb { repair: dice.chance(0.5) },
        9 => Input::Confirm,
        10 => Input::Rollback { steps: 1 + dice.below(2) as usize, author: "ops".into() },
        _ => {
            let mut config = Box::new(running.clone());
            match dice.below(4) {
                0 => config.ports[port.index()].enabled = dice.chance(0.5),
                1 => {
                    let vlan = Rig::vlan(1 + dice.below(2) as u16 * 96);
                    config.ports[port.index()].membership = Membership::Access(vlan);
                }
                2 => config.learning = random_config(dice).learning,
                _ => config.static_macs.push(StaticMac {
                    vlan: Rig::vlan(1),
                    mac_address: crate::rig::station(dice.below(STATIONS) as u32),
                    port,
                }),
            }
            config.learning.queue_length = running.learning.queue_length;
            let confirm_within = dice.chance(0.5).then(|| seconds(5));
            Input::Commit { config, author: "ops".into(), confirm_within }
        }
    }
}

fn events(switch: &Switch) -> Vec<EventRecord> {
    switch.events().after(0).cloned().collect()
}

/// Two minutes in which anything may happen.
fn random_run(seed: Seed) -> Rig {
    let mut dice = Dice::new(seed.derive("run"));
    let history = History::new(random_config(&mut dice), Instant::ZERO);
    let mut rig = Rig::around(Switch::recorded(Start::new(history, seed, Instant::ZERO)).unwrap());
    for port in 0..PORTS {
        rig.link(port, true);
    }
    while rig.now < crate::rig::at(seconds(120)) {
        let span = dice.between(Duration::ZERO, millis(400));
        rig.wait(span);
        if dice.chance(0.1) {
            // Refused or not: the record has it.
            let input = random_input(&mut dice, rig.switch.config());
            let _ = rig.tell(input);
        } else {
            rig.speak(dice.below(PORTS as u64) as usize, dice.below(STATIONS) as u32);
        }
    }
    rig
}

#[test]
fn a_run_in_which_anything_happens_is_played_back_without_a_worker() {
    let mut sum = 0;
    for seed in 0..30 {
        let rig = random_run(Seed(seed));
        let recording = rig.switch.recording().unwrap();
        let again = Switch::playback(recording).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(events(&again), events(&rig.switch), "seed {seed}");
        let own = again.recording().unwrap();
        assert_eq!(own.outputs, recording.outputs, "seed {seed}");
        assert_eq!(own, recording, "seed {seed}");
        assert_eq!(again.alarm_rows(), rig.switch.alarm_rows());
        sum += recording.outputs.iter().filter(|record| matches!(record.output, Output::Install(_))).count();
    }
    assert!(sum > 1000, "{sum} entries installed");
}

#[test]
fn a_record_is_the_same_after_its_way_through_json() {
    for seed in 100..110 {
        let rig = random_run(Seed(seed));
        let recording = rig.switch.recording().unwrap();
        let json = serde_json::to_string(recording).unwrap();
        let read: Recording = serde_json::from_str(&json).unwrap();
        assert_eq!(&read, recording, "seed {seed}");
        assert_eq!(events(&Switch::playback(&read).unwrap()), events(&rig.switch));
    }
}

#[test]
fn a_record_that_was_changed_is_not_played_back() {
    let rig = random_run(Seed(1));
    let mut recording = rig.switch.recording().unwrap().clone();
    recording.answers.pop();
    assert!(matches!(Switch::playback(&recording), Err(PlaybackError::Diverged)));
}

#[test]
fn the_same_seed_makes_the_same_run() {
    let (one, other) = (random_run(Seed(3)), random_run(Seed(3)));
    assert_eq!(events(&one.switch), events(&other.switch));
    assert_eq!(one.switch.recording(), other.switch.recording());
    assert_ne!(events(&one.switch), events(&random_run(Seed(4)).switch));
}

#[test]
fn a_record_does_not_begin_with_a_commit_that_nobody_confirmed_in_time() {
    let mut rig = Rig::new(agent_config(PORTS));
    let mut config = Box::new(rig.switch.config().clone());
    config.ports[0].mtu = 9000;
    let confirm_within = Some(seconds(60));
    rig.tell(Input::Commit { config, author: "ops".into(), confirm_within }).unwrap();
    let history = rig.switch.history().clone();
    let again = Switch::recorded(Start::new(history, Seed(1), Instant::ZERO)).unwrap();
    assert_eq!(again.config().ports[0].mtu, 1500);
    assert!(!again.history().latest().unconfirmed);
}
