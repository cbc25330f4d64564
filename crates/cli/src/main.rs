//! The `greylag` program: arguments in, text or JSON out.

mod arguments;
mod bench;
mod bond;
mod capture;
mod check;
mod completions;
mod config;
mod fault;
mod help;
mod lab;
mod library;
mod matrix;
mod outcome;
mod page;
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
mod why;

use arguments::{Arguments, BenchWhat, Command};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    completions::answer();
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
        Command::Capture(arguments) => capture::capture(&arguments),
        Command::Why(arguments) => why::why(&arguments),
        Command::Fault { what } => fault::fault(&what),
        Command::Replay(arguments) if arguments.recording => {
            recording::replay(&arguments.file, arguments.json)
        }
        Command::Replay(arguments) => replay::replay(&arguments),
        Command::Sweep(arguments) => sweep::sweep(&arguments),
        Command::Help { words } => help::help(&words),
        Command::Completions { shell } => completions::print(shell),
        Command::Bench { what: BenchWhat::Table(table) } => bench::table(&table),
        Command::Bench { what: BenchWhat::Pipeline(pipeline) } => bench::pipeline(&pipeline),
        Command::Bench { what: BenchWhat::Wire(wire) } => bench::wire(&wire),
        Command::Bench { what: BenchWhat::Sim(sim) } => bench::sim(&sim),
    };
    outcome::conclude(outcome, json)
}
