//! BGP between greylag's speaker and routing daemons: sessions in both directions, routes of both families both ways, and how each end notices
//! what happens to the other.
//!
//! ```text
//! near: our speaker on std's sockets (192.0.2.1, 2001:db8::1) ---- eth0 ==== eth0 ---- (192.0.2.2, 2001:db8::2) far: the daemon
//! ```

mod cable;
mod daemon;
mod live;
mod sessions;
