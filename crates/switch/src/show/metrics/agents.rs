//! Agents and alarms.

use super::{Metrics, word};
use crate::Switch;
use crate::agent::{AgentKind, AgentState};
use crate::alarm::AlarmKind;
use greylag_base::Instant;

const STATES: [AgentState; 6] = [
    AgentState::Running,
    AgentState::Hung,
    AgentState::Slow,
    AgentState::Dumping,
    AgentState::Restarting,
    AgentState::Failed,
];

impl Switch {
    pub(super) fn measure_agents(&self, seconds: &dyn Fn(Instant) -> f64, metrics: &mut Metrics) {
        let up = metrics.gauge("greylag_agent_up", "1 if the agent runs and does not hang.", &["agent"]);
        for (agent, life) in &self.lives {
            let is_up = matches!(life.state(), AgentState::Running | AgentState::Slow);
            up.put(&[agent.name()], is_up.into());
        }
        let state = metrics.gauge(
            "greylag_agent_state",
            "1 for how the agent is, 0 for the rest.",
            &["agent", "state"],
        );
        for (agent, life) in &self.lives {
            state.put_state(&[agent.name()], &STATES, &life.state());
        }
        let since = metrics.gauge(
            "greylag_agent_since_timestamp_seconds",
            "Since when the agent runs, or does not, in seconds since 1970.",
            &["agent"],
        );
        for (agent, life) in &self.lives {
            since.put_real(&[agent.name()], seconds(life.supervisor.since()));
        }
        let restarts = metrics.counter(
            "greylag_agent_restarts_total",
            "How often the agent was started again.",
            &["agent"],
        );
        for (agent, life) in &self.lives {
            restarts.put(&[agent.name()], life.supervisor.starts().saturating_sub(1));
        }
        let active = metrics.gauge(
            "greylag_alarm_active",
            "1 while the alarm is raised. Those of an agent have its name.",
            &["alarm", "agent", "severity"],
        );
        for kind in self.possible_alarms() {
            let (alarm, agent) = names(kind);
            let is_raised = self.alarms().iter().any(|raised| raised.kind == kind);
            active.put(&[&alarm, agent, &word(&kind.severity())], is_raised.into());
        }
        let since = metrics.gauge(
            "greylag_alarm_since_timestamp_seconds",
            "Since when the alarm is raised, in seconds since 1970; absent while it is not.",
            &["alarm", "agent", "severity"],
        );
        for raised in self.alarms() {
            let (alarm, agent) = names(raised.kind);
            since.put_real(&[&alarm, agent, &word(&raised.severity)], seconds(raised.raised));
        }
    }

    /// What this switch could complain of.
    fn possible_alarms(&self) -> Vec<AlarmKind> {
        let mut alarms = Vec::new();
        for &agent in self.lives.keys() {
            alarms.push(AlarmKind::AgentFailed { agent });
            alarms.push(AlarmKind::AgentRestarting { agent });
            if self.config().supervisor.watchdog.is_some() {
                alarms.push(AlarmKind::RebootPending { agent });
            }
        }
        alarms.extend([AlarmKind::ReportsLost, AlarmKind::MacTableFull, AlarmKind::CommitUnconfirmed]);
        if self.config().multi_chassis.is_some() {
            alarms.extend([
                AlarmKind::IccpDown,
                AlarmKind::MclagSplitBrain,
                AlarmKind::MclagConflict,
                AlarmKind::MclagWithdrawn,
            ]);
        }
        alarms
    }
}

/// What an alarm is called, and the agent that it is about.
fn names(kind: AlarmKind) -> (String, &'static str) {
    let value = serde_json::to_value(kind).unwrap_or_default();
    let agent = match kind {
        AlarmKind::AgentFailed { agent }
        | AlarmKind::AgentRestarting { agent }
        | AlarmKind::RebootPending { agent } => AgentKind::name(agent),
        _ => "",
    };
    (value["alarm"].as_str().unwrap_or_default().to_owned(), agent)
}
