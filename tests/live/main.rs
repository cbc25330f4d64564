//! Whole switches with real hosts, in network namespaces of their own, driven by the program's command line.

mod agents;
mod bond;
mod commits;
mod devices;
mod exec;
mod forwarding;
mod frr;
mod idle;
mod lab_life;
mod management;
mod mclag;
mod options;
mod orders;
mod program;
mod replays;
mod rig;
mod routers;
mod routing_shown;
mod running;
mod show;
mod speaker;
mod watchdog;
