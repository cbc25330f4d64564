//! The live world in real namespaces. Needs root; each test has namespaces of its own.

mod deploying;
mod destroying;
mod frr;
mod ground;
mod interfaces;
mod monitoring;
mod namespaces;
mod stand_in;
