//! `greylag run`: one live switch.

use crate::arguments::{ProcessArguments, RunArguments};
use crate::outcome::{Failure, Outcome};
use greylag_lab::runtime::{self, RunOptions};
use greylag_lab::state::State;
use greylag_scenario::{Source, switch};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

pub(crate) fn run(arguments: &RunArguments) -> Outcome {
    let config = switch::parse(&Source::read(&arguments.file)?)?;
    log();
    let socket = socket(&arguments.process, &config.name)?;
    let ready = format!(
        "{}: {} ports, {} workers, control socket {}",
        config.name,
        config.ports.len(),
        config.workers.count,
        socket.display()
    );
    let options =
        RunOptions { metrics_listen: arguments.metrics_listen, ..options(&arguments.process, socket) };
    runtime::run(config, options, || say(&ready)).map_err(Failure::failed)
}

/// What happens is told on standard error.
pub(crate) fn log() {
    let ansi = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_target(false).with_ansi(ansi).init();
}

/// Where the switch of this name is asked.
pub(crate) fn socket(process: &ProcessArguments, name: &str) -> Result<PathBuf, Failure> {
    match &process.socket {
        Some(path) => Ok(path.clone()),
        None => Ok(State::locate().map_err(Failure::failed)?.control_socket(name)),
    }
}

pub(crate) fn options(process: &ProcessArguments, socket: PathBuf) -> RunOptions {
    RunOptions {
        socket,
        commits: process.commits.clone(),
        record: process.record.clone(),
        parent: process.exit_with_parent,
        in_a_host: false,
        metrics_listen: None,
    }
}

/// Tells that it runs. Whoever reads this may have gone; it runs all the same.
pub(crate) fn say(ready: &str) {
    let _ = writeln!(std::io::stdout(), "{ready}");
}
