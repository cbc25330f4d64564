//! One direction of a link: a queue, a transmitter of some rate, and a line that takes time and may harm.
//!
//! A frame's times are worked out when it is handed over: when its turn comes, when its last bit has left, when that
//! arrives. So a frame costs one event, and the world's queue knows of the next arrival only, whatever is on the line.

use crate::frame_pool::FramePool;
use crate::observer::LinkLoss;
use crate::transit::Transit;
use greylag_base::{Fate, Impairer, Impairment, Instant, Lateness, Pace, Seed};
use greylag_scenario::story::{FlowLoss, LinkSettings};
use std::collections::VecDeque;
use std::time::Duration;

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
    /// Its transmitter.
    pace: Pace,
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
    impairer: Impairer,
    /// What its sender is configured to do to it, where nobody has ordered anything else.
    own: Impairment,
    transit: Option<Transit>,
    /// Where the flows come from that are lost.
    seed: Seed,
}

impl Lane {
    pub(crate) fn new(settings: &LinkSettings, seed: Seed) -> Self {
        let mut lane = Lane {
            pace: Pace::new(Some(settings.rate), &Impairment::default()),
            delay: u64::try_from(settings.delay.as_nanos()).unwrap_or(u64::MAX),
            last_arrival: Instant::ZERO,
            flying: VecDeque::new(),
            turns: VecDeque::new(),
            room: settings.queue as usize,
            rate: settings.rate,
            is_sound: true,
            one_way: false,
            harm: Box::new(Harm {
                impairer: Impairer::new(Impairment::default(), seed),
                own: Impairment::default(),
                transit: settings.loses.as_ref().and_then(|loss| Transit::new(loss, seed)),
                seed,
            }),
        };
        lane.settle();
        lane
    }

    /// How frames fare from now on. Those that are on their way are not touched.
    pub(crate) fn impair(&mut self, impairment: Impairment) {
        self.pace.set(Some(self.rate), &impairment);
        self.harm.impairer.set(impairment);
        self.settle();
    }

    /// How frames fare that nobody has ordered anything about: what the port is configured to do that sends them.
    pub(crate) fn configure(&mut self, own: Impairment) {
        if own != self.harm.own {
            self.harm.own = own;
            self.impair(own);
        }
    }

    /// Nothing is wrong with it any more but what its sender is configured to do.
    pub(crate) fn mend(&mut self) {
        self.impair(self.harm.own);
        self.cut_one_way(false);
    }

    /// Which flows are lost from now on, whatever is impaired or mended.
    pub(crate) fn lose_flows(&mut self, loss: &FlowLoss) {
        self.harm.transit = Transit::new(loss, self.harm.seed);
        self.settle();
    }

    fn settle(&mut self) {
        let Harm { impairer, transit, .. } = &*self.harm;
        self.is_sound = impairer.impairment().is_certain() && transit.is_none();
    }

    /// Frames disappear from now on, or do so no longer.
    pub(crate) fn cut_one_way(&mut self, cut: bool) {
        self.one_way = cut;
    }

    /// Why it would lose a frame now, unless by chance.
    pub(crate) fn fate(&self, now: Instant, frame: &[u8]) -> Option<LinkLoss> {
        let waiting = self.turns.iter().filter(|turn| **turn > now).count();
        let Harm { impairer, transit, .. } = &*self.harm;
        match () {
            () if self.pace.turn(now) > now && waiting >= self.room => Some(LinkLoss::QueueFull),
            () if self.one_way => Some(LinkLoss::OneWay),
            () if transit.as_ref().is_some_and(|transit| transit.loses(frame)) => Some(LinkLoss::Flow),
            () if impairer.impairment().loss >= 1.0 => Some(LinkLoss::Loss),
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
        self.pace.clear(now);
        self.last_arrival = now;
        self.flying.drain(..).map(|flying| flying.frame)
    }

    /// Puts a frame on the line, or behind those that wait for their turn.
    ///
    /// # Errors
    /// Gives the frame back when it is already known that it will not arrive.
    pub(crate) fn send(&mut self, now: Instant, frame: Vec<u8>, pool: &mut FramePool) -> Result<(), Lost> {
        let turn = self.pace.turn(now);
        if turn > now {
            while self.turns.pop_front_if(|turn| *turn <= now).is_some() {}
            if self.turns.len() >= self.room {
                return Err(Lost { frame, why: LinkLoss::QueueFull });
            }
            // Turns that have come are forgotten when somebody waits again.
            self.turns.push_back(turn);
        }
        let left = self.pace.take(now, 1, frame.len() as u64);
        // No frame arrives at the moment it is sent, however fast the line is: an event leads to later ones only.
        let arrival = (left + Duration::from_nanos(self.delay)).max(now + Duration::from_nanos(1));
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
        let Harm { impairer, transit, .. } = &mut *self.harm;
        if transit.as_ref().is_some_and(|transit| transit.loses(&frame)) {
            return Err(Lost { frame, why: LinkLoss::Flow });
        }
        let Some(Fate { flipped, is_noticed, copy, late }) = impairer.draw(frame.len()) else {
            return Err(Lost { frame, why: LinkLoss::Loss });
        };
        if let Some(bit) = flipped {
            frame[(bit / 8) as usize] ^= 1 << (bit % 8);
        }
        if let Some(late) = copy {
            let copy = pool.copy(&frame);
            self.put(arrival, late, is_noticed, copy);
        }
        self.put(arrival, late, is_noticed, frame);
        Ok(())
    }

    /// Puts a frame where it belongs among those that fly.
    fn put(&mut self, arrival: Instant, late: Lateness, corrupt: bool, frame: Vec<u8>) {
        let arrival = arrival + late.by;
        if late.is_overtaken {
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
