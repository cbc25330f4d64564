//! Two hosts on one cable, and what must hold whatever the cable does.

mod cable;
mod garbage;
mod link;
mod neighbors;
mod probes;
mod transfers;
