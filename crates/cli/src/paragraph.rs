//! The one way to break text into lines.

/// The width of a terminal that everybody has.
pub(crate) const WIDTH: usize = 80;

/// Breaks a text at spaces so that it fits; all lines but the first begin with `indent` spaces. A word that is longer than
/// a line stays whole.
pub(crate) fn wrap(text: &str, indent: usize) -> String {
    let mut out = String::new();
    let mut column = 0;
    for (index, word) in text.split(' ').enumerate() {
        let length = word.chars().count();
        if column > indent && column + 1 + length > WIDTH {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            column = indent;
        } else if index > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_and_words_stay_whole() {
        let words = ["word"; 40].join(" ");
        let text = wrap(&format!("lead   {words}"), 7);
        assert!(text.lines().count() > 2);
        assert!(text.lines().all(|line| line.len() <= WIDTH));
        assert!(text.lines().skip(1).all(|line| line.starts_with("       word")));
        assert_eq!(wrap("    a", 6), "    a\n");
        let long = "x".repeat(200);
        assert_eq!(wrap(&format!("abc {long} b"), 2), format!("abc\n  {long}\n  b\n"));
    }
}
