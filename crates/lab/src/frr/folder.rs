//! The folder of one FRR: what it is configured with, and what is to be found there while it runs.

use super::package::Owner;
use super::{Daemon, FrrError};
use crate::launch;
use crate::process::Process;
use nix::unistd::chown;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// What the kernel allows for the path of a socket.
const SOCKET_PATH_LEN: usize = 107;

/// Where the daemons find zebra.
const ZEBRA_API: &str = "zserv.api";

/// The folder of one FRR.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes it, for the user that the daemons run as. What one had left there whose daemons have ended is removed.
    pub(super) fn make(path: &Path, (user, group): &Owner) -> Result<Self, FrrError> {
        let folder = Folder::at(path);
        let sockets = Daemon::ALL.into_iter().flat_map(|daemon| folder.sockets(daemon));
        if let Some(long) = sockets.into_iter().find(|socket| socket.as_os_str().len() > SOCKET_PATH_LEN) {
            return Err(FrrError::SocketPath(long));
        }
        if let Some((_, Process { pid, .. })) =
            folder.processes().into_iter().find(|(_, process)| process.is_alive())
        {
            return Err(FrrError::Runs { folder: path.to_owned(), pid });
        }
        if path.exists() {
            fs::remove_dir_all(path).map_err(FrrError::file("remove", path))?;
        }
        DirBuilder::new().recursive(true).mode(0o755).create(path).map_err(FrrError::file("make", path))?;
        let owned = chown(path, Some(*user), Some(*group)).map_err(Into::into);
        owned.map_err(FrrError::file("give to the user of FRR, which takes root,", path))?;
        Ok(folder)
    }

    /// One that is there, or not.
    pub(super) fn at(path: &Path) -> Self {
        Folder(path.to_owned())
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    fn file(&self, daemon: Daemon, extension: &str) -> PathBuf {
        self.0.join(daemon.program()).with_extension(extension)
    }

    /// Writes what vtysh reads, and for each daemon the empty file that it wants to read itself.
    pub(super) fn write_configuration(
        &self,
        daemons: &BTreeSet<Daemon>,
        configuration: &str,
        fpm: Option<SocketAddr>,
    ) -> Result<(), FrrError> {
        let write =
            |path: PathBuf, text: &str| fs::write(&path, text).map_err(FrrError::file("write", &path));
        write(self.0.join("frr.conf"), &integrated(configuration, fpm))?;
        write(self.0.join("vtysh.conf"), "")?;
        daemons.iter().try_for_each(|&daemon| write(self.file(daemon, "conf"), ""))
    }

    /// What tells a daemon to keep to this folder.
    pub(super) fn arguments(&self, daemon: Daemon) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        let mut say = |option: &str, value: PathBuf| arguments.extend([option.into(), value.into()]);
        say("-f", self.file(daemon, "conf"));
        say("-i", self.file(daemon, "pid"));
        say("-z", self.0.join(ZEBRA_API));
        say("--vty_socket", self.0.clone());
        // No port for telnet, and what there is to log to whom the output goes to.
        arguments.extend(["-P", "0", "--log", "stdout"].map(Into::into));
        arguments
    }

    /// The sockets by which one sees that a daemon is ready.
    pub(super) fn sockets(&self, daemon: Daemon) -> Vec<PathBuf> {
        let mut sockets = vec![self.file(daemon, "vty")];
        if daemon == Daemon::Zebra {
            sockets.push(self.0.join(ZEBRA_API));
        }
        sockets
    }

    pub(super) fn open_log(&self, daemon: Daemon) -> Result<File, FrrError> {
        let path = self.file(daemon, "log");
        File::options().create(true).append(true).open(&path).map_err(FrrError::file("write", &path))
    }

    /// The last lines of a daemon's log.
    pub(super) fn end_of_log(&self, daemon: Daemon) -> String {
        launch::tail(&self.file(daemon, "log"))
    }

    pub(super) fn write_process(&self, daemon: Daemon, process: Process) -> Result<(), FrrError> {
        let path = self.file(daemon, "process");
        fs::write(&path, format!("{process}\n")).map_err(FrrError::file("write", &path))
    }

    /// The processes that were started, whatever became of them.
    pub(super) fn processes(&self) -> Vec<(Daemon, Process)> {
        let process = |daemon| {
            let text = fs::read_to_string(self.file(daemon, "process")).ok()?;
            Some((daemon, Process::parse(&text)?))
        };
        Daemon::ALL.into_iter().filter_map(process).collect()
    }
}

/// What was configured, and behind it, so that its lines keep their numbers, who is told the routes.
fn integrated(configuration: &str, fpm: Option<SocketAddr>) -> String {
    let mut text = configuration.to_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    if let Some(fpm) = fpm {
        text.push_str(&format!("!\nfpm address {} port {}\n", fpm.ip(), fpm.port()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_configuration_keep_their_numbers() {
        let fpm = Some("127.0.0.1:2620".parse().unwrap());
        let said = integrated("hostname r1\nrouter bgp 65001", fpm);
        assert_eq!(said, "hostname r1\nrouter bgp 65001\n!\nfpm address 127.0.0.1 port 2620\n");
        assert_eq!(integrated("hostname r1\n", None), "hostname r1\n");
        let fpm = Some("[::1]:2620".parse().unwrap());
        assert_eq!(integrated("", fpm), "!\nfpm address ::1 port 2620\n");
    }

    #[test]
    fn a_folder_that_is_too_long_for_sockets_is_refused() {
        let owner = (nix::unistd::getuid(), nix::unistd::getgid());
        let path = Path::new("/tmp").join("x".repeat(100));
        assert!(!path.exists());
        let refused = Folder::make(&path, &owner).unwrap_err();
        assert!(refused.to_string().contains("the kernel allows 107"), "{refused}");
        assert!(!path.exists());
    }

    #[test]
    fn a_folder_with_a_daemon_that_runs_is_left_alone() {
        let owner = (nix::unistd::getuid(), nix::unistd::getgid());
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::make(&parent.path().join("r1.frr"), &owner).unwrap();
        let ourselves = Process::of_pid(std::process::id()).unwrap();
        folder.write_process(Daemon::Bgp, ourselves).unwrap();
        assert_eq!(folder.processes(), [(Daemon::Bgp, ourselves)]);
        let refused = Folder::make(folder.path(), &owner).unwrap_err();
        assert!(matches!(refused, FrrError::Runs { pid, .. } if pid == std::process::id()), "{refused}");

        // Of one that has ended nothing stays.
        let ended = Process::parse(&format!("{} 0", std::process::id())).unwrap();
        folder.write_process(Daemon::Bgp, ended).unwrap();
        let folder = Folder::make(folder.path(), &owner).unwrap();
        assert_eq!(folder.processes(), []);
    }
}
