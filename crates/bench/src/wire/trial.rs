//! One trial: the device learns where everybody is, frames are sent, and once all is quiet the counters are read.

use super::WireError;
use super::bed::Bed;
use super::generator::{Course, Generator, Sent};
use super::latency::Latency;
use super::traffic::{self, FILLER, FrameSize, Magazine, PROBE, Pattern, Traffic};
use greylag_base::MacAddr;
use greylag_ports::Ear;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Addresses that are announced in a second: what the slowest of all devices learns without loss.
const ANNOUNCED: f64 = 20_000.0;
/// After so long, addresses are announced anew: well within what any device remembers.
const REMEMBERED: Duration = Duration::from_secs(60);
/// Frames that are listened to in a second, at most: more would be traffic of their own.
const PROBES: f64 = 20_000.0;

/// What became of the frames of a trial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) sent: Sent,
    /// Frames that had come out when the last was sent.
    pub(crate) by_then: u64,
    /// Frames that have come out, once no more did.
    pub(crate) received: u64,
}

impl Outcome {
    /// Frames that came out, of a second of sending. Those that still waited inside the device when sending ended were not forwarded in that
    /// time.
    pub(crate) fn rate(&self) -> f64 {
        per_second(self.by_then, self.sent.seconds)
    }

    /// Frames that went in, of a second.
    pub(crate) fn offered(&self) -> f64 {
        per_second(self.sent.frames, self.sent.seconds)
    }

    /// Frames that did not come out, of those that went in. What came out too often makes up for nothing: see [`Outcome::excess`].
    pub(crate) fn loss(&self) -> f64 {
        if self.sent.frames == 0 {
            return 1.0;
        }
        self.sent.frames.saturating_sub(self.received) as f64 / self.sent.frames as f64
    }

    /// Frames that came out and never went in: copies, or the device's own.
    pub(crate) fn excess(&self) -> u64 {
        self.received.saturating_sub(self.sent.frames)
    }
}

fn per_second(frames: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { frames as f64 / seconds } else { 0.0 }
}

/// What frames are like that are sent from the first station to the second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    pub(crate) size: FrameSize,
    /// Stations on each side.
    pub(crate) macs: usize,
    pub(crate) pattern: Pattern,
    pub(crate) flows: u16,
}

/// Generators at the stations of a bed.
pub(crate) struct Range<'b> {
    pub(crate) bed: &'b Bed,
    pub(crate) stop: &'b AtomicBool,
    generators: Vec<Generator>,
    learned: Option<(usize, Instant)>,
}

impl<'b> Range<'b> {
    pub(crate) fn new(bed: &'b Bed, size: FrameSize, stop: &'b AtomicBool) -> Result<Range<'b>, WireError> {
        let opened = bed.stations.iter().map(|station| Generator::open(station, size));
        Ok(Range { bed, stop, generators: opened.collect::<Result<_, _>>()?, learned: None })
    }

    /// Has generators go over to a size.
    pub(crate) fn load(&mut self, size: FrameSize) -> Result<(), WireError> {
        let mut all = self.generators.iter_mut().zip(&self.bed.stations);
        all.try_for_each(|(generator, station)| generator.load(station, size))
    }

    /// How frames are sent.
    pub(crate) fn way(&self) -> &'static str {
        self.generators.first().map_or("nobody", |generator| generator.way().name())
    }

    fn check(&self) -> Result<(), WireError> {
        if self.stop.load(Ordering::Relaxed) { Err(WireError::Interrupted) } else { Ok(()) }
    }

    /// Has the stations behind a port speak, each once.
    pub(crate) fn announce(
        &mut self,
        port: usize,
        stations: Vec<MacAddr>,
        to: MacAddr,
        rate: f64,
    ) -> Result<Sent, WireError> {
        let traffic =
            Traffic { size: FrameSize::Fixed(64), flows: 0, sources: stations, destinations: vec![to] };
        let sent = self.generators[port].announce(traffic, rate, self.stop);
        self.check()?;
        Ok(sent)
    }

    /// Has all stations of all ports speak, unless they have done so a short while ago.
    pub(crate) fn teach(&mut self, macs: usize) -> Result<(), WireError> {
        if self.learned.is_some_and(|(known, when)| known >= macs && when.elapsed() < REMEMBERED) {
            return Ok(());
        }
        // Twice: a device may lose one of the first frames while it makes up its mind.
        for round in 0..2 {
            for port in 0..self.generators.len() {
                let stations = traffic::addresses(port, macs, Pattern::Sequential, 0);
                let to = if round == 0 { MacAddr::BROADCAST } else { traffic::address(1 - port.min(1), 0) };
                self.announce(port, stations, to, ANNOUNCED)?;
            }
        }
        self.settle()?;
        self.learned = Some((macs, Instant::now()));
        Ok(())
    }

    /// Waits until no counter moves any more.
    pub(crate) fn settled(&self) -> Result<(), WireError> {
        self.settle().map(drop)
    }

    fn settle(&self) -> Result<Vec<u64>, WireError> {
        self.bed.stations.iter().map(super::bed::Station::settled).collect()
    }

    /// Sends from the first station to the second.
    pub(crate) fn trial(&mut self, manner: &Manner, course: &Course) -> Result<Outcome, WireError> {
        self.load(manner.size)?;
        self.teach(manner.macs)?;
        let mut magazine = Magazine::new(self.one_way(manner), Instant::now());
        let (before, receiver) = (self.settle()?[1], &self.bed.stations[1]);
        let sent = self.generators[0].send(&mut magazine, course, self.stop, || ());
        let by_then = receiver.counts()?.rx - before;
        let received = receiver.settled()? - before;
        self.check()?;
        Ok(Outcome { sent, by_then, received })
    }

    /// Sends on, and waits for nothing.
    pub(crate) fn slice(&mut self, magazine: &mut Magazine, course: &Course) -> Result<Sent, WireError> {
        let sent = self.generators[0].send(magazine, course, self.stop, || ());
        self.check()?;
        Ok(sent)
    }

    /// From the first station to the second.
    pub(crate) fn one_way(&self, manner: &Manner) -> Traffic {
        let of = |port| traffic::addresses(port, manner.macs, manner.pattern, 7);
        Traffic { size: manner.size, flows: manner.flows, sources: of(0), destinations: of(1) }
    }

    /// As [`trial`](Self::trial) at a rate, and how long frames took.
    pub(crate) fn timed(
        &mut self,
        manner: &Manner,
        rate: f64,
        time: Duration,
    ) -> Result<(Outcome, Latency), WireError> {
        self.load(manner.size)?;
        self.teach(manner.macs)?;
        let since = Instant::now();
        let every = (rate / PROBES).ceil().max(1.0) as u64;
        let mut magazine = Magazine::new(self.one_way(manner), since).with_probes(every);
        let (before, receiver) = (self.settle()?[1], &self.bed.stations[1]);
        let open = || Ear::open(&receiver.name, PROBE);
        let ear = receiver.netns.run(open).map_err(WireError::system("enter a namespace".to_owned()))??;
        let (mut latency, mut frame) = (Latency::new(), vec![0; 16_384]);
        let mut listen = || {
            while let Ok(Some(len)) = ear.hear(&mut frame) {
                let now = since.elapsed().as_nanos() as u64;
                if let Some((_, sent)) = frame.get(..len).and_then(traffic::stamp) {
                    latency.record(now.saturating_sub(sent));
                }
            }
        };
        let course = Course::at(rate, time);
        let sent = self.generators[0].send(&mut magazine, &course, self.stop, &mut listen);
        let by_then = receiver.counts()?.rx - before;
        // Those that come now have waited inside the device; they count too.
        let last = Instant::now();
        while last.elapsed() < Duration::from_millis(50) {
            listen();
        }
        let received = receiver.settled()? - before;
        self.check()?;
        Ok((Outcome { sent, by_then, received }, latency))
    }

    /// All stations send to all others, one batch after the other, as fast as it goes. What came out is summed over all.
    pub(crate) fn mesh(&mut self, manner: &Manner, time: Duration) -> Result<Outcome, WireError> {
        self.load(manner.size)?;
        self.teach(manner.macs)?;
        let ports = self.generators.len();
        let mut magazines: Vec<Magazine> = (0..ports)
            .map(|from| {
                let others = (0..ports).filter(|&to| to != from);
                let lists: Vec<Vec<MacAddr>> =
                    others.map(|to| traffic::addresses(to, manner.macs, manner.pattern, 7)).collect();
                let destinations =
                    (0..manner.macs).flat_map(|station| lists.iter().map(move |list| list[station]));
                let sources = traffic::addresses(from, manner.macs, manner.pattern, 7);
                let traffic = Traffic {
                    size: manner.size,
                    flows: manner.flows,
                    sources,
                    destinations: destinations.collect(),
                };
                Magazine::new(traffic, Instant::now())
            })
            .collect();
        let before = self.settle()?;
        let begun = Instant::now();
        let mut frames = 0;
        while begun.elapsed() < time && !self.stop.load(Ordering::Relaxed) {
            for (generator, magazine) in self.generators.iter_mut().zip(&mut magazines) {
                let course = Course::of_frames(None, magazine.len() as u64);
                frames += generator.send(magazine, &course, self.stop, || ()).frames;
            }
        }
        let sent = Sent { frames, seconds: begun.elapsed().as_secs_f64() };
        self.outcome(sent, &before)
    }

    /// The first station sends to everybody, as fast as it goes. What came out is summed over all others.
    pub(crate) fn broadcast(&mut self, manner: &Manner, time: Duration) -> Result<Outcome, WireError> {
        self.load(manner.size)?;
        self.teach(manner.macs)?;
        let traffic = Traffic { destinations: vec![MacAddr::BROADCAST], ..self.one_way(manner) };
        let mut magazine = Magazine::new(traffic, Instant::now());
        let before = self.settle()?;
        let sent = self.generators[0].send(&mut magazine, &Course::flat_out(time), self.stop, || ());
        self.outcome(sent, &before)
    }

    fn outcome(&self, sent: Sent, before: &[u64]) -> Result<Outcome, WireError> {
        let by_then = self.received_since(before, |station| Ok(station.counts()?.rx))?;
        let received = self.received_since(before, super::bed::Station::settled)?;
        self.check()?;
        Ok(Outcome { sent, by_then, received })
    }

    fn received_since(
        &self,
        before: &[u64],
        count: impl Fn(&super::bed::Station) -> Result<u64, WireError>,
    ) -> Result<u64, WireError> {
        let mut all = 0;
        for (station, before) in self.bed.stations.iter().zip(before) {
            all += count(station)?.saturating_sub(*before);
        }
        Ok(all)
    }

    /// Sends one frame from a station to each of these addresses, and says how many came out at another port than the one that they are
    /// behind: those that the device did not know.
    pub(crate) fn strays(
        &mut self,
        from: usize,
        to: Vec<MacAddr>,
        monitor: usize,
        rate: f64,
    ) -> Result<u64, WireError> {
        let count = to.len() as u64;
        let sources = vec![traffic::address(from, 0)];
        let traffic = Traffic { size: FrameSize::Fixed(64), flows: 0, sources, destinations: to };
        let mut magazine = Magazine::new(traffic, Instant::now());
        let listens = &self.bed.stations[monitor];
        // By its kind, for a device may have something of its own to say.
        let open = || Ear::open(&listens.name, FILLER);
        let ear = listens.netns.run(open).map_err(WireError::system("enter a namespace".to_owned()))??;
        let (mut strays, mut frame) = (0, [0; 64]);
        let mut listen = || {
            while let Ok(Some(_)) = ear.hear(&mut frame) {
                strays += 1;
            }
        };
        let course = Course::of_frames(Some(rate), count);
        self.generators[from].send(&mut magazine, &course, self.stop, &mut listen);
        listens.settled()?;
        listen();
        self.check()?;
        Ok(strays)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(sent: u64, by_then: u64, received: u64) -> Outcome {
        Outcome { sent: Sent { frames: sent, seconds: 2.0 }, by_then, received }
    }

    #[test]
    fn what_waited_inside_counts_as_received_and_not_as_rate() {
        let trial = outcome(1000, 800, 900);
        assert_eq!((trial.offered(), trial.rate()), (500.0, 400.0));
        assert!((trial.loss() - 0.1).abs() < 1e-12);
        assert_eq!(trial.excess(), 0);
    }

    #[test]
    fn copies_make_up_for_no_loss_below_zero_and_nothing_sent_is_all_lost() {
        assert_eq!((outcome(1000, 1500, 2000).loss(), outcome(1000, 1500, 2000).excess()), (0.0, 1000));
        let nothing = Outcome { sent: Sent::default(), by_then: 0, received: 0 };
        assert_eq!((nothing.loss(), nothing.rate()), (1.0, 0.0));
    }
}
