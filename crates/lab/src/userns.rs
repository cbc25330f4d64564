//! Running without root: a user namespace in which greylag is root over a network of its own.

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getgid, getuid};
use std::fs;
use std::io;

/// By what right this process makes namespaces and interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privilege {
    /// It has CAP_NET_ADMIN and CAP_SYS_ADMIN: what it makes, the whole machine can see.
    Machine,
    /// It is root in a user namespace of its own: what it makes can be seen by itself and what it starts, and
    /// goes when they do.
    OwnNamespace,
}

/// Why a process without privilege could not enter a user namespace.
#[derive(Debug, thiserror::Error)]
pub enum UsernsError {
    /// Threads share a user namespace, so that the kernel lets only a process with a single thread change it.
    #[error("cannot enter a user namespace: {0} threads run already, and only the first may")]
    Threads(usize),
    /// The administrator has switched user namespaces off.
    #[error(
        "user namespaces are not allowed here: run greylag as root, or allow them with `sudo sysctl -w {0}`"
    )]
    Forbidden(&'static str),
    /// The kernel refused, and no setting explains it.
    #[error(
        "cannot {action} in a user namespace: {source}; run greylag as root (in a container: `--privileged`)"
    )]
    Refused {
        /// What was tried.
        action: &'static str,
        /// The kernel's error.
        source: io::Error,
    },
}

/// CAP_NET_ADMIN and CAP_SYS_ADMIN of capabilities(7), as bits of `CapEff` in /proc/PID/status.
const NEEDED: u64 = 1 << 12 | 1 << 21;

/// Whether this process may make namespaces and interfaces that the whole machine can see.
pub fn is_privileged() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    effective_capabilities(&status) & NEEDED == NEEDED
}

/// Makes sure that this process may make namespaces and interfaces: enters a user, mount and network namespace
/// of its own where it may not. `/run` is then an empty file system that nobody else sees.
///
/// To be called first in `main`: no other thread may have been started.
///
/// # Errors
/// When the system allows neither; the sentence says what to do.
pub fn enter_if_unprivileged() -> Result<Privilege, UsernsError> {
    let failed = |action| move |e: io::Error| refused(action, e);
    let status = fs::read_to_string("/proc/self/status").map_err(failed("read /proc/self/status"))?;
    if effective_capabilities(&status) & NEEDED == NEEDED {
        return Ok(Privilege::Machine);
    }
    let threads = fs::read_dir("/proc/self/task").map_err(failed("read /proc/self/task"))?.count();
    if threads != 1 {
        return Err(UsernsError::Threads(threads));
    }
    let (uid, gid) = (getuid(), getgid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET)
        .map_err(|errno| refused("become root", errno.into()))?;
    // Without this a group that denies access could be left (user_namespaces(7)).
    fs::write("/proc/self/setgroups", "deny").map_err(failed("give up setgroups"))?;
    fs::write("/proc/self/uid_map", format!("0 {uid} 1")).map_err(failed("become root"))?;
    fs::write("/proc/self/gid_map", format!("0 {gid} 1")).map_err(failed("become root"))?;
    let nothing = None::<&str>;
    mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)
        .map_err(|errno| refused("keep mounts private", errno.into()))?;
    mount(
        Some("greylag"),
        "/run",
        Some("tmpfs"),
        MsFlags::MS_NOSUID | MsFlags::MS_NODEV,
        Some("mode=0755,size=16m"),
    )
    .map_err(|errno| refused("mount /run", errno.into()))?;
    Ok(Privilege::OwnNamespace)
}

fn effective_capabilities(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    line.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0)
}

/// Finds the setting that explains a refusal.
fn refused(action: &'static str, source: io::Error) -> UsernsError {
    let is = |key: &str, value: &str| {
        fs::read_to_string(format!("/proc/sys/{key}")).is_ok_and(|text| text.trim() == value)
    };
    if is("user/max_user_namespaces", "0") {
        UsernsError::Forbidden("user.max_user_namespaces=10000")
    } else if is("kernel/unprivileged_userns_clone", "0") {
        UsernsError::Forbidden("kernel.unprivileged_userns_clone=1")
    } else if is("kernel/apparmor_restrict_unprivileged_userns", "1") {
        UsernsError::Forbidden("kernel.apparmor_restrict_unprivileged_userns=0")
    } else {
        UsernsError::Refused { action, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_read_from_the_status() {
        assert_eq!(effective_capabilities("Name:\tx\nCapEff:\t0000000000201000\n"), NEEDED);
        assert_eq!(effective_capabilities("Name:\tx\n"), 0);
    }
}
