//! What the machine's package of FRR has: programs, and a user for them.

use super::{Daemon, FrrError};
use nix::unistd::{Gid, Group, Uid, User};
use std::path::{Path, PathBuf};

/// Where packages put the daemons: Debian and its kin, Fedora and its kin.
const DAEMONS: [&str; 2] = ["/usr/lib/frr", "/usr/libexec/frr"];
/// Where packages put vtysh.
const VTYSH: [&str; 2] = ["/usr/bin", "/usr/local/bin"];
/// User and group that the daemons run as.
const OWNER: &str = "frr";

/// An installed FRR.
#[derive(Debug)]
pub(super) struct Package {
    daemons: PathBuf,
    vtysh: PathBuf,
}

/// Whose the files are.
pub(super) type Owner = (Uid, Gid);

impl Package {
    /// Looks for it.
    pub(super) fn find() -> Result<Self, FrrError> {
        Package::find_in(&DAEMONS, &VTYSH)
    }

    fn find_in(daemons: &[&str], vtysh: &[&str]) -> Result<Self, FrrError> {
        let find = |program: &'static str, places: &[&str]| {
            let found = places.iter().map(|place| Path::new(place).join(program)).find(|path| path.is_file());
            found.ok_or_else(|| FrrError::NotInstalled { program, places: places.join(", ") })
        };
        let zebra = find("zebra", daemons)?;
        Ok(Package { daemons: zebra.with_file_name(""), vtysh: find("vtysh", vtysh)? })
    }

    pub(super) fn daemon(&self, daemon: Daemon) -> Result<PathBuf, FrrError> {
        let path = self.daemons.join(daemon.program());
        match path.is_file() {
            true => Ok(path),
            false => Err(FrrError::NotInstalled {
                program: daemon.program(),
                places: self.daemons.display().to_string(),
            }),
        }
    }

    pub(super) fn vtysh(&self) -> &Path {
        &self.vtysh
    }

    /// As whom a daemon is to run.
    pub(super) fn arguments(&self) -> [&'static str; 4] {
        ["-u", OWNER, "-g", OWNER]
    }

    /// The user and the group.
    pub(super) fn owner(&self) -> Result<Owner, FrrError> {
        let user = User::from_name(OWNER).ok().flatten().ok_or(FrrError::NoUser(OWNER))?;
        let group = Group::from_name(OWNER).ok().flatten().ok_or(FrrError::NoUser(OWNER))?;
        Ok((user.uid, group.gid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_package_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().to_str().unwrap();
        let missing = Package::find_in(&["/nowhere", place], &["/nowhere"]).unwrap_err();
        let said =
            format!("zebra of FRR is not installed (looked in /nowhere, {place}): apt-get install frr");
        assert_eq!(missing.to_string(), said);

        std::fs::write(folder.path().join("zebra"), "").unwrap();
        let missing = Package::find_in(&["/nowhere", place], &["/nowhere"]).unwrap_err();
        let said = "vtysh of FRR is not installed (looked in /nowhere): apt-get install frr";
        assert_eq!(missing.to_string(), said);

        std::fs::write(folder.path().join("vtysh"), "").unwrap();
        let package = Package::find_in(&["/nowhere", place], &[place]).unwrap();
        assert_eq!(package.daemon(Daemon::Zebra).unwrap(), folder.path().join("zebra"));
        let missing = package.daemon(Daemon::Bgp).unwrap_err();
        assert!(missing.to_string().starts_with("bgpd of FRR is not installed"), "{missing}");
    }
}
