//! What was committed, on disk: written before a commit is answered, read when the switch starts again.
//!
//! The file has the configurations as SWITCH.yml has them, so that another version of greylag reads them too.

use super::{Clock, RunError};
use greylag_base::Instant;
use greylag_scenario::{Source, switch};
use greylag_switch::config::SwitchConfig;
use greylag_switch::history::{Commit, History};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Who commits when the switch's file was changed while the switch did not run.
const FILE_AUTHOR: &str = "file";

/// The file that keeps what was committed.
pub(super) struct Commits {
    path: PathBuf,
    /// What the switch's own file says.
    file: SwitchConfig,
    /// When each commit was made, by its number.
    committed: BTreeMap<u64, String>,
    /// The last commit that is on disk, and whether it waited then.
    kept: Option<(u64, bool)>,
    clock: Clock,
}

/// What is on disk.
#[derive(Serialize, Deserialize)]
struct Kept {
    greylag: String,
    /// The switch's own file at its last start.
    file: Value,
    /// The running one first.
    commits: Vec<KeptCommit>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct KeptCommit {
    commit: u64,
    committed: String,
    #[serde(rename = "committed-ns")]
    at: Instant,
    author: Option<String>,
    unconfirmed: bool,
    config: Value,
}

impl Commits {
    /// Reads what was committed before, if anything was, and says with which configurations the switch starts: with those, when
    /// `file` has not changed since; otherwise `file` wins, as one more commit. A commit that waited to be confirmed is gone.
    pub(super) fn open(
        path: PathBuf,
        file: SwitchConfig,
        clock: Clock,
        now: Instant,
    ) -> Result<(Self, History), RunError> {
        let mut commits = Commits { path, file: file.clone(), committed: BTreeMap::new(), kept: None, clock };
        let Some((before, history)) = commits.read()? else {
            let history = History::new(file, now);
            commits.date(&history);
            return Ok((commits, history));
        };
        let name = &file.name;
        let waited = history.latest().unconfirmed;
        let history = history.survive();
        if waited {
            tracing::warn!("{name}: a commit that nobody confirmed is rolled back");
        }
        let history = if before == file || *history.running() == file {
            tracing::info!("{name}: starts with commit {}", history.latest().number);
            history
        } else {
            tracing::info!(
                "{name}: its file has changed since the last start, and takes the place of what was committed"
            );
            history.replaced(now, FILE_AUTHOR, file)
        };
        commits.date(&history);
        commits.write(&history).map_err(|error| commits.failed(&error))?;
        Ok((commits, history))
    }

    /// When a commit was made.
    pub(super) fn committed(&self, number: u64) -> String {
        self.committed.get(&number).cloned().unwrap_or_default()
    }

    /// Writes down what has been committed, confirmed or rolled back since the last time.
    ///
    /// # Errors
    /// When it cannot be written: then a switch that is killed has lost it.
    pub(super) fn keep(&mut self, history: &History) -> io::Result<()> {
        let latest = history.latest();
        let state = Some((latest.number, latest.unconfirmed));
        // Nothing was ever committed: the switch's own file says everything.
        if self.kept == state || (self.kept.is_none() && latest.number == 1) {
            return Ok(());
        }
        self.date(history);
        self.write(history)?;
        self.kept = state;
        Ok(())
    }

    /// Notes the time of day of commits that have none yet, and forgets that of those which are gone.
    fn date(&mut self, history: &History) {
        let mut committed = BTreeMap::new();
        for commit in history.commits() {
            let known = self.committed.remove(&commit.number);
            committed.insert(commit.number, known.unwrap_or_else(|| self.clock.date(commit.at)));
        }
        self.committed = committed;
    }

    fn read(&mut self) -> Result<Option<(SwitchConfig, History)>, RunError> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed(&error)),
        };
        let kept: Kept = serde_json::from_str(&text).map_err(|error| self.failed(&error))?;
        let config = |value: &Value| {
            switch::parse(&Source::new(&self.path, value.to_string())).map_err(|error| self.failed(&error))
        };
        let file = config(&kept.file)?;
        let mut commits = Vec::new();
        let mut committed = BTreeMap::new();
        for commit in kept.commits {
            committed.insert(commit.commit, commit.committed);
            commits.push(Commit {
                number: commit.commit,
                at: commit.at,
                author: commit.author,
                unconfirmed: commit.unconfirmed,
                config: config(&commit.config)?,
            });
        }
        let history = History::of(commits).ok_or_else(|| self.failed(&"it has no commit"))?;
        self.committed = committed;
        Ok(Some((file, history)))
    }

    fn failed(&self, reason: &dyn std::fmt::Display) -> RunError {
        RunError::Commits { path: self.path.clone(), reason: reason.to_string() }
    }

    /// Writes all of it, or leaves what was there; what is written survives whatever happens next.
    fn write(&mut self, history: &History) -> io::Result<()> {
        let commits = history.commits().map(|commit| KeptCommit {
            commit: commit.number,
            committed: self.committed(commit.number),
            at: commit.at,
            author: commit.author.clone(),
            unconfirmed: commit.unconfirmed,
            config: as_value(&commit.config),
        });
        let kept = Kept {
            greylag: env!("CARGO_PKG_VERSION").to_owned(),
            file: as_value(&self.file),
            commits: commits.collect(),
        };
        let text = serde_json::to_string_pretty(&kept).expect("plain values can be written as JSON");
        let mut draft = self.path.clone().into_os_string();
        draft.push(".new");
        let mut file = File::create(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, &self.path)?;
        // The new name is in the folder, which is a file of its own.
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

fn as_value(config: &SwitchConfig) -> Value {
    serde_json::from_str(&switch::emit(config)).expect("a configuration is written as JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use greylag_base::{PortName, Seed, VlanId};
    use greylag_switch::config::{Membership, PortConfig};
    use greylag_switch::recording::Start;
    use greylag_switch::{Input, Switch};
    use std::time::Duration;

    fn config(vlan: u16) -> SwitchConfig {
        let mut config = SwitchConfig::new("sw1");
        let mut port = PortConfig::new(PortName::new("eth1").unwrap());
        port.membership = Membership::Access(VlanId::new(vlan).unwrap());
        config.ports.push(port);
        config
    }

    fn open(path: &Path, file: u16) -> (Commits, History) {
        Commits::open(path.to_owned(), config(file), Clock::default(), Instant::ZERO).unwrap()
    }

    /// A switch whose file has VLAN 1 is told something, and killed.
    fn life(path: &Path, inputs: Vec<Input>) {
        let (mut commits, history) = open(path, 1);
        let mut switch = Switch::restore(Start::new(history, Seed(1), Instant::ZERO)).unwrap();
        for input in inputs {
            switch.handle_input(Instant::ZERO, input).unwrap();
            commits.keep(switch.history()).unwrap();
        }
    }

    fn commit(vlan: u16, confirm_within: Option<Duration>) -> Input {
        Input::Commit { config: Box::new(config(vlan)), author: "ops".into(), confirm_within }
    }

    fn authors(history: &History) -> Vec<Option<&str>> {
        history.commits().map(|commit| commit.author.as_deref()).collect()
    }

    #[test]
    fn a_switch_that_is_killed_starts_with_what_was_committed_last() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sw1.commits.json");
        life(&path, Vec::new());
        assert!(!path.exists(), "nothing was committed");
        life(&path, vec![commit(10, None), commit(20, None)]);
        let (commits, history) = open(&path, 1);
        assert_eq!(*history.running(), config(20));
        assert_eq!(authors(&history), [Some("ops"), Some("ops"), None]);
        assert!(commits.committed(3).ends_with('Z'), "{:?}", commits.committed);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn what_nobody_confirmed_is_gone_and_what_was_confirmed_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sw1.commits.json");
        let minute = Some(Duration::from_secs(60));
        life(&path, vec![commit(10, minute), Input::Confirm, commit(20, minute)]);
        assert_eq!(*open(&path, 1).1.running(), config(10));
        assert_eq!(authors(&open(&path, 1).1), [Some("ops"), None], "and stays so");
    }

    #[test]
    fn a_file_that_has_changed_wins_and_does_so_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sw1.commits.json");
        life(&path, vec![commit(10, None)]);
        assert_eq!(authors(&open(&path, 30).1), [Some(FILE_AUTHOR), Some("ops"), None]);
        assert_eq!(authors(&open(&path, 30).1), [Some(FILE_AUTHOR), Some("ops"), None]);
        assert_eq!(*open(&path, 30).1.running(), config(30));
    }

    #[test]
    fn a_damaged_file_is_one_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sw1.commits.json");
        fs::write(&path, "{").unwrap();
        let error =
            Commits::open(path, config(1), Clock::default(), Instant::ZERO).err().unwrap().to_string();
        assert!(error.contains("sw1.commits.json") && error.contains("remove it"), "{error}");
    }
}
