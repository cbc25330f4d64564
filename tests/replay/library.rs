//! Libraries of failures: each file of a folder of `scenarios` comes true, as it fails and as its variants avoid it, and a page tells of all
//! of them. `scenarios/learning` is told of by `docs/learning-failures.md`, `scenarios/routing` by `docs/routing-failures.md`, and
//! `scenarios/dataforest-plan`, of which some files show how it is done right and their variants how it is not, by
//! `docs/dataforest-plan.md`.

use crate::program::program;
use greylag_scenario::Source;
use greylag_scenario::story::{self, Choice, Scenario};
use greylag_sim::replay::{Options, Outcome, replay};
use greylag_tests::workspace;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder of failures, and the page that tells of them.
struct Library {
    folder: &'static str,
    page: &'static str,
    /// What the folder has.
    names: &'static [&'static str],
    /// Of the base of some, at its own seed: what a replay shows stays the same from version to version and in every build, or
    /// somebody changes this line and says why.
    digests: &'static [(&'static str, &'static str)],
}

fn read(library: &Library, name: &str, variant: Option<&str>) -> Scenario {
    let source = Source::read(library.file(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let choice = Choice { variant: variant.map(str::to_owned), ..Choice::default() };
    story::parse(&source, &choice).unwrap_or_else(|error| panic!("{}", error.render()))
}

fn run(scenario: &Scenario) -> Outcome {
    replay(scenario, scenario.seed, Options::default())
        .unwrap_or_else(|error| panic!("{}: {error}", scenario.name))
}

/// What did not come true, for people.
fn failures(outcome: &Outcome) -> Vec<String> {
    let judged = outcome.expectations.iter().filter_map(|judgement| {
        Some(format!("{}: expected {}: {}", judgement.name, judgement.expected, judgement.failure.as_ref()?))
    });
    let unexpected = outcome.violations.iter().filter(|violation| !violation.expected);
    let unexpected = unexpected.map(|violation| {
        format!(
            "unexpected {} at {}: {}",
            violation.checker,
            violation.node.as_deref().unwrap_or("-"),
            violation.text
        )
    });
    let missing =
        outcome.missing_violations.iter().map(|missing| format!("nothing violates {}", missing.checker));
    judged.chain(unexpected).chain(missing).collect()
}

/// The base and every variant: expectations hold, and violations are those that the file names.
fn comes_true(library: &Library, name: &str) {
    let base = read(library, name, None);
    let variants = base.variants.iter().map(|(variant, _)| Some(variant.as_str()));
    let wrong: Vec<String> = std::iter::once(None)
        .chain(variants)
        .flat_map(|variant| {
            let scenario = read(library, name, variant);
            let outcome = run(&scenario);
            let told = failures(&outcome);
            assert_eq!(told.is_empty(), outcome.holds, "{name} {variant:?}");
            told.into_iter().map(move |what| format!("{}: {what}", variant.unwrap_or("base")))
        })
        .collect();
    assert!(wrong.is_empty(), "{name}:\n  {}", wrong.join("\n  "));
}

/// Nothing is left to chance: not what is logged, nor what became of a single probe.
fn comes_out_the_same(library: &Library, name: &str) {
    let scenario = read(library, name, None);
    assert_eq!(run(&scenario), run(&scenario), "{name} is another one the second time");
}

/// What fails is a failure: it would not pass for what avoids it.
fn is_a_failure(library: &Library, name: &str, way: Way) {
    let (fails, avoids) = match way {
        Way::Avoided(variant) => (None, Some(variant)),
        Way::Spoiled(variant) => (Some(variant), None),
    };
    let (mut failing, avoiding) = (read(library, name, fails), read(library, name, avoids));
    assert!(avoiding.violations.is_empty(), "{name}: {way:?} without a violation");
    assert!(!failing.violations.is_empty(), "{name}: {way:?} with a violation");
    failing.expectations = avoiding.expectations;
    failing.violations.clear();
    let outcome = run(&failing);
    let broken = outcome.expectations.iter().filter(|judgement| !judgement.holds).count();
    assert!(broken > 0, "{name}: what fails keeps what is promised where nothing does: {way:?}");
}

/// What a variant is to its base.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// The base fails, and this one does not.
    Avoided(&'static str),
    /// The base is how it is done right, and this one is not.
    Spoiled(&'static str),
}

macro_rules! way {
    (avoided $variant:literal) => {
        super::super::Way::Avoided($variant)
    };
    (spoiled $variant:literal) => {
        super::super::Way::Spoiled($variant)
    };
}

macro_rules! library {
    ($folder:literal told by $page:literal; digests: [$($digest:expr),* $(,)?]; $($test:ident: $name:literal $way:ident by $variant:literal;)+) => {
        use super::Library;

        const LIBRARY: Library =
            Library { folder: $folder, page: $page, names: &[$($name),+], digests: &[$($digest),*] };

        $(mod $test {
            use super::LIBRARY;

            #[test]
            fn comes_true() {
                super::super::comes_true(&LIBRARY, $name);
            }

            #[test]
            fn comes_out_the_same() {
                super::super::comes_out_the_same(&LIBRARY, $name);
            }

            #[test]
            fn is_a_failure() {
                super::super::is_a_failure(&LIBRARY, $name, way!($way $variant));
            }
        })+

        #[test]
        fn every_file_is_tested() {
            LIBRARY.every_file_is_tested();
        }

        #[test]
        fn every_file_is_right_with_every_choice_of_its_parameters_and_teaches_something() {
            LIBRARY.teaches_something();
        }

        /// The same bytes in a debug build and in a release build: this test runs in both.
        #[test]
        fn what_some_of_them_log_is_what_it_was() {
            LIBRARY.logs_what_it_did();
        }

        #[test]
        fn the_page_has_a_section_for_every_file() {
            LIBRARY.page_has_a_section_for_every_file();
        }

        #[test]
        fn what_the_page_shows_is_what_the_program_prints() {
            LIBRARY.page_shows_what_is_printed();
        }
    };
}

mod learning {
    library! {
        "scenarios/learning" told by "docs/learning-failures.md";
        digests: [
            ("agent-dies", "48d0a3416c539ec41950f89cc50ff9c176c02462d85bc0be7673d65836be4751"),
            ("host-moves", "a4bb313d7434ac1837f91e53e059a0b996336b8c3fc10fa1a17fb39c051b0a91"),
            ("lost-events", "115eaeca1a4ddbe06db4201511ffecbf5d747192b3c7f85a4fa5ffaa7dd15ef0"),
        ];
        ageing_below_arp: "ageing-below-arp" avoided by "ageing-above-arp";
        agent_dies: "agent-dies" avoided by "commit-confirmed";
        agent_too_slow: "agent-too-slow" avoided by "inline";
        broadcast_storm: "broadcast-storm" avoided by "storm-control";
        bucket_collisions: "bucket-collisions" avoided by "keyed-hash";
        duplicate_mac: "duplicate-mac" avoided by "own-address";
        host_moves: "host-moves" avoided by "announces";
        loop_: "loop" avoided by "storm-control";
        lost_events: "lost-events" avoided by "audit";
        one_way_link: "one-way-link" avoided by "fast";
        reordered_reports: "reordered-reports" avoided by "stamped";
        stale_entry: "stale-entry" avoided by "inline";
        stale_member: "stale-member" avoided by "restarted";
        static_outlives_host: "static-outlives-host" avoided by "learned";
        table_full: "table-full" avoided by "per-port";
    }
}

mod routing {
    library! {
        "scenarios/routing" told by "docs/routing-failures.md";
        digests: [];
        late_write: "late-write" avoided by "in-time";
        lost_route: "lost-route" avoided by "audit";
        lost_write: "lost-write" avoided by "audit";
        overtaken_write: "overtaken-write" avoided by "audit";
        refused_write: "refused-write" avoided by "over-at-once";
        stale_bucket: "stale-bucket" avoided by "audit";
        stale_family: "stale-family" avoided by "audit";
        stale_member: "stale-member" avoided by "audit";
        stale_return: "stale-return" avoided by "audit";
        stale_worker: "stale-worker" avoided by "audit";
    }
}

mod dataforest_plan {
    library! {
        "scenarios/dataforest-plan" told by "docs/dataforest-plan.md";
        digests: [];
        lag_to_ecmp: "lag-to-ecmp" spoiled by "at-once";
        mtu_change: "mtu-change" avoided by "drain-first";
        pop_lost: "pop-lost" avoided by "two-pops";
    }
}

impl Library {
    fn file(&self, name: &str) -> PathBuf {
        workspace().join(self.folder).join(format!("{name}.yml"))
    }

    fn every_file_is_tested(&self) {
        let folder = std::fs::read_dir(workspace().join(self.folder)).expect("the library is there");
        let files: BTreeSet<String> = folder
            .map(|entry| entry.expect("the library can be read").path())
            .map(|path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned())
            .collect();
        assert_eq!(files, self.names.iter().map(|name| (*name).to_owned()).collect());
    }

    fn teaches_something(&self) {
        for name in self.names {
            let source = Source::read(self.file(name)).expect("the file is there");
            let scenario = story::check(&source).unwrap_or_else(|error| panic!("{}", error.render()));
            assert_eq!(scenario.name, *name, "a file is called as its scenario is");
            assert!(scenario.lesson.is_some(), "{name}");
        }
    }

    fn logs_what_it_did(&self) {
        let digest = |name: &'static str| (name, run(&read(self, name, None)).digest);
        let now: Vec<_> = self.digests.iter().map(|(name, _)| digest(name)).collect();
        let then: Vec<_> = self.digests.iter().map(|(name, digest)| (*name, (*digest).to_owned())).collect();
        assert_eq!(now, then);
    }

    /// The page's prose, and its code blocks.
    fn page(&self) -> (String, Vec<String>) {
        let text = std::fs::read_to_string(workspace().join(self.page)).expect("the page is there");
        let (mut prose, mut blocks) = (String::new(), Vec::new());
        for (index, part) in text.split("\n```").enumerate() {
            match index % 2 {
                0 => prose.push_str(part),
                // Its first line says which language it is in.
                _ => blocks.push(part.split_once('\n').map_or("", |(_, block)| block).to_owned()),
            }
        }
        (prose, blocks)
    }

    fn page_has_a_section_for_every_file(&self) {
        let (prose, _) = self.page();
        let sections: BTreeSet<&str> = prose.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        let titles: Vec<String> = self.names.iter().map(|name| read(self, name, None).title).collect();
        assert_eq!(sections, titles.iter().map(String::as_str).collect());
    }

    /// Every command of the page does what the page says: it runs, and each line that the page shows of its output is there.
    fn page_shows_what_is_printed(&self) {
        let (page, (_, blocks)) = (self.page, self.page());
        let mut replayed = BTreeSet::new();
        for block in blocks {
            let mut output: Option<String> = None;
            for line in block.lines().filter(|line| !line.is_empty()) {
                if let Some(words) = line.strip_prefix("$ greylag ") {
                    output = Some(succeed(&words.split(' ').map(in_workspace).collect::<Vec<_>>()));
                    replayed.extend(words.strip_prefix("replay ").map(str::to_owned));
                } else if let Some(output) = &output {
                    assert!(
                        output.contains(line),
                        "{page} shows a line that is not printed:\n{line}\n\nof\n{output}"
                    );
                }
            }
        }
        for name in self.names {
            let base = format!("{}/{name}.yml", self.folder);
            let of_it = replayed.iter().filter(|words| words.starts_with(&base)).count();
            assert!(
                replayed.contains(&base) && of_it > 1,
                "{page} replays {base}, and with a variant that avoids it"
            );
        }
    }
}

/// Standard output of a run that must succeed.
fn succeed(words: &[String]) -> String {
    let output = Command::new(program()).args(words).output().expect("the program runs");
    let text = String::from_utf8(output.stdout).expect("the program prints UTF-8");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "greylag {}: {}\n{text}{errors}", words.join(" "), output.status);
    text
}

/// Paths on the page are from the top of the tree.
fn in_workspace(word: &str) -> String {
    match Path::new(word).starts_with("scenarios") {
        true => workspace().join(word).display().to_string(),
        false => word.to_owned(),
    }
}
