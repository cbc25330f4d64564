//! `--report`: the page that a replay leaves, and what it is made from.

use crate::outcome::Failure;
use greylag_observe::report::{Recorder, Report, Variant};
use greylag_scenario::story::Scenario;
use greylag_sim::replay::{Discord, Options, Outcome};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// What is observed of a replay, besides its outcome: the event log for a file, and all that a report needs.
pub(crate) struct Observed<'a> {
    events: Events<'a>,
    discords: Vec<Discord>,
}

/// Who gets the event log.
enum Events<'a> {
    Nobody,
    File(&'a mut dyn Write),
    /// And a file behind it, if there is one.
    Recorder(Box<Recorder<'a>>),
}

impl<'a> Observed<'a> {
    /// `file` gets the event log.
    pub(crate) fn new(scenario: &Scenario, file: Option<&'a mut dyn Write>, for_a_report: bool) -> Self {
        let events = match (for_a_report, file) {
            (true, file) => Events::Recorder(Box::new(Recorder::new(&scenario.lab, file))),
            (false, Some(file)) => Events::File(file),
            (false, None) => Events::Nobody,
        };
        Observed { events, discords: Vec::new() }
    }

    /// What a replay is to fill in.
    pub(crate) fn options(&mut self) -> Options<'_> {
        match &mut self.events {
            Events::Nobody => Options::default(),
            Events::File(file) => Options { events: Some(&mut **file), ..Options::default() },
            Events::Recorder(recorder) => Options {
                events: Some(&mut **recorder),
                discords: Some(&mut self.discords),
                ..Options::default()
            },
        }
    }

    /// The page; empty where none was asked for.
    pub(crate) fn report(&self, scenario: &Scenario, outcome: &Outcome, variants: &[Variant]) -> String {
        match &self.events {
            Events::Recorder(recorder) => {
                Report::new(scenario, outcome, recorder, &self.discords, variants).page()
            }
            Events::Nobody | Events::File(_) => String::new(),
        }
    }
}

/// The file of a page. It is opened before the replay, so that nobody waits for one that cannot be written; what is in it stays there
/// until there is a page.
pub(crate) struct Page {
    path: PathBuf,
    file: File,
}

impl Drop for Page {
    /// Of a replay that came to nothing, no empty file is left.
    fn drop(&mut self) {
        if self.file.metadata().is_ok_and(|file| file.is_file() && file.len() == 0) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Page {
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        let file = File::options().write(true).create(true).truncate(false).open(path);
        let file = file.map_err(|error| cannot_write(path, &error))?;
        Ok(Page { path: path.to_owned(), file })
    }

    pub(crate) fn write(mut self, page: &str) -> Result<(), Failure> {
        let is_file = self.file.metadata().is_ok_and(|file| file.is_file());
        let emptied = if is_file { self.file.set_len(0) } else { Ok(()) };
        let written = emptied.and_then(|()| self.file.write_all(page.as_bytes()));
        written.map_err(|error| cannot_write(&self.path, &error))
    }
}

/// A file that is written during a replay.
pub(crate) fn create(path: &Path) -> Result<BufWriter<File>, Failure> {
    File::create(path).map(BufWriter::new).map_err(|error| cannot_write(path, &error))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("cannot write {}: {error}", path.display()))
}
