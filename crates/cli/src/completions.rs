//! Completion of commands in shells. The shell asks the program itself for what may follow, so that the switches and labs that run
//! are among it.

use crate::arguments::{Arguments, Shell};
use crate::outcome::{Failure, Outcome};
use clap::CommandFactory;
use clap_complete::engine::CompletionCandidate;
use clap_complete::env::{CompleteEnv, Shells};
use greylag_lab::find_switch;
use greylag_lab::state::State;
use std::io::Write;

/// What the script sets when it asks.
const VARIABLE: &str = "COMPLETE";

/// Answers a shell that asks, and ends; otherwise does nothing.
pub(crate) fn answer() {
    CompleteEnv::with_factory(Arguments::command).var(VARIABLE).complete();
}

/// Prints what a shell has to read to ask.
pub(crate) fn print(shell: Shell) -> Outcome {
    let name = match shell {
        Shell::Bash => "bash",
        Shell::Zsh => "zsh",
        Shell::Fish => "fish",
    };
    let shells = Shells::builtins();
    let completer =
        shells.completer(name).ok_or_else(|| Failure::Failed(format!("nothing is known of {name}")))?;
    let mut script = Vec::new();
    completer.write_registration(VARIABLE, "greylag", "greylag", "greylag", &mut script)?;
    Ok(std::io::stdout().lock().write_all(&script)?)
}

/// The switches that run, by the names that `-s` takes.
pub(crate) fn switches() -> Vec<CompletionCandidate> {
    find_switch::running_names().into_iter().map(CompletionCandidate::new).collect()
}

/// The labs that are deployed.
pub(crate) fn labs() -> Vec<CompletionCandidate> {
    let labs = State::places().into_iter().flat_map(|state| state.labs().unwrap_or_default());
    labs.map(CompletionCandidate::new).collect()
}
