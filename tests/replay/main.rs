//! `greylag replay` and `greylag sweep` as their users run them, and the library of learning failures. Needs no privilege.

mod capture;
mod library;
mod polarisation;
mod program;
mod readme;
mod sweeps;
