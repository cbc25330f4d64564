//! `greylag replay` and `greylag sweep` as their users run them. Needs no privilege.

mod capture;
mod program;
mod sweeps;
