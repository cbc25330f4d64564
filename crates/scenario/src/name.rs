use crate::field::Field;
use crate::phrase::quoted;
use greylag_base::PortName;

/// Longest name of a lab, a node, a switch or a VLAN, in characters. A network namespace is a file called
/// after lab and node, so that both together have to stay far below 255 bytes.
const LONGEST: usize = 32;

/// Checks the name of a node or of a switch.
pub(crate) fn node_name(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    check(name, allowed, "letters, digits, `_` and `-`")
}

/// Checks the name of a lab.
pub(crate) fn lab_name(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    check(name, allowed, "lower-case letters, digits and `-`")
}

fn check(name: &str, allowed: impl Fn(char) -> bool, expected: &str) -> Result<(), String> {
    let length = name.chars().count();
    let why = match name.chars().find(|&c| !allowed(c)) {
        Some(c) => format!("may not have {}", quoted(c.encode_utf8(&mut [0; 4]))),
        None if length == 0 => "is empty".to_owned(),
        None if length > LONGEST => format!("has {length} characters"),
        None => return Ok(()),
    };
    Err(format!("the name {} {why}: expected 1 to {LONGEST} {expected}", quoted(name)))
}

/// A name for people: anything that stays on its line.
pub(crate) fn free_name(field: &Field<'_>) -> Option<String> {
    let name = field.text()?;
    let length = name.chars().count();
    if length == 0 || length > LONGEST || name.chars().any(char::is_control) {
        field.refuse(format!(
            "the name {} is not right: expected 1 to {LONGEST} printable characters",
            quoted(name)
        ));
        return None;
    }
    Some(name.to_owned())
}

/// The name of an interface that a link or a TAP makes.
pub(crate) fn interface_name(name: &str) -> Result<PortName, String> {
    if name == "lo" {
        return Err(
            "`lo` is the loopback, which every namespace has already: expected a name such as eth1".into()
        );
    }
    // A long name would drag its control characters into the message.
    if name.chars().any(char::is_control) {
        return Err(format!("{} is not an interface name: it has a control character", quoted(name)));
    }
    PortName::new(name).map_err(|wrong| wrong.to_string())
}
