//! `greylag run`: one live switch.

use crate::arguments::RunArguments;
use crate::outcome::{Failure, Outcome};
use greylag_lab::runtime::{self, RunOptions};
use greylag_lab::state::State;
use greylag_scenario::{Source, switch};
use std::io::{IsTerminal, Write};

pub(crate) fn run(arguments: &RunArguments) -> Outcome {
    let config = switch::parse(&Source::read(&arguments.file)?)?;
    let ansi = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_target(false).with_ansi(ansi).init();
    let socket = match &arguments.socket {
        Some(path) => path.clone(),
        None => State::locate().map_err(Failure::failed)?.control_socket(&config.name),
    };
    let ready = format!(
        "{}: {} ports, {} workers, control socket {}",
        config.name,
        config.ports.len(),
        config.workers.count,
        socket.display()
    );
    let options = RunOptions {
        socket,
        commits: arguments.commits.clone(),
        record: arguments.record.clone(),
        parent: arguments.exit_with_parent,
    };
    runtime::run(config, options, || {
        // Whoever reads this may have gone; the switch runs all the same.
        let _ = writeln!(std::io::stdout(), "{ready}");
    })
    .map_err(Failure::failed)
}
