//! Agents that end, and what the supervisor makes of it.

use crate::rig::{LEARNING, Rig, agent_config, at, millis, seconds};
use greylag_base::{Instant, VlanId};
use greylag_switch::agent::{AgentKind, AgentState};
use greylag_switch::config::{SupervisorConfig, SwitchConfig};
use greylag_switch::fault::Fault;
use greylag_switch::{Event, GivenUp, Input, Refused};
use std::time::Duration;

const LIFE: &[&str] =
    &["agent-started", "agent-stopped", "agent-crashed", "agent-failed", "agent-hung", "agent-resumed"];
const ALARMS: &[&str] = &["alarm-raised", "alarm-cleared"];

fn names(told: &[(u128, String)]) -> Vec<(u128, &str)> {
    told.iter().map(|(at, name)| (*at, name.as_str())).collect()
}

fn state(rig: &Rig) -> AgentState {
    rig.switch.agent_state(LEARNING).expect("every switch learns")
}

#[test]
fn an_agent_that_crashes_is_back_after_its_dump_and_the_restart_delay() {
    let mut rig = Rig::new(agent_config(2));
    rig.wait_until(seconds(60));
    rig.crash(seconds(4));
    assert_eq!(state(&rig), AgentState::Dumping);
    assert_eq!(rig.alarms(), ["agent-restarting"]);
    rig.wait_until(millis(64_050));
    assert_eq!(state(&rig), AgentState::Restarting);
    rig.wait_until(seconds(70));
    assert_eq!(state(&rig), AgentState::Running);
    assert!(rig.alarms().is_empty());
    let told = rig.told(&[LIFE, ALARMS].concat());
    assert_eq!(
        names(&told),
        [
            (60_000, "agent-crashed"),
            (60_000, "alarm-raised"),
            (64_100, "agent-started"),
            (64_100, "alarm-cleared")
        ]
    );
}

#[test]
fn nothing_is_due_when_nothing_is() {
    let mut config = agent_config(2);
    config.learning.mode = greylag_switch::config::LearningMode::Inline;
    let rig = Rig::new(config);
    assert_eq!(rig.switch.poll_timeout(), None);
}

/// Crashes at the given times, each without a dump and with a restart delay of nothing; when the agent was started, and when it
/// was given up.
fn starts(burst: u32, interval: Duration, crashes: &[u64]) -> (Vec<u128>, Option<u128>) {
    let mut config = agent_config(1);
    config.supervisor = SupervisorConfig {
        restart: true,
        restart_delay: Duration::ZERO,
        start_limit_burst: burst,
        start_limit_interval: interval,
        watchdog: None,
    };
    let mut rig = Rig::dark(config);
    for &crash in crashes {
        rig.wait_until(millis(crash));
        let input = Input::Fault(Fault::Crash { agent: LEARNING, dump: Duration::ZERO });
        if rig.tell(input) == Err(Refused::AgentDown { agent: LEARNING }) {
            break;
        }
        rig.wait_until(millis(crash));
    }
    let told = rig.told(LIFE);
    let times = |name: &str| told.iter().filter(|told| told.1 == name).map(|told| told.0).collect::<Vec<_>>();
    (times("agent-started"), times("agent-failed").first().copied())
}

#[test]
fn the_start_limit_is_that_of_systemd() {
    // Burst, interval in seconds, crashes in milliseconds, starts, given up. The first start is at 0.
    type Case = (u32, u64, &'static [u64], &'static [u128], Option<u128>);
    let cases: &[Case] = &[
        (3, 10, &[1000, 2000, 3000], &[0, 1000, 2000], Some(3000)),
        // The interval's end belongs to it; what comes after opens another.
        (3, 10, &[1000, 2000, 10_000], &[0, 1000, 2000], Some(10_000)),
        (3, 10, &[1000, 2000, 10_001], &[0, 1000, 2000, 10_001], None),
        // The window begins with its first start and does not slide: five starts within five seconds.
        (3, 10, &[8000, 9000, 11_000, 12_000, 13_000], &[0, 8000, 9000, 11_000, 12_000, 13_000], None),
        (
            3,
            10,
            &[8000, 9000, 11_000, 12_000, 13_000, 21_000],
            &[0, 8000, 9000, 11_000, 12_000, 13_000],
            Some(21_000),
        ),
        (1, 10, &[5000], &[0], Some(5000)),
        (1, 10, &[10_001, 20_003], &[0, 10_001, 20_003], None),
        // Without an interval, or without a burst, there is no limit.
        (1, 0, &[1, 2, 3, 4], &[0, 1, 2, 3, 4], None),
        (0, 10, &[1, 2, 3, 4], &[0, 1, 2, 3, 4], None),
    ];
    for &(burst, interval, crashes, started, failed) in cases {
        let (starts, given_up) = starts(burst, seconds(interval), crashes);
        assert_eq!((starts.as_slice(), given_up), (started, failed), "{burst} in {interval} s: {crashes:?}");
    }
}

fn crash_loop(while_vlan: Option<VlanId>, times: Option<u32>) -> Fault {
    let (run_least, run_most, dump) = (seconds(28), seconds(38), seconds(4));
    Fault::CrashLoop { agent: LEARNING, run_least, run_most, dump, times, while_vlan }
}

/// A limit of 4 starts in 3 minutes.
fn patient() -> SupervisorConfig {
    SupervisorConfig {
        start_limit_burst: 4,
        start_limit_interval: seconds(180),
        ..SupervisorConfig::default()
    }
}

#[test]
fn a_crash_loop_ends_with_a_failed_agent_and_a_red_alarm_until_an_operator_restarts_it() {
    let mut config = agent_config(2);
    config.supervisor = patient();
    let mut rig = Rig::new(config);
    rig.fault(crash_loop(None, None));
    rig.wait_until(seconds(600));
    assert_eq!(state(&rig), AgentState::Failed);
    assert_eq!(rig.alarms(), ["agent-failed"]);
    let told = rig.told(LIFE);
    let crashes: Vec<u128> =
        told.iter().filter(|told| told.1 == "agent-crashed").map(|told| told.0).collect();
    assert_eq!(crashes.len(), 4, "{told:?}");
    for pair in crashes.windows(2) {
        let run = pair[1] - pair[0] - 4_100;
        assert!((28_000..38_000).contains(&run), "{run}");
    }
    // The fifth start would be within the interval.
    assert_eq!(told.last().unwrap(), &(crashes[3] + 4_100, "agent-failed".to_owned()));
    assert_eq!(rig.switch.poll_timeout(), None);

    rig.fault(Fault::Heal);
    assert_eq!(state(&rig), AgentState::Failed, "healing does not bring it back");
    rig.fault(Fault::Restart { agent: LEARNING });
    assert_eq!(state(&rig), AgentState::Running);
    assert!(rig.alarms().is_empty());
    // Counted from zero: three more are allowed at once.
    for _ in 0..3 {
        rig.crash(Duration::ZERO);
        rig.wait(seconds(1));
        assert_eq!(state(&rig), AgentState::Running);
    }
    rig.crash(Duration::ZERO);
    rig.wait(seconds(1));
    assert_eq!(state(&rig), AgentState::Failed);
}

#[test]
fn a_crash_loop_that_hangs_on_a_vlan_begins_with_its_commit_and_ends_with_its_rollback() {
    let mut config = agent_config(2);
    config.supervisor = SupervisorConfig { start_limit_interval: Duration::ZERO, ..patient() };
    let mut rig = Rig::new(config.clone());
    rig.fault(crash_loop(Some(Rig::vlan(97)), None));
    rig.wait_until(seconds(300));
    assert_eq!(rig.told(LIFE), []);
    config.vlans.insert(Rig::vlan(97), Default::default());
    rig.tell(Input::Commit { config: Box::new(config), author: "ops".into(), confirm_within: None }).unwrap();
    rig.wait_until(seconds(338));
    let told = rig.told(LIFE);
    assert!(told.iter().any(|told| told.1 == "agent-crashed" && told.0 >= 328_000), "{told:?}");
    rig.wait_until(seconds(400));
    rig.tell(Input::Rollback { steps: 1, author: "ops".into() }).unwrap();
    rig.wait_until(seconds(405));
    rig.read_events();
    rig.wait_until(seconds(900));
    assert_eq!(rig.told(LIFE), []);
    assert_eq!(state(&rig), AgentState::Running);
}

#[test]
fn a_crash_loop_of_so_many_times_is_over_then() {
    let mut config = agent_config(2);
    config.supervisor = patient();
    let mut rig = Rig::new(config);
    rig.fault(crash_loop(None, Some(2)));
    rig.wait_until(seconds(600));
    assert_eq!(state(&rig), AgentState::Running);
    assert_eq!(rig.switch.agent_rows()[0].restarts, 2);
}

#[test]
fn an_agent_that_is_not_to_be_restarted_fails_when_its_core_is_written() {
    let mut config = agent_config(2);
    config.supervisor.restart = false;
    let mut rig = Rig::new(config);
    rig.crash(seconds(3));
    assert!(rig.alarms().is_empty());
    rig.wait_until(seconds(10));
    let failed = Event::AgentFailed { agent: LEARNING, result: GivenUp::CoreDump };
    assert!(rig.events().contains(&(at(seconds(3)), failed)));
    assert_eq!(rig.alarms(), ["agent-failed"]);
}

#[test]
fn an_operator_who_restarts_an_agent_that_dumps_waits_for_the_dump() {
    let mut rig = Rig::new(agent_config(2));
    rig.wait_until(seconds(1));
    rig.crash(seconds(4));
    rig.fault(Fault::Restart { agent: LEARNING });
    rig.wait_until(seconds(30));
    let told = rig.told(LIFE);
    assert_eq!(names(&told), [(1000, "agent-crashed"), (5000, "agent-started")]);
    rig.fault(Fault::Restart { agent: LEARNING });
    let told = rig.told(LIFE);
    assert_eq!(names(&told), [(30_000, "agent-stopped"), (30_000, "agent-started")]);
}

#[test]
fn a_hang_ends_by_itself_or_with_a_restart() {
    let mut rig = Rig::new(agent_config(2));
    rig.fault(Fault::Hang { agent: LEARNING, lasts: Some(seconds(5)) });
    assert_eq!(state(&rig), AgentState::Hung);
    rig.wait_until(seconds(10));
    let told = rig.told(LIFE);
    assert_eq!(names(&told), [(0, "agent-hung"), (5000, "agent-resumed")]);
    rig.fault(Fault::Hang { agent: LEARNING, lasts: None });
    rig.wait_until(seconds(1000));
    assert_eq!(state(&rig), AgentState::Hung);
    rig.fault(Fault::Restart { agent: LEARNING });
    assert_eq!(state(&rig), AgentState::Running);
    rig.crash(seconds(1));
    let hang = Input::Fault(Fault::Hang { agent: LEARNING, lasts: None });
    assert_eq!(rig.tell(hang), Err(Refused::AgentDown { agent: LEARNING }), "it is not there to hang");
}

#[test]
fn a_fault_for_an_agent_that_the_switch_does_not_have_is_refused() {
    let mut rig = Rig::new(agent_config(2));
    rig.wait_until(seconds(1));
    let (agent, second) = (AgentKind::Lacp, seconds(1));
    for fault in [
        Fault::Crash { agent, dump: second },
        Fault::CrashLoop {
            agent,
            run_least: second,
            run_most: second,
            dump: second,
            times: None,
            while_vlan: None,
        },
        Fault::Hang { agent, lasts: None },
        Fault::Slow { agent, rate: 1, lasts: None },
        Fault::Restart { agent },
    ] {
        let refused = rig.tell(Input::Fault(fault.clone())).unwrap_err();
        assert_eq!(refused, Refused::NoAgent { agent, there: vec![LEARNING] }, "{fault:?}");
        assert_eq!(refused.to_string(), "this switch has no lacp agent: expected one of learning");
    }
    rig.wait_until(seconds(10));
    assert_eq!(rig.events(), []);
    let rows = rig.switch.agent_rows();
    assert_eq!(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["learning"]);
    assert_eq!((rig.switch.agent_state(agent), state(&rig)), (None, AgentState::Running));
}

#[test]
fn reports_that_do_not_fit_the_queue_of_a_dead_agent_raise_an_alarm_for_a_minute_after_the_last() {
    let mut config = agent_config(2);
    config.learning.queue_length = 4;
    config.supervisor.restart = false;
    let mut rig = Rig::new(config);
    rig.crash(Duration::ZERO);
    for number in 0..6 {
        rig.speak(0, number);
    }
    rig.settle();
    assert_eq!(rig.switch.counters(rig.now).mac_table.events_lost, 2);
    assert_eq!(rig.alarms(), ["agent-failed", "reports-lost"]);
    let raised = rig.now.since(Instant::ZERO);
    rig.wait_until(raised + seconds(59));
    assert_eq!(rig.alarms(), ["agent-failed", "reports-lost"]);
    rig.wait_until(raised + seconds(61));
    assert_eq!(rig.alarms(), ["agent-failed"]);
}

/// A switch whose agent is given up at its first end, and whose watchdog bears that for ten seconds.
fn watched() -> SwitchConfig {
    let mut config = agent_config(2);
    config.supervisor.restart = false;
    config.supervisor.watchdog = Some(seconds(10));
    config
}

#[test]
fn a_switch_whose_agent_was_given_up_asks_to_be_started_anew_so_long_after() {
    let mut rig = Rig::new(watched());
    rig.wait_until(seconds(60));
    rig.crash(seconds(3));
    rig.wait_until(millis(72_999));
    assert!(!rig.switch.wants_reboot());
    assert_eq!(rig.alarms(), ["agent-failed", "reboot-pending"]);
    rig.wait_until(seconds(73));
    assert!(rig.switch.wants_reboot());
    let told = rig.told(&["agent-failed", "watchdog-reboot"]);
    assert_eq!(names(&told), [(63_000, "agent-failed"), (73_000, "watchdog-reboot")]);
    // It is asked for once, and nothing else is due until the world has done it.
    rig.wait_until(seconds(200));
    assert_eq!(rig.told(&["watchdog-reboot"]), []);
}

#[test]
fn an_operator_who_restarts_the_agent_or_takes_the_watchdog_away_is_in_time() {
    let mut rig = Rig::new(watched());
    rig.crash(Duration::ZERO);
    rig.wait(seconds(9));
    assert_eq!(rig.alarms(), ["agent-failed", "reboot-pending"]);
    rig.fault(Fault::Restart { agent: LEARNING });
    assert!(rig.alarms().is_empty());
    rig.wait(seconds(60));
    assert!(!rig.switch.wants_reboot());

    rig.crash(Duration::ZERO);
    rig.wait(seconds(5));
    let mut config = watched();
    config.supervisor.watchdog = None;
    let commit = |config: SwitchConfig| Input::Commit {
        config: Box::new(config),
        author: "ops".into(),
        confirm_within: None,
    };
    rig.tell(commit(config)).unwrap();
    assert_eq!(rig.alarms(), ["agent-failed"]);
    rig.wait(seconds(60));
    assert!(!rig.switch.wants_reboot());
    // One that comes late has waited long enough.
    rig.tell(commit(watched())).unwrap();
    rig.wait(millis(1));
    assert!(rig.switch.wants_reboot());
}
