//! A host in the virtual world: what is plugged in where, and what it sends beside what its stack does.

use crate::fabric::Fabric;
use crate::observer::Observer;
use crate::switch_node::Plug;
use greylag_base::Instant;

/// A host.
pub(crate) struct HostNode {
    /// The link that it is plugged into, and those that it can be moved to.
    plugs: Box<[Plug]>,
    /// Which of them it is plugged into.
    active: usize,
}

impl HostNode {
    pub(crate) fn new(plugs: Box<[Plug]>) -> Self {
        HostNode { plugs, active: 0 }
    }

    pub(crate) fn plugs(&self) -> &[Plug] {
        &self.plugs
    }

    /// The link that it is plugged into.
    pub(crate) fn plug(&self) -> Option<Plug> {
        self.plugs.get(self.active).copied()
    }

    pub(crate) fn handle_frame(&mut self, _now: Instant, frame: Vec<u8>, fabric: &mut Fabric) {
        fabric.pool.give(frame);
    }

    pub(crate) fn set_link(
        &mut self,
        _now: Instant,
        _up: bool,
        _fabric: &mut Fabric,
        _observer: &mut impl Observer,
    ) {
    }
}
