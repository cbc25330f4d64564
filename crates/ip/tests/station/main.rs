//! Neighbours, on a virtual clock.

mod neighbors;
