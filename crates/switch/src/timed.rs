//! A protocol machine whose next timeout is worked out once for each time that it may have changed.
//!
//! A switch asks all its machines at every input what is due next, and most inputs are for one of them.

use greylag_base::Instant;
use std::cell::Cell;
use std::ops::{Deref, DerefMut};

/// A machine, and what it answered last. Whoever changes it goes through [`DerefMut`], and the answer is forgotten.
#[derive(Debug)]
pub(crate) struct Timed<M> {
    machine: M,
    next: Cell<Option<Option<Instant>>>,
}

impl<M> Timed<M> {
    pub(crate) fn new(machine: M) -> Self {
        Timed { machine, next: Cell::new(None) }
    }

    /// When it has something to do: what `ask` says, if it has not said so already.
    pub(crate) fn next(&self, ask: impl FnOnce(&M) -> Option<Instant>) -> Option<Instant> {
        let next = self.next.get().unwrap_or_else(|| ask(&self.machine));
        self.next.set(Some(next));
        next
    }
}

impl<M> Deref for Timed<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.machine
    }
}

impl<M> DerefMut for Timed<M> {
    fn deref_mut(&mut self) -> &mut M {
        self.next.set(None);
        &mut self.machine
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_asked_again_when_it_may_have_changed() {
        let mut machine = Timed::new(Some(Instant::from_nanos(5)));
        assert_eq!(machine.next(|at| *at), Some(Instant::from_nanos(5)));
        assert_eq!(machine.next(|_| panic!("it has said so")), Some(Instant::from_nanos(5)));
        *machine = None;
        assert_eq!(machine.next(|at| *at), None);
    }
}
