//! Whose turn it is at a port whose control frames wait in a queue of their own.

use crate::BATCH_FRAMES;
use crate::Batch;
use std::io;

/// Control goes first, and is asked for no more often than needed: a look is a system call or two.
///
/// A port at low load is woken for one frame, which is most likely no control frame: the queue of all others is looked at first, and
/// control where that is empty from the start. A port that has more than that is under load, where control goes first. A whole batch of control
/// gives way to one of the others, so that a flood of control takes half at the most. Nothing that waits is forgotten: as long as it does, the
/// port is ready.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// Batches of the others since control was last asked for.
    others: u8,
}

/// Batches of the others that may follow each other.
const MOST_IN_A_ROW: u8 = 2;

impl Turns {
    /// Fills the batch with frames of one of the two queues, each of which gives what it has; says how many.
    pub(crate) fn take(
        &mut self,
        batch: &mut Batch,
        mut control: impl FnMut(&mut Batch) -> io::Result<()>,
        others: impl FnOnce(&mut Batch) -> io::Result<()>,
    ) -> io::Result<usize> {
        batch.clear();
        let is_pressed = self.others >= MOST_IN_A_ROW;
        if is_pressed {
            control(batch)?;
            if !batch.is_empty() {
                // It may have more, unless that was all.
                self.others = if batch.len() == BATCH_FRAMES { MOST_IN_A_ROW - 1 } else { MOST_IN_A_ROW };
                return Ok(batch.len());
            }
            self.others = 0;
        }
        others(batch)?;
        if !batch.is_empty() {
            self.others += 1;
        } else if self.others > 0 {
            self.others = 0;
        } else if !is_pressed {
            control(batch)?;
        }
        Ok(batch.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes as often as it is said, from queues with so many frames, and says what came: `c` and `o`, a capital for a whole batch.
    fn takes(times: usize, mut control: usize, mut others: usize) -> String {
        let (mut turns, mut batch, mut text) = (Turns::default(), Batch::new(), String::new());
        for _ in 0..times {
            let mut came = '-';
            let mut give = |waiting: &mut usize, name: char, batch: &mut Batch| {
                let count = (*waiting).min(BATCH_FRAMES);
                *waiting -= count;
                (0..count).for_each(|_| batch.push(&[0; 60]));
                if count > 0 {
                    came = if count == BATCH_FRAMES { name.to_ascii_uppercase() } else { name };
                }
            };
            let give = std::cell::RefCell::new(&mut give);
            let taken = turns.take(
                &mut batch,
                |batch| {
                    (give.borrow_mut())(&mut control, 'c', batch);
                    Ok(())
                },
                |batch| {
                    (give.borrow_mut())(&mut others, 'o', batch);
                    Ok(())
                },
            );
            taken.unwrap();
            text.push(came);
        }
        text
    }

    #[test]
    fn control_comes_soon_under_load_and_at_once_where_nothing_else_is() {
        let most = usize::MAX / 2;
        assert_eq!(takes(4, 1, most), "OOcO", "behind two batches at the most");
        assert_eq!(takes(2, 1, 0), "c-", "it does not wait for others");
        assert_eq!(takes(4, 1, 1), "o-c-", "there is something as long as the port is ready");
        assert_eq!(takes(5, 1, most)[2..], *"cOO", "and the others go on");
    }

    #[test]
    fn a_flood_of_control_takes_half() {
        let most = usize::MAX / 2;
        let text = takes(100, most, most);
        let control = text.matches('C').count();
        assert!((45..=50).contains(&control), "{text}");
    }
}
