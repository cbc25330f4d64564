//! Switch files that are wrong, and every word that is said about them.

use greylag_scenario::{Source, switch};

/// What is wrong, the text, and the lines that are printed for it without the file's name.
pub(crate) type Case = (&'static str, &'static str, &'static [&'static str]);

/// The file that `file` makes of each text is refused in those words.
pub(crate) fn check(cases: &[Case], file: impl Fn(&str) -> String) {
    for (what, text, expected) in cases {
        let error = switch::parse(&Source::new("x.yml", file(text))).expect_err(what).to_string();
        let expected: Vec<String> = expected.iter().map(|line| format!("x.yml:{line}")).collect();
        assert_eq!(error.lines().collect::<Vec<_>>(), expected, "{what}");
    }
}
