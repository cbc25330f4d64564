//! State diagrams as data: the conventions of IEEE 802.1AX-2014 1.3.
//!
//! A machine is in one state. Entering it performs the state's actions, once and in order; it is left by the first
//! transition whose condition holds. A transition from any state is taken only from another than where it leads.

use greylag_base::Instant;

/// One arrow of a state diagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition<S, W> {
    /// Where it begins; `None` for any state.
    pub from: Option<S>,
    /// What must hold.
    pub when: W,
    /// Where it leads.
    pub to: S,
}

/// An arrow from one state.
pub(crate) const fn on<S, W>(from: S, when: W, to: S) -> Transition<S, W> {
    Transition { from: Some(from), when, to }
}

/// An arrow from any state.
pub(crate) const fn anywhere<S, W>(when: W, to: S) -> Transition<S, W> {
    Transition { from: None, when, to }
}

/// A diagram, and where in it a port is.
#[derive(Clone, Debug)]
pub(crate) struct Machine<S: 'static, W: 'static> {
    diagram: &'static [Transition<S, W>],
    state: S,
    since: Instant,
    taken: Vec<u64>,
}

impl<S: Copy + PartialEq, W: Copy> Machine<S, W> {
    pub(crate) fn new(diagram: &'static [Transition<S, W>], start: S, now: Instant) -> Self {
        Machine { diagram, state: start, since: now, taken: vec![0; diagram.len()] }
    }

    pub(crate) fn state(&self) -> S {
        self.state
    }

    /// When the state was last entered from another.
    pub(crate) fn since(&self) -> Instant {
        self.since
    }

    /// How often each arrow of the diagram was taken, in its order.
    pub(crate) fn taken(&self) -> &[u64] {
        &self.taken
    }

    /// Starts again where the diagram begins. Counts are kept.
    pub(crate) fn begin(&mut self, start: S, now: Instant) {
        (self.state, self.since) = (start, now);
    }

    /// The first arrow whose condition holds: its row in the diagram.
    pub(crate) fn next(&self, holds: impl Fn(W) -> bool) -> Option<usize> {
        let leaves = |arrow: &Transition<S, W>| match arrow.from {
            Some(from) => from == self.state,
            None => arrow.to != self.state,
        };
        self.diagram.iter().position(|arrow| leaves(arrow) && holds(arrow.when))
    }

    /// Takes an arrow.
    pub(crate) fn take(&mut self, row: usize, now: Instant) -> Step<S, W> {
        let Transition { when, to, .. } = self.diagram[row];
        let from = std::mem::replace(&mut self.state, to);
        self.taken[row] += 1;
        if from != to {
            self.since = now;
        }
        Step { from, when, to }
    }
}

/// An arrow that was taken: where from, and why.
pub(crate) struct Step<S, W> {
    pub(crate) from: S,
    pub(crate) when: W,
    pub(crate) to: S,
}
