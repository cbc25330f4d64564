//! Who is in a table and who is not, and in which order they are asked for.

use crate::key::{BATCH, Batch, Key, PORTS, shuffle};

/// Orders are at least this long, so that no branch predictor learns them.
const LEAST_ORDER: usize = 1 << 16;

/// The keys for a table of some size.
///
/// A table holds all residents between workloads. In some workloads the first quarter of them, the leavers, makes room
/// for as many newcomers; the others stay throughout.
#[derive(Clone, Copy)]
pub struct Stations {
    entries: usize,
    vlans: u16,
}

/// Frames received on one port.
pub struct Frames {
    /// The port.
    pub port: u16,
    /// Who sent each.
    pub sources: Batch,
    /// Whom each is for.
    pub destinations: Batch,
}

/// More frames received on one port.
pub(crate) struct LongFrames {
    pub(crate) port: u16,
    pub(crate) sources: Vec<Key>,
    pub(crate) destinations: Vec<Key>,
}

/// Things in turn, for ever.
pub struct Turns<'t, T> {
    things: &'t [T],
    next: usize,
}

impl<'t, T> Turns<'t, T> {
    /// Begins with the first.
    pub fn new(things: &'t [T]) -> Self {
        Turns { things, next: 0 }
    }

    /// The next of them, or the first again.
    #[inline]
    #[expect(clippy::should_implement_trait, reason = "an iterator may end")]
    pub fn next(&mut self) -> &'t T {
        let thing = &self.things[self.next];
        self.next = if self.next + 1 == self.things.len() { 0 } else { self.next + 1 };
        thing
    }
}

impl Stations {
    /// Sizes are multiples of this: four batches for each port.
    pub const STEP: usize = 4 * BATCH * PORTS as usize;

    /// The stations of a table of this size, a multiple of [`Stations::STEP`], in as many VLANs (1, 2, 4, 8 or 16).
    pub fn new(entries: usize, vlans: u16) -> Self {
        assert!(entries > 0 && entries.is_multiple_of(Self::STEP), "{entries} entries");
        Stations { entries, vlans }
    }

    pub(crate) fn batches(self) -> usize {
        self.entries / BATCH
    }

    /// Batches from a place in the sequence of all stations, each of one port.
    fn run(self, first: usize, count: usize) -> impl Iterator<Item = Batch> {
        let first = first * BATCH;
        (0..count).map(move |batch| {
            std::array::from_fn(|at| Key::nth((first + batch * BATCH + at) as u64, self.vlans))
        })
    }

    /// Those that are in the table, by batches of one port.
    pub fn residents(self) -> impl Iterator<Item = Batch> {
        self.run(0, self.batches())
    }

    pub(crate) fn leavers(self) -> impl Iterator<Item = Batch> {
        self.run(0, self.batches() / 4)
    }

    pub(crate) fn newcomers(self) -> impl Iterator<Item = Batch> {
        self.run(self.batches(), self.batches() / 4)
    }

    fn stayers(self) -> impl Iterator<Item = Batch> {
        self.run(self.batches() / 4, self.batches() - self.batches() / 4)
    }

    /// All residents at random, each as often as every other.
    pub fn order(self) -> Vec<Batch> {
        self.shuffled(self.residents())
    }

    /// Keys at random that are never in the table.
    pub(crate) fn order_of_strangers(self) -> Vec<Batch> {
        self.shuffled(self.run(2 * self.batches(), self.batches()))
    }

    /// The residents that stay, at random.
    pub(crate) fn order_of_stayers(self) -> Vec<Batch> {
        self.shuffled(self.stayers())
    }

    /// Frames among all residents. In each run of as many frames as there are residents, every one is the source once.
    pub fn frames(self) -> Vec<Frames> {
        self.traffic(self.residents().collect())
    }

    /// As [`Stations::frames`], so many together; none if a port has fewer stations.
    pub(crate) fn long_frames(self, together: usize) -> Vec<LongFrames> {
        let mut waiting: Vec<LongFrames> = (0..PORTS)
            .map(|port| LongFrames { port, sources: Vec::new(), destinations: Vec::new() })
            .collect();
        let mut frames = Vec::new();
        if self.entries / usize::from(PORTS) < together {
            return frames;
        }
        for Frames { port, sources, destinations } in self.frames() {
            let long = &mut waiting[usize::from(port)];
            long.sources.extend(sources);
            long.destinations.extend(destinations);
            if long.sources.len() >= together {
                let empty = LongFrames { port, sources: Vec::new(), destinations: Vec::new() };
                frames.push(std::mem::replace(long, empty));
            }
        }
        frames
    }

    /// Frames among the residents that stay.
    pub(crate) fn frames_of_stayers(self) -> Vec<Frames> {
        self.traffic(self.stayers().collect())
    }

    fn shuffled(self, batches: impl Iterator<Item = Batch>) -> Vec<Batch> {
        let mut keys: Vec<Key> = batches.flatten().collect();
        let rounds = LEAST_ORDER.div_ceil(keys.len());
        let mut order = Vec::with_capacity(rounds * keys.len() / BATCH);
        for round in 0..rounds {
            shuffle(&mut keys, round as u64);
            order.extend_from_slice(keys.as_chunks().0);
        }
        order
    }

    fn traffic(self, batches: Vec<Batch>) -> Vec<Frames> {
        let destinations = self.shuffled(batches.iter().copied());
        let mut keys: Vec<Key> = Vec::with_capacity(batches.len() * BATCH);
        // Together by port, for a batch is received on one.
        for port in 0..PORTS {
            keys.extend(batches.iter().filter(|batch| batch[0].port() == port).flatten());
        }
        let mut frames = Vec::with_capacity(destinations.len());
        for (round, destinations) in destinations.chunks(batches.len()).enumerate() {
            for of_port in keys.chunk_by_mut(|one, next| one.port() == next.port()) {
                shuffle(of_port, round as u64);
            }
            let mut sources: Vec<Batch> = keys.as_chunks().0.to_vec();
            shuffle(&mut sources, round as u64);
            for (sources, destinations) in sources.into_iter().zip(destinations) {
                frames.push(Frames { port: sources[0].port(), sources, destinations: *destinations });
            }
        }
        frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_resident_sends_once_a_round_and_from_its_port() {
        let stations = Stations::new(Stations::STEP, 1);
        let frames = stations.frames();
        assert!(frames.len() * BATCH >= LEAST_ORDER);
        for round in frames.chunks(stations.batches()) {
            let sources: HashSet<Key> = round.iter().flat_map(|frames| frames.sources).collect();
            assert_eq!(sources, stations.residents().flatten().collect());
        }
        assert!(frames.iter().all(|frames| frames.sources.iter().all(|key| key.port() == frames.port)));
    }

    #[test]
    fn leavers_are_replaced_port_by_port() {
        let stations = Stations::new(4 * Stations::STEP, 16);
        for (leaver, newcomer) in stations.leavers().zip(stations.newcomers()) {
            assert_eq!(leaver[0].port(), newcomer[0].port());
        }
        let staying: HashSet<Key> = stations.stayers().flatten().collect();
        assert!(stations.leavers().chain(stations.newcomers()).flatten().all(|key| !staying.contains(&key)));
    }
}
