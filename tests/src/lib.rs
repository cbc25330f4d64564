//! What a test may ask of its machine, and how it waits.
//!
//! A test that needs a privilege or a program asks for it first. Where it is missing the test says so and ends;
//! `tools/test` lists what was skipped, and with `GREYLAG_TEST_ALL=1` a missing need is a failure.
//!
//! ```
//! use greylag_tests::{Need, has};
//!
//! if !has(&[Need::Program { name: "sh", package: "dash" }]) {
//!     return;
//! }
//! ```

pub mod monitoring;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Something of the machine that a test cannot do without.
#[derive(Clone, Copy, Debug)]
pub enum Need {
    /// The right to make network namespaces, interfaces and raw sockets.
    NetAdmin,
    /// /dev/net/tun.
    Tun,
    /// A program on the path.
    Program {
        /// What it is called.
        name: &'static str,
        /// The Debian package that has it.
        package: &'static str,
    },
}

impl Need {
    fn is_met(self) -> bool {
        match self {
            Need::NetAdmin => rustix::thread::capabilities(None).is_ok_and(|sets| {
                use rustix::thread::CapabilitySet as Set;
                sets.effective.contains(Set::NET_ADMIN | Set::NET_RAW | Set::SYS_ADMIN)
            }),
            Need::Tun => std::fs::OpenOptions::new().read(true).write(true).open("/dev/net/tun").is_ok(),
            Need::Program { name, .. } => std::env::var_os("PATH")
                .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).is_file())),
        }
    }

    fn remedy(self) -> String {
        match self {
            Need::NetAdmin => {
                "CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN (run as root: sudo tools/test)".into()
            }
            Need::Tun => "/dev/net/tun (modprobe tun, and run as root)".into(),
            Need::Program { name, package } => format!("{name} (apt-get install {package})"),
        }
    }
}

/// Whether the machine has what the calling test needs. If not, the test has been noted as skipped.
///
/// # Panics
/// With `GREYLAG_TEST_ALL=1` in the environment, when something is missing.
pub fn has(needs: &[Need]) -> bool {
    let missing: Vec<String> =
        needs.iter().copied().filter(|need| !need.is_met()).map(Need::remedy).collect();
    if missing.is_empty() {
        return true;
    }
    skip(std::thread::current().name().unwrap_or("a test"), &missing.join(", "));
    false
}

/// Notes that a test is skipped for want of `missing`: what it is, and the command that provides it.
///
/// # Panics
/// With `GREYLAG_TEST_ALL=1` in the environment.
pub fn skip(test: &str, missing: &str) {
    let line = format!("{test}: needs {missing}");
    assert!(std::env::var_os("GREYLAG_TEST_ALL").is_none_or(|value| value != "1"), "{line}");
    eprintln!("SKIPPED {line}");
    if let Some(path) = std::env::var_os("GREYLAG_SKIPPED") {
        // Output of a test that passes is not shown: the list is what tools/test prints.
        let list = std::fs::OpenOptions::new().append(true).create(true).open(path);
        let _ = list.and_then(|mut list| writeln!(list, "{line}"));
    }
}

/// Waits until `condition` gives a value.
///
/// # Panics
/// When it has not within `deadline`; `what` says what was waited for.
pub fn wait_for<T>(what: &str, deadline: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(start.elapsed() < deadline, "{what}: not within {deadline:?}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// The top of the source tree.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is in the workspace").to_owned()
}

/// The program, built like the tests.
///
/// Features of dependencies are those of everything that is built along: with a test beside it, the program shares all crates with
/// `cargo test --workspace`, and none is compiled a second time.
///
/// # Panics
/// When it does not build.
pub fn program() -> PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--workspace", "--bin", "greylag", "--test", "house_rules"]);
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        assert!(cargo.current_dir(workspace()).status().expect("cargo runs").success(), "it does not build");
        let tests = std::env::current_exe().expect("a test has a path");
        tests.ancestors().nth(2).expect("tests are in target/PROFILE/deps").join("greylag")
    };
    PROGRAM.get_or_init(build).clone()
}
