//! IP on Ethernet without I/O and without a clock: addresses of an interface, its neighbours by ARP and neighbour discovery, IP headers,
//! and smoltcp as a stack behind them.

pub mod addresses;
pub mod arp;
pub mod device;
pub mod ip_header;
pub mod nd;
pub mod neighbor;
