//! Changing the ageing time while the table is in use.
//!
//! Stamps count ticks, and the length of a tick follows from the ageing time. So first the table is told that
//! nothing ages: sessions from then on leave stamps alone and write none. When the sessions that write old
//! stamps have ended, every stamp is translated, and then the new tick is shown. No reader misses a live entry
//! meanwhile; one that lapses during the change may be found until its end.

use crate::clock::Clock;
use crate::control::Control;
use crate::grace::Wait;
use crate::layout::{age, age_code, is_entry, is_static, with_age};
use crate::sync::{Ordering, lock};
use crate::table::MacTable;

/// A change of the ageing time that waits for sessions to end.
pub(crate) struct Change {
    old_tick_ns: u64,
    wait: Wait,
}

impl MacTable {
    /// Sets the ageing time, nanoseconds; 0 is for ever.
    ///
    /// Entries keep their age, to within two ticks of the old ageing time. Walks the table. If sessions are open
    /// the change comes to pass with a later [`MacTable::sweep`], and nothing ages until then.
    pub fn set_ageing_time(&self, now: u64, nanos: u64) {
        let control = &mut *lock(&self.control);
        let tick_ns = Clock::tick_for(nanos);
        if tick_ns == control.tick_ns {
            return;
        }
        control.tick_ns = tick_ns;
        if control.change.is_none() {
            let old_tick_ns = self.tick_ns.swap(0, Ordering::AcqRel);
            control.change = Some(Change { old_tick_ns, wait: Wait::default() });
        }
        self.finish_change(control, now);
    }

    /// Translates all stamps if the sessions under the old ageing time have ended.
    pub(crate) fn finish_change(&self, control: &mut Control, now: u64) {
        let Some(change) = &mut control.change else { return };
        if !self.grace.is_over(&mut change.wait) {
            return;
        }
        let (old, new) = (Clock::new(change.old_tick_ns, now), Clock::new(control.tick_ns, now));
        control.change = None;
        for line in self.lines.iter() {
            for slot in 0..crate::bucket::SLOTS {
                let cell = line.slot(slot);
                let mut word = cell.load(Ordering::Acquire);
                // Fails only when an entry moves or goes, which it does once and for all or with no stamp.
                while is_entry(word) && !is_static(word) && age_code(word) != age::UNSTAMPED {
                    let next = with_age(word, old.translate(word, &new));
                    match cell.compare_exchange(word, next, Ordering::AcqRel, Ordering::Acquire) {
                        Ok(_) => break,
                        Err(changed) => word = changed,
                    }
                }
            }
        }
        self.tick_ns.store(control.tick_ns, Ordering::Release);
    }
}
