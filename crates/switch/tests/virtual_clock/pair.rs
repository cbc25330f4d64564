//! Two switches back to back: a host on the first port of each, and links between all others of the same number.

use crate::rig::{Rig, at, seconds, station};
use greylag_base::{Instant, PortId, PortName, Seed};
use greylag_dataplane::Aggregation;
use greylag_lacp::Interval;
use greylag_switch::config::{Attachment, LagConfig, MemberConfig, Membership, PortConfig, SwitchConfig};
use greylag_switch::history::History;
use greylag_switch::recording::Start;
use greylag_switch::{Event, Input, LacpEvent, Output, Switch};
use greylag_wire::ethernet::{EtherType, Repr};
use std::collections::BTreeSet;
use std::time::Duration;

pub(crate) const A: usize = 0;
pub(crate) const B: usize = 1;
pub(crate) const HOST: usize = 0;

pub(crate) struct Pair {
    pub(crate) sides: [Rig; 2],
    /// What is sent by this side by this port is lost.
    cut: BTreeSet<(usize, usize)>,
}

/// A switch with a host on eth1, so many ports from eth2 on that are the bundle ae0, and ae0 behind them.
pub(crate) fn bundled(members: usize, change: impl FnOnce(&mut LagConfig)) -> SwitchConfig {
    let mut config = crate::rig::inline_config(members + 1);
    let lag = PortId(members as u16 + 1);
    for port in &mut config.ports[1..] {
        port.membership = Membership::Aggregate(MemberConfig { lag, port_priority: None });
    }
    let mut bundle = PortConfig::new(PortName::new("ae0").unwrap());
    let mut settings = LagConfig { interval: Interval::Fast, ..LagConfig::default() };
    change(&mut settings);
    bundle.attachment = Attachment::Lag(Box::new(settings));
    config.ports.push(bundle);
    config
}

/// What a bundle of a configuration is.
pub(crate) fn lag(config: &mut SwitchConfig) -> &mut LagConfig {
    match &mut config.ports.last_mut().unwrap().attachment {
        Attachment::Lag(lag) => lag,
        other => panic!("{other:?} is no bundle"),
    }
}

impl Pair {
    /// Two switches of these configurations that keep records, with all links up since the start.
    pub(crate) fn new(a: SwitchConfig, b: SwitchConfig) -> Pair {
        let switch = |config, seed| {
            let start = Start::new(History::new(config, Instant::ZERO), Seed(seed), Instant::ZERO);
            Rig::around(Switch::recorded(start).unwrap())
        };
        let mut pair = Pair { sides: [switch(a, 1), switch(b, 2)], cut: BTreeSet::new() };
        for port in 0..=pair.members() {
            pair.link(port, true);
        }
        pair
    }

    /// Both alike, and their bundle has come up.
    pub(crate) fn up(members: usize, change: impl Fn(&mut LagConfig)) -> Pair {
        let mut pair = Pair::new(bundled(members, &change), bundled(members, &change));
        pair.wait_until(seconds(10));
        let all: Vec<usize> = (1..=members).collect();
        assert_eq!([pair.distributing(A), pair.distributing(B)], [all.clone(), all]);
        pair.sides.iter_mut().for_each(Rig::read_events);
        pair
    }

    pub(crate) fn members(&self) -> usize {
        self.sides[A].switch.ports().len() - 2
    }

    /// A link comes up or goes down, and both ends see it.
    pub(crate) fn link(&mut self, port: usize, up: bool) {
        for side in &mut self.sides {
            side.link(port, up);
        }
        self.carry();
    }

    /// What a side sends by a port is lost from now on, or no longer, and nobody sees it.
    pub(crate) fn cut(&mut self, side: usize, port: usize, is_cut: bool) {
        if is_cut {
            self.cut.insert((side, port));
        } else {
            self.cut.remove(&(side, port));
        }
    }

    pub(crate) fn commit(&mut self, side: usize, change: impl FnOnce(&mut SwitchConfig)) {
        let mut config = Box::new(self.sides[side].switch.config().clone());
        change(&mut config);
        self.sides[side].tell(Input::Commit { config, author: "ops".into(), confirm_within: None }).unwrap();
        self.carry();
    }

    pub(crate) fn now(&self) -> Duration {
        self.sides[A].now.since(Instant::ZERO)
    }

    pub(crate) fn wait_until(&mut self, until: Duration) {
        let until = at(until);
        let mut turns = 0;
        loop {
            let next = self.sides.iter().map(Rig::due).min().unwrap();
            if next > until {
                self.sides.iter_mut().for_each(|side| side.now = until);
                return;
            }
            turns = if next == self.sides[A].now { turns + 1 } else { 0 };
            assert!(turns < 100, "the clock does not go on at {next}");
            self.sides.iter_mut().for_each(|side| side.turn(next));
            self.carry();
        }
    }

    pub(crate) fn wait(&mut self, span: Duration) {
        self.wait_until(self.now() + span);
    }

    /// Waits for something, at most so long; how long it took.
    pub(crate) fn wait_for(&mut self, most: Duration, holds: impl Fn(&Pair) -> bool) -> Duration {
        let from = self.now();
        while !holds(self) {
            assert!(self.now() < from + most, "it does not come about within {most:?}");
            let next = self.sides.iter().map(Rig::due).min().unwrap();
            self.wait_until(next.since(Instant::ZERO));
        }
        self.now() - from
    }

    /// Everything that is on the links arrives.
    fn carry(&mut self) {
        let mut moves = true;
        while std::mem::take(&mut moves) {
            self.sides.iter_mut().for_each(Rig::work);
            let members = self.members();
            for (side, port) in
                [A, B].into_iter().flat_map(|side| (1..=members).map(move |port| (side, port)))
            {
                while let Some(frame) = self.sides[side].host(port).receive() {
                    moves = true;
                    // A link that is down carries nothing.
                    let is_up = self.sides.iter().all(|side| side.switch.ports()[port].link_is_up());
                    if is_up && !self.cut.contains(&(side, port)) {
                        assert!(self.sides[1 - side].host(port).send(&frame));
                    }
                }
            }
        }
    }

    /// The host at a side sends from one station to another; whether it comes to the host at the other side.
    pub(crate) fn send(&mut self, from: usize, source: u32, destination: u32) -> bool {
        let (source, destination) = (station(source), station(destination));
        let frame = Repr { destination, source, ether_type: EtherType::LOCAL_EXPERIMENT }.frame(&[0; 46]);
        assert!(self.sides[from].host(HOST).send(&frame));
        self.carry();
        let arrived = std::iter::from_fn(|| self.sides[1 - from].host(HOST).receive()).count();
        assert!(arrived <= 1, "it arrives {arrived} times");
        arrived == 1
    }

    /// How many of a hundred flows from one side to the other arrive.
    pub(crate) fn arriving(&mut self, from: usize) -> usize {
        (0..100).filter(|flow| self.send(from, 1000 + from as u32, 2000 + flow)).count()
    }

    /// What a side's data plane was told last of a port.
    fn aggregation(&self, side: usize, port: usize) -> Aggregation {
        let outputs = &self.sides[side].switch.recording().unwrap().outputs;
        let published = outputs.iter().rev().find_map(|record| match &record.output {
            Output::Publish(publication) => Some(publication),
            _ => None,
        });
        published.expect("something was published").ports[port].aggregation.clone()
    }

    /// By which port each bucket of the bundle leaves, as the data plane of a side has it.
    pub(crate) fn buckets(&self, side: usize) -> Vec<usize> {
        match self.aggregation(side, self.members() + 1) {
            Aggregation::Lag(buckets) => buckets.as_slice().iter().map(|port| port.index()).collect(),
            other => panic!("{other:?} is no bundle"),
        }
    }

    /// The ports that a side's data plane sends by.
    pub(crate) fn distributing(&self, side: usize) -> Vec<usize> {
        self.buckets(side).into_iter().collect::<BTreeSet<usize>>().into_iter().collect()
    }

    /// The ports that a side's data plane takes from.
    pub(crate) fn collecting(&self, side: usize) -> Vec<usize> {
        let collects = |port: &usize| {
            matches!(self.aggregation(side, *port), Aggregation::Member { collecting: true, .. })
        };
        (1..=self.members()).filter(collects).collect()
    }

    /// The bundle of a side is up.
    pub(crate) fn is_up(&self, side: usize) -> bool {
        self.sides[side].switch.ports().last().unwrap().is_up()
    }

    /// When what LACP tells happened at a side since the last call.
    pub(crate) fn lacp_events(&mut self, side: usize) -> Vec<(Duration, LacpEvent)> {
        let events = self.sides[side].events().into_iter();
        let lacp = events.filter_map(|(at, event)| match event {
            Event::Lacp(event) => Some((at.since(Instant::ZERO), event)),
            _ => None,
        });
        lacp.collect()
    }

    /// The record of a side, played back, comes to the same.
    pub(crate) fn plays_back(&self, side: usize) {
        let switch = &self.sides[side].switch;
        let recording = switch.recording().unwrap();
        let again = Switch::playback(recording).unwrap();
        let events = |switch: &Switch| switch.events().after(0).cloned().collect::<Vec<_>>();
        assert_eq!(events(&again), events(switch));
        assert_eq!(again.recording().unwrap(), recording);
    }
}
