//! LACP between greylag and Open vSwitch: what each makes of the other, and for how long traffic is away when something breaks. And what FRR's
//! zebra tells us by FPM.
//! greylag with others at the other end: what each makes of the other, and for how long traffic is away when something breaks. LACP with
//! Open vSwitch; BGP with FRR and GoBGP.

mod bgp;
mod decode;
mod facing;
mod faults;
mod fpm;
mod identity;
mod lacp_show;
mod negotiation;
mod ovs;
mod passing;
#[allow(dead_code, reason = "it is shared, and each of those who share it uses a part")]
#[path = "../live/rig.rs"]
mod rig;
#[allow(dead_code, reason = "it is shared, and each of those who share it uses a part")]
#[path = "../live/running.rs"]
mod running;
mod shared_system;
mod stream;
mod zebra;
