//! `greylag replay` and `greylag sweep` as their users run them, and the libraries of failures. Needs no privilege.

mod capture;
mod cloudscale;
mod dataforest;
mod ecmp_policy;
mod library;
mod matrix;
mod pair;
mod polarisation;
mod program;
mod readme;
mod sweeps;
