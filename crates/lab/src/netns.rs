//! Named network namespaces, kept the way `ip netns` keeps them: a file below `/run/netns` that a namespace is
//! mounted on.
//!
//! A namespace belongs to a thread, not to the process. Whoever wants to act in one hands a closure to
//! [`Netns::run`], which runs it on a thread of its own; no thread of the caller ever changes its namespace.

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::statfs::{NSFS_MAGIC, fstatfs};
use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

/// Where the names are.
pub const NETNS_FOLDER: &str = "/run/netns";

/// Why something could not be done with a network namespace.
#[derive(Debug, thiserror::Error)]
pub enum NetnsError {
    /// The text cannot be the name of a file below [`NETNS_FOLDER`].
    #[error(
        "`{0}` is no name for a network namespace: expected 1 to 255 bytes without `/`, and not `.` or `..`"
    )]
    Name(String),
    /// It is there already.
    #[error("network namespace `{0}` exists already")]
    Exists(String),
    /// It is not there.
    #[error("there is no network namespace `{0}`")]
    Missing(String),
    /// Nor is the process whose namespace it is.
    #[error("there is no process {0}")]
    NoProcess(u32),
    /// The name is there, with nothing mounted on it.
    #[error("`{NETNS_FOLDER}/{0}` is a plain file, not a network namespace: remove it")]
    PlainFile(String),
    /// The kernel refused.
    #[error("cannot {action} network namespace `{netns}`: {source}")]
    Refused {
        /// What was tried, as a verb.
        action: &'static str,
        /// The namespace.
        netns: String,
        /// The kernel's error.
        source: io::Error,
    },
}

/// A network namespace, held open: it lives at least as long as this value.
#[derive(Clone)]
pub struct Netns {
    name: String,
    file: Arc<File>,
}

impl Netns {
    /// Makes a namespace and gives it a name.
    ///
    /// # Errors
    /// When the name is taken or unusable, and what the kernel refuses without CAP_SYS_ADMIN.
    pub fn create(name: &str) -> Result<Netns, NetnsError> {
        let path = path_of(name)?;
        let refused = |source| NetnsError::Refused { action: "create", netns: name.to_owned(), source };
        let _lock = share_folder().map_err(refused)?;
        match OpenOptions::new().write(true).create_new(true).mode(0o444).open(&path) {
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                return Err(NetnsError::Exists(name.to_owned()));
            }
            Err(e) => return Err(refused(e)),
        }
        let mounted = on_a_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            mount(Some("/proc/thread-self/ns/net"), &path, None::<&str>, MsFlags::MS_BIND, None::<&str>)
        });
        match mounted {
            Ok(Ok(())) => Netns::open(name),
            Ok(Err(errno)) => {
                let _ = fs::remove_file(&path);
                Err(refused(errno.into()))
            }
            Err(e) => {
                let _ = fs::remove_file(&path);
                Err(refused(e))
            }
        }
    }

    /// Opens the namespace of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn open(name: &str) -> Result<Netns, NetnsError> {
        let refused = |source| NetnsError::Refused { action: "open", netns: name.to_owned(), source };
        let file = File::open(path_of(name)?).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => NetnsError::Missing(name.to_owned()),
            _ => refused(e),
        })?;
        if fstatfs(&file).map_err(|errno| refused(errno.into()))?.filesystem_type() != NSFS_MAGIC {
            return Err(NetnsError::PlainFile(name.to_owned()));
        }
        Ok(Netns { name: name.to_owned(), file: Arc::new(file) })
    }

    /// Opens the namespace that a process is in.
    ///
    /// # Errors
    /// When there is no such process, or it is not ours to look at.
    pub fn of_pid(pid: u32) -> Result<Netns, NetnsError> {
        let name = format!("of process {pid}");
        match File::open(format!("/proc/{pid}/ns/net")) {
            Ok(file) => Ok(Netns { name, file: Arc::new(file) }),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Err(NetnsError::NoProcess(pid)),
            Err(source) => Err(NetnsError::Refused { action: "open", netns: name, source }),
        }
    }

    /// Opens the namespace that the calling thread is in.
    ///
    /// # Errors
    /// When /proc is not mounted.
    pub fn own() -> Result<Netns, NetnsError> {
        let name = "of greylag itself".to_owned();
        match File::open("/proc/thread-self/ns/net") {
            Ok(file) => Ok(Netns { name, file: Arc::new(file) }),
            Err(source) => Err(NetnsError::Refused { action: "open", netns: name, source }),
        }
    }

    /// Takes a name away. The namespace itself, with all interfaces in it, goes when no process is left in it
    /// and no [`Netns`] holds it.
    ///
    /// # Errors
    /// When there is no such name.
    pub fn delete(name: &str) -> Result<(), NetnsError> {
        let path = path_of(name)?;
        let refused = |source| NetnsError::Refused { action: "delete", netns: name.to_owned(), source };
        match umount2(&path, MntFlags::MNT_DETACH) {
            // A file that nothing is mounted on is what is left of a `create` that was cut short.
            Ok(()) | Err(Errno::EINVAL) => {}
            Err(Errno::ENOENT) => return Err(NetnsError::Missing(name.to_owned())),
            Err(errno) => return Err(refused(errno.into())),
        }
        fs::remove_file(&path).map_err(refused)
    }

    /// Its name below [`NETNS_FOLDER`], or words that say whose it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What tells it from all others that live: device and inode of its nsfs file.
    pub fn identity(&self) -> io::Result<NetnsIdentity> {
        let metadata = self.file.metadata()?;
        Ok(NetnsIdentity { device: metadata.dev(), inode: metadata.ino() })
    }

    /// Runs `action` on a new thread that has entered the namespace, and waits for it. Sockets that it opens
    /// and processes that it starts stay in the namespace.
    ///
    /// # Errors
    /// When the thread cannot be started or may not enter (CAP_SYS_ADMIN). A panic of `action` goes on in
    /// the caller.
    pub fn run<T: Send>(&self, action: impl FnOnce() -> T + Send) -> io::Result<T> {
        on_a_thread(|| {
            setns(&*self.file, CloneFlags::CLONE_NEWNET)?;
            Ok(action())
        })?
    }

    /// The descriptor by which the kernel is told of it (IFLA_NET_NS_FD).
    pub(crate) fn descriptor(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}

impl AsFd for Netns {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl fmt::Debug for Netns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Netns({})", self.name)
    }
}

/// What tells a namespace from all others that live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetnsIdentity {
    device: u64,
    inode: u64,
}

impl NetnsIdentity {
    /// That of the namespace a process is in; `None` when the process has gone or is not ours to look at.
    pub fn of_pid(pid: u32) -> Option<NetnsIdentity> {
        let metadata = fs::metadata(format!("/proc/{pid}/ns/net")).ok()?;
        Some(NetnsIdentity { device: metadata.dev(), inode: metadata.ino() })
    }
}

/// The names that are there, in order.
///
/// # Errors
/// When the folder cannot be read; no folder means no names.
pub fn list() -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(NETNS_FOLDER) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

fn path_of(name: &str) -> Result<PathBuf, NetnsError> {
    if matches!(name, "" | "." | "..") || name.len() > 255 || name.contains(['/', '\0']) {
        return Err(NetnsError::Name(name.to_owned()));
    }
    Ok(Path::new(NETNS_FOLDER).join(name))
}

/// Makes the folder, and makes it a mount point whose mounts reach all mount namespaces, as iproute2 does:
/// otherwise a daemon with a mount namespace of its own would keep a namespace alive that was deleted here.
/// The lock is the one that iproute2 takes, on the folder itself.
fn share_folder() -> io::Result<File> {
    DirBuilder::new().recursive(true).mode(0o755).create(NETNS_FOLDER)?;
    let folder = File::open(NETNS_FOLDER)?;
    folder.lock()?;
    let share = || {
        mount(None::<&str>, NETNS_FOLDER, None::<&str>, MsFlags::MS_SHARED | MsFlags::MS_REC, None::<&str>)
    };
    match share() {
        Err(Errno::EINVAL) => {
            mount(
                Some(NETNS_FOLDER),
                NETNS_FOLDER,
                None::<&str>,
                MsFlags::MS_BIND | MsFlags::MS_REC,
                None::<&str>,
            )?;
            share()?;
        }
        other => other?,
    }
    Ok(folder)
}

fn on_a_thread<T: Send>(action: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("netns".to_owned()).spawn_scoped(scope, action)?;
        thread.join().or_else(|panic| std::panic::resume_unwind(panic))
    })
}
