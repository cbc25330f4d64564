//! A cable: two lanes, and who is at its ends and sees what.

use crate::lane::Lane;
use crate::observer::LinkLoss;
use greylag_base::{Instant, Seed};
use greylag_scenario::lab::{Lab, Link as Cable};
use greylag_scenario::story::{LinkSettings, SeenBy};

/// Where a link ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Index of the node in the lab.
    pub(crate) node: usize,
    /// A switch's port, or which of a host's links it is.
    pub(crate) port: usize,
    /// What the event queue calls the next frame that arrives here.
    pub(crate) source: u32,
}

/// A cable between two nodes.
pub(crate) struct Link {
    pub(crate) places: [Place; 2],
    /// By the end that sends.
    pub(crate) lanes: [Lane; 2],
    /// Nothing comes through.
    is_cut: bool,
    /// Which ends see that.
    sees_cut: [bool; 2],
    /// Somebody who has power is plugged in at this end.
    is_lit: [bool; 2],
    /// What the nodes at the ends were told last.
    carrier: [bool; 2],
}

impl Link {
    /// A link as it stands before anybody is plugged in.
    pub(crate) fn new(
        lab: &Lab,
        cable: &Cable,
        settings: &LinkSettings,
        places: [Place; 2],
        seed: Seed,
    ) -> Self {
        let name = |end: usize| {
            let end = &cable.ends[end];
            format!("{}:{}", lab.nodes[end.node].name, end.interface)
        };
        let lanes = [0, 1].map(|from| {
            let seed = seed.derive(&format!("link/{}--{}/{from}", name(0), name(1)));
            Lane::new(settings, seed)
        });
        Link {
            places,
            lanes,
            is_cut: !settings.up,
            sees_cut: [!settings.up; 2],
            is_lit: [false; 2],
            carrier: [false; 2],
        }
    }

    /// Nothing comes through, and `seen_by` sees it.
    pub(crate) fn cut(&mut self, seen_by: SeenBy) {
        self.is_cut = true;
        self.sees_cut = match seen_by {
            SeenBy::Both => [true, true],
            SeenBy::End(end) => [end == 0, end == 1],
            SeenBy::Nobody => [false, false],
        };
    }

    /// It is not cut any more.
    pub(crate) fn join(&mut self) {
        self.is_cut = false;
        self.sees_cut = [false; 2];
    }

    /// It is whole again, and every impairment is over.
    pub(crate) fn mend(&mut self) {
        self.join();
        self.lanes.iter_mut().for_each(Lane::mend);
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Somebody with power is plugged in at an end, or nobody is.
    pub(crate) fn light(&mut self, end: usize, lit: bool) {
        self.is_lit[end] = lit;
    }

    pub(crate) fn is_lit(&self, end: usize) -> bool {
        self.is_lit[end]
    }

    /// What the node at an end has to be told if it is there: its carrier, if it is not what it was.
    pub(crate) fn carrier_change(&mut self, end: usize) -> Option<bool> {
        let carrier = self.is_lit[0] && self.is_lit[1] && !self.sees_cut[end];
        let is_news = std::mem::replace(&mut self.carrier[end], carrier) != carrier;
        is_news.then_some(carrier)
    }

    /// Why it would lose a frame from an end now, unless by chance.
    pub(crate) fn fate(&self, now: Instant, from: usize, frame: &[u8]) -> Option<LinkLoss> {
        match () {
            () if self.is_cut => Some(LinkLoss::Down),
            () if !self.is_lit[1 - from] => Some(LinkLoss::Dark),
            () => self.lanes[from].fate(now, frame),
        }
    }

    /// When the next frame arrives at an end.
    pub(crate) fn next_arrival(&self, to: usize) -> Option<Instant> {
        self.lanes[1 - to].next_arrival()
    }
}
