//! Memory for frames that stay when their batch is gone: slots of fixed size, each had by one at a time.

use crate::FRAME_BYTES;
use crate::pages::Pages;
use crossbeam_queue::ArrayQueue;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// From slot to slot: whole pages, so that two frames that have a page each are not three.
const STRIDE: usize = FRAME_BYTES.next_multiple_of(4096);

/// Slots of [`FRAME_BYTES`] each. Nothing is allocated after they are made; memory that no frame has touched yet costs nothing.
pub struct Slots {
    memory: Pages,
    /// The slots that nobody has.
    free: ArrayQueue<u16>,
}

/// One slot. Dropped, it can be had again.
pub struct Slot {
    slots: Arc<Slots>,
    index: u16,
}

impl Slots {
    /// So many slots, more than none.
    pub fn new(count: u16) -> Arc<Self> {
        let free = ArrayQueue::new(count.into());
        for index in 0..count {
            free.push(index).expect("there is room for all");
        }
        Arc::new(Slots { memory: Pages::zeroed(STRIDE * usize::from(count)), free })
    }

    /// A slot, with whatever was in it before; `None` when all are taken. Never waits.
    pub fn take(self: &Arc<Self>) -> Option<Slot> {
        self.free.pop().map(|index| Slot { slots: Arc::clone(self), index })
    }
}

impl Slot {
    fn start(&self) -> *mut u8 {
        // SAFETY: there are more slots than the highest index, each of that length.
        unsafe { self.slots.memory.start().add(usize::from(self.index) * STRIDE) }
    }
}

impl Deref for Slot {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the slot's own part of the mapping, which lives as long as `slots`. An index is with one `Slot` or in
        // `free`, whose queue hands over what was written before.
        unsafe { std::slice::from_raw_parts(self.start(), FRAME_BYTES) }
    }
}

impl DerefMut for Slot {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and nobody else has this slot. No reference to all of the memory is made once there are slots.
        unsafe { std::slice::from_raw_parts_mut(self.start(), FRAME_BYTES) }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // It was taken from there, so there is room.
        let _ = self.slots.free.push(self.index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_had_by_one_and_comes_back() {
        let slots = Slots::new(2);
        let (mut one, mut other) = (slots.take().unwrap(), slots.take().unwrap());
        assert!(slots.take().is_none());
        one.fill(1);
        other.fill(2);
        assert!(one.iter().all(|&octet| octet == 1) && other.iter().all(|&octet| octet == 2));
        drop(one);
        let mut again = slots.take().unwrap();
        again[0] = 3;
        assert_eq!((again[0], other[0], other[FRAME_BYTES - 1]), (3, 2, 2));
    }

    #[test]
    fn slots_go_from_thread_to_thread_with_what_is_in_them() {
        let slots = Slots::new(3);
        let (to_reader, frames) = std::sync::mpsc::channel::<(u8, Slot)>();
        let reader = std::thread::spawn(move || {
            let whole = |(octet, slot): (u8, Slot)| slot[..64].iter().all(|&found| found == octet);
            frames.iter().map(whole).filter(|&whole| whole).count()
        });
        let mut sent = 0;
        while sent < 1000 {
            let Some(mut slot) = slots.take() else {
                std::thread::yield_now();
                continue;
            };
            slot[..64].fill(sent as u8);
            to_reader.send((sent as u8, slot)).unwrap();
            sent += 1;
        }
        drop(to_reader);
        assert_eq!(reader.join().unwrap(), 1000);
    }
}
