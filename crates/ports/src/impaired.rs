//! A port whose frames fare badly on their way out, as it is told: lost, late, twice, overtaken, corrupt, or no faster than a rate.
//!
//! What becomes of a frame is drawn by [`greylag_base::Impairer`], which virtual links ask too. Frames leave as they would be on a wire:
//! super-frames are cut and checksums finished before anything happens to them, so that a share is one of what a wire would carry, and a
//! flipped bit is not covered up by a checksum that is calculated behind it.

use crate::finish::{Finished, Finisher};
use crate::{Batch, Port, TxReport};
use greylag_base::{Fate, Impairer, Impairment, Instant, Lateness, Pace, Seed};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

/// Frames that wait for their turn where there is a rate: as many as a virtual link lets wait unless it is told otherwise.
const TURNS: usize = 1000;

/// Frames that are held at all.
const HELD: usize = 10_000;

/// What an impairment has done, for whoever asks.
#[derive(Debug, Default)]
pub struct ImpairmentTally {
    lost: AtomicU64,
    duplicated: AtomicU64,
    corrupted: AtomicU64,
    overtaken: AtomicU64,
    no_room: AtomicU64,
    refused: AtomicU64,
}

/// [`ImpairmentTally`], read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImpairmentCounts {
    /// Lost by chance.
    pub lost: u64,
    /// Sent twice.
    pub duplicated: u64,
    /// With a flipped bit: sent where that is to pass unnoticed, and otherwise dropped, as whoever receives them would.
    pub corrupted: u64,
    /// Held back, for others to overtake them.
    pub overtaken: u64,
    /// Dropped because too many waited.
    pub no_room: u64,
    /// Not taken by the port when their time had come.
    pub refused: u64,
}

impl ImpairmentTally {
    /// What it has counted so far.
    pub fn read(&self) -> ImpairmentCounts {
        let ImpairmentTally { lost, duplicated, corrupted, overtaken, no_room, refused } = self;
        let [lost, duplicated, corrupted, overtaken, no_room, refused] =
            [lost, duplicated, corrupted, overtaken, no_room, refused]
                .map(|count| count.load(Ordering::Relaxed));
        ImpairmentCounts { lost, duplicated, corrupted, overtaken, no_room, refused }
    }
}

/// One queue of a port, and what happens to frames in front of it. It takes memory for frames that it holds.
pub(crate) struct Impaired<P> {
    pub(crate) port: P,
    impairer: Impairer,
    pace: Pace,
    finisher: Finisher,
    waiting: Waiting,
    /// What is handed to the port.
    batch: Batch,
}

/// Frames whose time has not come.
#[derive(Default)]
struct Waiting {
    /// By their time; of those that leave together the first comes first.
    frames: VecDeque<(Instant, Vec<u8>)>,
    /// When the turn of each frame comes that waits for it.
    turns: VecDeque<Instant>,
    /// None that keeps its place leaves before this.
    last: Instant,
    spare: Vec<Vec<u8>>,
}

impl<P: Port> Impaired<P> {
    pub(crate) fn new(port: P, impairment: Impairment, seed: Seed) -> Self {
        Impaired {
            port,
            impairer: Impairer::new(impairment, seed),
            pace: Pace::new(None, &impairment),
            finisher: Finisher::new(),
            waiting: Waiting::default(),
            batch: Batch::new(),
        }
    }

    /// How frames fare from now on. Those that are held are not touched.
    pub(crate) fn set(&mut self, impairment: Impairment) {
        self.impairer.set(impairment);
        self.pace.set(None, &impairment);
    }

    /// Frames pass as they are, and none is held.
    pub(crate) fn is_sound(&self) -> bool {
        *self.impairer.impairment() == Impairment::default() && self.waiting.frames.is_empty()
    }

    /// When the next frame is to leave.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.waiting.frames.front().map(|(due, _)| *due)
    }

    /// As [`Port::tx`], at this time. What is held counts as sent.
    pub(crate) fn tx(
        &mut self,
        now: Instant,
        batch: &Batch,
        frames: &[u16],
        tally: &ImpairmentTally,
    ) -> TxReport {
        if self.is_sound() {
            return self.port.tx(batch, frames);
        }
        let mut report = TxReport::default();
        let Impaired { impairer, pace, finisher, waiting, .. } = self;
        for index in frames.iter().map(|&index| usize::from(index)) {
            let Some(finished) = Finished::of(batch.bytes(index), batch.offload(index)) else {
                report.unfinished += 1;
                continue;
            };
            finisher.each(finished, |frame| {
                let Some(left) = waiting.turn(now, pace, frame.len()) else {
                    tally.no_room.fetch_add(1, Ordering::Relaxed);
                    report.queue_full += 1;
                    return;
                };
                let fate = impairer.draw(frame.len());
                if fate.is_some_and(|fate| fate.flipped.is_some()) {
                    tally.corrupted.fetch_add(1, Ordering::Relaxed);
                }
                let Some(fate) = fate.filter(|fate| !fate.is_noticed) else {
                    tally.lost.fetch_add(u64::from(fate.is_none()), Ordering::Relaxed);
                    report.impaired += 1;
                    return;
                };
                if let Some(late) = fate.copy {
                    tally.duplicated.fetch_add(1, Ordering::Relaxed);
                    waiting.put(left, late, frame, &fate);
                }
                tally.overtaken.fetch_add(u64::from(fate.late.is_overtaken), Ordering::Relaxed);
                waiting.put(left, fate.late, frame, &fate);
                report.sent(frame.len());
            });
        }
        self.release(now, tally);
        report
    }

    /// Sends the frames whose time has come.
    pub(crate) fn release(&mut self, now: Instant, tally: &ImpairmentTally) {
        const ALL: [u16; crate::BATCH_FRAMES] = {
            let mut all = [0; crate::BATCH_FRAMES];
            let mut at = 0;
            while at < all.len() {
                all[at] = at as u16;
                at += 1;
            }
            all
        };
        loop {
            self.batch.clear();
            while self.batch.len() < crate::BATCH_FRAMES
                && let Some((_, frame)) = self.waiting.frames.pop_front_if(|(due, _)| *due <= now)
            {
                self.batch.push(&frame);
                self.waiting.spare.push(frame);
            }
            if self.batch.is_empty() {
                return;
            }
            let count = self.batch.len();
            let taken = self.port.tx(&self.batch, &ALL[..count]).frames;
            tally.refused.fetch_add((count as u64).saturating_sub(taken), Ordering::Relaxed);
        }
    }
}

impl Waiting {
    /// When a frame of so many octets has left the transmitter; `None` when there is no room to wait for that.
    fn turn(&mut self, now: Instant, pace: &mut Pace, octets: usize) -> Option<Instant> {
        let turn = pace.turn(now);
        while self.turns.pop_front_if(|turn| *turn <= now).is_some() {}
        if self.turns.len() >= TURNS || self.frames.len() >= HELD {
            return None;
        }
        if turn > now {
            self.turns.push_back(turn);
        }
        Some(pace.take(now, 1, octets as u64))
    }

    /// Puts a frame where it belongs: behind all that keep their place, or by its time alone.
    fn put(&mut self, left: Instant, late: Lateness, frame: &[u8], fate: &Fate) {
        let mut due = left + late.by;
        if !late.is_overtaken {
            due = due.max(self.last);
            self.last = due;
        }
        let mut octets = self.spare.pop().unwrap_or_default();
        octets.clear();
        octets.extend_from_slice(frame);
        if let Some(bit) = fate.flipped {
            octets[(bit / 8) as usize] ^= 1 << (bit % 8);
        }
        let place = self.frames.partition_point(|(other, _)| *other <= due);
        self.frames.insert(place, (due, octets));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryPort;
    use std::time::Duration;

    const FRAMES: u32 = 10_000;

    struct Rig {
        port: Impaired<MemoryPort>,
        far: MemoryPort,
        tally: ImpairmentTally,
        report: TxReport,
        now: Instant,
    }

    impl Rig {
        fn new(impairment: Impairment) -> Rig {
            let (near, far) = MemoryPort::pair(100_000);
            let port = Impaired::new(near, impairment, Seed(7));
            Rig {
                port,
                far,
                tally: ImpairmentTally::default(),
                report: TxReport::default(),
                now: Instant::ZERO,
            }
        }

        /// Sends numbered frames 100 µs apart, and gives the numbers in the order in which they arrive, with their time.
        fn send(&mut self, frames: u32) -> Vec<(Instant, Vec<u8>)> {
            let mut arrived = Vec::new();
            let mut batch = Batch::new();
            for number in 0..frames {
                batch.clear();
                batch.push(&numbered(number));
                let report = self.port.tx(self.now, &batch, &[0], &self.tally);
                for (sum, part) in [
                    (&mut self.report.frames, report.frames),
                    (&mut self.report.impaired, report.impaired),
                    (&mut self.report.queue_full, report.queue_full),
                ] {
                    *sum += part;
                }
                self.run_until(self.now + Duration::from_micros(100), &mut arrived);
            }
            self.run_until(self.now + Duration::from_secs(20), &mut arrived);
            assert!(self.port.due().is_none());
            arrived
        }

        fn run_until(&mut self, end: Instant, arrived: &mut Vec<(Instant, Vec<u8>)>) {
            loop {
                while let Some(frame) = self.far.receive() {
                    arrived.push((self.now, frame));
                }
                let Some(due) = self.port.due().filter(|due| *due <= end) else { break };
                self.now = due;
                self.port.release(self.now, &self.tally);
            }
            self.now = end;
        }
    }

    fn numbered(number: u32) -> [u8; 60] {
        let mut frame = [0; 60];
        frame[14..18].copy_from_slice(&number.to_be_bytes());
        frame
    }

    fn numbers(arrived: &[(Instant, Vec<u8>)]) -> Vec<u32> {
        arrived.iter().map(|(_, frame)| u32::from_be_bytes(frame[14..18].try_into().unwrap())).collect()
    }

    /// What the same seed says of the same frames, where nobody waits.
    fn fates(impairment: Impairment) -> Vec<Option<Fate>> {
        let mut impairer = Impairer::new(impairment, Seed(7));
        (0..FRAMES).map(|_| impairer.draw(60)).collect()
    }

    #[test]
    fn exactly_those_are_lost_that_the_seed_says() {
        let impairment = Impairment { loss: 0.1, ..Impairment::default() };
        let mut rig = Rig::new(impairment);
        let arrived = numbers(&rig.send(FRAMES));
        let expected = fates(impairment);
        let expected = (0..FRAMES).filter(|&number| expected[number as usize].is_some());
        assert!(arrived.iter().copied().eq(expected));
        let lost = u64::from(FRAMES) - arrived.len() as u64;
        assert_eq!((rig.report.impaired, rig.tally.read().lost), (lost, lost));
        assert_eq!(rig.report.frames, arrived.len() as u64);
        assert!((850..1150).contains(&lost), "{lost}");
    }

    #[test]
    fn a_share_comes_twice_and_in_order() {
        let mut rig = Rig::new(Impairment { duplicate: 0.2, ..Impairment::default() });
        let arrived = numbers(&rig.send(FRAMES));
        assert_eq!(arrived.len() as u64, u64::from(FRAMES) + rig.tally.read().duplicated);
        assert!(arrived.is_sorted() && (1800..2200).contains(&rig.tally.read().duplicated));
        assert_eq!(rig.report.frames, u64::from(FRAMES), "a copy is no frame that the switch sent");
    }

    #[test]
    fn a_delay_is_exact_and_jitter_keeps_the_order() {
        let delay = Duration::from_millis(5);
        let mut rig = Rig::new(Impairment { delay, ..Impairment::default() });
        for (place, (at, _)) in rig.send(100).iter().enumerate() {
            assert_eq!(at.since(Instant::ZERO), Duration::from_micros(100) * place as u32 + delay);
        }
        let jitter = Duration::from_millis(1);
        let mut rig = Rig::new(Impairment { delay, jitter, ..Impairment::default() });
        let arrived = rig.send(1000);
        assert!(numbers(&arrived).into_iter().eq(0..1000));
        assert!(arrived.iter().enumerate().all(|(place, (at, _))| {
            let late = at.since(Instant::ZERO) - Duration::from_micros(100) * place as u32;
            (delay..delay + jitter).contains(&late)
        }));
    }

    #[test]
    fn a_share_is_overtaken() {
        let (jitter, reorder) = (Duration::from_millis(1), 0.1);
        let mut rig = Rig::new(Impairment { reorder, jitter, ..Impairment::default() });
        let arrived = numbers(&rig.send(FRAMES));
        assert_eq!(arrived.len() as u32, FRAMES);
        assert!(!arrived.is_sorted());
        assert!((850..1150).contains(&rig.tally.read().overtaken), "{:?}", rig.tally);
    }

    #[test]
    fn a_flipped_bit_is_one_bit_and_where_it_is_noticed_the_frame_is_gone() {
        let mut rig = Rig::new(Impairment { corrupt: 1.0, unnoticed: true, ..Impairment::default() });
        for (number, (_, frame)) in rig.send(100).iter().enumerate() {
            let flipped = frame.iter().zip(numbered(number as u32)).map(|(is, was)| (is ^ was).count_ones());
            assert_eq!(flipped.sum::<u32>(), 1);
        }
        let mut rig = Rig::new(Impairment { corrupt: 0.5, ..Impairment::default() });
        let arrived = rig.send(FRAMES);
        assert_eq!(arrived.len() as u64 + rig.tally.read().corrupted, u64::from(FRAMES));
        assert_eq!(rig.report.impaired, rig.tally.read().corrupted);
    }

    #[test]
    fn a_rate_has_frames_wait_and_then_refuses_them() {
        // Ten thousand a second are sent, four thousand may leave, a thousand may wait.
        let mut rig = Rig::new(Impairment { frame_rate: Some(4000), ..Impairment::default() });
        let arrived = rig.send(FRAMES);
        let full = rig.report.queue_full;
        assert_eq!((arrived.len() as u64 + full, rig.tally.read().no_room), (u64::from(FRAMES), full));
        let gap = Duration::from_micros(250);
        assert!(arrived.windows(2).all(|pair| pair[1].0.since(pair[0].0) >= gap));
        // One second of sending, and what waited.
        assert!((4990..5010).contains(&arrived.len()), "{}", arrived.len());
    }

    #[test]
    fn what_is_mended_passes_as_it_is_behind_what_was_held() {
        let mut rig = Rig::new(Impairment { delay: Duration::from_millis(1), ..Impairment::default() });
        let mut batch = Batch::new();
        batch.push(&numbered(0));
        rig.port.tx(rig.now, &batch, &[0], &rig.tally);
        rig.port.set(Impairment::default());
        let arrived = rig.send(20);
        assert!(numbers(&arrived).is_sorted() && arrived.len() == 21);
        assert!(rig.port.is_sound());
        assert_eq!(arrived[20].0.since(Instant::ZERO), Duration::from_micros(1900));
    }
}
