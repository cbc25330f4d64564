//! From the text of a scenario to its value: the variant is laid over the base, parameters are put in place, and
//! then the tree is read.

use super::cast::Cast;
use super::clock::{Clock, time_of_day};
use super::expect::{self, Stage};
use super::parameters::{self, Setting};
use super::variants::{self, Variant};
use super::{Choice, Lesson, Scenario, flows, matrix, standing, timeline, versions, watch};
use crate::error::{FileError, Problem};
use crate::field::{Document, Field, Mapping};
use crate::keys::Keys;
use crate::lab::{Form, read_topology};
use crate::name::lab_name;
use crate::phrase::shown;
use crate::source::Source;
use crate::time_span::{LONGEST, SHORTEST, time_span};
use greylag_base::Seed;
use std::time::Duration;

const EXAMPLE: &str = "`name: agent-dies`, `duration: 12m`, `topology: {nodes: .., links: ..}`";

const KEYS: Keys = Keys {
    allowed: &[
        "name",
        "title",
        "lesson",
        "seed",
        "start",
        "duration",
        "parameters",
        "topology",
        "flows",
        "versions",
        "timeline",
        "pollers",
        "expect",
        "checkers",
        "violations",
        "variants",
        "matrix",
    ],
    explained: &[
        (&["nodes", "links"], "belongs below `topology`: indent it"),
        (&["expectations"], "is written `expect`"),
        (&["steps", "events", "actions"], "is written `timeline`"),
    ],
};
const LESSON_KEYS: Keys = Keys::of(&["cause", "seen", "notice", "avoid"]);

/// Reads a scenario with one variant and one set of assumptions in place.
pub(super) fn read(source: &Source, choice: &Choice) -> Result<Scenario, FileError> {
    let written = Document::read(source)?;
    let root = written.root();
    if !is_scenario(&root) {
        return Err(FileError::of(written.into_problems()).expect("it was told what is wrong"));
    }
    let mut problems = Vec::new();
    let variants = variants::read(&root);
    parameters::check_use(&root);
    let matrix = matrix::read(&root);
    let chosen = choice.variant.as_ref().map(|name| {
        let cell = matrix.as_ref().and_then(|matrix| matrix.cell(name));
        let variant = || {
            let found = variants.iter().find(|variant| variant.name == name);
            found
                .map(|variant| variant.patch.iter().collect())
                .ok_or_else(|| variants::unknown(name, &variants))
        };
        cell.unwrap_or_else(variant).unwrap_or_else(|wrong| {
            let message = format!("--variant {}: {wrong}", shown(name));
            problems.push(Problem::new(source.path(), None, String::new(), message));
            Vec::new()
        })
    });
    let patched = Document::of(source, variants::applied(&written, &chosen.unwrap_or_default()));
    let settings = parameters::read(&patched.root(), &choice.assume, source, &mut problems);
    let complete = Document::of(source, put_in_place(&patched.root(), &settings));
    let known: Vec<(String, String)> =
        variants.iter().map(|Variant { name, title, .. }| ((*name).to_owned(), title.clone())).collect();
    let mut elsewhere = Vec::new();
    let scenario = read_tree(&complete.root(), source, &mut elsewhere);
    let of_cells = matrix.as_ref().map(|matrix| matrix.finish(&scenario));
    drop((root, variants, matrix));
    for mut found in [written.into_problems(), patched.into_problems(), complete.into_problems(), elsewhere] {
        problems.append(&mut found);
    }
    problems.sort_by_key(|problem| {
        (problem.path != source.path().display().to_string(), problem.line, problem.column)
    });
    let scenario = Scenario {
        parameters: settings.into_iter().map(|setting| setting.parameter).collect(),
        variants: known,
        variant: choice.variant.clone(),
        matrix: of_cells,
        ..scenario
    };
    FileError::unless_clean(scenario, problems)
}

/// Tells the other kinds of files, so that nobody reads a list of keys that are missing.
fn is_scenario(root: &Field<'_>) -> bool {
    if root.is_nothing() {
        root.refuse(format!("the file is empty: expected a scenario such as {EXAMPLE}"));
    } else if root.has("ports") && !root.has("topology") {
        root.refuse(
            "this is a switch's configuration: expected a scenario with `topology` and `duration`, or `greylag run` \
             for one switch",
        );
    } else if root.has("topology") && !["duration", "timeline", "expect"].iter().any(|key| root.has(key)) {
        root.refuse(
            "this is a lab: expected a scenario with a `duration`, or `greylag lab deploy` for a lab",
        );
    } else {
        return true;
    }
    false
}

/// The tree with `$name` replaced everywhere but where parameters are told.
fn put_in_place(root: &Field<'_>, settings: &[Setting]) -> crate::yaml::Node {
    let mut node = root.node().clone();
    if let crate::yaml::Value::Mapping(entries) = &mut node.value {
        for ((key, value), (_, field)) in entries.iter_mut().zip(root.every_named_child()) {
            if key.text != "parameters" {
                *value = parameters::substituted(&field, settings);
            }
        }
    }
    node
}

fn read_tree(root: &Field<'_>, source: &Source, elsewhere: &mut Vec<Problem>) -> Scenario {
    let mut scenario = Scenario::blank();
    let Some(map) = root.mapping(&KEYS, EXAMPLE) else { return scenario };
    if let Some((field, name)) = map
        .required("name", "add one such as `name: agent-dies`")
        .and_then(|field| Some((field, field.text()?)))
    {
        lab_name(name).unwrap_or_else(|wrong| field.refuse(wrong));
        scenario.name = name.to_owned();
    }
    let title = map.required("title", "say in a line what happens");
    scenario.title = title.and_then(standing::line).unwrap_or_default();
    scenario.lesson = map.get("lesson").and_then(read_lesson);
    scenario.seed = map.get("seed").and_then(read_seed).unwrap_or(Seed(1));
    scenario.start = map.get("start").and_then(time_of_day).unwrap_or_default();
    let duration = map.required("duration", "say how long it runs, such as `duration: 12m`");
    let duration = duration.and_then(|field| time_span(field, "duration", SHORTEST..=LONGEST));
    scenario.duration = duration.unwrap_or(LONGEST);
    let topology = map.required("topology", "add `topology: {nodes: .., links: ..}`");
    let Some(topology) = topology else { return scenario };
    let topology = read_topology(topology, Form::Scenario, &scenario.name, source, elsewhere);
    let clock = Clock { start: scenario.start, end: scenario.duration };
    read_parts(&mut scenario, &map, Cast { topology: &topology, clock, versions: Vec::new() });
    scenario.lab = topology.lab;
    scenario.hosts = topology.hosts;
    scenario.boots = topology.boots;
    scenario.links = topology.links;
    scenario
}

/// What refers to nodes and links.
fn read_parts(scenario: &mut Scenario, map: &Mapping<'_>, mut cast: Cast<'_>) {
    scenario.versions = versions::read(map.get("versions"), &cast);
    cast.versions.clone_from(&scenario.versions);
    let cast = &cast;
    scenario.flows = flows::read(map.get("flows"), cast);
    scenario.timeline = timeline::read(map.get("timeline"), cast);
    scenario.pollers = watch::pollers(map.get("pollers"), cast);
    let stage = Stage { cast, flows: &scenario.flows, pollers: &scenario.pollers };
    let expectations = expect::read(map.get("expect"), &stage);
    scenario.expectations = expectations;
    scenario.checkers = watch::limits(map.get("checkers"));
    scenario.violations = watch::violations(map.get("violations"), cast);
}

fn read_lesson(field: &Field<'_>) -> Option<Lesson> {
    let map = field.mapping(&LESSON_KEYS, "{cause: .., seen: .., notice: .., avoid: ..}")?;
    let part = |key, advice| map.required(key, advice).and_then(standing::line);
    let (cause, seen) = (part("cause", "say what goes wrong"), part("seen", "say what a user sees"));
    let (notice, avoid) = (part("notice", "say how to notice it"), part("avoid", "say how to avoid it"));
    Some(Lesson { cause: cause?, seen: seen?, notice: notice?, avoid: avoid? })
}

fn read_seed(field: &Field<'_>) -> Option<Seed> {
    field.number("seed", 0..=i128::from(u64::MAX)).map(Seed)
}

impl Scenario {
    /// One of which nothing is known yet.
    fn blank() -> Self {
        Scenario {
            name: String::new(),
            title: String::new(),
            lesson: None,
            lab: crate::lab::Lab { name: String::new(), nodes: Vec::new(), links: Vec::new() },
            hosts: Vec::new(),
            boots: Vec::new(),
            links: Vec::new(),
            seed: Seed(1),
            start: Duration::ZERO,
            duration: Duration::ZERO,
            parameters: Vec::new(),
            flows: Vec::new(),
            versions: Vec::new(),
            timeline: Vec::new(),
            pollers: Vec::new(),
            expectations: Vec::new(),
            checkers: super::CheckerLimits::default(),
            violations: Vec::new(),
            variants: Vec::new(),
            variant: None,
            matrix: None,
        }
    }
}
