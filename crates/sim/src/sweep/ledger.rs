//! The files that sweeps write: lines that can be read again, whatever ended the writing.

use super::line::{RunKey, RunLine};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A file of lines cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// It cannot be read or written.
    #[error("{path}: {source}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line that is none of ours.
    #[error("{path}:{line}: this is not the result of a run: {why}", path = .path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// Results of different files do not go together.
    #[error(
        "{path} has results of scenario {found} (file {found_file}), not of {expected} (file {expected_file}): use \
         another file, or the scenario as it was",
        path = .path.display()
    )]
    Other {
        /// The file.
        path: PathBuf,
        /// The scenario in it.
        found: String,
        /// Digest of that scenario's file.
        found_file: String,
        /// The scenario that is expected.
        expected: String,
        /// Digest of that scenario's file.
        expected_file: String,
    },
    /// The same run twice, with different results.
    #[error(
        "{path}: the run with seed {seed} has another result here (digest {found}) than elsewhere (digest {known}): one \
         run has one result, so these are of different versions of the program",
        path = .path.display()
    )]
    Contradiction {
        /// The file of the second.
        path: PathBuf,
        /// The seed.
        seed: u64,
        /// The second digest.
        found: String,
        /// The first digest.
        known: String,
    },
}

/// Results of runs, each once.
#[derive(Debug, Default)]
pub struct Results(BTreeMap<RunKey, RunLine>);

impl Results {
    /// All of them, by variant, assumptions and seed.
    pub fn lines(&self) -> impl ExactSizeIterator<Item = &RunLine> {
        self.0.values()
    }

    /// Is that run among them?
    pub fn has(&self, key: &RunKey) -> bool {
        self.0.contains_key(key)
    }

    /// Adds a run's result.
    pub fn add(&mut self, line: RunLine) {
        self.0.insert(line.key(), line);
    }

    /// Adds what a file has, but for a last line that was cut short; says how many bytes are whole.
    ///
    /// # Errors
    /// When it cannot be read, has other lines, or contradicts what is there.
    pub fn read(&mut self, path: &Path) -> Result<u64, LedgerError> {
        let mut bytes = Vec::new();
        let read = File::open(path).and_then(|mut file| file.read_to_end(&mut bytes));
        read.map_err(|source| LedgerError::File { path: path.to_owned(), source })?;
        // What stands behind the last line's end was being written when somebody pulled the plug.
        let whole = bytes.iter().rposition(|&octet| octet == b'\n').map_or(0, |end| end + 1);
        for (index, line) in bytes[..whole].split_inclusive(|&octet| octet == b'\n').enumerate() {
            let line: RunLine = serde_json::from_slice(line).map_err(|error| LedgerError::Line {
                path: path.to_owned(),
                line: index + 1,
                why: error.to_string(),
            })?;
            self.check(path, &line)?;
            self.add(line);
        }
        Ok(whole as u64)
    }

    fn check(&self, path: &Path, line: &RunLine) -> Result<(), LedgerError> {
        let any = self.lines().next();
        let is_other = |any: &&RunLine| (&any.scenario, &any.file) != (&line.scenario, &line.file);
        if let Some(other) = any.filter(is_other) {
            return Err(other_scenario(path, line, &other.scenario, &other.file));
        }
        let known = self.0.get(&line.key());
        // A sweep that was made larger says so in its later lines.
        match known.filter(|known| RunLine { of: known.of, ..line.clone() } != **known) {
            Some(known) => Err(LedgerError::Contradiction {
                path: path.to_owned(),
                seed: line.seed,
                found: line.digest.clone(),
                known: known.digest.clone(),
            }),
            None => Ok(()),
        }
    }
}

fn other_scenario(path: &Path, line: &RunLine, scenario: &str, file: &str) -> LedgerError {
    LedgerError::Other {
        path: path.to_owned(),
        found: line.scenario.clone(),
        found_file: line.file.clone(),
        expected: scenario.to_owned(),
        expected_file: file.to_owned(),
    }
}

/// A file that grows by a line for each run.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    file: File,
}

impl Ledger {
    /// Opens a file to go on with it, and gives what is in it; a last line that was cut short is taken away.
    ///
    /// # Errors
    /// When it cannot be read or written, or is not of this scenario.
    pub fn open(path: &Path, scenario: &str, digest: &str) -> Result<(Self, Results), LedgerError> {
        let failed = |source| LedgerError::File { path: path.to_owned(), source };
        let mut options = OpenOptions::new();
        let mut file =
            options.read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        let mut results = Results::default();
        let whole = results.read(path)?;
        if let Some(line) = results.lines().find(|line| line.scenario != scenario || line.file != digest) {
            return Err(other_scenario(path, line, scenario, digest));
        }
        file.set_len(whole).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        Ok((Ledger { path: path.to_owned(), file }, results))
    }

    /// Adds a line, at once and whole.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, line: &RunLine) -> Result<(), LedgerError> {
        let mut text = serde_json::to_string(line).expect("a line is text, numbers and names");
        text.push('\n');
        let written = self.file.write_all(text.as_bytes());
        written.map_err(|source| LedgerError::File { path: self.path.clone(), source })
    }
}
