//! The record of a run as it is written to a file.

use greylag_switch::recording::{Start, file};
use greylag_switch::{EventRecord, Switch};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes what a switch is told and does.
pub(super) struct Recorder {
    path: PathBuf,
    /// Absent once it could not be written.
    file: Option<File>,
    /// The last event that was written.
    told: u64,
}

impl Recorder {
    /// Begins the file. One that is there is replaced.
    pub(super) fn create(path: &Path, start: &Start) -> io::Result<Self> {
        let mut file = File::create(path)?;
        file.write_all(file::title(start).as_bytes())?;
        Ok(Recorder { path: path.to_owned(), file: Some(file), told: 0 })
    }

    /// Writes what has come since the last time. A switch goes on when its record cannot.
    pub(super) fn write(&mut self, switch: &mut Switch) {
        let page = switch.tear_page();
        let events: Vec<EventRecord> = switch.events().after(self.told).cloned().collect();
        self.told = events.last().map_or(self.told, |event| event.sequence);
        if page.is_none() && events.is_empty() {
            return;
        }
        let line = file::page(&page.unwrap_or_default(), &events);
        // In one go: what is cut short is the last line.
        if let Some(Err(error)) = self.file.as_mut().map(|file| file.write_all(line.as_bytes())) {
            tracing::error!("the record {} ends here: {error}", self.path.display());
            self.file = None;
        }
    }
}
