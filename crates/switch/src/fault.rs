//! Faults that can be ordered: what a scenario, or `greylag fault`, does to a switch from inside.

use crate::agent::AgentKind;
use greylag_base::VlanId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

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
    /// An operator restarts the agent, and its starts are counted from zero (`systemctl reset-failed` and `restart`).
    Restart {
        /// Which.
        agent: AgentKind,
    },
    /// Whatever was ordered before and still lasts ends. An agent that was given up stays so.
    Heal,
}
