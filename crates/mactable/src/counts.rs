//! How many entries there are, and how many there may be.
//!
//! Counted per id rather than per name, so a flush leaves the entries' count behind together with them. The
//! total follows a port's flush at once as well: a retired binding's count carries a bit, and whoever counts an
//! entry in or out learns from the same atomic step whether that entry still belongs to the total.

use crate::session::Decline;
use crate::sync::{AtomicI64, AtomicU32, Ordering};
use crossbeam_utils::CachePadded;

const RETIRED: u32 = 1 << 31;
const UNLIMITED: u32 = u32::MAX;

pub(crate) struct Counts {
    capacity: i64,
    /// Signed, for a flush may be subtracted before the last of what it flushes was added.
    total: CachePadded<AtomicI64>,
    bindings: Box<[AtomicU32]>,
    fids: Box<[AtomicU32]>,
    /// Static entries per port.
    statics: Box<[AtomicU32]>,
    port_limits: Box<[AtomicU32]>,
    vlan_limits: Box<[AtomicU32]>,
}

/// Who an entry counts for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Holder {
    /// A dynamic entry, by its binding.
    Binding(u16),
    /// A static entry, by its port.
    Static(u16),
}

/// A move that is under way: the binding that the entry comes to has counted it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Move {
    /// And the total has not, although it would have.
    is_owed: bool,
}

fn array(len: usize, value: u32) -> Box<[AtomicU32]> {
    (0..len).map(|_| AtomicU32::new(value)).collect()
}

impl Counts {
    pub(crate) fn new(capacity: u32, ports: usize, vlans: usize, bindings: usize, fids: usize) -> Self {
        Counts {
            capacity: i64::from(capacity),
            total: CachePadded::new(AtomicI64::new(0)),
            bindings: array(bindings, 0),
            fids: array(fids, 0),
            statics: array(ports, 0),
            port_limits: array(ports, UNLIMITED),
            vlan_limits: array(vlans, UNLIMITED),
        }
    }

    pub(crate) fn total(&self) -> usize {
        usize::try_from(self.total.load(Ordering::Relaxed)).unwrap_or(0)
    }

    pub(crate) fn binding(&self, binding: u16) -> u32 {
        self.bindings[usize::from(binding)].load(Ordering::Acquire) & !RETIRED
    }

    pub(crate) fn fid(&self, fid: u16) -> u32 {
        self.fids[usize::from(fid)].load(Ordering::Acquire)
    }

    pub(crate) fn statics(&self, port: u16) -> u32 {
        self.statics[usize::from(port)].load(Ordering::Relaxed)
    }

    pub(crate) fn set_port_limit(&self, port: u16, limit: Option<u32>) {
        self.port_limits[usize::from(port)].store(limit.unwrap_or(UNLIMITED), Ordering::Relaxed);
    }

    pub(crate) fn set_vlan_limit(&self, vlan: u16, limit: Option<u32>) {
        self.vlan_limits[usize::from(vlan)].store(limit.unwrap_or(UNLIMITED), Ordering::Relaxed);
    }

    /// Counts a new dynamic entry in, unless there is a limit that it would exceed.
    pub(crate) fn admit(&self, binding: u16, port: u16, fid: u16, vlan: u16) -> Result<(), Decline> {
        self.admit_to_port(binding, port)?;
        self.admit_to_vlan(fid, vlan).inspect_err(|_| self.leave_holder(Holder::Binding(binding)))
    }

    /// Counts an entry in that is counted in at its port.
    fn admit_to_vlan(&self, fid: u16, vlan: u16) -> Result<(), Decline> {
        let in_vlan = self.fids[usize::from(fid)].fetch_add(1, Ordering::AcqRel);
        if in_vlan >= self.vlan_limits[usize::from(vlan)].load(Ordering::Relaxed) {
            self.fids[usize::from(fid)].fetch_sub(1, Ordering::AcqRel);
            return Err(Decline::VlanLimit);
        }
        Ok(())
    }

    /// Counts `count` new dynamic entries in at their port, or none if there is a limit that they would exceed.
    pub(crate) fn admit_many_to_port(&self, binding: u16, port: u16, count: u32) -> bool {
        let before = self.bindings[usize::from(binding)].fetch_add(count, Ordering::AcqRel);
        let total = self.follow(before, count.into());
        let on_port = (before & !RETIRED).saturating_add(self.statics(port));
        let fit = total + i64::from(count) <= self.capacity
            && on_port.saturating_add(count) <= self.port_limits[usize::from(port)].load(Ordering::Relaxed);
        if !fit {
            self.leave_holder_many(Holder::Binding(binding), count);
        }
        fit
    }

    /// Counts `count` entries in that are counted in at their port, unless their VLAN has a limit.
    pub(crate) fn admit_many_to_vlan(&self, fid: u16, vlan: u16, count: u32) -> bool {
        let has_limit = self.vlan_limits[usize::from(vlan)].load(Ordering::Relaxed) != UNLIMITED;
        if !has_limit {
            self.fids[usize::from(fid)].fetch_add(count, Ordering::AcqRel);
        }
        !has_limit
    }

    /// Counts an entry of this table in at another port, to be counted out by [`Counts::end_move`] where it was, or here.
    ///
    /// The total is left as it is, for most moves do not change it.
    pub(crate) fn admit_move(&self, binding: u16, port: u16) -> Result<Move, Decline> {
        let before = self.bindings[usize::from(binding)].fetch_add(1, Ordering::AcqRel);
        let admitted = Move { is_owed: before & RETIRED == 0 };
        let on_port = (before & !RETIRED).saturating_add(self.statics(port));
        if on_port >= self.port_limits[usize::from(port)].load(Ordering::Relaxed) {
            self.end_move(admitted, binding);
            return Err(Decline::PortLimit);
        }
        Ok(admitted)
    }

    /// Counts the entry out at the binding that it does not have.
    pub(crate) fn end_move(&self, admitted: Move, binding: u16) {
        let before = self.bindings[usize::from(binding)].fetch_sub(1, Ordering::AcqRel);
        let change = i64::from(admitted.is_owed) - i64::from(before & RETIRED == 0);
        if change != 0 {
            self.total.fetch_add(change, Ordering::AcqRel);
        }
    }

    fn admit_to_port(&self, binding: u16, port: u16) -> Result<(), Decline> {
        let before = self.bindings[usize::from(binding)].fetch_add(1, Ordering::AcqRel);
        let total = self.follow(before, 1);
        if total >= self.capacity {
            self.leave_holder(Holder::Binding(binding));
            return Err(Decline::TableFull);
        }
        let on_port = (before & !RETIRED).saturating_add(self.statics(port));
        if on_port >= self.port_limits[usize::from(port)].load(Ordering::Relaxed) {
            self.leave_holder(Holder::Binding(binding));
            return Err(Decline::PortLimit);
        }
        Ok(())
    }

    /// Counts a static entry in; port and VLAN limits are for dynamic ones.
    pub(crate) fn admit_static(&self, port: u16, fid: u16) -> Result<(), Decline> {
        if self.total.fetch_add(1, Ordering::AcqRel) >= self.capacity {
            self.total.fetch_sub(1, Ordering::AcqRel);
            return Err(Decline::TableFull);
        }
        self.statics[usize::from(port)].fetch_add(1, Ordering::Relaxed);
        self.fids[usize::from(fid)].fetch_add(1, Ordering::AcqRel);
        Ok(())
    }

    /// An entry that `before` held is a static one of `port` now.
    pub(crate) fn make_static(&self, before: Holder, port: u16) {
        self.statics[usize::from(port)].fetch_add(1, Ordering::Relaxed);
        self.total.fetch_add(1, Ordering::AcqRel);
        self.leave_holder(before);
    }

    /// Counts an entry out.
    pub(crate) fn leave(&self, holder: Holder, fid: u16) {
        self.leave_holder(holder);
        self.fids[usize::from(fid)].fetch_sub(1, Ordering::AcqRel);
    }

    /// Counts several entries out of their VLAN that stay counted in at their port.
    pub(crate) fn leave_many_of_vlan(&self, fid: u16, count: u32) {
        self.fids[usize::from(fid)].fetch_sub(count, Ordering::AcqRel);
    }

    /// Counts an entry out that stays in its VLAN.
    pub(crate) fn leave_holder(&self, holder: Holder) {
        self.leave_holder_many(holder, 1);
    }

    /// As [`Counts::leave_holder`], of several.
    pub(crate) fn leave_holder_many(&self, holder: Holder, count: u32) {
        match holder {
            Holder::Binding(binding) => {
                let before = self.bindings[usize::from(binding)].fetch_sub(count, Ordering::AcqRel);
                self.follow(before, -i64::from(count));
            }
            Holder::Static(port) => {
                self.statics[usize::from(port)].fetch_sub(count, Ordering::Relaxed);
                self.total.fetch_sub(count.into(), Ordering::AcqRel);
            }
        }
    }

    /// Takes all entries of a binding out of the total.
    pub(crate) fn retire_binding(&self, binding: u16) {
        let count = self.bindings[usize::from(binding)].fetch_or(RETIRED, Ordering::AcqRel);
        self.total.fetch_sub(i64::from(count), Ordering::AcqRel);
    }

    /// Prepares an id that no entry has any more for its next name.
    pub(crate) fn reset_binding(&self, binding: u16) {
        let count = self.bindings[usize::from(binding)].swap(0, Ordering::AcqRel);
        debug_assert_eq!(count & !RETIRED, 0, "an entry of a retired binding escaped the sweep");
    }

    /// As [`Counts::reset_binding`], for a filtering id.
    pub(crate) fn reset_fid(&self, fid: u16) {
        let count = self.fids[usize::from(fid)].swap(0, Ordering::AcqRel);
        debug_assert_eq!(count, 0, "an entry of a retired filtering id escaped the sweep");
    }

    /// Adds to the total what the binding, whose count was `before`, still has a say in. Returns the total before.
    fn follow(&self, before: u32, change: i64) -> i64 {
        if before & RETIRED == 0 { self.total.fetch_add(change, Ordering::AcqRel) } else { 0 }
    }
}
