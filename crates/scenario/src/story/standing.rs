//! How well something is known, and who says so.

use super::Standing;
use crate::field::{Field, Mapping};
use crate::phrase::quoted;

const STANDINGS: &[(&str, Standing)] =
    &[("logged", Standing::Logged), ("documented", Standing::Documented), ("assumed", Standing::Assumed)];

/// `standing` and `source` of a parameter, step or expectation.
pub(super) fn read(map: &Mapping<'_>) -> (Standing, Option<String>) {
    let written = map.get("standing").map(|field| field.word("a standing", STANDINGS));
    let source = map.get("source").and_then(line);
    if written == Some(Some(Standing::Documented)) {
        map.required("source", "what is documented says where, such as `source: RFC 826`");
    }
    (written.flatten().unwrap_or(Standing::Assumed), source)
}

/// A text for people. It becomes one line, however the file breaks it.
pub(super) fn line(field: &Field<'_>) -> Option<String> {
    let text = field.text()?.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() || text.chars().any(char::is_control) {
        field.refuse(format!("{} is not right: expected a line of text", quoted(&text)));
        return None;
    }
    Some(text)
}
