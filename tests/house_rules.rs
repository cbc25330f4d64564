//! The rules of the house that a compiler does not know: which crate may use which, and where unsafe code may
//! stand.

use greylag_tests::workspace;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Top to bottom: a crate may use those below it, never above.
const ORDER: &[&str] = &[
    "cli",
    "observe",
    "bench",
    "lab",
    "sim",
    "scenario",
    "switch",
    "dataplane",
    "lacp",
    "bfd",
    "iccp",
    "linkstate",
    "fpm",
    "ip",
    "bgp",
    "ports",
    "fib",
    "mactable",
    "wire",
    "base",
];

/// Crates that may hold unsafe code.
const UNSAFE: &[&str] = &["fib", "mactable", "ports"];

fn folders(below: &str) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(workspace().join(below))
        .expect("the folder is there")
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

fn name(path: &Path) -> String {
    path.file_name().expect("a folder has a name").to_string_lossy().into_owned()
}

/// The crates of ours that a manifest names in the tables that a build of the crate needs: `dependencies` and
/// `build-dependencies`, for all targets or for one. What only tests need may point anywhere.
fn dependencies(manifest: &str) -> Vec<String> {
    let crate_of_ours = |text: &str| {
        let name = text.trim_start_matches([' ', '"']).strip_prefix("greylag-")?;
        Some(name.split([' ', '.', '=', '"', ']']).next()?.to_owned())
    };
    let mut inside = false;
    let mut found = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            let header = header.split(']').next().unwrap_or(header);
            // `[dependencies]` and `[target.'cfg(unix)'.build-dependencies]` are tables of crates; the table of one
            // crate has its name behind that.
            let is_table = |text: &str| {
                let last = text.rsplit('.').next().unwrap_or(text);
                ["dependencies", "build-dependencies"].contains(&last)
            };
            let one = header.rsplit_once('.').filter(|(table, _)| is_table(table));
            inside = is_table(header) || one.is_some();
            found.extend(one.and_then(|(_, name)| crate_of_ours(name)));
        } else if inside {
            let renamed =
                line.split_once("package").and_then(|(_, rest)| rest.trim_start().strip_prefix('='));
            found.extend(renamed.and_then(crate_of_ours).or_else(|| crate_of_ours(line)));
        }
    }
    found
}

#[test]
fn dependencies_are_found_in_every_table_and_under_every_name() {
    let manifest = r#"
        [package]
        name = "greylag-lab"
        [dependencies]
        greylag-base = { workspace = true }
        greylag-wire.workspace = true
        serde = "1"
        table = { path = "../mactable", package = "greylag-mactable" }
        [build-dependencies]
        greylag-ports = { workspace = true }
        [target.'cfg(target_os = "linux")'.dependencies]
        greylag-switch = { workspace = true }
        [dependencies.greylag-bench]
        workspace = true
        [target.'cfg(unix)'.build-dependencies.other]
        package = "greylag-cli"
        [dev-dependencies]
        greylag-tests = { workspace = true }
        [lints]
        workspace = true
    "#;
    assert_eq!(dependencies(manifest), ["base", "wire", "mactable", "ports", "switch", "bench", "cli"]);
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() && name(&path) != "target" {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn dependencies_point_down() {
    let height: BTreeMap<&str, usize> =
        ORDER.iter().enumerate().map(|(height, name)| (*name, height)).collect();
    for folder in folders("crates") {
        let user = name(&folder);
        let own = *height.get(user.as_str()).unwrap_or_else(|| panic!("crates/{user} has no place in ORDER"));
        for used in dependencies(&read(&folder.join("Cargo.toml"))) {
            assert!(
                height[used.as_str()] > own,
                "crates/{user} may not use crates/{used}, which is above it"
            );
        }
    }
}

#[test]
fn the_mac_table_depends_on_nothing_here() {
    let manifest = read(&workspace().join("crates/mactable/Cargo.toml"));
    assert_eq!(dependencies(&manifest), Vec::<String>::new());
}

#[test]
fn unsafe_code_stays_where_it_may_be() {
    for folder in
        folders("crates").into_iter().chain(["benches", "tests"].map(|folder| workspace().join(folder)))
    {
        let manifest = read(&folder.join("Cargo.toml"));
        let inherits = manifest.contains("[lints]\nworkspace = true");
        let may = UNSAFE.contains(&name(&folder).as_str());
        assert_eq!(inherits, !may, "{}: the workspace's lints forbid unsafe code", folder.display());
        if may {
            assert!(manifest.contains("undocumented_unsafe_blocks = \"warn\""), "{}", folder.display());
        }
    }
    let root = read(&workspace().join("Cargo.toml"));
    assert!(root.contains("unsafe_code = \"forbid\""));
}

/// A source file without comments and without the test module at its end, which may do as it likes.
fn code(text: &str) -> String {
    const TESTS: &str = "\n#[cfg(test)]\nmod tests {\n";
    let trailing = text.rfind(TESTS).filter(|&at| {
        // The module's own closing brace is the first in the first column.
        text[at..].find("\n}\n").is_some_and(|end| at + end + 3 == text.len())
    });
    let lines = text[..trailing.unwrap_or(text.len())].lines();
    lines.map(|line| line.split("//").next().unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

/// Does a word stand in the code by itself, or as the end of a path?
fn uses(code: &str, word: &str) -> bool {
    let before = |at: usize| code[..at].chars().next_back();
    code.match_indices(word).any(|(at, _)| before(at).is_none_or(|c| !c.is_alphanumeric() && c != '_'))
}

#[test]
fn only_the_test_module_at_the_end_is_left_out() {
    let tests = "\n#[cfg(test)]\nmod tests {\n    fn a() { Instant::now() }\n}\n";
    assert!(!uses(&code(&format!("fn b() {{}}\n{tests}")), "Instant::now("));
    assert!(uses(&code(&format!("fn b() {{}}\n{tests}fn c() {{ Instant::now() }}\n")), "Instant::now("));
    assert!(uses(&code("#[cfg(test)]\nfn b() {}\nfn c() { std::time::Instant::now() }\n"), "Instant::now("));
    assert!(!uses(&code("fn b() {} // Instant::now()\n"), "Instant::now("));
    assert!(uses("use rand::Rng;", "rand::") && !uses("operand::Rng", "rand::"));
}

/// What runs in both worlds gives the same answers to the same questions, in the same order.
#[test]
fn what_runs_in_both_worlds_reads_no_clock_throws_no_dice_and_starts_no_thread() {
    const BANNED: &[&str] = &[
        "Instant::now(",
        "SystemTime::now(",
        "thread::sleep",
        "thread::spawn",
        "thread::scope",
        "thread::Builder",
        "std::net::",
        // The standard library's iterate in an order of their own in every process.
        "HashMap",
        "HashSet",
        "rand::",
    ];
    for crate_name in [
        "wire",
        "mactable",
        "fib",
        "lacp",
        "bfd",
        "iccp",
        "bgp",
        "ip",
        "fpm",
        "linkstate",
        "dataplane",
        "switch",
        "sim",
        "base",
    ] {
        let mut files = Vec::new();
        sources(&workspace().join("crates").join(crate_name).join("src"), &mut files);
        for file in files {
            let code = code(&read(&file));
            // A sweep runs whole worlds side by side, each in one thread; this file alone starts them.
            let may_scope = file.ends_with("crates/sim/src/sweep/crew.rs");
            for banned in BANNED.iter().filter(|banned| !(may_scope && **banned == "thread::scope")) {
                assert!(!uses(&code, banned), "{} uses {banned}", file.display());
            }
        }
    }
}

#[test]
fn folders_and_files_have_names_that_say_something() {
    let mut files = Vec::new();
    for folder in ["crates", "tests", "benches"] {
        sources(&workspace().join(folder), &mut files);
    }
    for file in files {
        for part in file.strip_prefix(workspace()).expect("it is in the workspace") {
            let part = part.to_string_lossy();
            let stem = part.trim_end_matches(".rs");
            assert!(
                !["utils", "util", "common", "helpers", "helper", "manager", "misc"].contains(&stem),
                "{} says nothing",
                file.display()
            );
        }
    }
}
