//! Prometheus as tests run it, and what the dashboard of `tools/monitoring` asks of it.

use crate::workspace;
use serde_json::Value;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A Prometheus, killed with the value.
pub struct Prometheus(Child);

impl Prometheus {
    /// Starts one that is asked at a port of the loopback, with the text of its configuration; that and its data are in `folder`, the data
    /// in `data`.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(folder: &Path, config: &str, port: u16) -> Self {
        let file = folder.join("prometheus.yml");
        std::fs::write(&file, config).expect("the configuration is written");
        let mut prometheus = Command::new("prometheus");
        prometheus
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            // What a replay wrote is of 1970.
            .arg("--storage.tsdb.retention.time=100y")
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Prometheus(prometheus.spawn().expect("prometheus starts"))
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The dashboard, as Grafana would read it.
///
/// # Panics
/// When it is not there, or not JSON.
pub fn dashboard() -> Value {
    let file = workspace().join("tools/monitoring/dashboard.json");
    let text = std::fs::read_to_string(file).expect("the dashboard is there");
    serde_json::from_str(&text).expect("it is JSON")
}

/// Every question of the dashboard, with the title of its panel, as Grafana would ask it of all switches.
///
/// # Panics
/// When a panel has no title, or a question no expression.
pub fn questions(dashboard: &Value) -> Vec<(String, String)> {
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().flat_map(|panel| {
        let title = panel["title"].as_str().expect("a title");
        panel["targets"].as_array().into_iter().flatten().map(move |target| (title, target))
    });
    let question = |(title, target): (&str, &Value)| {
        let expression = target["expr"].as_str().expect("an expression");
        (title.to_owned(), expression.replace("$__rate_interval", "1m").replace("$instance", ".*"))
    };
    targets.map(question).collect()
}
