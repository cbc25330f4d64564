//! What a switch is as an IP station on its layer-3 interfaces, IRBs and routed ports: neighbours, ICMP and TCP, without I/O and
//! without a clock.
//!
//! [`IpStack`] is all layer-3 interfaces of one switch. It is told what comes in, what is wanted and what time it is, and it is
//! asked what goes out, what happened, and when it wants to be woken:
//!
//! | door | |
//! | --- | --- |
//! | [`handle_frame`](IpStack::handle_frame) | an untagged frame for the switch has come in |
//! | [`reconfigure`](IpStack::reconfigure), [`set_interface`](IpStack::set_interface) | what is wanted has changed, or a link |
//! | [`resolve`](IpStack::resolve), [`want`](IpStack::want), [`used`](IpStack::used), [`neighbor`](IpStack::neighbor) | where a neighbour is, for a data plane that forwards without asking |
//! | [`send_ip`](IpStack::send_ip), [`send_udp`](IpStack::send_udp), [`register_protocol`](IpStack::register_protocol), [`register_udp`](IpStack::register_udp) | packets of protocols that need TTL and interface, such as BFD |
//! | [`send_via`](IpStack::send_via) | a packet of ours whose route somebody else has found |
//! | [`forward_slow`](IpStack::forward_slow), [`forward_error`](IpStack::forward_error) | what the data plane cannot do itself: wait for a neighbour, cut a packet, tell its source |
//! | [`listen`](IpStack::listen), [`connect`](IpStack::connect), [`send`](IpStack::send), [`close`](IpStack::close), [`abort`](IpStack::abort) | TCP |
//! | [`handle_timeout`](IpStack::handle_timeout) | it is as late as [`poll_timeout`](IpStack::poll_timeout) has said |
//! | [`poll_event`](IpStack::poll_event), [`poll_tcp`](IpStack::poll_tcp) | what happened, until there is no more |
//! | [`poll_transmit`](IpStack::poll_transmit) | what is to be sent, until there is no more |
//! | [`snapshot`](IpStack::snapshot) | everything that operators ask |
//!
//! Two switches on one cable:
//!
//! ```
//! use greylag_base::{Instant, InterfaceId, MacAddr, Seed};
//! use greylag_ip::{InterfaceConfig, IpConfig, IpStack, Outgoing, TcpEvent};
//!
//! let cable = InterfaceId(0);
//! let now = Instant::ZERO;
//! let switch = |number: u8| {
//!     let interface = InterfaceConfig {
//!         ipv4: vec![([10, 0, 0, number].into(), 24)],
//!         ..InterfaceConfig::new(MacAddr([2, 0, 0, 0, 0, number]))
//!     };
//!     let config = IpConfig { interfaces: [(cable, interface)].into(), ..IpConfig::default() };
//!     let mut stack = IpStack::new(config, Seed(number.into()), now).expect("the configuration is right");
//!     stack.set_interface(now, cable, true);
//!     stack
//! };
//! let mut switches = [switch(1), switch(2)];
//! switches[1].listen(179, true);
//! let session = switches[0].connect(now, "10.0.0.1".parse()?, "10.0.0.2:179".parse()?, 1, None)?;
//!
//! // Who has 10.0.0.2, the answer, and a handshake.
//! for turn in [0, 1, 0, 1, 0] {
//!     while let Some(outgoing) = switches[turn].poll_transmit() {
//!         let Outgoing::Frame { frame, .. } = outgoing else { panic!("all of this is on the cable") };
//!         switches[1 - turn].handle_frame(now, cable, &frame);
//!     }
//! }
//! assert_eq!(switches[0].poll_tcp(), Some(TcpEvent::Connected { id: session }));
//! assert!(matches!(switches[1].poll_tcp(), Some(TcpEvent::Accepted { interface, .. }) if interface == cable));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to read
//!
//! A packet on its way in: `input.rs`, with `header.rs` and `reassembly.rs`. On its way out: `links.rs` finds interface and neighbour, has
//! it wait, cuts it (`fragment.rs`) and makes frames; what is for no subnet of ours leaves as [`Outgoing::Route`], for the routes are
//! not known here, and comes back by [`send_via`](IpStack::send_via). `icmp_error.rs` has the rules by which nobody is told, [`neighbor`] the
//! table of neighbours; `tcp.rs` and `scope.rs` stand around smoltcp. The table, and the wire of ARP ([`arp`]) and neighbour
//! discovery ([`nd`]), are those of the virtual world's hosts too.
//!
//! # What decides outages
//!
//! - **The data plane goes by events.** [`IpEvent::NeighborChanged`] says when packets go elsewhere, or nowhere. That a neighbour is stale or is
//!   being verified is no event: packets go on.
//! - **A neighbour that is wanted is verified after its lifetime**, half to one and a half of the configured 30 s, drawn for each interface
//!   when it comes up. If it is gone, that is known after the lifetime, the delay and the probes: 23 to 53 s. One that nobody wants is verified when it is
//!   used, and forgotten after twenty minutes of being stale and unused.
//! - **A neighbour that has failed is silent for a second**, then asked for again if it is wanted; packets for it are dropped meanwhile, and their sources told.
//! - **Addresses are those of the switch**: a packet to one of them is taken on any interface, as most systems do. ARP and neighbour
//!   discovery answer for the interface's own alone, and for nobody else.
//! - **TCP's window is flow control up to its user**: an agent that hangs leaves what came in the window, and the other end notices.
//!
//! # What is not here
//!
//! - **Duplicate address detection before an address is used** (RFC 4862 5.4, RFC 5227 2.1): configured addresses are used at once, and announced
//!   once. Another station that has one is told of, and answered once in ten seconds.
//! - **Router advertisements, redirects, proxy ARP, source routes**: not sent, and not obeyed.
//! - **Path MTU discovery of our own TCP**: segments fit the narrowest interface of the switch. ICMP errors that come for us say nothing to
//!   it.
//! - **What is heard above ARP and neighbour discovery** does not confirm a neighbour (RFC 4861 7.3.1): that one hears us is shown by its answers.
//! - **UDP sockets**: datagrams are handed out by port, with their TTL and interface.

pub mod addresses;
pub mod arp;
mod config;
mod counters;
pub mod device;
mod event;
mod fragment;
mod header;
mod icmp_error;
mod input;
mod interface;
pub mod ip_header;
mod links;
pub mod nd;
pub mod neighbor;
mod reassembly;
mod scope;
mod show;
mod stack;
mod tcp;

pub use config::{ConfigError, IcmpLimit, InterfaceConfig, IpConfig};
pub use counters::{IpCounters, IpDrop, Silence};
pub use event::{Closed, IpEvent, Outgoing, TcpEvent};
pub use icmp_error::IcmpError;
pub use neighbor::{NeighborState, NeighborTimers};
pub use show::{ConnectionRow, IpSnapshot, NeighborRow};
pub use stack::{IpStack, SendOptions};
pub use tcp::{ConnectError, ConnectionId, PeerTtl};
