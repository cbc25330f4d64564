//! Forgetting at once what was learned on a port, in a VLAN, or at all.
//!
//! A flush retires an id, which takes the same time whatever the size of the table; sweeps reclaim the slots. When so
//! many ids are retired that a VLAN or port might find none, the table is walked instead, first to recycle
//! ids and, if open sessions do not let that succeed, to remove the entries one by one.

use crate::control::{Control, Retired};
use crate::ids::NONE;
use crate::key::Key;
use crate::layout::{is_entry, is_static};
use crate::session::Decline;
use crate::sync::{Ordering, lock};
use crate::table::{Found, MacTable};

impl MacTable {
    /// Forgets all dynamic entries of a port. Look-ups that begin after the return do not find them.
    ///
    /// A thread that is learning on the port at the same time comes before or after the flush.
    pub fn flush_port(&self, port: u16) {
        self.flush_binding(&mut lock(&self.control), port);
    }

    /// Forgets all dynamic entries of a VLAN (1 to 4094), as [`MacTable::flush_port`] does for a port.
    ///
    /// Static entries of the VLAN are placed anew, which takes time in proportion to their number.
    pub fn flush_vlan(&self, vlan: u16) {
        let control = &mut *lock(&self.control);
        let fid = self.vlans.id(vlan);
        // An empty VLAN is flushed too: it may be gone for good, and its id is wanted for another.
        if fid == NONE {
            return;
        }
        if control.retired_fids() >= self.vlans.spare() {
            self.recycle_now(control);
        }
        if control.retired_fids() >= self.vlans.spare() || self.replace_fid(control, vlan).is_err() {
            self.remove_dynamic(|bucket, word| self.key_of(bucket, word).0 == fid);
        }
    }

    /// Forgets all dynamic entries.
    pub fn flush_all(&self) {
        let control = &mut *lock(&self.control);
        let bound = (0..self.ports.names()).filter(|&port| self.ports.id(port as u16) != NONE).count();
        if control.retired_bindings() + bound > self.ports.spare() {
            // One walk rather than one per port.
            self.remove_dynamic(|_, _| true);
            return;
        }
        for port in 0..self.ports.names() {
            self.flush_binding(control, port as u16);
        }
    }

    fn flush_binding(&self, control: &mut Control, port: u16) {
        let binding = self.ports.id(port);
        // An entry is counted before it is placed: a count of zero means that none is there or on its way.
        if binding == NONE || self.counts.binding(binding) == 0 {
            return;
        }
        if control.retired_bindings() >= self.ports.spare() {
            self.recycle_now(control);
        }
        if control.retired_bindings() >= self.ports.spare() {
            self.remove_dynamic(|_, word| self.layout.binding(word) == binding);
            return;
        }
        let old = self.ports.replace(port, NONE);
        self.counts.retire_binding(old);
        control.retire(Retired::Binding(old));
    }

    /// Gives a VLAN a fresh id under which only its static entries are.
    fn replace_fid(&self, control: &mut Control, vlan: u16) -> Result<(), Decline> {
        let statics: Vec<_> = control
            .statics
            .range((vlan, [0; 6])..=(vlan, [0xff; 6]))
            .map(|(&(_, mac), &port)| (mac, port))
            .collect();
        let mut fresh = NONE;
        if !statics.is_empty() {
            fresh = self.vlans.take(vlan).ok_or(Decline::VlansFull)?;
            for (done, &(mac, port)) in statics.iter().enumerate() {
                let probe = self.probe_as(Key::from_octets(vlan, mac), fresh);
                if let Err(decline) = self.place_static(&probe, port, |_| {}) {
                    for &(mac, _) in &statics[..done] {
                        self.remove_key(&self.probe_as(Key::from_octets(vlan, mac), fresh));
                    }
                    // Sessions may have read these entries, so the id goes the way of all others.
                    control.retire(Retired::Fid(fresh));
                    return Err(decline);
                }
            }
        }
        let old = self.vlans.replace(vlan, fresh);
        control.retire(Retired::Fid(old));
        Ok(())
    }

    /// Removes the dynamic entries that `which` chooses by bucket and word.
    fn remove_dynamic(&self, which: impl Fn(usize, u64) -> bool) {
        for bucket in 0..self.lines.len() {
            for slot in 0..crate::bucket::SLOTS {
                loop {
                    let word = self.lines[bucket].slot(slot).load(Ordering::Acquire);
                    let chosen = is_entry(word) && !is_static(word) && which(bucket, word);
                    if !chosen || self.remove_at(Found { bucket, slot, word }) {
                        break;
                    }
                }
            }
        }
    }
}
