//! The agents of a switch: what runs beside the data plane under the supervisor, and can die.

use serde::{Deserialize, Serialize};

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
