//! A whole switch with a worker and hosts in memory, on a clock that the test moves.

mod learning;
mod rig;
mod supervising;
