//! `greylag replay` and `greylag sweep` as their users run them, and the libraries of failures. Needs no privilege.

mod browser;
mod capture;
mod cloudscale;
mod dashboard;
mod dataforest;
mod ecmp_policy;
mod events;
mod help;
mod incident;
mod library;
mod matrix;
mod monitoring;
mod pair;
mod polarisation;
mod program;
mod readme;
mod report;
mod sweeps;
mod threads;
mod transcripts;
