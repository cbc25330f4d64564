//! Switches and bonds without a lab: `greylag run` and `greylag bond` in a namespace that the test makes.

use crate::rig::{Before, DEADLINE, greylag, program, signal, unique};
use greylag_lab::netns::Netns;
use greylag_tests::wait_for;
use rustix::process::Signal;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A namespace that goes with the test.
pub(crate) struct Room(pub(crate) String);

impl Room {
    pub(crate) fn new() -> (Room, Netns) {
        let name = unique("r");
        let netns = Netns::create(&name).expect("a namespace can be made");
        (Room(name), netns)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = Netns::delete(&self.0);
    }
}

/// `greylag run` or `greylag bond`, killed with the test.
pub(crate) struct Running {
    pub(crate) child: Child,
    verb: &'static str,
    pub(crate) name: String,
    /// The machine without it.
    pub(crate) before: Before,
    _folder: TempDir,
    pub(crate) file: PathBuf,
}

impl Running {
    /// Starts a switch in a namespace; its `name` line is added.
    pub(crate) fn start(netns: &Netns, config: &str) -> Running {
        Running::start_with(netns, config, &[])
    }

    /// The same with further words.
    pub(crate) fn start_with(netns: &Netns, config: &str, words: &[&str]) -> Running {
        Running::start_as("run", netns, config, words)
    }

    /// Starts a bond in a namespace; its `name` line is added.
    pub(crate) fn bond(netns: &Netns, config: &str) -> Running {
        Running::start_as("bond", netns, config, &[])
    }

    fn start_as(verb: &'static str, netns: &Netns, config: &str, words: &[&str]) -> Running {
        let name = unique("s");
        let folder = tempfile::tempdir().expect("a folder for the file");
        let file = folder.path().join("switch.yml");
        std::fs::write(&file, format!("name: {name}\n{config}")).expect("the file is written");
        let before = Before::of(&name);
        let child = spawn(verb, netns, &file, words);
        let running = Running { child, verb, name, before, _folder: folder, file };
        running.wait_until_it_answers();
        running
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        signal(&self.child, Signal::KILL);
        self.child.wait().expect("the switch ends");
    }

    /// Starts it again after its end.
    pub(crate) fn restart(&mut self, netns: &Netns) {
        self.child = spawn(self.verb, netns, &self.file, &[]);
        self.wait_until_it_answers();
    }

    /// Changes its file; its `name` line is added.
    pub(crate) fn write(&self, config: &str) {
        std::fs::write(&self.file, format!("name: {}\n{config}", self.name)).expect("the file is written");
    }

    fn wait_until_it_answers(&self) {
        wait_for("the switch answers", DEADLINE, || {
            greylag(&["show", "ports", "-s", &self.name]).status.success().then_some(())
        });
    }
}

fn spawn(verb: &str, netns: &Netns, file: &std::path::Path, words: &[&str]) -> Child {
    let start = || Command::new(program()).arg(verb).arg(file).args(words).stdout(Stdio::null()).spawn();
    netns.run(start).expect("the namespace can be entered").expect("the switch starts")
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // A switch that is killed leaves its socket, and one that was changed what was committed.
        for end in ["sock", "commits.json"] {
            let _ = std::fs::remove_file(format!("/run/greylag/{}.{end}", self.name));
        }
    }
}
