//! Faults that can be ordered: what a scenario, or `greylag fault`, does to a switch from inside, and how it is done.

mod programming;

use crate::Switch;
use crate::agent::{AgentKind, CrashLoop, Life};
use crate::event::Event;
use crate::input::Refused;
use greylag_base::{Instant, VlanId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

pub use crate::lasting::Span;
pub use programming::{AddressFamily, GroupChange, ProgrammingMishap, WriteFilter};

/// Something that goes wrong inside a switch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Fault {
    /// The agent ends once. It takes `dump` to write its core; then the supervisor decides.
    Crash {
        /// Which.
        agent: AgentKind,
        /// From its end until the supervisor hears of it.
        dump: Duration,
    },
    /// The agent ends each time that it has run for a while.
    CrashLoop {
        /// Which.
        agent: AgentKind,
        /// How long it runs, at least.
        run_least: Duration,
        /// How long it runs, at most; drawn from the switch's seed each time.
        run_most: Duration,
        /// From its end until the supervisor hears of it.
        dump: Duration,
        /// So many times; for ever when absent.
        times: Option<u32>,
        /// Only while the running configuration has this VLAN.
        while_vlan: Option<VlanId>,
    },
    /// The agent lives and does nothing.
    Hang {
        /// Which.
        agent: AgentKind,
        /// For so long; until it is restarted when absent.
        lasts: Option<Duration>,
    },
    /// The agent handles so many reports a second.
    Slow {
        /// Which.
        agent: AgentKind,
        /// Reports per second.
        rate: u32,
        /// For so long; until it is healed when absent.
        lasts: Option<Duration>,
    },
    /// Reports of the workers are lost on their way to the agent.
    LoseReports {
        /// The share that is lost, 0 to 1.
        share: f64,
        /// For so long; until it is healed when absent.
        lasts: Option<Duration>,
    },
    /// Reports of the workers are late, each by a time of its own: they overtake each other.
    DelayReports {
        /// At least.
        least: Duration,
        /// At most.
        most: Duration,
        /// For so long; until it is healed when absent.
        lasts: Option<Duration>,
    },
    /// What the agent writes does not arrive in the table, although it is told that it did.
    RefuseWrites {
        /// The share that is refused, 0 to 1.
        share: f64,
        /// For so long; until it is healed when absent.
        lasts: Option<Duration>,
    },
    /// Writes of the programming agent do not do what they should.
    Misprogram {
        /// What becomes of them.
        mishap: ProgrammingMishap,
        /// Of which.
        only: WriteFilter,
        /// The share of them that it befalls, 0 to 1.
        share: f64,
        /// For so long; until it is healed when absent.
        lasts: Option<Duration>,
    },
    /// An operator restarts the agent, and its starts are counted from zero (`systemctl reset-failed` and `restart`).
    Restart {
        /// Which.
        agent: AgentKind,
    },
    /// Whatever was ordered before and still lasts ends. An agent that was given up stays so.
    Heal,
}

impl Fault {
    /// The agent that it is about; `None` when it is about all.
    pub fn agent(&self) -> Option<AgentKind> {
        match *self {
            Fault::Crash { agent, .. }
            | Fault::CrashLoop { agent, .. }
            | Fault::Hang { agent, .. }
            | Fault::Slow { agent, .. }
            | Fault::Restart { agent } => Some(agent),
            Fault::LoseReports { .. } | Fault::DelayReports { .. } | Fault::RefuseWrites { .. } => {
                Some(AgentKind::Learning)
            }
            Fault::Misprogram { .. } => Some(AgentKind::Programming),
            Fault::Heal => None,
        }
    }
}

impl Switch {
    /// Does what a fault says.
    pub(crate) fn order(&mut self, now: Instant, fault: Fault) -> Result<(), Refused> {
        match fault {
            Fault::Crash { agent, dump } => {
                self.running(agent)?;
                self.crash(now, agent, dump);
            }
            Fault::CrashLoop { agent, run_least: least, run_most: most, dump, times, while_vlan } => {
                let run = Span { least, most };
                let order = CrashLoop { run, dump, times, while_vlan };
                life(&mut self.lives, agent)?.health.order_crash_loop(order);
                self.wind_up(now);
            }
            Fault::Hang { agent, lasts } => {
                self.running(agent)?.health.order_hang(now, lasts);
                self.pause_work(agent);
                self.events.push(now, Event::AgentHung { agent });
            }
            Fault::Slow { agent, rate, lasts } => {
                life(&mut self.lives, agent)?.health.order_slow(now, rate, lasts);
                self.pace_work(now, agent);
                self.events.push(now, Event::AgentSlowed { agent, rate });
            }
            Fault::LoseReports { share, lasts } => self.learning.mishaps.order_loss(now, share, lasts),
            Fault::DelayReports { least, most, lasts } => {
                self.learning.mishaps.order_delay(now, Span { least, most }, lasts);
            }
            Fault::RefuseWrites { share, lasts } => self.learning.mishaps.order_refusal(now, share, lasts),
            Fault::Misprogram { mishap, only, share, lasts } => {
                life(&mut self.lives, AgentKind::Programming)?;
                self.order_misprogramming(now, mishap, only, share, lasts);
            }
            Fault::Restart { agent } => {
                let life = life(&mut self.lives, agent)?;
                let acts = life.supervisor.restart(now, &self.history.running().supervisor);
                self.act(now, agent, acts);
            }
            Fault::Heal => self.heal(now),
        }
        Ok(())
    }

    fn heal(&mut self, now: Instant) {
        self.learning.mishaps.heal();
        self.routing.write_mishaps.heal();
        for agent in AgentKind::ALL {
            if self.lives.get_mut(&agent).is_some_and(|life| life.health.heal()) {
                self.resume(now, agent);
            }
        }
    }

    /// The life of an agent, which must run for what is ordered.
    fn running(&mut self, agent: AgentKind) -> Result<&mut Life, Refused> {
        let life = life(&mut self.lives, agent)?;
        if life.runs() { Ok(life) } else { Err(Refused::AgentDown { agent }) }
    }
}

/// The life of an agent that the switch must have.
fn life(lives: &mut BTreeMap<AgentKind, Life>, agent: AgentKind) -> Result<&mut Life, Refused> {
    let there = lives.keys().copied().collect();
    lives.get_mut(&agent).ok_or(Refused::NoAgent { agent, there })
}
