//! How a command ends: 0 done, 1 failed, 2 the words or a file were wrong.

use greylag_scenario::{FileError, Problem};
use serde::Serialize;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A file is not what it should be. Nothing was changed.
    File(Box<FileError>),
    /// The words of the command were wrong. Nothing was changed.
    Usage(String),
    /// It did not work out.
    Failed(String),
    /// It did not work out, and all that is to be said has been printed.
    Silent,
}

pub(crate) type Outcome = Result<(), Failure>;

impl Failure {
    /// For `map_err`: the sentence of any error.
    pub(crate) fn failed(error: impl Display) -> Self {
        Failure::Failed(error.to_string())
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Failure::File(Box::new(error))
    }
}

impl From<io::Error> for Failure {
    /// Standard output is the only file that commands write themselves.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::Silent,
            _ => Failure::Failed(format!("cannot print: {error}")),
        }
    }
}

/// Prints what went wrong and gives the exit status. With `json`, errors are JSON on standard output too.
pub(crate) fn conclude(outcome: Outcome, json: bool) -> ExitCode {
    let Err(failure) = outcome else { return ExitCode::SUCCESS };
    let status = match failure {
        Failure::File(_) | Failure::Usage(_) => 2,
        Failure::Failed(_) | Failure::Silent => 1,
    };
    // Nobody is left to tell when this fails.
    let _ = if json { print_json(&failure) } else { print_text(&failure) };
    ExitCode::from(status)
}

/// Prints what clap says of the command's words: help and version too. Whoever asked for JSON gets the error as JSON.
pub(crate) fn refuse(error: &clap::Error) -> ExitCode {
    let wants_json = std::env::args_os().any(|word| word == "-j" || word == "--json");
    if error.use_stderr() && wants_json {
        let text = error.to_string();
        let sentence = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        return conclude(Err(Failure::Usage(sentence.to_owned())), true);
    }
    let _ = error.print();
    ExitCode::from(if error.use_stderr() { 2 } else { 0 })
}

fn print_text(failure: &Failure) -> io::Result<()> {
    let mut out = io::stderr().lock();
    match failure {
        Failure::File(error) => write!(out, "{}", error.render()),
        Failure::Usage(sentence) | Failure::Failed(sentence) => writeln!(out, "greylag: {sentence}"),
        Failure::Silent => Ok(()),
    }
}

fn print_json(failure: &Failure) -> io::Result<()> {
    /// A sentence, and for files what is wrong with each field.
    #[derive(Serialize)]
    struct Answer<'a> {
        error: String,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        problems: &'a [Problem],
    }
    let answer = match failure {
        Failure::File(error) => {
            let first = error.problems().first().map_or_else(String::new, Problem::to_string);
            Answer { error: first, problems: error.problems() }
        }
        Failure::Usage(sentence) | Failure::Failed(sentence) => {
            Answer { error: sentence.clone(), problems: &[] }
        }
        Failure::Silent => return Ok(()),
    };
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, &answer)?;
    writeln!(out)
}
