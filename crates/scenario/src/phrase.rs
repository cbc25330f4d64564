//! How messages quote what is in a file.

use crate::yaml::Value;

/// A text of the user between backticks, on one line and of bearable length.
pub(crate) fn quoted(text: &str) -> String {
    format!("`{}`", shown(text))
}

/// A text of the user, on one line and of bearable length.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for (count, c) in text.chars().enumerate() {
        match c {
            _ if count == 60 => {
                shown.push('…');
                break;
            }
            c if c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}

/// What was found where something else was expected.
pub(crate) fn found(value: &Value) -> String {
    match value {
        Value::Nothing => "nothing".into(),
        Value::Boolean(value) => format!("`{value}`"),
        Value::Integer(value) => format!("the number {value}"),
        Value::Real(value) => format!("the number {value}"),
        Value::Text(text) => format!("the text {}", quoted(text)),
        Value::List(_) => "a list".into(),
        Value::Mapping(_) => "a mapping".into(),
    }
}

/// `a, b, c`, cut after a dozen.
pub(crate) fn listed<'t>(items: impl IntoIterator<Item = &'t str>) -> String {
    let items: Vec<&str> = items.into_iter().collect();
    let mut text = items[..items.len().min(12)].join(", ");
    if items.len() > 12 {
        text.push_str(&format!(" and {} more", items.len() - 12));
    }
    text
}

/// `a, b or c`.
pub(crate) fn either<'t>(items: impl IntoIterator<Item = &'t str>) -> String {
    let items: Vec<&str> = items.into_iter().collect();
    match items.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// `1 port`, `2 ports`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
