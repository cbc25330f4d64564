//! The Selection logic (IEEE 802.1AX-2014 6.4.14) of a bundle with one aggregator: which links belong together, which
//! partner is kept when there are several, and which links stand by.
//!
//! A port that was unselected has to detach before it is selected again, as the standard has it.

use crate::behaviour::{BelowMinLinks, OtherPartners, PartnerChoice, PartnerPin};
use crate::bundle::Bundle;
use crate::config::{Admission, LacpMode};
use crate::event::{LacpEvent, Reason, Selected};
use crate::port::{Context, Port};
use crate::{mux, receive};
use greylag_base::{Instant, PortId};
use greylag_wire::lacp::{Flags, SystemId};
use smallvec::SmallVec;
use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

/// The Link Aggregation Group Identifier (6.3.6): links with the same one can be aggregated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Lag {
    pub(crate) partner: SystemId,
    partner_key: u16,
    actor_key: u16,
    /// An individual link is alone with itself.
    individual: Option<PortId>,
}

/// One for each port of a bundle, most of which have a few: selection is asked at every LACPDU.
type Few<T> = SmallVec<[T; 4]>;

/// What selection wants of a port.
struct Wanted {
    selected: Selected,
    why: Option<Reason>,
    held: Option<Reason>,
    lag: Option<Lag>,
}

impl Wanted {
    fn unselected(why: Reason) -> Self {
        Wanted { selected: Selected::Unselected, why: Some(why), held: None, lag: None }
    }

    fn selected(lag: Lag) -> Self {
        Wanted { selected: Selected::Selected, why: None, held: None, lag: Some(lag) }
    }

    fn standby(lag: Lag, why: Reason) -> Self {
        Wanted { selected: Selected::Standby, why: Some(why), held: None, lag: Some(lag) }
    }

    fn held(lag: Lag, why: Reason) -> Self {
        Wanted { why: Some(why), held: Some(why), ..Wanted::selected(lag) }
    }
}

impl Bundle {
    /// Selects anew. True when that gives a machine something to do.
    pub(crate) fn select(&mut self, now: Instant, events: &mut VecDeque<LacpEvent>) -> bool {
        let standing: Few<Result<Lag, Reason>> =
            self.ports.iter().map(|port| standing(port, self.config.mode, now)).collect();
        let kept = self.keep(&standing, now);
        self.report_partners(kept, &standing, now, events);
        self.kept = kept;
        let mut wanted = self.wanted(&standing, now);
        self.fall_back(&standing, &mut wanted, now, events);
        self.hold_for_min_links(&mut wanted);
        self.keep_out(&standing, &mut wanted);
        let Bundle { config, ports, .. } = self;
        let cx = &mut Context { now, bundle: config, events };
        let mut changed = false;
        for (port, wanted) in ports.iter_mut().zip(wanted) {
            changed |= apply(port, &wanted, cx);
        }
        changed
    }

    /// The group of links that the aggregator goes to.
    fn keep(&self, standing: &[Result<Lag, Reason>], now: Instant) -> Option<Lag> {
        let there = self.ports.iter().zip(standing).filter(|(port, _)| port.enabled(now));
        let mut lags = there.filter_map(|(_, standing)| standing.ok());
        if let Some(first) = lags.next()
            && lags.all(|lag| lag == first)
        {
            // Nearly always.
            return Some(first);
        }
        let mut groups: BTreeMap<Lag, Vec<&Port>> = BTreeMap::new();
        for (port, standing) in self.ports.iter().zip(standing) {
            if let Ok(lag) = standing
                && port.enabled(now)
            {
                groups.entry(*lag).or_default().push(port);
            }
        }
        if groups.is_empty() {
            // Links that are down leave everything as it is, for when they come back (6.4.12).
            return self.kept.filter(|kept| standing.contains(&Ok(*kept)));
        }
        let behaviour = &self.config.behaviour;
        if behaviour.partner_pin == PartnerPin::Hold
            && let Some(kept) = self.kept
            && groups.get(&kept).is_some_and(|ports| ports.iter().any(|port| is_heard(port)))
        {
            return Some(kept);
        }
        let merit = |lag: &Lag, ports: &[&Port]| match behaviour.partner_choice {
            PartnerChoice::First => {
                ports.iter().map(|port| port.partner_since.as_nanos()).min().unwrap_or(u64::MAX)
            }
            PartnerChoice::LowestSystem => u64::from(lag.partner.priority) << 48 | lag.partner.mac.to_bits(),
            PartnerChoice::LowestPort => 0,
            PartnerChoice::MostMembers => u64::MAX - ports.len() as u64,
            PartnerChoice::MostBandwidth => {
                u64::MAX
                    - ports.iter().filter_map(|port| port.link).map(|speed| u64::from(speed.0)).sum::<u64>()
            }
        };
        // Whatever the choice goes by, the best port decides between equals.
        let best = |ports: &[&Port]| ports.iter().map(|port| self.rank(port)).min();
        groups.into_iter().min_by_key(|(lag, ports)| (merit(lag, ports), best(ports))).map(|(lag, _)| lag)
    }

    /// The order in which ports are used: by the priorities and numbers that the better of the two systems assigns
    /// (6.4.14.1, 6.7.1), so that both ends use the same.
    fn rank(&self, port: &Port) -> (u16, u16, PortId) {
        let partner_decides = self.config.mode != LacpMode::Static
            && port.partner.system.is_known()
            && port.partner.system < port.actor.system;
        let decides = if partner_decides { &port.partner } else { &port.actor };
        (decides.port_priority, decides.port, port.id)
    }

    fn report_partners(
        &mut self,
        kept: Option<Lag>,
        standing: &[Result<Lag, Reason>],
        now: Instant,
        events: &mut VecDeque<LacpEvent>,
    ) {
        if self.config.mode == LacpMode::Static {
            return;
        }
        let system = |lag: Option<Lag>| lag.map(|lag| lag.partner);
        let (from, to) = (system(self.kept), system(kept));
        if from != to {
            events.push_back(LacpEvent::PartnerKept { bundle: self.config.id, from, to });
        }
        let enabled = self.ports.iter().zip(standing).filter(|(port, _)| port.enabled(now));
        let mut others: Vec<SystemId> = enabled
            .filter_map(|(_, standing)| standing.ok())
            .map(|lag| lag.partner)
            .filter(|system| Some(*system) != to)
            .collect();
        others.sort_unstable();
        others.dedup();
        if others != self.others {
            self.others.clone_from(&others);
            events.push_back(LacpEvent::PartnersDiffer { bundle: self.config.id, kept: to, others });
        }
    }

    fn wanted(&self, standing: &[Result<Lag, Reason>], now: Instant) -> Few<Wanted> {
        let mut wanted: Few<Wanted> = self
            .ports
            .iter()
            .zip(standing)
            .map(|(port, standing)| match standing {
                Err(why) => Wanted::unselected(*why),
                Ok(lag) if Some(*lag) == self.kept => {
                    let why = (!port.enabled(now)).then_some(Reason::LinkDown);
                    Wanted { why, ..Wanted::selected(*lag) }
                }
                Ok(lag) => self.left_out(port, *lag, now),
            })
            .collect();
        let mut members: Few<usize> =
            (0..self.ports.len()).filter(|&i| standing[i].ok() == self.kept && self.kept.is_some()).collect();
        let waits = |port: &Port| port.restore.pending(now).is_some();
        let is_static = self.config.mode == LacpMode::Static;
        let works = |port: &Port| {
            port.enabled(now)
                && !waits(port)
                && (is_static || port.receive.state() == receive::State::Current)
        };
        if members.iter().any(|&index| works(&self.ports[index])) {
            for &index in members.iter().filter(|&&index| waits(&self.ports[index])) {
                if let Ok(lag) = standing[index] {
                    wanted[index] = Wanted::standby(lag, Reason::WaitToRestore);
                }
            }
            members.retain(|index| !waits(&self.ports[*index]));
        }
        members.sort_by_key(|&index| {
            let port = &self.ports[index];
            let incumbent = !self.config.revertive && port.mux.state().is_attached();
            (!port.enabled(now), !incumbent, self.rank(port))
        });
        for &index in members.iter().skip(self.config.max_links.unwrap_or(u16::MAX).into()) {
            if let Ok(lag) = standing[index] {
                wanted[index] = Wanted::standby(lag, Reason::MaxLinks);
            }
        }
        wanted
    }

    /// What becomes of a port whose group is not the one that is kept.
    fn left_out(&self, port: &Port, lag: Lag, now: Instant) -> Wanted {
        let why = match self.kept {
            _ if !port.enabled(now) => Reason::LinkDown,
            Some(kept) if kept.partner != lag.partner => Reason::OtherPartner,
            _ if lag.individual.is_some() => Reason::Individual,
            _ => Reason::OtherKey,
        };
        match self.config.behaviour.other_partners {
            OtherPartners::Detached => Wanted::unselected(why),
            OtherPartners::Attached => Wanted::held(lag, why),
        }
    }

    /// Lets the best port be used without a partner, if nobody has been heard on any for long enough.
    fn fall_back(
        &mut self,
        standing: &[Result<Lag, Reason>],
        wanted: &mut [Wanted],
        now: Instant,
        events: &mut VecDeque<LacpEvent>,
    ) {
        let is_open = self.config.admission == Admission::Open;
        let patience = self.config.fallback.filter(|_| is_open && self.config.mode != LacpMode::Static);
        let alone = standing.iter().all(Result::is_err);
        let may = |port: &Port| {
            let defaulted = port.receive.state() == receive::State::Defaulted && !port.own_system;
            defaulted && patience.is_some_and(|patience| port.receive.since() + patience <= now)
        };
        let candidates = self.ports.iter().enumerate().filter(|(_, port)| alone && may(port));
        let chosen =
            candidates.min_by_key(|(_, port)| (Reverse(port.fallback), self.rank(port))).map(|(i, _)| i);
        if let Some(index) = chosen {
            let lag = Lag { individual: Some(self.ports[index].id), ..Lag::default() };
            wanted[index] = Wanted::selected(lag);
        }
        for (index, port) in self.ports.iter_mut().enumerate() {
            if port.fallback != (chosen == Some(index)) {
                port.set_fallback(chosen == Some(index));
            }
        }
        let port = chosen.map(|index| self.ports[index].id);
        if port != self.fallback {
            self.fallback = port;
            events.push_back(LacpEvent::FallbackChanged { bundle: self.config.id, port });
        }
    }

    /// What selection would like comes second to whether the bundle may be used.
    fn keep_out(&self, standing: &[Result<Lag, Reason>], wanted: &mut [Wanted]) {
        for (standing, wanted) in standing.iter().zip(wanted) {
            match (self.config.admission, standing) {
                (Admission::Open, _) => {}
                (Admission::Standby, Ok(lag)) => *wanted = Wanted::standby(*lag, Reason::BundleStandby),
                // Whoever has no partner has nothing to stand by for.
                (Admission::Standby, Err(why)) => *wanted = Wanted::unselected(*why),
                (Admission::Suspended, _) => *wanted = Wanted::unselected(Reason::BundleSuspended),
            }
        }
    }

    fn hold_for_min_links(&self, wanted: &mut [Wanted]) {
        if self.config.behaviour.below_min_links != BelowMinLinks::MembersHeld {
            return;
        }
        let usable = |(port, wanted): &(&Port, &Wanted)| {
            wanted.selected == Selected::Selected
                && wanted.held.is_none()
                && port.mux.state().is_attached()
                && port.partner.flags.has(Flags::SYNCHRONIZATION)
        };
        if self.ports.iter().zip(wanted.iter()).filter(usable).count() >= self.config.min_links.into() {
            return;
        }
        for wanted in wanted.iter_mut().filter(|wanted| wanted.selected == Selected::Selected) {
            wanted.held.get_or_insert(Reason::MinLinks);
            wanted.why.get_or_insert(Reason::MinLinks);
        }
    }
}

/// What a port could be aggregated with, or why nothing.
fn standing(port: &Port, mode: LacpMode, now: Instant) -> Result<Lag, Reason> {
    if mode == LacpMode::Static {
        return if port.enabled(now) { Ok(Lag::default()) } else { Err(Reason::LinkDown) };
    }
    if port.own_system {
        return Err(Reason::OwnSystem);
    }
    match port.partner_system {
        Some(partner) => {
            let individual = !port.partner.flags.has(Flags::AGGREGATION);
            Ok(Lag {
                partner,
                partner_key: port.partner.key,
                actor_key: port.actor.key,
                individual: individual.then_some(port.id),
            })
        }
        None if port.enabled(now) => Err(Reason::NoPartner),
        None => Err(Reason::LinkDown),
    }
}

/// The port is one of those that the kept partner is held for.
fn is_heard(port: &Port) -> bool {
    port.selected == Selected::Selected && port.receive.state() == receive::State::Current
}

fn apply(port: &mut Port, wanted: &Wanted, cx: &mut Context<'_>) -> bool {
    let elsewhere = port.lag.is_some() && port.lag != wanted.lag;
    if elsewhere && port.selected != Selected::Unselected && wanted.selected != Selected::Unselected {
        port.unselect(Reason::ActorChanged, cx);
        return true;
    }
    let detached = port.selected != Selected::Unselected || port.mux.state() == mux::State::Detached;
    assert!(detached || wanted.selected == Selected::Unselected, "the mux machine runs before selection");
    port.lag = wanted.lag;
    if wanted.selected == Selected::Selected && port.enabled(cx.now) {
        // While the bundle has no other link, one that came back is used at once, and then stays.
        port.restore.stop();
    }
    let held = std::mem::replace(&mut port.held, wanted.held) != wanted.held;
    port.set_selected(wanted.selected, wanted.why, cx) | held
}
