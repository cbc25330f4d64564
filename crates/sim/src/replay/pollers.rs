//! Those who look at alarms every so often, as monitoring does.

use super::chronicle::{Chronicle, Episode};
use super::outcome::{AlarmSeen, PollerOutcome};
use greylag_base::{Dice, Instant, Seed};
use greylag_scenario::lab::Lab;
use greylag_scenario::story::Poller;
use std::time::Duration;

/// What a poller has seen by `end`. A look sees the alarms that are raised at that moment.
pub(crate) fn look(
    poller: &Poller,
    seed: Seed,
    chronicle: &Chronicle,
    lab: &Lab,
    end: Instant,
) -> PollerOutcome {
    let looks = Looks::new(poller, seed, end);
    let is_ours = |episode: &&Episode| poller.switches.contains(&episode.node);
    let mut alarms: Vec<AlarmSeen> = chronicle
        .episodes
        .iter()
        .filter(is_ours)
        .map(|episode| {
            let seen = looks.first_from(episode.raised);
            let seen = seen.filter(|&at| episode.cleared.is_none_or(|cleared| at < cleared));
            let latest = episode.raised + looks.period;
            AlarmSeen {
                switch: lab.nodes[episode.node].name.clone(),
                alarm: episode.alarm.clone(),
                severity: episode.severity.clone(),
                raised: episode.raised,
                seen,
                gone: seen.and(episode.cleared).and_then(|cleared| looks.first_from(cleared)),
                any_phase: (episode.raised, episode.cleared.map_or(latest, |cleared| latest.min(cleared))),
                may_be_missed: episode.cleared.is_some_and(|cleared| cleared < latest),
            }
        })
        .collect();
    // Those that were never seen come last.
    alarms.sort_by_key(|alarm| (alarm.seen.is_none(), alarm.seen, alarm.raised));
    let unanswered =
        |&switch: &usize| looks.all().filter(|&at| !chronicle.has_power(switch, at)).count() as u64;
    PollerOutcome {
        name: poller.name.clone(),
        period: looks.period,
        phase: looks.phase,
        looks: looks.all().count() as u64,
        unanswered: poller.switches.iter().map(unanswered).sum(),
        alarms,
    }
}

/// When a poller looks.
struct Looks {
    phase: Duration,
    period: Duration,
    end: Instant,
}

impl Looks {
    fn new(poller: &Poller, seed: Seed, end: Instant) -> Self {
        let phase = poller.phase.unwrap_or_else(|| {
            let mut dice = Dice::new(seed.derive("poller").derive(&poller.name));
            dice.between(Duration::ZERO, poller.period)
        });
        Looks { phase, period: poller.period.max(Duration::from_millis(1)), end }
    }

    fn all(&self) -> impl Iterator<Item = Instant> {
        let looks = std::iter::successors(Some(Instant::ZERO + self.phase), |&at| Some(at + self.period));
        looks.take_while(|&at| at <= self.end)
    }

    /// The first look at or behind a time.
    fn first_from(&self, at: Instant) -> Option<Instant> {
        let since = (at - Instant::ZERO).saturating_sub(self.phase).as_nanos();
        let number = since.div_ceil(self.period.as_nanos());
        let look =
            Instant::ZERO + self.phase + Duration::from_nanos((number * self.period.as_nanos()) as u64);
        (look <= self.end).then_some(look)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(phase: u64) -> Looks {
        let second = Duration::from_secs(1);
        Looks { phase: second * phase as u32, period: 300 * second, end: Instant::ZERO + 1_000 * second }
    }

    #[test]
    fn a_look_is_at_its_phase_and_every_period_behind_it() {
        let at = |second: u64| Instant::from_nanos(second * 1_000_000_000);
        let looks = looks(29);
        assert_eq!(looks.all().collect::<Vec<_>>(), [29, 329, 629, 929].map(at));
        assert_eq!(looks.first_from(at(0)), Some(at(29)));
        assert_eq!(looks.first_from(at(29)), Some(at(29)));
        assert_eq!(looks.first_from(at(30)), Some(at(329)));
        assert_eq!(looks.first_from(at(930)), None);
    }
}
