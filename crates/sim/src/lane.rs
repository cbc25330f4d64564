//! One direction of a link: a queue, a transmitter of some rate, and a line that takes time and may harm.
//!
//! A frame's times are worked out when it is handed over: when its turn comes, when its last bit has left, when that
//! arrives. So a frame costs one event, and the world's queue knows of the next arrival only, whatever is on the line.

use crate::frame_pool::FramePool;
use crate::observer::LinkLoss;
use crate::transit::Transit;
use greylag_base::{Dice, Instant, Seed};
use greylag_scenario::story::{FlowLoss, Impairment, LinkSettings};
use greylag_wire::ethernet::MIN_FRAME_LEN;
use std::collections::VecDeque;
use std::time::Duration;

/// Octets that a frame takes on the line beside its own: preamble and delimiter, frame check sequence, gap
/// (IEEE 802.3-2022 3.1.1, 4.4.2).
const OVERHEAD: usize = 8 + 4 + 12;

/// Picoseconds of an octet at one bit per second.
const OCTET: u64 = 8_000_000_000_000;

/// A frame on the line.
struct Flying {
    arrival: Instant,
    /// Its check sequence does not fit.
    corrupt: bool,
    frame: Vec<u8>,
}

/// What arrives.
pub(crate) struct Arrived {
    /// The receiving port drops it, for its check sequence does not fit.
    pub(crate) corrupt: bool,
    pub(crate) frame: Vec<u8>,
}

/// A frame that will not arrive, and why.
pub(crate) struct Lost {
    pub(crate) frame: Vec<u8>,
    pub(crate) why: LinkLoss,
}

/// One direction of a link.
pub(crate) struct Lane {
    /// Picoseconds that an octet takes.
    octet: u64,
    /// When the transmitter is free, and picoseconds beyond that.
    free_at: Instant,
    beyond: u64,
    /// Nanoseconds from the last bit in to the last bit out.
    delay: u64,
    /// No frame that keeps its place arrives before this.
    last_arrival: Instant,
    /// By arrival; of those that arrive together the first sent comes first.
    flying: VecDeque<Flying>,
    /// When the turn of each frame comes that waited for it.
    turns: VecDeque<Instant>,
    room: usize,
    rate: u64,
    /// Whether anything of the harm is other than it should be, asked per frame; what it is stands apart, so that a sound lane takes
    /// few cache lines.
    is_sound: bool,
    one_way: bool,
    harm: Box<Harm>,
}

/// What may happen to frames on the line.
struct Harm {
    dice: Dice,
    impairment: Impairment,
    transit: Option<Transit>,
    /// Where the flows come from that are lost.
    seed: Seed,
}

impl Lane {
    pub(crate) fn new(settings: &LinkSettings, seed: Seed) -> Self {
        let mut lane = Lane {
            octet: 0,
            free_at: Instant::ZERO,
            beyond: 0,
            delay: u64::try_from(settings.delay.as_nanos()).unwrap_or(u64::MAX),
            last_arrival: Instant::ZERO,
            flying: VecDeque::new(),
            turns: VecDeque::new(),
            room: settings.queue as usize,
            rate: settings.rate,
            is_sound: true,
            one_way: false,
            harm: Box::new(Harm {
                dice: Dice::new(seed),
                impairment: Impairment::default(),
                transit: settings.loses.as_ref().and_then(|loss| Transit::new(loss, seed)),
                seed,
            }),
        };
        lane.impair(Impairment::default());
        lane
    }

    /// How frames fare from now on. Those that are on their way are not touched.
    pub(crate) fn impair(&mut self, impairment: Impairment) {
        self.octet = OCTET / impairment.rate.unwrap_or(self.rate).max(1);
        self.harm.impairment = impairment;
        self.settle();
    }

    /// Which flows are lost from now on, whatever is impaired or mended.
    pub(crate) fn lose_flows(&mut self, loss: &FlowLoss) {
        self.harm.transit = Transit::new(loss, self.harm.seed);
        self.settle();
    }

    fn settle(&mut self) {
        let Harm { impairment, transit, .. } = &*self.harm;
        let plain = Impairment { rate: None, ..*impairment } == Impairment::default();
        self.is_sound = plain && transit.is_none();
    }

    /// Frames disappear from now on, or do so no longer.
    pub(crate) fn cut_one_way(&mut self, cut: bool) {
        self.one_way = cut;
    }

    /// Why it would lose a frame now, unless by chance.
    pub(crate) fn fate(&self, now: Instant, frame: &[u8]) -> Option<LinkLoss> {
        let waiting = self.turns.iter().filter(|turn| **turn > now).count();
        let Harm { impairment, transit, .. } = &*self.harm;
        match () {
            () if self.free_at > now && waiting >= self.room => Some(LinkLoss::QueueFull),
            () if self.one_way => Some(LinkLoss::OneWay),
            () if transit.as_ref().is_some_and(|transit| transit.loses(frame)) => Some(LinkLoss::Flow),
            () if impairment.loss >= 1.0 => Some(LinkLoss::Loss),
            () => None,
        }
    }

    /// When the next frame arrives.
    pub(crate) fn next_arrival(&self) -> Option<Instant> {
        self.flying.front().map(|flying| flying.arrival)
    }

    /// Takes a frame that has arrived by now.
    pub(crate) fn arrive(&mut self, now: Instant) -> Option<Arrived> {
        let flying = self.flying.pop_front_if(|flying| flying.arrival <= now)?;
        Some(Arrived { corrupt: flying.corrupt, frame: flying.frame })
    }

    /// Everything that is on the line or waits is lost, oldest first.
    pub(crate) fn lose_all(&mut self, now: Instant) -> impl Iterator<Item = Vec<u8>> + '_ {
        self.turns.clear();
        self.free_at = now;
        self.beyond = 0;
        self.last_arrival = now;
        self.flying.drain(..).map(|flying| flying.frame)
    }

    /// Puts a frame on the line, or behind those that wait for their turn.
    ///
    /// # Errors
    /// Gives the frame back when it is already known that it will not arrive.
    pub(crate) fn send(&mut self, now: Instant, frame: Vec<u8>, pool: &mut FramePool) -> Result<(), Lost> {
        let turn = self.free_at.max(now);
        if turn > now {
            while self.turns.pop_front_if(|turn| *turn <= now).is_some() {}
            if self.turns.len() >= self.room {
                return Err(Lost { frame, why: LinkLoss::QueueFull });
            }
            self.turns.push_back(turn);
        } else {
            // Turns that have come are forgotten when somebody waits again.
            self.beyond = 0;
        }
        let time = self.beyond + self.octet * (frame.len().max(MIN_FRAME_LEN) + OVERHEAD) as u64;
        self.free_at = turn + Duration::from_nanos(time / 1000);
        self.beyond = time % 1000;
        // No frame arrives at the moment it is sent, however fast the line is: an event leads to later ones only.
        let arrival = (self.free_at + Duration::from_nanos(self.delay)).max(now + Duration::from_nanos(1));
        if self.one_way {
            return Err(Lost { frame, why: LinkLoss::OneWay });
        }
        if self.is_sound {
            self.put_in_order(arrival, false, frame);
            return Ok(());
        }
        self.send_impaired(arrival, frame, pool)
    }

    /// As [`Lane::send`], for a frame whose last bit would arrive at `arrival` if all were well.
    fn send_impaired(
        &mut self,
        arrival: Instant,
        mut frame: Vec<u8>,
        pool: &mut FramePool,
    ) -> Result<(), Lost> {
        let Harm { dice, impairment, transit, .. } = &mut *self.harm;
        if transit.as_ref().is_some_and(|transit| transit.loses(&frame)) {
            return Err(Lost { frame, why: LinkLoss::Flow });
        }
        let Impairment { loss, duplicate, corrupt, unnoticed, delay, .. } = *impairment;
        if dice.chance(loss) {
            return Err(Lost { frame, why: LinkLoss::Loss });
        }
        let arrival = arrival + delay;
        let is_corrupt = dice.chance(corrupt);
        if is_corrupt && let Some(last) = (frame.len() as u64 * 8).checked_sub(1) {
            let bit = dice.below(last + 1);
            frame[(bit / 8) as usize] ^= 1 << (bit % 8);
        }
        let corrupt = is_corrupt && !unnoticed;
        if dice.chance(duplicate) {
            let copy = pool.copy(&frame);
            self.put(arrival, corrupt, copy);
        }
        self.put(arrival, corrupt, frame);
        Ok(())
    }

    /// Puts a frame where it belongs among those that fly. With a share that is reordered, the jitter is theirs alone and others overtake
    /// them; without one, each frame has an addition of its own and those behind it wait.
    fn put(&mut self, arrival: Instant, corrupt: bool, frame: Vec<u8>) {
        let Harm { dice, impairment, .. } = &mut *self.harm;
        let Impairment { reorder, jitter, .. } = *impairment;
        let is_overtaken = dice.chance(reorder);
        let own = if is_overtaken || reorder == 0.0 { jitter } else { Duration::ZERO };
        let arrival = arrival + dice.between(Duration::ZERO, own);
        if is_overtaken {
            let place = self.flying.partition_point(|other| other.arrival <= arrival);
            self.flying.insert(place, Flying { arrival, corrupt, frame });
        } else {
            self.put_in_order(arrival, corrupt, frame);
        }
    }

    /// Puts a frame on the line behind all that keep their place.
    fn put_in_order(&mut self, arrival: Instant, corrupt: bool, frame: Vec<u8>) {
        let arrival = arrival.max(self.last_arrival);
        self.last_arrival = arrival;
        let flying = Flying { arrival, corrupt, frame };
        if self.flying.back().is_some_and(|last| last.arrival > arrival) {
            // One that is to be overtaken.
            let place = self.flying.partition_point(|other| other.arrival <= arrival);
            self.flying.insert(place, flying);
        } else {
            self.flying.push_back(flying);
        }
    }
}
