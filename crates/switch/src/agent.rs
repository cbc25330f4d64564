//! The agents of a switch: what runs beside the data plane under the supervisor, and can die.

use crate::Switch;
use crate::alarm::AlarmKind;
use crate::conditions::{CrashLoop, Span};
use crate::control::AGENT;
use crate::event::Event;
use crate::fault::Fault;
use crate::input::Refused;
use crate::learning::LearningAgent;
use crate::supervisor::{Act, Stage};
use greylag_base::Instant;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// An agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AgentKind {
    /// Keeps the MAC table and the flood groups.
    Learning,
}

impl AgentKind {
    /// All of them.
    pub const ALL: [AgentKind; 1] = [AgentKind::Learning];

    /// The name in tables, JSON and files.
    pub const fn name(self) -> &'static str {
        match self {
            AgentKind::Learning => "learning",
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

impl Switch {
    /// How an agent is.
    pub fn agent_state(&self, agent: AgentKind) -> AgentState {
        let AgentKind::Learning = agent;
        match self.stage() {
            Stage::Running if self.conditions.is_hung() => AgentState::Hung,
            Stage::Running if self.conditions.is_slow().is_some() => AgentState::Slow,
            Stage::Running => AgentState::Running,
            Stage::Dumping | Stage::Replaced => AgentState::Dumping,
            Stage::Waiting => AgentState::Restarting,
            Stage::Failed => AgentState::Failed,
        }
    }

    /// Does what a fault says.
    pub(crate) fn order(&mut self, now: Instant, fault: Fault) -> Result<(), Refused> {
        match fault {
            Fault::Crash { agent, dump } => {
                self.must_run(agent)?;
                self.crash(now, dump);
            }
            Fault::CrashLoop { run_least: least, run_most: most, dump, times, while_vlan, .. } => {
                let run = Span { least, most };
                self.conditions.order_crash_loop(CrashLoop { run, dump, times, while_vlan });
                self.wind_up(now);
            }
            Fault::Hang { agent, lasts } => {
                self.must_run(agent)?;
                self.conditions.order_hang(now, lasts);
                self.look_no_more();
                self.events.push(now, Event::AgentHung { agent });
            }
            Fault::Slow { agent, rate, lasts } => {
                self.conditions.order_slow(now, rate, lasts);
                if self.next_look().is_some() {
                    // That was by another pace.
                    self.look_soon(now);
                }
                self.events.push(now, Event::AgentSlowed { agent, rate });
            }
            Fault::LoseReports { share, lasts } => self.conditions.order_loss(now, share, lasts),
            Fault::DelayReports { least, most, lasts } => {
                self.conditions.order_delay(now, Span { least, most }, lasts);
            }
            Fault::RefuseWrites { share, lasts } => self.conditions.order_refusal(now, share, lasts),
            Fault::Restart { .. } => {
                let acts = self.supervisor.restart(now, &self.history.running().supervisor);
                self.act(now, acts);
            }
            Fault::Heal => {
                let was_ill = self.conditions.is_hung() || self.conditions.is_slow().is_some();
                self.conditions.heal();
                if was_ill {
                    self.resume(now);
                }
            }
        }
        Ok(())
    }

    fn must_run(&self, agent: AgentKind) -> Result<(), Refused> {
        if self.agent.is_some() { Ok(()) } else { Err(Refused::AgentDown { agent }) }
    }

    /// The agent ends by itself.
    pub(crate) fn crash(&mut self, now: Instant, dump: Duration) {
        self.conditions.forget_run();
        let acts = self.supervisor.crash(now, dump);
        self.act(now, acts);
    }

    pub(crate) fn act_once(&mut self, now: Instant, act: Act) {
        match act {
            Act::Mourn => {
                self.agent = None;
                self.look_no_more();
                self.events.push(now, Event::AgentCrashed { agent: AGENT });
                let is_coming_back = self.config().supervisor.restart;
                self.alarm_if(now, is_coming_back, AlarmKind::AgentRestarting { agent: AGENT });
            }
            Act::Stop => {
                self.agent = None;
                self.look_no_more();
                self.events.push(now, Event::AgentStopped { agent: AGENT });
            }
            Act::Start => self.start_agent(now),
            Act::GiveUp(result) => {
                self.events.push(now, Event::AgentFailed { agent: AGENT, result });
                self.clear_alarm(now, AlarmKind::AgentRestarting { agent: AGENT });
                self.alarm_if(now, true, AlarmKind::AgentFailed { agent: AGENT });
            }
        }
    }

    /// Starts the agent. It adopts the table and the flood groups as they stand, and puts right at once what differs from the
    /// ports' state.
    fn start_agent(&mut self, now: Instant) {
        self.conditions.forget_run();
        self.events.push(now, Event::AgentStarted { agent: AGENT, start: self.supervisor.starts() });
        let agent = self.around(now, LearningAgent::start);
        self.agent = Some(agent);
        self.clear_alarm(now, AlarmKind::AgentRestarting { agent: AGENT });
        self.clear_alarm(now, AlarmKind::AgentFailed { agent: AGENT });
        self.reconcile(now);
        self.wind_up(now);
    }

    /// The agent is not hung or slow any more.
    pub(crate) fn resume(&mut self, now: Instant) {
        if self.listens() {
            self.events.push(now, Event::AgentResumed { agent: AGENT });
            self.with_agent(now, |agent, around| agent.resume(around));
            self.reconcile(now);
        }
    }

    fn reconcile(&mut self, now: Instant) {
        self.settle_ports();
        self.lease_flood_groups(now);
        self.publish(now);
        self.look_soon(now);
    }

    /// Draws how long the agent will run, if a crash loop is ordered and applies.
    pub(crate) fn wind_up(&mut self, now: Instant) {
        if self.agent.is_some() {
            self.conditions.wind_up(now, self.history.running());
        }
    }
}
