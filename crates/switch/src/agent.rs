//! The agents of a switch: what runs beside the data plane, each under a supervisor of its own, and can die.

mod health;

use crate::Switch;
use crate::alarm::AlarmKind;
use crate::event::Event;
use crate::supervisor::{Act, Stage, Supervisor};
use greylag_base::{Instant, Seed};
use health::Health;
use serde::{Deserialize, Serialize};
use std::time::Duration;

pub(crate) use health::CrashLoop;

/// An agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AgentKind {
    /// Keeps the MAC table and the flood groups.
    Learning,
    /// Speaks LACP for the bundles.
    Lacp,
    /// Speaks BFD with next hops and neighbours.
    Bfd,
    /// Keeps the RIB, and speaks the protocols that fill it.
    Routing,
    /// Writes the FIB as the RIB says.
    Programming,
    /// Speaks with the other chassis of a pair, and decides what multi-chassis bundles show.
    Iccp,
}

impl AgentKind {
    /// All of them.
    pub const ALL: [AgentKind; 6] = [
        AgentKind::Learning,
        AgentKind::Lacp,
        AgentKind::Bfd,
        AgentKind::Routing,
        AgentKind::Programming,
        AgentKind::Iccp,
    ];

    /// The name in tables, JSON and files.
    pub const fn name(self) -> &'static str {
        match self {
            AgentKind::Learning => "learning",
            AgentKind::Lacp => "lacp",
            AgentKind::Bfd => "bfd",
            AgentKind::Routing => "routing",
            AgentKind::Programming => "programming",
            AgentKind::Iccp => "iccp",
        }
    }
}

/// How an agent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgentState {
    /// It runs.
    Running,
    /// It runs and does nothing.
    Hung,
    /// It runs, and handles fewer reports than it could.
    Slow,
    /// It has ended and writes its core.
    Dumping,
    /// It has ended and is to be started again.
    Restarting,
    /// It was given up.
    Failed,
}

/// An agent's life: who starts it again, and what is wrong with it.
pub(crate) struct Life {
    pub(crate) supervisor: Supervisor,
    pub(crate) health: Health,
}

impl Life {
    /// Of an agent that is to be started at once.
    fn new(agent: AgentKind, seed: Seed, now: Instant) -> Self {
        Life { supervisor: Supervisor::new(now), health: Health::new(agent, seed) }
    }

    pub(crate) fn state(&self) -> AgentState {
        match self.supervisor.stage() {
            Stage::Running if self.health.is_hung() => AgentState::Hung,
            Stage::Running if self.health.is_slow() => AgentState::Slow,
            Stage::Running => AgentState::Running,
            Stage::Dumping | Stage::Replaced => AgentState::Dumping,
            Stage::Waiting => AgentState::Restarting,
            Stage::Failed => AgentState::Failed,
        }
    }

    pub(crate) fn runs(&self) -> bool {
        self.supervisor.stage() == Stage::Running
    }

    /// It runs and is not hung.
    pub(crate) fn works(&self) -> bool {
        self.runs() && !self.health.is_hung()
    }

    /// When something is due in it.
    fn poll_timeout(&self) -> Option<Instant> {
        [self.health.poll_timeout(), self.supervisor.poll_timeout()].into_iter().flatten().min()
    }
}

impl Switch {
    /// Has the switch something for an agent to do?
    fn wants(&self, agent: AgentKind) -> bool {
        match agent {
            AgentKind::Learning => true,
            AgentKind::Lacp => self.config().lags().next().is_some(),
            AgentKind::Bfd => self.config().routing.wants_bfd() || self.iccp_bfd().is_some(),
            AgentKind::Routing | AgentKind::Programming => !self.config().interfaces.is_empty(),
            AgentKind::Iccp => self.config().multi_chassis.is_some(),
        }
    }

    /// How an agent is; `None` when the switch has nothing for it to do.
    pub fn agent_state(&self, agent: AgentKind) -> Option<AgentState> {
        self.lives.get(&agent).map(Life::state)
    }

    /// An agent lives where the switch has something for it to do, and nowhere else.
    pub(crate) fn settle_agents(&mut self, now: Instant) {
        for agent in AgentKind::ALL {
            match (self.wants(agent), self.lives.contains_key(&agent)) {
                (true, false) => self.employ(now, agent),
                (false, true) => self.dismiss(now, agent),
                _ => {}
            }
        }
    }

    fn employ(&mut self, now: Instant, agent: AgentKind) {
        self.worked_out = None;
        self.lives.insert(agent, Life::new(agent, self.seed, now));
    }

    fn dismiss(&mut self, now: Instant, agent: AgentKind) {
        self.worked_out = None;
        if self.lives.remove(&agent).is_some_and(|life| life.runs()) {
            self.stop(now, agent);
        }
        self.clear_agent_alarms(now, agent);
    }

    /// An agent runs and is not hung.
    pub(crate) fn works(&self, agent: AgentKind) -> bool {
        self.lives.get(&agent).is_some_and(Life::works)
    }

    /// When something is due in an agent's life.
    pub(crate) fn next_turn(&self) -> Option<Instant> {
        self.lives.values().filter_map(Life::poll_timeout).min()
    }

    /// Does what is due in the agents' lives.
    pub(crate) fn run_lives(&mut self, now: Instant) {
        for agent in AgentKind::ALL {
            let Some(life) = self.lives.get_mut(&agent) else { continue };
            if life.health.handle_timeout(now) {
                self.resume(now, agent);
            }
            let Some(life) = self.lives.get_mut(&agent) else { continue };
            let acts = life.supervisor.handle_timeout(now, &self.history.running().supervisor);
            self.act(now, agent, acts);
            let Some(life) = self.lives.get_mut(&agent) else { continue };
            if let Some(dump) = life.health.take_crash(now) {
                self.crash(now, agent, dump);
            }
        }
    }

    /// An agent ends by itself.
    pub(crate) fn crash(&mut self, now: Instant, agent: AgentKind, dump: Duration) {
        let Some(life) = self.lives.get_mut(&agent) else { return };
        life.health.forget_run();
        let acts = life.supervisor.crash(now, dump);
        self.act(now, agent, acts);
    }

    pub(crate) fn act(&mut self, now: Instant, agent: AgentKind, acts: &[Act]) {
        for act in acts {
            match *act {
                Act::Mourn => {
                    self.end_work(now, agent);
                    self.events.push(now, Event::AgentCrashed { agent });
                    let is_coming_back = self.config().supervisor.restart;
                    self.alarm_if(now, is_coming_back, AlarmKind::AgentRestarting { agent });
                }
                Act::Stop => self.stop(now, agent),
                Act::Start => self.start(now, agent),
                Act::GiveUp(result) => {
                    self.events.push(now, Event::AgentFailed { agent, result });
                    self.clear_alarm(now, AlarmKind::AgentRestarting { agent });
                    self.alarm_if(now, true, AlarmKind::AgentFailed { agent });
                }
            }
        }
        self.settle_watchdog(now);
    }

    fn start(&mut self, now: Instant, agent: AgentKind) {
        let Some(life) = self.lives.get_mut(&agent) else { return };
        life.health.forget_run();
        self.events.push(now, Event::AgentStarted { agent, start: life.supervisor.starts() });
        self.begin_work(now, agent);
        self.clear_agent_alarms(now, agent);
        self.wind_up(now);
    }

    fn stop(&mut self, now: Instant, agent: AgentKind) {
        self.end_work(now, agent);
        self.events.push(now, Event::AgentStopped { agent });
    }

    /// An agent is not hung or slow any more.
    pub(crate) fn resume(&mut self, now: Instant, agent: AgentKind) {
        if self.works(agent) {
            self.events.push(now, Event::AgentResumed { agent });
            self.resume_work(now, agent);
        }
    }

    fn clear_agent_alarms(&mut self, now: Instant, agent: AgentKind) {
        self.clear_alarm(now, AlarmKind::AgentRestarting { agent });
        self.clear_alarm(now, AlarmKind::AgentFailed { agent });
    }

    /// Draws how long agents that run will run, where a crash loop is ordered and applies.
    pub(crate) fn wind_up(&mut self, now: Instant) {
        for life in self.lives.values_mut().filter(|life| life.runs()) {
            life.health.wind_up(now, self.history.running());
        }
    }
}

/// What each agent does of its own at the turns of its life, beside what all do.
impl Switch {
    /// It has just been started.
    fn begin_work(&mut self, now: Instant, agent: AgentKind) {
        match agent {
            AgentKind::Learning => self.start_learning(now),
            AgentKind::Lacp => self.start_lacp(now),
            AgentKind::Routing => self.start_routing(now),
            AgentKind::Programming => self.start_programming(now),
            AgentKind::Bfd => self.start_bfd(now),
            AgentKind::Iccp => self.start_iccp(now),
        }
    }

    /// It has ended, and what it knew goes with it.
    fn end_work(&mut self, now: Instant, agent: AgentKind) {
        match agent {
            AgentKind::Learning => self.end_learning(),
            AgentKind::Lacp => self.end_lacp(),
            AgentKind::Programming => self.end_programming(),
            AgentKind::Bfd => self.end_bfd(),
            AgentKind::Routing => self.end_routing(now),
            AgentKind::Iccp => self.end_iccp(now),
        }
    }

    /// It lives and does nothing from now on.
    pub(crate) fn pause_work(&mut self, agent: AgentKind) {
        match agent {
            AgentKind::Learning => self.look_no_more(),
            // What comes in waits for it.
            AgentKind::Lacp | AgentKind::Bfd | AgentKind::Programming => {}
            AgentKind::Iccp => self.hold_iccp(true),
            AgentKind::Routing => self.pause_routing(),
        }
    }

    /// It has another pace from now on.
    pub(crate) fn pace_work(&mut self, now: Instant, agent: AgentKind) {
        match agent {
            AgentKind::Learning => self.look_again(now),
            AgentKind::Lacp => self.read_frames_again(now),
            AgentKind::Bfd | AgentKind::Routing | AgentKind::Programming | AgentKind::Iccp => {}
        }
    }

    /// It does something again, or as fast as it can.
    fn resume_work(&mut self, now: Instant, agent: AgentKind) {
        match agent {
            AgentKind::Learning => self.resume_learning(now),
            AgentKind::Lacp => self.resume_lacp(now),
            AgentKind::Routing => self.resume_routing(now),
            AgentKind::Bfd => self.settle_bfd(now),
            // What waits is due at once.
            AgentKind::Programming => {}
            AgentKind::Iccp => self.resume_iccp(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{PortConfig, SupervisorConfig, SwitchConfig};
    use crate::fault::Fault;
    use crate::input::{Input, Refused};
    use crate::lasting::Span;
    use greylag_base::PortName;

    const LEARNING: AgentKind = AgentKind::Learning;
    const LACP: AgentKind = AgentKind::Lacp;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn crash_loop() -> CrashLoop {
        let run = Span { least: seconds(20), most: seconds(40) };
        CrashLoop { run, dump: seconds(1), times: None, while_vlan: None }
    }

    /// Lets a life that is in a crash loop go on to the end; when it crashed.
    fn live_out(life: &mut Life, config: &SwitchConfig) -> Vec<Instant> {
        let mut crashes = Vec::new();
        while let Some(now) = life.poll_timeout() {
            life.health.handle_timeout(now);
            if life.supervisor.handle_timeout(now, &config.supervisor).contains(&Act::Start) {
                life.health.forget_run();
                life.health.wind_up(now, config);
            }
            if let Some(dump) = life.health.take_crash(now) {
                life.health.forget_run();
                life.supervisor.crash(now, dump);
                crashes.push(now);
            }
        }
        crashes
    }

    /// A limit of 4 starts in 10 minutes.
    fn patient() -> SwitchConfig {
        let mut config = SwitchConfig::new("sw1");
        config.ports.push(PortConfig::new(PortName::new("eth1").unwrap()));
        config.supervisor = SupervisorConfig {
            start_limit_burst: 4,
            start_limit_interval: seconds(600),
            ..SupervisorConfig::default()
        };
        config
    }

    #[test]
    fn each_agent_lives_for_itself() {
        let config = patient();
        let lives = || [LEARNING, LACP].map(|agent| Life::new(agent, Seed(1), Instant::ZERO));
        let [mut learning, mut lacp] = lives();
        for life in [&mut learning, &mut lacp] {
            life.supervisor.handle_timeout(Instant::ZERO, &config.supervisor);
        }
        lacp.health.order_crash_loop(crash_loop());
        lacp.health.wind_up(Instant::ZERO, &config);
        let alone = live_out(&mut lacp, &config);
        assert_eq!((alone.len(), lacp.state()), (4, AgentState::Failed));
        assert_eq!((learning.state(), learning.supervisor.starts()), (AgentState::Running, 1));
        assert_eq!(learning.poll_timeout(), None);

        let [mut learning, mut lacp] = lives();
        learning.health.order_crash_loop(crash_loop());
        lacp.health.order_crash_loop(crash_loop());
        let other = live_out(&mut learning, &config);
        assert_eq!(live_out(&mut lacp, &config), alone, "what one draws does not shift what the other does");
        assert_ne!(other, alone);
    }

    /// A switch with both agents.
    fn switch() -> Switch {
        let mut switch = Switch::new(patient(), Seed(1), Instant::ZERO).unwrap();
        switch.employ(Instant::ZERO, LACP);
        assert_eq!(switch.poll_timeout(), Some(Instant::ZERO), "it is to be started at once");
        switch.handle_input(Instant::ZERO, Input::Timeout).unwrap();
        switch
    }

    fn told(switch: &Switch) -> Vec<Event> {
        let all = switch.events().after(0).map(|record| record.event.clone());
        all.filter(|event| !matches!(event, Event::SwitchStarted { .. })).collect()
    }

    #[test]
    fn one_agent_crashes_hangs_and_is_given_up_while_the_other_runs() {
        let mut switch = switch();
        let started = |agent, start| Event::AgentStarted { agent, start };
        assert_eq!(told(&switch), [started(LEARNING, 1), started(LACP, 1)]);
        let order = |switch: &mut Switch, fault| switch.handle_input(Instant::ZERO, Input::Fault(fault));
        order(&mut switch, Fault::Hang { agent: LACP, lasts: Some(seconds(5)) }).unwrap();
        let states = |switch: &Switch| [LEARNING, LACP].map(|agent| switch.agent_state(agent).unwrap());
        assert_eq!(states(&switch), [AgentState::Running, AgentState::Hung]);
        switch.handle_input(Instant::ZERO + seconds(5), Input::Timeout).unwrap();
        assert_eq!(
            told(&switch)[2..],
            [Event::AgentHung { agent: LACP }, Event::AgentResumed { agent: LACP }]
        );

        let (run_least, run_most, dump) = (seconds(1), seconds(1), seconds(0));
        let fault =
            Fault::CrashLoop { agent: LACP, run_least, run_most, dump, times: None, while_vlan: None };
        switch.handle_input(Instant::ZERO + seconds(5), Input::Fault(fault)).unwrap();
        while let Some(now) = switch.poll_timeout() {
            switch.handle_input(now, Input::Timeout).unwrap();
        }
        assert_eq!(states(&switch), [AgentState::Running, AgentState::Failed]);
        let alarms: Vec<AlarmKind> = switch.alarms().iter().map(|alarm| alarm.kind).collect();
        assert_eq!(alarms, [AlarmKind::AgentFailed { agent: LACP }]);
        let rows = switch.agent_rows();
        let rows: Vec<_> = rows.iter().map(|row| (row.name.as_str(), row.restarts)).collect();
        assert_eq!(rows, [("learning", 0), ("lacp", 3)]);
    }

    #[test]
    fn an_agent_without_anything_to_do_goes_and_its_alarms_with_it() {
        let mut switch = switch();
        let now = Instant::ZERO + seconds(1);
        switch.handle_input(now, Input::Fault(Fault::Crash { agent: LACP, dump: seconds(1) })).unwrap();
        assert_eq!(switch.alarms().len(), 1);
        switch.settle_agents(now);
        assert_eq!((switch.agent_state(LACP), switch.alarms().len()), (None, 0));
        assert_eq!(switch.poll_timeout(), None);
        let refused = switch.handle_input(now, Input::Fault(Fault::Restart { agent: LACP }));
        assert_eq!(refused, Err(Refused::NoAgent { agent: LACP, there: vec![LEARNING] }));

        switch.employ(now, LACP);
        switch.handle_input(now, Input::Timeout).unwrap();
        switch.settle_agents(now);
        assert_eq!(told(&switch).last(), Some(&Event::AgentStopped { agent: LACP }));
    }
}
