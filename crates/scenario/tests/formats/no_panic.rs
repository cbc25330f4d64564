//! Whatever is in a file, the answer is a value or an error that points into it.

use greylag_scenario::story::{self, Choice};
use greylag_scenario::{FileError, Source, lab, switch};
use proptest::prelude::*;
use std::path::Path;

const EXAMPLES: [&str; 5] = [
    "../../labs/bundle.clab.yml",
    "../../labs/quickstart.clab.yml",
    "../../labs/trunk.clab.yml",
    "../../labs/switch.yml",
    "tests/formats/stories/agent-dies.yml",
];

fn example(index: usize) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(EXAMPLES[index]);
    // Without the comments, so that more of the mutations hit something.
    let text = std::fs::read_to_string(path).unwrap();
    let bare = text.lines().map(|line| line.split(" #").next().unwrap_or_default());
    bare.filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| format!("{line}\n"))
        .collect()
}

fn read_all(text: &str) {
    let source = Source::new("mutated.yml", text);
    let choice = Choice {
        variant: Some("inline".to_owned()),
        assume: vec![("ageing".to_owned(), text.chars().take(20).collect())],
    };
    let errors = [
        switch::parse(&source).err(),
        lab::parse(&source).err(),
        story::check(&source).err(),
        story::parse(&source, &choice).err(),
    ];
    for error in errors.into_iter().flatten() {
        judge(&error);
    }
}

fn judge(error: &FileError) {
    assert!(!error.problems().is_empty());
    let rendered = error.render();
    for problem in error.problems() {
        assert!(rendered.contains(&problem.to_string()));
        assert!(!problem.message.contains('\n'), "one line: {problem}");
        assert!(problem.line.is_none_or(|line| line > 0) && problem.column.is_none_or(|column| column > 0));
    }
}

/// Words that mean something somewhere, and characters that mean something to YAML.
const WORDS: &[&str] = &[
    "",
    "~",
    "{}",
    "[]",
    "[",
    "}",
    ":",
    ": ",
    "- ",
    "&a ",
    "*a",
    "<<: *a",
    "!!int ",
    "? ",
    "|\n",
    "\"",
    "'",
    "#",
    "\t",
    "\r",
    "\0",
    "\u{feff}",
    "ä",
    "-1",
    "0",
    "4095",
    "99999999999999999999",
    "1e400",
    ".nan",
    "true",
    "eth1",
    "lo",
    "lag",
    "ae0",
    "2.5G",
    "aggregate-id: ae0",
    "TRUNK",
    "tap",
    "1..4094",
    "9..1",
    "..",
    "host",
    "sw1:",
    ":eth1",
    "10.0.0.1/24",
    "::/0",
    "0x2",
    "500ms",
    "startup-config: .",
    "endpoints: []",
    "ports: {}",
    "$ageing",
    "$",
    "null",
    "13:27:45",
    "23:59:60",
    "10G",
    "0.5",
    "all",
    "sw1",
    "sw1:eth1",
    "timeline: {crash: null}",
    "patch: {}",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_file_cut_short(index in 0..EXAMPLES.len(), share in 0.0..1.0f64) {
        let text = example(index);
        let end = text.char_indices().map(|(at, _)| at).nth((text.chars().count() as f64 * share) as usize);
        read_all(&text[..end.unwrap_or(text.len())]);
    }

    #[test]
    fn words_put_in_or_in_place_of_others(
        index in 0..EXAMPLES.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..12usize, prop::sample::select(WORDS)), 1..5),
    ) {
        let mut text: Vec<char> = example(index).chars().collect();
        for (at, removed, word) in changes {
            let begin = at.index(text.len() + 1);
            let end = (begin + removed).min(text.len());
            text.splice(begin..end, word.chars());
        }
        read_all(&text.into_iter().collect::<String>());
    }

    #[test]
    fn values_in_place_of_others(
        index in 0..EXAMPLES.len(),
        line in any::<prop::sample::Index>(),
        word in prop::sample::select(WORDS),
    ) {
        let text = example(index);
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let line = line.index(lines.len());
        let key = lines[line].split_once(": ").map(|(key, _)| format!("{key}: {word}"));
        lines[line] = key.unwrap_or_else(|| word.to_owned());
        read_all(&lines.join("\n"));
    }

    #[test]
    fn lines_out_of_order(index in 0..EXAMPLES.len(), from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>()) {
        let text = example(index);
        let mut lines: Vec<&str> = text.lines().collect();
        let line = lines.remove(from.index(lines.len()));
        lines.insert(to.index(lines.len() + 1), line);
        read_all(&lines.join("\n"));
    }

    #[test]
    fn any_text(text in "\\PC{0,200}") {
        read_all(&text);
    }
}
