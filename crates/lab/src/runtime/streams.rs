//! Ports that a worker looks at without being told that there is something.
//!
//! The kernel tells a worker of each frame by the lists of every epoll instance that stands between, on the core of the frame's sender: some 100 ns
//! each. Where frames come without end, the worker looks anyway.

/// A port that had frames in so many polls, since the worker last slept, streams.
const MANY: u8 = 16;

/// Polls without a frame in a row after which a port is left to the kernel again.
const MOST_EMPTY: u8 = 64;

/// Which ports stream.
#[derive(Debug)]
pub(super) struct Streams {
    /// How often in a row each port that does not had frames, and each that does had none.
    polls: Vec<u8>,
    streaming: Vec<usize>,
}

/// What is to be done about the kernel's telling of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Telling {
    AsBefore,
    End,
    Begin,
}

impl Streams {
    /// Of so many ports, none of which does yet.
    pub(super) fn of(ports: usize) -> Self {
        Streams { polls: vec![0; ports], streaming: Vec::with_capacity(ports) }
    }

    pub(super) fn ports(&self) -> impl Iterator<Item = usize> {
        self.streaming.iter().copied()
    }

    /// A poll of this port took so many frames.
    pub(super) fn polled(&mut self, port: usize, taken: usize) -> Telling {
        let polls = &mut self.polls[port];
        let Some(at) = self.streaming.iter().position(|&streaming| streaming == port) else {
            *polls += u8::from(taken > 0);
            if *polls < MANY {
                return Telling::AsBefore;
            }
            *polls = 0;
            self.streaming.push(port);
            return Telling::End;
        };
        *polls = if taken > 0 { 0 } else { *polls + 1 };
        if *polls < MOST_EMPTY {
            return Telling::AsBefore;
        }
        *polls = 0;
        self.streaming.swap_remove(at);
        Telling::Begin
    }

    /// The worker is to sleep: the kernel has to tell of this one, and of more until there is none.
    pub(super) fn end(&mut self) -> Option<usize> {
        let port = self.streaming.pop();
        if port.is_none() {
            self.polls.fill(0);
        }
        port
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streams(streams: &Streams) -> Vec<usize> {
        streams.ports().collect()
    }

    #[test]
    fn a_port_is_looked_at_once_it_had_frames_again_and_again_until_it_has_been_empty_for_long() {
        let mut ports = Streams::of(2);
        for _ in 1..MANY {
            assert_eq!(ports.polled(1, 1), Telling::AsBefore);
            assert_eq!(ports.polled(0, 0), Telling::AsBefore);
        }
        assert_eq!(ports.polled(1, 64), Telling::End);
        assert_eq!(streams(&ports), [1]);
        for _ in 0..3 {
            for _ in 1..MOST_EMPTY {
                assert_eq!(ports.polled(1, 0), Telling::AsBefore);
            }
            assert_eq!(ports.polled(1, 1), Telling::AsBefore, "one frame is enough");
        }
        for _ in 1..MOST_EMPTY {
            assert_eq!(ports.polled(1, 0), Telling::AsBefore);
        }
        assert_eq!(ports.polled(1, 0), Telling::Begin);
        assert!(streams(&ports).is_empty());
    }

    #[test]
    fn before_the_worker_sleeps_the_kernel_tells_of_all_again() {
        let mut ports = Streams::of(2);
        for _ in 0..MANY {
            ports.polled(0, 1);
        }
        for _ in 1..MANY {
            ports.polled(1, 1);
        }
        assert_eq!((ports.end(), ports.end()), (Some(0), None));
        assert_eq!(ports.polled(1, 1), Telling::AsBefore, "what was before is forgotten");
    }
}
