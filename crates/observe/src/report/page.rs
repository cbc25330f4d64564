//! The page: what is shown, and what shows it, in one file.

use super::Report;

const FRAME: &str = include_str!("page/frame.html");
const STYLE: &str = include_str!("page/style.css");
/// In the order in which they need each other.
const SCRIPTS: &[&str] = &[
    include_str!("page/data.js"),
    include_str!("page/moment.js"),
    include_str!("page/traffic.js"),
    include_str!("page/timeline.js"),
    include_str!("page/network.js"),
    include_str!("page/reach.js"),
    include_str!("page/lists.js"),
    include_str!("page/start.js"),
];

/// Joins frame, style, data and scripts.
pub(super) fn page(report: &Report) -> String {
    let data = serde_json::to_string(report).expect("text and numbers can be written");
    // No text may end the element that it stands in.
    let data = data.replace('<', "\\u003c");
    let title = report.title.replace('&', "&amp;").replace('<', "&lt;");
    let scripts = SCRIPTS.concat();
    let mut page = String::with_capacity(FRAME.len() + STYLE.len() + data.len() + scripts.len());
    for (index, piece) in FRAME.split("@@").enumerate() {
        // Every second piece is the name of what stands there.
        page += match (index % 2, piece) {
            (0, text) => text,
            (_, "title") => &title,
            (_, "style") => STYLE,
            (_, "data") => &data,
            (_, "script") => &scripts,
            (_, other) => unreachable!("the frame asks for {other}"),
        };
    }
    page
}
