//! What an engineer would note down of a run: agents' lives, orders, and what stands behind what came later.

use super::log::Line;
use super::order::{Words, describe, fault_name};
use super::outcome::Notable;
use greylag_base::Instant;
use greylag_scenario::lab::Lab;
use greylag_scenario::story::{Action, Version};
use greylag_switch::fault::Fault;
use serde::Serialize;
use serde_json::Value;

/// How many notes stand behind a violation.
const LED_THERE: usize = 4;

/// Beginnings of names of events that nobody needs to look for: there are too many of them.
const COMMON: &[&str] = &[
    "mac-",
    "entries-lapsed",
    "neighbor-",
    "link-state-spf-",
    "lacp-receive-",
    "lacp-periodic-",
    "lacp-mux-",
    "lacp-churn-",
    "lacp-selection-",
    "lacp-pdus-missed",
];

/// What becomes of agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Life {
    /// It runs.
    Running,
    /// It handles fewer reports than it could.
    Slow,
    /// It lives and does nothing.
    Hung,
    /// It has ended, and is to be started again.
    Ended,
    /// It has ended, and the supervisor has given it up.
    Failed,
}

/// A turn in an agent's life.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    pub(crate) at: Instant,
    pub(crate) agent: String,
    pub(crate) life: Life,
}

/// An order that may stand behind what comes later.
struct Note {
    at: Instant,
    node: usize,
    text: String,
    is_order: bool,
}

/// An alarm from its raising to its end.
#[derive(Clone, Debug)]
pub(crate) struct Episode {
    pub(crate) node: usize,
    pub(crate) alarm: String,
    pub(crate) severity: String,
    /// What tells it from others of the same name: the agent.
    about: Option<String>,
    pub(crate) raised: Instant,
    pub(crate) cleared: Option<Instant>,
}

/// What has happened so far.
pub(crate) struct Chronicle {
    turns: Vec<Vec<Turn>>,
    notes: Vec<Note>,
    orders: Vec<(Instant, Action)>,
    pub(crate) episodes: Vec<Episode>,
    /// Switches that lost their power or got it back.
    power: Vec<(Instant, usize, bool)>,
}

impl Chronicle {
    pub(crate) fn new(nodes: usize) -> Self {
        Chronicle {
            turns: vec![Vec::new(); nodes],
            notes: Vec::new(),
            orders: Vec::new(),
            episodes: Vec::new(),
            power: Vec::new(),
        }
    }

    /// Takes note of an event, unless it is a common one; gives the turn of an agent's life that it is.
    pub(crate) fn event(&mut self, line: Line<'_>) -> Option<&Turn> {
        let name = line.name();
        if COMMON.iter().any(|common| name.starts_with(common)) {
            return None;
        }
        let fields = line.fields();
        let life = match name {
            "agent-started" | "agent-resumed" => Some(Life::Running),
            "agent-slowed" => Some(Life::Slow),
            "agent-hung" => Some(Life::Hung),
            "agent-crashed" | "agent-stopped" => Some(Life::Ended),
            "agent-failed" => Some(Life::Failed),
            _ => None,
        };
        self.alarm(line, name, &fields);
        let text = words(name, &fields);
        // How things stood at the start led nowhere.
        if line.at > Instant::ZERO {
            self.notes.push(Note { at: line.at, node: line.node, text, is_order: false });
        }
        let agent = fields.get("agent").and_then(Value::as_str).unwrap_or_default().to_owned();
        let turns = &mut self.turns[line.node];
        turns.push(Turn { at: line.at, agent, life: life? });
        turns.last()
    }

    /// Takes note of an alarm that is raised or cleared.
    fn alarm(&mut self, line: Line<'_>, name: &str, fields: &serde_json::Map<String, Value>) {
        let field = |name| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        let Some(alarm) = field("alarm") else { return };
        let about = field("agent");
        match name {
            "alarm-raised" => self.episodes.push(Episode {
                node: line.node,
                alarm,
                severity: field("severity").unwrap_or_default(),
                about,
                raised: line.at,
                cleared: None,
            }),
            "alarm-cleared" => {
                let open = self.episodes.iter_mut().rev().find(|episode| {
                    episode.node == line.node && episode.alarm == alarm && episode.about == about
                });
                if let Some(episode) = open.filter(|episode| episode.cleared.is_none()) {
                    episode.cleared = Some(line.at);
                }
            }
            _ => {}
        }
    }

    /// Takes note of power that is lost or back. With it go agents and alarms.
    pub(crate) fn powered(&mut self, at: Instant, node: usize, on: bool) {
        self.power.push((at, node, on));
        if !on {
            let here = self.episodes.iter_mut().filter(|episode| episode.node == node);
            for episode in here.filter(|episode| episode.cleared.is_none()) {
                episode.cleared = Some(at);
            }
            self.turns[node].clear();
        }
    }

    /// Had a switch power at that time?
    pub(crate) fn has_power(&self, node: usize, at: Instant) -> bool {
        let last = self.power.iter().rev().find(|(when, which, _)| *which == node && *when <= at);
        last.is_none_or(|(.., on)| *on)
    }

    /// A switch starts with a release that has its faults.
    pub(crate) fn starts_with(&mut self, switch: usize, version: &Version) {
        let version = Box::new(version.clone());
        self.orders.push((Instant::ZERO, Action::Upgrade { switch, version }));
    }

    /// Takes note of an order.
    pub(crate) fn ordered(&mut self, at: Instant, action: &Action, lab: &Lab) {
        let Words { node, text, .. } = describe(action, lab);
        self.notes.push(Note { at, node, text, is_order: true });
        self.orders.push((at, action.clone()));
    }

    /// The agents of a node that do not simply run at a time, by the last turn of each; who turned last comes first.
    pub(crate) fn troubles(&self, node: usize, at: Instant) -> impl Iterator<Item = &Turn> {
        let mut last: Vec<&Turn> = Vec::new();
        for turn in self.turns[node].iter().rev().filter(|turn| turn.at <= at) {
            if !last.iter().any(|later| later.agent == turn.agent) {
                last.push(turn);
            }
        }
        last.into_iter().filter(|turn| turn.life != Life::Running)
    }

    /// Faults that were ordered in a switch by then, the latest first, without those that were healed.
    pub(crate) fn faults(&self, node: usize, at: Instant) -> impl Iterator<Item = &'static str> {
        let mut here: Vec<&Fault> = Vec::new();
        for (_, action) in self.orders.iter().rev().filter(|(when, _)| *when <= at) {
            match action {
                Action::Fault { switch, fault } if *switch == node => here.push(fault),
                // Whatever was wrong before went with the old release.
                Action::Upgrade { switch, version } if *switch == node => {
                    here.extend(version.faults.iter().rev());
                    break;
                }
                _ => {}
            }
        }
        let mut restarted = Vec::new();
        let lasts = move |fault: &&Fault| match fault {
            Fault::Restart { agent } => {
                restarted.push(*agent);
                false
            }
            _ => fault.agent().is_none_or(|agent| !restarted.contains(&agent)),
        };
        here.into_iter().take_while(|fault| !matches!(fault, Fault::Heal)).filter(lasts).map(fault_name)
    }

    /// The last order by then that a test picks out.
    pub(crate) fn last_order(&self, at: Instant, is_it: impl Fn(&Action) -> bool) -> Option<Instant> {
        let mut earlier = self.orders.iter().rev().filter(|(when, _)| *when <= at);
        earlier.find(|(_, action)| is_it(action)).map(|(when, _)| *when)
    }

    /// What had happened by then at a node, and what had been ordered anywhere: the latest last.
    pub(crate) fn led_to(&self, at: Instant, node: Option<usize>, lab: &Lab) -> Vec<Notable> {
        let relevant = |note: &&Note| note.at <= at && (note.is_order || Some(note.node) == node);
        let mut last: Vec<&Note> = self.notes.iter().rev().filter(relevant).take(LED_THERE).collect();
        last.reverse();
        last.into_iter()
            .map(|note| Notable {
                at: note.at,
                node: lab.nodes[note.node].name.clone(),
                text: note.text.clone(),
            })
            .collect()
    }
}

/// `agent-failed agent=learning`.
fn words(name: &str, fields: &serde_json::Map<String, Value>) -> String {
    let mut text = name.to_owned();
    for (name, value) in fields.iter().filter(|(name, _)| *name != "event") {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        text += &format!(" {name}={value}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_that_is_back_does_not_hide_another_that_is_not() {
        let at = |seconds: u64| Instant::from_nanos(seconds * 1_000_000_000);
        let mut chronicle = Chronicle::new(1);
        for (second, agent, life) in [
            (1, "learning", Life::Failed),
            (2, "lacp", Life::Hung),
            (3, "lacp", Life::Running),
            (4, "lacp", Life::Ended),
        ] {
            chronicle.turns[0].push(Turn { at: at(second), agent: agent.to_owned(), life });
        }
        let troubles = |second| {
            let turns = chronicle.troubles(0, at(second));
            turns.map(|turn| (turn.agent.as_str(), turn.life)).collect::<Vec<_>>()
        };
        assert_eq!(troubles(0), []);
        assert_eq!(troubles(2), [("lacp", Life::Hung), ("learning", Life::Failed)]);
        assert_eq!(troubles(3), [("learning", Life::Failed)]);
        assert_eq!(troubles(4), [("lacp", Life::Ended), ("learning", Life::Failed)]);
    }
}
