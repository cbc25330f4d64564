//! What the kernel drops in front of a port, by why.

/// Why the kernel dropped a frame before it could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RxDrop {
    /// The socket's buffer, the TAP's queue or the ring was full: more came in than was read. A TAP has one count for all of its queues.
    QueueFull,
    /// The queue for control frames was full.
    ControlQueueFull,
    /// The device had no memory of ours to write a frame to (AF_XDP).
    NoBuffer,
    /// It is longer than a slot, or a super-frame of a kind that virtio-net has no word for.
    Unusable,
}

impl RxDrop {
    /// How many there are.
    pub const COUNT: usize = RxDrop::ALL.len();
    /// All of them, by [`index`](Self::index).
    pub const ALL: [RxDrop; 4] =
        [RxDrop::QueueFull, RxDrop::ControlQueueFull, RxDrop::NoBuffer, RxDrop::Unusable];

    /// The place in arrays.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name in tables and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            RxDrop::QueueFull => "rx-queue-full",
            RxDrop::ControlQueueFull => "rx-control-queue-full",
            RxDrop::NoBuffer => "rx-no-buffer",
            RxDrop::Unusable => "rx-unusable",
        }
    }

    /// A sentence for people.
    pub const fn description(self) -> &'static str {
        match self {
            RxDrop::QueueFull => "the kernel had no room for it: more came in than the switch reads",
            RxDrop::ControlQueueFull => {
                "the kernel had no room for it among the frames of control protocols, which have a queue of their own"
            }
            RxDrop::NoBuffer => "AF_XDP had no memory for it: more came in than the switch reads",
            RxDrop::Unusable => {
                "the kernel could not hand it over: too long, or of a kind that it cannot describe"
            }
        }
    }
}

/// How many were dropped for each reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RxDrops([u64; RxDrop::COUNT]);

impl RxDrops {
    /// For one reason.
    pub fn of(&self, reason: RxDrop) -> u64 {
        self.0[reason.index()]
    }

    /// For all together.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// So many more.
    pub fn add(&mut self, reason: RxDrop, frames: u64) {
        self.0[reason.index()] += frames;
    }

    /// So many it is now.
    pub(crate) fn set(&mut self, reason: RxDrop, frames: u64) {
        self.0[reason.index()] = frames;
    }
}
