//! The `greylag` program: arguments in, text or JSON out.

mod arguments;
mod lab;
mod outcome;
mod run;
mod show;
mod table;

use arguments::{Arguments, Command};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let json = arguments.json();
    let outcome = match arguments.command {
        Command::Run(run) => run::run(&run),
        Command::Lab { verb } => lab::lab(verb),
        Command::Show(show) => show::show(&show),
    };
    outcome::conclude(outcome, json)
}
