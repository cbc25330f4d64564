//! The `greylag` program: arguments in, text or JSON out.

mod arguments;
mod bench;
mod bond;
mod check;
mod config;
mod fault;
mod lab;
mod matrix;
mod outcome;
mod paragraph;
mod recording;
mod replay;
mod run;
mod show;
mod story;
mod sweep;
mod table;
mod trace;
mod variants;

use arguments::{Arguments, BenchWhat, Command};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return outcome::refuse(&error),
    };
    let json = arguments.json();
    let outcome = match arguments.command {
        Command::Run(run) => run::run(&run),
        Command::Bond(bond) => bond::bond(&bond),
        Command::Lab { verb } => lab::lab(verb),
        Command::Show(show) => show::show(&show),
        Command::Clear { what } => check::clear(&what),
        Command::Config { verb } => config::config(&verb),
        Command::Check { what } => check::check(&what),
        Command::Trace(arguments) => trace::trace(&arguments),
        Command::Fault { what } => fault::fault(&what),
        Command::Replay(arguments) if arguments.recording => {
            recording::replay(&arguments.file, arguments.json)
        }
        Command::Replay(arguments) => replay::replay(&arguments),
        Command::Sweep(arguments) => sweep::sweep(&arguments),
        Command::Bench { what: BenchWhat::Table(table) } => bench::table(&table),
        Command::Bench { what: BenchWhat::Sim(sim) } => bench::sim(&sim),
    };
    outcome::conclude(outcome, json)
}
