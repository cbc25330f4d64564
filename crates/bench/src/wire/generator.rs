//! Sends at a rate, from one thread that does nothing else.

use super::traffic::{FrameSize, Magazine, Traffic};
use super::{WireError, bed::Station};
use greylag_ports::{BATCH_FRAMES, Batch, PacketQueue, Port, XdpSender};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How far a stream may run behind its rate before what it missed is forgotten: an hour's stop of the machine is no reason for a burst.
const MOST_BEHIND: Duration = Duration::from_millis(5);
/// For how long frames are put together that go in one system call.
const TOGETHER: f64 = 20e-6;

/// How fast, and how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Course {
    /// Frames per second; as fast as it goes without one.
    pub(crate) rate: Option<f64>,
    /// For how long.
    pub(crate) time: Duration,
    /// At most so many frames.
    pub(crate) most: u64,
    /// Frames that follow each other without a pause, at least.
    pub(crate) burst: usize,
}

impl Course {
    /// As fast as it goes, for so long.
    pub(crate) fn flat_out(time: Duration) -> Course {
        Course { rate: None, time, most: u64::MAX, burst: 1 }
    }

    /// At a rate, for so long.
    pub(crate) fn at(rate: f64, time: Duration) -> Course {
        Course { rate: Some(rate), ..Course::flat_out(time) }
    }

    /// So many frames one behind the other.
    pub(crate) fn of_frames(rate: Option<f64>, most: u64) -> Course {
        Course { rate, time: Duration::from_secs(60), most, burst: 1 }
    }
}

/// What was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sent {
    /// Frames that were offered to the interface.
    pub(crate) frames: u64,
    /// From the first to the last.
    pub(crate) seconds: f64,
}

/// How frames get into an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    AfXdp,
    Sendmmsg,
}

impl Way {
    /// Every frame of a size in the same way: the fastest that takes the longest of them.
    fn of(size: FrameSize) -> Way {
        if size.longest() <= XdpSender::LONGEST { Way::AfXdp } else { Way::Sendmmsg }
    }

    /// In a word.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Way::AfXdp => "AF_XDP",
            Way::Sendmmsg => "sendmmsg",
        }
    }
}

/// Ways into the interface of a station. What was opened once stays open as long as this is there: the kernel gives the queue of a closed AF_XDP
/// socket to the next one only a while later.
pub(crate) struct Generator {
    xdp: Option<XdpSender>,
    packets: Option<PacketQueue>,
    way: Way,
}

impl Generator {
    /// By AF_XDP, or where frames are too long for that by packet sockets.
    pub(crate) fn open(station: &Station, size: FrameSize) -> Result<Generator, WireError> {
        let mut generator = Generator { xdp: None, packets: None, way: Way::of(size) };
        generator.load(station, size)?;
        Ok(generator)
    }

    /// Goes over to another size.
    pub(crate) fn load(&mut self, station: &Station, size: FrameSize) -> Result<(), WireError> {
        self.way = Way::of(size);
        match self.way {
            Way::AfXdp if self.xdp.is_none() => {
                self.xdp = Some(enter(station, || XdpSender::open(&station.name))??);
            }
            Way::Sendmmsg if self.packets.is_none() => {
                let opened = enter(station, || PacketQueue::open(&station.name, NonZeroUsize::MIN))?;
                self.packets = Some(opened?.remove(0));
            }
            Way::AfXdp | Way::Sendmmsg => {}
        }
        Ok(())
    }

    /// How it sends.
    pub(crate) fn way(&self) -> Way {
        self.way
    }

    /// Frames that were offered to the device: what it has no room for is lost at its door, and not less offered.
    fn give(&mut self, batch: &Batch, frames: &[u16]) -> u64 {
        match self.way {
            Way::AfXdp => self.xdp.as_mut().map_or(0, |sender| {
                let before = sender.dropped();
                sender.send(batch, frames).frames + (sender.dropped() - before)
            }),
            Way::Sendmmsg => self.packets.as_mut().map_or(0, |queue| queue.tx(batch, frames).frames),
        }
    }

    /// Sends frames on their course. `beside` is called again and again while it has time.
    pub(crate) fn send(
        &mut self,
        magazine: &mut Magazine,
        course: &Course,
        stop: &AtomicBool,
        mut beside: impl FnMut(),
    ) -> Sent {
        let indices: Vec<u16> = (0..BATCH_FRAMES as u16).collect();
        let together = course.rate.map_or(BATCH_FRAMES, |rate| (rate * TOGETHER) as usize);
        let together = together.clamp(1, BATCH_FRAMES / 2).max(course.burst).min(magazine.len()) as u64;
        let begun = Instant::now();
        let (mut frames, mut forgiven) = (0_u64, 0.0);
        let mut last = begun;
        while frames < course.most && !stop.load(Ordering::Relaxed) {
            let now = Instant::now();
            let elapsed = now - begun;
            if elapsed >= course.time {
                break;
            }
            let due = match course.rate {
                None => magazine.len() as u64,
                Some(rate) => {
                    let behind = elapsed.as_secs_f64() * rate - forgiven - frames as f64;
                    let most = (MOST_BEHIND.as_secs_f64() * rate).max(together as f64);
                    forgiven += (behind - most).max(0.0);
                    behind.clamp(0.0, most) as u64
                }
            };
            let due = due.min(course.most - frames).min(magazine.len() as u64);
            if due < together.min(course.most - frames) {
                beside();
                continue;
            }
            let batch = magazine.load(due as usize);
            frames += self.give(batch, &indices[..due as usize]);
            last = Instant::now();
            if course.rate.is_some() {
                beside();
            }
        }
        Sent { frames, seconds: (last - begun).as_secs_f64() }
    }

    /// Sends every station's address once, or more often, so that the device under test learns it.
    pub(crate) fn announce(&mut self, traffic: Traffic, rate: f64, stop: &AtomicBool) -> Sent {
        let count = traffic.sources.len() as u64;
        let mut magazine = Magazine::new(traffic, Instant::now());
        self.send(&mut magazine, &Course::of_frames(Some(rate), count), stop, || ())
    }
}

fn enter<T: Send>(station: &Station, open: impl FnOnce() -> T + Send) -> Result<T, WireError> {
    station.netns.run(open).map_err(WireError::system("enter a namespace".to_owned()))
}
