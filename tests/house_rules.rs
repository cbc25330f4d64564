//! The rules of the house that a compiler does not know: which crate may use which, and where unsafe code may
//! stand.

use greylag_tests::workspace;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Top to bottom: a crate may use those below it, never above.
const ORDER: &[&str] =
    &["cli", "bench", "lab", "scenario", "switch", "dataplane", "ports", "mactable", "wire", "base"];

/// Crates that may hold unsafe code.
const UNSAFE: &[&str] = &["mactable", "ports"];

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

/// The lines of a section of a manifest that name a crate of ours.
fn dependencies(manifest: &str, section: &str) -> Vec<String> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line == section;
        } else if let Some(rest) = line.strip_prefix("greylag-").filter(|_| inside) {
            found.push(rest.split([' ', '.', '=']).next().unwrap_or(rest).to_owned());
        }
    }
    found
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
        for used in dependencies(&read(&folder.join("Cargo.toml")), "[dependencies]") {
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
    assert_eq!(dependencies(&manifest, "[dependencies]"), Vec::<String>::new());
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

#[test]
fn what_runs_in_both_worlds_reads_no_clock_and_starts_no_thread() {
    for crate_name in ["wire", "mactable", "dataplane", "switch"] {
        let mut files = Vec::new();
        sources(&workspace().join("crates").join(crate_name).join("src"), &mut files);
        for file in files {
            let text = read(&file);
            // A test module at the end of a file may do as it likes.
            let code = text.split("#[cfg(test)]").next().unwrap_or(&text);
            for banned in
                ["Instant::now(", "SystemTime::now(", "thread::sleep", "thread::spawn", "std::net::"]
            {
                assert!(!code.contains(banned), "{} uses {banned}", file.display());
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
