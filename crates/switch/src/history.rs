//! The configurations that a switch has had, and who committed them.

use crate::config::SwitchConfig;
use greylag_base::Instant;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::VecDeque;

/// How many configurations are kept, the running one included: rollback 0 to 49 in Junos' words.
pub const KEPT: usize = 50;

/// A configuration that was committed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Commit {
    /// Counts from 1, without gaps: the configuration that the switch was first started with.
    pub number: u64,
    /// When, on the clock of the world at that time.
    pub at: Instant,
    /// Who; absent for the first one, and for a rollback because nobody confirmed.
    pub author: Option<String>,
    /// It waits to be confirmed.
    pub unconfirmed: bool,
    /// All of it.
    pub config: SwitchConfig,
}

/// The configurations that a switch has had, the running one first. Never empty, at most [`KEPT`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct History {
    commits: VecDeque<Commit>,
}

impl<'de> Deserialize<'de> for History {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let commits = Vec::deserialize(deserializer)?;
        let none = || D::Error::invalid_length(0, &"the running configuration, and those before it");
        History::of(commits).ok_or_else(none)
    }
}

impl History {
    /// Of a switch that starts for the first time.
    pub fn new(config: SwitchConfig, at: Instant) -> Self {
        let first = Commit { number: 1, at, author: None, unconfirmed: false, config };
        History { commits: VecDeque::from([first]) }
    }

    /// Of configurations that were kept elsewhere, the running one first; the oldest go if there are too many, and `None` if there is
    /// none.
    pub fn of(commits: impl IntoIterator<Item = Commit>) -> Option<Self> {
        let commits: VecDeque<Commit> = commits.into_iter().take(KEPT).collect();
        (!commits.is_empty()).then_some(History { commits })
    }

    /// The running configuration.
    pub fn running(&self) -> &SwitchConfig {
        &self.latest().config
    }

    /// The commit that is running.
    pub fn latest(&self) -> &Commit {
        self.commits.front().expect("a history has the running configuration")
    }

    /// All of them, the running one first.
    pub fn commits(&self) -> impl ExactSizeIterator<Item = &Commit> {
        self.commits.iter()
    }

    /// The configuration before the last so many commits.
    pub fn before(&self, steps: usize) -> Option<&SwitchConfig> {
        self.commits.get(steps).map(|commit| &commit.config)
    }

    /// What is left after a power cycle: a commit that still waited to be confirmed is gone, as if its time had been over.
    pub fn survive(mut self) -> Self {
        if self.latest().unconfirmed && self.commits.len() > 1 {
            self.commits.pop_front();
        }
        self.confirm();
        self
    }

    /// With one more configuration, which was put in its place while the switch did not run.
    pub fn replaced(mut self, at: Instant, author: impl Into<String>, config: SwitchConfig) -> Self {
        self.push(at, Some(author.into()), false, config);
        self
    }

    pub(crate) fn confirm(&mut self) {
        if let Some(latest) = self.commits.front_mut() {
            latest.unconfirmed = false;
        }
    }

    pub(crate) fn push(
        &mut self,
        at: Instant,
        author: Option<String>,
        unconfirmed: bool,
        config: SwitchConfig,
    ) {
        let number = self.latest().number + 1;
        self.commits.push_front(Commit { number, at, author, unconfirmed, config });
        self.commits.truncate(KEPT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_that_is_read_has_a_running_configuration() {
        let history = History::new(SwitchConfig::new("sw1"), Instant::ZERO);
        let text = serde_json::to_string(&history).unwrap();
        assert_eq!(serde_json::from_str::<History>(&text).unwrap(), history);
        let error = serde_json::from_str::<History>("[]").unwrap_err().to_string();
        assert!(error.contains("invalid length 0, expected the running configuration"), "{error}");
    }
}
