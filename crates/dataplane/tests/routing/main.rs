//! Packets on their way through the switch, and to it: each rule with a frame that comes in, and what comes out.

mod rig;

mod anything;
mod buckets;
mod handed_up;
mod headers;
mod host;
mod next_hops;
mod own;
mod peer;
mod super_frames;
mod vlans;
